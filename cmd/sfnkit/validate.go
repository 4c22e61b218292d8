package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sfnkit/sfnkit/asl"
	"github.com/sfnkit/sfnkit/asl/template"
	"github.com/sfnkit/sfnkit/asl/value"
)

type validateFlags struct {
	typ      string
	output   string
	region   string
	disable  []string
	strict   bool
	noAdvice bool
}

func validateCommand() *cobra.Command {
	var f validateFlags
	cmd := &cobra.Command{
		Use:   "validate PATH...",
		Short: "Check definitions the way the service does, and more",
		Long: `Validate checks definitions in JSON or YAML, also those inside CloudFormation, SAM,
CDK, Serverless Framework and Terraform files. A PATH is a file, a folder (every
definition and template in it), a pattern, or "-" for standard input.

ERROR and WARNING are what the service says, in its words, or what is sure to go
wrong; ADVICE is what will probably hurt one day. Codes in capitals are the
service's; "sfnkit explain CODE" says more about each.

It exits 1 if there is an ERROR, and 2 if something could not be read.`,
		Example: `  sfnkit validate workflows
  sfnkit validate flow.asl.json --type EXPRESS --disable unused-variable
  sfnkit validate template.yaml 'infra/*.tf' --output json`,
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, args) },
	}
	fs := cmd.Flags()
	fs.StringVar(&f.typ, "type", "STANDARD", "the `TYPE` of the state machines: STANDARD or EXPRESS")
	fs.StringVarP(&f.output, "output", "o", "text", "what to print, as a `FORMAT`: text or json")
	fs.StringVar(&f.region, "region", "", "the `REGION` that they will run in, to judge models by")
	fs.StringSliceVar(&f.disable, "disable", nil, "leave out findings with these `CODES`")
	fs.BoolVar(&f.strict, "strict", false, "make errors of warnings")
	fs.BoolVar(&f.noAdvice, "no-advice", false, "leave out advice")
	return cmd
}

func (f *validateFlags) options() ([]asl.ValidateOption, error) {
	typ := strings.ToUpper(f.typ)
	if err := choice("type", typ, string(asl.Standard), string(asl.Express)); err != nil {
		return nil, err
	}
	opts := []asl.ValidateOption{asl.ForType(asl.WorkflowType(typ))}
	if f.strict {
		opts = append(opts, asl.Strict())
	}
	if f.noAdvice {
		opts = append(opts, asl.AtLeast(asl.SeverityWarning))
	}
	if f.region != "" {
		opts = append(opts, asl.ForRegion(f.region))
	}
	for _, code := range f.disable {
		e, known := asl.Explain(code)
		if !known {
			return nil, fmt.Errorf("--disable: there is no code %q", code)
		}
		opts = append(opts, asl.Disable(e.Code))
	}
	return opts, nil
}

func (f *validateFlags) run(cmd *cobra.Command, args []string) error {
	if err := choice("output", f.output, "text", "json"); err != nil {
		return err
	}
	if len(args) == 0 {
		return fmt.Errorf("PATH is missing: %s", cmd.UseLine())
	}
	opts, err := f.options()
	if err != nil {
		return err
	}
	files, err := definitions(args)
	if err != nil {
		return err
	}
	p := findingsPrinter{out: cmd.OutOrStdout(), notes: cmd.ErrOrStderr(), json: f.output == "json", counts: make(map[asl.Severity]int)}
	var unreadable error
	for _, file := range files {
		if err := p.check(file, cmd.InOrStdin(), opts); err != nil {
			if unreadable != nil {
				note(p.notes, "sfnkit: %v", unreadable)
			}
			unreadable = err
		}
	}
	if err := p.end(); err != nil {
		return err
	}
	note(p.notes, "%s, %s: %s, %s, %s", count(len(files), "file"), count(p.machines, "definition"), count(p.counts[asl.SeverityError], "error"),
		count(p.counts[asl.SeverityWarning], "warning"), count(p.counts[asl.SeverityAdvice], "piece")+" of advice")
	switch {
	case unreadable != nil:
		return unreadable
	case p.counts[asl.SeverityError] > 0:
		return errFindings
	}
	return nil
}

// definitions returns the files that the arguments mean, without repetition.
func definitions(args []string) ([]string, error) {
	var files []string
	add := func(file string) {
		if !slices.Contains(files, file) {
			files = append(files, file)
		}
	}
	for _, arg := range args {
		if arg == "-" {
			add(arg)
			continue
		}
		info, err := os.Stat(arg)
		if err != nil {
			matches, globErr := filepath.Glob(arg)
			if globErr != nil || len(matches) == 0 {
				return nil, plain(err)
			}
			for _, m := range matches {
				add(m)
			}
			continue
		}
		if !info.IsDir() {
			add(arg)
			continue
		}
		before := len(files)
		// The separator lets a symbolic link to a folder be followed.
		err = filepath.WalkDir(arg+string(filepath.Separator), func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return plain(err)
			}
			if d.IsDir() && path != arg+string(filepath.Separator) && (strings.HasPrefix(d.Name(), ".") || d.Name() == "node_modules") {
				return filepath.SkipDir
			}
			if !d.IsDir() && mayHoldDefinition(path) {
				add(path)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		if len(files) == before {
			return nil, fmt.Errorf("%s holds no definition and no template with one", arg)
		}
	}
	return files, nil
}

// isDefinitionName reports whether a file says by its name that it is a definition.
func isDefinitionName(name string) bool {
	for _, suffix := range [...]string{".asl.json", ".asl.yaml", ".asl.yml"} {
		if strings.HasSuffix(name, suffix) {
			return true
		}
	}
	return false
}

// mayHoldDefinition tells the files of a folder that are looked at from the others.
func mayHoldDefinition(path string) bool {
	if isDefinitionName(path) {
		return true
	}
	switch filepath.Ext(path) {
	case ".json", ".yaml", ".yml", ".tf":
	default:
		return false
	}
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() || info.Size() > maxInput {
		return false
	}
	text, err := os.ReadFile(path)
	return err == nil && template.Detect(path, text) != ""
}

// findingsPrinter prints the findings of one file after another.
type findingsPrinter struct {
	out, notes io.Writer
	json       bool
	machines   int
	counts     map[asl.Severity]int
	list       []value.Value
	lines      map[string][]string // of the files that findings were about
	err        error
}

// check prints the findings in a file. The error says what could not be read.
func (p *findingsPrinter) check(file string, stdin io.Reader, opts []asl.ValidateOption) error {
	text, err := readFile(file, stdin)
	if err != nil {
		return err
	}
	p.lines = map[string][]string{file: nil}
	if len(text) > 0 {
		p.lines[file] = strings.Split(string(text), "\n")
	}
	if isDefinitionName(file) || template.Detect(file, text) == "" {
		p.machines++
		for _, d := range asl.Check(text, opts...) {
			p.print(template.Finding{Diagnostic: d, File: file})
		}
		return nil
	}
	defs, err := template.Read(file, text)
	if err != nil {
		err = plain(err)
	}
	for _, d := range defs {
		if d.Missing != "" {
			problem := fmt.Errorf("%s: the definition of %s is not here: %s", placeText(d.At.File, d.At.Position), d.ID, d.Missing)
			if d.Failed {
				err = errors.Join(err, problem)
			} else {
				note(p.notes, "%v", problem)
			}
			continue
		}
		p.machines++
		for _, finding := range d.Check(opts...) {
			p.print(finding)
		}
	}
	return err
}

func placeText(file string, at asl.Position) string {
	if at.Line > 0 {
		return file + ":" + at.String()
	}
	return file
}

func (p *findingsPrinter) print(d template.Finding) {
	p.counts[d.Severity]++
	if p.json {
		p.list = append(p.list, findingJSON(d))
		return
	}
	_, err := fmt.Fprintf(p.out, "%s: %s %s: %s\n", placeText(d.File, d.Position), d.Severity, d.Code, d.Summary())
	lines, read := p.lines[d.File]
	if !read {
		// A definition file that the template names.
		if text, err := os.ReadFile(d.File); err == nil {
			lines = strings.Split(string(text), "\n")
		}
		p.lines[d.File] = lines
	}
	if n := d.Position.Line; n > 0 && n <= len(lines) {
		io.WriteString(p.out, excerpt(n, strings.TrimSuffix(lines[n-1], "\r"), d.Position.Column))
	}
	if d.Hint != "" {
		fmt.Fprintf(p.out, "      = %s\n", d.Hint)
	}
	p.err = errors.Join(p.err, err)
}

func (p *findingsPrinter) end() error {
	if p.json && p.err == nil {
		p.err = printIndented(p.out, value.Array(p.list))
	}
	return p.err
}

func findingJSON(d template.Finding) value.Value {
	b := value.NewBuilder(9)
	b.Set("file", value.String(d.File))
	b.Set("severity", value.String(string(d.Severity)))
	b.Set("code", value.String(d.Code))
	b.Set("message", value.String(d.Message))
	b.Set("location", value.String(d.Location))
	if d.State != "" {
		b.Set("state", value.String(d.State))
	}
	if d.Hint != "" {
		b.Set("hint", value.String(d.Hint))
	}
	if d.Position.Line > 0 {
		b.Set("line", value.Int(int64(d.Position.Line)))
		b.Set("column", value.Int(int64(d.Position.Column)))
	}
	return b.Object()
}

// excerptWidth is how much of a line is shown, in columns of the terminal.
const excerptWidth = 100

// excerpt shows a source line with a caret under a column, which counts bytes from 1. Of
// a long line it shows what is around the column.
func excerpt(n int, line string, column int) string {
	column = min(max(column-1, 0), len(line))
	before, after := line[:column], line[column:]
	if columns(before) > excerptWidth/2 {
		before = "…" + tail(before, excerptWidth/2)
	}
	pad := strings.Map(func(r rune) rune {
		if r == '\t' {
			return r
		}
		return ' '
	}, before)
	pad += strings.Repeat(" ", columns(before)-columns(pad))
	if room := max(excerptWidth-columns(before), 0); columns(after) > room {
		after = head(after, room) + "…"
	}
	return fmt.Sprintf("%5d | %s%s\n      | %s^\n", n, before, after, pad)
}
