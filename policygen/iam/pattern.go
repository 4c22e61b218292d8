package iam

import (
	"strings"
	"unicode/utf8"
)

// token is one piece of a pattern: literal text, a wildcard, or a policy variable.
type token struct {
	kind       tokenKind
	text       string // of a literal; the name, in lower case, of a variable
	fallback   string // a variable's default
	hasDefault bool
}

type tokenKind uint8

const (
	literal tokenKind = iota
	star
	question
	variable
)

// glob is a compiled pattern over one text.
type glob struct {
	shape  globShape
	text   string // for exact and prefix
	tokens []token
}

type globShape uint8

const (
	exact    globShape = iota
	prefix             // text, then anything
	anything           // *
	general            // tokens without variables
	dynamic            // tokens with variables
)

// lookup gives the single value that a policy variable stands for in a request.
type lookup func(key string) (string, bool)

// compileGlob compiles a pattern. wildcards says whether * and ? mean more than
// themselves, variables whether ${…} does.
func compileGlob(pattern string, wildcards, variables bool) glob {
	var tokens []token
	lit := strings.Builder{}
	flush := func() {
		if lit.Len() > 0 {
			tokens = append(tokens, token{kind: literal, text: lit.String()})
			lit.Reset()
		}
	}
	dynamicGlob := false
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; {
		case c == '*' && wildcards:
			flush()
			if len(tokens) == 0 || tokens[len(tokens)-1].kind != star {
				tokens = append(tokens, token{kind: star})
			}
		case c == '?' && wildcards:
			flush()
			tokens = append(tokens, token{kind: question})
		case c == '$' && variables:
			t, length := parseVariable(pattern[i:])
			if length == 0 {
				lit.WriteByte(c)
				continue
			}
			if t.kind == literal {
				lit.WriteString(t.text)
			} else {
				flush()
				tokens = append(tokens, t)
				dynamicGlob = true
			}
			i += length - 1
		default:
			lit.WriteByte(c)
		}
	}
	flush()
	if dynamicGlob {
		return glob{shape: dynamic, tokens: tokens}
	}
	return staticGlob(tokens)
}

func staticGlob(tokens []token) glob {
	switch {
	case len(tokens) == 0:
		return glob{shape: exact}
	case len(tokens) == 1 && tokens[0].kind == literal:
		return glob{shape: exact, text: tokens[0].text}
	case len(tokens) == 1 && tokens[0].kind == star:
		return glob{shape: anything}
	case len(tokens) == 2 && tokens[0].kind == literal && tokens[1].kind == star:
		return glob{shape: prefix, text: tokens[0].text}
	}
	return glob{shape: general, tokens: tokens}
}

// parseVariable reads ${key}, ${key, 'default'}, ${*}, ${?} or ${$} at the start
// of s. Anything else in braces, such as the placeholders of templates
// (${AWS::Region}, ${BucketName}), is no variable and stands for itself.
func parseVariable(s string) (token, int) {
	if !strings.HasPrefix(s, "${") {
		return token{}, 0
	}
	end := strings.IndexByte(s, '}')
	if end < 0 {
		return token{}, 0
	}
	name := s[2:end]
	switch name {
	case "*", "?", "$":
		return token{kind: literal, text: name}, end + 1
	}
	t := token{kind: variable}
	if key, fallback, found := strings.Cut(name, ","); found {
		fallback = strings.TrimSpace(fallback)
		if len(fallback) < 2 || fallback[0] != '\'' || fallback[len(fallback)-1] != '\'' {
			return token{}, 0
		}
		name, t.fallback, t.hasDefault = strings.TrimSpace(key), fallback[1:len(fallback)-1], true
	}
	service, rest, found := strings.Cut(name, ":")
	if !found || service == "" || rest == "" || rest[0] == ':' || strings.ContainsAny(service, " $") || strings.Contains(service, ".") && !isHost(service) {
		return token{}, 0
	}
	t.text = strings.ToLower(name)
	return t, end + 1
}

// isHost reports whether the service of a variable is an identity provider, as in
// ${cognito-identity.amazonaws.com:sub}: a host name, perhaps with a path, whose last
// label is of letters. ${cf.us-east-1:stack.output} is a template's.
func isHost(service string) bool {
	host, _, _ := strings.Cut(service, "/")
	labels := strings.Split(strings.ToLower(host), ".")
	for _, label := range labels {
		if label == "" || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return false
		}
	}
	last := labels[len(labels)-1]
	return len(labels) > 1 && len(last) > 1 && strings.Trim(last, "abcdefghijklmnopqrstuvwxyz") == ""
}

// match reports whether the text fits. known is false if the pattern holds a
// variable that has no value in the request and no default.
func (g *glob) match(text string, values lookup) (matched, known bool) {
	switch g.shape {
	case exact:
		return g.text == text, true
	case prefix:
		return strings.HasPrefix(text, g.text), true
	case anything:
		return true, true
	case general:
		return matchTokens(g.tokens, text), true
	}
	tokens := make([]token, len(g.tokens))
	for i, t := range g.tokens {
		if t.kind == variable {
			v, ok := values(t.text)
			if !ok {
				if !t.hasDefault {
					return false, false
				}
				v = t.fallback
			}
			t = token{kind: literal, text: v}
		}
		tokens[i] = t
	}
	return matchTokens(tokens, text), true
}

// matchTokens goes back to the last star only, which is enough for patterns of
// literals and wildcards; its cost is at most len(tokens) × len(text).
func matchTokens(tokens []token, text string) bool {
	i, at := 0, 0
	starToken, starAt := -1, 0
	for {
		ok := false
		if i < len(tokens) {
			switch t := tokens[i]; t.kind {
			case star:
				if i == len(tokens)-1 {
					return true
				}
				starToken, starAt = i, at
				i++
				ok = true
			case question:
				if at < len(text) {
					_, size := utf8.DecodeRuneInString(text[at:])
					at += size
					i++
					ok = true
				}
			default:
				if strings.HasPrefix(text[at:], t.text) {
					at += len(t.text)
					i++
					ok = true
				}
			}
		} else if at == len(text) {
			return true
		}
		if ok {
			continue
		}
		if starToken < 0 || starAt >= len(text) {
			return false
		}
		_, size := utf8.DecodeRuneInString(text[starAt:])
		starAt += size
		i, at = starToken+1, starAt
	}
}

// arn is a text cut at its first five colons: arn, partition, service, region,
// account, and all the rest.
type arn [6]string

// splitARN cuts an ARN. Colons inside ${…} do not count. ok is false if there are
// fewer than six parts; those there are then stand at the front.
func splitARN(text string) (parts arn, n int) {
	start, depth := 0, 0
	for i := 0; i < len(text) && n < 5; i++ {
		switch text[i] {
		case '{':
			if i > 0 && text[i-1] == '$' {
				depth++
			}
		case '}':
			if depth > 0 {
				depth--
			}
		case ':':
			if depth == 0 {
				parts[n] = text[start:i]
				start = i + 1
				n++
			}
		}
	}
	parts[n] = text[start:]
	return parts, n + 1
}

// arnPattern is a compiled pattern over ARNs.
type arnPattern struct {
	all   bool // * and nothing else
	never bool
	whole *glob
	parts [6]glob
}

// compileARN compiles the pattern of a Resource element or of an Arn condition.
// complete fills an incomplete pattern up with *; without it such a pattern matches
// nothing. A pattern that does not start
// with arn: (a placeholder of a template, say) is compared as one text.
func compileARN(pattern string, variables, complete bool) arnPattern {
	var p arnPattern
	if pattern == "*" {
		p.all = true
		return p
	}
	parts, n := splitARN(pattern)
	if parts[0] == "arn" && n < 6 && !complete {
		p.never = true
		return p
	}
	if parts[0] != "arn" {
		whole := compileGlob(pattern, true, variables)
		p.whole = &whole
		return p
	}
	for i := range parts {
		text := parts[i]
		if i >= n {
			text = "*"
		}
		p.parts[i] = compileGlob(text, true, variables)
	}
	return p
}

// target is a resource of a request, cut once for all comparisons.
type target struct {
	text  string
	none  bool // the action has no resource types: only * matches
	isARN bool
	parts arn
}

func newTarget(resource string) target {
	t := target{text: resource, none: resource == "" || resource == "*"}
	if !t.none {
		var n int
		t.parts, n = splitARN(resource)
		t.isARN = n == 6 && t.parts[0] == "arn"
	}
	return t
}

// order compares the parts that differ most first.
var order = [5]int{2, 5, 3, 4, 1}

func (p *arnPattern) match(t *target, values lookup) (matched, known bool) {
	if p.all {
		return true, true
	}
	if t.none || p.never {
		return false, true
	}
	if p.whole != nil {
		return p.whole.match(t.text, values)
	}
	if !t.isARN {
		return false, true
	}
	for _, i := range order {
		matched, known := p.parts[i].match(t.parts[i], values)
		if !known || !matched {
			return false, known
		}
	}
	return true, true
}
