package jsonpath_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/sfnkit/sfnkit/asl/jsonpath"
	"github.com/sfnkit/sfnkit/asl/value"
)

const zoo = `{
	"name": "Zoo", "open": true, "closed": null, "a-b": 1, "it's": 2, "": 3, "$": 4, "a.b": 5, "*": 6,
	"pens": [
		{"kind": "lion", "count": 2, "fed": true, "food": {"meat": 9.50}},
		{"kind": "owl", "count": 10, "fed": false, "food": {"mice": 3}, "note": null},
		{"kind": "eel", "count": "7"}
	],
	"grid": [[1, 2], [3], []],
	"by": {"x": {"v": 1}, "y": {"v": 2}}
}`

// paths are paths with what they give on the zoo, or with the error after !. A second !
// marks what is not "not found".
var paths = []struct{ path, want string }{
	{`$.name`, `"Zoo"`},
	{`$['name']`, `"Zoo"`},
	{`$[ 'name' ]`, `"Zoo"`},
	{`$.['name']`, `"Zoo"`},
	{` $.name
	`, `"Zoo"`},
	{`$.closed`, `null`},
	{`$.a-b`, `1`},
	{`$['a.b']`, `5`},
	{`$['*']`, `6`},
	{`$['']`, `3`},
	{`$.$`, `4`},
	{`$.pens[1].food.mice`, `3`},
	{`$.pens.[0].kind`, `"lion"`},
	{`$.pens[(@.length-1)].kind`, `"eel"`},
	{`$.pens[(@.length() - 3)].kind`, `"lion"`},
	{`$.grid[0][1]`, `2`},
	{`$.grid[0][0,1]`, `[1,2]`},
	{`$['name','open']`, `{"name":"Zoo","open":true}`},
	{`$['name','nope']`, `{"name":"Zoo"}`},
	{`$['nope','no']`, `{}`},
	{`$['name','name']`, `{"name":"Zoo"}`},

	{`$.nope`, `!No results for path: $['nope']`},
	{`$.nope.x`, `!Missing property in path $['nope']`},
	{`$.pens[0].nope`, `!No results for path: $['pens'][0]['nope']`},
	{`$.name.x`, `!Property ['x'] not found in path $['name']`},
	{`$.closed.x`, `!Property ['x'] not found in path $['closed']`},
	{`$.pens.kind`, `!Property ['kind'] not found in path $['pens']`},
	{`$.pens.length()`, `!Property ['length()'] not found in path $['pens']`},
	{`$.pens[9]`, `!Index out of bounds when evaluating path $['pens'][9]`},
	{`$.pens[-1]`, `!Index out of bounds when evaluating path $['pens'][-1]`},
	{`$.pens[(@.length-4)]`, `!Index out of bounds when evaluating path $['pens'][-1]`},
	{`$.closed[0]`, `!The path $['closed'] is null`},
	{`$.name[0].x`, `!!Filter: [0]['x'] can only be applied to arrays. Current context is: Zoo`},
	{`$.by[0]`, `!!Filter: [0] can only be applied to arrays. Current context is: {x={v=1}, y={v=2}}`},
	{`$.pens[0].food[(@.length-1)]`, `!!Filter: [@.size()-1] can only be applied to arrays. Current context is: {meat=9.5}`},
	{`$['by','pens'].x`, `!!Multi properties can only be used as path leafs: $['by', 'pens']`},

	{`$.pens[*].kind`, `["lion","owl","eel"]`},
	{`$.pens[*].food`, `[{"meat":9.50},{"mice":3}]`},
	{`$.pens[*].food.mice`, `[3]`},
	{`$.pens.*.kind`, `["lion","owl","eel"]`},
	{`$.grid[*][*]`, `[1,2,3]`},
	{`$.grid[*]`, `[[1,2],[3],[]]`},
	{`$.grid[*][1]`, `[2]`},
	{`$.by.*`, `[{"v":1},{"v":2}]`},
	{`$.by.*.v`, `[1,2]`},
	{`$.by[*].w`, `!No results for path: $['by']['x']['w']`},
	{`$.nope[*].x`, `[]`},
	{`$.nope[0:1]`, `[]`},
	{`$.nope..x`, `[]`},
	{`$.nope[?(@.x)]`, `[]`},
	{`$.name[*]`, `[]`},
	{`$.pens[*].kind[0]`, `!!Filter: [0] can only be applied to arrays. Current context is: lion`},

	{`$.pens[0:2].kind`, `["lion","owl"]`},
	{`$.pens[1:].kind`, `["owl","eel"]`},
	{`$.pens[-1:].kind`, `["eel"]`},
	{`$.pens[:-1].kind`, `["lion","owl"]`},
	{`$.pens[:1].kind`, `["lion"]`},
	{`$.pens[0:2:5].kind`, `["lion","owl"]`},
	{`$.pens[0:9]`, `[{"kind":"lion","count":2,"fed":true,"food":{"meat":9.50}},{"kind":"owl","count":10,"fed":false,"food":{"mice":3},"note":null},{"kind":"eel","count":"7"}]`},
	{`$.pens[2:1]`, `[]`},
	{`$.pens[0:1,2].kind`, `["lion"]`},
	{`$.pens[:1:2].kind`, `["lion"]`},
	{`$.grid[2][-1:2]`, `[]`},
	{`$.pens[-2:-1]`, `!Index out of bounds when evaluating path $['pens'][-2]`},
	{`$.pens[-2:3].kind`, `!Index out of bounds when evaluating path $['pens'][-2]`},
	{`$.pens[2,0].kind`, `["eel","lion"]`},
	{`$.pens[0,9].kind`, `!Index out of bounds when evaluating path $['pens'][9]`},
	{`$.name[0:1]`, `!!Filter: [0:1] can only be applied to arrays. Current context is: Zoo`},
	{`$.closed[0:1]`, `!The path $['closed'] is null`},

	{`$..v`, `[1,2]`},
	{`$..food`, `[{"meat":9.50},{"mice":3}]`},
	{`$..food.mice`, `!No results for path: $['pens'][0]['food']['mice']`},
	{`$.by..*`, `[{"v":1},{"v":2},1,2]`},
	{`$..pens..[0]`, `[{"kind":"lion","count":2,"fed":true,"food":{"meat":9.50}}]`},
	{`$.grid..[0]`, `!Index out of bounds when evaluating path $['grid'][2][0]`},
	{`$..['kind','count']`, `[{"kind":"lion","count":2},{"kind":"owl","count":10},{"kind":"eel","count":"7"}]`},
	{`$..pens[0].kind.x`, `!Property ['x'] not found in path $['pens'][0]['kind']`},
	{`$..food.no.no`, `!Missing property in path $['pens'][0]['food']['no']`},
	{`$.by..x.v.no`, `!Property ['no'] not found in path $['by']['x']['v']`},
	{`$..by.x.no.no`, `!Missing property in path $['by']['x']['no']`},
	{`$.by..v.w`, `!Property ['w'] not found in path $['by']['x']['v']`},
	{`$..pens[0].kind`, `["lion"]`},

	{`$.pens[?(@.count > 2)].kind`, `["owl","eel"]`},
	{`$.pens[?(@.count == 7)].kind`, `["eel"]`},
	{`$.pens[?(@.count == '10')].kind`, `["owl"]`},
	{`$.pens[?(@.count >= 1e1)].kind`, `["owl","eel"]`}, // "7" and "1e1" are compared as texts
	{`$.pens[?(@.kind == 'owl')].count`, `[10]`},
	{`$.pens[?(@.kind == owl)].count`, `[10]`},
	{`$.pens[?(@.kind == "owl")].count`, `[]`},
	{`$.pens[?(@.kind < 'f')].kind`, `["eel"]`},
	{`$.pens[?(@.fed)].kind`, `["lion","owl"]`},
	{`$.pens[?(!@.fed)].kind`, `["eel"]`},
	{`$.pens[?(@.fed == true)].kind`, `["lion"]`},
	{`$.pens[?(@.fed == 'TRUE')].kind`, `["lion"]`},
	{`$.pens[?(@.note)].kind`, `[]`},
	{`$.pens[?(@.note == null)].kind`, `["owl"]`},
	{`$.pens[?(@.note != null)].kind`, `[]`},
	{`$.pens[?(@.kind != 'owl' && @.count > 1)].kind`, `["lion","eel"]`},
	{`$.pens[?(@.kind == 'eel' || @.fed == true && @.count > 5)].kind`, `["eel"]`},
	{`$.pens[?((@.kind == 'eel' || @.fed == true) && @.count > 5)].kind`, `["eel"]`},
	{`$.pens[?(@.kind =~ /.*L.*/i)].kind`, `["lion","owl","eel"]`},
	{`$.pens[?(@.kind =~ /l/)].kind`, `[]`},
	{`$.pens[?(@.count =~ /1./)].kind`, `["owl"]`},
	{`$.pens[?(@.food.mice == 3)].food.mice`, `[3]`},
	{`$.pens[?(@.food.mice == $.grid[1][0])].kind`, `["owl"]`},
	{`$.pens[?(@.food == @.food)].kind`, `["lion","owl"]`},
	{`$.pens[?(!@.kind == 'owl')].kind`, `["owl"]`}, // the ! means nothing
	{`$.pens[?(@.kind != 'o\'wl' && @.fed)].count`, `[2,10]`},
	{`$.pens[?($.kind)].count`, `[2,10,"7"]`}, // looked for in the element
	{`$.pens[?(1 == 1)].kind`, `["lion","owl","eel"]`},
	{`$.pens[?(@)].kind`, `["lion","owl","eel"]`},
	{`$.pens[?(@.kind == 'eel')].food`, `!No results for path: $['pens'][2]['food']`},
	{`$.pens[?(@.kind == 'eel')].food.mice`, `[]`},
	{`$.by[?(@.x)]`, `[{"x":{"v":1},"y":{"v":2}}]`},
	{`$.by.*[?(@.v > 1)].v`, `[2]`},
	{`$.grid[0][?(@ > 1)]`, `[2]`},
	{`$.name[?(@.x)]`, `!!Filter: [?] can not be applied to primitives. Current context is: Zoo`},
	{`$.pens[?(@.kind > 1)].kind`, `["lion","owl","eel"]`},
	{`$.pens[?(@.count == 'many')].kind`, `!!Character m is neither a decimal digit number, decimal point, nor "e" notation exponential mark.`},
	{`$.pens[?(@.kind[0] == 'l')]`, `!!Filter: [0] can only be applied to arrays. Current context is: lion`},
	{`$.pens[?]`, `!!the filter [?] has no condition`},
	{`$..[?(@.v == 2)]`, `[{"v":2}]`},
	{`$..[?(@.mice)].mice`, `[3]`},
}

func TestPaths(t *testing.T) {
	doc := value.MustParse(zoo)
	for _, c := range paths {
		p, err := jsonpath.Compile(c.path)
		if err != nil {
			t.Errorf("%s: %v", c.path, err)
			continue
		}
		got, err := p.Eval(doc)
		want, fails := strings.CutPrefix(c.want, "!")
		want, other := strings.CutPrefix(want, "!")
		var lost *jsonpath.NotFoundError
		switch {
		case fails && (err == nil || err.Error() != want):
			t.Errorf("%s: got %v, %v\nwant the error %s", c.path, got, err, want)
		case fails && errors.As(err, &lost) == other:
			t.Errorf("%s: the error is a %T", c.path, err)
		case !fails && (err != nil || got.JSON() != want):
			t.Errorf("%s: got %v, %v\nwant %s", c.path, got, err, want)
		}
		if found, ok := p.Lookup(doc); ok == fails || ok && !value.Equal(found, got) {
			t.Errorf("%s: Lookup gives %v, %v", c.path, found, ok)
		}
	}
}

func TestSyntaxErrors(t *testing.T) {
	for _, c := range []struct {
		path   string
		offset int
	}{
		{``, 0}, {`a`, 0}, {`@.a`, 0}, {`.a`, 0},
		{`$.`, 1}, {`$.a.`, 3}, {`$..`, 1}, {`$. a`, 2}, {`$.a b`, 3},
		{`$[]`, 1}, {`$[a]`, 1}, {`$["a"]`, 1}, {`$[ * ]`, 1}, {`$[**]`, 1}, {`$.a['b`, 3}, {`$.a[0`, 4},
		{`$[:]`, 2}, {`$[::2]`, 2}, {`$[99999999999]`, 2}, {`$[1-2]`, 2}, {`$[(@.size)]`, 3}, {`$[(@.count-1)]`, 3},
		{`$[?(@.a]`, 1}, {`$[?@.a == 1]`, 3}, {`$[?()]`, 4}, {`$[?(true)]`, 4}, {`$[?(@.a = 1)]`, 7},
		{`$[?(@.a == !@.b)]`, 11}, {`$[?(@.* == 1)]`, 4}, {`$[?(@..a)]`, 4}, {`$[?(@.a in ['b'])]`, 7},
		{`$[?(@.a =~ /(?=x)/)]`, 11}, {`$[?(@.a == ')]`, 1}, {`$[?(@.a == /)]`, 11}, {`$[?(@.a ||| @.b)]`, 8}, {`$[?(@.a == ']')]`, 1}, {`$[?(@x == 1)]`, 4},
		{`$1a`, 1}, {`$a b`, 2}, {`$a-b.c`, 2},
	} {
		_, err := jsonpath.Compile(c.path)
		var syntax *jsonpath.SyntaxError
		if !errors.As(err, &syntax) || syntax.Offset != c.offset || syntax.Path != c.path {
			t.Errorf("%s: %v, want an error at %d", c.path, err, c.offset)
		}
	}
	if _, err := jsonpath.Compile("$." + strings.Repeat("a", jsonpath.MaxLength)); err == nil {
		t.Error("a path longer than MaxLength compiles")
	}
	if _, err := jsonpath.Compile("$" + strings.Repeat("[0]", 1000)); err == nil {
		t.Error("a path of a thousand steps compiles")
	}
}

func TestRoots(t *testing.T) {
	for _, c := range []struct {
		path     string
		root     jsonpath.Root
		name     string
		isRoot   bool
		definite bool
		ref      bool
	}{
		{`$`, jsonpath.Input, "", true, true, true},
		{`$.a[0]['b c'].d`, jsonpath.Input, "", false, true, true},
		{`$.['a'].b-c`, jsonpath.Input, "", false, true, true},
		{`$['@?*']`, jsonpath.Input, "", false, true, true},
		{`$$`, jsonpath.Context, "", true, true, true},
		{`$$.Map.Item.Value`, jsonpath.Context, "", false, true, true},
		{`$$['Execution'].Id`, jsonpath.Context, "", false, true, true},
		{`$x`, jsonpath.Variable, "x", true, true, true},
		{`$naïve_1.a[0]`, jsonpath.Variable, "naïve_1", false, true, true},
		{`$x[*]`, jsonpath.Variable, "x", false, false, false},
		{`$.a[-1]`, jsonpath.Input, "", false, true, false},
		{`$.a[(@.length-1)]`, jsonpath.Input, "", false, true, false},
		{`$['a','b']`, jsonpath.Input, "", false, true, false},
		{`$.a.length()`, jsonpath.Input, "", false, true, false},
		{`$.*`, jsonpath.Input, "", false, false, false},
		{`$.a[0:1]`, jsonpath.Input, "", false, false, false},
		{`$..a`, jsonpath.Input, "", false, false, false},
		{`$.a[?(@.b)]`, jsonpath.Input, "", false, false, false},
	} {
		p, err := jsonpath.Compile(c.path)
		if err != nil {
			t.Error(err)
			continue
		}
		root, name := p.Root()
		if root != c.root || name != c.name || p.IsRoot() != c.isRoot || p.Definite() != c.definite || (p.Reference() == nil) != c.ref {
			t.Errorf("%s: root %d %q, is root %v, definite %v, reference %v", c.path, root, name, p.IsRoot(), p.Definite(), p.Reference())
		}
		if p.String() != c.path {
			t.Errorf("%s prints as %s", c.path, p)
		}
	}
}

func TestSet(t *testing.T) {
	for _, c := range []struct{ path, root, want string }{
		{`$`, `{"a":1}`, `0`},
		{`$.b`, `{"a":1}`, `{"a":1,"b":0}`},
		{`$.a`, `{"a":1,"b":2}`, `{"a":0,"b":2}`},
		{`$.b.c.d`, `{"a":1}`, `{"a":1,"b":{"c":{"d":0}}}`},
		{`$['a b'].c`, `{}`, `{"a b":{"c":0}}`},
		{`$.a[1]`, `{"a":[1,2,3]}`, `{"a":[1,0,3]}`},
		{`$.a[1].x`, `{"a":[1,{}]}`, `{"a":[1,{"x":0}]}`},
		{`$[0]`, `[1]`, `[0]`},
		{`$.a.b`, `{"a":1}`, `!Unable to apply ReferencePath $.a.b to input {"a":1}`},
		{`$.x`, `"text"`, `!Unable to apply ReferencePath $.x to input "text"`},
		{`$.x`, `[1]`, `!Unable to apply ReferencePath $.x to input [1]`},
		{`$.a.b`, `{"a":null}`, `!Unable to apply ReferencePath $.a.b to input {"a":null}`},
		{`$.a[3]`, `{"a":[1,2,3]}`, `!Unable to apply ReferencePath $.a[3] to input {"a":[1,2,3]}`},
		{`$.b[0]`, `{"a":1}`, `!Unable to apply ReferencePath $.b[0] to input {"a":1}`},
		{`$.a[*]`, `{"a":[1]}`, `!"$.a[*]" is not a Reference Path`},
	} {
		root := value.MustParse(c.root)
		got, err := jsonpath.MustCompile(c.path).Set(root, value.Int(0))
		want, fails := strings.CutPrefix(c.want, "!")
		switch {
		case fails && (err == nil || !strings.HasPrefix(err.Error(), want)):
			t.Errorf("%s on %s: got %v, %v", c.path, c.root, got, err)
		case !fails && (err != nil || got.JSON() != want):
			t.Errorf("%s on %s: got %v, %v; want %s", c.path, c.root, got, err, want)
		case root.JSON() != value.MustParse(c.root).JSON():
			t.Errorf("%s changed %s to %s", c.path, c.root, root)
		}
	}
}

// TestText has what Java prints for the same values.
func TestText(t *testing.T) {
	for _, c := range []struct{ json, want string }{
		{`"a\nb"`, "a\nb"}, {`1`, `1`}, {`-0`, `0`}, {`1.0`, `1.0`}, {`1.50`, `1.5`}, {`100.0`, `100.0`},
		{`1e2`, `100.0`}, {`1e7`, `1.0E7`}, {`9999999.0`, `9999999.0`}, {`0.001`, `0.001`}, {`0.00012`, `1.2E-4`},
		{`1.23456789125E8`, `1.23456789125E8`}, {`1e-5`, `1.0E-5`}, {`-0.0`, `-0.0`},
		{`12345678901234567890123`, `12345678901234567890123`},
		{`true`, `true`}, {`null`, `null`}, {`[]`, `[]`}, {`{}`, `{}`},
		{`{"a": [1, "b", null], "c": {"d": false}}`, `{a=[1, b, null], c={d=false}}`},
	} {
		if got := string(jsonpath.AppendText(nil, value.MustParse(c.json))); got != c.want {
			t.Errorf("%s: got %s, want %s", c.json, got, c.want)
		}
	}
}

// TestNumbers compares numbers that floats cannot tell apart, or cannot hold.
func TestNumbers(t *testing.T) {
	doc := value.MustParse(`[9007199254740993, 9007199254740992.0, 1e400, 0.1, 0.10000000000000000001, -0.0, "1E1", 10]`)
	for _, c := range []struct{ filter, want string }{
		{`@ == 9007199254740993`, `[9007199254740993]`},
		{`@ == 9007199254740992`, `[9007199254740992.0]`},
		{`@ > 1e308`, `[1e400]`},
		{`@ == 10e399`, `[1e400]`},
		{`@ == 0.1`, `[0.1]`},
		{`@ == 0.100`, `[0.1]`},
		{`@ == 0`, `[-0.0]`},
		{`@ == 10`, `[10]`},
	} {
		got, err := jsonpath.MustCompile(`$[?(` + c.filter + `)]`).Eval(doc)
		if err != nil || got.JSON() != c.want {
			t.Errorf("%s: got %v, %v; want %s", c.filter, got, err, c.want)
		}
	}
}

func TestWorkIsBounded(t *testing.T) {
	wide := value.Array(make([]value.Value, 3000))
	for i := range wide.Elems() {
		wide.Elems()[i] = value.Int(1)
	}
	all := []value.Value{}
	for range 3000 {
		all = append(all, wide)
	}
	_, err := jsonpath.MustCompile("$..*").Eval(value.Array(all))
	var other *jsonpath.Error
	if !errors.As(err, &other) || !strings.Contains(err.Error(), "visits more than") {
		t.Errorf("%v", err)
	}
	deep := value.Null
	for range value.MaxDepth {
		deep = value.Array([]value.Value{deep, deep})
	}
	if _, err := jsonpath.MustCompile("$..x").Eval(deep); !errors.As(err, &other) {
		t.Errorf("%v", err)
	}
}

func TestPathsAreSafeForConcurrentUse(t *testing.T) {
	doc, other := value.MustParse(zoo), value.MustParse(`{"pens": [{"x": 1, "kind": "ant", "count": 3}], "name": 1}`)
	for _, path := range []string{`$.pens[?(@.count > 2)].kind`, `$.pens[0].kind`, `$..kind`} {
		p := jsonpath.MustCompile(path)
		want, _ := p.Eval(doc)
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for range 200 {
					_, _ = p.Eval(other)
					if got, err := p.Eval(doc); err != nil || !value.Equal(got, want) {
						t.Errorf("%s: got %v, %v", path, got, err)
						return
					}
				}
			})
		}
		wg.Wait()
	}
}

func TestDefinitePathsDoNotAllocate(t *testing.T) {
	doc := value.MustParse(zoo)
	for _, path := range []string{`$`, `$.name`, `$.pens[1].food.mice`, `$.pens[(@.length-1)].kind`} {
		p := jsonpath.MustCompile(path)
		if n := testing.AllocsPerRun(100, func() { _, _ = p.Eval(doc) }); n != 0 {
			t.Errorf("%s takes %v allocations", path, n)
		}
	}
	p := jsonpath.MustCompile(`$.nope.x`)
	if n := testing.AllocsPerRun(100, func() { _, _ = p.Lookup(doc) }); n != 0 {
		t.Errorf("Lookup takes %v allocations", n)
	}
}

func FuzzPath(f *testing.F) {
	for _, c := range paths {
		f.Add(c.path)
	}
	f.Add(`$[?(@.a =~ /(a|b)*/ && @['x','y'])]..[1:2,3][-1]`)
	doc := value.MustParse(zoo)
	f.Fuzz(func(t *testing.T, path string) {
		p, err := jsonpath.Compile(path)
		if err != nil {
			var syntax *jsonpath.SyntaxError
			if !errors.As(err, &syntax) || syntax.Offset < 0 || syntax.Offset > len(path) || syntax.Reason == "" {
				t.Fatalf("%q: %#v", path, err)
			}
			return
		}
		v, err := p.Eval(doc)
		found, ok := p.Lookup(doc)
		if ok != (err == nil) || ok && !value.Equal(v, found) {
			t.Fatalf("%q: Eval gives %v, %v; Lookup %v, %v", path, v, err, found, ok)
		}
		if err != nil {
			if err.Error() == "" {
				t.Fatalf("%q: an error without words", path)
			}
			return
		}
		if !p.Definite() && !v.IsArray() {
			t.Fatalf("%q is indefinite and gives %v", path, v)
		}
		if utf8.ValidString(path) {
			if _, err := value.ParseString(v.JSON()); err != nil {
				t.Fatalf("%q gives %v: %v", path, v, err)
			}
		}
		if p.Reference() != nil {
			return
		}
		// What is written where a Reference Path points is found there.
		if out, err := p.Set(doc, value.String("new")); err == nil {
			if got, err := p.Eval(out); err != nil || got.Str() != "new" {
				t.Fatalf("%q: wrote into %v, found %v, %v", path, out, got, err)
			}
		}
	})
}
