// Package unsealed gives a string for a payload.
package unsealed // want "cannot use .* as bedrock.Payload value"

import "github.com/sfnkit/sfnkit/asl/bedrock"

var _ = bedrock.InvokeModel("Ask", bedrock.ModelID("amazon.nova-lite-v1:0"), "s3://bucket/key")
