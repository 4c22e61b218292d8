package emulator

import (
	"context"
	"errors"
	"io"

	"github.com/sfnkit/sfnkit/asl/value"
)

// Counts are the counters of a map run, by item and by child execution.
type Counts struct {
	Running, Succeeded, Failed, TimedOut, Aborted, Total, ResultsWritten int64
}

// mapRunner runs the child executions of a MapRun, at most Concurrency at a time, reading
// items only as fast as children end.
type mapRunner struct {
	run  *run
	id   TaskID
	spec *MapRun

	// All below is touched under the parent's lock only.
	reader   ItemReader
	writer   resultWriter
	written  bool // the writer is being closed
	next     int  // items read so far
	slot     int  // children started so far
	active   int
	atEnd    bool
	over     bool
	pending  *value.Value // an item that did not fit the last batch
	results  []value.Value
	ok       []bool
	executed Counts // children
	items    Counts
	cancels  map[int]func()
	pumping  bool
	size     int // of the results, as a JSON array
}

// itemSlice gives the elements of an array, or the members of an object as
// {"Key": ..., "Value": ...}.
type itemSlice struct {
	v value.Value
	i int
}

var memberShape = value.NewShape([]string{"Key", "Value"})

func (s *itemSlice) Next() (value.Value, error) {
	if s.i >= s.v.Len() {
		return value.Value{}, io.EOF
	}
	s.i++
	if s.v.IsObject() {
		return value.ObjectOf(memberShape, []value.Value{value.String(s.v.Key(s.i - 1)), s.v.At(s.i - 1)}), nil
	}
	return s.v.At(s.i - 1), nil
}

func (s *itemSlice) Close() error { return nil }

// maxChildren is how many child executions of one map run go on at once at most, as in
// the service.
const maxChildren = 10000

// MapRunCaller is a Caller that is also asked before a map run begins, for the service
// then makes calls of its own: it starts child executions, reads items, writes results.
type MapRunCaller interface {
	Caller
	// CallMapRun returns the error with which the map run fails, nil to let it begin.
	CallMapRun(ctx context.Context, r *MapRun) *Error
}

func (m *mapRunner) start(ctx context.Context) {
	var err *Error
	if c, ok := m.run.env.caller().(MapRunCaller); ok {
		err = c.CallMapRun(ctx, m.spec)
	}
	if err != nil {
		m.fail(err)
		return
	}
	if m.spec.Reader != nil {
		m.reader, err = m.run.env.read(ctx, m.spec.Reader)
	} else {
		m.reader = &itemSlice{v: m.spec.Items}
	}
	if err == nil && m.spec.Writer != nil {
		m.writer, err = m.run.env.sink(ctx, m.spec)
	}
	if err != nil {
		m.fail(err)
		return
	}
	m.pump(ctx)
}

func (m *mapRunner) fail(err *Error) {
	m.run.do(func(x *Execution, now int64) {
		if m.over {
			return
		}
		m.finish()
		x.MapRunFailed(now, m.id, err)
	})
}

// finish is called under the parent's lock.
func (m *mapRunner) finish() {
	m.over = true
	delete(m.run.maps, m.id)
	if m.reader != nil {
		m.reader.Close()
	}
	for i, c := range m.cancels {
		if c != nil {
			delete(m.cancels, i)
			m.run.env.spawn(func(context.Context) { c() })
		}
	}
	m.writeRest()
}

// writeRest writes the results of a map run that did not succeed, once the last child has
// ended. It is called under the parent's lock.
func (m *mapRunner) writeRest() {
	if m.writer != nil && !m.written && m.active == 0 {
		m.written = true
		m.run.env.spawn(func(ctx context.Context) { m.writer.close(ctx) })
	}
}

// write hands a child to the writer. It is called under the parent's lock.
func (m *mapRunner) write(i, n int, x *Execution) *Error {
	if m.writer == nil || m.written {
		return nil
	}
	if err := m.writer.add(i, x); err != nil {
		var e *Error
		if !errors.As(err, &e) {
			e = NewError(ErrorResultWriterFailed, err.Error())
		}
		return e
	}
	m.items.ResultsWritten += int64(n)
	m.executed.ResultsWritten++
	return nil
}

func (m *mapRunner) cancel() {
	m.run.mu.Lock()
	if !m.over {
		m.finish()
	}
	m.run.mu.Unlock()
}

// pump starts children until the limit is reached or the items are at their end.
func (m *mapRunner) pump(ctx context.Context) {
	for {
		m.run.mu.Lock()
		spec := m.spec
		limit := spec.Concurrency
		if limit <= 0 || limit > maxChildren {
			limit = maxChildren
		}
		if m.over || m.pumping || m.atEnd || m.active >= limit {
			m.run.mu.Unlock()
			return
		}
		m.pumping = true
		input, n, err := m.input()
		m.pumping = false
		if err != nil {
			m.run.mu.Unlock()
			m.fail(err)
			return
		}
		if n == 0 {
			m.atEnd = true
			done := m.active == 0
			m.run.mu.Unlock()
			if done {
				m.complete(ctx)
			}
			return
		}
		i := m.slot
		m.slot++
		m.active++
		m.items.Running += int64(n)
		m.items.Total += int64(n)
		m.executed.Running++
		m.executed.Total++
		if m.writer == nil && !m.tooLarge() {
			m.results = append(m.results, value.Value{})
			m.ok = append(m.ok, false)
		}
		name := m.run.x.sources.UUID()
		if m.cancels == nil {
			m.cancels = make(map[int]func())
		}
		m.cancels[i] = nil // until it has begun
		m.run.mu.Unlock()
		cancel := m.run.env.child(spec, name, input, func(x *Execution) { m.ended(ctx, i, n, x) })
		m.run.mu.Lock()
		_, goesOn := m.cancels[i]
		if goesOn && !m.over {
			m.cancels[i] = cancel
		}
		late := goesOn && m.over // the map run ended while the child began
		m.run.mu.Unlock()
		if late {
			cancel()
		}
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
	items, err := m.spec.batch(&m.pending, m.item)
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
		var e *Error
		if !errors.As(err, &e) {
			e = NewError(ErrorItemReaderFailed, err.Error())
		}
		return value.Value{}, e
	}
	i := m.next
	m.next++
	if m.spec.Select != nil {
		return m.spec.Select(i, item)
	}
	return item, nil
}

func (m *mapRunner) ended(ctx context.Context, i, n int, x *Execution) {
	m.run.mu.Lock()
	delete(m.cancels, i)
	m.active--
	m.items.Running -= int64(n)
	m.executed.Running--
	if m.over {
		m.write(i, n, x)
		m.writeRest()
		m.run.mu.Unlock()
		return
	}
	switch x.Status() {
	case Succeeded:
		m.items.Succeeded += int64(n)
		m.executed.Succeeded++
		if m.writer == nil {
			m.keep(i, x.Output())
		}
	case TimedOut:
		m.items.TimedOut += int64(n)
		m.executed.TimedOut++
	case Aborted:
		m.items.Aborted += int64(n)
		m.executed.Aborted++
	default:
		m.items.Failed += int64(n)
		m.executed.Failed++
	}
	err := m.write(i, n, x)
	if err == nil && m.exceeded(false) {
		err = exceededError()
	}
	last := m.atEnd && m.active == 0
	m.run.mu.Unlock()
	switch {
	case err != nil:
		m.fail(err)
	case last:
		m.complete(ctx)
	default:
		// Not from here: a long list of items must not become a deep stack.
		m.run.env.spawn(m.pump)
	}
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
	failed := m.items.Failed + m.items.TimedOut + m.items.Aborted
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
	if percentage < 0 || !all && !m.atEnd {
		return false
	}
	return float64(failed)*100 > percentage*float64(m.items.Total)
}

func (m *mapRunner) complete(ctx context.Context) {
	m.run.mu.Lock()
	if m.over {
		m.run.mu.Unlock()
		return
	}
	if m.exceeded(true) {
		m.run.mu.Unlock()
		m.fail(exceededError())
		return
	}
	m.written = true
	m.run.mu.Unlock()
	var result value.Value
	if m.writer != nil {
		out, err := m.writer.close(ctx)
		if err != nil {
			m.fail(err)
			return
		}
		result = out
	} else {
		vals := make([]value.Value, 0, len(m.results))
		for i, v := range m.results {
			if m.ok[i] {
				vals = append(vals, v)
			}
		}
		result = value.Array(vals)
	}
	m.run.do(func(x *Execution, now int64) {
		if m.over {
			return
		}
		m.finish()
		if m.tooLarge() {
			x.mapResultTooLarge(now, m.id)
			return
		}
		x.MapRunSucceeded(now, m.id, result)
	})
}
