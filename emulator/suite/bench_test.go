package suite

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
)

// BenchmarkRun loads a file of 100 cases, each of which waits a year, and runs them.
func BenchmarkRun(b *testing.B) {
	b.Chdir(b.TempDir())
	var text strings.Builder
	text.WriteString("mocks: {Ask: {Return: {answer: 42}}}\ncases:\n")
	for i := range 100 {
		fmt.Fprintf(&text, "- name: case %d\n  input: {n: %d}\n  expect: {output: {n: %d, answer: {answer: 42}}, path: [Ask, Rest], assert: $count($calls) = 1}\n", i, i, i)
	}
	for name, text := range map[string]string{
		"a.test.yaml": text.String(),
		"a.asl.json": `{"StartAt": "Ask", "States": {
  "Ask": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "ResultPath": "$.answer", "Next": "Rest"},
  "Rest": {"Type": "Wait", "Seconds": 31536000, "End": true}}}`,
	} {
		if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		f, err := Load("a.test.yaml")
		if err != nil {
			b.Fatal(err)
		}
		r, err := Run(context.Background(), []*File{f}, Options{})
		if err != nil || r.Failed() > 0 {
			b.Fatal(err, r.Failed())
		}
	}
}
