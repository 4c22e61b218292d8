package asl

import (
	_ "embed"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/sfnkit/sfnkit/asl/bedrock/catalog"
	"github.com/sfnkit/sfnkit/asl/value"
)

//go:embed data/resources.json
var resourcesJSON []byte

// resourceData is data/resources.json.
type resourceData struct {
	Optimized map[string]map[string]struct {
		Patterns []Pattern
		Required []string
		Names    []string // parameters besides the required ones
		Refused  map[Pattern][]string
	}
	Instead     map[string]string // what to write in place of a form that does not exist
	SDKNames    map[string]string // the names of SDK services by those that they have elsewhere
	SDKServices []string
}

var resources = sync.OnceValue(func() *resourceData {
	d := &resourceData{}
	if err := json.Unmarshal(resourcesJSON, d); err != nil {
		panic("asl: data/resources.json: " + err.Error())
	}
	return d
})

var lambdaName = regexp.MustCompile(`^(function:)?[A-Za-z0-9_.-]+(:(\$LATEST(\.PUBLISHED)?|[A-Za-z0-9_-]+))?$`)

func (v *validator) taskResource(st *scope, n *node, loc string) {
	if v.unknown(n) || !v.isString(st, n, loc) {
		return
	}
	arn := n.str()
	if !strings.HasPrefix(arn, "arn:") {
		if !v.cfg.asService && (strings.Contains(arn, ":") || variableLike.MatchString(arn)) {
			v.report(SeverityWarning, CodeNotAnARN, st, n, loc, "Value is not a valid resource ARN", "the language allows any URI, but Step Functions runs ARNs only")
			return
		}
		v.refuse(st, n, loc, "Value is not a valid resource ARN")
		return
	}
	st.arn, st.resource = arn, ParseResource(arn)
	r := st.resource
	switch f := strings.SplitN(arn, ":", 6); {
	case len(f) < 6:
		v.refuse(st, n, loc, "Value is not a valid resource ARN")
		return
	case r.Kind == LambdaARN:
		if !lambdaName.MatchString(f[5]) && !strings.ContainsAny(f[5], "<[{") { // stand-ins of examples
			v.notRecognized(st, n, loc, "write arn:aws:lambda:REGION:ACCOUNT:function:NAME or NAME:QUALIFIER")
		}
		return
	case r.Kind == ActivityARN:
		if st.express {
			v.refuse(st, n, loc, "Express state machine does not support Activity ARN")
		}
		return
	case f[2] != "states":
		return // of another service: what AWS thinks of it is not known
	case r.Kind == SDK:
		if !v.sdkResource(st, n, loc, r) {
			return
		}
	default:
		service := resources().Optimized[r.Service]
		action, ok := service[r.Action]
		if !ok || !slices.Contains(action.Patterns, r.Pattern) {
			v.notRecognized(st, n, loc, v.resourceHint(r))
			return
		}
	}
	if st.express && r.Pattern != RequestResponse {
		pattern := strings.TrimSuffix(string(r.Pattern), ":2")
		v.refuse(st, n, loc, "Express state machine does not support '"+pattern+"' service integration ")
	}
	v.parameters(st, r)
}

func (v *validator) notRecognized(st *scope, n *node, loc, hint string) {
	v.refuseAs(CodeSchema, st, n, loc, "The resource provided "+n.str()+" is not recognized. The value is not a valid resource ARN, or the resource is not available in this region.", hint)
}

// variableLike matches what deployment tools other than those of AWS fill in.
var variableLike = regexp.MustCompile(`^\$[A-Za-z_][A-Za-z0-9_]*$`)

var sdkName = regexp.MustCompile(`^[a-z0-9]+$`)

// sdkResource checks an aws-sdk: resource. Only what cannot exist is refused: new
// services and actions come all the time.
func (v *validator) sdkResource(st *scope, n *node, loc string, r Resource) bool {
	service := strings.TrimPrefix(r.Service, "aws-sdk:")
	hint := resources().Instead[r.Service+":"+r.Action]
	switch {
	case hint != "":
		v.notRecognized(st, n, loc, "use arn:aws:states:::"+hint)
	case r.Pattern == Sync || r.Pattern == Sync2:
		v.notRecognized(st, n, loc, "SDK integrations have no "+string(r.Pattern)+" form")
	case !sdkName.MatchString(service):
		squashed := strings.ToLower(strings.NewReplacer("-", "", "_", "", " ", "").Replace(service))
		if name := resources().SDKNames[squashed]; name != "" {
			squashed = name
		}
		if slices.Contains(resources().SDKServices, squashed) {
			hint = "use aws-sdk:" + squashed
		}
		v.notRecognized(st, n, loc, hint)
	case r.Action[0] < 'a' || r.Action[0] > 'z':
		v.notRecognized(st, n, loc, "actions begin with a small letter: "+strings.ToLower(r.Action[:1])+r.Action[1:])
	default:
		if !slices.Contains(resources().SDKServices, service) {
			if name := resources().SDKNames[service]; name != "" {
				hint = "use aws-sdk:" + name
			} else {
				hint = v.didYouMean(service, resources().SDKServices)
			}
			v.report(SeverityAdvice, CodeUnknownService, st, n, loc, "no SDK service named "+service+" is known", hint)
		}
		return true
	}
	return false
}

// resourceHint tells what to write in place of an integration that does not exist.
func (v *validator) resourceHint(r Resource) string {
	d := resources()
	if r.Service == "" {
		return "write arn:aws:states:::SERVICE:ACTION"
	}
	if to := d.Instead[r.Service+":"+r.Action]; to != "" {
		return "use arn:aws:states:::" + to
	}
	actions, ok := d.Optimized[r.Service]
	if !ok {
		squashed := strings.ReplaceAll(r.Service, "-", "")
		if slices.Contains(d.SDKServices, squashed) {
			return "there is no optimized integration for it; use arn:aws:states:::aws-sdk:" + squashed + ":" + r.Action
		}
		return ""
	}
	if a, ok := actions[r.Action]; ok {
		var forms []string
		for _, p := range a.Patterns {
			forms = append(forms, r.Action+string(p))
		}
		return "it has only the forms " + strings.Join(forms, ", ")
	}
	var names []string
	for name := range actions {
		names = append(names, name)
	}
	slices.Sort(names)
	if hint := v.didYouMean(r.Action, names); hint != "" {
		return hint
	}
	if slices.Contains(d.SDKServices, r.Service) {
		return "use arn:aws:states:::aws-sdk:" + r.Service + ":" + r.Action
	}
	return ""
}

// parameters checks what an integration is called with.
func (v *validator) parameters(st *scope, r Resource) {
	field := "Parameters"
	if st.lang == JSONata {
		field = "Arguments"
	}
	n := st.n.get(field)
	if n == nil {
		v.refuse(st, st.n, st.loc, field+" field is required for resource ARN: "+st.arn)
		return
	}
	loc := st.loc + "/" + field
	if !v.objectOrExpression(st, n, loc) || n.kind != value.KindObject {
		return
	}
	if r.Kind == SDK {
		v.sdkParameters(st, n, loc, r)
		return
	}
	if r.Service == "bedrock" {
		v.bedrock(st, n, loc, r.Action)
		return
	}
	a := resources().Optimized[r.Service][r.Action]
	for _, name := range a.Required {
		if !hasParameter(st, n, name) {
			v.refuse(st, n, loc, "The field '"+name+"' is required but was missing")
		}
	}
	for _, name := range a.Refused[r.Pattern] {
		if hasParameter(st, n, name) {
			at := n.get(name)
			if at == nil {
				at = n.get(name + ".$")
			}
			v.refuse(st, at, loc, "The field '"+name+"' is not supported by Step Functions")
		}
	}
	known := append(slices.Clone(a.Required), a.Names...)
	for i := range n.kids {
		name := n.kids[i].name
		if st.lang == JSONPath {
			name = strings.TrimSuffix(name, ".$")
		}
		for _, k := range known {
			if k != name && strings.EqualFold(k, name) {
				// The question is part of the service's words (recorded 2026-09 of SDK
				// integrations, published in github.com/radkawar/stackd).
				v.refuse(st, &n.kids[i], loc, "The field \""+name+"\" is not supported by Step Functions. Did you mean '"+k+"'?")
			}
		}
	}
}

func hasParameter(st *scope, n *node, name string) bool {
	return n.get(name) != nil || st.lang == JSONPath && n.get(name+".$") != nil
}

// bedrock checks the parameters of an optimized Bedrock call with the catalogue. That the
// service demands and refuses members by name is known; the rest fails when it runs.
func (v *validator) bedrock(st *scope, n *node, loc, action string) {
	form := catalog.JSONPathTemplate
	if st.lang == JSONata {
		form = catalog.JSONataTemplate
	}
	for _, p := range catalog.CheckCall(action, n.value(), form) {
		at := v.src.find(loc + p.Pointer)
		if p.Rule == catalog.RuleModel || v.unknown(at) || p.Rule == catalog.RuleSize && v.cfg.asService {
			continue
		}
		severity, code, message, where := SeverityError, CodeBedrock, p.Error(), loc+p.Pointer
		switch p.Rule {
		case catalog.RuleUnknown:
			if !p.Warning {
				code, message, where = CodeSchema, "The field \""+p.Name+"\" is not supported by Step Functions", loc
			}
		case catalog.RuleRequired:
			code, message, where = CodeSchema, "The field '"+p.Name+"' is required but was missing", loc
		case catalog.RuleSize:
			code = CodeTooLargePayload
			message = "state \"" + st.name + "\": " + message
		}
		if p.Warning {
			severity = SeverityWarning
		}
		v.report(severity, code, st, at, where, message, p.Hint)
	}
}
