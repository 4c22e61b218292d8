package jsonata_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/sfnkit/sfnkit/asl/jsonata"
	"github.com/sfnkit/sfnkit/asl/value"
)

// seeds are the expressions of the test data.
func seeds(tb testing.TB) []string {
	files, err := filepath.Glob(filepath.Join("testdata", "*.txt"))
	if err != nil {
		tb.Fatal(err)
	}
	var out []string
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			tb.Fatal(err)
		}
		for _, line := range strings.Split(string(text), "\n") {
			if src, ok := strings.CutPrefix(line, "> "); ok {
				out = append(out, src)
			}
		}
	}
	return append(out, hostile...)
}

// FuzzEval compiles and evaluates anything: it must end with a value that prints, or with
// an *Error.
func FuzzEval(f *testing.F) {
	for _, s := range seeds(f) {
		f.Add(s, true)
	}
	text, err := os.ReadFile(filepath.Join("testdata", "input.json"))
	if err != nil {
		f.Fatal(err)
	}
	input := value.MustParse(string(text))
	before := input.JSON()
	limits := jsonata.Limits{Time: 200 * time.Millisecond, Depth: 200, Value: 1 << 20, Total: 64 << 20}
	f.Fuzz(func(t *testing.T, src string, latest bool) {
		if !utf8.ValidString(src) {
			return
		}
		opts := []jsonata.Option{jsonata.WithLimits(limits)}
		if latest {
			opts = append(opts, jsonata.WithLatest())
		} else {
			opts = append([]jsonata.Option{jsonata.StepFunctions()}, opts...)
		}
		start := time.Now()
		defer time.AfterFunc(10*time.Second, func() { panic("hangs: " + src) }).Stop()
		x, err := jsonata.Compile(src, opts...)
		var e *jsonata.Error
		if err != nil {
			if !errors.As(err, &e) {
				t.Fatalf("no *Error: %v", err)
			}
			return
		}
		x.Variables()
		x.ContextReferences()
		v, err := x.Eval(context.Background(), input, nil)
		if err != nil && !errors.As(err, &e) {
			t.Fatalf("no *Error: %v", err)
		}
		if err == nil && !v.IsAbsent() && !jsonata.HasFunction(v) {
			if _, err := value.ParseString(v.JSON()); err != nil {
				t.Fatalf("%q gives %.100s: %v", src, v.JSON(), err)
			}
			checkMarks(t, v)
		}
		if took := time.Since(start); took > 5*time.Second {
			t.Fatalf("%q takes %v", src, took)
		}
		if input.JSON() != before {
			t.Fatalf("%q changes its input", src)
		}
	})
}

// checkMarks fails if a mark of the evaluator has got out.
func checkMarks(t *testing.T, v value.Value) {
	if v.Mark() != 0 {
		t.Fatalf("marked: %v", v)
	}
	for _, c := range v.Elems() {
		checkMarks(t, c)
	}
}

// TestNoMarks looks for marks in the results of the test data.
func TestNoMarks(t *testing.T) {
	input := readJSON(t, filepath.Join("testdata", "input.json"))
	for _, src := range seeds(t) {
		x, err := jsonata.Compile(src, jsonata.WithLimits(jsonata.Limits{Time: 100 * time.Millisecond, Total: 64 << 20}))
		if err != nil {
			continue
		}
		if v, err := x.Eval(context.Background(), input, nil); err == nil {
			checkMarks(t, v)
		}
	}
}

// TestConcurrent evaluates the same expressions at the same time.
func TestConcurrent(t *testing.T) {
	input := readJSON(t, filepath.Join("testdata", "input.json"))
	for _, src := range []string{
		`lib.books[p > 5]{t: $count(au)}`, `$map(arr, function($v, $i) { $v * $i })`, `lib.books#$i^(>p).{"i": $i, "t": t}`,
		`lib ~> |books|{"p": p * 2}, "au"|`, `$replace(u, /[aeiou]/, function($m) { $uppercase($m.match) })`,
		`($f := function($n) { $n < 2 ? $n : $f($n - 1) + $f($n - 2) }; $f(10))`, `$eval("arr[$ > 3]")`, `$sum("x")`,
	} {
		x := jsonata.MustCompile(src)
		want := outcome(src, input)
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for range 50 {
					v, err := x.Eval(context.Background(), input, nil)
					if err == nil && "= "+v.JSON() != want || err != nil && !strings.HasPrefix(want, "!") {
						t.Errorf("%s: got %v, %v, want %s", src, v, err, want)
						return
					}
				}
			})
		}
		wg.Wait()
	}
}
