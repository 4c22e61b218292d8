package server

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"
)

func TestParseFault(t *testing.T) {
	for text, want := range map[string]struct {
		fault Fault
		err   string // the beginning
	}{
		"StartExecution:ThrottlingException×3":     {Fault{Operation: "StartExecution", Error: "ThrottlingException", Times: 3}, ""},
		"CreateActivity:KmsAccessDeniedException":  {Fault{Operation: "CreateActivity", Error: "KmsAccessDeniedException"}, ""},
		"*:ServiceUnavailable*2":                   {Fault{Operation: "*", Error: "ServiceUnavailable", Times: 2}, ""},
		"*:KmsThrottlingException":                 {Fault{Operation: "*", Error: "KmsThrottlingException"}, ""},
		"StartExecution":                           {Fault{}, `fault "StartExecution" is not of the form Operation:Error*N`},
		"StartExecution:ThrottlingException*0":     {Fault{}, `fault "StartExecution:ThrottlingException*0": "0" is not a number of calls`},
		"Start:ThrottlingException":                {Fault{}, `fault "Start:ThrottlingException": there is no operation "Start", but * for all, CreateActivity, CreateStateMachine, `},
		"ListActivities:TaskTimedOut":              {Fault{}, `fault "ListActivities:TaskTimedOut": ListActivities does not fail with "TaskTimedOut", but with InvalidToken, or like all with AccessDeniedException, `},
		"*:Sorrow":                                 {Fault{}, `fault "*:Sorrow": no operation fails with "Sorrow", but some with ActivityAlreadyExists, `},
		"StopExecution:InternalFailure: Too late*": {Fault{}, `fault "StopExecution:InternalFailure: Too late*": "" is not a number of calls`},
	} {
		f, err := ParseFault(text)
		if want.err == "" && (err != nil || f != want.fault) || want.err != "" && (err == nil || !strings.HasPrefix(err.Error(), want.err)) {
			t.Errorf("%s: %+v, %v", text, f, err)
		}
		if _, e := New(Options{Faults: []Fault{f}}); want.err == "" && e != nil {
			t.Errorf("%s: %v", text, e)
		}
	}
	if _, err := New(Options{Faults: []Fault{{Operation: "Start", Error: "InternalFailure"}}}); err == nil {
		t.Error("a server takes a fault of an operation that there is not")
	}
}

// Faults follow each other, and clients know the errors by type, members and status.
func TestFaults(t *testing.T) {
	const machine = "arn:aws:states:us-east-1:123456789012:stateMachine:m"
	s, url := listen(t, Options{Faults: []Fault{
		{Operation: "DescribeStateMachine", Error: "KmsInvalidStateException", Times: 1},
		{Operation: "DescribeStateMachine", Error: "AccessDeniedException", Times: 1},
		{Operation: "*", Error: "KmsThrottlingException", Times: 1},
		{Operation: "*", Error: "ServiceUnavailable", Message: "come back later", Times: 1},
		{Operation: "TagResource", Error: "ResourceNotFound"},
	}})
	client := sfn.New(sfn.Options{BaseEndpoint: &url, Region: "us-east-1", Retryer: aws.NopRetryer{},
		Credentials: aws.AnonymousCredentials{}})
	describe := func() error {
		_, err := client.DescribeStateMachine(context.Background(), &sfn.DescribeStateMachineInput{StateMachineArn: aws.String(machine)})
		return err
	}
	contains := func(err error, texts ...string) {
		t.Helper()
		for _, text := range texts {
			if err == nil || !strings.Contains(err.Error(), text) {
				t.Errorf("got %v, not %s", err, text)
			}
		}
	}
	var state *types.KmsInvalidStateException
	if err := describe(); !errors.As(err, &state) || state.KmsKeyState != types.KmsKeyStateDisabled || !strings.Contains(state.ErrorMessage(), " is disabled. (Service: Kms, ") {
		t.Errorf("got %v", err)
	}
	contains(describe(), "StatusCode: 400", "AccessDeniedException: User: arn:aws:iam::123456789012:user/client is not authorized to perform: states:DescribeStateMachine on resource: "+machine+" ")
	// An operation that cannot have an error is not hit by it.
	_, err := client.ListStateMachines(context.Background(), &sfn.ListStateMachinesInput{})
	contains(err, "StatusCode: 503", "ServiceUnavailable: come back later")
	var throttled *types.KmsThrottlingException
	if err := describe(); !errors.As(err, &throttled) {
		t.Errorf("got %v", err)
	}
	contains(describe(), "State Machine Does Not Exist: '"+machine+"'")
	for range 2 {
		_, err := client.TagResource(context.Background(), &sfn.TagResourceInput{ResourceArn: aws.String(machine), Tags: []types.Tag{}})
		var none *types.ResourceNotFound
		if !errors.As(err, &none) || aws.ToString(none.ResourceName) != machine {
			t.Errorf("got %v", err)
		}
	}
	if n := len(s.machines.list); n != 0 {
		t.Errorf("%d state machines", n)
	}
}
