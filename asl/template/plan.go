package template

import (
	"github.com/sfnkit/sfnkit/asl/value"
)

// plan reads what "terraform show -json" prints of a plan or a state.
func (l *loader) plan(src *source) ([]Definition, error) {
	root, err := readJSON(src)
	if err != nil {
		return nil, err
	}
	values := root.get("planned_values")
	if values == nil {
		values = root.get("values")
	}
	var resources []*node
	l.module(values.get("root_module"), &resources, 0)
	roles := make(map[string]*Role) // by name
	for _, r := range resources {
		l.planRole(r, roles)
	}
	var defs []Definition
	for _, r := range resources {
		if r.get("type").str() != "aws_sfn_state_machine" || r.get("mode").str() == "data" {
			continue
		}
		v := r.get("values")
		d := Definition{ID: r.get("address").str(), Kind: TerraformPlan, Form: FormString, At: Place{src.name, src.position(r.off)}}
		d.Type = workflowType(v.get("type").str())
		if arn := v.get("role_arn").str(); arn != "" {
			d.Role = &Role{ARN: arn}
			for name, role := range roles {
				if role.ARN == arn || role.ARN == "" && roleName(arn) == name {
					known := *role
					known.ARN = arn
					d.Role = &known
				}
			}
		}
		if text := v.get("definition"); text.isString() {
			d.At.Position = src.position(text.off)
			d.set(text.passage())
		} else {
			d.missing("the definition is known only after the plan is applied")
		}
		defs = append(defs, d)
	}
	return defs, nil
}

func (l *loader) module(m *node, resources *[]*node, depth int) {
	if m == nil || depth > maxDepth {
		return
	}
	if list := m.get("resources"); list.isArray() {
		*resources = append(*resources, list.kids...)
	}
	if list := m.get("child_modules"); list.isArray() {
		for _, k := range list.kids {
			l.module(k, resources, depth+1)
		}
	}
}

// planRole collects roles and their inline policies.
func (l *loader) planRole(r *node, roles map[string]*Role) {
	v := r.get("values")
	role := func(name string) *Role {
		if roles[name] == nil {
			roles[name] = &Role{}
		}
		return roles[name]
	}
	switch r.get("type").str() {
	case "aws_iam_role":
		x := role(v.get("name").str())
		x.ID, x.ARN = r.get("address").str(), v.get("arn").str()
		if doc, err := value.ParseString(v.get("assume_role_policy").str()); err == nil {
			x.Trust = doc
		}
		if list := v.get("inline_policy"); list.isArray() {
			for _, p := range list.kids {
				x.json(p.get("name").str(), p.get("policy"))
			}
		}
	case "aws_iam_role_policy":
		role(v.get("role").str()).json(v.get("name").str(), v.get("policy"))
	case "aws_iam_role_policy_attachment":
		x := role(v.get("role").str())
		x.Managed = append(x.Managed, v.get("policy_arn").str())
	}
}

// json adds a policy document that is given as text.
func (r *Role) json(name string, text *node) {
	if !text.isString() {
		return
	}
	if doc, err := value.ParseString(text.s); err == nil {
		r.Policies = append(r.Policies, RolePolicy{name, doc, Place{text.src.name, text.src.position(text.off)}})
	}
}

func roleName(arn string) string {
	for i := len(arn) - 1; i >= 0; i-- {
		if arn[i] == '/' {
			return arn[i+1:]
		}
	}
	return ""
}
