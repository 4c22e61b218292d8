package emulator

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/sfnkit/sfnkit/asl/value"
)

// jsonLines gives the lines of a JSON Lines text. Lines with nothing but white space have
// no item.
type jsonLines struct {
	text  *objectText
	lines lineReader
}

func (j *jsonLines) Next() (value.Value, error) {
	for {
		line, err := j.lines.next()
		if err != nil {
			return value.Value{}, asReaderError(err)
		}
		if len(bytes.TrimLeft(line, " \t\r")) == 0 {
			continue
		}
		v, err := value.Parse(line)
		if err != nil {
			return v, unreadable("line %d is not JSON: %v", j.lines.n, err)
		}
		return v, nil
	}
}

func (j *jsonLines) Close() error { return j.text.Close() }

// jsonItems gives the elements of an array, or the members of an object as
// {"Key": ..., "Value": ...}, somewhere in a JSON text. What stands behind them is not read.
type jsonItems struct {
	text   *objectText
	bound  *boundedReader
	dec    *json.Decoder
	object bool
	atEnd  bool
	n      int
}

// boundedReader fails when too much was read for one item.
type boundedReader struct {
	r    io.Reader
	left int
}

func (b *boundedReader) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, fmt.Errorf("an item has more than %d bytes", maxItem)
	}
	n, err := b.r.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

// The words of the service for a pointer that leads nowhere, and for one that leads neither
// to an array nor to an object (floci-io/floci pull request 1588, which reports what AWS was
// seen to do in 2026-07).
const (
	noPlace = "The provided ReaderConfig.ItemsPointer does not match any valid path in the JSON structure."
	noItems = "Attempting to map over non-iterable node."
)

// newJSONItems finds what a JSON pointer leads to; the empty pointer stands for all.
func newJSONItems(t *objectText, pointer string) (*jsonItems, error) {
	j := &jsonItems{text: t, bound: &boundedReader{r: t.r}}
	j.dec = json.NewDecoder(j.bound)
	j.dec.UseNumber()
	if pointer != "" && pointer[0] != '/' {
		return nil, fmt.Errorf("the ItemsPointer %q is not a JSON pointer", pointer)
	}
	var path []string
	if pointer != "" {
		path = strings.Split(pointer[1:], "/")
	}
	for _, p := range path {
		p = strings.ReplaceAll(strings.ReplaceAll(p, "~1", "/"), "~0", "~")
		found, err := j.enter(p)
		if err != nil {
			return nil, err
		}
		if !found {
			return nil, unreadable(noPlace)
		}
	}
	t0, err := j.token()
	if err != nil {
		return nil, err
	}
	switch t0 {
	case json.Delim('['):
	case json.Delim('{'):
		j.object = true
	default:
		return nil, unreadable(noItems)
	}
	return j, nil
}

func (j *jsonItems) token() (json.Token, error) {
	j.bound.left = maxItem
	t, err := j.dec.Token()
	return t, j.wrap(err)
}

func (j *jsonItems) wrap(err error) error {
	if err == nil {
		return nil
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("the object is not JSON: %w", err)
}

// enter goes to a member or element of the container that comes next.
func (j *jsonItems) enter(name string) (bool, error) {
	t, err := j.token()
	if err != nil {
		return false, err
	}
	index := -1
	switch t {
	case json.Delim('['):
		if index, err = strconv.Atoi(name); err != nil || index < 0 {
			return false, nil
		}
	case json.Delim('{'):
	default:
		return false, nil
	}
	for i := 0; j.dec.More(); i++ {
		if index < 0 {
			t, err := j.token()
			if err != nil {
				return false, err
			}
			if t == name {
				return true, nil
			}
		} else if i == index {
			return true, nil
		}
		if err := j.skip(); err != nil {
			return false, err
		}
	}
	return false, nil
}

// skip passes over a value of any size.
func (j *jsonItems) skip() error {
	for depth := 0; ; {
		t, err := j.token()
		if err != nil {
			return err
		}
		switch t {
		case json.Delim('['), json.Delim('{'):
			if depth++; depth > value.MaxDepth {
				return fmt.Errorf("the object is nested more than %d deep", value.MaxDepth)
			}
		case json.Delim(']'), json.Delim('}'):
			depth--
		}
		if depth == 0 {
			return nil
		}
	}
}

func (j *jsonItems) Next() (value.Value, error) {
	if j.atEnd {
		return value.Value{}, io.EOF
	}
	j.bound.left = maxItem
	if !j.dec.More() {
		if _, err := j.token(); err != nil { // the text ended too early
			return value.Value{}, asReaderError(err)
		}
		j.atEnd = true
		return value.Value{}, io.EOF
	}
	var key string
	if j.object {
		t, err := j.token()
		if err != nil {
			return value.Value{}, asReaderError(err)
		}
		key, _ = t.(string)
	}
	j.n++
	var raw json.RawMessage
	if err := j.dec.Decode(&raw); err != nil {
		return value.Value{}, asReaderError(j.wrap(err))
	}
	v, err := value.Parse(raw)
	if err != nil {
		return v, unreadable("item %d is not JSON: %v", j.n, err)
	}
	if j.object {
		v = value.ObjectOf(memberShape, []value.Value{value.String(key), v})
	}
	return v, nil
}

func (j *jsonItems) Close() error { return j.text.Close() }
