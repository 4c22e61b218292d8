package emulator

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	mrand "math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sfnkit/sfnkit/asl/value"
)

// EngineOptions says how an [Engine] runs executions.
type EngineOptions struct {
	Store  Store
	Limits *Limits // nil: the service's
	// Virtual lets time jump to the next timer as soon as nothing is going on and nothing
	// waits for the outside world. Otherwise time is real.
	Virtual bool
	// Calls bounds the service calls that go on at once, 0 for 1,000.
	Calls int
}

// Engine runs many executions at once, as a server does. An execution that waits is data:
// it has no goroutine. All methods are safe for concurrent use.
type Engine struct {
	opts   EngineOptions
	limits Limits
	ctx    context.Context
	stop   context.CancelFunc
	work   sync.WaitGroup
	calls  chan struct{}
	bare   Environment // of executions that were given none

	mu      sync.Mutex
	timers  timerQueue
	wake    chan struct{}
	offset  int64 // of virtual time against the clock, in milliseconds
	busy    int   // pieces of work going on
	tokens  map[string]waitingTask
	closing bool
}

type waitingTask struct {
	run *run
	id  TaskID
	// external is set once the task waits for its token and not for the call to return.
	external bool
}

// NewEngine returns a running engine. Close it to end its goroutines.
func NewEngine(o EngineOptions) *Engine {
	if o.Calls <= 0 {
		o.Calls = 1000
	}
	e := &Engine{opts: o, limits: DefaultLimits, wake: make(chan struct{}, 1), tokens: make(map[string]waitingTask), calls: make(chan struct{}, o.Calls)}
	if o.Limits != nil {
		e.limits = *o.Limits
	}
	e.ctx, e.stop = context.WithCancel(context.Background())
	e.work.Add(1)
	go e.keepTime()
	return e
}

// Close stops timers and calls and waits until nothing goes on any more, or until ctx
// ends. Executions stay as they are.
func (e *Engine) Close(ctx context.Context) error {
	e.mu.Lock()
	e.closing = true
	e.mu.Unlock()
	e.stop()
	done := make(chan struct{})
	go func() { e.work.Wait(); close(done) }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Now returns the engine's time in milliseconds since 1970.
func (e *Engine) Now() int64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	return time.Now().UnixMilli() + e.offset
}

// Handle is a started execution.
type Handle struct {
	mu   sync.Mutex
	run  run
	done chan struct{} // made on demand
	end  func(*Execution)
}

// Environment is what executions run in. It may be that of any number of them and must not
// be changed once one has been started in it.
type Environment struct {
	Caller Caller
	// Activity reports whether there is an activity with an ARN. A task of one that there
	// is not ends the execution; nil leaves that to Caller.
	Activity func(arn string) bool
	// OnEnd is called once, without locks, when an execution has ended, and again when one
	// that was redriven has.
	OnEnd func(*Execution)
	// OnChild is told of the child executions of distributed Map states when they begin, and
	// of those that are redriven when they begin again.
	OnChild func(*MapRun, *Handle)
	// OnChildEnd is told of them when they have ended, without locks.
	OnChildEnd func(*MapRun, *Execution)
	// OnEvents is told of what was added to the history of an execution or of a child: the
	// events from that index on. The execution is locked meanwhile, so that it must not be
	// asked for by its Handle.
	OnEvents func(x *Execution, from int)

	in atomic.Pointer[engineRun]
}

// StartOptions describes an execution to start.
type StartOptions struct {
	Info        Info
	Input       value.Value
	Text        string // the input as it was sent
	Environment *Environment
	OnEnd       func(*Execution) // in the place of the Environment's
}

// Start begins an execution. It runs on the caller's goroutine until it first waits.
func (e *Engine) Start(m *Machine, o StartOptions) *Handle {
	h := e.prepare(m, o)
	e.enter()
	h.run.do(func(x *Execution, now int64) { x.Begin(now) })
	e.leave()
	return h
}

func (e *Engine) prepare(m *Machine, o StartOptions) *Handle {
	o.Info.fill()
	env := o.Environment
	if env == nil {
		env = &e.bare
	}
	r := env.in.Load()
	if r == nil || r.e != e {
		r = &engineRun{e: e, env: env, set: setting{limits: e.limits, sources: randomSources()}}
		r.set.sources.Activity = env.Activity
		env.in.Store(r)
	}
	h := &Handle{end: o.OnEnd}
	if h.end == nil {
		h.end = env.OnEnd
	}
	h.run = run{env: r, x: newExecution(m, o.Info, o.Input, o.Text, &r.set), mu: &h.mu, done: h}
	return h
}

func (h *Handle) ended(x *Execution) {
	h.mu.Lock()
	if h.done != nil {
		close(h.done)
	}
	h.mu.Unlock()
	if h.end != nil {
		h.end(x)
	}
}

// View calls f with the execution, which does not change meanwhile. f must not keep what
// it does not copy; events and values do not change and may be kept.
func (h *Handle) View(f func(x *Execution)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f(h.run.x)
}

// Stop aborts the execution. It reports false if it had ended already.
func (h *Handle) Stop(name, cause string) bool {
	stopped := false
	h.run.do(func(x *Execution, now int64) {
		if x.Status() == Running {
			stopped = true
			x.Stop(now, name, cause)
		}
	})
	return stopped
}

// Redrive starts an execution that ended without success again. It reports false if there
// is nothing to redrive. OnEnd is called again when it ends.
func (h *Handle) Redrive() bool {
	e := h.run.env.(*engineRun).e
	e.enter() // the machine's time begins before its tasks are called
	defer e.leave()
	h.mu.Lock()
	h.run.over = false
	if h.run.x.Status() != Running {
		h.done = nil
	}
	h.mu.Unlock()
	redriven := false
	h.run.do(func(x *Execution, now int64) {
		if redriven = x.Redrive(now); !redriven {
			h.run.over = x.Status() != Running
		}
	})
	return redriven
}

// Halt makes the execution fail before it goes on. See [Execution.Halt].
func (h *Handle) Halt() { h.View((*Execution).Halt) }

// MapRunState is how far a map run has got.
type MapRunState struct {
	Spec       *MapRun
	Items      Counts
	Executions Counts
}

// MapRun returns the state of a map run of this execution, which may have ended. It reports
// false if there is none with the ARN.
func (h *Handle) MapRun(arn string) (MapRunState, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	m := h.run.holdings().ran[arn]
	if m == nil {
		return MapRunState{}, false
	}
	return MapRunState{Spec: m.spec, Items: m.items, Executions: m.executed}, true
}

// UpdateMapRun changes the bounds of a map run that goes on; nil leaves one as it is. It
// reports false if no map run with the ARN goes on.
func (h *Handle) UpdateMapRun(arn string, concurrency *int, toleratedCount *int64, toleratedPercentage *float64) bool {
	h.mu.Lock()
	found := h.run.holdings().ran[arn]
	if found != nil && found.stage == mapRunOver {
		found = nil
	}
	if found != nil {
		spec := *found.spec
		if concurrency != nil {
			spec.Concurrency = *concurrency
		}
		if toleratedCount != nil {
			spec.ToleratedCount = *toleratedCount
		}
		if toleratedPercentage != nil {
			spec.ToleratedPercentage = *toleratedPercentage
		}
		found.spec = &spec
		found.wake()
	}
	h.mu.Unlock()
	return found != nil
}

// Wait waits until the execution has ended or ctx has.
func (h *Handle) Wait(ctx context.Context) error {
	h.mu.Lock()
	if h.run.x.Status() != Running {
		h.mu.Unlock()
		return nil
	}
	if h.done == nil {
		h.done = make(chan struct{})
	}
	done := h.done
	h.mu.Unlock()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// TokenState is what became of a task token.
type TokenState int

// The states of a token.
const (
	TokenUnknown TokenState = iota // never given out, or its task has ended
	TokenTaken                     // what was told has reached the task
)

// TaskSucceeded ends the task that waits for a token with a result.
func (e *Engine) TaskSucceeded(token string, result value.Value) TokenState {
	return e.tell(token, true, func(x *Execution, now int64, id TaskID) bool { return x.TaskSucceeded(now, id, result) })
}

// TaskSucceededWith is TaskSucceeded for a result that came as that text.
func (e *Engine) TaskSucceededWith(token string, result value.Value, text string) TokenState {
	return e.tell(token, true, func(x *Execution, now int64, id TaskID) bool {
		x.keepText(result, text)
		return x.TaskSucceeded(now, id, result)
	})
}

// TaskFailed ends the task that waits for a token with an error.
func (e *Engine) TaskFailed(token string, err *Error) TokenState {
	return e.tell(token, true, func(x *Execution, now int64, id TaskID) bool { return x.TaskFailed(now, id, err) })
}

// TaskHeartbeat tells that the worker of a task is alive.
func (e *Engine) TaskHeartbeat(token string) TokenState {
	return e.tell(token, false, func(x *Execution, now int64, id TaskID) bool { return x.TaskHeartbeat(now, id) })
}

// ActivityStarted tells that a worker has taken the task of an activity.
func (e *Engine) ActivityStarted(token, worker string) TokenState {
	return e.tell(token, false, func(x *Execution, now int64, id TaskID) bool {
		x.ActivityStarted(now, id, worker)
		return x.waiter(id) != nil
	})
}

func (e *Engine) tell(token string, last bool, f func(x *Execution, now int64, id TaskID) bool) TokenState {
	e.mu.Lock()
	w, ok := e.tokens[token]
	if ok && last {
		delete(e.tokens, token)
	}
	e.mu.Unlock()
	if !ok {
		return TokenUnknown
	}
	reached := false
	e.enter()
	w.run.do(func(x *Execution, now int64) { reached = f(x, now, w.id) })
	e.leave()
	if !reached {
		return TokenUnknown
	}
	return TokenTaken
}

// enter and leave bracket work that may make timers, so that virtual time does not jump
// meanwhile.
func (e *Engine) enter() {
	if e.opts.Virtual {
		e.mu.Lock()
		e.busy++
		e.mu.Unlock()
	}
}

func (e *Engine) leave() {
	if e.opts.Virtual {
		e.mu.Lock()
		e.busy--
		e.mu.Unlock()
		e.nudge()
	}
}

func (e *Engine) nudge() {
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

// goDo runs f on a goroutine that Close waits for.
func (e *Engine) goDo(f func()) {
	e.mu.Lock()
	if e.closing {
		e.mu.Unlock()
		return
	}
	e.work.Add(1)
	e.busy++
	e.mu.Unlock()
	go func() {
		defer e.work.Done()
		f()
		e.mu.Lock()
		e.busy--
		e.mu.Unlock()
		if e.opts.Virtual {
			e.nudge()
		}
	}()
}

func (e *Engine) keepTime() {
	defer e.work.Done()
	t := time.NewTimer(time.Hour)
	defer t.Stop()
	for {
		e.mu.Lock()
		now := time.Now().UnixMilli() + e.offset
		wait := time.Hour
		var due []*timer
		for e.timers.first() != nil {
			if next := e.timers.first().at; next > now {
				if !e.opts.Virtual || e.busy > 0 || len(due) > 0 || e.waitsOutside() {
					wait = time.Duration(next-now) * time.Millisecond
					break
				}
				e.offset += next - now
				now = next
			}
			due = append(due, e.timers.pop())
			if e.opts.Virtual {
				break // one at a time: what it causes may come before the next
			}
		}
		e.mu.Unlock()
		for _, t := range due {
			e.goDo(t.fire)
		}
		if len(due) > 0 {
			continue
		}
		t.Reset(wait)
		select {
		case <-e.ctx.Done():
			return
		case <-e.wake:
		case <-t.C:
		}
	}
}

// waitsOutside reports whether some task waits for its token. Called under the lock.
func (e *Engine) waitsOutside() bool {
	for _, w := range e.tokens {
		if w.external {
			return true
		}
	}
	return false
}

// engineRun is the runEnv of the executions of one environment in an engine.
type engineRun struct {
	e   *Engine
	env *Environment
	set setting
}

func (r *engineRun) now() int64 { return r.e.Now() }

func (r *engineRun) start(t *timer) {
	e := r.e
	e.mu.Lock()
	e.timers.add(t)
	first := e.timers.first() == t
	e.mu.Unlock()
	if first {
		e.nudge()
	}
}

func (r *engineRun) drop(t *timer) {
	r.e.mu.Lock()
	r.e.timers.remove(t)
	r.e.mu.Unlock()
}

func (r *engineRun) spawn(f func(context.Context)) { r.e.goDo(func() { f(r.e.ctx) }) }

func (r *engineRun) caller() Caller {
	return CallerFunc(func(ctx context.Context, req *Request) (Answer, error) {
		select {
		case r.e.calls <- struct{}{}:
			defer func() { <-r.e.calls }()
		case <-ctx.Done():
			return Answer{}, ctx.Err()
		}
		return (&Options{Caller: r.env.Caller}).callerOrNone().Call(ctx, req)
	})
}

func (r *engineRun) child(m *MapRun, info Info, input value.Value, made func(childRun), done func(*Execution)) {
	o := StartOptions{Info: info, Input: input, Environment: r.env, OnEnd: done}
	if r.env.OnChildEnd != nil {
		o.OnEnd = func(x *Execution) {
			r.env.OnChildEnd(m, x)
			done(x)
		}
	}
	h := r.e.prepare(m.Machine, o)
	made(h)
	r.again(m, h)
	h.run.do(func(x *Execution, now int64) { x.Begin(now) })
}

func (r *engineRun) happened(x *Execution, from int) {
	if r.env.OnEvents != nil {
		r.env.OnEvents(x, from)
	}
}

func (r *engineRun) redrives() bool { return true }

func (r *engineRun) again(m *MapRun, child childRun) {
	if r.env.OnChild != nil {
		r.env.OnChild(m, child.(*Handle))
	}
}

func (r *engineRun) read(ctx context.Context, src *ItemSource) (ItemReader, *Error) {
	return readItems(ctx, r.e.opts.Store, src)
}

func (r *engineRun) sink(ctx context.Context, m *MapRun) (resultWriter, *Error) {
	return newResultWriter(ctx, r.e.opts.Store, m)
}

func (r *engineRun) broken(error) {}

func (r *engineRun) token(token string, run *run, id TaskID) {
	r.e.mu.Lock()
	r.e.tokens[token] = waitingTask{run: run, id: id}
	r.e.mu.Unlock()
}

func (r *engineRun) pending(token string) {
	r.e.mu.Lock()
	if w, ok := r.e.tokens[token]; ok {
		w.external = true
		r.e.tokens[token] = w
	}
	r.e.mu.Unlock()
}

func (r *engineRun) forget(token string) {
	r.e.mu.Lock()
	delete(r.e.tokens, token)
	r.e.mu.Unlock()
}

// randomSources returns sources that nobody can foresee: task tokens are secrets.
func randomSources() Sources {
	return Sources{Rand: globalRand, UUID: func() string {
		var b [16]byte
		rand.Read(b[:])
		return uuid(binary.LittleEndian.Uint64(b[:]), binary.LittleEndian.Uint64(b[8:]))
	}}
}

// globalRand draws from the runtime's generator, which is safe for concurrent use.
var globalRand = mrand.New(runtimeSource{})

type runtimeSource struct{}

func (runtimeSource) Uint64() uint64 { return mrand.Uint64() }
