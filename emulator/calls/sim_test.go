package calls_test

import (
	"context"
	"time"

	"github.com/sfnkit/sfnkit/asl/value"
	"github.com/sfnkit/sfnkit/emulator"
)

// slow is a service that takes a while, is busy at first for some, and has no 5.
func slow(_ context.Context, req *emulator.Request) (emulator.Answer, error) {
	n, _ := req.Parameters.Get("Payload").Get("n").Int64()
	a := emulator.Answer{Delay: time.Duration(n*37%11) * 100 * time.Millisecond}
	switch {
	case n%3 == 0 && req.Attempt == 0:
		return a, emulator.NewError("Busy", "later")
	case n == 5:
		return a, &emulator.Error{Name: "Gone", NoCause: true}
	}
	a.Output = value.MustParse(`{"name": "job` + string(rune('0'+n)) + `"}`)
	return a, nil
}
