package iam_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/sfnkit/sfnkit/policygen/iam"
)

func marshal(t *testing.T, v any) []byte {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// world makes random policies over a small set of names, so that statements often
// meet.
type world struct{ *rand.Rand }

func (w world) pick(texts ...string) string { return texts[w.IntN(len(texts))] }

func (w world) action() string {
	return w.pick("s3:GetObject", "s3:PutObject", "bedrock:InvokeModel", "kms:Decrypt")
}

func (w world) resource() string {
	return fmt.Sprintf("arn:aws:%s:%s::%s/%s", w.pick("s3", "bedrock"), w.pick("", "us-east-1", "us-east-2"), w.pick("b", "c", "foundation-model"), w.pick("k", "kk", "m", "a/b", "a:b"))
}

func (w world) pattern() string {
	p := w.resource()
	if w.IntN(2) == 0 {
		return p
	}
	start := len("arn:aws:") + strings.IndexByte(p[len("arn:aws:"):], ':') + 1
	at := start + w.IntN(len(p)-start)
	if p[at] == ':' {
		return p
	}
	return p[:at] + w.pick("*", "?", "*/*") + p[at+1:]
}

func (w world) statement() iam.Statement {
	s := iam.Statement{Effect: iam.Allow}
	if w.IntN(3) == 0 {
		s.Effect = iam.Deny
	}
	actions := []string{w.pick(w.action(), "*", "s3:*", "bedrock:Invoke*")}
	if w.IntN(5) == 0 {
		s.NotActions = actions
	} else {
		s.Actions = actions
	}
	resources := []string{w.pick("*", w.pattern(), w.pattern(), "arn:aws:s3*")}
	if w.IntN(5) == 0 {
		s.NotResources = resources
	} else {
		s.Resources = resources
	}
	if w.IntN(3) == 0 {
		s.Conditions = []iam.Condition{{Operator: w.pick("StringEquals", "StringNotEquals", "StringEqualsIfExists", "StringLike"), Key: "aws:RequestedRegion", Values: []string{w.pick("us-east-1", "us-east-2", "us-*")}}}
	}
	return s
}

func (w world) policy() []iam.Statement {
	out := make([]iam.Statement, w.IntN(4))
	for i := range out {
		out[i] = w.statement()
	}
	return out
}

func (w world) request() iam.Request {
	return iam.Request{Action: w.action(), Resource: w.pick(w.resource(), w.resource(), "")}
}

func evaluate(t *testing.T, r iam.Request, identity []iam.Statement, more func(*iam.Attached)) iam.Decision {
	t.Helper()
	at := iam.Attached{Identity: []*iam.Document{document(t, iam.IdentityPolicy, identity)}}
	if more != nil {
		more(&at)
	}
	return iam.NewEvaluator(iam.Caller{ARN: "arn:aws:iam::111122223333:role/r"}, at).Evaluate(r)
}

func document(t *testing.T, kind iam.Kind, statements []iam.Statement) *iam.Document {
	t.Helper()
	d, err := iam.Compile(&iam.Policy{Version: iam.Version2012, Statements: statements}, kind, "")
	if err != nil {
		t.Fatal(err)
	}
	return d
}

const rounds = 5000

func TestDenyAlwaysWins(t *testing.T) {
	w := world{rand.New(rand.NewPCG(1, 1))}
	denied := 0
	for range rounds {
		r, identity, deny := w.request(), w.policy(), w.statement()
		deny.Effect = iam.Deny
		allow := deny
		allow.Effect = iam.Allow
		if !evaluate(t, r, []iam.Statement{allow}, nil).Allowed {
			continue // the statement does not match the request
		}
		denied++
		for _, more := range []func(*iam.Attached){
			func(at *iam.Attached) {
				at.Identity = append(at.Identity, document(t, iam.IdentityPolicy, []iam.Statement{deny}))
			},
			func(at *iam.Attached) {
				at.SCPs = [][]*iam.Document{{document(t, iam.ServiceControlPolicy, []iam.Statement{everything, deny})}}
			},
			func(at *iam.Attached) {
				at.Boundary = document(t, iam.PermissionsBoundary, []iam.Statement{everything, deny})
			},
		} {
			if d := evaluate(t, r, append(identity, everything), more); d.Allowed || !d.Explicit {
				t.Fatalf("%+v is allowed in spite of %+v", r, deny)
			}
		}
	}
	if denied < rounds/50 {
		t.Errorf("only %d of %d requests met their statement", denied, rounds)
	}
}

var everything = iam.Statement{Effect: iam.Allow, Actions: []string{"*"}, Resources: []string{"*"}}

func TestAddingAnAllowNeverRemovesAccess(t *testing.T) {
	w := world{rand.New(rand.NewPCG(2, 2))}
	allowed := 0
	for range rounds {
		r, identity, add := w.request(), w.policy(), w.statement()
		add.Effect = iam.Allow
		if !evaluate(t, r, identity, nil).Allowed {
			continue
		}
		allowed++
		if !evaluate(t, r, slices.Insert(slices.Clone(identity), w.IntN(len(identity)+1), add), nil).Allowed {
			t.Fatalf("%+v: adding %+v to %+v removed access", r, add, identity)
		}
	}
	if allowed < rounds/50 {
		t.Errorf("only %d of %d requests were allowed at all", allowed, rounds)
	}
}

func TestNarrowingAResourceNeverAddsAccess(t *testing.T) {
	w := world{rand.New(rand.NewPCG(3, 3))}
	tried := 0
	for range rounds {
		r, wide := w.request(), w.statement()
		wide.Effect = iam.Allow
		wide.NotResources, wide.Resources = nil, []string{w.pattern()}
		narrow := wide
		at := strings.IndexAny(wide.Resources[0], "*?")
		if at < 0 {
			continue
		}
		tried++
		narrow.Resources = []string{wide.Resources[0][:at] + w.pick("k", "b", "/a", "x*") + wide.Resources[0][at+1:]}
		if wide.Resources[0][at] == '?' {
			narrow.Resources = []string{wide.Resources[0][:at] + w.pick("k", "b", "/") + wide.Resources[0][at+1:]}
		}
		if evaluate(t, r, []iam.Statement{narrow}, nil).Allowed && !evaluate(t, r, []iam.Statement{wide}, nil).Allowed {
			t.Fatalf("%+v: %v allows what %v does not", r, narrow.Resources, wide.Resources)
		}
		both := wide
		both.Resources = append(slices.Clone(wide.Resources), narrow.Resources...)
		if evaluate(t, r, []iam.Statement{both}, nil).Allowed != evaluate(t, r, []iam.Statement{wide}, nil).Allowed {
			t.Fatalf("%+v: %v and %v differ", r, both.Resources, wide.Resources)
		}
	}
	if tried < rounds/10 {
		t.Errorf("only %d of %d had a wildcard", tried, rounds)
	}
}

func TestControlPoliciesOnlyNarrow(t *testing.T) {
	w := world{rand.New(rand.NewPCG(4, 4))}
	for range rounds {
		r, identity := w.request(), w.policy()
		scp, boundary := document(t, iam.ServiceControlPolicy, w.policy()), document(t, iam.PermissionsBoundary, w.policy())
		limited := evaluate(t, r, identity, func(at *iam.Attached) {
			at.SCPs = [][]*iam.Document{{scp}}
			at.Boundary = boundary
		})
		if limited.Allowed && !evaluate(t, r, identity, nil).Allowed {
			t.Fatalf("%+v is allowed only because of a limit", r)
		}
	}
}

func TestCallIsTheIntersection(t *testing.T) {
	w := world{rand.New(rand.NewPCG(5, 5))}
	for range rounds / 4 {
		a, b, identity := w.request(), w.request(), w.policy()
		e := iam.NewEvaluator(iam.Caller{ARN: "arn:aws:iam::111122223333:role/r"}, iam.Attached{Identity: []*iam.Document{document(t, iam.IdentityPolicy, identity)}})
		if e.Call(a, b).Allowed != (e.Evaluate(a).Allowed && e.Evaluate(b).Allowed) {
			t.Fatalf("%+v %+v", a, b)
		}
	}
}

// The bound that is promised: one request against 100 statements in 20 µs.
func BenchmarkEvaluate100Statements(b *testing.B) {
	var statements []iam.Statement
	for i := range 100 {
		statements = append(statements, iam.Statement{
			Effect:    iam.Allow,
			Actions:   []string{"bedrock:Invoke*", "bedrock:GetModelCustomizationJob", "s3:GetObject"},
			Resources: []string{fmt.Sprintf("arn:aws:bedrock:*::foundation-model/vendor.model-%d*", i), fmt.Sprintf("arn:aws:bedrock:us-east-1:111122223333:inference-profile/us.vendor.model-%d", i)},
			Conditions: []iam.Condition{
				{Operator: "StringEquals", Key: "aws:RequestedRegion", Values: []string{"us-east-1", "us-east-2"}},
				{Operator: "ArnLike", Key: "bedrock:InferenceProfileArn", Values: []string{"arn:aws:bedrock:*:111122223333:inference-profile/us.*"}},
			},
		})
	}
	d, err := iam.Compile(&iam.Policy{Version: iam.Version2012, Statements: statements}, iam.IdentityPolicy, "")
	if err != nil {
		b.Fatal(err)
	}
	e := iam.NewEvaluator(iam.Caller{ARN: "arn:aws:sts::111122223333:assumed-role/Flow/run"}, iam.Attached{Identity: []*iam.Document{d}})
	for name, resource := range map[string]string{
		"first": "arn:aws:bedrock:us-east-2::foundation-model/vendor.model-0-v1:0",
		"last":  "arn:aws:bedrock:us-east-2::foundation-model/vendor.model-99-v1:0",
		"none":  "arn:aws:bedrock:us-east-2::foundation-model/other",
	} {
		b.Run(name, func(b *testing.B) {
			r := iam.Request{Action: "bedrock:InvokeModel", Resource: resource}
			r.Context.Set("bedrock:InferenceProfileArn", "arn:aws:bedrock:us-east-1:111122223333:inference-profile/us.vendor.model")
			b.ReportAllocs()
			for b.Loop() {
				e.Evaluate(r)
			}
		})
	}
}
