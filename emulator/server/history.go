package server

import (
	"reflect"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"github.com/sfnkit/sfnkit/asl/value"
	"github.com/sfnkit/sfnkit/emulator"
)

var eventPlan = planOf(reflect.TypeFor[types.HistoryEvent]())

// An event has one of some fifty sets of details, always the same one for its type:
// detailPlace remembers which, by type, so that not all have to be looked at.
var detailPlace [256]atomic.Int32 // index into eventPlan.fields, plus 1; 0 unknown, -1 none

// stateEvents tells the events that most of every history is made of: 1 for those of
// states that are entered, 2 for those of states that are left.
var stateEvents = func() (kinds [256]uint8) {
	for i := range kinds {
		name := emulator.EventType(i).String()
		switch {
		case strings.HasSuffix(name, "StateEntered"):
			kinds[i] = 1
		case strings.HasSuffix(name, "StateExited"):
			kinds[i] = 2
		}
	}
	return kinds
}()

// appendEvent writes an event as GetExecutionHistory gives it: what appendAnyEvent does,
// with a shorter way for the most frequent events.
func appendEvent(b []byte, e *emulator.Event, data bool) []byte {
	kind := stateEvents[uint8(e.Type)]
	if kind == 0 || e.Value.IsAbsent() || e.Detail != nil && e.Detail.Assigned.IsObject() {
		return appendAnyEvent(b, e, data)
	}
	b = appendHead(b, e)
	if kind == 1 {
		b = append(b, `,"stateEnteredEventDetails":{`...)
		if data {
			b = append(b, `"input":`...)
			b = value.AppendQuoted(b, e.Text())
			b = append(b, `,"inputDetails":{"truncated":false},`...)
		}
		b = append(b, `"name":`...)
		b = value.AppendQuoted(b, e.Name)
		return append(b, "}}"...)
	}
	b = append(b, `,"stateExitedEventDetails":{"name":`...)
	b = value.AppendQuoted(b, e.Name)
	if data {
		b = append(b, `,"output":`...)
		b = value.AppendQuoted(b, e.Text())
		b = append(b, `,"outputDetails":{"truncated":false}`...)
	}
	return append(b, "}}"...)
}

// appendHead writes what all events have, without the closing brace.
func appendHead(b []byte, e *emulator.Event) []byte {
	b = append(b, `{"id":`...)
	b = strconv.AppendInt(b, int64(e.ID), 10)
	b = append(b, `,"previousEventId":`...)
	b = strconv.AppendInt(b, int64(e.PreviousID), 10)
	b = append(b, `,"timestamp":`...)
	b = appendMillis(b, e.Time)
	b = append(b, `,"type":"`...)
	b = append(b, e.Type.String()...)
	return append(b, '"')
}

func appendAnyEvent(b []byte, e *emulator.Event, data bool) []byte {
	h := e.SDK(data)
	b = appendHead(b, e)
	v := reflect.ValueOf(&h).Elem()
	place := detailPlace[uint8(e.Type)].Load()
	if place == 0 {
		place = -1
		for i := range eventPlan.fields {
			if f := &eventPlan.fields[i]; f.typ.kind == reflect.Pointer && !f.typ.elem.time && !v.Field(f.index).IsNil() {
				place = int32(i) + 1
			}
		}
		detailPlace[uint8(e.Type)].Store(place)
	}
	if place > 0 {
		f := &eventPlan.fields[place-1]
		if d := v.Field(f.index); !d.IsNil() {
			b = append(b, ',')
			b = append(b, f.quote...)
			b = f.typ.append(b, d)
		}
	}
	return append(b, '}')
}
