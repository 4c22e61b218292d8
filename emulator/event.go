package emulator

import (
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"github.com/sfnkit/sfnkit/asl/value"
)

// EventType is the type of a history event: an index into the SDK's names.
type EventType uint8

// The history events that an execution writes.
const (
	ExecutionStarted EventType = iota
	ExecutionSucceeded
	ExecutionFailed
	ExecutionAborted
	ExecutionTimedOut
	ExecutionRedriven

	TaskStateEntered
	TaskStateExited
	TaskStateAborted
	PassStateEntered
	PassStateExited
	ChoiceStateEntered
	ChoiceStateExited
	WaitStateEntered
	WaitStateExited
	WaitStateAborted
	SucceedStateEntered
	SucceedStateExited
	FailStateEntered
	ParallelStateEntered
	ParallelStateExited
	ParallelStateAborted
	ParallelStateStarted
	ParallelStateSucceeded
	ParallelStateFailed
	MapStateEntered
	MapStateExited
	MapStateAborted
	MapStateStarted
	MapStateSucceeded
	MapStateFailed
	MapIterationStarted
	MapIterationSucceeded
	MapIterationFailed
	MapIterationAborted
	MapRunStarted
	MapRunSucceeded
	MapRunFailed
	MapRunAborted
	MapRunRedriven

	TaskScheduled
	TaskStarted
	TaskStartFailed
	TaskSubmitted
	TaskSubmitFailed
	TaskSucceeded
	TaskFailed
	TaskTimedOut
	LambdaFunctionScheduled
	LambdaFunctionScheduleFailed
	LambdaFunctionStarted
	LambdaFunctionStartFailed
	LambdaFunctionSucceeded
	LambdaFunctionFailed
	LambdaFunctionTimedOut
	ActivityScheduled
	ActivityScheduleFailed
	ActivityStarted
	ActivitySucceeded
	ActivityFailed
	ActivityTimedOut

	EvaluationFailed
	numEventTypes

	lastExecutionEvent = ExecutionRedriven
)

var eventNames = [numEventTypes]types.HistoryEventType{
	ExecutionStarted:   types.HistoryEventTypeExecutionStarted,
	ExecutionSucceeded: types.HistoryEventTypeExecutionSucceeded,
	ExecutionFailed:    types.HistoryEventTypeExecutionFailed,
	ExecutionAborted:   types.HistoryEventTypeExecutionAborted,
	ExecutionTimedOut:  types.HistoryEventTypeExecutionTimedOut,
	ExecutionRedriven:  types.HistoryEventTypeExecutionRedriven,

	TaskStateEntered:       types.HistoryEventTypeTaskStateEntered,
	TaskStateExited:        types.HistoryEventTypeTaskStateExited,
	TaskStateAborted:       types.HistoryEventTypeTaskStateAborted,
	PassStateEntered:       types.HistoryEventTypePassStateEntered,
	PassStateExited:        types.HistoryEventTypePassStateExited,
	ChoiceStateEntered:     types.HistoryEventTypeChoiceStateEntered,
	ChoiceStateExited:      types.HistoryEventTypeChoiceStateExited,
	WaitStateEntered:       types.HistoryEventTypeWaitStateEntered,
	WaitStateExited:        types.HistoryEventTypeWaitStateExited,
	WaitStateAborted:       types.HistoryEventTypeWaitStateAborted,
	SucceedStateEntered:    types.HistoryEventTypeSucceedStateEntered,
	SucceedStateExited:     types.HistoryEventTypeSucceedStateExited,
	FailStateEntered:       types.HistoryEventTypeFailStateEntered,
	ParallelStateEntered:   types.HistoryEventTypeParallelStateEntered,
	ParallelStateExited:    types.HistoryEventTypeParallelStateExited,
	ParallelStateAborted:   types.HistoryEventTypeParallelStateAborted,
	ParallelStateStarted:   types.HistoryEventTypeParallelStateStarted,
	ParallelStateSucceeded: types.HistoryEventTypeParallelStateSucceeded,
	ParallelStateFailed:    types.HistoryEventTypeParallelStateFailed,
	MapStateEntered:        types.HistoryEventTypeMapStateEntered,
	MapStateExited:         types.HistoryEventTypeMapStateExited,
	MapStateAborted:        types.HistoryEventTypeMapStateAborted,
	MapStateStarted:        types.HistoryEventTypeMapStateStarted,
	MapStateSucceeded:      types.HistoryEventTypeMapStateSucceeded,
	MapStateFailed:         types.HistoryEventTypeMapStateFailed,
	MapIterationStarted:    types.HistoryEventTypeMapIterationStarted,
	MapIterationSucceeded:  types.HistoryEventTypeMapIterationSucceeded,
	MapIterationFailed:     types.HistoryEventTypeMapIterationFailed,
	MapIterationAborted:    types.HistoryEventTypeMapIterationAborted,
	MapRunStarted:          types.HistoryEventTypeMapRunStarted,
	MapRunSucceeded:        types.HistoryEventTypeMapRunSucceeded,
	MapRunFailed:           types.HistoryEventTypeMapRunFailed,
	MapRunAborted:          types.HistoryEventTypeMapRunAborted,
	MapRunRedriven:         types.HistoryEventTypeMapRunRedriven,

	TaskScheduled:                types.HistoryEventTypeTaskScheduled,
	TaskStarted:                  types.HistoryEventTypeTaskStarted,
	TaskStartFailed:              types.HistoryEventTypeTaskStartFailed,
	TaskSubmitted:                types.HistoryEventTypeTaskSubmitted,
	TaskSubmitFailed:             types.HistoryEventTypeTaskSubmitFailed,
	TaskSucceeded:                types.HistoryEventTypeTaskSucceeded,
	TaskFailed:                   types.HistoryEventTypeTaskFailed,
	TaskTimedOut:                 types.HistoryEventTypeTaskTimedOut,
	LambdaFunctionScheduled:      types.HistoryEventTypeLambdaFunctionScheduled,
	LambdaFunctionScheduleFailed: types.HistoryEventTypeLambdaFunctionScheduleFailed,
	LambdaFunctionStarted:        types.HistoryEventTypeLambdaFunctionStarted,
	LambdaFunctionStartFailed:    types.HistoryEventTypeLambdaFunctionStartFailed,
	LambdaFunctionSucceeded:      types.HistoryEventTypeLambdaFunctionSucceeded,
	LambdaFunctionFailed:         types.HistoryEventTypeLambdaFunctionFailed,
	LambdaFunctionTimedOut:       types.HistoryEventTypeLambdaFunctionTimedOut,
	ActivityScheduled:            types.HistoryEventTypeActivityScheduled,
	ActivityScheduleFailed:       types.HistoryEventTypeActivityScheduleFailed,
	ActivityStarted:              types.HistoryEventTypeActivityStarted,
	ActivitySucceeded:            types.HistoryEventTypeActivitySucceeded,
	ActivityFailed:               types.HistoryEventTypeActivityFailed,
	ActivityTimedOut:             types.HistoryEventTypeActivityTimedOut,

	EvaluationFailed: types.HistoryEventTypeEvaluationFailed,
}

// String returns the name that the API uses.
func (t EventType) String() string {
	if t < numEventTypes {
		return string(eventNames[t])
	}
	return "Unknown"
}

// Event is one event of an execution's history, in the form that running produces: its
// values are shared with the state that they describe and become text only when somebody
// asks ([Event.SDK]).
type Event struct {
	ID         int32 // from 1
	PreviousID int32
	Type       EventType
	Time       int64       // milliseconds since 1970, UTC
	Name       string      // the state, for state and iteration events; the role for ExecutionStarted
	Index      int32       // the iteration; the number of items for MapStateStarted
	Value      value.Value // the input, output or parameters
	Detail     *Detail     // nil where Name, Index and Value say all
}

// Detail is what fewer events have.
type Detail struct {
	Text         string // the text that Value was given as, if it is not the canonical one
	Error        *Error
	Resource     string // invokeModel.sync; the ARN for Lambda functions and activities
	ResourceType string // bedrock
	Region       string
	RoleARN      string // of the task's Credentials
	Worker       string
	Timeout      int64 // seconds, 0 if there is none
	Heartbeat    int64
	Assigned     value.Value // object: variable name to value
	Location     string      // of the expression that failed
	ARN          string      // of the map run
	Count        int32       // redrives
}

var none = &Detail{}

func (e *Event) detail() *Detail {
	if e.Detail == nil {
		return none
	}
	return e.Detail
}

// Text returns the JSON text of the event's value, as the API shows it.
func (e *Event) Text() string {
	if e.Detail != nil && e.Detail.Text != "" {
		return e.Detail.Text
	}
	return e.Value.JSON()
}

// History is the list of an execution's events in order. It only grows; what was
// appended does not change.
type History struct {
	first  []Event    // the first chunkSize events, grown as they come: most executions are short
	chunks *[][]Event // those after, never moved; nil if there are none
	n      int
}

const chunkSize = 256

// Len returns the number of events.
func (h *History) Len() int { return h.n }

// At returns event i, counted from 0; its ID is i+1. The event must not be kept across
// changes of the execution.
func (h *History) At(i int) *Event {
	if i < chunkSize {
		return &h.first[i]
	}
	i -= chunkSize
	return &(*h.chunks)[i/chunkSize][i%chunkSize]
}

// All iterates over the events.
func (h *History) All(yield func(*Event) bool) {
	for i := range h.n {
		if !yield(h.At(i)) {
			return
		}
	}
}

func (h *History) add() *Event {
	h.n++
	var e *Event
	if h.n <= chunkSize {
		if len(h.first) == cap(h.first) {
			grown := make([]Event, len(h.first), min(max(2, len(h.first)*5/2+1), chunkSize))
			copy(grown, h.first)
			h.first = grown
		}
		h.first = append(h.first, Event{})
		e = &h.first[len(h.first)-1]
	} else {
		if h.chunks == nil {
			h.chunks = new([][]Event)
		}
		chunks := *h.chunks
		last := len(chunks) - 1
		if last < 0 || len(chunks[last]) == chunkSize {
			chunks = append(chunks, make([]Event, 0, chunkSize))
			*h.chunks = chunks
			last++
		}
		chunks[last] = append(chunks[last], Event{})
		e = &chunks[last][len(chunks[last])-1]
	}
	e.ID = int32(h.n)
	return e
}
