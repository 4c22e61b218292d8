package asl

import (
	"bytes"
	"reflect"

	"github.com/sfnkit/sfnkit/asl/value"
)

// Print returns the canonical text of a definition: JSON, indented by two spaces, fields
// in the order in which AWS documents them, states in their own order, and what the
// model does not know at the end of the element it stands in. It ends with a line end.
//
// Fields that are empty are left out, with the exception of lists that are empty but not
// nil. Reading the text again gives a machine that is [Equal].
func Print(m *StateMachine) []byte {
	return append(m.Value().AppendIndent(nil, "  "), '\n')
}

// MarshalJSON returns the compact form of [Print].
func (m *StateMachine) MarshalJSON() ([]byte, error) { return m.Value().AppendJSON(nil), nil }

// UnmarshalJSON is [Parse] for a JSON text.
func (m *StateMachine) UnmarshalJSON(text []byte) error {
	got, err := Parse(text, WithFormat(FormatJSON))
	if err == nil {
		*m = *got
	}
	return err
}

// Value returns the definition as a JSON value, laid out as [Print] does.
func (m *StateMachine) Value() value.Value {
	return encodeStruct(specOf[StateMachine](), reflect.ValueOf(m).Elem())
}

// Value returns the state as a JSON value, without its name.
func (s *State) Value() value.Value { return encodeStruct(stateSpec, reflect.ValueOf(s).Elem()) }

// Equal reports whether two machines are the same definition: the same states in the same
// order with the same fields, wherever they come from. The order of members inside
// values, the spelling of numbers (1.0 and 1) and the order of unknown fields do not
// count.
func Equal(a, b *StateMachine) bool {
	if a == nil || b == nil {
		return a == b
	}
	if !value.Equal(a.Value(), b.Value()) {
		return false
	}
	return bytes.Equal(stateOrder(nil, a), stateOrder(nil, b))
}

func stateOrder(dst []byte, m *StateMachine) []byte {
	for s := range m.AllStates {
		dst = append(append(dst, s.Name...), 0)
	}
	return dst
}

// Equal makes machines comparable with github.com/google/go-cmp.
func (m *StateMachine) Equal(o *StateMachine) bool { return Equal(m, o) }

func encodeStruct(s *structSpec, v reflect.Value) value.Value {
	var keys []string
	var vals []value.Value
	add := func(name string, x value.Value) {
		keys = append(keys, name)
		vals = append(vals, x)
	}
	for i := range s.fields {
		f := &s.fields[i]
		if x := encodeField(f, v.Field(f.index)); !x.IsAbsent() {
			add(f.name, x)
		}
		if s.rule && f.name == "Variable" {
			if rule := v.Addr().Interface().(*ChoiceRule); rule.Operator != "" {
				add(rule.Operator, rule.Operand)
			}
		}
	}
	for _, x := range v.Field(s.extra).Interface().([]Field) {
		add(x.Name, x.Value)
	}
	return value.Object(keys, vals)
}

// encodeField returns Absent for a field that is not there.
func encodeField(f *fieldSpec, v reflect.Value) value.Value {
	switch f.kind {
	case valueField:
		return v.Interface().(value.Value)
	case stringField:
		if s := v.String(); s != "" {
			return value.String(s)
		}
		return value.Value{}
	case boolField:
		if v.Bool() {
			return value.True
		}
		return value.Value{}
	}
	if v.IsNil() {
		return value.Value{}
	}
	switch f.kind {
	case structField:
		return encodeStruct(f.elem, v.Elem())
	case statesField:
		states := v.Interface().([]*State)
		keys := make([]string, len(states))
		vals := make([]value.Value, len(states))
		for i, s := range states {
			keys[i], vals[i] = s.Name, s.Value()
		}
		return value.Object(keys, vals)
	}
	vals := make([]value.Value, v.Len())
	for i := range vals {
		if f.kind == stringsField {
			vals[i] = value.String(v.Index(i).String())
		} else {
			vals[i] = encodeStruct(f.elem, v.Index(i).Elem())
		}
	}
	return value.Array(vals)
}
