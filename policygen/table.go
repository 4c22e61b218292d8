package policygen

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"github.com/sfnkit/sfnkit/policygen/iam"
)

//go:embed integrations.json
var integrationsText []byte

// integration says what one optimized action needs.
type integration struct {
	Source string  `json:"source"`
	Note   string  `json:"note"`
	Needs  []entry `json:"needs"`
	Sync   []entry `json:"sync"`
	Rule   string  `json:"rule"`
}

type entry struct {
	Do   []string `json:"do"`
	On   []string `json:"on"`
	If   []string `json:"if"`
	When string   `json:"when"`
	Why  string   `json:"why"`
	Pass string   `json:"pass"`
	To   string   `json:"to"`
	// Perhaps marks what most such calls need but not all: it is granted, and its lack
	// is not reported.
	Perhaps bool `json:"perhaps"`

	specs []spec // of On
	when  spec   // of When
}

// spec is an entry of "on" taken apart: rule(name|fallback)suffix, or
// name|fallback => pattern, or a pattern alone.
type spec struct {
	rule, name, fallback, suffix, pattern string
}

func parseSpec(text string) spec {
	if g := ruleSpec.FindStringSubmatch(text); g != nil {
		return spec{rule: g[1], name: g[2], fallback: g[3], suffix: g[4]}
	}
	name, pattern, found := strings.Cut(text, " => ")
	if !found {
		return spec{pattern: text}
	}
	name, fallback, _ := strings.Cut(name, "|")
	return spec{name: name, fallback: fallback, pattern: pattern}
}

type integrationTable struct {
	Rules        []string                `json:"rules"`
	Integrations map[string]*integration `json:"integrations"`
	Sources      map[string]string       `json:"sources"`
}

var table = func() *integrationTable {
	var t integrationTable
	if err := json.Unmarshal(integrationsText, &t); err != nil {
		panic(fmt.Sprintf("integrations.json: %v", err))
	}
	for _, i := range t.Integrations {
		for _, list := range [][]entry{i.Needs, i.Sync} {
			for n := range list {
				e := &list[n]
				for _, on := range e.On {
					e.specs = append(e.specs, parseSpec(on))
				}
				if e.When != "" {
					e.when = parseSpec(e.When)
				}
			}
		}
	}
	return &t
}()

func (w *walk) integration(i *integration, action string, p params, sync bool) {
	for n := range i.Needs {
		w.entry(&i.Needs[n], i.Source, "calls "+action, p)
	}
	if sync {
		for n := range i.Sync {
			w.entry(&i.Sync[n], i.Source, "waits for the result and stops it when the task is stopped", p)
		}
		if i.Rule != "" {
			w.need(table.Rules, []string{w.arn("arn:{P}:events:{R}:{A}:rule/" + i.Rule)}, "waits through this EventBridge rule; it is asked for when the state machine is created or updated", i.Source)
			w.needs[len(w.needs)-1].atCreate = true
		}
	}
	switch i.Note {
	case "roles":
		w.unnamedRoles(w.opts.Hints["roles"], "hands the roles of the task definition to ECS", "ecs-tasks.amazonaws.com", i.Source)
		if len(w.opts.Hints["roles"]) == 0 {
			w.warn(w.params+".TaskDefinition", "RunTask also needs iam:PassRole on the task role and the execution role of the task definition, which the definition does not name", "name them with the hint roles")
		}
	case "athena-data":
		// Statements that change tables need more; what they change only Athena reads.
		if q := w.hinted(p.at("QueryString")); !reads(q) {
			tables := append([]string{w.arn("arn:{P}:glue:{R}:{A}:catalog")}, w.resources(&database, p)...)
			tables = append(tables, w.resources(&databaseTables, p)...)
			w.need([]string{"glue:BatchCreatePartition", "glue:BatchDeletePartition", "glue:BatchDeleteTable", "glue:CreateDatabase", "glue:CreatePartition", "glue:CreateTable",
				"glue:DeleteDatabase", "glue:DeletePartition", "glue:DeleteTable", "glue:UpdateDatabase", "glue:UpdatePartition", "glue:UpdateTable"},
				tables, "the query may change tables", i.Source)
			w.needs[len(w.needs)-1].perhaps = true
			w.need([]string{"s3:PutObject"}, w.rule("data", "s3", "", "", p), "the query may write data", i.Source)
			w.needs[len(w.needs)-1].perhaps = true
			w.warn(w.params+".QueryString", "may create or change tables, so that this is allowed too", fmt.Sprintf("name the query with the hint %s.QueryString", w.state))
		}
	case "eks-rbac":
		w.warn("Resource", "needs no IAM permission, but the role must be mapped to a user or group of the cluster", "add an access entry for the execution role")
	}
}

var (
	database       = parseSpec("QueryExecutionContext.Database|* => arn:{P}:glue:{R}:{A}:database/{}")
	databaseTables = parseSpec("QueryExecutionContext.Database|* => arn:{P}:glue:{R}:{A}:table/{}/*")
)

// reads reports whether a query is known and changes nothing.
func reads(query field) bool {
	if !query.present {
		return false
	}
	for _, t := range query.texts {
		word, _, _ := strings.Cut(strings.ToUpper(strings.TrimLeft(t, " \t\n(")), " ")
		switch strings.TrimSpace(word) {
		case "SELECT", "WITH", "SHOW", "DESCRIBE", "DESC", "EXPLAIN":
		default:
			return false
		}
	}
	return true
}

func (w *walk) entry(e *entry, source, why string, p params) {
	for _, name := range e.If {
		if !p.at(name).present || p.whole {
			return
		}
	}
	if e.Pass != "" {
		w.passRole(p, e.Pass, e.To, source)
		return
	}
	if e.Why != "" {
		why = e.Why
	}
	var resources []string
	for i := range e.specs {
		resources = append(resources, w.resources(&e.specs[i], p)...)
	}
	var conditions []iam.Condition
	if e.When != "" {
		conditions = w.when(&e.when, p)
	}
	w.need(e.Do, resources, why, source, conditions...)
	w.needs[len(w.needs)-1].perhaps = e.Perhaps
}

var ruleSpec = regexp.MustCompile(`^(\w+)\(([^)|]*)(?:\|([^)]*))?\)(.*)$`)

// resources resolves one entry of "on".
func (w *walk) resources(s *spec, p params) []string {
	switch {
	case s.rule != "":
		return w.rule(s.rule, s.name, s.fallback, s.suffix, p)
	case s.name == "":
		return []string{w.arn(s.pattern)}
	}
	return w.named(s.name, s.fallback, p, func(text string) string {
		return strings.ReplaceAll(strings.ReplaceAll(w.arn(s.pattern), "{}", text), "**", "*")
	})
}

// named gives the resources that a parameter names: an ARN is taken as it is, a
// name is put into its pattern.
func (w *walk) named(name, fallback string, p params, make func(text string) string) []string {
	f := w.hinted(p.at(name))
	if !f.present {
		f.texts = []string{fallback}
		if fallback == "" {
			f.texts = []string{dynamicPart}
		}
	}
	var out []string
	for _, t := range f.texts {
		switch {
		case t == "" && fallback != "":
			out = append(out, make(fallback))
		case strings.HasPrefix(t, "arn:"), arnPlaceholder(t):
			out = append(out, starred(t))
		default:
			out = append(out, make(starred(t)))
		}
	}
	if f.partial {
		w.dynamic(f, out)
	} else if !f.present && fallback == "" {
		w.warn(w.params+"."+f.name, "is missing, so that "+strings.Join(out, " and ")+" is allowed", "give it")
	}
	return out
}

// arnPlaceholder reports whether a text is one placeholder that by its name stands
// for an ARN: ${Function.Arn}, ${TableArn}, ${aws_sfn_state_machine.x.arn}.
func arnPlaceholder(text string) bool {
	return strings.HasPrefix(text, "${") && strings.IndexByte(text, '}') == len(text)-1 &&
		strings.HasSuffix(strings.ToLower(strings.TrimSuffix(text, "}")), "arn")
}

// rule resolves what cannot be said with a pattern.
func (w *walk) rule(rule, name, fallback, suffix string, p params) []string {
	switch rule {
	case "lambda":
		return w.function(name, p)
	case "machine":
		return w.machines(name, p)
	case "executions":
		var out []string
		for _, m := range w.machines(name, p) {
			out = append(out, executionsOf(m, w))
		}
		return out
	case "queue":
		return w.queue(name, p)
	case "taskdefinition":
		return w.named(name, "", p, func(t string) string {
			if !strings.Contains(t, ":") && t != "*" {
				t += ":*"
			}
			return w.arn("arn:{P}:ecs:{R}:{A}:task-definition/" + t)
		})
	case "cluster":
		var out []string
		for _, c := range w.named(name, fallback, p, func(t string) string { return w.arn("arn:{P}:ecs:{R}:{A}:cluster/" + t) }) {
			if suffix == "task" {
				c = strings.Replace(c, ":cluster/", ":task/", 1) + "/*"
			}
			if strings.HasPrefix(c, "${") {
				c = w.arn("arn:{P}:ecs:{R}:{A}:task/*")
			}
			out = append(out, strings.ReplaceAll(c, "*/*", "*"))
		}
		return out
	case "jobdefinition":
		var out []string
		for _, d := range w.named(name, "", p, func(t string) string { return w.arn("arn:{P}:batch:{R}:{A}:job-definition/" + t) }) {
			_, rest, _ := strings.Cut(d, ":job-definition/")
			out = append(out, d)
			if rest != "" && !strings.Contains(rest, ":") && !strings.HasSuffix(rest, "*") {
				out = append(out, d+":*")
			}
		}
		return out
	case "jobrun":
		run := w.hinted(p.at("JobRunId"))
		id := "*"
		if run.present && len(run.texts) == 1 {
			id = starred(run.texts[0])
		}
		return w.named(name, "", p, func(t string) string {
			return w.arn("arn:{P}:emr-serverless:{R}:{A}:/applications/" + t + "/jobruns/" + id)
		})
	case "build":
		return w.named(name, "", p, func(t string) string {
			project, _, _ := strings.Cut(t, ":")
			return w.arn("arn:{P}:codebuild:{R}:{A}:project/" + project)
		})
	case "report":
		var out []string
		for _, r := range w.named(name, "", p, func(t string) string { return w.arn("arn:{P}:codebuild:{R}:{A}:report-group/" + t) }) {
			before, report, found := strings.Cut(r, ":report/")
			if found { // a report is authorised on its group
				group, _, _ := strings.Cut(report, ":")
				r = before + ":report-group/" + group
			}
			out = append(out, r)
		}
		return out
	case "nodegroup":
		group := w.hinted(p.at("NodegroupName"))
		id := "*"
		if group.present && len(group.texts) == 1 {
			id = starred(group.texts[0])
		}
		return w.named(name, "", p, func(t string) string { return w.arn("arn:{P}:eks:{R}:{A}:nodegroup/" + t + "/" + id + "/*") })
	case "harness":
		var out []string
		for _, h := range w.named(name, "", p, func(t string) string { return w.arn("arn:{P}:bedrock-agentcore:{R}:{A}:harness/" + t) }) {
			out = append(out, h+"/*")
		}
		return out
	case "data":
		if h := w.opts.Hints["data."+name]; len(h) > 0 {
			return h
		}
		all := w.arn("arn:{P}:s3:::*")
		w.warn("", "Athena's data in S3 does not follow from the definition, so that "+all+" is allowed", "name it with the hint data."+name)
		return []string{all}
	case "bucket", "below":
		return w.location(rule, name, p)
	}
	panic("integrations.json: no rule " + rule)
}

// when resolves the condition of an entry.
func (w *walk) when(s *spec, p params) []iam.Condition {
	switch s.rule {
	case "fixed":
		key, v, _ := strings.Cut(s.suffix, "=")
		return []iam.Condition{{Operator: s.name, Key: key, Values: []string{v}}}
	case "literal":
		f := w.hinted(p.at(s.name))
		if f.present && !f.partial {
			return []iam.Condition{{Operator: "StringEquals", Key: s.suffix, Values: f.texts}}
		}
	case "qualifier":
		return w.qualifier(s.name, p)
	case "cluster":
		f := w.hinted(p.at(s.name))
		if f.partial || p.whole {
			return nil
		}
		return []iam.Condition{{Operator: "ArnEquals", Key: "ecs:cluster", Values: w.rule("cluster", s.name, s.fallback, "", p)}}
	}
	return nil
}

// function gives the ARN of a Lambda function named by name, partial ARN or ARN,
// with its version or alias: a right on the function alone does not cover these.
func (w *walk) function(name string, p params) []string {
	qualifier := ""
	if q := w.hinted(p.at("Qualifier")); q.present && !p.whole && len(q.texts) == 1 {
		qualifier = ":" + starred(q.texts[0])
	}
	out := w.named(name, "", p, func(t string) string {
		if i := strings.Index(t, ":function:"); i > 0 && !strings.Contains(t[:i], ":") {
			return w.arn("arn:{P}:lambda:{R}:" + t)
		}
		return w.arn("arn:{P}:lambda:{R}:{A}:function:" + t)
	})
	for i := range out {
		if !strings.HasSuffix(out[i], ":*") {
			out[i] += qualifier
		}
	}
	return out
}

// machines gives the ARNs of state machines. One with the name of a version or
// alias at its end is authorised on the state machine itself.
func (w *walk) machines(name string, p params) []string {
	out := w.named(name, "", p, func(t string) string {
		if strings.HasPrefix(t, "${") {
			return t
		}
		return w.arn("arn:{P}:states:{R}:{A}:stateMachine:" + t)
	})
	for i, m := range out {
		if f := strings.SplitN(m, ":", 8); len(f) == 8 && !strings.Contains(m, "${") {
			out[i] = strings.Join(f[:7], ":")
		}
	}
	return out
}

// qualifier limits the right to start a state machine to the version or alias that is
// started: the service authorises it on the ARN without one, and tells it in a key that
// has several values (Step Functions developer guide, Authorization for versions and
// aliases).
func (w *walk) qualifier(name string, p params) []iam.Condition {
	f := w.hinted(p.at(name))
	if f.partial || len(f.texts) != 1 || strings.Contains(f.texts[0], "${") {
		return nil
	}
	part := strings.SplitN(f.texts[0], ":", 8)
	if len(part) < 8 || strings.ContainsAny(part[7], "*?") {
		return nil
	}
	return []iam.Condition{{Operator: "ForAnyValue:StringEquals", Key: "states:StateMachineQualifier", Values: []string{part[7]}}}
}

func executionsOf(machine string, w *walk) string {
	before, name, found := strings.Cut(machine, ":stateMachine:")
	if !found {
		w.warn("", "the executions of "+machine+" do not follow from the placeholder, so that those of all state machines are allowed", "name its ARN with a hint")
		return w.arn("arn:{P}:states:{R}:{A}:execution:*")
	}
	return before + ":execution:" + strings.ReplaceAll(name+":*", "*:*", "*")
}

var queueURL = regexp.MustCompile(`^(?:https?://)?(?:sqs\.([^./]+)\.amazonaws\.(?:com(?:\.cn)?|eu)|([^./]+)\.queue\.amazonaws\.com|queue\.amazonaws\.com)/([^/]+)/([^/]+)$`)

// queue gives the ARN of a queue from its URL.
func (w *walk) queue(name string, p params) []string {
	return w.named(name, "", p, func(t string) string {
		if g := queueURL.FindStringSubmatch(t); g != nil {
			region := g[1] + g[2]
			if region == "" {
				region = "us-east-1"
			}
			return w.arn("arn:{P}:sqs:" + region + ":" + g[3] + ":" + g[4])
		}
		if i := strings.LastIndexByte(t, '/'); i >= 0 { // an unusual or partly known URL ends in the name
			return w.arn("arn:{P}:sqs:{R}:{A}:" + t[i+1:])
		}
		if t != "*" {
			w.warn(w.params+"."+name, "is no queue URL that tells the queue, so that all queues of the account are allowed", "name the queue's URL with a hint")
		}
		return w.arn("arn:{P}:sqs:{R}:{A}:*")
	})
}

// location gives the bucket of an S3 URI or what lies below it.
func (w *walk) location(rule, name string, p params) []string {
	f := w.hinted(p.at(name))
	if !f.present {
		all := w.arn("arn:{P}:s3:::*")
		w.warn(w.params+"."+name, "the place of the results is the workgroup's and not known, so that "+all+" is allowed", fmt.Sprintf("name it with the hint %s.%s", w.state, name))
		return []string{all}
	}
	var out []string
	for _, t := range f.texts {
		rest, ok := strings.CutPrefix(t, "s3://")
		if !ok {
			out = append(out, w.arn("arn:{P}:s3:::*"))
			continue
		}
		bucket, prefix, _ := strings.Cut(prefixed(rest), "/")
		if rule == "below" {
			bucket += "/" + strings.TrimSuffix(strings.TrimSuffix(prefix, "*"), "/")
			bucket = strings.TrimSuffix(bucket, "/") + "/*"
		}
		out = append(out, w.arn("arn:{P}:s3:::"+bucket))
	}
	if f.partial {
		w.dynamic(f, out)
	}
	return out
}
