// Package accepted asks models with a body and with an object in S3, which shows that
// what the folders beside it are refused for is their payload.
package accepted

import "github.com/sfnkit/sfnkit/asl/bedrock"

var (
	_ = bedrock.InvokeModel("Ask", bedrock.ModelID("amazon.nova-lite-v1:0"), bedrock.Body(nil))
	_ = bedrock.InvokeModel("Ask", bedrock.ModelID("amazon.nova-lite-v1:0"), bedrock.S3Input("s3://bucket/key"))
)
