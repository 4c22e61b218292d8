package template

import (
	"path/filepath"
	"regexp"
	"strings"
	"sync"
)

// maxIncludes is how many ${file(...)} may lead from one to the next.
const maxIncludes = 20

var (
	// fileVariable is a variable of the Serverless Framework that stands for a file or a
	// part of it: ${file(name)} or ${file(name):key.key}; a fallback after a comma is
	// left out.
	fileVariable = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^\$\{file\(([^()]*)\)(?::([^,{}]*))?(?:,[^{}]*)?\}$`)
	})
	// selfVariable is one that stands for a part of serverless.yml.
	selfVariable = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^\$\{self:([^,{}]*)(?:,[^{}]*)?\}$`)
	})
)

// service is a serverless.yml.
type service struct {
	l    *loader
	src  *source
	root *node
	dir  string
}

func (l *loader) serverless(src *source) ([]Definition, error) {
	root, err := readTree(src, nil)
	if err != nil {
		return nil, err
	}
	s := &service{l: l, src: src, root: root, dir: filepath.Dir(src.name)}
	functions, err := s.resolve(root.get("stepFunctions"), 0)
	if err != nil {
		return nil, err
	}
	machines, err := s.resolve(functions.get("stateMachines"), 0)
	if err != nil {
		return nil, err
	}
	resources, err := s.resolve(root.get("resources"), 0)
	if err != nil {
		resources = nil
	}
	stack := l.newStack(src, resources.get("Resources"))
	var defs []Definition
	groups := []*node{machines}
	if machines.isArray() { // a list of objects that are put together
		groups = machines.kids
	}
	for _, g := range groups {
		g, err := s.resolve(g, 0)
		if err != nil {
			return defs, err
		}
		for i := 0; g.isObject() && i < len(g.names); i++ {
			if !l.step() {
				return defs, syntaxError(src, 0, "%s", errTooMuch)
			}
			d := Definition{ID: g.names[i].s, Kind: Serverless, At: Place{g.src.name, g.src.position(g.names[i].off)}}
			s.machine(&d, g.kids[i], stack)
			defs = append(defs, d)
		}
	}
	return defs, nil
}

func (s *service) machine(d *Definition, n *node, stack *stack) {
	n, err := s.resolve(n, 0)
	if err != nil {
		d.fail(err)
		return
	}
	d.Type = workflowType(n.get("type").str())
	d.Role = s.role(n, stack)
	def, err := s.resolve(n.get("definition"), 0)
	if err != nil {
		d.fail(err)
		return
	}
	if def == nil {
		d.missing("the state machine has no definition")
		return
	}
	d.At = Place{def.src.name, def.src.position(def.off)}
	d.Form = FormObject
	if def.src != s.src {
		d.Form, d.File = FormFile, def.src.name
	}
	if def.isString() && strings.HasPrefix(strings.TrimSpace(def.s), "${") {
		d.missing("the definition is the value of %s", def.s)
		return
	}
	if def, err = s.expand(def, 0, 0); err != nil {
		d.fail(err)
		return
	}
	if def.isString() { // JSON text
		d.Form = FormString
		d.set(def.passage())
		return
	}
	if f, _ := def.call(); f == "Fn::Sub" || f == "Fn::Join" {
		stack.fromString(d, def, nil)
		return
	}
	d.set(stack.object(def))
}

// expand puts the files in that a definition includes. What is not included in a way
// that is understood stays.
func (s *service) expand(n *node, depth, includes int) (*node, error) {
	if n == nil || depth > maxDepth {
		return n, nil
	}
	if includes > maxIncludes {
		return nil, syntaxError(n.src, n.off, "more than %d variables lead from one to the next", maxIncludes)
	}
	if !s.l.step() {
		return nil, syntaxError(n.src, n.off, "%s", errTooMuch)
	}
	if n.isString() {
		if got, err := s.resolve(n, 0); err == nil && got != n && got != nil {
			return s.expand(got, depth+1, includes+1)
		}
		if strings.HasPrefix(n.s, "${") && strings.HasSuffix(n.s, "}") && strings.Count(n.s, "${") == 1 {
			bare := *n // it may be a value of any kind
			p := &passage{}
			p.addAt(placeholder(n.s[2:len(n.s)-1]), n.src, n.off)
			bare.known, bare.bare, bare.s = p, true, p.String()
			return &bare, nil
		}
		return n, nil
	}
	if f, _ := n.call(); f != "" || len(n.kids) == 0 {
		return n, nil
	}
	out := *n
	out.kids = make([]*node, len(n.kids))
	for i, k := range n.kids {
		var err error
		if out.kids[i], err = s.expand(k, depth+1, includes); err != nil {
			return nil, err
		}
	}
	return &out, nil
}

// resolve follows ${file(...)} and ${self:...}. Values of other variables are returned as
// they are.
func (s *service) resolve(n *node, depth int) (*node, error) {
	if !n.isString() {
		return n, nil
	}
	text := strings.TrimSpace(n.s)
	if depth > maxIncludes || !s.l.step() {
		return nil, syntaxError(n.src, n.off, "more than %d variables lead from one to the next", maxIncludes)
	}
	var from *node
	var path string
	if m := fileVariable().FindStringSubmatch(text); m != nil {
		ref := strings.Trim(strings.TrimSpace(m[1]), `'"`)
		switch strings.ToLower(filepath.Ext(ref)) {
		case ".yml", ".yaml", ".json":
		default:
			return n, nil // code
		}
		// Names are relative to the service, whichever file they stand in.
		src, err := s.l.read(s.dir, ref)
		if err != nil {
			return nil, syntaxError(n.src, n.off, "%s", err)
		}
		if from, err = readTree(src, nil); err != nil {
			return nil, err
		}
		path = m[2]
	} else if m := selfVariable().FindStringSubmatch(text); m != nil {
		from, path = s.root, m[1]
	} else {
		return n, nil
	}
	for _, key := range strings.FieldsFunc(path, func(r rune) bool { return r == '.' }) {
		var err error
		if from, err = s.resolve(from, depth+1); err != nil {
			return nil, err
		}
		from = from.get(strings.TrimSpace(key))
	}
	if from == nil {
		return n, nil
	}
	return s.resolve(from, depth+1)
}

// role finds the role of a state machine: its own, its own statements, or none if the
// plugin makes one.
func (s *service) role(n *node, stack *stack) *Role {
	if ref, err := s.resolve(n.get("role"), 0); err == nil && ref != nil {
		return stack.role(&resource{props: &node{
			kind: n.kind, src: n.src, off: n.off,
			names: []name{{s: "RoleArn", off: ref.off}}, kids: []*node{s.named(ref, stack)},
		}})
	}
	list, err := s.resolve(n.get("iamRoleStatements"), 0)
	if err == nil && list.isArray() {
		list, err = s.expand(list, 0, 0)
	}
	if err != nil || !list.isArray() {
		return nil
	}
	role := &Role{}
	stack.policy(role, "", &node{kind: n.kind, src: list.src, off: list.off, names: []name{{"Statement", list.off}}, kids: []*node{list}})
	return role
}

// named makes a reference of a role that is given by its logical ID.
func (s *service) named(ref *node, stack *stack) *node {
	if ref.isString() && stack.resource(ref.s) != nil {
		return &node{kind: s.root.kind, src: ref.src, off: ref.off, names: []name{{"Ref", ref.off}}, kids: []*node{ref}}
	}
	return ref
}
