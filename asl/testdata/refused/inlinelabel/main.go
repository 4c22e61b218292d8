// Package inlinelabel gives an inline Map state a field of distributed ones.
package inlinelabel // want "Label undefined"

import "github.com/sfnkit/sfnkit/asl"

var _ = asl.Map("M", asl.Pass("P")).Label("label")
