package suite

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/sfnkit/sfnkit/asl/value"
	"github.com/sfnkit/sfnkit/emulator"
	"github.com/sfnkit/sfnkit/emulator/calls"
)

// Options says how [Run] runs.
type Options struct {
	// Run selects cases: it must match somewhere in "FILE: NAME". nil selects all.
	Run *regexp.Regexp
	// Parallel is how many cases run at once, 0 for one per processor.
	Parallel int
	// Timeout bounds the real time of a case, 0 for a minute. Virtual time has no bound.
	Timeout time.Duration
	// NewMembers lets SDK integrations have members that the emulator does not know.
	NewMembers bool
}

// Result is what came of a case.
type Result struct {
	File     *File
	Case     *Case
	Failures []Failure     // none: it passed
	Unused   []string      // mocks and responses of its own that were not given
	Path     []string      // the states that were entered
	Virtual  time.Duration // how long the execution took in virtual time
	Elapsed  time.Duration // and in real time

	shared sharing
}

// Report is what came of all cases, in the order of the files and of the cases in them.
type Report struct {
	Results  []Result
	Coverage []*Coverage // by definition, in the order in which they first appear
	// Unused are the mocks and responses that stand outside of the cases of a file and were
	// given in none of them, each with the name of the file.
	Unused []string
}

// Failed returns how many cases failed.
func (r *Report) Failed() int {
	n := 0
	for i := range r.Results {
		if len(r.Results[i].Failures) > 0 {
			n++
		}
	}
	return n
}

// Run runs the cases of test files, several at a time, in virtual time. The error is that
// of ctx.
func Run(ctx context.Context, files []*File, o Options) (*Report, error) {
	r := &Report{}
	coverage := map[string]*Coverage{}
	var jobs []func()
	whole := map[*File]bool{}
	for _, f := range files {
		c := coverage[filepath.Clean(f.Definition)]
		if c == nil {
			c = NewCoverage(f.Definition, f.machine)
			coverage[filepath.Clean(f.Definition)] = c
			r.Coverage = append(r.Coverage, c)
		}
		whole[f] = true
		for _, tc := range f.Cases {
			if o.Run != nil && !o.Run.MatchString(f.Name+": "+tc.Name) {
				whole[f] = false
				continue
			}
			i := len(r.Results)
			r.Results = append(r.Results, Result{File: f, Case: tc})
			jobs = append(jobs, func() { tc.run(ctx, c, &r.Results[i], o) })
		}
	}
	perform(jobs, o.Parallel)
	if err := ctx.Err(); err != nil {
		return r, err
	}
	for _, f := range files {
		if whole[f] {
			r.Unused = append(r.Unused, unusedByAll(f, r.Results)...)
		}
	}
	return r, nil
}

func perform(jobs []func(), parallel int) {
	if parallel <= 0 {
		parallel = runtime.GOMAXPROCS(0)
	}
	queue := make(chan func())
	var wg sync.WaitGroup
	for range min(parallel, len(jobs)) {
		wg.Go(func() {
			for job := range queue {
				job()
			}
		})
	}
	for _, job := range jobs {
		queue <- job
	}
	close(queue)
	wg.Wait()
}

// unusedByAll returns what was not given by any of the cases that had it.
func unusedByAll(f *File, results []Result) []string {
	var order []unused
	never, had := map[unused]int{}, map[string]int{} // the state "" stands for the responses
	for i := range results {
		r := &results[i]
		if r.File != f {
			continue
		}
		if r.shared.responses {
			had[""]++
		}
		for _, state := range r.shared.mocks {
			had[state]++
		}
		for _, u := range r.shared.unused {
			if never[u]++; never[u] == 1 {
				order = append(order, u)
			}
		}
	}
	var list []string
	for _, u := range order {
		if never[u] == had[u.state] {
			list = append(list, f.Name+": "+u.text)
		}
	}
	return list
}

// sharing is what a case had of the mocks and responses of its file.
type sharing struct {
	mocks     []string // the states
	responses bool
	unused    []unused
}

// unused is a mock of a state that was not given, or a response.
type unused struct{ state, text string }

// run runs the case and judges what came of it.
func (c *Case) run(ctx context.Context, coverage *Coverage, r *Result, options Options) {
	began := time.Now()
	defer func() { r.Elapsed = time.Since(began) }()
	timeout := options.Timeout
	if timeout <= 0 {
		timeout = time.Minute
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()

	start := c.start
	if start.IsZero() {
		start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	input := c.input
	if input.IsAbsent() {
		input = value.EmptyObject
	}
	o := emulator.Options{Start: start, Info: emulator.Info{Name: c.execution, StateMachineName: machineName(c.file.Definition)}}
	if options.NewMembers {
		limits := emulator.DefaultLimits
		limits.NewMembers = true
		o.Limits = &limits
	}
	mocks, err := c.callers(ctx, &o, start)
	if err != nil {
		r.Failures = append(r.Failures, Failure{Kind: "responses", Message: err.Error(), Position: c.responses.position})
		return
	}
	x, err := coverage.Run(ctx, c.file.compiled, input, o)
	r.Path = x.Path
	if stopped := x.Execution.Stopped(); stopped > 0 {
		r.Virtual = time.Duration(stopped-x.Execution.Started()) * time.Millisecond
	}
	if err != nil {
		r.Failures = append(r.Failures, x.Broken(err))
	} else {
		r.Failures = append(r.Failures, c.expect.judge(ctx, x)...)
	}
	mocks.report(r)
}

func machineName(definition string) string {
	name, _, _ := strings.Cut(filepath.Base(definition), ".")
	if name == "workflow" {
		if abs, err := filepath.Abs(definition); err == nil {
			name = filepath.Base(filepath.Dir(abs))
		}
	}
	return name
}

// given are the answers of a case, to be asked which of them were given.
type given struct {
	own, inherited *calls.Responses
	responses      *calls.Responses
	from           responses
}

// callers puts together what answers the calls of the case.
func (c *Case) callers(ctx context.Context, o *emulator.Options, start time.Time) (*given, error) {
	g := &given{from: c.responses}
	var err error
	if g.own, err = ParseMocks(c.file.Name, joined(c.mocks, false)); err != nil {
		return nil, err
	}
	if g.inherited, err = ParseMocks(c.file.Name, joined(c.mocks, true)); err != nil {
		return nil, err
	}
	var caller emulator.Caller = nobody
	if c.objects != nil {
		store := calls.NewMemoryStore(func() time.Time { return start })
		for _, x := range c.objects {
			if err := store.Put(ctx, x.bucket, x.key, "", bytes.NewReader(x.content)); err != nil {
				return nil, err
			}
		}
		o.Store = store
		caller = calls.S3(store, caller)
	}
	if c.responses.path != "" {
		if g.responses, err = c.loadResponses(); err != nil {
			return nil, err
		}
	}
	// What is asked last stands first: the case before the file, mocks before responses.
	if c.responses.inherited {
		caller = recorded(g.responses, caller)
	}
	caller = calls.Recorded(g.inherited, caller)
	if !c.responses.inherited {
		caller = recorded(g.responses, caller)
	}
	caller = calls.Recorded(g.own, caller)
	if o.Store != nil {
		caller = calls.BedrockS3(o.Store, caller)
	}
	o.Caller = caller
	return g, nil
}

func recorded(r *calls.Responses, next emulator.Caller) emulator.Caller {
	if r == nil {
		return next
	}
	return calls.Recorded(r, next)
}

// report notes in the result what was not given.
func (g *given) report(r *Result) {
	for _, m := range g.own.Unused() {
		r.Unused = append(r.Unused, "mock of "+m)
	}
	r.shared.mocks = g.inherited.States()
	for _, m := range g.inherited.Unused() {
		state := ""
		for _, s := range r.shared.mocks {
			if m == s || strings.HasPrefix(m, s+" ") && len(s) > len(state) {
				state = s
			}
		}
		r.shared.unused = append(r.shared.unused, unused{state, "mock of " + m})
	}
	if g.responses == nil {
		return
	}
	r.shared.responses = g.from.inherited
	for _, u := range g.responses.Unused() {
		u = fmt.Sprintf("response of %s for %s", filepath.Base(g.from.path), u)
		if g.from.inherited {
			r.shared.unused = append(r.shared.unused, unused{text: u})
		} else {
			r.Unused = append(r.Unused, u)
		}
	}
}
