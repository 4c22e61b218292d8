package emulator

// Decision is a way that an execution took where its definition offers several: what a
// history does not tell if two of them lead to the same state.
type Decision struct {
	Kind  DecisionKind
	State string
	Index int // of the rule, retrier or catcher within its state; -1 for the Default of a Choice
}

// DecisionKind is what was decided.
type DecisionKind uint8

// The kinds of decisions. All but Retried are transitions.
const (
	TookNext  DecisionKind = iota // the state went on to its Next
	ChoseRule                     // a rule of a Choice state held, or none did and the Default was taken
	Retried                       // a retrier matched and the state will be tried again
	Caught                        // a catcher matched and the state went on to the catcher's Next
)

// Observe makes the execution tell of its decisions. It must be called before Begin.
func (x *Execution) Observe(f func(Decision)) {
	if f != nil || x.odd != nil {
		x.rare().observe = f
	}
}

func (x *Execution) decided(t *thread, k DecisionKind, index int) {
	if x.odd != nil && x.odd.observe != nil {
		x.odd.observe(Decision{Kind: k, State: t.state.name, Index: index})
	}
}
