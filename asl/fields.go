package asl

import "strings"

// which says in which query languages a field may stand.
type which uint8

const (
	inJSONPath which = 1 << iota
	inJSONata
	inBoth = inJSONPath | inJSONata
)

// stateFields lists per state type what a state may have. A name stands for both query
// languages; after "p:" it is for JSONPath only, after "a:" for JSONata only.
// (Amazon States Language, "State type fields" and the developer guide's page of each
// state. That TimeoutSeconds is refused on all but Task was measured on the service.)
var stateFields = compileFields(map[StateType]string{
	TypeTask: `Resource p:InputPath p:Parameters a:Arguments Credentials
		TimeoutSeconds p:TimeoutSecondsPath HeartbeatSeconds p:HeartbeatSecondsPath
		p:ResultSelector p:ResultPath p:OutputPath a:Output Assign Retry Catch Next End`,
	TypePass:   `p:InputPath p:Parameters p:Result p:ResultPath p:OutputPath a:Output Assign Next End`,
	TypeChoice: `p:InputPath Choices Default p:OutputPath a:Output Assign`,
	TypeWait: `p:InputPath Seconds p:SecondsPath Timestamp p:TimestampPath p:OutputPath a:Output
		Assign Next End`,
	TypeSucceed: `p:InputPath p:OutputPath a:Output`,
	TypeFail:    `Error p:ErrorPath Cause p:CausePath`,
	TypeParallel: `p:InputPath p:Parameters a:Arguments Branches p:ResultSelector p:ResultPath
		p:OutputPath a:Output Assign Retry Catch Next End`,
	TypeMap: `p:InputPath ItemReader p:ItemsPath a:Items p:Parameters ItemSelector ItemBatcher
		ItemProcessor Iterator MaxConcurrency p:MaxConcurrencyPath
		ToleratedFailureCount p:ToleratedFailureCountPath
		ToleratedFailurePercentage p:ToleratedFailurePercentagePath Label ResultWriter
		p:ResultSelector p:ResultPath p:OutputPath a:Output Assign Retry Catch Next End`,
})

func compileFields(table map[StateType]string) map[StateType]map[string]which {
	out := map[StateType]map[string]which{}
	for t, list := range table {
		fields := map[string]which{"Type": inBoth, "Comment": inBoth, "QueryLanguage": inBoth}
		for _, f := range strings.Fields(list) {
			switch {
			case strings.HasPrefix(f, "p:"):
				fields[f[2:]] = inJSONPath
			case strings.HasPrefix(f, "a:"):
				fields[f[2:]] = inJSONata
			default:
				fields[f] = inBoth
			}
		}
		out[t] = fields
	}
	return out
}

// FieldAllowed reports whether a state of the given type may have a field if its query
// language is lang. An empty lang asks for either language.
func FieldAllowed(t StateType, field string, lang QueryLanguage) bool {
	w := stateFields[t][field]
	switch lang {
	case "":
		return w != 0
	case JSONPath:
		return w&inJSONPath != 0
	}
	return w&inJSONata != 0
}

// OperandType is what a comparison compares.
type OperandType string

// The types of operands. A comparison of type PresenceOperand tests its Variable for what
// its name says, and takes a boolean.
const (
	StringOperand    OperandType = "String"
	NumericOperand   OperandType = "Numeric"
	BooleanOperand   OperandType = "Boolean"
	TimestampOperand OperandType = "Timestamp"
	PresenceOperand  OperandType = "Is"
)

// Comparison is one of the comparisons of a Choice rule in JSONPath.
type Comparison struct {
	Name string      // such as NumericLessThanEqualsPath
	Type OperandType // what is compared
	Test string      // Equals, LessThan, GreaterThan, LessThanEquals, GreaterThanEquals, Matches; Null, Present, ...
	Path bool        // the operand is a Reference Path to what to compare with
}

var comparisons = makeComparisons()

func makeComparisons() map[string]*Comparison {
	out := map[string]*Comparison{}
	add := func(t OperandType, test string, path bool) {
		c := &Comparison{Name: string(t) + test, Type: t, Test: test, Path: path}
		if path {
			c.Name += "Path"
		}
		out[c.Name] = c
	}
	for _, t := range []OperandType{StringOperand, NumericOperand, TimestampOperand} {
		for _, test := range []string{"Equals", "LessThan", "GreaterThan", "LessThanEquals", "GreaterThanEquals"} {
			add(t, test, false)
			add(t, test, true)
		}
	}
	add(BooleanOperand, "Equals", false)
	add(BooleanOperand, "Equals", true)
	add(StringOperand, "Matches", false)
	for _, test := range []string{"Null", "Present", "Numeric", "String", "Boolean", "Timestamp"} {
		add(PresenceOperand, test, false)
	}
	return out
}

// comparison returns the comparison with the given name, nil if there is none.
func comparison(name string) *Comparison { return comparisons[name] }

// ComparisonNamed returns the comparison with the given name.
func ComparisonNamed(name string) (Comparison, bool) {
	c := comparisons[name]
	if c == nil {
		return Comparison{}, false
	}
	return *c, true
}
