package jsonata

import "github.com/sfnkit/sfnkit/asl/value"

// kind of a node of the syntax tree, both as parsed and as prepared for compilation.
type astKind uint8

const (
	astEnd astKind = iota
	astName
	astVariable
	astLiteral // string, number, true, false, null
	astRegex
	astOperator // and, or, in as names; ? as a hole of a partial application
	astBinary
	astNegate
	astArray
	astObject
	astWildcard
	astDescendant
	astParent
	astCall
	astPartial
	astLambda
	astBlock
	astCondition
	astCoalesce // ?? of later versions
	astDefault  // ?: of later versions
	astTransform
	// made by prepare
	astPath
	astSort
	astBind
	astApply
)

var astNames = [...]string{
	"end", "name", "variable", "literal", "regex", "operator", "binary", "unary", "unary", "unary",
	"wildcard", "descendant", "parent", "function", "partial", "lambda", "block", "condition",
	"condition", "condition", "transform", "path", "sort", "bind", "apply",
}

// ast is a node of the syntax tree. Which fields are used depends on kind.
type ast struct {
	kind           astKind
	keepArray      bool
	keepSingletons bool  // of a path
	cons           bool  // an array constructor that must not be flattened
	tuple          bool  // carries variables along
	tail           bool  // a call in tail position
	capture        uint8 // 1: no, 2: yes, see captures
	depth          int32 // height of the parsed tree, bounded by the parser
	text           string
	pos            int
	val            value.Value

	lhs, rhs *ast   // operands; procedure of a call; condition
	els      *ast   // of a condition; delete clause of a transform
	list     []*ast // elements, arguments, parameters, expressions, steps
	pairs    [][2]*ast
	stages   []stage // of a step of a path
	*more
}

// more is what few nodes have.
type more struct {
	terms      []sortTerm
	regex      *regex
	sig        *signature
	predicates []stage // of a node that stands alone
	group      *ast    // object whose pairs group the result

	focus, index       string // variables bound by @ and #
	hasFocus, hasIndex bool
	ancestor           *slot
	slot               *slot   // of a parent operator
	seeking            []*slot // parents that are to be found further out
}

// nothingMore is shared by the nodes that have none of it, and never changed.
var nothingMore more

// own makes the rarer fields of a node its own, so that they can be set.
func (n *ast) own() *more {
	if n.more == &nothingMore {
		n.more = new(more)
	}
	return n.more
}

type sortTerm struct {
	descending bool
	expr       *ast
}

// stage is a filter or, with index, a variable that numbers what is left.
type stage struct {
	expr  *ast
	index string
	pos   int
}

// slot is the place where the value of a parent operator is kept.
type slot struct {
	label string
	level int
}
