package asl

import (
	"errors"
	"slices"
	"strings"

	"github.com/sfnkit/sfnkit/asl/intrinsic"
	"github.com/sfnkit/sfnkit/asl/jsonpath"
	"github.com/sfnkit/sfnkit/asl/value"
)

// target is a transition that a state may make.
type target struct {
	name string
	n    *node
	loc  string
}

// targets lists the transitions of a state. The second result is false if they are not
// all known.
func (v *validator) targets(st *scope) (out []target, all bool) {
	all = true
	add := func(n *node, loc string) {
		switch {
		case n == nil:
		case v.unknown(n):
			all = false
		case n.kind == value.KindString:
			out = append(out, target{name: n.str(), n: n, loc: loc})
		}
	}
	if v.unknown(st.n.get("Type")) {
		all = false
	}
	if FieldAllowed(st.typ, "Next", "") {
		add(st.n.get("Next"), st.loc+"/Next")
	}
	if st.typ == TypeChoice {
		if rules := st.n.get("Choices"); rules != nil {
			for i := range rules.kids {
				add(rules.kids[i].get("Next"), index(st.loc+"/Choices", i)+"/Next")
			}
			all = all && !v.unknown(rules)
		}
		add(st.n.get("Default"), st.loc+"/Default")
	}
	if FieldAllowed(st.typ, "Catch", "") {
		if catchers := st.n.get("Catch"); catchers != nil {
			for i := range catchers.kids {
				add(catchers.kids[i].get("Next"), index(st.loc+"/Catch", i)+"/Next")
			}
			all = all && !v.unknown(catchers)
		}
	}
	return out, all
}

// terminal reports whether a workflow may end in a state, as far as is known.
func (v *validator) terminal(st *scope) bool {
	switch st.typ {
	case "", TypeSucceed, TypeFail:
		return true
	}
	end := st.n.get("End")
	return end != nil && (end.scalar.Truth() || v.unknown(end)) && FieldAllowed(st.typ, "End", "")
}

// flow checks the transitions between the states of a part. What was measured of the
// service: the words are those of 'Next' for every kind of transition, StartAt included;
// not reachable is a state that nothing names, though not what follows it (cfn-lint issue
// 4074); a machine without a terminal state is told so in place of which states cannot be
// reached; and it is only asked of the whole machine, not of branches and processors. A
// branch without one can be meant: it goes round until another branch fails.
func (v *validator) flow(p *part) {
	start, states := p.n.get("StartAt"), p.n.get("States")
	if start == nil || start.kind != value.KindString || states == nil || v.unknown(states) || !states.isObject() || len(states.kids) == 0 {
		return
	}
	exists := make(map[string]bool, len(states.kids))
	for i := range states.kids {
		exists[states.kids[i].name] = true
		if placeholder(states.kids[i].name) && !v.cfg.asService {
			return // any name may turn up
		}
	}
	next := make(map[string][]string, len(p.states))
	all := !v.unknown(start)
	if all && !exists[start.str()] {
		v.refuseAs(CodeMissingTarget, p.outer, start, p.loc+"/StartAt", "Missing 'Next' target: "+start.str(), v.didYouMean(start.str(), nodeNames(states)))
	}
	ends := false
	for _, st := range p.states {
		targets, known := v.targets(st)
		all = all && known
		for _, t := range targets {
			if !exists[t.name] {
				v.refuseAs(CodeMissingTarget, st, t.n, t.loc, "Missing 'Next' target: "+t.name, v.didYouMean(t.name, nodeNames(states)))
			}
			next[st.name] = append(next[st.name], t.name)
		}
		ends = ends || v.terminal(st)
	}
	if !ends && len(p.states) == len(states.kids) {
		if p.outer == nil {
			v.refuseAs(CodeMissingEnd, nil, states, "", "Workflow has no terminal state", "give one state \"End\": true, or add a Succeed or Fail state")
		} else {
			v.report(SeverityWarning, CodeEndlessPart, p.outer, states, p.loc+"/States", "none of these states is terminal", "give one state \"End\": true, or add a Succeed or Fail state")
		}
		return
	}
	if !all {
		return
	}
	targeted := map[string]bool{start.str(): true}
	for _, names := range next {
		for _, name := range names {
			targeted[name] = true
		}
	}
	queue := []string{start.str()}
	for i := range states.kids {
		if k := &states.kids[i]; !targeted[k.name] {
			v.report(SeverityError, CodeMissingTarget, &scope{name: k.name}, k, p.loc+"/States/"+k.name, "State \""+k.name+"\" is not reachable.", "")
			queue = append(queue, k.name)
		}
	}
	reached := map[string]bool{}
	for len(queue) > 0 {
		name := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		if !reached[name] {
			reached[name] = true
			queue = append(queue, next[name]...)
		}
	}
	for i := range states.kids {
		if k := &states.kids[i]; !reached[k.name] {
			v.report(SeverityWarning, CodeUnreachable, &scope{name: k.name}, k, p.loc+"/States/"+k.name, "no way leads from StartAt to this state", "the states that lead to it lead to each other only")
		}
	}
}

func nodeNames(n *node) []string {
	if len(n.kids) > 256 {
		return nil
	}
	out := make([]string, len(n.kids))
	for i := range n.kids {
		out[i] = n.kids[i].name
	}
	return out
}

// variableUse is a place where a variable is read or assigned.
type variableUse struct {
	st   *scope
	n    *node
	loc  string
	name string
}

func (v *validator) usesPath(st *scope, n *node, loc string, p *jsonpath.Path) {
	switch root, name := p.Root(); root {
	case jsonpath.Variable:
		v.read = append(v.read, variableUse{st, n, loc, name})
	case jsonpath.Context:
		v.contextPath(st, n, loc, strings.TrimSpace(p.String()))
	}
}

func (v *validator) usesCall(st *scope, n *node, loc string, c *intrinsic.Call) {
	var bad *intrinsic.ArgumentError
	if errors.As(c.Check(), &bad) {
		v.report(SeverityError, CodeIntrinsic, st, n, loc, bad.Function+" refuses its arguments: "+bad.Reason, "the service accepts this and the state fails when it runs")
	}
	for _, u := range c.Uses() {
		if u.Path != nil {
			v.usesPath(st, n, loc, u.Path)
		}
	}
}

// contextMembers are the members of the context object (developer guide, "Accessing
// execution data from the Context object").
var contextMembers = map[string][]string{
	"Execution":    {"Id", "Input", "Name", "RoleArn", "StartTime", "RedriveCount", "RedriveTime"},
	"State":        {"EnteredTime", "Name", "RetryCount"},
	"StateMachine": {"Id", "Name"},
	"Task":         {"Token"},
	"Map":          {"Item"},
}

func (v *validator) contextPath(st *scope, n *node, loc, path string) {
	names := strings.FieldsFunc(strings.TrimPrefix(path, "$$"), func(r rune) bool { return r == '.' || r == '[' || r == ']' || r == '\'' })
	if len(names) == 0 || strings.ContainsAny(path, "*?,") || strings.Contains(path, "..") {
		return
	}
	members, ok := contextMembers[names[0]]
	switch {
	case !ok:
		v.report(SeverityWarning, CodeContextPath, st, n, loc, "the context object has no "+names[0], v.didYouMean(names[0], []string{"Execution", "State", "StateMachine", "Task", "Map"}))
	case len(names) > 1 && !slices.Contains(members, names[1]):
		v.report(SeverityWarning, CodeContextPath, st, n, loc, "the context object has no "+names[0]+"."+names[1], v.didYouMean(names[1], members))
	}
}
