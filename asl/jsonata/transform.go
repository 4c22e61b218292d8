package jsonata

import (
	"unsafe"

	"github.com/sfnkit/sfnkit/asl/value"
)

var transformSignature = mustSignature("<(oa):o>")

func mustSignature(text string) *signature {
	s, err := parseSignature(text)
	if err != nil {
		panic("jsonata: " + err.complete(text).Error())
	}
	return s
}

// identity tells the objects of a copy apart: each has a contents slice of its own.
type identity = unsafe.Pointer

func identify(v value.Value) identity { return identity(unsafe.SliceData(v.Elems())) }

// apply changes a copy of its argument. Values do not change, so the changed objects are
// kept beside the copy, by identity, and put in their places at the end.
func (n *transformNode) apply(e *evaluator, fn *function, args []value.Value, in value.Value) (value.Value, *Error) {
	args, err := transformSignature.validate(args, in, e.cfg.latest)
	if err != nil {
		return value.Value{}, err
	}
	obj := args[0]
	if obj.IsAbsent() {
		return obj, nil
	}
	if n.x != e.x {
		e.evals++
		defer func() { e.evals-- }()
	}
	clone, err := n.clone.eval(e, in, fn.frame)
	if err != nil {
		return value.Value{}, err
	}
	cf := asFunction(clone)
	if cf == nil {
		return value.Value{}, failureAt("T2013", n.pos)
	}
	base := len(e.stack)
	e.push(obj)
	copied, err := e.callFunction(cf, e.stack[base:], value.Null, fn.frame)
	if err != nil {
		return value.Value{}, err
	}
	e.pop(base)
	if cf.native == nil || cf.native.name != "clone" { // make every object one of its own
		if copied, err = e.copyTree(copied, 0); err != nil {
			return value.Value{}, err
		}
	}
	matches, err := n.pattern.eval(e, copied, fn.frame)
	if err != nil {
		return value.Value{}, err
	}
	list := matches.Elems()
	if !matches.IsArray() {
		list = []value.Value{matches}
	}
	changed := map[identity]value.Value{}
	for _, m := range list {
		if err := e.tick(); err != nil {
			return value.Value{}, err
		}
		if m.IsAbsent() {
			continue
		}
		var id identity
		if m.IsObject() {
			id = identify(m)
			if c, ok := changed[id]; ok {
				m = c
			}
			if m, err = e.current(m, changed, id, 0); err != nil {
				return value.Value{}, err
			}
		}
		update, err := n.update.eval(e, m, fn.frame)
		if err != nil {
			return value.Value{}, err
		}
		if !update.IsAbsent() {
			if !update.IsObject() {
				return value.Value{}, failureAt("T2011", n.updatePos).withValue(update)
			}
			if m.IsObject() {
				if m, err = e.merge(m, update); err != nil {
					return value.Value{}, err
				}
			}
		}
		if n.delete != nil {
			del, err := n.delete.eval(e, m, fn.frame)
			if err != nil {
				return value.Value{}, err
			}
			names := del.Elems()
			if !del.IsArray() {
				names = []value.Value{del}
			}
			if !del.IsAbsent() {
				for _, d := range names {
					if !d.IsString() {
						return value.Value{}, failureAt("T2012", n.deletePos).withValue(del)
					}
				}
				for _, d := range names {
					m = m.Without(d.Str())
				}
			}
		}
		if id != nil {
			changed[id] = m
		}
	}
	if len(changed) == 0 {
		return copied, nil
	}
	if copied.IsObject() {
		id := identify(copied)
		if c, ok := changed[id]; ok {
			return e.current(c, changed, id, 0)
		}
	}
	return e.current(copied, changed, nil, 0)
}

func (e *evaluator) merge(a, b value.Value) (value.Value, *Error) {
	if err := e.grow(a.Len() + b.Len()); err != nil {
		return value.Value{}, err
	}
	out := value.NewBuilder(a.Len() + b.Len())
	for k, v := range a.Members() {
		out.Set(k, v)
	}
	for k, v := range b.Members() {
		out.Set(k, v)
	}
	return out.Object().WithMark((a.Mark() | b.Mark()) & markDirty), nil
}

// current returns v with the changed objects in it in their places. self is the identity
// of v itself, which is not looked up again.
func (e *evaluator) current(v value.Value, changed map[identity]value.Value, self identity, level int) (value.Value, *Error) {
	if len(changed) == 0 || !v.IsArray() && !v.IsObject() {
		return v, nil
	}
	if level > maxValueDepth {
		tooDeep()
	}
	var vals []value.Value
	for i, c := range v.Elems() {
		if !c.IsArray() && !c.IsObject() {
			continue
		}
		if err := e.tick(); err != nil {
			return value.Value{}, err
		}
		d, id := c, identity(nil)
		if c.IsObject() {
			id = identify(c)
			if id == self {
				continue
			}
			if n, ok := changed[id]; ok {
				d = n
			}
		}
		r, err := e.current(d, changed, id, level+1)
		if err != nil {
			return value.Value{}, err
		}
		if identify(r) == identify(c) {
			continue
		}
		if vals == nil {
			if err := e.grow(v.Len()); err != nil {
				return value.Value{}, err
			}
			vals = append(make([]value.Value, 0, v.Len()), v.Elems()...)
		}
		vals[i] = r
	}
	if vals == nil {
		return v, nil
	}
	if v.IsArray() {
		return value.Array(vals).WithMark(v.Mark() | dirt(vals)), nil
	}
	return value.ObjectOf(v.Shape(), vals).WithMark(v.Mark() | dirt(vals)), nil
}

// copyTree copies all arrays and objects, so that each has an identity. Functions become
// empty strings and numbers lose what $string would not print of them.
func (e *evaluator) copyTree(v value.Value, level int) (value.Value, *Error) {
	switch v.Kind() {
	case value.KindNumber:
		if !finiteNumber(v) {
			return value.Value{}, failure("D1001").withValue(v)
		}
		return e.rounded(v), nil
	case value.KindForeign:
		return value.String(""), nil
	case value.KindArray, value.KindObject:
		if level > maxValueDepth {
			tooDeep()
		}
		if err := e.grow(v.Len()); err != nil {
			return value.Value{}, err
		}
		if err := e.spend(v.Len()); err != nil {
			return value.Value{}, err
		}
		vals := make([]value.Value, v.Len(), max(v.Len(), 1))
		for i, c := range v.Elems() {
			d, err := e.copyTree(c, level+1)
			if err != nil {
				return value.Value{}, err
			}
			if d.IsAbsent() {
				d = value.Null
			}
			vals[i] = d
		}
		if v.IsArray() {
			return value.Array(vals), nil
		}
		return value.ObjectOf(v.Shape(), vals), nil
	}
	return v.WithMark(0), nil
}
