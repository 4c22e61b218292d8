package calls_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sfnkit/sfnkit/asl"
	"github.com/sfnkit/sfnkit/asl/value"
	"github.com/sfnkit/sfnkit/emulator"
	"github.com/sfnkit/sfnkit/emulator/calls"
)

func TestMatched(t *testing.T) {
	c, err := calls.LoadMocks("testdata/matched.json")
	if err != nil {
		t.Fatal(err)
	}
	const (
		glue     = "arn:aws:states:::glue:startJobRun.sync"
		queue    = "arn:aws:states:::sqs:sendMessage.waitForTaskToken"
		activity = "arn:aws:states:us-east-1:123456789012:activity:a"
		where    = `the matched response "ByAmount" in testdata/matched.json`
	)
	for _, test := range []struct {
		state, resource, parameters, input string
		item, attempt, invocation          int
		want                               string
	}{
		{"Charge", lambda, `{"Payload":{"amount":200}}`, `{}`, 2, 0, 0, `error {"Error":"TooMuch","Cause":null}`},
		{"Charge", lambda, `{}`, `{}`, 2, 0, 3, `error {"Error":"Busy","Cause":"later"}`},
		{"Charge", lambda, `{}`, `{}`, 2, 1, 4, `error {"Error":"Busy","Cause":"later"}`},
		{"Charge", lambda, `{}`, `{}`, 2, 2, 5, `"one or two"`},
		{"Charge", lambda, `{}`, `{}`, 1, 0, 5, `"one or two"`},
		{"Charge", lambda, `{}`, `{"late":true}`, -1, 0, 0, `"late" after 1.5s`},
		{"Charge", lambda, `{"who":"b"}`, `{"late":true}`, -1, 1, 1, `"a or b"`},
		{"Charge", lambda, `{"who":"c"}`, `{}`, -1, 0, 7, `"the seventh"`},
		{"Charge", lambda, `{"Payload":{"time":true}}`, `{}`, -1, 0, 8, `"on time"`},
		{"Charge", lambda, `{"who":"c"}`, `{}`, -1, 0, 9, `state "Charge", call 9 of ` + lambda + `: ` + where +
			` has no rule that holds for attempt 0 with the parameters {"who":"c"}; add {"Call": 9, "Return": {}} to it`},
		{"Charge", lambda, `{"who":"` + strings.Repeat("c", 300) + `"}`, `{}`, 0, 3, 9, `state "Charge", call 9 of ` + lambda + `: ` + where +
			` has no rule that holds for attempt 3 for item 0 with the parameters {"who":"` + strings.Repeat("c", 192) + `... (310 bytes); add {"Call": 9, "Return": {}} to it`},
		{"Train", glue, `{}`, `{}`, -1, 0, 0, `job {"JobRunId":"j1"} after 1m30s: error {"Error":"States.TaskFailed","Cause":"lost"}`},
		{"Train", glue, `{}`, `{}`, -1, 1, 1, `job {"JobRunId":"j2"} after 0s: {"JobRunState":"SUCCEEDED"}`},
		{"Ask", queue, `{"now":true}`, `{}`, -1, 0, 0, `{"approved":true}`},
		{"Ask", queue, `{}`, `{}`, -1, 0, 1, `pending {"MessageId":"m"}`},
		{"Work", activity, `{}`, `{"n":1}`, -1, 0, 0, `"done" after 5s`},
		{"Work", activity, `{"x":1}`, `{"n":2}`, -1, 0, 1, `["next",{"x":1}]`},
		{"Plain", lambda, `{}`, `{}`, -1, 0, 0, `"plain"`},
	} {
		r, err := c.Responses("Orders", "Rules")
		if err != nil {
			t.Fatal(err)
		}
		req := request(test.state, test.resource, test.parameters, test.invocation)
		req.Input, req.Item, req.Attempt, req.Execution.Name = value.MustParse(test.input), test.item, test.attempt, "x"
		a, err := calls.Recorded(r, echo).Call(t.Context(), req)
		got := show(a, err)
		switch {
		case a.Pending:
			got += " " + a.Submitted.JSON()
		case a.Job != nil:
			start := time.UnixMilli(req.Time)
			_, again, _ := a.Job.Poll(t.Context(), start)
			out, _, err := a.Job.Poll(t.Context(), start.Add(again))
			got = "job " + a.Submitted.JSON() + " after " + again.String() + ": " + show(emulator.Answer{Output: out}, err)
		case a.Delay > 0:
			got += " after " + a.Delay.String()
		}
		equal(t, test.state+" "+test.parameters, got, test.want)
	}
	r, _ := c.Responses("Orders", "Odd")
	odd := `state "Charge", call 0 of ` + lambda + `: the matched response "Odd" in testdata/matched.json, rule `
	equal(t, "not a truth", call(t, calls.Recorded(r, nil), request("Charge", lambda, `{"Payload":{"amount":5}}`, 0)),
		odd+`1: the predicate gives 5 and not true or false`)
	equal(t, "an error", call(t, calls.Recorded(r, nil), request("Charge", lambda, `{}`, 0)), odd+`2: D3137: no`)
	equal(t, "nothing to wait for", call(t, calls.Recorded(r, nil), request("Train", glue, `{}`, 0)),
		`state "Train", call 0 of `+glue+`: the answer is to wait, but only a callback and an activity can`)

	uses := c.Use()
	equal(t, "unused", uses[0].Unused, "[]")
	equal(t, "unused", uses[1].Unused, "[Charge]")
	equal(t, "missing", len(uses[0].Missing), 2)
	equal(t, "missing", uses[1].Missing[2], `state "Train", call 0 of `+glue+`: the answer is to wait, but only a callback and an activity can`)
	equal(t, "asked", uses[0].Asked && uses[1].Asked, true)
}

// TestMatchedRun runs a machine whose Map calls out of order, fails by item and attempt,
// and has a job and a callback.
func TestMatchedRun(t *testing.T) {
	for name, processor := range map[string]string{"inline": "", "distributed": `"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"},`} {
		t.Run(name, func(t *testing.T) { testMatchedRun(t, processor) })
	}
}

func testMatchedRun(t *testing.T, processor string) {
	t.Helper()
	c, err := calls.ParseMocks("m", []byte(`{"StateMachines": {"M": {"TestCases": {"T": {"Charge": "C", "Train": "J", "Ask": "A"}}}},
	  "MatchedResponses": {
	    "C": [{"Item": 1, "Attempt": "0-1", "Throw": {"Error": "Busy"}}, {"Item": 1, "Attempt": 2, "Return": "third time"},
	          {"When": "$input.n = 30", "Return": "thirty"}, {"Return": "other"}, {"Call": 99, "Return": 0}],
	    "J": [{"Submitted": {"id": 1}, "Seconds": 3600, "Return": {"state": "ok"}}],
	    "A": [{"Seconds": 60, "Throw": {"Error": "Refused"}}]}}`))
	if err != nil {
		t.Fatal(err)
	}
	def, err := asl.Parse([]byte(`{"StartAt": "Each", "States": {
	  "Each": {"Type": "Map", "ItemsPath": "$", "Next": "Train", "ItemProcessor": {` + processor + `"StartAt": "Charge", "States": {
	    "Charge": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Parameters": {"FunctionName": "f"}, "End": true,
	      "Retry": [{"ErrorEquals": ["Busy"], "IntervalSeconds": 1}]}}}},
	  "Train": {"Type": "Task", "Resource": "arn:aws:states:::glue:startJobRun.sync", "Parameters": {"JobName": "j"}, "ResultPath": null, "Next": "Ask"},
	  "Ask": {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken", "End": true,
	    "Parameters": {"QueueUrl": "https://q", "MessageBody.$": "$$.Task.Token"}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	m, err := emulator.Compile(def)
	if err != nil {
		t.Fatal(err)
	}
	r, err := c.Responses("M", "T")
	if err != nil {
		t.Fatal(err)
	}
	result, err := emulator.Run(t.Context(), m, value.MustParse(`[{"n":10},{"n":20},{"n":30}]`), emulator.Options{Caller: calls.Recorded(r, nil)})
	if err != nil {
		t.Fatal(err)
	}
	x := result.Execution
	equal(t, "error", x.Err().Output(), `{"Error":"Refused","Cause":null}`)
	var trail []string
	for e := range x.History().All {
		switch e.Type {
		case emulator.MapStateExited:
			equal(t, "the map", e.Value, `["other","third time","thirty"]`)
			trail = nil
		case emulator.TaskSubmitted, emulator.TaskSucceeded, emulator.TaskFailed:
			trail = append(trail, e.Type.String()+" "+e.Value.JSON())
		}
	}
	equal(t, "the job and the callback", strings.Join(trail, "; "), `TaskSubmitted {"id":1}; TaskSucceeded {"state":"ok"}; TaskSubmitted {}; TaskFailed null`)
	if took := x.Stopped() - x.Started(); took < 3660_000 || took > 3670_000 {
		t.Errorf("it took %d ms", took)
	}
	equal(t, "unused", r.Unused(), `[Charge rule 5]`)
	equal(t, "missing", r.Missing(), `[]`)
}

func TestMockFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mocks.json")
	hour := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	write := func(text string) {
		t.Helper()
		hour = hour.Add(time.Hour)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, hour, hour); err != nil {
			t.Fatal(err)
		}
	}
	var notes []string
	note := func(err error) {
		if err == nil {
			notes = append(notes, "read")
		} else {
			notes = append(notes, strings.ReplaceAll(err.Error(), path, "FILE"))
		}
	}
	told := func(want string) {
		t.Helper()
		equal(t, "told", strings.Join(notes, "; "), want)
		notes = nil
	}
	if _, err := calls.OpenMocks(path, note); !os.IsNotExist(err) {
		t.Error(err)
	}
	write(`{"StateMachines": {"A": {"TestCases": {}}}}`)
	f, err := calls.OpenMocks(path, note)
	if err != nil {
		t.Fatal(err)
	}
	first := f.Config()
	if f.Config() != first {
		t.Error("it is read again without a change")
	}
	told("")
	write(`{"StateMachines": {"B": {"TestCases": {}}}}`) // of the same size
	equal(t, "changed", f.Config().Machines(), "[B]")
	told("read")
	write(`{"StateMachines": {"C": {}}}`)
	for range 3 {
		equal(t, "kept", f.Config().Machines(), "[B]")
	}
	told("FILE:1:20: there are no TestCases at /StateMachines/C")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		equal(t, "kept", f.Config().Machines(), "[B]")
	}
	told("stat FILE: no such file or directory")
	write(`{"StateMachines": {"D": {"TestCases": {}}}}`)
	equal(t, "back", f.Config().Machines(), "[D]")
	told("read")
}
