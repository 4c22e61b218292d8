package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sfnkit/sfnkit/asl"
	"github.com/sfnkit/sfnkit/asl/report"
)

type validateFlags struct {
	typ      string
	output   string
	region   string
	config   string
	disable  []string
	strict   bool
	noAdvice bool
	ignore   bool
}

func validateCommand() *cobra.Command {
	var f validateFlags
	cmd := &cobra.Command{
		Use:   "validate PATH...",
		Short: "Check definitions the way the service does, and more",
		Long: `Validate checks definitions in JSON and YAML, also those inside CloudFormation
and SAM templates, what the CDK synthesizes, serverless.yml, and Terraform
configurations and plans. A PATH is a file, a folder (all definitions and
templates in it), a pattern, or "-" for standard input.

ERROR and WARNING are what the service says, in its words, or what is sure to go
wrong; ADVICE is what will probably hurt one day. Codes in capitals are the
service's; "sfnkit explain CODE" says more about each. What a template does not
tell (${...}) is taken for a value that is not known yet. What SDK integrations
are called with is held against the APIs of the services as they were when this
version was made.

A file ` + configName + ` in this folder or one above it, up to that of the
repository, sets defaults: type, region, strict, advice, disable, exclude, and
overrides with files, type and disable.

It exits 1 if there is an ERROR, and 2 if something could not be read.`,
		Example: `  sfnkit validate workflows
  sfnkit validate template.yaml
  sfnkit validate flow.asl.json --type EXPRESS --disable unused-variable
  sfnkit validate infra --output sarif >findings.sarif`,
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, args) },
	}
	fs := cmd.Flags()
	fs.StringVar(&f.typ, "type", "STANDARD", "the `TYPE` of state machines where no template says it: STANDARD or EXPRESS")
	fs.StringVarP(&f.output, "output", "o", "text", "what to print, as a `FORMAT`: text, json, sarif, github or junit")
	fs.StringVar(&f.region, "region", "", "the `REGION` that they will run in, to judge models by")
	fs.StringVar(&f.config, "config", "", "the `FILE` with the defaults, instead of "+configName)
	fs.StringSliceVar(&f.disable, "disable", nil, "leave out findings with these `CODES`")
	fs.BoolVar(&f.strict, "strict", false, "make errors of warnings")
	fs.BoolVar(&f.noAdvice, "no-advice", false, "leave out advice")
	fs.BoolVar(&f.ignore, "ignore-unknown", false, "pass over files that hold no state machine")
	return cmd
}

// settings are what flags and configuration say.
func (f *validateFlags) settings(cmd *cobra.Command) (*settings, error) {
	config, err := findConfig(f.config)
	if err != nil {
		return nil, err
	}
	flags := cmd.Flags()
	if flags.Changed("type") || config.Type == "" {
		typ := strings.ToUpper(f.typ)
		if err := choice("type", typ, string(asl.Standard), string(asl.Express)); err != nil {
			return nil, err
		}
		config.Type = typ
		config.fixedType = flags.Changed("type")
	}
	if flags.Changed("region") {
		config.Region = f.region
	}
	if flags.Changed("strict") {
		config.Strict = f.strict
	}
	if flags.Changed("no-advice") {
		advice := !f.noAdvice
		config.Advice = &advice
	}
	for _, code := range f.disable {
		e, known := asl.Explain(code)
		if !known {
			return nil, fmt.Errorf("--disable: there is no code %q", code)
		}
		config.Disable = append(config.Disable, e.Code)
	}
	return config, nil
}

func (f *validateFlags) run(cmd *cobra.Command, args []string) error {
	if err := choice("output", f.output, "text", string(report.JSON), string(report.SARIF), string(report.GitHub), string(report.JUnit)); err != nil {
		return err
	}
	if len(args) == 0 {
		return fmt.Errorf("PATH is missing: %s", cmd.UseLine())
	}
	config, err := f.settings(cmd)
	if err != nil {
		return err
	}
	files, err := candidates(args, config)
	if err != nil {
		return err
	}
	if f.ignore {
		for i := range files {
			files[i].mayBeOther = true
		}
	}
	stderr := cmd.ErrOrStderr()
	results := checkAll(files, config, cmd.InOrStdin(), newProgress(stderr, len(files)))
	r, checked := collect(files, results, f.output != string(report.JUnit))
	if checked == 0 && !f.ignore {
		return fmt.Errorf("%s holds no definition and no template with one", strings.Join(args, ", "))
	}
	if f.output == "text" {
		err = printText(cmd.OutOrStdout(), r)
	} else {
		err = r.Write(cmd.OutOrStdout(), report.Format(f.output))
	}
	if err != nil {
		return err
	}
	counts := map[asl.Severity]int{}
	machines := 0
	var unreadable []error
	for i := range r.Machines {
		m := &r.Machines[i]
		switch {
		case m.Failed:
			unreadable = append(unreadable, missing(m))
		case m.Missing != "":
			note(stderr, "%v", missing(m))
		default:
			machines++
		}
		for _, f := range m.Findings {
			counts[f.Severity]++
		}
	}
	note(stderr, "%s, %s: %s, %s, %s", count(checked, "file"), count(machines, "definition"), count(counts[asl.SeverityError], "error"),
		count(counts[asl.SeverityWarning], "warning"), count(counts[asl.SeverityAdvice], "piece")+" of advice")
	switch last := len(unreadable) - 1; {
	case last >= 0:
		for _, err := range unreadable[:last] {
			note(stderr, "sfnkit: %v", err)
		}
		return unreadable[last]
	case counts[asl.SeverityError] > 0:
		return errFindings
	}
	return nil
}

// missing says that a state machine was not checked.
func missing(m *report.Machine) error {
	text := m.Missing
	if m.ID != "" {
		text = "the definition of " + m.ID + " is not here: " + text
	}
	return errors.New(placed(m.File, m.At) + text)
}

// placed is the beginning of a line about a place, "" for what says it itself.
func placed(file string, at asl.Position) string {
	if at.Line == 0 {
		return ""
	}
	return file + ":" + at.String() + ": "
}

// printText prints findings for people. What was not checked is said elsewhere.
func printText(w io.Writer, r *report.Report) error {
	var b bytes.Buffer
	for i := range r.Machines {
		for _, f := range r.Machines[i].Findings {
			place := placed(f.File, f.Position)
			if place == "" {
				place = f.File + ": "
			}
			fmt.Fprintf(&b, "%s%s %s: %s\n", place, f.Severity, f.Code, f.Summary())
			if n := f.Position.Line; n > 0 {
				b.WriteString(excerpt(n, f.Line, f.Position.Column))
			}
			if f.Hint != "" {
				fmt.Fprintf(&b, "      = %s\n", f.Hint)
			}
		}
	}
	_, err := w.Write(b.Bytes())
	return err
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
