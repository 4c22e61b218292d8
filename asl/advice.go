package asl

import (
	"regexp"
	"slices"
	"strings"

	"github.com/sfnkit/sfnkit/asl/bedrock/catalog"
	"github.com/sfnkit/sfnkit/asl/value"
)

// advise reports what the service lets pass but will probably hurt.
func (v *validator) advise() {
	raised := v.raisedErrors()
	for _, st := range v.all {
		switch st.typ {
		case TypeTask:
			v.adviseTask(st)
		case TypeMap:
			v.adviseMap(st)
		}
		v.adviseHandlers(st, raised)
	}
	v.adviseVariables()
}

func (v *validator) advice(code string, st *scope, n *node, loc, message, hint string) {
	v.report(SeverityAdvice, code, st, n, loc, message, hint)
}

// parametersOf returns the Parameters or Arguments of a state, and where they are.
func parametersOf(st *scope) (*node, string) {
	field := "Parameters"
	if st.lang == JSONata {
		field = "Arguments"
	}
	return st.n.get(field), st.loc + "/" + field
}

// modelCall reports whether a Task calls a model, and the prefix of the names of its
// errors, which is another one in the optimized integration than in that of the SDK.
func modelCall(r Resource) (prefix string, ok bool) {
	switch {
	case r.Kind == Optimized && r.Service == "bedrock" && r.Action == "invokeModel":
		return "Bedrock.", true
	case r.Kind == SDK && r.Service == "aws-sdk:bedrockruntime" && slices.Contains([]string{"invokeModel", "converse"}, r.Action):
		return "BedrockRuntime.", true
	}
	return "", false
}

func (v *validator) adviseTask(st *scope) {
	r := st.resource
	params, loc := parametersOf(st)
	if r.Pattern == WaitForTaskToken && params != nil && !handsToken(params) {
		v.advice(CodeNoTaskToken, st, params, loc, "nothing hands the task token on, so that nobody can end this task", "pass $$.Task.Token (in JSONata $states.context.Task.Token)")
	}
	v.adviseErrorPrefix(st)
	if r.Kind == Optimized && r.Service == "bedrock" && r.Action == "createModelCustomizationJob" && params != nil && params.kind == value.KindObject &&
		st.n.get("Retry") != nil && !hasParameter(st, params, "ClientRequestToken") {
		v.advice(CodeUnsafeRetry, st, st.n.get("Retry"), st.loc+"/Retry", "a retry sends the same JobName again, which fails if the first attempt did start the job", "set ClientRequestToken, which makes the second request harmless")
	}
	prefix, ok := modelCall(r)
	if !ok {
		return
	}
	if !retries(st, prefix+"ThrottlingException") {
		v.advice(CodeNoThrottlingRetry, st, st.n, st.loc, "the model call is not retried when it is throttled", "retry on "+prefix+"ThrottlingException with BackoffRate 2 and JitterStrategy FULL")
	}
	if params == nil || params.kind != value.KindObject {
		return
	}
	model := params.get("ModelId")
	text := ""
	if model != nil && model.kind == value.KindString && !v.unknown(model) && !strings.HasPrefix(model.str(), "{%") {
		text = model.str()
		for _, p := range catalog.CheckModel(text, v.cfg.region, v.cfg.day) {
			v.advice(CodeModel, st, model, loc+"/ModelId", p.Message, p.Hint)
		}
	}
	optimized := r.Kind == Optimized
	if optimized {
		form := catalog.JSONPathTemplate
		if st.lang == JSONata {
			form = catalog.JSONataTemplate
		}
		size, exact := catalog.TemplateSize(params.value(), form)
		if !exact && size > catalog.MaxPayload*3/4 && size <= catalog.MaxPayload {
			v.advice(CodeLargeBody, st, params, loc, "most of the 262,144 bytes that the parameters may have are used before the dynamic parts are filled in", "put the body into S3 and name it in Input.S3Uri")
		}
	}
	var m *catalog.Model
	if id := catalog.Classify(text); id.Model != "" {
		m = catalog.FindModel(id.Model)
	}
	if m == nil {
		return
	}
	if optimized && !m.Family.Image.IsZero() && !hasParameter(st, params, "Output") {
		v.advice(CodeLargeResult, st, params, loc, "an image in the response easily exceeds the 262,144 bytes that a result may have, whatever ResultSelector or Output keeps of it", "let the response be written to S3 with Output.S3Uri")
	}
	if body := params.get("Body"); body.get("thinking") != nil && body.get("thinking").get("type").str() != "disabled" {
		v.adviseFirstBlock(st)
	}
}

// wholeContext matches the context object or its Task, which have the token in them, where
// no member of them is selected.
var wholeContext = regexp.MustCompile(`(\$\$(\.Task)?|\$states(\.context(\.Task)?)?)($|[^.\[A-Za-z0-9_])`)

// handsToken reports whether some text in a value may give the task token away.
func handsToken(n *node) bool {
	return says(n, func(s string) bool {
		return strings.Contains(s, "Task.Token") || strings.Contains(s, "Task['Token']") || wholeContext.MatchString(s)
	})
}

// adviseFirstBlock looks for answers read from the first content block, which holds the
// reasoning if the model thinks before it answers.
func (v *validator) adviseFirstBlock(st *scope) {
	for i := range st.n.kids {
		k := &st.n.kids[i]
		if k.name != "Parameters" && k.name != "Arguments" && (mentions(k, "content[0].text") || mentions(k, "content[0]['text']")) {
			v.advice(CodeFirstContentBlock, st, k, st.loc+"/"+k.name, "with thinking the first content block is not the answer", "select by type: Body.content[type='text'].text in JSONata, content[?(@.type=='text')].text in JSONPath")
		}
	}
}

// mentions reports whether some text in a value has a part.
func mentions(n *node, part string) bool {
	return says(n, func(s string) bool { return strings.Contains(s, part) })
}

// says reports whether what is asked holds for some text in a value.
func says(n *node, is func(string) bool) bool {
	if n.kind == value.KindString {
		return is(n.str())
	}
	for i := range n.kids {
		if says(&n.kids[i], is) {
			return true
		}
	}
	return false
}

// errorsOf returns the error names of a retrier or catcher that are known.
func errorsOf(h *node) []string {
	var out []string
	if names := h.get("ErrorEquals"); names != nil {
		for i := range names.kids {
			out = append(out, names.kids[i].str())
		}
	}
	return out
}

// retries reports whether a state retries an error of its task.
func retries(st *scope, name string) bool {
	list := st.n.get("Retry")
	if list == nil {
		return false
	}
	if list.kind != value.KindArray {
		return true // not known
	}
	for i := range list.kids {
		for _, e := range errorsOf(&list.kids[i]) {
			if e == name || e == "States.ALL" || e == "States.TaskFailed" || placeholder(e) {
				most := list.kids[i].get("MaxAttempts")
				return most == nil || most.kind != value.KindNumber || most.scalar.Float64() > 0
			}
		}
	}
	return false
}

// adviseErrorPrefix reports names of errors with the prefix of the other integration
// style, which never match.
func (v *validator) adviseErrorPrefix(st *scope) {
	type swap struct{ wrong, right string }
	var s swap
	switch r := st.resource; {
	case r.Kind == Optimized && r.Service == "bedrock":
		s = swap{"BedrockRuntime.", "Bedrock."}
	case r.Kind == SDK && r.Service == "aws-sdk:bedrockruntime":
		s = swap{"Bedrock.", "BedrockRuntime."}
	case r.Kind == Optimized && r.Service == "dynamodb":
		s = swap{"DynamoDb.", "DynamoDB."}
	case r.Kind == SDK && r.Service == "aws-sdk:dynamodb":
		s = swap{"DynamoDB.", "DynamoDb."}
	default:
		return
	}
	for _, field := range [...]string{"Retry", "Catch"} {
		list := st.n.get(field)
		if list == nil {
			continue
		}
		for i := range list.kids {
			names := list.kids[i].get("ErrorEquals")
			if names == nil {
				continue
			}
			for j := range names.kids {
				if rest, ok := strings.CutPrefix(names.kids[j].str(), s.wrong); ok {
					v.advice(CodeErrorPrefix, st, &names.kids[j], index(index(st.loc+"/"+field, i)+"/ErrorEquals", j),
						"this integration has no error with the prefix "+s.wrong, "write "+s.right+rest)
				}
			}
		}
	}
}

// neverHandled are errors that no retrier and no catcher gets to see, not even one for
// States.ALL (developer guide, "Handling errors", error names). The guide says that of
// States.DataLimitExceeded too, but it was recorded to be caught, by its name and by
// States.ALL (states_errors, data_limit_exceeded).
var neverHandled = []string{"States.Runtime"}

// raisedErrors returns the names that Fail states of the definition give.
func (v *validator) raisedErrors() map[string]bool {
	out := map[string]bool{}
	for _, st := range v.all {
		if st.typ == TypeFail {
			out[st.n.get("Error").str()] = true
		}
	}
	return out
}

func (v *validator) adviseHandlers(st *scope, raised map[string]bool) {
	for _, field := range [...]string{"Retry", "Catch"} {
		list := st.n.get(field)
		if list == nil || list.kind != value.KindArray || !FieldAllowed(st.typ, field, "") {
			continue
		}
		loc := st.loc + "/" + field
		seen := map[string]bool{}
		for i := range list.kids {
			h := &list.kids[i]
			at := index(loc, i)
			names := errorsOf(h)
			useless := len(names) > 0
			for j, name := range names {
				if strings.HasPrefix(name, "States.") && !isReservedError(name) && !placeholder(name) && !raised[name] {
					v.report(SeverityWarning, CodeUnknownError, st, &h.get("ErrorEquals").kids[j], index(at+"/ErrorEquals", j), "no error is named "+name, v.didYouMean(name, reservedErrors))
				}
				if slices.Contains(neverHandled, name) {
					v.advice(CodeUncatchable, st, &h.get("ErrorEquals").kids[j], index(at+"/ErrorEquals", j), name+" ends the execution at once; it can be neither retried nor caught", "")
				}
				covered := seen[name] || seen["States.TaskFailed"] && st.typ == TypeTask && !strings.HasPrefix(name, "States.") && name != ""
				useless = useless && covered
			}
			if useless {
				v.advice(CodeUnreachableCatcher, st, h, at, "the entries before this one handle all of its errors", "put the entries for single errors first")
			}
			for _, name := range names {
				seen[name] = true
			}
			interval, most := h.get("IntervalSeconds"), h.get("MaxDelaySeconds")
			if interval != nil && most != nil && interval.kind == value.KindNumber && most.kind == value.KindNumber && most.scalar.Float64() <= interval.scalar.Float64() {
				v.advice(CodeMaxDelay, st, most, at+"/MaxDelaySeconds", "the longest delay is not above the first one, so that the delay never grows", "")
			}
		}
	}
}

// distributedOnly are fields that take effect only in a distributed Map state.
var distributedOnly = []string{"ItemReader", "ItemBatcher", "ResultWriter", "Label", "ToleratedFailureCount", "ToleratedFailureCountPath", "ToleratedFailurePercentage", "ToleratedFailurePercentagePath"}

func (v *validator) adviseMap(st *scope) {
	processor := st.n.get("ItemProcessor")
	if processor == nil {
		processor = st.n.get("Iterator")
	}
	if processor == nil {
		return
	}
	mode := processor.get("ProcessorConfig").get("Mode")
	distributed := mode.str() == "DISTRIBUTED" || v.unknown(mode)
	for i := range st.n.kids {
		if k := &st.n.kids[i]; !distributed && slices.Contains(distributedOnly, k.name) {
			v.advice(CodeNotDistributed, st, k, st.loc+"/"+k.name, k.name+" takes effect only if ProcessorConfig.Mode is DISTRIBUTED", "")
		}
	}
	most := st.n.get("MaxConcurrency")
	if st.n.get("MaxConcurrencyPath") != nil || most != nil && (most.kind != value.KindNumber || most.scalar.Float64() > 0) {
		return
	}
	for _, inner := range v.all {
		if _, ok := modelCall(inner.resource); ok && inner.within(st) {
			v.advice(CodeUnboundedMap, st, st.n, st.loc, "iterations call a model (state \""+inner.name+"\") with no bound on how many run at once", "set MaxConcurrency to what the quotas of the model allow")
			return
		}
	}
}

// within reports whether a state is inside another one.
func (st *scope) within(outer *scope) bool {
	for p := st.part; p.outer != nil; p = p.outer.part {
		if p.outer == outer {
			return true
		}
	}
	return false
}

// adviseVariables compares where variables are assigned with where they are read.
func (v *validator) adviseVariables() {
	reads := map[string]bool{}
	for _, r := range v.read {
		reads[r.name] = true
	}
	if !v.dynamicRead {
		told := map[string]bool{}
		for _, a := range v.assigned {
			if !reads[a.name] && !told[a.name] {
				told[a.name] = true
				v.advice(CodeUnusedVariable, a.st, a.n, a.loc, "the variable $"+a.name+" is never read", "")
			}
		}
	}
	for _, a := range v.assigned {
		for p := a.st.part; p.outer != nil && !p.isolated; p = p.outer.part {
			if outer := p.outer.part; v.assignedIn(outer, a.name) {
				v.report(SeverityWarning, CodeShadowedVariable, a.st, a.n, a.loc, "the variable $"+a.name+" is also assigned outside of this branch or processor, which may not assign it", "use another name")
				break
			}
		}
	}
	if v.dynamicAssign {
		return
	}
	told := map[string]bool{}
	for _, r := range v.read {
		key := r.name + "\x00" + r.st.loc
		if told[key] || v.mayBeAssigned(r.st, r.name) || v.work >= maxFlowWork {
			continue
		}
		told[key] = true
		v.report(SeverityWarning, CodeUnassignedVariable, r.st, r.n, r.loc, "the variable $"+r.name+" is read here but no state assigns it before", v.assignHint(r))
	}
}

func (v *validator) assignHint(r variableUse) string {
	for _, a := range v.assigned {
		if a.name == r.name {
			return "state \"" + a.st.name + "\" assigns it, but this state cannot be reached from there or does not see its variables"
		}
	}
	return ""
}

func (v *validator) assignedIn(p *part, name string) bool {
	for _, a := range v.assigned {
		if a.name == name && a.st.part == p {
			return true
		}
	}
	return false
}

// mayBeAssigned reports whether a variable can have a value when a state is entered: a
// state that comes before it in its own part assigns it, or one that comes before the
// state around it.
func (v *validator) mayBeAssigned(st *scope, name string) bool {
	for {
		if v.after(st.part, name)[st.name] {
			return true
		}
		if st.part.outer == nil || st.part.isolated {
			return false
		}
		st = st.part.outer
	}
}

// maxFlowWork bounds how many states are visited to learn where variables are known.
const maxFlowWork = 2_000_000

// after returns the states of a part that come, by one transition or more, after one that
// assigns a variable.
func (v *validator) after(p *part, name string) map[string]bool {
	if known, ok := p.after[name]; ok {
		return known
	}
	reached := map[string]bool{}
	var queue []*scope
	for _, a := range v.assigned {
		if a.name == name && a.st.part == p {
			queue = append(queue, a.st)
		}
	}
	for len(queue) > 0 && v.work < maxFlowWork {
		st := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		targets, all := v.targets(st)
		v.work += 1 + len(targets)
		for _, t := range targets {
			if !reached[t.name] {
				reached[t.name] = true
				if next := p.byName[t.name]; next != nil {
					queue = append(queue, next)
				}
			}
		}
		if !all {
			for _, s := range p.states {
				reached[s.name] = true
			}
		}
	}
	if p.after == nil {
		p.after = map[string]map[string]bool{}
	}
	p.after[name] = reached
	return reached
}
