package jsonata

import (
	"github.com/sfnkit/sfnkit/asl/value"
)

// native is a function written in Go.
type native struct {
	name  string
	id    int // among the built-in ones, -1 for others
	sig   *signature
	arity int // how many arguments $map and its like pass
	fn    func(k *callState, args []value.Value) (value.Value, *Error)
	value *function
}

// callState is what a native function knows about its call.
type callState struct {
	e  *evaluator
	in value.Value // context item
	f  *frame
}

func (k *callState) arg(args []value.Value, i int) value.Value {
	if i < len(args) {
		return args[i]
	}
	return value.Value{}
}

// function is a function value: exactly one of native, code, re, next, base and first.
type function struct {
	native *native
	code   *lambdaNode
	re     *regexNode
	next   *matchState // the function in a match that finds the next one
	base   *function   // partially applied: args has holes, which are unbound
	args   []value.Value
	first  *function // a chain: then(first(x))
	then   *function
	change *transformNode

	frame *frame
	input value.Value
	self  value.Value

	// The latest call by name, for messages. Only the evaluation that made the function
	// notes it: a function can outlive that and be used by several at a time.
	token value.Value
	pos   int
	maker *evaluator
	run   uint64
}

func newFunction(f *function) value.Value {
	f.pos = -1
	f.self = value.Foreign(f)
	return f.self
}

// function makes a function value that belongs to the evaluation.
func (e *evaluator) function(f *function) value.Value {
	f.maker, f.run = e, e.run
	return newFunction(f)
}

// note remembers how a function was called last.
func (e *evaluator) note(f *function, token value.Value, pos int) {
	if f.maker == e && f.run == e.run {
		f.token, f.pos = token, pos
	}
}

func asFunction(v value.Value) *function {
	f, _ := v.Foreign().(*function)
	return f
}

// arity is the number of parameters that the reference implementation sees.
func (f *function) arity() int {
	switch {
	case f.native != nil:
		return f.native.arity
	case f.code != nil:
		return len(f.code.params)
	case f.re != nil:
		return 2
	case f.base != nil:
		n := 0
		for _, a := range f.args {
			if a.Mark() == markUnbound {
				n++
			}
		}
		return n
	case f.first != nil, f.change != nil:
		return 1
	}
	return 0
}

// lambdaNode makes a function.
type lambdaNode struct {
	x      *Expr
	sig    *signature
	params []int // slots
	scope  *scope
	body   node
}

func (n *lambdaNode) eval(e *evaluator, in value.Value, f *frame) (value.Value, *Error) {
	if err := e.leaf(); err != nil {
		return value.Value{}, err
	}
	return e.function(&function{code: n, frame: f, input: in}), nil
}

// regexNode is a regular expression, which is a function that finds a match.
type regexNode struct {
	re  *regex
	pos int
	fn  value.Value // shared by all evaluations
}

func (n *regexNode) eval(e *evaluator, _ value.Value, _ *frame) (value.Value, *Error) {
	if err := e.leaf(); err != nil {
		return value.Value{}, err
	}
	return n.fn, nil
}

type callNode struct {
	proc     node
	args     []node
	pos      int
	tail     bool
	name     value.Value // token for messages
	procName string      // name of the variable that is called, if it is one
	hint     bool        // the procedure is a path: perhaps the dollar is missing
	meant    node        // the variable that may be meant then
	thunkPos int
	x        *Expr
}

func (n *callNode) eval(e *evaluator, in value.Value, f *frame) (value.Value, *Error) {
	if n.tail {
		if err := e.leaf(); err != nil {
			return value.Value{}, err
		}
		e.tailCall, e.tailInput, e.tailFrame = n, in, f
		return value.Value{}, nil
	}
	v, err := n.raw(e, in, f)
	return collapse(v), err
}

func (n *callNode) raw(e *evaluator, in value.Value, f *frame) (value.Value, *Error) {
	if n.tail {
		return n.eval(e, in, f)
	}
	if err := e.enter(); err != nil {
		return value.Value{}, err
	}
	v, err := n.invoke(e, in, f, value.Value{}, false)
	e.depth--
	return v, err
}

// invoke makes the call, with a first argument from ~> if piped.
func (n *callNode) invoke(e *evaluator, in value.Value, f *frame, pipe value.Value, piped bool) (value.Value, *Error) {
	proc, err := n.proc.eval(e, in, f)
	if err != nil {
		return value.Value{}, err
	}
	fn := asFunction(proc)
	if fn == nil && proc.IsAbsent() && n.hint {
		m, err := n.meant.eval(e, in, f)
		if err != nil {
			return value.Value{}, err
		}
		if ok, _ := truth(m); ok || asFunction(m) != nil {
			x := failureAt("T1005", n.pos)
			x.Token = n.name
			return value.Value{}, x
		}
	}
	base := len(e.stack)
	if piped {
		e.push(pipe)
	}
	for _, a := range n.args {
		v, err := a.eval(e, in, f)
		if err != nil {
			return value.Value{}, err
		}
		e.push(v)
	}
	if fn != nil {
		if id := fn.nativeID(); id >= 0 {
			e.calls[id] = n
		} else {
			e.note(fn, n.name, n.pos)
		}
	}
	v, err := e.callFunction(fn, e.stack[base:], in, f)
	if err != nil {
		if err.Position < 0 {
			err.Position = n.pos
		}
		if err.Token.IsAbsent() {
			err.Token = n.name
		}
		return value.Value{}, err
	}
	e.pop(base)
	return v, nil
}

func (f *function) nativeID() int {
	if f.native != nil {
		return f.native.id
	}
	return -1
}

// apply calls a function value from Go.
func (e *evaluator) apply(fn value.Value, args []value.Value, in value.Value, f *frame) (value.Value, *Error) {
	base, depth, nesting, text, state := len(e.stack), e.depth, e.nesting, len(e.bytes), e.state
	e.stack = append(e.stack, args...)
	v, err := e.callFunction(asFunction(fn), e.stack[base:], in, f)
	e.pop(base)
	e.depth, e.nesting, e.bytes, e.state = depth, nesting, e.bytes[:text], state
	e.tailCall = nil
	return v, err
}

// callFunction calls fn and then makes the tail calls that are left over. args may be
// changed; they lie on the stack.
func (e *evaluator) callFunction(fn *function, args []value.Value, in value.Value, f *frame) (value.Value, *Error) {
	if err := e.tick(); err != nil {
		return value.Value{}, err
	}
	// Functions that call each other through $map and its like nest without entering a node.
	if e.nesting++; e.nesting > maxCalls {
		return value.Value{}, limitError(LimitDepth)
	}
	v, err := e.callOnce(fn, args, in, f)
	for err == nil && e.tailCall != nil {
		k, kin, kf := e.tailCall, e.tailInput, e.tailFrame
		e.tailCall, e.tailFrame = nil, nil
		away := k.x != e.x
		if away {
			e.evals++
		}
		var proc value.Value
		if proc, err = k.proc.eval(e, kin, kf); err != nil {
			break
		}
		next := asFunction(proc)
		base := len(e.stack)
		for _, a := range k.args {
			var av value.Value
			if av, err = a.eval(e, kin, kf); err != nil {
				return value.Value{}, err
			}
			e.push(av)
		}
		if away {
			e.evals--
		}
		if next != nil {
			if id := next.nativeID(); id >= 0 {
				e.calls[id] = k
			} else {
				token := next.token
				if k.procName != "" {
					token = k.name
				}
				e.note(next, token, k.thunkPos)
			}
		}
		if err = e.tick(); err != nil {
			err.Position, err.Token = k.thunkPos, k.name
			return value.Value{}, err
		}
		v, err = e.callOnce(next, e.stack[base:], in, f)
		if err == nil {
			e.pop(base)
		} else if err.Position < 0 {
			err.Position = k.thunkPos
		}
	}
	e.nesting--
	return v, err
}

// maxCalls bounds the nesting of calls, whatever Limits.Depth is, for the sake of the stack.
const maxCalls = 10_000

func (e *evaluator) callOnce(fn *function, args []value.Value, in value.Value, f *frame) (value.Value, *Error) {
	if fn == nil {
		return value.Value{}, failure("T1006")
	}
	v, err := e.callBare(fn, args, in, f)
	if err == nil {
		return v, nil
	}
	// The message names the function as it was called last, wherever the failure lies.
	token, pos := fn.token, fn.pos
	if id := fn.nativeID(); id >= 0 {
		token, pos = value.String(fn.native.name), -1
		if k := e.calls[id]; k != nil {
			token, pos = k.name, k.pos
		}
	}
	if err.Token.IsAbsent() {
		err.Token = token
	}
	if pos > 0 {
		err.Position = pos
	}
	return value.Value{}, err
}

func (e *evaluator) callBare(fn *function, args []value.Value, in value.Value, f *frame) (value.Value, *Error) {
	switch {
	case fn.native != nil:
		n := fn.native
		if n.sig != nil {
			var err *Error
			if args, err = e.arrange(n.sig, args, in); err != nil {
				return value.Value{}, err
			}
		}
		before := e.state
		e.state = callState{e: e, in: in, f: f}
		v, err := n.fn(&e.state, args)
		e.state = before
		return v, err
	case fn.code != nil:
		return e.callLambda(fn, args, in)
	case fn.re != nil:
		return e.callRegex(fn.re, args)
	case fn.next != nil:
		return fn.next.find(e)
	case fn.base != nil:
		base := len(e.stack)
		k := 0
		for _, a := range fn.args {
			if a.Mark() == markUnbound {
				a = value.Value{}
				if k < len(args) {
					a = args[k]
				}
				k++
			}
			e.push(a)
		}
		v, err := e.callFunction(fn.base, e.stack[base:], value.Null, f)
		if err == nil {
			e.pop(base)
		}
		return v, err
	case fn.first != nil:
		base := len(e.stack)
		if len(args) > 0 {
			e.push(args[0])
		}
		v, err := e.callFunction(fn.first, e.stack[base:], value.Null, f)
		if err != nil {
			return v, err
		}
		e.pop(base)
		e.push(v)
		v, err = e.callFunction(fn.then, e.stack[base:], value.Null, f)
		if err == nil {
			e.pop(base)
		}
		return v, err
	default:
		return fn.change.apply(e, fn, args, in)
	}
}

func (e *evaluator) callLambda(fn *function, args []value.Value, in value.Value) (value.Value, *Error) {
	code := fn.code
	if code.sig != nil {
		var err *Error
		if args, err = e.arrange(code.sig, args, in); err != nil {
			return value.Value{}, err
		}
	}
	g := e.newFrame(fn.frame, code.scope)
	for i, slot := range code.params {
		if i < len(args) {
			g.vals[slot] = args[i]
		} else {
			g.vals[slot] = value.Value{}
		}
	}
	away := code.x != e.x
	if away {
		e.evals++
	}
	v, err := code.body.eval(e, fn.input, g)
	if err != nil {
		return value.Value{}, err
	}
	if away {
		e.evals--
	}
	e.release(g)
	return v, nil
}

type partialNode struct {
	proc  node
	args  []node // nil for a hole
	pos   int
	name  value.Value
	meant node
}

func (n *partialNode) eval(e *evaluator, in value.Value, f *frame) (value.Value, *Error) {
	if err := e.enter(); err != nil {
		return value.Value{}, err
	}
	args := make([]value.Value, len(n.args))
	for i, a := range n.args {
		if a == nil {
			args[i] = unbound
			continue
		}
		v, err := a.eval(e, in, f)
		if err != nil {
			return value.Value{}, err
		}
		args[i] = v
	}
	proc, err := n.proc.eval(e, in, f)
	if err != nil {
		return value.Value{}, err
	}
	fn := asFunction(proc)
	if fn == nil {
		code := "T1008"
		if proc.IsAbsent() && n.meant != nil {
			m, err := n.meant.eval(e, in, f)
			if err != nil {
				return value.Value{}, err
			}
			if !m.IsAbsent() {
				code = "T1007"
			}
		}
		x := failureAt(code, n.pos)
		x.Token = n.name
		return value.Value{}, x
	}
	e.depth--
	if k := fn.arity(); len(args) > k && fn.native == nil {
		args = args[:k]
	}
	if fn.code != nil && fn.code.sig != nil { // the rest of a function has no signature
		plain := *fn
		code := *fn.code
		code.sig = nil
		plain.code = &code
		fn = &plain
	}
	return e.function(&function{base: fn, args: args}), nil
}

type applyNode struct {
	lhs  node
	rhs  node
	call *callNode // the right side, if it is a call
	pos  int
}

func (n *applyNode) eval(e *evaluator, in value.Value, f *frame) (value.Value, *Error) {
	v, err := n.raw(e, in, f)
	return collapse(v), err
}

func (n *applyNode) raw(e *evaluator, in value.Value, f *frame) (value.Value, *Error) {
	if err := e.enter(); err != nil {
		return value.Value{}, err
	}
	l, err := n.lhs.eval(e, in, f)
	if err != nil {
		return value.Value{}, err
	}
	var v value.Value
	if n.call != nil {
		if v, err = n.call.invoke(e, in, f, l, true); err != nil {
			return value.Value{}, err
		}
		e.depth--
		return v, nil
	}
	r, err := n.rhs.eval(e, in, f)
	if err != nil {
		return value.Value{}, err
	}
	fn := asFunction(r)
	if fn == nil {
		return value.Value{}, failureAt("T2006", n.pos).withValue(r)
	}
	e.depth--
	if lf := asFunction(l); lf != nil {
		return e.function(&function{first: lf, then: fn}), nil
	}
	base := len(e.stack)
	e.push(l)
	e.depth++
	v, err = e.callFunction(fn, e.stack[base:], value.Null, f)
	if err != nil {
		return value.Value{}, err
	}
	e.depth--
	e.pop(base)
	return v, nil
}

// native wraps a function of a client of the package.
func (f Function) native() *native {
	n := &native{name: f.Name, id: -1, arity: f.Arity}
	if f.Signature != "" {
		sig, err := parseSignature(f.Signature)
		if err != nil {
			panic("jsonata: signature of " + f.Name + ": " + err.complete(f.Signature).Error())
		}
		n.sig = sig
		if n.arity == 0 {
			n.arity = len(sig.params)
		}
	}
	n.fn = func(k *callState, args []value.Value) (value.Value, *Error) {
		v, err := f.Call(&k.e.call, args)
		if err == nil {
			return v, nil
		}
		if x, ok := err.(*Error); ok {
			y := *x
			return value.Value{}, &y
		}
		x := failure("D3137")
		x.Message = err.Error()
		return value.Value{}, x
	}
	n.value = &function{native: n}
	newFunction(n.value)
	return n
}

// transformNode makes the function |pattern|update,delete|.
type transformNode struct {
	x                         *Expr
	pattern, update, delete   node
	clone                     node
	pos, updatePos, deletePos int
}

func (n *transformNode) eval(e *evaluator, in value.Value, f *frame) (value.Value, *Error) {
	if err := e.leaf(); err != nil {
		return value.Value{}, err
	}
	return e.function(&function{change: n, frame: f}), nil
}
