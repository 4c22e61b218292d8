// Package literal makes a payload by itself.
package literal // want "unknown field uri in struct literal|cannot refer to unexported field uri"

import "github.com/sfnkit/sfnkit/asl/bedrock"

var _ = bedrock.InvokeModel("Ask", bedrock.ModelID("amazon.nova-lite-v1:0"), bedrock.Payload{body: 1, uri: "s3://bucket/key"})
