package emulator_test

import (
	"context"
	"os"
	"path/filepath"
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
