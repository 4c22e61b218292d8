package calls_test

import (
	"testing"
	"time"

	"github.com/sfnkit/sfnkit/asl"
	"github.com/sfnkit/sfnkit/asl/value"
	"github.com/sfnkit/sfnkit/emulator"
	"github.com/sfnkit/sfnkit/emulator/calls"
)

func TestParseFault(t *testing.T) {
	for _, test := range []struct {
		text, err string
		want      calls.Fault
	}{
		{"Ask:Bedrock.ThrottlingException×3", "<nil>", calls.Fault{State: "Ask", Error: "Bedrock.ThrottlingException", Times: 3}},
		{"a: b:States.Timeout*2", "<nil>", calls.Fault{State: "a: b", Error: "States.Timeout", Times: 2}},
		{"Ask:E", "<nil>", calls.Fault{State: "Ask", Error: "E", Times: 1}},
		{"Ask", `fault "Ask" is not of the form State:Error*N`, calls.Fault{}},
		{":E", `fault ":E" is not of the form State:Error*N`, calls.Fault{}},
		{"Ask:", `fault "Ask:" has no error name of at most 256 characters`, calls.Fault{}},
		{"Ask:E×0", `fault "Ask:E×0": "0" is not a number of calls`, calls.Fault{}},
		{"Ask:E×many", `fault "Ask:E×many": "many" is not a number of calls`, calls.Fault{}},
	} {
		f, err := calls.ParseFault(test.text)
		equal(t, test.text, err, test.err)
		equal(t, test.text, f, test.want)
	}
}

func TestFaults(t *testing.T) {
	r, err := calls.ParseMocks("m", []byte(`{"StateMachines": {"M": {"TestCases": {"T": {"Ask": "R"}}}}, "MockedResponses": {"R": {"0": {"Return": "first"}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	responses, err := r.Responses("", "")
	if err != nil {
		t.Fatal(err)
	}
	c := calls.Faults([]calls.Fault{{State: "Ask", Error: "Slow", Times: 2}, {State: "Ask", Error: "Broken", Cause: "why", Times: 1}}, calls.Recorded(responses, echo))
	for i, want := range []string{
		`error {"Error":"Slow","Cause":"injected fault 1 of 2"}`, `error {"Error":"Slow","Cause":"injected fault 2 of 2"}`, `error {"Error":"Broken","Cause":"why"}`, `"first"`,
	} {
		equal(t, "call", call(t, c, request("Ask", lambda, "{}", i)), want)
	}
	equal(t, "another state", call(t, c, request("Tell", lambda, "{}", 0)), `["next",{}]`)
}

func TestLatency(t *testing.T) {
	c := calls.Latency(func(r *emulator.Request) time.Duration { return time.Duration(r.Invocation-1) * time.Second }, emulator.CallerFunc(slow))
	for n, want := range []time.Duration{0, 0, time.Second} {
		a, err := c.Call(t.Context(), request("S", lambda, `{"n": 0}`, n))
		if a.Delay != want || err == nil {
			t.Error(n, a.Delay, err)
		}
	}
}

// TestRecord runs a machine, and once more with what was recorded.
func TestRecord(t *testing.T) {
	def, err := asl.Parse([]byte(`{"StartAt": "Call", "States": {
	  "Call": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Parameters": {"FunctionName": "f", "Payload": {"n.$": "$.n"}},
	    "Retry": [{"ErrorEquals": ["Busy"]}], "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "Train"}], "ResultPath": "$.call", "Next": "Train"},
	  "Train": {"Type": "Task", "Resource": "arn:aws:states:::bedrock:createModelCustomizationJob.sync", "Parameters": {"JobName": "x"}, "ResultPath": "$.job", "Next": "Count"},
	  "Count": {"Type": "Pass", "Parameters": {"n.$": "States.MathAdd($.n, 1)"}, "Next": "Enough?"},
	  "Enough?": {"Type": "Choice", "Choices": [{"Variable": "$.n", "NumericLessThan": 7, "Next": "Call"}], "Default": "Done"},
	  "Done": {"Type": "Succeed"}}}`))
	if err != nil {
		t.Fatal(err)
	}
	m, err := emulator.Compile(def)
	if err != nil {
		t.Fatal(err)
	}
	run := func(c emulator.Caller) (string, int) {
		r, err := emulator.Run(t.Context(), m, value.MustParse(`{"n": 1}`), emulator.Options{Caller: c})
		if err != nil {
			t.Fatal(err)
		}
		return r.Execution.Output().JSON(), r.Execution.History().Len()
	}
	var rec calls.Recording
	out, events := run(calls.Record(&rec, calls.Customization(calls.Job{}, emulator.CallerFunc(slow))))
	text := rec.Mocks("M", "T")
	c, err := calls.ParseMocks("recorded", text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	r, err := c.Responses("M", "T")
	if err != nil {
		t.Fatal(err)
	}
	again, events2 := run(calls.Recorded(r, nil))
	if again != out || events != events2 {
		t.Errorf("%s, %d events\nbecomes\n%s, %d events\nwith\n%s", out, events, again, events2, text)
	}
	equal(t, "unused", r.Unused(), []string(nil))

	var empty calls.Recording
	if _, err := calls.ParseMocks("empty", empty.Mocks("M", "T")); err != nil {
		t.Error(err)
	}
	e := calls.Record(&empty, failing("E", ""))
	for i := range 3 {
		call(t, e, request("S", lambda, "{}", i))
	}
	call(t, calls.Record(&empty, nil), request("Nobody", lambda, "{}", 0))
	call(t, calls.Record(&empty, answering("null")), request("N", lambda, "{}", 1))
	equal(t, "ranges", value.MustParse(string(empty.Mocks("M", "T"))).Get("MockedResponses"),
		`{"S":{"0-2":{"Throw":{"Error":"E","Cause":""}}},"N":{"1":{"Return":null}}}`)
}
