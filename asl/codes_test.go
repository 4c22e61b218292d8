package asl_test

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sfnkit/sfnkit/asl"
)

// The bad example of every code has the finding, the good one has none at all.
func TestExplanations(t *testing.T) {
	for _, e := range asl.Explanations() {
		t.Run(e.Code, func(t *testing.T) {
			if e.Title == "" || e.Meaning == "" || e.Document == "" || e.Severity == "" {
				t.Errorf("incomplete: %+v", e)
			}
			is := func(d asl.Diagnostic) bool { return d.Code == e.Code && d.Severity == e.Severity }
			day := asl.OnDay(time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC))
			if ds := asl.Check([]byte(written(t, e.Bad)), day); !slices.ContainsFunc(ds, is) {
				t.Errorf("the bad example gives %v\n%s", ds, e.Bad)
			}
			if ds := asl.Check([]byte(e.Good), day); len(ds) > 0 {
				t.Errorf("the good example gives %v\n%s", ds, e.Good)
			}
		})
	}
}

// written writes out what an example abbreviates as ⟨text×N⟩.
func written(t *testing.T, example string) string {
	return regexp.MustCompile(`⟨([^×]*)×(\d+)⟩`).ReplaceAllStringFunc(example, func(s string) string {
		text, count, _ := strings.Cut(strings.Trim(s, "⟨⟩"), "×")
		n, err := strconv.Atoi(count)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Repeat(text, n)
	})
}

func TestExplainFindsCodesInAnyCase(t *testing.T) {
	if e, ok := asl.Explain("missing_end_state"); !ok || e.Code != "MISSING_END_STATE" {
		t.Errorf("got %+v, %v", e, ok)
	}
	if _, ok := asl.Explain("nothing"); ok {
		t.Error("explained a code that does not exist")
	}
}
