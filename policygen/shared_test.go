package policygen_test

import (
	"slices"
	"testing"

	"github.com/sfnkit/sfnkit/asl"
	"github.com/sfnkit/sfnkit/policygen"
	"github.com/sfnkit/sfnkit/policygen/iam"
)

// TestCheckShared has two state machines that share a role: each lacks and is allowed
// for itself, and nothing that either needs is beyond need.
func TestCheckShared(t *testing.T) {
	calling := func(model string) policygen.User {
		m, err := asl.Parse([]byte(`{"StartAt":"Ask","States":{"Ask":{"Type":"Task","Resource":"arn:aws:states:::bedrock:invokeModel","Parameters":{"ModelId":"` + model + `","Body":{}},"End":true}}}`))
		if err != nil {
			t.Fatal(err)
		}
		return policygen.User{Machine: m, Options: policygen.Options{Region: "us-east-1", Account: "123456789012"}}
	}
	model := func(id string) string { return "arn:aws:bedrock:us-east-1::foundation-model/" + id }
	p := &iam.Policy{Version: iam.Version2012, Statements: []iam.Statement{{
		Effect: iam.Allow, Actions: []string{"bedrock:InvokeModel"},
		Resources: []string{model("amazon.nova-lite-v1:0"), model("amazon.nova-pro-v1:0"), model("amazon.nova-premier-v1:0")},
	}}}
	users := []policygen.User{calling("amazon.nova-lite-v1:0"), calling("amazon.nova-pro-v1:0"), calling("amazon.nova-micro-v1:0")}
	list, err := policygen.CheckShared(users, []*iam.Policy{p})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []int{0, 0, 1} {
		if got := len(list[i].Lacks); got != want {
			t.Errorf("user %d lacks %v", i, list[i].Lacks)
		}
		if x := list[i].Excesses; len(x) != 1 || x[0].Resource != model("amazon.nova-premier-v1:0") {
			t.Errorf("user %d: excesses %v", i, x)
		}
	}
	shared, err := policygen.GenerateShared(users[:2])
	if err != nil {
		t.Fatal(err)
	}
	if s := shared.Statements; len(s) != 1 || !slices.Equal(s[0].Resources, []string{model("amazon.nova-lite-v1:0"), model("amazon.nova-pro-v1:0")}) {
		t.Errorf("they need %v", s)
	}
	if r, err := policygen.GenerateShared(nil); err != nil || len(r.Statements) != 0 {
		t.Errorf("nobody needs %v %v", r, err)
	}
	if list, err := policygen.CheckShared(nil, []*iam.Policy{p}); err != nil || len(list) != 0 {
		t.Errorf("nobody: %v %v", list, err)
	}
}

// TestCheckPlaceholder has what templates join to an ARN that is not known.
func TestCheckPlaceholder(t *testing.T) {
	m, err := asl.Parse([]byte(`{"StartAt":"Get","States":{"Get":{"Type":"Task","Resource":"arn:aws:states:::aws-sdk:s3:getObject","Parameters":{"Bucket.$":"$.bucket","Key":"k"},"End":true}}}`))
	if err != nil {
		t.Fatal(err)
	}
	for resource, lacks := range map[string]int{"${Bucket.Arn}/*": 0, "${Bucket.Arn}/k": 0, "${Bucket.Arn}": 0, "${Bucket.Arn}/other": 1, "arn:aws:sqs:us-east-1:123456789012:q": 1} {
		p := &iam.Policy{Version: iam.Version2012, Statements: []iam.Statement{{Effect: iam.Allow, Actions: []string{"s3:GetObject"}, Resources: []string{resource}}}}
		c, err := policygen.Check(m, []*iam.Policy{p}, policygen.Options{Region: "us-east-1", Account: "123456789012"})
		if err != nil {
			t.Fatal(err)
		}
		if len(c.Lacks) != lacks {
			t.Errorf("%s: lacks %v", resource, c.Lacks)
		}
	}
}
