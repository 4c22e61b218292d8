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
	i := strings.LastIndexByte(s, ':')
	if i < 1 {
		return Fault{}, fmt.Errorf("fault %q is not of the form State:Error×N", s)
	}
	f := Fault{State: s[:i], Error: s[i+1:], Times: 1}
	for _, sign := range []string{"×", "*"} {
		if name, times, ok := strings.Cut(f.Error, sign); ok {
			n, err := strconv.Atoi(times)
			if err != nil || n < 1 || n > maxCalls {
				return Fault{}, fmt.Errorf("fault %q: %q is not a number of calls", s, times)
			}
			f.Error, f.Times = name, n
			break
		}
	}
	if f.Error == "" || len(f.Error) > 256 {
		return Fault{}, fmt.Errorf("fault %q has no error name of at most 256 characters", s)
	}
	return f, nil
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
