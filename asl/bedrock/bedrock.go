// Package bedrock builds the states that call Amazon Bedrock.
//
// [InvokeModel] asks a model, [CreateModelCustomizationJob] and its Sync form train one.
// All of them are Task states of package asl, so whatever a Task can have (Retry, Catch,
// ResultPath, ...) they have too, in both query languages.
//
//	claude := bedrock.ModelID("us.anthropic.claude-sonnet-4-5-20250929-v1:0")
//	ask := bedrock.InvokeModel("Ask", claude,
//		bedrock.Body(bedrock.Anthropic{MaxTokens: 300, Messages: bedrock.Ask(asl.Path("$.question"))})).
//		ResultSelector(asl.Object{"answer": claude.Text()}).
//		Retry(bedrock.Retry())
//
// What is known when the definition is built is checked by Build: names, enums, patterns
// and bounds of the parameters, identifiers of models, whether the body fits the model,
// and the 262,144 bytes that all parameters together may have.
//
// # Values
//
// A field or parameter of type any takes a Go value of the kind its comment names, or an
// [asl.Dynamic] one. Optional ones are left out if they are nil.
//
// # Bodies and answers
//
// Models of one [Family] understand the same body. The types that implement [Request] are
// bodies of known shape; [Body] takes any other value too. A [Response] knows where an
// answer has its text, vector, image and token counts, in either query language; a [Model]
// has the one of its family. The shapes come from the catalogue that is embedded in
// package catalog, with their sources.
package bedrock

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/sfnkit/sfnkit/asl"
	"github.com/sfnkit/sfnkit/asl/bedrock/catalog"
	"github.com/sfnkit/sfnkit/asl/value"
)

// Model is what a task invokes, made by [ModelID] or [ModelFrom]. It has the [Response] of
// its family.
type Model struct {
	Response
	id any // string or asl.Dynamic
}

// ModelID names a model by any identifier that InvokeModel takes: the id of a foundation
// model or of an inference profile, or the ARN of a model, of provisioned throughput, of a
// custom model's deployment, of an imported model, of an inference profile, of a prompt
// router or of a marketplace endpoint.
//
// The family is known if the identifier contains a model of the catalogue.
func ModelID(id string) Model {
	m := Model{Response: Response{of: fmt.Sprintf("model %q", id)}, id: id}
	if base := catalog.Classify(id).Model; base != "" {
		if known := catalog.FindModel(base); known != nil {
			m.family = known.Family
		}
	}
	return m
}

// ModelFrom takes the identifier from the input of the state, or from a variable.
func ModelFrom(id asl.Dynamic) Model {
	return Model{Response: Response{of: "a model that is known only at run time"}, id: id}
}

// WithFamily sets the family of a model whose identifier does not tell it.
func (m Model) WithFamily(f Family) Model {
	m.family = catalog.FindFamily(string(f))
	return m
}

// Payload is the one thing that a model is asked with: a body, made by [Body], or an
// object in S3, made by [S3Input]. There is no way to have both or neither. The zero
// Payload is the body {}.
type Payload struct {
	body any
	uri  any // set for S3Input only
}

// Body asks with a body: a [Request] of known shape, or any other payload template. All
// parameters together may have 262,144 bytes.
func Body(v any) Payload {
	if v == nil {
		v = asl.Object{}
	}
	return Payload{body: v}
}

// S3Input asks with an object in S3, s3://bucket/key (string or Dynamic), of up to
// 25,000,000 bytes, which Step Functions reads with the role of the execution. If
// [ContentType] is not given, the type stored with the object counts.
func S3Input(uri any) Payload {
	if uri == nil {
		uri = ""
	}
	return Payload{uri: uri}
}

// Option is a further parameter of InvokeModel.
type Option func(p *invokeParameters)

type invokeParameters struct {
	ModelId                  any
	Body                     any `json:",omitempty"`
	Input                    any `json:",omitempty"`
	Output                   any `json:",omitempty"`
	ContentType              any `json:",omitempty"`
	Accept                   any `json:",omitempty"`
	GuardrailIdentifier      any `json:",omitempty"`
	GuardrailVersion         any `json:",omitempty"`
	Trace                    any `json:",omitempty"`
	PerformanceConfigLatency any `json:",omitempty"`
	ServiceTier              any `json:",omitempty"`
}

// S3Output makes the answer be written to s3://bucket/key (string or Dynamic). The result
// of the task then has a reference in place of the body.
func S3Output(uri any) Option {
	return func(p *invokeParameters) { p.Output = asl.Object{"S3Uri": uri} }
}

// ContentType sets the type of the body; the default is application/json.
func ContentType(mime any) Option { return func(p *invokeParameters) { p.ContentType = mime } }

// Accept sets the type of the answer; the default is application/json.
func Accept(mime any) Option { return func(p *invokeParameters) { p.Accept = mime } }

// Guardrail applies a guardrail, an id or ARN, in a version: a number or DRAFT (strings or
// Dynamic).
func Guardrail(id, version any) Option {
	return func(p *invokeParameters) { p.GuardrailIdentifier, p.GuardrailVersion = id, version }
}

// TraceMode says what the answer tells about a guardrail's work.
type TraceMode string

// The trace modes.
const (
	TraceEnabled     TraceMode = "ENABLED"
	TraceDisabled    TraceMode = "DISABLED"
	TraceEnabledFull TraceMode = "ENABLED_FULL"
)

// Trace sets the trace mode.
func Trace(mode TraceMode) Option { return func(p *invokeParameters) { p.Trace = mode } }

// PerformanceConfigLatency sets standard or optimized latency. The API has this parameter;
// no document says whether Step Functions passes it on.
func PerformanceConfigLatency(mode any) Option {
	return func(p *invokeParameters) { p.PerformanceConfigLatency = mode }
}

// ServiceTier sets the service tier. The API has this parameter; no document says whether
// Step Functions passes it on.
func ServiceTier(tier any) Option { return func(p *invokeParameters) { p.ServiceTier = tier } }

// InvokeModel makes a Task state that asks a model. Its result is {"Body", "ContentType"},
// with the Body parsed if it is JSON.
func InvokeModel(name string, m Model, p Payload, options ...Option) *asl.TaskState {
	params := &invokeParameters{ModelId: m.id}
	var request Request
	if p.uri != nil {
		params.Input = asl.Object{"S3Uri": p.uri}
	} else {
		body := p.body
		if body == nil {
			body = asl.Object{}
		}
		if r, ok := body.(Request); ok {
			request, body = r, r.body()
		}
		params.Body = body
	}
	for _, o := range options {
		o(params)
	}
	return asl.Task(name, asl.ServiceARN("bedrock", "invokeModel", asl.RequestResponse)).
		Request(params).
		Check(func(s *asl.State, lang asl.QueryLanguage) []*asl.BuildError {
			errs := checkCall("invokeModel", s, lang)
			if request == nil {
				return errs
			}
			return append(errs, m.accepts(request, s, lang)...)
		})
}

// parameters returns what a task is called with, and where it stands.
func parameters(s *asl.State, lang asl.QueryLanguage) (params value.Value, field string, form catalog.Form) {
	if lang == asl.JSONata {
		return s.Arguments, "Arguments", catalog.JSONataTemplate
	}
	return s.Parameters, "Parameters", catalog.JSONPathTemplate
}

func checkCall(action string, s *asl.State, lang asl.QueryLanguage) []*asl.BuildError {
	params, field, form := parameters(s, lang)
	var errs []*asl.BuildError
	for _, p := range catalog.CheckCall(action, params, form) {
		if p.Warning {
			continue // the validator reports those
		}
		at := field
		if p.Name != "" {
			at += "." + p.Name
		}
		errs = append(errs, &asl.BuildError{Field: at, Err: errors.New(p.Message), Hint: p.Hint})
	}
	return errs
}

// accepts checks that a body of known shape is one for the model, and that it has what
// the shape demands.
func (m Model) accepts(r Request, s *asl.State, lang asl.QueryLanguage) []*asl.BuildError {
	params, field, _ := parameters(s, lang)
	field += ".Body"
	families := r.families()
	if m.family != nil && m.family.Name != "" && !slices.Contains(families, Family(m.family.Name)) {
		return []*asl.BuildError{{
			Field: field,
			Err:   fmt.Errorf("%T is no body for %s, whose family is %s", r, m.of, m.family.Name),
		}}
	}
	body := params.Get("Body")
	var errs []*asl.BuildError
	for _, name := range catalog.FindFamily(string(families[0])).Required {
		if v := body.Get(name); v.IsNull() || v.IsAbsent() && !body.Has(name+".$") {
			errs = append(errs, &asl.BuildError{Field: field + "." + name, Err: fmt.Errorf("is required in the body for %s", families[0])})
		}
	}
	return errs
}

// Prefixes of the names of Bedrock's errors.
const (
	prefixOptimized = "Bedrock."        // arn:aws:states:::bedrock:...
	prefixRuntime   = "BedrockRuntime." // arn:aws:states:::aws-sdk:bedrockruntime:...
)

// transient are the errors of InvokeModel that go away by themselves.
var transient = []string{
	"ThrottlingException", "ServiceUnavailableException", "ModelNotReadyException",
	"ModelTimeoutException", "InternalServerException", "SdkClientException",
}

// Retry is a policy for the errors of model calls that go away by themselves: six retries,
// the time before them growing from 2 to at most 60 seconds, with full jitter, so that
// calls that were throttled together do not come again together. It is for the optimized
// integration, which is what [InvokeModel] uses.
func Retry() asl.RetryPolicy { return retry(prefixOptimized) }

// RuntimeRetry is [Retry] for the AWS SDK integration (aws-sdk:bedrockruntime), whose
// errors have other names.
func RuntimeRetry() asl.RetryPolicy { return retry(prefixRuntime) }

func retry(prefix string) asl.RetryPolicy {
	names := make([]string, len(transient))
	for i, n := range transient {
		names[i] = prefix + n
	}
	return asl.RetryOn(names...).IntervalSeconds(2).MaxAttempts(6).BackoffRate(2).MaxDelaySeconds(60).FullJitter()
}

// ErrorName returns the name that an error of the optimized integration has in Retry and
// Catch, given the one of the API, such as AccessDeniedException.
func ErrorName(exception string) string {
	return prefixOptimized + strings.TrimPrefix(exception, prefixOptimized)
}
