package calls_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/sfnkit/sfnkit/asl"
	"github.com/sfnkit/sfnkit/asl/value"
	"github.com/sfnkit/sfnkit/emulator"
)

// request makes the request of a Task state's nth call.
func request(state, resource, parameters string, n int) *emulator.Request {
	return &emulator.Request{
		Execution: emulator.Info{
			ARN: "arn:aws:states:eu-west-1:111122223333:execution:m:x", Region: "eu-west-1", Account: "111122223333", Partition: "aws",
		},
		State: state, ARN: resource, Resource: asl.ParseResource(resource), Parameters: value.MustParse(parameters), Invocation: n,
		Time: 1767225600000,
	}
}

const lambda = "arn:aws:states:::lambda:invoke"

// show is a call's outcome in one line.
func show(a emulator.Answer, err error) string {
	var e *emulator.Error
	switch {
	case errors.As(err, &e):
		return "error " + e.Output().JSON()
	case err != nil:
		return err.Error()
	case a.Pending:
		return "pending"
	}
	return a.Output.String()
}

func call(t testing.TB, c emulator.Caller, req *emulator.Request) string {
	t.Helper()
	return show(c.Call(context.Background(), req))
}

// echo answers with the parameters.
var echo = emulator.CallerFunc(func(_ context.Context, req *emulator.Request) (emulator.Answer, error) {
	return emulator.Answer{Output: value.Array([]value.Value{value.String("next"), req.Parameters})}, nil
})

// answering always gives the same answer.
func answering(output string) emulator.Caller {
	return emulator.CallerFunc(func(context.Context, *emulator.Request) (emulator.Answer, error) {
		return emulator.Answer{Output: value.MustParse(output)}, nil
	})
}

// failing always fails.
func failing(name, cause string) emulator.Caller {
	return emulator.CallerFunc(func(context.Context, *emulator.Request) (emulator.Answer, error) {
		return emulator.Answer{}, emulator.NewError(name, cause)
	})
}

func equal(t *testing.T, what string, got, want any) {
	t.Helper()
	if g, w := fmt.Sprint(got), fmt.Sprint(want); g != w {
		t.Errorf("%s:\n got %s\nwant %s", what, g, w)
	}
}
