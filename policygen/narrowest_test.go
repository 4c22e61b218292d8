package policygen

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sfnkit/sfnkit/asl"
	"github.com/sfnkit/sfnkit/policygen/iam"
)

// definitions returns the machines of our own cases and, where it is there, of the
// shared corpus.
func definitions(t testing.TB) map[string]*asl.StateMachine {
	t.Helper()
	out := map[string]*asl.StateMachine{}
	read := func(name string, text []byte) {
		m, err := asl.Parse(text)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		out[name] = m
	}
	own, _ := filepath.Glob("testdata/policies/*.txtar")
	for _, file := range own {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		_, definition, _ := strings.Cut(string(text), "-- definition.json --\n")
		definition, _, _ = strings.Cut(definition, "\n-- ")
		read(filepath.Base(file), []byte(definition))
	}
	shared := os.Getenv("SFNKIT_SHARED")
	if shared == "" {
		shared = filepath.Join("..", "..", "shared")
	}
	corpus, _ := filepath.Glob(filepath.Join(shared, "corpora", "policies", "cases", "*", "definition.json"))
	for _, file := range corpus {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		read(filepath.Base(filepath.Dir(file)), text)
	}
	return out
}

// TestSufficientAndNarrowest asks the generated policy for every authorisation that
// the states need: all are allowed, and taking any action or resource out of any
// statement denies one of them.
func TestSufficientAndNarrowest(t *testing.T) {
	machines, mutants := 0, 0
	for name, m := range definitions(t) {
		opts := Options{Region: "us-east-1", Account: "123456789012", StateMachine: "Machine"}
		r, err := Generate(m, opts)
		if err != nil {
			t.Fatal(err)
		}
		w, _ := newWalk(opts)
		w.machine(m)
		requests := w.requests()
		machines++
		if denied := firstDenied(t, r.Policy(), requests); denied != "" {
			t.Errorf("%s: not sufficient: %s", name, denied)
		}
		for i, s := range r.Statements {
			for j := range s.Actions {
				mutants++
				p := r.Policy()
				p.Statements[i].Actions = slices.Delete(slices.Clone(s.Actions), j, j+1)
				if firstDenied(t, without(p), requests) == "" {
					t.Errorf("%s: %s does not need %s", name, s.Sid, s.Actions[j])
				}
			}
			for j := range s.Resources {
				mutants++
				p := r.Policy()
				p.Statements[i].Resources = slices.Delete(slices.Clone(s.Resources), j, j+1)
				if firstDenied(t, without(p), requests) == "" {
					t.Errorf("%s: %s does not need %s", name, s.Sid, s.Resources[j])
				}
			}
			for j := range s.Conditions {
				if s.Conditions[j].Key == "" {
					t.Errorf("%s: %s has an empty condition", name, s.Sid)
				}
			}
		}
	}
	t.Logf("%d machines, %d mutants", machines, mutants)
}

// without drops statements that have lost all their actions or resources.
func without(p *iam.Policy) *iam.Policy {
	p.Statements = slices.DeleteFunc(p.Statements, func(s iam.Statement) bool { return len(s.Actions) == 0 || len(s.Resources) == 0 })
	return p
}

func firstDenied(t *testing.T, p *iam.Policy, requests []iam.Request) string {
	t.Helper()
	d, err := iam.Compile(p, iam.IdentityPolicy, "")
	if err != nil {
		t.Fatal(err)
	}
	e := iam.NewEvaluator(iam.Caller{ARN: "arn:aws:sts::123456789012:assumed-role/Role/x"}, iam.Attached{Identity: []*iam.Document{d}, TrustUnknown: true})
	return e.Call(requests...).Message(false)
}

// TestOrderOfStatesDoesNotMatter generates the same policy for the same states in
// another order.
func TestOrderOfStatesDoesNotMatter(t *testing.T) {
	for name, m := range definitions(t) {
		opts := Options{Region: "us-east-1", Account: "123456789012", StateMachine: "Machine"}
		a, _ := Generate(m, opts)
		reversed := *m
		reversed.States = slices.Clone(m.States)
		slices.Reverse(reversed.States)
		b, _ := Generate(&reversed, opts)
		if string(a.Policy().JSON()) != string(b.Policy().JSON()) {
			t.Errorf("%s: another order gives\n%s\ninstead of\n%s", name, b.Policy().JSON(), a.Policy().JSON())
		}
	}
}

func TestActionNamesHaveTheirResources(t *testing.T) {
	// Every service of actions.txt can be read, and its types have patterns.
	for prefix := range serviceIndex() {
		s := actionsOf(prefix)
		for action, types := range s.on {
			for _, kind := range types {
				if kind != "?" && s.types[kind].pattern == "" && !strings.Contains(kind, "*") {
					t.Logf("%s:%s: type %s has no pattern", prefix, action, kind)
				}
			}
		}
	}
	if len(serviceIndex()) < 300 {
		t.Errorf("%d services", len(serviceIndex()))
	}
}

// TestEverySource names a document for every integration.
func TestEverySource(t *testing.T) {
	for name, i := range table.Integrations {
		if table.Sources[i.Source] == "" {
			t.Errorf("%s: no source %q", name, i.Source)
		}
	}
}

// TestEveryIntegration asks for each optimized integration and each SDK operation
// with an own rule, with no parameters, unknown ones, and as a placeholder.
func TestEveryIntegration(t *testing.T) {
	var resources []string
	for name := range table.Integrations {
		resources = append(resources, name, name+".sync", name+".sync:2", name+".waitForTaskToken")
	}
	d := sdkTable()
	for service, operations := range d.Exceptions {
		for operation := range operations {
			resources = append(resources, "aws-sdk:"+service+":"+operation)
		}
	}
	for service, operations := range d.Unmapped {
		for _, operation := range operations {
			resources = append(resources, "aws-sdk:"+service+":"+operation)
		}
	}
	for service := range d.Prefixes {
		resources = append(resources, "aws-sdk:"+service+":listThings", "aws-sdk:"+service+":describeThing")
	}
	for _, service := range []string{"s3", "dynamodb", "kms", "ssm", "secretsmanager", "sqs", "sfn", "lambda", "bedrockruntime"} {
		for _, operation := range []string{"getObject", "putObject", "copyObject", "deleteObjects", "listObjectsV2", "query", "batchWriteItem", "transactGetItems", "decrypt", "reEncrypt", "getParameters", "getSecretValue", "sendMessageBatch", "startExecution", "invoke", "converse", "applyGuardrail", "startAsyncInvoke"} {
			resources = append(resources, "aws-sdk:"+service+":"+operation)
		}
	}
	for _, resource := range resources {
		for _, parameters := range []string{``, `,"Parameters":{}`, `,"Parameters":{"Anything.$":"$"}`, `,"Parameters":"${P}"`, `,"Arguments":"{% $x %}"`, `,"QueryLanguage":"JSONata","Arguments":"{% $x %}"`} {
			text := `{"StartAt":"A","States":{"A":{"Type":"Task","Resource":"arn:aws:states:::` + resource + `"` + parameters + `,"End":true}}}`
			m, err := asl.Parse([]byte(text))
			if err != nil {
				t.Fatal(err)
			}
			r, err := Generate(m, Options{Region: "us-east-1", Account: "123456789012", StateMachine: "M"})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := iam.Compile(r.Policy(), iam.IdentityPolicy, ""); err != nil {
				t.Errorf("%s: %v", text, err)
			}
			for _, s := range r.Statements {
				for _, x := range s.Resources {
					if strings.ContainsAny(x, "{}") || strings.Contains(x, dynamicPart) || x == "" {
						t.Errorf("%s: resource %q", text, x)
					}
				}
			}
		}
	}
	t.Logf("%d resources", len(resources))
}

// BenchmarkGenerate500States is the bound that is promised: 10 ms.
func BenchmarkGenerate500States(b *testing.B) {
	states := map[string]any{}
	for i := range 500 {
		s := map[string]any{"Type": "Task", "Next": fmt.Sprintf("S%d", i+1)}
		switch i % 5 {
		case 0:
			s["Resource"] = "arn:aws:states:::bedrock:invokeModel"
			s["Parameters"] = map[string]any{"ModelId": "us.anthropic.claude-sonnet-4-5-20250929-v1:0", "Input": map[string]any{"S3Uri.$": fmt.Sprintf("States.Format('s3://bucket-%d/in/{}.json', $.id)", i)}}
		case 1:
			s["Resource"] = "arn:aws:states:::lambda:invoke"
			s["Parameters"] = map[string]any{"FunctionName": fmt.Sprintf("function-%d", i)}
		case 2:
			s["Resource"] = "arn:aws:states:::aws-sdk:s3:copyObject"
			s["Parameters"] = map[string]any{"Bucket": "to", "Key.$": "$.key", "CopySource": fmt.Sprintf("from/%d", i)}
		case 3:
			s["Resource"] = "arn:aws:states:::glue:startJobRun.sync"
			s["Parameters"] = map[string]any{"JobName": fmt.Sprintf("job-%d", i)}
		default:
			s["Resource"] = "arn:aws:states:::aws-sdk:glue:startCrawler"
			s["Parameters"] = map[string]any{"Name": fmt.Sprintf("crawler-%d", i)}
		}
		states[fmt.Sprintf("S%d", i)] = s
	}
	states["S500"] = map[string]any{"Type": "Succeed"}
	text, err := json.Marshal(map[string]any{"StartAt": "S0", "States": states})
	if err != nil {
		b.Fatal(err)
	}
	m, err := asl.Parse(text)
	if err != nil {
		b.Fatal(err)
	}
	opts := Options{Region: "us-east-1", Account: "123456789012", StateMachine: "Machine"}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Generate(m, opts); err != nil {
			b.Fatal(err)
		}
	}
}
