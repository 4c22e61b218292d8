package jsonata

import (
	"encoding/base64"
	"math"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/sfnkit/sfnkit/asl/value"
)

func fnString(k *callState, a []value.Value) (value.Value, *Error) {
	v := a[0]
	if v.IsAbsent() || v.IsString() {
		return v, nil
	}
	indent := ""
	if k.arg(a, 1).Truth() {
		indent = "  "
	}
	e := k.e
	base := len(e.bytes)
	var err *Error
	if e.bytes, err = e.appendString(e.bytes, v, indent); err != nil {
		return value.Value{}, err
	}
	return e.takeText(base)
}

func fnSubstring(k *callState, a []value.Value) (value.Value, *Error) {
	if a[0].IsAbsent() {
		return absent()
	}
	s := a[0].Str()
	n := float64(charCount(s))
	start := a[1].Float64()
	if start != start {
		start = 0
	}
	if n+start < 0 {
		start = 0
	}
	end := n
	if l := k.arg(a, 2); !l.IsAbsent() {
		length := l.Float64()
		if length <= 0 {
			return value.String(""), nil
		}
		if end = start + length; start < 0 {
			end = n + start + length
		}
	}
	from, to := sliceIndex(start, n), sliceIndex(end, n)
	if from >= to {
		return value.String(""), nil
	}
	if int(n) == len(s) {
		return value.String(s[from:to]), nil
	}
	i := charOffset(s, from)
	return value.String(s[i : i+charOffset(s[i:], to-from)]), nil
}

// sliceIndex turns an index of JavaScript's slice into one between 0 and n.
func sliceIndex(f, n float64) int {
	f = math.Trunc(f)
	if f < 0 {
		f = max(n+f, 0)
	}
	return int(min(f, n))
}

func fnSubstringBefore(_ *callState, a []value.Value) (value.Value, *Error) {
	if a[0].IsAbsent() {
		return absent()
	}
	before, _, _ := strings.Cut(a[0].Str(), a[1].Str())
	return value.String(before), nil
}

func fnSubstringAfter(_ *callState, a []value.Value) (value.Value, *Error) {
	if a[0].IsAbsent() {
		return absent()
	}
	if _, after, ok := strings.Cut(a[0].Str(), a[1].Str()); ok {
		return value.String(after), nil
	}
	return a[0], nil
}

func fnLowercase(k *callState, a []value.Value) (value.Value, *Error) {
	if a[0].IsAbsent() {
		return absent()
	}
	return k.e.text(lower(a[0].Str()))
}

func fnUppercase(k *callState, a []value.Value) (value.Value, *Error) {
	if a[0].IsAbsent() {
		return absent()
	}
	return k.e.text(upper(a[0].Str()))
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// upper converts to upper case. Unlike strings.ToUpper it knows the characters that have
// no single upper-case form.
func upper(s string) string {
	if isASCII(s) {
		return strings.ToUpper(s)
	}
	b := make([]byte, 0, len(s)+8)
	for i := 0; i < len(s); {
		r, n := value.DecodeRune(s[i:])
		if special, ok := upperForms[r]; ok {
			b = append(b, special...)
		} else {
			b = value.AppendRune(b, unicode.ToUpper(r))
		}
		i += n
	}
	return string(b)
}

// upperForms are the unconditional upper-case forms of more than one character
// (Unicode's SpecialCasing).
var upperForms = map[rune]string{
	'ß': "SS", 'ŉ': "ʼN", 'ǰ': "J̌", 'ΐ': "Ϊ́", 'ΰ': "Ϋ́", 'և': "ԵՒ",
	'ẖ': "H̱", 'ẗ': "T̈", 'ẘ': "W̊", 'ẙ': "Y̊", 'ẚ': "Aʾ",
	'ﬀ': "FF", 'ﬁ': "FI", 'ﬂ': "FL", 'ﬃ': "FFI", 'ﬄ': "FFL", 'ﬅ': "ST", 'ﬆ': "ST",
	'ﬓ': "ՄՆ", 'ﬔ': "ՄԵ", 'ﬕ': "ՄԻ", 'ﬖ': "ՎՆ", 'ﬗ': "ՄԽ",
}

// lower converts to lower case; a capital sigma at the end of a word becomes final.
func lower(s string) string {
	if isASCII(s) {
		return strings.ToLower(s)
	}
	b := make([]byte, 0, len(s)+8)
	letter := false
	for i := 0; i < len(s); {
		r, n := value.DecodeRune(s[i:])
		switch {
		case r == 'İ':
			b = append(b, "i̇"...)
		case r == 'Σ' && letter && !startsWithLetter(s[i+n:]):
			b = value.AppendRune(b, 'ς')
		default:
			b = value.AppendRune(b, unicode.ToLower(r))
		}
		letter = unicode.IsLetter(r)
		i += n
	}
	return string(b)
}

func startsWithLetter(s string) bool {
	r, _ := utf8.DecodeRuneInString(s)
	return unicode.IsLetter(r)
}

func fnLength(_ *callState, a []value.Value) (value.Value, *Error) {
	if a[0].IsAbsent() {
		return absent()
	}
	return value.Int(int64(charCount(a[0].Str()))), nil
}

func fnTrim(k *callState, a []value.Value) (value.Value, *Error) {
	if a[0].IsAbsent() {
		return absent()
	}
	s := a[0].Str()
	b := make([]byte, 0, len(s))
	for i := range len(s) {
		switch c := s[i]; c {
		case ' ', '\t', '\n', '\r':
			if len(b) > 0 && b[len(b)-1] != ' ' {
				b = append(b, ' ')
			}
		default:
			b = append(b, c)
		}
	}
	return k.e.text(strings.TrimSuffix(string(b), " "))
}

func fnPad(k *callState, a []value.Value) (value.Value, *Error) {
	if a[0].IsAbsent() {
		return absent()
	}
	s, char := a[0].Str(), k.arg(a, 2).Str()
	if char == "" {
		char = " "
	}
	width := math.Trunc(a[1].Float64())
	n := math.Abs(width) - float64(charCount(s))
	if !(n > 0) {
		return a[0], nil
	}
	if limit := k.e.cfg.padding; limit > 0 && n > float64(limit) {
		return value.Value{}, limitError(LimitMemory)
	}
	chars := charCount(char)
	if size := n / float64(chars) * float64(len(char)); size > float64(k.e.cfg.limits.Value) {
		return value.Value{}, limitError(LimitMemory)
	}
	whole, rest := int(n)/chars, int(n)%chars
	pad := strings.Repeat(char, whole) + char[:charOffset(char, rest)]
	if width > 0 {
		return k.e.text(s + pad)
	}
	return k.e.text(pad + s)
}

func fnJoin(k *callState, a []value.Value) (value.Value, *Error) {
	if a[0].IsAbsent() {
		return absent()
	}
	list, sep := a[0].Elems(), k.arg(a, 1).Str()
	n := 0
	for i := range list {
		n += len(list[i].Str()) + len(sep)
	}
	if err := k.e.growText(n); err != nil {
		return value.Value{}, err
	}
	var b strings.Builder
	b.Grow(n)
	for i := range list {
		if i > 0 {
			b.WriteString(sep)
		}
		b.WriteString(list[i].Str())
	}
	return value.String(b.String()), nil
}

func fnContains(k *callState, a []value.Value) (value.Value, *Error) {
	if a[0].IsAbsent() {
		return absent()
	}
	s, t := a[0].Str(), k.arg(a, 1)
	switch {
	case t.IsAbsent():
		return absent()
	case t.IsString():
		return value.Bool(strings.Contains(s, t.Str())), nil
	}
	if re := asRegex(t); re != nil {
		m := k.e.matcher(re.re, s)
		ok, err := m.find(0)
		k.e.done(m)
		return value.Bool(ok), err
	}
	m, err := k.match(t, a[0])
	return value.Bool(!m.IsAbsent()), err
}

func asRegex(v value.Value) *regexNode {
	if f := asFunction(v); f != nil {
		return f.re
	}
	return nil
}

// match calls a function that finds a match and checks what it returns.
func (k *callState) match(fn, s value.Value) (value.Value, *Error) {
	v, err := k.callback(fn, 1, s)
	return checkMatch(v, err)
}

func checkMatch(v value.Value, err *Error) (value.Value, *Error) {
	if err != nil || v.IsAbsent() {
		return v, err
	}
	if ok, err := truth(v); err != nil || !ok {
		return v, err
	}
	if !v.Get("start").IsNumber() && !v.Get("end").IsNumber() && !v.Get("groups").IsArray() && !IsFunction(v.Get("next")) {
		return v, failure("T1010")
	}
	return v, nil
}

// next asks a match for the one after it.
func (k *callState) next(m value.Value) (value.Value, *Error) {
	base := len(k.e.stack)
	v, err := k.e.callFunction(asFunction(m.Get("next")), nil, value.Null, k.f)
	if err == nil {
		k.e.pop(base)
	}
	return checkMatch(v, err)
}

// limit reads the optional limit on matches; -1 is none.
func limit(v value.Value, code string) (float64, *Error) {
	if v.IsAbsent() {
		return math.Inf(1), nil
	}
	n := v.Float64()
	if n < 0 {
		return 0, failure(code).withValue(v)
	}
	return n, nil
}

func fnMatch(k *callState, a []value.Value) (value.Value, *Error) {
	if a[0].IsAbsent() {
		return absent()
	}
	max, err := limit(k.arg(a, 2), "D3040")
	if err != nil {
		return value.Value{}, err
	}
	e := k.e
	base := len(e.stack)
	if max > 0 {
		if re := asRegex(a[1]); re != nil {
			m := e.matcher(re.re, a[0].Str())
			defer e.done(m)
			ok, err := m.find(0)
			for n := 0.0; ok && n < max; n++ {
				start := m.units.at(m.s, m.caps[0])
				vals := []value.Value{value.String(m.s[m.caps[0]:m.caps[1]]), value.Int(int64(start)), m.groups()}
				v := value.ObjectOf(matchShape, vals).WithMark(dirt(vals))
				if err := e.grow(8); err != nil {
					return value.Value{}, err
				}
				e.push(v)
				ok, err = m.following(re)
				if err != nil {
					break
				}
			}
			if err != nil {
				return value.Value{}, err
			}
		} else {
			v, err := k.match(a[1], a[0])
			for n := 0.0; err == nil && !v.IsAbsent() && n < max; n++ {
				vals := []value.Value{v.Get("match"), v.Get("start"), v.Get("groups")}
				e.push(value.ObjectOf(matchShape, vals).WithMark(dirt(vals)))
				v, err = k.next(v)
			}
			if err != nil {
				return value.Value{}, err
			}
		}
	}
	return e.take(base, markSequence)
}

var matchShape = value.NewShape([]string{"match", "index", "groups"})

func fnSplit(k *callState, a []value.Value) (value.Value, *Error) {
	if a[0].IsAbsent() {
		return absent()
	}
	max, err := limit(k.arg(a, 2), "D3020")
	if err != nil {
		return value.Value{}, err
	}
	e, s, sep := k.e, a[0].Str(), a[1]
	base := len(e.stack)
	// More pieces than an array may have are not worth making.
	max = min(max, float64(e.maxElems)+1)
	switch re := asRegex(sep); {
	case max <= 0:
	case sep.IsString():
		max = math.Trunc(max)
		t := sep.Str()
		for n := 0.0; n < max; n++ {
			if t == "" {
				if s == "" {
					break
				}
				c := charLen(s, 0)
				e.push(value.String(s[:c]))
				s = s[c:]
				continue
			}
			i := strings.Index(s, t)
			if i < 0 {
				e.push(value.String(s))
				break
			}
			e.push(value.String(s[:i]))
			s = s[i+len(t):]
		}
	case re != nil:
		m := e.matcher(re.re, s)
		defer e.done(m)
		ok, err := m.find(0)
		start, n := 0, 0.0
		for ; err == nil && ok && n < max; n++ {
			e.push(value.String(s[start:m.caps[0]]))
			start = m.caps[1]
			ok, err = m.following(re)
		}
		if err != nil {
			return value.Value{}, err
		}
		if n < max {
			e.push(value.String(s[start:]))
		}
	default:
		m, err := k.match(sep, a[0])
		start, n := 0, 0.0
		for ; err == nil && !m.IsAbsent() && n < max; n++ {
			e.push(value.String(between(s, start, m.Get("start"))))
			start = unitOffset(s, m.Get("end"))
			m, err = k.next(m)
		}
		if err != nil {
			return value.Value{}, err
		}
		if n < max {
			e.push(value.String(s[min(start, len(s)):]))
		}
	}
	return e.take(base, 0)
}

// between returns s from a byte offset to a UTF-16 offset.
func between(s string, from int, to value.Value) string {
	end := unitOffset(s, to)
	if end < from {
		return ""
	}
	return s[from:end]
}

// unitOffset returns the byte offset of a UTF-16 offset.
func unitOffset(s string, v value.Value) int {
	f := v.Float64()
	if !(f > 0) {
		return 0
	}
	units := 0
	for i := 0; i < len(s); {
		if float64(units) >= f {
			return i
		}
		n := charLen(s, i)
		if units++; n == 4 {
			units++
		}
		i += n
	}
	return len(s)
}

func fnReplace(k *callState, a []value.Value) (value.Value, *Error) {
	if a[0].IsAbsent() {
		return absent()
	}
	e, s, pattern, with := k.e, a[0].Str(), a[1], k.arg(a, 2)
	if pattern.IsString() && pattern.Str() == "" {
		return value.Value{}, failure("D3010").withValue(pattern)
	}
	max, err := limit(k.arg(a, 3), "D3011")
	if err != nil {
		return value.Value{}, err
	}
	if max <= 0 {
		return a[0], nil
	}
	if pattern.IsAbsent() || with.IsAbsent() {
		return absent()
	}
	var out []byte
	check := func() *Error {
		if len(out) > e.cfg.limits.Value {
			return limitError(LimitMemory)
		}
		return e.tick()
	}
	switch re := asRegex(pattern); {
	case pattern.IsString():
		t := pattern.Str()
		if !with.IsString() {
			if strings.Contains(s, t) {
				return value.Value{}, failure("D3012").withValue(with)
			}
			return a[0], nil
		}
		for n := 0.0; n < max; n++ {
			i := strings.Index(s, t)
			if i < 0 {
				break
			}
			out = append(append(out, s[:i]...), with.Str()...)
			s = s[i+len(t):]
			if err := check(); err != nil {
				return value.Value{}, err
			}
		}
	case re != nil:
		m := e.matcher(re.re, s)
		defer e.done(m)
		ok, err := m.find(0)
		if err == nil && !ok {
			return a[0], nil
		}
		pos := 0
		for n := 0.0; err == nil && ok && n < max; n++ {
			out = append(out, s[pos:m.caps[0]]...)
			if with.IsString() {
				out = m.expand(out, with.Str())
			} else {
				var r value.Value
				if r, err = k.callback(with, 1, m.object(re)); err != nil {
					return value.Value{}, err
				}
				if !r.IsString() {
					return value.Value{}, failure("D3012").withValue(r)
				}
				out = append(out, r.Str()...)
			}
			pos = m.caps[1]
			if err = check(); err == nil {
				ok, err = m.following(re)
			}
		}
		if err != nil {
			return value.Value{}, err
		}
		s = s[pos:]
	default:
		m, err := k.match(pattern, a[0])
		pos := 0
		for n := 0.0; err == nil && !m.IsAbsent() && n < max; n++ {
			start := unitOffset(s, m.Get("start"))
			out = append(out, between(s, pos, m.Get("start"))...)
			r := with
			if with.IsString() {
				var groups []string
				for _, g := range m.Get("groups").Elems() {
					groups = append(groups, g.Str())
				}
				out = expand(out, with.Str(), m.Get("match").Str(), groups)
			} else {
				if r, err = k.callback(with, 1, m); err != nil {
					return value.Value{}, err
				}
				if !r.IsString() {
					return value.Value{}, failure("D3012").withValue(r)
				}
				out = append(out, r.Str()...)
			}
			pos = min(start+len(m.Get("match").Str()), len(s))
			if err = check(); err == nil {
				m, err = k.next(m)
			}
		}
		if err != nil {
			return value.Value{}, err
		}
		s = s[pos:]
	}
	return e.text(string(append(out, s...)))
}

// expand appends a replacement with $0, $1 … filled in. A number may have as many digits
// as the number of groups has; one too large gives up its last digit.
func expand(out []byte, with, match string, groups []string) []byte {
	for {
		i := strings.IndexByte(with, '$')
		if i < 0 {
			return append(out, with...)
		}
		out = append(out, with[:i]...)
		with = with[i+1:]
		switch {
		case strings.HasPrefix(with, "$"):
			out, with = append(out, '$'), with[1:]
			continue
		case strings.HasPrefix(with, "0"):
			out, with = append(out, match...), with[1:]
			continue
		}
		digits := 1
		for n := len(groups); n >= 10; n /= 10 {
			digits++
		}
		n, used := leadingInt(with, digits)
		if digits > 1 && n > len(groups) {
			n, used = leadingInt(with, digits-1)
		}
		if used == 0 {
			out = append(out, '$')
			continue
		}
		if n > 0 && n <= len(groups) {
			out = append(out, groups[n-1]...)
		}
		with = with[used:]
	}
}

func leadingInt(s string, most int) (n, used int) {
	for used < most && used < len(s) && '0' <= s[used] && s[used] <= '9' {
		n = n*10 + int(s[used]-'0')
		used++
	}
	return n, used
}

func fnBase64Encode(k *callState, a []value.Value) (value.Value, *Error) {
	if a[0].IsAbsent() {
		return absent()
	}
	s := a[0].Str()
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); {
		r, n := value.DecodeRune(s[i:])
		if r >= 0x10000 { // two code units
			r -= 0x10000
			b = append(b, byte(r>>10), byte(r))
		} else {
			b = append(b, byte(r)) // the reference takes the low byte of each code unit
		}
		i += n
	}
	return k.e.text(base64.StdEncoding.EncodeToString(b))
}

func fnBase64Decode(k *callState, a []value.Value) (value.Value, *Error) {
	if a[0].IsAbsent() {
		return absent()
	}
	s := a[0].Str()
	if k.e.cfg.exact { // Step Functions decodes strictly
		raw, err := base64.StdEncoding.DecodeString(s)
		if err != nil {
			raw, err = base64.RawStdEncoding.DecodeString(s)
		}
		if err != nil {
			return value.Value{}, &Error{Message: "internal error: the string is not base64", Position: -1}
		}
		return k.e.text(latin1(raw))
	}
	s, _, _ = strings.Cut(s, "=")
	clean := make([]byte, 0, len(s))
	for i := range len(s) {
		switch c := s[i]; {
		case c == '-':
			clean = append(clean, '+')
		case c == '_':
			clean = append(clean, '/')
		case c == '+', c == '/', '0' <= c && c <= '9', 'A' <= c && c <= 'Z', 'a' <= c && c <= 'z':
			clean = append(clean, c)
		}
	}
	if len(clean)%4 == 1 {
		clean = clean[:len(clean)-1]
	}
	raw, _ := base64.RawStdEncoding.DecodeString(string(clean))
	return k.e.text(latin1(raw))
}

func latin1(raw []byte) string {
	b := make([]byte, 0, len(raw))
	for _, c := range raw {
		b = utf8.AppendRune(b, rune(c))
	}
	return string(b)
}

const (
	unreservedMarks = "-_.!~*'()"
	reservedMarks   = ";/?:@&=+$,#"
)

func malformed(function string, v value.Value) *Error {
	e := failure("D3140").withValue(v)
	e.function = function
	return e
}

// urlEncoder makes a function that percent-encodes all but letters, digits and keep.
func urlEncoder(name, keep string) nativeFunc {
	const hex = "0123456789ABCDEF"
	return func(k *callState, a []value.Value) (value.Value, *Error) {
		if a[0].IsAbsent() {
			return absent()
		}
		s := a[0].Str()
		if !utf8.ValidString(s) {
			return value.Value{}, malformed(name, a[0])
		}
		b := make([]byte, 0, len(s)+16)
		for i := range len(s) {
			c := s[i]
			if '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' || strings.IndexByte(keep, c) >= 0 {
				b = append(b, c)
			} else {
				b = append(b, '%', hex[c>>4], hex[c&15])
			}
		}
		return k.e.text(string(b))
	}
}

// urlDecoder makes a function that undoes percent-encoding, but not of what is in keep.
func urlDecoder(name, keep string) nativeFunc {
	return func(k *callState, a []value.Value) (value.Value, *Error) {
		if a[0].IsAbsent() {
			return absent()
		}
		s := a[0].Str()
		b := make([]byte, 0, len(s))
		for i := 0; i < len(s); {
			if s[i] != '%' {
				b = append(b, s[i])
				i++
				continue
			}
			start := i
			c, ok := percent(s, i)
			n := 1
			switch {
			case !ok:
				return value.Value{}, malformed(name, a[0])
			case c >= 0xF0:
				n = 4
			case c >= 0xE0:
				n = 3
			case c >= 0x80:
				n = 2
			}
			from := len(b)
			for range n {
				if c, ok = percent(s, i); !ok {
					return value.Value{}, malformed(name, a[0])
				}
				b = append(b, c)
				i += 3
			}
			if !utf8.Valid(b[from:]) {
				return value.Value{}, malformed(name, a[0])
			}
			if n == 1 && strings.IndexByte(keep, c) >= 0 {
				b = append(b[:from], s[start:i]...)
			}
		}
		return k.e.text(string(b))
	}
}

const lowerHex = "0123456789abcdef"

func percent(s string, i int) (byte, bool) {
	if i+2 >= len(s) || s[i] != '%' {
		return 0, false
	}
	hi, lo := strings.IndexByte(lowerHex, s[i+1]|0x20), strings.IndexByte(lowerHex, s[i+2]|0x20)
	if hi < 0 || lo < 0 || s[i+1] < '0' || s[i+2] < '0' {
		return 0, false
	}
	return byte(hi<<4 | lo), true
}
