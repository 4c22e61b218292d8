package asl

import (
	"errors"
	"fmt"
	"time"

	"github.com/sfnkit/sfnkit/asl/value"
)

// ChoiceState is a Choice state.
type ChoiceState struct {
	common[*ChoiceState]
	through[*ChoiceState]
	assigning[*ChoiceState]

	rules    []ruleDraft
	fallback *draft
}

func (c *ChoiceState) flow() Flow { return c.common.flow() }

type ruleDraft struct {
	when    Condition
	next    *draft
	options []RuleOption
}

// Choice makes a state that decides where to go. It needs at least one When.
func Choice(name string) *ChoiceState {
	o := &of[*ChoiceState]{d: newDraft(TypeChoice, name)}
	o.d.terminal = true
	c := &ChoiceState{common: common[*ChoiceState]{o}, through: through[*ChoiceState]{o}, assigning: assigning[*ChoiceState]{o}}
	o.self = c
	o.d.set("Choices", func(_ *assembly, e *encoder, s *State) {
		if len(c.rules) == 0 {
			e.report("Choices", errors.New("there is no rule"))
		}
		for i, r := range c.rules {
			field := fmt.Sprintf("Choices[%d]", i)
			rule := e.rule(field, r.when, 0)
			rule.Next = r.next.name
			for _, o := range r.options {
				o(e, field, rule)
			}
			s.Choices = append(s.Choices, rule)
		}
		if c.fallback != nil {
			s.Default = c.fallback.name
		}
	})
	return c
}

// When adds a rule: if the condition holds, and none before it does, the step follows.
func (c *ChoiceState) When(cond Condition, step Step, options ...RuleOption) *ChoiceState {
	next := flowOf(step).first
	c.rules = append(c.rules, ruleDraft{cond, next, options})
	c.common.d.targets = append(c.common.d.targets, next)
	return c
}

// Otherwise sets the Default: the step that follows if no condition holds. Without it the
// state then fails with States.NoChoiceMatched.
func (c *ChoiceState) Otherwise(step Step) *ChoiceState {
	next := flowOf(step).first
	if c.fallback != nil && c.fallback != next {
		c.common.d.complain("Default", fmt.Errorf("is given twice, as %q and as %q", c.fallback.name, next.name))
	}
	c.fallback = next
	c.common.d.targets = append(c.common.d.targets, next)
	return c
}

// RuleOption is something more about a rule of a Choice state.
type RuleOption func(e *encoder, field string, r *ChoiceRule)

// RuleComment sets the Comment of a rule.
func RuleComment(text string) RuleOption {
	return func(_ *encoder, _ string, r *ChoiceRule) { r.Comment = text }
}

// RuleAssign sets variables if the rule is chosen.
func RuleAssign(variables Object) RuleOption {
	return func(e *encoder, field string, r *ChoiceRule) { r.Assign = e.template(field+".Assign", variables) }
}

// RuleOutput sets what goes on if the rule is chosen. (JSONata)
func RuleOutput(v any) RuleOption {
	return func(e *encoder, field string, r *ChoiceRule) {
		only(e, field+".Output", JSONata)
		r.Output = e.template(field+".Output", v)
	}
}

// Condition decides whether a rule is chosen: a [Test] in JSONPath, which is what the methods
// of [Path] make, or And, Or and Not of them; an [Expr] that gives a boolean in JSONata.
type Condition interface{ condition() }

func (Expr) condition() {}

// Test is a condition in JSONPath.
type Test struct {
	variable Path
	operator string
	operand  any // a literal, or a Path for the operators with Path behind their name
	and, or  []Condition
	not      Condition
}

func (Test) condition() {}

// And holds if all conditions hold.
func And(first, second Condition, more ...Condition) Test {
	return Test{and: append([]Condition{first, second}, more...)}
}

// Or holds if one of the conditions holds.
func Or(first, second Condition, more ...Condition) Test {
	return Test{or: append([]Condition{first, second}, more...)}
}

// Not holds if the condition does not.
func Not(c Condition) Test { return Test{not: c} }

func (e *encoder) rule(field string, cond Condition, depth int) *ChoiceRule {
	r := &ChoiceRule{}
	if depth > maxNesting {
		e.report(field, errTooDeep)
		return r
	}
	switch c := cond.(type) {
	case Expr:
		if depth > 0 {
			e.report(field, errors.New("And, Or and Not are for JSONPath: write and, or and $not() in the expression"))
			return r
		}
		v, _, err := e.dynamic(c)
		e.report(field+".Condition", err)
		r.Condition = v
	case Test:
		if e.lang != JSONPath {
			e.report(field, errors.New("compares a JSONPath in a JSONata state: use an Expr"))
			return r
		}
		list := func(name string, cs []Condition) []*ChoiceRule {
			out := make([]*ChoiceRule, len(cs))
			for i, c := range cs {
				out[i] = e.rule(fmt.Sprintf("%s.%s[%d]", field, name, i), c, depth+1)
			}
			return out
		}
		switch {
		case c.and != nil:
			r.And = list("And", c.and)
		case c.or != nil:
			r.Or = list("Or", c.or)
		case c.not != nil:
			r.Not = e.rule(field+".Not", c.not, depth+1)
		case c.operator == "":
			e.report(field, errors.New("has no condition"))
		default:
			r.Variable, r.Operator = string(c.variable), c.operator
			e.report(field+".Variable", e.checkPath(r.Variable, true))
			if p, ok := c.operand.(Path); ok {
				e.report(field+"."+c.operator, e.checkPath(string(p), true))
				r.Operand = value.String(string(p))
				break
			}
			var err error
			r.Operand, err = value.Of(c.operand)
			e.report(field+"."+c.operator, err)
		}
	default:
		e.report(field, errors.New("has no condition"))
	}
	return r
}

func (p Path) test(operator string, operand any) Test {
	return Test{variable: p, operator: operator, operand: operand}
}

func timestamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// StringEquals holds if there is a string that is equal to the operand.
func (p Path) StringEquals(v string) Test { return p.test("StringEquals", v) }

// StringEqualsPath is StringEquals with an operand from a path.
func (p Path) StringEqualsPath(o Path) Test { return p.test("StringEqualsPath", o) }

// StringLessThan holds if there is a string that is before the operand.
func (p Path) StringLessThan(v string) Test { return p.test("StringLessThan", v) }

// StringLessThanPath is StringLessThan with an operand from a path.
func (p Path) StringLessThanPath(o Path) Test { return p.test("StringLessThanPath", o) }

// StringLessThanEquals holds if there is a string that is before, or equal to, the operand.
func (p Path) StringLessThanEquals(v string) Test { return p.test("StringLessThanEquals", v) }

// StringLessThanEqualsPath is StringLessThanEquals with an operand from a path.
func (p Path) StringLessThanEqualsPath(o Path) Test { return p.test("StringLessThanEqualsPath", o) }

// StringGreaterThan holds if there is a string that is after the operand.
func (p Path) StringGreaterThan(v string) Test { return p.test("StringGreaterThan", v) }

// StringGreaterThanPath is StringGreaterThan with an operand from a path.
func (p Path) StringGreaterThanPath(o Path) Test { return p.test("StringGreaterThanPath", o) }

// StringGreaterThanEquals holds if there is a string that is after, or equal to, the operand.
func (p Path) StringGreaterThanEquals(v string) Test { return p.test("StringGreaterThanEquals", v) }

// StringGreaterThanEqualsPath is StringGreaterThanEquals with an operand from a path.
func (p Path) StringGreaterThanEqualsPath(o Path) Test {
	return p.test("StringGreaterThanEqualsPath", o)
}

// NumericEquals holds if there is a number that is equal to the operand.
func (p Path) NumericEquals(v float64) Test { return p.test("NumericEquals", value.Float(v)) }

// NumericEqualsPath is NumericEquals with an operand from a path.
func (p Path) NumericEqualsPath(o Path) Test { return p.test("NumericEqualsPath", o) }

// NumericLessThan holds if there is a number that is less than the operand.
func (p Path) NumericLessThan(v float64) Test { return p.test("NumericLessThan", value.Float(v)) }

// NumericLessThanPath is NumericLessThan with an operand from a path.
func (p Path) NumericLessThanPath(o Path) Test { return p.test("NumericLessThanPath", o) }

// NumericLessThanEquals holds if there is a number that is less than or equal to the operand.
func (p Path) NumericLessThanEquals(v float64) Test {
	return p.test("NumericLessThanEquals", value.Float(v))
}

// NumericLessThanEqualsPath is NumericLessThanEquals with an operand from a path.
func (p Path) NumericLessThanEqualsPath(o Path) Test { return p.test("NumericLessThanEqualsPath", o) }

// NumericGreaterThan holds if there is a number that is greater than the operand.
func (p Path) NumericGreaterThan(v float64) Test { return p.test("NumericGreaterThan", value.Float(v)) }

// NumericGreaterThanPath is NumericGreaterThan with an operand from a path.
func (p Path) NumericGreaterThanPath(o Path) Test { return p.test("NumericGreaterThanPath", o) }

// NumericGreaterThanEquals holds if there is a number that is greater than or equal to the operand.
func (p Path) NumericGreaterThanEquals(v float64) Test {
	return p.test("NumericGreaterThanEquals", value.Float(v))
}

// NumericGreaterThanEqualsPath is NumericGreaterThanEquals with an operand from a path.
func (p Path) NumericGreaterThanEqualsPath(o Path) Test {
	return p.test("NumericGreaterThanEqualsPath", o)
}

// BooleanEquals holds if there is a boolean that is equal to the operand.
func (p Path) BooleanEquals(v bool) Test { return p.test("BooleanEquals", v) }

// BooleanEqualsPath is BooleanEquals with an operand from a path.
func (p Path) BooleanEqualsPath(o Path) Test { return p.test("BooleanEqualsPath", o) }

// TimestampEquals holds if there is a time that is equal to the operand.
func (p Path) TimestampEquals(v time.Time) Test { return p.test("TimestampEquals", timestamp(v)) }

// TimestampEqualsPath is TimestampEquals with an operand from a path.
func (p Path) TimestampEqualsPath(o Path) Test { return p.test("TimestampEqualsPath", o) }

// TimestampLessThan holds if there is a time that is before the operand.
func (p Path) TimestampLessThan(v time.Time) Test { return p.test("TimestampLessThan", timestamp(v)) }

// TimestampLessThanPath is TimestampLessThan with an operand from a path.
func (p Path) TimestampLessThanPath(o Path) Test { return p.test("TimestampLessThanPath", o) }

// TimestampLessThanEquals holds if there is a time that is before, or equal to, the operand.
func (p Path) TimestampLessThanEquals(v time.Time) Test {
	return p.test("TimestampLessThanEquals", timestamp(v))
}

// TimestampLessThanEqualsPath is TimestampLessThanEquals with an operand from a path.
func (p Path) TimestampLessThanEqualsPath(o Path) Test {
	return p.test("TimestampLessThanEqualsPath", o)
}

// TimestampGreaterThan holds if there is a time that is after the operand.
func (p Path) TimestampGreaterThan(v time.Time) Test {
	return p.test("TimestampGreaterThan", timestamp(v))
}

// TimestampGreaterThanPath is TimestampGreaterThan with an operand from a path.
func (p Path) TimestampGreaterThanPath(o Path) Test { return p.test("TimestampGreaterThanPath", o) }

// TimestampGreaterThanEquals holds if there is a time that is after, or equal to, the operand.
func (p Path) TimestampGreaterThanEquals(v time.Time) Test {
	return p.test("TimestampGreaterThanEquals", timestamp(v))
}

// TimestampGreaterThanEqualsPath is TimestampGreaterThanEquals with an operand from a path.
func (p Path) TimestampGreaterThanEqualsPath(o Path) Test {
	return p.test("TimestampGreaterThanEqualsPath", o)
}

// StringMatches holds if there is a string that matches the pattern, in which * stands for
// any characters. A backslash takes what follows it as it is: \* is the character.
func (p Path) StringMatches(pattern string) Test { return p.test("StringMatches", pattern) }

// IsNull tests whether the value is null, or with false that it is not.
func (p Path) IsNull(yes bool) Test { return p.test("IsNull", yes) }

// IsPresent tests whether the value is there, or with false that it is not.
func (p Path) IsPresent(yes bool) Test { return p.test("IsPresent", yes) }

// IsNumeric tests whether the value is a number, or with false that it is not.
func (p Path) IsNumeric(yes bool) Test { return p.test("IsNumeric", yes) }

// IsString tests whether the value is a string, or with false that it is not.
func (p Path) IsString(yes bool) Test { return p.test("IsString", yes) }

// IsBoolean tests whether the value is a boolean, or with false that it is not.
func (p Path) IsBoolean(yes bool) Test { return p.test("IsBoolean", yes) }

// IsTimestamp tests whether the value is a time, or with false that it is not.
func (p Path) IsTimestamp(yes bool) Test { return p.test("IsTimestamp", yes) }
