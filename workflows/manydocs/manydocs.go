// Package manydocs is a workflow that summarises many documents.
//
// No more than [MaxConcurrency] documents are worked on at the same time, so that the
// quota of the account is not used up at once. A call that is throttled is repeated, each
// time after a longer and random time; a document that still gets no answer goes to
// another model, whose quota is its own.
//
// Input is {"documents": [{"id", "text"}, ...]}; output is the array of {"id", "model",
// "summary"} in the same order.
package manydocs

import (
	"github.com/sfnkit/sfnkit/asl"
	"github.com/sfnkit/sfnkit/asl/bedrock"
)

// MaxConcurrency is how many documents are worked on at the same time.
const MaxConcurrency = 3

// Definition describes the workflow.
func Definition() *asl.Definition {
	prompt := asl.States.Format("Summarise the following text in one sentence.\n\n{}", asl.Path("$.text"))
	summary := func(name, id string, request bedrock.Request) *asl.TaskState {
		model := bedrock.ModelID(id)
		return bedrock.InvokeModel(name, model, bedrock.Body(request)).
			ResultSelector(asl.Object{"model": id, "summary": model.Text()}).
			ResultPath("$.answer")
	}

	keep := asl.Pass("Keep summary").
		Parameters(asl.Object{"id": asl.Path("$.id"), "model": asl.Path("$.answer.model"), "summary": asl.Path("$.answer.summary")})
	fallback := summary("Summarise with fallback model", "us.amazon.nova-lite-v1:0",
		bedrock.Nova{MaxTokens: 200, Messages: bedrock.Ask(prompt)}).
		Retry(bedrock.Retry()).
		Next(keep)
	first := summary("Summarise", "us.anthropic.claude-haiku-4-5-20251001-v1:0",
		bedrock.Anthropic{MaxTokens: 200, Messages: bedrock.Ask(prompt)}).
		Retry(bedrock.Retry().MaxAttempts(3)).
		Catch(asl.CatchOn(
			bedrock.ErrorName("ThrottlingException"),
			bedrock.ErrorName("ServiceUnavailableException"),
			bedrock.ErrorName("ModelTimeoutException"),
		).ResultPath("$.error"), fallback)

	return asl.Define(
		asl.Map("For each document", asl.Chain(first, keep)).
			ItemsPath("$.documents").
			MaxConcurrency(MaxConcurrency),
	).Comment("Summarises many documents, with bounded concurrency and a fallback model")
}
