package server

import (
	"math"
	"reflect"
	"sort"
	"strconv"
	"sync"
	"time"

	"github.com/sfnkit/sfnkit/asl/value"
)

// The wire form of the SDK's types, AWS JSON 1.0: members are named like the fields with
// a small first letter, times are seconds with a fraction. How a type is read and written
// is worked out once.

type fieldPlan struct {
	name  string
	quote string // `"name":`
	index int
	typ   *typePlan
}

type typePlan struct {
	typ    reflect.Type
	kind   reflect.Kind
	time   bool
	elem   *typePlan // of pointers, slices and maps
	fields []fieldPlan
}

var plans sync.Map // reflect.Type -> *typePlan

var timeType = reflect.TypeFor[time.Time]()

func planOf(t reflect.Type) *typePlan {
	if p, ok := plans.Load(t); ok {
		return p.(*typePlan)
	}
	p := &typePlan{typ: t, kind: t.Kind(), time: t == timeType}
	switch {
	case p.time:
	case p.kind == reflect.Struct:
		for i := range t.NumField() {
			f := t.Field(i)
			if !f.IsExported() || f.Name == "ResultMetadata" {
				continue
			}
			n := string(f.Name[0]|0x20) + f.Name[1:]
			p.fields = append(p.fields, fieldPlan{name: n, quote: `"` + n + `":`, index: i, typ: planOf(f.Type)})
		}
		sort.Slice(p.fields, func(i, j int) bool { return p.fields[i].name < p.fields[j].name })
	case p.kind == reflect.Pointer, p.kind == reflect.Slice, p.kind == reflect.Map:
		p.elem = planOf(t.Elem())
	}
	got, _ := plans.LoadOrStore(t, p)
	return got.(*typePlan)
}

// mismatch is the protocol's error for a value of the wrong type.
func mismatch(v value.Value, want string) error {
	var got string
	switch v.Kind() {
	case value.KindObject:
		got = "Start of structure or map found where not expected."
	case value.KindArray:
		got = "Start of list found where not expected"
	case value.KindNumber:
		got = "NUMBER_VALUE can not be converted to " + want
	case value.KindBool:
		got = "FALSE_VALUE can not be converted to " + want
		if v.Truth() {
			got = "TRUE_VALUE can not be converted to " + want
		}
	default:
		got = "STRING_VALUE can not be converted to " + want
	}
	if v.IsString() && (want == "a structure" || want == "a list") {
		got = "Unexpected field type"
	}
	return failure("SerializationException", "%s", got)
}

// decode sets dst, which is zero, from a JSON value. Unknown members are ignored, null is
// the same as nothing.
func (p *typePlan) decode(v value.Value, dst reflect.Value) error {
	if v.IsNull() || v.IsAbsent() {
		return nil
	}
	switch p.kind {
	case reflect.Pointer:
		dst.Set(reflect.New(p.elem.typ))
		return p.elem.decode(v, dst.Elem())
	case reflect.Struct:
		if !v.IsObject() {
			return mismatch(v, "a structure")
		}
		for i := range p.fields {
			f := &p.fields[i]
			if sub := v.Get(f.name); !sub.IsAbsent() {
				if err := f.typ.decode(sub, dst.Field(f.index)); err != nil {
					return err
				}
			}
		}
	case reflect.Slice:
		if !v.IsArray() {
			return mismatch(v, "a list")
		}
		s := reflect.MakeSlice(p.typ, v.Len(), v.Len())
		for i, e := range v.Elems() {
			if err := p.elem.decode(e, s.Index(i)); err != nil {
				return err
			}
		}
		dst.Set(s)
	case reflect.String:
		if !v.IsString() {
			return mismatch(v, "a String")
		}
		dst.SetString(v.Str())
	case reflect.Bool:
		if !v.IsBool() {
			return mismatch(v, "a Boolean")
		}
		dst.SetBool(v.Truth())
	case reflect.Int32, reflect.Int64:
		if !v.IsNumber() {
			return mismatch(v, "an Integer")
		}
		n := nearest(v)
		if p.kind == reflect.Int32 {
			n = min(max(n, math.MinInt32), math.MaxInt32)
		}
		dst.SetInt(n)
	case reflect.Float32, reflect.Float64:
		if !v.IsNumber() {
			return mismatch(v, "a Float")
		}
		dst.SetFloat(v.Float64())
	default:
		return failure("SerializationException", "")
	}
	return nil
}

// nearest is a number as an integer: without its fraction, and a very large one for what
// does not fit.
func nearest(v value.Value) int64 {
	if n, ok := v.Int64(); ok {
		return n
	}
	return int64(math.Max(math.Min(v.Float64(), math.MaxInt64/2), math.MinInt64/2))
}

// empty reports whether a member is left out: what is nil, and enum values that are "".
func (p *typePlan) empty(v reflect.Value) bool {
	switch p.kind {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		return v.IsNil()
	case reflect.String:
		return v.Len() == 0
	}
	return false
}

func (p *typePlan) append(b []byte, v reflect.Value) []byte {
	switch p.kind {
	case reflect.Pointer:
		return p.elem.append(b, v.Elem())
	case reflect.Struct:
		if p.time {
			return appendTime(b, v.Interface().(time.Time))
		}
		b = append(b, '{')
		first := true
		for i := range p.fields {
			f := &p.fields[i]
			fv := v.Field(f.index)
			if f.typ.empty(fv) {
				continue
			}
			if !first {
				b = append(b, ',')
			}
			first = false
			b = append(b, f.quote...)
			b = f.typ.append(b, fv)
		}
		return append(b, '}')
	case reflect.Slice:
		b = append(b, '[')
		for i := range v.Len() {
			if i > 0 {
				b = append(b, ',')
			}
			b = p.elem.append(b, v.Index(i))
		}
		return append(b, ']')
	case reflect.Map:
		keys := v.MapKeys()
		sort.Slice(keys, func(i, j int) bool { return keys[i].String() < keys[j].String() })
		b = append(b, '{')
		for i, k := range keys {
			if i > 0 {
				b = append(b, ',')
			}
			b = value.AppendQuoted(b, k.String())
			b = append(b, ':')
			b = p.elem.append(b, v.MapIndex(k))
		}
		return append(b, '}')
	case reflect.String:
		return value.AppendQuoted(b, v.String())
	case reflect.Bool:
		return strconv.AppendBool(b, v.Bool())
	case reflect.Int32, reflect.Int64:
		return strconv.AppendInt(b, v.Int(), 10)
	case reflect.Float32:
		return strconv.AppendFloat(b, v.Float(), 'g', -1, 32)
	case reflect.Float64:
		return strconv.AppendFloat(b, v.Float(), 'g', -1, 64)
	}
	return append(b, "null"...)
}

// appendTime writes a time as the protocol does: seconds since 1970 with milliseconds.
func appendTime(b []byte, t time.Time) []byte { return appendMillis(b, t.UnixMilli()) }

func appendMillis(b []byte, ms int64) []byte {
	b = strconv.AppendInt(b, ms/1000, 10)
	if f := ms % 1000; f > 0 {
		b = append(b, '.', byte('0'+f/100), byte('0'+f/10%10), byte('0'+f%10))
		for b[len(b)-1] == '0' {
			b = b[:len(b)-1]
		}
	}
	return b
}
