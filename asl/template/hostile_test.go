package template_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sfnkit/sfnkit/asl/template"
)

// bombs are files that ask for more than they are worth.
func bombs() map[string]string {
	laughs := func() string {
		var b strings.Builder
		b.WriteString("a0: &a0 [x]\n")
		for i := 1; i < 60; i++ {
			fmt.Fprintf(&b, "a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d,", i-1), 9), ","))
		}
		return b.String()
	}()
	merges := func() string {
		var b strings.Builder
		b.WriteString("base: &base\n")
		for i := range 1000 {
			fmt.Fprintf(&b, "  k%d: 1\n", i)
		}
		for i := range 1000 {
			fmt.Fprintf(&b, "m%d: {<<: *base}\n", i)
		}
		return b.String()
	}()
	locals := func() string {
		var b strings.Builder
		b.WriteString("locals {\n  l0 = \"\"\n")
		for i := 1; i < 45; i++ {
			fmt.Fprintf(&b, "  l%d = \"${local.l%d}${local.l%d}\"\n", i, i-1, i-1)
		}
		b.WriteString("}\nresource \"aws_sfn_state_machine\" \"a\" {\n  definition = local.l44\n}\n")
		return b.String()
	}()
	doubled := func(first, each string) string {
		var b strings.Builder
		fmt.Fprintf(&b, "locals {\n  z40 = %s\n", first)
		for i := range 40 {
			fmt.Fprintf(&b, "  z%d = %s\n", i, strings.ReplaceAll(each, "Z", fmt.Sprintf("local.z%d", i+1)))
		}
		return b.String() + "}\n"
	}
	forks := func() string {
		var b strings.Builder
		for i := range 100 {
			fmt.Fprintf(&b, "%%{ if a%d == \"x\" }{%%{ else }%%{ if b%d }[%%{ endif }%%{ endif }", i, i)
		}
		return b.String()
	}()
	tf := func(expr string) string {
		return "resource \"aws_sfn_state_machine\" \"a\" {\n  definition = " + expr + "\n}\n"
	}
	tfJSON := func(text string) string {
		return `{"resource": {"aws_sfn_state_machine": {"a": {"definition": "` + text + `"}}}}`
	}
	sfn := "Resources:\n  A:\n    Type: AWS::StepFunctions::StateMachine\n    Properties:\n      Definition: "
	const mib = 1 << 20
	return map[string]string{
		"brackets.yaml":     sfn + strings.Repeat("[", mib),
		"braces.yaml":       sfn + strings.Repeat("{", mib),
		"dashes.yaml":       sfn + "\n" + strings.Repeat("- ", mib/2),
		"tags.yaml":         sfn + "\n" + strings.Repeat("!Sub ", mib/5),
		"anchors.yaml":      sfn + "\n" + strings.Repeat("&a ", mib/3),
		"laughs.yaml":       laughs + sfn + "*a59\n",
		"laughs_join.yaml":  laughs + strings.Replace(sfn, "Definition: ", "DefinitionString: ", 1) + "\n        Fn::Join: [\"\", *a59]\n",
		"merges.yaml":       merges + sfn + "*base\n",
		"templates.tf.json": tfJSON(strings.Repeat("${\\\"", mib/4)),
		"braces.tf.json":    tfJSON(strings.Repeat("${{", mib/3)),
		"literals.tf.json":  tfJSON(strings.Repeat("$${}\\n\\\"", mib/4)),
		"loops.tf.json":     tfJSON(strings.Repeat("%{ for x in range(1000) }", 40) + strings.Repeat("%{ endfor }", 40)),
		"brackets.json":     `{"Resources":{"A":{"Type":"AWS::StepFunctions::StateMachine","Properties":{"Definition":` + strings.Repeat("[", mib),
		"brackets.tf":       tf(strings.Repeat("[", mib)),
		"parens.tf":         tf(strings.Repeat("(", mib)),
		"nots.tf":           tf(strings.Repeat("!", mib) + "true"),
		"minuses.tf":        tf(strings.Repeat("- ", mib/2) + "1"),
		"conditions.tf":     tf(strings.Repeat("a?a:", mib/4) + "a"),
		"templates.tf":      tf(strings.Repeat(`"${`, mib/4)),
		"sums.tf":           tf(strings.Repeat("9*", mib/2) + "9"),
		"steps.tf":          tf("a" + strings.Repeat(".b", mib/2)),
		"indexes.tf":        tf("a" + strings.Repeat("[x]", mib/3)),
		"splats.tf":         tf("a" + strings.Repeat("[*]", mib/3)),
		"interpolation.tf":  tf(`"` + strings.Repeat("${a}", mib/4) + `"`),
		"lines.tf":          tf("<<EOF\n" + strings.Repeat("{}\n", mib/8) + "EOF"),
		"escapes.tf":        tf("\"" + strings.Repeat("$${}", mib/8) + "\""),
		"lines.tf.json":     tfJSON(strings.Repeat("{}\\n", mib/8)),
		"directives.tf":     tf("<<EOF\n" + strings.Repeat("%{if true}", mib/10) + "\nEOF"),
		"locals.tf":         locals,
		"loops.tf":          tf("<<EOF\n" + strings.Repeat("%{ for x in range(1000) }", 40) + strings.Repeat("%{ endfor }", 40) + "\nEOF"),
		"forks.tf":          tf("<<EOF\n" + forks + "\nEOF"),
		"generated.tf":      tf("[" + strings.Repeat("[for x in range(999): ", 60) + "x" + strings.Repeat("]", 60) + "]"),
		"doubled.tf":        tf("\"%{ if local.z0 == 1 }x%{ endif }\"") + doubled(`"x"`, `"${Z}${Z}"`),
		"nested.tf":         tf("\"%{ for x in local.z0 }%{ endfor }\"") + doubled(`[1, 2, 3]`, `[Z, Z]`),
		"merged.tf":         tf("\"%{ for x in local.z0 }${x}%{ endfor }\"") + doubled(`{ a = 1 }`, `merge(Z, Z)`),
		"members.tf":        tf(`local.z0.a.a.a`) + doubled(`{ a = 1 }`, `{ a = Z[Z.a].a.a, b = Z.a[Z.b] }`),
		"keys.tf":           tf(`local.z0`) + doubled(`"x"`, `Z[Z[Z]]`),
		"replaced.tf":       tf(`local.z0`) + doubled(`"xx"`, `replace(Z, "x", Z)`),
		"chained.tf":        tf("\"%{ if " + strings.Repeat("a || ", mib/5) + "a }x%{ endif }\""),
		"compared.tf":       tf("\""+strings.Repeat("%{ if local.z0 == local.z0 }%{ endif }", 5_000)+"\"") + doubled(`[1, 2, 3]`, `concat(Z, Z)`),
		"blank.yaml":        sfn + "|\n" + strings.Repeat("\n", mib),
		"sequence.yaml":     sfn + "\n" + strings.Repeat("      - a\n", mib/10),
		"keys.yaml":         sfn + "\n" + strings.Repeat("        ? a\n", mib/12),
		"documents.yaml":    strings.Repeat("---\na\n", mib/6) + sfn,
		"values.json":       `{"Resources":{"A":{"Type":"AWS::StepFunctions::StateMachine","Properties":{"Definition":[` + strings.Repeat("[],", 2*mib) + `[]]}}}}`,
		"blank.asl":         "StartAt: |\n" + strings.Repeat("\n", mib/2) + "States: {}\n",
		"keys.asl":          strings.Repeat("? a\n", mib/8),
		"brackets.asl":      strings.Repeat("[", mib),
	}
}

// TestHostile demands that bombs end with an error, or without a definition, soon.
func TestHostile(t *testing.T) {
	for file, text := range bombs() {
		t.Run(file, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), file)
			if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			defs, err := template.Load(path)
			for i := range defs {
				d := &defs[i]
				if d.Missing != "" {
					err = fmt.Errorf("%s", d.Missing)
				}
				for _, f := range d.Check() {
					if err == nil {
						err = f
					}
				}
			}
			if err == nil {
				t.Error("no complaint")
			}
			t.Log(err)
			// Slow machines, race detectors: what is looked for are minutes.
			if took := time.Since(began); took > 20*time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
}

// TestLinks demands that symbolic links do not lead out of the project.
func TestLinks(t *testing.T) {
	dir := t.TempDir()
	inside := filepath.Join(dir, "project")
	flow := `{"StartAt": "P", "States": {"P": {"Type": "Succeed"}}}`
	for path, text := range map[string]string{
		filepath.Join(dir, "secret.json"):     flow,
		filepath.Join(inside, "flow.json"):    flow,
		filepath.Join(inside, "main.tf"):      "resource \"aws_sfn_state_machine\" \"a\" {\n  definition = file(\"link.json\")\n}\nresource \"aws_sfn_state_machine\" \"b\" {\n  definition = file(\"own.json\")\n}\n",
		filepath.Join(inside, ".git", "HEAD"): "",
	} {
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for link, to := range map[string]string{"link.json": "../secret.json", "own.json": "flow.json"} {
		if err := os.Symlink(to, filepath.Join(inside, link)); err != nil {
			t.Skipf("symbolic links are needed: %v", err)
		}
	}
	defs, err := template.Load(filepath.Join(inside, "main.tf"))
	if err != nil || len(defs) != 2 {
		t.Fatal(defs, err)
	}
	if !defs[0].Failed || !strings.Contains(defs[0].Missing, "link.json") {
		t.Errorf("the link out of the project was followed: %+v", defs[0])
	}
	if defs[1].Missing != "" {
		t.Errorf("the link inside the project was not followed: %s", defs[1].Missing)
	}
}
