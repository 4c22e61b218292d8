package emulator_test

import (
	"cmp"
	"context"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/sfnkit/sfnkit/asl/value"
	"github.com/sfnkit/sfnkit/emulator"
)

// A redriven execution goes on where it ended; what had succeeded is not run again.
func TestRedrive(t *testing.T) {
	const definition = `{"StartAt":"Before","States":{
	 "Before":{"Type":"Pass","Assign":{"v":1},"Next":"Both"},
	 "Both":{"Type":"Parallel","Branches":[
	   {"StartAt":"Good","States":{"Good":{"Type":"Pass","Result":"good","End":true}}},
	   {"StartAt":"Bad","States":{"Bad":{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke","Parameters":{"FunctionName":"f","Payload":{"v.$":"$v"}},"End":true}}},
	   {"StartAt":"Slow","States":{"Slow":{"Type":"Wait","Seconds":60,"End":true}}}],"Next":"Each"},
	 "Each":{"Type":"Map","MaxConcurrency":1,"ItemProcessor":{"StartAt":"One","States":{"One":{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke","Parameters":{"FunctionName":"f","Payload":{"i.$":"$"}},"End":true}}},"End":true}}}`
	m := machine(t, []byte(definition))
	e := emulator.NewEngine(emulator.EngineOptions{Virtual: true})
	defer closeEngine(t, e)
	fails := map[string]bool{"Bad0": true, "One1": true}
	calls := emulator.CallerFunc(func(_ context.Context, req *emulator.Request) (emulator.Answer, error) {
		if fails[req.State+value.Int(int64(req.Invocation)).JSON()] {
			return emulator.Answer{}, emulator.NewError("Oops", req.State)
		}
		return emulator.Answer{Output: value.String(req.State)}, nil
	})
	h := e.Start(m, emulator.StartOptions{Input: value.EmptyObject, Environment: &emulator.Environment{Caller: calls}})
	for i, want := range []emulator.Status{emulator.Failed, emulator.Failed, emulator.Succeeded} {
		if i > 0 && !h.Redrive() {
			t.Fatal("cannot be redriven")
		}
		if err := h.Wait(context.Background()); err != nil {
			t.Fatal(err)
		}
		h.View(func(x *emulator.Execution) {
			if x.Status() != want {
				t.Fatalf("run %d: %s %v", i, x.Status(), x.Err())
			}
		})
	}
	if h.Redrive() {
		t.Error("a success cannot be redriven")
	}
	h.View(func(x *emulator.Execution) {
		if got := x.Output().JSON(); got != `["One","One","One"]` {
			t.Errorf("output %s", got)
		}
		counts := map[string]int{}
		for ev := range x.History().All {
			counts[ev.Type.String()]++
		}
		want := map[string]int{
			"ExecutionStarted": 1, "ExecutionFailed": 2, "ExecutionRedriven": 2, "ExecutionSucceeded": 1,
			"PassStateEntered": 2, "PassStateExited": 2, "ParallelStateEntered": 1, "ParallelStateStarted": 1,
			"ParallelStateFailed": 1, "ParallelStateSucceeded": 1, "ParallelStateExited": 1,
			"WaitStateEntered": 1, "WaitStateAborted": 1, "WaitStateExited": 1,
			"MapStateEntered": 1, "MapStateStarted": 1, "MapStateFailed": 1, "MapStateSucceeded": 1, "MapStateExited": 1,
			"MapIterationStarted": 3, "MapIterationFailed": 1, "MapIterationSucceeded": 3,
			"TaskStateEntered": 4, "TaskStateAborted": 2, "TaskStateExited": 4,
			"TaskScheduled": 6, "TaskStarted": 6, "TaskFailed": 2, "TaskSucceeded": 4,
		}
		if diff := gocmp.Diff(want, counts); diff != "" {
			t.Errorf("events (-want +got):\n%s%s", diff, show(x))
		}
		if x.Info().RedriveCount != 2 {
			t.Errorf("redrive count %d", x.Info().RedriveCount)
		}
	})
}

// TestRedriveHistories redrives executions as often as their files say.
func TestRedriveHistories(t *testing.T) {
	histories(t, "testdata/redrive", func(t *testing.T, c *historyCase) string {
		times, err := strconv.Atoi(strings.TrimSpace(c.part("redrives")))
		if err != nil {
			t.Fatal(err)
		}
		e := emulator.NewEngine(emulator.EngineOptions{Virtual: true})
		defer closeEngine(t, e)
		h := e.Start(c.machine, emulator.StartOptions{Input: c.input, Environment: &emulator.Environment{Caller: c.caller}})
		for i := 0; ; i++ {
			if err := h.Wait(context.Background()); err != nil {
				t.Fatal(err)
			}
			if i == times {
				break
			}
			if !h.Redrive() {
				t.Fatal("cannot be redriven")
			}
		}
		var got string
		h.View(func(x *emulator.Execution) { got = withoutTimes(x) })
		return got
	})
}

var timeText = regexp.MustCompile(`\d{4}-\d\d-\d\dT[0-9:.]+Z`)

// withoutTimes shows a history without its times, which are those of the clock. Texts keep
// the times of redrives, by the event.
func withoutTimes(x *emulator.Execution) string {
	redrives := map[string]string{}
	for e := range x.History().All {
		if e.Type == emulator.ExecutionRedriven {
			redrives[time.UnixMilli(e.Time).UTC().Format("2006-01-02T15:04:05.000Z")] = "time of " + strconv.Itoa(int(e.ID))
		}
	}
	var b strings.Builder
	for line := range strings.Lines(show(x)) {
		f := strings.SplitN(line, " ", 4)
		b.WriteString(f[0] + " " + f[1] + " " + f[3])
	}
	return timeText.ReplaceAllStringFunc(b.String(), func(s string) string { return cmp.Or(redrives[s], "time") })
}

func TestRedriveStopped(t *testing.T) {
	e := emulator.NewEngine(emulator.EngineOptions{Virtual: true})
	defer closeEngine(t, e)
	calls := make(pendingCaller, 2)
	h := e.Start(machine(t, []byte(callback)), emulator.StartOptions{Input: value.MustParse(`{"n":7}`), Environment: &emulator.Environment{Caller: calls}})
	first := <-calls
	h.Stop("", "")
	if !h.Redrive() {
		t.Fatal("cannot be redriven")
	}
	second := <-calls
	if first.Token == second.Token || e.TaskSucceeded(first.Token, value.Null) != emulator.TokenUnknown {
		t.Error("the old token still works")
	}
	for e.TaskSucceeded(second.Token, value.Int(7)) != emulator.TokenTaken {
	}
	if err := h.Wait(context.Background()); err != nil {
		t.Fatal(err)
	}
	h.View(func(x *emulator.Execution) {
		if x.Status() != emulator.Succeeded {
			t.Errorf("%s", x.Status())
		}
	})
}
