package enforcement

import (
	"context"
	"strings"
	"testing"

	"github.com/sfnkit/sfnkit/asl"
	"github.com/sfnkit/sfnkit/asl/value"
	"github.com/sfnkit/sfnkit/emulator"
	"github.com/sfnkit/sfnkit/emulator/calls"
	"github.com/sfnkit/sfnkit/policygen/account"
	"github.com/sfnkit/sfnkit/policygen/explain"
	"github.com/sfnkit/sfnkit/policygen/iam"
)

// situation is an error that AWS's pages on access to Bedrock and on the Bedrock
// integration are about: how it comes about here, and what cures it there.
type situation struct {
	name       string
	region     string // us-east-1 if empty
	resource   string // bedrock:invokeModel if empty
	parameters string // of Nova Lite if empty
	policy     string // of the role; everything is allowed if empty
	scp        string
	boundary   string
	access     string
	gate       string
	quotas     []calls.Quota
	calls      int // how many calls are made, 1 if 0
	answer     string

	error string
	cause string   // a part of it
	entry string   // of the explanation
	fix   []string // parts of the explanation's text
}

const (
	novaLite  = `{"ModelId": "amazon.nova-lite-v1:0", "Body": {"messages": []}}`
	novaUS    = `{"ModelId": "us.amazon.nova-lite-v1:0", "Body": {"messages": []}}`
	sonnet    = `{"ModelId": "anthropic.claude-sonnet-4-5-20250929-v1:0", "Body": {"messages": []}}`
	everybody = `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}`
)

func denying(condition string) string {
	return `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}, {"Effect": "Deny", "Action": "bedrock:*", "Resource": "*"` + condition + `}]}`
}

var situations = []situation{
	{
		name: "the account may not call Bedrock", gate: "account-not-authorized",
		error: "Bedrock.AccessDeniedException", cause: "Your account is not authorized to invoke this API operation.",
		entry: "account-not-authorized", fix: []string{"Model access", "support case"},
	},
	{
		name: "no access to the model in the region", region: "ap-northeast-1", access: "ap-southeast-1=amazon.nova-lite-v1:0",
		error: "Bedrock.AccessDeniedException", cause: "You don't have access to the model with the specified model ID.",
		entry: "no-model-access", fix: []string{"ap-northeast-1", "Model access", "same region", "Bedrock Allowlisting"},
	},
	{
		name:   "no policy allows the call",
		policy: `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "bedrock:ListFoundationModels", "Resource": "*"}]}`,
		error:  "Bedrock.AccessDeniedException", cause: "because no identity-based policy allows the bedrock:InvokeModel action",
		entry: "iam-implicit-identity", fix: []string{`"bedrock:InvokeModel"`, "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0"},
	},
	{
		name: "a policy denies the call", policy: denying(""),
		error: "Bedrock.AccessDeniedException", cause: "with an explicit deny in an identity-based policy",
		entry: "iam-explicit-identity", fix: []string{"Deny"},
	},
	{
		name: "an SCP denies one region that a profile routes to", parameters: novaUS,
		scp:   denying(`, "Condition": {"StringEquals": {"aws:RequestedRegion": "us-west-2"}}`),
		error: "Bedrock.AccessDeniedException", cause: "on resource: arn:aws:bedrock:us-west-2::foundation-model/amazon.nova-lite-v1:0 with an explicit deny in a service control policy",
		entry: "scp-explicit", fix: []string{"CloudTrail", "us-west-2", "organization"},
	},
	{
		name: "an SCP that does not allow Bedrock", scp: `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}`,
		error: "Bedrock.AccessDeniedException", cause: "because no service control policy allows the bedrock:InvokeModel action",
		entry: "scp-implicit", fix: []string{"bedrock:InvokeModel"},
	},
	{
		name: "a permissions boundary without Bedrock", boundary: `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}`,
		error: "Bedrock.AccessDeniedException", cause: "because no permissions boundary allows the bedrock:InvokeModel action",
		entry: "boundary-implicit", fix: []string{"boundary"},
	},
	{
		name: "the wrong endpoint", resource: "arn:aws:states:::aws-sdk:bedrock:invokeModel",
		error: "Bedrock.ValidationException", cause: "The requested operation is not recognized by the service.",
		entry: "wrong-endpoint", fix: []string{"bedrock-runtime", "aws-sdk:bedrockruntime:invokeModel"},
	},
	{
		name: "an identifier of another geography", region: "ap-northeast-1", parameters: novaUS,
		error: "Bedrock.ValidationException", cause: "The provided model identifier is invalid.",
		entry: "invalid-model-id", fix: []string{"list-inference-profiles --region ap-northeast-1"},
	},
	{
		name: "a model that the region does not have", region: "eu-west-1", parameters: `{"ModelId": "ai21.jamba-1-5-mini-v1:0", "Body": {}}`,
		error: "Bedrock.ResourceNotFoundException", cause: "Could not resolve the foundation model from the provided model identifier.",
		entry: "cannot-resolve-model", fix: []string{"list-foundation-models --region eu-west-1"},
	},
	{
		name: "a model that needs a profile", parameters: sonnet,
		error: "Bedrock.ValidationException", cause: "with on-demand throughput isn’t supported",
		entry: "on-demand-unsupported", fix: []string{"us.anthropic.claude-sonnet-4-5-20250929-v1:0", "bedrock:InferenceProfileArn"},
	},
	{
		name: "the retired model of the guide's own example", parameters: `{"ModelId": "cohere.command-text-v14", "Body": {"prompt": "Hello"}}`,
		error: "Bedrock.ResourceNotFoundException", cause: "This model version has reached the end of its life.",
		entry: "eol-model",
	},
	{
		name: "a security restriction on the account", gate: "operation-not-allowed",
		error: "Bedrock.ValidationException", cause: "Operation not allowed",
		entry: "operation-not-allowed", fix: []string{"support case"},
	},
	{
		name: "more requests than the quota", quotas: []calls.Quota{{Model: "amazon.*", Requests: 1}}, calls: 2,
		error: "Bedrock.ThrottlingException", cause: "Too many requests, please wait before trying again.",
		entry: "throttle-requests", fix: []string{"cross-region inference", "requests per minute", "Service Quotas", "Quotas"},
	},
	{
		name: "more tokens than the quota", quotas: []calls.Quota{{Model: "amazon.*", Tokens: 1}},
		error: "Bedrock.ThrottlingException", cause: "Too many tokens, please wait before trying again.",
		entry: "throttle-tokens", fix: []string{"max_tokens", "tokens per minute"},
	},
	{
		name: "a customization job whose role may not be handed on", resource: "arn:aws:states:::bedrock:createModelCustomizationJob",
		parameters: `{"JobName": "j", "CustomModelName": "m", "RoleArn": "arn:aws:iam::123456789012:role/myRole", "BaseModelIdentifier": "amazon.nova-lite-v1:0",
			"TrainingDataConfig": {"S3Uri": "s3://bucket/train.jsonl"}, "OutputDataConfig": {"S3Uri": "s3://bucket/out/"}}`,
		policy: `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "bedrock:*", "Resource": "*"}]}`,
		error:  "Bedrock.AccessDeniedException", cause: "is not authorized to perform: iam:PassRole on resource: arn:aws:iam::123456789012:role/myRole because no identity-based policy allows the iam:PassRole action",
		entry: "passrole", fix: []string{`"iam:PassRole"`, "arn:aws:iam::123456789012:role/myRole", "bedrock.amazonaws.com"},
	},
	{
		name: "an answer of more than 256 KiB", answer: `{"Body": "` + strings.Repeat("x", 262144) + `"}`,
		error: "States.DataLimitExceeded", cause: "size exceeding the maximum number of bytes service limit",
		entry: "data-limit", fix: []string{"Output.S3Uri"},
	},
}

func (s *situation) run(t *testing.T) (*emulator.Error, string, string) {
	t.Helper()
	or := func(text, standard string) string {
		if text == "" {
			return standard
		}
		return text
	}
	document := func(text, name string) account.Policy {
		p, err := iam.Parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return account.Policy{Name: name, Document: p}
	}
	r := account.Role{Policies: []account.Policy{document(or(s.policy, everybody), "")}}
	if s.boundary != "" {
		p := document(s.boundary, "")
		r.Boundary = &p
	}
	o := account.Options{Roles: []account.Role{r}}
	if s.scp != "" {
		o.SCPs = [][]account.Policy{{document(s.scp, "arn:aws:organizations::111122223333:policy/o-example/service_control_policy/p-example")}}
	}
	a, err := account.New(o)
	if err != nil {
		t.Fatal(err)
	}
	e := calls.Enforcement{Authority: a, Gate: calls.FindGate(s.gate)}
	if s.access != "" {
		e.Access = calls.ModelAccess{}
		if err := e.Access.Add(s.access); err != nil {
			t.Fatal(err)
		}
	}
	if s.quotas != nil {
		e.Quotas = calls.NewQuotas(s.quotas...)
	}
	region, parameters := or(s.region, "us-east-1"), or(s.parameters, novaLite)
	items := "[" + strings.Repeat("0,", max(s.calls, 1)-1) + "0]"
	def, err := asl.Parse([]byte(`{"StartAt": "All", "States": {"All": {"Type": "Map", "MaxConcurrency": 1, "End": true, "ItemProcessor": {"StartAt": "Ask",
		"States": {"Ask": {"Type": "Task", "Resource": "` + or(s.resource, "arn:aws:states:::bedrock:invokeModel") + `", "Parameters": ` + parameters + `, "End": true}}}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	machine, err := emulator.Compile(def)
	if err != nil {
		t.Fatal(err)
	}
	caller := calls.Enforce(e, emulator.CallerFunc(func(context.Context, *emulator.Request) (emulator.Answer, error) {
		return emulator.Answer{Output: value.MustParse(or(s.answer, `{"Body": {}}`))}, nil
	}))
	result, err := emulator.Run(t.Context(), machine, value.MustParse(items), emulator.Options{
		Info: emulator.Info{Region: region, StateMachineName: "Chain"}, Caller: caller,
	})
	if err != nil {
		t.Fatal(err)
	}
	return result.Execution.Err(), region, value.MustParse(parameters).Get("ModelId").Str()
}

// TestSituations produces each error in a run and asks for its explanation.
func TestSituations(t *testing.T) {
	for i := range situations {
		s := &situations[i]
		t.Run(s.name, func(t *testing.T) {
			e, region, model := s.run(t)
			if e == nil {
				t.Fatal("the run succeeds")
			}
			if e.Name != s.error || !strings.Contains(e.Cause, s.cause) {
				t.Errorf("fails with %s: %s\nwant %s: …%s…", e.Name, e.Cause, s.error, s.cause)
			}
			x := &explain.Explainer{Region: region, Account: "123456789012", Model: model}
			why, known := x.ExplainError(e.Name, e.Cause)
			if !known || why.ID != s.entry {
				t.Fatalf("explained as %q, want %q", why.ID, s.entry)
			}
			text := why.Text()
			for _, part := range s.fix {
				if !strings.Contains(text, part) {
					t.Errorf("the explanation lacks %q:\n%s", part, text)
				}
			}
		})
	}
}

// TestManagedRule refuses a state machine whose role may not make the rule that it waits
// through, and lets it through with the statement that the explanation says to add.
func TestManagedRule(t *testing.T) {
	def, err := asl.Parse([]byte(`{"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "arn:aws:states:::states:startExecution.sync:2",
		"Parameters": {"StateMachineArn": "arn:aws:states:us-east-1:123456789012:stateMachine:Inner"}, "End": true}}}`))
	if err != nil {
		t.Fatal(err)
	}
	const machine, role = "arn:aws:states:us-east-1:123456789012:stateMachine:Outer", "arn:aws:iam::123456789012:role/Workflow"
	create := func(p *iam.Policy) string {
		a, err := account.New(account.Options{Roles: []account.Role{{ARN: role, Policies: []account.Policy{{Document: p}}}}})
		if err != nil {
			t.Fatal(err)
		}
		return a.CreateStateMachine(machine, role, def)
	}
	refusal := create(&iam.Policy{Version: iam.Version2012})
	if want := "'" + role + "' is not authorized to create managed-rule."; refusal != want {
		t.Fatalf("got %q, want %q", refusal, want)
	}
	why, known := (&explain.Explainer{Region: "us-east-1", Account: "123456789012"}).ExplainError("AccessDeniedException", refusal)
	if !known || why.ID != "managed-rule" {
		t.Fatalf("explained as %q", why.ID)
	}
	for _, f := range why.Fixes {
		if f.Policy != nil {
			if got := create(f.Policy); got != "" {
				t.Errorf("with the fix: %s", got)
			}
			return
		}
	}
	t.Error("no policy to add")
}

// TestFixes adds the statement that the explanation of a denied call says to add, until
// the call is allowed.
func TestFixes(t *testing.T) {
	s := situation{parameters: novaUS, policy: `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "bedrock:ListFoundationModels", "Resource": "*"}]}`}
	p, err := iam.Parse([]byte(s.policy))
	if err != nil {
		t.Fatal(err)
	}
	for range 10 {
		s.policy = string(p.JSON())
		e, region, model := s.run(t)
		if e == nil {
			return
		}
		why, _ := (&explain.Explainer{Region: region, Account: "123456789012", Model: model}).ExplainError(e.Name, e.Cause)
		added := false
		for _, f := range why.Fixes {
			if f.Policy != nil {
				p.Statements = append(p.Statements, f.Policy.Statements...)
				added = true
			}
		}
		if !added {
			t.Fatalf("%s: nothing to add:\n%s", e.Cause, why.Text())
		}
	}
	t.Errorf("still denied under\n%s", p.JSON())
}
