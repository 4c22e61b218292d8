package iam

import (
	"fmt"
	"slices"
	"strings"
)

// Kind says where a policy is attached, which decides what it must hold and how
// it counts.
type Kind uint8

// The kinds of policies, as messages name them.
const (
	IdentityPolicy Kind = iota
	PermissionsBoundary
	SessionPolicy
	ServiceControlPolicy
	ResourceControlPolicy
	ResourcePolicy
	TrustPolicy
	EndpointPolicy
)

var kindNames = [...]string{
	IdentityPolicy:        "identity-based policy",
	PermissionsBoundary:   "permissions boundary",
	SessionPolicy:         "session policy",
	ServiceControlPolicy:  "service control policy",
	ResourceControlPolicy: "resource control policy",
	ResourcePolicy:        "resource-based policy",
	TrustPolicy:           "role trust policy",
	EndpointPolicy:        "VPC endpoint policy",
}

// String returns the kind in the words of AWS's messages.
func (k Kind) String() string { return kindNames[k] }

// hasPrincipals tells whether statements of this kind say whom they are about.
func (k Kind) hasPrincipals() bool {
	return k == ResourcePolicy || k == TrustPolicy || k == ResourceControlPolicy || k == EndpointPolicy
}

// plainSids tells whether a Sid must be of letters and digits: so for what IAM and
// Organizations keep; services that keep resource policies allow more.
func (k Kind) plainSids() bool {
	return k == IdentityPolicy || k == PermissionsBoundary || k == ServiceControlPolicy
}

func notAlphanumeric(r rune) bool {
	return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
}

// InvalidError says why a policy cannot be attached as the kind it was compiled
// for.
type InvalidError struct {
	Kind   Kind
	Path   string
	Reason string
}

func (e *InvalidError) Error() string {
	return fmt.Sprintf("%s: %s: %s", e.Kind, e.Path, e.Reason)
}

// Document is a policy compiled for one kind of attachment. It is immutable and
// safe for concurrent use.
type Document struct {
	kind       Kind
	arn        string
	statements []statement
}

// ARN returns the ARN or name that the document was compiled with.
func (d *Document) ARN() string { return d.arn }

type statement struct {
	sid           string
	deny          bool
	notAction     bool
	notResource   bool
	notPrincipal  bool
	actions       []glob
	resources     []arnPattern
	principals    []Principal
	hasPrincipals bool
	conditions    []condition
}

// Compile makes a policy ready for evaluation. arn is the policy's own ARN, which
// messages about explicit denies may name; a role's inline policy has none, and
// any other name may be given to be found again in a [Decision]. The error is an
// *InvalidError.
//
// Placeholders of templates (${Bucket}, ${AWS::Region}) are kept as text: they
// match the same placeholder in a request and wildcards.
func Compile(p *Policy, kind Kind, arn string) (*Document, error) {
	d := &Document{kind: kind, arn: arn, statements: make([]statement, len(p.Statements))}
	sids := map[string]bool{}
	for i := range p.Statements {
		s := &p.Statements[i]
		path := fmt.Sprintf("Statement[%d]", i)
		if s.Sid != "" && sids[s.Sid] && kind != ResourcePolicy && kind != TrustPolicy {
			return nil, &InvalidError{kind, path + ".Sid", fmt.Sprintf("%q occurs twice", s.Sid)}
		}
		sids[s.Sid] = true
		if kind.plainSids() && strings.ContainsFunc(withoutPlaceholders(s.Sid), notAlphanumeric) {
			return nil, &InvalidError{kind, path + ".Sid", fmt.Sprintf("%q has other characters than letters and digits", s.Sid)}
		}
		if err := d.statements[i].compile(s, kind, path, p.Version == Version2012); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// MustCompile is Compile for policies known to be right; it panics on an error.
func MustCompile(p *Policy, kind Kind, arn string) *Document {
	d, err := Compile(p, kind, arn)
	if err != nil {
		panic(err)
	}
	return d
}

func (c *statement) compile(s *Statement, kind Kind, path string, variables bool) *InvalidError {
	fail := func(element, format string, args ...any) *InvalidError {
		return &InvalidError{kind, path + element, fmt.Sprintf(format, args...)}
	}
	switch s.Effect {
	case Allow:
	case Deny:
		c.deny = true
	default:
		return fail(".Effect", "must be %q or %q", Allow, Deny)
	}
	c.sid = s.Sid
	actions := s.Actions
	if len(s.NotActions) > 0 {
		c.notAction, actions = true, s.NotActions
	}
	if len(actions) == 0 {
		return fail("", "has neither Action nor NotAction")
	}
	for _, a := range actions {
		service, name, found := strings.Cut(a, ":")
		switch {
		case a == "*":
		case !found || service == "" || name == "":
			return fail(".Action", "%q has not the form service:Name", a)
		case strings.ContainsAny(service, "*?"):
			return fail(".Action", "%q has a wildcard in the service prefix", a)
		case strings.Contains(withoutPlaceholders(name), ":"):
			return fail(".Action", "%q has more than one colon", a)
		case strings.ContainsFunc(withoutPlaceholders(service), func(r rune) bool { return r != '-' && notAlphanumeric(r) }):
			return fail(".Action", "%q does not begin with a service prefix", a)
		case kind == TrustPolicy && !strings.EqualFold(withoutPlaceholders(service), "sts") && !strings.Contains(service, "${"):
			return fail(".Action", "%q is no action of STS, of which a trust policy is", a)
		}
		c.actions = append(c.actions, compileGlob(strings.ToLower(a), true, false))
	}

	resources := s.Resources
	if len(s.NotResources) > 0 {
		c.notResource, resources = true, s.NotResources
	}
	switch {
	case kind == TrustPolicy && len(resources) > 0:
		return fail(".Resource", "a trust policy has no resources")
	case kind != TrustPolicy && len(resources) == 0:
		return fail("", "has neither Resource nor NotResource")
	}
	for _, r := range resources {
		if reason := checkResource(r, kind); reason != "" {
			return fail(".Resource", "%q %s", r, reason)
		}
		c.resources = append(c.resources, compileARN(r, variables, true))
	}

	c.principals, c.hasPrincipals = s.Principals, kind.hasPrincipals()
	if len(s.NotPrincipals) > 0 {
		c.notPrincipal, c.principals = true, s.NotPrincipals
	}
	switch {
	case !c.hasPrincipals && len(c.principals) > 0:
		return fail(".Principal", "is not allowed in this kind of policy")
	case c.hasPrincipals && len(c.principals) == 0 && kind != EndpointPolicy:
		return fail("", "has neither Principal nor NotPrincipal")
	case kind == ResourceControlPolicy && (c.notPrincipal || c.principals[0].Value != "*"):
		return fail(".Principal", "must be %q in a resource control policy", "*")
	case c.notPrincipal && kind == TrustPolicy:
		return fail(".NotPrincipal", "is not allowed in this kind of policy")
	case c.notPrincipal && !c.deny:
		return fail(".NotPrincipal", "goes with the effect %q only", Deny)
	}
	for _, p := range c.principals {
		if p.Value != "*" && strings.ContainsAny(withoutPlaceholders(p.Value), "*?") {
			return fail(".Principal", "%q has a wildcard in a part of a principal", p.Value)
		}
	}
	if kind == ResourceControlPolicy {
		if reason := checkControl(s); reason != "" {
			return fail("", "%s", reason)
		}
	}
	if len(c.principals) == 0 {
		c.hasPrincipals = false
	}
	for i := range s.Conditions {
		cond, err := compileCondition(&s.Conditions[i], variables)
		if err != nil {
			return fail(".Condition."+s.Conditions[i].Operator+"."+s.Conditions[i].Key, "%v", err)
		}
		c.conditions = append(c.conditions, cond)
	}
	return nil
}

// checkControl says what Organizations would refuse in a statement of a resource
// control policy. The one that allows is RCPFullAWSAccess, which is AWS's own.
func checkControl(s *Statement) string {
	switch {
	case len(s.NotActions) > 0:
		return "has NotAction, which a resource control policy must not have"
	case s.Effect == Deny && slices.Contains(s.Actions, "*"):
		return "denies the action \"*\", but must name services"
	case s.Effect == Allow && (!slices.Equal(s.Actions, []string{"*"}) || !slices.Equal(s.Resources, []string{"*"}) || len(s.Conditions) > 0):
		return "allows; a resource control policy can only deny"
	}
	return ""
}

// checkResource says what IAM would refuse in the pattern of a resource.
func checkResource(pattern string, kind Kind) string {
	if strings.Trim(pattern, "*") == "" && pattern != "" || strings.HasPrefix(pattern, "${") {
		return ""
	}
	parts, n := splitARN(pattern)
	if parts[0] != "arn" {
		return "must be an ARN or \"*\""
	}
	if n < 6 {
		switch kind {
		case SessionPolicy:
			return "is an incomplete ARN, which a session policy must not have"
		case ServiceControlPolicy, ResourceControlPolicy:
			if !strings.HasSuffix(pattern, "*") {
				return "is an incomplete ARN without a wildcard at its end"
			}
		}
	}
	if n > 2 && (parts[1] == "" || parts[2] == "") {
		return "has no " + map[bool]string{true: "partition", false: "service"}[parts[1] == ""]
	}
	for i, part := range parts[:min(n, 3)] {
		last := i == n-1 // arn:aws:bedrock* is an incomplete ARN that ends here
		if i > 0 && !last && strings.ContainsAny(withoutPlaceholders(part), "*?") {
			return "has a wildcard in the " + [...]string{"", "partition", "service"}[i]
		}
	}
	// Other services have resources without a type word (bucket names), where the
	// same form is right.
	if n == 6 && parts[2] == "iam" {
		word := parts[5]
		if end := strings.IndexAny(word, "/:"); end >= 0 {
			word = word[:end]
		}
		if word != "*" && strings.ContainsAny(withoutPlaceholders(word), "*?") {
			return "has a wildcard in the resource type"
		}
	}
	return ""
}

func withoutPlaceholders(text string) string {
	for {
		before, rest, found := strings.Cut(text, "${")
		if !found {
			return text
		}
		_, after, found := strings.Cut(rest, "}")
		if !found {
			return text
		}
		text = before + after
	}
}
