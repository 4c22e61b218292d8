package template

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/sfnkit/sfnkit/asl/value"
)

// isTerraform reports whether a file is part of a Terraform configuration.
func isTerraform(name string) bool {
	name = strings.ToLower(name)
	return strings.HasSuffix(name, ".tf") || strings.HasSuffix(name, ".tf.json")
}

// native translates a configuration in Terraform's JSON syntax into the native one, as far
// as this package reads it. The text knows the places in the JSON file that it is for.
func native(src *source) (*source, error) {
	root, err := readJSON(src)
	if err != nil {
		return nil, err
	}
	t := &translator{src: src, out: &passage{limit: maxFile}}
	for _, file := range objects(root) {
		for i, m := range file.names {
			switch m.s {
			case "locals":
				for _, b := range objects(file.kids[i]) {
					t.block(m, nil, b)
				}
			case "resource", "data":
				t.labelled(m, nil, file.kids[i], 2)
			case "module", "variable":
				t.labelled(m, nil, file.kids[i], 1)
			}
		}
	}
	return &source{name: src.name, text: t.out.String(), from: t.out}, t.err
}

// nestedBlocks are those members of a block that are blocks and not attributes.
var nestedBlocks = map[string]bool{"inline_policy": true, "statement": true, "principals": true, "condition": true}

type translator struct {
	src *source
	out *passage
	err error
}

// objects returns an object, or those that are the elements of an array.
func objects(n *node) []*node {
	switch {
	case n.isObject():
		return []*node{n}
	case n.isArray():
		var list []*node
		for _, k := range n.kids {
			if k.isObject() {
				list = append(list, k)
			}
		}
		return list
	}
	return nil
}

// labelled translates the blocks below so many levels of labels.
func (t *translator) labelled(typ name, labels []name, n *node, levels int) {
	for _, o := range objects(n) {
		if levels == 0 {
			t.block(typ, labels, o)
			continue
		}
		for i, m := range o.names {
			switch {
			case hclsyntax.ValidIdentifier(m.s):
				t.labelled(typ, append(labels[:len(labels):len(labels)], m), o.kids[i], levels-1)
			case m.s != "//": // a comment
				t.err = cmp.Or(t.err, syntaxError(t.src, m.off, "%q is no name: names are letters, digits, underscores and hyphens, and begin with a letter or an underscore", m.s))
			}
		}
	}
}

func (t *translator) block(typ name, labels []name, body *node) {
	t.out.addAt(typ.s, t.src, typ.off)
	for _, l := range labels {
		t.out.addAt(` "`+l.s+`"`, t.src, l.off)
	}
	t.out.addAt(" {\n", t.src, body.off)
	for i, m := range body.names {
		switch k := body.kids[i]; {
		case !hclsyntax.ValidIdentifier(m.s) || body.get(m.s) != k: // a comment, or not the last of the name
		case nestedBlocks[m.s] && len(objects(k)) > 0:
			for _, o := range objects(k) {
				t.block(m, nil, o)
			}
		default:
			t.out.addAt(m.s+" = ", t.src, m.off)
			t.expr(k)
			t.out.addAt("\n", t.src, k.off)
		}
	}
	t.out.addAt("}\n", t.src, body.off)
}

func (t *translator) expr(n *node) {
	switch n.kind {
	case value.KindObject:
		t.out.addAt("{", t.src, n.off)
		for i, m := range n.names {
			if m.s == "//" {
				continue
			}
			t.template(align(m.s, t.src, m.off, styleJSON), m.off)
			t.out.addAt(" = ", t.src, m.off)
			t.expr(n.kids[i])
			t.out.addAt("\n", t.src, n.kids[i].off)
		}
		t.out.addAt("}", t.src, n.off)
	case value.KindArray:
		t.out.addAt("[", t.src, n.off)
		for _, k := range n.kids {
			t.expr(k)
			t.out.addAt(",", t.src, k.off)
		}
		t.out.addAt("]", t.src, n.off)
	case value.KindString:
		t.template(n.passage(), n.off)
	case value.KindNull:
		t.out.addAt("null", t.src, n.off)
	default:
		t.out.addAt(n.s, t.src, n.off)
	}
}

// template writes a string, which is a template, in quotes. What stands in ${} and %{} is
// copied, the rest escaped.
func (t *translator) template(p *passage, off int) {
	if err := readable(&source{name: t.src.name, text: p.String(), from: p}, true); err != nil {
		t.err = cmp.Or(t.err, err)
		return
	}
	// In the native text what is wrong with one string would be said of another.
	if _, diags := hclsyntax.ParseTemplate(p.b, t.src.name, hcl.InitialPos); diags.HasErrors() {
		for _, d := range diags {
			if d.Severity == hcl.DiagError && d.Subject != nil {
				t.fail(p, d.Subject.Start.Byte, "%s: %s", d.Summary, d.Detail)
				return
			}
		}
	}
	t.out.addAt(`"`, t.src, off)
	tokens, _ := hclsyntax.LexTemplate(p.b, "", hcl.InitialPos)
	done, depth := 0, 0
	for _, token := range tokens {
		switch token.Type {
		case hclsyntax.TokenTemplateInterp, hclsyntax.TokenTemplateControl:
			depth++
		case hclsyntax.TokenTemplateSeqEnd:
			depth--
		case hclsyntax.TokenStringLit:
			if depth == 0 {
				from, to := token.Range.Start.Byte, token.Range.End.Byte
				t.out.appendPart(p, done, from)
				t.escape(p, from, to)
				done = to
			}
		}
	}
	t.out.appendPart(p, done, len(p.b))
	t.out.addAt(`"`, t.src, off)
}

func (t *translator) fail(p *passage, at int, format string, args ...any) {
	if src, off := p.origin(at); t.err == nil && src != nil {
		t.err = syntaxError(src, off, format, args...)
	}
}

func (t *translator) escape(p *passage, from, to int) {
	for i := from; i < to; i++ {
		esc := ""
		switch c := p.b[i]; {
		case c == '"' || c == '\\':
			esc = `\` + string(rune(c))
		case c == '\n':
			esc = `\n`
		case c == '\r':
			esc = `\r`
		case c == '\t':
			esc = `\t`
		case c < ' ':
			esc = fmt.Sprintf(`\u%04x`, c)
		default:
			continue
		}
		t.out.appendPart(p, from, i)
		src, at := p.origin(i)
		t.out.addAt(esc, src, at)
		from = i + 1
	}
	t.out.appendPart(p, from, to)
}
