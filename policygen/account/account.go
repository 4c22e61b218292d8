// Package account decides the calls of workflows by the policies of an AWS account,
// offline: the policies of roles, their boundaries, and the control policies of the
// organization above them.
//
// An Account is made once of documents. Its methods answer "" for what is allowed and
// otherwise the message with which AWS refuses it, so that an emulator can ask them
// before it answers a call:
//
//	a, err := account.New(account.Options{
//		Roles: []account.Role{{Policies: []account.Policy{{Document: policy}}}},
//		SCPs:  [][]account.Policy{{{Name: "arn:aws:organizations::…:policy/…", Document: scp}}},
//	})
//	message := a.Call("arn:aws:sts::123456789012:assumed-role/Workflow/run",
//		"arn:aws:states:us-east-1:123456789012:stateMachine:Chain",
//		"arn:aws:states:::bedrock:invokeModel", parameters)
//
// What a call is authorised for comes from policygen, so that what it generates is what
// is asked here; how policies decide comes from policygen/iam.
//
// # What is assumed
//
// All authorisations of a call are asked before it is made, also those that AWS asks
// while it waits for a job (.sync). A call through an inference profile is refused if
// one destination is denied, whichever region it would have been routed to. Roles that
// are not listed (those of other accounts, say) may do what the control policies of the
// account let them. Resources of other accounts accept the call unless their policy is
// given.
package account

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sfnkit/sfnkit/asl"
	"github.com/sfnkit/sfnkit/asl/value"
	"github.com/sfnkit/sfnkit/policygen"
	"github.com/sfnkit/sfnkit/policygen/iam"
)

// Policy is a policy document with its name.
type Policy struct {
	// Name is the policy's ARN, which messages about explicit denies may show, or any
	// other name.
	Name     string
	Document *iam.Policy
}

// Role is a role with what it may do.
type Role struct {
	// ARN of the role. The role without one stands for every role that has no entry of
	// its own: the execution role, whatever its name is.
	ARN      string
	Policies []Policy // identity policies; none grant nothing
	Boundary *Policy  // nil: none
	Trust    *Policy  // nil: whom its identity policies let, and the service, may take it
}

// Resource is a resource with a policy: a bucket, a key.
type Resource struct {
	ARN     string
	Account string // its owner, where the ARN does not tell; empty is the caller's
	Policy  Policy
}

// Options describe an account. SCPs and RCPs list the levels of the organization from
// the root over the units to the account; every level must allow. No levels: the account
// is in no organization.
type Options struct {
	Roles     []Role
	SCPs      [][]Policy
	RCPs      [][]Policy
	Resources []Resource

	// Hints are those of policygen.Options: what is behind identifiers that hide their
	// models.
	Hints     map[string][]string
	InputKey  string // ARN of the KMS key of the objects that tasks read from S3
	OutputKey string // ARN of the KMS key of the objects that tasks write to S3

	// PolicyARNs adds the ARN of the denying policy to messages, as AWS does since
	// January 2026 in more and more services and regions.
	PolicyARNs bool
}

// Account decides calls. It is safe for concurrent use.
type Account struct {
	opts     Options
	roles    map[string]*role // by account and name: 123456789012/Workflow
	standard *role            // the one without ARN, nil if there is none
	shared   iam.Attached
	secrets  map[string]string // ARNs of secrets that policies name, by the ARN without its suffix
}

type role struct {
	arn      string
	attached iam.Attached
}

// New compiles the policies of an account. The error is an *iam.InvalidError for a
// policy that AWS would not attach.
func New(o Options) (*Account, error) {
	a := &Account{opts: o, roles: map[string]*role{}, secrets: map[string]string{}}
	a.shared.TrustUnknown = true
	var err error
	if a.shared.SCPs, err = compileLevels(o.SCPs, iam.ServiceControlPolicy); err != nil {
		return nil, err
	}
	if a.shared.RCPs, err = compileLevels(o.RCPs, iam.ResourceControlPolicy); err != nil {
		return nil, err
	}
	for _, r := range o.Resources {
		d, err := compile(r.Policy, iam.ResourcePolicy)
		if err != nil {
			return nil, err
		}
		a.shared.Resources = append(a.shared.Resources, iam.ResourceDocument{ARN: r.ARN, Account: r.Account, Document: d})
	}
	for i := range o.Roles {
		r := &o.Roles[i]
		if r.Trust == nil {
			continue
		}
		d, err := compile(*r.Trust, iam.TrustPolicy)
		if err != nil {
			return nil, err
		}
		a.shared.Resources = append(a.shared.Resources, iam.ResourceDocument{ARN: r.ARN, Document: d})
	}
	for i := range o.Roles {
		r := &o.Roles[i]
		a.learnSecrets(r.Policies)
		with := &role{arn: r.ARN, attached: a.shared}
		if with.attached.Identity, err = compileAll(r.Policies, iam.IdentityPolicy); err != nil {
			return nil, err
		}
		if r.Boundary != nil {
			if with.attached.Boundary, err = compile(*r.Boundary, iam.PermissionsBoundary); err != nil {
				return nil, err
			}
		}
		if r.ARN == "" {
			a.standard = with
			continue
		}
		key, ok := roleKey(r.ARN)
		if !ok {
			return nil, fmt.Errorf("%q is not the ARN of a role", r.ARN)
		}
		a.roles[key] = with
	}
	return a, nil
}

func compile(p Policy, kind iam.Kind) (*iam.Document, error) {
	d, err := iam.Compile(p.Document, kind, p.Name)
	if err != nil && p.Name != "" {
		return nil, fmt.Errorf("%s: %w", p.Name, err)
	}
	return d, err
}

func compileAll(list []Policy, kind iam.Kind) ([]*iam.Document, error) {
	var out []*iam.Document
	for _, p := range list {
		d, err := compile(p, kind)
		if err != nil {
			return nil, err
		}
		out = append(out, d)
	}
	return out, nil
}

func compileLevels(levels [][]Policy, kind iam.Kind) ([][]*iam.Document, error) {
	var out [][]*iam.Document
	for _, level := range levels {
		documents, err := compileAll(level, kind)
		if err != nil {
			return nil, err
		}
		out = append(out, documents)
	}
	return out, nil
}

// roleKey names a role by account and name, given its ARN or that of a session of it.
func roleKey(arn string) (string, bool) {
	f := strings.SplitN(arn, ":", 6)
	if len(f) < 6 || f[4] == "" {
		return "", false
	}
	kind, name, _ := strings.Cut(f[5], "/")
	switch {
	case f[2] == "sts" && kind == "assumed-role":
		name, _, _ = strings.Cut(name, "/")
	case f[2] == "iam" && kind == "role":
		name = name[strings.LastIndexByte(name, '/')+1:]
	default:
		return "", false
	}
	return f[4] + "/" + name, name != ""
}

// everything is what roles have that are not listed.
var everything = iam.MustCompile(&iam.Policy{Version: iam.Version2012, Statements: []iam.Statement{
	{Effect: iam.Allow, Actions: []string{"*"}, Resources: []string{"*"}},
}}, iam.IdentityPolicy, "")

// evaluator decides for a principal: the session of a role. Execution is set for the
// one that the state machine runs as.
func (a *Account) evaluator(principal string, execution bool) *iam.Evaluator {
	caller := iam.Caller{ARN: principal}
	key, _ := roleKey(principal)
	if r := a.roles[key]; r != nil {
		caller.PrincipalARN = r.arn // with its path, which the session's ARN lacks
		return iam.NewEvaluator(caller, r.attached)
	}
	if execution && a.standard != nil {
		return iam.NewEvaluator(caller, a.standard.attached)
	}
	at := a.shared
	at.Identity = []*iam.Document{everything}
	return iam.NewEvaluator(caller, at)
}

// place is where a state machine is, taken from its ARN.
type place struct{ partition, region, account, name, arn string }

func placeOf(machine string) place {
	f := strings.SplitN(machine, ":", 8)
	if len(f) < 7 {
		return place{arn: machine}
	}
	// Child executions of a map run belong to the state machine itself, and so does what
	// runs as a version or an alias.
	name, _, _ := strings.Cut(f[6], "/")
	f[6] = name
	return place{f[1], f[3], f[4], name, strings.Join(f[:7], ":")}
}

func (a *Account) generator(p place, account string) policygen.Options {
	return policygen.Options{
		Partition: p.partition, Region: p.region, Account: account, StateMachine: p.name,
		Hints: a.opts.Hints, InputKey: a.opts.InputKey, OutputKey: a.opts.OutputKey,
	}
}

// Call decides a call of a Task state by its Resource and evaluated parameters. principal
// is the session of the role that makes it, machine the ARN of the state machine. The
// principal of a task with Credentials is the session of the role named there; it is not
// the execution role if assumed is set.
func (a *Account) Call(principal, machine, resource string, parameters value.Value, assumed bool) string {
	p := placeOf(machine)
	// Names without ARN name resources of the account that the call is made in.
	account := p.account
	if f := strings.SplitN(principal, ":", 6); len(f) == 6 && f[4] != "" {
		account = f[4]
	}
	requests, ok := mapRequests(resource, parameters, p.partition)
	if !ok {
		var err error
		if requests, err = policygen.Authorise(resource, parameters, a.generator(p, account)); err != nil {
			return err.Error()
		}
	}
	for i := range requests {
		r := &requests[i]
		if before, ok := strings.CutSuffix(r.Resource, unknownSuffix); ok && a.secrets[before] != "" {
			r.Resource = a.secrets[before]
		}
		complete(r, p.region, account, parameters)
	}
	return a.evaluator(principal, !assumed).Call(requests...).Message(a.opts.PolicyARNs)
}

// unknownSuffix stands for what Secrets Manager adds to the name of a secret.
const unknownSuffix = "-??????"

// learnSecrets notes the complete ARNs of secrets that policies name: calls name secrets
// without their suffix, and no two secrets of a name exist at a time.
func (a *Account) learnSecrets(policies []Policy) {
	for _, p := range policies {
		for i := range p.Document.Statements {
			for _, arn := range p.Document.Statements[i].Resources {
				end := len(arn) - len(unknownSuffix)
				if end > 0 && arn[end] == '-' && strings.Contains(arn, ":secretsmanager:") && !strings.ContainsAny(arn, "*?$") && a.secrets[arn[:end]] == "" {
					a.secrets[arn[:end]] = arn
				}
			}
		}
	}
}

// mapRequests are what reading items from S3 and writing results to it are authorised for.
// A manifest's data files are not known before it is read. The name of a result is the
// service's; it lies below the prefix.
func mapRequests(resource string, arguments value.Value, partition string) ([]iam.Request, bool) {
	r := asl.ParseResource(resource)
	if r.Service != "s3" {
		return nil, false
	}
	bucket := "arn:" + partition + ":s3:::" + arguments.Get("Bucket").Str()
	switch r.Action {
	case "getObject":
		return []iam.Request{{Action: "s3:GetObject", Resource: bucket + "/" + arguments.Get("Key").Str()}}, true
	case "listObjectsV2":
		list := iam.Request{Action: "s3:ListBucket", Resource: bucket}
		if prefix := arguments.Get("Prefix"); prefix.IsString() {
			list.Context.Set("s3:prefix", prefix.Str())
		}
		return []iam.Request{list}, true
	case "putObject":
		object := bucket + "/"
		if prefix := arguments.Get("Prefix").Str(); prefix != "" {
			object += strings.TrimSuffix(prefix, "/") + "/"
		}
		object += "map-run/manifest.json"
		var requests []iam.Request
		for _, action := range []string{"s3:PutObject", "s3:GetObject", "s3:ListMultipartUploadParts", "s3:AbortMultipartUpload"} {
			requests = append(requests, iam.Request{Action: action, Resource: object})
		}
		return requests, true
	}
	return nil, false
}

// MapRun decides whether the execution role may start, watch and stop the child executions
// of a distributed Map state, and redrive them if its map run was redriven. Whether IAM
// names those that are watched with the label or without it is told in two ways (in the
// service authorization reference and in the policy of the developer guide, which CDK
// writes too): a role that has one of the two is not refused.
func (a *Account) MapRun(principal, machine, label string, redriven bool) string {
	p := placeOf(machine)
	executions := strings.Replace(p.arn, ":stateMachine:", ":execution:", 1)
	labelled := executions + "/" + label + ":child"
	e := a.evaluator(principal, true)
	decisions := []iam.Decision{e.Evaluate(iam.Request{Action: "states:StartExecution", Resource: p.arn})}
	for _, action := range []string{"states:DescribeExecution", "states:StopExecution"} {
		d := e.Evaluate(iam.Request{Action: action, Resource: labelled})
		without := e.Evaluate(iam.Request{Action: action, Resource: executions + ":child"})
		if !d.Explicit && (without.Explicit || without.Allowed && !d.Allowed) {
			d = without
		}
		decisions = append(decisions, d)
	}
	if redriven { // recorded with the label
		decisions = append(decisions, e.Evaluate(iam.Request{Action: "states:RedriveExecution", Resource: labelled}))
	}
	for _, d := range decisions {
		if !d.Allowed {
			return d.Message(a.opts.PolicyARNs)
		}
	}
	return ""
}

// complete adds what the context of a request has beyond what decides its resource.
func complete(r *iam.Request, region, account string, parameters value.Value) {
	if f := strings.SplitN(r.Resource, ":", 6); r.Region == "" && (len(f) < 6 || f[3] == "") {
		r.Region = region
	}
	switch r.Action {
	case "states:StartExecution", "states:StartSyncExecution":
		// A version or an alias is authorised on the state machine (developer guide,
		// authorization for versions and aliases).
		if f := strings.SplitN(parameters.Get("StateMachineArn").Str(), ":", 8); len(f) == 8 {
			r.Context.Set("states:StateMachineQualifier", f[7])
		}
		return
	case "bedrock:InvokeModel":
	default:
		return
	}
	guardrail := parameters
	if config := parameters.Get("GuardrailConfig"); config.IsObject() { // so in Converse
		guardrail = config
	}
	if g := guardrail.Get("GuardrailIdentifier"); g.IsString() {
		id := g.Str()
		if !strings.HasPrefix(id, "arn:") {
			if f := strings.SplitN(r.Resource, ":", 6); len(f) == 6 {
				id = "arn:" + f[1] + ":bedrock:" + region + ":" + account + ":guardrail/" + id
			}
		}
		if v := guardrail.Get("GuardrailVersion"); v.IsString() && v.Str() != "DRAFT" {
			id += ":" + v.Str()
		}
		r.Context.Set("bedrock:GuardrailIdentifier", id)
	}
	tier := parameters.Get("ServiceTier")
	if tier.IsObject() { // so in Converse
		tier = tier.Get("Type")
	}
	if tier.IsString() {
		r.Context.Set("bedrock:ServiceTier", strings.ToLower(tier.Str()))
	}
}

// AssumeRole decides whether the execution role may take another role for a task, which
// the Credentials of a task ask for. Where the trust policy of the role is known, it must
// consent. Step Functions gives the ARN of the state machine as sts:ExternalId
// (documented: cross-account access).
func (a *Account) AssumeRole(principal, machine, role string) string {
	r := iam.Request{Action: "sts:AssumeRole", Resource: role}
	p := placeOf(machine)
	r.Region = p.region
	r.Context.Set("sts:ExternalId", p.arn)
	return a.evaluator(principal, true).Call(r).Message(a.opts.PolicyARNs)
}

// CreateStateMachine decides what the service asks when a state machine is created or
// updated: whether it may assume the execution role, if the role's trust policy is known,
// and whether that role may manage the EventBridge rules of its .sync tasks. name is the
// state machine's, role the ARN of its execution role.
func (a *Account) CreateStateMachine(machineARN, role string, machine *asl.StateMachine) string {
	p := placeOf(machineARN)
	if !a.trusted(p, role) {
		return "Neither the global service principal states.amazonaws.com, nor the regional one is authorized to assume the provided role."
	}
	requests, err := policygen.AuthoriseCreate(machine, a.generator(p, p.account))
	if err != nil {
		return err.Error()
	}
	if a.evaluator(session(role, "states"), true).Call(requests...).Allowed {
		return ""
	}
	return "'" + role + "' is not authorized to create managed-rule."
}

// trusted reports whether a role, if its trust policy is known, lets Step Functions assume
// it for a state machine, by one of its service principals.
func (a *Account) trusted(p place, role string) bool {
	if !slices.ContainsFunc(a.opts.Roles, func(r Role) bool { return r.ARN == role && r.ARN != "" && r.Trust != nil }) {
		return true
	}
	r := iam.Request{Action: "sts:AssumeRole", Resource: role, Region: p.region}
	r.Context.Set("aws:SourceArn", p.arn).Set("aws:SourceAccount", p.account)
	for _, service := range []string{"states.amazonaws.com", "states." + p.region + ".amazonaws.com"} {
		if iam.NewEvaluator(iam.Caller{Service: service}, iam.Attached{Resources: a.shared.Resources, RCPs: a.shared.RCPs}).Evaluate(r).Allowed {
			return true
		}
	}
	return false
}

// session is the ARN of a session of a role.
func session(role, name string) string {
	f := strings.SplitN(role, ":", 6)
	if len(f) < 6 {
		return role
	}
	return "arn:" + f[1] + ":sts::" + f[4] + ":assumed-role/" + f[5][strings.LastIndexByte(f[5], '/')+1:] + "/" + name
}
