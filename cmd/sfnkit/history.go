package main

import (
	"encoding/json"
	"strings"

	"github.com/sfnkit/sfnkit/asl/value"
	"github.com/sfnkit/sfnkit/emulator"
)

// writeHistory writes a history as the AWS CLI prints what GetExecutionHistory gives.
func writeHistory(file string, h *emulator.History) error {
	events := make([]value.Value, 0, h.Len())
	for e := range h.All {
		text, err := json.Marshal(e.SDK(true))
		if err != nil {
			return err
		}
		v, err := value.Parse(text)
		if err != nil {
			return err
		}
		events = append(events, wireNames(v))
	}
	history := value.Object([]string{"events"}, []value.Value{value.Array(events)})
	return writeFile(file, append(history.AppendIndent(nil, "  "), '\n'))
}

// wireNames gives the members of an SDK structure the names that they have on the wire,
// and leaves out those that are not there.
func wireNames(v value.Value) value.Value {
	if !v.IsObject() {
		return v
	}
	b := value.NewBuilder(v.Len())
	for name, member := range v.Members() {
		if member.IsNull() {
			continue
		}
		if name != "AssignedVariables" { // whose members are the workflow's
			member = wireNames(member)
		}
		b.Set(strings.ToLower(name[:1])+name[1:], member)
	}
	return b.Object()
}
