package policygen

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/sfnkit/sfnkit/asl/sdkinput"
	"github.com/sfnkit/sfnkit/asl/value"
	"github.com/sfnkit/sfnkit/policygen/iam"
)

//go:embed sdk.json
var sdkText []byte

//go:embed actions.txt
var actionsText string

type sdkData struct {
	Prefixes   map[string]string              `json:"prefixes"`
	Same       []string                       `json:"same"`
	Exceptions map[string]map[string][]string `json:"exceptions"`
	None       []string                       `json:"none"`
	Unmapped   map[string][]string            `json:"unmapped"`
	Verbs      map[string]map[string]string   `json:"verbs"`
	// Objects are S3 objects that a service uses with the caller's own rights.
	Objects  map[string][]objectUse       `json:"objects"`
	Defaults map[string]map[string]string `json:"defaults"` // of parameters that are not there
	// Alternatives are groups of resource types of which a call names one.
	Alternatives map[string][][]string `json:"alternatives"`
}

// alternative reports whether another type of the same group is among the named.
func (d *sdkData) alternative(prefix, kind string, named []string) bool {
	return slices.ContainsFunc(d.Alternatives[prefix], func(group []string) bool {
		return slices.Contains(group, kind) && slices.ContainsFunc(named, func(n string) bool { return slices.Contains(group, n) })
	})
}

type objectUse struct{ Do, Bucket, Key, URI string }

var sdkTable = sync.OnceValue(func() *sdkData {
	var d sdkData
	if err := json.Unmarshal(sdkText, &d); err != nil {
		panic(fmt.Sprintf("sdk.json: %v", err))
	}
	return &d
})

// UnmarshalJSON reads an exception's actions, of which one may stand alone.
func (d *sdkData) UnmarshalJSON(text []byte) error {
	var raw struct {
		Prefixes   map[string]string
		Same, None []string
		Unmapped   map[string][]string
		Verbs      map[string]map[string]string
		Exceptions map[string]map[string]json.RawMessage
		Objects    map[string][]objectUse
		Defaults   map[string]map[string]string

		Alternatives map[string][][]string
	}
	if err := json.Unmarshal(text, &raw); err != nil {
		return err
	}
	*d = sdkData{Prefixes: raw.Prefixes, Same: raw.Same, None: raw.None, Unmapped: raw.Unmapped, Verbs: raw.Verbs, Objects: raw.Objects, Defaults: raw.Defaults, Alternatives: raw.Alternatives, Exceptions: map[string]map[string][]string{}}
	for service, operations := range raw.Exceptions {
		d.Exceptions[service] = map[string][]string{}
		for operation, m := range operations {
			var list []string
			if err := json.Unmarshal(m, &list); err != nil {
				return err
			}
			d.Exceptions[service][operation] = list
		}
	}
	return nil
}

// serviceActions is what is known about the resources of a service's actions.
type serviceActions struct {
	types map[string]arnType  // by name of the resource type
	on    map[string][]string // action to resource types; "?" first if all are optional
}

// arnType is the ARN pattern of a resource type with the variables in it, without
// partition, region and account.
type arnType struct {
	pattern   string
	variables []string // as in {CrawlerName}
}

var (
	serviceIndex = sync.OnceValue(func() map[string]string {
		index := map[string]string{}
		for _, block := range strings.Split(actionsText, "\nservice ")[1:] {
			prefix, rest, _ := strings.Cut(block, "\n")
			index[prefix] = rest
		}
		return index
	})
	services sync.Map // prefix to *serviceActions
)

// actionsOf returns what is known of a service, nil if nothing is.
func actionsOf(prefix string) *serviceActions {
	if s, ok := services.Load(prefix); ok {
		return s.(*serviceActions)
	}
	text, ok := serviceIndex()[prefix]
	if !ok {
		return nil
	}
	s := &serviceActions{types: map[string]arnType{}, on: map[string][]string{}}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "type "):
			f := strings.Fields(line)
			s.types[f[1]] = arnType{f[2], arnVariable.FindAllString(f[2], -1)}
		case strings.HasPrefix(line, "on "):
			types, actions, _ := strings.Cut(strings.TrimPrefix(line, "on "), ": ")
			for _, a := range strings.Fields(actions) {
				s.on[a] = strings.Split(types, ",")
			}
		}
	}
	services.Store(prefix, s)
	return s
}

// sdk collects what a call through an AWS SDK integration needs.
func (w *walk) sdk(service, operation string, p params) {
	d := sdkTable()
	const why = "calls the API"
	if slices.Contains(d.None, service+":"+operation) {
		return
	}
	if w.sdkSpecial(service, operation, p) {
		return
	}
	if slices.Contains(d.Unmapped[service], operation) {
		w.warn("Resource", fmt.Sprintf("it is not known which action authorises %s:%s", service, operation), "look it up in the Service Authorization Reference")
		return
	}
	prefix, known := d.Prefixes[service]
	if !known {
		prefix = service
		if !slices.Contains(d.Same, service) {
			w.warn("Resource", fmt.Sprintf("the service %s is not known, so that its prefix is a guess", service), "check the action's name")
		}
	}
	if call, ok := d.Verbs[service][operation]; ok {
		verb, path, _ := strings.Cut(call, " ")
		for strings.Contains(path, "{") {
			start, end := strings.IndexByte(path, '{'), strings.IndexByte(path, '}')
			path = path[:start] + "*" + path[end+1:]
		}
		w.need([]string{"apigateway:" + verb}, []string{w.arn("arn:{P}:apigateway:{R}::") + path}, why, "sar")
		return
	}
	actions := d.Exceptions[service][operation]
	if actions == nil {
		actions = []string{prefix + ":" + strings.ToUpper(operation[:1]) + operation[1:]}
	}
	for _, action := range actions {
		if action == "iam:PassRole" {
			continue
		}
		pre, name, _ := strings.Cut(action, ":")
		w.sdkAction(pre, name, p)
	}
	w.sdkRoles(service, operation, prefix, actions, p)
	if prefix == "rds-data" || prefix == "redshift-data" {
		if f := w.hinted(p.at("SecretArn")); f.present && !p.whole {
			w.need([]string{"secretsmanager:GetSecretValue"}, w.secrets("SecretArn", p), "the service reads the database's secret with the caller's rights", "sar")
		}
	}
	for _, o := range d.Objects[service] {
		w.sdkObject(o, p)
	}
}

// sdkObject collects the right on an S3 object that the service reads or writes for
// the caller.
func (w *walk) sdkObject(o objectUse, p params) {
	name := o.Bucket + o.URI
	if p.whole || !p.at(name).present {
		return
	}
	why := "the service reads the object with the caller's rights"
	if o.Do != "s3:GetObject" {
		why = "the service writes the object with the caller's rights"
	}
	if o.URI != "" {
		w.object(p, o.URI, o.Do, why)
		w.needs[len(w.needs)-1].perhaps = true
		return
	}
	w.need([]string{o.Do}, w.objects(p, o.Bucket, o.Key), why, "sar")
	w.needs[len(w.needs)-1].perhaps = true
	w.objectKey(o.Do, why)
}

// sdkAction collects one action on the resources that its parameters name.
func (w *walk) sdkAction(prefix, name string, p params) {
	s := actionsOf(prefix)
	if s == nil || len(s.on[name]) == 0 {
		why := "calls the API; the action has no resources"
		if s == nil {
			why = "calls the API"
			w.warn("Resource", "the resources of "+prefix+":"+name+" are not known, so that all are allowed", "narrow it by hand")
		}
		w.need([]string{prefix + ":" + name}, []string{"*"}, why, "sar")
		return
	}
	types := s.on[name]
	optional := types[0] == "?"
	if optional {
		types = types[1:]
	}
	// All required types are asked for. Those that no parameter names are ids that the
	// service makes, or resources that only it can tell.
	found := map[string][]string{}
	var named []string
	for _, t := range types {
		if s.types[t].pattern == "" {
			continue
		}
		resources, isNamed := w.sdkResource(prefix, t, s.types[t], name, p)
		if prefix == "logs" && t == "log-group" && !strings.Contains(name, "Tag") {
			resources = logGroups(resources, p.form)
		}
		found[t] = resources
		if isNamed {
			named = append(named, t)
		}
	}
	anyNamed := len(named) > 0
	var resources []string
	for _, t := range types {
		if slices.Contains(named, t) || !optional && !sdkTable().alternative(prefix, t, named) {
			resources = append(resources, found[t]...)
		}
	}
	switch {
	case optional && !anyNamed: // the call names none of the resources it could name
		resources = []string{"*"}
	case len(resources) == 0:
		resources = []string{"*"}
		w.warn("Resource", prefix+":"+name+" can be limited to resources, but no parameter tells which, so that all are allowed", "narrow it by hand")
	case p.whole:
		w.warn(w.params, "everything in it is known only at run time, so that "+strings.Join(unique(resources), " and ")+" is allowed", "narrow it by hand")
	case !anyNamed && !strings.HasPrefix(name, "Create"):
		w.warn("Resource", "no parameter tells the resource of "+prefix+":"+name+", so that "+strings.Join(unique(resources), " and ")+" is allowed", "narrow it by hand")
	}
	w.need([]string{prefix + ":" + name}, resources, "calls the API", "sar")
}

var arnVariable = regexp.MustCompile(`\{(\w\w+)\}`)

// sdkResource fills the pattern of a resource type from the parameters. named is
// false if no parameter has anything to do with it.
func (w *walk) sdkResource(service, kind string, of arnType, action string, p params) (resources []string, named bool) {
	pattern := of.pattern
	kindName := strings.ReplaceAll(strings.ReplaceAll(kind, "-", ""), "_", "")
	if p.whole {
		return []string{w.arn(arnVariable.ReplaceAllString(pattern, "*"))}, true
	}
	names := map[string]string{} // lower case to spelling
	for _, k := range p.v.Keys() {
		k = strings.TrimSuffix(k, ".$")
		names[strings.ToLower(k)] = k
	}
	tail := kind[strings.LastIndexByte(kind, '-')+1:]
	for _, n := range []string{kindName + "arn", "resourcearn", "arn", kindName, tail + "arn", tail + "identifier"} {
		spelled, ok := names[strings.ToLower(n)]
		if !ok {
			continue
		}
		f := w.hinted(p.at(spelled))
		if len(f.texts) > 0 && (strings.HasPrefix(f.texts[0], "arn:") || strings.HasSuffix(strings.ToLower(spelled), "arn")) {
			for _, t := range f.texts {
				switch {
				case strings.HasPrefix(t, "arn:"), arnPlaceholder(t):
					resources = append(resources, starred(t))
				default:
					resources = append(resources, w.arn(arnVariable.ReplaceAllString(pattern, "*")))
				}
			}
			if f.partial {
				w.dynamic(f, resources)
			}
			return resources, true
		}
	}
	if len(of.variables) == 0 {
		return []string{w.arn(pattern)}, true
	}
	making := strings.HasPrefix(action, "Create") || strings.HasPrefix(action, "Start") || strings.HasPrefix(action, "Submit") || strings.HasPrefix(action, "Run")
	used := map[string]bool{}
	filled := []string{pattern}
	for i, v := range of.variables {
		last := i == len(of.variables)-1
		value, ok := w.sdkVariable(service, v[1:len(v)-1], kindName, tail, last, making, names, used, p)
		named = named || ok
		var next []string
		for _, f := range filled {
			for _, t := range value {
				if strings.HasPrefix(t, "arn:") { // an ARN in the place of a name
					next = append(next, t)
				} else {
					next = append(next, strings.Replace(f, v, t, 1))
				}
			}
		}
		filled = next
	}
	for i := range filled {
		filled[i] = w.arn(filled[i])
	}
	if !named {
		if arns := w.arnsLike(filled, names, p); arns != nil {
			return arns, true
		}
	}
	return filled, named
}

// arnsLike finds the ARNs that a parameter of any other name has in the form of the
// given ones.
func (w *walk) arnsLike(patterns []string, names map[string]string, p params) []string {
	var out []string
	for _, lower := range slices.Sorted(maps.Keys(names)) {
		if !strings.HasSuffix(lower, "arn") || strings.HasSuffix(lower, "rolearn") {
			continue
		}
		for _, t := range p.at(names[lower]).texts {
			have := strings.SplitN(t, ":", 6)
			for _, pattern := range patterns {
				if want := strings.SplitN(pattern, ":", 6); len(have) == 6 && have[0] == "arn" && have[2] == want[2] && !strings.Contains(t, dynamicPart) && wildcard(want[5], have[5]) {
					out = append(out, t)
				}
			}
		}
	}
	return out
}

// logGroups turns the ARNs of log groups into what CloudWatch Logs authorises calls on,
// which ends in the name of a log stream or, if the call names none, in nothing after
// log-stream: (only tags are authorised on the log group's own ARN).
func logGroups(arns []string, form form) []string {
	out := make([]string, len(arns))
	for i, arn := range arns {
		arn = strings.TrimSuffix(arn, ":*")
		switch {
		case form == evaluated:
			out[i] = arn + ":log-stream:"
		case strings.HasSuffix(arn, "*"):
			out[i] = arn
		default:
			out[i] = arn + ":*"
		}
	}
	return out
}

// sdkVariable finds the parameter for one variable of an ARN pattern. A call that
// makes something names it, but does not know its id.
func (w *walk) sdkVariable(service, variable, kind, tail string, last, making bool, names map[string]string, used map[string]bool, p params) ([]string, bool) {
	stem := strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(variable, "Name"), "Identifier"), "Id")
	isID := stem != variable && !strings.HasSuffix(variable, "Name")
	tries := []string{variable, stem, stem + "Identifier", stem + "Id", variable + "s"}
	if last {
		tries = append(tries, kind, kind+"Id", kind+"Identifier", tail+"Id", tail+"Identifier")
		if !isID || !making {
			tries = append(tries, kind+"Name", tail+"Name", stem+"Name")
		}
		if strings.HasSuffix(variable, "Name") {
			tries = append(tries, "Name")
		} else if isID {
			tries = append(tries, "Id", "Identifier")
		}
	}
	for _, n := range tries {
		spelled, ok := names[strings.ToLower(n)]
		if !ok || n == "" || used[spelled] {
			continue
		}
		used[spelled] = true
		list := spelled
		if n == variable+"s" || p.v.Get(spelled).IsArray() {
			list += "[]"
		}
		f := w.hinted(p.at(list))
		texts := make([]string, len(f.texts))
		for i, t := range f.texts {
			texts[i] = starred(t)
		}
		if f.partial {
			w.dynamic(f, texts)
		}
		if len(texts) == 0 {
			texts = []string{"*"}
		}
		return texts, true
	}
	if v, ok := sdkTable().Defaults[service][variable]; ok {
		return []string{v}, true
	}
	return []string{"*"}, false
}

// sdkRoles collects PassRole for the roles in the parameters of calls that hand
// them on.
func (w *walk) sdkRoles(service, operation, prefix string, actions []string, p params) {
	if service == "sts" || service == "iam" {
		return
	}
	_, name, _ := strings.Cut(actions[0], ":")
	passes := false
	for _, verb := range []string{"Create", "Start", "Run", "Put", "Update", "Submit", "Register"} {
		passes = passes || strings.HasPrefix(name, verb)
	}
	if !passes {
		return
	}
	to := prefix + ".amazonaws.com"
	if other, ok := passedTo[prefix]; ok {
		to = other
	}
	written := roleParameters(p)
	for _, path := range written {
		principal := to
		if other, ok := passedBy[strings.ToLower(path)]; ok && prefix == "elasticmapreduce" {
			principal = other
		}
		w.passRole(p, path, principal, "sar")
	}
	if len(written) > 0 {
		return
	}
	if service == "ec2" && operation == "runInstances" && !p.whole && p.at("IamInstanceProfile").present {
		w.unnamedRoles(w.opts.Hints["roles"], "hands the role of the instance profile to EC2", to, "sar")
		if len(w.opts.Hints["roles"]) == 0 {
			w.warn(w.params+".IamInstanceProfile", "RunInstances also needs iam:PassRole on the role of the instance profile, which the definition does not name", "name it with the hint roles")
		}
	}
	for _, path := range hiddenRoles(service, operation, p) {
		if f := w.hinted(p.at(path)); !f.partial {
			w.passRole(p, path, to, "sar")
			continue
		}
		w.unnamedRoles(nil, "may hand a role to "+to, to, "sar")
		w.needs[len(w.needs)-1].perhaps = true
		w.warn(w.params+"."+path, "may be a role that the call hands to "+to+", which needs iam:PassRole on it, but is known only at run time, and nothing is allowed for it",
			fmt.Sprintf("name the role with the hint %s.%s", w.state, path))
	}
}

// hiddenRoles finds the parameters for roles that an operation has inside of what is
// known only at run time.
func hiddenRoles(service, operation string, p params) []string {
	const deep = 3 // levels; below are roles of services that the caller does not pass
	var out []string
	var look func(s *sdkinput.Structure, prefix string, depth int)
	look = func(s *sdkinput.Structure, prefix string, depth int) {
		for i := range s.Members {
			m := &s.Members[i]
			path := prefix + strings.ToUpper(m.Names[0][:1]) + m.Names[0][1:]
			f := p.at(path)
			switch m.Type.Kind() {
			case sdkinput.Text:
				if f.unknown() && isRole(m.Names[0]) {
					out = append(out, path)
				}
			case sdkinput.Object:
				if inner := s.Structure(m.Type); inner != nil && depth < deep && f.present {
					look(inner, path+".", depth+1)
				}
			}
		}
	}
	if s := sdkinput.Operation(service, operation); s != nil {
		look(s, "", 1)
	}
	return out
}

// isRole reports whether the name of a parameter says that it holds the ARN of a role.
func isRole(name string) bool {
	name = strings.ToLower(name)
	return strings.HasSuffix(name, "rolearn") || roleNames[name]
}

// passedTo has the services whose principal is not their prefix.
var passedTo = map[string]string{"ecs": "ecs-tasks.amazonaws.com", "logs": "logs.amazonaws.com", "elasticmapreduce": "elasticmapreduce.amazonaws.com"}

// passedBy has the roles of EMR that other services take.
var passedBy = map[string]string{"jobflowrole": "ec2.amazonaws.com", "autoscalingrole": "application-autoscaling.amazonaws.com"}

// roleParameters finds the parameters, at any depth, whose names say that they
// hold the ARN of a role.
func roleParameters(p params) []string {
	var out []string
	var look func(prefix string, depth int, v value.Value)
	look = func(prefix string, depth int, v value.Value) {
		for _, k := range v.Keys() {
			name := strings.TrimSuffix(k, ".$")
			path := prefix + name
			if isRole(name) {
				out = append(out, path)
				continue
			}
			m := v.Get(name)
			switch {
			case depth >= 6:
			case m.IsObject():
				look(path+".", depth+1, m)
			case m.IsArray():
				for _, e := range m.Elems() {
					look(path+"[].", depth+1, e)
				}
			}
		}
	}
	look("", 0, p.v)
	return unique(out)
}

// roleNames are names of parameters that hold a role or its ARN, though they do not say
// so: Lambda and Glue, CodeBuild, EMR.
var roleNames = map[string]bool{"role": true, "servicerole": true, "jobflowrole": true, "autoscalingrole": true}

// sameCalls are the services, by their names in aws-sdk resources, whose calls need
// the same as the optimized integrations of that name without .sync. (SageMaker is
// not among them: its integrations add tags.)
var sameCalls = map[string]string{
	"eventbridge": "events", "sns": "sns", "ecs": "ecs", "batch": "batch", "glue": "glue", "athena": "athena",
	"codebuild": "codebuild", "databrew": "databrew", "mediaconvert": "mediaconvert", "emrserverless": "emr-serverless",
}

// sdkSpecial handles the calls whose resources the general rules cannot tell.
func (w *walk) sdkSpecial(service, operation string, p params) bool {
	if same, ok := sameCalls[service]; ok {
		if i := table.Integrations[same+":"+operation]; i != nil {
			w.integration(i, operation, p, false)
			return true
		}
	}
	switch service {
	case "bedrockruntime":
		switch operation {
		case "invokeModel", "converse", "startAsyncInvoke":
			w.models(p, "ModelId", "calls the model")
			w.guardrail(p, "GuardrailIdentifier")
			w.guardrail(p, "GuardrailConfig.GuardrailIdentifier")
			if operation == "startAsyncInvoke" {
				// The service writes below the place that is given, under the invocation's id.
				if uri := "OutputDataConfig.S3OutputDataConfig.S3Uri"; !p.whole && p.at(uri).present {
					w.need([]string{"s3:PutObject"}, w.location("below", uri, p), "writes the response to S3", "connect-bedrock")
					w.objectKey("s3:PutObject", "writes the response to S3")
				}
			}
			return true
		case "applyGuardrail":
			w.guardrail(p, "GuardrailIdentifier")
			return true
		}
	case "bedrock":
		switch operation {
		case "createModelCustomizationJob":
			w.customize(p, false)
			return true
		case "createModelInvocationJob":
			w.modelJob(p)
			return true
		}
	case "bedrockagentruntime":
		return w.knowledge(operation, p)
	case "bedrockagentcore":
		if operation == "invokeAgentRuntime" {
			w.agentRuntime(p)
			return true
		}
	case "eventbridge":
		return w.eventRule(operation, p)
	case "lambda":
		if operation == "invoke" {
			w.need([]string{"lambda:InvokeFunction"}, w.function("FunctionName", p), "calls the function", "lambda-iam")
			return true
		}
	case "sqs":
		if url := p.at("QueueUrl"); url.present && !p.whole {
			action := strings.TrimSuffix(strings.ToUpper(operation[:1])+operation[1:], "Batch")
			w.need([]string{"sqs:" + action}, w.queue("QueueUrl", p), "calls the API", "sar")
			return true
		}
	case "sfn":
		if operation == "startExecution" || operation == "startSyncExecution" {
			w.need([]string{"states:" + strings.ToUpper(operation[:1]) + operation[1:]}, w.machines("StateMachineArn", p), "starts the execution", "stepfunctions-iam",
				w.qualifier("StateMachineArn", p)...)
			return true
		}
		if !p.whole && p.at("StateMachineArn").present { // of a version or an alias, too
			w.need([]string{"states:" + strings.ToUpper(operation[:1]) + operation[1:]}, w.machines("StateMachineArn", p), "calls the API", "sar")
			return true
		}
	case "kms":
		return w.kms(operation, p)
	case "ssm":
		return w.parameter(operation, p)
	case "secretsmanager":
		return w.secret(operation, p)
	case "s3":
		return w.s3(operation, p)
	case "dynamodb":
		return w.dynamodb(operation, p)
	}
	return false
}

// s3 handles calls on objects; those on buckets follow the general rules.
func (w *walk) s3(operation string, p params) bool {
	const why = "calls the API"
	need := func(action string, resources []string) { w.need([]string{action}, resources, why, "sar") }
	// What is done to a given version of an object is an action of its own.
	version := ""
	if !p.whole && p.at("VersionId").present {
		version = "Version"
	}
	name := strings.ToUpper(operation[:1]) + operation[1:]
	switch operation {
	case "getObject", "headObject":
		need("s3:GetObject"+version, w.key(p, "Key"))
		w.objectKey("s3:GetObject", "reads the object")
	case "getObjectAttributes":
		keys := w.key(p, "Key")
		need("s3:GetObject"+version, keys)
		need("s3:GetObject"+version+"Attributes", keys)
	case "putObject", "createMultipartUpload", "uploadPart", "completeMultipartUpload":
		keys := w.key(p, "Key")
		need("s3:PutObject", keys)
		if !p.whole {
			for _, extra := range [][2]string{{"Acl", "s3:PutObjectAcl"}, {"ACL", "s3:PutObjectAcl"}, {"Tagging", "s3:PutObjectTagging"}, {"ObjectLockMode", "s3:PutObjectRetention"}, {"ObjectLockLegalHoldStatus", "s3:PutObjectLegalHold"}} {
				if p.at(extra[0]).present {
					need(extra[1], keys)
				}
			}
		}
		w.objectKey("s3:PutObject", "writes the object")
	case "deleteObject":
		keys := w.key(p, "Key")
		need("s3:DeleteObject"+version, keys)
		w.bypass(p, keys)
	case "getObjectTagging", "putObjectTagging", "deleteObjectTagging", "getObjectAcl", "putObjectAcl":
		need("s3:"+strings.Replace(name, "Object", "Object"+version, 1), w.key(p, "Key"))
	case "restoreObject", "abortMultipartUpload", "getObjectRetention", "getObjectLegalHold", "putObjectLegalHold":
		need("s3:"+name, w.key(p, "Key"))
	case "putObjectRetention":
		keys := w.key(p, "Key")
		need("s3:PutObjectRetention", keys)
		w.bypass(p, keys)
	case "selectObjectContent":
		need("s3:GetObject", w.key(p, "Key"))
	case "listParts":
		need("s3:ListMultipartUploadParts", w.key(p, "Key"))
	case "deleteObjects":
		keys := w.key(p, "Delete.Objects[].Key")
		// Of a list that is made at run time, versions are not expected.
		objects := p.v.Get("Delete").Get("Objects")
		with, without := false, p.whole || !objects.IsArray()
		for _, o := range objects.Elems() {
			versioned := o.Has("VersionId") || o.Has("VersionId.$")
			with, without = with || versioned, without || !versioned
		}
		if without {
			need("s3:DeleteObject", keys)
		}
		if with {
			need("s3:DeleteObjectVersion", keys)
		}
		w.bypass(p, keys)
	case "copyObject", "uploadPartCopy":
		w.copySource(p)
		keys := w.key(p, "Key")
		need("s3:PutObject", keys)
		if !p.whole && p.at("Tagging").present {
			need("s3:PutObjectTagging", keys)
		}
	case "listObjectsV2", "listObjects", "headBucket":
		var conditions []iam.Condition
		if prefix := w.hinted(p.at("Prefix")); prefix.present && !prefix.unknown() && !p.whole {
			operator := "StringEquals"
			if prefix.partial {
				operator = "StringLike"
			}
			values := make([]string, len(prefix.texts))
			for i, t := range prefix.texts {
				values[i] = prefixed(t)
			}
			conditions = []iam.Condition{{Operator: operator, Key: "s3:prefix", Values: values}}
		}
		w.need([]string{"s3:ListBucket"}, w.named("Bucket", "", p, func(t string) string { return w.arn("arn:{P}:s3:::" + t) }), why, "sar", conditions...)
	case "listBuckets":
		need("s3:ListAllMyBuckets", []string{"*"})
	default:
		return false
	}
	return true
}

// bypass adds the right to override a retention in governance mode.
func (w *walk) bypass(p params, keys []string) {
	if f := p.at("BypassGovernanceRetention"); !p.whole && f.present && !slices.Equal(f.texts, []string{"false"}) {
		w.need([]string{"s3:BypassGovernanceRetention"}, keys, "overrides the retention of the object", "sar")
	}
}

// copySource collects the right to read the object that is copied, written as
// bucket/key, with or without a slash before it, a version behind it, or as an ARN.
func (w *walk) copySource(p params) {
	f := w.hinted(p.at("CopySource"))
	if !f.present {
		f = field{name: "CopySource", present: true, partial: true, texts: []string{dynamicPart}}
	}
	var all []string
	for _, t := range f.texts {
		t, query, _ := strings.Cut(t, "?")
		action := "s3:GetObject"
		if strings.HasPrefix(query, "versionId=") {
			action = "s3:GetObjectVersion"
		}
		if strings.HasPrefix(t, "arn:") {
			t = starred(t)
		} else {
			t = prefixed(strings.TrimPrefix(t, "/"))
			if !strings.Contains(t, "/") {
				t += "/*"
			}
			t = w.arn("arn:{P}:s3:::" + t)
		}
		w.need([]string{action}, []string{t}, "calls the API", "sar")
		all = append(all, t)
	}
	if f.partial {
		w.dynamic(f, all)
	}
}

// dynamodb handles calls on tables and their indexes.
func (w *walk) dynamodb(operation string, p params) bool {
	table := func(t string) string { return w.arn("arn:{P}:dynamodb:{R}:{A}:table/" + t) }
	name := strings.ToUpper(operation[:1]) + operation[1:]
	const why = "calls the API"
	switch operation {
	case "query", "scan":
		tables := w.named("TableName", "", p, table)
		if index := w.hinted(p.at("IndexName")); index.present && !p.whole {
			var indexes []string
			for _, t := range tables {
				for _, i := range index.texts {
					indexes = append(indexes, t+"/index/"+starred(i))
				}
			}
			tables = indexes
		}
		w.need([]string{"dynamodb:" + name}, tables, why, "sar")
	case "batchWriteItem", "batchGetItem":
		var tables []string
		items := p.v.Get("RequestItems")
		if !items.IsObject() || p.whole {
			tables = []string{table("*")}
			w.dynamic(field{name: "RequestItems", present: true, texts: []string{dynamicPart}}, tables)
		}
		for _, k := range items.Keys() {
			k = strings.TrimSuffix(k, ".$")
			if strings.HasPrefix(k, "arn:") {
				tables = append(tables, k)
			} else {
				tables = append(tables, table(k))
			}
		}
		w.need([]string{"dynamodb:" + name}, tables, why, "sar")
	case "transactWriteItems", "transactGetItems":
		any := false
		for _, kind := range []struct{ member, action string }{{"Put", "PutItem"}, {"Update", "UpdateItem"}, {"Delete", "DeleteItem"}, {"ConditionCheck", "ConditionCheckItem"}, {"Get", "GetItem"}} {
			f := p.at("TransactItems[]." + kind.member + ".TableName")
			var tables []string
			for _, t := range f.texts {
				switch {
				case t == "" || p.whole:
				case strings.HasPrefix(t, "arn:"), arnPlaceholder(t):
					tables = append(tables, starred(t))
				default:
					tables = append(tables, table(starred(t)))
				}
			}
			if len(tables) > 0 {
				any = true
				w.need([]string{"dynamodb:" + kind.action}, tables, why, "sar")
			}
		}
		if !any {
			actions := []string{"dynamodb:ConditionCheckItem", "dynamodb:DeleteItem", "dynamodb:PutItem", "dynamodb:UpdateItem"}
			if operation == "transactGetItems" {
				actions = []string{"dynamodb:GetItem"}
			}
			w.need(actions, []string{table("*")}, why, "sar")
			w.dynamic(field{name: "TransactItems", present: true, texts: []string{dynamicPart}}, []string{table("*")})
		}
	case "executeStatement", "batchExecuteStatement", "executeTransaction":
		return false
	default:
		if !p.at("TableName").present {
			return false
		}
		w.need([]string{"dynamodb:" + name}, w.named("TableName", "", p, table), why, "sar")
	}
	return true
}

// kms handles calls on keys. A key named by an alias is authorised on the key, whose
// id the alias does not tell; a condition then pins the alias.
func (w *walk) kms(operation string, p params) bool {
	type use struct{ action, parameter string }
	uses := []use{{"kms:" + strings.ToUpper(operation[:1]) + operation[1:], "KeyId"}}
	switch operation {
	case "reEncrypt":
		uses = []use{{"kms:ReEncryptFrom", "SourceKeyId"}, {"kms:ReEncryptTo", "DestinationKeyId"}}
	case "decrypt", "encrypt", "generateDataKey", "generateDataKeyWithoutPlaintext", "generateDataKeyPair", "generateMac", "verifyMac", "sign", "verify", "describeKey", "getPublicKey":
	default:
		return false
	}
	for _, u := range uses {
		f := w.hinted(p.at(u.parameter))
		if !f.present || p.whole {
			all := w.arn("arn:{P}:kms:{R}:{A}:key/*")
			w.warn(w.params+"."+u.parameter, "does not tell the key, so that "+all+" is allowed", fmt.Sprintf("name it with the hint %s.%s", w.state, u.parameter))
			w.need([]string{u.action}, []string{all}, "calls the API", "sar")
			continue
		}
		for _, t := range f.texts {
			_, alias, isAlias := strings.Cut(starred(t), "alias/")
			switch {
			case isAlias:
				w.need([]string{u.action}, []string{w.arn("arn:{P}:kms:{R}:{A}:key/*")}, "calls the API with the key's alias", "sar",
					iam.Condition{Operator: "StringLike", Key: "kms:RequestAlias", Values: []string{"alias/" + alias}})
			case strings.HasPrefix(t, "arn:"), arnPlaceholder(t):
				w.need([]string{u.action}, []string{starred(t)}, "calls the API", "sar")
			default:
				w.need([]string{u.action}, []string{w.arn("arn:{P}:kms:{R}:{A}:key/" + starred(t))}, "calls the API", "sar")
			}
		}
		if f.partial {
			w.dynamic(f, []string{w.arn("arn:{P}:kms:{R}:{A}:key/*")})
		}
	}
	return true
}

// parameter handles calls on the parameters of Systems Manager, whose ARNs leave
// out the slash at the start of their names.
func (w *walk) parameter(operation string, p params) bool {
	name := ""
	switch operation {
	case "getParameter", "putParameter", "deleteParameter", "getParameterHistory", "labelParameterVersion":
		name = "Name"
	case "getParameters", "deleteParameters":
		name = "Names[]"
	case "getParametersByPath":
		name = "Path"
	case "sendCommand":
		return w.command(p)
	default:
		return false
	}
	w.need([]string{"ssm:" + strings.ToUpper(operation[:1]) + operation[1:]}, w.named(name, "", p, func(t string) string {
		t, _, _ = strings.Cut(t, ":") // of a version or a label, which no name can hold
		return w.arn("arn:{P}:ssm:{R}:{A}:parameter/" + strings.TrimPrefix(t, "/"))
	}), "calls the API", "sar")
	return true
}

// command collects what running a document on instances needs: the document, of which
// AWS's own belong to no account, and the instances. Those that Targets select by their
// tags are not known.
func (w *walk) command(p params) bool {
	if p.whole || !p.at("DocumentName").present {
		return false
	}
	resources := w.named("DocumentName", "", p, func(t string) string {
		account := w.opts.Account
		for _, reserved := range []string{"aws", "amazon", "amzn"} {
			if strings.HasPrefix(strings.ToLower(t), reserved) {
				account = ""
			}
		}
		return w.arn("arn:{P}:ssm:{R}:") + account + ":document/" + t
	})
	instances := w.hinted(p.at("InstanceIds[]"))
	if !instances.present {
		instances = field{name: "InstanceIds", present: true, partial: true, texts: []string{dynamicPart}}
	}
	var on []string
	for _, t := range instances.texts {
		switch {
		case strings.HasPrefix(t, "mi-"):
			on = append(on, w.arn("arn:{P}:ssm:{R}:{A}:managed-instance/"+starred(t)))
		case t == dynamicPart:
			on = append(on, w.arn("arn:{P}:ec2:{R}:{A}:instance/*"), w.arn("arn:{P}:ssm:{R}:{A}:managed-instance/*"))
		default:
			on = append(on, w.arn("arn:{P}:ec2:{R}:{A}:instance/"+starred(t)))
		}
	}
	if instances.partial {
		w.dynamic(instances, on)
	}
	w.need([]string{"ssm:SendCommand"}, append(resources, on...), "calls the API", "sar")
	return true
}

var suffixedSecret = regexp.MustCompile(`-[0-9A-Za-z]{6}$`)

// secret handles calls on secrets, to whose names the service adds a hyphen and six
// characters. They are authorised on the complete ARN, also if the call leaves these out.
func (w *walk) secret(operation string, p params) bool {
	name := "SecretId"
	if operation == "batchGetSecretValue" {
		name = "SecretIdList[]"
	}
	if f := w.hinted(p.at(name)); !f.present || p.whole {
		return false
	}
	secrets := w.secrets(name, p)
	action := "secretsmanager:" + strings.ToUpper(operation[:1]) + operation[1:]
	if operation == "batchGetSecretValue" {
		w.need([]string{action}, []string{"*"}, "calls the API; the action has no resources", "sar")
		action = "secretsmanager:GetSecretValue"
	}
	w.need([]string{action}, secrets, "calls the API", "sar")
	return true
}

// secrets gives the ARNs of the secrets in a parameter.
func (w *walk) secrets(name string, p params) []string {
	out := w.named(name, "", p, func(t string) string {
		if !strings.HasSuffix(t, "*") {
			t += "-??????"
		}
		return w.arn("arn:{P}:secretsmanager:{R}:{A}:secret:" + t)
	})
	for i, arn := range out {
		if strings.HasPrefix(arn, "arn:") && !strings.ContainsAny(arn, "*?$") && !suffixedSecret.MatchString(arn) {
			out[i] += "-??????"
		}
	}
	return out
}

// eventRule handles calls on rules, whose ARN has the event bus in it unless that is the
// default one.
func (w *walk) eventRule(operation string, p params) bool {
	name := "Name"
	switch operation {
	case "putRule", "deleteRule", "describeRule", "enableRule", "disableRule":
	case "putTargets", "removeTargets", "listTargetsByRule":
		name = "Rule"
	default:
		return false
	}
	if p.whole {
		return false
	}
	bus := ""
	if b := w.hinted(p.at("EventBusName")); b.present {
		if len(b.texts) != 1 || b.partial {
			return false
		}
		bus = b.texts[0]
		if i := strings.Index(bus, ":event-bus/"); i >= 0 {
			bus = bus[i+len(":event-bus/"):]
		}
		if bus == "default" {
			bus = ""
		} else {
			bus += "/"
		}
	}
	w.need([]string{"events:" + strings.ToUpper(operation[:1]) + operation[1:]}, w.named(name, "", p, func(t string) string {
		return w.arn("arn:{P}:events:{R}:{A}:rule/" + bus + t)
	}), "calls the API", "sar")
	w.sdkRoles("eventbridge", operation, "events", []string{"events:" + strings.ToUpper(operation[:1]) + operation[1:]}, p)
	return true
}

// agentRuntime collects what InvokeAgentRuntime of AgentCore needs, which is authorised on
// the runtime and on the endpoint that the qualifier names.
func (w *walk) agentRuntime(p params) {
	endpoint := "DEFAULT"
	if q := w.hinted(p.at("Qualifier")); q.present {
		endpoint = "*"
		if len(q.texts) == 1 {
			endpoint = starred(q.texts[0])
		}
	}
	var resources []string
	for _, r := range w.named("AgentRuntimeArn", "", p, func(t string) string { return w.arn("arn:{P}:bedrock-agentcore:{R}:{A}:runtime/" + t) }) {
		resources = append(resources, r, r+"/runtime-endpoint/"+endpoint)
	}
	w.need([]string{"bedrock-agentcore:InvokeAgentRuntime"}, resources, "calls the runtime", "sar")
}

// knowledge handles the calls that look up knowledge, write answers from it and rank
// documents: the models that they use and the guardrail are the caller's affair.
func (w *walk) knowledge(operation string, p params) bool {
	if p.whole {
		return false
	}
	const (
		noResource = "calls the API; the action has no resources"
		reranking  = "RerankingConfiguration.BedrockRerankingConfiguration.ModelConfiguration.ModelArn"
	)
	lookUp := func(name, why string) {
		if p.at(name).present {
			w.need([]string{"bedrock:Retrieve"}, w.named(name, "", p, func(t string) string {
				return w.arn("arn:{P}:bedrock:{R}:{A}:knowledge-base/" + t)
			}), why, "sar")
		}
	}
	rank := func(name string) {
		if p.at(name).present {
			w.need([]string{"bedrock:Rerank"}, []string{"*"}, "ranks documents; the action has no resources", "bedrock-rerank")
			w.models(p, name, "ranks documents with the model")
		}
	}
	switch operation {
	case "retrieve":
		lookUp("KnowledgeBaseId", "calls the API")
		rank("RetrievalConfiguration.VectorSearchConfiguration." + reranking)
		w.guardrail(p, "GuardrailConfiguration.GuardrailId")
		return p.at("KnowledgeBaseId").present
	case "rerank":
		if !p.at(reranking).present {
			return false
		}
		rank(reranking)
	case "retrieveAndGenerate":
		w.need([]string{"bedrock:RetrieveAndGenerate"}, []string{"*"}, noResource, "sar")
		for _, source := range []string{"KnowledgeBaseConfiguration.", "ExternalSourcesConfiguration."} {
			base := "RetrieveAndGenerateConfiguration." + source
			lookUp(base+"KnowledgeBaseId", "looks up the knowledge base")
			if p.at(base + "ModelArn").present {
				w.models(p, base+"ModelArn", "writes the answer with the model")
			}
			w.guardrail(p, base+"GenerationConfiguration.GuardrailConfiguration.GuardrailId")
			rank(base + "RetrievalConfiguration.VectorSearchConfiguration." + reranking)
			if documents := base + "Sources[].S3Location.Uri"; p.at(documents).present {
				w.object(p, documents, "s3:GetObject", "reads the document with the caller's rights")
				w.needs[len(w.needs)-1].perhaps = true
			}
		}
	default:
		return false
	}
	return true
}
