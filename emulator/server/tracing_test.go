package server

import (
	"context"
	"net/http"
	"regexp"
	"testing"
)

func TestTraceOf(t *testing.T) {
	const root = "1-0123abcd-0123456789abcdef01234567"
	fresh := func(sampled string) string { return `^Root=1-[0-9a-f]{8}-[0-9a-f]{24};Sampled=` + sampled + `$` }
	given := func(s string) *string { return &s }
	for _, c := range []struct {
		header string // of the request, "" for none
		given  *string
		traced bool
		want   string // a pattern, "" for none at all
	}{
		{"", nil, false, ""},
		{"", nil, true, fresh("1")},
		{"", given(""), false, fresh("1")},
		{"", given("not-a-trace-header"), true, fresh("1")},
		{"", given("Root=not-enabled;Sampled=1"), false, fresh("1")},
		{"", given("Root=not-enabled;Sampled=0"), false, fresh("0")},
		{"", given("Root=" + root), true, "^Root=" + root + ";Sampled=1$"},
		{"", given("Root=" + root + ";Parent=0123456789abcdef;Sampled=0"), true, "^Root=" + root + ";Parent=0123456789abcdef;Sampled=0$"},
		{"Root=" + root + ";Sampled=1", given("Root=1-00000000-000000000000000000000000;Sampled=0"), false, "^Root=" + root + ";Sampled=1$"},
	} {
		r := &http.Request{Header: http.Header{}}
		if c.header != "" {
			r.Header.Set(traceHeaderName, c.header)
		}
		got := traceOf(withTrace(context.Background(), r), c.given, c.traced)
		switch {
		case got == nil && c.want == "":
		case got == nil || c.want == "" || !regexp.MustCompile(c.want).MatchString(*got):
			t.Errorf("%+v: got %v", c, got)
		}
	}
}
