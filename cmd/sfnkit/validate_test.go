package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sfnkit/sfnkit/asl"
	"github.com/sfnkit/sfnkit/asl/report"
)

// TestExplainCodes demands that every code that validate prints is explained: what it
// means, how not to write it and how to, and where AWS says so.
func TestExplainCodes(t *testing.T) {
	codes := asl.Explanations()
	if len(codes) == 0 {
		t.Fatal("no code is explained")
	}
	for _, own := range []string{report.CodeNotChecked, report.CodeUnreadable} {
		c, ok := report.Explain(own)
		if !ok {
			t.Errorf("%s is not explained", own)
		}
		codes = append(codes, c)
	}
	// An example of what is too large would be too large.
	sizes := map[string]bool{
		asl.CodeTooLarge: true, asl.CodeTooManyErrors: true, asl.CodeTooLargePayload: true,
		asl.CodeLargeResult: true, asl.CodeLargeBody: true,
	}
	for _, c := range codes {
		var out bytes.Buffer
		root := newRoot([]string{"explain", c.Code})
		root.SetOut(&out)
		if err := root.Execute(); err != nil {
			t.Errorf("explain %s: %v", c.Code, err)
			continue
		}
		parts := []string{c.Title, "[" + c.Code + ", " + string(c.Severity) + "]", c.Meaning, "See https://"}
		if !sizes[c.Code] {
			parts = append(parts, "Not so:", "But so:")
		}
		for _, part := range parts {
			if part == "" || !strings.Contains(out.String(), part) {
				t.Errorf("explain %s does not say %q", c.Code, part)
			}
		}
	}
}

func TestMatchParts(t *testing.T) {
	for _, x := range []struct {
		pattern, path string
		want          bool
	}{
		{"legacy", "legacy/a/b.json", true},
		{"legacy", "old/legacy/b.json", false},
		{"**/legacy", "old/legacy/b.json", true},
		{"**/*.bak.json", "a/b/c.bak.json", true},
		{"**/*.bak.json", "c.bak.json", true},
		{"a/**/c.json", "a/c.json", true},
		{"a/**/c.json", "a/b/b/c.json", true},
		{"a/**/c.json", "b/c.json", false},
		{"a/**", "a/b", true},
		{"**", "a", true},
		{"*.json", "a/b.json", false},
		{"a/b", "a", false},
		{"**/a/**/b", "x/a/x/a/x/c", false},
	} {
		if got := matchParts(strings.Split(x.pattern, "/"), strings.Split(x.path, "/")); got != x.want {
			t.Errorf("%s matches %s: %v", x.pattern, x.path, got)
		}
	}
}

// BenchmarkValidate is a whole process that validates one definition, or all public
// definitions of the corpus, or all public templates.
func BenchmarkValidate(b *testing.B) {
	one := filepath.Join(b.TempDir(), "flow.asl.json")
	if err := os.WriteFile(one, []byte(`{"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}`), 0o666); err != nil {
		b.Fatal(err)
	}
	shared := os.Getenv("SFNKIT_SHARED")
	if shared == "" {
		shared = filepath.Join("..", "..", "..", "shared")
	}
	corpus := filepath.Join(shared, "corpora", "validation")
	for _, x := range []struct {
		name  string
		paths []string
	}{
		{"file", []string{one}},
		{"corpus", []string{filepath.Join(corpus, "valid"), filepath.Join(corpus, "invalid"), filepath.Join(corpus, "doubtful")}},
		{"templates", []string{filepath.Join(corpus, "templates")}},
	} {
		b.Run(x.name, func(b *testing.B) {
			for _, p := range x.paths {
				if _, err := os.Stat(p); err != nil {
					b.Skipf("the corpus is not there (%v); set SFNKIT_SHARED", err)
				}
			}
			var most int64
			for b.Loop() {
				cmd := exec.Command("sfnkit", append([]string{"validate", "--output", "json"}, x.paths...)...)
				if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
					b.Fatal(err)
				}
				most = max(most, peakMemory(cmd.ProcessState))
			}
			b.ReportMetric(float64(most)/(1<<20), "peak-MiB")
		})
	}
}
