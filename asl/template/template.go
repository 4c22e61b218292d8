package template

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/sfnkit/sfnkit/asl"
)

// What the files of one template may take.
const (
	maxFile  = 64 << 20 // bytes of a file
	maxFiles = 1000     // files that are read for one template
	maxBytes = 64 << 20 // bytes of these files, as often as they are read
	maxWork  = 1 << 20  // values that references are followed to
)

// Kind is the notation of a file.
type Kind string

// The kinds of files.
const (
	CloudFormation Kind = "cloudformation" // SAM and what the CDK synthesizes included
	Serverless     Kind = "serverless"     // Serverless Framework with serverless-step-functions
	Terraform      Kind = "terraform"      // a configuration in HCL or JSON
	TerraformPlan  Kind = "terraform-plan" // what terraform show -json prints of a plan or a state
	Plain          Kind = "definition"     // a definition as it is
)

// Form says how a template holds a definition.
type Form string

// The forms.
const (
	FormString     Form = "string"     // text: literal, Fn::Sub, Fn::Join, heredoc
	FormObject     Form = "object"     // a value: Definition, Fn::ToJsonString, jsonencode, serverless.yml
	FormFile       Form = "file"       // in a file of its own
	FormUnresolved Form = "unresolved" // not in the files, see Definition.Missing
	FormPlain      Form = "definition" // the file is the definition
)

// Place is a place in a file.
type Place struct {
	File string
	asl.Position
}

// Definition is a state machine definition in a file.
type Definition struct {
	// ID is the logical ID in CloudFormation and SAM, the key in serverless.yml, the
	// address in Terraform (aws_sfn_state_machine.name), and "" for a plain definition.
	ID   string
	Kind Kind
	Form Form
	// Type is what the template says, "" if it says nothing or refers to a value that
	// is not known. All of them take that for STANDARD.
	Type asl.WorkflowType
	// Text is the definition in JSON or YAML, with ${...} for values that are not
	// known yet. Empty if Missing is set.
	Text []byte
	// Missing says why there is no text: the definition lies in S3, or behind a
	// variable, or its file cannot be read. Failed tells the last from the others: the
	// files should have it.
	Missing string
	Failed  bool
	// At is where the template has the definition, or the resource if it has none.
	At Place
	// File is the file of its own that holds the definition, "" if none does.
	File string
	// Substitutions are the names that the template substitutes in the definition, with
	// the text put in: ${...} where it is not known.
	Substitutions map[string]string
	// Role is the role that the state machine runs with, nil if the template has none.
	Role *Role

	origin *passage
	lines  *source // the text, to find its lines
}

// Machine reads the definition. The error is an [asl.Diagnostics] with positions in
// Text.
func (d *Definition) Machine() (*asl.StateMachine, error) {
	return asl.Parse(d.Text, asl.WithPlaceholders())
}

// Place returns where in the files a position of the definition's text comes from. It
// is At if that is not known.
func (d *Definition) Place(p asl.Position) Place {
	src, off := d.source(p)
	if src == nil {
		return d.At
	}
	return Place{src.name, src.position(off)}
}

// source returns the file and the offset that a position comes from.
func (d *Definition) source(p asl.Position) (*source, int) {
	if p.Line == 0 || d.lines == nil {
		return nil, 0
	}
	d.lines.position(0)
	if p.Line > len(d.lines.lines) {
		return nil, 0
	}
	return d.origin.origin(d.lines.lines[p.Line-1] + p.Column - 1)
}

// Finding is a diagnostic whose Position is in a file.
type Finding struct {
	asl.Diagnostic
	File string
	Line string // the text of the line that Position is in
}

// Check validates the definition as [asl.Check] does. The type that the template names
// counts more than that of the options. A definition without text has no findings.
func (d *Definition) Check(opts ...asl.ValidateOption) []Finding {
	if d.Missing != "" {
		return nil
	}
	if d.Type != "" {
		opts = append(opts[:len(opts):len(opts)], asl.ForType(d.Type))
	}
	var ds asl.Diagnostics
	if off := d.slow(); off >= 0 {
		ds = asl.Diagnostics{{
			Severity: asl.SeverityError, Code: asl.CodeInvalidYAML,
			Message: "there are too many lines of this kind", Position: d.lines.position(off),
		}}
	} else {
		ds = asl.Check(d.Text, opts...)
	}
	findings := make([]Finding, len(ds))
	for i, diag := range ds {
		src, off := d.source(diag.Position)
		if src == nil {
			diag.Position = d.At.Position
			findings[i] = Finding{diag, d.At.File, ""}
			continue
		}
		diag.Position = src.position(off)
		if d.Kind == CloudFormation && d.Form == FormObject && diag.Code == asl.CodeSchema && diag.Hint == "" {
			line, _, _ := strings.Cut(src.text[off:], "\n")
			if word := cloudFormationSchema.wordAt(line); word != "" {
				diag.Hint = "CloudFormation takes " + word + " for a boolean; a string needs quotes"
			}
		}
		findings[i] = Finding{diag, src.name, src.textOf(diag.Position.Line)}
	}
	return findings
}

// slow returns where the text is YAML that takes too long to read, -1 if nowhere.
func (d *Definition) slow() int {
	text := strings.TrimLeft(strings.TrimPrefix(d.lines.text, "\uFEFF"), " \t\r\n")
	if text == "" || strings.IndexByte(`{["/`, text[0]) >= 0 {
		return -1
	}
	return longAt(d.lines.text)
}

// Option changes how files are read.
type Option func(*loader)

// WithRoot names the folder that holds everything a template may refer to. Without it
// that is the innermost folder above the template with a .git in it; if there is none,
// the working directory if the template lies in it, else the template's own folder.
func WithRoot(dir string) Option { return func(l *loader) { l.rootDir = dir } }

// Load reads a file and returns the definitions in it, none if it is none of the kinds
// that this package reads or has no state machine. Of Terraform it reads the whole
// folder, and returns the state machines of the file. The error is a *[SyntaxError], or
// one of the file system; definitions that could be read come with it.
func Load(path string, opts ...Option) ([]Definition, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, err
	}
	return Read(path, text, opts...)
}

// Read is [Load] with the text of the file.
func Read(path string, text []byte, opts ...Option) ([]Definition, error) {
	l := &loader{files: map[string]*source{}}
	for _, o := range opts {
		o(l)
	}
	src := &source{name: path, text: string(text)}
	if len(text) > maxFile {
		return nil, syntaxError(src, 0, "the file is larger than %d MiB", maxFile>>20)
	}
	kind := Detect(path, text)
	if kind == "" {
		return nil, nil
	}
	if !utf8.ValidString(src.text) && kind != Plain {
		return nil, syntaxError(src, 0, "the file is not UTF-8 text")
	}
	l.main = path
	defer l.close()
	switch kind {
	case CloudFormation:
		return l.cloudFormation(src)
	case Serverless:
		return l.serverless(src)
	case Terraform:
		return l.terraform(src)
	case TerraformPlan:
		return l.plan(src)
	}
	return []Definition{Whole(path, text)}, nil
}

// Whole returns the definition that a whole file is.
func Whole(path string, text []byte) Definition {
	d := Definition{Kind: Plain, Form: FormPlain, File: path, At: Place{path, asl.Position{Line: 1, Column: 1}}}
	if len(text) > maxText {
		text = text[:maxText]
	}
	p := &passage{}
	p.add(string(text), &source{name: path, text: string(text)}, 0)
	d.set(p)
	return d
}

// Detect tells what kind of file a text is, "" if it holds no state machine as far as
// a look at it can tell.
func Detect(path string, text []byte) Kind {
	s := string(text)
	switch ext := strings.ToLower(filepath.Ext(path)); {
	case isTerraform(path):
		if strings.Contains(s, "aws_sfn_state_machine") || strings.Contains(s, "/step-functions/aws") {
			return Terraform
		}
		if strings.Contains(s, "module") && (strings.Contains(s, `"./`) || strings.Contains(s, `"../`)) {
			return Terraform // it may call a module of the project that has one
		}
		return ""
	case strings.Contains(s, "AWS::StepFunctions::StateMachine") || strings.Contains(s, "AWS::Serverless::StateMachine"):
		if strings.Contains(s, "Resources") {
			return CloudFormation
		}
	case ext == ".json" && strings.Contains(s, `"aws_sfn_state_machine"`) && (strings.Contains(s, `"planned_values"`) || strings.Contains(s, `"root_module"`)):
		return TerraformPlan
	case strings.Contains(s, "stepFunctions") && strings.Contains(s, "stateMachines"):
		return Serverless
	}
	for _, suffix := range [...]string{".asl.json", ".asl.yaml", ".asl.yml", ".asl"} {
		if strings.HasSuffix(path, suffix) {
			return Plain
		}
	}
	if looksPlain(s) {
		return Plain
	}
	return ""
}

// looksPlain reports whether a text, read in full or not, has StartAt or States among its
// outermost names.
func looksPlain(s string) bool {
	if !strings.Contains(s, "StartAt") || !strings.Contains(s, "States") {
		return false
	}
	t := strings.TrimLeft(strings.TrimPrefix(s, "\uFEFF"), " \t\r\n")
	if !strings.HasPrefix(t, "{") {
		indent := -1 // of the outermost names
		for line := range strings.Lines(s) {
			word := strings.TrimLeft(line, " ")
			if indent < 0 && word != "" && strings.IndexByte("#%\r\n", word[0]) < 0 && !strings.HasPrefix(word, "---") {
				indent = len(line) - len(word)
			}
			key, _, ok := strings.Cut(word, ":")
			if key = strings.Trim(key, `"'`); ok && (key == "StartAt" || key == "States") && len(line)-len(word) == indent {
				return true
			}
		}
		return false
	}
	depth := 0
	for i := 0; i < len(t); i++ {
		switch t[i] {
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		case '"':
			from := i + 1
			for i++; i < len(t) && t[i] != '"'; i++ {
				if t[i] == '\\' {
					i++
				}
			}
			if depth == 1 && i < len(t) && (t[from:i] == "StartAt" || t[from:i] == "States") {
				return true
			}
		}
	}
	return false
}

// set gives the definition its text.
func (d *Definition) set(p *passage) {
	d.Text, d.origin = p.b, p
	d.lines = &source{text: string(p.b)}
}

// missing notes why there is no text.
func (d *Definition) missing(format string, args ...any) {
	d.Form, d.Missing = FormUnresolved, fmt.Sprintf(format, args...)
}

// fail notes that a file that the template names cannot be read.
func (d *Definition) fail(err error) {
	d.Form, d.Missing, d.Failed = FormUnresolved, err.Error(), true
}

// loader reads the files of one template.
type loader struct {
	main    string
	rootDir string
	rootAbs string
	root    *os.Root
	files   map[string]*source
	bytes   int // read and parsed
	work    int
	depth   int // of references that are being followed
	way     *way
}

func (l *loader) close() {
	if l.root != nil {
		l.root.Close()
	}
}

// step counts a value that a reference is followed to, and reports whether there may be
// more.
func (l *loader) step() bool {
	l.work++
	return l.work <= maxWork
}

var errTooMuch = errors.New("the references unfold to too many values")

// read reads a file that a file in the folder dir names.
func (l *loader) read(dir, ref string) (*source, error) {
	name := filepath.Join(dir, filepath.FromSlash(ref))
	if filepath.IsAbs(ref) {
		name = filepath.Clean(ref)
	}
	if src, ok := l.files[name]; ok {
		return src, nil
	}
	if err := l.open(); err != nil {
		return nil, err
	}
	if !l.inside(name) {
		return nil, fmt.Errorf("%s lies outside the project's folder and is not read", ref)
	}
	abs, err := filepath.Abs(name)
	if err != nil {
		return nil, err
	}
	rel, err := filepath.Rel(l.rootAbs, abs)
	if err != nil {
		return nil, err
	}
	if len(l.files) >= maxFiles {
		return nil, fmt.Errorf("%s is not read: more than %d files are named", ref, maxFiles)
	}
	f, err := l.root.Open(rel)
	if err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("%s: there is no such file", name)
		}
		var pe *os.PathError
		if errors.As(err, &pe) {
			err = pe.Err
		}
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a file", name)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxYAML+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxYAML {
		return nil, fmt.Errorf("%s is larger than %d MiB", name, maxYAML>>20)
	}
	if !l.take(len(text)) {
		return nil, fmt.Errorf("%s is not read: the files that are named have more than %d MiB", name, maxBytes>>20)
	}
	src := &source{name: name, text: string(text)}
	l.files[name] = src
	return src, nil
}

// take counts bytes that are read, and reports whether there may be more.
func (l *loader) take(n int) bool {
	l.bytes += n
	return l.bytes <= maxBytes
}

// inside reports whether a name, links apart, lies in the folder that may be read.
func (l *loader) inside(name string) bool {
	if l.open() != nil {
		return false
	}
	abs, err := filepath.Abs(name)
	if err != nil {
		return false
	}
	rel, err := filepath.Rel(l.rootAbs, abs)
	return err == nil && filepath.IsLocal(rel)
}

// open opens the folder that files may be read from.
func (l *loader) open() error {
	if l.root != nil {
		return nil
	}
	dir := l.rootDir
	if dir == "" {
		dir = projectOf(l.main)
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	l.rootAbs = abs
	l.root, err = os.OpenRoot(abs)
	return err
}

// projectOf returns the folder of the project that a file belongs to.
func projectOf(file string) string {
	own := filepath.Dir(file)
	abs, err := filepath.Abs(own)
	if err != nil {
		return own
	}
	for dir := abs; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, ".git")); err == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			break
		}
	}
	if wd, err := os.Getwd(); err == nil {
		if rel, err := filepath.Rel(wd, abs); err == nil && filepath.IsLocal(rel) {
			return wd
		}
	}
	return own
}

// readTree reads a YAML or JSON file as a tree.
func readTree(src *source, words schema) (*node, error) {
	if t := strings.TrimLeft(strings.TrimPrefix(src.text, "\uFEFF"), " \t\r\n"); strings.HasPrefix(t, "{") {
		n, err := readJSON(src)
		if err == nil || strings.HasSuffix(src.name, ".json") {
			return n, err
		}
	}
	return readYAML(src, words)
}
