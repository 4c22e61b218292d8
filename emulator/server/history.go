package server

import (
	"reflect"

	"github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"github.com/sfnkit/sfnkit/emulator"
)

var eventPlan = planOf(reflect.TypeFor[types.HistoryEvent]())

func appendEvent(b []byte, e *emulator.Event, data bool) []byte {
	h := e.SDK(data)
	return eventPlan.append(b, reflect.ValueOf(&h).Elem())
}
