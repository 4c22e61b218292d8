package jsonata

import (
	"strings"

	"github.com/sfnkit/sfnkit/asl/value"
)

// Parsing, compiling and evaluating recurse, hence bounds on how deeply an expression may
// be nested and, with chains of operators counted as well, on the height of its tree.
const (
	maxNesting = 1000
	maxHeight  = 5000
)

// parser is a top-down operator precedence parser.
type parser struct {
	lex   lexer
	tok   token
	cfg   *config
	depth int
	slab  []ast
}

// binding returns the left binding power of the current token.
func (p *parser) binding() int {
	if p.tok.kind != tokOperator {
		return 0
	}
	switch p.tok.text {
	case ".":
		return 75
	case "[", "(", "@", "#":
		return 80
	case "{":
		return 70
	case "*", "/", "%":
		return 60
	case "+", "-", "&":
		return 50
	case "=", "!=", "<", "<=", ">", ">=", "^", "in", "~>", "??", "?:":
		return 40
	case "and":
		return 30
	case "or":
		return 25
	case "?":
		return 20
	case ":=":
		return 10
	}
	return 0
}

func (p *parser) is(op string) bool { return p.tok.kind == tokOperator && p.tok.text == op }

// advance reads the next token; operand says that the current one ends an operand.
func (p *parser) advance(operand bool) *Error {
	t, err := p.lex.next(operand)
	if err != nil {
		return err
	}
	if t.kind == tokOperator && (t.text == "!" || t.text == "~") {
		return failureAt("S0204", t.pos).withToken(t.text)
	}
	p.tok = t
	return nil
}

func (p *parser) expect(op string, operand bool) *Error {
	if !p.is(op) {
		code := "S0202"
		if p.tok.kind == tokEnd {
			code = "S0203"
		}
		e := failureAt(code, p.tok.pos).withValue(value.String(op))
		e.Token = p.tok.literal()
		return e
	}
	return p.advance(operand)
}

func (p *parser) new(kind astKind, text string, pos int) *ast {
	if len(p.slab) == cap(p.slab) {
		// About a node for each four characters that are left, and not too many at once.
		p.slab = make([]ast, 0, min((len(p.lex.src)-p.lex.pos)/4+4, 32))
	}
	p.slab = append(p.slab, ast{kind: kind, text: text, pos: pos, depth: 1, more: &nothingMore})
	return &p.slab[len(p.slab)-1]
}

// over records that n stands above its parts.
func (n *ast) over(parts ...*ast) {
	for _, c := range parts {
		if c != nil && c.depth >= n.depth {
			n.depth = c.depth + 1
		}
	}
}

func (p *parser) expression(power int) (*ast, *Error) {
	if p.depth++; p.depth > maxNesting {
		return nil, limitError(LimitDepth)
	}
	t := p.tok
	if err := p.advance(true); err != nil {
		return nil, err
	}
	left, err := p.prefix(t)
	for err == nil && power < p.binding() {
		t = p.tok
		if err = p.advance(false); err == nil {
			left, err = p.infix(t, left)
		}
		if err == nil && left.depth > maxHeight {
			err = limitError(LimitDepth)
		}
	}
	p.depth--
	return left, err
}

func (p *parser) prefix(t token) (*ast, *Error) {
	switch t.kind {
	case tokEnd:
		return p.new(astEnd, "", t.pos), nil
	case tokName:
		return p.new(astName, t.text, t.pos), nil
	case tokVariable:
		return p.new(astVariable, t.text, t.pos), nil
	case tokString, tokNumber, tokValue:
		n := p.new(astLiteral, t.text, t.pos)
		n.val = t.val
		return n, nil
	case tokRegex:
		n := p.new(astRegex, "", t.pos)
		n.own().regex = t.regex
		return n, nil
	}
	switch t.text {
	case "and", "or", "in":
		return p.new(astOperator, t.text, t.pos), nil
	case "-":
		n := p.new(astNegate, "-", t.pos)
		var err *Error
		n.lhs, err = p.expression(70)
		n.over(n.lhs)
		return n, err
	case "*":
		return p.new(astWildcard, "*", t.pos), nil
	case "**":
		return p.new(astDescendant, "**", t.pos), nil
	case "%":
		return p.new(astParent, "%", t.pos), nil
	case "(":
		return p.block(t)
	case "[":
		return p.array(t)
	case "{":
		n := p.new(astObject, "{", t.pos)
		return n, p.pairs(n)
	case "|":
		return p.transform(t)
	}
	return nil, failureAt("S0211", t.pos).withToken(t.text)
}

func (p *parser) block(t token) (*ast, *Error) {
	n := p.new(astBlock, "(", t.pos)
	for !p.is(")") {
		e, err := p.expression(0)
		if err != nil {
			return nil, err
		}
		n.list = append(n.list, e)
		n.over(e)
		if !p.is(";") {
			break
		}
		if err := p.advance(false); err != nil {
			return nil, err
		}
	}
	return n, p.expect(")", true)
}

func (p *parser) array(t token) (*ast, *Error) {
	n := p.new(astArray, "[", t.pos)
	for !p.is("]") {
		e, err := p.expression(0)
		if err != nil {
			return nil, err
		}
		if p.is("..") {
			r := p.new(astBinary, "..", p.tok.pos)
			r.lhs = e
			if err = p.advance(false); err == nil {
				r.rhs, err = p.expression(0)
			}
			if err != nil {
				return nil, err
			}
			r.over(r.lhs, r.rhs)
			e = r
		}
		n.list = append(n.list, e)
		n.over(e)
		if !p.is(",") {
			break
		}
		if err := p.advance(false); err != nil {
			return nil, err
		}
		if p.is("]") { // a comma promises another element
			e, err := p.expression(0)
			if err != nil {
				return nil, err
			}
			n.list = append(n.list, e)
		}
	}
	return n, p.expect("]", true)
}

// pairs reads the name and value expressions of an object and its closing brace.
func (p *parser) pairs(n *ast) *Error {
	for first := true; first && !p.is("}") || !first; first = false {
		k, err := p.expression(0)
		if err != nil {
			return err
		}
		if err := p.expect(":", false); err != nil {
			return err
		}
		v, err := p.expression(0)
		if err != nil {
			return err
		}
		n.pairs = append(n.pairs, [2]*ast{k, v})
		n.over(k, v)
		if !p.is(",") {
			break
		}
		if err := p.advance(false); err != nil {
			return err
		}
	}
	return p.expect("}", true)
}

func (p *parser) transform(t token) (*ast, *Error) {
	n := p.new(astTransform, "|", t.pos)
	var err *Error
	if n.lhs, err = p.expression(0); err != nil {
		return nil, err
	}
	if err = p.expect("|", false); err != nil {
		return nil, err
	}
	if n.rhs, err = p.expression(0); err != nil {
		return nil, err
	}
	if p.is(",") {
		if err = p.advance(false); err != nil {
			return nil, err
		}
		if n.els, err = p.expression(0); err != nil {
			return nil, err
		}
	}
	n.over(n.lhs, n.rhs, n.els)
	return n, p.expect("|", false)
}

func (p *parser) infix(t token, left *ast) (*ast, *Error) {
	n := p.new(astBinary, t.text, t.pos)
	n.lhs = left
	n.over(left)
	var err *Error
	switch t.text {
	case "(":
		return p.call(n)
	case "[":
		if p.is("]") {
			step := left
			for step.kind == astBinary && step.text == "[" {
				step = step.lhs
			}
			step.keepArray = true
			return left, p.advance(false)
		}
		if n.rhs, err = p.expression(0); err != nil {
			return nil, err
		}
		n.over(n.rhs)
		return n, p.expect("]", true)
	case "^":
		return n, p.orderBy(n)
	case "{":
		return n, p.pairs(n)
	case ":=":
		if left.kind != astVariable {
			e := failureAt("S0212", left.pos)
			e.Token = left.literal()
			return nil, e
		}
		n.rhs, err = p.expression(9)
	case "@", "#":
		if n.rhs, err = p.expression(80); err == nil && n.rhs.kind != astVariable {
			err = failureAt("S0214", n.rhs.pos).withToken(t.text)
		}
	case "?":
		n.kind = astCondition
		if n.rhs, err = p.expression(0); err == nil && p.is(":") {
			if err = p.advance(false); err == nil {
				n.els, err = p.expression(0)
			}
		}
	case "??", "?:":
		n.kind = astCoalesce
		if t.text == "?:" {
			n.kind = astDefault
		}
		n.rhs, err = p.expression(0)
	default:
		n.rhs, err = p.expression(powers[t.text])
	}
	n.over(n.rhs, n.els)
	return n, err
}

// powers are the binding powers of the operators that associate to the left.
var powers = map[string]int{
	".": 75, "*": 60, "/": 60, "%": 60, "+": 50, "-": 50, "&": 50, "=": 40, "!=": 40, "<": 40, "<=": 40, ">": 40,
	">=": 40, "in": 40, "~>": 40, "and": 30, "or": 25,
}

// literal returns what a message prints for the node.
func (n *ast) literal() value.Value {
	switch n.kind {
	case astEnd:
		return value.String("(end)")
	case astLiteral:
		return n.val
	case astRegex:
		return value.EmptyObject
	}
	return value.String(n.text)
}

func (p *parser) orderBy(n *ast) *Error {
	if err := p.expect("(", false); err != nil {
		return err
	}
	for {
		var term sortTerm
		if p.is("<") || p.is(">") {
			term.descending = p.is(">")
			if err := p.advance(false); err != nil {
				return err
			}
		}
		var err *Error
		if term.expr, err = p.expression(0); err != nil {
			return err
		}
		m := n.own()
		m.terms = append(m.terms, term)
		n.over(term.expr)
		if !p.is(",") {
			break
		}
		if err := p.advance(false); err != nil {
			return err
		}
	}
	return p.expect(")", false)
}

func (p *parser) call(n *ast) (*ast, *Error) {
	n.kind = astCall
	for first := true; first && !p.is(")") || !first; first = false {
		var arg *ast
		var err *Error
		if p.is("?") {
			n.kind = astPartial
			arg = p.new(astOperator, "?", p.tok.pos)
			err = p.advance(false)
		} else {
			arg, err = p.expression(0)
		}
		if err != nil {
			return nil, err
		}
		n.list = append(n.list, arg)
		n.over(arg)
		if !p.is(",") {
			break
		}
		if err := p.advance(false); err != nil {
			return nil, err
		}
	}
	if err := p.expect(")", true); err != nil {
		return nil, err
	}
	if n.lhs.kind == astName && (n.lhs.text == "function" || n.lhs.text == "λ") {
		return p.lambda(n)
	}
	return n, nil
}

func (p *parser) lambda(n *ast) (*ast, *Error) {
	n.kind = astLambda
	for i, arg := range n.list {
		if arg.kind != astVariable {
			e := failureAt("S0208", arg.pos).withValue(value.Int(int64(i + 1)))
			e.Token = arg.literal()
			return nil, e
		}
	}
	if p.is("<") {
		pos := p.tok.pos
		var sig strings.Builder
		sig.WriteByte('<')
		for depth := 1; depth > 0 && !p.is("{") && p.tok.kind != tokEnd; {
			if err := p.advance(false); err != nil {
				return nil, err
			}
			if p.is(">") {
				depth--
			} else if p.is("<") {
				depth++
			}
			if l := p.tok.literal(); l.IsString() {
				sig.WriteString(l.Str())
			} else {
				sig.WriteString(l.JSON())
			}
		}
		if err := p.expect(">", false); err != nil {
			return nil, err
		}
		var err *Error
		if n.own().sig, err = parseSignature(sig.String()); err != nil {
			err.Position += pos
			return nil, err
		}
	}
	if err := p.expect("{", false); err != nil {
		return nil, err
	}
	var err *Error
	if n.rhs, err = p.expression(0); err != nil {
		return nil, err
	}
	n.over(n.rhs)
	return n, p.expect("}", false)
}

// parse returns the prepared syntax tree of an expression.
func parse(src string, cfg *config) (*ast, *Error) {
	p := parser{lex: lexer{src: src, cfg: cfg}, cfg: cfg}
	if err := p.advance(false); err != nil {
		return nil, err
	}
	n, err := p.expression(0)
	if err != nil {
		return nil, err
	}
	if p.tok.kind != tokEnd {
		e := failureAt("S0201", p.tok.pos)
		e.Token = p.tok.literal()
		return nil, e
	}
	pr := preparer{p: &p}
	if n, err = pr.prepare(n); err != nil {
		return nil, err
	}
	if n.kind == astParent || len(n.seeking) > 0 {
		pos := n.pos
		if n.kind == astParent || n.kind == astPath {
			pos = -1
		}
		return nil, failureAt("S0217", pos).withToken(n.kindName())
	}
	return n, nil
}
