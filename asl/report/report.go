// Package report writes the findings of a validation in the formats that other programs
// read: JSON, SARIF for code scanning, annotations for GitHub, and JUnit for CI systems.
package report

import (
	"bufio"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/sfnkit/sfnkit/asl"
	"github.com/sfnkit/sfnkit/asl/value"
)

// Finding is a diagnostic whose Position is in a file.
type Finding struct {
	asl.Diagnostic
	File string
	Line string // the text of the line, "" if it is not known
}

// Machine is a state machine that was checked, or a file that could not be.
type Machine struct {
	File     string // that holds it
	ID       string // its name in a template, "" in a file of its own
	At       asl.Position
	Findings []Finding
	// Missing says why it was not checked: its definition is not in the files. Failed
	// is set if it should be, so that the report is not complete.
	Missing string
	Failed  bool
}

// Report is what was found.
type Report struct {
	Version  string // of the program, "" if unknown
	Machines []Machine
}

// Format is the notation of a report.
type Format string

// The formats.
const (
	JSON   Format = "json"   // an array of findings
	SARIF  Format = "sarif"  // SARIF 2.1.0
	GitHub Format = "github" // workflow commands of GitHub Actions
	JUnit  Format = "junit"  // XML with a test case for each state machine
)

// Codes of findings about what was not checked.
const (
	CodeUnreadable = "unreadable"  // a file cannot be read
	CodeNotChecked = "not-checked" // the definition is not in the files
)

// Write writes a report. The error is that of w, or tells of an unknown format.
func (r *Report) Write(w io.Writer, f Format) error {
	b := bufio.NewWriter(w)
	var err error
	switch f {
	case JSON:
		err = r.json(b)
	case SARIF:
		err = r.sarif(b)
	case GitHub:
		r.gitHub(b)
	case JUnit:
		err = r.junit(b)
	default:
		return fmt.Errorf("there is no format %q", f)
	}
	if err != nil {
		return err
	}
	return b.Flush()
}

// Findings calls yield for every finding, with those for what was not checked: they have
// the severity ERROR if it should have been, else ADVICE.
func (r *Report) Findings(yield func(*Machine, Finding) bool) {
	for i := range r.Machines {
		m := &r.Machines[i]
		if m.Missing != "" {
			f := Finding{File: m.File, Diagnostic: asl.Diagnostic{
				Severity: asl.SeverityAdvice, Code: CodeNotChecked, Message: m.Missing, Position: m.At,
			}}
			if m.Failed {
				f.Severity, f.Code = asl.SeverityError, CodeUnreadable
			} else if m.ID != "" {
				f.Message = m.ID + " is not checked: " + f.Message
			}
			if !yield(m, f) {
				return
			}
		}
		for _, f := range m.Findings {
			if !yield(m, f) {
				return
			}
		}
	}
}

func (r *Report) json(w io.Writer) error {
	list := []value.Value{}
	for m, f := range r.Findings {
		b := value.NewBuilder(10)
		b.Set("file", value.String(f.File))
		if m.ID != "" {
			b.Set("stateMachine", value.String(m.ID))
		}
		b.Set("severity", value.String(string(f.Severity)))
		b.Set("code", value.String(f.Code))
		b.Set("message", value.String(valid(f.Message)))
		b.Set("location", value.String(valid(f.Location)))
		if f.State != "" {
			b.Set("state", value.String(valid(f.State)))
		}
		if f.Hint != "" {
			b.Set("hint", value.String(valid(f.Hint)))
		}
		if f.Position.Line > 0 {
			b.Set("line", value.Int(int64(f.Position.Line)))
			b.Set("column", value.Int(int64(f.Position.Column)))
		}
		list = append(list, b.Object())
	}
	_, err := w.Write(append(value.Array(list).AppendIndent(nil, "  "), '\n'))
	return err
}

// valid makes UTF-8 of a text: definitions may hold anything.
func valid(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

// slashed is the name of a file as all systems write it.
func slashed(name string) string { return filepath.ToSlash(name) }

// gitHub writes workflow commands (GitHub Docs, Workflow commands for GitHub Actions).
func (r *Report) gitHub(w io.Writer) {
	for m, f := range r.Findings {
		command := "notice"
		switch f.Severity {
		case asl.SeverityError:
			command = "error"
		case asl.SeverityWarning:
			command = "warning"
		}
		fmt.Fprintf(w, "::%s file=%s", command, property(slashed(f.File)))
		if f.Position.Line > 0 {
			fmt.Fprintf(w, ",line=%d,col=%d", f.Position.Line, characters(f.Line, f.Position.Column))
		}
		fmt.Fprintf(w, ",title=%s::%s\n", property(title(m, f)), data(text(f)))
	}
}

func title(m *Machine, f Finding) string {
	if m.ID != "" {
		return f.Code + " (" + m.ID + ")"
	}
	return f.Code
}

// text is the message with what to do about it.
func text(f Finding) string {
	s := valid(f.Summary())
	if f.Hint != "" {
		s += "\n" + valid(f.Hint)
	}
	return s
}

var (
	dataEscapes     = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	propertyEscapes = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

func data(s string) string     { return dataEscapes.Replace(s) }
func property(s string) string { return propertyEscapes.Replace(s) }

// characters turns a column in bytes into one in characters.
func characters(line string, column int) int {
	if column > len(line) {
		return column
	}
	return utf8.RuneCountInString(line[:max(column-1, 0)]) + 1
}
