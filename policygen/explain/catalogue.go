package explain

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"sync"
)

//go:embed catalogue.json
var catalogueText []byte

// entry is one error of the catalogue. Entries stand in the order in which they
// are tried: special before general.
type entry struct {
	ID      string   `json:"id"`
	Area    string   `json:"area"`
	Title   string   `json:"title"`
	Names   []string `json:"names"`
	Status  int      `json:"status"`
	Match   string   `json:"match"`
	ByName  bool     `json:"byName"` // the exception's name alone tells it, whatever the text
	Denial  *denied  `json:"denial"` // recognised by IAM's sentence instead of a pattern
	Causes  []remark `json:"causes"`
	Tell    []string `json:"tell"`
	Fixes   []remedy `json:"fixes"`
	Sources []string `json:"sources"`
	Unsure  string   `json:"unsure"`

	pattern *regexp.Regexp
}

// denied says which denials an entry is about; what it leaves out may be anything.
type denied struct {
	Action   string `json:"action"`
	Policy   string `json:"policy"`
	Explicit *bool  `json:"explicit"`
}

func (d *denied) fits(x *Denial) bool {
	return (d.Action == "" || strings.EqualFold(d.Action, x.Action)) &&
		(d.Policy == "" || d.Policy == x.Policy) &&
		(d.Explicit == nil || *d.Explicit == x.Explicit)
}

// remark is a cause that holds only for messages with certain features (see
// features): If must not be known to be absent, IfNot not known to be present.
type remark struct {
	If    []string `json:"if"`
	IfNot []string `json:"ifNot"`
	Text  string   `json:"text"`
}

func (r *remark) UnmarshalJSON(text []byte) error {
	if text[0] == '"' {
		return json.Unmarshal(text, &r.Text)
	}
	type plain remark
	return json.Unmarshal(text, (*plain)(r))
}

type remedy struct {
	remark
	Do     string   `json:"do"`
	Add    string   `json:"add"`
	Case   string   `json:"case"`
	Quotas []string `json:"quotas"`
}

func (r *remedy) UnmarshalJSON(text []byte) error {
	var plain struct {
		If, IfNot     []string
		Text          string
		Do, Add, Case string
		Quotas        []string
	}
	if err := json.Unmarshal(text, &plain); err != nil {
		return err
	}
	*r = remedy{remark{plain.If, plain.IfNot, plain.Text}, plain.Do, plain.Add, plain.Case, plain.Quotas}
	return nil
}

type catalogueData struct {
	Date        string            `json:"date"`
	Sources     map[string]string `json:"sources"`
	Geographies []struct {
		Regions  []string `json:"regions"`
		Profiles []string `json:"profiles"`
	} `json:"geographies"`
	Quotas  map[string][]string `json:"quotas"`
	Support struct {
		Open, WithPlan, WithoutPlan, Note string
		Cases                             map[string]struct{ Subject, Description string }
	} `json:"support"`
	Entries []*entry `json:"entries"`
}

// catalogue reads the catalogue when it is first needed: most programs that link it
// explain nothing in most runs.
var catalogue = sync.OnceValue(func() *catalogueData {
	var c catalogueData
	if err := json.Unmarshal(catalogueText, &c); err != nil {
		panic(fmt.Sprintf("catalogue.json: %v", err))
	}
	for _, e := range c.Entries {
		if e.Match != "" {
			e.pattern = regexp.MustCompile(e.Match)
		}
	}
	return &c
})

// profilesOf returns the prefixes of the inference profiles that can be called
// from a region.
func (c *catalogueData) profilesOf(region string) []string {
	for _, g := range c.Geographies {
		for _, start := range g.Regions {
			if strings.HasPrefix(region, start) {
				return g.Profiles
			}
		}
	}
	return nil
}

// lazily compiles an expression at its first use.
func lazily(expression string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expression) })
}

var slot = lazily(`\{(\w+)(: [^{}|]*)?(\|[^{}]*)?\}`)

// fill puts facts into a text: {name}, {name|what to say if it is not known}, and
// {name: in |} which says " in " and the fact, or nothing.
func fill(text string, facts map[string]string) string {
	return slot().ReplaceAllStringFunc(text, func(s string) string {
		g := slot().FindStringSubmatch(s)
		v := facts[g[1]]
		switch {
		case v == "" && g[3] == "" && g[2] == "":
			return "<" + g[1] + ">"
		case v == "":
			return g[3][1:]
		case g[2] != "":
			return g[2][1:] + v
		}
		return v
	})
}

// filled reports whether every fact that a text cannot do without is known.
func filled(text string, facts map[string]string) bool {
	for _, g := range slot().FindAllStringSubmatch(text, -1) {
		if g[2] == "" && g[3] == "" && facts[g[1]] == "" {
			return false
		}
	}
	return true
}
