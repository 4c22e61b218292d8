package server

import (
	"reflect"
	"strconv"
	"sync/atomic"

	"github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"github.com/sfnkit/sfnkit/emulator"
)

var eventPlan = planOf(reflect.TypeFor[types.HistoryEvent]())

// An event has one of some fifty sets of details, always the same one for its type:
// detailPlace remembers which, by type, so that not all have to be looked at.
var detailPlace [256]atomic.Int32 // index into eventPlan.fields, plus 1; 0 unknown, -1 none

func appendEvent(b []byte, e *emulator.Event, data bool) []byte {
	h := e.SDK(data)
	b = append(b, `{"id":`...)
	b = strconv.AppendInt(b, h.Id, 10)
	b = append(b, `,"previousEventId":`...)
	b = strconv.AppendInt(b, h.PreviousEventId, 10)
	b = append(b, `,"timestamp":`...)
	b = appendMillis(b, e.Time)
	b = append(b, `,"type":"`...)
	b = append(b, h.Type...)
	b = append(b, '"')
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
