package workflows

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"github.com/sfnkit/sfnkit/asl"
	"github.com/sfnkit/sfnkit/asl/bedrock"
	"github.com/sfnkit/sfnkit/asl/value"
	"github.com/sfnkit/sfnkit/emulator"
	"github.com/sfnkit/sfnkit/emulator/calls"
	"github.com/sfnkit/sfnkit/policygen"
	"github.com/sfnkit/sfnkit/workflows/finetune"
)

var update = flag.Bool("update", false, "write the files of the workflows instead of comparing with them")

func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, got, 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v (run go test with -update to write it)", err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs; got\n%s", file, got)
	}
}

func each(t *testing.T, f func(t *testing.T, name string, m *asl.StateMachine)) {
	all := Definitions()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		t.Run(name, func(t *testing.T) {
			m, err := all[name].Build()
			if err != nil {
				t.Fatal(err)
			}
			f(t, name, m)
		})
	}
}

// TestDefinitions compares what is built with the generated file, and with what the parser
// makes of it.
func TestDefinitions(t *testing.T) {
	each(t, func(t *testing.T, name string, m *asl.StateMachine) {
		text := asl.Print(m)
		golden(t, filepath.Join(name, "workflow.asl.json"), text)
		parsed, err := asl.Parse(text)
		if err != nil || !asl.Equal(m, parsed) {
			t.Errorf("parsed again it is another machine (%v)", err)
		}
		for _, d := range asl.Validate(parsed) {
			if d.Severity != asl.SeverityError && !strings.Contains(d.Message, "end of life") {
				t.Errorf("the validator says %s: %v", d.Severity, d)
			}
		}
	})
}

// TestRuns runs every workflow against all of its answers and compares what happens.
func TestRuns(t *testing.T) {
	each(t, func(t *testing.T, name string, m *asl.StateMachine) {
		compiled, err := emulator.Compile(m)
		if err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(filepath.Join(name, "input.json"))
		if err != nil {
			t.Fatal(err)
		}
		input, err := value.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range []string{"responses.json", "testdata/cases.json"} {
			config, err := calls.LoadMocks(filepath.Join(name, file))
			if os.IsNotExist(err) {
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, testCase := range config.TestCases(name) {
				t.Run(testCase, func(t *testing.T) {
					run := func() (*emulator.Execution, *calls.Responses) {
						responses, err := config.Responses(name, testCase)
						if err != nil {
							t.Fatal(err)
						}
						if err := responses.Check(m); err != nil {
							t.Error(err)
						}
						r, err := emulator.Run(context.Background(), compiled, input, emulator.Options{
							Info:   emulator.Info{Name: name + "-example", Region: "us-east-1", Account: "123456789012", Partition: "aws"},
							Caller: calls.Recorded(responses, nil),
						})
						if err != nil {
							t.Fatal(err)
						}
						return r.Execution, responses
					}
					x, responses := run()
					if unused := responses.Unused(); len(unused) > 0 {
						t.Errorf("answers that were never given: %s", strings.Join(unused, ", "))
					}
					first := history(t, x)
					again, _ := run()
					if !bytes.Equal(first, history(t, again)) {
						t.Error("a second run has another history")
					}
					os.Mkdir(filepath.Join(name, "testdata"), 0o777) //nolint:errcheck // shows when writing
					golden(t, filepath.Join(name, "testdata", testCase+".txt"), trace(x))
				})
			}
		}
	})
}

// TestSimulatedJob runs the fine-tuning with a simulated job, which ends in every way a job
// can.
func TestSimulatedJob(t *testing.T) {
	machine, err := emulator.Compile(finetune.Definition().MustBuild())
	if err != nil {
		t.Fatal(err)
	}
	input := value.MustParse(`{"train": "s3://example-fine-tuning/train.jsonl", "model": "support-answers", "question": "How do I return a parcel?"}`)
	for _, status := range []string{bedrock.JobCompleted, bedrock.JobFailed, bedrock.JobStopped} {
		t.Run(status, func(t *testing.T) {
			answers, err := calls.LoadResponses("finetune/testdata/simulated.json", "", "")
			if err != nil {
				t.Fatal(err)
			}
			job := calls.Job{Status: status, Duration: 3 * time.Hour}
			r, err := emulator.Run(context.Background(), machine, input, emulator.Options{
				Info:   emulator.Info{Name: "finetune-example", Region: "us-east-1", Account: "123456789012", Partition: "aws"},
				Caller: calls.Recorded(answers, calls.Customization(job, nil)),
			})
			if err != nil {
				t.Fatal(err)
			}
			history(t, r.Execution)
			golden(t, filepath.Join("finetune", "testdata", "simulated."+status+".txt"), trace(r.Execution))
		})
	}
}

// TestPolicies compares the policy that each workflow needs in a region and account.
func TestPolicies(t *testing.T) {
	each(t, func(t *testing.T, name string, m *asl.StateMachine) {
		r, err := policygen.Generate(m, policygen.Options{
			Region: "us-east-1", Account: "123456789012", StateMachine: name, Hints: hints[name],
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range r.Warnings {
			t.Errorf("the policy is wider than needed: %v", w)
		}
		golden(t, filepath.Join(name, "policy.json"), r.Policy().JSON())
	})
}

// hints narrow what the definitions leave to run time.
var hints = map[string]map[string][]string{"finetune": finetune.Hints}

// history returns the events in the SDK's types, after checking that they are in order.
func history(t *testing.T, x *emulator.Execution) []byte {
	t.Helper()
	var events []types.HistoryEvent
	known := types.HistoryEventType("").Values()
	for e := range x.History().All {
		h := e.SDK(true)
		if h.Id != int64(len(events)+1) || h.PreviousEventId >= h.Id || h.Timestamp == nil || !slices.Contains(known, h.Type) {
			t.Errorf("event %+v", h)
		}
		events = append(events, h)
	}
	text, err := json.Marshal(events)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// trace tells what happened, a line for each state that was entered and each call.
func trace(x *emulator.Execution) []byte {
	var b bytes.Buffer
	for e := range x.History().All {
		at := float64(e.Time-x.Started()) / 1000
		kind := e.Type.String()
		switch {
		case strings.HasSuffix(kind, "StateEntered"):
			fmt.Fprintf(&b, "%9.3fs %s %s\n", at, strings.TrimSuffix(kind, "StateEntered"), e.Name)
		case kind == "MapIterationStarted":
			fmt.Fprintf(&b, "%9.3fs iteration %d\n", at, e.Index)
		case kind == "TaskFailed":
			fmt.Fprintf(&b, "%9.3fs   failed with %s\n", at, e.Detail.Error.Name)
		case kind == "TaskSucceeded":
			fmt.Fprintf(&b, "%9.3fs   answered\n", at)
		}
	}
	fmt.Fprintf(&b, "%9.3fs %s\n", float64(x.Stopped()-x.Started())/1000, x.Status())
	if err := x.Err(); err != nil {
		fmt.Fprintf(&b, "%s\n%s\n", err.Name, err.Cause)
	} else {
		fmt.Fprintf(&b, "%s\n", x.Output().AppendIndent(nil, "  "))
	}
	return b.Bytes()
}
