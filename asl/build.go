package asl

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/sfnkit/sfnkit/asl/value"
)

// Step is something that a flow consists of: a state, or a [Flow] of states.
type Step interface{ flow() Flow }

// Flow is a sequence of states, made by [Chain].
type Flow struct{ first, last *draft }

func (f Flow) flow() Flow { return f }

// Chain puts steps one after another: each state that a step ends with gets the next step
// as its Next. States that decide themselves what follows (Choice, Succeed, Fail) can
// only be the last.
func Chain(first Step, more ...Step) Flow {
	f := flowOf(first)
	for _, s := range more {
		g := flowOf(s)
		f.last.link(g.first)
		f.last = g.last
	}
	return f
}

// flowOf makes a nil step into one that Build complains about.
func flowOf(s Step) Flow {
	if v := reflect.ValueOf(s); v.IsValid() && !(v.Kind() == reflect.Pointer && v.IsNil()) {
		if f := s.flow(); f.first != nil {
			return f
		}
	}
	d := &draft{terminal: true}
	d.complain("", errors.New("a step of the flow is nil or empty"))
	return Flow{d, d}
}

// BuildError is something that keeps a definition from being built.
type BuildError struct {
	State string // "" for the state machine itself
	Field string // dotted, such as Parameters.Body.prompt; "" for the whole state
	Err   error
	Hint  string // what to do, or ""
}

func (e *BuildError) Error() string {
	var sb strings.Builder
	if e.State != "" {
		fmt.Fprintf(&sb, "state %q: ", e.State)
	} else {
		sb.WriteString("state machine: ")
	}
	if e.Field != "" {
		sb.WriteString(e.Field + ": ")
	}
	sb.WriteString(e.Err.Error())
	if e.Hint != "" {
		sb.WriteString(" (" + e.Hint + ")")
	}
	return sb.String()
}

func (e *BuildError) Unwrap() error { return e.Err }

// BuildErrors are all reasons why a definition cannot be built.
type BuildErrors []*BuildError

func (es BuildErrors) Error() string {
	lines := make([]string, len(es))
	for i, e := range es {
		lines[i] = e.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap makes the single errors visible to errors.As and errors.Is.
func (es BuildErrors) Unwrap() []error {
	out := make([]error, len(es))
	for i, e := range es {
		out[i] = e
	}
	return out
}

// Definition is a state machine being built.
//
// States are made by functions ([Task], [Pass], [Choice], [Wait], [Succeed], [Fail],
// [Parallel], [Map], [DistributedMap]) and described by methods with the names of the
// fields that they set. A state has only the methods of fields that its type may have;
// those of one query language say which. [Chain] puts states one after another, the Next
// method links any two, also backwards, and a state without a next one ends its flow.
// [Define] takes the first state, and [Definition.Build] collects all that can be reached.
//
// What is known only at run time is a [Dynamic] value: it can stand anywhere in a payload
// template, and in the methods whose names end in From, which set the field or the one
// with Path behind its name.
type Definition struct {
	first     Flow
	machine   StateMachine
	partition string
	disabled  []string
}

// Define begins a state machine that starts at the given step.
func Define(first Step) *Definition { return &Definition{first: flowOf(first)} }

// Comment sets the Comment of the state machine.
func (d *Definition) Comment(text string) *Definition {
	d.machine.Comment = text
	return d
}

// QueryLanguage sets the language of all states that set none themselves. The default is
// JSONPath.
func (d *Definition) QueryLanguage(l QueryLanguage) *Definition {
	d.machine.QueryLanguage = l
	return d
}

// Version sets the version of the Amazon States Language, of which there is only 1.0.
func (d *Definition) Version(v string) *Definition {
	d.machine.Version = v
	return d
}

// TimeoutSeconds limits the time an execution may take.
func (d *Definition) TimeoutSeconds(n int) *Definition {
	d.machine.TimeoutSeconds = value.Int(int64(n))
	return d
}

// Partition makes Build write the ARNs of service integrations for another partition than
// aws, such as aws-us-gov.
func (d *Definition) Partition(name string) *Definition {
	d.partition = name
	return d
}

// Disable makes Build leave out findings of [Validate] with the given codes, for what is
// newer than this module, such as [CodeUnknownMember].
func (d *Definition) Disable(codes ...string) *Definition {
	d.disabled = append(d.disabled, codes...)
	return d
}

// Build returns the state machine: the same that [Parse] makes of its text. The error is
// of type [BuildErrors] and names everything that is wrong, be it in the Go values or what
// [Validate] finds in the definition; its warnings and advice are no errors. Building again
// gives another machine that is equal.
func (d *Definition) Build() (*StateMachine, error) {
	m := d.machine
	b := &assembly{language: m.Language(), partition: d.partition, names: make(map[string]*draft), placed: make(map[*draft]bool)}
	if l := m.QueryLanguage; l != "" && l != JSONPath && l != JSONata {
		b.complain("", "QueryLanguage", fmt.Errorf("%q is neither JSONPath nor JSONata", l))
	}
	if n, ok := m.TimeoutSeconds.Int64(); ok && (n < 1 || n > longestSeconds) {
		b.complain("", "TimeoutSeconds", fmt.Errorf("%d is not from 1 to %d", n, longestSeconds))
	}
	b.flow(&m, d.first)
	if size := m.Value().Size(); size > MaxDefinitionSize {
		b.complain("", "", fmt.Errorf("the definition has %d bytes, more than the %d that the service takes", size, MaxDefinitionSize))
	}
	if len(b.errs) == 0 { // else the validator would only say the same again
		for _, f := range Validate(&m, Disable(d.disabled...)) {
			if f.Severity == SeverityError {
				b.errs = append(b.errs, &BuildError{State: f.State, Field: fieldAt(f), Err: finding{f}, Hint: f.Hint})
			}
		}
	}
	if len(b.errs) > 0 {
		return nil, b.errs
	}
	return &m, nil
}

// finding is what the validator has found, without its place, which a BuildError has too.
type finding struct{ Diagnostic }

func (f finding) Error() string { return f.Message }
func (f finding) Unwrap() error { return f.Diagnostic }

// fieldAt returns the place of a finding below its state, dotted.
func fieldAt(d Diagnostic) string {
	at := d.Location
	if d.State != "" {
		if i := strings.LastIndex(at, "/States/"+d.State); i >= 0 {
			at = at[i+len("/States/"+d.State):]
		}
	}
	return strings.ReplaceAll(strings.Trim(at, "/"), "/", ".")
}

// MustBuild is Build for definitions known to be right; it panics on an error.
func (d *Definition) MustBuild() *StateMachine {
	m, err := d.Build()
	if err != nil {
		panic(err)
	}
	return m
}

const longestSeconds = 99_999_999

// assembly is one run of Build.
type assembly struct {
	language  QueryLanguage
	partition string
	names     map[string]*draft // all states of the machine: their names are unique in all of it
	placed    map[*draft]bool
	errs      BuildErrors
}

func (b *assembly) complain(state, field string, err error) {
	b.errs = append(b.errs, &BuildError{State: state, Field: field, Err: err})
}

// flow puts the states that can be reached from a step into a machine.
func (b *assembly) flow(m *StateMachine, f Flow) {
	m.StartAt = f.first.name
	seen := make(map[*draft]bool)
	var collect func(d *draft)
	collect = func(d *draft) {
		var others []*draft // what follows comes before the other ways out
		for ; d != nil && !seen[d]; d = d.next {
			seen[d] = true
			if b.placed[d] {
				b.complain(d.name, "", errors.New("is used both inside and outside of a branch or processor, or in two of them"))
				break
			}
			b.placed[d] = true
			b.state(m, d)
			others = append(others, d.targets...)
		}
		for _, t := range others {
			collect(t)
		}
	}
	collect(f.first)
}

func (b *assembly) state(m *StateMachine, d *draft) {
	b.errs = append(b.errs, d.errs...)
	if d.name == "" {
		if len(d.errs) == 0 {
			b.complain("", "", fmt.Errorf("a %s state has no name", d.kind))
		}
		return
	}
	if n := utf8.RuneCountInString(d.name); n > maxNameRune {
		b.complain(d.name, "", fmt.Errorf("its name has %d characters, more than %d", n, maxNameRune))
	}
	if b.names[d.name] != nil {
		b.complain(d.name, "", errors.New("another state has the same name"))
		return
	}
	b.names[d.name] = d
	s := &State{Name: d.name, Type: d.kind, Comment: d.comment, QueryLanguage: d.language}
	m.States = append(m.States, s)
	lang := s.LanguageIn(b.language)
	switch {
	case d.language != "" && d.language != JSONPath && d.language != JSONata:
		b.complain(d.name, "QueryLanguage", fmt.Errorf("%q is neither JSONPath nor JSONata", d.language))
	case lang == JSONPath && b.language == JSONata:
		b.complain(d.name, "QueryLanguage", errors.New("cannot be JSONPath in a state machine whose language is JSONata"))
	}
	e := &encoder{lang: lang, fail: func(field string, err error) { b.complain(d.name, field, err) }}
	for _, f := range d.fields {
		if f.name != "Request" && !FieldAllowed(d.kind, f.name, lang) {
			b.complain(d.name, f.name, fmt.Errorf("a %s state has no such field in %s", d.kind, lang))
			continue
		}
		f.set(b, e, s)
	}
	if b.partition != "" && b.partition != "aws" {
		s.Resource = b.inPartition(s.Resource)
		if s.ItemReader != nil {
			s.ItemReader.Resource = b.inPartition(s.ItemReader.Resource)
		}
		if s.ResultWriter != nil {
			s.ResultWriter.Resource = b.inPartition(s.ResultWriter.Resource)
		}
	}
	switch {
	case d.next != nil:
		s.Next = d.next.name
	case !d.terminal:
		s.End = true
	}
	for _, check := range d.checks {
		for _, err := range check(s, lang) {
			err.State = d.name
			b.errs = append(b.errs, err)
		}
	}
}

func (b *assembly) inPartition(resource string) string {
	if rest, ok := strings.CutPrefix(resource, "arn:aws:states:::"); ok {
		return "arn:" + b.partition + ":states:::" + rest
	}
	return resource
}

// draft is a state being described. Its fields are encoded by Build, when the query
// language is known.
type draft struct {
	name     string
	kind     StateType
	comment  string
	language QueryLanguage
	fields   []pending
	next     *draft
	targets  []*draft // of Choices, Default and Catch
	terminal bool     // has neither Next nor End
	retry    []RetryPolicy
	catch    []catchDraft
	checks   []func(*State, QueryLanguage) []*BuildError
	errs     BuildErrors
}

type pending struct {
	name string
	set  func(b *assembly, e *encoder, s *State)
}

func (d *draft) complain(field string, err error) {
	d.errs = append(d.errs, &BuildError{State: d.name, Field: field, Err: err})
}

// set records a field, replacing what was recorded for it.
func (d *draft) set(name string, f func(b *assembly, e *encoder, s *State)) {
	if i := slices.IndexFunc(d.fields, func(p pending) bool { return p.name == name }); i >= 0 {
		d.fields[i].set = f
		return
	}
	d.fields = append(d.fields, pending{name, f})
}

func (d *draft) link(to *draft) {
	switch {
	case d.terminal && d.name == "": // has its complaint already
	case d.terminal:
		d.complain("Next", fmt.Errorf("a %s state has no Next: nothing can follow it in a chain", d.kind))
		d.targets = append(d.targets, to) // so that what is wrong there is reported too
	case d.next != nil && d.next != to:
		d.complain("Next", fmt.Errorf("is given twice, as %q and as %q", d.next.name, to.name))
		d.targets = append(d.targets, to)
	default:
		d.next = to
	}
}

// template records a payload template.
func (d *draft) template(name string, x any, to func(s *State) *value.Value) {
	d.set(name, func(_ *assembly, e *encoder, s *State) {
		if !to(s).IsAbsent() { // by Request
			e.report(name, errors.New("is given twice"))
			return
		}
		*to(s) = e.template(name, x)
	})
}

// number records a number.
func (d *draft) number(name string, n, least, most int, to func(s *State) *value.Value) {
	d.set(name, func(_ *assembly, e *encoder, s *State) {
		if n < least || n > most {
			e.report(name, fmt.Errorf("%d is not from %d to %d", n, least, most))
		}
		*to(s) = value.Int(int64(n))
	})
}

// from records a dynamic value: a path in the field with Path behind its name, an
// expression in the field itself. Calls are allowed where calls is true.
func (d *draft) from(name string, x Dynamic, calls bool, path func(s *State) *string, to func(s *State) *value.Value) {
	d.set(name, func(_ *assembly, e *encoder, s *State) { e.from(name, x, calls, path(s), to(s)) })
}

func (e *encoder) from(name string, x Dynamic, calls bool, path *string, to *value.Value) {
	v, isPath, err := e.dynamic(x)
	if !isPath {
		*to = v
		e.report(name, err)
		return
	}
	if b, ok := x.(Bilingual); ok {
		x = b.Path
	}
	_, call := x.(Call)
	if err == nil && call && !calls {
		err = errors.New("must be a path, not an intrinsic call")
	}
	if err == nil && !call {
		err = e.checkPath(v.Str(), true)
	}
	*path = v.Str()
	e.report(name+"Path", err)
}

// path records a field that is a path, or null.
func (d *draft) path(name string, p Path, reference bool, to func(s *State) *value.Value) {
	d.set(name, func(_ *assembly, e *encoder, s *State) {
		e.report(name, e.checkPath(string(p), reference))
		*to(s) = value.String(string(p))
	})
}

func (d *draft) null(name string, to func(s *State) *value.Value) {
	d.set(name, func(_ *assembly, _ *encoder, s *State) { *to(s) = value.Null })
}
