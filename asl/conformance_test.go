package asl_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/sfnkit/sfnkit/asl"
)

// recordedCall is a call of a conformance case.
type recordedCall struct {
	Op     string `json:"op"`
	Params struct {
		Definition string `json:"definition"`
		Type       string `json:"type"`
	} `json:"params"`
	Error bool `json:"error"`
}

type recordedCase struct {
	ID         string         `json:"id"`
	Kind       string         `json:"kind"`
	Group      string         `json:"group"`
	Definition string         `json:"definition"`
	Type       string         `json:"type"`
	Only       string         `json:"only"`
	Calls      []recordedCall `json:"calls"`
	Checks     []struct {
		Only     string          `json:"only"`
		Expected json.RawMessage `json:"expected"`
	} `json:"checks"`
	Expected json.RawMessage `json:"expected"`
}

// Everything that was recorded to be accepted is accepted; what was recorded to be
// refused is refused, with the recorded words where they are the service's.
func TestRecordings(t *testing.T) {
	dir := filepath.Join(shared(t), "conformance", "cases")
	files, err := filepath.Glob(filepath.Join(dir, "*", "*.json"))
	if err != nil || len(files) == 0 {
		t.Skipf("no recordings in %s", dir)
	}
	accepted, refused, words := 0, 0, 0
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		var c recordedCase
		if err := json.Unmarshal(raw, &c); err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		calls := c.Calls
		if c.Definition != "" {
			calls = append(calls, recordedCall{Op: "CreateStateMachine"})
			calls[len(calls)-1].Params.Definition, calls[len(calls)-1].Params.Type = c.Definition, c.Type
		}
		for _, call := range calls {
			if call.Params.Definition == "" || call.Op == "TestState" {
				continue
			}
			// What an earlier call of the case answered stands in the definition as ${...}.
			call.Params.Definition = answered.ReplaceAllString(call.Params.Definition, "arn:aws:states:us-east-1:111111111111:activity:a")
			typ := asl.Standard
			if call.Params.Type == "EXPRESS" {
				typ = asl.Express
			}
			ds := asl.Check([]byte(call.Params.Definition), asl.AsService(), asl.AtLeast(asl.SeverityError), asl.ForType(typ))
			want := regexp.MustCompile(`Invalid State Machine Definition: '(?:[^"\\]|\\.)*'`).FindString(string(raw))
			switch {
			case call.Op == "ValidateStateMachineDefinition":
				words++
				got, _ := json.Marshal(serviceForm(ds))
				var expected struct{ Diagnostics json.RawMessage }
				if err := json.Unmarshal(c.Checks[0].Expected, &expected); err != nil {
					t.Fatalf("%s: %v", c.ID, err)
				}
				var a, b any
				_ = json.Unmarshal(got, &a)
				_ = json.Unmarshal(expected.Diagnostics, &b)
				g, _ := json.Marshal(a)
				w, _ := json.Marshal(b)
				if string(g) != string(w) {
					t.Errorf("%s\n got %s\nwant %s", c.ID, g, w)
				}
			case call.Error && strings.Contains(string(raw), "InvalidDefinition"):
				refused++
				if !ds.HasErrors() {
					t.Errorf("%s: not refused: %s", c.ID, call.Params.Definition)
				}
				if want == "" || c.Only == "L1" {
					break
				}
				words++
				var text string
				if err := json.Unmarshal([]byte(`"`+want+`"`), &text); err != nil {
					t.Fatal(err)
				}
				if got := ds.InvalidDefinition(); maskPartition(got) != maskPartition(text) {
					t.Errorf("%s\n got %s\nwant %s", c.ID, got, text)
				}
			case !call.Error:
				accepted++
				if err := ds.Err(); err != nil {
					t.Errorf("%s: refused: %s", c.ID, lines(ds))
				}
			}
		}
	}
	t.Logf("%d accepted, %d refused, %d with the service's words", accepted, refused, words)
}

var answered = regexp.MustCompile(`\$\{([0-9]+\.)?activityArn\}`)

func maskPartition(s string) string { return strings.ReplaceAll(s, "arn:<partition>:", "arn:aws:") }

// serviceForm is how ValidateStateMachineDefinition answers.
func serviceForm(ds asl.Diagnostics) []map[string]string {
	out := []map[string]string{}
	for _, d := range ds {
		m := map[string]string{"severity": string(d.Severity), "code": d.Code, "message": d.Message}
		if d.Location != "" {
			m["location"] = d.Location
		}
		out = append(out, m)
	}
	return out
}
