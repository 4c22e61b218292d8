package asl_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sfnkit/sfnkit/asl"
)

// expectation is a finding marked in a definition; see testdata/validate/README.md.
type expectation struct {
	line                    int
	code, location, message string
}

// TestMarkedDefinitions compares what is found with what is marked, line by line.
func TestMarkedDefinitions(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "validate", "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no test data: %v", err)
	}
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		first := 1
		for _, doc := range strings.Split(string(raw), "\n---\n") {
			lines := strings.Split(doc, "\n")
			opts := []asl.ValidateOption{asl.OnDay(time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC))}
			if strings.Contains(doc, "# express\n") {
				opts = append(opts, asl.ForType(asl.Express))
			}
			var want []expectation
			for i, line := range lines {
				text, marks, ok := strings.Cut(line, " #! ")
				if !ok {
					continue
				}
				lines[i] = text
				for _, m := range strings.Split(marks, " #! ") {
					p := append(strings.SplitN(m, " ", 3), "", "")
					want = append(want, expectation{i + 1, p[0], strings.ReplaceAll(strings.TrimPrefix(p[1], "-"), "+", " "), p[2]})
				}
			}
			m, err := asl.Parse([]byte(strings.Join(lines, "\n")), asl.WithFormat(asl.FormatYAML))
			if err != nil {
				t.Errorf("%s:%d: %v", f, first, err)
				first += len(lines) + 1
				continue
			}
			if strings.Contains(doc, "# service\n") {
				opts = append(opts, asl.AsService())
			}
			found := asl.Validate(m, opts...)
			used := make([]bool, len(found))
			for _, w := range want {
				hit := false
				for i, d := range found {
					if !used[i] && d.Position.Line == w.line && d.Code == w.code && d.Location == w.location && strings.HasPrefix(d.Message, w.message) {
						used[i], hit = true, true
						break
					}
				}
				if !hit {
					t.Errorf("%s:%d: missing %s at %q: %s", f, first+w.line-1, w.code, w.location, w.message)
				}
			}
			for i, d := range found {
				if !used[i] {
					t.Errorf("%s:%d: not marked: %s %s at %s", f, first+d.Position.Line-1, d.Code, d.Message, d.Location)
				}
			}
			first += len(lines) + 1
		}
	}
}
