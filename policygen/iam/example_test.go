package iam_test

import (
	"fmt"
	"log"

	"github.com/sfnkit/sfnkit/policygen/iam"
)

// A call through an inference profile is authorised for the profile and for the
// model in every region that it may be routed to.
func Example() {
	identity, err := iam.Parse([]byte(`{"Version": "2012-10-17", "Statement": {
		"Effect": "Allow", "Action": "bedrock:InvokeModel",
		"Resource": "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.amazon.nova-lite-v1:0"}}`))
	if err != nil {
		log.Fatal(err)
	}
	document, err := iam.Compile(identity, iam.IdentityPolicy, "")
	if err != nil {
		log.Fatal(err)
	}
	evaluator := iam.NewEvaluator(
		iam.Caller{ARN: "arn:aws:sts::123456789012:assumed-role/Workflow/run-1"},
		iam.Attached{Identity: []*iam.Document{document}})

	decision := evaluator.Call(
		iam.Request{Action: "bedrock:InvokeModel", Resource: "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.amazon.nova-lite-v1:0"},
		iam.Request{Action: "bedrock:InvokeModel", Resource: "arn:aws:bedrock:us-east-2::foundation-model/amazon.nova-lite-v1:0"})
	fmt.Println(decision.Allowed)
	fmt.Println(decision.Message(true))
	// Output:
	// false
	// User: arn:aws:sts::123456789012:assumed-role/Workflow/run-1 is not authorized to perform: bedrock:InvokeModel on resource: arn:aws:bedrock:us-east-2::foundation-model/amazon.nova-lite-v1:0 because no identity-based policy allows the bedrock:InvokeModel action
}
