// Package emulator runs state machines the way Step Functions does.
//
// It has three layers, and a caller may stop at any of them.
//
// The core is [Execution]: a deterministic machine that knows no clock, no network and no
// goroutine. Its methods tell it what happened (it begins, a task answered, a timer came
// to its time, somebody stops it) and when; [Execution.Commands] says what it wants next
// (call this task, wake me at this time, run this map). What it has done is its
// [History], event by event as GetExecutionHistory would show it, and the history is the
// only truth: the same definition, input and answers give the same one.
//
// A runner around it makes the calls and lets time pass. [Run] runs one execution to its
// end on the caller's goroutine in virtual time, so that waiting for a year takes
// microseconds and the timestamps are right. An [Engine] runs any number of them at once
// for a server, in real or virtual time; one that waits is data and has no goroutine.
//
// Every task leaves through the [Caller] interface as a [Request] and comes back as an
// [Answer] or as a States [Error]. Recorded answers, local S3, simulated jobs, faults and
// the rest are Callers that wrap Callers: see package calls. What nobody can answer fails
// with a [NoAnswerError]; nothing is ever invented.
//
// A definition is compiled once by [Compile] into a [Machine], with all its paths,
// templates and expressions, and running never parses an expression.
//
// # What rests on recordings
//
// The order of events, their previousEventId and the texts of causes follow executions
// recorded from the service (docs/FIDELITY.md). Some of it is not what one would expect:
//
//   - The entered event of the first state follows event 0, as does the started event.
//   - What follows a finished iteration follows its last state's exit event, not
//     MapIterationSucceeded; the exit event of a Map or Parallel state follows what its
//     succeeded event followed.
//   - A failed iteration or branch is followed, each after the event that failed, by the
//     aborts of its siblings' states and also of the failed state if that is a Task.
//   - EvaluationFailed follows the event before the entered event where the evaluation
//     belongs to entering the state.
//   - A Map state that is retried starts again without having failed.
//   - States.DataLimitExceeded is caught by States.ALL; States.Runtime is by nothing.
//   - The 25,000th event is the end of a standard execution, whichever it is.
package emulator
