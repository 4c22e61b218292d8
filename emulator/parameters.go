package emulator

import (
	"strings"

	"github.com/sfnkit/sfnkit/asl"
	"github.com/sfnkit/sfnkit/asl/value"
)

// parameterForms holds what the service demands of the evaluated parameters of an
// optimised integration before it calls anything. That API Gateway's headers are lists
// was recorded in August 2024; its guide says the same of query parameters
// (https://docs.aws.amazon.com/step-functions/latest/dg/connect-api-gateway.html).
var parameterForms = map[string]map[string]func(value.Value) bool{
	"apigateway:invoke": {"Headers": mapOfLists, "QueryParameters": mapOfLists},
}

// addedParameters are what the service itself puts at the end of the parameters of a call,
// to know its jobs again (recorded 2026-09, published in github.com/radkawar/stackd).
var addedParameters = map[string]value.Value{
	"ecs:runTask.sync": value.Object([]string{"StartedBy"}, []value.Value{value.String("AWS Step Functions")}),
}

// forbiddenHeaders are those that an HTTP task may not set; a name that ends in - stands for
// all that begin so
// (https://docs.aws.amazon.com/step-functions/latest/dg/call-https-apis.html). How the
// service refuses them was recorded 2026-09, published in github.com/radkawar/stackd.
var forbiddenHeaders = strings.Fields(`
	a-im accept-charset accept-datetime accept-encoding authorization cache-control connection
	content-encoding content-md5 date expect forwarded from host http2-settings if-match
	if-modified-since if-none-match if-range if-unmodified-since max-forwards origin pragma
	proxy-authorization referer server te trailer transfer-encoding upgrade via warning
	x-forwarded- x-amz- x-amzn-`)

func forbiddenHeader(name string) bool {
	for _, h := range forbiddenHeaders {
		if name == h || h[len(h)-1] == '-' && strings.HasPrefix(name, h) {
			return true
		}
	}
	return false
}

func mapOfLists(v value.Value) bool {
	if !v.IsObject() {
		return false
	}
	for _, e := range v.Elems() {
		if !e.IsArray() {
			return false
		}
	}
	return true
}

// checkParameters finds parameters that cannot be used to start a task.
func (x *Execution) checkParameters(t *thread, params value.Value) *Error {
	r := t.state.resource
	if r.Kind != asl.Optimized && r.Kind != asl.SDK {
		return nil
	}
	var wrong []string
	if t.state.computes {
		lang := asl.JSONPath
		if t.state.jsonata {
			lang = asl.JSONata
		}
		var opts []asl.ValidateOption
		if x.limits.NewMembers {
			opts = append(opts, asl.Disable(asl.CodeUnknownMember))
		}
		wrong = asl.CheckParameters(t.state.def, r, lang, params, opts...)
	}
	if forms := parameterForms[r.Service+":"+r.Action]; forms != nil {
		for name, v := range params.Members() {
			if ok := forms[name]; ok != nil && !v.IsNull() && !ok(v) {
				wrong = append(wrong, "The value of the field '"+name+"' has an invalid format")
			}
		}
	}
	if headers := params.Get("Headers"); r.Service == "http" && headers.IsObject() {
		var names []string
		for name := range headers.Members() {
			if name = strings.ToLower(name); forbiddenHeader(name) {
				names = append(names, name)
			}
		}
		if names != nil {
			wrong = append(wrong, "The 'Headers' field contains unsupported values: ["+strings.Join(names, ", ")+"]")
		}
	}
	if r.Service == "bedrock" && r.Action == "invokeModel" && params.IsObject() {
		// The guide allows one of Body and Input, and asks for ModelId; what the service says
		// of a request that breaks this was not found recorded.
		body, input := params.Has("Body"), params.Has("Input")
		switch {
		case !params.Has("ModelId"):
			wrong = append(wrong, "The field 'ModelId' is required but was missing")
		case body && input:
			wrong = append(wrong, "Only one of the fields 'Body' and 'Input' can be given")
		case !body && !input:
			wrong = append(wrong, "One of the fields 'Body' and 'Input' is required but both were missing")
		}
	}
	if wrong == nil {
		return nil
	}
	return x.located(t, runtimeError("The Parameters '%s' could not be used to start the Task: [%s]", params.JSON(), strings.Join(wrong, ", ")))
}
