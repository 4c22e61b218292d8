package explain

import (
	"fmt"
	"strings"

	"github.com/sfnkit/sfnkit/asl/value"
)

// Finding is one failure in the history of an execution.
type Finding struct {
	State    string // in which it happened; "" if the history does not tell
	Event    int64  // id of the event
	Type     string // of the event, as in TaskFailed
	Error    string
	Cause    string
	Resource string // of the task: bedrock, invokeModel
	Attempts int    // how often the state failed so, this one included
	// Fatal is true for what ended the execution; other failures were retried or
	// caught.
	Fatal       bool
	Explanation Explanation
	Known       bool
}

// maxEvents bounds a history: Step Functions' own limit is 25,000 events of one
// execution.
const maxEvents = 200_000

// History explains the failures in a dump of GetExecutionHistory (the JSON of the
// AWS CLI or of an SDK: an object with events, or the array of them). Failures of
// one state with the same error and cause are one Finding; the fatal one comes
// first, the others in the order of their last occurrence, newest first.
func History(dump value.Value) ([]Finding, error) { return (&Explainer{}).History(dump) }

// History is the function of the same name with what x knows.
func (x *Explainer) History(dump value.Value) ([]Finding, error) {
	events := dump
	if dump.IsObject() {
		events = member(dump, "events")
	}
	if !events.IsArray() {
		return nil, fmt.Errorf("no execution history: expected an object with events, or an array of events")
	}
	if events.Len() > maxEvents {
		return nil, fmt.Errorf("the history has %d events, more than %d", events.Len(), maxEvents)
	}
	h := historyIndex{byID: make(map[int64]event, events.Len()), states: map[int64]string{}}
	var list []event
	for i, v := range events.Elems() {
		e := event{value: v, kind: member(v, "type").Str()}
		e.id, _ = member(v, "id").Int64()
		e.previous, _ = member(v, "previousEventId").Int64()
		if e.kind == "" {
			return nil, fmt.Errorf("event %d of the history has no type", i)
		}
		e.details = detailsOf(v)
		h.byID[e.id] = e
		list = append(list, e)
	}

	type key struct{ state, name, cause string }
	found := map[key]int{}
	var out []Finding
	for _, e := range list {
		if !failureTypes[e.kind] {
			continue
		}
		name, cause := member(e.details, "error").Str(), member(e.details, "cause").Str()
		if name == "" && strings.HasSuffix(e.kind, "TimedOut") {
			name = "States.Timeout"
		}
		f := Finding{State: h.state(e.id), Event: e.id, Type: e.kind, Error: name, Cause: cause, Attempts: 1}
		f.Fatal = strings.HasPrefix(e.kind, "Execution")
		scheduled := h.scheduled(e.id)
		f.Resource = strings.Trim(member(scheduled, "resourceType").Str()+", "+member(scheduled, "resource").Str(), ", ")

		at, seen := found[key{f.State, name, cause}]
		if f.Fatal && !seen { // the execution's own event repeats what its state failed with
			for i := len(out) - 1; i >= 0; i-- {
				if out[i].Error == name && out[i].Cause == cause {
					at, seen = i, true
					break
				}
			}
		}
		if seen {
			if f.Fatal {
				out[at].Fatal = true
			} else {
				out[at].Attempts++
				out[at].Event = e.id
			}
			continue
		}
		found[key{f.State, name, cause}] = len(out)
		f.Explanation, f.Known = x.of(scheduled).ExplainError(name, cause)
		out = append(out, f)
	}
	orderFindings(out)
	return out, nil
}

// of returns x with what the scheduled task tells of its call.
func (x *Explainer) of(scheduled value.Value) *Explainer {
	y := *x
	if r := member(scheduled, "region").Str(); r != "" {
		y.Region = r
	}
	parameters := member(scheduled, "parameters")
	if parameters.IsString() { // the service keeps them as JSON text
		parameters, _ = value.ParseString(parameters.Str())
	}
	if id := parameters.Get("ModelId"); id.IsString() {
		y.Model = id.Str()
	}
	return &y
}

func orderFindings(out []Finding) {
	for i := range len(out) / 2 {
		out[i], out[len(out)-1-i] = out[len(out)-1-i], out[i]
	}
	for i := range out {
		if out[i].Fatal {
			fatal := out[i]
			copy(out[1:i+1], out[:i])
			out[0] = fatal
			return
		}
	}
}

var failureTypes = map[string]bool{
	"TaskFailed": true, "TaskTimedOut": true, "TaskStartFailed": true, "TaskSubmitFailed": true,
	"LambdaFunctionFailed": true, "LambdaFunctionTimedOut": true, "LambdaFunctionScheduleFailed": true, "LambdaFunctionStartFailed": true,
	"ActivityFailed": true, "ActivityTimedOut": true, "ActivityScheduleFailed": true,
	"MapRunFailed": true, "EvaluationFailed": true,
	"ExecutionFailed": true, "ExecutionTimedOut": true, "ExecutionAborted": true,
}

type event struct {
	id, previous int64
	kind         string
	value        value.Value
	details      value.Value
}

type historyIndex struct {
	byID   map[int64]event
	states map[int64]string
}

// state finds the state in which an event happened by going back to where it was
// entered.
func (h *historyIndex) state(id int64) string {
	for steps := 0; steps < len(h.byID); steps++ {
		e, ok := h.byID[id]
		if !ok {
			return ""
		}
		if strings.HasSuffix(e.kind, "StateEntered") {
			return member(e.details, "name").Str()
		}
		if strings.HasSuffix(e.kind, "StateExited") || e.previous >= id {
			return ""
		}
		id = e.previous
	}
	return ""
}

// scheduled finds the details with which the failed task was scheduled.
func (h *historyIndex) scheduled(id int64) value.Value {
	for range 4 {
		e, ok := h.byID[id]
		if !ok || strings.HasSuffix(e.kind, "StateEntered") {
			break
		}
		if strings.HasSuffix(e.kind, "Scheduled") {
			return e.details
		}
		id = e.previous
	}
	return value.Value{}
}

// detailsOf returns the …EventDetails member of an event.
func detailsOf(v value.Value) value.Value {
	for name, m := range v.Members() {
		if m.IsObject() && strings.HasSuffix(strings.ToLower(name), "eventdetails") {
			return m
		}
	}
	return value.Value{}
}

// member finds a member whatever the case of its first letter: the CLI writes
// taskFailedEventDetails, Go's SDK marshals TaskFailedEventDetails.
func member(v value.Value, name string) value.Value {
	if m := v.Get(name); !m.IsAbsent() {
		return m
	}
	return v.Get(strings.ToUpper(name[:1]) + name[1:])
}

// Text returns the finding for a reader at a terminal, ended by a line feed.
func (f *Finding) Text() string {
	var b strings.Builder
	b.WriteString(f.Type)
	if f.State != "" {
		b.WriteString(" in state " + f.State)
	}
	fmt.Fprintf(&b, " (event %d", f.Event)
	if f.Attempts > 1 {
		fmt.Fprintf(&b, ", %d times", f.Attempts)
	}
	b.WriteString(")")
	switch {
	case f.Fatal:
		b.WriteString(": this ended the execution")
	default:
		b.WriteString(": retried or caught")
	}
	b.WriteString("\n\n" + f.Explanation.Text())
	return b.String()
}
