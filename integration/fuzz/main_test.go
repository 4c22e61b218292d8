package main

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestTimeWasUp(t *testing.T) {
	for _, test := range []struct {
		name, printed string
		want          bool
	}{
		{"the race of the coordinator", `fuzz: elapsed: 5s, execs: 21060 (2323/sec), new interesting: 29 (total: 347)
--- FAIL: FuzzX (5.04s)
    context deadline exceeded
FAIL
exit status 1
FAIL	example.com/x	5.049s
`, true},
		{"an input that fails", `fuzz: minimizing 35-byte failing input file
--- FAIL: FuzzX (0.03s)
    --- FAIL: FuzzX (0.00s)
        x_test.go:9: context deadline exceeded

    Failing input written to testdata/fuzz/FuzzX/582528ddfad69eb5
    To re-run:
    go test -run=FuzzX/582528ddfad69eb5
FAIL
exit status 1
FAIL	example.com/x	0.033s
`, false},
		{"the time was up, and an input had failed", `--- FAIL: FuzzX (5.04s)
    context deadline exceeded
FAIL
    Failing input written to testdata/fuzz/FuzzX/582528ddfad69eb5
`, false},
		{"an input that hangs", `--- FAIL: FuzzX (11.04s)
    fuzzing process hung or terminated unexpectedly: exit status 2
    Failing input written to testdata/fuzz/FuzzX/582528ddfad69eb5
FAIL
`, false},
		{"it does not compile", "# example.com/x\n./x_test.go:3:1: syntax error\nFAIL\texample.com/x [build failed]\n", false},
		{"nothing", "", false},
	} {
		if got := timeWasUp(test.printed); got != test.want {
			t.Errorf("%s: %v", test.name, got)
		}
	}
}

// A failing fuzz test fails the command, and the others run nevertheless.
func TestRun(t *testing.T) {
	root := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":                      "module example.com/x\n",
		"a/a_test.go":                 "package a\n\nimport \"testing\"\n\nfunc FuzzBad(f *testing.F) {\n\tf.Add(1)\n\tf.Fuzz(func(t *testing.T, i int) { t.Fatal(i) })\n}\n",
		"b/b_test.go":                 "package b\n\nimport \"testing\"\n\nfunc FuzzGood(f *testing.F) { f.Fuzz(func(t *testing.T, i int) {}) }\n",
		"b/testdata/left/out_test.go": "package out\n\nimport \"testing\"\n\nfunc FuzzOut(f *testing.F) {}\n",
		".hidden/hidden_test.go":      "package hidden\n\nimport \"testing\"\n\nfunc FuzzHidden(f *testing.F) {}\n",
	} {
		path := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	targets, err := findTargets(root)
	if want := []target{{"a", "FuzzBad"}, {"b", "FuzzGood"}}; err != nil || !reflect.DeepEqual(targets, want) {
		t.Fatalf("found %v, %v", targets, err)
	}
	if testing.Short() {
		t.Skip("the rest runs go test")
	}
	var out strings.Builder
	err = run(t.Context(), root, 100*time.Millisecond, &out)
	if err == nil || err.Error() != "failed: a FuzzBad" {
		t.Errorf("%v\n%s", err, out.String())
	}
	if !strings.Contains(out.String(), "b FuzzGood\n") {
		t.Errorf("the second did not run:\n%s", out.String())
	}
}
