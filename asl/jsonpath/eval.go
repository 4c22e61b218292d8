package jsonpath

import (
	"slices"

	"github.com/sfnkit/sfnkit/asl/value"
)

// evaluator evaluates the steps of a path from the first one that is not plain on.
type evaluator struct {
	p       *Path
	root    value.Value
	strict  bool // ['a','b'] needs all of its members
	out     []value.Value
	fail    failure
	place   []segment // of the failure, from the inside out
	visits  int
	scratch []byte
}

func (p *Path) evalRest(v, root value.Value, strict bool) (value.Value, error) {
	if root.IsAbsent() {
		root = value.Null
	}
	if p.plain == len(p.steps)-1 {
		// Nothing follows: the elements are the result, and may be shared.
		switch s := &p.steps[p.plain]; s.kind {
		case wildcard:
			if v.IsArray() {
				return v, nil
			}
			return value.Array(v.Elems()), nil
		}
	}
	e := evaluator{p: p, root: root, strict: strict}
	if !e.run(p.plain, v) {
		f := e.fail
		if f.path == p {
			slices.Reverse(e.place)
			f.place = append(p.prefixPlace(root), e.place...)
		}
		return value.Value{}, f.asError()
	}
	if p.definite {
		return e.out[0], nil
	}
	return value.Array(e.out), nil
}

// prefixPlace returns the way that the plain steps went.
func (p *Path) prefixPlace(v value.Value) []segment {
	place := make([]segment, 0, len(p.steps))
	for i := 0; i < p.plain; i++ {
		next, seg, kind := p.step(i, v)
		if kind != noFailure {
			break
		}
		place = append(place, seg)
		v = next
	}
	return place
}

// stop notes a failure.
func (e *evaluator) stop(kind failureKind, at int, model value.Value) bool {
	e.fail = failure{kind: kind, path: e.p, at: at, model: model}
	e.place = e.place[:0]
	return false
}

// came adds a segment of the way to a failure, on the way back from it.
func (e *evaluator) came(s segment) bool {
	e.place = append(e.place, s)
	return false
}

// run applies the steps from step i on to v. It returns false if the evaluation failed.
func (e *evaluator) run(i int, v value.Value) bool {
	if e.visits++; e.visits > MaxVisits {
		return e.stop(tooMuch, i, value.Value{})
	}
	if i == len(e.p.steps) {
		e.out = append(e.out, v)
		return true
	}
	s := &e.p.steps[i]
	switch s.kind {
	case member, element, fromEnd:
		next, seg, kind := e.p.step(i, v)
		switch kind {
		case noFailure:
			return e.run(i+1, next) || e.came(seg)
		case missing:
			if !e.p.definite {
				return true // whatever follows, there is nothing to find
			}
			e.stop(kind, i, v)
			return e.came(seg)
		case missingLast, outOfBounds:
			e.stop(kind, i, v)
			return e.came(seg)
		}
		return e.stop(kind, i, v)
	case members:
		if !v.IsObject() {
			return e.stop(notObject, i, v)
		}
		if i != len(e.p.steps)-1 {
			e.stop(multiNotLast, i, v)
			return e.came(segment{keys: s.more.keys})
		}
		picked := pick(v, s.more)
		if e.strict && picked.Len() < len(s.more.keys) {
			e.stop(missing, i, v)
			return e.came(segment{keys: s.more.keys})
		}
		e.out = append(e.out, picked)
		return true
	case wildcard:
		return e.wildcard(i, v)
	case scan:
		return i+1 == len(e.p.steps) || e.scan(i+1, v)
	case matching:
		return e.filter(i, v)
	}
	switch {
	case v.IsNull():
		return e.stop(nullArray, i, v)
	case !v.IsArray():
		return e.stop(notArray, i, v)
	}
	if s.kind == elements {
		for _, n := range s.more.indexes {
			if !e.element(i, v, n) {
				return false
			}
		}
		return true
	}
	from, to := bounds(s, v.Len())
	for n := from; n < to; n++ {
		if !e.element(i, v, n) {
			return false
		}
	}
	return true
}

// element applies what follows step i to an element.
func (e *evaluator) element(i int, v value.Value, n int) bool {
	if n < 0 || n >= v.Len() {
		e.stop(outOfBounds, i, v)
		return e.came(segment{isIndex: true, index: n})
	}
	return e.run(i+1, v.At(n)) || e.came(segment{isIndex: true, index: n})
}

// bounds returns the indexes that a slice asks for, which may be out of bounds.
func bounds(s *step, n int) (from, to int) {
	switch s.kind {
	case sliceFrom:
		from = s.index
		if from < 0 {
			from += n
		}
		return max(from, 0), n
	case sliceTo:
		to = s.to
		if to < 0 {
			to += n
		}
		return 0, min(to, n)
	}
	return s.index, min(s.to, n)
}

// pick returns the members of an object that ['a','b'] asks for.
func pick(v value.Value, d *stepDetail) value.Value {
	vals := make([]value.Value, 0, len(d.keys))
	for _, k := range d.keys {
		if m := v.Get(k); !m.IsAbsent() {
			vals = append(vals, m)
		}
	}
	if len(vals) == len(d.keys) && d.shape != nil {
		return value.ObjectOf(d.shape, vals)
	}
	keys := make([]string, 0, len(vals))
	for _, k := range d.keys {
		if v.Has(k) {
			keys = append(keys, k)
		}
	}
	return value.Object(keys, vals)
}

// wildcard applies what follows to all members or elements. Elements for which it leads
// nowhere are skipped, members are not.
func (e *evaluator) wildcard(i int, v value.Value) bool {
	vals := v.Elems()
	if v.IsObject() {
		for n := range vals {
			if !e.run(i+1, vals[n]) {
				return e.came(segment{key: v.Key(n)})
			}
		}
		return true
	}
	for n := range vals {
		if !e.run(i+1, vals[n]) {
			if !e.fail.kind.notFound() {
				return e.came(segment{isIndex: true, index: n})
			}
			e.fail.kind = noFailure
		}
	}
	return true
}

func (e *evaluator) filter(i int, v value.Value) bool {
	f := e.p.steps[i].more.filter
	if len(f.tests) == 0 && v.Len() > 0 {
		return e.stop(noCondition, i, v)
	}
	switch {
	case v.IsArray():
		for n, item := range v.Elems() {
			if e.visits++; e.visits > MaxVisits {
				return e.stop(tooMuch, i, value.Value{})
			}
			if e.accept(f, item) {
				if !e.run(i+1, item) {
					return e.came(segment{isIndex: true, index: n})
				}
			} else if e.fail.kind != noFailure {
				return false
			}
		}
		return true
	case v.IsObject():
		if e.accept(f, v) {
			return e.run(i+1, v)
		}
		return e.fail.kind == noFailure
	}
	return e.stop(filterPrimitive, i, v)
}

// scan applies step i, the one after .., to v and everything in it, the outer before the
// inner.
func (e *evaluator) scan(i int, v value.Value) bool {
	if e.visits++; e.visits > MaxVisits {
		return e.stop(tooMuch, i, value.Value{})
	}
	vals := v.Elems()
	switch {
	case v.IsObject():
		if e.wanted(i, v) && !e.run(i, v) {
			return false
		}
	case v.IsArray():
		if !e.wanted(i, v) {
			break
		}
		if i == len(e.p.steps)-1 {
			if !e.run(i, v) {
				return false
			}
			break
		}
		// The engine skips the step itself and applies the next one to all elements.
		for n := range vals {
			if !e.run(i+1, vals[n]) {
				return e.came(segment{isIndex: true, index: n})
			}
		}
	default:
		return true
	}
	if e.fail.kind != noFailure {
		return false
	}
	for n := range vals {
		if !e.scan(i, vals[n]) {
			if v.IsObject() {
				return e.came(segment{key: v.Key(n)})
			}
			return e.came(segment{isIndex: true, index: n})
		}
	}
	return true
}

// wanted reports whether .. applies step i to v, an object or array.
func (e *evaluator) wanted(i int, v value.Value) bool {
	s := &e.p.steps[i]
	switch s.kind {
	case member:
		return v.Has(s.key)
	case members:
		for _, k := range s.more.keys {
			if !v.Has(k) {
				return false
			}
		}
		return v.IsObject()
	case wildcard:
		return true
	case matching:
		return e.accept(s.more.filter, v)
	case scan:
		return false
	}
	return v.IsArray()
}
