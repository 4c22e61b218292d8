// Package promptchain is a workflow of three model calls, each of which is asked with the
// answers before it.
//
// The first call is the example of the Step Functions developer guide, to a model of
// Cohere that Bedrock has since retired: where it is gone, which the service reports as
// Bedrock.ResourceNotFoundException, the same question goes to Claude. The other two calls
// continue the conversation on Claude through an inference profile, whose requests may be
// served in any region of its geography.
//
// Input is {"prompt_one", "prompt_two", "prompt_three"}; output adds {"result_one",
// "result_two", "result_three"}, each with the answer's text.
package promptchain

import (
	"github.com/sfnkit/sfnkit/asl"
	"github.com/sfnkit/sfnkit/asl/bedrock"
)

var (
	cohere = bedrock.ModelID("cohere.command-text-v14")
	claude = bedrock.ModelID("us.anthropic.claude-sonnet-4-5-20250929-v1:0")
)

// Definition describes the workflow.
func Definition() *asl.Definition {
	one, two, three := asl.Path("$.prompt_one"), asl.Path("$.prompt_two"), asl.Path("$.prompt_three")
	answerOne, answerTwo := asl.Path("$.result_one.result_one"), asl.Path("$.result_two.result_two")

	second := ask("Invoke model with second prompt", "result_two",
		bedrock.User(one), bedrock.Assistant(answerOne), bedrock.User(two))
	third := ask("Invoke model with third prompt", "result_three",
		bedrock.User(one), bedrock.Assistant(answerOne), bedrock.User(two), bedrock.Assistant(answerTwo), bedrock.User(three))
	instead := ask("Invoke a current model with first prompt", "result_one", bedrock.User(one)).
		Next(second)

	first := bedrock.InvokeModel("Invoke model with first prompt", cohere,
		bedrock.Body(bedrock.CohereCommand{Prompt: one, MaxTokens: 250}),
		bedrock.ContentType("application/json"), bedrock.Accept("*/*")).
		ResultSelector(asl.Object{"result_one": cohere.Text()}).
		ResultPath("$.result_one").
		Retry(bedrock.Retry()).
		Catch(asl.CatchOn(bedrock.ErrorName("ResourceNotFoundException")).ResultPath("$.retired"), instead)

	return asl.Define(asl.Chain(first, second, third)).
		Comment("Three model calls, each of which is asked with the answers before it")
}

// ask puts a conversation to Claude and its next turn under a name.
func ask(state, name string, conversation ...bedrock.Message) *asl.TaskState {
	return bedrock.InvokeModel(state, claude, bedrock.Body(bedrock.Anthropic{MaxTokens: 250, Messages: conversation})).
		ResultSelector(asl.Object{name: claude.Text()}).
		ResultPath(asl.Path("$." + name)).
		Retry(bedrock.Retry())
}
