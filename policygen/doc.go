// Package policygen computes the narrowest IAM policy that a state machine's
// execution role needs, from the definition alone, and compares roles with it.
//
// [Generate] walks through all states, those inside Parallel and Map included,
// and collects what each needs: the actions of its integration and pattern, on
// resources as exact as the definition tells. Literals give exact ARNs, string
// building (States.Format, JSONata) its constant parts, placeholders of templates
// stay as they are. What is known only at run time gives the narrowest form that
// still works and a [Warning] that names state, field and reason; [Options.Hints]
// narrow it. Every [Statement] of the result knows which states need it and why.
//
//	machine, err := asl.Parse(text)
//	result, err := policygen.Generate(machine, policygen.Options{
//		Region: "us-east-1", Account: "123456789012", StateMachine: "chain",
//	})
//	os.Stdout.Write(result.Policy().JSON())
//
// [Check] compares policies with a machine: which states would be denied, with
// AWS's message, and what is granted beyond need. [Authorise] lists the
// authorisations of one call with evaluated parameters, for simulators of IAM.
//
// What integrations need lies in integrations.json, what SDK calls need in
// sdk.json (names of actions) and actions.txt (their resources), each with its
// date and sources; Bedrock has its own rules here and its models, profiles and
// destination regions from asl/bedrock/catalog.
package policygen
