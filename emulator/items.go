package emulator

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"

	"github.com/klauspost/compress/zstd"

	"github.com/sfnkit/sfnkit/asl"
	"github.com/sfnkit/sfnkit/asl/value"
)

// maxItem bounds one line, row or element of a data set, in bytes. An item above 262,144
// bytes cannot become the input of a child execution anyway; the bound here keeps memory
// constant while finding that out.
const maxItem = 8 << 20

// readItems opens what an ItemReader names. All readers read as they are asked and hold
// one item at a time (a few rows, for Parquet). VersionId and ExpectedBucketOwner are not
// looked at: a Store has one version of an object and no owners.
func readItems(ctx context.Context, s Store, src *ItemSource) (ItemReader, *Error) {
	cfg := src.Config
	if cfg == nil {
		cfg = &asl.ReaderConfig{}
	}
	o := &dataSet{ctx: ctx, store: s, config: cfg, pointer: src.Pointer}
	if s == nil {
		return nil, unreadable("there is no object store that %s could read from", src.Resource)
	}
	bucket := src.Arguments.Get("Bucket").Str()
	if bucket == "" {
		return nil, unreadable("the ItemReader names no Bucket")
	}
	switch res := asl.ParseResource(src.Resource); {
	case res.Service == "s3" && res.Action == "listObjectsV2":
		l := listObjects(ctx, s, bucket, src.Arguments.Get("Prefix").Str())
		if cfg.Transformation != "LOAD_AND_FLATTEN" {
			return &sourced{rows: l, source: "s3://" + bucket}, nil
		}
		return &flattened{set: o, next: l.data(bucket), close: l.Close}, nil
	case res.Service == "s3" && res.Action == "getObject":
		key := src.Arguments.Get("Key").Str()
		if key == "" {
			return nil, unreadable("the ItemReader names no Key")
		}
		if cfg.InputType == "PARQUET" && cfg.ManifestType == "" && src.Arguments.Has("VersionId") {
			// Recorded, published in github.com/gabrielmoreira/tiny-asl-machine
			// (Validation.ItemReader-006, 2026).
			return nil, unreadable("S3 Version ID selection is not currently supported for PARQUET files")
		}
		return o.object(bucket, key)
	}
	return nil, unreadable("the ItemReader's Resource %q is not known", src.Resource)
}

// rows gives the items of one source.
type rows interface {
	// Next is that of ItemReader.
	Next() (value.Value, error)
	Close() error
}

// sourced are rows that know where they come from. The form of the source was recorded,
// published in github.com/gabrielmoreira/tiny-asl-machine (Observation.ItemReader, 2026);
// the guide writes it with a capital S.
type sourced struct {
	rows
	source string
}

func (s *sourced) Next() (Item, error) {
	v, err := s.rows.Next()
	return Item{Value: v, Pair: s.pairs(), Source: s.source}, err
}

// pairs reports whether the items are the members of an object.
func (s *sourced) pairs() bool {
	j, ok := s.rows.(*jsonItems)
	return ok && j.object
}

// object opens the object that an ItemReader names.
func (o *dataSet) object(bucket, key string) (ItemReader, *Error) {
	if o.config.InputType == "MANIFEST" || o.config.ManifestType != "" {
		return o.manifest(bucket, key)
	}
	r, err := o.open(bucket, key)
	if err != nil {
		return nil, err
	}
	return r, nil
}

func unreadable(format string, args ...any) *Error {
	return NewError(ErrorItemReaderFailed, fmt.Sprintf(format, args...))
}

// asReaderError makes an ItemReader's error of any error but the end of the items.
func asReaderError(err error) error {
	var e *Error
	switch {
	case err == nil, err == io.EOF, errors.As(err, &e):
		return err
	}
	return unreadable("%v", err)
}

// dataSet is what an ItemReader reads, an object or several.
type dataSet struct {
	ctx     context.Context
	store   Store
	config  *asl.ReaderConfig
	pointer string // ItemsPointer
}

// open opens one object of the configured type.
func (o *dataSet) open(bucket, key string) (*sourced, *Error) {
	r, err := o.rows(bucket, key)
	if err != nil {
		return nil, err
	}
	source := ""
	if bucket != "" { // it is not the data of a state under test
		source = "s3://" + bucket + "/" + key
	}
	return &sourced{rows: r, source: source}, nil
}

func (o *dataSet) rows(bucket, key string) (rows, *Error) {
	switch o.config.InputType {
	case "CSV", "JSON", "JSONL", "PARQUET":
	default:
		return nil, unreadable("the InputType %q is not one of CSV, JSON, JSONL, MANIFEST and PARQUET", o.config.InputType)
	}
	if o.config.InputType == "PARQUET" {
		return o.parquet(bucket, key)
	}
	t, err := o.text(bucket, key)
	if err != nil {
		return nil, err
	}
	var r rows
	var e error
	switch o.config.InputType {
	case "JSON":
		r, e = newJSONItems(t, o.pointer)
	case "JSONL":
		r = &jsonLines{text: t, lines: lineReader{r: t.r}}
	case "CSV":
		r, e = newCSVItems(t, o.config)
	}
	if e != nil {
		t.Close()
		return nil, asReaderError(e).(*Error)
	}
	return r, nil
}

// objectText is the text of an object, without compression and byte order mark.
type objectText struct {
	r    *bufio.Reader
	body io.Closer
	zstd *zstd.Decoder // nil for most
}

func (t *objectText) Close() error {
	if t.zstd != nil {
		t.zstd.Close()
	}
	return t.body.Close()
}

func (o *dataSet) text(bucket, key string) (*objectText, *Error) {
	body, _, err := o.store.Get(o.ctx, bucket, key)
	if err != nil {
		return nil, storeError(ErrorItemReaderFailed, err)
	}
	t := &objectText{r: bufio.NewReaderSize(body, 64<<10), body: body}
	if err := t.decompress(); err != nil {
		t.Close()
		return nil, unreadable("the object s3://%s/%s: %v", bucket, key, err)
	}
	if mark, _ := t.r.Peek(3); string(mark) == "\xEF\xBB\xBF" {
		t.r.Discard(3)
	}
	return t, nil
}

// maxWindow bounds the memory that an object compressed with Zstandard may claim, in bytes:
// what that format asks all decoders to support, and no more.
const maxWindow = 8 << 20

// decompress reads through the compression of an object, if it has one that the service
// documents. It is told by how the object begins, for no text begins so.
func (t *objectText) decompress() error {
	magic, _ := t.r.Peek(4)
	var plain unpacked
	switch {
	case len(magic) >= 2 && magic[0] == 0x1F && magic[1] == 0x8B:
		z, err := gzip.NewReader(t.r)
		if err != nil {
			return err
		}
		plain = unpacked{z, "GZIP"}
	case string(magic) == "\x28\xB5\x2F\xFD":
		z, err := zstd.NewReader(t.r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return err
		}
		t.zstd, plain = z, unpacked{z, "Zstandard"}
	default:
		return nil
	}
	t.r = bufio.NewReaderSize(plain, 64<<10)
	return nil
}

// unpacked says of its errors that they are those of the compression.
type unpacked struct {
	io.Reader
	form string
}

func (u unpacked) Read(p []byte) (int, error) {
	n, err := u.Reader.Read(p)
	if err != nil && err != io.EOF {
		err = fmt.Errorf("its %s data cannot be read: %w", u.form, err)
	}
	return n, err
}

// storeError is the error of an object that cannot be had, in the words of the SDK that the
// service uses. The sentences are those recorded for aws-sdk:s3 tasks.
func storeError(name string, err error) *Error {
	switch {
	case errors.Is(err, ErrNoObject):
		return NewError(name, "The specified key does not exist. (Service: S3, Status Code: 404)")
	case errors.Is(err, ErrNoBucket):
		return NewError(name, "The specified bucket does not exist (Service: S3, Status Code: 404)")
	}
	return NewError(name, err.Error())
}

// objectList gives the objects of a bucket as items, in the form documented for
// s3:listObjectsV2
// (https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itemreader.html), but
// that LastModified is a double as Java prints it, 1.789180622E9 (floci-io/floci pull request
// 3460, seen on AWS 2026-09).
type objectList struct {
	next func() (ObjectInfo, bool)
	stop func()
	err  error
}

func listObjects(ctx context.Context, s Store, bucket, prefix string) *objectList {
	l := &objectList{}
	l.next, l.stop = iter.Pull(func(yield func(ObjectInfo) bool) {
		l.err = s.List(ctx, bucket, prefix, yield)
	})
	return l
}

var objectShape = value.NewShape([]string{"Etag", "Key", "LastModified", "Size", "StorageClass"})

func (l *objectList) info() (ObjectInfo, error) {
	info, ok := l.next()
	switch {
	case ok:
		return info, nil
	case l.err != nil:
		return info, storeError(ErrorItemReaderFailed, l.err)
	}
	return info, io.EOF
}

func (l *objectList) Next() (value.Value, error) {
	info, err := l.info()
	if err != nil {
		return value.Value{}, err
	}
	modified := value.Int(info.LastModified.Unix())
	if f := modified.Float64(); f >= 1e7 { // which javaLarge demands
		modified, _ = value.Number(javaLarge(f))
	}
	return value.ObjectOf(objectShape, []value.Value{
		value.String(`"` + info.ETag + `"`), value.String(info.Key), modified,
		value.Int(info.Size), value.String("STANDARD"),
	}), nil
}

func (l *objectList) Close() error {
	l.stop()
	return nil
}

// data gives the places of the listed objects that hold data: the empty objects that stand
// for folders do not.
func (l *objectList) data(bucket string) func() (string, string, error) {
	return func() (string, string, error) {
		for {
			info, err := l.info()
			if err != nil || info.Size > 0 || !strings.HasSuffix(info.Key, "/") {
				return bucket, info.Key, err
			}
		}
	}
}

// flattened gives the items of several objects one after the other.
type flattened struct {
	set   *dataSet
	next  func() (bucket, key string, err error)
	close func() error
	now   *sourced
}

func (f *flattened) Next() (Item, error) {
	for {
		if f.now == nil {
			bucket, key, err := f.next()
			if err != nil {
				return Item{}, err
			}
			var e *Error
			if f.now, e = f.set.open(bucket, key); e != nil {
				return Item{}, e
			}
		}
		item, err := f.now.Next()
		if err != io.EOF {
			return item, err
		}
		f.now.Close()
		f.now = nil
	}
}

func (f *flattened) Close() error {
	if f.now != nil {
		f.now.Close()
	}
	return f.close()
}

// lineReader gives the lines of a text, of at most maxItem bytes each.
type lineReader struct {
	r       *bufio.Reader
	buf     []byte
	n       int    // lines so far
	returns bool   // a lone carriage return ends a line, too
	rest    []byte // of what was read, behind a carriage return
}

// next returns the next line without its end. The line is valid until the next call.
func (l *lineReader) next() ([]byte, error) {
	if l.rest != nil {
		return l.cut(l.rest), nil
	}
	line, err := l.r.ReadSlice('\n')
	if err == bufio.ErrBufferFull {
		l.buf = append(l.buf[:0], line...)
		for err == bufio.ErrBufferFull {
			line, err = l.r.ReadSlice('\n')
			if len(l.buf)+len(line) > maxItem {
				return nil, unreadable("line %d has more than %d bytes", l.n+1, maxItem)
			}
			l.buf = append(l.buf, line...)
		}
		line = l.buf
	}
	if err != nil && (err != io.EOF || len(line) == 0) {
		return nil, err
	}
	if n := len(line); line[n-1] == '\n' {
		line = line[:n-1]
		if n > 1 && line[n-2] == '\r' {
			line = line[:n-2]
		}
	}
	return l.cut(line), nil
}

func (l *lineReader) cut(line []byte) []byte {
	l.n++
	l.rest = nil
	if l.returns {
		if i := bytes.IndexByte(line, '\r'); i >= 0 {
			if l.rest = line[i+1:]; len(l.rest) == 0 {
				l.rest = nil // the text ends with it
			}
			return line[:i]
		}
	}
	return line
}
