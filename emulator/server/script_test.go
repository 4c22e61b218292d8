package server

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sfnkit/sfnkit/asl/value"
	"github.com/sfnkit/sfnkit/emulator"
	"github.com/sfnkit/sfnkit/emulator/calls"
)

// The scripts in testdata/api are conversations with a server in virtual time:
//
//	> Operation {request}      over as many lines as it takes
//	< {response}               the members that are given must be there and equal
//	! Code message             the request must fail like this; no message: any message
//	wait NAME [N]              until the execution whose ARN NAME holds has ended, or has N events
//
// In requests, {"$text": X} stands for the text of the JSON value X, and ${NAME} for what
// NAME holds. In responses, "=NAME" gives a name to a value, "*" is anything, "-" nothing
// at all, {"$text": X} a text that reads as X.
func TestAPI(t *testing.T) {
	files, err := filepath.Glob("testdata/api/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no scripts", err)
	}
	var seen sync.Map // of modelled
	ran := 0
	t.Run("scripts", func(t *testing.T) {
		for _, f := range files {
			t.Run(strings.TrimSuffix(filepath.Base(f), ".txt"), func(t *testing.T) {
				ran++
				t.Parallel()
				runScript(t, f, &seen)
			})
		}
	})
	t.Run("errors", func(t *testing.T) {
		if ran < len(files) {
			t.Skip("not all scripts were run")
		}
		limits(t, &seen)
		checkModelled(t, &seen)
	})
}

const scriptMocks = `{"StateMachines":{"mocked":{"TestCases":{"Happy":{"Call":"ok"},"Sad":{"Call":"bad"}}},
"waiting":{"TestCases":{"Worked":{"Work":"worked","Train":"trained","Ask":"approved"},"Waits":{"Work":"wait","Train":"trained","Ask":"wait"}}}},
"MatchedResponses":{"worked":[{"When":"$input.n = 1","Seconds":60,"Return":{"by":"nobody"}}],
"trained":[{"Submitted":{"JobRunId":"j"},"Seconds":600,"Return":{"state":"ok"}}],
"approved":[{"Submitted":{"MessageId":"1"},"Return":{"approved":true}}],
"wait":[{"Submitted":{"MessageId":"2"},"Wait":true}]},
"MockedResponses":{"ok":{"0":{"Return":{"answer":42}}},"bad":{"0":{"Throw":{"Error":"Boom","Cause":"it broke"}}}}}`

func runScript(t *testing.T, file string, seen *sync.Map) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	mocks, err := calls.ParseMocks("mocks", []byte(scriptMocks))
	if err != nil {
		t.Fatal(err)
	}
	store := calls.NewMemoryStore(nil)
	store.CreateBucket("bucket")
	if err := store.Put(t.Context(), "bucket", "items.json", "application/json", strings.NewReader(`[1,2,3]`)); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	s, err := New(Options{Virtual: true, Poll: 30 * time.Millisecond, Mocks: mocks, Store: store, Log: &log})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(t.Context())
	r := &script{t: t, s: s, names: map[string]value.Value{}, seen: seen}
	var block []string
	line := 0
	flush := func() {
		if len(block) > 0 {
			r.step(fmt.Sprintf("%s:%d", file, line), strings.Join(block, "\n"))
			block = nil
		}
	}
	for i, l := range strings.Split(string(text), "\n") {
		switch {
		case strings.HasPrefix(l, "#"), strings.TrimSpace(l) == "":
			continue
		case strings.HasPrefix(l, " "), strings.HasPrefix(l, "\t"):
		default:
			flush()
			line = i + 1
		}
		block = append(block, l)
	}
	flush()
}

type script struct {
	t      *testing.T
	s      *Server
	names  map[string]value.Value
	answer value.Value
	status int
	seen   *sync.Map // the errors that were met, if somebody wants to know
}

func (r *script) step(at, text string) {
	r.t.Helper()
	kind, rest, _ := strings.Cut(text, " ")
	switch kind {
	case ">":
		if r.status >= 400 {
			r.t.Fatalf("%s: the request before it failed: %s", at, r.answer)
		}
		op, body, _ := strings.Cut(strings.TrimSpace(rest), " ")
		v := value.EmptyObject
		if body = strings.TrimSpace(body); body != "" {
			got, err := value.ParseString(body)
			if err != nil {
				r.t.Fatalf("%s: %v", at, err)
			}
			v = r.fill(got)
		}
		r.answer, r.status = r.post(op, v.JSON())
	case "<":
		want, err := value.ParseString(rest)
		if err != nil {
			r.t.Fatalf("%s: %v", at, err)
		}
		if r.status != 200 {
			r.t.Fatalf("%s: %d %s", at, r.status, r.answer)
		}
		if p := r.match(want, r.answer, "$"); p != "" {
			r.t.Errorf("%s: %s\nin %s", at, p, r.answer)
		}
		r.status = 0
	case "!":
		code, message, _ := strings.Cut(rest, " ")
		if r.status < 400 || r.answer.Get("__type").Str() != code || message != "" && r.answer.Get("message").Str() != r.text(message) {
			r.t.Errorf("%s: got %d %s", at, r.status, r.answer)
		}
		r.status = 0
	case "wait":
		name, events, _ := strings.Cut(strings.TrimSpace(rest), " ")
		n, _ := strconv.Atoi(events)
		e, err := r.s.find(r.names[name].Str())
		if err != nil {
			r.t.Fatalf("%s: %v", at, err)
		}
		for deadline := time.Now().Add(10 * time.Second); ; runtime.Gosched() {
			done := false
			e.view(func(x *emulator.Execution) {
				done = x.Status() != emulator.Running || n > 0 && x.History().Len() >= n
			})
			if done {
				return
			}
			if time.Now().After(deadline) {
				r.t.Fatalf("%s: still running", at)
			}
		}
	default:
		r.t.Fatalf("%s: what is %q?", at, kind)
	}
}

func (r *script) post(op, body string) (value.Value, int) {
	req := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	req.Header.Set("X-Amz-Target", targetPrefix+op)
	w := httptest.NewRecorder()
	r.s.ServeHTTP(w, req)
	got, err := value.Parse(w.Body.Bytes())
	if err != nil {
		r.t.Fatalf("%s: %v in %s", op, err, w.Body)
	}
	if w.Code >= 400 && r.seen != nil {
		r.seen.Store(modelled{op, got.Get("__type").Str()}, true)
	}
	return got, w.Code
}

func (r *script) text(s string) string {
	for n, v := range r.names {
		s = strings.ReplaceAll(s, "${"+n+"}", v.Str())
	}
	return s
}

func (r *script) fill(v value.Value) value.Value {
	switch {
	case v.IsObject() && v.Has("$text"):
		return value.String(r.fill(v.Get("$text")).JSON())
	case v.IsObject():
		b := value.NewBuilder(v.Len())
		for k, sub := range v.Members() {
			b.Set(k, r.fill(sub))
		}
		return b.Object()
	case v.IsArray():
		list := make([]value.Value, v.Len())
		for i, e := range v.Elems() {
			list[i] = r.fill(e)
		}
		return value.Array(list)
	case v.IsString():
		return value.String(r.text(v.Str()))
	}
	return v
}

func (r *script) match(want, got value.Value, at string) string {
	switch {
	case want.IsString() && want.Str() == "*":
		if got.IsAbsent() {
			return at + " is missing"
		}
	case want.IsString() && want.Str() == "-":
		if !got.IsAbsent() {
			return at + " is there"
		}
	case want.IsString() && strings.HasPrefix(want.Str(), "="):
		n := want.Str()[1:]
		if old, ok := r.names[n]; ok && !old.Equal(got) {
			return fmt.Sprintf("%s is %s and not %s", at, got, old)
		}
		r.names[n] = got
		if got.IsAbsent() {
			return at + " is missing"
		}
	case want.IsObject() && want.Has("$text"):
		inner, err := value.ParseString(got.Str())
		if err != nil {
			return fmt.Sprintf("%s is %s", at, got)
		}
		return r.match(want.Get("$text"), inner, at)
	case want.IsObject():
		if !got.IsObject() {
			return fmt.Sprintf("%s is %s", at, got)
		}
		for k, sub := range want.Members() {
			if p := r.match(sub, got.Get(k), at+"."+k); p != "" {
				return p
			}
		}
	case want.IsArray():
		if got.Len() != want.Len() || !got.IsArray() {
			return fmt.Sprintf("%s has %d elements", at, got.Len())
		}
		for i, e := range want.Elems() {
			if p := r.match(e, got.At(i), fmt.Sprintf("%s[%d]", at, i)); p != "" {
				return p
			}
		}
	default:
		if want.IsString() {
			want = value.String(r.text(want.Str()))
		}
		if !want.Equal(got) {
			return fmt.Sprintf("%s is %s and not %s", at, got, want)
		}
	}
	return ""
}
