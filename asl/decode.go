package asl

import (
	"reflect"

	"github.com/sfnkit/sfnkit/asl/value"
)

// fieldKind is how a field of the model is written.
type fieldKind uint8

const (
	stringField fieldKind = iota
	boolField
	valueField
	stringsField
	structField  // *T
	structsField // []*T
	statesField
)

type fieldSpec struct {
	name  string
	index int
	kind  fieldKind
	elem  *structSpec // of structField and structsField
}

// structSpec is the layout of one type of the model, made from its fields and tags once.
type structSpec struct {
	typ    reflect.Type
	fields []fieldSpec // in the order of printing
	byName map[string]int
	extra  int
	rule   bool // ChoiceRule, whose comparisons are fields by name
}

var (
	specs      = map[reflect.Type]*structSpec{}
	stateSpec  *structSpec
	valueType  = reflect.TypeFor[value.Value]()
	statesType = reflect.TypeFor[[]*State]()
)

func init() {
	stateSpec = buildSpec(reflect.TypeFor[State]())
	buildSpec(reflect.TypeFor[StateMachine]())
}

func specOf[T any]() *structSpec { return specs[reflect.TypeFor[T]()] }

func buildSpec(t reflect.Type) *structSpec {
	if s := specs[t]; s != nil {
		return s
	}
	s := &structSpec{typ: t, byName: map[string]int{}, rule: t == reflect.TypeFor[ChoiceRule]()}
	specs[t] = s
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Name == "Extra" {
			s.extra = i
		}
		if !f.IsExported() || f.Tag.Get("asl") == "-" {
			continue
		}
		spec := fieldSpec{name: f.Name, index: i}
		switch {
		case f.Type == valueType:
			spec.kind = valueField
		case f.Type == statesType:
			spec.kind = statesField
		case f.Type.Kind() == reflect.String:
			spec.kind = stringField
		case f.Type.Kind() == reflect.Bool:
			spec.kind = boolField
		case f.Type.Kind() == reflect.Pointer:
			spec.kind, spec.elem = structField, buildSpec(f.Type.Elem())
		case f.Type.Elem().Kind() == reflect.String:
			spec.kind = stringsField
		default:
			spec.kind, spec.elem = structsField, buildSpec(f.Type.Elem().Elem())
		}
		s.byName[spec.name] = len(s.fields)
		s.fields = append(s.fields, spec)
	}
	return s
}

// decodeStruct fills the struct that ptr points to from an object. Members that do not
// fit go to its Extra.
func decodeStruct(s *structSpec, n *node, ptr any) {
	decodeInto(s, n, reflect.ValueOf(ptr).Elem())
}

func decodeInto(s *structSpec, n *node, v reflect.Value) {
	var extra []Field
	for i := range n.kids {
		k := &n.kids[i]
		if repeatedLater(n.kids, i) {
			continue
		}
		if j, ok := s.byName[k.name]; ok && decodeField(&s.fields[j], k, v.Field(s.fields[j].index)) {
			continue
		}
		if s.rule && comparison(k.name) != nil {
			rule := v.Addr().Interface().(*ChoiceRule)
			if rule.Operator == "" {
				rule.Operator, rule.Operand = k.name, k.value()
				continue
			}
		}
		extra = append(extra, Field{Name: k.name, Value: k.value()})
	}
	if extra != nil {
		v.Field(s.extra).Set(reflect.ValueOf(extra))
	}
}

// repeatedLater reports whether a member is one whose name comes again. The reader has
// reported it; the last one counts.
func repeatedLater(kids []node, i int) bool {
	if len(kids) > 64 {
		return false // no element of the model has so many fields
	}
	for j := i + 1; j < len(kids); j++ {
		if kids[j].name == kids[i].name {
			return true
		}
	}
	return false
}

// decodeField sets a field. It returns false, and leaves the field alone, if the value is
// of a type that the field cannot hold.
func decodeField(f *fieldSpec, n *node, v reflect.Value) bool {
	switch f.kind {
	case valueField:
		v.Set(reflect.ValueOf(n.value()))
		return true
	case stringField:
		if n.kind != value.KindString {
			return false
		}
		v.SetString(n.scalar.Str())
		return true
	case boolField:
		if n.kind != value.KindBool {
			return false
		}
		v.SetBool(n.scalar.Truth())
		return true
	case structField:
		if n.kind != value.KindObject {
			return false
		}
		p := reflect.New(f.elem.typ)
		decodeInto(f.elem, n, p.Elem())
		v.Set(p)
		return true
	case statesField:
		return decodeStates(n, v)
	}
	if n.kind != value.KindArray {
		return false
	}
	want := value.KindObject
	if f.kind == stringsField {
		want = value.KindString
	}
	for i := range n.kids {
		if n.kids[i].kind != want {
			return false
		}
	}
	list := reflect.MakeSlice(v.Type(), len(n.kids), len(n.kids))
	for i := range n.kids {
		if f.kind == stringsField {
			list.Index(i).SetString(n.kids[i].scalar.Str())
			continue
		}
		p := reflect.New(f.elem.typ)
		decodeInto(f.elem, &n.kids[i], p.Elem())
		list.Index(i).Set(p)
	}
	v.Set(list)
	return true
}

func decodeStates(n *node, v reflect.Value) bool {
	if n.kind != value.KindObject {
		return false
	}
	for i := range n.kids {
		if n.kids[i].kind != value.KindObject {
			return false
		}
	}
	states := make([]*State, 0, len(n.kids))
	at := make(map[string]int, len(n.kids))
	for i := range n.kids {
		k := &n.kids[i]
		st := &State{Name: k.name}
		decodeInto(stateSpec, k, reflect.ValueOf(st).Elem())
		if j, ok := at[k.name]; ok {
			states[j] = st
			continue
		}
		at[k.name] = len(states)
		states = append(states, st)
	}
	v.Set(reflect.ValueOf(states))
	return true
}
