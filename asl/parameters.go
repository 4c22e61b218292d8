package asl

import (
	"slices"
	"strings"

	"github.com/sfnkit/sfnkit/asl/intrinsic"
	"github.com/sfnkit/sfnkit/asl/jsonpath"
	"github.com/sfnkit/sfnkit/asl/sdkinput"
	"github.com/sfnkit/sfnkit/asl/value"
)

// CheckParameters tells what keeps the call of a Task state with these evaluated parameters
// from being made; nil if nothing known does. r and lang are the state's. What the
// definition alone shows is left to [Validate]. The service looks at parameters again when
// it has computed them, says what it says of those in a definition, and the execution fails.
// Users published that for numbers (stackoverflow.com/questions/76373088), for names that
// end in .$ (github.com/andybalham/blog-task-tokens-part-2) and for an unknown member
// (2026-07) in lambda:invoke, and for an unknown member of aws-sdk:batch:submitJob (2026). Of
// other integrations no more is looked at than which members are missing. Of the options
// [Disable] counts.
func CheckParameters(s *State, r Resource, lang QueryLanguage, params value.Value, opts ...ValidateOption) []string {
	if !params.IsObject() || r.Kind != SDK && r.Kind != Optimized {
		return nil
	}
	if lang == JSONPath {
		if wrong := unevaluated(nil, params); wrong != nil {
			return wrong
		}
	}
	whole := lang == JSONata && s.Arguments.IsString() // its names are not known before
	cfg := validateConfig{asService: true, disabled: map[string]bool{}}
	for _, o := range opts {
		o(&cfg)
	}
	if r.Kind == SDK {
		return sdkProblems(cfg, r, lang, params, whole)
	}
	a := resources().Optimized[r.Service][r.Action]
	var wrong []string
	for _, name := range a.Required {
		if whole && !params.Has(name) && r.Service != "bedrock" {
			wrong = append(wrong, "The field '"+name+"' is required but was missing")
		}
	}
	if wrong != nil || r.Service != "lambda" {
		return wrong
	}
	known := append(slices.Clone(a.Required), a.Names...)
	api := sdkinput.Operation(r.Service, r.Action)
	for name, p := range params.Members() {
		switch {
		case slices.Contains(known, name):
			if p.IsNumber() || p.IsBool() {
				return []string{"The value for the field '" + name + "' must be a STRING"}
			}
		case api != nil && api.Member(name) == nil && !strings.HasSuffix(name, ".$") && !cfg.disabled[CodeUnknownMember]:
			message := "The field \"" + name + "\" is not supported by Step Functions"
			for _, k := range known {
				if strings.EqualFold(k, name) {
					message += ". Did you mean '" + k + "'?"
				}
			}
			return []string{message}
		}
	}
	return nil
}

func sdkProblems(cfg validateConfig, r Resource, lang QueryLanguage, params value.Value, whole bool) []string {
	in := sdkinput.Operation(strings.TrimPrefix(r.Service, "aws-sdk:"), r.Action)
	if in == nil {
		return nil
	}
	v := &validator{cfg: cfg}
	st := &scope{lang: lang}
	n := nodeOf(params)
	if whole {
		v.sdkParameters(st, &n, "", r)
	} else {
		c := sdkCheck{validator: v, st: st}
		c.structure(&n, in, nil)
	}
	var wrong []string
	for _, d := range v.out {
		if !cfg.disabled[d.Code] {
			wrong = append(wrong, d.Message)
		}
	}
	return wrong
}

// unevaluated finds the members that look as if they were to be evaluated, in what was, and
// cannot be.
func unevaluated(wrong []string, v value.Value) []string {
	switch v.Kind() {
	case value.KindArray:
		for _, e := range v.Elems() {
			wrong = unevaluated(wrong, e)
		}
	case value.KindObject:
		for name, m := range v.Members() {
			if !strings.HasSuffix(name, ".$") || !m.IsString() {
				wrong = unevaluated(wrong, m)
				continue
			}
			var err error
			if text := m.Str(); intrinsic.IsCall(text) {
				_, err = intrinsic.Compile(text)
			} else {
				_, err = jsonpath.Compile(text)
			}
			if err != nil {
				wrong = append(wrong, "The value for the field '"+name+"' must be a valid JSONPath or a valid intrinsic function call")
			}
		}
	}
	return wrong
}

// nodeOf makes a node of a value that stands in no document.
func nodeOf(v value.Value) node {
	n := node{kind: v.Kind(), nameAt: -1}
	switch n.kind {
	case value.KindArray, value.KindObject:
		n.kids = make([]node, v.Len())
		for i, e := range v.Elems() {
			n.kids[i] = nodeOf(e)
			if n.kind == value.KindObject {
				n.kids[i].name = v.Key(i)
			}
		}
	default:
		n.scalar = v
	}
	return n
}
