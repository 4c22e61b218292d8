package template

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/sfnkit/sfnkit/asl"
	"github.com/sfnkit/sfnkit/asl/value"
)

// stack is a CloudFormation template.
type stack struct {
	l         *loader
	src       *source
	dir       string
	resources []resource
}

type resource struct {
	id    string
	node  *node
	props *node
	typ   string
}

func (l *loader) cloudFormation(src *source) ([]Definition, error) {
	root, err := readTree(src, cloudFormationSchema)
	if err != nil {
		return nil, err
	}
	return l.newStack(src, root.get("Resources")).definitions(), nil
}

func (l *loader) newStack(src *source, resources *node) *stack {
	s := &stack{l: l, src: src, dir: filepath.Dir(src.name)}
	s.collect(resources, 0)
	return s
}

// collect lists the resources. Those that Fn::ForEach makes are listed once.
func (s *stack) collect(resources *node, depth int) {
	if !resources.isObject() || depth > 10 {
		return
	}
	for i, m := range resources.names {
		n := resources.kids[i]
		if !s.l.step() {
			return
		}
		if strings.HasPrefix(m.s, "Fn::ForEach::") && n.isArray() && len(n.kids) == 3 {
			s.collect(n.kids[2], depth+1)
			continue
		}
		s.resources = append(s.resources, resource{m.s, n, n.get("Properties"), n.get("Type").str()})
	}
}

func (s *stack) resource(id string) *resource {
	for i := range s.resources {
		if s.resources[i].id == id {
			return &s.resources[i]
		}
	}
	return nil
}

func (s *stack) definitions() []Definition {
	var defs []Definition
	for i := range s.resources {
		r := &s.resources[i]
		if r.typ != "AWS::StepFunctions::StateMachine" && r.typ != "AWS::Serverless::StateMachine" {
			continue
		}
		d := Definition{ID: r.id, Kind: CloudFormation, At: Place{s.src.name, s.src.position(r.node.off)}}
		kind := r.props.get("StateMachineType")
		if r.typ == "AWS::Serverless::StateMachine" {
			kind = r.props.get("Type")
		}
		d.Type = workflowType(kind.str())
		d.Role = s.role(r)
		subs := s.substitutions(r.props.get("DefinitionSubstitutions"))
		if len(subs) > 0 {
			d.Substitutions = map[string]string{}
			for name, p := range subs {
				d.Substitutions[name] = p.String()
			}
		}
		defs = append(defs, s.variants(d, r.props, subs)...)
	}
	return defs
}

func workflowType(s string) asl.WorkflowType {
	if t := asl.WorkflowType(strings.ToUpper(s)); t == asl.Standard || t == asl.Express {
		return t
	}
	return ""
}

// substitutions returns what stands for the names in a definition. Those that are not
// known are left out.
func (s *stack) substitutions(n *node) map[string]*passage {
	if !n.isObject() {
		return nil
	}
	subs := make(map[string]*passage, len(n.names))
	for i, m := range n.names {
		subs[m.s] = s.text(n.kids[i], 0)
	}
	return subs
}

// variants gives a definition its text, one for each case of an Fn::If.
func (s *stack) variants(d Definition, props *node, subs map[string]*passage) []Definition {
	for _, property := range [...]string{"DefinitionString", "Definition", "DefinitionUri", "DefinitionS3Location"} {
		n := props.get(property)
		if n == nil {
			continue
		}
		var defs []Definition
		for _, n := range cases(n, 0) {
			d := d
			d.At.Position = s.src.position(n.off)
			switch property {
			case "DefinitionString":
				s.fromString(&d, n, subs)
			case "Definition":
				s.fromObject(&d, n, subs)
			default:
				s.fromURI(&d, n, subs)
			}
			defs = append(defs, d)
		}
		return defs
	}
	d.missing("the resource has no definition")
	return []Definition{d}
}

// cases returns the values that Fn::If chooses from.
func cases(n *node, depth int) []*node {
	f, arg := n.call()
	if f != "Fn::If" || !arg.isArray() || len(arg.kids) != 3 || depth > 4 {
		return []*node{n}
	}
	var all []*node
	for _, k := range arg.kids[1:] {
		if f, arg := k.call(); f == "Ref" && arg.str() == "AWS::NoValue" {
			continue
		}
		all = append(all, cases(k, depth+1)...)
	}
	return all
}

func (s *stack) fromString(d *Definition, n *node, subs map[string]*passage) {
	d.Form = FormString
	if f, arg := n.call(); f == "Fn::ToJsonString" {
		s.fromObject(d, arg, subs)
		return
	}
	p := s.text(n, 0)
	if text := strings.TrimSpace(string(p.b)); strings.HasPrefix(text, "${") && strings.HasSuffix(text, "}") && strings.Count(text, "${") == 1 {
		d.missing("the definition is the value of %s", text)
		return
	}
	d.set(substitute(p, subs))
}

func (s *stack) fromObject(d *Definition, n *node, subs map[string]*passage) {
	d.Form = FormObject
	if f, arg := n.call(); f != "" {
		if location := arg.at("Parameters", "Location"); f == "Fn::Transform" && location != nil {
			s.included(d, s.text(location, 0).String(), subs)
			return
		}
		d.missing("the definition is the value of %s", s.text(n, 0))
		return
	}
	if n.isString() {
		s.fromString(d, n, subs)
		return
	}
	d.set(substitute(s.object(n), subs))
}

// included is a definition that a transform includes.
func (s *stack) included(d *Definition, location string, subs map[string]*passage) {
	if strings.Contains(location, "${") || strings.Contains(location, "://") {
		d.missing("the definition is included from %s", location)
		return
	}
	s.fromFile(d, location, subs)
}

// object prints a value as JSON text.
func (s *stack) object(n *node) *passage {
	p := &passage{}
	n.print(p, func(n *node) (*passage, bool) {
		if !s.l.step() {
			return &passage{}, false
		}
		switch f, arg := n.call(); f {
		case "":
			return nil, false
		case "Fn::Sub", "Fn::Join", "Fn::Base64":
			return s.text(n, 0), true
		case "Fn::ToJsonString":
			return s.object(arg), true
		case "Ref":
			if arg.str() == "AWS::Partition" {
				return s.text(n, 0), true
			}
			fallthrough
		default:
			return s.text(n, 0), false // of any kind
		}
	}, 0)
	return p
}

// fromURI is for DefinitionUri and DefinitionS3Location: a path, a URI, or a bucket and
// a key.
func (s *stack) fromURI(d *Definition, n *node, subs map[string]*passage) {
	if n.isObject() {
		if f, _ := n.call(); f == "" {
			bucket, key := n.get("Bucket"), n.get("Key")
			if key == nil {
				d.missing("the location of the definition has no Key")
				return
			}
			// What the CDK uploads lies beside the template.
			if name := key.str(); name != "" && !strings.ContainsAny(name, "/\\") {
				if src, err := s.l.read(s.dir, "asset."+name); err == nil {
					s.fromSource(d, src, subs)
					return
				}
			}
			where := ""
			if bucket != nil {
				where = s.text(bucket, 0).String()
			}
			d.missing("the definition lies in S3: s3://%s/%s", where, s.text(key, 0))
			return
		}
	}
	uri := s.text(n, 0).String()
	switch {
	case strings.Contains(uri, "://"):
		d.missing("the definition lies in S3: %s", uri)
	case strings.Contains(uri, "${"):
		d.missing("the file of the definition is the value of %s", uri)
	default:
		s.fromFile(d, uri, subs)
	}
}

func (s *stack) fromFile(d *Definition, ref string, subs map[string]*passage) {
	src, err := s.l.read(s.dir, ref)
	if err != nil {
		d.fail(err)
		return
	}
	s.fromSource(d, src, subs)
}

func (s *stack) fromSource(d *Definition, src *source, subs map[string]*passage) {
	d.Form, d.File = FormFile, src.name
	p := &passage{}
	p.add(src.text, src, 0)
	d.set(substitute(p, subs))
}

// text returns the text of a value. What is not known becomes ${...}.
func (s *stack) text(n *node, depth int) *passage {
	if n == nil || depth > maxDepth || !s.l.step() {
		return &passage{}
	}
	f, arg := n.call()
	unknown := func(name string) *passage {
		p := &passage{}
		p.addAt(placeholder(name), n.src, n.off)
		return p
	}
	switch f {
	case "":
		if n.isObject() || n.isArray() {
			return unknown("")
		}
		return n.passage()
	case "Ref":
		if arg.str() == "AWS::Partition" {
			p := &passage{}
			p.addAt("aws", n.src, n.off)
			return p
		}
		return unknown(arg.str())
	case "Fn::GetAtt":
		if arg.isArray() {
			var parts []string
			for _, k := range arg.kids {
				parts = append(parts, k.str())
			}
			return unknown(strings.Join(parts, "."))
		}
		return unknown(arg.str())
	case "Fn::Sub":
		return s.sub(n, arg, depth)
	case "Fn::Join":
		if !arg.isArray() || len(arg.kids) != 2 || !arg.kids[1].isArray() {
			return unknown("Join")
		}
		p := &passage{}
		for i, k := range arg.kids[1].kids {
			if i > 0 {
				p.addAt(arg.kids[0].str(), k.src, k.off)
			}
			p.append(s.text(k, depth+1))
		}
		return p
	case "Fn::ToJsonString":
		return s.object(arg)
	case "Fn::If":
		if arg.isArray() && len(arg.kids) == 3 {
			return unknown("If." + arg.kids[0].str())
		}
	}
	return unknown(strings.TrimPrefix(f, "Fn::"))
}

// sub is Fn::Sub, with and without a map.
func (s *stack) sub(n, arg *node, depth int) *passage {
	text := arg
	var vars *node
	if arg.isArray() && len(arg.kids) > 0 {
		text = arg.kids[0]
		if len(arg.kids) > 1 {
			vars = arg.kids[1]
		}
	}
	if !text.isString() {
		return s.text(text, depth+1)
	}
	in, out := text.passage(), &passage{}
	eachPlaceholder(in, out, func(name string, from, to int) {
		src, off := in.origin(from)
		switch v := vars.get(name); {
		case strings.HasPrefix(name, "!"):
			out.addAt("${"+name[1:]+"}", src, off)
		case v != nil:
			p := s.text(v, depth+1)
			if onlyPlaceholder(p) {
				out.appendPart(in, from, to)
				return
			}
			out.addAt(p.String(), src, off)
		case name == "AWS::Partition":
			out.addAt("aws", src, off)
		default:
			out.appendPart(in, from, to)
		}
	})
	return out
}

// substitute puts values in for the names in ${Name}. Names without one stay.
func substitute(p *passage, subs map[string]*passage) *passage {
	if len(subs) == 0 {
		return p
	}
	out := &passage{}
	eachPlaceholder(p, out, func(name string, from, to int) {
		v, ok := subs[name]
		if !ok || onlyPlaceholder(v) {
			out.appendPart(p, from, to)
			return
		}
		src, off := p.origin(from)
		out.addAt(v.String(), src, off)
	})
	return out
}

// onlyPlaceholder reports whether nothing of a value is known.
func onlyPlaceholder(p *passage) bool {
	s := string(p.b)
	return strings.HasPrefix(s, "${") && strings.IndexByte(s, '}') == len(s)-1
}

// eachPlaceholder copies in to out and calls f for each ${name}, which is not copied.
func eachPlaceholder(in, out *passage, f func(name string, from, to int)) {
	text := string(in.b)
	done := 0
	for {
		from := strings.Index(text[done:], "${")
		if from < 0 {
			break
		}
		from += done
		n := strings.IndexByte(text[from:], '}')
		if n < 0 {
			break
		}
		to := from + n + 1
		out.appendPart(in, done, from)
		f(strings.TrimSpace(text[from+2:to-1]), from, to)
		done = to
	}
	out.appendPart(in, done, len(text))
}

// placeholder returns a ${...} that can stand in a JSON string as well as by itself.
func placeholder(name string) string {
	name = strings.Map(func(r rune) rune {
		switch {
		case r == '"' || r == '`':
			return '\''
		case r == '{' || r == '}' || r == '\\' || r < ' ':
			return -1
		}
		return r
	}, name)
	if name == "" {
		name = "Value"
	}
	const most = 100
	if len(name) > most {
		name = fmt.Sprintf("%.*s", most/4, name)
	}
	return "${" + name + "}"
}

// tree turns a value into one without functions, for policies.
func (s *stack) tree(n *node) value.Value {
	if n == nil {
		return value.Value{}
	}
	p := &passage{}
	n.print(p, func(n *node) (*passage, bool) {
		if !s.l.step() {
			return &passage{}, false
		}
		if f, _ := n.call(); f == "" {
			return nil, false
		}
		return s.text(n, 0), true
	}, 0)
	v, err := value.Parse(p.b)
	if err != nil {
		return value.Value{}
	}
	return v
}
