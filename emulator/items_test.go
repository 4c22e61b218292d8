package emulator

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/sfnkit/sfnkit/asl"
	"github.com/sfnkit/sfnkit/asl/value"
)

// bucket is a Store of one bucket, "b".
type bucket map[string]string

func (b bucket) Get(_ context.Context, name, key string) (io.ReadCloser, ObjectInfo, error) {
	if name != "b" {
		return nil, ObjectInfo{}, fmt.Errorf("%s: %w", name, ErrNoBucket)
	}
	text, ok := b[key]
	if !ok {
		return nil, ObjectInfo{}, fmt.Errorf("%s: %w", key, ErrNoObject)
	}
	return io.NopCloser(strings.NewReader(text)), ObjectInfo{Key: key, Size: int64(len(text))}, nil
}

func (b bucket) Put(_ context.Context, name, key, contentType string, body io.Reader) error {
	if name != "b" {
		return fmt.Errorf("%s: %w", name, ErrNoBucket)
	}
	text, err := io.ReadAll(body)
	b[key] = string(text)
	return err
}

func (b bucket) List(_ context.Context, name, prefix string, yield func(ObjectInfo) bool) error {
	if name != "b" {
		return fmt.Errorf("%s: %w", name, ErrNoBucket)
	}
	var keys []string
	for k := range b {
		if strings.HasPrefix(k, prefix) {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	for _, k := range keys {
		if !yield(ObjectInfo{Key: k, Size: int64(len(b[k])), ETag: "e-" + k, LastModified: time.Unix(1700000000, 5e8)}) {
			return nil
		}
	}
	return nil
}

func zstandard(s string) string {
	z, _ := zstd.NewWriter(nil)
	return string(z.EncodeAll([]byte(s), nil))
}

func zipped(s string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write([]byte(s))
	z.Close()
	return b.String()
}

const getObject, listObjectsV2 = "arn:aws:states:::s3:getObject", "arn:aws:states:::s3:listObjectsV2"

// items reads all items, and ends with the error if there is one.
func readAll(s Store, src *ItemSource) string {
	var b strings.Builder
	r, e := readItems(context.Background(), s, src)
	if e != nil {
		return e.Error()
	}
	defer r.Close()
	for {
		v, err := r.Next()
		if err == io.EOF {
			if v, err := r.Next(); err != io.EOF { // batches look again
				return b.String() + "after the end " + v.Value.JSON() + " " + fmt.Sprint(err)
			}
			return b.String()
		}
		if err != nil {
			return b.String() + err.Error()
		}
		b.WriteString(v.Value.JSON() + "\n")
	}
}

func TestReadItems(t *testing.T) {
	csv := func(c asl.ReaderConfig) asl.ReaderConfig { c.InputType = "CSV"; return c }
	given := func(h ...string) asl.ReaderConfig {
		return asl.ReaderConfig{InputType: "CSV", CSVHeaderLocation: "GIVEN", CSVHeaders: h}
	}
	first := csv(asl.ReaderConfig{CSVHeaderLocation: "FIRST_ROW"})
	jsonType, lines := asl.ReaderConfig{InputType: "JSON"}, asl.ReaderConfig{InputType: "JSONL"}
	for _, test := range []struct {
		name    string
		config  asl.ReaderConfig
		pointer string
		text    string
		want    string
	}{
		{"json array", jsonType, "", ` [1, "a", {"b": [1.0]}, null] `, "1\n\"a\"\n{\"b\":[1.0]}\nnull\n"},
		{"json object", jsonType, "", `{"a": 1, "b": {"c": 2}}`, `{"Key":"a","Value":1}` + "\n" + `{"Key":"b","Value":{"c":2}}` + "\n"},
		{"json byte order mark", jsonType, "", "\xEF\xBB\xBF[1]", "1\n"},
		{"json scalar", jsonType, "", `7`, "States.ItemReaderFailed: Attempting to map over non-iterable node."},
		{"json broken", jsonType, "", `[1, 2`, "1\n2\nStates.ItemReaderFailed: the object is not JSON: unexpected EOF"},
		{"json broken in an item", jsonType, "", `[1, x]`, "1\nStates.ItemReaderFailed: the object is not JSON: invalid character 'x' looking for beginning of value"},
		{"json empty", jsonType, "", ``, "States.ItemReaderFailed: the object is not JSON: unexpected EOF"},
		{"pointer", jsonType, "/a/1/x~1y", `{"z": {"a": [0]}, "a": [[], {"q": 1, "x/y": [1, 2]}], "later": [`, "1\n2\n"},
		{"pointer to an object", jsonType, "/a", `{"a": {"k": true}}`, `{"Key":"k","Value":true}` + "\n"},
		{"pointer to nothing", jsonType, "/b", `{"a": [1]}`, `States.ItemReaderFailed: The provided ReaderConfig.ItemsPointer does not match any valid path in the JSON structure.`},
		{"pointer to a scalar", jsonType, "/a", `{"a": 1}`, `States.ItemReaderFailed: Attempting to map over non-iterable node.`},
		{"pointer through a scalar", jsonType, "/a/b", `{"a": 1}`, `States.ItemReaderFailed: The provided ReaderConfig.ItemsPointer does not match any valid path in the JSON structure.`},
		{"no pointer", jsonType, "a", `{"a": [1]}`, `States.ItemReaderFailed: the ItemsPointer "a" is not a JSON pointer`},

		{"lines", lines, "", "{\"a\":1}\r\n\n  \n[2]\n\"last\"", "{\"a\":1}\n[2]\n\"last\"\n"},
		{"lines broken", lines, "", "1\n{\n", "1\nStates.ItemReaderFailed: line 2 is not JSON: "},

		{"csv", first, "", "a,b\n1,2\nx\n,,,\n\"q,\"\"uoted\"\"\",\"two\nlines\"\n", `{"a":"1","b":"2"}
{"a":"x","b":""}
{"a":"","b":""}
{"a":"q,\"uoted\"","b":"two\nlines"}
`},
		{"csv line ends", first, "", "a,b\r\n1,2\r3,4\n5,6\r", `{"a":"1","b":"2"}
{"a":"3","b":"4"}
{"a":"5","b":"6"}
`},
		{"csv backslashes", first, "", `path,size
C:\\Program Files\\App.exe,1
a\b,\,
x\,y,2
"q\"r",3`, `{"path":"C:\\Program Files\\App.exe","size":"1"}
{"path":"ab","size":""}
{"path":"x,y","size":"2"}
{"path":"q\"r","size":"3"}
`},
		{"csv quote in a field", first, "", "a,b\n1, \"x,y\"\nabc\"d,e\"f,g\n", `{"a":"1","b":"x,y"}
{"a":"abc\"d,e\"f","b":"g"}
`},
		{"csv no headers", first, "", "", ""},
		{"csv only headers", first, "", "a,b", ""},
		{"csv duplicates", first, "", "a,b,a\n1,2,3", "States.ItemReaderFailed: CSV headers cannot contain duplicates."},
		{"csv given", given("x", "y"), "", "1,2,3\n4", `{"x":"1","y":"2"}
{"x":"4","y":""}
`},
		{"csv given duplicates", given("x", "x"), "", "1", "States.ItemReaderFailed: CSV headers cannot contain duplicates."},
		{"csv given none", given(), "", "1", "States.ItemReaderFailed: there are no CSVHeaders although CSVHeaderLocation is GIVEN"},
		{"csv unterminated", first, "", "a\n1\n\"x\ny", "{\"a\":\"1\"}\nStates.ItemReaderFailed: the quotation that begins in line 3 does not end"},
		{"csv big headers", given(strings.Repeat("h", 10240)), "", "1", "States.ItemReaderFailed: the CSV headers have more than 10240 bytes"},
		{"csv header location", csv(asl.ReaderConfig{CSVHeaderLocation: "LAST"}), "", "1", `States.ItemReaderFailed: the CSVHeaderLocation "LAST" is neither FIRST_ROW nor GIVEN`},
		{"csv tab", csv(asl.ReaderConfig{CSVDelimiter: "TAB"}), "", "a\tb\n1,1\t2", "{\"a\":\"1,1\",\"b\":\"2\"}\n"},
		{"csv pipe", csv(asl.ReaderConfig{CSVDelimiter: "PIPE"}), "", "a|b\n\"1|1\"|2", "{\"a\":\"1|1\",\"b\":\"2\"}\n"},
		{"csv semicolon", csv(asl.ReaderConfig{CSVDelimiter: "SEMICOLON"}), "", "a;b\n1;2", "{\"a\":\"1\",\"b\":\"2\"}\n"},
		{"csv space", csv(asl.ReaderConfig{CSVDelimiter: "SPACE"}), "", "a b\n1 2", "{\"a\":\"1\",\"b\":\"2\"}\n"},
		{"csv delimiter", csv(asl.ReaderConfig{CSVDelimiter: "#"}), "", "a", `States.ItemReaderFailed: the CSVDelimiter "#" is not one of COMMA, PIPE, SEMICOLON, SPACE and TAB`},
		{"csv utf-8", first, "", "\xEF\xBB\xBFé,b\nü,\"日本\"", "{\"é\":\"ü\",\"b\":\"日本\"}\n"},

		{"gzip", jsonType, "", zipped("[1]"), "1\n"},
		{"gzip csv", first, "", zipped("\xEF\xBB\xBFa\n1\n"), "{\"a\":\"1\"}\n"},
		{"gzip broken", jsonType, "", "\x1F\x8B", "States.ItemReaderFailed: the object s3://b/k: "},
		{"gzip cut off", lines, "", zipped("1\n2\n")[:20], "1\n2\nStates.ItemReaderFailed: its GZIP data cannot be read: unexpected EOF"},
		{"zstd broken", lines, "", "\x28\xB5\x2F\xFDgarbage", "States.ItemReaderFailed: its Zstandard data cannot be read: unknown dictionary"},
		{"zstandard", lines, "", zstandard("1\n2\n"), "1\n2\n"},
		{"zstandard broken", lines, "", "\x28\xB5\x2F\xFD", "States.ItemReaderFailed: "},
		{"type", asl.ReaderConfig{InputType: "XML"}, "", "", `States.ItemReaderFailed: the InputType "XML" is not one of CSV, JSON, JSONL, MANIFEST and PARQUET`},
	} {
		got := readAll(bucket{"k": test.text}, &ItemSource{
			Resource: getObject, Arguments: value.MustParse(`{"Bucket": "b", "Key": "k"}`), Config: &test.config, Pointer: test.pointer,
		})
		if got != test.want && (!strings.HasSuffix(test.want, ": ") || !strings.HasPrefix(got, test.want)) {
			t.Errorf("%s:\n got %s\nwant %s", test.name, got, test.want)
		}
	}
}

func TestReadItemsOfStore(t *testing.T) {
	b := bucket{
		"data/": "", "data/1.json": "[1,2]", "data/2.json": zipped("[3]"), "other": "x",
		"inventory/manifest.json": `{"sourceBucket": "src", "destinationBucket": "arn:aws:s3:::b", "fileFormat": "CSV",
		  "fileSchema": "Bucket, Key, Size", "files": [{"key": "inventory/1.csv.gz"}, {"key": "inventory/2.csv"}]}`,
		"inventory/1.csv.gz": zipped("\"src\",\"a%20b\",\"7\"\n\"src\",\"c\",\"\"\n"),
		"inventory/2.csv":    "\"src\",\"d\",\"1\"\n",
		"orc/manifest.json":  `{"destinationBucket": "arn:aws:s3:::b", "fileFormat": "ORC", "fileSchema": "x", "files": []}`,
		"unload-manifest":    "s3://b/unload/1\ns3://b/unload/2\n",
		"unload/1":           zipped("{\"n\":1}\n"),
		"unload/2":           "{\"n\":2}\n{\"n\":3}",
		"bad-manifest":       "elsewhere\n",
	}
	for _, test := range []struct {
		resource, arguments string
		config              asl.ReaderConfig
		want                string
	}{
		{listObjectsV2, `{"Bucket": "b", "Prefix": "data/"}`, asl.ReaderConfig{}, `{"Etag":"\"e-data/\"","Key":"data/","LastModified":1.7E9,"Size":0,"StorageClass":"STANDARD"}
{"Etag":"\"e-data/1.json\"","Key":"data/1.json","LastModified":1.7E9,"Size":5,"StorageClass":"STANDARD"}
{"Etag":"\"e-data/2.json\"","Key":"data/2.json","LastModified":1.7E9,"Size":27,"StorageClass":"STANDARD"}
`},
		{listObjectsV2, `{"Bucket": "b", "Prefix": "none"}`, asl.ReaderConfig{}, ``},
		{listObjectsV2, `{"Bucket": "c"}`, asl.ReaderConfig{}, `States.ItemReaderFailed: The specified bucket does not exist (Service: S3, Status Code: 404)`},
		{listObjectsV2, `{"Bucket": "b", "Prefix": "data/"}`, asl.ReaderConfig{InputType: "JSON", Transformation: "LOAD_AND_FLATTEN"}, "1\n2\n3\n"},
		{listObjectsV2, `{"Bucket": "b", "Prefix": "other"}`, asl.ReaderConfig{InputType: "JSON", Transformation: "LOAD_AND_FLATTEN"},
			"States.ItemReaderFailed: the object is not JSON: invalid character 'x' looking for beginning of value"},
		{getObject, `{"Bucket": "b", "Key": "inventory/manifest.json"}`, asl.ReaderConfig{InputType: "MANIFEST"}, `{"Bucket":"src","Key":"a%20b","Size":"7"}
{"Bucket":"src","Key":"c","Size":""}
{"Bucket":"src","Key":"d","Size":"1"}
`},
		{getObject, `{"Bucket": "b", "Key": "orc/manifest.json"}`, asl.ReaderConfig{InputType: "MANIFEST"}, `States.ItemReaderFailed: inventory reports in the format "ORC" cannot be read, only CSV and Parquet`},
		{getObject, `{"Bucket": "b", "Key": "unload-manifest"}`, asl.ReaderConfig{InputType: "MANIFEST"}, `States.ItemReaderFailed: the manifest s3://b/unload-manifest is not JSON: `},
		{getObject, `{"Bucket": "b", "Key": "unload-manifest"}`, asl.ReaderConfig{InputType: "JSONL", ManifestType: "ATHENA_DATA"}, "{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n"},
		{getObject, `{"Bucket": "b", "Key": "bad-manifest"}`, asl.ReaderConfig{InputType: "JSONL", ManifestType: "ATHENA_DATA"}, `States.ItemReaderFailed: the manifest has "elsewhere" where an S3 address should be`},
		{getObject, `{"Bucket": "b", "Key": "missing"}`, asl.ReaderConfig{InputType: "JSON"}, `States.ItemReaderFailed: The specified key does not exist. (Service: S3, Status Code: 404)`},
		{getObject, `{"Bucket": "b", "Key": "inventory/manifest.json"}`, asl.ReaderConfig{ManifestType: "S3_INVENTORY"}, `{"Bucket":"src","Key":"a%20b","Size":"7"}
{"Bucket":"src","Key":"c","Size":""}
{"Bucket":"src","Key":"d","Size":"1"}
`},
		{getObject, `{"Bucket": "b", "Key": "k", "VersionId": "1"}`, asl.ReaderConfig{InputType: "PARQUET"}, `States.ItemReaderFailed: S3 Version ID selection is not currently supported for PARQUET files`},
		{getObject, `{"Bucket": "b"}`, asl.ReaderConfig{InputType: "JSON"}, `States.ItemReaderFailed: the ItemReader names no Key`},
		{getObject, `{}`, asl.ReaderConfig{InputType: "JSON"}, `States.ItemReaderFailed: the ItemReader names no Bucket`},
		{"arn:aws:states:::s3:headObject", `{"Bucket": "b"}`, asl.ReaderConfig{}, `States.ItemReaderFailed: the ItemReader's Resource "arn:aws:states:::s3:headObject" is not known`},
	} {
		got := readAll(b, &ItemSource{Resource: test.resource, Arguments: value.MustParse(test.arguments), Config: &test.config})
		if got != test.want && (!strings.HasSuffix(test.want, ": ") || !strings.HasPrefix(got, test.want)) {
			t.Errorf("%s %s:\n got %s\nwant %s", test.resource, test.arguments, got, test.want)
		}
	}
	if got := readAll(nil, &ItemSource{Resource: getObject}); got != "States.ItemReaderFailed: there is no object store that "+getObject+" could read from" {
		t.Error(got)
	}
}

// What the context object tells of an item: of a distributed Map where it comes from, of a
// member of an object its name.
func TestItemContext(t *testing.T) {
	const mode = `,"ItemProcessor":{"ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"STANDARD"},"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}},"End":true}}}`
	const inline = `,"ItemProcessor":{"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}},"End":true}}}`
	const begin = `{"StartAt":"Each","States":{"Each":{"Type":"Map"`
	const all = `,"ItemSelector":{"item.$":"$$.Map.Item"}`
	reader := func(resource, config, parameters string) string {
		return `,"ItemReader":{"Resource":"` + resource + `","ReaderConfig":` + config + `,"Parameters":` + parameters + `}`
	}
	store := bucket{
		"d/a.json": `[1]`, "d/b.json": `{"k":{"x":2}}`, "l.jsonl": "{\"Key\":1,\"Value\":2}\n",
		"unload": "s3://b/l.jsonl\n",
	}
	for _, test := range []struct{ name, definition, input, want string }{
		{"inline", begin + all + inline, `["a"]`, `[{"item":{"Index":0,"Value":"a"}}]`},
		{"state data", begin + all + mode, `["a",null]`, `[{"item":{"Index":0,"Value":"a","Source":"STATE_DATA"}},{"item":{"Index":1,"Value":null,"Source":"STATE_DATA"}}]`},
		{"object", begin + mode, `{"b":1,"a":[2]}`, `[{"Key":"b","Value":1},{"Key":"a","Value":[2]}]`},
		{"no members", begin + mode, `{}`, `[]`},
		{"path to an object", begin + `,"ItemsPath":"$.o"` + all + mode, `{"o":{"k":{"x":1}}}`, `[{"item":{"Index":0,"Key":"k","Value":{"x":1},"Source":"STATE_DATA"}}]`},
		{"jsonata object", begin + `,"QueryLanguage":"JSONata","Items":{"k":"{% $states.input %}"},"ItemSelector":"{% $states.context.Map.Item %}"` + mode, `7`,
			`[{"Index":0,"Key":"k","Value":7,"Source":"STATE_DATA"}]`},
		{"inline object", begin + inline, `{"a":1}`, `States.Runtime: Reference path "$" must point to array.`},
		{"inline text", begin + mode, `"a"`, `States.Runtime: Reference path "$" must point to array.`},
		{"list", begin + reader(listObjectsV2, `{}`, `{"Bucket":"b","Prefix":"d/a"}`) + `,"ItemSelector":{"s.$":"$$.Map.Item.Source"}` + mode, `{}`, `[{"s":"s3://b"}]`},
		{"flattened", begin + reader(listObjectsV2, `{"InputType":"JSON","Transformation":"LOAD_AND_FLATTEN"}`, `{"Bucket":"b","Prefix":"d/"}`) + all + mode, `{}`,
			`[{"item":{"Index":0,"Value":1,"Source":"s3://b/d/a.json"}},{"item":{"Index":1,"Key":"k","Value":{"x":2},"Source":"s3://b/d/b.json"}}]`},
		{"lines that look like members", begin + reader(getObject, `{"InputType":"JSONL"}`, `{"Bucket":"b","Key":"l.jsonl"}`) + all + mode, `{}`,
			`[{"item":{"Index":0,"Value":{"Key":1,"Value":2},"Source":"s3://b/l.jsonl"}}]`},
		{"manifest", begin + reader(getObject, `{"ManifestType":"ATHENA_DATA","InputType":"JSONL"}`, `{"Bucket":"b","Key":"unload"}`) + `,"ItemSelector":{"s.$":"$$.Map.Item.Source"}` + mode, `{}`,
			`[{"s":"s3://b/l.jsonl"}]`},
	} {
		def, err := asl.Parse([]byte(test.definition))
		if err != nil {
			t.Fatal(test.name, err)
		}
		m, err := Compile(def)
		if err != nil {
			t.Fatal(test.name, err)
		}
		r, err := Run(t.Context(), m, value.MustParse(test.input), Options{Store: store})
		if err != nil {
			t.Fatal(test.name, err)
		}
		got := r.Execution.Output().JSON()
		if e := r.Execution.Err(); e != nil {
			got = e.Error()
		}
		if got != test.want {
			t.Errorf("%s:\n got %s\nwant %s", test.name, got, test.want)
		}
	}
}

// endless gives the same line again and again, n times.
type endless struct {
	line string
	n    int
	at   int
}

func (e *endless) Read(p []byte) (n int, err error) {
	for n < len(p) && e.n > 0 {
		c := copy(p[n:], e.line[e.at:])
		n += c
		if e.at += c; e.at == len(e.line) {
			e.at = 0
			e.n--
		}
	}
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

// madeUp is a Store with one object that is made as it is read.
type madeUp struct {
	bucket
	head, line, tail string
	n                int
}

func (b *madeUp) Get(context.Context, string, string) (io.ReadCloser, ObjectInfo, error) {
	return io.NopCloser(io.MultiReader(strings.NewReader(b.head), &endless{line: b.line, n: b.n}, strings.NewReader(b.tail))), ObjectInfo{}, nil
}

func TestReadItemsInConstantMemory(t *testing.T) {
	n := 300000
	if testing.Short() {
		n = 50000
	}
	for _, test := range []struct {
		inputType, head, line, tail string
		pointer                     string
	}{
		{"JSONL", "", `{"id": 12345, "name": "something of some length", "list": [1, 2, 3]}` + "\n", "", ""},
		{"CSV", "id,name,list\n", "12345,something of some length,\"1,2,3\"\n", "", ""},
		{"JSON", `{"a": [`, `{"id": 12345, "name": "something of some length"},`, `{}]}`, "/a"},
	} {
		s := &madeUp{head: test.head, line: test.line, tail: test.tail, n: n}
		r, e := readItems(t.Context(), s, &ItemSource{Resource: getObject, Arguments: value.MustParse(`{"Bucket":"b","Key":"k"}`),
			Config: &asl.ReaderConfig{InputType: test.inputType}, Pointer: test.pointer})
		if e != nil {
			t.Fatal(e)
		}
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		var peak uint64
		count := 0
		for {
			_, err := r.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(test.inputType, err)
			}
			if count++; count%50000 == 0 {
				runtime.GC()
				runtime.ReadMemStats(&after)
				peak = max(peak, after.HeapAlloc)
			}
		}
		if count < n {
			t.Errorf("%s: %d of %d items", test.inputType, count, n)
		}
		if peak > before.HeapAlloc+4<<20 {
			t.Errorf("%s: %d KiB are kept while reading", test.inputType, (peak-before.HeapAlloc)>>10)
		}
	}
}

func TestReadItemsBounds(t *testing.T) {
	for _, test := range []struct{ inputType, line, want string }{
		{"JSONL", `"` + strings.Repeat("x", 1<<20), "line 1 has more than 8388608 bytes"},
		{"CSV", strings.Repeat("x", 1<<20), "line 1 has more than 8388608 bytes"},
		{"CSV", `"` + strings.Repeat("x", 1<<10) + "\n\"", "the row in line 1 has more than 8388608 bytes"},
		{"JSON", `[` + strings.Repeat("1,", 1<<20), "the object is not JSON: an item has more than 8388608 bytes"},
	} {
		s := &madeUp{line: test.line, n: 20 << 20 / len(test.line)}
		if test.inputType == "JSON" {
			s.head = "["
		}
		if strings.HasSuffix(test.line, "\n\"") {
			// Quotations that never end: the closing quote of one line opens again.
			s.head, s.line = `"`, strings.Repeat("x", 1<<10)+"\n"
		}
		got := readAll(s, &ItemSource{Resource: getObject, Arguments: value.MustParse(`{"Bucket":"b","Key":"k"}`), Config: &asl.ReaderConfig{InputType: test.inputType}})
		if !strings.Contains(got, test.want) {
			t.Errorf("%s: %.200s, want %s", test.inputType, got, test.want)
		}
	}
}

func FuzzReadItems(f *testing.F) {
	f.Add("CSV", "a,b\n1,\"2\n3\"\\,x\r4", "", "COMMA")
	f.Add("CSV", "a|\"b\"\"\"\n\\\"|\\|", "", "PIPE")
	f.Add("JSONL", "{\"a\":1}\n[2]\r\n", "", "")
	f.Add("JSON", `{"a": [1, {"b": [2]}]}`, "/a/1/b", "")
	f.Fuzz(func(t *testing.T, inputType, text, pointer, delimiter string) {
		src := &ItemSource{Resource: getObject, Arguments: value.MustParse(`{"Bucket":"b","Key":"k"}`),
			Config: &asl.ReaderConfig{InputType: inputType, CSVDelimiter: delimiter}, Pointer: pointer}
		r, e := readItems(t.Context(), bucket{"k": text}, src)
		if e != nil {
			return
		}
		defer r.Close()
		n := 0
		for ; ; n++ {
			item, err := r.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				if _, ok := err.(*Error); !ok {
					t.Fatalf("%T: %v", err, err)
				}
				break
			}
			v := item.Value
			if v.IsAbsent() {
				t.Fatal("an absent item")
			}
			if inputType == "CSV" {
				for _, f := range v.Elems() {
					if !f.IsString() {
						t.Fatal(v)
					}
				}
			}
		}
		if n > len(text)+1 {
			t.Fatalf("%d items of %d bytes", n, len(text))
		}
	})
}

func BenchmarkReadItems(b *testing.B) {
	for _, test := range []struct{ inputType, head, line, tail string }{
		{"JSONL", "", `{"id": 12345, "name": "something of some length", "list": [1, 2, 3]}` + "\n", ""},
		{"CSV", "id,name,list\n", "12345,something of some length,1 2 3\n", ""},
		{"JSON", `[`, `{"id": 12345, "name": "something of some length", "list": [1, 2, 3]},`, `1]`},
	} {
		b.Run(test.inputType, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(test.line)))
			r, e := readItems(b.Context(), &madeUp{head: test.head, line: test.line, tail: test.tail, n: b.N},
				&ItemSource{Resource: getObject, Arguments: value.MustParse(`{"Bucket":"b","Key":"k"}`), Config: &asl.ReaderConfig{InputType: test.inputType}})
			if e != nil {
				b.Fatal(e)
			}
			for range b.N {
				if _, err := r.Next(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
