package server

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/sfnkit/sfnkit/asl/value"
)

// TestManyClients lets clients do anything with the same few state machines at once. They
// must get no errors but modelled ones, and when all is over the server's books must be
// right.
func TestManyClients(t *testing.T) {
	s := newServer(t, Options{Virtual: true, Poll: time.Millisecond, KeepExecutions: 30, Caller: &chance{rnd: rand.New(rand.NewPCG(1, 1)), fails: 0.3}})
	prefix := s.prefix
	call := func(op, body string) (value.Value, error) {
		got, err := operations[op].call(s, context.Background(), []byte(body))
		if err != nil {
			return value.Value{}, err
		}
		return value.MustParse(string(got)), nil
	}
	if _, err := call("CreateActivity", `{"name":"a"}`); err != nil {
		t.Fatal(err)
	}
	activity := prefix + "activity:a"
	task := `"Type":"Task","Resource":"arn:aws:states:::lambda:invoke","Parameters":{"FunctionName":"f"}`
	definitions := []string{
		`{"StartAt":"A","States":{"A":{` + task + `,"Next":"B"},"B":{"Type":"Task","Resource":"` + activity + `","TimeoutSeconds":5,"End":true}}}`,
		`{"StartAt":"A","States":{"A":{"Type":"Parallel","Branches":[{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":2,"End":true}}},{"StartAt":"T","States":{"T":{` + task + `,"End":true}}}],"End":true}}}`,
		`{"StartAt":"A","States":{"A":{"Type":"Map","Label":"L","ItemsPath":"$","ItemProcessor":{"ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"STANDARD"},"StartAt":"T","States":{"T":{` + task + `,"End":true}}},"End":true}}}`,
		`{"StartAt":"A","States":{"A":{"Type":"Task","Resource":"arn:aws:states:::states:startExecution.sync:2","Parameters":{"StateMachineArn":"` + prefix + `stateMachine:m0","Input":{}},"End":true}}}`,
	}
	definition := func(rnd *rand.Rand, n int) string {
		if n == 0 { // which must not start itself
			return definitions[rnd.IntN(len(definitions)-1)]
		}
		return definitions[rnd.IntN(len(definitions))]
	}
	known := errorsOfSDK(t)
	beyond := []string{"ValidationException"}

	var mu sync.Mutex
	var started []string
	client := func(rnd *rand.Rand) {
		m := func() string { return fmt.Sprint(prefix, "stateMachine:m", rnd.IntN(3)) }
		e := func() string {
			mu.Lock()
			defer mu.Unlock()
			if len(started) == 0 {
				return prefix + "execution:m0:none"
			}
			return started[max(0, len(started)-1-rnd.IntN(20))]
		}
		for range 400 {
			var op, body string
			switch rnd.IntN(22) {
			case 0:
				n := rnd.IntN(3)
				op, body = "CreateStateMachine", createBody(fmt.Sprint("m", n), definition(rnd, n))
			case 1:
				n := rnd.IntN(3)
				op, body = "UpdateStateMachine", fmt.Sprintf(`{"stateMachineArn":"%sstateMachine:m%d","publish":true,"definition":%s}`, prefix, n, value.String(definition(rnd, n)).JSON())
			case 2:
				if rnd.IntN(3) == 0 {
					op, body = "DeleteStateMachine", `{"stateMachineArn":"`+m()+`"}`
				} else {
					op, body = "PublishStateMachineVersion", `{"stateMachineArn":"`+m()+`"}`
				}
			case 3:
				op, body = "CreateStateMachineAlias", fmt.Sprintf(`{"name":"x","routingConfiguration":[{"stateMachineVersionArn":"%s:%d","weight":100}]}`, m(), 1+rnd.IntN(4))
			case 4:
				op, body = "DeleteStateMachineVersion", fmt.Sprintf(`{"stateMachineVersionArn":"%s:%d"}`, m(), 1+rnd.IntN(4))
			case 5:
				op, body = "DeleteStateMachineAlias", `{"stateMachineAliasArn":"`+m()+`:x"}`
			case 6, 7, 8, 9:
				op, body = "StartExecution", fmt.Sprintf(`{"stateMachineArn":"%s%s","name":"e%d","input":"[1,2]"}`, m(), []string{"", ":x", ":1"}[rnd.IntN(3)], rnd.IntN(40))
			case 10, 11:
				op, body = "StopExecution", `{"executionArn":"`+e()+`"}`
			case 12, 13:
				op, body = "RedriveExecution", `{"executionArn":"`+e()+`"}`
			case 14:
				op, body = "GetExecutionHistory", `{"executionArn":"`+e()+`"}`
			case 15:
				op, body = "ListExecutions", `{"stateMachineArn":"`+m()+`"}`
			case 16:
				op, body = "ListMapRuns", `{"executionArn":"`+e()+`"}`
			case 17:
				op, body = "DescribeStateMachineForExecution", `{"executionArn":"`+e()+`"}`
			case 18:
				op, body = "ListStateMachineVersions", `{"stateMachineArn":"`+m()+`"}`
			case 19:
				op, body = "ListStateMachines", `{}`
			case 20:
				op, body = "TagResource", fmt.Sprintf(`{"resourceArn":"%s","tags":[{"key":"k%d","value":"v"}]}`, m(), rnd.IntN(9))
			case 21:
				op, body = "GetActivityTask", `{"activityArn":"`+activity+`"}`
			}
			got, err := call(op, body)
			var failed *Error
			switch {
			case err == nil && op == "StartExecution":
				mu.Lock()
				started = append(started, got.Get("executionArn").Str())
				mu.Unlock()
			case err == nil && op == "ListMapRuns" && got.Get("mapRuns").Len() > 0:
				if _, err := call("DescribeMapRun", `{"mapRunArn":"`+got.Get("mapRuns").At(0).Get("mapRunArn").Str()+`"}`); err != nil && !errors.As(err, &failed) {
					t.Error(err)
				}
			case err == nil && op == "GetActivityTask" && got.Get("taskToken").Str() != "":
				if _, err := call("SendTaskSuccess", `{"output":"1","taskToken":`+got.Get("taskToken").JSON()+`}`); err != nil && !errors.As(err, &failed) {
					t.Error(err)
				}
			case err != nil && !errors.As(err, &failed):
				t.Errorf("%s %s: %v", op, body, err)
			case op == "ListStateMachineVersions": // see listStateMachineVersions
			case err != nil && !slices.Contains(known, modelled{op, failed.Code}) && !slices.Contains(beyond, failed.Code):
				t.Errorf("%s %s: %v", op, body, failed)
			}
		}
	}
	var wg sync.WaitGroup
	for i := range uint64(6) {
		wg.Go(func() { client(rand.New(rand.NewPCG(i, 5))) })
	}
	wg.Wait()

	for _, arn := range started {
		call("StopExecution", `{"executionArn":"`+arn+`"}`) // it may have ended or be forgotten
	}
	for until := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		wrong := booksOf(s)
		if wrong == "" {
			break
		}
		if time.Now().After(until) {
			t.Fatal(wrong)
		}
	}
}

// booksOf says what does not fit once nothing goes on any more, "" if everything does.
func booksOf(s *Server) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	running := map[*machine]int{}
	for arn, e := range s.executions {
		if e.arn != arn || e.evicted {
			return arn + " is not what is remembered"
		}
		if e.status() == "RUNNING" || e.endedAt == 0 {
			running[e.machine]++
			return arn + " goes on"
		}
		switch {
		case e.of != nil && s.mapRuns[e.of.arn] != e.of:
			return arn + " is of a map run that is not there"
		case e.machine != nil && !e.machine.buried && !slices.Contains(e.machine.executions, e):
			return arn + " is not in the list of its state machine"
		}
	}
	if s.open != 0 {
		return fmt.Sprint(s.open, " executions are counted as open")
	}
	for _, m := range s.machines.list {
		switch {
		case m.running != 0:
			return fmt.Sprint(m.arn, " counts ", m.running, " executions")
		case m.deleting || m.buried:
			return m.arn + " should be gone"
		}
	}
	return ""
}
