package template

import (
	"math/big"
	"slices"
	"sort"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

const (
	// maxValue is the size of the largest value that is computed, in bytes and elements.
	maxValue = 1 << 13
	// maxVariants is how many texts a definition may have for what conditions may turn
	// out to be, and maxWays how many outcomes are tried to find them.
	maxVariants = 16
	maxWays     = 64
)

// way is one path through conditions that are not known: the outcomes in the order in
// which the conditions are asked for.
type way struct {
	outcomes []outcome
	asked    int  // in this run
	guessed  bool // a loop whose elements are not known was gone through once
}

// outcome says whether something that is not known has a value.
type outcome struct {
	subject, value string
	is             bool
}

// choose returns whether a subject has a value: what was said of it in this run, else the
// outcome whose turn it is.
func (w *way) choose(subject, value string) bool {
	for _, o := range w.outcomes[:w.asked] {
		if o.subject == subject && (o.value == value || o.is) {
			return o.is && o.value == value
		}
	}
	if w.asked == len(w.outcomes) {
		w.outcomes = append(w.outcomes, outcome{subject, value, true})
	}
	w.asked++
	return w.outcomes[w.asked-1].is
}

// next goes on to the next one, and reports whether there is one.
func (w *way) next() bool {
	w.outcomes = w.outcomes[:w.asked]
	for n := len(w.outcomes); n > 0; n-- {
		if o := &w.outcomes[n-1]; o.is {
			o.is = false
			w.outcomes, w.asked = w.outcomes[:n], 0
			return true
		}
	}
	return false
}

// decide evaluates the condition of a directive. Where it is not known, the way says how
// it turns out; without one the error is an *unresolved.
func (c *configuration) decide(e hclsyntax.Expression, sc scope) (bool, error) {
	c = sc.of(c)
	if err := c.enter(); err != nil {
		return false, err
	}
	defer c.leave()
	if v, ok := c.known(e, sc); ok {
		if b, err := convert.Convert(v, cty.Bool); err == nil && !b.IsNull() {
			return b.True(), nil
		}
		return false, unknownf("computed: %s", c.notation(e, sc))
	}
	switch e := e.(type) {
	case *hclsyntax.ParenthesesExpr:
		return c.decide(e.Expression, sc)
	case *hclsyntax.TemplateWrapExpr:
		return c.decide(e.Wrapped, sc)
	case *hclsyntax.UnaryOpExpr:
		if e.Op == hclsyntax.OpLogicalNot {
			is, err := c.decide(e.Val, sc)
			return !is, err
		}
	case *hclsyntax.BinaryOpExpr:
		switch e.Op {
		case hclsyntax.OpLogicalAnd, hclsyntax.OpLogicalOr:
			is, err := c.decide(e.LHS, sc)
			if err != nil || is == (e.Op == hclsyntax.OpLogicalOr) {
				return is, err
			}
			return c.decide(e.RHS, sc)
		case hclsyntax.OpEqual, hclsyntax.OpNotEqual:
			subject, in, v, ok := c.comparison(e.LHS, e.RHS, sc)
			if ok {
				is, err := c.guess(subject, in, v)
				return is == (e.Op == hclsyntax.OpEqual), err
			}
		}
	case *hclsyntax.ScopeTraversalExpr, *hclsyntax.IndexExpr, *hclsyntax.RelativeTraversalExpr:
		if a, inner, err := c.follow(e, sc); err == nil {
			return c.decide(a.expr, inner)
		}
	}
	return c.guess(e, sc, "true")
}

// comparison finds in the two sides of a comparison what is not known, and the text that
// it is compared with.
func (c *configuration) comparison(l, r hclsyntax.Expression, sc scope) (subject hclsyntax.Expression, in scope, text string, ok bool) {
	if _, known := c.known(l, sc); known {
		l, r = r, l
	}
	v, known := c.known(r, sc)
	if !known || v.IsNull() {
		return nil, sc, "", false
	}
	s, err := convert.Convert(v, cty.String)
	if err != nil {
		return nil, sc, "", false
	}
	l, sc = c.followed(l, sc) // the same thing may have several names
	return l, sc, s.AsString(), true
}

// guess asks the way whether an expression has a value.
func (c *configuration) guess(e hclsyntax.Expression, sc scope, v string) (bool, error) {
	if c.l.way == nil {
		return false, unknownf("put together by conditions that are not known")
	}
	c = sc.of(c)
	return c.l.way.choose(c.dir+"\n"+c.notation(e, sc), v), nil
}

// loop evaluates a %{ for }. One whose elements are not known is gone through once.
func (c *configuration) loop(e *hclsyntax.ForExpr, sc scope, st style) (*passage, error) {
	body, ok := e.ValExpr.(*hclsyntax.TemplateExpr)
	if !ok || e.CondExpr != nil {
		return nil, unknownf("put together by %%{ for }")
	}
	list, known := c.elements(e.CollExpr, sc)
	if !known {
		if c.l.way == nil {
			return nil, unknownf("put together by %%{ for }")
		}
		c.l.way.guessed = true
		list = []element{{}}
	}
	out := &passage{}
	for _, x := range list {
		if err := c.enter(); err != nil {
			return nil, err
		}
		p, err := c.parts(body.Parts, sc.with(e, x), st)
		c.leave()
		if err != nil {
			return nil, err
		}
		out.append(p)
	}
	return out, nil
}

// element is one of the values that a loop goes through. Without an expression it is not
// known.
type element struct{ key, value bound }

// loopName is what a name means inside a loop.
type loopName struct {
	name string
	bound
	outer *loopName
}

// elements returns the elements of a collection, which themselves need not be known.
func (c *configuration) elements(e hclsyntax.Expression, sc scope) ([]element, bool) {
	c = sc.of(c)
	if c.enter() != nil {
		return nil, false
	}
	defer c.leave()
	if sc.in == nil {
		sc.in = c
	}
	list := []element{}
	switch e := e.(type) {
	case *hclsyntax.ParenthesesExpr:
		return c.elements(e.Expression, sc)
	case *hclsyntax.ForExpr:
		return c.generated(e, sc)
	case *hclsyntax.TemplateWrapExpr:
		return c.elements(e.Wrapped, sc)
	case *hclsyntax.TupleConsExpr:
		for i, x := range e.Exprs {
			list = append(list, element{bound{written(cty.NumberIntVal(int64(i)), x.Range()), sc}, bound{x, sc}})
		}
		return list, true
	case *hclsyntax.ObjectConsExpr:
		keys := map[string]element{}
		for _, item := range e.Items {
			k := c.key(item.KeyExpr, sc)
			if k == "" {
				return nil, false
			}
			keys[k] = element{bound{written(cty.StringVal(k), item.KeyExpr.Range()), sc}, bound{item.ValueExpr, sc}}
		}
		return byKey(keys), true
	case *hclsyntax.ScopeTraversalExpr, *hclsyntax.IndexExpr, *hclsyntax.RelativeTraversalExpr:
		a, inner, err := c.follow(e, sc)
		if err != nil {
			return nil, false
		}
		return c.elements(a.expr, inner)
	case *hclsyntax.FunctionCallExpr:
		if e.ExpandFinal {
			return nil, false // f(list...)
		}
		switch e.Name {
		case "tolist", "tomap":
			if len(e.Args) == 1 {
				return c.elements(e.Args[0], sc)
			}
		case "concat":
			for _, arg := range e.Args {
				more, ok := c.elements(arg, sc)
				if !ok {
					return nil, false
				}
				for _, x := range more {
					x.key = bound{written(cty.NumberIntVal(int64(len(list))), e.Range()), sc}
					list = append(list, x)
				}
			}
			return list, true
		case "merge":
			keys := map[string]element{}
			for _, arg := range e.Args {
				more, ok := c.elements(arg, sc)
				if !ok {
					return nil, false
				}
				for _, x := range more {
					lit, ok := x.key.expr.(*hclsyntax.LiteralValueExpr)
					if !ok || lit.Val.Type() != cty.String {
						return nil, false
					}
					keys[lit.Val.AsString()] = x
				}
			}
			return byKey(keys), true
		}
	}
	v, ok := c.known(e, sc)
	if !ok || v.IsNull() || !v.CanIterateElements() {
		return nil, false
	}
	for it := v.ElementIterator(); it.Next(); {
		k, x := it.Element()
		if v.Type().IsSetType() {
			k = x
		}
		list = append(list, element{bound{written(k, e.Range()), sc}, bound{written(x, e.Range()), sc}})
	}
	return list, true
}

// generated returns the elements that a for expression makes.
func (c *configuration) generated(e *hclsyntax.ForExpr, sc scope) ([]element, bool) {
	from, ok := c.elements(e.CollExpr, sc)
	if !ok || e.Group {
		return nil, false
	}
	var list []element
	keys := map[string]element{}
	for _, x := range from {
		in := sc.with(e, x)
		if !c.l.step() {
			return nil, false
		}
		if e.CondExpr != nil {
			v, ok := c.known(e.CondExpr, in)
			if !ok || v.Type() != cty.Bool || v.IsNull() {
				return nil, false
			}
			if v.False() {
				continue
			}
		}
		if e.KeyExpr == nil {
			list = append(list, element{bound{written(cty.NumberIntVal(int64(len(list))), e.SrcRange), in}, bound{e.ValExpr, in}})
			continue
		}
		k, ok := c.known(e.KeyExpr, in)
		if !ok || k.Type() != cty.String || k.IsNull() {
			return nil, false
		}
		keys[k.AsString()] = element{bound{written(k, e.KeyExpr.Range()), in}, bound{e.ValExpr, in}}
	}
	if e.KeyExpr != nil {
		list = byKey(keys)
	}
	return list, true
}

// with returns the scope inside a loop.
func (sc scope) with(e *hclsyntax.ForExpr, x element) scope {
	sc.names = &loopName{e.ValVar, x.value, sc.names}
	if e.KeyVar != "" {
		sc.names = &loopName{e.KeyVar, x.key, sc.names}
	}
	return sc
}

// byKey sorts the elements of an object as Terraform does.
func byKey(keys map[string]element) []element {
	names := make([]string, 0, len(keys))
	for k := range keys {
		names = append(names, k)
	}
	sort.Strings(names)
	list := make([]element, len(names))
	for i, k := range names {
		list[i] = keys[k]
	}
	return list
}

// written returns an expression for a value.
func written(v cty.Value, at hcl.Range) hclsyntax.Expression {
	switch t := v.Type(); {
	case v.IsNull() || t.IsPrimitiveType():
	case t.IsObjectType() || t.IsMapType():
		e := &hclsyntax.ObjectConsExpr{SrcRange: at}
		for it := v.ElementIterator(); it.Next(); {
			k, x := it.Element()
			e.Items = append(e.Items, hclsyntax.ObjectConsItem{KeyExpr: written(k, at), ValueExpr: written(x, at)})
		}
		return e
	default:
		e := &hclsyntax.TupleConsExpr{SrcRange: at}
		for it := v.ElementIterator(); it.Next(); {
			_, x := it.Element()
			e.Exprs = append(e.Exprs, written(x, at))
		}
		return e
	}
	return &hclsyntax.LiteralValueExpr{Val: v, SrcRange: at}
}

// known computes a value that the files tell in full.
func (c *configuration) known(e hclsyntax.Expression, sc scope) (cty.Value, bool) {
	v, size := c.compute(e, sc)
	return v, size > 0
}

var none = cty.NilVal

// compute returns a value and its size, which is 0 if the value is not known or too large.
// As no function is among those below whose result is larger than its arguments together,
// and all parts of a value are counted as often as it has them, neither values nor the
// work on them can grow without bound.
func (c *configuration) compute(e hclsyntax.Expression, sc scope) (v cty.Value, size int) {
	c = sc.of(c)
	if c.enter() != nil {
		return none, 0
	}
	defer c.leave()
	defer func() {
		if c.l.work += size / 8; size > maxValue || size > 0 && !v.IsWhollyKnown() {
			v, size = none, 0
		}
	}()
	literal := func(v cty.Value, n int) *hclsyntax.LiteralValueExpr {
		if size += n; n == 0 || size < 0 {
			size = -1 << 40
		}
		return &hclsyntax.LiteralValueExpr{Val: v, SrcRange: e.Range()}
	}
	// evaluated ends the computation of an expression whose operands are literals now.
	evaluated := func(e hclsyntax.Expression) (cty.Value, int) {
		if size < 0 || size > maxValue {
			return none, 0
		}
		v, diags := e.Value(nil)
		if diags.HasErrors() {
			return none, 0
		}
		return v, size
	}
	switch e := e.(type) {
	case *hclsyntax.ParenthesesExpr:
		return c.compute(e.Expression, sc)
	case *hclsyntax.TemplateWrapExpr:
		return c.compute(e.Wrapped, sc)
	case *hclsyntax.LiteralValueExpr:
		size = 1
		if t := e.Val.Type(); !e.Val.IsNull() && e.Val.IsKnown() && t == cty.String {
			size += len(e.Val.AsString())
		}
		return e.Val, size
	case *hclsyntax.TemplateExpr:
		text := &hclsyntax.TemplateExpr{SrcRange: e.SrcRange}
		for _, part := range e.Parts {
			text.Parts = append(text.Parts, literal(c.compute(part, sc)))
		}
		size++ // the empty text is known, too
		return evaluated(text)
	case *hclsyntax.ScopeTraversalExpr, *hclsyntax.IndexExpr, *hclsyntax.RelativeTraversalExpr:
		a, inner, err := c.follow(e, sc)
		if err != nil {
			return none, 0
		}
		return c.compute(a.expr, inner)
	case *hclsyntax.TupleConsExpr, *hclsyntax.ObjectConsExpr, *hclsyntax.ForExpr:
		list, ok := c.elements(e, sc)
		if !ok {
			return none, 0
		}
		vals := make([]cty.Value, len(list))
		attrs := make(map[string]cty.Value)
		for i, x := range list {
			vals[i] = literal(c.compute(x.value.expr, x.value.scope)).Val
			k := x.key.expr.(*hclsyntax.LiteralValueExpr).Val
			if k.Type() == cty.String {
				attrs[k.AsString()] = vals[i]
				size += len(k.AsString())
			}
			if size < 0 || size > maxValue {
				return none, 0
			}
		}
		if f, ok := e.(*hclsyntax.ForExpr); ok && f.KeyExpr == nil {
			return cty.TupleVal(vals), size + 1
		} else if _, ok := e.(*hclsyntax.TupleConsExpr); ok {
			return cty.TupleVal(vals), size + 1
		}
		return cty.ObjectVal(attrs), size + 1
	case *hclsyntax.UnaryOpExpr:
		return evaluated(&hclsyntax.UnaryOpExpr{Op: e.Op, Val: literal(c.compute(e.Val, sc)), SrcRange: e.SrcRange})
	case *hclsyntax.BinaryOpExpr:
		return evaluated(&hclsyntax.BinaryOpExpr{Op: e.Op, LHS: literal(c.compute(e.LHS, sc)), RHS: literal(c.compute(e.RHS, sc)), SrcRange: e.SrcRange})
	case *hclsyntax.ConditionalExpr:
		is, n := c.compute(e.Condition, sc)
		if n == 0 {
			return none, 0
		}
		if b, err := convert.Convert(is, cty.Bool); err == nil && !b.IsNull() {
			if b.True() {
				return c.compute(e.TrueResult, sc)
			}
			return c.compute(e.FalseResult, sc)
		}
	case *hclsyntax.FunctionCallExpr:
		return c.apply(e, sc)
	}
	return none, 0
}

// terraformFunctions are those functions of Terraform that make nothing larger than their
// arguments.
var terraformFunctions = map[string]function.Function{
	"abs": stdlib.AbsoluteFunc, "ceil": stdlib.CeilFunc, "coalesce": stdlib.CoalesceFunc, "compact": stdlib.CompactFunc,
	"concat": stdlib.ConcatFunc, "contains": stdlib.ContainsFunc, "element": stdlib.ElementFunc,
	"flatten": stdlib.FlattenFunc, "floor": stdlib.FloorFunc, "keys": stdlib.KeysFunc, "length": stdlib.LengthFunc,
	"lookup": stdlib.LookupFunc, "lower": stdlib.LowerFunc, "max": stdlib.MaxFunc, "merge": stdlib.MergeFunc, "min": stdlib.MinFunc,
	"reverse": stdlib.ReverseListFunc, "slice": stdlib.SliceFunc, "sort": stdlib.SortFunc, "split": stdlib.SplitFunc,
	"title": stdlib.TitleFunc, "tobool": stdlib.MakeToFunc(cty.Bool), "tolist": stdlib.MakeToFunc(cty.List(cty.DynamicPseudoType)),
	"tomap": stdlib.MakeToFunc(cty.Map(cty.DynamicPseudoType)), "tonumber": stdlib.MakeToFunc(cty.Number),
	"toset": stdlib.MakeToFunc(cty.Set(cty.DynamicPseudoType)), "tostring": stdlib.MakeToFunc(cty.String),
	"trimspace": stdlib.TrimSpaceFunc, "upper": stdlib.UpperFunc, "values": stdlib.ValuesFunc,
}

// apply computes a function, and its size as compute does.
func (c *configuration) apply(e *hclsyntax.FunctionCallExpr, sc scope) (cty.Value, int) {
	f, ok := terraformFunctions[e.Name]
	if !ok && e.Name != "range" || e.ExpandFinal {
		return none, 0
	}
	if e.Name == "length" && len(e.Args) == 1 {
		// What the elements are need not be known.
		if list, ok := c.elements(e.Args[0], sc); ok {
			return cty.NumberIntVal(int64(len(list))), 1
		}
	}
	args := make([]cty.Value, len(e.Args))
	size := 1
	for i, arg := range e.Args {
		v, n := c.compute(arg, sc)
		if n == 0 {
			return none, 0
		}
		args[i], size = v, size+n
	}
	if size > maxValue {
		return none, 0
	}
	if e.Name == "range" {
		const most = 1000
		small := func(v cty.Value) bool {
			return v.Type() == cty.Number && !v.IsNull() && v.AsBigFloat().IsInt() && v.AsBigFloat().Cmp(big.NewFloat(most)) <= 0 && v.AsBigFloat().Sign() >= 0
		}
		if len(args) > 2 || !(slices.IndexFunc(args, func(v cty.Value) bool { return !small(v) }) < 0) {
			return none, 0
		}
		f, size = stdlib.RangeFunc, size+most
	}
	v, err := f.Call(args)
	if err != nil {
		return none, 0
	}
	return v, size
}
