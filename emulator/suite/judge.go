package suite

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/sfnkit/sfnkit/asl/jsonata"
	"github.com/sfnkit/sfnkit/asl/value"
	"github.com/sfnkit/sfnkit/emulator"
)

// judgement compares an execution with what a case expects.
type judgement struct {
	c        *Case
	x        *emulator.Execution
	input    value.Value
	path     []string
	calls    []value.Value
	failures []Failure
}

func (j *judgement) fail(kind, field, role, state, format string, args ...any) {
	f := Failure{Kind: kind, Message: fmt.Sprintf(format, args...), Position: j.c.expect.at[field]}
	if state != "" {
		f.State, f.Role, f.Place = state, role, j.c.file.place(state)
	}
	j.failures = append(j.failures, f)
}

// place is where a state stands in the definition.
func (f *File) place(state string) string {
	if p := f.machine.Source().Position(locations(f.machine)[state]); p.Line > 0 {
		return f.Definition + ":" + p.String()
	}
	return f.Definition
}

// broken reports what kept the execution from ending.
func (j *judgement) broken(err error, timeout time.Duration) {
	var na *emulator.NoAnswerError
	switch {
	case errors.As(err, &na):
		j.fail("mock", "", "called by", na.State, "call %d of %s has no answer: %s", na.Invocation, na.Resource, na.Reason)
	case errors.Is(err, context.DeadlineExceeded):
		j.fail("run", "", "last in", lastOf(j.path), "the case took more than %v", timeout)
	default:
		j.fail("run", "", "last in", lastOf(j.path), "%v", err)
	}
}

func lastOf(path []string) string {
	if len(path) == 0 {
		return ""
	}
	return path[len(path)-1]
}

func (j *judgement) judge(ctx context.Context) {
	e := &j.c.expect
	want := emulator.Succeeded
	if e.status != nil {
		want = emulator.Status(*e.status)
	} else if e.error != nil || e.cause != nil || e.causeContains != nil {
		want = emulator.Failed
	}
	got := j.x.Status()
	if err := j.x.Err(); got != want {
		if err != nil {
			j.fail("status", "status", "ended in", j.failedState(), "want %s, got %s: %s", want, got, clip(err.Error(), 1000))
		} else {
			j.fail("status", "status", "ended in", lastOf(j.path), "want %s, got %s with the output %s", want, got, clip(j.x.Output().JSON(), 400))
		}
	} else if err != nil {
		j.error(err)
	} else {
		j.output("output", e.output, false)
		j.output("outputContains", e.outputContains, true)
	}
	j.states()
	for i := range e.assert {
		j.assert(ctx, &e.assert[i])
	}
}

func (j *judgement) error(err *emulator.Error) {
	e := &j.c.expect
	state := j.failedState()
	if e.error != nil && *e.error != err.Name {
		j.fail("error", "error", "ended in", state, "want %s, got %s: %s", strconv.Quote(*e.error), strconv.Quote(err.Name), clip(err.Cause, 1000))
	}
	if e.cause != nil && *e.cause != err.Cause {
		j.fail("cause", "cause", "ended in", state, "%s", Difference{Want: value.String(*e.cause), Got: value.String(err.Cause)})
	}
	if e.causeContains != nil && !strings.Contains(err.Cause, *e.causeContains) {
		j.fail("cause", "causeContains", "ended in", state, "want %s in it, got %s", strconv.Quote(*e.causeContains), strconv.Quote(clip(err.Cause, 1000)))
	}
}

// failedState returns the state that ended an execution: what its last event goes back to.
func (j *judgement) failedState() string {
	h := j.x.History()
	for id := int32(h.Len()); id > 0; id = h.At(int(id) - 1).PreviousID {
		if e := h.At(int(id) - 1); entered(e.Type) {
			return e.Name
		}
	}
	return lastOf(j.path)
}

func (j *judgement) output(field string, want value.Value, partial bool) {
	if want.IsAbsent() {
		return
	}
	for _, d := range Diff(want, j.x.Output(), partial) {
		j.fail("output", field, "set by", j.setter(d), "%s", d)
	}
}

// setter returns the state that gave a part of the output the value that it has: the last
// one whose output has it there and whose input does not.
func (j *judgement) setter(d Difference) string {
	state := ""
	inputs := map[string]value.Value{}
	final := lookup(j.x.Output(), d.Pointer)
	same := func(v value.Value) bool {
		got := lookup(v, d.Pointer)
		return got.IsAbsent() && final.IsAbsent() || value.Equal(got, final)
	}
	last := ""
	for e := range j.x.History().All {
		if j.c.file.machine.State(e.Name) == nil {
			continue // inside of a Map or Parallel state, where the output is another one
		}
		switch {
		case entered(e.Type):
			inputs[e.Name] = e.Value
		case exited(e.Type):
			if last = e.Name; same(e.Value) && !same(inputs[e.Name]) {
				state = e.Name
			}
		}
	}
	if state == "" {
		return last
	}
	return state
}

func (j *judgement) states() {
	e := &j.c.expect
	if e.hasPath {
		for i := range max(len(e.path), len(j.path)) {
			want, got, state := "the end", "the end", ""
			if i < len(e.path) {
				want = strconv.Quote(e.path[i])
			}
			if i < len(j.path) {
				got, state = strconv.Quote(j.path[i]), j.path[i]
			}
			if want == got {
				continue
			}
			after := ""
			if i > 0 {
				after = " after " + strconv.Quote(j.path[i-1])
				if state == "" {
					state = j.path[i-1]
				}
			}
			j.fail("path", "path", "differs at", state, "want %s as number %d%s, got %s; the path is %s", want, i+1, after, got, quoted(j.path))
			break
		}
	}
	next := 0
	for _, s := range j.path {
		if next < len(e.pathContains) && e.pathContains[next] == s {
			next++
		}
	}
	if next < len(e.pathContains) {
		after := ""
		if next > 0 {
			after = " after " + strconv.Quote(e.pathContains[next-1])
		}
		j.fail("path", "pathContains", "ended in", lastOf(j.path), "state %q was not entered%s; the path is %s", e.pathContains[next], after, quoted(j.path))
	}
}

func quoted(names []string) string {
	q := make([]string, len(names))
	for i, n := range names {
		q[i] = strconv.Quote(n)
	}
	return clip(strings.Join(q, ", "), 1000)
}

func (j *judgement) assert(ctx context.Context, a *assertion) {
	env := &jsonata.Env{Vars: jsonata.Vars(j.vars()), Now: func() time.Time { return time.UnixMilli(j.x.Stopped()).UTC() }}
	var operands []value.Value // of the operator that the whole expression is, if it is one
	compares := false
	env.Trace = func(s jsonata.Step) {
		switch {
		case s.Depth == 2 && len(operands) < 3:
			operands = append(operands, s.Result)
		case s.Depth == 1:
			compares = s.Kind == "binary" && len(operands) == 2
		}
	}
	got, err := a.expr.Eval(ctx, value.Value{}, env)
	fail := func(format string, args ...any) {
		j.failures = append(j.failures, Failure{Kind: "assert", Message: a.expr.Source() + fmt.Sprintf(format, args...), Position: a.position})
	}
	switch {
	case err != nil:
		fail(" fails: %v", err)
	case got.IsBool() && got.Truth():
	case got.IsBool() && compares:
		left, right := shown(operands[0], operands[1])
		fail(" is false: %s and %s", left, right)
	case got.IsBool():
		fail(" is false")
	default:
		fail(" gives %s, not true", clip(text(got), 400))
	}
}

func (j *judgement) vars() []jsonata.Var {
	x := j.x
	vars := []jsonata.Var{
		{Name: "status", Value: value.String(string(x.Status()))},
		{Name: "output", Value: x.Output()},
		{Name: "input", Value: j.input},
		{Name: "path", Value: texts(j.path)},
		{Name: "calls", Value: value.Array(j.calls)},
		{Name: "history", Value: History(x)},
		{Name: "duration", Value: value.Float(float64(x.Stopped()-x.Started()) / 1000)},
	}
	var name, cause value.Value
	if err := x.Err(); err != nil {
		name, cause = value.String(err.Name), value.String(err.Cause)
	}
	return append(vars, jsonata.Var{Name: "error", Value: name}, jsonata.Var{Name: "cause", Value: cause})
}

func texts(list []string) value.Value {
	vals := make([]value.Value, len(list))
	for i, s := range list {
		vals[i] = value.String(s)
	}
	return value.Array(vals)
}

// History returns the events of an execution as GetExecutionHistory gives them in JSON,
// with their times as the AWS CLI prints them.
func History(x *emulator.Execution) value.Value {
	var events []value.Value
	for e := range x.History().All {
		text, err := json.Marshal(e.SDK(true))
		if err != nil {
			panic(err) // the SDK's types are plain data
		}
		v, err := value.Parse(text)
		if err != nil {
			panic(err)
		}
		events = append(events, wireNames(v))
	}
	return value.Array(events)
}

// wireNames gives the members of an SDK structure the names that they have on the wire,
// and leaves out those that are not there.
func wireNames(v value.Value) value.Value {
	if !v.IsObject() {
		return v
	}
	b := value.NewBuilder(v.Len())
	for name, member := range v.Members() {
		if member.IsNull() {
			continue
		}
		if name != "AssignedVariables" { // whose members are the workflow's
			member = wireNames(member)
		}
		b.Set(strings.ToLower(name[:1])+name[1:], member)
	}
	return b.Object()
}
