package jsonpath

import (
	"strconv"
	"strings"
	"sync/atomic"
	"unicode"

	"github.com/sfnkit/sfnkit/asl/value"
)

// maxSteps bounds the steps of one path, filters not counted.
const maxSteps = 512

// Compile compiles a path that begins with $, $$ or $name. White space around the path is
// ignored, within it is an error outside of brackets. The error is a [*SyntaxError].
func Compile(text string) (*Path, error) {
	if len(text) > MaxLength {
		return nil, &SyntaxError{text[:40] + "...", MaxLength, "longer than " + strconv.Itoa(MaxLength) + " bytes"}
	}
	start, end := trim(text, 0, len(text))
	c := compiler{text: text}
	if start == end || text[start] != '$' {
		return nil, &SyntaxError{text, start, "it does not begin with $"}
	}
	p := &Path{text: text}
	start++
	switch {
	case start < end && text[start] == '$':
		p.root = Context
		start++
	case start < end && text[start] != '.' && text[start] != '[':
		n := start
		for n < end && text[n] != '.' && text[n] != '[' {
			n++
		}
		p.root, p.name = Variable, text[start:n]
		if at := badVariableName(p.name); at >= 0 {
			return nil, &SyntaxError{text, start + at, "what follows $ is neither a step nor the name of a variable"}
		}
		start = n
	}
	if err := c.path(p, start, end); err != nil {
		return nil, err
	}
	p.isRef = isReference(text[start:])
	return p, nil
}

// MustCompile is Compile for paths known to be right; it panics on an error.
func MustCompile(text string) *Path {
	p, err := Compile(text)
	if err != nil {
		panic(err)
	}
	return p
}

// compiler turns the text of a path into steps. It looks at brackets the way the engine
// does: it first finds where the brackets close, without regard to quotes, and then takes
// the first thing in them that it knows, skipping what it does not know.
type compiler struct {
	text  string
	depth int // filters within filters
	slots int // memos given to steps so far
}

func (c *compiler) fail(at int, reason string) error {
	return &SyntaxError{c.text, at, reason}
}

// path compiles the steps in text[i:end] into p.
func (c *compiler) path(p *Path, i, end int) error {
	if strings.HasSuffix(c.text[i:end], "..") {
		return c.fail(end-2, "it ends with ..")
	}
	t := c.text
	for i < end {
		if len(p.steps) == maxSteps {
			return c.fail(i, "too many steps")
		}
		switch t[i] {
		case ' ':
			return c.fail(i, "a space stands outside of brackets")
		case '[':
			n := closing(t, i, end)
			s, err := c.bracket(i, n)
			if err != nil {
				return err
			}
			p.steps = append(p.steps, s)
			i = n
			continue
		case '$':
			i++ // the engine takes it for the root again, which changes nothing
			continue
		case '*':
			p.steps = append(p.steps, step{kind: wildcard})
			i++
			continue
		case '.':
			i++
			if i < end && t[i] == '.' {
				p.steps = append(p.steps, step{kind: scan})
				i++
				continue
			}
			if i == end {
				return c.fail(i-1, "it ends with a dot")
			}
		}
		n := i
		for n < end && t[n] != '.' && t[n] != '[' && t[n] != ' ' {
			n++
		}
		switch {
		case n == i: // a bracket or a space comes right after the dot
		case n == i+1 && t[i] == '*':
			p.steps = append(p.steps, step{kind: wildcard})
		default:
			p.steps = append(p.steps, dotted(t[i:n]))
		}
		i = n
	}
	c.finish(p)
	return nil
}

func (c *compiler) finish(p *Path) {
	p.definite = true
	for i := len(p.steps) - 1; i >= 0; i-- {
		if i+1 < len(p.steps) {
			p.steps[i+1].needed = p.definite && p.steps[i].kind.definite()
		}
		p.definite = p.definite && p.steps[i].kind.definite()
	}
	if len(p.steps) > 0 {
		p.steps[0].needed = p.definite
	}
	for p.plain < len(p.steps) && p.steps[p.plain].kind.plain() {
		p.plain++
	}
	for i := len(p.steps) - 2; i >= p.plain && p.steps[i+1].kind.plain(); i-- {
		p.steps[i].tail = true
	}
	for i := range p.steps {
		s := &p.steps[i]
		if s.slot = -1; s.kind != member {
			continue
		}
		if i > p.plain && c.slots < maxMemo || c.depth > 0 && c.slots < maxMemo {
			s.slot = int8(c.slots)
			c.slots++
		}
		if i < p.plain {
			s.seen = new(atomic.Pointer[memo])
		}
	}
}

// dotted returns the step for a name after a dot. The engine reads it as if it were
// written ['name'], so quotes and closing brackets in it do what they would do there.
func dotted(name string) step {
	if strings.IndexByte(name, '\'') < 0 && strings.IndexByte(name, ']') < 0 {
		return step{kind: member, key: name}
	}
	keys, _ := names("'" + name + "']")
	return membersStep(keys)
}

// names reads quoted names up to a closing bracket, which ends them even within quotes.
// The second result is false if there is none.
func names(t string) ([]string, bool) {
	keys := []string{}
	for i, open := 0, -1; i < len(t); i++ {
		switch {
		case t[i] == '\'' && open >= 0:
			keys = append(keys, t[open:i])
			open = -1
		case t[i] == '\'':
			open = i + 1
		case t[i] == ']':
			return keys, true
		}
	}
	return keys, false
}

func membersStep(keys []string) step {
	if len(keys) == 1 {
		return step{kind: member, key: keys[0]}
	}
	d := &stepDetail{keys: keys}
	seen := make(map[string]bool, len(keys))
	for _, k := range keys {
		seen[k] = true
	}
	if len(seen) == len(keys) {
		d.shape = value.NewShape(keys)
	}
	return step{kind: members, more: d}
}

// closing returns the place after the bracket that closes the one at i, or end.
func closing(t string, i, end int) int {
	for depth := 0; i < end; i++ {
		switch t[i] {
		case '[':
			depth++
		case ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return end
}

// bracket compiles text[i:end], which begins with a bracket.
func (c *compiler) bracket(i, end int) (step, error) {
	t := c.text[:end]
	if t[i:] == "[*]" {
		return step{kind: wildcard}, nil
	}
	if onlyPlaceholders(t[i:]) {
		return step{kind: matching, more: &stepDetail{filter: &filter{}}}, nil
	}
	for j := i; j < end; j++ {
		switch b := t[j]; {
		case b == '?':
			f, err := c.filterStep(i, end)
			if err != nil {
				return step{}, err
			}
			return step{kind: matching, more: &stepDetail{filter: f}}, nil
		case b == '\'':
			keys, ok := names(t[j:])
			if !ok {
				return step{}, c.fail(i, "the bracket is not closed")
			}
			return membersStep(keys), nil
		case b == '@':
			return c.fromEnd(j, end)
		case b >= '0' && b <= '9' || b == ':' || b == '-':
			return c.indexes(j, end)
		}
	}
	return step{}, c.fail(i, "the brackets hold neither names in single quotes nor indexes nor a filter")
}

// onlyPlaceholders reports whether a bracket is [?] or [?,?], which stand for conditions
// given by a program. Here nobody gives them: a value that they are applied to is an error.
func onlyPlaceholders(t string) bool {
	if len(t) < 3 || t[len(t)-1] != ']' {
		return false
	}
	t = strings.TrimLeft(t[1:len(t)-1], " \t\r\n")
	return strings.HasPrefix(t, "?") && strings.Trim(t, "?, \t\r\n*") == ""
}

// fromEnd compiles (@.length-n) from the @ on.
func (c *compiler) fromEnd(i, end int) (step, error) {
	t := c.text
	bad := func() (step, error) {
		return step{}, c.fail(i, "an index that begins with @ must be (@.length-n)")
	}
	j := i + 2
	var name []byte
	for ; j < end && t[j] != '-'; j++ {
		if t[j] != ' ' && t[j] != '(' && t[j] != ')' {
			name = append(name, t[j])
		}
	}
	if s := string(name); s != "length" && s != "size" {
		return bad()
	}
	var number []byte
	for ; j < end && t[j] != ')'; j++ {
		if t[j] != ' ' {
			number = append(number, t[j])
		}
	}
	n, err := parseInt(string(number))
	if j >= end || err != nil {
		return bad()
	}
	return step{kind: fromEnd, index: n}, nil
}

// indexes compiles an index, several, or a slice.
func (c *compiler) indexes(i, end int) (step, error) {
	t := c.text
	var (
		number  []byte
		numbers []int
		several bool
		slices  [3]bool // [from:], [:to], [from:to]
		start   = i
	)
	take := func() bool {
		n, err := parseInt(string(number))
		numbers, number = append(numbers, n), number[:0]
		return err == nil
	}
	digits := func() {
		for i++; i < end && (t[i] >= '0' && t[i] <= '9' || t[i] == ' ' || t[i] == '-'); i++ {
			if t[i] != ' ' {
				number = append(number, t[i])
			}
		}
	}
	bad := func() (step, error) {
		return step{}, c.fail(start, "an index or slice has a number that is missing, malformed or too large")
	}
loop:
	for i < end {
		switch b := t[i]; {
		case b == ' ':
		case b == ':' && len(number) == 0:
			slices[1] = true
			digits()
			if !take() {
				return bad()
			}
		case b == ':':
			if !take() {
				return bad()
			}
			digits()
			if len(number) == 0 {
				slices[0] = true
			} else {
				slices[2] = true
				if !take() {
					return bad()
				}
			}
		case b == ',':
			if !take() {
				return bad()
			}
			several = true
		case b >= '0' && b <= '9' || b == '-':
			number = append(number, b)
		default:
			break loop
		}
		if i < end && t[i] == ']' {
			break
		}
		i++
	}
	if i >= end {
		return step{}, c.fail(start, "the bracket is not closed")
	}
	if len(number) > 0 && !take() {
		return bad()
	}
	switch {
	case len(numbers) == 1 && slices == [3]bool{}:
		return step{kind: element, index: numbers[0]}, nil
	case several || slices == [3]bool{}:
		return step{kind: elements, more: &stepDetail{indexes: numbers}}, nil
	case slices[0]:
		return step{kind: sliceFrom, index: numbers[0]}, nil
	case slices[1]:
		return step{kind: sliceTo, to: numbers[0]}, nil
	}
	return step{kind: slice, index: numbers[0], to: numbers[1]}, nil
}

// isReference reports whether the steps of a path are member names and indexes only. It is
// stricter than the engine: a name after a dot is what can be written without brackets.
func isReference(t string) bool {
	i := 0
	for i < len(t) {
		switch {
		case strings.HasPrefix(t[i:], ".["):
			i++
		case t[i] == '.':
			n := i + 1
			for n < len(t) && strings.IndexByte(".[", t[n]) < 0 {
				if t[n] == '\\' && n+1 < len(t) && t[n+1] != '[' {
					n += 2 // an escaped operator is part of the name
					continue
				}
				if t[n] <= ' ' || strings.IndexByte("@,:?*()]'\"\\", t[n]) >= 0 {
					return false
				}
				n++
			}
			if n == i+1 {
				return false
			}
			i = n
		case strings.HasPrefix(t[i:], "['"):
			n := strings.IndexByte(t[i+2:], '\'')
			for n > 0 && t[i+2+n-1] == '\\' {
				next := strings.IndexByte(t[i+2+n+1:], '\'')
				if next < 0 {
					return false
				}
				n += next + 1
			}
			if n < 0 || !strings.HasPrefix(t[i+2+n:], "']") {
				return false
			}
			i += n + 4
		default:
			n := i + 1
			for n < len(t) && t[n] >= '0' && t[n] <= '9' {
				n++
			}
			if t[i] != '[' || n == i+1 || n == len(t) || t[n] != ']' {
				return false
			}
			i = n + 1
		}
	}
	return true
}

// badVariableName returns the place of the first byte that cannot be part of a variable's
// name, -1 if the name is right. Names are Unicode identifiers (UAX 31) of at most 80
// characters.
func badVariableName(name string) int {
	n := 0
	for i, r := range name {
		if n++; n > 80 {
			return i
		}
		if !(r == '_' || unicode.IsLetter(r) || i > 0 && (unicode.IsDigit(r) || unicode.In(r, unicode.Mn, unicode.Mc, unicode.Pc))) {
			return i
		}
	}
	return -1
}

func parseInt(s string) (int, error) {
	n, err := strconv.ParseInt(s, 10, 32)
	return int(n), err
}

func trim(t string, i, j int) (int, int) {
	for i < j && t[i] <= ' ' {
		i++
	}
	for i < j && t[j-1] <= ' ' {
		j--
	}
	return i, j
}
