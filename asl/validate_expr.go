package asl

import (
	"errors"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/sfnkit/sfnkit/asl/intrinsic"
	"github.com/sfnkit/sfnkit/asl/jsonpath"
	"github.com/sfnkit/sfnkit/asl/value"
)

const (
	badPath       = "Value must be a valid JSONPath."
	badReference  = "Value is not a Reference Path"
	badDelimiters = "JSONata string must start with {% and end with %}"
)

func syntaxHint(err error) string {
	var p *jsonpath.SyntaxError
	var c *intrinsic.SyntaxError
	switch {
	case errors.As(err, &p):
		return p.Reason
	case errors.As(err, &c):
		return c.Reason
	}
	return err.Error()
}

// path checks a field that takes any path, or null.
func (v *validator) path(st *scope, n *node, loc string) {
	if st.lang == JSONata || n.kind == value.KindNull || v.unknown(n) || !v.isString(st, n, loc) {
		return
	}
	v.compilePath(st, n, loc)
}

func (v *validator) compilePath(st *scope, n *node, loc string) *jsonpath.Path {
	p, err := jsonpath.Compile(n.str())
	if err != nil {
		v.refuseAs(CodeSchema, st, n, loc, badPath, syntaxHint(err))
		return nil
	}
	v.usesPath(st, n, loc, p)
	return p
}

// referencePath checks a field that takes a path to one place.
func (v *validator) referencePath(st *scope, n *node, loc string) {
	if st.lang == JSONata || v.unknown(n) || !v.isString(st, n, loc) {
		return
	}
	if !strings.HasPrefix(n.str(), "$") {
		message := badPath
		if strings.Contains(loc, "/Choices[") {
			message = badReference + ": Reference path didn't start with '$'"
		}
		v.refuse(st, n, loc, message)
		return
	}
	p, err := jsonpath.Compile(n.str())
	if err == nil {
		err = p.Reference()
	}
	if err != nil {
		v.refuseAs(CodeSchema, st, n, loc, badReference, syntaxHint(err))
		return
	}
	v.usesPath(st, n, loc, p)
}

// resultPath checks where a result is written: a place in the input, or null.
func (v *validator) resultPath(st *scope, n *node, loc string) {
	if st.lang == JSONata || n.kind == value.KindNull || v.unknown(n) || !v.isString(st, n, loc) {
		return
	}
	if !strings.HasPrefix(n.str(), "$") {
		v.refuse(st, n, loc, badPath)
		return
	}
	p, err := jsonpath.Compile(n.str())
	if err == nil {
		err = p.Reference()
	}
	if err != nil {
		v.refuseAs(CodeSchema, st, n, loc, badReference, syntaxHint(err))
		return
	}
	if root, _ := p.Root(); root != jsonpath.Input {
		v.refuseAs(CodeSchema, st, n, loc, badReference, "a result can be written to the input only ($.name); use Assign for variables")
	}
}

// stringFunctions are the functions that ErrorPath and CausePath take (developer guide,
// Fail state).
var stringFunctions = []string{"States.Format", "States.JsonToString", "States.ArrayGetItem", "States.Base64Encode", "States.Base64Decode", "States.Hash", "States.UUID"}

// pathOrCall checks ErrorPath and CausePath.
func (v *validator) pathOrCall(st *scope, n *node, loc string) {
	if st.lang == JSONata || v.unknown(n) || !v.isString(st, n, loc) {
		return
	}
	if !intrinsic.IsCall(n.str()) {
		v.referencePath(st, n, loc)
		return
	}
	call, err := intrinsic.Compile(n.str())
	if err != nil {
		v.refuseAs(CodeSchema, st, n, loc, "The value for the field '"+n.name+"' must be a valid JSONPath or a valid intrinsic function call", syntaxHint(err))
		return
	}
	v.usesCall(st, n, loc, call)
	if f, _, _ := strings.Cut(n.str(), "("); !containsFold(stringFunctions, strings.TrimSpace(f)) {
		v.refuseAs(CodeSchema, st, n, loc, "The value for the field '"+n.name+"' must be a valid JSONPath or a valid intrinsic function call", "the function must give a string: "+strings.Join(stringFunctions, ", "))
	}
}

func containsFold(list []string, s string) bool {
	for _, e := range list {
		if strings.EqualFold(e, s) {
			return true
		}
	}
	return false
}

// objectTemplate checks a template that must be an object.
func (v *validator) objectTemplate(st *scope, n *node, loc string) {
	if v.isObject(st, n, loc) {
		v.template(st, n, loc)
	}
}

// template checks a payload template, or in JSONata a value with expressions in it.
func (v *validator) template(st *scope, n *node, loc string) {
	if v.unknown(n) {
		return
	}
	if st.lang == JSONata {
		v.expressions(st, n, loc)
		return
	}
	v.payload(st, n, loc)
}

// payload checks a payload template of JSONPath. The service names the whole template as
// the place of all that is wrong in it.
func (v *validator) payload(st *scope, n *node, loc string) {
	for i := range n.kids {
		k := &n.kids[i]
		name, dynamic := strings.CutSuffix(k.name, ".$")
		switch {
		case n.kind == value.KindObject && dynamic:
			if n.get(name) != nil {
				v.refuseAs(CodeSchema, st, k, loc, "The field '"+name+"' would exist twice: '"+k.name+"' is renamed to it", "remove one of them")
			}
			v.payloadValue(st, k, loc)
		case k.isContainer():
			v.payload(st, k, loc)
		case v.isExpression(k):
			v.report(SeverityAdvice, CodeOtherLanguage, st, k, loc, "the query language of this state is JSONPath: the expression stays a text", "set \"QueryLanguage\": \"JSONata\"")
		case looksLikePath(k.str()) || looksLikeCall(k.str()):
			if k.nameAt >= 0 && !v.unknown(k) {
				v.report(SeverityWarning, CodeNoDollar, st, k, loc, "The field '"+k.name+"' seems to hold a JSONPath or an intrinsic function call, but its name does not end with '.$'", "write it as \""+k.name+".$\" if it is to be evaluated")
			}
		}
	}
}

func (v *validator) isExpression(n *node) bool {
	_, ok := jsonataText(n.str())
	return ok
}

func (v *validator) payloadValue(st *scope, k *node, loc string) {
	if v.unknown(k) {
		return
	}
	var err error
	text := k.str()
	switch {
	case k.kind != value.KindString:
		err = errors.New("the value must be a string")
	case strings.TrimLeft(text, " \t\r\n") != text:
		err = errors.New("white space stands before it")
	case intrinsic.IsCall(text):
		var call *intrinsic.Call
		if call, err = intrinsic.Compile(text); err == nil {
			v.usesCall(st, k, loc, call)
		}
	default:
		var p *jsonpath.Path
		if p, err = jsonpath.Compile(text); err == nil {
			v.usesPath(st, k, loc, p)
		}
	}
	if err != nil {
		v.refuseAs(CodeSchema, st, k, loc, "The value for the field '"+k.name+"' must be a valid JSONPath or a valid intrinsic function call", syntaxHint(err))
	}
}

var (
	pathLike = regexp.MustCompile(`^\$(\$?[.[]|\$?$)`)
	callLike = regexp.MustCompile(`^States\.[A-Z][A-Za-z0-9]*\(.*\)$`)
)

func looksLikePath(s string) bool { return len(s) < 1024 && pathLike.MatchString(s) }
func looksLikeCall(s string) bool { return len(s) < 1024 && callLike.MatchString(s) }

// validVariable reports whether s is what the language calls an identifier (Unicode
// Standard Annex 31).
func validVariable(s string) bool {
	for i, r := range s {
		if r == '_' || unicode.IsLetter(r) || unicode.Is(unicode.Nl, r) {
			continue
		}
		if i > 0 && (unicode.IsDigit(r) || unicode.IsMark(r) || unicode.Is(unicode.Pc, r)) {
			continue
		}
		return false
	}
	return s != ""
}

// assign checks an Assign field and notes its variables.
func (v *validator) assign(st *scope, n *node, loc string) {
	if v.unknown(n) {
		return
	}
	if n.kind == value.KindString && st.lang == JSONata {
		if v.expressionOnly(st, n, loc, "OBJECT") {
			v.expressions(st, n, loc)
			v.dynamicAssign = true
		}
		return
	}
	if !v.isObject(st, n, loc) {
		return
	}
	for i := range n.kids {
		k := &n.kids[i]
		name := k.name
		if st.lang == JSONPath {
			name = strings.TrimSuffix(name, ".$")
		}
		switch {
		case placeholder(name) && !v.cfg.asService:
			v.dynamicAssign = true
			continue
		case name == "states":
			v.refuseAs(CodeReservedVariable, st, k, loc, "Cannot assign to reserved variable '$states'.", "")
			continue
		case !validVariable(name):
			v.refuseAs(CodeInvalidVariable, st, k, loc, "Invalid variable name '"+name+"': the variable name contains invalid characters.", "")
			continue
		case utf8.RuneCountInString(name) > maxVariable:
			v.refuseAs(CodeInvalidVariable, st, k, loc, "Invalid variable name '"+name+"': the variable name is longer than 80 characters.", "")
		}
		v.assigned = append(v.assigned, variableUse{st: st, n: k, loc: loc, name: name})
	}
	v.template(st, n, loc)
}

// jsonataText returns the expression in a string of the form {% ... %}.
func jsonataText(s string) (string, bool) {
	if len(s) < 4 || !strings.HasPrefix(s, "{%") || !strings.HasSuffix(s, "%}") {
		return "", false
	}
	return s[2 : len(s)-2], true
}

// expressions checks all JSONata expressions in a value.
func (v *validator) expressions(st *scope, n *node, loc string) {
	switch n.kind {
	case value.KindObject:
		for i := range n.kids {
			k := &n.kids[i]
			if strings.HasSuffix(k.name, ".$") && (looksLikePath(k.str()) || looksLikeCall(k.str())) {
				v.report(SeverityAdvice, CodeOtherLanguage, st, k, loc, "the query language of this state is JSONata: '"+k.name+"' is a plain name and its value a text", "write \""+strings.TrimSuffix(k.name, ".$")+"\": \"{% $states.input... %}\"")
			}
			v.expressions(st, k, loc+"/"+k.name)
		}
	case value.KindArray:
		for i := range n.kids {
			v.expressions(st, &n.kids[i], index(loc, i))
		}
	case value.KindString:
		if !v.unknown(n) {
			v.expression(st, n, loc)
		}
	}
}

func (v *validator) expression(st *scope, n *node, loc string) {
	text, ok := jsonataText(n.str())
	if !ok {
		if strings.HasPrefix(n.str(), "{%") || strings.HasSuffix(n.str(), "%}") {
			v.refuse(st, n, loc, badDelimiters)
		}
		return
	}
	v.compileExpression(st, n, loc, text)
}
