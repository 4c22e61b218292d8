package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/sfnkit/sfnkit/asl"
	"github.com/sfnkit/sfnkit/asl/template"
	"github.com/sfnkit/sfnkit/asl/value"
)

// maxInput bounds what is read from a file or from standard input.
const maxInput = 64 << 20

// workflow is a definition and what lies beside it.
type workflow struct {
	name      string // for messages
	machine   *asl.StateMachine
	def       *template.Definition // that it was read from, nil for a definition of its own
	input     string               // paths; "" where there is none
	responses string
}

// The names that the files of a workflow folder have.
var (
	definitionNames = []string{"workflow.asl.json", "workflow.asl.yaml", "workflow.asl.yml"}
	inputNames      = []string{"input.json"}
	responseNames   = []string{"responses.json", "MockConfigFile.json"}
)

// openWorkflow reads a definition, or a folder with one. "-" is standard input.
func openWorkflow(path string, stdin io.Reader) (*workflow, error) {
	w := &workflow{name: path}
	file := path
	if info, err := os.Stat(path); path != "-" && err == nil && info.IsDir() {
		file = inFolder(path, definitionNames)
		if file == "" {
			return nil, fmt.Errorf("%s holds no workflow: a folder needs a %s", path, strings.Join(definitionNames[:2], " or "))
		}
		w.name = file
		w.input = inFolder(path, inputNames)
		w.responses = inFolder(path, responseNames)
	}
	text, err := readFile(file, stdin)
	if err != nil {
		return nil, err
	}
	w.machine, err = asl.Parse(text)
	if err != nil {
		return nil, located(w.name, err)
	}
	if len(w.machine.States) == 0 && w.machine.StartAt != "" { // the validator says why
		var wrong asl.Diagnostics
		for _, d := range asl.Check(text) {
			if d.Severity == asl.SeverityError {
				wrong = append(wrong, d)
			}
		}
		if len(wrong) > 0 {
			return nil, located(w.name, wrong)
		}
	}
	return w, nil
}

// inFolder returns the first of the names that is a file in a folder, or "".
func inFolder(dir string, names []string) string {
	for _, n := range names {
		p := filepath.Join(dir, n)
		if info, err := os.Stat(p); err == nil && info.Mode().IsRegular() {
			return p
		}
	}
	return ""
}

// located puts the name of a file before a problem with its text.
func located(name string, err error) error {
	var ds asl.Diagnostics
	if !errors.As(err, &ds) || len(ds) == 0 {
		return fmt.Errorf("%s: %w", name, err)
	}
	d := ds[0]
	place := name
	if d.Position.Line > 0 {
		place += ":" + d.Position.String()
	}
	more := ""
	if len(ds) > 1 {
		more = fmt.Sprintf(" (and %d more; see %q)", len(ds)-1, "sfnkit validate")
	}
	return fmt.Errorf("%s: %s%s", place, d.Summary(), more)
}

// inputName is what messages call an argument that is a file, or standard input for "-".
func inputName(path string) string {
	if path == "-" {
		return "standard input"
	}
	return path
}

// readFile reads a file, or standard input for "-".
func readFile(path string, stdin io.Reader) ([]byte, error) {
	if path == "-" {
		return readBounded(inputName(path), stdin)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, plain(err)
	}
	defer f.Close()
	return readBounded(path, f)
}

func readBounded(name string, r io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxInput+1))
	if err != nil {
		return nil, plain(err)
	}
	if len(text) > maxInput {
		return nil, fmt.Errorf("%s is larger than %d MiB", name, maxInput>>20)
	}
	return text, nil
}

// plain says what is wrong with a file without the name of the system call.
func plain(err error) error {
	var pe *fs.PathError
	if !errors.As(err, &pe) {
		return err
	}
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: there is no such file", pe.Path)
	}
	return fmt.Errorf("%s: %w", pe.Path, pe.Err)
}

// readJSON reads the JSON value that a flag gives: as text, as a file, or from standard
// input for "-".
func readJSON(flag, arg string, stdin io.Reader) (value.Value, string, error) {
	name, text := "--"+flag, arg
	if !looksLikeJSON(arg) {
		name = inputName(arg)
		b, err := readFile(arg, stdin)
		if err != nil {
			return value.Value{}, "", fmt.Errorf("%w; --%s takes a file, JSON text or - for standard input", err, flag)
		}
		text = strings.TrimPrefix(string(b), "\uFEFF")
	}
	v, err := value.ParseString(text)
	if err != nil {
		return v, "", jsonError(name, text, err)
	}
	return v, strings.TrimSpace(text), nil
}

// looksLikeJSON tells JSON text from the name of a file.
func looksLikeJSON(arg string) bool {
	t := strings.TrimSpace(arg)
	if t == "" || strings.IndexByte(`{["`, t[0]) >= 0 {
		return true
	}
	if _, err := os.Stat(arg); err == nil {
		return false
	}
	_, err := value.ParseString(t)
	return err == nil
}

// jsonError puts file, line and column before a syntax error.
func jsonError(name, text string, err error) error {
	var se *value.SyntaxError
	if !errors.As(err, &se) {
		return fmt.Errorf("%s: %w", name, err)
	}
	line, column := lineColumn(text, se.Offset)
	return fmt.Errorf("%s:%d:%d: this is not JSON: %s", name, line, column, se.Reason)
}

// location returns where a state's field is in a definition, in the service's form; "" if
// there is no such state.
func location(m *asl.StateMachine, state, field string) string {
	for _, s := range m.States {
		at := "/States/" + s.Name
		if s.Name == state {
			if field == "" {
				return at
			}
			return at + "/" + field
		}
		parts := s.Parts()
		for i, p := range parts {
			inner := location(p, state, field)
			if inner == "" {
				continue
			}
			switch {
			case s.ItemProcessor == p:
				return at + "/ItemProcessor" + inner
			case s.Iterator == p:
				return at + "/Iterator" + inner
			}
			return fmt.Sprintf("%s/Branches[%d]%s", at, i, inner)
		}
	}
	return ""
}
