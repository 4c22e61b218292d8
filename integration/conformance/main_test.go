package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// TestRecordings fails where a level of the baseline does not pass any more.
func TestRecordings(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	var out bytes.Buffer
	err := run(context.Background(), config{
		shared: sharedFolder(), binary: os.Getenv("SFNKIT_BINARY"), baseline: filepath.Join("..", "conformance-baseline.json"),
		jobs: 16, maxWait: 20, out: &out,
	})
	if errors.Is(err, errMissing) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
}

func TestBaselineGrows(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	base := write("base.json", `{"a/1": ["L1", "L3"], "b/1": ["L1"]}`)
	if err := grow(base, write("now.json", `{"a/1": ["L1"], "b/1": ["L2", "L1"], "c/1": ["L1"]}`)); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(base)
	if err != nil {
		t.Fatal(err)
	}
	var got map[string][]string
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	want := "{\n\"a/1\": [\"L1\",\"L3\"],\n\"b/1\": [\"L1\",\"L2\"],\n\"c/1\": [\"L1\"]\n}\n"
	if string(text) != want {
		t.Errorf("got %s", text)
	}
}
