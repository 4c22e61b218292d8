package emulator

import (
	"github.com/sfnkit/sfnkit/asl"
	"github.com/sfnkit/sfnkit/asl/value"
)

// StateTest describes the run of a single state, as the API's TestState does it: the same
// core, told one answer.
type StateTest struct {
	Info    Info
	Input   value.Value
	Sources Sources
	Now     int64       // milliseconds since 1970
	Context value.Value // replaces the context object if it is not Absent
	// Variables is an object of the variables the state can see.
	Variables value.Value

	Result value.Value // what the task or the parts give; Absent if there is none
	Error  *Error      // or how they fail

	Retries           int64 // attempts that the matching retrier has made before
	FailedIterations  int64 // of a Map state, counted against what it tolerates
	JudgesIterations  bool  // FailedIterations was given
	ItemReaderContent value.Value
}

// StateResult is what came of a StateTest.
type StateResult struct {
	Status     StateStatus
	Output     value.Value
	Error      *Error
	Next       string
	Inspection Inspection
	// Request is the call that the state wants made, if neither Result nor Error was given.
	Request *Request
}

// StateStatus is the outcome of a StateTest; the values are the API's.
type StateStatus string

// The outcomes.
const (
	StateSucceeded StateStatus = "SUCCEEDED"
	StateFailed    StateStatus = "FAILED"
	StateRetriable StateStatus = "RETRIABLE"
	StateCaught    StateStatus = "CAUGHT_ERROR"
)

// Inspection holds the data between the steps of a state's work. What a state type or
// query language does not have is Absent.
type Inspection struct {
	Input, AfterInputPath, AfterParameters, AfterArguments value.Value
	AfterItemsPath, AfterItemSelector, AfterItemBatcher    value.Value
	Result, AfterResultSelector, AfterResultPath           value.Value
	Variables                                              value.Value
	MaxConcurrency                                         value.Value
	ToleratedFailureCount, ToleratedFailurePercentage      value.Value
	CatchIndex, RetryIndex, RetryBackoffSeconds            value.Value
}

// probe is what an execution carries while one of its states is tested.
type probe struct {
	test   *StateTest
	result *StateResult
	done   bool
}

// find returns the state with the given name, which may be inside a Parallel or Map
// state; nil if there is none.
func (m *Machine) find(name string) *state {
	var in func(sc *scope) *state
	in = func(sc *scope) *state {
		if s := sc.states[name]; s != nil {
			return s
		}
		for _, s := range sc.states {
			for _, b := range s.branches {
				if s := in(b); s != nil {
					return s
				}
			}
			if s.processor != nil {
				if s := in(s.processor.top); s != nil {
					return s
				}
			}
		}
		return nil
	}
	return in(m.top)
}

// TestState runs one state of a machine that was compiled by [CompileState] or [Compile].
// It reports false if the machine has no such state.
func (m *Machine) TestState(name string, test StateTest) (*StateResult, bool) {
	s := m.find(name)
	if s == nil {
		return nil, false
	}
	test.Info.Express = true // the service runs the state in an express execution
	x := NewExecution(m, test.Info, test.Input, "", Limits{Payload: DefaultLimits.Payload}, test.Sources)
	r := &StateResult{}
	x.probe = &probe{test: &test, result: r}
	x.now = test.Now
	r.Inspection.Input = test.Input
	r.Inspection.Variables = test.Variables
	x.root = &x.onlyRoot
	t := x.root
	*t = thread{}
	if test.Variables.IsObject() {
		t.assign(test.Variables)
	}
	x.enter(t, s, test.Input)
	t.retries = &retries{attempts: make([]int64, len(s.retry)), count: test.Retries}
	for i := range s.retry {
		t.retries.attempts[i] = test.Retries
	}
	x.push(t)
	x.run()
	if x.probe.done {
		return r, true
	}
	switch t.waiting {
	case forTask:
		r.Request = t.task.request
		id := t.id
		switch {
		case test.Error != nil:
			x.TaskFailed(x.now, id, test.Error)
		case !test.Result.IsAbsent():
			x.TaskSucceeded(x.now, id, test.Result)
		default:
			return r, true
		}
	case forTimer:
		x.TimerFired(x.now, t.id, TimerWait) // a Wait state is not waited for
	}
	return r, true
}

// mockedParts ends a Map or Parallel state under test with the result it was given
// instead of running its parts. It reports false if no state is being tested.
func (x *Execution) mockedParts(t *thread) (bool, *Error) {
	p := x.probe
	if p == nil {
		return false, nil
	}
	t.seen = true
	if p.test.Error != nil {
		return true, p.test.Error
	}
	return true, x.complete(t, p.test.Result)
}

// tolerates judges the iterations of a Map state under test that are said to have failed:
// only against thresholds that the state itself sets.
func (p *probe) tolerates(count int64, hasCount bool, percentage float64, total int) *Error {
	if p == nil || !p.test.JudgesIterations || p.test.Error != nil {
		return nil
	}
	failed := p.test.FailedIterations
	if hasCount && failed > count || percentage >= 0 && float64(failed)*100 > percentage*float64(total) {
		return exceededError()
	}
	return nil
}

// retried, handled and ended note how the state under test came out.
func (p *probe) retried(i int, delay int64, err *Error) {
	p.done = true
	p.result.Status, p.result.Error = StateRetriable, err
	p.result.Inspection.RetryIndex = value.Int(int64(i))
	p.result.Inspection.RetryBackoffSeconds = value.Float(float64(delay) / 1000)
}

func (p *probe) handled(i int, err *Error) {
	p.result.Status, p.result.Error = StateCaught, err
	p.result.Inspection.CatchIndex = value.Int(int64(i))
}

func (p *probe) left(next *state, output value.Value) {
	p.done = true
	if p.result.Status == "" {
		p.result.Status = StateSucceeded
	}
	p.result.Output = output
	if next != nil {
		p.result.Next = next.name
	}
}

func (p *probe) gaveUp(err *Error) {
	p.done = true
	p.result.Status, p.result.Error = StateFailed, err
}

// CompileState compiles a definition of which one state is to be tested: the states that
// it names need not be there.
func CompileState(def *asl.StateMachine) (*Machine, error) { return compile(def, true) }

// probeMap takes a Map state under test up to where its iterations would begin.
func (x *Execution) probeMap(t *thread, v *view, items value.Value) *Error {
	s, p := t.state, x.probe
	count, err := v.count(s.toleratedCount)
	if err != nil {
		return err
	}
	percentage, err := v.percentage(s.toleratedPercentage)
	if err != nil {
		return err
	}
	if s.toleratedCount != nil {
		p.result.Inspection.ToleratedFailureCount = value.Int(count)
	}
	if s.toleratedPercentage != nil {
		p.result.Inspection.ToleratedFailurePercentage = value.Float(percentage)
	}
	if items.IsAbsent() {
		items = p.test.ItemReaderContent
	}
	if s.selector != nil && items.Len() > 0 {
		vals := make([]value.Value, items.Len())
		for i, item := range items.Elems() {
			if vals[i], err = x.selected(t, s.selector, i, item); err != nil {
				return err
			}
		}
		p.result.Inspection.AfterItemSelector = value.Array(vals)
	}
	if err := p.tolerates(count, s.toleratedCount != nil, percentage, items.Len()); err != nil {
		return err
	}
	_, err = x.mockedParts(t)
	return err
}
