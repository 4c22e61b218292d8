package emulator

import (
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/sfnkit/sfnkit/asl"
	"github.com/sfnkit/sfnkit/asl/jsonpath"
	"github.com/sfnkit/sfnkit/asl/payload"
	"github.com/sfnkit/sfnkit/asl/value"
)

// Machine is a compiled definition. It is immutable and may be used by any number of
// executions at once.
type Machine struct {
	def     *asl.StateMachine
	top     *scope
	timeout int64 // seconds, 0 for none

	shared atomic.Pointer[Info] // of the last execution
}

// share returns what is the same for all executions of the machine, so that many of them
// need it once.
func (m *Machine) share(info Info) *Info {
	info.ARN, info.Name, info.RedriveCount, info.Item = "", "", 0, 0
	if last := m.shared.Load(); last != nil && *last == info {
		return last
	}
	m.shared.Store(&info)
	return &info
}

// Definition returns what the machine was compiled from.
func (m *Machine) Definition() *asl.StateMachine { return m.def }

// CompileError says which part of a definition cannot run.
type CompileError struct {
	State string // "" for the machine itself
	Field string
	Err   error
}

func (e *CompileError) Error() string {
	switch {
	case e.State == "":
		return fmt.Sprintf("%s: %v", e.Field, e.Err)
	case e.Field == "":
		return fmt.Sprintf("state %q: %v", e.State, e.Err)
	}
	return fmt.Sprintf("state %q, field %s: %v", e.State, e.Field, e.Err)
}

func (e *CompileError) Unwrap() error { return e.Err }

type scope struct {
	start  *state
	states map[string]*state
}

type state struct {
	name  string
	def   *asl.State
	typ   asl.StateType
	enter EventType
	exit  EventType
	next  *state // nil if the state ends its scope

	jsonata bool

	inputPath, outputPath   pathField
	resultPath              pathField
	parameters              *template // Parameters; ItemSelector of a Map is selector
	resultSelector          *template
	credentials             *dynamic
	arguments, output       *query
	assign                  *assignment
	result                  value.Value // of a Pass
	timeout, heartbeat      *number
	retry                   []*retrier
	catch                   []*catcher
	resource                asl.Resource
	resourceName            string // as events show it
	resourceType            string
	computes                bool        // the parameters are not the same for all inputs
	added                   value.Value // members that the service adds to the parameters
	kind                    taskKind
	choices                 []*rule
	otherwise               *state // Default
	seconds, timestamp      *scalar
	errorName, cause        *scalar
	branches                []*scope
	processor               *Machine
	distributed             bool
	itemsPath               *jsonpath.Path
	items                   *query
	selector                *dynamic
	maxConcurrency          *number
	toleratedCount          *number
	toleratedPercentage     *number
	reader                  *reader
	batcher                 *batcher
	writer                  *writer
	label                   string
	evaluatesAfterBeingSeen bool // Wait: its events are written before its fields are looked at
}

type taskKind uint8

const (
	connectorTask taskKind = iota // optimised and SDK integrations
	lambdaTask                    // the ARN of a function
	activityTask
)

// pathField is a field that is a path, null, or absent.
type pathField struct {
	path *jsonpath.Path
	null bool
}

// whole reports whether the field leaves its input as it is.
func (f pathField) whole() bool { return f.path == nil && !f.null }

type retrier struct {
	errors   []string
	interval float64 // seconds
	rate     float64
	maxDelay float64 // seconds, 0 for none
	attempts int64
	jitter   bool
}

type catcher struct {
	errors     []string
	next       *state
	resultPath pathField
	output     *query
	assign     *assignment
}

type reader struct {
	resource       string
	arguments      *dynamic
	config         *asl.ReaderConfig
	maxItems       *number
	itemsPointer   *query
	hasMaxItemPath bool
}

type batcher struct {
	maxItems, maxBytes *number
	input              *dynamic
}

type writer struct {
	resource  string
	arguments *dynamic
	config    *asl.WriterConfig
}

// Compile turns a definition into a Machine. What the service would refuse when a state
// machine is created is found by asl.Validate; Compile only refuses what it cannot run,
// with a *CompileError that names state and field.
func Compile(def *asl.StateMachine) (*Machine, error) { return compile(def, false) }

func compile(def *asl.StateMachine, partial bool) (*Machine, error) {
	c := &compiler{language: def.Language(), partial: partial}
	m := &Machine{def: def}
	if n, ok := def.TimeoutSeconds.Int64(); ok {
		m.timeout = n
	}
	top, err := c.scope(def)
	if err != nil {
		return nil, err
	}
	m.top = top
	return m, nil
}

type compiler struct {
	language asl.QueryLanguage
	partial  bool // transitions may lead to states that are not there
	depth    int
}

// maxNesting bounds how deeply Parallel and Map states may stand inside each other.
const maxNesting = 100

func (c *compiler) scope(def *asl.StateMachine) (*scope, error) {
	if c.depth++; c.depth > maxNesting {
		return nil, &CompileError{Field: "States", Err: fmt.Errorf("states are nested more than %d levels deep", maxNesting)}
	}
	defer func() { c.depth-- }()
	sc := &scope{states: make(map[string]*state, len(def.States))}
	for _, s := range def.States {
		sc.states[s.Name] = &state{name: s.Name, def: s}
	}
	for _, s := range def.States {
		if err := c.state(sc, sc.states[s.Name]); err != nil {
			return nil, err
		}
	}
	sc.start = sc.states[def.StartAt]
	if sc.start == nil {
		return nil, &CompileError{Field: "StartAt", Err: fmt.Errorf("there is no state %q", def.StartAt)}
	}
	return sc, nil
}

var stateEvents = map[asl.StateType][2]EventType{
	asl.TypeTask:     {TaskStateEntered, TaskStateExited},
	asl.TypePass:     {PassStateEntered, PassStateExited},
	asl.TypeChoice:   {ChoiceStateEntered, ChoiceStateExited},
	asl.TypeWait:     {WaitStateEntered, WaitStateExited},
	asl.TypeSucceed:  {SucceedStateEntered, SucceedStateExited},
	asl.TypeFail:     {FailStateEntered, 0},
	asl.TypeParallel: {ParallelStateEntered, ParallelStateExited},
	asl.TypeMap:      {MapStateEntered, MapStateExited},
}

// fields compiles the fields of one state and keeps the first error.
type fields struct {
	state   *state
	sc      *scope
	jsonata bool
	partial bool
	err     error
}

func (f *fields) fail(field string, err error) {
	if f.err == nil && err != nil {
		f.err = &CompileError{State: f.state.name, Field: field, Err: err}
	}
}

func (f *fields) path(field, text string) *jsonpath.Path {
	if text == "" {
		return nil
	}
	p, err := jsonpath.Compile(text)
	f.fail(field, err)
	return p
}

func (f *fields) pathField(field string, v value.Value) pathField {
	switch {
	case v.IsAbsent():
		return pathField{}
	case v.IsNull():
		return pathField{null: true}
	case !v.IsString():
		f.fail(field, fmt.Errorf("a path or null is needed, not %s", v.Kind()))
		return pathField{}
	}
	p := f.path(field, v.Str())
	if p != nil {
		if root, _ := p.Root(); root == jsonpath.Input && p.IsRoot() {
			return pathField{}
		}
	}
	return pathField{path: p}
}

func (f *fields) template(field string, v value.Value) *template {
	if v.IsAbsent() {
		return nil
	}
	t, err := payload.Compile(v)
	f.fail(field, err)
	if err != nil {
		return nil
	}
	return &template{t: t, context: usesContext(t.Expressions()...)}
}

func (f *fields) query(field string, v value.Value) *query {
	if v.IsAbsent() {
		return nil
	}
	q, err := compileQuery(field, v)
	f.fail(field, err)
	return q
}

// dynamic compiles a field that is a payload template in JSONPath mode and may hold
// JSONata otherwise.
func (f *fields) dynamic(field string, v value.Value) *dynamic {
	if v.IsAbsent() {
		return nil
	}
	if f.jsonata {
		return &dynamic{query: f.query(field, v)}
	}
	return &dynamic{template: f.template(field, v)}
}

func (f *fields) target(field, name string) *state {
	s := f.sc.states[name]
	if s == nil && f.partial {
		return &state{name: name}
	}
	if s == nil {
		f.fail(field, fmt.Errorf("there is no state %q", name))
	}
	return s
}

func (c *compiler) state(sc *scope, s *state) error {
	d := s.def
	ev, ok := stateEvents[d.Type]
	if !ok {
		return &CompileError{State: s.name, Field: "Type", Err: fmt.Errorf("%q is not a state type", d.Type)}
	}
	s.typ, s.enter, s.exit = d.Type, ev[0], ev[1]
	s.jsonata = d.LanguageIn(c.language) == asl.JSONata
	f := &fields{state: s, sc: sc, jsonata: s.jsonata, partial: c.partial}

	if d.Next != "" {
		s.next = f.target("Next", d.Next)
	}
	if s.jsonata {
		s.arguments = f.query("Arguments", d.Arguments)
		s.output = f.query("Output", d.Output)
	} else {
		s.inputPath = f.pathField("InputPath", d.InputPath)
		s.outputPath = f.pathField("OutputPath", d.OutputPath)
		s.resultPath = f.pathField("ResultPath", d.ResultPath)
		s.resultSelector = f.template("ResultSelector", d.ResultSelector)
	}
	s.assign = f.assignment("Assign", d.Assign)

	switch d.Type {
	case asl.TypePass:
		if !d.Result.IsNull() { // null is no result (recorded 2026-09, published in github.com/radkawar/stackd)
			s.result = d.Result
		}
		s.parameters = f.template("Parameters", d.Parameters)
	case asl.TypeTask:
		c.task(f, s)
	case asl.TypeChoice:
		for i, r := range d.Choices {
			field := fmt.Sprintf("Choices[%d]", i)
			rule := f.rule(field, r)
			if rule != nil {
				rule.next = f.target(field+"/Next", r.Next)
			}
			s.choices = append(s.choices, rule)
		}
		if d.Default != "" {
			s.otherwise = f.target("Default", d.Default)
		}
	case asl.TypeWait:
		s.seconds = f.scalar("Seconds", d.Seconds, d.SecondsPath)
		s.timestamp = f.scalar("Timestamp", d.Timestamp, d.TimestampPath)
		s.evaluatesAfterBeingSeen = true
	case asl.TypeFail:
		s.errorName = f.scalar("Error", d.Error, d.ErrorPath)
		s.cause = f.scalar("Cause", d.Cause, d.CausePath)
	case asl.TypeParallel:
		s.parameters = f.template("Parameters", d.Parameters)
		for _, b := range d.Branches {
			branch, err := c.scope(b)
			if err != nil {
				return err
			}
			s.branches = append(s.branches, branch)
		}
	case asl.TypeMap:
		if err := c.mapState(f, s); err != nil {
			return err
		}
	}
	for i, r := range d.Retry {
		s.retry = append(s.retry, f.retrier(fmt.Sprintf("Retry[%d]", i), r))
	}
	for i, r := range d.Catch {
		field := fmt.Sprintf("Catch[%d]", i)
		k := &catcher{errors: r.ErrorEquals, next: f.target(field+"/Next", r.Next), assign: f.assignment(field+"/Assign", r.Assign)}
		if s.jsonata {
			k.output = f.query(field+"/Output", r.Output)
		} else {
			k.resultPath = f.pathField(field+"/ResultPath", r.ResultPath)
		}
		s.catch = append(s.catch, k)
	}
	return f.err
}

func (f *fields) retrier(field string, r *asl.Retrier) *retrier {
	out := &retrier{errors: r.ErrorEquals, interval: 1, attempts: 3, rate: 2, jitter: r.JitterStrategy == "FULL"}
	number := func(name string, v value.Value, to *float64) {
		if v.IsAbsent() {
			return
		}
		if !v.IsNumber() {
			f.fail(field+"/"+name, fmt.Errorf("a number is needed, not %s", v.Kind()))
			return
		}
		*to = v.Float64()
	}
	number("IntervalSeconds", r.IntervalSeconds, &out.interval)
	number("BackoffRate", r.BackoffRate, &out.rate)
	number("MaxDelaySeconds", r.MaxDelaySeconds, &out.maxDelay)
	attempts := float64(out.attempts)
	number("MaxAttempts", r.MaxAttempts, &attempts)
	out.attempts = int64(attempts)
	return out
}

func (c *compiler) task(f *fields, s *state) {
	d := s.def
	s.parameters = f.template("Parameters", d.Parameters)
	s.computes = s.parameters != nil && !s.parameters.t.Constant() || s.arguments != nil && s.arguments.node.constant.IsAbsent()
	s.credentials = f.dynamic("Credentials", d.Credentials)
	s.timeout = f.number("TimeoutSeconds", d.TimeoutSeconds, d.TimeoutSecondsPath)
	s.heartbeat = f.number("HeartbeatSeconds", d.HeartbeatSeconds, d.HeartbeatSecondsPath)
	s.resource = asl.ParseResource(d.Resource)
	switch s.resource.Kind {
	case asl.LambdaARN:
		s.kind = lambdaTask
		s.resourceName, s.resourceType = d.Resource, d.Resource
	case asl.ActivityARN:
		s.kind = activityTask
		s.resourceName, s.resourceType = d.Resource, d.Resource
	default:
		// A resource of unknown form still runs: recorded answers may be all there is.
		s.resourceType = s.resource.Service
		s.resourceName = s.resource.Action + string(s.resource.Pattern)
		if s.resource.Kind == asl.UnknownResource {
			s.resourceType, s.resourceName = d.Resource, d.Resource
		}
		s.added = addedParameters[s.resourceType+":"+s.resourceName]
	}
}

func (c *compiler) mapState(f *fields, s *state) error {
	d := s.def
	p := d.Processor()
	if p == nil {
		return &CompileError{State: s.name, Field: "ItemProcessor", Err: fmt.Errorf("a Map state needs one")}
	}
	top, err := c.scope(p)
	if err != nil {
		return err
	}
	s.processor = &Machine{def: p, top: top}
	s.distributed = d.Distributed()
	if s.distributed {
		s.label = d.MapLabel()
	}
	s.itemsPath = f.path("ItemsPath", d.ItemsPath)
	s.items = f.query("Items", d.Items)
	selector := d.ItemSelector
	field := "ItemSelector"
	if selector.IsAbsent() && !s.jsonata {
		selector, field = d.Parameters, "Parameters" // its name before ItemSelector came
	}
	s.selector = f.dynamic(field, selector)
	s.maxConcurrency = f.number("MaxConcurrency", d.MaxConcurrency, d.MaxConcurrencyPath)
	s.toleratedCount = f.number("ToleratedFailureCount", d.ToleratedFailureCount, d.ToleratedFailureCountPath)
	s.toleratedPercentage = f.number("ToleratedFailurePercentage", d.ToleratedFailurePercentage, d.ToleratedFailurePercentagePath)
	template := func(field string, parameters, arguments value.Value) *dynamic {
		if s.jsonata {
			return f.dynamic(field+"/Arguments", arguments)
		}
		return f.dynamic(field+"/Parameters", parameters)
	}
	if r := d.ItemReader; r != nil {
		s.reader = &reader{resource: r.Resource, config: r.ReaderConfig, arguments: template("ItemReader", r.Parameters, r.Arguments)}
		if r.ReaderConfig != nil {
			s.reader.maxItems = f.number("ItemReader/ReaderConfig/MaxItems", r.ReaderConfig.MaxItems, r.ReaderConfig.MaxItemsPath)
			s.reader.hasMaxItemPath = r.ReaderConfig.MaxItemsPath != ""
			if s.jsonata && isQuery(r.ReaderConfig.ItemsPointer) {
				s.reader.itemsPointer = f.query("ItemReader/ReaderConfig/ItemsPointer", value.String(r.ReaderConfig.ItemsPointer))
			}
		} else {
			s.reader.config = &asl.ReaderConfig{}
		}
	}
	if b := d.ItemBatcher; b != nil {
		s.batcher = &batcher{
			maxItems: f.number("ItemBatcher/MaxItemsPerBatch", b.MaxItemsPerBatch, b.MaxItemsPerBatchPath),
			maxBytes: f.number("ItemBatcher/MaxInputBytesPerBatch", b.MaxInputBytesPerBatch, b.MaxInputBytesPerBatchPath),
			input:    f.dynamic("ItemBatcher/BatchInput", b.BatchInput),
		}
	}
	if w := d.ResultWriter; w != nil {
		s.writer = &writer{resource: w.Resource, config: w.WriterConfig, arguments: template("ResultWriter", w.Parameters, w.Arguments)}
	}
	return nil
}

// number is a numeric field: a literal, a path or a JSONata expression.
type number struct {
	field   string // such as MaxConcurrency
	literal value.Value
	path    *jsonpath.Path
	text    string // of the path
	query   *query
}

func (f *fields) number(field string, v value.Value, path string) *number {
	switch {
	case path != "":
		return &number{field: lastPart(field), path: f.path(field+"Path", path), text: path}
	case v.IsAbsent():
		return nil
	case v.IsString() && f.jsonata && isQuery(v.Str()):
		return &number{field: lastPart(field), query: f.query(field, v)}
	}
	if !v.IsNumber() {
		f.fail(field, fmt.Errorf("a number is needed, not %s", v.Kind()))
	}
	return &number{field: lastPart(field), literal: v}
}

func lastPart(field string) string { return field[strings.LastIndexByte(field, '/')+1:] }

// scalar is a field that is a literal, a path or intrinsic call, or JSONata.
type scalar struct {
	field   string
	literal value.Value
	path    *jsonpath.Path
	call    *payload.Expression // ErrorPath and CausePath
	text    string
	query   *query
}

func (f *fields) scalar(field string, v value.Value, path string) *scalar {
	switch {
	case path != "":
		s := &scalar{field: field + "Path", text: path}
		if f.state.typ == asl.TypeFail {
			call, err := payload.CompileExpression(s.field, path)
			f.fail(s.field, err)
			s.call = call
		} else {
			s.path = f.path(s.field, path)
		}
		return s
	case v.IsAbsent():
		return nil
	case f.jsonata && v.IsString() && isQuery(v.Str()):
		return &scalar{field: field, query: f.query(field, v)}
	}
	return &scalar{field: field, literal: v}
}

// dynamic is a template in either language; exactly one field is set.
type dynamic struct {
	template *template
	query    *query
}

type assignment struct {
	dynamic
}

func (f *fields) assignment(field string, v value.Value) *assignment {
	d := f.dynamic(field, v)
	if d == nil {
		return nil
	}
	return &assignment{dynamic: *d}
}
