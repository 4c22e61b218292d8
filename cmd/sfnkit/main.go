// Command sfnkit checks Step Functions workflows, runs them on this machine and says
// what they need: flags in, library calls, output out.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
)

// The exit codes.
const (
	exitOK       = 0
	exitFindings = 1 // the workflow failed, or there is something to report
	exitUnusable = 2 // wrong usage or unreadable input
)

// errFindings ends a command that did its work and found something wrong, all of which
// is printed already.
var errFindings = errors.New("findings")

func main() {
	os.Exit(run(os.Args[1:]))
}

func run(args []string) int {
	root := newRoot(args)
	switch err := root.ExecuteContext(context.Background()); {
	case err == nil:
		return exitOK
	case errors.Is(err, errFindings):
		return exitFindings
	default:
		fmt.Fprintf(root.ErrOrStderr(), "sfnkit: %v\n", err)
		return exitUnusable
	}
}

func newRoot(args []string) *cobra.Command {
	root := &cobra.Command{
		Use:   "sfnkit",
		Short: "Write, check and run AWS Step Functions workflows that call Amazon Bedrock",
		Long: `sfnkit works on AWS Step Functions workflows on your own machine: it runs them
against recorded responses in virtual time, checks them, and derives the
narrowest IAM policy that they need. It needs no account and no network.

Exit status: 0 success, 1 the workflow failed or there are findings, 2 wrong
usage or unreadable input.`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownCommand(cmd, args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetArgs(args)
	root.SetOut(os.Stdout)
	root.SetErr(os.Stderr)
	root.SuggestionsMinimumDistance = 2
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		// An unknown command leaves its flags to the root, which knows none of them.
		if cmd == root && len(args) > 0 && !strings.HasPrefix(args[0], "-") {
			return unknownCommand(cmd, args[0])
		}
		return fmt.Errorf("%w (see %q)", err, cmd.CommandPath()+" --help")
	})
	root.AddCommand(commands()...)
	return root
}

func unknownCommand(cmd *cobra.Command, name string) error {
	hint := ""
	if s := cmd.SuggestionsFor(name); len(s) > 0 {
		hint = fmt.Sprintf(", did you mean %s", strings.Join(s, " or "))
	}
	return fmt.Errorf("there is no command %q%s (see %q)", name, hint, "sfnkit --help")
}

// exactArgs is cobra.ExactArgs with a message that names what is missing.
func exactArgs(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) == 0:
			return fmt.Errorf("%s is missing: %s", what, cmd.UseLine())
		case len(args) > 1:
			return fmt.Errorf("one %s is wanted, not %d: %s", what, len(args), cmd.UseLine())
		}
		return nil
	}
}

// noArgs is cobra.NoArgs with a message of this program.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("no argument is wanted, not %q: %s", args[0], cmd.UseLine())
	}
	return nil
}

// choice checks the value of a flag that takes one of a few words.
func choice(flag, got string, words ...string) error {
	for _, w := range words {
		if got == w {
			return nil
		}
	}
	return fmt.Errorf("--%s takes %s, not %q", flag, strings.Join(words, " or "), got)
}

// note prints one line about the work to standard error.
func note(w io.Writer, format string, args ...any) { fmt.Fprintf(w, format+"\n", args...) }
