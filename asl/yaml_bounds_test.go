package asl_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sfnkit/sfnkit/asl"
)

// TestHostileYAML: texts that the YAML library would take minutes for are read or refused
// at once. The bound is generous; a machine under load must not fail it.
func TestHostileYAML(t *testing.T) {
	states := "StartAt: S0\nStates:\n"
	for i := range 3000 {
		states += fmt.Sprintf("  S%d:\n    Type: Pass\n    Next: S%d\n", i, i+1)
	}
	states += "  S3000:\n    Type: Succeed\n"
	for name, c := range map[string]struct {
		text string
		ok   bool
	}{
		"blank lines":    {"Comment: |\n" + strings.Repeat("\n", 1<<19) + "StartAt: A\n", false},
		"flow sequence":  {"Comment: [" + strings.Repeat("a, ", 1<<15) + "a]\n", true},
		"documents":      {strings.Repeat("---\n", 1<<17), false},
		"question marks": {strings.Repeat("? a\n", 1<<17), false},
		"siblings":       {"Comment:\n" + strings.Repeat("- a\n", 1<<17), false},
		"states":         {states, true},
	} {
		began := time.Now()
		m, err := asl.Parse([]byte(c.text))
		if d := time.Since(began); d > 20*time.Second {
			t.Errorf("%s: took %v", name, d)
		} else {
			t.Logf("%s: %v", name, d)
		}
		if (err == nil) != c.ok {
			t.Errorf("%s: error %v", name, err)
		}
		if name == "states" && len(m.States) != 3001 {
			t.Errorf("%d states", len(m.States))
		}
	}
}
