package emulator_test

import (
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
	histories(t, "testdata/history", func(t *testing.T, c *historyCase) string {
		r, err := emulator.Run(context.Background(), c.machine, c.input, emulator.Options{Caller: c.caller, Text: c.text})
		if err != nil {
			t.Fatal(err)
		}
		return show(r.Execution)
	})
}

// historyCase is a file with a definition, an input, responses and the history that follows
// from them.
type historyCase struct {
	archive *txtar.Archive
	machine *emulator.Machine
	input   value.Value
	text    string // of the input
	caller  emulator.Caller
}

func (c *historyCase) part(name string) string {
	for _, f := range c.archive.Files {
		if f.Name == name {
			return string(f.Data)
		}
	}
	return ""
}

// histories runs the files of a folder and compares the histories.
func histories(t *testing.T, folder string, run func(*testing.T, *historyCase) string) {
	files, _ := filepath.Glob(filepath.Join(folder, "*.txtar"))
	if len(files) == 0 {
		t.Fatal("no test data")
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			c := &historyCase{archive: a}
			c.text = strings.TrimSpace(c.part("input.json"))
			if c.input, err = value.ParseString(c.text); err != nil {
				t.Fatal(err)
			}
			if c.caller, err = responder([]byte(c.part("responses.json"))); err != nil {
				t.Fatal(err)
			}
			c.machine = machine(t, []byte(c.part("definition.json")))
			var got string
			for range 2 { // twice: the same answers give the same history
				again := run(t, c)
				if got != "" && again != got {
					t.Errorf("the second run differs: %s", cmp.Diff(got, again))
				}
				got = again
			}
			if *update {
				for i := range a.Files {
					if a.Files[i].Name == "history.txt" {
						a.Files[i].Data = []byte(got)
					}
				}
				if err := os.WriteFile(file, txtar.Format(a), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(c.part("history.txt"), got); diff != "" {
				t.Errorf("history differs (-want +got):\n%s", diff)
			}
		})
	}
}
