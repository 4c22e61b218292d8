package server

import (
	"fmt"
	"net/http/httptest"
	"os"
	"runtime"
	"runtime/pprof"
	"strings"
	"testing"
)

func TestZZMem(t *testing.T) {
	runtime.MemProfileRate = 512
	s, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	call := func(op, body string) string {
		r := httptest.NewRequest("POST", "/", strings.NewReader(body))
		r.Header.Set("X-Amz-Target", "AWSStepFunctions."+op)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		return w.Body.String()
	}
	out := call("CreateStateMachine", `{"name":"m","roleArn":"arn:aws:iam::123456789012:role/r","definition":"{\"StartAt\":\"W\",\"States\":{\"W\":{\"Type\":\"Wait\",\"Seconds\":3600,\"End\":true}}}"}`)
	i := strings.Index(out, "arn:")
	arn := out[i : i+strings.Index(out[i:], `"`)]
	var a, b runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&a)
	const n = 20000
	for i := range n {
		call("StartExecution", fmt.Sprintf(`{"stateMachineArn":%q,"name":"w-%d","input":"{\"n\":1}"}`, arn, i))
	}
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&b)
	fmt.Println("per execution", (b.HeapAlloc-a.HeapAlloc)/n)
	f, _ := os.Create("/tmp/lead/heap2.prof")
	pprof.WriteHeapProfile(f)
	f.Close()
	runtime.KeepAlive(s)
}
