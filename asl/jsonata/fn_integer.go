package jsonata

import (
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/sfnkit/sfnkit/asl/value"
)

var (
	smallNumbers = strings.Fields("Zero One Two Three Four Five Six Seven Eight Nine Ten Eleven Twelve Thirteen " +
		"Fourteen Fifteen Sixteen Seventeen Eighteen Nineteen")
	smallOrdinals = strings.Fields("Zeroth First Second Third Fourth Fifth Sixth Seventh Eighth Ninth Tenth Eleventh " +
		"Twelfth Thirteenth Fourteenth Fifteenth Sixteenth Seventeenth Eighteenth Nineteenth")
	tens       = strings.Fields("Twenty Thirty Forty Fifty Sixty Seventy Eighty Ninety Hundred")
	magnitudes = strings.Fields("Thousand Million Billion Trillion")
)

// words spells a whole number out in English. after says that more significant words
// stand before it.
func words(n float64, after, ordinal bool) string {
	join := func(s string) string {
		if after {
			return s
		}
		return ""
	}
	switch {
	case !(n <= 1e300): // beyond what there are words for
		return strconv.FormatFloat(n, 'g', -1, 64)
	case n <= 19:
		names := smallNumbers
		if ordinal {
			names = smallOrdinals
		}
		return join(" and ") + names[int(n)]
	case n < 100:
		s := join(" and ") + tens[int(n)/10-2]
		if rest := int(n) % 10; rest > 0 {
			return s + "-" + words(float64(rest), false, ordinal)
		}
		if ordinal {
			return s[:len(s)-1] + "ieth"
		}
		return s
	case n < 1000:
		s := join(", ") + smallNumbers[int(n)/100] + " Hundred"
		if rest := int(n) % 100; rest > 0 {
			return s + words(float64(rest), true, ordinal)
		}
		if ordinal {
			return s + "th"
		}
		return s
	}
	mag := min(int(math.Log10(n)/3), len(magnitudes))
	if math.Pow(10, float64(mag*3)) > n { // the logarithm was rounded up
		mag--
	}
	factor := math.Pow(10, float64(mag*3))
	mant := math.Floor(n / factor)
	rest := n - mant*factor
	s := join(", ") + words(mant, false, false) + " " + magnitudes[mag-1]
	if rest > 0 {
		return s + words(rest, true, ordinal)
	}
	if ordinal {
		return s + "th"
	}
	return s
}

var wordValues = func() map[string]float64 {
	m := map[string]float64{}
	for i := range smallNumbers {
		m[strings.ToLower(smallNumbers[i])] = float64(i)
		m[strings.ToLower(smallOrdinals[i])] = float64(i)
	}
	for i, w := range tens {
		w = strings.ToLower(w)
		m[w] = float64(i+2) * 10
		m[w[:len(w)-1]+"ieth"] = m[w]
	}
	m["hundredth"] = 100
	for i, w := range magnitudes {
		w = strings.ToLower(w)
		m[w] = math.Pow(10, float64(i+1)*3)
		m[w+"th"] = m[w]
	}
	return m
}()

// parseWords reads a number spelled out; a word that is none makes it NaN.
func parseWords(text string) float64 {
	var parts []string
	start := 0
	for i := 0; i < len(text); i++ {
		c := text[i]
		blank := c == ' ' || '\t' <= c && c <= '\r'
		switch {
		case c == ',' && i+1 < len(text) && (text[i+1] == ' ' || '\t' <= text[i+1] && text[i+1] <= '\r'):
			parts = append(parts, text[start:i])
			i++
			start = i + 1
		case blank && strings.HasPrefix(text[i+1:], "and") && i+4 < len(text) && (text[i+4] == ' ' || '\t' <= text[i+4] && text[i+4] <= '\r'):
			parts = append(parts, text[start:i])
			i += 4
			start = i + 1
		case blank || c == '-' || c == '\\':
			parts = append(parts, text[start:i])
			start = i + 1
		}
	}
	parts = append(parts, text[start:])
	segments := []float64{0}
	for _, p := range parts {
		v, ok := wordValues[p]
		if !ok {
			v = math.NaN()
		}
		last := len(segments) - 1
		if v < 100 {
			if segments[last] >= 1000 {
				segments = append(segments, 0)
				last++
			}
			segments[last] += v
		} else {
			segments[last] *= v
		}
	}
	total := 0.0
	for _, s := range segments {
		total += s
	}
	return total
}

var romanNumerals = []struct {
	value  float64
	letter string
}{
	{1000, "m"}, {900, "cm"}, {500, "d"}, {400, "cd"}, {100, "c"}, {90, "xc"}, {50, "l"}, {40, "xl"},
	{10, "x"}, {9, "ix"}, {5, "v"}, {4, "iv"}, {1, "i"},
}

func roman(n float64) string {
	var b strings.Builder
	for _, r := range romanNumerals {
		for ; n >= r.value; n -= r.value {
			b.WriteString(r.letter)
		}
	}
	return b.String()
}

var romanValues = map[byte]float64{'M': 1000, 'D': 500, 'C': 100, 'L': 50, 'X': 10, 'V': 5, 'I': 1}

func parseRoman(s string) float64 {
	total, most := 0.0, 1.0
	for i := len(s) - 1; i >= 0; i-- {
		v, ok := romanValues[s[i]]
		if !ok {
			return math.NaN()
		}
		if v < most {
			total -= v
		} else {
			most = v
			total += v
		}
	}
	return total
}

func letters(n float64, a byte) string {
	var b []byte
	for n > 0 {
		b = append([]byte{byte(math.Mod(n-1, 26)) + a}, b...)
		n = math.Floor((n - 1) / 26)
	}
	return string(b)
}

func parseLetters(s string, a byte) float64 {
	n := 0.0
	for i := range len(s) {
		n += (float64(s[len(s)-1-i]) - float64(a) + 1) * math.Pow(26, float64(i))
	}
	return n
}

type integerStyle uint8

const (
	styleDecimal integerStyle = iota
	styleLetters
	styleRoman
	styleWords
	styleSequence // not supported, as in the reference implementation
)

type letterCase uint8

const (
	caseNone letterCase = iota
	caseLower
	caseUpper
	caseTitle
)

type separator struct {
	pos  int
	char string
}

// integerPicture says how an integer is written.
type integerPicture struct {
	style      integerStyle
	letters    letterCase
	ordinal    bool
	zero       rune
	mandatory  int
	optional   int
	regular    int // distance of regular separators
	sep        string
	separators []separator
	token      string
}

// decimalGroups are the zeros of the digit families.
var decimalGroups = []rune{
	0x30, 0x0660, 0x06F0, 0x07C0, 0x0966, 0x09E6, 0x0A66, 0x0AE6, 0x0B66, 0x0BE6, 0x0C66, 0x0CE6, 0x0D66, 0x0DE6,
	0x0E50, 0x0ED0, 0x0F20, 0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90, 0x1B50, 0x1BB0, 0x1C40,
	0x1C50, 0xA620, 0xA8D0, 0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0, 0xFF10,
}

func parseIntegerPicture(picture string) (*integerPicture, *Error) {
	p := &integerPicture{letters: caseLower}
	main := picture
	if i := strings.LastIndexByte(picture, ';'); i >= 0 {
		main = picture[:i]
		p.ordinal = strings.HasPrefix(picture[i+1:], "o")
	}
	switch main {
	case "A", "a":
		p.style = styleLetters
	case "I", "i":
		p.style = styleRoman
	case "W", "w", "Ww":
		p.style = styleWords
	default:
		return p, p.decimal(main)
	}
	if c := main[0]; c < 'a' {
		p.letters = caseUpper
	}
	if main == "Ww" {
		p.letters = caseTitle
	}
	return p, nil
}

// decimal reads a picture of digits, from the right.
func (p *integerPicture) decimal(main string) *Error {
	pos := 0
	chars := []rune(main)
	for i := len(chars) - 1; i >= 0; i-- {
		c := chars[i]
		digit := false
		for _, g := range decimalGroups {
			if g <= c && c <= g+9 {
				digit = true
				p.mandatory++
				pos++
				if p.zero == 0 {
					p.zero = g
				} else if p.zero != g {
					return failure("D3131")
				}
				break
			}
		}
		switch {
		case digit:
		case c == '#':
			pos++
			p.optional++
		default:
			p.separators = append(p.separators, separator{pos, string(c)})
		}
	}
	if p.mandatory == 0 {
		p.style, p.token = styleSequence, main
		return nil
	}
	if n := len(p.separators); n > 0 {
		positions := make([]int, n)
		same := true
		for i, s := range p.separators {
			positions[i] = s.pos
			same = same && s.char == p.separators[0].char
		}
		if same {
			p.regular = regularDistance(positions)
			p.sep = p.separators[0].char
		}
	}
	return nil
}

// regularDistance returns the distance of separators that repeat regularly, or 0.
func regularDistance(positions []int) int {
	if len(positions) == 0 {
		return 0
	}
	gcd := func(a, b int) int {
		for b != 0 {
			a, b = b, a%b
		}
		return a
	}
	factor := positions[0]
	for _, p := range positions[1:] {
		factor = gcd(factor, p)
	}
	has := make(map[int]bool, len(positions))
	for _, p := range positions {
		has[p] = true
	}
	for i := range positions {
		if !has[(i+1)*factor] {
			return 0
		}
	}
	return factor
}

// maxRoman bounds what is written in Roman numerals, which have no sign above a thousand.
const maxRoman = 10_000_000

func (p *integerPicture) format(n float64) (string, *Error) {
	negative := n < 0
	n = math.Abs(n)
	var s string
	switch p.style {
	case styleLetters:
		a := byte('a')
		if p.letters == caseUpper {
			a = 'A'
		}
		s = letters(n, a)
	case styleRoman:
		if n > maxRoman {
			return "", limitError(LimitMemory)
		}
		if s = roman(n); p.letters == caseUpper {
			s = strings.ToUpper(s)
		}
	case styleWords:
		switch s = words(n, false, p.ordinal); p.letters {
		case caseUpper:
			s = strings.ToUpper(s)
		case caseLower:
			s = strings.ToLower(s)
		}
	case styleDecimal:
		s = p.formatDecimal(n)
	default:
		return "", failure("D3130").withValue(value.String(p.token))
	}
	if negative {
		s = "-" + s
	}
	return s, nil
}

func (p *integerPicture) formatDecimal(n float64) string {
	s := string(value.AppendFloat(nil, n))
	if missing := p.mandatory - len(s); missing > 0 {
		s = strings.Repeat("0", missing) + s
	}
	chars := []rune(s)
	if p.zero != '0' {
		for i := range chars {
			chars[i] += p.zero - '0'
		}
	}
	if p.regular > 0 {
		chars = []rune(groupDigits(s, p))
	} else {
		for i := len(p.separators) - 1; i >= 0; i-- {
			at := max(len(chars)-p.separators[i].pos, 0)
			chars = append(chars[:at:at], append([]rune(p.separators[i].char), chars[at:]...)...)
		}
	}
	s = string(chars)
	if p.ordinal {
		s += ordinalSuffix(chars)
	}
	return s
}

// groupDigits writes digits with regular separators.
func groupDigits(digits string, p *integerPicture) string {
	var b strings.Builder
	for i := range len(digits) {
		if left := len(digits) - i; i > 0 && left%p.regular == 0 {
			b.WriteString(p.sep)
		}
		b.WriteRune(rune(digits[i]) - '0' + p.zero)
	}
	return b.String()
}

func ordinalSuffix(digits []rune) string {
	n := len(digits)
	if n > 1 && digits[n-2] == '1' {
		return "th"
	}
	switch digits[n-1] {
	case '1':
		return "st"
	case '2':
		return "nd"
	case '3':
		return "rd"
	}
	return "th"
}

// parse reads an integer written as the picture says; NaN if it is none.
func (p *integerPicture) parse(s string) float64 {
	upper := p.letters == caseUpper
	switch p.style {
	case styleLetters:
		a := byte('a')
		if upper {
			a = 'A'
		}
		return parseLetters(s, a)
	case styleRoman:
		if !upper {
			s = strings.ToUpper(s)
		}
		return parseRoman(s)
	case styleWords:
		return parseWords(strings.ToLower(s))
	}
	if p.ordinal && len(s) >= 2 {
		s = s[:len(s)-2]
	}
	if p.regular > 0 {
		s = strings.ReplaceAll(s, ",", "")
	} else {
		for _, sep := range p.separators {
			s = strings.ReplaceAll(s, sep.char, "")
		}
	}
	if p.zero != '0' {
		b := make([]byte, 0, len(s))
		for i := 0; i < len(s); {
			r, n := utf8.DecodeRuneInString(s[i:])
			b = value.AppendRune(b, max(r-p.zero+'0', 0))
			i += n
		}
		s = string(b)
	}
	return parseInt(s)
}

// parseInt is JavaScript's: the integer that a text begins with, or NaN.
func parseInt(s string) float64 {
	s = strings.TrimLeft(s, " \t\n\r\v\f\u00a0\ufeff")
	sign := 1.0
	if s != "" && (s[0] == '-' || s[0] == '+') {
		if s[0] == '-' {
			sign = -1
		}
		s = s[1:]
	}
	i := 0
	for i < len(s) && '0' <= s[i] && s[i] <= '9' {
		i++
	}
	if i == 0 {
		return math.NaN()
	}
	f, _ := strconv.ParseFloat(s[:i], 64)
	return sign * f
}

func fnFormatInteger(k *callState, a []value.Value) (value.Value, *Error) {
	if a[0].IsAbsent() {
		return absent()
	}
	p, err := parseIntegerPicture(a[1].Str())
	if err != nil {
		return value.Value{}, err
	}
	s, err := p.format(math.Floor(a[0].Float64()))
	if err != nil {
		return value.Value{}, err
	}
	return k.e.text(s)
}

func fnParseInteger(k *callState, a []value.Value) (value.Value, *Error) {
	if a[0].IsAbsent() {
		return absent()
	}
	p, err := parseIntegerPicture(a[1].Str())
	if err != nil {
		return value.Value{}, err
	}
	if p.style == styleSequence {
		return value.Value{}, failure("D3130").withValue(value.String(p.token))
	}
	return k.e.number(p.parse(a[0].Str())), nil
}
