package intrinsic_test

import (
	"errors"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/sfnkit/sfnkit/asl/intrinsic"
	"github.com/sfnkit/sfnkit/asl/jsonpath"
	"github.com/sfnkit/sfnkit/asl/value"
)

var env = &intrinsic.Env{
	Input: value.MustParse(`{
		"s": "text", "n": 1, "f": 1.5, "nil": null, "list": [1, 2, 3], "empty": [],
		"o": {"Arg1": 1, "Arg2": [], "x": {"y": 2.0}}, "template": "a {} b {}", "json": "{\"a\": 1}",
		"long": "` + strings.Repeat("x", 10001) + `", "limit": "` + strings.Repeat("x", 10000) + `",
		"a,b": ["comma"], "rows": [{"k": "x,y)", "v": 1}, {"k": "z", "v": 2}]
	}`),
	Context: value.MustParse(`{"Execution": {"Name": "run-1"}}`),
	Variable: func(name string) (value.Value, bool) {
		return value.MustParse(`{"a": [7]}`), name == "v"
	},
	Rand:    func(n int64) int64 { return n - 1 },
	NewUUID: func() string { return "11111111-1111-4111-8111-111111111111" },
}

// calls are texts with what they give, or with a part of the error after !.
var calls = []struct{ text, want string }{
	{`States.Array()`, `[]`},
	{`States.Array(1, 'a', true, null, $.s, $$.Execution.Name, $v.a[0])`, `[1,"a",true,null,"text","run-1",7]`},
	{` States.Array ( 1 ,
		States.Array( ) ) `, `[1,[]]`},
	{`States.Array(1.0, 1e2, -0.5)`, `[1.0,1e2,-0.5]`},
	{`States.Array($['a,b'][0], $.rows[?(@.k == 'x,y)')].v)`, `["comma",[1]]`},

	{`States.ArrayPartition($.list, 2)`, `[[1,2],[3]]`},
	{`States.ArrayPartition($.list, 2.6)`, `[[1,2],[3]]`},
	{`States.ArrayPartition($.empty, 1)`, `[]`},
	{`States.ArrayPartition($.list, 99999999999)`, `[[1,2,3]]`},
	{`States.ArrayPartition($.list, 0.9)`, `!Invalid arguments in States.ArrayPartition`},
	{`States.ArrayPartition($.list, 0)`, `!Invalid arguments in States.ArrayPartition`},
	{`States.ArrayPartition($.list, '2')`, `!Invalid arguments in States.ArrayPartition`},
	{`States.ArrayPartition($.s, 2)`, `!Invalid arguments in States.ArrayPartition`},

	{`States.ArrayContains($.list, 2)`, `true`},
	{`States.ArrayContains($.list, 2.0)`, `false`},
	{`States.ArrayContains($.list, '2')`, `true`},
	{`States.ArrayContains(States.Array('true', 'x'), true)`, `true`},
	{`States.ArrayContains(States.Array(0, 1), false)`, `false`},
	{`States.ArrayContains(States.Array(States.StringToJson('{"a": 1, "b": 2}')), States.StringToJson('{"b": 2, "a": 1}'))`, `false`},
	{`States.ArrayContains(States.Array(1, null), null)`, `true`},
	{`States.ArrayContains(States.Array($.o, 1), $.o)`, `true`},
	{`States.ArrayContains(States.Array(null), null)`, `true`},
	{`States.ArrayContains($.s, 'x')`, `!Invalid arguments in States.ArrayContains`},

	{`States.ArrayRange(1, 9, 2)`, `[1,3,5,7,9]`},
	{`States.ArrayRange(0, 10, 3)`, `[0,3,6,9]`},
	{`States.ArrayRange(1, 9, 9)`, `[1]`},
	{`States.ArrayRange(3, 1, -1)`, `[3,2,1]`},
	{`States.ArrayRange(1, 3, -1)`, `[]`},
	{`States.ArrayRange(3, 3, -1)`, `[3]`},
	{`States.ArrayRange(1.6, 1.4, 1)`, `[1]`},
	{`States.ArrayRange(5.4, -0.6, -2.4)`, `[5,3,1]`},
	{`States.ArrayRange(1, 10, 0.49)`, `!Invalid arguments in States.ArrayRange`},
	{`States.ArrayLength(States.ArrayRange(1, 1000, 1))`, `1000`},
	{`States.ArrayRange(1, 1001, 1)`, `!Invalid arguments in States.ArrayRange`},
	{`States.ArrayRange(1, 5, 0)`, `!Invalid arguments in States.ArrayRange`},
	{`States.ArrayRange(-9007199254740992, 9007199254740992, 1)`, `!Invalid arguments in States.ArrayRange`},
	{`States.ArrayRange(1, 9223372036854775807, 1)`, `!Invalid arguments in States.ArrayRange`},

	{`States.ArrayGetItem($.list, 2)`, `3`},
	{`States.ArrayGetItem($.list, 1.9)`, `2`},
	{`States.ArrayGetItem($.list, 3)`, `!Invalid arguments in States.ArrayGetItem`},
	{`States.ArrayGetItem($.list, -1)`, `!Invalid arguments in States.ArrayGetItem`},
	{`States.ArrayGetItem($.empty, 0)`, `null`},

	{`States.ArrayLength($.list)`, `3`},
	{`States.ArrayLength($.empty)`, `0`},
	{`States.ArrayLength($.o)`, `!Invalid arguments in States.ArrayLength`},

	{`States.ArrayUnique(States.Array(true, false, true, false))`, `[false,true]`},
	{`States.ArrayUnique(States.Array(3, 1, 3, 1, 1.0, 'x', 'x', null, null))`, `[1.0,null,1,3,"x"]`},
	{`States.ArrayUnique($.s)`, `!Invalid arguments in States.ArrayUnique`},

	{`States.Base64Encode('Data to encode')`, `"RGF0YSB0byBlbmNvZGU="`},
	{`States.Base64Encode('é')`, `"w6k="`},
	{`States.Base64Encode($.n)`, `!Invalid arguments in States.Base64Encode`},
	{`States.Base64Encode($.long)`, `!Invalid arguments in States.Base64Encode`},
	{`States.Base64Decode('RGF0YSB0byBlbmNvZGU=')`, `"Data to encode"`},
	{`States.Base64Decode('RGF0YSB0by Bl!bmNvZGU')`, `"Data to encode"`},
	{`States.Base64Decode('RGF0YQ=')`, `"Data"`},
	{`States.Base64Decode('RGF0Y')`, `"Dat"`},
	{`States.Base64Decode('YWI==cd')`, `"ab"`},
	{`States.Base64Decode(' _-_- ')`, `"���"`},
	{`States.Base64Decode('')`, `""`},
	{`States.Base64Decode('4oI/w6n//w==')`, `"\uFFFD?é\uFFFD\uFFFD"`},
	{`States.Base64Decode($.long)`, `!Invalid arguments in States.Base64Decode`},

	{`States.Hash('input data', 'SHA-1')`, `"aaff4a450a104cd177d28d18d74485e8cae074b7"`},
	{`States.Hash('', 'MD5')`, `"d41d8cd98f00b204e9800998ecf8427e"`},
	{`States.Hash('input data', 'sha-1')`, `!Invalid arguments in States.Hash`},
	{`States.Hash(1, 'SHA-1')`, `"356a192b7913b04c54574d18c28d46e6395428ab"`},
	{`States.Hash(null, 'SHA-1')`, `!Invalid arguments in States.Hash`},
	{`States.Hash($.long, 'SHA-1')`, `!Invalid arguments in States.Hash`},
	{`States.ArrayLength(States.Array(States.Hash($.limit, 'SHA-512')))`, `1`},

	{`States.JsonMerge($.o, States.StringToJson('{"x": 0, "z": 1}'), false)`, `{"Arg2":[],"Arg1":1,"x":0,"z":1}`},
	{`States.JsonMerge($.o, $.o, 'false')`, `{"Arg2":[],"Arg1":1,"x":{"y":2.0}}`},
	{`States.JsonMerge(States.StringToJson('{"b": 1, "d": {"z": 1, "y": 2}, "e": 3}'), States.StringToJson('{"e": 4, "c": 5, "a": 6}'), false)`,
		`{"a":6,"b":1,"c":5,"d":{"z":1,"y":2},"e":4}`},
	{`States.JsonMerge($.o, $.o, true)`, `!Invalid arguments in States.JsonMerge`},
	{`States.JsonMerge($.o, $.list, false)`, `!Invalid arguments in States.JsonMerge`},

	{`States.StringToJson('')`, `null`},
	{`States.StringToJson('  ')`, `null`},
	{`States.StringToJson('-0')`, `0`},
	{`States.StringToJson('[-0, {"a": -0}]')`, `[0,{"a":0}]`},
	{`States.StringToJson('{"a": "b"}')`, `{"a":"b"}`},
	{`States.StringToJson('{')`, `!Invalid arguments in States.StringToJson`},
	{`States.StringToJson(1)`, `!Invalid arguments in States.StringToJson`},

	{`States.JsonToString(States.Array(1, 2, 'HelloWorld'))`, `"[1,2,\"HelloWorld\"]"`},
	{`States.JsonToString($.nil)`, `"null"`},

	{`States.MathRandom(1, 10)`, `9`},
	{`States.MathRandom(1.6, 5.4)`, `4`},
	{`States.MathRandom(-5, 5, 42)`, `-5`},
	{`States.MathRandom(1, 100, 42)`, `63`},
	{`States.MathRandom(2147483640, 2147483647, 1)`, `2147483644`},
	{`States.MathRandom(0, 90000, 7)`, `14236`},
	{`States.MathRandom(0, 1048576, -3)`, `281818`},
	{`States.MathRandom(0, 1073741825, 5)`, `379250092`},
	{`States.MathRandom(5, 5)`, `!Invalid arguments in States.MathRandom`},
	{`States.MathRandom('1', 5)`, `!Invalid arguments in States.MathRandom`},

	{`States.MathAdd(1, -3)`, `-2`},
	{`States.MathAdd(1.5, -1.5)`, `1`},
	{`States.MathAdd(-2.5, 0.49)`, `-2`},
	{`States.MathAdd(0.49999999999999994, 0)`, `0`},
	{`States.MathAdd(2147483647, 0)`, `2147483647`},
	{`States.MathAdd(2147483647, 1)`, `!Invalid arguments in States.MathAdd`},
	{`States.MathAdd(1e300, 1)`, `!Invalid arguments in States.MathAdd`},
	{`States.MathAdd($.s, 1)`, `!Invalid arguments in States.MathAdd`},

	{`States.StringSplit('1,2.3', ',.')`, `["1","2","3"]`},
	{`States.StringSplit(', , ,', ',')`, `[" "," "]`},
	{`States.StringSplit(',,,', ',')`, `[]`},
	{`States.StringSplit('aéb', 'é')`, `["a","b"]`},
	{`States.StringSplit('abc', '')`, `["abc"]`},
	{`States.StringSplit('', ',')`, `[]`},

	{`States.UUID()`, `"11111111-1111-4111-8111-111111111111"`},

	{`States.Format('plain')`, `"plain"`},
	{`States.Format('{} and {}', $.s, $.nil)`, `"text and null"`},
	{`States.Format('{}|{}|{}', 1.0, 1e2, true)`, `"1.0|1e2|true"`},
	{`States.Format('{}', $.o)`, `"{Arg1=1, Arg2=[], x={y=2.0}}"`},
	{`States.Format('\{\} \'{}\' \\', 1)`, `"{} '1' \\"`},
	{`States.Format($.template, 1, 2)`, `"a 1 b 2"`},
	{`States.Format(States.Format('\{{}', '}'), 1)`, `"1"`},
	{`States.Format('{} {}', States.StringToJson('"x"'), States.StringToJson($.json))`, `"\"x\" {\"a\":1}"`},
	{`States.Format('Hello {', 1)`, `!There was an error while evaluating the intrinsic function: States.Format('Hello {', 1). Invalid template in States.Format: matching '}' not found for '{'.`},
	{`States.Format('Hello {{}}', 1)`, `!Invalid template in States.Format: matching '}' not found for '{'.`},
	{`States.Format('}')`, `!Invalid template in States.Format: matching '{' not found for '}'.`},
	{`States.Format('{}')`, `!Invalid arguments in States.Format`},
	{`States.Format('{}', 1, 2)`, `!Invalid arguments in States.Format`},
	{`States.Format($.n)`, `!Invalid arguments in States.Format`},

	{`States.Array($.no)`, `!The function 'States.Array($.no)' had the following error: The JsonPath argument for the field '$.no' could not be found in the input '{"s":`},
	{`States.Format('{}', States.ArrayLength($v.no))`, `!The function 'States.Format('{}', States.ArrayLength($v.no))' had the following error: The JsonPath argument for the field '$v.no' could`},
	{`States.Array($unknown)`, `!The JsonPath argument for the field '$unknown' could not be found`},
	{`States.Array($.s[0])`, `!Filter: [0] can only be applied to arrays. Current context is: text`},
	{`States.ArrayLength()`, `!There was an error while evaluating the intrinsic function: States.ArrayLength(). Invalid arguments in States.ArrayLength`},
	{`States.UUID(1)`, `!Invalid arguments in States.UUID`},
}

func TestCalls(t *testing.T) {
	for _, c := range calls {
		k, err := intrinsic.Compile(c.text)
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		got, err := k.Eval(env)
		want, fails := strings.CutPrefix(c.want, "!")
		switch {
		case fails && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: got %v, %v; want the error %s", c.text, got, err, want)
		case !fails && err != nil:
			t.Errorf("%s: %v", c.text, err)
		case !fails && got.JSON() != value.MustParse(want).JSON():
			t.Errorf("%s: got %s, want %s", c.text, got, want)
		}
		if !fails && k.Check() != nil {
			t.Errorf("%s: Check: %v", c.text, k.Check())
		}
	}
}

// TestUniqueOrder has the order that OpenJDK 17 gives for the same values.
func TestUniqueOrder(t *testing.T) {
	var vals []value.Value
	for i := range 40 {
		vals = append(vals, value.Int(int64(i*7)))
	}
	for i := range 20 {
		vals = append(vals, value.String("k"+strconv.Itoa(i)))
	}
	vals = append(vals, value.MustParse(`[3000000000, -3000000000, 123456789012345678901234567890,
		-98765432109876543210, "żółć😀", -2.5, [1, "a", null], {"a": 1, "b": [true]}]`).Elems()...)
	got, err := intrinsic.MustCompile(`States.ArrayUnique($)`).Eval(&intrinsic.Env{Input: value.Array(vals)})
	want := `[0,259,-2.5,133,7,266,140,14,273,147,21,154,28,"żółć😀",161,35,"k0","k1","k2",168,"k3","k4",42,` +
		`"k5","k6","k7","k8","k9",175,-3000000000,49,182,56,189,63,196,70,"k11",203,"k10","k13",77,"k12",` +
		`"k15","k14","k17",3000000000,"k16",210,"k19","k18",84,123456789012345678901234567890,217,91,` +
		`-98765432109876543210,[1,"a",null],224,98,231,105,{"a":1,"b":[true]},238,112,245,119,252,126]`
	if err != nil || got.JSON() != want {
		t.Errorf("got %s, %v\nwant %s", got, err, want)
	}
}

func TestSyntaxErrors(t *testing.T) {
	for _, c := range []struct {
		text   string
		offset int
		reason string
	}{
		{``, 0, "begins with the name"},
		{`$.a`, 0, "begins with the name"},
		{`States.Nope()`, 0, "no function States.Nope"},
		{`states.Array()`, 0, "begins with the name"},
		{`States.Array`, 12, "opening parenthesis"},
		{`States.Array(`, 13, "an argument is"},
		{`States.Array(1`, 14, "closing parenthesis"},
		{`States.Array(1 2)`, 15, "comma"},
		{`States.Array(1,)`, 15, "an argument is"},
		{`States.Array() x`, 15, "follows"},
		{`States.Array("a")`, 13, "an argument is"},
		{`States.Array('a)`, 13, "closing quote"},
		{`States.Array('a\"b')`, 15, "backslash"},
		{`States.Array('a\`, 15, "backslash"},
		{`States.Array(01)`, 13, "malformed number"},
		{`States.Array(1.)`, 13, "malformed number"},
		{`States.Array($.a[x])`, 16, "in a path"},
		{`States.Array(States.Nope(1))`, 13, "no function"},
		{`States.Array(` + strings.Repeat(`States.UUID(), `, 10) + `1)`, 148, "more than 10 calls"},
	} {
		_, err := intrinsic.Compile(c.text)
		var syntax *intrinsic.SyntaxError
		if !errors.As(err, &syntax) || syntax.Offset != c.offset || !strings.Contains(syntax.Reason, c.reason) {
			t.Errorf("%s: %v", c.text, err)
		}
	}
}

// TestCheck tells the calls that can never work from those that may.
func TestCheck(t *testing.T) {
	for _, c := range []struct {
		text  string
		wrong bool
	}{
		{`States.UUID(1)`, true},
		{`States.Array(States.ArrayLength())`, true},
		{`States.Format('{} {}', 1)`, true},
		{`States.Format('{} {}', $.a)`, false},
		{`States.MathAdd('1', 2)`, true},
		{`States.MathRandom(1, 0)`, false},
		{`States.ArrayGetItem($.a, -1)`, false},
	} {
		err := intrinsic.MustCompile(c.text).Check()
		var refused *intrinsic.ArgumentError
		if c.wrong != errors.As(err, &refused) {
			t.Errorf("%s: %v", c.text, err)
		}
	}
}

func TestUses(t *testing.T) {
	k := intrinsic.MustCompile(`States.Format('{}', States.ArrayGetItem($.list, $i), $$.Execution.Name)`)
	want := []struct {
		offset   int
		function string
		path     string
	}{{0, "States.Format", ""}, {20, "States.ArrayGetItem", ""}, {40, "", "$.list"}, {48, "", "$i"}, {53, "", "$$.Execution.Name"}}
	got := k.Uses()
	if len(got) != len(want) {
		t.Fatalf("got %d uses, want %d", len(got), len(want))
	}
	for i, w := range want {
		path := ""
		if got[i].Path != nil {
			path = got[i].Path.String()
		}
		if got[i].Offset != w.offset || got[i].Function != w.function || path != w.path {
			t.Errorf("use %d: got %+v, want %+v", i, got[i], w)
		}
	}
	if got[0].Args != 3 || got[1].Args != 2 {
		t.Errorf("arguments: %+v", got)
	}
}

func TestPathErrorsWrap(t *testing.T) {
	_, err := intrinsic.MustCompile(`States.Array($.no.more)`).Eval(env)
	var lost *jsonpath.NotFoundError
	if !errors.As(err, &lost) || lost.Error() != "Missing property in path $['no']" {
		t.Errorf("%v", err)
	}
	quoting := *env
	quoting.InputText = `{ "as": "sent" }`
	_, err = intrinsic.MustCompile(`States.Array($.no)`).Eval(&quoting)
	if !strings.HasSuffix(err.Error(), `could not be found in the input '{ "as": "sent" }'`) {
		t.Errorf("%v", err)
	}
}

func TestRandomSourcesByDefault(t *testing.T) {
	v, err := intrinsic.MustCompile(`States.UUID()`).Eval(&intrinsic.Env{})
	if s := v.Str(); err != nil || len(s) != 36 || s[14] != '4' || strings.IndexByte("89ab", s[19]) < 0 {
		t.Errorf("%s, %v", v, err)
	}
	for range 100 {
		v, err := intrinsic.MustCompile(`States.MathRandom(-2, 2)`).Eval(&intrinsic.Env{})
		if n, ok := v.Int64(); err != nil || !ok || n < -2 || n > 1 {
			t.Fatalf("%s, %v", v, err)
		}
	}
}

func FuzzCall(f *testing.F) {
	for _, c := range calls {
		f.Add(c.text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !utf8.ValidString(text) {
			t.Skip("definitions are UTF-8")
		}
		k, err := intrinsic.Compile(text)
		if err != nil {
			var syntax *intrinsic.SyntaxError
			if !errors.As(err, &syntax) || syntax.Offset < 0 || syntax.Offset > len(text) {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		if err := k.Check(); err != nil {
			if _, err := k.Eval(env); err == nil {
				t.Fatalf("%q: wrong, but it works", text)
			}
		}
		if v, err := k.Eval(env); err == nil {
			if _, err := value.ParseString(v.JSON()); err != nil {
				t.Fatalf("%q: %v", text, err)
			}
		} else if err.Error() == "" {
			t.Fatalf("%q: an error without words", text)
		}
	})
}

func BenchmarkCalls(b *testing.B) {
	for _, text := range []string{
		`States.MathAdd($.n, 1)`,
		`States.ArrayGetItem($.list, $.n)`,
		`States.Format('{} and {}', $.s, $.n)`,
		`States.Array($.s, $.n)`,
		`States.ArrayRange(0, 99, 1)`,
	} {
		b.Run(text[:strings.IndexByte(text, '(')], func(b *testing.B) {
			k := intrinsic.MustCompile(text)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := k.Eval(env); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
