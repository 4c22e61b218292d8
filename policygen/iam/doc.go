// Package iam holds IAM policy documents and decides requests by them, offline
// and the way the service does.
//
// It has two halves. The first is the document: [Parse] reads the JSON text of a
// policy in every form that IAM accepts (one value or a list, one statement or a
// list), [Policy.JSON] prints it in one canonical form, [Grants] and [Diff]
// compare policies as sets of (effect, action, resource, conditions), [Merge]
// joins statements without changing what they grant, and [Policy.Size] counts
// characters as IAM's limits do.
//
// The second is the evaluation. A policy is compiled once for the place where it
// is attached ([Compile] and a [Kind]) and put into an [Evaluator], which knows a
// caller and everything that may limit it: identity policies, permissions
// boundary, session policies, service and resource control policies of every
// level of an organization, resource policies, endpoint policies.
// [Evaluator.Evaluate] answers one authorisation, [Evaluator.Call] the list of
// authorisations that make up one API call: InvokeModel through an inference
// profile is authorised for the profile and for the model in each destination
// region, and fails if one of them does. A [Decision] names the statements that
// decided and prints the message that AWS would.
//
//	identity, err := iam.Parse(text)
//	document, err := iam.Compile(identity, iam.IdentityPolicy, "")
//	evaluator := iam.NewEvaluator(iam.Caller{
//		ARN:          "arn:aws:sts::123456789012:assumed-role/Workflow/run-1",
//		PrincipalARN: "arn:aws:iam::123456789012:role/Workflow",
//	}, iam.Attached{Identity: []*iam.Document{document}})
//	decision := evaluator.Evaluate(iam.Request{
//		Action:   "bedrock:InvokeModel",
//		Resource: "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0",
//	})
//
// # What is assumed
//
// AWS does not document everything. Where several kinds of policy deny at once,
// messages name one kind; here explicit denies are reported in the order service
// control policy, resource control policy, identity, boundary, session, resource,
// endpoint, and implicit ones in the order service control policy, resource (where
// its consent is needed), identity, boundary, session, endpoint. ARNs are compared
// case-sensitively. IfExists holds for a missing key under ForAnyValue as well.
//
// Within an account, a resource-based Allow for a role's ARN satisfies the identity
// side but not a boundary or a session policy; one for everybody ("*") or for the
// session's or user's own ARN satisfies these too (IAM user guide).
package iam
