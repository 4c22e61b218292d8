package catalog

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestLookups(t *testing.T) {
	m := FindModel("anthropic.claude-sonnet-4-5-20250929-v1:0")
	if m == nil || m.Family.Name != "anthropic-messages" || len(m.OnDemand) != 0 || m.MantleOnly {
		t.Fatalf("claude sonnet 4.5 = %+v", m)
	}
	if got := FindModel("amazon.nova-lite-v1:0:300k"); got == nil || got.ID != "amazon.nova-lite-v1:0" {
		t.Errorf("variant of nova lite = %v", got)
	}
	if got := FindModel("cohere.command-text-v14"); got == nil || !got.Gone || got.Family.Text.Path("$.Body") != "$.Body.generations[0].text" {
		t.Errorf("cohere command = %+v", got)
	}
	if FindModel("no.such-model") != nil || FindModel("") != nil || FindModel(":") != nil {
		t.Error("found a model that does not exist")
	}
	if got := m.Profiles("ap-northeast-1"); !slices.Equal(got, []string{
		"global.anthropic.claude-sonnet-4-5-20250929-v1:0", "jp.anthropic.claude-sonnet-4-5-20250929-v1:0",
	}) {
		t.Errorf("profiles in Tokyo = %v", got)
	}
}

func TestDestinations(t *testing.T) {
	tests := []struct {
		profile, from, want string
		ok, assumed         bool
	}{
		{"us.anthropic.claude-sonnet-4-5-20250929-v1:0", "us-east-1", "us-east-1 us-east-2 us-west-2", true, false},
		{"us.anthropic.claude-sonnet-4-5-20250929-v1:0", "us-west-1", "us-east-1 us-east-2 us-west-1 us-west-2", true, false},
		{"eu.anthropic.claude-sonnet-4-5-20250929-v1:0", "eu-central-2", "eu-central-1 eu-central-2 eu-north-1 eu-south-1 eu-south-2 eu-west-1 eu-west-3", true, false},
		{"eu.anthropic.claude-sonnet-4-5-20250929-v1:0", "us-east-1", "", false, false},
		{"global.anthropic.claude-sonnet-4-5-20250929-v1:0", "sa-east-1", "sa-east-1 ", true, false},
		{"us.anthropic.claude-next-v1:0", "us-east-1", "us-east-1 us-east-2 us-west-2", true, true},
		{"us-gov.anthropic.claude-sonnet-4-5-20250929-v1:0", "us-gov-west-1", "us-gov-west-1 us-gov-east-1", true, true},
	}
	for _, tt := range tests {
		p := FindProfile(tt.profile)
		if p == nil {
			t.Errorf("%s: not found", tt.profile)
			continue
		}
		got, ok := p.Destinations(tt.from)
		if strings.Join(got, " ") != tt.want || ok != tt.ok || p.Assumed != tt.assumed {
			t.Errorf("%s from %s = %q, %v (assumed %v)", tt.profile, tt.from, got, ok, p.Assumed)
		}
	}
	if FindProfile("mars.anthropic.claude-sonnet-5") != nil || FindProfile("us.") != nil || FindProfile("us") != nil {
		t.Error("found a profile that cannot be")
	}
}

func TestOutputs(t *testing.T) {
	tests := []struct{ family, single, jsonata string }{
		{"anthropic-messages", "States.ArrayGetItem($.Body.content[?(@.type==text)].text, 0)", "$join($states.result.Body.content[type='text'].text)"},
		{"nova-text", "States.ArrayGetItem($.Body.output.message.content[?(@.text)].text, 0)", "$join($states.result.Body.output.message.content.text)"},
		{"titan-text", "$.Body.results[0].outputText", "$states.result.Body.results[0].outputText"},
		{"openai-chat", "$.Body.choices[0].message.content", "$states.result.Body.choices[0].message.content"},
	}
	for _, tt := range tests {
		o := FindFamily(tt.family).Text
		if got := o.Single("$.Body"); got != tt.single {
			t.Errorf("%s: path %s", tt.family, got)
		}
		if got := o.JSONata("$states.result.Body"); got != tt.jsonata {
			t.Errorf("%s: expression %s", tt.family, got)
		}
	}
}

// TestEveryModel checks that the embedded data is whole.
func TestEveryModel(t *testing.T) {
	regions := regexp.MustCompile(`^(us|eu|ap|ca|sa|me|af|il|mx)(-gov)?-[a-z]+-[0-9]$`)
	n := 0
	for m := range Models() {
		n++
		if m.Family.Name == "" || m.Provider == "" || len(m.Input) == 0 || len(m.Output) == 0 {
			t.Errorf("%s: incomplete: %+v", m.ID, m)
		}
		if got := Classify(m.ID); got.Kind != FoundationModel || got.Model != m.ID {
			t.Errorf("%s is classified as %+v", m.ID, got)
		}
		for _, r := range slices.Concat(m.OnDemand, m.Provisioned) {
			if !regions.MatchString(r) {
				t.Errorf("%s: region %q", m.ID, r)
			}
		}
		for _, id := range m.Profiles("") {
			got := Classify(id)
			if got.Kind != SystemProfile || got.Model != m.ID {
				t.Errorf("%s is classified as %+v", id, got)
			}
			p := FindProfile(id)
			if len(p.Sources()) == 0 || p.Assumed {
				t.Errorf("%s: %+v", id, p)
			}
			for _, from := range p.Sources() {
				to, _ := p.Destinations(from)
				for _, r := range to {
					if !regions.MatchString(r) && !(r == "" && p.Global()) {
						t.Errorf("%s from %s: region %q", id, from, r)
					}
				}
			}
		}
	}
	if n < 100 {
		t.Errorf("%d models", n)
	}
	for name, f := range data().families {
		if f.Certainty == "" || name != "not-invokemodel" && f.Text.IsZero() && f.Image.IsZero() && f.Embedding.IsZero() && f.Ranking.IsZero() {
			t.Errorf("family %s gives nothing", name)
		}
	}
}

// TestAgainstFacts compares the embedded data with the facts it was made from.
func TestAgainstFacts(t *testing.T) {
	dir := os.Getenv("SFNKIT_SHARED")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "..", "shared")
	}
	text, err := os.ReadFile(filepath.Join(dir, "facts", "bedrock-models.json"))
	if err != nil {
		t.Skip("the facts are not there: ", err)
	}
	var facts struct {
		ModelIDGrammar struct {
			APIPattern struct{ Pattern string }
		}
		EndOfLifeIDs struct{ IDs []string }
		RegionSets   map[string][]string
		Models       []struct {
			ID, Family, Lifecycle, EOL string
			OnDemandRegions            string
			OnDemandDirect             bool
			RuntimeEndpoint            bool
			Profiles                   map[string]struct {
				ProfileID, SourceRegions string
				Destinations             map[string]string
			}
		}
	}
	if err := json.Unmarshal(text, &facts); err != nil {
		t.Fatal(err)
	}
	for _, id := range facts.EndOfLifeIDs.IDs {
		if m := FindModel(id); m == nil || !m.Gone || m.Family.Name == "" {
			t.Errorf("%s = %+v", id, m)
		}
	}
	for _, f := range facts.Models {
		m := FindModel(f.ID)
		if m == nil {
			t.Errorf("no %s", f.ID)
			continue
		}
		if m.Family.Name != f.Family || m.Legacy != (f.Lifecycle == "LEGACY") || m.EndOfLife != f.EOL ||
			m.MantleOnly == f.RuntimeEndpoint || (len(m.OnDemand) > 0) != f.OnDemandDirect ||
			!slices.Equal(m.OnDemand, facts.RegionSets[f.OnDemandRegions]) || len(m.Profiles("")) != len(f.Profiles) {
			t.Errorf("%s differs: %+v", f.ID, m)
		}
		for g, fp := range f.Profiles {
			p := m.Profile(g)
			if p == nil || p.ID != fp.ProfileID {
				t.Errorf("%s.%s = %+v", g, f.ID, p)
				continue
			}
			want := facts.RegionSets[fp.SourceRegions]
			for from, key := range fp.Destinations {
				want = append(want, from)
				if got, ok := p.Destinations(from); !ok || !slices.Equal(got, facts.RegionSets[key]) {
					t.Errorf("%s from %s = %v", p.ID, from, got)
				}
			}
			if len(p.Sources()) != len(want) {
				t.Errorf("%s has sources %v", p.ID, p.Sources())
			}
		}
	}
}

func BenchmarkLoad(b *testing.B) {
	for b.Loop() {
		if _, err := load(modelsJSON, familiesJSON); err != nil {
			b.Fatal(err)
		}
	}
}
