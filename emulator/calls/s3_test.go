package calls_test

import (
	"strings"
	"testing"

	"github.com/sfnkit/sfnkit/emulator"
	"github.com/sfnkit/sfnkit/emulator/calls"
)

func s3Bucket(t *testing.T, objects ...string) *calls.MemoryStore {
	s := calls.NewMemoryStore(noon)
	s.CreateBucket("b")
	for i := 0; i < len(objects); i += 3 {
		if err := s.Put(t.Context(), "b", objects[i], objects[i+1], strings.NewReader(objects[i+2])); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func TestS3(t *testing.T) {
	store := s3Bucket(t, "a/1", "", "one", "a/2", "text/plain", "\xFFtwo", "a/x/3", "", "", "b", "", "")
	c := calls.S3(store, echo)
	const ids = `Request ID: 39B9A23E423E0513, Extended Request ID: v5jO3jS8QmycjB1uqSdMuIi+3x0JiSkI)`
	object := func(name string) string {
		return `{"ETag":"\"` + mustInfo(t, store, "b", name).ETag + `\"","Key":"` + name + `","LastModified":"2026-05-01T12:00:00Z","Size":` +
			map[string]string{"a/1": "3", "a/2": "4", "a/x/3": "0", "b": "0"}[name] + `,"StorageClass":"STANDARD"}`
	}
	for _, test := range []struct{ action, parameters, want string }{
		{"getObject", `{"Bucket": "b", "Key": "a/1"}`, `{"AcceptRanges":"bytes","ContentLength":3,"ContentType":"binary/octet-stream","ETag":"\"f97c5d29941bfb1b2fdab0874906ab82\"",` +
			`"LastModified":"2026-05-01T12:00:00Z","Metadata":{},"ServerSideEncryption":"AES256","Body":"one"}`},
		{"getObject", `{"Bucket": "b", "Key": "none"}`, `error {"Error":"S3.NoSuchKeyException","Cause":"The specified key does not exist. (Service: S3, Status Code: 404, ` + ids + `"}`},
		{"getObject", `{"Bucket": "c", "Key": "none"}`, `error {"Error":"S3.NoSuchBucketException","Cause":"The specified bucket does not exist (Service: S3, Status Code: 404, ` + ids + `"}`},
		{"getObject", `{"Bucket": "b"}`, `error {"Error":"S3.SdkClientException","Cause":"Key must be a string that is not empty"}`},
		{"headObject", `{"Bucket": "b", "Key": "a/2"}`, `{"AcceptRanges":"bytes","ContentLength":4,"ContentType":"text/plain","ETag":"\"` + mustInfo(t, store, "b", "a/2").ETag + `\"",` +
			`"LastModified":"2026-05-01T12:00:00Z","Metadata":{},"ServerSideEncryption":"AES256"}`},
		{"headObject", `{"Bucket": "b", "Key": "none"}`, `error {"Error":"S3.NoSuchKeyException","Cause":"null (Service: S3, Status Code: 404, ` + ids + `"}`},
		{"listObjectsV2", `{"Bucket": "b", "Prefix": "a/"}`, `{"Contents":[` + object("a/1") + `,` + object("a/2") + `,` + object("a/x/3") + `],"IsTruncated":false,"KeyCount":3,"MaxKeys":1000,"Name":"b","Prefix":"a/"}`},
		{"listObjectsV2", `{"Bucket": "b", "MaxKeys": 1, "StartAfter": "a/1"}`, `{"Contents":[` + object("a/2") + `],"IsTruncated":true,"KeyCount":1,"MaxKeys":1,"Name":"b","NextContinuationToken":"YS8y","Prefix":"","StartAfter":"a/1"}`},
		{"listObjectsV2", `{"Bucket": "b", "ContinuationToken": "YS8y"}`, `{"Contents":[` + object("a/x/3") + `,` + object("b") + `],"ContinuationToken":"YS8y","IsTruncated":false,"KeyCount":2,"MaxKeys":1000,"Name":"b","Prefix":""}`},
		{"listObjectsV2", `{"Bucket": "b", "Delimiter": "/"}`, `{"CommonPrefixes":[{"Prefix":"a/"}],"Contents":[` + object("b") + `],"Delimiter":"/","IsTruncated":false,"KeyCount":2,"MaxKeys":1000,"Name":"b","Prefix":""}`},
		{"listObjectsV2", `{"Bucket": "b", "Delimiter": "/", "MaxKeys": 1}`, `{"CommonPrefixes":[{"Prefix":"a/"}],"Delimiter":"/","IsTruncated":true,"KeyCount":1,"MaxKeys":1,"Name":"b","NextContinuationToken":"YS8=","Prefix":""}`},
		{"listObjectsV2", `{"Bucket": "b", "Delimiter": "/", "ContinuationToken": "YS8="}`, `{"Contents":[` + object("b") + `],"ContinuationToken":"YS8=","Delimiter":"/","IsTruncated":false,"KeyCount":1,"MaxKeys":1000,"Name":"b","Prefix":""}`},
		{"listObjectsV2", `{"Bucket": "b", "Prefix": "none"}`, `{"IsTruncated":false,"KeyCount":0,"MaxKeys":1000,"Name":"b","Prefix":"none"}`},
		{"putObject", `{"Bucket": "b", "Key": "new", "Body": "text data", "ContentType": "text/x"}`, `{"ChecksumCRC32":"KUmHvQ==","ChecksumType":"FULL_OBJECT","ETag":"\"2b5df3712557f503a9977a8ea893b2c9\"","ServerSideEncryption":"AES256"}`},
		{"putObject", `{"Bucket": "b", "Key": "new2", "Body": [1.0]}`, `{"ChecksumCRC32":"OTnmUw==","ChecksumType":"FULL_OBJECT","ETag":"\"84b7e6bf8e3cd674011866c606a8011d\"","ServerSideEncryption":"AES256"}`},
		{"deleteObject", `{"Bucket": "b", "Key": "a/1"}`, `{}`},
		{"getObject", `{"Bucket": "b", "Key": "a/2"}`, `{"AcceptRanges":"bytes","ContentLength":4,"ContentType":"text/plain","ETag":"\"` + mustInfo(t, store, "b", "a/2").ETag + `\"",` +
			`"LastModified":"2026-05-01T12:00:00Z","Metadata":{},"ServerSideEncryption":"AES256","Body":"` + "\uFFFD" + `two"}`},
		{"copyObject", `{}`, `["next",{}]`},
	} {
		equal(t, test.action+" "+test.parameters, call(t, c, request("S", "arn:aws:states:::aws-sdk:s3:"+test.action, test.parameters, 0)), test.want)
	}
	equal(t, "written", get(t, store, "b", "new"), `text/x "text data"`)
	equal(t, "written", get(t, store, "b", "new2"), `text/plain; charset=UTF-8 [1.0]`)
	equal(t, "deleted", get(t, store, "b", "a/1"), `no object`)
	equal(t, "another service", call(t, c, request("S", lambda, "{}", 0)), `["next",{}]`)
	equal(t, "a callback", call(t, c, request("S", "arn:aws:states:::aws-sdk:s3:putObject.waitForTaskToken", "{}", 0)), `["next",{}]`)
}

func TestBedrockS3(t *testing.T) {
	const invoke = "arn:aws:states:::bedrock:invokeModel"
	store := s3Bucket(t, "in.json", "application/json", `{"prompt": "hi"}`, "in.txt", "text/plain", "hello\xFF")
	const answer = `{"Body": {"text": "é", "n": 1.0}, "ContentType": "application/json"}`
	for _, test := range []struct {
		parameters string
		next       emulator.Caller
		want       string
		stored     string
	}{
		{`{"ModelId": "m", "Body": {"a": 1}}`, echo, `["next",{"ModelId":"m","Body":{"a":1}}]`, "no object"},
		{`{"ModelId": "m", "Input": {"S3Uri": "s3://b/in.json"}}`, echo, `["next",{"ModelId":"m","Body":{"prompt":"hi"},"ContentType":"application/json"}]`, "no object"},
		{`{"ModelId": "m", "ContentType": "x/y", "Input": {"S3Uri": "s3://b/in.txt"}}`, echo, `["next",{"ModelId":"m","ContentType":"x/y","Body":"hello` + "\uFFFD" + `"}]`, "no object"},
		{`{"ModelId": "m", "Body": {}, "Output": {"S3Uri": "s3://b/out"}}`, answering(answer), `{"Body":"s3://b/out","ContentType":"application/json"}`, `application/json {"text":"é","n":1.0}`},
		{`{"ModelId": "m", "Body": {}, "Output": {"S3Uri": "s3://b/out"}}`, answering(`{"Body": "s3://b/out", "ContentType": "application/json"}`), `{"Body":"s3://b/out","ContentType":"application/json"}`, `no object`},
		{`{"ModelId": "m", "Body": {}, "Output": {"S3Uri": "s3://b/out"}}`, failing("Bedrock.ThrottlingException", "slow"), `error {"Error":"Bedrock.ThrottlingException","Cause":"slow"}`, `no object`},
		{`{"ModelId": "m", "Body": {}, "Output": {"S3Uri": "b/out"}}`, answering(answer), `error {"Error":"Bedrock.ValidationException","Cause":"\"b/out\" is not the S3 URI of an object (s3://bucket/key)"}`, `no object`},
		{`{"ModelId": "m", "Input": {"S3Uri": "s3://b"}}`, echo, `error {"Error":"Bedrock.ValidationException","Cause":"\"s3://b\" is not the S3 URI of an object (s3://bucket/key)"}`, `no object`},
	} {
		equal(t, test.parameters, call(t, calls.BedrockS3(store, test.next), request("Ask", invoke, test.parameters, 0)), test.want)
		equal(t, test.parameters+": stored", get(t, store, "b", "out"), test.stored)
		store.Delete(t.Context(), "b", "out")
	}
	got := call(t, calls.BedrockS3(store, echo), request("Ask", invoke, `{"Input": {"S3Uri": "s3://b/none"}}`, 0))
	if !strings.HasPrefix(got, `error {"Error":"S3.NoSuchKeyException"`) {
		t.Error(got)
	}
	equal(t, "another action", call(t, calls.BedrockS3(store, echo), request("Ask", train, `{"Input": {}}`, 0)), `["next",{"Input":{}}]`)
}
