package jsonata

import "slices"

// Reference is a place where an expression uses something that it does not define.
type Reference struct {
	// Name is that of a variable without the dollar sign, of a member of the context item,
	// or the operator: $ for the context item, $$ for the input, *, ** or % for a step.
	Name string
	// Field is the name of the first step after a variable: input in $states.input.a.
	Field string
	// Position is that of the name in UTF-16 code units, behind it, as in Error.
	Position int
	// Called is true for a variable that is called as a function.
	Called bool
}

// Variables lists the uses of variables that the expression does not define, in order of
// appearance; built-in functions are not among them unless they were removed.
func (x *Expr) Variables() []Reference {
	var r referrer
	r.visit(x.tree, true)
	return r.position(x, r.vars, func(ref Reference) bool {
		return (&compiler{cfg: x.cfg}).function(ref.Name) == nil
	})
}

// Functions lists the uses of built-in functions.
func (x *Expr) Functions() []Reference {
	var r referrer
	r.visit(x.tree, true)
	return r.position(x, r.vars, func(ref Reference) bool {
		return (&compiler{cfg: x.cfg}).function(ref.Name) != nil
	})
}

// ContextReferences lists where the expression uses the context item at its top level, and
// the input ($$) anywhere. Names in later steps of a path, in predicates, in sort terms and
// in groupings have a context of their own and do not count; the body of a function has the
// context of the place where it is written. Step Functions has no context item and refuses
// such expressions.
func (x *Expr) ContextReferences() []Reference {
	var r referrer
	r.visit(x.tree, true)
	return r.position(x, r.context, func(Reference) bool { return true })
}

type referrer struct {
	vars, context []Reference
	scopes        [][]string
}

func (r *referrer) position(x *Expr, refs []Reference, keep func(Reference) bool) []Reference {
	var out []Reference
	var at offsets
	for _, ref := range refs {
		if keep(ref) {
			ref.Position = at.at(x.src, ref.Position)
			out = append(out, ref)
		}
	}
	slices.SortStableFunc(out, func(a, b Reference) int { return a.Position - b.Position })
	return out
}

func (r *referrer) defined(name string) bool {
	for _, s := range r.scopes {
		for _, n := range s {
			if n == name {
				return true
			}
		}
	}
	return false
}

func (r *referrer) define(name string) {
	if len(r.scopes) == 0 {
		r.scopes = append(r.scopes, nil)
	}
	top := len(r.scopes) - 1
	r.scopes[top] = append(r.scopes[top], name)
}

func (r *referrer) within(f func()) {
	r.scopes = append(r.scopes, nil)
	f()
	r.scopes = r.scopes[:len(r.scopes)-1]
}

func (r *referrer) variable(n *ast, field string, called, top bool) {
	switch n.text {
	case "":
		if top {
			r.context = append(r.context, Reference{Name: "$", Position: n.pos})
		}
	case "$":
		r.context = append(r.context, Reference{Name: "$$", Position: n.pos})
	default:
		if !r.defined(n.text) {
			r.vars = append(r.vars, Reference{Name: n.text, Field: field, Position: n.pos, Called: called})
		}
	}
}

// visit walks the tree; top says that the context is that of the whole expression.
func (r *referrer) visit(n *ast, top bool) {
	if n == nil {
		return
	}
	defer r.stages(n)
	switch n.kind {
	case astVariable:
		r.variable(n, "", false, top)
	case astName, astWildcard, astDescendant, astParent:
		if top {
			r.context = append(r.context, Reference{Name: n.text, Position: n.pos})
		}
	case astPath:
		r.path(n, top)
	case astBlock:
		r.within(func() {
			for _, c := range n.list {
				r.visit(c, top)
			}
		})
	case astLambda:
		r.within(func() {
			for _, p := range n.list {
				r.define(p.text)
			}
			r.visit(n.rhs, top)
		})
	case astBind:
		// A function may call itself by the name that it is bound to.
		if n.rhs.kind == astLambda {
			r.define(n.lhs.text)
			r.visit(n.rhs, top)
		} else {
			r.visit(n.rhs, top)
			r.define(n.lhs.text)
		}
	case astCall, astPartial:
		if n.lhs.kind == astVariable {
			r.variable(n.lhs, "", true, top)
			r.stages(n.lhs)
		} else {
			r.visit(n.lhs, top)
		}
		for _, a := range n.list {
			if a.kind != astOperator {
				r.visit(a, top)
			}
		}
	case astTransform:
		r.visit(n.lhs, false)
		r.visit(n.rhs, false)
		r.visit(n.els, false)
	case astSort:
		for _, t := range n.terms {
			r.visit(t.expr, false)
		}
	default:
		r.visit(n.lhs, top)
		r.visit(n.rhs, top)
		r.visit(n.els, top)
		for _, c := range n.list {
			r.visit(c, top)
		}
		for _, p := range n.pairs {
			r.visit(p[0], top)
			r.visit(p[1], top)
		}
	}
}

func (r *referrer) path(n *ast, top bool) {
	for i, s := range n.list {
		if first := i == 0 && s.kind == astVariable; first {
			field := ""
			if len(n.list) > 1 && n.list[1].kind == astName && s.stages == nil && s.predicates == nil {
				field = n.list[1].text
			}
			r.variable(s, field, false, top)
			r.stages(s)
		} else {
			r.visit(s, top && i == 0)
		}
	}
}

// stages visits what stands on a node: its context is never that of the whole expression.
// What @ and # bind there is known from there on, in the predicates behind them, too.
func (r *referrer) stages(n *ast) {
	if n.hasFocus {
		r.define(n.focus)
	}
	if n.hasIndex {
		r.define(n.index)
	}
	for _, list := range [][]stage{n.stages, n.predicates} {
		for _, st := range list {
			if st.expr == nil {
				r.define(st.index)
			}
			r.visit(st.expr, false)
		}
	}
	if n.group != nil {
		for _, p := range n.group.pairs {
			r.visit(p[0], false)
			r.visit(p[1], false)
		}
	}
}
