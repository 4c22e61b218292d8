package emulatortest_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sfnkit/sfnkit/asl"
	"github.com/sfnkit/sfnkit/emulator"
	"github.com/sfnkit/sfnkit/emulator/emulatortest"
	"github.com/sfnkit/sfnkit/emulator/suite"
)

var update = flag.Bool("update", false, "write golden files")

// recorder is a test that is told to fail.
type recorder struct {
	testing.TB
	lines []string
	fatal bool
}

func (r *recorder) Helper()                  {}
func (r *recorder) Context() context.Context { return context.Background() }
func (r *recorder) Error(args ...any)        { r.lines = append(r.lines, fmt.Sprint(args...)) }
func (r *recorder) Errorf(f string, args ...any) {
	r.lines = append(r.lines, fmt.Sprintf(f, args...))
}
func (r *recorder) Fatal(args ...any)            { r.Error(args...); r.stop() }
func (r *recorder) Fatalf(f string, args ...any) { r.Errorf(f, args...); r.stop() }
func (r *recorder) stop()                        { r.fatal = true; panic(r) }

// failing returns what a test reports.
func failing(f func(t testing.TB)) (lines string) {
	r := &recorder{}
	defer func() {
		if x := recover(); x != nil && x != any(r) {
			panic(x)
		}
		lines = strings.Join(r.lines, "\n")
		if r.fatal {
			lines += "\nFATAL"
		}
	}()
	f(r)
	return
}

func runner(t testing.TB) emulatortest.Runner {
	file := "testdata/orders.asl.yaml"
	return emulatortest.Runner{Definition: emulatortest.Load(t, file), File: file}
}

// TestFailures pins what is reported.
func TestFailures(t *testing.T) {
	r := runner(t)
	paid := emulatortest.Return("Charge", `{"paid": true}`)
	for _, test := range []struct {
		name string
		run  func(t testing.TB)
		want string
	}{
		{"nothing", func(t testing.TB) {
			r.Run(t, `{"amount": 5}`, paid).Want().Succeeded().Status(emulator.Succeeded).
				Output(`{"amount": 5, "charge": {"paid": true}}`).OutputContains(map[string]any{"amount": 5}).
				Path("Charge", "Paid?", "Done").PathContains("Charge", "Done").Calls("Charge", 1).Assert("$duration = 0")
		}, ""},
		{"output", func(t testing.TB) {
			r.Run(t, `{"amount": 5}`, paid).Want().Output(`{"amount": 5, "charge": {"paid": 1}}`).OutputContains(`{"tip": 1}`)
		}, `output: at /charge/paid: want 1, got true
  set by state "Charge" (testdata/orders.asl.yaml:3:3)
output: at /tip: want 1, got nothing
  ended in state "Done" (testdata/orders.asl.yaml:16:3)`},
		{"error", func(t testing.TB) {
			x := r.Run(t, `{"amount": 5}`, emulatortest.Throw("Charge", "Declined", "too much"))
			x.Want().Succeeded().Failed("Refused").Cause("too little").CauseContains("little").Calls("Charge", 2)
		}, `status: want SUCCEEDED, got FAILED: Declined: too much
  ended in state "Refused" (testdata/orders.asl.yaml:17:3)
error: want "Refused", got "Declined": too much
  ended in state "Refused" (testdata/orders.asl.yaml:17:3)
cause: want "too little", got "too much"
  ended in state "Refused" (testdata/orders.asl.yaml:17:3)
cause: want "little" in it, got "too much"
  ended in state "Refused" (testdata/orders.asl.yaml:17:3)
calls: want 2 of state "Charge", got 1`},
		{"path", func(t testing.TB) {
			r.Run(t, `{}`, paid).Want().Failed("X").Path("Charge", "Refused").PathContains("Refused").Assert("$count($path) = 4").Assert("1 +")
		}, `status: want FAILED, got SUCCEEDED with the output {"charge":{"paid":true}}
  ended in state "Done" (testdata/orders.asl.yaml:16:3)
path: want "Refused" as number 2 after "Charge", got "Paid?"; the path is "Charge", "Paid?", "Done"
  differs at state "Paid?" (testdata/orders.asl.yaml:11:3)
path: state "Refused" was not entered; the path is "Charge", "Paid?", "Done"
  ended in state "Done" (testdata/orders.asl.yaml:16:3)
assert: $count($path) = 4 is false: 3 and 4
assert: 1 +: S0207: Unexpected end of expression`},
		{"missing mock", func(t testing.TB) { emulatortest.Run(t, r.Definition, `{}`) },
			`mock: call 0 of arn:aws:states:::lambda:invoke has no answer: the state has no mock; add "Charge": {"Return": {}} to the mocks for the parameters {}
  called by state "Charge"
FATAL`},
		{"unused mock", func(t testing.TB) { r.Run(t, `{}`, paid.Attempt(7), paid) }, `the mock of Charge rule 1 fits no call`},
		{"state that is not there", func(t testing.TB) { r.Run(t, `{}`, emulatortest.Return("Charged", 1)) },
			`case: there is no state "Charged"; the definition's Task states are "Charge"
FATAL`},
		{"input", func(t testing.TB) { r.Run(t, `{`) }, "input: expected a member name but found end of text at offset 1\nFATAL"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, failing(test.run)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestGolden(t *testing.T) {
	r := runner(t)
	run := func(t testing.TB, amount int) *emulatortest.Want {
		return r.Run(t, map[string]int{"amount": amount},
			emulatortest.Throw("Charge", "Busy", "").Attempt(0),
			emulatortest.Return("Charge", map[string]bool{"paid": amount < 10}).After(time.Minute)).Want()
	}
	run(t, 5).Golden("testdata/retried.history.json")
	if *update {
		return
	}
	got := failing(func(t testing.TB) { run(t, 6).Golden("testdata/retried.history.json") })
	if !strings.Contains(got, "(-want +got)") || !strings.Contains(got, "is not that of testdata/retried.history.json") {
		t.Errorf("got %s", got)
	}
	got = failing(func(t testing.TB) { run(t, 5).Golden("testdata/none.json") })
	if !strings.Contains(got, "UPDATE_GOLDEN=1") {
		t.Errorf("got %s", got)
	}
	// The environment writes, too.
	file := filepath.Join(t.TempDir(), "h.json")
	t.Setenv("UPDATE_GOLDEN", "1")
	run(t, 5).Golden(file)
	a, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile("testdata/retried.history.json"); err != nil || string(a) != string(b) {
		t.Error("another history was written", err)
	}
}

func TestCoverage(t *testing.T) {
	r := runner(t)
	r.Coverage = suite.NewCoverage(r.File, r.Definition)
	r.Run(t, `{}`, emulatortest.Return("Charge", `{"paid": true}`))
	report := &suite.Report{Coverage: []*suite.Coverage{r.Coverage}}
	emulatortest.Covers(t, report, "states=75,choice-rules=50")
	got := failing(func(t testing.TB) { emulatortest.Covers(t, report, "catchers=1") })
	if want := "testdata/orders.asl.yaml: the coverage of catchers is 0.0 %, below the threshold of 1 %"; got != want {
		t.Errorf("got %s", got)
	}
	r.Run(t, `{}`, emulatortest.Return("Charge", `{"paid": false}`))
	r.Run(t, `{}`, emulatortest.Throw("Charge", "Busy", "").Call(0), emulatortest.Throw("Charge", "", "").Attempt(1))
	emulatortest.Covers(t, report, "100")
}

func TestSuite(t *testing.T) {
	emulatortest.Covers(t, emulatortest.Suite(t, "testdata/orders.test.yaml"), "choice-rules=50")
}

// A workflow that is built in Go is tested in the same way.
func TestBuilt(t *testing.T) {
	ask := asl.Task("Ask", asl.ServiceARN("bedrock", "invokeModel", asl.RequestResponse)).
		Parameters(asl.Object{"ModelId": "m", "Body": asl.Object{"prompt": asl.Path("$.question")}}).ResultPath(asl.Path("$.answer"))
	m := asl.Define(ask).MustBuild()
	emulatortest.Run(t, m, `{"question": "6 * 7"}`, emulatortest.Return("Ask", `42`).When("Body.prompt = '6 * 7'")).
		Want().Succeeded().Output(`{"question": "6 * 7", "answer": 42}`)
}
