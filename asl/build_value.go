package asl

import (
	"cmp"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/sfnkit/sfnkit/asl/value"
)

// Object is a JSON object of a payload template. Its members, at any depth, may be Go
// values (maps, slices, structs with json tags, literals, value.Value) and [Dynamic]
// ones. Members are printed sorted by name; a struct keeps the order of its fields.
type Object = map[string]any

// Dynamic is a value that is known only when the state runs: a [Path] or a [Call] in
// JSONPath states, an [Expr] in JSONata states, or a [Bilingual] in both.
type Dynamic interface{ dynamic() }

// Path is a JSONPath: into the state's input or, in a ResultSelector, its result ($.a.b),
// into the context object ($$.Execution.Id), or into a variable ($name.a). Its methods
// are the comparisons of a Choice state.
type Path string

// Expr is a JSONata expression, without the {% and %} around it.
type Expr string

// Bilingual is one value in both query languages.
type Bilingual struct {
	Path Dynamic // a Path or a Call
	Expr Expr
	Err  error // if set, Build reports it: there is no such value
}

func (Path) dynamic()      {}
func (Expr) dynamic()      {}
func (Bilingual) dynamic() {}
func (Call) dynamic()      {}

// Call is the call of an intrinsic function, made by a method of [States].
type Call struct {
	name string
	args []any
}

// States has the intrinsic functions: States.Format("Dear {}", asl.Path("$.name")) is
// written as in a definition. An argument is a string, a number, a boolean, nil, a Path,
// or another Call. In strings, quotes, backslashes and braces need no escaping; only in
// the template of Format, {} stands for an argument.
var States intrinsics

type intrinsics struct{}

// Array gives an array of the arguments.
func (intrinsics) Array(elements ...any) Call { return Call{"Array", elements} }

// ArrayPartition cuts an array into arrays of a size.
func (intrinsics) ArrayPartition(array, size any) Call {
	return Call{"ArrayPartition", []any{array, size}}
}

// ArrayContains tells whether an array has an element.
func (intrinsics) ArrayContains(array, element any) Call {
	return Call{"ArrayContains", []any{array, element}}
}

// ArrayRange gives the numbers from first to last, both included, at most 1000.
func (intrinsics) ArrayRange(first, last, step any) Call {
	return Call{"ArrayRange", []any{first, last, step}}
}

// ArrayGetItem gives the element at an index, from 0.
func (intrinsics) ArrayGetItem(array, index any) Call {
	return Call{"ArrayGetItem", []any{array, index}}
}

// ArrayLength gives the number of elements.
func (intrinsics) ArrayLength(array any) Call { return Call{"ArrayLength", []any{array}} }

// ArrayUnique drops repeated elements.
func (intrinsics) ArrayUnique(array any) Call { return Call{"ArrayUnique", []any{array}} }

// Base64Encode encodes a string of at most 10,000 characters.
func (intrinsics) Base64Encode(text any) Call { return Call{"Base64Encode", []any{text}} }

// Base64Decode decodes a string of at most 10,000 characters.
func (intrinsics) Base64Decode(text any) Call { return Call{"Base64Decode", []any{text}} }

// Hash gives the hash of a string in hexadecimal. The algorithm is MD5, SHA-1, SHA-256,
// SHA-384 or SHA-512.
func (intrinsics) Hash(text, algorithm any) Call { return Call{"Hash", []any{text, algorithm}} }

// JsonMerge merges two objects, of which the second one wins. It is not deep.
func (intrinsics) JsonMerge(first, second any) Call {
	return Call{"JsonMerge", []any{first, second, false}}
}

// StringToJson reads a JSON text.
func (intrinsics) StringToJson(text any) Call { return Call{"StringToJson", []any{text}} }

// JsonToString gives the JSON text of a value.
func (intrinsics) JsonToString(v any) Call { return Call{"JsonToString", []any{v}} }

// MathRandom gives an integer from first up to, but not including, last. A seed may follow.
func (intrinsics) MathRandom(first, last any, seed ...any) Call {
	return Call{"MathRandom", append([]any{first, last}, seed...)}
}

// MathAdd adds two integers.
func (intrinsics) MathAdd(a, b any) Call { return Call{"MathAdd", []any{a, b}} }

// StringSplit splits a string at each of the characters of a second one.
func (intrinsics) StringSplit(text, delimiters any) Call {
	return Call{"StringSplit", []any{text, delimiters}}
}

// UUID gives a random UUID.
func (intrinsics) UUID() Call { return Call{"UUID", nil} }

// Format puts the arguments where the template has {}.
func (intrinsics) Format(template any, args ...any) Call {
	return Call{"Format", append([]any{template}, args...)}
}

// String returns the call as it is written in a definition. Arguments that cannot be
// written are refused by Build.
func (c Call) String() string {
	text, _ := c.text(&encoder{lang: JSONPath})
	return text
}

func (c Call) text(e *encoder) (string, error) {
	var sb strings.Builder
	sb.WriteString("States." + c.name + "(")
	for i, arg := range c.args {
		if i > 0 {
			sb.WriteString(", ")
		}
		text, err := c.argument(e, i, arg)
		if err != nil {
			return sb.String(), fmt.Errorf("argument %d of States.%s: %w", i+1, c.name, err)
		}
		sb.WriteString(text)
	}
	sb.WriteByte(')')
	return sb.String(), nil
}

var quoteArgument = strings.NewReplacer(`\`, `\\`, `'`, `\'`, `{`, `\{`, `}`, `\}`)

func (c Call) argument(e *encoder, i int, arg any) (string, error) {
	switch a := arg.(type) {
	case Bilingual:
		if a.Err != nil || a.Path == nil {
			return "", cmp.Or(a.Err, errors.New("has no form in JSONPath"))
		}
		return c.argument(e, i, a.Path)
	case Path:
		return string(a), e.checkPath(string(a), false)
	case Call:
		if e.depth++; e.depth > maxNesting {
			return "", errTooDeep
		}
		defer func() { e.depth-- }()
		return a.text(e)
	case Expr:
		return "", fmt.Errorf("a JSONata expression cannot be an argument of an intrinsic function")
	case string:
		if c.name == "Format" && i == 0 {
			parts := strings.Split(a, "{}")
			for j := range parts {
				parts[j] = quoteArgument.Replace(parts[j])
			}
			return "'" + strings.Join(parts, "{}") + "'", nil
		}
		return "'" + quoteArgument.Replace(a) + "'", nil
	}
	v, err := e.plain(reflect.ValueOf(arg))
	if err != nil {
		return "", err
	}
	switch v.Kind() {
	case value.KindString:
		return "'" + quoteArgument.Replace(v.Str()) + "'", nil
	case value.KindArray, value.KindObject:
		return "", fmt.Errorf("an %s cannot be written as an argument: put it into a state's input, or use States.Array or States.StringToJson", v.Kind())
	}
	return v.JSON(), nil
}

// calls counts the calls in a field, of which the service allows ten.
func (c Call) calls() int {
	n := 1
	for _, a := range c.args {
		if b, ok := a.(Bilingual); ok {
			a = b.Path
		}
		if inner, ok := a.(Call); ok {
			n += inner.calls()
		}
	}
	return n
}

const (
	maxNesting  = 200 // of Go values; deeper ones are cyclic or no payload
	maxCalls    = 10  // intrinsic calls in one field
	maxNameRune = 80  // of a state's name
)

var errTooDeep = fmt.Errorf("is nested more than %d deep: does it contain itself?", maxNesting)

// encoder turns Go values into the JSON of a definition.
type encoder struct {
	lang    QueryLanguage
	literal bool // nothing dynamic is allowed
	depth   int
	fail    func(field string, err error) // nil to ignore errors
}

func (e *encoder) report(field string, err error) {
	if err != nil && e.fail != nil {
		e.fail(field, err)
	}
}

// template encodes a whole payload template, which may be any value but, in JSONPath, not
// itself dynamic.
func (e *encoder) template(field string, x any) value.Value {
	if d, ok := x.(Dynamic); ok {
		v, isPath, err := e.dynamic(d)
		if err == nil && isPath {
			err = fmt.Errorf("must be an object: only its members can be paths or intrinsic calls")
		}
		e.report(field, err)
		return v
	}
	return e.value(field, reflect.ValueOf(x))
}

// dynamic encodes a dynamic value. isPath tells that it belongs under a key with .$.
func (e *encoder) dynamic(d Dynamic) (v value.Value, isPath bool, err error) {
	if e.literal {
		return value.Null, false, fmt.Errorf("is taken as it is written, without paths and expressions")
	}
	switch d := d.(type) {
	case nil:
		return value.Null, false, fmt.Errorf("has a dynamic value that is nil")
	case Bilingual:
		switch {
		case d.Err != nil:
			return value.Null, false, d.Err
		case e.lang == JSONata && d.Expr != "":
			return e.dynamic(d.Expr)
		case e.lang == JSONPath && d.Path != nil:
			return e.dynamic(d.Path)
		}
		return value.Null, false, fmt.Errorf("has no form in %s", e.lang)
	case Expr:
		if e.lang != JSONata {
			return value.Null, false, fmt.Errorf("JSONata expression %q in a JSONPath state: use a Path, or set QueryLanguage(asl.JSONata)", string(d))
		}
		return value.String("{% " + string(d) + " %}"), false, e.checkExpr(string(d))
	}
	if e.lang != JSONPath {
		what := "intrinsic call"
		if _, ok := d.(Path); ok {
			what = "path"
		}
		return value.Null, false, fmt.Errorf("JSONPath %s %s in a JSONata state: use an Expr", what, d)
	}
	switch d := d.(type) {
	case Path:
		return value.String(string(d)), true, e.checkPath(string(d), false)
	case Call:
		if n := d.calls(); n > maxCalls {
			return value.Null, true, fmt.Errorf("has %d intrinsic calls, more than %d", n, maxCalls)
		}
		text, err := d.text(e)
		if err == nil {
			err = e.checkCall(text)
		}
		return value.String(text), true, err
	}
	return value.Null, false, fmt.Errorf("%T is no dynamic value", d)
}

func (e *encoder) value(field string, v reflect.Value) value.Value {
	if e.depth++; e.depth > maxNesting {
		e.depth--
		e.report(field, errTooDeep)
		return value.Null
	}
	defer func() { e.depth-- }()
	for v.IsValid() && (v.Kind() == reflect.Interface || v.Kind() == reflect.Pointer) {
		if v.IsNil() {
			return value.Null
		}
		if _, ok := v.Interface().(Dynamic); ok {
			break
		}
		if marshals(v.Type()) {
			break
		}
		v = v.Elem()
	}
	if !v.IsValid() {
		return value.Null
	}
	if d, ok := v.Interface().(Dynamic); ok {
		out, isPath, err := e.dynamic(d)
		if err == nil && isPath {
			err = fmt.Errorf("a path or an intrinsic call must be the member of an object, not stand alone")
		}
		e.report(field, err)
		return out
	}
	if x, ok := v.Interface().(value.Value); ok {
		return e.raw(field, x)
	}
	if marshals(v.Type()) {
		out, err := e.plain(v)
		e.report(field, err)
		return e.raw(field, out)
	}
	switch v.Kind() {
	case reflect.Map:
		return e.mapping(field, v)
	case reflect.Struct:
		return e.structure(field, v)
	case reflect.Slice, reflect.Array:
		if v.Kind() == reflect.Slice && v.IsNil() {
			return value.Null
		}
		if v.Type().Elem().Kind() == reflect.Uint8 && v.Kind() == reflect.Slice {
			break
		}
		vals := make([]value.Value, v.Len())
		for i := range vals {
			vals[i] = e.value(field+"["+strconv.Itoa(i)+"]", v.Index(i))
		}
		return value.Array(vals)
	}
	out, err := e.plain(v)
	e.report(field, err)
	return e.raw(field, out)
}

// raw checks what was written by hand: members ending in .$ and strings {% ... %}.
func (e *encoder) raw(field string, v value.Value) value.Value {
	if e.literal {
		return v
	}
	switch v.Kind() {
	case value.KindString:
		if s := v.Str(); e.lang == JSONata && len(s) >= 4 && strings.HasPrefix(s, "{%") && strings.HasSuffix(s, "%}") {
			e.report(field, e.checkExpr(strings.TrimSpace(s[2:len(s)-2])))
		}
	case value.KindArray:
		for i, x := range v.Elems() {
			e.raw(field+"["+strconv.Itoa(i)+"]", x)
		}
	case value.KindObject:
		for k, x := range v.Members() {
			e.rawMember(join(field, k), k, x)
		}
	}
	return v
}

func (e *encoder) rawMember(field, key string, v value.Value) {
	if e.lang == JSONPath && strings.HasSuffix(key, ".$") && !e.literal {
		switch {
		case !v.IsString():
			e.report(field, fmt.Errorf("must be a path or an intrinsic call, as its name ends in .$"))
		case strings.HasPrefix(v.Str(), "$"):
			e.report(field, e.checkPath(v.Str(), false))
		default:
			e.report(field, e.checkCall(v.Str()))
		}
		return
	}
	e.raw(field, v)
}

// member encodes a member of an object, under its own name or with .$ after it.
func (e *encoder) member(b *value.Builder, field, key string, v reflect.Value) {
	name := key
	var out value.Value
	x := v
	for x.IsValid() && x.Kind() == reflect.Interface && !x.IsNil() {
		x = x.Elem()
	}
	var d Dynamic
	if x.IsValid() && x.CanInterface() && !(x.Kind() == reflect.Interface && x.IsNil()) {
		d, _ = x.Interface().(Dynamic)
	}
	list := false
	if call, ok := e.arrayCall(x); ok && d == nil {
		d, list = call, true
	}
	switch {
	case d != nil:
		var isPath bool
		var err error
		if out, isPath, err = e.dynamic(d); isPath {
			name += ".$"
		}
		if err != nil && list {
			err = fmt.Errorf("a list with paths or calls in it is written as a call of States.Array: %w", err)
		}
		e.report(field, err)
	case e.lang == JSONPath && strings.HasSuffix(key, ".$") && !e.literal:
		var err error
		if out, err = e.plain(x); err != nil {
			e.report(field, err)
		} else {
			e.rawMember(field, key, out)
		}
	default:
		out = e.value(field, v)
	}
	other := name + ".$"
	if s, ok := strings.CutSuffix(name, ".$"); ok {
		other = s
	}
	if e.lang == JSONPath && !b.Get(other).IsAbsent() || !b.Get(name).IsAbsent() {
		e.report(field, fmt.Errorf("is given twice"))
	}
	b.Set(name, out)
}

// arrayCall writes a list that has dynamic elements as a call of States.Array, which is
// how JSONPath states make one.
func (e *encoder) arrayCall(v reflect.Value) (Call, bool) {
	if e.lang != JSONPath || e.literal || !v.IsValid() || v.Kind() != reflect.Slice {
		return Call{}, false
	}
	found := false
	args := make([]any, v.Len())
	for i := range args {
		args[i] = v.Index(i).Interface()
		if inner, ok := e.arrayCall(reflect.ValueOf(args[i])); ok {
			args[i] = inner
		}
		_, ok := args[i].(Dynamic)
		found = found || ok
	}
	return Call{"Array", args}, found
}

func (e *encoder) mapping(field string, v reflect.Value) value.Value {
	if v.IsNil() {
		return value.Null
	}
	type entry struct {
		key string
		val reflect.Value
	}
	entries := make([]entry, 0, v.Len())
	for it := v.MapRange(); it.Next(); {
		k := it.Key()
		var key string
		switch m, ok := k.Interface().(encoding.TextMarshaler); {
		case k.Kind() == reflect.String:
			key = k.String()
		case ok:
			text, err := m.MarshalText()
			e.report(field, err)
			key = string(text)
		case k.CanInt():
			key = strconv.FormatInt(k.Int(), 10)
		case k.CanUint():
			key = strconv.FormatUint(k.Uint(), 10)
		default:
			e.report(field, fmt.Errorf("map keys of type %s cannot be member names", k.Type()))
			return value.Null
		}
		entries = append(entries, entry{key, it.Value()})
	}
	slices.SortFunc(entries, func(a, b entry) int { return strings.Compare(a.key, b.key) })
	b := value.NewBuilder(len(entries))
	for _, en := range entries {
		e.member(b, join(field, en.key), en.key, en.val)
	}
	return b.Object()
}

func (e *encoder) structure(field string, v reflect.Value) value.Value {
	b := value.NewBuilder(v.NumField())
	var named [][]int // embedded structs that have a name of their own
	for _, f := range reflect.VisibleFields(v.Type()) {
		tag := f.Tag.Get("json")
		name, options, _ := strings.Cut(tag, ",")
		inside := slices.ContainsFunc(named, func(p []int) bool {
			return len(f.Index) > len(p) && slices.Equal(f.Index[:len(p)], p)
		})
		if inside || tag == "-" {
			if tag == "-" && f.Anonymous {
				named = append(named, f.Index)
			}
			continue
		}
		if f.Anonymous {
			t := f.Type
			if t.Kind() == reflect.Pointer {
				t = t.Elem()
			}
			if name == "" && t.Kind() == reflect.Struct {
				continue // its fields follow
			}
			named = append(named, f.Index)
		}
		if !f.IsExported() {
			continue
		}
		x, err := v.FieldByIndexErr(f.Index)
		if err != nil {
			continue // in an embedded struct that is nil
		}
		opts := strings.Split(options, ",")
		if slices.Contains(opts, "omitempty") && emptyValue(x) || slices.Contains(opts, "omitzero") && x.IsZero() {
			continue
		}
		if name == "" {
			name = f.Name
		}
		if slices.Contains(opts, "string") && (x.CanInt() || x.CanUint() || x.CanFloat() || x.Kind() == reflect.Bool) {
			out, err := e.plain(x)
			e.report(join(field, name), err)
			b.Set(name, value.String(out.JSON()))
			continue
		}
		e.member(b, join(field, name), name, x)
	}
	return b.Object()
}

func emptyValue(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Array, reflect.Map, reflect.Slice, reflect.String:
		return v.Len() == 0
	case reflect.Struct:
		return false
	}
	return v.IsZero()
}

var (
	jsonMarshaler = reflect.TypeFor[json.Marshaler]()
	textMarshaler = reflect.TypeFor[encoding.TextMarshaler]()
)

func marshals(t reflect.Type) bool {
	return t.Implements(jsonMarshaler) || t.Implements(textMarshaler)
}

// plain encodes a value that has nothing dynamic in it and is no map, struct or list,
// unless it knows itself how to become JSON.
func (e *encoder) plain(v reflect.Value) (value.Value, error) {
	if !v.IsValid() {
		return value.Null, nil
	}
	if marshals(v.Type()) {
		text, err := json.Marshal(v.Interface())
		if err != nil {
			return value.Null, err
		}
		return value.Parse(text)
	}
	switch {
	case v.Kind() == reflect.String:
		if n, ok := v.Interface().(json.Number); ok {
			out, ok := value.Number(string(n))
			if !ok {
				return value.Null, fmt.Errorf("%q is not a number", string(n))
			}
			return out, nil
		}
		return value.String(v.String()), nil
	case v.Kind() == reflect.Bool:
		return value.Bool(v.Bool()), nil
	case v.CanInt():
		return value.Int(v.Int()), nil
	case v.CanUint():
		out, _ := value.Number(strconv.FormatUint(v.Uint(), 10))
		return out, nil
	case v.CanFloat():
		f := v.Float()
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return value.Null, fmt.Errorf("JSON has no %v", f)
		}
		if v.Kind() == reflect.Float32 {
			out, _ := value.Number(strconv.FormatFloat(f, 'g', -1, 32))
			return out, nil
		}
		return value.Float(f), nil
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8:
		text, err := json.Marshal(v.Interface()) // base64, as JSON in Go has it
		if err != nil {
			return value.Null, err
		}
		return value.Parse(text)
	case v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface:
		if v.IsNil() {
			return value.Null, nil
		}
		return e.plain(v.Elem())
	case v.Kind() == reflect.Slice || v.Kind() == reflect.Array:
		return value.EmptyArray, nil // only the kind matters to the caller
	case v.Kind() == reflect.Map || v.Kind() == reflect.Struct:
		return value.EmptyObject, nil
	}
	return value.Null, fmt.Errorf("a Go value of type %s has no JSON form", v.Type())
}

func join(field, member string) string {
	if field == "" {
		return member
	}
	return field + "." + member
}
