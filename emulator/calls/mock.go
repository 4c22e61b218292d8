package calls

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/sfnkit/sfnkit/asl/value"
	"github.com/sfnkit/sfnkit/emulator"
)

// MockConfig is a mock configuration as Step Functions Local reads it (MockConfigFile.json):
//
//	{
//	  "StateMachines": {"Orders": {"TestCases": {"Retried": {"Charge": "ChargeAnswers"}}}},
//	  "MockedResponses": {
//	    "ChargeAnswers": {
//	      "0-1": {"Throw": {"Error": "Lambda.TooManyRequestsException", "Cause": "slow down"}},
//	      "2":   {"Return": {"StatusCode": 200, "Payload": {"ok": true}}}
//	    }
//	  }
//	}
//
// The numbers are those of the calls of a state within one execution, from 0, retries and
// loops included. Return is the result of the task as it stands before ResultSelector,
// ResultPath or Output, any JSON value; of a job (.sync) or a callback it is the final
// result. In Throw, Error and Cause may each be missing.
//
// See https://docs.aws.amazon.com/step-functions/latest/dg/sfn-local-mock-cfg-file.html.
//
// # Matched responses
//
// MatchedResponses is a section of its own that Step Functions Local does not have. A test
// case names a response of either section. Those here are lists of rules; the first one
// whose conditions all hold answers the call, as often as they do:
//
//	"MatchedResponses": {
//	  "ByAmount": [
//	    {"When": "Payload.amount > 100", "Throw": {"Error": "TooMuch"}},
//	    {"Item": 2, "Attempt": "0-1", "Throw": {"Error": "Lambda.TooManyRequestsException"}},
//	    {"When": "$input.late", "Submitted": {"JobRunId": "j1"}, "Seconds": 90, "Return": {"JobRunState": "SUCCEEDED"}},
//	    {"Call": 7, "Wait": true},
//	    {"Return": {"Payload": {"ok": true}}}
//	  ]
//	}
//
// The conditions, each optional:
//
//   - When is a JSONata predicate, in the dialect of Step Functions; it must give true or
//     false, and nothing counts as false. Its context is the evaluated Parameters or
//     Arguments of the call. $parameters is the same, $input the input of the state (after
//     InputPath), $item, $attempt and $call the numbers below, and $execution an object
//     with Id, Name and StateMachine.
//   - Item is the iteration of the innermost Map that the state is in, from 0: of an
//     inline Map the iteration, of a distributed one the child execution, which has one
//     item, or one batch of them. Outside of a Map there is none.
//   - Attempt counts the retries of the state, from 0 each time that it is entered.
//   - Call counts the calls of the state in the execution, as the numbers of
//     MockedResponses do.
//
// Item, Attempt and Call are a number or a range of them, such as "1-2".
//
// Return and Throw are as above. Seconds is how long the task takes, in the time of the
// execution (which may be virtual). A job or a callback with Submitted or Seconds is
// first submitted, with Submitted as the answer to the call itself, and then ends.
// With "Wait": true in the place of Return and Throw, a callback is submitted and waits
// for whoever has its task token, and an activity for a worker.
type MockConfig struct {
	name     string
	machines []mockMachine
}

type mockMachine struct {
	name  string
	cases []*Responses
}

// ConfigError tells what is wrong in a file of responses.
type ConfigError struct {
	File     string
	Problems []Problem // at least one
}

// Problem is one thing that is wrong in a file.
type Problem struct {
	Pointer      string // a JSON pointer
	Line, Column int    // from 1; 0 if not known
	Text         string
}

// Error has a line for each problem, up to 20.
func (e *ConfigError) Error() string {
	var b strings.Builder
	for i, p := range e.Problems {
		if i > 0 {
			b.WriteByte('\n')
		}
		if i == 20 {
			fmt.Fprintf(&b, "%s: and %d more", e.File, len(e.Problems)-i)
			break
		}
		b.WriteString(e.File)
		if p.Line > 0 {
			fmt.Fprintf(&b, ":%d:%d", p.Line, p.Column)
		}
		b.WriteString(": " + p.Text)
		if p.Pointer != "" {
			b.WriteString(" at " + p.Pointer)
		}
	}
	return b.String()
}

// maxCalls bounds the numbers of calls in a mock configuration.
const maxCalls = 1 << 30

// LoadMocks reads a mock configuration from a file of at most 64 MiB. What is wrong in it
// is reported as a *ConfigError.
func LoadMocks(path string) (*MockConfig, error) {
	text, err := readFile(path)
	if err != nil {
		return nil, err
	}
	return ParseMocks(path, text)
}

// ParseMocks reads a mock configuration. The name is that of the file, for messages.
func ParseMocks(name string, text []byte) (*MockConfig, error) {
	v, err := parse(name, text)
	if err != nil {
		return nil, err
	}
	p := &mockParser{file: name, text: text}
	c := p.config(v)
	if len(p.problems) > 0 {
		return nil, &ConfigError{File: name, Problems: p.problems}
	}
	return c, nil
}

func parse(name string, text []byte) (value.Value, error) {
	v, err := value.Parse(text)
	if err == nil {
		return v, nil
	}
	p := Problem{Text: err.Error()}
	if s, ok := err.(*value.SyntaxError); ok {
		p.Text = s.Reason
		p.Line, p.Column = lineColumn(text, s.Offset)
	}
	return v, &ConfigError{File: name, Problems: []Problem{p}}
}

// Machines returns the names of the state machines, in order.
func (c *MockConfig) Machines() []string {
	var names []string
	for _, m := range c.machines {
		names = append(names, m.name)
	}
	return names
}

// TestCases returns the names of a state machine's test cases, in order.
func (c *MockConfig) TestCases(machine string) []string {
	for _, m := range c.machines {
		if m.name == machine {
			return m.testCases()
		}
	}
	return nil
}

func (m *mockMachine) testCases() []string {
	var names []string
	for _, r := range m.cases {
		names = append(names, r.name)
	}
	return names
}

// Responses returns the answers of a test case, the same ones whenever it is asked. Either
// name may be empty if there is just one to choose.
func (c *MockConfig) Responses(machine, testCase string) (*Responses, error) {
	i := choose(machine, c.Machines())
	if i < 0 {
		return nil, c.unknown("state machine", machine, c.Machines())
	}
	m := &c.machines[i]
	j := choose(testCase, m.testCases())
	if j < 0 {
		return nil, c.unknown("test case", testCase, m.testCases())
	}
	return m.cases[j], nil
}

func choose(name string, names []string) int {
	if name == "" && len(names) == 1 {
		return 0
	}
	return slices.Index(names, name)
}

func (c *MockConfig) unknown(what, name string, names []string) error {
	list := "there is none"
	if len(names) > 0 {
		quoted := make([]string, len(names))
		for i, n := range names {
			quoted[i] = strconv.Quote(n)
		}
		if len(quoted) > 12 {
			quoted = append(quoted[:12], "...")
		}
		list = "there is " + strings.Join(quoted, ", ")
	}
	if name == "" {
		return fmt.Errorf("%s: which %s is meant must be said: %s", c.name, what, list)
	}
	return fmt.Errorf("%s: no %s %q: %s", c.name, what, name, list)
}

type mockParser struct {
	file     string
	text     []byte
	problems []Problem
}

func (p *mockParser) problem(path []string, format string, args ...any) {
	if len(p.problems) >= 100 {
		return
	}
	line, column := locate(p.text, path)
	p.problems = append(p.problems, Problem{Pointer: pointer(path), Line: line, Column: column, Text: fmt.Sprintf(format, args...)})
}

// object reports a value that is not an object.
func (p *mockParser) object(v value.Value, path []string, what string) bool {
	if v.IsObject() {
		return true
	}
	p.problem(path, "%s is not an object", what)
	return false
}

func (p *mockParser) config(v value.Value) *MockConfig {
	c := &MockConfig{name: p.file}
	if !p.object(v, nil, "a mock configuration") {
		return c
	}
	for k := range v.Members() {
		if k != "StateMachines" && k != "MockedResponses" && k != "MatchedResponses" {
			p.problem([]string{k}, "unknown field %q; a mock configuration has StateMachines, MockedResponses and MatchedResponses", k)
		}
	}
	machines, responses := v.Get("StateMachines"), v.Get("MockedResponses")
	if machines.IsAbsent() {
		p.problem(nil, "there are no StateMachines")
		return c
	}
	if !p.object(machines, []string{"StateMachines"}, "StateMachines") {
		return c
	}
	mocked := make(map[string]*answers)
	if !responses.IsAbsent() && p.object(responses, []string{"MockedResponses"}, "MockedResponses") {
		for name, r := range responses.Members() {
			path := []string{"MockedResponses", name}
			mocked[name] = &answers{where: fmt.Sprintf("the mocked response %q in %s", name, p.file), list: p.response(r, path)}
		}
	}
	if matched := v.Get("MatchedResponses"); !matched.IsAbsent() && p.object(matched, []string{"MatchedResponses"}, "MatchedResponses") {
		for name, r := range matched.Members() {
			path := []string{"MatchedResponses", name}
			if mocked[name] != nil {
				p.problem(path, "there is a mocked response %q already", name)
			}
			mocked[name] = &answers{where: fmt.Sprintf("the matched response %q in %s", name, p.file), rules: true, list: p.rules(r, path)}
		}
	}
	for name, m := range machines.Members() {
		path := []string{"StateMachines", name}
		if !p.object(m, path, "a state machine") {
			continue
		}
		for k := range m.Members() {
			if k != "TestCases" {
				p.problem(append(path, k), "unknown field %q; a state machine has TestCases", k)
			}
		}
		path = append(path, "TestCases")
		cases := m.Get("TestCases")
		if cases.IsAbsent() {
			p.problem(path[:2], "there are no TestCases")
			continue
		}
		if !p.object(cases, path, "TestCases") {
			continue
		}
		mm := mockMachine{name: name}
		for name, states := range cases.Members() {
			mm.cases = append(mm.cases, p.testCase(name, states, slices.Concat(path, []string{name}), mocked))
		}
		c.machines = append(c.machines, mm)
	}
	return c
}

func (p *mockParser) testCase(name string, v value.Value, path []string, mocked map[string]*answers) *Responses {
	r := &Responses{name: name}
	if !p.object(v, path, "a test case") {
		return r
	}
	for state, response := range v.Members() {
		path := slices.Concat(path, []string{state})
		if !response.IsString() {
			p.problem(path, "the response of a state must be given by its name under MockedResponses or MatchedResponses")
			continue
		}
		a := mocked[response.Str()]
		if a == nil {
			p.problem(path, "there is no mocked response %q", response.Str())
			continue
		}
		// Each test case notes for itself which answers it has given.
		own := r.add(state, a.where)
		own.rules = a.rules
		for _, x := range a.list {
			own.list = append(own.list, &answer{from: x.from, to: x.to, output: x.output, err: x.err, rule: x.rule,
				submitted: x.submitted, wait: x.wait, later: x.later, after: x.after, delay: x.delay})
		}
	}
	return r
}

func (p *mockParser) response(v value.Value, path []string) []*answer {
	if !p.object(v, path, "a mocked response") {
		return nil
	}
	var list []*answer
	for calls, r := range v.Members() {
		path := slices.Concat(path, []string{calls})
		from, to, ok := parseCalls(calls)
		if !ok {
			p.problem(path, `%q is not the number of a call ("0") or a range of them ("1-2")`, calls)
			continue
		}
		if !p.object(r, path, "an answer") {
			continue
		}
		a := &answer{from: from, to: to}
		returns, throws := r.Has("Return"), r.Has("Throw")
		for k := range r.Members() {
			if k != "Return" && k != "Throw" {
				p.problem(slices.Concat(path, []string{k}), "unknown field %q; an answer has Return or Throw", k)
			}
		}
		switch {
		case returns && throws:
			p.problem(path, "an answer has either Return or Throw, not both")
		case throws:
			a.err = p.throw(r.Get("Throw"), slices.Concat(path, []string{"Throw"}))
		case returns:
			a.output = r.Get("Return")
		default:
			p.problem(path, "an answer has either Return or Throw")
		}
		list = append(list, a)
	}
	slices.SortStableFunc(list, func(a, b *answer) int { return a.from - b.from })
	for i := 1; i < len(list); i++ {
		if list[i].from <= list[i-1].to {
			p.problem(path, "the calls %s and %s overlap", list[i-1].calls(), list[i].calls())
		}
	}
	return list
}

func (p *mockParser) throw(v value.Value, path []string) *emulator.Error {
	if !p.object(v, path, "Throw") {
		return nil
	}
	for k, m := range v.Members() {
		switch {
		case k != "Error" && k != "Cause":
			p.problem(slices.Concat(path, []string{k}), "unknown field %q; Throw has Error and Cause", k)
		case !m.IsString() && !m.IsNull():
			p.problem(slices.Concat(path, []string{k}), "%s is not a string", k)
		}
	}
	name, cause := v.Get("Error"), v.Get("Cause")
	return stateError(name.Str(), name.IsString(), cause.Str(), cause.IsString())
}

// stateError makes an error of which parts may be missing. The service's own timeouts have
// a cause, but it is empty.
func stateError(name string, hasName bool, cause string, hasCause bool) *emulator.Error {
	return &emulator.Error{Name: name, NoName: !hasName, Cause: cause, NoCause: !hasCause && name != emulator.ErrorTimeout}
}

// parseCalls reads "3" or "1-2".
func parseCalls(s string) (from, to int, ok bool) {
	a, b, isRange := strings.Cut(s, "-")
	from, ok = parseCall(a)
	to = from
	if ok && isRange {
		to, ok = parseCall(b)
	}
	return from, to, ok && from <= to
}

func parseCall(s string) (int, bool) {
	if s == "" || s[0] == '+' || s[0] == '-' {
		return 0, false
	}
	n, err := strconv.Atoi(s)
	return n, err == nil && n < maxCalls
}
