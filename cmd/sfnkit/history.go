package main

import (
	"github.com/sfnkit/sfnkit/asl/value"
	"github.com/sfnkit/sfnkit/emulator"
	"github.com/sfnkit/sfnkit/emulator/suite"
)

// writeHistory writes a history as the AWS CLI prints what GetExecutionHistory gives.
func writeHistory(file string, x *emulator.Execution) error {
	history := value.Object([]string{"events"}, []value.Value{suite.History(x)})
	return writeFile(file, append(history.AppendIndent(nil, "  "), '\n'))
}
