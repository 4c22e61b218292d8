package emulator_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/sfnkit/sfnkit/asl/value"
	"github.com/sfnkit/sfnkit/emulator"
)

// lines is a Store with one object: JSONL of a given length, made while it is read. What
// is put into it is counted and dropped.
type lines struct {
	n       int
	written map[string]int
}

func (s *lines) Get(context.Context, string, string) (io.ReadCloser, emulator.ObjectInfo, error) {
	r, w := io.Pipe()
	go func() {
		var b bytes.Buffer
		for i := range s.n {
			fmt.Fprintf(&b, "{\"id\":%d,\"name\":\"item\",\"tags\":[\"a\",\"b\"]}\n", i)
			if b.Len() > 1<<16 || i == s.n-1 {
				if _, err := w.Write(b.Bytes()); err != nil {
					return
				}
				b.Reset()
			}
		}
		w.Close()
	}()
	return r, emulator.ObjectInfo{Key: "items.jsonl"}, nil
}

func (s *lines) Put(_ context.Context, _, key, _ string, body io.Reader) error {
	n, err := io.Copy(io.Discard, body)
	if s.written == nil {
		s.written = make(map[string]int)
	}
	s.written[key] += int(n)
	return err
}

func (s *lines) List(context.Context, string, string, func(emulator.ObjectInfo) bool) error {
	return nil
}

const distributed = `{"StartAt":"Each","States":{"Each":{"Type":"Map","MaxConcurrency":100,"Label":"L",
 "ItemReader":{"Resource":"arn:aws:states:::s3:getObject","ReaderConfig":{"InputType":"JSONL"},"Parameters":{"Bucket":"b","Key":"items.jsonl"}},
 "ItemBatcher":{"MaxItemsPerBatch":10},
 "ItemProcessor":{"ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"EXPRESS"},"StartAt":"One","States":{"One":{"Type":"Pass","Parameters":{"n.$":"States.ArrayLength($.Items)"},"End":true}}},
 "ResultWriter":{"Resource":"arn:aws:states:::s3:putObject","Parameters":{"Bucket":"b","Prefix":"out"}},"End":true}}}`

// A map over any number of lines needs no more memory than one over a few.
func TestDistributedMapMemory(t *testing.T) {
	m := machine(t, []byte(distributed))
	peak := func(n int) uint64 {
		store := &lines{n: n}
		var high uint64
		children := 0
		r, err := emulator.Run(context.Background(), m, value.EmptyObject, emulator.Options{Store: store, OnChild: func(x *emulator.Execution) {
			if children++; children%2000 == 0 {
				var s runtime.MemStats
				runtime.GC()
				runtime.ReadMemStats(&s)
				high = max(high, s.HeapAlloc)
			}
		}})
		if err != nil {
			t.Fatal(err)
		}
		if x := r.Execution; x.Status() != emulator.Succeeded || children != n/10 {
			t.Fatalf("%s %v after %d children", x.Status(), x.Err(), children)
		}
		if len(store.written) == 0 {
			t.Error("no results were written")
		}
		return high
	}
	small, large := peak(20000), peak(100000)
	t.Logf("heap at 20,000 items: %d KiB, at 100,000: %d KiB", small>>10, large>>10)
	if large > small+8<<20 {
		t.Errorf("the heap grows with the items: %d KiB, then %d KiB", small>>10, large>>10)
	}
}

func TestDistributedMapFailures(t *testing.T) {
	const definition = `{"StartAt":"Each","States":{"Each":{"Type":"Map","ItemsPath":"$.items","ToleratedFailureCount":%s,
	 "ItemProcessor":{"ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"STANDARD"},"StartAt":"Which","States":{
	  "Which":{"Type":"Choice","Choices":[{"Variable":"$","NumericGreaterThan":2,"Next":"Bad"}],"Default":"Good"},
	  "Good":{"Type":"Pass","End":true},"Bad":{"Type":"Fail","Error":"E"}}},
	 "Catch":[{"ErrorEquals":["States.ExceedToleratedFailureThreshold"],"Next":"Too many"}],"End":true},"Too many":{"Type":"Succeed"}}}`
	for tolerated, want := range map[string]string{
		"1": `{"Error":"States.ExceedToleratedFailureThreshold","Cause":"The specified tolerated failure threshold was exceeded"}`,
		"2": `[1,2]`,
	} {
		x := runText(t, fmt.Sprintf(definition, tolerated), value.MustParse(`{"items":[1,2,3,4]}`), emulator.Options{})
		if got := x.Output().JSON(); got != want {
			t.Errorf("%s tolerated: %s %v, want %s", tolerated, got, x.Err(), want)
		}
	}
}

// Results that together are too large for a state fail the Map, whatever becomes of them.
func TestDistributedMapResultTooLarge(t *testing.T) {
	const definition = `{"StartAt":"Each","States":{"Each":{"Type":"Map","ItemsPath":"$.items","ResultPath":null,
	 "ItemProcessor":{"ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"STANDARD"},"StartAt":"P","States":{"P":{"Type":"Pass","Parameters":{"a.$":"$","b.$":"$","c.$":"$"},"End":true}}},"End":true}}}`
	item := value.String(strings.Repeat("x", 1000))
	for n, want := range map[int]emulator.Status{80: emulator.Succeeded, 100: emulator.Failed} {
		items := make([]value.Value, n)
		for i := range items {
			items[i] = item
		}
		x := runText(t, definition, value.Object([]string{"items"}, []value.Value{value.Array(items)}), emulator.Options{})
		if x.Status() != want || want == emulator.Failed && x.Err().Name != emulator.ErrorDataLimitExceeded {
			t.Errorf("%d items: %s %v", n, x.Status(), x.Err())
		}
	}
}

func BenchmarkDistributedMap(b *testing.B) {
	m := machine(b, []byte(distributed))
	const n = 100000
	for b.Loop() {
		if _, err := emulator.Run(context.Background(), m, value.EmptyObject, emulator.Options{Store: &lines{n: n}}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/item")
}
