package server

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sfnkit/sfnkit/asl/value"
	"github.com/sfnkit/sfnkit/emulator"
	"github.com/sfnkit/sfnkit/emulator/calls"
)

// TestMapRunsAddUp runs distributed Maps whose tasks fail by chance, that are stopped and
// redriven and whose bounds change meanwhile, and looks at every end whether the counters of
// the map run agree with each other, with its child executions and with its results.
func TestMapRunsAddUp(t *testing.T) {
	runs := uint64(200)
	if testing.Short() {
		runs = 10
	}
	for seed := range runs {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { t.Parallel(); mapRunAddsUp(t, seed) })
	}
}

// chance fails some calls, and at one of them stops the execution or changes the map run.
type chance struct {
	mu      sync.Mutex
	rnd     *rand.Rand
	fails   float64
	left    int // calls until something is done
	meddle  func()
	meddled sync.WaitGroup
}

func (c *chance) Call(ctx context.Context, req *emulator.Request) (emulator.Answer, error) {
	c.mu.Lock()
	fails := c.rnd.Float64() < c.fails
	if c.left--; c.left == 0 {
		c.meddled.Go(c.meddle)
	}
	c.mu.Unlock()
	if fails {
		return emulator.Answer{}, emulator.NewError("Chance", "")
	}
	return emulator.Answer{Output: value.Int(1)}, nil
}

func mapRunAddsUp(t *testing.T, seed uint64) {
	rnd := rand.New(rand.NewPCG(seed, 1))
	c := &chance{rnd: rand.New(rand.NewPCG(seed, 2))}
	store := calls.NewMemoryStore(nil)
	s := newServer(t, Options{Virtual: true, Caller: c, Store: store})
	call := succeed(t, s)

	items := rnd.IntN(12)
	typ := []string{"STANDARD", "EXPRESS"}[rnd.IntN(2)]
	each := `"ItemsPath":"$"`
	if rnd.IntN(3) == 0 {
		each += fmt.Sprintf(`,"ItemBatcher":{"MaxItemsPerBatch":%d}`, 1+rnd.IntN(4))
	}
	if rnd.IntN(2) == 0 {
		each += fmt.Sprintf(`,"ToleratedFailureCount":%d`, rnd.IntN(items+1))
	}
	if rnd.IntN(2) == 0 {
		each += fmt.Sprintf(`,"MaxConcurrency":%d`, 1+rnd.IntN(4))
	}
	read := ""
	if rnd.IntN(3) == 0 {
		read = `"ItemReader":{"Resource":"arn:aws:states:::s3:getObject","ReaderConfig":{"InputType":"JSON"},"Parameters":{"Bucket":"b","Key":"items"}},`
		each = strings.Replace(each, `"ItemsPath":"$"`, `"Comment":""`, 1)
	}
	writes := rnd.IntN(2) == 0
	if writes {
		each += `,"ResultWriter":{"Resource":"arn:aws:states:::s3:putObject","Parameters":{"Bucket":"b","Prefix":"out"}}`
	}
	// How a child ends: a second later, as soon as it is answered, or at once, in a state in
	// which it stays however often it is redriven.
	processor := []string{
		`"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":1,"Next":"T"},"T":{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke","Parameters":{"FunctionName":"f"},"End":true}}`,
		`"StartAt":"T","States":{"T":{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke","Parameters":{"FunctionName":"f"},"End":true}}`,
		`"StartAt":"C","States":{"C":{"Type":"Choice","Choices":[{"Variable":"$","NumericEquals":2,"Next":"F"}],"Default":"P"},"F":{"Type":"Fail","Error":"Two"},"P":{"Type":"Pass","End":true}}`,
	}[rnd.IntN(3)]
	definition := `{"StartAt":"M","States":{"M":{"Type":"Map","Label":"L",` + read + each + `,"ItemProcessor":{"ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"` + typ + `"},` + processor + `},"End":true}}}`
	m := call("CreateStateMachine", createBody("m", definition)).Get("stateMachineArn").Str()
	input := make([]string, items)
	for i := range input {
		input[i] = fmt.Sprint(i)
	}
	list := "[" + strings.Join(input, ",") + "]"
	if err := store.Put(t.Context(), "b", "items", "", strings.NewReader(list)); err != nil {
		t.Fatal(err)
	}
	c.fails = []float64{0, 0.2, 0.6}[rnd.IntN(3)]
	c.left = 1 + rnd.IntN(2*items+1)
	stop := rnd.IntN(2) == 0
	var e string
	ready := make(chan struct{})
	c.meddle = func() {
		<-ready
		if stop {
			call("StopExecution", `{"executionArn":"`+e+`"}`)
			return
		}
		r := call("ListMapRuns", `{"executionArn":"`+e+`"}`).Get("mapRuns").At(0).Get("mapRunArn").Str()
		operations["UpdateMapRun"].call(s, context.Background(), []byte(`{"mapRunArn":"`+r+`","maxConcurrency":3,"toleratedFailureCount":2}`)) // it may have ended
	}
	e = call("StartExecution", `{"stateMachineArn":"`+m+`","input":"`+list+`"}`).Get("executionArn").Str()
	close(ready)

	for redrives := 0; ; redrives++ {
		status := end(t, call, e).Get("status").Str()
		c.mu.Lock()
		c.left = 0
		c.mu.Unlock()
		c.meddled.Wait()
		runs := call("ListMapRuns", `{"executionArn":"`+e+`"}`).Get("mapRuns")
		if runs.Len() == 0 && status == "ABORTED" {
			return // before it began
		}
		for until := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) { // its children end after it
			r := call("DescribeMapRun", `{"mapRunArn":"`+runs.At(0).Get("mapRunArn").Str()+`"}`)
			if n, _ := r.Get("executionCounts").Get("running").Int64(); n == 0 {
				break
			}
			if time.Now().After(until) {
				t.Fatalf("its children do not end: %s", r.JSON())
			}
		}
		checkMapRun(t, call, runs.At(0).Get("mapRunArn").Str(), items, typ, status, writes)
		if status == "SUCCEEDED" || redrives == 3 {
			break
		}
		c.mu.Lock()
		c.fails /= 2
		if redrives == 2 {
			c.fails = 0
		}
		c.mu.Unlock()
		call("RedriveExecution", `{"executionArn":"`+e+`"}`)
	}
	got := call("DescribeExecution", `{"executionArn":"`+e+`"}`)
	if strings.Contains(processor, "Fail") {
		return
	}
	if got.Get("status").Str() != "SUCCEEDED" {
		t.Fatalf("with nothing in its way it does not succeed: %s", got.JSON())
	}
	if output := value.MustParse(got.Get("output").Str()); writes {
		checkWritten(t, store, output.Get("ResultWriterDetails").Get("Key").Str())
	} else if fewer := !stop || strings.Contains(definition, "Tolerated") || strings.Contains(definition, "ItemBatcher"); !fewer && output.Len() != items {
		t.Errorf("%d results of %d", output.Len(), items)
	}
}

func checkMapRun(t *testing.T, call func(op, body string) value.Value, arn string, items int, typ, status string, writes bool) {
	t.Helper()
	run := call("DescribeMapRun", `{"mapRunArn":"`+arn+`"}`)
	if got := run.Get("status").Str(); got != status && (got != "SUCCEEDED" || status != "ABORTED") {
		t.Errorf("the map run is %s, its execution %s", got, status)
	}
	count := func(of, name string) int64 {
		n, _ := run.Get(of).Get(name).Int64()
		if n < 0 {
			t.Errorf("%s %d: %s", name, n, run.JSON())
		}
		return n
	}
	for _, of := range []string{"itemCounts", "executionCounts"} {
		sum := int64(0)
		for _, name := range []string{"pending", "running", "succeeded", "failed", "timedOut", "aborted"} {
			sum += count(of, name)
		}
		if total := count(of, "total"); sum != total {
			t.Errorf("%s add up to %d, not %d: %s", of, sum, total, run.JSON())
		}
		if n := count(of, "pending") + count(of, "pendingRedrive"); n > 0 && status == "SUCCEEDED" {
			t.Errorf("%s has parts that have not begun: %s", of, run.JSON())
		}
	}
	if total := count("itemCounts", "total"); total != int64(items) && status == "SUCCEEDED" {
		t.Errorf("%d items of %d", total, items)
	}
	listed := map[string]int64{}
	for _, x := range call("ListExecutions", `{"mapRunArn":"`+arn+`"}`).Get("executions").Elems() {
		listed[x.Get("status").Str()]++
	}
	for name, want := range map[string]string{"succeeded": "SUCCEEDED", "failed": "FAILED", "timedOut": "TIMED_OUT"} {
		if listed[want] != count("executionCounts", name) {
			t.Errorf("%d children are %s, %d are counted (%s)", listed[want], want, count("executionCounts", name), typ)
		}
	}
	if listed["RUNNING"]+listed["PENDING_REDRIVE"] > 0 || listed["ABORTED"] > count("executionCounts", "aborted") {
		t.Errorf("children are %v, not %s", listed, run.JSON())
	}
	want := int64(0)
	if writes {
		want = count("itemCounts", "total")
	}
	if got := count("itemCounts", "resultsWritten"); status == "SUCCEEDED" && got != want {
		t.Errorf("%d results were written, not %d: %s", got, want, run.JSON())
	}
}

// checkWritten looks whether each child that the manifest names stands once in its files.
func checkWritten(t *testing.T, store emulator.Store, manifest string) {
	t.Helper()
	load := func(key string) value.Value {
		body, _, err := store.Get(t.Context(), "b", key)
		if err != nil {
			t.Fatalf("%s: %v", key, err)
		}
		defer body.Close()
		text, err := io.ReadAll(body)
		if err != nil {
			t.Fatal(err)
		}
		return value.MustParse(string(text))
	}
	seen := map[string]string{}
	for status, files := range load(manifest).Get("ResultFiles").Members() {
		for _, f := range files.Elems() {
			for _, child := range load(f.Get("Key").Str()).Elems() {
				arn := child.Get("ExecutionArn").Str()
				if other := seen[arn]; other != "" || arn == "" {
					t.Errorf("%s is in the files of %s and %s", arn, other, status)
				}
				seen[arn] = status
			}
		}
	}
}

// TestChildrenAreForgotten runs a map run with more children than are remembered, and looks
// whether the others are held on to anywhere.
func TestChildrenAreForgotten(t *testing.T) {
	s := newServer(t, Options{})
	call := succeed(t, s)
	m := call("CreateStateMachine", createBody("m", `{"StartAt":"M","States":{"M":{"Type":"Map","ItemsPath":"$","ItemProcessor":{"ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"STANDARD"},
	 "StartAt":"P","States":{"P":{"Type":"Pass","Result":0,"End":true}}},"End":true}}}`)).Get("stateMachineArn").Str()
	const items = 3 * keptChildren
	e := call("StartExecution", `{"stateMachineArn":"`+m+`","input":"[`+strings.Repeat("0,", items-1)+`0]"}`).Get("executionArn").Str()
	end(t, call, e)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, run := range s.mapRuns {
		for name, n := range map[string]int{"executions": len(s.executions), "children": len(run.children), "ended": len(s.ended)} {
			if n < keptChildren || n > 3*keptChildren-1 {
				t.Errorf("%d %s are held, %d are to be remembered", n, name, keptChildren)
			}
		}
	}
}
