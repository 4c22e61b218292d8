package server

import (
	"bytes"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sfnkit/sfnkit/asl/value"
)

// The lines of a log have the service's members in its order; those from before a redrive
// are not written again. (Recorded 2026-09, published in github.com/radkawar/stackd; of the
// redrive, what its documentation says.)
func TestLog(t *testing.T) {
	var log bytes.Buffer
	s, err := New(Options{Virtual: true, Poll: 30 * time.Millisecond, Log: &log})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(t.Context())
	r := &script{t: t, s: s, names: map[string]value.Value{}}
	const logging = `"loggingConfiguration": {"level": "ALL", "includeExecutionData": true, "destinations": [{"cloudWatchLogsLogGroup": {"logGroupArn": "arn:aws:logs:us-east-1:123456789012:log-group:g:*"}}]}`
	const role = `"roleArn": "arn:aws:iam::123456789012:role/r"`
	for _, step := range []string{
		`> CreateStateMachine {"name": "m", ` + role + `, ` + logging + `, "definition": {"$text": {"StartAt": "F", "States": {"F": {"Type": "Fail", "Error": "E", "Cause": "C"}}}}}`,
		`< {"stateMachineArn": "=m"}`,
		`> StartExecution {"stateMachineArn": "${m}", "name": "x", "input": "{}"}`,
		`< {"executionArn": "=e"}`,
		`wait e`,
		`> RedriveExecution {"executionArn": "${e}"}`,
		`< {}`,
		`wait e`,
		`> CreateStateMachine {"name": "x", "type": "EXPRESS", ` + role + `, ` + strings.Replace(logging, "true", "false", 1) + `, "definition": {"$text": {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}}}}`,
		`< {"stateMachineArn": "=x"}`,
		`> StartSyncExecution {"stateMachineArn": "${x}", "name": "y", "input": "{}"}`,
		`< {"status": "SUCCEEDED"}`,
	} {
		r.step(step, step)
	}
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	const arn = `arn:aws:states:us-east-1:123456789012:`
	want := `{"details":{"input":"{}","inputDetails":{"truncated":false},"roleArn":"arn:aws:iam::123456789012:role/r"},"redrive_count":"0","id":"1","type":"ExecutionStarted","previous_event_id":"0","event_timestamp":"T","execution_arn":"` + arn + `execution:m:x"}
{"details":{"input":"{}","inputDetails":{"truncated":false},"name":"F"},"redrive_count":"0","id":"2","type":"FailStateEntered","previous_event_id":"0","event_timestamp":"T","execution_arn":"` + arn + `execution:m:x"}
{"details":{"cause":"C","error":"E"},"redrive_count":"0","id":"3","type":"ExecutionFailed","previous_event_id":"2","event_timestamp":"T","execution_arn":"` + arn + `execution:m:x"}
{"details":{"redriveCount":1},"redrive_count":"1","id":"4","type":"ExecutionRedriven","previous_event_id":"3","event_timestamp":"T","execution_arn":"` + arn + `execution:m:x"}
{"details":{"cause":"C","error":"E"},"redrive_count":"1","id":"5","type":"ExecutionFailed","previous_event_id":"4","event_timestamp":"T","execution_arn":"` + arn + `execution:m:x"}
{"details":{"roleArn":"arn:aws:iam::123456789012:role/r"},"redrive_count":"0","id":"1","type":"ExecutionStarted","previous_event_id":"0","event_timestamp":"T","execution_arn":"` + arn + `express:x:y:U"}
{"details":{"name":"P"},"redrive_count":"0","id":"2","type":"PassStateEntered","previous_event_id":"0","event_timestamp":"T","execution_arn":"` + arn + `express:x:y:U"}
{"details":{"name":"P"},"redrive_count":"0","id":"3","type":"PassStateExited","previous_event_id":"2","event_timestamp":"T","execution_arn":"` + arn + `express:x:y:U"}
{"details":{},"redrive_count":"0","id":"4","type":"ExecutionSucceeded","previous_event_id":"3","event_timestamp":"T","execution_arn":"` + arn + `express:x:y:U"}
`
	got := regexp.MustCompile(`"event_timestamp":"\d+"`).ReplaceAllString(log.String(), `"event_timestamp":"T"`)
	got = regexp.MustCompile(`(express:x:y:)[^"]+`).ReplaceAllString(got, "${1}U")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// What an execution has done is in the log while it goes on, what a map run's children do
// as well, and levels choose among the events of all of them.
func TestLogGoesAlong(t *testing.T) {
	var log lockedBuffer
	s, err := New(Options{Virtual: true, Poll: 30 * time.Millisecond, Log: &log})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(t.Context())
	r := &script{t: t, s: s, names: map[string]value.Value{}}
	logging := func(level string) string {
		return `"roleArn": "arn:aws:iam::123456789012:role/r", "loggingConfiguration": {"level": "` + level + `", "destinations": [{"cloudWatchLogsLogGroup": {"logGroupArn": "arn:aws:logs:us-east-1:123456789012:log-group:g:*"}}]}`
	}
	run := func(steps ...string) {
		t.Helper()
		for _, step := range steps {
			r.step(step, step)
		}
	}
	types := func() (got []string) {
		for _, m := range regexp.MustCompile(`"type":"(\w+)".*?"execution_arn":"[^"]*:(express|execution):([^:"]+)`).FindAllStringSubmatch(log.take(), -1) {
			got = append(got, m[3]+" "+m[1])
		}
		return got
	}
	run(`> CreateActivity {"name": "a"}`,
		`< {"activityArn": "=a"}`,
		`> CreateStateMachine {"name": "m", `+logging("ALL")+`, "definition": {"$text": {"StartAt": "T", "States": {"T": {"Type": "Task", "Resource": "${a}", "End": true}}}}}`,
		`< {"stateMachineArn": "=m"}`,
		`> StartExecution {"stateMachineArn": "${m}", "name": "x"}`,
		`< {"executionArn": "=e"}`,
		`wait e 3`)
	if diff := cmp.Diff([]string{"m ExecutionStarted", "m TaskStateEntered", "m ActivityScheduled"}, types()); diff != "" {
		t.Errorf("while it waits (-want +got)\n%s", diff)
	}
	run(`> StopExecution {"executionArn": "${e}"}`, `< {}`, `wait e`)
	if diff := cmp.Diff([]string{"m ExecutionAborted"}, types()); diff != "" {
		t.Errorf("when it is stopped (-want +got)\n%s", diff)
	}

	// An update counts for executions that start after it.
	run(`> UpdateStateMachine {"stateMachineArn": "${m}", `+logging("FATAL")+`}`, `< {}`,
		`> StartExecution {"stateMachineArn": "${m}", "name": "later"}`, `< {"executionArn": "=l"}`,
		`wait l 3`,
		`> StopExecution {"executionArn": "${l}"}`, `< {}`, `wait l`)
	if diff := cmp.Diff([]string{"m ExecutionAborted"}, types()); diff != "" {
		t.Errorf("after an update (-want +got)\n%s", diff)
	}

	run(`> CreateStateMachine {"name": "d", `+logging("ERROR")+`, "definition": {"$text": {"StartAt": "M", "States": {"M": {"Type": "Map", "Label": "L", "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"}, "StartAt": "F", "States": {"F": {"Type": "Fail", "Error": "E"}}}, "End": true}}}}}`,
		`< {"stateMachineArn": "=d"}`,
		`> StartExecution {"stateMachineArn": "${d}", "input": "[1]"}`,
		`< {"executionArn": "=f"}`,
		`wait f`)
	want := []string{"d/L FailStateEntered", "d/L ExecutionFailed", "d MapRunFailed", "d MapStateFailed", "d ExecutionFailed"}
	if diff := cmp.Diff(want, types()); diff != "" {
		t.Errorf("of a map run (-want +got)\n%s", diff)
	}
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

// take returns what was written since it was last called.
func (b *lockedBuffer) take() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	defer b.b.Reset()
	return b.b.String()
}
