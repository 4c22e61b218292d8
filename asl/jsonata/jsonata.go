package jsonata

import (
	"context"
	"strconv"
	"sync"
	"time"

	"github.com/sfnkit/sfnkit/asl/value"
)

// Expr is a compiled expression. It is immutable and safe for concurrent use.
type Expr struct {
	src    string
	root   node
	tree   *ast
	cfg    *config
	caches int       // number of inline caches that the nodes use
	free   []string  // names of the variables that the expression does not define
	frame  *scope    // variables bound at the top level
	pool   sync.Pool // of *evaluator
}

// Env is what an evaluation takes from outside. A nil *Env means: no variables, the clock
// and the random source of the system. An Env may be used by many evaluations.
type Env struct {
	Vars Bindings // the variables; may be nil

	// Now gives the time of $now and $millis; it is asked once per evaluation.
	Now func() time.Time
	// Random gives numbers in [0, 1) for $random and $shuffle.
	Random func() float64
	// UUID gives version 4 UUIDs for $uuid.
	UUID func() string
	// Trace, if set, is told the outcome of every step of an expression that was compiled
	// with WithTrace, innermost first.
	Trace func(Step)
}

// Bindings finds variables by their name, which is given without the dollar sign. An
// Absent value with true is a variable that is bound to nothing.
type Bindings interface {
	Lookup(name string) (value.Value, bool)
}

// Var is one variable of a Vars.
type Var struct {
	Name  string
	Value value.Value
}

// Vars is a short list of variables; the last one of a name counts.
type Vars []Var

// Lookup implements Bindings.
func (vs Vars) Lookup(name string) (value.Value, bool) {
	for i := len(vs) - 1; i >= 0; i-- {
		if vs[i].Name == name {
			return vs[i].Value, true
		}
	}
	return value.Value{}, false
}

// Step is one traced step of an evaluation.
type Step struct {
	Position int         // in UTF-16 code units, as in Error
	Depth    int         // nesting, 1 for the whole expression
	Kind     string      // path, function, binary, ...
	Text     string      // the operator, name or literal
	Input    value.Value // the context item
	Result   value.Value
	Err      error
}

// Limits bound an evaluation. A zero field means the default given with it.
type Limits struct {
	// Time an evaluation may take, 0 for no bound but that of its context.
	Time time.Duration
	// Depth is how deeply evaluations may nest, tail calls not counted; 0 for 10,000.
	Depth int
	// Value is how large one array or string may grow, reckoned at 8 bytes an element and
	// one byte a character; 0 for 256 MiB.
	Value int
	// Total bounds the memory that an evaluation may ask for altogether, counting what it
	// has given up again; 0 for 2 GiB.
	Total int
}

const (
	defaultDepth = 10_000
	defaultValue = 256 << 20
	defaultTotal = 2 << 30
)

type config struct {
	limits    Limits
	padding   int                // characters that one $pad may add, 0 for any number
	functions map[string]*native // beside or instead of the built-in ones; nil hides one
	dialect   map[string]*native // likewise, but less important
	latest    bool               // operators and fixes after 2.0.6
	exact     bool               // whole numbers print in full
	finite    bool               // results give infinities and NaN as strings
	trace     bool
}

// Option changes the language or the limits of an expression.
type Option func(*config)

// WithLimits sets the limits of evaluations.
func WithLimits(l Limits) Option { return func(c *config) { c.limits = l } }

// WithLatest adds what came to JSONata after 2.0.6: the operators ?? and ?: and the later
// corrections to functions and signatures.
func WithLatest() Option { return func(c *config) { c.latest = true } }

// WithTrace makes evaluations report to Env.Trace. They are slower for it.
func WithTrace() Option { return func(c *config) { c.trace = true } }

// WithFunctions adds functions, or replaces built-in ones of the same name.
func WithFunctions(fs ...Function) Option {
	return func(c *config) {
		for _, f := range fs {
			c.define(f.Name, f.native())
		}
	}
}

// WithoutFunctions removes built-in functions: their names are unbound variables.
func WithoutFunctions(names ...string) Option {
	return func(c *config) {
		for _, n := range names {
			c.define(n, nil)
		}
	}
}

func (c *config) define(name string, n *native) {
	if c.functions == nil {
		c.functions = map[string]*native{}
	}
	c.functions[name] = n
}

var plain = (&config{}).fill()

func (c *config) fill() *config {
	if c.limits.Depth <= 0 {
		c.limits.Depth = defaultDepth
	}
	if c.limits.Value <= 0 {
		c.limits.Value = defaultValue
	}
	if c.limits.Total <= 0 {
		c.limits.Total = defaultTotal
	}
	return c
}

// Compile parses an expression, which must be UTF-8 (lone surrogates may be in their
// three-byte form, as in value). The error is an *Error.
func Compile(src string, opts ...Option) (*Expr, error) {
	cfg := plain
	if len(opts) > 0 {
		cfg = new(config)
		for _, o := range opts {
			o(cfg)
		}
		cfg.fill()
	}
	x, err := compile(src, cfg, nil)
	if err != nil {
		return nil, err.complete(src)
	}
	return x, nil
}

// MustCompile is Compile for expressions known to be correct; it panics on an error.
func MustCompile(src string, opts ...Option) *Expr {
	x, err := Compile(src, opts...)
	if err != nil {
		panic("jsonata.MustCompile(" + strconv.Quote(src) + "): " + err.Error())
	}
	return x
}

// Source returns the text of the expression.
func (x *Expr) Source() string { return x.src }

// Eval evaluates the expression on an input. The input is the context item and $$; Absent
// means that there is none. An Absent result means that the expression selects nothing
// (undefined). A result may be or contain functions: see IsFunction.
//
// The error is an *Error, or the cause of ctx if that ended the evaluation.
func (x *Expr) Eval(ctx context.Context, input value.Value, env *Env) (value.Value, error) {
	e, _ := x.pool.Get().(*evaluator)
	if e == nil {
		e = newEvaluator(x)
	}
	e.begin(ctx, env)
	v, err := x.guarded(e, input)
	stopped := e.stopped
	e.end()
	x.pool.Put(e)
	if err != nil {
		if stopped != nil {
			return value.Value{}, stopped
		}
		return value.Value{}, err.complete(x.src)
	}
	return v, nil
}

// guarded runs the expression and turns tooDeep's panic into an error.
func (x *Expr) guarded(e *evaluator, input value.Value) (v value.Value, err *Error) {
	defer func() {
		if r := recover(); r != nil {
			limit, ok := r.(*Error)
			if !ok {
				panic(r)
			}
			v, err = value.Value{}, limit
		}
	}()
	return x.run(e, input)
}

// IsFunction reports whether v is a function of the language. Functions are never JSON:
// they print as null.
func IsFunction(v value.Value) bool { return asFunction(v) != nil }

// HasFunction reports whether v is a function or an array or object that holds one.
func HasFunction(v value.Value) bool {
	switch v.Kind() {
	case value.KindForeign:
		return IsFunction(v)
	case value.KindArray, value.KindObject:
		for _, e := range v.Elems() {
			if k := e.Kind(); k >= value.KindArray && HasFunction(e) {
				return true
			}
		}
	}
	return false
}

// Function is a function that expressions may call as $Name.
type Function struct {
	Name string
	// Signature in JSONata's notation, such as <s-n?:s>; "" takes any arguments.
	Signature string
	// Arity is the number of arguments that $map and its like pass on, if not all.
	Arity int
	// Call gets the arguments as the signature arranges them. Arguments that were not given
	// are Absent, or missing at the end if there is no signature. It must not keep args.
	Call func(c *Call, args []value.Value) (value.Value, error)
}

// Call is the evaluation that a Function is called from. It is valid during the call.
type Call struct {
	e *evaluator
}

// Context returns the context of the evaluation.
func (c *Call) Context() context.Context { return c.e.ctx }

// Now returns the time of the evaluation, the same for all calls.
func (c *Call) Now() time.Time { return c.e.now() }

// Random returns a number in [0, 1) from the evaluation's source.
func (c *Call) Random() float64 { return c.e.random() }

// Apply calls a function value with arguments.
func (c *Call) Apply(fn value.Value, args ...value.Value) (value.Value, error) {
	v, err := c.e.apply(fn, args, value.Null, nil)
	if err != nil {
		return value.Value{}, err
	}
	return v, nil
}
