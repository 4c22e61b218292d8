package policygen

import (
	"bytes"
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/sfnkit/sfnkit/asl/value"
	"github.com/sfnkit/sfnkit/policygen/iam"
)

// Split cuts the policy into documents of at most limit characters as IAM counts
// them ([iam.ManagedLimit], [iam.RoleInlineLimit]), in the order of the statements.
// A statement that alone is too large is cut by its resources. The error tells of a
// single resource that does not fit.
//
// Inline policies of a role share one limit, so a policy that is larger than that
// must become managed policies, of which a role can have [iam.ManagedPerRole].
func (r *Result) Split(limit int) ([]*iam.Policy, error) {
	var out []*iam.Policy
	current := &iam.Policy{Version: iam.Version2012}
	add := func(s iam.Statement) bool {
		for range 2 {
			tried := &iam.Policy{Version: iam.Version2012, Statements: append(slices.Clone(current.Statements), s)}
			if tried.Size() <= limit {
				current = tried
				return true
			}
			if len(current.Statements) == 0 {
				return false
			}
			out = append(out, current)
			current = &iam.Policy{Version: iam.Version2012}
		}
		return false
	}
	for i := range r.Statements {
		s := r.Statements[i].Statement
		if alone := (&iam.Policy{Version: iam.Version2012, Statements: []iam.Statement{s}}); alone.Size() <= limit {
			add(s)
			continue
		}
		for n, left := 1, s.Resources; len(left) > 0; n++ {
			part := s
			part.Sid = fmt.Sprintf("%sPart%d", s.Sid, n)
			fits := sort.Search(len(left), func(k int) bool {
				part.Resources = left[:k+1]
				return (&iam.Policy{Version: iam.Version2012, Statements: []iam.Statement{part}}).Size() > limit
			})
			if fits == 0 {
				return nil, fmt.Errorf("statement %s on %s alone has more than %d characters", s.Sid, left[0], limit)
			}
			part.Resources = left[:fits]
			add(part)
			left = left[fits:]
		}
	}
	if len(current.Statements) > 0 {
		out = append(out, current)
	}
	return out, nil
}

// CloudFormation returns the execution role as a resource for a CloudFormation or
// SAM template, in YAML, under the given logical id. Placeholders of the definition
// become Fn::Sub. A policy that is too large for inline policies becomes managed
// policies.
func (r *Result) CloudFormation(logicalID string) ([]byte, error) {
	role := yaml.MapSlice{
		{Key: "Type", Value: "AWS::IAM::Role"},
		{Key: "Properties", Value: yaml.MapSlice{{Key: "AssumeRolePolicyDocument", Value: substituted(r.TrustPolicy().Value())}}},
	}
	resources := yaml.MapSlice{{Key: logicalID, Value: role}}
	policy := r.Policy()
	switch {
	case len(policy.Statements) == 0:
	case policy.Size() <= iam.RoleInlineLimit:
		properties := role[1].Value.(yaml.MapSlice)
		role[1].Value = append(properties, yaml.MapItem{Key: "Policies", Value: []any{yaml.MapSlice{
			{Key: "PolicyName", Value: "Workflow"},
			{Key: "PolicyDocument", Value: substituted(policy.Value())},
		}}})
	default:
		parts, err := r.Split(iam.ManagedLimit)
		if err != nil {
			return nil, err
		}
		for i, p := range parts {
			resources = append(resources, yaml.MapItem{Key: fmt.Sprintf("%sPolicy%d", logicalID, i+1), Value: yaml.MapSlice{
				{Key: "Type", Value: "AWS::IAM::ManagedPolicy"},
				{Key: "Properties", Value: yaml.MapSlice{
					{Key: "Roles", Value: []any{yaml.MapSlice{{Key: "Ref", Value: logicalID}}}},
					{Key: "PolicyDocument", Value: substituted(p.Value())},
				}},
			}})
		}
	}
	return yaml.MarshalWithOptions(yaml.MapSlice{{Key: "Resources", Value: resources}}, yaml.IndentSequence(true))
}

// substituted turns a document into YAML data, text with placeholders into Fn::Sub.
func substituted(v value.Value) any {
	switch {
	case v.IsObject():
		out := yaml.MapSlice{}
		for k, m := range v.Members() {
			out = append(out, yaml.MapItem{Key: k, Value: substituted(m)})
		}
		return out
	case v.IsArray():
		out := []any{}
		for _, e := range v.Elems() {
			out = append(out, substituted(e))
		}
		return out
	case strings.Contains(v.Str(), "${"):
		return yaml.MapSlice{{Key: "Fn::Sub", Value: v.Str()}}
	}
	return v.Str()
}

// Terraform returns the policy as aws_iam_policy_document data sources, one for
// each managed policy that it takes, and the trust policy as another.
func (r *Result) Terraform(name string) ([]byte, error) {
	policies := []*iam.Policy{r.Policy()}
	if policies[0].Size() > iam.RoleInlineLimit {
		var err error
		if policies, err = r.Split(iam.ManagedLimit); err != nil {
			return nil, err
		}
	}
	var b bytes.Buffer
	terraformDocument(&b, name+"_assume", r.TrustPolicy())
	for i, p := range policies {
		if len(p.Statements) == 0 {
			continue
		}
		n := name
		if i > 0 {
			n = fmt.Sprintf("%s_%d", name, i+1)
		}
		b.WriteByte('\n')
		terraformDocument(&b, n, p)
	}
	return b.Bytes(), nil
}

func terraformDocument(b *bytes.Buffer, name string, p *iam.Policy) {
	fmt.Fprintf(b, "data \"aws_iam_policy_document\" %s {\n", hclString(name))
	for i, s := range p.Statements {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString("  statement {\n")
		if s.Sid != "" {
			fmt.Fprintf(b, "    sid       = %s\n", hclString(s.Sid))
		}
		fmt.Fprintf(b, "    effect    = %s\n", hclString(string(s.Effect)))
		hclList(b, "actions  ", s.Actions)
		if len(s.Resources) > 0 {
			hclList(b, "resources", s.Resources)
		}
		for _, pr := range s.Principals {
			fmt.Fprintf(b, "\n    principals {\n      type        = %s\n      identifiers = [%s]\n    }\n", hclString(pr.Kind), hclString(pr.Value))
		}
		for _, c := range s.Conditions {
			fmt.Fprintf(b, "\n    condition {\n      test     = %s\n      variable = %s\n      values   = [%s]\n    }\n", hclString(c.Operator), hclString(c.Key), strings.Join(hclStrings(c.Values), ", "))
		}
		b.WriteString("  }\n")
	}
	b.WriteString("}\n")
}

func hclList(b *bytes.Buffer, key string, texts []string) {
	if len(texts) == 1 {
		fmt.Fprintf(b, "    %s = [%s]\n", key, hclString(texts[0]))
		return
	}
	fmt.Fprintf(b, "    %s = [\n", key)
	for _, t := range hclStrings(texts) {
		fmt.Fprintf(b, "      %s,\n", t)
	}
	b.WriteString("    ]\n")
}

func hclStrings(texts []string) []string {
	out := make([]string, len(texts))
	for i, t := range texts {
		out[i] = hclString(t)
	}
	return out
}

// hclString quotes a text. ${…} stays what it is: Terraform's own interpolation,
// from which the placeholders of its templates come.
func hclString(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\r", `\r`, "\t", `\t`, "%{", "%%{").Replace(s) + `"`
}

// Table returns the statements with the states that need them and why, for a reader
// at a terminal.
func (r *Result) Table() string {
	var b strings.Builder
	for i := range r.Statements {
		s := &r.Statements[i]
		fmt.Fprintf(&b, "%s\n", s.Sid)
		for _, a := range s.Actions {
			fmt.Fprintf(&b, "  may   %s\n", a)
		}
		for _, x := range s.Resources {
			fmt.Fprintf(&b, "  on    %s\n", x)
		}
		for _, c := range s.Conditions {
			fmt.Fprintf(&b, "  if    %s %s %s\n", c.Key, c.Operator, strings.Join(c.Values, ", "))
		}
		for _, reason := range grouped(s.Reasons) {
			fmt.Fprintf(&b, "  for   %s\n", reason)
		}
		b.WriteByte('\n')
	}
	for _, w := range r.Warnings {
		fmt.Fprintf(&b, "warning: %s\n", w)
	}
	if r.Note != "" {
		b.WriteString(r.Note + "\n")
	}
	return b.String()
}

// grouped joins the states that have the same reason.
func grouped(reasons []Reason) []string {
	var order []Reason
	states := map[Reason][]string{}
	for _, x := range reasons {
		k := Reason{Why: x.Why, Source: x.Source}
		if states[k] == nil {
			order = append(order, k)
		}
		state := x.State
		if state == "" {
			state = "the state machine"
		}
		states[k] = append(states[k], state)
	}
	out := make([]string, len(order))
	for i, k := range order {
		out[i] = fmt.Sprintf("%s: %s (%s)", strings.Join(states[k], ", "), k.Why, k.Source)
	}
	return out
}

// Value returns the whole result as a JSON value: the statements, each with its
// reasons, the warnings and the note.
func (r *Result) Value() value.Value {
	statements := make([]value.Value, len(r.Statements))
	for i := range r.Statements {
		s := &r.Statements[i]
		reasons := make([]value.Value, len(s.Reasons))
		for j, x := range s.Reasons {
			reasons[j] = value.NewBuilder(3).Set("state", value.String(x.State)).Set("why", value.String(x.Why)).Set("source", value.String(x.Source)).Object()
		}
		statements[i] = value.NewBuilder(2).Set("statement", s.Statement.Value()).Set("reasons", value.Array(reasons)).Object()
	}
	warnings := make([]value.Value, len(r.Warnings))
	for i, w := range r.Warnings {
		warnings[i] = value.NewBuilder(4).Set("state", value.String(w.State)).Set("field", value.String(w.Field)).
			Set("message", value.String(w.Message)).Set("hint", value.String(w.Hint)).Object()
	}
	b := value.NewBuilder(3).Set("statements", value.Array(statements)).Set("warnings", value.Array(warnings))
	if r.Note != "" {
		b.Set("note", value.String(r.Note))
	}
	return b.Object()
}
