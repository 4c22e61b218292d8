package calls_test

import (
	"context"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sfnkit/sfnkit/asl/value"
	"github.com/sfnkit/sfnkit/emulator"
	"github.com/sfnkit/sfnkit/emulator/calls"
)

func TestParseQuota(t *testing.T) {
	for text, want := range map[string]calls.Quota{
		"m=requests:10":                           {Model: "m", Requests: 10},
		"us.amazon.nova-lite-v1:0=tokens:4000":    {Model: "us.amazon.nova-lite-v1:0", Tokens: 4000},
		"*=requests:1, tokens:2,tokens-per-day:3": {Model: "*", Requests: 1, Tokens: 2, TokensPerDay: 3},
	} {
		if got, err := calls.ParseQuota(text); err != nil || got != want {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "m", "m=", "=requests:1", "m=requests", "m=requests:0", "m=requests:x", "m=calls:1", "m=requests:9999999999999"} {
		if q, err := calls.ParseQuota(text); err == nil {
			t.Errorf("%q is taken as %+v", text, q)
		}
	}
}

func TestQuotas(t *testing.T) {
	const haiku = "eu.anthropic.claude-haiku-4-5-20251001-v1:0"
	// Each call comes at a time in seconds and uses so many tokens; it asks for 100 at most
	// and its body is worth 18.
	type call struct {
		at, tokens int64
		want       string
	}
	for name, test := range map[string]struct {
		quota string
		calls []call
	}{
		"requests": {"*=requests:2", []call{{0, 1, ""}, {30, 1, ""}, {59, 1, "Too many requests,"}, {60, 1, ""}, {61, 1, "Too many requests,"}, {90, 1, ""}}},
		// The reservation of 118 is given back when the call ends.
		"tokens":       {"*=tokens:150", []call{{0, 20, ""}, {2, 20, ""}, {4, 1, "Too many tokens, "}, {60, 140, ""}, {70, 1, "Too many tokens, "}, {121, 1, ""}}},
		"reservation":  {"*=tokens:117", []call{{0, 1, "Too many tokens, "}}},
		"day":          {"*=tokens-per-day:300", []call{{0, 100, ""}, {600, 100, ""}, {1200, 1, "Too many tokens per day, "}, {90000, 1, ""}}},
		"other models": {"anthropic.*=requests:1", []call{{0, 1, ""}, {1, 1, ""}}},
		"all bounds":   {"eu.*=requests:1,tokens:1000,tokens-per-day:1000", []call{{0, 1, ""}, {1, 1, "Too many requests,"}}},
	} {
		t.Run(name, func(t *testing.T) {
			quota, err := calls.ParseQuota(test.quota)
			if err != nil {
				t.Fatal(err)
			}
			var tokens int64
			next := emulator.CallerFunc(func(context.Context, *emulator.Request) (emulator.Answer, error) {
				usage := value.NewBuilder(2).Set("input_tokens", value.Int(1)).Set("output_tokens", value.Int(tokens-1)).Object()
				body := value.NewBuilder(1).Set("usage", usage).Object()
				return emulator.Answer{Output: value.NewBuilder(1).Set("Body", body).Object(), Delay: time.Second}, nil
			})
			caller := calls.Enforce(calls.Enforcement{Quotas: calls.NewQuotas(quota)}, next)
			for _, c := range test.calls {
				tokens = c.tokens
				req := request("A", invoke, `{"ModelId": "`+haiku+`", "Body": {"max_tokens": 100, "messages": [{"role": "user", "content": "Hello!!!!!"}]}}`, 0)
				req.Time += c.at * 1000
				_, err := caller.Call(t.Context(), req)
				got := ""
				if err != nil {
					got = err.(*emulator.Error).Cause
				}
				if !strings.HasPrefix(got, c.want) || c.want == "" && got != "" {
					t.Errorf("at %d s: %q, want %q", c.at, got, c.want)
				}
			}
		})
	}
}

// TestQuotaOfSDKCalls counts what converse says and what is in the text of bodies.
func TestQuotaOfSDKCalls(t *testing.T) {
	const model = "eu.anthropic.claude-haiku-4-5-20251001-v1:0"
	for _, test := range []struct{ resource, parameters, output string }{
		{converse, `{"ModelId": "` + model + `", "Messages": [], "InferenceConfig": {"MaxTokens": 50}}`, `{"Usage": {"InputTokens": 400, "OutputTokens": 100}}`},
		{"arn:aws:states:::aws-sdk:bedrockruntime:invokeModel", `{"ModelId": "` + model + `", "Body": "{\"max_tokens\": 50}"}`, `{"Body": "{\"usage\": {\"input_tokens\": 400, \"output_tokens\": 100}}"}`},
	} {
		next := emulator.CallerFunc(func(context.Context, *emulator.Request) (emulator.Answer, error) {
			return emulator.Answer{Output: value.MustParse(test.output)}, nil
		})
		caller := calls.Enforce(calls.Enforcement{Quotas: calls.NewQuotas(calls.Quota{Model: model, Tokens: 540})}, next)
		req := request("A", test.resource, test.parameters, 0)
		if _, err := caller.Call(t.Context(), req); err != nil {
			t.Errorf("%s: %v", test.resource, err)
		}
		if got := outcome(caller.Call(t.Context(), req)); !strings.HasPrefix(got, "BedrockRuntime.ThrottlingException Too many tokens, please wait before trying again. (Service: BedrockRuntime, Status Code: 429, ") {
			t.Errorf("%s: %s", test.resource, got)
		}
	}
}

// TestQuotasOfManyModels calls more identifiers than are counted at once: the quota of one
// that is called all the time holds.
func TestQuotasOfManyModels(t *testing.T) {
	caller := calls.Enforce(calls.Enforcement{Quotas: calls.NewQuotas(calls.Quota{Model: "*", Requests: 1}), AnyModel: true}, answered)
	call := func(model string, at int64) string {
		req := request("A", invoke, `{"ModelId": "`+model+`"}`, 0)
		req.Time += at
		return outcome(caller.Call(t.Context(), req))
	}
	for i := range int64(10000) {
		if got := call("amazon.m"+strconv.FormatInt(i, 10)+"-v1:0", i*100); got != `"ok"` {
			t.Fatalf("model %d: %s", i, got)
		}
	}
	if got := call("amazon.m9999-v1:0", 1000000); !strings.Contains(got, "Too many requests") {
		t.Error(got)
	}
}
