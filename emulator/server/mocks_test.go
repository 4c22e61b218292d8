package server

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/sfnkit/sfnkit/emulator/calls"
)

// TestMockFile changes the file of mocks under a running server.
func TestMockFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mocks.json")
	changed := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	write := func(answer string) {
		t.Helper()
		text := `{"StateMachines":{"m":{"TestCases":{"T":{"Call":"R"}}}},"MockedResponses":{"R":{"0":{"Return":` + answer + `}}}}`
		changed = changed.Add(time.Second)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, changed, changed); err != nil {
			t.Fatal(err)
		}
	}
	write("1")
	var notes []error
	file, err := calls.OpenMocks(path, func(err error) { notes = append(notes, err) })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := New(Options{MockFile: file, Mocks: file.Config()}); err == nil {
		t.Error("both are taken")
	}
	s := newServer(t, Options{MockFile: file})
	r := &script{t: t, s: s}
	got, _ := r.post("CreateStateMachine", `{"name":"m","type":"EXPRESS","roleArn":"arn:aws:iam::123456789012:role/r","definition":"`+
		`{\"StartAt\":\"Call\",\"States\":{\"Call\":{\"Type\":\"Task\",\"Resource\":\"arn:aws:states:::lambda:invoke\",\"Parameters\":{\"FunctionName\":\"f\"},\"End\":true}}}"}`)
	m := got.Get("stateMachineArn").Str()
	gives := func(want string) {
		t.Helper()
		got, status := r.post("StartSyncExecution", `{"stateMachineArn":"`+m+`#T"}`)
		if status != 200 || got.Get("output").Str() != want {
			t.Errorf("%d %s, not %s", status, got, want)
		}
	}
	gives("1")
	write("2")
	gives("2")
	write("!")
	gives("2")
	gives("2")
	write("3")
	gives("3")
	if len(notes) != 3 || notes[0] != nil || notes[1] == nil || notes[2] != nil {
		t.Error(notes)
	}
	c, err := calls.ParseMocks("c", []byte(`{"StateMachines":{"m":{"TestCases":{"T":{"Call":"R"}}}},"MockedResponses":{"R":{"0":{"Return":4}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	s.SetMocks(c)
	write("5")
	gives("4")
}
