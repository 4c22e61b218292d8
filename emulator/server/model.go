package server

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/sfnkit/sfnkit/asl/value"
)

// The constraints of the service's model (API version 2016-11-23, read on 2026-11-23): what
// a request must and may contain. The types that requests are decoded into come from the
// SDK, which knows names and kinds but none of this.

type kind uint8

const (
	textKind kind = iota
	intKind
	floatKind
	boolKind
	listKind
	structKind
)

type shape struct {
	kind     kind
	min, max int64 // length, number of elements or value; max < 0 for no bound
	payload  bool  // max is one of the limits that can be lifted
	bytes    bool  // lengths are those of the UTF-8 encoding, not numbers of characters
	secret   bool  // messages do not quote the value
	pattern  string
	matches  func(string) bool
	enum     []string
	elem     *shape
	members  []member
}

type member struct {
	name     string
	shape    *shape
	required bool
}

func text(min, max int64) *shape        { return &shape{min: min, max: max} }
func secret(min, max int64) *shape      { return &shape{min: min, max: max, secret: true} }
func payload(min, max int64) *shape     { return &shape{min: min, max: max, secret: true, payload: true} }
func enum(names ...string) *shape       { return &shape{max: -1, enum: names} }
func integer(min, max int64) *shape     { return &shape{kind: intKind, min: min, max: max} }
func list(elem *shape) *shape           { return &shape{kind: listKind, max: -1, elem: elem} }
func structure(m ...member) *shape      { return &shape{kind: structKind, members: m} }
func must(name string, s *shape) member { return member{name, s, true} }
func may(name string, s *shape) member  { return member{name, s, false} }

var (
	boolean     = &shape{kind: boolKind}
	anyText     = text(0, -1)
	arn         = text(1, 256)
	longARN     = text(1, 2000)
	name        = text(1, 80)
	definition  = payload(1, 1048576)
	data        = &shape{max: 262144, secret: true, payload: true, bytes: true} // API reference: in bytes
	machineType = enum("STANDARD", "EXPRESS")
	pageSize    = integer(0, 1000)
	pageToken   = text(1, 1024)
	errorName   = secret(0, 256)
	cause       = secret(0, 32768)
	taskToken   = text(1, 2048)
	included    = enum("ALL_DATA", "METADATA_ONLY")
	percentage  = &shape{kind: floatKind, max: 100}
	count       = integer(0, -1)
	traceHeader = &shape{max: 256, pattern: `\p{ASCII}*`, matches: isASCII}
	tagKey      = text(1, 128)
	tags        = list(structure(may("key", tagKey), may("value", text(0, 256))))
	aliasName   = &shape{min: 1, max: 80, pattern: `^(?=.*[a-zA-Z_\-\.])[a-zA-Z0-9_\-\.]+$`, matches: isAliasName}
	clientToken = &shape{min: 1, max: 64, pattern: `[!-~]+`, matches: isPrintable}
	logging     = structure(
		may("level", enum("ALL", "ERROR", "FATAL", "OFF")),
		may("includeExecutionData", boolean),
		may("destinations", list(structure(may("cloudWatchLogsLogGroup", structure(may("logGroupArn", arn)))))),
	)
	encryption = structure(
		may("kmsKeyId", text(1, 2048)),
		may("kmsDataKeyReusePeriodSeconds", integer(60, 900)),
		must("type", enum("AWS_OWNED_KEY", "CUSTOMER_MANAGED_KMS_KEY")),
	)
	tracing = structure(may("enabled", boolean))
	routing = &shape{kind: listKind, min: 1, max: 2, elem: structure(
		must("stateMachineVersionArn", arn),
		must("weight", integer(0, 100)),
	)}
)

var inputs = map[string]*shape{
	"CreateActivity": structure(must("name", name), may("tags", tags), may("encryptionConfiguration", encryption)),
	"CreateStateMachine": structure(must("name", name), must("definition", definition), must("roleArn", arn), may("type", machineType),
		may("loggingConfiguration", logging), may("tags", tags), may("tracingConfiguration", tracing), may("publish", boolean),
		may("versionDescription", secret(0, 256)), may("encryptionConfiguration", encryption)),
	"CreateStateMachineAlias":          structure(may("description", secret(0, 256)), must("name", aliasName), must("routingConfiguration", routing)),
	"DeleteActivity":                   structure(must("activityArn", arn)),
	"DeleteStateMachine":               structure(must("stateMachineArn", arn)),
	"DeleteStateMachineAlias":          structure(must("stateMachineAliasArn", arn)),
	"DeleteStateMachineVersion":        structure(must("stateMachineVersionArn", longARN)),
	"DescribeActivity":                 structure(must("activityArn", arn)),
	"DescribeExecution":                structure(must("executionArn", arn), may("includedData", included)),
	"DescribeMapRun":                   structure(must("mapRunArn", longARN)),
	"DescribeStateMachine":             structure(must("stateMachineArn", arn), may("includedData", included)),
	"DescribeStateMachineAlias":        structure(must("stateMachineAliasArn", arn)),
	"DescribeStateMachineForExecution": structure(must("executionArn", arn), may("includedData", included)),
	"GetActivityTask":                  structure(must("activityArn", arn), may("workerName", name)),
	"GetExecutionHistory": structure(must("executionArn", arn), may("maxResults", pageSize), may("reverseOrder", boolean),
		may("nextToken", pageToken), may("includeExecutionData", boolean)),
	"ListActivities": structure(may("maxResults", pageSize), may("nextToken", pageToken)),
	"ListExecutions": structure(may("stateMachineArn", arn),
		may("statusFilter", enum("SUCCEEDED", "TIMED_OUT", "PENDING_REDRIVE", "ABORTED", "FAILED", "RUNNING")),
		may("maxResults", pageSize), may("nextToken", text(1, 3096)), may("mapRunArn", longARN),
		may("redriveFilter", enum("REDRIVEN", "NOT_REDRIVEN"))),
	"ListMapRuns":                structure(must("executionArn", arn), may("maxResults", pageSize), may("nextToken", pageToken)),
	"ListStateMachineAliases":    structure(must("stateMachineArn", arn), may("nextToken", pageToken), may("maxResults", pageSize)),
	"ListStateMachineVersions":   structure(must("stateMachineArn", arn), may("nextToken", pageToken), may("maxResults", pageSize)),
	"ListStateMachines":          structure(may("maxResults", pageSize), may("nextToken", pageToken)),
	"ListTagsForResource":        structure(must("resourceArn", arn)),
	"PublishStateMachineVersion": structure(must("stateMachineArn", arn), may("revisionId", anyText), may("description", secret(0, 256))),
	"RedriveExecution":           structure(must("executionArn", arn), may("clientToken", clientToken)),
	"SendTaskFailure":            structure(must("taskToken", taskToken), may("error", errorName), may("cause", cause)),
	"SendTaskHeartbeat":          structure(must("taskToken", taskToken)),
	"SendTaskSuccess":            structure(must("taskToken", taskToken), must("output", data)),
	"StartExecution":             structure(must("stateMachineArn", arn), may("name", name), may("input", data), may("traceHeader", traceHeader)),
	"StartSyncExecution": structure(must("stateMachineArn", arn), may("name", name), may("input", data), may("traceHeader", traceHeader),
		may("includedData", included)),
	"StopExecution": structure(must("executionArn", arn), may("error", errorName), may("cause", cause)),
	"TagResource":   structure(must("resourceArn", arn), must("tags", tags)),
	"TestState": structure(must("definition", definition), may("roleArn", arn), may("input", data),
		may("inspectionLevel", enum("INFO", "DEBUG", "TRACE")), may("revealSecrets", boolean), may("variables", data),
		may("stateName", secret(1, 80)),
		may("mock", structure(may("result", data), may("errorOutput", structure(may("error", errorName), may("cause", cause))),
			may("fieldValidationMode", enum("STRICT", "PRESENT", "NONE")))),
		may("context", data),
		may("stateConfiguration", structure(may("retrierRetryCount", count), may("errorCausedByState", secret(1, 80)),
			may("mapIterationFailureCount", count), may("mapItemReaderData", data)))),
	"UntagResource": structure(must("resourceArn", arn), must("tagKeys", list(tagKey))),
	"UpdateMapRun": structure(must("mapRunArn", longARN), may("maxConcurrency", count), may("toleratedFailurePercentage", percentage),
		may("toleratedFailureCount", count)),
	"UpdateStateMachine": structure(must("stateMachineArn", arn), may("definition", definition), may("roleArn", arn),
		may("loggingConfiguration", logging), may("tracingConfiguration", tracing), may("publish", boolean),
		may("versionDescription", secret(0, 256)), may("encryptionConfiguration", encryption)),
	"UpdateStateMachineAlias": structure(must("stateMachineAliasArn", arn), may("description", secret(0, 256)), may("routingConfiguration", routing)),
	"ValidateStateMachineDefinition": structure(must("definition", definition), may("type", machineType),
		may("severity", enum("ERROR", "WARNING")), may("maxResults", integer(0, 100))),
}

func isASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func isPrintable(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < '!' || s[i] > '~' {
			return false
		}
	}
	return s != ""
}

func isAliasName(s string) bool {
	letter := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', c == '_', c == '-', c == '.':
			letter = true
		case '0' <= c && c <= '9':
		default:
			return false
		}
	}
	return letter
}

// checker collects what a request violates, in the service's words.
type checker struct {
	lifted   bool // the limits on payloads
	problems []string
}

func (c *checker) add(s *shape, path string, v value.Value, constraint string) {
	quoted := ""
	switch {
	case s.secret:
	case v.IsAbsent():
		quoted = " null"
	case v.IsString():
		quoted = " '" + v.Str() + "'"
	default:
		quoted = " '" + v.JSON() + "'"
	}
	c.problems = append(c.problems, "Value"+quoted+" at '"+path+"' failed to satisfy constraint: Member must "+constraint)
}

func (c *checker) check(s *shape, path string, v value.Value) {
	switch s.kind {
	case structKind:
		for i := range s.members {
			m := &s.members[i]
			sub := v.Get(m.name)
			at := m.name
			if path != "" {
				at = path + "." + m.name
			}
			switch {
			case sub.IsNull() || sub.IsAbsent():
				if m.required {
					c.add(m.shape, at, value.Value{}, "not be null")
				}
			default:
				c.check(m.shape, at, sub)
			}
		}
	case listKind:
		n := int64(v.Len())
		c.bounds(s, path, v, n, "length")
		for i, e := range v.Elems() {
			c.check(s.elem, fmt.Sprintf("%s.%d.member", path, i+1), e)
		}
	case intKind:
		c.bounds(s, path, v, nearest(v), "value")
	case floatKind:
		if f := v.Float64(); f < float64(s.min) {
			c.add(s, path, v, fmt.Sprintf("have value greater than or equal to %d", s.min))
		} else if s.max >= 0 && f > float64(s.max) {
			c.add(s, path, v, fmt.Sprintf("have value less than or equal to %d", s.max))
		}
	case textKind:
		t := v.Str()
		if s.enum != nil {
			for _, e := range s.enum {
				if e == t {
					return
				}
			}
			c.add(s, path, v, "satisfy enum value set: ["+strings.Join(s.enum, ", ")+"]")
			return
		}
		n := int64(len(t))
		if !s.bytes && (n > s.max || n < s.min) {
			n = int64(utf8.RuneCountInString(t))
		}
		c.bounds(s, path, v, n, "length")
		if s.matches != nil && !s.matches(t) {
			c.add(s, path, v, "satisfy regular expression pattern: "+s.pattern)
		}
	}
}

func (c *checker) bounds(s *shape, path string, v value.Value, n int64, what string) {
	switch {
	case n < s.min:
		c.add(s, path, v, fmt.Sprintf("have %s greater than or equal to %d", what, s.min))
	case s.max >= 0 && n > s.max && !(s.payload && c.lifted):
		c.add(s, path, v, fmt.Sprintf("have %s less than or equal to %d", what, s.max))
	}
}

func (c *checker) err() error {
	switch n := len(c.problems); n {
	case 0:
		return nil
	case 1:
		return failure("ValidationException", "1 validation error detected: %s", c.problems[0])
	default:
		return failure("ValidationException", "%d validation errors detected: %s", n, strings.Join(c.problems, "; "))
	}
}
