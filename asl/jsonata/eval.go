package jsonata

import (
	"context"
	"math"
	"math/rand/v2"
	"time"

	"github.com/sfnkit/sfnkit/asl/value"
)

// Marks of values. They say what the reference implementation keeps as properties of its
// arrays; a result never carries any.
const (
	markSequence = 1 << iota // collapses to its element if it has just one
	markKeep                 // ... but not this one
	markCons                 // built by an array constructor in a path: is not flattened
	markOuter                // the wrapper around an input that is an array
	markDirty                // something marked lies within
	markUnbound              // of an Absent value: a variable not bound yet
)

var unbound = value.Value{}.WithMark(markUnbound)

// node is a compiled expression. eval returns what the reference implementation's
// evaluate does: sequences of one collapsed, empty ones Absent.
type node interface {
	eval(e *evaluator, in value.Value, f *frame) (value.Value, *Error)
}

// scope lists the variables of a frame; it is complete before anything refers to it.
type scope struct {
	up    *scope
	names []string
	// captured says that functions made here may outlive the frame.
	captured bool
}

func (s *scope) slot(name string) int {
	for i, n := range s.names {
		if n == name {
			return i
		}
	}
	return -1
}

// frame holds the variables of one scope during an evaluation.
type frame struct {
	up    *frame
	scope *scope
	vals  []value.Value
	room  [4]value.Value
}

// cacheEntry remembers where a member lay in the last object looked at.
type cacheEntry struct {
	shape *value.Shape
	index int
}

// evaluator is the state of one evaluation. It is reused by later ones.
type evaluator struct {
	x        *Expr
	cfg      *config
	ctx      context.Context
	env      *Env
	root     value.Value // $$
	top      *frame
	depth    int
	maxDepth int
	nesting  int // of calls
	maxElems int // of one array
	ticks    int // steps until the clock is looked at
	deadline time.Time
	timed    bool
	stopped  error
	memory   int  // bytes left to allocate
	made     int  // arrays and objects made: many may be nested too deeply
	inexact  bool // an infinity or NaN came up
	evals    int  // nesting of code from elsewhere: of $eval, or of functions of other expressions
	run      uint64
	hadEval  bool

	cache  []cacheEntry
	free   []value.Value // variables from outside, unbound if not looked up yet
	stack  []value.Value // arguments and intermediate lists
	high   int
	bytes  []byte   // text being built, a stack like the other
	spare  *matcher // to be used again
	frames *frame   // to be used again, linked by up

	calls [numNatives]*callNode // the latest call of each built-in function

	tailCall  *callNode // a call in tail position that is still to be made
	tailInput value.Value
	tailFrame *frame

	started time.Time
	call    Call
	state   callState // of the native function that runs
}

const ticksPerLook = 4096

func newEvaluator(x *Expr) *evaluator {
	e := &evaluator{
		x: x, cfg: x.cfg,
		cache: make([]cacheEntry, x.caches),
		free:  make([]value.Value, len(x.free)),
	}
	e.call.e = e
	return e
}

func (e *evaluator) begin(ctx context.Context, env *Env) {
	l := &e.cfg.limits
	e.ctx, e.env = ctx, env
	e.run++
	e.nesting = 0
	e.depth, e.maxDepth, e.maxElems = 0, l.Depth, l.Value/8
	e.memory, e.made = l.Total, 0
	e.stopped, e.inexact, e.hadEval, e.evals = nil, false, false, 0
	e.started = time.Time{}
	e.timed = l.Time > 0
	if e.timed {
		e.deadline = time.Now().Add(l.Time)
	}
	e.ticks = ticksPerLook
	for i := range e.free {
		e.free[i] = unbound
	}
}

func (e *evaluator) end() {
	if cap(e.stack) > 1<<17 {
		e.stack = nil
	} else {
		clear(e.stack[:max(e.high, len(e.stack))])
		e.stack = e.stack[:0]
	}
	e.high = 0
	if cap(e.bytes) > 1<<16 {
		e.bytes = nil
	}
	e.bytes = e.bytes[:0]
	clear(e.calls[:])
	e.ctx, e.env, e.top = nil, nil, nil
	e.root, e.tailInput, e.tailFrame, e.tailCall = value.Value{}, value.Value{}, nil, nil
	clear(e.free)
	e.state = callState{}
}

// run evaluates a whole expression.
func (x *Expr) run(e *evaluator, input value.Value) (value.Value, *Error) {
	e.root = input
	if len(x.frame.names) > 0 {
		e.top = e.newFrame(nil, x.frame)
	}
	if input.IsArray() && input.Mark()&markSequence == 0 {
		input = value.Array([]value.Value{input}).WithMark(markSequence | markOuter)
	}
	v, err := x.root.eval(e, input, e.top)
	if err != nil {
		return value.Value{}, err
	}
	return e.result(v), nil
}

// result removes what must not leave the evaluator.
func (e *evaluator) result(v value.Value) value.Value {
	if t, ok := v.Foreign().(*tupleStream); ok {
		v = sequenceOf(t.items())
	}
	if e.made > value.MaxDepth {
		nested(v, 0)
	}
	if v.Mark() != 0 {
		v = clean(v)
	}
	if e.inexact && e.cfg.finite {
		v = finite(v)
	}
	return v
}

// nested ends the evaluation if a value is nested more deeply than JSON may be.
func nested(v value.Value, level int) {
	if level > value.MaxDepth {
		tooDeep()
	}
	for _, c := range v.Elems() {
		if c.Kind() >= value.KindArray {
			nested(c, level+1)
		}
	}
}

func clean(v value.Value) value.Value {
	m := v.Mark()
	if m == 0 {
		return v
	}
	if m&markOuter != 0 && v.Len() == 1 {
		return clean(v.At(0))
	}
	if m&markDirty != 0 {
		vals := make([]value.Value, v.Len())
		for i, c := range v.Elems() {
			if vals[i] = clean(c); c.IsAbsent() {
				vals[i] = value.Null
			}
		}
		if v.IsArray() {
			return value.Array(vals)
		}
		return value.ObjectOf(v.Shape(), vals)
	}
	return v.WithMark(0)
}

// finite replaces infinities and NaN by their names, as Step Functions does.
func finite(v value.Value) value.Value {
	switch v.Kind() {
	case value.KindNumber:
		switch f := v.Float64(); {
		case v.IsInt():
		case math.IsNaN(f):
			return value.String("NaN")
		case math.IsInf(f, 1):
			return value.String("Infinity")
		case math.IsInf(f, -1):
			return value.String("-Infinity")
		}
	case value.KindArray, value.KindObject:
		var vals []value.Value
		for i, c := range v.Elems() {
			d := finite(c)
			if vals == nil && d.Kind() == c.Kind() && !(c.IsArray() || c.IsObject()) {
				continue
			}
			if vals == nil {
				vals = append(make([]value.Value, 0, v.Len()), v.Elems()[:i]...)
			}
			vals = append(vals[:i:cap(vals)], d)
		}
		if vals == nil {
			return v
		}
		for i := len(vals); i < v.Len(); i++ {
			vals = append(vals, finite(v.At(i)))
		}
		if v.IsArray() {
			return value.Array(vals)
		}
		return value.ObjectOf(v.Shape(), vals)
	}
	return v
}

func (e *evaluator) now() time.Time {
	if e.started.IsZero() {
		if e.env != nil && e.env.Now != nil {
			e.started = e.env.Now()
		} else {
			e.started = time.Now()
		}
	}
	return e.started
}

func (e *evaluator) random() float64 {
	if e.env != nil && e.env.Random != nil {
		return e.env.Random()
	}
	return rand.Float64()
}

// tick counts a step and now and then looks at the clock.
func (e *evaluator) tick() *Error {
	if e.ticks--; e.ticks >= 0 {
		return nil
	}
	return e.look()
}

func (e *evaluator) look() *Error {
	e.ticks = ticksPerLook
	if e.timed && !time.Now().Before(e.deadline) {
		return limitError(LimitTime)
	}
	if err := e.ctx.Err(); err != nil {
		e.stopped = context.Cause(e.ctx)
		return limitError(LimitTime)
	}
	return nil
}

// spend counts n steps at once.
func (e *evaluator) spend(n int) *Error {
	if e.ticks -= n; e.ticks >= 0 {
		return nil
	}
	return e.look()
}

const (
	valueSize     = 24
	containerSize = 48
)

// grow accounts for an array of n elements before it is made.
func (e *evaluator) grow(n int) *Error {
	if n > e.maxElems {
		return limitError(LimitMemory)
	}
	e.made++
	if e.memory -= n*valueSize + containerSize; e.memory < 0 {
		return limitError(LimitMemory)
	}
	return nil
}

// growText accounts for a string of n bytes before it is made.
func (e *evaluator) growText(n int) *Error {
	if n > e.cfg.limits.Value {
		return limitError(LimitMemory)
	}
	if e.memory -= n; e.memory < 0 {
		return limitError(LimitMemory)
	}
	return nil
}

func (e *evaluator) text(s string) (value.Value, *Error) {
	if err := e.growText(len(s)); err != nil {
		return value.Value{}, err
	}
	return value.String(s), nil
}

// takeText makes a string of the bytes above base.
func (e *evaluator) takeText(base int) (value.Value, *Error) {
	v, err := value.Value{}, e.growText(len(e.bytes)-base)
	if err == nil {
		v = value.String(string(e.bytes[base:]))
	}
	e.bytes = e.bytes[:base]
	return v, err
}

func (e *evaluator) push(v value.Value) { e.stack = append(e.stack, v) }

func (e *evaluator) pop(base int) {
	if len(e.stack) > e.high {
		e.high = len(e.stack)
	}
	e.stack = e.stack[:base]
}

func (e *evaluator) newFrame(up *frame, s *scope) *frame {
	f := e.frames
	if f != nil {
		e.frames = f.up
	} else {
		f = new(frame)
	}
	f.up, f.scope = up, s
	n := len(s.names)
	if n <= len(f.room) {
		f.vals = f.room[:n]
	} else if cap(f.vals) >= n {
		f.vals = f.vals[:n]
	} else {
		f.vals = make([]value.Value, n)
	}
	for i := range f.vals {
		f.vals[i] = unbound
	}
	return f
}

// release gives a frame back that nothing can refer to any more.
func (e *evaluator) release(f *frame) {
	if f.scope.captured || e.hadEval {
		return
	}
	clear(f.vals)
	f.scope, f.up = nil, e.frames
	e.frames = f
}

// list makes an array of a part of the stack.
func (e *evaluator) list(vals []value.Value, mark uint8) (value.Value, *Error) {
	if err := e.grow(len(vals)); err != nil {
		return value.Value{}, err
	}
	out := make([]value.Value, len(vals))
	copy(out, vals)
	return value.Array(out).WithMark(mark | dirt(vals)), nil
}

// dirt returns markDirty if one of the values is marked, or absent.
func dirt(vals []value.Value) uint8 {
	var m uint8
	for i := range vals {
		if m |= vals[i].Mark(); vals[i].IsAbsent() {
			m = markDirty
		}
	}
	if m != 0 {
		return markDirty
	}
	return 0
}

// newArray makes an array that owns vals.
func newArray(vals []value.Value) value.Value { return value.Array(vals).WithMark(dirt(vals)) }

func sequenceOf(vals []value.Value) value.Value {
	return value.Array(vals).WithMark(markSequence | dirt(vals))
}

// collapse ends an evaluation: an empty sequence is nothing, one of one its element.
func collapse(v value.Value) value.Value {
	m := v.Mark()
	if m&markSequence == 0 {
		return v
	}
	switch v.Len() {
	case 0:
		return value.Value{}
	case 1:
		if m&markKeep == 0 {
			return v.At(0)
		}
	}
	return v
}

func isSequence(v value.Value) bool { return v.Mark()&markSequence != 0 && v.IsArray() }

// truth converts a value to a boolean as $boolean does; absent is false.
func truth(v value.Value) (bool, *Error) { return truthAt(v, 0) }

func truthAt(v value.Value, level int) (bool, *Error) {
	if level > maxValueDepth {
		tooDeep()
	}
	switch v.Kind() {
	case value.KindBool:
		return v.Truth(), nil
	case value.KindString:
		return v.Str() != "", nil
	case value.KindNumber:
		if v.IsInt() {
			i, _ := v.Int64()
			return i != 0, nil
		}
		f := v.Float64()
		if math.IsInf(f, 0) {
			return false, failure("D1001").withValue(v)
		}
		return f != 0 && f == f, nil
	case value.KindObject:
		return v.Len() > 0, nil
	case value.KindArray:
		some := false
		for _, c := range v.Elems() {
			ok, err := truthAt(c, level+1)
			if err != nil {
				return false, err
			}
			some = some || ok
		}
		return some, nil
	}
	// A function built in counts as an object with members, a function value does not.
	if fn := asFunction(v); fn != nil {
		return fn.native != nil || fn.code != nil, nil
	}
	return false, nil
}

// numeric reports whether v is a number other than NaN. An infinity is an error.
func numeric(v value.Value) (bool, *Error) {
	if !v.IsNumber() {
		return false, nil
	}
	if v.IsInt() {
		return true, nil
	}
	f := v.Float64()
	if math.IsInf(f, 0) {
		return false, failure("D1001").withValue(v)
	}
	return f == f, nil
}

func allNumeric(vals []value.Value) (bool, *Error) {
	for _, v := range vals {
		if ok, err := numeric(v); !ok || err != nil {
			return false, err
		}
	}
	return true, nil
}

// equal is the equality of =, which looks into arrays and objects.
func equal(a, b value.Value) bool { return equalAt(a, b, 0) }

func equalAt(a, b value.Value, level int) bool {
	if level > maxValueDepth {
		tooDeep()
	}
	if a.Kind() != b.Kind() {
		return false
	}
	switch a.Kind() {
	case value.KindNumber:
		if a.IsInt() && b.IsInt() {
			x, _ := a.Int64()
			y, _ := b.Int64()
			return x == y
		}
		return a.Float64() == b.Float64()
	case value.KindForeign:
		return asFunction(a) != nil && asFunction(a) == asFunction(b)
	case value.KindArray:
		x, y := a.Elems(), b.Elems()
		if len(x) != len(y) {
			return false
		}
		for i := range x {
			if !equalAt(x[i], y[i], level+1) {
				return false
			}
		}
		return true
	case value.KindObject:
		x, y := a.Elems(), b.Elems()
		if len(x) != len(y) {
			return false
		}
		sx, sy := a.Shape(), b.Shape()
		for i := range x {
			j := i
			if sx != sy {
				if j = sy.Index(sx.Key(i)); j < 0 {
					return false
				}
			}
			if !equalAt(x[i], y[j], level+1) {
				return false
			}
		}
		return true
	}
	return value.Equal(a, b)
}

// lookup finds a member of an object, or of every object of an array.
func (e *evaluator) lookup(in value.Value, key string) (value.Value, *Error) {
	switch in.Kind() {
	case value.KindObject:
		return in.Get(key), nil
	case value.KindArray:
		base := len(e.stack)
		if err := e.lookupInto(in, key, 0); err != nil {
			return value.Value{}, err
		}
		v, err := e.list(e.stack[base:], markSequence)
		e.pop(base)
		return v, err
	}
	return value.Value{}, nil
}

func (e *evaluator) lookupInto(in value.Value, key string, level int) *Error {
	if level > maxValueDepth {
		tooDeep()
	}
	for _, c := range in.Elems() {
		switch c.Kind() {
		case value.KindObject:
			v := c.Get(key)
			if v.IsArray() {
				e.stack = append(e.stack, v.Elems()...)
			} else if !v.IsAbsent() {
				e.push(v)
			}
		case value.KindArray:
			if err := e.lookupInto(c, key, level+1); err != nil {
				return err
			}
		}
		if err := e.tick(); err != nil {
			return err
		}
	}
	return nil
}

// appendValues joins two values as arrays.
func (e *evaluator) appendValues(a, b value.Value) (value.Value, *Error) {
	if a.IsAbsent() {
		return b, nil
	}
	if b.IsAbsent() {
		return a, nil
	}
	n := 0
	for _, v := range [2]value.Value{a, b} {
		if v.IsArray() {
			n += v.Len()
		} else {
			n++
		}
	}
	if err := e.grow(n); err != nil {
		return value.Value{}, err
	}
	out := make([]value.Value, 0, n)
	for _, v := range [2]value.Value{a, b} {
		if v.IsArray() {
			out = append(out, v.Elems()...)
		} else {
			out = append(out, v)
		}
	}
	return newArray(out), nil
}

func negate(v value.Value) value.Value {
	if v.IsInt() {
		if i, _ := v.Int64(); i != math.MinInt64 {
			return value.Int(-i)
		}
	}
	return value.Float(-v.Float64())
}
