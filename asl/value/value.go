// Package value holds JSON values the way Step Functions keeps them: object members in
// document order, numbers as they were written, text without re-escaping.
//
// A [Value] is a small immutable value (24 bytes) that is passed by copy. Its kinds are
//
//	Absent   the zero Value: nothing there (a missing member, JSONata's undefined)
//	Null     JSON null
//	Bool     true or false
//	Number   an exact 64-bit integer or a float64, with the text it was read from
//	String   UTF-8 text; lone UTF-16 surrogates are kept as their three-byte (WTF-8) form
//	Array    a sequence of values
//	Object   members in document order; a repeated name keeps its first place and last value
//	Foreign  anything else that an evaluator needs to carry (a function, say); never JSON
//
// Arrays and objects share their contents freely: nothing in this package changes a
// container after it was made, so a history and a running state can hold the same one.
// A change ([Value.With], [Value.Without]) copies one container and shares the rest.
//
// Objects that have the same names in the same order share one [Shape], which makes
// records cheap to store and lets an evaluator remember where a member lies.
//
// [Parse] and [ParseString] read JSON, [Value.AppendJSON] and [Value.JSON] print the
// compact form, and [Value.Size] counts the bytes of that form without printing it:
// this is the size that the service's 262,144 byte limit on payloads is about.
package value

import (
	"fmt"
	"iter"
	"math"
	"strconv"
	"sync/atomic"
	"unsafe"
)

// Kind says what a Value is.
type Kind uint8

// The kinds of values. The zero Kind is that of the zero Value.
const (
	KindAbsent Kind = iota
	KindNull
	KindBool
	KindNumber
	KindString
	KindArray
	KindObject
	KindForeign
)

var kindNames = [...]string{"absent", "null", "boolean", "number", "string", "array", "object", "foreign"}

// String returns the JSON name of the kind: null, boolean, number, string, array, object.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "kind(" + strconv.Itoa(int(k)) + ")"
}

// Value is one JSON value. The zero Value is Absent. Values are compared with [Equal];
// == does not compile.
type Value struct {
	_ [0]func() // not comparable: two equal values may differ in representation

	p unsafe.Pointer // string and number text, *array, *object or *any
	n uint64         // bool, int64, float64 bits, or the length of a string

	// The kind, isFloat, the mark, and the length of a number's text (0 if its text is the
	// canonical one). They share a word because the compiler keeps a struct in registers
	// only if it has at most four fields; with six a Get took three times as long.
	m uint64
}

const (
	kindMask  = 0xff
	isFloat   = 1 << 8
	markShift = 16
	textShift = 32
)

// textLen returns the length of the text that a number was read from, if it was kept.
func (v Value) textLen() int { return int(v.m >> textShift) }

type array struct {
	vals []Value
	size atomic.Int64 // of the JSON text, 0 while unknown
}

type object struct {
	shape *Shape
	vals  []Value
	size  atomic.Int64
}

// Null is the JSON null.
var Null = Value{m: uint64(KindNull)}

// True and False are the two booleans.
var (
	True  = Value{m: uint64(KindBool), n: 1}
	False = Value{m: uint64(KindBool)}
)

// EmptyArray and EmptyObject are [] and {}.
var (
	EmptyArray  = Array(nil)
	EmptyObject = Object(nil, nil)
)

// Bool returns True or False.
func Bool(b bool) Value {
	if b {
		return True
	}
	return False
}

// Int returns an integer number.
func Int(i int64) Value { return Value{m: uint64(KindNumber), n: uint64(i)} }

// Float returns a number. An integral float within ±2^53 becomes the integer that
// prints the same; NaN and infinities are kept and print as null.
func Float(f float64) Value {
	if i := int64(f); float64(i) == f && i <= 1<<53 && i >= -1<<53 && (i != 0 || !math.Signbit(f)) {
		return Int(i)
	}
	return Value{n: math.Float64bits(f), m: uint64(KindNumber) | isFloat}
}

// Number returns the number with the given JSON text and keeps the text. The second
// result is false if the text is not a JSON number.
func Number(text string) (Value, bool) {
	end, integral := scanNumber(text, 0)
	if end != len(text) || end == 0 {
		return Value{}, false
	}
	return number(text, integral), true
}

// String returns a string value. s should be UTF-8 (or WTF-8, see the package comment).
func String(s string) Value {
	return Value{m: uint64(KindString), p: unsafe.Pointer(unsafe.StringData(s)), n: uint64(len(s))}
}

// Array returns an array that owns vals: the caller must not change the slice afterwards.
func Array(vals []Value) Value {
	return Value{m: uint64(KindArray), p: unsafe.Pointer(&array{vals: vals})}
}

// Object returns an object with the given names and values, which it owns. Of a repeated
// name the first place and the last value count. It panics if the lengths differ.
func Object(keys []string, vals []Value) Value {
	if len(keys) != len(vals) {
		panic("value.Object: as many values as keys are needed")
	}
	keys, vals = dedup(keys, vals)
	return ObjectOf(NewShape(keys), vals)
}

// ObjectOf returns an object of a known shape. It owns vals, which must have as many
// values as the shape has names.
func ObjectOf(shape *Shape, vals []Value) Value {
	if len(vals) != len(shape.keys) {
		panic("value.ObjectOf: the number of values does not fit the shape")
	}
	return Value{m: uint64(KindObject), p: unsafe.Pointer(&object{shape: shape, vals: vals})}
}

// Foreign wraps a Go value that is not JSON, such as a function of an expression language.
func Foreign(x any) Value { return Value{m: uint64(KindForeign), p: unsafe.Pointer(&x)} }

// Kind returns the kind of v.
func (v Value) Kind() Kind { return Kind(v.m & kindMask) }

// IsAbsent, IsNull, IsBool, IsNumber, IsString, IsArray and IsObject test the kind.
func (v Value) IsAbsent() bool { return v.Kind() == KindAbsent }
func (v Value) IsNull() bool   { return v.Kind() == KindNull }
func (v Value) IsBool() bool   { return v.Kind() == KindBool }
func (v Value) IsNumber() bool { return v.Kind() == KindNumber }
func (v Value) IsString() bool { return v.Kind() == KindString }
func (v Value) IsArray() bool  { return v.Kind() == KindArray }
func (v Value) IsObject() bool { return v.Kind() == KindObject }

// Mark returns the mark set by WithMark, 0 by default.
func (v Value) Mark() uint8 { return uint8(v.m >> markShift) }

// WithMark returns v with a mark. Marks belong to whoever evaluates an expression (is this
// array a sequence?); they travel with copies of the Value and nothing here looks at them.
func (v Value) WithMark(m uint8) Value {
	v.m = v.m&^(0xff<<markShift) | uint64(m)<<markShift
	return v
}

// Truth returns the boolean v holds; false for other kinds.
func (v Value) Truth() bool { return v.Kind() == KindBool && v.n != 0 }

// Str returns the text of a string and "" for other kinds.
func (v Value) Str() string {
	if v.Kind() != KindString {
		return ""
	}
	return unsafe.String((*byte)(v.p), int(v.n))
}

// IsInt reports whether v is a number held as an exact 64-bit integer (written without
// fraction and exponent).
func (v Value) IsInt() bool { return v.Kind() == KindNumber && v.m&isFloat == 0 }

// Int64 returns the number as an integer. The second result is false if v is not a
// number, has a fraction, or is out of range; 1.0 and 1e2 are integers.
func (v Value) Int64() (int64, bool) {
	if v.Kind() != KindNumber {
		return 0, false
	}
	if v.m&isFloat == 0 {
		return int64(v.n), true
	}
	f := math.Float64frombits(v.n)
	if f != math.Trunc(f) || f < -1<<63 || f >= 1<<63 {
		return 0, false
	}
	return int64(f), true
}

// Float64 returns the number as a float, the nearest one if it is not exact; NaN if v is
// not a number.
func (v Value) Float64() float64 {
	switch {
	case v.Kind() != KindNumber:
		return math.NaN()
	case v.m&isFloat == 0:
		return float64(int64(v.n))
	}
	return math.Float64frombits(v.n)
}

// NumberText returns the number as it was written, or in its canonical form if it was
// computed; "" if v is not a number.
func (v Value) NumberText() string {
	if v.Kind() != KindNumber {
		return ""
	}
	if v.textLen() != 0 {
		return unsafe.String((*byte)(v.p), v.textLen())
	}
	return string(v.appendNumber(nil))
}

// Canonical returns a number without the text it was read from, so that it prints the way
// a computed number does (1 for 1.0, 100 for 1e2). Other values are returned as they are.
func (v Value) Canonical() Value {
	if v.Kind() != KindNumber || v.textLen() == 0 {
		return v
	}
	c := Float(v.Float64())
	return c.WithMark(v.Mark())
}

// Foreign returns what [Foreign] wrapped, nil for other kinds.
func (v Value) Foreign() any {
	if v.Kind() != KindForeign {
		return nil
	}
	return *(*any)(v.p)
}

func (v Value) arr() *array  { return (*array)(v.p) }
func (v Value) obj() *object { return (*object)(v.p) }

// Len returns the number of elements of an array or members of an object, else 0.
func (v Value) Len() int {
	switch v.Kind() {
	case KindArray:
		return len(v.arr().vals)
	case KindObject:
		return len(v.obj().vals)
	}
	return 0
}

// At returns element i of an array or the value of member i of an object.
func (v Value) At(i int) Value {
	switch v.Kind() {
	case KindArray:
		return v.arr().vals[i]
	case KindObject:
		return v.obj().vals[i]
	}
	panic("value: At of " + v.Kind().String())
}

// Elems returns the elements of an array or the member values of an object, else nil.
// The slice is shared and must not be changed.
func (v Value) Elems() []Value {
	switch v.Kind() {
	case KindArray:
		return v.arr().vals
	case KindObject:
		return v.obj().vals
	}
	return nil
}

// Key returns the name of member i of an object.
func (v Value) Key(i int) string {
	if v.Kind() != KindObject {
		panic("value: Key of " + v.Kind().String())
	}
	return v.obj().shape.keys[i]
}

// Keys returns the names of an object in order, else nil. The slice must not be changed.
func (v Value) Keys() []string {
	if v.Kind() != KindObject {
		return nil
	}
	return v.obj().shape.keys
}

// Shape returns the shape of an object, nil for other kinds.
func (v Value) Shape() *Shape {
	if v.Kind() != KindObject {
		return nil
	}
	return v.obj().shape
}

// Get returns the member with the given name; Absent if there is none or v is no object.
func (v Value) Get(key string) Value {
	if v.Kind() != KindObject {
		return Value{}
	}
	o := v.obj()
	if i := o.shape.Index(key); i >= 0 {
		return o.vals[i]
	}
	return Value{}
}

// Has reports whether v is an object with the given member.
func (v Value) Has(key string) bool { return v.Kind() == KindObject && v.obj().shape.Index(key) >= 0 }

// Members iterates over an object's members in order.
func (v Value) Members() iter.Seq2[string, Value] {
	return func(yield func(string, Value) bool) {
		if v.Kind() != KindObject {
			return
		}
		o := v.obj()
		for i, k := range o.shape.keys {
			if !yield(k, o.vals[i]) {
				return
			}
		}
	}
}

// With returns an object with one member set: in place if v has it, at the end if not.
// If v is not an object the result has just that member.
func (v Value) With(key string, val Value) Value {
	if v.Kind() != KindObject {
		return Object([]string{key}, []Value{val})
	}
	o := v.obj()
	if i := o.shape.Index(key); i >= 0 {
		vals := make([]Value, len(o.vals))
		copy(vals, o.vals)
		vals[i] = val
		return ObjectOf(o.shape, vals)
	}
	vals := make([]Value, len(o.vals)+1)
	copy(vals, o.vals)
	vals[len(o.vals)] = val
	return ObjectOf(o.shape.extend(key), vals)
}

// Without returns an object without the given member.
func (v Value) Without(key string) Value {
	if !v.Has(key) {
		return v
	}
	o := v.obj()
	i := o.shape.Index(key)
	keys := make([]string, 0, len(o.vals)-1)
	vals := make([]Value, 0, len(o.vals)-1)
	keys = append(append(keys, o.shape.keys[:i]...), o.shape.keys[i+1:]...)
	vals = append(append(vals, o.vals[:i]...), o.vals[i+1:]...)
	return ObjectOf(NewShape(keys), vals)
}

// Equal reports whether two values are the same JSON value: numbers by value (1 and 1.0
// are equal), objects whatever the order of their members. Foreign values are equal if
// they are one and the same.
func Equal(a, b Value) bool {
	if a.Kind() != b.Kind() {
		return false
	}
	switch a.Kind() {
	case KindBool:
		return a.n == b.n
	case KindNumber:
		return equalNumbers(a, b)
	case KindString:
		return a.Str() == b.Str()
	case KindArray:
		x, y := a.arr().vals, b.arr().vals
		if len(x) != len(y) {
			return false
		}
		if a.p == b.p {
			return true
		}
		for i := range x {
			if !Equal(x[i], y[i]) {
				return false
			}
		}
		return true
	case KindObject:
		x, y := a.obj(), b.obj()
		if x == y {
			return true
		}
		if len(x.vals) != len(y.vals) {
			return false
		}
		for i, k := range x.shape.keys {
			j := i
			if x.shape != y.shape {
				if j = y.shape.Index(k); j < 0 {
					return false
				}
			}
			if !Equal(x.vals[i], y.vals[j]) {
				return false
			}
		}
		return true
	case KindForeign:
		return a.p == b.p
	}
	return true
}

func equalNumbers(a, b Value) bool {
	if a.m&isFloat == 0 && b.m&isFloat == 0 {
		return a.n == b.n
	}
	if a.textLen() != 0 && b.textLen() != 0 && a.NumberText() == b.NumberText() {
		return true
	}
	return a.Float64() == b.Float64()
}

// Same reports whether two containers are one and the same, not merely equal.
func Same(a, b Value) bool {
	return a.Kind() == b.Kind() && (a.Kind() == KindArray || a.Kind() == KindObject) && a.p == b.p
}

// Equal makes values comparable with github.com/google/go-cmp.
func (v Value) Equal(o Value) bool { return Equal(v, o) }

// String returns the JSON text, "<absent>" for an absent value. It is meant for messages.
func (v Value) String() string {
	if v.Kind() == KindAbsent {
		return "<absent>"
	}
	return v.JSON()
}

// Of turns plain Go data into a Value: nil, booleans, numbers, strings, json.Number-like
// strings are not interpreted, []any, map[string]any (members sorted by name), Value, and
// slices or maps of Values. It reports an error for other types.
func Of(x any) (Value, error) {
	switch x := x.(type) {
	case nil:
		return Null, nil
	case Value:
		return x, nil
	case bool:
		return Bool(x), nil
	case string:
		return String(x), nil
	case int:
		return Int(int64(x)), nil
	case int32:
		return Int(int64(x)), nil
	case int64:
		return Int(x), nil
	case uint32:
		return Int(int64(x)), nil
	case float32:
		return Float(float64(x)), nil
	case float64:
		return Float(x), nil
	case []Value:
		return Array(append([]Value(nil), x...)), nil
	case []string:
		vals := make([]Value, len(x))
		for i, s := range x {
			vals[i] = String(s)
		}
		return Array(vals), nil
	case []any:
		vals := make([]Value, len(x))
		for i, e := range x {
			v, err := Of(e)
			if err != nil {
				return Value{}, fmt.Errorf("element %d: %w", i, err)
			}
			vals[i] = v
		}
		return Array(vals), nil
	case map[string]Value:
		b := NewBuilder(len(x))
		for _, k := range sortedKeys(x) {
			b.Set(k, x[k])
		}
		return b.Object(), nil
	case map[string]any:
		b := NewBuilder(len(x))
		for _, k := range sortedKeys(x) {
			v, err := Of(x[k])
			if err != nil {
				return Value{}, fmt.Errorf("member %q: %w", k, err)
			}
			b.Set(k, v)
		}
		return b.Object(), nil
	}
	return Value{}, fmt.Errorf("a Go %T is not a JSON value", x)
}

// Any returns plain Go data: nil, bool, int64 or float64, string, []any, map[string]any,
// or what Foreign wrapped. Absent becomes nil.
func (v Value) Any() any {
	switch v.Kind() {
	case KindBool:
		return v.n != 0
	case KindNumber:
		if v.IsInt() {
			return int64(v.n)
		}
		return v.Float64()
	case KindString:
		return v.Str()
	case KindArray:
		out := make([]any, v.Len())
		for i, e := range v.arr().vals {
			out[i] = e.Any()
		}
		return out
	case KindObject:
		out := make(map[string]any, v.Len())
		for k, e := range v.Members() {
			out[k] = e.Any()
		}
		return out
	case KindForeign:
		return v.Foreign()
	}
	return nil
}
