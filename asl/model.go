package asl

import (
	"crypto/md5"
	"fmt"
	"strings"

	"github.com/sfnkit/sfnkit/asl/value"
)

// QueryLanguage names the language of a state's expressions.
type QueryLanguage string

// The query languages. An empty QueryLanguage means the one of the state machine, and
// JSONPath if that has none either.
const (
	JSONPath QueryLanguage = "JSONPath"
	JSONata  QueryLanguage = "JSONata"
)

// StateType is the Type of a state.
type StateType string

// The eight state types.
const (
	TypeTask     StateType = "Task"
	TypePass     StateType = "Pass"
	TypeChoice   StateType = "Choice"
	TypeWait     StateType = "Wait"
	TypeSucceed  StateType = "Succeed"
	TypeFail     StateType = "Fail"
	TypeParallel StateType = "Parallel"
	TypeMap      StateType = "Map"
)

// StateMachine is a definition, or a part of one that has states of its own: a branch of
// a Parallel state or the processor of a Map state.
//
// In this type and in all that hang from it, a field of type [value.Value] is Absent if
// the definition does not have it. It holds what was written, which may be of the wrong
// type: finding that out is the validator's work. Fields that no type of the model knows
// are kept in Extra.
//
// The order of the fields is the order in which they are printed. The tag gives the name
// in the definition where that is not the name of the field.
type StateMachine struct {
	Comment         string           `asl:",omitempty"`
	QueryLanguage   QueryLanguage    `asl:",omitempty"` // top level only
	Version         string           `asl:",omitempty"` // top level only
	ProcessorConfig *ProcessorConfig `asl:",omitempty"` // Map processors only
	StartAt         string
	TimeoutSeconds  value.Value `asl:",omitempty"` // top level only; integer seconds
	States          []*State    // in document order; names are unique
	Extra           []Field     `asl:"-"`

	source *Source // nil unless parsed
}

// Field is a member of a definition that the model has no place for.
type Field struct {
	Name  string
	Value value.Value
}

// ProcessorConfig says how a Map state runs its iterations.
type ProcessorConfig struct {
	Mode          string  `asl:",omitempty"` // INLINE (the default) or DISTRIBUTED
	ExecutionType string  `asl:",omitempty"` // STANDARD or EXPRESS, for DISTRIBUTED
	Extra         []Field `asl:"-"`
}

// State is one state of any type. Which fields a type may have, and in which query
// language, is told by [FieldAllowed].
type State struct {
	Name          string        `asl:"-"` // its key in States
	Type          StateType     // as written; see the Type constants
	Comment       string        `asl:",omitempty"`
	QueryLanguage QueryLanguage `asl:",omitempty"`

	// Task, and the Resource's parameters.
	Resource    string      `asl:",omitempty"`
	InputPath   value.Value `asl:",omitempty"` // a path, or null for {}
	Parameters  value.Value `asl:",omitempty"` // payload template
	Arguments   value.Value `asl:",omitempty"` // JSONata
	Credentials value.Value `asl:",omitempty"` // {"RoleArn": ...}, a template

	// Pass.
	Result value.Value `asl:",omitempty"`

	// Choice.
	Choices []*ChoiceRule `asl:",omitempty"`
	Default string        `asl:",omitempty"`

	// Wait: exactly one of them.
	Seconds       value.Value `asl:",omitempty"` // integer seconds, or JSONata
	SecondsPath   string      `asl:",omitempty"`
	Timestamp     value.Value `asl:",omitempty"` // RFC 3339 text, or JSONata
	TimestampPath string      `asl:",omitempty"`

	// Fail.
	Error     value.Value `asl:",omitempty"`
	ErrorPath string      `asl:",omitempty"`
	Cause     value.Value `asl:",omitempty"`
	CausePath string      `asl:",omitempty"`

	// Parallel.
	Branches []*StateMachine `asl:",omitempty"`

	// Map.
	ItemReader                     *ItemReader   `asl:",omitempty"`
	ItemsPath                      string        `asl:",omitempty"`
	Items                          value.Value   `asl:",omitempty"` // JSONata: an array or an expression
	ItemSelector                   value.Value   `asl:",omitempty"`
	ItemBatcher                    *ItemBatcher  `asl:",omitempty"`
	ItemProcessor                  *StateMachine `asl:",omitempty"`
	Iterator                       *StateMachine `asl:",omitempty"` // the older name of ItemProcessor
	MaxConcurrency                 value.Value   `asl:",omitempty"` // 0 is no limit of the author's
	MaxConcurrencyPath             string        `asl:",omitempty"`
	ToleratedFailureCount          value.Value   `asl:",omitempty"`
	ToleratedFailureCountPath      string        `asl:",omitempty"`
	ToleratedFailurePercentage     value.Value   `asl:",omitempty"` // 0 to 100
	ToleratedFailurePercentagePath string        `asl:",omitempty"`
	Label                          string        `asl:",omitempty"`
	ResultWriter                   *ResultWriter `asl:",omitempty"`

	// What becomes of the result.
	TimeoutSeconds       value.Value `asl:",omitempty"` // integer seconds, or JSONata
	TimeoutSecondsPath   string      `asl:",omitempty"`
	HeartbeatSeconds     value.Value `asl:",omitempty"`
	HeartbeatSecondsPath string      `asl:",omitempty"`
	ResultSelector       value.Value `asl:",omitempty"`
	ResultPath           value.Value `asl:",omitempty"` // a Reference Path, or null to discard
	OutputPath           value.Value `asl:",omitempty"` // a path, or null for {}
	Output               value.Value `asl:",omitempty"` // JSONata
	Assign               value.Value `asl:",omitempty"`
	Retry                []*Retrier  `asl:",omitempty"`
	Catch                []*Catcher  `asl:",omitempty"`
	Next                 string      `asl:",omitempty"`
	End                  bool        `asl:",omitempty"`

	Extra []Field `asl:"-"`
}

// Retrier is an element of Retry. Absent numbers mean AWS's defaults: an interval of 1
// second, 3 attempts, a rate of 2.0, no cap.
type Retrier struct {
	Comment         string `asl:",omitempty"`
	ErrorEquals     []string
	IntervalSeconds value.Value `asl:",omitempty"` // integer, from 1
	MaxAttempts     value.Value `asl:",omitempty"` // integer, from 0
	BackoffRate     value.Value `asl:",omitempty"` // number, from 1.0
	MaxDelaySeconds value.Value `asl:",omitempty"` // integer, above IntervalSeconds
	JitterStrategy  string      `asl:",omitempty"` // FULL or NONE (the default)
	Extra           []Field     `asl:"-"`
}

// Catcher is an element of Catch.
type Catcher struct {
	Comment     string `asl:",omitempty"`
	ErrorEquals []string
	ResultPath  value.Value `asl:",omitempty"` // JSONPath
	Assign      value.Value `asl:",omitempty"`
	Output      value.Value `asl:",omitempty"` // JSONata
	Next        string
	Extra       []Field `asl:"-"`
}

// ChoiceRule is an element of Choices or an operand of And, Or and Not. A rule has
// exactly one of Condition, And, Or, Not, or Variable with a comparison.
type ChoiceRule struct {
	Comment   string        `asl:",omitempty"`
	Condition value.Value   `asl:",omitempty"` // JSONata
	And       []*ChoiceRule `asl:",omitempty"`
	Or        []*ChoiceRule `asl:",omitempty"`
	Not       *ChoiceRule   `asl:",omitempty"`
	Variable  string        `asl:",omitempty"`
	Operator  string        `asl:"-"` // the name of the comparison, such as NumericLessThanPath
	Operand   value.Value   `asl:"-"` // and what it compares with
	Output    value.Value   `asl:",omitempty"`
	Assign    value.Value   `asl:",omitempty"`
	Next      string        `asl:",omitempty"` // top-level rules only
	Extra     []Field       `asl:"-"`
}

// ItemReader tells a distributed Map where its items are.
type ItemReader struct {
	Resource     string        `asl:",omitempty"`
	ReaderConfig *ReaderConfig `asl:",omitempty"`
	Parameters   value.Value   `asl:",omitempty"`
	Arguments    value.Value   `asl:",omitempty"`
	Extra        []Field       `asl:"-"`
}

// ReaderConfig tells how the object that an ItemReader reads is laid out.
type ReaderConfig struct {
	InputType         string      `asl:",omitempty"` // CSV, JSON, JSONL, PARQUET or MANIFEST
	Transformation    string      `asl:",omitempty"` // NONE or LOAD_AND_FLATTEN
	ManifestType      string      `asl:",omitempty"` // S3_INVENTORY or ATHENA_DATA
	CSVHeaderLocation string      `asl:",omitempty"` // FIRST_ROW or GIVEN
	CSVHeaders        []string    `asl:",omitempty"`
	CSVDelimiter      string      `asl:",omitempty"` // COMMA (the default), PIPE, SEMICOLON, SPACE or TAB
	MaxItems          value.Value `asl:",omitempty"`
	MaxItemsPath      string      `asl:",omitempty"`
	ItemsPointer      string      `asl:",omitempty"` // a JSON pointer into a JSON object
	Extra             []Field     `asl:"-"`
}

// ItemBatcher groups the items of a distributed Map.
type ItemBatcher struct {
	MaxItemsPerBatch          value.Value `asl:",omitempty"`
	MaxItemsPerBatchPath      string      `asl:",omitempty"`
	MaxInputBytesPerBatch     value.Value `asl:",omitempty"`
	MaxInputBytesPerBatchPath string      `asl:",omitempty"`
	BatchInput                value.Value `asl:",omitempty"`
	Extra                     []Field     `asl:"-"`
}

// ResultWriter tells a distributed Map where to put its results.
type ResultWriter struct {
	WriterConfig *WriterConfig `asl:",omitempty"`
	Resource     string        `asl:",omitempty"`
	Parameters   value.Value   `asl:",omitempty"`
	Arguments    value.Value   `asl:",omitempty"`
	Extra        []Field       `asl:"-"`
}

// WriterConfig tells what the written results look like.
type WriterConfig struct {
	OutputType     string  `asl:",omitempty"` // JSON or JSONL
	Transformation string  `asl:",omitempty"` // NONE, COMPACT or FLATTEN
	Extra          []Field `asl:"-"`
}

// State returns the state with the given name, or nil. It does not look into branches
// and processors.
func (m *StateMachine) State(name string) *State {
	for _, s := range m.States {
		if s.Name == name {
			return s
		}
	}
	return nil
}

// Language returns the query language of the state machine's own states.
func (m *StateMachine) Language() QueryLanguage {
	if m.QueryLanguage == "" {
		return JSONPath
	}
	return m.QueryLanguage
}

// LanguageIn returns the query language of the state, given the one of the whole state
// machine: states in branches and processors that name none use the machine's language,
// not that of the state around them.
func (s *State) LanguageIn(machine QueryLanguage) QueryLanguage {
	if s.QueryLanguage != "" {
		return s.QueryLanguage
	}
	return machine
}

// Processor returns the ItemProcessor of a Map state, or its Iterator.
func (s *State) Processor() *StateMachine {
	if s.ItemProcessor != nil {
		return s.ItemProcessor
	}
	return s.Iterator
}

// Distributed reports whether a Map state runs its iterations as child executions.
func (s *State) Distributed() bool {
	p := s.Processor()
	return p != nil && p.ProcessorConfig != nil && p.ProcessorConfig.Mode == "DISTRIBUTED"
}

// MapLabel returns the label of a distributed Map state in the ARNs of its map runs and their
// executions. To a state without a Label the service gives one made of its name: the UUID of
// version 3 that Java makes of its UTF-8 (recorded 2026-09, published in
// github.com/radkawar/stackd).
func (s *State) MapLabel() string {
	if s.Label != "" {
		return s.Label
	}
	b := md5.Sum([]byte(s.Name))
	b[6] = b[6]&0x0f | 0x30
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// Parts returns the machines inside a state: the branches of a Parallel state or the
// processor of a Map state.
func (s *State) Parts() []*StateMachine {
	if p := s.Processor(); p != nil {
		return []*StateMachine{p}
	}
	return s.Branches
}

// AllStates calls yield for every state of the machine, those in branches and processors
// included, each before the states inside it.
func (m *StateMachine) AllStates(yield func(*State) bool) { m.walk(yield) }

func (m *StateMachine) walk(yield func(*State) bool) bool {
	for _, s := range m.States {
		if !yield(s) {
			return false
		}
		for _, part := range s.Parts() {
			if !part.walk(yield) {
				return false
			}
		}
	}
	return true
}

// Resource is a Task's Resource ARN, taken apart.
type Resource struct {
	Partition string // aws, aws-cn, aws-us-gov
	Service   string // lambda, bedrock, aws-sdk:s3, states (for an activity) ...
	Action    string // invokeModel; the function of a Lambda ARN; the name of an activity
	Pattern   Pattern
	Kind      ResourceKind
}

// Pattern is a service integration pattern.
type Pattern string

// The integration patterns; the values are the suffixes in a Resource ARN.
const (
	RequestResponse  Pattern = ""
	Sync             Pattern = ".sync"
	Sync2            Pattern = ".sync:2"
	WaitForTaskToken Pattern = ".waitForTaskToken"
)

// ResourceKind tells the kinds of Resource ARN apart.
type ResourceKind int

// The kinds of resources that a Task can call.
const (
	UnknownResource ResourceKind = iota
	Optimized                    // arn:aws:states:::bedrock:invokeModel
	SDK                          // arn:aws:states:::aws-sdk:s3:getObject
	LambdaARN                    // the ARN of a function
	ActivityARN                  // arn:aws:states:REGION:ACCOUNT:activity:NAME
)

// ParseResource takes a Resource ARN apart. The Kind is UnknownResource if it is none
// that the service knows the form of. Integrations mostly have neither region nor account
// in their ARN, but the service takes those that do (arn:aws:states:us-east-1:123456789012:aws-sdk:s3:getObject).
func ParseResource(arn string) Resource {
	f := strings.SplitN(arn, ":", 6)
	if len(f) < 6 || f[0] != "arn" {
		return Resource{}
	}
	r := Resource{Partition: f[1]}
	switch {
	case f[2] == "states" && !ownResource(f[5]):
		rest := f[5]
		for _, p := range []Pattern{Sync2, Sync, WaitForTaskToken} {
			if s, ok := strings.CutSuffix(rest, string(p)); ok {
				rest, r.Pattern = s, p
				break
			}
		}
		r.Kind = Optimized
		if s, ok := strings.CutPrefix(rest, "aws-sdk:"); ok {
			r.Kind = SDK
			rest = s
		}
		service, action, ok := strings.Cut(rest, ":")
		if !ok || service == "" || action == "" {
			return Resource{Partition: f[1]}
		}
		r.Service, r.Action = service, action
		if r.Kind == SDK {
			r.Service = "aws-sdk:" + service
		}
	case f[2] == "states" && strings.HasPrefix(f[5], "activity:"):
		r.Service, r.Action, r.Kind = "states", strings.TrimPrefix(f[5], "activity:"), ActivityARN
	case f[2] == "lambda":
		r.Service, r.Action, r.Kind = "lambda", strings.TrimPrefix(f[5], "function:"), LambdaARN
	}
	return r
}

// ownResource reports whether the last part of an ARN names something that Step Functions
// itself holds, rather than an integration.
func ownResource(name string) bool {
	kind, _, _ := strings.Cut(name, ":")
	switch kind {
	case "activity", "stateMachine", "execution", "express", "mapRun":
		return true
	}
	return false
}
