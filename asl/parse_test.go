package asl_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sfnkit/sfnkit/asl"
)

// shared returns the folder with the corpora, skipping the test if it is not there.
func shared(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("SFNKIT_SHARED")
	if dir == "" {
		dir = filepath.Join("..", "..", "shared")
	}
	if _, err := os.Stat(filepath.Join(dir, "corpora")); err != nil {
		t.Skipf("the shared corpora are not here (SFNKIT_SHARED or ../shared): %v", err)
	}
	return dir
}

type corpusEntry struct {
	ID            string   `json:"id"`
	File          string   `json:"file"`
	Verdict       string   `json:"verdict"`
	AWSRecorded   bool     `json:"awsRecorded"`
	Type          string   `json:"stateMachineType"`
	Parseable     *bool    `json:"parseable"`
	Basis         string   `json:"basis"`
	Substituted   any      `json:"substituted"`
	Contested     any      `json:"contested"`
	Placeholders  []string `json:"placeholders"`
	QueryLanguage string   `json:"queryLanguage"`
	Expected      struct {
		Code     string   `json:"code"`
		Message  string   `json:"message"`
		Location string   `json:"location"`
		Lines    []int    `json:"lines"`
		ToolSays []string `json:"toolSays"`
	} `json:"expected"`
	text []byte
}

func corpus(t testing.TB) []corpusEntry {
	dir := filepath.Join(shared(t), "corpora", "validation")
	raw, err := os.ReadFile(filepath.Join(dir, "index.json"))
	if err != nil {
		t.Fatal(err)
	}
	var list []corpusEntry
	if err := json.Unmarshal(raw, &list); err != nil {
		t.Fatal(err)
	}
	for i := range list {
		if list[i].text, err = os.ReadFile(filepath.Join(dir, list[i].File)); err != nil {
			t.Fatal(err)
		}
	}
	return list
}

// mislabelled lists the entries of the corpus whose verdict does not hold, and why.
var mislabelled = map[string]string{
	"sfn-collection--sfn-iot-data-analytics-dataset-statemachine-statemachine": `no JSON: line 10 is "Messages": "Messages.$": "$.Messages", whatever the placeholders become`,
	"asl-language-service--SucceedFailTerminalState":                           `the name Second is used three times; the service was measured to refuse that (DUPLICATE_STATE_NAME)`,
	"asl-language-service--TaskInvalidArn":                                     `the service was measured to refuse a Resource that is no ARN ("Value is not a valid resource ARN"); the source tests that its tool says nothing`,
	"asl-language-service--yaml-ValidParametersIntrinsicFunction":              `the arguments of States.Format have no commas between them; the JSON twin of the file has`,
	"asl-validator--valid-assign":                                              `the variable name top-level has a hyphen; the service was measured to refuse that (INVALID_VARIABLE_NAME)`,
	"asl-validator--valid-map-with-item-batcher-jsonata":                       `a JSONPath state in a JSONata machine; recorded refusal: validate-downgrade-query-language`,
	"asl-validator--valid-task-credentials":                                    `Credentials without RoleArn; recorded refusal: credentials-unknown-field`,
	"statelint--task-with-credentials":                                         `Credentials without RoleArn; recorded refusal: credentials-unknown-field`,
	"localstack--scenarios-map-state-label-invalid-char-fail":                  `a template whose {invalid_char} the test fills in with characters that were recorded as refused; { and } are among them`,
	"statelint--succeed-with-comment-in-catcher":                               `lambda:invoke without Parameters; the service was measured to refuse that ("Parameters field is required for resource ARN")`,
	"asl-validator--invalid-json-surround-syntax-extra-spaces":                 `a line end inside of {% %}; white space there is free (the text is trimmed), as in many deployed samples`,
	"asl-validator--invalid-jsonata-surround-syntax-no-spaces":                 `{%10%} without blanks; deployed samples write {%$lowercase(...)`,
	"cfn-lint--unit-Valid-string-json":                                         `refused by the source's tool only because ${jobqueue}, a placeholder, is no ARN`,
}

func TestCorpusRoundTrip(t *testing.T) {
	for _, e := range corpus(t) {
		m, err := asl.Parse(e.text, asl.WithPlaceholders())
		if err != nil {
			if e.Verdict == "valid" && mislabelled[e.ID] == "" {
				t.Errorf("%s: %v", e.ID, err)
			}
			continue
		}
		printed := asl.Print(m)
		again, err := asl.Parse(printed)
		if err != nil {
			t.Errorf("%s: printed text: %v", e.ID, err)
			continue
		}
		if !asl.Equal(m, again) {
			t.Errorf("%s: another machine after printing", e.ID)
		}
		if p := asl.Print(again); !bytes.Equal(p, printed) {
			t.Errorf("%s: printing again gives another text", e.ID)
		}
		yaml := asl.PrintYAML(m)
		if again, err = asl.Parse(yaml, asl.WithFormat(asl.FormatYAML)); err != nil {
			t.Errorf("%s: printed YAML: %v\n%s", e.ID, err, yaml)
		} else if !asl.Equal(m, again) {
			t.Errorf("%s: another machine after printing as YAML\n%s", e.ID, yaml)
		}
		if strings.HasSuffix(e.File, ".json") && e.Parseable == nil {
			var want, got any
			if json.Unmarshal(bytes.TrimPrefix(e.text, []byte("\uFEFF")), &want) == nil && json.Unmarshal(printed, &got) == nil {
				a, _ := json.Marshal(dropEmpty(want))
				b, _ := json.Marshal(dropEmpty(got))
				if !bytes.Equal(a, b) {
					t.Errorf("%s: lost in printing:\n%s\n%s", e.ID, a, b)
				}
			}
		}
	}
}

// dropEmpty removes what printing leaves out by contract.
func dropEmpty(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			if e == "" || e == false {
				delete(v, k)
				continue
			}
			v[k] = dropEmpty(e)
		}
	case []any:
		for i := range v {
			v[i] = dropEmpty(v[i])
		}
	}
	return v
}
