package emulator

import (
	"fmt"
	"io"
	"strings"

	"github.com/sfnkit/sfnkit/asl"
	"github.com/sfnkit/sfnkit/asl/value"
)

// csvDelimiters are the names that CSVDelimiter may have.
var csvDelimiters = map[string]byte{"": ',', "COMMA": ',', "PIPE": '|', "SEMICOLON": ';', "SPACE": ' ', "TAB": '\t'}

// csvItems gives the rows of a delimited text as objects of strings. A row that is too
// short gets empty strings, fields beyond the headers are left out (both recorded).
//
// How the service splits a row is documented in words
// (https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itemreader.html, "CSV"):
// double quotes may enclose a field, which can then hold delimiters and newlines; a doubled
// quote stands for one; inside a field a backslash escapes quotes, backslashes and the
// delimiter, and is silently dropped before anything else. Where the words leave gaps (a
// quote in the middle of a field, an empty line), this does what the one CSV reader with
// just these rules does, OpenCSV with its default settings: such a quote is kept and opens
// a quotation, and an empty line is a row with one empty field.
type csvItems struct {
	text  *objectText
	lines lineReader
	delim byte
	shape *value.Shape
	row   []string
	// what a field consists of that is more than a slice of its line
	field   []byte
	inField bool
}

// maxHeader bounds the headers of a CSV file, in bytes, as the service documents it.
const maxHeader = 10 << 10

func newCSVItems(t *objectText, cfg *asl.ReaderConfig) (*csvItems, error) {
	delim, ok := csvDelimiters[cfg.CSVDelimiter]
	if !ok {
		return nil, fmt.Errorf("the CSVDelimiter %q is not one of COMMA, PIPE, SEMICOLON, SPACE and TAB", cfg.CSVDelimiter)
	}
	c := &csvItems{text: t, lines: lineReader{r: t.r, returns: true}, delim: delim}
	headers := cfg.CSVHeaders
	switch cfg.CSVHeaderLocation {
	case "GIVEN":
		if len(headers) == 0 {
			return nil, fmt.Errorf("there are no CSVHeaders although CSVHeaderLocation is GIVEN")
		}
	case "FIRST_ROW", "":
		row, err := c.read()
		if err == io.EOF {
			row, err = nil, nil
		}
		if err != nil {
			return nil, err
		}
		headers = row
	default:
		return nil, fmt.Errorf("the CSVHeaderLocation %q is neither FIRST_ROW nor GIVEN", cfg.CSVHeaderLocation)
	}
	return c, c.setHeaders(headers)
}

func (c *csvItems) setHeaders(headers []string) error {
	seen := make(map[string]bool, len(headers))
	size := 0
	for _, h := range headers {
		if seen[h] {
			return NewError(ErrorItemReaderFailed, "CSV headers cannot contain duplicates.")
		}
		seen[h] = true
		size += len(h) + 1
	}
	if size > maxHeader {
		return fmt.Errorf("the CSV headers have more than %d bytes", maxHeader)
	}
	names := make([]string, len(headers))
	for i, h := range headers {
		names[i] = strings.Clone(h)
	}
	c.shape = value.NewShape(names)
	return nil
}

func (c *csvItems) Next() (value.Value, error) {
	row, err := c.read()
	if err != nil {
		return value.Value{}, asReaderError(err)
	}
	vals := make([]value.Value, c.shape.Len())
	for i := range vals {
		if i < len(row) {
			vals[i] = value.String(row[i])
		} else {
			vals[i] = value.String("")
		}
	}
	return value.ObjectOf(c.shape, vals), nil
}

func (c *csvItems) Close() error { return c.text.Close() }

// read returns the fields of the next row. The slice is reused, the strings are not.
func (c *csvItems) read() ([]string, error) {
	raw, err := c.lines.next()
	if err != nil {
		return nil, err
	}
	c.row = c.row[:0]
	line := string(raw)
	if strings.IndexByte(line, '"') < 0 && strings.IndexByte(line, '\\') < 0 {
		for {
			i := strings.IndexByte(line, c.delim)
			if i < 0 {
				c.row = append(c.row, line)
				return c.row, nil
			}
			c.row = append(c.row, line[:i])
			line = line[i+1:]
		}
	}
	quoted := c.split(line, false)
	for first, size := c.lines.n, len(line); quoted; {
		raw, err := c.lines.next()
		if err == io.EOF {
			return nil, fmt.Errorf("the quotation that begins in line %d does not end", first)
		}
		if err != nil {
			return nil, err
		}
		if size += len(raw) + 1; size > maxItem {
			return nil, fmt.Errorf("the row in line %d has more than %d bytes", first, maxItem)
		}
		c.field = append(c.field, '\n')
		quoted = c.split(string(raw), true)
	}
	return c.row, nil
}

// split takes a line of a row apart, and reports whether the row goes on in the next one.
func (c *csvItems) split(line string, quoted bool) bool {
	if !quoted {
		c.field = c.field[:0]
	}
	c.inField = false
	for i := 0; i < len(line); i++ {
		b := line[i]
		switch {
		case b == '\\':
			if (quoted || c.inField) && i+1 < len(line) && (line[i+1] == '"' || line[i+1] == '\\' || line[i+1] == c.delim) {
				i++
				c.field = append(c.field, line[i])
			}
		case b == '"':
			if (quoted || c.inField) && i+1 < len(line) && line[i+1] == '"' {
				i++
				c.field = append(c.field, '"')
			} else {
				quoted = !quoted
				if i > 2 && line[i-1] != c.delim && i+1 < len(line) && line[i+1] != c.delim {
					// In the middle of a field: kept, unless only white space precedes it.
					if strings.TrimSpace(string(c.field)) == "" {
						c.field = c.field[:0]
					} else {
						c.field = append(c.field, '"')
					}
				}
			}
			c.inField = !c.inField
		case b == c.delim && !quoted:
			c.row = append(c.row, string(c.field))
			c.field = c.field[:0]
			c.inField = false
		default:
			c.field = append(c.field, b)
			c.inField = true
		}
	}
	if quoted {
		return true
	}
	c.row = append(c.row, string(c.field))
	return false
}
