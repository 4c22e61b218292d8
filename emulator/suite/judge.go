package suite

import (
	"context"

	"github.com/sfnkit/sfnkit/asl"
	"github.com/sfnkit/sfnkit/asl/jsonata"
	"github.com/sfnkit/sfnkit/asl/value"
	"github.com/sfnkit/sfnkit/emulator"
)

// expectation is what a case expects; what is nil or absent is not looked at.
type expectation struct {
	status                 *string
	output, outputContains value.Value
	error                  *string
	cause, causeContains   *string
	path, pathContains     []string
	hasPath                bool
	assert                 []assertion
	at                     map[string]asl.Position // of the fields
}

type assertion struct {
	expr     *jsonata.Expr
	position asl.Position
}

// wanted is the status that is expected, said or not.
func (e *expectation) wanted() emulator.Status {
	switch {
	case e.status != nil:
		return emulator.Status(*e.status)
	case e.error != nil || e.cause != nil || e.causeContains != nil:
		return emulator.Failed
	}
	return emulator.Succeeded
}

// judge returns what is not as expected. The output and the error of an execution that
// ended in another way are not compared.
func (e *expectation) judge(ctx context.Context, x *Outcome) []Failure {
	var all []Failure
	say := func(p asl.Position, list []Failure) {
		for _, f := range list {
			f.Position = p
			all = append(all, f)
		}
	}
	if wrong := x.Status(e.wanted()); wrong != nil {
		say(e.at["status"], wrong)
	} else {
		if e.error != nil {
			say(e.at["error"], x.Error(*e.error))
		}
		if e.cause != nil {
			say(e.at["cause"], x.Cause(*e.cause))
		}
		if e.causeContains != nil {
			say(e.at["causeContains"], x.CauseContains(*e.causeContains))
		}
		if !e.output.IsAbsent() {
			say(e.at["output"], x.Output(e.output, false))
		}
		if !e.outputContains.IsAbsent() {
			say(e.at["outputContains"], x.Output(e.outputContains, true))
		}
	}
	if e.hasPath {
		say(e.at["path"], x.Entered(e.path))
	}
	say(e.at["pathContains"], x.EnteredInOrder(e.pathContains))
	for _, a := range e.assert {
		say(a.position, x.assert(ctx, a.expr))
	}
	return all
}
