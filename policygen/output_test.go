package policygen_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"

	"github.com/sfnkit/sfnkit/asl"
	"github.com/sfnkit/sfnkit/asl/value"
	"github.com/sfnkit/sfnkit/policygen"
	"github.com/sfnkit/sfnkit/policygen/iam"
)

const template = `{"StartAt":"Summarise","States":{
  "Summarise":{"Type":"Task","Resource":"arn:aws:states:::bedrock:invokeModel","Parameters":{"ModelId":"global.anthropic.claude-sonnet-4-5-20250929-v1:0","Body":{}},"Next":"Store"},
  "Store":{"Type":"Task","Resource":"arn:aws:states:::dynamodb:putItem","Parameters":{"TableName":"${Table}","Item":{}},"End":true}}}`

func generate(t *testing.T, definition string, opts policygen.Options) *policygen.Result {
	t.Helper()
	m, err := asl.Parse([]byte(definition))
	if err != nil {
		t.Fatal(err)
	}
	r, err := policygen.Generate(m, opts)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestOutputs prints one result in every form and compares with testdata/outputs.
func TestOutputs(t *testing.T) {
	r := generate(t, template, policygen.Options{Region: "us-east-1", Account: "123456789012", StateMachine: "Summaries"})
	cloudFormation, err := r.CloudFormation("WorkflowRole")
	if err != nil {
		t.Fatal(err)
	}
	terraform, err := r.Terraform("workflow")
	if err != nil {
		t.Fatal(err)
	}
	deployer, err := policygen.DeployerPolicy(policygen.Options{Region: "us-east-1", Account: "123456789012", StateMachine: "Summaries"}, policygen.DeployerOptions{Role: "flows/Workflow", Publish: true, Tags: true})
	if err != nil {
		t.Fatal(err)
	}
	for name, got := range map[string]string{
		"cloudformation.yaml": string(cloudFormation),
		"main.tf":             string(terraform),
		"trust.json":          string(r.TrustPolicy().JSON()),
		"deployer.json":       string(deployer.JSON()),
		"developer.json":      string(r.DeveloperPolicy().JSON()),
		"explain.txt":         r.Table(),
		"explain.json":        string(r.Value().AppendIndent(nil, "  ")) + "\n",
	} {
		file := "testdata/outputs/" + name
		if *update {
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("%s\n%s", name, diff)
		}
	}

	var read struct {
		Resources map[string]struct {
			Type       string         `yaml:"Type"`
			Properties map[string]any `yaml:"Properties"`
		} `yaml:"Resources"`
	}
	if err := yaml.Unmarshal(cloudFormation, &read); err != nil {
		t.Fatal(err)
	}
	if read.Resources["WorkflowRole"].Type != "AWS::IAM::Role" {
		t.Errorf("%s", cloudFormation)
	}
	for name, p := range map[string]*iam.Policy{"deployer": deployer, "developer": r.DeveloperPolicy()} {
		if _, err := iam.Compile(p, iam.IdentityPolicy, ""); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := iam.Compile(r.TrustPolicy(), iam.TrustPolicy, ""); err != nil {
		t.Error(err)
	}
}

// manyFunctions is a definition whose policy has n long resources.
func manyFunctions(n int) string {
	var b strings.Builder
	b.WriteString(`{"StartAt":"S0","States":{`)
	for i := range n {
		fmt.Fprintf(&b, `"S%d":{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke","Parameters":{"FunctionName":"a-function-with-quite-a-long-name-%04d"},"Next":"S%d"},`, i, i, i+1)
	}
	fmt.Fprintf(&b, `"S%d":{"Type":"Task","Resource":"arn:aws:states:::glue:startJobRun.sync","Parameters":{"JobName":"j"},"End":true}}}`, n)
	return b.String()
}

func TestSplitKeepsTheGrants(t *testing.T) {
	r := generate(t, manyFunctions(300), policygen.Options{Region: "us-east-1", Account: "123456789012"})
	parts, err := r.Split(iam.ManagedLimit)
	if err != nil {
		t.Fatal(err)
	}
	all := &iam.Policy{Version: iam.Version2012}
	sids := map[string]bool{}
	for _, p := range parts {
		if p.Size() > iam.ManagedLimit {
			t.Errorf("a part has %d characters", p.Size())
		}
		for _, s := range p.Statements {
			if sids[s.Sid] {
				t.Errorf("the Sid %s occurs twice", s.Sid)
			}
			sids[s.Sid] = true
		}
		all.Statements = append(all.Statements, p.Statements...)
	}
	if len(parts) < 2 || !iam.Equal(all, r.Policy()) {
		t.Errorf("%d parts do not grant what the policy grants", len(parts))
	}
	if _, err := r.Split(150); err == nil {
		t.Error("a resource that does not fit is not reported")
	}
	text, err := r.CloudFormation("Role")
	if err != nil || !strings.Contains(string(text), "AWS::IAM::ManagedPolicy") {
		t.Errorf("%v", err)
	}
	terraform, err := r.Terraform("w")
	if err != nil || !strings.Contains(string(terraform), `"w_2"`) {
		t.Errorf("%v", err)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	m, err := asl.Parse([]byte(template))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := policygen.Generate(m, policygen.Options{Region: "us-east-1:", Account: "1"}); err == nil || err.Error() != `region "us-east-1:" is no part of an ARN` {
		t.Error(err)
	}
	r := generate(t, template, policygen.Options{Region: "${AWS::Region}", Account: "${AWS::AccountId}", Partition: "${AWS::Partition}", StateMachine: "S"})
	if text := string(r.Policy().JSON()); !strings.Contains(text, "arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/${Table}") {
		t.Error(text)
	}
}

func TestAuthorise(t *testing.T) {
	requests, err := policygen.Authorise("arn:aws:states:::bedrock:invokeModel",
		value.MustParse(`{"ModelId":"global.anthropic.claude-sonnet-4-5-20250929-v1:0","Input":{"S3Uri":"s3://b/k"}}`),
		policygen.Options{Region: "us-east-1", Account: "123456789012"})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range requests {
		profile, _ := r.Context.Get("bedrock:InferenceProfileArn")
		got = append(got, strings.TrimSpace(r.Action+" "+r.Resource+" "+strings.Join(profile, "")+" "+r.Region))
	}
	profile := "arn:aws:bedrock:us-east-1:123456789012:inference-profile/global.anthropic.claude-sonnet-4-5-20250929-v1:0"
	want := []string{
		"bedrock:InvokeModel " + profile,
		"bedrock:InvokeModel arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-sonnet-4-5-20250929-v1:0 " + profile,
		"bedrock:InvokeModel arn:aws:bedrock:::foundation-model/anthropic.claude-sonnet-4-5-20250929-v1:0 " + profile + " unspecified",
		"s3:GetObject arn:aws:s3:::b/k",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestManagedRulesAreAskedForAtCreateOnly(t *testing.T) {
	m, err := asl.Parse([]byte(`{"StartAt":"A","States":{"A":{"Type":"Task","Resource":"arn:aws:states:::states:startExecution.sync:2","Parameters":{"StateMachineArn":"arn:aws:states:us-east-1:123456789012:stateMachine:Child"},"End":true}}}`))
	if err != nil {
		t.Fatal(err)
	}
	opts := policygen.Options{Region: "us-east-1", Account: "123456789012"}
	create, err := policygen.AuthoriseCreate(m, opts)
	if err != nil {
		t.Fatal(err)
	}
	run, err := policygen.Authorise(m.States[0].Resource, m.States[0].Parameters, opts)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range append(create, run...) {
		got = append(got, r.Action+" "+r.Resource)
	}
	rule := "arn:aws:events:us-east-1:123456789012:rule/StepFunctionsGetEventsForStepFunctionsExecutionRule"
	want := []string{
		"events:DescribeRule " + rule, "events:PutRule " + rule, "events:PutTargets " + rule,
		"states:StartExecution arn:aws:states:us-east-1:123456789012:stateMachine:Child",
		"states:DescribeExecution arn:aws:states:us-east-1:123456789012:execution:Child:*",
		"states:StopExecution arn:aws:states:us-east-1:123456789012:execution:Child:*",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestCheck(t *testing.T) {
	m, err := asl.Parse([]byte(template))
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Name            string
		Policy          any
		Lacks, Excesses []string
	}
	text, err := os.ReadFile("testdata/check.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, &cases); err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			v, err := value.Of(map[string]any{"Version": "2012-10-17", "Statement": c.Policy})
			if err != nil {
				t.Fatal(err)
			}
			p, err := iam.FromValue(v)
			if err != nil {
				t.Fatal(err)
			}
			r, err := policygen.Check(m, []*iam.Policy{p}, policygen.Options{Region: "us-east-1", Account: "123456789012", Role: "flows/Workflow"})
			if err != nil {
				t.Fatal(err)
			}
			var lacks, excesses []string
			for _, l := range r.Lacks {
				lacks = append(lacks, l.String())
			}
			for _, x := range r.Excesses {
				excesses = append(excesses, x.String())
			}
			if diff := cmp.Diff(c.Lacks, lacks); diff != "" {
				t.Error("lacks", diff)
			}
			if diff := cmp.Diff(c.Excesses, excesses); diff != "" {
				t.Error("excesses", diff)
			}
		})
	}
	// The characters at the end of a secret's ARN are those that the policy has.
	secret, err := asl.Parse([]byte(`{"StartAt": "S", "States": {"S": {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:secretsmanager:getSecretValue", "Parameters": {"SecretId": "mail"}, "End": true}}}`))
	if err != nil {
		t.Fatal(err)
	}
	for name, lacks := range map[string]int{"mail-a1B2c3": 0, "mail-*": 0, "post-a1B2c3": 1} {
		p := &iam.Policy{Version: iam.Version2012, Statements: []iam.Statement{{Effect: iam.Allow, Actions: []string{"secretsmanager:GetSecretValue"}, Resources: []string{"arn:aws:secretsmanager:us-east-1:123456789012:secret:" + name}}}}
		c, err := policygen.Check(secret, []*iam.Policy{p}, policygen.Options{Region: "us-east-1", Account: "123456789012"})
		if err != nil || len(c.Lacks) != lacks {
			t.Errorf("%s: %v %v", name, err, c)
		}
	}
	// One of the two names that documents give to the children of a map run will do.
	items, err := asl.Parse([]byte(`{"StartAt": "Each", "States": {"Each": {"Type": "Map", "Label": "L", "End": true, "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, "StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	for name, lacks := range map[string]int{"M:*": 0, "M/L:*": 0, "N:*": 4} {
		p := &iam.Policy{Version: iam.Version2012, Statements: []iam.Statement{
			{Effect: iam.Allow, Actions: []string{"states:StartExecution"}, Resources: []string{"arn:aws:states:us-east-1:123456789012:stateMachine:M"}},
			{Effect: iam.Allow, Actions: []string{"states:DescribeExecution", "states:StopExecution"}, Resources: []string{"arn:aws:states:us-east-1:123456789012:execution:" + name}},
		}}
		c, err := policygen.Check(items, []*iam.Policy{p}, policygen.Options{Region: "us-east-1", Account: "123456789012", StateMachine: "M"})
		if err != nil || len(c.Lacks) != lacks {
			t.Errorf("%s: %v %v", name, err, c)
		}
	}
	// What is generated lacks nothing and has nothing beyond.
	r, err := policygen.Generate(m, policygen.Options{Region: "us-east-1", Account: "123456789012"})
	if err != nil {
		t.Fatal(err)
	}
	c, err := policygen.Check(m, []*iam.Policy{r.Policy()}, policygen.Options{Region: "us-east-1", Account: "123456789012"})
	if err != nil || len(c.Lacks)+len(c.Excesses) != 0 {
		t.Errorf("%v %v %v", err, c.Lacks, c.Excesses)
	}
}

func FuzzGenerate(f *testing.F) {
	f.Add([]byte(template))
	f.Add([]byte(`{"QueryLanguage":"JSONata","StartAt":"A","States":{"A":{"Type":"Task","Resource":"arn:aws:states:::aws-sdk:s3:putObject","Arguments":{"Bucket":"{% 'a' & ($x ? 'b' : \"c\") %}","Key":"{% 'k/' & $y %}"},"End":true}}}`))
	f.Add([]byte(`{"StartAt":"A","States":{"A":{"Type":"Task","Resource":"arn:aws:states:::sqs:sendMessage","Parameters":{"QueueUrl.$":"States.Format('https://sqs.{}/{}', $.a, 'b')"},"End":true}}}`))
	f.Fuzz(func(t *testing.T, definition []byte) {
		m, err := asl.Parse(definition)
		if err != nil {
			return
		}
		opts := policygen.Options{Region: "us-east-1", Account: "123456789012", StateMachine: "S"}
		r, err := policygen.Generate(m, opts)
		if err != nil {
			t.Fatal(err)
		}
		r.Table()
		if _, err := iam.Parse(r.Policy().JSON()); err != nil {
			t.Fatalf("%v\n%s", err, r.Policy().JSON())
		}
		if _, err := r.Terraform("x"); err != nil {
			return
		}
	})
}
