package template_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sfnkit/sfnkit/asl"
	"github.com/sfnkit/sfnkit/asl/template"
)

// corpus finds the folder of definitions and templates outside the repository.
func corpus(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("SFNKIT_SHARED")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared")
	}
	dir = filepath.Join(dir, "corpora", "validation")
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("the corpus of templates is not there (%v); set SFNKIT_SHARED", err)
	}
	return dir
}

func readIndex(t testing.TB, file string, into any) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

// forms says which of our forms those of the corpus are.
var forms = map[string][]template.Form{
	"DefinitionString:literal":       {template.FormString},
	"DefinitionString:Fn::Sub":       {template.FormString},
	"DefinitionString:Fn::Sub(list)": {template.FormString},
	"DefinitionString:Fn::Join":      {template.FormString},
	"Definition:object":              {template.FormObject},
	"DefinitionUri:file":             {template.FormFile},
	"DefinitionUri:S3":               {template.FormUnresolved},
	"serverless.yml:definition":      {template.FormObject, template.FormFile},
	"terraform:file":                 {template.FormFile},
	"terraform:templatefile":         {template.FormFile},
	"terraform:data.template_file":   {template.FormFile},
	"terraform:template":             {template.FormString},
	"terraform:jsonencode":           {template.FormObject},
	"terraform:reference":            {template.FormUnresolved},
	"none":                           {template.FormUnresolved},
}

// TestCorpus finds the state machines of public templates: those that the index lists,
// in the form that it lists, with the states of the definition.
func TestCorpus(t *testing.T) {
	dir := corpus(t)
	var index []struct {
		Template string
		Machines []struct {
			LogicalID, Form, DefinitionID, DefinitionFile string
		}
	}
	readIndex(t, filepath.Join(dir, "template-index.json"), &index)
	var definitions []struct {
		ID, File, Verdict string
	}
	readIndex(t, filepath.Join(dir, "index.json"), &definitions)
	files, verdicts := map[string]string{}, map[string]string{}
	for _, d := range definitions {
		files[d.ID], verdicts[d.ID] = d.File, d.Verdict
	}
	count := map[string]int{}
	for _, e := range index {
		defs, err := template.Load(filepath.Join(dir, e.Template), template.WithRoot(filepath.Join(dir, "templates")))
		if err != nil {
			t.Errorf("%s: %v", e.Template, err)
			continue
		}
		if len(defs) != len(e.Machines) {
			t.Errorf("%s: %d state machines, not %d", e.Template, len(defs), len(e.Machines))
		}
		for _, m := range e.Machines {
			i := slices.IndexFunc(defs, func(d template.Definition) bool { return d.ID == m.LogicalID })
			if i < 0 {
				t.Errorf("%s: %s is not found", e.Template, m.LogicalID)
				continue
			}
			d := &defs[i]
			at := e.Template + ": " + m.LogicalID
			if m.Form == "DefinitionUri:file" && d.Failed && m.DefinitionFile == "" {
				count[m.Form+", which is not there"]++
				continue
			}
			if !slices.Contains(forms[m.Form], d.Form) {
				t.Errorf("%s: form %q (%s), the index has %q", at, d.Form, d.Missing, m.Form)
				continue
			}
			count[m.Form]++
			if m.DefinitionID == "" {
				continue
			}
			for _, f := range d.Check() {
				if _, err := os.Stat(f.File); err != nil || f.Position.Line == 0 {
					t.Errorf("%s: a finding at %s:%s", at, f.File, f.Position)
				}
				if f.Severity == asl.SeverityError && verdicts[m.DefinitionID] == "valid" {
					t.Errorf("%s: %s:%s: %s", at, f.File, f.Position, f.Diagnostic)
				}
			}
			text, err := os.ReadFile(filepath.Join(dir, files[m.DefinitionID]))
			if err != nil {
				t.Fatal(err)
			}
			want, _ := asl.Parse(text, asl.WithPlaceholders())
			got, err := d.Machine()
			if err != nil && verdicts[m.DefinitionID] == "valid" {
				t.Errorf("%s: %v", at, err)
			}
			if a, b := stateNames(got), stateNames(want); a != b {
				t.Errorf("%s: states %s, not %s", at, a, b)
			}
		}
	}
	for form, n := range count {
		t.Logf("%4d %s", n, form)
	}
}

func stateNames(m *asl.StateMachine) string {
	var names []string
	for s := range m.AllStates {
		names = append(names, s.Name)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}
