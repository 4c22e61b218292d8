package template

import (
	"fmt"
	"regexp"
	"strings"
	"sync"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"github.com/sfnkit/sfnkit/asl/value"
)

// The library takes time with the square of some counts. What is bounded here is far
// beyond what anybody writes.
const (
	// maxYAML is the size of the largest YAML file that is read, in bytes.
	// CloudFormation takes templates of up to 1 MB.
	maxYAML = 2 << 20
	// maxSiblings is how many lines may be in one block of the same indentation.
	maxSiblings = 10_000
	// maxBlank is how many blank lines may follow others.
	maxBlank = 5_000
	// maxMarks is how many lines may begin with ?, or with ---.
	maxMarks = 500
)

// schema says which plain words in a YAML file are booleans.
type schema map[string]string

// What CloudFormation takes for booleans beside true and false: those of YAML 1.1 but for
// y and n (deployed in github.com/ASFHyP3/hyp3/pull/2061 and
// github.com/aws/aws-cli/issues/7805). The Serverless Framework and Terraform go by YAML
// 1.2.
var cloudFormationSchema = schema{
	"yes": "true", "Yes": "true", "YES": "true", "on": "true", "On": "true", "ON": "true",
	"no": "false", "No": "false", "NO": "false", "off": "false", "Off": "false", "OFF": "false",
}

// wordAt returns the plain word that the schema takes for a boolean and that a line begins
// with, as a value by itself or after its name; "" if it begins with something else.
func (s schema) wordAt(line string) string {
	if name, v, ok := strings.Cut(line, ":"); ok && !strings.ContainsAny(name, "{[,\"' ") {
		line = strings.TrimLeft(v, " ")
	}
	if n := strings.IndexAny(line, " \t\r,]}"); n >= 0 {
		line = line[:n]
	}
	if s[line] != "" {
		return line
	}
	return ""
}

// readYAML reads a YAML file. Aliases share the nodes of their anchors. The short forms
// of CloudFormation's functions become their long forms.
func readYAML(src *source, words schema) (*node, error) {
	if len(src.text) > maxYAML {
		return nil, syntaxError(src, 0, "YAML files of more than %d MiB are not read", maxYAML>>20)
	}
	root, err := parseYAML(src, src.text, words)
	if err != nil {
		if text := unmarked(src.text); text != src.text {
			if root, err := parseYAML(src, text, words); err == nil {
				return root, nil
			}
		}
	}
	return root, err
}

func parseYAML(src *source, text string, words schema) (root *node, err error) {
	if off := deepAt(text); off >= 0 {
		return nil, syntaxError(src, off, "the values are nested more than %d deep", maxDepth)
	}
	if off := longAt(text); off >= 0 {
		return nil, syntaxError(src, off, "there are too many lines of this kind")
	}
	r := &yamlReader{src: src, words: words, anchors: map[string]*node{}}
	defer func() {
		// The library panics on some malformed documents.
		if e := recover(); e != nil {
			root, err = nil, syntaxError(src, 0, "the YAML parser cannot read the document: %v", e)
		}
	}()
	file, err := parser.ParseBytes([]byte(strings.TrimPrefix(text, "\uFEFF")), 0, parser.AllowDuplicateMapKey())
	if err != nil {
		type withToken interface {
			GetMessage() string
			GetToken() *token.Token
		}
		if e, ok := err.(withToken); ok {
			return nil, syntaxError(src, r.offset(e.GetToken()), "%s", e.GetMessage())
		}
		return nil, syntaxError(src, 0, "%v", err)
	}
	for _, doc := range file.Docs {
		if doc.Body == nil || doc.Body.Type() == ast.CommentType || doc.Body.Type() == ast.CommentGroupType {
			continue
		}
		if root = r.node(doc.Body, 0); r.err != nil {
			return nil, r.err
		}
		return root, nil
	}
	return &node{kind: value.KindNull, src: src}, nil
}

// Patterns are compiled when they are needed: most runs of a program need none.
var (
	directive = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?m)^[ \t]*(?:\{%.*?%\}|\{#.*?#\})[ \t]*$`)
	})
	variable = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\{\{[^{}\n]*\}\}`) })
)

// unmarked blanks out the marks of Jinja, so that everything else stays where it is: lines
// of {% %}, because elsewhere that is JSONata, and {{ }} but CloudFormation's {{resolve:}}.
func unmarked(text string) string {
	if strings.Contains(text, "{%") {
		text = directive().ReplaceAllStringFunc(text, func(s string) string {
			return strings.Map(func(r rune) rune {
				if r == '\n' {
					return r
				}
				return ' '
			}, s)
		})
	}
	if strings.Contains(text, "{{") {
		text = variable().ReplaceAllStringFunc(text, func(s string) string {
			if strings.HasPrefix(s, "{{resolve:") {
				return s
			}
			return strings.Repeat("_", len(s))
		})
	}
	return text
}

// deepAt returns where a text seems to be nested more than maxDepth levels deep, -1 if
// nowhere. The library's parser recurses without a bound, so that this is found out
// before: by brackets, in quoted text as well, and by what may stand one after another
// at the beginning of a line (- - -, !a !b, &a &b).
func deepAt(text string) int {
	depth, marks := 0, 0
	leading, word := true, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; c {
		case '\n':
			marks, leading, word = 0, true, false
		case ' ', '\t':
			word = false
		case '-', '?', ':', '!', '&':
			if leading {
				marks++
				word = c == '!' || c == '&'
			}
		case '[', '{':
			depth++
			leading = false
		case ']', '}':
			depth = max(depth-1, 0)
			leading = false
		default:
			leading = leading && word
		}
		if depth > maxDepth || marks > maxDepth {
			return i
		}
	}
	return -1
}

// longAt returns the beginning of the line with which a text has more lines of a kind
// than the parser can read in reasonable time, -1 if there is none.
func longAt(text string) int {
	type block struct{ indent, lines int }
	var open []block
	blank, marks, off := 0, 0, 0
	wasBlank := false
	for line := range strings.Lines(text) {
		word := strings.TrimLeft(line, " -")
		indent := len(line) - len(word)
		switch {
		case strings.TrimSpace(line) == "":
			if wasBlank {
				blank++
			}
			wasBlank = true
		default:
			wasBlank = false
			for len(open) > 0 && open[len(open)-1].indent > indent {
				open = open[:len(open)-1]
			}
			if len(open) == 0 || open[len(open)-1].indent < indent {
				open = append(open, block{indent: indent})
			}
			open[len(open)-1].lines++
			if strings.HasPrefix(word, "?") || strings.HasPrefix(line, "---") {
				marks++
			}
			if open[len(open)-1].lines > maxSiblings {
				return off
			}
		}
		if blank > maxBlank || marks > maxMarks {
			return off
		}
		off += len(line)
	}
	return -1
}

// maxMerged is how many members merge keys may add to a file in total.
const maxMerged = 100_000

type yamlReader struct {
	src     *source
	words   schema
	anchors map[string]*node
	merged  int
	err     error
}

func (r *yamlReader) fail(t *token.Token, format string, args ...any) {
	if r.err == nil {
		r.err = syntaxError(r.src, r.offset(t), format, args...)
	}
}

func (r *yamlReader) offset(t *token.Token) int {
	if t == nil || t.Position == nil {
		return 0
	}
	off := r.src.offset(t.Position.Line, t.Position.Column)
	// Of what follows a tag the library gives the place of the space before it.
	for off < len(r.src.text) && r.src.text[off] == ' ' {
		off++
	}
	return off
}

func (r *yamlReader) node(y ast.Node, depth int) *node {
	n := &node{src: r.src, kind: value.KindNull}
	if y == nil || r.err != nil {
		return n
	}
	n.off = r.offset(y.GetToken())
	if depth > maxDepth {
		r.fail(y.GetToken(), "the values are nested more than %d deep", maxDepth)
		return n
	}
	switch y := y.(type) {
	case *ast.MappingNode:
		r.mapping(n, y.Values, depth)
	case *ast.MappingValueNode:
		r.mapping(n, []*ast.MappingValueNode{y}, depth)
	case *ast.SequenceNode:
		n.kind = value.KindArray
		for _, e := range y.Values {
			n.kids = append(n.kids, r.node(e, depth+1))
		}
	case *ast.AnchorNode:
		n = r.node(y.Value, depth+1)
		r.anchors[y.Name.String()] = n
	case *ast.AliasNode:
		known, ok := r.anchors[y.Value.String()]
		if !ok {
			r.fail(y.Start, "no anchor &%s before this alias", y.Value.String())
			return n
		}
		return known
	case *ast.TagNode:
		return r.tag(y, depth)
	case *ast.StringNode:
		n.kind, n.s = value.KindString, y.Value
		n.style = r.styleAt(n.off)
		if b, ok := r.words[n.s]; ok && n.style == stylePlain {
			n.kind, n.s = value.KindBool, b
		}
	case *ast.LiteralNode:
		n.kind, n.s, n.style = value.KindString, y.Value.Value, styleBlock
		if y.Start != nil {
			n.off = r.offset(y.Start)
		}
	case *ast.BoolNode:
		n.kind, n.s = value.KindBool, fmt.Sprint(y.Value)
	case *ast.NullNode:
	case *ast.IntegerNode:
		n.kind, n.s = value.KindNumber, number(y.Token.Value, y.Value)
	case *ast.FloatNode:
		n.kind, n.s = value.KindNumber, number(y.Token.Value, y.Value)
	case *ast.InfinityNode, *ast.NanNode:
		n.kind, n.s, n.style = value.KindString, y.GetToken().Value, stylePlain
	default:
		r.fail(y.GetToken(), "a YAML %s has no place in a template", strings.ToLower(y.Type().String()))
	}
	return n
}

func (r *yamlReader) styleAt(off int) style {
	if off < len(r.src.text) {
		switch r.src.text[off] {
		case '"':
			return styleJSON
		case '\'':
			return styleSingle
		}
	}
	return stylePlain
}

// number returns the notation of a number in JSON.
func number(text string, x any) string {
	if _, ok := value.Number(text); ok {
		return text
	}
	return fmt.Sprint(x)
}

// functions are the functions of CloudFormation that have a short form. All others are
// written as their names say.
var functions = map[string]string{"!Ref": "Ref", "!Condition": "Condition"}

func (r *yamlReader) tag(y *ast.TagNode, depth int) *node {
	n := r.node(y.Value, depth+1)
	tag := y.Start.Value
	switch {
	case tag == "!!str" && n.kind != value.KindString && n.kids == nil && y.Value != nil:
		n.kind, n.s, n.style = value.KindString, y.Value.GetToken().Value, stylePlain
		return n
	case strings.HasPrefix(tag, "!!"):
		return n
	}
	if s, ok := y.Value.(*ast.StringNode); ok {
		n.kind, n.s = value.KindString, s.Value // a tag says what it is
	}
	f, ok := functions[tag]
	if !ok {
		f = "Fn::" + strings.TrimPrefix(tag, "!")
	}
	off := r.offset(y.Start)
	return &node{src: r.src, off: off, kind: value.KindObject, names: []name{{f, off}}, kids: []*node{n}}
}

func (r *yamlReader) mapping(n *node, entries []*ast.MappingValueNode, depth int) {
	n.kind = value.KindObject
	var merged []*node
	for i, e := range entries {
		if r.err != nil {
			return
		}
		if i == 0 {
			// The library's token of a mapping is the colon of its first member.
			n.off = min(n.off, r.offset(e.Key.GetToken()))
		}
		if e.Key.IsMergeKey() {
			from := r.node(e.Value, depth+1)
			if from.isArray() {
				merged = append(merged, from.kids...)
			} else {
				merged = append(merged, from)
			}
			continue
		}
		n.names = append(n.names, name{r.key(e.Key), r.offset(e.Key.GetToken())})
		n.kids = append(n.kids, r.node(e.Value, depth+1))
	}
	if merged == nil {
		return
	}
	own := make(map[string]bool, len(n.names))
	for _, m := range n.names {
		own[m.s] = true
	}
	for _, from := range merged {
		for i, m := range from.names {
			if own[m.s] {
				continue
			}
			if r.merged++; r.merged > maxMerged {
				r.fail(entries[0].Key.GetToken(), "the merge keys of the file add more than %d members", maxMerged)
				return
			}
			own[m.s] = true
			n.names = append(n.names, m)
			n.kids = append(n.kids, from.kids[i])
		}
	}
}

func (r *yamlReader) key(k ast.MapKeyNode) string {
	switch k := k.(type) {
	case *ast.StringNode:
		return k.Value
	case *ast.MappingKeyNode:
		if s, ok := k.Value.(*ast.StringNode); ok {
			return s.Value
		}
	}
	if t := k.GetToken(); t != nil {
		return t.Value
	}
	return k.String()
}
