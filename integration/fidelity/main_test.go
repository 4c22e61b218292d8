package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPage(t *testing.T) {
	out := filepath.Join(t.TempDir(), "page.md")
	if err := run("testdata/results.json", "testdata/differences.json", "2026-01-02", out); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	golden := filepath.Join("testdata", "page.md")
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(golden, got, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Error(diff)
	}
}

func TestStaleReason(t *testing.T) {
	err := run("testdata/results.json", "testdata/stale.json", "2026-01-02", filepath.Join(t.TempDir(), "page.md"))
	if err == nil || !strings.Contains(err.Error(), `"base/fine" explains no failing case`) {
		t.Errorf("a reason for a passing case is not refused: %v", err)
	}
}
