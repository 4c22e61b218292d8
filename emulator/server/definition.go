package server

import (
	"context"
	"sort"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"github.com/sfnkit/sfnkit/asl"
	"github.com/sfnkit/sfnkit/asl/value"
)

func (s *Server) validateStateMachineDefinition(_ context.Context, in *sfn.ValidateStateMachineDefinitionInput) (*sfn.ValidateStateMachineDefinitionOutput, error) {
	typ := in.Type
	if typ == "" {
		typ = types.StateMachineTypeStandard
	}
	_, found := s.diagnose(*in.Definition, typ)
	limit := int(in.MaxResults)
	if limit == 0 {
		limit = 100
	}
	least := in.Severity
	out := &sfn.ValidateStateMachineDefinitionOutput{
		Result: types.ValidateStateMachineDefinitionResultCodeOk, Diagnostics: []types.ValidateStateMachineDefinitionDiagnostic{}, Truncated: aws.Bool(false),
	}
	for _, d := range found {
		if d.Severity == asl.SeverityError {
			out.Result = types.ValidateStateMachineDefinitionResultCodeFail
		} else if least != types.ValidateStateMachineDefinitionSeverityWarning {
			continue
		}
		if len(out.Diagnostics) == limit {
			out.Truncated = aws.Bool(true)
			continue
		}
		at := d.Location
		if at == "" {
			at = "/"
		}
		out.Diagnostics = append(out.Diagnostics, types.ValidateStateMachineDefinitionDiagnostic{
			Code: aws.String(d.Code), Message: aws.String(d.Message), Severity: types.ValidateStateMachineDefinitionSeverity(d.Severity), Location: &at,
		})
	}
	return out, nil
}

// variableReferences returns the variables that each state of a definition refers to,
// sorted, nil if none does. The second result tells whether variables or JSONata are used
// at all.
func variableReferences(def *asl.StateMachine) (map[string][]string, bool) {
	r := references{states: make(map[string]map[string]bool)}
	r.machine(def, def.Language() == asl.JSONata)
	if len(r.states) == 0 {
		return nil, r.modern
	}
	out := make(map[string][]string, len(r.states))
	for state, names := range r.states {
		for n := range names {
			out[state] = append(out[state], n)
		}
		sort.Strings(out[state])
	}
	return out, r.modern
}

type references struct {
	states map[string]map[string]bool
	modern bool
}

func (r *references) machine(def *asl.StateMachine, jsonata bool) {
	if def == nil {
		return
	}
	r.modern = r.modern || jsonata
	for _, s := range def.States {
		j := jsonata
		if s.QueryLanguage != "" {
			j = s.QueryLanguage == asl.JSONata
		}
		r.modern = r.modern || j || !s.Assign.IsAbsent()
		r.state(s, j)
		for _, b := range s.Branches {
			r.machine(b, j)
		}
		r.machine(s.ItemProcessor, j)
		r.machine(s.Iterator, j)
	}
}

func (r *references) state(s *asl.State, jsonata bool) {
	v := s.Value()
	for k, sub := range v.Members() {
		switch k {
		case "Branches", "ItemProcessor", "Iterator", "States", "Comment", "Type", "Next", "Resource":
		default:
			r.field(s.Name, k, sub, jsonata)
		}
	}
}

// field notes the variables in one member: in JSONata in everything between {% and %}, in
// JSONPath in members whose name ends with .$ and in the fields that are paths.
func (r *references) field(state, name string, v value.Value, jsonata bool) {
	switch {
	case v.IsObject():
		for k, sub := range v.Members() {
			r.field(state, k, sub, jsonata)
		}
	case v.IsArray():
		for _, sub := range v.Elems() {
			r.field(state, name, sub, jsonata)
		}
	case v.IsString() && jsonata:
		if t := v.Str(); strings.HasPrefix(t, "{%") && strings.HasSuffix(t, "%}") && len(t) >= 4 {
			for _, n := range variablesInJSONata(t[2 : len(t)-2]) {
				r.add(state, n)
			}
		}
	case v.IsString() && (strings.HasSuffix(name, ".$") || strings.HasSuffix(name, "Path") || name == "Variable"):
		for _, n := range variablesInPath(v.Str()) {
			r.add(state, n)
		}
	}
}

func (r *references) add(state, name string) {
	if r.states[state] == nil {
		r.states[state] = make(map[string]bool)
	}
	r.states[state][name] = true
}

func isNameStart(c byte) bool {
	return c == '_' || 'a' <= c|0x20 && c|0x20 <= 'z' || c >= 0x80
}

func nameEnd(s string, i int) int {
	for i < len(s) && (isNameStart(s[i]) || '0' <= s[i] && s[i] <= '9') {
		i++
	}
	return i
}

// variablesInPath finds $name outside of quotes: not $, $. and $$.
func variablesInPath(s string) []string {
	var names []string
	var quote byte
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quote != 0:
			if c == '\\' {
				i++
			} else if c == quote {
				quote = 0
			}
		case c == '\'' || c == '"':
			quote = c
		case c == '$':
			if i+1 < len(s) && s[i+1] == '$' {
				i++
				continue
			}
			if i+1 < len(s) && isNameStart(s[i+1]) {
				end := nameEnd(s, i+1)
				names = append(names, s[i+1:end])
				i = end - 1
			}
		}
	}
	return names
}

// variablesInJSONata finds the variables of an expression that it does not bind itself
// and that are no functions: $name that is neither called nor assigned to nor the
// parameter of a function. $states is not a variable of the workflow.
func variablesInJSONata(s string) []string {
	var names []string
	bound := map[string]bool{"states": true}
	head := false // in the parentheses of a function's parameters
	for i := 0; i < len(s); i++ {
		switch c := s[i]; c {
		case '(':
			before := strings.TrimRight(s[:i], " \t\r\n")
			head = strings.HasSuffix(before, "function") || strings.HasSuffix(before, "λ")
		case ')':
			head = false
		case '\'', '"', '`':
			for i++; i < len(s) && s[i] != c; i++ {
				if s[i] == '\\' {
					i++
				}
			}
		case '/':
			if strings.HasPrefix(s[i:], "/*") {
				if end := strings.Index(s[i:], "*/"); end >= 0 {
					i += end + 1
				} else {
					i = len(s)
				}
			}
		case '$':
			if i+1 < len(s) && isNameStart(s[i+1]) {
				end := nameEnd(s, i+1)
				n := s[i+1 : end]
				rest := strings.TrimLeft(s[end:], " \t\r\n")
				before := strings.TrimRight(s[:i], " \t\r\n")
				switch {
				case strings.HasPrefix(rest, ":="), strings.HasSuffix(before, "@"), strings.HasSuffix(before, "#"), head:
					bound[n] = true
				case strings.HasPrefix(rest, "("):
				default:
					names = append(names, n)
				}
				i = end - 1
			} else if i+1 < len(s) && s[i+1] == '$' {
				i++
			}
		}
	}
	out := names[:0]
	for _, n := range names {
		if !bound[n] {
			out = append(out, n)
		}
	}
	return out
}
