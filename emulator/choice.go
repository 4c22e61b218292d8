package emulator

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/sfnkit/sfnkit/asl"
	"github.com/sfnkit/sfnkit/asl/jsonpath"
	"github.com/sfnkit/sfnkit/asl/value"
)

// rule is a compiled choice rule.
type rule struct {
	next     *state
	output   *query
	assign   *assignment
	cond     *query // JSONata
	and, or  []*rule
	not      *rule
	variable *jsonpath.Path
	test     test
	operand  value.Value
	other    *jsonpath.Path // of the comparisons that end in Path
	pattern  []pattern      // StringMatches
	at       time.Time      // Timestamp comparisons with a literal
	atOK     bool
}

// test compares a variable's value with an operand.
type test struct {
	kind byte // s string, n number, b boolean, t timestamp, m pattern, ? type test
	op   byte // = < > l(<=) g(>=); for type tests the type
}

// tests holds the comparisons by name, without the suffix Path.
var tests = map[string]test{
	"BooleanEquals":              {'b', '='},
	"NumericEquals":              {'n', '='},
	"NumericGreaterThan":         {'n', '>'},
	"NumericGreaterThanEquals":   {'n', 'g'},
	"NumericLessThan":            {'n', '<'},
	"NumericLessThanEquals":      {'n', 'l'},
	"StringEquals":               {'s', '='},
	"StringGreaterThan":          {'s', '>'},
	"StringGreaterThanEquals":    {'s', 'g'},
	"StringLessThan":             {'s', '<'},
	"StringLessThanEquals":       {'s', 'l'},
	"TimestampEquals":            {'t', '='},
	"TimestampGreaterThan":       {'t', '>'},
	"TimestampGreaterThanEquals": {'t', 'g'},
	"TimestampLessThan":          {'t', '<'},
	"TimestampLessThanEquals":    {'t', 'l'},
	"StringMatches":              {'m', '='},
	"IsNull":                     {'?', '0'},
	"IsPresent":                  {'?', 'p'},
	"IsNumeric":                  {'?', 'n'},
	"IsString":                   {'?', 's'},
	"IsBoolean":                  {'?', 'b'},
	"IsTimestamp":                {'?', 't'},
}

func (f *fields) rule(field string, r *asl.ChoiceRule) *rule {
	out := &rule{output: f.query(field+"/Output", r.Output), assign: f.assignment(field+"/Assign", r.Assign)}
	if f.jsonata {
		if r.Condition.IsAbsent() {
			f.fail(field, fmt.Errorf("a choice rule needs a Condition"))
		}
		out.cond = f.query(field+"/Condition", r.Condition)
		return out
	}
	list := func(name string, rules []*asl.ChoiceRule) []*rule {
		var out []*rule
		for i, r := range rules {
			out = append(out, f.rule(fmt.Sprintf("%s/%s[%d]", field, name, i), r))
		}
		return out
	}
	switch {
	case r.And != nil:
		out.and = list("And", r.And)
		return out
	case r.Or != nil:
		out.or = list("Or", r.Or)
		return out
	case r.Not != nil:
		out.not = f.rule(field+"/Not", r.Not)
		return out
	}
	if r.Variable == "" {
		f.fail(field, fmt.Errorf("a choice rule needs a Variable, And, Or or Not"))
		return out
	}
	out.variable = f.path(field+"/Variable", r.Variable)
	name, isPath := strings.CutSuffix(r.Operator, "Path")
	t, ok := tests[name]
	if !ok || isPath && (t.kind == '?' || t.kind == 'm') {
		f.fail(field, fmt.Errorf("%q is not a comparison", r.Operator))
		return out
	}
	out.test, out.operand = t, r.Operand
	switch {
	case isPath:
		out.other = f.path(field+"/"+r.Operator, r.Operand.Str())
	case t.kind == 'm':
		out.pattern = compilePattern(r.Operand.Str())
	case t.kind == 't':
		out.at, out.atOK = parseTimestamp(r.Operand.Str())
	}
	return out
}

func (x *Execution) choice(t *thread) *Error {
	s := t.state
	in, err := x.effectiveInput(t)
	if err != nil {
		return err
	}
	v := x.viewOf(t, in)
	next, assign, output, chosen := s.otherwise, s.assign, s.output, -1
	for i, r := range s.choices {
		ok, err := v.holds(r)
		if err != nil {
			return err
		}
		if ok {
			next, assign, chosen = r.next, r.assign, i
			if r.output != nil {
				output = r.output
			}
			break
		}
	}
	if next == nil {
		// The specification reserves States.NoChoiceMatched for this, but AWS was seen to
		// answer with States.Runtime (published snapshots of its answers in
		// gabrielmoreira/tiny-asl-machine, Choice.And-006).
		return x.located(t, runtimeError("Failed to transition out of the state. The state does not point to a next state."))
	}
	out := in
	if s.jsonata {
		if output != nil {
			if out, err = v.query(output); err != nil {
				return err
			}
		}
	} else if out, err = x.filter(t, "OutputPath", s.outputPath, in); err != nil {
		return err
	}
	assigned, err := x.assigned(v, assign)
	if err != nil {
		return err
	}
	x.decided(t, ChoseRule, chosen)
	return x.leave(t, next, out, assigned)
}

func (v *view) holds(r *rule) (bool, *Error) {
	switch {
	case r.cond != nil:
		got, err := v.query(r.cond)
		if err == nil && !got.IsBool() {
			err = v.unexpected(r.cond, "boolean", got)
		}
		return got.Truth(), err
	case r.and != nil:
		for _, o := range r.and {
			if ok, err := v.holds(o); !ok || err != nil {
				return false, err
			}
		}
		return true, nil
	case r.or != nil:
		for _, o := range r.or {
			if ok, err := v.holds(o); ok || err != nil {
				return ok, err
			}
		}
		return false, nil
	case r.not != nil:
		ok, err := v.holds(r.not)
		return !ok, err
	}
	got, found := r.variable.Lookup(v.rootOf(r.variable))
	if r.test.kind == '?' && r.test.op == 'p' {
		return found == r.operand.Truth(), nil
	}
	if !found {
		return false, v.noReference(r.variable)
	}
	operand := r.operand
	if r.other != nil {
		if operand, found = r.other.Lookup(v.rootOf(r.other)); !found {
			return false, v.noReference(r.other)
		}
	}
	switch r.test.kind {
	case '?':
		return isType(got, r.test.op) == operand.Truth(), nil
	case 'b':
		return got.IsBool() && operand.IsBool() && got.Truth() == operand.Truth(), nil
	case 'n':
		return got.IsNumber() && operand.IsNumber() && ordered(compareNumbers(got, operand), r.test.op), nil
	case 's':
		return got.IsString() && operand.IsString() && ordered(compareText(got.Str(), operand.Str()), r.test.op), nil
	case 'm':
		return got.IsString() && matches(got.Str(), r.pattern), nil
	case 't':
		at, ok := r.at, r.atOK
		if r.other != nil {
			at, ok = parseTimestamp(operand.Str())
		}
		is, valid := parseTimestamp(got.Str())
		return ok && valid && ordered(is.Compare(at), r.test.op), nil
	}
	return false, nil
}

func (v *view) noReference(p *jsonpath.Path) *Error {
	return v.x.located(v.t, runtimeError("Invalid path '%s': The choice state's condition path references an invalid value.", p))
}

func isType(v value.Value, op byte) bool {
	switch op {
	case '0':
		return v.IsNull()
	case 'n':
		return v.IsNumber()
	case 's':
		return v.IsString()
	case 'b':
		return v.IsBool()
	case 't':
		_, ok := parseTimestamp(v.Str())
		return ok
	}
	return false
}

func ordered(c int, op byte) bool {
	switch op {
	case '=':
		return c == 0
	case '<':
		return c < 0
	case '>':
		return c > 0
	case 'l':
		return c <= 0
	}
	return c >= 0
}

func compareNumbers(a, b value.Value) int {
	if a.IsInt() && b.IsInt() {
		x, _ := a.Int64()
		y, _ := b.Int64()
		switch {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return 0
	}
	x, y := a.Float64(), b.Float64()
	switch {
	case x < y:
		return -1
	case x > y:
		return 1
	}
	return 0
}

// compareText orders strings as Java does, by UTF-16 code units: characters outside the
// Basic Multilingual Plane come before U+E000 to U+FFFF.
func compareText(a, b string) int {
	for a != "" && b != "" {
		x, n := utf8.DecodeRuneInString(a)
		y, m := utf8.DecodeRuneInString(b)
		if x != y {
			if (x > 0xFFFF) != (y > 0xFFFF) {
				if x > 0xFFFF {
					x = 0xD800
				} else {
					y = 0xD800
				}
			}
			if x < y {
				return -1
			}
			return 1
		}
		a, b = a[n:], b[m:]
	}
	return len(a) - len(b)
}

// pattern is a part of a StringMatches pattern: literal text, or * if any is set.
type pattern struct {
	text string
	any  bool
}

// compilePattern reads a pattern in which * stands for any characters and a backslash
// takes the next character as it is.
func compilePattern(s string) []pattern {
	var out []pattern
	var lit strings.Builder
	flush := func() {
		if lit.Len() > 0 {
			out = append(out, pattern{text: lit.String()})
			lit.Reset()
		}
	}
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s):
			i++
			lit.WriteByte(s[i])
		case s[i] == '*':
			flush()
			if len(out) == 0 || !out[len(out)-1].any {
				out = append(out, pattern{any: true})
			}
		default:
			lit.WriteByte(s[i])
		}
	}
	flush()
	return out
}

// matches runs in time proportional to the product of the lengths at worst: after each *
// the next literal is taken at its first place, the last one at its last.
func matches(s string, p []pattern) bool {
	for i, part := range p {
		if part.any {
			continue
		}
		floating := i > 0 && p[i-1].any
		last := i == len(p)-1
		switch {
		case !floating:
			if !strings.HasPrefix(s, part.text) {
				return false
			}
			s = s[len(part.text):]
		case last:
			if !strings.HasSuffix(s, part.text) {
				return false
			}
			s = ""
		default:
			j := strings.Index(s, part.text)
			if j < 0 {
				return false
			}
			s = s[j+len(part.text):]
		}
	}
	return s == "" || len(p) > 0 && p[len(p)-1].any
}
