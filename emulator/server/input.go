package server

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// inputProblem says what is wrong with a text that is not JSON in the words of the parser
// that the service uses. Recorded are the first three forms; everything else that can be
// wrong is said in general words.
func inputProblem(s string) string {
	if strings.TrimSpace(s) == "" {
		return "Invalid execution input."
	}
	p := jacksonProblem(s)
	if p == "" {
		return "Invalid execution input."
	}
	return p
}

// jacksonProblem walks a text until its first problem, "" if it finds none.
func jacksonProblem(s string) string {
	j := &jackson{s: s}
	j.space()
	j.value(0)
	if j.problem == "" && !j.deep {
		if j.space(); j.i < len(s) {
			j.char("Expected space separating root-level values")
		}
	}
	return j.problem
}

type jackson struct {
	s       string
	i       int
	problem string
	deep    bool // it is nested deeper than this looks
}

func (j *jackson) fail(format string, args ...any) {
	if j.problem == "" {
		j.problem = fmt.Sprintf(format, args...)
	}
}

func (j *jackson) space() {
	for j.i < len(j.s) && strings.IndexByte(" \t\r\n", j.s[j.i]) >= 0 {
		j.i++
	}
}

func (j *jackson) char(expected string) {
	r, _ := utf8.DecodeRuneInString(j.s[j.i:])
	j.fail("Unexpected character ('%c' (code %d)): %s", r, r, expected)
}

func (j *jackson) value(depth int) {
	if j.deep = j.deep || depth > 1000; j.deep || j.problem != "" {
		return
	}
	if j.i >= len(j.s) {
		j.fail("Unexpected end-of-input")
		return
	}
	switch c := j.s[j.i]; {
	case c == '{':
		j.container(depth, '}', "Object")
	case c == '[':
		j.container(depth, ']', "Array")
	case c == '"':
		j.text()
	case c == '-' || '0' <= c && c <= '9':
		j.i++
		for j.i < len(j.s) && strings.IndexByte("+-.eE0123456789", j.s[j.i]) >= 0 {
			j.i++
		}
	case c >= utf8.RuneSelf || c == '_' || c == '$' || 'a' <= c|0x20 && c|0x20 <= 'z':
		k := j.i
		for k < len(j.s) && (j.s[k] >= utf8.RuneSelf || j.s[k] == '_' || j.s[k] == '$' || 'a' <= j.s[k]|0x20 && j.s[k]|0x20 <= 'z' || '0' <= j.s[k] && j.s[k] <= '9') {
			k++
		}
		switch w := j.s[j.i:k]; w {
		case "true", "false", "null":
			j.i = k
		default:
			j.fail("Unrecognized token '%s': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')", w)
		}
	default:
		j.char("expected a valid value (JSON String, Number, Array, Object or token 'null', 'true' or 'false')")
	}
}

func (j *jackson) container(depth int, end byte, kind string) {
	j.i++
	for first := true; j.problem == "" && !j.deep; first = false {
		j.space()
		if j.i >= len(j.s) {
			j.fail("Unexpected end-of-input: expected close marker for %s", kind)
			return
		}
		if j.s[j.i] == end {
			j.i++
			return
		}
		if !first {
			if j.s[j.i] != ',' {
				j.char("was expecting comma to separate " + kind + " entries")
				return
			}
			j.i++
			j.space()
			if j.i >= len(j.s) {
				j.fail("Unexpected end-of-input within/between %s entries", kind)
				return
			}
		}
		if end == '}' {
			if j.s[j.i] != '"' {
				j.char("was expecting double-quote to start field name")
				return
			}
			j.text()
			j.space()
			if j.problem != "" {
				return
			}
			if j.i >= len(j.s) {
				j.fail("Unexpected end-of-input within/between Object entries")
				return
			}
			if j.s[j.i] != ':' {
				j.char("was expecting a colon to separate field name and value")
				return
			}
			j.i++
			j.space()
		}
		j.value(depth + 1)
	}
}

func (j *jackson) text() {
	for j.i++; j.i < len(j.s); j.i++ {
		switch c := j.s[j.i]; {
		case c == '"':
			j.i++
			return
		case c == '\\':
			j.i++
		case c < ' ':
			j.fail("Illegal unquoted character ((CTRL-CHAR, code %d)): has to be escaped using backslash to be included in string value", c)
			return
		}
	}
	j.fail("Unexpected end-of-input: was expecting closing quote for a string value")
}
