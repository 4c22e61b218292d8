package bedrock_test

import "github.com/sfnkit/sfnkit/asl/value"

var evaluateJSONata func(output, result value.Value) (value.Value, error)
