package asl_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sfnkit/sfnkit/asl"
)

func problemsOf(err error) []string {
	var ds asl.Diagnostics
	errors.As(err, &ds)
	var out []string
	for _, d := range ds {
		out = append(out, fmt.Sprintf("%s %s", d.Position, d.Summary()))
	}
	return out
}

func TestSyntaxProblems(t *testing.T) {
	const token = ": was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')"
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"no JSON": {`not a definition`, []string{"1:1 Unrecognized token 'not'" + token}},
		"nothing": {``, []string{"1:1 Definition must be a valid JSON object"}},
		"a list":  {` [] `, []string{"1:1 Definition must be a valid JSON object"}},
		"commas": {"{\n \"StartAt\": \"A\",\n \"States\": {\"A\": {\"Type\": \"Pass\", \"End\": true,},},\n}", []string{
			"3:46 Unexpected character ('}' (code 125)): was expecting double-quote to start field name",
			"3:48 Unexpected character ('}' (code 125)): was expecting double-quote to start field name",
			"3:50 Unexpected character ('}' (code 125)): was expecting double-quote to start field name",
		}},
		"several": {"{\n \"StartAt\": A,\n \"States\": {\n  \"A\": {\"Type\" \"Pass\" \"End\": tru},\n  \"A\": 01\n }\n}", []string{
			"2:13 Unrecognized token 'A'" + token,
			`4:16 Unexpected character ('"' (code 34)): was expecting a colon to separate field name and value`,
			`4:23 Unexpected character ('"' (code 34)): was expecting comma to separate Object entries`,
			"4:30 Unrecognized token 'tru'" + token,
			"5:8 Invalid numeric value: Leading zeroes not allowed",
		}},
		"twice":      {`{"A": 1, "B": {"A": 2, "C": 3, "C": 4}, "A": 5}`, []string{"1:32 Duplicate field 'C'", "1:41 Duplicate field 'A'"}},
		"escape":     {`{"A": "\q", "B": "\u12"}`, []string{"1:8 Unrecognized character escape 'q' (code 113)", `1:19 Unexpected character in a \u escape: expected a hex-digit for character escape sequence`}},
		"open":       {`{"A": {"B": [1, 2`, []string{"1:18 Unexpected end-of-input: expected close marker for Array (start marker at [Source: (String)\"{\"A\": {\"B\": [1, 2\"; line: 1, column: 13])"}},
		"open quote": {"{\"A\": \"x,\n \"B\": 1}", []string{"1:10 Illegal unquoted character ((CTRL-CHAR, code 10)): has to be escaped using backslash to be included in string value"}},
		"comment":    {"{\n// here\n\"A\": 1}", []string{"2:1 Unexpected character ('/' (code 47)): maybe a (non-standard) comment? (not recognized as one since Feature 'ALLOW_COMMENTS' not enabled for parser)"}},
		"numbers": {`{"A": 1., "B": -x, "C": 1e+, "D": 1x, "E": [], "F": }`, []string{
			"1:9 Unexpected character (',' (code 44)) in numeric value: Decimal point not followed by a digit",
			"1:17 Unexpected character ('x' (code 120)) in numeric value: expected digit (0-9) to follow minus sign, for valid numeric value",
			"1:28 Unexpected character (',' (code 44)) in numeric value: Exponent indicator not followed by a digit",
			"1:36 Unexpected character ('x' (code 120)): was expecting comma to separate entries",
			"1:53 Unexpected character ('}' (code 125)): expected a value",
		}},
		"rest":       {"{}}", []string{"1:3 Unexpected character ('}' (code 125)): the definition ends before this"}},
		"yaml":       {"StartAt: A\nStates:\n  A:\n    Type: Pass\n    Type: Task\n", []string{"5:5 Duplicate field 'Type'"}},
		"yaml alias": {"StartAt: *nowhere\n", []string{"1:10 no anchor &nowhere before this alias"}},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := asl.Parse([]byte(c.text))
			if m == nil {
				t.Fatal("no machine")
			}
			got := problemsOf(err)
			for i, g := range got {
				got[i], _, _ = strings.Cut(g, "\n")
			}
			for i := range max(len(got), len(c.want)) {
				var g, w string
				if i < len(got) {
					g = got[i]
				}
				if i < len(c.want) {
					w = c.want[i]
				}
				if g != w {
					t.Errorf("problem %d\n got %s\nwant %s", i, g, w)
				}
			}
		})
	}
}

// The first problem of a text is told in the service's words (api_validation).
func TestSyntaxInTheServicesWords(t *testing.T) {
	_, err := asl.Parse([]byte("not a definition"))
	var ds asl.Diagnostics
	if !errors.As(err, &ds) || len(ds) == 0 {
		t.Fatal(err)
	}
	const where = `[Source: (String)"not a definition"; line: 1, column: 4]`
	if ds[0].Code != "INVALID_JSON_DESCRIPTION" || ds[0].Location != where || !strings.HasSuffix(ds[0].Message, "\n at "+where) {
		t.Errorf("got %+v", ds[0])
	}
}

func TestPositions(t *testing.T) {
	const json = `{
  "StartAt": "A/B",
  "States": {
    "A/B": {
      "Type": "Task", "Resource": "é", "Retry": [
        {"ErrorEquals": ["States.ALL"]}],
      "Catch": [{"Next": "C"}]
    },
    "A": {"B": {"Type": "x"}}
  }
}`
	m, err := asl.Parse([]byte(json))
	if err != nil {
		t.Fatal(err)
	}
	yaml, err := asl.Parse([]byte("# a comment\nStartAt: A/B\nStates:\n  A/B:\n    Type: Task\n    Resource: é\n    Retry:\n    - ErrorEquals: [é, States.ALL]\n"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		m        *asl.StateMachine
		location string
		want     string
	}{
		{m, "", "1:1"}, {m, "/", "1:1"}, {m, "/StartAt", "2:3"},
		{m, "/States/A/B", "4:5"}, {m, "/States/A/B/Type", "5:7"}, {m, "/States/A~1B/Resource", "5:23"},
		{m, "/States/A/B/Retry", "5:41"}, // columns are bytes
		{m, "/States/A/B/Retry[0]", "6:9"}, {m, "/States/A/B/Retry/0/ErrorEquals[0]", "6:26"},
		{m, "/States/A/B/Catch[0]/Next", "7:18"}, {m, "/States/A/B/Catch[7]/Next", "7:7"},
		{m, "/States/A/B/Nothing/here", "4:5"},
		{yaml, "/States/A/B", "4:3"}, {yaml, "/States/A/B/Retry[0]", "8:7"}, {yaml, "/States/A/B/Retry[0]/ErrorEquals", "8:7"},
		{yaml, "/States/A/B/Retry[0]/ErrorEquals[1]", "8:25"},
	} {
		if got := c.m.Source().Position(c.location).String(); got != c.want {
			t.Errorf("%q: %s, want %s", c.location, got, c.want)
		}
	}
}

// What has no place in the model is kept and printed again.
func TestNothingIsLost(t *testing.T) {
	const text = `{"StartAt":5,"States":{"A":{"Type":"Task","Next":["B"],"Retry":[1],"Foo":{"Bar":null},"End":"yes"}},"TimeoutSeconds":"x"}`
	m, err := asl.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	again, err := asl.Parse(asl.Print(m))
	if err != nil || !asl.Equal(m, again) {
		t.Fatalf("%v\n%s", err, asl.Print(m))
	}
	if len(m.Extra) != 1 || len(m.States[0].Extra) != 4 || m.States[0].Extra[2].Name != "Foo" {
		t.Errorf("kept %v and %v", m.Extra, m.States[0].Extra)
	}
}

func TestPlaceholdersWithoutQuotes(t *testing.T) {
	const text = `{"StartAt": "A", "States": {"A": {"Type": "Wait", "Seconds": ${Seconds}, "End": true}}}`
	if _, err := asl.Parse([]byte(text)); err == nil {
		t.Error("read as JSON")
	}
	m, err := asl.Parse([]byte(text), asl.WithPlaceholders())
	if err != nil || m.States[0].Seconds.Str() != "${Seconds}" {
		t.Errorf("%v: %v", err, m.States[0].Seconds)
	}
}

func TestHostileTexts(t *testing.T) {
	const mib = 1 << 20
	laughs := "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
	for i := 1; i < 12; i++ {
		laughs += fmt.Sprintf("a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 10), ", "))
	}
	indented := "a:"
	for i := 1; len(indented) < mib-2000; i++ {
		indented += "\n" + strings.Repeat(" ", i) + "a:"
	}
	for name, text := range map[string]string{
		"brackets":       strings.Repeat("[", mib),
		"braces":         strings.Repeat(`{"a":`, mib/5),
		"yaml brackets":  "a: " + strings.Repeat("[", mib-3),
		"yaml dashes":    "a:\n " + strings.Repeat("- ", mib/2-10),
		"yaml indents":   indented,
		"yaml questions": strings.Repeat("? ", mib/2),
		"laughs":         laughs,
		"itself":         "a: &a [*a]\n",
		"too large":      strings.Repeat(" ", mib+1),
		"quotes":         "{" + strings.Repeat(`"`, mib-2),
		"commas":         "{" + strings.Repeat(`,`, mib-2),
		"colons":         "{" + strings.Repeat(`"":`, mib/3-1),
		"anchors":        "a: " + strings.Repeat("&a ", mib/3-10),
		"tags":           "a: " + strings.Repeat("!a ", mib/3-10),
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			if m, err := asl.Parse([]byte(text)); err == nil {
				t.Errorf("read as %.200s", asl.Print(m))
			} else if len(err.Error()) > 4096 {
				t.Errorf("the error has %d bytes", len(err.Error()))
			}
			if d := time.Since(start); d > 30*time.Second {
				t.Errorf("took %v", d)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		`{"StartAt":"A","States":{"A":{"Type":"Choice","Choices":[{"And":[{"Variable":"$.x","NumericEquals":1.0}],"Next":"A"}]}}}`,
		"StartAt: A\nStates:\n  A: &x\n    Type: Pass\n    Result: [1, 0x2, ~, |\n    Next: B\n  B: *x\n",
		`{"A": "\ud83d\ude00\u0000", "States": {"": {"Retry": [{"ErrorEquals": []}]}}}`,
		"a: |\n  two\n  lines\n\nb: >-\n  x\n  y\n? k\n: v\n<<: {z: !Ref Q}\n",
		`{"Seconds": ${x}, "a":1,}`, "%YAML 1.2\n---\nx: \"\\u2028\"\n...\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := asl.Parse(text, asl.WithPlaceholders())
		if m == nil {
			t.Fatal("no machine")
		}
		printed := asl.Print(m)
		if err != nil {
			for _, d := range err.(asl.Diagnostics) {
				if d.Message == "" || d.Code == "" {
					t.Fatalf("%+v", d)
				}
			}
			return
		}
		if len(printed) > asl.MaxDefinitionSize {
			return
		}
		again, err := asl.Parse(printed, asl.WithFormat(asl.FormatJSON))
		if err != nil {
			t.Fatalf("%v\n%s", err, printed)
		}
		if !asl.Equal(m, again) || string(asl.Print(again)) != string(printed) {
			t.Fatalf("another machine\n%s\n%s", printed, asl.Print(again))
		}
		if strings.Contains(string(printed), `\uD`) {
			return // YAML has no lone surrogates
		}
		yaml := asl.PrintYAML(m)
		if len(yaml) > asl.MaxDefinitionSize {
			return
		}
		if again, err = asl.Parse(yaml, asl.WithFormat(asl.FormatYAML)); err != nil {
			t.Fatalf("%v\n%s", err, yaml)
		}
		if !asl.Equal(m, again) {
			t.Fatalf("another machine from YAML\n%s\n%s", yaml, asl.Print(again))
		}
	})
}
