package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/sfnkit/sfnkit/asl/intrinsic"
	"github.com/sfnkit/sfnkit/asl/jsonata"
	"github.com/sfnkit/sfnkit/asl/jsonpath"
	"github.com/sfnkit/sfnkit/asl/value"
)

type evalFlags struct {
	language  string
	dialect   string
	input     string
	result    string
	variables string
	context   string
	trace     bool
}

func evalCommand() *cobra.Command {
	var f evalFlags
	cmd := &cobra.Command{
		Use:   "eval EXPR|@FILE",
		Short: "Evaluate a JSONata expression, a JSONPath or an intrinsic function",
		Long: `Eval evaluates an expression and prints its value as JSON.

In the dialect of AWS a JSONata expression finds the input in $states.input, the
result in $states.result and the context object in $states.context, and may stand
in {% %}. In the plain dialect the input is the context item, as in JSONata itself.
A JSONPath or intrinsic function finds the input at $, the context object at $$ and
variables at their names.

Undefined prints nothing and says so on standard error. A failed evaluation exits 1.`,
		Example: `  sfnkit eval '$sum($states.input.prices)' --input '{"prices": [1, 2]}'
  sfnkit eval --language jsonpath '$.orders[?(@.total > 10)].id' --input orders.json
  sfnkit eval --language intrinsic "States.Format('{} of {}', \$.n, \$.m)" --input -`,
		Args: exactArgs("EXPR or @FILE"),
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, args[0]) },
	}
	fs := cmd.Flags()
	fs.StringVarP(&f.language, "language", "l", "jsonata", "the `LANGUAGE`: jsonata, jsonpath or intrinsic")
	fs.StringVar(&f.dialect, "dialect", "aws", "the `DIALECT` of JSONata: aws or plain")
	fs.StringVarP(&f.input, "input", "i", "", "the input: a `FILE`, JSON text, or - for standard input")
	fs.StringVar(&f.result, "result", "", "$states.result: a `FILE` or JSON text")
	fs.StringVar(&f.variables, "variables", "", "an object of variables: a `FILE` or JSON text")
	fs.StringVar(&f.context, "context", "", "the context object: a `FILE` or JSON text")
	fs.BoolVar(&f.trace, "trace", false, "print each step of a JSONata evaluation to standard error, innermost first")
	return cmd
}

// surroundings are what an expression may look at.
type surroundings struct {
	input, result, variables, context value.Value
}

func (f *evalFlags) run(cmd *cobra.Command, arg string) error {
	if err := choice("language", f.language, "jsonata", "jsonpath", "intrinsic"); err != nil {
		return err
	}
	if err := choice("dialect", f.dialect, "aws", "plain"); err != nil {
		return err
	}
	if f.trace && f.language != "jsonata" {
		return errors.New("--trace is for JSONata only")
	}
	text := arg
	if file, ok := strings.CutPrefix(arg, "@"); ok {
		b, err := readFile(file, cmd.InOrStdin())
		if err != nil {
			return err
		}
		text = string(b)
	}
	var s surroundings
	for _, x := range []struct {
		flag, arg string
		to        *value.Value
	}{
		{"input", f.input, &s.input}, {"result", f.result, &s.result},
		{"variables", f.variables, &s.variables}, {"context", f.context, &s.context},
	} {
		if x.arg == "" {
			continue
		}
		v, _, err := readJSON(x.flag, x.arg, cmd.InOrStdin())
		if err != nil {
			return err
		}
		*x.to = v
	}
	if !s.variables.IsAbsent() && !s.variables.IsObject() {
		return errors.New("--variables takes an object")
	}

	stderr := cmd.ErrOrStderr()
	var v value.Value
	var err error
	switch f.language {
	case "jsonata":
		v, err = f.jsonata(cmd, text, s)
	case "jsonpath":
		v, err = evalPath(strings.TrimSpace(text), s)
	case "intrinsic":
		v, err = evalCall(strings.TrimSpace(text), s)
	}
	if err != nil {
		printEvalError(stderr, text, err)
		return errFindings
	}
	switch {
	case v.IsAbsent():
		note(stderr, "undefined: the expression selects nothing")
		return nil
	case jsonata.HasFunction(v):
		note(stderr, "the value is or holds a function, which is not JSON")
		return errFindings
	}
	return printIndented(cmd.OutOrStdout(), v)
}

func (f *evalFlags) jsonata(cmd *cobra.Command, text string, s surroundings) (value.Value, error) {
	var opts []jsonata.Option
	input := s.input
	var vars jsonata.Vars
	for name, v := range s.variables.Members() {
		vars = append(vars, jsonata.Var{Name: strings.TrimPrefix(name, "$"), Value: v})
	}
	if f.dialect == "aws" {
		opts = append(opts, jsonata.StepFunctions())
		b := value.NewBuilder(3)
		for _, m := range []jsonata.Var{{Name: "input", Value: s.input}, {Name: "result", Value: s.result}, {Name: "context", Value: s.context}} {
			if !m.Value.IsAbsent() {
				b.Set(m.Name, m.Value)
			}
		}
		vars = append(vars, jsonata.Var{Name: "states", Value: b.Object()})
		input = value.Value{}
	}
	env := jsonata.Env{Vars: vars}
	if f.trace {
		opts = append(opts, jsonata.WithTrace())
		env.Trace = func(st jsonata.Step) { printStep(cmd.ErrOrStderr(), text, st) }
	}
	x, err := jsonata.Compile(inBraces(text), opts...)
	if err != nil {
		return value.Value{}, err
	}
	return x.Eval(cmd.Context(), input, &env)
}

// inBraces blanks the {% and %} around an expression, so that positions stay.
func inBraces(text string) string {
	t := strings.TrimSpace(text)
	if len(t) < 4 || !strings.HasPrefix(t, "{%") || !strings.HasSuffix(t, "%}") {
		return text
	}
	i, j := strings.Index(text, "{%"), strings.LastIndex(text, "%}")
	return text[:i] + "  " + text[i+2:j]
}

func evalPath(text string, s surroundings) (value.Value, error) {
	p, err := jsonpath.Compile(text)
	if err != nil {
		return value.Value{}, err
	}
	root := s.input
	switch kind, name := p.Root(); kind {
	case jsonpath.Context:
		root = s.context
	case jsonpath.Variable:
		if root = s.variables.Get(name); root.IsAbsent() {
			return root, fmt.Errorf("there is no variable %q", name)
		}
	}
	return p.Eval(root)
}

func evalCall(text string, s surroundings) (value.Value, error) {
	call, err := intrinsic.Compile(text)
	if err != nil {
		return value.Value{}, err
	}
	return call.Eval(&intrinsic.Env{
		Input: s.input, Context: s.context,
		Variable: func(name string) (value.Value, bool) {
			v := s.variables.Get(name)
			return v, !v.IsAbsent()
		},
	})
}

// printEvalError prints what is wrong, and where in the text.
func printEvalError(w io.Writer, text string, err error) {
	offset := -1
	var je *jsonata.Error
	var pe *jsonpath.SyntaxError
	var ie *intrinsic.SyntaxError
	switch {
	case errors.As(err, &je):
		offset = tokenOffset(text, je.Position)
	case errors.As(err, &pe):
		offset = pe.Offset
	case errors.As(err, &ie):
		offset = ie.Offset
	}
	if offset < 0 {
		note(w, "%v", err)
		return
	}
	line, column := lineColumn(text, offset)
	note(w, "%v (%d:%d)", err, line, column)
	io.WriteString(w, excerpt(line, strings.Split(text, "\n")[line-1], column))
}

// tokenOffset returns the offset in bytes of the last character of a token, given
// JSONata's position, which is behind it and counts UTF-16 code units; -1 stays.
func tokenOffset(text string, position int) int {
	if position < 0 {
		return -1
	}
	before := 0
	for i, r := range text {
		if position <= 0 {
			break
		}
		before = i
		position--
		if r > 0xFFFF {
			position--
		}
	}
	return before
}

// lineColumn returns the line and the column in bytes, from 1, of an offset.
func lineColumn(text string, offset int) (line, column int) {
	before := text[:min(offset, len(text))]
	return strings.Count(before, "\n") + 1, len(before) - strings.LastIndexByte(before, '\n')
}

func printStep(w io.Writer, text string, st jsonata.Step) {
	line, column := lineColumn(text, max(tokenOffset(text, st.Position), 0))
	outcome := "undefined"
	switch {
	case st.Err != nil:
		outcome = "error " + st.Err.Error()
	case jsonata.IsFunction(st.Result):
		outcome = "a function"
	case !st.Result.IsAbsent():
		outcome = st.Result.JSON()
	}
	if utf8.RuneCountInString(outcome) > excerptWidth {
		outcome = head(outcome, excerptWidth) + "… " + bytesText(len(outcome))
	}
	note(w, "%6s %s%s = %s", fmt.Sprintf("%d:%d", line, column), strings.Repeat("  ", max(st.Depth-1, 0)),
		strings.TrimSpace(st.Kind+" "+st.Text), outcome)
}
