package emulator

import (
	"io"
	"strings"

	"github.com/sfnkit/sfnkit/asl"
	"github.com/sfnkit/sfnkit/asl/value"
)

// maxManifest bounds a manifest, which is held as a whole, in bytes.
const maxManifest = 32 << 20

// manifest opens the data files that a manifest names: that of an S3 inventory report
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-inventory-location.html) or
// that of an UNLOAD by Athena, which is a list of s3:// addresses, one a line.
func (o *dataSet) manifest(bucket, key string) (ItemReader, *Error) {
	t, e := o.text(bucket, key)
	if e != nil {
		return nil, e
	}
	defer t.Close()
	text, err := io.ReadAll(io.LimitReader(t.r, maxManifest+1))
	switch {
	case err != nil:
		return nil, unreadable("the manifest s3://%s/%s: %v", bucket, key, err)
	case len(text) > maxManifest:
		return nil, unreadable("the manifest s3://%s/%s has more than %d bytes", bucket, key, maxManifest)
	}
	if o.config.ManifestType == "ATHENA_DATA" {
		return o.athena(string(text))
	}
	v, err := value.Parse(text)
	if err != nil {
		return nil, unreadable("the manifest s3://%s/%s is not JSON: %v", bucket, key, err)
	}
	return o.inventory(v)
}

// places gives the places in a list one after the other.
func places(list [][2]string) func() (string, string, error) {
	return func() (string, string, error) {
		if len(list) == 0 {
			return "", "", io.EOF
		}
		p := list[0]
		list = list[1:]
		return p[0], p[1], nil
	}
}

func nothing() error { return nil }

func (o *dataSet) athena(text string) (ItemReader, *Error) {
	var files [][2]string
	for line := range strings.Lines(text) {
		line = strings.Trim(strings.TrimSpace(line), `"`)
		if line == "" {
			continue
		}
		bucket, key, ok := parseS3URI(line)
		if !ok {
			return nil, unreadable("the manifest has %q where an S3 address should be", line)
		}
		files = append(files, [2]string{bucket, key})
	}
	return &flattened{set: o, next: places(files), close: nothing}, nil
}

func parseS3URI(s string) (bucket, key string, ok bool) {
	rest, ok := strings.CutPrefix(s, "s3://")
	bucket, key, found := strings.Cut(rest, "/")
	return bucket, key, ok && found && bucket != "" && key != ""
}

// inventory gives the rows of an S3 inventory report, as objects of strings under the
// names in the manifest's fileSchema. Data files are CSV without headers, compressed, or
// Parquet, which has names and types of its own.
func (o *dataSet) inventory(v value.Value) (ItemReader, *Error) {
	bucket := v.Get("destinationBucket").Str()
	if i := strings.LastIndexByte(bucket, ':'); i >= 0 { // arn:aws:s3:::name
		bucket = bucket[i+1:]
	}
	format, schema := v.Get("fileFormat").Str(), v.Get("fileSchema").Str()
	switch {
	case bucket == "" || schema == "" || !v.Get("files").IsArray():
		return nil, unreadable("the manifest is not that of an S3 inventory report: it needs destinationBucket, fileSchema and files")
	case format != "CSV" && format != "Parquet":
		return nil, unreadable("inventory reports in the format %q cannot be read, only CSV and Parquet", format)
	}
	var headers []string
	for h := range strings.SplitSeq(schema, ",") {
		headers = append(headers, strings.TrimSpace(h))
	}
	var files [][2]string
	for _, f := range v.Get("files").Elems() {
		key := f.Get("key").Str()
		if key == "" {
			return nil, unreadable("the manifest names a file without a key")
		}
		files = append(files, [2]string{bucket, key})
	}
	cfg := &asl.ReaderConfig{InputType: "CSV", CSVHeaderLocation: "GIVEN", CSVHeaders: headers}
	if format == "Parquet" {
		cfg = &asl.ReaderConfig{InputType: "PARQUET"}
	}
	rows := &dataSet{ctx: o.ctx, store: o.store, config: cfg}
	return &flattened{set: rows, next: places(files), close: nothing}, nil
}
