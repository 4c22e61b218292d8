package jsonpath

import (
	"slices"
	"sync"

	"github.com/sfnkit/sfnkit/asl/value"
)

// The evaluation is our own rather than that of github.com/PaesslerAG/jsonpath, which the
// tests compare with. The library gives what its paths mean, which differs from the
// engine's meaning wherever something is missing, null, negative or of another type than
// expected, and tells neither where it failed nor why; and the text of a filter, which the
// engine cuts at the first operator it finds, has no grammar that gval could parse. It
// also takes 25 to 900 times as long (BenchmarkLibrary).

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
	shapes  [maxMemo]memo
}

// evaluators keeps evaluators with their buffers.
var evaluators = sync.Pool{New: func() any { return new(evaluator) }}

// maxKept is how large a buffer may be to be kept, in values.
const maxKept = 1 << 16

func (e *evaluator) release() {
	clear(e.out)
	out, place, scratch := e.out[:0], e.place[:0], e.scratch[:0]
	if cap(out) > maxKept {
		out = nil
	}
	*e = evaluator{out: out, place: place, scratch: scratch}
	evaluators.Put(e)
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
		case slice, sliceFrom, sliceTo:
			if from, to := bounds(s, v.Len()); v.IsArray() && from >= 0 && from < to {
				return value.Array(v.Elems()[from:to:to]), nil
			}
		}
	}
	e := evaluators.Get().(*evaluator)
	defer e.release()
	e.p, e.root, e.strict = p, root, strict
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
	if len(e.out) == 0 {
		return value.EmptyArray, nil
	}
	return value.Array(slices.Clone(e.out)), nil
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

// visit counts values and stops at step i if they are too many.
func (e *evaluator) visit(i, n int) bool {
	if e.visits += n; e.visits > MaxVisits {
		return e.stop(tooMuch, i, value.Value{})
	}
	return true
}

// member returns a member of an object, Absent if v has none of that name or is no object.
func (e *evaluator) member(s *step, v value.Value) value.Value {
	if s.slot < 0 {
		return v.Get(s.key)
	}
	shape := v.Shape()
	if shape == nil {
		return value.Value{}
	}
	m := &e.shapes[s.slot]
	if m.shape != shape {
		m.shape, m.index = shape, shape.Index(s.key)
	}
	if m.index < 0 {
		return value.Value{}
	}
	return v.Elems()[m.index]
}

// follow takes plain steps to the end. The second result is the number of the step that
// failed, len(steps) if none did.
func (e *evaluator) follow(steps []step, v value.Value) (value.Value, int) {
	for i := range steps {
		s := &steps[i]
		if s.kind == member {
			next := e.member(s, v)
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

// run applies the steps from step i on to v. It returns false if the evaluation failed.
func (e *evaluator) run(i int, v value.Value) bool {
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
			if !e.p.steps[i].needed {
				return true // the engine lets it pass right after an indefinite step, or before one
			}
			e.stop(kind, i, v)
			return e.came(seg)
		case missingLast, outOfBounds:
			e.stop(kind, i, v)
			return e.came(seg)
		}
		return e.stop(kind, i, v)
	case members:
		return e.members(i, v)
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
	case s.kind == elements:
		for _, n := range s.more.indexes {
			if n < 0 || n >= v.Len() {
				e.stop(outOfBounds, i, v)
				return e.came(segment{isIndex: true, index: n})
			}
			if !e.visit(i, 1) {
				return false
			}
			if !e.next(i, v, n) {
				return false
			}
		}
		return true
	}
	from, to := bounds(s, v.Len())
	if from < 0 && from < to && v.Len() > 0 {
		e.stop(outOfBounds, i, v)
		return e.came(segment{isIndex: true, index: from})
	}
	if to = min(to, v.Len()); from < to && !e.visit(i, to-from) {
		return false
	}
	for n := max(from, 0); n < to; n++ {
		if !e.next(i, v, n) {
			return false
		}
	}
	return true
}

// next applies what follows step i to element or member n of v.
func (e *evaluator) next(i int, v value.Value, n int) bool {
	item := v.At(n)
	if steps := e.p.steps[i+1:]; e.p.steps[i].tail {
		if end, at := e.follow(steps, item); at == len(steps) {
			e.out = append(e.out, end)
			return true
		}
	}
	if e.run(i+1, item) {
		return true
	}
	if v.IsObject() {
		return e.came(segment{key: v.Key(n)})
	}
	return e.came(segment{isIndex: true, index: n})
}

// bounds returns the indexes that a slice asks for, of which the first may be negative.
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

func (e *evaluator) members(i int, v value.Value) bool {
	d := e.p.steps[i].more
	if !v.IsObject() {
		return e.stop(notObject, i, v)
	}
	if i != len(e.p.steps)-1 {
		e.stop(multiNotLast, i, v)
		return e.came(segment{keys: d.keys})
	}
	picked := pick(v, d)
	if e.strict && picked.Len() < len(d.keys) {
		e.stop(missing, i, v)
		return e.came(segment{keys: d.keys})
	}
	e.out = append(e.out, picked)
	return true
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
	if !e.visit(i, len(vals)) {
		return false
	}
	steps := e.p.steps[i+1:]
	if len(steps) == 0 {
		e.out = append(e.out, vals...)
		return true
	}
	if v.IsObject() {
		for n := range vals {
			if !e.next(i, v, n) {
				return false
			}
		}
		return true
	}
	tail := e.p.steps[i].tail
	for n := range vals {
		if tail {
			end, at := e.follow(steps, vals[n])
			if at == len(steps) {
				e.out = append(e.out, end)
				continue
			}
			if steps[at].kind == member {
				continue
			}
		}
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
	switch {
	case v.IsArray():
		if !e.visit(i, v.Len()*len(f.tests)) {
			return false
		}
		for n, item := range v.Elems() {
			if e.accept(f, item) {
				if !e.next(i, v, n) {
					return false
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
	vals := v.Elems()
	if vals == nil && !v.IsArray() && !v.IsObject() {
		return true
	}
	if !e.visit(i, 1+len(vals)) {
		return false
	}
	s := &e.p.steps[i]
	last := i == len(e.p.steps)-1
	switch {
	case last && s.kind == member:
		if m := e.member(s, v); !m.IsAbsent() {
			e.out = append(e.out, m)
		}
	case last && s.kind == wildcard:
		e.out = append(e.out, vals...)
	case !e.wanted(i, v):
		if e.fail.kind != noFailure {
			return false
		}
	case last || v.IsObject():
		if !e.run(i, v) {
			return false
		}
	default:
		// The engine skips the step itself and applies the next one to all elements.
		for n := range vals {
			if !e.run(i+1, vals[n]) {
				return e.came(segment{isIndex: true, index: n})
			}
		}
	}
	for n := range vals {
		if k := vals[n].Kind(); k != value.KindObject && k != value.KindArray {
			continue
		}
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
		return !e.member(s, v).IsAbsent()
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
