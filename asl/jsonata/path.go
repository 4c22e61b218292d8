package jsonata

import (
	"math"
	"slices"

	"github.com/sfnkit/sfnkit/asl/value"
)

// pathNode is a path of steps, each applied to every item that the one before selects.
type pathNode struct {
	steps []step
	keep  bool // [] keeps a single result an array
	outer bool // ... and so says the path as a whole
	group *groupNode
	first bool // the first step is a variable, whatever the context is

	tuple    *scope // variables of the tuples, if steps carry some
	isStream bool   // the tuples themselves are the result, for an enclosing path
}

type step struct {
	n      node
	name   *nameNode // if the step is a plain name
	sort   *sortNode
	stages []stageNode
	cons   bool

	tuple        bool
	focus, index int // slots, -1 if none
	ancestor     int
}

// stageNode is a filter or, if it has a slot, the numbering of what is left.
type stageNode struct {
	pred predicate
	slot int
}

type predicate struct {
	n        node
	literal  bool // a number
	at       float64
	constant bool // the same for every item
}

func (c *compiler) path(n *ast, s *scope) node {
	p := &pathNode{keep: n.keepSingletons, outer: n.keepArray, isStream: n.tuple}
	inner := s
	if tupled(n) {
		p.tuple = &scope{up: s}
		for _, st := range n.list {
			collectTuple(st, p.tuple)
			collect(st, p.tuple)
		}
		if n.group != nil {
			collectTuple(n.group, p.tuple)
			collect(n.group, p.tuple)
		}
	}
	p.steps = make([]step, len(n.list))
	for i, sn := range n.list {
		st := &p.steps[i]
		if sn.tuple && p.tuple != nil {
			inner = p.tuple
		}
		st.cons = i == 0 && sn.cons
		st.tuple = sn.tuple
		st.focus, st.index, st.ancestor = -1, -1, -1
		if sn.hasFocus {
			st.focus = p.tuple.slot(sn.focus)
		}
		if sn.hasIndex {
			st.index = p.tuple.slot(sn.index)
		}
		if sn.ancestor != nil {
			st.ancestor = p.tuple.slot(sn.ancestor.label)
		}
		if sn.kind == astSort {
			st.sort = c.sort(sn, inner)
		} else {
			st.n = c.step(sn, inner)
			st.name, _ = st.n.(*nameNode)
		}
		for _, g := range sn.stages {
			k := stageNode{slot: -1}
			if g.expr == nil {
				k.slot = p.tuple.slot(g.index)
			} else {
				k.pred = c.predicates([]stage{g}, inner)[0]
				if inner != s {
					k.pred.constant = false
				}
			}
			st.stages = append(st.stages, k)
		}
	}
	p.first = n.list[0].kind == astVariable
	if n.group != nil {
		var t *scope
		if inner != s {
			t = p.tuple
		}
		p.group = c.group(n.group, s, t)
	}
	if p.tuple == nil && p.group == nil && len(p.steps) == 1 && !p.keep && !p.outer && len(p.steps[0].stages) == 0 && p.steps[0].name != nil && !c.cfg.trace {
		return &fieldNode{p.steps[0].name, p}
	}
	return p
}

// step compiles a step without its stages, which the path applies.
func (c *compiler) step(n *ast, s *scope) node {
	if n.kind == astName && !c.cfg.trace {
		return c.bare(n, s)
	}
	return c.node(n, s)
}

// fieldNode is a path of one name, the commonest of all.
type fieldNode struct {
	*nameNode
	path *pathNode
}

func (n *fieldNode) eval(e *evaluator, in value.Value, f *frame) (value.Value, *Error) {
	if !in.IsObject() {
		if in.IsAbsent() {
			return in, e.leaf()
		}
		return n.path.eval(e, in, f)
	}
	if e.depth+2 > e.maxDepth {
		return value.Value{}, limitError(LimitDepth)
	}
	v := n.get(e, in)
	if v.Mark() != 0 {
		return n.path.eval(e, in, f)
	}
	return v, nil
}

func (n *pathNode) eval(e *evaluator, in value.Value, f *frame) (value.Value, *Error) {
	if err := e.enter(); err != nil {
		return value.Value{}, err
	}
	if n.tuple == nil {
		v, err := n.evalItems(e, in, f)
		e.depth--
		return v, err
	}
	v, err := n.evalTuples(e, in, f)
	if err != nil {
		return value.Value{}, err
	}
	e.depth--
	if n.outer && isSequence(v) {
		v = v.WithMark(v.Mark() | markKeep)
	}
	return collapse(v), nil
}

// items is what a step works on or has selected: one value, or a list.
type items struct {
	list  []value.Value
	one   value.Value // if list is nil
	plain bool        // the list came from a sort and is not a sequence
	whole bool        // one is an array that is the result as it stands
}

func (n *pathNode) evalItems(e *evaluator, in value.Value, f *frame) (value.Value, *Error) {
	base := len(e.stack)
	cur, err := n.choose(e, in, f, len(n.steps))
	if err != nil {
		return value.Value{}, err
	}
	v, err := n.finish(e, cur, f)
	e.pop(base)
	return v, err
}

// finish makes a value of what the steps have selected.
func (n *pathNode) finish(e *evaluator, cur items, f *frame) (value.Value, *Error) {
	if n.group != nil {
		if cur.list != nil || cur.one.IsAbsent() {
			return n.group.evalList(e, cur.list, f)
		}
		return n.group.evalOn(e, cur.one, f)
	}
	keep := n.keep || n.outer
	mark := uint8(markSequence)
	if keep {
		mark |= markKeep
	}
	switch {
	case cur.whole:
		if n.keep && cur.one.Mark()&markCons != 0 && !isSequence(cur.one) {
			return e.list([]value.Value{cur.one}, mark)
		}
		return cur.one, nil
	case cur.list == nil:
		if cur.one.IsAbsent() || !keep {
			return cur.one, nil
		}
		return e.list([]value.Value{cur.one}, mark)
	case len(cur.list) == 0:
		return value.Value{}, nil
	case cur.plain:
		mark = 0
	case len(cur.list) == 1 && !keep:
		return cur.list[0], nil
	}
	return e.list(cur.list, mark)
}

// choose runs the first k steps. Lists lie on the stack or are elements of an array.
func (n *pathNode) choose(e *evaluator, in value.Value, f *frame, k int) (items, *Error) {
	var cur items
	i := 0
	switch {
	case n.first || !in.IsArray():
		cur.one = in
	default:
		cur.list = in.Elems()
		if cur.list == nil {
			return items{}, nil
		}
	}
	if st := &n.steps[0]; st.cons && k > 0 {
		v := in
		if n.first || !in.IsArray() {
			v = value.Array([]value.Value{in}).WithMark(markSequence)
		}
		v, err := st.n.eval(e, v, f)
		if err != nil {
			return items{}, err
		}
		for j := range st.stages {
			if v, err = e.filter(&st.stages[j].pred, v, f); err != nil {
				return items{}, err
			}
		}
		if !v.IsArray() {
			return items{}, nil
		}
		if v.Len() == 0 || len(n.steps) == 1 {
			return items{one: v, whole: true}, nil
		}
		cur = items{list: v.Elems()}
		i = 1
	}
	for ; i < k; i++ {
		st := &n.steps[i]
		last := i == len(n.steps)-1
		var err *Error
		switch {
		case st.sort != nil:
			cur, err = st.evalSort(e, cur, f)
		case cur.list == nil && len(st.stages) == 0:
			cur, err = st.evalOne(e, cur.one, f, last)
		default:
			cur, err = st.evalList(e, cur, f, last)
		}
		if err != nil {
			return items{}, err
		}
		if cur.list == nil && cur.one.IsAbsent() || cur.list != nil && len(cur.list) == 0 {
			return items{}, nil
		}
	}
	return cur, nil
}

// evalOne applies a step without stages to one item.
func (st *step) evalOne(e *evaluator, in value.Value, f *frame, last bool) (items, *Error) {
	v, err := st.n.eval(e, in, f)
	if err != nil || v.IsAbsent() {
		return items{}, err
	}
	if !v.IsArray() {
		return items{one: v}, nil
	}
	m := v.Mark()
	switch {
	case last && m&markSequence == 0:
		return items{one: v, whole: true}, nil
	case m&markCons != 0:
		return items{list: []value.Value{v}}, nil
	case v.Len() == 0:
		return items{}, nil
	}
	return items{list: v.Elems()}, nil
}

// evalList applies a step to every item and pushes what it selects.
func (st *step) evalList(e *evaluator, cur items, f *frame, last bool) (items, *Error) {
	list := cur.list
	if list == nil {
		e.push(cur.one)
		list = e.stack[len(e.stack)-1:]
	}
	base := len(e.stack)
	var held value.Value // an array that is the whole result if nothing else comes
	results := 0
	name := st.name
	for i := range list {
		if err := e.tick(); err != nil {
			return items{}, err
		}
		var v value.Value
		var err *Error
		if name != nil && list[i].IsObject() {
			v = name.get(e, list[i])
			if e.depth >= e.maxDepth {
				return items{}, limitError(LimitDepth)
			}
			if v.Mark() != 0 {
				v = collapse(v)
			}
		} else if v, err = st.n.eval(e, list[i], f); err != nil {
			return items{}, err
		}
		if len(st.stages) == 0 {
			if v.IsAbsent() {
				continue
			}
		} else if len(st.stages) == 1 && !st.stages[0].pred.literal {
			// The survivors go straight to where they are wanted.
			e.spill(&held)
			results++
			if err = e.filterInto(&st.stages[0].pred, v, f); err != nil {
				return items{}, err
			}
			continue
		} else {
			for j := range st.stages {
				if v, err = e.filter(&st.stages[j].pred, v, f); err != nil {
					return items{}, err
				}
			}
		}
		results++
		e.spill(&held)
		switch {
		case v.IsAbsent():
		case !v.IsArray():
			e.push(v)
		case last && results == 1 && v.Mark()&markSequence == 0:
			held = v
		case v.Mark()&markCons != 0:
			e.push(v)
		default:
			e.stack = append(e.stack, v.Elems()...)
		}
		if len(e.stack)-base > e.maxElems {
			return items{}, limitError(LimitMemory)
		}
	}
	if !held.IsAbsent() {
		return items{one: held, whole: true}, nil
	}
	out := e.stack[base:]
	if len(out) == 0 {
		return items{}, nil
	}
	return items{list: out}, nil
}

// spill pushes an array that was held back as the whole result, because another one came.
func (e *evaluator) spill(held *value.Value) {
	switch {
	case held.IsAbsent():
		return
	case held.Mark()&markCons != 0:
		e.push(*held)
	default:
		e.stack = append(e.stack, held.Elems()...)
	}
	*held = value.Value{}
}

var emptySequence = value.EmptyArray.WithMark(markSequence)

// filter applies a predicate to a value and returns a sequence.
func (e *evaluator) filter(p *predicate, v value.Value, f *frame) (value.Value, *Error) {
	if t, ok := v.Foreign().(*tupleStream); ok {
		out, err := e.filterTuples(p, t, f)
		return value.Foreign(out), err
	}
	if p.literal {
		if !v.IsArray() {
			if i := math.Floor(p.at); (i == 0 || i == -1) && !v.IsAbsent() {
				return v, nil
			}
			return emptySequence, nil
		}
		i := math.Floor(p.at)
		if i < 0 {
			i += float64(v.Len())
		}
		if i < 0 || i >= float64(v.Len()) || v.At(int(i)).IsAbsent() {
			return emptySequence, nil
		}
		return v.At(int(i)), nil
	}
	base := len(e.stack)
	if err := e.filterInto(p, v, f); err != nil {
		return value.Value{}, err
	}
	v, err := e.list(e.stack[base:], markSequence)
	e.pop(base)
	return v, err
}

// filterInto pushes the items of v that satisfy a predicate.
func (e *evaluator) filterInto(p *predicate, v value.Value, f *frame) *Error {
	list := v.Elems()
	if !v.IsArray() {
		e.push(v)
		list = e.stack[len(e.stack)-1:]
		base := len(e.stack)
		if err := e.filterList(p, list, f); err != nil {
			return err
		}
		n := copy(e.stack[base-1:], e.stack[base:])
		e.pop(base - 1 + n)
		return nil
	}
	return e.filterList(p, list, f)
}

func (e *evaluator) filterList(p *predicate, list []value.Value, f *frame) *Error {
	for i := range list {
		if err := e.tick(); err != nil {
			return err
		}
		r, err := p.n.eval(e, list[i], f)
		if err != nil {
			return err
		}
		switch r.Kind() {
		case value.KindBool:
			if r.Truth() {
				e.push(list[i])
			}
			continue
		case value.KindAbsent, value.KindNull:
			continue
		}
		if p.constant {
			return e.pick(r, list)
		}
		var at [1]value.Value
		picks := at[:]
		switch {
		case r.IsArray():
			picks = r.Elems()
		default:
			at[0] = r
		}
		ok, err := allNumeric(picks)
		if err != nil {
			return err
		}
		if !ok {
			if ok, err = truth(r); err != nil {
				return err
			}
			if ok {
				e.push(list[i])
			}
			continue
		}
		if err := e.spend(len(picks) / 8); err != nil {
			return err
		}
		for _, k := range picks {
			j := math.Floor(k.Float64())
			if j < 0 {
				j += float64(len(list))
			}
			if j == float64(i) {
				e.push(list[i])
			}
		}
	}
	return nil
}

// pick pushes the items that a constant predicate selects.
func (e *evaluator) pick(r value.Value, list []value.Value) *Error {
	var at [1]value.Value
	picks := at[:]
	if r.IsArray() {
		picks = r.Elems()
	} else {
		at[0] = r
	}
	ok, err := allNumeric(picks)
	if err != nil {
		return err
	}
	if !ok {
		if ok, err = truth(r); ok {
			e.stack = append(e.stack, list...)
		}
		return err
	}
	var room [16]int
	places := room[:0]
	for _, k := range picks {
		j := math.Floor(k.Float64())
		if j < 0 {
			j += float64(len(list))
		}
		if j >= 0 && j < float64(len(list)) {
			places = append(places, int(j))
		}
	}
	if !slices.IsSorted(places) {
		slices.Sort(places)
	}
	for _, j := range places {
		e.push(list[j])
	}
	return nil
}

// groupNode is an object constructor, or the grouping at the end of a path.
type groupNode struct {
	keys, vals []node
	pos        int

	fixed bool // all names are different literals
	names []string
	shape *value.Shape
}

type objectNode struct{ g *groupNode }

func (n *objectNode) eval(e *evaluator, in value.Value, f *frame) (value.Value, *Error) {
	if err := e.enter(); err != nil {
		return value.Value{}, err
	}
	var v value.Value
	var err *Error
	if n.g.fixed && !in.IsArray() {
		v, err = n.g.record(e, in, f)
	} else {
		v, err = n.g.evalOn(e, in, f)
	}
	e.depth--
	return v, err
}

// evalOn groups the elements of an array, or the one value.
func (g *groupNode) evalOn(e *evaluator, in value.Value, f *frame) (value.Value, *Error) {
	if t, ok := in.Foreign().(*tupleStream); ok {
		return g.evalTuples(e, t, f)
	}
	if in.IsArray() {
		return g.evalList(e, in.Elems(), f)
	}
	if g.fixed {
		return g.record(e, in, f)
	}
	return g.evalList(e, []value.Value{in}, f)
}

// record makes an object with literal names for one item.
func (g *groupNode) record(e *evaluator, in value.Value, f *frame) (value.Value, *Error) {
	if err := e.leaf(); err != nil {
		return value.Value{}, err
	}
	if err := e.grow(len(g.vals)); err != nil {
		return value.Value{}, err
	}
	vals := make([]value.Value, len(g.vals))
	var mark uint8
	missing := 0
	for i, n := range g.vals {
		v, err := n.eval(e, in, f)
		if err != nil {
			return value.Value{}, err
		}
		if v.IsAbsent() {
			missing++
		}
		mark |= v.Mark()
		vals[i] = v
	}
	if mark != 0 {
		mark = markDirty
	}
	if missing == 0 {
		return value.ObjectOf(g.shape, vals).WithMark(mark), nil
	}
	keys := make([]string, 0, len(vals)-missing)
	kept := vals[:0]
	for i, v := range vals {
		if !v.IsAbsent() {
			keys = append(keys, g.names[i])
			kept = append(kept, v)
		}
	}
	return value.ObjectOf(value.NewShape(keys), kept).WithMark(mark), nil
}

// entry is one group: the items that gave the same name.
type entry struct {
	key  string
	pair int
	size int
	one  value.Value   // the first item
	many []value.Value // all of them, if there are several
}

func appendSpread(list []value.Value, v value.Value) []value.Value {
	if v.IsArray() {
		return append(list, v.Elems()...)
	}
	if v.IsAbsent() {
		return list
	}
	return append(list, v)
}

func (g *groupNode) evalList(e *evaluator, list []value.Value, f *frame) (value.Value, *Error) {
	if len(list) == 0 {
		list = []value.Value{{}}
	}
	// First every item is given the number of its group, then the groups are laid out one
	// behind the other.
	n := len(list) * len(g.keys)
	if err := e.grow(n/4 + 1); err != nil {
		return value.Value{}, err
	}
	places := make([]int32, n)
	var groups []entry
	var index map[string]int
	last, spread := -1, false
	for i := range list {
		if err := e.tick(); err != nil {
			return value.Value{}, err
		}
		spread = spread || list[i].IsArray() || list[i].IsAbsent()
		for k, kn := range g.keys {
			at := &places[i*len(g.keys)+k]
			*at = -1
			key, err := kn.eval(e, list[i], f)
			if err != nil {
				return value.Value{}, err
			}
			if key.IsAbsent() {
				continue
			}
			if last, err = g.place(&groups, &index, key, k, last); err != nil {
				return value.Value{}, err
			}
			en := &groups[last]
			if en.pair < 0 {
				en.pair, en.one = k, list[i]
			}
			en.size++
			*at = int32(last)
		}
	}
	if len(groups) < n {
		if err := e.grow(n); err != nil {
			return value.Value{}, err
		}
		if spread {
			g.spreadOut(groups, places, list)
		} else {
			g.layOut(groups, places, list)
		}
	}
	return g.build(e, len(groups), func(i int) (string, value.Value, *Error) {
		en := &groups[i]
		in := en.one
		if en.size > 1 {
			in = newArray(en.many)
		}
		v, err := g.vals[en.pair].eval(e, in, f)
		return en.key, v, err
	})
}

// layOut collects the items of each group in a part of one array.
func (g *groupNode) layOut(groups []entry, places []int32, list []value.Value) {
	room := make([]value.Value, len(places))
	for i := range groups {
		n := groups[i].size
		groups[i].many, room = room[:0:n], room[n:]
	}
	for i, at := range places {
		if at >= 0 {
			groups[at].many = append(groups[at].many, list[i/len(g.keys)])
		}
	}
}

// spreadOut does the same for items of which some are arrays, which are joined.
func (g *groupNode) spreadOut(groups []entry, places []int32, list []value.Value) {
	for i, at := range places {
		if at >= 0 {
			groups[at].many = appendSpread(groups[at].many, list[i/len(g.keys)])
		}
	}
}

// place finds or makes the group of a name; a new one has no pair yet.
func (g *groupNode) place(groups *[]entry, index *map[string]int, key value.Value, pair, last int) (int, *Error) {
	if !key.IsString() {
		return 0, failureAt("T1003", g.pos).withValue(key)
	}
	name := key.Str()
	at := -1
	if last >= 0 && (*groups)[last].key == name {
		at = last
	} else if *index == nil {
		for i := range *groups {
			if (*groups)[i].key == name {
				at = i
				break
			}
		}
	} else if i, ok := (*index)[name]; ok {
		at = i
	}
	if at >= 0 {
		if (*groups)[at].pair != pair {
			return 0, failureAt("D1009", g.pos).withValue(key)
		}
		return at, nil
	}
	at = len(*groups)
	*groups = append(*groups, entry{key: name, pair: -1})
	if *index != nil {
		(*index)[name] = at
	} else if len(*groups) > 12 {
		*index = make(map[string]int, 64)
		for i := range *groups {
			(*index)[(*groups)[i].key] = i
		}
	}
	return at, nil
}

// build makes the object of n groups, leaving out what is absent.
func (g *groupNode) build(e *evaluator, n int, member func(i int) (string, value.Value, *Error)) (value.Value, *Error) {
	if err := e.grow(n); err != nil {
		return value.Value{}, err
	}
	keys := make([]string, 0, n)
	vals := make([]value.Value, 0, n)
	for i := range n {
		k, v, err := member(i)
		if err != nil {
			return value.Value{}, err
		}
		if !v.IsAbsent() {
			keys = append(keys, k)
			vals = append(vals, v)
		}
	}
	return value.ObjectOf(value.NewShape(keys), vals).WithMark(dirt(vals)), nil
}
