package calls

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/sfnkit/sfnkit/asl"
	"github.com/sfnkit/sfnkit/asl/value"
	"github.com/sfnkit/sfnkit/emulator"
)

// BedrockS3 moves the bodies of bedrock:invokeModel between S3 and the call, for tasks that
// have Input.S3Uri or Output.S3Uri, as Step Functions itself does:
//
//   - The object that Input names becomes the Body of the request that next gets: parsed,
//     if it is JSON. Without a ContentType in the parameters, the object's own is used
//     (documented: https://docs.aws.amazon.com/step-functions/latest/dg/connect-bedrock.html).
//   - The Body that next answers is written to the object that Output names, with the
//     answer's content type, and a reference to it takes its place in the result.
//
// What the reference looks like is not documented and was not found in any recorded
// execution. Here it is the URI, {"Body": "s3://...", "ContentType": ...}: workflows that
// need it should rather use the URI they wrote. An answer whose Body is that URI already
// is passed on, so that real executions can be replayed. The errors of objects that cannot
// be read or written are those of the S3 integration, which is an assumption as well.
func BedrockS3(store emulator.Store, next emulator.Caller) emulator.Caller {
	next = or(next)
	return emulator.CallerFunc(func(ctx context.Context, req *emulator.Request) (emulator.Answer, error) {
		r := req.Resource
		if r.Kind != asl.Optimized || r.Service != "bedrock" || r.Action != "invokeModel" {
			return next.Call(ctx, req)
		}
		in, out := req.Parameters.Get("Input"), req.Parameters.Get("Output")
		if !in.IsObject() && !out.IsObject() {
			return next.Call(ctx, req)
		}
		c := &s3Call{ctx: ctx, store: store, req: req}
		if in.IsObject() {
			p, err := c.readBody(in.Get("S3Uri").Str())
			if err != nil {
				return emulator.Answer{}, err
			}
			with := *req
			with.Parameters = p
			req = &with
		}
		var bucket, key string
		if out.IsObject() {
			var err error
			if bucket, key, err = place(out.Get("S3Uri").Str()); err != nil {
				return emulator.Answer{}, err
			}
		}
		a, err := next.Call(ctx, req)
		if err != nil || !out.IsObject() || !a.Output.IsObject() {
			return a, err
		}
		a.Output, err = c.writeBody(bucket, key, out.Get("S3Uri"), a.Output)
		return a, err
	})
}

// place takes an S3 URI apart.
func place(uri string) (bucket, key string, err error) {
	rest, ok := strings.CutPrefix(uri, "s3://")
	bucket, key, found := strings.Cut(rest, "/")
	if !ok || !found || bucket == "" || key == "" {
		return "", "", emulator.NewError("Bedrock.ValidationException", fmt.Sprintf("%q is not the S3 URI of an object (s3://bucket/key)", uri))
	}
	return bucket, key, nil
}

// readBody returns the parameters with the object at the URI in the place of Input.
func (c *s3Call) readBody(uri string) (value.Value, error) {
	bucket, key, err := place(uri)
	if err != nil {
		return value.Value{}, err
	}
	r, info, err := c.store.Get(c.ctx, bucket, key)
	if err != nil {
		return value.Value{}, c.fail(err)
	}
	defer r.Close()
	text, err := io.ReadAll(io.LimitReader(r, maxObject+1))
	if err != nil {
		return value.Value{}, c.fail(err)
	}
	if len(text) > maxObject {
		return value.Value{}, emulator.NewError("Bedrock.ValidationException", fmt.Sprintf("%s has more than the %d bytes that a model takes", uri, maxObject))
	}
	body, err := value.Parse(text)
	var syntax *value.SyntaxError
	if errors.As(err, &syntax) {
		body = value.String(strings.ToValidUTF8(string(text), "\uFFFD"))
	}
	p := c.req.Parameters.Without("Input").With("Body", body)
	if !p.Has("ContentType") && info.ContentType != "" {
		p = p.With("ContentType", value.String(info.ContentType))
	}
	return p, nil
}

func (c *s3Call) writeBody(bucket, key string, uri, output value.Value) (value.Value, error) {
	body := output.Get("Body")
	var text []byte
	switch {
	case body.IsAbsent(), body.Equal(uri):
		return output, nil
	case body.IsString():
		text = []byte(body.Str())
	default:
		text = body.AppendJSON(nil)
	}
	if err := c.store.Put(c.ctx, bucket, key, output.Get("ContentType").Str(), bytes.NewReader(text)); err != nil {
		return value.Value{}, c.fail(err)
	}
	return output.With("Body", uri), nil
}
