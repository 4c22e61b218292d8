package suite

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/sfnkit/sfnkit/asl"
	"github.com/sfnkit/sfnkit/asl/value"
	"github.com/sfnkit/sfnkit/emulator"
)

// Kind is what an item of a definition is that can be covered.
type Kind string

// The kinds, in the order in which they are reported.
const (
	States      Kind = "states"       // entered
	Transitions Kind = "transitions"  // taken: each Next and Default that stands in the definition
	ChoiceRules Kind = "choice rules" // chosen: the rules of Choices, and Default
	Retriers    Kind = "retriers"     // that made a state try again
	Catchers    Kind = "catchers"     // that caught an error
)

// Kinds returns all kinds in their order.
func Kinds() []Kind { return []Kind{States, Transitions, ChoiceRules, Retriers, Catchers} }

// Item is a part of a definition that can be covered.
type Item struct {
	Kind     Kind
	State    string
	What     string // such as Choices[0]; "" for the state itself
	Next     string // where a transition leads
	Location string // in the definition, as in diagnostics: /States/A/Choices[0]
	Position asl.Position
	Hits     int
}

// String describes the item, such as: state "A" Choices[0] to "B".
func (i Item) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "state %q", i.State)
	if i.What != "" {
		b.WriteString(" " + i.What)
	}
	if i.Next != "" {
		fmt.Fprintf(&b, " to %q", i.Next)
	}
	return b.String()
}

// Coverage runs a definition and counts which of its parts are reached. It is safe for
// concurrent use.
type Coverage struct {
	Definition string // its name, for reports

	machine   *asl.StateMachine
	locations map[string]string // of the states
	mu        sync.Mutex
	items     []Item
	states    map[string]int // place in items
	decisions map[place]int
}

// place is what a decision tells about.
type place struct {
	kind Kind
	emulator.Decision
}

// NewCoverage returns the coverage of a definition by no execution. The name is that of its
// file, for messages; it may be empty.
func NewCoverage(name string, m *asl.StateMachine) *Coverage {
	where := locations(m)
	c := &Coverage{Definition: name, machine: m, locations: where, states: map[string]int{}, decisions: map[place]int{}}
	source := m.Source()
	add := func(kind Kind, s *asl.State, what, next string) int {
		at := where[s.Name]
		if what != "" {
			at += "/" + what
		}
		c.items = append(c.items, Item{Kind: kind, State: s.Name, What: what, Next: next, Location: at, Position: source.Position(at)})
		return len(c.items) - 1
	}
	decide := func(kind Kind, d emulator.DecisionKind, s *asl.State, index int, what, next string) {
		c.decisions[place{kind, emulator.Decision{Kind: d, State: s.Name, Index: index}}] = add(kind, s, what, next)
	}
	for s := range m.AllStates {
		c.states[s.Name] = add(States, s, "", "")
		if s.Next != "" {
			decide(Transitions, emulator.TookNext, s, 0, "Next", s.Next)
		}
		for i, r := range s.Choices {
			what := fmt.Sprintf("Choices[%d]", i)
			decide(Transitions, emulator.ChoseRule, s, i, what+"/Next", r.Next)
			decide(ChoiceRules, emulator.ChoseRule, s, i, what, r.Next)
		}
		if s.Default != "" {
			decide(Transitions, emulator.ChoseRule, s, -1, "Default", s.Default)
			decide(ChoiceRules, emulator.ChoseRule, s, -1, "Default", s.Default)
		}
		for i := range s.Retry {
			decide(Retriers, emulator.Retried, s, i, fmt.Sprintf("Retry[%d]", i), "")
		}
		for i, r := range s.Catch {
			what := fmt.Sprintf("Catch[%d]", i)
			decide(Transitions, emulator.Caught, s, i, what+"/Next", r.Next)
			decide(Catchers, emulator.Caught, s, i, what, r.Next)
		}
	}
	return c
}

// Run is [emulator.Run] of the definition, compiled, and counts what the execution and its
// child executions reach. There is an outcome even if there is an error.
func (c *Coverage) Run(ctx context.Context, m *emulator.Machine, input value.Value, o emulator.Options) (*Outcome, error) {
	hits := map[int]int{}
	states := func(x *emulator.Execution) {
		for e := range x.History().All {
			if i, ok := c.states[e.Name]; ok && entered(e.Type) {
				hits[i]++
			}
		}
	}
	onDecision, onChild := o.OnDecision, o.OnChild
	o.OnDecision = func(d emulator.Decision) {
		for _, k := range Kinds()[1:] {
			if i, ok := c.decisions[place{k, d}]; ok {
				hits[i]++
			}
		}
		if onDecision != nil {
			onDecision(d)
		}
	}
	o.OnChild = func(x *emulator.Execution) {
		states(x)
		if onChild != nil {
			onChild(x)
		}
	}
	log := &callLog{next: o.Caller}
	if log.next == nil {
		log.next = nobody
	}
	o.Caller = log
	r, err := emulator.Run(ctx, m, input, o)
	states(r.Execution)
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, n := range hits {
		c.items[i].Hits += n
	}
	return newOutcome(c, r.Execution, input, log.list), err
}

// Count returns how many items of a kind there are, and how many of them were reached.
func (c *Coverage) Count(k Kind) (reached, all int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, i := range c.items {
		if i.Kind == k {
			all++
			if i.Hits > 0 {
				reached++
			}
		}
	}
	return reached, all
}

// Percent returns the part of the items that were reached, 100 if there are none. Without
// kinds it is of all of them.
func (c *Coverage) Percent(kinds ...Kind) float64 {
	if len(kinds) == 0 {
		kinds = Kinds()
	}
	reached, all := 0, 0
	for _, k := range kinds {
		r, a := c.Count(k)
		reached, all = reached+r, all+a
	}
	if all == 0 {
		return 100
	}
	return 100 * float64(reached) / float64(all)
}

// Items returns all items, in the order of the definition.
func (c *Coverage) Items() []Item {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]Item(nil), c.items...)
}

// entered reports whether an event is the entry into a state.
func entered(t emulator.EventType) bool { return strings.HasSuffix(t.String(), "StateEntered") }

// exited reports whether an event is the exit from a state.
func exited(t emulator.EventType) bool { return strings.HasSuffix(t.String(), "StateExited") }

// locations returns where in the definition each state stands, by its name.
func locations(m *asl.StateMachine) map[string]string {
	where := map[string]string{}
	var walk func(m *asl.StateMachine, at string)
	walk = func(m *asl.StateMachine, at string) {
		for _, s := range m.States {
			here := at + "/States/" + s.Name
			where[s.Name] = here
			for i, p := range s.Parts() {
				switch {
				case s.ItemProcessor == p:
					walk(p, here+"/ItemProcessor")
				case s.Iterator == p:
					walk(p, here+"/Iterator")
				default:
					walk(p, fmt.Sprintf("%s/Branches[%d]", here, i))
				}
			}
		}
	}
	walk(m, "")
	return where
}
