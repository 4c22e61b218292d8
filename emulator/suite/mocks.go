package suite

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/sfnkit/sfnkit/asl/jsonata"
	"github.com/sfnkit/sfnkit/asl/value"
	"github.com/sfnkit/sfnkit/emulator"
	"github.com/sfnkit/sfnkit/emulator/calls"
)

// compile compiles an assertion: JSONata with the functions of Step Functions, bounded to
// a second.
func compile(text string) (*jsonata.Expr, error) {
	return jsonata.Compile(text, jsonata.StepFunctions(), jsonata.WithLatest(), jsonata.WithTrace(),
		jsonata.WithLimits(jsonata.Limits{Time: jsonata.StepFunctionsTime, Depth: 1000, Value: 64 << 20, Total: 256 << 20}))
}

// ParseMocks reads the mocks of states as they stand in a test file, an object from the
// names of states to their answers. The name is for messages. The error is a
// *[calls.ConfigError] with pointers into the object.
func ParseMocks(name string, mocks value.Value) (*calls.Responses, error) {
	if !mocks.IsObject() {
		return nil, &calls.ConfigError{File: name, Problems: []calls.Problem{{Text: "mocks is an object from the names of states to their answers"}}}
	}
	// What stands in a test file is a mock configuration without the names in it.
	var states, mocked, matched value.Builder
	for state, answers := range mocks.Members() {
		states.Set(state, value.String(state))
		switch {
		case answers.IsArray():
			matched.Set(state, answers)
		case answers.Has("Return") || answers.Has("Throw"):
			matched.Set(state, value.Array([]value.Value{answers}))
		default:
			mocked.Set(state, answers)
		}
	}
	var machine, testCases, config value.Builder
	testCases.Set("case", states.Object())
	machine.Set("TestCases", testCases.Object())
	config.Set("StateMachines", value.Object([]string{"machine"}, []value.Value{machine.Object()}))
	config.Set("MockedResponses", mocked.Object())
	config.Set("MatchedResponses", matched.Object())
	c, err := calls.ParseMocks(name, []byte(config.Object().JSON()))
	var ce *calls.ConfigError
	if errors.As(err, &ce) {
		for i := range ce.Problems {
			p := &ce.Problems[i]
			p.Line, p.Column = 0, 0 // of a text that nobody has written
			p.Pointer = inMocks(p.Pointer, mocks)
		}
	}
	if err != nil {
		return nil, err
	}
	return c.Responses("", "")
}

// inMocks turns a pointer into the mock configuration into one into the mocks.
func inMocks(pointer string, mocks value.Value) string {
	rest, ok := strings.CutPrefix(pointer, "/MockedResponses")
	if ok {
		return rest
	}
	rest, ok = strings.CutPrefix(pointer, "/MatchedResponses")
	if !ok {
		return ""
	}
	state, in, _ := strings.Cut(strings.TrimPrefix(rest, "/"), "/")
	if answers := lookup(mocks, "/"+state); !answers.IsArray() {
		_, in, _ = strings.Cut(in, "/") // the list of one that the answer was put into
	}
	if in == "" {
		return "/" + state
	}
	return "/" + state + "/" + in
}

// mocks reads the mocks of a case.
func (d *decoder) mocks(v value.Value, at string) []namedMocks {
	_, err := ParseMocks(d.file.Name, v)
	var ce *calls.ConfigError
	if errors.As(err, &ce) {
		for _, p := range ce.Problems {
			d.problem(at+p.Pointer, "%s", p.Text)
		}
	} else if err != nil {
		d.problem(at, "%v", err)
	}
	var list []namedMocks
	for state, answers := range v.Members() {
		list = append(list, namedMocks{state: state, answers: answers})
	}
	return list
}

// joined are the mocks of a case or of its file as an object.
func joined(list []namedMocks, inherited bool) value.Value {
	var b value.Builder
	for _, m := range list {
		if m.inherited == inherited {
			b.Set(m.state, m.answers)
		}
	}
	return b.Object()
}

// nobody says of calls that nothing answers how to give an answer.
var nobody = emulator.CallerFunc(func(_ context.Context, req *emulator.Request) (emulator.Answer, error) {
	return emulator.Answer{}, &emulator.NoAnswerError{
		State: req.State, Resource: req.ARN, Invocation: req.Invocation,
		Reason: fmt.Sprintf("the state has no mock; add %s to the mocks for the parameters %s",
			value.String(req.State).JSON()+`: {"Return": {}}`, clip(req.Parameters.JSON(), 400)),
	}
})
