package suite

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sfnkit/sfnkit/asl"
	"github.com/sfnkit/sfnkit/asl/jsonata"
	"github.com/sfnkit/sfnkit/asl/value"
	"github.com/sfnkit/sfnkit/emulator"
	"github.com/sfnkit/sfnkit/emulator/calls"
)

// File is a test file that was read.
type File struct {
	Name       string // the path that it was read from
	Definition string // the path of the definition
	Cases      []*Case

	machine  *asl.StateMachine
	compiled *emulator.Machine
}

// Case is one test.
type Case struct {
	Name     string
	Position asl.Position // in the file

	file      *File
	input     value.Value
	mocks     []namedMocks // those of the case before those of the file
	responses responses
	objects   []object
	start     time.Time
	execution string // its name
	expect    expectation
}

// namedMocks are the mocks of one state.
type namedMocks struct {
	state     string
	answers   value.Value
	inherited bool // from the file
}

type responses struct {
	path, testCase string
	position       asl.Position
	inherited      bool
}

type object struct {
	bucket, key string
	content     []byte
}

// Problem is something that is wrong in a test file.
type Problem struct {
	Position asl.Position
	Text     string
}

// FileError tells why a test file cannot be used.
type FileError struct {
	File     string
	Problems []Problem // at least one
}

func (e *FileError) Error() string {
	var b strings.Builder
	for i, p := range e.Problems {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(e.File)
		if p.Position.Line > 0 {
			b.WriteString(":" + p.Position.String())
		}
		b.WriteString(": " + p.Text)
	}
	return b.String()
}

// extensions are the ends of the names of test files.
var extensions = []string{".test.yaml", ".test.yml", ".test.json"}

// Find returns the test files that the paths name, sorted and each one once: files as they
// are, and in folders all NAME.test.yaml, .yml and .json. Folders named testdata and
// node_modules, and those whose names begin with a dot, are not looked into unless they are
// named themselves.
func Find(paths ...string) ([]string, error) {
	var files []string
	for _, p := range paths {
		info, err := os.Stat(p)
		if err != nil {
			return nil, err
		}
		if !info.IsDir() {
			files = append(files, filepath.Clean(p))
			continue
		}
		// By way of the folder's own file system, so that p may be a symbolic link.
		err = fs.WalkDir(os.DirFS(p), ".", func(path string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case d.IsDir():
				if n := d.Name(); path != "." && (n == "testdata" || n == "node_modules" || strings.HasPrefix(n, ".")) {
					return fs.SkipDir
				}
			case d.Type().IsRegular() && stem(d.Name()) != "":
				files = append(files, filepath.Join(p, filepath.FromSlash(path)))
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	slices.Sort(files)
	return slices.Compact(files), nil
}

// stem returns what stands before the extension of a test file, "" for other files.
func stem(name string) string {
	for _, e := range extensions {
		if s, ok := strings.CutSuffix(name, e); ok {
			return s
		}
	}
	return ""
}

// Load reads a test file and the definition that it tests. What is wrong in the test file
// is reported as a *[FileError].
func Load(path string) (*File, error) {
	text, err := readFile(path)
	if err != nil {
		return nil, err
	}
	// The parser of definitions keeps what it has no place for, so that it reads any
	// object, in both notations, within bounds, and knows where everything stands.
	doc, err := asl.Parse(text)
	if err != nil {
		return nil, syntaxError(path, err)
	}
	d := &decoder{file: &File{Name: path}, source: doc.Source()}
	d.document(doc.Value())
	if len(d.problems) > 0 {
		return nil, &FileError{File: path, Problems: d.problems}
	}
	return d.file, nil
}

func syntaxError(path string, err error) error {
	var ds asl.Diagnostics
	if !errors.As(err, &ds) {
		return fmt.Errorf("%s: %w", path, err)
	}
	fe := &FileError{File: path}
	for _, x := range ds {
		text := x.Summary()
		switch x.Code {
		case asl.CodeSchema:
			text = "a test file is an object"
		case asl.CodeTooLarge:
			text = fmt.Sprintf("a test file of more than %d bytes is not read; put responses into a file of their own", asl.MaxDefinitionSize)
		}
		fe.Problems = append(fe.Problems, Problem{x.Position, text})
	}
	return fe
}

// maxFile bounds the files that are read, in bytes.
const maxFile = 64 << 20

func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return nil, fmt.Errorf("%s: %w", path, pe.Err)
	}
	if info.Size() > maxFile {
		return nil, fmt.Errorf("%s is larger than %d MiB", path, maxFile>>20)
	}
	return os.ReadFile(path)
}

// maxProblems is how many problems of a file are reported.
const maxProblems = 50

type decoder struct {
	file     *File
	source   *asl.Source
	problems []Problem
	known    map[string]bool // responses and test cases in them that were looked at
}

func (d *decoder) problem(at, format string, args ...any) {
	d.problemAt(d.source.Position(at), format, args...)
}

func (d *decoder) problemAt(p asl.Position, format string, args ...any) {
	if len(d.problems) < maxProblems {
		d.problems = append(d.problems, Problem{p, fmt.Sprintf(format, args...)})
	}
}

// fields calls the function of every member of an object, and reports those that have none.
func (d *decoder) fields(v value.Value, at, what string, known map[string]func(v value.Value, at string)) {
	if !v.IsObject() {
		d.problem(at, "%s is an object", what)
		return
	}
	for name, m := range v.Members() {
		if f := known[name]; f != nil {
			f(m, at+"/"+name)
			continue
		}
		names := make([]string, 0, len(known))
		for n := range known {
			names = append(names, n)
		}
		slices.Sort(names)
		d.problem(at+"/"+name, "unknown field %q; %s has %s", name, what, strings.Join(names, ", "))
	}
}

func (d *decoder) text(into *string) func(value.Value, string) {
	return func(v value.Value, at string) {
		if !v.IsString() {
			d.problem(at, "%s is a text", last(at))
		}
		*into = v.Str()
	}
}

func (d *decoder) optionalText(into **string) func(value.Value, string) {
	return func(v value.Value, at string) {
		s := new(string)
		d.text(s)(v, at)
		*into = s
	}
}

func (d *decoder) any(into *value.Value) func(value.Value, string) {
	return func(v value.Value, _ string) { *into = v }
}

func (d *decoder) texts(into *[]string) func(value.Value, string) {
	return func(v value.Value, at string) {
		ok := v.IsArray()
		for _, e := range v.Elems() {
			ok = ok && e.IsString()
			*into = append(*into, e.Str())
		}
		if !ok {
			d.problem(at, "%s is a list of texts", last(at))
		}
	}
}

func (d *decoder) expression(v value.Value, at string) *jsonata.Expr {
	if !v.IsString() {
		d.problem(at, "%s is a JSONata expression", last(at))
		return nil
	}
	x, err := compile(v.Str())
	if err != nil {
		d.problem(at, "%s: %v", v.Str(), err)
	}
	return x
}

func last(at string) string { return at[strings.LastIndexByte(at, '/')+1:] }

func (d *decoder) document(v value.Value) {
	var cases value.Value
	var definition string
	base := Case{file: d.file}
	known := d.caseFields(&base)
	known["definition"] = d.text(&definition)
	known["cases"] = d.any(&cases)
	d.fields(v, "", "a test file", known)
	d.definition(definition)

	if cases.IsAbsent() {
		if base.Name == "" {
			base.Name = stem(filepath.Base(d.file.Name))
		}
		base.Position = d.source.Position("")
		d.file.Cases = []*Case{&base}
		d.exclusive(v, "")
		d.check(&base, "")
		d.responses(&base, v, "")
		return
	}
	if !cases.IsArray() || cases.Len() == 0 {
		d.problem("/cases", "cases is a list of at least one case")
		return
	}
	for i := range base.mocks {
		base.mocks[i].inherited = true
	}
	base.responses.inherited = true
	d.exclusive(v, "")
	d.check(&base, "")
	if base.Name != "" {
		d.problem("/name", "a file with cases has no name of its own")
	}
	if v.Has("expect") {
		d.problem("/expect", "expect stands in each of the cases")
	}
	seen := map[string]bool{}
	for i, cv := range cases.Elems() {
		at := fmt.Sprintf("/cases[%d]", i)
		c := &Case{file: d.file, Position: d.source.Position(at)}
		d.fields(cv, at, "a case", d.caseFields(c))
		switch {
		case !cv.IsObject():
		case c.Name == "":
			d.problem(at, "a case has a name")
		case seen[c.Name]:
			d.problem(at+"/name", "there are two cases named %q", c.Name)
		}
		seen[c.Name] = true
		d.exclusive(cv, at)
		d.check(c, at)
		c.inherit(&base)
		d.responses(c, cv, at)
		d.file.Cases = append(d.file.Cases, c)
	}
}

// exclusive reports what cannot be given together.
func (d *decoder) exclusive(v value.Value, at string) {
	if v.Has("input") && v.Has("inputFile") {
		d.problem(at+"/inputFile", "input and inputFile exclude each other")
	}
}

// responses reads the file of responses of a case, which is v, to say what is wrong with it.
// Either it or what is common to all cases may name a file and a test case.
func (d *decoder) responses(c *Case, v value.Value, at string) {
	r := c.responses
	if r.testCase == "" && r.path == "" {
		return
	}
	key := r.path + "#" + r.testCase
	if d.known[key] {
		return
	}
	if d.known == nil {
		d.known = make(map[string]bool)
	}
	d.known[key] = true
	if r.path == "" {
		if r.inherited {
			at = ""
		}
		d.problem(at+"/testCase", "testCase is one of a file of responses; name that, too: responses: MockConfigFile.json")
		return
	}
	_, err := c.loadResponses()
	var ce *calls.ConfigError
	var pe *fs.PathError
	switch {
	case errors.As(err, &ce):
		for _, p := range ce.Problems {
			d.problemAt(r.position, "responses: %v", &calls.ConfigError{File: ce.File, Problems: []calls.Problem{p}})
		}
	case errors.As(err, &pe):
		d.problemAt(r.position, "responses: %s: %v", pe.Path, pe.Err)
	case err != nil && v.Has("testCase"):
		d.problem(at+"/testCase", "responses: %v", err)
	case err != nil:
		d.problemAt(r.position, "responses: %v", err)
	}
}

// loadResponses reads the responses of a case, which has some.
func (c *Case) loadResponses() (*calls.Responses, error) {
	machine, testCase, ok := strings.Cut(c.responses.testCase, "#")
	if !ok {
		machine, testCase = "", machine
	}
	r, err := calls.LoadResponses(c.responses.path, machine, testCase)
	if err == nil && c.file.machine != nil {
		err = r.Check(c.file.machine)
	}
	return r, err
}

// inherit takes what the file says and the case does not.
func (c *Case) inherit(from *Case) {
	if c.input.IsAbsent() {
		c.input = from.input
	}
	for _, m := range from.mocks {
		if !slices.ContainsFunc(c.mocks, func(own namedMocks) bool { return own.state == m.state }) {
			c.mocks = append(c.mocks, m)
		}
	}
	own := c.responses
	if own.path == "" {
		c.responses = from.responses
	}
	if own.testCase != "" {
		c.responses.testCase, c.responses.inherited = own.testCase, false
	}
	if c.objects == nil {
		c.objects = from.objects
	}
	if c.start.IsZero() {
		c.start = from.start
	}
	if c.execution == "" {
		c.execution = from.execution
	}
}

func (d *decoder) caseFields(c *Case) map[string]func(value.Value, string) {
	return map[string]func(value.Value, string){
		"name":      d.text(&c.Name),
		"comment":   func(value.Value, string) {},
		"input":     d.any(&c.input),
		"inputFile": func(v value.Value, at string) { c.input = d.inputFile(v, at) },
		"mocks":     func(v value.Value, at string) { c.mocks = d.mocks(v, at) },
		"responses": func(v value.Value, at string) {
			d.text(&c.responses.path)(v, at)
			c.responses.position = d.source.Position(at)
			if p := c.responses.path; p != "" {
				c.responses.path = d.path(p)
			}
		},
		"testCase":      d.text(&c.responses.testCase),
		"objects":       func(v value.Value, at string) { c.objects = d.objects(v, at) },
		"executionName": d.text(&c.execution),
		"start": func(v value.Value, at string) {
			t, err := time.Parse(time.RFC3339, v.Str())
			if err != nil {
				d.problem(at, "start is a time such as 2026-01-31T12:00:00Z")
			}
			c.start = t
		},
		"expect": func(v value.Value, at string) { d.expect(v, at, &c.expect) },
	}
}

// path makes a path that stands in the file one from the current folder.
func (d *decoder) path(p string) string {
	if filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(filepath.Dir(d.file.Name), filepath.FromSlash(p))
}

func (d *decoder) inputFile(v value.Value, at string) value.Value {
	var p string
	if d.text(&p)(v, at); p == "" {
		return value.Value{}
	}
	text, err := readFile(d.path(p))
	if err != nil {
		d.problem(at, "%v", err)
		return value.Value{}
	}
	input, err := value.Parse(bytes.TrimPrefix(text, []byte("\uFEFF")))
	if err != nil {
		d.problem(at, "%s: %v", p, err)
	}
	return input
}

func (d *decoder) objects(v value.Value, at string) []object {
	if !v.IsObject() {
		d.problem(at, `objects is an object such as {"s3://bucket/key": content}`)
	}
	list := []object{}
	for uri, content := range v.Members() {
		rest, ok := strings.CutPrefix(uri, "s3://")
		bucket, key, _ := strings.Cut(rest, "/")
		if !ok || bucket == "" || key == "" {
			d.problem(at+"/"+uri, "%q is not of the form s3://bucket/key", uri)
			continue
		}
		text := []byte(content.Str())
		if !content.IsString() {
			text = content.AppendJSON(nil)
		}
		list = append(list, object{bucket, key, text})
	}
	return list
}

// definition finds and compiles what is tested.
func (d *decoder) definition(named string) {
	file := d.path(named)
	if named == "" {
		found, err := definitionBeside(d.file.Name)
		if err != nil {
			d.problem("", "%v", err)
			return
		}
		file = found
	}
	d.file.Definition = file
	text, err := readFile(file)
	if err != nil {
		d.problem("/definition", "%v", err)
		return
	}
	fail := func(p asl.Position, text string) {
		place := file
		if p.Line > 0 {
			place += ":" + p.String()
		}
		d.problem("/definition", "%s: %s", place, text)
	}
	m, err := asl.Parse(text)
	var ds asl.Diagnostics
	if errors.As(err, &ds) && len(ds) > 0 {
		fail(ds[0].Position, ds[0].Summary())
		return
	} else if err != nil {
		fail(asl.Position{}, err.Error())
		return
	}
	if m.StartAt == "" && len(m.States) == 0 {
		fail(asl.Position{}, "there is no state machine; one in a template needs a file of its own to be tested")
		return
	}
	d.file.machine = m
	d.file.compiled, err = emulator.Compile(m)
	if err != nil {
		var ce *emulator.CompileError
		var p asl.Position
		if errors.As(err, &ce) && ce.State != "" {
			p = m.Source().Position(locations(m)[ce.State] + "/" + ce.Field)
		}
		fail(p, err.Error())
	}
}

// definitionBeside returns the definition that a test file without one means: that of the
// same name, or workflow.asl.*, or the only one in the folder.
func definitionBeside(testFile string) (string, error) {
	dir := filepath.Dir(testFile)
	for _, name := range []string{stem(filepath.Base(testFile)), "workflow"} {
		for _, ext := range []string{".asl.json", ".asl.yaml", ".asl.yml"} {
			file := filepath.Join(dir, name+ext)
			if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() {
				return file, nil
			}
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	var all []string
	for _, e := range entries {
		for _, ext := range []string{".asl.json", ".asl.yaml", ".asl.yml"} {
			if strings.HasSuffix(e.Name(), ext) {
				all = append(all, e.Name())
			}
		}
	}
	switch len(all) {
	case 1:
		return filepath.Join(dir, all[0]), nil
	case 0:
		return "", fmt.Errorf("there is no definition beside this file; name one: definition: workflow.asl.json")
	}
	return "", fmt.Errorf("which definition is meant must be said, as in definition: %s; there are %s", all[0], strings.Join(all, ", "))
}

func (d *decoder) expect(v value.Value, at string, e *expectation) {
	e.at = map[string]asl.Position{}
	for name := range v.Members() {
		e.at[name] = d.source.Position(at + "/" + name)
	}
	d.fields(v, at, "expect", map[string]func(value.Value, string){
		"status": func(v value.Value, at string) {
			d.optionalText(&e.status)(v, at)
			switch emulator.Status(*e.status) {
			case emulator.Succeeded, emulator.Failed, emulator.TimedOut, emulator.Aborted:
			default:
				d.problem(at, "status is SUCCEEDED, FAILED, TIMED_OUT or ABORTED")
			}
		},
		"output":         d.any(&e.output),
		"outputContains": d.any(&e.outputContains),
		"error":          d.optionalText(&e.error),
		"cause":          d.optionalText(&e.cause),
		"causeContains":  d.optionalText(&e.causeContains),
		"path":           func(v value.Value, at string) { e.hasPath = true; d.texts(&e.path)(v, at) },
		"pathContains":   d.texts(&e.pathContains),
		"assert": func(v value.Value, at string) {
			list := []value.Value{v}
			if v.IsArray() {
				list = v.Elems()
			}
			for i, x := range list {
				at := at
				if v.IsArray() {
					at = fmt.Sprintf("%s[%d]", at, i)
				}
				e.assert = append(e.assert, assertion{d.expression(x, at), d.source.Position(at)})
			}
		},
	})
}

// check compares the names of states in a case, or in what is common to all, with the
// definition.
func (d *decoder) check(c *Case, at string) {
	if d.file.machine == nil {
		return
	}
	states := map[string]*asl.State{}
	var tasks []string
	for s := range d.file.machine.AllStates {
		states[s.Name] = s
		if s.Type == asl.TypeTask {
			tasks = append(tasks, strconv.Quote(s.Name))
		}
	}
	for _, m := range c.mocks {
		where := at + "/mocks/" + m.state
		switch s := states[m.state]; {
		case s == nil:
			d.problem(where, "there is no state %q; the Task states are %s", m.state, strings.Join(tasks, ", "))
		case s.Type != asl.TypeTask:
			d.problem(where, "state %q is a %s and makes no calls", m.state, s.Type)
		}
	}
	for _, field := range []string{"path", "pathContains"} {
		list := c.expect.path
		if field == "pathContains" {
			list = c.expect.pathContains
		}
		for i, name := range list {
			if states[name] == nil {
				d.problem(fmt.Sprintf("%s/expect/%s[%d]", at, field, i), "there is no state %q", name)
			}
		}
	}
}
