package calls

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// locate returns the line and column, from 1, of what a path of member names leads to in
// a JSON text: of the name, or of the text's beginning for the empty path. Columns count
// code points. It returns 0, 0 if there is no such place.
func locate(text []byte, path []string) (line, column int) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	offset, ok := 0, true
	for len(text) > offset && strings.IndexByte(" \t\r\n", text[offset]) >= 0 {
		offset++
	}
	for _, name := range path {
		if offset, ok = enter(d, text, name); !ok {
			return 0, 0
		}
	}
	return lineColumn(text, offset)
}

// enter reads the beginning of an object up to the colon behind a name, and returns the
// offset of the last such name.
func enter(d *json.Decoder, text []byte, name string) (int, bool) {
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return 0, false
	}
	for d.More() {
		before := d.InputOffset()
		t, err := d.Token()
		if err != nil {
			return 0, false
		}
		if t == name {
			i := bytes.IndexByte(text[before:], '"')
			return int(before) + i, i >= 0
		}
		var skip json.RawMessage
		if d.Decode(&skip) != nil {
			return 0, false
		}
	}
	return 0, false
}

func lineColumn(text []byte, offset int) (line, column int) {
	before := text[:min(offset, len(text))]
	start := bytes.LastIndexByte(before, '\n') + 1
	return bytes.Count(before, []byte{'\n'}) + 1, utf8.RuneCount(before[start:]) + 1
}

func pointer(path []string) string {
	var b strings.Builder
	for _, p := range path {
		b.WriteString("/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(p))
	}
	return b.String()
}
