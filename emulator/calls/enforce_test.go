package calls_test

import (
	"context"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/sfnkit/sfnkit/asl"
	"github.com/sfnkit/sfnkit/asl/value"
	"github.com/sfnkit/sfnkit/emulator"
	"github.com/sfnkit/sfnkit/emulator/calls"
)

// authority refuses what its maps name, with what they say.
type authority struct {
	call   map[string]string // by resource
	assume map[string]string // by role
	mapRun string
	asked  []string
}

func (a *authority) Call(principal, machine, resource string, parameters value.Value, assumed bool) string {
	_, role, _ := strings.Cut(principal, "assumed-role/")
	role, _, _ = strings.Cut(role, "/")
	a.asked = append(a.asked, role+" "+resource)
	return a.call[resource]
}

func (a *authority) AssumeRole(principal, machine, role string) string             { return a.assume[role] }
func (a *authority) MapRun(principal, machine, label string, redriven bool) string { return a.mapRun }

var answered = emulator.CallerFunc(func(context.Context, *emulator.Request) (emulator.Answer, error) {
	return emulator.Answer{Output: value.MustParse(`"ok"`)}, nil
})

const (
	invoke   = "arn:aws:states:::bedrock:invokeModel"
	converse = "arn:aws:states:::aws-sdk:bedrockruntime:converse"
	httpTask = "arn:aws:states:::http:invoke"
	denial   = "User: x is not authorized to perform: y"
)

func TestEnforce(t *testing.T) {
	denied := func(resource string) *authority { return &authority{call: map[string]string{resource: denial}} }
	access := calls.ModelAccess{}
	if err := access.Add("eu-west-1=anthropic.claude-haiku-4-5*,future.model-v1:0"); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		e          calls.Enforcement
		resource   string
		parameters string
		want       string // the error name, and a part of the cause
	}{
		"allowed":                       {calls.Enforcement{}, invoke, `{"ModelId": "amazon.titan-embed-text-v2:0"}`, `"ok"`},
		"no identifier":                 {calls.Enforcement{}, invoke, `{"ModelId": "Nova Lite"}`, `Bedrock.ValidationException The provided model identifier is invalid.`},
		"form before IAM":               {calls.Enforcement{Authority: denied(invoke)}, invoke, `{"ModelId": "Nova Lite"}`, `Bedrock.ValidationException The provided model`},
		"IAM":                           {calls.Enforcement{Authority: denied(invoke)}, invoke, `{"ModelId": "amazon.titan-embed-text-v2:0"}`, "Bedrock.AccessDeniedException " + denial},
		"IAM before what does not work": {calls.Enforcement{Authority: denied(invoke)}, invoke, `{"ModelId": "amazon.titan-text-express-v1"}`, "Bedrock.AccessDeniedException " + denial},
		"IAM, SDK":                      {calls.Enforcement{Authority: denied(converse)}, converse, `{"ModelId": "amazon.titan-embed-text-v2:0"}`, "BedrockRuntime.AccessDeniedException " + denial + " (Service: BedrockRuntime, Status Code: 403, Request ID: "},
		"IAM, S3":                       {calls.Enforcement{Authority: denied("arn:aws:states:::aws-sdk:s3:getObject")}, "arn:aws:states:::aws-sdk:s3:getObject", `{}`, "S3.AccessDeniedException " + denial + " (Service: S3, Status Code: 403, Request ID: "},
		"IAM, SDK of DynamoDB":          {calls.Enforcement{Authority: denied("arn:aws:states:::aws-sdk:dynamodb:scan")}, "arn:aws:states:::aws-sdk:dynamodb:scan", `{}`, "DynamoDb.DynamoDbException " + denial + " (Service: DynamoDb, Status Code: 400, "},
		"IAM, Lambda":                   {calls.Enforcement{Authority: denied(lambda)}, lambda, `{}`, "Lambda.AWSLambdaException " + denial + " (Service: AWSLambda; Status Code: 403; Error Code: AccessDeniedException; Request ID: "},
		"IAM, function":                 {calls.Enforcement{Authority: denied("arn:aws:lambda:eu-west-1:111122223333:function:f")}, "arn:aws:lambda:eu-west-1:111122223333:function:f", `{}`, "Lambda.AWSLambdaException " + denial},
		"IAM, HTTP":                     {calls.Enforcement{Authority: denied(httpTask)}, httpTask, `{"ApiEndpoint": "https://example.com/x"}`, "States.Http.AccessDenied AWS Step Functions is not authorized to perform states:InvokeHTTPEndpoint on API Endpoint https://example.com/x. Ensure that "},
		"IAM, HTTP, the connection":     {calls.Enforcement{Authority: &authority{call: map[string]string{httpTask: "User: x is not authorized to perform: events:RetrieveConnectionCredentials on resource: y"}}}, httpTask, `{}`, "Events.ConnectionResource.AccessDenied No permissions to call RetrieveConnectionCredentials on the connection resource."},
		"IAM, HTTP, the secret":         {calls.Enforcement{Authority: &authority{call: map[string]string{httpTask: "User: x is not authorized to perform: secretsmanager:DescribeSecret on resource: y"}}}, httpTask, `{}`, "Events.ConnectionResource.AccessDenied No permissions to call DescribeSecret and/or GetSecretValue on the secret"},
		"wrong endpoint":                {calls.Enforcement{}, "arn:aws:states:::aws-sdk:bedrock:invokeModel", `{}`, "Bedrock.ValidationException The requested operation is not recognized by the service. (Service: Bedrock, "},
		"ARN of another region":         {calls.Enforcement{}, invoke, `{"ModelId": "arn:aws:bedrock:us-east-1::foundation-model/amazon.titan-embed-text-v2:0"}`, "Bedrock.ValidationException The provided model identifier is invalid."},
		"profile of another geography":  {calls.Enforcement{}, invoke, `{"ModelId": "us.anthropic.claude-haiku-4-5-20251001-v1:0"}`, "Bedrock.ValidationException The provided model identifier is invalid."},
		"profile":                       {calls.Enforcement{}, invoke, `{"ModelId": "eu.anthropic.claude-haiku-4-5-20251001-v1:0"}`, `"ok"`},
		"on demand":                     {calls.Enforcement{}, invoke, `{"ModelId": "anthropic.claude-haiku-4-5-20251001-v1:0"}`, "Bedrock.ValidationException Invocation of model ID anthropic.claude-haiku-4-5-20251001-v1:0 with on-demand throughput isn’t supported. Retry your request with the ID or ARN of an inference profile that contains this model."},
		"not in the region":             {calls.Enforcement{}, invoke, `{"ModelId": "ai21.jamba-1-5-mini-v1:0"}`, "Bedrock.ResourceNotFoundException Could not resolve the foundation model from the provided model identifier."},
		"retired":                       {calls.Enforcement{}, invoke, `{"ModelId": "amazon.titan-text-express-v1"}`, "Bedrock.ResourceNotFoundException This model version has reached the end of its life."},
		"unknown provider":              {calls.Enforcement{}, invoke, `{"ModelId": "nobody.model-v1:0"}`, "Bedrock.ValidationException The provided model identifier is invalid."},
		"later than the catalogue":      {calls.Enforcement{}, invoke, `{"ModelId": "amazon.titan-embed-text-v9:0"}`, `"ok"`},
		"unknown to the access list":    {calls.Enforcement{Access: access}, invoke, `{"ModelId": "amazon.titan-embed-text-v9:0"}`, "Bedrock.ValidationException The provided model identifier is invalid."},
		"known to the access list":      {calls.Enforcement{Access: access}, invoke, `{"ModelId": "future.model-v1:0"}`, `"ok"`},
		"no access":                     {calls.Enforcement{Access: access}, invoke, `{"ModelId": "amazon.titan-embed-text-v2:0"}`, "Bedrock.AccessDeniedException You don't have access to the model with the specified model ID."},
		"access through a profile":      {calls.Enforcement{Access: access}, invoke, `{"ModelId": "eu.anthropic.claude-haiku-4-5-20251001-v1:0"}`, `"ok"`},
		"gate":                          {calls.Enforcement{Gate: calls.FindGate("operation-not-allowed")}, invoke, `{"ModelId": "amazon.titan-embed-text-v2:0"}`, "Bedrock.ValidationException Operation not allowed"},
		"other services have no gate":   {calls.Enforcement{Gate: calls.FindGate("operation-not-allowed")}, lambda, `{}`, `"ok"`},
	} {
		t.Run(name, func(t *testing.T) {
			req := request("A", test.resource, test.parameters, 0)
			req.Execution.RoleARN = "arn:aws:iam::111122223333:role/path/Workflow"
			got := outcome(calls.Enforce(test.e, answered).Call(t.Context(), req))
			if !strings.HasPrefix(got, test.want) {
				t.Errorf("got %s\nwant %s", got, test.want)
			}
		})
	}
}

// outcome is an error's name and cause, or the output.
func outcome(a emulator.Answer, err error) string {
	if e, ok := err.(*emulator.Error); ok {
		return e.Name + " " + e.Cause
	} else if err != nil {
		return err.Error()
	}
	return a.Output.JSON()
}

func TestEnforceCredentials(t *testing.T) {
	const target = "arn:aws:iam::444455556666:role/Target"
	a := &authority{}
	req := request("A", lambda, `{}`, 0)
	req.Execution.RoleARN, req.RoleARN = "arn:aws:iam::111122223333:role/Workflow", target
	if got := outcome(calls.Enforce(calls.Enforcement{Authority: a}, answered).Call(t.Context(), req)); got != `"ok"` {
		t.Error(got)
	}
	if want := "Target " + lambda; len(a.asked) != 1 || a.asked[0] != want {
		t.Errorf("asked %q, want %q", a.asked, want)
	}
	a.assume = map[string]string{target: denial}
	if got := outcome(calls.Enforce(calls.Enforcement{Authority: a}, answered).Call(t.Context(), req)); got != "States.Permissions "+denial {
		t.Error(got)
	}
}

func TestEnforceMapRuns(t *testing.T) {
	const reader = "arn:aws:states:::s3:getObject"
	m := compile(t, `{"StartAt": "M", "States": {"M": {"Type": "Map", "End": true,
		"ItemReader": {"Resource": "`+reader+`", "ReaderConfig": {"InputType": "JSON"}, "Parameters": {"Bucket": "b", "Key": "k"}},
		"ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, "StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}}}}}`)
	store := calls.NewMemoryStore(nil)
	if err := store.Put(t.Context(), "b", "k", "application/json", strings.NewReader("[1]")); err != nil {
		t.Fatal(err)
	}
	for want, a := range map[string]*authority{
		"[1]": {},
		"States.Runtime Error contacting AWS Service. | Message from Service: " + denial + " (Service: Sfn, Status Code: 400, Request ID: ID) (SDK Attempt Count: 1)": {mapRun: denial},
		"States.ItemReaderFailed " + denial: {call: map[string]string{reader: denial}},
	} {
		result, err := emulator.Run(t.Context(), m, value.EmptyObject, emulator.Options{Caller: calls.Enforce(calls.Enforcement{Authority: a}, answered), Store: store})
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if e := result.Execution.Err(); e != nil {
			got = e.Name + " " + regexp.MustCompile(`Request ID: [-0-9a-f]+`).ReplaceAllString(e.Cause, "Request ID: ID")
		} else {
			got = result.Execution.Output().JSON()
		}
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func compile(t *testing.T, text string) *emulator.Machine {
	t.Helper()
	def, err := asl.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	m, err := emulator.Compile(def)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestGates(t *testing.T) {
	for _, name := range calls.Gates() {
		if g := calls.FindGate(name); g == nil || g.Name != name || g.Exception == "" || g.Status < 400 || g.Message == "" {
			t.Errorf("%s: %+v", name, g)
		}
	}
	if calls.FindGate("none") != nil {
		t.Error("found a gate that is not there")
	}
}

func TestModelAccessAdd(t *testing.T) {
	for _, text := range []string{"", "amazon.nova", "=amazon.nova"} {
		if err := (calls.ModelAccess{}).Add(text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
	a := calls.ModelAccess{}
	if err := a.Add("us-east-1="); err != nil || a["us-east-1"] != nil {
		t.Error(a, err)
	}
}

// TestRefusedCallsTakeNoAnswers gives recorded answers to the calls that get through.
func TestRefusedCallsTakeNoAnswers(t *testing.T) {
	config, err := calls.ParseMocks("mocks.json", []byte(`{"StateMachines": {"m": {"TestCases": {"c": {"A": "R"}}}},
		"MockedResponses": {"R": {"0": {"Return": "first"}, "1": {"Return": "second"}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	responses, err := config.Responses("m", "c")
	if err != nil {
		t.Fatal(err)
	}
	caller := calls.Enforce(calls.Enforcement{Quotas: calls.NewQuotas(calls.Quota{Model: "*", Requests: 1})}, calls.Recorded(responses, nil))
	for i, want := range []string{`"first"`, "Bedrock.ThrottlingException Too many requests, please wait before trying again.", `"second"`} {
		req := request("A", invoke, `{"ModelId": "amazon.titan-embed-text-v2:0"}`, i)
		req.Time += int64(i) * 40000
		if got := outcome(caller.Call(t.Context(), req)); got != want {
			t.Errorf("call %d: got %s, want %s", i, got, want)
		}
	}
}

// TestQuotaInVirtualTime runs a workflow that calls a model three times as fast as its
// quota lets it, and that waits when it is throttled.
func TestQuotaInVirtualTime(t *testing.T) {
	m := compile(t, `{"StartAt": "M", "States": {"M": {"Type": "Map", "ItemsPath": "$", "End": true, "MaxConcurrency": 1,
		"ItemProcessor": {"StartAt": "Ask", "States": {"Ask": {"Type": "Task", "End": true, "Resource": "`+invoke+`",
			"Parameters": {"ModelId": "amazon.titan-embed-text-v2:0", "Body": {"inputText": "Hello"}},
			"Retry": [{"ErrorEquals": ["Bedrock.ThrottlingException"], "IntervalSeconds": 20, "BackoffRate": 1, "MaxAttempts": 5}]}}}}}}`)
	next := emulator.CallerFunc(func(context.Context, *emulator.Request) (emulator.Answer, error) {
		return emulator.Answer{Output: value.MustParse(`{"Body": {"inputTextTokenCount": 3}}`), Delay: 10 * time.Second}, nil
	})
	quotas := calls.NewQuotas(calls.Quota{Model: "amazon.titan-embed-*", Requests: 2})
	result, err := emulator.Run(t.Context(), m, value.MustParse("[1, 2, 3, 4]"), emulator.Options{Caller: calls.Enforce(calls.Enforcement{Quotas: quotas}, next)})
	if err != nil {
		t.Fatal(err)
	}
	x := result.Execution
	var failures int
	for e := range x.History().All {
		if e.Type == emulator.TaskFailed {
			failures++
			if got := e.Detail.Error.Name + " " + e.Detail.Error.Cause; got != "Bedrock.ThrottlingException Too many requests, please wait before trying again." {
				t.Error(got)
			}
		}
	}
	// Calls at 0 s and 10 s; then refused at 20 s and 40 s, let through at 60 s and 70 s.
	if took := x.Stopped() - x.Started(); x.Status() != emulator.Succeeded || failures != 2 || took != 80000 {
		t.Errorf("%s after %d ms with %d failures", x.Status(), took, failures)
	}
}
