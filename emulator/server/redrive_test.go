package server

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/sfnkit/sfnkit/asl/value"
)

// TestRedrivesComeToTheSame runs machines made by chance whose tasks fail by chance, and
// that are stopped, and redrives them until they succeed. The output must be that of an
// execution in whose way nothing was, and histories must hang together.
func TestRedrivesComeToTheSame(t *testing.T) {
	runs := uint64(300)
	if testing.Short() {
		runs = 20
	}
	for seed := range runs {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { t.Parallel(); redrivesComeToTheSame(t, seed) })
	}
}

// randomStates makes a chain of states, with branches and iterations of such chains.
func randomStates(rnd *rand.Rand, prefix string, depth int) string {
	var b strings.Builder
	n := 1 + rnd.IntN(3)
	fmt.Fprintf(&b, `"StartAt":"%s0","States":{`, prefix)
	for i := range n {
		name := fmt.Sprint(prefix, i)
		next := `"End":true`
		if i < n-1 {
			next = fmt.Sprintf(`"Next":"%s%d"`, prefix, i+1)
		} else if depth == 0 {
			next = `"Next":"Done"`
		}
		again := ""
		if rnd.IntN(3) == 0 {
			again = fmt.Sprintf(`,"Retry":[{"ErrorEquals":["Chance"],"MaxAttempts":%d,"IntervalSeconds":1}]`, 1+rnd.IntN(2))
		}
		if i > 0 {
			b.WriteByte(',')
		}
		kind := rnd.IntN(6)
		if depth >= 3 && kind >= 4 {
			kind = 0
		}
		switch kind {
		case 0, 1:
			fmt.Fprintf(&b, `"%s":{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke","Parameters":{"FunctionName":"%s","Payload.$":"$"},"ResultPath":"$.%s"%s,%s}`, name, name, name, again, next)
		case 2:
			fmt.Fprintf(&b, `"%s":{"Type":"Wait","Seconds":%d,%s}`, name, rnd.IntN(3), next)
		case 3:
			fmt.Fprintf(&b, `"%s":{"Type":"Pass","Result":%d,"ResultPath":"$.%s",%s}`, name, i, name, next)
		case 4:
			fmt.Fprintf(&b, `"%s":{"Type":"Parallel","Branches":[`, name)
			for j := range 1 + rnd.IntN(3) {
				if j > 0 {
					b.WriteByte(',')
				}
				b.WriteString("{" + randomStates(rnd, fmt.Sprint(name, "b", j), depth+1) + "}")
			}
			fmt.Fprintf(&b, `],"ResultPath":"$.%s"%s,%s}`, name, again, next)
		case 5:
			fmt.Fprintf(&b, `"%s":{"Type":"Map","ItemsPath":"$.items","MaxConcurrency":%d,"ItemSelector":{"items.$":"$.items","i.$":"$$.Map.Item.Value"},"ItemProcessor":{%s},"ResultPath":"$.%s"%s,%s}`,
				name, rnd.IntN(3), randomStates(rnd, name+"m", depth+1), name, again, next)
		}
	}
	if depth == 0 {
		b.WriteString(`,"Done":{"Type":"Succeed"}`)
	}
	b.WriteByte('}')
	return b.String()
}

func redrivesComeToTheSame(t *testing.T, seed uint64) {
	rnd := rand.New(rand.NewPCG(seed, 3))
	c := &chance{rnd: rand.New(rand.NewPCG(seed, 4))}
	s := newServer(t, Options{Virtual: true, Caller: c, NoLimits: true})
	call := func(op, body string) value.Value {
		t.Helper()
		got, err := operations[op].call(s, context.Background(), []byte(body))
		if err != nil {
			t.Fatalf("%s %s: %v", op, body, err)
		}
		return value.MustParse(string(got))
	}
	definition := "{" + randomStates(rnd, "s", 0) + "}"
	m := call("CreateStateMachine", createBody("m", definition)).Get("stateMachineArn").Str()
	start := `{"stateMachineArn":"` + m + `","input":"{\"items\":[1,2,3]}"}`
	wait := func(arn string) value.Value {
		t.Helper()
		for until := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
			if d := call("DescribeExecution", `{"executionArn":"`+arn+`"}`); d.Get("status").Str() != "RUNNING" {
				return d
			}
			if time.Now().After(until) {
				t.Fatalf("it does not end: %s\n%s", definition, call("GetExecutionHistory", `{"executionArn":"`+arn+`"}`).JSON())
			}
		}
	}
	want := wait(call("StartExecution", start).Get("executionArn").Str())
	if want.Get("status").Str() != "SUCCEEDED" {
		t.Fatalf("%s\n%s", definition, want.JSON())
	}

	c.mu.Lock()
	c.fails = []float64{0.05, 0.2, 0.5}[rnd.IntN(3)]
	ready := make(chan string, 1)
	if rnd.IntN(2) == 0 {
		c.left = 1 + rnd.IntN(8)
		c.meddle = func() { call("StopExecution", `{"executionArn":"`+<-ready+`"}`) }
	}
	c.mu.Unlock()
	e := call("StartExecution", start).Get("executionArn").Str()
	ready <- e
	got := wait(e)
	for redrives := 0; got.Get("status").Str() != "SUCCEEDED" && !t.Failed(); redrives++ {
		c.mu.Lock()
		c.left = 0
		if c.fails /= 1.5; redrives == 4 {
			c.fails = 0
		}
		c.mu.Unlock()
		c.meddled.Wait()
		var events []value.Value
		for token := ""; ; {
			page := call("GetExecutionHistory", `{"executionArn":"`+e+`","maxResults":1000`+token+`}`)
			events = append(events, page.Get("events").Elems()...)
			if page.Get("nextToken").IsAbsent() {
				break
			}
			token = `,"nextToken":` + page.Get("nextToken").JSON()
		}
		checkHistory(t, events, redrives)
		if redrives == 6 {
			t.Fatalf("it does not succeed: %s", got.JSON())
		}
		call("RedriveExecution", `{"executionArn":"`+e+`"}`)
		got = wait(e)
	}
	if got.Get("output").Str() != want.Get("output").Str() {
		t.Errorf("%s\n got %s\nwant %s", definition, got.JSON(), want.Get("output").Str())
	}
}

// checkHistory looks whether events are numbered, follow earlier ones, begin and end as an
// execution does and say that it was redriven so often.
func checkHistory(t *testing.T, events []value.Value, redrives int) {
	t.Helper()
	entered, left, redriven := 0, 0, 0
	last := -1.0
	for i, e := range events {
		id, _ := e.Get("id").Int64()
		previous, _ := e.Get("previousEventId").Int64()
		at := e.Get("timestamp").Float64()
		if id != int64(i+1) || previous < 0 || previous >= id || at < last {
			t.Errorf("event %d: %s", i+1, e.JSON())
		}
		last = at
		switch typ := e.Get("type").Str(); {
		case strings.HasSuffix(typ, "StateEntered"):
			entered++
		case strings.HasSuffix(typ, "StateExited"):
			left++
		case typ == "ExecutionRedriven":
			redriven++
		case (typ == "ExecutionFailed" || typ == "ExecutionAborted" || typ == "ExecutionSucceeded") && i < len(events)-1 && events[i+1].Get("type").Str() != "ExecutionRedriven":
			t.Errorf("after the end: %s", events[i+1].JSON())
		}
	}
	if left > entered || redriven != redrives {
		t.Errorf("%d states were entered and %d left, with %d redrives, not %d", entered, left, redriven, redrives)
	}
}
