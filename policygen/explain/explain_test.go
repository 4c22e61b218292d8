package explain_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"

	"github.com/sfnkit/sfnkit/asl/value"
	"github.com/sfnkit/sfnkit/policygen/explain"
	"github.com/sfnkit/sfnkit/policygen/iam"
)

// TestMessages reads testdata/messages.yaml: messages in their wrappers and what
// must be known of them.
func TestMessages(t *testing.T) {
	var cases []struct {
		Message, Error, Cause  string
		Region, Model          string
		ID                     string
		Facts                  map[string]string
		Wrapper                string
		Text, NotText          []string
		Policy                 []map[string]any
		Name, Operation, First string
		Status                 int
	}
	text, err := os.ReadFile("testdata/messages.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, &cases); err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		t.Run(c.Message+c.Error+c.Cause, func(t *testing.T) {
			x := &explain.Explainer{Region: c.Region, Model: c.Model}
			var got explain.Explanation
			var known bool
			if c.Error != "" {
				got, known = x.ExplainError(c.Error, c.Cause)
			} else {
				got, known = x.Explain(c.Message)
			}
			if got.ID != c.ID || known != (c.ID != "") {
				t.Fatalf("entry %q, want %q", got.ID, c.ID)
			}
			for k, v := range c.Facts {
				if got.Facts[k] != v {
					t.Errorf("fact %s is %q, want %q", k, got.Facts[k], v)
				}
			}
			if c.Name != "" && got.Error.Name != c.Name || c.Operation != "" && got.Error.Operation != c.Operation || c.Status != 0 && got.Status != c.Status {
				t.Errorf("name %q, operation %q, status %d", got.Error.Name, got.Error.Operation, got.Status)
			}
			if c.Wrapper != "" && strings.Join(got.Error.Layers, " > ") != c.Wrapper {
				t.Errorf("layers %q", got.Error.Layers)
			}
			if c.First != "" && (len(got.Causes) == 0 || !strings.Contains(got.Causes[0], c.First)) {
				t.Errorf("causes %q, want %q first", got.Causes, c.First)
			}
			out := got.Text()
			for _, want := range c.Text {
				if !strings.Contains(out, want) {
					t.Errorf("text lacks %q:\n%s", want, out)
				}
			}
			for _, not := range c.NotText {
				if strings.Contains(out, not) {
					t.Errorf("text has %q:\n%s", not, out)
				}
			}
			for _, f := range got.Fixes {
				if strings.HasSuffix(f.Text, ":") && f.Policy == nil && f.Snippet == "" && f.Quotas == nil && f.Case == nil {
					t.Errorf("nothing follows %q", f.Text)
				}
			}
			if c.Policy != nil {
				wantText, _ := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": c.Policy})
				want, err := iam.Parse(wantText)
				if err != nil {
					t.Fatal(err)
				}
				var policy *iam.Policy
				for _, f := range got.Fixes {
					if f.Policy != nil {
						policy = f.Policy
						break
					}
				}
				if policy == nil {
					t.Fatalf("no policy:\n%s", out)
				}
				if diff := cmp.Diff(iam.Grants(want), iam.Grants(policy)); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
}

// shared finds the folder of facts and recordings outside the repository.
func shared(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("SFNKIT_SHARED")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared")
	}
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("the shared facts are not there (%v); set SFNKIT_SHARED", err)
	}
	return dir
}

// TestCollectedSamples recognises the sample of every collected error as that
// error and no other.
func TestCollectedSamples(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(shared(t), "facts", "errors.json"))
	if err != nil {
		t.Skip(err)
	}
	var facts struct {
		Errors []struct {
			ID, Sample string
			Exceptions []string
		}
	}
	if err := json.Unmarshal(text, &facts); err != nil {
		t.Fatal(err)
	}
	if len(facts.Errors) < 60 {
		t.Fatalf("only %d errors", len(facts.Errors))
	}
	for _, e := range facts.Errors {
		got, known := explain.Explain(e.Sample)
		if !known || got.ID != e.ID {
			t.Errorf("%s\nis %q, want %q", e.Sample, got.ID, e.ID)
		}
		// The same message as Step Functions and SDKs deliver it.
		name := e.Exceptions[0]
		bare := explain.Unwrap(e.Sample).Message
		if bare == "" || strings.HasPrefix(name, "States.") {
			continue
		}
		for _, wrapped := range []string{
			bare + " (Service: BedrockRuntime, Status Code: 403, Request ID: 9a2f4c1e-0001-4c4e-9d6b-1f2e3d4c5b6a) (SDK Attempt Count: 1)",
			"An error occurred (" + name + ") when calling the InvokeModel operation (reached max retries: 4): " + bare,
			"operation error Bedrock Runtime: InvokeModel, https response error StatusCode: 403, RequestID: 9a2f4c1e, " + name + ": " + bare,
			"software.amazon.awssdk.services.bedrockruntime.model." + name + ": " + bare + " (Service: BedrockRuntime, Status Code: 403, Request ID: 9a2f4c1e)",
		} {
			if got, _ := explain.Explain(wrapped); got.ID != e.ID {
				t.Errorf("%s\nis %q, want %q (bare: %s)", wrapped, got.ID, e.ID, got.Error.Message)
			}
		}
		if got, _ := explain.ExplainError("Bedrock."+name, bare+" (Service: BedrockRuntime, Status Code: 403, Request ID: 9a2f4c1e)"); got.ID != e.ID {
			t.Errorf("Bedrock.%s %s\nis %q, want %q", name, bare, got.ID, e.ID)
		}
	}
}

func TestHistory(t *testing.T) {
	text, err := os.ReadFile("testdata/history.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, form := range []string{string(text), goCase(string(text))} {
		findings, err := explain.History(value.MustParse(form))
		if err != nil {
			t.Fatal(err)
		}
		type summary struct {
			State, Type, ID string
			Attempts        int
			Fatal, Known    bool
		}
		var got []summary
		for _, f := range findings {
			got = append(got, summary{f.State, f.Type, f.Explanation.ID, f.Attempts, f.Fatal, f.Known})
		}
		want := []summary{
			{"Summarise", "TaskFailed", "iam-implicit-identity", 1, true, true},
			{"Generate", "TaskFailed", "throttle-requests", 2, false, true},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
		x := findings[0].Explanation
		if x.Facts["region"] != "us-east-1" || !strings.Contains(x.Causes[0], "routed the call to us-east-2") {
			t.Errorf("%v %q", x.Facts, x.Causes)
		}
		if s := findings[0].Text(); !strings.Contains(s, "in state Summarise (event 14): this ended the execution") {
			t.Error(s)
		}
	}
	for _, bad := range []string{`{}`, `7`, `{"events":[{}]}`} {
		if _, err := explain.History(value.MustParse(bad)); err == nil {
			t.Errorf("%s is taken", bad)
		}
	}
}

// goCase writes the members as Go's SDK marshals them.
func goCase(text string) string {
	v := value.MustParse(text)
	var upper func(value.Value) value.Value
	upper = func(v value.Value) value.Value {
		switch {
		case v.IsObject():
			b := value.NewBuilder(v.Len())
			for k, m := range v.Members() {
				b.Set(strings.ToUpper(k[:1])+k[1:], upper(m))
			}
			return b.Object()
		case v.IsArray():
			var out []value.Value
			for _, e := range v.Elems() {
				out = append(out, upper(e))
			}
			return value.Array(out)
		}
		return v
	}
	return upper(v).JSON()
}

func FuzzExplain(f *testing.F) {
	f.Add("User: a is not authorized to perform: s3:GetObject on resource: \"b\" with an explicit deny in a service control policy: arn:x")
	f.Add(`{"Error":"Bedrock.X","Cause":"An error occurred (Y) when calling the Z operation: w"}`)
	f.Fuzz(func(t *testing.T, text string) {
		x, known := explain.Explain(text)
		if known != (x.ID != "") {
			t.Error(x.ID)
		}
		x.Text()
		for _, fix := range x.Fixes {
			if fix.Policy != nil {
				if _, err := iam.Parse(fix.Policy.JSON()); err != nil {
					t.Error(err)
				}
			}
		}
	})
}
