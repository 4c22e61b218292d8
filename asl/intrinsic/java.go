package intrinsic

import (
	"math"
	"math/big"
	"math/bits"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/sfnkit/sfnkit/asl/value"
)

// javaRandom is the generator that java.util.Random documents: a linear congruential one
// of 48 bits.
type javaRandom struct{ state uint64 }

func newJavaRandom(seed int64) *javaRandom {
	return &javaRandom{(uint64(seed) ^ 0x5DEECE66D) & (1<<48 - 1)}
}

func (r *javaRandom) next(n uint) int32 {
	r.state = (r.state*0x5DEECE66D + 0xB) & (1<<48 - 1)
	return int32(r.state >> (48 - n))
}

// nextInt returns a number below bound, which must be positive.
func (r *javaRandom) nextInt(bound int32) int32 {
	n := r.next(31)
	if bound&(bound-1) == 0 {
		return int32(int64(bound) * int64(n) >> 31)
	}
	for {
		m := n % bound
		if n-m+(bound-1) >= 0 { // else n is in the incomplete last stretch
			return m
		}
		n = r.next(31)
	}
}

func (r *javaRandom) nextLong() int64 {
	hi := int64(r.next(32))
	return hi<<32 + int64(r.next(32))
}

// number tells apart the Java types that JSON numbers are read as. Values of different
// types are never equal.
func numberClass(v value.Value) int {
	if strings.ContainsAny(v.NumberText(), ".eE") {
		return 3 // Double
	}
	n, ok := v.Int64()
	switch {
	case !v.IsInt() || !ok:
		return 2 // BigInteger
	case isInt32(n):
		return 0 // Integer
	}
	return 1 // Long
}

// equal is Java's equals for what JSON is read as: 1 and 1.0 are different.
func equal(a, b value.Value) bool {
	if a.Kind() != b.Kind() {
		return false
	}
	switch a.Kind() {
	case value.KindNumber:
		ca, cb := numberClass(a), numberClass(b)
		switch {
		case ca != cb:
			return false
		case ca == 2:
			return a.NumberText() == b.NumberText()
		case ca == 3:
			return math.Float64bits(a.Float64()) == math.Float64bits(b.Float64())
		}
		return value.Equal(a, b)
	case value.KindArray:
		x, y := a.Elems(), b.Elems()
		if len(x) != len(y) {
			return false
		}
		for i := range x {
			if !equal(x[i], y[i]) {
				return false
			}
		}
		return true
	case value.KindObject:
		if a.Len() != b.Len() {
			return false
		}
		for k, v := range a.Members() {
			if m := b.Get(k); m.IsAbsent() || !equal(v, m) {
				return false
			}
		}
		return true
	}
	return value.Equal(a, b)
}

// hashCode is Java's hashCode for what JSON is read as.
func hashCode(v value.Value) int32 {
	switch v.Kind() {
	case value.KindBool:
		if v.Truth() {
			return 1231
		}
		return 1237
	case value.KindNumber:
		switch numberClass(v) {
		case 0, 1:
			n, _ := v.Int64()
			if isInt32(n) {
				return int32(n)
			}
			return int32(n ^ int64(uint64(n)>>32))
		case 2:
			return hashBig(v.NumberText())
		}
		f := math.Float64bits(v.Float64())
		return int32(f ^ f>>32)
	case value.KindString:
		return hashString(v.Str())
	case value.KindArray:
		h := int32(1)
		for _, e := range v.Elems() {
			h = 31*h + hashCode(e)
		}
		return h
	case value.KindObject:
		h := int32(0)
		for k, e := range v.Members() {
			h += hashString(k) ^ hashCode(e)
		}
		return h
	}
	return 0
}

func hashString(s string) int32 {
	h := int32(0)
	for i := 0; i < len(s); {
		r, n := value.DecodeRune(s[i:])
		if r > 0xffff {
			r -= 0x10000
			h = 31*h + 0xd800 + r>>10
			r = 0xdc00 + r&0x3ff
		}
		h = 31*h + r
		i += n
	}
	return h
}

func hashBig(text string) int32 {
	n, ok := new(big.Int).SetString(text, 10)
	if !ok {
		return 0
	}
	h := uint32(0)
	mag := n.Bytes() // big endian
	for len(mag)%4 != 0 {
		mag = slices.Insert(mag, 0, 0)
	}
	for ; len(mag) > 0; mag = mag[4:] {
		h = 31*h + (uint32(mag[0])<<24 | uint32(mag[1])<<16 | uint32(mag[2])<<8 | uint32(mag[3]))
	}
	return int32(h) * int32(n.Sign())
}

// unique returns the different values in the order of a java.util.HashSet made from the
// collection: by slot of its table, and within a slot by first appearance. The service
// documents no order; this one was reported ([true,false,true,false] gives [false,true]).
func unique(vals []value.Value) []value.Value {
	size := max(len(vals)*4/3+1, 16)
	size = 1 << bits.Len(uint(size-1)) // slots of the table
	type entry struct {
		slot, next int32
		hash       int32
		val        value.Value
	}
	first := make([]int32, size) // 1 + index of the first entry of a slot
	entries := make([]entry, 0, len(vals))
next:
	for _, v := range vals {
		h := hashCode(v)
		slot := int32((uint32(h) ^ uint32(h)>>16) & uint32(size-1))
		for i := first[slot]; i != 0; i = entries[i-1].next {
			if e := &entries[i-1]; e.hash == h && equal(e.val, v) {
				continue next
			}
		}
		entries = append(entries, entry{slot: slot, next: first[slot], hash: h, val: v})
		first[slot] = int32(len(entries))
	}
	slices.SortStableFunc(entries, func(a, b entry) int { return int(a.slot) - int(b.slot) })
	out := make([]value.Value, len(entries))
	for i := range entries {
		out[i] = entries[i].val
	}
	return out
}

// decodeBase64 is the lenient decoder that many Java programs use: characters outside of
// the alphabets are skipped, + and - are the same and so are / and _, the first = ends the
// data, and what does not make up a byte is dropped. Of the service it was seen that it
// takes "!!!invalid!!!", "abc", "ab==cd" and spaces around the text.
func decodeBase64(s string) []byte {
	out := make([]byte, 0, len(s)*3/4)
	var group, n uint32
	for i := 0; i < len(s) && s[i] != '='; i++ {
		d := base64Digit(s[i])
		if d < 0 {
			continue
		}
		group = group<<6 | uint32(d)
		if n++; n == 4 {
			out = append(out, byte(group>>16), byte(group>>8), byte(group))
			group, n = 0, 0
		}
	}
	switch n {
	case 2:
		out = append(out, byte(group>>4))
	case 3:
		out = append(out, byte(group>>10), byte(group>>2))
	}
	return out
}

func base64Digit(b byte) int {
	switch {
	case b >= 'A' && b <= 'Z':
		return int(b - 'A')
	case b >= 'a' && b <= 'z':
		return int(b-'a') + 26
	case b >= '0' && b <= '9':
		return int(b-'0') + 52
	case b == '+' || b == '-':
		return 62
	case b == '/' || b == '_':
		return 63
	}
	return -1
}

// javaString reads UTF-8 as Java's String does: every ill-formed stretch, as long as it
// could have become a character, is one U+FFFD.
func javaString(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	out := make([]byte, 0, len(b)+8)
	for i := 0; i < len(b); {
		r, n := utf8.DecodeRune(b[i:])
		if r != utf8.RuneError || n > 1 {
			out = append(out, b[i:i+n]...)
			i += n
			continue
		}
		out = append(out, "\uFFFD"...)
		i += illFormed(b[i:])
	}
	return string(out)
}

// illFormed returns the length of the longest start of b that begins a character, at
// least 1.
func illFormed(b []byte) int {
	need, lo, hi := 0, byte(0x80), byte(0xBF)
	switch c := b[0]; {
	case c >= 0xC2 && c <= 0xDF:
		need = 1
	case c >= 0xE0 && c <= 0xEF:
		need = 2
		if c == 0xE0 {
			lo = 0xA0
		} else if c == 0xED {
			hi = 0x9F
		}
	case c >= 0xF0 && c <= 0xF4:
		need = 3
		if c == 0xF0 {
			lo = 0x90
		} else if c == 0xF4 {
			hi = 0x8F
		}
	}
	n := 1
	for ; n <= need && n < len(b) && b[n] >= lo && b[n] <= hi; n++ {
		lo, hi = 0x80, 0xBF
	}
	return n
}
