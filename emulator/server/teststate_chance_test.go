package server

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/sfnkit/sfnkit/asl/value"
	"github.com/sfnkit/sfnkit/emulator"
)

// TestStatesAsTheyRun tests states made by chance with TestState and lets executions run
// them: both must come to the same.
func TestStatesAsTheyRun(t *testing.T) {
	runs := uint64(500)
	if testing.Short() {
		runs = 40
	}
	met := map[string]int{}
	for seed := range runs {
		met[stateAsItRuns(t, seed)]++
	}
	for _, status := range []string{"SUCCEEDED", "FAILED", "CAUGHT_ERROR", "refused"} {
		if met[status] < int(runs)/50 {
			t.Errorf("%d of %d states are %s: %v", met[status], runs, status, met)
		}
	}
}

// answered answers every call in one way.
type answered struct {
	result value.Value
	err    *emulator.Error
}

func (a answered) Call(context.Context, *emulator.Request) (emulator.Answer, error) {
	if a.err != nil {
		return emulator.Answer{}, a.err
	}
	return emulator.Answer{Output: a.result}, nil
}

func oneOf[T any](rnd *rand.Rand, of ...T) T { return of[rnd.IntN(len(of))] }

// randomState makes a state of either query language; some cannot be created, some fail.
func randomState(rnd *rand.Rand) string {
	fields := []string{`"Next":"N"`}
	add := func(one int, field string, values ...string) {
		if rnd.IntN(one) == 0 {
			fields = append(fields, `"`+field+`":`+oneOf(rnd, values...))
		}
	}
	typ := oneOf(rnd, "Task", "Task", "Task", "Pass", "Wait", "Choice")
	path := oneOf(rnd, true, false)
	if typ == "Choice" {
		fields = nil
		if path {
			fields = append(fields, `"Choices":[`+oneOf(rnd,
				`{"Variable":"$.a","NumericGreaterThan":1,"Next":"N"}`, `{"Variable":"$.none","IsPresent":true,"Next":"N"}`, `{"Variable":"$.none","NumericEquals":1,"Next":"N"}`,
				`{"And":[{"Variable":"$.b.c","StringMatches":"x*"},{"Not":{"Variable":"$.a","IsNumeric":false}}],"Next":"N"}`)+`]`)
		} else {
			fields = append(fields, `"Choices":[`+oneOf(rnd,
				`{"Condition":"{% $states.input.a > 1 %}","Next":"N","Assign":{"z":1}}`, `{"Condition":"{% $states.input.none %}","Next":"N"}`, `{"Condition":"{% $v = 3 %}","Next":"N","Output":"{% $v %}"}`)+`]`)
		}
		add(2, "Default", `"C"`)
	}
	if path {
		fields = append(fields, `"QueryLanguage":"JSONPath"`)
		add(3, "InputPath", `"$.b"`, `"$.none"`, `"$"`, `null`, `"$v"`)
		add(3, "OutputPath", `"$.b"`, `"$.r"`, `"$"`, `null`, `"$.a"`)
		if typ != "Choice" && typ != "Wait" {
			add(2, "Parameters", `{"p.$":"$.a"}`, `{"p.$":"$.b.c","q":[1,{"r.$":"$.none"}]}`, `{"s.$":"States.Format('{}-{}', $.a, $v)","k":1}`, `{"t.$":"States.ArrayLength($.list)"}`)
			add(2, "ResultPath", `"$.r"`, `"$"`, `null`, `"$.b.r"`, `"$.a.r"`)
		}
		if typ == "Task" {
			add(3, "ResultSelector", `{"x.$":"$.y"}`, `{"x.$":"$.none"}`, `{"x.$":"$","c.$":"$.l[0]"}`)
		}
		add(3, "Assign", `{"w.$":"$.a"}`, `{"v":4,"w.$":"$v"}`, `{"w.$":"$.none"}`)
	} else {
		fields = append(fields, `"QueryLanguage":"JSONata"`)
		if typ == "Task" {
			add(2, "Arguments", `{"p":"{% $states.input.a %}"}`, `"{% $states.input.b %}"`, `{"p":"{% $states.input.none %}"}`, `{"s":"{% $string($v) & '-' %}"}`, `"{% $error('no') %}"`)
		}
		result := "$states.input"
		if typ == "Task" {
			result = "$states.result"
		}
		add(2, "Output", `"{% `+result+` %}"`, `{"x":"{% `+result+`.y %}"}`, `"{% $v + 1 %}"`, `"{% $sum('x') %}"`, `7`)
		add(3, "Assign", `{"w":"{% `+result+` %}"}`, `{"v":"{% $v + 1 %}","w":1}`, `{"w":"{% $none %}"}`)
	}
	switch typ {
	case "Task":
		fields = append(fields, `"Resource":"`+oneOf(rnd, "arn:aws:lambda:us-east-1:123456789012:function:f", "arn:aws:states:::lambda:invoke", "arn:aws:states:::aws-sdk:sqs:listQueues")+`"`)
		catch := `"Next":"C"`
		if path {
			catch += oneOf(rnd, ``, `,"ResultPath":"$.e"`, `,"ResultPath":null`, `,"Assign":{"w.$":"$.Error"}`)
		} else {
			catch += oneOf(rnd, ``, `,"Output":"{% $states.errorOutput.Cause %}"`, `,"Output":{"in":"{% $states.input.a %}"}`, `,"Assign":{"w":"{% $states.errorOutput %}"}`)
		}
		add(2, "Catch", `[{"ErrorEquals":["Oops"],`+catch+`}]`, `[{"ErrorEquals":["Other"],"Next":"N"},{"ErrorEquals":["States.ALL"],`+catch+`}]`, `[{"ErrorEquals":["States.TaskFailed"],`+catch+`}]`)
	case "Wait":
		if path {
			fields = append(fields, oneOf(rnd, `"Seconds":1`, `"SecondsPath":"$.a"`, `"SecondsPath":"$.none"`, `"TimestampPath":"$.b.c"`))
		} else {
			fields = append(fields, oneOf(rnd, `"Seconds":1`, `"Seconds":"{% $states.input.a %}"`, `"Timestamp":"{% $states.input.b.c %}"`))
		}
	}
	return `{"Type":"` + typ + `",` + strings.Join(fields, ",") + `}`
}

// whereEntered is what causes say of a place in a history, which a tested state has not.
var whereEntered = regexp.MustCompile(`An error occurred while executing the state '[^']*' \(entered at the event id #\d+\)\. `)

func stateAsItRuns(t *testing.T, seed uint64) string {
	rnd := rand.New(rand.NewPCG(seed, 6))
	state := randomState(rnd)
	input := oneOf(rnd, `{"a":2,"b":{"c":"xy"},"list":[1,2,3]}`, `{"a":0,"b":{"c":"2020-01-01T00:00:00Z","r":1},"list":[]}`, `{"b":[]}`, `{"a":"text","b":null}`)
	a := answered{result: value.MustParse(oneOf(rnd, `{"y":1,"l":[9],"QueueUrls":[]}`, `{"StatusCode":200,"Payload":{"y":2}}`, `{}`))}
	mock := `"mock":{"result":` + value.String(a.result.JSON()).JSON() + `,"fieldValidationMode":"NONE"}`
	if rnd.IntN(2) == 0 {
		a.err = emulator.NewError("Oops", "went wrong")
		mock = `"mock":{"errorOutput":{"error":"Oops","cause":"went wrong"}}`
	}
	if !strings.Contains(state, `"Task"`) {
		mock = `"inspectionLevel":"INFO"`
	}
	s := newServer(t, Options{Virtual: true, Caller: a})
	call := func(op, body string) (value.Value, *Error) {
		got, err := operations[op].call(s, context.Background(), []byte(body))
		if err != nil {
			var failed *Error
			if !errors.As(err, &failed) {
				t.Fatalf("%s %s: %v", op, body, err)
			}
			return value.Value{}, failed
		}
		return value.MustParse(string(got)), nil
	}
	definition := `{"StartAt":"V","States":{"V":{"Type":"Pass","Assign":{"v":3},"Next":"S"},"S":` + state + `,"N":{"Type":"Succeed"},"C":{"Type":"Succeed"}}}`
	// Next and Catch lead somewhere in the machine, and the state is tested by itself.
	tested, refused := call("TestState", `{"roleArn":"`+role+`","variables":"{\"v\":3}","stateName":"S","definition":`+value.String(definition).JSON()+`,"input":`+value.String(input).JSON()+`,`+mock+`}`)
	created, err := call("CreateStateMachine", createBody("m", definition))
	if (err == nil) != (refused == nil) {
		t.Errorf("%s\ncreated: %v\n tested: %v", definition, err, refused)
	}
	if err != nil || refused != nil {
		return "refused"
	}
	e, err := call("StartExecution", `{"stateMachineArn":"`+created.Get("stateMachineArn").Str()+`","input":`+value.String(input).JSON()+`}`)
	if err != nil {
		t.Fatal(err)
	}
	arn := `{"executionArn":"` + e.Get("executionArn").Str() + `"}`
	ran := end(t, succeed(t, s), e.Get("executionArn").Str())
	// What the next state is entered with is what the tested one gives.
	next, output := "", ""
	history, _ := call("GetExecutionHistory", arn)
	for _, ev := range history.Get("events").Elems() {
		if d := ev.Get("stateEnteredEventDetails"); d.Get("name").Str() == "N" || d.Get("name").Str() == "C" {
			next, output = d.Get("name").Str(), d.Get("input").Str()
		}
	}
	describe := func(status, output, next, err, cause string) string {
		return whereEntered.ReplaceAllString(fmt.Sprintf("%s output %s next %s error %s cause %s", status, output, next, err, cause), "")
	}
	status := tested.Get("status").Str()
	want := describe(ran.Get("status").Str(), output, next, ran.Get("error").Str(), ran.Get("cause").Str())
	got := describe(status, tested.Get("output").Str(), tested.Get("nextState").Str(), tested.Get("error").Str(), tested.Get("cause").Str())
	if status == "CAUGHT_ERROR" { // the execution has left the error behind
		got = describe("SUCCEEDED", tested.Get("output").Str(), tested.Get("nextState").Str(), "", "")
	}
	if got != want {
		t.Errorf("%s of %s\n  ran %s\ntested %s", state, input, want, got)
	}
	return status
}
