package template

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/sfnkit/sfnkit/asl/value"
)

const (
	// maxDepth is how deeply the values of a file may be nested.
	maxDepth = 500
	// maxNodes is how many values a JSON file may have.
	maxNodes = 2_000_000
)

// node is a value in a file. Aliases share nodes: what walks a tree must bound its work.
type node struct {
	kind  value.Kind
	s     string // of a string its text, of a number and a boolean their notation
	names []name // of the members
	kids  []*node

	src   *source
	off   int
	style style
	known *passage // a string with its origin, where it is no single string of a file
	bare  bool     // a string ${...} for a value of any kind
}

type name struct {
	s   string
	off int
}

// get returns the last member with a name, nil if there is none; it may be asked of nil.
func (n *node) get(key string) *node {
	if n == nil || n.kind != value.KindObject {
		return nil
	}
	for i := len(n.names) - 1; i >= 0; i-- {
		if n.names[i].s == key {
			return n.kids[i]
		}
	}
	return nil
}

func (n *node) at(path ...string) *node {
	for _, key := range path {
		n = n.get(key)
	}
	return n
}

// str returns the text of a string, "" for everything else.
func (n *node) str() string {
	if n == nil || n.kind != value.KindString {
		return ""
	}
	return n.s
}

func (n *node) isString() bool { return n != nil && n.kind == value.KindString }
func (n *node) isObject() bool { return n != nil && n.kind == value.KindObject }
func (n *node) isArray() bool  { return n != nil && n.kind == value.KindArray }

// call returns the function and its argument if the node is one of CloudFormation's.
func (n *node) call() (string, *node) {
	if n.isObject() && len(n.names) == 1 {
		if f := n.names[0].s; f == "Ref" || strings.HasPrefix(f, "Fn::") {
			return f, n.kids[0]
		}
	}
	return "", nil
}

// passage returns a scalar's text with its origin.
func (n *node) passage() *passage {
	switch {
	case n.known != nil:
		return n.known
	case n.kind == value.KindString:
		return align(n.s, n.src, n.off, n.style)
	}
	p := &passage{}
	p.addAt(n.s, n.src, n.off)
	return p
}

// print appends a tree as JSON text. The text of strings comes from resolve, which may
// also give text for whole objects, such as calls of functions.
func (n *node) print(p *passage, resolve func(*node) (*passage, bool), depth int) {
	if p.full() || depth > maxDepth {
		return
	}
	if text, quoted := resolve(n); text != nil {
		if quoted {
			p.quote(text, n.src, n.off)
		} else {
			p.append(text)
		}
		return
	}
	switch n.kind {
	case value.KindObject:
		p.addAt("{", n.src, n.off)
		for i, m := range n.names {
			if i > 0 {
				p.addAt(",", n.src, n.kids[i].off)
			}
			p.addAt(string(value.AppendQuoted(nil, m.s)), n.src, m.off)
			p.addAt(":", n.src, m.off)
			n.kids[i].print(p, resolve, depth+1)
		}
		p.addAt("}", n.src, n.off)
	case value.KindArray:
		p.addAt("[", n.src, n.off)
		for i, k := range n.kids {
			if i > 0 {
				p.addAt(",", k.src, k.off)
			}
			k.print(p, resolve, depth+1)
		}
		p.addAt("]", n.src, n.off)
	case value.KindString:
		p.quote(n.passage(), n.src, n.off)
	case value.KindNumber, value.KindBool:
		p.addAt(n.s, n.src, n.off)
	default:
		p.addAt("null", n.src, n.off)
	}
}

// asWritten prints strings as they are.
func asWritten(n *node) (*passage, bool) {
	if n.bare {
		return n.passage(), false
	}
	return nil, false
}

// SyntaxError says where a file cannot be read.
type SyntaxError struct {
	File         string
	Line, Column int // from 1, columns in bytes
	Reason       string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Reason)
}

func syntaxError(src *source, off int, format string, args ...any) error {
	p := src.position(off)
	return &SyntaxError{File: src.name, Line: p.Line, Column: p.Column, Reason: fmt.Sprintf(format, args...)}
}

// readJSON reads a JSON file. It does not care about what JSON forbids and no
// reader could misunderstand: names twice, numbers with leading zeros.
func readJSON(src *source) (*node, error) {
	r := &jsonReader{src: src, s: src.text}
	if strings.HasPrefix(r.s, "\uFEFF") {
		r.i = len("\uFEFF")
	}
	n, err := r.value(0)
	if err != nil {
		return nil, err
	}
	if r.space(); r.i < len(r.s) {
		return nil, syntaxError(src, r.i, "there is more after the JSON value")
	}
	return n, nil
}

type jsonReader struct {
	src   *source
	s     string
	i     int
	nodes int
}

func (r *jsonReader) space() {
	for r.i < len(r.s) && (r.s[r.i] == ' ' || r.s[r.i] == '\n' || r.s[r.i] == '\t' || r.s[r.i] == '\r') {
		r.i++
	}
}

func (r *jsonReader) fail(what string) error {
	if r.i >= len(r.s) {
		return syntaxError(r.src, r.i, "the JSON text ends where %s should stand", what)
	}
	return syntaxError(r.src, r.i, "this is not JSON: %s should stand here", what)
}

func (r *jsonReader) value(depth int) (*node, error) {
	r.space()
	n := &node{src: r.src, off: r.i}
	if depth > maxDepth {
		return nil, syntaxError(r.src, r.i, "the values are nested more than %d deep", maxDepth)
	}
	if r.nodes++; r.nodes > maxNodes {
		return nil, syntaxError(r.src, r.i, "the file has more than %d values", maxNodes)
	}
	if r.i >= len(r.s) {
		return nil, r.fail("a value")
	}
	switch c := r.s[r.i]; {
	case c == '{' || c == '[':
		return n, r.container(n, c == '{', depth)
	case c == '"':
		s, err := r.str()
		n.kind, n.s = value.KindString, s
		return n, err
	}
	start := r.i
	for r.i < len(r.s) && strings.IndexByte(" \n\t\r,]}:\"[{", r.s[r.i]) < 0 {
		r.i++
	}
	n.s = r.s[start:r.i]
	switch n.s {
	case "true", "false":
		n.kind = value.KindBool
	case "null":
		n.kind = value.KindNull
	default:
		if _, ok := value.Number(n.s); !ok {
			r.i = start
			return nil, r.fail("a value")
		}
		n.kind = value.KindNumber
	}
	return n, nil
}

func (r *jsonReader) container(n *node, object bool, depth int) error {
	n.kind = value.KindArray
	end := byte(']')
	if object {
		n.kind, end = value.KindObject, '}'
	}
	r.i++
	for {
		if r.space(); r.i < len(r.s) && r.s[r.i] == end && len(n.kids) == 0 {
			r.i++
			return nil
		}
		if object {
			at := r.i
			if r.i >= len(r.s) || r.s[r.i] != '"' {
				return r.fail("a name")
			}
			s, err := r.str()
			if err != nil {
				return err
			}
			n.names = append(n.names, name{s, at})
			if r.space(); r.i >= len(r.s) || r.s[r.i] != ':' {
				return r.fail("a colon")
			}
			r.i++
		}
		kid, err := r.value(depth + 1)
		if err != nil {
			return err
		}
		n.kids = append(n.kids, kid)
		r.space()
		switch {
		case r.i < len(r.s) && r.s[r.i] == ',':
			r.i++
			if r.space(); r.i < len(r.s) && r.s[r.i] == end {
				return r.fail("a value")
			}
		case r.i < len(r.s) && r.s[r.i] == end:
			r.i++
			return nil
		default:
			return r.fail("a comma or the end of the " + n.kind.String())
		}
	}
}

func (r *jsonReader) str() (string, error) {
	start := r.i
	for r.i++; r.i < len(r.s); r.i++ {
		switch r.s[r.i] {
		case '\\':
			r.i++
		case '"':
			r.i++
			text := r.s[start:r.i]
			if strings.IndexByte(text, '\\') < 0 {
				return text[1 : len(text)-1], nil
			}
			var s string
			if err := json.Unmarshal([]byte(text), &s); err != nil {
				return "", syntaxError(r.src, start, "this string is not JSON")
			}
			return s, nil
		}
	}
	r.i = start
	return "", syntaxError(r.src, start, "this string does not end")
}
