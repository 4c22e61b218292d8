package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sfnkit/sfnkit/asl"
	"github.com/sfnkit/sfnkit/asl/report"
	"github.com/sfnkit/sfnkit/asl/value"
	"github.com/sfnkit/sfnkit/policygen/explain"
)

func explainCommand() *cobra.Command {
	var x explain.Explainer
	var output string
	cmd := &cobra.Command{
		Use:   "explain MESSAGE|FILE|CODE",
		Short: "Say what an error means and what cures it",
		Long: `Explain takes the text of an error as it was found in a terminal, a log or an
execution, a file with such a text, or the history of an execution as
GetExecutionHistory gives it ("-" for standard input). It says what the error
means, the causes in the order to check, how to tell them apart, and the fixes.
Of a CODE that "sfnkit validate" prints it says what it is about.

It works offline, and exits 1 if it does not know the error.`,
		Example: `  sfnkit explain "You don't have access to the model with the specified model ID."
  sfnkit explain history.json --region eu-central-1
  aws stepfunctions get-execution-history --execution-arn ARN | sfnkit explain -
  sfnkit explain MISSING_TRANSITION_TARGET`,
		Args: exactArgs("MESSAGE, FILE or CODE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := choice("output", output, "text", "json"); err != nil {
				return err
			}
			asJSON := output == "json"
			text, isFile, err := readMessage(args[0], cmd.InOrStdin())
			if err != nil {
				return err
			}
			if strings.TrimSpace(text) == "" {
				what := "the message"
				if isFile {
					what = inputName(args[0])
				}
				return fmt.Errorf("%s is empty; give the text of an error in quotes, a file with it, or - for standard input", what)
			}
			out := cmd.OutOrStdout()
			if isFile {
				if dump, err := value.ParseString(text); err == nil {
					return explainHistory(out, args[0], &x, dump, asJSON)
				}
			}
			if c, ok := report.Explain(strings.TrimSpace(text)); ok {
				return explainCode(out, c, asJSON)
			}
			e, known := x.Explain(text)
			if asJSON {
				err = printIndented(out, e.Value())
			} else {
				_, err = io.WriteString(out, e.Text())
			}
			if err != nil {
				return err
			}
			if !known {
				return errFindings
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&x.Region, "region", "", "the `REGION` of the call")
	cmd.Flags().StringVar(&x.Account, "account", "", "the `ACCOUNT` of the caller")
	cmd.Flags().StringVar(&x.Model, "model", "", "the model `ID` of the call")
	cmd.Flags().StringVarP(&output, "output", "o", "text", "what to print, as a `FORMAT`: text or json")
	return cmd
}

// readMessage returns the message, and whether it came from a file.
func readMessage(arg string, stdin io.Reader) (string, bool, error) {
	if info, err := os.Stat(arg); arg != "-" && (err != nil || info.IsDir()) {
		if strings.HasSuffix(arg, ".json") {
			return "", false, fmt.Errorf("%s: there is no such file", arg)
		}
		return arg, false, nil
	}
	text, err := readFile(arg, stdin)
	return string(text), true, err
}

func explainHistory(out io.Writer, name string, x *explain.Explainer, dump value.Value, asJSON bool) error {
	findings, err := x.History(dump)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if asJSON {
		known := true
		list := make([]value.Value, len(findings))
		for i := range findings {
			known = known && findings[i].Known
			list[i] = findings[i].Value()
		}
		if err := printIndented(out, value.NewBuilder(1).Set("findings", value.Array(list)).Object()); err != nil || known {
			return err
		}
		return errFindings
	}
	if len(findings) == 0 {
		_, err := fmt.Fprintln(out, "The history shows no failure.")
		return err
	}
	known := true
	for i := range findings {
		known = known && findings[i].Known
		if i > 0 {
			fmt.Fprintln(out)
		}
		if _, err := io.WriteString(out, findings[i].Text()); err != nil {
			return err
		}
	}
	if !known {
		return errFindings
	}
	return nil
}

func explainCode(out io.Writer, c asl.Explanation, asJSON bool) error {
	if asJSON {
		b := value.NewBuilder(7)
		b.Set("code", value.String(c.Code)).Set("severity", value.String(string(c.Severity)))
		b.Set("title", value.String(c.Title)).Set("meaning", value.String(c.Meaning))
		b.Set("bad", value.String(c.Bad)).Set("good", value.String(c.Good)).Set("document", value.String(c.Document))
		return printIndented(out, b.Object())
	}
	indent := func(s string) string {
		return "  " + strings.ReplaceAll(strings.TrimRight(s, "\n"), "\n", "\n  ") + "\n"
	}
	text := fmt.Sprintf("%s\n[%s, %s]\n\n%s\n", c.Title, c.Code, c.Severity, c.Meaning)
	if c.Bad != "" {
		text += "\nNot so:\n\n" + indent(c.Bad)
		if strings.Contains(c.Bad, "⟨") {
			text += "\nwhere ⟨text×N⟩ stands for N times the text.\n"
		}
	}
	if c.Good != "" {
		text += "\nBut so:\n\n" + indent(c.Good)
	}
	if c.Document != "" {
		text += "\nSee " + c.Document + "\n"
	}
	_, err := io.WriteString(out, text)
	return err
}
