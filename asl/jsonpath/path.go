// Package jsonpath compiles and evaluates the JSONPath dialect of Step Functions.
//
// The service runs Jayway JsonPath 2.0.0, and this package has its semantics, quirks
// included: what a path gives, in which order, when it fails and with which words.
//
//   - A definite path ($.a.b[0]) gives one value, or fails if a step is missing.
//   - An indefinite path (*, .., slices, several indexes, filters) gives an array, in
//     document order, possibly empty. A wildcard over an array skips the elements in
//     which the rest of the path is missing; a wildcard over an object, a filter and an
//     index do not.
//   - ['a','b'] gives one object with those of the members that exist.
//   - Filters ignore parentheses (&& binds tighter than ||) and take what stands beside
//     an operator as plain text unless it begins with @ or $: 1, '1' and the number 1 are
//     equal, "1" in double quotes is not.
//   - A negative index is out of bounds; [(@.length-1)] is the last element.
//   - There are no functions: $.a.length() asks for a member called "length()".
//
// A path begins with the value it is about ([Path.Root]): the state's data ($), the
// context object ($$) or a variable ($name). The caller supplies that value to
// [Path.Eval]; inside the engine, and so in its messages, all three are called $.
//
// Paths are compiled once and may be used by many goroutines. A definite path is a loop
// over its steps and allocates nothing.
//
// # Errors
//
// [Compile] reports a [*SyntaxError]. An evaluation fails with a [*NotFoundError] if the
// path leads nowhere, and with an [*Error] otherwise (an index into something that is no
// array, say). Both print the engine's own message, which the service shows as
//
//	Invalid path '<path>' : <message>
//
// in some fields, while in others it puts a sentence of its own in place of "not found"
// and lets other messages through.
//
// # Limits
//
// A path is at most [MaxLength] bytes long and visits at most [MaxVisits] values in one
// evaluation. Regular expressions run in time linear in their subject, as those of package
// regexp; look-around, back references and possessive quantifiers, which Java has, are
// refused when the path is compiled.
package jsonpath

import (
	"strconv"
	"sync/atomic"

	"github.com/sfnkit/sfnkit/asl/value"
)

// Limits on paths.
const (
	MaxLength = 16 << 10 // of a path, in bytes
	MaxVisits = 5000000  // values visited in one evaluation
)

// Root says which value a path begins at.
type Root uint8

// What a path may be about.
const (
	Input    Root = iota // $: the state's input, result or output
	Context              // $$: the context object
	Variable             // $name: a workflow variable
)

// Path is a compiled path.
type Path struct {
	text     string
	root     Root
	name     string
	steps    []step
	plain    int // how many steps from the first on are plain (member, element, fromEnd)
	definite bool
	isRef    bool
}

type stepKind uint8

const (
	member    stepKind = iota // ['key']
	element                   // [index]
	fromEnd                   // [(@.length-n)], index is -n
	members                   // ['a','b'], the names in more
	elements                  // [0,1], the indexes in more
	sliceFrom                 // [index:]
	sliceTo                   // [:to]
	slice                     // [index:to]
	wildcard                  // *
	scan                      // ..
	matching                  // [?(...)]
)

// step is one step of a path.
type step struct {
	kind      stepKind
	tail      bool // plain steps follow to the end, and at least one
	needed    bool // all steps from the one before this on are definite
	slot      int8 // of the memo for a member in an evaluation, -1 if it has none
	index, to int
	key       string
	seen      *atomic.Pointer[memo] // of a member that no evaluation has a memo for
	more      *stepDetail
}

// memo remembers where a member lies in objects of a shape.
type memo struct {
	shape *value.Shape
	index int
	left  int // how often it may still be replaced
}

const (
	maxMemo     = 12 // steps of a path that have a memo in an evaluation
	maxReplaced = 8  // how often the memo of a step is replaced before it stays
)

// member returns a member of an object, Absent if v has none of that name or is no object.
func (s *step) member(v value.Value) value.Value {
	shape := v.Shape()
	if shape == nil {
		return value.Value{}
	}
	m := s.seen.Load()
	if m == nil || m.shape != shape {
		return s.search(v, shape, m)
	}
	if m.index < 0 {
		return value.Value{}
	}
	return v.Elems()[m.index]
}

// search finds a member that the memo m does not know the place of.
func (s *step) search(v value.Value, shape *value.Shape, m *memo) value.Value {
	index := shape.Index(s.key)
	switch {
	case m == nil:
		s.seen.Store(&memo{shape, index, maxReplaced})
	case m.left > 0:
		s.seen.Store(&memo{shape, index, m.left - 1})
	}
	if index < 0 {
		return value.Value{}
	}
	return v.At(index)
}

// stepDetail is what only few kinds of steps have.
type stepDetail struct {
	keys    []string
	shape   *value.Shape // of keys, nil if one is repeated
	indexes []int
	filter  *filter
}

func (k stepKind) plain() bool    { return k <= fromEnd }
func (k stepKind) definite() bool { return k <= members }

// appendTo appends the step the way the engine prints it in messages.
func (s *step) appendTo(b []byte) []byte {
	switch s.kind {
	case member:
		return appendNames(b, s.key)
	case members:
		return appendNames(b, s.more.keys...)
	case element:
		return appendIndex(b, s.index)
	case fromEnd:
		return append(strconv.AppendInt(append(b, "[@.size()"...), int64(s.index), 10), ']')
	case elements:
		b = append(b, '[')
		for i, n := range s.more.indexes {
			if i > 0 {
				b = append(b, ',')
			}
			b = strconv.AppendInt(b, int64(n), 10)
		}
		return append(b, ']')
	case sliceFrom:
		return append(strconv.AppendInt(append(b, '['), int64(s.index), 10), ":]"...)
	case sliceTo:
		return append(strconv.AppendInt(append(b, "[:"...), int64(s.to), 10), ']')
	case slice:
		b = append(strconv.AppendInt(append(b, '['), int64(s.index), 10), ':')
		return append(strconv.AppendInt(b, int64(s.to), 10), ']')
	case wildcard:
		return append(b, "[*]"...)
	case scan:
		return append(b, ".."...)
	}
	return append(b, "[?]"...)
}

// String returns the text that was compiled.
func (p *Path) String() string { return p.text }

// Root says which value the path begins at, and for a variable its name.
func (p *Path) Root() (Root, string) { return p.root, p.name }

// Definite reports whether the path gives one value instead of a list.
func (p *Path) Definite() bool { return p.definite }

// IsRoot reports whether the path is just its root ($, $$ or $name).
func (p *Path) IsRoot() bool { return len(p.steps) == 0 }

// Reference returns nil if the path is a Reference Path: one that names a single place by
// member names and indexes only, without any of the operators @ .. , : ? * and functions.
// Otherwise the error is a [*ReferenceError].
func (p *Path) Reference() error {
	if p.isRef {
		return nil
	}
	return &ReferenceError{Path: p.text}
}

// Eval returns what the path selects in root, which is the state's data, the context
// object or the variable's value, as [Path.Root] says. An absent root counts as null.
// The error is a [*NotFoundError] or an [*Error].
func (p *Path) Eval(root value.Value) (value.Value, error) {
	v, at := p.walk(root)
	switch {
	case at == len(p.steps):
		return v, nil
	case at == p.plain:
		return p.evalRest(v, root, false)
	}
	f := p.walkFailure(root)
	if f.kind == missing && !p.definite {
		return value.EmptyArray, nil // a missing member before * and the like finds nothing
	}
	return value.Value{}, f.asError()
}

// Lookup is [Path.Eval] for callers that only ask whether there is something: it makes no
// error. The second result is false if the path leads nowhere or fails.
func (p *Path) Lookup(root value.Value) (value.Value, bool) {
	v, at := p.walk(root)
	if at == len(p.steps) {
		return v, true
	}
	if p.definite && at < p.plain {
		return value.Value{}, false
	}
	v, err := p.Eval(root)
	return v, err == nil
}

// walk takes the plain steps that the path begins with. The second result is the number
// of the first step not taken: p.plain, unless one failed.
func (p *Path) walk(v value.Value) (value.Value, int) {
	if v.IsAbsent() {
		v = value.Null
	}
	steps := p.steps[:p.plain]
	for i := range steps {
		s := &steps[i]
		if s.kind == member {
			next := s.member(v)
			if next.IsAbsent() {
				return v, i
			}
			v = next
			continue
		}
		if !v.IsArray() {
			return v, i
		}
		elems, n := v.Elems(), s.index
		if s.kind == fromEnd {
			n += len(elems)
		}
		if uint(n) >= uint(len(elems)) {
			return v, i
		}
		v = elems[n]
	}
	return v, len(steps)
}

// walkFailure walks again, to tell what failed and where.
func (p *Path) walkFailure(v value.Value) failure {
	var place []segment
	for i := 0; i < p.plain; i++ {
		next, seg, kind := p.step(i, v)
		if kind != noFailure {
			if kind == missing || kind == missingLast || kind == outOfBounds {
				place = append(place, seg)
			}
			return failure{kind: kind, path: p, at: i, model: v, place: place}
		}
		place = append(place, seg)
		v = next
	}
	return failure{kind: missing, path: p, model: v}
}

// step takes plain step i, and says which place it led to or would have.
func (p *Path) step(i int, v value.Value) (next value.Value, seg segment, kind failureKind) {
	s := &p.steps[i]
	if s.kind == member {
		seg.key = s.key
		if !v.IsObject() {
			return next, seg, notObject
		}
		if next = v.Get(s.key); next.IsAbsent() {
			if i == len(p.steps)-1 {
				return next, seg, missingLast
			}
			return next, seg, missing
		}
		return next, seg, noFailure
	}
	seg.isIndex = true
	switch {
	case v.IsNull() || v.IsAbsent():
		return next, seg, nullArray
	case !v.IsArray():
		return next, seg, notArray
	}
	seg.index = s.index
	if s.kind == fromEnd {
		seg.index += v.Len()
	}
	if uint(seg.index) >= uint(v.Len()) {
		return next, seg, outOfBounds
	}
	return v.At(seg.index), seg, noFailure
}
