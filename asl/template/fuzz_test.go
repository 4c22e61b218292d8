package template_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/sfnkit/sfnkit/asl/template"
)

// FuzzRead reads arbitrary templates. Whatever they hold, reading ends, findings have
// places in files, and what stands for values not known yet is no reason to fail.
func FuzzRead(f *testing.F) {
	archives, err := filepath.Glob("testdata/load/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	names := []string{"template.yaml", "template.json", "serverless.yml", "main.tf", "plan.json", "flow.asl", "main.tf.json"}
	for _, file := range archives {
		a, err := txtar.ParseFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for i := range names {
			if filepath.Ext(names[i]) == filepath.Ext(a.Files[0].Name) {
				f.Add(byte(i), string(a.Files[0].Data))
			}
		}
	}
	// Files that are named lie in a folder without any.
	dir := f.TempDir()
	if err := os.Mkdir(filepath.Join(dir, ".git"), 0o777); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, kind byte, text string) {
		name := filepath.Join(dir, names[int(kind)%len(names)])
		defs, _ := template.Read(name, []byte(text))
		lines := strings.Count(text, "\n") + 1
		for i := range defs {
			d := &defs[i]
			if d.Missing != "" {
				continue
			}
			for _, finding := range d.Check() {
				if finding.File != name || finding.Position.Line < 1 || finding.Position.Line > lines || finding.Position.Column < 1 {
					t.Errorf("a finding at %s:%s: %v", finding.File, finding.Position, finding)
				}
			}
		}
	})
}
