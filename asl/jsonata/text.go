package jsonata

import (
	"bytes"
	"math"
	"strconv"

	"github.com/sfnkit/sfnkit/asl/value"
)

// maxValueDepth bounds the recursion over values that an expression has nested in each
// other. Deeper ones end the evaluation like deep recursion does.
const maxValueDepth = 20_000

// tooDeep ends the evaluation; Eval turns the panic into an error.
func tooDeep() { panic(limitError(LimitDepth)) }

// printer writes values as JavaScript's JSON.stringify does.
type printer struct {
	indent  string
	rounded bool // numbers to 15 digits and functions as "", as $string wants
	exact   bool // but whole numbers in full
	e       *evaluator
	err     *Error
}

// appendScript appends what JSON.stringify makes of a value.
func appendScript(dst []byte, v value.Value) []byte { return new(printer).append(dst, v, 0) }

// appendString appends what $string makes of a value that is not absent.
func (e *evaluator) appendString(dst []byte, v value.Value, indent string) ([]byte, *Error) {
	switch v.Kind() {
	case value.KindString:
		return append(dst, v.Str()...), nil
	case value.KindForeign:
		return dst, nil
	case value.KindNumber:
		if v.IsInt() {
			if i, _ := v.Int64(); -1e15 < i && i < 1e15 {
				return strconv.AppendInt(dst, i, 10), nil
			}
		} else if !finiteNumber(v) {
			return dst, failure("D3001").withValue(v)
		}
	}
	if v.Mark()&markOuter != 0 {
		v = v.At(0)
	}
	p := printer{indent: indent, rounded: true, exact: e.cfg.exact || e.cfg.latest, e: e}
	dst = p.append(dst, v, 0)
	return dst, p.err
}

func (p *printer) line(dst []byte, level int) []byte {
	if p.indent != "" {
		dst = append(dst, '\n')
		for range level {
			dst = append(dst, p.indent...)
		}
	}
	return dst
}

func (p *printer) append(dst []byte, v value.Value, level int) []byte {
	if level > maxValueDepth {
		tooDeep()
	}
	switch v.Kind() {
	case value.KindNumber:
		return p.number(dst, v)
	case value.KindString:
		return value.AppendQuotedLower(dst, v.Str())
	case value.KindBool:
		return strconv.AppendBool(dst, v.Truth())
	case value.KindForeign:
		if p.rounded {
			return append(dst, `""`...)
		}
		return append(dst, "null"...)
	case value.KindArray, value.KindObject:
		if p.e != nil {
			if err := p.e.spend(v.Len()); err != nil {
				p.err = err
			} else if len(dst) > p.e.cfg.limits.Value {
				p.err = limitError(LimitMemory)
			}
		}
		if p.err != nil {
			return dst
		}
		open, end := byte('['), byte(']')
		if v.IsObject() {
			open, end = '{', '}'
		}
		dst = append(dst, open)
		n := 0
		for i, c := range v.Elems() {
			if v.IsObject() && c.IsAbsent() {
				continue
			}
			if n > 0 {
				dst = append(dst, ',')
			}
			n++
			dst = p.line(dst, level+1)
			if v.IsObject() {
				dst = append(value.AppendQuotedLower(dst, v.Key(i)), ':')
				if p.indent != "" {
					dst = append(dst, ' ')
				}
			}
			dst = p.append(dst, c, level+1)
		}
		if n > 0 {
			dst = p.line(dst, level)
		}
		return append(dst, end)
	}
	return append(dst, "null"...)
}

func (p *printer) number(dst []byte, v value.Value) []byte {
	if v.IsInt() {
		i, _ := v.Int64()
		if p.exact || -1e15 < i && i < 1e15 || !p.rounded && -exactInt <= i && i <= exactInt {
			return strconv.AppendInt(dst, i, 10)
		}
	}
	f := v.Float64()
	if p.rounded {
		if math.IsInf(f, 0) {
			p.err = failure("D1001").withValue(v)
			return dst
		}
		if !p.exact || f != math.Trunc(f) {
			f = round15(f)
		}
	}
	return value.AppendFloat(dst, f)
}

// round15 rounds to 15 significant digits.
func round15(f float64) float64 {
	if f == math.Trunc(f) && math.Abs(f) < 1e15 || f-f != 0 {
		return f
	}
	var buf [32]byte
	digits := strconv.AppendFloat(buf[:0], f, 'e', -1, 64)
	if bytes.IndexByte(digits, 'e') <= len("1.")+14 { // with a sign, one digit less
		return f
	}
	g, err := strconv.ParseFloat(string(strconv.AppendFloat(buf[:0], f, 'e', 14, 64)), 64)
	if err != nil {
		return f
	}
	return g
}

// rounded returns a number as it comes out of $string and back.
func (e *evaluator) rounded(v value.Value) value.Value {
	if v.IsInt() {
		if i, _ := v.Int64(); e.cfg.exact || e.cfg.latest || -1e15 < i && i < 1e15 {
			return v
		}
	}
	f := v.Float64()
	if (e.cfg.exact || e.cfg.latest) && f == math.Trunc(f) {
		return value.Float(f)
	}
	return value.Float(round15(f))
}

// charLen is the length of the character at s[i]. A lone surrogate is a character.
func charLen(s string, i int) int {
	n := 1
	switch c := s[i]; {
	case c < 0xC0:
		return 1
	case c < 0xE0:
		n = 2
	case c < 0xF0:
		n = 3
	default:
		n = 4
	}
	return min(n, len(s)-i)
}

// charCount counts the characters of a string.
func charCount(s string) int {
	n := 0
	for i := range len(s) {
		if s[i]&0xC0 != 0x80 {
			n++
		}
	}
	return n
}

// charOffset returns the byte offset of character n, at most len(s).
func charOffset(s string, n int) int {
	i := 0
	for ; n > 0 && i < len(s); n-- {
		i += charLen(s, i)
	}
	return i
}
