package emulator

import "container/heap"

// timer is something to do at a time: a function, or to tell an execution that the time has
// come. It belongs to one timerQueue. Executions wait by the hundred thousand, so theirs
// needs nothing else.
type timer struct {
	at    int64 // milliseconds since 1970
	seq   int64 // among timers of one time the first made comes first
	f     func()
	run   *run // to be told, if f is nil
	next  *timer
	id    TaskID
	index int32 // in the queue, -1 once it has left it
	kind  TimerKind
}

// fire does what the timer was made for.
func (t *timer) fire() {
	if t.f != nil {
		t.f()
		return
	}
	r := t.run
	r.do(func(x *Execution, now int64) {
		r.forget(t)
		x.TimerFired(now, t.id, t.kind)
	})
}

// timerQueue holds timers in the order of their times. Timers that are not needed any more
// are removed, so that what they would have told can be forgotten.
type timerQueue struct {
	list timerHeap
	seq  int64
}

func (q *timerQueue) add(t *timer) {
	q.seq++
	t.seq = q.seq
	heap.Push(&q.list, t)
}

// first returns the timer that comes next, nil if there is none.
func (q *timerQueue) first() *timer {
	if len(q.list) == 0 {
		return nil
	}
	return q.list[0]
}

func (q *timerQueue) pop() *timer { return heap.Pop(&q.list).(*timer) }

func (q *timerQueue) remove(t *timer) {
	if t.index >= 0 {
		heap.Remove(&q.list, int(t.index))
	}
}

type timerHeap []*timer

func (h timerHeap) Len() int { return len(h) }
func (h timerHeap) Less(i, j int) bool {
	return h[i].at < h[j].at || h[i].at == h[j].at && h[i].seq < h[j].seq
}

func (h timerHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = int32(i), int32(j)
}

func (h *timerHeap) Push(x any) {
	t := x.(*timer)
	t.index = int32(len(*h))
	*h = append(*h, t)
}

func (h *timerHeap) Pop() any {
	old := *h
	t := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	t.index = -1
	return t
}
