package emulator_test

import (
	"encoding/json"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/sfn/types"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/sfnkit/sfnkit/asl/value"
	"github.com/sfnkit/sfnkit/emulator"
)

// detailless are the events for which the service's model has no details.
var detailless = map[types.HistoryEventType]bool{
	types.HistoryEventTypeLambdaFunctionStarted: true, types.HistoryEventTypeTaskStateAborted: true,
	types.HistoryEventTypeWaitStateAborted: true, types.HistoryEventTypeParallelStateStarted: true,
	types.HistoryEventTypeParallelStateSucceeded: true, types.HistoryEventTypeParallelStateFailed: true,
	types.HistoryEventTypeParallelStateAborted: true, types.HistoryEventTypeMapStateSucceeded: true,
	types.HistoryEventTypeMapStateFailed: true, types.HistoryEventTypeMapStateAborted: true,
	types.HistoryEventTypeMapRunSucceeded: true, types.HistoryEventTypeMapRunAborted: true,
}

// required are the members that the service's model demands of some details.
var required = map[string][]string{
	"StateEnteredEventDetails": {"Name"}, "StateExitedEventDetails": {"Name"},
	"TaskScheduledEventDetails": {"ResourceType", "Resource", "Region", "Parameters"},
	"TaskStartedEventDetails":   {"ResourceType", "Resource"}, "TaskSubmittedEventDetails": {"ResourceType", "Resource"},
	"TaskSucceededEventDetails": {"ResourceType", "Resource"}, "TaskFailedEventDetails": {"ResourceType", "Resource"},
	"TaskTimedOutEventDetails": {"ResourceType", "Resource"}, "LambdaFunctionScheduledEventDetails": {"Resource"},
	"ActivityScheduledEventDetails": {"Resource"}, "EvaluationFailedEventDetails": {"State"},
}

// checkSDK holds one event to the service's model: its type is known, its details are
// those of its type and nothing else, and what is demanded of them is there.
func checkSDK(t *testing.T, h types.HistoryEvent, position int, data bool) {
	t.Helper()
	known := false
	for _, k := range h.Type.Values() {
		known = known || k == h.Type
	}
	if !known || h.Timestamp == nil || h.Id != int64(position+1) || h.PreviousEventId < 0 || h.PreviousEventId >= h.Id {
		t.Errorf("event %d: type %q, id %d after %d, time %v", position, h.Type, h.Id, h.PreviousEventId, h.Timestamp)
	}
	want := string(h.Type) + "EventDetails"
	if strings.HasSuffix(string(h.Type), "StateEntered") {
		want = "StateEnteredEventDetails"
	}
	if strings.HasSuffix(string(h.Type), "StateExited") {
		want = "StateExitedEventDetails"
	}
	v := reflect.ValueOf(h)
	found := false
	for i := range v.NumField() {
		name := v.Type().Field(i).Name
		if !strings.HasSuffix(name, "EventDetails") || v.Field(i).IsNil() {
			continue
		}
		if name != want {
			t.Errorf("event %d %s has %s", h.Id, h.Type, name)
			continue
		}
		found = true
		for _, member := range required[name] {
			if v.Field(i).Elem().FieldByName(member).IsNil() && (data || member != "Parameters") {
				t.Errorf("event %d %s lacks %s", h.Id, h.Type, member)
			}
		}
		for _, text := range []string{"Input", "Output", "Parameters"} {
			if f := v.Field(i).Elem().FieldByName(text); f.IsValid() && !f.IsNil() && !json.Valid([]byte(f.Elem().String())) {
				t.Errorf("event %d %s: %s is no JSON", h.Id, h.Type, text)
			}
		}
	}
	if !found && !detailless[h.Type] {
		t.Errorf("event %d %s has no details", h.Id, h.Type)
	}
}

// TestHistoriesInTheSDKsTypes holds all histories of the test data to the service's model.
func TestHistoriesInTheSDKsTypes(t *testing.T) {
	seen := map[emulator.EventType]bool{}
	check := func(t *testing.T, x *emulator.Execution) {
		for i := range x.History().Len() {
			seen[x.History().At(i).Type] = true
			checkSDK(t, x.History().At(i).SDK(true), i, true)
			checkSDK(t, x.History().At(i).SDK(false), i, false)
		}
	}
	files, _ := filepath.Glob("testdata/history/*.txtar")
	for _, file := range files {
		a, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		parts := map[string][]byte{}
		for _, f := range a.Files {
			parts[f.Name] = f.Data
		}
		caller, err := responder(parts["responses.json"])
		if err != nil {
			t.Fatal(err)
		}
		input := value.MustParse(strings.TrimSpace(string(parts["input.json"])))
		check(t, runText(t, string(parts["definition.json"]), input, emulator.Options{Caller: caller}))
	}
	if len(seen) < 30 {
		t.Errorf("only %d types of events were seen", len(seen))
	}
}
