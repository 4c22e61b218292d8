package jsonpath

import (
	"fmt"
	"strconv"

	"github.com/sfnkit/sfnkit/asl/value"
)

// SyntaxError says why and where a text is not a path.
type SyntaxError struct {
	Path   string // the whole text
	Offset int    // in bytes, from 0
	Reason string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("%q is not a JSONPath: %s (at offset %d)", e.Path, e.Reason, e.Offset)
}

// ReferenceError says that a path is not a Reference Path.
type ReferenceError struct {
	Path string
}

func (e *ReferenceError) Error() string {
	return fmt.Sprintf("%q is not a Reference Path: it must name one place by member names and indexes", e.Path)
}

// NotFoundError says that a path leads nowhere. Its text is the engine's message, made
// when it is asked for.
type NotFoundError struct{ failure }

// PastEnd reports whether all of a definite path could be followed but for an index at its
// end, which is too large.
func (e *NotFoundError) PastEnd() bool {
	last := len(e.path.steps) - 1
	return e.kind == outOfBounds && e.path.plain == len(e.path.steps) && e.at == last && e.path.steps[last].index >= e.model.Len()
}

// Error is any other failure of an evaluation. Its text is the engine's message.
type Error struct{ failure }

// MatchError says that a value cannot be written where a Reference Path points, which the
// service reports as States.ReferencePathConflict.
type MatchError struct {
	Path  string
	Input value.Value
}

// Error has the service's words (recorded 2026-09, published in github.com/radkawar/stackd).
func (e *MatchError) Error() string {
	return "Unable to apply ReferencePath " + e.Path + " to input " + e.Input.JSON()
}

type failureKind uint8

const (
	noFailure       failureKind = iota
	missingLast                 // the last member is missing
	missing                     // an earlier one is
	notObject                   // a member of something that is no object
	outOfBounds                 // an index too large, or negative
	nullArray                   // an index into null
	notFoundKinds               // the kinds up to here are "not found"
	notArray                    // an index into something else that is no array
	filterPrimitive             // a filter on a scalar
	multiNotLast                // ['a','b'] not at the end
	badNumber                   // a text that is compared with a number is none
	notPattern                  // =~ without a regular expression
	noCondition                 // [?]
	tooMuch                     // more than MaxVisits
)

func (k failureKind) notFound() bool { return k < notFoundKinds }

// failure is what an evaluation notes when it stops: enough to make the message later.
type failure struct {
	kind  failureKind
	path  *Path
	at    int         // number of the step that failed, in path.steps
	model value.Value // what it was applied to
	text  string      // the operand that is at fault
	place []segment   // the way to model, or to what is missing in it
}

func (f *failure) asError() error {
	if f.kind.notFound() {
		return &NotFoundError{*f}
	}
	return &Error{*f}
}

// Path returns the text of the path that failed.
func (f *failure) Path() string { return f.path.text }

// Error returns the engine's message.
func (f *failure) Error() string {
	var b []byte
	switch f.kind {
	case missingLast:
		b = f.appendPlace(append(b, "No results for path: "...))
	case missing:
		b = f.appendPlace(append(b, "Missing property in path "...))
	case notObject:
		b = f.path.steps[f.at].appendTo(append(b, "Property "...))
		b = f.appendPlace(append(b, " not found in path "...))
	case outOfBounds:
		b = f.appendPlace(append(b, "Index out of bounds when evaluating path "...))
	case nullArray:
		b = append(f.appendPlace(append(b, "The path "...)), " is null"...)
	case notArray:
		b = f.appendSteps(append(b, "Filter: "...))
		b = AppendText(append(b, " can only be applied to arrays. Current context is: "...), f.model)
	case filterPrimitive:
		b = f.appendSteps(append(b, "Filter: "...))
		b = AppendText(append(b, " can not be applied to primitives. Current context is: "...), f.model)
	case multiNotLast:
		b = f.appendPlace(append(b, "Multi properties can only be used as path leafs: "...))
	case badNumber:
		b = appendNumberFault(b, f.text)
	case notPattern:
		b = append(append(b, "not a regular expression: "...), f.text...)
	case noCondition:
		b = append(b, "the filter [?] has no condition"...)
	case tooMuch:
		b = append(b, "the path visits more than "...)
		b = append(strconv.AppendInt(b, MaxVisits, 10), " values"...)
	}
	return string(b)
}

// appendNumberFault says what java.math.BigDecimal says about a text that is no number.
func appendNumberFault(b []byte, s string) []byte {
	for _, r := range s {
		if !(r >= '0' && r <= '9' || r == '.' || r == 'e' || r == 'E' || r == '+' || r == '-') {
			b = append(b, "Character "...)
			b = append(b, string(r)...)
			return append(b, ` is neither a decimal digit number, decimal point, nor "e" notation exponential mark.`...)
		}
	}
	return append(append(append(b, "not a number: '"...), s...), '\'')
}

// appendSteps appends the failed step and all that follow it.
func (f *failure) appendSteps(b []byte) []byte {
	for i := f.at; i < len(f.path.steps); i++ {
		b = f.path.steps[i].appendTo(b)
	}
	return b
}

func (f *failure) appendPlace(b []byte) []byte {
	b = append(b, '$')
	for i := range f.place {
		b = f.place[i].appendTo(b)
	}
	return b
}

// segment is one step of the way to a place in a document: a member, an element, or the
// members that ['a','b'] asks for.
type segment struct {
	isIndex bool
	index   int
	key     string
	keys    []string
}

func (s *segment) appendTo(b []byte) []byte {
	switch {
	case s.isIndex:
		return appendIndex(b, s.index)
	case s.keys != nil:
		return appendNames(b, s.keys...)
	}
	return appendNames(b, s.key)
}

func appendIndex(b []byte, i int) []byte {
	return append(strconv.AppendInt(append(b, '['), int64(i), 10), ']')
}

func appendNames(b []byte, names ...string) []byte {
	b = append(b, '[')
	for i, n := range names {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = append(append(append(b, '\''), n...), '\'')
	}
	return append(b, ']')
}
