package emulator

import (
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"github.com/sfnkit/sfnkit/asl"
	"github.com/sfnkit/sfnkit/asl/intrinsic"
	"github.com/sfnkit/sfnkit/asl/value"
)

// Status is the state of an execution; the values are the API's.
type Status string

// The statuses.
const (
	Running   Status = "RUNNING"
	Succeeded Status = "SUCCEEDED"
	Failed    Status = "FAILED"
	TimedOut  Status = "TIMED_OUT"
	Aborted   Status = "ABORTED"

	// PendingRedrive is the status of a child execution that ended without success and that
	// its map run, which was redriven, has not got round to.
	PendingRedrive Status = "PENDING_REDRIVE"
)

// phase is a Status in little space: a hundred thousand executions may wait.
type phase uint8

const (
	running phase = iota
	succeeded
)

var statuses = [...]Status{running: Running, succeeded: Succeeded, 2: Failed, 3: TimedOut, 4: Aborted}

func phaseOf(s Status) phase { return phase(slices.Index(statuses[:], s)) }

// Limits are the service's limits on a running execution. Zero means no limit but those that
// keep the process alive: a history never has more than a million events.
type Limits struct {
	Payload int // bytes of JSON that an input, output or result may have
	Events  int // in the history of a STANDARD execution
	// NewMembers lets the parameters of SDK integrations have members that package
	// asl/sdkinput does not know: those of an API that is newer.
	NewMembers bool
}

// maxEvents is how many events an execution may have where nothing else limits them: no
// definition can take all memory.
const maxEvents = 1000000

// DefaultLimits are those of the service: 262,144 bytes and 25,000 events.
var DefaultLimits = Limits{Payload: 262144, Events: 25000}

// Info says which execution it is: what the context object and the history show of it.
type Info struct {
	ARN              string
	Name             string
	RoleARN          string
	StateMachineARN  string
	StateMachineName string
	Region           string
	Account          string
	Partition        string
	Express          bool
	RedriveCount     int
	MapRun           string // ARN of the map run that the execution is a child of, "" for none
	Item             int    // which child of the map run it is, from 0
}

// Sources are where an execution gets what it cannot compute. The core has no randomness
// and no clock of its own.
type Sources struct {
	Rand *rand.Rand    // jitter, States.MathRandom, $random
	UUID func() string // task tokens, States.UUID, $uuid, map runs
	// Activity reports whether there is an activity with an ARN. nil means that there may
	// be any.
	Activity func(arn string) bool
}

// Execution is a running execution: data that changes only in the methods below. It does
// no I/O and starts no goroutine. Its methods are told what happened and when; afterwards
// [Execution.Commands] says what it wants next. It is not safe for concurrent use.
type Execution struct {
	*setting
	m        *Machine
	shared   *Info // of all executions of the machine: without ARN, Name and RedriveCount
	arn      string
	nameAt   int32 // where the name stands in the ARN
	redrives int32
	item     int32
	redriven int32 // the event of the last redrive, 0 if there was none
	input    value.Value
	texts    *texts // nil if all that came was canonical
	odd      *odd   // nil for most

	history   History
	now       int64
	err       *Error
	slots     []slot
	lastGen   int32 // the highest of slots of former runs
	free      int32 // the first unused slot, counted from 1; 0 for none
	root      *thread
	onlyRoot  thread // the storage of root
	variables int32  // bytes of JSON, no less than the variables have
	status    phase
	halting   bool // it fails instead of going on
	full      bool // the history has no room but for the end
	awaiting  bool // see PendingRedrive
	scratch   *scratch
}

// setting is what executions that are started in the same way have in common. It does not
// change.
type setting struct {
	limits  Limits
	sources Sources
}

// odd is what hardly any execution has.
type odd struct {
	name    string // if it does not stand in the ARN
	probe   *probe // set while a single state is tested
	observe func(Decision)
	counts  map[string]int // invocations of tasks, by state name
}

// rare returns the odd part, made on demand.
func (x *Execution) rare() *odd {
	if x.odd == nil {
		x.odd = &odd{}
	}
	return x.odd
}

func (x *Execution) probe() *probe {
	if x.odd == nil {
		return nil
	}
	return x.odd.probe
}

func (x *Execution) name() string {
	if x.odd != nil && x.odd.name != "" {
		return x.odd.name
	}
	name, _, _ := strings.Cut(x.arn[x.nameAt:], ":") // that of an express execution is followed by an identifier
	return name
}

// maxEvents is how many events the history may have.
func (x *Execution) maxEvents() int {
	if n := x.limits.Events; n > 0 && n < maxEvents && !x.shared.Express { // their limit is one of time
		return n
	}
	return maxEvents
}

// scratch is what an execution needs while it runs and does without while it waits.
type scratch struct {
	queue     []*thread
	left      int // states to run before taking breath
	commands  []Command
	env       intrinsic.Env
	envThread *thread // whose variables env.Variable finds
	view      view
	execPart  value.Value // of the context object, made on demand
}

// work returns the scratch, which is there until Commands finds nothing more to do.
func (x *Execution) work() *scratch {
	if x.scratch == nil {
		x.scratch = &scratch{}
	}
	return x.scratch
}

type slot struct {
	t    *thread
	gen  int32
	next int32 // the unused slot after this one, if it is unused
}

// TaskID names something that an execution waits for.
type TaskID int64

// thread is one line of states: that of the machine, of a branch or of an iteration.
type thread struct {
	state   *state
	fork    *fork // whose branch or iteration this is, nil for the machine
	index   int32
	prev    int32 // the event that the next one follows
	entered int32 // the event at which the state was entered
	before  int32 // the event before that one
	seen    bool  // something has happened since the state was entered

	enteredAt int64
	input     value.Value // of the state
	vars      *variables
	retries   *retries // nil before the first one

	id      TaskID // what it waits for, 0 if nothing
	waiting waitKind
	task    *pendingTask
	own     *fork // the branches or iterations it waits for
	mapRun  *MapRun

	resume *state // where to go on if the execution is redriven, nil while it runs
	lost   *fork  // the parts that the state had when it failed or was aborted
}

type waitKind uint8

const (
	notWaiting waitKind = iota
	forTimer
	forRetry
	forTask
	forFork
	forMapRun
)

type pendingTask struct {
	request   *Request
	submitted bool
	started   bool  // a worker has taken the task of an activity
	heartbeat int64 // milliseconds, 0 for none
	lastBeat  int64
}

type fork struct {
	owner    *thread
	isMap    bool
	run      *MapRun   // of a distributed Map, while it may be redriven
	children []*thread // by index for branches; the active ones for iterations
	results  []value.Value
	items    []value.Value
	selector *dynamic
	next     int // the first item not yet started
	left     int
	started  int32 // the event that iterations follow, and the redrive of a map run
}

// retries counts what has been tried again in a state.
type retries struct {
	attempts []int64 // per retrier
	count    int64
}

// retryCount returns how often the thread's state has been tried again.
func (t *thread) retryCount() int64 {
	if t.retries == nil {
		return 0
	}
	return t.retries.count
}

// variables are the variables of one scope. Scopes inside read those around them.
type variables struct {
	outer  *variables
	names  []string
	values []value.Value
}

func (v *variables) lookup(name string) (value.Value, bool) {
	for ; v != nil; v = v.outer {
		for i, n := range v.names {
			if n == name {
				return v.values[i], true
			}
		}
	}
	return value.Value{}, false
}

// TimerKind tells the timers of one TaskID apart.
type TimerKind uint8

// The kinds of timers.
const (
	TimerWait      TimerKind = iota // a Wait state, or the interval of a Retry
	TimerTimeout                    // TimeoutSeconds of a task
	TimerHeartbeat                  // HeartbeatSeconds of a task
	TimerExecution                  // TimeoutSeconds of the machine
)

// Command is something that an execution wants.
type Command struct {
	Kind    CommandKind
	ID      TaskID
	Timer   TimerKind
	At      int64    // StartTimer: milliseconds since 1970
	Request *Request // CallTask
	MapRun  *MapRun  // StartMapRun
}

// CommandKind is what a Command asks for.
type CommandKind uint8

// The kinds of commands.
const (
	CallTask    CommandKind = iota // call Request, and tell TaskSubmitted, TaskSucceeded or TaskFailed
	StartTimer                     // tell TimerFired at At
	CancelTask                     // nobody waits for the task any more: stop the job behind it
	GoOn                           // tell GoOn, after others have had their turn
	StartMapRun                    // run MapRun, and tell MapRunSucceeded or MapRunFailed
	CancelMapRun
)

// NewExecution returns an execution that has not begun. inputText is the input as it was
// sent; it may be empty if input came from elsewhere.
func NewExecution(m *Machine, info Info, input value.Value, inputText string, limits Limits, sources Sources) *Execution {
	return newExecution(m, info, input, inputText, &setting{limits, sources})
}

func newExecution(m *Machine, info Info, input value.Value, inputText string, in *setting) *Execution {
	x := &Execution{setting: in, m: m, arn: info.ARN, redrives: int32(info.RedriveCount), item: int32(info.Item), input: input}
	x.nameAt = int32(max(0, strings.LastIndex(info.ARN, info.Name)))
	if x.name() != info.Name {
		x.rare().name = info.Name
	}
	x.shared = m.share(info)
	if inputText != "" && len(inputText) != input.Size() {
		x.texts = &texts{input: Detail{Text: inputText}}
	}
	return x
}

// Info returns what the execution was made with.
func (x *Execution) Info() Info {
	info := *x.shared
	info.ARN, info.Name, info.RedriveCount, info.Item = x.arn, x.name(), int(x.redrives), int(x.item)
	return info
}

// Machine returns the compiled definition.
func (x *Execution) Machine() *Machine { return x.m }

// Status returns the status.
func (x *Execution) Status() Status {
	if x.awaiting {
		return PendingRedrive
	}
	return statuses[x.status]
}

// Input returns the input and its text.
func (x *Execution) Input() (value.Value, string) {
	if x.texts != nil && x.texts.input.Text != "" {
		return x.input, x.texts.input.Text
	}
	return x.input, x.input.JSON()
}

// Output returns the output of an execution that has succeeded.
func (x *Execution) Output() value.Value {
	if x.status != succeeded {
		return value.Value{}
	}
	return x.history.At(x.history.n - 1).Value
}

// Err returns the error of an execution that failed, timed out or was aborted, else nil.
func (x *Execution) Err() *Error { return x.err }

// Started and Stopped return the times at which the execution began and ended, in
// milliseconds since 1970; 0 if it has not.
func (x *Execution) Started() int64 {
	if x.history.n == 0 {
		return 0
	}
	return x.history.At(0).Time
}

// Stopped is described at Started.
func (x *Execution) Stopped() int64 {
	if x.status == running {
		return 0
	}
	return x.history.At(x.history.n - 1).Time
}

// Redriven returns the time at which the execution was last redriven, in milliseconds since
// 1970; 0 if it was not.
func (x *Execution) Redriven() int64 {
	if x.redriven == 0 {
		return 0
	}
	return x.history.At(int(x.redriven) - 1).Time
}

// History returns the events so far.
func (x *Execution) History() *History { return &x.history }

// Commands returns what the execution wants, and forgets it.
func (x *Execution) Commands() []Command {
	if x.scratch == nil {
		return nil
	}
	c := x.scratch.commands
	if x.scratch.commands = nil; c == nil && len(x.scratch.queue) == 0 {
		x.scratch = nil
	}
	return c
}

// External reports whether the execution waits for something that only the outside world
// can give: the answer to a call, a task token, an activity worker.
func (x *Execution) External() bool {
	for _, s := range x.slots {
		if s.t != nil && (s.t.waiting == forTask || s.t.waiting == forMapRun) {
			return true
		}
	}
	return false
}

// Begin starts the execution at the given time.
func (x *Execution) Begin(now int64) {
	x.now = now
	e := x.emit(ExecutionStarted, 0, x.input)
	e.Name = x.shared.RoleARN
	if x.texts != nil && x.texts.input.Text != "" {
		e.Detail = &x.texts.input
	}
	x.root = &x.onlyRoot
	*x.root = thread{}
	x.startClock()
	if x.limits.Payload > 0 && x.input.Size() > x.limits.Payload {
		x.finish(Failed, ExecutionFailed, 1, NewError(ErrorDataLimitExceeded,
			"The state/task 'input' returned a result with a size exceeding the maximum number of bytes service limit."))
		return
	}
	x.enter(x.root, x.m.top.start, x.input)
	x.push(x.root)
	x.run()
}

// expressTimeout is how long an express execution may take, in seconds (Step Functions
// guide, quotas).
const expressTimeout = 300

// startClock asks for the end of the time that the machine may take. The timer is named
// by the redrive it belongs to.
func (x *Execution) startClock() {
	n := x.m.timeout
	if x.shared.Express && x.limits.Payload > 0 && (n == 0 || n > expressTimeout) {
		n = expressTimeout
	}
	if n > 0 {
		x.timer(TaskID(x.redrives), TimerExecution, x.now+n*1000)
	}
}

func (x *Execution) push(t *thread) {
	w := x.work()
	w.queue = append(w.queue, t)
}

func (x *Execution) want(c Command) {
	w := x.work()
	w.commands = append(w.commands, c)
}

// breath is how many states are run before the execution lets others have a say: it may be
// stopped, or run out of time, even if its states never wait.
const breath = 10000

// GoOn is told when the runner has got round to the command of that name.
func (x *Execution) GoOn(now int64) {
	if x.status == running {
		x.now = now
		x.run()
	}
}

// run lets every thread go on until it waits or ends, or until it is time to take breath.
func (x *Execution) run() {
	w := x.work()
	w.left = breath
	i := 0
	for ; i < len(w.queue) && w.left > 0 && x.status == running && !x.full; i++ {
		t := w.queue[i]
		w.queue[i] = nil
		x.advance(t)
		if i > 1024 && i*2 > len(w.queue) {
			w.queue = append(w.queue[:0], w.queue[i+1:]...)
			i = -1
		}
	}
	if i < len(w.queue) && x.status == running && !x.full {
		w.queue = append(w.queue[:0], w.queue[i:]...)
		x.want(Command{Kind: GoOn})
		return
	}
	w.queue = w.queue[:0]
	if x.full && x.status == running {
		x.finish(Failed, ExecutionFailed, int32(x.history.n), NewError(ErrorRuntime,
			"The execution reached the maximum number of history events ("+strconv.Itoa(x.maxEvents())+")."))
	}
}

func (x *Execution) emit(t EventType, prev int32, v value.Value) *Event {
	if x.history.n >= x.maxEvents()-1 && t > lastExecutionEvent {
		// The last event is kept for the end of the execution: anything else that would
		// have been written in its place fails the execution, see run.
		x.full = true
		return &Event{ID: int32(x.history.n)}
	}
	e := x.history.add()
	e.Type, e.PreviousID, e.Time, e.Value = t, prev, x.now, v
	e.Detail = x.sent(v)
	return e
}

// texts are those of the input and of results that did not come in canonical ones. The
// service shows them as they were sent wherever the value goes as a whole (for results:
// recorded 2026-09, published in github.com/radkawar/stackd).
type texts struct {
	input   Detail // no more than its Text, which events share
	results *[]sentText
}

type sentText struct {
	v    value.Value
	text *Detail // no more than its Text, which events share
}

// keptTexts is how many results an execution remembers the text of; older ones are shown
// canonically.
const keptTexts = 16

func (x *Execution) keepText(v value.Value, text string) {
	if len(text) == v.Size() || v.Len() == 0 { // all empty containers are the same one
		return
	}
	if x.texts == nil {
		x.texts = &texts{}
	}
	if x.texts.results == nil {
		x.texts.results = new([]sentText)
	}
	r := x.texts.results
	if len(*r) == keptTexts {
		*r = append((*r)[:0], (*r)[1:]...)
	}
	*r = append(*r, sentText{v, &Detail{Text: text}})
}

// sent returns the text that v came in as the Detail of an event, nil if it is the
// canonical one. It must not be changed.
func (x *Execution) sent(v value.Value) *Detail {
	switch {
	case x.texts == nil:
		return nil
	case value.Same(v, x.input):
		if x.texts.input.Text == "" {
			return nil
		}
		return &x.texts.input
	case x.texts.results == nil:
		return nil
	}
	for _, s := range *x.texts.results {
		if value.Same(v, s.v) {
			return s.text
		}
	}
	return nil
}

// textOf returns the text that v came in, "" if it is the canonical one.
func (x *Execution) textOf(v value.Value) string {
	if d := x.sent(v); d != nil {
		return d.Text
	}
	return ""
}

// enter makes s the state of a thread. The event is written by advance.
func (x *Execution) enter(t *thread, s *state, input value.Value) {
	t.state, t.input, t.lost = s, input, nil
	t.retries = nil
	t.entered = 0
}

func (x *Execution) advance(t *thread) {
	w := x.work()
	for x.status == running && !x.full && t.id == 0 && t.state != nil {
		if w.left--; w.left < 0 {
			x.push(t)
			return
		}
		s := t.state
		if t.entered == 0 && x.halted(t) {
			return
		}
		if t.entered == 0 {
			e := x.emit(s.enter, t.prev, t.input)
			e.Name = s.name
			t.before, t.prev, t.entered, t.enteredAt = t.prev, e.ID, e.ID, x.now
			t.seen = s.evaluatesAfterBeingSeen
		}
		var err *Error
		switch s.typ {
		case asl.TypePass:
			err = x.pass(t)
		case asl.TypeChoice:
			err = x.choice(t)
		case asl.TypeSucceed:
			err = x.succeed(t)
		case asl.TypeFail:
			err = x.failState(t)
		case asl.TypeWait:
			err = x.wait(t)
		case asl.TypeTask:
			err = x.startTask(t)
		case asl.TypeParallel:
			err = x.parallel(t)
		case asl.TypeMap:
			err = x.mapState(t)
		}
		if err != nil {
			x.fail(t, err)
		}
	}
}

// finish ends the execution.
func (x *Execution) finish(st Status, ev EventType, prev int32, err *Error) {
	e := x.emit(ev, prev, value.Value{})
	e.Detail = &Detail{Error: err}
	x.err = err
	x.end(st)
}

func (x *Execution) end(st Status) {
	x.status = phaseOf(st)
	for i := range x.slots {
		x.lastGen = max(x.lastGen, x.slots[i].gen) // what was waited for must not answer a redrive
		if t := x.slots[i].t; t != nil {
			x.cancel(t)
			t.id, t.waiting, t.task, t.mapRun = 0, notWaiting, nil, nil
		}
	}
	x.slots, x.free = nil, 0
	if st == Succeeded || x.shared.Express {
		x.root = nil
		if x.odd != nil {
			x.odd.counts = nil
		}
		x.onlyRoot = thread{}
		return
	}
	if x.root != nil {
		x.root.suspend()
	}
}

// block makes a thread wait and returns the name of what it waits for.
func (x *Execution) block(t *thread, k waitKind) TaskID {
	var i int32
	if i = x.free - 1; i >= 0 {
		x.free = x.slots[i].next
	} else {
		i = int32(len(x.slots))
		x.slots = append(x.slots, slot{gen: x.lastGen})
	}
	x.slots[i].gen++
	x.slots[i].t = t
	t.waiting = k
	t.id = TaskID(x.slots[i].gen)<<32 | TaskID(i+1)
	return t.id
}

func (x *Execution) unblock(t *thread) {
	if t.id == 0 {
		return
	}
	i := int32(t.id&math.MaxUint32) - 1
	x.slots[i].t, x.slots[i].next = nil, x.free
	x.free = i + 1
	t.id, t.waiting, t.task, t.mapRun = 0, notWaiting, nil, nil
}

// waiter returns the thread that waits for id, or nil if it no longer does.
func (x *Execution) waiter(id TaskID) *thread {
	i := int32(id&math.MaxUint32) - 1
	if x.status != running || i < 0 || int(i) >= len(x.slots) || x.slots[i].t == nil || x.slots[i].t.id != id {
		return nil
	}
	return x.slots[i].t
}

// cancel tells the runner that nobody waits for what the thread waits for.
func (x *Execution) cancel(t *thread) {
	switch t.waiting {
	case forTask:
		x.want(Command{Kind: CancelTask, ID: t.id, Request: t.task.request})
	case forMapRun:
		x.want(Command{Kind: CancelMapRun, ID: t.id, MapRun: t.mapRun})
	}
}

func (x *Execution) timer(id TaskID, k TimerKind, at int64) {
	x.want(Command{Kind: StartTimer, ID: id, Timer: k, At: at})
}

// complete applies a state's output processing to its result and leaves the state.
func (x *Execution) complete(t *thread, result value.Value) *Error {
	s := t.state
	v := x.viewOf(t, result)
	v.result = result
	v.hasResult = true
	output := result
	inspect := x.inspection()
	if inspect != nil && (s.typ == asl.TypeTask || s.typ == asl.TypePass && !s.result.IsAbsent()) {
		inspect.Result = result
	}
	if s.jsonata {
		if s.output != nil {
			var err *Error
			if output, err = v.query(s.output); err != nil {
				return err
			}
		}
	} else {
		selected := result
		if s.resultSelector != nil {
			var err *Error
			if selected, err = v.template(s.resultSelector); err != nil {
				return err
			}
		}
		var err *Error
		if output, err = x.place(t, s.resultPath, selected); err != nil {
			return err
		}
		if inspect != nil && s.typ != asl.TypeSucceed && s.typ != asl.TypeWait {
			inspect.AfterResultSelector, inspect.AfterResultPath = selected, output
		}
		if output, err = x.filter(t, "OutputPath", s.outputPath, output); err != nil {
			return err
		}
	}
	assigned, err := x.assigned(v, s.assign)
	if err != nil {
		return err
	}
	if s.next != nil {
		x.decided(t, TookNext, 0)
	}
	return x.leave(t, s.next, output, assigned)
}

// leave writes the exit event and goes on to next, or ends the thread's scope if there is
// none.
func (x *Execution) leave(t *thread, next *state, output, assigned value.Value) *Error {
	s := t.state
	if x.probe() != nil {
		x.probe().left(next, output, assigned)
		t.state = nil
		return nil
	}
	if err := x.fits(s, output); err != nil {
		return err
	}
	e := x.emit(s.exit, t.prev, output)
	e.Name = s.name
	if assigned.Len() > 0 {
		e.Detail = &Detail{Text: x.textOf(output), Assigned: assigned}
		t.assign(assigned)
	}
	t.prev = e.ID
	if x.full {
		return nil
	}
	if next != nil {
		x.enter(t, next, output)
		return nil
	}
	t.state = nil
	if t.fork != nil {
		x.childDone(t, output)
		return nil
	}
	x.emit(ExecutionSucceeded, t.prev, output)
	x.end(Succeeded)
	return nil
}

// fits holds what a state gives on against the limit on payloads. That what Parameters or
// the like make of a state's input has to fit as well is documented
// (https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html,
// States.DataLimitExceeded), not in which words it is told.
func (x *Execution) fits(s *state, v value.Value) *Error {
	if n := x.limits.Payload; n > 0 && v.Size() > n {
		return NewError(ErrorDataLimitExceeded, "The state/task '"+s.name+
			"' returned a result with a size exceeding the maximum number of bytes service limit.")
	}
	return nil
}

func (t *thread) assign(assigned value.Value) {
	if t.vars == nil || t.fork != nil && t.vars == t.fork.owner.vars {
		outer := (*variables)(nil)
		if t.fork != nil {
			outer = t.fork.owner.vars
		}
		t.vars = &variables{outer: outer}
	}
next:
	for k, v := range assigned.Members() {
		for i, n := range t.vars.names {
			if n == k {
				t.vars.values[i] = v
				continue next
			}
		}
		t.vars.names = append(t.vars.names, k)
		t.vars.values = append(t.vars.values, v)
	}
}

// place combines a result with the state's input as ResultPath says.
func (x *Execution) place(t *thread, f pathField, result value.Value) (value.Value, *Error) {
	switch {
	case f.null:
		return t.input, nil
	case f.path == nil:
		return result, nil
	}
	out, err := f.path.Set(t.input, result)
	if err != nil {
		// The documentation names it States.ResultPathMatchFailure; recorded 2026-09 was this
		// (published in github.com/radkawar/stackd).
		return value.Value{}, x.located(t, NewError(ErrorReferencePathConflict, err.Error()))
	}
	return out, nil
}

// filter applies InputPath or OutputPath.
func (x *Execution) filter(t *thread, field string, f pathField, v value.Value) (value.Value, *Error) {
	switch {
	case f.null:
		return value.EmptyObject, nil
	case f.path == nil:
		return v, nil
	}
	w := view{x: x, t: t, root: v}
	out, err := f.path.Eval(w.rootOf(f.path))
	if err != nil {
		return value.Value{}, x.invalidPath(t, f.path, err)
	}
	return out, nil
}

func (x *Execution) effectiveInput(t *thread) (value.Value, *Error) {
	in, s := t.input, t.current()
	if !s.inputPath.whole() {
		var err *Error
		if in, err = x.filter(t, "InputPath", s.inputPath, in); err != nil {
			return in, err
		}
	}
	// The service shows the step neither for Parallel states nor where a Pass has a Result.
	if inspect := x.inspection(); inspect != nil && !s.jsonata && s.typ != asl.TypeParallel && s.result.IsAbsent() {
		inspect.AfterInputPath = in
	}
	return in, nil
}

// inspection returns where to note the steps of a state under test, nil if none is.
func (x *Execution) inspection() *Inspection {
	if x.probe() == nil {
		return nil
	}
	return &x.probe().result.Inspection
}

// fail handles the error of a thread's state: by Retry, by Catch, or by failing the scope
// that the thread belongs to.
func (x *Execution) fail(t *thread, err *Error) {
	x.unblock(t)
	s := t.state
	evaluated := err.evaluation
	if evaluated {
		// What fails while a state is being entered belongs to the same step as its entered
		// event, and both follow the event before that.
		prev := t.prev
		if !t.seen {
			prev = t.before
		}
		e := x.emit(EvaluationFailed, prev, value.Value{})
		e.Name = s.name
		e.Detail = &Detail{Error: err, Location: err.location}
		t.prev = e.ID
		told := *err // once: the states around this one have not failed to evaluate anything
		told.evaluation = false
		err = &told
	}
	if !err.terminal() {
		for i, r := range s.retry {
			if !err.matchesAny(r.errors) {
				continue
			}
			if t.retries == nil {
				t.retries = &retries{attempts: make([]int64, len(s.retry))}
			}
			n := &t.retries.attempts[i]
			if *n >= r.attempts {
				if x.probe() != nil {
					x.probe().result.Inspection.RetryIndex = value.Int(int64(i))
				}
				break
			}
			delay := r.delay(*n, x.sources.Rand)
			if x.probe() != nil {
				x.probe().retried(i, delay, err)
				t.state = nil
				return
			}
			x.decided(t, Retried, i)
			*n++
			t.retries.count++
			t.seen = true
			x.timer(x.block(t, forRetry), TimerWait, x.now+delay)
			return
		}
	}
	// What is neither retried nor caught does not climb either: the execution fails at once,
	// without a word of the states around (recorded 2026-09, published in
	// github.com/radkawar/stackd).
	if err.terminal() && x.probe() == nil {
		x.failed(t, err)
		return
	}
	// Map and Parallel states that got as far as being started, or whose fields could not
	// be evaluated, say that they failed; others just do.
	if evaluated || t.own != nil {
		switch s.typ {
		case asl.TypeMap:
			t.prev = x.emit(MapStateFailed, t.prev, value.Value{}).ID
		case asl.TypeParallel:
			t.prev = x.emit(ParallelStateFailed, t.prev, value.Value{}).ID
		}
	}
	t.lost, t.own = t.own, nil
	if !err.terminal() {
		for i, c := range s.catch {
			if err.matchesAny(c.errors) {
				if x.probe() != nil {
					x.probe().handled(i, err)
				}
				if again := x.caught(t, i, c, err); again == nil {
					if t.id == 0 && t.state != nil {
						x.push(t)
					}
				} else {
					x.giveUp(t, again)
				}
				return
			}
		}
	}
	x.giveUp(t, err)
}

func (x *Execution) giveUp(t *thread, err *Error) {
	if x.probe() != nil {
		x.probe().gaveUp(err)
		t.state = nil
		return
	}
	if t.fork != nil {
		x.childFailed(t, err)
		return
	}
	x.failed(t, err)
}

// failed ends the execution because of a thread's error. What fails without having written
// an event since the execution was redriven follows the redrive.
func (x *Execution) failed(t *thread, err *Error) {
	x.finish(Failed, ExecutionFailed, max(t.prev, x.redriven), err)
}

func (x *Execution) caught(t *thread, i int, c *catcher, cause *Error) *Error {
	out := cause.Output()
	v := x.viewOf(t, out)
	v.errorOutput = out
	v.hasError = true
	v.catcher = i + 1
	output := out
	var err *Error
	if t.state.jsonata {
		if c.output != nil {
			output, err = v.query(c.output)
		}
	} else {
		output, err = x.place(t, c.resultPath, out)
	}
	if err != nil {
		return err
	}
	if inspect := x.inspection(); inspect != nil && !t.state.jsonata {
		inspect.AfterResultPath = output
	}
	assigned, err := x.assigned(v, c.assign)
	if err != nil {
		return err
	}
	x.decided(t, Caught, i)
	return x.leave(t, c.next, output, assigned)
}

// delay returns the milliseconds before attempt n+1, n counting from 0.
func (r *retrier) delay(n int64, rnd *rand.Rand) int64 {
	d := r.interval * math.Pow(r.rate, float64(n))
	if r.maxDelay > 0 && d > r.maxDelay {
		d = r.maxDelay
	}
	if d > 31622400 { // the longest that the service can be asked to wait
		d = 31622400
	}
	if r.jitter && rnd != nil {
		d *= rnd.Float64()
	}
	return int64(d * 1000)
}

// Stop aborts the execution, as StopExecution does. Either text may be empty. What ends an
// execution from outside its states follows none of their events: a stop, the end of the
// machine's time (recorded 2026-09, published in github.com/radkawar/stackd).
func (x *Execution) Stop(now int64, name, cause string) {
	if x.status != running {
		return
	}
	x.now = now
	x.finish(Aborted, ExecutionAborted, 0, NewError(name, cause))
}

// Halt makes the execution fail as soon as something happens to it, or it is to enter
// another state, which is what becomes of running executions when their state machine is
// deleted. What happened is not in the history (recorded 2026-09, published in
// github.com/radkawar/stackd).
func (x *Execution) Halt() { x.halting = true }

// halted fails an execution that was told to halt, in front of what t would do next.
func (x *Execution) halted(t *thread) bool {
	if x.halting {
		x.failed(t, runtimeError("State machine %s has been deleted", x.shared.StateMachineName))
	}
	return x.halting
}
