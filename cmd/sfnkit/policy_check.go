package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sfnkit/sfnkit/asl/template"
	"github.com/sfnkit/sfnkit/asl/value"
	"github.com/sfnkit/sfnkit/policygen"
	"github.com/sfnkit/sfnkit/policygen/iam"
)

func policyCheckCommand() *cobra.Command {
	var f policyFlags
	cmd := &cobra.Command{
		Use:   "check PATH [--policy FILE]",
		Short: "Compare a role's policies with what a workflow needs",
		Long: `Check says which states a role's policies would deny, with the message of AWS, and
what the policies allow beyond what the workflow needs, with the narrower form.

If PATH is a template, the policies of the roles that it gives its state machines are
compared, as far as it holds them; with --policy the given ones, as those of a role
that all its state machines share. What a role lacks is not certain if it also has
policies that are not in the template, and what it has beyond need is not if something
else uses it too.

It exits 1 if a role lacks something for certain or has something beyond need, or a
definition cannot be read.`,
		Example: `  sfnkit policy check flow.asl.json --policy role.json --region us-east-1
  sfnkit policy check template.yaml`,
		Args: exactArgs("PATH"),
		RunE: func(cmd *cobra.Command, args []string) error { return f.check(cmd, args[0]) },
	}
	f.flags(cmd)
	cmd.Flags().StringArrayVar(&f.policies, "policy", nil, "a `FILE` with a policy of the role (repeatable)")
	cmd.Flags().StringVar(&f.opts.Role, "role", "", "the `NAME` of the role, for messages")
	cmd.Flags().StringVarP(&f.output, "output", "o", "text", "what to print, as a `FORMAT`: text or json")
	return cmd
}

// checked is a role with those that run with it.
type checked struct {
	name     string
	key      string   // "" for a role that is nobody else's
	labels   []string // of the policies
	policies []*iam.Policy
	// unknown are the policies whose text is not at hand. With them, what the others
	// lack is not certain.
	unknown []string
	// others are users of the role whose needs are not known. With them, what is
	// beyond the need of the rest is not certain.
	others []string
	users  []*subject
	// What was found: for each user that was asked for, and for all of them.
	comparisons []*policygen.Comparison
	excesses    []policygen.Excess
	unjudged    []string
}

func (f *policyFlags) check(cmd *cobra.Command, path string) error {
	if err := choice("output", f.output, "text", "json"); err != nil {
		return err
	}
	subjects, err := f.open(cmd, path)
	if err != nil {
		return err
	}
	if len(f.policies) == 0 && subjects[0].def == nil {
		return errors.New("--policy FILE is missing")
	}
	var roles []*checked
	if len(f.policies) > 0 {
		r, err := f.givenRole()
		if err != nil {
			return err
		}
		roles = append(roles, r)
	}
	if len(f.policies) > 0 {
		subjects = onlyAsked(subjects)
	}
	stderr := cmd.ErrOrStderr()
	skipped := []value.Value{}
	skip := func(s *subject, why string) {
		if !s.asked {
			return
		}
		if f.output == "text" {
			note(stderr, "%s: not compared: %s", s.name, why)
		}
		skipped = append(skipped, value.NewBuilder(2).Set("machine", value.String(s.def.ID)).Set("reason", value.String(why)).Object())
	}
	failed := false
	for _, s := range subjects {
		var r *checked
		why := ""
		if len(f.policies) > 0 {
			r = roles[0]
		} else if r, why = templateRole(s.def.Role, roles); r != nil && !slices.Contains(roles, r) {
			r.unknown = append(r.unknown, s.grants...)
			roles = append(roles, r)
		}
		switch {
		case s.problem != "":
			failed = failed || s.asked && (s.def.Failed || s.def.Missing == "")
			skip(s, s.problem)
			if r != nil {
				r.others = append(r.others, s.def.ID)
			}
		case r == nil:
			skip(s, why)
		default:
			r.users = append(r.users, s)
		}
	}
	roles = slices.DeleteFunc(roles, func(r *checked) bool {
		return !slices.ContainsFunc(r.users, func(s *subject) bool { return s.asked })
	})
	lacks, excesses := 0, 0
	for _, r := range roles {
		if err := f.compare(r); err != nil {
			return err
		}
		if len(r.others) == 0 {
			excesses += len(r.excesses)
		}
		for _, c := range r.comparisons {
			for i := range c.Lacks {
				if r.certain(&c.Lacks[i]) {
					lacks++
				}
			}
		}
	}
	if len(roles) == 0 && !failed {
		return fmt.Errorf("%s: there is no role to compare with; give its policies with --policy FILE", path)
	}
	if f.output == "json" {
		list := make([]value.Value, len(roles))
		for i, r := range roles {
			list[i] = r.value()
		}
		b := value.NewBuilder(2).Set("roles", value.Array(list)).Set("notCompared", value.Array(skipped))
		if err := printIndented(cmd.OutOrStdout(), b.Object()); err != nil {
			return err
		}
	} else {
		for _, r := range roles {
			r.print(cmd.OutOrStdout(), stderr)
		}
		note(stderr, "%s lacking, %s beyond need", count(lacks, "permission"), count(excesses, "permission"))
	}
	if lacks+excesses > 0 || failed {
		return errFindings
	}
	return nil
}

// certain reports whether a role lacks something whatever its unknown policies allow.
func (r *checked) certain(l *policygen.Lack) bool { return len(r.unknown) == 0 || l.Deny }

// givenRole is the role with the policies of the command line.
func (f *policyFlags) givenRole() (*checked, error) {
	r := &checked{name: f.opts.Role, labels: f.policies}
	for _, file := range f.policies {
		p, err := readPolicy(file)
		if err != nil {
			return nil, err
		}
		r.policies = append(r.policies, p.Document)
	}
	return r, nil
}

// templateRole returns the role of a state machine, which may be among those that are
// known already, or says why there is none.
func templateRole(role *template.Role, known []*checked) (r *checked, why string) {
	switch {
	case role == nil:
		return nil, "the template gives it no role"
	case role.ID == "" && role.ARN != "" && len(role.Policies) == 0:
		return nil, "its role is not in the template: " + role.ARN
	}
	key := role.ID
	if key == "" {
		key = role.ARN
	}
	for _, r := range known {
		if key != "" && r.key == key {
			return r, ""
		}
	}
	r = &checked{name: role.ID, key: key, unknown: slices.Clone(role.Managed), others: services(role.Trust)}
	for _, p := range role.Policies {
		label := fmt.Sprintf("%s:%v", p.At.File, p.At.Position)
		if p.Name != "" {
			label += " (" + p.Name + ")"
		}
		// An error is no reason to give up: the document may hold what only a
		// deployment resolves.
		document, err := iam.FromValue(p.Document)
		if err == nil {
			_, err = iam.Compile(document, iam.IdentityPolicy, "")
		}
		if err != nil {
			r.unknown = append(r.unknown, fmt.Sprintf("%s (%v)", label, err))
			continue
		}
		r.labels = append(r.labels, label)
		r.policies = append(r.policies, document)
	}
	for _, g := range role.Generated {
		for name, parameters := range g.Members() {
			if p, ok := samPolicy(name, parameters); ok {
				r.labels, r.policies = append(r.labels, name), append(r.policies, p)
			} else {
				r.unknown = append(r.unknown, name)
			}
		}
	}
	return r, ""
}

func (f *policyFlags) compare(r *checked) error {
	users := make([]policygen.User, len(r.users))
	for i, s := range r.users {
		o, err := f.options(s)
		if err != nil {
			return err
		}
		if o.Role == "" {
			o.Role = r.name
		}
		users[i] = policygen.User{Machine: s.machine, Options: o}
	}
	list, err := policygen.CheckShared(users, r.policies)
	if err != nil {
		return err
	}
	r.excesses, r.unjudged = list[0].Excesses, list[0].Unjudged
	var asked []*subject
	for i, s := range r.users {
		if s.asked {
			asked = append(asked, s)
			r.comparisons = append(r.comparisons, list[i])
		}
	}
	r.users = asked
	return nil
}

// services returns the services besides Step Functions that may assume a role.
func services(trust value.Value) (list []string) {
	p, err := iam.FromValue(trust)
	if err != nil {
		return nil
	}
	for _, s := range p.Statements {
		for _, who := range s.Principals {
			if s.Effect == iam.Allow && who.Kind == "Service" && !strings.HasPrefix(who.Value, "states.") && !slices.Contains(list, who.Value) {
				list = append(list, who.Value)
			}
		}
	}
	return list
}

// print says in lines what a role lacks and has beyond.
func (r *checked) print(out, stderr io.Writer) {
	for i, c := range r.comparisons {
		who := ""
		if d := r.users[i].def; d != nil {
			who = d.ID + ", "
		}
		for i := range c.Lacks {
			if l := &c.Lacks[i]; r.certain(l) {
				note(out, "lacks    %s%v", who, l)
			} else {
				note(stderr, "may lack %s%v", who, l)
			}
		}
		for _, x := range c.Warnings {
			note(stderr, "warning: %s%v", who, x)
		}
	}
	for _, x := range r.excesses {
		if len(r.others) == 0 {
			note(out, "exceeds  %s: %v", r.labels[x.Policy], x)
		} else {
			note(stderr, "may exceed %s: %v", r.labels[x.Policy], x)
		}
	}
	if len(r.unjudged) > 0 {
		note(stderr, "not judged, because the definition does not show whether they are needed: %s", strings.Join(r.unjudged, ", "))
	}
	if len(r.others) > 0 {
		note(stderr, "what these users of the role need is not known: %s", strings.Join(r.others, ", "))
	}
	if len(r.unknown) > 0 {
		note(stderr, "what these policies of the role allow is not known: %s", strings.Join(r.unknown, ", "))
	}
}

func (r *checked) value() value.Value {
	texts := func(list []string) value.Value {
		vals := make([]value.Value, len(list))
		for i, t := range list {
			vals[i] = value.String(t)
		}
		return value.Array(vals)
	}
	machines := make([]value.Value, 0, len(r.users))
	excesses := make([]value.Value, len(r.excesses))
	for i, c := range r.comparisons {
		id := r.users[i].name
		if d := r.users[i].def; d != nil {
			id = d.ID
		}
		lacks := make([]value.Value, len(c.Lacks))
		for k := range c.Lacks {
			l := &c.Lacks[k]
			lacks[k] = value.NewBuilder(8).Set("state", value.String(l.State)).Set("action", value.String(l.Action)).
				Set("resource", value.String(l.Resource)).Set("why", value.String(l.Why)).Set("message", value.String(l.Message)).
				Set("deny", value.Bool(l.Deny)).Set("certain", value.Bool(r.certain(l))).
				Set("statement", l.Statement.Value()).Object()
		}
		warnings := make([]value.Value, len(c.Warnings))
		for k, w := range c.Warnings {
			warnings[k] = value.NewBuilder(4).Set("state", value.String(w.State)).Set("field", value.String(w.Field)).
				Set("message", value.String(w.Message)).Set("hint", value.String(w.Hint)).Object()
		}
		machines = append(machines, value.NewBuilder(3).Set("machine", value.String(id)).
			Set("lacks", value.Array(lacks)).Set("warnings", value.Array(warnings)).Object())
	}
	for i, x := range r.excesses {
		excesses[i] = value.NewBuilder(7).Set("policy", value.String(r.labels[x.Policy])).
			Set("statement", value.Int(int64(x.Statement))).Set("sid", value.String(x.Sid)).Set("action", value.String(x.Action)).
			Set("resource", value.String(x.Resource)).Set("narrower", texts(x.Narrower)).
			Set("certain", value.Bool(len(r.others) == 0)).Object()
	}
	return value.NewBuilder(6).Set("role", value.String(r.name)).Set("machines", value.Array(machines)).
		Set("excesses", value.Array(excesses)).Set("unjudged", texts(r.unjudged)).
		Set("unknownPolicies", texts(r.unknown)).Set("unknownUsers", texts(r.others)).Object()
}
