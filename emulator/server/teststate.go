package server

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"github.com/sfnkit/sfnkit/asl"
	"github.com/sfnkit/sfnkit/asl/value"
	"github.com/sfnkit/sfnkit/emulator"
)

// testedState is the name that the service gives to a state that is tested without a
// state machine around it.
const testedState = "StateName"

func invalid(text string) error { return failure("ValidationException", "%s", text) }

// testDefinition reads the definition of a TestState request. A single state gets a state
// machine around it, in which the states that it names are missing.
func (s *Server) testDefinition(in *sfn.TestStateInput) (*asl.StateMachine, *asl.State, error) {
	text, name := *in.Definition, aws.ToString(in.StateName)
	opts := s.validation(asl.Standard)
	if name == "" {
		// It is read on its own first: what is not one value could close the object around it.
		if _, err := value.ParseString(text); err != nil {
			_, found := s.diagnose(text, types.StateMachineTypeStandard)
			return nil, nil, invalidDefinition(errorTexts(found))
		}
		name = testedState
		text = `{"StartAt":"` + testedState + `","States":{"` + testedState + `":` + text + `}}`
		opts = append(opts, asl.Disable(asl.CodeMissingTarget, asl.CodeMissingEnd))
	}
	def, err := asl.Parse([]byte(text), asl.WithFormat(asl.FormatJSON))
	var found asl.Diagnostics
	if err == nil {
		found = asl.Validate(def, opts...)
	} else if !errors.As(err, &found) || len(found) == 0 {
		found = asl.Diagnostics{{Severity: asl.SeverityError, Code: asl.CodeInvalidJSON, Message: err.Error()}}
	} else {
		found = found[:1]
	}
	if in.StateName != nil && findState(def, name) == nil {
		return nil, nil, invalid("State not found in definition")
	}
	if texts := errorTexts(found); texts != nil {
		return nil, nil, invalidDefinition(texts)
	}
	state := findState(def, name)
	if state == nil {
		return nil, nil, invalid("State not found in definition")
	}
	return def, state, nil
}

// findState finds a state by its name, also inside Parallel and Map states.
func findState(def *asl.StateMachine, name string) *asl.State {
	if def == nil {
		return nil
	}
	for _, s := range def.States {
		if s.Name == name {
			return s
		}
		for _, inner := range append([]*asl.StateMachine{s.ItemProcessor, s.Iterator}, s.Branches...) {
			if got := findState(inner, name); got != nil {
				return got
			}
		}
	}
	return nil
}

// checkMock judges the mock of a request, and reads it. Its texts are recorded, those about
// what is missing in a mock and about states that a field is not for 2026-09 (published in
// github.com/radkawar/stackd), the others from 2025-12 to 2026-03.
func checkMock(in *sfn.TestStateInput, s *asl.State) (result value.Value, fails *emulator.Error, err error) {
	m, c := in.Mock, in.StateConfiguration
	parts := s.Type == asl.TypeMap || s.Type == asl.TypeParallel
	counted := c != nil && c.MapIterationFailureCount != nil
	if m == nil {
		switch {
		case in.Context != nil: // documented; the words are those for other fields
			return result, nil, invalid("TestState does not support Context when a mock is not specified.")
		case counted:
			return result, nil, invalid("TestState does not support MapIterationFailureCount when a mock is not specified.")
		case parts:
			return result, nil, failure("InvalidDefinition", "TestState API does not support Map or Parallel states. Supported state types include: [Task, Wait, Pass, Succeed, Fail, Choice]")
		case s.Type == asl.TypeTask && in.RoleArn == nil:
			return result, nil, invalid("RoleArn must be specified when testing a Task state")
		}
		return result, nil, nil
	}
	switch {
	case m.Result != nil && m.ErrorOutput != nil:
		return result, nil, invalid("A test mock should have only one of the following fields: [result, errorOutput].")
	case m.Result == nil && m.ErrorOutput == nil:
		return result, nil, invalid("One of the following fields is required for a test mock: [result, errorOutput].")
	case m.ErrorOutput != nil && m.ErrorOutput.Error == nil:
		return result, nil, invalid("An error was not specified in the mocked error output.")
	case in.RevealSecrets:
		return result, nil, invalid("TestState does not support RevealSecrets when a mock is specified.")
	case s.Type != asl.TypeTask && !parts:
		return result, nil, invalid("State type '" + string(s.Type) + "' is not supported when a mock is specified")
	case counted && s.Type != asl.TypeMap:
		return result, nil, invalid("MapIterationFailureCount is only supported when testing a Map state.")
	case s.Type == asl.TypeMap && s.ItemReader != nil && (c == nil || c.MapItemReaderData == nil):
		return result, nil, invalid("ItemReader data must be specified when testing a Map state with ItemReader specified.")
	case m.ErrorOutput != nil:
		e := m.ErrorOutput
		return result, &emulator.Error{Name: *e.Error, Cause: aws.ToString(e.Cause), NoCause: e.Cause == nil}, nil
	}
	if result, err = value.ParseString(*m.Result); err != nil {
		return result, nil, invalid("Mocked result must be valid JSON")
	}
	switch {
	case s.Type == asl.TypeTask:
		if r := asl.ParseResource(s.Resource); !result.IsObject() && answersObject(r) {
			return result, nil, invalid("Mocked result must be a valid JSON object.")
		}
		if m.FieldValidationMode != types.MockResponseValidationModeNone {
			err = checkResult(asl.ParseResource(s.Resource), string(m.FieldValidationMode), result)
		}
	case s.Type == asl.TypeMap && s.ResultWriter != nil:
		if !result.IsObject() {
			err = invalid("Mocked result must be a JSON object.")
		}
	case !result.IsArray():
		err = invalid("Mocked result must be an array.")
	case s.Type == asl.TypeParallel && result.Len() != len(s.Branches):
		err = invalid("Mocked result must contain the same number of items as number of Parallel branches.")
	}
	return result, nil, err
}

// answersObject reports whether the result of a task is an object whatever is called. What
// a function or a worker returns can be anything.
func answersObject(r asl.Resource) bool {
	return (r.Kind == asl.Optimized || r.Kind == asl.SDK) && r.Pattern != asl.WaitForTaskToken
}

// contextFields are the fields that a context object of a request may have.
var contextFields = map[string][]string{
	"Execution":    {"Id", "Input", "Name", "RoleArn", "StartTime", "RedriveCount", "RedriveTime"},
	"State":        {"EnteredTime", "Name", "RetryCount"},
	"StateMachine": {"Id", "Name"},
	"Task":         {"Token"},
}

func checkContext(text string, s *asl.State) (value.Value, error) {
	bad := func(text string) error { return invalid("Invalid Context object provided: " + text) }
	v, err := value.ParseString(text)
	if err != nil || !v.IsObject() {
		return v, bad("Context object must be a valid JSON object")
	}
	for k, part := range v.Members() {
		allowed, ok := contextFields[k]
		switch {
		case k == "Map":
			return v, bad("'Map' field is not supported when mocking a Context object")
		case !ok:
			return v, bad("Field '" + k + "' is not allowed")
		case !part.IsObject():
			return v, bad("Field '" + k + "' must be an object")
		}
		for f := range part.Members() {
			if !contains(allowed, f) {
				return v, bad("Field '" + f + "' is not allowed")
			}
		}
		if k == "Task" {
			if p := asl.ParseResource(s.Resource).Pattern; s.Type != asl.TypeTask || p == asl.RequestResponse {
				return v, bad("Context object contains 'Task' when state is not a Task state with a '.sync' or '.waitForTaskToken' service integration pattern")
			}
		}
	}
	return v, nil
}

func (s *Server) testState(ctx context.Context, in *sfn.TestStateInput) (*sfn.TestStateOutput, error) {
	if err := checkRole(in.RoleArn); err != nil {
		return nil, err
	}
	def, state, err := s.testDefinition(in)
	if err != nil {
		return nil, err
	}
	result, fails, err := checkMock(in, state)
	if err != nil {
		return nil, err
	}
	test := emulator.StateTest{Input: value.EmptyObject, Now: s.engine.Now(), Result: result, Error: fails, Sources: sources(), NewMembers: s.opts.NewMembers}
	if in.Input != nil {
		if test.Input, err = value.ParseString(*in.Input); err != nil {
			return nil, failure("InvalidExecutionInput", "Invalid State Machine Execution Input: '%s'", inputProblem(*in.Input))
		}
	}
	if in.Variables != nil {
		if test.Variables, err = value.ParseString(*in.Variables); err != nil || !test.Variables.IsObject() {
			return nil, invalid("Variables must be a valid JSON object")
		}
	}
	if in.Context != nil {
		if test.Context, err = checkContext(*in.Context, state); err != nil {
			return nil, err
		}
	}
	if c := in.StateConfiguration; c != nil {
		if n := c.RetrierRetryCount; n != nil {
			test.Retries = int64(*n)
		}
		if n := c.MapIterationFailureCount; n != nil {
			test.FailedIterations, test.JudgesIterations = int64(*n), true
		}
		test.ItemReaderData = aws.ToString(c.MapItemReaderData)
		if s.opts.Store != nil {
			test.Open = func(bucket, key string) (io.ReadCloser, error) {
				body, _, err := s.opts.Store.Get(ctx, bucket, key)
				return body, err
			}
		}
		if n := c.ErrorCausedByState; n != nil {
			if findState(def, *n) == nil { // unrecorded: the text is that for stateName
				return nil, invalid("State not found in definition")
			}
			test.ErrorSource = *n
		}
	}
	machine, err := emulator.CompileState(def)
	if err != nil {
		return nil, invalidDefinition([]string{"SCHEMA_VALIDATION_FAILED: " + err.Error()})
	}
	id, name := newUUID(), newUUID()
	test.Info = emulator.Info{
		ARN: s.prefix + "express:" + id + ":" + name, Name: name, RoleARN: aws.ToString(in.RoleArn), StateMachineARN: s.prefix + "stateMachine:" + id,
		StateMachineName: id, Region: s.opts.Region, Account: s.opts.Account, Partition: s.opts.Partition, Express: true,
	}
	got, ok := machine.TestState(state.Name, test)
	if !ok {
		return nil, invalid("State not found in definition")
	}
	if got.Request != nil && in.Mock == nil {
		if err := s.callTested(ctx, got.Request, &test); err != nil {
			return nil, err
		}
		got, _ = machine.TestState(state.Name, test)
	}
	if got.Refused != "" {
		return nil, invalid(got.Refused)
	}
	return s.tested(in, state, &test, got), nil
}

// callTested makes the call of a Task state that is tested without a mock.
func (s *Server) callTested(ctx context.Context, req *emulator.Request, test *emulator.StateTest) error {
	r := req.Resource
	if r.Pattern != asl.RequestResponse || r.Kind == asl.ActivityARN {
		return failure("InvalidDefinition", "TestState does not support activities and the service integration patterns .sync and .waitForTaskToken when a mock is not specified.")
	}
	answer, err := s.single.Call(ctx, req)
	var e *emulator.Error
	switch {
	case err == nil:
		test.Result = answer.Output
	case errors.As(err, &e):
		test.Error = e
	default:
		test.Error = emulator.NewError(emulator.ErrorTaskFailed, err.Error())
	}
	return nil
}

func sources() emulator.Sources {
	id := newUUID()
	seed := binary.BigEndian.Uint64([]byte(id))
	return emulator.Sources{Rand: rand.New(rand.NewPCG(seed, seed)), UUID: newUUID}
}

// tested is the answer of the API.
func (s *Server) tested(in *sfn.TestStateInput, state *asl.State, test *emulator.StateTest, r *emulator.StateResult) *sfn.TestStateOutput {
	out := &sfn.TestStateOutput{Status: types.TestExecutionStatus(r.Status), NextState: ref(r.Next)}
	texts := givenTexts{{test.Input, aws.ToString(in.Input)}}
	if in.Mock != nil && in.Mock.Result != nil {
		texts = append(texts, givenText{test.Result, *in.Mock.Result})
	}
	if r.Status == emulator.StateSucceeded || r.Status == emulator.StateCaught {
		out.Output = texts.of(r.Output)
		if r.Status == emulator.StateSucceeded && !state.Output.IsAbsent() { // an expression, even if it is just $states.input
			out.Output = givenTexts(nil).of(r.Output)
		}
	}
	if r.Error != nil {
		out.Error, out.Cause = optional(r.Error.Name, r.Error.NoName), optional(r.Error.Cause, r.Error.NoCause)
	}
	if in.InspectionLevel == "" || in.InspectionLevel == types.InspectionLevelInfo {
		return out
	}
	i := &r.Inspection
	number := func(v value.Value) *int32 {
		if v.IsAbsent() {
			return nil
		}
		return aws.Int32(int32(v.Float64()))
	}
	d := &types.InspectionData{
		Input: texts.of(i.Input), AfterInputPath: texts.of(i.AfterInputPath), AfterParameters: texts.of(i.AfterParameters),
		AfterArguments: texts.of(i.AfterArguments), AfterItemsPath: listText(i.AfterItemsPath), AfterItemsPointer: texts.of(i.AfterItemsPointer),
		AfterItemSelector: listText(i.AfterItemSelector), AfterItemBatcher: listText(i.AfterItemBatcher),
		Result: texts.of(i.Result), AfterResultSelector: texts.of(i.AfterResultSelector), AfterResultPath: texts.of(i.AfterResultPath),
		Variables: texts.of(i.Variables), MaxConcurrency: number(i.MaxConcurrency), ToleratedFailureCount: number(i.ToleratedFailureCount),
	}
	if v := i.ToleratedFailurePercentage; !v.IsAbsent() {
		d.ToleratedFailurePercentage = aws.Float32(float32(v.Float64()))
	}
	if e := (types.InspectionErrorDetails{CatchIndex: number(i.CatchIndex), RetryIndex: number(i.RetryIndex), RetryBackoffIntervalSeconds: number(i.RetryBackoffSeconds)}); e.CatchIndex != nil || e.RetryIndex != nil {
		d.ErrorDetails = &e
	}
	// With a mock no request is sent that could be shown.
	if in.InspectionLevel == types.InspectionLevelTrace && in.Mock == nil && isHTTPTask(state) && r.Request != nil {
		d.Request, d.Response = s.httpRequest(r.Request.Parameters), httpResponse(r.Request.Parameters, test)
	}
	out.InspectionData = d
	return out
}

// givenTexts are values as the request wrote them. The service shows those texts, white
// space included, wherever nothing was done with the value.
type givenTexts []givenText

type givenText struct {
	value value.Value
	text  string
}

func (g givenTexts) of(v value.Value) *string {
	if v.IsAbsent() {
		return nil
	}
	for _, t := range g {
		if v.Len() > 0 && value.Same(v, t.value) && t.text != "" {
			return &t.text
		}
	}
	text := v.JSON()
	return &text
}

// listText is how the service writes the lists of a Map state: the texts of the elements,
// each without white space, with ", " between them.
func listText(v value.Value) *string {
	if !v.IsArray() {
		return givenTexts(nil).of(v)
	}
	var b strings.Builder
	b.WriteByte('[')
	for i, e := range v.Elems() {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(e.JSON())
	}
	b.WriteByte(']')
	return aws.String(b.String())
}
