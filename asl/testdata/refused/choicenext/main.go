// Package choicenext lets a Choice state end its branch by itself.
package choicenext // want "Choice\("C"\).Next undefined"

import "github.com/sfnkit/sfnkit/asl"

var _ = asl.Choice("C").Next(asl.Pass("P"))
