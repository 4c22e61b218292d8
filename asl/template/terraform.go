package template

import (
	"bytes"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/sfnkit/sfnkit/asl/value"
)

const (
	// maxReferences is how many locals, variables and data sources may lead from one to
	// the next.
	maxReferences = 50
	// maxModules is how many calls of modules may lead from one to the next.
	maxModules = 10
)

// unresolved says why a value is not in the files.
type unresolved struct{ reason string }

func (e *unresolved) Error() string { return e.reason }

func unknownf(format string, args ...any) error { return &unresolved{fmt.Sprintf(format, args...)} }

// configuration is a Terraform module: a folder, and for a module that another calls the
// values of its variables.
type configuration struct {
	l         *loader
	dir       string
	prefix    string // of the addresses in it, "" for a root module
	locals    map[string]attribute
	variables map[string]*variableValue // nil for a root module
	blocks    []block
}

// variableValue is what a module is called with, or the default if it is called without.
type variableValue struct {
	attribute
	in *configuration // that it is written in
}

type attribute struct {
	src  *source
	expr hclsyntax.Expression
}

type block struct {
	src *source
	*hclsyntax.Block
}

// scope is where an expression stands: its file, the variables of a template file, those
// of the loops around it, and the configuration if it is another one than the reference to
// it stands in.
type scope struct {
	src   *source
	vars  map[string]bound // nil outside template files
	names *loopName
	in    *configuration
}

// bound is an expression with the scope that it stands in.
type bound struct {
	expr hclsyntax.Expression
	scope
}

// of returns the configuration of the scope.
func (sc scope) of(c *configuration) *configuration {
	if sc.in != nil {
		return sc.in
	}
	return c
}

func (l *loader) terraform(src *source) ([]Definition, error) {
	c := &configuration{l: l, dir: filepath.Dir(src.name), locals: map[string]attribute{}}
	own, err := c.file(src)
	if err != nil {
		return nil, err
	}
	c.folder(src.name)
	return c.machines(own, 0), nil
}

// folder adds the files of the configuration's folder but for one. What is wrong with
// them is said when they are read by themselves.
func (c *configuration) folder(except string) {
	entries, err := os.ReadDir(c.dir)
	if err != nil {
		return // a file that is not on disk stands alone
	}
	for _, e := range entries {
		if name := e.Name(); isTerraform(name) && name != filepath.Base(except) {
			if other, err := c.l.read(c.dir, name); err == nil {
				_, _ = c.file(other)
			}
		}
	}
}

// machines returns the state machines of a file, or of all files if src is nil, and those
// of the modules that are called there.
func (c *configuration) machines(src *source, depth int) []Definition {
	var defs []Definition
	for _, b := range c.blocks {
		if src != nil && b.src != src || !c.l.step() {
			continue
		}
		switch {
		case b.Type == "resource" && len(b.Labels) == 2 && b.Labels[0] == "aws_sfn_state_machine":
			defs = append(defs, c.machine(b, c.prefix+b.Labels[0]+"."+b.Labels[1])...)
		case b.Type == "module" && len(b.Labels) == 1:
			defs = append(defs, c.call(b, c.prefix+"module."+b.Labels[0], depth)...)
		}
	}
	return defs
}

// call returns the state machines of a module that is called.
func (c *configuration) call(b block, address string, depth int) []Definition {
	from := b.Body.Attributes["source"]
	if from == nil {
		return nil
	}
	p, err := c.text(from.Expr, scope{src: b.src})
	if err != nil {
		return nil
	}
	ref := p.String()
	switch {
	case strings.Contains(ref, "/step-functions/aws") && b.Body.Attributes["definition"] != nil:
		return c.machine(b, address)
	case !strings.HasPrefix(ref, "./") && !strings.HasPrefix(ref, "../"), depth >= maxModules:
		return nil
	}
	const listing = 1 << 16 // of the folder, in bytes
	if !c.l.inside(filepath.Join(c.dir, ref)) || !c.l.take(listing) {
		return nil
	}
	m := &configuration{l: c.l, dir: filepath.Join(c.dir, ref), prefix: address + ".", locals: map[string]attribute{}, variables: map[string]*variableValue{}}
	m.folder("")
	for _, v := range m.blocks {
		if v.Type == "variable" && len(v.Labels) == 1 && v.Body.Attributes["default"] != nil {
			m.variables[v.Labels[0]] = &variableValue{attribute{v.src, v.Body.Attributes["default"].Expr}, m}
		}
	}
	for name, a := range b.Body.Attributes {
		m.variables[name] = &variableValue{attribute{b.src, a.Expr}, c}
	}
	return m.machines(nil, depth+1)
}

// file adds the blocks of a file, and returns the source that they are in.
func (c *configuration) file(src *source) (*source, error) {
	if strings.EqualFold(filepath.Ext(src.name), ".json") {
		var err error
		if src, err = native(src); err != nil {
			return nil, err
		}
	}
	if err := readable(src, false); err != nil {
		return nil, err
	}
	if !c.l.take(len(src.text)) {
		return nil, syntaxError(src, 0, "the files that are named have more than %d MiB", maxBytes>>20)
	}
	f, diags := hclsyntax.ParseConfig([]byte(src.text), src.name, hcl.InitialPos)
	if f == nil || diags.HasErrors() {
		for _, d := range diags {
			if d.Severity == hcl.DiagError {
				off := 0
				if d.Subject != nil {
					off = d.Subject.Start.Byte
				}
				return nil, syntaxError(src, off, "%s: %s", d.Summary, d.Detail)
			}
		}
	}
	body, ok := f.Body.(*hclsyntax.Body)
	if !ok {
		return nil, syntaxError(src, 0, "this is not a Terraform configuration")
	}
	for _, b := range body.Blocks {
		if b.Type == "locals" {
			for name, a := range b.Body.Attributes {
				c.locals[name] = attribute{src, a.Expr}
			}
			continue
		}
		c.blocks = append(c.blocks, block{src, b})
	}
	return src, nil
}

// deepHCL is deepAt for HCL, whose parser recurses for brackets, operators before a value,
// the parts of conditions, and splats.
func deepHCL(text string) int {
	depth, unary, repeats := 0, 0, 0
	for i := 0; i < len(text); i++ {
		switch c := text[i]; c {
		case '[', '{', '(':
			depth++
			unary = 0
		case ']', '}', ')':
			depth = max(depth-1, 0)
			unary = 0
		case '!', '-':
			unary++
		case ' ', '\t', '\n', '\r':
		case '?', '%', '*':
			repeats++
			unary = 0
		default:
			unary = 0
		}
		if depth > maxDepth || unary > 4000 || repeats > 20_000 {
			return i
		}
	}
	return -1
}

// heredoc finds the beginning of a text of several lines.
var heredoc = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`<<-?([\pL_][\pL\pN_-]*)\s*$`) })

// longHCL is longAt for HCL, whose parser puts the pieces of a text together one by one: a
// line of a heredoc is one, and what stands between escapes. A template file is one text.
func longHCL(text string, isTemplate bool) int {
	const most = 20_000
	pieces, off, end := 0, 0, ""
	for line := range strings.Lines(text) {
		if !isTemplate && end == "" {
			pieces = 0
		}
		if pieces += 1 + strings.Count(line, "$${") + strings.Count(line, "%%{"); pieces > most {
			return off
		}
		switch word := strings.TrimSpace(line); {
		case end == "" && strings.Contains(line, "<<"):
			if m := heredoc().FindStringSubmatch(word); m != nil {
				end = m[1]
			}
		case word == end:
			end = ""
		}
		off += len(line)
	}
	return -1
}

// readable tells what the HCL parser could not read in reasonable time, and where.
func readable(src *source, isTemplate bool) error {
	if off := deepHCL(src.text); off >= 0 {
		return syntaxError(src, off, "the expressions are nested too deep")
	}
	if off := longHCL(src.text, isTemplate); off >= 0 {
		return syntaxError(src, off, "the text has too many lines or escapes")
	}
	return nil
}

// machine returns the state machine of a block, once for each case of its definition.
func (c *configuration) machine(b block, id string) []Definition {
	d := Definition{ID: id, Kind: Terraform, Form: FormString, At: Place{b.src.name, b.src.position(b.TypeRange.Start.Byte)}}
	sc := scope{src: b.src}
	if a := b.Body.Attributes["type"]; a != nil {
		if p, err := c.text(a.Expr, sc); err == nil {
			d.Type = workflowType(p.String())
		}
	}
	d.Role = c.role(b)
	a := b.Body.Attributes["definition"]
	if a == nil {
		d.missing("the resource has no definition")
		return []Definition{d}
	}
	var defs []Definition
	for _, e := range choices(a.Expr, 0) {
		defs = append(defs, c.variants(d, e, sc)...)
	}
	return defs
}

// variants gives a definition its text, once for each way that conditions in it may turn
// out. Of texts that rest on guesses only those count that can be read: others show that
// the guess was wrong.
func (c *configuration) variants(d Definition, e hclsyntax.Expression, sc scope) []Definition {
	var defs []Definition
	w := &way{}
	c.l.way = w
	defer func() { c.l.way = nil }()
	for range maxWays {
		v := d
		c.define(&v, e, sc)
		if w.asked == 0 && !w.guessed {
			return []Definition{v}
		}
		if v.Missing == "" {
			same := func(d Definition) bool { return bytes.Equal(d.Text, v.Text) }
			if _, err := v.Machine(); err == nil && !slices.ContainsFunc(defs, same) {
				defs = append(defs, v)
			}
		} else if v.Failed {
			return append(defs, v)
		}
		if len(defs) == maxVariants || !w.next() {
			break
		}
	}
	if len(defs) == 0 {
		d.At.Position = sc.src.position(e.Range().Start.Byte)
		d.missing("the definition is put together by %%{ if } or %%{ for } from values that are not known")
		return []Definition{d}
	}
	return defs
}

// choices returns the values that a condition chooses from, but for null.
func choices(e hclsyntax.Expression, depth int) []hclsyntax.Expression {
	switch x := e.(type) {
	case *hclsyntax.ParenthesesExpr:
		return choices(x.Expression, depth)
	case *hclsyntax.TemplateWrapExpr:
		return choices(x.Wrapped, depth)
	case *hclsyntax.ConditionalExpr:
		if depth < 4 {
			return append(choices(x.TrueResult, depth+1), choices(x.FalseResult, depth+1)...)
		}
	case *hclsyntax.LiteralValueExpr:
		if x.Val.IsNull() && depth > 0 {
			return nil
		}
	}
	return []hclsyntax.Expression{e}
}

// define gives a definition its text.
func (c *configuration) define(d *Definition, e hclsyntax.Expression, sc scope) {
	d.At.Position = sc.src.position(e.Range().Start.Byte)
	if f, ok := unwrapped(e).(*hclsyntax.FunctionCallExpr); ok && f.Name == "jsonencode" {
		d.Form = FormObject
	}
	p, err := c.text(e, sc)
	var unknown *unresolved
	switch {
	case errors.As(err, &unknown):
		d.missing("the definition is %s", unknown.reason)
	case err != nil:
		d.fail(err)
	case onlyPlaceholder(p):
		d.missing("the definition is the value of %s", p)
	default:
		d.set(p)
		d.origins()
	}
}

// origins tells the form of a definition by where its text comes from.
func (d *Definition) origins() {
	bytes := map[string]int{}
	d.origin.each(0, len(d.Text), func(s string, r run) { bytes[r.src.name] += len(s) })
	for name, n := range bytes {
		if !isTerraform(name) && n > len(d.Text)/2 {
			d.Form, d.File = FormFile, name
		}
	}
}

// enter begins to follow a reference.
func (c *configuration) enter() error {
	if !c.l.step() {
		return errTooMuch
	}
	if c.l.depth++; c.l.depth > maxReferences {
		c.l.depth--
		return errors.New("the references lead from one to the next without an end")
	}
	return nil
}

func (c *configuration) leave() { c.l.depth-- }

// text evaluates an expression that gives text. Parts that are not known become ${...}.
// The error is an *unresolved if nothing of it is known.
func (c *configuration) text(e hclsyntax.Expression, sc scope) (*passage, error) {
	c = sc.of(c)
	if err := c.enter(); err != nil {
		return nil, err
	}
	defer c.leave()
	switch e := e.(type) {
	case *hclsyntax.ParenthesesExpr:
		return c.text(e.Expression, sc)
	case *hclsyntax.TemplateWrapExpr:
		return c.text(e.Wrapped, sc)
	case *hclsyntax.LiteralValueExpr:
		return c.literal(e, sc, stylePlain)
	case *hclsyntax.TemplateExpr:
		return c.template(e, sc)
	case *hclsyntax.FunctionCallExpr:
		return c.function(e, sc)
	case *hclsyntax.ScopeTraversalExpr, *hclsyntax.RelativeTraversalExpr, *hclsyntax.IndexExpr:
		a, inner, err := c.follow(e, sc)
		if err != nil {
			return nil, err
		}
		return c.text(a.expr, inner)
	}
	if cond, ok := e.(*hclsyntax.ConditionalExpr); ok {
		if is, ok := c.known(cond.Condition, sc); ok && is.Type() == cty.Bool && !is.IsNull() {
			if is.True() {
				return c.text(cond.TrueResult, sc)
			}
			return c.text(cond.FalseResult, sc)
		}
	}
	return c.computed(e, sc)
}

// computed is text for what has to be computed.
func (c *configuration) computed(e hclsyntax.Expression, sc scope) (*passage, error) {
	if v, ok := c.known(e, sc); ok && v.Type().IsPrimitiveType() && !v.IsNull() {
		p := &passage{}
		switch v.Type() {
		case cty.String:
			p.addAt(v.AsString(), sc.src, e.Range().Start.Byte)
			return p, nil
		default:
			return c.literal(&hclsyntax.LiteralValueExpr{Val: v, SrcRange: e.Range()}, sc, stylePlain)
		}
	}
	return nil, unknownf("computed: %s", c.notation(e, sc))
}

// constant evaluates a sign before a number and one calculation with numbers, nil for
// all else. Longer ones are trees as deep as they are long.
func constant(e hclsyntax.Expression) *hclsyntax.LiteralValueExpr {
	literal := func(e hclsyntax.Expression) bool {
		_, ok := e.(*hclsyntax.LiteralValueExpr)
		return ok
	}
	switch x := e.(type) {
	case *hclsyntax.UnaryOpExpr:
		if !literal(x.Val) {
			return nil
		}
	case *hclsyntax.BinaryOpExpr:
		if !literal(x.LHS) || !literal(x.RHS) {
			return nil
		}
	default:
		return nil
	}
	v, diags := e.Value(nil)
	if diags.HasErrors() || !v.IsWhollyKnown() || v.IsNull() {
		return nil
	}
	return &hclsyntax.LiteralValueExpr{Val: v, SrcRange: e.Range()}
}

// unknown returns ${...} for a value that is not known, with the name that the value has
// where it comes from, so that different values have different names.
func (c *configuration) unknown(e hclsyntax.Expression, sc scope) string {
	e, sc = c.followed(e, sc)
	return placeholder(c.notation(e, sc))
}

// followed returns what an expression stands for in the end, with its scope.
func (c *configuration) followed(e hclsyntax.Expression, sc scope) (hclsyntax.Expression, scope) {
	for range maxReferences {
		next, inner, err := c.follow(unwrapped(e), sc)
		if err != nil {
			break
		}
		inner.in = inner.of(sc.of(c))
		e, sc = unwrapped(next.expr), inner
	}
	return e, sc
}

// notation returns an expression as it is written, in one line.
func (c *configuration) notation(e hclsyntax.Expression, sc scope) string {
	r := unwrapped(e).Range()
	if r.Start.Byte < 0 || r.End.Byte > len(sc.src.text) || r.Start.Byte > r.End.Byte {
		return ""
	}
	s := strings.Join(strings.Fields(sc.src.text[r.Start.Byte:r.End.Byte]), " ")
	if len(s) > 60 {
		s = strings.ToValidUTF8(s[:60], "") + "…"
	}
	return s
}

func (c *configuration) literal(e *hclsyntax.LiteralValueExpr, sc scope, st style) (*passage, error) {
	off := e.SrcRange.Start.Byte
	p := &passage{}
	switch v := e.Val; {
	case v.IsNull() || !v.IsKnown():
		return nil, unknownf("null")
	case v.Type() == cty.String:
		if st == styleJSON {
			off-- // align begins after a quote
		}
		return align(v.AsString(), sc.src, off, st), nil
	case v.Type() == cty.Bool:
		p.addAt(fmt.Sprint(v.True()), sc.src, off)
	case v.Type() == cty.Number:
		p.addAt(numberText(v.AsBigFloat()), sc.src, off)
	}
	return p, nil
}

func numberText(f *big.Float) string {
	if f.IsInt() && f.MantExp(nil) < 200 {
		return f.Text('f', 0)
	}
	return f.Text('g', 17)
}

// template evaluates a quoted text, a heredoc or a template file.
func (c *configuration) template(e *hclsyntax.TemplateExpr, sc scope) (*passage, error) {
	st := stylePlain
	if at := e.SrcRange.Start.Byte; at < len(sc.src.text) && sc.src.text[at] == '"' {
		st = styleJSON
		if sc.vars != nil && at == 0 {
			st = stylePlain // a template file that begins with a quote
		}
	}
	return c.parts(e.Parts, sc, st)
}

// parts evaluates what a text is put together from.
func (c *configuration) parts(list []hclsyntax.Expression, sc scope, st style) (*passage, error) {
	out := &passage{}
	for _, part := range list {
		if lit, ok := part.(*hclsyntax.LiteralValueExpr); ok {
			p, err := c.literal(lit, sc, st)
			if err != nil {
				return nil, err
			}
			out.append(p)
			continue
		}
		p, err := c.part(part, sc, st)
		if err != nil {
			return nil, err
		}
		out.append(p)
	}
	return out, nil
}

// part evaluates a ${...} inside a text, which stays if it is not known, or a directive,
// which may hold any part of a definition.
func (c *configuration) part(e hclsyntax.Expression, sc scope, st style) (*passage, error) {
	at := e.Range().Start.Byte
	switch x := e.(type) {
	case *hclsyntax.ConditionalExpr:
		if !strings.HasPrefix(sc.src.text[min(at, len(sc.src.text)):], "%{") {
			break // ${a ? b : c}
		}
		is, err := c.decide(x.Condition, sc)
		if err != nil {
			return nil, err
		}
		branch, ok := x.FalseResult.(*hclsyntax.TemplateExpr)
		if is {
			branch, ok = x.TrueResult.(*hclsyntax.TemplateExpr)
		}
		if !ok {
			break
		}
		if err := c.enter(); err != nil {
			return nil, err
		}
		defer c.leave()
		return c.parts(branch.Parts, sc, st)
	case *hclsyntax.TemplateJoinExpr:
		if loop, ok := x.Tuple.(*hclsyntax.ForExpr); ok {
			return c.loop(loop, sc, st)
		}
	}
	p, err := c.text(e, sc)
	var unknown *unresolved
	if err != nil && !errors.As(err, &unknown) {
		return nil, err
	}
	if err == nil && !onlyPlaceholder(p) {
		return p, nil
	}
	out := &passage{}
	out.addAt(c.unknown(e, sc), sc.src, at)
	return out, nil
}

// follow returns the expression that a reference stands for.
func (c *configuration) follow(e hclsyntax.Expression, sc scope) (attribute, scope, error) {
	unknown := unknownf("the value of %s", c.notation(e, sc))
	var t *hclsyntax.ScopeTraversalExpr
	switch e := e.(type) {
	case *hclsyntax.ScopeTraversalExpr:
		t = e
	case *hclsyntax.IndexExpr:
		key, known := c.known(e.Key, sc)
		if !known || key.IsNull() || !key.Type().IsPrimitiveType() {
			return attribute{}, sc, unknown
		}
		return c.inside(e.Collection, sc, []string{keyText(key)}, unknown)
	case *hclsyntax.RelativeTraversalExpr:
		return c.inside(e.Source, sc, stepsOf(e.Traversal), unknown)
	default:
		return attribute{}, sc, unknown
	}
	steps := stepsOf(t.Traversal)
	for n := sc.names; n != nil; n = n.outer {
		if n.name == steps[0] {
			if n.expr == nil {
				return attribute{}, sc, unknown
			}
			return c.member(attribute{n.src, n.expr}, n.scope, steps[1:], unknown)
		}
	}
	if sc.vars != nil {
		v, ok := sc.vars[steps[0]]
		if !ok {
			return attribute{}, sc, unknown
		}
		return c.member(attribute{v.src, v.expr}, v.scope, steps[1:], unknown)
	}
	c = sc.of(c)
	switch {
	case steps[0] == "local" && len(steps) > 1:
		if a, ok := c.locals[steps[1]]; ok {
			return c.member(a, scope{src: a.src, in: c}, steps[2:], unknown)
		}
	case steps[0] == "var" && len(steps) > 1:
		if v := c.variables[steps[1]]; v != nil {
			return c.member(v.attribute, scope{src: v.src, in: v.in}, steps[2:], unknown)
		}
	case steps[0] == "data" && len(steps) > 3 && (steps[1] == "local_file" && steps[3] == "content"):
		if b := c.block("data", steps[1], steps[2]); b != nil && b.Body.Attributes["filename"] != nil {
			// file() reads the same.
			call := &hclsyntax.FunctionCallExpr{Name: "file", Args: []hclsyntax.Expression{b.Body.Attributes["filename"].Expr}}
			return attribute{b.src, call}, scope{src: b.src, in: c}, nil
		}
	case steps[0] == "data" && len(steps) > 3 && steps[1] == "template_file" && steps[3] == "rendered":
		if b := c.block("data", steps[1], steps[2]); b != nil && b.Body.Attributes["template"] != nil {
			call := &hclsyntax.FunctionCallExpr{Name: "templatefile", Args: []hclsyntax.Expression{b.Body.Attributes["template"].Expr}}
			if vars := b.Body.Attributes["vars"]; vars != nil {
				call.Args = append(call.Args, vars.Expr)
			}
			return attribute{b.src, call}, scope{src: b.src, in: c}, nil
		}
	case steps[0] == "data" && len(steps) > 3 && steps[1] == "aws_partition" && steps[3] == "partition":
		return attribute{sc.src, &hclsyntax.LiteralValueExpr{Val: cty.StringVal("aws"), SrcRange: t.SrcRange}}, sc, nil
	}
	return attribute{}, sc, unknown
}

// stepsOf returns the names and indexes of a reference.
func stepsOf(t hcl.Traversal) []string {
	var steps []string
	for _, s := range t {
		switch s := s.(type) {
		case hcl.TraverseRoot:
			steps = append(steps, s.Name)
		case hcl.TraverseAttr:
			steps = append(steps, s.Name)
		case hcl.TraverseIndex:
			steps = append(steps, keyText(s.Key))
		}
	}
	return steps
}

// keyText is a key as the name of a member.
func keyText(key cty.Value) string {
	switch key.Type() {
	case cty.String:
		return key.AsString()
	case cty.Number:
		return numberText(key.AsBigFloat())
	}
	return ""
}

// inside follows names into what an expression stands for.
func (c *configuration) inside(e hclsyntax.Expression, sc scope, names []string, unknown error) (attribute, scope, error) {
	c = sc.of(c)
	if c.enter() != nil {
		return attribute{}, sc, unknown
	}
	defer c.leave()
	if sc.in == nil {
		sc.in = c
	}
	return c.member(attribute{sc.src, e}, sc, names, unknown)
}

// member follows names into an object or a list.
func (c *configuration) member(a attribute, sc scope, names []string, unknown error) (attribute, scope, error) {
	for _, name := range names {
		if c.enter() != nil {
			return a, sc, unknown
		}
		a.expr, sc = c.followed(unwrapped(a.expr), sc)
		a.src = sc.src
		c.leave()
		var found hclsyntax.Expression
		switch x := a.expr.(type) {
		case *hclsyntax.ObjectConsExpr:
			for _, item := range x.Items {
				if c.key(item.KeyExpr, sc) == name {
					found = item.ValueExpr
				}
			}
		case *hclsyntax.TupleConsExpr:
			if i, err := strconv.Atoi(name); err == nil && 0 <= i && i < len(x.Exprs) {
				found = x.Exprs[i]
			}
		}
		if found == nil {
			return a, sc, unknown
		}
		a.expr = found
	}
	return a, sc, nil
}

func (c *configuration) block(typ string, labels ...string) *block {
	for i := range c.blocks {
		b := &c.blocks[i]
		if b.Type == typ && len(b.Labels) == len(labels) && strings.Join(b.Labels, ".") == strings.Join(labels, ".") {
			return b
		}
	}
	return nil
}

// key returns the name of an object's member, "" if it is computed.
func (c *configuration) key(e hclsyntax.Expression, sc scope) string {
	c = sc.of(c)
	if k, ok := e.(*hclsyntax.ObjectConsKeyExpr); ok {
		if !k.ForceNonLiteral {
			if word := hcl.ExprAsKeyword(k.Wrapped); word != "" {
				return word
			}
		}
		e = k.Wrapped
	}
	p, err := c.text(e, sc)
	if err != nil {
		return ""
	}
	return p.String()
}

// function evaluates the functions that make texts of files and values.
func (c *configuration) function(e *hclsyntax.FunctionCallExpr, sc scope) (*passage, error) {
	unknown := unknownf("computed: %s", c.notation(e, sc))
	if len(e.Args) == 0 {
		return nil, unknown
	}
	switch e.Name {
	case "file":
		src, err := c.fileOf(e.Args[0], sc)
		if err != nil {
			return nil, err
		}
		p := &passage{}
		p.add(src.text, src, 0)
		return p, nil
	case "templatefile":
		return c.templateFile(e, sc)
	case "jsonencode", "yamlencode":
		n, err := c.tree(e.Args[0], sc)
		if err != nil {
			return nil, err
		}
		if n.bare {
			return nil, unknown
		}
		p := &passage{}
		n.print(p, func(n *node) (*passage, bool) {
			if !c.l.step() {
				return &passage{}, false
			}
			return asWritten(n)
		}, 0)
		return p, nil
	case "trimspace", "chomp", "tostring", "nonsensitive", "sensitive", "trimsuffix", "trimprefix":
		return c.text(e.Args[0], sc)
	case "replace":
		if len(e.Args) != 3 {
			return nil, unknown
		}
		p, err := c.text(e.Args[0], sc)
		if err != nil {
			return nil, err
		}
		what, known := c.known(e.Args[1], sc)
		if !known || what.IsNull() || what.Type() != cty.String || len(what.AsString()) == 0 || what.AsString()[0] == '/' {
			return nil, unknown // or a regular expression
		}
		by, err := c.part(e.Args[2], sc, stylePlain)
		if err != nil {
			return nil, err
		}
		return replaced(p, what.AsString(), by), nil
	case "join":
		if len(e.Args) != 2 {
			return nil, unknown
		}
		list, ok := c.elements(e.Args[1], sc)
		if !ok {
			return nil, unknown
		}
		sep, err := c.text(e.Args[0], sc)
		if err != nil {
			return nil, err
		}
		p := &passage{}
		for i, x := range list {
			if i > 0 {
				p.append(sep)
			}
			part, err := c.part(x.value.expr, x.value.scope, stylePlain)
			if err != nil {
				return nil, err
			}
			p.append(part)
		}
		return p, nil
	}
	return c.computed(e, sc)
}

// replaced puts one text in the place of another.
func replaced(p *passage, what string, by *passage) *passage {
	out := &passage{}
	done := 0
	for !out.full() {
		n := bytes.Index(p.b[done:], []byte(what))
		if n < 0 {
			break
		}
		out.appendPart(p, done, done+n)
		src, off := p.origin(done + n)
		out.addAt(by.String(), src, off)
		done += n + len(what)
	}
	out.appendPart(p, done, len(p.b))
	return out
}

// fileOf reads the file that an expression names.
func (c *configuration) fileOf(e hclsyntax.Expression, sc scope) (*source, error) {
	p, err := c.text(e, sc)
	if err != nil {
		return nil, err
	}
	ref := p.String()
	c = sc.of(c)
	for _, own := range [...]string{"${path.module}", "${path.root}", "${path.cwd}"} {
		ref = strings.Replace(ref, own, ".", 1)
	}
	if strings.Contains(ref, "${") {
		return nil, unknownf("in the file %s", ref)
	}
	return c.l.read(c.dir, ref)
}

// templateFile evaluates templatefile(name, vars), and the data source template_file,
// whose template is a text.
func (c *configuration) templateFile(e *hclsyntax.FunctionCallExpr, sc scope) (*passage, error) {
	var src *source
	base := 0
	if e.NameRange.Filename == "" { // the data source
		p, err := c.text(e.Args[0], sc)
		if err != nil {
			return nil, err
		}
		var off int
		src, off = p.origin(0)
		if src == nil || p.String() != src.text {
			// A heredoc: its ${...} were evaluated with it.
			return p, nil
		}
		base = off
	} else {
		var err error
		if src, err = c.fileOf(e.Args[0], sc); err != nil {
			return nil, err
		}
	}
	if base != 0 {
		return nil, unknownf("computed: %s", c.notation(e, sc))
	}
	if err := readable(src, true); err != nil {
		return nil, err
	}
	if !c.l.take(len(src.text)) {
		return nil, errTooMuch
	}
	expr, diags := hclsyntax.ParseTemplate([]byte(src.text), src.name, hcl.InitialPos)
	if diags.HasErrors() {
		for _, d := range diags {
			if d.Severity == hcl.DiagError && d.Subject != nil {
				return nil, syntaxError(src, d.Subject.Start.Byte, "%s: %s", d.Summary, d.Detail)
			}
		}
	}
	vars := map[string]bound{}
	if len(e.Args) > 1 {
		c.bind(vars, e.Args[1], sc)
	}
	return c.text(expr, scope{src: src, vars: vars, in: sc.of(c)})
}

// bind adds the members of an object, also of one that is referred to or merged.
func (c *configuration) bind(vars map[string]bound, e hclsyntax.Expression, sc scope) {
	if c.enter() != nil {
		return
	}
	defer c.leave()
	if sc.in == nil {
		sc.in = c
	}
	switch e := e.(type) {
	case *hclsyntax.ObjectConsExpr:
		for _, item := range e.Items {
			if k := c.key(item.KeyExpr, sc); k != "" {
				vars[k] = bound{item.ValueExpr, sc}
			}
		}
	case *hclsyntax.ScopeTraversalExpr:
		if a, inner, err := c.follow(e, sc); err == nil {
			c.bind(vars, a.expr, inner)
		}
	case *hclsyntax.FunctionCallExpr:
		if e.Name == "merge" {
			for _, arg := range e.Args {
				c.bind(vars, arg, sc)
			}
		}
	}
}

// tree evaluates an expression that gives a value. What is not known becomes a bare
// ${...}.
func (c *configuration) tree(e hclsyntax.Expression, sc scope) (*node, error) {
	c = sc.of(c)
	if err := c.enter(); err != nil {
		return nil, err
	}
	defer c.leave()
	off := e.Range().Start.Byte
	n := &node{src: sc.src, off: off}
	if lit := constant(e); lit != nil {
		e = lit
	}
	if cond, ok := e.(*hclsyntax.ConditionalExpr); ok {
		if is, ok := c.known(cond.Condition, sc); ok && is.Type() == cty.Bool && !is.IsNull() {
			if e = cond.FalseResult; is.True() {
				e = cond.TrueResult
			}
			return c.tree(e, sc)
		}
		if c.l.way != nil && structure(cond.TrueResult) && structure(cond.FalseResult) {
			is, err := c.decide(cond.Condition, sc)
			if err != nil {
				return nil, err
			}
			if e = cond.FalseResult; is {
				e = cond.TrueResult
			}
			return c.tree(e, sc)
		}
	}
	switch e := e.(type) {
	case *hclsyntax.ParenthesesExpr:
		return c.tree(e.Expression, sc)
	case *hclsyntax.TemplateWrapExpr:
		return c.tree(e.Wrapped, sc)
	case *hclsyntax.ObjectConsExpr:
		n.kind = value.KindObject
		for _, item := range e.Items {
			k, err := c.tree(item.ValueExpr, sc)
			if err != nil {
				return nil, err
			}
			key := c.key(item.KeyExpr, sc)
			if key == "" {
				key = placeholder(c.notation(item.KeyExpr, sc))
			}
			n.names = append(n.names, name{key, item.KeyExpr.Range().Start.Byte})
			n.kids = append(n.kids, k)
		}
		return n, nil
	case *hclsyntax.TupleConsExpr:
		n.kind = value.KindArray
		for _, x := range e.Exprs {
			k, err := c.tree(x, sc)
			if err != nil {
				return nil, err
			}
			n.kids = append(n.kids, k)
		}
		return n, nil
	case *hclsyntax.LiteralValueExpr:
		if e.Val.IsNull() {
			n.kind = value.KindNull
			return n, nil
		}
		p, err := c.literal(e, sc, stylePlain)
		if err != nil {
			return nil, err
		}
		n.s, n.known = p.String(), p
		switch e.Val.Type() {
		case cty.Bool:
			n.kind = value.KindBool
		case cty.Number:
			n.kind = value.KindNumber
		default:
			n.kind = value.KindString
		}
		return n, nil
	case *hclsyntax.ForExpr:
		list, ok := c.elements(e, sc)
		if !ok {
			break
		}
		if n.kind = value.KindArray; e.KeyExpr != nil {
			n.kind = value.KindObject
		}
		for _, x := range list {
			k, err := c.tree(x.value.expr, x.value.scope)
			if err != nil {
				return nil, err
			}
			n.kids = append(n.kids, k)
			if key := x.key.expr.(*hclsyntax.LiteralValueExpr); e.KeyExpr != nil {
				n.names = append(n.names, name{key.Val.AsString(), key.SrcRange.Start.Byte})
			}
		}
		return n, nil
	case *hclsyntax.FunctionCallExpr:
		if got, err := c.treeCall(e, sc); got != nil || err != nil {
			return got, err
		}
	case *hclsyntax.ScopeTraversalExpr, *hclsyntax.IndexExpr, *hclsyntax.RelativeTraversalExpr:
		a, inner, err := c.follow(e, sc)
		if err == nil {
			return c.tree(a.expr, inner)
		}
	case *hclsyntax.BinaryOpExpr, *hclsyntax.UnaryOpExpr:
		if v, ok := c.known(e, sc); ok {
			return c.tree(written(v, e.Range()), sc)
		}
	}
	n.kind = value.KindString
	p, err := c.text(e, sc)
	var unknown *unresolved
	if errors.As(err, &unknown) {
		n.bare = true
		p = &passage{}
		p.addAt(c.unknown(e, sc), sc.src, off)
	} else if err != nil {
		return nil, err
	}
	n.s, n.known = p.String(), p
	return n, nil
}

// structure reports whether an expression gives members or elements, which are more than
// the value of a field.
func structure(e hclsyntax.Expression) bool {
	switch x := e.(type) {
	case *hclsyntax.ParenthesesExpr:
		return structure(x.Expression)
	case *hclsyntax.ObjectConsExpr, *hclsyntax.TupleConsExpr, *hclsyntax.ForExpr:
		return true
	}
	return false
}

// treeCall evaluates the functions that give values, nil for others.
func (c *configuration) treeCall(e *hclsyntax.FunctionCallExpr, sc scope) (*node, error) {
	switch e.Name {
	case "yamldecode", "jsondecode":
		if len(e.Args) != 1 {
			return nil, nil
		}
		p, err := c.text(e.Args[0], sc)
		var unknown *unresolved
		if errors.As(err, &unknown) {
			return nil, nil
		} else if err != nil {
			return nil, err
		}
		src, off := p.origin(0)
		if src == nil {
			return nil, nil
		}
		if off != 0 || src.text != p.String() {
			// The text is put together: places in it are those of its beginning.
			whole := &source{name: src.name, text: p.String()}
			n, err := readTree(whole, nil)
			if err != nil {
				return nil, nil
			}
			n.rebase(p, 0)
			return n, nil
		}
		return readTree(src, nil)
	case "merge":
		out := &node{kind: value.KindObject, src: sc.src, off: e.NameRange.Start.Byte}
		for _, a := range e.Args {
			n, err := c.tree(a, sc)
			if err != nil {
				return nil, err
			}
			if !n.isObject() {
				return nil, nil
			}
			for i, m := range n.names {
				out.names = append(out.names, m)
				out.kids = append(out.kids, n.kids[i])
			}
		}
		return out, nil
	case "tonumber", "tobool", "tolist", "tomap":
		if len(e.Args) > 0 {
			return c.tree(e.Args[0], sc)
		}
	case "jsonencode", "yamlencode", "file", "templatefile", "trimspace", "tostring", "join":
		return nil, nil // texts, see function
	}
	if v, ok := c.known(e, sc); ok {
		return c.tree(written(v, e.Range()), sc)
	}
	if e.Name == "toset" && len(e.Args) > 0 {
		return c.tree(e.Args[0], sc) // some elements are known
	}
	return nil, nil
}

// rebase makes the places of a tree that was read from a passage those of its origin.
func (n *node) rebase(p *passage, depth int) {
	if depth > maxDepth {
		return
	}
	for i := range n.names {
		_, n.names[i].off = p.origin(n.names[i].off)
	}
	if n.isString() && n.known == nil {
		n.known = &passage{}
		src, off := p.origin(n.off)
		n.known.addAt(n.s, src, off)
	}
	if src, off := p.origin(n.off); src != nil {
		n.src, n.off = src, off
	}
	for _, k := range n.kids {
		k.rebase(p, depth+1)
	}
}

// role finds the role of a state machine and its policies.
func (c *configuration) role(b block) *Role {
	a := b.Body.Attributes["role_arn"]
	if a == nil {
		return nil
	}
	r := &Role{}
	sc := scope{src: b.src}
	if p, err := c.text(a.Expr, sc); err == nil {
		r.ARN = p.String()
		return r
	}
	r.ARN = c.unknown(a.Expr, sc)
	// The role may be given to the module by the one that calls it.
	expr, sc := c.followed(a.Expr, sc)
	c = sc.of(c)
	id := referred(expr)
	typ, name, _ := strings.Cut(id, ".")
	res := c.block("resource", typ, name)
	if res == nil || typ != "aws_iam_role" {
		return r
	}
	r.ID = c.prefix + id
	in := scope{src: res.src}
	if trust := res.Body.Attributes["assume_role_policy"]; trust != nil {
		r.Trust = c.document(trust.Expr, in)
	}
	if list := res.Body.Attributes["managed_policy_arns"]; list != nil {
		if tuple, ok := list.Expr.(*hclsyntax.TupleConsExpr); ok {
			for _, x := range tuple.Exprs {
				c.attach(r, x, in)
			}
		}
	}
	for _, inline := range res.Body.Blocks {
		if inline.Type == "inline_policy" {
			c.inline(r, block{res.src, inline})
		}
	}
	for _, p := range c.blocks {
		if p.Type != "resource" || len(p.Labels) != 2 {
			continue
		}
		of := p.Body.Attributes["role"]
		switch {
		case of == nil || referred(of.Expr) != id:
		case p.Labels[0] == "aws_iam_role_policy":
			c.inline(r, p)
		case p.Labels[0] == "aws_iam_role_policy_attachment" && p.Body.Attributes["policy_arn"] != nil:
			c.attach(r, p.Body.Attributes["policy_arn"].Expr, scope{src: p.src})
		}
	}
	return r
}

// inline adds the policy of a block.
func (c *configuration) inline(r *Role, b block) {
	a := b.Body.Attributes["policy"]
	if a == nil {
		return
	}
	if doc := c.document(a.Expr, scope{src: b.src}); !doc.IsAbsent() {
		title := ""
		if n := b.Body.Attributes["name"]; n != nil {
			if p, err := c.text(n.Expr, scope{src: b.src}); err == nil {
				title = p.String()
			}
		}
		r.Policies = append(r.Policies, RolePolicy{title, doc, Place{b.src.name, b.src.position(a.Expr.Range().Start.Byte)}})
	}
}

// attach adds a managed policy: one of the configuration as a document, another by name.
func (c *configuration) attach(r *Role, e hclsyntax.Expression, sc scope) {
	typ, name, _ := strings.Cut(referred(e), ".")
	if b := c.block("resource", typ, name); b != nil && typ == "aws_iam_policy" {
		c.inline(r, *b)
		return
	}
	if p, err := c.text(e, sc); err == nil {
		r.Managed = append(r.Managed, p.String())
		return
	}
	r.Managed = append(r.Managed, placeholder(c.notation(e, sc)))
}

// referred returns the address of the resource that an expression refers to.
func referred(e hclsyntax.Expression) string {
	t, ok := unwrapped(e).(*hclsyntax.ScopeTraversalExpr)
	if !ok || len(t.Traversal) < 2 {
		return ""
	}
	if a, ok := t.Traversal[1].(hcl.TraverseAttr); ok {
		return t.Traversal.RootName() + "." + a.Name
	}
	return ""
}

// unwrapped returns what stands in parentheses, or in a text that is nothing but one
// ${...}.
func unwrapped(e hclsyntax.Expression) hclsyntax.Expression {
	for {
		switch x := e.(type) {
		case *hclsyntax.TemplateWrapExpr:
			e = x.Wrapped
		case *hclsyntax.ParenthesesExpr:
			e = x.Expression
		default:
			return e
		}
	}
}

// document evaluates a policy document: a text, or a data source of documents.
func (c *configuration) document(e hclsyntax.Expression, sc scope) value.Value {
	e = unwrapped(e)
	if t, ok := e.(*hclsyntax.ScopeTraversalExpr); ok && len(t.Traversal) >= 4 && t.Traversal.RootName() == "data" {
		if kind, ok := t.Traversal[1].(hcl.TraverseAttr); ok && kind.Name == "aws_iam_policy_document" {
			if label, ok := t.Traversal[2].(hcl.TraverseAttr); ok {
				if b := c.block("data", kind.Name, label.Name); b != nil {
					return c.statements(*b)
				}
			}
		}
		return value.Value{}
	}
	p, err := c.text(e, sc)
	if err != nil {
		return value.Value{}
	}
	doc, err := value.Parse(p.b)
	if err != nil {
		return value.Value{}
	}
	return doc
}

// statements turns the data source aws_iam_policy_document into a document.
func (c *configuration) statements(b block) value.Value {
	var list []value.Value
	for _, st := range b.Body.Blocks {
		if st.Type != "statement" {
			continue
		}
		out := value.NewBuilder(6)
		attr := func(body *hclsyntax.Body, name string) value.Value {
			a := body.Attributes[name]
			if a == nil {
				return value.Value{}
			}
			n, err := c.tree(a.Expr, scope{src: b.src})
			if err != nil {
				return value.Value{}
			}
			p := &passage{}
			n.print(p, func(n *node) (*passage, bool) {
				if n.bare {
					return n.passage(), true
				}
				return nil, false
			}, 0)
			v, err := value.Parse(p.b)
			if err != nil {
				return value.Value{}
			}
			return v
		}
		out.Set("Effect", value.String("Allow"))
		for _, m := range [...][2]string{{"sid", "Sid"}, {"effect", "Effect"}, {"actions", "Action"}, {"not_actions", "NotAction"}, {"resources", "Resource"}, {"not_resources", "NotResource"}} {
			if v := attr(st.Body, m[0]); !v.IsAbsent() {
				out.Set(m[1], v)
			}
		}
		principals, conditions := map[string]value.Value{}, map[string]map[string]value.Value{}
		for _, inner := range st.Body.Blocks {
			switch inner.Type {
			case "principals":
				principals[attr(inner.Body, "type").Str()] = attr(inner.Body, "identifiers")
			case "condition":
				test := attr(inner.Body, "test").Str()
				if conditions[test] == nil {
					conditions[test] = map[string]value.Value{}
				}
				conditions[test][attr(inner.Body, "variable").Str()] = attr(inner.Body, "values")
			}
		}
		if len(principals) > 0 {
			out.Set("Principal", sorted(principals))
		}
		if len(conditions) > 0 {
			tests := map[string]value.Value{}
			for test, keys := range conditions {
				tests[test] = sorted(keys)
			}
			out.Set("Condition", sorted(tests))
		}
		list = append(list, out.Object())
	}
	return value.NewBuilder(2).Set("Version", value.String("2012-10-17")).Set("Statement", value.Array(list)).Object()
}

func sorted(m map[string]value.Value) value.Value {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	vals := make([]value.Value, len(keys))
	for i, k := range keys {
		vals[i] = m[k]
	}
	return value.Object(keys, vals)
}
