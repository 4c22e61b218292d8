package emulator_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/sfnkit/sfnkit/asl"
	"github.com/sfnkit/sfnkit/asl/value"
	"github.com/sfnkit/sfnkit/emulator"
)

// shared returns the folder of recordings and corpora that lies beside the repository, or
// skips the test.
func shared(tb testing.TB) string {
	dir := os.Getenv("SFNKIT_SHARED")
	if dir == "" {
		dir = filepath.Join("..", "..", "shared")
	}
	if _, err := os.Stat(dir); err != nil {
		tb.Skip("no shared folder beside the repository: set SFNKIT_SHARED to run this")
	}
	return dir
}

func machine(tb testing.TB, text []byte) *emulator.Machine {
	tb.Helper()
	def, err := asl.Parse(text)
	if err != nil {
		tb.Fatal(err)
	}
	m, err := emulator.Compile(def)
	if err != nil {
		tb.Fatal(err)
	}
	return m
}

func eachWorkload(tb testing.TB, f func(name string, m *emulator.Machine, input, want value.Value)) {
	dir := filepath.Join(shared(tb), "bench", "workloads")
	files, _ := filepath.Glob(filepath.Join(dir, "*.asl.json"))
	if len(files) == 0 {
		tb.Fatalf("no workloads in %s", dir)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".asl.json")
		read := func(suffix string) []byte {
			b, err := os.ReadFile(filepath.Join(dir, name+suffix))
			if err != nil {
				tb.Fatal(err)
			}
			return b
		}
		input, err := value.Parse(read(".input.json"))
		if err != nil {
			tb.Fatal(err)
		}
		want, err := value.Parse(read(".expect.json"))
		if err != nil {
			tb.Fatal(err)
		}
		f(name, machine(tb, read(".asl.json")), input, want)
	}
}

func TestWorkloads(t *testing.T) {
	eachWorkload(t, func(name string, m *emulator.Machine, input, want value.Value) {
		t.Run(name, func(t *testing.T) {
			r, err := emulator.Run(context.Background(), m, input, emulator.Options{Limits: &emulator.Limits{}})
			if err != nil {
				t.Fatal(err)
			}
			if x := r.Execution; x.Status() != emulator.Succeeded || !value.Equal(x.Output(), want) {
				t.Errorf("%s %v: output %.300s, want %.300s", x.Status(), x.Err(), x.Output(), want)
			}
		})
	})
}

func BenchmarkWorkload(b *testing.B) {
	eachWorkload(b, func(name string, m *emulator.Machine, input, want value.Value) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := emulator.Run(context.Background(), m, input, emulator.Options{Limits: &emulator.Limits{}}); err != nil {
					b.Fatal(err)
				}
			}
		})
	})
}

// BenchmarkGrowth shows that time and memory grow with the number of states and items and
// no faster: what one takes is the same at every size.
func BenchmarkGrowth(b *testing.B) {
	chain := func(n int) ([]byte, value.Value) {
		var t strings.Builder
		t.WriteString(`{"StartAt":"S0","States":{`)
		for i := range n {
			fmt.Fprintf(&t, `"S%d":{"Type":"Pass","Parameters":{"n":%d,"p.$":"$.r.n"},"ResultPath":"$.r","Next":"S%d"},`, i, i, i+1)
		}
		fmt.Fprintf(&t, `"S%d":{"Type":"Succeed"}}}`, n)
		return []byte(t.String()), value.MustParse(`{"r":{"n":0}}`)
	}
	items := func(n int) ([]byte, value.Value) {
		list := make([]value.Value, n)
		for i := range list {
			list[i] = value.Object([]string{"id", "v"}, []value.Value{value.Int(int64(i)), value.Int(1)})
		}
		return []byte(`{"StartAt":"M","States":{"M":{"Type":"Map","ItemProcessor":{"StartAt":"A","States":{
			"A":{"Type":"Pass","Parameters":{"id.$":"$.id","w.$":"States.MathAdd($.v, 1)"},"End":true}}},"End":true}}}`), value.Array(list)
	}
	for _, c := range []struct {
		name  string
		make  func(int) ([]byte, value.Value)
		sizes []int
	}{{"states", chain, []int{500, 2000, 8000}}, {"items", items, []int{1000, 10000, 100000}}} {
		for _, n := range c.sizes {
			b.Run(fmt.Sprintf("%s-%d", c.name, n), func(b *testing.B) {
				text, input := c.make(n)
				m := machine(b, text)
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				runs := 0
				for b.Loop() {
					r, err := emulator.Run(context.Background(), m, input, emulator.Options{Limits: &emulator.Limits{}})
					if err != nil || r.Execution.Status() != emulator.Succeeded {
						b.Fatal(err, r.Execution.Err())
					}
					runs++
				}
				runtime.ReadMemStats(&after)
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(runs*n), "ns/one")
				b.ReportMetric(float64(after.TotalAlloc-before.TotalAlloc)/float64(runs*n), "B/one")
			})
		}
	}
}
