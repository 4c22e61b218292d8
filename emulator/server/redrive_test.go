package server

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/sfnkit/sfnkit/asl/value"
	"github.com/sfnkit/sfnkit/emulator"
)

func TestRedriveProblem(t *testing.T) {
	const day = 24 * 60 * 60 * 1000
	for _, c := range []struct {
		status                emulator.Status
		started, stopped, now int64 // days
		events                int
		want                  string
	}{
		{emulator.Failed, 0, 1, 15, 24998, ""},
		{emulator.Running, 0, 0, 1, 3, "Execution is RUNNING and cannot be redriven"},
		{emulator.Succeeded, 0, 1, 2, 3, "Execution is SUCCEEDED and cannot be redriven"},
		{emulator.TimedOut, 0, 1, 16, 3, "Execution redrivable period exceeded"},
		{emulator.Aborted, 0, 360, 366, 3, "Execution has exceeded the max execution time"},
		{emulator.Failed, 0, 1, 2, 24999, "Execution history event limit exceeded"},
		{emulator.Failed, 800, 801, 0, 3, ""}, // in virtual time, which is ahead
	} {
		if got := redriveProblem(c.status, c.started*day, c.stopped*day, c.now*day, c.events); got != c.want {
			t.Errorf("%v: %q", c, got)
		}
	}
}

// TestRedrivesComeToTheSame runs machines made by chance whose tasks fail by chance, and
// that are stopped, and redrives them until they succeed. The output must be that of an
// execution in whose way nothing was, and histories must hang together.
func TestRedrivesComeToTheSame(t *testing.T) {
	runs := uint64(200)
	if testing.Short() {
		runs = 20
	}
	for seed := range runs {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { t.Parallel(); redrivesComeToTheSame(t, seed) })
	}
}

// randomStates makes a chain of states, with branches and iterations of such chains, that
// keep their results in the output and in variables. The chain shows the variables of its
// own and of those around it at its end.
func randomStates(rnd *rand.Rand, language, prefix string, depth int, variables []string) string {
	var b strings.Builder
	n := 1 + rnd.IntN(3)
	fmt.Fprintf(&b, `"StartAt":"%s0","States":{`, prefix)
	for i := range n {
		name := fmt.Sprint(prefix, i)
		next := fmt.Sprintf(`"Next":"%s%d"`, prefix, i+1)
		if i == n-1 {
			next = fmt.Sprintf(`"Next":"%sEnd"`, prefix)
		}
		again := ""
		if rnd.IntN(3) == 0 {
			again = fmt.Sprintf(`,"Retry":[{"ErrorEquals":["Chance"],"MaxAttempts":%d,"IntervalSeconds":1}]`, 1+rnd.IntN(2))
		}
		kind := rnd.IntN(6)
		if depth >= 2 && kind >= 4 {
			kind = 0
		}
		keep := fmt.Sprintf(`"ResultPath":"$.%s","Assign":{"%s.$":"$"}`, name, name)
		if language == "JSONata" {
			result := "$states.result"
			if kind == 2 || kind == 3 {
				result = "$states.input.items"
			}
			keep = fmt.Sprintf(`"Output":"{%% $merge([$states.input, {'%s': %s}]) %%}","Assign":{"%s":"{%% %s %%}"}`, name, result, name, result)
		} else if kind == 2 {
			keep = fmt.Sprintf(`"Assign":{"%s.$":"$.items"}`, name)
		}
		fmt.Fprintf(&b, `"%s":{%s,%s`, name, keep, next)
		switch kind {
		case 0, 1:
			input := `"Parameters":{"FunctionName":"f","Payload.$":"$"}`
			if language == "JSONata" {
				input = `"Arguments":{"FunctionName":"f","Payload":"{% $states.input %}"}`
			}
			fmt.Fprintf(&b, `,"Type":"Task","Resource":"arn:aws:states:::lambda:invoke",%s%s},`, input, again)
		case 2:
			fmt.Fprintf(&b, `,"Type":"Wait","Seconds":%d},`, rnd.IntN(3))
		case 3:
			if language == "JSONPath" {
				fmt.Fprintf(&b, `,"Result":%d`, i)
			}
			b.WriteString(`,"Type":"Pass"},`)
		case 4:
			fmt.Fprintf(&b, `,"Type":"Parallel"%s,"Branches":[`, again)
			for j := range 1 + rnd.IntN(3) {
				if j > 0 {
					b.WriteByte(',')
				}
				b.WriteString("{" + randomStates(rnd, language, fmt.Sprint(name, "b", j), depth+1, variables) + "}")
			}
			b.WriteString(`]},`)
		case 5:
			items := `"ItemsPath":"$.items","ItemSelector":{"items.$":"$.items","i.$":"$$.Map.Item.Value"}`
			if language == "JSONata" {
				items = `"Items":"{% $states.input.items %}","ItemSelector":{"items":"{% $states.input.items %}","i":"{% $states.context.Map.Item.Value %}"}`
			}
			fmt.Fprintf(&b, `,"Type":"Map",%s,"MaxConcurrency":%d%s,"ItemProcessor":{%s}},`, items, rnd.IntN(3), again,
				randomStates(rnd, language, name+"m", depth+1, variables))
		}
		variables = append(variables, name)
	}
	var shown []string
	for _, v := range variables {
		if language == "JSONata" {
			shown = append(shown, fmt.Sprintf(`"%s":"{%% $%s %%}"`, v, v))
		} else {
			shown = append(shown, fmt.Sprintf(`"%s.$":"$%s"`, v, v))
		}
	}
	if language == "JSONata" {
		fmt.Fprintf(&b, `"%sEnd":{"Type":"Pass","Output":{"all":"{%% $states.input %%}",%s},"End":true}}`, prefix, strings.Join(shown, ","))
	} else {
		fmt.Fprintf(&b, `"%sEnd":{"Type":"Pass","Parameters":{"all.$":"$",%s},"End":true}}`, prefix, strings.Join(shown, ","))
	}
	return b.String()
}

func redrivesComeToTheSame(t *testing.T, seed uint64) {
	rnd := rand.New(rand.NewPCG(seed, 3))
	c := &chance{rnd: rand.New(rand.NewPCG(seed, 4))}
	s := newServer(t, Options{Virtual: true, Caller: c, NoLimits: true})
	call := succeed(t, s)
	language := []string{"JSONPath", "JSONata"}[rnd.IntN(2)]
	definition := `{"QueryLanguage":"` + language + `",` + randomStates(rnd, language, "s", 0, nil) + "}"
	m := call("CreateStateMachine", createBody("m", definition)).Get("stateMachineArn").Str()
	start := `{"stateMachineArn":"` + m + `","input":"{\"items\":[1,2,3]}"}`
	want := end(t, call, call("StartExecution", start).Get("executionArn").Str())
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
	got := end(t, call, e)
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
		got = end(t, call, e)
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
