package server

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"github.com/sfnkit/sfnkit/emulator"
)

// mapRun is a map run that has begun. What it is doing, its parent's engine tells, and its
// parent's history. All fields but the first ones are guarded by the server's lock.
type mapRun struct {
	arn, label string
	parent     *execution
	revision   *revision // of the children
	batched    bool

	children []*execution // oldest first
	ended    int          // how many of them have ended
	gone     int          // how many of them are not remembered any more
}

// keptChildren is how many ended child executions of one map run are remembered.
const keptChildren = 10000

// childBegins takes note of a child execution that begins, or begins again.
func (s *Server) childBegins(spec *emulator.MapRun, h *emulator.Handle) {
	var info emulator.Info
	h.View(func(x *emulator.Execution) { info = x.Info() })
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.executions[info.ARN]; e != nil {
		e.mu.Lock()
		e.handle = h
		e.mu.Unlock()
		e.endedAt = 0
		e.of.ended--
		return
	}
	m := s.mapRuns[spec.ARN]
	if m == nil {
		parent := s.executions[spec.Parent.ARN]
		if parent == nil { // an express one, which the API does not show
			return
		}
		m = &mapRun{arn: spec.ARN, label: spec.Label, parent: parent, revision: processorOf(parent.revision, spec), batched: spec.Batched}
		s.mapRuns[spec.ARN] = m
		own := parent.own()
		own.mapRuns = append(own.mapRuns, m)
	}
	s.seq++
	e := &execution{seq: s.seq, arn: info.ARN, nameAt: int32(strings.LastIndex(info.ARN, info.Name)), of: m, revision: m.revision, handle: h}
	m.children = append(m.children, e)
	s.executions[e.arn] = e
}

// processorOf is the revision of the children of a map run: their definition is the state's
// ItemProcessor, as recorded (2026-09, published in github.com/radkawar/stackd).
func processorOf(of *revision, spec *emulator.MapRun) *revision {
	rev := *of
	rev.compiled = spec.Machine
	def := spec.Machine.Definition()
	rev.text = (*processor)(def).String()
	rev.references, _ = variableReferences(def)
	return &rev
}

// childEnds takes note of a child execution that has ended.
func (s *Server) childEnds(spec *emulator.MapRun, x *emulator.Execution) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, e := s.mapRuns[spec.ARN], s.executions[x.Info().ARN]
	if m == nil || e == nil {
		return
	}
	e.endedAt = now()
	s.ended = append(s.ended, e)
	if m.ended++; m.ended > keptChildren+keptChildren/4 {
		drop := m.ended - keptChildren
		for _, c := range m.children {
			if drop == 0 {
				break
			}
			if c.endedAt > 0 && !c.evicted {
				s.evict(c)
				drop--
			}
		}
	}
	s.forget()
}

// items returns how many items a child execution has.
func (e *execution) items(batched bool) int32 {
	n := 1
	if batched {
		e.view(func(x *emulator.Execution) {
			in, _ := x.Input()
			n = in.Get("Items").Len()
		})
	}
	return int32(n)
}

// findMapRun returns a map run, also one that never had children.
func (s *Server) findMapRun(arn string) (*mapRun, error) {
	r, err := parseARN(arn, "mapRun")
	if err != nil {
		return nil, err
	}
	name, label, _ := strings.Cut(r.name, "/")
	s.mu.Lock()
	m := s.mapRuns[arn]
	var candidates []*execution
	if of, ok := s.machines.get(r.prefix + "stateMachine:" + name); m == nil && ok {
		candidates = of.executions
	}
	s.mu.Unlock()
	if m != nil {
		return m, nil
	}
	for _, e := range candidates {
		found := false
		e.view(func(x *emulator.Execution) {
			for _, h := range mapRunsOf(x) {
				found = found || h.arn == arn
			}
		})
		if found {
			return &mapRun{arn: arn, label: label, parent: e, revision: e.revision}, nil
		}
	}
	return nil, noResource(arn)
}

// mapRunHistory is what the history of an execution tells of a map run.
type mapRunHistory struct {
	arn      string
	status   types.MapRunStatus
	from, to int64 // to is 0 while it goes on
	redrives int32
	redriven int64 // when it was last
}

// mapRunsOf returns the map runs of an execution.
func mapRunsOf(x *emulator.Execution) []mapRunHistory {
	var runs []mapRunHistory
	open := make(map[int32]int) // the event that the end of a run follows -> index
	for e := range x.History().All {
		switch e.Type {
		case emulator.MapRunStarted:
			open[e.ID] = len(runs)
			runs = append(runs, mapRunHistory{arn: e.Detail.ARN, status: types.MapRunStatusRunning, from: e.Time})
		case emulator.MapRunRedriven:
			i := slices.IndexFunc(runs, func(r mapRunHistory) bool { return r.arn == e.Detail.ARN })
			if i < 0 {
				continue
			}
			open[e.ID] = i
			runs[i].status, runs[i].to = types.MapRunStatusRunning, 0
			runs[i].redrives, runs[i].redriven = e.Detail.Count, e.Time
		case emulator.MapRunSucceeded, emulator.MapRunFailed, emulator.MapRunAborted:
			if i, ok := open[e.PreviousID]; ok {
				runs[i].to = e.Time
				runs[i].status = map[emulator.EventType]types.MapRunStatus{
					emulator.MapRunSucceeded: types.MapRunStatusSucceeded, emulator.MapRunFailed: types.MapRunStatusFailed, emulator.MapRunAborted: types.MapRunStatusAborted,
				}[e.Type]
			}
		}
	}
	for i := range runs {
		if r := &runs[i]; r.status == types.MapRunStatusRunning && x.Status() != emulator.Running {
			r.status, r.to = types.MapRunStatusAborted, x.Stopped()
		}
	}
	return runs
}

func (s *Server) describeMapRun(_ context.Context, in *sfn.DescribeMapRunInput) (*sfn.DescribeMapRunOutput, error) {
	m, err := s.findMapRun(*in.MapRunArn)
	if err != nil {
		return nil, err
	}
	out := &sfn.DescribeMapRunOutput{
		ExecutionArn: &m.parent.arn, MapRunArn: &m.arn, ExecutionCounts: &types.MapRunExecutionCounts{}, ItemCounts: &types.MapRunItemCounts{},
	}
	m.parent.view(func(x *emulator.Execution) {
		for _, r := range mapRunsOf(x) {
			if r.arn != m.arn {
				continue
			}
			out.Status, out.StartDate, out.RedriveCount = r.status, millis(r.from), &r.redrives
			if r.redriven > 0 {
				out.RedriveDate = millis(r.redriven)
			}
			if r.to > 0 {
				out.StopDate = millis(r.to)
			}
		}
	})
	if st, ok := m.parent.running().MapRun(m.arn); ok {
		x, it := executionCounts(st.Executions), types.MapRunItemCounts(executionCounts(st.Items))
		out.ExecutionCounts, out.ItemCounts = &x, &it
		out.MaxConcurrency, out.ToleratedFailureCount = int32(st.Spec.Concurrency), max(st.Spec.ToleratedCount, 0)
		out.ToleratedFailurePercentage = float32(max(st.Spec.ToleratedPercentage, 0))
	}
	return out, nil
}

func executionCounts(c emulator.Counts) types.MapRunExecutionCounts {
	return types.MapRunExecutionCounts{
		Pending: c.Pending, Running: c.Running, Succeeded: c.Succeeded, Failed: c.Failed, TimedOut: c.TimedOut, Aborted: c.Aborted,
		Total: c.Total, ResultsWritten: c.ResultsWritten, FailuresNotRedrivable: &c.FailuresNotRedrivable, PendingRedrive: &c.PendingRedrive,
	}
}

func (s *Server) listMapRuns(_ context.Context, in *sfn.ListMapRunsInput) (*sfn.ListMapRunsOutput, error) {
	e, err := s.find(*in.ExecutionArn)
	if err != nil {
		return nil, err
	}
	scope := "map runs " + e.arn
	skip, err := s.unseal(in.NextToken, scope, 0)
	if err != nil {
		return nil, err
	}
	var all []types.MapRunListItem
	e.view(func(x *emulator.Execution) {
		machine := x.Info().StateMachineARN
		machine, _, _ = strings.Cut(machine, "/")
		for _, r := range mapRunsOf(x) {
			label := r.arn[strings.LastIndexByte(r.arn, '/')+1:]
			label, _, _ = strings.Cut(label, ":")
			item := types.MapRunListItem{ExecutionArn: &e.arn, MapRunArn: &r.arn, StartDate: millis(r.from), StateMachineArn: aws.String(machine + "/" + label)}
			if r.to > 0 {
				item.StopDate = millis(r.to)
			}
			all = append(all, item)
		}
	})
	out := &sfn.ListMapRunsOutput{MapRuns: []types.MapRunListItem{}}
	n := pageLimit(in.MaxResults)
	for i := int(skip); i < len(all); i++ {
		if len(out.MapRuns) == n {
			out.NextToken = s.seal(int64(i), scope)
			break
		}
		out.MapRuns = append(out.MapRuns, all[i])
	}
	return out, nil
}

func (s *Server) updateMapRun(_ context.Context, in *sfn.UpdateMapRunInput) (*sfn.UpdateMapRunOutput, error) {
	m, err := s.findMapRun(*in.MapRunArn)
	if err != nil {
		return nil, err
	}
	if in.MaxConcurrency == nil && in.ToleratedFailureCount == nil && in.ToleratedFailurePercentage == nil {
		e := failure("ValidationException", "At least one of maxConcurrency, toleratedFailureCount and toleratedFailurePercentage must be specified")
		e.Reason = string(types.ValidationExceptionReasonMissingRequiredParameter)
		return nil, e
	}
	var concurrency *int
	if in.MaxConcurrency != nil {
		concurrency = aws.Int(int(*in.MaxConcurrency))
	}
	var percentage *float64
	if in.ToleratedFailurePercentage != nil {
		percentage = aws.Float64(float64(*in.ToleratedFailurePercentage))
	}
	if !m.parent.running().UpdateMapRun(m.arn, concurrency, in.ToleratedFailureCount, percentage) {
		e := failure("ValidationException", "Map Run is not in a state that can be updated: '%s'", m.arn)
		e.Reason = string(types.ValidationExceptionReasonCannotUpdateCompletedMapRun)
		return nil, e
	}
	return &sfn.UpdateMapRunOutput{}, nil
}
