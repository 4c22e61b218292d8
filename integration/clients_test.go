package integration

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"github.com/sfnkit/sfnkit/emulator/server"
)

// serve starts a server for a test: the one in SFNKIT_BINARY if that is set, else one in
// this process.
func serve(t *testing.T) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr = l.Addr().String()
	if binary := os.Getenv("SFNKIT_BINARY"); binary != "" {
		l.Close()
		cmd := exec.Command(binary, "serve", "--addr", addr)
		cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			cmd.Process.Signal(os.Interrupt)
			if err := cmd.Wait(); err != nil {
				t.Error(err)
			}
		})
		for range 200 {
			if c, err := net.Dial("tcp", addr); err == nil {
				c.Close()
				return addr
			}
			<-time.After(25 * time.Millisecond)
		}
		t.Fatalf("%s serve does not listen", binary)
	}
	s, err := server.New(server.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, l) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return addr
}

const roleARN = "arn:aws:iam::123456789012:role/workflow"

// workflow waits, maps over a list, and asks somebody for an approval.
const workflow = `{
  "StartAt": "Wait",
  "States": {
    "Wait": {"Type": "Wait", "Seconds": 1, "Next": "Map"},
    "Map": {"Type": "Map", "ItemsPath": "$.items", "ResultPath": "$.doubled", "Next": "Ask",
      "ItemProcessor": {"StartAt": "Double", "States": {"Double": {"Type": "Pass",
        "Parameters": {"is.$": "States.MathAdd($, $)"}, "End": true}}}},
    "Ask": {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
      "Parameters": {"QueueUrl": "https://sqs.us-east-1.amazonaws.com/123456789012/q", "MessageBody": {"token.$": "$$.Task.Token"}},
      "ResultPath": "$.approval", "HeartbeatSeconds": 60, "End": true}
  }
}`

// want is the output of the workflow for want items 1 and 2 and an approval.
const want = `{"items":[1,2],"doubled":[{"is":2},{"is":4}],"approval":{"approved":true}}`

// tokenIn finds the task token in the parameters of a TaskScheduled event.
func tokenIn(t *testing.T, parameters string) string {
	t.Helper()
	var p struct{ MessageBody struct{ Token string } }
	if err := json.Unmarshal([]byte(parameters), &p); err != nil || p.MessageBody.Token == "" {
		t.Fatalf("%v in %s", err, parameters)
	}
	return p.MessageBody.Token
}

func client(addr string) *sfn.Client {
	// Whatever the host is (the SDK puts "sync-" before it), the server is at addr.
	dial := func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, addr)
	}
	return sfn.New(sfn.Options{
		Region:       "us-east-1",
		BaseEndpoint: aws.String("http://" + addr),
		HTTPClient:   &http.Client{Transport: &http.Transport{DialContext: dial}},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, nil
		}),
	})
}

func TestSDKForGo(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c := client(serve(t))
	m, err := c.CreateStateMachine(ctx, &sfn.CreateStateMachineInput{Name: aws.String("approve"), Definition: aws.String(workflow), RoleArn: aws.String(roleARN)})
	if err != nil {
		t.Fatal(err)
	}
	e, err := c.StartExecution(ctx, &sfn.StartExecutionInput{StateMachineArn: m.StateMachineArn, Input: aws.String(`{"items":[1,2]}`)})
	if err != nil {
		t.Fatal(err)
	}
	var token string
	until(t, ctx, func() bool {
		pages := sfn.NewGetExecutionHistoryPaginator(c, &sfn.GetExecutionHistoryInput{ExecutionArn: e.ExecutionArn, MaxResults: 3})
		submitted := false
		for pages.HasMorePages() {
			p, err := pages.NextPage(ctx)
			if err != nil {
				t.Fatal(err)
			}
			for _, ev := range p.Events {
				if d := ev.TaskScheduledEventDetails; d != nil {
					token = tokenIn(t, *d.Parameters)
				}
				submitted = submitted || ev.Type == types.HistoryEventTypeTaskSubmitted
			}
		}
		return submitted
	})
	if _, err := c.SendTaskSuccess(ctx, &sfn.SendTaskSuccessInput{TaskToken: &token, Output: aws.String(`{"approved":true}`)}); err != nil {
		t.Fatal(err)
	}
	d, err := c.DescribeExecution(ctx, &sfn.DescribeExecutionInput{ExecutionArn: e.ExecutionArn})
	if err != nil {
		t.Fatal(err)
	}
	if d.Status != types.ExecutionStatusSucceeded || aws.ToString(d.Output) != want || d.StopDate.Sub(*d.StartDate) < time.Second {
		t.Errorf("%s %s", d.Status, aws.ToString(d.Output))
	}
	var exists *types.StateMachineAlreadyExists
	if _, err := c.CreateStateMachine(ctx, &sfn.CreateStateMachineInput{Name: aws.String("approve"), Definition: aws.String(express), RoleArn: aws.String(roleARN)}); !errors.As(err, &exists) {
		t.Error(err)
	}

	x, err := c.CreateStateMachine(ctx, &sfn.CreateStateMachineInput{Name: aws.String("quick"), Type: types.StateMachineTypeExpress, Definition: aws.String(express), RoleArn: aws.String(roleARN)})
	if err != nil {
		t.Fatal(err)
	}
	sync, err := c.StartSyncExecution(ctx, &sfn.StartSyncExecutionInput{StateMachineArn: x.StateMachineArn, Input: aws.String(`{"a":1}`)})
	if err != nil {
		t.Fatal(err)
	}
	if sync.Status != types.SyncExecutionStatusSucceeded || aws.ToString(sync.Output) != `{"a":1}` || sync.BillingDetails.BilledMemoryUsedInMB != 64 {
		t.Errorf("%+v", sync)
	}
	test, err := c.TestState(ctx, &sfn.TestStateInput{Definition: aws.String(`{"Type":"Pass","Result":1,"Next":"B"}`), InspectionLevel: types.InspectionLevelDebug})
	if err != nil {
		t.Fatal(err)
	}
	if test.Status != types.TestExecutionStatusSucceeded || aws.ToString(test.NextState) != "B" || aws.ToString(test.InspectionData.Result) != "1" {
		t.Errorf("%+v", test)
	}
}

const express = `{"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}`

// until polls a condition until it holds.
func until(t *testing.T, ctx context.Context, f func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !f() {
		select {
		case <-ctx.Done():
			t.Fatal(ctx.Err())
		case <-tick.C:
		}
	}
}

// environment is that of a client of the server.
func environment() []string {
	return append(os.Environ(), "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test", "AWS_DEFAULT_REGION=us-east-1", "AWS_PAGER=",
		"AWS_EC2_METADATA_DISABLED=true", "AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null", "NO_PROXY=127.0.0.1", "no_proxy=127.0.0.1")
}

func TestCLI(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the AWS CLI many times")
	}
	cli := "/usr/bin/aws"
	if _, err := os.Stat(cli); err != nil {
		if cli, err = exec.LookPath("aws"); err != nil {
			t.Skip("the AWS CLI is not installed (Debian: awscli)")
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	addr := serve(t)
	aws := func(query string, args ...string) string {
		t.Helper()
		args = append([]string{"stepfunctions"}, args...)
		args = append(args, "--endpoint-url", "http://"+addr, "--output", "text", "--query", query)
		cmd := exec.CommandContext(ctx, cli, args...)
		cmd.Env = environment()
		var complaints strings.Builder
		cmd.Stderr = &complaints
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%s: %v\n%s", args, err, complaints.String())
		}
		return strings.TrimSpace(string(out))
	}
	m := aws("stateMachineArn", "create-state-machine", "--name", "approve", "--definition", workflow, "--role-arn", roleARN)
	e := aws("executionArn", "start-execution", "--state-machine-arn", m, "--input", `{"items":[1,2]}`)
	var parameters string
	until(t, ctx, func() bool {
		parameters = aws("events[?type=='TaskScheduled'].taskScheduledEventDetails.parameters | [0]", "get-execution-history", "--execution-arn", e)
		return parameters != "None"
	})
	aws("@", "send-task-success", "--task-token", tokenIn(t, parameters), "--task-output", `{"approved":true}`)
	if got := aws("[status,output]", "describe-execution", "--execution-arn", e); got != "SUCCEEDED\t"+want {
		t.Error(got)
	}
	if got := aws("length(events)", "get-execution-history", "--execution-arn", e, "--max-items", "1000"); got != "22" {
		t.Error(got)
	}
	aws("@", "delete-state-machine", "--state-machine-arn", m)
}
