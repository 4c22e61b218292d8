package emulator

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/sfnkit/sfnkit/asl"
	"github.com/sfnkit/sfnkit/asl/value"
)

// uuids are the names of children, which a test need not know.
var uuids = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)

// mapOver runs a distributed Map over an array. Items that are odd numbers fail.
func mapOver(t *testing.T, s Store, input, more string) string {
	t.Helper()
	def, err := asl.Parse([]byte(`{"StartAt": "Each", "States": {"Each": {"Type": "Map", "End": true, "Label": "L", "ToleratedFailurePercentage": 100, ` + more + `
	  "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, "StartAt": "Odd", "States": {
	    "Odd": {"Type": "Choice", "Choices": [{"Or": [{"Variable": "$", "NumericEquals": 1}, {"Variable": "$", "NumericEquals": 3}], "Next": "No"}], "Default": "Yes"},
	    "No": {"Type": "Fail", "Error": "Odd", "Cause": "not even"},
	    "Yes": {"Type": "Wait", "Seconds": 1, "End": true}}}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	m, err := Compile(def)
	if err != nil {
		t.Fatal(err)
	}
	res, err := Run(t.Context(), m, value.MustParse(input), Options{Store: s})
	if err != nil {
		t.Fatal(err)
	}
	if e := res.Execution.Err(); e != nil {
		return e.Error()
	}
	return uuids.ReplaceAllString(res.Execution.Output().JSON(), "UUID")
}

// files lists a bucket, with the names of children replaced.
func files(b bucket) string {
	var lines []string
	for k, v := range b {
		lines = append(lines, uuids.ReplaceAllString(k+" "+strings.TrimSuffix(v, "\n"), "UUID"))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

const export = `"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": "b", "Prefix": "jobs"}`

const exported = `{"MapRunArn":"arn:aws:states:us-east-1:123456789012:mapRun:workflow/L:UUID","ResultWriterDetails":{"Bucket":"b","Key":"jobs/UUID/manifest.json"}}`

func TestResultWriter(t *testing.T) {
	failed := func(item string) string {
		return `{"Cause":"not even","Error":"Odd","ExecutionArn":"arn:aws:states:us-east-1:123456789012:execution:workflow/L:UUID",` +
			`"Input":"` + item + `","InputDetails":{"Included":true},"Name":"UUID","OutputDetails":{"Included":true},"RedriveCount":0,"RedriveStatus":"REDRIVABLE_BY_MAP_RUN",` +
			`"StartDate":"2026-01-01T00:00:00.000Z","StateMachineArn":"arn:aws:states:us-east-1:123456789012:stateMachine:workflow/L",` +
			`"Status":"FAILED","StopDate":"2026-01-01T00:00:00.000Z"}`
	}
	succeeded := func(item string) string {
		text, _ := json.Marshal(item)
		return `{"ExecutionArn":"arn:aws:states:us-east-1:123456789012:execution:workflow/L:UUID",` +
			`"Input":` + string(text) + `,"InputDetails":{"Included":true},"Name":"UUID","Output":` + string(text) + `,"OutputDetails":{"Included":true},` +
			`"RedriveCount":0,"RedriveStatus":"NOT_REDRIVABLE","RedriveStatusReason":"Execution is SUCCEEDED and cannot be redriven",` +
			`"StartDate":"2026-01-01T00:00:00.000Z","StateMachineArn":"arn:aws:states:us-east-1:123456789012:stateMachine:workflow/L",` +
			`"Status":"SUCCEEDED","StopDate":"2026-01-01T00:00:01.000Z"}`
	}
	manifest := func(failed, succeeded string) string {
		return `jobs/UUID/manifest.json {"DestinationBucket":"b","MapRunArn":"arn:aws:states:us-east-1:123456789012:mapRun:workflow/L:UUID",` +
			`"ResultFiles":{"FAILED":[` + failed + `],"PENDING":[],"SUCCEEDED":[` + succeeded + `]}}`
	}
	entry := func(name string, size int) string { return fmt.Sprintf(`{"Key":"jobs/UUID/%s","Size":%d}`, name, size) }
	// How long a description is before the names in it are replaced.
	long := func(s string) int { return len(s) + strings.Count(s, "UUID")*32 }

	for _, test := range []struct{ input, writer, want, files string }{
		{`["a", {"b": 1.0}]`, export, exported, strings.Join([]string{
			`jobs/UUID/SUCCEEDED_0.json [` + succeeded(`"a"`) + `,` + succeeded(`{"b":1.0}`) + `]`,
			manifest("", entry("SUCCEEDED_0.json", 3+long(succeeded(`"a"`)+succeeded(`{"b":1.0}`)))),
		}, "\n")},
		{`[1, [2, [4]], 3, 6]`, `"WriterConfig": {"Transformation": "FLATTEN", "OutputType": "JSONL"}, ` + export, exported, strings.Join([]string{
			"jobs/UUID/FAILED_0.jsonl " + failed("1") + "\n" + failed("3"),
			"jobs/UUID/SUCCEEDED_0.jsonl 2\n[4]\n6",
			manifest(entry("FAILED_0.jsonl", 2+long(failed("1")+failed("3"))), entry("SUCCEEDED_0.jsonl", 8)),
		}, "\n")},
		{`[2, [4]]`, `"WriterConfig": {"Transformation": "COMPACT", "OutputType": "JSON"}, ` + export, exported, strings.Join([]string{
			"jobs/UUID/SUCCEEDED_0.json [2,[4]]", manifest("", entry("SUCCEEDED_0.json", 7)),
		}, "\n")},
		{`[]`, export, exported, manifest("", "")},
		{`[2, [4, 5], 1]`, `"WriterConfig": {"Transformation": "FLATTEN"}`, `[2,4,5,` + failed("1") + `]`, ""},
		{`[2, [4]]`, `"WriterConfig": {"Transformation": "COMPACT"}`, `[2,[4]]`, ""},
		{`["a"]`, `"WriterConfig": {"Transformation": "NONE"}`, `[` + succeeded(`"a"`) + `]`, ""},
		{`[]`, `"WriterConfig": {"Transformation": "NONE"}`, `[]`, ""},
		{`["a"]`, `"WriterConfig": {"Transformation": "SOME"}`, `States.ResultWriterFailed: the Transformation "SOME" is not one of NONE, COMPACT and FLATTEN`, ""},
		{`["a"]`, `"WriterConfig": {"OutputType": "CSV"}`, `States.ResultWriterFailed: the OutputType "CSV" is neither JSON nor JSONL`, ""},
		{`["a"]`, strings.Replace(export, `"b"`, `"c"`, 1), `States.ResultWriterFailed: The specified bucket does not exist (Service: S3, Status Code: 404)`, ""},
	} {
		b := bucket{}
		got := mapOver(t, b, test.input, `"ResultWriter": {`+test.writer+`},`)
		if got != test.want {
			t.Errorf("%s %s:\n got %s\nwant %s", test.input, test.writer, got, test.want)
		}
		if got := files(b); got != test.files {
			t.Errorf("%s %s: files\n got %s\nwant %s", test.input, test.writer, got, test.files)
		}
	}
	if got, want := mapOver(t, nil, `[]`, `"ResultWriter": {`+export+`},`), "States.ResultWriterFailed: there is no object store that arn:aws:states:::s3:putObject could write to"; got != want {
		t.Errorf("without a store:\n got %s\nwant %s", got, want)
	}
}

// TestResultFilesSplit writes more than one file may hold, and more than is kept in memory.
func TestResultFilesSplit(t *testing.T) {
	b := bucket{}
	r := &MapRun{ARN: "arn:aws:states:us-east-1:123456789012:mapRun:m/L:1", Writer: &ResultSink{
		Resource: "arn:aws:states:::s3:putObject", Arguments: value.MustParse(`{"Bucket": "b", "Prefix": "x/"}`),
		Config: &asl.WriterConfig{Transformation: "COMPACT"},
	}}
	w, err := newResultWriter(t.Context(), b, r)
	if err != nil {
		t.Fatal(err)
	}
	w.(*resultFiles).limit = 5 << 20
	def, perr := asl.Parse([]byte(`{"StartAt": "S", "States": {"S": {"Type": "Succeed"}}}`))
	if perr != nil {
		t.Fatal(perr)
	}
	m, perr := Compile(def)
	if perr != nil {
		t.Fatal(perr)
	}
	res, perr := Run(t.Context(), m, value.String(strings.Repeat("x", 1<<20)), Options{Limits: &Limits{}})
	if perr != nil {
		t.Fatal(perr)
	}
	for i := range 7 {
		if err := w.add(i, res.Execution); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.close(t.Context()); err != nil {
		t.Fatal(err)
	}
	total := 0
	for _, name := range []string{"SUCCEEDED_0.json", "SUCCEEDED_1.json"} {
		v, err := value.ParseString(b["x/1/"+name])
		if err != nil {
			t.Fatal(name, err)
		}
		if len(b["x/1/"+name]) > 5<<20 {
			t.Errorf("%s has %d bytes", name, len(b["x/1/"+name]))
		}
		total += v.Len()
		if !strings.Contains(b["x/1/manifest.json"], fmt.Sprintf(`{"Key":"x/1/%s","Size":%d}`, name, len(b["x/1/"+name]))) {
			t.Errorf("%s is not in the manifest: %s", name, b["x/1/manifest.json"])
		}
	}
	if total != 7 || len(b) != 3 {
		t.Errorf("%d results in %d files", total, len(b))
	}
}

// TestResultsOfFailedMapRun: a map run that fails leaves its results behind, those of the
// children that were aborted or never began, too.
func TestResultsOfFailedMapRun(t *testing.T) {
	b := bucket{}
	def, err := asl.Parse([]byte(`{"StartAt": "Each", "States": {"Each": {"Type": "Map", "End": true, "Label": "L", "MaxConcurrency": 2,
	  "ResultWriter": {` + export + `, "WriterConfig": {"Transformation": "COMPACT"}},
	  "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, "StartAt": "Wait", "States": {
	    "Wait": {"Type": "Wait", "SecondsPath": "$", "Next": "Three?"},
	    "Three?": {"Type": "Choice", "Choices": [{"Variable": "$", "NumericEquals": 3, "Next": "No"}], "Default": "Yes"},
	    "No": {"Type": "Fail", "Error": "Three"}, "Yes": {"Type": "Succeed"}}}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	m, err := Compile(def)
	if err != nil {
		t.Fatal(err)
	}
	res, err := Run(t.Context(), m, value.MustParse(`[1, 3, 5, 7]`), Options{Store: b})
	if err != nil {
		t.Fatal(err)
	}
	if e := res.Execution.Err(); e == nil || e.Name != ErrorExceedTolerated {
		t.Error(e)
	}
	var manifest string
	for k, text := range b {
		switch k = uuids.ReplaceAllString(k, "UUID"); k {
		case "jobs/UUID/manifest.json":
			manifest = text
		case "jobs/UUID/SUCCEEDED_0.json":
			if text != "[1]" {
				t.Error(text)
			}
		case "jobs/UUID/FAILED_0.json":
			v := value.MustParse(text)
			if v.Len() != 2 || v.At(0).Get("Status").Str() != "FAILED" || v.At(0).Get("Error").Str() != "Three" ||
				v.At(1).Get("Status").Str() != "ABORTED" || v.At(1).Get("Input").Str() != "5" {
				t.Error(text)
			}
		case "jobs/UUID/PENDING_0.json":
			if text != `[{"Input":"7","InputDetails":{"Included":true},"Status":"PENDING"}]` {
				t.Error(text)
			}
		default:
			t.Error(k)
		}
	}
	if len(b) != 4 || !strings.Contains(manifest, "/SUCCEEDED_0.json") || !strings.Contains(manifest, "/FAILED_0.json") {
		t.Errorf("%d files, manifest %s", len(b), manifest)
	}
}
