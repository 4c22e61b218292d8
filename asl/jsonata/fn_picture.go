package jsonata

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/sfnkit/sfnkit/asl/value"
)

// decimalFormat names the characters of a number picture.
type decimalFormat struct {
	decimal, grouping, exponent, minus, percent, perMille, zero, digit, pattern string
	family                                                                      [10]string
}

func (d *decimalFormat) digitValue(c string) bool { return slices.Contains(d.family[:], c) }

func (d *decimalFormat) active(c string) bool {
	return d.digitValue(c) || c == d.decimal || c == d.exponent || c == d.grouping || c == d.digit || c == d.pattern
}

func newDecimalFormat(options value.Value) *decimalFormat {
	d := &decimalFormat{
		decimal: ".", grouping: ",", exponent: "e", minus: "-", percent: "%", perMille: "\u2030", zero: "0",
		digit: "#", pattern: ";",
	}
	for name, field := range map[string]*string{
		"decimal-separator": &d.decimal, "grouping-separator": &d.grouping, "exponent-separator": &d.exponent,
		"minus-sign": &d.minus, "percent": &d.percent, "per-mille": &d.perMille, "zero-digit": &d.zero,
		"digit": &d.digit, "pattern-separator": &d.pattern,
	} {
		if v := options.Get(name); v.IsString() {
			*field = v.Str()
		}
	}
	if d.zero == "" {
		d.zero = "0"
	}
	zero, _ := value.DecodeRune(d.zero)
	for i := range d.family {
		d.family[i] = string(value.AppendRune(nil, zero+rune(i)))
	}
	return d
}

// subPicture is one half of a number picture, taken apart.
type subPicture struct {
	text             string
	prefix, suffix   string
	active, mantissa []string
	exponent         []string
	hasExponent      bool
	integer          []string
	fraction         []string

	minInteger, minFraction, maxFraction, minExponent, scaling int
	groups, fractionGroups                                     []int
	regular                                                    int
}

func chars(s string) []string {
	out := make([]string, 0, len(s))
	for i := 0; i < len(s); {
		n := charLen(s, i)
		out = append(out, s[i:i+n])
		i += n
	}
	return out
}

func (d *decimalFormat) parse(text string) (*subPicture, *Error) {
	p := &subPicture{text: text}
	all := chars(text)
	marks := func(c string) bool { return d.active(c) && c != d.exponent }
	from := slices.IndexFunc(all, marks)
	to := len(all)
	if from < 0 { // nothing to put a digit in: refused below, where 2.0.6 crashes
		from = 0
	} else {
		for !marks(all[to-1]) {
			to--
		}
	}
	p.prefix, p.suffix = strings.Join(all[:from], ""), strings.Join(all[to:], "")
	p.active = all[from:to]
	p.mantissa = p.active
	// The reference implementation cuts the active part at the place that the exponent
	// separator has in the whole picture, so that a prefix spoils it.
	if e := slices.Index(all[from:], d.exponent); e >= 0 && from+e <= to {
		e += from
		p.hasExponent = true
		p.mantissa, p.exponent = p.active[:min(e, len(p.active))], p.active[min(e+1, len(p.active)):]
	}
	p.integer = p.mantissa
	p.fraction = all[to:]
	if i := slices.Index(p.mantissa, d.decimal); i >= 0 {
		p.integer, p.fraction = p.mantissa[:i], p.mantissa[i+1:]
	}
	if err := d.validate(p, all); err != nil {
		return nil, err
	}
	d.analyse(p)
	return p, nil
}

func count(list []string, f func(string) bool) int {
	n := 0
	for _, c := range list {
		if f(c) {
			n++
		}
	}
	return n
}

// validate applies the rules of pictures; of several broken ones the last counts.
func (d *decimalFormat) validate(p *subPicture, all []string) *Error {
	code := ""
	rule := func(broken bool, c string) {
		if broken {
			code = c
		}
	}
	times := func(c string) int { return strings.Count(p.text, c) }
	rule(times(d.decimal) > 1, "D3081")
	rule(times(d.percent) > 1, "D3082")
	rule(times(d.perMille) > 1, "D3083")
	rule(times(d.percent) > 0 && times(d.perMille) > 0, "D3084")
	anyDigit := func(c string) bool { return d.digitValue(c) || c == d.digit }
	rule(count(p.mantissa, anyDigit) == 0, "D3085")
	rule(count(p.active, func(c string) bool { return !d.active(c) }) > 0, "D3086")
	if i := slices.Index(all, d.decimal); i >= 0 {
		rule(i > 0 && all[i-1] == d.grouping || i+1 < len(all) && all[i+1] == d.grouping, "D3087")
	} else {
		rule(len(p.integer) > 0 && p.integer[len(p.integer)-1] == d.grouping, "D3088")
	}
	rule(strings.Contains(p.text, d.grouping+d.grouping), "D3089")
	if i := slices.Index(p.integer, d.digit); i >= 0 {
		rule(count(p.integer[:i], d.digitValue) > 0, "D3090")
	}
	last := -1
	for i, c := range p.fraction {
		if c == d.digit {
			last = i
		}
	}
	if last >= 0 {
		rule(count(p.fraction[last:], d.digitValue) > 0, "D3091")
	}
	if p.hasExponent {
		rule(len(p.exponent) > 0 && (times(d.percent) > 0 || times(d.perMille) > 0), "D3092")
		rule(len(p.exponent) == 0 || count(p.exponent, d.digitValue) < len(p.exponent), "D3093")
	}
	if code != "" {
		return failure(code)
	}
	return nil
}

func (d *decimalFormat) analyse(p *subPicture) {
	anyDigit := func(c string) bool { return d.digitValue(c) || c == d.digit }
	groupings := func(part []string, left bool) []int {
		var out []int
		i := slices.Index(part, d.grouping)
		for i >= 0 && i < len(part) {
			side := part[i:]
			if left {
				side = part[:i]
			}
			out = append(out, count(side, anyDigit))
			// The reference implementation goes on in the integer part for either.
			j := -1
			if i+1 <= len(p.integer) {
				j = slices.Index(p.integer[i+1:], d.grouping)
			}
			if j < 0 {
				break
			}
			i += 1 + j
		}
		return out
	}
	p.groups = groupings(p.integer, false)
	p.regular = regularDistance(p.groups)
	p.fractionGroups = groupings(p.fraction, true)
	p.minInteger = count(p.integer, d.digitValue)
	p.scaling = p.minInteger
	p.minFraction = count(p.fraction, d.digitValue)
	p.maxFraction = count(p.fraction, anyDigit)
	if p.minInteger == 0 && p.maxFraction == 0 {
		if p.hasExponent {
			p.minFraction, p.maxFraction = 1, 1
		} else {
			p.minInteger = 1
		}
	}
	if p.hasExponent && p.minInteger == 0 && slices.Contains(p.integer, d.digit) {
		p.minInteger = 1
	}
	if p.minInteger == 0 && p.minFraction == 0 {
		p.minFraction = 1
	}
	if p.hasExponent {
		p.minExponent = count(p.exponent, d.digitValue)
	}
}

// digits writes a number with a fixed number of decimals in the digits of the format.
func (d *decimalFormat) digits(f float64, decimals int) []string {
	f = math.Abs(f)
	var s string
	if f >= 1e21 {
		s = string(value.AppendFloat(nil, f))
	} else {
		s = strconv.FormatFloat(f, 'f', min(decimals, 100), 64)
	}
	out := chars(s)
	for i, c := range out {
		if '0' <= c[0] && c[0] <= '9' {
			out[i] = d.family[c[0]-'0']
		}
	}
	return out
}

func (d *decimalFormat) format(f float64, p *subPicture) string {
	switch {
	case strings.Contains(p.text, d.percent):
		f *= 100
	case strings.Contains(p.text, d.perMille):
		f *= 1000
	}
	exponent := 0
	if p.minExponent > 0 && f != 0 && f-f == 0 {
		most, least := math.Pow10(p.scaling), math.Pow10(p.scaling-1)
		for math.Abs(f) < least {
			f *= 10
			exponent--
		}
		for math.Abs(f) > most {
			f /= 10
			exponent++
		}
	}
	s := d.digits(roundTo(f, p.maxFraction), p.maxFraction)
	point := slices.Index(s, ".")
	if point < 0 {
		s = append(s, d.decimal)
	} else {
		s[point] = d.decimal
	}
	zero := d.family[0]
	for len(s) > 0 && s[0] == zero {
		s = s[1:]
	}
	for len(s) > 0 && s[len(s)-1] == zero {
		s = s[:len(s)-1]
	}
	point = slices.Index(s, d.decimal)
	for n := p.minInteger - point; n > 0; n-- {
		s = slices.Insert(s, 0, zero)
	}
	point = slices.Index(s, d.decimal)
	for n := p.minFraction - (len(s) - point - 1); n > 0; n-- {
		s = append(s, zero)
	}
	if p.regular > 0 {
		for g := 1; g <= (point-1)/p.regular; g++ {
			s = slices.Insert(s, point-g*p.regular, d.grouping)
		}
	} else {
		for _, g := range p.groups {
			if point-g < 0 {
				continue
			}
			s = slices.Insert(s, point-g, d.grouping)
			point++
		}
	}
	point = slices.Index(s, d.decimal)
	for _, g := range p.fractionGroups {
		if at := g + point + 1; at <= len(s) {
			s = slices.Insert(s, at, d.grouping)
		}
	}
	point = slices.Index(s, d.decimal)
	if !strings.Contains(p.text, d.decimal) || point == len(s)-1 {
		s = s[:len(s)-1]
	}
	out := p.prefix + strings.Join(s, "")
	if p.minExponent > 0 {
		e := d.digits(float64(exponent), 0)
		for len(e) < p.minExponent {
			e = slices.Insert(e, 0, zero)
		}
		out += d.exponent
		if exponent < 0 {
			out += d.minus
		}
		out += strings.Join(e, "")
	}
	return out + p.suffix
}

func fnFormatNumber(k *callState, a []value.Value) (value.Value, *Error) {
	if a[0].IsAbsent() {
		return absent()
	}
	d := newDecimalFormat(k.arg(a, 2))
	texts := strings.Split(a[1].Str(), d.pattern)
	if len(texts) > 2 {
		return value.Value{}, failure("D3080")
	}
	var pictures []*subPicture
	for _, t := range texts {
		if len(t) > maxPicture {
			return value.Value{}, limitError(LimitMemory)
		}
		p, err := d.parse(t)
		if err != nil {
			return value.Value{}, err
		}
		pictures = append(pictures, p)
	}
	f := a[0].Float64()
	p := pictures[0]
	if !(f >= 0) {
		if p = pictures[len(pictures)-1]; len(pictures) == 1 {
			negative := *p
			negative.prefix = d.minus + p.prefix
			p = &negative
		}
	}
	return k.e.text(d.format(f, p))
}

// maxPicture bounds number pictures, which are taken apart character by character.
const maxPicture = 1000
