package server

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"math/big"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"github.com/sfnkit/sfnkit/asl/value"
	"github.com/sfnkit/sfnkit/emulator"
)

// execution is an execution of a STANDARD state machine, or a child of a map run. (Those
// of EXPRESS machines are not kept: the API does not show them.)
type execution struct {
	seq      int64
	arn      string
	nameAt   int32     // where the name stands in the ARN
	evicted  bool      // guarded by the server's lock
	machine  *machine  // nil for a child of a map run
	of       *mapRun   // likewise
	revision *revision // of the state machine at the start
	endedAt  int64     // guarded by the server's lock; 0 while running
	some     atomic.Pointer[particulars]

	mu     sync.Mutex // held until the execution has begun
	handle *emulator.Handle
}

// name is the last part of the ARN. That of a child that is an EXPRESS execution shows its
// id as well.
func (e *execution) name() string { return e.arn[e.nameAt:] }

// particulars are what few executions have: a hundred thousand may wait at once.
type particulars struct {
	version string // ARN, "" if started without one
	alias   string
	trace   *string

	// Guarded by the server's lock.
	mapRuns  []*mapRun
	redriven int64       // time of the last redrive, 0 if there was none
	tokens   []usedToken // of the last redrives, oldest first
}

// usedToken is a client's token and the redrive that it was used for.
type usedToken struct {
	token string
	at    int64
}

// How many client tokens of redrives are remembered, and how long (API reference,
// RedriveExecution).
const (
	rememberedRedrives = 10
	rememberedFor      = 15 * 60 * 1000
)

// redriveOf returns the time of the redrive that a client's token was used for, 0 if it is
// not known. A token that is known gets that answer whatever the execution does now
// (recorded 2026-09, published in github.com/radkawar/stackd).
func (p *particulars) redriveOf(token string, now int64) int64 {
	for _, u := range p.tokens {
		if u.token == token && token != "" && now-u.at < rememberedFor {
			return u.at
		}
	}
	return 0
}

func (p *particulars) remember(token string, at int64) {
	if token == "" {
		return
	}
	if len(p.tokens) >= rememberedRedrives {
		p.tokens = p.tokens[1:]
	}
	p.tokens = append(p.tokens, usedToken{token, at})
}

// particulars returns what there is, for reading.
func (e *execution) particulars() *particulars {
	if p := e.some.Load(); p != nil {
		return p
	}
	return &noParticulars
}

var noParticulars particulars // nothing changes it

// own returns the particulars for writing. Called under the server's lock.
func (e *execution) own() *particulars {
	if e.some.Load() == nil {
		e.some.Store(&particulars{})
	}
	return e.some.Load()
}

func (e *execution) running() *emulator.Handle {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.handle
}

// view calls f with the running or ended execution.
func (e *execution) view(f func(x *emulator.Execution)) {
	e.running().View(f)
}

func (e *execution) status() (st types.ExecutionStatus) {
	e.view(func(x *emulator.Execution) { st = types.ExecutionStatus(x.Status()) })
	return st
}

func newUUID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	d := make([]byte, 36)
	hex.Encode(d, b[:4])
	hex.Encode(d[9:], b[4:6])
	hex.Encode(d[14:], b[6:8])
	hex.Encode(d[19:], b[8:10])
	hex.Encode(d[24:], b[10:])
	d[8], d[13], d[18], d[23] = '-', '-', '-', '-'
	return string(d)
}

// order is what somebody wants to start.
type order struct {
	arn      string
	testCase string
	name     string
	input    string
	value    value.Value
	trace    *string

	machine  *machine
	revision *revision
	version  string
	alias    string
}

// prepare judges a request to start an execution.
func (s *Server) prepare(ctx context.Context, arn, name, input, trace *string) (*order, error) {
	o := &order{arn: *arn, input: "{}", value: value.EmptyObject}
	for i := 0; i < len(o.arn); i++ {
		if o.arn[i] == '#' {
			o.arn, o.testCase = o.arn[:i], o.arn[i+1:]
			break
		}
	}
	r, err := parseARN(o.arn, "stateMachine")
	if err != nil {
		return nil, err
	}
	if name != nil {
		if err := checkName(*name); err != nil {
			return nil, err
		}
		o.name = *name
	} else {
		o.name = newUUID()
	}
	s.mu.Lock()
	err = s.locate(o, r)
	s.mu.Unlock()
	if err != nil {
		return nil, err
	}
	o.trace = traceOf(ctx, trace, o.revision.tracing.Enabled)
	if input != nil {
		o.input = *input
		v, err := value.ParseString(o.input)
		if err != nil {
			return nil, failure("InvalidExecutionInput", "Invalid State Machine Execution Input: '%s'", inputProblem(o.input))
		}
		o.value = v
	}
	return o, nil
}

// locate finds what an order is for. Called under the lock.
func (s *Server) locate(o *order, r resource) error {
	m, ok := s.machines.get(r.machine())
	if !ok {
		if r.isLabeled() {
			return labeled(o.arn)
		}
		return noMachine(o.arn)
	}
	if m.deleting {
		return deleting(m.arn)
	}
	o.machine, o.revision = m, m.current
	if r.rest == "" {
		return nil
	}
	v := m.version(o.arn)
	if a := m.alias(r.rest); a != nil {
		o.alias = a.arn
		v = m.version(*a.routing[pick(a.routing)].StateMachineVersionArn)
	}
	if v == nil {
		return noQualified(r)
	}
	o.revision, o.version = v.revision, v.arn
	return nil
}

// labeled refuses the ARN of a Map state of a state machine.
func labeled(arn string) error {
	e := failure("ValidationException", "This operation does not support labeled state machine ARNs: '%s'", arn)
	e.Reason = string(types.ValidationExceptionReasonApiDoesNotSupportLabeledArns)
	return e
}

// pick draws an entry of a routing configuration by its weight.
func pick(items []types.RoutingConfigurationListItem) int {
	if len(items) < 2 {
		return 0
	}
	n, err := rand.Int(rand.Reader, big.NewInt(100))
	if err == nil && n.Int64() >= int64(items[0].Weight) {
		return 1
	}
	return 0
}

func (s *Server) info(o *order, arn string) emulator.Info {
	return emulator.Info{
		ARN: arn, Name: o.name, RoleARN: o.revision.roleARN, StateMachineARN: o.machine.arn, StateMachineName: o.machine.name,
		Region: s.opts.Region, Account: s.opts.Account, Partition: s.opts.Partition, Express: o.machine.typ == types.StateMachineTypeExpress,
	}
}

func (s *Server) startExecution(ctx context.Context, in *sfn.StartExecutionInput) (*sfn.StartExecutionOutput, error) {
	o, err := s.prepare(ctx, in.StateMachineArn, in.Name, in.Input, in.TraceHeader)
	if err != nil {
		return nil, err
	}
	if o.machine.typ == types.StateMachineTypeExpress {
		arn, h, err := s.startExpress(o, nil)
		if err != nil {
			return nil, err
		}
		return &sfn.StartExecutionOutput{ExecutionArn: &arn, StartDate: millis(startOf(h))}, nil
	}
	e, err := s.start(o)
	if err != nil {
		return nil, err
	}
	return &sfn.StartExecutionOutput{ExecutionArn: &e.arn, StartDate: millis(e.start())}, nil
}

func startOf(h *emulator.Handle) (ms int64) {
	h.View(func(x *emulator.Execution) { ms = x.Started() })
	return ms
}

func (e *execution) start() (ms int64) {
	e.view(func(x *emulator.Execution) { ms = x.Started() })
	return ms
}

// start starts an execution of a STANDARD state machine, or returns the one that the same
// request started before and that is still running.
func (s *Server) start(o *order) (*execution, error) {
	env, err := s.environment(o)
	if err != nil {
		return nil, err
	}
	arn := s.prefix + "execution:" + o.machine.name + ":" + o.name
	e := &execution{arn: arn, nameAt: int32(len(arn) - len(o.name)), machine: o.machine, revision: o.revision}
	if o.version != "" || o.trace != nil {
		e.some.Store(&particulars{version: o.version, alias: o.alias, trace: o.trace})
	}
	e.mu.Lock()
	s.mu.Lock()
	old := s.executions[arn]
	if old != nil && old.machine != nil && old.machine.buried {
		// With a state machine its executions go. Here they can be looked at until something
		// else takes their place.
		s.evict(old)
		old = nil
	}
	if old != nil {
		s.mu.Unlock()
		e.mu.Unlock()
		p := old.particulars()
		same := old.machine == o.machine && p.version == o.version && p.alias == o.alias
		if same {
			old.view(func(x *emulator.Execution) {
				_, input := x.Input()
				same = x.Status() == emulator.Running && input == o.input
			})
		}
		if same {
			return old, nil
		}
		return nil, failure("ExecutionAlreadyExists", "Execution Already Exists: '%s'", arn)
	}
	if o.machine.deleting {
		s.mu.Unlock()
		e.mu.Unlock()
		return nil, deleting(o.machine.arn)
	}
	if s.open >= maxOpen && !s.opts.NoLimits {
		s.mu.Unlock()
		e.mu.Unlock()
		return nil, tooMany()
	}
	s.open++
	s.seq++
	e.seq = s.seq
	s.executions[arn] = e
	o.machine.executions = append(o.machine.executions, e)
	o.machine.running++
	s.mu.Unlock()

	e.handle = s.engine.Start(o.revision.compiled, emulator.StartOptions{Info: s.info(o, arn), Input: o.value, Text: o.input, Environment: env})
	e.mu.Unlock()
	return e, nil
}

// environment is what an execution runs in: that of all others, unless it is logged or runs
// in a test case. There its activities may be mocked, so that none need be there.
func (s *Server) environment(o *order) (*emulator.Environment, error) {
	if o.testCase != "" {
		caller, err := s.mocked(o.machine.name, o.testCase)
		if err != nil {
			return nil, err
		}
		return s.surround(caller, nil, o.revision), nil
	}
	if !s.logs(o.revision) {
		return s.env, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if o.revision.env == nil {
		o.revision.env = s.surround(s.caller(), s.hasActivity, o.revision)
	}
	return o.revision.env, nil
}

// surround makes an Environment for executions of a revision, which may be nil.
func (s *Server) surround(c emulator.Caller, activity func(string) bool, rev *revision) *emulator.Environment {
	env := &emulator.Environment{Caller: c, Activity: activity, OnEnd: s.over, OnChild: s.childBegins, OnChildEnd: s.childEnds}
	if rev != nil && s.logs(rev) {
		env.OnEvents = func(x *emulator.Execution, from int) { s.log(rev.logging, x, from) }
	}
	return env
}

// maxOpen is how many executions of STANDARD state machines an account may have open at
// once (Step Functions guide, quotas).
const maxOpen = 1000000

// tooMany refuses another execution. The words are not recorded.
func tooMany() error {
	return failure("ExecutionLimitExceeded", "The maximum number of running executions (%d) has been reached.", maxOpen)
}

// over takes note of the end of an execution.
func (s *Server) over(x *emulator.Execution) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.executions[x.Info().ARN]
	if e == nil { // nobody shows it any more
		return
	}
	e.endedAt = now()
	s.ended = append(s.ended, e)
	if e.machine != nil {
		e.machine.running--
		s.open--
		s.bury(e.machine)
	}
	s.forget()
}

// forget drops the oldest ended executions that are beyond the bounds. Called under the
// lock.
func (s *Server) forget() {
	keep := s.opts.KeepExecutions
	if s.opts.KeepBytes > 0 && s.heap.exceeds(s.opts.KeepBytes) {
		keep = min(keep, len(s.ended)-len(s.ended)/4)
	}
	i := 0
	for i < len(s.ended) && (len(s.ended)-i > keep || s.ended[i].endedAt < now()-s.opts.KeepFor.Milliseconds()) {
		e := s.ended[i]
		s.ended[i] = nil
		i++
		if e.evicted {
			s.stale--
			continue
		}
		if e.endedAt == 0 { // it was redriven and goes on
			continue
		}
		s.evict(e)
		s.stale--
	}
	if i > 0 {
		s.ended = s.ended[i:]
	}
	if s.stale > 64 && s.stale*2 > len(s.ended) {
		s.ended, s.stale = kept(s.ended), 0
	}
}

// evict drops an execution. Called under the lock.
func (s *Server) evict(e *execution) {
	e.evicted = true
	if e.endedAt > 0 {
		s.stale++
	}
	delete(s.executions, e.arn)
	for _, m := range e.particulars().mapRuns {
		delete(s.mapRuns, m.arn)
		for _, c := range m.children {
			delete(s.executions, c.arn)
			if !c.evicted && c.endedAt > 0 {
				s.stale++
			}
			c.evicted = true
		}
	}
	if m := e.machine; m != nil {
		if m.gone++; m.gone > 64 && m.gone*2 > len(m.executions) {
			m.executions, m.gone = kept(m.executions), 0
		}
	}
	if m := e.of; m != nil {
		m.ended--
		if m.gone++; m.gone > 64 && m.gone*2 > len(m.children) {
			m.children, m.gone = kept(m.children), 0
		}
	}
}

func kept(list []*execution) []*execution {
	var out []*execution
	for _, e := range list {
		if !e.evicted {
			out = append(out, e)
		}
	}
	return out
}

// startExpress starts an execution of an EXPRESS state machine.
func (s *Server) startExpress(o *order, end func(*emulator.Execution)) (string, *emulator.Handle, error) {
	env, err := s.environment(o)
	if err != nil {
		return "", nil, err
	}
	s.mu.Lock()
	if o.machine.deleting {
		s.mu.Unlock()
		return "", nil, deleting(o.machine.arn)
	}
	o.machine.running++
	s.mu.Unlock()
	arn := s.prefix + "express:" + o.machine.name + ":" + o.name + ":" + newUUID()
	h := s.engine.Start(o.revision.compiled, emulator.StartOptions{
		Info: s.info(o, arn), Input: o.value, Text: o.input, Environment: env,
		OnEnd: func(x *emulator.Execution) {
			s.mu.Lock()
			o.machine.running--
			s.bury(o.machine)
			s.mu.Unlock()
			if end != nil {
				end(x)
			}
		},
	})
	return arn, h, nil
}

var includedTrue, includedFalse = &types.CloudWatchEventsExecutionDataDetails{Included: true}, &types.CloudWatchEventsExecutionDataDetails{}

// optional is the text of an error's name or cause, nil if there is none.
func optional(text string, missing bool) *string {
	if missing || text == "" {
		return nil
	}
	return &text
}

func (s *Server) startSyncExecution(ctx context.Context, in *sfn.StartSyncExecutionInput) (*sfn.StartSyncExecutionOutput, error) {
	o, err := s.prepare(ctx, in.StateMachineArn, in.Name, in.Input, in.TraceHeader)
	if err != nil {
		return nil, err
	}
	if o.machine.typ != types.StateMachineTypeExpress {
		return nil, wrongType()
	}
	arn, h, err := s.startExpress(o, nil)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.ctx, cancel)()
	if err := h.Wait(ctx); err != nil {
		return nil, err
	}
	out := &sfn.StartSyncExecutionOutput{ExecutionArn: &arn, Name: &o.name, StateMachineArn: &o.machine.arn, TraceHeader: o.trace}
	h.View(func(x *emulator.Execution) {
		out.StartDate, out.StopDate = millis(x.Started()), millis(x.Stopped())
		out.Status = types.SyncExecutionStatus(x.Status())
		if x.Status() == emulator.Aborted {
			out.Status = types.SyncExecutionStatusFailed
		}
		billed := max((x.Stopped()-x.Started()+99)/100*100, 100)
		out.BillingDetails = &types.BillingDetails{BilledDurationInMilliseconds: billed, BilledMemoryUsedInMB: 64}
		shown := includedTrue
		if in.IncludedData == types.IncludedDataMetadataOnly {
			shown = includedFalse
		}
		out.InputDetails, out.OutputDetails = shown, shown
		if shown.Included {
			_, text := x.Input()
			out.Input = &text
		}
		if x.Status() == emulator.Succeeded {
			if shown.Included {
				out.Output = aws.String(outputText(x))
			}
		} else if e := x.Err(); e != nil && shown.Included {
			out.Error, out.Cause = optional(e.Name, e.NoName), optional(e.Cause, e.NoCause)
		}
	})
	return out, nil
}

// outputText is the output as it was written: what was passed through from the input
// keeps its text.
func outputText(x *emulator.Execution) string {
	if h := x.History(); h.Len() > 0 {
		if e := h.At(h.Len() - 1); e.Type == emulator.ExecutionSucceeded {
			return e.Text()
		}
	}
	return x.Output().JSON()
}

// find returns an execution that the API shows.
func (s *Server) find(arn string) (*execution, error) {
	if _, err := parseARN(arn, "execution"); err != nil {
		return nil, err
	}
	return s.lookup(arn)
}

// findAny is find for the operations that also show the express child executions of a map
// run (recorded 2026-09, published in github.com/radkawar/stackd).
func (s *Server) findAny(arn string) (*execution, error) {
	r, err := parseARN(arn, "execution", "express")
	if err == nil && r.kind == "express" && !strings.Contains(r.name, "/") {
		_, err = parseARN(arn, "execution")
	}
	if err != nil {
		return nil, err
	}
	return s.lookup(arn)
}

func (s *Server) lookup(arn string) (*execution, error) {
	s.mu.Lock()
	e := s.executions[arn]
	s.mu.Unlock()
	if e == nil {
		return nil, noExecution(arn)
	}
	return e, nil
}

func ref(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func (e *execution) machineARN(x *emulator.Execution) *string {
	if e.machine != nil {
		return &e.machine.arn
	}
	arn := x.Info().StateMachineARN
	return &arn
}

// How long after its end an execution can be redriven, and how long after its start
// (API reference, RedriveExecution).
const (
	redrivePeriod = 14 * 24 * time.Hour
	maxOpenTime   = 365 * 24 * time.Hour
)

// redrivable says whether an execution can be redriven, and why not. That its state machine
// is being deleted does not show (recorded 2026-09, published in github.com/radkawar/stackd).
func (e *execution) redrivable(x *emulator.Execution) (types.ExecutionRedriveStatus, *string) {
	if reason := redriveProblem(x.Status(), x.Started(), x.Stopped(), now(), x.History().Len()); reason != "" {
		return types.ExecutionRedriveStatusNotRedrivable, &reason
	}
	if e.of != nil {
		return types.ExecutionRedriveStatusRedrivableByMapRun, nil
	}
	return types.ExecutionRedriveStatusRedrivable, nil
}

// redriveProblem returns why an execution cannot be redriven, "" if it can, in the words of
// the API reference (DescribeExecution, redriveStatusReason). Times are milliseconds since
// 1970.
func redriveProblem(st emulator.Status, started, stopped, now int64, events int) string {
	switch {
	case st == emulator.Running || st == emulator.Succeeded || st == emulator.PendingRedrive:
		return "Execution is " + string(st) + " and cannot be redriven"
	case now-stopped > redrivePeriod.Milliseconds():
		return "Execution redrivable period exceeded"
	case now-started > maxOpenTime.Milliseconds():
		return "Execution has exceeded the max execution time"
	case events >= emulator.DefaultLimits.Events-1:
		return "Execution history event limit exceeded"
	}
	return ""
}

func (s *Server) describeExecution(_ context.Context, in *sfn.DescribeExecutionInput) (*sfn.DescribeExecutionOutput, error) {
	e, err := s.findAny(*in.ExecutionArn)
	if err != nil {
		return nil, err
	}
	p := e.particulars()
	data := in.IncludedData != types.IncludedDataMetadataOnly
	shown := includedTrue
	if !data {
		shown = nil
	}
	out := &sfn.DescribeExecutionOutput{
		ExecutionArn: &e.arn, Name: ref(e.name()), InputDetails: shown, TraceHeader: p.trace,
		StateMachineVersionArn: ref(p.version), StateMachineAliasArn: ref(p.alias),
	}
	if e.of != nil {
		out.MapRunArn = &e.of.arn
	}
	e.view(func(x *emulator.Execution) {
		out.StartDate, out.Status, out.StateMachineArn = millis(x.Started()), types.ExecutionStatus(x.Status()), e.machineARN(x)
		if x.Stopped() > 0 {
			out.StopDate = millis(x.Stopped())
		}
		if data {
			_, text := x.Input()
			out.Input = &text
		}
		if x.Status() == emulator.Succeeded {
			out.OutputDetails = shown
			if data {
				out.Output = aws.String(outputText(x))
			}
		}
		// A machine that ran into its own TimeoutSeconds shows no error here.
		if f := x.Err(); f != nil && data && x.Status() != emulator.TimedOut {
			out.Error, out.Cause = optional(f.Name, f.NoName), optional(f.Cause, f.NoCause)
		}
		out.RedriveCount = aws.Int32(int32(x.Info().RedriveCount))
		if at := x.Redriven(); at > 0 {
			out.RedriveDate = millis(at)
		}
		out.RedriveStatus, out.RedriveStatusReason = e.redrivable(x)
	})
	return out, nil
}

func (s *Server) stopExecution(_ context.Context, in *sfn.StopExecutionInput) (*sfn.StopExecutionOutput, error) {
	e, err := s.find(*in.ExecutionArn)
	if err != nil {
		return nil, err
	}
	h := e.running()
	h.Stop(aws.ToString(in.Error), aws.ToString(in.Cause))
	out := &sfn.StopExecutionOutput{}
	h.View(func(x *emulator.Execution) { out.StopDate = millis(x.Stopped()) })
	return out, nil
}

func (s *Server) redriveExecution(_ context.Context, in *sfn.RedriveExecutionInput) (*sfn.RedriveExecutionOutput, error) {
	e, err := s.find(*in.ExecutionArn)
	if err != nil {
		return nil, err
	}
	token := aws.ToString(in.ClientToken)
	s.mu.Lock()
	at := e.particulars().redriveOf(token, now())
	s.mu.Unlock()
	if at > 0 {
		return &sfn.RedriveExecutionOutput{RedriveDate: millis(at)}, nil
	}
	// Recorded 2026-09, published in github.com/radkawar/stackd.
	invalid := func(reason string) error {
		return failure("ExecutionNotRedrivable", "Execution %s invalid for redrive as: %s", e.arn, reason)
	}
	refused := func() error {
		var reason *string
		e.view(func(x *emulator.Execution) { _, reason = e.redrivable(x) })
		if reason == nil {
			reason = aws.String("Execution cannot be redriven")
		}
		return invalid(*reason)
	}
	var status types.ExecutionRedriveStatus
	e.view(func(x *emulator.Execution) { status, _ = e.redrivable(x) })
	if status != types.ExecutionRedriveStatusRedrivable {
		return nil, refused()
	}
	s.mu.Lock()
	for e.endedAt == 0 { // it has just ended, and that has not been noted yet
		s.mu.Unlock()
		e.view(func(x *emulator.Execution) { status, _ = e.redrivable(x) })
		if status != types.ExecutionRedriveStatusRedrivable { // somebody else has redriven it
			return nil, refused()
		}
		runtime.Gosched()
		s.mu.Lock()
	}
	if e.evicted {
		s.mu.Unlock()
		return nil, noExecution(e.arn)
	}
	if e.machine.deleting {
		s.mu.Unlock()
		return nil, invalid("State machine is in DELETING status")
	}
	if s.open >= maxOpen && !s.opts.NoLimits {
		s.mu.Unlock()
		return nil, tooMany()
	}
	p := e.own()
	before, tokens, ended := p.redriven, p.tokens, e.endedAt
	p.redriven, e.endedAt = now(), 0
	p.remember(token, p.redriven)
	e.machine.running++
	s.open++
	s.mu.Unlock()
	if !e.running().Redrive() {
		s.mu.Lock()
		p.redriven, p.tokens, e.endedAt = before, tokens, ended
		e.machine.running--
		s.open--
		s.mu.Unlock()
		return nil, refused()
	}
	var date int64
	e.view(func(x *emulator.Execution) { date = x.Redriven() })
	s.mu.Lock()
	p.redriven = date
	s.mu.Unlock()
	return &sfn.RedriveExecutionOutput{RedriveDate: millis(date)}, nil
}

func (s *Server) listExecutions(_ context.Context, in *sfn.ListExecutionsInput) (*sfn.ListExecutionsOutput, error) {
	switch {
	case in.StateMachineArn == nil && in.MapRunArn == nil:
		return nil, failure("ValidationException", "1 validation error detected: Must provide a StateMachine ARN or MapRun ARN")
	case in.StateMachineArn != nil && in.MapRunArn != nil:
		return nil, failure("ValidationException", "1 validation error detected: Must provide either a StateMachine ARN or a MapRun ARN, but not both")
	}
	of := aws.ToString(in.StateMachineArn) + aws.ToString(in.MapRunArn)
	scope := "executions " + of + " " + string(in.StatusFilter) + " " + string(in.RedriveFilter)
	var r resource
	var err error
	if in.StateMachineArn != nil {
		if r, err = parseARN(of, "stateMachine"); err != nil {
			return nil, err
		}
		if in.RedriveFilter != "" {
			return nil, failure("ValidationException", "RedriveFilter cannot be applied to ListExecutions call with StateMachine ARN")
		}
		// Documented (API reference, ListExecutions); the words are not.
		if in.StatusFilter == types.ExecutionStatusPendingRedrive {
			return nil, failure("ValidationException", "StatusFilter PENDING_REDRIVE cannot be applied to ListExecutions call with StateMachine ARN")
		}
	} else if r, err = parseARN(of, "mapRun"); err != nil {
		return nil, err
	}
	before, err := s.unseal(in.NextToken, scope, 1<<62)
	if err != nil {
		return nil, err
	}
	list, batched, err := s.executionsOf(r)
	if err != nil {
		return nil, err
	}
	n := pageLimit(in.MaxResults)
	out := &sfn.ListExecutionsOutput{Executions: []types.ExecutionListItem{}}
	last := before
	for i := len(list) - 1; i >= 0; i-- {
		e := list[i]
		if e.seq >= before {
			continue
		}
		p := e.particulars()
		if r.kind == "stateMachine" && r.rest != "" && p.version != r.full && p.alias != r.full {
			continue
		}
		if in.StatusFilter != "" && e.status() != in.StatusFilter {
			continue
		}
		item := types.ExecutionListItem{ExecutionArn: &e.arn, Name: ref(e.name()), StateMachineVersionArn: ref(p.version), StateMachineAliasArn: ref(p.alias)}
		skip := false
		e.view(func(x *emulator.Execution) {
			item.Status = types.ExecutionStatus(x.Status())
			item.StartDate, item.StateMachineArn = millis(x.Started()), e.machineARN(x)
			if x.Stopped() > 0 {
				item.StopDate = millis(x.Stopped())
			}
			redrives := x.Info().RedriveCount
			item.RedriveCount = aws.Int32(int32(redrives))
			if at := x.Redriven(); at > 0 {
				item.RedriveDate = millis(at)
			}
			skip = in.StatusFilter != "" && in.StatusFilter != item.Status ||
				in.RedriveFilter == types.ExecutionRedriveFilterRedriven && redrives == 0 ||
				in.RedriveFilter == types.ExecutionRedriveFilterNotRedriven && redrives > 0
		})
		if skip {
			continue
		}
		if e.of != nil {
			item.MapRunArn = &e.of.arn
			item.ItemCount = aws.Int32(e.items(batched))
		}
		if len(out.Executions) == n {
			out.NextToken = s.seal(last, scope)
			break
		}
		last = e.seq
		out.Executions = append(out.Executions, item)
	}
	return out, nil
}

// executionsOf returns the executions of a state machine or a map run, oldest first.
func (s *Server) executionsOf(r resource) (list []*execution, batched bool, err error) {
	if r.kind == "mapRun" {
		m, err := s.findMapRun(r.full)
		if err != nil {
			return nil, false, err
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if m.gone > 0 {
			m.children, m.gone = kept(m.children), 0
		}
		return m.children, m.batched, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	m, ok := s.machines.get(r.machine())
	if !ok {
		return nil, false, noMachine(r.full)
	}
	if m.typ == types.StateMachineTypeExpress {
		return nil, false, wrongType()
	}
	if r.rest != "" && !m.published(r.rest) && m.alias(r.rest) == nil {
		return nil, false, noResource(r.full)
	}
	if m.gone > 0 {
		m.executions, m.gone = kept(m.executions), 0
	}
	return m.executions, false, nil
}

func (s *Server) describeStateMachineForExecution(_ context.Context, in *sfn.DescribeStateMachineForExecutionInput) (*sfn.DescribeStateMachineForExecutionOutput, error) {
	e, err := s.findAny(*in.ExecutionArn)
	if err != nil {
		return nil, err
	}
	rev := e.revision
	out := &sfn.DescribeStateMachineForExecutionOutput{
		RoleArn: &rev.roleARN, UpdateDate: millis(rev.updated), LoggingConfiguration: rev.logging, TracingConfiguration: rev.tracing,
		EncryptionConfiguration: rev.encryptionShown(), RevisionId: ref(rev.id),
	}
	e.view(func(x *emulator.Execution) {
		info := x.Info()
		out.Name, out.StateMachineArn = &info.StateMachineName, &info.StateMachineARN
	})
	if e.of != nil {
		out.MapRunArn, out.Label = &e.of.arn, &e.of.label
	}
	out.Definition, out.VariableReferences = &rev.text, rev.references
	if e.of == nil && in.IncludedData == types.IncludedDataMetadataOnly {
		out.Definition, out.VariableReferences = &noDefinition, nil
	}
	return out, nil
}

// historyOutput is a page of a history before it gets its wire form.
type historyOutput struct {
	events []*emulator.Event
	data   bool
	next   *string
}

func (h *historyOutput) raw() []byte {
	b := append(make([]byte, 0, 64+len(h.events)*192), `{"events":[`...)
	for i, e := range h.events {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendEvent(b, e, h.data)
	}
	b = append(b, ']')
	if h.next != nil {
		b = append(b, `,"nextToken":`...)
		b = value.AppendQuoted(b, *h.next)
	}
	return append(b, '}')
}

func (h *historyOutput) output() any {
	out := &sfn.GetExecutionHistoryOutput{NextToken: h.next}
	for _, e := range h.events {
		out.Events = append(out.Events, e.SDK(h.data))
	}
	return out
}

func (s *Server) getExecutionHistory(_ context.Context, in *sfn.GetExecutionHistoryInput) (*historyOutput, error) {
	e, err := s.find(*in.ExecutionArn)
	if err != nil {
		return nil, err
	}
	scope := "history " + e.arn
	if in.ReverseOrder {
		scope += " reverse"
	}
	skip, err := s.unseal(in.NextToken, scope, 0)
	if err != nil {
		return nil, err
	}
	n := pageLimit(in.MaxResults)
	var events []*emulator.Event
	total := 0
	e.view(func(x *emulator.Execution) {
		h := x.History()
		total = h.Len()
		if in.ReverseOrder {
			// The token of a reverse list counts down from the end that the list began at.
			top := total
			if in.NextToken != nil {
				top = int(skip)
			}
			for i := top - 1; i >= 0 && len(events) < n; i-- {
				events = append(events, h.At(i))
			}
			return
		}
		events = make([]*emulator.Event, 0, min(n, max(total-int(skip), 0)))
		for i := int(skip); i < total && len(events) < n; i++ {
			events = append(events, h.At(i))
		}
	})
	out := &historyOutput{events: events, data: in.IncludeExecutionData == nil || *in.IncludeExecutionData}
	if n := len(events); n > 0 {
		switch last := int64(events[n-1].ID); {
		case in.ReverseOrder && last > 1:
			out.next = s.seal(last-1, scope)
		case !in.ReverseOrder && int(last) < total:
			out.next = s.seal(last, scope)
		}
	}
	return out, nil
}
