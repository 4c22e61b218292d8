package jsonata

import (
	"github.com/sfnkit/sfnkit/asl/value"
)

// sortNode is the step ^(...).
type sortNode struct {
	terms []termNode
	pos   int
}

type termNode struct {
	n          node
	descending bool
}

func (c *compiler) sort(n *ast, s *scope) *sortNode {
	k := &sortNode{pos: n.pos}
	for _, t := range n.terms {
		k.terms = append(k.terms, termNode{c.node(t.expr, s), t.descending})
	}
	return k
}

func (st *step) evalSort(e *evaluator, cur items, f *frame) (items, *Error) {
	list := cur.list
	if list == nil {
		list = []value.Value{cur.one}
	}
	out := items{list: list, plain: cur.plain}
	if len(list) > 1 {
		s := &sorter{e: e, n: st.sort, size: len(list), item: func(i int) (value.Value, *frame) { return list[i], f }}
		order, err := s.sort()
		if err != nil {
			return items{}, err
		}
		base := len(e.stack)
		for _, i := range order {
			e.push(list[i])
		}
		out = items{list: e.stack[base:], plain: true}
	}
	for j := range st.stages {
		v, err := e.list(out.list, 0)
		if err != nil {
			return items{}, err
		}
		if v, err = e.filter(&st.stages[j].pred, v, f); err != nil {
			return items{}, err
		}
		switch {
		case v.IsAbsent():
			return items{}, nil
		case v.IsArray() && v.Len() == 0 && !isSequence(v):
			return items{one: v, whole: true}, nil
		case v.IsArray():
			out = items{list: v.Elems(), plain: !isSequence(v)}
		default:
			out = items{list: []value.Value{v}}
		}
	}
	return out, nil
}

// sorter orders items by the terms of a sort. The first term is evaluated once for each
// item, the others where they are needed.
type sorter struct {
	e    *evaluator
	n    *sortNode
	size int
	item func(i int) (value.Value, *frame)
	keys [][]value.Value // per term, unbound where not evaluated
}

func (s *sorter) sort() ([]int32, *Error) {
	if err := s.e.grow(s.size * (1 + len(s.n.terms))); err != nil {
		return nil, err
	}
	s.keys = make([][]value.Value, len(s.n.terms))
	return mergeSort(s.size, s.after)
}

func (s *sorter) key(term int, i int32) (value.Value, *Error) {
	keys := s.keys[term]
	if keys == nil {
		keys = make([]value.Value, s.size)
		for j := range keys {
			keys[j] = unbound
		}
		s.keys[term] = keys
	}
	if k := keys[i]; k.Mark() != markUnbound {
		return k, nil
	}
	in, f := s.item(int(i))
	k, err := s.n.terms[term].n.eval(s.e, in, f)
	if err != nil {
		return k, err
	}
	keys[i] = k
	return k, nil
}

// after reports whether item a must come after item b.
func (s *sorter) after(a, b int32) (bool, *Error) {
	if err := s.e.tick(); err != nil {
		return false, err
	}
	for t := range s.n.terms {
		x, err := s.key(t, a)
		if err != nil {
			return false, err
		}
		y, err := s.key(t, b)
		if err != nil {
			return false, err
		}
		xk, yk := x.Kind(), y.Kind()
		if xk == value.KindAbsent {
			if yk == value.KindAbsent {
				continue
			}
			return true, nil
		}
		if yk == value.KindAbsent {
			return false, nil
		}
		var c int
		switch {
		case xk == value.KindNumber && yk == value.KindNumber:
			c = compareNumbers(x, y)
		case xk == value.KindString && yk == value.KindString:
			c = compareStrings(x.Str(), y.Str())
		case !(xk == value.KindString || xk == value.KindNumber):
			return false, failureAt("T2008", s.n.pos).withValue(x)
		case !(yk == value.KindString || yk == value.KindNumber):
			return false, failureAt("T2008", s.n.pos).withValue(y)
		default:
			e := failureAt("T2007", s.n.pos).withValue(x)
			e.Value2 = y
			return false, e
		}
		if c == 0 {
			continue
		}
		return (c > 0) != s.n.terms[t].descending, nil
	}
	return false, nil
}

func compareNumbers(x, y value.Value) int {
	if x.IsInt() && y.IsInt() {
		a, _ := x.Int64()
		b, _ := y.Int64()
		switch {
		case a < b:
			return -1
		case a > b:
			return 1
		}
		return 0
	}
	a, b := x.Float64(), y.Float64()
	switch {
	case a == b:
		return 0
	case a < b:
		return -1
	}
	return 1
}

// mergeSort sorts stably, comparing in the order of the reference implementation, so that
// a comparison that fails does so on the same pair.
func mergeSort(n int, after func(a, b int32) (bool, *Error)) ([]int32, *Error) {
	order := make([]int32, 2*n)
	for i := range n {
		order[i] = int32(i)
	}
	order, room := order[:n:n], order[n:]
	return order, mergeRange(order, room, after)
}

func mergeRange(order, room []int32, after func(a, b int32) (bool, *Error)) *Error {
	n := len(order)
	if n <= 1 {
		return nil
	}
	mid := n / 2
	if err := mergeRange(order[:mid], room[:mid], after); err != nil {
		return err
	}
	if err := mergeRange(order[mid:], room[mid:], after); err != nil {
		return err
	}
	copy(room, order)
	l, r := room[:mid], room[mid:n]
	k := 0
	for len(l) > 0 && len(r) > 0 {
		swap, err := after(l[0], r[0])
		if err != nil {
			return err
		}
		if swap {
			order[k] = r[0]
			r = r[1:]
		} else {
			order[k] = l[0]
			l = l[1:]
		}
		k++
	}
	k += copy(order[k:], l)
	copy(order[k:], r)
	return nil
}
