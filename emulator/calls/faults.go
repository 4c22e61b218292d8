package calls

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/sfnkit/sfnkit/emulator"
)

// Fault makes the first calls of a state fail.
type Fault struct {
	State string
	Error string // the error name
	Cause string // if empty, one that says that the fault was injected
	Times int    // how many calls of the state fail in each execution, retries included
}

// ParseFault reads "State:Error×N", such as "Classify:Bedrock.ThrottlingException×3". An
// asterisk may stand for the multiplication sign; without either, one call fails.
func ParseFault(s string) (Fault, error) {
	state, name, times, err := SplitFault(s, "State:Error*N")
	if err != nil {
		return Fault{}, err
	}
	return Fault{State: state, Error: name, Times: max(times, 1)}, nil
}

// SplitFault takes apart what fails, the error name and the number of calls of a fault, 0 if
// there is none. Errors name the form that is wanted.
func SplitFault(s, form string) (what, name string, times int, err error) {
	i := strings.LastIndexByte(s, ':')
	if i < 1 {
		return "", "", 0, fmt.Errorf("fault %q is not of the form %s", s, form)
	}
	what, name = s[:i], s[i+1:]
	for _, sign := range []string{"×", "*"} {
		if before, number, ok := strings.Cut(name, sign); ok {
			n, err := strconv.Atoi(number)
			if err != nil || n < 1 || n > maxCalls {
				return "", "", 0, fmt.Errorf("fault %q: %q is not a number of calls", s, number)
			}
			name, times = before, n
			break
		}
	}
	if name == "" || len(name) > 256 {
		return "", "", 0, fmt.Errorf("fault %q has no error name of at most 256 characters", s)
	}
	return what, name, times, nil
}

// Faults makes calls fail before they reach next. Several faults of one state follow each
// other, in the order given.
func Faults(faults []Fault, next emulator.Caller) emulator.Caller {
	next = or(next)
	return emulator.CallerFunc(func(ctx context.Context, req *emulator.Request) (emulator.Answer, error) {
		n := req.Invocation
		for _, f := range faults {
			if f.State != req.State {
				continue
			}
			if n < f.Times {
				cause := f.Cause
				if cause == "" {
					cause = fmt.Sprintf("injected fault %d of %d", n+1, f.Times)
				}
				return emulator.Answer{}, emulator.NewError(f.Error, cause)
			}
			n -= f.Times
		}
		// What answers next is not told of the calls that never reached it.
		if n != req.Invocation {
			with := *req
			with.Invocation = n
			req = &with
		}
		return next.Call(ctx, req)
	})
}

// Latency makes every call take longer, by what the function says for it. Negative times
// count as none.
func Latency(of func(*emulator.Request) time.Duration, next emulator.Caller) emulator.Caller {
	next = or(next)
	return emulator.CallerFunc(func(ctx context.Context, req *emulator.Request) (emulator.Answer, error) {
		a, err := next.Call(ctx, req)
		a.Delay += max(0, of(req))
		return a, err
	})
}
