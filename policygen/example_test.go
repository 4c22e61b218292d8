package policygen_test

import (
	"fmt"
	"log"

	"github.com/sfnkit/sfnkit/asl"
	"github.com/sfnkit/sfnkit/policygen"
	"github.com/sfnkit/sfnkit/policygen/iam"
)

const chain = `{"StartAt": "Ask", "States": {
  "Ask": {"Type": "Task", "Resource": "arn:aws:states:::bedrock:invokeModel", "End": true,
    "Parameters": {"ModelId": "amazon.nova-lite-v1:0", "Input": {"S3Uri.$": "States.Format('s3://prompts/in/{}', $.key)"}}}}}`

func ExampleGenerate() {
	machine, err := asl.Parse([]byte(chain))
	if err != nil {
		log.Fatal(err)
	}
	result, err := policygen.Generate(machine, policygen.Options{Region: "us-east-1", Account: "123456789012"})
	if err != nil {
		log.Fatal(err)
	}
	for _, s := range result.Statements {
		fmt.Println(s.Sid, s.Actions, s.Resources, "for", s.Reasons[0].State)
	}
	for _, w := range result.Warnings {
		fmt.Println("warning:", w)
	}
	// Output:
	// BedrockInvokeModel [bedrock:InvokeModel] [arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0] for Ask
	// S3GetObject [s3:GetObject] [arn:aws:s3:::prompts/in/*] for Ask
	// warning: Ask, Parameters.Input.S3Uri: is known in part only before run time, so that arn:aws:s3:::prompts/in/* is allowed; name the values with the hint Ask.Input.S3Uri
}

func ExampleCheck() {
	machine, err := asl.Parse([]byte(chain))
	if err != nil {
		log.Fatal(err)
	}
	role, err := iam.Parse([]byte(`{"Version": "2012-10-17", "Statement": [
		{"Sid": "Models", "Effect": "Allow", "Action": ["bedrock:InvokeModel", "bedrock:Converse"], "Resource": "arn:aws:bedrock:us-east-1::foundation-model/*"}]}`))
	if err != nil {
		log.Fatal(err)
	}
	c, err := policygen.Check(machine, []*iam.Policy{role}, policygen.Options{Region: "us-east-1", Account: "123456789012", Role: "Workflow"})
	if err != nil {
		log.Fatal(err)
	}
	for _, l := range c.Lacks {
		fmt.Println("lacks", l.Action, "on", l.Resource, "for", l.State)
	}
	for _, x := range c.Excesses {
		fmt.Println(x)
	}
	// Output:
	// lacks s3:GetObject on arn:aws:s3:::prompts/in/* for Ask
	// Models: bedrock:Converse is not needed
	// Models: bedrock:InvokeModel, bedrock:Converse on arn:aws:bedrock:us-east-1::foundation-model/* is wider than needed: arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0 would do
}
