package asl

import (
	"fmt"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"github.com/sfnkit/sfnkit/asl/value"
)

// maxAliased is how many values YAML aliases may add to a document in total.
const maxAliased = 100_000

type yamlReader struct {
	src      *Source
	problems Diagnostics
	anchors  map[string]anchor
	count    int // values so far
	aliased  int // values that aliases added
	gaveUp   bool

	line, column, at int // of the last token: its place in characters, and its offset
}

type anchor struct {
	node   node
	weight int // values in it, with what aliases in it unfold to
}

// readYAML reads a document with goccy/go-yaml's parser. Scalars are resolved as YAML 1.2
// does: only true and false are booleans.
func readYAML(src *Source) (root *node, problems Diagnostics) {
	r := &yamlReader{src: src, anchors: map[string]anchor{}}
	if line := deepLine(src.text); line > 0 {
		r.problem(Position{line, 1}, fmt.Sprintf("the definition is nested more than %d levels deep", maxDepth))
		return nil, r.problems
	}
	defer func() {
		// The library panics on some malformed documents.
		if e := recover(); e != nil {
			r.problem(Position{1, 1}, fmt.Sprintf("the YAML parser cannot read the document: %v", e))
			root, problems = nil, r.problems
		}
	}()
	if line := tooManyLines(src.text); line > 0 {
		r.problem(Position{line, 1}, "the definition has more lines of one kind here than can be read")
		return nil, r.problems
	}
	file, err := parser.ParseBytes([]byte(strings.TrimPrefix(src.text, "\uFEFF")), 0, parser.AllowDuplicateMapKey())
	if err != nil {
		r.syntaxError(err)
		return nil, r.problems
	}
	for _, doc := range file.Docs {
		if doc.Body == nil || doc.Body.Type() == ast.CommentType || doc.Body.Type() == ast.CommentGroupType {
			continue
		}
		if root != nil {
			r.problem(r.tokenPosition(doc.Body.GetToken()), "a second YAML document; a definition is one")
			break
		}
		root = &node{nameAt: -1}
		r.read(doc.Body, root, 0)
	}
	return root, r.problems
}

// The library takes time with the square of some counts. What is bounded here is far beyond
// what anybody writes.
const (
	maxBlankLines = 5000  // that follow other blank lines
	maxMarkLines  = 500   // that begin with ?, or with ---
	maxSiblings   = 20000 // of one indentation, one after the other
)

// tooManyLines returns the line with which a text goes beyond one of the bounds, 0 if it
// keeps them.
func tooManyLines(text string) int {
	blank, marks, siblings, last, n := 0, 0, 0, -1, 0
	wasBlank := false
	for line := range strings.Lines(text) {
		n++
		word := strings.TrimLeft(line, " -")
		if strings.TrimSpace(line) == "" {
			if wasBlank {
				blank++
			}
			wasBlank = true
		} else {
			wasBlank = false
			if indent := len(line) - len(word); indent != last {
				last, siblings = indent, 0
			}
			siblings++
			if strings.HasPrefix(word, "?") || strings.HasPrefix(line, "---") {
				marks++
			}
		}
		if blank > maxBlankLines || marks > maxMarkLines || siblings > maxSiblings {
			return n
		}
	}
	return 0
}

func (r *yamlReader) problem(p Position, message string) {
	if len(r.problems) >= maxSyntaxProblems {
		return
	}
	r.problems = append(r.problems, Diagnostic{Severity: SeverityError, Code: CodeInvalidYAML, Message: message, Position: p})
}

func (r *yamlReader) syntaxError(err error) {
	type withToken interface {
		GetMessage() string
		GetToken() *token.Token
	}
	if e, ok := err.(withToken); ok {
		r.problem(r.tokenPosition(e.GetToken()), e.GetMessage())
		return
	}
	r.problem(Position{1, 1}, strings.TrimSpace(yaml.FormatError(err, false, false)))
}

func (r *yamlReader) tokenPosition(t *token.Token) Position { return r.src.at(r.offset(t)) }

// offset turns the library's position, which counts characters, into a byte offset.
func (r *yamlReader) offset(t *token.Token) int {
	if t == nil || t.Position == nil {
		return 0
	}
	r.src.index()
	line := min(max(t.Position.Line, 1), len(r.src.lines))
	// Tokens come mostly in the order of the text: going on from the last one keeps a long
	// line from being counted from its beginning for each of its tokens.
	if line != r.line || t.Position.Column < r.column {
		r.line, r.column, r.at = line, 1, r.src.lines[line-1]
	}
	for text := r.src.text; r.column < t.Position.Column && r.at < len(text) && text[r.at] != '\n'; r.column++ {
		_, n := utf8.DecodeRuneInString(text[r.at:])
		r.at += n
	}
	return r.at
}

// read turns a YAML node into n.
func (r *yamlReader) read(y ast.Node, n *node, depth int) {
	if r.gaveUp {
		return
	}
	if depth > maxDepth {
		r.problem(r.tokenPosition(y.GetToken()), fmt.Sprintf("the definition is nested more than %d levels deep", maxDepth))
		r.gaveUp = true
		return
	}
	r.count++
	if t := y.GetToken(); t != nil {
		n.start = int32(r.offset(t))
		n.end = n.start
	}
	switch y := y.(type) {
	case *ast.MappingNode:
		r.mapping(y.Values, n, depth)
	case *ast.MappingValueNode:
		r.mapping([]*ast.MappingValueNode{y}, n, depth)
	case *ast.SequenceNode:
		n.kind = value.KindArray
		n.kids = make([]node, len(y.Values))
		for i, e := range y.Values {
			n.kids[i].nameAt = -1
			r.read(e, &n.kids[i], depth+1)
		}
	case *ast.AnchorNode:
		before := r.count + r.aliased
		r.read(y.Value, n, depth)
		r.anchors[y.Name.String()] = anchor{node: *n, weight: r.count + r.aliased - before}
	case *ast.AliasNode:
		r.alias(y, n)
	case *ast.TagNode:
		r.tag(y, n, depth)
	case *ast.StringNode:
		r.scalar(n, value.String(y.Value))
	case *ast.LiteralNode:
		r.scalar(n, value.String(y.Value.Value))
	case *ast.BoolNode:
		r.scalar(n, value.Bool(y.Value))
	case *ast.NullNode:
		r.scalar(n, value.Null)
	case *ast.IntegerNode:
		r.scalar(n, number(y.Token.Value, y.Value))
	case *ast.FloatNode:
		r.scalar(n, number(y.Token.Value, y.Value))
	case *ast.InfinityNode, *ast.NanNode:
		r.problem(r.tokenPosition(y.GetToken()), "JSON has no infinity and no NaN")
		r.scalar(n, value.Null)
	case nil:
		r.scalar(n, value.Null)
	default:
		r.problem(r.tokenPosition(y.GetToken()), "a YAML "+y.Type().String()+" has no place in a definition")
		r.scalar(n, value.Null)
	}
}

func (r *yamlReader) scalar(n *node, v value.Value) { n.kind, n.scalar = v.Kind(), v }

func number(text string, x any) value.Value {
	if v, ok := value.Number(text); ok {
		return v
	}
	switch x := x.(type) {
	case int64:
		return value.Int(x)
	case uint64:
		if x <= math.MaxInt64 {
			return value.Int(int64(x))
		}
		return value.Float(float64(x))
	case float64:
		return value.Float(x)
	}
	return value.String(text)
}

func (r *yamlReader) alias(y *ast.AliasNode, n *node) {
	name := y.Value.String()
	a, ok := r.anchors[name]
	if !ok {
		r.problem(r.tokenPosition(y.Start), "no anchor &"+name+" before this alias")
		r.scalar(n, value.Null)
		return
	}
	if r.aliased += a.weight; r.aliased > maxAliased {
		r.problem(r.tokenPosition(y.Start), fmt.Sprintf("the aliases unfold to more than %d values", maxAliased))
		r.gaveUp = true
		r.scalar(n, value.Null)
		return
	}
	keep := *n
	*n = a.node
	n.name, n.nameAt = keep.name, keep.nameAt
}

// tag reads a tagged value. The short forms of CloudFormation's functions stand for
// values that are not known yet.
func (r *yamlReader) tag(y *ast.TagNode, n *node, depth int) {
	if y.Value == nil {
		r.scalar(n, value.Null)
		return
	}
	r.read(y.Value, n, depth)
	text := n.str()
	switch y.Start.Value {
	case "!!str":
		if n.isContainer() || n.kind == value.KindString {
			return
		}
		if t := y.Value.GetToken(); t != nil {
			r.scalar(n, value.String(t.Value))
		}
	case "!Ref", "!GetAtt", "!ImportValue":
		n.unknown = true
		r.scalar(n, value.String("${"+text+"}"))
	case "!Join", "!Select", "!Split", "!FindInMap", "!If", "!Base64", "!GetAZs", "!Cidr", "!Transform":
		*n = node{name: n.name, nameAt: n.nameAt, start: n.start, end: n.end, unknown: true}
		r.scalar(n, value.String("${"+y.Start.Value[1:]+"}"))
	case "!Sub":
		if n.isContainer() {
			text = n.firstText()
			*n = node{name: n.name, nameAt: n.nameAt, start: n.start, end: n.end}
			r.scalar(n, value.String(text))
		}
	}
}

// firstText returns the text of the first element.
func (n *node) firstText() string {
	if len(n.kids) == 0 {
		return ""
	}
	return n.kids[0].str()
}

func (r *yamlReader) mapping(entries []*ast.MappingValueNode, n *node, depth int) {
	n.kind = value.KindObject
	n.kids = make([]node, 0, len(entries))
	var merged []node
	names := make(map[string]struct{}, len(entries))
	for _, e := range entries {
		if r.gaveUp {
			return
		}
		if e.Key.IsMergeKey() {
			var from node
			r.read(e.Value, &from, depth+1)
			switch {
			case from.kind == value.KindObject:
				merged = append(merged, from.kids...)
			case from.kind == value.KindArray:
				for i := range from.kids {
					merged = append(merged, from.kids[i].kids...)
				}
			}
			continue
		}
		n.kids = append(n.kids, node{nameAt: int32(r.offset(e.Key.GetToken()))})
		kid := &n.kids[len(n.kids)-1]
		kid.name = r.key(e.Key)
		if _, again := names[kid.name]; again {
			r.problem(r.src.at(int(kid.nameAt)), "Duplicate field '"+clip(kid.name)+"'")
		}
		names[kid.name] = struct{}{}
		r.read(e.Value, kid, depth+1)
	}
	if len(entries) > 0 {
		n.start = n.firstStart(n.start)
	}
	for i := range merged {
		if _, own := names[merged[i].name]; !own {
			names[merged[i].name] = struct{}{}
			n.kids = append(n.kids, merged[i])
		}
	}
}

// firstStart returns where the first member begins: the library's token of a mapping is
// the colon of its first member.
func (n *node) firstStart(otherwise int32) int32 {
	if len(n.kids) == 0 {
		return otherwise
	}
	return min(n.kids[0].nameAt, otherwise)
}

func (r *yamlReader) key(k ast.MapKeyNode) string {
	switch k := k.(type) {
	case *ast.StringNode:
		return k.Value
	case *ast.MappingKeyNode:
		if s, ok := k.Value.(*ast.StringNode); ok {
			return s.Value
		}
		if _, ok := k.Value.(ast.ScalarNode); !ok {
			r.problem(r.tokenPosition(k.GetToken()), "a name must be a text")
			return ""
		}
	case *ast.AnchorNode, *ast.AliasNode:
		r.problem(r.tokenPosition(k.GetToken()), "a name must be a text")
		return ""
	}
	if t := k.GetToken(); t != nil {
		return t.Value
	}
	return k.String()
}

// deepLine returns the line in which a document seems to be nested more than maxDepth
// levels deep, 0 if none is. The library's parser recurses without a bound, so that this
// is found out before: by brackets and leading dashes, in quoted text as well. Nesting by
// indentation is bounded by the size of the text.
func deepLine(text string) int {
	depth, line := 0, 1
	for l := range strings.Lines(text) {
		dashes := 0
		for rest := strings.TrimLeft(l, " "); len(rest) > 1 && (rest[0] == '-' || rest[0] == '?' || rest[0] == ':') && (rest[1] == ' ' || rest[1] == '\t'); dashes++ {
			rest = strings.TrimLeft(rest[2:], " \t")
		}
		if dashes > maxDepth {
			return line
		}
		for i := 0; i < len(l); i++ {
			switch l[i] {
			case '[', '{':
				depth++
			case ']', '}':
				depth = max(depth-1, 0)
			}
			if depth > maxDepth {
				return line
			}
		}
		line++
	}
	return 0
}
