// Package asl is the Amazon States Language: its model, parser, printer, builder and
// validator.
//
// There is one model and there are two ways in. [Parse] reads a definition in JSON or
// YAML; the builder makes one in Go. Both give a [StateMachine], and printing either
// gives the same canonical text ([Print], [PrintYAML]).
//
// A parsed machine knows its [Source], which finds the line and column of every element.
// Nothing that was written is lost: what the model has no place for is kept in the Extra
// of the element it stands in.
//
// [Validate] gives the verdict of the service itself, in its words, codes and locations,
// and besides it advice of this module's own; [Check] reads and validates a text in one
// go. [Explain] tells what a code means.
package asl
