// Package catalog holds what is known about Amazon Bedrock as data: the models with
// their regions, inference profiles and ends of life, the shapes of request and response
// bodies, the grammar of model identifiers, and the parameters of the two actions that
// Step Functions has an optimized integration for.
//
// The data is embedded. Each file names its sources and the day it was taken
// ([Snapshot] for the models). A model that came later is not known here, so users of
// this package warn about what it does not know and never refuse it.
//
// [Classify] tells what a ModelId is. [FindModel], [FindProfile] and [FindFamily] look
// things up. [CheckCall] judges the parameters of a call, evaluated or still a template,
// and is what the builder, the validator and the emulator share.
//
// The package imports nothing of the language but its values.
package catalog

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
)

// Limits, in bytes.
const (
	// MaxPayload is the most that the evaluated parameters of a task may have, all of
	// them together, and also its result: UTF-8 bytes of the JSON text.
	MaxPayload = 262_144
	// MaxBody is the most that InvokeModel takes as a body, which counts when the body
	// comes from S3.
	MaxBody = 25_000_000
	// MaxModelID is the longest ModelId.
	MaxModelID = 2048
)

// Model is a foundation model.
type Model struct {
	ID       string
	Provider string  // "" for a model that is gone
	Family   *Family // never nil; its Name is "" if the shape of the bodies is not known

	// Legacy models still work, but not for accounts that have not used them for about
	// a month. EndOfLife is the day they stop, as 2006-01-02, or "".
	Legacy    bool
	EndOfLife string
	// Gone is set for models that Bedrock no longer has; nothing more is known of them.
	Gone bool

	Input, Output []string // modalities: TEXT, IMAGE, VIDEO, SPEECH, AUDIO, EMBEDDING
	Streaming     bool
	// MantleOnly models are not served by the endpoint that InvokeModel calls.
	MantleOnly bool
	// OnDemand lists the regions in which the bare id can be invoked. If it is empty the
	// model needs an inference profile, or provisioned throughput.
	OnDemand []string
	// OnDemandUncertain is set if the source lists more regions for the bare id, all of
	// which may be true of the other endpoint only.
	OnDemandUncertain bool
	Provisioned       []string // regions
	Customizations    []string // customization types known; the data is far from complete

	profiles map[string]*Profile
}

// Profile returns the model's system-defined inference profile for a geography, nil if
// there is none.
func (m *Model) Profile(geography string) *Profile { return m.profiles[geography] }

// Profiles returns the ids of the model's system-defined inference profiles, sorted.
// With a region, only those that can be called from there.
func (m *Model) Profiles(region string) []string {
	var ids []string
	for _, p := range m.profiles {
		if _, ok := p.routes[region]; ok || region == "" {
			ids = append(ids, p.ID)
		}
	}
	slices.Sort(ids)
	return ids
}

// Ended reports whether the model no longer works on the given day (2006-01-02).
func (m *Model) Ended(day string) bool {
	return m.Gone || m.EndOfLife != "" && m.EndOfLife <= day
}

// Profile is a system-defined inference profile.
type Profile struct {
	ID        string // such as us.amazon.nova-lite-v1:0
	Geography string // us, eu, apac, jp, au, ca, in, us-gov or global
	Model     string // the foundation model's id
	// Assumed is set where the destinations were not published for this profile but
	// carried over from what most profiles of its geography have.
	Assumed bool

	routes map[string][]string // destinations by source region
}

// Global reports whether requests may go to any commercial region.
func (p *Profile) Global() bool { return p.Geography == "global" }

// Sources returns the regions from which the profile can be called, sorted.
func (p *Profile) Sources() []string {
	var rs []string
	for r := range p.routes {
		rs = append(rs, r)
	}
	slices.Sort(rs)
	return rs
}

// Destinations returns the regions of the foundation-model ARNs that a call from the
// given region is authorised against: every region that the request may be routed to,
// which depends on where it comes from. For a global profile these are the region itself
// and "", because IAM then sees one more ARN that has no region. The second result is
// false if the profile cannot be called from that region.
func (p *Profile) Destinations(region string) ([]string, bool) {
	d, ok := p.routes[region]
	if ok && p.Global() {
		return []string{region, ""}, true
	}
	return slices.Clone(d), ok
}

// Family is a group of models with the same request and response bodies.
type Family struct {
	Name      string
	Certainty string // recorded, documented or likely
	// Required and Optional name the members of the request body. Service models grow
	// members over time: one that is missing here is no error.
	Required, Optional []string
	// MaxTokens is the dotted name of the request member that bounds the answer, or "".
	MaxTokens string
	// Where things are in the response body; the zero Output if it has no such thing.
	Text, StopReason, Embedding, Image, Ranking Output
	Usage                                       Usage
	Dimensions                                  []int // lengths of vectors, the default first
	Notes                                       string
}

// Usage tells where a response counts its tokens.
type Usage struct {
	Input, Output, Total, CacheRead, CacheWrite Output
}

// Output is a place in a response body.
type Output struct {
	path    string
	list    bool
	jsonata string
}

// IsZero reports whether the response has no such thing.
func (o Output) IsZero() bool { return o.path == "" }

// Path returns a JSONPath to the place, given the one of the body (such as $.Body). If
// [Output.List] holds, it selects a list.
func (o Output) Path(body string) string { return body + "." + o.path }

// List reports whether Path selects a list, because the body has several blocks of
// different types.
func (o Output) List() bool { return o.list }

// Single returns a payload template expression that gives one value, the first one of a
// list: a path, or the call of an intrinsic function.
func (o Output) Single(body string) string {
	if o.list {
		return "States.ArrayGetItem(" + o.Path(body) + ", 0)"
	}
	return o.Path(body)
}

// JSONata returns an expression for the value, given the one of the body (such as
// $states.result.Body). The texts of a list are joined.
func (o Output) JSONata(body string) string {
	if o.list {
		return "$join(" + o.Blocks(body) + ")"
	}
	return o.Blocks(body)
}

// Blocks is JSONata without joining: of a list it gives the elements, one by itself if
// there is only one.
func (o Output) Blocks(body string) string {
	if o.jsonata != "" {
		return strings.ReplaceAll(o.jsonata, "%", body)
	}
	return body + "." + o.path
}

//go:embed models.json
var modelsJSON []byte

//go:embed families.json
var familiesJSON []byte

// Snapshot is the day (2006-01-02) for which the list of models is true.
func Snapshot() string { return data().snapshot }

// FindModel returns the foundation model with an id, nil if it is not known. A variant
// with a context suffix (amazon.nova-lite-v1:0:300k) gives its model.
func FindModel(id string) *Model {
	d := data()
	if m := d.models[id]; m != nil {
		return m
	}
	if i := strings.LastIndexByte(id, ':'); i > 0 {
		return d.models[id[:i]]
	}
	return nil
}

// Models iterates over all models that are not gone, by id.
func Models() iter.Seq[*Model] {
	return func(yield func(*Model) bool) {
		for _, m := range data().order {
			if !yield(m) {
				return
			}
		}
	}
}

// FindProfile returns a system-defined inference profile, given its id. A profile that
// is not in the data, but that has a known geography, gets the destinations that most
// profiles of its geography have from each region, and is marked as Assumed. The result
// is nil if nothing is known.
func FindProfile(id string) *Profile {
	geography, model, ok := strings.Cut(id, ".")
	if !ok || model == "" {
		return nil
	}
	d := data()
	if m := d.models[model]; m != nil && m.profiles[geography] != nil {
		return m.profiles[geography]
	}
	if routes := d.usual[geography]; routes != nil {
		return &Profile{ID: id, Geography: geography, Model: model, Assumed: true, routes: routes}
	}
	return nil
}

// FindFamily returns a family by its name, nil if there is none.
func FindFamily(name string) *Family { return data().families[name] }

type catalogue struct {
	snapshot  string
	models    map[string]*Model
	order     []*Model
	families  map[string]*Family
	usual     map[string]map[string][]string // geography, source region
	providers map[string]bool                // first labels of model ids
}

var data = sync.OnceValue(func() *catalogue {
	d, err := load(modelsJSON, familiesJSON)
	if err != nil {
		panic("bedrock catalogue: " + err.Error()) // embedded, and read by every test
	}
	return d
})

func load(models, families []byte) (*catalogue, error) {
	var fs struct {
		Families map[string]struct {
			Certainty, Required, Optional, MaxTokens, Notes string
			Text, StopReason, Embedding, Image, Ranking     outputJSON
			Usage                                           map[string]string
			Dimensions                                      []int
		}
	}
	if err := json.Unmarshal(families, &fs); err != nil {
		return nil, fmt.Errorf("families: %w", err)
	}
	var ms struct {
		Snapshot    string
		Geographies map[string]string
		Assumed     map[string][]string
		Gone        map[string]string
		Models      []struct {
			ID, Provider, Family, EndOfLife       string
			Input, Output                         string
			OnDemand, Provisioned, Customizations string
			Legacy, Streaming, MantleOnly         bool
			OnDemandUncertain                     bool
			Profiles                              map[string][]string
		}
	}
	if err := json.Unmarshal(models, &ms); err != nil {
		return nil, fmt.Errorf("models: %w", err)
	}
	d := &catalogue{
		snapshot:  ms.Snapshot,
		models:    make(map[string]*Model, len(ms.Models)),
		families:  make(map[string]*Family, len(fs.Families)),
		usual:     make(map[string]map[string][]string),
		providers: make(map[string]bool),
	}
	for name, f := range fs.Families {
		at := func(key string) Output { return Output{path: f.Usage[key]} }
		d.families[name] = &Family{
			Name: name, Certainty: f.Certainty, Notes: f.Notes,
			Required: strings.Fields(f.Required), Optional: strings.Fields(f.Optional),
			MaxTokens: f.MaxTokens, Dimensions: f.Dimensions,
			Text: f.Text.output(), StopReason: f.StopReason.output(), Ranking: f.Ranking.output(),
			Embedding: f.Embedding.output(), Image: f.Image.output(),
			Usage: Usage{at("input"), at("output"), at("total"), at("cacheRead"), at("cacheWrite")},
		}
	}
	family := func(name string) *Family {
		if f := d.families[name]; f != nil {
			return f
		}
		return &Family{}
	}
	add := func(m *Model) {
		d.models[m.ID] = m
		provider, _, _ := strings.Cut(m.ID, ".")
		d.providers[provider] = true
	}
	votes := make(map[string]map[string]map[string]int) // geography, source, destinations
	for g, lines := range ms.Assumed {
		routes, err := readRoutes(lines)
		if err != nil {
			return nil, fmt.Errorf("assumed %s: %w", g, err)
		}
		d.usual[g] = routes
	}
	for _, r := range ms.Models {
		m := &Model{
			ID: r.ID, Provider: r.Provider, Family: family(r.Family),
			Legacy: r.Legacy, EndOfLife: r.EndOfLife, Streaming: r.Streaming, MantleOnly: r.MantleOnly,
			Input: strings.Fields(r.Input), Output: strings.Fields(r.Output),
			OnDemand: strings.Fields(r.OnDemand), OnDemandUncertain: r.OnDemandUncertain,
			Provisioned: strings.Fields(r.Provisioned), Customizations: strings.Fields(r.Customizations),
			profiles: make(map[string]*Profile, len(r.Profiles)),
		}
		for g, lines := range r.Profiles {
			if ms.Geographies[g] == "" {
				return nil, fmt.Errorf("%s: unknown geography %s", m.ID, g)
			}
			routes, err := readRoutes(lines)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", m.ID, err)
			}
			m.profiles[g] = &Profile{ID: g + "." + m.ID, Geography: g, Model: m.ID, routes: routes}
			for from, to := range routes {
				if votes[g] == nil {
					votes[g] = make(map[string]map[string]int)
				}
				if votes[g][from] == nil {
					votes[g][from] = make(map[string]int)
				}
				votes[g][from][strings.Join(to, " ")]++
			}
		}
		add(m)
		d.order = append(d.order, m)
	}
	for id, f := range ms.Gone {
		add(&Model{ID: id, Family: family(f), Gone: true})
	}
	for g, froms := range votes {
		d.usual[g] = make(map[string][]string, len(froms))
		for from, lists := range froms {
			best := ""
			for l, n := range lists {
				if best == "" || n > lists[best] || n == lists[best] && len(l) > len(best) {
					best = l
				}
			}
			d.usual[g][from] = strings.Fields(best)
		}
	}
	return d, nil
}

// readRoutes reads lines of the form "sources > destinations". Without destinations, the
// sources have an empty list each.
func readRoutes(lines []string) (map[string][]string, error) {
	routes := make(map[string][]string)
	for _, line := range lines {
		from, to, _ := strings.Cut(line, ">")
		dest := strings.Fields(to)
		for _, r := range strings.Fields(from) {
			if _, twice := routes[r]; twice {
				return nil, fmt.Errorf("source region %s is given twice", r)
			}
			routes[r] = dest
		}
	}
	return routes, nil
}

type outputJSON struct {
	Path, JSONata string
	List          bool
}

func (o outputJSON) output() Output { return Output{o.Path, o.List, o.JSONata} }
