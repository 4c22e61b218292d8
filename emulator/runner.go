package emulator

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/sfnkit/sfnkit/asl"
	"github.com/sfnkit/sfnkit/asl/value"
)

// Caller is the one interface through which every task leaves. A service error is
// returned as an *Error; any other error means that the call could not be made at all.
// Callers compose: see package calls.
type Caller interface {
	Call(ctx context.Context, req *Request) (Answer, error)
}

// CallerFunc makes a Caller of a function.
type CallerFunc func(ctx context.Context, req *Request) (Answer, error)

// Call calls the function.
func (f CallerFunc) Call(ctx context.Context, req *Request) (Answer, error) { return f(ctx, req) }

// Answer is what a call gives.
type Answer struct {
	// Output is the task's result. It is not looked at if Job or Pending is set.
	Output value.Value
	// Submitted is what the service answered to the call itself where the result comes
	// later (.sync and .waitForTaskToken); Absent means an empty object.
	Submitted value.Value
	// Delay is how long the call takes. In virtual time it passes at once.
	Delay time.Duration
	// Pending means that the result comes through the task token.
	Pending bool
	// Job, if set, is asked for the result from time to time.
	Job Job
}

// Job is something that a .sync task has started.
type Job interface {
	// Poll looks at the job at the given time. If it has not ended, the second result says
	// after how long to look again. A failed job is an *Error.
	Poll(ctx context.Context, now time.Time) (value.Value, time.Duration, error)
	// Stop asks the job to stop, because nobody waits for it any more.
	Stop(ctx context.Context)
}

// NoAnswerError says that nothing could answer a call: no recorded response, no backend.
type NoAnswerError struct {
	State      string
	Resource   string
	Invocation int
	Reason     string // what was looked for, and how to provide it
}

func (e *NoAnswerError) Error() string {
	return fmt.Sprintf("state %q, call %d of %s: %s", e.State, e.Invocation, e.Resource, e.Reason)
}

// runEnv is what one execution runs in: time, and a way to get work done. There are two:
// one for a single execution on the caller's goroutine, one for a server.
type runEnv interface {
	now() int64
	start(t *timer)
	drop(t *timer)
	spawn(f func(ctx context.Context))
	caller() Caller
	// child begins a child execution. made is told of it before it begins, done when it has
	// ended, which may be before child returns.
	child(r *MapRun, info Info, input value.Value, made func(childRun), done func(*Execution))
	redrives() bool                  // whether what has ended may be redriven
	again(r *MapRun, child childRun) // before a child is redriven
	read(ctx context.Context, src *ItemSource) (ItemReader, *Error)
	sink(ctx context.Context, r *MapRun) (resultWriter, *Error)
	broken(err error)
	happened(x *Execution, from int)       // events were added, the first at that index
	token(token string, r *run, id TaskID) // before the call that hands it out
	pending(token string)                  // the call is over, the token is not
	forget(token string)
}

// run drives one execution. All telling of the execution happens in do.
type run struct {
	env  runEnv
	x    *Execution
	mu   sync.Locker // guards the execution
	has  *holdings   // nil until it has some
	done ender       // told of the end, without locks; nil if nobody wants to know
	over bool

	timers  *timer // those of the execution, linked by next
	count   int32  // of them
	sweepAt int32
}

// holdings are what few executions have.
type holdings struct {
	jobs map[TaskID]Job
	maps map[TaskID]*mapRunner // those that go on
	ran  map[string]*mapRunner // all of them, by ARN
}

// holdings returns what the execution has, for reading.
func (r *run) holdings() *holdings {
	if r.has == nil {
		return &noHoldings
	}
	return r.has
}

var noHoldings holdings // nothing changes it

// own returns what the execution has, for writing.
func (r *run) own() *holdings {
	if r.has == nil {
		r.has = &holdings{jobs: make(map[TaskID]Job), maps: make(map[TaskID]*mapRunner), ran: make(map[string]*mapRunner)}
	}
	return r.has
}

// keep remembers a timer of the execution, and from time to time drops those whose task
// has ended.
func (r *run) keep(t *timer) {
	if r.count >= max(r.sweepAt, 8) {
		for p := &r.timers; *p != nil; {
			if old := *p; old.id>>32 != 0 && r.x.waiter(old.id) == nil {
				*p = old.next
				r.count--
				r.env.drop(old)
			} else {
				p = &old.next
			}
		}
		r.sweepAt = 2 * r.count
	}
	t.next, r.timers = r.timers, t
	r.count++
}

// forget takes a timer off the list.
func (r *run) forget(t *timer) {
	for p := &r.timers; *p != nil; p = &(*p).next {
		if *p == t {
			*p, t.next = t.next, nil
			r.count--
			return
		}
	}
}

// do tells the execution something and sees to what it wants then.
func (r *run) do(tell func(x *Execution, now int64)) {
	r.mu.Lock()
	events := r.x.history.n
	tell(r.x, r.env.now())
	for {
		cmds := r.x.Commands()
		if len(cmds) == 0 {
			break
		}
		for _, c := range cmds {
			r.command(c)
		}
	}
	if r.x.history.n > events {
		r.env.happened(r.x, events)
	}
	ended := r.x.Status() != Running && !r.over
	if ended {
		r.over = true
		for ; r.timers != nil; r.timers = r.timers.next {
			r.env.drop(r.timers)
		}
		r.count, r.sweepAt = 0, 0
	}
	r.mu.Unlock()
	if ended && r.done != nil {
		r.done.ended(r.x)
	}
}

func (r *run) command(c Command) {
	id := c.ID
	switch c.Kind {
	case StartTimer:
		t := &timer{at: c.At, run: r, id: id, kind: c.Timer}
		r.keep(t)
		r.env.start(t)
	case GoOn:
		r.env.spawn(func(context.Context) { r.do((*Execution).GoOn) })
	case CallTask:
		req := c.Request
		r.env.spawn(func(ctx context.Context) { r.call(ctx, id, req) })
	case CancelTask:
		if c.Request.Token != "" {
			r.env.forget(c.Request.Token)
		}
		if j := r.holdings().jobs[id]; j != nil {
			delete(r.has.jobs, id)
			r.env.spawn(j.Stop)
		}
	case StartMapRun:
		if m := r.holdings().ran[c.MapRun.ARN]; m != nil {
			m.restart(id, c.MapRun)
			return
		}
		m := &mapRunner{run: r, id: id, spec: c.MapRun, opening: true}
		own := r.own()
		own.maps[id], own.ran[c.MapRun.ARN] = m, m
		r.env.spawn(m.start)
	case CancelMapRun:
		if m := r.holdings().maps[id]; m != nil {
			m.wind(nil)
		} else if m := r.holdings().ran[c.MapRun.ARN]; m != nil && m.waitID == id {
			m.waiting = nil
		}
	}
}

func (r *run) call(ctx context.Context, id TaskID, req *Request) {
	if req.Token != "" {
		r.env.token(req.Token, r, id)
	}
	a, err := r.env.caller().Call(ctx, req)
	if a.Delay > 0 {
		if req.Resource.Kind == asl.ActivityARN && !a.Pending {
			// Whoever answers has done the worker's part, who took the task at once.
			r.do(func(x *Execution, now int64) { x.ActivityStarted(now, id, "") })
		}
		r.env.start(&timer{at: r.env.now() + a.Delay.Milliseconds(), f: func() { r.answered(id, req, a, err) }})
		return
	}
	r.answered(id, req, a, err)
}

func (r *run) answered(id TaskID, req *Request, a Answer, err error) {
	if req.Token != "" && !a.Pending {
		r.env.forget(req.Token)
	}
	if err != nil {
		var e *Error
		answered := errors.As(err, &e)
		if !answered {
			r.env.broken(err)
			e = runtimeError("%v", err)
		}
		r.do(func(x *Execution, now int64) {
			if answered && req.Resource.Kind == asl.ActivityARN {
				x.ActivityStarted(now, id, "") // whoever answered has done the worker's part
			}
			x.TaskFailed(now, id, e)
		})
		return
	}
	later := req.Resource.Pattern != ""
	submitted := a.Submitted
	if submitted.IsAbsent() {
		submitted = value.EmptyObject
	}
	switch {
	case a.Job != nil:
		r.do(func(x *Execution, now int64) {
			x.TaskSubmitted(now, id, submitted)
			if r.x.waiter(id) != nil {
				r.own().jobs[id] = a.Job
			}
		})
		r.poll(id, a.Job)
	case a.Pending:
		r.env.pending(req.Token)
		if later {
			r.do(func(x *Execution, now int64) { x.TaskSubmitted(now, id, submitted) })
		}
	default:
		r.do(func(x *Execution, now int64) {
			if req.Resource.Kind == asl.ActivityARN {
				x.ActivityStarted(now, id, "")
			}
			if later {
				x.TaskSubmitted(now, id, submitted)
			}
			x.TaskSucceeded(now, id, a.Output)
		})
	}
}

func (r *run) poll(id TaskID, j Job) {
	r.env.spawn(func(ctx context.Context) {
		out, again, err := j.Poll(ctx, time.UnixMilli(r.env.now()).UTC())
		switch {
		case err != nil:
			var e *Error
			if !errors.As(err, &e) {
				r.env.broken(err)
				e = runtimeError("%v", err)
			}
			r.do(func(x *Execution, now int64) { delete(r.own().jobs, id); x.TaskFailed(now, id, e) })
		case again > 0:
			r.env.start(&timer{at: r.env.now() + max(again.Milliseconds(), 1), f: func() {
				r.mu.Lock()
				waiting := r.x.waiter(id) != nil
				r.mu.Unlock()
				if waiting {
					r.poll(id, j)
				}
			}})
		default:
			r.do(func(x *Execution, now int64) { delete(r.own().jobs, id); x.TaskSucceeded(now, id, out) })
		}
	})
}

// Options says how [Run] runs.
type Options struct {
	Info    Info
	Caller  Caller    // nil: no task can be called
	Store   Store     // of S3 objects; nil: there are none
	Start   time.Time // the virtual time of the beginning; zero: 2026-01-01T00:00:00Z
	Limits  *Limits   // nil: the service's
	Seed    uint64    // of what is random; the same seed gives the same history
	Text    string    // the input as it was written, if it matters
	OnEvent func(*Event)
	OnChild func(*Execution) // told of every child execution that has ended
	// OnDecision is told of the decisions of the execution and its child executions.
	OnDecision func(Decision)
}

// Result is what came of a run.
type Result struct {
	Execution *Execution
}

// Run runs a machine to its end in virtual time, on the caller's goroutine: waiting takes
// no time, and the same machine, input, options and answers give the same history. The
// error is about what is wrong around the execution: a call that nobody could answer, a
// cancelled context. An execution that fails is a Result.
func Run(ctx context.Context, m *Machine, input value.Value, o Options) (*Result, error) {
	l := &loop{ctx: ctx, opts: o, result: &Result{}}
	if o.Start.IsZero() {
		o.Start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	l.clock = o.Start.UnixMilli()
	limits := DefaultLimits
	if o.Limits != nil {
		limits = *o.Limits
	}
	l.limits = limits
	info := o.Info
	info.fill()
	x := NewExecution(m, info, input, o.Text, limits, newSources(o.Seed, info.ARN))
	l.result.Execution = x
	x.Observe(o.OnDecision)
	r := &run{env: l, x: x, mu: noLock{}}
	r.do(func(x *Execution, now int64) { x.Begin(now) })
	err := l.drain(x)
	return l.result, err
}

// noLock is the lock of executions that only one goroutine knows.
type noLock struct{}

func (noLock) Lock()   {}
func (noLock) Unlock() {}

// ender is told of the end of an execution.
type ender interface{ ended(*Execution) }

type enderFunc func(*Execution)

func (f enderFunc) ended(x *Execution) { f(x) }

// fill puts names in the place of those that were not given.
func (i *Info) fill() {
	def := func(s *string, v string) {
		if *s == "" {
			*s = v
		}
	}
	def(&i.Partition, "aws")
	def(&i.Region, "us-east-1")
	def(&i.Account, "123456789012")
	def(&i.StateMachineName, "workflow")
	def(&i.Name, "run")
	prefix := "arn:" + i.Partition + ":states:" + i.Region + ":" + i.Account + ":"
	def(&i.StateMachineARN, prefix+"stateMachine:"+i.StateMachineName)
	def(&i.ARN, prefix+"execution:"+i.StateMachineName+":"+i.Name)
	def(&i.RoleARN, "arn:"+i.Partition+":iam::"+i.Account+":role/workflow")
}

// newSources returns sources that depend on nothing but the seed and a name.
func newSources(seed uint64, name string) Sources {
	h := fnv.New64a()
	h.Write([]byte(name))
	rnd := rand.New(rand.NewPCG(seed, h.Sum64()))
	return Sources{Rand: rnd, UUID: func() string { return uuid(rnd.Uint64(), rnd.Uint64()) }}
}

func uuid(a, b uint64) string {
	a = a&^0xF000 | 0x4000
	b = b&^(0xC<<60) | 0x8<<60
	return fmt.Sprintf("%08x-%04x-%04x-%04x-%012x", a>>32, a>>16&0xFFFF, a&0xFFFF, b>>48, b&0xFFFFFFFFFFFF)
}

// loop is the runEnv of Run.
type loop struct {
	ctx    context.Context
	opts   Options
	limits Limits
	clock  int64
	timers timerQueue
	ready  []func(context.Context)
	err    error
	result *Result
	seen   int
}

func (l *loop) now() int64     { return l.clock }
func (l *loop) caller() Caller { return l.opts.callerOrNone() }

func (o *Options) callerOrNone() Caller {
	if o.Caller != nil {
		return o.Caller
	}
	return CallerFunc(func(_ context.Context, req *Request) (Answer, error) {
		return Answer{}, &NoAnswerError{State: req.State, Resource: req.ARN, Invocation: req.Invocation, Reason: "there is nothing that could answer it"}
	})
}

func (l *loop) start(t *timer) { l.timers.add(t) }
func (l *loop) drop(t *timer)  { l.timers.remove(t) }

func (l *loop) spawn(f func(context.Context)) { l.ready = append(l.ready, f) }

func (l *loop) broken(err error) {
	if l.err == nil {
		l.err = err
	}
}

// drain runs until the execution has ended and nothing is left to do at its time.
func (l *loop) drain(x *Execution) error {
	for {
		if err := l.ctx.Err(); err != nil {
			return err
		}
		if l.opts.OnEvent != nil {
			for ; l.seen < x.history.Len(); l.seen++ {
				l.opts.OnEvent(x.history.At(l.seen))
			}
		}
		if len(l.ready) > 0 {
			f := l.ready[0]
			l.ready[0] = nil
			l.ready = l.ready[1:]
			f(l.ctx)
			if l.err != nil {
				return l.err
			}
			continue
		}
		if x.Status() != Running {
			return nil
		}
		if l.timers.first() == nil {
			return fmt.Errorf("the execution waits for something that nobody will tell it, such as a task token; give a response for the state")
		}
		t := l.timers.pop()
		if t.at > l.clock {
			l.clock = t.at
		}
		t.fire()
	}
}

func (l *loop) happened(*Execution, int) {}

func (l *loop) child(m *MapRun, info Info, input value.Value, made func(childRun), done func(*Execution)) {
	x := NewExecution(m.Machine, info, input, "", l.limits, newSources(l.opts.Seed, info.ARN))
	x.Observe(l.opts.OnDecision)
	r := &run{env: l, x: x, mu: noLock{}}
	r.done = enderFunc(func(x *Execution) {
		if l.opts.OnChild != nil {
			l.opts.OnChild(x)
		}
		done(x)
	})
	made(loopChild{r})
	r.do(func(x *Execution, now int64) { x.Begin(now) })
}

func (l *loop) redrives() bool          { return false }
func (l *loop) again(*MapRun, childRun) {}

// loopChild is a child execution in a loop, where nothing is ever redriven.
type loopChild struct{ r *run }

func (c loopChild) Stop(name, cause string) bool {
	c.r.do(func(x *Execution, now int64) { x.Stop(now, name, cause) })
	return true
}

func (c loopChild) Redrive() bool             { return false }
func (c loopChild) View(f func(x *Execution)) { f(c.r.x) }

func (l *loop) token(string, *run, TaskID) {}
func (l *loop) pending(string)             {}
func (l *loop) forget(string)              {}

func (l *loop) read(ctx context.Context, src *ItemSource) (ItemReader, *Error) {
	return readItems(ctx, l.opts.Store, src)
}

func (l *loop) sink(ctx context.Context, r *MapRun) (resultWriter, *Error) {
	return newResultWriter(ctx, l.opts.Store, r)
}

// childInfo returns the Info of a child execution. The state machine of its context has the
// label in its ARN but not in its name, and an express one has an id of its own behind its
// name (recorded 2026-09, published in github.com/radkawar/stackd).
func (m *MapRun) childInfo(uuid func() string, item int) Info {
	p := m.Parent
	name := uuid()
	machine := p.StateMachineName + "/" + m.Label
	prefix := "arn:" + p.Partition + ":states:" + p.Region + ":" + p.Account + ":"
	arn := prefix + "execution:" + machine + ":" + name
	if m.Express {
		arn = prefix + "express:" + machine + ":" + name + ":" + uuid()
	}
	return Info{
		ARN: arn, Name: name, RoleARN: p.RoleARN, StateMachineName: p.StateMachineName, StateMachineARN: prefix + "stateMachine:" + machine,
		Region: p.Region, Account: p.Account, Partition: p.Partition, Express: m.Express, MapRun: m.ARN, Item: item,
	}
}
