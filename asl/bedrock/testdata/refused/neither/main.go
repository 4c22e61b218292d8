// Package neither asks a model with nothing.
package neither // want "not enough arguments in call to bedrock.InvokeModel"

import "github.com/sfnkit/sfnkit/asl/bedrock"

var _ = bedrock.InvokeModel("Ask", bedrock.ModelID("amazon.nova-lite-v1:0"))
