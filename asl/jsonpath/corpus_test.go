package jsonpath_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sfnkit/sfnkit/asl/jsonpath"
	"github.com/sfnkit/sfnkit/asl/value"
)

type corpusCase struct {
	ID        string
	Selector  string
	Tier      string
	Definite  *bool
	Reference bool        `json:"reference_path"`
	Document  value.Value `json:"document"`
	Expected  value.Value
	Error     *struct{ Class, Stage, Message string }
	Jayway    string `json:"jayway_message"`
}

// TestCorpus holds the package to the recordings and to what the engine that the service
// runs answers (see README.md in the corpus' folder).
func TestCorpus(t *testing.T) {
	dir := os.Getenv("SFNKIT_SHARED")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared")
	}
	text, err := os.ReadFile(filepath.Join(dir, "corpora", "jsonpath", "cases.json"))
	if err != nil {
		t.Skipf("the JSONPath corpus is not here (SFNKIT_SHARED): %v", err)
	}
	var cases []corpusCase
	if err := json.Unmarshal(text, &cases); err != nil {
		t.Fatal(err)
	}
	type count struct{ ok, words, all int }
	counts := map[string]*count{}
	for _, c := range cases {
		n := counts[c.Tier]
		if n == nil {
			n = &count{}
			counts[c.Tier] = n
		}
		if p, err := jsonpath.Compile(c.Selector); err == nil {
			if root, _ := p.Root(); root != jsonpath.Input && c.Error != nil {
				continue // the engine knows neither the context object nor variables
			}
		}
		n.all++
		fail := t.Errorf
		if c.Tier == "quirk" {
			fail = t.Logf
		}
		got, err := evalText(c)
		switch {
		case c.Error == nil && err != nil:
			fail("%s %s: %s: %v, want %s", c.Tier, c.ID, c.Selector, err, c.Expected)
			continue
		case c.Error == nil && !value.Equal(got, c.Expected):
			fail("%s %s: %s: got %s, want %s", c.Tier, c.ID, c.Selector, got, c.Expected)
			continue
		case c.Error != nil && err == nil:
			fail("%s %s: %s: got %s, want %v", c.Tier, c.ID, c.Selector, got, c.Error)
			continue
		case c.Error != nil:
			var syntax *jsonpath.SyntaxError
			var lost *jsonpath.NotFoundError
			want := c.Error.Message
			if c.Jayway != "" {
				want = c.Jayway
			}
			switch {
			case errors.As(err, &syntax) != (c.Error.Stage == "compile"),
				c.Error.Class == "PathNotFoundException" && !errors.As(err, &lost),
				c.Error.Class == "InvalidPathException" && errors.As(err, &lost):
				fail("%s %s: %s: got %T %v, want %v", c.Tier, c.ID, c.Selector, err, err, c.Error)
				continue
			case syntax == nil && !strings.HasSuffix(want, err.Error()):
				if !strings.Contains(want, "could not be found in the input") {
					t.Logf("%s %s: %s: says %q, want %q", c.Tier, c.ID, c.Selector, err, want)
					break
				}
				fallthrough
			default:
				n.words++
			}
		}
		n.ok++
		if p, err := jsonpath.Compile(c.Selector); err == nil {
			if c.Definite != nil && p.Definite() != *c.Definite {
				fail("%s: %s: definite is %v", c.ID, c.Selector, p.Definite())
			}
			if (p.Reference() == nil) != c.Reference {
				t.Logf("%s: %s: reference path is %v", c.ID, c.Selector, p.Reference() == nil)
			}
		}
	}
	for tier, n := range counts {
		t.Logf("%s: %d of %d", tier, n.ok, n.all)
	}
}

func evalText(c corpusCase) (value.Value, error) {
	p, err := jsonpath.Compile(c.Selector)
	if err != nil {
		return value.Value{}, err
	}
	return p.Eval(c.Document)
}
