package asl

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/sfnkit/sfnkit/asl/value"
)

// WorkflowType is the type of a state machine, which its definition does not tell.
type WorkflowType string

// The types of state machines.
const (
	Standard WorkflowType = "STANDARD"
	Express  WorkflowType = "EXPRESS"
)

// ValidateOption changes what [Validate] reports.
type ValidateOption func(*validateConfig)

type validateConfig struct {
	typ       WorkflowType
	asService bool
	strict    bool
	least     Severity
	limit     int
	disabled  map[string]bool
	region    string
	day       string
	parse     []ParseOption
}

// ForType says which type the state machine will have. Without it what holds for
// STANDARD is judged.
func ForType(t WorkflowType) ValidateOption { return func(c *validateConfig) { c.typ = t } }

// AsService reports what the service itself would, and nothing else: the text is what it
// receives, so that ${...} stands for itself, and no advice is given.
func AsService() ValidateOption { return func(c *validateConfig) { c.asService = true } }

// Strict makes errors of warnings.
func Strict() ValidateOption { return func(c *validateConfig) { c.strict = true } }

// AtLeast leaves out findings that weigh less than s: [SeverityError] leaves warnings
// and advice out, [SeverityWarning] advice.
func AtLeast(s Severity) ValidateOption { return func(c *validateConfig) { c.least = s } }

// WithLimit stops after n findings. To learn whether there are more, ask for one more.
func WithLimit(n int) ValidateOption { return func(c *validateConfig) { c.limit = n } }

// Disable leaves out findings with the given codes; those with severity ERROR that the
// service would make can be left out too.
func Disable(codes ...string) ValidateOption {
	return func(c *validateConfig) {
		for _, code := range codes {
			c.disabled[code] = true
		}
	}
}

// ForRegion says where the state machine will run, so that the models it calls can be
// judged for that region.
func ForRegion(region string) ValidateOption { return func(c *validateConfig) { c.region = region } }

// OnDay judges models by what is true on the given day, today by default.
func OnDay(t time.Time) ValidateOption {
	return func(c *validateConfig) { c.day = t.UTC().Format(time.DateOnly) }
}

// WithParseOptions sets how [Check] reads.
func WithParseOptions(opts ...ParseOption) ValidateOption {
	return func(c *validateConfig) { c.parse = append(c.parse, opts...) }
}

func newValidateConfig(opts []ValidateOption) validateConfig {
	cfg := validateConfig{typ: Standard, disabled: map[string]bool{}}
	for _, o := range opts {
		o(&cfg)
	}
	if cfg.day == "" {
		cfg.day = time.Now().UTC().Format(time.DateOnly)
	}
	return cfg
}

// Check reads a definition and validates it. If it cannot be read in full the findings
// are those of [Parse].
func Check(text []byte, opts ...ValidateOption) Diagnostics {
	cfg := newValidateConfig(opts)
	if cfg.asService {
		cfg.parse = append(cfg.parse, WithFormat(FormatJSON))
	} else {
		cfg.parse = append(cfg.parse, WithPlaceholders())
	}
	m, err := Parse(text, cfg.parse...)
	if err != nil {
		var ds Diagnostics
		if !errors.As(err, &ds) {
			ds = Diagnostics{{Severity: SeverityError, Code: CodeInvalidJSON, Message: err.Error()}}
		}
		if cfg.asService {
			ds = ds[:1] // the service stops at the first problem
		}
		return cfg.filter(ds)
	}
	return validate(m, cfg)
}

// Validate reports what is wrong with a definition, in the order of the document, what
// concerns the flow between states after the rest.
//
// Diagnostics with the service's own codes (see [Explain]) are those that the service
// gives for the same definition, with its words as far as they are known, and with its
// location: /States/Name/Field, elements as Field[0]. Where the service stops at the first
// problem of what an SDK integration is called with, all are told, unless [AsService] is
// given. All others are this module's.
// Severity is [SeverityError] for what cannot work: the service refuses it, or it breaks
// the language. It is [SeverityWarning] for what the service warns of or what it is sure
// to treat otherwise than meant, and [SeverityAdvice] for what will probably hurt one
// day.
//
// Values with ${...} in them are not known yet and never a reason for a finding, unless
// [AsService] is given. Positions refer to the text that the machine was parsed from;
// of a machine that was built, or changed after it was parsed, they refer to what
// [Print] gives.
func Validate(m *StateMachine, opts ...ValidateOption) Diagnostics {
	return validate(m, newValidateConfig(opts))
}

func validate(m *StateMachine, cfg validateConfig) Diagnostics {
	src := m.source
	if src == nil || src.root == nil || !unchanged(m) {
		printed, err := Parse(Print(m), WithFormat(FormatJSON))
		if err != nil {
			var ds Diagnostics
			errors.As(err, &ds)
			return cfg.filter(ds)
		}
		src = printed.source
	}
	v := &validator{cfg: cfg, src: src, names: map[string]bool{}, labels: map[string]bool{}}
	v.definition()
	return cfg.filter(v.out)
}

// unchanged reports whether a parsed machine still is what its source says.
func unchanged(m *StateMachine) bool {
	read := &StateMachine{}
	decodeStruct(specOf[StateMachine](), m.source.root, read)
	return bytes.Equal(m.Value().AppendJSON(nil), read.Value().AppendJSON(nil))
}

func (cfg *validateConfig) filter(in Diagnostics) Diagnostics {
	var out Diagnostics
	for _, d := range in {
		if cfg.strict && d.Severity == SeverityWarning {
			d.Severity = SeverityError
		}
		if cfg.disabled[d.Code] || rank(d.Severity) < rank(cfg.least) {
			continue
		}
		if cfg.asService && !ServiceCode(d.Code) {
			continue
		}
		out = append(out, d)
		if cfg.limit > 0 && len(out) >= cfg.limit {
			break
		}
	}
	return out
}

func rank(s Severity) int {
	return slices.Index([]Severity{"", SeverityAdvice, SeverityWarning, SeverityError}, s)
}

// HasErrors reports whether one of the findings has severity ERROR.
func (ds Diagnostics) HasErrors() bool {
	return slices.ContainsFunc(ds, func(d Diagnostic) bool { return d.Severity == SeverityError })
}

// Err returns the findings with severity ERROR as an error, nil if there are none.
func (ds Diagnostics) Err() error {
	var errs Diagnostics
	for _, d := range ds {
		if d.Severity == SeverityError {
			errs = append(errs, d)
		}
	}
	if len(errs) == 0 {
		return nil
	}
	return errs
}

// InvalidDefinition returns the findings with severity ERROR in one line, the way the
// message of an InvalidDefinition exception of CreateStateMachine and UpdateStateMachine
// puts them; "" if there are none.
func (ds Diagnostics) InvalidDefinition() string {
	var parts []string
	for _, d := range ds {
		if d.Severity != SeverityError {
			continue
		}
		if d.Code == CodeInvalidJSON {
			parts = append(parts, d.Code+": "+d.Message)
			continue
		}
		at := d.Location
		if at == "" {
			at = "null"
		}
		parts = append(parts, d.Code+": "+d.Message+" at "+at)
	}
	if len(parts) == 0 {
		return ""
	}
	return "Invalid State Machine Definition: '" + strings.Join(parts, ", ") + "'"
}

// Where the service's words come from, in the order of trust:
//
//   - recordings of the service (api_validation, api_express, credentials, scenarios,
//     services, test_state; the corpus's entries that are marked as recorded);
//   - answers of ValidateStateMachineDefinition and CreateStateMachine that users measured
//     and published: floci-io/floci issues 2670, 2735, 2745, 2968 and pull requests 2699
//     and 2786 (2026-08 and -09: transitions, terminal states, query languages, types,
//     ranges, JSONata); badmintoncryer/cdk-preflight, rules pf-sfn-asl-* (2026-09-05:
//     fields by state type, ranges, fields that exclude each other, choices, error
//     handling, resources and their parameters); aws/aws-cdk issues 10014, 10530, 33396
//     and 34352; localstack/localstack issue 11978; aws-cloudformation/cfn-lint issues 4074,
//     4078 and 4079; ChristopheBougere/asl-validator issue 69;
//   - the API reference for codes that nobody was seen to get.
//
// What the service says of heartbeats, names that exist twice after ".$" is taken off, and
// warnings is not known; those words are ours. Of a Label that is too long only the end of
// the sentence was published, and nothing of one that is empty or has a wrong character.

// validator walks over what was written.
type validator struct {
	cfg     validateConfig
	src     *Source
	out     Diagnostics
	machine QueryLanguage   // of the whole state machine
	names   map[string]bool // of all states
	labels  map[string]bool // of all distributed Map states
	all     []*scope        // all states, in the order of the document
	inners  []*part         // branches and processors, in the order of the document

	read, assigned []variableUse
	dynamicAssign  bool // some assignments are not known by name
	dynamicRead    bool // some expressions could not be looked into
	guesses        int
	work           int // states visited to learn where variables are known
}

// scope is a state while it is looked at, and what the rules after that want to know.
type scope struct {
	name     string
	loc      string
	n        *node
	typ      StateType
	lang     QueryLanguage
	express  bool // runs in an EXPRESS execution
	part     *part
	resource Resource
	arn      string // the Resource as written, "" if it is not known
}

// part is a set of states that belong together: the machine itself, a branch or a
// processor.
type part struct {
	n        *node
	loc      string
	outer    *scope // the state it is in, nil for the machine itself
	states   []*scope
	isolated bool // of a distributed Map: the variables outside are not seen
	byName   map[string]*scope
	after    map[string]map[string]bool // by variable, the states where it may be known
}

// maxFindings bounds how many findings are collected.
const maxFindings = 10_000

func (v *validator) add(d Diagnostic, n *node) {
	if len(v.out) >= maxFindings {
		return
	}
	if n != nil && v.src != nil {
		d.Position = v.src.nodePosition(n)
	}
	v.out = append(v.out, d)
}

// refuse reports what the service refuses with SCHEMA_VALIDATION_FAILED.
func (v *validator) refuse(st *scope, n *node, loc, message string) {
	v.refuseAs(CodeSchema, st, n, loc, message, "")
}

func (v *validator) refuseAs(code string, st *scope, n *node, loc, message, hint string) {
	v.report(SeverityError, code, st, n, loc, message, hint)
}

func (v *validator) report(s Severity, code string, st *scope, n *node, loc, message, hint string) {
	d := Diagnostic{Severity: s, Code: code, Message: message, Location: loc, Hint: hint}
	if st != nil {
		d.State = st.name
	}
	v.add(d, n)
}

// unknown reports whether a value is not known yet: a placeholder, or a function of
// CloudFormation in a definition that is an object of a template.
func (v *validator) unknown(n *node) bool {
	if n == nil || v.cfg.asService {
		return false
	}
	switch n.kind {
	case value.KindString:
		return n.unknown || placeholder(n.str())
	case value.KindObject:
		return len(n.kids) == 1 && (n.kids[0].name == "Ref" || strings.HasPrefix(n.kids[0].name, "Fn::"))
	}
	return n.unknown
}

// placeholder reports whether a text has a part that is filled in before deployment:
// ${name} as in CloudFormation, SAM and Terraform, #{name} as in some plugins, or, in
// place of the whole text, {{name}}.
func placeholder(s string) bool {
	for rest := s; ; {
		i := strings.IndexByte(rest, '{')
		if i < 0 {
			break
		}
		if i > 0 && (rest[i-1] == '$' || rest[i-1] == '#') && strings.IndexByte(rest[i:], '}') > 0 {
			return true
		}
		rest = rest[i+1:]
	}
	return strings.HasPrefix(s, "{{") && strings.HasSuffix(s, "}}")
}

func (v *validator) definition() {
	root := v.src.root
	v.machine = JSONPath
	if q := root.get("QueryLanguage"); q != nil && q.str() != string(JSONPath) && !v.unknown(q) {
		v.machine = JSONata
	}
	top := &part{n: root, loc: ""}
	v.part(top, machineFields, v.cfg.typ == Express)
	v.flow(top)
	for _, p := range v.inners {
		v.flow(p)
	}
	if !v.cfg.asService {
		v.advise()
	}
}

var (
	machineFields   = []string{"Comment", "QueryLanguage", "Version", "StartAt", "TimeoutSeconds", "States"}
	branchFields    = []string{"Comment", "StartAt", "States"}
	processorFields = []string{"Comment", "ProcessorConfig", "StartAt", "States"}
)

// part checks a set of states.
func (v *validator) part(p *part, fields []string, express bool) {
	loc := p.loc
	if loc == "" {
		loc = "/"
	}
	st := p.outer
	v.onlyFields(st, p.n, loc, fields)
	v.required(st, p.n, loc, "StartAt", "States")
	for i := range p.n.kids {
		k := &p.n.kids[i]
		at := p.loc + "/" + k.name
		switch k.name {
		case "Comment", "StartAt":
			v.text(st, k, at)
		case "QueryLanguage":
			if p.outer == nil {
				v.oneOf(st, k, at, "JSONPath", "JSONata")
			}
		case "Version":
			v.oneOf(st, k, at, "1.0")
		case "TimeoutSeconds":
			v.integer(st, k, at, 0, maxSeconds)
		case "States":
			if !v.isObject(st, k, at) {
				continue
			}
			if len(k.kids) == 0 {
				v.refuse(st, k, at, "Value cannot be empty")
			}
			p.byName = make(map[string]*scope, len(k.kids))
			for j := range k.kids {
				if s := v.state(p, &k.kids[j], at, express); s != nil {
					p.states = append(p.states, s)
					p.byName[s.name] = s
				}
			}
		}
	}
}

// onlyFields refuses fields that an object may not have.
func (v *validator) onlyFields(st *scope, n *node, loc string, fields []string) {
	for i := range n.kids {
		name := n.kids[i].name
		if !slices.Contains(fields, name) {
			v.unsupported(st, &n.kids[i], loc, name, fields)
		}
	}
}

// unsupported refuses a field; known are those that would be right, to guess from.
func (v *validator) unsupported(st *scope, n *node, loc, name string, known []string) {
	v.refuseAs(CodeSchema, st, n, loc, "Field '"+name+"' is not supported", v.didYouMean(name, known))
}

// maxGuesses bounds how often a name is looked for among similar ones.
const maxGuesses = 200

func (v *validator) didYouMean(name string, known []string) string {
	if v.guesses++; v.guesses > maxGuesses {
		return ""
	}
	for _, k := range known {
		if k != name && (strings.EqualFold(k, name) || editDistance(k, name) <= 1+len(name)/8) {
			return "did you mean " + k + "?"
		}
	}
	return ""
}

// editDistance counts the letters to insert, drop or replace between two short names.
func editDistance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return 64
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			diagonal, row[j] = row[j], min(row[j]+1, row[j-1]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}

// required refuses an object that lacks fields, naming all of them at once.
func (v *validator) required(st *scope, n *node, loc string, fields ...string) {
	var missing []string
	for _, f := range fields {
		if n.get(f) == nil {
			missing = append(missing, f)
		}
	}
	if missing != nil {
		v.refuse(st, n, loc, "These fields are required: "+fieldList(missing))
	}
}

// atMostOne refuses more than one of the fields, exactlyOne none of them as well.
func (v *validator) atMostOne(st *scope, n *node, loc string, fields ...string) bool {
	if given(n, fields) > 1 {
		v.refuse(st, lastOf(n, fields), loc, "There should only be one of the following fields: "+fieldList(fields))
		return false
	}
	return true
}

func (v *validator) exactlyOne(st *scope, n *node, loc string, fields ...string) {
	if v.atMostOne(st, n, loc, fields...) && given(n, fields) == 0 {
		v.refuse(st, n, loc, "This object should have only one of the following fields: "+fieldList(fields))
	}
}

// lastOf returns the last of the fields in the text, n if there is none.
func lastOf(n *node, fields []string) *node {
	for i := len(n.kids) - 1; i >= 0; i-- {
		if slices.Contains(fields, n.kids[i].name) {
			return &n.kids[i]
		}
	}
	return n
}

func given(n *node, fields []string) int {
	count := 0
	for _, f := range fields {
		if n.get(f) != nil {
			count++
		}
	}
	return count
}

// fieldList prints field names as the service does, which keeps them in a java.util.HashSet:
// "[States, StartAt]", "[SecondsPath, Seconds, TimestampPath, Timestamp]" and
// "[Next, End]" were seen of it.
func fieldList(fields []string) string {
	sorted := slices.Clone(fields)
	buckets := 16
	for len(fields) > buckets*3/4 {
		buckets *= 2
	}
	sort.SliceStable(sorted, func(i, j int) bool {
		return javaBucket(sorted[i], buckets) < javaBucket(sorted[j], buckets)
	})
	return "[" + strings.Join(sorted, ", ") + "]"
}

func javaBucket(s string, buckets int) uint32 {
	var h uint32
	for _, c := range s { // names of fields are ASCII
		h = h*31 + uint32(c)
	}
	return (h ^ h>>16) & uint32(buckets-1)
}

// expected refuses a value of the wrong type.
func (v *validator) expected(st *scope, n *node, loc string, types ...string) bool {
	v.refuse(st, n, loc, "Expected value of type ["+strings.Join(types, ", ")+"]")
	return false
}

func (v *validator) isString(st *scope, n *node, loc string) bool {
	return n.kind == value.KindString || v.expected(st, n, loc, "STRING")
}

func (v *validator) isObject(st *scope, n *node, loc string) bool {
	return !v.unknown(n) && (n.isObject() || v.expected(st, n, loc, "OBJECT"))
}

func (v *validator) isArray(st *scope, n *node, loc string) bool {
	return n.kind == value.KindArray || !v.unknown(n) && v.expected(st, n, loc, "ARRAY")
}

func (v *validator) oneOf(st *scope, n *node, loc string, values ...string) bool {
	if v.unknown(n) {
		return true
	}
	if !v.isString(st, n, loc) {
		return false
	}
	if !slices.Contains(values, n.str()) {
		v.refuseAs(CodeSchema, st, n, loc, "Value should be one of the following: ["+strings.Join(values, ", ")+"]", v.didYouMean(n.str(), values))
		return false
	}
	return true
}

const (
	maxSeconds  = 99_999_999 // of TimeoutSeconds, HeartbeatSeconds, Seconds and as a count of attempts
	maxDelay    = 31_622_400
	noMaximum   = math.MaxInt64
	maxName     = 80 // characters in the name of a state
	maxLabel    = 40
	maxVariable = 80
)

func (v *validator) integer(st *scope, n *node, loc string, least, most int64) {
	if v.unknown(n) {
		return
	}
	if n.kind != value.KindNumber {
		v.expected(st, n, loc, "INTEGER")
		return
	}
	if _, ok := n.scalar.Int64(); !ok && n.scalar.Float64() == float64(int64(n.scalar.Float64())) || !ok && !strings.Contains(n.scalar.NumberText(), ".") {
		v.between(st, n, loc, float64(least), float64(most)) // too large for an integer, but one
		return
	} else if !ok {
		v.expected(st, n, loc, "INTEGER")
		return
	}
	v.between(st, n, loc, float64(least), float64(most))
}

func (v *validator) number(st *scope, n *node, loc string, least, most float64) {
	if v.unknown(n) {
		return
	}
	if n.kind != value.KindNumber {
		v.expected(st, n, loc, "NUMBER")
		return
	}
	v.between(st, n, loc, least, most)
}

func (v *validator) between(st *scope, n *node, loc string, least, most float64) {
	switch f := n.scalar.Float64(); {
	case f < least:
		v.refuse(st, n, loc, "Minimum value is "+number64(least))
	case f > most && most != noMaximum:
		v.refuse(st, n, loc, "Maximum value is "+number64(most))
	}
}

func number64(f float64) string { return value.Float(f).NumberText() }

func index(loc string, i int) string { return fmt.Sprintf("%s[%d]", loc, i) }
