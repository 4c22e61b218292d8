// Package intrinsic compiles and evaluates the intrinsic functions of Step Functions
// (States.Format, States.ArrayGetItem and sixteen more), which JSONPath states use in
// payload templates, ErrorPath and CausePath.
//
// [Compile] turns the text of a call, with calls nested in it, into an immutable [Call];
// [Call.Eval] evaluates it against an [Env], which holds the values that paths begin at
// and the sources of chance. A call of constants, such as States.ArrayRange(0, 9, 1), is
// evaluated once, when it is compiled.
//
// Arguments are strings in single quotes, numbers, true, false, null, paths of all three
// roots (see package jsonpath) and calls. In a string a backslash stands before ' { } and
// \ to take away their meaning and may stand before nothing else.
//
// The functions behave like those of the service, which is a Java program: values are
// printed by States.Format the way Java prints maps and lists ({a=1, b=[]}), a seeded
// States.MathRandom gives the number that java.util.Random gives, States.ArrayContains
// compares what Java prints, and the values and order of States.ArrayUnique are those of a
// java.util.HashSet, for which 1 and 1.0 are different. What was seen of the service is
// noted at the functions: recorded by AWS itself answering, or reported by others who
// published what it answered (most of it the recorded answers of AWS in
// gabrielmoreira/tiny-asl-machine, tests/conformance, 2026).
//
// # Errors
//
// Compile reports a [*SyntaxError]. An evaluation fails with an [*ArgumentError] if a
// function refuses its arguments, with a [*PathError] if a path in an argument leads
// nowhere, and with what package jsonpath reports otherwise. The first two print the words
// that the service uses in the cause of a States.Runtime error.
//
// # Limits
//
// A call is at most [MaxLength] bytes long and has at most [MaxCalls] calls in it, itself
// included. The limits of the functions are the service's: 262,144 bytes for the array of
// States.ArrayPartition and States.ArrayContains, 1,000 elements from States.ArrayRange,
// 10,000 characters to encode, decode or hash.
package intrinsic

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"

	"github.com/sfnkit/sfnkit/asl/jsonpath"
	"github.com/sfnkit/sfnkit/asl/value"
)

// Limits on calls.
const (
	MaxLength = 64 << 10 // of a call, in bytes
	MaxCalls  = 10       // in one field
)

// Env is what a call is evaluated against.
type Env struct {
	Input   value.Value // what $ is
	Context value.Value // what $$ is, the context object

	// InputText is the text of Input for messages, which quote the input as it was sent.
	// If it is empty they quote the compact form.
	InputText string

	// Variable returns the value of a variable. It may be nil if there are none.
	Variable func(name string) (value.Value, bool)

	// Rand returns a number from 0 up to, not including, n. If it is nil, numbers are
	// random.
	Rand func(n int64) int64

	// NewUUID returns a version 4 UUID in its text form. If it is nil, UUIDs are random.
	NewUUID func() string
}

// Root returns the value that a path begins at. The second result is false if it is a
// variable that is not there.
func (e *Env) Root(p *jsonpath.Path) (value.Value, bool) {
	switch root, name := p.Root(); root {
	case jsonpath.Context:
		return e.Context, true
	case jsonpath.Variable:
		if e.Variable == nil {
			return value.Value{}, false
		}
		return e.Variable(name)
	}
	return e.Input, true
}

// QuotedInput returns the text of what a path was applied to, for messages. For paths of
// variables that is the input as well.
func (e *Env) QuotedInput(p *jsonpath.Path) string {
	if root, _ := p.Root(); root == jsonpath.Context {
		return e.Context.JSON()
	}
	if e.InputText != "" {
		return e.InputText
	}
	return e.Input.JSON()
}

func (e *Env) random(n int64) int64 {
	if e.Rand != nil {
		return e.Rand(n)
	}
	return rand.Int64N(n)
}

func (e *Env) uuid() string {
	if e.NewUUID != nil {
		return e.NewUUID()
	}
	hi, lo := rand.Uint64(), rand.Uint64()
	hi, lo = hi&^0xf000|0x4000, lo&^(3<<62)|1<<63
	return fmt.Sprintf("%08x-%04x-%04x-%04x-%012x", hi>>32, hi>>16&0xffff, hi&0xffff, lo>>48, lo&0xffffffffffff)
}

// SyntaxError says why and where a text is not a call.
type SyntaxError struct {
	Call   string // the whole text
	Offset int    // in bytes, from 0
	Reason string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("%q is not a call of an intrinsic function: %s (at offset %d)", e.Call, e.Reason, e.Offset)
}

// ArgumentError says that a function refuses its arguments.
type ArgumentError struct {
	Call     string // the whole text of the field
	Function string // the name, as in States.Array
	Reason   string // why, in our words if the service does not say
}

// Error has the words that the service was seen to use in executions
// (gabrielmoreira/tiny-asl-machine, recorded answers of AWS, 2026).
func (e *ArgumentError) Error() string {
	fault := "Invalid arguments in " + e.Function
	if e.Reason == openBrace || e.Reason == closeBrace {
		fault = e.Reason
	}
	return "There was an error while evaluating the intrinsic function: " + e.Call + ". " + fault
}

// PathError says that a path in an argument leads nowhere.
type PathError struct {
	Call  string // the whole text of the field
	Path  string // the path as written
	Input string // the text of the input
	Err   error  // what the path reported, nil if its variable is not there
}

func (e *PathError) Error() string {
	return "The function '" + e.Call + "' had the following error: The JsonPath argument for the field '" +
		e.Path + "' could not be found in the input '" + e.Input + "'"
}

// Unwrap returns Err.
func (e *PathError) Unwrap() error { return e.Err }

// Call is a compiled call.
type Call struct {
	text string
	root *call
	uses []Use
}

// Use is one call in the text of a field, or one path.
type Use struct {
	Offset   int            // in bytes from the start of the text
	Function string         // States.Array, empty for a path
	Args     int            // number of arguments of the function
	Path     *jsonpath.Path // nil for a function
}

// call is one function with its arguments.
type call struct {
	fn     *function
	args   []argument
	format *format // States.Format: the template, if it is a constant
}

// argument is a constant, a path or a call.
type argument struct {
	val    value.Value
	path   *jsonpath.Path
	call   *call
	parsed bool // a call of States.StringToJson, or what it gave
}

// String returns the text that was compiled.
func (c *Call) String() string { return c.text }

// Uses lists the functions and paths of the call in the order of their places. The slice
// must not be changed.
func (c *Call) Uses() []Use { return c.uses }

// Check reports what is wrong with the call whatever it is evaluated against: a wrong
// number of arguments, or constants that a function refuses. The error is an
// [*ArgumentError]. The service accepts such a call in a definition and fails when it
// runs.
func (c *Call) Check() error { return c.check(c.root) }

func (c *Call) check(k *call) error {
	for i := range k.args {
		if k.args[i].call != nil {
			if err := c.check(k.args[i].call); err != nil {
				return err
			}
		}
	}
	if len(k.args) < k.fn.min || len(k.args) > k.fn.max {
		return c.refuse(k, "it takes "+k.fn.arity()+", not "+strconv.Itoa(len(k.args)))
	}
	if k.constant() {
		_, err := c.eval(k, &Env{})
		return err
	}
	return nil
}

// constant reports whether the call gives the same whenever it is evaluated.
func (k *call) constant() bool {
	if k.fn.id == fnUUID || k.fn.id == fnMathRandom {
		return false
	}
	for i := range k.args {
		a := &k.args[i]
		if a.path != nil || a.call != nil && !a.call.constant() {
			return false
		}
	}
	return true
}

func (c *Call) refuse(k *call, reason string) error {
	return &ArgumentError{Call: c.text, Function: k.fn.name, Reason: reason}
}

// Eval evaluates the call.
func (c *Call) Eval(env *Env) (value.Value, error) { return c.eval(c.root, env) }

func (c *Call) eval(k *call, env *Env) (value.Value, error) {
	if len(k.args) < k.fn.min || len(k.args) > k.fn.max {
		return value.Value{}, c.refuse(k, "it takes "+k.fn.arity()+", not "+strconv.Itoa(len(k.args)))
	}
	var few [3]value.Value // for the functions that do not keep their arguments
	args := few[:0]
	if len(k.args) > len(few) {
		args = make([]value.Value, 0, len(k.args))
	}
	for i := range k.args {
		v, err := c.argument(&k.args[i], env)
		if err != nil {
			return value.Value{}, err
		}
		args = append(args, v)
	}
	if k.fn.id == fnArray {
		return value.Array(append(make([]value.Value, 0, len(args)), args...)), nil
	}
	v, reason := k.apply(args, env)
	if reason != "" {
		return value.Value{}, c.refuse(k, reason)
	}
	return v, nil
}

func (c *Call) argument(a *argument, env *Env) (value.Value, error) {
	switch {
	case a.call != nil:
		return c.eval(a.call, env)
	case a.path == nil:
		return a.val, nil
	}
	root, ok := env.Root(a.path)
	if !ok {
		return value.Value{}, &PathError{Call: c.text, Path: a.path.String(), Input: env.QuotedInput(a.path)}
	}
	v, err := a.path.Eval(root)
	if _, lost := err.(*jsonpath.NotFoundError); lost {
		return value.Value{}, &PathError{Call: c.text, Path: a.path.String(), Input: env.QuotedInput(a.path), Err: err}
	}
	return v, err
}

// Compile compiles a call. White space may stand between its parts. The error is a
// [*SyntaxError].
func Compile(text string) (*Call, error) {
	if len(text) > MaxLength {
		return nil, &SyntaxError{text[:40] + "...", MaxLength, "longer than " + strconv.Itoa(MaxLength) + " bytes"}
	}
	p := parser{text: text}
	p.space()
	k, err := p.call()
	if err != nil {
		return nil, err
	}
	if p.space(); p.at < len(text) {
		return nil, p.fail("something follows the call")
	}
	c := &Call{text: text, root: k, uses: p.uses}
	c.fold(k)
	return c, nil
}

// fold evaluates the arguments that are calls of constants.
func (c *Call) fold(k *call) {
	for i := range k.args {
		a := &k.args[i]
		if a.call == nil {
			continue
		}
		if c.fold(a.call); a.call.constant() {
			if v, err := c.eval(a.call, &Env{}); err == nil {
				*a = argument{val: v, parsed: a.parsed}
			}
		}
	}
	if k.fn.id == fnFormat && len(k.args) > 0 && k.args[0].path == nil && k.args[0].call == nil {
		if k.format == nil && k.args[0].val.IsString() {
			k.format = parseFormat(k.args[0].val.Str())
		}
	}
}

// MustCompile is Compile for calls known to be right; it panics on an error.
func MustCompile(text string) *Call {
	c, err := Compile(text)
	if err != nil {
		panic(err)
	}
	return c
}

// IsCall reports whether a text looks like a call of a function rather than a path.
func IsCall(text string) bool {
	return strings.HasPrefix(strings.TrimLeft(text, " \t\r\n"), "States.")
}

type parser struct {
	text  string
	at    int
	uses  []Use
	calls int
}

func (p *parser) fail(reason string) error {
	return &SyntaxError{p.text, p.at, reason}
}

func (p *parser) space() {
	for p.at < len(p.text) && strings.IndexByte(" \t\r\n", p.text[p.at]) >= 0 {
		p.at++
	}
}

func (p *parser) peek() byte {
	if p.at < len(p.text) {
		return p.text[p.at]
	}
	return 0
}

// call reads a name and its arguments.
func (p *parser) call() (*call, error) {
	start := p.at
	for b := p.peek(); b == '.' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9'; b = p.peek() {
		p.at++
	}
	name := p.text[start:p.at]
	fn := functions[name]
	if fn == nil {
		p.at = start
		if strings.HasPrefix(name, "States.") {
			return nil, p.fail("there is no function " + name)
		}
		return nil, p.fail("a call begins with the name of a function, such as States.Array")
	}
	if p.calls++; p.calls > MaxCalls {
		p.at = start
		return nil, p.fail("more than " + strconv.Itoa(MaxCalls) + " calls in one field")
	}
	use := len(p.uses)
	p.uses = append(p.uses, Use{Offset: start, Function: name})
	p.space()
	if p.peek() != '(' {
		return nil, p.fail("an opening parenthesis is missing")
	}
	p.at++
	k := &call{fn: fn}
	if p.space(); p.peek() == ')' {
		p.at++
		return k, nil
	}
	for {
		p.space()
		a, err := p.argument(k)
		if err != nil {
			return nil, err
		}
		k.args = append(k.args, a)
		p.space()
		switch p.peek() {
		case ',':
			p.at++
		case ')':
			p.at++
			p.uses[use].Args = len(k.args)
			return k, nil
		case 0:
			return nil, p.fail("a closing parenthesis is missing")
		default:
			return nil, p.fail("a comma or a closing parenthesis is missing")
		}
	}
}

func (p *parser) argument(k *call) (argument, error) {
	switch b := p.peek(); {
	case b == '\'':
		raw, s, err := p.quoted()
		if err == nil && k.fn.id == fnFormat && len(k.args) == 0 {
			k.format = parseFormat(raw)
		}
		return argument{val: value.String(s)}, err
	case b == '$':
		return p.path()
	case b == '-' || b >= '0' && b <= '9':
		start := p.at
		for b := p.peek(); b != 0 && strings.IndexByte("+-.eE0123456789", b) >= 0; b = p.peek() {
			p.at++
		}
		v, ok := value.Number(p.text[start:p.at])
		if !ok {
			p.at = start
			return argument{}, p.fail("a malformed number")
		}
		return argument{val: v}, nil
	case strings.HasPrefix(p.text[p.at:], "States."):
		k, err := p.call()
		return argument{call: k, parsed: err == nil && k.fn.id == fnStringToJSON}, err
	}
	for _, w := range words {
		if strings.HasPrefix(p.text[p.at:], w.text) {
			p.at += len(w.text)
			return argument{val: w.val}, nil
		}
	}
	return argument{}, p.fail("an argument is a string in single quotes, a number, true, false, null, a path or a call")
}

var words = []struct {
	text string
	val  value.Value
}{{"true", value.True}, {"false", value.False}, {"null", value.Null}}

// quoted reads a string: what stands between the quotes, and what it means.
func (p *parser) quoted() (raw, s string, err error) {
	p.at++
	start := p.at
	var b []byte
	for n := start; p.at < len(p.text); p.at++ {
		switch p.text[p.at] {
		case '\'':
			raw = p.text[start:p.at]
			if s = raw; b != nil {
				s = string(append(b, p.text[n:p.at]...))
			}
			p.at++
			return raw, s, nil
		case '\\':
			if p.at+1 == len(p.text) || strings.IndexByte(`'{}\`, p.text[p.at+1]) < 0 {
				return "", "", p.fail(`a backslash may only stand before ' { } and \`)
			}
			b = append(b, p.text[n:p.at]...)
			if b == nil {
				b = []byte{}
			}
			p.at++
			n = p.at
		}
	}
	p.at = start - 1
	return "", "", p.fail("a closing quote is missing")
}

// path reads a path up to the comma or parenthesis that ends it, not looking inside of
// brackets, parentheses and quotes.
func (p *parser) path() (argument, error) {
	start, depth, quoted := p.at, 0, false
scan:
	for ; p.at < len(p.text); p.at++ {
		switch b := p.text[p.at]; {
		case b == '\'' && depth > 0 && (!quoted || p.text[p.at-1] != '\\'):
			quoted = !quoted
		case quoted:
		case b == '[' || b == '(':
			depth++
		case depth > 0 && (b == ']' || b == ')'):
			depth--
		case depth == 0 && (b == ',' || b == ')'):
			break scan
		}
	}
	text := strings.TrimRight(p.text[start:p.at], " \t\r\n")
	path, err := jsonpath.Compile(text)
	if err != nil {
		p.at = start
		reason := err.Error()
		if syntax, ok := err.(*jsonpath.SyntaxError); ok {
			p.at += min(syntax.Offset, len(text))
			reason = "in a path: " + syntax.Reason
		}
		return argument{}, p.fail(reason)
	}
	p.uses = append(p.uses, Use{Offset: start, Path: path})
	return argument{path: path}, nil
}
