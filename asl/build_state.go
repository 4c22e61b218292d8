package asl

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sfnkit/sfnkit/asl/value"
)

// of is what all methods of a state of type T work on.
type of[T any] struct {
	d    *draft
	self T
}

func (o *of[T]) flow() Flow {
	if o == nil || o.d == nil {
		return Flow{}
	}
	return Flow{o.d, o.d}
}

func newDraft(kind StateType, name string) *draft { return &draft{kind: kind, name: name} }

// common has the methods of all states.
type common[T any] struct{ *of[T] }

// Comment sets the state's Comment.
func (c common[T]) Comment(text string) T {
	c.d.comment = text
	return c.self
}

// QueryLanguage sets the state's own query language: JSONata in a state machine that has
// JSONPath.
func (c common[T]) QueryLanguage(l QueryLanguage) T {
	c.d.language = l
	return c.self
}

// Check adds a check of the finished state to Build, for packages that know the service
// behind it. The language is the one that holds for the state. The errors need no State.
func (c common[T]) Check(check func(s *State, lang QueryLanguage) []*BuildError) T {
	c.d.checks = append(c.d.checks, check)
	return c.self
}

// following has the method of states that another state can follow.
type following[T any] struct{ *of[T] }

// Next makes a step follow this state.
func (f following[T]) Next(step Step) T {
	f.d.link(flowOf(step).first)
	return f.self
}

// through has the methods of states that data goes through.
type through[T any] struct{ *of[T] }

// InputPath selects the part of the input that the state works on. (JSONPath)
func (t through[T]) InputPath(p Path) T {
	t.d.path("InputPath", p, false, func(s *State) *value.Value { return &s.InputPath })
	return t.self
}

// DiscardInput sets InputPath to null: the state works on {}. (JSONPath)
func (t through[T]) DiscardInput() T {
	t.d.null("InputPath", func(s *State) *value.Value { return &s.InputPath })
	return t.self
}

// OutputPath selects the part of the output that goes on. (JSONPath)
func (t through[T]) OutputPath(p Path) T {
	t.d.path("OutputPath", p, false, func(s *State) *value.Value { return &s.OutputPath })
	return t.self
}

// DiscardOutput sets OutputPath to null: {} goes on. (JSONPath)
func (t through[T]) DiscardOutput() T {
	t.d.null("OutputPath", func(s *State) *value.Value { return &s.OutputPath })
	return t.self
}

// Output sets what goes on. (JSONata)
func (t through[T]) Output(v any) T {
	t.d.template("Output", v, func(s *State) *value.Value { return &s.Output })
	return t.self
}

// assigning has the method of states that can set variables.
type assigning[T any] struct{ *of[T] }

// Assign sets variables for the states that follow.
func (a assigning[T]) Assign(variables Object) T {
	a.d.template("Assign", variables, func(s *State) *value.Value { return &s.Assign })
	return a.self
}

// placing has the methods of states that put a result into their input.
type placing[T any] struct{ *of[T] }

// ResultPath puts the result at a place of the input, which goes on as a whole. (JSONPath)
func (r placing[T]) ResultPath(p Path) T {
	r.d.set("ResultPath", func(_ *assembly, e *encoder, s *State) {
		e.report("ResultPath", e.checkResultPath(string(p)))
		s.ResultPath = value.String(string(p))
	})
	return r.self
}

// DiscardResult sets ResultPath to null: the input goes on as it is. (JSONPath)
func (r placing[T]) DiscardResult() T {
	r.d.null("ResultPath", func(s *State) *value.Value { return &s.ResultPath })
	return r.self
}

// working has the methods of states that do work that can fail: Task, Parallel and Map.
type working[T any] struct{ *of[T] }

// ResultSelector makes a new result from parts of the result. (JSONPath)
func (w working[T]) ResultSelector(template any) T {
	w.d.template("ResultSelector", template, func(s *State) *value.Value { return &s.ResultSelector })
	return w.self
}

// Retry adds a policy. The first one that names the error applies.
func (w working[T]) Retry(p RetryPolicy) T {
	w.d.retry = append(w.d.retry, p)
	policies := w.d.retry
	w.d.set("Retry", func(_ *assembly, e *encoder, s *State) {
		for i, p := range policies {
			field := fmt.Sprintf("Retry[%d]", i)
			p.check(e, field)
			checkNames(e, field, p.retrier.ErrorEquals, i == len(policies)-1)
			r := p.retrier
			r.ErrorEquals = slices.Clone(r.ErrorEquals)
			s.Retry = append(s.Retry, &r)
		}
	})
	return w.self
}

// Catch makes a step follow if an error that the catcher names is not retried any more.
// The first catcher that names the error applies.
func (w working[T]) Catch(c CatchPolicy, step Step) T {
	next := flowOf(step).first
	w.d.targets = append(w.d.targets, next)
	w.d.catch = append(w.d.catch, catchDraft{c, next})
	catchers := w.d.catch
	w.d.set("Catch", func(_ *assembly, e *encoder, s *State) {
		for i, c := range catchers {
			field := fmt.Sprintf("Catch[%d]", i)
			out := &Catcher{Comment: c.comment, ErrorEquals: slices.Clone(c.errors), Next: c.next.name}
			checkNames(e, field, out.ErrorEquals, i == len(catchers)-1)
			for _, f := range c.fields {
				f(e, field, out)
			}
			s.Catch = append(s.Catch, out)
		}
	})
	return w.self
}

type catchDraft struct {
	CatchPolicy
	next *draft
}

// calling has the methods of states that pass parameters on.
type calling[T any] struct{ *of[T] }

// Parameters sets the payload template of what is passed on. (JSONPath)
func (c calling[T]) Parameters(template any) T {
	c.d.template("Parameters", template, func(s *State) *value.Value { return &s.Parameters })
	return c.self
}

// Arguments sets what is passed on. (JSONata)
func (c calling[T]) Arguments(v any) T {
	c.d.template("Arguments", v, func(s *State) *value.Value { return &s.Arguments })
	return c.self
}

// TaskState is a Task state.
type TaskState struct {
	common[*TaskState]
	following[*TaskState]
	through[*TaskState]
	assigning[*TaskState]
	placing[*TaskState]
	working[*TaskState]
	calling[*TaskState]
}

func (t *TaskState) flow() Flow { return t.common.flow() }

// Task makes a state that has work done by a resource: the ARN of a service integration
// (see [ServiceARN]), of a Lambda function or of an activity.
func Task(name, resource string) *TaskState {
	o := &of[*TaskState]{d: newDraft(TypeTask, name)}
	o.self = &TaskState{
		common[*TaskState]{o}, following[*TaskState]{o}, through[*TaskState]{o}, assigning[*TaskState]{o},
		placing[*TaskState]{o}, working[*TaskState]{o}, calling[*TaskState]{o},
	}
	o.d.set("Resource", func(_ *assembly, e *encoder, s *State) {
		if ParseResource(resource).Kind == UnknownResource && !strings.Contains(resource, "${") {
			e.report("Resource", fmt.Errorf("%q is not the ARN of a service integration, a function or an activity", resource))
		}
		s.Resource = resource
	})
	return o.self
}

// ServiceARN returns the Resource of an optimized integration, such as bedrock and
// invokeModel.
func ServiceARN(service, action string, p Pattern) string {
	return "arn:aws:states:::" + service + ":" + action + string(p)
}

// SDKServiceARN returns the Resource of an AWS SDK integration, such as bedrockruntime
// and converse. Its pattern is RequestResponse or WaitForTaskToken.
func SDKServiceARN(service, action string, p Pattern) string {
	return ServiceARN("aws-sdk:"+service, action, p)
}

// Request sets what the resource is called with, in either query language: it becomes the
// Parameters of a JSONPath state and the Arguments of a JSONata state.
func (t *TaskState) Request(template any) *TaskState {
	t.common.d.set("Request", func(_ *assembly, e *encoder, s *State) {
		field, to := "Parameters", &s.Parameters
		if e.lang == JSONata {
			field, to = "Arguments", &s.Arguments
		}
		if !to.IsAbsent() {
			e.report(field, errors.New("is given twice"))
		}
		*to = e.template(field, template)
	})
	return t
}

// Credentials makes the service be called with another role: an ARN, or a Dynamic value.
func (t *TaskState) Credentials(role any) *TaskState {
	t.common.d.template("Credentials", Object{"RoleArn": role}, func(s *State) *value.Value { return &s.Credentials })
	return t
}

// TimeoutSeconds limits the time of one attempt.
func (t *TaskState) TimeoutSeconds(n int) *TaskState {
	t.common.d.number("TimeoutSeconds", n, 1, longestSeconds, func(s *State) *value.Value { return &s.TimeoutSeconds })
	return t
}

// TimeoutSecondsFrom is TimeoutSeconds with a Path or an Expr.
func (t *TaskState) TimeoutSecondsFrom(x Dynamic) *TaskState {
	t.common.d.from("TimeoutSeconds", x, false,
		func(s *State) *string { return &s.TimeoutSecondsPath }, func(s *State) *value.Value { return &s.TimeoutSeconds })
	return t
}

// HeartbeatSeconds limits the time between two signs of life.
func (t *TaskState) HeartbeatSeconds(n int) *TaskState {
	t.common.d.number("HeartbeatSeconds", n, 1, longestSeconds, func(s *State) *value.Value { return &s.HeartbeatSeconds })
	return t
}

// HeartbeatSecondsFrom is HeartbeatSeconds with a Path or an Expr.
func (t *TaskState) HeartbeatSecondsFrom(x Dynamic) *TaskState {
	t.common.d.from("HeartbeatSeconds", x, false,
		func(s *State) *string { return &s.HeartbeatSecondsPath }, func(s *State) *value.Value { return &s.HeartbeatSeconds })
	return t
}

// PassState is a Pass state.
type PassState struct {
	common[*PassState]
	following[*PassState]
	through[*PassState]
	assigning[*PassState]
	placing[*PassState]
}

func (p *PassState) flow() Flow { return p.common.flow() }

// Pass makes a state that does no work.
func Pass(name string) *PassState {
	o := &of[*PassState]{d: newDraft(TypePass, name)}
	o.self = &PassState{common[*PassState]{o}, following[*PassState]{o}, through[*PassState]{o}, assigning[*PassState]{o}, placing[*PassState]{o}}
	return o.self
}

// Result is the result, as it is written: nothing in it is evaluated. (JSONPath)
func (p *PassState) Result(v any) *PassState {
	p.common.d.set("Result", func(_ *assembly, e *encoder, s *State) {
		literal := *e
		literal.literal = true
		s.Result = literal.template("Result", v)
	})
	return p
}

// Parameters makes the result from a payload template. (JSONPath)
func (p *PassState) Parameters(template any) *PassState {
	calling[*PassState]{p.common.of}.Parameters(template)
	return p
}

// WaitState is a Wait state.
type WaitState struct {
	common[*WaitState]
	following[*WaitState]
	through[*WaitState]
	assigning[*WaitState]
}

func (w *WaitState) flow() Flow { return w.common.flow() }

// Wait makes a state that lets time pass.
func Wait(name string, until Delay) *WaitState {
	o := &of[*WaitState]{d: newDraft(TypeWait, name)}
	o.self = &WaitState{common[*WaitState]{o}, following[*WaitState]{o}, through[*WaitState]{o}, assigning[*WaitState]{o}}
	if until.record == nil {
		until = Seconds(0)
	}
	until.record(o.d)
	return o.self
}

// Delay says how long a Wait state waits. The zero Delay is none.
type Delay struct{ record func(d *draft) }

// Seconds waits for a number of seconds.
func Seconds(n int) Delay {
	return Delay{func(d *draft) {
		d.number("Seconds", n, 0, longestSeconds, func(s *State) *value.Value { return &s.Seconds })
	}}
}

// SecondsFrom waits for the number of seconds that a Path or an Expr gives.
func SecondsFrom(x Dynamic) Delay {
	return Delay{func(d *draft) {
		d.from("Seconds", x, false, func(s *State) *string { return &s.SecondsPath }, func(s *State) *value.Value { return &s.Seconds })
	}}
}

// Until waits until a time has come.
func Until(t time.Time) Delay {
	return Delay{func(d *draft) {
		d.set("Timestamp", func(_ *assembly, _ *encoder, s *State) { s.Timestamp = value.String(timestamp(t)) })
	}}
}

// UntilFrom waits until the time that a Path or an Expr gives, an RFC 3339 text.
func UntilFrom(x Dynamic) Delay {
	return Delay{func(d *draft) {
		d.from("Timestamp", x, false, func(s *State) *string { return &s.TimestampPath }, func(s *State) *value.Value { return &s.Timestamp })
	}}
}

// SucceedState is a Succeed state.
type SucceedState struct {
	common[*SucceedState]
	through[*SucceedState]
}

func (s *SucceedState) flow() Flow { return s.common.flow() }

// Succeed makes a state that ends the execution, or its branch, with success.
func Succeed(name string) *SucceedState {
	o := &of[*SucceedState]{d: newDraft(TypeSucceed, name)}
	o.d.terminal = true
	o.self = &SucceedState{common[*SucceedState]{o}, through[*SucceedState]{o}}
	return o.self
}

// FailState is a Fail state.
type FailState struct{ common[*FailState] }

func (f *FailState) flow() Flow { return f.common.flow() }

// Fail makes a state that ends the execution with a failure.
func Fail(name string) *FailState {
	o := &of[*FailState]{d: newDraft(TypeFail, name)}
	o.d.terminal = true
	o.self = &FailState{common[*FailState]{o}}
	return o.self
}

// Error sets the name of the error.
func (f *FailState) Error(name string) *FailState {
	f.d.set("Error", func(_ *assembly, _ *encoder, s *State) { s.Error = value.String(name) })
	return f
}

// ErrorFrom is Error with a Path, the Call of an intrinsic function or an Expr.
func (f *FailState) ErrorFrom(x Dynamic) *FailState {
	f.d.from("Error", x, true, func(s *State) *string { return &s.ErrorPath }, func(s *State) *value.Value { return &s.Error })
	return f
}

// Cause sets the cause.
func (f *FailState) Cause(text string) *FailState {
	f.d.set("Cause", func(_ *assembly, _ *encoder, s *State) { s.Cause = value.String(text) })
	return f
}

// CauseFrom is Cause with a Path, the Call of an intrinsic function or an Expr.
func (f *FailState) CauseFrom(x Dynamic) *FailState {
	f.d.from("Cause", x, true, func(s *State) *string { return &s.CausePath }, func(s *State) *value.Value { return &s.Cause })
	return f
}

// ParallelState is a Parallel state.
type ParallelState struct {
	common[*ParallelState]
	following[*ParallelState]
	through[*ParallelState]
	assigning[*ParallelState]
	placing[*ParallelState]
	working[*ParallelState]
	calling[*ParallelState]
}

func (p *ParallelState) flow() Flow { return p.common.flow() }

// Parallel makes a state that runs branches at the same time. Its result is the array of
// their results.
func Parallel(name string, first Step, more ...Step) *ParallelState {
	o := &of[*ParallelState]{d: newDraft(TypeParallel, name)}
	o.self = &ParallelState{
		common[*ParallelState]{o}, following[*ParallelState]{o}, through[*ParallelState]{o}, assigning[*ParallelState]{o},
		placing[*ParallelState]{o}, working[*ParallelState]{o}, calling[*ParallelState]{o},
	}
	branches := []Flow{flowOf(first)}
	for _, s := range more {
		branches = append(branches, flowOf(s))
	}
	o.d.set("Branches", func(b *assembly, _ *encoder, s *State) {
		for _, f := range branches {
			m := &StateMachine{}
			b.flow(m, f)
			s.Branches = append(s.Branches, m)
		}
	})
	return o.self
}

// Error names of the language itself, for RetryOn and CatchOn.
const (
	StatesALL               = "States.ALL" // any but States.Runtime
	StatesTimeout           = "States.Timeout"
	StatesHeartbeatTimeout  = "States.HeartbeatTimeout"
	StatesTaskFailed        = "States.TaskFailed" // any of a Task but Timeout
	StatesPermissions       = "States.Permissions"
	StatesDataLimitExceeded = "States.DataLimitExceeded"
)

// RetryPolicy says which errors are retried and when. The methods return a changed copy.
type RetryPolicy struct{ retrier Retrier }

// RetryOn begins a policy for errors with the given names, with the service's defaults:
// 3 attempts after 1, 2 and 4 seconds.
func RetryOn(errorNames ...string) RetryPolicy {
	return RetryPolicy{Retrier{ErrorEquals: errorNames}}
}

// Comment sets the policy's Comment.
func (p RetryPolicy) Comment(text string) RetryPolicy {
	p.retrier.Comment = text
	return p
}

// IntervalSeconds sets the time before the first retry, from 1 second on.
func (p RetryPolicy) IntervalSeconds(n int) RetryPolicy {
	p.retrier.IntervalSeconds = value.Int(int64(n))
	return p
}

// MaxAttempts sets the number of retries. 0 means that the errors are not retried.
func (p RetryPolicy) MaxAttempts(n int) RetryPolicy {
	p.retrier.MaxAttempts = value.Int(int64(n))
	return p
}

// BackoffRate sets the factor, from 1.0, by which the time grows with each retry.
func (p RetryPolicy) BackoffRate(f float64) RetryPolicy {
	p.retrier.BackoffRate = value.Float(f)
	return p
}

// MaxDelaySeconds sets the longest time before a retry. It must be above the interval.
func (p RetryPolicy) MaxDelaySeconds(n int) RetryPolicy {
	p.retrier.MaxDelaySeconds = value.Int(int64(n))
	return p
}

// FullJitter makes every time a random one between nothing and what it would be.
func (p RetryPolicy) FullJitter() RetryPolicy {
	p.retrier.JitterStrategy = "FULL"
	return p
}

func (p RetryPolicy) check(e *encoder, field string) {
	r := p.retrier
	interval := int64(1)
	if n, ok := r.IntervalSeconds.Int64(); ok {
		interval = n
		if n < 1 || n > longestSeconds {
			e.report(field+".IntervalSeconds", fmt.Errorf("%d is not from 1 to %d", n, longestSeconds))
		}
	}
	if n, ok := r.MaxAttempts.Int64(); ok && (n < 0 || n > longestSeconds) {
		e.report(field+".MaxAttempts", fmt.Errorf("%d is not from 0 to %d", n, longestSeconds))
	}
	if !r.BackoffRate.IsAbsent() && !(r.BackoffRate.Float64() >= 1) {
		e.report(field+".BackoffRate", fmt.Errorf("%s is below 1.0", r.BackoffRate.JSON()))
	}
	if n, ok := r.MaxDelaySeconds.Int64(); ok {
		switch {
		case n <= interval:
			e.report(field+".MaxDelaySeconds", fmt.Errorf("%d is not above the interval of %d seconds", n, interval))
		case n > maxDelay:
			e.report(field+".MaxDelaySeconds", fmt.Errorf("%d is above %d", n, maxDelay))
		}
	}
}

// CatchPolicy says which errors are caught and what is kept of them. The methods return a
// changed copy.
type CatchPolicy struct {
	errors  []string
	comment string
	fields  []func(e *encoder, field string, c *Catcher)
}

// CatchOn begins a catcher for errors with the given names.
func CatchOn(errorNames ...string) CatchPolicy { return CatchPolicy{errors: errorNames} }

func (c CatchPolicy) with(f func(e *encoder, field string, c *Catcher)) CatchPolicy {
	c.fields = append(slices.Clip(c.fields), f)
	return c
}

func only(e *encoder, field string, lang QueryLanguage) {
	if e.lang != lang {
		e.report(field, fmt.Errorf("is a field of %s, the language of the state is %s", lang, e.lang))
	}
}

// Comment sets the catcher's Comment.
func (c CatchPolicy) Comment(text string) CatchPolicy {
	c.comment = text
	return c
}

// ResultPath puts the error's name and cause, as {"Error", "Cause"}, at a place of the
// input. (JSONPath)
func (c CatchPolicy) ResultPath(p Path) CatchPolicy {
	return c.with(func(e *encoder, field string, c *Catcher) {
		field += ".ResultPath"
		only(e, field, JSONPath)
		e.report(field, e.checkResultPath(string(p)))
		c.ResultPath = value.String(string(p))
	})
}

// DiscardResult sets ResultPath to null: the input goes on as it is. (JSONPath)
func (c CatchPolicy) DiscardResult() CatchPolicy {
	return c.with(func(e *encoder, field string, c *Catcher) {
		only(e, field+".ResultPath", JSONPath)
		c.ResultPath = value.Null
	})
}

// Assign sets variables.
func (c CatchPolicy) Assign(variables Object) CatchPolicy {
	return c.with(func(e *encoder, field string, c *Catcher) { c.Assign = e.template(field+".Assign", variables) })
}

// Output sets what goes on. (JSONata)
func (c CatchPolicy) Output(v any) CatchPolicy {
	return c.with(func(e *encoder, field string, c *Catcher) {
		only(e, field+".Output", JSONata)
		c.Output = e.template(field+".Output", v)
	})
}

func checkNames(e *encoder, field string, names []string, last bool) {
	field += ".ErrorEquals"
	if len(names) == 0 {
		e.report(field, errors.New("names no error"))
	}
	for _, n := range names {
		switch {
		case n == "":
			e.report(field, errors.New("has an empty error name"))
		case n == StatesALL && (len(names) > 1 || !last):
			e.report(field, errors.New("States.ALL must stand alone and in the last place"))
		case strings.HasPrefix(n, "States.") && !isReservedError(n):
			e.report(field, fmt.Errorf("%s is no error name: names beginning with States. are reserved", n))
		}
	}
}
