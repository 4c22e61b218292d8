// Package jsonata compiles and evaluates JSONata expressions, the query and
// transformation language for JSON that AWS recommends for Step Functions.
//
// The language is all of JSONata 2.0.6, the level that Step Functions documents; what came
// later is behind [WithLatest]. Results, error codes, messages and positions are those of
// the reference implementation, jsonata-js. [StepFunctions] selects the dialect of AWS: its
// extra functions, its limits and its numbers.
//
// [Compile] parses an expression once; the [Expr] is immutable and may be evaluated by many
// goroutines at a time. Input, variables and results are [value.Value], which keeps the
// order of members and exact 64-bit integers:
//
//	x, err := jsonata.Compile("$sum($order.lines.(price * quantity))")
//	v, err := x.Eval(ctx, value.Value{}, &jsonata.Env{
//		Vars: jsonata.Vars{{Name: "order", Value: order}},
//	})
//
// An Absent result is what the language calls undefined. Functions are values too; they can
// be part of a result, and [IsFunction] tells them.
//
// # Limits
//
// No expression can end the process or run away: time, nesting, the size of a value and the
// memory asked for in all are counted while evaluating, in loops and in recursion, in the
// matching of regular expressions and in building text. An evaluation that exceeds one of
// its [Limits] ends with an [Error] whose Limit says which. Calls in tail position do not
// nest. An evaluation also ends when its context does.
//
// # Differences from jsonata-js
//
//	What                      jsonata-js 2.0.6                 Here, and why
//	Order of members          names like 0, 1, 2 come first    as written or first met: JSON keeps it, and so
//	                                                           does the Java engine of AWS
//	Integers                  all numbers are doubles          integers that fit 64 bits pass through exactly;
//	                                                           arithmetic is that of doubles
//	$string of integers       15 digits                        the same; in full for Step Functions and WithLatest
//	Strings                   UTF-16 code units                Unicode characters: in regular expressions and
//	                                                           $split("") a surrogate pair is one character;
//	                                                           positions and indexes still count code units
//	Regular expressions       those of the host, unbounded     ECMAScript syntax of patterns without the flag u,
//	                                                           matched in bounded time
//	$formatNumber             "0e0" and a negative number      formats them as later versions do
//	                          with an exponent never end;
//	                          pictures without digits crash    D3085 or D3086
//	$pad, $split, $replace    crash on some fractions and      truncate; undefined gives undefined
//	                          undefined arguments
//	$sort, $reduce and such   quadratic or worse in places     the same results in O(n log n) or O(n)
//	$eval                     variables it assigns stay        they last until $eval returns
//	~> and partial functions  crash without a code if the      the function's signature is checked: T0410
//	                          argument is of the wrong type
//	`$sum.*`, `$f = $f`       look into function objects       functions have no members, and equal themselves
//	|..|..| on functions      mutates a JavaScript object      values do not change; the copy is rebuilt
//	Depth                     until the host's stack ends      Limits.Depth, 10,000 by default
//
// Invalid regular expressions, which the host refuses without a code of JSONata, give an
// Error without a Code.
package jsonata
