package emulator

// parquet says that Parquet cannot be read.
func (o *dataSet) parquet(bucket, key string) (ItemReader, *Error) {
	return nil, unreadable("the object s3://%s/%s: Parquet cannot be read here; give the data set as JSONL or CSV", bucket, key)
}
