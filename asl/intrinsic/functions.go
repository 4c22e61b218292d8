package intrinsic

import (
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"hash"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/sfnkit/sfnkit/asl/jsonpath"
	"github.com/sfnkit/sfnkit/asl/value"
)

// Limits of the functions, from "Intrinsic functions for JSONPath states" in the service's
// developer guide (2026).
const (
	maxArrayBytes = 262144 // States.ArrayPartition, States.ArrayContains
	maxRange      = 1000   // elements of States.ArrayRange
	maxChars      = 10000  // States.Base64Encode, States.Base64Decode, States.Hash
)

type functionID uint8

const (
	fnArray functionID = iota
	fnArrayPartition
	fnArrayContains
	fnArrayRange
	fnArrayGetItem
	fnArrayLength
	fnArrayUnique
	fnBase64Encode
	fnBase64Decode
	fnHash
	fnJSONMerge
	fnStringToJSON
	fnJSONToString
	fnMathRandom
	fnMathAdd
	fnStringSplit
	fnUUID
	fnFormat
)

// function is what is known of a function without its arguments.
type function struct {
	id       functionID
	name     string
	min, max int // number of arguments
}

const unbounded = math.MaxInt32 // number of arguments

var functions = index(
	function{fnArray, "States.Array", 0, unbounded},
	function{fnArrayPartition, "States.ArrayPartition", 2, 2},
	function{fnArrayContains, "States.ArrayContains", 2, 2},
	function{fnArrayRange, "States.ArrayRange", 3, 3},
	function{fnArrayGetItem, "States.ArrayGetItem", 2, 2},
	function{fnArrayLength, "States.ArrayLength", 1, 1},
	function{fnArrayUnique, "States.ArrayUnique", 1, 1},
	function{fnBase64Encode, "States.Base64Encode", 1, 1},
	function{fnBase64Decode, "States.Base64Decode", 1, 1},
	function{fnHash, "States.Hash", 2, 2},
	function{fnJSONMerge, "States.JsonMerge", 3, 3},
	function{fnStringToJSON, "States.StringToJson", 1, 1},
	function{fnJSONToString, "States.JsonToString", 1, 1},
	function{fnMathRandom, "States.MathRandom", 2, 3},
	function{fnMathAdd, "States.MathAdd", 2, 2},
	function{fnStringSplit, "States.StringSplit", 2, 2},
	function{fnUUID, "States.UUID", 0, 0},
	function{fnFormat, "States.Format", 1, unbounded},
)

func index(all ...function) map[string]*function {
	m := make(map[string]*function, len(all))
	for i := range all {
		m[all[i].name] = &all[i]
	}
	return m
}

// Functions returns the names of all functions in alphabetical order.
func Functions() []string {
	names := make([]string, 0, len(functions))
	for name := range functions {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (f *function) arity() string {
	switch {
	case f.max == unbounded:
		return "at least " + strconv.Itoa(f.min) + " arguments"
	case f.min < f.max:
		return strconv.Itoa(f.min) + " or " + strconv.Itoa(f.max) + " arguments"
	}
	return strconv.Itoa(f.min) + " arguments"
}

// Reasons for refusing arguments.
const (
	notArray  = "the first argument must be an array"
	tooLarge  = "the array is larger than 262,144 bytes"
	notString = "the first argument must be a string"
	tooLong   = "the string is longer than 10,000 characters"
	notNumber = "the arguments must be numbers"
)

// apply calls the function, which is not States.Array, and keeps nothing of args. A reason that is not empty says why it refuses the arguments.
func (k *call) apply(args []value.Value, env *Env) (result value.Value, reason string) {
	switch k.fn.id {
	case fnArrayPartition:
		return arrayPartition(args[0], args[1])
	case fnArrayContains:
		return arrayContains(args[0], args[1])
	case fnArrayRange:
		return arrayRange(args[0], args[1], args[2])
	case fnArrayGetItem:
		return arrayGetItem(args[0], args[1])
	case fnArrayLength:
		if !args[0].IsArray() {
			return result, notArray
		}
		return value.Int(int64(args[0].Len())), ""
	case fnArrayUnique:
		if !args[0].IsArray() {
			return result, notArray
		}
		return value.Array(unique(args[0].Elems())), ""
	case fnBase64Encode:
		if reason := text(args[0]); reason != "" {
			return result, reason
		}
		return value.String(base64.StdEncoding.EncodeToString([]byte(args[0].Str()))), ""
	case fnBase64Decode:
		if reason := text(args[0]); reason != "" {
			return result, reason
		}
		return value.String(javaString(decodeBase64(args[0].Str()))), ""
	case fnHash:
		return digest(args[0], args[1])
	case fnJSONMerge:
		return jsonMerge(args[0], args[1], args[2])
	case fnStringToJSON:
		return stringToJSON(args[0])
	case fnJSONToString:
		return value.String(args[0].JSON()), ""
	case fnMathRandom:
		return mathRandom(args, env)
	case fnMathAdd:
		return mathAdd(args[0], args[1])
	case fnStringSplit:
		return stringSplit(args[0], args[1])
	case fnUUID:
		return value.String(env.uuid()), ""
	}
	return k.applyFormat(args)
}

// arrayPartition cuts an array into pieces. The size's fraction is cut off (2.6 was seen
// to work as 2, though the document speaks of rounding).
func arrayPartition(array, size value.Value) (value.Value, string) {
	n, ok := truncate(size)
	switch {
	case !array.IsArray():
		return array, notArray
	case !ok || n < 1:
		return array, "the size must be a positive number"
	case array.Size() > maxArrayBytes:
		return array, tooLarge
	}
	elems := array.Elems()
	if len(elems) == 0 {
		return value.EmptyArray, ""
	}
	n = min(n, int64(len(elems)))
	pieces := make([]value.Value, 0, (int64(len(elems))+n-1)/n)
	for len(elems) > 0 {
		m := min(int(n), len(elems))
		pieces = append(pieces, value.Array(elems[:m:m]))
		elems = elems[m:]
	}
	return value.Array(pieces), ""
}

// arrayContains compares what Java prints for the values, as the service was seen to do: 1
// is found in ["1"] and true in ["true"], but {"a":1,"b":2} not in [{"b":2,"a":1}].
func arrayContains(array, v value.Value) (value.Value, string) {
	switch {
	case !array.IsArray():
		return array, notArray
	case array.Size() > maxArrayBytes:
		return array, tooLarge
	}
	var want, b []byte
	for _, e := range array.Elems() {
		if e.IsString() && v.IsString() {
			if e.Str() == v.Str() {
				return value.True, ""
			}
			continue
		}
		if want == nil {
			want = jsonpath.AppendText([]byte{}, v)
		}
		if b = jsonpath.AppendText(b[:0], e); bytes.Equal(b, want) {
			return value.True, ""
		}
	}
	return value.False, ""
}

// arrayRange cuts off the fractions of its arguments (5.4 down to -0.6 was seen to end at
// 0, though the document speaks of rounding). A step in the wrong direction gives an empty
// array.
func arrayRange(first, last, step value.Value) (value.Value, string) {
	from, ok1 := truncate(first)
	to, ok2 := truncate(last)
	by, ok3 := truncate(step)
	switch {
	case !ok1 || !ok2 || !ok3:
		return first, notNumber
	case by == 0:
		return first, "the step must not be 0"
	case (to-from)/by >= maxRange:
		return first, "the range has more than 1,000 elements"
	case (to-from < 0) != (by < 0) && to != from:
		return value.EmptyArray, ""
	}
	vals := make([]value.Value, (to-from)/by+1)
	for i := range vals {
		vals[i] = value.Int(from + int64(i)*by)
	}
	return value.Array(vals), ""
}

// arrayGetItem gives null for any index into an empty array, as was reported of the
// service.
func arrayGetItem(array, index value.Value) (value.Value, string) {
	n, ok := truncate(index)
	switch {
	case !array.IsArray():
		return array, notArray
	case !ok || n < 0:
		return array, "the index must be a number that is not negative"
	case array.Len() == 0:
		return value.Null, ""
	case n >= int64(array.Len()):
		return array, "the index is out of range"
	}
	return array.At(int(n)), ""
}

// text reports what is wrong with a string to encode, decode or hash.
func text(v value.Value) string {
	switch {
	case !v.IsString():
		return notString
	case len(v.Str()) > maxChars && length(v.Str()) > maxChars:
		return tooLong
	}
	return ""
}

// length counts UTF-16 code units, Java's characters.
func length(s string) int {
	n := 0
	for _, r := range s {
		if n++; r > 0xffff {
			n++
		}
	}
	return n
}

// digest takes data that is no string for what Java prints, as the service was seen to do
// for numbers and objects.
func digest(data, algorithm value.Value) (value.Value, string) {
	if !data.IsString() && !data.IsNull() {
		data = value.String(string(jsonpath.AppendText(nil, data)))
	}
	if reason := text(data); reason != "" {
		return data, reason
	}
	var h hash.Hash
	switch algorithm.Str() {
	case "MD5":
		h = md5.New()
	case "SHA-1":
		h = sha1.New()
	case "SHA-256":
		h = sha256.New()
	case "SHA-384":
		h = sha512.New384()
	case "SHA-512":
		h = sha512.New()
	default:
		return data, "the algorithm must be MD5, SHA-1, SHA-256, SHA-384 or SHA-512"
	}
	h.Write([]byte(data.Str()))
	return value.String(hex.EncodeToString(h.Sum(nil))), ""
}

// jsonMerge takes anything for a third argument that does not say true, as the service was
// seen to do for the text false. The members of the result are in the order of a hash map:
// both recordings of the service fit it, and no other order that suggests itself.
func jsonMerge(a, b, deep value.Value) (value.Value, string) {
	switch {
	case !a.IsObject() || !b.IsObject():
		return a, "the first two arguments must be objects"
	case deep.Truth() || strings.EqualFold(deep.Str(), "true"):
		return a, "the third argument must be false: deep merges are not supported"
	}
	names := make([]string, 0, a.Len()+b.Len())
	for k := range a.Members() {
		names = append(names, k)
	}
	for k := range b.Members() {
		if a.Get(k).IsAbsent() {
			names = append(names, k)
		}
	}
	m := value.NewBuilder(len(names))
	for _, i := range value.HashOrder(names) {
		v := b.Get(names[i])
		if v.IsAbsent() {
			v = a.Get(names[i])
		}
		m.Set(names[i], v)
	}
	return m.Object(), ""
}

// stringToJSON reads JSON. A blank text gives null and -0 gives 0 (recorded).
func stringToJSON(s value.Value) (value.Value, string) {
	if !s.IsString() {
		return s, notString
	}
	t := strings.TrimSpace(s.Str())
	if t == "" {
		return value.Null, ""
	}
	v, err := value.ParseString(t)
	if err != nil {
		return s, "the string is not JSON: " + err.Error()
	}
	if strings.Contains(t, "-0") {
		v = withoutMinusZero(v)
	}
	return v, ""
}

func withoutMinusZero(v value.Value) value.Value {
	switch v.Kind() {
	case value.KindNumber:
		if v.NumberText() == "-0" {
			return value.Int(0)
		}
	case value.KindArray, value.KindObject:
		vals := slices.Clone(v.Elems())
		for i := range vals {
			vals[i] = withoutMinusZero(vals[i])
		}
		if v.IsArray() {
			return value.Array(vals)
		}
		return value.ObjectOf(v.Shape(), vals)
	}
	return v
}

// mathRandom cuts off the fractions of its bounds (1.6 was seen to give 1). The one value
// published for a seed (42 on -5..5 gives -5) is that of java.util.Random.
func mathRandom(args []value.Value, env *Env) (value.Value, string) {
	from, ok1 := truncate(args[0])
	to, ok2 := truncate(args[1])
	switch {
	case !ok1 || !ok2:
		return args[0], notNumber
	case from >= to:
		return args[0], "the start must be less than the end"
	case !isInt32(from) || !isInt32(to):
		return args[0], "the bounds must be 32-bit integers"
	}
	if len(args) == 2 {
		return value.Int(from + env.random(to-from)), ""
	}
	seed, ok := truncate(args[2])
	if !ok {
		return args[0], "the seed must be a number"
	}
	r := newJavaRandom(seed)
	if to-from > math.MaxInt32 {
		return value.Int(from + int64(uint64(r.nextLong())%uint64(to-from))), ""
	}
	return value.Int(from + int64(r.nextInt(int32(to-from)))), ""
}

// mathAdd rounds each number as java.lang.Math.round does (recorded for 21 pairs).
func mathAdd(a, b value.Value) (value.Value, string) {
	x, ok1 := round(a)
	y, ok2 := round(b)
	switch {
	case !ok1 || !ok2:
		return a, notNumber
	case !isInt32(x) || !isInt32(y) || !isInt32(x+y):
		return a, "the numbers and their sum must be 32-bit integers"
	}
	return value.Int(x + y), ""
}

func isInt32(n int64) bool { return n >= math.MinInt32 && n <= math.MaxInt32 }

// maxNumber bounds the numbers that functions calculate with, so that sums and
// differences of them cannot overflow.
const maxNumber = 1 << 53

// truncate returns a number without its fraction.
func truncate(v value.Value) (int64, bool) { return integer(v, math.Trunc) }

// round returns the nearest integer, halves rounded up.
func round(v value.Value) (int64, bool) {
	return integer(v, func(f float64) float64 {
		if whole := math.Floor(f); f-whole < 0.5 {
			return whole
		}
		return math.Ceil(f)
	})
}

func integer(v value.Value, of func(float64) float64) (int64, bool) {
	if !v.IsNumber() {
		return 0, false
	}
	if v.IsInt() {
		n, _ := v.Int64()
		return n, n >= -maxNumber && n <= maxNumber
	}
	f := of(v.Float64())
	return int64(f), f >= -maxNumber && f <= maxNumber
}

// stringSplit splits at every character of the second string and drops empty pieces
// (recorded).
func stringSplit(s, delimiters value.Value) (value.Value, string) {
	if !s.IsString() || !delimiters.IsString() {
		return s, "the arguments must be strings"
	}
	t, d := s.Str(), delimiters.Str()
	var pieces []value.Value
	for start, i := 0, 0; i <= len(t); {
		if i == len(t) {
			if i > start {
				pieces = append(pieces, value.String(t[start:]))
			}
			break
		}
		_, n := utf8.DecodeRuneInString(t[i:])
		if strings.Contains(d, t[i:i+n]) {
			if i > start {
				pieces = append(pieces, value.String(t[start:i]))
			}
			start = i + n
		}
		i += n
	}
	return value.Array(pieces), ""
}

// format is a template of States.Format: pieces of text with a value between each two.
type format struct {
	pieces []string
	size   int
	fault  string // what is wrong with the template, in the service's words
}

// What the service says about braces that are neither {} nor escaped.
const (
	openBrace  = "Invalid template in States.Format: matching '}' not found for '{'."
	closeBrace = "Invalid template in States.Format: matching '{' not found for '}'."
)

// parseFormat splits a template at {}. A backslash takes away the meaning of a brace, a
// quote or a backslash after it.
func parseFormat(t string) *format {
	f := &format{}
	var b []byte
	for i := 0; i < len(t); i++ {
		switch {
		case t[i] == '\\' && i+1 < len(t) && strings.IndexByte(`{}'\`, t[i+1]) >= 0:
			i++
			b = append(b, t[i])
		case t[i] == '{' && (i+1 == len(t) || t[i+1] != '}'):
			return &format{fault: openBrace}
		case t[i] == '}':
			return &format{fault: closeBrace}
		case t[i] == '{' && i+1 < len(t) && t[i+1] == '}':
			f.pieces = append(f.pieces, string(b))
			b = b[:0]
			i++
		default:
			b = append(b, t[i])
		}
	}
	f.pieces = append(f.pieces, string(b))
	for _, p := range f.pieces {
		f.size += len(p)
	}
	return f
}

// applyFormat puts values into a template: strings as they are, numbers as written,
// containers as Java prints them (recorded). What States.StringToJson made is put in as
// JSON; of that it was only seen that it is not put in like other values.
func (k *call) applyFormat(args []value.Value) (value.Value, string) {
	if !args[0].IsString() {
		return args[0], notString
	}
	f := k.format
	if f == nil {
		f = parseFormat(args[0].Str())
	}
	if f.fault != "" {
		return args[0], f.fault
	}
	if len(args) != len(f.pieces) {
		return args[0], "the template has " + strconv.Itoa(len(f.pieces)-1) + " places for " + strconv.Itoa(len(args)-1) + " values"
	}
	if len(args) == 1 {
		return value.String(f.pieces[0]), ""
	}
	size := f.size
	for _, v := range args[1:] {
		size += v.Size()
	}
	b := append(make([]byte, 0, size), f.pieces[0]...)
	for i, v := range args[1:] {
		if v.IsNumber() || k.args[i+1].parsed {
			b = v.AppendJSON(b)
		} else {
			b = jsonpath.AppendText(b, v)
		}
		b = append(b, f.pieces[i+1]...)
	}
	return value.String(string(b)), ""
}
