package asl

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/sfnkit/sfnkit/asl/value"
)

// PrintYAML returns the definition as YAML, in the order of [Print]. Text of several
// lines is written as a block. Lone surrogates, which JSON may have, do not survive in it.
func PrintYAML(m *StateMachine) []byte { return appendYAML(nil, m.Value(), 0, false) }

// appendYAML appends v. inline says that the cursor stands behind "key:" or "-".
func appendYAML(dst []byte, v value.Value, level int, inline bool) []byte {
	switch {
	case v.IsString():
		if inline {
			dst = append(dst, ' ')
		}
		dst = appendYAMLString(dst, v.Str(), level, true)
		return append(dst, '\n')
	case v.Len() == 0:
		if inline {
			dst = append(dst, ' ')
		}
		return append(v.AppendJSON(dst), '\n')
	}
	if inline {
		dst = append(dst, '\n')
	}
	for i, e := range v.Elems() {
		dst = appendYAMLIndent(dst, level)
		if v.IsArray() {
			dst = append(dst, '-')
			if e.IsObject() && e.Len() > 0 {
				// The first member stands behind the dash.
				dst = append(dst, ' ')
				from := len(dst)
				dst = appendYAML(dst, e, level+1, false)
				dst = append(dst[:from], dst[from+2*(level+1):]...)
				continue
			}
		} else {
			dst = appendYAMLString(dst, v.Key(i), level, false)
			dst = append(dst, ':')
		}
		dst = appendYAML(dst, e, level+1, true)
	}
	return dst
}

func appendYAMLIndent(dst []byte, level int) []byte {
	for range level {
		dst = append(dst, "  "...)
	}
	return dst
}

// plainYAML matches texts that mean the same with and without quotes, to readers of
// YAML 1.1 and 1.2 alike; words that they take for something else are in notPlainYAML.
var (
	plainYAML    = regexp.MustCompile(`^[A-Za-z_$/][A-Za-z0-9_$./()-]*(?:[ :][A-Za-z0-9_$./()-]+)*$`)
	notPlainYAML = regexp.MustCompile(`(?i)^(?:true|false|yes|no|on|off|y|n|null)$`)
)

func appendYAMLString(dst []byte, s string, level int, block bool) []byte {
	switch {
	case plainYAML.MatchString(s) && !notPlainYAML.MatchString(s):
		return append(dst, s...)
	case block && blockYAML(s):
		dst = append(dst, '|')
		if !strings.HasSuffix(s, "\n") {
			dst = append(dst, '-')
		}
		for line := range strings.Lines(s) {
			dst = append(dst, '\n')
			if line = strings.TrimSuffix(line, "\n"); line != "" {
				dst = append(appendYAMLIndent(dst, level), line...)
			}
		}
		return dst
	}
	return appendYAMLQuoted(dst, s)
}

// blockYAML reports whether a text can be written as a block and read back the same.
func blockYAML(s string) bool {
	if !strings.Contains(s, "\n") || s[0] == ' ' || s[0] == '\n' || s[0] == '\t' || strings.HasSuffix(s, "\n\n") {
		return false
	}
	for line := range strings.Lines(s) {
		line = strings.TrimSuffix(line, "\n")
		if t := strings.TrimRight(line, " \t"); t != line {
			return false
		}
	}
	for _, r := range s {
		if r != '\n' && !unicode.IsPrint(r) {
			return false
		}
	}
	return true
}

// appendYAMLQuoted writes the double-quoted form, with every character escaped that is
// not printable.
func appendYAMLQuoted(dst []byte, s string) []byte {
	const hex = "0123456789ABCDEF"
	start := len(dst)
	dst = value.AppendQuoted(dst, s)
	if strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) < 0 {
		return dst
	}
	quoted := string(dst[start:])
	dst = dst[:start]
	for _, r := range quoted {
		switch {
		case unicode.IsPrint(r):
			dst = utf8.AppendRune(dst, r)
		case r < 0x10000:
			dst = append(dst, '\\', 'u', hex[r>>12&15], hex[r>>8&15], hex[r>>4&15], hex[r&15])
		default:
			dst = append(dst, '\\', 'U', '0', '0', hex[r>>20&15], hex[r>>16&15], hex[r>>12&15], hex[r>>8&15], hex[r>>4&15], hex[r&15])
		}
	}
	return dst
}
