package server

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"github.com/sfnkit/sfnkit/emulator"
)

// mapRun is a map run that has begun: what its children and its parent's history tell.
type mapRun struct {
	seq        int64
	arn, label string
	parent     *execution
	spec       *emulator.MapRun
	revision   *revision    // of the children
	children   []*execution // guarded by the server's lock; oldest first

	concurrency *int32 // set by UpdateMapRun
	count       *int64
	percentage  *float32
}

// child takes note of a child execution that begins.
func (s *Server) child(parent *execution, spec *emulator.MapRun, h *emulator.Handle) {
	var info emulator.Info
	h.View(func(x *emulator.Execution) { info = x.Info() })
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.mapRuns[spec.ARN]
	if m == nil {
		s.seq++
		rev := *parent.revision
		m = &mapRun{seq: s.seq, arn: spec.ARN, label: spec.Label, parent: parent, spec: spec, revision: &rev}
		s.mapRuns[spec.ARN] = m
	}
	s.seq++
	e := &execution{seq: s.seq, arn: info.ARN, name: info.Name, of: m, revision: m.revision, handle: h}
	m.children = append(m.children, e)
	if !spec.Express {
		s.executions[e.arn] = e
	}
}

// items returns how many items a child execution has.
func (e *execution) items() int32 {
	if e.of == nil || !e.of.spec.Batched {
		return 1
	}
	n := 1
	e.view(func(x *emulator.Execution) {
		in, _ := x.Input()
		n = in.Get("Items").Len()
	})
	return int32(n)
}

// describeMapRunMachine describes the state machine that the children of a map run are
// executions of: arn:...:stateMachine:name/label. Called under the lock.
func (s *Server) describeMapRunMachine(r resource, _ *sfn.DescribeStateMachineInput) (*sfn.DescribeStateMachineOutput, error) {
	return nil, noMachine(r.full)
}

// findMapRun returns a map run, also one that never had children.
func (s *Server) findMapRun(arn string) (*mapRun, error) {
	if _, err := parseARN(arn, "mapRun"); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if m := s.mapRuns[arn]; m != nil {
		return m, nil
	}
	return nil, noResource(arn)
}

// mapRunEvents calls f with the ARN, status and times of every map run in a history.
func mapRunEvents(x *emulator.Execution, f func(arn string, status types.MapRunStatus, from, to int64)) {
	type run struct {
		arn      string
		status   types.MapRunStatus
		from, to int64
	}
	var runs []run
	open := make(map[int32]int) // event id -> index
	for e := range x.History().All {
		switch e.Type {
		case emulator.MapRunStarted:
			open[e.ID] = len(runs)
			runs = append(runs, run{arn: e.Detail.ARN, status: types.MapRunStatusRunning, from: e.Time})
		case emulator.MapRunSucceeded, emulator.MapRunFailed, emulator.MapRunAborted:
			if i, ok := open[e.PreviousID]; ok {
				runs[i].to = e.Time
				runs[i].status = map[emulator.EventType]types.MapRunStatus{
					emulator.MapRunSucceeded: types.MapRunStatusSucceeded, emulator.MapRunFailed: types.MapRunStatusFailed, emulator.MapRunAborted: types.MapRunStatusAborted,
				}[e.Type]
			}
		}
	}
	for _, r := range runs {
		if r.status == types.MapRunStatusRunning && x.Status() != emulator.Running {
			r.status, r.to = types.MapRunStatusAborted, x.Stopped()
		}
		f(r.arn, r.status, r.from, r.to)
	}
}

func (s *Server) describeMapRun(_ context.Context, in *sfn.DescribeMapRunInput) (*sfn.DescribeMapRunOutput, error) {
	m, err := s.findMapRun(*in.MapRunArn)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	children := m.children
	concurrency, count, percentage := m.concurrency, m.count, m.percentage
	s.mu.Unlock()
	out := &sfn.DescribeMapRunOutput{
		ExecutionArn: &m.parent.arn, MapRunArn: &m.arn, MaxConcurrency: int32(m.spec.Concurrency), RedriveCount: aws.Int32(0),
		ToleratedFailureCount: max(m.spec.ToleratedCount, 0), ToleratedFailurePercentage: float32(max(m.spec.ToleratedPercentage, 0)),
		ExecutionCounts: &types.MapRunExecutionCounts{}, ItemCounts: &types.MapRunItemCounts{},
	}
	if concurrency != nil {
		out.MaxConcurrency = *concurrency
	}
	if count != nil {
		out.ToleratedFailureCount = *count
	}
	if percentage != nil {
		out.ToleratedFailurePercentage = *percentage
	}
	m.parent.view(func(x *emulator.Execution) {
		mapRunEvents(x, func(arn string, status types.MapRunStatus, from, to int64) {
			if arn == m.arn {
				out.Status, out.StartDate = status, millis(from)
				if to > 0 {
					out.StopDate = millis(to)
				}
			}
		})
	})
	x, it := out.ExecutionCounts, out.ItemCounts
	for _, e := range children {
		n := int64(e.items())
		var status emulator.Status
		e.view(func(x *emulator.Execution) { status = x.Status() })
		x.Total++
		it.Total += n
		switch status {
		case emulator.Running:
			x.Running++
			it.Running += n
		case emulator.Succeeded:
			x.Succeeded++
			it.Succeeded += n
		case emulator.Failed:
			x.Failed++
			it.Failed += n
		case emulator.TimedOut:
			x.TimedOut++
			it.TimedOut += n
		case emulator.Aborted:
			x.Aborted++
			it.Aborted += n
		}
	}
	if m.spec.Writer != nil && out.Status == types.MapRunStatusSucceeded {
		x.ResultsWritten, it.ResultsWritten = x.Succeeded+x.Failed, it.Succeeded+it.Failed
	}
	return out, nil
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
		mapRunEvents(x, func(arn string, _ types.MapRunStatus, from, to int64) {
			label := arn[strings.LastIndexByte(arn, '/')+1:]
			label, _, _ = strings.Cut(label, ":")
			item := types.MapRunListItem{ExecutionArn: &e.arn, MapRunArn: aws.String(arn), StartDate: millis(from), StateMachineArn: aws.String(machine + "/" + label)}
			if to > 0 {
				item.StopDate = millis(to)
			}
			all = append(all, item)
		})
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
	running := false
	m.parent.view(func(x *emulator.Execution) {
		mapRunEvents(x, func(arn string, status types.MapRunStatus, _, _ int64) {
			running = running || arn == m.arn && status == types.MapRunStatusRunning
		})
	})
	if !running {
		e := failure("ValidationException", "Map Run is not in a state that can be updated: '%s'", m.arn)
		e.Reason = string(types.ValidationExceptionReasonCannotUpdateCompletedMapRun)
		return nil, e
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if in.MaxConcurrency != nil {
		m.concurrency = in.MaxConcurrency
	}
	if in.ToleratedFailureCount != nil {
		m.count = in.ToleratedFailureCount
	}
	if in.ToleratedFailurePercentage != nil {
		m.percentage = in.ToleratedFailurePercentage
	}
	return &sfn.UpdateMapRunOutput{}, nil
}
