package calls_test

import (
	"os"
	"regexp"
	"testing"

	"github.com/sfnkit/sfnkit/emulator/calls"
)

// TestDocs reads the mock configurations that docs/MOCKS.md shows.
func TestDocs(t *testing.T) {
	text, err := os.ReadFile("../../docs/MOCKS.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```json\n(.*?)```").FindAllSubmatch(text, -1)
	if len(blocks) != 2 {
		t.Errorf("there are %d examples", len(blocks))
	}
	for _, b := range blocks {
		if _, err := calls.ParseMocks("docs/MOCKS.md", b[1]); err != nil {
			t.Error(err)
		}
	}
}
