package asl

import (
	"sort"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/sfnkit/sfnkit/asl/value"
)

// Source is the text that a definition was read from, with the place of every element.
// It is immutable and safe for concurrent use.
type Source struct {
	text   string
	root   *node
	format Format

	once  sync.Once
	lines []int // offset of the first byte of each line
}

// node is one value of the text: what was written, whether the model has a place for it
// or not.
type node struct {
	kind    value.Kind
	scalar  value.Value // of a string, number, boolean or null
	name    string      // of a member
	nameAt  int32       // offset of a member's name, -1 for an element
	start   int32       // offset of the first byte of the value
	end     int32       // and after its last
	unknown bool        // stands where a ${...} without quotes was
	kids    []node      // members, repeated names included, or elements
}

// Source returns where the machine was read from, nil if it was not parsed. Only the
// machine that Parse returned has one, not those inside it.
func (m *StateMachine) Source() *Source { return m.source }

// Text returns the whole text.
func (s *Source) Text() string { return s.text }

// Format returns the format that the text was read as.
func (s *Source) Format() Format { return s.format }

// Line returns line n, which counts from 1, without its line end; "" if there is none.
func (s *Source) Line(n int) string {
	s.index()
	if n < 1 || n > len(s.lines) {
		return ""
	}
	line := s.text[s.lines[n-1]:]
	if i := strings.IndexByte(line, '\n'); i >= 0 {
		line = line[:i]
	}
	return strings.TrimSuffix(line, "\r")
}

// Position returns where the element at a location begins: for a member of an object its
// name, else the value. The location is in the service's form, /States/A/Retry[0]/Next,
// or a JSON pointer, /States/A/Retry/0/Next. Of a location that does not exist in full,
// it is the place of the innermost element that does. A nil Source gives the zero
// Position.
func (s *Source) Position(location string) Position {
	if s == nil || s.root == nil {
		return Position{}
	}
	return s.nodePosition(s.find(location))
}

func (s *Source) nodePosition(n *node) Position {
	if n.nameAt >= 0 {
		return s.at(int(n.nameAt))
	}
	return s.at(int(n.start))
}

func (s *Source) index() {
	s.once.Do(func() {
		s.lines = append(s.lines, 0)
		for i := 0; i < len(s.text); i++ {
			if s.text[i] == '\n' {
				s.lines = append(s.lines, i+1)
			}
		}
	})
}

// at turns an offset into a position.
func (s *Source) at(offset int) Position {
	s.index()
	line := sort.SearchInts(s.lines, offset+1)
	return Position{Line: line, Column: offset - s.lines[line-1] + 1}
}

// find returns the node at a location, or the innermost one on the way to it.
func (s *Source) find(location string) *node {
	n := s.root
	for location != "" && location != "/" {
		next, rest := n.step(location)
		if next == nil {
			return n
		}
		n, location = next, rest
	}
	return n
}

// step follows the first part of a location. Names may hold any character, the
// separators included, so that the longest name that fits is taken.
func (n *node) step(location string) (*node, string) {
	switch {
	case n.kind == value.KindArray:
		i, rest, ok := cutIndex(location)
		if !ok || i >= len(n.kids) {
			return nil, ""
		}
		return &n.kids[i], rest
	case n.kind != value.KindObject || location[0] != '/':
		return nil, ""
	}
	var best *node
	var rest string
	for i := range n.kids {
		k := &n.kids[i]
		for _, name := range [...]string{k.name, escapePointer(k.name)} {
			if best != nil && len(name) < len(best.name) {
				continue
			}
			if r, ok := strings.CutPrefix(location[1:], name); ok && (r == "" || r[0] == '/' || r[0] == '[') {
				best, rest = k, r
				break
			}
		}
	}
	return best, rest
}

func cutIndex(location string) (int, string, bool) {
	digits := location[1:]
	n := 0
	for n < len(digits) && '0' <= digits[n] && digits[n] <= '9' {
		n++
	}
	i, err := strconv.Atoi(digits[:n])
	rest := digits[n:]
	if location[0] == '[' {
		if rest == "" || rest[0] != ']' {
			return 0, "", false
		}
		rest = rest[1:]
	}
	return i, rest, err == nil
}

func escapePointer(name string) string {
	if !strings.ContainsAny(name, "~/") {
		return name
	}
	return strings.ReplaceAll(strings.ReplaceAll(name, "~", "~0"), "/", "~1")
}

// get returns the last member with the given name, nil if there is none.
func (n *node) get(name string) *node {
	if n == nil || n.kind != value.KindObject {
		return nil
	}
	for i := len(n.kids) - 1; i >= 0; i-- {
		if n.kids[i].name == name {
			return &n.kids[i]
		}
	}
	return nil
}

// str returns the text of a string node and "" for other nodes, nil included.
func (n *node) str() string {
	if n == nil || n.kind != value.KindString {
		return ""
	}
	return n.scalar.Str()
}

// value returns what the node holds. Of repeated names the last value counts.
func (n *node) value() value.Value {
	if n == nil {
		return value.Value{}
	}
	switch n.kind {
	case value.KindArray:
		vals := make([]value.Value, len(n.kids))
		for i := range n.kids {
			vals[i] = n.kids[i].value()
		}
		return value.Array(vals)
	case value.KindObject:
		keys := make([]string, len(n.kids))
		vals := make([]value.Value, len(n.kids))
		for i := range n.kids {
			keys[i] = n.kids[i].name
			vals[i] = n.kids[i].value()
		}
		return value.Object(keys, vals)
	}
	return n.scalar
}

// runeColumn turns a column in characters, from 1, into an offset in the line.
func runeColumn(line string, column int) int {
	off := 0
	for i := 1; i < column && off < len(line); i++ {
		_, n := utf8.DecodeRuneInString(line[off:])
		off += n
	}
	return off
}
