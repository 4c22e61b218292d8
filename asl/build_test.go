package asl

import (
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sfnkit/sfnkit/asl/value"
)

// everything uses every method of the builder that JSONPath states have.
func everything() *Definition {
	noon := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	end := Succeed("End").InputPath("$.a").OutputPath("$.b").Comment("the end")
	failed := Fail("Failed").ErrorFrom(Path("$.error.Error")).CauseFrom(States.Format("because {}", Path("$.error.Cause")))
	task := Task("Task", ServiceARN("lambda", "invoke", WaitForTaskToken)).Comment("a task").
		InputPath("$.x[*]").OutputPath("$['y']").ResultPath("$.result").ResultSelector(Object{"a": Path("$.b")}).
		Parameters(Object{"FunctionName": "f", "Payload": Object{"token": Path("$$.Task.Token")}}).Assign(Object{"v": Path("$.w")}).
		Credentials(Path("$.role")).TimeoutSeconds(60).HeartbeatSecondsFrom(Path("$.beat")).
		Retry(RetryOn("A", "B").Comment("again").IntervalSeconds(2).MaxAttempts(0).BackoffRate(1.5).MaxDelaySeconds(9).FullJitter()).
		Retry(RetryOn(StatesALL)).
		Catch(CatchOn("C").Comment("here").ResultPath("$.error").Assign(Object{"e": Path("$.Error")}), failed).
		Catch(CatchOn(StatesALL).DiscardResult(), failed)
	wait := Wait("Wait", SecondsFrom(Path("$.n")))
	choice := Choice("Choice").Assign(Object{"d": 1}).
		When(And(Path("$.s").StringEquals("x"), Or(Path("$.n").NumericLessThan(5), Not(Path("$.p").IsPresent(true)))), wait,
			RuleComment("first"), RuleAssign(Object{"c": Path("$.c")})).
		When(Path("$.t").TimestampGreaterThanEqualsPath("$.u"), end).
		When(Path("$.t").TimestampLessThan(noon), end).
		When(Path("$.b").BooleanEquals(false), end).
		When(Path("$.m").StringMatches("a*"), failed).
		Otherwise(end)
	batch := DistributedMap("Batch", ExpressExecution, Pass("Inside").Result(Object{"$.x": "$.y"}).DiscardInput()).
		Label("batch").ToleratedFailureCountFrom(Path("$.count")).ToleratedFailurePercentage(12.5).
		ItemReader(ReadCSV("bucket", Path("$.key"), "a", "b").CSVDelimiter("TAB").MaxItems(7)).
		ItemBatcher(Batch(10).MaxInputBytes(1000).BatchInput(Object{"z": Path("$.z")})).
		ResultWriter(WriteTo("bucket", "out").Format("FLATTEN", "JSONL")).
		MaxConcurrencyFrom(Path("$.many")).DiscardOutput()
	parallel := Parallel("Parallel",
		Chain(Pass("One"), Wait("Two", Until(noon))),
		Map("Three", Pass("Four")).ItemsPath("$.items").ItemSelector(Object{"i": Path("$$.Map.Item.Index")}).MaxConcurrency(3))
	wait.Next(task)
	return Define(Chain(Pass("First").DiscardResult(), task, batch, parallel, choice)).
		Comment("everything").Version("1.0").TimeoutSeconds(100)
}

func everythingJSONata() *Definition {
	failed := Fail("Failed").ErrorFrom(Expr("$e")).CauseFrom(Expr("$c"))
	items := DistributedMap("Each", StandardExecution, Pass("Inside").Output(Expr("$states.input"))).
		Items(Expr("$states.input.items")).ItemReader(ReadObjects("bucket", Expr("$prefix")).MaxItemsFrom(Expr("$n"))).
		ItemBatcher(BatchFrom(Expr("$n"))).ToleratedFailurePercentageFrom(Expr("$p")).ResultWriter(WriteTo(Expr("$b"), "p"))
	choice := Choice("Choice").Output(Expr("$states.input")).
		When(Expr("$states.input.n > 5"), items, RuleOutput(Object{"n": Expr("$n")}), RuleAssign(Object{"m": []any{1, Expr("$n")}})).
		Otherwise(Succeed("End").Output([]int{1, 2}))
	task := Task("Task", SDKServiceARN("sfn", "listActivities", RequestResponse)).Arguments(Object{"MaxResults": Expr("$max")}).
		Output(Expr("$states.result")).TimeoutSecondsFrom(Expr("$t")).HeartbeatSeconds(5).Credentials("arn:aws:iam::123456789012:role/x").
		Catch(CatchOn(StatesALL).Output(Expr("$states.errorOutput")).Assign(Object{"e": Expr("$states.errorOutput.Error")}), failed)
	items.Next(Chain(
		DistributedMap("Flat", ExpressExecution, Pass("Flat one")).
			ItemReader(ReadObjects("bucket", "prefix").LoadAndFlatten("CSV").Parameter("ExpectedBucketOwner", "123456789012")),
		DistributedMap("Athena", ExpressExecution, Pass("Athena one")).ItemReader(ReadParquet("bucket", "manifest.csv").AthenaManifest()),
		DistributedMap("Inventory", ExpressExecution, Pass("Inventory one")).ItemReader(ReadInventory("bucket", "manifest.json")),
		DistributedMap("Pointer", ExpressExecution, Pass("Pointer one")).ItemReader(ReadJSON("bucket", "k").ItemsPointer("/a/b")).ItemBatcher(BatchBytes(100)),
		DistributedMap("Lines", ExpressExecution, Pass("Lines one")).ItemReader(ReadJSONL("bucket", "k")).ResultWriter(Writer{}.Format("COMPACT", "JSON")),
	))
	return Define(Chain(Wait("W", SecondsFrom(Expr("$s"))), Wait("V", UntilFrom(Expr("$s"))), task, Parallel("P", Pass("Q")).Arguments(Expr("$x")), choice)).
		QueryLanguage(JSONata)
}

func TestBuildIsParse(t *testing.T) {
	for name, d := range map[string]*Definition{"JSONPath": everything(), "JSONata": everythingJSONata()} {
		t.Run(name, func(t *testing.T) {
			m, err := d.Build()
			if err != nil {
				t.Fatal(err)
			}
			text := Print(m)
			parsed, err := Parse(text)
			if err != nil {
				t.Fatalf("%v\n%s", err, text)
			}
			if !Equal(m, parsed) {
				t.Errorf("parsed again:\n%s", cmp.Diff(string(text), string(Print(parsed))))
			}
			var unknown []string
			for s := range parsed.AllStates {
				for _, x := range s.Extra {
					unknown = append(unknown, s.Name+"."+x.Name)
				}
			}
			if unknown != nil {
				t.Errorf("fields that are unknown: %v", unknown)
			}
			again, err := d.Build()
			if err != nil || !Equal(m, again) {
				t.Errorf("built again: %v", err)
			}
			golden(t, "testdata/build/"+name+".asl.json", text)
		})
	}
}

type base struct {
	B   int    `json:"b"`
	Gen string `json:",omitempty"`
}

type record struct {
	Z    string `json:"z"`
	base `json:"-"`
	*Deep
	Named  base `json:"named"`
	hidden int
	Skip   int       `json:"-"`
	Empty  []int     `json:"empty,omitempty"`
	Zero   time.Time `json:"zero,omitzero"`
	Text   int       `json:"text,string"`
	Any    any       `json:"any"`
}

// Deep is embedded, and nil in half of the tests.
type Deep struct {
	D any `json:"d"`
}

func TestTemplates(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	tests := []struct {
		name     string
		in       any
		path     string // "" means an error
		jsonata  string
		problems string // in JSONPath, then in JSONata
	}{
		{"literals", Object{"s": "$.x", "n": nil, "i": -3, "u": uint64(math.MaxUint64), "f": 1.5, "g": float32(0.1), "b": true, "by": []byte("hi"), "j": json.Number("1.0")},
			`{"b":true,"by":"aGk=","f":1.5,"g":0.1,"i":-3,"j":1.0,"n":null,"s":"$.x","u":18446744073709551615}`, "same", ""},
		{"marshalers", Object{"t": at, "p": &at, "r": json.RawMessage(`{"k":[1]}`), "v": value.MustParse(`{"z":1,"a":2}`)},
			`{"p":"2026-01-02T03:04:05Z","r":{"k":[1]},"t":"2026-01-02T03:04:05Z","v":{"z":1,"a":2}}`, "same", ""},
		{"structs", record{Z: "z", Named: base{B: 1}, Text: 5, hidden: 1, Any: &Deep{1}},
			`{"z":"z","named":{"b":1},"text":"5","any":{"d":1}}`, "same", ""},
		{"embedded", &record{Deep: &Deep{D: map[int]string{2: "b", 10: "a"}}},
			`{"z":"","d":{"10":"a","2":"b"},"named":{"b":0},"text":"0","any":null}`, "same", ""},
		{"nothing", nil, `null`, "same", ""},
		{"nil containers", Object{"m": map[string]int(nil), "s": []int(nil), "p": (*int)(nil)}, `{"m":null,"p":null,"s":null}`, "same", ""},
		{"paths", Object{"a": Path("$.x"), "b": []any{Object{"c": Path("$$.y")}}, "c": struct {
			P Path `json:"p"`
		}{"$v"}}, `{"a.$":"$.x","b":[{"c.$":"$$.y"}],"c":{"p.$":"$v"}}`, "",
			"a: JSONPath path $.x in a JSONata state: use an Expr; b[0].c: JSONPath path $$.y in a JSONata state: use an Expr; c.p: JSONPath path $v in a JSONata state: use an Expr"},
		{"expressions", []any{Expr("$x"), Object{"a": Expr("1 + 1")}}, "", `["{% $x %}",{"a":"{% 1 + 1 %}"}]`,
			`[0]: JSONata expression "$x" in a JSONPath state: use a Path, or set QueryLanguage(asl.JSONata); [1].a: JSONata expression "1 + 1" in a JSONPath state: use a Path, or set QueryLanguage(asl.JSONata)`},
		{"both", Object{"a": Bilingual{Path: Path("$.x"), Expr: "$x"}}, `{"a.$":"$.x"}`, `{"a":"{% $x %}"}`, ""},
		{"a whole path", Path("$.x"), "", "", "must be an object: only its members can be paths or intrinsic calls; JSONPath path $.x in a JSONata state: use an Expr"},
		{"a list with paths", Object{"a": []any{1, Path("$.x"), []any{"s", Path("$.y")}}}, `{"a.$":"States.Array(1, $.x, States.Array('s', $.y))"}`, "",
			"a[1]: JSONPath path $.x in a JSONata state: use an Expr; a[2][1]: JSONPath path $.y in a JSONata state: use an Expr"},
		{"a list of paths", Object{"a": []Path{"$.x"}}, `{"a.$":"States.Array($.x)"}`, "", "a[0]: JSONPath path $.x in a JSONata state: use an Expr"},
		{"a list with an object", Object{"a": []any{Object{}, Path("$.x")}}, "", "",
			"a: a list with paths or calls in it is written as a call of States.Array: argument 1 of States.Array: an object cannot be written as an argument: put it into a state's input, or use States.Array or States.StringToJson; a[1]: JSONPath path $.x in a JSONata state: use an Expr"},
		{"a list by itself", []any{Path("$.x")}, "", "", "[0]: a path or an intrinsic call must be the member of an object, not stand alone; [0]: JSONPath path $.x in a JSONata state: use an Expr"},
		{"calls", Object{"a": States.Format("{} isn't {}{x}", Path("$.a"), `it's {} \`), "b": States.JsonMerge(Path("$.a"), States.StringToJson("{}")), "c": States.MathRandom(1, 2.5, nil)},
			`{"a.$":"States.Format('{} isn\\'t {}\\{x\\}', $.a, 'it\\'s \\{\\} \\\\')","b.$":"States.JsonMerge($.a, States.StringToJson('\\{\\}'), false)","c.$":"States.MathRandom(1, 2.5, null)"}`, "",
			`a: JSONPath intrinsic call States.Format('{} isn\'t {}\{x\}', $.a, 'it\'s \{\} \\') in a JSONata state: use an Expr; b: JSONPath intrinsic call States.JsonMerge($.a, States.StringToJson('\{\}'), false) in a JSONata state: use an Expr; c: JSONPath intrinsic call States.MathRandom(1, 2.5, null) in a JSONata state: use an Expr`},
		{"by hand", Object{"a.$": "$.x", "b.$": "States.UUID()"}, `{"a.$":"$.x","b.$":"States.UUID()"}`, "same", ""},
		{"by hand in JSONata", Object{"a": "{% $x %}"}, `{"a":"{% $x %}"}`, "same", ""},
		{"given twice", Object{"a": Path("$.x"), "a.$": "$.y"}, "", `{"a":"{% 1 %}","a.$":"$.y"}`, "a.$: is given twice; a: JSONPath path $.x in a JSONata state: use an Expr"},
		{"not JSON", Object{"f": math.NaN(), "c": make(chan int)}, "", "", "c: a Go value of type chan int has no JSON form; f: JSON has no NaN; c: a Go value of type chan int has no JSON form; f: JSON has no NaN"},
		{"keys", map[float64]int{1: 1}, "", "", "map keys of type float64 cannot be member names; map keys of type float64 cannot be member names"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var problems []string
			for _, lang := range []QueryLanguage{JSONPath, JSONata} {
				e := &encoder{lang: lang, fail: func(field string, err error) {
					if field != "" {
						field += ": "
					}
					problems = append(problems, field+err.Error())
				}}
				before := len(problems)
				got := e.template("", tt.in).JSON()
				want := tt.path
				if lang == JSONata && tt.jsonata != "same" {
					want = tt.jsonata
				}
				if len(problems) == before && got != want {
					t.Errorf("%s\n got %s\nwant %s", lang, got, want)
				}
			}
			if got := strings.Join(problems, "; "); got != tt.problems {
				t.Errorf("problems\n got %s\nwant %s", got, tt.problems)
			}
		})
	}
}

// TestComparisons checks that Path has a method for each comparison of the language.
func TestComparisons(t *testing.T) {
	path := reflect.ValueOf(Path("$.a"))
	n := 0
	for i := range path.NumMethod() {
		m := path.Type().Method(i)
		if m.Type.NumOut() != 1 || m.Type.Out(0) != reflect.TypeFor[Test]() {
			continue
		}
		n++
		arg := reflect.Zero(m.Type.In(1))
		c, ok := ComparisonNamed(m.Name)
		if !ok {
			t.Errorf("there is no comparison %s", m.Name)
			continue
		}
		if c.Path {
			arg = reflect.ValueOf(Path("$.b"))
		}
		test := path.Method(i).Call([]reflect.Value{arg})[0].Interface().(Test)
		d, err := Define(Choice("C").When(test, Pass("P"))).Build()
		if err != nil {
			t.Errorf("%s: %v", m.Name, err)
			continue
		}
		if r := d.States[0].Choices[0]; r.Operator != m.Name || r.Variable != "$.a" || r.Operand.IsAbsent() {
			t.Errorf("%s gives %+v", m.Name, r)
		}
	}
	if n != 39 {
		t.Errorf("%d comparisons", n)
	}
}

// TestIntrinsics checks that States has a method for each intrinsic function.
func TestIntrinsics(t *testing.T) {
	states := reflect.ValueOf(States)
	for i := range states.NumMethod() {
		m := states.Type().Method(i)
		args := make([]reflect.Value, 0, 3)
		for j := 1; j < m.Type.NumIn() && !(m.Type.IsVariadic() && j == m.Type.NumIn()-1); j++ {
			args = append(args, reflect.ValueOf(Path("$.a")))
		}
		call := states.Method(i).Call(args)[0].Interface().(Call)
		if !strings.HasPrefix(call.String(), "States."+m.Name+"(") {
			t.Errorf("%s gives %s", m.Name, call)
		}
		if _, err := Define(Pass("P").Parameters(Object{"x": call})).Build(); err != nil {
			t.Errorf("%s: %v", m.Name, err)
		}
	}
	if n := states.NumMethod(); n != 18 {
		t.Errorf("%d intrinsic functions", n)
	}
}

func TestCyclicTemplate(t *testing.T) {
	cyclic := Object{}
	cyclic["again"] = cyclic
	_, err := Define(Pass("P").Parameters(cyclic)).Build()
	if err == nil || !strings.Contains(err.Error(), "contain itself") {
		t.Errorf("error %v", err)
	}
}

func TestBuildErrors(t *testing.T) {
	task := func() *TaskState { return Task("T", ServiceARN("sqs", "sendMessage", RequestResponse)) }
	shared := Pass("Shared")
	tests := []struct {
		name string
		d    *Definition
		want string
	}{
		{"nil step", Define(nil), `state machine: a step of the flow is nil or empty`},
		{"nil state", Define((*PassState)(nil)), `state machine: a step of the flow is nil or empty`},
		{"no name", Define(Pass("")), `state machine: a Pass state has no name`},
		{"long name", Define(Pass(strings.Repeat("é", 81))), `its name has 81 characters, more than 80`},
		{"size", Define(Pass("P").Comment(strings.Repeat("x", MaxDefinitionSize))), `state machine: the definition has 1048646 bytes, more than the 1048576 that the service takes`},
		{"language", Define(Pass("P")).QueryLanguage("JSON"), `state machine: QueryLanguage: "JSON" is neither JSONPath nor JSONata`},
		{"language back", Define(Pass("P").QueryLanguage(JSONPath)).QueryLanguage(JSONata), `state "P": QueryLanguage: cannot be JSONPath in a state machine whose language is JSONata`},
		{"machine timeout", Define(Pass("P")).TimeoutSeconds(0), `state machine: TimeoutSeconds: 0 is not from 1 to 99999999`},
		{"no rule", Define(Choice("C")), `state "C": Choices: there is no rule`},
		{"no condition", Define(Choice("C").When(nil, Pass("P"))), `state "C": Choices[0]: has no condition`},
		{"condition of the other language", Define(Choice("C").When(Expr("true"), Pass("P"))), `state "C": Choices[0].Condition: JSONata expression "true" in a JSONPath state`},
		{"comparison in JSONata", Define(Choice("C").When(Path("$.x").IsNull(true), Pass("P"))).QueryLanguage(JSONata), `state "C": Choices[0]: compares a JSONPath in a JSONata state`},
		{"default twice", Define(Choice("C").When(Path("$.x").IsNull(true), Pass("P")).Otherwise(Pass("Q")).Otherwise(Pass("R"))), `state "C": Default: is given twice, as "Q" and as "R"`},
		{"next twice", Define(Chain(Pass("P").Next(Pass("Q")), Pass("R"))), `state "P": Next: is given twice, as "Q" and as "R"`},
		{"same state twice", Define(Parallel("P", shared, shared)), `state "Shared": is used both inside and outside of a branch or processor, or in two of them`},
		{"same name twice", Define(Parallel("P", Pass("P"))), `state "P": another state has the same name`},
		{"catcher of the other language", Define(task().Catch(CatchOn("E").Output(1), Pass("P"))), `state "T": Catch[0].Output: is a field of JSONata, the language of the state is JSONPath`},
		{"catches nothing", Define(task().Catch(CatchOn(), Pass("P"))), `state "T": Catch[0].ErrorEquals: names no error`},
		{"all errors first", Define(task().Retry(RetryOn(StatesALL)).Retry(RetryOn("E"))), `state "T": Retry[0].ErrorEquals: States.ALL must stand alone and in the last place`},
		{"reserved", Define(task().Retry(RetryOn("States.Throttled"))), `state "T": Retry[0].ErrorEquals: States.Throttled is no error name: names beginning with States. are reserved`},
		{"cap of the service", Define(task().Retry(RetryOn("E").MaxDelaySeconds(31_622_401))), `state "T": Retry[0].MaxDelaySeconds: 31622401 is above 31622400`},
		{"expression with its marks", Define(Pass("P").Output(Expr("{% 1 %}"))).QueryLanguage(JSONata), `state "P": Output: JSONata expression "{% 1 %}": an Expr stands without {% and %}`},
		{"objects beside paths", Define(Pass("P").Parameters(Object{"a": []any{Object{"b": 1}, Path("$.c")}})), `state "P": Parameters.a: a list with paths or calls in it is written as a call of States.Array: argument 1`},
		{"backoff", Define(task().Retry(RetryOn("E").BackoffRate(0.5))), `state "T": Retry[0].BackoffRate: 0.5 is below 1.0`},
		{"interval", Define(task().Retry(RetryOn("E").IntervalSeconds(0))), `state "T": Retry[0].IntervalSeconds: 0 is not from 1 to 99999999`},
		{"cap", Define(task().Retry(RetryOn("E").IntervalSeconds(5).MaxDelaySeconds(5))), `state "T": Retry[0].MaxDelaySeconds: 5 is not above the interval of 5 seconds`},
		{"timeout", Define(task().TimeoutSeconds(-1)), `state "T": TimeoutSeconds: -1 is not from 1 to 99999999`},
		{"timeout from a call", Define(task().TimeoutSecondsFrom(States.MathAdd(1, 2))), `state "T": TimeoutSecondsPath: must be a path, not an intrinsic call`},
		{"timeout from nothing", Define(task().TimeoutSecondsFrom(nil)), `state "T": TimeoutSeconds: has a dynamic value that is nil`},
		{"result in the context", Define(task().ResultPath("$$.x")), `state "T": ResultPath: path "$$.x"`},
		{"literal result", Define(Pass("P").Result(Object{"a": Path("$.x")})), `state "P": Result.a: is taken as it is written, without paths and expressions`},
		{"calls", Define(Pass("P").Parameters(Object{"a": States.Array(States.UUID(), States.UUID(), States.UUID(), States.UUID(), States.UUID(), States.UUID(), States.UUID(), States.UUID(), States.UUID(), States.UUID())})), `state "P": Parameters.a: has 11 intrinsic calls, more than 10`},
		{"label", Define(DistributedMap("M", StandardExecution, Pass("P")).Label("a b")), `state "M": Label: Label contains the invalid character ' '`},
		{"empty label", Define(DistributedMap("M", StandardExecution, Pass("P")).Label("")), `state "M": Label: is empty`},
		{"execution type", Define(DistributedMap("M", "express", Pass("P"))), `state "M": ItemProcessor.ProcessorConfig.ExecutionType: "express" is neither STANDARD nor EXPRESS`},
		{"percentage", Define(DistributedMap("M", StandardExecution, Pass("P")).ToleratedFailurePercentage(101)), `state "M": ToleratedFailurePercentage: 101 is not from 0 to 100`},
		{"delimiter", Define(DistributedMap("M", StandardExecution, Pass("P")).ItemReader(ReadJSON("b", "k").CSVDelimiter("TAB"))), `state "M": ItemReader.ReaderConfig.CSVDelimiter: is for CSV, not for JSON`},
		{"delimiter of keys", Define(DistributedMap("M", StandardExecution, Pass("P")).ItemReader(ReadObjects("b", "p").CSVDelimiter("TAB"))), `state "M": ItemReader.ReaderConfig.CSVDelimiter: is for CSV, not for the names of objects`},
		{"headers", Define(DistributedMap("M", StandardExecution, Pass("P")).ItemReader(ReadObjects("b", "p").LoadAndFlatten("JSONL", "a"))), `state "M": ItemReader.ReaderConfig.CSVHeaders: are for CSV, not for JSONL`},
		{"reads nothing", Define(DistributedMap("M", StandardExecution, Pass("P")).ItemReader(Reader{}.Parameter("VersionId", "1"))), `state "M": ItemReader: reads nothing`},
		{"flatten", Define(DistributedMap("M", StandardExecution, Pass("P")).ItemReader(ReadJSON("b", "k").LoadAndFlatten("JSON"))), `state "M": ItemReader.ReaderConfig.Transformation: is for ReadObjects only`},
		{"manifest", Define(DistributedMap("M", StandardExecution, Pass("P")).ItemReader(ReadJSON("b", "k").AthenaManifest())), `state "M": ItemReader.ReaderConfig.ManifestType: the files`},
		{"batch", Define(DistributedMap("M", StandardExecution, Pass("P")).ItemBatcher(BatchBytes(262_145))), `state "M": ItemBatcher.MaxInputBytesPerBatch: 262145 is not from 1 to 262144`},
		{"writer", Define(DistributedMap("M", StandardExecution, Pass("P")).ResultWriter(WriteTo("b", "p").Format("FLAT", "JSON"))), `state "M": ResultWriter.WriterConfig.Transformation: "FLAT" is not one of NONE, COMPACT, FLATTEN`},
		{"resource", Define(Task("T", "arn:aws:s3:::bucket")), `state "T": Resource: "arn:aws:s3:::bucket" is not the ARN of`},
		{"path syntax", Define(task().Parameters(Object{"QueueUrl": Path("$.a["), "MessageBody": 1})), `state "T": Parameters.QueueUrl: path "$.a[": `},
		{"no reference path", Define(task().Parameters(Object{"QueueUrl": "q", "MessageBody": 1}).ResultPath("$..a")), `state "T": ResultPath: path "$..a": `},
		{"call syntax", Define(Pass("P").Parameters(Object{"a.$": "States.Nothing()"})), `state "P": Parameters.a.$: call "States.Nothing()": `},
		{"expression syntax", Define(Pass("P").Output(Object{"a": []any{Expr("1 +")}})).QueryLanguage(JSONata), `state "P": Output.a[0]: JSONata expression "1 +": `},
		{"expression without a context", Define(Pass("P").Output(Expr("name"))).QueryLanguage(JSONata), `state "P": Output: `},
		{"what the service knows", Define(task()), `state "T": Parameters field is required for resource ARN: arn:aws:states:::sqs:sendMessage`},
		{"what may be newer", Define(Task("T", SDKServiceARN("sqs", "sendMessage", RequestResponse)).Parameters(Object{"QueueUrl": "q", "MessageBody": "b", "Urgent": true})), `The field "Urgent" is not supported by Step Functions (the members known are those of the service models of botocore`},
		{"below a field", Define(task().Parameters(Object{"MessageBody": 1})), `state "T": Parameters: The field 'QueueUrl' is required but was missing`},
		{"inside a branch", Define(Parallel("P", Map("M", Pass("I").OutputPath("x")))), `state "I": OutputPath: path "x" does not begin with $`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m, err := tt.d.Build()
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("error %v\nwant  %s", err, tt.want)
			}
			if m != nil {
				t.Error("a machine with errors was returned")
			}
			var be *BuildError
			if !errors.As(err, &be) {
				t.Errorf("%T has no *BuildError", err)
			}
		})
	}
}

// What is legal but looks as if it were not.
func TestBuilds(t *testing.T) {
	task := func() *TaskState { return Task("T", "arn:aws:lambda:us-east-1:123456789012:function:f") }
	m := func() *DistributedMapState { return DistributedMap("M", StandardExecution, Pass("P")) }
	beat := Wait("Beat", Seconds(5))
	beat.Next(task().Next(beat))
	for name, c := range map[string]struct {
		d    *Definition
		want string
	}{
		"status":             {Define(task().Retry(RetryOn("States.Http.StatusCode.429", "States.Http.Socket"))), `"States.Http.StatusCode.429"`},
		"longest delay":      {Define(task().Retry(RetryOn("E").MaxDelaySeconds(31_622_400))), `"MaxDelaySeconds": 31622400`},
		"until another ends": {Define(Parallel("P", beat, Fail("F"))), `"Next": "Beat"`},
		"label":              {Define(m().Label(strings.Repeat("ä", 40))), `"Label": "ä`},
		"delimiter first":    {Define(m().ItemReader(ReadObjects("b", "p").CSVDelimiter("TAB").LoadAndFlatten("CSV", "id"))), `"ReaderConfig":{"InputType":"CSV","Transformation":"LOAD_AND_FLATTEN","CSVHeaderLocation":"GIVEN","CSVHeaders":["id"],"CSVDelimiter":"TAB"}`},
		"newer API":          {Define(Task("T", SDKServiceARN("sqs", "sendMessage", RequestResponse)).Parameters(Object{"QueueUrl": "q", "MessageBody": "b", "Urgent": true})).Disable(CodeUnknownMember), `"Urgent": true`},
		"no prefix":          {Define(m().ItemReader(ReadObjects("b", nil)).ResultWriter(WriteTo("c", nil))), `{"Bucket":"c"}`},
		"bytes by path":      {Define(m().ItemBatcher(BatchBytesFrom(Path("$.n")))), `"ItemBatcher":{"MaxInputBytesPerBatchPath":"$.n"}`},
		"bytes by expr":      {Define(m().ItemBatcher(BatchFrom(Expr("$states.input.n")).MaxInputBytesFrom(Expr("1000")))).QueryLanguage(JSONata), `"MaxInputBytesPerBatch":"{% 1000 %}"`},
	} {
		built, err := c.d.Build()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := built.Value().JSON(); !strings.Contains(got, strings.ReplaceAll(c.want, `": `, `":`)) {
			t.Errorf("%s: %s has no %s", name, got, c.want)
		}
	}
}

func TestPartition(t *testing.T) {
	m := Define(Chain(
		Task("A", ServiceARN("bedrock", "invokeModel", RequestResponse)).Parameters(Object{"ModelId": "amazon.nova-lite-v1:0", "Body": Object{}}),
		Task("B", "arn:aws:lambda:us-east-1:123456789012:function:f"),
		DistributedMap("C", StandardExecution, Pass("P")).ItemReader(ReadJSON("b", "k")).ResultWriter(WriteTo("b", "p")),
	)).Partition("aws-us-gov").MustBuild()
	got := []string{m.States[0].Resource, m.States[1].Resource, m.States[2].ItemReader.Resource, m.States[2].ResultWriter.Resource}
	want := []string{"arn:aws-us-gov:states:::bedrock:invokeModel", "arn:aws:lambda:us-east-1:123456789012:function:f", "arn:aws-us-gov:states:::s3:getObject", "arn:aws-us-gov:states:::s3:putObject"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestCheckHook(t *testing.T) {
	p := Pass("P").Check(func(s *State, lang QueryLanguage) []*BuildError {
		return []*BuildError{{Field: "Result", Err: errors.New(string(lang) + " " + string(s.Type)), Hint: "do something"}}
	})
	_, err := Define(p).Build()
	if err == nil || err.Error() != `state "P": Result: JSONPath Pass (do something)` {
		t.Errorf("error %v", err)
	}
}

// FuzzBuild checks that whatever is built is what the parser makes of its text.
func FuzzBuild(f *testing.F) {
	f.Add("Name", "comment", "key", "text", "$.path", "$x + 1", 5)
	f.Add("A/B~\"\\", "", "k.$", "{% x %}", "$['a'][0]", "", 0)
	f.Add("é\x00", "\xff", "", "$", "$$.a", "'{%'", -1)
	f.Add("0", "0", "\xed\xc80", "0", "0", "0", 125) // not the three bytes of a surrogate
	f.Fuzz(func(t *testing.T, name, comment, key, text, path, expr string, n int) {
		for _, lang := range []QueryLanguage{JSONPath, JSONata} {
			var v any = Bilingual{Path: Path(path), Expr: Expr(expr)}
			if n%3 == 0 {
				v = Bilingual{Path: States.Format(text, Path(path), text), Expr: Expr(expr)}
			}
			call := Task("call "+name, ServiceARN("sqs", "sendMessage", RequestResponse)).Comment(comment).
				Request(Object{"QueueUrl": text, "MessageBody": Object{key: v, "list": []any{text, n, map[string]string{key: text}}}}).
				Assign(Object{"v": v}).TimeoutSecondsFrom(Bilingual{Path: Path(path), Expr: Expr(expr)}).
				Retry(RetryOn(text).IntervalSeconds(n).BackoffRate(float64(n)/3)).
				Catch(CatchOn(StatesALL).Assign(Object{key: v}), Fail(name).Cause(text))
			m, err := Define(Chain(Pass("first").Comment(text), call, Wait("wait", Seconds(n)))).Comment(comment).QueryLanguage(lang).Build()
			if err != nil {
				if err.Error() == "" {
					t.Error("an error without words")
				}
				continue
			}
			out := Print(m)
			parsed, err := Parse(out)
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			if !Equal(m, parsed) {
				t.Fatalf("parsed again:\n%s", cmp.Diff(string(out), string(Print(parsed))))
			}
		}
	})
}

func BenchmarkBuild(b *testing.B) {
	d := everything()
	for b.Loop() {
		if _, err := d.Build(); err != nil {
			b.Fatal(err)
		}
	}
}
