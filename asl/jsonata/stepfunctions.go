package jsonata

import (
	"crypto/md5"
	crand "crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"hash"
	"math"
	"strconv"
	"time"

	"github.com/sfnkit/sfnkit/asl/value"
)

// Limits of an expression in Step Functions. One second is documented
// (developer guide, "Transforming data with JSONata"); the others were measured on AWS by
// users (floci-io/floci issue 2737 and pull request 2783, 2026): 100 terms of 1+1+… are
// accepted and 101 are not, [1..873782] is and [1..873783] is not, a string of 2^22
// characters is and one of 2^23 is not.
const (
	StepFunctionsTime  = time.Second
	StepFunctionsDepth = 100
	StepFunctionsValue = 873_782 * 8
)

// stepFunctionsPadding is how many characters one $pad may add, however long the string is
// that it gives (recorded 2026-09, published in github.com/radkawar/stackd).
const stepFunctionsPadding = 262_144

// stepFunctionsTotal bounds all that one evaluation asks for; AWS states no such number.
const stepFunctionsTotal = 512 << 20

// StepFunctions selects the dialect of AWS Step Functions: the functions $partition,
// $range, $hash, $random (with a seed that of java.util.Random), $uuid and $parse; no
// $eval; the limits above. Integers of 64 bits stay exact, and infinities and NaN become
// strings in results. Options after it may change the limits.
func StepFunctions() Option {
	return func(c *config) {
		c.exact, c.finite = true, true
		c.limits = Limits{
			Time: StepFunctionsTime, Depth: StepFunctionsDepth, Value: StepFunctionsValue, Total: stepFunctionsTotal,
		}
		c.padding = stepFunctionsPadding
		c.dialect = awsFunctions
	}
}

var awsFunctions = func() map[string]*native {
	m := map[string]*native{}
	for _, t := range []struct {
		name, sig string
		arity     int
		fn        nativeFunc
	}{
		{"partition", "<x?n?:a>", 2, awsPartition},
		{"range", "<nnn?:a>", 3, awsRange},
		{"hash", "<ss?:s>", 2, awsHash},
		{"random", "<n?:n>", 1, awsRandom},
		{"uuid", "<:s>", 0, awsUUID},
		{"parse", "<s?:x>", 1, awsParse},
		{"eval", "", 0, nil},
	} {
		if t.fn == nil {
			m[t.name] = nil
			continue
		}
		n := &native{name: t.name, id: -1, sig: mustSignature(t.sig), arity: t.arity, fn: t.fn}
		n.value = &function{native: n}
		newFunction(n.value)
		m[t.name] = n
	}
	return m
}()

func awsPartition(k *callState, a []value.Value) (value.Value, *Error) {
	e, arr := k.e, a[0]
	if !arr.IsArray() && !arr.IsAbsent() {
		x := failure("T0412").withValue(arr)
		x.index, x.kind = 1, "arrays"
		return value.Value{}, x
	}
	size := float64(arr.Len())
	if s := k.arg(a, 1); !s.IsAbsent() {
		size = math.Trunc(s.Float64())
	}
	switch {
	case size < 0:
		x := failure("D3137")
		x.message = "Second argument must be zero or greater"
		return value.Value{}, x
	case arr.Len() == 0 || !(size > 0):
		return absent()
	}
	n := int(min(size, float64(arr.Len())))
	chunks := (arr.Len() + n - 1) / n
	if err := e.grow(chunks + arr.Len()); err != nil {
		return value.Value{}, err
	}
	out := make([]value.Value, 0, chunks)
	for list := arr.Elems(); len(list) > 0; list = list[min(n, len(list)):] {
		m := min(n, len(list))
		out = append(out, newArray(list[:m:m]))
	}
	return newArray(out), nil
}

// listCapacity returns the room of a list that grew to n elements by half of its size each
// time, starting with ten. AWS's limit on $range falls together with such a step.
func listCapacity(n int) int {
	c := 10
	for c < n {
		c += c >> 1
	}
	return c
}

func awsRange(k *callState, a []value.Value) (value.Value, *Error) {
	e := k.e
	from, to, step := math.Trunc(a[0].Float64()), math.Trunc(a[1].Float64()), math.Trunc(k.arg(a, 2).Float64())
	if a[0].IsAbsent() || a[1].IsAbsent() || !(step > 0 && from <= to || step < 0 && from >= to) || math.IsInf(step, 0) {
		if !a[0].IsAbsent() && a[1].IsAbsent() {
			x := failure("T0410")
			x.index = 2
			return value.Value{}, x
		}
		return absent()
	}
	n := math.Floor((to-from)/step) + 1
	// 360,145 elements are accepted and one more is not: sixteen bytes for each place of a
	// list that has just grown beyond the bound.
	if !(n <= float64(e.maxElems)) || listCapacity(int(n))*16 > e.cfg.limits.Value {
		return value.Value{}, limitError(LimitMemory)
	}
	if err := e.grow(int(n)); err != nil {
		return value.Value{}, err
	}
	if err := e.spend(int(n) / 8); err != nil {
		return value.Value{}, err
	}
	out := make([]value.Value, int(n))
	for i := range out {
		out[i] = value.Float(from + float64(i)*step)
	}
	return value.Array(out).WithMark(markSequence), nil
}

var hashes = map[string]func() hash.Hash{
	"MD5": md5.New, "SHA-1": sha1.New, "SHA-256": sha256.New, "SHA-384": sha512.New384, "SHA-512": sha512.New,
}

func awsHash(k *callState, a []value.Value) (value.Value, *Error) {
	name := k.arg(a, 1)
	if a[0].IsAbsent() || name.IsAbsent() {
		return absent()
	}
	h, ok := hashes[name.Str()]
	if !ok {
		x := failure("D3137").withValue(name)
		x.message = "Hash algorithm '" + name.Str() + "' must be one of SHA-1, SHA-384, SHA-256, SHA-512, MD5"
		return value.Value{}, x
	}
	sum := h()
	sum.Write([]byte(a[0].Str()))
	return value.String(hex.EncodeToString(sum.Sum(nil))), nil
}

// javaRandom returns the first nextDouble of java.util.Random with a seed.
func javaRandom(seed int64) float64 {
	const mask = 1<<48 - 1
	s := (uint64(seed) ^ 0x5DEECE66D) & mask
	next := func(bits int) uint64 {
		s = (s*0x5DEECE66D + 0xB) & mask
		return s >> (48 - bits)
	}
	hi := next(26)
	return float64(hi<<27+next(27)) / (1 << 53)
}

func awsRandom(k *callState, a []value.Value) (value.Value, *Error) {
	seed := k.arg(a, 0)
	if seed.IsAbsent() {
		return value.Float(k.e.random()), nil
	}
	if i, ok := seed.Int64(); ok {
		return value.Float(javaRandom(i)), nil
	}
	f := math.Trunc(seed.Float64())
	switch { // as Java converts a double to a long
	case f != f:
		return value.Float(javaRandom(0)), nil
	case f >= math.MaxInt64:
		return value.Float(javaRandom(math.MaxInt64)), nil
	case f <= math.MinInt64:
		return value.Float(javaRandom(math.MinInt64)), nil
	}
	return value.Float(javaRandom(int64(f))), nil
}

func awsUUID(k *callState, _ []value.Value) (value.Value, *Error) {
	if k.e.env != nil && k.e.env.UUID != nil {
		return value.String(k.e.env.UUID()), nil
	}
	var b [16]byte
	if k.e.env != nil && k.e.env.Random != nil {
		for i := range b {
			b[i] = byte(k.e.random() * 256)
		}
	} else {
		crand.Read(b[:]) // never fails: crypto/rand ends the process first
	}
	b[6] = b[6]&0x0F | 0x40
	b[8] = b[8]&0x3F | 0x80
	return value.String(fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])), nil
}

func awsParse(k *callState, a []value.Value) (value.Value, *Error) {
	if len(a) == 0 || a[0].IsAbsent() {
		return absent()
	}
	invalid := func(why string) (value.Value, *Error) {
		x := failure("D3137").withValue(a[0])
		x.message = "Invalid JSON: " + why
		return value.Value{}, x
	}
	text := a[0].Str()
	if err := k.e.grow(len(text) / 8); err != nil {
		return value.Value{}, err
	}
	if err := k.e.spend(len(text) / 16); err != nil {
		return value.Value{}, err
	}
	if at := repeatedName(text); at != "" {
		return invalid("the member name " + at + " is repeated")
	}
	v, err := value.ParseString(text)
	if err != nil {
		return invalid(err.Error())
	}
	v, ok := canonicalNumbers(v)
	if !ok {
		return invalid("a number is out of range")
	}
	return v, nil
}

// canonicalNumbers drops the texts that numbers were read from: 1.0 becomes 1.
func canonicalNumbers(v value.Value) (value.Value, bool) {
	switch v.Kind() {
	case value.KindNumber:
		if !finiteNumber(v) {
			return v, false
		}
		return v.Canonical(), true
	case value.KindArray, value.KindObject:
		var vals []value.Value
		for i, c := range v.Elems() {
			d, ok := canonicalNumbers(c)
			if !ok {
				return v, false
			}
			if vals == nil && (d.IsInt() && c.IsInt() || !d.IsNumber() && !d.IsArray() && !d.IsObject() || identify(d) == identify(c) && d.Len() > 0) {
				continue
			}
			if vals == nil {
				vals = append(make([]value.Value, 0, v.Len()), v.Elems()...)
			}
			vals[i] = d
		}
		if vals == nil {
			return v, true
		}
		if v.IsArray() {
			return value.Array(vals), true
		}
		return value.ObjectOf(v.Shape(), vals), true
	}
	return v, true
}

// repeatedName returns a member name that occurs twice in one object of a JSON text, in
// quotes, or "". It trusts the parser to find everything else that is wrong.
func repeatedName(text string) string {
	type object map[string]bool
	var open []object
	name := false // the next string is a member name
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '{':
			open = append(open, object{})
			name = true
		case '[':
			open = append(open, nil)
			name = false
		case '}', ']':
			if len(open) == 0 {
				return ""
			}
			open = open[:len(open)-1]
			name = false
		case ',':
			name = len(open) > 0 && open[len(open)-1] != nil
		case '"':
			start := i
			for i++; i < len(text) && text[i] != '"'; i++ {
				if text[i] == '\\' {
					i++
				}
			}
			if name && i < len(text) {
				v, err := value.ParseString(text[start : i+1])
				if err != nil {
					return ""
				}
				o := open[len(open)-1]
				if o[v.Str()] {
					return strconv.Quote(v.Str())
				}
				o[v.Str()] = true
			}
			name = false
		}
		if len(open) > value.MaxDepth {
			return ""
		}
	}
	return ""
}
