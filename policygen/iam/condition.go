package iam

import (
	"encoding/base64"
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// operator is a condition operator taken apart.
type operator struct {
	base     string // without prefix and suffix, in its documented spelling
	set      setKind
	ifExists bool
	negated  bool
}

type setKind uint8

const (
	single setKind = iota
	forAll
	forAny
)

// comparer tells whether one value of the request fits one value of the policy.
// Negated operators share the comparer of their positive form.
type comparer func(c *operand, have string, values lookup) (matched, known bool)

// operand is one value of a condition, compiled for its operator.
type operand struct {
	text   string
	glob   glob
	arn    arnPattern
	number float64
	time   time.Time
	ip     netip.Prefix
	binary []byte
	ok     bool
}

type operatorSpec struct {
	name    string // documented spelling
	negated bool
	compile func(text string, variables bool) operand
	compare comparer
}

var operatorSpecs = func() map[string]*operatorSpec {
	specs := []*operatorSpec{
		{"StringEquals", false, compileText, compareGlob},
		{"StringNotEquals", true, compileText, compareGlob},
		{"StringEqualsIgnoreCase", false, compileText, compareFold},
		{"StringNotEqualsIgnoreCase", true, compileText, compareFold},
		{"StringLike", false, compileLike, compareGlob},
		{"StringNotLike", true, compileLike, compareGlob},
		{"ArnEquals", false, compileArnOperand, compareARN},
		{"ArnLike", false, compileArnOperand, compareARN},
		{"ArnNotEquals", true, compileArnOperand, compareARN},
		{"ArnNotLike", true, compileArnOperand, compareARN},
		{"Bool", false, compileText, compareFold},
		{"Null", false, compileText, nil},
		{"NumericEquals", false, compileNumber, compareNumber(func(c int) bool { return c == 0 })},
		{"NumericNotEquals", true, compileNumber, compareNumber(func(c int) bool { return c == 0 })},
		{"NumericLessThan", false, compileNumber, compareNumber(func(c int) bool { return c < 0 })},
		{"NumericLessThanEquals", false, compileNumber, compareNumber(func(c int) bool { return c <= 0 })},
		{"NumericGreaterThan", false, compileNumber, compareNumber(func(c int) bool { return c > 0 })},
		{"NumericGreaterThanEquals", false, compileNumber, compareNumber(func(c int) bool { return c >= 0 })},
		{"DateEquals", false, compileDate, compareDate(func(c int) bool { return c == 0 })},
		{"DateNotEquals", true, compileDate, compareDate(func(c int) bool { return c == 0 })},
		{"DateLessThan", false, compileDate, compareDate(func(c int) bool { return c < 0 })},
		{"DateLessThanEquals", false, compileDate, compareDate(func(c int) bool { return c <= 0 })},
		{"DateGreaterThan", false, compileDate, compareDate(func(c int) bool { return c > 0 })},
		{"DateGreaterThanEquals", false, compileDate, compareDate(func(c int) bool { return c >= 0 })},
		{"IpAddress", false, compileIP, compareIP},
		{"NotIpAddress", true, compileIP, compareIP},
		{"BinaryEquals", false, compileBinary, compareBinary},
	}
	m := make(map[string]*operatorSpec, len(specs))
	for _, s := range specs {
		m[strings.ToLower(s.name)] = s
	}
	return m
}()

func parseOperator(text string) (operator, error) {
	var op operator
	rest := strings.ToLower(text)
	if after, found := strings.CutPrefix(rest, "forallvalues:"); found {
		op.set, rest = forAll, after
	} else if after, found := strings.CutPrefix(rest, "foranyvalue:"); found {
		op.set, rest = forAny, after
	}
	if before, found := strings.CutSuffix(rest, "ifexists"); found {
		op.ifExists, rest = true, before
	}
	spec, found := operatorSpecs[rest]
	if !found || rest == "null" && (op.ifExists || op.set != single) {
		return op, fmt.Errorf("%q is no condition operator", text)
	}
	op.base, op.negated = spec.name, spec.negated
	return op, nil
}

// condition is one compiled key of a Condition element.
type condition struct {
	operator
	key      string // lower case
	operands []operand
	compare  comparer
}

func compileCondition(c *Condition, variables bool) (condition, error) {
	op, err := parseOperator(c.Operator)
	if err != nil {
		return condition{}, err
	}
	spec := operatorSpecs[strings.ToLower(op.base)]
	out := condition{operator: op, key: strings.ToLower(c.Key), compare: spec.compare}
	for _, text := range c.Values {
		o := spec.compile(text, variables)
		if !o.ok {
			return condition{}, fmt.Errorf("%q is no value for %s", text, c.Operator)
		}
		out.operands = append(out.operands, o)
	}
	if op.base == "Null" || op.base == "Bool" {
		for _, o := range out.operands {
			if !strings.EqualFold(o.text, "true") && !strings.EqualFold(o.text, "false") {
				return condition{}, fmt.Errorf("%q is no value for %s: only true and false are", o.text, c.Operator)
			}
		}
	}
	return out, nil
}

// holds reports whether the condition is met. known is false if it needs a policy
// variable that has no value: the whole statement then does not apply.
func (c *condition) holds(have []string, present bool, values lookup) (met, known bool) {
	if len(have) == 0 {
		present = false
	}
	if c.base == "Null" {
		for i := range c.operands {
			if strings.EqualFold(c.operands[i].text, "true") == !present {
				return true, true
			}
		}
		return false, true
	}
	if !present {
		switch {
		case c.ifExists, c.set == forAll:
			return true, true
		case c.set == forAny:
			return false, true
		}
		return c.negated, true
	}
	// What one value of the request says, for negated operators too: NotEquals
	// holds for a value that equals none of the policy's.
	switch c.set {
	case forAll:
		for _, h := range have {
			met, known := c.one(h, values)
			if !known || !met {
				return false, known
			}
		}
		return true, true
	case forAny:
		for _, h := range have {
			met, known := c.one(h, values)
			if !known || met {
				return met, known
			}
		}
		return false, true
	}
	// Without a set operator a key with several values is met by one of them,
	// a negated operator only if none of them equals.
	for _, h := range have {
		met, known := c.one(h, values)
		if !known {
			return false, false
		}
		if met != c.negated {
			return met, true
		}
	}
	return c.negated, true
}

func (c *condition) one(have string, values lookup) (met, known bool) {
	for i := range c.operands {
		matched, known := c.compare(&c.operands[i], have, values)
		if !known {
			return false, false
		}
		if matched {
			return !c.negated, true
		}
	}
	return c.negated, true
}

func compileText(text string, variables bool) operand {
	return operand{text: text, glob: compileGlob(text, false, variables), ok: true}
}

func compileLike(text string, variables bool) operand {
	return operand{text: text, glob: compileGlob(text, true, variables), ok: true}
}

func compareGlob(o *operand, have string, values lookup) (bool, bool) {
	return o.glob.match(have, values)
}

func compareFold(o *operand, have string, values lookup) (bool, bool) {
	if o.glob.shape != dynamic {
		return strings.EqualFold(o.glob.text, have), true
	}
	g := glob{shape: dynamic, tokens: make([]token, len(o.glob.tokens))}
	for i, t := range o.glob.tokens {
		if t.kind == literal {
			t.text = strings.ToLower(t.text)
		}
		t.fallback = strings.ToLower(t.fallback)
		g.tokens[i] = t
	}
	return g.match(strings.ToLower(have), func(key string) (string, bool) {
		v, ok := values(key)
		return strings.ToLower(v), ok
	})
}

func compileArnOperand(text string, variables bool) operand {
	return operand{text: text, arn: compileARN(text, variables, false), ok: true}
}

func compareARN(o *operand, have string, values lookup) (bool, bool) {
	t := newTarget(have)
	if t.none {
		return o.arn.all, true
	}
	return o.arn.match(&t, values)
}

func compileNumber(text string, _ bool) operand {
	f, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	return operand{text: text, number: f, ok: err == nil && !math.IsNaN(f)}
}

func compareNumber(fits func(int) bool) comparer {
	return func(o *operand, have string, _ lookup) (bool, bool) {
		f, err := strconv.ParseFloat(strings.TrimSpace(have), 64)
		if err != nil || math.IsNaN(f) {
			return false, true
		}
		c := 0
		if f < o.number {
			c = -1
		} else if f > o.number {
			c = 1
		}
		return fits(c), true
	}
}

// parseDate reads the forms of ISO 8601 that W3C names and seconds since 1970.
func parseDate(text string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04Z07:00", "2006-01-02T15:04:05", "2006-01-02", "2006-01", "20060102T150405Z"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, true
		}
	}
	if f, err := strconv.ParseFloat(text, 64); err == nil && math.Abs(f) < 1<<40 {
		whole, fraction := math.Modf(f)
		return time.Unix(int64(whole), int64(fraction*1e9)), true
	}
	return time.Time{}, false
}

func compileDate(text string, _ bool) operand {
	t, ok := parseDate(text)
	return operand{text: text, time: t, ok: ok}
}

func compareDate(fits func(int) bool) comparer {
	return func(o *operand, have string, _ lookup) (bool, bool) {
		t, ok := parseDate(have)
		return ok && fits(t.Compare(o.time)), true
	}
}

func compileIP(text string, _ bool) operand {
	if p, err := netip.ParsePrefix(text); err == nil {
		return operand{text: text, ip: p.Masked(), ok: true}
	}
	a, err := netip.ParseAddr(text)
	if err != nil {
		return operand{}
	}
	return operand{text: text, ip: netip.PrefixFrom(a.WithZone(""), a.BitLen()), ok: true}
}

func compareIP(o *operand, have string, _ lookup) (bool, bool) {
	a, err := netip.ParseAddr(have)
	if err != nil {
		return false, true
	}
	return o.ip.Contains(a.WithZone("")), true
}

func compileBinary(text string, _ bool) operand {
	b, err := base64.StdEncoding.DecodeString(text)
	return operand{text: text, binary: b, ok: err == nil}
}

func compareBinary(o *operand, have string, _ lookup) (bool, bool) {
	b, err := base64.StdEncoding.DecodeString(have)
	return err == nil && string(b) == string(o.binary), true
}
