package calls

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/sfnkit/sfnkit/asl/value"
	"github.com/sfnkit/sfnkit/emulator"
)

// LoadHistory reads the answers that the tasks of an execution got from its history, from
// a file of at most 64 MiB. See [ParseHistory].
func LoadHistory(path string) (*Responses, error) {
	text, err := readFile(path)
	if err != nil {
		return nil, err
	}
	return ParseHistory(path, text)
}

// ParseHistory reads the answers that the tasks of an execution got from its history: the
// output of GetExecutionHistory as the AWS CLI, the API or an SDK writes it
// ({"events": [...]}, {"Events": [...]} or the list alone, in either order). Answers take
// as long as they took then, in virtual time. The name is that of the file, for messages.
//
// Calls are matched by what they ask for and, where that is not found, by their number. A
// call that had not ended when the history was read, or whose data the history does not
// include, has no answer.
func ParseHistory(name string, text []byte) (*Responses, error) {
	v, err := parse(name, text)
	if err != nil {
		return nil, err
	}
	list := events(v)
	if !list.IsArray() {
		return nil, historyError(name, `this is no history: there is no list of "events"`)
	}
	h := &history{byID: make(map[int64]*event, list.Len())}
	for i, e := range list.Elems() {
		ev, err := readEvent(e)
		if err == nil && h.byID[ev.id] != nil {
			err = fmt.Errorf("the id %d is there twice", ev.id)
		}
		if err != nil {
			return nil, historyError(name, fmt.Sprintf("event %d of the history: %v", i+1, err))
		}
		h.events = append(h.events, ev)
		h.byID[ev.id] = ev
	}
	if v.Has("nextToken") || v.Has("NextToken") {
		return nil, historyError(name, "this is only one page of a history: fetch the others, too (the AWS CLI does without --no-paginate)")
	}
	return h.responses(name), nil
}

func historyError(name, text string) error {
	return &ConfigError{File: name, Problems: []Problem{{Text: text}}}
}

// events returns the list of events, Absent if v is no history.
func events(v value.Value) value.Value {
	if v.IsArray() {
		return v
	}
	if e := v.Get("events"); !e.IsAbsent() {
		return e
	}
	return v.Get("Events")
}

// event is what matters of one event.
type event struct {
	id, previous int64
	kind         string
	time         time.Time
	details      value.Value // of whatever kind
	state        string      // of the call this event belongs to
	call         *recordedCall
}

// recordedCall is one call of a task.
type recordedCall struct {
	answer     *answer
	parameters value.Value
	scheduled  time.Time
	submitted  time.Time
	ended      bool
}

type history struct {
	events []*event
	byID   map[int64]*event
}

// member finds a member whose name may begin with a small or a capital letter.
func member(v value.Value, name string) value.Value {
	if m := v.Get(name); !m.IsAbsent() {
		return m
	}
	r, n := utf8.DecodeRuneInString(name)
	return v.Get(string(unicode.ToUpper(r)) + name[n:])
}

func readEvent(v value.Value) (*event, error) {
	if !v.IsObject() {
		return nil, fmt.Errorf("it is not an object")
	}
	e := &event{kind: member(v, "type").Str()}
	var ok bool
	if e.id, ok = member(v, "id").Int64(); !ok {
		return nil, fmt.Errorf("it has no id")
	}
	if e.kind == "" {
		return nil, fmt.Errorf("it has no type")
	}
	e.previous, _ = member(v, "previousEventId").Int64()
	e.time = readTime(member(v, "timestamp"))
	for k, m := range v.Members() {
		if strings.HasSuffix(k, "EventDetails") && m.IsObject() {
			e.details = m
		}
	}
	return e, nil
}

// readTime reads a time as the CLI, the API or an SDK writes it; the zero time if it cannot.
func readTime(v value.Value) time.Time {
	if v.IsNumber() {
		s := v.Float64()
		if s > 1e11 { // milliseconds
			s /= 1000
		}
		if math.Abs(s) > 1e11 {
			return time.Time{}
		}
		return time.UnixMilli(int64(math.Round(s * 1000))).UTC()
	}
	t, err := time.Parse(time.RFC3339, v.Str())
	if err != nil {
		if f, ferr := strconv.ParseFloat(v.Str(), 64); ferr == nil && f > 0 {
			return readTime(value.Float(f))
		}
	}
	return t
}

func (h *history) responses(name string) *Responses {
	r := &Responses{name: name}
	slices.SortFunc(h.events, func(a, b *event) int {
		switch {
		case a.id < b.id:
			return -1
		case a.id > b.id:
			return 1
		}
		return 0
	})
	parameters := make(map[*answer]value.Value)
	for _, e := range h.events {
		before := h.byID[e.previous]
		if before != nil && before.id < e.id {
			e.state, e.call = before.state, before.call
		}
		stage := taskEvent(e.kind)
		if stage == "" {
			// Everything but the events of a call begins or ends a state.
			e.call = nil
			if strings.HasSuffix(e.kind, "StateEntered") {
				e.state = member(e.details, "name").Str()
			}
			continue
		}
		again := e.call // the call before a retry
		if stage == "Scheduled" || e.call == nil || e.call.ended {
			e.call = &recordedCall{scheduled: e.time, answer: &answer{}}
			if again != nil {
				e.call.answer.attempt = again.answer.attempt + 1
			}
			s := r.add(e.state, fmt.Sprintf("the history in %s", name))
			s.hint = "give a response for the state in a mock configuration"
			n := len(s.list)
			e.call.answer.from, e.call.answer.to = n, n
			e.call.answer.lost = "ends before the call was answered; " + s.hint
			s.list = append(s.list, e.call.answer)
		}
		e.call.event(stage, e)
		if stage == "Scheduled" && !e.call.parameters.IsAbsent() {
			parameters[e.call.answer] = e.call.parameters
		}
	}
	for _, s := range r.states {
		if len(s.list) < 2 {
			continue
		}
		s.alike = make(map[string][]*answer)
		for _, a := range s.list {
			if p, ok := parameters[a]; ok {
				q := question(a.attempt, p)
				s.alike[q] = append(s.alike[q], a)
			}
		}
	}
	return r
}

// taskEvent says what an event tells about a call: it was Scheduled, Started or Submitted;
// it Succeeded, Failed or TimedOut. It is "" for events that tell nothing about a call.
func taskEvent(kind string) string {
	for _, prefix := range []string{"Task", "LambdaFunction", "Activity"} {
		rest, found := strings.CutPrefix(kind, prefix)
		if !found {
			continue
		}
		switch rest {
		case "Scheduled", "Started", "Submitted", "Succeeded", "Failed", "TimedOut":
			return rest
		case "StartFailed", "SubmitFailed", "ScheduleFailed":
			return "Failed"
		}
	}
	return ""
}

// event notes what one of a call's events tells.
func (c *recordedCall) event(stage string, e *event) {
	a := c.answer
	switch stage {
	case "Scheduled":
		c.parameters = data(e.details, "parameters")
		if c.parameters.IsAbsent() {
			c.parameters = data(e.details, "input")
		}
	case "Submitted":
		c.submitted = e.time
		a.submitted = data(e.details, "output")
	case "Succeeded":
		c.ended = true
		a.output, a.lost = data(e.details, "output"), ""
		if a.output.IsAbsent() {
			a.lost = "was read without the data of its events (includeExecutionData)"
		}
	case "Failed", "TimedOut":
		c.ended = true
		a.lost = ""
		name, cause := member(e.details, "error"), member(e.details, "cause")
		a.err = stateError(name.Str(), name.IsString(), cause.Str(), cause.IsString())
		if stage == "TimedOut" && a.err.NoName {
			a.err = &emulator.Error{Name: emulator.ErrorTimeout, Cause: cause.Str()}
		}
	}
	if !c.ended {
		return
	}
	a.delay = max(0, e.time.Sub(c.scheduled))
	if !c.submitted.IsZero() {
		a.later = true
		a.delay = max(0, c.submitted.Sub(c.scheduled))
		a.after = max(0, e.time.Sub(c.submitted))
	}
}

// data reads a member that holds JSON as text; Absent if there is none, or no JSON in it.
// Some tools write the JSON itself.
func data(details value.Value, name string) value.Value {
	m := member(details, name)
	if !m.IsString() {
		return m
	}
	v, err := value.ParseString(m.Str())
	if err != nil {
		return value.Value{}
	}
	return v
}
