package emulator_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/sfnkit/sfnkit/asl/value"
	"github.com/sfnkit/sfnkit/emulator"
)

var answerNull = emulator.CallerFunc(func(context.Context, *emulator.Request) (emulator.Answer, error) {
	return emulator.Answer{Output: value.Null}, nil
})

func runText(t *testing.T, definition string, input value.Value, o emulator.Options) *emulator.Execution {
	t.Helper()
	r, err := emulator.Run(context.Background(), machine(t, []byte(definition)), input, o)
	if err != nil {
		t.Fatal(err)
	}
	return r.Execution
}

// The limit on a task's parameters is one of UTF-8 bytes of the whole evaluated object.
func TestParameterLimit(t *testing.T) {
	const definition = `{"StartAt":"Call","States":{"Call":{"Type":"Task","Resource":"arn:aws:states:::bedrock:invokeModel",
	 "Parameters":{"ModelId":"amazon.nova-lite-v1:0","Body":{"prompt.$":"States.Format('{}{}', $.t[0], $.t[1])"}},"End":true}}}`
	frame := len(`{"ModelId":"amazon.nova-lite-v1:0","Body":{"prompt":""}}`)
	for _, size := range []int{262144, 262145} {
		text := strings.Repeat("日", (size-frame)/3)
		text += strings.Repeat("x", size-frame-len(text))
		half := len(text) / 6 * 3
		input := value.NewBuilder(1).Set("t", value.Array([]value.Value{value.String(text[:half]), value.String(text[half:])})).Object()
		x := runText(t, definition, input, emulator.Options{Caller: answerNull})
		want := size == 262144
		if (x.Status() == emulator.Succeeded) != want {
			t.Errorf("%d bytes: %s %v", size, x.Status(), x.Err())
		}
		if !want {
			for _, part := range []string{"'Call'", "262145", "262144", "Input.S3Uri"} {
				if !strings.Contains(x.Err().Cause, part) {
					t.Errorf("the cause does not say %s: %s", part, x.Err().Cause)
				}
			}
		}
	}
}

func TestBodyOrInput(t *testing.T) {
	for params, want := range map[string]string{
		`{"ModelId":"m","Body":{}}`:                              "",
		`{"ModelId":"m","Input":{"S3Uri":"s3://b/k"}}`:           "",
		`{"ModelId":"m","Body":{},"Input":{"S3Uri":"s3://b/k"}}`: "Only one of the fields 'Body' and 'Input'",
		`{"ModelId":"m"}`:                                        "One of the fields 'Body' and 'Input'",
		`{"Body":{}}`:                                            "The field 'ModelId' is required",
	} {
		x := runText(t, fmt.Sprintf(`{"StartAt":"Call","States":{"Call":{"Type":"Task","Resource":"arn:aws:states:::bedrock:invokeModel","Parameters":%s,
		 "Catch":[{"ErrorEquals":["States.ALL"],"Next":"Done"}],"End":true},"Done":{"Type":"Succeed"}}}`, params), value.EmptyObject, emulator.Options{Caller: answerNull})
		if want == "" && x.Status() != emulator.Succeeded || want != "" && (x.Err() == nil || x.Err().Name != emulator.ErrorRuntime || !strings.Contains(x.Err().Cause, want)) {
			t.Errorf("%s: %s %v", params, x.Status(), x.Err())
		}
	}
}

func TestResultLimits(t *testing.T) {
	long := value.String(strings.Repeat("é", 131072))
	big := emulator.CallerFunc(func(context.Context, *emulator.Request) (emulator.Answer, error) {
		return emulator.Answer{Output: long}, nil
	})
	const task = `{"StartAt":"Call","States":{"Call":{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke","Parameters":{},
	 "ResultSelector":{"n":1},"Catch":[{"ErrorEquals":["States.ALL"],"Next":"Done"}],"Next":"Bad"},"Bad":{"Type":"Fail"},"Done":{"Type":"Succeed"}}}`
	x := runText(t, task, value.EmptyObject, emulator.Options{Caller: big})
	if x.Status() != emulator.Succeeded || x.Output().Get("Error").Str() != emulator.ErrorDataLimitExceeded {
		t.Errorf("a result over the limit counts before ResultSelector and is caught: %s %v %v", x.Status(), x.Err(), x.Output())
	}
	const grow = `{"StartAt":"P","States":{"P":{"Type":"Pass","Parameters":{"a.$":"$.a","b.$":"$.a"},"End":true}}}`
	x = runText(t, grow, value.MustParse(`{"a":"`+strings.Repeat("x", 140000)+`"}`), emulator.Options{})
	if x.Err() == nil || x.Err().Name != emulator.ErrorDataLimitExceeded || !strings.Contains(x.Err().Cause, "'P'") {
		t.Errorf("an output over the limit: %s %v", x.Status(), x.Err())
	}
}

// Event 25,000 is the end of the execution, or else it fails.
func TestEventLimit(t *testing.T) {
	const loop = `{"StartAt":"A","States":{"A":{"Type":"Pass","Next":"B"},"B":{"Type":"Pass","Next":"A"}}}`
	chain := func(n int) string { // 2n+2 events
		var b strings.Builder
		b.WriteString(`{"StartAt":"S0","States":{`)
		for i := range n {
			fmt.Fprintf(&b, `"S%d":{"Type":"Pass","Next":"S%d"},`, i, i+1)
		}
		return fmt.Sprintf(`%s"S%d":{"Type":"Succeed"}}}`, b.String(), n)
	}
	for _, c := range []struct {
		definition string
		status     emulator.Status
		events     int
	}{
		{loop, emulator.Failed, 25000},
		{chain(12498), emulator.Succeeded, 25000},
		{chain(12499), emulator.Failed, 25000},
	} {
		x := runText(t, c.definition, value.EmptyObject, emulator.Options{})
		if n := x.History().Len(); x.Status() != c.status || n != c.events {
			t.Errorf("%s after %d events, want %s after %d", x.Status(), n, c.status, c.events)
		}
		if err := x.Err(); err != nil && !strings.Contains(err.Cause, "maximum number of history events (25000)") {
			t.Errorf("cause %s", err.Cause)
		}
	}
	tasks := `{"StartAt":"T","States":{"T":{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke","Parameters":{},"Next":"T2"},"T2":{"Type":"Pass","Next":"T"}}}`
	x := runText(t, tasks, value.EmptyObject, emulator.Options{Caller: answerNull})
	if n := x.History().Len(); x.Status() != emulator.Failed || n != 25000 {
		t.Errorf("%s after %d events", x.Status(), n)
	}
}

// A state may assign 262,144 bytes of JSON, an execution have 10 MiB; recorded 2026-09,
// published in github.com/radkawar/stackd.
func TestVariableLimits(t *testing.T) {
	for assign, cause := range map[string]string{
		`{"x":"{% $pad('', 262142, 'x') %}"}`:                                   "",
		`{"x":"{% $pad('', 262143, 'x') %}"}`:                                   "Variable size limit exceeded. Variable 'x' in state 'Set' was assigned 262145 bytes.",
		`{"x":"{% $pad('', 131070, 'x') %}","y":"{% $pad('', 131070, 'x') %}"}`: "",
		`{"x":"{% $pad('', 131071, 'x') %}","y":"{% $pad('', 131071, 'x') %}"}`: "State total variable size limit exceeded. Variable 'y' in state 'Set' was assigned 131073 bytes, which caused the size of variables assigned in the state to exceed its limit by 2 bytes.",
	} {
		x := runText(t, `{"QueryLanguage":"JSONata","StartAt":"Set","States":{"Set":{"Type":"Pass","Assign":`+assign+`,"End":true}}}`, value.EmptyObject, emulator.Options{})
		if got := causeOf(x); got != cause {
			t.Errorf("%s: %s", assign, got)
		}
	}
	// The same variable again and again, in branches too, is no more than one.
	const definition = `{"QueryLanguage":"JSONata","StartAt":"Loop","States":{
	 "Loop":{"Type":"Pass","Assign":{"n":"{% $exists($n) ? $n + 1 : 1 %}","big":"{% $pad('', 250000, 'x') %}"},"Next":"Fork"},
	 "Fork":{"Type":"Map","Items":[1,2],"ItemProcessor":{"StartAt":"Inner","States":{"Inner":{"Type":"Pass","Assign":{"own":"{% $pad('', 250000, 'x') %}"},"End":true}}},"Output":{},"Next":"More"},
	 "More":{"Type":"Choice","Choices":[{"Condition":"{% $n < 50 %}","Next":"Loop"}],"Default":"Done"},
	 "Done":{"Type":"Succeed"}}}`
	if got := causeOf(runText(t, definition, value.EmptyObject, emulator.Options{})); got != "" {
		t.Errorf("in a loop: %s", got)
	}
	var states strings.Builder
	for i := 1; i <= 43; i++ {
		fmt.Fprintf(&states, `"Set%d":{"Type":"Pass","Assign":{"v%d":"{%% $pad('', 250000, 'x') %%}"},"Next":"Set%d"},`, i, i, i+1)
	}
	x := runText(t, `{"QueryLanguage":"JSONata","StartAt":"Set1","States":{`+states.String()+`"Set44":{"Type":"Succeed"}}}`, value.EmptyObject, emulator.Options{})
	if got, want := causeOf(x), "Execution total variable size limit exceeded. State 'Set42' assigned variables that exceed the total execution limit by 14324 bytes."; got != want {
		t.Errorf("in all: %s", got)
	}
	if n := x.History().Len(); n != 86 || x.History().At(84).Type != emulator.EvaluationFailed || x.History().At(84).Detail.Location != "Assign" {
		t.Errorf("%d events", n)
	}
}

func causeOf(x *emulator.Execution) string {
	if x.Err() == nil {
		return ""
	}
	return x.Err().Cause
}

// What is computed is looked at again before a call is made.
func TestComputedParameters(t *testing.T) {
	const before = "An error occurred while executing the state 'Call' (entered at the event id #2). The Parameters '"
	const after = "' could not be used to start the Task: ["
	for _, test := range []struct{ resource, fields, input, params, problem string }{
		{"lambda:invoke", `"Parameters":{"FunctionName":"f","Payload.$":"$"}`, `1`, `{"FunctionName":"f","Payload":1}`, "The value for the field 'Payload' must be a STRING"},
		{"lambda:invoke", `"Parameters":{"FunctionName":"f","Payload.$":"$"}`, `[1,null]`, "", ""},
		{"lambda:invoke.waitForTaskToken", `"Parameters":{"FunctionName":"f","Payload.$":"$","TaskToken.$":"$.t"}`, `{"t":"x"}`,
			`{"FunctionName":"f","TaskToken":"x","Payload":{"t":"x"}}`, `The field "TaskToken" is not supported by Step Functions`},
		{"lambda:invoke", `"Parameters":{"FunctionName":"f","Payload.$":"$"}`, `{"t":[{"a.$":"x"}]}`, `{"FunctionName":"f","Payload":{"t":[{"a.$":"x"}]}}`,
			"The value for the field 'a.$' must be a valid JSONPath or a valid intrinsic function call"},
		{"lambda:invoke", `"Parameters":{"FunctionName":"f","Payload.$":"$"}`, `{"a.$":"$.b","c.$":1}`, "", ""},
		{"lambda:invoke", `"QueryLanguage":"JSONata","Arguments":"{% {'Payload':{}} %}"`, `{}`, `{"Payload":{}}`, "The field 'FunctionName' is required but was missing"},
		{"lambda:invoke", `"QueryLanguage":"JSONata","Arguments":{"FunctionName":"f","Payload":"{% {'a.$':'x'} %}"}`, `{}`, "", ""},
		{"aws-sdk:sqs:sendMessage", `"QueryLanguage":"JSONata","Arguments":"{% {'queueUrl':'q','DelaySeconds':'1'} %}"`, `{}`, `{"queueUrl":"q","DelaySeconds":"1"}`,
			"The field 'QueueUrl' is required but was missing, The field 'MessageBody' is required but was missing"},
		{"aws-sdk:sqs:sendMessage", `"QueryLanguage":"JSONata","Arguments":"{% {'QueueUrl':'q','MessageBody':'m','DelaySeconds':'1'} %}"`, `{}`, `{"QueueUrl":"q","MessageBody":"m","DelaySeconds":"1"}`,
			"The value for the field 'DelaySeconds' must be an INTEGER"},
		{"aws-sdk:sqs:sendMessage", `"Parameters":{"QueueUrl":"q","MessageBody.$":"$.n"}`, `{"n":7}`, `{"QueueUrl":"q","MessageBody":7}`, "The value for the field 'MessageBody' must be a STRING"},
		{"aws-sdk:batch:submitJob", `"Parameters":{"JobName":"j","JobQueue":"q","JobDefinition":"d","RetryStrategy.$":"$"}`, `{"EvaluateOnExit":[{"onStatusReason":"Host*","Action":"RETRY"}]}`,
			`{"JobName":"j","JobQueue":"q","JobDefinition":"d","RetryStrategy":{"EvaluateOnExit":[{"onStatusReason":"Host*","Action":"RETRY"}]}}`,
			`The field "onStatusReason" is not supported by Step Functions. Did you mean 'OnStatusReason'?`},
		{"aws-sdk:sqs:noSuchThing", `"Parameters":{"a.$":"$"}`, `1`, "", ""},
		{"aws-sdk:sqs:sendMessage", `"Parameters":{"bogus":1}`, `{}`, "", ""}, // which Validate finds
	} {
		definition := `{"StartAt":"Call","States":{"Call":{"Type":"Task","Resource":"arn:aws:states:::` + test.resource + `",` + test.fields + `,"Retry":[{"ErrorEquals":["States.ALL"]}],"End":true}}}`
		x := runText(t, definition, value.MustParse(test.input), emulator.Options{Caller: answerNull})
		if test.problem == "" {
			if x.Status() != emulator.Succeeded {
				t.Errorf("%s %s: %v", test.fields, test.input, x.Err())
			}
			continue
		}
		if e := x.Err(); e == nil || e.Name != emulator.ErrorRuntime || e.Cause != before+test.params+after+test.problem+"]" {
			t.Errorf("%s %s:\n got %v\nwant %s", test.fields, test.input, e, test.problem)
		}
		if n := x.History().Len(); n != 3 {
			t.Errorf("%s: %d events", test.fields, n)
		}
	}
}

// Members of a newer API pass if that is asked for, and what is wrong with others does not.
func TestNewMembers(t *testing.T) {
	limits := emulator.DefaultLimits
	limits.NewMembers = true
	for _, test := range []struct{ resource, arguments, problem string }{
		{"aws-sdk:sqs:sendMessage", `{'QueueUrl':'q','MessageBody':'m','Priority':1}`, ""},
		{"aws-sdk:sqs:sendMessage", `{'QueueUrl':'q','MessageBody':1,'Priority':1}`, "The value for the field 'MessageBody' must be a STRING"},
		{"aws-sdk:sqs:sendMessage", `{'QueueUrl':'q','MessageBody':'m','delaySeconds':1}`, "Did you mean 'DelaySeconds'?"},
		{"lambda:invoke", `{'FunctionName':'f','Priority':1}`, ""},
	} {
		definition := `{"QueryLanguage":"JSONata","StartAt":"Call","States":{"Call":{"Type":"Task","Resource":"arn:aws:states:::` + test.resource + `","Arguments":"{% ` + test.arguments + ` %}","End":true}}}`
		x := runText(t, definition, value.EmptyObject, emulator.Options{Caller: answerNull, Limits: &limits})
		if e := x.Err(); (e == nil) != (test.problem == "") || e != nil && !strings.Contains(e.Cause, test.problem) {
			t.Errorf("%s: %v", test.arguments, e)
		}
		if e := runText(t, definition, value.EmptyObject, emulator.Options{Caller: answerNull}).Err(); e == nil {
			t.Errorf("%s is taken by default", test.arguments)
		}
	}
}

// A number that a field cannot take is an error of the expression that gave it, and caught
// like one.
func TestQueriesOutOfRange(t *testing.T) {
	for field, want := range map[string]string{
		`"TimeoutSeconds":"{% 1.6 %}"`:       "The TimeoutSeconds field cannot be parsed as an integer: 1.6",
		`"TimeoutSeconds":"{% -1 %}"`:        "TimeoutSeconds must be between 0 and 99999999 but was: -1",
		`"TimeoutSeconds":"{% 100000000 %}"`: "TimeoutSeconds must be between 0 and 99999999 but was: 100000000",
		`"HeartbeatSeconds":"{% 0.5 %}"`:     "The HeartbeatSeconds field cannot be parsed as an integer: 0.5",
	} {
		x := runText(t, `{"QueryLanguage":"JSONata","StartAt":"A","States":{"A":{"Type":"Task","Resource":"arn:aws:states:::aws-sdk:sts:getCallerIdentity","Arguments":{},`+field+`,"End":true}}}`,
			value.EmptyObject, emulator.Options{Caller: answerNull})
		if e := x.Err(); e == nil || e.Name != emulator.ErrorQueryEvaluation || !strings.HasSuffix(e.Cause, "(entered at the event id #2). "+want) {
			t.Errorf("%s: %v, want %s", field, e, want)
		}
	}
	const inline = `"ItemProcessor":{"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}`
	const distributed = `"ItemProcessor":{"ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"STANDARD"},"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}`
	for _, test := range []struct{ fields, want string }{
		{`"MaxConcurrency":"{% -1 %}",` + inline, "MaxConcurrency cannot be negative."},
		{`"MaxConcurrency":"{% 1.5 %}",` + inline, "The MaxConcurrency field cannot be parsed as an integer: 1.5"},
		{`"MaxConcurrency":"{% 0 %}",` + inline, ""},
		{`"ToleratedFailureCount":"{% -1 %}",` + distributed, "ToleratedFailureCount cannot be negative."},
		{`"ToleratedFailurePercentage":"{% 100.5 %}",` + distributed, "ToleratedFailurePercentage must be between 0 and 100."},
		{`"ToleratedFailurePercentage":"{% 2.5 %}",` + distributed, ""},
		{`"ItemBatcher":{"MaxItemsPerBatch":"{% 0.5 %}"},` + distributed, "The MaxItemsPerBatch field cannot be parsed as an integer: 0.5"},
		{`"ItemReader":{"Resource":"arn:aws:states:::s3:getObject","Arguments":{"Bucket":"b","Key":"k"},"ReaderConfig":{"InputType":"JSON","MaxItems":"{% 1.5 %}"}},` + distributed,
			"The MaxItems field cannot be parsed as an integer: 1.5"},
	} {
		x := runText(t, `{"QueryLanguage":"JSONata","StartAt":"Each","States":{"Each":{"Type":"Map",`+test.fields+`,
			"Catch":[{"ErrorEquals":["States.QueryEvaluationError"],"Next":"Done"}],"End":true},"Done":{"Type":"Pass","End":true}}}`, value.MustParse(`[1]`), emulator.Options{})
		if x.Status() != emulator.Succeeded {
			t.Errorf("%s: %v", test.fields, x.Err())
			continue
		}
		cause := x.Output().Get("Cause").Str()
		if test.want == "" && cause != "" || !strings.HasSuffix(cause, test.want) {
			t.Errorf("%s: %s, want %s", test.fields, x.Output(), test.want)
		}
	}
}

// An expression in place of a whole Assign has to give the variables.
func TestAssignNeedsAnObject(t *testing.T) {
	for expression, want := range map[string]string{
		`{'a': 1}`: "",
		`5`:        "The JSONata expression '5' specified for the field 'Assign' returned an unexpected result type. Expected 'object', but was 'number' for value: 5",
		`[{}]`:     "The JSONata expression '[{}]' specified for the field 'Assign' returned an unexpected result type. Expected 'object', but was 'array' for value: [{}]",
	} {
		x := runText(t, `{"QueryLanguage":"JSONata","StartAt":"A","States":{"A":{"Type":"Pass","Assign":"{% `+expression+` %}","Next":"B"},
			"B":{"Type":"Pass","Output":"{% $a %}","End":true}}}`, value.EmptyObject, emulator.Options{})
		e := x.Err()
		if want == "" && e != nil || want != "" && (e == nil || e.Name != emulator.ErrorQueryEvaluation || !strings.HasSuffix(e.Cause, want)) {
			t.Errorf("%s: %v, want %s", expression, e, want)
		}
	}
}

// What a state makes of its input has to fit, whatever becomes of it.
func TestInputLimits(t *testing.T) {
	const then = `"Catch":[{"ErrorEquals":["States.DataLimitExceeded"],"ResultPath":null,"Next":"Small"}],"Next":"Bad"},"Bad":{"Type":"Fail"},"Small":{"Type":"Pass","Result":1,"End":true}}}`
	const twice = `{"a.$":"$.a","b.$":"$.a"}`
	for name, test := range map[string]struct {
		definition string
		want       emulator.Status
	}{
		"parallel": {`{"StartAt":"A","States":{"A":{"Type":"Parallel","Parameters":` + twice + `,"Branches":[{"StartAt":"B","States":{"B":{"Type":"Pass","Result":1,"End":true}}}],` + then, emulator.Succeeded},
		"parallel in JSONata": {`{"StartAt":"A","States":{"A":{"Type":"Parallel","QueryLanguage":"JSONata","Arguments":"{% [$states.input.a, $states.input.a] %}","Branches":[{"StartAt":"B","States":{"B":{"Type":"Pass","Result":1,"End":true}}}],
			"Catch":[{"ErrorEquals":["States.DataLimitExceeded"],"Next":"Small"}],"Next":"Bad"},"Bad":{"Type":"Fail"},"Small":{"Type":"Pass","Result":1,"End":true}}}`, emulator.Succeeded},
		"map":  {`{"StartAt":"A","States":{"A":{"Type":"Map","ItemsPath":"$.l","ItemSelector":` + twice + `,"ItemProcessor":{"StartAt":"B","States":{"B":{"Type":"Pass","Result":1,"End":true}}},` + then, emulator.Succeeded},
		"pass": {`{"StartAt":"A","States":{"A":{"Type":"Pass","Parameters":` + twice + `,"ResultPath":null,"End":true}}}`, emulator.Failed},
	} {
		input := value.MustParse(`{"l":[1],"a":"` + strings.Repeat("x", 140000) + `"}`)
		x := runText(t, test.definition, input, emulator.Options{})
		if x.Status() != test.want || test.want == emulator.Failed && x.Err().Name != emulator.ErrorDataLimitExceeded {
			t.Errorf("%s: %s %v", name, x.Status(), x.Err())
		}
		if x = runText(t, test.definition, input, emulator.Options{Limits: &emulator.Limits{}}); name == "pass" && x.Status() != emulator.Succeeded {
			t.Errorf("%s without limits: %s %v", name, x.Status(), x.Err())
		}
	}
}
