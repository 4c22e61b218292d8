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
// All fields but the first ones are guarded by the server's lock.
type mapRun struct {
	arn, label string
	parent     *execution
	revision   *revision // of the children

	spec     *emulator.MapRun // as it is now
	children []*execution     // oldest first
	ended    int              // how many of them have ended
	gone     int              // how many of them are not remembered any more
	counts   types.MapRunExecutionCounts
	items    types.MapRunItemCounts
}

// keptChildren is how many ended child executions of one map run are remembered.
const keptChildren = 10000

// childBegins takes note of a child execution.
func (s *Server) childBegins(parent *execution, spec *emulator.MapRun, h *emulator.Handle) {
	var info emulator.Info
	n := int64(1)
	h.View(func(x *emulator.Execution) {
		info = x.Info()
		n = itemsOf(spec, x)
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.mapRuns[spec.ARN]
	if m == nil {
		rev := *parent.revision
		m = &mapRun{arn: spec.ARN, label: spec.Label, parent: parent, revision: &rev}
		s.mapRuns[spec.ARN] = m
		own := parent.own()
		own.mapRuns = append(own.mapRuns, m)
	}
	m.spec = spec
	m.counts.Total++
	m.counts.Running++
	m.items.Total += n
	m.items.Running += n
	if spec.Express {
		return
	}
	s.seq++
	e := &execution{seq: s.seq, arn: info.ARN, name: info.Name, of: m, revision: m.revision, handle: h}
	m.children = append(m.children, e)
	s.executions[e.arn] = e
}

// childEnds counts a child execution that has ended.
func (s *Server) childEnds(spec *emulator.MapRun, x *emulator.Execution) {
	n := itemsOf(spec, x)
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.mapRuns[spec.ARN]
	if m == nil {
		return
	}
	m.counts.Running--
	m.items.Running -= n
	switch x.Status() {
	case emulator.Succeeded:
		m.counts.Succeeded++
		m.items.Succeeded += n
	case emulator.TimedOut:
		m.counts.TimedOut++
		m.items.TimedOut += n
	case emulator.Aborted:
		m.counts.Aborted++
		m.items.Aborted += n
	default:
		m.counts.Failed++
		m.items.Failed += n
	}
	e := s.executions[x.Info().ARN]
	if e == nil {
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

// itemsOf returns how many items a child execution has.
func itemsOf(spec *emulator.MapRun, x *emulator.Execution) int64 {
	if !spec.Batched {
		return 1
	}
	in, _ := x.Input()
	return int64(in.Get("Items").Len())
}

// items returns how many items a child execution has.
func (e *execution) items(spec *emulator.MapRun) int32 {
	n := int64(1)
	e.view(func(x *emulator.Execution) { n = itemsOf(spec, x) })
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
			mapRunEvents(x, func(a string, _ types.MapRunStatus, _, _ int64) { found = found || a == arn })
		})
		if found {
			return &mapRun{arn: arn, label: label, parent: e, revision: e.revision}, nil
		}
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
	out := &sfn.DescribeMapRunOutput{ExecutionArn: &m.parent.arn, MapRunArn: &m.arn}
	writes := false
	s.mu.Lock()
	if m.spec != nil {
		out.MaxConcurrency = int32(m.spec.Concurrency)
		out.ToleratedFailureCount = max(m.spec.ToleratedCount, 0)
		out.ToleratedFailurePercentage = float32(max(m.spec.ToleratedPercentage, 0))
		writes = m.spec.Writer != nil
	}
	x, it := m.counts, m.items
	out.RedriveCount = aws.Int32(0) // a redriven execution starts a new map run
	s.mu.Unlock()
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
	if st, ok := m.parent.running().MapRun(m.arn); ok {
		x, it = executionCounts(st.Executions), types.MapRunItemCounts(executionCounts(st.Items))
		out.MaxConcurrency, out.ToleratedFailureCount = int32(st.Spec.Concurrency), max(st.Spec.ToleratedCount, 0)
		out.ToleratedFailurePercentage = float32(max(st.Spec.ToleratedPercentage, 0))
	} else if writes && out.Status == types.MapRunStatusSucceeded {
		x.ResultsWritten, it.ResultsWritten = x.Succeeded+x.Failed, it.Succeeded+it.Failed
	}
	out.ExecutionCounts, out.ItemCounts = &x, &it
	return out, nil
}

func executionCounts(c emulator.Counts) types.MapRunExecutionCounts {
	return types.MapRunExecutionCounts{Running: c.Running, Succeeded: c.Succeeded, Failed: c.Failed, TimedOut: c.TimedOut, Aborted: c.Aborted,
		Total: c.Total, ResultsWritten: c.ResultsWritten}
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
	if st, ok := m.parent.running().MapRun(m.arn); ok {
		s.mu.Lock()
		m.spec = st.Spec
		s.mu.Unlock()
	}
	return &sfn.UpdateMapRunOutput{}, nil
}
