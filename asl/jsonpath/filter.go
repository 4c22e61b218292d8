package jsonpath

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/sfnkit/sfnkit/asl/value"
)

// filter is the condition of [?(...)]: comparisons joined by && and ||, of which && binds
// tighter.
type filter struct {
	tests []comparison
	or    []bool // or[i] joins tests[i] and tests[i+1] with ||, else &&
}

type operator uint8

const (
	exists operator = iota
	absent
	equal
	notEqual
	less
	lessEqual
	greater
	greaterEqual
	matches
)

// operators in the order in which the engine looks for them: the first one that occurs
// anywhere in a condition splits it.
var operators = []struct {
	text string
	op   operator
}{
	{"==", equal}, {">=", greaterEqual}, {"<=", lessEqual}, {"!=", notEqual},
	{"<", less}, {">", greater}, {"=~", matches},
}

// maxPattern bounds regular expressions, in bytes. Matching takes time in proportion to
// the pattern and the text; sixteen characters of a text count as one value visited.
const maxPattern = 1000

// comparison is one test of a filter.
type comparison struct {
	op          operator
	left, right operand
}

// operand is a side of a comparison: a path, a regular expression or a text. There are no
// other literals: 5, '5', true and null are texts that are compared by what they say.
type operand struct {
	path     *Path
	fromRoot bool // the path begins with $
	pattern  *regexp.Regexp
	text     string
	null     bool // the text is null
	num      decimal
	isNum    bool
}

// filterStep compiles a bracket with a condition, text[i:end].
func (c *compiler) filterStep(i, end int) (*filter, error) {
	t := c.text
	question := i + strings.IndexByte(t[i:end], '?')
	from := strings.LastIndexByte(t[i:question], '[') + i
	to := -1
	parens, squares, quoted := 0, 0, false
	for j := from; j < end && to < 0; j++ {
		switch b := t[j]; {
		case b == '\'':
			if j == from || t[j-1] != '\\' {
				quoted = !quoted
			}
		case quoted:
		case b == '(':
			parens++
		case b == ')':
			parens--
		case b == '[':
			squares++
		case b == ']':
			squares--
			if parens == 0 {
				to = j + 1
			}
		}
	}
	switch {
	case to < 0:
		return nil, c.fail(i, "the filter is not closed")
	case parens != 0 || squares != 0:
		return nil, c.fail(i, "the brackets in the filter are not balanced")
	}
	from, to = trim(t, from+1, to-1)
	if from == to || t[from] != '?' {
		return nil, c.fail(from, "a filter is written [?(condition)]")
	}
	from, to = trim(t, from+1, to)
	if to-from < 2 || t[from] != '(' || t[to-1] != ')' {
		return nil, c.fail(from, "a filter is written [?(condition)]")
	}
	return c.conditions(from+1, to-1)
}

// conditions splits text[i:end] at && and ||, wherever they stand.
func (c *compiler) conditions(i, end int) (*filter, error) {
	if c.depth++; c.depth > 8 {
		return nil, c.fail(i, "filters are nested too deeply")
	}
	defer func() { c.depth-- }()
	f := &filter{}
	for {
		n := i
		for n < end && !strings.HasPrefix(c.text[n:end], "&&") && !strings.HasPrefix(c.text[n:end], "||") {
			n++
		}
		test, err := c.comparison(i, n)
		if err != nil {
			return nil, err
		}
		f.tests = append(f.tests, test)
		if n >= end {
			return f, nil
		}
		if n+2 < end && c.text[n+2] == c.text[n] {
			return nil, c.fail(n, "a malformed operator")
		}
		f.or = append(f.or, c.text[n] == '|')
		i = n + 2
	}
}

// comparison compiles one condition. Parentheses at its ends mean nothing.
func (c *compiler) comparison(i, end int) (comparison, error) {
	start := i
	i, end = trim(c.text, i, end)
	for i < end && strings.IndexByte("[?( ", c.text[i]) >= 0 {
		i++
	}
	for i < end && (c.text[end-1] == ')' || c.text[end-1] == ' ') {
		end--
	}
	if i, end = trim(c.text, i, end); i >= end {
		return comparison{}, c.fail(start, "a condition is missing")
	}
	t := c.text[i:end]
	for _, o := range operators {
		n := strings.Index(t, o.text)
		if n < 0 {
			continue
		}
		// A ! before the path on the left of a comparison means nothing.
		if strings.HasPrefix(t, "!@") {
			i, n = i+1, n-1
		}
		left, err := c.operand(i, i+n, true)
		if err != nil {
			return comparison{}, err
		}
		right, err := c.operand(i+n+len(o.text), end, false)
		if err != nil {
			return comparison{}, err
		}
		return comparison{op: o.op, left: left, right: right}, nil
	}
	op := exists
	if strings.HasPrefix(t, "!@") {
		op = absent
		i++
	}
	left, err := c.operand(i, end, true)
	if err != nil {
		return comparison{}, err
	}
	if left.path == nil {
		return comparison{}, c.fail(i, "a condition is a comparison or a path, optionally after !")
	}
	// The engine looks for the path in the element at hand even if it begins with $.
	left.fromRoot = false
	return comparison{op: op, left: left}, nil
}

func (c *compiler) operand(i, end int, left bool) (operand, error) {
	i, end = trim(c.text, i, end)
	t := c.text[i:end]
	o := operand{text: t}
	switch {
	case strings.HasPrefix(t, "@"), strings.HasPrefix(t, "$"):
		if len(t) > 1 && t[1] != '.' && t[1] != '[' {
			return o, c.fail(i, "after @ or $ a step must follow")
		}
		p := &Path{text: t}
		if err := c.path(p, i+1, end); err != nil {
			return o, err
		}
		if !p.definite {
			return o, c.fail(i, "a path in a filter must be definite")
		}
		o.path = p
		o.fromRoot = t[0] == '$'
	case strings.HasPrefix(t, "!@"):
		return o, c.fail(i, "! may only stand before a path that is tested for existence")
	case t == "'" || t == "/" || t == "/i":
		return o, c.fail(i, "a text or regular expression is not closed")
	case len(t) > 1 && t[0] == '\'' && t[len(t)-1] == '\'':
		if o.text = t[1 : len(t)-1]; !left {
			o.text = strings.ReplaceAll(o.text, `\'`, "'") // only on the right, as the engine
		}
	case len(t) > 1 && t[0] == '/' && (t[len(t)-1] == '/' || strings.HasSuffix(t, "/i")):
		last := strings.LastIndexByte(t, '/')
		if last > maxPattern {
			return o, c.fail(i, "a regular expression is longer than "+strconv.Itoa(maxPattern)+" bytes")
		}
		flags := ""
		if t[len(t)-1] == 'i' {
			flags = "(?i)"
		}
		re, err := regexp.Compile(flags + `\A(?:` + t[1:last] + `)\z`)
		if err != nil {
			return o, c.fail(i, "the regular expression is malformed or not supported")
		}
		o.pattern = re
	}
	if o.path == nil && o.pattern == nil {
		o.null = o.text == "null"
		o.num, o.isNum = parseDecimal(o.text)
	}
	return o, nil
}

// accept tests v. It returns false with e.fail set if a test fails altogether. Tests are
// made from the last to the first, as the engine makes them, and only as far as needed.
func (e *evaluator) accept(f *filter, v value.Value) bool {
	if len(f.tests) == 0 {
		return e.stop(noCondition, 0, v)
	}
	for i := len(f.tests) - 1; i >= 0; i-- {
		if e.test(&f.tests[i], v) {
			if i == 0 || f.or[i-1] {
				return true
			}
			continue
		}
		if e.fail.kind != noFailure {
			return false
		}
		for i > 0 && !f.or[i-1] {
			i--
		}
	}
	return false
}

// resolve returns what the operand, a path, selects. The second result is false if that is
// nothing, or if it failed and e.fail is set.
func (e *evaluator) resolve(o *operand, item value.Value, strict bool) (value.Value, bool) {
	from := item
	if o.fromRoot {
		from = e.root
	}
	p := o.path
	v, at := e.follow(p.steps[:p.plain], from)
	if at == len(p.steps) {
		return v, true
	}
	if at < p.plain {
		if p.steps[at].kind != member && !v.IsArray() && !v.IsNull() {
			e.fail = p.walkFailure(from)
		}
		return value.Value{}, false
	}
	v, err := p.evalRest(v, from, strict)
	if f, ok := err.(*Error); ok {
		e.fail = f.failure
	}
	return v, err == nil
}

func (e *evaluator) test(c *comparison, item value.Value) bool {
	if c.op == exists || c.op == absent {
		v, ok := e.resolve(&c.left, item, true)
		if e.fail.kind != noFailure {
			return false
		}
		return (ok && !v.IsNull()) == (c.op == exists)
	}
	left, right := side{lit: &c.left}, side{lit: &c.right}
	ok := true
	if c.left.path != nil {
		if left.val, ok = e.resolve(&c.left, item, false); !ok {
			return false
		}
	}
	if c.right.path != nil {
		if right.val, ok = e.resolve(&c.right, item, false); !ok {
			return false
		}
	}
	if c.op == matches {
		return e.matches(&left, &right)
	}
	if c.op != equal && c.op != notEqual && left.val.IsNull() != right.val.IsNull() {
		return false
	}
	order, ok := 0, false
	if c.left.path != nil && c.right.path == nil && c.right.pattern == nil {
		order, ok = e.compareLiteral(&c.right, left.val)
	} else {
		order, ok = e.compare(&right, &left)
	}
	if !ok {
		return false
	}
	switch c.op {
	case equal:
		return order == 0
	case notEqual:
		return order != 0
	case greater:
		return order < 0
	case greaterEqual:
		return order <= 0
	case less:
		return order > 0
	}
	return order >= 0
}

// compareLiteral orders a text of the filter and a value. The second result is false if
// they cannot be compared.
func (e *evaluator) compareLiteral(lit *operand, v value.Value) (int, bool) {
	if lit.null {
		if v.IsNull() || v.IsString() && v.Str() == "null" {
			return 0, true
		}
		return -1, true
	}
	switch v.Kind() {
	case value.KindNull:
		return 1, true
	case value.KindString:
		s := v.Str()
		if s == "null" {
			return 1, true
		}
		return compareText(lit.text, s), true
	case value.KindNumber:
		if !lit.isNum {
			e.fail = failure{kind: badNumber, path: e.p, text: lit.text}
			return 0, false
		}
		return lit.num.compareTo(v), true
	case value.KindBool:
		return compareBool(strings.EqualFold(lit.text, "true"), v.Truth()), true
	}
	return 0, false
}

// side is what an operand stands for when a test is made: a value, or the operand itself
// if val is absent.
type side struct {
	val value.Value
	lit *operand
}

// nullish reports whether the side is null or says null.
func (s *side) nullish() bool {
	if s.val.IsAbsent() {
		return s.lit.null
	}
	return s.val.IsNull() || s.val.IsString() && s.val.Str() == "null"
}

// compare orders the two sides, of which at most one is a value if the other is a text.
// The second result is false if they cannot be compared.
func (e *evaluator) compare(a, b *side) (int, bool) {
	switch an, bn := a.nullish(), b.nullish(); {
	case an && bn:
		return 0, true
	case an:
		return -1, true
	case bn:
		return 1, true
	case a.lit.pattern != nil || b.lit.pattern != nil:
		return 0, false
	}
	av, bv := a.val, b.val
	switch {
	case av.IsAbsent() && bv.IsAbsent():
		return compareText(a.lit.text, b.lit.text), true
	case av.IsAbsent():
		return e.compareLiteral(a.lit, bv)
	case bv.IsAbsent():
		return compareText(av.Str(), b.lit.text), av.IsString()
	case av.IsString() && bv.IsString():
		return compareText(av.Str(), bv.Str()), true
	case av.IsString() && bv.IsNumber():
		n, ok := parseDecimal(av.Str())
		if !ok {
			e.fail = failure{kind: badNumber, path: e.p, text: av.Str()}
			return 0, false
		}
		return n.compareTo(bv), true
	case av.IsString() && bv.IsBool():
		return compareBool(strings.EqualFold(av.Str(), "true"), bv.Truth()), true
	case av.IsNumber() && bv.IsNumber():
		return compareNumbers(av, bv), true
	case av.IsBool() && bv.IsBool():
		return compareBool(av.Truth(), bv.Truth()), true
	}
	return 0, value.Same(av, bv) // containers are compared by identity
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// matches matches whichever side is a regular expression against the text of the other.
func (e *evaluator) matches(left, right *side) bool {
	if left.lit.pattern == nil {
		left, right = right, left
	}
	re := left.lit.pattern
	if re == nil {
		e.fail = failure{kind: notPattern, path: e.p, text: left.lit.text}
		return false
	}
	switch {
	case right.val.IsAbsent():
		return re.MatchString(right.lit.text)
	case right.val.IsNull():
		return false
	case right.val.IsString():
		s := right.val.Str()
		return e.visit(0, len(s)/16) && re.MatchString(s)
	}
	e.scratch = AppendText(e.scratch[:0], right.val)
	return e.visit(0, len(e.scratch)/16) && re.Match(e.scratch)
}
