package jsonata

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/sfnkit/sfnkit/asl/value"
)

// A regular expression of JavaScript: patterns have lookahead, lookbehind and
// backreferences, and captures are those of the last iteration of a loop, so it is matched
// by backtracking. Every step of the matcher counts against the limits of the evaluation.
type regex struct {
	source, flags string
	prog          []inst
	groups        int  // captures, without the whole match
	anchored      bool // can match at the start of the text only
	first         *[256]bool
	firstByte     int // the only byte that a match can start with, or -1
	registers     int
}

type opcode uint8

const (
	opChar     opcode = iota // r
	opSet                    // set
	opAny                    // anything but a line terminator
	opSplit                  // try x, then y
	opJump                   // to x
	opSave                   // position into capture slot x
	opClear                  // captures x to y
	opBegin                  // start of text, or of a line with the flag m
	opEnd                    // end likewise
	opWord                   // at a word boundary
	opNotWord                //
	opBackref                // what capture x matched
	opMark                   // position into register x
	opProgress               // fail if there was no progress since register x was set
	opLook                   // lookaround: body behind, goes on at x; negated if y is 1
	opLoop                   // set or r at least x and at most y times, greedy
	opMatch
)

type inst struct {
	op   opcode
	back bool // reads backwards, in a lookbehind
	x, y int
	r    rune
	set  *charSet
}

// charSet is a set of characters; with fold it is closed under case.
type charSet struct {
	ascii   [128]bool
	ranges  [][2]rune
	negated bool
	fold    bool
}

func (c *charSet) add(lo, hi rune) {
	for r := lo; r <= hi && r < 128; r++ {
		c.ascii[r] = true
	}
	if hi >= 128 {
		c.ranges = append(c.ranges, [2]rune{max(lo, 128), hi})
	}
}

func (c *charSet) holds(r rune) bool {
	if r < 128 && c.ascii[r] {
		return true
	}
	for _, g := range c.ranges {
		if g[0] <= r && r <= g[1] {
			return true
		}
	}
	return false
}

func (c *charSet) match(r rune) bool {
	ok := c.holds(r)
	if !ok && c.fold {
		u := canonical(r)
		for f := unicode.SimpleFold(r); f != r && !ok; f = unicode.SimpleFold(f) {
			ok = canonical(f) == u && c.holds(f)
		}
	}
	return ok != c.negated
}

// canonical is the form in which characters are compared without regard to case.
func canonical(r rune) rune {
	if r < 128 {
		if 'a' <= r && r <= 'z' {
			r -= 'a' - 'A'
		}
		return r
	}
	if _, ok := upperForms[r]; ok {
		return r
	}
	if u := unicode.ToUpper(r); u >= 128 {
		return u
	}
	return r
}

var (
	digitRanges = [][2]rune{{'0', '9'}}
	wordRanges  = [][2]rune{{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}}
	spaceRanges = [][2]rune{{'\t', '\r'}, {' ', ' '}, {0xA0, 0xA0}, {0x1680, 0x1680}, {0x2000, 0x200A},
		{0x2028, 0x2029}, {0x202F, 0x202F}, {0x205F, 0x205F}, {0x3000, 0x3000}, {0xFEFF, 0xFEFF}}
)

func (c *charSet) addRanges(rs [][2]rune, complement bool) {
	if !complement {
		for _, r := range rs {
			c.add(r[0], r[1])
		}
		return
	}
	at := rune(0)
	for _, r := range rs {
		if r[0] > at {
			c.add(at, r[0]-1)
		}
		at = r[1] + 1
	}
	c.add(at, unicode.MaxRune)
}

func isTerminator(r rune) bool { return r == '\n' || r == '\r' || r == 0x2028 || r == 0x2029 }

func isWord(r rune) bool {
	return r == '_' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
}

// The tree of a pattern.
type reKind uint8

const (
	reEmpty reKind = iota
	reChar
	reSet
	reAny
	reSeq
	reAlt
	reGroup
	reRepeat
	reAssert
	reRef
	reLook
)

type reNode struct {
	kind     reKind
	r        rune
	set      *charSet
	subs     []*reNode
	n        int // capture of a group (0: none), number of a reference
	min, max int // -1: no bound
	lazy     bool
	op       opcode
	behind   bool
	negated  bool
	lo, hi   int // captures within
}

const (
	maxRegexDepth = 250
	maxRegexSize  = 20_000
)

type reParser struct {
	s      string
	i      int
	fold   bool
	groups int
	total  int // capturing groups in all
	names  map[string]int
	depth  int
}

func compileRegex(pattern, flags string) (*regex, error) {
	p := &reParser{s: pattern, fold: strings.Contains(flags, "i"), names: map[string]int{}}
	p.count()
	fail := func(err error) (*regex, error) {
		return nil, fmt.Errorf("invalid regular expression: /%s/: %w", pattern, err)
	}
	tree, err := p.alternatives()
	if err != nil {
		return fail(err)
	}
	if p.i < len(p.s) {
		return fail(errors.New("unmatched ')'"))
	}
	re := &regex{source: pattern, flags: flags, groups: p.groups, firstByte: -1}
	c := &reCompiler{re: re, multiline: strings.Contains(flags, "m"), names: p.names}
	if err := c.compile(tree, false); err != nil {
		return fail(err)
	}
	c.emit(inst{op: opMatch})
	re.anchored = !c.multiline && starts(tree)
	var set [256]bool
	if nullable := c.first(tree, &set); !nullable {
		re.first = &set
		n, b := 0, 0
		for i, ok := range set {
			if ok {
				n++
				b = i
			}
		}
		if n == 1 {
			re.firstByte = b
		}
	}
	return re, nil
}

// starts reports whether a pattern begins with ^ in every case.
func starts(n *reNode) bool {
	switch n.kind {
	case reAssert:
		return n.op == opBegin
	case reSeq:
		return len(n.subs) > 0 && starts(n.subs[0])
	case reGroup:
		return starts(n.subs[0])
	case reAlt:
		for _, s := range n.subs {
			if !starts(s) {
				return false
			}
		}
		return true
	}
	return false
}

// count finds the capturing groups beforehand, because references may point forward.
func (p *reParser) count() {
	class := false
	for i := 0; i < len(p.s); i++ {
		switch p.s[i] {
		case '\\':
			i++
		case '[':
			class = true
		case ']':
			class = false
		case '(':
			if class {
				continue
			}
			rest := p.s[i+1:]
			if !strings.HasPrefix(rest, "?") {
				p.total++
			} else if strings.HasPrefix(rest, "?<") && !strings.HasPrefix(rest, "?<=") && !strings.HasPrefix(rest, "?<!") {
				p.total++
				if end := strings.IndexByte(rest, '>'); end > 2 {
					p.names[rest[2:end]] = p.total
				}
			}
		}
	}
}

func (p *reParser) peek() byte {
	if p.i < len(p.s) {
		return p.s[p.i]
	}
	return 0
}

func (p *reParser) eat(s string) bool {
	if strings.HasPrefix(p.s[p.i:], s) {
		p.i += len(s)
		return true
	}
	return false
}

func (p *reParser) alternatives() (*reNode, error) {
	if p.depth++; p.depth > maxRegexDepth {
		return nil, errors.New("regular expression too large")
	}
	defer func() { p.depth-- }()
	var alts []*reNode
	for {
		var seq []*reNode
		for p.i < len(p.s) && p.s[p.i] != '|' && p.s[p.i] != ')' {
			n, err := p.term()
			if err != nil {
				return nil, err
			}
			seq = append(seq, n)
		}
		if len(seq) == 1 {
			alts = append(alts, seq[0])
		} else {
			alts = append(alts, &reNode{kind: reSeq, subs: seq})
		}
		if !p.eat("|") {
			break
		}
	}
	if len(alts) == 1 {
		return alts[0], nil
	}
	return &reNode{kind: reAlt, subs: alts}, nil
}

func (p *reParser) term() (*reNode, error) {
	lo := p.groups
	n, err := p.atom()
	if err != nil {
		return nil, err
	}
	from := p.i
	least, most := 1, 1
	switch p.peek() {
	case '*':
		p.i++
		least, most = 0, -1
	case '+':
		p.i++
		least, most = 1, -1
	case '?':
		p.i++
		least, most = 0, 1
	case '{':
		var ok bool
		if least, most, ok = p.braces(); !ok {
			return n, nil
		}
		if most >= 0 && least > most {
			return nil, errors.New("numbers out of order in {} quantifier")
		}
	default:
		return n, nil
	}
	if from == p.i {
		return n, nil
	}
	if n.kind == reAssert || n.kind == reLook && n.behind {
		return nil, errors.New("nothing to repeat")
	}
	return &reNode{kind: reRepeat, subs: []*reNode{n}, min: least, max: most, lazy: p.eat("?"), lo: lo + 1, hi: p.groups}, nil
}

// braces reads {n}, {n,} or {n,m}; anything else is text.
func (p *reParser) braces() (least, most int, ok bool) {
	i := p.i + 1
	number := func() (n int, ok bool) {
		for ; i < len(p.s) && '0' <= p.s[i] && p.s[i] <= '9'; i++ {
			n, ok = min(n*10+int(p.s[i]-'0'), 1<<30), true
		}
		return
	}
	if least, ok = number(); !ok {
		return 0, 0, false
	}
	most = least
	if i < len(p.s) && p.s[i] == ',' {
		i++
		if most, ok = number(); !ok {
			most = -1
		}
	}
	if i >= len(p.s) || p.s[i] != '}' {
		return 0, 0, false
	}
	p.i = i + 1
	return least, most, true
}

func (p *reParser) atom() (*reNode, error) {
	switch c := p.s[p.i]; c {
	case '^':
		p.i++
		return &reNode{kind: reAssert, op: opBegin}, nil
	case '$':
		p.i++
		return &reNode{kind: reAssert, op: opEnd}, nil
	case '.':
		p.i++
		return &reNode{kind: reAny}, nil
	case '(':
		return p.group()
	case '[':
		return p.class()
	case '*', '+', '?':
		return nil, errors.New("nothing to repeat")
	case '{':
		if _, _, ok := p.braces(); ok {
			return nil, errors.New("nothing to repeat")
		}
	case '\\':
		return p.escape()
	}
	r, n := value.DecodeRune(p.s[p.i:])
	p.i += n
	return p.char(r), nil
}

func (p *reParser) char(r rune) *reNode {
	if p.fold && unicode.SimpleFold(r) != r {
		s := &charSet{fold: true}
		s.add(r, r)
		return &reNode{kind: reSet, set: s}
	}
	return &reNode{kind: reChar, r: r}
}

func (p *reParser) group() (*reNode, error) {
	p.i++
	n := &reNode{kind: reGroup}
	switch {
	case p.eat("?:"):
	case p.eat("?="):
		n.kind = reLook
	case p.eat("?!"):
		n.kind, n.negated = reLook, true
	case p.eat("?<="):
		n.kind, n.behind = reLook, true
	case p.eat("?<!"):
		n.kind, n.behind, n.negated = reLook, true, true
	case p.eat("?<"):
		end := strings.IndexByte(p.s[p.i:], '>')
		if end <= 0 {
			return nil, errors.New("invalid capture group name")
		}
		p.i += end + 1
		p.groups++
		n.n = p.groups
	case p.peek() == '?':
		return nil, errors.New("invalid group")
	default:
		p.groups++
		n.n = p.groups
	}
	n.lo = p.groups + 1
	sub, err := p.alternatives()
	if err != nil {
		return nil, err
	}
	if !p.eat(")") {
		return nil, errors.New("unterminated group")
	}
	n.hi = p.groups
	n.subs = []*reNode{sub}
	return n, nil
}

func (p *reParser) escape() (*reNode, error) {
	p.i++
	if p.i >= len(p.s) {
		return nil, errors.New("\\ at end of pattern")
	}
	c := p.s[p.i]
	switch c {
	case 'b', 'B':
		p.i++
		op := opWord
		if c == 'B' {
			op = opNotWord
		}
		return &reNode{kind: reAssert, op: op}, nil
	case 'k':
		if len(p.names) > 0 {
			end := strings.IndexByte(p.s[p.i:], '>')
			if !strings.HasPrefix(p.s[p.i:], "k<") || end < 0 {
				return nil, errors.New("invalid named reference")
			}
			name := p.s[p.i+2 : p.i+end]
			p.i += end + 1
			n, ok := p.names[name]
			if !ok {
				return nil, errors.New("invalid named capture referenced")
			}
			return &reNode{kind: reRef, n: n}, nil
		}
	case '1', '2', '3', '4', '5', '6', '7', '8', '9':
		j, n := p.i, 0
		for ; j < len(p.s) && '0' <= p.s[j] && p.s[j] <= '9' && n < 10000; j++ {
			n = n*10 + int(p.s[j]-'0')
		}
		if n <= p.total {
			p.i = j
			return &reNode{kind: reRef, n: n}, nil
		}
	}
	set := &charSet{fold: p.fold}
	r, isSet := p.charEscape(set, false)
	if isSet {
		return &reNode{kind: reSet, set: set}, nil
	}
	return p.char(r), nil
}

// charEscape reads what follows a backslash: a character, or a class that is added to set.
func (p *reParser) charEscape(set *charSet, inClass bool) (rune, bool) {
	r, n := value.DecodeRune(p.s[p.i:])
	p.i += n
	switch r {
	case 'd', 'D':
		set.addRanges(digitRanges, r == 'D')
		return 0, true
	case 'w', 'W':
		set.addRanges(wordRanges, r == 'W')
		return 0, true
	case 's', 'S':
		set.addRanges(spaceRanges, r == 'S')
		return 0, true
	case 'b':
		if inClass {
			return '\b', false
		}
	case 'n':
		return '\n', false
	case 'r':
		return '\r', false
	case 't':
		return '\t', false
	case 'v':
		return '\v', false
	case 'f':
		return '\f', false
	case 'c':
		if c := p.peek() | 0x20; 'a' <= c && c <= 'z' {
			p.i++
			return rune(c & 31), false
		}
		p.i--
		return '\\', false
	case 'x':
		if v, ok := p.hex(2); ok {
			return v, false
		}
	case 'u':
		if v, ok := p.hex(4); ok {
			if 0xD800 <= v && v < 0xDC00 && strings.HasPrefix(p.s[p.i:], "\\u") {
				p.i += 2
				if lo, ok := p.hex(4); ok && 0xDC00 <= lo && lo < 0xE000 {
					return (v-0xD800)<<10 + (lo - 0xDC00) + 0x10000, false
				}
				p.i -= 2
			}
			return v, false
		}
	case '0', '1', '2', '3', '4', '5', '6', '7':
		v := r - '0'
		for k := 0; k < 2 && '0' <= p.peek() && p.peek() <= '7' && v*8+rune(p.peek()-'0') < 256; k++ {
			v = v*8 + rune(p.peek()-'0')
			p.i++
		}
		return v, false
	}
	return r, false
}

func (p *reParser) hex(n int) (rune, bool) {
	if p.i+n > len(p.s) {
		return 0, false
	}
	var v rune
	for _, c := range []byte(p.s[p.i : p.i+n]) {
		d := strings.IndexByte(lowerHex, c|0x20)
		if d < 0 || c < '0' {
			return 0, false
		}
		v = v<<4 | rune(d)
	}
	p.i += n
	return v, true
}

func (p *reParser) class() (*reNode, error) {
	p.i++
	set := &charSet{fold: p.fold}
	set.negated = p.eat("^")
	item := func() (rune, bool) {
		if p.eat("\\") {
			if p.i >= len(p.s) {
				return '\\', false
			}
			return p.charEscape(set, true)
		}
		r, n := value.DecodeRune(p.s[p.i:])
		p.i += n
		return r, false
	}
	for p.i < len(p.s) && p.s[p.i] != ']' {
		lo, isSet := item()
		if p.peek() == '-' && p.i+1 < len(p.s) && p.s[p.i+1] != ']' {
			p.i++
			hi, hiSet := item()
			switch {
			case isSet || hiSet:
				set.add('-', '-')
				if !isSet {
					set.add(lo, lo)
				}
				if !hiSet {
					set.add(hi, hi)
				}
			case lo > hi:
				return nil, errors.New("range out of order in character class")
			default:
				set.add(lo, hi)
			}
			continue
		}
		if !isSet {
			set.add(lo, lo)
		}
	}
	if !p.eat("]") {
		return nil, errors.New("unterminated character class")
	}
	return &reNode{kind: reSet, set: set}, nil
}

type reCompiler struct {
	re        *regex
	multiline bool
	names     map[string]int
}

func (c *reCompiler) emit(i inst) int {
	c.re.prog = append(c.re.prog, i)
	return len(c.re.prog) - 1
}

var errRegexSize = errors.New("regular expression too large")

func (c *reCompiler) compile(n *reNode, back bool) error {
	if len(c.re.prog) > maxRegexSize {
		return errRegexSize
	}
	switch n.kind {
	case reChar:
		c.emit(inst{op: opChar, r: n.r, back: back})
	case reSet:
		c.emit(inst{op: opSet, set: n.set, back: back})
	case reAny:
		c.emit(inst{op: opAny, back: back})
	case reAssert:
		c.emit(inst{op: n.op})
	case reRef:
		c.emit(inst{op: opBackref, x: n.n, back: back})
	case reSeq:
		for i := range n.subs {
			s := n.subs[i]
			if back {
				s = n.subs[len(n.subs)-1-i]
			}
			if err := c.compile(s, back); err != nil {
				return err
			}
		}
	case reAlt:
		var ends []int
		for i, s := range n.subs {
			if i == len(n.subs)-1 {
				if err := c.compile(s, back); err != nil {
					return err
				}
				break
			}
			at := c.emit(inst{op: opSplit})
			c.re.prog[at].x = at + 1
			if err := c.compile(s, back); err != nil {
				return err
			}
			ends = append(ends, c.emit(inst{op: opJump}))
			c.re.prog[at].y = len(c.re.prog)
		}
		for _, at := range ends {
			c.re.prog[at].x = len(c.re.prog)
		}
	case reGroup:
		if n.n == 0 {
			return c.compile(n.subs[0], back)
		}
		in, out := 2*n.n, 2*n.n+1
		if back {
			in, out = out, in
		}
		c.emit(inst{op: opSave, x: in})
		if err := c.compile(n.subs[0], back); err != nil {
			return err
		}
		c.emit(inst{op: opSave, x: out})
	case reLook:
		at := c.emit(inst{op: opLook})
		if n.negated {
			c.re.prog[at].y = 1
		}
		if err := c.compile(n.subs[0], n.behind); err != nil {
			return err
		}
		c.emit(inst{op: opMatch})
		c.re.prog[at].x = len(c.re.prog)
	case reRepeat:
		return c.repeat(n, back)
	}
	return nil
}

func (c *reCompiler) repeat(n *reNode, back bool) error {
	sub := n.subs[0]
	most := n.max
	if (sub.kind == reChar || sub.kind == reSet || sub.kind == reAny) && !n.lazy && !back {
		if most < 0 {
			most = many
		}
		i := inst{op: opLoop, x: n.min, y: most, r: -1}
		switch sub.kind {
		case reChar:
			i.r = sub.r
		case reSet:
			i.set = sub.set
		}
		c.emit(i)
		return nil
	}
	clear := func() {
		if n.hi >= n.lo {
			c.emit(inst{op: opClear, x: n.lo, y: n.hi})
		}
	}
	for range n.min {
		clear()
		if err := c.compile(sub, back); err != nil {
			return err
		}
		if len(c.re.prog) > maxRegexSize {
			return errRegexSize
		}
	}
	split := func() int {
		at := c.emit(inst{op: opSplit})
		return at
	}
	join := func(at, body, end int) {
		s := &c.re.prog[at]
		s.x, s.y = body, end
		if n.lazy {
			s.x, s.y = end, body
		}
	}
	if most < 0 {
		reg := c.re.registers
		c.re.registers++
		at := split()
		c.emit(inst{op: opMark, x: reg})
		clear()
		if err := c.compile(sub, back); err != nil {
			return err
		}
		c.emit(inst{op: opProgress, x: reg})
		c.emit(inst{op: opJump, x: at})
		join(at, at+1, len(c.re.prog))
		return nil
	}
	var splits []int
	for range most - n.min {
		reg := c.re.registers
		c.re.registers++
		splits = append(splits, split())
		c.emit(inst{op: opMark, x: reg})
		clear()
		if err := c.compile(sub, back); err != nil {
			return err
		}
		c.emit(inst{op: opProgress, x: reg})
		if len(c.re.prog) > maxRegexSize {
			return errRegexSize
		}
	}
	for _, at := range splits {
		join(at, at+1, len(c.re.prog))
	}
	return nil
}

// first adds the bytes that a match can start with, and reports whether it can be empty.
func (c *reCompiler) first(n *reNode, set *[256]bool) bool {
	all := func(from int) {
		for i := from; i < 256; i++ {
			set[i] = true
		}
	}
	switch n.kind {
	case reChar:
		set[string(value.AppendRune(nil, n.r))[0]] = true
		return false
	case reSet:
		for r := range rune(128) {
			if n.set.match(r) {
				set[r] = true
			}
		}
		all(128)
		return false
	case reAny:
		all(0)
		return false
	case reSeq:
		for _, s := range n.subs {
			if !c.first(s, set) {
				return false
			}
		}
		return true
	case reAlt:
		empty := false
		for _, s := range n.subs {
			if c.first(s, set) {
				empty = true
			}
		}
		return empty
	case reGroup:
		return c.first(n.subs[0], set)
	case reRepeat:
		return c.first(n.subs[0], set) || n.min == 0
	case reRef:
		all(0)
		return true
	}
	return true
}

// matcher matches a regular expression against one string.
type matcher struct {
	e     *evaluator
	re    *regex
	s     string
	caps  []int
	regs  []int
	stack []choice
	steps int
	units offsets
	room  [8]int
}

// choice is a point to come back to, or something to be undone on the way there.
type choice struct {
	kind   choiceKind
	pc     int
	pos    int
	bottom int // of a loop: the shortest position
}

type choiceKind uint8

const (
	choicePoint choiceKind = iota
	choiceLoop
	undoCapture
	undoRegister
)

const maxChoices = 1 << 21

// matcher returns a matcher for a string; done gives it back to be used again.
func (e *evaluator) matcher(re *regex, s string) *matcher {
	m := e.spare
	if m == nil {
		m = &matcher{}
	}
	e.spare = nil
	m.e, m.re, m.s, m.units = e, re, s, offsets{}
	m.caps, m.regs = nil, m.regs[:0]
	return m
}

func (e *evaluator) done(m *matcher) {
	m.re, m.s = nil, ""
	if cap(m.stack) > 1<<12 {
		m.stack = nil
	}
	e.spare = m
}

// find searches from a byte offset on.
func (m *matcher) find(from int) (bool, *Error) {
	if m.caps == nil {
		if n := 2 * (m.re.groups + 1); n <= len(m.room) {
			m.caps = m.room[:n]
		} else {
			m.caps = make([]int, n)
		}
		m.regs = slices.Grow(m.regs, m.re.registers)[:m.re.registers]
	}
	for pos := from; pos <= len(m.s); pos++ {
		if m.re.firstByte >= 0 {
			i := strings.IndexByte(m.s[pos:], byte(m.re.firstByte))
			if i < 0 {
				return false, nil
			}
			pos += i
		} else if m.re.first != nil {
			for pos < len(m.s) && !m.re.first[m.s[pos]] {
				pos++
			}
			if pos == len(m.s) {
				return false, nil
			}
		}
		if m.re.anchored && pos > 0 {
			return false, nil
		}
		if pos < len(m.s) && m.s[pos]&0xC0 == 0x80 {
			continue // within a character
		}
		for i := range m.caps {
			m.caps[i] = -1
		}
		m.stack = m.stack[:0]
		end, err := m.run(0, pos, 0)
		if err != nil {
			return false, err
		}
		if end >= 0 {
			m.caps[0], m.caps[1] = pos, end
			return true, nil
		}
	}
	return false, nil
}

// read returns the character at pos, or before it, and the position behind it; -1 if none.
func (m *matcher) read(pos int, back bool) (rune, int) {
	if back {
		if pos == 0 {
			return 0, -1
		}
		i := pos - 1
		for i > 0 && m.s[i]&0xC0 == 0x80 {
			i--
		}
		r, _ := value.DecodeRune(m.s[i:])
		return r, i
	}
	if pos >= len(m.s) {
		return 0, -1
	}
	if c := m.s[pos]; c < utf8.RuneSelf {
		return rune(c), pos + 1
	}
	r, n := value.DecodeRune(m.s[pos:])
	return r, pos + n
}

func (i *inst) matches(r rune) bool {
	switch {
	case i.set != nil:
		if r < 128 && !i.set.fold {
			return i.set.ascii[r] != i.set.negated
		}
		return i.set.match(r)
	case i.op == opAny || i.op == opLoop && i.r < 0:
		return !isTerminator(r)
	}
	return i.r == r
}

// run executes the program from pc at pos and returns the end of the match, or -1. base
// is where the caller's choices end.
func (m *matcher) run(pc, pos, base int) (int, *Error) {
	prog := m.re.prog
	for {
		if m.steps++; m.steps >= 256 {
			m.steps = 0
			if err := m.e.spend(64); err != nil {
				return -1, err
			}
			if len(m.stack) > maxChoices {
				return -1, limitError(LimitMemory)
			}
		}
		ok := true
		in := &prog[pc]
		switch in.op {
		case opChar, opSet, opAny:
			r, next := m.read(pos, in.back)
			if ok = next >= 0 && in.matches(r); ok {
				pos = next
				pc++
			}
		case opSplit:
			m.stack = append(m.stack, choice{kind: choicePoint, pc: in.y, pos: pos})
			pc = in.x
		case opJump:
			pc = in.x
		case opSave:
			m.stack = append(m.stack, choice{kind: undoCapture, pc: in.x, pos: m.caps[in.x]})
			m.caps[in.x] = pos
			pc++
		case opClear:
			for g := 2 * in.x; g <= 2*in.y+1; g++ {
				if m.caps[g] >= 0 {
					m.stack = append(m.stack, choice{kind: undoCapture, pc: g, pos: m.caps[g]})
					m.caps[g] = -1
				}
			}
			pc++
		case opBegin:
			ok = pos == 0
			if !ok && strings.Contains(m.re.flags, "m") {
				r, _ := m.read(pos, true)
				ok = isTerminator(r)
			}
			pc++
		case opEnd:
			ok = pos == len(m.s)
			if !ok && strings.Contains(m.re.flags, "m") {
				r, _ := m.read(pos, false)
				ok = isTerminator(r)
			}
			pc++
		case opWord, opNotWord:
			a, i := m.read(pos, true)
			b, j := m.read(pos, false)
			at := (i >= 0 && isWord(a)) != (j >= 0 && isWord(b))
			ok = at == (in.op == opWord)
			pc++
		case opBackref:
			from, to := m.caps[2*in.x], m.caps[2*in.x+1]
			if from >= 0 && to >= 0 {
				if pos = m.backref(m.s[from:to], pos, in.back); pos < 0 {
					ok = false
				}
			}
			pc++
		case opMark:
			m.stack = append(m.stack, choice{kind: undoRegister, pc: in.x, pos: m.regs[in.x]})
			m.regs[in.x] = pos
			pc++
		case opProgress:
			ok = m.regs[in.x] != pos
			pc++
		case opLook:
			top := len(m.stack)
			end, err := m.run(pc+1, pos, top)
			if err != nil {
				return -1, err
			}
			if ok = (end >= 0) == (in.y == 0); ok && in.y == 0 {
				// What the lookaround captured stays, but it is not entered again.
				kept := m.stack[:top]
				for _, c := range m.stack[top:] {
					if c.kind >= undoCapture {
						kept = append(kept, c)
					}
				}
				m.stack = kept
			} else if end >= 0 {
				m.undo(top)
			}
			pc = in.x
		case opLoop:
			n := 0
			start := pos
			bottom := pos
			for n < in.y {
				r, next := m.read(pos, false)
				if next < 0 || !in.matches(r) {
					break
				}
				pos = next
				if n++; n == in.x {
					bottom = pos
				}
			}
			m.steps += (pos - start) / 8
			if ok = n >= in.x; ok {
				if in.x == 0 {
					bottom = start
				}
				pc++
				if pos > bottom {
					m.stack = append(m.stack, choice{kind: choiceLoop, pc: pc, pos: pos, bottom: bottom})
				}
			}
		case opMatch:
			return pos, nil
		}
		if ok {
			continue
		}
		// Back to the last choice.
		for {
			if len(m.stack) == base {
				return -1, nil
			}
			c := &m.stack[len(m.stack)-1]
			if c.kind == choiceLoop {
				c.pos--
				for c.pos > c.bottom && m.s[c.pos]&0xC0 == 0x80 {
					c.pos--
				}
				pc, pos = c.pc, c.pos
				if c.pos <= c.bottom {
					m.stack = m.stack[:len(m.stack)-1]
				}
				break
			}
			last := *c
			m.stack = m.stack[:len(m.stack)-1]
			if last.kind == choicePoint {
				pc, pos = last.pc, last.pos
				break
			}
			m.restore(last)
		}
	}
}

func (m *matcher) restore(c choice) {
	switch c.kind {
	case undoCapture:
		m.caps[c.pc] = c.pos
	case undoRegister:
		m.regs[c.pc] = c.pos
	}
}

func (m *matcher) undo(base int) {
	for len(m.stack) > base {
		m.restore(m.stack[len(m.stack)-1])
		m.stack = m.stack[:len(m.stack)-1]
	}
}

func (m *matcher) backref(text string, pos int, back bool) int {
	fold := strings.Contains(m.re.flags, "i")
	if back {
		if from := pos - len(text); from >= 0 && (m.s[from:pos] == text || fold && strings.EqualFold(m.s[from:pos], text)) {
			return from
		}
		return -1
	}
	if !fold {
		if strings.HasPrefix(m.s[pos:], text) {
			return pos + len(text)
		}
		return -1
	}
	for i := 0; i < len(text); {
		a, n := value.DecodeRune(text[i:])
		b, next := m.read(pos, false)
		if next < 0 || canonical(a) != canonical(b) {
			return -1
		}
		i += n
		pos = next
	}
	return pos
}

// following finds the match after the one found. Empty matches would never end.
func (m *matcher) following(n *regexNode) (bool, *Error) {
	at := m.caps[1]
	if at >= len(m.s) {
		return false, nil
	}
	ok, err := m.find(at)
	if ok && m.caps[0] == m.caps[1] {
		return false, failureAt("D1004", n.pos).withValue(value.String(n.re.source))
	}
	return ok, err
}

func (m *matcher) group(i int) value.Value {
	if m.caps[2*i] < 0 || m.caps[2*i+1] < 0 {
		return value.Value{}
	}
	return value.String(m.s[m.caps[2*i]:m.caps[2*i+1]])
}

func (m *matcher) groups() value.Value {
	list := make([]value.Value, m.re.groups)
	var mark uint8
	for i := range list {
		if list[i] = m.group(i + 1); list[i].IsAbsent() {
			mark = markDirty // becomes null in a result
		}
	}
	return value.Array(list).WithMark(mark)
}

// expand appends a replacement for the match.
func (m *matcher) expand(out []byte, with string) []byte {
	if strings.IndexByte(with, '$') < 0 {
		return append(out, with...)
	}
	groups := make([]string, m.re.groups)
	for i := range groups {
		groups[i] = m.group(i + 1).Str()
	}
	return expand(out, with, m.s[m.caps[0]:m.caps[1]], groups)
}

// offsets turns byte offsets into UTF-16 offsets, in ascending order without starting over.
type offsets struct{ bytes, units int }

func (o *offsets) at(s string, i int) int {
	if i < o.bytes {
		*o = offsets{}
	}
	o.units += utf16Len(s[o.bytes:i])
	o.bytes = i
	return o.units
}

// matchState is the function next of a match.
type matchState struct {
	re    *regexNode
	s     string
	from  int
	units offsets
}

func (st *matchState) find(e *evaluator) (value.Value, *Error) {
	if st.from >= len(st.s) {
		return value.Value{}, nil
	}
	m := e.matcher(st.re.re, st.s)
	defer e.done(m)
	m.units = st.units
	ok, err := m.find(st.from)
	if err != nil || !ok {
		return value.Value{}, err
	}
	if m.caps[0] == m.caps[1] {
		return value.Value{}, failureAt("D1004", st.re.pos).withValue(value.String(st.re.re.source))
	}
	return m.object(st.re), nil
}

var stateShape = value.NewShape([]string{"match", "start", "end", "groups", "next"})

// object is what a regular expression returns when it is called as a function.
func (m *matcher) object(n *regexNode) value.Value {
	start, end := m.units.at(m.s, m.caps[0]), m.units.at(m.s, m.caps[1])
	next := m.e.function(&function{next: &matchState{re: n, s: m.s, from: m.caps[1], units: m.units}})
	vals := []value.Value{m.group(0), value.Int(int64(start)), value.Int(int64(end)), m.groups(), next}
	return value.ObjectOf(stateShape, vals).WithMark(dirt(vals))
}

func (e *evaluator) callRegex(n *regexNode, args []value.Value) (value.Value, *Error) {
	if len(args) == 0 || !args[0].IsString() {
		return value.Value{}, nil
	}
	m := e.matcher(n.re, args[0].Str())
	defer e.done(m)
	from := 0
	if len(args) > 1 {
		from = unitOffset(m.s, args[1])
	}
	ok, err := m.find(from)
	if err != nil || !ok {
		return value.Value{}, err
	}
	if err := e.grow(16); err != nil {
		return value.Value{}, err
	}
	return m.object(n), nil
}
