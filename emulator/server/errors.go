package server

import (
	"fmt"
	"net/http"

	"github.com/sfnkit/sfnkit/asl/value"
)

// Error is an error as the API reports it.
type Error struct {
	Code     string // InvalidArn
	Message  string // "" for the protocol's own errors that have none
	Resource string // resourceName of ResourceNotFound and TooManyTags
	Reason   string // of some ValidationExceptions
	KeyState string // of KmsInvalidStateException
	Status   int    // 0 for 400
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

func failure(code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

func invalidARN(format string, args ...any) *Error {
	return failure("InvalidArn", "Invalid Arn: '%s'", fmt.Sprintf(format, args...))
}

func noMachine(arn string) *Error {
	return failure("StateMachineDoesNotExist", "State Machine Does Not Exist: '%s'", arn)
}

// noQualified says that a state machine has no such version or alias. What the service
// says of an alias was not recorded.
func noQualified(r resource) error {
	if isNumber(r.rest) {
		return failure("StateMachineDoesNotExist", "State Machine Version Does Not Exist: '%s'", r.full)
	}
	return noMachine(r.full)
}

func noExecution(arn string) *Error {
	return failure("ExecutionDoesNotExist", "Execution Does Not Exist: '%s'", arn)
}

func noActivity(arn string) *Error {
	return failure("ActivityDoesNotExist", "Activity Does Not Exist: '%s'", arn)
}

func noResource(arn string) *Error {
	return failure("ResourceNotFound", "Resource not found: '%s'", arn)
}

// noReference is noResource for the versions that an alias is to lead to, of which the
// service says so.
func noReference(arn string) *Error {
	e := failure("ResourceNotFound", "Request references a resource that does not exist.")
	e.Resource = arn
	return e
}

func deleting(arn string) *Error {
	return failure("StateMachineDeleting", "State Machine is deleting: '%s'", arn)
}

func wrongType() *Error {
	return failure("StateMachineTypeNotSupported", "This operation is not supported by this type of state machine")
}

func badToken() *Error { return failure("InvalidToken", "Invalid Token: 'Invalid token'") }

func (e *Error) write(w http.ResponseWriter) {
	b := append(make([]byte, 0, 256), `{"__type":`...)
	b = value.AppendQuoted(b, e.Code)
	if e.Message != "" {
		b = append(b, `,"message":`...)
		b = value.AppendQuoted(b, e.Message)
	}
	if e.Resource != "" {
		b = append(b, `,"resourceName":`...)
		b = value.AppendQuoted(b, e.Resource)
	}
	if e.Reason != "" {
		b = append(b, `,"reason":`...)
		b = value.AppendQuoted(b, e.Reason)
	}
	if e.KeyState != "" {
		b = append(b, `,"kmsKeyState":`...)
		b = value.AppendQuoted(b, e.KeyState)
	}
	b = append(b, '}')
	w.Header().Set("X-Amzn-ErrorType", e.Code)
	status := e.Status
	if status == 0 {
		status = http.StatusBadRequest
	}
	respond(w, status, b, stalls)
}
