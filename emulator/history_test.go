package emulator_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/sfnkit/sfnkit/asl/value"
	"github.com/sfnkit/sfnkit/emulator"
)

var update = flag.Bool("update", false, "write the histories that the tests find")

// response is an element of responses.json: per state, one for each call.
type response struct {
	Return value.Value
	Error  string
	Cause  string
	Delay  int64 // milliseconds
}

func responder(text []byte) (emulator.Caller, error) {
	var all map[string][]response
	if len(text) > 0 {
		if err := json.Unmarshal(text, &all); err != nil {
			return nil, err
		}
	}
	return emulator.CallerFunc(func(_ context.Context, req *emulator.Request) (emulator.Answer, error) {
		list := all[req.State]
		if req.Invocation >= len(list) {
			return emulator.Answer{}, errors.New("no response for " + req.State)
		}
		r := list[req.Invocation]
		a := emulator.Answer{Output: r.Return, Delay: time.Duration(r.Delay) * time.Millisecond}
		if r.Error != "" {
			return a, emulator.NewError(r.Error, r.Cause)
		}
		return a, nil
	}), nil
}

// show prints a history, an event a line: id, previous id, seconds since the start, type,
// and what it is about.
func show(x *emulator.Execution) string {
	var b strings.Builder
	for e := range x.History().All {
		fmt.Fprintf(&b, "%d %d %g %s", e.ID, e.PreviousID, float64(e.Time-x.Started())/1000, e.Type)
		if e.Name != "" && e.Type != emulator.ExecutionStarted {
			fmt.Fprintf(&b, " %s", e.Name)
		}
		switch e.Type {
		case emulator.MapStateStarted, emulator.MapIterationStarted, emulator.MapIterationSucceeded,
			emulator.MapIterationFailed, emulator.MapIterationAborted:
			fmt.Fprintf(&b, " %d", e.Index)
		}
		if !e.Value.IsAbsent() {
			fmt.Fprintf(&b, " %s", e.Text())
		}
		if d := e.Detail; d != nil {
			if d.Error != nil {
				fmt.Fprintf(&b, " [%s] %s", d.Error.Name, d.Error.Cause)
			}
			if d.Resource != "" {
				fmt.Fprintf(&b, " %s/%s", d.ResourceType, d.Resource)
			}
			if d.Timeout+d.Heartbeat > 0 {
				fmt.Fprintf(&b, " timeout=%d heartbeat=%d", d.Timeout, d.Heartbeat)
			}
			if !d.Assigned.IsAbsent() {
				fmt.Fprintf(&b, " assigned=%s", d.Assigned)
			}
			if d.Location != "" {
				fmt.Fprintf(&b, " at %s", d.Location)
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func TestHistories(t *testing.T) {
	files, _ := filepath.Glob("testdata/history/*.txtar")
	if len(files) == 0 {
		t.Fatal("no test data")
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			part := func(name string) *txtar.File {
				for i := range a.Files {
					if a.Files[i].Name == name {
						return &a.Files[i]
					}
				}
				return &txtar.File{}
			}
			text := bytes.TrimSpace(part("input.json").Data)
			input, err := value.Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			caller, err := responder(part("responses.json").Data)
			if err != nil {
				t.Fatal(err)
			}
			m := machine(t, part("definition.json").Data)
			var got string
			for range 2 { // twice: the same answers give the same history
				r, err := emulator.Run(context.Background(), m, input, emulator.Options{Caller: caller, Text: string(text)})
				if err != nil {
					t.Fatal(err)
				}
				again := show(r.Execution)
				if got != "" && again != got {
					t.Errorf("the second run differs: %s", cmp.Diff(got, again))
				}
				got = again
			}
			want := part("history.txt")
			if *update {
				want.Data = []byte(got)
				if err := os.WriteFile(file, txtar.Format(a), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(want.Data), got); diff != "" {
				t.Errorf("history differs (-want +got):\n%s", diff)
			}
		})
	}
}
