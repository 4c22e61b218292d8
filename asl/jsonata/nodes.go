package jsonata

import (
	"math"
	"strings"
	"unsafe"

	"github.com/sfnkit/sfnkit/asl/value"
)

// The nodes below count their nesting exactly as the reference implementation enters its
// evaluate function, because Step Functions limits that. Leaves only check.

func (e *evaluator) leaf() *Error {
	if e.depth >= e.maxDepth {
		return limitError(LimitDepth)
	}
	return nil
}

func (e *evaluator) enter() *Error {
	if e.depth++; e.depth > e.maxDepth {
		return limitError(LimitDepth)
	}
	return nil
}

type literalNode struct{ v value.Value }

func (n *literalNode) eval(e *evaluator, _ value.Value, _ *frame) (value.Value, *Error) {
	if err := e.leaf(); err != nil {
		return value.Value{}, err
	}
	return n.v, nil
}

// contextNode is $.
type contextNode struct{}

func (contextNode) eval(e *evaluator, in value.Value, _ *frame) (value.Value, *Error) {
	if err := e.leaf(); err != nil {
		return value.Value{}, err
	}
	if in.Mark()&markOuter != 0 {
		return in.At(0), nil
	}
	return collapse(in), nil
}

// rootNode is $$.
type rootNode struct{}

func (rootNode) eval(e *evaluator, _ value.Value, _ *frame) (value.Value, *Error) {
	if err := e.leaf(); err != nil {
		return value.Value{}, err
	}
	return e.root, nil
}

// localNode is a variable of a frame; if it is not bound yet, next says what else the
// name may mean.
type localNode struct {
	hops, slot int
	next       node
}

func (n *localNode) eval(e *evaluator, in value.Value, f *frame) (value.Value, *Error) {
	if err := e.leaf(); err != nil {
		return value.Value{}, err
	}
	g := f
	for range n.hops {
		g = g.up
	}
	v := g.vals[n.slot]
	if v.Mark() == markUnbound {
		if n.next == nil {
			return value.Value{}, nil
		}
		return n.next.eval(e, in, f)
	}
	return collapse(v), nil
}

// freeNode is a variable from outside or, if there is none, a built-in function.
type freeNode struct {
	index int
	name  string
	fn    *function
}

func (n *freeNode) eval(e *evaluator, _ value.Value, _ *frame) (value.Value, *Error) {
	if err := e.leaf(); err != nil {
		return value.Value{}, err
	}
	if e.evals > 0 { // the numbers belong to another expression
		return n.find(e), nil
	}
	v := e.free[n.index]
	if v.Mark() == markUnbound {
		v = n.find(e)
		e.free[n.index] = v
	}
	return v, nil
}

func (n *freeNode) find(e *evaluator) value.Value {
	if e.env != nil && e.env.Vars != nil {
		if v, ok := e.env.Vars.Lookup(n.name); ok {
			return v
		}
	}
	if n.fn != nil {
		return n.fn.self
	}
	return value.Value{}
}

// nameNode is a step of a path that selects members by name.
type nameNode struct {
	name  string
	cache int
	keep  bool
}

func (n *nameNode) get(e *evaluator, in value.Value) value.Value {
	sh := in.Shape()
	if e.evals > 0 {
		return in.Get(n.name)
	}
	c := &e.cache[n.cache]
	if c.shape != sh {
		c.shape, c.index = sh, sh.Index(n.name)
	}
	if c.index < 0 {
		return value.Value{}
	}
	return in.At(c.index)
}

func (n *nameNode) eval(e *evaluator, in value.Value, _ *frame) (value.Value, *Error) {
	if err := e.leaf(); err != nil {
		return value.Value{}, err
	}
	switch in.Kind() {
	case value.KindObject:
		return collapse(n.get(e, in)), nil
	case value.KindArray:
		v, err := e.lookup(in, n.name)
		if n.keep && err == nil {
			v = v.WithMark(v.Mark() | markKeep)
		}
		return collapse(v), err
	}
	return value.Value{}, nil
}

// rawNode is a node that can say what it evaluates to before a sequence of one collapses.
type rawNode interface {
	raw(e *evaluator, in value.Value, f *frame) (value.Value, *Error)
}

// decoratedNode is an expression that is not a path with predicates, a grouping or [].
type decoratedNode struct {
	n     node
	preds []predicate
	group *groupNode
	keep  bool
}

func (n *decoratedNode) eval(e *evaluator, in value.Value, f *frame) (value.Value, *Error) {
	var v value.Value
	var err *Error
	if r, ok := n.n.(rawNode); ok {
		v, err = r.raw(e, in, f)
	} else {
		v, err = n.n.eval(e, in, f)
	}
	if err != nil {
		return value.Value{}, err
	}
	if err := e.enter(); err != nil {
		return value.Value{}, err
	}
	for i := range n.preds {
		if v, err = e.filter(&n.preds[i], v, f); err != nil {
			return value.Value{}, err
		}
	}
	if n.group != nil {
		if v, err = n.group.evalOn(e, v, f); err != nil {
			return value.Value{}, err
		}
	}
	e.depth--
	if n.keep && len(n.preds) > 0 && n.group == nil && !v.IsArray() && !v.IsAbsent() {
		return e.list([]value.Value{v}, markSequence|markKeep)
	}
	if n.keep && isSequence(v) {
		v = v.WithMark(v.Mark() | markKeep)
	}
	return collapse(v), nil
}

type negateNode struct {
	n   node
	pos int
}

func (n *negateNode) eval(e *evaluator, in value.Value, f *frame) (value.Value, *Error) {
	if err := e.enter(); err != nil {
		return value.Value{}, err
	}
	v, err := n.n.eval(e, in, f)
	e.depth--
	if err != nil || v.IsAbsent() {
		return value.Value{}, err
	}
	ok, err := numeric(v)
	if err != nil {
		return value.Value{}, err
	}
	if !ok {
		return value.Value{}, failureAt("D1002", n.pos).withToken("-").withValue(v)
	}
	return negate(v), nil
}

type arrayNode struct {
	items  []node
	nested []bool // elements that are array constructors stay arrays
	cons   bool
}

func (n *arrayNode) eval(e *evaluator, in value.Value, f *frame) (value.Value, *Error) {
	if err := e.enter(); err != nil {
		return value.Value{}, err
	}
	if len(n.items) == 1 && !n.nested[0] { // often a range or a path, which need not be copied
		v, err := n.items[0].eval(e, in, f)
		e.depth--
		if err != nil {
			return value.Value{}, err
		}
		if v.IsArray() {
			v = v.WithMark(v.Mark() & markDirty)
		} else if v.IsAbsent() {
			v = value.EmptyArray
		} else if v, err = e.list([]value.Value{v}, 0); err != nil {
			return value.Value{}, err
		}
		if n.cons {
			v = v.WithMark(v.Mark() | markCons)
		}
		return v, nil
	}
	base := len(e.stack)
	for i, it := range n.items {
		v, err := it.eval(e, in, f)
		if err != nil {
			return value.Value{}, err
		}
		switch {
		case v.IsAbsent():
		case n.nested[i] || !v.IsArray():
			e.push(v)
		default:
			if err := e.grow(v.Len()); err != nil {
				return value.Value{}, err
			}
			e.stack = append(e.stack, v.Elems()...)
		}
	}
	var mark uint8
	if n.cons {
		mark = markCons
	}
	v, err := e.list(e.stack[base:], mark)
	e.pop(base)
	e.depth--
	return v, err
}

type wildcardNode struct{}

func (wildcardNode) eval(e *evaluator, in value.Value, _ *frame) (value.Value, *Error) {
	if err := e.leaf(); err != nil {
		return value.Value{}, err
	}
	if in.Mark()&markOuter != 0 && in.Len() > 0 {
		in = in.At(0)
	}
	base := len(e.stack)
	mark := uint8(markSequence)
	for _, v := range in.Elems() {
		if v.IsArray() {
			e.flatten(v, 0)
			mark = 0 // joining arrays makes an ordinary one
		} else {
			e.push(v)
		}
		if err := e.spend(1); err != nil {
			return value.Value{}, err
		}
	}
	v, err := e.list(e.stack[base:], mark)
	e.pop(base)
	return collapse(v), err
}

// flatten pushes the elements of an array, and those of arrays in it.
func (e *evaluator) flatten(v value.Value, level int) {
	if level > maxValueDepth {
		tooDeep()
	}
	for _, c := range v.Elems() {
		if c.IsArray() {
			e.flatten(c, level+1)
		} else {
			e.push(c)
		}
	}
}

type descendantNode struct{}

func (descendantNode) eval(e *evaluator, in value.Value, _ *frame) (value.Value, *Error) {
	if err := e.leaf(); err != nil {
		return value.Value{}, err
	}
	if in.IsAbsent() {
		return in, nil
	}
	base := len(e.stack)
	if err := e.descend(in, base, 0); err != nil {
		return value.Value{}, err
	}
	v, err := e.list(e.stack[base:], markSequence)
	e.pop(base)
	return collapse(v), err
}

func (e *evaluator) descend(v value.Value, base, level int) *Error {
	if level > maxValueDepth {
		tooDeep()
	}
	if !v.IsArray() {
		e.push(v)
		if len(e.stack)-base > e.maxElems {
			return limitError(LimitMemory)
		}
	}
	if err := e.tick(); err != nil {
		return err
	}
	for _, c := range v.Elems() {
		if err := e.descend(c, base, level+1); err != nil {
			return err
		}
	}
	return nil
}

// singleBlockNode is a pair of parentheses around one expression that binds nothing.
type singleBlockNode struct{ n node }

func (n *singleBlockNode) eval(e *evaluator, in value.Value, f *frame) (value.Value, *Error) {
	if err := e.enter(); err != nil {
		return value.Value{}, err
	}
	v, err := n.n.eval(e, in, f)
	e.depth--
	return collapse(v), err
}

type blockNode struct {
	list  []node
	scope *scope // nil if nothing is bound
}

func (n *blockNode) eval(e *evaluator, in value.Value, f *frame) (v value.Value, err *Error) {
	if err := e.enter(); err != nil {
		return value.Value{}, err
	}
	if n.scope != nil {
		f = e.newFrame(f, n.scope)
	}
	for _, c := range n.list {
		if v, err = c.eval(e, in, f); err != nil {
			return value.Value{}, err
		}
	}
	if n.scope != nil {
		e.release(f)
	}
	e.depth--
	return collapse(v), nil
}

type bindNode struct {
	slot int
	up   int
	n    node
}

func (n *bindNode) eval(e *evaluator, in value.Value, f *frame) (value.Value, *Error) {
	if err := e.enter(); err != nil {
		return value.Value{}, err
	}
	v, err := n.n.eval(e, in, f)
	if err != nil {
		return value.Value{}, err
	}
	e.depth--
	g := f
	for range n.up {
		g = g.up
	}
	g.vals[n.slot] = v
	return collapse(v), nil
}

type conditionNode struct{ cond, then, els node }

func (n *conditionNode) eval(e *evaluator, in value.Value, f *frame) (value.Value, *Error) {
	if err := e.enter(); err != nil {
		return value.Value{}, err
	}
	v, err := n.cond.eval(e, in, f)
	if err != nil {
		return value.Value{}, err
	}
	ok, err := truth(v)
	if err != nil {
		return value.Value{}, err
	}
	switch {
	case ok:
		v, err = n.then.eval(e, in, f)
	case n.els != nil:
		v, err = n.els.eval(e, in, f)
	default:
		v = value.Value{}
	}
	e.depth--
	return collapse(v), err
}

// defaultNode is ?? or, with truthy, ?: of later versions.
type defaultNode struct {
	l, r   node
	truthy bool
}

func (n *defaultNode) eval(e *evaluator, in value.Value, f *frame) (value.Value, *Error) {
	if err := e.enter(); err != nil {
		return value.Value{}, err
	}
	v, err := n.l.eval(e, in, f)
	if err != nil {
		return value.Value{}, err
	}
	ok := !v.IsAbsent()
	if n.truthy {
		if ok, err = truth(v); err != nil {
			return value.Value{}, err
		}
		ok = ok && !IsFunction(v)
	}
	if !ok {
		v, err = n.r.eval(e, in, f)
	}
	e.depth--
	return collapse(v), err
}

// Operators evaluate their two operands in place, each in the same lines: a function that
// does it for all of them makes filters and sums a tenth slower (BenchmarkEval).

type arithmeticNode struct {
	l, r node
	op   byte
	pos  int
}

const exactInt = 1 << 53

func (n *arithmeticNode) eval(e *evaluator, in value.Value, f *frame) (value.Value, *Error) {
	if err := e.enter(); err != nil {
		return value.Value{}, err
	}
	l, err := n.l.eval(e, in, f)
	if err != nil {
		return value.Value{}, err
	}
	r, err := n.r.eval(e, in, f)
	if err != nil {
		return value.Value{}, err
	}
	e.depth--
	if l.IsInt() && r.IsInt() {
		a, _ := l.Int64()
		b, _ := r.Int64()
		if -exactInt <= a && a <= exactInt && -exactInt <= b && b <= exactInt {
			switch n.op {
			case '+':
				if c := a + b; -exactInt <= c && c <= exactInt {
					return value.Int(c), nil
				}
			case '-':
				if c := a - b; -exactInt <= c && c <= exactInt {
					return value.Int(c), nil
				}
			case '*':
				if c := a * b; -1<<31 <= a && a < 1<<31 && -1<<21 <= b && b < 1<<21 {
					return value.Int(c), nil
				}
			case '/':
				if b != 0 && a%b == 0 {
					return value.Int(a / b), nil
				}
			case '%':
				if b != 0 {
					return value.Int(a % b), nil
				}
			}
		}
	} else if !l.IsNumber() || !r.IsNumber() || !finiteNumber(l) || !finiteNumber(r) {
		if err := n.check(l, "T2001"); err != nil {
			return value.Value{}, err
		}
		if err := n.check(r, "T2002"); err != nil {
			return value.Value{}, err
		}
		if l.IsAbsent() || r.IsAbsent() {
			return value.Value{}, nil
		}
	}
	return e.number(calculate(n.op, l.Float64(), r.Float64())), nil
}

func calculate(op byte, a, b float64) float64 {
	switch op {
	case '+':
		return a + b
	case '-':
		return a - b
	case '*':
		return a * b
	case '/':
		return a / b
	}
	return math.Mod(a, b)
}

func (e *evaluator) number(f float64) value.Value {
	if f-f != 0 {
		e.inexact = true
	}
	return value.Float(f)
}

func finiteNumber(v value.Value) bool {
	if v.IsInt() {
		return true
	}
	f := v.Float64()
	return f-f == 0
}

func (n *arithmeticNode) check(v value.Value, code string) *Error {
	if v.IsAbsent() {
		return nil
	}
	ok, err := numeric(v)
	if err == nil && !ok {
		err = failure(code).withValue(v)
	}
	if err != nil {
		err.Position = n.pos
		err.Token = value.String(string(n.op))
	}
	return err
}

type equalNode struct {
	l, r node
	not  bool
}

func (n *equalNode) eval(e *evaluator, in value.Value, f *frame) (value.Value, *Error) {
	if err := e.enter(); err != nil {
		return value.Value{}, err
	}
	l, err := n.l.eval(e, in, f)
	if err != nil {
		return value.Value{}, err
	}
	r, err := n.r.eval(e, in, f)
	if err != nil {
		return value.Value{}, err
	}
	e.depth--
	if l.IsAbsent() || r.IsAbsent() {
		return value.False, nil
	}
	if l.IsString() && r.IsString() {
		return value.Bool(l.Str() == r.Str() != n.not), nil
	}
	return value.Bool(equal(l, r) != n.not), nil
}

type compareNode struct {
	l, r          node
	op            string
	less, orEqual bool
	pos           int
}

func (n *compareNode) eval(e *evaluator, in value.Value, f *frame) (value.Value, *Error) {
	if err := e.enter(); err != nil {
		return value.Value{}, err
	}
	l, err := n.l.eval(e, in, f)
	if err != nil {
		return value.Value{}, err
	}
	r, err := n.r.eval(e, in, f)
	if err != nil {
		return value.Value{}, err
	}
	e.depth--
	if l.IsInt() && r.IsInt() {
		a, _ := l.Int64()
		b, _ := r.Int64()
		if n.less {
			return value.Bool(a < b || n.orEqual && a == b), nil
		}
		return value.Bool(a > b || n.orEqual && a == b), nil
	}
	lk, rk := l.Kind(), r.Kind()
	if lk == rk && lk == value.KindNumber {
		a, b := l.Float64(), r.Float64()
		if n.less {
			return value.Bool(a < b || n.orEqual && a == b), nil
		}
		return value.Bool(a > b || n.orEqual && a == b), nil
	}
	lok := lk == value.KindString || lk == value.KindNumber
	rok := rk == value.KindString || rk == value.KindNumber
	switch {
	case !lok && lk != value.KindAbsent || !rok && rk != value.KindAbsent:
		v := l
		if lok {
			v = r
		}
		return value.Value{}, failureAt("T2010", n.pos).withToken(n.op).withValue(v)
	case lk == value.KindAbsent || rk == value.KindAbsent:
		return value.Value{}, nil
	case lk != rk:
		x := failureAt("T2009", n.pos).withToken(n.op).withValue(l)
		x.Value2 = r
		return value.Value{}, x
	}
	c := compareStrings(l.Str(), r.Str())
	if !n.less {
		c = -c
	}
	return value.Bool(c < 0 || n.orEqual && c == 0), nil
}

// compareStrings orders strings by UTF-16 code units, as JavaScript does.
func compareStrings(a, b string) int {
	n := min(len(a), len(b))
	for i := range n {
		x, y := a[i], b[i]
		if x == y {
			continue
		}
		// Characters beyond U+FFFF start with a surrogate, which comes before U+E000.
		if x >= 0xEE && y >= 0xEE && (x >= 0xF0) != (y >= 0xF0) {
			x, y = y, x
		}
		if x < y {
			return -1
		}
		return 1
	}
	return len(a) - len(b)
}

type logicNode struct {
	l, r node
	or   bool
	op   string
	pos  int
}

func (n *logicNode) eval(e *evaluator, in value.Value, f *frame) (value.Value, *Error) {
	if err := e.enter(); err != nil {
		return value.Value{}, err
	}
	v, err := n.l.eval(e, in, f)
	if err != nil {
		return value.Value{}, err
	}
	ok, err := truth(v)
	if err == nil && ok == n.or {
		e.depth--
		return value.Bool(ok), nil
	}
	if err == nil {
		if v, err = n.r.eval(e, in, f); err == nil {
			ok, err = truth(v)
		}
	}
	if err != nil {
		err.Position, err.Token = n.pos, value.String(n.op)
		return value.Value{}, err
	}
	e.depth--
	return value.Bool(ok), nil
}

type inNode struct{ l, r node }

func (n *inNode) eval(e *evaluator, in value.Value, f *frame) (value.Value, *Error) {
	if err := e.enter(); err != nil {
		return value.Value{}, err
	}
	l, err := n.l.eval(e, in, f)
	if err != nil {
		return value.Value{}, err
	}
	r, err := n.r.eval(e, in, f)
	if err != nil {
		return value.Value{}, err
	}
	e.depth--
	if l.IsAbsent() || r.IsAbsent() {
		return value.False, nil
	}
	if !r.IsArray() {
		return value.Bool(same(l, r)), nil
	}
	for _, v := range r.Elems() {
		if same(l, v) {
			return value.True, nil
		}
	}
	return value.False, e.spend(r.Len() / 8)
}

// same is JavaScript's ===: arrays and objects are the same only if they are one.
func same(a, b value.Value) bool {
	if a.Kind() != b.Kind() {
		return false
	}
	if a.IsArray() || a.IsObject() {
		x, y := a.Elems(), b.Elems()
		return len(x) > 0 && len(x) == len(y) && unsafe.SliceData(x) == unsafe.SliceData(y)
	}
	return equal(a, b)
}

type rangeNode struct {
	l, r node
	pos  int
}

func (n *rangeNode) eval(e *evaluator, in value.Value, f *frame) (value.Value, *Error) {
	if err := e.enter(); err != nil {
		return value.Value{}, err
	}
	l, err := n.l.eval(e, in, f)
	if err != nil {
		return value.Value{}, err
	}
	r, err := n.r.eval(e, in, f)
	if err != nil {
		return value.Value{}, err
	}
	e.depth--
	a, okl := l.Int64()
	b, okr := r.Int64()
	if !okl && !l.IsAbsent() {
		return value.Value{}, failureAt("T2003", n.pos).withToken("..").withValue(l)
	}
	if !okr && !r.IsAbsent() {
		return value.Value{}, failureAt("T2004", n.pos).withToken("..").withValue(r)
	}
	if !okl || !okr || a > b {
		return value.Value{}, nil
	}
	size := uint64(b) - uint64(a) + 1
	if size > 1e7 || size == 0 {
		return value.Value{}, failureAt("D2014", n.pos).withToken("..").withValue(value.Float(float64(b) - float64(a) + 1))
	}
	if err := e.grow(int(size)); err != nil {
		return value.Value{}, err
	}
	if err := e.spend(int(size) / 8); err != nil {
		return value.Value{}, err
	}
	out := make([]value.Value, size)
	for i := range out {
		out[i] = value.Int(a + int64(i))
	}
	return collapse(value.Array(out).WithMark(markSequence)), nil
}

// concatNode is a chain of &.
type concatNode struct {
	parts []node
	pos   []int // of the operators
}

func (n *concatNode) eval(e *evaluator, in value.Value, f *frame) (value.Value, *Error) {
	base, depth, from := len(e.stack), e.depth, len(e.bytes)
	for i, p := range n.parts {
		// The first two operands stand under all the operators.
		e.depth = depth + len(n.parts) - max(i, 1)
		if e.depth > e.maxDepth {
			return value.Value{}, limitError(LimitDepth)
		}
		v, err := p.eval(e, in, f)
		if err != nil {
			return value.Value{}, err
		}
		if i == 0 {
			e.push(v)
			continue
		}
		if i == 1 {
			if err = e.appendText(e.stack[base], n.pos[0]); err != nil {
				return value.Value{}, err
			}
		}
		if err = e.appendText(v, n.pos[i-1]); err != nil {
			return value.Value{}, err
		}
		if len(e.bytes)-from > e.cfg.limits.Value {
			return value.Value{}, limitError(LimitMemory)
		}
	}
	e.pop(base)
	e.depth = depth
	return e.takeText(from)
}

func (e *evaluator) appendText(v value.Value, pos int) (err *Error) {
	switch v.Kind() {
	case value.KindAbsent:
		return nil
	case value.KindString:
		e.bytes = append(e.bytes, v.Str()...)
		return nil
	}
	if e.bytes, err = e.appendString(e.bytes, v, ""); err != nil {
		err.Position, err.Token = pos, value.String("&")
	}
	return err
}

type traceNode struct {
	n    node
	tree *ast
	src  *Expr
}

func (n *traceNode) eval(e *evaluator, in value.Value, f *frame) (value.Value, *Error) {
	depth := e.depth + 1
	v, err := n.n.eval(e, in, f)
	if e.env == nil || e.env.Trace == nil {
		return v, err
	}
	pos := n.tree.pos
	if n.tree.kind == astPath {
		pos = n.tree.list[0].pos
	}
	s := Step{Depth: depth, Kind: n.tree.kindName(), Text: n.tree.title(), Input: clean(in), Result: clean(v), Position: -1}
	if pos >= 0 {
		s.Position = utf16Len(n.src.src[:pos])
	}
	if err != nil {
		s.Err = err
	}
	e.env.Trace(s)
	return v, err
}

// title names a node in a trace.
func (n *ast) title() string {
	switch n.kind {
	case astPath:
		var parts []string
		for _, s := range n.list {
			parts = append(parts, s.title())
		}
		return strings.Join(parts, ".")
	case astVariable:
		return "$" + n.text
	case astLiteral:
		return n.val.JSON()
	case astRegex:
		return "/" + n.regex.source + "/" + n.regex.flags
	case astBind:
		return "$" + n.lhs.text + " :="
	case astCall, astPartial:
		return n.lhs.title() + "()"
	case astLambda:
		return "function"
	}
	return n.text
}
