package jsonata

import (
	"strconv"

	"github.com/sfnkit/sfnkit/asl/value"
)

// preparer turns the tree as parsed into the one that is compiled: dots become paths of
// steps, brackets become filters of steps, and every parent operator finds its step.
type preparer struct {
	p      *parser
	labels int
}

// kindName is the reference implementation's name for the kind, for messages.
func (n *ast) kindName() string {
	if n.kind == astLiteral {
		switch n.val.Kind() {
		case value.KindString:
			return "string"
		case value.KindNumber:
			return "number"
		}
		return "value"
	}
	return astNames[n.kind]
}

func (pr *preparer) prepare(n *ast) (*ast, *Error) {
	r, err := pr.node(n)
	if err != nil {
		return nil, err
	}
	if n.keepArray {
		r.keepArray = true
	}
	return r, nil
}

func (pr *preparer) all(list []*ast) *Error {
	for i, c := range list {
		r, err := pr.prepare(c)
		if err != nil {
			return err
		}
		list[i] = r
	}
	return nil
}

func (pr *preparer) node(n *ast) (_ *ast, err *Error) {
	switch n.kind {
	case astBinary:
		return pr.binary(n)
	case astNegate:
		if n.lhs, err = pr.prepare(n.lhs); err != nil {
			return nil, err
		}
		if n.lhs.kind == astLiteral && n.lhs.val.IsNumber() {
			n.lhs.val = negate(n.lhs.val)
			return n.lhs, nil
		}
		n.seek(n.lhs)
	case astArray:
		if err = pr.all(n.list); err != nil {
			return nil, err
		}
		for _, c := range n.list {
			n.seek(c)
		}
	case astObject:
		for i := range n.pairs {
			for j := range n.pairs[i] {
				if n.pairs[i][j], err = pr.prepare(n.pairs[i][j]); err != nil {
					return nil, err
				}
				n.seek(n.pairs[i][j])
			}
		}
	case astCall, astPartial:
		for i, a := range n.list {
			if n.list[i], err = pr.prepare(a); err != nil {
				return nil, err
			}
			n.seek(n.list[i])
		}
		if n.lhs, err = pr.prepare(n.lhs); err != nil {
			return nil, err
		}
	case astLambda:
		if n.rhs, err = pr.prepare(n.rhs); err != nil {
			return nil, err
		}
		markTail(n.rhs)
	case astCondition, astCoalesce, astDefault:
		for _, c := range []**ast{&n.lhs, &n.rhs, &n.els} {
			if *c == nil {
				continue
			}
			if *c, err = pr.prepare(*c); err != nil {
				return nil, err
			}
			n.seek(*c)
		}
	case astTransform:
		for _, c := range []**ast{&n.lhs, &n.rhs, &n.els} {
			if *c == nil {
				continue
			}
			if *c, err = pr.prepare(*c); err != nil {
				return nil, err
			}
		}
	case astBlock:
		if err = pr.all(n.list); err != nil {
			return nil, err
		}
		for _, c := range n.list {
			n.seek(c)
			if c.cons || c.kind == astPath && c.list[0].cons {
				n.cons = true
			}
		}
	case astName:
		r := pr.path(n)
		r.keepSingletons = n.keepArray
		return r, nil
	case astOperator:
		if n.text == "?" {
			return n, nil
		}
		n.kind = astName
		return pr.prepare(n)
	case astParent:
		n.own().slot = &slot{label: "!" + strconv.Itoa(pr.labels), level: 1}
		pr.labels++
	case astEnd:
		return nil, failureAt("S0207", n.pos).withToken("(end)")
	}
	return n, nil
}

func (pr *preparer) path(steps ...*ast) *ast {
	n := pr.p.new(astPath, "", -1)
	n.list = steps
	return n
}

func (pr *preparer) binary(n *ast) (_ *ast, err *Error) {
	switch n.text {
	case ".":
		return pr.dot(n)
	case "[":
		return pr.filter(n)
	}
	left, err := pr.prepare(n.lhs)
	if err != nil {
		return nil, err
	}
	switch n.text {
	case "{":
		if left.group != nil {
			return nil, failureAt("S0210", n.pos)
		}
		g := pr.p.new(astObject, "{", n.pos)
		g.pairs = n.pairs
		for i := range g.pairs {
			for j := range g.pairs[i] {
				if g.pairs[i][j], err = pr.prepare(g.pairs[i][j]); err != nil {
					return nil, err
				}
			}
		}
		left.own().group = g
		return left, nil
	case "^":
		if left.kind != astPath {
			left = pr.path(left)
		}
		s := pr.p.new(astSort, "^", n.pos)
		s.own().terms = n.terms
		for i := range s.terms {
			if s.terms[i].expr, err = pr.prepare(s.terms[i].expr); err != nil {
				return nil, err
			}
			s.seek(s.terms[i].expr)
		}
		left.list = append(left.list, s)
		return left, pr.resolve(left)
	case "@":
		step := left.lastStep()
		if step.stages != nil || step.predicates != nil {
			return nil, failureAt("S0215", n.pos)
		}
		if step.kind == astSort {
			return nil, failureAt("S0216", n.pos)
		}
		if n.keepArray {
			step.keepArray = true
		}
		m := step.own()
		m.focus, m.hasFocus, step.tuple = n.rhs.text, true, true
		return left, nil
	case "#":
		step := left.lastStep()
		if left.kind != astPath {
			left = pr.path(step)
			step.stages, step.own().predicates = step.predicates, nil
		}
		if step.stages == nil {
			m := step.own()
			m.index, m.hasIndex = n.rhs.text, true
		} else {
			step.stages = append(step.stages, stage{index: n.rhs.text, pos: n.pos})
		}
		step.tuple = true
		return left, nil
	}
	n.lhs = left
	if n.rhs, err = pr.prepare(n.rhs); err != nil {
		return nil, err
	}
	switch n.text {
	case ":=":
		n.kind = astBind
		n.seek(n.rhs)
	case "~>":
		n.kind = astApply
		n.keepArray = n.lhs.keepArray || n.rhs.keepArray
	default:
		n.seek(n.lhs)
		n.seek(n.rhs)
	}
	return n, nil
}

// lastStep returns the last step of a path, or the node itself.
func (n *ast) lastStep() *ast {
	if n.kind == astPath {
		return n.list[len(n.list)-1]
	}
	return n
}

func (pr *preparer) dot(n *ast) (*ast, *Error) {
	left, right := n.lhs, n.rhs
	path, err := pr.prepare(left)
	if err != nil {
		return nil, err
	}
	if first := path; first.kind != astPath {
		// The node of the dot becomes the path.
		path = n
		n.kind, n.text, n.pos, n.lhs, n.rhs = astPath, "", -1, nil, nil
		n.list = append(make([]*ast, 0, 4), first)
		if first.kind == astParent {
			path.own().seeking = []*slot{first.slot}
		}
	}
	rest := right
	if right.kind != astName { // a name needs no path of its own
		if rest, err = pr.prepare(right); err != nil {
			return nil, err
		}
	}
	if rest.kind == astPath {
		path.list = append(path.list, rest.list...)
	} else {
		if rest.predicates != nil {
			rest.stages, rest.own().predicates = rest.predicates, nil
		}
		path.list = append(path.list, rest)
	}
	for _, s := range path.list {
		if s.kind == astLiteral {
			if !s.val.IsString() {
				return nil, failureAt("S0213", s.pos).withValue(s.val)
			}
			s.kind, s.text = astName, s.val.Str()
		}
		if s.keepArray {
			path.keepSingletons = true
		}
	}
	if first := path.list[0]; first.kind == astArray {
		first.cons = true
	}
	if last := path.lastStep(); last.kind == astArray {
		last.cons = true
	}
	return path, pr.resolve(path)
}

func (pr *preparer) filter(n *ast) (*ast, *Error) {
	left, err := pr.prepare(n.lhs)
	if err != nil {
		return nil, err
	}
	step := left.lastStep()
	if step.group != nil {
		return nil, failureAt("S0209", n.pos)
	}
	pred, err := pr.prepare(n.rhs)
	if err != nil {
		return nil, err
	}
	if pred.seeking != nil {
		for _, s := range pred.seeking {
			if s.level == 1 {
				if err := seekParent(step, s); err != nil {
					return nil, err
				}
			} else {
				s.level--
			}
		}
		step.seek(pred)
	}
	if left.kind == astPath {
		step.stages = append(step.stages, stage{expr: pred, pos: n.pos})
	} else {
		m := step.own()
		m.predicates = append(m.predicates, stage{expr: pred, pos: n.pos})
	}
	return left, nil
}

// seek hands the parents that a part of n still looks for on to n.
func (n *ast) seek(part *ast) {
	if len(part.seeking) == 0 && part.kind != astParent {
		return
	}
	m := n.own()
	m.seeking = append(m.seeking, part.seeking...)
	if part.kind == astParent {
		m.seeking = append(m.seeking, part.slot)
	}
}

// seekParent walks one step back in search of the step that a parent operator means.
func seekParent(n *ast, s *slot) *Error {
	switch n.kind {
	case astName, astWildcard:
		if s.level--; s.level == 0 {
			if n.ancestor != nil { // two operators with the same parent share its label
				s.label = n.ancestor.label
			}
			n.own().ancestor = s
			n.tuple = true
		}
	case astParent:
		s.level++
	case astBlock:
		if len(n.list) > 0 {
			n.tuple = true
			return seekParent(n.list[len(n.list)-1], s)
		}
	case astPath:
		n.tuple = true
		for i := len(n.list) - 1; i >= 0; i-- {
			if err := seekParent(n.list[i], s); err != nil {
				return err
			}
			if s.level <= 0 {
				break
			}
		}
	default:
		return failureAt("S0217", n.pos).withToken(n.kindName())
	}
	return nil
}

// resolve finds the steps that the parent operators of the last step mean.
func (pr *preparer) resolve(path *ast) *Error {
	last := path.lastStep()
	slots := last.seeking
	if last.kind == astParent {
		slots = append(slots, last.slot)
	}
	for _, s := range slots {
		i := len(path.list) - 2
		for s.level > 0 {
			if i < 0 {
				m := path.own()
				m.seeking = append(m.seeking, s)
				break
			}
			step := path.list[i]
			i--
			for i >= 0 && step.hasFocus && path.list[i].hasFocus {
				step = path.list[i]
				i--
			}
			if err := seekParent(step, s); err != nil {
				return err
			}
		}
	}
	return nil
}

// markTail marks the calls whose result is the result of a function body.
func markTail(n *ast) {
	switch n.kind {
	case astCall:
		n.tail = n.predicates == nil
	case astCondition:
		markTail(n.rhs)
		if n.els != nil {
			markTail(n.els)
		}
	case astBlock:
		if len(n.list) > 0 {
			markTail(n.list[len(n.list)-1])
		}
	}
}
