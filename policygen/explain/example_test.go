package explain_test

import (
	"fmt"

	"github.com/sfnkit/sfnkit/policygen/explain"
)

func ExampleExplainError() {
	x, known := explain.ExplainError("Bedrock.AccessDeniedException",
		"User: arn:aws:sts::123456789012:assumed-role/Workflow/run-1 is not authorized to perform: bedrock:InvokeModel "+
			"on resource: arn:aws:bedrock:us-east-2::foundation-model/amazon.nova-lite-v1:0 because no identity-based policy allows the bedrock:InvokeModel action "+
			"(Service: BedrockRuntime, Status Code: 403, Request ID: 1)")
	fmt.Println(known, x.ID)
	fmt.Println(x.Denial.Principal, x.Denial.Action, x.Denial.Resource)
	for _, f := range x.Fixes {
		if f.Policy != nil {
			fmt.Println(f.Text, f.Policy.Statements[0].Resources)
		}
	}
	// Output:
	// true iam-implicit-identity
	// arn:aws:sts::123456789012:assumed-role/Workflow/run-1 bedrock:InvokeModel arn:aws:bedrock:us-east-2::foundation-model/amazon.nova-lite-v1:0
	// Add to the policies of Workflow: [arn:aws:bedrock:us-east-2::foundation-model/amazon.nova-lite-v1:0]
}
