package server

import (
	"strings"
	"testing"
)

// Members of a newer API are refused as by the service, unless they are to pass.
func TestNewMembers(t *testing.T) {
	const state = `{\"Type\":\"Task\",\"Resource\":\"arn:aws:states:::aws-sdk:sqs:sendMessage\",\"Parameters\":{\"QueueUrl\":\"q\",\"MessageBody.$\":\"$.m\",\"Priority\":1},\"End\":true}`
	const machine = `{\"StartAt\":\"A\",\"States\":{\"A\":` + state + `}}`
	const role = `"roleArn":"arn:aws:iam::123456789012:role/r",`
	for _, pass := range []bool{false, true} {
		r := &script{t: t, s: newServer(t, Options{NewMembers: pass})}
		for op, body := range map[string]string{
			"CreateStateMachine":             `{"name":"m",` + role + `"definition":"` + machine + `"}`,
			"TestState":                      `{` + role + `"definition":"` + state + `","input":"{\"m\":\"x\"}","mock":{"result":"{}"}}`,
			"ValidateStateMachineDefinition": `{"definition":"` + machine + `"}`,
		} {
			got, _ := r.post(op, body)
			if refused := strings.Contains(got.JSON(), `The field \"Priority\" is not supported`); refused == pass {
				t.Errorf("%s, %v: %s", op, pass, got)
			}
			if pass && op == "TestState" && got.Get("status").Str() != "SUCCEEDED" {
				t.Errorf("TestState: %s", got)
			}
		}
	}
}
