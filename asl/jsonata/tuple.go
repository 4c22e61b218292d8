package jsonata

import (
	"math"

	"github.com/sfnkit/sfnkit/asl/value"
)

// tuple is an item that carries the variables bound on the way to it.
type tuple struct {
	at   value.Value
	vars []value.Value // by slot of the stream's scope, unbound if not set
}

// tupleStream is what a path of tuples works on. It is a value only between a path and
// the path around it.
type tupleStream struct {
	scope  *scope
	tuples []tuple
	// bare streams come from a sort: what follows sees the tuples themselves as objects.
	bare bool
}

func (t *tupleStream) items() []value.Value {
	out := make([]value.Value, len(t.tuples))
	for i := range t.tuples {
		out[i] = t.tuples[i].at
	}
	return out
}

// object shows a tuple as the object that the reference implementation keeps.
func (t *tupleStream) object(i int) value.Value {
	b := value.NewBuilder(4)
	tp := &t.tuples[i]
	b.Set("@", tp.at)
	for j, v := range tp.vars {
		if v.Mark() != markUnbound {
			b.Set(t.scope.names[j], v)
		}
	}
	return b.Object()
}

// context returns the item and the frame in which an expression sees tuple i.
func (t *tupleStream) context(e *evaluator, i int, f *frame) (value.Value, *frame) {
	g := e.newFrame(f, t.scope)
	if t.bare {
		return t.object(i), g
	}
	copy(g.vals, t.tuples[i].vars)
	return t.tuples[i].at, g
}

func (n *pathNode) evalTuples(e *evaluator, in value.Value, f *frame) (value.Value, *Error) {
	base := len(e.stack)
	k := 0
	for k < len(n.steps) && !n.steps[k].tuple {
		k++
	}
	var stream *tupleStream
	for i := k; i < len(n.steps); i++ {
		st := &n.steps[i]
		if i == 0 && st.cons {
			continue
		}
		if stream == nil {
			cur, err := n.choose(e, in, f, k)
			if err != nil {
				return value.Value{}, err
			}
			list := cur.list
			switch {
			case k > 0 && cur.list == nil && cur.one.IsAbsent():
				// The path ends before there are tuples.
				e.pop(base)
				if n.group != nil {
					return n.group.evalList(e, nil, e.newFrame(f, n.tuple))
				}
				return value.Value{}, nil
			case cur.list == nil && cur.whole:
				list = cur.one.Elems()
			case cur.list == nil:
				list = []value.Value{cur.one}
			}
			if k == 0 && in.IsArray() && in.Len() == 0 && !n.first {
				list = nil
			}
			if stream, err = n.start(e, st, list, f); err != nil {
				return value.Value{}, err
			}
			if st.sort != nil {
				continue
			}
		}
		var err *Error
		if stream, err = n.tupleStep(e, st, stream, f); err != nil {
			return value.Value{}, err
		}
	}
	e.pop(base)
	if stream == nil {
		stream = &tupleStream{scope: n.tuple}
	}
	if n.group != nil {
		return n.group.evalTuples(e, stream, f)
	}
	if n.isStream {
		return value.Foreign(stream), nil
	}
	mark := uint8(markSequence)
	if n.keep {
		mark |= markKeep
	}
	if err := e.grow(len(stream.tuples)); err != nil {
		return value.Value{}, err
	}
	list := stream.items()
	if len(list) == 0 {
		return value.Value{}, nil
	}
	return value.Array(list).WithMark(mark | dirt(list)), nil
}

func (n *pathNode) blank() []value.Value {
	vars := make([]value.Value, len(n.tuple.names))
	for i := range vars {
		vars[i] = unbound
	}
	return vars
}

// start makes the first stream of a list. If the first step is a sort it is done here.
func (n *pathNode) start(e *evaluator, st *step, list []value.Value, f *frame) (*tupleStream, *Error) {
	t := &tupleStream{scope: n.tuple, tuples: make([]tuple, len(list))}
	if err := e.grow(len(list)); err != nil {
		return nil, err
	}
	order := []int32(nil)
	if st.sort != nil && len(list) > 1 {
		// The terms are compiled for a frame of tuple variables, which are all unbound yet.
		g := e.newFrame(f, n.tuple)
		s := &sorter{e: e, n: st.sort, size: len(list), item: func(i int) (value.Value, *frame) { return list[i], g }}
		var err *Error
		if order, err = s.sort(); err != nil {
			return nil, err
		}
	}
	for i := range list {
		j := i
		if order != nil {
			j = int(order[i])
		}
		t.tuples[i] = tuple{at: list[j], vars: n.blank()}
		if st.sort != nil && st.index >= 0 {
			t.tuples[i].vars[st.index] = value.Int(int64(i))
		}
	}
	if st.sort != nil {
		return n.stages(e, st, t, f)
	}
	return t, nil
}

func (n *pathNode) tupleStep(e *evaluator, st *step, in *tupleStream, f *frame) (*tupleStream, *Error) {
	out := &tupleStream{scope: n.tuple}
	if st.sort != nil {
		if len(in.tuples) <= 1 {
			return n.stages(e, st, in, f)
		}
		s := &sorter{e: e, n: st.sort, size: len(in.tuples), item: func(i int) (value.Value, *frame) {
			return in.context(e, i, f)
		}}
		order, err := s.sort()
		if err != nil {
			return nil, err
		}
		out.bare = true
		for _, i := range order {
			out.tuples = append(out.tuples, in.tuples[i])
		}
		return n.stages(e, st, out, f)
	}
	for i := range in.tuples {
		tp := &in.tuples[i]
		if err := e.tick(); err != nil {
			return nil, err
		}
		g := e.newFrame(f, n.tuple)
		copy(g.vals, tp.vars)
		v, err := st.n.eval(e, tp.at, g)
		if err != nil {
			return nil, err
		}
		e.release(g)
		if v.IsAbsent() {
			continue
		}
		add := func(at value.Value, vars []value.Value) *Error {
			out.tuples = append(out.tuples, tuple{at, vars})
			if len(out.tuples) > e.maxElems {
				return limitError(LimitMemory)
			}
			return e.grow(1 + len(vars))
		}
		if inner, ok := v.Foreign().(*tupleStream); ok {
			for j := range inner.tuples {
				vars := append([]value.Value(nil), tp.vars...)
				for k, iv := range inner.tuples[j].vars {
					if iv.Mark() != markUnbound {
						if s := n.tuple.slot(inner.scope.names[k]); s >= 0 {
							vars[s] = iv
						}
					}
				}
				if err := add(inner.tuples[j].at, vars); err != nil {
					return nil, err
				}
			}
			continue
		}
		var one [1]value.Value
		list := v.Elems()
		if !v.IsArray() {
			one[0] = v
			list = one[:]
		}
		for j := range list {
			vars := append([]value.Value(nil), tp.vars...)
			at := list[j]
			if st.focus >= 0 {
				vars[st.focus] = list[j]
				at = tp.at
			}
			if st.index >= 0 {
				vars[st.index] = value.Int(int64(j))
			}
			if st.ancestor >= 0 {
				vars[st.ancestor] = tp.at
			}
			if err := add(at, vars); err != nil {
				return nil, err
			}
		}
	}
	return n.stages(e, st, out, f)
}

// stages applies the filters and numberings that stand on a step.
func (n *pathNode) stages(e *evaluator, st *step, t *tupleStream, f *frame) (*tupleStream, *Error) {
	for j := range st.stages {
		sg := &st.stages[j]
		if sg.slot >= 0 {
			out := &tupleStream{scope: t.scope, bare: t.bare, tuples: make([]tuple, len(t.tuples))}
			for i, tp := range t.tuples {
				vars := append([]value.Value(nil), tp.vars...)
				vars[sg.slot] = value.Int(int64(i))
				out.tuples[i] = tuple{tp.at, vars}
			}
			t = out
			continue
		}
		var err *Error
		if t, err = e.filterTuples(&sg.pred, t, f); err != nil {
			return nil, err
		}
	}
	return t, nil
}

func (e *evaluator) filterTuples(p *predicate, t *tupleStream, f *frame) (*tupleStream, *Error) {
	out := &tupleStream{scope: t.scope, bare: t.bare}
	n := float64(len(t.tuples))
	if p.literal {
		i := math.Floor(p.at)
		if i < 0 {
			i += n
		}
		if i >= 0 && i < n {
			out.tuples = append(out.tuples, t.tuples[int(i)])
		}
		return out, nil
	}
	for i := range t.tuples {
		if err := e.tick(); err != nil {
			return nil, err
		}
		in, g := t.context(e, i, f)
		r, err := p.n.eval(e, in, g)
		if err != nil {
			return nil, err
		}
		e.release(g)
		picks := []value.Value{r}
		if r.IsArray() {
			picks = r.Elems()
		}
		ok, err := allNumeric(picks)
		if err != nil {
			return nil, err
		}
		if !ok {
			if ok, err = truth(r); err != nil {
				return nil, err
			}
			if ok {
				out.tuples = append(out.tuples, t.tuples[i])
			}
			continue
		}
		for _, k := range picks {
			j := math.Floor(k.Float64())
			if j < 0 {
				j += n
			}
			if j == float64(i) {
				out.tuples = append(out.tuples, t.tuples[i])
			}
		}
	}
	return out, nil
}

// evalTuples groups tuples; a group sees its items and variables as lists.
func (g *groupNode) evalTuples(e *evaluator, t *tupleStream, f *frame) (value.Value, *Error) {
	var groups []entry
	var members [][]int32
	var index map[string]int
	last := -1
	for i := range t.tuples {
		in, fr := t.context(e, i, f)
		for k, kn := range g.keys {
			key, err := kn.eval(e, in, fr)
			if err != nil {
				return value.Value{}, err
			}
			if key.IsAbsent() {
				continue
			}
			at, err := g.place(&groups, &index, key, k, last)
			if err != nil {
				return value.Value{}, err
			}
			last = at
			if groups[at].pair < 0 {
				groups[at].pair = k
				members = append(members, nil)
			}
			members[at] = append(members[at], int32(i))
		}
		e.release(fr)
	}
	return g.build(e, len(groups), func(i int) (string, value.Value, *Error) {
		in, fr, err := t.reduce(e, members[i], f)
		if err != nil {
			return "", in, err
		}
		v, err := g.vals[groups[i].pair].eval(e, in, fr)
		return groups[i].key, v, err
	})
}

// reduce merges tuples into one whose values are lists.
func (t *tupleStream) reduce(e *evaluator, members []int32, f *frame) (value.Value, *frame, *Error) {
	fr := e.newFrame(f, t.scope)
	if t.bare {
		list := make([]value.Value, len(members))
		for i, m := range members {
			list[i] = t.object(int(m))
		}
		if len(list) == 1 {
			return list[0], fr, nil
		}
		return newArray(list), fr, nil
	}
	merge := func(get func(tp *tuple) value.Value) (value.Value, *Error) {
		first := get(&t.tuples[members[0]])
		if len(members) == 1 {
			return first, nil
		}
		if first.Mark() == markUnbound {
			first = value.Value{}
		}
		list := appendSpread(nil, first)
		for _, m := range members[1:] {
			if v := get(&t.tuples[m]); v.Mark() != markUnbound {
				list = appendSpread(list, v)
			}
		}
		if len(list) == 0 {
			return unbound, nil
		}
		return newArray(list), e.grow(len(list))
	}
	in, err := merge(func(tp *tuple) value.Value { return tp.at })
	if err != nil {
		return in, nil, err
	}
	for s := range fr.vals {
		if fr.vals[s], err = merge(func(tp *tuple) value.Value { return tp.vars[s] }); err != nil {
			return in, nil, err
		}
	}
	return in, fr, nil
}
