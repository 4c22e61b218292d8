package iam_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/sfnkit/sfnkit/policygen/iam"
)

type ruleCase struct {
	Rule   string
	Caller struct {
		ARN           string `yaml:"arn"`
		Principal     string
		Service       string
		Management    bool
		ServiceLinked bool `yaml:"serviceLinked"`
	}
	Identity  []any
	Boundary  any
	Session   []any
	SCPs      [][]any `yaml:"scps"`
	RCPs      [][]any `yaml:"rcps"`
	Endpoint  any
	Resources []struct {
		ARN     string `yaml:"arn"`
		Account string
		Trust   bool
		Policy  any
	}
	TrustUnknown bool `yaml:"trustUnknown"`
	WithARN      bool `yaml:"withARN"`
	Request      requestCase
	Call         []requestCase
	Deny         string
}

type requestCase struct {
	Action, Resource, Region string
	Context                  map[string]any
}

func (r requestCase) request() iam.Request {
	out := iam.Request{Action: r.Action, Resource: r.Resource, Region: r.Region}
	setContext(&out.Context, r.Context)
	return out
}

func setContext(c *iam.Context, keys map[string]any) {
	for key, v := range keys {
		switch v := v.(type) {
		case string:
			c.Set(key, v)
		case []any:
			texts := []string{}
			for _, e := range v {
				texts = append(texts, e.(string))
			}
			c.Set(key, texts...)
		}
	}
}

// compile takes a list of statements or a document, which may have a member arn
// for the policy's own.
func compile(t *testing.T, kind iam.Kind, data any) *iam.Document {
	t.Helper()
	if data == nil {
		return nil
	}
	name := ""
	document, ok := data.(map[string]any)
	if !ok {
		document = map[string]any{"Version": "2012-10-17", "Statement": data}
	}
	if arn, ok := document["arn"].(string); ok {
		name = arn
		delete(document, "arn")
	}
	text, err := json.Marshal(document)
	if err != nil {
		t.Fatal(err)
	}
	p, err := iam.Parse(text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	d, err := iam.Compile(p, kind, name)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return d
}

func compileAll(t *testing.T, kind iam.Kind, data []any) (out []*iam.Document) {
	for _, d := range data {
		out = append(out, compile(t, kind, d))
	}
	return out
}

func readYAML(t *testing.T, file string, into any) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, into); err != nil {
		t.Fatal(err)
	}
}

func TestRules(t *testing.T) {
	var cases []ruleCase
	readYAML(t, "testdata/rules.yaml", &cases)
	for _, c := range cases {
		t.Run(c.Rule, func(t *testing.T) {
			caller := iam.Caller{
				ARN: c.Caller.ARN, PrincipalARN: c.Caller.Principal, Service: c.Caller.Service,
				ManagementAccount: c.Caller.Management, ServiceLinkedRole: c.Caller.ServiceLinked,
			}
			if caller.ARN == "" && caller.Service == "" {
				caller.ARN = "arn:aws:sts::111122223333:assumed-role/Flow/run"
			}
			at := iam.Attached{
				Identity:     compileAll(t, iam.IdentityPolicy, c.Identity),
				Boundary:     compile(t, iam.PermissionsBoundary, c.Boundary),
				Session:      compileAll(t, iam.SessionPolicy, c.Session),
				Endpoint:     compile(t, iam.EndpointPolicy, c.Endpoint),
				TrustUnknown: c.TrustUnknown,
			}
			for _, level := range c.SCPs {
				at.SCPs = append(at.SCPs, compileAll(t, iam.ServiceControlPolicy, level))
			}
			for _, level := range c.RCPs {
				at.RCPs = append(at.RCPs, compileAll(t, iam.ResourceControlPolicy, level))
			}
			for _, r := range c.Resources {
				kind := iam.ResourcePolicy
				if r.Trust {
					kind = iam.TrustPolicy
				}
				at.Resources = append(at.Resources, iam.ResourceDocument{ARN: r.ARN, Account: r.Account, Document: compile(t, kind, r.Policy)})
			}
			call := []iam.Request{c.Request.request()}
			if len(c.Call) > 0 {
				call = nil
				for _, r := range c.Call {
					call = append(call, r.request())
				}
			}
			d := iam.NewEvaluator(caller, at).Call(call...)
			if d.Allowed != (c.Deny == "") {
				t.Errorf("allowed is %t; %s", d.Allowed, d.Message(true))
			}
			if d.Allowed && len(d.Statements) == 0 {
				t.Error("allowed without a deciding statement")
			}
			if d.Explicit && len(d.Statements) == 0 {
				t.Error("explicitly denied without a deciding statement")
			}
			got := d.Message(c.WithARN)
			_, after, _ := strings.Cut(got, "is not authorized to perform: "+d.Request.Action+" ")
			if after != c.Deny {
				t.Errorf("message\n%s\nwant the end\n%s", got, c.Deny)
			}
			if got != "" && !strings.HasPrefix(got, "User: "+caller.ARN+caller.Service+" ") {
				t.Errorf("message %s", got)
			}
		})
	}
}

func TestConditions(t *testing.T) {
	var cases []struct {
		Rule string
		C, K map[string]any
		Met  bool
	}
	readYAML(t, "testdata/conditions.yaml", &cases)
	for _, c := range cases {
		t.Run(c.Rule, func(t *testing.T) {
			d := compile(t, iam.IdentityPolicy, []any{map[string]any{"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": c.C}})
			e := iam.NewEvaluator(iam.Caller{ARN: "arn:aws:iam::111122223333:user/u"}, iam.Attached{Identity: []*iam.Document{d}})
			r := iam.Request{Action: "x:Y", Resource: "*"}
			setContext(&r.Context, c.K)
			if got := e.Evaluate(r).Allowed; got != c.Met {
				t.Errorf("met is %t", got)
			}
		})
	}
}
