package jsonpath

import (
	"slices"

	"github.com/sfnkit/sfnkit/asl/value"
)

// Set returns root with v written where the path points, copying only what lies on the
// way. Missing members are created, and so are missing objects on the way to them; an
// element must exist. It is what ResultPath does. The error is a [*ReferenceError] if the
// path is not a Reference Path, and a [*MatchError] if the way leads through something
// that is neither object nor array, or to an element that does not exist.
func (p *Path) Set(root, v value.Value) (value.Value, error) {
	if err := p.Reference(); err != nil {
		return value.Value{}, err
	}
	if p.plain != len(p.steps) {
		return value.Value{}, &ReferenceError{Path: p.text}
	}
	out, ok := set(p.steps, root, v)
	if !ok {
		return value.Value{}, &MatchError{Path: p.text, Input: root}
	}
	return out, nil
}

func set(steps []step, at, v value.Value) (value.Value, bool) {
	if len(steps) == 0 {
		return v, true
	}
	s := &steps[0]
	if s.kind == member {
		if !at.IsObject() && !at.IsAbsent() {
			return at, false
		}
		next, ok := set(steps[1:], at.Get(s.key), v)
		if !ok {
			return at, false
		}
		return at.With(s.key, next), true
	}
	if !at.IsArray() || s.index >= at.Len() {
		return at, false
	}
	next, ok := set(steps[1:], at.At(s.index), v)
	if !ok {
		return at, false
	}
	elems := slices.Clone(at.Elems())
	elems[s.index] = next
	return value.Array(elems), true
}
