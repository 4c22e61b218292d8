package calls

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sfnkit/sfnkit/asl/jsonata"
	"github.com/sfnkit/sfnkit/asl/value"
	"github.com/sfnkit/sfnkit/emulator"
)

// rule says which calls an answer of a matched response is for.
type rule struct {
	place               int   // in the list, from 1
	call, attempt, item *span // nil for any
	when                *jsonata.Expr
}

// span is a range of numbers, with both ends.
type span struct{ from, to int }

func (s *span) has(n int) bool { return s == nil || s.from <= n && n <= s.to }

// maxSeconds is the longest that a state may take in the service: Seconds of a Wait, and
// TimeoutSeconds, have the same bound.
const maxSeconds = 99999999

// maxRules bounds the rules of one matched response: all of them may be tried for a call.
const maxRules = 10000

// predicateVariables are what a predicate may look at besides its context.
var predicateVariables = []string{"parameters", "input", "item", "attempt", "call", "execution"}

func (p *mockParser) rules(v value.Value, path []string) []*answer {
	if !v.IsArray() {
		p.problem(path, "a matched response is not a list of rules")
		return nil
	}
	if v.Len() > maxRules {
		p.problem(path, "%d rules are more than the %d that a matched response may have", v.Len(), maxRules)
		return nil
	}
	var list []*answer
	for i, r := range v.Elems() {
		path := slices.Concat(path, []string{strconv.Itoa(i)})
		if p.object(r, path, "a rule") {
			list = append(list, p.rule(r, i+1, path))
		}
	}
	return list
}

func (p *mockParser) rule(v value.Value, place int, path []string) *answer {
	a := &answer{rule: &rule{place: place}}
	outcomes := 0
	for k, m := range v.Members() {
		path := slices.Concat(path, []string{k})
		switch k {
		case "When":
			a.rule.when = p.predicate(m, path)
		case "Item":
			a.rule.item = p.span(m, path)
		case "Attempt":
			a.rule.attempt = p.span(m, path)
		case "Call":
			a.rule.call = p.span(m, path)
		case "Submitted":
			a.submitted, a.later = m, true
		case "Seconds":
			s := m.Float64()
			if !m.IsNumber() || !(s >= 0 && s <= maxSeconds) {
				p.problem(path, "Seconds is not a number from 0 to %d", maxSeconds)
			}
			a.after, a.later = time.Duration(math.Round(s*1000))*time.Millisecond, true
		case "Return":
			a.output = m
			outcomes++
		case "Throw":
			a.err = p.throw(m, path)
			outcomes++
		case "Wait":
			if a.wait = m.IsBool() && m.Truth(); !a.wait {
				p.problem(path, "Wait is not true")
			}
			outcomes++
		default:
			p.problem(path, "unknown field %q; a rule has When, Item, Attempt, Call, Submitted, Seconds, and one of Return, Throw and Wait", k)
		}
	}
	if outcomes != 1 {
		p.problem(path, "a rule has one of Return, Throw and Wait")
	}
	if a.wait && v.Has("Seconds") {
		p.problem(path, "a rule has either Wait or Seconds, not both")
	}
	return a
}

// span reads 3 or "1-2".
func (p *mockParser) span(v value.Value, path []string) *span {
	if n, whole := v.Int64(); whole && n >= 0 && n < maxCalls {
		return &span{int(n), int(n)}
	}
	if v.IsString() {
		if from, to, ok := parseCalls(v.Str()); ok {
			return &span{from, to}
		}
	}
	p.problem(path, `%s is not a number from 0 (2) or a range of them ("1-2")`, path[len(path)-1])
	return nil
}

func (p *mockParser) predicate(v value.Value, path []string) *jsonata.Expr {
	if !v.IsString() {
		p.problem(path, "When is not a string with a JSONata expression")
		return nil
	}
	text := v.Str()
	if inner := strings.TrimSpace(text); strings.HasPrefix(inner, "{%") && strings.HasSuffix(inner, "%}") && len(inner) >= 4 {
		text = inner[2 : len(inner)-2]
	}
	x, err := jsonata.Compile(text, jsonata.StepFunctions())
	if err != nil {
		at := ""
		if e, ok := err.(*jsonata.Error); ok && e.Position >= 0 {
			at = fmt.Sprintf(" (before character %d)", e.Position+1)
		}
		p.problem(path, "%v%s", err, at)
		return nil
	}
	for _, r := range x.Variables() {
		if !slices.Contains(predicateVariables, r.Name) {
			p.problem(path, "there is no variable $%s; a predicate has $%s", r.Name, strings.Join(predicateVariables, ", $"))
		}
	}
	return x
}

// match returns the first answer whose rule holds for a call.
func (s *answers) match(ctx context.Context, req *emulator.Request) (*answer, error) {
	var env *jsonata.Env
	for _, a := range s.list {
		r := a.rule
		if !r.call.has(req.Invocation) || !r.attempt.has(req.Attempt) || !r.item.has(req.Item) {
			continue
		}
		if r.when != nil {
			if env == nil {
				env = predicateEnv(req)
			}
			v, err := r.when.Eval(ctx, req.Parameters, env)
			switch {
			case err != nil:
				return nil, noAnswer(req, fmt.Sprintf("%s, rule %d: %v", s.where, r.place, err))
			case v.IsAbsent():
				continue
			case !v.IsBool():
				return nil, noAnswer(req, fmt.Sprintf("%s, rule %d: the predicate gives %s and not true or false", s.where, r.place, shorten(v)))
			case !v.Truth():
				continue
			}
		}
		a.used.Store(true)
		return a, nil
	}
	item := ""
	if req.Item >= 0 {
		item = fmt.Sprintf(" for item %d", req.Item)
	}
	return nil, noAnswer(req, fmt.Sprintf(`%s has no rule that holds for attempt %d%s with the parameters %s; add {"Call": %d, "Return": {}} to it`,
		s.where, req.Attempt, item, shorten(req.Parameters), req.Invocation))
}

// shorten returns the beginning of a value's text.
func shorten(v value.Value) string {
	text := v.JSON()
	if len(text) <= 200 {
		return text
	}
	return strings.ToValidUTF8(text[:200], "") + fmt.Sprintf("... (%d bytes)", len(text))
}

// predicateEnv is what the predicates for a call see. The time is that of the call, which
// may be virtual.
func predicateEnv(req *emulator.Request) *jsonata.Env {
	var item value.Value
	if req.Item >= 0 {
		item = value.Int(int64(req.Item))
	}
	execution := value.NewBuilder(3)
	execution.Set("Id", value.String(req.Execution.ARN))
	execution.Set("Name", value.String(req.Execution.Name))
	execution.Set("StateMachine", value.String(req.Execution.StateMachineName))
	return &jsonata.Env{
		Now: func() time.Time { return time.UnixMilli(req.Time).UTC() },
		Vars: jsonata.Vars{
			{Name: "parameters", Value: req.Parameters},
			{Name: "input", Value: req.Input},
			{Name: "item", Value: item},
			{Name: "attempt", Value: value.Int(int64(req.Attempt))},
			{Name: "call", Value: value.Int(int64(req.Invocation))},
			{Name: "execution", Value: execution.Object()},
		},
	}
}
