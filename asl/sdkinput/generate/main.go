// Command generate makes inputs.zip of the service models that botocore brings along.
//
//	go run ./asl/sdkinput/generate -models .../site-packages/botocore/data -source 'botocore 1.43.11 (2026-05)'
//
// Which services there are is told by asl/data/resources.json. Of each the newest version
// of its API is taken.
package main

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode"
)

const readme = `What the operations of the services take that Step Functions calls through the SDK
integration. One file for each service, named as in arn:aws:states:::aws-sdk:NAME:operation.
Facts of the services' own models, named as the SDK for Java 2 names them.
Source: %s

The first line of a file is the package of the classes. Each other line is an operation
(small first letter) or a structure, and its members: NAME:TYPE, or NAME!TYPE for one that
an operation demands. NAME|OTHER is taken under both names. Types: s text, i integer,
l long, f float, d double, b boolean, t timestamp, a anything (bytes, documents), r a stream
beside the request, [T list of T, {T map of T, else the name of a structure.
`

func main() {
	log.SetFlags(0)
	models := flag.String("models", "", "the `folder` data of botocore")
	source := flag.String("source", "", "what the models were taken from, and its `date`")
	resources := flag.String("resources", "asl/data/resources.json", "the `file` that names the services")
	out := flag.String("out", "asl/sdkinput/inputs.zip", "the `file` to write")
	flag.Parse()
	if *models == "" || *source == "" {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(*models, *source, *resources, *out); err != nil {
		log.Fatal(err)
	}
}

func run(models, source, resources, out string) error {
	var known struct{ SDKServices []string }
	raw, err := os.ReadFile(resources)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw, &known); err != nil {
		return err
	}
	folders, err := os.ReadDir(models)
	if err != nil {
		return err
	}
	files := map[string]string{"README": fmt.Sprintf(readme, source)}
	for _, f := range folders {
		m, err := newest(filepath.Join(models, f.Name()))
		if err != nil {
			return fmt.Errorf("%s: %w", f.Name(), err)
		}
		if m == nil {
			continue
		}
		name := packageName(m.Metadata.ServiceID)
		if !slices.Contains(known.SDKServices, name) {
			log.Printf("%s: no service of the SDK integration", name)
			continue
		}
		text, err := m.text(name)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if before, ok := files[name]; ok && before != text {
			return fmt.Errorf("%s: two different models", name)
		}
		files[name] = text
	}
	for _, name := range known.SDKServices {
		if files[name] == "" {
			log.Printf("%s: no model", name)
		}
	}
	return write(out, source, files)
}

func write(out, source string, files map[string]string) error {
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	z.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) {
		return flate.NewWriter(w, flate.BestCompression)
	})
	if err := z.SetComment(source); err != nil {
		return err
	}
	var names []string
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names) // README first
	for _, name := range names {
		w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)})
		if err != nil {
			return err
		}
		if _, err := io.WriteString(w, files[name]); err != nil {
			return err
		}
	}
	if err := z.Close(); err != nil {
		return err
	}
	return os.WriteFile(out, buf.Bytes(), 0o644)
}

type model struct {
	Metadata   struct{ ServiceID string }
	Operations map[string]struct{ Input *ref }
	Shapes     map[string]*shape
}

type ref struct {
	Shape            string
	Streaming        bool
	IdempotencyToken bool
	JSONValue        bool
}

type shape struct {
	Type          string
	Members       members
	Required      []string
	Member, Value *ref
	Payload       string
	Streaming     bool
	EventStream   bool
	Document      bool
}

// members keeps the order of the model, which is the order of the classes' setters.
type members struct {
	names []string
	refs  map[string]ref
}

func (m *members) UnmarshalJSON(text []byte) error {
	if err := json.Unmarshal(text, &m.refs); err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(text))
	if _, err := d.Token(); err != nil {
		return err
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		m.names = append(m.names, name.(string))
		var skipped json.RawMessage
		if err := d.Decode(&skipped); err != nil {
			return err
		}
	}
	return nil
}

// newest reads the newest version of a service's model, nil if the folder has none.
func newest(dir string) (*model, error) {
	found, err := filepath.Glob(filepath.Join(dir, "*", "service-2.json*"))
	if err != nil || len(found) == 0 {
		return nil, err
	}
	file := slices.Max(found)
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	if strings.HasSuffix(file, ".gz") {
		r, err := gzip.NewReader(bytes.NewReader(text))
		if err != nil {
			return nil, err
		}
		if text, err = io.ReadAll(r); err != nil {
			return nil, err
		}
	}
	m := &model{}
	return m, json.Unmarshal(text, m)
}

// What the SDK for Java 2 adds to the models (services/NAME/.../customization.config of
// aws/aws-sdk-java-v2) and what it calls otherwise.
var (
	injected = map[string][]string{ // by service and operation
		"s3 CopyObject":     {"SourceBucket:s", "SourceKey:s", "SourceVersionId:s"},
		"s3 UploadPartCopy": {"SourceBucket:s", "SourceKey:s", "SourceVersionId:s"},
		"s3 UploadPart":     {"SdkPartType:s"},

		"glacier UploadArchive": {"ContentLength:l"},

		"rds CopyDBSnapshot":                             {"SourceRegion:s"},
		"rds CopyDBClusterSnapshot":                      {"SourceRegion:s"},
		"rds CreateDBCluster":                            {"SourceRegion:s"},
		"rds CreateDBInstanceReadReplica":                {"SourceRegion:s"},
		"rds StartDBInstanceAutomatedBackupsReplication": {"SourceRegion:s"},
		"docdb CopyDBClusterSnapshot":                    {"SourceRegion:s"},
		"docdb CreateDBCluster":                          {"SourceRegion:s"},
		"neptune CopyDBClusterSnapshot":                  {"SourceRegion:s"},
		"neptune CreateDBCluster":                        {"SourceRegion:s"},
	}
	renamed = map[string]string{ // by service, operation or structure, and member
		"s3 CopyObject Bucket":         "DestinationBucket",
		"s3 CopyObject Key":            "DestinationKey",
		"s3 UploadPartCopy Bucket":     "DestinationBucket",
		"s3 UploadPartCopy Key":        "DestinationKey",
		"dynamodb AttributeValue NULL": "Nul",
	}
	// With the members above there is another way to say it, or the SDK has a default.
	optional = []string{"s3 CopyObject CopySource", "s3 UploadPartCopy CopySource", "glacier * accountId"}
	// A time in the SDK for Java, a text in the model since some servers were seen to send others.
	retyped  = map[string]string{"s3 Expires": "t"}
	packages = map[string]string{"dynamodbstreams": "dynamodb", "wafregional": "waf"}
	classes  = map[string]string{"s3 Error": "S3Error", "s3 Object": "S3Object"}
	reserved = strings.Fields(`abstract assert boolean break byte case catch char class const continue default do
		double else enum extends false final finally float for goto if implements import instanceof int interface
		long native new null package private protected public return short static strictfp super switch
		synchronized this throw throws transient true try void volatile while
		equals finalize getClass hashCode notify notifyAll toString wait builder sdkFields toBuilder
		overrideConfiguration sdkHttpResponse`)
)

// packageName is the name of a service's package.
func packageName(serviceID string) string {
	var b strings.Builder
	for _, c := range strings.ToLower(serviceID) {
		if unicode.IsLetter(c) || unicode.IsDigit(c) {
			b.WriteRune(c)
		}
	}
	name := strings.TrimPrefix(strings.TrimPrefix(b.String(), "amazon"), "aws")
	if trimmed := strings.TrimSuffix(name, "service"); trimmed != "" {
		name = trimmed
	}
	return name
}

// unCapitalize makes small letters of the capitals that a name begins with, but for one
// that begins a word: bucket of Bucket, ssekmsKeyId of SSEKMSKeyId, eTag of ETag.
func unCapitalize(name string) string {
	b := []byte(name)
	for i := range b {
		if i > 0 && (!upper(b, i) || lower(b, i+1)) {
			break
		}
		if upper(b, i) {
			b[i] += 'a' - 'A'
		}
	}
	return string(b)
}

func upper(b []byte, i int) bool { return i < len(b) && 'A' <= b[i] && b[i] <= 'Z' }
func lower(b []byte, i int) bool { return i < len(b) && 'a' <= b[i] && b[i] <= 'z' }

func capitalize(name string) string { return strings.ToUpper(name[:1]) + name[1:] }

func className(shape string) string {
	var b strings.Builder
	for _, part := range strings.FieldsFunc(shape, func(c rune) bool { return !unicode.IsLetter(c) && !unicode.IsDigit(c) }) {
		b.WriteString(capitalize(part))
	}
	return b.String()
}

// text writes a model down.
func (m *model) text(service string) (string, error) {
	w := &writer{model: m, service: service, shapeOf: map[string]string{}}
	lines := []string{}
	for name, op := range m.Operations {
		line := unCapitalize(name) + " "
		if op.Input != nil {
			in := m.Shapes[op.Input.Shape]
			if w.events(in) {
				continue // the integration has no streams of events
			}
			var words []string
			words = w.members(name, in, true)
			words = append(words, injected[service+" "+name]...)
			line += strings.Join(words, " ")
		}
		lines = append(lines, line)
	}
	for len(w.todo) > 0 {
		class := w.todo[0]
		w.todo = w.todo[1:]
		lines = append(lines, class+" "+strings.Join(w.members(class, m.Shapes[w.shapeOf[class]], false), " "))
	}
	slices.Sort(lines)
	pkg := service
	if p := packages[service]; p != "" {
		pkg = p
	}
	return "software.amazon.awssdk.services." + pkg + ".model\n" + strings.Join(lines, "\n") + "\n", w.err
}

type writer struct {
	*model
	service string
	shapeOf map[string]string // by class
	todo    []string          // classes to write
	err     error
}

func (w *writer) events(in *shape) bool {
	for _, r := range in.Members.refs {
		if w.Shapes[r.Shape].EventStream {
			return true
		}
	}
	return false
}

func (w *writer) members(owner string, s *shape, input bool) []string {
	var words, last []string
	for _, name := range s.Members.names {
		r := s.Members.refs[name]
		names := capitalize(unCapitalize(name))
		aliased := false
		if other := renamed[w.service+" "+owner+" "+name]; other != "" {
			names, aliased = other+"|"+names, true
		} else if slices.Contains(reserved, unCapitalize(name)) {
			names, aliased = names+"Value|"+names, true
		}
		if r.Streaming || w.Shapes[r.Shape].Streaming {
			// A stream is an argument of its own beside the request, which cannot be left out.
			last = append(last, names+"!r")
			continue
		}
		// Which of two names is demanded was not seen, nor that of a token which the SDK makes up.
		mark := ":"
		if input && slices.Contains(s.Required, name) && !aliased && !r.IdempotencyToken &&
			!slices.Contains(optional, w.service+" "+owner+" "+name) && !slices.Contains(optional, w.service+" * "+name) {
			mark = "!"
		}
		t := w.typ(r.Shape)
		if r.JSONValue {
			t = "a"
		}
		words = append(words, names+mark+t)
	}
	return append(words, last...)
}

var scalars = map[string]string{
	"string": "s", "character": "s", "integer": "i", "short": "i", "byte": "i", "long": "l", "float": "f", "double": "d",
	"bigdecimal": "d", "boolean": "b", "timestamp": "t", "blob": "a",
}

func (w *writer) typ(name string) string {
	if t := retyped[w.service+" "+name]; t != "" {
		return t
	}
	s := w.Shapes[name]
	switch s.Type {
	case "list":
		return "[" + w.typ(s.Member.Shape)
	case "map":
		return "{" + w.typ(s.Value.Shape)
	case "structure":
		if s.Document {
			return "a"
		}
		class := className(name)
		if c := classes[w.service+" "+name]; c != "" {
			class = c
		}
		switch w.shapeOf[class] {
		case name:
		case "":
			w.shapeOf[class] = name
			w.todo = append(w.todo, class)
		default:
			w.err = fmt.Errorf("%s and %s have one class", w.shapeOf[class], name)
		}
		return class
	}
	t := scalars[s.Type]
	if t == "" {
		w.err = fmt.Errorf("%s: no type %q", name, s.Type)
	}
	return t
}
