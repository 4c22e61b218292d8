package asl_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/sfnkit/sfnkit/asl"
)

func TestCorpusVerdicts(t *testing.T) {
	refused, passed, valid, invalid := 0, 0, 0, 0
	for _, e := range corpus(t) {
		typ := asl.Standard
		if e.Type == "EXPRESS" {
			typ = asl.Express
		}
		ds := asl.Check(e.text, asl.ForType(typ))
		switch {
		case mislabelled[e.ID] != "":
		case e.Verdict == "valid":
			valid++
			if err := ds.Err(); err != nil {
				refused++
				t.Errorf("refused %s (%s): %v", e.ID, e.Basis, lines(ds))
			}
		case e.Verdict == "invalid":
			invalid++
			if e.AWSRecorded {
				checkRecorded(t, e)
			}
			if !ds.HasErrors() {
				passed++
				t.Errorf("passed %s (%s): want %s %q at %s", e.ID, e.Basis, e.Expected.Code, e.Expected.Message, e.Expected.Location)
			}
		}
	}
	t.Logf("%d of %d valid refused, %d of %d invalid passed", refused, valid, passed, invalid)
}

func lines(ds asl.Diagnostics) string {
	var b strings.Builder
	for _, d := range ds {
		if d.Severity == asl.SeverityError {
			fmt.Fprintf(&b, "\n\t%s %s %s at %s (%s)", d.Position, d.Code, d.Summary(), d.Location, d.Hint)
		}
	}
	return b.String()
}

// checkRecorded compares with what the service was recorded to say.
func checkRecorded(t *testing.T, e corpusEntry) {
	typ := asl.Standard
	if e.Type == "EXPRESS" {
		typ = asl.Express
	}
	ds := asl.Check(e.text, asl.AsService(), asl.AtLeast(asl.SeverityError), asl.ForType(typ))
	if len(ds) != 1 {
		t.Errorf("%s: %d findings, want one: %v", e.ID, len(ds), lines(ds))
		return
	}
	if d := ds[0]; d.Code != e.Expected.Code || maskPartition(d.Summary()) != maskPartition(e.Expected.Message) || d.Location != e.Expected.Location {
		t.Errorf("%s\n got %s %q at %q\nwant %s %q at %q", e.ID, d.Code, d.Summary(), d.Location, e.Expected.Code, e.Expected.Message, e.Expected.Location)
	}
}

// All public definitions in one run.
func BenchmarkValidateCorpus(b *testing.B) {
	entries := corpus(b)
	for b.Loop() {
		for _, e := range entries {
			asl.Check(e.text)
		}
	}
}

func BenchmarkValidateOne(b *testing.B) {
	text := large(20 << 10)
	for b.Loop() {
		asl.Check(text)
	}
}

func BenchmarkValidateLarge(b *testing.B) {
	text := large(asl.MaxDefinitionSize)
	for b.Loop() {
		asl.Check(text)
	}
}
