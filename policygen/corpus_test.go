package policygen_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/sfnkit/sfnkit/asl"
	"github.com/sfnkit/sfnkit/policygen"
	"github.com/sfnkit/sfnkit/policygen/iam"
)

// shared finds the folder of facts and corpora outside the repository.
func shared(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("SFNKIT_SHARED")
	if dir == "" {
		dir = filepath.Join("..", "..", "shared")
	}
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("the shared corpora are not there (%v); set SFNKIT_SHARED", err)
	}
	return dir
}

type corpusCase struct {
	ID, Dir, Kind string
	Context       struct{ Region, Account, Partition, StateMachineName string }
	Lacking       []json.RawMessage
	Unused        []json.RawMessage

	machine *asl.StateMachine
	policy  *iam.Policy
	opts    policygen.Options
}

func corpus(t testing.TB) []corpusCase {
	t.Helper()
	dir := filepath.Join(shared(t), "corpora", "policies")
	text, err := os.ReadFile(filepath.Join(dir, "index.json"))
	if err != nil {
		t.Skip(err)
	}
	var cases []corpusCase
	if err := json.Unmarshal(text, &cases); err != nil {
		t.Fatal(err)
	}
	for i := range cases {
		c := &cases[i]
		definition, err := os.ReadFile(filepath.Join(dir, c.Dir, "definition.json"))
		if err != nil {
			t.Fatal(err)
		}
		if c.machine, err = asl.Parse(definition); err != nil {
			t.Fatalf("%s: %v", c.ID, err)
		}
		policy, err := os.ReadFile(filepath.Join(dir, c.Dir, "policy.json"))
		if err != nil {
			t.Fatal(err)
		}
		c.policy, _ = iam.Parse(policy)
		c.opts = policygen.Options{Region: c.Context.Region, Account: c.Context.Account, Partition: c.Context.Partition, StateMachine: c.Context.StateMachineName}
		if c.opts.StateMachine == "" {
			c.opts.StateMachine = "Machine"
		}
	}
	return cases
}

type triple struct{ effect, action, resource string }

func triples(p *iam.Policy) map[triple]bool {
	out := map[triple]bool{}
	for _, g := range iam.Grants(p) {
		out[triple{string(g.Effect), g.Action, g.Resource}] = true
	}
	return out
}

// TestDocumentCases compares with the policies that AWS's guide prints: those of
// Bedrock are the same set, the others never wider and with all actions.
func TestDocumentCases(t *testing.T) {
	n := 0
	for _, c := range corpus(t) {
		if c.Kind == "authors" {
			continue
		}
		n++
		t.Run(c.ID, func(t *testing.T) {
			r, err := policygen.Generate(c.machine, c.opts)
			if err != nil {
				t.Fatal(err)
			}
			got, want := triples(r.Policy()), triples(c.policy)
			if want[triple{"Deny", "*", "*"}] {
				if len(got) != 0 || r.Note == "" {
					t.Errorf("nothing is needed, got %v, note %q", got, r.Note)
				}
				return
			}
			if strings.Contains(c.ID, "bedrock") {
				for g := range got {
					if !want[g] {
						t.Errorf("only ours: %v", g)
					}
				}
				for g := range want {
					if !got[g] {
						t.Errorf("only AWS's: %v", g)
					}
				}
				return
			}
			evaluator := evaluatorOf(t, c.policy)
			actions := map[string]bool{}
			for g := range got {
				actions[g.action] = true
				if !evaluator.Evaluate(iam.Request{Action: g.action, Resource: g.resource}).Allowed {
					t.Errorf("wider than AWS's page: %v", g)
				}
			}
			for g := range want {
				if !actions[g.action] {
					t.Errorf("missing: %v", g)
				}
			}
		})
	}
	t.Logf("%d cases", n)
}

func evaluatorOf(t testing.TB, p *iam.Policy) *iam.Evaluator {
	t.Helper()
	d, err := iam.Compile(p, iam.IdentityPolicy, "")
	if err != nil {
		t.Fatal(err)
	}
	return iam.NewEvaluator(iam.Caller{}, iam.Attached{Identity: []*iam.Document{d}, TrustUnknown: true})
}

// TestAuthorsCases generates a policy for every machine: it compiles, says the same
// twice, and needs each of its statements.
func TestAuthorsCases(t *testing.T) {
	warnings := 0
	for _, c := range corpus(t) {
		r, err := policygen.Generate(c.machine, c.opts)
		if err != nil {
			t.Errorf("%s: %v", c.ID, err)
			continue
		}
		again, _ := policygen.Generate(c.machine, c.opts)
		if string(r.Policy().JSON()) != string(again.Policy().JSON()) {
			t.Errorf("%s: two runs differ", c.ID)
		}
		warnings += len(r.Warnings)
		if _, err := iam.Compile(r.Policy(), iam.IdentityPolicy, ""); err != nil {
			t.Errorf("%s: %v\n%s", c.ID, err, r.Policy().JSON())
		}
		for _, s := range r.Statements {
			if len(s.Reasons) == 0 {
				t.Errorf("%s: %s has no reason", c.ID, s.Sid)
			}
		}
		if testing.Verbose() {
			for _, w := range r.Warnings {
				t.Logf("%s: %s", c.ID, w)
			}
		}
	}
	t.Logf("%d warnings", warnings)
}

// TestCheckFindsWhatTheCorpusNotes compares with the actions that the corpus notes
// as lacking or unused by a rough table.
func TestCheckFindsWhatTheCorpusNotes(t *testing.T) {
	names := func(list []json.RawMessage) (out []string) {
		for _, m := range list {
			var s string
			if json.Unmarshal(m, &s) == nil {
				out = append(out, s)
			}
		}
		return out
	}
	text, err := os.ReadFile("testdata/check-differences.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var differences []struct {
		Case, Reason string
		Actions      []string
	}
	if err := yaml.Unmarshal(text, &differences); err != nil {
		t.Fatal(err)
	}
	text, err = os.ReadFile("testdata/check-more.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var reviewed []struct {
		Case, Reason  string
		Lacks, Unused []string
	}
	if err := yaml.Unmarshal(text, &reviewed); err != nil {
		t.Fatal(err)
	}
	more := map[string]bool{} // what is to be reported beyond the notes, and was not yet
	for _, r := range reviewed {
		if r.Reason == "" {
			t.Errorf("%s: no reason", r.Case)
		}
		for _, a := range r.Lacks {
			more[r.Case+" lacks "+a] = true
		}
		for _, a := range r.Unused {
			more[r.Case+" unused "+a] = true
		}
	}
	beyond := func(finding string) {
		if !more[finding] {
			t.Errorf("%s: not among what was reviewed", finding)
		}
		delete(more, finding)
	}
	needed := map[string]bool{}
	for _, d := range differences {
		for _, a := range d.Actions {
			needed[d.Case+" "+strings.ToLower(a)] = true
		}
	}
	lacking, unused, refused, extra := 0, 0, 0, 0
	for _, c := range corpus(t) {
		if c.policy == nil {
			refused++
			continue
		}
		r, err := policygen.Check(c.machine, []*iam.Policy{c.policy}, c.opts)
		if err != nil {
			refused++
			t.Logf("%s: %v", c.ID, err)
			continue
		}
		lacks, excess := map[string]bool{}, map[string]bool{}
		for _, l := range r.Lacks {
			lacks[strings.ToLower(l.Action)] = true
		}
		for _, x := range r.Excesses {
			if x.Resource == "" && len(x.Narrower) == 0 {
				excess[strings.ToLower(x.Action)] = true
			}
		}
		for _, a := range names(c.Lacking) {
			lacking++
			if !lacks[strings.ToLower(a)] {
				t.Errorf("%s: %s is lacking and not reported", c.ID, a)
			}
			delete(lacks, strings.ToLower(a))
		}
		for _, a := range names(c.Unused) {
			unused++
			if reviewed := needed[c.ID+" "+strings.ToLower(a)]; excess[strings.ToLower(a)] == reviewed {
				t.Errorf("%s: %s is noted as unused; reported %t, reviewed as needed %t", c.ID, a, excess[strings.ToLower(a)], reviewed)
			}
			delete(excess, strings.ToLower(a))
		}
		extra += len(lacks) + len(excess)
		for l := range lacks {
			beyond(c.ID + " lacks " + l)
		}
		for x := range excess {
			beyond(c.ID + " unused " + x)
		}
	}
	for finding := range more {
		t.Errorf("%s: reviewed and not reported", finding)
	}
	t.Logf("%d lacking, %d unused, %d more, %d policies that IAM would refuse", lacking, unused, extra, refused)
}
