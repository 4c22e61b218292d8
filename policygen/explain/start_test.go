package explain_test

import (
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"testing"

	"github.com/sfnkit/sfnkit/policygen/explain"
)

// TestStart holds what linking the package costs every program at its start, which
// is next to nothing as long as nobody asks for an explanation.
func TestStart(t *testing.T) {
	program, err := os.Executable()
	if err != nil {
		t.Skip(err)
	}
	cmd := exec.Command(program, "-test.run=^$")
	cmd.Env = append(os.Environ(), "GODEBUG=inittrace=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if !regexp.MustCompile(`(?m)^init runtime `).Match(out) {
		t.Skipf("the Go runtime does not trace initialization:\n%s", out)
	}
	m := regexp.MustCompile(`(?m)^init github\.com/sfnkit/sfnkit/policygen/explain .*, (\d+) allocs$`).FindSubmatch(out)
	if m == nil {
		return // there is nothing to initialize
	}
	if n, _ := strconv.Atoi(string(m[1])); n > 200 {
		t.Errorf("%d allocations at the start of the process", n)
	}
}

func BenchmarkExplain(b *testing.B) {
	const message = "An error occurred (AccessDeniedException) when calling the InvokeModel operation: You don't have access to the model with the specified model ID."
	b.ReportAllocs()
	for b.Loop() {
		if _, known := explain.Explain(message); !known {
			b.Fatal("not known")
		}
	}
}
