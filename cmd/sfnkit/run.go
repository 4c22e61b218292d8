package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sfnkit/sfnkit/asl"
	"github.com/sfnkit/sfnkit/asl/value"
	"github.com/sfnkit/sfnkit/emulator"
	"github.com/sfnkit/sfnkit/emulator/calls"
	"github.com/sfnkit/sfnkit/policygen/account"
	"github.com/sfnkit/sfnkit/policygen/explain"
)

type runFlags struct {
	input      string
	responses  string
	testCase   string
	output     string
	history    string
	s3Dir      string
	s3Endpoint string
	jobs       string
	faults     []string
	region     string
	account    string
	enforce    enforceFlags
	quiet      bool
	full       bool
	noLimits   bool
	newMembers bool
	machine    string
}

const newMembersUsage = "let SDK integrations have members that this version does not know, as of a newer API"

func runCommand() *cobra.Command {
	var f runFlags
	cmd := &cobra.Command{
		Use:   "run PATH",
		Short: "Run a workflow against recorded responses",
		Long: `Run executes a definition (JSON or YAML, "-" for standard input), or the workflow
in a folder: workflow.asl.json with, beside it, input.json and responses.json. The
definition may also lie in a template: CloudFormation, SAM, serverless.yml or Terraform.

Calls are answered by recorded responses: a mock configuration as Step Functions
Local reads it, or the history of a real execution (GetExecutionHistory). Time is
virtual: waiting takes none.

With --policy, --scp, --boundary, --model-access, --quota or --gate calls are refused
as AWS would refuse them, before they are answered.

What happens goes to standard error, one line an event; the output of the
workflow goes to standard output.`,
		Example: `  sfnkit run workflows/promptchain
  sfnkit run flow.asl.json --input '{"n": 1}' --responses MockConfigFile.json --test-case Happy
  sfnkit run flow.asl.json --responses history.json --output json
  sfnkit run template.yaml --machine Flow --responses MockConfigFile.json
  sfnkit run workflows/promptchain --fault 'Invoke model with second prompt:Bedrock.ThrottlingException*2'
  sfnkit run workflows/promptchain --policy workflows/promptchain/policy.json`,
		Args: exactArgs("PATH"),
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, args[0]) },
	}
	fs := cmd.Flags()
	fs.StringVarP(&f.input, "input", "i", "", "the input: a `FILE`, JSON text, or - for standard input (default: the folder's input.json, else {})")
	fs.StringVarP(&f.responses, "responses", "r", "", "a `FILE` with recorded responses (default: the folder's responses.json)")
	fs.StringVar(&f.testCase, "test-case", "", "the test `CASE` of the responses, or MACHINE#CASE; needed if there are several")
	fs.StringVarP(&f.output, "output", "o", "text", "what to print, as a `FORMAT`: text or json")
	fs.StringVar(&f.history, "history", "", "write the execution history to a `FILE`, as GetExecutionHistory gives it")
	fs.StringVar(&f.s3Dir, "s3-dir", "", "a folder `DIR` that serves as S3: DIR/bucket/key")
	fs.StringVar(&f.s3Endpoint, "s3-endpoint", "", "the `URL` of an S3 endpoint to use instead")
	fs.StringVar(&f.jobs, "simulate-jobs", "", "simulate model customization jobs that end with a `STATUS`: Completed, Failed or Stopped")
	fs.StringArrayVar(&f.faults, "fault", nil, "make calls of a state fail: a `STATE:ERROR*N` as in Ask:Bedrock.ThrottlingException*3 (repeatable)")
	fs.StringVar(&f.machine, "machine", "", "the `ID` of the state machine in a template that has several")
	f.enforce.add(fs)
	fs.StringVar(&f.region, "region", "", "the `REGION` to run in (default: us-east-1)")
	fs.StringVar(&f.account, "account", "", "the `ACCOUNT` to run in (default: 123456789012)")
	fs.BoolVarP(&f.quiet, "quiet", "q", false, "print no trace")
	fs.BoolVar(&f.full, "full", false, "print values in full in the trace")
	fs.BoolVar(&f.noLimits, "no-limits", false, "lift the service's limits on payloads and events")
	fs.BoolVar(&f.newMembers, "new-members", false, newMembersUsage)
	return cmd
}

func (f *runFlags) run(cmd *cobra.Command, path string) error {
	if err := choice("output", f.output, "text", "json"); err != nil {
		return err
	}
	w, err := f.open(cmd, path)
	if err != nil {
		return err
	}
	machine, err := emulator.Compile(w.machine)
	if err != nil {
		return compileError(w, err)
	}
	input, text, err := f.readInput(w, cmd.InOrStdin())
	if err != nil {
		return err
	}
	responses, err := f.readResponses(w)
	if err != nil {
		return err
	}

	opts := emulator.Options{Text: text, Info: emulator.Info{
		StateMachineName: w.title(), Region: f.region, Account: f.account,
	}}
	limits := emulator.DefaultLimits
	if f.noLimits {
		limits = emulator.Limits{}
	}
	limits.NewMembers = f.newMembers
	opts.Limits = &limits
	store, err := openStore(cmd.Context(), f.s3Dir, f.s3Endpoint, "")
	if err != nil {
		return err
	}
	caller, err := localCaller(store, f.jobs)
	if err != nil {
		return err
	}
	caller = calls.Recorded(responses, caller)
	if store != nil {
		caller = calls.BedrockS3(store, caller)
	}
	faults, err := f.readFaults(w)
	if err != nil {
		return err
	}
	if len(faults) > 0 {
		caller = calls.Faults(faults, caller)
	}
	guard, policies, err := f.enforce.enforcement()
	if err != nil {
		return err
	}
	if guard != nil {
		caller = guard(caller)
	}
	opts.Store, opts.Caller = store, caller

	stderr := cmd.ErrOrStderr()
	if policies != nil {
		if denial := f.creation(policies, w); denial != "" {
			note(stderr, "%s: the state machine cannot be created: AccessDeniedException: %s", w.name, denial)
			place := &explain.Explainer{Region: cmp.Or(f.region, "us-east-1"), Account: cmp.Or(f.account, "123456789012")}
			if why, known := place.ExplainError("AccessDeniedException", denial); known && !f.quiet {
				note(stderr, "\n%s", strings.TrimSuffix(why.Text(), "\n"))
			}
			return errFindings
		}
	}
	t := newTrace(io.Discard, w.machine, f.full)
	if !f.quiet && f.output == "text" {
		t = newTrace(stderr, w.machine, f.full)
	}
	opts.OnEvent = t.event
	result, err := emulator.Run(cmd.Context(), machine, input, opts)
	if err != nil {
		return runError(w, err)
	}
	x := result.Execution
	t.summary(x)
	if f.history != "" {
		if err := writeHistory(f.history, x); err != nil {
			return err
		}
	}
	if f.output == "json" {
		err = printIndented(cmd.OutOrStdout(), resultJSON(x))
	} else if e := x.Err(); e != nil {
		note(stderr, "%v", e)
		place := &explain.Explainer{Region: x.Info().Region, Account: x.Info().Account}
		if why, known := place.ExplainError(e.Name, e.Cause); known && !f.quiet {
			note(stderr, "\n%s", strings.TrimSuffix(why.Text(), "\n"))
		}
	} else {
		err = printIndented(cmd.OutOrStdout(), x.Output())
	}
	if err == nil && x.Status() != emulator.Succeeded {
		return errFindings
	}
	return err
}

// open reads the definition, or the one of a template that is meant.
func (f *runFlags) open(cmd *cobra.Command, path string) (*workflow, error) {
	policy := policyFlags{machine: f.machine}
	list, err := policy.open(cmd, path)
	if err != nil {
		return nil, err
	}
	if list, err = one(path, list); err != nil {
		return nil, err
	}
	for _, s := range list {
		if s.problem == "" {
			if len(list) > 1 {
				note(cmd.ErrOrStderr(), "%s: the template chooses between %d definitions; this one is run", s.name, len(list))
			}
			return &s.workflow, nil
		}
	}
	return nil, fmt.Errorf("%s: %s", list[0].name, list[0].problem)
}

// creation asks whether the execution role suffices for creating the state machine.
func (f *runFlags) creation(a *account.Account, w *workflow) string {
	region, number, name := cmp.Or(f.region, "us-east-1"), cmp.Or(f.account, "123456789012"), cmp.Or(w.title(), "workflow")
	return a.CreateStateMachine("arn:aws:states:"+region+":"+number+":stateMachine:"+name, "arn:aws:iam::"+number+":role/workflow", w.machine)
}

func (f *runFlags) readInput(w *workflow, stdin io.Reader) (value.Value, string, error) {
	arg := f.input
	if arg == "" {
		arg = w.input
	}
	if arg == "" {
		return value.EmptyObject, "{}", nil
	}
	if arg == "-" && w.name == "-" {
		return value.Value{}, "", errors.New("the definition and the input cannot both come from standard input")
	}
	return readJSON("input", arg, stdin)
}

func (f *runFlags) readResponses(w *workflow) (*calls.Responses, error) {
	file := f.responses
	if file == "" {
		file = w.responses
	}
	if file == "" {
		if f.testCase != "" {
			return nil, errors.New("--test-case needs --responses FILE")
		}
		return new(calls.Responses), nil
	}
	machine, testCase := "", f.testCase
	if m, c, ok := strings.Cut(testCase, "#"); ok {
		machine, testCase = m, c
	}
	r, err := calls.LoadResponses(file, machine, testCase)
	if err != nil {
		return nil, plain(err)
	}
	switch err := r.Check(w.machine); {
	case err == nil:
		return r, nil
	case strings.HasPrefix(err.Error(), file+":"):
		return nil, err
	default:
		return nil, fmt.Errorf("%s: %w", file, err)
	}
}

func (f *runFlags) readFaults(w *workflow) ([]calls.Fault, error) {
	var faults []calls.Fault
	for _, text := range f.faults {
		fault, err := calls.ParseFault(text)
		if err != nil {
			return nil, fmt.Errorf("--fault: %w", err)
		}
		known := false
		for s := range w.machine.AllStates {
			known = known || s.Name == fault.State && s.Type == asl.TypeTask
		}
		if !known {
			return nil, fmt.Errorf("--fault %s: there is no Task state %q", text, fault.State)
		}
		faults = append(faults, fault)
	}
	return faults, nil
}

// title is the name of the state machine: that of its folder or file.
func (w *workflow) title() string {
	if w.name == "-" {
		return ""
	}
	if w.def != nil && w.def.ID != "" {
		return w.def.ID[strings.LastIndexByte(w.def.ID, '.')+1:]
	}
	base := filepath.Base(w.name)
	for _, n := range definitionNames {
		if base == n {
			if abs, err := filepath.Abs(w.name); err == nil {
				return filepath.Base(filepath.Dir(abs))
			}
		}
	}
	base, _, _ = strings.Cut(base, ".")
	return base
}

// compileError says where in the file a definition cannot run.
func compileError(w *workflow, err error) error {
	var ce *emulator.CompileError
	if !errors.As(err, &ce) {
		return fmt.Errorf("%s: %w", w.name, err)
	}
	return fmt.Errorf("%s: %w", w.place(ce.State, ce.Field), err)
}

// runError says where in the file the state is that got no answer.
func runError(w *workflow, err error) error {
	var na *emulator.NoAnswerError
	if errors.As(err, &na) {
		return fmt.Errorf("%s: %w", w.place(na.State, "Resource"), err)
	}
	return err
}

// place is the file and position of a state's field, or of a field of the machine.
func (w *workflow) place(state, field string) string {
	loc := "/" + field
	if state != "" {
		loc = location(w.machine, state, field)
	}
	at := w.machine.Source().Position(loc)
	if w.def != nil {
		in := w.def.Place(at)
		return in.File + ":" + in.Position.String()
	}
	if at.Line > 0 {
		return w.name + ":" + at.String()
	}
	return w.name
}

func resultJSON(x *emulator.Execution) value.Value {
	b := value.NewBuilder(8)
	b.Set("executionArn", value.String(x.Info().ARN))
	b.Set("status", value.String(string(x.Status())))
	b.Set("startDate", value.String(timestamp(x.Started())))
	b.Set("stopDate", value.String(timestamp(x.Stopped())))
	if e := x.Err(); e != nil {
		if !e.NoName {
			b.Set("error", value.String(e.Name))
		}
		if !e.NoCause {
			b.Set("cause", value.String(e.Cause))
		}
	} else {
		b.Set("output", x.Output())
	}
	return b.Object()
}

func timestamp(ms int64) string {
	return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z")
}

func printIndented(w io.Writer, v value.Value) error {
	_, err := w.Write(append(v.AppendIndent(nil, "  "), '\n'))
	return err
}

func writeFile(path string, text []byte) error {
	if err := os.WriteFile(path, text, 0o666); err != nil {
		return unwritable(path, err)
	}
	return nil
}

// unwritable is plain for a file that is written.
func unwritable(path string, err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		err = pe.Err
	}
	return fmt.Errorf("%s cannot be written: %w", path, err)
}
