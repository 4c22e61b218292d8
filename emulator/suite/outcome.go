package suite

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sfnkit/sfnkit/asl"
	"github.com/sfnkit/sfnkit/asl/jsonata"
	"github.com/sfnkit/sfnkit/asl/value"
	"github.com/sfnkit/sfnkit/emulator"
)

// Outcome is what came of a run. Its methods compare it with what is expected and return
// what is not so.
type Outcome struct {
	Execution *emulator.Execution
	Input     value.Value
	Path      []string      // the states in the order in which they were entered
	Calls     []value.Value // the calls, as the package comment has them

	coverage *Coverage
	history  value.Value // made when somebody asks
}

func newOutcome(c *Coverage, x *emulator.Execution, input value.Value, calls []value.Value) *Outcome {
	out := &Outcome{Execution: x, Input: input, Calls: calls, coverage: c}
	for e := range x.History().All {
		if entered(e.Type) {
			out.Path = append(out.Path, e.Name)
		}
	}
	return out
}

// Failure is one thing that was not as expected.
type Failure struct {
	Kind    string // status, error, cause, output, path, assert, mock, responses, run
	Message string // one line
	// State is the state to look at, "" if it is not known, and Place where it stands:
	// FILE:LINE:COLUMN. Role says what it has to do with the failure.
	State, Place, Role string
	Position           asl.Position // of the expectation in the test file; zero if it is not written there
}

// String returns the message, and on a second line the state.
func (f Failure) String() string {
	s := f.Kind + ": " + f.Message
	if f.State != "" {
		s += fmt.Sprintf("\n  %s state %q", f.Role, f.State)
		if f.Place != "" {
			s += " (" + f.Place + ")"
		}
	}
	return s
}

func (x *Outcome) failure(kind, role, state, format string, args ...any) Failure {
	f := Failure{Kind: kind, Message: fmt.Sprintf(format, args...)}
	if state == "" {
		return f
	}
	f.State, f.Role, f.Place = state, role, x.coverage.Definition
	if p := x.coverage.machine.Source().Position(x.coverage.locations[state]); p.Line > 0 && f.Place != "" {
		f.Place += ":" + p.String()
	}
	return f
}

// Broken is the failure of a run that ended with an error.
func (x *Outcome) Broken(err error) Failure {
	var na *emulator.NoAnswerError
	switch {
	case errors.As(err, &na):
		return x.failure("mock", "called by", na.State, "call %d of %s has no answer: %s", na.Invocation, na.Resource, na.Reason)
	case errors.Is(err, context.DeadlineExceeded):
		return x.failure("run", "last in", x.last(), "the case took too much time")
	}
	return x.failure("run", "last in", x.last(), "%v", err)
}

// last returns the state of the execution itself that was entered last, not one inside of it.
func (x *Outcome) last() string {
	for _, s := range slices.Backward(x.Path) {
		if x.coverage.machine.State(s) != nil {
			return s
		}
	}
	return ""
}

// Status compares the status.
func (x *Outcome) Status(want emulator.Status) []Failure {
	got, err := x.Execution.Status(), x.Execution.Err()
	switch {
	case got == want:
		return nil
	case err != nil:
		return []Failure{x.failure("status", "ended in", x.failed(), "want %s, got %s: %s", want, got, clip(err.Error(), 1000))}
	}
	return []Failure{x.failure("status", "ended in", x.last(), "want %s, got %s with the output %s", want, got, clip(x.Execution.Output().JSON(), 400))}
}

// failed returns the state that ended an execution: what its last event goes back to.
func (x *Outcome) failed() string {
	h := x.Execution.History()
	for id := int32(h.Len()); id > 0; id = h.At(int(id) - 1).PreviousID {
		if e := h.At(int(id) - 1); entered(e.Type) {
			return e.Name
		}
	}
	return x.last()
}

// err returns the name and cause of the error.
func (x *Outcome) err() (name, cause string) {
	if err := x.Execution.Err(); err != nil {
		return err.Name, err.Cause
	}
	return "", ""
}

// Error compares the name of the error.
func (x *Outcome) Error(want string) []Failure {
	name, cause := x.err()
	if name == want {
		return nil
	}
	return []Failure{x.failure("error", "ended in", x.failed(), "want %q, got %q: %s", want, name, clip(cause, 1000))}
}

// Cause compares the cause of the error.
func (x *Outcome) Cause(want string) []Failure {
	_, cause := x.err()
	if cause == want {
		return nil
	}
	return []Failure{x.failure("cause", "ended in", x.failed(), "%s", Difference{Want: value.String(want), Got: value.String(cause)})}
}

// CauseContains looks for a text in the cause of the error.
func (x *Outcome) CauseContains(part string) []Failure {
	_, cause := x.err()
	if strings.Contains(cause, part) {
		return nil
	}
	return []Failure{x.failure("cause", "ended in", x.failed(), "want %q in it, got %q", part, clip(cause, 1000))}
}

// Output compares the output, with partial only those members of objects that are wanted.
func (x *Outcome) Output(want value.Value, partial bool) []Failure {
	var list []Failure
	for _, d := range Diff(want, x.Execution.Output(), partial) {
		role, state := "set by", x.setter(d)
		if state == "" && (d.Got.IsAbsent() || !value.Equal(d.Got, lookup(x.Input, d.Pointer))) {
			role, state = "ended in", x.last()
		}
		list = append(list, x.failure("output", role, state, "%s", d))
	}
	return list
}

// Entered compares the path.
func (x *Outcome) Entered(want []string) []Failure {
	for i := range max(len(want), len(x.Path)) {
		w, g, state := "the end", "the end", ""
		if i < len(want) {
			w = strconv.Quote(want[i])
		}
		if i < len(x.Path) {
			g, state = strconv.Quote(x.Path[i]), x.Path[i]
		}
		if w == g {
			continue
		}
		after := ""
		if i > 0 {
			after = " after " + strconv.Quote(x.Path[i-1])
			if state == "" {
				state = x.Path[i-1]
			}
		}
		return []Failure{x.failure("path", "differs at", state, "want %s as number %d%s, got %s; the path is %s", w, i+1, after, g, quoted(x.Path))}
	}
	return nil
}

// EnteredInOrder looks for states in the path, in their order; others may lie between them.
func (x *Outcome) EnteredInOrder(want []string) []Failure {
	next := 0
	for _, s := range x.Path {
		if next < len(want) && want[next] == s {
			next++
		}
	}
	if next == len(want) {
		return nil
	}
	after := ""
	if next > 0 {
		after = " after " + strconv.Quote(want[next-1])
	}
	return []Failure{x.failure("path", "ended in", x.last(), "state %q was not entered%s; the path is %s", want[next], after, quoted(x.Path))}
}

func quoted(names []string) string {
	q := make([]string, len(names))
	for i, n := range names {
		q[i] = strconv.Quote(n)
	}
	return clip(strings.Join(q, ", "), 1000)
}

// Assert evaluates a JSONata expression that must give true; see the package comment for
// what it sees.
func (x *Outcome) Assert(ctx context.Context, expression string) []Failure {
	expr, err := compile(expression)
	if err != nil {
		return []Failure{x.failure("assert", "", "", "%s: %v", expression, err)}
	}
	return x.assert(ctx, expr)
}

func (x *Outcome) assert(ctx context.Context, expr *jsonata.Expr) []Failure {
	env := &jsonata.Env{Vars: x, Now: func() time.Time { return time.UnixMilli(x.Execution.Stopped()).UTC() }}
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
	got, err := expr.Eval(ctx, value.Value{}, env)
	switch {
	case err != nil:
		return []Failure{x.failure("assert", "", "", "%s fails: %v", expr.Source(), err)}
	case got.IsBool() && got.Truth():
		return nil
	case got.IsBool() && compares:
		left, right := shown(operands[0], operands[1])
		return []Failure{x.failure("assert", "", "", "%s is false: %s and %s", expr.Source(), left, right)}
	case got.IsBool():
		return []Failure{x.failure("assert", "", "", "%s is false", expr.Source())}
	}
	return []Failure{x.failure("assert", "", "", "%s gives %s, not true", expr.Source(), clip(text(got), 400))}
}

// Lookup implements [jsonata.Bindings]: what assertions see. It must not be called by
// several goroutines at once.
func (x *Outcome) Lookup(name string) (value.Value, bool) {
	e := x.Execution
	switch name {
	case "status":
		return value.String(string(e.Status())), true
	case "output":
		return e.Output(), true
	case "input":
		return x.Input, true
	case "path":
		return texts(x.Path), true
	case "calls":
		return value.Array(x.Calls), true
	case "history":
		if x.history.IsAbsent() {
			x.history = History(e)
		}
		return x.history, true
	case "duration":
		return value.Float(float64(e.Stopped()-e.Started()) / 1000), true
	case "error", "cause":
		err := e.Err()
		switch {
		case err == nil:
			return value.Value{}, true
		case name == "error":
			return value.String(err.Name), true
		}
		return value.String(err.Cause), true
	}
	return value.Value{}, false
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

// callLog notes the calls of an execution.
type callLog struct {
	next emulator.Caller
	list []value.Value
}

var callNames = []string{"state", "resource", "parameters", "input", "item", "attempt", "call"}

// Call implements emulator.Caller. Calls of one execution come one after another.
func (l *callLog) Call(ctx context.Context, req *emulator.Request) (emulator.Answer, error) {
	a, err := l.next.Call(ctx, req)
	item := value.Null
	if req.Item >= 0 {
		item = value.Int(int64(req.Item))
	}
	names := slices.Clone(callNames)
	vals := []value.Value{
		value.String(req.State), value.String(req.ARN), req.Parameters, req.Input, item,
		value.Int(int64(req.Attempt)), value.Int(int64(req.Invocation)),
	}
	var e *emulator.Error
	switch {
	case errors.As(err, &e):
		names = append(names, "error", "cause")
		vals = append(vals, value.String(e.Name), value.String(e.Cause))
	case err == nil && !a.Output.IsAbsent():
		names, vals = append(names, "output"), append(vals, a.Output)
	}
	l.list = append(l.list, value.Object(names, vals))
	return a, err
}
