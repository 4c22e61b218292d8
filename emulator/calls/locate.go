package calls

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf8"
)

// locate returns the line and column, from 1, of what a path of member names and places in
// arrays leads to in a JSON text: of the name, of the element, or of the text's beginning
// for the empty path. Columns count
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

// enter reads the beginning of an object up to the colon behind a name, or of an array up
// to an element, and returns the offset of the name or the element.
func enter(d *json.Decoder, text []byte, name string) (int, bool) {
	t, err := d.Token()
	if err == nil && t == json.Delim('[') {
		return element(d, text, name)
	}
	if err != nil || t != json.Delim('{') {
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

func element(d *json.Decoder, text []byte, place string) (int, bool) {
	n, err := strconv.Atoi(place)
	var skip json.RawMessage
	for ; n > 0 && err == nil && d.More(); n-- {
		err = d.Decode(&skip)
	}
	if err != nil || n != 0 || !d.More() {
		return 0, false
	}
	offset := int(d.InputOffset())
	for offset < len(text) && strings.IndexByte(" \t\r\n,", text[offset]) >= 0 {
		offset++
	}
	return offset, true
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
