package server

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"regexp"
	"strings"
	"time"
)

// Trace headers are kept and shown; nothing is traced. How the service treats them was
// recorded in 2026-09 and published in github.com/radkawar/stackd.

const (
	traceHeaderName = "X-Amzn-Trace-Id"
	maxTraceHeader  = 256 // of the member of requests, in the service model
)

var traceRoot = regexp.MustCompile(`^1-[0-9a-fA-F]{8}-[0-9a-fA-F]{24}$`)

type traceKey struct{}

// withTrace keeps the trace header of a request, which counts more than a member of its
// body. Executions keep it, so that there is a limit to its length.
func withTrace(ctx context.Context, r *http.Request) context.Context {
	if h := r.Header[traceHeaderName]; len(h) > 0 && len(h[0]) <= maxTraceHeader {
		return context.WithValue(ctx, traceKey{}, h[0])
	}
	return ctx
}

// traceOf returns the trace header that an execution gets: none if none is given and its
// state machine is not traced, else one that has a valid root and a decision.
func traceOf(ctx context.Context, given *string, traced bool) *string {
	if h, ok := ctx.Value(traceKey{}).(string); ok {
		given = &h
	}
	if given == nil && !traced {
		return nil
	}
	root, decided, rest := "", "", ""
	if given != nil {
		for _, part := range strings.Split(*given, ";") {
			switch name, v, _ := strings.Cut(part, "="); name {
			case "Root":
				if traceRoot.MatchString(v) {
					root = v
				}
			case "Sampled":
				if v == "0" || v == "1" {
					decided = v
				}
			}
		}
		if root != "" {
			rest = *given
		}
	}
	switch {
	case rest != "" && decided != "":
	case rest != "":
		rest += ";Sampled=1"
	default:
		if decided == "" {
			decided = "1"
		}
		rest = "Root=" + newTraceRoot(time.Now()) + ";Sampled=" + decided
	}
	return &rest
}

func newTraceRoot(at time.Time) string {
	var b [16]byte
	rand.Read(b[4:])
	for i := range 4 {
		b[i] = byte(at.Unix() >> (24 - 8*i))
	}
	h := hex.EncodeToString(b[:])
	return "1-" + h[:8] + "-" + h[8:]
}
