package main

import (
	"errors"
	"fmt"
	"io"
	"os"
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

If PATH is a folder, that is done for all templates in it, role by role; with --policy
also for its definitions, or only for workflow.asl.json if the folder has that. Files
that ` + configName + ` excludes are left out.

It exits 1 if a role lacks something for certain or has something beyond need, or a
definition cannot be read.`,
		Example: `  sfnkit policy check flow.asl.json --policy role.json --region us-east-1
  sfnkit policy check template.yaml
  sfnkit policy check .`,
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
	key      string   // the same for those that run with it
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
	var subjects []*subject
	var unreadable []error
	var err error
	info, statErr := os.Stat(path)
	folder := path != "-" && statErr == nil && info.IsDir() && (len(f.policies) == 0 || inFolder(path, definitionNames) == "")
	if folder {
		subjects, unreadable, err = f.openFolder(path)
	} else {
		subjects, err = f.open(cmd, path)
	}
	if err != nil {
		return err
	}
	if !folder && len(f.policies) == 0 && subjects[0].def == nil {
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
		skipped = append(skipped, value.NewBuilder(3).Set("machine", value.String(s.id())).Set("file", value.String(s.file)).Set("reason", value.String(why)).Object())
	}
	failed := false
	for _, s := range subjects {
		var r *checked
		why := ""
		if len(f.policies) > 0 {
			r = roles[0]
		} else if r, why = templateRole(s, roles); r != nil && !slices.Contains(roles, r) {
			r.unknown = append(r.unknown, s.grants...)
			roles = append(roles, r)
		}
		switch {
		case s.problem != "":
			failed = failed || s.asked && (s.def.Failed || s.def.Missing == "")
			skip(s, s.problem)
			if r != nil {
				r.others = append(r.others, s.id())
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
		lacks, excesses = lacks+r.lacking(), excesses+r.exceeding()
	}
	if len(roles) == 0 && !failed && len(unreadable) == 0 {
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
		p := &checkPrinter{cmd.OutOrStdout(), stderr, folder, map[string]bool{}}
		machines := 0
		for _, r := range roles {
			p.print(r)
			machines += len(r.users)
		}
		found := count(lacks, "permission") + " lacking, " + count(excesses, "permission") + " beyond need"
		if folder {
			found = fmt.Sprintf("%s compared, %d not: %s", count(machines, "state machine"), len(skipped), found)
		}
		note(stderr, "%s", found)
	}
	if last := len(unreadable) - 1; last >= 0 {
		for _, err := range unreadable[:last] {
			note(stderr, "sfnkit: %v", err)
		}
		return unreadable[last]
	}
	if lacks+excesses > 0 || failed {
		return errFindings
	}
	return nil
}

// certain reports whether a role lacks something whatever its unknown policies allow.
func (r *checked) certain(l *policygen.Lack) bool { return len(r.unknown) == 0 || l.Deny }

// lacking counts what the role lacks for certain.
func (r *checked) lacking() (n int) {
	for _, c := range r.comparisons {
		for i := range c.Lacks {
			if r.certain(&c.Lacks[i]) {
				n++
			}
		}
	}
	return n
}

// exceeding counts what the role has beyond need for certain.
func (r *checked) exceeding() int {
	if len(r.others) > 0 {
		return 0
	}
	return len(r.excesses)
}

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
func templateRole(s *subject, known []*checked) (r *checked, why string) {
	role := s.def.Role
	switch {
	case s.def.Kind == template.Plain:
		return nil, "no template gives it a role"
	case role == nil:
		return nil, "the template gives it no role"
	case role.ID == "" && role.ARN != "" && len(role.Policies) == 0:
		return nil, "its role is not in the template: " + role.ARN
	}
	key := role.ID
	if key == "" {
		key = role.ARN
	}
	if key == "" {
		key = "of " + s.def.ID // which may have several definitions to choose from
	}
	key = s.scope + "\n" + key
	for _, r := range known {
		if r.key == key {
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
		if !s.asked {
			continue
		}
		// The cases of a definition are one state machine.
		same := func(x *subject) bool { return s.def != nil && x.file == s.file && x.id() == s.id() }
		if k := slices.IndexFunc(asked, same); k >= 0 {
			merge(r.comparisons[k], list[i])
			continue
		}
		asked = append(asked, s)
		r.comparisons = append(r.comparisons, list[i])
	}
	r.users = asked
	return nil
}

// merge adds the lacks and warnings of another comparison that are not in c.
func merge(c, other *policygen.Comparison) {
	for i := range other.Lacks {
		l := &other.Lacks[i]
		if !slices.ContainsFunc(c.Lacks, func(x policygen.Lack) bool { return x.State == l.State && x.Message == l.Message }) {
			c.Lacks = append(c.Lacks, *l)
		}
	}
	for _, w := range other.Warnings {
		if !slices.Contains(c.Warnings, w) {
			c.Warnings = append(c.Warnings, w)
		}
	}
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

// title names the state machines that were compared with their files, and the role.
func (r *checked) title() string {
	names := make([]string, len(r.users))
	for i, s := range r.users {
		switch {
		case s.def.Kind == template.Plain:
			names[i] = s.file
		case i > 0 && s.file == r.users[i-1].file:
			names[i] = s.id()
		default:
			names[i] = s.file + ": " + s.id()
		}
	}
	title := strings.Join(names, ", ")
	if r.name != "" {
		title += " (role " + r.name + ")"
	}
	return title
}

// checkPrinter says in lines what roles lack and have beyond. The lines of standard error
// must be understood by themselves.
type checkPrinter struct {
	out, stderr io.Writer
	folder      bool            // there may be many files, so that lines name theirs
	said        map[string]bool // warnings that are the same for many
}

func (p *checkPrinter) print(r *checked) {
	role := ""
	if p.folder {
		note(p.out, "%s: %d lacking, %d beyond need", r.title(), r.lacking(), r.exceeding())
		role = r.title() + ": "
	}
	for i, c := range r.comparisons {
		who, place := "", ""
		if s := r.users[i]; s.def != nil {
			who = s.id() + ", "
			if p.folder && s.def.Kind != template.Plain {
				place = s.file + ": "
			}
		}
		for i := range c.Lacks {
			if l := &c.Lacks[i]; r.certain(l) {
				note(p.out, "lacks    %s%v", who, l)
			} else {
				note(p.stderr, "may lack %s%s%v", place, who, l)
			}
		}
		for _, x := range c.Warnings {
			text := place + who + x.String()
			if p.folder && x.State == "" {
				text = x.String()
			}
			if !p.said[text] {
				note(p.stderr, "warning: %s", text)
			}
			p.said[text] = true
		}
	}
	for _, x := range r.excesses {
		if len(r.others) == 0 {
			note(p.out, "exceeds  %s: %v", r.labels[x.Policy], x)
		} else {
			note(p.stderr, "may exceed %s: %v", r.labels[x.Policy], x)
		}
	}
	if len(r.unjudged) > 0 {
		note(p.stderr, "%snot judged, because the definition does not show whether they are needed: %s", role, strings.Join(r.unjudged, ", "))
	}
	if len(r.others) > 0 {
		note(p.stderr, "%swhat these users of the role need is not known: %s", role, strings.Join(r.others, ", "))
	}
	if len(r.unknown) > 0 {
		note(p.stderr, "%swhat these policies of the role allow is not known: %s", role, strings.Join(r.unknown, ", "))
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
		machines = append(machines, value.NewBuilder(4).Set("machine", value.String(r.users[i].id())).
			Set("file", value.String(r.users[i].file)).Set("lacks", value.Array(lacks)).Set("warnings", value.Array(warnings)).Object())
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
