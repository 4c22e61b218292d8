package emulator

import "github.com/sfnkit/sfnkit/asl/value"

// suspend keeps what a redrive needs of a thread and of those below it that had not ended.
func (t *thread) suspend() {
	if t.state != nil {
		t.resume, t.state = t.state, nil
	}
	if t.own != nil {
		t.lost, t.own = t.own, nil
	}
	if t.lost != nil {
		for _, c := range t.lost.children {
			c.suspend()
		}
	}
}

// current returns the state that the thread is in, or was in when the execution ended: a map
// run outlives its parent.
func (t *thread) current() *state {
	if t.state != nil {
		return t.state
	}
	return t.resume
}

// Redrive starts an execution that ended without success again at the states at which it
// ended, as RedriveExecution does. It reports false if there is nothing to redrive: the
// execution goes on, has succeeded, or is an express one. States that have exited are not
// run again; those that have not are scheduled anew, without another entered event, with
// their retries counted from zero (Step Functions guide, redriving executions). The map run
// of a distributed Map state is redriven: its children that did not succeed go on, or begin
// again if they are express ones, and those that had not begun begin.
func (x *Execution) Redrive(now int64) bool {
	if x.status == Running || x.root == nil || x.root.resume == nil {
		return false
	}
	last := int32(x.history.n)
	x.now, x.status, x.err, x.full, x.awaiting = now, Running, nil, false, false
	x.redrives++
	x.scratch = nil
	e := x.emit(ExecutionRedriven, last, value.Value{})
	e.Detail = &Detail{Count: x.redrives}
	x.redriven = e.ID
	x.startClock()
	x.revive(x.root, e.ID)
	x.run()
	return true
}

func (x *Execution) revive(t *thread, prev int32) {
	t.state, t.resume = t.resume, nil
	t.prev, t.seen = prev, true
	t.retries = nil
	f := t.lost
	t.lost = nil
	if f != nil && f.run != nil {
		x.redriveMapRun(t, f)
		return
	}
	live := false
	if f != nil {
		for _, c := range f.children {
			live = live || c.resume != nil
		}
	}
	if !live { // it has no parts, or failed between them
		x.push(t)
		return
	}
	t.own = f
	x.block(t, forFork)
	for _, c := range f.children {
		if c.resume != nil {
			x.revive(c, prev)
		}
	}
}
