package calls_test

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sfnkit/sfnkit/asl"
	"github.com/sfnkit/sfnkit/asl/value"
	"github.com/sfnkit/sfnkit/emulator"
	"github.com/sfnkit/sfnkit/emulator/calls"
)

func TestHistory(t *testing.T) {
	text, err := os.ReadFile("testdata/history.json")
	if err != nil {
		t.Fatal(err)
	}
	list := value.MustParse(string(text)).Get("events").Elems()
	backwards := slices.Clone(list)
	slices.Reverse(backwards)
	var capital any
	if err := json.Unmarshal([]byte(capitals(value.Array(list)).JSON()), &capital); err != nil {
		t.Fatal(err)
	}
	sdk, _ := json.Marshal(map[string]any{"Events": capital, "NextToken": nil})
	for form, text := range map[string]string{
		"CLI": string(text), "reversed": `{"events":` + value.Array(backwards).JSON() + `}`, "list": value.Array(list).JSON(),
		"SDK": strings.Replace(string(sdk), `,"NextToken":null`, "", 1),
	} {
		r, err := calls.ParseHistory("h.json", []byte(text))
		if err != nil {
			t.Fatal(form, err)
		}
		c := calls.Recorded(r, nil)
		equal(t, form+" states", r.States(), []string{"Ask", "Train", "Call"})
		for _, test := range []struct {
			state, parameters   string
			invocation, attempt int
			want                string
		}{
			{"Ask", `{"ModelId":"m"}`, 0, 0, `error {"Error":"Bedrock.ThrottlingException","Cause":"Too many requests"}`},
			{"Ask", `{"ModelId":"m"}`, 1, 1, `{"Body":{"n":1.0}}`},
			{"Ask", `{"ModelId":"other"}`, 1, 1, `{"Body":{"n":1.0}}`},
			{"Ask", `{"ModelId":"other"}`, 2, 0, `state "Ask", call 2 of r: the history in h.json answers only the calls 0, 1; give a response for the state in a mock configuration`},
			{"Call", `1`, 0, 0, `"one"`},
			{"Call", `{"a":1,"b":2}`, 1, 0, `error {"Error":"States.Timeout","Cause":""}`},
			{"Call", `{"a":1,"b":2}`, 2, 1, `state "Call", call 2 of r: the history in h.json ends before the call was answered; give a response for the state in a mock configuration`},
			{"Call", `3`, 0, 0, `error {"Error":"States.Timeout","Cause":""}`},
		} {
			req := request(test.state, "r", test.parameters, test.invocation)
			req.Attempt = test.attempt
			equal(t, form+" "+test.state, call(t, c, req), test.want)
		}
		a, err := c.Call(t.Context(), request("Ask", "r", `{"ModelId":"m"}`, 0))
		if a.Delay != 250*time.Millisecond || err == nil {
			t.Errorf("%s: the first call took %v, %v", form, a.Delay, err)
		}
		a, _ = c.Call(t.Context(), request("Train", "r", `{}`, 0))
		if a.Delay != time.Second || a.Submitted.JSON() != `{"JobArn":"a"}` || a.Job == nil {
			t.Fatalf("%s: the job was submitted after %v: %v", form, a.Delay, a.Submitted)
		}
		now := time.Unix(1e9, 0)
		_, again, err := a.Job.Poll(t.Context(), now)
		if again != time.Hour || err != nil {
			t.Errorf("%s: the job goes on for %v, %v", form, again, err)
		}
		out, again, err := a.Job.Poll(t.Context(), now.Add(again))
		if out.JSON() != `{"Status":"Completed"}` || again != 0 || err != nil {
			t.Errorf("%s: the job gives %v, %v, %v", form, out, again, err)
		}
	}
}

// capitals makes the names of members begin with a capital letter.
func capitals(v value.Value) value.Value {
	switch {
	case v.IsArray():
		var vals []value.Value
		for _, e := range v.Elems() {
			vals = append(vals, capitals(e))
		}
		return value.Array(vals)
	case v.IsObject():
		b := value.NewBuilder(v.Len())
		for k, m := range v.Members() {
			b.Set(strings.ToUpper(k[:1])+k[1:], capitals(m))
		}
		b.Set("WaitEventDetails", value.Null)
		return b.Object()
	}
	return v
}

func TestHistoryProblems(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{`{"a": 1}`, `h: this is no history: there is no list of "events"`},
		{`[1]`, `h: event 1 of the history: it is not an object`},
		{`[{"type": "X"}]`, `h: event 1 of the history: it has no id`},
		{`[{"id": 1}]`, `h: event 1 of the history: it has no type`},
		{`[{"id": 1, "type": "X"}, {"id": 1, "type": "Y"}]`, `h: event 2 of the history: the id 1 is there twice`},
		{`{"events": [], "nextToken": "t"}`, `h: this is only one page of a history: fetch the others, too (the AWS CLI does without --no-paginate)`},
		{`[`, `h:1:2: `},
	} {
		_, err := calls.ParseHistory("h", []byte(test.text))
		if err == nil || !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("%s\n got %v\nwant %s", test.text, err, test.want)
		}
	}
	r, err := calls.ParseHistory("h", []byte(`[
	  {"id": 1, "type": "TaskStateEntered", "stateEnteredEventDetails": {"name": "S"}},
	  {"id": 2, "previousEventId": 1, "type": "TaskScheduled"},
	  {"id": 3, "previousEventId": 2, "type": "TaskSucceeded", "taskSucceededEventDetails": {"outputDetails": {"truncated": true}}}]`))
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "without data", call(t, calls.Recorded(r, nil), request("S", "r", "{}", 0)),
		`state "S", call 0 of r: the history in h was read without the data of its events (includeExecutionData)`)
}

func TestLoadResponses(t *testing.T) {
	r, err := calls.LoadResponses("testdata/history.json", "", "")
	if err != nil || len(r.States()) != 3 {
		t.Error(r, err)
	}
	r, err = calls.LoadResponses("testdata/mocks.json", "Orders", "Plain")
	if err != nil || len(r.States()) != 2 {
		t.Error(r, err)
	}
	if _, err = calls.LoadResponses("testdata/none.json", "", ""); !os.IsNotExist(err) {
		t.Error(err)
	}
}

// TestReplay runs a machine, and then once more with the history of the first run for
// answers: both histories must be the same.
func TestReplay(t *testing.T) {
	def, err := asl.Parse([]byte(`{"StartAt": "Each", "States": {"Each": {"Type": "Map", "MaxConcurrency": 3, "End": true, "ItemProcessor": {"StartAt": "Call", "States": {
	  "Call": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Parameters": {"FunctionName": "f", "Payload": {"n.$": "$"}}, "TimeoutSeconds": 60,
	    "Retry": [{"ErrorEquals": ["Busy"]}], "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Sorry"}], "Next": "Train"},
	  "Train": {"Type": "Task", "Resource": "arn:aws:states:::bedrock:createModelCustomizationJob.sync", "Parameters": {"JobName.$": "$.name"}, "End": true},
	  "Sorry": {"Type": "Pass", "End": true}}}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	m, err := emulator.Compile(def)
	if err != nil {
		t.Fatal(err)
	}
	var live emulator.Caller = emulator.CallerFunc(slow)
	live = calls.Customization(calls.Job{Duration: time.Hour}, live)
	run := func(c emulator.Caller) string {
		r, err := emulator.Run(t.Context(), m, value.MustParse(`[1, 2, 3, 4, 5, 6, 7, 2]`), emulator.Options{Caller: c, Seed: 7})
		if err != nil {
			t.Fatal(err)
		}
		var events []any
		for e := range r.Execution.History().All {
			events = append(events, e.SDK(true))
		}
		text, err := json.MarshalIndent(events, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	first := run(live)
	if !strings.Contains(first, "ExecutionSucceeded") {
		t.Fatal(first)
	}
	r, err := calls.ParseHistory("first", []byte(first))
	if err != nil {
		t.Fatal(err)
	}
	second := run(calls.Recorded(r, nil))
	if first != second {
		a, b := strings.Split(first, "\n"), strings.Split(second, "\n")
		for i := range a {
			if i >= len(b) || a[i] != b[i] {
				t.Fatalf("line %d:\n%s\nbecomes\n%s", i, strings.Join(a[max(0, i-20):i+1], "\n"), b[min(i, len(b)-1)])
			}
		}
	}
	equal(t, "unused", r.Unused(), []string(nil))
}

func FuzzParseHistory(f *testing.F) {
	// Small seeds: reducing a large one takes all the time there is.
	f.Add(`[{"id":1,"type":"TaskStateEntered","stateEnteredEventDetails":{"name":"S"}},{"id":2,"previousEventId":1,"type":"TaskScheduled","timestamp":1.5},` +
		`{"id":3,"previousEventId":2,"type":"TaskSubmitted","timestamp":"2026-01-01T00:00:00Z"},{"id":4,"previousEventId":3,"type":"TaskFailed","taskFailedEventDetails":{"error":"E"}}]`)
	f.Add(`[{"id": 1, "type": "TaskScheduled", "previousEventId": 1}, {"id": 2, "type": "TaskSucceeded", "timestamp": 1e300}]`)
	f.Fuzz(func(t *testing.T, text string) {
		r, err := calls.ParseHistory("h", []byte(text))
		if err != nil {
			return
		}
		for _, s := range r.States() {
			a, _ := calls.Recorded(r, nil).Call(t.Context(), request(s, "r", "{}", 0))
			if a.Delay < 0 {
				t.Fatal(a.Delay)
			}
			if a.Job != nil {
				a.Job.Poll(t.Context(), time.Unix(0, 0))
			}
		}
	})
}
