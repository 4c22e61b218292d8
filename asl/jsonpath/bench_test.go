package jsonpath_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/sfnkit/sfnkit/asl/jsonpath"
	"github.com/sfnkit/sfnkit/asl/value"
)

// order is a document of about 100 KB with 784 items of nine members each.
func order() value.Value {
	var b strings.Builder
	b.WriteString(`{"store":{"items":[`)
	for i := 0; b.Len() < 100<<10; i++ {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"id":%d,"sku":"SKU-%06d","qty":%d,"price":%d.%02d,"tags":["a%d","b","c"],"attrs":{"color":"%s","size":%d},"note":null,"ok":%v,"x":{"y":%d}}`,
			i, i, i%17, i%100, i%97+1, i%7, []string{"red", "green", "blue"}[i%3], i%5, i%2 == 0, i)
	}
	b.WriteString(`]},"a":{"b":[{"c":1},{"c":2}]}}`)
	return value.MustParse(b.String())
}

// wide is five objects of twenty members in each other.
func wide() value.Value {
	v := value.Int(1)
	for range 5 {
		b := value.NewBuilder(20)
		for i := range 20 {
			b.Set(fmt.Sprint("member", i), v)
		}
		v = b.Object()
	}
	return v
}

func BenchmarkDefinite(b *testing.B) {
	doc, deep := order(), wide()
	for _, c := range []struct {
		path string
		root value.Value
	}{
		{"$", doc},
		{"$.a.b", doc},
		{"$.a.b[1].c", doc},
		{"$.store.items[700].attrs.size", doc},
		{"$.store.items[(@.length-1)].id", doc},
		{"$.member7.member9.member11.member13.member15", deep},
	} {
		b.Run(c.path, func(b *testing.B) {
			p := jsonpath.MustCompile(c.path)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := p.Eval(c.root); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkIndefinite(b *testing.B) {
	doc := order()
	for _, path := range []string{
		"$.store.items[*]", "$.store.items[*].sku", "$.store.items[*].tags[*]", "$.store.items[*].*",
		"$.store.items[*].nope", "$.store.items[10:200].sku",
		"$..sku", "$..*", "$..attrs.color", "$..tags[*]", "$..[0]",
		"$.store.items[?(@.price > 50)]", "$.store.items[?(@.attrs.color == 'red')].id",
		"$.store.items[?(@.qty > 3 && @.ok == true)].id", "$.store.items[?(@.note)]",
		"$.store.items[?(@.sku =~ /SKU-0001.*/)].id", "$..[?(@.id == 100)].sku",
	} {
		b.Run(path, func(b *testing.B) {
			p := jsonpath.MustCompile(path)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := p.Eval(doc); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkNotFound(b *testing.B) {
	doc := order()
	p := jsonpath.MustCompile("$.store.nope.size")
	b.Run("Eval", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = p.Eval(doc)
		}
	})
	b.Run("Lookup", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = p.Lookup(doc)
		}
	})
}

func BenchmarkSet(b *testing.B) {
	doc := order()
	p := jsonpath.MustCompile("$.a.result")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Set(doc, value.True); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCompile(b *testing.B) {
	for _, path := range []string{"$.a.b[0]", "$.store.items[?(@.qty > 3 && @.sku == 'a')].id"} {
		b.Run(path, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := jsonpath.Compile(path); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
