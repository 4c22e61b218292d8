package calls

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/sfnkit/sfnkit/asl/value"
	"github.com/sfnkit/sfnkit/emulator"
)

// Recording notes what calls were answered, as a mock configuration. Of several answers to
// the same call of the same state, which several executions give, the first one stays. The
// zero Recording is ready to use.
type Recording struct {
	mu     sync.Mutex
	states []string
	calls  map[string]map[int]value.Value // by state and number of the call
}

// Record notes what next answers. The results of jobs are noted when they have ended;
// those of callbacks, which come from elsewhere, are not, and neither are errors that are
// not the service's.
func Record(r *Recording, next emulator.Caller) emulator.Caller {
	next = or(next)
	return emulator.CallerFunc(func(ctx context.Context, req *emulator.Request) (emulator.Answer, error) {
		a, err := next.Call(ctx, req)
		switch {
		case err != nil:
			r.note(req, value.Value{}, err)
		case a.Job != nil:
			a.Job = &recordedJob{Job: a.Job, recording: r, req: req}
		case !a.Pending:
			r.note(req, a.Output, nil)
		}
		return a, err
	})
}

type recordedJob struct {
	emulator.Job
	recording *Recording
	req       *emulator.Request
}

func (j *recordedJob) Poll(ctx context.Context, now time.Time) (value.Value, time.Duration, error) {
	out, again, err := j.Job.Poll(ctx, now)
	if err != nil || again == 0 {
		j.recording.note(j.req, out, err)
	}
	return out, again, err
}

func (r *Recording) note(req *emulator.Request, out value.Value, err error) {
	answer := value.NewBuilder(1)
	var e *emulator.Error
	switch {
	case errors.As(err, &e):
		throw := value.NewBuilder(2)
		if !e.NoName {
			throw.Set("Error", value.String(e.Name))
		}
		if !e.NoCause {
			throw.Set("Cause", value.String(e.Cause))
		}
		answer.Set("Throw", throw.Object())
	case err != nil:
		return
	case out.IsAbsent():
		answer.Set("Return", value.Null)
	default:
		answer.Set("Return", out)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.calls == nil {
		r.calls = make(map[string]map[int]value.Value)
	}
	if r.calls[req.State] == nil {
		r.calls[req.State] = make(map[int]value.Value)
		r.states = append(r.states, req.State)
	}
	if _, ok := r.calls[req.State][req.Invocation]; !ok {
		r.calls[req.State][req.Invocation] = answer.Object()
	}
}

// Mocks returns what was noted so far as a mock configuration with one state machine and
// one test case, which [ParseMocks] reads. Equal answers that follow each other are
// written as one.
func (r *Recording) Mocks(machine, testCase string) []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	states, responses := value.NewBuilder(len(r.states)), value.NewBuilder(len(r.states))
	for _, s := range r.states {
		states.Set(s, value.String(s))
		responses.Set(s, answersOf(r.calls[s]))
	}
	object := func(name string, v value.Value) value.Value {
		return value.Object([]string{name}, []value.Value{v})
	}
	config := value.NewBuilder(2)
	config.Set("StateMachines", object(machine, object("TestCases", object(testCase, states.Object()))))
	config.Set("MockedResponses", responses.Object())
	return append(config.Object().AppendIndent(nil, "  "), '\n')
}

func answersOf(calls map[int]value.Value) value.Value {
	numbers := make([]int, 0, len(calls))
	for n := range calls {
		numbers = append(numbers, n)
	}
	slices.Sort(numbers)
	b := value.NewBuilder(len(numbers))
	for i := 0; i < len(numbers); {
		from, to := numbers[i], numbers[i]
		for i++; i < len(numbers) && numbers[i] == to+1 && value.Equal(calls[numbers[i]], calls[from]); i++ {
			to++
		}
		name := strconv.Itoa(from)
		if to > from {
			name += "-" + strconv.Itoa(to)
		}
		b.Set(name, calls[from])
	}
	return b.Object()
}
