// Package workflows has workflows on Amazon Bedrock that are ready to be used, and to be
// read as examples of the builder.
//
// Each folder has a package with the definition in Go, and what follows from it: the
// definition as the service takes it (workflow.asl.json), an input (input.json), answers
// for a run without an account (responses.json, a mock configuration as Step Functions
// Local reads it) and the policy that the workflow needs (policy.json). A test keeps them
// equal; go test ./workflows -update writes them again.
//
// The answers were written for these examples, in the shape that the documents of the
// models show: no model has said them.
package workflows

import (
	"github.com/sfnkit/sfnkit/asl"
	"github.com/sfnkit/sfnkit/workflows/finetune"
	"github.com/sfnkit/sfnkit/workflows/manydocs"
	"github.com/sfnkit/sfnkit/workflows/promptchain"
)

// Definitions returns the workflows by the names of their folders.
func Definitions() map[string]*asl.Definition {
	return map[string]*asl.Definition{
		"promptchain": promptchain.Definition(),
		"finetune":    finetune.Definition(),
		"manydocs":    manydocs.Definition(),
	}
}
