package emulator_test

import (
	"testing"

	"github.com/sfnkit/sfnkit/asl"
	"github.com/sfnkit/sfnkit/asl/value"
	"github.com/sfnkit/sfnkit/emulator"
)

// begun returns an execution at time 0, and what it wants.
func begun(t *testing.T, definition string, src emulator.Sources) (*emulator.Execution, []emulator.Command) {
	t.Helper()
	return begunAt(t, 0, definition, src)
}

func begunAt(t *testing.T, now int64, definition string, src emulator.Sources) (*emulator.Execution, []emulator.Command) {
	t.Helper()
	def, err := asl.Parse([]byte(definition))
	if err != nil {
		t.Fatal(err)
	}
	m, err := emulator.Compile(def)
	if err != nil {
		t.Fatal(err)
	}
	src.UUID = func() string { return "token" }
	info := emulator.Info{ARN: "arn:e", Name: "e", StateMachineName: "m"}
	x := emulator.NewExecution(m, info, value.EmptyObject, "", emulator.DefaultLimits, src)
	x.Begin(now)
	return x, x.Commands()
}

// The time that the task of an activity may take begins when a worker takes it.
func TestActivityTime(t *testing.T) {
	x, wants := begun(t, `{"StartAt":"A","States":{"A":{"Type":"Task","Resource":"arn:aws:states:us-east-1:123456789012:activity:a",
		"TimeoutSeconds":3,"HeartbeatSeconds":2,"End":true}}}`, emulator.Sources{})
	id := wants[0].ID
	if len(wants) != 1 {
		t.Fatalf("it wants %v before a worker has come", wants)
	}
	fire := func(now int64, k emulator.TimerKind) { x.TimerFired(now, id, k) }
	x.ActivityStarted(10000, id, "w")
	var at []int64
	for _, c := range x.Commands() {
		at = append(at, c.At)
	}
	if len(at) != 2 || at[0] != 13000 || at[1] != 12000 {
		t.Fatalf("timers at %v", at)
	}
	x.TaskHeartbeat(11950, id)
	fire(12000, emulator.TimerHeartbeat)
	if x.Status() != emulator.Running {
		t.Fatalf("%s in spite of a heartbeat", x.Status())
	}
	fire(13000, emulator.TimerTimeout)
	if x.Status() != emulator.Failed || x.Err().Name != emulator.ErrorTimeout {
		t.Fatalf("%s after the time of the worker", x.Status())
	}
}

// What a halted execution waits for ends it when it comes, and leaves no event.
func TestHalt(t *testing.T) {
	for name, c := range map[string]struct {
		definition string
		come       func(x *emulator.Execution, id emulator.TaskID)
	}{
		"wait": {`{"StartAt":"A","States":{"A":{"Type":"Wait","Seconds":1,"Next":"B"},"B":{"Type":"Pass","End":true}}}`,
			func(x *emulator.Execution, id emulator.TaskID) { x.TimerFired(1000, id, emulator.TimerWait) }},
		"success": {`{"StartAt":"A","States":{"A":{"Type":"Task","Resource":"arn:aws:states:us-east-1:123456789012:activity:a","End":true}}}`,
			func(x *emulator.Execution, id emulator.TaskID) { x.TaskSucceeded(1000, id, value.Null) }},
		"failure": {`{"StartAt":"A","States":{"A":{"Type":"Task","Resource":"arn:aws:states:us-east-1:123456789012:activity:a",
			"Catch":[{"ErrorEquals":["States.ALL"],"Next":"B"}],"End":true},"B":{"Type":"Pass","End":true}}}`,
			func(x *emulator.Execution, id emulator.TaskID) { x.TaskFailed(1000, id, emulator.NewError("E", "")) }},
	} {
		x, wants := begun(t, c.definition, emulator.Sources{})
		before := x.History().Len()
		x.Halt()
		if x.Status() != emulator.Running {
			t.Errorf("%s: %s at once", name, x.Status())
		}
		c.come(x, wants[0].ID)
		if e := x.Err(); x.Status() != emulator.Failed || e.Name != emulator.ErrorRuntime || e.Cause != "State machine m has been deleted" {
			t.Errorf("%s: %s %v", name, x.Status(), e)
		}
		if n := x.History().Len(); n != before+1 || x.History().At(n-1).Type != emulator.ExecutionFailed {
			t.Errorf("%s: %d events after %d", name, n, before)
		}
	}
}

// A missed heartbeat has the name of a timeout, and can be told from one by what is caught.
func TestHeartbeatIsCaught(t *testing.T) {
	for _, c := range []struct {
		names  string
		timer  emulator.TimerKind
		caught bool
	}{
		{`"States.HeartbeatTimeout"`, emulator.TimerHeartbeat, true},
		{`"States.HeartbeatTimeout"`, emulator.TimerTimeout, false},
		{`"States.Timeout"`, emulator.TimerHeartbeat, true},
		{`"States.Timeout"`, emulator.TimerTimeout, true},
		{`"States.TaskFailed"`, emulator.TimerHeartbeat, false},
	} {
		x, wants := begun(t, `{"StartAt":"A","States":{"A":{"Type":"Task","Resource":"arn:aws:states:us-east-1:123456789012:activity:a",
			"TimeoutSeconds":3,"HeartbeatSeconds":2,"Catch":[{"ErrorEquals":[`+c.names+`],"Next":"B"}],"End":true},"B":{"Type":"Succeed"}}}`, emulator.Sources{})
		x.ActivityStarted(0, wants[0].ID, "w")
		x.TimerFired(3000, wants[0].ID, c.timer)
		if got := x.Status() == emulator.Succeeded; got != c.caught {
			t.Errorf("%s: %v %s", c.names, c.timer, x.Status())
		}
		if name := x.Output().Get("Error").Str(); c.caught && name != emulator.ErrorTimeout {
			t.Errorf("%s: the error is called %q", c.names, name)
		}
	}
}

// Times in the context object have no fraction where there is none to tell.
func TestContextTimes(t *testing.T) {
	for begin, want := range map[int64]string{
		0: "1970-01-01T00:00:00Z", 1: "1970-01-01T00:00:00.001Z", 120: "1970-01-01T00:00:00.120Z", 61000: "1970-01-01T00:01:01Z",
	} {
		x, _ := begunAt(t, begin, `{"StartAt":"A","States":{"A":{"Type":"Pass","Parameters":{"began.$":"$$.Execution.StartTime","entered.$":"$$.State.EnteredTime"},"End":true}}}`, emulator.Sources{})
		for _, name := range []string{"began", "entered"} {
			if got := x.Output().Get(name).Str(); got != want {
				t.Errorf("%s at %d ms: %s, want %s", name, begin, got, want)
			}
		}
	}
}
