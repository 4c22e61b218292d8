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

// Redrive starts an execution that ended without success again at the states at which it
// ended, as RedriveExecution does. It reports false if there is nothing to redrive: the
// execution goes on, has succeeded, or is an express one. States that have exited are not
// run again; those that have not are scheduled anew, without another entered or started
// event, with their retries counted from zero. What they do next follows the event at which
// they were entered, and branches and iterations go on in their order (recorded 2026-09,
// published in github.com/radkawar/stackd). A distributed Map state starts a new map run.
func (x *Execution) Redrive(now int64) bool {
	if x.status == Running || x.root == nil || x.root.resume == nil {
		return false
	}
	last := int32(x.history.n)
	x.now, x.status, x.err, x.full = now, Running, nil, false
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
	if f == nil { // it has no parts, or failed after them
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
