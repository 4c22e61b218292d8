package emulator

import (
	"context"
	"io"
	"strings"

	"github.com/sfnkit/sfnkit/asl"
	"github.com/sfnkit/sfnkit/asl/value"
)

// StateTest describes the run of a single state, as the API's TestState does it: the same
// core, told one answer.
type StateTest struct {
	Info    Info
	Input   value.Value
	Sources Sources
	Now     int64       // milliseconds since 1970
	Context value.Value // replaces the context object if it is not Absent
	// Variables is an object of the variables the state can see.
	Variables  value.Value
	NewMembers bool // as in Limits

	Result value.Value // what the task or the parts give; Absent if there is none
	Error  *Error      // or how they fail

	Retries          int64 // attempts that the matching retrier has made before
	FailedIterations int64 // of a Map state, counted against what it tolerates
	JudgesIterations bool  // FailedIterations was given

	// ItemReaderData is the text of the object that the ItemReader of a Map state names.
	ItemReaderData string
	// Open opens a further object if ItemReaderData is a manifest; nil if there are none.
	Open func(bucket, key string) (io.ReadCloser, error)
	// ErrorSource names the state inside a Map or Parallel state that Error comes from, ""
	// if it was not said.
	ErrorSource string
}

// StateResult is what came of a StateTest.
type StateResult struct {
	Status     StateStatus
	Output     value.Value
	Error      *Error
	Next       string
	Inspection Inspection
	// Request is the call of a Task state, whoever answered it.
	Request *Request
	// Refused says why the test itself makes no sense, in the words of the service, ""
	// normally.
	Refused string
}

// StateStatus is the outcome of a StateTest; the values are the API's.
type StateStatus string

// The outcomes.
const (
	StateSucceeded StateStatus = "SUCCEEDED"
	StateFailed    StateStatus = "FAILED"
	StateRetriable StateStatus = "RETRIABLE"
	StateCaught    StateStatus = "CAUGHT_ERROR"
)

// Inspection holds the data between the steps of a state's work. What a state type or
// query language does not have is Absent.
type Inspection struct {
	Input, AfterInputPath, AfterParameters, AfterArguments value.Value
	AfterItemsPath, AfterItemsPointer                      value.Value
	AfterItemSelector, AfterItemBatcher                    value.Value // arrays
	Result, AfterResultSelector, AfterResultPath           value.Value
	Variables                                              value.Value
	MaxConcurrency                                         value.Value
	ToleratedFailureCount, ToleratedFailurePercentage      value.Value
	CatchIndex, RetryIndex, RetryBackoffSeconds            value.Value
}

// probe is what an execution carries while one of its states is tested.
type probe struct {
	test   *StateTest
	result *StateResult
	fails  *Error // how the parts of the state fail
	done   bool
}

// find returns the state with the given name, which may be inside a Parallel or Map
// state; nil if there is none.
func (sc *scope) find(name string) *state {
	if s := sc.states[name]; s != nil {
		return s
	}
	for _, s := range sc.states {
		if inner := s.part(name); inner != nil {
			return inner
		}
	}
	return nil
}

// part is find inside a Parallel or Map state.
func (s *state) part(name string) *state {
	for _, b := range s.branches {
		if inner := b.find(name); inner != nil {
			return inner
		}
	}
	if s.processor != nil {
		return s.processor.top.find(name)
	}
	return nil
}

// TestState runs one state of a machine that was compiled by [CompileState] or [Compile].
// It reports false if the machine has no such state.
func (m *Machine) TestState(name string, test StateTest) (*StateResult, bool) {
	s := m.top.find(name)
	if s == nil {
		return nil, false
	}
	test.Info.Express = true // the service runs the state in an express execution
	x := NewExecution(m, test.Info, test.Input, "", Limits{Payload: DefaultLimits.Payload, NewMembers: test.NewMembers}, test.Sources)
	r := &StateResult{}
	x.rare().probe = &probe{test: &test, result: r, fails: test.Error}
	if e := test.Error; e != nil && (s.typ == asl.TypeMap || s.typ == asl.TypeParallel) {
		// States.TaskFailed stands for what a task fails with, and for nothing else does the
		// service want to know where an error comes from:
		// https://docs.aws.amazon.com/step-functions/latest/dg/test-state-isolation.html#error-propagation-assert.
		// No recording has an ErrorEquals to which it makes a difference.
		told := *e
		source := s.part(test.ErrorSource)
		told.notOfTask = source == nil || source.typ != asl.TypeTask
		x.probe().fails = &told
	}
	x.now = test.Now
	r.Inspection.Input = test.Input
	r.Inspection.Variables = test.Variables
	x.root = &x.onlyRoot
	t := x.root
	*t = thread{}
	if test.Variables.IsObject() {
		t.assign(test.Variables)
	}
	x.enter(t, s, test.Input)
	t.retries = &retries{attempts: make([]int64, len(s.retry)), count: test.Retries}
	for i := range s.retry {
		t.retries.attempts[i] = test.Retries
	}
	x.push(t)
	x.run()
	if x.probe().done {
		return r, true
	}
	switch t.waiting {
	case forTask:
		r.Request = t.task.request
		id := t.id
		switch {
		case test.Error != nil:
			x.TaskFailed(x.now, id, test.Error)
		case !test.Result.IsAbsent():
			x.TaskSucceeded(x.now, id, test.Result)
		default:
			return r, true
		}
	case forTimer:
		x.TimerFired(x.now, t.id, TimerWait) // a Wait state is not waited for
	}
	return r, true
}

// mockedParts ends a Map or Parallel state under test with the result it was given
// instead of running its parts. It reports false if no state is being tested.
func (x *Execution) mockedParts(t *thread) (bool, *Error) {
	p := x.probe()
	if p == nil {
		return false, nil
	}
	t.seen = true
	if p.fails != nil {
		return true, p.fails
	}
	return true, x.complete(t, p.test.Result)
}

// tolerates judges the iterations of a Map state under test that are said to have failed:
// only against thresholds that the state itself sets.
func (p *probe) tolerates(count int64, hasCount bool, percentage float64, total int) *Error {
	if p == nil || !p.test.JudgesIterations || p.test.Error != nil {
		return nil
	}
	failed := p.test.FailedIterations
	if hasCount && failed > count || percentage >= 0 && float64(failed)*100 > percentage*float64(total) {
		return exceededError()
	}
	return nil
}

// retried, handled and ended note how the state under test came out.
func (p *probe) retried(i int, delay int64, err *Error) {
	p.done = true
	p.result.Status, p.result.Error = StateRetriable, err
	p.result.Inspection.RetryIndex = value.Int(int64(i))
	p.result.Inspection.RetryBackoffSeconds = value.Float(float64(delay) / 1000)
}

func (p *probe) handled(i int, err *Error) {
	p.result.Status, p.result.Error = StateCaught, err
	p.result.Inspection.CatchIndex = value.Int(int64(i))
}

func (p *probe) left(next *state, output, assigned value.Value) {
	p.done = true
	if assigned.Len() > 0 { // the variables are shown as they are after the state
		b := value.NewBuilder(p.test.Variables.Len() + assigned.Len())
		for k, v := range p.test.Variables.Members() {
			b.Set(k, v)
		}
		for k, v := range assigned.Members() {
			b.Set(k, v)
		}
		p.result.Inspection.Variables = b.Object()
	}
	if p.result.Status == "" {
		p.result.Status = StateSucceeded
	}
	p.result.Output = output
	if next != nil {
		p.result.Next = next.name
	}
}

func (p *probe) gaveUp(err *Error) {
	p.done = true
	p.result.Status, p.result.Error = StateFailed, err
}

// CompileState compiles a definition of which one state is to be tested: the states that
// it names need not be there.
func CompileState(def *asl.StateMachine) (*Machine, error) { return compile(def, true) }

// maxTestedItems bounds what the items of a Map state under test have together, in bytes:
// a manifest can name much more than the request holds.
const maxTestedItems = 32 << 20

// probeMap takes a Map state under test up to where its iterations would begin.
func (x *Execution) probeMap(t *thread, v *view, items value.Value) *Error {
	s, p := t.state, x.probe()
	inspect := &p.result.Inspection
	count, err := v.count(s.toleratedCount)
	if err != nil {
		return err
	}
	percentage, err := v.percentage(s.toleratedPercentage)
	if err != nil {
		return err
	}
	if s.toleratedCount != nil {
		inspect.ToleratedFailureCount = value.Int(count)
	}
	if s.toleratedPercentage != nil {
		inspect.ToleratedFailurePercentage = value.Float(percentage)
	}
	var all []Item
	if s.reader != nil {
		if all, err = x.probeReader(t, v); err != nil {
			return err
		}
	} else {
		r := itemSlice{v: items}
		if s.distributed {
			r.source = stateData
		}
		for item, end := r.Next(); end == nil; item, end = r.Next() {
			all = append(all, item)
		}
	}
	list := make([]value.Value, len(all))
	for i, item := range all {
		list[i] = item.Value
		if s.selector != nil {
			if list[i], err = x.selected(t, s.selector, i, item); err != nil {
				return err
			}
		}
	}
	if s.selector != nil && len(list) > 0 {
		inspect.AfterItemSelector = value.Array(list)
	}
	iterations := len(list)
	if s.batcher != nil {
		batches, err := probeBatches(v, s.batcher, list)
		if err != nil {
			return err
		}
		inspect.AfterItemBatcher = value.Array(batches)
		iterations = len(batches)
	}
	// The order is recorded (2026-09, published in github.com/radkawar/stackd): an exceeded
	// threshold hides results that are too many. Iterations are batches, not items.
	if p.test.JudgesIterations && p.test.FailedIterations > int64(iterations) {
		return x.refuse(t, "Map iteration failure count must be less than or equal to the number of Map iterations")
	}
	if err := p.tolerates(count, s.toleratedCount != nil, percentage, iterations); err != nil {
		return err
	}
	if r := p.test.Result; p.test.Error == nil && r.IsArray() && r.Len() != iterations {
		return x.refuse(t, "Input array does not equal the mocked result array's size")
	}
	_, err = x.mockedParts(t)
	return err
}

// refuse ends a test that makes no sense.
func (x *Execution) refuse(t *thread, text string) *Error {
	x.probe().done = true
	x.probe().result.Refused = text
	t.state = nil
	return nil
}

// probeReader gives the items in what stands for the object that an ItemReader names. The
// arguments of the reader are not evaluated: inspection has no place for them.
func (x *Execution) probeReader(t *thread, v *view) ([]Item, *Error) {
	p, src := x.probe(), ItemSource{}
	early, err := src.read(v, t.state.reader)
	if early != nil || err != nil {
		if err == nil {
			err = early
		}
		return nil, err
	}
	reader, err := givenItems(&src, p.test)
	if err != nil {
		return nil, err
	}
	defer reader.Close()
	pointed := src.Config.InputType == "JSON" && src.Pointer != "" && !t.state.jsonata
	var list []Item
	size := 0
	for pointed || src.MaxItems == 0 || int64(len(list)) < src.MaxItems {
		item, e := reader.Next()
		if e == io.EOF {
			break
		}
		if e != nil {
			return nil, itemError(e)
		}
		if size += item.Value.Size() + 1; size > maxTestedItems {
			return nil, unreadable("the items have more than %d bytes together", maxTestedItems)
		}
		list = append(list, item)
	}
	if pointed { // what the pointer leads to, before MaxItems
		vals, b := make([]value.Value, len(list)), value.NewBuilder(len(list))
		for i, item := range list {
			vals[i] = item.Value
			if item.Pair {
				b.Set(item.Value.Get("Key").Str(), item.Value.Get("Value"))
			}
		}
		p.result.Inspection.AfterItemsPointer = value.Array(vals)
		if s, ok := reader.(*sourced); ok && s.pairs() {
			p.result.Inspection.AfterItemsPointer = b.Object()
		}
		if n := src.MaxItems; n > 0 && int64(len(list)) > n {
			list = list[:n]
		}
	}
	return list, nil
}

// givenItems opens the items in ItemReaderData as those of an object are opened. Of a list
// of objects it is the answer of S3, whose Contents are the items, unless the objects are
// to be read: then it is what they hold.
func givenItems(src *ItemSource, test *StateTest) (ItemReader, *Error) {
	o := &dataSet{ctx: context.Background(), store: given{test}, config: src.Config, pointer: src.Pointer}
	if asl.ParseResource(src.Resource).Action != "listObjectsV2" {
		return o.object("", "")
	}
	if src.Config.Transformation == "LOAD_AND_FLATTEN" {
		r, err := o.open("", "")
		if err != nil {
			return nil, err
		}
		return r, nil
	}
	v, err := value.ParseString(test.ItemReaderData)
	if err != nil {
		return nil, unreadable("the list of objects is not JSON: %v", err)
	}
	if v.IsObject() {
		v = v.Get("Contents")
	}
	if !v.IsArray() {
		return nil, unreadable("the list of objects is not an array, nor an object with Contents")
	}
	return &itemSlice{v: v}, nil
}

// given is a store with what a StateTest brings. The object without a name, which no
// manifest can mean, is ItemReaderData.
type given struct{ test *StateTest }

func (g given) Get(_ context.Context, bucket, key string) (io.ReadCloser, ObjectInfo, error) {
	if bucket == "" && key == "" {
		text := g.test.ItemReaderData
		return io.NopCloser(strings.NewReader(text)), ObjectInfo{Size: int64(len(text))}, nil
	}
	if g.test.Open == nil {
		return nil, ObjectInfo{}, ErrNoObject
	}
	body, err := g.test.Open(bucket, key)
	return body, ObjectInfo{Key: key}, err
}

func (given) Put(context.Context, string, string, string, io.Reader) error { return ErrNoBucket }

func (given) List(context.Context, string, string, func(ObjectInfo) bool) error { return ErrNoBucket }

// probeBatches gives the batches of items as the service shows them: each item as a text.
// That was recorded 2026-09 (published in github.com/radkawar/stackd); the input of a child
// execution has the items themselves.
func probeBatches(v *view, b *batcher, items []value.Value) ([]value.Value, *Error) {
	var r MapRun
	if err := r.readBatcher(v, b); err != nil {
		return nil, err
	}
	batches := []value.Value{}
	var pending *value.Value
	next := func() (value.Value, *Error) {
		if len(items) == 0 {
			return value.Value{}, nil
		}
		item := items[0]
		items = items[1:]
		return item, nil
	}
	for {
		batch, err := r.batch(&pending, next)
		if err != nil || len(batch) == 0 {
			return batches, err
		}
		for i, item := range batch {
			batch[i] = value.String(item.JSON())
		}
		batches = append(batches, r.batchOf(batch))
	}
}
