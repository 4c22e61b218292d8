package jsonata

import (
	"hash/maphash"
	"math"
	"slices"

	"github.com/sfnkit/sfnkit/asl/value"
)

func fnKeys(k *callState, a []value.Value) (value.Value, *Error) {
	e, v := k.e, a[0]
	base := len(e.stack)
	switch v.Kind() {
	case value.KindObject:
		for _, key := range v.Keys() {
			e.push(value.String(key))
		}
	case value.KindArray:
		seen := map[string]bool{}
		if err := e.keysInto(v, seen, 0); err != nil {
			return value.Value{}, err
		}
	}
	return e.take(base, markSequence)
}

func (e *evaluator) keysInto(v value.Value, seen map[string]bool, level int) *Error {
	if level > maxValueDepth {
		tooDeep()
	}
	var last *value.Shape
	for _, c := range v.Elems() {
		if err := e.tick(); err != nil {
			return err
		}
		if c.IsArray() {
			if err := e.keysInto(c, seen, level+1); err != nil {
				return err
			}
			continue
		}
		if c.Shape() == last {
			continue
		}
		last = c.Shape()
		for _, key := range c.Keys() {
			if !seen[key] {
				seen[key] = true
				e.push(value.String(key))
			}
		}
	}
	return nil
}

func fnLookup(k *callState, a []value.Value) (value.Value, *Error) {
	return k.e.lookup(a[0], a[1].Str())
}

func fnAppend(k *callState, a []value.Value) (value.Value, *Error) {
	return k.e.appendValues(a[0], a[1])
}

func fnSpread(k *callState, a []value.Value) (value.Value, *Error) {
	e, v := k.e, a[0]
	if !v.IsArray() && !v.IsObject() {
		return v, nil
	}
	base := len(e.stack)
	if err := e.spreadInto(v, map[string]*value.Shape{}, 0); err != nil {
		return value.Value{}, err
	}
	mark := uint8(markSequence)
	if v.IsArray() && slices.ContainsFunc(v.Elems(), func(c value.Value) bool { return !c.IsAbsent() }) {
		mark = 0 // joining arrays makes an ordinary one
	}
	return e.take(base, mark)
}

func (e *evaluator) spreadInto(v value.Value, shapes map[string]*value.Shape, level int) *Error {
	if level > maxValueDepth {
		tooDeep()
	}
	if err := e.tick(); err != nil {
		return err
	}
	switch v.Kind() {
	case value.KindObject:
		if err := e.grow(v.Len()); err != nil {
			return err
		}
		for key, m := range v.Members() {
			sh := shapes[key]
			if sh == nil {
				sh = value.NewShape([]string{key})
				shapes[key] = sh
			}
			m := []value.Value{m}
			e.push(value.ObjectOf(sh, m).WithMark(dirt(m)))
		}
	case value.KindArray:
		for _, c := range v.Elems() {
			if err := e.spreadInto(c, shapes, level+1); err != nil {
				return err
			}
		}
	case value.KindAbsent:
	default:
		e.push(v)
	}
	return nil
}

func fnMerge(k *callState, a []value.Value) (value.Value, *Error) {
	if a[0].IsAbsent() {
		return absent()
	}
	n := 0
	for _, o := range a[0].Elems() {
		n = max(n, o.Len())
	}
	b := value.NewBuilder(n)
	var mark uint8
	for _, o := range a[0].Elems() {
		if err := k.e.spend(1 + o.Len()); err != nil {
			return value.Value{}, err
		}
		for i, key := range o.Keys() {
			v := o.At(i)
			mark |= v.Mark()
			b.Set(key, v)
		}
	}
	if mark != 0 {
		mark = markDirty
	}
	if err := k.e.grow(b.Len()); err != nil {
		return value.Value{}, err
	}
	return b.Object().WithMark(mark), nil
}

func fnReverse(k *callState, a []value.Value) (value.Value, *Error) {
	list := a[0].Elems()
	if len(list) <= 1 {
		return a[0], nil
	}
	if err := k.e.grow(len(list)); err != nil {
		return value.Value{}, err
	}
	out := make([]value.Value, len(list))
	for i, v := range list {
		out[len(list)-1-i] = v
	}
	return newArray(out), nil
}

func fnShuffle(k *callState, a []value.Value) (value.Value, *Error) {
	list := a[0].Elems()
	if len(list) <= 1 {
		return a[0], nil
	}
	if err := k.e.grow(len(list)); err != nil {
		return value.Value{}, err
	}
	out := make([]value.Value, len(list))
	for i, v := range list {
		j := min(int(k.e.random()*float64(i+1)), i)
		out[i] = out[max(j, 0)]
		out[max(j, 0)] = v
	}
	return newArray(out), nil
}

func fnZip(k *callState, a []value.Value) (value.Value, *Error) {
	e := k.e
	n := -1
	for _, l := range a {
		if n < 0 || l.Len() < n {
			n = l.Len()
		}
		if !l.IsArray() {
			n = 0
		}
	}
	n = max(n, 0)
	if err := e.grow(n); err != nil {
		return value.Value{}, err
	}
	if err := e.grow(len(a)); err != nil {
		return value.Value{}, err
	}
	out := make([]value.Value, n)
	for i := range out {
		t := make([]value.Value, len(a))
		for j, l := range a {
			t[j] = l.At(i)
		}
		if err := e.grow(len(a)); err != nil {
			return value.Value{}, err
		}
		out[i] = newArray(t)
	}
	return newArray(out), nil
}

func fnSort(k *callState, a []value.Value) (value.Value, *Error) {
	e, list := k.e, a[0].Elems()
	if len(list) <= 1 {
		return a[0], nil
	}
	var after func(x, y int32) (bool, *Error)
	if fn := k.arg(a, 1); !fn.IsAbsent() {
		n := params(fn)
		after = func(x, y int32) (bool, *Error) {
			v, err := k.callback(fn, max(n, 2), list[x], list[y])
			return scriptTruth(v), err
		}
	} else {
		numbers, err := allNumeric(list)
		if err != nil {
			return value.Value{}, err
		}
		strings := !numbers
		for _, v := range list {
			strings = strings && v.IsString()
		}
		switch {
		case numbers:
			after = func(x, y int32) (bool, *Error) { return compareNumbers(list[x], list[y]) > 0, nil }
		case strings:
			after = func(x, y int32) (bool, *Error) { return compareStrings(list[x].Str(), list[y].Str()) > 0, nil }
		default:
			return value.Value{}, failure("D3070")
		}
	}
	if err := e.grow(2 * len(list)); err != nil {
		return value.Value{}, err
	}
	if err := e.spend(len(list)); err != nil {
		return value.Value{}, err
	}
	order, err := mergeSort(len(list), after)
	if err != nil {
		return value.Value{}, err
	}
	out := make([]value.Value, len(list))
	for i, j := range order {
		out[i] = list[j]
	}
	return newArray(out), nil
}

// scriptTruth is JavaScript's own idea of truth, by which a comparator is judged.
func scriptTruth(v value.Value) bool {
	switch v.Kind() {
	case value.KindAbsent, value.KindNull:
		return false
	case value.KindBool:
		return v.Truth()
	case value.KindString:
		return v.Str() != ""
	case value.KindNumber:
		f := v.Float64()
		return f != 0 && f == f
	}
	return true
}

func fnDistinct(k *callState, a []value.Value) (value.Value, *Error) {
	e, v := k.e, a[0]
	if !v.IsArray() || v.Len() <= 1 {
		return v, nil
	}
	base := len(e.stack)
	seen := make(map[uint64][]int32, v.Len())
	for i, c := range v.Elems() {
		if err := e.tick(); err != nil {
			return value.Value{}, err
		}
		h := hashOf(c, 0)
		known := false
		for _, j := range seen[h] {
			if equal(c, v.At(int(j))) {
				known = true
				break
			}
		}
		if !known {
			seen[h] = append(seen[h], int32(i))
			e.push(c)
		}
	}
	return e.take(base, v.Mark()&markSequence)
}

var hashSeed = maphash.MakeSeed()

// hashOf gives equal values equal numbers, whatever the order of members.
func hashOf(v value.Value, level int) uint64 {
	if level > maxValueDepth {
		tooDeep()
	}
	h := uint64(v.Kind()) * 0x9E3779B97F4A7C15
	switch v.Kind() {
	case value.KindBool:
		if v.Truth() {
			h++
		}
	case value.KindNumber:
		f := v.Float64()
		if f == 0 {
			f = 0 // of either sign
		}
		h ^= math.Float64bits(f)
		h *= 0xBF58476D1CE4E5B9
		h ^= h >> 29
	case value.KindString:
		h ^= maphash.String(hashSeed, v.Str())
	case value.KindArray:
		for _, c := range v.Elems() {
			h = (h ^ hashOf(c, level+1)) * 0x94D049BB133111EB
			h ^= h >> 31
		}
	case value.KindObject:
		var members uint64
		for key, c := range v.Members() {
			m := (maphash.String(hashSeed, key) ^ hashOf(c, level+1)) * 0x94D049BB133111EB
			members += m ^ m>>31
		}
		h ^= members
	}
	return h
}
