package jsonpath_test

import (
	"context"
	"fmt"
	"strconv"
	"testing"

	"github.com/PaesslerAG/gval"
	paessler "github.com/PaesslerAG/jsonpath"

	"github.com/sfnkit/sfnkit/asl/jsonpath"
	"github.com/sfnkit/sfnkit/asl/value"
)

// object and array let github.com/PaesslerAG/jsonpath walk values.
type (
	object struct{ v value.Value }
	array  struct{ v value.Value }
)

func wrap(v value.Value) any {
	switch v.Kind() {
	case value.KindObject:
		return object{v}
	case value.KindArray:
		return array{v}
	case value.KindNumber:
		return v.Float64()
	}
	return v.Any()
}

func unwrap(x any) any {
	switch x := x.(type) {
	case object:
		return x.v
	case array:
		return x.v
	case []any:
		for i := range x {
			x[i] = unwrap(x[i])
		}
	}
	return x
}

func (o object) SelectGVal(_ context.Context, key string) (any, error) {
	if v := o.v.Get(key); !v.IsAbsent() {
		return wrap(v), nil
	}
	return nil, fmt.Errorf("unknown key %s", key)
}

func (o object) ForEach(f func(string, any)) {
	for k, v := range o.v.Members() {
		f(k, wrap(v))
	}
}

func (a array) SelectGVal(_ context.Context, key string) (any, error) {
	if i, err := strconv.Atoi(key); err == nil && i >= 0 && i < a.v.Len() {
		return wrap(a.v.At(i)), nil
	}
	return nil, fmt.Errorf("no element %s", key)
}

func (a array) Len() int { return a.v.Len() }

func (a array) ForEach(f func(string, any)) {
	for i, v := range a.v.Elems() {
		f(strconv.Itoa(i), wrap(v))
	}
}

// library is the library with the operators of filters.
var library = gval.Full(paessler.Language())

// common are paths that the service's engine and the usual Go library agree about.
var common = []string{
	`$`, `$.store`, `$.a.b[1].c`, `$.store.items[7].attrs.size`,
	`$.store.items[*].sku`, `$.store.items[*].tags[*]`, `$.store.items[*].attrs.color`,
	`$.store.items[10:20].id`, `$.store.items[3,1].id`, `$.a.b[*].c`, `$.a..c`,
	`$.store.items[?(@.id == 100)].sku`, `$.store.items[?(@.price > 50)].id`, `$.store.items[?(@.qty <= 3)].id`,
}

// TestLibrary compares with an independent implementation where both mean the same.
func TestLibrary(t *testing.T) {
	doc := order()
	for _, path := range common {
		eval, err := library.NewEvaluable(path)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		theirs, err := eval(context.Background(), wrap(doc))
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		want, err := value.Of(unwrap(theirs))
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		got, err := jsonpath.MustCompile(path).Eval(doc)
		if err != nil || !value.Equal(got, want) {
			t.Errorf("%s: got %s, %v; want %s", path, got, err, want)
		}
	}
}

// BenchmarkLibrary shows why the evaluator is not built on the library.
func BenchmarkLibrary(b *testing.B) {
	doc := order()
	for _, path := range []string{`$.a.b[1].c`, `$.store.items[*].sku`, `$.store.items[?(@.price > 50)].id`, `$..sku`} {
		b.Run(path, func(b *testing.B) {
			eval, err := library.NewEvaluable(path)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := eval(context.Background(), wrap(doc)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
