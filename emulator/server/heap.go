package server

import "runtime/metrics"

// heapWatch looks now and then how large the live heap is. What an execution takes is not
// known in itself: its events share values with each other and with those of others.
type heapWatch struct {
	calls  int
	told   uint64 // the garbage collection after which it last said yes
	sample [2]metrics.Sample
}

// lookEvery is how many calls of exceeds there are to a look.
const lookEvery = 32

// exceeds reports whether the live heap has more bytes. Once it has said yes it waits until
// the collector has had the time to find what was forgotten.
func (h *heapWatch) exceeds(bytes int64) bool {
	if h.calls++; h.calls%lookEvery != 0 {
		return false
	}
	h.sample[0].Name, h.sample[1].Name = "/gc/heap/live:bytes", "/gc/cycles/total:gc-cycles"
	metrics.Read(h.sample[:])
	live, cycle := h.sample[0].Value.Uint64(), h.sample[1].Value.Uint64()
	if live <= uint64(bytes) || h.told > 0 && cycle < h.told+2 {
		return false
	}
	h.told = cycle
	return true
}
