package main

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/sfnkit/sfnkit/asl"
	"github.com/sfnkit/sfnkit/asl/value"
	"github.com/sfnkit/sfnkit/emulator"
)

// trace prints the events of an execution, one a line: when it was, which state it is
// about, and what went in or out. Events of branches and iterations come interleaved, so
// each line says where it belongs.
type trace struct {
	out   io.Writer
	color bool
	width int // of values, in columns; 0 for no bound
	names int // width of the column of names

	began  int64
	visits []*visit // by event: the visit of a state that the event belongs to
	forks  map[int32]int

	states, calls, retries int
}

// visit is one passage of the execution through a state.
type visit struct {
	place string // the state with the branches and iterations around it
	name  string
	scope *scope
	in    value.Value
	out   value.Value
	asked value.Value // the parameters of the last call
	calls int
}

// scope is what a branch or an iteration runs in; nil is the execution itself.
type scope struct {
	outer  *visit
	prefix string
}

func newTrace(out io.Writer, m *asl.StateMachine, full bool) *trace {
	t := &trace{out: out, color: isTerminal(out) && os.Getenv("NO_COLOR") == "", width: 72, forks: make(map[int32]int)}
	if full {
		t.width = 0
	}
	t.names = placeWidth(m, 0)
	t.names = min(t.names, 48)
	return t
}

// placeWidth is how wide the longest place in a definition prints.
func placeWidth(m *asl.StateMachine, before int) int {
	w := 0
	for _, s := range m.States {
		n := before + columns(s.Name)
		w = max(w, n)
		for _, p := range s.Parts() {
			w = max(w, placeWidth(p, n+len("[0]/")))
		}
	}
	return w
}

func (t *trace) event(e *emulator.Event) {
	var before *visit
	if p := int(e.PreviousID); p > 0 && p <= len(t.visits) {
		before = t.visits[p-1]
	}
	t.visits = append(t.visits, t.follow(e, before))
	v := t.visits[len(t.visits)-1]
	switch e.Type {
	case emulator.ExecutionStarted:
		t.began = e.Time
	case emulator.TaskStateEntered, emulator.PassStateEntered, emulator.ChoiceStateEntered, emulator.WaitStateEntered,
		emulator.SucceedStateEntered, emulator.FailStateEntered, emulator.ParallelStateEntered, emulator.MapStateEntered:
		t.states++
		if before != nil && v.scope == before.scope && value.Equal(before.out, e.Value) {
			t.line(e, v, "in", "as before")
		} else {
			t.line(e, v, "in", t.value(e.Value))
		}
	case emulator.TaskStateExited, emulator.PassStateExited, emulator.ChoiceStateExited, emulator.WaitStateExited,
		emulator.SucceedStateExited, emulator.ParallelStateExited, emulator.MapStateExited:
		if e.Detail != nil && e.Detail.Assigned.Len() > 0 {
			t.line(e, v, "assign", t.value(e.Detail.Assigned))
		}
		v.out = e.Value
		t.line(e, v, "out", t.output(v.in, e.Value))
	case emulator.TaskScheduled, emulator.LambdaFunctionScheduled, emulator.ActivityScheduled:
		t.calls++
		what, parameters := "call", t.value(e.Value)
		if v.calls > 0 {
			t.retries++
			what = "retry " + strconv.Itoa(v.calls)
			if value.Equal(v.asked, e.Value) {
				parameters = "as before"
			}
		}
		v.calls++
		v.asked = e.Value
		t.line(e, v, what, resourceName(e)+" "+parameters)
	case emulator.TaskSubmitted:
		if e.Value.Len() > 0 {
			t.line(e, v, "started", t.value(e.Value))
		}
	case emulator.TaskSucceeded, emulator.LambdaFunctionSucceeded, emulator.ActivitySucceeded:
		t.line(e, v, "result", t.value(e.Value))
	case emulator.MapStateStarted:
		t.line(e, v, "items", strconv.Itoa(int(e.Index)))
	case emulator.MapRunStarted:
		if e.Detail != nil {
			t.line(e, v, "map run", e.Detail.ARN)
		}
	case emulator.ExecutionFailed, emulator.ExecutionTimedOut, emulator.ExecutionAborted:
	default:
		if e.Detail != nil && e.Detail.Error != nil {
			t.line(e, v, "error", t.clipTo(e.Detail.Error.Error(), 4*t.width))
		}
	}
}

// follow finds the visit that an event belongs to from the one of the event before it.
func (t *trace) follow(e *emulator.Event, before *visit) *visit {
	switch e.Type {
	case emulator.TaskStateEntered, emulator.PassStateEntered, emulator.ChoiceStateEntered, emulator.WaitStateEntered,
		emulator.SucceedStateEntered, emulator.FailStateEntered, emulator.ParallelStateEntered, emulator.MapStateEntered:
		v := &visit{name: e.Name, place: e.Name, in: e.Value}
		if before != nil {
			v.scope = before.scope
			if n, ok := t.forks[e.PreviousID]; ok {
				t.forks[e.PreviousID]++
				v.scope = &scope{outer: before, prefix: fmt.Sprintf("%s[%d]/", before.place, n)}
			}
		}
		if v.scope != nil {
			v.place = v.scope.prefix + e.Name
		}
		return v
	case emulator.ParallelStateStarted:
		t.forks[e.ID] = 0
	case emulator.MapIterationStarted:
		// The first state of an iteration has this event before it, and the iteration's
		// scope; the iteration has no name of its own.
		outer := named(before, e.Name)
		if outer != nil {
			place := fmt.Sprintf("%s[%d]", outer.place, e.Index)
			return &visit{place: place, scope: &scope{outer: outer, prefix: place + "/"}}
		}
	case emulator.MapIterationSucceeded, emulator.MapIterationFailed, emulator.MapIterationAborted:
		if v := named(before, e.Name); v != nil {
			return v
		}
	case emulator.TaskStateExited, emulator.PassStateExited, emulator.ChoiceStateExited, emulator.WaitStateExited,
		emulator.SucceedStateExited, emulator.ParallelStateExited, emulator.MapStateExited:
		if v := named(before, e.Name); v != nil {
			return v
		}
	case emulator.ParallelStateSucceeded, emulator.ParallelStateFailed:
		if _, fork := t.forks[e.PreviousID]; !fork && before != nil && before.scope != nil {
			return before.scope.outer
		}
	}
	if before == nil {
		return &visit{}
	}
	return before
}

// named returns the innermost visit of the state with a name, from v outwards.
func named(v *visit, name string) *visit {
	for v != nil {
		if v.name == name {
			return v
		}
		if v.scope == nil {
			return nil
		}
		v = v.scope.outer
	}
	return nil
}

func resourceName(e *emulator.Event) string {
	if e.Detail == nil {
		return ""
	}
	if e.Detail.ResourceType == "" {
		return e.Detail.Resource
	}
	return e.Detail.ResourceType + ":" + e.Detail.Resource
}

func (t *trace) line(e *emulator.Event, v *visit, what, text string) {
	at := fmt.Sprintf("%9s", seconds(e.Time-t.began))
	pad := max(t.names-columns(v.place), 0)
	paint := ""
	switch what {
	case "error":
		paint = "31"
	case "in", "out", "assign", "items", "map run":
	default:
		paint = "36"
	}
	fmt.Fprintf(t.out, "%s  %s%s  %s%s  %s\n", t.paint("2", at), t.paint("1", v.place), strings.Repeat(" ", pad),
		t.paint(paint, what), strings.Repeat(" ", max(7-len(what), 0)), text)
}

func (t *trace) paint(code, s string) string {
	if !t.color || code == "" {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

func (t *trace) value(v value.Value) string {
	if v.IsAbsent() {
		return ""
	}
	return t.clipTo(v.JSON(), t.width)
}

// output prints what a state gives on: where it only adds to its input, what it adds.
func (t *trace) output(in, out value.Value) string {
	if value.Equal(in, out) {
		return "unchanged"
	}
	if !in.IsObject() || !out.IsObject() || in.Len() == 0 {
		return t.value(out)
	}
	added := value.NewBuilder(1)
	for name, v := range out.Members() {
		if !in.Has(name) || !value.Equal(in.Get(name), v) {
			added.Set(name, v)
		}
	}
	for name := range in.Members() {
		if !out.Has(name) {
			return t.value(out)
		}
	}
	if added.Len() == out.Len() {
		return t.value(out)
	}
	return "adds " + t.value(added.Object())
}

// clipTo keeps a line readable: longer texts end in their size.
func (t *trace) clipTo(s string, width int) string {
	s = strings.ReplaceAll(s, "\n", " ")
	if width == 0 || columns(s) <= width {
		return s
	}
	return head(s, width) + "… " + bytesText(len(s))
}

func bytesText(n int) string {
	if n < 1<<10 {
		return fmt.Sprintf("(%d bytes)", n)
	}
	return fmt.Sprintf("(%.1f KiB)", float64(n)/(1<<10))
}

// seconds prints a time in milliseconds.
func seconds(ms int64) string {
	if ms < 60_000 {
		return strconv.FormatFloat(float64(ms)/1000, 'f', 3, 64) + "s"
	}
	return (time.Duration(ms) * time.Millisecond).Round(time.Millisecond).String()
}

// summary is the last line: how the execution ended, and how long it took.
func (t *trace) summary(x *emulator.Execution) {
	status := string(x.Status())
	code := "32"
	if x.Status() != emulator.Succeeded {
		code = "31"
	}
	fmt.Fprintf(t.out, "%s in %s of virtual time: %s, %s, %s\n", t.paint(code, status), seconds(x.Stopped()-x.Started()),
		count(t.states, "state"), count(t.calls, "call"), count(t.retries, "retry"))
}

func count(n int, noun string) string {
	switch {
	case n == 1:
	case strings.HasSuffix(noun, "y"):
		noun = strings.TrimSuffix(noun, "y") + "ies"
	default:
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}
