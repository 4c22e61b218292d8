package emulator

import "container/heap"

// timer is something to do at a time. It belongs to one timerQueue.
type timer struct {
	at    int64 // milliseconds since 1970
	seq   int64 // among timers of one time the first made comes first
	f     func()
	index int // in the queue, -1 once it has left it
}

// timerQueue holds timers in the order of their times. Timers that are not needed any more
// are removed, so that what they would have told can be forgotten.
type timerQueue struct {
	list timerHeap
	seq  int64
}

func (q *timerQueue) add(at int64, f func()) *timer {
	q.seq++
	t := &timer{at: at, seq: q.seq, f: f}
	heap.Push(&q.list, t)
	return t
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
		heap.Remove(&q.list, t.index)
	}
}

type timerHeap []*timer

func (h timerHeap) Len() int { return len(h) }
func (h timerHeap) Less(i, j int) bool {
	return h[i].at < h[j].at || h[i].at == h[j].at && h[i].seq < h[j].seq
}

func (h timerHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

func (h *timerHeap) Push(x any) {
	t := x.(*timer)
	t.index = len(*h)
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
