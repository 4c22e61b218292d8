package server

import (
	"context"
	"strings"
	"testing"

	"github.com/sfnkit/sfnkit/asl"
	"github.com/sfnkit/sfnkit/emulator"
	"github.com/sfnkit/sfnkit/emulator/calls"
)

// TestGuard refuses calls before mocks answer them, and state machines whose role does
// not suffice.
func TestGuard(t *testing.T) {
	mocks, err := calls.ParseMocks("mocks.json", []byte(`{"StateMachines":{"m":{"TestCases":{"T":{"Call":"R"}}}},"MockedResponses":{"R":{"0":{"Return":1}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	s := newServer(t, Options{
		Mocks: mocks,
		Guard: func(next emulator.Caller) emulator.Caller {
			return emulator.CallerFunc(func(ctx context.Context, req *emulator.Request) (emulator.Answer, error) {
				if strings.HasSuffix(req.Execution.RoleARN, "/poor") {
					return emulator.Answer{}, emulator.NewError("Denied", req.Execution.RoleARN)
				}
				return next.Call(ctx, req)
			})
		},
		Creation: func(machineARN, roleARN string, definition *asl.StateMachine) string {
			if strings.HasSuffix(roleARN, "/none") {
				return "'" + roleARN + "' is not authorized to create managed-rule."
			}
			return ""
		},
	})
	r := &script{t: t, s: s}
	const role = "arn:aws:iam::123456789012:role/"
	create := func(name string) string {
		got, _ := r.post("CreateStateMachine", `{"name":"m","type":"EXPRESS","roleArn":"`+role+name+`","definition":"`+
			`{\"StartAt\":\"Call\",\"States\":{\"Call\":{\"Type\":\"Task\",\"Resource\":\"arn:aws:states:::lambda:invoke\",\"Parameters\":{\"FunctionName\":\"f\"},\"End\":true}}}"}`)
		return got.JSON()
	}
	if got := create("none"); !strings.Contains(got, "AccessDeniedException") || !strings.Contains(got, "'"+role+"none' is not authorized to create managed-rule.") {
		t.Error(got)
	}
	if got := create("rich"); !strings.Contains(got, "stateMachineArn") {
		t.Fatal(got)
	}
	const start = `{"stateMachineArn":"arn:aws:states:us-east-1:123456789012:stateMachine:m#T"}`
	if got, _ := r.post("StartSyncExecution", start); got.Get("output").Str() != "1" {
		t.Error(got)
	}
	update := func(name string) string {
		got, _ := r.post("UpdateStateMachine", `{"stateMachineArn":"arn:aws:states:us-east-1:123456789012:stateMachine:m","roleArn":"`+role+name+`"}`)
		return got.JSON()
	}
	if got := update("none"); !strings.Contains(got, "AccessDeniedException") {
		t.Error(got)
	}
	if got := update("poor"); !strings.Contains(got, "updateDate") {
		t.Error(got)
	}
	if got, _ := r.post("StartSyncExecution", start); got.Get("error").Str() != "Denied" || got.Get("cause").Str() != role+"poor" {
		t.Error(got)
	}
	const call = `"definition":"{\"Type\":\"Task\",\"Resource\":\"arn:aws:states:::lambda:invoke\",\"Parameters\":{\"FunctionName\":\"f\"},\"End\":true}"`
	if got, _ := r.post("TestState", `{"roleArn":"`+role+`poor",`+call+`}`); got.Get("error").Str() != "Denied" {
		t.Error(got)
	}
	if got, _ := r.post("TestState", `{"mock":{"result":"{}"},`+call+`}`); got.Get("output").Str() != "{}" {
		t.Error(got)
	}
}
