package server

import (
	"context"
	"errors"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"github.com/sfnkit/sfnkit/asl"
	"github.com/sfnkit/sfnkit/asl/value"
	"github.com/sfnkit/sfnkit/emulator"
	"github.com/sfnkit/sfnkit/emulator/calls"
)

// mocked returns what answers the tasks of an execution in a test case.
func (s *Server) mocked(machine, testCase string) (emulator.Caller, error) {
	mocks := s.mocks.Load()
	if mocks == nil && s.opts.MockFile != nil {
		mocks = s.opts.MockFile.Config()
	}
	if mocks == nil {
		return nil, failure("ValidationException", "The test case '%s' cannot be selected: the server has no mock configuration", testCase)
	}
	r, err := mocks.Responses(machine, testCase)
	if err != nil {
		return nil, failure("ValidationException", "The test case '%s' cannot be selected: %s", testCase, err)
	}
	return s.guarded(s.noting(calls.Recorded(r, emulator.CallerFunc(s.serve)))), nil
}

// guarded puts the guard before what answers tasks.
func (s *Server) guarded(next emulator.Caller) emulator.Caller {
	if s.opts.Guard == nil {
		return next
	}
	return s.opts.Guard(next)
}

func unanswered(err error) bool {
	var none *emulator.NoAnswerError
	return errors.As(err, &none)
}

// noting remembers the tokens of the calls.
func (s *Server) noting(next emulator.Caller) emulator.Caller {
	return emulator.CallerFunc(func(ctx context.Context, req *emulator.Request) (emulator.Answer, error) {
		if req.Token != "" {
			s.remember(req)
		}
		return next.Call(ctx, req)
	})
}

// remember keeps the token of a call. Tasks of one activity share the text of its ARN,
// which is the definition's.
func (s *Server) remember(req *emulator.Request) {
	activity := ""
	if req.Resource.Kind == asl.ActivityARN {
		activity = req.ARN
	}
	s.tokens.add(req.Token, activity)
}

// serve answers the tasks whose service is this very server, and hands on the others.
func (s *Server) serve(ctx context.Context, req *emulator.Request) (emulator.Answer, error) {
	switch r := req.Resource; {
	case r.Kind == asl.ActivityARN:
		return s.activityCall(req)
	case r.Kind == asl.Optimized && r.Service == "states" && r.Action == "startExecution":
		return s.startNested(ctx, req)
	case r.Kind == asl.SDK && (r.Service == "aws-sdk:sfn" || r.Service == "sfn"):
		return s.callSelf(ctx, req)
	}
	if s.opts.Caller != nil {
		return s.opts.Caller.Call(ctx, req)
	}
	return noBackend.Call(ctx, req)
}

// serveOrWait is serve for executions that no test case was chosen for. There, a callback
// that nothing can deliver waits all the same: its token is in the history, and whoever
// reads it there can answer.
func (s *Server) serveOrWait(ctx context.Context, req *emulator.Request) (emulator.Answer, error) {
	a, err := s.serve(ctx, req)
	if req.Resource.Pattern == asl.WaitForTaskToken && unanswered(err) {
		return emulator.Answer{Pending: true}, nil
	}
	return a, err
}

// callSelf answers an SDK integration with one of the server's own operations.
func (s *Server) callSelf(ctx context.Context, req *emulator.Request) (emulator.Answer, error) {
	action := req.Resource.Action
	op := operations[strings.ToUpper(action[:1])+action[1:]]
	if op == nil {
		return emulator.Answer{}, emulator.NewError("States.Runtime", "The operation "+action+" does not exist")
	}
	out, err := op.invoke(s, ctx, recase(req.Parameters, op.input))
	if err != nil {
		return emulator.Answer{}, s.serviceError(err, "Sfn")
	}
	if h, ok := out.(*historyOutput); ok {
		out = h.output()
	}
	v := reflect.ValueOf(out).Elem()
	a := planOf(v.Type()).value(v)
	if req.Resource.Pattern == asl.WaitForTaskToken {
		return emulator.Answer{Pending: true, Submitted: a}, nil
	}
	return emulator.Answer{Output: a}, nil
}

// recase gives the members of a request the API's small first letter.
func recase(v value.Value, s *shape) value.Value {
	switch {
	case s.kind == structKind && v.IsObject():
		b := value.NewBuilder(v.Len())
	members:
		for k, sub := range v.Members() {
			for i := range s.members {
				if m := &s.members[i]; strings.EqualFold(m.name, k) {
					b.Set(m.name, recase(sub, m.shape))
					continue members
				}
			}
			b.Set(k, sub)
		}
		return b.Object()
	case s.kind == listKind && v.IsArray():
		list := make([]value.Value, v.Len())
		for i, e := range v.Elems() {
			list[i] = recase(e, s.elem)
		}
		return value.Array(list)
	}
	return v
}

// value is what an SDK integration makes of a response: members with a capital first
// letter, times as texts.
func (p *typePlan) value(v reflect.Value) value.Value {
	switch p.kind {
	case reflect.Pointer:
		return p.elem.value(v.Elem())
	case reflect.Struct:
		if p.time {
			return value.String(v.Interface().(time.Time).Format("2006-01-02T15:04:05.999Z07:00"))
		}
		b := value.NewBuilder(len(p.fields))
		for i := range p.fields {
			f := &p.fields[i]
			if fv := v.Field(f.index); !f.typ.empty(fv) {
				b.Set(p.typ.Field(f.index).Name, f.typ.value(fv))
			}
		}
		return b.Object()
	case reflect.Slice:
		list := make([]value.Value, v.Len())
		for i := range list {
			list[i] = p.elem.value(v.Index(i))
		}
		return value.Array(list)
	case reflect.Map:
		got, _ := value.Parse(p.append(nil, v))
		return got
	case reflect.String:
		return value.String(v.String())
	case reflect.Bool:
		return value.Bool(v.Bool())
	case reflect.Int32, reflect.Int64:
		return value.Int(v.Int())
	case reflect.Float32, reflect.Float64:
		return value.Float(v.Float())
	}
	return value.Null
}

// serviceError is an API error as a task reports it. The optimised integration uses the
// first version of the Java SDK, whose messages differ from those of the second.
func (s *Server) serviceError(err error, service string) error {
	var e *Error
	if !errors.As(err, &e) {
		return err
	}
	code := e.Code
	if !strings.HasSuffix(code, "Exception") {
		code += "Exception"
	}
	name := service + "." + code
	if service == "Sfn" {
		return emulator.NewError(name, e.Message+" (Service: Sfn, Status Code: 400, Request ID: "+s.requestID()+") (SDK Attempt Count: 1)")
	}
	return emulator.NewError(name, e.Message+" (Service: AWSStepFunctions; Status Code: 400; Error Code: "+e.Code+"; Request ID: "+s.requestID()+"; Proxy: null)")
}

// startNested answers states:startExecution and its variants.
func (s *Server) startNested(ctx context.Context, req *emulator.Request) (emulator.Answer, error) {
	p := req.Parameters
	in := &sfn.StartExecutionInput{}
	text := func(name string) *string {
		if v := p.Get(name); v.IsString() {
			t := v.Str()
			return &t
		}
		return nil
	}
	in.StateMachineArn, in.Name, in.TraceHeader = text("StateMachineArn"), text("Name"), text("TraceHeader")
	switch v := p.Get("Input"); {
	case v.IsString():
		in.Input = text("Input")
	case !v.IsAbsent() && !v.IsNull():
		t := v.JSON()
		in.Input = &t
	}
	if in.StateMachineArn == nil {
		return emulator.Answer{}, runtimeError("The field 'StateMachineArn' is required but was missing")
	}
	o, err := s.prepare(ctx, in.StateMachineArn, in.Name, in.Input, in.TraceHeader)
	if err != nil {
		return emulator.Answer{}, s.serviceError(err, "StepFunctions")
	}
	var arn string
	var started int64
	job := &nestedJob{server: s, second: req.Resource.Pattern == asl.Sync2}
	if o.machine.typ == "EXPRESS" {
		if job.wanted(req) {
			return emulator.Answer{}, s.serviceError(wrongType(), "StepFunctions")
		}
		var h *emulator.Handle
		if arn, h, err = s.startExpress(o, nil); err == nil {
			started = startOf(h)
		}
	} else if job.e, err = s.start(o); err == nil {
		arn, started = job.e.arn, job.e.start()
	}
	if err != nil {
		return emulator.Answer{}, s.serviceError(err, "StepFunctions")
	}
	answer := s.startedNested(arn, started)
	switch {
	case req.Resource.Pattern == asl.WaitForTaskToken:
		return emulator.Answer{Submitted: answer, Pending: true}, nil
	case job.wanted(req):
		return emulator.Answer{Submitted: answer, Job: job}, nil
	}
	return emulator.Answer{Output: answer}, nil
}

func runtimeError(text string) error { return emulator.NewError(emulator.ErrorRuntime, text) }

// startedNested is the answer to a nested StartExecution, with what the service's SDK
// adds to it.
func (s *Server) startedNested(arn string, started int64) value.Value {
	id := value.String(s.requestID())
	b := append([]byte(`{"executionArn":`), value.AppendQuoted(nil, arn)...)
	b = appendMillis(append(b, `,"startDate":`...), started)
	length := value.String(strconv.Itoa(len(b) + 1))
	date := value.String(time.UnixMilli(started).UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT"))
	kind, alive := value.String(contentType[0]), value.String("keep-alive")
	one := func(v value.Value) value.Value { return value.Array([]value.Value{v}) }
	obj := func(pairs ...any) value.Value {
		o := value.NewBuilder(len(pairs) / 2)
		for i := 0; i < len(pairs); i += 2 {
			o.Set(pairs[i].(string), pairs[i+1].(value.Value))
		}
		return o.Object()
	}
	return obj(
		"ExecutionArn", value.String(arn),
		"SdkHttpMetadata", obj(
			"AllHttpHeaders", obj("x-amzn-RequestId", one(id), "connection", one(alive), "Content-Length", one(length), "Date", one(date), "Content-Type", one(kind)),
			"HttpHeaders", obj("connection", alive, "Content-Length", length, "Content-Type", kind, "Date", date, "x-amzn-RequestId", id),
			"HttpStatusCode", value.Int(200)),
		"SdkResponseMetadata", obj("RequestId", id),
		"StartDate", seconds(started),
	)
}

// seconds is a time as the optimised integration shows it: milliseconds since 1970.
func seconds(ms int64) value.Value { return value.Int(ms) }

// nestedJob is an execution that a .sync task waits for.
type nestedJob struct {
	server *Server
	e      *execution
	second bool // .sync:2: input and output are JSON, not text
}

func (j *nestedJob) wanted(req *emulator.Request) bool {
	return req.Resource.Pattern == asl.Sync || req.Resource.Pattern == asl.Sync2
}

// Poll looks whether the execution has ended, more seldom the longer it takes: in virtual
// time it may wait for years.
func (j *nestedJob) Poll(_ context.Context, at time.Time) (value.Value, time.Duration, error) {
	var out value.Value
	var err error
	running := false
	j.e.view(func(x *emulator.Execution) {
		if running = x.Status() == emulator.Running; running {
			return
		}
		out = j.result(x)
		if x.Status() != emulator.Succeeded {
			err = emulator.NewError(emulator.ErrorTaskFailed, out.JSON())
		}
	})
	if running {
		again := max(at.Sub(time.UnixMilli(j.e.start()))/20, 10*time.Millisecond)
		if !j.server.opts.Virtual {
			again = min(again, time.Second)
		}
		return out, again, nil
	}
	return out, 0, err
}

func (j *nestedJob) result(x *emulator.Execution) value.Value {
	b := value.NewBuilder(16)
	set := func(name, text string) { b.Set(name, value.String(text)) }
	if e := x.Err(); e != nil && !e.NoCause {
		set("Cause", e.Cause)
	}
	if e := x.Err(); e != nil && !e.NoName {
		set("Error", e.Name)
	}
	set("ExecutionArn", j.e.arn)
	in, text := x.Input()
	given := value.MustParse(`{"Included":true}`)
	if j.second {
		b.Set("Input", in)
	} else {
		set("Input", text)
	}
	b.Set("InputDetails", given)
	set("Name", j.e.name())
	if x.Status() == emulator.Succeeded {
		if j.second {
			b.Set("Output", x.Output())
		} else {
			set("Output", x.Output().JSON())
		}
		b.Set("OutputDetails", given)
	}
	b.Set("RedriveCount", value.Int(int64(x.Info().RedriveCount)))
	status, reason := j.e.redrivable(x)
	set("RedriveStatus", string(status))
	if reason != nil {
		set("RedriveStatusReason", *reason)
	}
	b.Set("StartDate", seconds(x.Started()))
	set("StateMachineArn", *j.e.machineARN(x))
	set("Status", string(x.Status()))
	b.Set("StopDate", seconds(x.Stopped()))
	return b.Object()
}

// Stop stops the execution.
func (j *nestedJob) Stop(context.Context) {
	j.e.running().Stop("", "")
}

// noBackend says that there is no answer, and how to give one.
var noBackend = calls.Recorded(&calls.Responses{}, nil)
