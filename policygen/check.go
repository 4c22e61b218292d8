package policygen

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sfnkit/sfnkit/asl"
	"github.com/sfnkit/sfnkit/policygen/iam"
)

// Lack is something that a state needs and the policies do not allow.
type Lack struct {
	State    string // "" for the state machine itself
	Action   string
	Resource string // "*" for actions without resources
	Why      string // what the state does with it
	// Message is what AWS says when it is denied.
	Message string
	// Deny is set if a Deny statement is the reason, which no further Allow cures.
	Deny bool
	// Statement is the one to add.
	Statement iam.Statement
}

// Excess is something that a policy allows and no state needs.
type Excess struct {
	Policy    int // index of the policy
	Statement int // index of its statement
	Sid       string
	Action    string // as written in the statement
	Resource  string // as written; "" if the action is not needed on any resource
	// Narrower is what to write instead: actions where Resource is "", else resources.
	// Empty: leave it out.
	Narrower []string
}

// Comparison is what a role lacks for a state machine and what it has beyond.
type Comparison struct {
	Lacks    []Lack
	Excesses []Excess
	// Unjudged are the actions on logs, traces and keys that were left out of
	// Excesses, because the definition does not show whether they are needed.
	Unjudged []string
	Warnings []Warning // of the needs, see Result
}

// User is a state machine that runs with a role. The Role of its Options is the name
// of that role.
type User struct {
	Machine *asl.StateMachine
	Options Options
}

// Check compares a role's policies with what a state machine needs. What is needed
// only on a resource that is known at run time counts as allowed if the policies
// allow it on some resource that it may be. The error is an *iam.InvalidError for a
// policy that IAM would refuse, or tells that the options cannot be used.
func Check(machine *asl.StateMachine, policies []*iam.Policy, opts Options) (*Comparison, error) {
	list, err := CheckShared([]User{{machine, opts}}, policies)
	if err != nil {
		return nil, err
	}
	return list[0], nil
}

// CheckShared is Check for a role that several state machines run with, so that what
// one of them needs is not beyond need. It returns a comparison for each user, in
// their order; Excesses and Unjudged are the same in all.
func CheckShared(users []User, policies []*iam.Policy) ([]*Comparison, error) {
	policies, warnings := opaque(policies)
	at := iam.Attached{TrustUnknown: true}
	for i, p := range policies {
		d, err := iam.Compile(p, iam.IdentityPolicy, fmt.Sprintf("policy %d", i))
		if err != nil {
			return nil, err
		}
		at.Identity = append(at.Identity, d)
	}
	list := make([]*Comparison, len(users))
	var needs []need
	for i, u := range users {
		w, err := newWalk(u.Options)
		if err != nil {
			return nil, err
		}
		w.machine(u.Machine)
		role := u.Options.Role
		if role == "" {
			role = "ExecutionRole"
		}
		session := role[strings.LastIndexByte(role, '/')+1:]
		evaluator := iam.NewEvaluator(iam.Caller{
			ARN:          w.arn("arn:{P}:sts::{A}:assumed-role/" + session + "/execution"),
			PrincipalARN: w.arn("arn:{P}:iam::{A}:role/" + role),
		}, at)
		list[i] = &Comparison{Warnings: append(w.warnings, warnings...)}
		list[i].lacks(w, evaluator, policies)
		needs = append(needs, w.needs...)
	}
	var all Comparison
	all.excesses(needs, policies)
	for _, c := range list {
		c.Excesses, c.Unjudged = all.Excesses, all.Unjudged
	}
	return list, nil
}

// opaque makes the resources that no ARN can be (references that a template leaves
// open) into placeholders, which may stand for anything.
func opaque(policies []*iam.Policy) ([]*iam.Policy, []Warning) {
	var warnings []Warning
	out := make([]*iam.Policy, len(policies))
	for i, p := range policies {
		q := *p
		q.Statements = slices.Clone(p.Statements)
		for j := range q.Statements {
			for _, list := range []*[]string{&q.Statements[j].Resources, &q.Statements[j].NotResources} {
				*list = slices.Clone(*list)
				for k, r := range *list {
					if strings.Trim(r, "*") != "" && !strings.HasPrefix(r, "arn:") && !strings.HasPrefix(r, "${") {
						(*list)[k] = "${" + r + "}"
						warnings = append(warnings, Warning{Message: fmt.Sprintf("the resource %q of a policy is no ARN and taken for one that is filled in later", r)})
					}
				}
			}
		}
		out[i] = &q
	}
	return out, warnings
}

// filledIn replaces the placeholders in a pattern by wildcards.
func filledIn(pattern string) string {
	for {
		before, rest, found := strings.Cut(pattern, "${")
		if !found {
			return pattern
		}
		_, after, found := strings.Cut(rest, "}")
		if !found {
			return pattern
		}
		pattern = before + "*" + after
	}
}

func (c *Comparison) lacks(w *walk, evaluator *iam.Evaluator, policies []*iam.Policy) {
	type key struct{ state, action, resource string }
	seen := map[key]bool{}
	placeholders := slices.ContainsFunc(policies, func(p *iam.Policy) bool {
		return slices.ContainsFunc(p.Statements, func(s iam.Statement) bool {
			return slices.ContainsFunc(s.Resources, func(r string) bool { return strings.Contains(r, "${") })
		})
	})
	for i := range w.needs {
		n := &w.needs[i]
		if n.perhaps {
			continue
		}
		for _, action := range n.actions {
			var lacks []Lack
			for _, resource := range n.resources {
				k := key{n.reason.State, action, resource}
				if seen[k] {
					continue
				}
				seen[k] = true
				d := evaluator.Evaluate(n.request(action, resource))
				open := placeholders || strings.ContainsAny(filledIn(resource), "*?")
				if d.Allowed || !d.Explicit && open && allowsSome(policies, action, resource) {
					continue
				}
				lacks = append(lacks, Lack{
					State: n.reason.State, Action: action, Resource: resource, Why: n.reason.Why,
					Message: d.Message(false), Deny: d.Explicit,
					Statement: iam.Statement{Effect: iam.Allow, Actions: []string{action}, Resources: []string{resource}, Conditions: n.conditions},
				})
			}
			if denied := slices.ContainsFunc(lacks, func(l Lack) bool { return l.Deny }); !n.either || denied || len(lacks) == len(n.resources) {
				c.Lacks = append(c.Lacks, lacks...)
			}
		}
	}
}

// allowsSome reports whether some policy allows an action on a resource that a
// pattern covers.
func allowsSome(policies []*iam.Policy, action, pattern string) bool {
	for _, p := range policies {
		for i := range p.Statements {
			s := &p.Statements[i]
			if s.Effect != iam.Allow || !matchesAction(s, action) {
				continue
			}
			if len(s.NotResources) > 0 || slices.ContainsFunc(s.Resources, func(r string) bool { return mayMeet(r, pattern) }) {
				return true
			}
		}
	}
	return false
}

func matchesAction(s *iam.Statement, action string) bool {
	if len(s.NotActions) > 0 {
		return !slices.ContainsFunc(s.NotActions, func(a string) bool { return actionCovers(a, action) })
	}
	return slices.ContainsFunc(s.Actions, func(a string) bool { return actionCovers(a, action) })
}

// actionCovers reports whether a pattern of actions covers an action.
func actionCovers(pattern, action string) bool {
	return wildcard(strings.ToLower(pattern), strings.ToLower(action))
}

// wildcard matches a text with a pattern of * and ?.
func wildcard(pattern, text string) bool {
	i, j, star, mark := 0, 0, -1, 0
	for j < len(text) {
		switch {
		case i < len(pattern) && pattern[i] == '*':
			star, mark = i, j
			i++
		case i < len(pattern) && (pattern[i] == '?' || pattern[i] == text[j]):
			i++
			j++
		case star >= 0:
			mark++
			i, j = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[i:], "*") == ""
}

// mayMeet reports whether two patterns, in which placeholders stand for anything,
// may mean a common resource.
func mayMeet(a, b string) bool {
	if a == b {
		return true
	}
	a, b = filledIn(a), filledIn(b)
	if strings.HasPrefix(a, "*") || strings.HasPrefix(b, "*") {
		// A placeholder for an ARN, perhaps with a path behind it, has no segments to
		// compare: only the ends tell.
		x, y := a[strings.LastIndexAny(a, "*?")+1:], b[strings.LastIndexAny(b, "*?")+1:]
		return strings.HasSuffix(x, y) || strings.HasSuffix(y, x)
	}
	return overlap(a, b)
}

// overlap reports whether two patterns may match a common ARN. It errs on the side
// of yes: it compares the constant starts of their segments.
func overlap(a, b string) bool {
	if a == "*" || b == "*" {
		return true
	}
	as, bs := strings.SplitN(a, ":", 6), strings.SplitN(b, ":", 6)
	for i := 0; i < min(len(as), len(bs)); i++ {
		x, _, xs := cutWildcard(as[i])
		y, _, ys := cutWildcard(bs[i])
		switch {
		case !xs && !ys:
			if x != y {
				return false
			}
		case xs && ys:
			if !strings.HasPrefix(x, y) && !strings.HasPrefix(y, x) {
				return false
			}
		case xs:
			if !wildcard(as[i], bs[i]) {
				return false
			}
		default:
			if !wildcard(bs[i], as[i]) {
				return false
			}
		}
	}
	return true
}

func cutWildcard(s string) (before, after string, found bool) {
	if i := strings.IndexAny(s, "*?"); i >= 0 {
		return s[:i], s[i+1:], true
	}
	return s, "", false
}

func (c *Comparison) excesses(needs []need, policies []*iam.Policy) {
	for pi, p := range policies {
		for si := range p.Statements {
			s := &p.Statements[si]
			if s.Effect != iam.Allow {
				continue
			}
			actions := s.Actions
			if len(s.NotActions) > 0 {
				actions = []string{"*"}
			}
			resources := s.Resources
			if len(s.NotResources) > 0 {
				resources = []string{"*"}
			}
			usedResources := map[string][]string{} // resource of the statement to needed ones
			for _, a := range actions {
				var needed []string // actions
				for i := range needs {
					n := &needs[i]
					for _, action := range n.actions {
						if !actionCovers(a, action) {
							continue
						}
						meets := false
						for _, have := range resources {
							for _, want := range n.resources {
								if mayMeet(have, want) {
									meets = true
									usedResources[have] = append(usedResources[have], want)
								}
							}
						}
						if meets {
							needed = append(needed, action)
						}
					}
				}
				needed = unique(needed)
				if strings.HasPrefix(a, "logs:") || strings.HasPrefix(a, "xray:") || strings.HasPrefix(a, "kms:") {
					if len(needed) == 0 {
						c.Unjudged = append(c.Unjudged, a)
						for _, r := range resources {
							usedResources[r] = append(usedResources[r], r)
						}
					}
					continue
				}
				switch {
				case len(needed) == 0:
					c.Excesses = append(c.Excesses, Excess{pi, si, s.Sid, a, "", nil})
				case strings.ContainsAny(a, "*?") || len(s.NotActions) > 0:
					slices.Sort(needed)
					c.Excesses = append(c.Excesses, Excess{pi, si, s.Sid, a, "", needed})
				}
			}
			if len(usedResources) == 0 {
				continue // every action is reported already
			}
			action := strings.Join(actions, ", ")
			for _, have := range resources {
				want := unique(usedResources[have])
				slices.Sort(want)
				switch {
				case len(want) == 0:
					c.Excesses = append(c.Excesses, Excess{pi, si, s.Sid, action, have, nil})
				case !slices.ContainsFunc(want, func(w string) bool {
					// A placeholder may become just what the policy has.
					return w == have || covers(w, have) || strings.Contains(have, "${") || strings.Contains(w, "${") && !strings.Contains(have, "*")
				}):
					c.Excesses = append(c.Excesses, Excess{pi, si, s.Sid, action, have, want})
				}
			}
		}
	}
	slices.Sort(c.Unjudged)
	c.Unjudged = slices.Compact(c.Unjudged)
}

// String says the excess in a line.
func (x Excess) String() string {
	at := fmt.Sprintf("statement %d", x.Statement)
	if x.Sid != "" {
		at = x.Sid
	}
	what := x.Action
	if x.Resource != "" {
		what += " on " + x.Resource
	}
	if len(x.Narrower) == 0 {
		return at + ": " + what + " is not needed"
	}
	return at + ": " + what + " is wider than needed: " + strings.Join(x.Narrower, ", ") + " would do"
}

// String says the lack in a line.
func (l Lack) String() string {
	at := l.State
	if at == "" {
		at = "state machine"
	}
	return at + ": " + l.Message
}
