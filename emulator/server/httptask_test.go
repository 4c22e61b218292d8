package server

import (
	"context"
	"strings"
	"testing"

	"github.com/sfnkit/sfnkit/asl/value"
	"github.com/sfnkit/sfnkit/emulator"
)

// TestHTTPTask looks at what TestState shows of requests and responses. The first case is
// the example of the documentation without what its connection adds.
func TestHTTPTask(t *testing.T) {
	var answer emulator.Answer
	var fails error
	s := newServer(t, Options{Region: "eu-west-1", Caller: emulator.CallerFunc(func(context.Context, *emulator.Request) (emulator.Answer, error) {
		return answer, fails
	})})
	const ok = `{"Headers":{"date":["Tue, 21 Nov 2023 00:06:17 GMT"],"x":["1","2"]},"ResponseBody":{"args":{"queryParam":"q1"}},"StatusCode":200,"StatusText":"OK"}`
	const okResponse = `{"protocol":"https","statusCode":"200","statusMessage":"OK","headers":"[date: Tue, 21 Nov 2023 00:06:17 GMT, x: 1, x: 2]","body":"{\"args\":{\"queryParam\":\"q1\"}}"}`
	form := func(format string) string {
		return `"Method":"POST","ApiEndpoint":"https://h/p","Headers":{"content-type":"application/x-www-form-urlencoded"},"Transform":{"RequestBodyEncoding":"URL_ENCODED"` + format +
			`},"RequestBody":{"items":["red green","blue+gold"],"nested":{"enabled":true,"count":2}}`
	}
	formRequest := func(items string) string {
		return `{"protocol":"https","method":"POST","url":"https://h/p","headers":"[content-type: application/x-www-form-urlencoded, User-Agent: Amazon|StepFunctions|HttpInvoke|eu-west-1, Range: bytes=0-262144]","body":"` +
			items + `&nested%5Benabled%5D=true&nested%5Bcount%5D=2"}`
	}
	format := func(name string) string { return `,"RequestEncodingOptions":{"ArrayFormat":"` + name + `"}` }
	for _, c := range []struct{ params, answer, request, response string }{
		{`"Method":"GET","ApiEndpoint":"https://httpbin.org/get","Headers":{"definitionHeader":"h1"},"RequestBody":{"message":"Hello from Step Functions!"},"QueryParameters":{"queryParam":"q1"}`, ok,
			`{"protocol":"https","method":"GET","url":"https://httpbin.org/get?queryParam=q1","headers":"[definitionHeader: h1, User-Agent: Amazon|StepFunctions|HttpInvoke|eu-west-1, Range: bytes=0-262144]","body":"{\"message\":\"Hello from Step Functions!\"}"}`,
			okResponse},
		// The query, and the forms but for BRACKETS, are as recorded.
		{`"Method":"POST","ApiEndpoint":"https://h/p?k=v","QueryParameters":{"taskOnly":"a+b & c","n":[1,2]},"RequestBody":"plain"`, `{"StatusCode":204,"StatusText":"No Content","Headers":{}}`,
			`{"protocol":"https","method":"POST","url":"https://h/p?k=v&taskOnly=a%2Bb%20%26%20c&n=1&n=2","headers":"[User-Agent: Amazon|StepFunctions|HttpInvoke|eu-west-1, Range: bytes=0-262144]","body":"plain"}`,
			`{"protocol":"https","statusCode":"204","statusMessage":"No Content","headers":"[]"}`},
		{form(""), ok, formRequest("items%5B0%5D=red%20green&items%5B1%5D=blue%2Bgold"), okResponse},
		{form(format("REPEAT")), ok, formRequest("items=red%20green&items=blue%2Bgold"), okResponse},
		{form(format("COMMAS")), ok, formRequest("items=red%20green%2Cblue%2Bgold"), okResponse},
		{form(format("BRACKETS")), ok, formRequest("items%5B%5D=red%20green&items%5B%5D=blue%2Bgold"), okResponse},
		{`"Method":"GET","ApiEndpoint":"https://h/p"`, `!States.Http.StatusCode.418`,
			`{"protocol":"https","method":"GET","url":"https://h/p","headers":"[User-Agent: Amazon|StepFunctions|HttpInvoke|eu-west-1, Range: bytes=0-262144]"}`,
			`{"protocol":"https","statusCode":"418"}`},
		{`"Method":"GET","ApiEndpoint":"https://h/p"`, `!States.Http.Socket`,
			`{"protocol":"https","method":"GET","url":"https://h/p","headers":"[User-Agent: Amazon|StepFunctions|HttpInvoke|eu-west-1, Range: bytes=0-262144]"}`, ``},
	} {
		if name, failed := strings.CutPrefix(c.answer, "!"); failed {
			answer, fails = emulator.Answer{}, &emulator.Error{Name: name}
		} else {
			answer, fails = emulator.Answer{Output: value.MustParse(c.answer)}, nil
		}
		definition := value.String(`{"Type":"Task","Resource":"arn:aws:states:::http:invoke","Parameters":{` + c.params +
			`,"Authentication":{"ConnectionArn":"arn:aws:events:eu-west-1:123456789012:connection/c/1"}},"End":true}`).JSON()
		for _, level := range []string{"TRACE", "DEBUG"} {
			r := &script{t: t, s: s}
			got, status := r.post("TestState", `{"roleArn":"arn:aws:iam::123456789012:role/r","revealSecrets":true,"inspectionLevel":"`+level+`","definition":`+definition+`}`)
			if status != 200 {
				t.Fatal(got)
			}
			want := [2]string{c.request, c.response}
			if level == "DEBUG" {
				want = [2]string{}
			}
			for i, name := range []string{"request", "response"} {
				part := got.Get("inspectionData").Get(name)
				if want[i] == "" {
					if !part.IsAbsent() {
						t.Errorf("%s: %s shows %s", c.params, level, part)
					}
				} else if !part.Equal(value.MustParse(want[i])) {
					t.Errorf("%s: got %s\nwant %s", c.params, part, want[i])
				}
			}
		}
	}
}

// TestLongForm keeps bodies from growing with the square of their size.
func TestLongForm(t *testing.T) {
	name := strings.Repeat("n", 100000)
	params := value.MustParse(`{"Transform":{"RequestBodyEncoding":"URL_ENCODED"},"RequestBody":{"` + name + `":[` + strings.Repeat("[],1,", 20000) + `0]}}`)
	s := newServer(t, Options{})
	if n := len(*s.httpRequest(params).Body); n > 4*maxForm {
		t.Errorf("%d bytes", n)
	}
}
