package template

import (
	"strings"

	"github.com/sfnkit/sfnkit/asl/value"
)

// Role is the role of a state machine, as far as the files have it. In all values ${...}
// stands for what is not known.
type Role struct {
	// ID is the logical ID or the address of the role's resource, "" if the template
	// only refers to a role that lies elsewhere.
	ID string
	// ARN is the reference to the role as text: an ARN, or ${...}. "" for a role that
	// is made of Policies alone, as SAM does.
	ARN string
	// Policies are the policy documents that are written in the template.
	Policies []RolePolicy
	// Managed are the names or ARNs of managed policies that are only named.
	Managed []string
	// Generated are SAM policy templates: objects with one member, the name of the
	// template and its parameters.
	Generated []value.Value
	// Trust is the document that says who may assume the role; Absent if unknown.
	Trust value.Value
}

// RolePolicy is a policy document.
type RolePolicy struct {
	Name     string
	Document value.Value
	At       Place
}

// role finds the role of a state machine's resource.
func (s *stack) role(r *resource) *Role {
	ref := r.props.get("RoleArn")
	if ref == nil {
		ref = r.props.get("Role")
	}
	policies := r.props.get("Policies")
	if ref == nil && policies == nil {
		return nil
	}
	role := &Role{}
	if ref == nil {
		s.samPolicies(role, policies)
		return role
	}
	role.ARN = s.text(ref, 0).String()
	id := s.referred(ref)
	res := s.resource(id)
	if res == nil || res.typ != "AWS::IAM::Role" {
		return role
	}
	role.ID = id
	role.Trust = s.tree(res.props.get("AssumeRolePolicyDocument"))
	s.inline(role, res.props.get("Policies"))
	s.managed(role, res.props.get("ManagedPolicyArns"))
	for i := range s.resources {
		p := &s.resources[i]
		attached := false
		switch p.typ {
		case "AWS::IAM::Policy", "AWS::IAM::ManagedPolicy":
			roles := p.props.get("Roles")
			for k := 0; roles.isArray() && k < len(roles.kids); k++ {
				attached = attached || s.referred(roles.kids[k]) == id
			}
		case "AWS::IAM::RolePolicy":
			attached = s.referred(p.props.get("RoleName")) == id
		}
		if attached {
			s.policy(role, p.id, p.props.get("PolicyDocument"))
		}
	}
	return role
}

// referred returns the logical ID of the resource that a value refers to, "" if it does
// not refer to one.
func (s *stack) referred(n *node) string {
	switch f, arg := n.call(); f {
	case "Ref":
		return arg.str()
	case "Fn::GetAtt":
		if arg.isArray() && len(arg.kids) > 0 {
			return arg.kids[0].str()
		}
		id, _, _ := strings.Cut(arg.str(), ".")
		return id
	case "Fn::Sub":
		text := strings.TrimSpace(arg.str())
		if strings.HasPrefix(text, "${") && strings.IndexByte(text, '}') == len(text)-1 {
			id, _, _ := strings.Cut(text[2:len(text)-1], ".")
			return id
		}
	}
	return ""
}

func (s *stack) policy(role *Role, name string, document *node) {
	if !document.isObject() {
		return
	}
	doc := s.tree(document)
	if doc.IsAbsent() {
		return
	}
	role.Policies = append(role.Policies, RolePolicy{name, doc, Place{document.src.name, document.src.position(document.off)}})
}

// inline adds a list of {PolicyName, PolicyDocument}.
func (s *stack) inline(role *Role, list *node) {
	if !list.isArray() {
		return
	}
	for _, p := range list.kids {
		for _, p := range cases(p, 0) {
			s.policy(role, s.nameOf(p.get("PolicyName")), p.get("PolicyDocument"))
		}
	}
}

func (s *stack) nameOf(n *node) string {
	if n == nil {
		return ""
	}
	return s.text(n, 0).String()
}

// managed adds managed policies: those of the template as documents, the others by name.
func (s *stack) managed(role *Role, list *node) {
	if !list.isArray() {
		return
	}
	for _, n := range list.kids {
		for _, n := range cases(n, 0) {
			if r := s.resource(s.referred(n)); r != nil && r.typ == "AWS::IAM::ManagedPolicy" {
				s.policy(role, r.id, r.props.get("PolicyDocument"))
				continue
			}
			role.Managed = append(role.Managed, s.text(n, 0).String())
		}
	}
}

// samPolicies adds the Policies of a SAM state machine: names, documents, templates, or
// a list of them.
func (s *stack) samPolicies(role *Role, n *node) {
	list := []*node{n}
	if n.isArray() {
		list = n.kids
	}
	for _, n := range list {
		for _, n := range cases(n, 0) {
			f, _ := n.call()
			switch {
			case n.get("Statement") != nil:
				s.policy(role, "", n)
			case f != "" || n.isString():
				role.Managed = append(role.Managed, s.text(n, 0).String())
			case n.isObject():
				role.Generated = append(role.Generated, s.tree(n))
			}
		}
	}
}
