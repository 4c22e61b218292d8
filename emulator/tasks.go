package emulator

import (
	"strings"

	"github.com/sfnkit/sfnkit/asl"
	"github.com/sfnkit/sfnkit/asl/value"
)

// Request is one call of a Task state: everything that a caller may look at.
type Request struct {
	Execution  Info
	State      string
	Resource   asl.Resource
	ARN        string      // the Resource as it was written
	Parameters value.Value // evaluated
	Input      value.Value // of the state, after InputPath
	Item       int         // the iteration of the innermost Map that the state is in, the batch if it has an ItemBatcher, -1 if there is none
	RoleARN    string      // of the task's Credentials, "" for the execution's own role
	Token      string      // the task token, for callbacks and activities
	Attempt    int         // retries of this state before this call, from 0
	Invocation int         // calls of this state in this execution before this one, from 0
	Timeout    int64       // seconds, 0 for none
	Heartbeat  int64       // seconds, 0 for none
	Time       int64       // milliseconds since 1970
}

func (x *Execution) startTask(t *thread) *Error {
	s := t.state
	in, err := x.effectiveInput(t)
	if err != nil {
		return err
	}
	v := x.viewOf(t, in)
	req := &Request{Execution: x.Info(), State: s.name, Resource: s.resource, ARN: s.def.Resource, Input: in, Item: -1, Attempt: int(t.retryCount()), Time: x.now}
	if i, _, ok := v.iteration(); ok {
		req.Item = int(i)
	} else if x.shared.MapRun != "" {
		req.Item = int(x.item)
	}
	if s.resource.Pattern != asl.RequestResponse || s.kind == activityTask {
		// A job has a token as well as a callback: the service was recorded ending the task
		// of a nested execution (.sync) by SendTaskSuccess.
		req.Token = x.sources.UUID()
		v.token = req.Token
	}
	timeout, err := v.period(s.timeout)
	if err != nil {
		return err
	}
	heartbeat, err := v.period(s.heartbeat)
	if err != nil {
		return err
	}
	params := in
	switch {
	case s.jsonata && s.arguments != nil:
		params, err = v.query(s.arguments)
	case s.parameters != nil:
		params, err = v.template(s.parameters)
	}
	if err != nil {
		return err
	}
	if inspect := x.inspection(); inspect != nil {
		if s.jsonata {
			inspect.AfterArguments = params
		} else {
			inspect.AfterParameters = params
		}
	}
	if s.credentials != nil {
		c, err := v.dynamic(s.credentials)
		if err != nil {
			return err
		}
		req.RoleARN = c.Get("RoleArn").Str()
	}
	if err := x.checkParameters(t, params); err != nil {
		return err
	}
	if s.added.IsObject() && params.IsObject() {
		for name, v := range s.added.Members() {
			params = params.With(name, v)
		}
	}
	if n := x.limits.Payload; n > 0 && params.Size() > n {
		return x.located(t, NewError(ErrorDataLimitExceeded, oversized(s, params.Size(), n)))
	}
	if exists := x.sources.Activity; s.kind == activityTask && exists != nil && !exists(req.ARN) {
		// Recorded 2026-09, published in github.com/radkawar/stackd.
		return x.located(t, runtimeError("The activity %s does not exist.", req.ARN))
	}
	req.Parameters, req.Timeout, req.Heartbeat = params, timeout, heartbeat
	counts := x.rare().counts
	if counts == nil {
		counts = make(map[string]int, 1)
		x.odd.counts = counts
	}
	req.Invocation = counts[s.name]
	counts[s.name]++

	d := &Detail{Timeout: timeout, Heartbeat: heartbeat, Resource: s.resourceName, ResourceType: s.resourceType, Region: x.shared.Region, RoleARN: req.RoleARN}
	ev := TaskScheduled
	switch s.kind {
	case lambdaTask:
		ev = LambdaFunctionScheduled
	case activityTask:
		ev = ActivityScheduled
	}
	e := x.emit(ev, t.prev, params)
	if e.Detail != nil {
		d.Text = e.Detail.Text
	}
	e.Detail = d
	t.prev, t.seen = e.ID, true
	switch s.kind {
	case lambdaTask:
		t.prev = x.emit(LambdaFunctionStarted, t.prev, value.Value{}).ID
	case connectorTask:
		t.prev = x.taskEvent(TaskStarted, t, value.Value{}).ID
	}
	id := x.block(t, forTask)
	t.task = &pendingTask{request: req}
	x.want(Command{Kind: CallTask, ID: id, Request: req})
	if s.kind != activityTask {
		x.clockTask(t)
	}
	return nil
}

// clockTask begins the time that a task may take: with the call, for an activity only when
// a worker has taken it, however long that took (recorded 2026-09, published in
// github.com/radkawar/stackd).
func (x *Execution) clockTask(t *thread) {
	req := t.task.request
	if req.Timeout > 0 {
		x.timer(t.id, TimerTimeout, x.now+req.Timeout*1000)
	}
	if req.Heartbeat > 0 {
		t.task.heartbeat, t.task.lastBeat = req.Heartbeat*1000, x.now
		x.timer(t.id, TimerHeartbeat, x.now+t.task.heartbeat)
	}
}

// oversized is the cause of a task whose evaluated parameters exceed the limit. The
// service's own words for this case were not found in any recording.
func oversized(s *state, size, limit int) string {
	var b strings.Builder
	b.WriteString("The parameters of the task have ")
	writeInt(&b, size)
	b.WriteString(" bytes, which exceeds the maximum number of bytes service limit of ")
	writeInt(&b, limit)
	if s.resource.Service == "bedrock" && s.resource.Action == "invokeModel" {
		b.WriteString("; put the request body into S3 and give its place as Input.S3Uri")
	}
	return b.String()
}

func writeInt(b *strings.Builder, n int) { b.WriteString(value.Int(int64(n)).JSON()) }

func (x *Execution) taskEvent(ev EventType, t *thread, v value.Value) *Event {
	e := x.emit(ev, t.prev, v)
	d := &Detail{Resource: t.state.resourceName, ResourceType: t.state.resourceType}
	if e.Detail != nil {
		d.Text = e.Detail.Text
	}
	e.Detail = d
	return e
}

// TaskSubmitted tells that the call of a task that goes on afterwards (a job, a callback)
// was accepted, and what it answered.
func (x *Execution) TaskSubmitted(now int64, id TaskID, output value.Value) {
	t := x.waiter(id)
	if t == nil || t.waiting != forTask || t.task.submitted {
		return
	}
	x.now = now
	t.task.submitted = true
	if t.state.kind == connectorTask {
		t.prev = x.taskEvent(TaskSubmitted, t, output).ID
	}
	x.run()
}

// ActivityStarted tells that a worker has taken the task of an activity. The name may be
// empty.
func (x *Execution) ActivityStarted(now int64, id TaskID, worker string) {
	t := x.waiter(id)
	if t == nil || t.waiting != forTask || t.state.kind != activityTask || t.task.started {
		return
	}
	t.task.started = true
	x.now = now
	e := x.emit(ActivityStarted, t.prev, value.Value{})
	e.Detail = &Detail{Worker: worker}
	t.prev = e.ID
	x.clockTask(t)
	x.run()
}

// TaskHeartbeat tells that the worker of a task is alive. It reports whether the task is
// still being waited for.
func (x *Execution) TaskHeartbeat(now int64, id TaskID) bool {
	t := x.waiter(id)
	if t == nil || t.waiting != forTask {
		return false
	}
	t.task.lastBeat = now
	return true
}

// TaskSucceeded tells the result of a task. It reports whether the task was still being
// waited for.
func (x *Execution) TaskSucceeded(now int64, id TaskID, result value.Value) bool {
	t := x.waiter(id)
	if t == nil || t.waiting != forTask {
		return false
	}
	x.now = now
	if x.halted(t) {
		return true
	}
	s := t.state
	if n := x.limits.Payload; n > 0 && result.Size() > n {
		return x.TaskFailed(now, id, NewError(ErrorDataLimitExceeded, "The state/task '"+s.resourceType+
			"' returned a result with a size exceeding the maximum number of bytes service limit."))
	}
	x.unblock(t)
	switch s.kind {
	case lambdaTask:
		t.prev = x.emit(LambdaFunctionSucceeded, t.prev, result).ID
	case activityTask:
		t.prev = x.emit(ActivitySucceeded, t.prev, result).ID
	default:
		t.prev = x.taskEvent(TaskSucceeded, t, result).ID
	}
	if err := x.complete(t, result); err != nil {
		x.fail(t, err)
	}
	x.resume(t)
	return true
}

// TaskFailed tells the failure of a task. It reports whether the task was still being
// waited for.
func (x *Execution) TaskFailed(now int64, id TaskID, err *Error) bool {
	t := x.waiter(id)
	if t == nil || t.waiting != forTask {
		return false
	}
	x.now = now
	if x.halted(t) {
		return true
	}
	timedOut := err.Name == ErrorTimeout || err.Name == ErrorHeartbeatTimeout
	var ev EventType
	switch t.state.kind {
	case lambdaTask:
		if ev = LambdaFunctionFailed; timedOut {
			ev = LambdaFunctionTimedOut
		}
	case activityTask:
		if ev = ActivityFailed; timedOut {
			ev = ActivityTimedOut
		}
	default:
		if ev = TaskFailed; timedOut {
			ev = TaskTimedOut
		}
	}
	e := x.taskEvent(ev, t, value.Value{})
	e.Detail.Error = err
	t.prev = e.ID
	x.fail(t, err)
	x.resume(t)
	return true
}

// resume lets a thread that was unblocked go on, and whatever became ready with it.
func (x *Execution) resume(t *thread) {
	if x.status != running {
		return
	}
	if t.id == 0 && t.state != nil {
		x.push(t)
	}
	x.run()
}

// TimerFired tells that a timer has come to its time. Timers of things that have ended
// are ignored.
func (x *Execution) TimerFired(now int64, id TaskID, k TimerKind) {
	if x.status != running {
		return
	}
	if k == TimerExecution {
		if id != TaskID(x.redrives) {
			return
		}
		x.now = now
		x.finish(TimedOut, ExecutionTimedOut, 0, &Error{Name: ErrorTimeout, NoCause: true})
		return
	}
	t := x.waiter(id)
	if t == nil {
		return
	}
	switch k {
	case TimerTimeout:
		x.now = now
		x.cancel(t)
		x.TaskFailed(now, id, &Error{Name: ErrorTimeout})
	case TimerHeartbeat:
		if due := t.task.lastBeat + t.task.heartbeat; now < due {
			x.timer(id, TimerHeartbeat, due)
			return
		}
		x.now = now
		x.cancel(t)
		x.TaskFailed(now, id, &Error{Name: ErrorTimeout, heartbeat: true})
	case TimerWait:
		x.now = now
		if x.halted(t) {
			return
		}
		retry := t.waiting == forRetry
		x.unblock(t)
		if !retry {
			in, err := x.effectiveInput(t)
			if err == nil {
				err = x.complete(t, in)
			}
			if err != nil {
				x.fail(t, err)
			}
		}
		x.resume(t)
	}
}
