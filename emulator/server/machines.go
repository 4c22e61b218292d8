package server

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"github.com/sfnkit/sfnkit/asl"
	"github.com/sfnkit/sfnkit/asl/value"
	"github.com/sfnkit/sfnkit/emulator"
)

// machine is a state machine. All fields are guarded by the server's lock; what a
// revision holds does not change.
type machine struct {
	seq      int64
	arn      string
	name     string
	typ      types.StateMachineType
	created  int64 // milliseconds since 1970
	current  *revision
	deleting bool
	buried   bool // it is gone
	running  int

	lastVersion int
	versions    []*version // in the order in which they were published
	aliases     []*alias   // likewise
	executions  []*execution
	gone        int // executions in the list that are not remembered any more
}

func (m *machine) order() int64 { return m.seq }

// revision is what an update changes.
type revision struct {
	id         string // "" until the first update
	generation int    // counts what makes a new version worthwhile
	text       string
	roleARN    string
	logging    *types.LoggingConfiguration
	tracing    *types.TracingConfiguration
	encryption *types.EncryptionConfiguration
	compiled   *emulator.Machine
	references map[string][]string
	modern     bool // see encryptionShown
	updated    int64
	env        *emulator.Environment // see environment; guarded by the server's lock
}

// same reports whether two revisions say the same: what CreateStateMachine compares, which
// the role is no part of.
func (r *revision) same(o *revision) bool {
	return r.text == o.text && r.tracing.Enabled == o.tracing.Enabled &&
		loggingText(r.logging) == loggingText(o.logging) && encryptionText(r.encryption) == encryptionText(o.encryption)
}

type version struct {
	seq         int64
	number      int
	arn         string
	created     int64
	description *string
	revision    *revision
}

func (v *version) order() int64 { return v.seq }

type alias struct {
	seq              int64
	arn, name        string
	created, updated int64
	description      *string
	routing          []types.RoutingConfigurationListItem
}

func (a *alias) order() int64 { return a.seq }

func millis(ms int64) *time.Time { return aws.Time(time.UnixMilli(ms).UTC()) }

func now() int64 { return time.Now().UnixMilli() }

// compile reads, validates and compiles a definition.
func (s *Server) compile(text string, typ types.StateMachineType) (*revision, error) {
	def, diagnostics := s.diagnose(text, typ)
	for _, d := range diagnostics {
		if d.Severity == asl.SeverityError {
			return nil, invalidDefinition(errorTexts(diagnostics))
		}
	}
	m, err := emulator.Compile(def)
	if err != nil {
		return nil, invalidDefinition([]string{"SCHEMA_VALIDATION_FAILED: " + err.Error()})
	}
	r := &revision{text: text, compiled: m}
	r.references, r.modern = variableReferences(def)
	return r, nil
}

func invalidDefinition(texts []string) error {
	return failure("InvalidDefinition", "Invalid State Machine Definition: '%s'", strings.Join(texts, ", "))
}

// errorTexts are the errors among diagnostics as InvalidDefinition lists them.
func errorTexts(ds asl.Diagnostics) []string {
	var texts []string
	for _, d := range ds {
		if d.Severity != asl.SeverityError {
			continue
		}
		at := d.Location
		if at == "" && d.Code != asl.CodeInvalidJSON {
			at = "/"
		}
		t := d.Code + ": " + d.Message
		if at != "" {
			t += " at " + at
		}
		texts = append(texts, t)
	}
	return texts
}

// diagnose parses and validates a definition.
func (s *Server) diagnose(text string, typ types.StateMachineType) (*asl.StateMachine, asl.Diagnostics) {
	def, err := asl.Parse([]byte(text), asl.WithFormat(asl.FormatJSON))
	if err != nil {
		var ds asl.Diagnostics
		if !errors.As(err, &ds) || len(ds) == 0 {
			ds = asl.Diagnostics{{Severity: asl.SeverityError, Code: asl.CodeInvalidJSON, Message: err.Error()}}
		}
		return def, ds[:1] // the service stops at the first problem
	}
	return def, asl.Validate(def, s.validation(asl.WorkflowType(typ))...)
}

// validation returns how definitions are judged.
func (s *Server) validation(typ asl.WorkflowType) []asl.ValidateOption {
	opts := []asl.ValidateOption{asl.AsService(), asl.ForType(typ)}
	if s.opts.NewMembers {
		opts = append(opts, asl.Disable(asl.CodeUnknownMember))
	}
	return opts
}

func checkRole(arn *string) error {
	if arn != nil && !strings.HasPrefix(*arn, "arn:") {
		return invalidARN("Invalid ARN prefix: %s", *arn)
	}
	return nil
}

// checkLogging judges a LoggingConfiguration and fills in its defaults.
func checkLogging(l *types.LoggingConfiguration) (*types.LoggingConfiguration, error) {
	invalid := func(text string) error {
		return failure("InvalidLoggingConfiguration", "Invalid Logging Configuration: %s", text)
	}
	if l == nil {
		return &types.LoggingConfiguration{Level: types.LogLevelOff}, nil
	}
	c := *l
	if c.Level == "" {
		c.Level = types.LogLevelOff
	}
	if c.Level != types.LogLevelOff && len(c.Destinations) != 1 || len(c.Destinations) > 1 {
		return nil, invalid("Must specify exactly one Log Destination.")
	}
	for _, d := range c.Destinations {
		if d.CloudWatchLogsLogGroup == nil || d.CloudWatchLogsLogGroup.LogGroupArn == nil {
			return nil, invalid("Must specify exactly one Log Destination.")
		}
		arn := *d.CloudWatchLogsLogGroup.LogGroupArn
		if !strings.HasPrefix(arn, "arn:") || !strings.Contains(arn, ":log-group:") || !strings.HasSuffix(arn, ":*") {
			return nil, invalid("Log Destination not found.")
		}
	}
	return &c, nil
}

func loggingText(l *types.LoggingConfiguration) string {
	t := string(l.Level) + strconv.FormatBool(l.IncludeExecutionData)
	for _, d := range l.Destinations {
		t += " " + aws.ToString(d.CloudWatchLogsLogGroup.LogGroupArn)
	}
	return t
}

// creatable reports what keeps the execution role from having the state machine created.
func (s *Server) creatable(arn string, r *revision) error {
	if s.opts.Creation == nil {
		return nil
	}
	if denial := s.opts.Creation(arn, r.roleARN, r.compiled.Definition()); denial != "" {
		return failure("AccessDeniedException", "%s", denial)
	}
	return nil
}

func (s *Server) createStateMachine(_ context.Context, in *sfn.CreateStateMachineInput) (*sfn.CreateStateMachineOutput, error) {
	if err := checkName(*in.Name); err != nil {
		return nil, err
	}
	if err := checkRole(in.RoleArn); err != nil {
		return nil, err
	}
	if in.VersionDescription != nil && !in.Publish {
		return nil, failure("ValidationException", "Version description can only be set when publish is true")
	}
	if err := checkTags(in.Tags); err != nil {
		return nil, err
	}
	typ := in.Type
	if typ == "" {
		typ = types.StateMachineTypeStandard
	}
	logging, err := checkLogging(in.LoggingConfiguration)
	if err != nil {
		return nil, err
	}
	encryption, err := s.encryption(in.EncryptionConfiguration)
	if err != nil {
		return nil, err
	}
	rev, err := s.compile(*in.Definition, typ)
	if err != nil {
		return nil, err
	}
	tracing := in.TracingConfiguration
	if tracing == nil {
		tracing = &types.TracingConfiguration{}
	}
	rev.roleARN, rev.logging, rev.tracing, rev.encryption = *in.RoleArn, logging, tracing, encryption
	arn := s.prefix + "stateMachine:" + *in.Name
	if err := s.creatable(arn, rev); err != nil {
		return nil, err
	}

	s.mu.Lock()
	defer s.mu.Unlock()
	m, ok := s.machines.get(arn)
	if ok {
		if m.deleting {
			return nil, deleting(arn)
		}
		if err := m.idempotent(rev, in); err != nil {
			return nil, err
		}
	} else {
		if len(s.machines.list) >= maxMachines && !s.opts.NoLimits {
			return nil, failure("StateMachineLimitExceeded", "State Machine Limit Exceeded: the maximum number of state machines (%d) has been reached.", maxMachines)
		}
		s.seq++
		m = &machine{seq: s.seq, arn: arn, name: *in.Name, typ: typ, created: now(), current: rev}
		rev.updated = m.created
		s.machines.add(arn, m)
		s.setTags(arn, in.Tags)
	}
	out := &sfn.CreateStateMachineOutput{CreationDate: millis(m.created), StateMachineArn: &m.arn}
	if in.Publish {
		if ok && len(m.versions) > 0 {
			out.StateMachineVersionArn = &m.versions[0].arn
		} else {
			v, err := s.publish(m, in.VersionDescription)
			if err != nil {
				return nil, err
			}
			out.StateMachineVersionArn = &v.arn
		}
	}
	return out, nil
}

// idempotent judges a request to create the state machine again. It is held against what
// the state machine has become by then and against its first version, whoever published
// that one and when (recorded 2026-09, published in github.com/radkawar/stackd). What
// comes of asking for a version where there is none yet was not recorded.
func (m *machine) idempotent(rev *revision, in *sfn.CreateStateMachineInput) error {
	exists := func(text string) error {
		return failure("StateMachineAlreadyExists", "State Machine Already Exists: %s", text)
	}
	typ := in.Type
	if typ == "" {
		typ = types.StateMachineTypeStandard
	}
	published := len(m.versions) > 0
	switch {
	case typ != m.typ || !rev.same(m.current), in.Publish && !published:
		return exists("'" + m.arn + "'")
	case published && !in.Publish:
		return exists("This state machine was already created with a published version.")
	case published && aws.ToString(in.VersionDescription) != aws.ToString(m.versions[0].description):
		return exists("This state machine was already created with a published version using a different description.")
	}
	return nil
}

// The service's quotas: for an account, and for a state machine.
const (
	maxMachines = 100000
	maxVersions = 1000
)

// publish makes a version of the current revision, unless the latest version is one.
func (s *Server) publish(m *machine, description *string) (*version, error) {
	if n := len(m.versions); n > 0 && m.versions[n-1].revision.generation == m.current.generation {
		return m.versions[n-1], nil
	}
	if len(m.versions) >= maxVersions && !s.opts.NoLimits {
		return nil, failure("ServiceQuotaExceededException", "The maximum number of versions (%d) for this state machine has been reached.", maxVersions)
	}
	m.lastVersion++
	s.seq++
	v := &version{seq: s.seq, number: m.lastVersion, arn: m.arn + ":" + strconv.Itoa(m.lastVersion), created: now(), description: description, revision: m.current}
	m.versions = append(m.versions, v)
	return v, nil
}

func (m *machine) version(arn string) *version {
	for _, v := range m.versions {
		if v.arn == arn {
			return v
		}
	}
	return nil
}

func (m *machine) alias(name string) *alias {
	for _, a := range m.aliases {
		if a.name == name {
			return a
		}
	}
	return nil
}

// published reports whether there is a version of a number, or was one: the executions of
// one that was deleted can still be listed (recorded 2026-09, published in
// github.com/radkawar/stackd).
func (m *machine) published(number string) bool {
	n, err := strconv.Atoi(number)
	return err == nil && n > 0 && n <= m.lastVersion && strconv.Itoa(n) == number
}

func isNumber(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// unqualified returns the state machine of an ARN that must have no qualifier. Called
// under the lock.
func (s *Server) unqualified(arn string) (*machine, error) {
	r, err := parseARN(arn, "stateMachine")
	if err != nil {
		return nil, err
	}
	m, ok := s.machines.get(arn)
	if !ok || r.rest != "" {
		return nil, noMachine(arn)
	}
	return m, nil
}

func (s *Server) updateStateMachine(_ context.Context, in *sfn.UpdateStateMachineInput) (*sfn.UpdateStateMachineOutput, error) {
	r, err := parseARN(*in.StateMachineArn, "stateMachine")
	if err != nil {
		return nil, err
	}
	if r.isLabeled() {
		return nil, labeled(r.full)
	}
	if in.Definition == nil && in.RoleArn == nil && in.LoggingConfiguration == nil && in.TracingConfiguration == nil && in.EncryptionConfiguration == nil {
		return nil, failure("MissingRequiredParameter", "Either the definition, the role ARN, the LoggingConfiguration, or the TracingConfiguration must be specified")
	}
	if in.Definition == nil && in.EncryptionConfiguration != nil {
		return nil, failure("MissingRequiredParameter", "The definition must be specified when updating the EncryptionConfiguration")
	}
	if err := checkRole(in.RoleArn); err != nil {
		return nil, err
	}
	if in.VersionDescription != nil && !in.Publish {
		return nil, failure("ValidationException", "Version description can only be set when publish is true")
	}
	logging, err := checkLogging(in.LoggingConfiguration)
	if err != nil {
		return nil, err
	}
	encryption, err := s.encryption(in.EncryptionConfiguration)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	m, err := s.unqualified(*in.StateMachineArn)
	s.mu.Unlock()
	if err != nil {
		return nil, err
	}
	var fresh *revision
	if in.Definition != nil {
		if fresh, err = s.compile(*in.Definition, m.typ); err != nil {
			return nil, err
		}
	}

	s.mu.Lock()
	defer s.mu.Unlock()
	if m.deleting {
		return nil, deleting(m.arn)
	}
	next := *m.current
	next.env = nil // it may be logged otherwise
	if fresh != nil {
		next.text, next.compiled, next.references, next.modern = fresh.text, fresh.compiled, fresh.references, fresh.modern
	}
	if in.RoleArn != nil {
		next.roleARN = *in.RoleArn
	}
	if in.LoggingConfiguration != nil {
		next.logging = logging
	}
	if in.TracingConfiguration != nil {
		next.tracing = in.TracingConfiguration
	}
	if in.EncryptionConfiguration != nil {
		next.encryption = encryption
	}
	if fresh != nil || in.RoleArn != nil {
		if err := s.creatable(m.arn, &next); err != nil {
			return nil, err
		}
	}
	// Everything that changes makes a new revision, and nothing else does, but that a
	// definition under a key of the customer's is always a new one (recorded 2026-09,
	// published in github.com/radkawar/stackd).
	if next.roleARN != m.current.roleARN || !next.same(m.current) || fresh != nil && custom(next.encryption) {
		next.updated = now()
		next.id = newUUID()
		next.generation++
		m.current = &next
	}
	out := &sfn.UpdateStateMachineOutput{UpdateDate: millis(next.updated)}
	if next.id != "" {
		out.RevisionId = &next.id
	}
	if in.Publish {
		v, err := s.publish(m, in.VersionDescription)
		if err != nil {
			return nil, err
		}
		out.StateMachineVersionArn = &v.arn
	}
	return out, nil
}

func (s *Server) describeStateMachine(_ context.Context, in *sfn.DescribeStateMachineInput) (*sfn.DescribeStateMachineOutput, error) {
	r, err := parseARN(*in.StateMachineArn, "stateMachine")
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	// arn:...:stateMachine:name/label is a distributed Map state of a state machine.
	var label string
	r.name, label, _ = strings.Cut(r.name, "/")
	m, ok := s.machines.get(r.machine())
	if !ok {
		return nil, noMachine(r.full)
	}
	rev := m.current
	out := &sfn.DescribeStateMachineOutput{CreationDate: millis(m.created), StateMachineArn: in.StateMachineArn}
	if r.rest != "" {
		v := m.version(r.full)
		if a := m.alias(r.rest); a != nil {
			v = m.version(*a.routing[0].StateMachineVersionArn)
		}
		if v == nil {
			return nil, noQualified(r)
		}
		rev, out.Description, out.CreationDate, out.StateMachineArn = v.revision, v.description, millis(v.created), &v.arn
	}
	definition := &rev.text
	if label != "" {
		p := rev.processor(label)
		if p == nil {
			return nil, noMachine(r.full)
		}
		definition = ref(p.String())
	}
	out.Label = ref(label)
	out.Name, out.RoleArn, out.Type, out.Status = &m.name, &rev.roleARN, m.typ, types.StateMachineStatusActive
	if m.deleting {
		out.Status = types.StateMachineStatusDeleting
	}
	// Of a Map state the definition is shown in any case.
	if in.IncludedData == types.IncludedDataMetadataOnly && label == "" {
		out.Definition = &noDefinition
	} else {
		out.Definition, out.VariableReferences = definition, rev.references
	}
	out.LoggingConfiguration, out.TracingConfiguration, out.EncryptionConfiguration = rev.logging, rev.tracing, rev.encryptionShown()
	if rev.id != "" {
		out.RevisionId = &rev.id
	}
	return out, nil
}

// processor returns the machine inside the distributed Map state that has a label, nil if
// there is none.
func (r *revision) processor(label string) *processor {
	var in func(def *asl.StateMachine) *asl.StateMachine
	in = func(def *asl.StateMachine) *asl.StateMachine {
		if def == nil {
			return nil
		}
		for _, s := range def.States {
			if s.Distributed() && s.MapLabel() == label {
				return s.Processor()
			}
			for _, inner := range append([]*asl.StateMachine{s.ItemProcessor}, s.Branches...) {
				if got := in(inner); got != nil {
					return got
				}
			}
		}
		return nil
	}
	return (*processor)(in(r.compiled.Definition()))
}

// processor is the definition of the child executions of a distributed Map state.
type processor asl.StateMachine

// String is the definition as the service shows it, without what says how it is run.
func (p *processor) String() string {
	v := (*asl.StateMachine)(p).Value()
	b := value.NewBuilder(v.Len())
	for k, sub := range v.Members() {
		if k != "ProcessorConfig" {
			b.Set(k, sub)
		}
	}
	return b.Object().JSON()
}

// listStateMachines lists by name (recorded 2026-09, published in
// github.com/radkawar/stackd).
func (s *Server) listStateMachines(_ context.Context, in *sfn.ListStateMachinesInput) (*sfn.ListStateMachinesOutput, error) {
	after, err := s.unsealText(in.NextToken, "machines")
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	names := s.machines.sorted
	i, found := slices.BinarySearch(names, after)
	if found {
		i++
	}
	names = names[i:]
	out := &sfn.ListStateMachinesOutput{}
	if n := pageLimit(in.MaxResults); len(names) > n {
		names = names[:n]
		out.NextToken = s.sealText(names[n-1], "machines")
	}
	out.StateMachines = make([]types.StateMachineListItem, len(names))
	for i, arn := range names {
		m := s.machines.byARN[arn]
		out.StateMachines[i] = types.StateMachineListItem{CreationDate: millis(m.created), Name: &m.name, StateMachineArn: &m.arn, Type: m.typ}
	}
	return out, nil
}

func (s *Server) deleteStateMachine(_ context.Context, in *sfn.DeleteStateMachineInput) (*sfn.DeleteStateMachineOutput, error) {
	r, err := parseARN(*in.StateMachineArn, "stateMachine")
	if err != nil {
		return nil, err
	}
	if r.isLabeled() {
		return nil, labeled(r.full)
	}
	if r.rest != "" {
		return nil, failure("ValidationException", "This operation does not support qualified state machine ARNs: '%s'", r.full)
	}
	var running []*execution
	s.mu.Lock()
	if m, ok := s.machines.get(r.full); ok {
		m.deleting = true
		for _, e := range m.executions {
			if e.endedAt == 0 {
				running = append(running, e)
			}
		}
		s.bury(m)
	}
	s.mu.Unlock()
	for _, e := range running {
		e.running().Halt() // at the next transition, as the service does
	}
	return &sfn.DeleteStateMachineOutput{}, nil
}

// bury forgets a state machine that is being deleted and has nothing running. Called
// under the lock.
func (s *Server) bury(m *machine) {
	if m.deleting && m.running == 0 {
		m.buried = true
		s.machines.remove(m.arn)
		delete(s.tags, m.arn)
	}
}

func (s *Server) publishStateMachineVersion(_ context.Context, in *sfn.PublishStateMachineVersionInput) (*sfn.PublishStateMachineVersionOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, err := s.unqualified(*in.StateMachineArn)
	if err != nil {
		return nil, err
	}
	if m.deleting {
		return nil, deleting(m.arn)
	}
	const initial = "INITIAL"
	is := m.current.id
	if is == "" {
		is = initial
	}
	if in.RevisionId != nil && *in.RevisionId != is {
		return nil, failure("ConflictException", "Failed to publish the State Machine version for revision %s. The current State Machine revision is %s.", *in.RevisionId, is)
	}
	v, err := s.publish(m, in.Description)
	if err != nil {
		return nil, err
	}
	return &sfn.PublishStateMachineVersionOutput{CreationDate: millis(v.created), StateMachineVersionArn: &v.arn}, nil
}

// listStateMachineVersions fails with StateMachineDoesNotExist if there is no such state
// machine, though the model does not list the error: what the service says was not found
// recorded.
func (s *Server) listStateMachineVersions(_ context.Context, in *sfn.ListStateMachineVersionsInput) (*sfn.ListStateMachineVersionsOutput, error) {
	scope := "versions " + *in.StateMachineArn
	before, err := s.unseal(in.NextToken, scope, 1<<62)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	m, err := s.unqualified(*in.StateMachineArn)
	if err != nil {
		return nil, err
	}
	out := &sfn.ListStateMachineVersionsOutput{StateMachineVersions: []types.StateMachineVersionListItem{}}
	last := before
	for i := len(m.versions) - 1; i >= 0; i-- {
		v := m.versions[i]
		if v.seq >= before {
			continue
		}
		if len(out.StateMachineVersions) == pageLimit(in.MaxResults) {
			out.NextToken = s.seal(last, scope)
			break
		}
		last = v.seq
		out.StateMachineVersions = append(out.StateMachineVersions, types.StateMachineVersionListItem{CreationDate: millis(v.created), StateMachineVersionArn: &v.arn})
	}
	return out, nil
}

func (s *Server) deleteStateMachineVersion(_ context.Context, in *sfn.DeleteStateMachineVersionInput) (*sfn.DeleteStateMachineVersionOutput, error) {
	r, err := parseARN(*in.StateMachineVersionArn, "stateMachine")
	if err != nil {
		return nil, err
	}
	if !isNumber(r.rest) {
		return nil, failure("ValidationException", "The provided ARN is not a state machine version ARN: '%s'", r.full)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if m, ok := s.machines.get(r.machine()); ok {
		var users []string
		for _, a := range m.aliases {
			for _, item := range a.routing {
				if *item.StateMachineVersionArn == r.full {
					users = append(users, a.name)
				}
			}
		}
		if users != nil {
			return nil, failure("ConflictException", "Version to be deleted must not be referenced by an alias. Current list of aliases referencing this version: [%s]", strings.Join(users, ", "))
		}
		for i, v := range m.versions {
			if v.arn == r.full {
				m.versions = append(m.versions[:i:i], m.versions[i+1:]...)
				break
			}
		}
	}
	return &sfn.DeleteStateMachineVersionOutput{}, nil
}

// route judges a routing configuration. Called under the lock.
func (s *Server) route(items []types.RoutingConfigurationListItem) (*machine, error) {
	invalid := func(format string, args ...any) error {
		e := failure("ValidationException", format, args...)
		e.Reason = string(types.ValidationExceptionReasonInvalidRoutingConfiguration)
		return e
	}
	arns := make([]string, len(items))
	weights := make([]string, len(items))
	sum := int32(0)
	for i, item := range items {
		arns[i] = *item.StateMachineVersionArn
		weights[i] = strconv.Itoa(int(item.Weight))
		sum += item.Weight
	}
	received := "[" + strings.Join(arns, ", ") + "]"
	var m *machine
	for i, item := range items {
		r, err := parseARN(*item.StateMachineVersionArn, "stateMachine")
		if err != nil {
			return nil, err
		}
		if !isNumber(r.rest) {
			return nil, invalid("Routing configuration must contain state machine version ARNs. Received: %s", received)
		}
		of, ok := s.machines.get(r.machine())
		if !ok || of.version(r.full) == nil {
			return nil, noReference(r.full)
		}
		if of.deleting {
			return nil, deleting(of.arn)
		}
		if i > 0 && of != m {
			return nil, invalid("Routing configuration must contain state machine version ARNs for the same state machine. Received: %s", received)
		}
		m = of
	}
	if len(items) == 2 && arns[0] == arns[1] {
		return nil, invalid("Routing configuration must contain distinct state machine version ARNs. Received: %s", received)
	}
	if sum != 100 {
		return nil, invalid("Sum of routing configuration weights must equal 100. Received: [%s]", strings.Join(weights, ", "))
	}
	return m, nil
}

func sameRouting(a, b []types.RoutingConfigurationListItem) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if *a[i].StateMachineVersionArn != *b[i].StateMachineVersionArn || a[i].Weight != b[i].Weight {
			return false
		}
	}
	return true
}

const maxAliases = 100

func (s *Server) createStateMachineAlias(_ context.Context, in *sfn.CreateStateMachineAliasInput) (*sfn.CreateStateMachineAliasOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, err := s.route(in.RoutingConfiguration)
	if err != nil {
		return nil, err
	}
	a := m.alias(*in.Name)
	switch {
	case a == nil:
		if len(m.aliases) >= maxAliases {
			return nil, failure("ServiceQuotaExceededException", "The maximum number of aliases (%d) for this state machine has been reached.", maxAliases)
		}
		s.seq++
		a = &alias{seq: s.seq, arn: m.arn + ":" + *in.Name, name: *in.Name, created: now(), description: in.Description, routing: in.RoutingConfiguration}
		m.aliases = append(m.aliases, a)
	case aws.ToString(a.description) != aws.ToString(in.Description) || !sameRouting(a.routing, in.RoutingConfiguration):
		return nil, failure("ConflictException", "Failed to create alias because an alias with the same name and a different routing configuration already exists.")
	}
	return &sfn.CreateStateMachineAliasOutput{CreationDate: millis(a.created), StateMachineAliasArn: &a.arn}, nil
}

// findAlias returns the alias of an ARN. Called under the lock.
func (s *Server) findAlias(arn string) (*machine, *alias, error) {
	r, err := parseARN(arn, "stateMachine")
	if err != nil {
		return nil, nil, err
	}
	if r.rest == "" || isNumber(r.rest) {
		return nil, nil, failure("ValidationException", "The provided ARN is not a state machine alias ARN: '%s'", arn)
	}
	if m, ok := s.machines.get(r.machine()); ok {
		return m, m.alias(r.rest), nil
	}
	return nil, nil, nil
}

func (s *Server) describeStateMachineAlias(_ context.Context, in *sfn.DescribeStateMachineAliasInput) (*sfn.DescribeStateMachineAliasOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, a, err := s.findAlias(*in.StateMachineAliasArn)
	if err != nil {
		return nil, err
	}
	if a == nil {
		return nil, noResource(*in.StateMachineAliasArn)
	}
	out := &sfn.DescribeStateMachineAliasOutput{CreationDate: millis(a.created), Description: a.description,
		Name: &a.name, RoutingConfiguration: a.routing, StateMachineAliasArn: &a.arn}
	if a.updated > 0 {
		out.UpdateDate = millis(a.updated)
	}
	return out, nil
}

func (s *Server) updateStateMachineAlias(_ context.Context, in *sfn.UpdateStateMachineAliasInput) (*sfn.UpdateStateMachineAliasOutput, error) {
	if in.Description == nil && in.RoutingConfiguration == nil {
		return nil, failure("ValidationException", "Either description or routing configuration must be specified")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	m, a, err := s.findAlias(*in.StateMachineAliasArn)
	if err != nil {
		return nil, err
	}
	if a == nil {
		return nil, noResource(*in.StateMachineAliasArn)
	}
	if m.deleting {
		return nil, deleting(m.arn)
	}
	if in.RoutingConfiguration != nil {
		of, err := s.route(in.RoutingConfiguration)
		if err != nil {
			return nil, err
		}
		if of != m {
			return nil, failure("ValidationException", "Routing configuration must contain versions of the state machine of the alias.")
		}
		a.routing = in.RoutingConfiguration
	}
	if in.Description != nil {
		a.description = in.Description
	}
	a.updated = now()
	return &sfn.UpdateStateMachineAliasOutput{UpdateDate: millis(a.updated)}, nil
}

func (s *Server) deleteStateMachineAlias(_ context.Context, in *sfn.DeleteStateMachineAliasInput) (*sfn.DeleteStateMachineAliasOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, a, err := s.findAlias(*in.StateMachineAliasArn)
	if err != nil {
		return nil, err
	}
	// The service was recorded to take the ARN of an alias that is gone. The model has an
	// error for it all the same; that this is for state machines that are gone is a guess.
	if m == nil {
		return nil, noReference(*in.StateMachineAliasArn)
	}
	if a != nil {
		for i := range m.aliases {
			if m.aliases[i] == a {
				m.aliases = append(m.aliases[:i:i], m.aliases[i+1:]...)
				break
			}
		}
	}
	return &sfn.DeleteStateMachineAliasOutput{}, nil
}

func (s *Server) listStateMachineAliases(_ context.Context, in *sfn.ListStateMachineAliasesInput) (*sfn.ListStateMachineAliasesOutput, error) {
	r, err := parseARN(*in.StateMachineArn, "stateMachine")
	if err != nil {
		return nil, err
	}
	scope := "aliases " + r.full
	after, err := s.unseal(in.NextToken, scope, 0)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	m, ok := s.machines.get(r.machine())
	if !ok {
		return nil, noMachine(r.full)
	}
	if m.deleting {
		return nil, deleting(m.arn)
	}
	if r.rest != "" && m.version(r.full) == nil {
		return nil, noResource(r.full)
	}
	out := &sfn.ListStateMachineAliasesOutput{StateMachineAliases: []types.StateMachineAliasListItem{}}
	last := after
	for _, a := range m.aliases {
		if a.seq <= after || r.rest != "" && !a.routes(r.full) {
			continue
		}
		if len(out.StateMachineAliases) == pageLimit(in.MaxResults) {
			out.NextToken = s.seal(last, scope)
			break
		}
		last = a.seq
		out.StateMachineAliases = append(out.StateMachineAliases, types.StateMachineAliasListItem{CreationDate: millis(a.created), StateMachineAliasArn: &a.arn})
	}
	return out, nil
}

func (a *alias) routes(arn string) bool {
	for _, item := range a.routing {
		if *item.StateMachineVersionArn == arn {
			return true
		}
	}
	return false
}
