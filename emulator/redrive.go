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
// run again; those that have not are scheduled anew, without another entered or started
// event, with their retries counted from zero. What they do next follows the event at which
// they were entered, and branches and iterations go on in their order (recorded 2026-09,
// published in github.com/radkawar/stackd). The map run of a distributed Map state is
// redriven: its children that did not succeed go on, or begin again if they are express
// ones, and those that had not begun begin.
func (x *Execution) Redrive(now int64) bool {
	if x.status == running || x.root == nil || x.root.resume == nil {
		return false
	}
	last := int32(x.history.n)
	x.now, x.status, x.err, x.full, x.awaiting = now, running, nil, false, false
	x.redrives++
	x.scratch = nil
	e := x.emit(ExecutionRedriven, last, value.Value{})
	e.Detail = &Detail{Count: x.redrives}
	x.redriven = e.ID
	x.startClock()
	x.revive(x.root)
	x.run()
	return true
}

func (x *Execution) revive(t *thread) {
	t.state, t.resume = t.resume, nil
	t.seen = true
	if t.entered != 0 {
		t.prev = t.entered
	}
	t.retries = nil
	f := t.lost
	t.lost = nil
	if f != nil && f.run != nil {
		x.redriveMapRun(t, f)
		return
	}
	if f == nil || len(f.children) == 0 { // it has no parts, or failed before or after them
		x.push(t)
		return
	}
	t.own = f
	x.block(t, forFork)
	for _, c := range f.children {
		switch {
		case c.resume != nil:
			x.revive(c)
		case f.isMap && f.next < len(f.items):
			// It ended between two iterations.
			if !x.iterate(c, f.started) {
				return
			}
			x.push(c)
		}
	}
}
