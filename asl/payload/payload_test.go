package payload_test

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/sfnkit/sfnkit/asl/intrinsic"
	"github.com/sfnkit/sfnkit/asl/jsonpath"
	"github.com/sfnkit/sfnkit/asl/payload"
	"github.com/sfnkit/sfnkit/asl/value"
)

var env = &intrinsic.Env{
	Input:    value.MustParse(`{"a": {"b": [1, 2.0, {"c": null}]}, "s": "x", "list": [{"v": 1}, {"v": 2}]}`),
	Context:  value.MustParse(`{"State": {"Name": "S"}}`),
	Variable: func(name string) (value.Value, bool) { return value.MustParse(`{"k": "v"}`), name == "v" },
}

// templates are templates with what they give, or with a part of the error after !.
var templates = []struct{ text, want string }{
	{`{}`, `{}`},
	{`[]`, `[]`},
	{`"$.a"`, `"$.a"`},
	{`{"a": "$.s", "n": 1.0}`, `{"a":"$.s","n":1.0}`},
	{`{"b.$": "$.a.b", "a": 1, "c.$": "$$.State.Name", "d.$": "$v.k", "e.$": "$v"}`,
		`{"a":1,"b":[1,2.0,{"c":null}],"c":"S","d":"v","e":{"k":"v"}}`},
	// Recorded orders.
	{`{"i.$": "$.s", "v.$": "$.s"}`, `{"v":"x","i":"x"}`},
	{`{"FunctionName.$": "$.s", "Payload": {"TaskToken.$": "$.s", "arg1.$": "$.s", "arg2.$": "$.s"}}`, `{"Payload":{"arg2":"x","arg1":"x","TaskToken":"x"},"FunctionName":"x"}`},
	{`{"ApiEndpoint.$": "$.s", "Method.$": "$.s", "Path.$": "$.s", "Stage.$": "$.s", "RequestBody.$": "$.s", "QueryParameters.$": "$.s", "AllowNullValues.$": "$.s"}`,
		`{"Path":"x","AllowNullValues":"x","Stage":"x","ApiEndpoint":"x","Method":"x","QueryParameters":"x","RequestBody":"x"}`},
	{`{"context_object.$": "$.s", "execution.$": "$.s", "execution_id.$": "$.s", "execution_input.$": "$.s", "execution_name.$": "$.s", "execution_rolearn.$": "$.s", "execution_starttime.$": "$.s", "state.$": "$.s", "state_enteredtime.$": "$.s", "state_name.$": "$.s", "statemachine.$": "$.s", "statemachine_id.$": "$.s", "statemachine_name.$": "$.s"}`,
		`{"execution":"x","execution_rolearn":"x","execution_name":"x","statemachine_id":"x","execution_id":"x","execution_input":"x","execution_starttime":"x","state_name":"x","state_enteredtime":"x","statemachine":"x","state":"x","context_object":"x","statemachine_name":"x"}`},
	{`{"x": {"y": {"z.$": "$.a.b[1]"}, "k": [1]}, "w": [1, {"v.$": "$.list[*].v"}, [{"u.$": "$.a.b[2].c"}]]}`,
		`{"x":{"y":{"z":2.0},"k":[1]},"w":[1,{"v":[1,2]},[{"u":null}]]}`},
	{`{"f.$": "States.Format('{}-{}', $.s, $v.k)"}`, `{"f":"x-v"}`},
	{`{"all.$": "$"}`, `{"all":{"a":{"b":[1,2.0,{"c":null}]},"s":"x","list":[{"v":1},{"v":2}]}}`},
	{`{".$": "$.s", "a.$.$": "$.s", "$": 1}`, `{"$":1,"":"x","a.$":"x"}`},
	{`{"none.$": "$.no[*].x"}`, `{"none":[]}`},

	{`{"x.$": "$.a.b[3]", "y": [{"z.$": "$.list[9]"}]}`, `{"y":[{"z":null}],"x":null}`},

	{`{"no.$": "$.a.b[3].c"}`, `!The JSONPath '$.a.b[3].c' specified for the field 'no.$' could not be found in the input`},
	{`{"no.$": "$.a.b[-1]"}`, `!The JSONPath '$.a.b[-1]' specified for the field 'no.$' could not be found in the input`},
	{`{"no.$": "$.a.b[0,3]"}`, `!The JSONPath '$.a.b[0,3]' specified for the field 'no.$' could not be found in the input`},
	{`{"no.$": "States.Array($.list[9])"}`, `!The function 'States.Array($.list[9])' had the following error: The JsonPath argument for the field '$.list[9]' could not be found in the input`},
	{`{"x": {"no.$": "$.a.no"}}`, `!The JSONPath '$.a.no' specified for the field 'no.$' could not be found in the input '{"a":{"b"`},
	{`{"no.$": "$$.No"}`, `!The JSONPath '$$.No' specified for the field 'no.$' could not be found in the input '{"State":{"Name":"S"}}'`},
	{`{"no.$": "$unknown"}`, `!The JSONPath '$unknown' specified for the field 'no.$' could not be found in the input '{"a":{"b"`},
	{`{"no.$": "$.s[0]"}`, `!Filter: [0] can only be applied to arrays. Current context is: x`},
	{`{"no.$": "States.Array($.no)"}`, `!The function 'States.Array($.no)' had the following error: The JsonPath argument for the field '$.no' could not be found in the input`},
	{`{"no.$": "States.MathAdd($.s, 1)"}`, `!There was an error while evaluating the intrinsic function: States.MathAdd($.s, 1). Invalid arguments in States.MathAdd`},
}

// The order of computed members was recorded 2026-09 (published in
// github.com/radkawar/stackd) for these names.
func TestMemberOrder(t *testing.T) {
	for _, c := range []struct{ given, want string }{
		{"index item", "item index"},
		{"index value", "index value"},
		{"input execution state", "input execution state"},
		{"execution state machine nested array partition contains range unique json encoded decoded hash split merge serialized",
			"execution range nested contains partition split array machine unique merge json decoded state hash encoded serialized"},
	} {
		b := value.NewBuilder(0)
		for _, name := range strings.Fields(c.given) {
			b.Set(name+".$", value.String("$.s"))
		}
		b.Set("constant", value.Int(1))
		tmpl, err := payload.Compile(b.Object())
		if err != nil {
			t.Fatal(err)
		}
		got, err := tmpl.Eval(env)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for name := range got.Members() {
			names = append(names, name)
		}
		if order := strings.Join(names, " "); order != "constant "+c.want {
			t.Errorf("%s: got %s, want constant %s", c.given, order, c.want)
		}
	}
}

func TestTemplates(t *testing.T) {
	for _, c := range templates {
		tmpl, err := payload.Compile(value.MustParse(c.text))
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		got, err := tmpl.Eval(env)
		want, fails := strings.CutPrefix(c.want, "!")
		switch {
		case fails && (err == nil || !strings.HasPrefix(err.Error(), want)):
			t.Errorf("%s: got %v, %v; want the error %s", c.text, got, err, want)
		case !fails && (err != nil || got.JSON() != want):
			t.Errorf("%s: got %s, %v; want %s", c.text, got, err, want)
		}
		if !fails && tmpl.Constant() != !strings.Contains(c.text, `.$":`) && !strings.Contains(c.text, `".$"`) {
			t.Errorf("%s: constant is %v", c.text, tmpl.Constant())
		}
	}
}

func TestErrors(t *testing.T) {
	for _, c := range []struct{ text, pointer, field string }{
		{`{"a": 1, "a.$": "$.s"}`, "/a.$", "a.$"},
		{`{"a.$": "$.s", "a": 1}`, "/a", "a"},
		{`{"x": [1, {"a/b.$": 1}]}`, "/x/1/a~1b.$", "a/b.$"},
		{`{"a.$": "s"}`, "/a.$", "a.$"},
		{`{"a.$": "$.a["}`, "/a.$", "a.$"},
		{`{"a.$": "States.Nope()"}`, "/a.$", "a.$"},
		{`{"a.$": "{% 1 %}"}`, "/a.$", "a.$"},
		{`{"a.$": null}`, "/a.$", "a.$"},
	} {
		_, err := payload.Compile(value.MustParse(c.text))
		var e *payload.Error
		if !errors.As(err, &e) || e.Pointer != c.pointer || e.Field != c.field {
			t.Errorf("%s: %#v", c.text, err)
		}
	}
}

func TestExpressions(t *testing.T) {
	tmpl, err := payload.Compile(value.MustParse(`{"a.$": "$.x", "b": [{"c.$": "States.UUID()"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	x := tmpl.Expressions()
	if len(x) != 2 || x[0].Pointer != "/a.$" || x[0].Path.String() != "$.x" || x[0].Call != nil ||
		x[1].Pointer != "/b/0/c.$" || x[1].Field != "c.$" || x[1].String() != "States.UUID()" {
		t.Errorf("%+v", x)
	}
}

func TestErrorFields(t *testing.T) {
	x, err := payload.CompileExpression("ErrorPath", "$.no.more")
	if err != nil {
		t.Fatal(err)
	}
	_, err = x.Eval(&intrinsic.Env{Input: value.MustParse(`{"a": 1}`), InputText: `{"a":   1}`})
	if want := `The JSONPath '$.no.more' specified for the field 'ErrorPath' could not be found in the input '{"a":   1}'`; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	var lost *jsonpath.NotFoundError
	if !errors.As(err, &lost) {
		t.Errorf("%T wraps no %T", err, lost)
	}
	_, err = x.Eval(&intrinsic.Env{Input: value.Null})
	if err == nil || err.Error() != "Unable to apply Path transformation to null or empty input." {
		t.Errorf("%v", err)
	}
}

func TestConstantsAreShared(t *testing.T) {
	constant := value.MustParse(`{"a": [1, 2, 3], "b": "$.x"}`)
	tmpl, err := payload.Compile(constant)
	if err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(100, func() { _, _ = tmpl.Eval(env) }); n != 0 {
		t.Errorf("a constant takes %v allocations", n)
	}
	tmpl, err = payload.Compile(value.MustParse(`{"a": [1, 2, 3], "b.$": "$.a.b[0]", "c.$": "$$.State.Name"}`))
	if err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(100, func() { _, _ = tmpl.Eval(env) }); n != 2 {
		t.Errorf("an object takes %v allocations", n)
	}
}

func FuzzTemplate(f *testing.F) {
	for _, c := range templates {
		f.Add(c.text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		v, err := value.ParseString(text)
		if err != nil || !utf8.ValidString(text) {
			t.Skip()
		}
		tmpl, err := payload.Compile(v)
		if err != nil {
			var e *payload.Error
			if !errors.As(err, &e) {
				t.Fatalf("%s: %v", text, err)
			}
			return
		}
		got, err := tmpl.Eval(env)
		if err != nil {
			return
		}
		if tmpl.Constant() && !value.Equal(got, v) {
			t.Fatalf("%s: a constant gives %s", text, got)
		}
		if _, err := value.ParseString(got.JSON()); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	})
}

func BenchmarkTemplate(b *testing.B) {
	for _, c := range []struct{ name, text string }{
		{"constant", `{"a": [1, 2, 3], "b": "x"}`},
		{"three paths", `{"index.$": "$$.State.Name", "item.$": "$.a.b[0]", "rest.$": "$.s", "kind": "x"}`},
	} {
		b.Run(c.name, func(b *testing.B) {
			tmpl, err := payload.Compile(value.MustParse(c.text))
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := tmpl.Eval(env); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
