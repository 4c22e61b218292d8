package jsonata

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/sfnkit/sfnkit/asl/value"
)

// datePart is a marker of a date/time picture, or literal text if component is 0.
type datePart struct {
	text      string
	component byte
	names     letterCase // caseNone: a number
	timezone  bool       // presentation modifier t: Z for no offset
	min, max  int        // width, -1 if not given
	integer   *integerPicture
	digits    int // of a year: how many count, -1 for all
}

var defaultPresentation = map[byte]string{
	'Y': "1", 'M': "1", 'D': "1", 'd': "1", 'F': "n", 'W': "1", 'w': "1", 'X': "1", 'x': "1", 'H': "1", 'h': "1",
	'P': "n", 'm': "01", 's': "01", 'f': "1", 'Z': "01:01", 'z': "01:01", 'C': "n", 'E': "n",
}

func parseDatePicture(picture string) ([]datePart, *Error) {
	var parts []datePart
	literal := func(s string) {
		if s != "" {
			parts = append(parts, datePart{text: strings.ReplaceAll(s, "]]", "]")})
		}
	}
	start, pos := 0, 0
	for pos < len(picture) {
		if picture[pos] != '[' {
			pos++
			continue
		}
		literal(picture[start:pos])
		if strings.HasPrefix(picture[pos+1:], "[") {
			parts = append(parts, datePart{text: "["})
			pos += 2
			start = pos
			continue
		}
		end := strings.IndexByte(picture[pos:], ']')
		if end < 0 {
			return nil, failure("D3135")
		}
		marker := strings.Join(strings.Fields(picture[pos+1:pos+end]), "")
		p, err := parseMarker(marker)
		if err != nil {
			return nil, err
		}
		parts = append(parts, p)
		pos += end + 1
		start = pos
	}
	literal(picture[start:])
	return parts, nil
}

func parseMarker(marker string) (datePart, *Error) {
	p := datePart{min: -1, max: -1, digits: -1}
	unknown := func(s string) (datePart, *Error) { return p, failure("D3132").withValue(value.String(s)) }
	if marker == "" {
		return unknown("")
	}
	p.component = marker[0]
	modifier := marker[1:]
	if comma := strings.LastIndexByte(marker, ','); comma >= 0 {
		least, most, ranged := strings.Cut(marker[comma+1:], "-")
		p.min = parseWidth(least)
		if ranged {
			p.max = parseWidth(most)
		}
		modifier = marker[min(1, comma):comma]
	}
	second := byte(0)
	switch {
	case modifier == "":
		d, ok := defaultPresentation[p.component]
		if !ok {
			return unknown(marker[:charLen(marker, 0)])
		}
		modifier = d
	case len(modifier) > 1 && charCount(modifier) > 1 && strings.IndexByte("atco", modifier[len(modifier)-1]) >= 0:
		second = modifier[len(modifier)-1]
		modifier = modifier[:len(modifier)-1]
	}
	p.timezone = second == 't'
	var err *Error
	switch {
	case modifier[0] == 'n':
		p.names = caseLower
	case strings.HasPrefix(modifier, "Nn"):
		p.names = caseTitle
	case modifier[0] == 'N':
		p.names = caseUpper
	case strings.IndexByte("YMDdFWwXxHhmsf", p.component) >= 0:
		picture := modifier
		if second != 0 {
			picture += ";" + string(second)
		}
		if p.integer, err = parseIntegerPicture(picture); err != nil {
			return p, err
		}
		p.integer.mandatory = max(p.integer.mandatory, p.min)
		if strings.IndexByte("YMD", p.component) >= 0 {
			if p.max >= 0 {
				p.digits = p.max
				p.integer.mandatory = p.max
			} else if w := p.integer.mandatory + p.integer.optional; w >= 2 {
				p.digits = w
			}
		}
	}
	if p.component == 'Z' || p.component == 'z' {
		if p.integer, err = parseIntegerPicture(modifier); err != nil {
			return p, err
		}
	}
	return p, nil
}

// maxWidth bounds the widths in pictures.
const maxWidth = 1000

func parseWidth(s string) int {
	if s == "*" {
		return -1
	}
	f := parseInt(s)
	if f != f || f < 0 {
		return -1
	}
	return int(min(f, maxWidth))
}

var (
	dayNames   = strings.Fields("Monday Tuesday Wednesday Thursday Friday Saturday Sunday")
	monthNames = strings.Fields("January February March April May June July August September October November December")
)

const day = 24 * time.Hour

func utcDate(year, month, d int) time.Time {
	return time.Date(year, time.Month(month), d, 0, 0, 0, 0, time.UTC)
}

// firstWeek returns the Monday of the first ISO week of a year or month, which is the one
// that holds its first Thursday.
func firstWeek(first time.Time) time.Time {
	n := int(first.Weekday()+6)%7 + 1
	if n > 4 {
		return first.AddDate(0, 0, 8-n)
	}
	return first.AddDate(0, 0, 1-n)
}

func weeks(from, to time.Time) float64 { return float64(to.Sub(from))/float64(7*day) + 1 }

// datePortion returns a component of a time as a number.
func datePortion(t time.Time, component byte) int {
	y, m, d := t.Date()
	today := utcDate(y, int(m), d)
	span := func(first, next, previous time.Time, most float64) int {
		week := weeks(firstWeek(first), today)
		if week > most {
			if !today.Before(firstWeek(next)) {
				week = 1
			}
		} else if week < 1 {
			week = weeks(firstWeek(previous), today)
		}
		return int(math.Floor(week))
	}
	first := utcDate(y, 1, 1)
	month := utcDate(y, int(m), 1)
	switch component {
	case 'Y':
		return y
	case 'M':
		return int(m)
	case 'D':
		return d
	case 'd':
		return t.YearDay()
	case 'F':
		return int(t.Weekday()+6)%7 + 1
	case 'W':
		return span(first, first.AddDate(1, 0, 0), first.AddDate(-1, 0, 0), 52)
	case 'w':
		return span(month, month.AddDate(0, 1, 0), month.AddDate(0, -1, 0), 4)
	case 'X':
		switch {
		case t.Before(firstWeek(first)):
			return y - 1
		case !t.Before(firstWeek(first.AddDate(1, 0, 0))):
			return y + 1
		}
		return y
	case 'x':
		switch next := month.AddDate(0, 1, 0); {
		case t.Before(firstWeek(month)):
			return int(month.AddDate(0, -1, 0).Month())
		case !t.Before(firstWeek(next)):
			return int(next.Month())
		}
		return int(m)
	case 'H':
		return t.Hour()
	case 'h':
		if h := t.Hour() % 12; h != 0 {
			return h
		}
		return 12
	case 'P':
		return t.Hour() / 12
	case 'm':
		return t.Minute()
	case 's':
		return t.Second()
	case 'f':
		return t.Nanosecond() / 1e6
	}
	return 0
}

func cased(s string, c letterCase) string {
	switch c {
	case caseUpper:
		return strings.ToUpper(s)
	case caseLower:
		return strings.ToLower(s)
	}
	return s
}

var isoParts, _ = parseDatePicture("[Y0001]-[M01]-[D01]T[H01]:[m01]:[s01].[f001][Z01:01t]")

const maxMillis = 8.64e15 // of JavaScript's dates

func formatMillis(millis float64, picture, zone value.Value) (string, *Error) {
	hours, minutes := 0.0, 0.0
	if !zone.IsAbsent() {
		offset := parseInt(zone.Str())
		if offset != offset {
			offset = 0
		}
		hours, minutes = math.Floor(offset/100), math.Mod(offset, 100)
	}
	parts := isoParts
	if !picture.IsAbsent() {
		var err *Error
		if parts, err = parseDatePicture(picture.Str()); err != nil {
			return "", err
		}
	}
	ms := millis + (60*hours+minutes)*60*1000
	if !(math.Abs(ms) <= maxMillis) {
		return "", failure("D3110").withValue(value.Float(millis))
	}
	t := time.UnixMilli(int64(math.Trunc(ms))).UTC()
	var b strings.Builder
	for i := range parts {
		p := &parts[i]
		if p.component == 0 {
			b.WriteString(p.text)
			continue
		}
		s, err := p.format(t, hours, minutes)
		if err != nil {
			return "", err
		}
		b.WriteString(s)
	}
	return b.String(), nil
}

func (p *datePart) format(t time.Time, hours, minutes float64) (string, *Error) {
	switch c := p.component; c {
	case 'Y', 'M', 'D', 'd', 'F', 'W', 'w', 'X', 'x', 'H', 'h', 'm', 's', 'f':
		n := datePortion(t, c)
		if c == 'Y' && p.digits >= 0 && p.digits < 18 {
			n %= int(math.Pow10(p.digits))
		}
		if p.names == caseNone || c == 'f' {
			if p.integer == nil {
				return "", failure("D3133").withValue(value.String(string(c)))
			}
			return p.integer.format(float64(n))
		}
		var s string
		switch c {
		case 'M', 'x':
			s = monthNames[n-1]
		case 'F':
			s = dayNames[n-1]
		default:
			return "", failure("D3133").withValue(value.String(string(c)))
		}
		s = cased(s, p.names)
		if p.max >= 0 && len(s) > p.max {
			s = s[:p.max]
		}
		return s, nil
	case 'Z', 'z':
		return p.formatZone(hours, minutes)
	case 'P':
		s := "am"
		if t.Hour() >= 12 {
			s = "pm"
		}
		if p.names == caseUpper {
			s = strings.ToUpper(s)
		}
		return s, nil
	case 'C', 'E':
		return "ISO", nil
	}
	return "undefined", nil // what the reference implementation prints
}

func (p *datePart) formatZone(hours, minutes float64) (string, *Error) {
	offset := hours*100 + minutes
	var s string
	var err *Error
	switch n := p.integer.mandatory; {
	case p.integer.regular > 0 || n == 3 || n == 4:
		s, err = p.integer.format(offset)
	case n == 1 || n == 2:
		if s, err = p.integer.format(hours); err == nil && minutes != 0 {
			var m string
			m, err = (&integerPicture{mandatory: 2, zero: '0'}).format(minutes)
			s += ":" + m
		}
	default:
		err = failure("D3134").withValue(value.Int(int64(n)))
	}
	if err != nil {
		return "", err
	}
	if offset >= 0 {
		s = "+" + s
	}
	if p.component == 'z' {
		s = "GMT" + s
	}
	if offset == 0 && p.timezone {
		s = "Z"
	}
	return s, nil
}

func fnFromMillis(k *callState, a []value.Value) (value.Value, *Error) {
	if a[0].IsAbsent() {
		return absent()
	}
	s, err := formatMillis(a[0].Float64(), k.arg(a, 1), k.arg(a, 2))
	if err != nil {
		return value.Value{}, err
	}
	return k.e.text(s)
}

func fnNow(k *callState, a []value.Value) (value.Value, *Error) {
	s, err := formatMillis(float64(k.e.now().UnixMilli()), k.arg(a, 0), k.arg(a, 1))
	return value.String(s), err
}

func fnToMillis(k *callState, a []value.Value) (value.Value, *Error) {
	if a[0].IsAbsent() {
		return absent()
	}
	if p := k.arg(a, 1); !p.IsAbsent() {
		return k.e.parseDate(a[0].Str(), p.Str())
	}
	f, ok := parseISO(a[0].Str())
	if !ok {
		return value.Value{}, failure("D3110").withValue(a[0])
	}
	return k.e.number(f), nil
}

// parseISO reads what the reference implementation takes for ISO 8601. The second result
// is false if the text does not look like it; a text that does but is no date gives NaN.
func parseISO(s string) (float64, bool) {
	i := 0
	digits := func(n int) (int, bool) {
		if i+n > len(s) {
			return 0, false
		}
		v := 0
		for _, c := range []byte(s[i : i+n]) {
			if c < '0' || c > '9' {
				return 0, false
			}
			v = v*10 + int(c-'0')
		}
		i += n
		return v, true
	}
	lit := func(c byte) bool {
		if i < len(s) && s[i] == c {
			i++
			return true
		}
		return false
	}
	year, ok := digits(4)
	if !ok {
		return 0, false
	}
	month, d, h, m, sec, frac, offset := 1, 1, 0, 0, 0, 0.0, 0
	valid, local := true, false
	if save := i; lit('-') {
		if month, ok = digits(2); !ok {
			i = save
			month = 1
		} else if save = i; lit('-') {
			if d, ok = digits(2); !ok {
				i, d = save, 1
			}
		}
	}
	if lit('T') {
		if h, ok = digits(2); !ok || !lit(':') {
			return 0, false
		}
		if m, ok = digits(2); !ok || !lit(':') {
			return 0, false
		}
		if sec, ok = digits(2); !ok {
			return 0, false
		}
		local = true
	}
	if lit('.') {
		from := i
		for i < len(s) && '0' <= s[i] && s[i] <= '9' {
			i++
		}
		if i == from {
			return 0, false
		}
		frac, _ = strconv.ParseFloat("0."+s[from:i], 64)
		valid = valid && local
	}
	switch {
	case lit('Z'):
		valid, local = valid && local, false
	case i < len(s) && (s[i] == '+' || s[i] == '-'):
		sign := 1
		if s[i] == '-' {
			sign = -1
		}
		i++
		oh, ok := digits(2)
		if !ok || oh > 29 {
			return 0, false
		}
		lit(':')
		om, ok := digits(2)
		if !ok || om > 59 {
			return 0, false
		}
		offset = sign * (oh*60 + om)
		valid, local = valid && local && oh < 24, false
	}
	// Each part of the pattern allows a little more than there is.
	if i < len(s) || month > 19 || d > 39 || h > 29 || m > 59 || sec > 59 {
		return 0, false
	}
	if month < 1 || month > 12 || d < 1 || d > 31 || h > 24 || h == 24 && (m > 0 || sec > 0 || frac > 0) {
		valid = false
	}
	if !valid {
		return math.NaN(), true
	}
	t := time.Date(year, time.Month(month), d, h, m, sec, 0, time.UTC)
	return float64(t.UnixMilli()) + math.Floor(frac*1000) - float64(offset)*60_000, true
}

// parseDate reads a time by a picture; what does not match is absent.
func (e *evaluator) parseDate(text, picture string) (value.Value, *Error) {
	parts, err := parseDatePicture(picture)
	if err != nil {
		return value.Value{}, err
	}
	var pattern strings.Builder
	pattern.WriteByte('^')
	for i := range parts {
		if e.cfg.latest && i+1 < len(parts) && parts[i+1].integer != nil {
			parts[i].fix()
		}
		pattern.WriteByte('(')
		p, err := parts[i].pattern()
		if err != nil {
			return value.Value{}, err
		}
		pattern.WriteString(p)
		pattern.WriteByte(')')
	}
	pattern.WriteByte('$')
	re, cerr := compileRegex(pattern.String(), "i")
	if cerr != nil {
		return value.Value{}, limitError(LimitMemory)
	}
	m := e.matcher(re, text)
	defer e.done(m)
	ok, err := m.find(0)
	if err != nil || !ok {
		return value.Value{}, err
	}
	found := map[byte]float64{}
	for i := range parts {
		if parts[i].component != 0 {
			v := parts[i].parse(text[m.caps[2*i+2]:m.caps[2*i+3]], e.cfg.latest)
			found[parts[i].component] = v
		}
	}
	if len(found) == 0 {
		return absent()
	}
	return e.assemble(found)
}

// fix makes a number that another one follows at once as wide as its picture. Versions
// after 2.0.6 do so for times, too.
func (p *datePart) fix() {
	if p.integer != nil && p.digits < 0 && p.integer.style == styleDecimal && p.integer.mandatory >= 2 &&
		strings.IndexByte("Hhms", p.component) >= 0 {
		p.digits = p.integer.mandatory
	}
}

// pattern returns the regular expression of a part.
func (p *datePart) pattern() (string, *Error) {
	switch {
	case p.component == 0:
		var b strings.Builder
		for _, c := range []byte(p.text) {
			if strings.IndexByte(`.*+?^${}()|[]\`, c) >= 0 {
				b.WriteByte('\\')
			}
			b.WriteByte(c)
		}
		return b.String(), nil
	case p.component == 'Z' || p.component == 'z':
		s := "[-+][0-9]+"
		if p.component == 'z' {
			s = "GMT" + s
		}
		if p.integer.regular > 0 {
			s += p.integer.sep + "[0-9]+"
		}
		return s, nil
	case p.integer == nil:
		if strings.IndexByte("MxFP", p.component) < 0 {
			return "", failure("D3133").withValue(value.String(string(p.component)))
		}
		return "[a-zA-Z]+", nil
	}
	switch p.integer.style {
	case styleLetters:
		if p.integer.letters == caseUpper {
			return "[A-Z]+", nil
		}
		return "[a-z]+", nil
	case styleRoman:
		if p.integer.letters == caseUpper {
			return "[MDCLXVI]+", nil
		}
		return "[mdclxvi]+", nil
	case styleWords:
		return "(?:[a-z]+|[-, ])+?", nil
	case styleSequence:
		return "", failure("D3130").withValue(value.String(p.integer.token))
	}
	s := "[0-9]+"
	if n := p.digits; n > 0 {
		s = "[0-9]{" + strconv.Itoa(n) + "}"
		if o := p.integer.optional; o > 0 {
			s = "[0-9]{" + strconv.Itoa(max(n-o, 0)) + "," + strconv.Itoa(n) + "}"
		}
	}
	if p.integer.ordinal {
		s += "(?:th|st|nd|rd)"
	}
	return s, nil
}

func (p *datePart) parse(s string, latest bool) float64 {
	switch {
	case p.component == 'Z' || p.component == 'z':
		if p.component == 'z' {
			s = s[3:]
		}
		if p.integer.regular > 0 {
			h, m, _ := strings.Cut(s, p.integer.sep)
			return parseInt(h)*60 + parseInt(m)
		}
		if len(s) <= 3 {
			return parseInt(s) * 60
		}
		return parseInt(s[:3])*60 + parseInt(s[3:])
	case p.integer == nil:
		names := monthNames
		switch p.component {
		case 'F':
			names = dayNames
		case 'P':
			switch s {
			case "am", "AM":
				return 0
			case "pm", "PM":
				return 1
			}
			return math.NaN()
		}
		for i, name := range names {
			if p.max > 0 && len(name) > p.max {
				name = name[:p.max]
			}
			if s == name {
				return float64(i + 1)
			}
		}
		return math.NaN()
	case p.component == 'f' && latest && len(s) > 3:
		return parseInt(s[:3])
	}
	return p.integer.parse(s)
}

// assemble makes a time of components. Those that are more significant than any given are
// taken from the present, those less significant are the least; a gap is an error.
func (e *evaluator) assemble(c map[byte]float64) (value.Value, *Error) {
	is := func(kinds string, mask int) bool {
		got := 0
		for i := range len(kinds) {
			got <<= 1
			if v, ok := c[kinds[i]]; ok && v != 0 && v == v {
				got |= 1
			}
		}
		return got&^mask == 0 && got&mask != 0
	}
	const dates, times = "YXMxWwdD", "PHhmsf"
	// Which components there are decides how the date is reckoned: by month and day, by day
	// of the year, by week of the month or by week of the year.
	byMonth := is(dates, 0b10100001)
	byDay := !byMonth && is(dates, 0b10000010)
	byWeekOfMonth := is(dates, 0b01010100)
	byWeek := !byWeekOfMonth && is(dates, 0b01001000)
	halfDay := !is(times, 0b010111) && is(times, 0b101111)
	order := "YMD"
	switch {
	case byDay:
		order = "YD"
	case byWeekOfMonth:
		order = "XxwF"
	case byWeek:
		order = "XWF"
	}
	if halfDay {
		order += "Phmsf"
	} else {
		order += "Hmsf"
	}
	started, ended := false, false
	for i := range len(order) {
		k := order[i]
		if v, ok := c[k]; ok && v == v {
			started = true
			if ended {
				return value.Value{}, failure("D3136")
			}
			continue
		}
		if !started {
			c[k] = float64(datePortion(e.now().UTC(), k))
			continue
		}
		c[k] = 0
		if strings.IndexByte("MDd", k) >= 0 {
			c[k] = 1
		}
		ended = true
	}
	if byWeekOfMonth || byWeek {
		return value.Value{}, failure("D3136")
	}
	month := max(c['M'], 1)
	d := c['D']
	if byDay {
		t := utcDate(int(c['Y']), 1, 1).AddDate(0, 0, int(c['d'])-1)
		month, d = float64(t.Month()), float64(t.Day())
	}
	hour := c['H']
	if halfDay {
		if hour = c['h']; hour == 12 {
			hour = 0
		}
		if c['P'] == 1 {
			hour += 12
		}
	}
	for _, v := range [...]float64{c['Y'], month, d, hour, c['m'], c['s'], c['f']} {
		if !(math.Abs(v) < 1e9) {
			return e.number(math.NaN()), nil
		}
	}
	year := int(c['Y'])
	if 0 <= year && year <= 99 { // as JavaScript's Date.UTC has it
		year += 1900
	}
	t := time.Date(year, time.Month(int(month)), int(d), 0, 0, 0, 0, time.UTC)
	ms := float64(t.Unix())*1000 + hour*3_600_000 + c['m']*60_000 + c['s']*1000 + c['f']
	z := c['Z']
	if z == 0 {
		z = c['z']
	}
	return e.number(ms - z*60_000), nil
}
