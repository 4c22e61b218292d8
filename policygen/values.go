package policygen

import (
	"context"
	"strings"

	"github.com/sfnkit/sfnkit/asl"
	"github.com/sfnkit/sfnkit/asl/jsonata"
	"github.com/sfnkit/sfnkit/asl/value"
)

// form says how parameters are written.
type form uint8

const (
	evaluated form = iota // what the service receives
	inJSONPath
	inJSONata
)

// field is what a definition tells of one parameter.
type field struct {
	name    string // as in Input.S3Uri
	present bool
	texts   []string // possible values; a dynamic part is the byte dynamicPart
	partial bool     // some text has a dynamic part
}

// dynamicPart stands for text that is known only at run time. It cannot occur in
// definitions, which are UTF-8.
const dynamicPart = "\xff"

func (f *field) unknown() bool { return f.present && len(f.texts) == 1 && f.texts[0] == dynamicPart }

// params reads parameters in one of the forms.
type params struct {
	v     value.Value
	form  form
	whole bool // everything is dynamic: the state passes its input on
	own   ownNames
}

// ownNames are what the context object tells of the execution.
type ownNames struct{ machineARN, machine string }

func paramsOf(v value.Value, lang asl.QueryLanguage, own ownNames) params {
	p := params{v: v, form: inJSONPath, own: own}
	if lang == asl.JSONata {
		p.form = inJSONata
	}
	p.whole = v.IsAbsent() || p.form == inJSONata && v.IsString()
	return p
}

// at returns a parameter by its dotted name; a part that ends in [] stands for all
// elements of an array.
func (p params) at(name string) field {
	f := field{name: strings.ReplaceAll(name, "[]", "")}
	if p.whole {
		f.present, f.partial, f.texts = true, true, []string{dynamicPart}
		return f
	}
	p.collect(p.v, strings.Split(name, "."), &f)
	for _, t := range f.texts {
		if strings.Contains(t, dynamicPart) {
			f.partial = true
		}
	}
	f.texts = unique(f.texts)
	return f
}

func (p params) collect(v value.Value, path []string, f *field) {
	if len(path) == 0 {
		f.present = true
		f.texts = append(f.texts, p.text(v)...)
		return
	}
	name, list := strings.CutSuffix(path[0], "[]")
	m := v.Get(name)
	if m.IsAbsent() {
		if e := v.Get(name + ".$"); p.form == inJSONPath && e.IsString() {
			f.present = true
			if len(path) > 1 || list {
				f.texts = append(f.texts, dynamicPart)
			} else {
				f.texts = append(f.texts, p.path(e.Str()))
			}
		}
		return
	}
	if p.form == inJSONata && m.IsString() && isJSONata(m.Str()) && (len(path) > 1 || list) {
		f.present = true
		f.texts = append(f.texts, dynamicPart)
		return
	}
	if list {
		for _, e := range m.Elems() {
			if len(path) > 1 && p.form == inJSONata && e.IsString() {
				f.present = true
				f.texts = append(f.texts, dynamicPart)
				continue
			}
			before := len(f.texts)
			p.collect(e, path[1:], f)
			if len(f.texts) == before { // an element without the member
				f.texts = append(f.texts, "")
			}
		}
		return
	}
	p.collect(m, path[1:], f)
}

// text returns the possible texts of a value.
func (p params) text(v value.Value) []string {
	switch {
	case v.IsString():
		if p.form == inJSONata && isJSONata(v.Str()) {
			return p.jsonataText(v.Str())
		}
		return []string{v.Str()}
	case v.IsNumber():
		return []string{v.NumberText()}
	case v.IsBool():
		return []string{v.JSON()}
	}
	return []string{dynamicPart}
}

func isJSONata(s string) bool {
	s = strings.TrimSpace(s)
	return strings.HasPrefix(s, "{%") && strings.HasSuffix(s, "%}") && len(s) >= 4
}

// path returns the text of a JSONPath or intrinsic expression.
func (p params) path(expr string) string {
	expr = strings.TrimSpace(expr)
	switch expr {
	case "$$.StateMachine.Id":
		return p.own.machineARN
	case "$$.StateMachine.Name":
		return p.own.machine
	}
	args, ok := strings.CutPrefix(expr, "States.Format(")
	if !ok || !strings.HasSuffix(args, ")") {
		return dynamicPart
	}
	parts := splitArguments(args[:len(args)-1], ',')
	if len(parts) == 0 {
		return dynamicPart
	}
	template, ok := quoted(parts[0])
	if !ok {
		return dynamicPart
	}
	var b strings.Builder
	next := 1
	for i := 0; i < len(template); i++ {
		switch {
		case template[i] == '\\' && i+1 < len(template):
			i++
			b.WriteByte(template[i])
		case strings.HasPrefix(template[i:], "{}"):
			text := dynamicPart
			if next < len(parts) {
				if lit, ok := quoted(parts[next]); ok {
					text = strings.ReplaceAll(lit, `\`, "")
				} else {
					text = p.path(parts[next])
				}
			}
			next++
			b.WriteString(text)
			i++
		default:
			b.WriteByte(template[i])
		}
	}
	return b.String()
}

// jsonataText returns the possible texts of an expression: a constant, constants
// joined by &, or the two sides of a condition. Everything else is dynamic.
func (p params) jsonataText(s string) []string {
	s = strings.TrimSpace(s)
	return p.expression(strings.TrimSpace(s[2:len(s)-2]), 0)
}

const maxAlternatives = 16

func (p params) expression(s string, depth int) []string {
	if depth > 8 {
		return []string{dynamicPart}
	}
	s = strings.TrimSpace(s)
	for len(s) > 1 && s[0] == '(' && closes(s) == len(s)-1 {
		s = strings.TrimSpace(s[1 : len(s)-1])
	}
	switch s {
	case "$states.context.StateMachine.Id":
		return []string{p.own.machineARN}
	case "$states.context.StateMachine.Name":
		return []string{p.own.machine}
	}
	if lit, ok := quoted(s); ok {
		return []string{unescape(lit)}
	}
	if q := splitArguments(s, '?'); len(q) == 2 {
		if sides := splitArguments(q[1], ':'); len(sides) == 2 {
			both := append(p.expression(sides[0], depth+1), p.expression(sides[1], depth+1)...)
			if len(both) <= maxAlternatives {
				return unique(both)
			}
		}
		return []string{dynamicPart}
	}
	parts := splitArguments(s, '&')
	if len(parts) < 2 {
		return []string{p.folded(s)}
	}
	texts := []string{""}
	for _, part := range parts {
		var next []string
		for _, left := range texts {
			for _, right := range p.expression(part, depth+1) {
				next = append(next, left+right)
			}
		}
		if len(next) > maxAlternatives {
			return []string{dynamicPart}
		}
		texts = next
	}
	return texts
}

// folded evaluates an expression over nothing but the state machine's own name and
// ARN, from which definitions take their region and account:
// $split($states.context.StateMachine.Id, ':')[3].
func (p params) folded(s string) string {
	const own = "$states.context.StateMachine."
	if !strings.Contains(s, own) || strings.Count(s, "$states") != strings.Count(s, own) {
		return dynamicPart
	}
	x, err := jsonata.Compile(s, jsonata.StepFunctions())
	if err != nil || len(x.ContextReferences()) > 0 {
		return dynamicPart
	}
	for _, r := range x.Variables() {
		if r.Name != "states" {
			return dynamicPart
		}
	}
	for _, f := range x.Functions() {
		switch f.Name {
		case "uuid", "random", "now", "millis", "shuffle":
			return dynamicPart
		}
	}
	machine := value.NewBuilder(2).Set("Id", value.String(p.own.machineARN)).Set("Name", value.String(p.own.machine)).Object()
	states := value.NewBuilder(1).Set("context", value.NewBuilder(1).Set("StateMachine", machine).Object()).Object()
	v, err := x.Eval(context.Background(), value.Value{}, &jsonata.Env{Vars: jsonata.Vars{{Name: "states", Value: states}}})
	if err != nil || !v.IsString() {
		return dynamicPart
	}
	return v.Str()
}

// splitArguments cuts at a separator outside of quotes and brackets.
func splitArguments(s string, separator byte) []string {
	var out []string
	start, depth := 0, 0
	var quote byte
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case quote != 0:
			if c == '\\' {
				i++
			} else if c == quote {
				quote = 0
			}
		case c == '\'' || c == '"' || c == '`':
			quote = c
		case c == '(' || c == '[' || c == '{':
			depth++
		case c == ')' || c == ']' || c == '}':
			depth--
		case c == separator && depth == 0:
			out = append(out, strings.TrimSpace(s[start:i]))
			start = i + 1
		}
	}
	return append(out, strings.TrimSpace(s[start:]))
}

// closes returns where the bracket at the start of s is closed, -1 if nowhere.
func closes(s string) int {
	depth := 0
	var quote byte
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case quote != 0:
			if c == '\\' {
				i++
			} else if c == quote {
				quote = 0
			}
		case c == '\'' || c == '"':
			quote = c
		case c == '(':
			depth++
		case c == ')':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

// quoted returns what stands between the quotes of a string literal.
func quoted(s string) (string, bool) {
	s = strings.TrimSpace(s)
	if len(s) < 2 || s[0] != '\'' && s[0] != '"' || s[len(s)-1] != s[0] {
		return "", false
	}
	for i := 1; i < len(s)-1; i++ {
		if s[i] == '\\' {
			i++
			if i == len(s)-1 {
				return "", false
			}
		} else if s[i] == s[0] {
			return "", false
		}
	}
	return s[1 : len(s)-1], true
}

func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	v, err := value.ParseString(`"` + strings.ReplaceAll(strings.ReplaceAll(s, `\'`, `'`), `"`, `\"`) + `"`)
	if err != nil {
		return dynamicPart
	}
	return v.Str()
}

func unique(texts []string) []string {
	var out []string
	seen := map[string]bool{}
	for _, t := range texts {
		if !seen[t] {
			seen[t] = true
			out = append(out, t)
		}
	}
	return out
}

// starred turns the dynamic parts of a text into wildcards.
func starred(text string) string {
	for strings.Contains(text, dynamicPart+dynamicPart) {
		text = strings.ReplaceAll(text, dynamicPart+dynamicPart, dynamicPart)
	}
	return strings.ReplaceAll(text, dynamicPart, "*")
}

// prefixed keeps a text up to its first dynamic part, which becomes a wildcard.
func prefixed(text string) string {
	if before, _, found := strings.Cut(text, dynamicPart); found {
		return before + "*"
	}
	return text
}
