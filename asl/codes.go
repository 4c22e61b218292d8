package asl

import (
	_ "embed"
	"encoding/json"
	"strings"
	"sync"
)

// Codes of this module. The service's are in capitals, this module's are not.
const (
	CodeEndlessPart     = "endless-part"
	CodeUnreachable     = "unreachable-state"
	CodeBedrock         = "bedrock-parameters"
	CodeTooLargePayload = "payload-too-large"
	CodeUnknownError    = "unknown-error-name"
	CodeContextPath     = "context-path"
	CodeNotAnARN        = "not-an-arn"
	CodeUnknownService  = "unknown-sdk-service"
	CodeUnknownMember   = "unknown-sdk-member"

	CodeNoThrottlingRetry  = "no-throttling-retry"
	CodeErrorPrefix        = "error-prefix"
	CodeFirstContentBlock  = "first-content-block"
	CodeModel              = "model"
	CodeLargeResult        = "large-result"
	CodeLargeBody          = "large-body"
	CodeUnsafeRetry        = "unsafe-retry"
	CodeUnboundedMap       = "unbounded-map"
	CodeUnusedVariable     = "unused-variable"
	CodeShadowedVariable   = "shadowed-variable"
	CodeUnassignedVariable = "unassigned-variable"
	CodeUnreachableCatcher = "unreachable-catcher"
	CodeUncatchable        = "uncatchable-error"
	CodeNoTaskToken        = "no-task-token"
	CodeMaxDelay           = "max-delay"
	CodeNotDistributed     = "not-distributed"
	CodeOtherLanguage      = "other-query-language"
	CodeIntrinsic          = "intrinsic-arguments"
	CodeUnknownFunction    = "unknown-function"
)

//go:embed data/codes.json
var codesJSON []byte

// Explanation tells what a code means.
type Explanation struct {
	Code     string   `json:"code"`
	Severity Severity `json:"severity"` // the usual one
	Title    string   `json:"title"`
	Meaning  string   `json:"meaning"`
	Bad      string   `json:"bad"`  // an example, a definition; ⟨text×N⟩ stands for N times the text
	Good     string   `json:"good"` // the same without the problem
	Document string   `json:"document"`
}

var explanations = sync.OnceValue(func() []Explanation {
	var list []Explanation
	if err := json.Unmarshal(codesJSON, &list); err != nil {
		panic("asl: data/codes.json: " + err.Error())
	}
	return list
})

// Explain returns what a code means. The case of the code does not matter.
func Explain(code string) (Explanation, bool) {
	for _, e := range explanations() {
		if strings.EqualFold(e.Code, code) {
			return e, true
		}
	}
	return Explanation{}, false
}

// Explanations returns what all codes mean, the service's first.
func Explanations() []Explanation { return append([]Explanation(nil), explanations()...) }

// ServiceCode reports whether a code is one of the service.
func ServiceCode(code string) bool { return code == strings.ToUpper(code) }
