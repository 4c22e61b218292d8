package explain

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/sfnkit/sfnkit/asl/bedrock/catalog"
	"github.com/sfnkit/sfnkit/policygen/iam"
)

// Explainer explains errors with what is known about the call. The zero Explainer
// knows nothing and is ready to use.
type Explainer struct {
	// Region is the region of the call or the state machine.
	Region string
	// Account is the account of the caller, twelve digits.
	Account string
	// Model is the ModelId of the call.
	Model string
}

// Explanation is what is known about one error.
type Explanation struct {
	ID     string // of the entry in the catalogue; "" if the error is not known
	Area   string // iam, model access, marketplace, account, client, identifier, …
	Title  string // what it means, in one sentence
	Error  Unwrapped
	Denial *Denial // what IAM's sentence says, nil for other messages
	// Facts are what was read out of the message: model, region, resourceRegion,
	// role, and whatever the entry's pattern names.
	Facts     map[string]string
	Causes    []string // in the order to check
	TellApart []string
	Fixes     []Fix
	Sources   []string
	Date      string // of the catalogue
	Status    int    // HTTP status that comes with it, 0 for none
	ByName    bool   // recognised by the name of the exception only
	Unsure    string // why the entry is less certain than others; "" if it is not
}

// Fix is one step of a cure.
type Fix struct {
	// Kind says where the step is taken: policy, organization, setup, console,
	// support, quota, workflow, profile, model, region, code, command, config,
	// deploy, account, contact, check or wait.
	Kind string
	Text string
	// Policy is what to add to the policy that Text names, nil for other steps.
	Policy *iam.Policy
	// Snippet is text to paste that is no policy: a Retry, a Condition.
	Snippet string
	Quotas  []string     // names in Service Quotas
	Case    *SupportCase // for support
}

// SupportCase is a case ready to be sent. Angle and square brackets mark what only
// the customer knows.
type SupportCase struct {
	Where       []string // the way through the console, with and without support plan
	Subject     string
	Description string
	Note        string
}

// Explain explains the text of an error. The second result is false if the
// catalogue does not hold it; the Explanation then has only what the text shows.
func Explain(message string) (Explanation, bool) { return (&Explainer{}).Explain(message) }

// ExplainError explains the error of a state or execution by its name and cause.
func ExplainError(name, cause string) (Explanation, bool) {
	return (&Explainer{}).ExplainError(name, cause)
}

// Explain is the function of the same name with what x knows.
func (x *Explainer) Explain(message string) (Explanation, bool) { return x.explain(Unwrap(message)) }

// ExplainError is the function of the same name with what x knows.
func (x *Explainer) ExplainError(name, cause string) (Explanation, bool) {
	u := Unwrap(cause)
	if name != "" {
		inner := u
		u.setName(name)
		if strings.HasPrefix(u.Name, "States.TaskFailed") && inner.Name != "" {
			u.Name = inner.Name
		}
		if !slices.Contains(u.Layers, "Step Functions") {
			u.Layers = append([]string{"Step Functions"}, u.Layers...)
		}
	}
	return x.explain(u)
}

func (x *Explainer) explain(u Unwrapped) (Explanation, bool) {
	out := Explanation{Error: u, Facts: map[string]string{}, Date: catalogue().Date, Status: u.Status}
	if d, ok := ParseDenial(u.Message); ok {
		out.Denial = &d
	}
	e, groups := recognise(&u, out.Denial)
	if e == nil {
		if e = byName(u.Name); e != nil {
			out.ByName = true
		}
	}
	x.collect(&out, groups)
	if e == nil {
		return out, false
	}
	known := features(&out)
	out.ID, out.Area, out.Unsure = e.ID, e.Area, e.Unsure
	out.Title = fill(e.Title, out.Facts)
	if out.Status == 0 {
		out.Status = e.Status
	}
	for _, c := range sorted(e.Causes, known, out.Facts) {
		out.Causes = append(out.Causes, fill(c.Text, out.Facts))
	}
	for _, t := range e.Tell {
		out.TellApart = append(out.TellApart, fill(t, out.Facts))
	}
	for i := range e.Fixes {
		if f := &e.Fixes[i]; f.holds(known) != no {
			out.Fixes = append(out.Fixes, x.fix(f, &out))
		}
	}
	for _, s := range e.Sources {
		out.Sources = append(out.Sources, catalogue().Sources[s])
	}
	return out, true
}

// recognise finds the entry that a message belongs to and what its pattern names. Where
// several exceptions have the same words, the exception's name decides.
func recognise(u *Unwrapped, denial *Denial) (*entry, map[string]string) {
	text := u.Message
	if text == "" {
		text = u.Name
	}
	var first *entry
	var firstGroups map[string]string
	for _, e := range catalogue().Entries {
		if e.Denial != nil {
			if denial != nil && e.Denial.fits(denial) {
				return e, nil
			}
			continue
		}
		named := slices.Contains(e.Names, u.Name)
		if first != nil && !named {
			continue
		}
		m := e.pattern.FindStringSubmatch(text)
		if m == nil {
			continue
		}
		groups := map[string]string{}
		for i, name := range e.pattern.SubexpNames() {
			if name != "" && m[i] != "" {
				groups[name] = m[i]
			}
		}
		if e.ByName && u.Name != "" && !named {
			first, firstGroups = e, groups
			continue
		}
		return e, groups
	}
	return first, firstGroups
}

func byName(name string) *entry {
	for _, e := range catalogue().Entries {
		if e.ByName && slices.Contains(e.Names, name) {
			return e
		}
	}
	return nil
}

var (
	modelARN  = lazily(`arn:(aws[\w-]*):bedrock:([a-z0-9-]*):(\d*):(foundation-model|inference-profile|application-inference-profile|provisioned-model|custom-model-deployment|imported-model)/([A-Za-z0-9.:-]*[A-Za-z0-9])`)
	roleName  = lazily(`^arn:(aws[\w-]*):(?:sts|iam)::(\d{12}):(?:assumed-role|role)/(.+)$`)
	hostName  = lazily(`//[\w.-]*?\.((?:us|eu|ap|sa|ca|me|af|il|mx|cn)-(?:[a-z]+-)+\d)\.amazonaws\.com`)
	profileID = lazily(`^(us|eu|apac|jp|au|ca|in|us-gov|global)\.([a-z0-9-]+\..+)$`)
)

// collect reads the facts out of a message.
func (x *Explainer) collect(out *Explanation, groups map[string]string) {
	f := out.Facts
	set := func(key, v string) {
		if v != "" && f[key] == "" {
			f[key] = v
		}
	}
	for key, v := range groups {
		set(key, v)
	}
	set("name", out.Error.Name)
	set("message", out.Error.Message)
	set("requestId", out.Error.RequestID)
	if m := hostName().FindStringSubmatch(out.Error.Message); m != nil {
		set("region", m[1])
	}
	set("region", x.Region)
	set("account", x.Account)
	if d := out.Denial; d != nil {
		set("principal", d.Principal)
		set("action", d.Action)
		set("resource", d.Resource)
		set("policy", d.Policy)
		set("policyArn", d.PolicyARN)
		set("service", strings.ToLower(d.Action[:strings.IndexByte(d.Action, ':')]))
		if m := roleName().FindStringSubmatch(d.Principal); m != nil {
			name, _, _ := strings.Cut(m[3], "/")
			if strings.Contains(d.Principal, ":role/") {
				name = m[3]
			}
			set("role", name)
			set("account", m[2])
			set("partition", m[1])
		}
		if parts := strings.SplitN(d.Resource, ":", 6); len(parts) == 6 {
			set("partition", parts[1])
			set("resourceRegion", parts[3])
		}
	}
	if m := modelARN().FindStringSubmatch(out.Error.Message); m != nil {
		set("partition", m[1])
		set("model", m[5])
		set("resourceRegion", m[2])
		if m[4] == "inference-profile" {
			set("region", m[2])
			set("account", m[3])
		}
	}
	set("model", x.Model)
	if m := modelARN().FindStringSubmatch(f["model"]); m != nil {
		f["model"] = m[5]
	}
	set("modelName", f["model"])
	if f["region"] == "" && f["resourceRegion"] != "" && out.Denial == nil {
		set("region", f["resourceRegion"])
	}
	if f["region"] != "" {
		profiles := catalogue().profilesOf(f["region"])
		f["profiles"] = strings.Join(profiles, " ")
		if f["model"] != "" && profileID().FindString(f["model"]) == "" {
			f["profileIds"] = strings.Join(profileIDs(f["model"], f["region"]), " or ")
		}
	}
}

// profileIDs returns the inference profiles for a model that can be called from a
// region: those of the catalogue of models, for a model it does not know those that
// the region's geography makes likely.
func profileIDs(model, region string) []string {
	if m := catalog.FindModel(model); m != nil {
		if ids := m.Profiles(region); len(ids) > 0 {
			slices.SortStableFunc(ids, func(a, b string) int {
				return boolInt(strings.HasPrefix(a, "global.")) - boolInt(strings.HasPrefix(b, "global."))
			})
			return ids
		}
	}
	profiles := catalogue().profilesOf(region)
	ids := make([]string, len(profiles))
	for i, p := range profiles {
		ids[i] = p + model
	}
	return ids
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// truth is what is known about a feature of a message.
type truth uint8

const (
	unknown truth = iota
	no
	yes
)

// features are what causes and fixes may depend on.
func features(out *Explanation) map[string]truth {
	is := func(b bool) truth {
		if b {
			return yes
		}
		return no
	}
	known := map[string]truth{}
	d := out.Denial
	if d == nil {
		return known
	}
	known["explicit"] = is(d.Explicit)
	known["policyArn"] = is(d.PolicyARN != "")
	known["bedrock"] = is(strings.HasPrefix(d.Action, "bedrock:"))
	known["session"] = is(strings.Contains(d.Principal, ":assumed-role/"))
	// Some messages print a name instead of the resource: they tell nothing of it.
	if !strings.HasPrefix(d.Resource, "arn:") {
		return known
	}
	parts := strings.SplitN(d.Resource, ":", 6)
	if len(parts) < 6 {
		return known
	}
	model := strings.HasPrefix(parts[5], "foundation-model/")
	known["profile"] = is(strings.Contains(parts[5], "inference-profile/"))
	known["model"] = is(model && parts[3] != "")
	known["global"] = is(model && parts[3] == "")
	switch {
	case !model || parts[3] == "":
		known["routed"] = no
	case out.Facts["region"] != "":
		known["routed"] = is(out.Facts["region"] != parts[3])
	}
	return known
}

func (r *remark) holds(known map[string]truth) truth {
	result := yes
	for _, name := range r.If {
		if known[name] == no {
			return no
		}
		if known[name] == unknown {
			result = unknown
		}
	}
	for _, name := range r.IfNot {
		if known[name] == yes {
			return no
		}
	}
	return result
}

// sorted drops the causes that cannot be, and those that may be but would have to
// name what is not known, and puts those first that the message itself points to.
func sorted(causes []remark, known map[string]truth, facts map[string]string) (out []remark) {
	for _, pointed := range []bool{true, false} {
		for _, c := range causes {
			h := c.holds(known)
			if h == no || h == unknown && !filled(c.Text, facts) {
				continue
			}
			if pointed == (h == yes && len(c.If) > 0) {
				out = append(out, c)
			}
		}
	}
	return out
}

func (x *Explainer) fix(r *remedy, out *Explanation) Fix {
	f := Fix{Kind: r.Do, Text: fill(r.Text, out.Facts)}
	missing := ""
	switch r.Add {
	case "denied":
		f.Policy, missing = x.denied(out)
	case "profile":
		f.Policy, missing = profile(out)
	case "managed-rule":
		f.Policy = managedRules(out)
	case "logging":
		f.Policy = policy(iam.Statement{Effect: iam.Allow, Actions: logging, Resources: []string{"*"}})
	case "trust":
		f.Policy = trust(out, "states.amazonaws.com", "arn:%s:states:%s:%s:stateMachine:*")
	case "bedrock-trust":
		f.Policy = trust(out, "bedrock.amazonaws.com", "arn:%s:bedrock:%s:%s:model-customization-job/*")
	case "marketplace":
		f.Policy = &iam.Policy{Version: iam.Version2012, Statements: []iam.Statement{{
			Effect: iam.Allow, Actions: []string{"aws-marketplace:Subscribe", "aws-marketplace:ViewSubscriptions"}, Resources: []string{"*"},
		}}}
	case "retry":
		f.Snippet = retry(out.Error.Prefix, out.Error.Name)
	case "scp":
		f.Snippet = x.exception(out)
	}
	if missing != "" {
		f.Text = strings.TrimSuffix(f.Text, ":") + ". " + missing
	}
	if len(r.Quotas) > 0 {
		for _, name := range r.Quotas {
			for _, q := range catalogue().Quotas[name] {
				f.Quotas = append(f.Quotas, fill(q, out.Facts))
			}
		}
	}
	if r.Case != "" {
		c := catalogue().Support.Cases[r.Case]
		f.Case = &SupportCase{
			Where:       []string{catalogue().Support.Open, catalogue().Support.WithPlan, catalogue().Support.WithoutPlan},
			Subject:     fill(c.Subject, out.Facts),
			Description: fill(c.Description, out.Facts),
			Note:        catalogue().Support.Note,
		}
	}
	return f
}

// retry writes a Retry for the errors of model calls, by the names of the
// integration in use.
func retry(prefix, name string) string {
	if prefix == "" {
		prefix = "Bedrock"
	}
	names := []string{"ThrottlingException", "ServiceUnavailableException", "ModelNotReadyException"}
	if name != "" && strings.HasSuffix(name, "Exception") && !slices.Contains(names, name) {
		names = append(names, name)
	}
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = strconv.Quote(prefix + "." + n)
	}
	return `"Retry": [{"ErrorEquals": [` + strings.Join(quoted, ", ") + `], "IntervalSeconds": 2, "BackoffRate": 2, "MaxAttempts": 6, "MaxDelaySeconds": 60, "JitterStrategy": "FULL"}]`
}

// exception is the condition that frees calls through a profile from a Deny.
func (x *Explainer) exception(out *Explanation) string {
	if !strings.HasPrefix(out.Facts["action"], "bedrock:") {
		return ""
	}
	profile := "*"
	if m := profileID().FindStringSubmatch(x.Model); m != nil {
		profile = x.Model
	} else if base := out.Facts["model"]; base != "" {
		profile = "*." + base
	}
	return fmt.Sprintf(`"ArnNotLike": {"bedrock:InferenceProfileArn": "arn:%s:bedrock:*:%s:inference-profile/%s"}`,
		partition(out), or(out.Facts["account"], "*"), profile)
}

func partition(out *Explanation) string { return or(out.Facts["partition"], "aws") }

func or(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}
