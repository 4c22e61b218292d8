package policygen

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sfnkit/sfnkit/asl"
	"github.com/sfnkit/sfnkit/asl/value"
	"github.com/sfnkit/sfnkit/policygen/iam"
)

// Options say for which place a policy is made and what the definition cannot
// tell. The zero Options are valid: what is not given becomes a wildcard with a
// warning.
type Options struct {
	Region       string // of the state machine, such as us-east-1, or a placeholder
	Account      string // twelve digits, or a placeholder such as ${AWS::AccountId}
	Partition    string // aws, aws-us-gov, aws-cn, aws-eusc …; empty is told by the region
	StateMachine string // its name, needed for Distributed Map and HTTP tasks

	// Hints give the values that a parameter may have, where the definition leaves it
	// to run time. Keys are State.Parameter or Parameter (ModelId, Input.S3Uri), values
	// are literals, which may hold the wildcards of IAM. Further keys are roles (of ECS
	// task definitions and EC2 instance profiles), data.s3 (ARNs of the data that Athena reads), data.results
	// (ARNs of its results), and models/ARN (what is behind an application inference
	// profile or a prompt router: model and profile ids).
	Hints map[string][]string

	Logging    bool   // the state machine writes logs to CloudWatch Logs
	Tracing    bool   // X-Ray tracing is on
	Redrive    bool   // Distributed Map runs are redriven by the workflow
	Encryption string // ARN of the customer managed key of the state machine
	InputKey   string // ARN of the KMS key of the objects that tasks read from S3
	OutputKey  string // ARN of the KMS key of the objects that tasks write to S3

	// Role is the name of the execution role, with its path, for messages of Check.
	Role string
}

// ParseHint reads a hint as it is given on a command line: KEY=VALUE[,VALUE…], with
// a key of [Options.Hints], which may itself contain no equals sign.
func ParseHint(text string) (key string, values []string, err error) {
	key, list, found := strings.Cut(text, "=")
	if !found || key == "" || list == "" {
		return "", nil, fmt.Errorf("hint %q has not the form KEY=VALUE[,VALUE...]", text)
	}
	return key, strings.Split(list, ","), nil
}

// Reason says why a state needs a statement.
type Reason struct {
	State  string // "" for the state machine itself
	Why    string
	Source string // document it is taken from
}

// Statement is a statement of the policy with the states that need it.
type Statement struct {
	iam.Statement
	Reasons []Reason
}

// Warning says where a statement had to be wider than the workflow may need, or
// what else the definition leaves open.
type Warning struct {
	State   string
	Field   string // of the state, as in Parameters.ModelId; "" for the state
	Message string
	Hint    string // what to do
}

func (w Warning) String() string {
	at := w.State
	if at == "" {
		at = "state machine"
	}
	if w.Field != "" {
		at += ", " + w.Field
	}
	s := at + ": " + w.Message
	if w.Hint != "" {
		s += "; " + w.Hint
	}
	return s
}

// Result is what a state machine needs.
type Result struct {
	Statements []Statement // in their final order, with Sids
	Warnings   []Warning
	// Note says in a sentence what an empty policy means; "" otherwise.
	Note string
	opts Options
}

// Policy returns the whole policy as one document.
func (r *Result) Policy() *iam.Policy {
	p := &iam.Policy{Version: iam.Version2012}
	for i := range r.Statements {
		p.Statements = append(p.Statements, r.Statements[i].Statement)
	}
	return p
}

// need is one thing that a state must be allowed to do.
type need struct {
	actions    []string
	resources  []string
	conditions []iam.Condition
	reason     Reason
	perhaps    bool // needed by most such calls, not by all
	atCreate   bool // asked for when the state machine is created or updated, not when it runs
	open       bool // needed, but on a resource that nothing tells: compared, not granted
	either     bool // the resources are names for the same, of which a role needs one
}

// Generate computes the policy of a state machine's execution role. The error
// tells that the options cannot be used; what the definition leaves open are
// warnings.
func Generate(machine *asl.StateMachine, opts Options) (*Result, error) {
	return GenerateShared([]User{{machine, opts}})
}

// GenerateShared is Generate for a role that several state machines run with, or one of
// which it is not known yet which definition it will have.
func GenerateShared(users []User) (*Result, error) {
	var all *walk
	for _, u := range users {
		w, err := newWalk(u.Options)
		if err != nil {
			return nil, err
		}
		w.machine(u.Machine)
		if all == nil {
			all = w
			continue
		}
		all.needs = append(all.needs, w.needs...)
		for _, x := range w.warnings {
			if !all.warned[x] {
				all.warned[x] = true
				all.warnings = append(all.warnings, x)
			}
		}
		if u.Options.StateMachine != all.opts.StateMachine {
			all.opts.StateMachine = ""
		}
	}
	if all == nil {
		all = &walk{}
	}
	return all.result(), nil
}

// walk collects the needs of a machine.
type walk struct {
	opts     Options
	own      ownNames
	state    string
	root     asl.QueryLanguage
	needs    []need
	warnings []Warning
	warned   map[Warning]bool
	filler   *strings.Replacer
	params   string // name of the field with the parameters, for warnings
}

// partitions are those whose regions have a name of their own (partitions of the AWS
// SDKs, 2026-09).
var partitions = [][2]string{
	{"us-gov-", "aws-us-gov"}, {"cn-", "aws-cn"}, {"eusc-", "aws-eusc"},
	{"us-iso-", "aws-iso"}, {"us-isob-", "aws-iso-b"}, {"eu-isoe-", "aws-iso-e"}, {"us-isof-", "aws-iso-f"},
}

func partitionOf(region string) string {
	for _, p := range partitions {
		if strings.HasPrefix(region, p[0]) {
			return p[1]
		}
	}
	return "aws"
}

func newWalk(opts Options) (*walk, error) {
	if opts.Partition == "" {
		opts.Partition = partitionOf(opts.Region)
	}
	w := &walk{opts: opts, warned: map[Warning]bool{}}
	for _, part := range [][2]string{{"region", opts.Region}, {"account", opts.Account}, {"partition", opts.Partition}} {
		if strings.ContainsAny(strings.ReplaceAll(part[1], "${AWS::", ""), ": /\n\"") {
			return nil, fmt.Errorf("%s %q is no part of an ARN", part[0], part[1])
		}
	}
	if opts.Region == "" {
		w.opts.Region = "*"
		w.warn("", "the region is not given, so that resources of all regions are allowed", "give the region")
	}
	if opts.Account == "" {
		w.opts.Account = "*"
		w.warn("", "the account is not given, so that resources of all accounts are named", "give the account")
	}
	name := opts.StateMachine
	if name == "" {
		name = "*"
	}
	w.filler = strings.NewReplacer("{P}", w.opts.Partition, "{R}", w.opts.Region, "{A}", w.opts.Account)
	w.own = ownNames{machine: name, machineARN: w.arn("arn:{P}:states:{R}:{A}:stateMachine:" + name)}
	return w, nil
}

// arn fills partition, region and account into a pattern.
func (w *walk) arn(pattern string) string {
	return w.filler.Replace(pattern)
}

func (w *walk) warn(field, message, hint string) {
	x := Warning{w.state, field, message, hint}
	if !w.warned[x] {
		w.warned[x] = true
		w.warnings = append(w.warnings, x)
	}
}

func (w *walk) need(actions, resources []string, why, source string, conditions ...iam.Condition) {
	if s, ok := table.Sources[source]; ok {
		source = s
	}
	w.needs = append(w.needs, need{actions: actions, resources: unique(resources), conditions: conditions, reason: Reason{w.state, why, source}})
}

func (w *walk) machine(m *asl.StateMachine) {
	w.root = m.Language()
	for s := range m.AllStates {
		w.state = s.Name
		switch s.Type {
		case asl.TypeTask:
			w.task(s)
		case asl.TypeMap:
			if s.Distributed() {
				w.distributedMap(s)
			}
		}
	}
	w.state = ""
	if w.opts.Logging {
		w.need([]string{"logs:CreateLogDelivery", "logs:DeleteLogDelivery", "logs:DescribeLogGroups", "logs:DescribeResourcePolicies", "logs:GetLogDelivery", "logs:ListLogDeliveries", "logs:PutResourcePolicy", "logs:UpdateLogDelivery"},
			[]string{"*"}, "the state machine writes logs; these actions have no resources", "logging")
	}
	if w.opts.Tracing {
		w.need([]string{"xray:GetSamplingRules", "xray:GetSamplingTargets", "xray:PutTelemetryRecords", "xray:PutTraceSegments"},
			[]string{"*"}, "the state machine is traced; these actions have no resources", "tracing")
	}
	if w.opts.Encryption != "" {
		w.need([]string{"kms:Decrypt", "kms:GenerateDataKey"}, []string{w.opts.Encryption}, "the state machine's data is encrypted with this key", "encryption",
			iam.Condition{Operator: "StringEquals", Key: "kms:EncryptionContext:aws:states:stateMachineArn", Values: []string{w.own.machineARN}})
		w.needName("an encrypted state machine", "kms:EncryptionContext:aws:states:stateMachineArn")
	}
}

// needName warns if the machine's own name is needed and not given.
func (w *walk) needName(what, field string) {
	if w.opts.StateMachine == "" {
		w.warn(field, what+" needs rights on the state machine itself, whose name is not given", "give the state machine's name")
	}
}

// task collects what a Task state needs.
func (w *walk) task(s *asl.State) {
	if !s.Credentials.IsAbsent() {
		w.credentials(s)
		return
	}
	lang := s.LanguageIn(w.root)
	v := s.Parameters
	w.params = "Parameters"
	// A field of the other language is refused by the service; what it says is still
	// the best there is.
	if lang == asl.JSONata && !s.Arguments.IsAbsent() || v.IsAbsent() && !s.Arguments.IsAbsent() {
		v, lang, w.params = s.Arguments, asl.JSONata, "Arguments"
	} else if !v.IsAbsent() {
		lang = asl.JSONPath
	}
	w.call(s.Resource, paramsOf(v, lang, w.own))
}

// call collects what one call needs.
func (w *walk) call(resource string, p params) {
	r := asl.ParseResource(resource)
	if r.Kind == asl.UnknownResource {
		// The region and account that some write into the ARN of an integration are
		// ignored by the service.
		if f := strings.SplitN(resource, ":", 6); len(f) == 6 && f[2] == "states" && !strings.HasPrefix(f[5], "activity:") {
			r = asl.ParseResource("arn:" + f[1] + ":states:::" + f[5])
		}
	}
	switch r.Kind {
	case asl.ActivityARN:
		return // workers poll; the execution role is not asked
	case asl.LambdaARN:
		w.need([]string{"lambda:InvokeFunction"}, []string{resource}, "calls the function", "lambda-iam")
		return
	case asl.SDK:
		w.sdk(strings.TrimPrefix(r.Service, "aws-sdk:"), r.Action, p)
		return
	case asl.Optimized:
	default:
		if strings.Contains(resource, "${") {
			w.need([]string{"lambda:InvokeFunction"}, []string{resource}, "calls the function", "lambda-iam")
			// A name is all there is to tell an activity, which needs nothing.
			w.needs[len(w.needs)-1].perhaps = strings.Contains(strings.ToLower(resource), "activity")
			w.warn("Resource", "is a placeholder and taken for the ARN of a Lambda function", "check that it is one; an activity needs nothing")
			return
		}
		w.warn("Resource", fmt.Sprintf("%q is no resource that Step Functions knows", resource), "nothing is granted for it")
		return
	}
	sync := r.Pattern == asl.Sync || r.Pattern == asl.Sync2
	switch key := r.Service + ":" + r.Action; key {
	case "bedrock:invokeModel":
		w.invokeModel(p, "calls the model")
	case "bedrock:createModelCustomizationJob":
		w.customize(p, sync)
	case "http:invoke":
		w.http(p)
	case "apigateway:invoke":
		w.apiGateway(p)
	default:
		if i := table.Integrations[key]; i != nil {
			w.integration(i, r.Action, p, sync)
			return
		}
		w.warn("Resource", fmt.Sprintf("%s is no optimized integration that is known here", key), "nothing is granted for it")
	}
}

func (w *walk) credentials(s *asl.State) {
	p := paramsOf(s.Credentials, s.LanguageIn(w.root), w.own)
	w.params = "Credentials"
	f := w.hinted(p.at("RoleArn"))
	roles := make([]string, len(f.texts))
	for i, t := range f.texts {
		if roles[i] = starred(t); t == dynamicPart {
			roles[i] = w.arn("arn:{P}:iam::*:role/*")
		}
	}
	if !f.present {
		roles = []string{w.arn("arn:{P}:iam::*:role/*")}
	}
	if f.partial || !f.present {
		w.dynamic(f, roles)
	}
	w.need([]string{"sts:AssumeRole"}, roles, "takes this role for the task, which needs the task's rights instead", "credentials")
}

// hinted replaces the unknown values of a parameter by what the hints allow.
func (w *walk) hinted(f field) field {
	if f.present && !f.partial {
		return f
	}
	for _, key := range []string{w.state + "." + f.name, f.name} {
		if h := w.opts.Hints[key]; len(h) > 0 {
			return field{name: f.name, present: true, texts: h}
		}
	}
	return f
}

// dynamic warns that a parameter is known only at run time.
func (w *walk) dynamic(f field, resources []string) {
	what := "is known only at run time"
	if !f.unknown() {
		what = "is known in part only before run time"
	}
	at := w.params + "." + f.name
	w.warn(at, what+", so that "+strings.Join(unique(resources), " and ")+" is allowed",
		fmt.Sprintf("name the values with the hint %s.%s", w.state, f.name))
}

// grant is one action on one resource for one reason.
type grant struct {
	action, resource string
	conditions       []iam.Condition
	key              string // of the conditions
	wildcard         int    // place of the first one in the resource, -1 for none
	reasons          []Reason
}

// result merges the needs into statements.
func (w *walk) result() *Result {
	r := &Result{Warnings: w.warnings, opts: w.opts}
	grants := w.grants()
	// Statements of different services are kept apart, so that a Sid says what its
	// statement is about.
	byService := map[string][]iam.Statement{}
	reasons := map[string][][]Reason{}
	var services []string
	for _, g := range grants {
		service, _, _ := strings.Cut(g.action, ":")
		if byService[service] == nil {
			services = append(services, service)
		}
		byService[service] = append(byService[service], iam.Statement{Effect: iam.Allow, Actions: []string{g.action}, Resources: []string{g.resource}, Conditions: g.conditions})
		reasons[service] = append(reasons[service], g.reasons)
	}
	for _, service := range services {
		merged, members := iam.Merge(byService[service])
		for i, s := range merged {
			out := Statement{Statement: s}
			seen := map[Reason]bool{}
			for _, m := range members[i] {
				for _, reason := range reasons[service][m] {
					if !seen[reason] {
						seen[reason] = true
						out.Reasons = append(out.Reasons, reason)
					}
				}
			}
			r.Statements = append(r.Statements, out)
		}
	}
	name(r.Statements)
	switch {
	case len(r.Statements) > 0:
	case len(r.Warnings) == 0:
		r.Note = "The state machine calls nothing that needs permissions; its role works without a policy."
	default:
		r.Note = "The state machine calls nothing that is known to need permissions; see the warnings."
	}
	return r
}

// grants cuts the needs into single grants, each once, without those that another
// one covers.
func (w *walk) grants() []*grant {
	type key struct{ action, resource, conditions string }
	place := map[key]*grant{}
	var all []*grant
	wide := map[string][]*grant{} // with a wildcard, by action
	for i := range w.needs {
		n := &w.needs[i]
		if n.open {
			continue
		}
		conditions := ""
		for _, c := range n.conditions {
			conditions += c.Operator + "\x00" + c.Key + "\x00" + strings.Join(c.Values, "\x00") + "\x01"
		}
		for _, action := range n.actions {
			for _, resource := range n.resources {
				k := key{action, resource, conditions}
				g := place[k]
				if g == nil {
					g = &grant{action: action, resource: resource, conditions: n.conditions, key: conditions, wildcard: strings.IndexAny(resource, "*?")}
					place[k] = g
					all = append(all, g)
					if g.wildcard >= 0 {
						wide[action] = append(wide[action], g)
					}
				}
				g.reasons = append(g.reasons, n.reason)
			}
		}
	}
	// Only wildcards cover other resources, and only grants without conditions those
	// with other conditions.
	return slices.DeleteFunc(all, func(g *grant) bool {
		if free := place[key{g.action, g.resource, ""}]; free != nil && free != g {
			free.reasons = append(free.reasons, g.reasons...)
			return true
		}
		for _, other := range wide[g.action] {
			if other == g || other.key != "" && other.key != g.key || !strings.HasPrefix(g.resource, other.resource[:other.wildcard]) {
				continue
			}
			if covers(other.resource, g.resource) && !(other.key == g.key && covers(g.resource, other.resource)) {
				other.reasons = append(other.reasons, g.reasons...)
				return true
			}
		}
		return false
	})
}

// covers reports whether every ARN that b matches is matched by a.
func covers(a, b string) bool {
	switch {
	case a == b || a == "*":
		return true
	case b == "*" || !strings.ContainsAny(a, "*?"):
		return false
	}
	if constant := a[:strings.IndexAny(a, "*?")]; !strings.HasPrefix(b, constant) {
		return false
	}
	as, bs := strings.SplitN(a, ":", 6), strings.SplitN(b, ":", 6)
	if len(bs) < 6 || strings.Contains(a, "${") {
		return wildcard(a, b)
	}
	for i := range bs {
		if i < len(as) && !wildcard(as[i], bs[i]) { // what is missing is completed by *
			return false
		}
	}
	return true
}

// name orders statements by what they allow and gives each a Sid after its first
// action, so that a change of one state leaves the others' names alone.
func name(statements []Statement) {
	slices.SortFunc(statements, func(a, b Statement) int {
		if c := slices.Compare(a.Actions, b.Actions); c != 0 {
			return c
		}
		if c := len(a.Conditions) - len(b.Conditions); c != 0 {
			return c
		}
		return strings.Compare(a.Value().JSON(), b.Value().JSON())
	})
	used := map[string]int{}
	for i := range statements {
		sid := sidOf(statements[i].Actions[0])
		used[sid]++
		if n := used[sid]; n > 1 {
			sid = fmt.Sprintf("%s%d", sid, n)
		}
		statements[i].Sid = sid
	}
}

// sidOf turns bedrock:InvokeModel into BedrockInvokeModel. A Sid has only letters
// and digits.
func sidOf(action string) string {
	var b strings.Builder
	upper := true
	for _, c := range action {
		switch {
		case c >= 'a' && c <= 'z' && upper:
			b.WriteRune(c - 'a' + 'A')
			upper = false
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
			b.WriteRune(c)
			upper = false
		case c == '*':
			b.WriteString("All")
			upper = true
		default:
			upper = true
		}
	}
	return b.String()
}

// Authorise lists the authorisations of one call, given the task's Resource and
// its evaluated parameters: what IAM is asked when the call is made and, for .sync
// tasks, while it is waited for. Of a call with Credentials, the target role is
// asked for these, and the execution role only for sts:AssumeRole.
func Authorise(resource string, parameters value.Value, opts Options) ([]iam.Request, error) {
	w, err := newWalk(opts)
	if err != nil {
		return nil, err
	}
	w.call(resource, params{v: parameters, form: evaluated, own: w.own})
	w.needs = slices.DeleteFunc(w.needs, func(n need) bool { return n.atCreate })
	return w.requests(), nil
}

// AuthoriseCreate lists what the execution role is asked for when the state machine
// is created or updated: the EventBridge rules of its .sync tasks. If one of them is
// denied, CreateStateMachine and UpdateStateMachine fail with an
// AccessDeniedException that says that the role "is not authorized to create
// managed-rule."
func AuthoriseCreate(machine *asl.StateMachine, opts Options) ([]iam.Request, error) {
	w, err := newWalk(opts)
	if err != nil {
		return nil, err
	}
	w.machine(machine)
	w.needs = slices.DeleteFunc(w.needs, func(n need) bool { return !n.atCreate })
	return w.requests(), nil
}

func (w *walk) requests() []iam.Request {
	var out []iam.Request
	for _, n := range w.needs {
		if n.open {
			continue
		}
		for _, action := range n.actions {
			for _, resource := range n.resources {
				out = append(out, n.request(action, resource))
			}
		}
	}
	return out
}

// request makes an authorisation out of a need: its conditions are what the
// request's context has.
func (n *need) request(action, resource string) iam.Request {
	r := iam.Request{Action: action, Resource: resource}
	if resource == "*" {
		r.Resource = ""
	}
	for _, c := range n.conditions {
		r.Context.Set(c.Key, c.Values...)
	}
	if strings.HasPrefix(action, "bedrock:") && strings.Contains(resource, ":bedrock:::foundation-model/") {
		r.Region = "unspecified"
	}
	return r
}
