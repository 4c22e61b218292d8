package server

import (
	"fmt"
	"reflect"
	"testing"

	"github.com/sfnkit/sfnkit/asl/value"
	"github.com/sfnkit/sfnkit/emulator"
)

// TestAppendEvent compares both ways of writing an event with the SDK's own structs.
func TestAppendEvent(t *testing.T) {
	details := []*emulator.Detail{nil, {Text: `{ "a" : "ü\n" }`}, {Assigned: value.MustParse(`{"x":1}`)}, {Error: emulator.NewError("E", "C"), Resource: "r", ResourceType: "t", ARN: "a", Count: 2}}
	n := 0
	for i := 0; i < 256; i++ {
		typ := emulator.EventType(i)
		if typ.String() == "Unknown" {
			break
		}
		for _, d := range details {
			for _, data := range []bool{true, false} {
				n++
				e := &emulator.Event{ID: 7, PreviousID: 6, Type: typ, Time: 1700000000120, Name: `the "state"`, Index: 3, Value: value.MustParse(`{"b":[1.0,"é"]}`), Detail: d}
				h := e.SDK(data)
				want := value.MustParse(string(eventPlan.append(nil, reflect.ValueOf(&h).Elem())))
				for name, got := range map[string][]byte{"short": appendEvent(nil, e, data), "long": appendAnyEvent(nil, e, data)} {
					v, err := value.Parse(got)
					if err != nil || !v.Equal(want) {
						t.Errorf("%s %s: %s\nand not %s", fmt.Sprint(typ, data), name, got, want)
					}
				}
			}
		}
	}
	if n < 400 {
		t.Errorf("only %d events", n)
	}
}
