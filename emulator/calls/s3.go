package calls

import (
	"bytes"
	"cmp"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strings"
	"time"

	"github.com/sfnkit/sfnkit/asl"
	"github.com/sfnkit/sfnkit/asl/value"
	"github.com/sfnkit/sfnkit/emulator"
)

// S3 answers the SDK integrations of S3 that read and write objects, from a store:
// getObject, putObject, headObject, deleteObject and listObjectsV2 under
// arn:aws:states:::aws-sdk:s3. Results and errors have the members, the casing and the
// names that the service was recorded with; request ids are made up from the request.
// Everything else goes to next.
//
// deleteObject needs a store that is a [Deleter], as all stores of this package are.
func S3(store emulator.Store, next emulator.Caller) emulator.Caller {
	next = or(next)
	return emulator.CallerFunc(func(ctx context.Context, req *emulator.Request) (emulator.Answer, error) {
		r := req.Resource
		if r.Service != "aws-sdk:s3" || r.Pattern != asl.RequestResponse {
			return next.Call(ctx, req)
		}
		c := &s3Call{ctx: ctx, store: store, req: req}
		actions := map[string]func() (value.Value, error){
			"getObject": c.get, "headObject": c.head, "putObject": c.put, "deleteObject": c.delete, "listObjectsV2": c.list,
		}
		do := actions[r.Action]
		if do == nil {
			return next.Call(ctx, req)
		}
		for _, name := range []string{"Bucket", "Key"} {
			if v := c.param(name); v == "" && (name == "Bucket" || r.Action != "listObjectsV2") {
				return emulator.Answer{}, emulator.NewError("S3.SdkClientException", name+" must be a string that is not empty")
			}
		}
		out, err := do()
		return emulator.Answer{Output: out}, err
	})
}

// maxObject bounds the objects that become part of a result or a request, in bytes: what
// a Bedrock model takes at most.
const maxObject = 25000000

type s3Call struct {
	ctx   context.Context
	store emulator.Store
	req   *emulator.Request
}

func (c *s3Call) param(name string) string { return c.req.Parameters.Get(name).Str() }

// fail turns a store's error into the one that the SDK's exception becomes.
func (c *s3Call) fail(err error) error {
	var name, message string
	switch {
	case errors.Is(err, emulator.ErrNoObject):
		name, message = "S3.NoSuchKeyException", "The specified key does not exist."
	case errors.Is(err, emulator.ErrNoBucket):
		name, message = "S3.NoSuchBucketException", "The specified bucket does not exist"
	default:
		return emulator.NewError("S3.SdkClientException", err.Error())
	}
	if c.req.Resource.Action == "headObject" {
		message = "null" // the answer to HEAD has no body that could say more
	}
	// Recorded 2025-01. In 2026-09 the service added " (SDK Attempt Count: 1)" (published in
	// github.com/radkawar/stackd).
	id := sha256.Sum256([]byte(c.req.Execution.ARN + "\x00" + c.req.State + "\x00" + fmt.Sprint(c.req.Invocation)))
	return emulator.NewError(name, fmt.Sprintf("%s (Service: S3, Status Code: 404, Request ID: %s, Extended Request ID: %s)",
		message, strings.ToUpper(hex.EncodeToString(id[:8])), base64.StdEncoding.EncodeToString(id[8:])))
}

// described are the members that getObject and headObject have in common.
func described(info emulator.ObjectInfo) *value.Builder {
	return value.NewBuilder(8).
		Set("AcceptRanges", value.String("bytes")).
		Set("ContentLength", value.Int(info.Size)).
		Set("ContentType", value.String(info.ContentType)).
		Set("ETag", value.String(`"`+info.ETag+`"`)).
		Set("LastModified", instant(info.LastModified)).
		Set("Metadata", value.EmptyObject).
		Set("ServerSideEncryption", value.String("AES256"))
}

func instant(t time.Time) value.Value {
	return value.String(t.UTC().Truncate(time.Second).Format("2006-01-02T15:04:05Z"))
}

func (c *s3Call) get() (value.Value, error) {
	body, info, err := c.store.Get(c.ctx, c.param("Bucket"), c.param("Key"))
	if err != nil {
		return value.Value{}, c.fail(err)
	}
	defer body.Close()
	text, err := io.ReadAll(io.LimitReader(body, maxObject+1))
	if err != nil {
		return value.Value{}, c.fail(err)
	}
	if len(text) > maxObject {
		return value.Value{}, emulator.NewError(emulator.ErrorDataLimitExceeded,
			"The state/task 'aws-sdk:s3' returned a result with a size exceeding the maximum number of bytes service limit.")
	}
	return described(info).Set("Body", value.String(strings.ToValidUTF8(string(text), "\uFFFD"))).Object(), nil
}

func (c *s3Call) head() (value.Value, error) {
	body, info, err := c.store.Get(c.ctx, c.param("Bucket"), c.param("Key"))
	if err != nil {
		return value.Value{}, c.fail(err)
	}
	body.Close()
	return described(info).Object(), nil
}

// put writes the JSON text of the Body, that of a string with its quotes: the ETags and
// checksums recorded in November 2025 for "text data", false and ["List","Data"] are those
// of these texts.
func (c *s3Call) put() (value.Value, error) {
	var text []byte
	if b := c.req.Parameters.Get("Body"); !b.IsAbsent() {
		text = b.AppendJSON(nil)
	}
	// What has no type is text (recorded 2026-09, published in github.com/radkawar/stackd).
	typ := cmp.Or(c.param("ContentType"), "text/plain; charset=UTF-8")
	if err := c.store.Put(c.ctx, c.param("Bucket"), c.param("Key"), typ, bytes.NewReader(text)); err != nil {
		return value.Value{}, c.fail(err)
	}
	sum := md5.Sum(text)
	crc := binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(text))
	return value.NewBuilder(4).
		Set("ChecksumCRC32", value.String(base64.StdEncoding.EncodeToString(crc))).
		Set("ChecksumType", value.String("FULL_OBJECT")).
		Set("ETag", value.String(`"`+hex.EncodeToString(sum[:])+`"`)).
		Set("ServerSideEncryption", value.String("AES256")).Object(), nil
}

func (c *s3Call) delete() (value.Value, error) {
	d, ok := c.store.(Deleter)
	if !ok {
		return value.Value{}, emulator.NewError("S3.SdkClientException", "the object store cannot delete objects")
	}
	if err := d.Delete(c.ctx, c.param("Bucket"), c.param("Key")); err != nil {
		return value.Value{}, c.fail(err)
	}
	return value.EmptyObject, nil
}

// list answers one page. A continuation token is the key it goes on behind.
func (c *s3Call) list() (value.Value, error) {
	p := c.req.Parameters
	prefix, delimiter, after := c.param("Prefix"), c.param("Delimiter"), c.param("StartAfter")
	if t := c.param("ContinuationToken"); t != "" {
		key, err := base64.StdEncoding.DecodeString(t)
		if err != nil {
			return value.Value{}, emulator.NewError("S3.S3Exception", "The continuation token provided is incorrect (Service: S3, Status Code: 400)")
		}
		after = string(key)
	}
	limit := 1000
	if n, ok := p.Get("MaxKeys").Int64(); ok && n >= 0 && n < 1000 {
		limit = int(n)
	}
	var contents, prefixes []value.Value
	last, group, more := "", "", false
	err := c.store.List(c.ctx, p.Get("Bucket").Str(), prefix, func(i emulator.ObjectInfo) bool {
		if i.Key <= after || delimiter != "" && strings.HasSuffix(after, delimiter) && strings.HasPrefix(i.Key, after) {
			return true
		}
		if delimiter != "" {
			if head, _, ok := strings.Cut(i.Key[len(prefix):], delimiter); ok {
				head = prefix + head + delimiter
				if head == group {
					return true
				}
				if len(contents)+len(prefixes) == limit {
					more = true
					return false
				}
				group, last = head, head
				prefixes = append(prefixes, value.Object([]string{"Prefix"}, []value.Value{value.String(head)}))
				return true
			}
		}
		if len(contents)+len(prefixes) == limit {
			more = true
			return false
		}
		last = i.Key
		contents = append(contents, value.NewBuilder(5).
			Set("ETag", value.String(`"`+i.ETag+`"`)).
			Set("Key", value.String(i.Key)).
			Set("LastModified", instant(i.LastModified)).
			Set("Size", value.Int(i.Size)).
			Set("StorageClass", value.String("STANDARD")).Object())
		return true
	})
	if err != nil {
		return value.Value{}, c.fail(err)
	}
	b := value.NewBuilder(8)
	if prefixes != nil {
		b.Set("CommonPrefixes", value.Array(prefixes))
	}
	if contents != nil {
		b.Set("Contents", value.Array(contents))
	}
	for _, name := range []string{"ContinuationToken", "Delimiter"} {
		if v := p.Get(name); v.IsString() {
			b.Set(name, v)
		}
	}
	b.Set("IsTruncated", value.Bool(more))
	b.Set("KeyCount", value.Int(int64(len(contents)+len(prefixes))))
	b.Set("MaxKeys", value.Int(int64(limit)))
	b.Set("Name", p.Get("Bucket"))
	if more {
		b.Set("NextContinuationToken", value.String(base64.StdEncoding.EncodeToString([]byte(last))))
	}
	b.Set("Prefix", value.String(prefix))
	if v := p.Get("StartAfter"); v.IsString() {
		b.Set("StartAfter", v)
	}
	return b.Object(), nil
}
