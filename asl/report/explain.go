package report

import (
	"strings"

	"github.com/sfnkit/sfnkit/asl"
)

// explanations are about the codes of this package.
var explanations = []asl.Explanation{
	{
		Code: CodeNotChecked, Severity: asl.SeverityAdvice,
		Title: "The definition is not in the files.",
		Meaning: "The template says where the definition lies, and that is not in the files: in S3, in a parameter or " +
			"variable, in what another resource gives. Nothing was checked. A definition in a file beside the template " +
			"can be checked, and is put into S3 when the template is packaged.",
		Bad:      "DefinitionUri: s3://bucket/flow.asl.json",
		Good:     "DefinitionUri: flow.asl.json",
		Document: "https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-resource-statemachine.html",
	},
	{
		Code: CodeUnreadable, Severity: asl.SeverityError,
		Title: "A file cannot be read.",
		Meaning: "The file itself has a syntax error or may not be opened, or a template names a definition file that does " +
			"not exist, lies outside the project's folder, or includes itself. The report is not complete; the exit code is 2.",
		Bad:      "DefinitionUri: ../../elsewhere/flow.asl.json",
		Good:     "DefinitionUri: flow.asl.json",
		Document: "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-stepfunctions-statemachine.html",
	},
}

// Explain returns what a code means, of this package or of [asl.Explain].
func Explain(code string) (asl.Explanation, bool) {
	for _, e := range explanations {
		if strings.EqualFold(e.Code, code) {
			return e, true
		}
	}
	return asl.Explain(code)
}
