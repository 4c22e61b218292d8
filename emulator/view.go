package emulator

import (
	"slices"
	"strconv"

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
	env.InputText = x.textOf(v.root)
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
	if err == nil && !got.IsObject() && a.query != nil {
		err = v.unexpected(a.query, "object", got)
	}
	if err != nil || !got.IsObject() {
		return value.Value{}, err
	}
	if x.limits.Payload > 0 {
		err = x.checkVariables(v.t, got)
	}
	return got, err
}

// Limits on variables, in bytes of JSON: of those that one state assigns, and of all that an
// execution has (Step Functions guide, quotas).
const (
	maxAssigned  = 262144
	maxVariables = 10485760
)

// checkVariables holds what a state assigns against the limits. Names do not count; the
// errors are the service's, which shows them as failures to evaluate the Assign (recorded
// 2026-09, published in github.com/radkawar/stackd).
func (x *Execution) checkVariables(t *thread, assigned value.Value) *Error {
	sum := 0
	for name, v := range assigned.Members() {
		n := v.Size()
		if sum += n; sum <= maxAssigned {
			continue
		}
		cause := "Variable size limit exceeded. Variable '" + name + "' in state '" + x.stateName(t) + "' was assigned " + strconv.Itoa(n) + " bytes."
		if n <= maxAssigned {
			cause = "State total variable size limit exceeded. Variable '" + name + "' in state '" + x.stateName(t) + "' was assigned " + strconv.Itoa(n) +
				" bytes, which caused the size of variables assigned in the state to exceed its limit by " + strconv.Itoa(sum-maxAssigned) + " bytes."
		}
		return tooManyVariables(t, cause)
	}
	// What was ever assigned is at least what is there now, which is counted only if need be.
	if x.variables += int32(sum); x.variables <= maxVariables || x.root == nil {
		return nil
	}
	x.variables = int32(x.root.variableBytes(nil) + sum)
	if t.vars != nil && (t.fork == nil || t.vars != t.fork.owner.vars) {
		for name := range assigned.Members() {
			if i := slices.Index(t.vars.names, name); i >= 0 {
				x.variables -= int32(t.vars.values[i].Size())
			}
		}
	}
	if over := int(x.variables) - maxVariables; over > 0 {
		return tooManyVariables(t, "Execution total variable size limit exceeded. State '"+x.stateName(t)+
			"' assigned variables that exceed the total execution limit by "+strconv.Itoa(over)+" bytes.")
	}
	return nil
}

func tooManyVariables(t *thread, cause string) *Error {
	e := NewError(ErrorDataLimitExceeded, cause)
	e.evaluation, e.location = t.state.jsonata, "Assign"
	return e
}

// variableBytes returns the size of the variables of a thread and those below it.
func (t *thread) variableBytes(around *variables) int {
	n := 0
	if t.vars != nil && t.vars != around {
		for _, v := range t.vars.values {
			n += v.Size()
		}
	}
	if t.own != nil {
		for _, c := range t.own.children {
			if c.state != nil {
				n += c.variableBytes(t.vars)
			}
		}
	}
	return n
}
