package report

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sfnkit/sfnkit/asl"
)

// sample has one of everything, and text that each format must escape.
func sample() *Report {
	at := func(line, column int) asl.Position { return asl.Position{Line: line, Column: column} }
	return &Report{
		Version: "1.2.3",
		Machines: []Machine{
			{File: "flows/ok.asl.json", At: at(1, 1)},
			{File: "flows/50% of, \"it\": <all> ü.asl.json", At: at(1, 1), Findings: []Finding{
				{File: "flows/50% of, \"it\": <all> ü.asl.json", Line: `  "첫 상태 😀": {"Next": "Nowhere"}`, Diagnostic: asl.Diagnostic{
					Severity: asl.SeverityError, Code: asl.CodeMissingTarget, Message: "Missing 'Next' target: Nowhere", Location: "/States/첫 상태 😀/Next",
					State: "첫 상태 😀", Hint: "did you mean <Now> & here?", Position: at(3, 24),
				}},
				{File: "flows/50% of, \"it\": <all> ü.asl.json", Line: "]]> % \x01", Diagnostic: asl.Diagnostic{
					Severity: asl.SeverityError, Code: asl.CodeInvalidJSON, Message: "100% ]]> \x01\xff\nnot JSON\n at [Source: (String)\"x\"; line: 1, column: 2]", Position: at(4, 3),
				}},
				{File: "flows/50% of, \"it\": <all> ü.asl.json", Diagnostic: asl.Diagnostic{
					Severity: asl.SeverityWarning, Code: asl.CodeSchema, Message: "without a place",
				}},
			}},
			{File: "template.yaml", ID: "Flow", At: at(7, 3), Findings: []Finding{
				{File: "flows/of template.asl.json", Line: "x", Diagnostic: asl.Diagnostic{
					Severity: asl.SeverityAdvice, Code: asl.CodeUnusedVariable, Message: "x is never read", Location: "/States/A/Assign", State: "A", Position: at(1, 1),
				}},
			}},
			{File: "template.yaml", ID: "InS3", At: at(20, 7), Missing: "the definition lies in S3: s3://bucket/key"},
			{File: "template.yaml", ID: "Lost", At: at(30, 7), Missing: "none.json: there is no such file", Failed: true},
			{File: "/somewhere/torn.yaml", Missing: "/somewhere/torn.yaml: permission denied", Failed: true},
		},
	}
}

// TestGolden compares with testdata/sample.*, which UPDATE=1 writes anew.
func TestGolden(t *testing.T) {
	for _, f := range []Format{JSON, SARIF, GitHub, JUnit} {
		t.Run(string(f), func(t *testing.T) {
			var b bytes.Buffer
			if err := sample().Write(&b, f); err != nil {
				t.Fatal(err)
			}
			file := filepath.Join("testdata", "sample."+string(f))
			if os.Getenv("UPDATE") != "" {
				if err := os.WriteFile(file, b.Bytes(), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), b.String()); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
	if err := sample().Write(&bytes.Buffer{}, "html"); err == nil {
		t.Error("an unknown format was written")
	}
}

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

func TestWriteError(t *testing.T) {
	for _, f := range []Format{JSON, SARIF, GitHub, JUnit} {
		if err := sample().Write(brokenPipe{}, f); err == nil {
			t.Errorf("%s: the error of the writer is lost", f)
		}
	}
}

// TestSARIF checks a report, and an empty one, against what the standard says.
func TestSARIF(t *testing.T) {
	text, err := os.ReadFile("testdata/sarif-2.1.0.json")
	if err != nil {
		t.Fatal(err)
	}
	var schema map[string]any
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	for _, r := range []*Report{sample(), {}} {
		var b bytes.Buffer
		if err := r.Write(&b, SARIF); err != nil {
			t.Fatal(err)
		}
		var log map[string]any
		if err := json.Unmarshal(b.Bytes(), &log); err != nil {
			t.Fatal(err)
		}
		for _, problem := range conforms(schema, "sarifLog", log, "") {
			t.Error(problem)
		}
		// What the schema cannot say: a result's rule is the one at its index.
		run := log["runs"].([]any)[0].(map[string]any)
		rules := run["tool"].(map[string]any)["driver"].(map[string]any)["rules"].([]any)
		for _, res := range run["results"].([]any) {
			res := res.(map[string]any)
			i := int(res["ruleIndex"].(float64))
			if i >= len(rules) || rules[i].(map[string]any)["id"] != res["ruleId"] {
				t.Errorf("the rule of %v is not at %d", res["ruleId"], i)
			}
		}
	}
}

// conforms returns what in a value is not of a kind of the schema.
func conforms(schema map[string]any, kind string, v any, at string) []string {
	wrong := func() []string { return []string{fmt.Sprintf("%s: %v is no %s", at, v, kind)} }
	if inner, ok := strings.CutPrefix(kind, "["); ok {
		list, ok := v.([]any)
		if !ok {
			return wrong()
		}
		var problems []string
		for i, e := range list {
			problems = append(problems, conforms(schema, strings.TrimSuffix(inner, "]"), e, fmt.Sprintf("%s/%d", at, i))...)
		}
		return problems
	}
	if members, ok := schema[kind].(map[string]any); ok {
		object, ok := v.(map[string]any)
		if !ok {
			return wrong()
		}
		var problems []string
		known := map[string]bool{}
		for name, kind := range members {
			name, required := strings.CutSuffix(name, "!")
			known[name] = true
			m, there := object[name]
			switch {
			case there:
				problems = append(problems, conforms(schema, kind.(string), m, at+"/"+name)...)
			case required:
				problems = append(problems, at+"/"+name+" is missing")
			}
		}
		for name := range object {
			if !known[name] {
				problems = append(problems, at+"/"+name+" is unknown")
			}
		}
		return problems
	}
	ok := false
	switch s, isText := v.(string); kind {
	case "text":
		ok = isText
	case "uri", "uri-reference":
		u, err := url.Parse(s)
		ok = isText && err == nil && !strings.ContainsAny(s, " \"<>\\^`{|}") && (kind == "uri-reference" || u.IsAbs())
	case "bool":
		_, ok = v.(bool)
	case "number", "positive":
		n, isNumber := v.(float64)
		ok = isNumber && n == float64(int(n)) && (kind == "number" || n >= 1)
	default:
		for _, word := range strings.Split(kind, "|") {
			ok = ok || isText && s == word
		}
	}
	if !ok {
		return wrong()
	}
	return nil
}

// TestJUnit checks that the XML can be read and that the counts are those of the cases.
func TestJUnit(t *testing.T) {
	var b bytes.Buffer
	if err := sample().Write(&b, JUnit); err != nil {
		t.Fatal(err)
	}
	var all junitSuites
	if err := xml.Unmarshal(b.Bytes(), &all); err != nil {
		t.Fatal(err)
	}
	got := [...]int{all.Tests, all.Failures, all.Errors, all.Skipped, len(all.Suites)}
	if want := [...]int{6, 1, 2, 1, 4}; got != want {
		t.Errorf("tests, failures, errors, skipped, suites: %v, not %v", got, want)
	}
}

// TestGitHubLines checks that every finding is one line: a line end would begin another
// command.
func TestGitHubLines(t *testing.T) {
	var b bytes.Buffer
	if err := sample().Write(&b, GitHub); err != nil {
		t.Fatal(err)
	}
	findings := 0
	for range sample().Findings {
		findings++
	}
	lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
	if len(lines) != findings {
		t.Errorf("%d lines for %d findings", len(lines), findings)
	}
	for _, l := range lines {
		if !strings.HasPrefix(l, "::error ") && !strings.HasPrefix(l, "::warning ") && !strings.HasPrefix(l, "::notice ") {
			t.Errorf("no command: %q", l)
		}
	}
}
