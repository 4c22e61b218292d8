package jsonpath

import (
	"cmp"
	"math"
	"strconv"
	"strings"

	"github.com/sfnkit/sfnkit/asl/value"
)

// decimal is a number that a filter's text stands for: an integer if it is exact as one,
// else a text that is compared exactly.
type decimal struct {
	i     int64
	f     float64
	isInt bool
	text  string
}

// parseDecimal reads what java.math.BigDecimal reads: digits with an optional sign, point
// and exponent.
func parseDecimal(s string) (decimal, bool) {
	digits, dot, i := 0, false, 0
	if i < len(s) && (s[i] == '+' || s[i] == '-') {
		i++
	}
	for ; i < len(s) && (s[i] >= '0' && s[i] <= '9' || s[i] == '.' && !dot); i++ {
		if s[i] == '.' {
			dot = true
		} else {
			digits++
		}
	}
	if digits == 0 {
		return decimal{}, false
	}
	exp := false
	if i < len(s) && (s[i] == 'e' || s[i] == 'E') {
		exp = true
		if i++; i < len(s) && (s[i] == '+' || s[i] == '-') {
			i++
		}
		start := i
		for i < len(s) && s[i] >= '0' && s[i] <= '9' {
			i++
		}
		if i == start || i-start > 10 {
			return decimal{}, false
		}
	}
	if i != len(s) {
		return decimal{}, false
	}
	d := decimal{text: s}
	if !dot && !exp {
		n, err := strconv.ParseInt(s, 10, 64)
		d.i, d.isInt = n, err == nil
	}
	d.f, _ = strconv.ParseFloat(s, 64)
	return d, true
}

func (d *decimal) compareTo(v value.Value) int {
	if v.IsInt() && d.isInt {
		n, _ := v.Int64()
		return cmp.Compare(d.i, n)
	}
	if f := v.Float64(); d.f != f {
		return cmp.Compare(d.f, f)
	}
	return compareDigits(d.text, v.NumberText())
}

func compareNumbers(a, b value.Value) int {
	if a.IsInt() && b.IsInt() {
		x, _ := a.Int64()
		y, _ := b.Int64()
		return cmp.Compare(x, y)
	}
	if x, y := a.Float64(), b.Float64(); x != y {
		return cmp.Compare(x, y)
	}
	return compareDigits(a.NumberText(), b.NumberText())
}

// compareDigits compares two numbers whose nearest floats are equal. Fifteen digits
// survive in a float; only beyond them can such numbers differ.
func compareDigits(a, b string) int {
	if len(a) <= 15 && len(b) <= 15 && !strings.ContainsAny(a, "eE") && !strings.ContainsAny(b, "eE") {
		return 0
	}
	return compareTexts(a, b)
}

// compareTexts compares two decimal numbers exactly, however large their exponents.
func compareTexts(a, b string) int {
	as, ad, ae := scientific(a)
	bs, bd, be := scientific(b)
	switch {
	case as != bs:
		return cmp.Compare(as, bs)
	case as == 0:
		return 0
	case ae != be:
		return as * cmp.Compare(ae, be)
	}
	return as * strings.Compare(ad, bd)
}

// scientific splits a number into its sign, its digits without zeros at either end, and
// the exponent of the first digit.
func scientific(s string) (sign int, digits string, exp int64) {
	sign = 1
	if s != "" && (s[0] == '-' || s[0] == '+') {
		if s[0] == '-' {
			sign = -1
		}
		s = s[1:]
	}
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		exp, _ = strconv.ParseInt(s[i+1:], 10, 64)
		s = s[:i]
	}
	whole, fraction, _ := strings.Cut(s, ".")
	digits = whole + fraction
	exp += int64(len(whole))
	trimmed := strings.TrimLeft(digits, "0")
	exp -= int64(len(digits) - len(trimmed))
	digits = strings.TrimRight(trimmed, "0")
	if digits == "" {
		return 0, "", 0
	}
	return sign, digits, exp
}

// compareText orders texts as Java does, by UTF-16 code units.
func compareText(a, b string) int {
	n := min(len(a), len(b))
	for i := 0; i < n; i++ {
		if a[i] == b[i] {
			continue
		}
		if x, y := a[i], b[i]; x >= 0xEE && y >= 0xEE && (x >= 0xF0) != (y >= 0xF0) {
			// A character beyond the basic plane is a pair of surrogates, which sort
			// before U+E000 and what follows.
			if x >= 0xF0 {
				return -1
			}
			return 1
		}
		return cmp.Compare(a[i], b[i])
	}
	return cmp.Compare(len(a), len(b))
}

// AppendText appends v the way the engine, a Java program, prints values: texts as they
// are, {a=1, b=[2, 3]} for containers.
func AppendText(b []byte, v value.Value) []byte {
	switch v.Kind() {
	case value.KindString:
		return append(b, v.Str()...)
	case value.KindNumber:
		return appendNumber(b, v)
	case value.KindArray:
		b = append(b, '[')
		for i, e := range v.Elems() {
			if i > 0 {
				b = append(b, ", "...)
			}
			b = AppendText(b, e)
		}
		return append(b, ']')
	case value.KindObject:
		b = append(b, '{')
		for i, e := range v.Elems() {
			if i > 0 {
				b = append(b, ", "...)
			}
			b = AppendText(append(append(b, v.Key(i)...), '='), e)
		}
		return append(b, '}')
	}
	return v.AppendJSON(b)
}

// appendNumber prints a number as Java prints it after parsing: integers of any length
// as they are, others as a double.
func appendNumber(b []byte, v value.Value) []byte {
	t := v.NumberText()
	if !strings.ContainsAny(t, ".eE") {
		if t == "-0" {
			t = "0"
		}
		return append(b, t...)
	}
	return appendDouble(b, v.Float64())
}

// appendDouble prints as java.lang.Double.toString: at least one digit after the point,
// and computerised scientific notation below 10^-3 and from 10^7 on.
func appendDouble(b []byte, f float64) []byte {
	switch {
	case math.IsNaN(f):
		return append(b, "NaN"...)
	case math.IsInf(f, 1):
		return append(b, "Infinity"...)
	case math.IsInf(f, -1):
		return append(b, "-Infinity"...)
	case f == 0 && math.Signbit(f):
		return append(b, "-0.0"...)
	}
	if a := math.Abs(f); a == 0 || a >= 1e-3 && a < 1e7 {
		start := len(b)
		b = strconv.AppendFloat(b, f, 'f', -1, 64)
		if strings.IndexByte(string(b[start:]), '.') < 0 {
			b = append(b, ".0"...)
		}
		return b
	}
	start := len(b)
	b = strconv.AppendFloat(b, f, 'e', -1, 64)
	mantissa, exponent, _ := strings.Cut(string(b[start:]), "e")
	b = append(b[:start], mantissa...)
	if strings.IndexByte(mantissa, '.') < 0 {
		b = append(b, ".0"...)
	}
	n, _ := strconv.Atoi(exponent)
	return strconv.AppendInt(append(b, 'E'), int64(n), 10)
}
