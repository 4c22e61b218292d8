package enforcement

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/sfnkit/sfnkit/asl"
	"github.com/sfnkit/sfnkit/asl/sdkinput"
	"github.com/sfnkit/sfnkit/asl/value"
	"github.com/sfnkit/sfnkit/emulator"
	"github.com/sfnkit/sfnkit/emulator/calls"
)

// A definition is explored by running it once for each of its Task and distributed Map
// states, along a way that visits the state. Where the way depends on data, it is imposed:
// Choice states lead where the way goes, and tasks fail where it goes through a Catch.
// Everything else is the definition's own. What the data must be to get through is learnt
// from the errors of runs: a path that is not there is added to the input and to every
// answer.

// world is the data that a workflow finds: its input, every item and every answer.
type world struct {
	kinds    map[string]kind // by path: a.b.c
	text     map[string]string
	given    map[string]string // JSON by path
	mode     int               // which wholes are lists, see learnMode
	selected bool              // what states select was learnt
	reader   string            // InputType of the item readers
	inside   bool              // the items are a member of an object
	pairs    bool              // lists have two elements
}

type kind int

const (
	text kind = iota
	list
	number
	object
	given // what the call of an SDK asks for, see world.given
)

func newWorld() *world {
	return &world{kinds: map[string]kind{}, text: map[string]string{}, given: map[string]string{}}
}

// learn adds a path and all its ends, since an answer may be put anywhere: what is found
// at $.result.id may be the id of an answer whose ResultPath is $.result. It reports
// whether that was news.
func (w *world) learn(path string, k kind) bool {
	segments := split(path)
	news := false
	if strings.Contains(path, "[1]") && !w.pairs {
		w.pairs, news = true, true
	}
	for i := range segments {
		key := strings.Join(segments[i:], ".")
		if old, ok := w.kinds[key]; !ok || old != k && k != text {
			w.kinds[key] = k
			news = true
		}
	}
	return news
}

var segment = regexp.MustCompile(`\.(\w[\w-]*)|\['([^']*)'\]|\["([^"]*)"\]|\[([^\]]*)\]`)

// split takes a path apart; an index becomes an empty segment's mark on the one before.
func split(path string) []string {
	var out []string
	for _, g := range segment.FindAllStringSubmatch(path, -1) {
		switch {
		case g[1]+g[2]+g[3] != "":
			out = append(out, g[1]+g[2]+g[3])
		case len(out) > 0 && !strings.HasSuffix(out[len(out)-1], "[]"):
			out[len(out)-1] += "[]"
		}
	}
	return out
}

// value builds the data. Elements of lists have the same members as the whole.
func (w *world) value(depth int) value.Value {
	root := map[string]any{}
	keys := make([]string, 0, len(w.kinds))
	for k := range w.kinds {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b string) int {
		if n := strings.Count(a, ".") - strings.Count(b, "."); n != 0 {
			return n
		}
		return strings.Compare(a, b)
	})
	for _, key := range keys {
		put(root, strings.Split(key, "."), w.leaf(key, depth))
	}
	if w.pairs {
		pair(root)
	}
	raw, err := json.Marshal(root)
	if err != nil {
		panic(err)
	}
	return value.MustParse(string(raw))
}

// depth bounds how often the whole is found within itself.
func (w *world) depth() int {
	if len(w.kinds) > 40 {
		return 0
	}
	return 1
}

func (w *world) members(depth int) map[string]any {
	members := map[string]any{}
	if err := json.Unmarshal(w.value(depth+1).AppendJSON(nil), &members); err != nil {
		panic(err)
	}
	return members
}

// pair gives every list of one element another one.
func pair(v any) {
	switch v := v.(type) {
	case map[string]any:
		for name, m := range v {
			if elements, ok := m.([]any); ok && len(elements) == 1 {
				v[name] = []any{elements[0], elements[0]}
			}
			pair(m)
		}
	case []any:
		for _, e := range v {
			pair(e)
		}
	}
}

func put(at map[string]any, path []string, leaf any) {
	name, isList := strings.CutSuffix(path[0], "[]")
	if len(path) == 1 {
		if isList {
			if _, is := at[name].([]any); !is {
				at[name] = []any{leaf}
			}
			return
		}
		switch at[name].(type) {
		case map[string]any:
			if _, is := leaf.(string); is {
				return // an object is more than a text
			}
		case []any:
			return
		}
		at[name] = leaf
		return
	}
	if isList {
		elements, _ := at[name].([]any)
		if len(elements) == 0 {
			elements = []any{map[string]any{}}
		}
		at[name] = elements
		m, is := elements[0].(map[string]any)
		if !is {
			m = map[string]any{}
			elements[0] = m
		}
		put(m, path[1:], leaf)
		return
	}
	m, is := at[name].(map[string]any)
	if elements, list := at[name].([]any); list && len(elements) > 0 {
		m, is = elements[0].(map[string]any)
	}
	if !is {
		m = map[string]any{}
		at[name] = m
	}
	put(m, path[1:], leaf)
}

func (w *world) leaf(key string, depth int) any {
	last := strings.TrimSuffix(key[strings.LastIndexByte(key, '.')+1:], "[]")
	switch w.kinds[key] {
	case list:
		if depth > w.depth() {
			return []any{"x"}
		}
		if w.mode&listElements != 0 {
			return []any{[]any{w.members(depth)}}
		}
		return []any{w.members(depth)}
	case number:
		return 1
	case given:
		var v any
		if err := json.Unmarshal([]byte(w.given[key]), &v); err != nil {
			panic(err)
		}
		return v
	case object:
		if depth > w.depth() {
			return map[string]any{}
		}
		if w.mode&listSelections != 0 {
			return []any{w.members(depth)}
		}
		return w.members(depth)
	}
	if t, ok := w.text[last]; ok {
		if t == asJSON {
			if depth > w.depth() {
				return "1"
			}
			return w.value(depth + 1).JSON()
		}
		return t
	}
	switch lower := strings.ToLower(last); {
	case strings.Contains(lower, "modelid"), lower == "model":
		return "amazon.titan-embed-text-v2:0"
	case strings.Contains(lower, "s3uri"):
		return "s3://bucket/key"
	}
	return "x"
}

// What errors say is missing.
var (
	missing = regexp.MustCompile(`(?:JSONPath|JsonPath argument for the field|Invalid path|condition path|path) ['"](\$(?:\['[^']*'\]|[^'"])*)['"]|does not reference an input value: (\$\S*)`)
	noList  = regexp.MustCompile(`Reference path "(.*?)" must point to array`)
	reads   = regexp.MustCompile(`\$states\.(?:input|result)((?:\.\w+|\[\d+\])+)`)
	paths   = regexp.MustCompile(`\$(?:\$\.Execution\.Input)?((?:\.\w+|\[\d+\])+)`)
	field   = regexp.MustCompile(`States\.StringToJson\(([^()]*)\)`)
)

// selected is a whole output in JSONata that selects from the result.
var selected = regexp.MustCompile(`^\{%\s*\$states\.result((?:\.\w+)+)\s*%\}$`)

// asJSON stands for the JSON text of the data itself.
const asJSON = "\x00"

// learnFrom learns from the error of a run.
func (w *world) learnFrom(e *emulator.Error) bool {
	if g := noList.FindStringSubmatch(e.Cause); g != nil {
		return w.learnList(g[1])
	}
	news := false
	switch {
	case strings.Contains(e.Cause, "can only be applied to arrays"), strings.Contains(e.Cause, "Expected to find an array"):
		return w.learnList("$")
	case strings.Contains(e.Cause, "Map state input must be an array"), strings.Contains(e.Cause, "Items' must be an array"):
		for _, g := range reads.FindAllStringSubmatch(e.Cause, -1) {
			news = w.learn(g[1], list) || news
		}
		return news || w.learnList("$")
	case strings.Contains(e.Cause, "States.StringToJson"):
		for _, g := range field.FindAllStringSubmatch(e.Cause, -1) {
			if segments := split(g[1]); len(segments) > 0 {
				last := segments[len(segments)-1]
				news = w.learn(g[1], text) || w.text[last] == "" || news
				w.text[last] = asJSON
			}
		}
		return news
	case strings.Contains(e.Cause, "States.Math"):
		for _, g := range paths.FindAllStringSubmatch(e.Cause, -1) {
			news = w.learn(g[1], number) || news
		}
		if news {
			return true
		}
	case strings.Contains(e.Cause, "States.ArrayLength"), strings.Contains(e.Cause, "States.ArrayGetItem"), strings.Contains(e.Cause, "States.Array"):
		for _, g := range paths.FindAllStringSubmatch(e.Cause, -1) {
			news = w.learn(g[1], list) || news
		}
		if news {
			return true
		}
	case strings.Contains(e.Cause, "SecondsPath"):
		for _, g := range paths.FindAllStringSubmatch(e.Cause, -1) {
			news = w.learn(g[1], number) || news
		}
		return news
	case strings.Contains(e.Cause, "Timestamp"):
		for _, g := range paths.FindAllStringSubmatch(e.Cause, -1) {
			segments := split(g[1])
			last := segments[len(segments)-1]
			news = w.learn(g[1], text) || w.text[last] == "" || news
			w.text[last] = "2020-01-01T00:00:00Z"
		}
		return news
	}
	for _, g := range missing.FindAllStringSubmatch(e.Cause, -1) {
		news = w.learn(g[1]+g[2], text) || news
	}
	for _, g := range reads.FindAllStringSubmatch(e.Cause, -1) {
		news = w.learn(g[1], text) || news
	}
	return news
}

var variables = regexp.MustCompile(`\$(\w+(?:\.\w+)*)`)

// learnVariables learns the variables of an expression that has no value.
func (w *world) learnVariables(e *emulator.Error) bool {
	news := false
	for _, g := range variables.FindAllStringSubmatch(e.Cause, -1) {
		news = !strings.HasPrefix(g[1], "states") && w.learn("."+g[1], text) || news
	}
	return news
}

// learnSelections takes what states select out of results for objects.
func (w *world) learnSelections(m *asl.StateMachine) bool {
	if w.selected {
		return false
	}
	w.selected = true
	for s := range m.AllStates {
		selections := []value.Value{s.ResultSelector}
		if s.Type == asl.TypePass {
			selections = append(selections, s.Parameters)
		}
		for _, v := range selections {
			for name, p := range v.Members() {
				if strings.HasSuffix(name, ".$") && p.IsString() && strings.HasPrefix(p.Str(), "$.") {
					if segments := split(p.Str()); len(segments) > 0 && w.kinds[strings.Join(segments, ".")] == text {
						w.learn(p.Str(), object)
					}
				}
			}
		}
	}
	return true
}

func (w *world) learnList(path string) bool {
	return path != "$" && w.learn(path, list)
}

// Wholes that may have to be lists, as bits of a mode.
const (
	listSelections = 1 << iota // of OutputPath and InputPath
	listInput
	listAnswers
	listElements
	allModes
)

func (w *world) whole(bit int) value.Value {
	if w.mode&bit != 0 {
		return value.Array([]value.Value{w.value(0), w.value(0)})
	}
	return w.value(0)
}

// learnDefinition learns what the definition shows: what is selected as a whole output
// must have members of its own.
func (w *world) learnDefinition(m *asl.StateMachine) {
	for s := range m.AllStates {
		if p := s.InputPath; s.Type == asl.TypeMap && p.IsString() && (s.ItemsPath == "" || s.ItemsPath == "$") {
			w.learn(p.Str(), list)
		}
		for _, p := range []value.Value{s.OutputPath, s.InputPath} {
			if p.IsString() && strings.HasPrefix(p.Str(), "$.") && w.kinds[strings.Join(split(p.Str()), ".")] != list {
				w.learn(p.Str(), object)
			}
		}
		if r := s.ItemReader; r != nil && r.ReaderConfig != nil {
			w.reader = r.ReaderConfig.InputType
			if strings.HasPrefix(s.ItemsPath, "$.") {
				w.inside = true
				w.learn(s.ItemsPath, list)
			}
		}
		w.learnCall(s)
		// JSONata makes do without what is not there.
		for _, g := range reads.FindAllStringSubmatch(s.Arguments.JSON(), -1) {
			w.learn(g[1], text)
		}
		whole := []value.Value{s.Output}
		for _, v := range s.Assign.Members() {
			whole = append(whole, v)
		}
		for _, v := range whole {
			if g := selected.FindStringSubmatch(v.Str()); g != nil {
				w.learn(g[1], object)
			}
		}
	}
}

// learnCall learns what the parameters that a state reads from the data must be: the
// service makes no call of an SDK with others.
func (w *world) learnCall(s *asl.State) {
	r := asl.ParseResource(s.Resource)
	if in := sdkinput.Operation(strings.TrimPrefix(r.Service, "aws-sdk:"), r.Action); in != nil && r.Kind == asl.SDK {
		w.learnParameters(s.Parameters, in)
	}
}

func (w *world) learnParameters(params value.Value, in *sdkinput.Structure) {
	for name, p := range params.Members() {
		member := in.Member(strings.TrimSuffix(name, ".$"))
		if member == nil {
			continue
		}
		if inner := in.Structure(member.Type); p.IsObject() && inner != nil {
			w.learnParameters(p, inner)
		}
		if !strings.HasSuffix(name, ".$") || !strings.HasPrefix(p.Str(), "$.") {
			continue
		}
		example := exampleOf(member.Type)
		if example == `"x"` || !w.learn(p.Str(), given) {
			continue
		}
		segments := split(p.Str())
		for i := range segments {
			w.given[strings.Join(segments[i:], ".")] = example
		}
	}
}

// exampleOf is JSON that a member of a type can be.
func exampleOf(t sdkinput.Type) string {
	switch t.Kind() {
	case sdkinput.Integer:
		return "1"
	case sdkinput.Boolean:
		return "true"
	case sdkinput.List:
		return "[" + exampleOf(t.Elem()) + "]"
	case sdkinput.Map:
		return `{"x": ` + exampleOf(t.Elem()) + "}"
	case sdkinput.Object:
		return "{}"
	}
	return `"x"`
}

// way says where a run goes: the next state of Choice states, and the states that fail so
// that one of their catchers is taken.
type way struct {
	next map[string]string
	fail map[string]string // error by Task state
}

type edge struct {
	from, to string
	catch    *asl.Catcher
}

func edges(s *asl.State) []edge {
	var out []edge
	if s.Next != "" {
		out = append(out, edge{s.Name, s.Next, nil})
	}
	if s.Type == asl.TypeChoice {
		for _, r := range s.Choices {
			out = append(out, edge{s.Name, r.Next, nil})
		}
		if s.Default != "" {
			out = append(out, edge{s.Name, s.Default, nil})
		}
	}
	for _, c := range s.Catch {
		out = append(out, edge{s.Name, c.Next, c})
	}
	return out
}

// toEnd gives for each state how far the end is, a Fail state counting as far.
func toEnd(m *asl.StateMachine) map[string]int {
	distance := map[string]int{}
	for _, s := range m.States {
		switch {
		case s.End || s.Type == asl.TypeSucceed:
			distance[s.Name] = 0
		case s.Type == asl.TypeFail:
			distance[s.Name] = 1000
		}
	}
	for range m.States {
		for _, s := range m.States {
			for _, e := range edges(s) {
				if d, ok := distance[e.to]; ok && e.catch == nil {
					if old, has := distance[s.Name]; !has || d+1 < old {
						distance[s.Name] = d + 1
					}
				}
			}
		}
	}
	return distance
}

// pathTo returns the edges from the first state of a machine to a state.
func pathTo(m *asl.StateMachine, target string) ([]edge, bool) {
	from := map[string]edge{}
	seen := map[string]bool{m.StartAt: true}
	queue := []string{m.StartAt}
	for len(queue) > 0 {
		name := queue[0]
		queue = queue[1:]
		if name == target {
			var path []edge
			for name != m.StartAt {
				e := from[name]
				path = append(path, e)
				name = e.from
			}
			slices.Reverse(path)
			return path, true
		}
		s := m.State(name)
		if s == nil {
			continue
		}
		for _, catches := range []bool{false, true} {
			for _, e := range edges(s) {
				if (e.catch != nil) == catches && !seen[e.to] {
					seen[e.to] = true
					from[e.to] = e
					queue = append(queue, e.to)
				}
			}
		}
	}
	return nil, false
}

// wayTo plans a run that visits a state.
func wayTo(m *asl.StateMachine, target string) way {
	w := way{next: map[string]string{}, fail: map[string]string{}}
	var defaults func(m *asl.StateMachine)
	defaults = func(m *asl.StateMachine) {
		distance := toEnd(m)
		for _, s := range m.States {
			if s.Type == asl.TypeChoice {
				best := 1 << 30
				for _, e := range edges(s) {
					if d, ok := distance[e.to]; ok && d < best {
						best = d
						w.next[s.Name] = e.to
					}
				}
			}
			for _, p := range s.Parts() {
				defaults(p)
			}
		}
	}
	defaults(m)
	var visit func(m *asl.StateMachine) bool
	visit = func(m *asl.StateMachine) bool {
		goal := ""
		for _, s := range m.States {
			if s.Name == target {
				goal = s.Name
			}
			for _, p := range s.Parts() {
				if visit(p) {
					goal = s.Name
				}
			}
		}
		if goal == "" {
			return false
		}
		path, _ := pathTo(m, goal)
		for _, e := range path {
			switch s := m.State(e.from); {
			case e.catch != nil:
				name := e.catch.ErrorEquals[0]
				if name == emulator.ErrorALL || name == emulator.ErrorTaskFailed {
					name = "Imposed"
				}
				fails(s, name, w.fail)
			case s.Type == asl.TypeChoice:
				w.next[s.Name] = e.to
			}
		}
		return true
	}
	visit(m)
	return w
}

// fails makes a state fail: of one with parts, all tasks inside.
func fails(s *asl.State, name string, fail map[string]string) {
	if s.Type == asl.TypeTask {
		fail[s.Name] = name
		return
	}
	for _, p := range s.Parts() {
		for inner := range p.AllStates {
			if inner.Type == asl.TypeTask {
				fail[inner.Name] = name
			}
		}
	}
}

// impose returns the definition with its Choice states leading where the way goes.
func impose(m *asl.StateMachine, w way) (*emulator.Machine, error) {
	copied, err := asl.Parse(asl.Print(m))
	if err != nil {
		return nil, err
	}
	for s := range copied.AllStates {
		if s.Type == asl.TypeChoice {
			*s = asl.State{Name: s.Name, Type: asl.TypePass, QueryLanguage: s.QueryLanguage, InputPath: s.InputPath, OutputPath: s.OutputPath, Next: w.next[s.Name]}
		}
	}
	return emulator.Compile(copied)
}

// asked is something that a workflow asked AWS for.
type asked struct {
	call   *emulator.Request
	mapRun *emulator.MapRun
}

func (a asked) String() string {
	if a.mapRun != nil {
		return "map run " + a.mapRun.Label
	}
	return a.call.State + " " + a.call.ARN + " " + a.call.Parameters.JSON()
}

// recorder passes calls through the enforcement and notes them.
type recorder struct {
	next  emulator.Caller
	asked []asked
	state map[string]bool
}

func (r *recorder) Call(ctx context.Context, req *emulator.Request) (emulator.Answer, error) {
	if len(r.asked) > 400 {
		return emulator.Answer{}, errLoop
	}
	copied := *req
	r.asked = append(r.asked, asked{call: &copied})
	r.state[req.State] = true
	return r.next.Call(ctx, req)
}

func (r *recorder) CallMapRun(ctx context.Context, run *emulator.MapRun) *emulator.Error {
	r.asked = append(r.asked, asked{mapRun: run})
	return r.next.(emulator.MapRunCaller).CallMapRun(ctx, run)
}

var errLoop = errors.New("the way leads in a circle")

// anyStore has every object: what a world has, as JSON or CSV.
type anyStore struct{ w *world }

func (s anyStore) Get(_ context.Context, bucket, key string) (io.ReadCloser, emulator.ObjectInfo, error) {
	text := "[" + s.w.value(1).JSON() + "]"
	if s.w.inside {
		text = s.w.value(0).JSON()
	}
	switch s.w.reader {
	case "JSONL":
		text = s.w.value(1).JSON() + "\n"
	case "CSV":
		names, row := "x", "x"
		for k := range s.w.kinds {
			if !strings.ContainsAny(k, ".[") {
				names, row = names+","+k, row+",x"
			}
		}
		text = names + "\n" + row + "\n"
	}
	return io.NopCloser(strings.NewReader(text)), emulator.ObjectInfo{Key: key, Size: int64(len(text)), ETag: "e", LastModified: time.Unix(1, 0)}, nil
}

func (s anyStore) Put(_ context.Context, _, _, _ string, body io.Reader) error {
	_, err := io.Copy(io.Discard, body)
	return err
}

func (s anyStore) List(_ context.Context, _, prefix string, yield func(emulator.ObjectInfo) bool) error {
	yield(emulator.ObjectInfo{Key: prefix + "x", Size: 1, ETag: "e", LastModified: time.Unix(1, 0)})
	return nil
}

// exploration is what became of the runs of a definition.
type exploration struct {
	asked   []asked
	visited map[string]bool
	ended   int // runs that came to an end of the definition's own
	runs    int
	stuck   []string // why runs did not
	alone   []string // states that no run came to, tested by themselves
}

// explore runs a definition along a way to each state that asks AWS for something.
func explore(m *asl.StateMachine, info emulator.Info, e calls.Enforcement) exploration {
	x := exploration{visited: map[string]bool{}}
	w := newWorld()
	w.learnDefinition(m)
	var targets []string
	for s := range m.AllStates {
		if s.Type == asl.TypeTask || s.Distributed() {
			targets = append(targets, s.Name)
		}
	}
	if len(targets) == 0 {
		targets = []string{m.StartAt}
	}
	for _, target := range targets {
		if x.visited[target] {
			continue
		}
		a := wayTo(m, target)
		machine, err := impose(m, a)
		if err != nil {
			x.stuck = append(x.stuck, err.Error())
			break
		}
		x.runs++
		var last string
		good := w.mode // of the way before
		done := false
		for mode := range allModes {
			w.mode = mode ^ good
			done, last = x.run(m, target, machine, info, e, a, w)
			if done || strings.Contains(last, errLoop.Error()) {
				break
			}
		}
		if !done {
			w.mode = good
			x.stuck = append(x.stuck, target+": "+last)
		}
	}
	for _, target := range targets {
		s := stateOf(m, target)
		switch {
		case s.Distributed() && !slices.ContainsFunc(x.asked, func(a asked) bool { return a.mapRun != nil && (s.Label == "" || a.mapRun.Label == s.Label) }):
			x.runAlone(m, s, info, e)
		case s.Type == asl.TypeTask && !x.visited[target]:
			x.ask(m, target, info)
		}
	}
	for _, a := range x.asked {
		// A model that is known only at run time may be a provisioned one.
		if a.call != nil && strings.HasSuffix(a.call.ARN, ":bedrock:invokeModel") && strings.HasPrefix(stateOf(m, a.call.State).Parameters.Get("ModelId.$").Str(), "$") {
			other := *a.call
			other.Parameters = other.Parameters.With("ModelId", value.String("arn:aws:bedrock:"+info.Region+":"+info.Account+":provisioned-model/abcdefghijkl"))
			x.asked = append(x.asked, asked{call: &other})
		}
	}
	return x
}

// run runs a definition along a way as long as its errors teach something. It reports
// whether the last run came to an end, and else why not.
func (x *exploration) run(m *asl.StateMachine, target string, machine *emulator.Machine, info emulator.Info, e calls.Enforcement, a way, w *world) (bool, string) {
	for {
		r := &recorder{state: map[string]bool{}}
		answer := w.whole(listAnswers)
		r.next = calls.Enforce(e, emulator.CallerFunc(func(_ context.Context, req *emulator.Request) (emulator.Answer, error) {
			if name, ok := a.fail[req.State]; ok {
				return emulator.Answer{}, emulator.NewError(name, `{"errorMessage": "imposed"}`)
			}
			return emulator.Answer{Output: answer}, nil
		}))
		var failed []*emulator.Error
		result, err := emulator.Run(context.Background(), machine, w.whole(listInput), emulator.Options{
			Info: info, Caller: r, Store: anyStore{w}, Limits: &emulator.Limits{Events: 4000},
			OnChild: func(c *emulator.Execution) {
				if c.Err() != nil {
					failed = append(failed, c.Err())
				}
			},
		})
		done, why := judge(result, err, failed)
		x.note(r)
		if done && came(m, target, r) {
			x.ended++
			return true, ""
		}
		if done { // an error of the data was caught
			return false, "ends without coming to the state"
		}
		if err != nil {
			return false, why
		}
		learnt := false
		for _, f := range append(failed, result.Execution.Err()) {
			learnt = learnt || f != nil && (w.learnFrom(f) || f.Name == emulator.ErrorQueryEvaluation && w.learnVariables(f))
		}
		if !learnt && !w.learnSelections(m) || len(w.kinds) > 300 {
			return false, why
		}
	}
}

// came reports whether a run has asked for what a state asks for.
func came(m *asl.StateMachine, target string, r *recorder) bool {
	s := stateOf(m, target)
	if s.Distributed() {
		return slices.ContainsFunc(r.asked, func(a asked) bool { return a.mapRun != nil && (s.Label == "" || a.mapRun.Label == s.Label) })
	}
	return s.Type != asl.TypeTask || r.state[target]
}

func stateOf(m *asl.StateMachine, name string) *asl.State {
	for s := range m.AllStates {
		if s.Name == name {
			return s
		}
	}
	return &asl.State{}
}

// ask notes the call of a single Task state, tested by itself.
func (x *exploration) ask(m *asl.StateMachine, target string, info emulator.Info) {
	machine, err := emulator.CompileState(m)
	if err != nil {
		return
	}
	prefix := "arn:" + info.Partition + ":states:" + info.Region + ":" + info.Account
	info.ARN = prefix + ":execution:" + info.StateMachineName + ":run"
	info.StateMachineARN = prefix + ":stateMachine:" + info.StateMachineName
	info.RoleARN = "arn:" + info.Partition + ":iam::" + info.Account + ":role/workflow"
	for mode := range allModes {
		w := newWorld()
		w.mode = mode
		w.learnCall(stateOf(m, target))
		for {
			r, ok := machine.TestState(target, emulator.StateTest{Info: info, Input: w.whole(listInput), Variables: w.value(0),
				Sources: emulator.Sources{Rand: rand.New(rand.NewPCG(1, 1)), UUID: func() string { return "u" }}})
			if ok && r.Request != nil {
				x.asked = append(x.asked, asked{call: r.Request})
				x.alone = append(x.alone, target)
				x.visited[target] = true
				return
			}
			if !ok || r.Error == nil || !w.learnFrom(r.Error) && !w.learnVariables(r.Error) {
				break
			}
		}
	}
}

// runAlone runs a distributed Map state that no run came to, as a definition of its own.
func (x *exploration) runAlone(m *asl.StateMachine, s *asl.State, info emulator.Info, e calls.Enforcement) {
	only := *s
	only.Next, only.End, only.Catch, only.Retry = "", true, nil, nil
	alone := &asl.StateMachine{QueryLanguage: m.QueryLanguage, StartAt: s.Name, States: []*asl.State{&only}}
	a := wayTo(alone, s.Name)
	machine, err := impose(alone, a)
	if err != nil {
		return
	}
	x.alone = append(x.alone, s.Name)
	ended := x.ended
	for mode := range allModes {
		w := newWorld()
		w.mode = mode
		w.learnDefinition(alone)
		if done, _ := x.run(alone, s.Name, machine, info, e, a, w); done {
			break
		}
	}
	x.ended = ended // not a run of the whole
}

// note keeps what a run asked for, each thing once.
func (x *exploration) note(r *recorder) {
	for name := range r.state {
		x.visited[name] = true
	}
	seen := map[string]bool{}
	for _, a := range x.asked {
		seen[a.String()] = true
	}
	for _, a := range r.asked {
		if !seen[a.String()] {
			seen[a.String()] = true
			x.asked = append(x.asked, a)
		}
	}
}

// judge tells whether a run came to an end of the definition's own: success or a Fail state.
func judge(r *emulator.Result, err error, children []*emulator.Error) (bool, string) {
	if err != nil {
		return false, err.Error()
	}
	x := r.Execution
	if x.Status() == emulator.Succeeded {
		return true, ""
	}
	var last emulator.EventType
	for e := range x.History().All {
		if e.Type == emulator.FailStateEntered {
			last = e.Type
		}
	}
	if e := x.Err(); e != nil {
		if last == emulator.FailStateEntered && !strings.HasPrefix(e.Name, "States.") {
			return true, ""
		}
		why := e.Error()
		if len(children) > 0 {
			why += "; " + children[0].Error()
		}
		return false, why
	}
	return false, "no end"
}
