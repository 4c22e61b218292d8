package emulator

import (
	"github.com/sfnkit/sfnkit/asl"
	"github.com/sfnkit/sfnkit/asl/value"
)

// MapRun is the work of a distributed Map state: child executions, one for every item or
// batch of items. The core says what is wanted and the runner does it.
type MapRun struct {
	ARN      string
	Label    string
	Machine  *Machine // of the child executions
	Parent   Info
	Express  bool  // the children's type
	Redrives int32 // how often the map run was redriven

	Items  value.Value // an array or object, Absent if there is a Reader
	Reader *ItemSource

	Concurrency         int // 0 for the service's own bound of 10,000
	ToleratedCount      int64
	ToleratedPercentage float64
	BatchItems          int   // items per batch, 0 for no bound
	BatchBytes          int64 // bytes of a batch's input, 0 for no bound
	BatchInput          value.Value
	Batched             bool

	Writer *ResultSink

	// Select makes the input for one item by the state's ItemSelector. It reads the parent
	// execution and must not be called while that one is being told something.
	Select func(i int, item Item) (value.Value, *Error)
}

// ItemSource says where the items of a MapRun are.
type ItemSource struct {
	Resource  string
	Arguments value.Value // Bucket, Key, Prefix ...
	Config    *asl.ReaderConfig
	Pointer   string // ItemsPointer
	MaxItems  int64  // 0 for no bound
}

// ResultSink says where the results of a MapRun go.
type ResultSink struct {
	Resource  string
	Arguments value.Value // Bucket, Prefix
	Config    *asl.WriterConfig
}

// maxItems is the most items that the service reads: MaxItems above it count as it.
const maxItems = 100000000

func (x *Execution) distributed(t *thread, v *view, items value.Value, concurrency int64) *Error {
	s := t.state
	started := x.emit(MapStateStarted, t.prev, value.Value{})
	if s.reader == nil {
		started.Index = int32(items.Len())
	}
	t.prev, t.seen = started.ID, true
	r := &MapRun{
		Machine: s.processor, Parent: x.Info(), Items: items, Label: s.label, Concurrency: int(min(concurrency, 10000)),
		Express: s.processor.def.ProcessorConfig.ExecutionType == "EXPRESS", ToleratedPercentage: -1,
	}
	if s.selector != nil {
		r.Select = func(i int, item Item) (value.Value, *Error) { return x.selected(t, s.selector, i, item) }
	}
	var err *Error
	if r.ToleratedCount, err = v.count(s.toleratedCount); err != nil {
		return err
	}
	if r.ToleratedPercentage, err = v.percentage(s.toleratedPercentage); err != nil {
		return err
	}
	if s.toleratedCount == nil && s.toleratedPercentage != nil {
		r.ToleratedCount = -1
	}
	var early *Error // found out before the items are read, but told by the map run
	if s.reader != nil {
		src := &ItemSource{}
		r.Reader = src
		if s.reader.arguments != nil {
			if src.Arguments, err = v.dynamic(s.reader.arguments); err != nil {
				return err
			}
		}
		if early, err = src.read(v, s.reader); err != nil {
			return err
		}
	}
	if err := r.readBatcher(v, s.batcher); err != nil {
		return err
	}
	if w := s.writer; w != nil {
		r.Writer = &ResultSink{Resource: w.resource, Config: w.config}
		if w.arguments != nil {
			if r.Writer.Arguments, err = v.dynamic(w.arguments); err != nil {
				return err
			}
		}
	}
	r.ARN = "arn:" + x.shared.Partition + ":states:" + x.shared.Region + ":" + x.shared.Account + ":mapRun:" +
		x.shared.StateMachineName + "/" + r.Label + ":" + x.sources.UUID()
	e := x.emit(MapRunStarted, t.prev, value.Value{})
	e.Detail = &Detail{ARN: r.ARN}
	t.own = &fork{owner: t, isMap: true, run: r, started: t.prev}
	t.prev = e.ID
	id := x.block(t, forMapRun)
	t.mapRun = r
	if early != nil {
		t.own.run = nil
		x.mapRunFailed(t, early)
		return nil
	}
	x.want(Command{Kind: StartMapRun, ID: id, MapRun: r})
	return nil
}

// read evaluates what an ItemReader says besides its arguments. The first error is one
// that the map run fails with, the second one of the state.
func (src *ItemSource) read(v *view, r *reader) (early, err *Error) {
	src.Resource, src.Config, src.Pointer = r.resource, r.config, r.config.ItemsPointer
	if r.itemsPointer != nil {
		got, err := v.query(r.itemsPointer)
		if err != nil {
			return nil, err
		}
		src.Pointer = got.Str()
	}
	if r.maxItems == nil {
		return nil, nil
	}
	got, err := v.number(r.maxItems)
	if err != nil {
		return nil, err
	}
	n, whole := numeric(got).Int64()
	switch {
	case !whole && r.maxItems.query != nil:
		return nil, v.notInteger(r.maxItems, got)
	case !whole:
		return nil, v.x.located(v.t, runtimeError("The %sPath field refers to value \"%s\" which is not a valid integer: %s",
			r.maxItems.field, plainText(got), r.maxItems.text))
	case n < 0:
		early = NewError(ErrorItemReaderFailed, "field MaxItems must be positive")
	}
	src.MaxItems = min(n, maxItems)
	return early, nil
}

// readBatcher evaluates an ItemBatcher, which may be nil.
func (r *MapRun) readBatcher(v *view, b *batcher) *Error {
	if b == nil {
		return nil
	}
	r.Batched = true
	n, err := v.count(b.maxItems)
	if err != nil {
		return err
	}
	r.BatchItems = int(n)
	if r.BatchBytes, err = v.count(b.maxBytes); err != nil {
		return err
	}
	if b.input != nil {
		r.BatchInput, err = v.dynamic(b.input)
	}
	return err
}

// MapRunSucceeded tells the result of a map run. It reports false if nobody waits for it.
func (x *Execution) MapRunSucceeded(now int64, id TaskID, result value.Value) bool {
	t := x.waiter(id)
	if t == nil || t.waiting != forMapRun {
		return false
	}
	x.now = now
	runStarted := t.prev
	x.unblock(t)
	e := x.emit(MapRunSucceeded, t.prev, value.Value{})
	x.emit(MapStateSucceeded, e.ID, value.Value{})
	t.prev = e.ID
	if !t.firstState() || t.state.jsonata {
		t.prev = runStarted
	}
	t.own = nil
	if err := x.complete(t, result); err != nil {
		x.fail(t, err)
	}
	x.resume(t)
	return true
}

// mapResultTooLarge ends a map run whose results together are more than a state may give.
// That the limit counts before ResultSelector and ResultPath is how the service treats the
// results of tasks; of map runs nothing was found recorded.
func (x *Execution) mapResultTooLarge(now int64, id TaskID) bool {
	t := x.waiter(id)
	if t == nil || t.waiting != forMapRun {
		return false
	}
	x.now = now
	t.prev = x.emit(MapRunSucceeded, t.prev, value.Value{}).ID
	t.own.run = nil // there is nothing in it to redrive
	x.fail(t, NewError(ErrorDataLimitExceeded, "The state/task '"+t.state.name+
		"' returned a result with a size exceeding the maximum number of bytes service limit."))
	x.resume(t)
	return true
}

// firstState reports whether the thread's state is the first one of the execution. The
// exit event of a distributed Map follows MapRunStarted in all recordings but those of
// JSONPath machines that begin with the Map, where it follows MapRunSucceeded. (These are
// also the oldest ones, all from before September 2024, so that this may be a change of
// the service over time instead; nothing recorded so far tells the two apart.)
func (t *thread) firstState() bool { return t.fork == nil && t.before == 0 }

// MapRunFailed tells that a map run failed.
func (x *Execution) MapRunFailed(now int64, id TaskID, err *Error) {
	t := x.waiter(id)
	if t == nil || t.waiting != forMapRun {
		return
	}
	x.now = now
	x.mapRunFailed(t, err)
	x.resume(t)
}

func (x *Execution) mapRunFailed(t *thread, err *Error) {
	e := x.emit(MapRunFailed, t.prev, value.Value{})
	e.Detail = &Detail{Error: err}
	t.prev = e.ID
	x.fail(t, err)
}

// redriveMapRun starts a map run again that failed or was aborted. What failed after the
// children had succeeded (an OutputPath, results that are too large) makes a new one instead.
func (x *Execution) redriveMapRun(t *thread, f *fork) {
	r := *f.run
	r.Redrives++
	r.Parent = x.Info()
	f.run = &r
	e := x.emit(MapRunRedriven, f.started, value.Value{})
	e.Detail = &Detail{ARN: r.ARN, Count: r.Redrives}
	t.prev = e.ID
	t.own = f
	id := x.block(t, forMapRun)
	t.mapRun = f.run
	x.want(Command{Kind: StartMapRun, ID: id, MapRun: f.run})
}
