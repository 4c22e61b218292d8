package workflows

import (
	"testing"

	"github.com/sfnkit/sfnkit/emulator/emulatortest"
)

// TestSuite runs the test files beside the workflows. They reach all there is.
func TestSuite(t *testing.T) {
	report := emulatortest.Suite(t, ".")
	if len(report.Coverage) != len(Definitions()) {
		t.Errorf("%d of %d workflows have tests", len(report.Coverage), len(Definitions()))
	}
	emulatortest.Covers(t, report, "100,states=100,choice-rules=100,catchers=100")
	for _, u := range report.Unused {
		t.Errorf("%s was given in no case", u)
	}
}
