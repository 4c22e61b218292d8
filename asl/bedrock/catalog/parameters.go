package catalog

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/sfnkit/sfnkit/asl/value"
)

// Form says how parameters are written, and so what in them is known.
type Form int

// The forms of parameters.
const (
	// Evaluated parameters are what the service receives.
	Evaluated Form = iota
	// JSONPathTemplate: members whose names end in .$ are known only at run time.
	JSONPathTemplate
	// JSONataTemplate: strings of the form {% ... %} are known only at run time.
	JSONataTemplate
)

// Rule names what a Problem breaks.
type Rule string

// The rules.
const (
	RuleUnknown    Rule = "unknown"     // no parameter has this name
	RuleRequired   Rule = "required"    // a parameter is missing
	RuleExactlyOne Rule = "exactly-one" // of several parameters none or more than one is there
	RuleWith       Rule = "with"        // a parameter stands without the one it belongs to
	RuleType       Rule = "type"
	RuleValue      Rule = "value" // an enum, pattern or bound
	RuleSize       Rule = "size"  // over MaxPayload; has its own text in SizeProblem
	RuleModel      Rule = "model" // the identifier of a model
)

// Problem is something wrong with the parameters of a call.
type Problem struct {
	Rule    Rule
	Pointer string // JSON pointer below the parameters; "" for all of them
	Name    string // the parameter, dotted: Input.S3Uri
	Message string // without the name of the state
	Hint    string // what to do, or ""
	// Warning is set for what works at least sometimes, or may work one day.
	Warning bool
}

func (p Problem) Error() string {
	if p.Name == "" {
		return p.Message
	}
	return p.Name + ": " + p.Message
}

// CheckCall judges the parameters of an optimized Bedrock action (invokeModel,
// createModelCustomizationJob), reporting all problems in document order. Nothing is said
// about what the form leaves to run time, nor about an action that is not known.
//
// The size is judged with the rest: of a template, that of the parts that are known.
func CheckCall(action string, params value.Value, form Form) []Problem {
	spec := parameters().Actions[action]
	if spec == nil {
		return nil
	}
	c := checker{form: form}
	if !c.dynamic(params) {
		c.check(spec, params, "", "")
		if action == "invokeModel" {
			c.modelID(params)
		}
	}
	if size, exact := TemplateSize(params, form); size > MaxPayload {
		c.problems = append(c.problems, SizeProblem(size, exact, action))
	}
	return c.problems
}

// SizeProblem words the problem of parameters that are too large. With exact false, size
// is what is known already and the rest comes on top.
func SizeProblem(size int, exact bool, action string) Problem {
	least := ""
	if !exact {
		least = "at least "
	}
	p := Problem{
		Rule:    RuleSize,
		Message: fmt.Sprintf("the parameters have %s%d bytes of JSON, over the limit of %d", least, size, MaxPayload),
	}
	if action == "invokeModel" {
		p.Hint = fmt.Sprintf("put the body into S3 and name it in Input.S3Uri, which allows %d bytes", MaxBody)
	}
	return p
}

// TemplateSize returns how many bytes the evaluated parameters have as UTF-8 JSON text.
// If parts of a template are known only at run time, each is counted as the single byte
// that it has at least, and exact is false.
func TemplateSize(template value.Value, form Form) (size int, exact bool) {
	c := checker{form: form}
	dynamic := 0 // bytes to take off
	var walk func(v value.Value, depth int)
	walk = func(v value.Value, depth int) {
		switch {
		case depth > value.MaxDepth:
		case form == JSONataTemplate && c.dynamic(v):
			dynamic += v.Size() - 1
			exact = false
		case v.IsArray():
			for _, e := range v.Elems() {
				walk(e, depth+1)
			}
		case v.IsObject():
			for k, e := range v.Members() {
				if form == JSONPathTemplate && strings.HasSuffix(k, ".$") {
					dynamic += len(".$") + e.Size() - 1
					exact = false
				} else {
					walk(e, depth+1)
				}
			}
		}
	}
	exact = true
	if form != Evaluated {
		walk(template, 0)
	}
	return template.Size() - dynamic, exact
}

// CheckModel judges a model identifier for InvokeModel in a region ("" if it is not
// known) on a day (2006-01-02; "" for the day of the catalogue).
func CheckModel(text, region, day string) []Problem {
	id := Classify(text)
	problem := func(warning bool, hint, format string, args ...any) []Problem {
		return []Problem{{
			Rule: RuleModel, Pointer: "/ModelId", Name: "ModelId", Warning: warning,
			Message: fmt.Sprintf(format, args...), Hint: hint,
		}}
	}
	if day == "" {
		day = Snapshot()
	}
	switch {
	case text == "":
		return nil // too short, which CheckCall says
	case id.Kind == Invalid:
		return problem(false, "use a model id, the id of an inference profile, or an ARN",
			"%q is not the identifier of a model", clip(text))
	case id.Kind == CustomModelARN:
		return problem(false, "deploy the model, or buy provisioned throughput, and use that ARN",
			"a custom model cannot be invoked by its own ARN")
	case id.Kind == ProvisionedModelName:
		return problem(true, "use the ARN of the provisioned model",
			"%q can only be the name of a provisioned model", text)
	case id.IsARN() && region != "" && id.Region != region:
		return problem(false, "use a cross-region inference profile: a task calls Bedrock in the region of its state machine",
			"the ARN is of region %s, the state machine runs in %s", id.Region, region)
	}
	if id.Model == "" {
		return nil
	}
	m := FindModel(id.Model)
	if m == nil {
		return problem(true, "check the spelling; the model may also be newer than the catalogue of "+Snapshot(),
			"no model %s is known", id.Model)
	}
	profiles := m.Profiles(region)
	through := ""
	if len(profiles) > 0 {
		through = "use one of " + strings.Join(profiles, ", ")
	}
	switch {
	case m.Gone:
		return problem(true, "choose a current model; the body may need another shape",
			"%s has reached its end of life", m.ID)
	case m.Ended(day):
		return problem(true, "choose a current model", "%s reached its end of life on %s", m.ID, m.EndOfLife)
	case m.Family.Name == "not-invokemodel":
		return problem(false, "", "%s cannot be called with InvokeModel: %s", m.ID, m.Family.Notes)
	case id.Geography != "":
		p := m.Profile(id.Geography)
		if p == nil {
			return problem(true, through, "%s has no inference profile %s.", m.ID, id.Geography)
		}
		if _, ok := p.Destinations(region); !ok && region != "" {
			return problem(true, through, "inference profile %s cannot be used from %s", p.ID, region)
		}
	case m.MantleOnly:
		return problem(true, "", "%s is not offered on the endpoint that InvokeModel calls", m.ID)
	case len(m.OnDemand) == 0:
		return problem(true, through, "%s cannot be invoked with on-demand throughput by its own id", m.ID)
	case region != "" && !slices.Contains(m.OnDemand, region):
		return problem(true, through, "%s cannot be invoked by its own id in %s", m.ID, region)
	}
	if m.Legacy {
		return problem(true, "plan the change to a current model", "%s is legacy and closed to accounts that do not use it", m.ID)
	}
	return nil
}

type checker struct {
	form     Form
	problems []Problem
}

func (c *checker) add(rule Rule, ptr, name, hint, format string, args ...any) {
	c.problems = append(c.problems, Problem{Rule: rule, Pointer: ptr, Name: name, Hint: hint, Message: fmt.Sprintf(format, args...)})
}

// dynamic reports whether v is known only at run time, in a JSONata template.
func (c *checker) dynamic(v value.Value) bool {
	s := v.Str()
	return c.form == JSONataTemplate && len(s) >= 4 && strings.HasPrefix(s, "{%") && strings.HasSuffix(s, "%}")
}

// modelID adds what CheckModel says of an identifier that is known.
func (c *checker) modelID(params value.Value) {
	if id := params.Get("ModelId"); id.IsString() && !c.dynamic(id) && len(id.Str()) <= MaxModelID {
		c.problems = append(c.problems, CheckModel(id.Str(), "", "")...)
	}
}

func (c *checker) check(s *spec, v value.Value, ptr, name string) {
	if c.dynamic(v) {
		return
	}
	n, counted := 0, ""
	switch s.Type {
	case "any":
		return
	case "object":
		if !v.IsObject() {
			break
		}
		c.object(s, v, ptr, name)
		return
	case "map":
		if !v.IsObject() {
			break
		}
		for k, e := range v.Members() {
			if c.form == JSONPathTemplate && strings.HasSuffix(k, ".$") || c.dynamic(e) {
				continue
			}
			if !e.IsString() {
				c.add(RuleType, ptr+"/"+escape(k), join(name, k), "write it as a text: "+strconv.Quote(e.JSON()),
					"must be a string, not a %s", e.Kind())
			}
		}
		n, counted = v.Len(), "members"
	case "list":
		if !v.IsArray() {
			break
		}
		for i, e := range v.Elems() {
			c.check(s.Of, e, ptr+"/"+strconv.Itoa(i), name+"["+strconv.Itoa(i)+"]")
		}
		n, counted = v.Len(), "elements"
	case "string":
		if !v.IsString() {
			break
		}
		n, counted = utf8.RuneCountInString(v.Str()), "characters"
		if len(s.Enum) > 0 && !slices.Contains(s.Enum, v.Str()) {
			c.add(RuleValue, ptr, name, "", "%q is not one of %s", clip(v.Str()), strings.Join(s.Enum, ", "))
		}
		if s.re != nil && n > 0 && (s.Max == nil || float64(n) <= *s.Max) && !s.re.MatchString(v.Str()) {
			c.add(RuleValue, ptr, name, "", "%q does not match %s", clip(v.Str()), s.re)
		}
	case "boolean":
		if v.IsBool() {
			return
		}
	case "integer", "number":
		if !v.IsNumber() {
			break
		}
		if _, ok := v.Int64(); !ok && s.Type == "integer" {
			break
		}
		if f := v.Float64(); s.Min != nil && f < *s.Min || s.Max != nil && f > *s.Max {
			c.add(RuleValue, ptr, name, "", "%s is not from %g to %g", v.NumberText(), *s.Min, *s.Max)
		}
		return
	}
	if counted == "" {
		article := "a "
		if s.Type == "object" || s.Type == "integer" {
			article = "an "
		}
		c.add(RuleType, ptr, name, "", "must be %s%s, not %s", article, s.Type, describe(v))
		return
	}
	switch {
	case s.Min != nil && float64(n) < *s.Min:
		c.add(RuleValue, ptr, name, "", "has %d %s, fewer than %g", n, counted, *s.Min)
	case s.Max != nil && float64(n) > *s.Max:
		c.add(RuleValue, ptr, name, "", "has %d %s, more than %g", n, counted, *s.Max)
	}
}

func (c *checker) object(s *spec, v value.Value, ptr, name string) {
	has := make(map[string]bool, v.Len())
	for k, e := range v.Members() {
		plain, dynamic := k, false
		if c.form == JSONPathTemplate {
			plain, dynamic = strings.CutSuffix(k, ".$")
		}
		m := s.Members[plain]
		if m == nil {
			hint := ""
			if near := s.near(plain); near != "" {
				hint = "write " + near
			}
			c.add(RuleUnknown, ptr+"/"+escape(k), join(name, plain), hint, "there is no such parameter")
			continue
		}
		has[plain] = true
		if m.Unverified {
			c.problems = append(c.problems, Problem{
				Rule: RuleUnknown, Pointer: ptr + "/" + escape(k), Name: join(name, plain), Warning: true,
				Message: "no AWS document says that Step Functions passes this parameter on",
			})
		}
		if !dynamic {
			c.check(m, e, ptr+"/"+escape(k), join(name, plain))
		}
	}
	for _, k := range s.order {
		m := s.Members[k]
		if m.Required && !has[k] {
			c.add(RuleRequired, ptr, join(name, k), "", "is required but missing")
		}
		if m.With != "" && has[k] && !has[m.With] {
			c.add(RuleWith, ptr, join(name, k), "", "needs %s beside it", m.With)
		}
	}
	if len(s.ExactlyOne) > 0 {
		n := 0
		for _, k := range s.ExactlyOne {
			if has[k] {
				n++
			}
		}
		of := strings.Join(s.ExactlyOne, ", ")
		if i := strings.LastIndex(of, ", "); i >= 0 {
			of = of[:i] + " and " + of[i+2:]
		}
		switch {
		case n == 0 && len(s.ExactlyOne) == 1:
			c.add(RuleRequired, ptr, join(name, of), "", "is required but missing")
		case n == 0:
			c.add(RuleExactlyOne, ptr, name, "", "exactly one of %s must be given, there is none", of)
		case n > 1:
			c.add(RuleExactlyOne, ptr, name, "", "exactly one of %s must be given, there are %d", of, n)
		}
	}
}

// Parameters returns the names of the parameters of an action, sorted, nil if the action
// is not known.
func Parameters(action string) []string {
	if s := parameters().Actions[action]; s != nil {
		return slices.Clone(s.order)
	}
	return nil
}

type spec struct {
	Type       string
	Required   bool
	Unverified bool // a parameter of the API that the integration may not have
	Min, Max   *float64
	Enum       []string
	Pattern    string
	With       string
	ExactlyOne []string
	Members    map[string]*spec
	Of         *spec

	order []string
	re    *regexp.Regexp
}

func (s *spec) near(name string) string {
	for k := range s.Members {
		if strings.EqualFold(k, name) {
			return k
		}
	}
	return ""
}

//go:embed parameters.json
var parametersJSON []byte

type parameterData struct {
	Patterns map[string]string
	Actions  map[string]*spec
}

var parameters = sync.OnceValue(func() *parameterData {
	var d parameterData
	if err := json.Unmarshal(parametersJSON, &d); err != nil {
		panic("bedrock parameters: " + err.Error())
	}
	res := make(map[string]*regexp.Regexp, len(d.Patterns))
	for k, p := range d.Patterns {
		res[k] = regexp.MustCompile(p)
	}
	var finish func(s *spec)
	finish = func(s *spec) {
		if s.Type == "" {
			s.Type = "object"
		}
		if s.Pattern != "" {
			if s.re = res[s.Pattern]; s.re == nil {
				panic("bedrock parameters: no pattern " + s.Pattern)
			}
		}
		for k, m := range s.Members {
			s.order = append(s.order, k)
			finish(m)
		}
		slices.Sort(s.order)
		if s.Of != nil {
			finish(s.Of)
		}
	}
	for _, s := range d.Actions {
		finish(s)
	}
	return &d
})

func join(name, member string) string {
	if name == "" {
		return member
	}
	return name + "." + member
}

func escape(key string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(key)
}

func clip(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	i := most
	for i > 0 && !utf8.RuneStart(s[i]) {
		i--
	}
	return s[:i] + "..."
}

func describe(v value.Value) string {
	if v.IsNumber() {
		return v.NumberText()
	}
	return v.Kind().String()
}
