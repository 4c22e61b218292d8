package suite

import (
	"bytes"
	"context"
	"encoding/xml"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/sfnkit/sfnkit/asl/value"
)

var update = flag.Bool("update", false, "write what is wanted into the files of testdata")

// TestData runs the test files in each archive of testdata, and compares what is printed
// with its part "want".
func TestData(t *testing.T) {
	archives, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatal(err, archives)
	}
	top, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range archives {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			t.Chdir(t.TempDir())
			var want *txtar.File
			for i, f := range archive.Files {
				if f.Name == "want" {
					want = &archive.Files[i]
					continue
				}
				if err := os.MkdirAll(filepath.Dir(f.Name), 0o777); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(f.Name, f.Data, 0o666); err != nil {
					t.Fatal(err)
				}
			}
			got := runHere(t)
			if *update {
				want.Data = got
				if err := os.WriteFile(filepath.Join(top, name), txtar.Format(archive), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(string(want.Data), string(got)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if again := runHere(t); !bytes.Equal(got, again) {
				t.Errorf("a second run prints something else:\n%s", again)
			}
		})
	}
}

// runHere runs all test files in the current folder and prints what came of them.
func runHere(t *testing.T) []byte {
	var out bytes.Buffer
	var files []*File
	for _, name := range must(Find("."))(t) {
		f, err := Load(name)
		if err != nil {
			out.WriteString(err.Error() + "\n")
			continue
		}
		files = append(files, f)
	}
	if len(files) == 0 {
		return out.Bytes()
	}
	r := must(Run(context.Background(), files, Options{Parallel: 4}))(t)
	if err := r.WriteText(&out, TextOptions{Verbose: true, Coverage: true}); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func TestFind(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, f := range []string{"a/x.test.yaml", "a/b/y.test.json", "a/b/z.yaml", "a/testdata/t.test.yaml", "a/.git/g.test.yml", "a/node_modules/n.test.yml", "c.test.yml"} {
		if err := os.MkdirAll(filepath.Dir(f), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(f, nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("a", "link"); err != nil {
		t.Skipf("symbolic links are needed: %v", err)
	}
	for _, test := range []struct{ paths, want string }{
		{".", "a/b/y.test.json a/x.test.yaml c.test.yml"},
		{"a/x.test.yaml ./a", "a/b/y.test.json a/x.test.yaml"},
		{"link", "link/b/y.test.json link/x.test.yaml"},
		{"a/testdata a/b/z.yaml", "a/b/z.yaml a/testdata/t.test.yaml"},
	} {
		got := must(Find(strings.Fields(test.paths)...))(t)
		if s := filepath.ToSlash(strings.Join(got, " ")); s != test.want {
			t.Errorf("%s: got %s, want %s", test.paths, s, test.want)
		}
	}
	if _, err := Find("none"); err == nil {
		t.Error("there is no error for a path that is not there")
	}
}

func TestDiff(t *testing.T) {
	long := strings.Repeat("é", 200)
	for _, test := range []struct {
		want, got string
		partial   bool
		diff      string
	}{
		{`1`, `1.0`, false, ``},
		{`{"a": 1, "b": [1, 2]}`, `{"b": [1, 2], "a": 1}`, false, ``},
		{`{"a": 1}`, `{"a": 1, "b": null}`, false, `at /b: want nothing, got null`},
		{`{"a": 1}`, `{"a": 1, "b": null}`, true, ``},
		{`{"a": null}`, `{}`, true, `at /a: want null, got nothing`},
		{`{"a/b": {"~": [1, {"x": 2}]}}`, `{"a/b": {"~": [1, {"x": 3}, 4]}}`, true, `at /a~1b/~0/1/x: want 2, got 3; at /a~1b/~0/2: want nothing, got 4`},
		{`[]`, `{}`, false, `want [], got {}`},
		{`"` + long + `a"`, `"` + long + `b"`, false, `want …` + strings.Repeat("é", 20) + `a", got …` + strings.Repeat("é", 20) + `b"`},
	} {
		var lines []string
		for _, d := range Diff(value.MustParse(test.want), value.MustParse(test.got), test.partial) {
			lines = append(lines, d.String())
			if got := lookup(value.MustParse(test.got), d.Pointer); got.String() != d.Got.String() {
				t.Errorf("lookup %s: %s", d.Pointer, got)
			}
		}
		if got := strings.Join(lines, "; "); got != test.diff {
			t.Errorf("%s and %s:\n got %s\nwant %s", test.want, test.got, got, test.diff)
		}
	}
}

func TestThresholds(t *testing.T) {
	for text, want := range map[string]string{
		"90":                            "",
		"100":                           `d.asl.json: the coverage of all items is 75.0 %, below the threshold of 100 %`,
		"states=100,choice-rules=66.5%": `d.asl.json: the coverage of states is 50.0 %, below the threshold of 100 %`,
		"101":                           `"101" is not a percentage from 0 to 100`,
		"NaN":                           `"NaN" is not a percentage from 0 to 100`,
		"rules=1":                       `"rules" is not one of states, transitions, choice-rules, retriers, catchers`,
	} {
		r := &Report{Coverage: []*Coverage{{Definition: "d.asl.json", items: []Item{{Kind: States}, {Kind: States, Hits: 1}, {Kind: ChoiceRules, Hits: 2}, {Kind: Retriers, Hits: 1}}}}}
		if text == "90" {
			r.Coverage[0].items = r.Coverage[0].items[1:]
		}
		thresholds, err := ParseThresholds(text)
		got := strings.Join(r.Below(thresholds), "\n")
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
}

// TestFormats compares the machine-readable reports, without their times, and selects cases.
func TestFormats(t *testing.T) {
	top := must(os.Getwd())(t)
	archive := must(txtar.ParseFile("testdata/broken.txtar"))(t)
	t.Chdir(t.TempDir())
	for _, f := range archive.Files {
		if err := os.WriteFile(f.Name, f.Data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	f := must(Load("broken.test.yaml"))(t)
	r := must(Run(context.Background(), []*File{f}, Options{Run: regexp.MustCompile("Total|Missing")}))(t)
	var junit bytes.Buffer
	if err := r.WriteJUnit(&junit); err != nil {
		t.Fatal(err)
	}
	if err := xml.Unmarshal(junit.Bytes(), new(junitSuites)); err != nil {
		t.Error(err)
	}
	text := append(r.JSON().AppendIndent(nil, "  "), '\n')
	for name, got := range map[string][]byte{
		"broken.junit.xml": regexp.MustCompile(`time="[0-9.]+"`).ReplaceAll(junit.Bytes(), []byte(`time="T"`)),
		"broken.json":      regexp.MustCompile(`"seconds": [0-9.e-]+`).ReplaceAll(text, []byte(`"seconds": 0`)),
	} {
		file := filepath.Join(top, "testdata", name)
		if *update {
			if err := os.WriteFile(file, got, 0o666); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff(string(must(os.ReadFile(file))(t)), string(got)); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
	}
}

// TestEnds ends a run that nobody waits for any more.
func TestEnds(t *testing.T) {
	archive := must(txtar.ParseFile("testdata/broken.txtar"))(t)
	t.Chdir(t.TempDir())
	for _, f := range archive.Files {
		if err := os.WriteFile(f.Name, f.Data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Run(ctx, []*File{must(Load("broken.test.yaml"))(t)}, Options{}); err != context.Canceled {
		t.Errorf("got %v", err)
	}
}

func FuzzLoad(f *testing.F) {
	archives, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range archives {
		a, err := txtar.ParseFile(name)
		if err != nil {
			f.Fatal(err)
		}
		for _, x := range a.Files {
			if stem(x.Name) != "" && len(x.Data) < 2000 {
				f.Add(x.Data)
			}
		}
	}
	dir := f.TempDir()
	definition := `{"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "arn:aws:states:::bedrock:invokeModel", "End": true}}}`
	if err := os.WriteFile(filepath.Join(dir, "workflow.asl.json"), []byte(definition), 0o666); err != nil {
		f.Fatal(err)
	}
	file := filepath.Join(dir, "x.test.yaml")
	f.Fuzz(func(t *testing.T, text []byte) {
		if err := os.WriteFile(file, text, 0o666); err != nil {
			t.Fatal(err)
		}
		x, err := Load(file)
		if err != nil {
			if _, ok := err.(*FileError); !ok {
				t.Errorf("%T: %v", err, err)
			}
			return
		}
		// What can be read can be run, unless it speaks of other files.
		if bytes.Contains(text, []byte("responses")) || bytes.Contains(text, []byte("definition")) {
			return
		}
		if _, err := Run(context.Background(), []*File{x}, Options{Parallel: 1}); err != nil {
			t.Error(err)
		}
	})
}
