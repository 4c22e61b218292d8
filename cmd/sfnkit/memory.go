package main

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// comfortable is how much memory a server may take before it starts to collect garbage
// more often than the runtime would by itself.
const comfortable = 160 << 20

// sparing makes the garbage collector let the heap grow by less than the usual factor of
// two once it is large: a server that holds a hundred thousand waiting executions should
// not take twice their size. The limit follows the heap, so that no amount of live data
// makes the collector run all the time.
func sparing() {
	debug.SetMemoryLimit(comfortable)
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	type cycle struct{ _ *int }
	var ended func(*cycle)
	ended = func(*cycle) { // a collection has found the last one unreachable
		metrics.Read(sample)
		live := int64(sample[0].Value.Uint64())
		debug.SetMemoryLimit(max(comfortable, live+max(live/2, 64<<20)))
		runtime.SetFinalizer(new(cycle), ended)
	}
	runtime.SetFinalizer(new(cycle), ended)
}
