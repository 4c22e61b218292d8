package jsonata

import (
	"strings"

	"github.com/sfnkit/sfnkit/asl/value"
)

// symbols are a set of value types in a signature.
type symbols uint16

const (
	symString symbols = 1 << iota
	symNumber
	symBool
	symNull
	symFunction
	symObject
	symArray
	symMissing
)

const symJSON = symArray | symString | symNumber | symBool | symObject | symMissing

var symbolOf = map[byte]symbols{
	's': symString, 'n': symNumber, 'b': symBool, 'l': symNull, 'f': symFunction, 'o': symObject, 'a': symArray,
	'm': symMissing,
}

func symbolFor(v value.Value) symbols {
	switch v.Kind() {
	case value.KindNull:
		return symNull
	case value.KindBool:
		return symBool
	case value.KindNumber:
		return symNumber
	case value.KindString:
		return symString
	case value.KindArray:
		return symArray
	case value.KindObject:
		return symObject
	case value.KindForeign:
		return symFunction
	}
	return symMissing
}

type param struct {
	set, contextSet symbols
	array           bool
	lo, hi          int // how many arguments it takes
	lazy            bool
	context         bool
	subtype         string
	open            bool // takes a type parameter
	name            string
}

// signature arranges the arguments of a function. It behaves like a regular expression
// over the types of the arguments, one group for each parameter.
type signature struct {
	text   string
	params []param
	simple bool // no parameter takes more than one argument
}

const many = 1 << 30

func parseSignature(text string) (*signature, *Error) {
	s := &signature{text: text}
	closing := func(start int, open, end byte) int {
		depth := 1
		for i := start + 1; i < len(text); i++ {
			if text[i] == end {
				if depth--; depth == 0 {
					return i
				}
			} else if text[i] == open {
				depth++
			}
		}
		return len(text)
	}
	add := func(name string, set symbols) {
		s.params = append(s.params, param{set: set, lo: 1, hi: 1, name: name, array: name == "a", open: name == "a" || name == "f"})
	}
	fail := func(code, v string, at int) (*signature, *Error) {
		e := failureAt(code, at)
		if v != "" {
			e.Value = value.String(v)
		}
		return nil, e
	}
	for i := 1; i < len(text) && text[i] != ':'; i++ {
		var prev *param
		if n := len(s.params); n > 0 {
			prev = &s.params[n-1]
		}
		switch c := text[i]; c {
		case 's', 'n', 'b', 'l', 'o':
			add(text[i:i+1], symbolOf[c]|symMissing)
		case 'a':
			add("a", symJSON|symNull|symFunction)
		case 'f':
			add("f", symFunction)
		case 'j':
			add("j", symJSON)
		case 'x':
			add("x", symJSON|symNull|symFunction)
		case '-':
			if prev != nil {
				prev.context, prev.contextSet, prev.lo = true, prev.set, 0
			}
		case '?':
			if prev != nil {
				prev.lazy = prev.lo == 0 || prev.hi == many
				prev.lo = min(prev.lo, 0)
				if prev.hi == many {
					prev.lo = 1
				}
			}
		case '+':
			if prev != nil {
				prev.hi = many
			}
		case '(':
			end := closing(i, '(', ')')
			choice := text[i+1 : min(end, len(text))]
			if strings.Contains(choice, "<") {
				return fail("S0402", choice, i)
			}
			set := symMissing
			for j := range len(choice) {
				set |= symbolOf[choice[j]]
			}
			add("("+choice+")", set)
			i = end
		case '<':
			if prev == nil || !prev.open {
				name := ""
				if prev != nil {
					name = prev.name
				}
				return fail("S0401", name, i)
			}
			end := closing(i, '<', '>')
			prev.subtype = text[i+1 : min(end, len(text))]
			i = end
		}
	}
	s.simple = true
	for _, p := range s.params {
		s.simple = s.simple && p.hi == 1 && !p.lazy
	}
	return s, nil
}

// match distributes types over the parameters from param p on, greedily and with
// backtracking. It stores how many each takes in counts.
func (s *signature) match(p int, types []symbols, counts []int, anchored bool) bool {
	if p == len(counts) {
		return !anchored || len(types) == 0
	}
	pr := &s.params[p]
	n := 0
	for n < len(types) && n < pr.hi && types[n]&pr.set != 0 {
		n++
	}
	if n < pr.lo {
		return false
	}
	if pr.lazy {
		for k := pr.lo; k <= n; k++ {
			if counts[p] = k; s.match(p+1, types[k:], counts, anchored) {
				return true
			}
		}
		return false
	}
	for k := n; k >= pr.lo; k-- {
		if counts[p] = k; s.match(p+1, types[k:], counts, anchored) {
			return true
		}
	}
	return false
}

var plurals = map[string]string{
	"a": "arrays", "b": "booleans", "f": "functions", "n": "numbers", "o": "objects", "s": "strings",
}

// arrange checks the arguments on top of the stack and returns them as the parameters want
// them: single values made arrays, missing ones taken from the context or absent.
func (e *evaluator) arrange(s *signature, args []value.Value, context value.Value) ([]value.Value, *Error) {
	if !s.simple || len(args) > len(s.params) {
		return s.validate(args, context, e.cfg.latest)
	}
	for i := range s.params {
		p := &s.params[i]
		if i < len(args) && symbolFor(args[i])&p.set == 0 || i >= len(args) && (p.lo > 0 || p.context) {
			return s.validate(args, context, e.cfg.latest)
		}
	}
	for i := range args {
		p := &s.params[i]
		if !p.array || args[i].IsAbsent() {
			continue
		}
		if err := p.check(args[i], i); err != nil {
			return nil, err
		}
		if !args[i].IsArray() {
			args[i] = value.Array([]value.Value{args[i]})
		}
	}
	if base := len(e.stack) - len(args); len(args) < len(s.params) {
		for range len(s.params) - len(args) {
			e.push(value.Value{})
		}
		args = e.stack[base:]
	}
	return args, nil
}

// validate does the same for the cases that are not simple.
func (s *signature) validate(args []value.Value, context value.Value, latest bool) ([]value.Value, *Error) {
	var typeRoom [8]symbols
	var countRoom [8]int
	types, counts := typeRoom[:0], countRoom[:]
	for _, a := range args {
		types = append(types, symbolFor(a))
	}
	if len(s.params) > len(counts) {
		counts = make([]int, len(s.params))
	}
	counts = counts[:len(s.params)]
	if !s.match(0, types, counts, true) {
		return nil, s.mismatch(args, types, counts)
	}
	out, at := make([]value.Value, 0, max(len(s.params), len(args))), 0
	arg := func(i int) value.Value {
		if i < len(args) {
			return args[i]
		}
		return value.Value{}
	}
	for i := range s.params {
		p := &s.params[i]
		v := arg(at)
		switch n := counts[i]; {
		case n == 0 && p.context:
			if symbolFor(context)&p.contextSet == 0 {
				e := failure("T0411").withValue(context)
				e.index = at + 1
				return nil, e
			}
			out = append(out, context)
		case n == 0:
			out = append(out, v)
			at++
		case !p.array:
			for k := range n {
				if latest {
					v = arg(at + k)
				}
				out = append(out, v) // 2.0.6 repeats the first one
			}
			at += n
		default:
			for range n {
				v = arg(at)
				if !v.IsAbsent() {
					if err := p.check(v, at); err != nil {
						return nil, err
					}
					if !v.IsArray() {
						v = value.Array([]value.Value{v})
					}
				}
				out = append(out, v)
				at++
			}
		}
	}
	return out, nil
}

// check tests the elements of an array argument.
func (p *param) check(v value.Value, at int) *Error {
	if p.subtype == "" {
		return nil
	}
	want := symbolOf[p.subtype[0]]
	ok := true
	if !v.IsArray() {
		ok = len(p.subtype) == 1 && symbolFor(v) == want
	} else {
		for _, e := range v.Elems() {
			if symbolFor(e) != want {
				ok = false
				break
			}
		}
	}
	if ok {
		return nil
	}
	e := failure("T0412").withValue(v)
	e.index = at + 1
	e.kind = plurals[p.subtype]
	return e
}

func (s *signature) mismatch(args []value.Value, types []symbols, counts []int) *Error {
	good := 0
	for i := range s.params {
		if !s.match(0, types, counts[:i+1], false) {
			break
		}
		good = 0
		for _, n := range counts[:i+1] {
			good += n
		}
	}
	e := failure("T0410")
	e.index = good + 1
	if good < len(args) {
		e.Value = args[good]
	}
	return e
}
