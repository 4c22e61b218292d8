package server

import (
	"context"
)

// operations are what the API can do, by name.
var operations map[string]*operation

func add[I, O any](name string, f func(*Server, context.Context, *I) (*O, error)) {
	operations[name] = define(name, f)
}

func init() {
	operations = make(map[string]*operation, 37)
	add("CreateActivity", (*Server).createActivity)
	add("CreateStateMachine", (*Server).createStateMachine)
	add("CreateStateMachineAlias", (*Server).createStateMachineAlias)
	add("DeleteActivity", (*Server).deleteActivity)
	add("DeleteStateMachine", (*Server).deleteStateMachine)
	add("DeleteStateMachineAlias", (*Server).deleteStateMachineAlias)
	add("DeleteStateMachineVersion", (*Server).deleteStateMachineVersion)
	add("DescribeActivity", (*Server).describeActivity)
	add("DescribeExecution", (*Server).describeExecution)
	add("DescribeMapRun", (*Server).describeMapRun)
	add("DescribeStateMachine", (*Server).describeStateMachine)
	add("DescribeStateMachineAlias", (*Server).describeStateMachineAlias)
	add("DescribeStateMachineForExecution", (*Server).describeStateMachineForExecution)
	add("GetActivityTask", (*Server).getActivityTask)
	add("GetExecutionHistory", (*Server).getExecutionHistory)
	add("ListActivities", (*Server).listActivities)
	add("ListExecutions", (*Server).listExecutions)
	add("ListMapRuns", (*Server).listMapRuns)
	add("ListStateMachineAliases", (*Server).listStateMachineAliases)
	add("ListStateMachineVersions", (*Server).listStateMachineVersions)
	add("ListStateMachines", (*Server).listStateMachines)
	add("ListTagsForResource", (*Server).listTagsForResource)
	add("PublishStateMachineVersion", (*Server).publishStateMachineVersion)
	add("RedriveExecution", (*Server).redriveExecution)
	add("SendTaskFailure", (*Server).sendTaskFailure)
	add("SendTaskHeartbeat", (*Server).sendTaskHeartbeat)
	add("SendTaskSuccess", (*Server).sendTaskSuccess)
	add("StartExecution", (*Server).startExecution)
	add("StartSyncExecution", (*Server).startSyncExecution)
	add("StopExecution", (*Server).stopExecution)
	add("TagResource", (*Server).tagResource)
	add("TestState", (*Server).testState)
	add("UntagResource", (*Server).untagResource)
	add("UpdateMapRun", (*Server).updateMapRun)
	add("UpdateStateMachine", (*Server).updateStateMachine)
	add("UpdateStateMachineAlias", (*Server).updateStateMachineAlias)
	add("ValidateStateMachineDefinition", (*Server).validateStateMachineDefinition)
}
