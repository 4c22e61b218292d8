package emulator_test

import (
	"context"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/sfnkit/sfnkit/asl"
	"github.com/sfnkit/sfnkit/asl/value"
	"github.com/sfnkit/sfnkit/emulator"
)

// pendingCaller answers nothing itself: tasks end through their tokens.
type pendingCaller chan *emulator.Request

func (c pendingCaller) Call(ctx context.Context, req *emulator.Request) (emulator.Answer, error) {
	select {
	case c <- req:
		return emulator.Answer{Pending: true}, nil
	case <-ctx.Done():
		return emulator.Answer{}, ctx.Err()
	}
}

func closeEngine(t *testing.T, e *emulator.Engine) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := e.Close(ctx); err != nil {
		t.Fatalf("the engine does not come to rest: %v", err)
	}
}

const callback = `{"StartAt":"Ask","States":{"Ask":{"Type":"Task","Resource":"arn:aws:states:::sqs:sendMessage.waitForTaskToken",
 "Parameters":{"Token.$":"$$.Task.Token","N.$":"$.n"},"HeartbeatSeconds":3600,"Catch":[{"ErrorEquals":["No"],"Next":"Sorry"}],"End":true},
 "Sorry":{"Type":"Pass","Result":"sorry","End":true}}}`

func TestEngineCallbacks(t *testing.T) {
	before := runtime.NumGoroutine()
	e := emulator.NewEngine(emulator.EngineOptions{})
	m := machine(t, []byte(callback))
	calls := make(pendingCaller)
	const n = 200
	handles := make([]*emulator.Handle, n)
	var workers sync.WaitGroup
	for range 4 {
		workers.Go(func() {
			for req := range calls {
				i, _ := req.Parameters.Get("N").Int64()
				if got := req.Parameters.Get("Token").Str(); got != req.Token {
					t.Errorf("token %q in the parameters, %q in the request", got, req.Token)
				}
				// The token may be used before the call has returned.
				for e.TaskHeartbeat(req.Token) != emulator.TokenTaken {
					runtime.Gosched()
				}
				if i%2 == 0 {
					e.TaskSucceeded(req.Token, value.Int(i))
				} else {
					e.TaskFailed(req.Token, emulator.NewError("No", "odd"))
				}
				if e.TaskSucceeded(req.Token, value.Null) != emulator.TokenUnknown {
					t.Error("a token can be used once")
				}
			}
		})
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	var starters sync.WaitGroup
	for k := range 4 {
		starters.Go(func() {
			for i := k; i < n; i += 4 {
				handles[i] = e.Start(m, emulator.StartOptions{Input: value.MustParse(`{"n":` + value.Int(int64(i)).JSON() + `}`), Environment: &emulator.Environment{Caller: calls}})
			}
		})
	}
	starters.Wait()
	for i, h := range handles {
		if err := h.Wait(ctx); err != nil {
			t.Fatal(err)
		}
		h.View(func(x *emulator.Execution) {
			want := value.Int(int64(i))
			if i%2 == 1 {
				want = value.String("sorry")
			}
			if !value.Equal(x.Output(), want) {
				t.Errorf("execution %d: %s %s", i, x.Status(), x.Output())
			}
		})
	}
	close(calls)
	workers.Wait()
	closeEngine(t, e)
	for i := 0; runtime.NumGoroutine() > before && i < 1000; i++ {
		runtime.Gosched()
	}
	if now := runtime.NumGoroutine(); now > before {
		t.Errorf("%d goroutines before, %d after", before, now)
	}
}

func TestEngineStop(t *testing.T) {
	e := emulator.NewEngine(emulator.EngineOptions{})
	defer closeEngine(t, e)
	calls := make(pendingCaller, 1)
	ended := make(chan emulator.Status, 1)
	h := e.Start(machine(t, []byte(callback)), emulator.StartOptions{Input: value.MustParse(`{"n":1}`), Environment: &emulator.Environment{Caller: calls},
		OnEnd: func(x *emulator.Execution) { ended <- x.Status() }})
	req := <-calls
	if !h.Stop("Why", "because") || h.Stop("again", "") {
		t.Error("an execution can be stopped once")
	}
	if s := <-ended; s != emulator.Aborted {
		t.Errorf("status %s", s)
	}
	if e.TaskSucceeded(req.Token, value.Null) != emulator.TokenUnknown {
		t.Error("the token of a stopped execution is worth nothing")
	}
	h.View(func(x *emulator.Execution) {
		last := x.History().At(x.History().Len() - 1)
		if last.Type != emulator.ExecutionAborted || last.Detail.Error.Name != "Why" || last.Detail.Error.Cause != "because" {
			t.Errorf("last event %+v", last)
		}
	})
}

func TestEngineVirtualTime(t *testing.T) {
	e := emulator.NewEngine(emulator.EngineOptions{Virtual: true})
	defer closeEngine(t, e)
	m := machine(t, []byte(`{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":31536000,"Next":"X"},"X":{"Type":"Wait","Seconds":86400,"End":true}}}`))
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	h := e.Start(m, emulator.StartOptions{Input: value.EmptyObject})
	if err := h.Wait(ctx); err != nil {
		t.Fatal("a year did not pass: ", err)
	}
	h.View(func(x *emulator.Execution) {
		if d := x.Stopped() - x.Started(); d < 31622400000 || d > 31622400000+60000 {
			t.Errorf("it took %d ms", d)
		}
	})
}

// Virtual time stands still while the outside world owes an answer.
func TestEngineVirtualTimeWaitsForCallbacks(t *testing.T) {
	e := emulator.NewEngine(emulator.EngineOptions{Virtual: true})
	defer closeEngine(t, e)
	calls := make(pendingCaller, 1)
	h := e.Start(machine(t, []byte(callback)), emulator.StartOptions{Input: value.MustParse(`{"n":1}`), Environment: &emulator.Environment{Caller: calls}})
	req := <-calls
	other := e.Start(machine(t, []byte(`{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":10000,"End":true}}}`)), emulator.StartOptions{Input: value.EmptyObject})
	for range 100 {
		runtime.Gosched()
	}
	other.View(func(x *emulator.Execution) {
		if x.Status() != emulator.Running {
			t.Error("time jumped over an open callback")
		}
	})
	for e.TaskSucceeded(req.Token, value.True) != emulator.TokenTaken {
		runtime.Gosched()
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if h.Wait(ctx) != nil || other.Wait(ctx) != nil {
		t.Error("the executions do not end")
	}
}

// A loop that never waits can be stopped, and ends by itself before it has eaten the memory.
func TestEndlessLoop(t *testing.T) {
	const loop = `{"StartAt":"A","States":{"A":{"Type":"Choice","Choices":[{"Variable":"$.n","IsPresent":true,"Next":"B"}]},"B":{"Type":"Pass","Next":"A"}}}`
	e := emulator.NewEngine(emulator.EngineOptions{})
	defer closeEngine(t, e)
	info := emulator.Info{Express: true}
	h := e.Start(machine(t, []byte(loop)), emulator.StartOptions{Info: info, Input: value.MustParse(`{"n":1}`)})
	if !h.Stop("Enough", "") {
		t.Error("the loop had ended before it was stopped")
	}
	x := runText(t, loop, value.MustParse(`{"n":1}`), emulator.Options{Info: info})
	if x.Status() != emulator.Failed || x.History().Len() != 1000000 {
		t.Errorf("%s after %d events: %v", x.Status(), x.History().Len(), x.Err())
	}
}

// BenchmarkWaiting reports how much memory an execution takes that waits.
func BenchmarkWaiting(b *testing.B) {
	def, err := asl.Parse([]byte(`{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":86400,"End":true}}}`))
	if err != nil {
		b.Fatal(err)
	}
	m, err := emulator.Compile(def)
	if err != nil {
		b.Fatal(err)
	}
	const n = 100000
	for b.Loop() {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		e := emulator.NewEngine(emulator.EngineOptions{})
		handles := make([]*emulator.Handle, n)
		for i := range handles {
			handles[i] = e.Start(m, emulator.StartOptions{Input: value.MustParse(`{"n":1}`)})
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/n, "B/execution")
		b.ReportMetric(float64(runtime.NumGoroutine()), "goroutines")
		e.Close(context.Background())
		runtime.KeepAlive(handles)
	}
}
