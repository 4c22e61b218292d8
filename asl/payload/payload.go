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
// The result has the members that are not computed first, in document order, and then the
// computed ones, in the order of a hash table of their names. An index past the end of an
// array, if it ends a definite path, gives null and is no error (seen on AWS 2026-09:
// floci-io/floci pull request 3167); the engine by itself, and a path that goes on, fail.
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
	"strconv"
	"strings"

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

func (e *PathError) pastEnd() bool {
	lost, ok := e.Err.(*jsonpath.NotFoundError)
	return ok && lost.PastEnd()
}

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
		return value.Value{}, &PathError{Path: x.Path.String(), Field: x.Field, Input: env.QuotedInput(x.Path)}
	}
	if root.IsNull() || root.IsAbsent() {
		if from, _ := x.Path.Root(); from == jsonpath.Input {
			return value.Value{}, &NullInputError{Path: x.Path.String(), Field: x.Field}
		}
	}
	v, err := x.Path.Eval(root)
	if err != nil {
		if _, lost := err.(*jsonpath.NotFoundError); lost {
			err = &PathError{Path: x.Path.String(), Field: x.Field, Input: env.QuotedInput(x.Path), Err: err}
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
		v, err := n.expr.Eval(env)
		if pe, ok := err.(*PathError); ok && pe.pastEnd() {
			return value.Null, nil
		}
		return v, err
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
	n := node{parts: make([]node, 0, v.Len())}
	keys := make([]string, 0, v.Len())
	var computedParts []node
	var computedKeys []string
	places := make(map[string]string, v.Len())
	for key, member := range v.Members() {
		at := pointer + "/" + escape.Replace(key)
		name, computed := strings.CutSuffix(key, ".$")
		if other, ok := places[name]; ok {
			return node{}, &Error{Pointer: at, Field: key, Reason: "the members " + strconv.Quote(other) + " and " +
				strconv.Quote(key) + " would have the same name"}
		}
		places[name] = key
		if computed {
			part, err := t.expression(member, key, at)
			if err != nil {
				return node{}, err
			}
			computedParts, computedKeys = append(computedParts, part), append(computedKeys, name)
			continue
		}
		part, err := t.compile(member, at)
		if err != nil {
			return node{}, err
		}
		n.parts, keys = append(n.parts, part), append(keys, name)
	}
	if len(t.expressions) == known {
		return node{val: v}, nil
	}
	// The service keeps the computed members of an object in a hash map and appends them to
	// the others, so this is the order in which they are evaluated and appear (recorded
	// 2026-09, published in github.com/radkawar/stackd).
	for _, i := range value.HashOrder(computedKeys) {
		n.parts, keys = append(n.parts, computedParts[i]), append(keys, computedKeys[i])
	}
	n.shape = value.NewShape(keys)
	return n, nil
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
