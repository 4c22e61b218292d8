package calls_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/sfnkit/sfnkit/asl"
	"github.com/sfnkit/sfnkit/asl/value"
	"github.com/sfnkit/sfnkit/emulator"
	"github.com/sfnkit/sfnkit/emulator/calls"
)

// shared finds the folder of recordings, which is no part of the repository.
func shared(t *testing.T) string {
	dir := os.Getenv("SFNKIT_SHARED")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared")
	}
	if _, err := os.Stat(filepath.Join(dir, "conformance", "cases")); err != nil {
		t.Skip("the recordings of the service are not here; name their folder in SFNKIT_SHARED")
	}
	return dir
}

type recordedCase struct {
	ID         string
	Kind       string
	Type       string
	Start      string
	Definition string
	Input      string
	Mock       json.RawMessage
	Lenient    bool `json:"mock_lenient"`
	Activity   json.RawMessage
	// what the recording shows in the place of a concrete value
	Replacements [][2]string
	Needs        struct {
		S3 []struct{ Bucket, Key, Body string }
	}
	Expected struct {
		Outcome struct {
			Status, Error string
			Cause, Output json.RawMessage
		}
		History json.RawMessage
	}
}

func recordedCases(t *testing.T, yield func(c *recordedCase)) {
	files, err := filepath.Glob(filepath.Join(shared(t), "conformance", "cases", "*", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		c := &recordedCase{}
		if err := json.Unmarshal(text, c); err != nil {
			t.Fatal(f, err)
		}
		if c.Kind == "execution" && c.Activity == nil {
			yield(c)
		}
	}
}

func (c *recordedCase) run(t *testing.T, caller emulator.Caller) (*emulator.Execution, error) {
	def, err := asl.Parse([]byte(c.Definition))
	if err != nil {
		return nil, err
	}
	m, err := emulator.Compile(def)
	if err != nil {
		return nil, err
	}
	input, err := value.ParseString(c.Input)
	if err != nil {
		return nil, err
	}
	store := calls.NewMemoryStore(noon)
	for _, o := range c.Needs.S3 {
		if err := store.Put(t.Context(), o.Bucket, o.Key, "", strings.NewReader(o.Body)); err != nil {
			return nil, err
		}
	}
	r, err := emulator.Run(t.Context(), m, input, emulator.Options{Caller: caller, Store: store, Info: emulator.Info{Express: c.Type == "EXPRESS"}})
	if err != nil {
		return nil, err
	}
	return r.Execution, nil
}

// output is the recorded output, which may be text or JSON; "" if it has placeholders.
func (c *recordedCase) output() string {
	text := string(c.Expected.Outcome.Output)
	var s string
	if json.Unmarshal([]byte(text), &s) == nil {
		text = s
	}
	if strings.ContainsAny(text, "<") || strings.Contains(text, "date") || strings.Contains(text, "1111111") {
		return ""
	}
	return text
}

// TestRecordings runs the recorded executions that read S3 or call services, with the
// answers that were recorded, and compares the outcomes: first with the mock configuration
// that comes with each, then with the recorded history itself for answers.
func TestRecordings(t *testing.T) {
	ran, replayed := 0, 0
	recordedCases(t, func(c *recordedCase) {
		mocked := len(c.Mock) > 0 && string(c.Mock) != "null"
		if !mocked && !strings.Contains(c.Definition, "ItemReader") && !strings.Contains(c.Definition, "ResultWriter") {
			return
		}
		callers := map[string]emulator.Caller{}
		if mocked {
			config, err := calls.ParseMocks(c.ID, c.Mock)
			if err != nil {
				t.Error(err)
				return
			}
			r, err := config.Responses("", "")
			if err != nil {
				t.Error(err)
				return
			}
			callers["mocked"] = calls.Recorded(r, nil)
			// Some recordings do not tell which event follows which.
			if h, err := calls.ParseHistory(c.ID, c.Expected.History); err == nil {
				callers["replayed"] = calls.Recorded(h, nil)
				replayed++
			}
		} else {
			callers["no calls"] = nil
		}
		for name, caller := range callers {
			ran++
			x, err := c.run(t, caller)
			if err != nil {
				t.Errorf("%s, %s: %v", c.ID, name, err)
				continue
			}
			want := c.Expected.Outcome
			if string(x.Status()) != want.Status {
				t.Errorf("%s, %s: %s (%v), want %s (%s: %s)", c.ID, name, x.Status(), x.Err(), want.Status, want.Error, want.Cause)
				continue
			}
			if text := c.output(); text != "" && x.Status() == emulator.Succeeded {
				out := x.Output().JSON()
				for _, r := range c.Replacements {
					if re, err := regexp.Compile(r[0]); err == nil {
						out = re.ReplaceAllLiteralString(out, r[1])
					}
				}
				want, err := value.ParseString(text)
				got, err2 := value.ParseString(out)
				if err == nil && err2 == nil && !value.Equal(got, want) {
					t.Errorf("%s, %s:\n got %s\nwant %s", c.ID, name, out, text)
				}
			}
			if e := x.Err(); e != nil && want.Error != "" && e.Name != want.Error {
				t.Errorf("%s, %s: %v, want %s", c.ID, name, e, want.Error)
			}
		}
	})
	t.Logf("%d runs, %d of them with a history for answers", ran, replayed)
}
