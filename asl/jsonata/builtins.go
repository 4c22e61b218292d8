package jsonata

import (
	"github.com/sfnkit/sfnkit/asl/value"
)

// numNatives is the number of built-in functions.
const numNatives = 72

type nativeFunc = func(k *callState, a []value.Value) (value.Value, *Error)

// builtins are the functions of JSONata by name.
var builtins map[string]*native

// The functions reach the table again through $eval, hence not an initializer.
func init() {
	table := []struct {
		name, sig string
		arity     int
		fn        nativeFunc
	}{
		{"sum", "<a<n>:n>", 1, fnSum},
		{"count", "<a:n>", 1, fnCount},
		{"max", "<a<n>:n>", 1, fnMax},
		{"min", "<a<n>:n>", 1, fnMin},
		{"average", "<a<n>:n>", 1, fnAverage},
		{"string", "<x-b?:s>", 1, fnString},
		{"substring", "<s-nn?:s>", 3, fnSubstring},
		{"substringBefore", "<s-s:s>", 2, fnSubstringBefore},
		{"substringAfter", "<s-s:s>", 2, fnSubstringAfter},
		{"lowercase", "<s-:s>", 1, fnLowercase},
		{"uppercase", "<s-:s>", 1, fnUppercase},
		{"length", "<s-:n>", 1, fnLength},
		{"trim", "<s-:s>", 1, fnTrim},
		{"pad", "<s-ns?:s>", 3, fnPad},
		{"match", "<s-f<s:o>n?:a<o>>", 3, fnMatch},
		{"contains", "<s-(sf):b>", 2, fnContains},
		{"replace", "<s-(sf)(sf)n?:s>", 4, fnReplace},
		{"split", "<s-(sf)n?:a<s>>", 3, fnSplit},
		{"join", "<a<s>s?:s>", 2, fnJoin},
		{"formatNumber", "<n-so?:s>", 3, fnFormatNumber},
		{"formatBase", "<n-n?:s>", 2, fnFormatBase},
		{"formatInteger", "<n-s:s>", 2, fnFormatInteger},
		{"parseInteger", "<s-s:n>", 2, fnParseInteger},
		{"number", "<(nsb)-:n>", 1, fnNumber},
		{"floor", "<n-:n>", 1, fnFloor},
		{"ceil", "<n-:n>", 1, fnCeil},
		{"round", "<n-n?:n>", 2, fnRound},
		{"abs", "<n-:n>", 1, fnAbs},
		{"sqrt", "<n-:n>", 1, fnSqrt},
		{"power", "<n-n:n>", 2, fnPower},
		{"random", "<:n>", 0, fnRandom},
		{"boolean", "<x-:b>", 1, fnBoolean},
		{"not", "<x-:b>", 1, fnNot},
		{"map", "<af>", 2, fnMap},
		{"zip", "<a+>", 0, fnZip},
		{"filter", "<af>", 2, fnFilter},
		{"single", "<af?>", 2, fnSingle},
		{"reduce", "<afj?:j>", 3, fnReduce},
		{"sift", "<o-f?:o>", 2, fnSift},
		{"keys", "<x-:a<s>>", 1, fnKeys},
		{"lookup", "<x-s:x>", 2, fnLookup},
		{"append", "<xx:a>", 2, fnAppend},
		{"exists", "<x:b>", 1, fnExists},
		{"spread", "<x-:a<o>>", 1, fnSpread},
		{"merge", "<a<o>:o>", 1, fnMerge},
		{"reverse", "<a:a>", 1, fnReverse},
		{"each", "<o-f:a>", 2, fnEach},
		{"error", "<s?:x>", 1, fnError},
		{"assert", "<bs?:x>", 2, fnAssert},
		{"type", "<x:s>", 1, fnType},
		{"sort", "<af?:a>", 2, fnSort},
		{"shuffle", "<a:a>", 1, fnShuffle},
		{"distinct", "<x:x>", 1, fnDistinct},
		{"base64encode", "<s-:s>", 1, fnBase64Encode},
		{"base64decode", "<s-:s>", 1, fnBase64Decode},
		{"encodeUrlComponent", "<s-:s>", 1, urlEncoder("encodeUrlComponent", unreservedMarks)},
		{"encodeUrl", "<s-:s>", 1, urlEncoder("encodeUrl", unreservedMarks+reservedMarks)},
		{"decodeUrlComponent", "<s-:s>", 1, urlDecoder("decodeUrlComponent", "")},
		{"decodeUrl", "<s-:s>", 1, urlDecoder("decodeUrl", reservedMarks)},
		{"eval", "<sx?:x>", 2, fnEval},
		{"toMillis", "<s-s?:n>", 2, fnToMillis},
		{"fromMillis", "<n-s?s?:s>", 3, fnFromMillis},
		{"clone", "<(oa)-:o>", 1, fnClone},
		{"now", "<s?s?:s>", 2, fnNow},
		{"millis", "<:n>", 0, fnMillis},
	}
	if len(table) > numNatives {
		panic("jsonata: numNatives is too small")
	}
	builtins = make(map[string]*native, len(table))
	for i, t := range table {
		n := &native{name: t.name, id: i, sig: mustSignature(t.sig), arity: t.arity, fn: t.fn}
		n.value = &function{native: n}
		newFunction(n.value)
		builtins[t.name] = n
	}
}

func absent() (value.Value, *Error) { return value.Value{}, nil }

// callback calls a function argument with as many of the arguments as it has parameters.
func (k *callState) callback(fn value.Value, arity int, args ...value.Value) (value.Value, *Error) {
	e := k.e
	base := len(e.stack)
	e.stack = append(e.stack, args[:min(max(arity, 1), len(args))]...)
	v, err := e.callFunction(asFunction(fn), e.stack[base:], value.Null, k.f)
	if err == nil {
		e.pop(base)
	}
	return v, err
}

// params returns how many parameters a function argument has.
func params(fn value.Value) int {
	if f := asFunction(fn); f != nil {
		return f.arity()
	}
	return 0
}

func fnMap(k *callState, a []value.Value) (value.Value, *Error) {
	if a[0].IsAbsent() {
		return absent()
	}
	e, arr, fn := k.e, a[0], a[1]
	list, n := arr.Elems(), params(fn)
	base := len(e.stack)
	for i := range list {
		v, err := k.callback(fn, n, list[i], value.Int(int64(i)), arr)
		if err != nil {
			return v, err
		}
		if !v.IsAbsent() {
			e.push(v)
		}
	}
	return e.take(base, markSequence)
}

// take makes an array of the stack above base.
func (e *evaluator) take(base int, mark uint8) (value.Value, *Error) {
	v, err := e.list(e.stack[base:], mark)
	e.pop(base)
	return v, err
}

func fnFilter(k *callState, a []value.Value) (value.Value, *Error) {
	if a[0].IsAbsent() {
		return absent()
	}
	e, arr, fn := k.e, a[0], a[1]
	list, n := arr.Elems(), params(fn)
	base := len(e.stack)
	for i := range list {
		v, err := k.callback(fn, n, list[i], value.Int(int64(i)), arr)
		if err != nil {
			return v, err
		}
		ok, err := truth(v)
		if err != nil {
			return v, err
		}
		if ok {
			e.push(list[i])
		}
	}
	return e.take(base, markSequence)
}

func fnSingle(k *callState, a []value.Value) (value.Value, *Error) {
	if a[0].IsAbsent() {
		return absent()
	}
	arr, fn := a[0], k.arg(a, 1)
	n, found := params(fn), false
	var result value.Value
	for i, v := range arr.Elems() {
		ok := true
		if !fn.IsAbsent() {
			r, err := k.callback(fn, n, v, value.Int(int64(i)), arr)
			if err != nil {
				return r, err
			}
			if ok, err = truth(r); err != nil {
				return r, err
			}
		}
		if ok && found {
			return value.Value{}, failure("D3138")
		}
		if ok {
			result, found = v, true
		}
	}
	if !found {
		return value.Value{}, failure("D3139")
	}
	return result, nil
}

func fnReduce(k *callState, a []value.Value) (value.Value, *Error) {
	if a[0].IsAbsent() {
		return absent()
	}
	arr, fn, acc := a[0], a[1], k.arg(a, 2)
	n := params(fn)
	if n < 2 {
		return value.Value{}, failure("D3050")
	}
	list, i := arr.Elems(), 0
	if acc.IsAbsent() && len(list) > 0 {
		acc, i = list[0], 1
	}
	for ; i < len(list); i++ {
		var err *Error
		if acc, err = k.callback(fn, n, acc, list[i], value.Int(int64(i)), arr); err != nil {
			return acc, err
		}
	}
	return acc, nil
}

func fnSift(k *callState, a []value.Value) (value.Value, *Error) {
	obj, fn := a[0], k.arg(a, 1)
	n := params(fn)
	b := value.NewBuilder(obj.Len())
	for key, v := range obj.Members() {
		r, err := k.callback(fn, n, v, value.String(key), obj)
		if err != nil {
			return r, err
		}
		ok, err := truth(r)
		if err != nil {
			return r, err
		}
		if ok {
			b.Set(key, v)
		}
	}
	if b.Len() == 0 {
		return absent()
	}
	o := b.Object()
	return o.WithMark(dirt(o.Elems())), k.e.grow(o.Len())
}

func fnEach(k *callState, a []value.Value) (value.Value, *Error) {
	e, obj, fn := k.e, a[0], k.arg(a, 1)
	n := params(fn)
	base := len(e.stack)
	for key, v := range obj.Members() {
		r, err := k.callback(fn, n, v, value.String(key), obj)
		if err != nil {
			return r, err
		}
		if !r.IsAbsent() {
			e.push(r)
		}
	}
	return e.take(base, markSequence)
}

func fnError(k *callState, a []value.Value) (value.Value, *Error) {
	e := failure("D3137")
	if e.message = k.arg(a, 0).Str(); e.message == "" {
		e.message = "$error() function evaluated"
	}
	return value.Value{}, e
}

func fnAssert(k *callState, a []value.Value) (value.Value, *Error) {
	if a[0].Truth() {
		return absent()
	}
	e := failure("D3141")
	if e.message = k.arg(a, 1).Str(); e.message == "" {
		e.message = "$assert() statement failed"
	}
	return value.Value{}, e
}

func fnBoolean(k *callState, a []value.Value) (value.Value, *Error) {
	if a[0].IsAbsent() || IsFunction(a[0]) {
		return whether(!a[0].IsAbsent(), false)
	}
	ok, err := truth(a[0])
	return value.Bool(ok), err
}

func whether(defined, b bool) (value.Value, *Error) {
	if !defined {
		return absent()
	}
	return value.Bool(b), nil
}

func fnNot(k *callState, a []value.Value) (value.Value, *Error) {
	if a[0].IsAbsent() || IsFunction(a[0]) {
		return whether(!a[0].IsAbsent(), true)
	}
	ok, err := truth(a[0])
	return value.Bool(!ok), err
}

func fnExists(k *callState, a []value.Value) (value.Value, *Error) {
	return value.Bool(!a[0].IsAbsent()), nil
}

func fnType(k *callState, a []value.Value) (value.Value, *Error) {
	v := a[0]
	switch v.Kind() {
	case value.KindAbsent:
		return absent()
	case value.KindForeign:
		return value.String("function"), nil
	case value.KindNumber:
		ok, err := numeric(v)
		if err != nil {
			return value.Value{}, err
		}
		if !ok { // NaN
			return value.String("object"), nil
		}
	}
	return value.String(v.Kind().String()), nil
}

func fnRandom(k *callState, _ []value.Value) (value.Value, *Error) {
	return value.Float(k.e.random()), nil
}

func fnClone(k *callState, a []value.Value) (value.Value, *Error) {
	if a[0].IsAbsent() {
		return absent()
	}
	return k.e.copyTree(a[0], 0)
}

func fnMillis(k *callState, _ []value.Value) (value.Value, *Error) {
	return value.Int(k.e.now().UnixMilli()), nil
}

// fnEval compiles and evaluates an expression where it is called.
func fnEval(k *callState, a []value.Value) (value.Value, *Error) {
	if a[0].IsAbsent() {
		return absent()
	}
	e, in, src := k.e, k.in, a[0].Str()
	if focus := k.arg(a, 1); !focus.IsAbsent() {
		in = focus
		if in.IsArray() && !isSequence(in) {
			in = value.Array([]value.Value{in}).WithMark(markSequence | markOuter)
		}
	}
	if err := e.spend(len(src)); err != nil {
		return value.Value{}, err
	}
	x, err := compile(src, e.cfg, k.f.scopes())
	if err != nil {
		if err.Limit != NoLimit {
			return value.Value{}, err
		}
		y := failure("D3120").withValue(value.String(err.complete(src).Message))
		return value.Value{}, y
	}
	e.evals++
	e.hadEval = true
	f := k.f
	if len(x.frame.names) > 0 {
		f = e.newFrame(f, x.frame)
	}
	v, err := x.root.eval(e, in, f)
	e.evals--
	if err != nil {
		if err.Limit != NoLimit {
			return value.Value{}, err
		}
		y := failure("D3121").withValue(value.String(err.complete(src).Message))
		return value.Value{}, y
	}
	return v, nil
}

// scopes returns the scope of a frame, whose outer scopes are those of the outer frames.
func (f *frame) scopes() *scope {
	if f == nil {
		return nil
	}
	return &scope{up: f.up.scopes(), names: f.scope.names, captured: true}
}
