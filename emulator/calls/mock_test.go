package calls_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/sfnkit/sfnkit/asl"
	"github.com/sfnkit/sfnkit/emulator/calls"
)

func TestMocks(t *testing.T) {
	c, err := calls.LoadMocks("testdata/mocks.json")
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "machines", c.Machines(), []string{"Orders", "Other"})
	equal(t, "test cases", c.TestCases("Orders"), []string{"Plain", "Retried"})
	for _, test := range []struct {
		machine, testCase, state string
		invocation               int
		want                     string
	}{
		{"Orders", "Plain", "Charge", 0, `{"StatusCode":200,"Payload":{"ok":true,"amount":1.50}}`},
		{"Orders", "Plain", "Charge", 1, `state "Charge", call 1 of ` + lambda + `: the mocked response "Charged" in testdata/mocks.json answers only the call 0; add "1": {"Return": {}} to it`},
		{"Orders", "Plain", "Notify", 0, `"sent"`},
		{"Orders", "Plain", "Ship", 0, `["next",{}]`},
		{"Orders", "Retried", "Charge", 0, `error {"Error":"Lambda.TooManyRequestsException","Cause":"slow down"}`},
		{"Orders", "Retried", "Charge", 1, `error {"Error":"Lambda.TooManyRequestsException","Cause":"slow down"}`},
		{"Orders", "Retried", "Charge", 2, `null`},
		{"Orders", "Retried", "Charge", 3, `state "Charge", call 3 of ` + lambda + `: the mocked response "ChargedLate" in testdata/mocks.json answers only the calls 0-1, 2; add "3": {"Return": {}} to it`},
		{"Orders", "Retried", "Notify", 0, `error {"Error":null,"Cause":null}`},
		{"Orders", "Retried", "Notify", 1, `error {"Error":"Mine","Cause":null}`},
		{"Orders", "Retried", "Notify", 2, `error {"Error":null,"Cause":"no name"}`},
		{"Orders", "Retried", "Notify", 3, `error {"Error":"States.Timeout","Cause":""}`},
		{"Orders", "Retried", "Notify", 4, `error {"Error":"","Cause":""}`},
		{"Other", "", "Charge", 0, `["next",{}]`},
	} {
		r, err := c.Responses(test.machine, test.testCase)
		if err != nil {
			t.Fatal(err)
		}
		got := call(t, calls.Recorded(r, echo), request(test.state, lambda, "{}", test.invocation))
		equal(t, test.testCase+"/"+test.state, got, test.want)
	}
	r, _ := c.Responses("Orders", "Plain")
	equal(t, "no next", call(t, calls.Recorded(r, nil), request("Ship", lambda, "{}", 0)),
		`state "Ship", call 0 of `+lambda+`: there is no response for this state; give one in a mock configuration: `+
			`"TestCases": {"...": {"Ship": "Answer"}} and "MockedResponses": {"Answer": {"0": {"Return": {}}}}`)
}

func TestMocksUnused(t *testing.T) {
	c, err := calls.LoadMocks("testdata/mocks.json")
	if err != nil {
		t.Fatal(err)
	}
	r, _ := c.Responses("Orders", "Retried")
	equal(t, "before", r.Unused(), []string{"Charge", "Notify"})
	m := calls.Recorded(r, nil)
	var wg sync.WaitGroup
	for i := range 2 {
		wg.Go(func() { call(t, m, request("Charge", lambda, "{}", i)) })
	}
	wg.Wait()
	equal(t, "after", r.Unused(), []string{"Charge call 2", "Notify"})
	plain, _ := c.Responses("Orders", "Plain")
	equal(t, "the other test case", plain.Unused(), []string{"Charge", "Notify"})
}

func TestMocksCheck(t *testing.T) {
	c, err := calls.LoadMocks("testdata/mocks.json")
	if err != nil {
		t.Fatal(err)
	}
	r, _ := c.Responses("Orders", "Plain")
	m, err := asl.Parse([]byte(`{"StartAt": "Charge", "States": {
	  "Charge": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Next": "Each"},
	  "Each": {"Type": "Map", "End": true, "ItemProcessor": {"StartAt": "Notify", "States": {"Notify": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": true}}}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "all there", r.Check(m), nil)
	m, err = asl.Parse([]byte(`{"StartAt": "Charge", "States": {
	  "Charge": {"Type": "Pass", "Next": "Bill"}, "Bill": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": true}}}`))
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "wrong names", r.Check(m), `Plain: state "Charge" is not a Task, there is no state "Notify"; the definition's Task states are "Bill"`)
}

func TestMockProblems(t *testing.T) {
	const responses = `"MockedResponses": {"R": {"0": {"Return": 1}}}`
	for _, test := range []struct{ text, want string }{
		{`{`, `f.json:1:2: `},
		{"{\n  \"é\": tru}", `f.json:2:8: `},
		{`[]`, `f.json:1:1: a mock configuration is not an object`},
		{`{}`, `f.json:1:1: there are no StateMachines`},
		{`{"StateMachines": {}, "MockedResponse": {}}`, `f.json:1:23: unknown field "MockedResponse"; a mock configuration has StateMachines, MockedResponses and MatchedResponses at /MockedResponse`},
		{`{"StateMachines": {"M": {}}}`, `f.json:1:20: there are no TestCases at /StateMachines/M`},
		{"{\"StateMachines\": {\"M\": {\"TestCases\": {\"A\": {\n \"S/1\": \"X\"}}}}, " + responses + "}", `f.json:2:2: there is no mocked response "X" at /StateMachines/M/TestCases/A/S~11`},
		{`{"StateMachines": {"M": {"TestCases": {"A": {"S": {}}}}}}`, `f.json:1:46: the response of a state must be given by its name under MockedResponses or MatchedResponses at /StateMachines/M/TestCases/A/S`},
		{`{"StateMachines": {}, "MockedResponses": {"R": {"first": {"Return": 1}}}}`, `f.json:1:49: "first" is not the number of a call ("0") or a range of them ("1-2") at /MockedResponses/R/first`},
		{`{"StateMachines": {}, "MockedResponses": {"R": {"2-1": {"Return": 1}}}}`, `f.json:1:49: "2-1" is not the number`},
		{`{"StateMachines": {}, "MockedResponses": {"R": {"99999999999": {"Return": 1}}}}`, `f.json:1:49: "99999999999" is not the number`},
		{`{"StateMachines": {}, "MockedResponses": {"R": {"0": {"Return": 1, "Throw": {}}}}}`, `f.json:1:49: an answer has either Return or Throw, not both at /MockedResponses/R/0`},
		{`{"StateMachines": {}, "MockedResponses": {"R": {"0": {"return": 1}}}}`, `f.json:1:55: unknown field "return"; an answer has Return or Throw at /MockedResponses/R/0/return` + "\n" + `f.json:1:49: an answer has either Return or Throw at /MockedResponses/R/0`},
		{`{"StateMachines": {}, "MatchedResponses": {"R": [` + strings.Repeat("1,\n", 25) + `1]}}`, `f.json:1:50: a rule is not an object at /MatchedResponses/R/0` + "\n" + `f.json:2:1: `},
		{`{"StateMachines": {}, "MockedResponses": {"R": {"0": {"Throw": {"Error": 1}}}}}`, `f.json:1:65: Error is not a string at /MockedResponses/R/0/Throw/Error`},
		{`{"StateMachines": {}, "MockedResponses": {"R": {"0-2": {"Return": 1}, "2": {"Return": 1}}}}`, `f.json:1:43: the calls 0-2 and 2 overlap at /MockedResponses/R`},
		{"{\"StateMachines\": {}, \"MatchedResponses\": {\"R\": {\"a\": {\"Return\": 1}}}}", `f.json:1:44: a matched response is not a list of rules at /MatchedResponses/R`},
		{"{\"StateMachines\": {}, \"MatchedResponses\": {\"R\": [1]}}", `f.json:1:50: a rule is not an object at /MatchedResponses/R/0`},
		{"{\"StateMachines\": {}, \"MatchedResponses\": {\"R\": [{\"Return\": 1}, {}]}}", `f.json:1:65: a rule has one of Return, Throw and Wait at /MatchedResponses/R/1`},
		{"{\"StateMachines\": {}, \"MatchedResponses\": {\"R\": [{\"Return\": 1, \"Throw\": {}}]}}", `f.json:1:50: a rule has one of Return, Throw and Wait at /MatchedResponses/R/0`},
		{"{\"StateMachines\": {}, \"MatchedResponses\": {\"R\": [{\"Return\": 1},\n{\"Return\": 1, \"if\": 1}]}}", `f.json:2:15: unknown field "if"; a rule has When, Item, Attempt, Call, Submitted, Seconds, and one of Return, Throw and Wait at /MatchedResponses/R/1/if`},
		{"{\"StateMachines\": {}, \"MatchedResponses\": {\"R\": [{\"Return\": 1, \"When\": \"a =\"}]}}", `f.json:1:64: S0207: Unexpected end of expression (before character 4) at /MatchedResponses/R/0/When`},
		{"{\"StateMachines\": {}, \"MatchedResponses\": {\"R\": [{\"Return\": 1, \"When\": true}]}}", `f.json:1:64: When is not a string with a JSONata expression`},
		{"{\"StateMachines\": {}, \"MatchedResponses\": {\"R\": [{\"Return\": 1, \"When\": \"$inpt.a = 1\"}]}}", `f.json:1:64: there is no variable $inpt; a predicate has $parameters, $input, $item, $attempt, $call, $execution at /MatchedResponses/R/0/When`},
		{"{\"StateMachines\": {}, \"MatchedResponses\": {\"R\": [{\"Return\": 1, \"Item\": -1}]}}", `f.json:1:64: Item is not a number from 0 (2) or a range of them ("1-2")`},
		{"{\"StateMachines\": {}, \"MatchedResponses\": {\"R\": [{\"Return\": 1, \"Attempt\": \"2-1\"}]}}", `f.json:1:64: Attempt is not a number`},
		{"{\"StateMachines\": {}, \"MatchedResponses\": {\"R\": [{\"Return\": 1, \"Call\": 1.5}]}}", `f.json:1:64: Call is not a number`},
		{"{\"StateMachines\": {}, \"MatchedResponses\": {\"R\": [{\"Return\": 1, \"Seconds\": -1}]}}", `f.json:1:64: Seconds is not a number from 0 to 99999999`},
		{"{\"StateMachines\": {}, \"MatchedResponses\": {\"R\": [{\"Wait\": 1}]}}", `f.json:1:51: Wait is not true`},
		{"{\"StateMachines\": {}, \"MatchedResponses\": {\"R\": [{\"Wait\": true, \"Seconds\": 1}]}}", `f.json:1:50: a rule has either Wait or Seconds, not both`},
		{"{\"StateMachines\": {}, \"MatchedResponses\": {\"R\": [{\"Throw\": {\"Err\": \"E\"}}]}}", `f.json:1:61: unknown field "Err"; Throw has Error and Cause at /MatchedResponses/R/0/Throw/Err`},
		{`{"StateMachines": {}, "MockedResponses": {"R": {}}, "MatchedResponses": {"R": []}}`, `f.json:1:74: there is a mocked response "R" already at /MatchedResponses/R`},
	} {
		_, err := calls.ParseMocks("f.json", []byte(test.text))
		if err == nil || !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("%s\n got %v\nwant %s", test.text, err, test.want)
		}
	}
	_, err := calls.ParseMocks("f.json", []byte(`{"StateMachines": {}, "MatchedResponses": {"R": [`+strings.Repeat("1,", 24)+`1]}}`))
	if lines := strings.Split(fmt.Sprint(err), "\n"); len(lines) != 21 || lines[20] != "f.json: and 5 more" {
		t.Error(err)
	}
	c, err := calls.LoadMocks("testdata/mocks.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ machine, testCase, want string }{
		{"", "", `testdata/mocks.json: which state machine is meant must be said: there is "Orders", "Other"`},
		{"Order", "", `testdata/mocks.json: no state machine "Order": there is "Orders", "Other"`},
		{"Orders", "", `testdata/mocks.json: which test case is meant must be said: there is "Plain", "Retried"`},
		{"Orders", "Late", `testdata/mocks.json: no test case "Late": there is "Plain", "Retried"`},
	} {
		_, err := c.Responses(test.machine, test.testCase)
		equal(t, test.machine+"#"+test.testCase, err, test.want)
	}
}

func FuzzParseMocks(f *testing.F) {
	f.Add(`{"StateMachines": {"M": {"TestCases": {"A": {"S": "R"}}}}, "MockedResponses": {"R": {"0-1": {"Return": 1}, "2": {"Throw": {"Error": "E"}}}}}`)
	f.Add(`{"StateMachines": {"M": {"TestCases": []}}, "x": {"y": 1}}`)
	f.Add(`{"StateMachines": {"M": {"TestCases": {"A": {"S": "R"}}}}, "MatchedResponses": {"R": [{"When": "$item < 2", "Call": "0-1", "Return": 1}, {"Seconds": 1, "Throw": {}}]}}`)
	f.Fuzz(func(t *testing.T, text string) {
		c, err := calls.ParseMocks("f", []byte(text))
		if err != nil {
			if err.Error() == "" {
				t.Error("an error without a text")
			}
			return
		}
		for _, m := range c.Machines() {
			for _, tc := range c.TestCases(m) {
				r, err := c.Responses(m, tc)
				if err != nil && m != "" && tc != "" {
					t.Error(err)
				}
				if err != nil {
					continue
				}
				for _, s := range r.States() {
					call(t, calls.Recorded(r, nil), request(s, lambda, "{}", 0))
				}
			}
		}
	})
}
