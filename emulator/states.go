package emulator

import (
	"strings"
	"time"

	"github.com/sfnkit/sfnkit/asl"
	"github.com/sfnkit/sfnkit/asl/value"
)

func (x *Execution) pass(t *thread) *Error {
	s := t.state
	if s.jsonata {
		return x.complete(t, t.input)
	}
	result, err := x.effectiveInput(t)
	if err != nil {
		return err
	}
	if s.parameters != nil {
		v := x.viewOf(t, result)
		if result, err = v.template(s.parameters); err != nil {
			return err
		}
		if err = x.fits(s, result); err != nil {
			return err
		}
	}
	if inspect := x.inspection(); inspect != nil && s.result.IsAbsent() {
		inspect.AfterParameters = result
	}
	if !s.result.IsAbsent() {
		result = s.result
	}
	return x.complete(t, result)
}

func (x *Execution) succeed(t *thread) *Error {
	if t.state.jsonata {
		return x.complete(t, t.input)
	}
	in, err := x.effectiveInput(t)
	if err != nil {
		return err
	}
	return x.complete(t, in)
}

func (x *Execution) failState(t *thread) *Error {
	in, err := x.effectiveInput(t) // a Fail state has no InputPath
	if err != nil {
		return err
	}
	v := x.viewOf(t, in)
	out := &Error{}
	text := func(s *scalar) (string, bool, *Error) {
		if s == nil {
			return "", true, nil
		}
		got, err := v.scalar(s)
		if err != nil {
			return "", false, err
		}
		if !got.IsString() {
			if s.query != nil {
				return "", false, v.unexpected(s.query, "string", got)
			}
			return "", false, x.located(t, runtimeError("The %s field must reference a string value: %s == %s", s.field, s.text, got.JSON()))
		}
		return got.Str(), false, nil
	}
	if out.Name, out.NoName, err = text(t.state.errorName); err != nil {
		return err
	}
	if out.Cause, out.NoCause, err = text(t.state.cause); err != nil {
		return err
	}
	return out
}

func (x *Execution) wait(t *thread) *Error {
	s := t.state
	in, err := x.effectiveInput(t)
	if err != nil {
		return err
	}
	v := x.viewOf(t, in)
	var until int64
	if s.seconds != nil {
		n, err := v.seconds(s.seconds)
		if err != nil {
			return err
		}
		until = x.now + n*1000
	} else {
		at, err := v.timestamp(s.timestamp)
		if err != nil {
			return err
		}
		until = at
	}
	t.seen = true
	if until <= x.now {
		return x.complete(t, in)
	}
	x.timer(x.block(t, forTimer), TimerWait, until)
	return nil
}

// maxWait is the longest that a Wait state may be asked to wait, in seconds: the service
// documents 99,999,999 as the largest value.
const maxWait = 99999999

func (v *view) seconds(s *scalar) (int64, *Error) {
	x, t := v.x, v.t
	switch {
	case s.path != nil:
		got, ok := s.path.Lookup(v.rootOf(s.path))
		if !ok {
			return 0, x.located(t, runtimeError("The SecondsPath parameter does not reference an input value: %s", s.text))
		}
		n, whole := numeric(got).Int64() // "1" is 1 (recorded 2026-09, published in github.com/radkawar/stackd)
		switch {
		case !whole:
			return 0, x.located(t, runtimeError("The SecondsPath parameter cannot be parsed as a long value: %s == %s", s.text, plainText(got)))
		case n < 0:
			return 0, x.located(t, runtimeError("The SecondsPath parameter references a negative value: %s == %d", s.text, n))
		}
		return min(n, maxWait), nil
	case s.query != nil:
		got, err := v.query(s.query)
		if err != nil {
			return 0, err
		}
		n, whole := got.Int64()
		switch {
		case !got.IsNumber():
			return 0, v.unexpected(s.query, "number", got)
		case !whole:
			return 0, v.failed(s.query, "The Seconds field cannot be parsed as an integer: "+got.JSON())
		}
		if n < 0 || n > maxWait {
			return 0, v.failed(s.query, "The Seconds field must be between 0 and 99999999 but was: "+got.JSON())
		}
		return n, nil
	}
	n, _ := s.literal.Int64()
	return min(max(n, 0), maxWait), nil
}

func (v *view) timestamp(s *scalar) (int64, *Error) {
	x, t := v.x, v.t
	switch {
	case s.path != nil:
		got, ok := s.path.Lookup(v.rootOf(s.path))
		if !ok {
			return 0, x.located(t, runtimeError("The TimestampPath parameter does not reference an input value: %s", s.text))
		}
		at, valid := parseTimestamp(got.Str())
		if !valid {
			return 0, x.located(t, runtimeError("The TimestampPath parameter does not reference a valid ISO-8601 extended offset date-time format string: %s == %s", s.text, plainText(got)))
		}
		return at.UnixMilli(), nil
	case s.query != nil:
		got, err := v.query(s.query)
		if err != nil {
			return 0, err
		}
		if !got.IsString() {
			return 0, v.unexpected(s.query, "string", got)
		}
		at, valid := parseTimestamp(got.Str())
		if !valid {
			e := x.located(t, NewError(ErrorQueryEvaluation, "The Timestamp field cannot be parsed as an ISO-8601 extended offset date-time format string: "+got.Str()))
			e.evaluation, e.location = true, s.field
			return 0, e
		}
		return at.UnixMilli(), nil
	}
	at, _ := parseTimestamp(s.literal.Str())
	return at.UnixMilli(), nil
}

// plainText is how the service shows a value inside a sentence: strings without quotes.
func plainText(v value.Value) string {
	if v.IsString() {
		return v.Str()
	}
	return v.JSON()
}

// parseTimestamp reads an ISO 8601 extended offset date-time: 2016-03-14T01:59:00.123Z,
// with seconds and their fraction optional and an offset demanded.
func parseTimestamp(s string) (time.Time, bool) {
	if len(s) < len("2006-01-02T15:04Z") || s[10] != 'T' {
		return time.Time{}, false
	}
	for _, layout := range []string{"2006-01-02T15:04:05.999999999Z07:00", "2006-01-02T15:04Z07:00"} {
		if t, err := time.Parse(layout, s); err == nil && !strings.Contains(s, ",") {
			return t, true
		}
	}
	return time.Time{}, false
}

func (x *Execution) parallel(t *thread) *Error {
	s := t.state
	var in value.Value
	v := x.viewOf(t, t.input)
	var err *Error
	if s.jsonata {
		in = t.input
		if s.arguments != nil {
			if in, err = v.query(s.arguments); err != nil {
				return err
			}
		}
	} else {
		if in, err = x.effectiveInput(t); err != nil {
			return err
		}
		if s.parameters != nil {
			v.root = in
			if in, err = v.template(s.parameters); err != nil {
				return err
			}
		}
	}
	if err = x.fits(s, in); err != nil {
		return err
	}
	if mocked, err := x.mockedParts(t); mocked {
		return err
	}
	started := x.emit(ParallelStateStarted, t.prev, value.Value{})
	t.prev, t.seen = started.ID, true
	f := &fork{
		owner: t, left: len(s.branches),
		results: make([]value.Value, len(s.branches)), children: make([]*thread, len(s.branches)),
	}
	t.own = f
	if len(s.branches) == 0 {
		return x.joined(t, started.ID)
	}
	x.block(t, forFork)
	threads := make([]thread, len(s.branches))
	for i, b := range s.branches {
		child := &threads[i]
		*child = thread{fork: f, index: int32(i), prev: started.ID, vars: t.vars}
		x.enter(child, b.start, in)
		f.children[i] = child
		x.push(child)
	}
	return nil
}

// inlineConcurrency is how many iterations of an inline Map run at once if the author
// sets no limit or a higher one (Step Functions guide, Map state processing modes).
const inlineConcurrency = 40

func (x *Execution) mapState(t *thread) *Error {
	s := t.state
	in, err := x.effectiveInput(t)
	if err != nil {
		return err
	}
	v := x.viewOf(t, in)
	items, err := v.items(s)
	if err != nil {
		return err
	}
	inspect := x.inspection()
	if inspect != nil && !s.jsonata && s.reader == nil {
		inspect.AfterItemsPath = items
	}
	concurrency, err := v.count(s.maxConcurrency)
	if err != nil {
		return err
	}
	if inspect != nil {
		inspect.MaxConcurrency = value.Int(concurrency)
		return x.probeMap(t, v, items)
	}
	if s.distributed {
		return x.distributed(t, v, items, concurrency)
	}
	n := items.Len()
	started := x.emit(MapStateStarted, t.prev, value.Value{})
	started.Index = int32(n)
	t.prev, t.seen = started.ID, true
	f := &fork{owner: t, isMap: true, items: items.Elems(), results: make([]value.Value, n), left: n, selector: s.selector, started: started.ID}
	t.own = f
	if n == 0 {
		return x.joined(t, started.ID)
	}
	x.block(t, forFork)
	width := inlineConcurrency
	if concurrency > 0 && concurrency < int64(width) {
		width = int(concurrency)
	}
	width = min(width, n)
	threads := make([]thread, width)
	f.children = make([]*thread, width)
	for i := range threads {
		f.children[i] = &threads[i]
		threads[i].fork = f
	}
	for i := range threads {
		if !x.iterate(&threads[i], started.ID) {
			return nil
		}
	}
	for i := range threads {
		x.push(&threads[i])
	}
	return nil
}

// iterate starts the next iteration on a thread. It reports false if that failed the
// whole Map state.
func (x *Execution) iterate(t *thread, prev int32) bool {
	f := t.fork
	i := f.next
	owner := f.owner
	*t = thread{fork: f, index: int32(i), prev: prev, vars: owner.vars}
	input := f.items[i]
	var err *Error
	if f.selector != nil {
		if input, err = x.selected(owner, f.selector, i, Item{Value: input}); err == nil {
			err = x.fits(owner.state, input)
		}
		if err != nil && err.terminal() {
			// The iteration has not begun (recorded 2026-09, published in
			// github.com/radkawar/stackd).
			x.failed(t, err)
			return false
		}
	}
	e := x.emit(MapIterationStarted, prev, value.Value{})
	e.Name, e.Index = owner.state.name, int32(i)
	t.prev = e.ID
	if err != nil {
		x.childFailed(t, err)
		return false
	}
	f.next++
	x.enter(t, owner.state.processor.top.start, input)
	return true
}

// selected evaluates an ItemSelector for one item.
func (x *Execution) selected(owner *thread, selector *dynamic, i int, item Item) (value.Value, *Error) {
	in, err := x.effectiveInput(owner)
	if err != nil {
		return value.Value{}, err
	}
	v := view{x: x, t: owner, root: in, selecting: true, index: int32(i), item: item}
	return v.dynamic(selector)
}

// items returns the array that a Map state works on, Absent if an ItemReader has it.
func (v *view) items(s *state) (value.Value, *Error) {
	switch {
	case s.reader != nil:
		return value.Value{}, nil
	case s.jsonata:
		items := v.t.input
		if s.items != nil {
			got, err := v.query(s.items)
			if err != nil {
				return value.Value{}, err
			}
			if !got.IsArray() && !(got.IsObject() && s.distributed) {
				return value.Value{}, v.unexpected(s.items, "array", got)
			}
			return got, nil
		}
		if !items.IsArray() && !(items.IsObject() && s.distributed) {
			e := v.x.located(v.t, NewError(ErrorQueryEvaluation, "Map state input must be an array but was: "+items.JSON()))
			e.evaluation = true
			return value.Value{}, e
		}
		return items, nil
	}
	items := v.root
	text := "$"
	if s.itemsPath != nil {
		got, err := s.itemsPath.Eval(v.rootOf(s.itemsPath))
		if err != nil {
			return value.Value{}, v.x.invalidPath(v.t, s.itemsPath, err)
		}
		items = got
		// The engine calls all roots $, and so does the message for $$.
		if text = s.itemsPath.String(); s.itemsPath.IsRoot() {
			text = "$"
		}
	}
	if !items.IsArray() && !(items.IsObject() && s.distributed) {
		// Without the place of the error (recorded 2026-09, published in
		// github.com/radkawar/stackd).
		return value.Value{}, runtimeError("Reference path \"%s\" must point to array.", text)
	}
	return items, nil
}

func (x *Execution) childDone(t *thread, output value.Value) {
	f := t.fork
	f.results[t.index] = output
	f.left--
	last := t.prev
	if f.isMap {
		e := x.emit(MapIterationSucceeded, t.prev, value.Value{})
		e.Name, e.Index = f.owner.state.name, t.index
		last = e.ID
		if f.next < len(f.items) {
			if x.iterate(t, t.prev) {
				// Its turn comes again: iterations take turns as they would on their own.
				x.push(t)
			}
			return
		}
	}
	if f.left > 0 {
		return
	}
	owner := f.owner
	x.unblock(owner)
	if err := x.joined(owner, last); err != nil {
		x.fail(owner, err)
	}
	if owner.id == 0 && owner.state != nil && x.status == running {
		x.push(owner)
	}
}

// joined completes a Parallel or Map state whose parts have all ended; last is the event
// at which the last one did.
func (x *Execution) joined(t *thread, last int32) *Error {
	ev := ParallelStateSucceeded
	if t.own.isMap {
		ev = MapStateSucceeded
	}
	x.emit(ev, last, value.Value{})
	// The exit event follows what the succeeded event followed, not that event.
	t.prev = last
	results := value.Array(t.own.results)
	t.own = nil
	return x.complete(t, results)
}

// childFailed fails the Parallel or Map state around a thread and aborts its siblings.
func (x *Execution) childFailed(t *thread, err *Error) {
	f := t.fork
	owner := f.owner
	at := t.prev
	x.unblock(t)
	abort := func(c *thread) {
		switch c.state.typ {
		case asl.TypeTask:
			x.emit(TaskStateAborted, at, value.Value{})
		case asl.TypeWait:
			x.emit(WaitStateAborted, at, value.Value{})
		case asl.TypeParallel:
			x.emit(ParallelStateAborted, at, value.Value{})
		case asl.TypeMap:
			x.emit(MapStateAborted, at, value.Value{})
		}
	}
	var drop func(c *thread)
	drop = func(c *thread) {
		if c.own != nil && c.waiting == forFork {
			for _, g := range c.own.children {
				if g.state != nil {
					drop(g)
				}
			}
		}
		x.cancel(c)
		x.unblock(c)
		if c.entered != 0 {
			abort(c)
		}
		c.suspend()
	}
	if f.isMap {
		e := x.emit(MapIterationFailed, at, value.Value{})
		e.Name, e.Index = owner.state.name, t.index
	}
	if t.state != nil && t.entered != 0 && t.state.typ == asl.TypeTask {
		abort(t)
	}
	t.suspend()
	for _, c := range f.children {
		if c == t || c.state == nil {
			continue
		}
		if f.isMap {
			e := x.emit(MapIterationAborted, at, value.Value{})
			e.Name, e.Index = owner.state.name, c.index
		}
		drop(c)
	}
	x.unblock(owner)
	owner.prev = at
	x.fail(owner, err)
	if owner.id == 0 && owner.state != nil && x.status == running {
		x.push(owner)
	}
}
