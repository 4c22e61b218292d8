package value_test

import (
	"bytes"
	"encoding/json"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/sfnkit/sfnkit/asl/value"
)

func TestRoundTripKeepsTheText(t *testing.T) {
	for _, text := range []string{
		`null`, `true`, `false`, `0`, `-0`, `1.0`, `1e2`, `12345678901234567890`, `-9223372036854775808`, `1.50`,
		`""`, `"a\"b\\c/"`, `"\b\f\n\r\t\u0001"`, `"héllo 世界 😀"`, `"\uD800"`, `[]`, `{}`, `[[],{},[1,2]]`,
		`{"z":1,"a":{"b":[null]},"m":"<&>"}`,
	} {
		v, err := value.ParseString(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := v.JSON(); got != text {
			t.Errorf("%s printed as %s", text, got)
		}
		if v.Size() != len(text) {
			t.Errorf("%s: size %d, want %d", text, v.Size(), len(text))
		}
	}
}

func TestParseNormalises(t *testing.T) {
	for text, want := range map[string]string{
		" [ 1 , 2 ] ":            `[1,2]`,
		`{"a":1,"b":2,"a":3}`:    `{"a":3,"b":2}`,
		`"\u0041\/\ud83d\ude00"`: `"A/😀"`,
		`[{"a":1,"b":2},{"a":1},{"a":1,"b":2,"c":3},{"b":1,"a":2},{"\u0061":7}]`: `[{"a":1,"b":2},{"a":1},{"a":1,"b":2,"c":3},{"b":1,"a":2},{"a":7}]`,
	} {
		v, err := value.ParseString(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if got := v.JSON(); got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
}

// What is no surrogate is printed as it is, and the size that is told is the size printed.
func TestQuote(t *testing.T) {
	for text, want := range map[string]string{
		"\xed\xa0\xbd":           `"\uD83D"`,
		"\xed\xbf\xbfx":          `"\uDFFFx"`,
		"\xed\x9f\xbf":           "\"\ud7ff\"",
		"\xed\xc80":              "\"\xed\xc80\"",
		"\xed\xa0":               "\"\xed\xa0\"",
		"\xed\xa0A":              "\"\xed\xa0A\"",
		"\xed":                   "\"\xed\"",
		"\x00\x1f\b\f\n\r\t\"\\": `"\u0000\u001F\b\f\n\r\t\"\\"`,
	} {
		if got := string(value.AppendQuoted(nil, text)); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
		if got := value.String(text).Size(); got != len(want) {
			t.Errorf("%q: size %d, want %d", text, got, len(want))
		}
	}
	if got, want := string(value.AppendQuotedLower(nil, "\x1f\xed\xa0\xbd\xed\xc80")), "\"\\u001f\\ud83d\xed\xc80\""; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestUnescape(t *testing.T) {
	for text, want := range map[string]string{
		`\n`: "\n", `\/x`: "/", `\u0041bc`: "A", `\ud83d\ude00`: "😀", `\uD83Dx`: "\xed\xa0\xbd",
		`\ud83d\u0041`: "\xed\xa0\xbd", `\ud83d\ud83d`: "\xed\xa0\xbd", `\ude00`: "\xed\xb8\x80", `\ud83d\ude0`: "\xed\xa0\xbd",
		`\x`: "", `\`: "", ``: "", `n`: "", `\u004`: "", `\u+041`: "", `\u00g1`: "",
	} {
		got, n := value.AppendUnescaped(nil, text)
		if string(got) != want || n > len(text) || (n == 0) != (want == "") {
			t.Errorf("%s: got %q of %d bytes, want %q", text, got, n, want)
		}
	}
}

func TestParseErrors(t *testing.T) {
	deep := strings.Repeat("[", value.MaxDepth+1)
	for text, want := range map[string]string{
		``: "unexpected end of text at offset 0", `{`: "expected a member name but found end of text at offset 1",
		`[1 2]`: "expected ',' or ']' but found '2' at offset 3", `{"a" 1}`: "expected ':' but found '1' at offset 5",
		`01`: "unexpected '1' after the value at offset 1", `1.`: "invalid number at offset 0", `"a`: "unterminated string at offset 2",
		"\"\x01\"": "control character in a string at offset 1", "\"\xff\"": "invalid UTF-8 in a string at offset 1",
		"\"\xff\\n\"": "invalid UTF-8 in a string at offset 1", "\"a\\n\xff\"": "invalid UTF-8 in a string at offset 4",
		`"\x"`: "invalid escape at offset 1", `tru`: "unexpected 't' at offset 0", `{} x`: "unexpected 'x' after the value at offset 3",
		deep: "nested too deeply at offset 1000", `[1,]`: "unexpected ']' at offset 3", `{"a":1,}`: "expected a member name but found '}' at offset 7",
	} {
		_, err := value.ParseString(text)
		if err == nil || err.Error() != want {
			t.Errorf("%.20q: got %v, want %s", text, err, want)
		}
	}
}

func TestNumbers(t *testing.T) {
	for _, c := range []struct {
		text  string
		i     int64
		isInt bool
		f     float64
		canon string
	}{
		{"1", 1, true, 1, "1"}, {"1.0", 1, true, 1, "1"}, {"1e2", 100, true, 100, "100"}, {"1.5", 0, false, 1.5, "1.5"},
		{"12345678901234567890", 0, false, 12345678901234567890, "12345678901234567000"},
		{"9007199254740993", 9007199254740993, true, 9007199254740992, "9007199254740993"},
		{"1e400", 0, false, math.Inf(1), "null"}, {"1e21", 0, false, 1e21, "1e+21"}, {"1e-7", 0, false, 1e-7, "1e-7"},
	} {
		v, ok := value.Number(c.text)
		if !ok {
			t.Fatalf("%s is a number", c.text)
		}
		if i, isInt := v.Int64(); i != c.i || isInt != c.isInt {
			t.Errorf("%s: Int64 %d %v", c.text, i, isInt)
		}
		if v.Float64() != c.f {
			t.Errorf("%s: Float64 %v", c.text, v.Float64())
		}
		if v.NumberText() != c.text {
			t.Errorf("%s: text %s", c.text, v.NumberText())
		}
		if got := v.Canonical().JSON(); got != c.canon {
			t.Errorf("%s: canonical %s, want %s", c.text, got, c.canon)
		}
	}
	for _, bad := range []string{"", "-", "01", ".5", "1.", "1e", "+1", "0x1", "NaN", "1 "} {
		if _, ok := value.Number(bad); ok {
			t.Errorf("%q is no number", bad)
		}
	}
}

func TestChangesCopy(t *testing.T) {
	v := value.MustParse(`{"a":1,"b":{"c":2}}`)
	w := v.With("a", value.Int(9)).With("d", value.True)
	x := w.Without("b")
	if v.JSON() != `{"a":1,"b":{"c":2}}` || w.JSON() != `{"a":9,"b":{"c":2},"d":true}` || x.JSON() != `{"a":9,"d":true}` {
		t.Errorf("got %s, %s, %s", v, w, x)
	}
	if w.Size() != len(w.JSON()) {
		t.Errorf("size %d of %s", w.Size(), w)
	}
	if value.Null.With("a", value.True).JSON() != `{"a":true}` {
		t.Error("With on a value that is no object makes one")
	}
}

func TestEqual(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{`{"a":1,"b":[2,null]}`, `{"b":[2.0,null],"a":1e0}`, true}, {`{"a":1}`, `{"a":1,"b":1}`, false},
		{`{"a":1}`, `{"b":1}`, false}, {`[1,2]`, `[2,1]`, false}, {`"a"`, `"a"`, true}, {`null`, `false`, false},
		{`9007199254740993`, `9007199254740992`, false}, {`12345678901234567891`, `12345678901234567891`, true},
	} {
		if got := value.Equal(value.MustParse(c.a), value.MustParse(c.b)); got != c.want {
			t.Errorf("%s = %s: %v", c.a, c.b, got)
		}
	}
}

func TestManyNames(t *testing.T) {
	b := value.NewBuilder(0)
	var want strings.Builder
	for i := range 200 {
		k := strings.Repeat("k", i+1)
		b.Set(k, value.Int(-1)).Set(k, value.Int(int64(i)))
		want.WriteString(k)
	}
	v := b.Object()
	if v.Len() != 200 || strings.Join(v.Keys(), "") != want.String() {
		t.Fatal("names are lost or out of order")
	}
	if got, _ := v.Get(strings.Repeat("k", 150)).Int64(); got != 149 {
		t.Errorf("got %d", got)
	}
	if !v.Get("none").IsAbsent() {
		t.Error("a missing member is absent")
	}
}

func TestOfAndAny(t *testing.T) {
	in := map[string]any{"b": []any{1, 2.5, "x", nil, true}, "a": map[string]value.Value{"k": value.Null}}
	v, err := value.Of(in)
	if err != nil {
		t.Fatal(err)
	}
	if v.JSON() != `{"a":{"k":null},"b":[1,2.5,"x",null,true]}` {
		t.Errorf("got %s", v)
	}
	if want := map[string]any{"a": map[string]any{"k": nil}, "b": []any{int64(1), 2.5, "x", nil, true}}; !reflect.DeepEqual(v.Any(), want) {
		t.Errorf("got %#v", v.Any())
	}
	if _, err := value.Of([]any{map[string]any{"f": func() {}}}); err == nil || !strings.Contains(err.Error(), `element 0: member "f"`) {
		t.Errorf("got %v", err)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{`{"a":[1,2.5e3,"\u00e9\ud83d"],"a":null}`, `[[{"a":1},{"a":2,"b":3}]]`, ` "x" `, `-0`, `{"":{}}`, "\"\x9a\\u0020\""} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		v, err := value.Parse(text)
		if err != nil {
			return
		}
		if !json.Valid(text) {
			t.Fatalf("%q is not JSON", text)
		}
		out := v.AppendJSON(nil)
		if len(out) != v.Size() {
			t.Fatalf("%q: size %d of %q", text, v.Size(), out)
		}
		again, err := value.Parse(out)
		if err != nil || !value.Equal(v, again) {
			t.Fatalf("%q printed as %q: %v", text, out, err)
		}
		if !bytes.Equal(again.AppendJSON(nil), out) {
			t.Fatalf("%q does not print the same twice", text)
		}
	})
}

func document() []byte {
	var b bytes.Buffer
	b.WriteString(`{"items":[`)
	for i := range 10000 {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`{"id":1234,"name":"item number","price":12.5,"tags":["a","b"],"ok":true}`)
	}
	b.WriteString(`]}`)
	return b.Bytes()
}

func BenchmarkParse(b *testing.B) {
	doc := document()
	b.Run("value", func(b *testing.B) {
		b.SetBytes(int64(len(doc)))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := value.Parse(doc); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("encoding_json", func(b *testing.B) {
		b.SetBytes(int64(len(doc)))
		b.ReportAllocs()
		for b.Loop() {
			var v any
			if err := json.Unmarshal(doc, &v); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkPrint(b *testing.B) {
	v, _ := value.Parse(document())
	buf := make([]byte, 0, v.Size())
	b.SetBytes(int64(v.Size()))
	for b.Loop() {
		buf = v.AppendJSON(buf[:0])
	}
}
