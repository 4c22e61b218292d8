package template_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/sfnkit/sfnkit/asl"
	"github.com/sfnkit/sfnkit/asl/template"
)

// TestLoad reads the first file of each archive in testdata/load, which lies among the
// others on disk, and compares with the file "want" what is found in it: state machines,
// their text, findings with their places, and roles. UPDATE=1 writes it anew.
func TestLoad(t *testing.T) {
	archives, err := filepath.Glob("testdata/load/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatal("no test data", err)
	}
	for _, file := range archives {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			if err := txtar.Write(a, dir); err != nil {
				t.Fatal(err)
			}
			got := describe(dir, a.Files[0].Name)
			last := &a.Files[len(a.Files)-1]
			if last.Name != "want" {
				a.Files = append(a.Files, txtar.File{Name: "want"})
				last = &a.Files[len(a.Files)-1]
			}
			if os.Getenv("UPDATE") != "" {
				last.Data = []byte(got)
				if err := os.WriteFile(file, txtar.Format(a), 0o666); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(last.Data), got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func describe(dir, file string) string {
	var b strings.Builder
	local := func(s string) string {
		return strings.ReplaceAll(filepath.ToSlash(s), filepath.ToSlash(dir)+"/", "")
	}
	defs, err := template.Load(filepath.Join(dir, file), template.WithRoot(dir))
	if err != nil {
		fmt.Fprintf(&b, "error %s\n", local(err.Error()))
	}
	for i := range defs {
		d := &defs[i]
		fmt.Fprintf(&b, "%s %s/%s %s at %s:%s", d.ID, d.Kind, d.Form, d.Type, local(d.At.File), d.At.Position)
		if d.File != "" {
			fmt.Fprintf(&b, " in %s", local(d.File))
		}
		b.WriteString("\n")
		if d.Missing != "" {
			fmt.Fprintf(&b, "  missing %s (failed %v)\n", local(d.Missing), d.Failed)
		}
		names := make([]string, 0, len(d.Substitutions))
		for name := range d.Substitutions {
			names = append(names, name)
		}
		sort.Strings(names)
		for _, name := range names {
			fmt.Fprintf(&b, "  substitution %s = %s\n", name, d.Substitutions[name])
		}
		if d.Missing == "" {
			m, err := d.Machine()
			var ds asl.Diagnostics
			if errors.As(err, &ds) {
				fmt.Fprintf(&b, "  not readable: %s\n", ds[0].Summary())
			}
			fmt.Fprintf(&b, "  text %s\n", m.Value().AppendJSON(nil))
		}
		for _, f := range d.Check() {
			fmt.Fprintf(&b, "  %s:%s %s %s\n", local(f.File), f.Position, f.Code, f.Summary())
			fmt.Fprintf(&b, "    %s\n", strings.TrimSpace(f.Line))
			if strings.Contains(f.Hint, "CloudFormation") {
				fmt.Fprintf(&b, "    %s\n", f.Hint)
			}
		}
		if r := d.Role; r != nil {
			fmt.Fprintf(&b, "  role %s %s\n", r.ID, r.ARN)
			for _, p := range r.Policies {
				fmt.Fprintf(&b, "    policy %s at %s:%s %s\n", p.Name, local(p.At.File), p.At.Position, p.Document.JSON())
			}
			for _, name := range r.Managed {
				fmt.Fprintf(&b, "    managed %s\n", name)
			}
			for _, v := range r.Generated {
				fmt.Fprintf(&b, "    generated %s\n", v.JSON())
			}
			if !r.Trust.IsAbsent() {
				fmt.Fprintf(&b, "    trust %s\n", r.Trust.JSON())
			}
		}
	}
	return b.String()
}
