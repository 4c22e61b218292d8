package iam

import (
	"slices"
	"strings"
)

// Context holds the condition keys of a request. Keys are compared without
// regard to case. The zero Context is empty and ready for Set.
type Context struct{ values map[string][]string }

// Set gives a key its values and returns the context. A key set without values is
// present and empty.
func (c *Context) Set(key string, values ...string) *Context {
	if c.values == nil {
		c.values = map[string][]string{}
	}
	c.values[strings.ToLower(key)] = values
	return c
}

// Get returns the values of a key and whether it is present.
func (c *Context) Get(key string) ([]string, bool) {
	v, ok := c.values[strings.ToLower(key)]
	return v, ok
}

// Caller is who makes requests.
type Caller struct {
	// ARN is the principal as messages print it: a user, or the session of a role
	// (arn:aws:sts::123456789012:assumed-role/Role/session).
	ARN string
	// PrincipalARN is aws:PrincipalArn: for a session, the ARN of its role with its
	// path. Empty, it is derived from ARN.
	PrincipalARN string
	// Service is the service principal (states.amazonaws.com) when AWS itself calls,
	// as in assuming an execution role. Only resource-side policies then count.
	Service string
	// ManagementAccount and ServiceLinkedRole are not limited by control policies.
	ManagementAccount bool
	ServiceLinkedRole bool
	// Context has further keys of the caller: aws:PrincipalTag/…, aws:PrincipalOrgID.
	Context Context
}

// ResourceDocument is the policy of one resource: a bucket, a key, a role to be
// assumed.
type ResourceDocument struct {
	ARN      string // of the bucket, key, role …; its objects are covered by it
	Account  string // owner, where the ARN does not tell (S3); empty is the caller's
	Document *Document
}

// Attached is everything that limits a caller. SCPs and RCPs list the levels of the
// organization from the root over the units to the account, each with its policies;
// every level of SCPs must allow. RCPs can only deny: the policy that allows
// everything (RCPFullAWSAccess) is attached at every level and cannot be detached, so it
// need not be given. RCPs limit what is done to resources of the caller's own account.
// No levels: the account is in no organization.
type Attached struct {
	Identity  []*Document
	Boundary  *Document   // nil: none
	Session   []*Document // empty: the session was made without a policy
	SCPs      [][]*Document
	RCPs      [][]*Document
	Resources []ResourceDocument
	Endpoint  *Document // of the interface endpoint that calls go through; nil: none
	// TrustUnknown lets requests to resources of other accounts whose policy is not
	// in Resources pass the resource side. By default they are denied.
	TrustUnknown bool
}

// Request is one authorisation: one action on one resource.
type Request struct {
	Action   string // service:Name, printed so in messages
	Resource string // ARN; "" for actions without resource types
	// Region is aws:RequestedRegion if the context does not set it. Empty, it is
	// taken from the resource.
	Region string
	// ResourceAccount is the owner of the resource if neither its ARN nor Resources
	// tells.
	ResourceAccount string
	Context         Context
}

// Evaluator decides requests of one caller. It is safe for concurrent use.
type Evaluator struct {
	caller  Caller
	at      Attached
	account string
	derived map[string][]string
}

// NewEvaluator returns an evaluator for a caller and what is attached.
func NewEvaluator(caller Caller, at Attached) *Evaluator {
	e := &Evaluator{caller: caller, at: at}
	if caller.PrincipalARN == "" {
		e.caller.PrincipalARN = roleOfSession(caller.ARN)
	}
	parts, _ := splitARN(e.caller.PrincipalARN)
	e.account = parts[4]
	e.derived = map[string][]string{
		"aws:securetransport": {"true"},
		"aws:viaawsservice":   {"false"},
	}
	if caller.Service != "" {
		e.derived["aws:principalisawsservice"] = []string{"true"}
		e.derived["aws:principalservicename"] = []string{caller.Service}
	} else {
		e.derived["aws:principalisawsservice"] = []string{"false"}
		e.derived["aws:principalarn"] = []string{e.caller.PrincipalARN}
		e.derived["aws:principalaccount"] = []string{e.account}
		switch kind, name, _ := strings.Cut(parts[5], "/"); kind {
		case "user":
			e.derived["aws:username"] = []string{name[strings.LastIndexByte(name, '/')+1:]}
			e.derived["aws:principaltype"] = []string{"User"}
		case "role":
			e.derived["aws:principaltype"] = []string{"AssumedRole"}
		}
	}
	return e
}

// roleOfSession turns the ARN of a role's session into that of the role.
func roleOfSession(text string) string {
	parts, n := splitARN(text)
	rest, isSession := strings.CutPrefix(parts[5], "assumed-role/")
	if n < 6 || parts[2] != "sts" || !isSession {
		return text
	}
	role, _, _ := strings.Cut(rest, "/")
	return "arn:" + parts[1] + ":iam::" + parts[4] + ":role/" + role
}

// Match names a statement of an attached policy.
type Match struct {
	Kind   Kind
	Policy string // ARN or name given to Compile
	Index  int    // of the statement in its policy, from 0
	Sid    string
}

// Decision is the answer to a request.
type Decision struct {
	Allowed bool
	// Explicit is true if a Deny statement decided, false if an Allow was missing.
	Explicit bool
	// Kind is the kind of policy that decided a denial.
	Kind Kind
	// Statements are the ones that decided: the Allows that were needed, or the
	// Denies of one kind. A missing Allow has none.
	Statements []Match
	// Request is what was decided: of a call, the first authorisation that failed.
	Request Request
	caller  string
}

// rcpServices are the services whose resources resource control policies limit, by
// prefix (Service Authorization Reference data, 2026-09-26). Bedrock, Step Functions
// and Lambda are not among them.
var rcpServices = map[string]bool{
	"aoss": true, "appconfig": true, "appstream": true, "autoscaling": true, "autoscaling-plans": true,
	"budgets": true, "clouddirectory": true, "cloudfront": true, "cloudsearch": true, "cloudtrail-data": true,
	"codeartifact": true, "codebuild": true, "codecommit": true, "codepipeline": true, "cognito-identity": true,
	"cognito-idp": true, "comprehend": true, "comprehendmedical": true, "compute-optimizer": true,
	"cost-optimization-hub": true, "dax": true, "dsql": true, "dynamodb": true, "ecr": true, "ecr-public": true,
	"events": true, "firehose": true, "fis": true, "fms": true, "gamelift": true, "health": true,
	"inspector-scan": true, "kendra": true, "kinesisvideo": true, "kms": true, "logs": true, "memorydb": true,
	"networkmonitor": true, "notifications": true, "opensearch": true, "pca-connector-ad": true,
	"personalize": true, "polly": true, "pricing": true, "resource-groups": true, "rolesanywhere": true,
	"s3": true, "secretsmanager": true, "servicediscovery": true, "signin": true, "sqs": true, "sts": true,
	"support": true, "swf": true, "textract": true, "timestream-influxdb": true, "transcribe": true,
	"transfer": true, "translate": true, "wafv2": true, "workspaces": true, "xray": true,
}

// state is one evaluation.
type state struct {
	e        *Evaluator
	r        *Request
	action   string // lower case
	target   target
	resource *ResourceDocument
	owner    string
	region   string
	values   lookup
}

func (st *state) lookup(key string) ([]string, bool) {
	if v, ok := st.r.Context.values[key]; ok {
		return v, true
	}
	if v, ok := st.e.caller.Context.values[key]; ok {
		return v, true
	}
	switch key {
	case "aws:requestedregion":
		if st.region != "" {
			return []string{st.region}, true
		}
		return nil, false
	case "aws:resourceaccount":
		if st.owner != "" {
			return []string{st.owner}, true
		}
		return nil, false
	case "s3:resourceaccount": // every request of the service has it, as the next
		if st.owner != "" && strings.HasPrefix(st.action, "s3:") {
			return []string{st.owner}, true
		}
		return nil, false
	case "kms:calleraccount":
		if st.e.account != "" && strings.HasPrefix(st.action, "kms:") {
			return []string{st.e.account}, true
		}
		return nil, false
	}
	v, ok := st.e.derived[key]
	return v, ok
}

// verdict is what the documents of one kind say.
type verdict struct {
	allow, deny []Match
}

// grade ranks how a resource policy allows a caller.
type grade uint8

const (
	notGranted grade = iota
	delegated        // to the caller's account: its identity policies decide
	toRole           // satisfies the identity side
	toSession        // and boundary and session policies as well
)

func (st *state) judge(docs ...*Document) (v verdict) {
	for _, d := range docs {
		if d == nil {
			continue
		}
		for i := range d.statements {
			s := &d.statements[i]
			if len(v.allow) > 0 && !s.deny {
				continue
			}
			if _, applies := st.applies(s); applies {
				m := Match{d.kind, d.arn, i, s.sid}
				if s.deny {
					v.deny = append(v.deny, m)
				} else {
					v.allow = append(v.allow, m)
				}
			}
		}
	}
	return v
}

// judgeResource is judge for a resource policy, where it matters to whom an Allow
// is given.
func (st *state) judgeResource(d *Document) (v verdict, best grade) {
	for i := range d.statements {
		s := &d.statements[i]
		g, applies := st.applies(s)
		if !applies {
			continue
		}
		m := Match{d.kind, d.arn, i, s.sid}
		if s.deny {
			v.deny = append(v.deny, m)
		} else if g > best {
			best, v.allow = g, []Match{m}
		}
	}
	return v, best
}

func (st *state) applies(s *statement) (grade, bool) {
	if !st.matchesAction(s) {
		return notGranted, false
	}
	g := toRole
	if s.hasPrincipals {
		g = st.matchesPrincipal(s)
		if s.notPrincipal {
			// A Deny reaches every caller with a boundary, named or not (IAM user guide,
			// permissions boundaries).
			if g != notGranted && !(s.deny && st.e.at.Boundary != nil) {
				return notGranted, false
			}
			g = toRole
		} else if g == notGranted {
			return notGranted, false
		}
	}
	if len(s.resources) > 0 && !st.matchesResource(s) {
		return notGranted, false
	}
	for i := range s.conditions {
		c := &s.conditions[i]
		have, present := st.lookup(c.key)
		met, known := c.holds(have, present, st.values)
		if !known || !met {
			return notGranted, false
		}
	}
	return g, true
}

func (st *state) matchesAction(s *statement) bool {
	for i := range s.actions {
		if matched, _ := s.actions[i].match(st.action, nil); matched {
			return !s.notAction
		}
	}
	return s.notAction
}

func (st *state) matchesResource(s *statement) bool {
	for i := range s.resources {
		matched, known := s.resources[i].match(&st.target, st.values)
		if !known && s.notResource {
			return false
		}
		if matched && known {
			return !s.notResource
		}
	}
	return s.notResource
}

func (st *state) matchesPrincipal(s *statement) (best grade) {
	c := &st.e.caller
	for i := range s.principals {
		p := &s.principals[i]
		g := notGranted
		switch {
		case p.Value == "*" && (p.Kind == "*" || p.Kind == "AWS"):
			// Boundaries and session policies do not limit what is granted to everybody
			// (IAM user guide, policy evaluation within an account).
			g = toSession
		case p.Kind == "Service":
			if c.Service != "" && p.Value == c.Service {
				g = toRole
			}
		case p.Kind == "AWS" && c.Service == "":
			switch {
			case p.Value == c.PrincipalARN && c.PrincipalARN != c.ARN:
				g = toRole
			case p.Value == c.ARN:
				g = toSession
			case st.e.account != "" && (p.Value == st.e.account || isRoot(p.Value, st.e.account)):
				g = delegated
			}
		}
		best = max(best, g)
	}
	return best
}

func isRoot(text, account string) bool {
	parts, n := splitARN(text)
	return n == 6 && parts[2] == "iam" && parts[4] == account && parts[5] == "root"
}

func (e *Evaluator) start(r *Request) *state {
	st := &state{e: e, r: r, action: strings.ToLower(r.Action), target: newTarget(r.Resource)}
	st.values = func(key string) (string, bool) {
		v, ok := st.lookup(key)
		if !ok || len(v) != 1 {
			return "", false
		}
		return v[0], true
	}
	st.region = r.Region
	if st.region == "" {
		st.region = st.target.parts[3]
	}
	for i := range e.at.Resources {
		if covers(e.at.Resources[i].ARN, r.Resource) {
			st.resource = &e.at.Resources[i]
			break
		}
	}
	st.owner = st.target.parts[4]
	if st.owner == "" && st.resource != nil {
		st.owner = st.resource.Account
	}
	if st.owner == "" {
		st.owner = r.ResourceAccount
	}
	if st.owner == "" || st.owner == "aws" {
		st.owner = e.account
	}
	return st
}

// covers reports whether a resource with a policy is the one asked for or the
// bucket of the object asked for. What follows a role's name belongs to another role,
// whose path begins with that name.
func covers(owner, resource string) bool {
	rest, found := strings.CutPrefix(resource, owner)
	return found && (rest == "" || rest[0] == '/' && !strings.Contains(owner, ":iam:"))
}

// Evaluate decides one authorisation.
func (e *Evaluator) Evaluate(r Request) Decision {
	st := e.start(&r)
	d := Decision{Request: r, caller: e.caller.ARN}
	if d.caller == "" {
		d.caller = e.caller.Service
	}
	service, _, _ := strings.Cut(st.action, ":")

	var scps, rcps []verdict
	if !e.caller.ManagementAccount && !e.caller.ServiceLinkedRole && e.caller.Service == "" {
		for _, level := range e.at.SCPs {
			scps = append(scps, st.judge(level...))
		}
	}
	// They limit the resources of the accounts below them, not of the management account
	// and not of others (Organizations user guide, resource control policies).
	own := st.owner == e.account || e.caller.Service != ""
	if !e.caller.ManagementAccount && !e.caller.ServiceLinkedRole && own && rcpServices[service] {
		for _, level := range e.at.RCPs {
			rcps = append(rcps, st.judge(level...))
		}
	}
	identity := st.judge(e.at.Identity...)
	boundary := st.judge(e.at.Boundary)
	session := st.judge(e.at.Session...)
	endpoint := st.judge(e.at.Endpoint)
	resourceKind := ResourcePolicy
	var resource verdict
	var given grade
	if st.resource != nil && st.resource.Document != nil {
		resourceKind = st.resource.Document.kind
		resource, given = st.judgeResource(st.resource.Document)
	}

	explicit := func(kind Kind, verdicts ...verdict) bool {
		for _, v := range verdicts {
			if len(v.deny) > 0 {
				d.Explicit, d.Kind, d.Statements = true, kind, v.deny
				return true
			}
		}
		return false
	}
	if explicit(ServiceControlPolicy, scps...) ||
		explicit(ResourceControlPolicy, rcps...) ||
		explicit(IdentityPolicy, identity) ||
		explicit(PermissionsBoundary, boundary) ||
		explicit(SessionPolicy, session) ||
		explicit(resourceKind, resource) ||
		explicit(EndpointPolicy, endpoint) {
		return d
	}

	missing := func(kind Kind) Decision {
		d.Kind = kind
		d.Statements = nil
		return d
	}
	for _, v := range scps {
		if len(v.allow) == 0 {
			return missing(ServiceControlPolicy)
		}
		d.Statements = append(d.Statements, v.allow...)
	}
	for _, v := range rcps {
		d.Statements = append(d.Statements, v.allow...)
	}
	if st.needsResourceSide(service) && given == notGranted {
		return missing(resourceKind)
	}
	d.Statements = append(d.Statements, resource.allow...)
	if e.caller.Service == "" {
		sameAccount := st.owner == e.account
		if len(identity.allow) == 0 && !(sameAccount && given >= toRole) {
			return missing(IdentityPolicy)
		}
		d.Statements = append(d.Statements, identity.allow...)
		if !(sameAccount && given == toSession) {
			if e.at.Boundary != nil {
				if len(boundary.allow) == 0 {
					return missing(PermissionsBoundary)
				}
				d.Statements = append(d.Statements, boundary.allow...)
			}
			if len(e.at.Session) > 0 {
				if len(session.allow) == 0 {
					return missing(SessionPolicy)
				}
				d.Statements = append(d.Statements, session.allow...)
			}
		}
	}
	if e.at.Endpoint != nil {
		if len(endpoint.allow) == 0 {
			return missing(EndpointPolicy)
		}
		d.Statements = append(d.Statements, endpoint.allow...)
	}
	d.Allowed = true
	return d
}

// needsResourceSide tells whether the resource's own policy must allow: for a
// service as caller, across accounts, and for keys and roles whose policy is
// known, since nobody has rights on these that their policy does not give or
// delegate.
func (st *state) needsResourceSide(service string) bool {
	known := st.resource != nil && st.resource.Document != nil
	if st.e.caller.Service != "" {
		return true
	}
	if st.owner != st.e.account {
		return known || !st.e.at.TrustUnknown
	}
	return known && (service == "kms" || service == "sts")
}

// Call decides a list of authorisations that belong to one API call: it is allowed
// if all are, and denied by the first that is not.
func (e *Evaluator) Call(requests ...Request) Decision {
	d := Decision{Allowed: true, caller: e.caller.ARN}
	for i := range requests {
		one := e.Evaluate(requests[i])
		if !one.Allowed {
			return one
		}
		if i == 0 {
			d.Request = one.Request
		}
		for _, m := range one.Statements {
			if !slices.Contains(d.Statements, m) {
				d.Statements = append(d.Statements, m)
			}
		}
	}
	return d
}

// Message returns the text with which AWS refuses the request, "" if it is
// allowed. withPolicyARN adds the ARN of the denying policy where AWS does so
// since January 2026 (explicit denies of identity, boundary, session and control
// policies); it is rolled out by service and region, so both forms occur.
func (d Decision) Message(withPolicyARN bool) string {
	if d.Allowed {
		return ""
	}
	var b strings.Builder
	b.WriteString("User: " + d.caller + " is not authorized to perform: " + d.Request.Action)
	if r := d.Request.Resource; r != "" && r != "*" {
		if strings.HasPrefix(strings.ToLower(d.Request.Action), "s3:") {
			r = `"` + r + `"`
		}
		b.WriteString(" on resource: " + r)
	}
	if !d.Explicit {
		b.WriteString(" because no " + d.Kind.String() + " allows the " + d.Request.Action + " action")
		return b.String()
	}
	b.WriteString(" with an explicit deny in ")
	switch d.Kind {
	case IdentityPolicy:
		b.WriteString("an ")
	case TrustPolicy:
		b.WriteString("the ")
	default:
		b.WriteString("a ")
	}
	b.WriteString(d.Kind.String())
	if withPolicyARN && len(d.Statements) > 0 && strings.HasPrefix(d.Statements[0].Policy, "arn:") {
		switch d.Kind {
		case IdentityPolicy, PermissionsBoundary, SessionPolicy, ServiceControlPolicy, ResourceControlPolicy:
			b.WriteString(": " + d.Statements[0].Policy)
		}
	}
	return b.String()
}
