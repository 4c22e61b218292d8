package jsonata

import (
	"math"
	"strconv"
	"strings"

	"github.com/sfnkit/sfnkit/asl/value"
)

type tokenKind uint8

const (
	tokEnd tokenKind = iota
	tokName
	tokVariable
	tokOperator
	tokString
	tokNumber
	tokValue // true, false, null
	tokRegex
)

type token struct {
	kind  tokenKind
	pos   int // just behind the token, as in the reference implementation
	text  string
	val   value.Value
	regex *regex
}

// literal returns what a message prints for the token.
func (t *token) literal() value.Value {
	switch t.kind {
	case tokEnd:
		return value.String("(end)")
	case tokString, tokNumber, tokValue:
		return t.val
	case tokRegex:
		return value.EmptyObject
	}
	return value.String(t.text)
}

type lexer struct {
	src string
	pos int
	cfg *config
}

// delimiter marks the characters that end a name.
var delimiter = func() (t [256]bool) {
	for _, c := range []byte(" \t\n\r\v.[]{}(),@#;:?+-*/%|=<>^&!~") {
		t[c] = true
	}
	return
}()

func isBlank(c byte) bool { return c == ' ' || '\t' <= c && c <= '\v' || c == '\r' }

func (l *lexer) at(i int) byte {
	if i < len(l.src) {
		return l.src[i]
	}
	return 0
}

func (l *lexer) operator(n int) token {
	l.pos += n
	return token{kind: tokOperator, text: l.src[l.pos-n : l.pos], pos: l.pos}
}

// next reads a token. After an operand a slash divides, elsewhere it opens a regular
// expression.
func (l *lexer) next(operand bool) (token, *Error) {
	for {
		for l.pos < len(l.src) && isBlank(l.src[l.pos]) {
			l.pos++
		}
		if l.at(l.pos) != '/' || l.at(l.pos+1) != '*' {
			break
		}
		end := strings.Index(l.src[l.pos+2:], "*/")
		if end < 0 {
			return token{}, failureAt("S0106", l.pos)
		}
		l.pos += 2 + end + 2
	}
	if l.pos >= len(l.src) {
		return token{kind: tokEnd, pos: len(l.src)}, nil
	}
	c, d := l.src[l.pos], l.at(l.pos+1)
	switch c {
	case '/':
		if !operand {
			l.pos++
			return l.regex()
		}
	case '.':
		if d == '.' {
			return l.operator(2), nil
		}
	case ':', '!', '>', '<':
		if d == '=' {
			return l.operator(2), nil
		}
	case '*':
		if d == '*' {
			return l.operator(2), nil
		}
	case '~':
		if d == '>' {
			return l.operator(2), nil
		}
	case '?':
		if l.cfg.latest && (d == '?' || d == ':') {
			return l.operator(2), nil
		}
	case '"', '\'':
		return l.string(c)
	case '`':
		end := strings.IndexByte(l.src[l.pos+1:], '`')
		if end < 0 {
			l.pos = len(l.src)
			return token{}, failureAt("S0105", l.pos)
		}
		name := l.src[l.pos+1 : l.pos+1+end]
		l.pos += end + 2
		return token{kind: tokName, text: name, pos: l.pos}, nil
	}
	if delimiter[c] {
		return l.operator(1), nil
	}
	if '0' <= c && c <= '9' {
		return l.number()
	}
	start := l.pos
	for l.pos < len(l.src) && !delimiter[l.src[l.pos]] {
		l.pos++
	}
	name := l.src[start:l.pos]
	if c == '$' {
		return token{kind: tokVariable, text: name[1:], pos: l.pos}, nil
	}
	t := token{kind: tokName, text: name, pos: l.pos}
	switch name {
	case "or", "in", "and":
		t.kind = tokOperator
	case "true":
		t.kind, t.val = tokValue, value.True
	case "false":
		t.kind, t.val = tokValue, value.False
	case "null":
		t.kind, t.val = tokValue, value.Null
	}
	return t, nil
}

func (l *lexer) number() (token, *Error) {
	s, start := l.src, l.pos
	digits := func(i int) int {
		for i < len(s) && '0' <= s[i] && s[i] <= '9' {
			i++
		}
		return i
	}
	i := start + 1
	if s[start] != '0' {
		i = digits(i)
	}
	integral := true
	if l.at(i) == '.' {
		if j := digits(i + 1); j > i+1 {
			i, integral = j, false
		}
	}
	if c := l.at(i); c == 'e' || c == 'E' {
		j := i + 1
		if c := l.at(j); c == '+' || c == '-' {
			j++
		}
		if k := digits(j); k > j {
			i, integral = k, false
		}
	}
	text := s[start:i]
	v, ok := value.Value{}, false
	if integral {
		if n, err := strconv.ParseInt(text, 10, 64); err == nil && (l.cfg.exact || n <= 1<<53) {
			v, ok = value.Int(n), true
		}
	}
	if !ok {
		f, _ := strconv.ParseFloat(text, 64)
		if math.IsInf(f, 0) {
			return token{}, failureAt("S0102", start).withToken(text)
		}
		v = value.Float(f)
	}
	l.pos = i
	return token{kind: tokNumber, text: text, val: v, pos: i}, nil
}

func (l *lexer) string(quote byte) (token, *Error) {
	s := l.src
	start := l.pos + 1
	i := start
	for i < len(s) && s[i] != quote && s[i] != '\\' {
		i++
	}
	if i < len(s) && s[i] == quote {
		l.pos = i + 1
		return token{kind: tokString, val: value.String(s[start:i]), pos: l.pos}, nil
	}
	buf := append(make([]byte, 0, i-start+16), s[start:i]...)
	for i < len(s) {
		c := s[i]
		if c == quote {
			l.pos = i + 1
			return token{kind: tokString, val: value.String(string(buf)), pos: l.pos}, nil
		}
		if c != '\\' {
			buf = append(buf, c)
			i++
			continue
		}
		i++
		if i >= len(s) {
			return token{}, failureAt("S0103", i).withToken("")
		}
		switch c := s[i]; c {
		case '"', '\\', '/':
			buf = append(buf, c)
		case 'b':
			buf = append(buf, '\b')
		case 'f':
			buf = append(buf, '\f')
		case 'n':
			buf = append(buf, '\n')
		case 'r':
			buf = append(buf, '\r')
		case 't':
			buf = append(buf, '\t')
		case 'u':
			hex := s[i+1 : min(i+5, len(s))]
			r, err := strconv.ParseUint(hex, 16, 32)
			if err != nil {
				return token{}, failureAt("S0104", i)
			}
			buf = appendUnit(buf, rune(r))
			i += 4
		default:
			n := 1
			for i+n < len(s) && s[i+n]&0xC0 == 0x80 {
				n++
			}
			return token{}, failureAt("S0103", i).withToken(s[i : i+n])
		}
		i++
	}
	return token{}, failureAt("S0101", len(s))
}

// appendUnit appends a UTF-16 code unit; a low surrogate joins a high one before it.
func appendUnit(buf []byte, u rune) []byte {
	if n := len(buf); 0xDC00 <= u && u < 0xE000 && n >= 3 && buf[n-3] == 0xED && 0xA0 <= buf[n-2] && buf[n-2] < 0xB0 {
		hi := 0xD000 | rune(buf[n-2]&0x3F)<<6 | rune(buf[n-1]&0x3F)
		return value.AppendRune(buf[:n-3], (hi-0xD800)<<10+(u-0xDC00)+0x10000)
	}
	return value.AppendRune(buf, u)
}

func (l *lexer) regex() (token, *Error) {
	s, start, depth := l.src, l.pos, 0
	for i := start; i < len(s); i++ {
		escaped := s[i-1] == '\\'
		switch s[i] {
		case '/':
			if depth != 0 {
				continue
			}
			n := 0
			for s[i-n-1] == '\\' {
				n++
			}
			if n%2 != 0 {
				continue
			}
			if i == start {
				return token{}, failureAt("S0301", i)
			}
			end := i + 1
			for end < len(s) && (s[end] == 'i' || s[end] == 'm') {
				end++
			}
			l.pos = end
			re, err := compileRegex(s[start:i], s[i+1:end])
			if err != nil {
				return token{}, &Error{Message: err.Error(), Position: end}
			}
			return token{kind: tokRegex, regex: re, pos: end}, nil
		case '(', '[', '{':
			if !escaped {
				depth++
			}
		case ')', ']', '}':
			if !escaped {
				depth--
			}
		}
	}
	return token{}, failureAt("S0302", len(s))
}
