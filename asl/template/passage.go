package template

import (
	"cmp"
	"sort"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/sfnkit/sfnkit/asl"
	"github.com/sfnkit/sfnkit/asl/value"
)

// maxText is how much of a definition's text is put together: a byte more than the
// service takes, so that the validator sees that it is too large.
const maxText = asl.MaxDefinitionSize + 1

// source is a file that was read.
type source struct {
	name string
	text string
	from *passage // what a text that stands in no file was made of

	once  sync.Once
	lines []int

	// The place that offset found last: going on from there keeps reading a long line
	// linear. Only the one goroutine that reads the file asks.
	line, column, at int
}

func (s *source) position(offset int) asl.Position {
	if s.from != nil {
		if src, off := s.from.origin(offset); src != nil {
			return src.position(off)
		}
	}
	s.once.Do(func() {
		s.lines = append(s.lines, 0)
		for i := 0; i < len(s.text); i++ {
			if s.text[i] == '\n' {
				s.lines = append(s.lines, i+1)
			}
		}
	})
	offset = min(max(offset, 0), len(s.text))
	line := sort.SearchInts(s.lines, offset+1)
	return asl.Position{Line: line, Column: offset - s.lines[line-1] + 1}
}

// textOf returns line n, which counts from 1, without its line end.
func (s *source) textOf(n int) string {
	s.position(0)
	if n < 1 || n > len(s.lines) {
		return ""
	}
	line, _, _ := strings.Cut(s.text[s.lines[n-1]:], "\n")
	return strings.TrimSuffix(line, "\r")
}

// offset turns a line and a column in characters, both from 1, into an offset.
func (s *source) offset(line, column int) int {
	s.position(0)
	line = min(max(line, 1), len(s.lines))
	if line != s.line || column < s.column {
		s.line, s.column, s.at = line, 1, s.lines[line-1]
	}
	for s.column < column && s.at < len(s.text) && s.text[s.at] != '\n' {
		_, n := utf8.DecodeRuneInString(s.text[s.at:])
		s.at += n
		s.column++
	}
	return s.at
}

// run says where the text of a passage comes from, from one place on.
type run struct {
	at    int // offset in the passage
	src   *source
	off   int  // offset in the source
	fixed bool // all of it comes from that one place
}

// passage is text with its origin in files. Beyond its limit it takes no more.
type passage struct {
	b     []byte
	runs  []run
	limit int // 0 for maxText
}

func (p *passage) room() int { return cmp.Or(p.limit, maxText) - len(p.b) }

func (p *passage) full() bool { return p.room() <= 0 }

func (p *passage) String() string { return string(p.b) }

// add appends text that stands in the source as it is.
func (p *passage) add(s string, src *source, off int) { p.put(s, run{src: src, off: off}) }

// addAt appends text that is caused by one place of the source.
func (p *passage) addAt(s string, src *source, off int) {
	p.put(s, run{src: src, off: off, fixed: true})
}

func (p *passage) put(s string, r run) {
	if s == "" || p.full() {
		return
	}
	if r.src != nil && r.src.from != nil {
		from := r.src.from
		if end := r.off + len(s); !r.fixed && end <= len(from.b) {
			from.each(r.off, end, p.put)
			return
		}
		r.src, r.off = from.origin(r.off)
		r.fixed = true
	}
	s = s[:min(len(s), p.room())]
	r.at = len(p.b)
	if n := len(p.runs); n > 0 {
		last := p.runs[n-1]
		goesOn := last.off+r.at-last.at == r.off
		if last.fixed {
			goesOn = last.off == r.off
		}
		if last.src != r.src || last.fixed != r.fixed || !goesOn {
			p.runs = append(p.runs, r)
		}
	} else {
		p.runs = append(p.runs, r)
	}
	p.b = append(p.b, s...)
}

// each calls f for every part of [from, to) that has one origin.
func (p *passage) each(from, to int, f func(s string, r run)) {
	i := max(sort.Search(len(p.runs), func(i int) bool { return p.runs[i].at > from })-1, 0)
	for ; i < len(p.runs) && from < to; i++ {
		r, end := p.runs[i], to
		if i+1 < len(p.runs) {
			end = min(to, p.runs[i+1].at)
		}
		if !r.fixed {
			r.off += from - r.at
		}
		f(string(p.b[from:end]), r)
		from = end
	}
}

func (p *passage) append(q *passage) { p.appendPart(q, 0, len(q.b)) }

func (p *passage) appendPart(q *passage, from, to int) {
	q.each(from, to, func(s string, r run) { p.put(s, r) })
}

// quote appends q as a JSON string.
func (p *passage) quote(q *passage, src *source, off int) {
	p.addAt(`"`, src, off)
	q.each(0, len(q.b), func(s string, r run) {
		quoted := string(value.AppendQuoted(nil, s))
		quoted = quoted[1 : len(quoted)-1]
		if quoted == s {
			p.put(s, r)
			return
		}
		for len(s) > 0 {
			_, n := utf8.DecodeRuneInString(s)
			c := string(value.AppendQuoted(nil, s[:n]))
			p.put(c[1:len(c)-1], run{src: r.src, off: r.off, fixed: true})
			s = s[n:]
			if !r.fixed {
				r.off += n
			}
		}
	})
	p.addAt(`"`, src, off)
}

// origin returns where the byte at an offset comes from.
func (p *passage) origin(offset int) (*source, int) {
	i := sort.Search(len(p.runs), func(i int) bool { return p.runs[i].at > offset }) - 1
	if i < 0 {
		return nil, 0
	}
	r := p.runs[i]
	if r.fixed {
		return r.src, r.off
	}
	return r.src, r.off + offset - r.at
}

// style is the notation of a string in a file.
type style byte

const (
	styleJSON   style = iota // quoted, with JSON's or YAML's escapes
	styleSingle              // YAML, in single quotes
	stylePlain               // as it is, lines may be folded or indented
	styleBlock               // YAML's | and >, from the line after the header on
)

// align finds for the decoded text of a string which part of the source each of its bytes
// comes from: the text is walked along the source, over escapes, indentation and folded
// lines.
func align(text string, src *source, off int, st style) *passage {
	p := &passage{}
	s := src.text
	j := off
	switch st {
	case styleJSON, styleSingle:
		j++
	case styleBlock:
		if n := strings.IndexByte(s[min(j, len(s)):], '\n'); n >= 0 {
			j += n + 1
		}
	}
	blank := func(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }
	for i := 0; i < len(text); {
		if j >= len(s) {
			p.addAt(text[i:], src, min(j, len(s)))
			break
		}
		switch c := text[i]; {
		case st == styleJSON && s[j] == '\\' && j+1 < len(s):
			if s[j+1] == '\n' || s[j+1] == '\r' {
				j += 2
				for j < len(s) && blank(s[j]) {
					j++
				}
				continue
			}
			width := 2
			switch s[j+1] {
			case 'x':
				width = 4
			case 'u':
				width = 6
			case 'U':
				width = 10
			}
			_, n := utf8.DecodeRuneInString(text[i:])
			if n == 4 && width == 6 {
				width = 12
			}
			p.addAt(text[i:i+n], src, j)
			i, j = i+n, j+width
		case st == styleSingle && c == '\'' && strings.HasPrefix(s[j:], "''"):
			p.addAt("'", src, j)
			i, j = i+1, j+2
		case (c == '$' || c == '%') && j+2 < len(s) && s[j] == c && s[j+1] == c && s[j+2] == '{' && !strings.HasPrefix(text[i+1:], s[j+1:j+3]): // HCL's escape
			p.addAt(text[i:i+1], src, j)
			i, j = i+1, j+2
		case c == s[j]:
			n := 1
			for i+n < len(text) && j+n < len(s) && text[i+n] == s[j+n] && s[j+n] != '\\' && s[j+n] != '\'' && s[j+n] != '$' && s[j+n] != '%' {
				n++
			}
			p.add(text[i:i+n], src, j)
			i, j = i+n, j+n
		case blank(s[j]):
			j++
		default:
			_, n := utf8.DecodeRuneInString(text[i:])
			p.addAt(text[i:i+n], src, j)
			i += n
		}
	}
	return p
}
