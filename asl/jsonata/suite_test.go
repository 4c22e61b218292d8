package jsonata_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/sfnkit/sfnkit/asl/jsonata"
	"github.com/sfnkit/sfnkit/asl/value"
)

// corpus returns the folder of the official test suite, or skips the test.
func corpus(t *testing.T) string {
	t.Helper()
	shared := os.Getenv("SFNKIT_SHARED")
	if shared == "" {
		shared = filepath.Join("..", "..", "..", "shared")
	}
	dir := filepath.Join(shared, "corpora", "jsonata")
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("the JSONata test suite is not there: %v (set SFNKIT_SHARED)", err)
	}
	return dir
}

func readJSON(t *testing.T, path string) value.Value {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	v, err := value.Parse(text)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return v
}

// runCase evaluates one case of the suite.
func runCase(t *testing.T, dir string, c value.Value, group string, opts ...jsonata.Option) (value.Value, error) {
	t.Helper()
	src := c.Get("expr").Str()
	if f := c.Get("expr-file"); f.IsString() {
		text, err := os.ReadFile(filepath.Join(dir, "groups", group, f.Str()))
		if err != nil {
			t.Fatal(err)
		}
		src = string(text)
	}
	input := c.Get("data")
	if d := c.Get("dataset"); d.IsString() {
		input = readJSON(t, filepath.Join(dir, "datasets", d.Str()+".json"))
	}
	if tl := c.Get("timelimit"); tl.IsNumber() {
		depth, _ := c.Get("depth").Int64()
		opts = append(opts, jsonata.WithLimits(jsonata.Limits{
			Time: time.Duration(tl.Float64()) * time.Millisecond, Depth: int(depth),
		}))
	}
	x, err := jsonata.Compile(src, opts...)
	if err != nil {
		return value.Value{}, err
	}
	var vars jsonata.Vars
	for k, v := range c.Get("bindings").Members() {
		vars = append(vars, jsonata.Var{Name: k, Value: v})
	}
	return x.Eval(context.Background(), input, &jsonata.Env{Vars: vars})
}

func TestSuite(t *testing.T) {
	dir := corpus(t)
	texts := map[string]value.Value{}
	for _, e := range readJSON(t, filepath.Join(dir, "errors.json")).Elems() {
		texts[e.Get("id").Str()] = e
	}
	for _, entry := range readJSON(t, filepath.Join(dir, "index.json")).Elems() {
		id := entry.Get("id").Str()
		t.Run(id, func(t *testing.T) {
			file := entry.Get("file").Str()
			c := readJSON(t, filepath.Join(dir, file))
			if i, ok := entry.Get("index").Int64(); ok {
				c = c.At(int(i))
			}
			got, err := runCase(t, dir, c, filepath.Base(filepath.Dir(file)))
			check(t, c, got, err)
			want, ok := texts[id]
			if !ok || t.Failed() {
				return
			}
			var e *jsonata.Error
			if !errors.As(err, &e) {
				t.Fatalf("no *Error: %v", err)
			}
			if m := want.Get("message"); m.IsString() && e.Message != m.Str() {
				t.Errorf("message %q, want %q", e.Message, m.Str())
			}
			if p, ok := want.Get("position").Int64(); ok && int64(e.Position) != p || !ok && e.Position != -1 {
				t.Errorf("position %d, want %v", e.Position, want.Get("position"))
			}
			token := e.Token
			if token.IsAbsent() {
				token = value.Null
			}
			if !value.Equal(token, want.Get("token")) {
				t.Errorf("token %v, want %v", token, want.Get("token"))
			}
		})
	}
}

func check(t *testing.T, c, got value.Value, err error) {
	t.Helper()
	code := c.Get("code")
	if e := c.Get("error"); e.IsObject() {
		code = e.Get("code")
	}
	var e *jsonata.Error
	switch {
	case code.IsString():
		if !errors.As(err, &e) || e.Code != code.Str() {
			t.Errorf("%s\n got %v, %v\nwant error %s", c.Get("expr"), got, err, code.Str())
		}
	case err != nil:
		t.Errorf("%s\n got error %v\nwant %v", c.Get("expr"), err, c.Get("result"))
	case c.Get("undefinedResult").Truth():
		if !got.IsAbsent() {
			t.Errorf("%s\n got %v\nwant nothing", c.Get("expr"), got)
		}
	default:
		if !value.Equal(got, c.Get("result")) {
			t.Errorf("%s\n got %v\nwant %v", c.Get("expr"), got, c.Get("result"))
		}
	}
}

// TestLater runs the cases that came after 2.0.6, which WithLatest is for.
func TestLater(t *testing.T) {
	dir := corpus(t)
	for _, entry := range readJSON(t, filepath.Join(dir, "later.json")).Get("cases").Elems() {
		id := entry.Get("id").Str()
		t.Run(id, func(t *testing.T) {
			c := entry.Get("case")
			got, err := runCase(t, dir, c, filepath.Dir(id), jsonata.WithLatest())
			check(t, c, got, err)
			if entry.Get("status_in_2_0_6").Str() == "same" {
				got, err := runCase(t, dir, c, filepath.Dir(id))
				check(t, c, got, err)
			}
			// Where 2.0.6 has a result or a code of its own, so have we without the option.
			old := entry.Get("result_in_2_0_6")
			got, err = runCase(t, dir, c, filepath.Dir(id))
			var e *jsonata.Error
			if code := old.Get("code"); code.IsString() && (!errors.As(err, &e) || e.Code != code.Str()) {
				t.Errorf("2.0.6 gives %s, got %v, %v", code, got, err)
			}
			if want := old.Get("result"); !want.IsAbsent() && !value.Equal(got, want) && filepath.Dir(id) != "wildcards" {
				t.Errorf("2.0.6 gives %v, got %v, %v", want, got, err)
			}
		})
	}
}
