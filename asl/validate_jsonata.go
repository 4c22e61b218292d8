package asl

import (
	"errors"
	"regexp"
	"strings"

	"github.com/sfnkit/sfnkit/asl/jsonata"
)

// compileExpression checks one JSONata expression: that it can be read, and that it
// reads only what is there.
func (v *validator) compileExpression(st *scope, n *node, loc, text string) {
	x, err := jsonata.Compile(text, jsonata.StepFunctions())
	if err != nil {
		message := err.Error()
		var e *jsonata.Error
		if errors.As(err, &e) {
			message = e.Message
		}
		v.refuseAs(CodeInvalidJSONata, st, n, loc, message, "")
		return
	}
	told := map[string]bool{}
	once := func(message, hint string) {
		if !told[message] {
			told[message] = true
			v.refuseAs(CodeUnsupportedJSONata, st, n, loc, message, hint)
		}
	}
	for _, r := range x.ContextReferences() {
		switch {
		case strings.HasPrefix(r.Name, "$"):
			once("Reference to '"+r.Name+"' is not supported.", "expressions have no context item; the input is $states.input")
		case r.Name == "states":
			once("Reference to 'states' at the top level is not supported.", "write $states")
		default:
			once("Reference to '"+r.Name+"' at the top level is not supported.", "expressions have no context item; did you mean $states.input."+r.Name+" or $"+r.Name+"?")
		}
	}
	for _, r := range x.Variables() {
		switch {
		case r.Name == "states":
			if r.Field != "" && !st.hasStatesField(r.Field, loc) {
				once("Field '$states."+r.Field+"' does not exist.", statesHint[r.Field])
			}
		case r.Called:
			v.report(SeverityWarning, CodeUnknownFunction, st, n, loc, "there is no function $"+r.Name, v.didYouMean(r.Name, stepFunctions))
		default:
			v.read = append(v.read, variableUse{st, n, loc, r.Name})
		}
	}
}

var statesHint = map[string]string{
	"result":      "it exists in Output and Assign of Task, Parallel and Map states",
	"errorOutput": "it exists in Output and Assign of a catcher",
}

// stepFunctions are the functions that JSONata does not have of itself.
var stepFunctions = []string{"partition", "range", "hash", "random", "uuid", "parse"}

var inCatcher = regexp.MustCompile(`^/Catch\[[0-9]+\]/(Output|Assign)`)

// hasStatesField reports whether a member of $states exists in a field of the state
// (developer guide, "Transforming data with JSONata").
func (st *scope) hasStatesField(member, loc string) bool {
	field := strings.TrimPrefix(loc, st.loc)
	switch member {
	case "input", "context":
		return true
	case "result":
		return FieldAllowed(st.typ, "Catch", "") && (strings.HasPrefix(field, "/Output") || strings.HasPrefix(field, "/Assign"))
	case "errorOutput":
		return inCatcher.MatchString(field)
	}
	return false
}
