// Package payload compiles payload templates: the JSON values in Parameters,
// ResultSelector, ItemSelector, Assign and the like of JSONPath states, in which the value
// of every member whose name ends in .$ is an expression, at any depth of objects and
// arrays.
//
//	{"name.$": "$.user.name", "kind": "greeting", "text.$": "States.Format('Hi {}', $.user.name)"}
//
// An [Expression] is a path (of the input, the context object or a variable) or a call of
// an intrinsic function. ErrorPath and CausePath are single expressions
// ([CompileExpression]).
//
// A [Template] is compiled once and evaluated many times, by many goroutines if need be.
// An evaluation allocates the objects and arrays that hold a value that was computed, and
// whatever its functions make; everything else is shared with the template or the input.
//
// [Compile] reports an [*Error] with the place in the template. An evaluation fails with
// a [*PathError] if a path leads nowhere, and otherwise with what package jsonpath or
// package intrinsic reports. All of them print what the service shows as the cause, after
// the sentence that names the state.
package payload

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"

	"github.com/sfnkit/sfnkit/asl/intrinsic"
	"github.com/sfnkit/sfnkit/asl/jsonpath"
	"github.com/sfnkit/sfnkit/asl/value"
)

// Error says what is wrong in a template, and where.
type Error struct {
	Pointer string // JSON pointer within the template
	Field   string // name of the member, with its .$
	Reason  string
	Err     error // the syntax error of the path or call, nil if it is something else
}

func (e *Error) Error() string { return "at " + strconv.Quote(e.Pointer) + ": " + e.Reason }

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

// PathError says that the path of an expression leads nowhere.
type PathError struct {
	Path  string // as written
	Field string // name of the member, with its .$
	Input string // the text of the input
	Err   error  // what the path reported, nil if its variable is not there
}

func (e *PathError) Error() string {
	return "The JSONPath '" + e.Path + "' specified for the field '" + e.Field +
		"' could not be found in the input '" + e.Input + "'"
}

// Unwrap returns Err.
func (e *PathError) Unwrap() error { return e.Err }

// NullInputError says that a path was applied to an input that is null.
type NullInputError struct {
	Path  string
	Field string
}

// Error has the words that the service was reported to use.
func (e *NullInputError) Error() string {
	return "Unable to apply Path transformation to null or empty input."
}

// Expression is a compiled path or call.
type Expression struct {
	Pointer string          // JSON pointer within the template, empty for a single expression
	Field   string          // name of the member, with its .$, or of the field
	Path    *jsonpath.Path  // nil if it is a call
	Call    *intrinsic.Call // nil if it is a path
}

// CompileExpression compiles the value of a field such as ErrorPath. The error is a
// [*jsonpath.SyntaxError] or an [*intrinsic.SyntaxError].
func CompileExpression(field, text string) (*Expression, error) {
	x := &Expression{Field: field}
	var err error
	if intrinsic.IsCall(text) {
		x.Call, err = intrinsic.Compile(text)
	} else {
		x.Path, err = jsonpath.Compile(text)
	}
	if err != nil {
		return nil, err
	}
	return x, nil
}

// String returns the text that was compiled.
func (x *Expression) String() string {
	if x.Call != nil {
		return x.Call.String()
	}
	return x.Path.String()
}

// Eval evaluates the expression.
func (x *Expression) Eval(env *intrinsic.Env) (value.Value, error) {
	if x.Call != nil {
		return x.Call.Eval(env)
	}
	root, ok := env.Root(x.Path)
	if !ok {
		return value.Value{}, &PathError{Path: x.Path.String(), Field: x.Field, Input: env.QuotedInput()}
	}
	if root.IsNull() || root.IsAbsent() {
		if from, _ := x.Path.Root(); from == jsonpath.Input {
			return value.Value{}, &NullInputError{Path: x.Path.String(), Field: x.Field}
		}
	}
	v, err := x.Path.Eval(root)
	if err != nil {
		if _, lost := err.(*jsonpath.NotFoundError); lost {
			err = &PathError{Path: x.Path.String(), Field: x.Field, Input: env.QuotedInput(), Err: err}
		}
		return value.Value{}, err
	}
	return v, nil
}

// Template is a compiled template.
type Template struct {
	root        node
	expressions []*Expression
}

// node is a part of a template: a constant, an expression, or a container with an
// expression somewhere inside.
type node struct {
	val   value.Value // a constant, if none of the others is set
	expr  *Expression
	parts []node
	shape *value.Shape // of an object, nil for an array
}

// Compile compiles a template. The error is an [*Error].
func Compile(v value.Value) (*Template, error) {
	t := &Template{}
	var err error
	t.root, err = t.compile(v, "")
	if err != nil {
		return nil, err
	}
	return t, nil
}

// Constant reports whether the template has no expressions, so that it always gives the
// same value.
func (t *Template) Constant() bool { return len(t.expressions) == 0 }

// Expressions lists the expressions in document order. The slice must not be changed.
func (t *Template) Expressions() []*Expression { return t.expressions }

// Eval fills in the template.
func (t *Template) Eval(env *intrinsic.Env) (value.Value, error) { return t.root.eval(env) }

func (n *node) eval(env *intrinsic.Env) (value.Value, error) {
	switch {
	case n.expr != nil:
		return n.expr.Eval(env)
	case n.parts == nil:
		return n.val, nil
	}
	vals := make([]value.Value, len(n.parts))
	for i := range n.parts {
		p := &n.parts[i]
		if p.expr == nil && p.parts == nil {
			vals[i] = p.val
			continue
		}
		v, err := p.eval(env)
		if err != nil {
			return value.Value{}, err
		}
		vals[i] = v
	}
	if n.shape != nil {
		return value.ObjectOf(n.shape, vals), nil
	}
	return value.Array(vals), nil
}

func (t *Template) compile(v value.Value, pointer string) (node, error) {
	known := len(t.expressions)
	parts := make([]node, v.Len())
	switch v.Kind() {
	case value.KindArray:
		for i, e := range v.Elems() {
			n, err := t.compile(e, pointer+"/"+strconv.Itoa(i))
			if err != nil {
				return node{}, err
			}
			parts[i] = n
		}
	case value.KindObject:
		return t.object(v, pointer)
	}
	if len(t.expressions) == known {
		return node{val: v}, nil
	}
	return node{parts: parts}, nil
}

func (t *Template) object(v value.Value, pointer string) (node, error) {
	known := len(t.expressions)
	n := node{parts: make([]node, v.Len())}
	keys := make([]string, v.Len())
	places := make(map[string]string, v.Len())
	i := 0
	for key, member := range v.Members() {
		at := pointer + "/" + escape.Replace(key)
		name, computed := strings.CutSuffix(key, ".$")
		if other, ok := places[name]; ok {
			return node{}, &Error{Pointer: at, Field: key, Reason: "the members " + strconv.Quote(other) + " and " +
				strconv.Quote(key) + " would have the same name"}
		}
		places[name] = key
		var err error
		if computed {
			n.parts[i], err = t.expression(member, key, at)
		} else {
			n.parts[i], err = t.compile(member, at)
		}
		if err != nil {
			return node{}, err
		}
		keys[i] = name
		i++
	}
	if len(t.expressions) == known {
		return node{val: v}, nil
	}
	n.parts, keys = ordered(n.parts, keys)
	n.shape = value.NewShape(keys)
	return n, nil
}

// ordered puts members in the order that the service gives them: constants and templates
// as they are written, and behind them what expressions give, in the order of a Java
// HashMap of the names. All recorded results of templates agree, whole executions from 2023
// on and TestState of 2026-09 (published in github.com/radkawar/stackd).
func ordered(parts []node, keys []string) ([]node, []string) {
	type place struct {
		at     int
		bucket uint32
	}
	var places []place
	computed := 0
	for _, p := range parts {
		if p.expr != nil {
			computed++
		}
	}
	buckets := uint32(16)
	for computed*4 > int(buckets)*3 {
		buckets *= 2
	}
	for i, p := range parts {
		if p.expr != nil {
			hash := uint32(0)
			for _, unit := range utf16.Encode([]rune(keys[i])) {
				hash = 31*hash + uint32(unit)
			}
			places = append(places, place{i, 1 + (hash^hash>>16)&(buckets-1)})
		} else {
			places = append(places, place{at: i})
		}
	}
	slices.SortStableFunc(places, func(a, b place) int { return cmp.Compare(a.bucket, b.bucket) })
	sorted, names := make([]node, len(parts)), make([]string, len(keys))
	for i, p := range places {
		sorted[i], names[i] = parts[p.at], keys[p.at]
	}
	return sorted, names
}

var escape = strings.NewReplacer("~", "~0", "/", "~1")

func (t *Template) expression(v value.Value, key, pointer string) (node, error) {
	if !v.IsString() {
		return node{}, &Error{Pointer: pointer, Field: key, Reason: "the value of " + strconv.Quote(key) +
			" must be a string with a path or a call of an intrinsic function"}
	}
	x, err := CompileExpression(key, v.Str())
	if err != nil {
		return node{}, &Error{Pointer: pointer, Field: key, Reason: err.Error(), Err: err}
	}
	x.Pointer = pointer
	t.expressions = append(t.expressions, x)
	return node{expr: x}, nil
}
