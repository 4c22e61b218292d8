package asl

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/sfnkit/sfnkit/asl/value"
)

// Codes of the service (API reference, ValidateStateMachineDefinitionDiagnostic, and for
// JSONata and variables as published by users who measured them).
const (
	CodeMissingEnd         = "MISSING_END_STATE"
	CodeMissingTarget      = "MISSING_TRANSITION_TARGET"
	CodeDuplicateState     = "DUPLICATE_STATE_NAME"
	CodeInvalidStateName   = "INVALID_STATE_NAME"
	CodeDuplicateLabel     = "DUPLICATE_LABEL_NAME"
	CodeInvalidLabel       = "INVALID_LABEL_NAME"
	CodeInvalidJSONata     = "INVALID_JSONATA_EXPRESSION"
	CodeUnsupportedJSONata = "UNSUPPORTED_JSONATA_EXPRESSION"
	CodeReservedVariable   = "RESERVED_VARIABLE_NAME"
	CodeInvalidVariable    = "INVALID_VARIABLE_NAME"
	CodeNoDollar           = "NO_DOLLAR"
	CodeNoPath             = "NO_PATH"
	CodeStaticResult       = "PASS_RESULT_IS_STATIC"
)

var stateTypes = []string{"Task", "Wait", "Pass", "Succeed", "Fail", "Choice", "Parallel", "Map"}

// rule is what a field of a state may hold.
type rule struct {
	check       func(v *validator, st *scope, n *node, loc string)
	least, most int64
}

// exclusive lists fields of which a state may have at most one, with `!` exactly one.
var exclusive = map[StateType][][]string{
	TypeTask:     {{"TimeoutSeconds", "TimeoutSecondsPath"}, {"HeartbeatSeconds", "HeartbeatSecondsPath"}},
	TypeWait:     {{"!", "Seconds", "SecondsPath", "Timestamp", "TimestampPath"}},
	TypeFail:     {{"Error", "ErrorPath"}, {"Cause", "CausePath"}},
	TypeMap:      {{"!", "ItemProcessor", "Iterator"}, {"ItemSelector", "Parameters"}, {"MaxConcurrency", "MaxConcurrencyPath"}, {"ToleratedFailureCount", "ToleratedFailureCountPath"}, {"ToleratedFailurePercentage", "ToleratedFailurePercentagePath"}},
	TypeChoice:   {},
	TypeParallel: {},
}

// demanded lists what a state of a type must have besides its Type.
var demanded = map[StateType][]string{
	TypeTask:     {"Resource"},
	TypeChoice:   {"Choices"},
	TypeParallel: {"Branches"},
}

var stateRules map[string]rule

func init() {
	stateRules = map[string]rule{
		"Comment":                        {check: (*validator).text},
		"QueryLanguage":                  {check: (*validator).stateLanguage},
		"Resource":                       {check: (*validator).taskResource},
		"InputPath":                      {check: (*validator).path},
		"OutputPath":                     {check: (*validator).path},
		"ResultPath":                     {check: (*validator).resultPath},
		"ItemsPath":                      {check: (*validator).referencePath},
		"SecondsPath":                    {check: (*validator).referencePath},
		"TimestampPath":                  {check: (*validator).referencePath},
		"TimeoutSecondsPath":             {check: (*validator).referencePath},
		"HeartbeatSecondsPath":           {check: (*validator).referencePath},
		"MaxConcurrencyPath":             {check: (*validator).referencePath},
		"ToleratedFailureCountPath":      {check: (*validator).referencePath},
		"ToleratedFailurePercentagePath": {check: (*validator).referencePath},
		"ErrorPath":                      {check: (*validator).pathOrCall},
		"CausePath":                      {check: (*validator).pathOrCall},
		"Parameters":                     {check: (*validator).template},
		"ResultSelector":                 {check: (*validator).objectTemplate},
		"ItemSelector":                   {check: (*validator).template},
		"Arguments":                      {check: (*validator).template},
		"Output":                         {check: (*validator).template},
		"Assign":                         {check: (*validator).assign},
		"Credentials":                    {check: (*validator).credentials},
		"Result":                         {check: (*validator).result},
		"Items":                          {check: (*validator).items},
		"Error":                          {check: (*validator).textOrExpression},
		"Cause":                          {check: (*validator).textOrExpression},
		"Timestamp":                      {check: (*validator).timestamp},
		"Seconds":                        {check: (*validator).integerOrExpression, most: maxSeconds},
		"TimeoutSeconds":                 {check: (*validator).integerOrExpression, least: 1, most: maxSeconds},
		"HeartbeatSeconds":               {check: (*validator).integerOrExpression, least: 1, most: maxSeconds},
		"MaxConcurrency":                 {check: (*validator).integerOrExpression, most: noMaximum},
		"ToleratedFailureCount":          {check: (*validator).integerOrExpression, most: noMaximum},
		"ToleratedFailurePercentage":     {check: (*validator).percentage, most: 100},
		"Choices":                        {check: (*validator).choices},
		"Branches":                       {check: (*validator).branches},
		"ItemProcessor":                  {check: (*validator).processor},
		"Iterator":                       {check: (*validator).processor},
		"ItemReader":                     {check: (*validator).itemReader},
		"ItemBatcher":                    {check: (*validator).itemBatcher},
		"ResultWriter":                   {check: (*validator).resultWriter},
		"Label":                          {check: (*validator).label},
		"Retry":                          {check: (*validator).retry},
		"Catch":                          {check: (*validator).catch},
		"Next":                           {check: (*validator).text},
		"Default":                        {check: (*validator).text},
		"End":                            {check: (*validator).boolean},
	}
}

// state checks one state and everything in it.
func (v *validator) state(p *part, n *node, states string, express bool) *scope {
	st := &scope{name: n.name, loc: states + "/" + n.name, n: n, part: p, express: express, lang: v.machine}
	if !v.isObject(st, n, st.loc) {
		return nil
	}
	v.all = append(v.all, st)
	v.stateName(st)
	lang := n.get("QueryLanguage")
	if lang != nil && !v.unknown(lang) {
		// Whatever is not exactly JSONPath counts as JSONata.
		st.lang = JSONata
		if lang.str() == string(JSONPath) {
			st.lang = JSONPath
		}
	}
	downgraded := v.machine == JSONata && st.lang == JSONPath
	if downgraded {
		v.refuse(st, n, st.loc, "'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine")
	}
	typ := n.get("Type")
	switch {
	case typ == nil:
		v.required(st, n, st.loc, "Type")
		return st
	case v.unknown(typ) || !v.isString(st, typ, st.loc+"/Type"):
		return st
	case !slices.Contains(stateTypes, typ.str()):
		v.refuseAs(CodeSchema, st, typ, st.loc+"/Type", "The field 'Type' should have one of these values: ["+strings.Join(stateTypes, ", ")+"]", v.didYouMean(typ.str(), stateTypes))
		return st
	}
	st.typ = StateType(typ.str())
	v.stateFields(st, downgraded)
	v.required(st, n, st.loc, demanded[st.typ]...)
	for _, fields := range exclusive[st.typ] {
		if fields[0] == "!" {
			fields = fields[1:]
			if st.lang == JSONata && st.typ == TypeWait {
				fields = []string{"Seconds", "Timestamp"}
			}
			v.exactlyOne(st, n, st.loc, fields...)
		} else {
			v.atMostOne(st, n, st.loc, fields...)
		}
	}
	v.nextOrEnd(st)
	for i := range n.kids {
		k := &n.kids[i]
		if _, ok := stateFields[st.typ][k.name]; !ok || k.name == "Type" {
			continue
		}
		stateRules[k.name].check(v, st, k, st.loc+"/"+k.name)
	}
	v.heartbeat(st)
	return st
}

func (v *validator) stateName(st *scope) {
	switch {
	case v.names[st.name]:
		v.refuseAs(CodeDuplicateState, st, st.n, st.loc, "Duplicate State name: "+st.name, "names must be unique in the whole state machine, branches and processors included")
	case st.name == "":
		v.refuseAs(CodeInvalidStateName, st, st.n, st.loc, "State name cannot be empty", "")
	case utf8.RuneCountInString(st.name) > maxName && !(placeholder(st.name) && !v.cfg.asService):
		v.refuseAs(CodeInvalidStateName, st, st.n, st.loc, "Invalid State name: State '"+st.name+"' exceeds the 80-character limit allowed by the service", "")
	}
	v.names[st.name] = true
}

// stateFields refuses fields that a state of this type, or of this query language, may
// not have.
func (v *validator) stateFields(st *scope, downgraded bool) {
	allowed := stateFields[st.typ]
	for i := range st.n.kids {
		k := &st.n.kids[i]
		w, ok := allowed[k.name]
		switch {
		case !ok:
			v.unsupported(st, k, st.loc, k.name, sortedFields[st.typ])
		case downgraded:
		case st.lang == JSONata && w == inJSONPath:
			v.otherLanguage(st, k, st.loc, k.name)
		case st.lang == JSONPath && w == inJSONata:
			v.otherLanguage(st, k, st.loc, k.name)
		}
	}
}

var sortedFields = func() map[StateType][]string {
	out := map[StateType][]string{}
	for t, fields := range stateFields {
		for f := range fields {
			out[t] = append(out[t], f)
		}
		slices.Sort(out[t])
	}
	return out
}()

func (v *validator) otherLanguage(st *scope, n *node, loc, field string) {
	other := JSONPath
	if st.lang == JSONPath {
		other = JSONata
	}
	v.refuse(st, n, loc, "The QueryLanguage is set to '"+string(st.lang)+"', but field '"+field+"' is only supported for the '"+string(other)+"' QueryLanguage")
}

func (v *validator) nextOrEnd(st *scope) {
	if !FieldAllowed(st.typ, "Next", "") {
		return
	}
	end := st.n.get("End")
	ends := end != nil && (end.kind != value.KindBool || end.scalar.Truth())
	switch next := st.n.get("Next"); {
	case ends && next != nil && !v.unknown(end):
		v.refuse(st, lastOf(st.n, []string{"Next", "End"}), st.loc, "There should only be one of the following fields: "+fieldList([]string{"Next", "End"}))
	case !ends && next == nil:
		v.refuseAs(CodeSchema, st, st.n, st.loc, "This object should have only one of the following fields: "+fieldList([]string{"Next", "End"}), "say which state comes next, or that the workflow ends here with \"End\": true")
	}
}

func (v *validator) heartbeat(st *scope) {
	t, h := st.n.get("TimeoutSeconds"), st.n.get("HeartbeatSeconds")
	if t == nil || h == nil || t.kind != value.KindNumber || h.kind != value.KindNumber {
		return
	}
	if h.scalar.Float64() >= t.scalar.Float64() {
		v.refuse(st, h, st.loc+"/HeartbeatSeconds", "HeartbeatSeconds must be smaller than TimeoutSeconds")
	}
}

func (v *validator) text(st *scope, n *node, loc string) {
	if !v.unknown(n) {
		v.isString(st, n, loc)
	}
}

func (v *validator) boolean(st *scope, n *node, loc string) {
	if !v.unknown(n) && n.kind != value.KindBool {
		v.expected(st, n, loc, "BOOLEAN")
	}
}

func (v *validator) stateLanguage(st *scope, n *node, loc string) {
	v.oneOf(st, n, loc, "JSONPath", "JSONata")
}

// result looks at the Result of a Pass state, which is taken as it is.
func (v *validator) result(st *scope, n *node, loc string) {
	if looksLikePath(n.str()) || looksLikeCall(n.str()) {
		v.report(SeverityWarning, CodeStaticResult, st, n, loc, "Result is static: '"+clip(n.str())+"' is not evaluated", "use Parameters to evaluate paths and functions")
	}
}

func (v *validator) items(st *scope, n *node, loc string) {
	if st.lang != JSONata {
		return
	}
	switch {
	case v.unknown(n):
	case n.kind == value.KindString:
		if v.expressionOnly(st, n, loc, "ARRAY") {
			v.expressions(st, n, loc)
		}
	case n.kind == value.KindArray || n.kind == value.KindObject:
		v.expressions(st, n, loc)
	default:
		v.expected(st, n, loc, "ARRAY")
	}
}

// expressionOnly refuses a text that is no JSONata expression where something else than
// a text is wanted.
func (v *validator) expressionOnly(st *scope, n *node, loc, wanted string) bool {
	if _, ok := jsonataText(n.str()); ok {
		return true
	}
	if strings.HasPrefix(n.str(), "{%") || strings.HasSuffix(n.str(), "%}") {
		v.refuse(st, n, loc, badDelimiters)
		return false
	}
	return v.expected(st, n, loc, wanted)
}

func (v *validator) textOrExpression(st *scope, n *node, loc string) {
	if v.unknown(n) || !v.isString(st, n, loc) {
		return
	}
	if st.lang == JSONata {
		v.expressions(st, n, loc)
	} else if looksLikePath(n.str()) {
		v.report(SeverityWarning, CodeNoPath, st, n, loc, "Field value looks like a path, but the name of the field '"+n.name+"' does not end with 'Path'", "")
	}
}

func (v *validator) integerOrExpression(st *scope, n *node, loc string) {
	if st.lang == JSONata && n.kind == value.KindString && !v.unknown(n) {
		if v.expressionOnly(st, n, loc, "INTEGER") {
			v.expressions(st, n, loc)
		}
		return
	}
	r := stateRules[n.name]
	v.integer(st, n, loc, r.least, r.most)
}

func (v *validator) percentage(st *scope, n *node, loc string) {
	if st.lang == JSONata && n.kind == value.KindString && !v.unknown(n) {
		if v.expressionOnly(st, n, loc, "NUMBER") {
			v.expressions(st, n, loc)
		}
		return
	}
	v.number(st, n, loc, 0, 100)
}

const badTimestamp = "String does not match RFC3339 timestamp"

func (v *validator) timestamp(st *scope, n *node, loc string) {
	if v.unknown(n) || !v.isString(st, n, loc) {
		return
	}
	if _, ok := jsonataText(n.str()); ok && st.lang == JSONata {
		v.expressions(st, n, loc)
		return
	}
	if !isTimestamp(n.str()) {
		v.refuse(st, n, loc, badTimestamp)
	}
}

// isTimestamp reports whether s is an RFC 3339 timestamp with an upper case T, and Z if
// it has no offset.
func isTimestamp(s string) bool {
	if strings.ContainsAny(s, "tz,") {
		return false
	}
	_, err := time.Parse(time.RFC3339Nano, s)
	return err == nil
}

func (v *validator) credentials(st *scope, n *node, loc string) {
	if v.unknown(n) {
		return
	}
	if st.lang == JSONata && n.kind == value.KindString {
		if v.expressionOnly(st, n, loc, "OBJECT") {
			v.expressions(st, n, loc)
		}
		return
	}
	if !v.isObject(st, n, loc) {
		return
	}
	if n.get("RoleArn") == nil && (st.lang == JSONata || n.get("RoleArn.$") == nil) {
		v.refuse(st, n, loc, "The field 'RoleArn' is required but was missing")
	}
	if r := st.n.get("Resource"); ParseResource(r.str()).Kind == ActivityARN {
		v.refuse(st, n, loc, "The field 'Credentials' is not supported for activities")
	}
	v.template(st, n, loc)
}

// choices checks the rules of a Choice state.
func (v *validator) choices(st *scope, n *node, loc string) {
	if !v.isArray(st, n, loc) {
		return
	}
	if len(n.kids) == 0 {
		v.refuse(st, n, loc, "Value cannot be empty")
	}
	for i := range n.kids {
		at := index(loc, i)
		if v.isObject(st, &n.kids[i], at) {
			v.choice(st, &n.kids[i], at, true)
		}
	}
}

var choiceSelectors = []string{"And", "Or", "Not", "Variable", "Condition"}

func (v *validator) choice(st *scope, n *node, loc string, top bool) {
	var operators []string
	for i := range n.kids {
		k := &n.kids[i]
		at := loc + "/" + k.name
		language := which(0)
		switch k.name {
		case "Comment":
			v.text(st, k, at)
		case "Next", "Assign", "Output":
			switch {
			case !top:
				v.unsupported(st, k, loc, k.name, nil)
			case k.name == "Next":
				v.text(st, k, at)
			case k.name == "Assign":
				v.assign(st, k, at)
			default:
				if language = inJSONata; st.lang == JSONata {
					v.template(st, k, at)
				}
			}
		case "Condition":
			if language = inJSONata; st.lang == JSONata {
				v.condition(st, k, at)
			}
		case "Variable":
			if language = inJSONPath; st.lang == JSONPath {
				v.referencePath(st, k, at)
			}
		case "And", "Or":
			if language = inJSONPath; st.lang == JSONPath && v.isArray(st, k, at) {
				if len(k.kids) == 0 {
					v.refuse(st, k, at, "Value cannot be empty")
				}
				for j := range k.kids {
					if v.isObject(st, &k.kids[j], index(at, j)) {
						v.choice(st, &k.kids[j], index(at, j), false)
					}
				}
			}
		case "Not":
			if language = inJSONPath; st.lang == JSONPath && v.isObject(st, k, at) {
				v.choice(st, k, at, false)
			}
		default:
			c := comparison(k.name)
			if c == nil {
				v.unsupported(st, k, loc, k.name, comparisonNames)
				continue
			}
			operators = append(operators, k.name)
			if language = inJSONPath; st.lang == JSONPath {
				v.operand(st, c, k, at)
			}
		}
		if st.lang == JSONata && language == inJSONPath || st.lang == JSONPath && language == inJSONata {
			v.otherLanguage(st, k, loc, k.name)
		}
	}
	if top {
		if st.lang == JSONata {
			v.required(st, n, loc, "Next", "Condition")
			return
		}
		v.required(st, n, loc, "Next")
	}
	if st.lang == JSONata {
		return
	}
	selectors := given(n, choiceSelectors)
	switch {
	case selectors != 1 && n.get("Condition") == nil:
		v.refuse(st, n, loc, "The object must have only one of the following fields, ["+strings.Join(choiceSelectors, ", ")+"]")
	case n.get("Variable") != nil && len(operators) == 0:
		v.refuseAs(CodeSchema, st, n, loc, "This object should have only one of the following fields: "+fieldList(comparisonNames), "add a comparison, such as StringEquals")
	case len(operators) > 1 || len(operators) == 1 && n.get("Variable") == nil && selectors == 1:
		v.refuse(st, lastOf(n, operators), loc, "There should only be one of the following fields: "+fieldList(operators))
	}
}

var comparisonNames = func() []string {
	var out []string
	for name := range comparisons {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}()

func (v *validator) condition(st *scope, n *node, loc string) {
	switch {
	case v.unknown(n) || n.kind == value.KindBool:
	case n.kind != value.KindString:
		v.expected(st, n, loc, "STRING", "BOOLEAN")
	case v.expressionOnly(st, n, loc, "BOOLEAN"):
		v.expressions(st, n, loc)
	}
}

// operand checks what a Choice rule compares with.
func (v *validator) operand(st *scope, c *Comparison, n *node, loc string) {
	if v.unknown(n) {
		return
	}
	switch {
	case c.Path:
		v.referencePath(st, n, loc)
	case c.Type == StringOperand:
		v.isString(st, n, loc)
	case c.Type == NumericOperand:
		if n.kind != value.KindNumber {
			v.expected(st, n, loc, "NUMBER")
		}
	case c.Type == TimestampOperand:
		if v.isString(st, n, loc) && !isTimestamp(n.str()) {
			v.refuse(st, n, loc, badTimestamp)
		}
	default:
		v.boolean(st, n, loc)
	}
}

// branches checks the branches of a Parallel state.
func (v *validator) branches(st *scope, n *node, loc string) {
	if !v.isArray(st, n, loc) {
		return
	}
	if len(n.kids) == 0 {
		v.refuse(st, n, loc, "Value cannot be empty")
	}
	for i := range n.kids {
		v.inner(st, &n.kids[i], index(loc, i), branchFields, st.express, false)
	}
}

func (v *validator) inner(st *scope, n *node, loc string, fields []string, express, isolated bool) {
	if !v.isObject(st, n, loc) {
		return
	}
	p := &part{n: n, loc: loc, outer: st, isolated: isolated}
	v.inners = append(v.inners, p)
	v.part(p, fields, express)
}
