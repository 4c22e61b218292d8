package main

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sfnkit/sfnkit/emulator/suite"
)

type testFlags struct {
	output    string
	run       string
	threshold string
	coverage  bool
	verbose   bool
	parallel  int
	newer     bool
}

func testCommand() *cobra.Command {
	var f testFlags
	cmd := &cobra.Command{
		Use:   "test [PATH...]",
		Short: "Run the tests that lie beside workflows, and tell what they cover",
		Long: `Test runs test files: those named, and all NAME.test.yaml, .test.yml and
.test.json in the folders named, or in the current one. Folders named testdata
are left out unless they are named themselves.

A test file lies beside a definition and holds cases, each with an input, the
answers of the service calls, and what is expected:

  definition: workflow.asl.json
  cases:
    - name: Declined
      input: {amount: 1000}
      mocks:
        Charge:
          - When: Payload.amount > 100
            Throw: {Error: Declined, Cause: too much}
      expect:
        error: Declined
        path: [Charge, Refused]
        assert: ["$count($calls) = 1"]

"go doc github.com/sfnkit/sfnkit/emulator/suite" has all fields. Cases run side
by side and in virtual time.

Exit status: 0 all cases passed, 1 a case failed or a threshold is not reached,
2 wrong usage or a test file that cannot be used.`,
		Example: `  sfnkit test workflows --coverage
  sfnkit test --output junit --threshold states=100,choice-rules=100 > report.xml
  sfnkit test orders.test.yaml --run Declined --verbose`,
		RunE: func(cmd *cobra.Command, args []string) error { return f.test(cmd, args) },
	}
	fs := cmd.Flags()
	fs.StringVarP(&f.output, "output", "o", "text", "what to print, as a `FORMAT`: text, json or junit")
	fs.StringVar(&f.run, "run", "", "run only cases whose \"FILE: NAME\" matches a `REGEXP`")
	fs.StringVar(&f.threshold, "threshold", "", "the `PERCENT` of each definition that must be covered, of everything (90) or by kind (states=100,choice-rules=80)")
	fs.BoolVar(&f.coverage, "coverage", false, "print what of the definitions was reached, and what was not")
	fs.BoolVarP(&f.verbose, "verbose", "v", false, "print the cases that passed, too")
	fs.IntVar(&f.parallel, "parallel", 0, "run `N` cases at once (default: one for each processor)")
	fs.BoolVar(&f.newer, "new-members", false, newMembersUsage)
	return cmd
}

func (f *testFlags) test(cmd *cobra.Command, paths []string) error {
	if err := choice("output", f.output, "text", "json", "junit"); err != nil {
		return err
	}
	o := suite.Options{Parallel: f.parallel, NewMembers: f.newer}
	if f.run != "" {
		var err error
		if o.Run, err = regexp.Compile(f.run); err != nil {
			return fmt.Errorf("--run: %w", err)
		}
	}
	var thresholds []suite.Threshold
	if f.threshold != "" {
		var err error
		if thresholds, err = suite.ParseThresholds(f.threshold); err != nil {
			return fmt.Errorf("--threshold: %w", err)
		}
	}
	if len(paths) == 0 {
		paths = []string{"."}
	}
	names, err := suite.Find(paths...)
	if err != nil {
		return plain(err)
	}
	if len(names) == 0 {
		return fmt.Errorf("there is no test in %s: files are named NAME.test.yaml, .test.yml or .test.json", strings.Join(paths, ", "))
	}
	var files []*suite.File
	var unusable []error
	for _, name := range names {
		file, err := suite.Load(name)
		if err != nil {
			unusable = append(unusable, plain(err))
			continue
		}
		files = append(files, file)
	}
	if len(unusable) > 0 {
		return errors.Join(unusable...)
	}
	report, err := suite.Run(cmd.Context(), files, o)
	if err != nil {
		return err
	}
	if f.run != "" && len(report.Results) == 0 {
		return fmt.Errorf("--run %s matches no case", f.run)
	}
	return f.print(cmd, report, thresholds)
}

func (f *testFlags) print(cmd *cobra.Command, report *suite.Report, thresholds []suite.Threshold) error {
	var err error
	out := cmd.OutOrStdout()
	switch f.output {
	case "text":
		err = report.WriteText(out, suite.TextOptions{Verbose: f.verbose, Coverage: f.coverage})
	case "json":
		err = printIndented(out, report.JSON())
	case "junit":
		err = report.WriteJUnit(out)
	}
	if err != nil {
		return err
	}
	below := report.Below(thresholds)
	for _, line := range below {
		note(cmd.ErrOrStderr(), "%s", line)
	}
	if report.Failed() > 0 || len(below) > 0 {
		return errFindings
	}
	return nil
}
