package catalog

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sfnkit/sfnkit/asl/value"
)

var forms = map[string]Form{"": Evaluated, "JSONPath": JSONPathTemplate, "JSONata": JSONataTemplate}

func TestCheckCall(t *testing.T) {
	text, err := os.ReadFile("testdata/calls.json")
	if err != nil {
		t.Fatal(err)
	}
	var tests []struct {
		Name, Action, Form string
		Params             value.Value
		Want               []string
	}
	if err := json.Unmarshal(text, &tests); err != nil {
		t.Fatal(err)
	}
	for _, tt := range tests {
		t.Run(tt.Name, func(t *testing.T) {
			var got []string
			for _, p := range CheckCall(tt.Action, tt.Params, forms[tt.Form]) {
				s := p.Error()
				if p.Pointer != "" {
					s = p.Pointer + " " + s
				}
				if p.Warning {
					s = "warning " + s
				}
				if p.Hint != "" {
					s += " (" + p.Hint + ")"
				}
				got = append(got, s)
			}
			if diff := cmp.Diff(tt.Want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestSize has the boundary to the byte, in text whose characters have several bytes.
func TestSize(t *testing.T) {
	body := func(bytes int, key string) value.Value {
		const around = len(`{"ModelId":"amazon.nova-lite-v1:0","Body":{"p":""}}`)
		n := bytes - around
		text := strings.Repeat("한", n/3) + strings.Repeat("x", n%3)
		return value.Object([]string{"ModelId", "Body"}, []value.Value{
			value.String("amazon.nova-lite-v1:0"), value.Object([]string{key}, []value.Value{value.String(text)}),
		})
	}
	for form := range []Form{Evaluated, JSONPathTemplate, JSONataTemplate} {
		for _, size := range []int{MaxPayload, MaxPayload + 1} {
			params := body(size, "p")
			if got, exact := TemplateSize(params, Form(form)); got != size || !exact {
				t.Fatalf("TemplateSize = %d, %v, want %d", got, exact, size)
			}
			problems := CheckCall("invokeModel", params, Form(form))
			if over := size > MaxPayload; over != (len(problems) == 1) {
				t.Errorf("%d bytes: %v", size, problems)
			} else if over {
				p := problems[0]
				if p.Rule != RuleSize || p.Message != "the parameters have 262145 bytes of JSON, over the limit of 262144" || !strings.Contains(p.Hint, "Input.S3Uri") {
					t.Errorf("%+v", p)
				}
			}
		}
	}
	tests := []struct {
		form  Form
		text  string
		want  int
		exact bool
	}{
		{JSONPathTemplate, `{"a.$":"$.long.path","b":1}`, len(`{"a":1,"b":1}`), false},
		{JSONPathTemplate, `{"a":"{% $x %}"}`, len(`{"a":"{% $x %}"}`), true},
		{JSONataTemplate, `{"a.$":"$.x","b":["{% $x %}","{%"]}`, len(`{"a.$":"$.x","b":[1,"{%"]}`), false},
		{JSONataTemplate, `"{% $x %}"`, 1, false},
		{Evaluated, `{"a.$":"{% $x %}"}`, len(`{"a.$":"{% $x %}"}`), true},
	}
	for _, tt := range tests {
		if got, exact := TemplateSize(value.MustParse(tt.text), tt.form); got != tt.want || exact != tt.exact {
			t.Errorf("TemplateSize(%s) = %d, %v", tt.text, got, exact)
		}
	}
}

func TestCheckModel(t *testing.T) {
	tests := []struct{ id, region, day, want string }{
		{"amazon.nova-lite-v1:0", "us-east-1", "", ""},
		{"amazon.nova-lite-v1:0", "eu-central-1", "", "warning amazon.nova-lite-v1:0 cannot be invoked by its own id in eu-central-1"},
		{"us.amazon.nova-lite-v1:0", "eu-central-1", "", "warning inference profile us.amazon.nova-lite-v1:0 cannot be used from eu-central-1"},
		{"jp.amazon.nova-lite-v1:0", "", "", "warning amazon.nova-lite-v1:0 has no inference profile jp."},
		{"arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0", "eu-west-1", "", "the ARN is of region us-east-1, the state machine runs in eu-west-1"},
		{"anthropic.claude-3-haiku-20240307-v1:0", "us-east-1", "2026-11-23", "warning anthropic.claude-3-haiku-20240307-v1:0 reached its end of life on 2026-09-10"},
		{"amazon.nova-reel-v1:0", "", "", "amazon.nova-reel-v1:0 cannot be called with InvokeModel: video models are called with StartAsyncInvoke and speech models over a bidirectional stream: InvokeModel refuses both"},
		{"anthropic.claude-haiku-4-5", "", "", "warning anthropic.claude-haiku-4-5 is not offered on the endpoint that InvokeModel calls"},
		{"newcorp.model-v1", "", "", "warning no model newcorp.model-v1 is known"},
	}
	for _, tt := range tests {
		got := ""
		for _, p := range CheckModel(tt.id, tt.region, tt.day) {
			if p.Warning {
				got += "warning "
			}
			got += p.Message
		}
		if got != tt.want {
			t.Errorf("CheckModel(%s, %s, %s) = %s", tt.id, tt.region, tt.day, got)
		}
	}
}
