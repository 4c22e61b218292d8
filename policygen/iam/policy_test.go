package iam_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sfnkit/sfnkit/policygen/iam"
)

func parse(t testing.TB, text string) *iam.Policy {
	t.Helper()
	p, err := iam.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPrintIsCanonical(t *testing.T) {
	p := parse(t, `{"Statement":{"Condition":{"StringEquals":{"b:k":["2","1"],"a:k":true},"ArnLike":{"aws:SourceArn":"arn:aws:states:*:*:*"}},
		"Resource":"*","Action":"s3:GetObject","Principal":{"Service":"states.amazonaws.com","AWS":["1","2"]},"Effect":"Allow","Sid":"A"},"Id":"x","Version":"2012-10-17"}`)
	want := `{
  "Version": "2012-10-17",
  "Id": "x",
  "Statement": [
    {
      "Sid": "A",
      "Effect": "Allow",
      "Principal": {
        "AWS": [
          "1",
          "2"
        ],
        "Service": "states.amazonaws.com"
      },
      "Action": [
        "s3:GetObject"
      ],
      "Resource": [
        "*"
      ],
      "Condition": {
        "ArnLike": {
          "aws:SourceArn": "arn:aws:states:*:*:*"
        },
        "StringEquals": {
          "a:k": "true",
          "b:k": [
            "2",
            "1"
          ]
        }
      }
    }
  ]
}
`
	if diff := cmp.Diff(want, string(p.JSON())); diff != "" {
		t.Error(diff)
	}
	again := parse(t, string(p.JSON()))
	if diff := cmp.Diff(string(p.JSON()), string(again.JSON())); diff != "" {
		t.Error(diff)
	}
}

func TestParseErrors(t *testing.T) {
	var cases []struct{ Text, Error string }
	readYAML(t, "testdata/parse-errors.yaml", &cases)
	for _, c := range cases {
		_, err := iam.Parse([]byte(c.Text))
		if err == nil || err.Error() != "policy document: "+c.Error {
			t.Errorf("%s\ngot  %v\nwant policy document: %s", c.Text, err, c.Error)
		}
	}
}

func TestCompileErrors(t *testing.T) {
	kinds := map[string]iam.Kind{}
	for k := iam.IdentityPolicy; k <= iam.EndpointPolicy; k++ {
		kinds[k.String()] = k
	}
	var cases []struct {
		Kind, Error string
		Statement   map[string]any
	}
	readYAML(t, "testdata/compile-errors.yaml", &cases)
	for _, c := range cases {
		policy := func() *iam.Policy {
			text := mustJSON(t, map[string]any{"Version": "2012-10-17", "Statement": c.Statement})
			return parse(t, text)
		}()
		_, err := iam.Compile(policy, kinds[c.Kind], "")
		want := ""
		if c.Error != "" {
			want = c.Kind + ": Statement[0]" + c.Error
		}
		got := ""
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%v\ngot  %s\nwant %s", c.Statement, got, want)
		}
	}
	twice := parse(t, `{"Statement":[{"Sid":"A","Effect":"Allow","Action":"*","Resource":"*"},{"Sid":"A","Effect":"Allow","Action":"*","Resource":"*"}]}`)
	if _, err := iam.Compile(twice, iam.IdentityPolicy, ""); err == nil || !strings.Contains(err.Error(), `"A" occurs twice`) {
		t.Error(err)
	}
}

func TestGrantsDiffMerge(t *testing.T) {
	a := parse(t, `{"Statement":[
		{"Sid":"One","Effect":"Allow","Action":["s3:PutObject","s3:GetObject"],"Resource":["b","a"]},
		{"Effect":"Allow","Action":"s3:GetObject","Resource":"c"},
		{"Effect":"Allow","Action":"s3:PutObject","Resource":"c"},
		{"Effect":"Allow","Action":"s3:PutObject","Resource":"c","Condition":{"Bool":{"aws:SecureTransport":"true"}}},
		{"Effect":"Deny","NotAction":["b:*","a:*"],"NotResource":["d"]},
		{"Sid":"Alone","Effect":"Deny","Action":"s3:PutObject","Resource":"c"}]}`)
	merged, members := iam.Merge(a.Statements)
	b := &iam.Policy{Statements: merged}
	if !iam.Equal(a, b) {
		t.Errorf("merging changed the grants:\n%s", b.JSON())
	}
	if len(merged) != 4 || merged[3].Sid != "Alone" || merged[0].Sid != "" {
		t.Errorf("%s", b.JSON())
	}
	if diff := cmp.Diff([][]int{{0, 1, 2}, {3}, {4}, {5}}, members); diff != "" {
		t.Error(diff)
	}
	b.Statements[0].Actions = b.Statements[0].Actions[:1]
	onlyA, onlyB := iam.Diff(a, b)
	if len(onlyA) != 3 || len(onlyB) != 0 || onlyA[0] != (iam.Grant{Effect: iam.Allow, Action: "s3:PutObject", Resource: "a"}) {
		t.Errorf("%v %v", onlyA, onlyB)
	}
}

func TestSizeCountsCharactersWithoutWhiteSpace(t *testing.T) {
	p := parse(t, `{ "Version" : "2012-10-17", "Statement" : [ { "Sid": "é", "Effect":"Allow","Action":["a:B"],"Resource":["*"] } ] }`)
	want := len(`{"Version":"2012-10-17","Statement":[{"Sid":"e","Effect":"Allow","Action":["a:B"],"Resource":["*"]}]}`)
	if p.Size() != want {
		t.Errorf("%d, want %d", p.Size(), want)
	}
}

func mustJSON(t *testing.T, v any) string {
	t.Helper()
	p := marshal(t, v)
	return string(p)
}

func FuzzPolicy(f *testing.F) {
	f.Add([]byte(`{"Version":"2012-10-17","Statement":[{"Sid":"A","Effect":"Allow","Action":["s3:*"],"Resource":"arn:aws:s3:::b/${aws:PrincipalTag/t}/*","Condition":{"ForAllValues:StringLike":{"aws:TagKeys":["a*"]}}}]}`))
	f.Add([]byte(`{"Statement":{"Effect":"Deny","NotAction":"iam:*","NotResource":"arn:aws:iam","Principal":"*"}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := iam.Parse(text)
		if err != nil {
			return
		}
		again, err := iam.Parse(p.JSON())
		if err != nil {
			t.Fatalf("%v\n%s", err, p.JSON())
		}
		if string(again.JSON()) != string(p.JSON()) {
			t.Fatalf("printed once\n%s\ntwice\n%s", p.JSON(), again.JSON())
		}
		merged, _ := iam.Merge(p.Statements)
		if !iam.Equal(p, &iam.Policy{Version: p.Version, Statements: merged}) {
			t.Fatalf("merging changed the grants of\n%s", p.JSON())
		}
		for k := iam.IdentityPolicy; k <= iam.EndpointPolicy; k++ {
			d, err := iam.Compile(p, k, "")
			if err != nil {
				continue
			}
			iam.NewEvaluator(iam.Caller{ARN: "arn:aws:iam::1:role/r"}, iam.Attached{Identity: []*iam.Document{d}}).
				Evaluate(iam.Request{Action: "s3:GetObject", Resource: "arn:aws:s3:::b/k"}).Message(true)
		}
	})
}

func FuzzARN(f *testing.F) {
	f.Add("arn:aws:s3:::b/*", "arn:aws:s3:::b/k")
	f.Add("arn:aws:s3:::${aws:username}/?*é", "arn:aws:s3:::u/é")
	f.Add("*", "")
	f.Fuzz(func(t *testing.T, pattern, resource string) {
		policy := &iam.Policy{Version: iam.Version2012, Statements: []iam.Statement{{Effect: iam.Allow, Actions: []string{"*"}, Resources: []string{pattern}}}}
		d, err := iam.Compile(policy, iam.IdentityPolicy, "")
		if err != nil {
			return
		}
		e := iam.NewEvaluator(iam.Caller{ARN: "arn:aws:iam:::user/u"}, iam.Attached{Identity: []*iam.Document{d}, TrustUnknown: true})
		allowed := e.Evaluate(iam.Request{Action: "s3:GetObject", Resource: resource}).Allowed
		if pattern == resource && strings.HasPrefix(pattern, "arn:") && strings.Count(pattern, ":") >= 5 && !strings.Contains(pattern, "$") && !allowed {
			t.Errorf("%q does not match itself", pattern)
		}
		if pattern == "*" && !allowed {
			t.Errorf("* does not match %q", resource)
		}
	})
}
