package server

import (
	"embed"
	"encoding/json"
	"strings"
	"sync"

	"github.com/sfnkit/sfnkit/asl"
	"github.com/sfnkit/sfnkit/asl/value"
)

// The shapes of the services' answers, one file for each service, named as in
// arn:aws:states:::aws-sdk:NAME:operation. They are facts of the services' own models:
// members (with the capital first letter that Step Functions gives them), kinds
// (o structure, l list, m map, s text, n number, b boolean, a anything), required
// members, values of enumerations, and bounds of numbers. "=s" stands for a shape that is
// nothing but its kind. A further file is enough to support a further service. Where a
// recording of TestState shows another bound, that one is in the file: 10240 for
// MemorySize of Lambda (2025-12-03).
//
//go:embed shapes/*.json
var shapeFiles embed.FS

type serviceShapes struct {
	Operations map[string]string // output shape; "" for an operation that answers nothing
	Shapes     map[string]*resultShape
}

type resultShape struct {
	Kind     string            `json:"t"`
	Fields   map[string]string `json:"f"`
	Required []string          `json:"r"`
	Element  string            `json:"e"`
	Values   []string          `json:"v"`
	Min      *float64
	Max      *float64
}

var loadedShapes sync.Map // name -> func() *serviceShapes

// shapesOf returns the shapes of a service, nil if there is no file for it.
func shapesOf(service string) *serviceShapes {
	load, _ := loadedShapes.LoadOrStore(service, sync.OnceValue(func() *serviceShapes {
		if strings.ContainsAny(service, "/.") {
			return nil
		}
		text, err := shapeFiles.ReadFile("shapes/" + service + ".json")
		if err != nil {
			return nil
		}
		s := &serviceShapes{}
		if err := json.Unmarshal(text, s); err != nil {
			panic("server: shapes/" + service + ".json: " + err.Error())
		}
		return s
	}))
	return load.(func() *serviceShapes)()
}

// optimized says which operation of which service answers an optimised integration.
var optimized = map[string]string{
	"lambda": "lambda", "sqs": "sqs", "sns": "sns", "dynamodb": "dynamodb", "events": "eventbridge", "states": "sfn",
}

// checkResult judges a mocked result of a task against the shape of the service's answer.
// Without a shape there is nothing to judge: unknown services, jobs and callbacks, whose
// result is not the answer of the call.
//
// The model counts even where the integration gives JSON for a text of the API: Payload of
// lambda:invoke must be a string (recorded 2026-09, published in github.com/radkawar/stackd;
// an example in the documentation has an object). That this holds for Output of
// startExecution.sync:2 and Body of bedrock:invokeModel follows from it and is not recorded.
func checkResult(r asl.Resource, mode string, result value.Value) error {
	service, action := strings.TrimPrefix(r.Service, "aws-sdk:"), r.Action
	switch {
	case r.Kind == asl.Optimized:
		if service == "bedrock" {
			if action == "invokeModel" {
				service = "bedrockruntime"
			}
		} else if service = optimized[service]; service == "" {
			return nil
		}
		if r.Pattern == asl.Sync || r.Pattern == asl.Sync2 {
			if service != "sfn" {
				return nil
			}
			action = "describeExecution"
		}
	case r.Kind != asl.SDK:
		return nil
	}
	if r.Pattern == asl.WaitForTaskToken || action == "" {
		return nil
	}
	all := shapesOf(service)
	if all == nil {
		return nil
	}
	name := all.Operations[strings.ToUpper(action[:1])+action[1:]]
	if name == "" {
		return nil
	}
	c := resultChecker{shapes: all.Shapes, strict: mode != "PRESENT"}
	if problem := c.check(name, "", result, 0); problem != "" {
		return failure("ValidationException", "Mock result schema validation error: %s", problem)
	}
	return nil
}

type resultChecker struct {
	shapes map[string]*resultShape
	strict bool
}

var plainShapes = map[string]*resultShape{"=s": {Kind: "s"}, "=n": {Kind: "n"}, "=b": {Kind: "b"}, "=a": {Kind: "a"}}

// check returns what is wrong with a value, "" if nothing is. field is the name of the
// member that holds it.
func (c *resultChecker) check(name, field string, v value.Value, depth int) string {
	s := plainShapes[name]
	if s == nil {
		s = c.shapes[name]
	}
	if s == nil || depth > 100 {
		return ""
	}
	must := func(kind string) string { return "Field '" + field + "' must be " + kind }
	switch s.Kind {
	case "o", "m":
		if !v.IsObject() {
			return must("an object")
		}
		if c.strict {
			for _, r := range s.Required {
				if !v.Has(r) {
					return "Required field '" + r + "' is missing"
				}
			}
		}
		for k, sub := range v.Members() {
			inner := s.Element
			if s.Kind == "o" {
				if inner = s.Fields[k]; inner == "" {
					continue
				}
			}
			if p := c.check(inner, k, sub, depth+1); p != "" {
				return p
			}
		}
	case "l":
		if !v.IsArray() {
			return must("an array")
		}
		for _, e := range v.Elems() {
			if p := c.check(s.Element, field, e, depth+1); p != "" {
				return p
			}
		}
	case "s":
		if !v.IsString() {
			return must("a string")
		}
		if s.Values != nil && !contains(s.Values, v.Str()) {
			return "Field '" + field + "' is not an expected value"
		}
	case "n":
		if !v.IsNumber() {
			return must("a number")
		}
		if s.Min != nil && v.Float64() < *s.Min {
			return "Field '" + field + "' is less than the minimum value"
		}
		if s.Max != nil && v.Float64() > *s.Max {
			return "Field '" + field + "' exceeds the maximum value"
		}
	case "b":
		if !v.IsBool() {
			return must("a boolean")
		}
	}
	return ""
}

func contains(list []string, s string) bool {
	for _, l := range list {
		if l == s {
			return true
		}
	}
	return false
}
