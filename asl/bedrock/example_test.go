package bedrock_test

import (
	"fmt"

	"github.com/sfnkit/sfnkit/asl"
	"github.com/sfnkit/sfnkit/asl/bedrock"
)

// A model is asked with a body of its family, and knows where its answer has the text.
func ExampleInvokeModel() {
	claude := bedrock.ModelID("us.anthropic.claude-sonnet-4-5-20250929-v1:0")
	ask := bedrock.InvokeModel("Ask", claude,
		bedrock.Body(bedrock.Anthropic{MaxTokens: 300, Messages: bedrock.Ask(asl.Path("$.question"))})).
		ResultSelector(asl.Object{"answer": claude.Text(), "tokens": claude.OutputTokens()}).
		Retry(bedrock.Retry())

	m, err := asl.Define(ask).Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	s := m.States[0]
	fmt.Println(s.Resource)
	fmt.Println(s.Parameters)
	fmt.Println(s.ResultSelector)
	// Output:
	// arn:aws:states:::bedrock:invokeModel
	// {"ModelId":"us.anthropic.claude-sonnet-4-5-20250929-v1:0","Body":{"anthropic_version":"bedrock-2023-05-31","max_tokens":300,"messages":[{"role":"user","content.$":"$.question"}]}}
	// {"answer.$":"States.ArrayGetItem($.Body.content[?(@.type==text)].text, 0)","tokens.$":"$.Body.usage.output_tokens"}
}

// The same in JSONata: values that know both languages need not be changed.
func ExampleInvokeModel_jsonata() {
	nova := bedrock.ModelID("eu.amazon.nova-lite-v1:0")
	ask := bedrock.InvokeModel("Ask", nova,
		bedrock.Body(bedrock.Nova{MaxTokens: 300, Messages: bedrock.Ask(asl.Expr("$states.input.question"))})).
		Output(asl.Object{"answer": nova.Text()})

	m := asl.Define(ask).QueryLanguage(asl.JSONata).MustBuild()
	fmt.Println(m.States[0].Arguments)
	fmt.Println(m.States[0].Output)
	// Output:
	// {"ModelId":"eu.amazon.nova-lite-v1:0","Body":{"schemaVersion":"messages-v1","messages":[{"role":"user","content":[{"text":"{% $states.input.question %}"}]}],"inferenceConfig":{"maxTokens":300}}}
	// {"answer":"{% $join($states.result.Body.output.message.content.text) %}"}
}

// Prompts and answers that are too large for a task go through S3.
func ExampleS3Input() {
	ask := bedrock.InvokeModel("Ask", bedrock.ModelID("us.amazon.nova-pro-v1:0"),
		bedrock.S3Input(asl.States.Format("s3://my-bucket/prompts/{}.json", asl.Path("$.id"))),
		bedrock.S3Output(asl.States.Format("s3://my-bucket/answers/{}.json", asl.Path("$.id"))),
		bedrock.ContentType("application/json"))

	fmt.Println(asl.Define(ask).MustBuild().States[0].Parameters)
	// Output:
	// {"ModelId":"us.amazon.nova-pro-v1:0","Input":{"S3Uri.$":"States.Format('s3://my-bucket/prompts/{}.json', $.id)"},"Output":{"S3Uri.$":"States.Format('s3://my-bucket/answers/{}.json', $.id)"},"ContentType":"application/json"}
}
