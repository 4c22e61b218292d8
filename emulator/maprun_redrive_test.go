package emulator

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sfnkit/sfnkit/asl"
	"github.com/sfnkit/sfnkit/asl/value"
)

// redriven runs a map over six items, two at a time: the first one is quick, the second
// fails after 8 s while the third waits, and the others are quick. The tasks of the second
// fail until it is repaired.
type redriven struct {
	*Handle
	t        *testing.T
	e        *Engine
	files    bucket
	repaired atomic.Bool
	began    atomic.Int64  // children, redriven ones counted again
	hold     chan struct{} // the second item's first task says that it is there, and waits for it to be closed
}

func (r *redriven) Call(_ context.Context, req *Request) (Answer, error) {
	if n, _ := req.Parameters.Get("Payload").Get("n").Int64(); n == 1 && !r.repaired.Load() {
		if r.hold != nil {
			r.hold <- struct{}{}
			<-r.hold
			return Answer{Output: value.Int(1)}, nil
		}
		return Answer{}, NewError("Bad", "")
	}
	return Answer{Output: value.Int(int64(req.Item))}, nil
}

const sixItems = `[{"n":0,"wait":0},{"n":1,"wait":8},{"n":2,"wait":30},{"n":3,"wait":0},{"n":4,"wait":0},{"n":5,"wait":0}]`

// The ways in which the items can come.
const (
	fromInput  = `"ItemsPath":"$.items"`
	fromReader = `"ItemReader":{"Resource":"arn:aws:states:::s3:getObject","ReaderConfig":{"InputType":"JSON"},"Parameters":{"Bucket":"b","Key":"items.json"}},
	 "ItemSelector":{"n.$":"$$.Map.Item.Value.n","wait.$":"$$.Map.Item.Value.wait"}`
)

func newRedriven(t *testing.T, kind, items string, hold chan struct{}) *redriven {
	t.Helper()
	def, err := asl.Parse([]byte(`{"StartAt":"Before","States":{"Before":{"Type":"Pass","Next":"Each"},
	 "Each":{"Type":"Map","Label":"L","MaxConcurrency":2,"Next":"After",` + items + `,
	  "ItemProcessor":{"ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"` + kind + `"},"StartAt":"Wait","States":{
	   "Wait":{"Type":"Wait","SecondsPath":"$.wait","Next":"Work"},
	   "Work":{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke","Parameters":{"FunctionName":"f","Payload":{"n.$":"$.n"}},"ResultPath":"$.item","Next":"Done"},
	   "Done":{"Type":"Pass","Parameters":{"n.$":"$.n","item.$":"$.item","redrives.$":"$$.Execution.RedriveCount"},"End":true}}},
	  "ResultWriter":{"Resource":"arn:aws:states:::s3:putObject","Parameters":{"Bucket":"b","Prefix":"out"}}},
	 "After":{"Type":"Pass","End":true}}}`))
	if err != nil {
		t.Fatal(err)
	}
	m, err := Compile(def)
	if err != nil {
		t.Fatal(err)
	}
	r := &redriven{t: t, files: bucket{"items.json": sixItems}, hold: hold}
	r.e = NewEngine(EngineOptions{Virtual: true, Store: r.files})
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := r.e.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	r.Handle = r.e.Start(m, StartOptions{Input: value.MustParse(`{"items":` + sixItems + `}`), Environment: &Environment{Caller: r, OnChild: func(*MapRun, *Handle) { r.began.Add(1) }}})
	return r
}

func (r *redriven) again() {
	r.t.Helper()
	if !r.Redrive() {
		r.t.Fatal("cannot be redriven")
	}
}

func (r *redriven) wait(want Status) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), 10*time.Second)
	defer cancel()
	if err := r.Wait(ctx); err != nil {
		r.t.Fatal(err)
	}
	r.View(func(x *Execution) {
		if x.Status() != want {
			r.t.Fatalf("%s %v, not %s", x.Status(), x.Err(), want)
		}
	})
}

// events lists the events of the parent from the Map on, with what they follow.
func (r *redriven) events() string {
	var b strings.Builder
	r.View(func(x *Execution) {
		for e := range x.History().All {
			if e.ID > 5 {
				fmt.Fprintf(&b, "%d<%d %s", e.ID, e.PreviousID, e.Type)
				if e.Type == MapRunRedriven || e.Type == ExecutionRedriven {
					fmt.Fprintf(&b, " %d", e.Detail.Count)
				}
				b.WriteString("\n")
			}
		}
	})
	return b.String()
}

func (r *redriven) counts() Counts {
	var arn string
	r.View(func(x *Execution) {
		for e := range x.History().All {
			if e.Type == MapRunStarted {
				arn = e.Detail.ARN
			}
		}
	})
	st, ok := r.MapRun(arn)
	if !ok {
		r.t.Fatal("there is no map run", arn)
	}
	if st.Items != st.Executions {
		r.t.Errorf("items %+v, executions %+v", st.Items, st.Executions)
	}
	return st.Items
}

// list gives the numbers of the items in a file, those that succeeded with a star if they
// were redriven.
func (r *redriven) list(name string) string {
	for k, text := range r.files {
		if uuids.ReplaceAllString(k, "UUID") != "out/UUID/"+name {
			continue
		}
		var out []string
		v := value.MustParse(text)
		for _, e := range v.Elems() {
			s := value.MustParse(e.Get("Input").Str()).Get("n").JSON()
			switch st := e.Get("Status").Str(); st {
			case "SUCCEEDED":
				o := value.MustParse(e.Get("Output").Str())
				if o.Get("n").JSON() != o.Get("item").JSON() {
					r.t.Errorf("%s: item %s was told it were %s", name, o.Get("n"), o.Get("item"))
				}
				if n, _ := e.Get("RedriveCount").Int64(); n > 0 {
					s += "*"
				}
				if o.Get("redrives").JSON() != e.Get("RedriveCount").JSON() {
					r.t.Errorf("%s: item %s was redriven %s times, and told %s", name, o.Get("n"), e.Get("RedriveCount"), o.Get("redrives"))
				}
			case "ABORTED":
				s += " aborted: " + uuids.ReplaceAllString(e.Get("Cause").Str(), "UUID")
			}
			out = append(out, s)
		}
		return strings.Join(out, ", ")
	}
	return "none"
}

func (r *redriven) manifest(folder string) string {
	for k, text := range r.files {
		if uuids.ReplaceAllString(k, "UUID") == "out/UUID/"+folder+"manifest.json" {
			var out []string
			for status, files := range value.MustParse(text).Get("ResultFiles").Members() {
				for _, f := range files.Elems() {
					key := f.Get("Key").Str()
					if n, _ := f.Get("Size").Int64(); int(n) != len(r.files[key]) {
						r.t.Errorf("%s has %d bytes and not %d", key, len(r.files[key]), n)
					}
					out = append(out, status+" "+strings.TrimPrefix(uuids.ReplaceAllString(key, "UUID"), "out/UUID/"))
				}
			}
			return strings.Join(out, ", ")
		}
	}
	return "none"
}

// check holds the files against what they shall tell; the names are without out/UUID/.
func (r *redriven) check(files map[string]string) {
	r.t.Helper()
	for name, want := range files {
		var got string
		if folder, ok := strings.CutSuffix(name, "manifest.json"); ok {
			got = r.manifest(folder)
		} else {
			got = r.list(name)
		}
		if got != want {
			r.t.Errorf("%s: %s\nwant %s", name, got, want)
		}
	}
}

const byMapRun = " aborted: The map run execution [arn:aws:states:us-east-1:123456789012:mapRun:workflow/L:UUID] which was managing this resource was aborted"

// A map run that failed is redriven with its parent: the events, the files and the counters
// are as recorded (2026-09, published in github.com/radkawar/stackd, redrive_map).
func TestRedriveMapRun(t *testing.T) {
	for name, items := range map[string]string{"input": fromInput, "reader": fromReader} {
		t.Run(name, func(t *testing.T) {
			r := newRedriven(t, "STANDARD", items, nil)
			r.wait(Failed)
			if got, want := r.counts(), (Counts{Total: 6, Succeeded: 1, Failed: 1, Aborted: 1, Pending: 3, ResultsWritten: 6}); got != want {
				t.Errorf("counts %+v", got)
			}
			r.check(map[string]string{"SUCCEEDED_0.json": "0", "FAILED_0.json": "1, 2" + byMapRun, "PENDING_0.json": "3, 4, 5",
				"manifest.json": "FAILED FAILED_0.json, PENDING PENDING_0.json, SUCCEEDED SUCCEEDED_0.json"})
			r.again() // for nothing
			r.wait(Failed)
			r.check(map[string]string{"Redrive-1/FAILED_0.json": "1, 2" + byMapRun, "Redrive-1/PENDING_0.json": "3, 4, 5", "Redrive-1/SUCCEEDED_0.json": "",
				"Redrive-1/manifest.json": "FAILED Redrive-1/FAILED_0.json, PENDING Redrive-1/PENDING_0.json, SUCCEEDED SUCCEEDED_0.json, SUCCEEDED Redrive-1/SUCCEEDED_0.json"})
			r.repaired.Store(true)
			r.again()
			r.wait(Succeeded)
			want := `6<5 MapRunStarted
7<6 MapRunFailed
8<7 MapStateFailed
9<8 ExecutionFailed
10<9 ExecutionRedriven 1
11<5 MapRunRedriven 1
12<11 MapRunFailed
13<12 MapStateFailed
14<13 ExecutionFailed
15<14 ExecutionRedriven 2
16<5 MapRunRedriven 2
17<16 MapRunSucceeded
18<17 MapStateSucceeded
19<16 MapStateExited
20<19 PassStateEntered
21<20 PassStateExited
22<21 ExecutionSucceeded
`
			if diff := cmp.Diff(want, r.events()); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
			if got, want := r.counts(), (Counts{Total: 6, Succeeded: 6, ResultsWritten: 6}); got != want {
				t.Errorf("counts %+v", got)
			}
			r.check(map[string]string{"Redrive-2/SUCCEEDED_0.json": "1*, 2*, 3, 4, 5", "Redrive-2/FAILED_0.json": "none", "Redrive-2/PENDING_0.json": "none",
				"Redrive-2/manifest.json": "SUCCEEDED SUCCEEDED_0.json, SUCCEEDED Redrive-1/SUCCEEDED_0.json, SUCCEEDED Redrive-2/SUCCEEDED_0.json"})
			r.View(func(x *Execution) {
				if got := uuids.ReplaceAllString(x.Output().JSON(), "UUID"); got != `{"MapRunArn":"arn:aws:states:us-east-1:123456789012:mapRun:workflow/L:UUID","ResultWriterDetails":{"Bucket":"b","Key":"out/UUID/Redrive-2/manifest.json"}}` {
					t.Error(got)
				}
			})
		})
	}
}

// Express children that go on are awaited, and those that failed begin again.
func TestRedriveMapRunExpress(t *testing.T) {
	r := newRedriven(t, "EXPRESS", fromReader, nil)
	r.wait(Failed)
	if got, want := r.counts(), (Counts{Total: 6, Succeeded: 2, Failed: 1, Pending: 3, ResultsWritten: 6}); got != want {
		t.Errorf("counts %+v", got)
	}
	r.check(map[string]string{"SUCCEEDED_0.json": "0, 2", "FAILED_0.json": "1", "PENDING_0.json": "3, 4, 5"})
	r.repaired.Store(true)
	r.again()
	r.wait(Succeeded)
	if got, want := r.counts(), (Counts{Total: 6, Succeeded: 6, ResultsWritten: 6}); got != want {
		t.Errorf("counts %+v", got)
	}
	r.check(map[string]string{"Redrive-1/SUCCEEDED_0.json": "1*, 3, 4, 5", "Redrive-1/FAILED_0.json": "none",
		"Redrive-1/manifest.json": "SUCCEEDED SUCCEEDED_0.json, SUCCEEDED Redrive-1/SUCCEEDED_0.json"})
	if n := r.began.Load(); n != 7 {
		t.Errorf("%d children began", n)
	}
}

// A map run outlives its parent for as long as it takes to end, and a redrive waits for that.
func TestRedriveStoppedMapRun(t *testing.T) {
	for _, kind := range []string{"STANDARD", "EXPRESS"} {
		t.Run(kind, func(t *testing.T) {
			hold := make(chan struct{})
			r := newRedriven(t, kind, fromReader, hold)
			<-hold // the third one waits, and time stands still
			r.Stop("Enough", "")
			r.repaired.Store(true)
			r.again()
			close(hold)
			r.wait(Succeeded)
			if got := r.counts(); got.Succeeded != 6 || got.Total != 6 || got.ResultsWritten != 6 {
				t.Errorf("counts %+v", got)
			}
			r.View(func(x *Execution) {
				if !strings.HasSuffix(x.Output().Get("ResultWriterDetails").Get("Key").Str(), "/Redrive-1/manifest.json") {
					t.Error(x.Output())
				}
			})
		})
	}
}

// What cannot be redriven counts as failed for good.
func TestNotRedrivable(t *testing.T) {
	r := newRedriven(t, "STANDARD", fromInput, nil)
	r.wait(Failed)
	r.e.mu.Lock()
	r.e.offset += redrivePeriod + 1000
	r.e.mu.Unlock()
	r.repaired.Store(true)
	r.again()
	r.wait(Failed)
	if got := r.counts(); got.FailuresNotRedrivable != 2 || got.Failed != 1 || got.Aborted != 1 || got.PendingRedrive != 0 {
		t.Errorf("counts %+v", got)
	}
	if n := r.began.Load(); n != 3 {
		t.Errorf("%d children began", n)
	}
}
