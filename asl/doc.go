// Package asl is the Amazon States Language: its model, parser, printer, builder and
// validator.
//
// There is one model and there are two ways in. [Parse] reads a definition in JSON or
// YAML; the builder makes one in Go. Both give a [StateMachine], and printing either
// gives the same canonical text.
package asl
