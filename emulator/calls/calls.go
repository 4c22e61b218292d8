// Package calls answers the service calls of an execution. Everything here is an
// [emulator.Caller] or wraps one, in the manner of http.RoundTripper: a caller answers
// what it knows and hands everything else to the next.
//
// A local run against recorded responses, with a bucket in a folder and a fault thrown in:
//
//	responses, err := calls.LoadResponses("MockConfigFile.json", "", "")
//	...
//	store := calls.FolderStore("s3")
//	caller := calls.S3(store, nil)
//	caller = calls.Recorded(responses, caller)
//	caller = calls.BedrockS3(store, caller)
//	caller = calls.Faults(faults, caller)
//	emulator.Run(ctx, machine, input, emulator.Options{Caller: caller, Store: store})
//
// The order is that of precedence: what is wrapped last is asked first. Recorded responses
// stand before a local S3, so that a response given for a state is what the state gets;
// BedrockS3 stands before both, because it also moves recorded bodies.
//
// [Enforce] belongs before all of them: it refuses calls as AWS would, by policies, model
// access and quotas, and what it refuses takes nobody's answer. (It must be outermost also
// because it decides about map runs, see [emulator.MapRunCaller].)
//
// Nothing is ever made up. A call that nobody can answer ends in an
// [emulator.NoAnswerError] that names the state and the call and says how to give an
// answer; what is simulated on demand (see [Customization]) says so in its result.
//
// All callers are safe for concurrent use. Those that count (the responses, the faults) do
// so by the number of the call within its execution, which the request carries, so that
// the same caller serves any number of executions.
package calls

import (
	"context"
	"strconv"

	"github.com/sfnkit/sfnkit/asl/value"
	"github.com/sfnkit/sfnkit/emulator"
)

// or returns next, or what says that there is no answer.
func or(next emulator.Caller) emulator.Caller {
	if next != nil {
		return next
	}
	return emulator.CallerFunc(func(_ context.Context, req *emulator.Request) (emulator.Answer, error) {
		return emulator.Answer{}, noAnswer(req, "there is no response for this state; give one in a mock configuration: "+snippet(req))
	})
}

func noAnswer(req *emulator.Request, reason string) error {
	return &emulator.NoAnswerError{State: req.State, Resource: req.ARN, Invocation: req.Invocation, Reason: reason}
}

// snippet is what to put under MockedResponses, and to name in the test case.
func snippet(req *emulator.Request) string {
	state := value.String(req.State).JSON()
	return `"TestCases": {"...": {` + state + `: "Answer"}} and "MockedResponses": {"Answer": {"` +
		strconv.Itoa(req.Invocation) + `": {"Return": {}}}}`
}
