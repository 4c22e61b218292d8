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
//	What                     jsonata-js 2.0.6                  Here, and why
//	Order of members         names like 0, 1, 2 come first     as written or first met: JSON has that order, and
//	                                                           a Java engine such as that of AWS keeps it
//	Integers                 all numbers are doubles           integers that fit 64 bits pass through exactly;
//	                                                           arithmetic is that of doubles
//	$string of integers      15 digits                         the same; in full in the dialect of Step Functions
//	                                                           and with WithLatest
//	Strings                  UTF-16 code units                 Unicode characters: in regular expressions and in
//	                                                           $split("") a surrogate pair is one character;
//	                                                           positions and indexes still count code units
//	Regular expressions      those of the host, unbounded      ECMAScript's without the flag u, matched under the
//	                                                           limits of the evaluation
//	Errors in [] and {}      elements are evaluated at once:   the first one counts, as in any sequential engine
//	                         the first to fail counts
//	Token of an error in a   undefined, or that of any call    the function's own name
//	function passed on       before in the process
//	Empty input of grouping  is changed: [] becomes [null]     input is never changed
//	$formatNumber            "0e0", and negative numbers with  formats them as later versions do; pictures without
//	                         an exponent, never end            digits give D3085 or D3086 where 2.0.6 crashes
//	$pad, $contains, ...     crash on fractions or undefined   truncate; undefined gives undefined
//	~>, ?, callbacks         crash without a code on           the signature is checked: T0410; an unbound
//	                         arguments of a wrong type         function in tail position gives T1006
//	Grouping no tuples       crashes                           gives {}
//	|..|..| on non-objects   crashes on numbers and strings    leaves them alone
//	$fromMillis              prints NaN beyond its range       D3110
//	$sum.*, $f = $f          look into function objects        functions have no members, and equal themselves
//	$eval                    its variables stay afterwards     they last until it returns
//	Quadratic time           $distinct, $sort, $spread,        O(n) or O(n log n)
//	                         grouping, [[0..n]]
//	Nesting                  until the host's stack ends       Limits.Depth, 10,000 by default; values may nest
//	                                                           1,000 deep in a result
//
// Regular expressions that are not valid give an Error without a Code, as there.
package jsonata
