package bedrock_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sfnkit/sfnkit/asl"
	"github.com/sfnkit/sfnkit/asl/bedrock"
	"github.com/sfnkit/sfnkit/asl/bedrock/catalog"
	"github.com/sfnkit/sfnkit/asl/intrinsic"
	"github.com/sfnkit/sfnkit/asl/payload"
	"github.com/sfnkit/sfnkit/asl/value"
)

var update = flag.Bool("update", false, "write the golden files instead of comparing with them")

// TestRefused compiles programs that must not compile.
func TestRefused(t *testing.T) {
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("there is no go command: ", err)
	}
	build := func(dir string) string {
		out, _ := exec.Command("go", "build", "./"+dir).CombinedOutput()
		return string(out)
	}
	if out := build("testdata/accepted"); out != "" {
		t.Fatalf("does not compile:\n%s", out)
	}
	dirs, err := filepath.Glob("testdata/refused/*")
	if err != nil || len(dirs) == 0 {
		t.Fatal("no programs", err)
	}
	want := regexp.MustCompile(`// want "(.*)"`)
	out := build("testdata/refused/...")
	for _, dir := range dirs {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join(dir, "main.go"))
			if err != nil {
				t.Fatal(err)
			}
			pattern := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(filepath.Join(dir, "main.go")) + `.*(` + string(want.FindSubmatch(text)[1]) + `)`)
			if !pattern.MatchString(out) {
				t.Errorf("the compiler says\n%s\nwhich does not match %s", out, pattern)
			}
		})
	}
}

var models = map[bedrock.Family]string{
	bedrock.AnthropicMessages: "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
	bedrock.NovaText:          "eu.amazon.nova-lite-v1:0",
	bedrock.TitanTextFamily:   "amazon.titan-text-express-v1",
	bedrock.TitanEmbedTextV1:  "amazon.titan-embed-text-v1",
	bedrock.TitanEmbedTextV2:  "amazon.titan-embed-text-v2:0",
	bedrock.TitanEmbedImage:   "amazon.titan-embed-image-v1",
	bedrock.TitanImageFamily:  "amazon.titan-image-generator-v2:0",
	bedrock.NovaCanvasFamily:  "amazon.nova-canvas-v1:0",
	bedrock.NovaEmbeddings:    "amazon.nova-2-multimodal-embeddings-v1:0",
	bedrock.CohereCommandText: "cohere.command-text-v14",
	bedrock.CohereCommandChat: "cohere.command-r-v1:0",
	bedrock.CohereEmbeddings:  "cohere.embed-v4:0",
	bedrock.CohereRerank:      "cohere.rerank-v3-5:0",
	bedrock.AmazonRerank:      "amazon.rerank-v1:0",
	bedrock.MetaLlama:         "arn:aws:bedrock:us-east-1::foundation-model/meta.llama3-8b-instruct-v1:0",
	bedrock.MistralTextFamily: "mistral.mistral-7b-instruct-v0:2",
	bedrock.MistralChatFamily: "mistral.mistral-large-2407-v1:0",
	bedrock.AI21Jurassic:      "ai21.j2-mid-v1",
	bedrock.AI21Jamba:         "ai21.jamba-1-5-mini-v1:0",
	bedrock.StabilitySDXL:     "stability.stable-diffusion-xl-v1",
	bedrock.StabilityImages:   "stability.stable-image-core-v1:1",
	bedrock.DeepSeekText:      "us.deepseek.r1-v1:0",
	bedrock.OpenAIChat:        "openai.gpt-oss-20b-1:0",
}

// bodies has a request for each family in each language, x being something dynamic.
func bodies(x asl.Dynamic) map[bedrock.Family]bedrock.Request {
	talk := []bedrock.Message{bedrock.User(x, bedrock.Image("png", x)), bedrock.Assistant("Well"), bedrock.User(x, "and", bedrock.RawBlock(asl.Object{"type": "other"}))}
	stop := []string{"\n\n"}
	return map[bedrock.Family]bedrock.Request{
		bedrock.AnthropicMessages: bedrock.Anthropic{
			MaxTokens: 100, System: x, Messages: talk, Temperature: 0.0, TopK: 5, StopSequences: stop, Tools: []any{asl.Object{"name": "look"}},
			ToolChoice: asl.Object{"type": "auto"}, Thinking: asl.Object{"type": "enabled", "budget_tokens": 1024}, AnthropicBeta: []string{"b"},
		},
		bedrock.NovaText:          bedrock.Nova{System: x, Messages: talk, MaxTokens: x, TopK: 3, StopSequences: stop, ToolConfig: asl.Object{}},
		bedrock.TitanTextFamily:   bedrock.TitanText{InputText: x, MaxTokenCount: 10, Temperature: 0.5, TopP: 1, StopSequences: stop},
		bedrock.TitanEmbedTextV1:  bedrock.TitanEmbedText{InputText: x},
		bedrock.TitanEmbedTextV2:  bedrock.TitanEmbedText{InputText: x, Dimensions: 256, Normalize: true, EmbeddingTypes: []string{"float"}},
		bedrock.TitanEmbedImage:   bedrock.TitanEmbedPicture{InputText: "t", InputImage: x, OutputEmbeddingLength: 384},
		bedrock.TitanImageFamily:  bedrock.AmazonImage{Text: x, NegativeText: "n", Count: 2},
		bedrock.NovaCanvasFamily:  bedrock.AmazonImage{Text: x, Width: 512, Height: 512, Quality: "premium", CfgScale: 8, Seed: 1},
		bedrock.NovaEmbeddings:    bedrock.NovaEmbedText{Text: x, Dimensions: 1024},
		bedrock.CohereCommandText: bedrock.CohereCommand{Prompt: x, MaxTokens: 250, StopSequences: stop},
		bedrock.CohereCommandChat: bedrock.CohereCommandR{Message: x, MaxTokens: 250, Documents: []any{asl.Object{"snippet": x}}},
		bedrock.CohereEmbeddings:  bedrock.CohereEmbed{Texts: []any{x, "b"}, InputType: "search_query", OutputDimension: 512},
		bedrock.CohereRerank:      bedrock.CohereReranking{Query: x, Documents: []string{"a", "b"}, TopN: 1},
		bedrock.AmazonRerank:      bedrock.AmazonReranking{Query: "q", Documents: x},
		bedrock.MetaLlama:         bedrock.Llama{Prompt: bedrock.Llama3Prompt(x), MaxGenLen: 64},
		bedrock.MistralTextFamily: bedrock.MistralText{Prompt: bedrock.MistralPrompt(x), MaxTokens: 64, Stop: stop},
		bedrock.MistralChatFamily: bedrock.MistralChat{Messages: talk, MaxTokens: 64},
		bedrock.AI21Jurassic:      bedrock.Jurassic{Prompt: x, MaxTokens: 64},
		bedrock.AI21Jamba:         bedrock.Jamba{Messages: bedrock.Ask(x), N: 1},
		bedrock.StabilitySDXL:     bedrock.StableDiffusionXL{Text: x, Steps: 30},
		bedrock.StabilityImages:   bedrock.StabilityImage{Prompt: x, AspectRatio: "16:9", OutputFormat: "png"},
		bedrock.DeepSeekText:      bedrock.DeepSeek{Prompt: x, MaxTokens: 512},
		bedrock.OpenAIChat:        bedrock.Chat{Messages: talk, MaxCompletionTokens: 5, ReasoningEffort: "low"},
	}
}

func TestBodies(t *testing.T) {
	for _, lang := range []asl.QueryLanguage{asl.JSONPath, asl.JSONata} {
		out := value.NewBuilder(0)
		requests := bodies(asl.Bilingual{Path: asl.Path("$.x"), Expr: "$states.input.x"})
		for _, family := range families(t) {
			r, id := requests[family], models[family]
			if r == nil || id == "" {
				t.Errorf("no request for %s", family)
				continue
			}
			m, err := asl.Define(bedrock.InvokeModel("Ask", bedrock.ModelID(id), bedrock.Body(r))).QueryLanguage(lang).Build()
			if err != nil {
				t.Errorf("%s in %s: %v", family, lang, err)
				continue
			}
			params := m.States[0].Parameters
			if lang == asl.JSONata {
				params = m.States[0].Arguments
			}
			body := params.Get("Body")
			out.Set(string(family), body)
			f := catalog.FindFamily(string(family))
			for k := range body.Members() {
				k = strings.TrimSuffix(k, ".$")
				if !contains(f.Required, k) && !contains(f.Optional, k) {
					t.Errorf("%s has no member %s", family, k)
				}
			}
			if name, _, _ := strings.Cut(f.MaxTokens, "."); name != "" && family != bedrock.AI21Jamba && !body.Has(name) {
				t.Errorf("%s: the body has no %s", family, name)
			}
		}
		golden(t, "testdata/bodies."+string(lang)+".json", append(out.Object().AppendIndent(nil, " "), '\n'))
	}
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

// families lists all families that have answers in the test data.
func families(t *testing.T) []bedrock.Family {
	var out []bedrock.Family
	for k := range responses(t).Members() {
		out = append(out, bedrock.Family(k))
	}
	return out
}

func responses(t *testing.T) value.Value {
	t.Helper()
	text, err := os.ReadFile("testdata/responses.json")
	if err != nil {
		t.Fatal(err)
	}
	v, err := value.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// parts names what an answer may have, and the expected value in the test data.
func parts(r bedrock.Response) map[string]asl.Dynamic {
	return map[string]asl.Dynamic{
		"text": r.Text(), "texts": r.Texts(), "stop": r.StopReason(), "embedding": r.Embedding(), "image": r.Image(), "ranking": r.Ranking(),
		"input": r.InputTokens(), "output": r.OutputTokens(), "total": r.TotalTokens(), "cacheRead": r.CacheReadTokens(), "cacheWrite": r.CacheWriteTokens(),
	}
}

// TestResponses evaluates the values of each family on an answer.
func TestResponses(t *testing.T) {
	for name, tt := range responses(t).Members() {
		result := value.Object([]string{"Body", "ContentType"}, []value.Value{tt.Get("body"), value.String("application/json")})
		for part, d := range parts(bedrock.ModelID(models[bedrock.Family(name)]).Response) {
			for _, lang := range []asl.QueryLanguage{asl.JSONPath, asl.JSONata} {
				want := tt.Get(part)
				if part == "text" {
					want = tt.Get("first")
					if lang == asl.JSONata {
						want = tt.Get("joined")
					}
				}
				task := bedrock.InvokeModel("Ask", bedrock.ModelID("amazon.nova-lite-v1:0"), bedrock.Body(nil))
				if lang == asl.JSONPath {
					task.ResultSelector(asl.Object{"it": d})
				} else {
					task.Output(asl.Object{"it": d})
				}
				m, err := asl.Define(task).QueryLanguage(lang).Build()
				if want.IsAbsent() {
					if err == nil || !strings.Contains(err.Error(), "has no ") {
						t.Errorf("%s, %s in %s: error %v", name, part, lang, err)
					}
					continue
				}
				if err != nil {
					t.Errorf("%s, %s in %s: %v", name, part, lang, err)
					continue
				}
				got, err := evaluate(m.States[0], lang, result)
				if err != nil || !value.Equal(got.Get("it"), want) {
					t.Errorf("%s, %s in %s: %s gives %s, %v, want %s", name, part, lang, d, got, err, want)
				}
			}
		}
	}
}

// What was said before comes from somewhere else, as a whole.
func TestConversation(t *testing.T) {
	before := bedrock.Conversation(asl.Bilingual{Path: asl.Path("$.said"), Expr: "$states.input.said"})
	for family, body := range map[bedrock.Family]bedrock.Request{
		bedrock.AnthropicMessages: bedrock.Anthropic{MaxTokens: 9, Messages: before},
		bedrock.NovaText:          bedrock.Nova{Messages: before},
		bedrock.OpenAIChat:        bedrock.Chat{Messages: before},
		bedrock.MistralChatFamily: bedrock.MistralChat{Messages: before},
		bedrock.AI21Jamba:         bedrock.Jamba{Messages: before},
	} {
		model := bedrock.ModelFrom(asl.Bilingual{Path: asl.Path("$.model"), Expr: "$states.input.model"}).WithFamily(family)
		for lang, want := range map[asl.QueryLanguage]string{
			asl.JSONPath: `"messages.$":"$.said"`,
			asl.JSONata:  `"messages":"{% $states.input.said %}"`,
		} {
			m, err := asl.Define(bedrock.InvokeModel("Go on", model, bedrock.Body(body))).QueryLanguage(lang).Build()
			if err != nil {
				t.Errorf("%s, %s: %v", family, lang, err)
			} else if got := m.Value().JSON(); !strings.Contains(got, want) {
				t.Errorf("%s, %s: %s has no %s", family, lang, got, want)
			}
		}
	}
	for name, c := range map[string]struct {
		messages []bedrock.Message
		want     string
	}{
		"beside another": {append(before[:1:1], bedrock.User("And now?")), `state "Go on": Parameters.Body.messages: a Conversation is all messages: no other can stand beside it`},
		"of nothing":     {bedrock.Conversation(nil), `state "Go on": Parameters.Body.messages: has no form in JSONPath`},
	} {
		_, err := asl.Define(bedrock.InvokeModel("Go on", bedrock.ModelID("us.amazon.nova-lite-v1:0"), bedrock.Body(bedrock.Nova{Messages: c.messages}))).Build()
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %s", name, err, c.want)
		}
	}
}

func TestUnknownFamily(t *testing.T) {
	arn := bedrock.ModelID("arn:aws:bedrock:us-east-1:123456789012:provisioned-model/abcdefghijkl")
	ask := func(m bedrock.Model) error {
		_, err := asl.Define(bedrock.InvokeModel("Ask", m, bedrock.Body(nil)).ResultSelector(asl.Object{"a": m.Text()})).Build()
		return err
	}
	want := `state "Ask": ResultSelector.a: where the answer of model "arn:aws:bedrock:us-east-1:123456789012:provisioned-model/abcdefghijkl" has its text is not known: name its family with WithFamily`
	if err := ask(arn); err == nil || err.Error() != want {
		t.Errorf("error %v", err)
	}
	if err := ask(arn.WithFamily(bedrock.NovaText)); err != nil {
		t.Error(err)
	}
	if err := ask(bedrock.ModelFrom(asl.Path("$.model")).WithFamily(bedrock.NovaText)); err != nil {
		t.Error(err)
	}
}

func TestResponseElsewhere(t *testing.T) {
	r := bedrock.NovaText.Response().In("$.answer.Body", "$answer.Body")
	m := asl.Define(asl.Pass("P").Parameters(asl.Object{"t": r.Text(), "n": r.OutputTokens()})).MustBuild()
	const want = `{"n.$":"$.answer.Body.usage.outputTokens","t.$":"States.ArrayGetItem($.answer.Body.output.message.content[?(@.text)].text, 0)"}`
	if got := m.States[0].Parameters.JSON(); got != want {
		t.Error(got)
	}
}

func TestParameters(t *testing.T) {
	guarded := bedrock.InvokeModel("Ask", bedrock.ModelFrom(asl.Bilingual{Path: asl.Path("$.model"), Expr: "$model"}), bedrock.S3Input(asl.Bilingual{Path: asl.States.Format("s3://bucket/{}", asl.Path("$.key")), Expr: "'s3://bucket/' & $key"}),
		bedrock.S3Output("s3://bucket/answer"), bedrock.ContentType("application/json"), bedrock.Accept("*/*"),
		bedrock.Guardrail("abc123", "DRAFT"), bedrock.Trace(bedrock.TraceEnabledFull), bedrock.PerformanceConfigLatency("optimized"), bedrock.ServiceTier("flex"))
	var out []string
	for _, lang := range []asl.QueryLanguage{asl.JSONPath, asl.JSONata} {
		m, err := asl.Define(guarded).QueryLanguage(lang).Build()
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, m.States[0].Parameters.JSON(), m.States[0].Arguments.JSON())
	}
	const rest = `"Output":{"S3Uri":"s3://bucket/answer"},"ContentType":"application/json","Accept":"*/*","GuardrailIdentifier":"abc123","GuardrailVersion":"DRAFT","Trace":"ENABLED_FULL","PerformanceConfigLatency":"optimized","ServiceTier":"flex"}`
	want := []string{
		`{"ModelId.$":"$.model","Input":{"S3Uri.$":"States.Format('s3://bucket/{}', $.key)"},` + rest,
		"null", "null",
		`{"ModelId":"{% $model %}","Input":{"S3Uri":"{% 's3://bucket/' & $key %}"},` + rest,
	}
	if diff := cmp.Diff(want, out); diff != "" {
		t.Error(diff)
	}
}

// TestSize has the limit to the byte, in text whose characters have several bytes.
func TestSize(t *testing.T) {
	const model = "amazon.nova-lite-v1:0"
	around := len(fmt.Sprintf(`{"Body":{"p":""},"ModelId":%q}`, model))
	for _, lang := range []asl.QueryLanguage{asl.JSONPath, asl.JSONata} {
		for _, size := range []int{catalog.MaxPayload, catalog.MaxPayload + 1} {
			n := size - around
			text := strings.Repeat("漢", n/3) + strings.Repeat("é", n%3/2) + strings.Repeat("x", n%3%2)
			_, err := asl.Define(bedrock.InvokeModel("Ask", bedrock.ModelID(model), bedrock.Body(asl.Object{"p": text}))).QueryLanguage(lang).Build()
			field := "Parameters"
			if lang == asl.JSONata {
				field = "Arguments"
			}
			want := `state "Ask": ` + field + `: the parameters have 262145 bytes of JSON, over the limit of 262144 (put the body into S3 and name it in Input.S3Uri, which allows 25000000 bytes)`
			switch {
			case size <= catalog.MaxPayload && err != nil:
				t.Errorf("%d bytes in %s: %v", size, lang, err)
			case size > catalog.MaxPayload && (err == nil || err.Error() != want):
				t.Errorf("%d bytes in %s: error %v", size, lang, err)
			}
		}
	}
	_, err := asl.Define(bedrock.InvokeModel("Ask", bedrock.ModelID(model), bedrock.Body(asl.Object{"p": strings.Repeat("x", catalog.MaxPayload), "q": asl.Path("$.q")}))).Build()
	if err == nil || !strings.Contains(err.Error(), "have at least ") {
		t.Errorf("error %v", err)
	}
}

func TestRefusedByBuild(t *testing.T) {
	claude := bedrock.ModelID("us.anthropic.claude-sonnet-4-5-20250929-v1:0")
	ask := func(m bedrock.Model, p bedrock.Payload, o ...bedrock.Option) asl.Step {
		return bedrock.InvokeModel("S", m, p, o...)
	}
	job := bedrock.CustomizationJob{
		JobName: "job", CustomModelName: "model", RoleArn: "arn:aws:iam::123456789012:role/r", BaseModelIdentifier: "amazon.nova-micro-v1:0:128k",
		TrainingData: bedrock.TrainingS3("s3://bucket/train.jsonl"), OutputS3Uri: "s3://bucket/out/",
	}
	with := func(f func(j *bedrock.CustomizationJob)) asl.Step {
		j := job
		f(&j)
		return bedrock.CreateModelCustomizationJob("S", j)
	}
	tests := []struct {
		name string
		step asl.Step
		want string // after the name of the state
	}{
		{"another family's body", ask(claude, bedrock.Body(bedrock.CohereCommand{Prompt: "p"})), `Parameters.Body: bedrock.CohereCommand is no body for model "us.anthropic.claude-sonnet-4-5-20250929-v1:0", whose family is anthropic-messages`},
		{"no bound", ask(claude, bedrock.Body(bedrock.Anthropic{Messages: bedrock.Ask("p")})), `Parameters.Body.max_tokens: is required in the body for anthropic-messages`},
		{"no question", ask(claude, bedrock.Body(bedrock.Anthropic{MaxTokens: 1})), `Parameters.Body.messages: is required in the body for anthropic-messages`},
		{"no model", ask(bedrock.ModelID(""), bedrock.Body(nil)), `Parameters.ModelId: has 0 characters, fewer than 1`},
		{"zero model", ask(bedrock.Model{}, bedrock.Body(nil)), `Parameters.ModelId: must be a string, not null`},
		{"bad model", ask(bedrock.ModelID("claude 3"), bedrock.Body(nil)), `Parameters.ModelId: "claude 3" is not the identifier of a model (use a model id, the id of an inference profile, or an ARN)`},
		{"no bucket", ask(claude, bedrock.S3Input("bucket/key")), `Parameters.Input.S3Uri: "bucket/key" does not match ^s3://[a-z0-9][-.a-z0-9]{1,61}[a-z0-9](/.*)?$`},
		{"no object", ask(claude, bedrock.S3Input(nil)), `Parameters.Input.S3Uri: has 0 characters, fewer than 1`},
		{"no version", ask(claude, bedrock.Body(nil), bedrock.Guardrail("abc", "latest")), `Parameters.GuardrailVersion: "latest" does not match ^([1-9][0-9]{0,7}|DRAFT)?$`},
		{"trace", ask(claude, bedrock.Body(nil), bedrock.Trace("on")), `Parameters.Trace: "on" is not one of ENABLED, DISABLED, ENABLED_FULL`},
		{"no name", with(func(j *bedrock.CustomizationJob) { j.JobName = nil }), `Parameters.JobName: must be a string, not null`},
		{"no data", with(func(j *bedrock.CustomizationJob) { j.TrainingData = bedrock.TrainingData{} }), `Parameters.TrainingDataConfig: exactly one of S3Uri and InvocationLogsConfig must be given, there is none`},
		{"no output", with(func(j *bedrock.CustomizationJob) { j.OutputS3Uri = nil }), `Parameters.OutputDataConfig.S3Uri: must be a string, not null`},
		{"number", with(func(j *bedrock.CustomizationJob) { j.HyperParameters = asl.Object{"epochCount": 2} }), `Parameters.HyperParameters.epochCount: must be a string, not a number (write it as a text: "2")`},
		{"type", with(func(j *bedrock.CustomizationJob) { j.CustomizationType = "TUNING" }), `Parameters.CustomizationType: "TUNING" is not one of`},
		{"type without config", with(func(j *bedrock.CustomizationJob) {
			j.Customization = bedrock.Distillation{TeacherModelIdentifier: "amazon.nova-pro-v1:0"}
		}), `Parameters.CustomizationType: must be DISTILLATION, as CustomizationConfig is for that`},
		{"subnets", with(func(j *bedrock.CustomizationJob) { j.VpcConfig = &bedrock.VpcConfig{SecurityGroupIds: []any{"sg-1"}} }), `Parameters.VpcConfig.SubnetIds: must be a list, not null`},
		{"parameters twice", bedrock.InvokeModel("S", claude, bedrock.Body(nil)).Parameters(asl.Object{}), `Parameters: is given twice`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := asl.Define(tt.step).Build()
			var all asl.BuildErrors
			if !errors.As(err, &all) {
				t.Fatalf("error %v", err)
			}
			if got := all[0].Error(); !strings.HasPrefix(got, `state "S": `+tt.want) {
				t.Errorf("error %s", got)
			}
		})
	}
}

func TestJobs(t *testing.T) {
	x := func(name string) asl.Dynamic {
		return asl.Bilingual{Path: asl.Path("$." + name), Expr: asl.Expr("$states.input." + name)}
	}
	base := bedrock.CustomizationJob{
		JobName: asl.Bilingual{Path: asl.Path("$$.Execution.Name"), Expr: "$states.context.Execution.Name"}, CustomModelName: x("model"), RoleArn: "arn:aws:iam::123456789012:role/tuner",
		BaseModelIdentifier: "amazon.nova-micro-v1:0:128k", TrainingData: bedrock.TrainingS3(x("train")), OutputS3Uri: "s3://bucket/out/",
	}
	full := base
	full.ClientRequestToken = "token"
	full.CustomizationType = bedrock.ReinforcementFineTuning
	full.CustomModelKmsKeyId = "alias/key"
	full.JobTags = []bedrock.Tag{{"team", x("team")}}
	full.CustomModelTags = []bedrock.Tag{{"a", "b"}}
	full.ValidationS3Uris = []any{"s3://bucket/v.jsonl", x("validation")}
	full.HyperParameters = asl.Object{"epochCount": "2", "batchSize": x("batch")}
	full.VpcConfig = &bedrock.VpcConfig{SubnetIds: []any{"subnet-1", x("subnet")}, SecurityGroupIds: []any{"sg-1"}}
	full.Customization = bedrock.Reinforcement{GraderLambdaArn: "arn:aws:lambda:us-east-1:123456789012:function:grade", EpochCount: 3, LearningRate: 1e-5, ReasoningEffort: "low", BatchSize: x("batch")}
	full.TrainingData = bedrock.TrainingLogs("s3://bucket/logs", bedrock.LogOptions{UsePromptResponse: true, Filter: bedrock.AllOf(bedrock.MetadataEquals("team", "x"), bedrock.MetadataNotEquals("kind", "test"))})
	distilled := base
	distilled.CustomizationType = bedrock.DistillationType
	distilled.Customization = bedrock.Distillation{TeacherModelIdentifier: "amazon.nova-pro-v1:0", MaxResponseLengthForInference: 1000}
	distilled.TrainingData = bedrock.TrainingLogs(x("logs"), bedrock.LogOptions{Filter: bedrock.AnyOf(bedrock.MetadataEquals("a", "b"))})
	d := asl.Chain(
		bedrock.CreateModelCustomizationJob("Smallest", base),
		bedrock.CreateModelCustomizationJobSync("Everything", full),
		bedrock.CreateModelCustomizationJobSync("Distilled", distilled).Assign(asl.Object{"model": bedrock.Job("OutputModelArn")}),
	)
	for _, lang := range []asl.QueryLanguage{asl.JSONPath, asl.JSONata} {
		m, err := asl.Define(d).QueryLanguage(lang).Build()
		if err != nil {
			t.Fatal(err)
		}
		golden(t, "testdata/jobs."+string(lang)+".asl.json", asl.Print(m))
	}
}

func TestRetry(t *testing.T) {
	m := asl.Define(asl.Chain(
		bedrock.InvokeModel("Ask", bedrock.ModelID("amazon.nova-lite-v1:0"), bedrock.Body(nil)).Retry(bedrock.Retry()),
		asl.Task("Converse", asl.SDKServiceARN("bedrockruntime", "converse", asl.RequestResponse)).Parameters(asl.Object{"ModelId": "amazon.nova-lite-v1:0"}).Retry(bedrock.RuntimeRetry().MaxAttempts(2)),
	)).MustBuild()
	for i, want := range []string{"Bedrock.", "BedrockRuntime."} {
		r := m.States[i].Retry[0]
		if r.JitterStrategy != "FULL" || r.MaxDelaySeconds.JSON() != "60" || r.ErrorEquals[0] != want+"ThrottlingException" {
			t.Errorf("%+v", r)
		}
		for _, n := range r.ErrorEquals {
			if !strings.HasPrefix(n, want) {
				t.Errorf("%s does not begin with %s", n, want)
			}
		}
	}
	if got := bedrock.ErrorName("AccessDeniedException"); got != "Bedrock.AccessDeniedException" {
		t.Error(got)
	}
}

// evaluate returns what the state makes of a result.
func evaluate(s *asl.State, lang asl.QueryLanguage, result value.Value) (value.Value, error) {
	if lang == asl.JSONata {
		return evaluateJSONata(s.Output, result)
	}
	tmpl, err := payload.Compile(s.ResultSelector)
	if err != nil {
		return value.Null, err
	}
	return tmpl.Eval(&intrinsic.Env{Input: result})
}

func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, got, 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v (run go test with -update to write it)", err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs; got\n%s", file, got)
	}
	if !json.Valid(got) {
		t.Errorf("%s is not JSON", file)
	}
}
