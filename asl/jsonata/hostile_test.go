package jsonata_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/sfnkit/sfnkit/asl/jsonata"
	"github.com/sfnkit/sfnkit/asl/value"
)

// hostile expressions must end quickly and in bounded memory.
var hostile = []string{
	`($f := function($x) { $f($x) + 1 }; $f(1))`,
	`($f := function() { $f() }; $f())`,
	`($f := function($x) { $map([$x], $f) }; $f(1))`,
	`($f := function($a) { $f(function() { $a() }) }; $f(function() { 1 }))`,
	`($g := function($h) { $h($h) + 1 }; $g($g))`,
	`[1..10000000]`,
	`[1..500000].[1..500000]`,
	`$map([1..800000], function($x) { [1..800000] })`,
	`$reduce([1..1000], function($s, $i) { $s & $s }, "x")`,
	`$reduce([1..1000], function($s, $i) { $append($s, $s) }, [1])`,
	`$reduce([1..800000], function($a, $b) { [[$a]] }) = 1`,
	`$reduce([1..800000], function($a, $b) { {"a": $a} })`,
	`$string($reduce([1..800000], function($a, $b) { [[$a], 1] }))`,
	`$pad("", 100000000)`,
	`$pad("", -1e300, "ab")`,
	`$replace($pad("", 4000000, "a"), "a", "bbbbbbbbbb")`,
	`$contains($pad("", 3000, "a") & "!", /^(a+)+$/)`,
	`$match($pad("", 40, "a"), /(a|a)*b/)`,
	`$contains($pad("", 100000, "x"), /(x+x+)+y/)`,
	`$split($pad("", 4000000, ","), "").$length()`,
	`$sort([1..800000], function($a, $b) { $length($pad("", 10000)) > 0 })`,
	`$eval("(" & $pad("", 2000, "[") & "1")`,
	`$formatInteger(1e308, "i")`,
	`$formatNumber(1, $pad("", 100000, "0"))`,
	`$join([1..800000].($string($) & $string($)), $pad("", 1000))`,
	`[1..10000]#$i.[1..10000]#$j`,
	`$zip([1..800000],[1..800000],[1..800000],[1..800000],[1..800000],[1..800000],[1..800000],[1..800000],[1..800000],[1..800000])`,
}

func TestHostile(t *testing.T) {
	for _, plain := range []bool{false, true} {
		limits := jsonata.Limits{Time: 200 * time.Millisecond, Total: 256 << 20}
		opts := []jsonata.Option{jsonata.WithLimits(limits)}
		if !plain {
			limits.Depth, limits.Value = jsonata.StepFunctionsDepth, jsonata.StepFunctionsValue
			opts = []jsonata.Option{jsonata.StepFunctions(), jsonata.WithLimits(limits)}
		}
		for _, src := range hostile {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			start := time.Now()
			x, err := jsonata.Compile(src, opts...)
			if err == nil {
				_, err = x.Eval(context.Background(), value.Value{}, nil)
			}
			took := time.Since(start)
			runtime.ReadMemStats(&after)
			var e *jsonata.Error
			if err != nil && !errors.As(err, &e) {
				t.Errorf("%s: no *Error: %v", src, err)
			}
			asked := (after.TotalAlloc - before.TotalAlloc) >> 20
			t.Logf("%v, %d MiB: %s: %v", took.Round(time.Millisecond), asked, src, err)
			if took > 10*time.Second {
				t.Errorf("%s takes %v", src, took)
			}
			if asked > 1<<10 {
				t.Errorf("%s asks for %d MiB", src, asked)
			}
		}
	}
}

func TestDeepSources(t *testing.T) {
	const n = 100_000
	for _, src := range []string{
		strings.Repeat("(", n), strings.Repeat("[", n), strings.Repeat("-", n) + "1", strings.Repeat("{\"a\":", n),
		"1" + strings.Repeat("+1", n), "a" + strings.Repeat(".a", n), "a" + strings.Repeat("[1]", n),
		"a" + strings.Repeat("^(b)", n), "a" + strings.Repeat("{b:c}", n), strings.Repeat("a?", n), strings.Repeat("|", n),
		strings.Repeat("function(){", n), "a" + strings.Repeat("@$b", n), "a" + strings.Repeat("#$b", n),
		"/" + strings.Repeat("(", n) + strings.Repeat(")", n) + "/", "/" + strings.Repeat("a{1000}", 100) + "/",
		"/" + strings.Repeat("(?=", 10000) + strings.Repeat(")", 10000) + "/", strings.Repeat("/*", n), strings.Repeat("`", n),
		"a" + strings.Repeat("()", n), "$" + strings.Repeat("~>$", n), "[" + strings.Repeat("a@$b.(c#$i).%,", n/20) + "1]",
		strings.Repeat("(a@$b.", 900) + "1" + strings.Repeat(")", 900),
		strings.Repeat("($x:=1;", 900) + "$x" + strings.Repeat(")", 900),
	} {
		start := time.Now()
		x, err := jsonata.Compile(src)
		if err == nil {
			_, err = x.Eval(context.Background(), value.EmptyObject, nil)
		}
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("%.20s… takes %v: %v", src, took, err)
		}
	}
}

func TestContextEnds(t *testing.T) {
	ctx, cancel := context.WithCancelCause(context.Background())
	cause := errors.New("the execution was aborted")
	cancel(cause)
	_, err := jsonata.MustCompile(`($f := function() { $f() }; $f())`).Eval(ctx, value.Value{}, nil)
	if !errors.Is(err, cause) {
		t.Errorf("got %v", err)
	}
}
