// Package foreign takes a plain string for a time that is known at run time.
package foreign // want "does not implement asl.Dynamic"

import "github.com/sfnkit/sfnkit/asl"

var _ = asl.Wait("W", asl.SecondsFrom("$.seconds"))
