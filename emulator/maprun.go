package emulator

import (
	"context"
	"errors"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/sfnkit/sfnkit/asl/value"
)

// Counts are the counters of a map run, by item or by child execution.
type Counts struct {
	Pending, Running, Succeeded, Failed, TimedOut, Aborted, Total, ResultsWritten, FailuresNotRedrivable, PendingRedrive int64
}

// of returns the counter of the executions that ended with a status.
func (c *Counts) of(s Status) *int64 {
	switch s {
	case Succeeded:
		return &c.Succeeded
	case TimedOut:
		return &c.TimedOut
	case Aborted:
		return &c.Aborted
	}
	return &c.Failed
}

// unsuccessful is how many ended without success.
func (c *Counts) unsuccessful() int64 { return c.Failed + c.TimedOut + c.Aborted }

// mapRunner runs the child executions of a MapRun, at most Concurrency at a time, reading
// items only as fast as children end.
//
// It has its end in two steps, as the service was recorded to: no more children begin, the
// standard ones that go on are aborted and the express ones awaited; then results are
// written, and only then the parent is told. After that it stays to be asked for its
// counters and to be redriven.
type mapRunner struct {
	run *run

	// All below is touched under the parent's lock only.
	id       TaskID
	spec     *MapRun
	stage    mapRunStage
	opening  bool    // the items are being looked for
	err      *Error  // with which it is going to end
	waiting  *MapRun // the redrive that waits for that
	waitID   TaskID
	opened   bool // items have been looked for and found
	reader   ItemReader
	inputs   []childInput // of the children, where the items need not be read
	writer   resultWriter
	next     int // items read so far
	slot     int // children begun so far
	active   int
	pumps    int
	stopping int // children that are being stopped, or that ended before they could be
	atEnd    bool
	ahead    *value.Value      // an item that did not fit the last batch
	children map[int]*mapChild // those that go on and those that may be redriven
	redo     []*mapChild       // to be redriven, in their order
	results  []value.Value
	ok       []bool
	executed Counts // children
	items    Counts
	size     int // of the results, as a JSON array
}

// mapRunStage is how far a map run is.
type mapRunStage uint8

const (
	mapRunWorks  mapRunStage = iota // children begin
	mapRunEnds                      // no more children begin, those that go on are awaited
	mapRunWrites                    // results are being written
	mapRunOver
)

// childInput is what a child execution begins with.
type childInput struct {
	value value.Value
	items int
}

// mapChild is a child execution of a map run.
type mapChild struct {
	slot, items int
	status      Status
	run         childRun
	turn, begun int32 // how often it was to begin, and when it last had and might be stopped
	permanent   bool  // its failure stays what it is
	written     int32 // the redrive of the map run in which it was last written down
}

// childRun is a child execution as its map run sees it.
type childRun interface {
	Stop(name, cause string) bool
	Redrive() bool
	View(func(*Execution))
}

// itemSlice gives the elements of an array, or the members of an object as
// {"Key": ..., "Value": ...}.
type itemSlice struct {
	v      value.Value
	source string
	i      int
}

var memberShape = value.NewShape([]string{"Key", "Value"})

func (s *itemSlice) Next() (Item, error) {
	if s.i >= s.v.Len() {
		return Item{}, io.EOF
	}
	s.i++
	if s.v.IsObject() {
		pair := value.ObjectOf(memberShape, []value.Value{value.String(s.v.Key(s.i - 1)), s.v.At(s.i - 1)})
		return Item{Value: pair, Pair: true, Source: s.source}, nil
	}
	return Item{Value: s.v.At(s.i - 1), Source: s.source}, nil
}

func (s *itemSlice) Close() error { return nil }

// maxChildren is how many child executions of one map run go on at once at most, as in
// the service.
const maxChildren = 10000

// maxRedo is how many child executions of one map run are kept to be redriven.
const maxRedo = 100000

// MapRunCaller is a Caller that is also asked before a map run begins, for the service
// then makes calls of its own: it starts child executions, reads items, writes results.
type MapRunCaller interface {
	Caller
	// CallMapRun returns the error with which the map run fails, nil to let it begin.
	CallMapRun(ctx context.Context, r *MapRun) *Error
}

func (m *mapRunner) lock()   { m.run.mu.Lock() }
func (m *mapRunner) unlock() { m.run.mu.Unlock() }

func (m *mapRunner) start(ctx context.Context) {
	err := m.open(ctx)
	m.lock()
	m.opening = false
	switch {
	case m.stage == mapRunEnds: // it was cancelled meanwhile
		m.run.env.spawn(m.settle)
	case err != nil:
		m.wind(err)
	case m.exceeded(false): // by what cannot be redriven
		m.wind(exceededError())
	}
	m.pumps++
	m.unlock()
	m.pump(ctx)
}

// open opens the items and the results. The items of a map run that is redriven are read
// again up to where it had got. That it may not start its children is found out last, as by
// the service, which then has written down what is pending.
func (m *mapRunner) open(ctx context.Context) *Error {
	m.lock()
	spec, writer, read, skip := m.spec, m.writer, m.known(), m.next
	m.unlock()
	var refused *Error
	if c, ok := m.run.env.caller().(MapRunCaller); ok {
		refused = c.CallMapRun(ctx, spec)
	}
	if refused != nil && (refused.Name == ErrorItemReaderFailed || refused.Name == ErrorResultWriterFailed) {
		return refused
	}
	var reader ItemReader
	var err *Error
	switch {
	case read:
	case spec.Reader != nil:
		if reader, err = m.run.env.read(ctx, spec.Reader); err != nil {
			return err
		}
		for range skip {
			if _, e := reader.Next(); e != nil {
				break
			}
		}
	default:
		reader = &itemSlice{v: spec.Items, source: stateData}
	}
	if writer != nil {
		writer.redriven(int(spec.Redrives))
	} else if spec.Writer != nil {
		writer, err = m.run.env.sink(ctx, spec)
	}
	m.lock()
	defer m.unlock()
	m.writer, m.reader = writer, reader
	if err == nil && !read && spec.Reader == nil {
		err = m.readAll()
	}
	if err != nil {
		return err
	}
	m.opened = true
	return refused
}

// known reports whether all items are known.
func (m *mapRunner) known() bool { return m.inputs != nil || m.atEnd }

// exhausted reports whether all children have begun.
func (m *mapRunner) exhausted() bool {
	if m.inputs != nil {
		return m.slot >= len(m.inputs)
	}
	return m.atEnd
}

// readAll makes the inputs of all children, which are known from the beginning where the
// items come with the state's input.
func (m *mapRunner) readAll() *Error {
	m.inputs = make([]childInput, 0, m.spec.Items.Len())
	for {
		v, n, err := m.input()
		if err != nil {
			return err
		}
		if n == 0 {
			break
		}
		m.inputs = append(m.inputs, childInput{v, n})
		m.items.Pending += int64(n)
		m.items.Total += int64(n)
	}
	m.executed.Pending, m.executed.Total = int64(len(m.inputs)), int64(len(m.inputs))
	return nil
}

// wind makes no more children begin and those that go on end, with an error or with none,
// because nobody waits for the map run any more. It is called under the parent's lock.
func (m *mapRunner) wind(err *Error) {
	if m.stage != mapRunWorks {
		return
	}
	m.stage, m.err = mapRunEnds, err
	for _, i := range slices.Sorted(maps.Keys(m.children)) {
		if c := m.children[i]; c.status == Running && c.begun == c.turn {
			m.abort(c)
		}
	}
	if m.active == 0 && m.stopping == 0 && !m.opening {
		m.run.env.spawn(m.settle)
	}
}

// abort stops a child. Express ones are let come to their end, as documented (redriving map
// runs); the cause is as recorded.
func (m *mapRunner) abort(c *mapChild) {
	if m.spec.Express {
		return
	}
	cause := "The map run execution [" + m.spec.ARN + "] which was managing this resource was aborted"
	child := c.run
	m.stopping++
	m.run.env.spawn(func(ctx context.Context) {
		child.Stop("", cause)
		m.lock()
		m.stopping--
		m.unlock()
		m.settle(ctx)
	})
}

// maxPumps is how many goroutines of one map run begin children. They also run them until
// they wait for the first time.
const maxPumps = 8

// wake lets a goroutine more begin children. Where enough are at it, they will see for
// themselves that one may. It is called under the parent's lock.
func (m *mapRunner) wake() {
	if m.pumps < maxPumps {
		m.pumps++
		m.run.env.spawn(m.pump)
	}
}

// pump begins children until the limit is reached or there are no more. It is one of pumps.
func (m *mapRunner) pump(ctx context.Context) {
	for {
		m.lock()
		limit := m.spec.Concurrency
		if limit <= 0 || limit > maxChildren {
			limit = maxChildren
		}
		if m.stage != mapRunWorks || m.opening || m.active >= limit {
			m.pumps--
			m.unlock()
			return
		}
		if len(m.redo) > 0 {
			c := m.redo[0]
			m.redo = m.redo[1:]
			m.items.PendingRedrive -= int64(c.items)
			m.executed.PendingRedrive--
			m.begins(c)
			spec, old, turn := m.spec, c.run, c.turn
			m.unlock()
			m.redrive(ctx, spec, c, old)
			m.began(c, turn)
			continue
		}
		in, err := m.nextInput()
		if err != nil {
			m.wind(err)
			m.pumps--
			m.unlock()
			return
		}
		if in.items == 0 {
			m.atEnd = true
			m.pumps--
			done := m.active == 0
			m.unlock()
			if done {
				m.complete(ctx)
			}
			return
		}
		c := &mapChild{slot: m.slot, items: in.items}
		m.slot++
		if m.writer == nil && !m.tooLarge() {
			m.results = append(m.results, value.Value{})
			m.ok = append(m.ok, false)
		}
		m.begins(c)
		spec := m.spec
		info := spec.childInfo(m.run.x.sources.UUID, c.slot)
		m.unlock()
		m.begin(ctx, spec, c, info, in.value)
		m.began(c, 1)
	}
}

// nextInput returns the input of the next child; it has no items at the end.
func (m *mapRunner) nextInput() (childInput, *Error) {
	if m.inputs != nil {
		if m.slot >= len(m.inputs) {
			return childInput{}, nil
		}
		in := m.inputs[m.slot]
		m.inputs[m.slot] = childInput{}
		m.items.Pending -= int64(in.items)
		m.executed.Pending--
		return in, nil
	}
	if m.atEnd {
		return childInput{}, nil
	}
	v, n, err := m.input()
	if n > 0 && err == nil {
		if m.items.Pending > 0 { // it was counted when the map run failed
			m.items.Pending -= int64(n)
			m.executed.Pending--
		} else {
			m.items.Total += int64(n)
			m.executed.Total++
		}
	}
	return childInput{v, n}, err
}

func (m *mapRunner) begins(c *mapChild) {
	m.active++
	m.items.Running += int64(c.items)
	m.executed.Running++
	c.status = Running
	c.turn++
	if m.children == nil {
		m.children = make(map[int]*mapChild)
	}
	m.children[c.slot] = c
}

// begin begins a child, without locks.
func (m *mapRunner) begin(ctx context.Context, spec *MapRun, c *mapChild, info Info, input value.Value) {
	made := func(r childRun) {
		m.lock()
		defer m.unlock()
		c.run = r
	}
	m.run.env.child(spec, info, input, made, func(x *Execution) { m.ended(ctx, c, x) })
}

// began lets a child be stopped that has begun. By now it may have ended and even be about to
// begin again.
func (m *mapRunner) began(c *mapChild, turn int32) {
	m.lock()
	defer m.unlock()
	if c.turn != turn {
		return
	}
	c.begun = turn
	if c.status == Running && m.stage == mapRunEnds { // the map run failed while the child began
		m.abort(c)
	}
}

// redrive lets a child go on that ended without success. An express one begins again, under
// the same name.
func (m *mapRunner) redrive(ctx context.Context, spec *MapRun, c *mapChild, old childRun) {
	if spec.Express {
		var info Info
		var input value.Value
		old.View(func(x *Execution) { info, input = x.Info(), x.input })
		info.RedriveCount++
		m.begin(ctx, spec, c, info, input)
		return
	}
	m.run.env.again(spec, old)
	if !old.Redrive() { // it stays what it was
		var same *Execution
		old.View(func(x *Execution) { x.awaiting, same = false, x })
		m.ended(ctx, c, same)
	}
}

// input makes the input of the next child, of one item or of a batch, and says how many
// items it has; 0 at the end.
func (m *mapRunner) input() (value.Value, int, *Error) {
	if !m.spec.Batched {
		item, err := m.item()
		if err != nil || item.IsAbsent() {
			return item, 0, err
		}
		return item, 1, nil
	}
	items, err := m.spec.batch(&m.ahead, m.item)
	if err != nil || len(items) == 0 {
		return value.Value{}, 0, err
	}
	return m.spec.batchOf(items), len(items), nil
}

// batch takes the items of the next batch, none at the end. next gives the items, Absent
// at the end; pending is one that did not fit the batch before.
func (r *MapRun) batch(pending **value.Value, next func() (value.Value, *Error)) ([]value.Value, *Error) {
	var items []value.Value
	size := int64(len(`{"Items":[]}`))
	if !r.BatchInput.IsAbsent() {
		size += int64(len(`"BatchInput":,`) + r.BatchInput.Size())
	}
	limit := int64(262144)
	if r.BatchBytes > 0 {
		limit = r.BatchBytes
	}
	for r.BatchItems == 0 || len(items) < r.BatchItems {
		var item value.Value
		var err *Error
		if *pending != nil {
			item, *pending = **pending, nil
		} else if item, err = next(); err != nil {
			return nil, err
		}
		if item.IsAbsent() {
			break
		}
		if size += int64(item.Size() + 1); size > limit && len(items) > 0 {
			*pending = &item
			break
		}
		items = append(items, item)
	}
	return items, nil
}

// batchOf is the input of the child execution that works on a batch.
func (r *MapRun) batchOf(items []value.Value) value.Value {
	b := value.NewBuilder(2)
	if !r.BatchInput.IsAbsent() {
		b.Set("BatchInput", r.BatchInput)
	}
	b.Set("Items", value.Array(items))
	return b.Object()
}

// itemError is how a map run fails with what an ItemReader says.
func itemError(err error) *Error {
	var e *Error
	if !errors.As(err, &e) {
		e = NewError(ErrorItemReaderFailed, err.Error())
	}
	return e
}

// item returns the next item after the ItemSelector, Absent at the end.
func (m *mapRunner) item() (value.Value, *Error) {
	if src := m.spec.Reader; src != nil && src.MaxItems > 0 && int64(m.next) >= src.MaxItems {
		return value.Value{}, nil
	}
	item, err := m.reader.Next()
	if err == io.EOF {
		return value.Value{}, nil
	}
	if err != nil {
		return value.Value{}, itemError(err)
	}
	i := m.next
	m.next++
	if m.spec.Select != nil {
		return m.spec.Select(i, item)
	}
	return item.Value, nil
}

// ended takes note of a child that has ended.
func (m *mapRunner) ended(ctx context.Context, c *mapChild, x *Execution) {
	m.lock()
	defer m.unlock()
	m.active--
	m.items.Running -= int64(c.items)
	m.executed.Running--
	c.status = x.Status()
	*m.items.of(c.status) += int64(c.items)
	*m.executed.of(c.status)++
	switch {
	case c.status == Succeeded:
		delete(m.children, c.slot)
		if m.writer == nil {
			m.keep(c.slot, x.Output())
		}
	case !m.run.env.redrives():
		delete(m.children, c.slot)
	case len(m.children)-m.active > maxRedo:
		delete(m.children, c.slot)
		m.notRedrivable(c)
	case !m.spec.Express && x.history.n >= x.maxEvents()-1:
		m.notRedrivable(c)
	}
	err := m.write(c, x)
	switch {
	case m.stage == mapRunEnds:
		if m.active == 0 && m.stopping == 0 {
			m.run.env.spawn(m.settle)
		}
	case err != nil:
		m.wind(err)
	case m.exceeded(false):
		m.wind(exceededError())
	case m.active == 0 && m.exhausted() && len(m.redo) == 0:
		m.run.env.spawn(m.complete)
	default:
		// Not from here: a long list of items must not become a deep stack.
		m.wake()
	}
}

func (m *mapRunner) notRedrivable(c *mapChild) {
	if !c.permanent {
		c.permanent = true
		m.items.FailuresNotRedrivable += int64(c.items)
		m.executed.FailuresNotRedrivable++
	}
}

// write hands a child to the writer. It is called under the parent's lock.
func (m *mapRunner) write(c *mapChild, x *Execution) *Error {
	if m.writer == nil {
		return nil
	}
	c.written = m.spec.Redrives
	if err := m.writer.add(c.slot, x); err != nil {
		var e *Error
		if !errors.As(err, &e) {
			e = NewError(ErrorResultWriterFailed, err.Error())
		}
		return e
	}
	return nil
}

// keep takes the output of a child for the result of the Map state. Once the result is too
// large for any state there is no use in holding it.
func (m *mapRunner) keep(i int, output value.Value) {
	limit := m.run.x.limits.Payload
	if m.size += output.Size() + 1; limit > 0 && m.size > limit {
		m.results, m.ok = nil, nil
		return
	}
	m.results[i], m.ok[i] = output, true
}

// tooLarge reports whether the result of the Map state is beyond the limit on payloads.
func (m *mapRunner) tooLarge() bool {
	limit := m.run.x.limits.Payload
	return m.writer == nil && limit > 0 && m.size > limit
}

func exceededError() *Error {
	return NewError(ErrorExceedTolerated, "The specified tolerated failure threshold was exceeded")
}

// exceeded reports whether more items failed than is tolerated. A percentage can only be
// judged once all items are known, unless none is tolerated.
func (m *mapRunner) exceeded(all bool) bool {
	failed := m.items.unsuccessful()
	if failed == 0 {
		return false
	}
	count, percentage := m.spec.ToleratedCount, m.spec.ToleratedPercentage
	if count >= 0 && failed > count && percentage <= 0 {
		return true
	}
	if count > 0 && failed > count {
		return true
	}
	if percentage < 0 || !all && !m.known() {
		return false
	}
	return float64(failed)*100 > percentage*float64(m.items.Total)
}

// settle writes down what became of a map run that did not succeed, once the last child has
// ended, and tells.
func (m *mapRunner) settle(ctx context.Context) {
	m.lock()
	if m.stage != mapRunEnds || m.active > 0 || m.stopping > 0 || m.opening {
		m.unlock()
		return
	}
	m.stage = mapRunWrites
	for _, c := range m.redo { // what was not got round to stays what it was
		m.await(c, -1)
	}
	m.redo = nil
	m.unlock()
	m.rest()
	if err := m.writeOthers(); err == nil && m.writer != nil {
		m.writer.close(ctx) // what it says about itself does not matter any more
	}
	m.over(func(x *Execution, now int64) {
		if m.err != nil {
			x.MapRunFailed(now, m.id, m.err)
		}
	})
}

// await counts a child among those that wait to be redriven, or no longer with -1. It is
// called under the parent's lock.
func (m *mapRunner) await(c *mapChild, n int64) {
	m.items.PendingRedrive += n * int64(c.items)
	m.executed.PendingRedrive += n
	*m.items.of(c.status) -= n * int64(c.items)
	*m.executed.of(c.status) -= n
	c.run.View(func(x *Execution) { x.awaiting = n > 0 })
}

// rest counts and writes down the children that never began.
func (m *mapRunner) rest() {
	m.lock()
	defer m.unlock()
	if m.inputs != nil {
		for _, in := range m.inputs[min(m.slot, len(m.inputs)):] {
			if m.writer != nil && m.writer.pending(in.value) != nil {
				return
			}
		}
		return
	}
	m.items.Total -= m.items.Pending
	m.executed.Total -= m.executed.Pending
	m.items.Pending, m.executed.Pending = 0, 0
	if m.reader == nil || m.writer == nil && !m.run.env.redrives() {
		return
	}
	// They are read again from here if the map run is redriven.
	next, ahead := m.next, m.ahead
	for {
		v, n, err := m.input()
		if n == 0 || err != nil || m.writer != nil && m.writer.pending(v) != nil {
			break
		}
		m.items.Pending += int64(n)
		m.executed.Pending++
	}
	m.items.Total += m.items.Pending
	m.executed.Total += m.executed.Pending
	m.next, m.ahead = next, ahead
}

// writeOthers hands the children to the writer that did not succeed before the map run was
// redriven and did not get another chance since.
func (m *mapRunner) writeOthers() (err *Error) {
	m.lock()
	defer m.unlock()
	for _, i := range slices.Sorted(maps.Keys(m.children)) {
		if c := m.children[i]; c.written != m.spec.Redrives && err == nil {
			c.run.View(func(x *Execution) { err = m.write(c, x) })
		}
	}
	return err
}

// complete ends a map run whose children have all ended.
func (m *mapRunner) complete(ctx context.Context) {
	m.lock()
	// It may have been redriven since it was found complete.
	if m.stage != mapRunWorks || m.opening || m.active > 0 || len(m.redo) > 0 || !m.exhausted() {
		m.unlock()
		return
	}
	if m.exceeded(true) {
		m.wind(exceededError())
		m.unlock()
		return
	}
	m.stage = mapRunWrites
	m.unlock()
	var result value.Value
	if m.writer != nil {
		err := m.writeOthers()
		if err == nil {
			result, err = m.writer.close(ctx)
		}
		if err != nil {
			m.over(func(x *Execution, now int64) { x.MapRunFailed(now, m.id, err) })
			return
		}
	} else {
		vals := make([]value.Value, 0, len(m.results))
		for i, v := range m.results {
			if m.ok[i] {
				vals = append(vals, v)
			}
		}
		result = value.Array(vals)
	}
	m.over(func(x *Execution, now int64) {
		told := false
		if m.tooLarge() {
			told = x.mapResultTooLarge(now, m.id)
		} else {
			told = x.MapRunSucceeded(now, m.id, result)
		}
		if told { // otherwise the execution was stopped and may be redriven
			m.children, m.inputs, m.results, m.ok, m.writer = nil, nil, nil, nil, nil
		}
	})
}

// over tells that the map run has ended. If it was redriven meanwhile, it begins again.
func (m *mapRunner) over(tell func(x *Execution, now int64)) {
	m.run.do(func(x *Execution, now int64) {
		m.stage = mapRunOver
		delete(m.run.own().maps, m.id)
		if m.reader != nil {
			m.reader.Close()
			m.reader = nil
		}
		if w := m.spec.Writer; w != nil && w.Resource != "" && m.writer != nil {
			m.items.ResultsWritten = m.items.Succeeded + m.items.unsuccessful() + m.items.Pending
			m.executed.ResultsWritten = m.executed.Succeeded + m.executed.unsuccessful() + m.executed.Pending
		}
		tell(x, now)
		if spec := m.waiting; spec != nil {
			m.waiting = nil
			m.restart(m.waitID, spec)
		}
	})
}

// redrivePeriod is how long after its end an execution may be redriven, in milliseconds.
const redrivePeriod = int64(14 * 24 * time.Hour / time.Millisecond)

// restart redrives a map run, once it has ended. It is called under the parent's lock.
func (m *mapRunner) restart(id TaskID, spec *MapRun) {
	if m.stage != mapRunOver {
		m.waitID, m.waiting = id, spec
		return
	}
	again := *spec
	again.Concurrency, again.ToleratedCount, again.ToleratedPercentage = m.spec.Concurrency, m.spec.ToleratedCount, m.spec.ToleratedPercentage // UpdateMapRun lasts
	m.id, m.spec, m.stage, m.opening, m.err = id, &again, mapRunWorks, true, nil
	m.run.own().maps[id] = m
	now := m.run.env.now()
	for _, i := range slices.Sorted(maps.Keys(m.children)) {
		c := m.children[i]
		c.run.View(func(x *Execution) {
			if now-x.Stopped() > redrivePeriod {
				m.notRedrivable(c)
			}
		})
		if !c.permanent {
			m.await(c, 1)
			m.redo = append(m.redo, c)
		}
	}
	m.run.env.spawn(m.start)
}
