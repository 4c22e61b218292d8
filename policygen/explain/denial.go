package explain

import "strings"

// Denial is what IAM's message says: who may not do what, to what, and which kind
// of policy is the reason.
type Denial struct {
	Principal string
	Action    string
	Resource  string // "" if the message names none
	Policy    string // kind of policy, such as "identity-based policy"; "" if not told
	Explicit  bool   // a Deny matched; otherwise an Allow is missing (or nothing is told)
	PolicyARN string // of the denying policy, where AWS tells
}

// ParseDenial reads IAM's sentence out of a text. It takes the forms with and
// without resource, with the resource in quotes (S3), with and without the reason,
// and with the ARN of the policy that AWS appends since January 2026.
func ParseDenial(text string) (Denial, bool) {
	var d Denial
	before, after, found := strings.Cut(text, " is not authorized to perform: ")
	if !found {
		return d, false
	}
	at := strings.LastIndex(before, "User: ")
	if at < 0 {
		return d, false
	}
	d.Principal = before[at+len("User: "):]
	d.Action, after, _ = strings.Cut(after, " ")
	d.Action = strings.TrimRight(d.Action, ".,")
	if service, name, ok := strings.Cut(d.Action, ":"); !ok || service == "" || name == "" || strings.ContainsAny(d.Principal, " \n") {
		return d, false
	}

	tail := after
	if rest, ok := strings.CutPrefix(after, "on resource: "); ok {
		if quoted, ok := strings.CutPrefix(rest, `"`); ok {
			d.Resource, tail, _ = strings.Cut(quoted, `"`)
		} else {
			end := len(rest)
			for _, mark := range []string{" because no ", " with an explicit deny in ", "\n", " (Service: ", " "} {
				if i := strings.Index(rest, mark); i >= 0 {
					end = min(end, i)
				}
			}
			d.Resource, tail = rest[:end], rest[end:]
			if !strings.HasSuffix(d.Resource, "...") {
				d.Resource = strings.TrimRight(d.Resource, ".,")
			}
		}
	}
	if _, reason, ok := strings.Cut(tail, "with an explicit deny in "); ok {
		d.Explicit = true
		for _, article := range []string{"an ", "a ", "the "} {
			reason = strings.TrimPrefix(reason, article)
		}
		kind, rest := policyKind(reason)
		d.Policy = kind
		if arn, ok := strings.CutPrefix(rest, ": "); ok && strings.HasPrefix(arn, "arn:") {
			arn, _, _ = strings.Cut(arn, " ")
			d.PolicyARN = strings.TrimRight(arn, ".,")
		}
	} else if _, reason, ok := strings.Cut(tail, "because no "); ok {
		d.Policy, _ = policyKind(reason)
	}
	return d, true
}

var policyKinds = []string{
	"identity-based policy", "service control policy", "resource control policy", "permissions boundary",
	"session policy", "resource-based policy", "VPC endpoint policy", "role trust policy",
}

func policyKind(text string) (kind, rest string) {
	for _, kind := range policyKinds {
		if rest, ok := strings.CutPrefix(text, kind); ok {
			return kind, rest
		}
	}
	return "", text
}
