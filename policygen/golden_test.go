package policygen_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sfnkit/sfnkit/asl"
	"github.com/sfnkit/sfnkit/policygen"
	"github.com/sfnkit/sfnkit/policygen/iam"
)

var update = flag.Bool("update", false, "write the expected policies anew")

// TestGolden generates the policy of each definition in testdata/policies.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/policies/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal(err, len(files))
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			a, err := readArchive(file)
			if err != nil {
				t.Fatal(err)
			}
			machine, opts := readCase(t, a)
			r, err := policygen.Generate(machine, opts)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := iam.Compile(r.Policy(), iam.IdentityPolicy, ""); err != nil {
				t.Error(err)
			}
			var why bytes.Buffer
			for _, s := range r.Statements {
				for _, x := range s.Reasons {
					fmt.Fprintf(&why, "%s: %s: %s\n", s.Sid, x.State, x.Why)
				}
			}
			for _, w := range r.Warnings {
				fmt.Fprintf(&why, "warning: %s\n", w)
			}
			if r.Note != "" {
				fmt.Fprintf(&why, "note: %s\n", r.Note)
			}
			got := map[string]string{"policy.json": string(r.Policy().JSON()), "why.txt": why.String()}
			if *update {
				var out strings.Builder
				for _, name := range []string{"definition.json", "options.json"} {
					out.WriteString("-- " + name + " --\n" + a[name])
				}
				for _, name := range []string{"policy.json", "why.txt"} {
					out.WriteString("-- " + name + " --\n" + got[name])
				}
				if err := os.WriteFile(file, []byte(out.String()), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			for name, text := range got {
				if diff := cmp.Diff(a[name], text); diff != "" {
					t.Errorf("%s\n%s", name, diff)
				}
			}
		})
	}
}

func readCase(t testing.TB, a archive) (*asl.StateMachine, policygen.Options) {
	t.Helper()
	machine, err := asl.Parse([]byte(a["definition.json"]))
	if err != nil {
		t.Fatal(err)
	}
	var opts policygen.Options
	if err := json.Unmarshal([]byte(a["options.json"]), &opts); err != nil {
		t.Fatal(err)
	}
	return machine, opts
}

// archive is a file of several named texts, each after a line of the form
// "-- name --".
type archive map[string]string

func readArchive(file string) (archive, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	a := archive{}
	for _, part := range strings.Split("\n"+string(text), "\n-- ")[1:] {
		name, body, _ := strings.Cut(part, " --\n")
		a[name] = strings.TrimSuffix(body, "\n") + "\n"
		if body == "" {
			a[name] = ""
		}
	}
	return a, nil
}
