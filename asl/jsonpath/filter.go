package jsonpath

import (
	"regexp"
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

// comparison is one test of a filter.
type comparison struct {
	op          operator
	left, right operand
}

// operand is a side of a comparison: a path, a regular expression or a text. There are no
// other literals: 5, '5', true and null are texts that are compared by what they say.
type operand struct {
	path    *Path
	slot    int // of the value of a path that begins at the root, -1 for others
	pattern *regexp.Regexp
	text    string
	null    bool // the text is null
	num     decimal
	isNum   bool
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
		f.or = append(f.or, c.text[n] == '|')
		i = n + 2
	}
}

// comparison compiles one condition. Parentheses at its ends mean nothing.
func (c *compiler) comparison(i, end int) (comparison, error) {
	start := i
	for i < end && strings.IndexByte("[?( ", c.text[i]) >= 0 {
		i++
	}
	for i < end && (c.text[end-1] == ')' || c.text[end-1] == ' ') {
		end--
	}
	if i >= end {
		return comparison{}, c.fail(start, "a condition is missing")
	}
	t := c.text[i:end]
	for _, o := range operators {
		n := strings.Index(t, o.text)
		if n < 0 {
			continue
		}
		left, err := c.operand(i, i+n)
		if err != nil {
			return comparison{}, err
		}
		right, err := c.operand(i+n+len(o.text), end)
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
	left, err := c.operand(i, end)
	if err != nil {
		return comparison{}, err
	}
	if left.path == nil {
		return comparison{}, c.fail(i, "a condition is a comparison or a path, optionally after !")
	}
	// The engine looks for the path in the element at hand even if it begins with $.
	left.slot = -1
	return comparison{op: op, left: left}, nil
}

func (c *compiler) operand(i, end int) (operand, error) {
	i, end = trim(c.text, i, end)
	t := c.text[i:end]
	o := operand{slot: -1, text: t}
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
		if t[0] == '$' {
			o.slot = c.operands
			c.operands++
		}
	case strings.HasPrefix(t, "!@"):
		return o, c.fail(i, "! may only stand before a path that is tested for existence")
	case len(t) > 1 && t[0] == '\'' && t[len(t)-1] == '\'':
		o.text = strings.ReplaceAll(t[1:len(t)-1], `\'`, "'")
	case len(t) > 1 && t[0] == '/' && (t[len(t)-1] == '/' || strings.HasSuffix(t, "/i")):
		last := strings.LastIndexByte(t, '/')
		if last == 0 {
			break
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

// side is what an operand stands for when a test is made.
type side struct {
	val  value.Value
	lit  *operand // a text or regular expression instead of a value
	path *Path
}

func (e *evaluator) side(o *operand, item value.Value, strict bool) (side, bool) {
	if o.path == nil {
		return side{lit: o}, true
	}
	from := item
	if o.slot >= 0 {
		from = e.root
	}
	v, at := o.path.walk(from)
	if at == len(o.path.steps) {
		return side{val: v, path: o.path}, true
	}
	var err error
	if at == o.path.plain {
		v, err = o.path.evalRest(v, from, strict)
		if err == nil {
			return side{val: v, path: o.path}, true
		}
		if f, ok := err.(*Error); ok {
			e.fail = f.failure
		}
		return side{}, false
	}
	if s := &o.path.steps[at]; s.kind != member && !v.IsArray() && !v.IsNull() {
		e.fail = o.path.walkFailure(from)
	}
	return side{}, false
}

func (e *evaluator) test(c *comparison, item value.Value) bool {
	left, ok := e.side(&c.left, item, c.op <= absent)
	switch c.op {
	case exists:
		return ok && !left.val.IsNull()
	case absent:
		return e.fail.kind == noFailure && (!ok || left.val.IsNull())
	}
	if !ok {
		return false
	}
	right, ok := e.side(&c.right, item, false)
	if !ok {
		return false
	}
	if c.op == matches {
		return e.matches(left, right)
	}
	if c.op != equal && c.op != notEqual && left.isNull() != right.isNull() {
		return false
	}
	order, ok := e.compare(right, left)
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

// isNull reports whether the side is a value that is null (not the text null).
func (s *side) isNull() bool { return s.lit == nil && s.val.IsNull() }

// isNullish reports whether the side is null or says null.
func (s *side) isNullish() bool {
	if s.lit != nil {
		return s.lit.null && s.lit.pattern == nil
	}
	return s.val.IsNull() || s.val.IsString() && s.val.Str() == "null"
}

func (s *side) str() (string, bool) {
	if s.lit != nil {
		return s.lit.text, s.lit.pattern == nil
	}
	return s.val.Str(), s.val.IsString()
}

// compare orders the two sides. The second result is false if they cannot be compared.
func (e *evaluator) compare(a, b side) (int, bool) {
	an, bn := a.isNullish(), b.isNullish()
	switch {
	case an && bn:
		return 0, true
	case an:
		return -1, true
	case bn:
		return 1, true
	}
	as, aText := a.str()
	bs, bText := b.str()
	switch {
	case aText && bText:
		return compareText(as, bs), true
	case b.lit != nil || a.lit != nil && a.lit.pattern != nil:
		return 0, false
	case aText && b.val.IsNumber():
		x, ok := decimal{}, false
		if a.lit != nil {
			x, ok = a.lit.num, a.lit.isNum
		} else {
			x, ok = parseDecimal(as)
		}
		if !ok {
			e.fail = failure{kind: badNumber, path: e.p, text: as}
			return 0, false
		}
		return x.compareTo(b.val), true
	case aText && b.val.IsBool():
		return compareBool(strings.EqualFold(as, "true"), b.val.Truth()), true
	case a.lit != nil:
		return 0, false
	case a.val.IsNumber() && b.val.IsNumber():
		return compareNumbers(a.val, b.val), true
	case a.val.IsBool() && b.val.IsBool():
		return compareBool(a.val.Truth(), b.val.Truth()), true
	}
	return 0, same(a, b)
}

// same reports whether both sides are one and the same array or object. The engine
// compares containers by identity.
func same(a, b side) bool {
	if a.val.Kind() != b.val.Kind() || a.path != nil && b.path != nil && a.path.text == b.path.text {
		return a.val.Kind() == b.val.Kind()
	}
	x, y := a.val.Elems(), b.val.Elems()
	return len(x) > 0 && len(x) == len(y) && &x[0] == &y[0]
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
func (e *evaluator) matches(left, right side) bool {
	if left.lit == nil || left.lit.pattern == nil {
		left, right = right, left
	}
	if left.lit == nil || left.lit.pattern == nil {
		e.fail = failure{kind: notPattern, path: e.p}
		if left.lit != nil {
			e.fail.text = left.lit.text
		}
		return false
	}
	re := left.lit.pattern
	switch {
	case right.lit != nil:
		return re.MatchString(right.lit.text)
	case right.val.IsNull():
		return false
	case right.val.IsString():
		return re.MatchString(right.val.Str())
	}
	e.scratch = AppendText(e.scratch[:0], right.val)
	return re.Match(e.scratch)
}
