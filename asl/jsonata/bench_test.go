package jsonata_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/sfnkit/sfnkit/asl/jsonata"
	"github.com/sfnkit/sfnkit/asl/value"
)

// tickets makes a document with n records, as a state might pass on.
func tickets(n int) value.Value {
	var b strings.Builder
	b.WriteString(`{"queue":"support","opened":"2026-03-01","owner":{"name":"Noor","team":{"id":7,"site":"LIM"}},"tickets":[`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"id":"T-%06d","hours":%d,"rate":%d.5,"kind":"%s","tags":["%s","x%d"]}`,
			i, i*7%13, i*31%89, []string{"bug", "question", "task"}[i%3], []string{"red", "blue"}[i%2], i%10)
	}
	b.WriteString(`]}`)
	return value.MustParse(b.String())
}

var benchmarks = []struct{ name, expr string }{
	{"member", `$in.owner.team.site`},
	{"record", `{"q": $in.queue, "n": $count($in.tickets), "site": $in.owner.team.site}`},
	{"where", `$in.tickets[hours >= 6 and kind = "bug"].id`},
	{"project", `$in.tickets.{"id": id, "cost": hours * rate}`},
	{"total", `$sum($in.tickets.(hours * rate))`},
	{"fold", `$reduce($map($in.tickets, function($t) { $t.hours * $t.rate }), function($a, $b) { $a + $b })`},
	{"groupby", `$in.tickets{kind: {"n": $count(id), "hours": $sum(hours)}}`},
	{"orderby", `$in.tickets^(>hours, rate)[[0..4]].id`},
	{"concat", `$join($in.tickets.(id & "=" & $string(rate)), ";")`},
	{"pattern", `$in.tickets[$contains(id, /T-0*[1-4]2$/)].$replace(id, /^T-0*/, "no. ")`},
	{"flatten", `$distinct($in.tickets.tags)`},
	{"index", `$in.tickets#$i[$i % 2 = 0].{"i": $i, "id": id}`},
	{"change", `$in ~> |tickets|{"rate": rate + 1}, "tags"|`},
}

func BenchmarkEval(b *testing.B) {
	for _, bm := range benchmarks {
		for _, n := range []int{10, 1000, 10000} {
			x := jsonata.MustCompile(bm.expr)
			env := &jsonata.Env{Vars: jsonata.Vars{{Name: "in", Value: tickets(n)}}}
			b.Run(fmt.Sprintf("%s/%d", bm.name, n), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if _, err := x.Eval(context.Background(), value.Value{}, env); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func BenchmarkCompile(b *testing.B) {
	for _, bm := range benchmarks {
		b.Run(bm.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := jsonata.Compile(bm.expr, jsonata.StepFunctions()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkGrowth shows that time grows with the length of lists and strings, not faster.
func BenchmarkGrowth(b *testing.B) {
	for _, bm := range []struct{ name, expr string }{
		{"distinct", `$count($distinct($n))`},
		{"sort", `$count($sort($n, function($a, $b) { $a < $b }))`},
		{"orderby", `$count($n^(>$))`},
		{"reverse", `$count($reverse($n))`},
		{"pick", `$count($n[[0..9]])`},
		{"pickall", `$count($n[$i])`},
		{"groups", `$count($keys($n{$string($): $}))`},
		{"merge", `$count($keys($merge($n.{$string($): $})))`},
		{"spread", `$count($spread($merge($n.{$string($): $})))`},
		{"zip", `$count($zip($n, $n))`},
		{"numbered", `$count($n#$k.($ + $k))`},
		{"join", `$length($join($n.$string(), ","))`},
		{"split", `$count($split($s, ","))`},
		{"splitregex", `$count($split($s, /,/))`},
		{"replace", `$length($replace($s, ",", ";"))`},
		{"replaceregex", `$length($replace($s, /(\d+),/, function($m) { $m.groups[0] }))`},
		{"match", `$count($match($s, /é?\d+/))`},
		{"deep", `$count($n.{"a": {"b": $}}.a.b)`},
		{"flat", `$count([$n, $n])`},
		{"in", `999999999 in $n`},
		{"equal", `$n = $reverse($reverse($n))`},
		{"string", `$length($string($n))`},
		{"change", `$count(({"l": $n.{"v": $}} ~> |l|{"w": 1}|).l)`},
	} {
		for _, n := range []int{10_000, 100_000, 1_000_000} {
			list := make([]value.Value, n)
			var s strings.Builder
			for i := range list {
				list[i] = value.Int(int64(i))
				fmt.Fprintf(&s, "é%d,", i)
			}
			x := jsonata.MustCompile(bm.expr)
			env := &jsonata.Env{Vars: jsonata.Vars{
				{Name: "n", Value: value.Array(list)}, {Name: "i", Value: value.Array(list)}, {Name: "s", Value: value.String(s.String())},
			}}
			b.Run(fmt.Sprintf("%s/%d", bm.name, n), func(b *testing.B) {
				for b.Loop() {
					if _, err := x.Eval(context.Background(), value.Value{}, env); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/item")
			})
		}
	}
}
