package asl

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/sfnkit/sfnkit/asl/value"
)

// jsonReader reads JSON into nodes. After a problem it goes on with the next member or
// element, so that one slip does not hide the others.
//
// The service reads definitions with the Jackson library; the messages are the ones that
// this library is known for, as recorded in api_validation.
type jsonReader struct {
	src          *Source
	s            string
	i            int
	placeholders bool
	problems     Diagnostics
	stack        []node // members and elements of the containers being read
	slab         []node // room for those of finished ones
	stopped      bool
}

func (n *node) isObject() bool    { return n.kind == value.KindObject }
func (n *node) isContainer() bool { return n.kind == value.KindObject || n.kind == value.KindArray }

func readJSON(src *Source, placeholders bool) (*node, Diagnostics) {
	r := &jsonReader{src: src, s: src.text, placeholders: placeholders}
	if strings.HasPrefix(r.s, "\uFEFF") {
		r.i = len("\uFEFF")
	}
	r.space()
	if r.i >= len(r.s) {
		return nil, r.problems
	}
	root := new(node)
	root.nameAt = -1
	ok := r.value(root, 0)
	r.space()
	if ok && r.i < len(r.s) && !r.stopped {
		r.unexpected("the definition ends before this")
	}
	if !ok && root.kind == value.KindAbsent {
		return nil, r.problems
	}
	return root, r.problems
}

const expectedValue = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')"

// problem reports what is wrong at offset off. told is where the service would say that
// it is: it has read on by then.
func (r *jsonReader) problem(off, told int, message string) {
	if r.stopped {
		return
	}
	source := r.sourceAt(told)
	r.problems = append(r.problems, Diagnostic{
		Severity: SeverityError,
		Code:     CodeInvalidJSON,
		Message:  message + "\n at " + source,
		Location: source,
		Position: r.src.at(off),
	})
	if len(r.problems) >= maxSyntaxProblems {
		r.stop()
		r.problems = append(r.problems, Diagnostic{
			Severity: SeverityError, Code: CodeTooManyErrors,
			Message:  fmt.Sprintf("more than %d syntax problems; the rest of the text was not read", maxSyntaxProblems),
			Position: r.src.at(off),
		})
	}
}

func (r *jsonReader) stop() {
	r.stopped = true
	r.i = len(r.s)
}

// sourceAt writes a place as Jackson does, with the beginning of the text.
func (r *jsonReader) sourceAt(off int) string {
	const shown = 500
	text, more := r.s, ""
	if n := utf8.RuneCountInString(text); n > shown {
		text = text[:runeColumn(text, shown+1)]
		more = fmt.Sprintf("[truncated %d chars]", n-shown)
	}
	p := r.src.at(off)
	lineStart := off - (p.Column - 1)
	column := utf8.RuneCountInString(r.s[lineStart:min(off, len(r.s))]) + 1
	return fmt.Sprintf("[Source: (String)\"%s\"%s; line: %d, column: %d]", text, more, p.Line, column)
}

// unexpected reports the character at the current place, or the end of the text.
func (r *jsonReader) unexpected(expected string) {
	if r.i >= len(r.s) {
		r.problem(len(r.s), len(r.s), "Unexpected end-of-input: "+expected)
		r.stop()
		return
	}
	shown, end := r.char(r.i)
	r.problem(r.i, end, "Unexpected character ("+shown+"): "+expected)
}

func (r *jsonReader) space() {
	for r.i < len(r.s) {
		switch r.s[r.i] {
		case ' ', '\n', '\t', '\r':
			r.i++
		case '/':
			if !r.comment() {
				return
			}
		default:
			return
		}
	}
}

// comment reports and skips a comment, which JSON does not have but people write.
func (r *jsonReader) comment() bool {
	rest := r.s[r.i:]
	var n int
	switch {
	case strings.HasPrefix(rest, "//"):
		if n = strings.IndexByte(rest, '\n'); n < 0 {
			n = len(rest)
		}
	case strings.HasPrefix(rest, "/*"):
		if n = strings.Index(rest, "*/"); n < 0 {
			n = len(rest)
		} else {
			n += 2
		}
	default:
		return false
	}
	r.problem(r.i, r.i+1, "Unexpected character ('/' (code 47)): maybe a (non-standard) comment? (not recognized as one since Feature 'ALLOW_COMMENTS' not enabled for parser)")
	if !r.stopped {
		r.i += n
	}
	return true
}

// value reads a value into n. It returns false, after reporting why, if there is none.
func (r *jsonReader) value(n *node, depth int) bool {
	n.start = int32(r.i)
	if r.i >= len(r.s) {
		r.unexpected("expected a value")
		return false
	}
	ok := true
	switch c := r.s[r.i]; {
	case c == '{' || c == '[':
		if depth >= maxDepth {
			r.problem(r.i, r.i, fmt.Sprintf("the definition is nested more than %d levels deep", maxDepth))
			r.stop()
			return false
		}
		if c == '{' {
			r.object(n, depth)
		} else {
			r.array(n, depth)
		}
	case c == '"':
		var s string
		if s, ok = r.string(); ok {
			n.kind, n.scalar = value.KindString, value.String(s)
		}
	case c == '-' || '0' <= c && c <= '9':
		ok = r.number(n)
	case c == '$' && r.placeholders && strings.HasPrefix(r.s[r.i:], "${"):
		ok = r.placeholder(n)
	default:
		ok = r.word(n)
	}
	n.end = int32(r.i)
	return ok
}

func (r *jsonReader) number(n *node) bool {
	start := r.i
	for r.i < len(r.s) && (isWord(r.s[r.i]) || strings.IndexByte("+-.", r.s[r.i]) >= 0) {
		r.i++
	}
	text := r.s[start:r.i]
	v, ok := value.Number(text)
	if !ok {
		r.badNumber(start, text)
		return false
	}
	n.kind, n.scalar = value.KindNumber, v
	return true
}

// badNumber says where a number goes wrong.
func (r *jsonReader) badNumber(start int, text string) {
	digits := func(i int) int {
		for i < len(text) && '0' <= text[i] && text[i] <= '9' {
			i++
		}
		return i
	}
	i := 0
	if text[0] == '-' {
		i = 1
	}
	whole := digits(i)
	end, what := whole, ""
	switch {
	case whole == i:
		what = "expected digit (0-9) to follow minus sign, for valid numeric value"
	case text[i] == '0' && whole > i+1:
		r.problem(start, start+i+2, "Invalid numeric value: Leading zeroes not allowed")
		return
	case whole < len(text) && text[whole] == '.' && digits(whole+1) == whole+1:
		end, what = whole+1, "Decimal point not followed by a digit"
	default:
		if whole < len(text) && text[whole] == '.' {
			end = digits(whole + 1)
		}
		if end < len(text) && (text[end] == 'e' || text[end] == 'E') {
			end++
			if end < len(text) && (text[end] == '+' || text[end] == '-') {
				end++
			}
			if digits(end) == end {
				what = "Exponent indicator not followed by a digit"
			} else {
				end = digits(end)
			}
		}
	}
	at := start + end
	shown, told := r.char(at)
	if what == "" {
		r.problem(at, told, "Unexpected character ("+shown+"): was expecting comma to separate entries")
		return
	}
	r.problem(at, told, "Unexpected character ("+shown+") in numeric value: "+what)
}

// char describes the character at an offset, and gives the offset behind it.
func (r *jsonReader) char(off int) (shown string, end int) {
	if off >= len(r.s) {
		return "end of text", off
	}
	c, n := utf8.DecodeRuneInString(r.s[off:])
	if c < 0x20 {
		return "(CTRL-CHAR, code " + strconv.Itoa(int(c)) + ")", off + n
	}
	return "'" + string(c) + "' (code " + strconv.Itoa(int(c)) + ")", off + n
}

func (r *jsonReader) placeholder(n *node) bool {
	end := strings.IndexByte(r.s[r.i:], '}')
	if end < 0 {
		r.problem(r.i, len(r.s), "Unexpected end-of-input: the placeholder has no closing brace")
		r.stop()
		return false
	}
	n.kind, n.scalar, n.unknown = value.KindString, value.String(r.s[r.i:r.i+end+1]), true
	r.i += end + 1
	return true
}

func (r *jsonReader) word(n *node) bool {
	start := r.i
	for r.i < len(r.s) && isWord(r.s[r.i]) {
		r.i++
	}
	switch text := r.s[start:r.i]; text {
	case "true":
		n.kind, n.scalar = value.KindBool, value.True
	case "false":
		n.kind, n.scalar = value.KindBool, value.False
	case "null":
		n.kind, n.scalar = value.KindNull, value.Null
	case "":
		if r.i < len(r.s) && (r.s[r.i] == ']' || r.s[r.i] == '}') {
			r.unexpected("expected a value")
		} else {
			r.unexpected("expected a valid value " + expectedValue)
		}
		return false
	default:
		r.problem(start, r.i, "Unrecognized token '"+clip(text)+"': was expecting "+expectedValue)
		return false
	}
	return true
}

func isWord(c byte) bool {
	return c == '_' || c == '$' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c >= utf8.RuneSelf
}

func clip(s string) string {
	if len(s) <= 256 {
		return s
	}
	return s[:runeColumn(s, 200)] + "..."
}

// string reads the string at the current place. On an error within it the rest of the
// string is skipped.
func (r *jsonReader) string() (string, bool) {
	r.i++
	start := r.i
	for i := start; i < len(r.s); i++ {
		switch c := r.s[i]; {
		case c == '"':
			r.i = i + 1
			return r.s[start:i], true
		case c == '\\' || c < 0x20:
			return r.longString(start, i)
		}
	}
	r.i = len(r.s)
	r.problem(start-1, len(r.s), "Unexpected end-of-input: was expecting closing quote for a string value")
	r.stop()
	return "", false
}

func (r *jsonReader) longString(start, i int) (string, bool) {
	buf := append(make([]byte, 0, i-start+32), r.s[start:i]...)
	ok := true
	bad := func(off, told int, message string) {
		if ok {
			r.problem(off, told, message)
		}
		ok = false
	}
	for i < len(r.s) {
		c := r.s[i]
		switch {
		case c == '"':
			r.i = i + 1
			return string(buf), ok
		case c == '\n' && !r.closes(i):
			// A line that ends before the string does: the quote was forgotten.
			bad(i, i+1, "Illegal unquoted character ((CTRL-CHAR, code 10)): has to be escaped using backslash to be included in string value")
			r.i = i
			return string(buf), false
		case c < 0x20:
			bad(i, i+1, "Illegal unquoted character ((CTRL-CHAR, code "+strconv.Itoa(int(c))+")): has to be escaped using backslash to be included in string value")
			i++
		case c != '\\':
			j := i + 1
			for j < len(r.s) && r.s[j] >= 0x20 && r.s[j] != '"' && r.s[j] != '\\' {
				j++
			}
			buf = append(buf, r.s[i:j]...)
			i = j
		case i+1 >= len(r.s):
			i++
		default:
			var n int
			if buf, n = value.AppendUnescaped(buf, r.s[i:]); n > 0 {
				i += n
				continue
			}
			i += 2
			if r.s[i-1] == 'u' {
				bad(i-2, i+1, "Unexpected character in a \\u escape: expected a hex-digit for character escape sequence")
				continue
			}
			c, n := utf8.DecodeRuneInString(r.s[i-1:])
			bad(i-2, i-1+n, "Unrecognized character escape '"+string(c)+"' (code "+strconv.Itoa(int(c))+")")
			i += n - 1
		}
	}
	r.i = len(r.s)
	if ok {
		r.problem(start-1, len(r.s), "Unexpected end-of-input: was expecting closing quote for a string value")
	}
	r.stop()
	return "", false
}

// closes reports whether the string that runs into the line end at i seems to go on
// after it: the next line has a quote before which no member begins.
func (r *jsonReader) closes(i int) bool {
	line := r.s[i+1:]
	if j := strings.IndexByte(line, '\n'); j >= 0 {
		line = line[:j]
	}
	line = strings.TrimLeft(line, " \t\r")
	return line != "" && line[0] != '"' && line[0] != '}' && line[0] != ']' && strings.Contains(line, `"`)
}

// take moves the nodes above base from the stack into memory of their own.
func (r *jsonReader) take(base int) []node {
	n := len(r.stack) - base
	if n == 0 {
		return nil
	}
	if cap(r.slab)-len(r.slab) < n {
		r.slab = make([]node, 0, max(n, min(256, 2*cap(r.slab)), 8))
	}
	m := len(r.slab)
	r.slab = r.slab[:m+n]
	out := r.slab[m : m+n : m+n]
	copy(out, r.stack[base:])
	clear(r.stack[base:])
	r.stack = r.stack[:base]
	return out
}

func (r *jsonReader) array(n *node, depth int) {
	open := r.i
	n.kind = value.KindArray
	r.i++
	base := len(r.stack)
	r.space()
	if r.i < len(r.s) && r.s[r.i] == ']' {
		r.i++
		return
	}
	for {
		r.space()
		kid := node{nameAt: -1}
		if r.value(&kid, depth+1) {
			r.stack = append(r.stack, kid)
		} else {
			r.skip()
		}
		if !r.next(']', open, "Array") {
			n.kids = r.take(base)
			return
		}
	}
}

func (r *jsonReader) object(n *node, depth int) {
	open := r.i
	n.kind = value.KindObject
	r.i++
	base := len(r.stack)
	var names map[string]struct{}
	r.space()
	if r.i < len(r.s) && r.s[r.i] == '}' {
		r.i++
		return
	}
	for {
		r.space()
		kid := node{nameAt: int32(r.i)}
		if r.member(&kid, depth) {
			// Short objects are searched one by one.
			before := r.stack[base:]
			again := false
			if len(before) < 16 {
				for i := range before {
					if before[i].name == kid.name {
						again = true
						break
					}
				}
			} else {
				if names == nil {
					names = make(map[string]struct{}, 64)
					for i := range before {
						names[before[i].name] = struct{}{}
					}
				}
				_, again = names[kid.name]
				names[kid.name] = struct{}{}
			}
			if again {
				r.problem(int(kid.nameAt), int(kid.nameAt)+len(kid.name)+2, "Duplicate field '"+clip(kid.name)+"'")
			}
			r.stack = append(r.stack, kid)
		} else {
			r.skip()
		}
		if !r.next('}', open, "Object") {
			n.kids = r.take(base)
			return
		}
	}
}

// member reads a name, a colon and a value.
func (r *jsonReader) member(kid *node, depth int) bool {
	if r.i >= len(r.s) || r.s[r.i] != '"' {
		r.unexpected("was expecting double-quote to start field name")
		return false
	}
	var ok bool
	if kid.name, ok = r.string(); !ok {
		return false
	}
	r.space()
	if r.i >= len(r.s) || r.s[r.i] != ':' {
		r.unexpected("was expecting a colon to separate field name and value")
		if r.i >= len(r.s) || strings.IndexByte(`"{[`, r.s[r.i]) < 0 {
			return false
		}
	} else {
		r.i++
		r.space()
	}
	return r.value(kid, depth+1)
}

// next reads what separates members or elements. It returns false at the end of the
// container.
func (r *jsonReader) next(end byte, open int, what string) bool {
	r.space()
	if r.i >= len(r.s) {
		if !r.stopped {
			r.problem(len(r.s), len(r.s), "Unexpected end-of-input: expected close marker for "+what+" (start marker at "+r.sourceAt(open)+")")
			r.stop()
		}
		return false
	}
	switch c := r.s[r.i]; {
	case c == end:
		r.i++
		return false
	case c == ',':
		comma := r.i
		r.i++
		r.space()
		if r.i < len(r.s) && r.s[r.i] == end {
			if end == '}' {
				r.unexpected("was expecting double-quote to start field name")
			} else {
				r.unexpected("expected a value")
			}
			if n := len(r.problems); n > 0 {
				r.problems[n-1].Position = r.src.at(comma)
				r.problems[n-1].Hint = "remove the comma"
			}
			if !r.stopped {
				r.i++
			}
			return false
		}
		return true
	case c == ']' || c == '}':
		// The other kind of bracket. If it closes a container outside this one, leave it
		// there for it.
		r.problem(r.i, r.i+1, "Unexpected close marker '"+string(c)+"': expected '"+string(end)+"' (for "+what+" starting at "+r.sourceAt(open)+")")
		return false
	default:
		r.unexpected("was expecting comma to separate " + what + " entries")
		if c != '"' && !unicode.IsLetter(rune(c)) && c != '{' && c != '[' && c != '-' && (c < '0' || c > '9') {
			r.skip()
			return r.next(end, open, what)
		}
		if end == '}' && c != '"' {
			r.skip()
			return r.next(end, open, what)
		}
		return true
	}
}

// skip goes to the next comma or closing bracket of the container being read.
func (r *jsonReader) skip() {
	depth := 0
	for r.i < len(r.s) {
		switch r.s[r.i] {
		case '"':
			r.i++
			for r.i < len(r.s) && r.s[r.i] != '"' && r.s[r.i] != '\n' {
				if r.s[r.i] == '\\' {
					r.i++
				}
				r.i++
			}
			r.i = min(r.i, len(r.s))
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return
			}
			depth--
		case ',':
			if depth == 0 {
				return
			}
		}
		if r.i < len(r.s) {
			r.i++
		}
	}
}
