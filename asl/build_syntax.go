package asl

import (
	"fmt"
	"strings"

	"github.com/sfnkit/sfnkit/asl/intrinsic"
	"github.com/sfnkit/sfnkit/asl/jsonata"
	"github.com/sfnkit/sfnkit/asl/jsonpath"
)

// checkPath reports what is wrong with a path; reference demands that it names one place.
func (e *encoder) checkPath(path string, reference bool) error {
	if !strings.HasPrefix(path, "$") {
		return fmt.Errorf("path %q does not begin with $", path)
	}
	p, err := jsonpath.Compile(path)
	if err == nil && reference {
		err = p.Reference()
	}
	if err != nil {
		return fmt.Errorf("path %q: %w", path, err)
	}
	return nil
}

// checkResultPath reports what is wrong with a path to write to.
func (e *encoder) checkResultPath(path string) error {
	if err := e.checkPath(path, true); err != nil {
		return err
	}
	if root, _ := jsonpath.MustCompile(path).Root(); root != jsonpath.Input {
		return fmt.Errorf("path %q is not in the state's input, which is all that can be written to", path)
	}
	return nil
}

// checkCall reports what is wrong with the call of an intrinsic function.
func (e *encoder) checkCall(call string) error {
	if !strings.HasPrefix(strings.TrimSpace(call), "States.") {
		return fmt.Errorf("%q is neither a path nor the call of an intrinsic function", call)
	}
	if _, err := intrinsic.Compile(call); err != nil {
		return fmt.Errorf("call %q: %w", call, err)
	}
	return nil
}

// checkExpr reports what is wrong with a JSONata expression.
func (e *encoder) checkExpr(expr string) error {
	if strings.TrimSpace(expr) == "" {
		return fmt.Errorf("the JSONata expression is empty")
	}
	if _, ok := jsonataText(strings.TrimSpace(expr)); ok {
		return fmt.Errorf("JSONata expression %q: an Expr stands without {%% and %%}", expr)
	}
	if _, err := jsonata.Compile(expr, jsonata.StepFunctions()); err != nil {
		return fmt.Errorf("JSONata expression %q: %w", expr, err)
	}
	return nil
}
