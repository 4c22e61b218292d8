package jsonata_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/sfnkit/sfnkit/asl/jsonata"
	"github.com/sfnkit/sfnkit/asl/value"
)

// evalAWS evaluates in the dialect of Step Functions, without a context item.
func evalAWS(expr string, vars ...jsonata.Var) (value.Value, error) {
	x, err := jsonata.Compile(expr, jsonata.StepFunctions())
	if err != nil {
		return value.Value{}, err
	}
	return x.Eval(context.Background(), value.Value{}, &jsonata.Env{Vars: jsonata.Vars(vars)})
}

// limit evaluates and returns the limit that was hit.
func limit(expr string) (jsonata.Limit, error) {
	_, err := evalAWS(expr)
	var e *jsonata.Error
	if errors.As(err, &e) {
		return e.Limit, err
	}
	return jsonata.NoLimit, err
}

// The boundaries that users measured on AWS (floci-io/floci issues 2662 to 2783, 2026).
func TestLimitsOfAWS(t *testing.T) {
	repeat := strings.Repeat
	recursion := func(n int) string {
		return fmt.Sprintf(`($f := function($x){ $x <= 0 ? 0 : 1 + $f($x-1) }; $f(%d))`, n)
	}
	doubled := func(n int) string {
		return fmt.Sprintf(`$length($reduce([1..%d], function($s, $i) { $s & $s }, "x"))`, n)
	}
	for _, c := range []struct {
		name     string
		accepted string
		refused  string
		limit    jsonata.Limit
	}{
		{"terms", "1" + repeat("+1", 99), "1" + repeat("+1", 100), jsonata.LimitDepth},
		{"parentheses", repeat("(", 99) + "1" + repeat(")", 99), repeat("(", 100) + "1" + repeat(")", 100), jsonata.LimitDepth},
		{"brackets", repeat("[", 99) + "1" + repeat("]", 99), repeat("[", 100) + "1" + repeat("]", 100), jsonata.LimitDepth},
		{"stages", "1" + repeat("~>$string", 99), "1" + repeat("~>$string", 100), jsonata.LimitDepth},
		{"recursion", recursion(31), recursion(32), jsonata.LimitDepth},
		{"range operator", "$count([1..873782])", "$count([1..873783])", jsonata.LimitMemory},
		{"range function", "$count($range(1, 360145, 1))", "$count($range(1, 360146, 1))", jsonata.LimitMemory},
		{"padding", "$length($pad('', 262144, 'é'))", "$length($pad('', 262145, 'x'))", jsonata.LimitMemory},
		{"padding of a string", "$length($pad($pad('', 131072, 'x'), -262145, 'ab'))", "$length($pad('ab', -262147, 'ab'))", jsonata.LimitMemory},
		{"padded strings", "$length($join([$pad('', 131072) & $pad('', 131073), $pad('', 262144)]))", "$pad('', -262145)", jsonata.LimitMemory},
		{"string", doubled(22), doubled(23), jsonata.LimitMemory},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := evalAWS(c.accepted); err != nil {
				t.Errorf("accepted by AWS: %v", err)
			}
			if l, err := limit(c.refused); l != c.limit {
				t.Errorf("refused by AWS: got limit %v, %v", l, err)
			}
		})
	}
}

func TestLimitTexts(t *testing.T) {
	for expr, want := range map[string]string{
		`[1..873783]`: "Expression evaluation memory limit exceeded: Check for excessive memory usage",
		`($f := function($x) { 1 + $f($x) }; $f(1))`: "Stack overflow error: Check for non-terminating recursive function. Consider rewriting as tail-recursive",
		`($f := function() { $f() }; $f())`:          "Expression evaluation timeout: Check for infinite loop",
	} {
		if _, err := evalAWS(expr); err == nil || err.Error() != want {
			t.Errorf("%s\n got %v\nwant %s", expr, err, want)
		}
	}
}

func TestFactsOfAWS(t *testing.T) {
	states := jsonata.Var{Name: "states", Value: value.MustParse(`{"input":{"big":9007199254740993,"max":9223372036854775807,"n":null,"one":1.0}}`)}
	for _, c := range []struct{ expr, want string }{
		{`$partition([1,2,3,4],2)`, `[[1,2],[3,4]]`},
		{`$partition([1,2,3,4,5],2)`, `[[1,2],[3,4],[5]]`},
		{`$partition([0],3)`, `[[0]]`},
		{`$partition([1,2,3])`, `[[1,2,3]]`},
		{`$partition([1,2,3], 2.9)`, `[[1,2],[3]]`},
		{`$partition([1,2], 0)`, `undefined`},
		{`$partition([1,2], -0.5)`, `undefined`},
		{`$partition([], 2)`, `undefined`},
		{`$partition([1,2], -1)`, `D3137: Second argument must be zero or greater`},
		{`$partition(null, 1)`, `T0412: Argument 1 of function "partition" must be an array of "arrays"`},
		{`$partition([1], 1, 1)`, `T0410: Argument 3 of function "partition" does not match function signature`},
		{`$range(0,6,2)`, `[0,2,4,6]`},
		{`$range(0,9,3)`, `[0,3,6,9]`},
		{`$range(0,10,3)`, `[0,3,6,9]`},
		{`$range(1,9,9)`, `1`},
		{`$range(1,9,2)`, `[1,3,5,7,9]`},
		{`$range(10,0,-2)`, `[10,8,6,4,2,0]`},
		{`$range(-1.7,2,1)`, `[-1,0,1,2]`},
		{`$range(1,5)`, `undefined`},
		{`$range(1,5,0)`, `undefined`},
		{`$range(1,5,-1)`, `undefined`},
		{`$range(1)`, `T0410: Argument 2 of function "range" does not match function signature`},
		{`$range(1,2,1,1)`, `T0410: Argument 4 of function "range" does not match function signature`},
		{`$hash("Hello","MD5")`, `"8b1a9953c4611296a827abf8c47804d7"`},
		{`$hash("input","SHA-1")`, `"140f86aae51ab9e1cda9b4254fe98a74eb54c1a1"`},
		{`$hash("Hello","SHA-256")`, `"185f8db32271fe25f561a6fc938b2e264306ec304eda518007d1764826381969"`},
		{`$length($hash("a","SHA-384"))`, `96`},
		{`$length($hash("a","SHA-512"))`, `128`},
		{`$hash("ñ","MD5")`, `"94e9342ecbb1458b6043ecd3bfcbc192"`},
		{`$hash("a","sha-1")`, `D3137: Hash algorithm 'sha-1' must be one of SHA-1, SHA-384, SHA-256, SHA-512, MD5`},
		{`$hash("a")`, `undefined`},
		{`$hash(1,"MD5")`, `T0410: Argument 1 of function "hash" does not match function signature`},
		{`$hash("a",1)`, `T0410: Argument 2 of function "hash" does not match function signature`},
		{`$hash("a","MD5","b")`, `T0410: Argument 3 of function "hash" does not match function signature`},
		{`$random(42)`, `0.7275636800328681`},
		{`$random(0)`, `0.730967787376657`},
		{`$random(7)`, `0.7306990420600421`},
		{`$random(7.9)`, `0.7306990420600421`},
		{`$random(1,2)`, `T0410: Argument 2 of function "random" does not match function signature`},
		{`$uuid(1)`, `T0410: Argument 1 of function "uuid" does not match function signature`},
		{`$parse('{"Arg1": 1, "Arg2": []}')`, `{"Arg1":1,"Arg2":[]}`},
		{`$parse('-0')`, `0`},
		{`$parse('1.1')`, `1.1`},
		{`$parse('1.0')`, `1`},
		{`$parse('[1.0,{"a":1e2}]')`, `[1,{"a":100}]`},
		{`$parse('1e2')`, `100`},
		{`$parse('null')`, `null`},
		{`$parse()`, `undefined`},
		{`$parse(null)`, `T0410: Argument 1 of function "parse" does not match function signature`},
		{`$parse(1)`, `T0410: Argument 1 of function "parse" does not match function signature`},
		{`$parse('9223372036854775807')`, `9223372036854775807`},
		{`$parse('9223372036854775808') = 9223372036854775808`, `true`},
		{`$eval("1")`, `T1006: Attempted to invoke a non-function`},
		{`1 ?? 2`, `S0211: The symbol "?" cannot be used as a unary operator`},
		{`1 ?: 2`, `S0211: The symbol ":" cannot be used as a unary operator`},
		{`1/0`, `"Infinity"`},
		{`-1/0`, `"-Infinity"`},
		{`0/0`, `"NaN"`},
		{`[1/0]`, `["Infinity"]`},
		{`{"a":[1,{"b":1/0}],"c":2}`, `{"a":[1,{"b":"Infinity"}],"c":2}`},
		{`$parseInteger('abc','0')`, `"NaN"`},
		{`$string(1e20)`, `"100000000000000000000"`},
		{`$string(1e21)`, `"1e+21"`},
		{`$string(0.0000001)`, `"1e-7"`},
		{`$string(1/3)`, `"0.333333333333333"`},
		{`$string($states.input.one)`, `"1"`},
		{`$states.input.big`, `9007199254740993`},
		{`$string($states.input.max)`, `"9223372036854775807"`},
		{`{"v": $states.input.n}`, `{"v":null}`},
		{`$exists($states.input.n)`, `true`},
		{`$type(null)`, `"null"`},
		{`$count(null)`, `1`},
		{`$states.input.missing`, `undefined`},
		{`$sum("a")`, `T0412: Argument 1 of function "sum" must be an array of "numbers"`},
		{`$sqrt(-1)`, `D3060: The sqrt function cannot be applied to a negative number: -1`},
		{`1 + "a"`, `T2002: The right side of the "+" operator must evaluate to a number`},
		{`$split("a", "b", -1)`, `D3020: Third argument of split function must evaluate to a positive number`},
		{`$formatNumber(1, "a0b0")`, `D3086: The sub-picture must not contain a passive character that is preceded by an active character and that is followed by another active character`},
		{`[1,2`, `S0203: Expected "]" before end of expression`},
		{`'abc`, `S0101: String literal must be terminated by a matching quote`},
		{`1 +`, `S0207: Unexpected end of expression`},
		{`}`, `S0211: The symbol "}" cannot be used as a unary operator`},
		{`/abc`, `S0302: No terminating / in regular expression`},
		{`a[1,2]`, `S0202: Expected "]", got ","`},
	} {
		got, err := evalAWS(c.expr, states)
		text := got.String()
		switch {
		case err != nil:
			text = err.Error()
		case got.IsAbsent():
			text = "undefined"
		}
		if text != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.expr, text, c.want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, text := range []string{``, ` `, `{`, `1 2`, `{"a":1,"a":2}`, `[{"a":{"b":1,"\u0062":2}}]`, `1e400`, `[1e400]`, `nul`} {
		_, err := evalAWS(`$parse($t)`, jsonata.Var{Name: "t", Value: value.String(text)})
		var e *jsonata.Error
		if !errors.As(err, &e) || e.Code != "D3137" || !strings.HasPrefix(e.Message, "Invalid JSON") {
			t.Errorf("$parse(%q): %v", text, err)
		}
	}
	// Equal names in different objects are not repeated.
	if _, err := evalAWS(`$parse('[{"a":1},{"a":{"a":["a","a"]}}]')`); err != nil {
		t.Error(err)
	}
}

func TestSourcesOfChance(t *testing.T) {
	x := jsonata.MustCompile(`{"u": $uuid(), "r": $random(), "n": $now(), "m": $millis(), "s": $shuffle([1..5])}`, jsonata.StepFunctions())
	env := &jsonata.Env{
		Now:    func() time.Time { return time.UnixMilli(1_700_000_000_123) },
		Random: func() float64 { return 0.25 },
		UUID:   func() string { return "6ba7b810-9dad-41d1-80b4-00c04fd430c8" },
	}
	want := `{"u":"6ba7b810-9dad-41d1-80b4-00c04fd430c8","r":0.25,"n":"2023-11-14T22:13:20.123Z","m":1700000000123,"s":[5,1,2,3,4]}`
	for range 2 {
		v, err := x.Eval(context.Background(), value.Value{}, env)
		if err != nil || v.Get("u").Str() == "" {
			t.Fatal(v, err)
		}
		if w := value.MustParse(want); !value.Equal(v.Without("s"), w.Without("s")) || v.Get("s").Len() != 5 {
			t.Errorf("got %v\nwant %v", v, w)
		}
	}
	v, err := evalAWS(`$uuid()`)
	if err != nil || !regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(v.Str()) {
		t.Errorf("$uuid() gives %v, %v", v, err)
	}
	v, err = evalAWS(`$random()`)
	if f := v.Float64(); err != nil || math.IsNaN(f) || f < 0 || f >= 1 {
		t.Errorf("$random() gives %v, %v", v, err)
	}
}
