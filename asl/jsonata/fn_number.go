package jsonata

import (
	"math"
	"math/big"
	"strconv"
	"strings"

	"github.com/sfnkit/sfnkit/asl/value"
)

// sum adds numbers: exactly as long as they are integers that floats hold exactly.
func sum(list []value.Value) (total float64, whole int64, exact bool) {
	for i, v := range list {
		n, _ := v.Int64()
		if !v.IsInt() || n > exactInt || n < -exactInt || whole+n > exactInt || whole+n < -exactInt {
			total = float64(whole)
			for _, v := range list[i:] {
				total += v.Float64()
			}
			return total, 0, false
		}
		whole += n
	}
	return float64(whole), whole, true
}

func fnSum(k *callState, a []value.Value) (value.Value, *Error) {
	if a[0].IsAbsent() {
		return absent()
	}
	f, n, exact := sum(a[0].Elems())
	if exact {
		return value.Int(n), nil
	}
	return k.e.number(f), nil
}

func fnCount(_ *callState, a []value.Value) (value.Value, *Error) {
	return value.Int(int64(a[0].Len())), nil
}

func fnAverage(k *callState, a []value.Value) (value.Value, *Error) {
	if a[0].Len() == 0 {
		return absent()
	}
	f, _, _ := sum(a[0].Elems())
	return k.e.number(f / float64(a[0].Len())), nil
}

func extreme(list []value.Value, sign int) (value.Value, *Error) {
	if len(list) == 0 {
		return absent()
	}
	best := list[0]
	for _, v := range list {
		if f := v.Float64(); f != f {
			return v, nil
		}
		if compareNumbers(v, best)*sign > 0 {
			best = v
		}
	}
	return best.Canonical(), nil
}

func fnMax(_ *callState, a []value.Value) (value.Value, *Error) { return extreme(a[0].Elems(), 1) }
func fnMin(_ *callState, a []value.Value) (value.Value, *Error) { return extreme(a[0].Elems(), -1) }

// apply1 makes a function of a number from one of floats that keeps integers.
func apply1(k *callState, v value.Value, f func(float64) float64) (value.Value, *Error) {
	if v.IsAbsent() || v.IsInt() {
		return v, nil
	}
	return k.e.number(f(v.Float64())), nil
}

func fnFloor(k *callState, a []value.Value) (value.Value, *Error) { return apply1(k, a[0], math.Floor) }
func fnCeil(k *callState, a []value.Value) (value.Value, *Error)  { return apply1(k, a[0], math.Ceil) }

func fnAbs(k *callState, a []value.Value) (value.Value, *Error) {
	if i, ok := a[0].Int64(); ok && a[0].IsInt() && i < 0 {
		return negate(a[0]), nil
	}
	return apply1(k, a[0], math.Abs)
}

func fnSqrt(k *callState, a []value.Value) (value.Value, *Error) {
	if a[0].IsAbsent() {
		return absent()
	}
	f := a[0].Float64()
	if f < 0 {
		return value.Value{}, failure("D3060").withValue(a[0])
	}
	return k.e.number(math.Sqrt(f)), nil
}

func fnPower(k *callState, a []value.Value) (value.Value, *Error) {
	if a[0].IsAbsent() {
		return absent()
	}
	x, y := a[0].Float64(), a[1].Float64()
	f := math.Pow(x, y)
	if y != y || math.IsInf(y, 0) && math.Abs(x) == 1 {
		f = math.NaN() // unlike C, JavaScript has no value for 1 to the power of infinity
	}
	if f-f != 0 {
		e := failure("D3061").withValue(a[0])
		e.exponent = a[1]
		return value.Value{}, e
	}
	return value.Float(f), nil
}

// roundHalf rounds to an integer, halves to the even one.
func roundHalf(f float64) float64 {
	r := math.Floor(f)
	if f-r >= 0.5 {
		r++
	}
	if math.Abs(r-f) == 0.5 && math.Abs(math.Mod(r, 2)) == 1 {
		r--
	}
	return r
}

// roundTo rounds to a number of decimals by shifting the decimal point of the text.
func roundTo(f float64, decimals int) float64 {
	if f-f != 0 {
		return f
	}
	if decimals != 0 {
		f = shift(f, decimals)
	}
	f = roundHalf(f)
	if decimals != 0 {
		f = shift(f, -decimals)
	}
	if f == 0 {
		return 0
	}
	return f
}

func shift(f float64, by int) float64 {
	var buf [40]byte
	text := strconv.AppendFloat(buf[:0], f, 'e', -1, 64)
	i := strings.IndexByte(string(text), 'e')
	if i < 0 {
		return f
	}
	exp, _ := strconv.Atoi(string(text[i+1:]))
	g, _ := strconv.ParseFloat(string(text[:i+1])+strconv.Itoa(exp+by), 64)
	return g
}

func fnRound(k *callState, a []value.Value) (value.Value, *Error) {
	if a[0].IsAbsent() {
		return absent()
	}
	decimals := k.arg(a, 1).Float64()
	if decimals != decimals {
		decimals = 0
	}
	if a[0].IsInt() && decimals >= 0 {
		return a[0], nil
	}
	return k.e.number(roundTo(a[0].Float64(), int(max(min(decimals, 400), -400)))), nil
}

// numberText reports whether a text is what $number takes for a decimal number.
func numberText(s string) (ok, whole bool) {
	i := 0
	digits := func() bool {
		from := i
		for i < len(s) && '0' <= s[i] && s[i] <= '9' {
			i++
		}
		return i > from
	}
	if i < len(s) && s[i] == '-' {
		i++
	}
	if !digits() {
		return false, false
	}
	whole = i == len(s)
	if i < len(s) && s[i] == '.' {
		i++
		if !digits() {
			return false, false
		}
	}
	if i < len(s) && (s[i] == 'e' || s[i] == 'E') {
		i++
		if i < len(s) && (s[i] == '+' || s[i] == '-') {
			i++
		}
		if !digits() {
			return false, false
		}
	}
	return i == len(s), whole
}

func fnNumber(k *callState, a []value.Value) (value.Value, *Error) {
	v := a[0]
	switch v.Kind() {
	case value.KindAbsent, value.KindNumber:
		return v, nil
	case value.KindBool:
		if v.Truth() {
			return value.Int(1), nil
		}
		return value.Int(0), nil
	case value.KindString:
		s := v.Str()
		if ok, whole := numberText(s); ok {
			if whole && k.e.cfg.exact {
				if i, err := strconv.ParseInt(s, 10, 64); err == nil {
					return value.Int(i), nil
				}
			}
			if f, _ := strconv.ParseFloat(s, 64); f-f == 0 {
				return value.Float(f), nil
			}
		} else if len(s) > 2 && s[0] == '0' {
			base := map[byte]int{'x': 16, 'X': 16, 'o': 8, 'O': 8, 'b': 2, 'B': 2}[s[1]]
			if n, ok := new(big.Int).SetString(s[2:], max(base, 2)); base != 0 && ok && s[2] != '-' && s[2] != '+' {
				f, _ := new(big.Float).SetInt(n).Float64()
				return k.e.number(f), nil
			}
		}
	}
	return value.Value{}, failure("D3030").withValue(v)
}

func fnFormatBase(k *callState, a []value.Value) (value.Value, *Error) {
	if a[0].IsAbsent() {
		return absent()
	}
	radix := 10.0
	if r := k.arg(a, 1); !r.IsAbsent() {
		radix = roundTo(r.Float64(), 0)
	}
	if radix < 2 || radix > 36 || radix != radix {
		return value.Value{}, failure("D3100").withValue(value.Float(radix))
	}
	if i, ok := a[0].Int64(); ok && a[0].IsInt() {
		return value.String(strconv.FormatInt(i, int(radix))), nil
	}
	f := roundTo(a[0].Float64(), 0)
	switch {
	case f-f != 0:
		return value.String(strconv.FormatFloat(f, 'g', -1, 64)), nil
	case radix == 10:
		return value.String(string(value.AppendFloat(nil, f))), nil
	}
	n, _ := big.NewFloat(f).Int(nil)
	return value.String(n.Text(int(radix))), nil
}
