package jsonata_test

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/sfnkit/sfnkit/asl/jsonata"
	"github.com/sfnkit/sfnkit/asl/value"
)

func Example() {
	order := value.MustParse(`{"id": "o-1", "lines": [
		{"sku": "tea",    "price": 4.5, "quantity": 2},
		{"sku": "coffee", "price": 6,   "quantity": 1}
	]}`)
	x, err := jsonata.Compile(`{"order": id, "total": $sum(lines.(price * quantity)), "dear": lines[price > 5].sku}`)
	if err != nil {
		fmt.Println(err)
		return
	}
	v, err := x.Eval(context.Background(), order, nil)
	fmt.Println(v, err)
	// Output: {"order":"o-1","total":15,"dear":"coffee"} <nil>
}

// In Step Functions everything comes from variables; there is no context item.
func ExampleStepFunctions() {
	x := jsonata.MustCompile(`$partition($states.input.ids, 2)`, jsonata.StepFunctions())
	env := &jsonata.Env{Vars: jsonata.Vars{{Name: "states", Value: value.MustParse(`{"input": {"ids": [1, 2, 3]}}`)}}}
	fmt.Println(x.Eval(context.Background(), value.Value{}, env))
	// Output: [[1,2],[3]] <nil>
}

func ExampleError() {
	_, err := jsonata.Compile(`{"a": [1, 2}`)
	var e *jsonata.Error
	if errors.As(err, &e) {
		fmt.Println(e.Code, e.Position, e.Message)
	}
	_, err = jsonata.MustCompile(`$uppercase(7)`).Eval(context.Background(), value.Value{}, nil)
	fmt.Println(err)
	// Output:
	// S0202 12 Expected "]", got "}"
	// T0410: Argument 1 of function "uppercase" does not match function signature
}

func ExampleWithFunctions() {
	shout := jsonata.Function{
		Name: "shout", Signature: "<s-:s>",
		Call: func(_ *jsonata.Call, args []value.Value) (value.Value, error) {
			return value.String(strings.ToUpper(args[0].Str()) + "!"), nil
		},
	}
	twice := jsonata.Function{
		Name: "twice", Signature: "<fx:x>",
		Call: func(c *jsonata.Call, args []value.Value) (value.Value, error) {
			v, err := c.Apply(args[0], args[1])
			if err != nil {
				return v, err
			}
			return c.Apply(args[0], v)
		},
	}
	x := jsonata.MustCompile(`$twice($shout, "hey")`, jsonata.WithFunctions(shout, twice))
	fmt.Println(x.Eval(context.Background(), value.Value{}, nil))
	// Output: "HEY!!" <nil>
}

func ExampleWithLimits() {
	x := jsonata.MustCompile(`($f := function($n) { $n + $f($n) }; $f(1))`, jsonata.WithLimits(jsonata.Limits{Depth: 50}))
	_, err := x.Eval(context.Background(), value.Value{}, nil)
	var e *jsonata.Error
	fmt.Println(errors.As(err, &e) && e.Limit == jsonata.LimitDepth)
	// Output: true
}

// The references tell what an expression needs and whether Step Functions would refuse it.
func ExampleExpr_ContextReferences() {
	x := jsonata.MustCompile(`$states.input.items[price > $limit].name & phone`, jsonata.StepFunctions())
	for _, r := range x.Variables() {
		fmt.Printf("variable %s %q\n", r.Name, r.Field)
	}
	for _, r := range x.ContextReferences() {
		fmt.Println("context item:", r.Name, "at", r.Position)
	}
	// Output:
	// variable states "input"
	// variable limit ""
	// context item: phone at 48
}

func ExampleWithTrace() {
	x := jsonata.MustCompile(`$a.b + 1`, jsonata.WithTrace())
	env := &jsonata.Env{
		Vars: jsonata.Vars{{Name: "a", Value: value.MustParse(`{"b": 41}`)}},
		Trace: func(s jsonata.Step) {
			fmt.Println(strings.Repeat("  ", s.Depth-1)+s.Kind, s.Text, "=", s.Result)
		},
	}
	x.Eval(context.Background(), value.Value{}, env)
	// Output:
	//     variable $a = {"b":41}
	//     name b = 41
	//   path $a.b = 41
	//   number 1 = 1
	// binary + = 42
}
