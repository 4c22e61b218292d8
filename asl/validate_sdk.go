package asl

import (
	"strings"

	"github.com/sfnkit/sfnkit/asl/sdkinput"
	"github.com/sfnkit/sfnkit/asl/value"
)

// sdkParameters checks what an SDK integration is called with. The service reads it into
// the classes of the SDK for Java, with Jackson, and gives what that says as it is. Three
// steps, recorded 2026-09 and published in github.com/radkawar/stackd (sdk_admission.json):
//
//   - All top-level members that the operation demands must be there, in their own casing,
//     and a stream too; if not, nothing else is told. What structures in it demand is not.
//   - Then members are read in the order of the text, and the first problem is the only
//     one. Names of members count, keys of maps do not.
//   - null is fine everywhere, and what is computed at run time is not judged.
//
// The words for texts, integers, Booleans and for a text in place of a structure are
// recorded. Those for other values in place of structures, lists, maps, longs and doubles
// are Jackson's (2.12 and later), which nobody was seen to get.
func (v *validator) sdkParameters(st *scope, n *node, loc string, r Resource) {
	in := sdkinput.Operation(strings.TrimPrefix(r.Service, "aws-sdk:"), r.Action)
	if in == nil {
		return
	}
	c := sdkCheck{validator: v, st: st, loc: loc}
	misspelled := map[string]bool{}
	for i := range in.Members {
		name := in.Members[i].Names[0]
		if !in.Members[i].Required || hasParameter(st, n, name) {
			continue
		}
		at, hint := n, ""
		for j := range n.kids {
			if k := &n.kids[j]; strings.EqualFold(c.memberName(k), name) {
				at, hint = k, "write "+name+" in place of "+c.memberName(k)
				misspelled[k.name] = true
			}
		}
		v.refuseAs(CodeSchema, st, at, loc, "The field '"+name+"' is required but was missing", hint)
		c.missing = true
	}
	if v.cfg.asService && c.missing {
		return
	}
	c.structure(n, in, misspelled)
}

// sdkCheck is the reading of one call.
type sdkCheck struct {
	*validator
	st      *scope
	loc     string
	missing bool // members that are demanded
	stopped bool
}

// problem reports what is wrong. Everything has the location of the whole.
func (c *sdkCheck) problem(n *node, message, hint string) { c.problemAs(CodeSchema, n, message, hint) }

func (c *sdkCheck) problemAs(code string, n *node, message, hint string) {
	if c.stopped {
		return
	}
	c.stopped = c.cfg.asService // the service stops at the first
	c.refuseAs(code, c.st, n, c.loc, message, hint)
}

// memberName is the name of a member without the mark of a path.
func (c *sdkCheck) memberName(n *node) string {
	if c.st.lang == JSONPath {
		return strings.TrimSuffix(n.name, ".$")
	}
	return n.name
}

// computed reports whether a value is not known before it runs.
func (c *sdkCheck) computed(n *node) bool {
	if c.st.lang == JSONPath {
		return strings.HasSuffix(n.name, ".$") || c.unknown(n)
	}
	return c.unknown(n) || c.isExpression(n)
}

func (c *sdkCheck) structure(n *node, s *sdkinput.Structure, told map[string]bool) {
	for i := range n.kids {
		k := &n.kids[i]
		name := c.memberName(k)
		m := s.Member(name)
		switch {
		case c.stopped:
			return
		case m != nil && !c.computed(k):
			c.value(k, m.Names[0], m.Type, s)
		case m == nil && !told[k.name] && (c.cfg.asService || !placeholder(name)):
			c.unsupportedMember(k, name, s)
		}
	}
}

func (c *sdkCheck) unsupportedMember(n *node, name string, s *sdkinput.Structure) {
	message := "The field \"" + name + "\" is not supported by Step Functions"
	like := c.likeMember(name, s)
	if like != "" {
		message += ". Did you mean '" + like + "'?"
	}
	if strings.EqualFold(like, name) || strings.HasSuffix(name, ".$") {
		c.problem(n, message, "")
		return
	}
	// A member of an API that is newer than the snapshot looks the same, so that this has a
	// code of its own, which can be disabled.
	code := CodeUnknownMember
	if c.cfg.asService && !c.cfg.disabled[code] {
		code = CodeSchema
	}
	c.problemAs(code, n, message, "the members known are those of the "+sdkinput.Source()+"; disable "+CodeUnknownMember+" if the API has it by now")
}

// leastLikeness is how much a name must be like another for the service to ask whether
// that one is meant. By the measure below it fits what was seen: "Bogus" makes it ask for
// Bucket among the members of putObject (0.62), and for none of MessageAttributeValue
// (0.56); "contentType" and, in a structure, "content" make it ask for the same name with
// a capital. How the service measures is not known.
const leastLikeness = 0.6

func (c *sdkCheck) likeMember(name string, s *sdkinput.Structure) string {
	if c.guesses++; c.guesses > maxGuesses || len(name) > maxVariable {
		return ""
	}
	best, most := "", leastLikeness
	for i := range s.Members {
		m := &s.Members[i]
		if m.Type.Kind() == sdkinput.Stream {
			continue // Body was not suggested for "Bogus"
		}
		if l := likeness(name, m.Names[0]); l >= most && (l > most || best == "") {
			best, most = m.Names[0], l
		}
	}
	return best
}

// likeness is the Jaro-Winkler similarity of two names, from 0 to 1.
func likeness(a, b string) float64 {
	window := max(max(len(a), len(b))/2-1, 0)
	var common []byte // of a, in its order
	taken := make([]bool, len(b))
	for i := range len(a) {
		for j := max(i-window, 0); j < min(i+window+1, len(b)); j++ {
			if !taken[j] && a[i] == b[j] {
				taken[j], common = true, append(common, a[i])
				break
			}
		}
	}
	if len(common) == 0 {
		return 0
	}
	moved, k := 0, 0
	for j := range taken {
		if taken[j] {
			if b[j] != common[k] {
				moved++
			}
			k++
		}
	}
	prefix := 0
	for prefix < min(4, len(a), len(b)) && a[prefix] == b[prefix] {
		prefix++
	}
	m := float64(len(common))
	jaro := (m/float64(len(a)) + m/float64(len(b)) + (m-float64(moved/2))/m) / 3
	return jaro + 0.1*float64(prefix)*(1-jaro)
}

// value checks a value of a member, or an element of one. name is the member's.
func (c *sdkCheck) value(n *node, name string, t sdkinput.Type, s *sdkinput.Structure) {
	if n.kind == value.KindNull {
		return
	}
	switch kind := t.Kind(); kind {
	case sdkinput.Text:
		// JSON in place of a text is taken as its text: samples that are deployed put
		// objects for Input and Detail.
		if n.kind == value.KindNumber || n.kind == value.KindBool {
			c.problem(n, "The value for the field '"+name+"' must be a STRING", "")
		}
	case sdkinput.Integer:
		if n.kind != value.KindNumber || !wholeNumber(n) {
			c.problem(n, "The value for the field '"+name+"' must be an INTEGER", "")
		}
	case sdkinput.Boolean:
		switch {
		case n.kind == value.KindString:
			// Jackson takes away what is around it.
			if text := strings.TrimFunc(n.str(), func(r rune) bool { return r <= ' ' }); !jacksonBoolean[text] {
				c.problem(n, "Cannot deserialize value of type `java.lang.Boolean` from String \""+text+"\": only \"true\" or \"false\" recognized", "")
			}
		case n.kind != value.KindBool && (n.kind != value.KindNumber || !wholeNumber(n)):
			c.notOf(n, "java.lang.Boolean")
		}
	case sdkinput.Long, sdkinput.Float, sdkinput.Double:
		if n.kind != value.KindNumber && n.kind != value.KindString {
			c.notOf(n, javaClass(t, s))
		}
	case sdkinput.List:
		switch elem := t.Elem(); {
		case n.kind == value.KindArray:
			for i := range n.kids {
				if !c.computed(&n.kids[i]) {
					c.value(&n.kids[i], name, elem, s)
				}
			}
		case n.kind == value.KindString && elem.Kind() == sdkinput.Text:
			c.noConstructor(n, "java.util.ArrayList")
		default:
			c.notOf(n, "java.util.ArrayList<"+javaClass(elem, s)+">")
		}
	case sdkinput.Map:
		class := "java.util.LinkedHashMap<java.lang.String," + javaClass(t.Elem(), s) + ">"
		switch n.kind {
		case value.KindObject:
			for i := range n.kids {
				if k := &n.kids[i]; !c.computed(k) {
					c.value(k, c.memberName(k), t.Elem(), s)
				}
			}
		case value.KindString:
			c.noConstructor(n, "java.util.LinkedHashMap")
		default:
			c.notOf(n, class)
		}
	case sdkinput.Object:
		switch n.kind {
		case value.KindObject:
			if inner := s.Structure(t); inner != nil {
				c.structure(n, inner, nil)
			}
		case value.KindArray:
			c.notOf(n, javaClass(t, s))
		default:
			c.noConstructor(n, javaClass(t, s))
		}
	}
}

// jacksonBoolean has the texts that stand for Booleans, and those that stand for none.
var jacksonBoolean = map[string]bool{
	"true": true, "True": true, "TRUE": true, "false": true, "False": true, "FALSE": true, "": true, "null": true,
}

// wholeNumber reports whether a number is written as an integer, which 2.0 is not.
func wholeNumber(n *node) bool { return !strings.ContainsAny(n.scalar.NumberText(), ".eE") }

// notOf says in Jackson's words that a value is not one of a class.
func (c *sdkCheck) notOf(n *node, class string) {
	var what, token string
	switch {
	case n.kind == value.KindObject:
		what, token = "Object", "START_OBJECT"
	case n.kind == value.KindArray:
		what, token = "Array", "START_ARRAY"
	case n.kind == value.KindString:
		what, token = "String", "VALUE_STRING"
	case n.kind == value.KindBool && n.scalar.Truth():
		what, token = "Boolean", "VALUE_TRUE"
	case n.kind == value.KindBool:
		what, token = "Boolean", "VALUE_FALSE"
	case wholeNumber(n):
		what, token = "Integer", "VALUE_NUMBER_INT"
	default:
		what, token = "Floating-point", "VALUE_NUMBER_FLOAT"
	}
	c.problem(n, "Cannot deserialize value of type `"+class+"` from "+what+" value (token `JsonToken."+token+"`)", "")
}

// noConstructor says in Jackson's words that a class cannot be made of a scalar.
func (c *sdkCheck) noConstructor(n *node, class string) {
	var of, from string
	switch {
	case n.kind == value.KindString && n.str() == "":
		c.problem(n, "Cannot coerce empty String (\"\") to `"+class+"` value (but could if coercion was enabled using `CoercionConfig`)", "")
		return
	case n.kind == value.KindString:
		of, from = "String", "String value ('"+n.str()+"')"
	case n.kind == value.KindBool:
		of, from = "boolean/Boolean", "boolean value ("+n.scalar.JSON()+")"
	case wholeNumber(n):
		of, from = "int/Int", "Number value ("+n.scalar.NumberText()+")"
	default:
		of, from = "double/Double", "Number value ("+n.scalar.NumberText()+")"
	}
	c.problem(n, "Cannot construct instance of `"+class+"` (although at least one Creator exists): no "+of+"-argument constructor/factory method to deserialize from "+from, "")
}

var javaClasses = map[sdkinput.Kind]string{
	sdkinput.Text: "java.lang.String", sdkinput.Integer: "java.lang.Integer", sdkinput.Long: "java.lang.Long",
	sdkinput.Float: "java.lang.Float", sdkinput.Double: "java.lang.Double", sdkinput.Boolean: "java.lang.Boolean",
	sdkinput.Timestamp: "java.time.Instant", sdkinput.Any: "software.amazon.awssdk.core.SdkBytes",
}

func javaClass(t sdkinput.Type, s *sdkinput.Structure) string {
	switch t.Kind() {
	case sdkinput.List:
		return "java.util.Collection<" + javaClass(t.Elem(), s) + ">"
	case sdkinput.Map:
		return "java.util.Map<java.lang.String," + javaClass(t.Elem(), s) + ">"
	case sdkinput.Object:
		return s.Package + "." + string(t) + "$BuilderImpl"
	}
	return javaClasses[t.Kind()]
}
