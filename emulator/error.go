package emulator

import (
	"fmt"

	"github.com/sfnkit/sfnkit/asl/value"
)

// The error names that the States Language reserves.
const (
	ErrorALL                   = "States.ALL"
	ErrorTimeout               = "States.Timeout"
	ErrorHeartbeatTimeout      = "States.HeartbeatTimeout"
	ErrorTaskFailed            = "States.TaskFailed"
	ErrorPermissions           = "States.Permissions"
	ErrorRuntime               = "States.Runtime"
	ErrorDataLimitExceeded     = "States.DataLimitExceeded"
	ErrorQueryEvaluation       = "States.QueryEvaluationError"
	ErrorExceedTolerated       = "States.ExceedToleratedFailureThreshold"
	ErrorItemReaderFailed      = "States.ItemReaderFailed"
	ErrorResultWriterFailed    = "States.ResultWriterFailed"
	ErrorReferencePathConflict = "States.ReferencePathConflict"
)

// Error is a States error: what a failed state reports, what Retry and Catch match, and
// part of an execution's result. Name and Cause may each be missing, as they are when a
// worker fails a task without saying more; the service then shows null.
type Error struct {
	Name  string
	Cause string

	NoName  bool // there is no error name at all
	NoCause bool // there is no cause at all

	heartbeat  bool   // it is the States.Timeout of a missed heartbeat
	notOfTask  bool   // States.TaskFailed does not stand for it
	evaluation bool   // an EvaluationFailed event is still to be written
	location   string // in it: of the expression that failed, "" if it was none
}

// NewError returns an Error with a name and a cause.
func NewError(name, cause string) *Error { return &Error{Name: name, Cause: cause} }

func (e *Error) Error() string {
	if e.Cause == "" {
		return e.Name
	}
	return e.Name + ": " + e.Cause
}

// Output is the error as a Catch hands it on: {"Error": ..., "Cause": ...}.
func (e *Error) Output() value.Value {
	name, cause := value.String(e.Name), value.String(e.Cause)
	if e.NoName {
		name = value.Null
	}
	if e.NoCause {
		cause = value.Null
	}
	return value.ObjectOf(errorShape, []value.Value{name, cause})
}

var errorShape = value.NewShape([]string{"Error", "Cause"})

func runtimeError(format string, args ...any) *Error {
	return NewError(ErrorRuntime, fmt.Sprintf(format, args...))
}

// terminal reports whether Retry and Catch leave the error alone. States.Runtime is such
// an error. The States Language guide says the same of States.DataLimitExceeded, but the
// service was recorded catching it, by its own name and by States.ALL.
func (e *Error) terminal() bool { return e.Name == ErrorRuntime }

// matches reports whether a name in ErrorEquals stands for the error.
func (e *Error) matches(name string) bool {
	switch name {
	case ErrorALL:
		return !e.terminal()
	case ErrorTaskFailed:
		// The wildcard for whatever a task fails with, timeouts excepted.
		return name == e.Name || !e.NoName && !e.notOfTask && e.Name != ErrorTimeout && e.Name != ErrorHeartbeatTimeout && !e.terminal()
	case ErrorTimeout:
		return e.Name == ErrorTimeout || e.Name == ErrorHeartbeatTimeout
	case ErrorHeartbeatTimeout:
		// A missed heartbeat is told as States.Timeout (recorded), and can still be told
		// apart here: https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html.
		return e.Name == ErrorHeartbeatTimeout || e.heartbeat
	}
	return !e.NoName && name == e.Name
}

func (e *Error) matchesAny(names []string) bool {
	for _, n := range names {
		if e.matches(n) {
			return true
		}
	}
	return false
}
