package calls

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sfnkit/sfnkit/asl"
	"github.com/sfnkit/sfnkit/asl/value"
	"github.com/sfnkit/sfnkit/emulator"
)

// maxFile bounds the files of recorded responses, in bytes.
const maxFile = 64 << 20

// Responses are recorded answers to the calls of an execution, kept by the name of the
// state and the number of the call: a test case of a mock configuration, or the history of
// an execution. They are immutable but for a note of which answers were given.
type Responses struct {
	name   string // for messages
	states map[string]*answers
	order  []string

	mu      sync.Mutex
	asked   bool
	missing []string
}

// answers are those for one state.
type answers struct {
	where string // for messages: what they are called and where they stand
	hint  string // for messages: how to give more of them
	rules bool   // each answer has a rule; otherwise they are in the order of the calls
	list  []*answer
	// alike finds the answers to calls with the same parameters; see Responses.find.
	alike map[string][]*answer
}

// answer is for the calls from one number to another, or for those that a rule is about.
type answer struct {
	from, to  int
	rule      *rule
	attempt   int
	output    value.Value
	err       *emulator.Error
	submitted value.Value
	delay     time.Duration // until the service accepts or answers the call
	later     bool          // the result of a job or a callback comes after the service has accepted the call
	after     time.Duration // from then to the result
	wait      bool          // the result comes from whoever has the task token
	lost      string        // why there is no answer, although there should be one
	used      atomic.Bool
}

// LoadResponses reads the answers for one execution from a file: a mock configuration as
// in [LoadMocks] or a history as in [LoadHistory]; which of the two it is shows in the
// text. The names of the state machine and of the test case within a mock configuration
// may be left empty if there is only one.
func LoadResponses(path, machine, testCase string) (*Responses, error) {
	text, err := readFile(path)
	if err != nil {
		return nil, err
	}
	v, err := parse(path, text)
	if err != nil {
		return nil, err
	}
	if events(v).IsArray() {
		return ParseHistory(path, text)
	}
	c, err := ParseMocks(path, text)
	if err != nil {
		return nil, err
	}
	return c.Responses(machine, testCase)
}

func readFile(path string) ([]byte, error) {
	if fi, err := os.Stat(path); err != nil {
		return nil, err
	} else if fi.Size() > maxFile {
		return nil, fmt.Errorf("%s: %d bytes are more than the %d that are read", path, fi.Size(), maxFile)
	}
	text, err := os.ReadFile(path)
	return bytes.TrimPrefix(text, []byte("\uFEFF")), err
}

// Recorded answers the calls of the states that the responses name. A call beyond the last
// answer of its state fails with an [emulator.NoAnswerError]: answers do not repeat. Calls
// of other states go to next; if that is nil, they fail in the same way. What could not be
// answered is noted: see [Responses.Missing].
func Recorded(r *Responses, next emulator.Caller) emulator.Caller {
	next = or(next)
	call := func(ctx context.Context, req *emulator.Request) (emulator.Answer, error) {
		a, err := r.find(ctx, req)
		switch {
		case err != nil:
			return emulator.Answer{}, err
		case a == nil:
			return next.Call(ctx, req)
		case a.wait && req.Resource.Kind == asl.ActivityARN:
			return next.Call(ctx, req)
		}
		return a.give(req)
	}
	return emulator.CallerFunc(func(ctx context.Context, req *emulator.Request) (emulator.Answer, error) {
		a, err := call(ctx, req)
		r.note(err)
		return a, err
	})
}

// maxMissing bounds the list of calls that there was no answer for.
const maxMissing = 1000

func (r *Responses) note(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked = true
	var none *emulator.NoAnswerError
	if err == nil || !errors.As(err, &none) || len(r.missing) >= maxMissing {
		return
	}
	if text := none.Error(); !slices.Contains(r.missing, text) {
		r.missing = append(r.missing, text)
	}
}

// Missing tells which calls could not be answered, each with what to add, in the order in
// which they were first made; at most 1,000 of them. Calls that something else answered
// are not among them.
func (r *Responses) Missing() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.missing)
}

// find returns the answer to a call, nil if the responses do not speak of its state.
//
// Histories also know what each call asked for. Where the iterations of a Map run side by
// side, the order of their calls is not the same in every run, so that an answer to the
// same question is a better one than that at the same place.
func (r *Responses) find(ctx context.Context, req *emulator.Request) (*answer, error) {
	s := r.states[req.State]
	if s == nil {
		return nil, nil
	}
	if s.rules {
		return s.match(ctx, req)
	}
	var found *answer
	if s.alike != nil {
		if same := s.alike[question(req.Attempt, req.Parameters)]; len(same) > 0 {
			found = same[req.Invocation%len(same)]
			for _, a := range same {
				if a.from == req.Invocation {
					found = a
				}
			}
		}
	}
	if found == nil {
		i, ok := slices.BinarySearchFunc(s.list, req.Invocation, func(a *answer, n int) int {
			switch {
			case a.to < n:
				return -1
			case a.from > n:
				return 1
			}
			return 0
		})
		if !ok {
			return nil, noAnswer(req, fmt.Sprintf("%s %s; %s", s.where, s.extent(), s.more(req.Invocation)))
		}
		found = s.list[i]
	}
	if found.lost != "" {
		return nil, noAnswer(req, s.where+" "+found.lost)
	}
	found.used.Store(true)
	return found, nil
}

// extent tells which calls there are answers for.
func (s *answers) extent() string {
	var b strings.Builder
	b.WriteString("answers ")
	for i, a := range s.list {
		switch {
		case i == 8:
			fmt.Fprintf(&b, " ... to %d", s.list[len(s.list)-1].to)
		case i > 8:
		case i == 0:
			b.WriteString("only the call")
			if len(s.list) > 1 || a.to > a.from {
				b.WriteByte('s')
			}
			b.WriteString(" " + a.calls())
		default:
			b.WriteString(", " + a.calls())
		}
	}
	if len(s.list) == 0 {
		b.WriteString("no call")
	}
	return b.String()
}

func (s *answers) more(n int) string {
	if s.hint != "" {
		return s.hint
	}
	return fmt.Sprintf(`add "%d": {"Return": {}} to it`, n)
}

// name tells one answer of a state from the others.
func (a *answer) name() string {
	if a.rule != nil {
		return fmt.Sprintf("rule %d", a.rule.place)
	}
	return "call " + a.calls()
}

// calls names the calls the way a mock configuration does.
func (a *answer) calls() string {
	if a.from == a.to {
		return fmt.Sprint(a.from)
	}
	return fmt.Sprintf("%d-%d", a.from, a.to)
}

func (a *answer) give(req *emulator.Request) (emulator.Answer, error) {
	out := emulator.Answer{Output: a.output, Submitted: a.submitted, Delay: a.delay}
	switch {
	case a.wait && req.Resource.Pattern != asl.WaitForTaskToken:
		return emulator.Answer{}, noAnswer(req, "the answer is to wait, but only a callback and an activity can")
	case a.wait:
		out.Pending = true
		return out, nil
	case a.later && a.rule != nil && req.Resource.Pattern == "":
		out.Delay = a.after
	case a.later:
		out.Job = &laterJob{answer: a}
		return out, nil
	}
	return out, a.fail()
}

// fail returns the answer's error: a new one for every call, because whoever gets it owns it.
func (a *answer) fail() error {
	if a.err == nil {
		return nil
	}
	err := *a.err
	return &err
}

// laterJob gives the recorded result of a job some time after the job was started.
type laterJob struct {
	answer *answer
	end    time.Time
}

func (j *laterJob) Poll(_ context.Context, now time.Time) (value.Value, time.Duration, error) {
	if j.end.IsZero() {
		j.end = now.Add(j.answer.after)
	}
	if left := j.end.Sub(now); left > 0 {
		return value.Value{}, left, nil
	}
	return j.answer.output, 0, j.answer.fail()
}

func (j *laterJob) Stop(context.Context) {}

// question is the same for calls that ask for the same thing.
func question(attempt int, parameters value.Value) string {
	// encoding/json sorts the members.
	text, err := json.Marshal(parameters.Any())
	if err != nil {
		text = []byte(parameters.JSON())
	}
	return fmt.Sprint(attempt, " ", string(text))
}

// States returns the names of the states that there are responses for, in the order in
// which they were given.
func (r *Responses) States() []string { return slices.Clone(r.order) }

// Unused tells which answers were never given, as "State" or, where only some of a state's
// were not, "State call 2-3", or "State rule 2" for the rules of matched responses.
func (r *Responses) Unused() []string {
	var unused []string
	for _, name := range r.order {
		s := r.states[name]
		n := 0
		for _, a := range s.list {
			if a.used.Load() {
				n++
			}
		}
		for _, a := range s.list {
			if n > 0 && !a.used.Load() {
				unused = append(unused, name+" "+a.name())
			}
		}
		if n == 0 {
			unused = append(unused, name)
		}
	}
	return unused
}

// Check compares the responses with a definition. The error names the states that the
// definition does not have, or that make no calls.
func (r *Responses) Check(m *asl.StateMachine) error {
	tasks := make(map[string]bool)
	m.AllStates(func(s *asl.State) bool {
		tasks[s.Name] = tasks[s.Name] || s.Type == asl.TypeTask
		return true
	})
	var wrong, known []string
	for _, name := range r.order {
		task, ok := tasks[name]
		switch {
		case !ok:
			wrong = append(wrong, fmt.Sprintf("there is no state %q", name))
		case !task:
			wrong = append(wrong, fmt.Sprintf("state %q is not a Task", name))
		}
	}
	if wrong == nil {
		return nil
	}
	for name, task := range tasks {
		if task {
			known = append(known, fmt.Sprintf("%q", name))
		}
	}
	slices.Sort(known)
	if len(known) > 12 {
		known = append(known[:12], "...")
	}
	return fmt.Errorf("%s: %s; the definition's Task states are %s", r.name, strings.Join(wrong, ", "), strings.Join(known, ", "))
}

// add keeps an answer for a state.
func (r *Responses) add(state, where string) *answers {
	s := r.states[state]
	if s == nil {
		s = &answers{where: where}
		if r.states == nil {
			r.states = make(map[string]*answers)
		}
		r.states[state] = s
		r.order = append(r.order, state)
	}
	return s
}
