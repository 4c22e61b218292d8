package jsonata_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sfnkit/sfnkit/asl/jsonata"
	"github.com/sfnkit/sfnkit/asl/value"
)

// TestLanguage runs the expressions of testdata/*.txt on testdata/input.json.
func TestLanguage(t *testing.T) {
	input := readJSON(t, filepath.Join("testdata", "input.json"))
	files, err := filepath.Glob(filepath.Join("testdata", "*.txt"))
	if err != nil || len(files) == 0 {
		t.Fatal("no test data:", err)
	}
	for _, file := range files {
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		var opts []jsonata.Option
		if strings.Contains(file, "latest") {
			opts = append(opts, jsonata.WithLatest())
		}
		if strings.Contains(file, "stepfunctions") {
			opts = append(opts, jsonata.StepFunctions())
		}
		expr, line := "", 0
		for s := bufio.NewScanner(f); s.Scan(); {
			line++
			kind, rest, _ := strings.Cut(s.Text(), " ")
			switch kind {
			case ">":
				expr = rest
			case "=", "!":
				at := fmt.Sprintf("%s:%d", filepath.Base(file), line)
				got, want := outcome(expr, input, opts...), strings.TrimSpace(kind+" "+rest)
				if g, ok := strings.CutPrefix(got, "= "); ok && kind == "=" && rest != "" {
					if value.Equal(value.MustParse(g), value.MustParse(rest)) {
						continue
					}
				}
				if got != want {
					t.Errorf("%s: %s\n got %s\nwant %s", at, expr, got, want)
				}
			}
		}
	}
}

// outcome evaluates an expression and writes the outcome in the notation of the test data.
func outcome(expr string, input value.Value, opts ...jsonata.Option) string {
	x, err := jsonata.Compile(expr, opts...)
	var v value.Value
	if err == nil {
		v, err = x.Eval(context.Background(), input, nil)
	}
	var e *jsonata.Error
	switch {
	case errors.As(err, &e):
		return fmt.Sprintf("! %s @%d %s", e.Code, e.Position, e.Message)
	case err != nil:
		return "! " + err.Error()
	case v.IsAbsent():
		return "="
	}
	return "= " + v.JSON()
}
