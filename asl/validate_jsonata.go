package asl

func (v *validator) compileExpression(st *scope, n *node, loc, text string) {}
