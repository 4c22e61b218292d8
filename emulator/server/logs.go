package server

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"github.com/sfnkit/sfnkit/asl/value"
	"github.com/sfnkit/sfnkit/emulator"
)

// logged reports whether an event belongs into a log of a level: ERROR has whatever
// failed, timed out or was aborted, FATAL the end of executions that did.
func logged(level types.LogLevel, event types.HistoryEventType) bool {
	bad := false
	for _, end := range []string{"Failed", "TimedOut", "Aborted"} {
		bad = bad || strings.HasSuffix(string(event), end)
	}
	switch level {
	case types.LogLevelAll:
		return true
	case types.LogLevelError:
		return bad || event == types.HistoryEventTypeFailStateEntered
	case types.LogLevelFatal:
		return bad && strings.HasPrefix(string(event), "Execution")
	}
	return false
}

// logs reports whether executions of a revision are logged.
func (s *Server) logs(rev *revision) bool {
	return s.opts.Log != nil && rev.logging.Level != types.LogLevelOff
}

// log writes the events of an execution from that index on. The members of a line and their
// order were recorded 2026-09 (published in github.com/radkawar/stackd). That the child
// executions of a map run are logged with the state machine's configuration is not recorded:
// it has no other.
func (s *Server) log(how *types.LoggingConfiguration, x *emulator.Execution, from int) {
	var b []byte
	info := x.Info()
	for i := from; i < x.History().Len(); i++ {
		h := x.History().At(i).SDK(how.IncludeExecutionData)
		if !logged(how.Level, h.Type) {
			continue
		}
		b = append(b, `{"details":`...)
		b = appendDetails(b, &h)
		b = append(b, `,"redrive_count":"`...)
		b = strconv.AppendInt(b, int64(info.RedriveCount), 10)
		b = append(b, `","id":"`...)
		b = strconv.AppendInt(b, h.Id, 10)
		b = append(b, `","type":"`...)
		b = append(b, h.Type...)
		b = append(b, `","previous_event_id":"`...)
		b = strconv.AppendInt(b, h.PreviousEventId, 10)
		b = append(b, `","event_timestamp":"`...)
		b = strconv.AppendInt(b, h.Timestamp.UnixMilli(), 10)
		b = append(b, `","execution_arn":`...)
		b = value.AppendQuoted(b, info.ARN)
		b = append(b, '}', '\n')
	}
	if len(b) > 0 {
		s.logLock.Lock()
		defer s.logLock.Unlock()
		s.opts.Log.Write(b)
	}
}

// appendDetails writes the one set of details that an event has.
func appendDetails(b []byte, h *types.HistoryEvent) []byte {
	v := reflect.ValueOf(h).Elem()
	for _, f := range detailFields() {
		if !v.Field(f.index).IsNil() {
			return f.typ.append(b, v.Field(f.index))
		}
	}
	return append(b, "{}"...)
}

// detailFields are the fields of an event that hold details, whose members are in the order
// of their names.
var detailFields = sync.OnceValue(func() []fieldPlan {
	var list []fieldPlan
	for _, f := range eventPlan.fields {
		if f.typ.kind != reflect.Pointer || f.typ.elem.time {
			continue
		}
		to, details := *f.typ, *f.typ.elem
		details.fields = slices.Clone(details.fields)
		slices.SortFunc(details.fields, func(a, b fieldPlan) int { return strings.Compare(a.name, b.name) })
		to.elem = &details
		f.typ = &to
		list = append(list, f)
	}
	return list
})
