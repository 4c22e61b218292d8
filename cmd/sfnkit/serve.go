package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/sfnkit/sfnkit/emulator"
	"github.com/sfnkit/sfnkit/emulator/calls"
	"github.com/sfnkit/sfnkit/emulator/server"
)

type serveFlags struct {
	addr       string
	mockConfig string
	mockReport bool
	log        string
	s3Dir      string
	s3Endpoint string
	jobs       string
	time       string
	region     string
	account    string
	noLimits   bool
	newMembers bool
	memory     int64
	faults     []string
	apiFaults  []string
	enforce    enforceFlags
}

func serveCommand() *cobra.Command {
	var f serveFlags
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve the Step Functions API on this machine",
		Long: `Serve answers the Step Functions API, so that the AWS CLI, SDKs and tools can be
pointed at it with an endpoint URL. Calls of Task states are answered by a mock
configuration as Step Functions Local reads it: start STATE_MACHINE_ARN#TestCase.
When the file changes, executions that start afterwards get its new answers.

--fault makes calls of Task states fail, --api-fault the requests of clients: with the
errors that AWS documents for an operation, and with those that all services have.

State machines and executions are kept in memory until it is stopped, of the
executions that have ended the last 250,000, for 90 days.`,
		Example: `  sfnkit serve --mock-config MockConfigFile.json
  aws stepfunctions list-state-machines --endpoint-url http://127.0.0.1:8083`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	fs := cmd.Flags()
	fs.StringVar(&f.addr, "addr", server.DefaultAddr, "the `ADDRESS` to listen on")
	fs.StringVar(&f.mockConfig, "mock-config", "", "a `FILE` with mocked responses (default: $SFN_MOCK_CONFIG)")
	fs.BoolVar(&f.mockReport, "mock-report", false, "tell at the end which mocked responses were not used and which were missing")
	fs.StringVar(&f.log, "log", "", "append the execution logs that state machines ask for to a `FILE`, - for standard output")
	fs.StringVar(&f.s3Dir, "s3-dir", "", "a folder `DIR` that serves as S3: DIR/bucket/key")
	fs.StringVar(&f.s3Endpoint, "s3-endpoint", "", "the `URL` of an S3 endpoint to use instead")
	fs.StringVar(&f.jobs, "simulate-jobs", "", "simulate model customization jobs that end with a `STATUS`: Completed, Failed or Stopped")
	fs.StringVar(&f.time, "time", "real", "the `TIME`: real, or virtual, in which waiting takes none")
	fs.StringVar(&f.region, "region", "", "the `REGION` in ARNs (default: us-east-1)")
	fs.StringVar(&f.account, "account", "", "the `ACCOUNT` in ARNs (default: 123456789012)")
	fs.BoolVar(&f.noLimits, "no-limits", false, "lift the service's limits on payloads and events")
	fs.BoolVar(&f.newMembers, "new-members", false, newMembersUsage)
	fs.Int64Var(&f.memory, "memory", 2048, "forget the oldest ended executions beyond `MIB` of memory, 0 for no bound")
	fs.StringArrayVar(&f.faults, "fault", nil, "make calls of the states of a name fail in every execution: a `STATE:ERROR*N` as in Ask:Bedrock.ThrottlingException*3 (repeatable)")
	fs.StringArrayVar(&f.apiFaults, "api-fault", nil, "make requests fail: an `OPERATION:ERROR*N` as in StartExecution:ThrottlingException*3, the OPERATION * for all, without *N for ever (repeatable)")
	f.enforce.add(fs)
	return cmd
}

func (f *serveFlags) run(cmd *cobra.Command) error {
	sparing()
	if err := choice("time", f.time, "real", "virtual"); err != nil {
		return err
	}
	// The first signal ends it in order, a second one at once. All other commands end as
	// processes do: they may be waiting for standard input.
	ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	store, err := openStore(ctx, f.s3Dir, f.s3Endpoint, f.region)
	if err != nil {
		return err
	}
	caller, err := localCaller(store, f.jobs)
	if err != nil {
		return err
	}
	if store != nil {
		caller = calls.BedrockS3(store, caller)
	}
	o := server.Options{
		Region: f.region, Account: f.account,
		Store: store, Caller: caller,
		Virtual: f.time == "virtual", NoLimits: f.noLimits, NewMembers: f.newMembers, KeepBytes: f.memory << 20,
	}
	if err := f.guard(&o); err != nil {
		return err
	}
	for _, text := range f.apiFaults {
		fault, err := server.ParseFault(text)
		if err != nil {
			return fmt.Errorf("--api-fault: %w", err)
		}
		o.Faults = append(o.Faults, fault)
	}
	file := f.mockConfig
	if file == "" {
		file = os.Getenv("SFN_MOCK_CONFIG")
	}
	if file != "" {
		told := func(err error) {
			if err == nil {
				note(cmd.ErrOrStderr(), "sfnkit has read %s again", file)
				return
			}
			note(cmd.ErrOrStderr(), "sfnkit keeps the mocks that it has: %v", plain(err))
		}
		if o.MockFile, err = calls.OpenMocks(file, told); err != nil {
			return plain(err)
		}
	} else if f.mockReport {
		return errors.New("--mock-report needs --mock-config")
	}
	switch f.log {
	case "":
	case "-":
		o.Log = cmd.OutOrStdout()
	default:
		l, err := os.OpenFile(f.log, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o666)
		if err != nil {
			return unwritable(f.log, err)
		}
		defer l.Close()
		o.Log = l
	}
	if o.Log != nil {
		o.Log = &logWriter{w: o.Log, complain: func(err error) {
			note(cmd.ErrOrStderr(), "sfnkit cannot write the execution logs, of which some are lost: %v", plain(err))
		}}
	}
	// The port is taken before anything else is done, so that a second server ends at once.
	l, err := net.Listen("tcp", f.addr)
	if err != nil {
		if errors.Is(err, syscall.EADDRINUSE) {
			return fmt.Errorf("%s is taken, perhaps by another sfnkit serve; choose another address with --addr", f.addr)
		}
		return fmt.Errorf("cannot listen on %s: %w", f.addr, err)
	}
	s, err := server.New(o)
	if err != nil {
		l.Close()
		return err
	}
	note(cmd.ErrOrStderr(), "sfnkit serves Step Functions on http://%s (interrupt to stop)", l.Addr())
	err = s.Serve(ctx, l)
	if f.mockReport {
		reportMocks(cmd.ErrOrStderr(), file, o.MockFile.Last())
	}
	return err
}

// logWriter complains of the first of the writes that fail one after another.
type logWriter struct {
	w        io.Writer
	complain func(error)
	failing  bool
}

// Write is not called at the same time by several; see server.Options.Log.
func (l *logWriter) Write(p []byte) (int, error) {
	n, err := l.w.Write(p)
	if err != nil && !l.failing {
		l.complain(err)
	}
	l.failing = err != nil
	return n, err
}

// reportMocks tells what the mocks of a file were used for since it was read.
func reportMocks(w io.Writer, file string, mocks *calls.MockConfig) {
	quiet := true
	for _, u := range mocks.Use() {
		name := u.Machine + "#" + u.TestCase
		if !u.Asked {
			note(w, "%s: %s was not used", file, name)
			quiet = false
			continue
		}
		if len(u.Unused) > 0 {
			note(w, "%s: %s did not use: %s", file, name, strings.Join(u.Unused, ", "))
			quiet = false
		}
		for _, m := range u.Missing {
			note(w, "%s: %s lacks an answer: %s", file, name, m)
			quiet = false
		}
	}
	if quiet {
		note(w, "%s: all responses were used, and none was missing", file)
	}
}

// guard lets the server refuse what the flags say.
func (f *serveFlags) guard(o *server.Options) error {
	var faults []calls.Fault
	for _, text := range f.faults {
		fault, err := calls.ParseFault(text)
		if err != nil {
			return fmt.Errorf("--fault: %w", err)
		}
		faults = append(faults, fault)
	}
	guard, policies, err := f.enforce.enforcement()
	if err != nil {
		return err
	}
	if policies != nil {
		o.Creation = policies.CreateStateMachine
	}
	if faults == nil {
		o.Guard = guard
		return nil
	}
	o.Guard = func(next emulator.Caller) emulator.Caller {
		next = calls.Faults(faults, next)
		if guard != nil {
			next = guard(next)
		}
		return next
	}
	return nil
}

// openStore returns the S3 that the flags name, nil if they name none.
func openStore(ctx context.Context, dir, endpoint, region string) (emulator.Store, error) {
	switch {
	case dir != "" && endpoint != "":
		return nil, errors.New("--s3-dir and --s3-endpoint exclude each other")
	case dir != "":
		if info, err := os.Stat(dir); err == nil && !info.IsDir() {
			return nil, fmt.Errorf("--s3-dir takes a folder, which %s is not", dir)
		}
		return calls.FolderStore(dir), nil
	case endpoint != "":
		return calls.S3Store(ctx, calls.S3Options{Endpoint: endpoint, PathStyle: true, Region: region})
	}
	return nil, nil
}

// localCaller answers what can be answered without a response: calls of S3, if there is a
// store, and model customization jobs, if they are to be simulated. It is nil if nothing
// can.
func localCaller(store emulator.Store, jobs string) (emulator.Caller, error) {
	var caller emulator.Caller
	if store != nil {
		caller = calls.S3(store, nil)
	}
	if jobs != "" {
		if err := choice("simulate-jobs", jobs, calls.JobCompleted, calls.JobFailed, calls.JobStopped); err != nil {
			return nil, err
		}
		caller = calls.Customization(calls.Job{Status: jobs}, caller)
	}
	return caller, nil
}
