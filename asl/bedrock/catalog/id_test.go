package catalog

import (
	"regexp"
	"strings"
	"testing"
)

func TestClassify(t *testing.T) {
	const acct = "arn:aws:bedrock:us-east-2:123456789012:"
	tests := []struct {
		text string
		want ID // without Text
	}{
		{"anthropic.claude-3-haiku-20240307-v1:0", ID{Kind: FoundationModel, Name: "anthropic.claude-3-haiku-20240307-v1:0", Model: "anthropic.claude-3-haiku-20240307-v1:0"}},
		{"deepseek.v3.1", ID{Kind: FoundationModel, Name: "deepseek.v3.1", Model: "deepseek.v3.1"}},
		{"newcorp.model.x", ID{Kind: FoundationModel, Name: "newcorp.model.x", Model: "newcorp.model.x"}},
		{"us.amazon.nova-lite-v1:0", ID{Kind: SystemProfile, Name: "us.amazon.nova-lite-v1:0", Geography: "us", Model: "amazon.nova-lite-v1:0"}},
		{"us-gov.anthropic.claude-sonnet-4-5-20250929-v1:0", ID{Kind: SystemProfile, Name: "us-gov.anthropic.claude-sonnet-4-5-20250929-v1:0", Geography: "us-gov", Model: "anthropic.claude-sonnet-4-5-20250929-v1:0"}},
		{"global.newcorp.model-v1:0", ID{Kind: SystemProfile, Name: "global.newcorp.model-v1:0", Geography: "global", Model: "newcorp.model-v1:0"}},
		{"mx.anthropic.claude-9", ID{Kind: SystemProfile, Name: "mx.anthropic.claude-9", Geography: "mx", Model: "anthropic.claude-9"}},
		{"arn:aws:bedrock:us-east-2::foundation-model/amazon.titan-text-express-v1", ID{Kind: FoundationModelARN, Partition: "aws", Region: "us-east-2", Name: "amazon.titan-text-express-v1", Model: "amazon.titan-text-express-v1"}},
		{acct + "provisioned-model/c2oi931ulksx", ID{Kind: ProvisionedModelARN, Partition: "aws", Region: "us-east-2", Account: "123456789012", Name: "c2oi931ulksx"}},
		{acct + "custom-model/amazon.nova-micro-v1:0:128k/abcdef123456", ID{Kind: CustomModelARN, Partition: "aws", Region: "us-east-2", Account: "123456789012", Name: "amazon.nova-micro-v1:0:128k/abcdef123456", Model: "amazon.nova-micro-v1:0:128k"}},
		{acct + "custom-model-deployment/abcdef123456", ID{Kind: CustomDeploymentARN, Partition: "aws", Region: "us-east-2", Account: "123456789012", Name: "abcdef123456"}},
		{acct + "imported-model/abcdef123456", ID{Kind: ImportedModelARN, Partition: "aws", Region: "us-east-2", Account: "123456789012", Name: "abcdef123456"}},
		{"arn:aws-us-gov:bedrock:us-gov-west-1:123456789012:inference-profile/us-gov.amazon.nova-pro-v1:0", ID{Kind: SystemProfileARN, Partition: "aws-us-gov", Region: "us-gov-west-1", Account: "123456789012", Name: "us-gov.amazon.nova-pro-v1:0", Geography: "us-gov", Model: "amazon.nova-pro-v1:0"}},
		{acct + "application-inference-profile/h1x2y3z4", ID{Kind: ApplicationProfileARN, Partition: "aws", Region: "us-east-2", Account: "123456789012", Name: "h1x2y3z4"}},
		{acct + "default-prompt-router/anthropic.claude:1", ID{Kind: PromptRouterARN, Partition: "aws", Region: "us-east-2", Account: "123456789012", Name: "anthropic.claude:1"}},
		{acct + "prompt-router/a1b2", ID{Kind: PromptRouterARN, Partition: "aws", Region: "us-east-2", Account: "123456789012", Name: "a1b2"}},
		{acct + "prompt/ABCDEFGHIJ:2", ID{Kind: PromptARN, Partition: "aws", Region: "us-east-2", Account: "123456789012", Name: "ABCDEFGHIJ:2"}},
		{"arn:aws:sagemaker:us-east-2:123456789012:endpoint/my-endpoint", ID{Kind: MarketplaceARN, Partition: "aws", Region: "us-east-2", Account: "123456789012", Name: "my-endpoint"}},
		{"my-provisioned_model", ID{Kind: ProvisionedModelName, Name: "my-provisioned_model"}},
		{"", ID{}},
		{"a model", ID{}},
		{"anthropic.", ID{}},
		{".claude", ID{}},
		{acct + "provisioned-model/SHORT", ID{}},
		{"arn:aws:bedrock:us-east-2:123456789012:foundation-model/amazon.nova-lite-v1:0", ID{}},
		{"anthropic.claude\n", ID{}},
		{strings.Repeat("a", MaxModelID+1), ID{}},
	}
	for _, tt := range tests {
		tt.want.Text = tt.text
		if got := Classify(tt.text); got != tt.want {
			t.Errorf("Classify(%q)\n got %+v\nwant %+v", tt.text, got, tt.want)
		}
	}
}

func TestS3URI(t *testing.T) {
	tests := []struct {
		uri, bucket, key string
		ok               bool
	}{
		{"s3://bucket/a/b.json", "bucket", "a/b.json", true},
		{"s3://bucket/", "bucket", "", true},
		{"s3://bucket", "bucket", "", true},
		{"s3://my.bucket-1/k", "my.bucket-1", "k", true},
		{"s3://Bucket/k", "Bucket", "k", false},
		{"s3://b/k", "b", "k", false},
		{"s3:///k", "", "k", false},
		{"https://bucket/k", "", "", false},
		{"s3://bucket/" + strings.Repeat("k", 1024), "", "", false},
	}
	for _, tt := range tests {
		bucket, key, ok := S3URI(tt.uri)
		if bucket != tt.bucket || key != tt.key || ok != tt.ok {
			t.Errorf("S3URI(%q) = %q, %q, %v", tt.uri, bucket, key, ok)
		}
	}
}

const (
	arnHead   = `^arn:(aws(?:-[^:]+)?):bedrock:([a-z0-9-]{1,20}):`
	account   = `([0-9]{12}):`
	modelName = `[a-z0-9-]{1,63}[.][a-z0-9-]{1,63}(?:[.:][a-z0-9-]{1,63}){0,3}`
	twelve    = `([a-z0-9]{12})$`
	anyName   = `([a-zA-Z0-9:.-]+)$`
)

// grammar is what Classify accepts, as patterns that are tried in order. They are those of
// the API model of 2026-08-07 without its last alternative, which takes nearly any word.
var grammar = []struct {
	kind Kind
	re   *regexp.Regexp
}{
	{FoundationModel, regexp.MustCompile(`^(` + modelName + `)$`)}, // also profiles, see Classify
	{FoundationModelARN, regexp.MustCompile(arnHead + `():foundation-model/(` + modelName + `)$`)},
	{ProvisionedModelARN, regexp.MustCompile(arnHead + account + `provisioned-model/` + twelve)},
	{CustomModelARN, regexp.MustCompile(arnHead + account + `custom-model/((?:` + modelName + `)/[a-z0-9]{12})$`)},
	{CustomDeploymentARN, regexp.MustCompile(arnHead + account + `custom-model-deployment/` + twelve)},
	{ImportedModelARN, regexp.MustCompile(arnHead + account + `imported-model/` + twelve)},
	{SystemProfileARN, regexp.MustCompile(arnHead + account + `inference-profile/` + anyName)},
	{ApplicationProfileARN, regexp.MustCompile(arnHead + account + `application-inference-profile/` + anyName)},
	{PromptRouterARN, regexp.MustCompile(arnHead + account + `(?:default-)?prompt-router/` + anyName)},
	{PromptARN, regexp.MustCompile(arnHead + account + `prompt/([0-9a-zA-Z]{10}(?::[0-9]{1,5})?)$`)},
	{MarketplaceARN, regexp.MustCompile(`^arn:(aws):sagemaker:([a-z0-9-]+):` + account + `endpoint/([a-zA-Z0-9-]+)$`)},
	{ProvisionedModelName, regexp.MustCompile(`^((?:[0-9a-zA-Z][_-]?)+)$`)},
}

// byGrammar returns the kind, with profiles counted as models, and the parts of an ARN.
func byGrammar(text string) (Kind, []string) {
	for _, g := range grammar {
		if f := g.re.FindStringSubmatch(text); f != nil {
			return g.kind, f[1:]
		}
	}
	return Invalid, nil
}

func FuzzClassify(f *testing.F) {
	for _, s := range []string{
		"us.amazon.nova-lite-v1:0", "arn:aws:bedrock:us-east-2::foundation-model/amazon.titan-text-express-v1",
		"arn:aws:bedrock:us-east-2:123456789012:custom-model/amazon.nova-micro-v1:0:128k/abcdef123456", "x", "a.b.c:d", "us.0:0.0",
	} {
		f.Add(s)
	}
	for _, s := range []string{"prompt-router/a:1", "default-prompt-router/a", "prompt/ABCDEFGHIJ:2", "inference-profile/us.x.y", "application-inference-profile/x", "imported-model/abcdefghijkl", "custom-model-deployment/abcdefghijkl", "provisioned-model/abcdefghijkl"} {
		f.Add("arn:aws-x:bedrock:us-east-2:123456789012:" + s)
	}
	f.Add("arn:aws:sagemaker:us-east-2:123456789012:endpoint/my-endpoint")
	f.Fuzz(func(t *testing.T, text string) {
		id := Classify(text)
		if id.Text != text {
			t.Fatalf("lost the text of %q", text)
		}
		kind, parts := byGrammar(text)
		if len(text) > MaxModelID {
			kind = Invalid
		}
		if got := id.Kind; got != kind && !(got == SystemProfile && kind == FoundationModel) {
			t.Fatalf("%q is %q by the grammar, not %q", text, kind, got)
		}
		if kind != Invalid && id.Name != parts[len(parts)-1] {
			t.Fatalf("%q has the name %q by the grammar, not %q", text, parts[len(parts)-1], id.Name)
		}
		if id.IsARN() && (id.Partition != parts[0] || id.Region != parts[1] || id.Account != parts[2]) {
			t.Fatalf("%q has the parts %q, not %+v", text, parts, id)
		}
		if id.Kind == Invalid {
			if id != (ID{Text: text}) {
				t.Fatalf("%q is invalid and has parts: %+v", text, id)
			}
			return
		}
		if id.Name == "" || !strings.HasSuffix(text, id.Name) {
			t.Fatalf("%q: name %q", text, id.Name)
		}
		if id.IsARN() != strings.HasPrefix(text, "arn:aws") {
			t.Fatalf("%q: %+v", text, id)
		}
		if id.Model != "" {
			if k := Classify(id.Model).Kind; k != FoundationModel && id.Kind != SystemProfileARN && k != SystemProfile {
				t.Fatalf("%q: model %q is %s", text, id.Model, k)
			}
		}
		CheckModel(text, "us-east-1", "2026-11-23")
	})
}
