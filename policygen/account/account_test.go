package account_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/sfnkit/sfnkit/asl"
	"github.com/sfnkit/sfnkit/asl/value"
	"github.com/sfnkit/sfnkit/policygen/account"
	"github.com/sfnkit/sfnkit/policygen/iam"
)

const (
	roleARN   = "arn:aws:iam::123456789012:role/path/Workflow"
	principal = "arn:aws:sts::123456789012:assumed-role/Workflow/run"
	machine   = "arn:aws:states:us-east-1:123456789012:stateMachine:Chain"
	invoke    = "arn:aws:states:::bedrock:invokeModel"
	everybody = `{"Effect": "Allow", "Action": "*", "Resource": "*"}`
)

func policy(t testing.TB, statements string) account.Policy {
	t.Helper()
	p, err := iam.Parse([]byte(`{"Version": "2012-10-17", "Statement": [` + statements + `]}`))
	if err != nil {
		t.Fatal(err)
	}
	return account.Policy{Name: "arn:aws:iam::123456789012:policy/P", Document: p}
}

func newAccount(t testing.TB, o account.Options) *account.Account {
	t.Helper()
	a, err := account.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestCall(t *testing.T) {
	const user = "User: " + principal + " is not authorized to perform: "
	for name, test := range map[string]struct {
		statements, scp, rcp, boundary string
		machine, resource, parameters  string
		arns                           bool
		want                           string
	}{
		"model": {
			statements: `{"Effect": "Allow", "Action": "bedrock:InvokeModel", "Resource": "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0"}`,
			parameters: `{"ModelId": "amazon.nova-lite-v1:0"}`,
		},
		"another model": {
			statements: `{"Effect": "Allow", "Action": "bedrock:InvokeModel", "Resource": "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-pro-v1:0"}`,
			parameters: `{"ModelId": "amazon.nova-lite-v1:0"}`,
			want:       user + "bedrock:InvokeModel on resource: arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0 because no identity-based policy allows the bedrock:InvokeModel action",
		},
		"profile without its models": {
			statements: `{"Effect": "Allow", "Action": "bedrock:InvokeModel", "Resource": "arn:aws:bedrock:*:123456789012:inference-profile/*"}`,
			parameters: `{"ModelId": "us.amazon.nova-lite-v1:0"}`,
			want:       user + "bedrock:InvokeModel on resource: arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0 because",
		},
		"models without their profile": {
			statements: `{"Effect": "Allow", "Action": "bedrock:InvokeModel", "Resource": "arn:aws:bedrock:*::foundation-model/*"}`,
			parameters: `{"ModelId": "us.amazon.nova-lite-v1:0"}`,
			want:       user + "bedrock:InvokeModel on resource: arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.amazon.nova-lite-v1:0 because",
		},
		"models through the profile only": {
			statements: `{"Effect": "Allow", "Action": "bedrock:InvokeModel", "Resource": "arn:aws:bedrock:*:123456789012:inference-profile/*"},
				{"Effect": "Allow", "Action": "bedrock:InvokeModel", "Resource": "arn:aws:bedrock:*::foundation-model/*", "Condition": {"StringEquals": {"bedrock:InferenceProfileArn": "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.amazon.nova-lite-v1:0"}}}`,
			parameters: `{"ModelId": "us.amazon.nova-lite-v1:0"}`,
		},
		"one region locked": {
			statements: everybody, scp: everybody + `, {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"StringEquals": {"aws:RequestedRegion": "us-east-2"}}}`,
			parameters: `{"ModelId": "us.amazon.nova-lite-v1:0"}`,
			want:       user + "bedrock:InvokeModel on resource: arn:aws:bedrock:us-east-2::foundation-model/amazon.nova-lite-v1:0 with an explicit deny in a service control policy",
		},
		"a region lock and a global profile": {
			statements: everybody, scp: everybody + `, {"Effect": "Deny", "Action": "bedrock:*", "Resource": "*", "Condition": {"StringNotEquals": {"aws:RequestedRegion": "us-east-1"}}}`,
			parameters: `{"ModelId": "global.anthropic.claude-sonnet-4-5-20250929-v1:0"}`, arns: true,
			want: user + "bedrock:InvokeModel on resource: arn:aws:bedrock:::foundation-model/anthropic.claude-sonnet-4-5-20250929-v1:0 with an explicit deny in a service control policy: arn:aws:iam::123456789012:policy/P",
		},
		"a region lock and buckets": {
			statements: everybody, scp: everybody + `, {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"StringNotEquals": {"aws:RequestedRegion": "us-east-1"}}}`,
			parameters: `{"ModelId": "amazon.nova-lite-v1:0", "Input": {"S3Uri": "s3://b/in"}, "Output": {"S3Uri": "s3://b/out"}}`,
		},
		"input": {
			statements: `{"Effect": "Allow", "Action": "bedrock:*", "Resource": "*"}`,
			parameters: `{"ModelId": "amazon.nova-lite-v1:0", "Input": {"S3Uri": "s3://b/in"}}`,
			want:       user + `s3:GetObject on resource: "arn:aws:s3:::b/in" because`,
		},
		"a control policy of resources": {
			statements: everybody, rcp: `{"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": "*"}`,
			parameters: `{"ModelId": "amazon.nova-lite-v1:0", "Output": {"S3Uri": "s3://b/out"}}`,
			want:       user + `s3:PutObject on resource: "arn:aws:s3:::b/out" with an explicit deny in a resource control policy`,
		},
		"guardrail demanded and given": {
			statements: everybody + `, {"Effect": "Deny", "Action": "bedrock:InvokeModel", "Resource": "*", "Condition": {"StringNotEquals": {"bedrock:GuardrailIdentifier": "arn:aws:bedrock:us-east-1:123456789012:guardrail/g:1"}}}`,
			parameters: `{"ModelId": "amazon.nova-lite-v1:0", "GuardrailIdentifier": "g", "GuardrailVersion": "1"}`,
		},
		"guardrail demanded and not given": {
			statements: everybody + `, {"Effect": "Deny", "Action": "bedrock:InvokeModel", "Resource": "*", "Condition": {"StringNotEquals": {"bedrock:GuardrailIdentifier": "arn:aws:bedrock:us-east-1:123456789012:guardrail/g:1"}}}`,
			parameters: `{"ModelId": "amazon.nova-lite-v1:0"}`,
			want:       user + "bedrock:InvokeModel on resource: arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0 with an explicit deny in an identity-based policy",
		},
		"guardrail demanded and given to Converse": {
			statements: everybody + `, {"Effect": "Deny", "Action": "bedrock:InvokeModel", "Resource": "*", "Condition": {"StringNotEquals": {"bedrock:GuardrailIdentifier": "arn:aws:bedrock:us-east-1:123456789012:guardrail/g:1"}}}`,
			resource:   "arn:aws:states:::aws-sdk:bedrockruntime:converse",
			parameters: `{"ModelId": "amazon.nova-lite-v1:0", "GuardrailConfig": {"GuardrailIdentifier": "g", "GuardrailVersion": "1"}}`,
		},
		"tier of Converse": {
			statements: everybody + `, {"Effect": "Deny", "Action": "bedrock:InvokeModel", "Resource": "*", "Condition": {"StringEquals": {"bedrock:ServiceTier": "priority"}}}`,
			resource:   "arn:aws:states:::aws-sdk:bedrockruntime:converse",
			parameters: `{"ModelId": "amazon.nova-lite-v1:0", "ServiceTier": {"Type": "priority"}}`,
			want:       user + "bedrock:InvokeModel on resource: arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0 with an explicit deny in an identity-based policy",
		},
		"secret by its name": {
			statements: `{"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": "arn:aws:secretsmanager:us-east-1:123456789012:secret:mail-a1B2c3"}`,
			resource:   "arn:aws:states:::aws-sdk:secretsmanager:getSecretValue", parameters: `{"SecretId": "mail"}`,
		},
		"another secret": {
			statements: `{"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": "arn:aws:secretsmanager:us-east-1:123456789012:secret:mail-a1B2c3"}`,
			resource:   "arn:aws:states:::aws-sdk:secretsmanager:getSecretValue", parameters: `{"SecretId": "post"}`,
			want: user + "secretsmanager:GetSecretValue on resource: arn:aws:secretsmanager:us-east-1:123456789012:secret:post-?????? because",
		},
		"alias": {
			statements: `{"Effect": "Allow", "Action": "states:StartExecution", "Resource": "arn:aws:states:us-east-1:123456789012:stateMachine:Other", "Condition": {"ForAnyValue:StringEquals": {"states:StateMachineQualifier": ["PROD"]}}}`,
			resource:   "arn:aws:states:::states:startExecution", parameters: `{"StateMachineArn": "arn:aws:states:us-east-1:123456789012:stateMachine:Other:PROD"}`,
		},
		"boundary": {
			statements: everybody, boundary: `{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}`,
			parameters: `{"ModelId": "amazon.nova-lite-v1:0"}`,
			want:       user + "bedrock:InvokeModel on resource: arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0 because no permissions boundary allows",
		},
		"the role's path": {
			statements: everybody, scp: everybody + `, {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"ArnNotLike": {"aws:PrincipalArn": "` + roleARN + `"}}}`,
			parameters: `{"ModelId": "amazon.nova-lite-v1:0"}`,
		},
		"child execution": {
			statements: `{"Effect": "Allow", "Action": "states:StartExecution", "Resource": "arn:aws:states:us-east-1:123456789012:stateMachine:Other"}`,
			machine:    machine + "/Label", resource: "arn:aws:states:::states:startExecution", parameters: `{"StateMachineArn": "arn:aws:states:us-east-1:123456789012:stateMachine:Other"}`,
		},
		"items": {
			statements: `{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/other"}`,
			resource:   "arn:aws:states:::s3:getObject", parameters: `{"Bucket": "b", "Key": "k"}`,
			want: user + `s3:GetObject on resource: "arn:aws:s3:::b/k" because`,
		},
		"listed items": {
			statements: `{"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::b", "Condition": {"StringEquals": {"s3:prefix": "in/"}}}`,
			resource:   "arn:aws:states:::s3:listObjectsV2", parameters: `{"Bucket": "b", "Prefix": "in/"}`,
		},
		"results": {
			statements: `{"Effect": "Allow", "Action": ["s3:PutObject", "s3:GetObject", "s3:ListMultipartUploadParts", "s3:AbortMultipartUpload"], "Resource": "arn:aws:s3:::b/out/*"}`,
			resource:   "arn:aws:states:::s3:putObject", parameters: `{"Bucket": "b", "Prefix": "out/"}`,
		},
		"results elsewhere": {
			statements: `{"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::b/out/*"}`,
			resource:   "arn:aws:states:::s3:putObject", parameters: `{"Bucket": "b", "Prefix": "other"}`,
			want: user + `s3:PutObject on resource: "arn:aws:s3:::b/other/map-run/manifest.json" because`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := account.Role{ARN: roleARN, Policies: []account.Policy{policy(t, test.statements)}}
			if test.boundary != "" {
				p := policy(t, test.boundary)
				r.Boundary = &p
			}
			o := account.Options{Roles: []account.Role{r}, PolicyARNs: test.arns}
			if test.scp != "" {
				o.SCPs = [][]account.Policy{{policy(t, test.scp)}}
			}
			if test.rcp != "" {
				full := policy(t, `{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}`)
				o.RCPs = [][]account.Policy{{full, policy(t, test.rcp)}}
			}
			if test.machine == "" {
				test.machine = machine
			}
			if test.resource == "" {
				test.resource = invoke
			}
			got := newAccount(t, o).Call(principal, test.machine, test.resource, value.MustParse(test.parameters), false)
			if !strings.HasPrefix(got, test.want) || test.want == "" && got != "" {
				t.Errorf("got  %q\nwant %q", got, test.want)
			}
		})
	}
}

func TestAssumeRole(t *testing.T) {
	const target = "arn:aws:iam::444455556666:role/Models"
	trust := func(id string) *account.Policy {
		p := policy(t, `{"Effect": "Allow", "Principal": {"AWS": "`+roleARN+`"}, "Action": "sts:AssumeRole", "Condition": {"StringEquals": {"sts:ExternalId": "`+id+`"}}}`)
		return &p
	}
	allow := policy(t, `{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "`+target+`"}`)
	for name, test := range map[string]struct {
		role, target account.Role
		want         string
	}{
		"both consent":         {account.Role{ARN: roleARN, Policies: []account.Policy{allow}}, account.Role{ARN: target, Trust: trust(machine)}, ""},
		"trust is not known":   {account.Role{ARN: roleARN, Policies: []account.Policy{allow}}, account.Role{ARN: target}, ""},
		"role lacks the right": {account.Role{ARN: roleARN}, account.Role{ARN: target, Trust: trust(machine)}, "no identity-based policy allows the sts:AssumeRole action"},
		"other state machine":  {account.Role{ARN: roleARN, Policies: []account.Policy{allow}}, account.Role{ARN: target, Trust: trust(machine + "2")}, "no role trust policy allows the sts:AssumeRole action"},
	} {
		t.Run(name, func(t *testing.T) {
			got := newAccount(t, account.Options{Roles: []account.Role{test.role, test.target}}).AssumeRole(principal, machine+"/Label", target)
			if (got == "") != (test.want == "") || !strings.Contains(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// TestRoles tells the execution role, listed roles and all others apart.
func TestRoles(t *testing.T) {
	const target = "arn:aws:sts::444455556666:assumed-role/Models/run"
	denied := func(a *account.Account, principal string, assumed bool) bool {
		return a.Call(principal, machine, "arn:aws:states:::lambda:invoke", value.MustParse(`{"FunctionName": "f"}`), assumed) != ""
	}
	a := newAccount(t, account.Options{Roles: []account.Role{{}, {ARN: "arn:aws:iam::444455556666:role/Models"}}})
	if !denied(a, principal, false) {
		t.Error("the execution role has no rights, and is not denied")
	}
	if !denied(a, target, true) {
		t.Error("a listed role has no rights, and is not denied")
	}
	if denied(a, "arn:aws:sts::444455556666:assumed-role/Others/run", true) {
		t.Error("nothing is known of a role, and it is denied")
	}
}

func TestMapRun(t *testing.T) {
	const all = `{"Effect": "Allow", "Action": "states:StartExecution", "Resource": "` + machine + `"},
		{"Effect": "Allow", "Action": ["states:DescribeExecution", "states:StopExecution"], "Resource": ["arn:aws:states:us-east-1:123456789012:execution:Chain:*", "arn:aws:states:us-east-1:123456789012:execution:Chain/Label:*"]}`
	a := newAccount(t, account.Options{Roles: []account.Role{{Policies: []account.Policy{policy(t, all)}}}})
	if got := a.MapRun(principal, machine, "Label", false); got != "" {
		t.Error(got)
	}
	for resource, want := range map[string]string{
		"Chain:*":       "", // as in the developer guide
		"Chain/Label:*": "", // as in the service authorization reference
		"Chain/Other:*": "states:DescribeExecution on resource: arn:aws:states:us-east-1:123456789012:execution:Chain/Label:child because",
	} {
		one := strings.Replace(all, `"arn:aws:states:us-east-1:123456789012:execution:Chain:*", "arn:aws:states:us-east-1:123456789012:execution:Chain/Label:*"`, `"arn:aws:states:us-east-1:123456789012:execution:`+resource+`"`, 1)
		b := newAccount(t, account.Options{Roles: []account.Role{{Policies: []account.Policy{policy(t, one)}}}})
		if got := b.MapRun(principal, machine, "Label", false); (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%s: %s", resource, got)
		}
		deny := `{"Effect": "Deny", "Action": "states:StopExecution", "Resource": "arn:aws:states:us-east-1:123456789012:execution:Chain/*"}`
		b = newAccount(t, account.Options{Roles: []account.Role{{Policies: []account.Policy{policy(t, all+","+deny)}}}})
		if got := b.MapRun(principal, machine, "Label", false); !strings.Contains(got, "explicit deny") {
			t.Errorf("denied on one name: %s", got)
		}
	}
	if got := a.MapRun(principal, machine+"2", "Label", false); !strings.Contains(got, "states:StartExecution on resource: "+machine+"2 ") {
		t.Error(got)
	}
	if got := a.MapRun(principal, machine, "Label", true); !strings.Contains(got, "states:RedriveExecution on resource: arn:aws:states:us-east-1:123456789012:execution:Chain/Label:child ") {
		t.Error(got)
	}
}

func TestCreateStateMachine(t *testing.T) {
	def, err := asl.Parse([]byte(`{"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "arn:aws:states:::states:startExecution.sync:2",
		"Parameters": {"StateMachineArn": "arn:aws:states:us-east-1:123456789012:stateMachine:Inner"}, "End": true}}}`))
	if err != nil {
		t.Fatal(err)
	}
	for statements, want := range map[string]string{
		`{"Effect": "Allow", "Action": "states:*", "Resource": "*"}`: "'" + roleARN + "' is not authorized to create managed-rule.",
		`{"Effect": "Allow", "Action": ["events:PutTargets", "events:PutRule", "events:DescribeRule"], "Resource": "arn:aws:events:us-east-1:123456789012:rule/StepFunctionsGetEventsForStepFunctionsExecutionRule"}`: "",
	} {
		a := newAccount(t, account.Options{Roles: []account.Role{{ARN: roleARN, Policies: []account.Policy{policy(t, statements)}}}})
		if got := a.CreateStateMachine(machine, roleARN, def); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestCreateAsksTheTrustPolicy(t *testing.T) {
	def, err := asl.Parse([]byte(`{"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}`))
	if err != nil {
		t.Fatal(err)
	}
	const refused = "Neither the global service principal states.amazonaws.com, nor the regional one is authorized to assume the provided role."
	for name, test := range map[string]struct{ principal, condition, want string }{
		"global principal":      {"states.amazonaws.com", `{}`, ""},
		"regional principal":    {"states.us-east-1.amazonaws.com", `{}`, ""},
		"principal of a region": {"states.eu-west-1.amazonaws.com", `{}`, refused},
		"another service":       {"lambda.amazonaws.com", `{}`, refused},
		"this state machine":    {"states.amazonaws.com", `{"StringEquals": {"aws:SourceAccount": "123456789012"}, "ArnLike": {"aws:SourceArn": "arn:aws:states:us-east-1:123456789012:stateMachine:*"}}`, ""},
		"another account":       {"states.amazonaws.com", `{"StringEquals": {"aws:SourceAccount": "111122223333"}}`, refused},
	} {
		t.Run(name, func(t *testing.T) {
			trust := policy(t, `{"Effect": "Allow", "Principal": {"Service": "`+test.principal+`"}, "Action": "sts:AssumeRole", "Condition": `+test.condition+`}`)
			a := newAccount(t, account.Options{Roles: []account.Role{{ARN: roleARN, Trust: &trust}}})
			if got := a.CreateStateMachine(machine, roleARN, def); got != test.want {
				t.Errorf("got %q", got)
			}
		})
	}
}

func TestNewErrors(t *testing.T) {
	if _, err := account.New(account.Options{Roles: []account.Role{{ARN: "Workflow"}}}); err == nil {
		t.Error("a name is taken for the ARN of a role")
	}
	withPrincipal := policy(t, `{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}`)
	_, err := account.New(account.Options{SCPs: [][]account.Policy{{withPrincipal}}})
	var invalid *iam.InvalidError
	if !errors.As(err, &invalid) || !strings.Contains(err.Error(), withPrincipal.Name) {
		t.Errorf("%v is no InvalidError with the policy's name", err)
	}
}

// TestStrangeNames asks with names that are no ARNs: nothing is allowed by accident.
func TestStrangeNames(t *testing.T) {
	a := newAccount(t, account.Options{Roles: []account.Role{{}}})
	for _, name := range []string{"", "x", ":::::::::", "arn:aws:states:us-east-1:123456789012:stateMachine:", "arn:aws:sts::123456789012:assumed-role/"} {
		if a.Call(name, name, invoke, value.MustParse(`{"ModelId": "amazon.nova-lite-v1:0"}`), false) == "" {
			t.Errorf("%q is allowed to call", name)
		}
		if a.MapRun(name, name, name, false) == "" {
			t.Errorf("%q is allowed to start a map run", name)
		}
	}
}

func BenchmarkCall(b *testing.B) {
	statements := everybody
	for range 99 {
		statements = `{"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": "arn:aws:lambda:us-east-1:123456789012:function:f"}, ` + statements
	}
	a := newAccount(b, account.Options{Roles: []account.Role{{Policies: []account.Policy{policy(b, statements)}}}})
	parameters := value.MustParse(`{"ModelId": "us.amazon.nova-lite-v1:0"}`)
	b.ReportAllocs()
	for b.Loop() {
		if got := a.Call(principal, machine, invoke, parameters, false); got != "" {
			b.Fatal(got)
		}
	}
}
