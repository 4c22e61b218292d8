package jsonata

import (
	"slices"

	"github.com/sfnkit/sfnkit/asl/value"
)

// compiler turns the prepared tree into nodes with resolved variables.
type compiler struct {
	x    *Expr
	cfg  *config
	free map[string]int // numbers of the variables from outside, once there are many
}

func compile(src string, cfg *config, outer *scope) (*Expr, *Error) {
	tree, err := parse(src, cfg)
	if err != nil {
		return nil, err
	}
	x := &Expr{src: src, cfg: cfg, tree: tree}
	c := &compiler{x: x, cfg: cfg}
	x.frame = &scope{up: outer}
	collect(tree, x.frame)
	x.root = c.node(tree, c.frameless(x.frame))
	return x, nil
}

// frameless returns the scope to resolve names in: a scope without variables has no frame.
func (c *compiler) frameless(s *scope) *scope {
	if len(s.names) == 0 {
		return s.up
	}
	return s
}

func (s *scope) add(name string) {
	if s.slot(name) < 0 {
		s.names = append(s.names, name)
	}
}

// collect adds to s the variables that n binds in its own frame, and notes whether n makes
// functions that hold on to the frame.
// Blocks have frames of their own.
func collect(n *ast, s *scope) {
	switch n.kind {
	case astBind:
		s.add(n.lhs.text)
	case astLambda, astTransform:
		s.captured = true
		return
	case astBlock:
		s.captured = s.captured || n.captures()
		return
	}
	if n.tail {
		s.captured = true
	}
	n.parts(func(c *ast) { collect(c, s) })
}

// captures reports whether something in n holds on to the frame that it is evaluated in.
func (n *ast) captures() bool {
	if n.capture == 0 {
		n.capture = 1
		if n.kind == astLambda || n.kind == astTransform || n.tail {
			n.capture = 2
		} else {
			n.parts(func(c *ast) {
				if c.captures() {
					n.capture = 2
				}
			})
		}
	}
	return n.capture == 2
}

// parts calls f with everything that n is made of.
func (n *ast) parts(f func(*ast)) {
	for _, c := range [...]*ast{n.lhs, n.rhs, n.els, n.group} {
		if c != nil {
			f(c)
		}
	}
	for _, c := range n.list {
		f(c)
	}
	for _, p := range n.pairs {
		f(p[0])
		f(p[1])
	}
	for _, t := range n.terms {
		f(t.expr)
	}
	for _, st := range n.stages {
		if st.expr != nil {
			f(st.expr)
		}
	}
	for _, st := range n.predicates {
		if st.expr != nil {
			f(st.expr)
		}
	}
}

// tupled reports whether the steps of a path carry variables along.
func tupled(n *ast) bool {
	return slices.ContainsFunc(n.list, func(s *ast) bool { return s.tuple })
}

// collectTuple adds the variables that the tuples of a path can carry.
func collectTuple(n *ast, s *scope) {
	if n.hasFocus {
		s.add(n.focus)
	}
	if n.hasIndex {
		s.add(n.index)
	}
	if n.ancestor != nil {
		s.add(n.ancestor.label)
	}
	for _, st := range n.stages {
		if st.expr == nil {
			s.add(st.index)
		}
	}
	n.parts(func(c *ast) { collectTuple(c, s) })
}

func (c *compiler) cache() int {
	c.x.caches++
	return c.x.caches - 1
}

// node compiles n together with the predicates and the grouping that stand on it.
func (c *compiler) node(n *ast, s *scope) node {
	r := c.bare(n, s)
	switch {
	case n.kind == astPath:
	case n.tail: // what stands on a tail call is never reached
	case len(n.predicates) > 0 || n.group != nil:
		d := &decoratedNode{n: r, keep: n.keepArray, preds: c.predicates(n.predicates, s)}
		if n.group != nil {
			d.group = c.group(n.group, s, nil)
		}
		r = d
	case n.keepArray && n.kind != astName:
		r = &decoratedNode{n: r, keep: true}
	}
	if c.cfg.trace {
		r = &traceNode{n: r, tree: n, src: c.x}
	}
	return r
}

func (c *compiler) nodes(list []*ast, s *scope) []node {
	out := make([]node, len(list))
	for i, n := range list {
		out[i] = c.node(n, s)
	}
	return out
}

// bare compiles n without what stands on it.
func (c *compiler) bare(n *ast, s *scope) node {
	switch n.kind {
	case astPath:
		return c.path(n, s)
	case astName:
		return &nameNode{name: n.text, cache: c.cache(), keep: n.keepArray}
	case astLiteral:
		return &literalNode{n.val}
	case astRegex:
		k := &regexNode{re: n.regex, pos: n.pos}
		k.fn = newFunction(&function{re: k})
		return k
	case astVariable:
		return c.variable(n, s)
	case astWildcard:
		return wildcardNode{}
	case astDescendant:
		return descendantNode{}
	case astParent:
		return c.resolve(n.slot.label, s, false)
	case astBinary:
		return c.binary(n, s)
	case astNegate:
		return &negateNode{n: c.node(n.lhs, s), pos: n.pos}
	case astArray:
		a := &arrayNode{items: c.nodes(n.list, s), nested: make([]bool, len(n.list)), cons: n.cons}
		for i, it := range n.list {
			a.nested[i] = it.kind == astArray
		}
		return a
	case astObject:
		return &objectNode{g: c.group(n, s, nil)}
	case astCall:
		return c.call(n, s)
	case astPartial:
		return c.partial(n, s)
	case astLambda:
		return c.lambda(n, s)
	case astBlock:
		return c.block(n, s)
	case astCondition:
		k := &conditionNode{cond: c.node(n.lhs, s), then: c.node(n.rhs, s)}
		if n.els != nil {
			k.els = c.node(n.els, s)
		}
		return k
	case astCoalesce, astDefault:
		return &defaultNode{l: c.node(n.lhs, s), r: c.node(n.rhs, s), truthy: n.kind == astDefault}
	case astTransform:
		t := &transformNode{x: c.x, pattern: c.node(n.lhs, s), update: c.node(n.rhs, s), pos: n.pos, updatePos: n.rhs.pos}
		if n.els != nil {
			t.delete = c.node(n.els, s)
			t.deletePos = n.els.pos
		}
		t.clone = c.resolve("clone", s, true)
		return t
	case astBind:
		k := &bindNode{n: c.node(n.rhs, s)}
		k.up, k.slot = s.find(n.lhs.text)
		return k
	case astApply:
		a := &applyNode{lhs: c.node(n.lhs, s), pos: n.pos}
		if n.rhs.kind == astCall {
			a.call = c.call(n.rhs, s).(*callNode)
			a.call.tail = false
		} else {
			a.rhs = c.node(n.rhs, s)
		}
		return a
	}
	panic("jsonata: no way to compile " + n.kindName())
}

// find returns how many frames out the innermost scope with the name lies, and its slot.
func (s *scope) find(name string) (hops, slot int) {
	for ; ; s = s.up {
		if i := s.slot(name); i >= 0 {
			return hops, i
		}
		hops++
	}
}

func (c *compiler) variable(n *ast, s *scope) node {
	switch n.text {
	case "":
		return contextNode{}
	case "$":
		return rootNode{}
	}
	return c.resolve(n.text, s, true)
}

// resolve finds a variable in the scopes, then outside, then among the functions.
func (c *compiler) resolve(name string, s *scope, outside bool) node {
	var first, last *localNode
	hops := 0
	for ; s != nil; s = s.up {
		if i := s.slot(name); i >= 0 {
			l := &localNode{hops: hops, slot: i}
			if last == nil {
				first = l
			} else {
				last.next = l
			}
			last = l
		}
		hops++
	}
	if !outside {
		if first == nil {
			return &literalNode{}
		}
		return first
	}
	if first != nil && last == first {
		// A parameter or a variable that is certainly bound needs no other meaning; whether
		// it is shows only at run time, so the outer meaning is kept.
		last.next = c.outer(name)
		return first
	}
	o := c.outer(name)
	if first == nil {
		return o
	}
	last.next = o
	return first
}

func (c *compiler) outer(name string) node {
	i := -1
	if len(c.x.free) <= 32 {
		i = slices.Index(c.x.free, name)
	} else { // not to search a long list again and again
		if c.free == nil {
			c.free = map[string]int{}
			for j, n := range c.x.free {
				c.free[n] = j
			}
		}
		var ok bool
		if i, ok = c.free[name]; !ok {
			i = -1
		}
	}
	if i < 0 {
		i = len(c.x.free)
		c.x.free = append(c.x.free, name)
		if c.free != nil {
			c.free[name] = i
		}
	}
	return &freeNode{index: i, name: name, fn: c.function(name)}
}

// function returns the built-in function of a name, or nil.
func (c *compiler) function(name string) *function {
	n, ok := c.cfg.functions[name]
	if !ok {
		n, ok = c.cfg.dialect[name]
	}
	if !ok {
		n = builtins[name]
	}
	if n != nil {
		return n.value
	}
	return nil
}

func (c *compiler) block(n *ast, s *scope) node {
	inner := &scope{up: s}
	for _, e := range n.list {
		collect(e, inner)
	}
	if len(inner.names) == 0 {
		if len(n.list) == 1 {
			return &singleBlockNode{c.node(n.list[0], s)}
		}
		return &blockNode{list: c.nodes(n.list, s)}
	}
	return &blockNode{list: c.nodes(n.list, inner), scope: inner}
}

func (c *compiler) call(n *ast, s *scope) node {
	k := &callNode{x: c.x, proc: c.node(n.lhs, s), args: c.nodes(n.list, s), pos: n.pos, tail: n.tail}
	k.name, k.procName, k.hint = procedureName(n.lhs)
	if k.hint {
		k.meant = c.resolve(k.name.Str(), s, true)
	}
	k.thunkPos = n.lhs.pos
	return k
}

// procedureName returns the token that messages give for a call: the name of a variable
// or of the first step of a path, or a literal.
func procedureName(n *ast) (token value.Value, variable string, path bool) {
	switch n.kind {
	case astPath:
		if first := n.list[0]; first.text != "" || first.kind == astName {
			return value.String(first.text), "", true
		}
		return value.Value{}, "", false
	case astVariable:
		return value.String(n.text), n.text, false
	case astLiteral:
		return n.val, "", false
	case astCall, astPartial:
		return value.String("("), "", false
	case astBinary, astArray, astObject, astNegate, astBind, astApply:
		return value.String(n.text), "", false
	}
	return value.Value{}, "", false
}

func (c *compiler) partial(n *ast, s *scope) node {
	k := &partialNode{args: make([]node, len(n.list)), pos: n.pos}
	for i, a := range n.list {
		if a.kind != astOperator {
			k.args[i] = c.node(a, s)
		}
	}
	k.proc = c.node(n.lhs, s)
	var hint bool
	k.name, _, hint = procedureName(n.lhs)
	if hint {
		k.meant = c.resolve(k.name.Str(), s, true)
	}
	return k
}

func (c *compiler) lambda(n *ast, s *scope) node {
	inner := &scope{up: s}
	l := &lambdaNode{x: c.x, sig: n.sig, scope: inner}
	for _, p := range n.list {
		// Of parameters with the same name the last one counts.
		inner.add(p.text)
		l.params = append(l.params, inner.slot(p.text))
	}
	collect(n.rhs, inner)
	if len(inner.names) == 0 {
		inner.names = []string{""} // a function always has a frame
	}
	l.body = c.node(n.rhs, inner)
	return l
}

func (c *compiler) predicates(list []stage, s *scope) []predicate {
	var out []predicate
	for _, st := range list {
		if st.expr == nil {
			continue
		}
		p := predicate{n: c.node(st.expr, s)}
		if st.expr.kind == astLiteral && st.expr.val.IsNumber() {
			p.literal, p.at = true, st.expr.val.Float64()
		}
		p.constant = independent(st.expr)
		out = append(out, p)
	}
	return out
}

// independent reports whether n has the same value for every context item.
func independent(n *ast) bool {
	if len(n.predicates) > 0 || n.group != nil {
		return false
	}
	switch n.kind {
	case astLiteral:
		return true
	case astVariable:
		return n.text != ""
	case astArray:
		return !slices.ContainsFunc(n.list, func(c *ast) bool { return !independent(c) })
	case astBinary:
		switch n.text {
		case "..", "+", "-", "*", "/", "%":
			return independent(n.lhs) && independent(n.rhs)
		}
	}
	return false
}

// group compiles the pairs of an object. Those behind a path with tuples see their
// variables, for which inner stands.
func (c *compiler) group(n *ast, s, inner *scope) *groupNode {
	g := &groupNode{pos: n.pos}
	if inner != nil {
		s = inner
	}
	g.fixed = true
	for _, p := range n.pairs {
		k, v := c.node(p[0], s), c.node(p[1], s)
		g.keys = append(g.keys, k)
		g.vals = append(g.vals, v)
		if lit, ok := k.(*literalNode); ok && lit.v.IsString() && !slices.Contains(g.names, lit.v.Str()) {
			g.names = append(g.names, lit.v.Str())
		} else {
			g.fixed = false
		}
	}
	if g.fixed {
		g.shape = value.NewShape(g.names)
	}
	return g
}

func (c *compiler) binary(n *ast, s *scope) node {
	switch n.text {
	case "&":
		k := &concatNode{}
		c.operands(n, s, k)
		return k
	}
	l, r := c.node(n.lhs, s), c.node(n.rhs, s)
	switch n.text {
	case "+", "-", "*", "/", "%":
		return &arithmeticNode{l: l, r: r, op: n.text[0], pos: n.pos}
	case "=", "!=":
		return &equalNode{l: l, r: r, not: n.text == "!="}
	case "<", "<=", ">", ">=":
		k := &compareNode{l: l, r: r, op: n.text, pos: n.pos}
		k.less = n.text[0] == '<'
		k.orEqual = len(n.text) == 2
		return k
	case "and", "or":
		return &logicNode{l: l, r: r, or: n.text == "or", op: n.text, pos: n.pos}
	case "in":
		return &inNode{l: l, r: r}
	case "..":
		return &rangeNode{l: l, r: r, pos: n.pos}
	}
	panic("jsonata: unknown operator " + n.text)
}

// operands flattens a chain of &, which is evaluated from the left.
func (c *compiler) operands(n *ast, s *scope, k *concatNode) {
	if l := n.lhs; l.kind == astBinary && l.text == "&" && len(l.predicates) == 0 && l.group == nil && !l.keepArray && !c.cfg.trace {
		c.operands(l, s, k)
	} else {
		k.parts = append(k.parts, c.node(l, s))
	}
	k.parts = append(k.parts, c.node(n.rhs, s))
	k.pos = append(k.pos, n.pos)
}
