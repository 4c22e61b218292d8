package server

import (
	"context"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sfnkit/sfnkit/asl/value"
)

// modelled is an error that an operation may have.
type modelled struct{ op, code string }

// onlyFaults are the modelled errors that do not arise here by themselves, and why. An
// operation "" stands for all.
var onlyFaults = map[modelled]string{
	{"", "KmsAccessDeniedException"}: "there is no KMS",
	{"", "KmsInvalidStateException"}: "there is no KMS",
	{"", "KmsThrottlingException"}:   "there is no KMS",

	{"SendTaskSuccess", "TaskDoesNotExist"}:   "the service was recorded to answer InvalidToken or TaskTimedOut",
	{"SendTaskFailure", "TaskDoesNotExist"}:   "the service was recorded to answer InvalidToken or TaskTimedOut",
	{"SendTaskHeartbeat", "TaskDoesNotExist"}: "the service was recorded to answer InvalidToken or TaskTimedOut",

	{"CreateStateMachine", "ConflictException"}:            "for requests at the same time, which follow each other here",
	{"UpdateStateMachine", "ConflictException"}:            "for requests at the same time, which follow each other here",
	{"UpdateStateMachineAlias", "ConflictException"}:       "for requests at the same time, which follow each other here",
	{"DeleteStateMachineAlias", "ConflictException"}:       "for requests at the same time, which follow each other here",
	{"CreateStateMachine", "InvalidTracingConfiguration"}:  "its one member is a truth value, which cannot be wrong",
	{"UpdateStateMachine", "InvalidTracingConfiguration"}:  "its one member is a truth value, which cannot be wrong",
	{"CreateStateMachine", "StateMachineTypeNotSupported"}: "what an EXPRESS machine cannot have makes its definition invalid",
	{"CreateStateMachineAlias", "InvalidName"}:             "the pattern of the name comes first, with a ValidationException",
}

// sourceOfSDK returns the folder of the SDK's client.
func sourceOfSDK(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-f", "{{.Dir}}", "github.com/aws/aws-sdk-go-v2/service/sfn").Output()
	if err != nil {
		t.Skipf("the source of the SDK is not there: %v", err)
	}
	return strings.TrimSpace(string(out))
}

// errorsOfSDK reads the errors of every operation in the source of the SDK's client: its
// types do not tell them.
func errorsOfSDK(t *testing.T) []modelled {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(sourceOfSDK(t), "deserializers.go"), nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	var list []modelled
	for _, d := range f.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok {
			continue
		}
		_, op, ok := strings.Cut(fn.Name.Name, "_deserializeOpError")
		if !ok {
			continue
		}
		ast.Inspect(fn, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) != 2 {
				return true
			}
			name, ok := call.Fun.(*ast.SelectorExpr)
			if text, isText := call.Args[0].(*ast.BasicLit); ok && isText && name.Sel.Name == "EqualFold" {
				code, err := strconv.Unquote(text.Value)
				if err != nil {
					t.Fatal(err)
				}
				list = append(list, modelled{op, code})
			}
			return true
		})
	}
	return list
}

// checkModelled holds the errors that were met against those of the SDK's model: each of
// every operation must have been met once, or be known not to arise by itself and be had
// by a fault.
func checkModelled(t *testing.T, seen *sync.Map) {
	all := errorsOfSDK(t)
	ops := map[string]bool{}
	met, excused := 0, map[modelled]bool{}
	for _, m := range all {
		ops[m.op] = true
		_, ok := seen.Load(m)
		_, known := onlyFaults[m]
		_, everywhere := onlyFaults[modelled{code: m.code}]
		switch {
		case ok && (known || everywhere):
			t.Errorf("%s has %s after all", m.op, m.code)
		case ok:
			met++
		case known:
			excused[m] = true
		case everywhere:
			excused[modelled{code: m.code}] = true
		default:
			t.Errorf("%s was not made to fail with %s", m.op, m.code)
		}
		fails(t, m)
	}
	for m := range onlyFaults {
		if !excused[m] {
			t.Errorf("the model has no %s of %q", m.code, m.op)
		}
	}
	for op := range operations {
		if !ops[op] {
			t.Errorf("no errors of %s were found", op)
		}
	}
	// What the model does not have, clients do not know by type.
	beyond := []string{"SerializationException", "ValidationException", "MissingRequiredParameter", "AccessDeniedException"}
	seen.Range(func(k, _ any) bool {
		if m := k.(modelled); !slices.Contains(all, m) && !slices.Contains(beyond, m.code) {
			t.Errorf("%s failed with %s, which the model does not have", m.op, m.code)
		}
		return true
	})
	t.Logf("%d of %d modelled errors arise by themselves, %d through faults only", met, len(all), len(all)-met)

	// The table that faults are held against is that of the model.
	want := make(map[string][]string)
	for _, m := range all {
		want[m.op] = append(want[m.op], m.code)
	}
	table := faultErrors()
	for op, codes := range want {
		slices.Sort(codes)
		if !slices.Equal(codes, table.Operations[op]) {
			t.Errorf("faults.json has %v of %s, the model %v", table.Operations[op], op, codes)
		}
		for _, code := range codes {
			if table.Errors[code].Message == "" {
				t.Errorf("faults.json has no message of %s", code)
			}
		}
	}
}

// fails makes an operation fail once with an error.
func fails(t *testing.T, m modelled) {
	t.Helper()
	s, err := New(Options{Virtual: true, Poll: time.Millisecond, Faults: []Fault{{Operation: m.op, Error: m.code, Times: 1}}})
	if err != nil {
		t.Error(err)
		return
	}
	defer s.Close(t.Context())
	r := &script{t: t, s: s}
	got, status := r.post(m.op, `{}`)
	if status != 400 || got.Get("__type").Str() != m.code || got.Get("message").Str() == "" || strings.Contains(got.JSON(), "{request}") {
		t.Errorf("%s: %d %s, not %s", m.op, status, got, m.code)
	}
	if again, _ := r.post(m.op, `{}`); again.Get("message").Equal(got.Get("message")) && again.Get("__type").Equal(got.Get("__type")) {
		t.Errorf("%s: %s comes again", m.op, got)
	}
}

// limits runs into the service's quotas.
func limits(t *testing.T, seen *sync.Map) {
	s := newServer(t, Options{Poll: time.Minute})
	r := &script{t: t, s: s, seen: seen}
	fails := func(code, op, body string) {
		t.Helper()
		if got, status := r.post(op, body); status != 400 || got.Get("__type").Str() != code {
			t.Errorf("%s: %d %s, not %s", op, status, got, code)
		}
	}
	goes := func(op, body string) value.Value {
		t.Helper()
		got, status := r.post(op, body)
		if status != 200 {
			t.Fatalf("%s: %d %s", op, status, got)
		}
		return got
	}
	tags := value.NewBuilder(1)
	var list []value.Value
	for i := range maxTags + 1 {
		list = append(list, value.MustParse(fmt.Sprintf(`{"key":"k%d","value":"v"}`, i)))
	}
	tags.Set("tags", value.Array(list))
	many := strings.TrimPrefix(tags.Object().JSON(), "{")
	m := goes("CreateStateMachine", createBody("m", `{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":86400,"End":true}}}`)).Get("stateMachineArn").JSON()
	fails("TooManyTags", "CreateActivity", `{"name":"a",`+many)
	fails("TooManyTags", "CreateStateMachine", strings.TrimSuffix(createBody("m", small), "}")+","+many)
	fails("TooManyTags", "TagResource", `{"resourceArn":`+m+","+many)

	e := goes("StartExecution", `{"stateMachineArn":`+m+`}`).Get("executionArn").JSON()
	goes("StopExecution", `{"executionArn":`+e+`}`)
	if s.open != 0 {
		t.Errorf("%d executions are open", s.open)
	}
	s.open = maxOpen
	fails("ExecutionLimitExceeded", "StartExecution", `{"stateMachineArn":`+m+`}`)
	fails("ExecutionLimitExceeded", "RedriveExecution", `{"executionArn":`+e+`}`)
	s.open = 0
	goes("RedriveExecution", `{"executionArn":`+e+`}`)
	if s.open != 1 {
		t.Errorf("%d executions are open", s.open)
	}

	var version value.Value
	for i := range maxVersions {
		version = goes("UpdateStateMachine", fmt.Sprintf(`{"stateMachineArn":%s,"publish":true,"roleArn":"arn:aws:iam::123456789012:role/r%d"}`, m, i)).Get("stateMachineVersionArn")
	}
	fails("ServiceQuotaExceededException", "UpdateStateMachine", `{"stateMachineArn":`+m+`,"publish":true,"roleArn":"arn:aws:iam::123456789012:role/more"}`)
	fails("ServiceQuotaExceededException", "PublishStateMachineVersion", `{"stateMachineArn":`+m+`}`)
	alias := func(i int) string {
		return fmt.Sprintf(`{"name":"a%d","routingConfiguration":[{"stateMachineVersionArn":%s,"weight":100}]}`, i, version.JSON())
	}
	for i := range maxAliases {
		goes("CreateStateMachineAlias", alias(i))
	}
	fails("ServiceQuotaExceededException", "CreateStateMachineAlias", alias(maxAliases))

	work := goes("CreateActivity", `{"name":"a"}`).Get("activityArn")
	ctx, stop := context.WithCancel(t.Context())
	var polls sync.WaitGroup
	for range maxWorkers {
		polls.Go(func() {
			req := httptest.NewRequestWithContext(ctx, http.MethodPost, "/", strings.NewReader(`{"activityArn":`+work.JSON()+`}`))
			req.Header.Set("X-Amz-Target", targetPrefix+"GetActivityTask")
			s.ServeHTTP(httptest.NewRecorder(), req)
		})
	}
	a, _ := s.activities.get(work.Str())
	waiting := func() int {
		a.mu.Lock()
		defer a.mu.Unlock()
		return len(a.waiting)
	}
	for deadline := time.Now().Add(20 * time.Second); waiting() < maxWorkers; runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatalf("%d workers wait", waiting())
		}
	}
	fails("ActivityWorkerLimitExceeded", "GetActivityTask", `{"activityArn":`+work.JSON()+`}`)
	stop()
	polls.Wait()

	// The lists are as long as they may be; nobody looks at what is in them.
	s.mu.Lock()
	machines, activities := s.machines.list, s.activities.list
	s.machines.list, s.activities.list = make([]*machine, maxMachines), make([]*activity, maxActivities)
	s.mu.Unlock()
	fails("StateMachineLimitExceeded", "CreateStateMachine", createBody("another", small))
	fails("ActivityLimitExceeded", "CreateActivity", `{"name":"another"}`)
	s.mu.Lock()
	s.machines.list, s.activities.list = machines, activities
	s.mu.Unlock()
}
