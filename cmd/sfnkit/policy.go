package main

import (
	"cmp"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/sfnkit/sfnkit/asl/template"
	"github.com/sfnkit/sfnkit/policygen"
)

type policyFlags struct {
	opts     policygen.Options
	hints    []string
	output   string
	explain  bool
	machine  string
	policies []string
}

func policyCommand() *cobra.Command {
	var f policyFlags
	cmd := &cobra.Command{
		Use:   "policy PATH",
		Short: "Print the narrowest IAM policy that a workflow needs",
		Long: `Policy computes from a definition, or the workflow in a folder, what its execution
role must be allowed, and nothing else. The policy goes to standard output. The
definition may also lie in a template: CloudFormation, SAM, serverless.yml or Terraform.

What the definition leaves to run time makes the policy wider than the workflow may
need. Each such place is a warning on standard error, and --hint narrows it.`,
		Example: `  sfnkit policy workflows/promptchain --region us-east-1 --account 123456789012
  sfnkit policy flow.asl.json --region eu-west-1 --hint ModelId=amazon.nova-lite-v1:0 --explain
  sfnkit policy flow.asl.json --output terraform`,
		Args: exactArgs("PATH"),
		RunE: func(cmd *cobra.Command, args []string) error { return f.generate(cmd, args[0]) },
	}
	f.flags(cmd)
	cmd.Flags().StringVarP(&f.output, "output", "o", "json", "what to print, as a `FORMAT`: json, report (the statements with their reasons, and the warnings, in JSON), cloudformation (the role, in YAML) or terraform")
	cmd.Flags().BoolVar(&f.explain, "explain", false, "say on standard error which states need each statement, and why")
	cmd.AddCommand(policyCheckCommand())
	return cmd
}

func (f *policyFlags) flags(cmd *cobra.Command) {
	fs := cmd.Flags()
	fs.StringVar(&f.opts.Region, "region", "", "the `REGION` of the state machine (default: any)")
	fs.StringVar(&f.opts.Account, "account", "", "the `ACCOUNT` of the state machine (default: any)")
	fs.StringVar(&f.opts.Partition, "partition", "", "the `PARTITION`: aws, aws-us-gov or aws-cn (default: that of the region)")
	fs.StringVar(&f.opts.StateMachine, "name", "", "the `NAME` of the state machine (default: that of the folder or file)")
	fs.StringVar(&f.machine, "machine", "", "the `ID` of the state machine in a template that has several")
	fs.StringArrayVar(&f.hints, "hint", nil, "a `PARAMETER=VALUE,...` that is known only at run time, as in ModelId=ID or State.ModelId=ID; also roles, data.s3, data.results and models/ARN, as ARNs (repeatable)")
	fs.BoolVar(&f.opts.Logging, "logging", false, "the state machine writes logs to CloudWatch Logs")
	fs.BoolVar(&f.opts.Tracing, "tracing", false, "X-Ray tracing is on")
	fs.BoolVar(&f.opts.Redrive, "redrive", false, "Distributed Map runs are redriven")
	fs.StringVar(&f.opts.Encryption, "encryption-key", "", "the `ARN` of the KMS key of the state machine")
	fs.StringVar(&f.opts.InputKey, "input-key", "", "the `ARN` of the KMS key of the objects that tasks read from S3")
	fs.StringVar(&f.opts.OutputKey, "output-key", "", "the `ARN` of the KMS key of the objects that tasks write to S3")
}

// options completes the options from the flags and what is known of the workflow.
func (f *policyFlags) options(sub *subject) (policygen.Options, error) {
	o := f.opts
	if sub.def == nil || sub.def.Kind == template.Plain {
		if o.StateMachine == "" {
			o.StateMachine = sub.title()
		}
	} else if pseudo(sub.def.Kind) {
		if o.Region == "" {
			o.Region = "${AWS::Region}"
			o.Partition = cmp.Or(o.Partition, "${AWS::Partition}")
		}
		o.Account = cmp.Or(o.Account, "${AWS::AccountId}")
	}
	for _, h := range f.hints {
		name, values, err := policygen.ParseHint(h)
		if err != nil {
			return o, fmt.Errorf("--hint takes PARAMETER=VALUE,..., not %q", h)
		}
		if o.Hints == nil {
			o.Hints = make(map[string][]string)
		}
		o.Hints[name] = append(o.Hints[name], values...)
	}
	return o, nil
}

func (f *policyFlags) generate(cmd *cobra.Command, path string) error {
	if err := choice("output", f.output, "json", "report", "cloudformation", "terraform"); err != nil {
		return err
	}
	subjects, err := f.open(cmd, path)
	if err != nil {
		return err
	}
	if subjects, err = one(path, subjects); err != nil {
		return err
	}
	// A template may choose between definitions when it is deployed. The role must do for
	// each of them.
	w := subjects[0]
	var users []policygen.User
	for _, s := range subjects {
		if s.problem != "" {
			continue
		}
		o, err := f.options(s)
		if err != nil {
			return err
		}
		users = append(users, policygen.User{Machine: s.machine, Options: o})
	}
	stderr := cmd.ErrOrStderr()
	for _, s := range subjects {
		switch {
		case s.problem != "" && len(users) == 0:
			return fmt.Errorf("%s: %s", s.name, s.problem)
		case s.problem != "":
			note(stderr, "warning: %s: what this case of the definition needs is left out: %s", s.name, s.problem)
		}
	}
	r, err := policygen.GenerateShared(users)
	if err != nil {
		return fmt.Errorf("%s: %w", w.name, err)
	}
	var text []byte
	switch f.output {
	case "json":
		text = r.Policy().JSON()
	case "report":
		text = append(r.Value().AppendIndent(nil, "  "), '\n')
	case "cloudformation":
		text, err = r.CloudFormation("WorkflowRole")
	case "terraform":
		text, err = r.Terraform("workflow")
	}
	if err != nil {
		return fmt.Errorf("%s: %w", w.name, err)
	}
	if _, err := cmd.OutOrStdout().Write(text); err != nil {
		return err
	}
	if r.Note != "" {
		note(stderr, "%s", r.Note)
	}
	if f.explain {
		explainStatements(stderr, r.Statements)
	}
	for _, x := range r.Warnings {
		note(stderr, "warning: %v", x)
	}
	return nil
}

func explainStatements(w io.Writer, list []policygen.Statement) {
	for i, s := range list {
		if i > 0 {
			fmt.Fprintln(w)
		}
		note(w, "%s", s.Sid)
		for _, r := range s.Reasons {
			state := r.State
			if state == "" {
				state = "the state machine"
			}
			source := ""
			if r.Source != "" {
				source = " [" + r.Source + "]"
			}
			note(w, "  %s: %s%s", state, r.Why, source)
		}
	}
}
