// Package suite runs declarative tests of workflows and tells how much of the definitions
// they cover.
//
// A test file lies beside a definition and is named after what it tests: NAME.test.yaml,
// .test.yml or .test.json. It holds one case, or several under "cases"; what stands outside
// of them holds for all cases that do not say otherwise.
//
//	definition: workflow.asl.json    # a path from here; found by itself if there is only one
//	mocks:
//	  Charge:
//	    Return: {paid: true}
//	cases:
//	  - name: Paid at once
//	    input: {amount: 12}          # or inputFile: a path
//	    expect:
//	      output: {amount: 12, paid: true}
//	  - name: Declined
//	    input: {amount: 1000}
//	    mocks:
//	      Charge:
//	        - When: Payload.amount > 100
//	          Throw: {Error: Declined, Cause: too much}
//	        - Return: {paid: true}
//	    expect:
//	      error: Declined
//	      causeContains: much
//	      path: [Charge, Failed]
//	      assert:
//	        - $count($calls) = 1
//
// # Mocks
//
// The mocks of a state are given in one of three forms:
//
//   - an answer, {Return: RESULT} or {Throw: {Error, Cause}}, to all of its calls;
//   - an object of answers by the number of the call, as under MockedResponses in the mock
//     configuration of Step Functions Local: {"0": ..., "1-2": ...};
//   - a list of rules, of which the first one that holds answers, as under MatchedResponses
//     in a mock configuration: besides Return or Throw they have When (a JSONata predicate on
//     the parameters of the call), Item, Attempt and Call, and Seconds and Submitted. See
//     [calls.MockConfig].
//
// The mocks of a case replace those of the file, state by state. Besides them, responses
// names a mock configuration or a history, and testCase the test case in it. What a case
// says comes before what the file says, and mocks before responses. objects puts S3 objects
// in place, {"s3://bucket/key": content}, and answers the calls of the SDK integration of
// S3. A call that has no answer fails the case; mocks that were not given are reported.
//
// start is the time at which the execution begins, 2026-01-01T00:00:00Z if it is not given,
// and executionName its name.
//
// # Expectations
//
//	status                  SUCCEEDED if neither this nor an error or cause is given, else FAILED
//	output, outputContains  the whole output, or a part: members of objects may be left out
//	error, cause            of an execution that fails; also causeContains
//	path, pathContains      the states that are entered, or some of them in this order
//	assert                  JSONata expressions that must give true
//
// Assertions see $status, $output, $error, $cause, $input, $path, $history (the events as
// GetExecutionHistory gives them), $duration (seconds of virtual time) and $calls, a list of
// objects with state, resource, parameters, input, item (null outside of a Map),
// attempt, call, and output, or error and cause, where the call itself gave them.
//
// $path and path have the states of the execution itself, those inside of Parallel and
// inline Map states in the order in which they are entered; the child executions of a
// distributed Map have paths of their own and count for coverage only.
package suite
