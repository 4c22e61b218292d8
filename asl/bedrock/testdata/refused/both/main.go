// Package both asks a model with a body and an object in S3.
package both // want "cannot use bedrock.S3Input"

import "github.com/sfnkit/sfnkit/asl/bedrock"

var _ = bedrock.InvokeModel("Ask", bedrock.ModelID("amazon.nova-lite-v1:0"), bedrock.Body(nil), bedrock.S3Input("s3://bucket/key"))
