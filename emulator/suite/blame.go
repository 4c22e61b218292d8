package suite

import (
	"strconv"
	"strings"

	"github.com/sfnkit/sfnkit/asl"
	"github.com/sfnkit/sfnkit/asl/value"
	"github.com/sfnkit/sfnkit/emulator"
)

// setter returns the state that gave a part of the output the value that it has, also
// inside of Map and Parallel states; "" if it came with the input of the execution, or
// never was.
func (x *Outcome) setter(d Difference) string {
	b := &blame{x: x, final: lookup(x.Execution.Output(), d.Pointer)}
	b.place()
	return b.setter(b.root, d.Pointer)
}

// blame looks for the origin of a value in a history.
type blame struct {
	x      *Outcome
	final  value.Value
	root   *scope
	scopes []*scope // in the order in which they begin
	at     []*scope // of the events
}

// scope is an execution, or an iteration or branch in it.
type scope struct {
	outer     *scope
	container string // the state that it is part of
	index     int    // which iteration or branch
	depth     int
}

// up returns the scope at a depth that s is part of.
func (s *scope) up(depth int) *scope {
	for s.depth > depth {
		s = s.outer
	}
	return s
}

// nesting is where a state stands in the definition.
type nesting struct {
	state  *asl.State
	outer  *asl.State // nil at the top
	branch int
	depth  int
}

func nestings(m *asl.StateMachine) map[string]nesting {
	all := map[string]nesting{}
	var walk func(m *asl.StateMachine, outer *asl.State, branch, depth int)
	walk = func(m *asl.StateMachine, outer *asl.State, branch, depth int) {
		for _, s := range m.States {
			all[s.Name] = nesting{s, outer, branch, depth}
			for i, p := range s.Parts() {
				walk(p, s, i, depth+1)
			}
		}
	}
	walk(m, nil, 0, 0)
	return all
}

// place finds out which iteration or branch each event belongs to. An event belongs to that
// of the one it follows, but for those that begin one; and the end of a Map or Parallel
// state follows an event inside of it.
func (b *blame) place() {
	where := nestings(b.x.coverage.machine)
	b.root = &scope{}
	begin := func(outer *scope, container string, index int) *scope {
		s := &scope{outer: outer, container: container, index: index, depth: outer.depth + 1}
		b.scopes = append(b.scopes, s)
		return s
	}
	for e := range b.x.Execution.History().All {
		s := b.root
		if e.PreviousID > 0 {
			s = b.at[e.PreviousID-1]
		}
		n := where[e.Name]
		switch {
		case e.Type == emulator.MapIterationStarted:
			s = begin(s.up(n.depth), e.Name, int(e.Index))
		case entered(e.Type) && n.outer != nil && n.outer.Type == asl.TypeParallel && s.depth < n.depth:
			s = begin(s, n.outer.Name, n.branch)
		case entered(e.Type), exited(e.Type):
			s = s.up(n.depth)
		}
		b.at = append(b.at, s)
	}
}

// setter returns the last state of a scope whose output has the value at a place and whose
// input does not.
func (b *blame) setter(in *scope, pointer string) string {
	same := func(v value.Value) bool {
		got := lookup(v, pointer)
		return got.IsAbsent() && b.final.IsAbsent() || value.Equal(got, b.final)
	}
	state := ""
	inputs := map[string]value.Value{}
	i := -1
	for e := range b.x.Execution.History().All {
		if i++; b.at[i] != in {
			continue
		}
		switch {
		case entered(e.Type):
			inputs[e.Name] = e.Value
		case exited(e.Type) && same(e.Value) && !same(inputs[e.Name]):
			state = e.Name
		}
	}
	if inner := b.inside(in, state, pointer); inner != "" {
		return inner
	}
	return state
}

// inside goes on in the iteration or branch of a state that the value comes from, if the
// state hands on its results as they are.
func (b *blame) inside(in *scope, state, pointer string) string {
	s := nestings(b.x.coverage.machine)[state].state
	if s == nil || len(s.Parts()) == 0 || !s.ResultSelector.IsAbsent() || !s.Output.IsAbsent() || !s.OutputPath.IsAbsent() {
		return ""
	}
	result := ""
	if path := s.ResultPath.Str(); path != "" && path != "$" {
		if !strings.HasPrefix(path, "$.") || strings.ContainsAny(path, "[]'\"") {
			return ""
		}
		result = "/" + strings.ReplaceAll(escape(path[2:]), ".", "/")
	}
	rest, ok := strings.CutPrefix(pointer, result+"/")
	if !ok {
		return ""
	}
	number, rest, deeper := strings.Cut(rest, "/")
	index, err := strconv.Atoi(number)
	if err != nil {
		return ""
	}
	if deeper {
		rest = "/" + rest
	}
	for i := len(b.scopes) - 1; i >= 0; i-- {
		if c := b.scopes[i]; c.outer == in && c.container == state && c.index == index {
			return b.setter(c, rest)
		}
	}
	return ""
}
