package iam

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/sfnkit/sfnkit/asl/value"
)

// Versions of the policy language. Variables such as ${aws:username} exist only
// in the current one.
const (
	Version2012 = "2012-10-17"
	Version2008 = "2008-10-17"
)

// Limits on the size of policies, in characters without white space
// ([Policy.Size]); IAM and STS quotas page, read 2026-11.
const (
	RoleInlineLimit       = 10240 // all inline policies of a role together
	GroupInlineLimit      = 5120  // all inline policies of a group together
	UserInlineLimit       = 2048  // all inline policies of a user together
	ManagedLimit          = 6144  // one managed policy
	ManagedPerRole        = 10    // managed policies attached to a role, unless raised
	TrustLimit            = 2048  // a role's trust policy, unless raised
	ControlPolicyLimit    = 5120  // a service or resource control policy
	SessionLimit          = 2048  // session policies of one AssumeRole call
	PermissionSetLimit    = 32768 // the inline policy of an Identity Center permission set
	maxTextBytes          = 1 << 20
	maxStatements         = 10000
	maxValuesPerStatement = 10000
)

// Effect is what a statement does to the requests it matches.
type Effect string

// The two effects.
const (
	Allow Effect = "Allow"
	Deny  Effect = "Deny"
)

// Policy is a policy document. The zero Policy has no statements and grants
// nothing.
type Policy struct {
	Version    string // "" is read as 2008-10-17, as IAM does
	ID         string
	Statements []Statement
}

// Statement is one statement of a policy. Of each pair (Actions and NotActions,
// Resources and NotResources, Principals and NotPrincipals) at most one is set.
type Statement struct {
	Sid           string
	Effect        Effect
	Principals    []Principal
	NotPrincipals []Principal
	Actions       []string
	NotActions    []string
	Resources     []string
	NotResources  []string
	Conditions    []Condition
}

// Principal is one entry of a statement's Principal element. Kind is AWS,
// Service, Federated or CanonicalUser; a bare "*" is {Kind: "*", Value: "*"}.
type Principal struct {
	Kind  string
	Value string
}

// Condition is one key under one operator. Operator may carry the prefixes
// ForAllValues: and ForAnyValue: and the suffix IfExists.
type Condition struct {
	Operator string
	Key      string
	Values   []string
}

// ParseError says what is wrong with the text of a policy and where.
type ParseError struct {
	Path   string // as in Statement[1].Condition.StringEquals; "" is the document
	Line   int    // from 1; 0 where only the path is known
	Column int    // from 1, in bytes
	Reason string
}

func (e *ParseError) Error() string {
	var b strings.Builder
	b.WriteString("policy document: ")
	if e.Line > 0 {
		fmt.Fprintf(&b, "line %d, column %d: ", e.Line, e.Column)
	}
	if e.Path != "" {
		b.WriteString(e.Path + ": ")
	}
	b.WriteString(e.Reason)
	return b.String()
}

// Parse reads the JSON text of a policy of at most 1 MiB. It checks the form of
// the document; what a policy must also hold to be attached somewhere is checked
// by [Compile]. The error is a *ParseError.
func Parse(text []byte) (*Policy, error) {
	if len(text) > maxTextBytes {
		return nil, &ParseError{Reason: fmt.Sprintf("the text has %d bytes, more than %d", len(text), maxTextBytes)}
	}
	v, err := value.Parse(text)
	if err != nil {
		e := &ParseError{Reason: err.Error()}
		if syntax, ok := err.(*value.SyntaxError); ok {
			before := text[:min(max(syntax.Offset, 0), len(text))]
			e.Line = 1 + strings.Count(string(before), "\n")
			e.Column = len(before) - strings.LastIndexByte(string(before), '\n')
			e.Reason = syntax.Reason
		}
		return nil, e
	}
	if e := findTwice(text); e != nil {
		return nil, e
	}
	return FromValue(v)
}

// findTwice finds a member that an object has twice, which IAM's grammar forbids: one of
// the two, a condition perhaps, would silently not count. The text must be JSON.
func findTwice(text []byte) *ParseError {
	type container struct {
		path  string
		names map[string]bool // nil for an array
		index int             // of the next element
		name  string          // of the member whose value comes next; "" if a name does
	}
	var open []container
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	for {
		token, err := d.Token()
		if err != nil {
			return nil
		}
		if token == json.Delim('}') || token == json.Delim(']') {
			open = open[:len(open)-1]
			continue
		}
		path := ""
		if len(open) > 0 {
			c := &open[len(open)-1]
			switch name, isText := token.(string); {
			case c.names == nil:
				path = fmt.Sprintf("%s[%d]", c.path, c.index)
				c.index++
			case c.name == "" && isText:
				if c.names[name] {
					end := int(d.InputOffset())
					start := bytes.LastIndexByte(text[:end-1], '"') // exact unless the name has escaped quotes
					before := text[:max(start, 0)]
					return &ParseError{Path: c.path, Line: 1 + bytes.Count(before, []byte("\n")),
						Column: len(before) - bytes.LastIndexByte(before, '\n'), Reason: fmt.Sprintf("has %q twice", name)}
				}
				c.names[name] = true
				c.name = " " + name
				continue
			default:
				path = strings.TrimPrefix(c.path+"."+c.name[1:], ".")
				c.name = ""
			}
		}
		switch token {
		case json.Delim('{'):
			open = append(open, container{path: path, names: map[string]bool{}})
		case json.Delim('['):
			open = append(open, container{path: path})
		}
	}
}

// FromValue reads a policy from a JSON value. The error is a *ParseError.
func FromValue(v value.Value) (*Policy, error) {
	r := reader{}
	p := r.policy(v)
	if r.err != nil {
		return nil, r.err
	}
	return p, nil
}

// reader keeps the first problem, so that reading goes on without checks.
type reader struct{ err *ParseError }

func (r *reader) fail(path, format string, args ...any) {
	if r.err == nil {
		r.err = &ParseError{Path: path, Reason: fmt.Sprintf(format, args...)}
	}
}

func (r *reader) policy(v value.Value) *Policy {
	p := &Policy{}
	if !v.IsObject() {
		r.fail("", "must be an object, not %s", kindWithArticle(v))
		return p
	}
	for key, m := range v.Members() {
		switch key {
		case "Version":
			p.Version = r.text("Version", m)
			if p.Version != Version2012 && p.Version != Version2008 {
				r.fail("Version", "must be %q or %q", Version2012, Version2008)
			}
		case "Id":
			p.ID = r.text("Id", m)
		case "Statement":
			switch {
			case m.IsObject():
				p.Statements = []Statement{r.statement("Statement", m)}
			case m.IsArray():
				if m.Len() > maxStatements {
					r.fail("Statement", "has %d statements, more than %d", m.Len(), maxStatements)
					return p
				}
				p.Statements = make([]Statement, m.Len())
				for i, s := range m.Elems() {
					p.Statements[i] = r.statement(fmt.Sprintf("Statement[%d]", i), s)
				}
			default:
				r.fail("Statement", "must be an object or an array, not %s", kindWithArticle(m))
			}
		default:
			r.fail(key, "is no element of a policy document")
		}
	}
	if !v.Has("Statement") {
		r.fail("", "has no Statement")
	}
	return p
}

func (r *reader) statement(path string, v value.Value) Statement {
	var s Statement
	if !v.IsObject() {
		r.fail(path, "must be an object, not %s", kindWithArticle(v))
		return s
	}
	for key, m := range v.Members() {
		at := path + "." + key
		switch key {
		case "Sid":
			s.Sid = r.text(at, m)
		case "Effect":
			s.Effect = Effect(r.text(at, m))
			if s.Effect != Allow && s.Effect != Deny {
				r.fail(at, "must be %q or %q", Allow, Deny)
			}
		case "Action":
			s.Actions = r.texts(at, m)
		case "NotAction":
			s.NotActions = r.texts(at, m)
		case "Resource":
			s.Resources = r.texts(at, m)
		case "NotResource":
			s.NotResources = r.texts(at, m)
		case "Principal":
			s.Principals = r.principals(at, m)
		case "NotPrincipal":
			s.NotPrincipals = r.principals(at, m)
		case "Condition":
			s.Conditions = r.conditions(at, m)
		default:
			r.fail(at, "is no element of a statement")
		}
	}
	if s.Effect == "" {
		r.fail(path, "has no Effect")
	}
	for _, pair := range [][2]string{{"Action", "NotAction"}, {"Resource", "NotResource"}, {"Principal", "NotPrincipal"}} {
		if v.Has(pair[0]) && v.Has(pair[1]) {
			r.fail(path, "has both %s and %s", pair[0], pair[1])
		}
	}
	if !v.Has("Action") && !v.Has("NotAction") {
		r.fail(path, "has neither Action nor NotAction")
	}
	return s
}

func (r *reader) text(path string, v value.Value) string {
	if !v.IsString() {
		r.fail(path, "must be a string, not %s", kindWithArticle(v))
	}
	return v.Str()
}

func (r *reader) texts(path string, v value.Value) []string {
	if v.IsString() {
		return []string{v.Str()}
	}
	if !v.IsArray() {
		r.fail(path, "must be a string or an array of strings, not %s", kindWithArticle(v))
		return nil
	}
	if v.Len() == 0 {
		r.fail(path, "must not be empty")
	}
	if v.Len() > maxValuesPerStatement {
		r.fail(path, "has %d values, more than %d", v.Len(), maxValuesPerStatement)
		return nil
	}
	out := make([]string, v.Len())
	for i, e := range v.Elems() {
		out[i] = r.text(fmt.Sprintf("%s[%d]", path, i), e)
	}
	return out
}

func (r *reader) principals(path string, v value.Value) []Principal {
	if v.IsString() {
		if v.Str() != "*" {
			r.fail(path, "must be an object or %q", "*")
		}
		return []Principal{{"*", "*"}}
	}
	if !v.IsObject() {
		r.fail(path, "must be an object or %q, not %s", "*", kindWithArticle(v))
		return nil
	}
	var out []Principal
	for kind, m := range v.Members() {
		switch kind {
		case "AWS", "Service", "Federated", "CanonicalUser":
		default:
			r.fail(path+"."+kind, "is no kind of principal")
		}
		for _, text := range r.texts(path+"."+kind, m) {
			out = append(out, Principal{kind, text})
		}
	}
	if len(out) == 0 {
		r.fail(path, "names nobody")
	}
	return out
}

func (r *reader) conditions(path string, v value.Value) []Condition {
	if !v.IsObject() {
		r.fail(path, "must be an object, not %s", kindWithArticle(v))
		return nil
	}
	var out []Condition
	for operator, keys := range v.Members() {
		at := path + "." + operator
		if _, err := parseOperator(operator); err != nil {
			r.fail(at, "%v", err)
		}
		if !keys.IsObject() {
			r.fail(at, "must be an object, not %s", kindWithArticle(keys))
			continue
		}
		for key, m := range keys.Members() {
			at := at + "." + key
			elems := []value.Value{m}
			if m.IsArray() {
				elems = m.Elems()
			}
			if len(elems) > maxValuesPerStatement {
				r.fail(at, "has %d values, more than %d", len(elems), maxValuesPerStatement)
				continue
			}
			c := Condition{Operator: operator, Key: key, Values: make([]string, len(elems))}
			for i, e := range elems {
				switch {
				case e.IsString():
					c.Values[i] = e.Str()
				case e.IsBool():
					c.Values[i] = fmt.Sprint(e.Truth())
				case e.IsNumber():
					c.Values[i] = e.NumberText()
				default:
					r.fail(at, "must be a string, a number, a boolean or an array of these, not %s", kindWithArticle(e))
				}
			}
			out = append(out, c)
		}
	}
	return out
}

func kindWithArticle(v value.Value) string {
	switch k := v.Kind().String(); k {
	case "array", "object":
		return "an " + k
	case "null":
		return k
	default:
		return "a " + k
	}
}

// Value returns the document as a JSON value in canonical form: elements in the
// order of the policy grammar, actions and resources always as arrays, condition
// operators and keys in alphabetical order, a single condition value or principal
// as a string.
func (p *Policy) Value() value.Value {
	b := value.NewBuilder(3)
	if p.Version != "" {
		b.Set("Version", value.String(p.Version))
	}
	if p.ID != "" {
		b.Set("Id", value.String(p.ID))
	}
	statements := make([]value.Value, len(p.Statements))
	for i := range p.Statements {
		statements[i] = p.Statements[i].Value()
	}
	b.Set("Statement", value.Array(statements))
	return b.Object()
}

// Value returns the statement as a JSON value in canonical form.
func (s *Statement) Value() value.Value {
	b := value.NewBuilder(6)
	if s.Sid != "" {
		b.Set("Sid", value.String(s.Sid))
	}
	b.Set("Effect", value.String(string(s.Effect)))
	setPrincipals(b, "Principal", s.Principals)
	setPrincipals(b, "NotPrincipal", s.NotPrincipals)
	setList(b, "Action", s.Actions)
	setList(b, "NotAction", s.NotActions)
	setList(b, "Resource", s.Resources)
	setList(b, "NotResource", s.NotResources)
	if len(s.Conditions) > 0 {
		b.Set("Condition", conditionsValue(s.Conditions))
	}
	return b.Object()
}

func setList(b *value.Builder, key string, texts []string) {
	if len(texts) > 0 {
		b.Set(key, listOf(texts))
	}
}

func listOf(texts []string) value.Value {
	vals := make([]value.Value, len(texts))
	for i, t := range texts {
		vals[i] = value.String(t)
	}
	return value.Array(vals)
}

func oneOrList(texts []string) value.Value {
	if len(texts) == 1 {
		return value.String(texts[0])
	}
	return listOf(texts)
}

func setPrincipals(b *value.Builder, key string, principals []Principal) {
	if len(principals) == 0 {
		return
	}
	if principals[0].Kind == "*" {
		b.Set(key, value.String("*"))
		return
	}
	byKind := value.NewBuilder(2)
	for _, kind := range []string{"AWS", "Service", "Federated", "CanonicalUser"} {
		var texts []string
		for _, p := range principals {
			if p.Kind == kind {
				texts = append(texts, p.Value)
			}
		}
		if len(texts) > 0 {
			byKind.Set(kind, oneOrList(texts))
		}
	}
	b.Set(key, byKind.Object())
}

func conditionsValue(conditions []Condition) value.Value {
	sorted := slices.Clone(conditions)
	slices.SortStableFunc(sorted, compareConditions)
	b := value.NewBuilder(2)
	for i := 0; i < len(sorted); {
		operator := sorted[i].Operator
		keys := value.NewBuilder(2)
		for ; i < len(sorted) && sorted[i].Operator == operator; i++ {
			keys.Set(sorted[i].Key, oneOrList(sorted[i].Values))
		}
		b.Set(operator, keys.Object())
	}
	return b.Object()
}

func compareConditions(a, b Condition) int {
	if c := strings.Compare(a.Operator, b.Operator); c != 0 {
		return c
	}
	if c := strings.Compare(a.Key, b.Key); c != 0 {
		return c
	}
	return slices.Compare(a.Values, b.Values)
}

// JSON returns the document in canonical form, indented by two blanks and ended
// by a line feed.
func (p *Policy) JSON() []byte {
	return append(p.Value().AppendIndent(nil, "  "), '\n')
}

// MarshalJSON returns the compact canonical form.
func (p *Policy) MarshalJSON() ([]byte, error) {
	return p.Value().AppendJSON(nil), nil
}

// UnmarshalJSON reads a document as [Parse] does.
func (p *Policy) UnmarshalJSON(text []byte) error {
	read, err := Parse(text)
	if err != nil {
		return err
	}
	*p = *read
	return nil
}

// Size returns the number of characters of the document as IAM counts them for
// its limits: those of the compact canonical form. (IAM does not count white
// space; blanks inside strings are counted here, which errs on the safe side.)
func (p *Policy) Size() int {
	n := 0
	for _, b := range p.Value().AppendJSON(nil) {
		if b&0xC0 != 0x80 { // not a UTF-8 continuation byte
			n++
		}
	}
	return n
}
