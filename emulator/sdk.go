package emulator

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"
)

// SDK returns the event as GetExecutionHistory gives it. Without data, inputs, outputs and
// variables are left out and nothing is said of whether they are complete, as the API does
// for includeExecutionData=false; errors and causes are shown all the same (recorded
// 2026-09, published in github.com/radkawar/stackd).
func (e *Event) SDK(data bool) types.HistoryEvent {
	h := types.HistoryEvent{
		Id:              int64(e.ID),
		PreviousEventId: int64(e.PreviousID),
		Type:            eventNames[e.Type],
		Timestamp:       aws.Time(time.UnixMilli(e.Time).UTC()),
	}
	d := e.detail()
	text := func() *string {
		if !data || e.Value.IsAbsent() && d.Text == "" {
			return nil
		}
		return aws.String(e.Text())
	}
	var shown *types.HistoryEventExecutionDataDetails
	if data {
		shown = &types.HistoryEventExecutionDataDetails{}
	}
	var name, cause *string
	if d.Error != nil {
		if d.Error.Name != "" {
			name = &d.Error.Name
		}
		if d.Error.Cause != "" {
			cause = &d.Error.Cause
		}
	}
	optional := func(s string) *string {
		if s == "" {
			return nil
		}
		return aws.String(s)
	}
	seconds := func(n int64) *int64 {
		if n == 0 {
			return nil
		}
		return aws.Int64(n)
	}
	credentials := func() *types.TaskCredentials {
		if d.RoleARN == "" {
			return nil
		}
		return &types.TaskCredentials{RoleArn: aws.String(d.RoleARN)}
	}
	iteration := func() *types.MapIterationEventDetails {
		return &types.MapIterationEventDetails{Name: aws.String(e.Name), Index: e.Index}
	}
	resource, resourceType := aws.String(d.Resource), aws.String(d.ResourceType)

	switch e.Type {
	case ExecutionStarted:
		h.ExecutionStartedEventDetails = &types.ExecutionStartedEventDetails{
			Input: text(), InputDetails: shown, RoleArn: optional(e.Name),
		}
	case ExecutionSucceeded:
		h.ExecutionSucceededEventDetails = &types.ExecutionSucceededEventDetails{Output: text(), OutputDetails: shown}
	case ExecutionFailed:
		h.ExecutionFailedEventDetails = &types.ExecutionFailedEventDetails{Error: name, Cause: cause}
	case ExecutionAborted:
		h.ExecutionAbortedEventDetails = &types.ExecutionAbortedEventDetails{Error: name, Cause: cause}
	case ExecutionTimedOut:
		h.ExecutionTimedOutEventDetails = &types.ExecutionTimedOutEventDetails{Error: name, Cause: cause}
	case ExecutionRedriven:
		h.ExecutionRedrivenEventDetails = &types.ExecutionRedrivenEventDetails{RedriveCount: aws.Int32(d.Count)}
	case TaskStateEntered, PassStateEntered, ChoiceStateEntered, WaitStateEntered, SucceedStateEntered,
		FailStateEntered, ParallelStateEntered, MapStateEntered:
		h.StateEnteredEventDetails = &types.StateEnteredEventDetails{Name: aws.String(e.Name), Input: text(), InputDetails: shown}
	case TaskStateExited, PassStateExited, ChoiceStateExited, WaitStateExited, SucceedStateExited,
		ParallelStateExited, MapStateExited:
		x := &types.StateExitedEventDetails{Name: aws.String(e.Name), Output: text(), OutputDetails: shown}
		if data && d.Assigned.IsObject() {
			x.AssignedVariablesDetails = &types.AssignedVariablesDetails{}
			x.AssignedVariables = make(map[string]string, d.Assigned.Len())
			for k, v := range d.Assigned.Members() {
				x.AssignedVariables[k] = v.JSON()
			}
		}
		h.StateExitedEventDetails = x
	case MapStateStarted:
		h.MapStateStartedEventDetails = &types.MapStateStartedEventDetails{Length: e.Index}
	case MapIterationStarted:
		h.MapIterationStartedEventDetails = iteration()
	case MapIterationSucceeded:
		h.MapIterationSucceededEventDetails = iteration()
	case MapIterationFailed:
		h.MapIterationFailedEventDetails = iteration()
	case MapIterationAborted:
		h.MapIterationAbortedEventDetails = iteration()
	case MapRunStarted:
		h.MapRunStartedEventDetails = &types.MapRunStartedEventDetails{MapRunArn: aws.String(d.ARN)}
	case MapRunFailed:
		h.MapRunFailedEventDetails = &types.MapRunFailedEventDetails{Error: name, Cause: cause}
	case MapRunRedriven:
		h.MapRunRedrivenEventDetails = &types.MapRunRedrivenEventDetails{MapRunArn: aws.String(d.ARN), RedriveCount: aws.Int32(d.Count)}
	case TaskScheduled:
		h.TaskScheduledEventDetails = &types.TaskScheduledEventDetails{
			Resource: resource, ResourceType: resourceType, Region: aws.String(d.Region), Parameters: text(),
			TimeoutInSeconds: seconds(d.Timeout), HeartbeatInSeconds: seconds(d.Heartbeat), TaskCredentials: credentials(),
		}
	case TaskStarted:
		h.TaskStartedEventDetails = &types.TaskStartedEventDetails{Resource: resource, ResourceType: resourceType}
	case TaskStartFailed:
		h.TaskStartFailedEventDetails = &types.TaskStartFailedEventDetails{Resource: resource, ResourceType: resourceType, Error: name, Cause: cause}
	case TaskSubmitted:
		h.TaskSubmittedEventDetails = &types.TaskSubmittedEventDetails{Resource: resource, ResourceType: resourceType, Output: text(), OutputDetails: shown}
	case TaskSubmitFailed:
		h.TaskSubmitFailedEventDetails = &types.TaskSubmitFailedEventDetails{Resource: resource, ResourceType: resourceType, Error: name, Cause: cause}
	case TaskSucceeded:
		h.TaskSucceededEventDetails = &types.TaskSucceededEventDetails{Resource: resource, ResourceType: resourceType, Output: text(), OutputDetails: shown}
	case TaskFailed:
		h.TaskFailedEventDetails = &types.TaskFailedEventDetails{Resource: resource, ResourceType: resourceType, Error: name, Cause: cause}
	case TaskTimedOut:
		h.TaskTimedOutEventDetails = &types.TaskTimedOutEventDetails{Resource: resource, ResourceType: resourceType, Error: name, Cause: cause}
	case LambdaFunctionScheduled:
		h.LambdaFunctionScheduledEventDetails = &types.LambdaFunctionScheduledEventDetails{
			Resource: resource, Input: text(), InputDetails: shown, TimeoutInSeconds: seconds(d.Timeout), TaskCredentials: credentials(),
		}
	case LambdaFunctionScheduleFailed:
		h.LambdaFunctionScheduleFailedEventDetails = &types.LambdaFunctionScheduleFailedEventDetails{Error: name, Cause: cause}
	case LambdaFunctionStartFailed:
		h.LambdaFunctionStartFailedEventDetails = &types.LambdaFunctionStartFailedEventDetails{Error: name, Cause: cause}
	case LambdaFunctionSucceeded:
		h.LambdaFunctionSucceededEventDetails = &types.LambdaFunctionSucceededEventDetails{Output: text(), OutputDetails: shown}
	case LambdaFunctionFailed:
		h.LambdaFunctionFailedEventDetails = &types.LambdaFunctionFailedEventDetails{Error: name, Cause: cause}
	case LambdaFunctionTimedOut:
		h.LambdaFunctionTimedOutEventDetails = &types.LambdaFunctionTimedOutEventDetails{Error: name, Cause: cause}
	case ActivityScheduled:
		h.ActivityScheduledEventDetails = &types.ActivityScheduledEventDetails{
			Resource: resource, Input: text(), InputDetails: shown,
			TimeoutInSeconds: seconds(d.Timeout), HeartbeatInSeconds: seconds(d.Heartbeat),
		}
	case ActivityScheduleFailed:
		h.ActivityScheduleFailedEventDetails = &types.ActivityScheduleFailedEventDetails{Error: name, Cause: cause}
	case ActivityStarted:
		h.ActivityStartedEventDetails = &types.ActivityStartedEventDetails{WorkerName: optional(d.Worker)}
	case ActivitySucceeded:
		h.ActivitySucceededEventDetails = &types.ActivitySucceededEventDetails{Output: text(), OutputDetails: shown}
	case ActivityFailed:
		h.ActivityFailedEventDetails = &types.ActivityFailedEventDetails{Error: name, Cause: cause}
	case ActivityTimedOut:
		h.ActivityTimedOutEventDetails = &types.ActivityTimedOutEventDetails{Error: name, Cause: cause}
	case EvaluationFailed:
		h.EvaluationFailedEventDetails = &types.EvaluationFailedEventDetails{
			Error: name, Cause: cause, Location: optional(d.Location), State: aws.String(e.Name),
		}
	}
	return h
}
