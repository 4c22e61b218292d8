// Package emulatortest tests workflows from go test: it runs a definition in virtual time
// against mocks, and fails with the state to look at and with what is different.
//
//	func TestDeclined(t *testing.T) {
//		m := emulatortest.Load(t, "workflow.asl.json")
//		x := emulatortest.Run(t, m, `{"amount": 1000}`,
//			emulatortest.Throw("Charge", "Declined", "too much").When("Payload.amount > 100"),
//			emulatortest.Return("Charge", map[string]any{"paid": true}))
//		x.Want().Failed("Declined").Path("Charge", "Refused").Calls("Charge", 1)
//	}
//
// A call that no mock fits fails the test, and so does a mock that fits no call. [Suite]
// runs the declarative test files of package suite as subtests.
//
// Where a function takes JSON, a string or []byte is JSON text, and everything else is what
// encoding/json makes of it.
package emulatortest

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sfnkit/sfnkit/asl"
	"github.com/sfnkit/sfnkit/asl/value"
	"github.com/sfnkit/sfnkit/emulator"
	"github.com/sfnkit/sfnkit/emulator/calls"
	"github.com/sfnkit/sfnkit/emulator/suite"
)

// Load reads a definition, in JSON or YAML, from a file.
func Load(t testing.TB, path string) *asl.StateMachine {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	m, err := asl.Parse(text)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return m
}

// Mock is an answer to calls of a state. Of the mocks of a state the first one that fits a
// call answers it. The methods return a changed copy.
type Mock struct {
	state  string
	fields value.Value
	err    error
}

// Return answers calls of a state with a result, given as JSON: what the task gives before
// ResultSelector, ResultPath or Output. Of a job or a callback it is the final result.
func Return(state string, result any) Mock {
	v, err := toValue(result)
	return Mock{state: state, err: err}.with("Return", v)
}

// Throw fails calls of a state. An empty name or cause is left out.
func Throw(state, name, cause string) Mock {
	e := value.EmptyObject
	if name != "" {
		e = e.With("Error", value.String(name))
	}
	if cause != "" {
		e = e.With("Cause", value.String(cause))
	}
	return Mock{state: state}.with("Throw", e)
}

func (m Mock) with(field string, v value.Value) Mock {
	m.fields = m.fields.With(field, v)
	return m
}

// When narrows a mock to the calls for which a JSONata predicate gives true. It sees the
// parameters of the call, and $input, $item, $attempt and $call; see [calls.MockConfig].
func (m Mock) When(predicate string) Mock { return m.with("When", value.String(predicate)) }

// Item narrows a mock to an iteration of the innermost Map, from 0: of a distributed one, to
// a child execution.
func (m Mock) Item(n int) Mock { return m.with("Item", value.Int(int64(n))) }

// Attempt narrows a mock to calls after so many retries of the state.
func (m Mock) Attempt(n int) Mock { return m.with("Attempt", value.Int(int64(n))) }

// Call narrows a mock to one of the calls of the state in the execution, from 0.
func (m Mock) Call(n int) Mock { return m.with("Call", value.Int(int64(n))) }

// After lets the task take some time, which is virtual.
func (m Mock) After(d time.Duration) Mock { return m.with("Seconds", value.Float(d.Seconds())) }

// Runner says how executions are run. Its Caller answers what the mocks do not, and may be
// nil.
type Runner struct {
	Definition *asl.StateMachine
	File       string // of the definition, for messages; may be empty
	Options    emulator.Options
	// Coverage, if set, counts what the runs reach. It is of the same definition.
	Coverage *suite.Coverage
}

// Run runs a definition with an input, given as JSON, against mocks.
func Run(t testing.TB, m *asl.StateMachine, input any, mocks ...Mock) *Execution {
	t.Helper()
	return Runner{Definition: m}.Run(t, input, mocks...)
}

// Run runs the definition with an input, given as JSON, against mocks.
func (r Runner) Run(t testing.TB, input any, mocks ...Mock) *Execution {
	t.Helper()
	in, err := toValue(input)
	if err != nil {
		t.Fatalf("input: %v", err)
	}
	machine, err := emulator.Compile(r.Definition)
	if err != nil {
		t.Fatal(err)
	}
	responses, err := parse(mocks)
	if err == nil {
		err = responses.Check(r.Definition)
	}
	if err != nil {
		t.Fatal(err)
	}
	coverage := r.Coverage
	if coverage == nil {
		coverage = suite.NewCoverage(r.File, r.Definition)
	}
	o := r.Options
	if len(mocks) > 0 {
		o.Caller = calls.Recorded(responses, o.Caller)
	}
	x, err := coverage.Run(t.Context(), machine, in, o)
	if err != nil {
		t.Fatal(x.Broken(err))
	}
	for _, u := range responses.Unused() {
		t.Errorf("the mock of %s fits no call", u)
	}
	return &Execution{Outcome: x, t: t}
}

func parse(mocks []Mock) (*calls.Responses, error) {
	var b value.Builder
	for _, m := range mocks {
		if m.err != nil {
			return nil, fmt.Errorf("the mock of %q: %w", m.state, m.err)
		}
		b.Set(m.state, value.Array(append([]value.Value(nil), append(b.Get(m.state).Elems(), m.fields)...)))
	}
	return suite.ParseMocks("the test", b.Object())
}

func toValue(x any) (value.Value, error) {
	switch x := x.(type) {
	case value.Value:
		return x, nil
	case string:
		return value.ParseString(x)
	case []byte:
		return value.Parse(x)
	}
	text, err := json.Marshal(x)
	if err != nil {
		return value.Value{}, err
	}
	return value.Parse(text)
}

// Execution is an execution that has ended.
type Execution struct {
	*suite.Outcome
	t testing.TB
}

// Want begins what is expected of the execution.
func (x *Execution) Want() *Want { return &Want{x} }

// Want compares an execution with what is expected. Its methods report what is different
// as errors of the test and return it again, so that they can be chained.
type Want struct{ x *Execution }

func (w *Want) report(failures []suite.Failure) *Want {
	w.x.t.Helper()
	for _, f := range failures {
		w.x.t.Error(f)
	}
	return w
}

// Succeeded wants the execution to have succeeded.
func (w *Want) Succeeded() *Want {
	w.x.t.Helper()
	return w.report(w.x.Status(emulator.Succeeded))
}

// Failed wants the execution to have failed with an error of the given name.
func (w *Want) Failed(name string) *Want {
	w.x.t.Helper()
	if wrong := w.x.Status(emulator.Failed); wrong != nil {
		return w.report(wrong)
	}
	return w.report(w.x.Error(name))
}

// Status wants the execution to have ended with a status.
func (w *Want) Status(s emulator.Status) *Want {
	w.x.t.Helper()
	return w.report(w.x.Status(s))
}

// Cause wants the cause of the error to be a text.
func (w *Want) Cause(text string) *Want {
	w.x.t.Helper()
	return w.report(w.x.Cause(text))
}

// CauseContains wants the cause of the error to have a text in it.
func (w *Want) CauseContains(part string) *Want {
	w.x.t.Helper()
	return w.report(w.x.CauseContains(part))
}

// Output wants an output, given as JSON.
func (w *Want) Output(want any) *Want {
	w.x.t.Helper()
	return w.output(want, false)
}

// OutputContains wants an output, given as JSON, of which members of objects are left out.
func (w *Want) OutputContains(want any) *Want {
	w.x.t.Helper()
	return w.output(want, true)
}

func (w *Want) output(want any, partial bool) *Want {
	w.x.t.Helper()
	v, err := toValue(want)
	if err != nil {
		w.x.t.Fatalf("the output that is wanted: %v", err)
	}
	return w.report(w.x.Outcome.Output(v, partial))
}

// Path wants the states that were entered, in their order.
func (w *Want) Path(states ...string) *Want {
	w.x.t.Helper()
	return w.report(w.x.Entered(states))
}

// PathContains wants states to have been entered in this order, with others between them.
func (w *Want) PathContains(states ...string) *Want {
	w.x.t.Helper()
	return w.report(w.x.EnteredInOrder(states))
}

// Calls wants a number of calls of a state.
func (w *Want) Calls(state string, n int) *Want {
	w.x.t.Helper()
	got := 0
	for _, c := range w.x.Outcome.Calls {
		if c.Get("state").Str() == state {
			got++
		}
	}
	if got != n {
		w.x.t.Errorf("calls: want %d of state %q, got %d", n, state, got)
	}
	return w
}

// Assert wants a JSONata expression to give true; package suite tells what it sees.
func (w *Want) Assert(expression string) *Want {
	w.x.t.Helper()
	return w.report(w.x.Outcome.Assert(context.Background(), expression))
}

// Golden wants the history that a file has, in the form in which the AWS CLI prints it. The
// file is written instead if a flag -update that the test has defined is set, or the
// environment variable UPDATE_GOLDEN is not empty:
//
//	var _ = flag.Bool("update", false, "write golden files")
func (w *Want) Golden(file string) *Want {
	w.x.t.Helper()
	history := value.Object([]string{"events"}, []value.Value{suite.History(w.x.Execution)})
	got := string(history.AppendIndent(nil, "  ")) + "\n"
	if updating() {
		if err := os.WriteFile(file, []byte(got), 0o666); err != nil {
			w.x.t.Fatal(err)
		}
		return w
	}
	want, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		w.x.t.Fatalf("%v; set UPDATE_GOLDEN=1 to write it", err)
	} else if err != nil {
		w.x.t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		w.x.t.Errorf("the history is not that of %s (-want +got):\n%s", file, diff)
	}
	return w
}

func updating() bool {
	if f := flag.Lookup("update"); f != nil && f.Value.String() == "true" {
		return true
	}
	return os.Getenv("UPDATE_GOLDEN") != ""
}

// Suite runs test files, and those in folders, as subtests: one for each file and in it one
// for each case. The report tells what was covered; see [Covers].
func Suite(t *testing.T, paths ...string) *suite.Report {
	t.Helper()
	names, err := suite.Find(paths...)
	if err != nil {
		t.Fatal(err)
	}
	if len(names) == 0 {
		t.Fatalf("there is no test file in %s", strings.Join(paths, ", "))
	}
	var files []*suite.File
	for _, name := range names {
		f, err := suite.Load(name)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	report, err := suite.Run(t.Context(), files, suite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	byFile := map[*suite.File][]*suite.Result{}
	for i := range report.Results {
		r := &report.Results[i]
		byFile[r.File] = append(byFile[r.File], r)
	}
	for _, f := range files {
		t.Run(f.Name, func(t *testing.T) {
			for _, r := range byFile[f] {
				t.Run(r.Case.Name, func(t *testing.T) {
					for _, u := range r.Unused {
						t.Logf("the %s was not given", u)
					}
					for _, failure := range r.Failures {
						t.Errorf("%s\n  expected by %s", failure, r.At(failure))
					}
				})
			}
		})
	}
	return report
}

// Covers fails the test if a definition of the report is covered less than the thresholds
// ask for, such as "90" or "states=100,choice-rules=80".
func Covers(t testing.TB, r *suite.Report, thresholds string) {
	t.Helper()
	list, err := suite.ParseThresholds(thresholds)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range r.Below(list) {
		t.Error(line)
	}
}
