package jsonata_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/sfnkit/sfnkit/asl/jsonata"
)

func describe(refs []jsonata.Reference) string {
	var out []string
	for _, r := range refs {
		s := r.Name
		if r.Field != "" {
			s += "." + r.Field
		}
		if r.Called {
			s += "()"
		}
		out = append(out, fmt.Sprintf("%s@%d", s, r.Position))
	}
	return strings.Join(out, " ")
}

func TestReferences(t *testing.T) {
	for _, c := range []struct{ expr, vars, context string }{
		{`$states.input.a`, "states.input@7", ""},
		{`$states`, "states@7", ""},
		{`$states.result[0].x & $states.errorOutput.Cause`, "states.result@7 states.errorOutput@29", ""},
		{`$states[0].input`, "states@7", ""},
		{`$x + $y`, "x@2 y@7", ""},
		{`($x := 1; $x + $y)`, "y@17", ""},
		{`$map($states.input.a, function($v, $i) { $v + $i + $n })`, "states.input@12 n@53", ""},
		{`($f := function($n) { $f($n - 1) }; $f($k))`, "k@41", ""},
		{`$f(1)`, "f()@2", ""},
		{`$eval("1")`, "eval()@5", ""},
		{`phone`, "", "phone@5"},
		{`phone.number`, "", "phone@5"},
		{`$states.input.(phone)`, "states.input@7", ""},
		{`$states.input[phone = 1]`, "states.input@7", ""},
		{`$states.input^(phone)`, "states.input@7", ""},
		{`$states.input{phone: number}`, "states.input@7", ""},
		{`$states.input.{"a": phone}`, "states.input@7", ""},
		{`{"a": phone}`, "", "phone@11"},
		{`$map($states.input.a, function($x) { b })`, "states.input@12", "b@38"},
		{`$states.input.$map(a, function($x) { b })`, "states.input@7", ""},
		{`$$.a`, "", "$$@2"},
		{`$states.input[a = $$.b]`, "states.input@7", "$$@20"},
		{`$`, "", "$@1"},
		{`$.a`, "", "$@1"},
		{`$states.input.a.$`, "states.input@7", ""},
		{`*`, "", "*@1"},
		{`**.a`, "", "**@2"},
		{`$states.input.books@$b.authors#$i.{"b": $b, "i": $i, "z": $z}`, "states.input@7 z@60", ""},
		{`$states.input.a#$i[$i < $n].b`, "states.input@7 n@26", ""},
		{`$states.input.a@$p[$p.x = 1]#$k[$k = 0]{$p.y: $sum($k)}`, "states.input@7", ""},
		{`$states.input.a[$i]#$i`, "states.input@7 i@18", ""},
		{`$states.input ~> |a|{"x": b, "y": $q}|`, "states.input@7 q@36", ""},
		{`"é" & $é`, "é@8", ""},
		{`$sum($states.input.a)`, "states.input@12", ""},
	} {
		x, err := jsonata.Compile(c.expr, jsonata.StepFunctions())
		if err != nil {
			t.Errorf("%s: %v", c.expr, err)
			continue
		}
		if got := describe(x.Variables()); got != c.vars {
			t.Errorf("%s\n variables %q\n     want %q", c.expr, got, c.vars)
		}
		if got := describe(x.ContextReferences()); got != c.context {
			t.Errorf("%s\n context %q\n   want %q", c.expr, got, c.context)
		}
	}
	x := jsonata.MustCompile(`$sum($states.input.a) > $now()`)
	if got := describe(x.Functions()); got != "sum()@4 now()@28" {
		t.Errorf("functions %q", got)
	}
}
