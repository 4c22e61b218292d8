package emulator

import (
	"context"
	"errors"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/sfnkit/sfnkit/asl/jsonata"
	"github.com/sfnkit/sfnkit/asl/value"
)

// query is a field of a JSONata state: any JSON value in which strings of the form
// {% ... %} are expressions.
type query struct {
	field string
	node  queryNode
}

type queryNode struct {
	constant value.Value // Absent for the others
	expr     *jsonata.Expr
	text     string // of the expression
	at       string // its location, such as Output/values[0]
	context  bool   // whether $states.context may be looked at
	shape    *value.Shape
	list     bool
	parts    []queryNode
}

// isQuery reports whether a string is a JSONata expression rather than text.
func isQuery(s string) bool {
	return len(s) >= 4 && strings.HasPrefix(s, "{%") && strings.HasSuffix(s, "%}")
}

func compileQuery(field string, v value.Value) (*query, error) {
	n, err := compileNode(field, v)
	if err != nil {
		return nil, err
	}
	return &query{field: field, node: n}, nil
}

func compileNode(at string, v value.Value) (queryNode, error) {
	switch v.Kind() {
	case value.KindString:
		if !isQuery(v.Str()) {
			break
		}
		s := v.Str()
		text := strings.TrimSpace(s[2 : len(s)-2])
		expr, err := jsonata.Compile(text, jsonata.StepFunctions())
		if err != nil {
			return queryNode{}, err
		}
		return queryNode{expr: expr, text: text, at: at, context: usesStatesContext(expr)}, nil
	case value.KindArray, value.KindObject:
		dynamic := false
		parts := make([]queryNode, v.Len())
		for i, e := range v.Elems() {
			place := at + "[" + strconv.Itoa(i) + "]"
			if v.IsObject() {
				place = at + "/" + v.Key(i)
			}
			n, err := compileNode(place, e)
			if err != nil {
				return queryNode{}, err
			}
			dynamic = dynamic || n.constant.IsAbsent()
			parts[i] = n
		}
		if !dynamic {
			break
		}
		return queryNode{shape: v.Shape(), list: v.IsArray(), parts: parts}, nil
	}
	return queryNode{constant: v}, nil
}

// usesStatesContext is false if an expression only ever looks at other fields of $states:
// the context object is then not built.
func usesStatesContext(x *jsonata.Expr) bool {
	for _, r := range x.Variables() {
		if r.Name == "states" && r.Field != "input" && r.Field != "result" && r.Field != "errorOutput" {
			return true
		}
	}
	return false
}

// query evaluates a field. A failure is a States.QueryEvaluationError with a location.
func (v *view) query(q *query) (value.Value, *Error) { return v.node(&q.node) }

func (v *view) node(n *queryNode) (value.Value, *Error) {
	switch {
	case n.expr != nil:
		return v.eval(n)
	case n.parts == nil:
		return n.constant, nil
	}
	vals := make([]value.Value, len(n.parts))
	for i := range n.parts {
		got, err := v.node(&n.parts[i])
		if err != nil {
			return value.Value{}, err
		}
		vals[i] = got
	}
	if n.list {
		return value.Array(vals), nil
	}
	return value.ObjectOf(n.shape, vals), nil
}

func (v *view) eval(n *queryNode) (value.Value, *Error) {
	v.withContext = n.context
	src := &v.x.sources
	env := jsonata.Env{Vars: v, UUID: src.UUID, Now: func() time.Time { return time.UnixMilli(v.x.now).UTC() }}
	if src.Rand != nil {
		env.Random = src.Rand.Float64
	}
	out, err := n.expr.Eval(context.Background(), value.Value{}, &env)
	if err != nil {
		text := err.Error()
		var je *jsonata.Error
		sep := ". "
		if errors.As(err, &je) && je.Limit != jsonata.NoLimit {
			text, sep = je.Message, ": "
		}
		return out, v.failedAt(n, "threw an error during evaluation"+sep+text)
	}
	if out.IsAbsent() {
		return out, v.failedAt(n, "returned nothing (undefined).")
	}
	if jsonata.HasFunction(out) {
		return out, v.failedAt(n, "returned an unsupported result type.")
	}
	return leaving(out), nil
}

// leaving gives a value the numbers that it has when it leaves an expression. They were
// doubles inside, integers of 64 bits excepted: 1.0 leaves as 1, and what is too large for
// 64 bits as Java prints doubles, 9.223372036854776E18 (reported by the tests of another
// emulator, floci-io/floci, 2026-08). Values without such numbers are not copied.
func leaving(v value.Value) value.Value {
	switch v.Kind() {
	case value.KindNumber:
		if v.IsInt() {
			return v
		}
		f := v.Float64()
		switch abs := math.Abs(f); {
		case math.IsInf(f, 0): // a number in the input that no double can hold
			return v
		case abs >= 1<<63:
			n, _ := value.Number(javaLarge(f))
			return n
		case abs >= 1<<53:
			return value.Int(int64(f))
		}
		return v.Canonical()
	case value.KindArray, value.KindObject:
		var vals []value.Value
		for i, e := range v.Elems() {
			switch e.Kind() {
			case value.KindNumber, value.KindArray, value.KindObject:
				if got := leaving(e); vals != nil || changed(got, e) {
					if vals == nil {
						vals = append(make([]value.Value, 0, v.Len()), v.Elems()...)
					}
					vals[i] = got
				}
			}
		}
		if vals != nil {
			if v.IsArray() {
				return value.Array(vals)
			}
			return value.ObjectOf(v.Shape(), vals)
		}
	}
	return v
}

// javaLarge prints a double of 10^7 or more as Java does: 1.0E19.
func javaLarge(f float64) string {
	digits, exponent, _ := strings.Cut(strconv.FormatFloat(f, 'E', -1, 64), "E+")
	if !strings.Contains(digits, ".") {
		digits += ".0"
	}
	return digits + "E" + strings.TrimLeft(exponent, "0")
}

// changed reports whether leaving made another value.
func changed(a, b value.Value) bool {
	if a.IsNumber() {
		return a.IsInt() != b.IsInt() || a.NumberText() != b.NumberText()
	}
	return !value.Same(a, b)
}

// failedAt is the error of an expression, in the service's sentence.
func (v *view) failedAt(n *queryNode, what string) *Error {
	e := v.x.located(v.t, NewError(ErrorQueryEvaluation,
		"The JSONata expression '"+n.text+"' specified for the field '"+n.at+"' "+what))
	e.evaluation, e.location = true, n.at
	return e
}

// failed is an error about a field's value; the sentence is its whole text.
func (v *view) failed(q *query, sentence string) *Error {
	e := v.x.located(v.t, NewError(ErrorQueryEvaluation, sentence))
	e.evaluation, e.location = true, q.field
	return e
}

// unexpected is the error of a field that gave a value of the wrong type.
func (v *view) unexpected(q *query, want string, got value.Value) *Error {
	what := "returned an unexpected result type. Expected '" + want + "', but was '" + typeName(got) + "' for value: " + got.JSON()
	if q.node.expr != nil {
		return v.failedAt(&q.node, what)
	}
	return v.failed(q, "The field '"+q.field+"' "+what)
}

func typeName(v value.Value) string { return v.Kind().String() }

// view is what an expression of a state can see.
type view struct {
	x    *Execution
	t    *thread
	root value.Value // $ in JSONPath mode

	result      value.Value // $states.result
	errorOutput value.Value // $states.errorOutput
	hasResult   bool
	hasError    bool
	catcher     int    // 1 and up inside Catch
	token       string // the task token, while the task's parameters are evaluated

	selecting bool // an ItemSelector is evaluated, for this item:
	index     int32
	item      Item

	withContext bool
}

// viewOf returns a view for the one evaluation at a time that most states need. It is
// only good until the next call.
func (x *Execution) viewOf(t *thread, root value.Value) *view {
	w := x.work()
	w.view = view{x: x, t: t, root: root}
	return &w.view
}

var (
	statesInput       = value.NewShape([]string{"input"})
	statesContext     = value.NewShape([]string{"input", "context"})
	statesResult      = value.NewShape([]string{"input", "result"})
	statesResultAll   = value.NewShape([]string{"input", "result", "context"})
	statesError       = value.NewShape([]string{"input", "errorOutput"})
	statesErrorAll    = value.NewShape([]string{"input", "errorOutput", "context"})
	executionShape    = value.NewShape([]string{"Id", "Input", "StartTime", "Name", "RoleArn", "RedriveCount"})
	redrivenShape     = value.NewShape([]string{"Id", "Input", "StartTime", "Name", "RoleArn", "RedriveCount", "RedriveTime"})
	expressShape      = value.NewShape([]string{"Id", "Input", "StartTime", "Name", "RoleArn"})
	machineShape      = value.NewShape([]string{"Id", "Name"})
	stateShape        = value.NewShape([]string{"Name", "EnteredTime"})
	taskStateShape    = value.NewShape([]string{"Name", "EnteredTime", "RetryCount"})
	contextShape      = value.NewShape([]string{"Execution", "StateMachine", "State"})
	contextTaskShape  = value.NewShape([]string{"Execution", "StateMachine", "State", "Task"})
	contextMapShape   = value.NewShape([]string{"Execution", "StateMachine", "State", "Map"})
	contextFullShape  = value.NewShape([]string{"Execution", "StateMachine", "State", "Task", "Map"})
	contextTokenShape = value.NewShape([]string{"Token"})
	contextItemShape  = value.NewShape([]string{"Item"})
)

// Lookup implements jsonata.Bindings: $states and the variables.
func (v *view) Lookup(name string) (value.Value, bool) {
	if name != "states" {
		return v.t.vars.lookup(name)
	}
	in := v.t.input
	shape, vals := statesInput, []value.Value{in}
	switch {
	case v.hasResult:
		shape, vals = statesResult, []value.Value{in, v.result}
		if v.withContext {
			shape = statesResultAll
		}
	case v.hasError:
		shape, vals = statesError, []value.Value{in, v.errorOutput}
		if v.withContext {
			shape = statesErrorAll
		}
	case v.withContext:
		shape = statesContext
	}
	if v.withContext {
		vals = append(vals, v.Context())
	}
	return value.ObjectOf(shape, vals), true
}

// Context returns the context object.
func (v *view) Context() value.Value {
	x, t := v.x, v.t
	if x.probe() != nil && !x.probe().test.Context.IsAbsent() {
		return x.probe().test.Context
	}
	w := x.work()
	if w.execPart.IsAbsent() {
		role := value.String(x.shared.RoleARN)
		if x.shared.RoleARN == "" {
			role = value.Null
		}
		vals := []value.Value{value.String(x.arn), x.input, timeText(x.begun()), value.String(x.name()), role}
		shape := expressShape
		// An express execution can only be redriven as a child of a map run.
		if !x.shared.Express || x.shared.MapRun != "" {
			shape = executionShape
			vals = append(vals, value.Int(int64(x.redrives)))
		}
		if x.redriven > 0 {
			shape = redrivenShape
			vals = append(vals, timeText(x.history.At(int(x.redriven)-1).Time))
		}
		w.execPart = value.ObjectOf(shape, vals)
	}
	machine := value.ObjectOf(machineShape, []value.Value{value.String(x.shared.StateMachineARN), value.String(x.shared.StateMachineName)})
	s := t.current()
	name := x.stateName(t)
	st := value.ObjectOf(stateShape, []value.Value{value.String(name), timeText(t.enteredAt)})
	if s.typ == "Task" || s.typ == "Parallel" || s.typ == "Map" {
		st = value.ObjectOf(taskStateShape, []value.Value{value.String(name), timeText(t.enteredAt), value.Int(t.retryCount())})
	}
	vals := append(make([]value.Value, 0, 5), w.execPart, machine, st)
	shape := contextShape
	if v.token != "" {
		shape = contextTaskShape
		vals = append(vals, value.ObjectOf(contextTokenShape, []value.Value{value.String(v.token)}))
	}
	if index, item, ok := v.iteration(); ok {
		if shape = contextMapShape; v.token != "" {
			shape = contextFullShape
		}
		vals = append(vals, value.ObjectOf(contextItemShape, []value.Value{item.context(index)}))
	}
	return value.ObjectOf(shape, vals)
}

// context is what the context object tells of an item: only of those of a distributed Map
// where they come from (recorded, published in github.com/gabrielmoreira/tiny-asl-machine,
// Feature.JsonataScopeSource-003), and only of members of an object under which name they
// stand (https://docs.aws.amazon.com/step-functions/latest/dg/input-output-contextobject.html;
// that Value is then the bare value: floci-io/floci pull request 1588, observed 2026-07).
func (item Item) context(index int32) value.Value {
	names, vals := []string{"Index"}, []value.Value{value.Int(int64(index))}
	v := item.Value
	if item.Pair {
		names, vals = append(names, "Key"), append(vals, v.Get("Key"))
		v = v.Get("Value")
	}
	names, vals = append(names, "Value"), append(vals, v)
	if item.Source != "" {
		names, vals = append(names, "Source"), append(vals, value.String(item.Source))
	}
	return value.Object(names, vals)
}

// stateName returns the name that the service has for a thread's state.
func (x *Execution) stateName(t *thread) string {
	if x.probe() != nil {
		return "StateName" // whichever state of a definition is tested, as recorded
	}
	return t.current().name
}

// begun returns the time at which the execution began; a state under test has no history.
func (x *Execution) begun() int64 {
	if x.probe() != nil {
		return x.probe().test.Now
	}
	return x.Started()
}

// iteration returns the item of the innermost Map that the state is part of.
func (v *view) iteration() (int32, Item, bool) {
	if v.selecting {
		return v.index, v.item, true
	}
	for t := v.t; t != nil; t = t.outer() {
		if t.fork != nil && t.fork.isMap {
			return t.index, Item{Value: t.fork.items[t.index]}, true
		}
	}
	return 0, Item{}, false
}

func (t *thread) outer() *thread {
	if t.fork == nil {
		return nil
	}
	return t.fork.owner
}

// timeText is a time as the context object has it: without a fraction of zero
// (https://docs.aws.amazon.com/step-functions/latest/dg/input-output-contextobject.html,
// "Timestamp format with fractional seconds").
func timeText(ms int64) value.Value {
	layout := "2006-01-02T15:04:05.000Z"
	if ms%1000 == 0 {
		layout = "2006-01-02T15:04:05Z"
	}
	return value.String(time.UnixMilli(ms).UTC().Format(layout))
}

// located puts the place of the error in front of its cause.
func (x *Execution) located(t *thread, e *Error) *Error {
	if x.probe() != nil {
		return e // the only cause recorded from TestState has no such sentence
	}
	e.Cause = "An error occurred while executing the state '" + t.current().name + "' (entered at the event id #" +
		strconv.Itoa(int(t.entered)) + "). " + e.Cause
	return e
}

// number evaluates a numeric field; Absent if there is none. It is not checked.
func (v *view) number(n *number) (value.Value, *Error) {
	switch {
	case n == nil:
		return value.Value{}, nil
	case n.path != nil:
		got, err := n.path.Eval(v.rootOf(n.path))
		if err != nil {
			return got, v.x.invalidPath(v.t, n.path, err)
		}
		return got, nil
	case n.query != nil:
		got, err := v.query(n.query)
		if err == nil && !got.IsNumber() {
			err = v.unexpected(n.query, "number", got)
		}
		return got, err
	}
	return n.literal, nil
}

// count evaluates a field that is a whole number; 0 if it is absent.
func (v *view) count(n *number) (int64, *Error) {
	got, err := v.number(n)
	if err != nil || got.IsAbsent() {
		return 0, err
	}
	if n.query == nil {
		got = numeric(got)
	}
	i, whole := got.Int64()
	switch {
	case n.query != nil && !whole:
		return 0, v.notInteger(n, got)
	case n.query != nil && i < 0:
		return 0, v.failed(n.query, n.field+" cannot be negative.")
	}
	if !whole {
		return 0, v.x.located(v.t, runtimeError("The %sPath field refers to value \"%s\" which is not a valid integer: %s", n.field, plainText(got), n.text))
	}
	if i < 0 {
		return 0, v.x.located(v.t, runtimeError("%s cannot be negative.", n.field))
	}
	return i, nil
}

// numeric returns the number that a string spells: the service takes "1" for 1 where a
// path leads to a whole number or a percentage.
func numeric(v value.Value) value.Value {
	if v.IsString() {
		if n, ok := value.Number(v.Str()); ok {
			return n
		}
	}
	return v
}

// percentage evaluates ToleratedFailurePercentage; -1 if it is absent.
func (v *view) percentage(n *number) (float64, *Error) {
	got, err := v.number(n)
	if err != nil || got.IsAbsent() {
		return -1, err
	}
	got = numeric(got)
	if !got.IsNumber() {
		return 0, v.x.located(v.t, runtimeError("The %sPath field refers to value \"%s\" which is not a valid float: %s", n.field, plainText(got), n.text))
	}
	f := got.Float64()
	outside := f < 0 || f > 100 || math.IsNaN(f)
	if outside && n.query != nil {
		return 0, v.failed(n.query, n.field+" must be between 0 and 100.")
	}
	if outside {
		return 0, v.x.located(v.t, runtimeError("%s must be between 0 and 100.", n.field))
	}
	return f, nil
}

// period evaluates TimeoutSeconds or HeartbeatSeconds; 0 if it is absent.
func (v *view) period(n *number) (int64, *Error) {
	got, err := v.number(n)
	if err != nil || got.IsAbsent() {
		return 0, err
	}
	i, whole := got.Int64()
	switch {
	case n.query != nil && !whole:
		return 0, v.notInteger(n, got)
	case n.query != nil && (i < 0 || i > maxWait):
		return 0, v.failed(n.query, n.field+" must be between 0 and 99999999 but was: "+got.JSON())
	}
	if !whole || i <= 0 {
		if n.path != nil {
			return 0, v.x.located(v.t, runtimeError("The %sPath parameter must reference a positive integer: %s == %s", n.field, n.text, plainText(got)))
		}
		if n.query != nil {
			return 0, v.failed(n.query, "The "+n.field+" field must be a positive integer but was: "+got.JSON())
		}
	}
	return i, nil
}

// notInteger is the error of an expression whose number has a fraction. That a number which
// its field cannot take is an error of the query is documented
// (https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html, "Handling
// expression errors"). The words were recorded of TimeoutSeconds (published in
// github.com/gabrielmoreira/tiny-asl-machine, Feature.JSONataValidation-010, and -008 for
// those of negative ones); the fields of a Map are taken to have them and those of their
// paths.
func (v *view) notInteger(n *number, got value.Value) *Error {
	return v.failed(n.query, "The "+n.field+" field cannot be parsed as an integer: "+got.JSON())
}
