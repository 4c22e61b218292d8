package asl

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// MaxDefinitionSize is the size of the largest definition that the service takes, in
// bytes (CreateStateMachine, API reference, Definition: at most 1048576).
const MaxDefinitionSize = 1 << 20

// maxSyntaxProblems is how many problems of a text are reported before reading stops.
const maxSyntaxProblems = 100

// maxDepth is how deeply the values of a text may be nested.
const maxDepth = 1000

// Format is the notation of a definition's text.
type Format int

// The formats.
const (
	FormatAuto Format = iota // told by the text: JSON if it begins like JSON
	FormatJSON
	FormatYAML
)

// ParseOption changes how [Parse] reads.
type ParseOption func(*parseConfig)

type parseConfig struct {
	format       Format
	placeholders bool
	maxSize      int
}

// WithFormat says which notation the text is in, so that it is not guessed.
func WithFormat(f Format) ParseOption { return func(c *parseConfig) { c.format = f } }

// WithPlaceholders lets ${...} without quotes stand for a JSON value, as in the files
// that Terraform and SAM fill in before they deploy them. The value is read as the string
// "${...}".
func WithPlaceholders() ParseOption { return func(c *parseConfig) { c.placeholders = true } }

// Codes of the problems that Parse reports.
const (
	CodeInvalidJSON   = "INVALID_JSON_DESCRIPTION" // the service's
	CodeSchema        = "SCHEMA_VALIDATION_FAILED" // the service's
	CodeInvalidYAML   = "invalid-yaml"
	CodeTooLarge      = "definition-too-large"
	CodeTooManyErrors = "too-many-problems"
)

// Parse reads a definition in JSON or YAML.
//
// The error is nil if the text could be read as an object, whatever is in it: whether it
// is a state machine that the service would take is for [Validate] to tell. What the
// model has no place for, be it an unknown field or a known one with a value of the
// wrong type, is kept in the Extra of the element it stands in, and printed again.
//
// If the text cannot be read in full the error is a [Diagnostics] with all the problems
// that were found, and the machine is what could be made out, never nil; it serves tools
// that look at unfinished text and must not be run. Problems are reported in the order
// of the text. The first has the words of the service for JSON; Location is then where
// the service says it is, and Position the place itself.
//
// Texts of more than [MaxDefinitionSize] bytes, values nested more than 1000 deep and
// YAML aliases that unfold to more than a definition can hold are problems too.
func Parse(text []byte, opts ...ParseOption) (*StateMachine, error) {
	cfg := parseConfig{maxSize: MaxDefinitionSize}
	for _, o := range opts {
		o(&cfg)
	}
	src := &Source{text: string(text), format: cfg.format}
	m := &StateMachine{source: src}
	if len(text) > cfg.maxSize {
		return m, Diagnostics{{
			Severity: SeverityError, Code: CodeTooLarge,
			Message: fmt.Sprintf("the definition has %d bytes; the limit is %d", len(text), cfg.maxSize),
		}}
	}
	if !utf8.ValidString(src.text) {
		off := 0
		for _, r := range src.text {
			if r == utf8.RuneError && !strings.HasPrefix(src.text[off:], "\uFFFD") {
				break
			}
			off += utf8.RuneLen(r)
		}
		return m, Diagnostics{{Severity: SeverityError, Code: CodeInvalidJSON, Message: "the definition is not UTF-8 text", Position: src.at(off)}}
	}
	if src.format == FormatAuto {
		src.format = guessFormat(src.text)
	}
	var problems Diagnostics
	if src.format == FormatYAML {
		src.root, problems = readYAML(src)
		if len(problems) == 0 && cfg.format == FormatAuto && src.root != nil && !src.root.isContainer() {
			src.format = FormatJSON // plain words are YAML too; what is wrong is that they are no JSON
		}
	}
	if src.format == FormatJSON {
		src.root, problems = readJSON(src, cfg.placeholders)
	}
	if src.root == nil || !src.root.isObject() {
		if len(problems) == 0 {
			problems = Diagnostics{{Severity: SeverityError, Code: CodeSchema, Message: "Definition must be a valid JSON object", Position: Position{1, 1}}}
		}
		return m, problems
	}
	decodeStruct(specOf[StateMachine](), src.root, m)
	if len(problems) > 0 {
		return m, problems
	}
	return m, nil
}

// Diagnostics is a list of findings that can be returned as an error.
type Diagnostics []Diagnostic

func (ds Diagnostics) Error() string {
	switch len(ds) {
	case 0:
		return "no problems"
	case 1:
		return ds[0].brief()
	}
	return fmt.Sprintf("%s (and %d more)", ds[0].brief(), len(ds)-1)
}

func (d Diagnostic) brief() string {
	if d.Position.Line > 0 {
		return fmt.Sprintf("%s: %s: %s", d.Position, d.Code, d.Summary())
	}
	return d.Code + ": " + d.Summary()
}

// Summary returns the message without the excerpt of the text that the service appends
// to some.
func (d Diagnostic) Summary() string {
	s, _, _ := strings.Cut(d.Message, "\n at [Source: ")
	return s
}

func guessFormat(text string) Format {
	t := strings.TrimLeft(strings.TrimPrefix(text, "\uFEFF"), " \t\r\n")
	if t == "" || strings.IndexByte(`{["/`, t[0]) >= 0 {
		return FormatJSON
	}
	return FormatYAML
}
