// Package nilpayload asks a model with nil.
package nilpayload // want "cannot use nil as bedrock.Payload value"

import "github.com/sfnkit/sfnkit/asl/bedrock"

var _ = bedrock.InvokeModel("Ask", bedrock.ModelID("amazon.nova-lite-v1:0"), nil)
