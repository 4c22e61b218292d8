package value

import (
	"fmt"
	"strconv"
	"unicode/utf8"
	"unsafe"
)

// MaxDepth is how deeply arrays and objects may be nested in a text that is read.
const MaxDepth = 1000

// SyntaxError says why and where a text is not JSON.
type SyntaxError struct {
	Offset int // in bytes, from 0
	Reason string
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("%s at offset %d", e.Reason, e.Offset) }

// Parse reads one JSON text (RFC 8259, no byte order mark), with nothing but white space
// around it. The error is a *SyntaxError.
func Parse(text []byte) (Value, error) { return ParseString(string(text)) }

// ParseString is Parse for a string; the value's strings share its memory.
func ParseString(text string) (Value, error) {
	p := parser{s: text}
	p.space()
	v, err := p.value(0)
	if err != nil {
		return Value{}, err
	}
	p.space()
	if p.i < len(p.s) {
		return Value{}, p.fail("unexpected " + p.here() + " after the value")
	}
	return v, nil
}

// MustParse is ParseString for texts known to be JSON; it panics on an error.
func MustParse(text string) Value {
	v, err := ParseString(text)
	if err != nil {
		panic(fmt.Sprintf("value.MustParse(%.60q): %v", text, err))
	}
	return v
}

// UnmarshalJSON implements json.Unmarshaler.
func (v *Value) UnmarshalJSON(text []byte) error {
	got, err := Parse(text)
	if err == nil {
		*v = got
	}
	return err
}

type parser struct {
	s      string
	i      int
	stack  []Value  // elements of the containers being read
	keys   []string // names of the object being read, if it does not follow a known shape
	slab   []Value  // room for the contents of finished containers
	shapes []*Shape // per depth, the shape of the last object
}

func (p *parser) fail(reason string) error { return &SyntaxError{Offset: p.i, Reason: reason} }

func (p *parser) here() string {
	if p.i >= len(p.s) {
		return "end of text"
	}
	r, n := utf8.DecodeRuneInString(p.s[p.i:])
	if r == utf8.RuneError && n <= 1 {
		return "invalid UTF-8"
	}
	return strconv.QuoteRune(r)
}

func (p *parser) space() {
	for p.i < len(p.s) {
		switch p.s[p.i] {
		case ' ', '\n', '\t', '\r':
			p.i++
		default:
			return
		}
	}
}

func (p *parser) value(depth int) (Value, error) {
	if p.i >= len(p.s) {
		return Value{}, p.fail("unexpected end of text")
	}
	switch c := p.s[p.i]; {
	case c == '{':
		return p.object(depth)
	case c == '[':
		return p.array(depth)
	case c == '"':
		s, err := p.string()
		return String(s), err
	case c == '-' || '0' <= c && c <= '9':
		end, integral := scanNumber(p.s, p.i)
		if end == p.i {
			return Value{}, p.fail("invalid number")
		}
		v := number(p.s[p.i:end], integral)
		p.i = end
		return v, nil
	case c == 't' && p.word("true"):
		return True, nil
	case c == 'f' && p.word("false"):
		return False, nil
	case c == 'n' && p.word("null"):
		return Null, nil
	}
	return Value{}, p.fail("unexpected " + p.here())
}

func (p *parser) word(w string) bool {
	if len(p.s)-p.i < len(w) || p.s[p.i:p.i+len(w)] != w {
		return false
	}
	p.i += len(w)
	return true
}

// take moves the values above base from the stack into memory of their own.
func (p *parser) take(base int) []Value {
	n := len(p.stack) - base
	if n == 0 {
		return nil
	}
	var out []Value
	if n > 64 {
		out = make([]Value, n)
	} else {
		if cap(p.slab)-len(p.slab) < n {
			// Slabs grow with the text, so that a small text does not pay for a large one.
			p.slab = make([]Value, 0, max(n, min(2*cap(p.slab), 512)))
		}
		m := len(p.slab)
		p.slab = p.slab[:m+n]
		out = p.slab[m : m+n : m+n]
	}
	copy(out, p.stack[base:])
	clear(p.stack[base:])
	p.stack = p.stack[:base]
	return out
}

func (p *parser) array(depth int) (Value, error) {
	if depth >= MaxDepth {
		return Value{}, p.fail("nested too deeply")
	}
	p.i++
	base := len(p.stack)
	p.space()
	if p.i < len(p.s) && p.s[p.i] == ']' {
		p.i++
		return Array(nil), nil
	}
	for {
		p.space()
		v, err := p.value(depth + 1)
		if err != nil {
			return Value{}, err
		}
		p.stack = append(p.stack, v)
		p.space()
		if p.i >= len(p.s) {
			return Value{}, p.fail("unexpected end of text in an array")
		}
		switch p.s[p.i] {
		case ',':
			p.i++
		case ']':
			p.i++
			return Array(p.take(base)), nil
		default:
			return Value{}, p.fail("expected ',' or ']' but found " + p.here())
		}
	}
}

func (p *parser) object(depth int) (Value, error) {
	if depth >= MaxDepth {
		return Value{}, p.fail("nested too deeply")
	}
	p.i++
	p.space()
	if p.i < len(p.s) && p.s[p.i] == '}' {
		p.i++
		return ObjectOf(emptyShape, nil), nil
	}
	for len(p.shapes) <= depth {
		p.shapes = append(p.shapes, nil)
	}
	// Records of a list mostly have the names of the one before: as long as they do,
	// nothing is stored but their values.
	like := p.shapes[depth]
	base, keyBase, n := len(p.stack), len(p.keys), 0
	for {
		p.space()
		if p.i >= len(p.s) || p.s[p.i] != '"' {
			return Value{}, p.fail("expected a member name but found " + p.here())
		}
		if like != nil && n < len(like.keys) && p.follows(like.keys[n]) {
			n++
		} else {
			if like != nil {
				p.keys = append(p.keys, like.keys[:n]...)
				like = nil
			}
			key, err := p.string()
			if err != nil {
				return Value{}, err
			}
			p.keys = append(p.keys, key)
		}
		p.space()
		if p.i >= len(p.s) || p.s[p.i] != ':' {
			return Value{}, p.fail("expected ':' but found " + p.here())
		}
		p.i++
		p.space()
		v, err := p.value(depth + 1)
		if err != nil {
			return Value{}, err
		}
		p.stack = append(p.stack, v)
		p.space()
		if p.i >= len(p.s) {
			return Value{}, p.fail("unexpected end of text in an object")
		}
		switch p.s[p.i] {
		case ',':
			p.i++
			continue
		case '}':
			p.i++
		default:
			return Value{}, p.fail("expected ',' or '}' but found " + p.here())
		}
		break
	}
	vals := p.take(base)
	if like == nil || n < len(like.keys) {
		var keys []string
		if like != nil {
			keys = append(keys, like.keys[:n]...)
		} else {
			keys = append(keys, p.keys[keyBase:]...)
		}
		p.keys = p.keys[:keyBase]
		keys, vals = dedup(keys, vals)
		like = NewShape(keys)
		p.shapes[depth] = like
	}
	return ObjectOf(like, vals), nil
}

// follows reports whether the next string is key, written without escapes, and skips it.
func (p *parser) follows(key string) bool {
	end := p.i + 1 + len(key)
	if end >= len(p.s) || p.s[end] != '"' || p.s[p.i+1:end] != key || !plain(key) {
		return false
	}
	p.i = end + 1
	return true
}

// plain reports whether a text reads the same inside JSON quotes.
func plain(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < 0x20 || s[i] == '"' || s[i] == '\\' {
			return false
		}
	}
	return true
}

func (p *parser) string() (string, error) {
	p.i++
	start := p.i
	ascii := byte(0)
	for p.i < len(p.s) {
		c := p.s[p.i]
		switch {
		case c == '"' || c == '\\':
			s := p.s[start:p.i]
			if ascii >= utf8.RuneSelf && !utf8.ValidString(s) {
				p.i = start
				return "", p.fail("invalid UTF-8 in a string")
			}
			if c == '\\' {
				return p.escaped(start)
			}
			p.i++
			return s, nil
		case c < 0x20:
			return "", p.fail("control character in a string")
		}
		ascii |= c
		p.i++
	}
	return "", p.fail("unterminated string")
}

func (p *parser) escaped(start int) (string, error) {
	buf := append(make([]byte, 0, p.i-start+32), p.s[start:p.i]...)
	for p.i < len(p.s) {
		c := p.s[p.i]
		switch {
		case c == '"':
			p.i++
			return unsafe.String(unsafe.SliceData(buf), len(buf)), nil
		case c < 0x20:
			return "", p.fail("control character in a string")
		case c == '\\':
			if p.i+1 >= len(p.s) {
				return "", p.fail("unterminated string")
			}
			var n int
			if buf, n = AppendUnescaped(buf, p.s[p.i:]); n == 0 {
				if p.s[p.i+1] == 'u' {
					return "", p.fail("invalid \\u escape")
				}
				return "", p.fail("invalid escape")
			}
			p.i += n
		case c < utf8.RuneSelf:
			buf = append(buf, c)
			p.i++
		default:
			r, n := utf8.DecodeRuneInString(p.s[p.i:])
			if r == utf8.RuneError && n == 1 {
				return "", p.fail("invalid UTF-8 in a string")
			}
			buf = append(buf, p.s[p.i:p.i+n]...)
			p.i += n
		}
	}
	return "", p.fail("unterminated string")
}

// AppendUnescaped appends the character that the escape at the start of s stands for; two
// \u escapes that make a surrogate pair are one. It also returns the length of the escape,
// 0 if s starts with none that JSON knows.
func AppendUnescaped(dst []byte, s string) ([]byte, int) {
	if len(s) < 2 || s[0] != '\\' {
		return dst, 0
	}
	switch s[1] {
	case '"', '\\', '/':
		return append(dst, s[1]), 2
	case 'b':
		return append(dst, '\b'), 2
	case 'f':
		return append(dst, '\f'), 2
	case 'n':
		return append(dst, '\n'), 2
	case 'r':
		return append(dst, '\r'), 2
	case 't':
		return append(dst, '\t'), 2
	case 'u':
		r, ok := hex4(s, 2)
		if !ok {
			return dst, 0
		}
		if 0xD800 <= r && r < 0xDC00 && len(s) >= 8 && s[6:8] == `\u` {
			if low, ok := hex4(s, 8); ok && 0xDC00 <= low && low < 0xE000 {
				return utf8.AppendRune(dst, (r-0xD800)<<10+(low-0xDC00)+0x10000), 12
			}
		}
		return AppendRune(dst, r), 6
	}
	return dst, 0
}

// AppendRune appends a code point as UTF-8 and, unlike utf8.AppendRune, a lone surrogate
// as its three-byte form instead of U+FFFD.
func AppendRune(dst []byte, r rune) []byte {
	if 0xD800 <= r && r < 0xE000 {
		return append(dst, 0xE0|byte(r>>12), 0x80|byte(r>>6)&0x3F, 0x80|byte(r)&0x3F)
	}
	return utf8.AppendRune(dst, r)
}

func hex4(s string, i int) (rune, bool) {
	if i+4 > len(s) {
		return 0, false
	}
	var r rune
	for _, c := range []byte(s[i : i+4]) {
		switch {
		case '0' <= c && c <= '9':
			r = r<<4 | rune(c-'0')
		case 'a' <= c && c <= 'f':
			r = r<<4 | rune(c-'a'+10)
		case 'A' <= c && c <= 'F':
			r = r<<4 | rune(c-'A'+10)
		default:
			return 0, false
		}
	}
	return r, true
}

// scanNumber returns the end of the JSON number at i, or i if there is none, and whether
// it has neither fraction nor exponent.
func scanNumber(s string, i int) (end int, integral bool) {
	start := i
	if i < len(s) && s[i] == '-' {
		i++
	}
	switch {
	case i >= len(s) || s[i] < '0' || s[i] > '9':
		return start, false
	case s[i] == '0':
		i++
	default:
		i = digits(s, i)
	}
	integral = true
	if i < len(s) && s[i] == '.' {
		j := digits(s, i+1)
		if j == i+1 {
			return start, false
		}
		i, integral = j, false
	}
	if i < len(s) && (s[i] == 'e' || s[i] == 'E') {
		j := i + 1
		if j < len(s) && (s[j] == '+' || s[j] == '-') {
			j++
		}
		k := digits(s, j)
		if k == j {
			return start, false
		}
		i, integral = k, false
	}
	return i, integral
}

func digits(s string, i int) int {
	for i < len(s) && '0' <= s[i] && s[i] <= '9' {
		i++
	}
	return i
}

func number(text string, integral bool) Value {
	if integral && text != "-0" {
		if len(text) < 19 { // cannot overflow
			var u int64
			neg := text[0] == '-'
			for _, c := range []byte(text) {
				if c != '-' {
					u = u*10 + int64(c-'0')
				}
			}
			if neg {
				u = -u
			}
			return Int(u)
		}
		if i, err := strconv.ParseInt(text, 10, 64); err == nil {
			return Int(i)
		}
	}
	f, _ := strconv.ParseFloat(text, 64) // out of range gives ±Inf, and the text is kept
	return Value{
		p: unsafe.Pointer(unsafe.StringData(text)), n: mathBits(f),
		m: uint64(KindNumber) | isFloat | uint64(len(text))<<textShift,
	}
}
