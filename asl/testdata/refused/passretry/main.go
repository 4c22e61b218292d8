// Package passretry retries a Pass state.
package passretry // want "Pass\("P"\).Retry undefined"

import "github.com/sfnkit/sfnkit/asl"

var _ = asl.Pass("P").Retry(asl.RetryOn(asl.StatesALL))
