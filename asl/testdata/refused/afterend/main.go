// Package afterend lets something follow a Succeed state.
package afterend // want "Succeed\("Done"\).Next undefined"

import "github.com/sfnkit/sfnkit/asl"

var _ = asl.Succeed("Done").Next(asl.Pass("More"))
