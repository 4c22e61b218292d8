package server

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/sfnkit/sfnkit/asl/value"
	"github.com/sfnkit/sfnkit/emulator"
)

func newServer(t testing.TB, o Options) *Server {
	t.Helper()
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := s.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return s
}

// succeed returns how operations of s are called that must succeed.
func succeed(t testing.TB, s *Server) func(op, body string) value.Value {
	return func(op, body string) value.Value {
		t.Helper()
		got, err := operations[op].call(s, context.Background(), []byte(body))
		if err != nil {
			t.Fatalf("%s %s: %v", op, body, err)
		}
		return value.MustParse(string(got))
	}
}

// end waits until an execution has ended and describes it.
func end(t testing.TB, call func(op, body string) value.Value, arn string) value.Value {
	t.Helper()
	for until := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		if d := call("DescribeExecution", `{"executionArn":"`+arn+`"}`); d.Get("status").Str() != "RUNNING" {
			return d
		}
		if time.Now().After(until) {
			t.Fatalf("it does not end: %s", call("GetExecutionHistory", `{"executionArn":"`+arn+`"}`).JSON())
		}
	}
}

func TestProtocol(t *testing.T) {
	s := newServer(t, Options{MaxBody: 1 << 20})
	deep := strings.Repeat(`{"a":`, 100000) + "1" + strings.Repeat("}", 100000)
	for _, c := range []struct {
		name, method, target, body string
		status                     int
		code, message              string
	}{
		{"no target", "POST", "", "{}", 400, "UnknownOperationException", ""},
		{"another service", "POST", "DynamoDB_20120810.ListTables", "{}", 400, "UnknownOperationException", ""},
		{"unknown operation", "POST", "AWSStepFunctions.DoIt", "{}", 400, "UnknownOperationException", ""},
		{"no prefix", "POST", "ListActivities", "{}", 400, "UnknownOperationException", ""},
		{"GET", "GET", "AWSStepFunctions.ListActivities", "", 404, "UnknownOperationException", ""},
		{"empty body", "POST", "AWSStepFunctions.ListActivities", "", 200, "", ""},
		{"not JSON", "POST", "AWSStepFunctions.ListActivities", "{", 400, "SerializationException", ""},
		{"not an object", "POST", "AWSStepFunctions.ListActivities", "[]", 400, "SerializationException", "Unexpected field type"},
		{"number for a text", "POST", "AWSStepFunctions.DescribeActivity", `{"activityArn":1}`, 400, "SerializationException", "NUMBER_VALUE can not be converted to a String"},
		{"text for a number", "POST", "AWSStepFunctions.ListActivities", `{"maxResults":"1"}`, 400, "SerializationException", "STRING_VALUE can not be converted to an Integer"},
		{"list for a text", "POST", "AWSStepFunctions.DescribeActivity", `{"activityArn":[]}`, 400, "SerializationException", "Start of list found where not expected"},
		{"object for a text", "POST", "AWSStepFunctions.DescribeActivity", `{"activityArn":{}}`, 400, "SerializationException", "Start of structure or map found where not expected."},
		{"truth for a list", "POST", "AWSStepFunctions.CreateActivity", `{"name":"x","tags":true}`, 400, "SerializationException", "TRUE_VALUE can not be converted to a list"},
		{"unknown member", "POST", "AWSStepFunctions.ListActivities", `{"nothing":[1]}`, 200, "", ""},
		{"null member", "POST", "AWSStepFunctions.DescribeActivity", `{"activityArn":null}`, 400, "ValidationException", "1 validation error detected: Value null at 'activityArn' failed to satisfy constraint: Member must not be null"},
		{"deep", "POST", "AWSStepFunctions.ListActivities", deep, 400, "SerializationException", ""},
		{"10 MB", "POST", "AWSStepFunctions.ListActivities", strings.Repeat(" ", 10<<20), 413, "RequestEntityTooLargeException", "Request size exceeded 1048576 bytes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			req := httptest.NewRequest(c.method, "http://sync-localhost/any/path", strings.NewReader(c.body))
			req.Header.Set("X-Amz-Target", c.target)
			w := httptest.NewRecorder()
			s.ServeHTTP(w, req)
			got, err := value.Parse(w.Body.Bytes())
			if err != nil {
				t.Fatalf("%v in %q", err, w.Body)
			}
			if w.Code != c.status || got.Get("__type").Str() != c.code || w.Header().Get("X-Amzn-ErrorType") != c.code || got.Get("message").Str() != c.message {
				t.Errorf("%d %s %s", w.Code, w.Header(), got)
			}
			if w.Header().Get("Content-Type") != "application/x-amz-json-1.0" || w.Header().Get("X-Amzn-Requestid") == "" {
				t.Error(w.Header())
			}
		})
	}
}

// TestLongBody sends a body that does not say how long it is.
func TestLongBody(t *testing.T) {
	s := newServer(t, Options{MaxBody: 1 << 10})
	req := httptest.NewRequest("POST", "/", io.MultiReader(strings.NewReader("{"), bytes.NewReader(make([]byte, 1<<20))))
	req.ContentLength = -1
	req.Header.Set("X-Amz-Target", targetPrefix+"ListActivities")
	w := httptest.NewRecorder()
	s.ServeHTTP(w, req)
	if w.Code != http.StatusRequestEntityTooLarge {
		t.Error(w.Code, w.Body)
	}
}

// pipes is a listener whose connections keep nothing: what is not read is not written.
type pipes chan net.Conn

func (p pipes) Accept() (net.Conn, error) {
	if c, ok := <-p; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}

func (pipes) Close() error   { return nil }
func (pipes) Addr() net.Addr { return &net.TCPAddr{} }

// TestStalledClients lets clients send no more, or read no more: their connections end.
func TestStalledClients(t *testing.T) {
	s := newServer(t, Options{})
	s.stalls = 20 * time.Millisecond
	big := `{"StartAt":"A","States":{"A":{"Type":"Pass","Comment":"` + strings.Repeat("x", 200<<10) + `","End":true}}}`
	arn := succeed(t, s)("CreateStateMachine", createBody("big", big)).Get("stateMachineArn").JSON()
	head := func(op, rest string) string {
		return "POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Target: " + targetPrefix + op + "\r\n" + rest
	}
	describe := `{"stateMachineArn":` + arn + `}`
	for name, request := range map[string]string{
		"short body":   head("ListActivities", "Content-Length: 20\r\n\r\n{"),
		"long body":    head("ListActivities", "Content-Length: 100000\r\n\r\n{"),
		"chunked body": head("ListActivities", "Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n"),
		"too long":     head("ListActivities", "Content-Length: 10000000\r\n\r\n{"),
		"no operation": head("None", "Content-Length: 20\r\n\r\n{"),
		"answer":       head("DescribeStateMachine", fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(describe), describe)),
	} {
		t.Run(name, func(t *testing.T) {
			l, closed := make(pipes), make(chan bool, 1)
			h := &http.Server{Handler: s, ConnState: func(_ net.Conn, st http.ConnState) {
				if st == http.StateClosed {
					closed <- true
				}
			}}
			go h.Serve(l)
			defer close(l)
			client, end := net.Pipe()
			defer client.Close()
			l <- end
			client.SetDeadline(time.Now().Add(10 * time.Second))
			if _, err := io.WriteString(client, request); err != nil {
				t.Fatal(err)
			}
			if name != "answer" {
				if _, err := io.Copy(io.Discard, client); err != nil {
					t.Error(err)
				}
			}
			select {
			case <-closed:
			case <-time.After(10 * time.Second):
				t.Error("it is waited for")
			}
		})
	}
}

// TestOperations holds the table against the SDK: every operation of its client is there,
// and every member that the model has a constraint for is one of the SDK's.
func TestOperations(t *testing.T) {
	client := reflect.TypeFor[*sfn.Client]()
	n := 0
	for i := range client.NumMethod() {
		m := client.Method(i)
		if m.Type.NumIn() < 3 || m.Type.In(2).Kind() != reflect.Pointer || m.Type.In(2).Elem().Name() != m.Name+"Input" {
			continue
		}
		n++
		if operations[m.Name] == nil {
			t.Errorf("%s is missing", m.Name)
		}
		checkMembers(t, m.Name, inputs[m.Name], planOf(m.Type.In(2).Elem()))
	}
	if n != len(operations) || n != len(inputs) {
		t.Errorf("the SDK has %d operations, the server %d, the model %d", n, len(operations), len(inputs))
	}
}

func checkMembers(t *testing.T, at string, s *shape, p *typePlan) {
	for p.kind == reflect.Pointer {
		p = p.elem
	}
	switch {
	case s == nil:
		t.Errorf("%s has no model", at)
	case s.kind == listKind:
		checkMembers(t, at+"[]", s.elem, p.elem)
	case s.kind == structKind:
		have := map[string]*typePlan{}
		for _, f := range p.fields {
			have[f.name] = f.typ
		}
		for _, m := range s.members {
			if have[m.name] == nil {
				t.Errorf("%s has no member %s", at, m.name)
				continue
			}
			checkMembers(t, at+"."+m.name, m.shape, have[m.name])
			delete(have, m.name)
		}
		for n := range have {
			t.Errorf("the model of %s lacks %s", at, n)
		}
	}
}

// TestConstraints breaks every constraint of every operation, one at a time: what is
// required is left out, and every bound, pattern and enumeration is violated.
func TestConstraints(t *testing.T) {
	s := newServer(t, Options{})
	n := 0
	for op, in := range inputs {
		valid := example(in)
		violate(in, "", valid, func(path string, broken value.Value, want string) {
			n++
			req := httptest.NewRequest("POST", "/", strings.NewReader(broken.JSON()))
			req.Header.Set("X-Amz-Target", targetPrefix+op)
			w := httptest.NewRecorder()
			s.ServeHTTP(w, req)
			got := value.MustParse(w.Body.String())
			if w.Code != 400 || got.Get("__type").Str() != "ValidationException" || !strings.Contains(got.Get("message").Str(), "at '"+path+"' failed to satisfy constraint: Member must "+want) {
				t.Errorf("%s %s %s: %d %.300s", op, path, want, w.Code, w.Body)
			}
		})
	}
	if n < 150 {
		t.Errorf("only %d violations", n)
	}
}

// example is a value that satisfies a shape.
func example(s *shape) value.Value {
	switch s.kind {
	case structKind:
		b := value.NewBuilder(len(s.members))
		for _, m := range s.members {
			b.Set(m.name, example(m.shape))
		}
		return b.Object()
	case listKind:
		return value.Array([]value.Value{example(s.elem)})
	case intKind, floatKind:
		return value.Int(max(s.min, 1))
	case boolKind:
		return value.False
	}
	if s.enum != nil {
		return value.String(s.enum[0])
	}
	return value.String("x")
}

// violate calls f with the value in which one part breaks one constraint.
func violate(s *shape, path string, v value.Value, f func(path string, broken value.Value, want string)) {
	long := func(n int64) value.Value { return value.String(strings.Repeat("x", int(n))) }
	switch s.kind {
	case structKind:
		for _, m := range s.members {
			at := m.name
			if path != "" {
				at = path + "." + m.name
			}
			put := func(p string, sub value.Value, want string) { f(p, v.With(m.name, sub), want) }
			if m.required {
				f(at, v.Without(m.name), "not be null")
			}
			violate(m.shape, at, v.Get(m.name), put)
		}
	case listKind:
		violate(s.elem, path+".1.member", v.At(0), func(p string, sub value.Value, want string) { f(p, value.Array([]value.Value{sub}), want) })
		if s.min > 0 {
			f(path, value.EmptyArray, "have length greater than or equal to")
		}
		if s.max > 0 {
			many := make([]value.Value, s.max+1)
			for i := range many {
				many[i] = v.At(0)
			}
			f(path, value.Array(many), "have length less than or equal to")
		}
	case intKind, floatKind:
		f(path, value.Int(s.min-1), "have value greater than or equal to")
		if s.max >= 0 {
			f(path, value.Int(s.max+1), "have value less than or equal to")
			f(path, value.MustParse("99999999999999999999"), "have value less than or equal to")
		}
	case textKind:
		if s.enum != nil {
			f(path, value.String("?"), "satisfy enum value set: [")
			return
		}
		if s.min > 0 {
			f(path, value.String(""), "have length greater than or equal to")
		}
		if s.max >= 0 {
			f(path, long(s.max+1), "have length less than or equal to")
		}
		if s.bytes {
			f(path, value.String(strings.Repeat("\u00e9", int(s.max/2+1))), "have length less than or equal to")
		}
		if s.pattern != "" {
			f(path, value.String("\u00e9 "), "satisfy regular expression pattern: ")
		}
	}
}

// TestManyAtOnce starts a thousand executions by fifty clients, stops a hundred of them
// midway and the server in the end: every answer belongs to its question, and nothing is
// left behind.
func TestManyAtOnce(t *testing.T) {
	before := runtime.NumGoroutine()
	s, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx, l) }()
	url := "http://" + l.Addr().String()
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	client := &http.Client{Transport: transport}
	arn := func(definition string) string {
		text, status, err := post(client, url, "CreateStateMachine", createBody("m"+newUUID(), definition))
		if err != nil || status != 200 {
			t.Fatal(err, text)
		}
		return value.MustParse(text).Get("stateMachineArn").Str()
	}
	quick := arn(`{"StartAt":"P","States":{"P":{"Type":"Parallel","Branches":[
		{"StartAt":"A","States":{"A":{"Type":"Pass","End":true}}},{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":0,"End":true}}}],"End":true}}}`)
	waits := arn(`{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":3600,"End":true}}}`)
	activity, _, err := post(client, url, "CreateActivity", `{"name":"a"}`)
	if err != nil {
		t.Fatal(err)
	}
	poll := `{"activityArn":"` + value.MustParse(activity).Get("activityArn").Str() + `"}`
	var polls sync.WaitGroup
	for range 20 {
		polls.Go(func() { post(client, url, "GetActivityTask", poll) })
	}
	var clients sync.WaitGroup
	for c := range 50 {
		clients.Go(func() {
			for i := range 20 {
				machine, stopped := quick, i < 2
				if stopped {
					machine = waits
				}
				input := value.Int(int64(c*1000 + i)).JSON()
				text, status, err := post(client, url, "StartExecution", `{"stateMachineArn":"`+machine+`","input":"`+input+`"}`)
				if err != nil || status != 200 {
					t.Error(err, text)
					return
				}
				e := value.MustParse(text).Get("executionArn").Str()
				if stopped {
					if text, status, err := post(client, url, "StopExecution", `{"executionArn":"`+e+`","error":"`+input+`"}`); err != nil || status != 200 {
						t.Error(err, text)
					}
				}
				x, err := s.find(e)
				if err != nil {
					t.Error(err)
					return
				}
				if err := x.running().Wait(t.Context()); err != nil {
					t.Error(err)
				}
				text, _, err = post(client, url, "DescribeExecution", `{"executionArn":"`+e+`"}`)
				got := value.MustParse(text)
				switch {
				case err != nil || got.Get("input").Str() != input || got.Get("executionArn").Str() != e:
					t.Error(err, text)
				case stopped && (got.Get("status").Str() != "ABORTED" || got.Get("error").Str() != input):
					t.Error(text)
				case !stopped && got.Get("output").Str() != "["+input+","+input+"]":
					t.Error(text)
				}
			}
		})
	}
	clients.Wait()
	left := arn(`{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":3600,"End":true}}}`)
	for range 100 {
		if text, status, err := post(client, url, "StartExecution", `{"stateMachineArn":"`+left+`"}`); err != nil || status != 200 {
			t.Fatal(err, text)
		}
	}
	stop()
	if err := <-served; err != nil {
		t.Error(err)
	}
	polls.Wait()
	transport.CloseIdleConnections()
	for deadline := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before; runtime.Gosched() {
		if time.Now().After(deadline) {
			b := make([]byte, 1<<20)
			t.Fatalf("%d goroutines, %d before\n%s", runtime.NumGoroutine(), before, b[:runtime.Stack(b, true)])
		}
	}
}

// TestAddressTaken tells of a second server on the same port.
func TestAddressTaken(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s := newServer(t, Options{})
	if err := s.ListenAndServe(t.Context(), l.Addr().String()); err == nil || !strings.Contains(err.Error(), "is another server running on") {
		t.Error(err)
	}
}

// TestForget keeps the number of ended executions within its bound.
func TestForget(t *testing.T) {
	s := newServer(t, Options{KeepExecutions: 100})
	r := &script{t: t, s: s}
	got, _ := r.post("CreateStateMachine", createBody("m", small))
	m := got.Get("stateMachineArn").Str()
	for range 500 {
		r.post("StartExecution", `{"stateMachineArn":"`+m+`"}`)
	}
	got, _ = r.post("ListExecutions", `{"stateMachineArn":"`+m+`","maxResults":1000}`)
	if n := got.Get("executions").Len(); n != 100 {
		t.Errorf("%d executions are left", n)
	}
	if of, _ := s.machines.get(m); len(s.executions) != 100 || len(of.executions) > 300 {
		t.Error(len(s.executions), len(of.executions))
	}
}

// TestForgetForMemory forgets the oldest ended executions while the heap is beyond its bound,
// and none while it is not.
func TestForgetForMemory(t *testing.T) {
	for bytes, forgets := range map[int64]bool{1: true, 1 << 50: false, 0: false} {
		s := newServer(t, Options{KeepBytes: bytes})
		r := &script{t: t, s: s}
		got, _ := r.post("CreateStateMachine", createBody("m", small))
		m := got.Get("stateMachineArn").Str()
		last := ""
		for range 20 {
			for range lookEvery {
				got, _ = r.post("StartExecution", `{"stateMachineArn":"`+m+`"}`)
				last = got.Get("executionArn").Str()
			}
			runtime.GC()
		}
		if n := len(s.executions); forgets != (n < 19*lookEvery) || n < 2*lookEvery {
			t.Errorf("with %d bytes %d executions are left of %d", bytes, n, 20*lookEvery)
		}
		if got, _ := r.post("DescribeExecution", `{"executionArn":"`+last+`"}`); got.Get("status").Str() != "SUCCEEDED" {
			t.Errorf("with %d bytes the last one is %s", bytes, got.JSON())
		}
	}
}

func TestLogs(t *testing.T) {
	for level, want := range map[string]string{
		"ALL":   "ExecutionStarted PassStateEntered PassStateExited FailStateEntered ExecutionFailed",
		"ERROR": "FailStateEntered ExecutionFailed", "FATAL": "ExecutionFailed", "OFF": "",
	} {
		var log bytes.Buffer
		s := newServer(t, Options{Log: &log})
		r := &script{t: t, s: s}
		body := createBody("m", `{"StartAt":"A","States":{"A":{"Type":"Pass","Next":"F"},"F":{"Type":"Fail","Error":"E","Cause":"C"}}}`)
		body = strings.TrimSuffix(body, "}") + `,"loggingConfiguration":{"level":"` + level + `","includeExecutionData":true,"destinations":[{"cloudWatchLogsLogGroup":{"logGroupArn":"arn:aws:logs:us-east-1:123456789012:log-group:g:*"}}]}}`
		got, _ := r.post("CreateStateMachine", body)
		started, status := r.post("StartExecution", `{"stateMachineArn":"`+got.Get("stateMachineArn").Str()+`","input":"{\"a\":1}"}`)
		if status != 200 {
			t.Fatal(started)
		}
		var types []string
		for line := range strings.Lines(log.String()) {
			v, err := value.ParseString(strings.TrimSpace(line))
			if err != nil {
				t.Fatal(err)
			}
			types = append(types, v.Get("type").Str())
			if v.Get("execution_arn").Str() != started.Get("executionArn").Str() || !v.Get("id").IsString() || !v.Get("details").IsObject() || !v.Get("event_timestamp").IsString() {
				t.Error(line)
			}
			if v.Get("type").Str() == "ExecutionFailed" && v.Get("details").JSON() != `{"cause":"C","error":"E"}` {
				t.Error(line)
			}
		}
		if got := strings.Join(types, " "); got != want {
			t.Errorf("%s: %s", level, got)
		}
	}
}

// TestVariableReferences finds the variables that the states of a definition use.
func TestVariableReferences(t *testing.T) {
	for text, want := range map[string][]string{
		`$.a`: nil, `$$.Execution.Id`: nil, `$x`: {"x"}, `$x.a[0]`: {"x"}, `States.Format('{} $no', $yes, $.a)`: {"yes"},
		`$.a[?(@.b == $c)]`: {"c"},
	} {
		if got := variablesInPath(text); !reflect.DeepEqual(append([]string{}, got...), append([]string{}, want...)) {
			t.Errorf("%s: %v", text, got)
		}
	}
	for text, want := range map[string][]string{
		`$states.input.a`: nil, `$x + 1`: {"x"}, `$sum($x)`: {"x"}, `($y := 1; $y + $z)`: {"z"}, `'$no' & "$no" & $yes`: {"yes"},
		`$map([1], function($v, $i) { $v + $k })`: {"k"}, `/* $no */ $a`: {"a"}, `$$.a`: nil, `$.a`: nil,
	} {
		if got := variablesInJSONata(text); !reflect.DeepEqual(append([]string{}, got...), append([]string{}, want...)) {
			t.Errorf("%s: %v", text, got)
		}
	}
}

// TestInputProblem shows the words for inputs that are no JSON.
// TestManyVariableReferences gives each variable as much text before it as a definition may have.
func TestManyVariableReferences(t *testing.T) {
	for _, begin := range []string{"[", "$f(", "function($x) {["} {
		n := make(chan int, 1)
		go func() { n <- len(variablesInJSONata(begin + strings.Repeat("$a, ", 260000))) }()
		select {
		case got := <-n:
			if got != 260000 {
				t.Errorf("%s: %d", begin, got)
			}
		case <-time.After(10 * time.Second):
			t.Errorf("%s: it takes too long", begin)
		}
	}
}

func TestInputProblem(t *testing.T) {
	for text, want := range map[string]string{
		"":              "Invalid execution input.",
		"not some json": "Unrecognized token 'not': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')",
		"{'a'":          "Unexpected character (''' (code 39)): was expecting double-quote to start field name",
		strings.Repeat("[", 2000) + strings.Repeat("]", 2000): "Invalid execution input.",

		`{"a" 1}`: "Unexpected character ('1' (code 49)): was expecting a colon to separate field name and value",
	} {
		if got := inputProblem(text); got != want {
			t.Errorf("%q: %s", text, got)
		}
	}
}

// TestListing pages through many state machines and executions.
func TestListing(t *testing.T) {
	s := newServer(t, Options{})
	r := &script{t: t, s: s}
	const n = 2500
	var m string
	for range n {
		got, status := r.post("CreateStateMachine", createBody("m"+newUUID(), small))
		if status != 200 {
			t.Fatal(got)
		}
		m = got.Get("stateMachineArn").Str()
	}
	for range n {
		r.post("StartExecution", `{"stateMachineArn":"`+m+`"}`)
	}
	all := func(op, list, key, body string) {
		seen := map[string]bool{}
		for token := ""; ; {
			got, status := r.post(op, body+token+"}")
			if status != 200 {
				t.Fatal(got)
			}
			for _, e := range got.Get(list).Elems() {
				seen[e.Get(key).Str()] = true
			}
			next := got.Get("nextToken")
			if next.IsAbsent() {
				break
			}
			token = `,"nextToken":` + next.JSON()
		}
		if len(seen) != n {
			t.Errorf("%s lists %d", op, len(seen))
		}
	}
	all("ListStateMachines", "stateMachines", "stateMachineArn", `{"maxResults":999`)
	all("ListExecutions", "executions", "executionArn", `{"maxResults":999,"stateMachineArn":"`+m+`"`)
	for i := 0; i < n; i += 2 {
		r.post("DeleteStateMachine", `{"stateMachineArn":"`+s.machines.list[i/2].arn+`"}`)
	}
	if got := len(s.machines.list); got != n/2 {
		t.Error(got)
	}
}

func FuzzRequest(f *testing.F) {
	for op, in := range inputs {
		f.Add(op, example(in).JSON())
	}
	f.Add("StartExecution", `{"stateMachineArn":"arn:aws:states:us-east-1:123456789012:stateMachine:m","input":"{\"a\":[1,`)
	f.Add("ListStateMachines", `{"nextToken":"AAAAAAAAAAAAAAAAAAAAAAzz"}`)
	f.Add("TestState", `{"definition":"{\"Type\":\"Map\",\"ItemReader\":{\"Resource\":\"arn:aws:states:::s3:getObject\",\"ReaderConfig\":{\"InputType\":\"JSON\",\"ItemsPointer\":\"/a\",\"MaxItems\":1},\"Parameters\":{\"Bucket\":\"b\",\"Key\":\"k\"}},\"ItemBatcher\":{\"MaxItemsPerBatch\":2},\"ItemProcessor\":{\"ProcessorConfig\":{\"Mode\":\"DISTRIBUTED\",\"ExecutionType\":\"EXPRESS\"},\"StartAt\":\"P\",\"States\":{\"P\":{\"Type\":\"Pass\",\"End\":true}}},\"End\":true}","mock":{"result":"[1]"},"inspectionLevel":"DEBUG","stateConfiguration":{"mapItemReaderData":"{\"a\":{\"k\":[1]}}"}}`)
	f.Add("TestState", `{"definition":"{\"Type\":\"Task\",\"Resource\":\"arn:aws:states:::http:invoke\",\"Parameters\":{\"Method\":\"GET\",\"ApiEndpoint\":\"https://h/p\",\"InvocationConfig\":{\"ConnectionArn\":\"c\"},\"Headers\":[\"a\"],\"QueryParameters\":{\"q\":[1]},\"RequestBody\":{\"a\":[{\"b\":1}]},\"Transform\":{\"RequestBodyEncoding\":\"URL_ENCODED\"}},\"End\":true}","roleArn":"arn:aws:iam::123456789012:role/r","inspectionLevel":"TRACE"}`)
	s := newServer(f, Options{Virtual: true, Poll: time.Microsecond, Caller: emulator.CallerFunc(func(context.Context, *emulator.Request) (emulator.Answer, error) {
		return emulator.Answer{}, emulator.NewError("No", "nothing is called here")
	})})
	f.Fuzz(func(t *testing.T, op, body string) {
		req := httptest.NewRequest("POST", "/", strings.NewReader(body))
		req.Header.Set("X-Amz-Target", targetPrefix+op)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, req)
		if w.Code >= 500 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		if _, err := value.Parse(w.Body.Bytes()); err != nil {
			t.Errorf("%v in %s", err, w.Body)
		}
	})
}
