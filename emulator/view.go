package emulator

import (
	"github.com/sfnkit/sfnkit/asl/intrinsic"
	"github.com/sfnkit/sfnkit/asl/jsonpath"
	"github.com/sfnkit/sfnkit/asl/payload"
	"github.com/sfnkit/sfnkit/asl/value"
)

// template is a compiled payload template.
type template struct {
	t       *payload.Template
	context bool // whether it may look at the context object
}

// usesContext reports whether an expression begins at the context object.
func usesContext(list ...*payload.Expression) bool {
	isContext := func(p *jsonpath.Path) bool {
		if p == nil {
			return false
		}
		root, _ := p.Root()
		return root == jsonpath.Context
	}
	for _, e := range list {
		if isContext(e.Path) {
			return true
		}
		if e.Call == nil {
			continue
		}
		for _, u := range e.Call.Uses() {
			if isContext(u.Path) {
				return true
			}
		}
	}
	return false
}

// rootOf returns the value that a path begins at. A variable that is not there is absent.
func (v *view) rootOf(p *jsonpath.Path) value.Value {
	switch root, name := p.Root(); root {
	case jsonpath.Context:
		return v.Context()
	case jsonpath.Variable:
		got, _ := v.t.vars.lookup(name)
		return got
	}
	return v.root
}

// invalidPath is the error of a field that is a path.
func (x *Execution) invalidPath(t *thread, p *jsonpath.Path, err error) *Error {
	return x.located(t, runtimeError("Invalid path '%s' : %s", p, err))
}

// template evaluates a payload template.
func (v *view) template(t *template) (value.Value, *Error) {
	out, err := t.t.Eval(v.envFor(t.context))
	if err != nil {
		return out, v.x.located(v.t, NewError(ErrorRuntime, err.Error()))
	}
	return out, nil
}

// envFor returns what an expression sees. There is one of them per execution, filled in
// anew every time.
func (v *view) envFor(context bool) *intrinsic.Env {
	x := v.x
	w := x.work()
	env := &w.env
	if env.Variable == nil {
		env.Variable = func(name string) (value.Value, bool) { return w.envThread.vars.lookup(name) }
		env.NewUUID = x.sources.UUID
		if x.sources.Rand != nil {
			env.Rand = x.sources.Rand.Int64N
		}
	}
	env.Input = v.root
	env.InputText = ""
	if x.rawInput != "" && value.Same(v.root, x.input) {
		env.InputText = x.rawInput
	}
	env.Context = value.Value{}
	if context {
		env.Context = v.Context()
	}
	w.envThread = v.t
	return env
}

func (v *view) dynamic(d *dynamic) (value.Value, *Error) {
	if d.query != nil {
		return v.query(d.query)
	}
	return v.template(d.template)
}

// scalar evaluates a field that is a literal, a path, an intrinsic call or JSONata.
func (v *view) scalar(s *scalar) (value.Value, *Error) {
	switch {
	case s.query != nil:
		return v.query(s.query)
	case s.call != nil:
		got, err := s.call.Eval(v.envFor(usesContext(s.call)))
		if err != nil {
			return got, v.x.located(v.t, NewError(ErrorRuntime, err.Error()))
		}
		return got, nil
	}
	return s.literal, nil
}

// assigned evaluates an Assign; Absent if there is none.
func (x *Execution) assigned(v *view, a *assignment) (value.Value, *Error) {
	if a == nil {
		return value.Value{}, nil
	}
	got, err := v.dynamic(&a.dynamic)
	if err != nil || !got.IsObject() {
		return value.Value{}, err
	}
	return got, nil
}
