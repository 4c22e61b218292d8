package server

import (
	"strings"
	"unicode/utf8"
)

// resource is a Step Functions ARN, taken apart:
// arn:partition:states:region:account:kind:name[:rest].
type resource struct {
	full   string // as given
	prefix string // arn:partition:states:region:account:
	kind   string // stateMachine, execution, express, activity, mapRun
	name   string
	rest   string // qualifier of a state machine, name of an execution
}

// parseARN takes an ARN apart whose kind must be one of kinds.
func parseARN(s string, kinds ...string) (resource, error) {
	r := resource{full: s}
	if !strings.HasPrefix(s, "arn:") {
		return r, invalidARN("Invalid ARN prefix: %s", s)
	}
	parts := strings.SplitN(s, ":", 8)
	if len(parts) < 7 || parts[2] != "states" {
		if len(parts) >= 6 && parts[2] != "states" {
			return r, invalidARN("Invalid service name in ARN: %s", s)
		}
		return r, invalidARN("Invalid ARN: %s", s)
	}
	r.kind, r.name = parts[5], parts[6]
	if len(parts) > 7 {
		r.rest = parts[7]
	}
	r.prefix = s[:len(s)-len(strings.Join(parts[5:], ":"))]
	for _, k := range kinds {
		if k == r.kind {
			return r, nil
		}
	}
	return r, invalidARN("Resource type not valid in this context: %s", r.kind)
}

// machine returns the ARN of the state machine without a qualifier.
func (r resource) machine() string { return r.prefix + "stateMachine:" + r.name }

// isLabeled reports whether the ARN is that of a distributed Map state of a state machine:
// arn:...:stateMachine:name/label.
func (r resource) isLabeled() bool { return strings.Contains(r.name, "/") }

// checkName refuses what no name may contain.
func checkName(s string) error {
	ok := utf8.ValidString(s) // or there are surrogates without a partner
	for _, c := range s {
		ok = ok && !(c <= ' ' || c >= 0x7f && c <= 0x9f || strings.ContainsRune("<>{}[]?*\"#%\\^|~`$&,;:/", c) || c == 0xfffe || c == 0xffff || c == 0x10ffff)
	}
	if !ok {
		return failure("InvalidName", "Invalid Name: '%s'", s)
	}
	return nil
}
