package server

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/sfnkit/sfnkit/asl/value"
	"github.com/sfnkit/sfnkit/emulator/calls"
)

// Fault makes requests fail before they do anything, so that a client can be tested with
// errors that do not arise by themselves: those of KMS, which is not there, of throttling,
// of a service that is not available.
type Fault struct {
	Operation string // "*" for all that can have the error
	Error     string // one of the operation's in the service model, or one that all AWS services have
	Message   string // "" for the service's words, as far as they are known
	Times     int    // how many requests fail, 0 for all
}

// ParseFault reads "Operation:Error×N", such as "StartExecution:ThrottlingException×3". An
// asterisk may stand for the multiplication sign; without either, all requests fail.
func ParseFault(s string) (Fault, error) {
	op, name, times, err := calls.SplitFault(s, "Operation:Error*N")
	if err != nil {
		return Fault{}, err
	}
	f := Fault{Operation: op, Error: name, Times: times}
	return f, f.check()
}

// faultError is how an error is told.
type faultError struct {
	Message  string
	Status   int    // 0 for 400
	KeyState string `json:"kmsKeyState"`
	Resource bool   `json:"resourceName"` // tells which
}

type faultTable struct {
	Errors     map[string]faultError // of the service model
	Common     map[string]faultError // of all AWS services
	Operations map[string][]string   // which have which of Errors
}

//go:embed faults.json
var faultFile []byte

var faultErrors = sync.OnceValue(func() *faultTable {
	t := new(faultTable)
	if err := json.Unmarshal(faultFile, t); err != nil {
		panic(err) // it is part of the program
	}
	return t
})

// has reports whether an operation can fail with an error.
func (t *faultTable) has(op, name string) bool {
	_, common := t.Common[name]
	return common || slices.Contains(t.Operations[op], name)
}

func (f Fault) check() error {
	t := faultErrors()
	names := func(m map[string]faultError) string { return strings.Join(slices.Sorted(maps.Keys(m)), ", ") }
	own := t.Operations[f.Operation]
	switch {
	case f.Times < 0:
		return fmt.Errorf("fault %q: %d is not a number of requests", f, f.Times)
	case f.Operation == "*":
		_, known := t.Errors[f.Error]
		if _, common := t.Common[f.Error]; !common && !known {
			return fmt.Errorf("fault %q: no operation fails with %q, but some with %s, and all with %s", f, f.Error, names(t.Errors), names(t.Common))
		}
	case own == nil:
		return fmt.Errorf("fault %q: there is no operation %q, but * for all, %s", f, f.Operation, strings.Join(slices.Sorted(maps.Keys(t.Operations)), ", "))
	case !t.has(f.Operation, f.Error):
		return fmt.Errorf("fault %q: %s does not fail with %q, but with %s, or like all with %s", f, f.Operation, f.Error, strings.Join(own, ", "), names(t.Common))
	}
	return nil
}

// String is the fault as [ParseFault] reads it.
func (f Fault) String() string {
	s := f.Operation + ":" + f.Error
	if f.Times > 0 {
		s += fmt.Sprintf("*%d", f.Times)
	}
	return s
}

// armedFault is a fault and how often it has struck.
type armedFault struct {
	Fault
	struck atomic.Int64
}

// strikes reports whether a request is to fail.
func (f *armedFault) strikes(op string) bool {
	if f.Operation != op && (f.Operation != "*" || !faultErrors().has(op, f.Error)) {
		return false
	}
	return f.Times == 0 || f.struck.Add(1) <= int64(f.Times)
}

// fault returns the error that a request is to fail with, nil for none. Several faults of
// one operation follow each other.
func (s *Server) fault(op string, body []byte) error {
	for _, f := range s.faults {
		if f.strikes(op) {
			return s.faulty(op, f.Fault, body)
		}
	}
	return nil
}

func (s *Server) faulty(op string, f Fault, body []byte) *Error {
	t := faultErrors()
	how, ok := t.Errors[f.Error]
	if !ok {
		how = t.Common[f.Error]
	}
	resource := resourceOf(body)
	e := &Error{Code: f.Error, Message: f.Message, Status: how.Status, KeyState: how.KeyState}
	if how.Resource {
		e.Resource = resource
	}
	if e.Message == "" {
		e.Message = strings.NewReplacer(
			"{operation}", op, "{resource}", resource, "{request}", s.requestID(),
			"{partition}", s.opts.Partition, "{region}", s.opts.Region, "{account}", s.opts.Account,
		).Replace(how.Message)
	}
	return e
}

// resourceOf returns the first ARN of a request, "*" if it has none.
func resourceOf(body []byte) string {
	v, err := value.Parse(body)
	if err == nil && v.IsObject() {
		for name, sub := range v.Members() {
			if strings.HasSuffix(name, "Arn") && sub.IsString() {
				return sub.Str()
			}
		}
	}
	return "*"
}
