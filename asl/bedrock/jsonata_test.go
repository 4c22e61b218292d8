package bedrock_test

import (
	"context"
	"strings"

	"github.com/sfnkit/sfnkit/asl/jsonata"
	"github.com/sfnkit/sfnkit/asl/value"
)

// evaluateJSONata evaluates the expressions that are members of an output.
func evaluateJSONata(output, result value.Value) (value.Value, error) {
	out := value.NewBuilder(output.Len())
	for k, v := range output.Members() {
		text := strings.TrimSuffix(strings.TrimPrefix(v.Str(), "{%"), "%}")
		x, err := jsonata.Compile(text, jsonata.StepFunctions())
		if err != nil {
			return value.Null, err
		}
		states := value.Object([]string{"result"}, []value.Value{result})
		got, err := x.Eval(context.Background(), value.Value{}, &jsonata.Env{Vars: jsonata.Vars{{Name: "states", Value: states}}})
		if err != nil {
			return value.Null, err
		}
		out.Set(k, got)
	}
	return out.Object(), nil
}
