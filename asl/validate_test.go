package asl_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/sfnkit/sfnkit/asl"
)

func TestCorpusVerdicts(t *testing.T) {
	refused, passed, valid, invalid := 0, 0, 0, 0
	for _, e := range corpus(t) {
		typ := asl.Standard
		if e.Type == "EXPRESS" {
			typ = asl.Express
		}
		ds := asl.Check(e.text, asl.ForType(typ))
		switch {
		case mislabelled[e.ID] != "":
		case e.Verdict == "valid":
			valid++
			if err := ds.Err(); err != nil {
				refused++
				t.Errorf("refused %s (%s): %v", e.ID, e.Basis, lines(ds))
			}
		case e.Verdict == "invalid":
			invalid++
			if e.AWSRecorded {
				checkRecorded(t, e)
			}
			if !ds.HasErrors() {
				passed++
				t.Errorf("passed %s (%s): want %s %q at %s", e.ID, e.Basis, e.Expected.Code, e.Expected.Message, e.Expected.Location)
			}
		}
	}
	t.Logf("%d of %d valid refused, %d of %d invalid passed", refused, valid, passed, invalid)
}

func lines(ds asl.Diagnostics) string {
	var b strings.Builder
	for _, d := range ds {
		if d.Severity == asl.SeverityError {
			fmt.Fprintf(&b, "\n\t%s %s %s at %s (%s)", d.Position, d.Code, d.Summary(), d.Location, d.Hint)
		}
	}
	return b.String()
}

// checkRecorded compares with what the service was recorded to say.
func checkRecorded(t *testing.T, e corpusEntry) {
	typ := asl.Standard
	if e.Type == "EXPRESS" {
		typ = asl.Express
	}
	ds := asl.Check(e.text, asl.AsService(), asl.AtLeast(asl.SeverityError), asl.ForType(typ))
	if len(ds) != 1 {
		t.Errorf("%s: %d findings, want one: %v", e.ID, len(ds), lines(ds))
		return
	}
	if d := ds[0]; d.Code != e.Expected.Code || maskPartition(d.Summary()) != maskPartition(e.Expected.Message) || d.Location != e.Expected.Location {
		t.Errorf("%s\n got %s %q at %q\nwant %s %q at %q", e.ID, d.Code, d.Summary(), d.Location, e.Expected.Code, e.Expected.Message, e.Expected.Location)
	}
}

// All public definitions in one run.
func BenchmarkValidateCorpus(b *testing.B) {
	entries := corpus(b)
	for b.Loop() {
		for _, e := range entries {
			asl.Check(e.text)
		}
	}
}

func BenchmarkValidateOne(b *testing.B) {
	text := large(20 << 10)
	for b.Loop() {
		asl.Check(text)
	}
}

func BenchmarkValidateLarge(b *testing.B) {
	text := large(asl.MaxDefinitionSize)
	for b.Loop() {
		asl.Check(text)
	}
}

const twoProblems = `{"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B", "Parameters": {"x": "$.x"}, "TimeoutSeconds": 1}}}`

func codes(ds asl.Diagnostics) string {
	var out []string
	for _, d := range ds {
		out = append(out, string(d.Severity)+" "+d.Code)
	}
	return strings.Join(out, ", ")
}

func TestValidateOptions(t *testing.T) {
	const e1, e2, e3, w = "ERROR SCHEMA_VALIDATION_FAILED", "ERROR MISSING_TRANSITION_TARGET", "ERROR MISSING_END_STATE", "WARNING NO_DOLLAR"
	for name, c := range map[string]struct {
		opts []asl.ValidateOption
		want string
	}{
		"plain":    {nil, strings.Join([]string{e1, w, e2, e3}, ", ")},
		"errors":   {[]asl.ValidateOption{asl.AtLeast(asl.SeverityError)}, strings.Join([]string{e1, e2, e3}, ", ")},
		"limit":    {[]asl.ValidateOption{asl.WithLimit(2)}, e1 + ", " + w},
		"disabled": {[]asl.ValidateOption{asl.Disable("NO_DOLLAR", "MISSING_END_STATE")}, e1 + ", " + e2},
		"strict":   {[]asl.ValidateOption{asl.Strict()}, strings.Join([]string{e1, "ERROR NO_DOLLAR", e2, e3}, ", ")},
	} {
		if got := codes(asl.Check([]byte(twoProblems), c.opts...)); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", name, got, c.want)
		}
	}
}

func TestInvalidDefinitionText(t *testing.T) {
	const want = `Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: Field 'TimeoutSeconds' is not supported at /States/A, ` +
		`MISSING_TRANSITION_TARGET: Missing 'Next' target: B at /States/A/Next, MISSING_END_STATE: Workflow has no terminal state at null'`
	if got := asl.Check([]byte(twoProblems)).InvalidDefinition(); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	if got := asl.Check([]byte(`{"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}`)).InvalidDefinition(); got != "" {
		t.Errorf("got %s", got)
	}
}

// Services have other names in ARNs and other SDKs.
func TestServiceNameHints(t *testing.T) {
	for service, want := range map[string]string{
		"stepfunctions": "ADVICE use aws-sdk:sfn", "logs": "ADVICE use aws-sdk:cloudwatchlogs",
		"cognito-idp": "ERROR use aws-sdk:cognitoidentityprovider", "bedrock-runtime": "ERROR use aws-sdk:bedrockruntime",
		"dynamodbb": "ADVICE did you mean dynamodb?", "nothinglikeit": "ADVICE ",
	} {
		def := `{"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:` + service + `:listThings", "Parameters": {}, "End": true}}}`
		ds := asl.Check([]byte(def))
		if len(ds) != 1 || string(ds[0].Severity)+" "+ds[0].Hint != want {
			t.Errorf("%s: %+v, want %s", service, ds, want)
		}
	}
}

// A machine that was not parsed, or not left as it was parsed, is judged as it is.
func TestValidateMachinesInMemory(t *testing.T) {
	m := &asl.StateMachine{StartAt: "A", States: []*asl.State{{Name: "A", Type: asl.TypePass, Next: "B"}, {Name: "B", Type: asl.TypeSucceed}}}
	if ds := asl.Validate(m); len(ds) > 0 {
		t.Errorf("built: %v", ds)
	}
	parsed, err := asl.Parse(asl.Print(m))
	if err != nil {
		t.Fatal(err)
	}
	parsed.States[1].Type = asl.TypeWait
	ds := asl.Validate(parsed)
	if got := codes(ds); got != "ERROR SCHEMA_VALIDATION_FAILED, ERROR SCHEMA_VALIDATION_FAILED, ERROR MISSING_END_STATE" {
		t.Errorf("changed: %s", got)
	}
	if ds[0].State != "B" || ds[0].Position.Line == 0 {
		t.Errorf("changed: %+v", ds[0])
	}
}

// The limit is on the UTF-8 bytes of all parameters together.
func TestPayloadLimit(t *testing.T) {
	const empty = `{"ModelId":"us.amazon.nova-lite-v1:0","Body":{"messages":[{"role":"user","content":[{"text":""}]}]}}`
	for size, want := range map[int]bool{262_144: false, 262_145: true} {
		room := size - len(empty)
		text := strings.Repeat("界", room/3) + strings.Repeat("x", room%3)
		params := strings.Replace(empty, `"text":""`, `"text":"`+text+`"`, 1)
		def := `{"StartAt": "Ask", "States": {"Ask": {"Type": "Task", "Resource": "arn:aws:states:::bedrock:invokeModel", "Parameters": ` + params + `, "End": true}}}`
		var got asl.Diagnostics
		for _, d := range asl.Check([]byte(def), asl.AtLeast(asl.SeverityError)) {
			if d.Code == asl.CodeTooLargePayload {
				got = append(got, d)
			} else {
				t.Errorf("%d: %v", size, d)
			}
		}
		if (len(got) == 1) != want {
			t.Errorf("%d bytes: %v", size, got)
		}
		if want && (!strings.Contains(got[0].Message, "262145") || !strings.Contains(got[0].Message, "262144") || !strings.Contains(got[0].Message, "Ask") || !strings.Contains(got[0].Hint, "Input.S3Uri")) {
			t.Errorf("message %q, hint %q", got[0].Message, got[0].Hint)
		}
	}
}
