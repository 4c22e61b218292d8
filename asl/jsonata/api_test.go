package jsonata_test

import (
	"context"
	"errors"
	"testing"

	"github.com/sfnkit/sfnkit/asl/jsonata"
	"github.com/sfnkit/sfnkit/asl/value"
)

func TestFunctionsInResults(t *testing.T) {
	for expr, inside := range map[string]bool{
		`function($x) { $x }`: true, `$sum`: true, `/a/`: true, `[1, $sum]`: true, `{"a": {"b": [$sum]}}`: true,
		`$match("a", /a/)`: false, `/a/("a")`: true, `[1, {"a": "b"}]`: false, `$substring(?, 1)`: true, `|a|{}|`: true,
		`$sum ~> $string`: true,
	} {
		v, err := jsonata.MustCompile(expr).Eval(context.Background(), value.Value{}, nil)
		if err != nil || jsonata.HasFunction(v) != inside {
			t.Errorf("%s: HasFunction is %v, %v", expr, jsonata.HasFunction(v), err)
		}
		if jsonata.IsFunction(v) != (inside && !v.IsArray() && !v.IsObject()) {
			t.Errorf("%s: IsFunction is %v", expr, jsonata.IsFunction(v))
		}
	}
}

// A function of a result may be called by a later evaluation.
func TestFunctionOutlivesEvaluation(t *testing.T) {
	f, err := jsonata.MustCompile(`($k := 3; function($x) { $x * $k + $n })`).Eval(context.Background(), value.Value{},
		&jsonata.Env{Vars: jsonata.Vars{{Name: "n", Value: value.Int(1)}}})
	if err != nil || !jsonata.IsFunction(f) {
		t.Fatal(f, err)
	}
	v, err := jsonata.MustCompile(`$map([1,2], $f)`).Eval(context.Background(), value.Value{},
		&jsonata.Env{Vars: jsonata.Vars{{Name: "f", Value: f}, {Name: "n", Value: value.Int(1)}}})
	if err != nil || v.JSON() != "[4,7]" {
		t.Errorf("got %v, %v", v, err)
	}
}

func TestVariablesShadowFunctions(t *testing.T) {
	env := &jsonata.Env{Vars: jsonata.Vars{{Name: "sum", Value: value.Int(7)}, {Name: "none"}}}
	v, err := jsonata.MustCompile(`[$sum, $exists($none)]`).Eval(context.Background(), value.Value{}, env)
	if err != nil || v.JSON() != "[7,false]" {
		t.Errorf("got %v, %v", v, err)
	}
	if _, err := jsonata.MustCompile(`$sum([1])`).Eval(context.Background(), value.Value{}, env); err == nil {
		t.Error("a number was called")
	}
}

func TestFunctionErrors(t *testing.T) {
	cause := errors.New("no such table")
	f := jsonata.Function{Name: "table", Call: func(*jsonata.Call, []value.Value) (value.Value, error) {
		return value.Value{}, cause
	}}
	_, err := jsonata.MustCompile(`1 + $table()`, jsonata.WithFunctions(f)).Eval(context.Background(), value.Value{}, nil)
	var e *jsonata.Error
	if !errors.As(err, &e) || e.Code != "D3137" || e.Message != cause.Error() || e.Position != 11 {
		t.Errorf("got %#v", err)
	}
}

func TestNumbersPassThrough(t *testing.T) {
	in := value.MustParse(`{"a":1.0,"b":1e2,"c":12345678901234567890,"d":9007199254740993,"e":0.10}`)
	v, err := jsonata.MustCompile(`{"a":a,"b":b,"c":c,"d":d,"e":e,"all":$}`).Eval(context.Background(), in, nil)
	if err != nil || v.JSON() != `{"a":1.0,"b":1e2,"c":12345678901234567890,"d":9007199254740993,"e":0.10,"all":`+in.JSON()+`}` {
		t.Errorf("got %v, %v", v, err)
	}
}
