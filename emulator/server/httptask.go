package server

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"github.com/sfnkit/sfnkit/asl"
	"github.com/sfnkit/sfnkit/asl/value"
	"github.com/sfnkit/sfnkit/emulator"
)

// What TestState shows of an HTTP Task at the level TRACE. Nothing is sent here, and there
// is no EventBridge connection that could add anything: the request is made of the task's
// own parameters. The service shows just these too, unless revealSecrets asks for what the
// connection adds; that asks for nothing here. The response is made of the answer of a
// caller, so that a body which was JSON has lost its white space. The form is documented:
// https://docs.aws.amazon.com/step-functions/latest/dg/test-state-isolation.html#test-trace-level-cli
// and https://docs.aws.amazon.com/step-functions/latest/dg/call-https-apis.html; how a query
// and a form are encoded was recorded 2026-09 (published in github.com/radkawar/stackd).

func isHTTPTask(s *asl.State) bool {
	r := asl.ParseResource(s.Resource)
	return s.Type == asl.TypeTask && r.Kind == asl.Optimized && r.Service == "http" && r.Action == "invoke"
}

func (s *Server) httpRequest(params value.Value) *types.InspectionDataRequest {
	r := &types.InspectionDataRequest{
		Protocol: ref(protocol(params)), Method: ref(params.Get("Method").Str()), Url: ref(params.Get("ApiEndpoint").Str()),
	}
	if q := queryText(params.Get("QueryParameters")); q != "" && r.Url != nil {
		sep := "?"
		if strings.Contains(*r.Url, "?") {
			sep = "&"
		}
		r.Url = ref(*r.Url + sep + q)
	}
	r.Headers = ref("[" + strings.Join(append(headerTexts(params.Get("Headers")),
		"User-Agent: Amazon|StepFunctions|HttpInvoke|"+s.opts.Region, "Range: bytes=0-262144"), ", ") + "]")
	switch body := params.Get("RequestBody"); {
	case body.IsAbsent():
	case params.Get("Transform").Get("RequestBodyEncoding").Str() == "URL_ENCODED" && body.IsObject():
		f := form{left: maxForm, arrays: params.Get("Transform").Get("RequestEncodingOptions").Get("ArrayFormat").Str()}
		for k, v := range body.Members() {
			f.add(k, v)
		}
		r.Body = ref(f.b.String())
	default:
		r.Body = ref(plainText(body))
	}
	return r
}

// httpResponse shows the answer that a task was given. Of a status that made the task fail
// nothing but its number is left in the error.
func httpResponse(params value.Value, test *emulator.StateTest) *types.InspectionDataResponse {
	r := &types.InspectionDataResponse{Protocol: ref(protocol(params))}
	if test.Error != nil {
		code, ok := strings.CutPrefix(test.Error.Name, "States.Http.StatusCode.")
		if !ok {
			return nil
		}
		r.StatusCode = ref(code)
		return r
	}
	a := test.Result
	if !a.Has("StatusCode") {
		return nil
	}
	r.StatusCode, r.StatusMessage = ref(plainText(a.Get("StatusCode"))), ref(a.Get("StatusText").Str())
	r.Headers = ref("[" + strings.Join(headerTexts(a.Get("Headers")), ", ") + "]")
	if body := a.Get("ResponseBody"); !body.IsAbsent() {
		r.Body = ref(plainText(body))
	}
	return r
}

func protocol(params value.Value) string {
	scheme, _, ok := strings.Cut(params.Get("ApiEndpoint").Str(), "://")
	if !ok {
		return ""
	}
	return scheme
}

// plainText is a text itself, and the JSON of anything else.
func plainText(v value.Value) string {
	if v.IsString() {
		return v.Str()
	}
	return v.JSON()
}

// values gives the values under a name: several, if it is an array.
func values(v value.Value) []value.Value {
	if v.IsArray() {
		return v.Elems()
	}
	return []value.Value{v}
}

func headerTexts(headers value.Value) []string {
	var list []string
	if !headers.IsObject() {
		for _, h := range values(headers) { // documented as possible, without an example
			if !h.IsAbsent() {
				list = append(list, plainText(h))
			}
		}
		return list
	}
	for name, v := range headers.Members() {
		for _, one := range values(v) {
			list = append(list, name+": "+plainText(one))
		}
	}
	return list
}

func queryText(query value.Value) string {
	var list []string
	if !query.IsObject() {
		for _, q := range values(query) { // likewise
			if !q.IsAbsent() {
				list = append(list, plainText(q))
			}
		}
		return strings.Join(list, "&")
	}
	for name, v := range query.Members() {
		for _, one := range values(v) {
			list = append(list, percent(name)+"="+percent(plainText(one)))
		}
	}
	return strings.Join(list, "&")
}

func percent(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

// form writes a request body as form data.
type form struct {
	b      strings.Builder
	arrays string // ArrayFormat
	left   int    // bytes of names
}

// maxForm is where a form is cut off, in bytes of its names. Each value repeats all names
// above it, so that a deep body grows with the square of its size.
const maxForm = 1 << 20

func (f *form) add(name string, v value.Value) {
	if f.left -= len(name) + 1; f.left < 0 {
		return
	}
	switch {
	case v.IsObject():
		for k, sub := range v.Members() {
			f.add(name+"["+k+"]", sub)
		}
	case v.IsArray() && f.arrays == "COMMAS":
		texts := make([]string, v.Len())
		for i, e := range v.Elems() {
			texts[i] = plainText(e)
		}
		f.pair(name, strings.Join(texts, ","))
	case v.IsArray():
		for i, e := range v.Elems() {
			switch f.arrays {
			case "REPEAT":
				f.add(name, e)
			case "BRACKETS":
				f.add(name+"[]", e)
			default:
				f.add(name+"["+strconv.Itoa(i)+"]", e)
			}
		}
	default:
		f.pair(name, plainText(v))
	}
}

func (f *form) pair(name, text string) {
	if f.b.Len() > 0 {
		f.b.WriteByte('&')
	}
	f.b.WriteString(percent(name) + "=" + percent(text))
}
