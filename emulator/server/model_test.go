package server

import (
	"bytes"
	"compress/gzip"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"github.com/sfnkit/sfnkit/asl/value"
)

// TestRequired holds what a request must have, and the values of enumerations, against the
// SDK: required members are marked in its source, and its enumerations list their values.
func TestRequired(t *testing.T) {
	dir := sourceOfSDK(t)
	required := map[string]map[string]bool{} // by type and field
	files, err := filepath.Glob(filepath.Join(dir, "api_op_*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range append(files, filepath.Join(dir, "types", "types.go")) {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			s, ok := spec.Type.(*ast.StructType)
			if !ok {
				return true
			}
			required[spec.Name.Name] = map[string]bool{}
			for _, field := range s.Fields.List {
				for _, n := range field.Names {
					required[spec.Name.Name][n.Name] = strings.Contains(field.Doc.Text(), "This member is required.")
				}
			}
			return true
		})
	}
	client := reflect.TypeFor[*sfn.Client]()
	for op, in := range inputs {
		m, ok := client.MethodByName(op)
		if !ok {
			t.Errorf("the SDK has no %s", op)
			continue
		}
		againstSDK(t, op, in, m.Type.In(2).Elem(), required)
	}
}

func againstSDK(t *testing.T, at string, s *shape, typ reflect.Type, required map[string]map[string]bool) {
	for typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	switch s.kind {
	case listKind:
		againstSDK(t, at+"[]", s.elem, typ.Elem(), required)
	case structKind:
		for _, m := range s.members {
			f, ok := typ.FieldByNameFunc(func(n string) bool { return strings.EqualFold(n, m.name) })
			if !ok {
				t.Errorf("%s has no %s", at, m.name)
				continue
			}
			if want := required[typ.Name()][f.Name]; m.required != want {
				t.Errorf("%s.%s: required is %v", at, m.name, want)
			}
			againstSDK(t, at+"."+m.name, m.shape, f.Type, required)
		}
	default:
		var want []string
		if values, ok := typ.MethodByName("Values"); ok {
			for _, v := range values.Func.Call([]reflect.Value{reflect.Zero(typ)})[0].Seq2() {
				want = append(want, v.String())
			}
		}
		sameValues(t, at, s.enum, want)
	}
}

func sameValues(t *testing.T, at string, got, want []string) {
	t.Helper()
	got, want = slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want))
	if !slices.Equal(got, want) {
		t.Errorf("%s has the values %q, not %q", at, want, got)
	}
}

// TestServiceModel holds the constraints of all requests against the service's own model,
// which comes with the SDK for Python: required members, lengths, bounds, patterns and
// enumerations.
func TestServiceModel(t *testing.T) {
	model := serviceModel(t)
	shapes := model.Get("shapes")
	n := 0
	for op, o := range model.Get("operations").Members() {
		in := inputs[op]
		if in == nil {
			t.Errorf("there is a new operation %s", op)
			continue
		}
		n++
		againstModel(t, op, in, shapes.Get(o.Get("input").Get("shape").Str()), shapes)
	}
	if n != len(inputs) {
		t.Errorf("the model has %d of %d operations", n, len(inputs))
	}
}

func againstModel(t *testing.T, at string, s *shape, want, shapes value.Value) {
	number := func(name string, none int64) int64 {
		if n, ok := want.Get(name).Int64(); ok {
			return n
		}
		return none
	}
	kinds := map[string]kind{"string": textKind, "integer": intKind, "long": intKind, "float": floatKind, "boolean": boolKind, "list": listKind, "structure": structKind}
	k, ok := kinds[want.Get("type").Str()]
	if !ok || k != s.kind {
		t.Errorf("%s is a %s", at, want.Get("type"))
		return
	}
	switch k {
	case structKind:
		left := map[string]bool{}
		for name := range want.Get("members").Members() {
			left[name] = true
		}
		for _, m := range s.members {
			if !left[m.name] {
				t.Errorf("%s has no %s", at, m.name)
				continue
			}
			delete(left, m.name)
			required := false
			for _, r := range want.Get("required").Elems() {
				required = required || r.Str() == m.name
			}
			if required != m.required {
				t.Errorf("%s.%s: required is %v", at, m.name, required)
			}
			againstModel(t, at+"."+m.name, m.shape, shapes.Get(want.Get("members").Get(m.name).Get("shape").Str()), shapes)
		}
		for name := range left {
			t.Errorf("%s has a new member %s", at, name)
		}
		return
	case boolKind:
		return
	case listKind:
		againstModel(t, at+"[]", s.elem, shapes.Get(want.Get("member").Get("shape").Str()), shapes)
	case textKind:
		var values []string
		for _, v := range want.Get("enum").Elems() {
			values = append(values, v.Str())
		}
		sameValues(t, at, s.enum, values)
	}
	if lo, hi := number("min", 0), number("max", -1); s.min != lo || s.max != hi {
		t.Errorf("%s is from %d to %d, not from %d to %d", at, lo, hi, s.min, s.max)
	}
	if p := want.Get("pattern").Str(); p != s.pattern {
		t.Errorf("%s has the pattern %q, not %q", at, p, s.pattern)
	}
	if want.Get("sensitive").Truth() != s.secret {
		t.Errorf("%s: sensitive is %v", at, !s.secret)
	}
}

// serviceModel reads the model from the newest botocore of those that are installed.
func serviceModel(t *testing.T) value.Value {
	t.Helper()
	for _, python := range []string{"python3", "/usr/bin/python3"} {
		out, err := exec.Command(python, "-c", "import botocore, os; print(os.path.dirname(botocore.__file__))").Output()
		if err != nil {
			continue
		}
		file := filepath.Join(strings.TrimSpace(string(out)), "data", "stepfunctions", "2016-11-23", "service-2.json")
		text, err := os.ReadFile(file)
		if err != nil {
			if text, err = os.ReadFile(file + ".gz"); err != nil {
				continue
			}
			r, err := gzip.NewReader(bytes.NewReader(text))
			if err != nil {
				t.Fatal(err)
			}
			if text, err = io.ReadAll(r); err != nil {
				t.Fatal(err)
			}
		}
		v, err := value.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		// Older models lack what this server has.
		if v.Get("shapes").Has("TestStateConfiguration") {
			return v
		}
	}
	t.Skip("there is no botocore with a model of 2025-11 or later (pip: botocore)")
	return value.Value{}
}
