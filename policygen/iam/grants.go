package iam

import (
	"cmp"
	"slices"
	"strings"
)

// Grant is the smallest part of a policy that means something by itself: one
// effect on one action and one resource under the statement's conditions. How a
// policy is cut into statements does not show in its grants.
type Grant struct {
	Effect     Effect
	Action     string // "not(a, b)" for a statement with NotAction
	Resource   string // "not(a, b)" for NotResource; "" for a statement without resources
	Principal  string // "AWS:arn:…", "Service:…", "*"; "" where the policy names none
	Conditions string // canonical JSON, "" for none
}

// Grants returns the set of a policy's grants in a fixed order.
func Grants(p *Policy) []Grant {
	seen := map[Grant]bool{}
	var out []Grant
	for i := range p.Statements {
		s := &p.Statements[i]
		conditions := ""
		if len(s.Conditions) > 0 {
			conditions = conditionsValue(normalConditions(s.Conditions)).JSON()
		}
		for _, principal := range principalTexts(s) {
			for _, action := range oneOrNot(s.Actions, s.NotActions) {
				for _, resource := range oneOrNot(s.Resources, s.NotResources) {
					g := Grant{s.Effect, action, resource, principal, conditions}
					if !seen[g] {
						seen[g] = true
						out = append(out, g)
					}
				}
			}
		}
	}
	slices.SortFunc(out, compareGrants)
	return out
}

// Diff returns the grants that only a has and those that only b has.
func Diff(a, b *Policy) (onlyA, onlyB []Grant) {
	inA, inB := Grants(a), Grants(b)
	for len(inA) > 0 && len(inB) > 0 {
		switch c := compareGrants(inA[0], inB[0]); {
		case c < 0:
			onlyA, inA = append(onlyA, inA[0]), inA[1:]
		case c > 0:
			onlyB, inB = append(onlyB, inB[0]), inB[1:]
		default:
			inA, inB = inA[1:], inB[1:]
		}
	}
	return append(onlyA, inA...), append(onlyB, inB...)
}

func compareGrants(a, b Grant) int {
	return cmp.Or(
		strings.Compare(string(a.Effect), string(b.Effect)),
		strings.Compare(a.Action, b.Action),
		strings.Compare(a.Resource, b.Resource),
		strings.Compare(a.Principal, b.Principal),
		strings.Compare(a.Conditions, b.Conditions))
}

func oneOrNot(texts, not []string) []string {
	if len(not) > 0 {
		return []string{"not(" + strings.Join(sortedSet(not), ", ") + ")"}
	}
	if len(texts) == 0 {
		return []string{""}
	}
	return texts
}

func principalTexts(s *Statement) []string {
	if len(s.NotPrincipals) > 0 {
		return []string{"not(" + strings.Join(sortedSet(principalNames(s.NotPrincipals)), ", ") + ")"}
	}
	if len(s.Principals) == 0 {
		return []string{""}
	}
	return principalNames(s.Principals)
}

func principalNames(principals []Principal) []string {
	out := make([]string, len(principals))
	for i, p := range principals {
		if out[i] = p.Kind + ":" + p.Value; p.Kind == "*" {
			out[i] = "*"
		}
	}
	return out
}

// normalConditions sorts conditions and their values and joins nothing.
func normalConditions(conditions []Condition) []Condition {
	out := slices.Clone(conditions)
	for i := range out {
		out[i].Values = sortedSet(out[i].Values)
	}
	slices.SortFunc(out, compareConditions)
	return out
}

func sortedSet(texts []string) []string {
	out := slices.Clone(texts)
	slices.Sort(out)
	return slices.Compact(out)
}

// Merge joins statements that can be joined without changing the set of grants:
// those that differ in their actions only, then those that differ in their
// resources only, until nothing more can be joined. Actions, resources and
// conditions of the result are sorted and without repetition; statements keep
// the order of their first member. The second result tells for each statement
// which of the given ones (by index, ascending) went into it. A Sid is kept only
// by a statement that was not joined.
func Merge(statements []Statement) ([]Statement, [][]int) {
	merged := make([]Statement, len(statements))
	members := make([][]int, len(statements))
	for i, s := range statements {
		merged[i] = normalStatement(s)
		members[i] = []int{i}
	}
	for {
		before := len(merged)
		merged, members = joinBy(merged, members, true)
		merged, members = joinBy(merged, members, false)
		if len(merged) == before {
			return merged, members
		}
	}
}

func normalStatement(s Statement) Statement {
	s.Actions, s.NotActions = sortedSet(s.Actions), sortedSet(s.NotActions)
	s.Resources, s.NotResources = sortedSet(s.Resources), sortedSet(s.NotResources)
	s.Conditions = normalConditions(s.Conditions)
	return s
}

// joinBy joins statements that are equal but for their actions (or resources).
// Negated lists stand for their complement and are joined only if equal.
func joinBy(statements []Statement, members [][]int, actions bool) ([]Statement, [][]int) {
	place := make(map[string]int, len(statements))
	joined := map[int]bool{}
	var out []Statement
	var outMembers [][]int
	var key []byte
	for i, s := range statements {
		key = s.appendKey(key[:0], actions)
		at, found := place[string(key)]
		if !found {
			place[string(key)] = len(out)
			out = append(out, s)
			outMembers = append(outMembers, members[i])
			continue
		}
		into := &out[at]
		if !joined[at] { // from here on the lists are this function's own
			joined[at] = true
			into.Sid = ""
			into.Actions, into.Resources = slices.Clone(into.Actions), slices.Clone(into.Resources)
			outMembers[at] = slices.Clone(outMembers[at])
		}
		if actions {
			into.Actions = append(into.Actions, s.Actions...)
		} else {
			into.Resources = append(into.Resources, s.Resources...)
		}
		outMembers[at] = append(outMembers[at], members[i]...)
	}
	for at := range joined {
		slices.Sort(out[at].Actions)
		out[at].Actions = slices.Compact(out[at].Actions)
		slices.Sort(out[at].Resources)
		out[at].Resources = slices.Compact(out[at].Resources)
		slices.Sort(outMembers[at])
	}
	return out, outMembers
}

// appendKey appends all of a normal statement but its Sid and its actions (or its
// resources), so that equal texts mean statements that can be joined.
func (s *Statement) appendKey(b []byte, actions bool) []byte {
	list := func(texts []string) {
		for _, t := range texts {
			b = append(append(b, t...), 0)
		}
		b = append(b, 1)
	}
	list([]string{string(s.Effect)})
	list(principalNames(s.Principals))
	list(principalNames(s.NotPrincipals))
	if actions {
		list(s.Resources)
		b = append(b, byte('0'+min(len(s.Actions), 1))) // none and some are different things
	} else {
		list(s.Actions)
		b = append(b, byte('0'+min(len(s.Resources), 1)))
	}
	list(s.NotActions)
	list(s.NotResources)
	for _, c := range s.Conditions {
		list([]string{c.Operator, c.Key})
		list(c.Values)
	}
	return b
}

// Equal reports whether two policies have the same grants.
func Equal(a, b *Policy) bool {
	onlyA, onlyB := Diff(a, b)
	return len(onlyA) == 0 && len(onlyB) == 0
}
