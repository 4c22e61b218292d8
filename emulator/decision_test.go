package emulator_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sfnkit/sfnkit/asl"
	"github.com/sfnkit/sfnkit/asl/value"
	"github.com/sfnkit/sfnkit/emulator"
)

// TestDecisions follows ways that the history cannot tell apart: two rules, a catcher and
// a Next that all lead to the same state, and tasks inside a Map.
func TestDecisions(t *testing.T) {
	def, err := asl.Parse([]byte(`{
  "StartAt": "Which",
  "States": {
    "Which": {"Type": "Choice", "Default": "Each", "Choices": [
      {"Variable": "$.n", "NumericEquals": 1, "Next": "Each"},
      {"Variable": "$.n", "NumericEquals": 2, "Next": "Each"}]},
    "Each": {"Type": "Map", "ItemsPath": "$.items", "End": true, "ItemProcessor": {
      "StartAt": "Ask", "States": {
        "Ask": {"Type": "Task", "Resource": "arn:aws:states:::bedrock:invokeModel", "Next": "Done",
          "Retry": [{"ErrorEquals": ["Other"]}, {"ErrorEquals": ["Busy"], "MaxAttempts": 1}],
          "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Done"}]},
        "Done": {"Type": "Succeed"}}}}
  }
}`))
	if err != nil {
		t.Fatal(err)
	}
	m, err := emulator.Compile(def)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	caller := emulator.CallerFunc(func(_ context.Context, req *emulator.Request) (emulator.Answer, error) {
		got = append(got, fmt.Sprintf("call for item %d, %s", req.Item, req.Input.JSON()))
		if req.Item == 1 {
			return emulator.Answer{}, emulator.NewError("Busy", "")
		}
		return emulator.Answer{Output: value.Null}, nil
	})
	for _, input := range []string{`{"n": 2, "items": []}`, `{"n": 3, "items": ["a", "b"]}`} {
		_, err := emulator.Run(context.Background(), m, value.MustParse(input), emulator.Options{
			Caller:     caller,
			OnDecision: func(d emulator.Decision) { got = append(got, fmt.Sprintf("%d %s %d", d.Kind, d.State, d.Index)) },
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	want := []string{
		"1 Which 1",
		"1 Which -1", `call for item 0, "a"`, "0 Ask 0", `call for item 1, "b"`, "2 Ask 1", `call for item 1, "b"`, "3 Ask 0",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
