package server

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/sfnkit/sfnkit/asl/value"
)

// listen serves a new server on a free port for the time of a test.
func listen(t testing.TB, o Options) (*Server, string) {
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
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
	return s, "http://" + l.Addr().String()
}

// post sends one request and returns the body and the status.
func post(c *http.Client, url, op, body string) (string, int, error) {
	req, err := http.NewRequest(http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return "", 0, err
	}
	req.Header.Set("X-Amz-Target", targetPrefix+op)
	req.Header.Set("Content-Type", contentType[0])
	res, err := c.Do(req)
	if err != nil {
		return "", 0, err
	}
	defer res.Body.Close()
	var b bytes.Buffer
	_, err = io.Copy(&b, res.Body)
	return b.String(), res.StatusCode, err
}

const role = "arn:aws:iam::123456789012:role/r"

func mustPost(t testing.TB, url, op, body string) value.Value {
	t.Helper()
	text, status, err := post(http.DefaultClient, url, op, body)
	if err != nil {
		t.Fatal(err)
	}
	if status != http.StatusOK {
		t.Fatalf("%s %s: %d %s", op, body, status, text)
	}
	return value.MustParse(text)
}

func createBody(name, definition string) string {
	return `{"name":` + value.String(name).JSON() + `,"roleArn":"` + role + `","definition":` + value.String(definition).JSON() + `}`
}

const small = `{"StartAt":"A","States":{"A":{"Type":"Pass","Result":{"n":1},"ResultPath":"$.a","Next":"B"},
"B":{"Type":"Choice","Choices":[{"Variable":"$.a.n","NumericEquals":1,"Next":"C"}],"Default":"C"},"C":{"Type":"Succeed"}}}`

// BenchmarkSmallExecutions starts executions and describes them until they have ended,
// with four clients.
func BenchmarkSmallExecutions(b *testing.B) {
	_, url := listen(b, Options{})
	arn := mustPost(b, url, "CreateStateMachine", createBody("small", small)).Get("stateMachineArn").Str()
	body := fmt.Sprintf(`{"stateMachineArn":%q,"input":"{\"x\":1}"}`, arn)
	const clients = 4
	var left atomic.Int64
	left.Store(int64(b.N))
	var wg sync.WaitGroup
	b.ReportAllocs()
	b.ResetTimer()
	for range clients {
		wg.Go(func() {
			c := &http.Client{Transport: &http.Transport{}}
			defer c.CloseIdleConnections()
			for left.Add(-1) >= 0 {
				text, _, err := post(c, url, "StartExecution", body)
				if err != nil {
					b.Error(err)
					return
				}
				got := value.MustParse(text)
				text, _, err = post(c, url, "DescribeExecution", `{"executionArn":"`+got.Get("executionArn").Str()+`"}`)
				if err != nil || !strings.Contains(text, `"status":"SUCCEEDED"`) {
					b.Error(err, text)
					return
				}
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "executions/s")
}

func BenchmarkHistory(b *testing.B) {
	s, url := listen(b, Options{NoLimits: true})
	var d strings.Builder
	d.WriteString(`{"StartAt":"S0","States":{`)
	for i := range 500 {
		fmt.Fprintf(&d, `"S%d":{"Type":"Pass","Next":"S%d"},`, i, i+1)
	}
	d.WriteString(`"S500":{"Type":"Succeed"}}}`)
	arn := mustPost(b, url, "CreateStateMachine", createBody("chain", d.String())).Get("stateMachineArn").Str()
	e := mustPost(b, url, "StartExecution", `{"stateMachineArn":"`+arn+`","input":"{\"x\":[1,2,3]}"}`).Get("executionArn").Str()
	body := []byte(`{"executionArn":"` + e + `","maxResults":1000}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := operations["GetExecutionHistory"].call(s, context.Background(), body); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkListing asks for pages of a thousand among 10,000 state machines and 100,000
// ended executions.
func BenchmarkListing(b *testing.B) {
	s := newServer(b, Options{})
	call := succeed(b, s)
	var m string
	for i := range 10000 {
		m = call("CreateStateMachine", createBody(fmt.Sprint("m", i), small)).Get("stateMachineArn").Str()
	}
	for range 100000 {
		call("StartExecution", `{"stateMachineArn":"`+m+`"}`)
	}
	token := call("ListExecutions", `{"stateMachineArn":"`+m+`","maxResults":1000}`).Get("nextToken").JSON()
	for name, body := range map[string][2]string{
		"machines":   {"ListStateMachines", `{"maxResults":1000}`},
		"executions": {"ListExecutions", `{"stateMachineArn":"` + m + `","maxResults":1000,"nextToken":` + token + `}`},
		"none":       {"ListExecutions", `{"stateMachineArn":"` + m + `","statusFilter":"FAILED"}`}, // looks at all
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := operations[body[0]].call(s, context.Background(), []byte(body[1])); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkStart starts and describes small executions without a network.
func BenchmarkStart(b *testing.B) {
	s := newServer(b, Options{})
	got, err := operations["CreateStateMachine"].call(s, context.Background(), []byte(createBody("m", small)))
	if err != nil {
		b.Fatal(err)
	}
	body := []byte(`{"stateMachineArn":"` + value.MustParse(string(got)).Get("stateMachineArn").Str() + `","input":"{\"x\":1}"}`)
	start, describe := operations["StartExecution"], operations["DescribeExecution"]
	b.ReportAllocs()
	for b.Loop() {
		got, err := start.call(s, context.Background(), body)
		if err != nil {
			b.Fatal(err)
		}
		got, err = describe.call(s, context.Background(), []byte(`{"executionArn":"`+value.MustParse(string(got)).Get("executionArn").Str()+`"}`))
		if err != nil || !strings.Contains(string(got), "SUCCEEDED") {
			b.Fatal(err, string(got))
		}
	}
}

// BenchmarkWaiting reports how much memory an execution takes that waits, with all that
// the service keeps of it.
func BenchmarkWaiting(b *testing.B) {
	const n = 100000
	for b.Loop() {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		s := newServer(b, Options{})
		call := succeed(b, s)
		m := call("CreateStateMachine", createBody("waits", `{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":86400,"End":true}}}`)).Get("stateMachineArn").Str()
		start := `{"stateMachineArn":"` + m + `","input":"{\"n\": 1}"}`
		for range n {
			call("StartExecution", start)
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/n, "B/execution")
		runtime.KeepAlive(s)
	}
}
