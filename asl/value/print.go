package value

import (
	"math"
	"strconv"
	"unicode/utf8"
	"unsafe"
)

func mathBits(f float64) uint64 { return math.Float64bits(f) }

// JSON returns the compact JSON text. Absent and foreign values print as null.
func (v Value) JSON() string {
	b := v.AppendJSON(make([]byte, 0, v.Size()))
	return unsafe.String(unsafe.SliceData(b), len(b))
}

// MarshalJSON implements json.Marshaler.
func (v Value) MarshalJSON() ([]byte, error) { return v.AppendJSON(nil), nil }

// AppendJSON appends the compact JSON text to dst.
func (v Value) AppendJSON(dst []byte) []byte {
	switch v.Kind() {
	case KindBool:
		return strconv.AppendBool(dst, v.n != 0)
	case KindNumber:
		return v.appendNumber(dst)
	case KindString:
		return AppendQuoted(dst, v.Str())
	case KindArray:
		dst = append(dst, '[')
		for i, e := range v.arr().vals {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = e.AppendJSON(dst)
		}
		return append(dst, ']')
	case KindObject:
		dst = append(dst, '{')
		o := v.obj()
		for i, k := range o.shape.keys {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = AppendQuoted(dst, k)
			dst = append(dst, ':')
			dst = o.vals[i].AppendJSON(dst)
		}
		return append(dst, '}')
	}
	return append(dst, "null"...)
}

// AppendIndent appends the JSON text with one member or element a line, indented by
// indent per level. Empty containers stay on their line.
func (v Value) AppendIndent(dst []byte, indent string) []byte { return v.appendIndent(dst, indent, 0) }

func (v Value) appendIndent(dst []byte, indent string, level int) []byte {
	if v.Len() == 0 {
		return v.AppendJSON(dst)
	}
	line := func(level int) {
		dst = append(dst, '\n')
		for range level {
			dst = append(dst, indent...)
		}
	}
	open, end := byte('['), byte(']')
	if v.Kind() == KindObject {
		open, end = '{', '}'
	}
	dst = append(dst, open)
	for i, e := range v.Elems() {
		if i > 0 {
			dst = append(dst, ',')
		}
		line(level + 1)
		if v.Kind() == KindObject {
			dst = AppendQuoted(dst, v.Key(i))
			dst = append(dst, ": "...)
		}
		dst = e.appendIndent(dst, indent, level+1)
	}
	line(level)
	return append(dst, end)
}

func (v Value) appendNumber(dst []byte) []byte {
	switch {
	case v.textLen() != 0:
		return append(dst, unsafe.String((*byte)(v.p), v.textLen())...)
	case v.m&isFloat == 0:
		return strconv.AppendInt(dst, int64(v.n), 10)
	}
	return AppendFloat(dst, math.Float64frombits(v.n))
}

// AppendFloat appends a float in the shortest form that reads back the same, laid out as
// in ECMAScript: exponents only below 1e-6 and from 1e21 on. NaN and infinities give null.
func AppendFloat(dst []byte, f float64) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return append(dst, "null"...)
	}
	if f == 0 {
		return append(dst, '0')
	}
	abs := math.Abs(f)
	if abs >= 1e-6 && abs < 1e21 {
		return strconv.AppendFloat(dst, f, 'f', -1, 64)
	}
	dst = strconv.AppendFloat(dst, f, 'e', -1, 64)
	// Go writes e-09, ECMAScript e-9.
	if n := len(dst); n >= 4 && dst[n-4] == 'e' && dst[n-2] == '0' {
		dst[n-2] = dst[n-1]
		dst = dst[:n-1]
	}
	return dst
}

const (
	upperHex = "0123456789ABCDEF"
	lowerHex = "0123456789abcdef"
)

// AppendQuoted appends s as a JSON string. Only what JSON demands is escaped: quotes,
// backslashes, control characters, and lone surrogates.
func AppendQuoted(dst []byte, s string) []byte { return appendQuoted(dst, s, upperHex) }

// AppendQuotedLower is AppendQuoted with escapes in lower-case hex digits, as
// JSON.stringify writes them.
func AppendQuotedLower(dst []byte, s string) []byte { return appendQuoted(dst, s, lowerHex) }

func appendQuoted(dst []byte, s, digits string) []byte {
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' && c != 0xED {
			continue
		}
		if c == 0xED { // a surrogate, or an ordinary character up to U+D7FF
			if !surrogateAt(s, i) {
				continue
			}
			r := surrogate(s[i:])
			dst = append(dst, s[start:i]...)
			dst = append(dst, '\\', 'u', digits[r>>12], digits[r>>8&15], digits[r>>4&15], digits[r&15])
			i += 2
			start = i + 1
			continue
		}
		dst = append(dst, s[start:i]...)
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\b':
			dst = append(dst, `\b`...)
		case '\f':
			dst = append(dst, `\f`...)
		case '\n':
			dst = append(dst, `\n`...)
		case '\r':
			dst = append(dst, `\r`...)
		case '\t':
			dst = append(dst, `\t`...)
		default:
			dst = append(dst, `\u00`...)
			dst = append(dst, digits[c>>4], digits[c&15])
		}
		start = i + 1
	}
	dst = append(dst, s[start:]...)
	return append(dst, '"')
}

// surrogateAt tells whether the three-byte form of a surrogate begins at s[i]. Text from
// Go may also hold bytes that are neither UTF-8 nor such a form.
func surrogateAt(s string, i int) bool {
	return i+2 < len(s) && s[i] == 0xED && s[i+1]&0xE0 == 0xA0 && s[i+2]&0xC0 == 0x80
}

func surrogate(s string) rune { return 0xD000 | rune(s[1]&0x3F)<<6 | rune(s[2]&0x3F) }

// DecodeRune is utf8.DecodeRuneInString that also knows lone surrogates in their
// three-byte form.
func DecodeRune(s string) (r rune, size int) {
	r, size = utf8.DecodeRuneInString(s)
	if r == utf8.RuneError && size == 1 && surrogateAt(s, 0) {
		return surrogate(s), 3
	}
	return r, size
}

func quotedSize(s string) int {
	n := len(s) + 2
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			n++
		case c >= 0x20 && c != 0xED:
		case c == 0xED:
			if surrogateAt(s, i) {
				n += 3
				i += 2
			}
		case c == '\b' || c == '\f' || c == '\n' || c == '\r' || c == '\t':
			n++
		default:
			n += 5
		}
	}
	return n
}

// Size returns the length of the compact JSON text in bytes. Containers remember theirs,
// so asking again, or asking for something that shares them, is cheap.
func (v Value) Size() int {
	switch v.Kind() {
	case KindBool:
		if v.n != 0 {
			return 4
		}
		return 5
	case KindNumber:
		if v.textLen() != 0 {
			return v.textLen()
		}
		if v.m&isFloat == 0 {
			return intSize(int64(v.n))
		}
		var buf [32]byte
		return len(v.appendNumber(buf[:0]))
	case KindString:
		return quotedSize(v.Str())
	case KindArray:
		a := v.arr()
		if n := a.size.Load(); n != 0 {
			return int(n)
		}
		n := 2
		for i, e := range a.vals {
			if i > 0 {
				n++
			}
			n += e.Size()
		}
		a.size.Store(int64(n))
		return n
	case KindObject:
		o := v.obj()
		if n := o.size.Load(); n != 0 {
			return int(n)
		}
		n := 2
		for i, k := range o.shape.keys {
			if i > 0 {
				n++
			}
			n += quotedSize(k) + 1 + o.vals[i].Size()
		}
		o.size.Store(int64(n))
		return n
	}
	return 4
}

func intSize(i int64) int {
	n := 1
	u := uint64(i)
	if i < 0 {
		n++
		u = -u
	}
	for u >= 10 {
		u /= 10
		n++
	}
	return n
}
