package emulator

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/sfnkit/sfnkit/asl"
	"github.com/sfnkit/sfnkit/asl/value"
)

// newResultWriter makes what takes the results of a map run. A ResultWriter with a
// Resource writes them to files in S3; one with nothing but a WriterConfig lays them out
// for the next state.
//
// The layout is that of
// https://docs.aws.amazon.com/step-functions/latest/dg/input-output-resultwriter.html:
// PREFIX/UUID/SUCCEEDED_n.json, FAILED_n.json and PENDING_n.json, each with the children of
// that status (FAILED has those that timed out or were aborted, too, PENDING those that had
// not begun), and PREFIX/UUID/manifest.json, which lists them. As recorded (2026-09,
// published in github.com/radkawar/stackd), the children stand in the order of their items,
// and the nth redrive of the map run writes all that did not succeed, and what has
// succeeded since, to PREFIX/UUID/Redrive-n/, with a manifest that lists all files of those
// that succeeded.
func newResultWriter(ctx context.Context, s Store, r *MapRun) (resultWriter, *Error) {
	w := &layout{}
	cfg := r.Writer.Config
	if cfg != nil {
		w.transformation = cfg.Transformation
		w.lines = cfg.OutputType == "JSONL"
	}
	switch w.transformation {
	case "", "NONE", "COMPACT", "FLATTEN":
	default:
		return nil, unwritable("the Transformation %q is not one of NONE, COMPACT and FLATTEN", w.transformation)
	}
	if cfg != nil && cfg.OutputType != "" && cfg.OutputType != "JSON" && cfg.OutputType != "JSONL" {
		return nil, unwritable("the OutputType %q is neither JSON nor JSONL", cfg.OutputType)
	}
	if r.Writer.Resource == "" {
		return &resultList{layout: w}, nil
	}
	if res := asl.ParseResource(r.Writer.Resource); res.Service != "s3" || res.Action != "putObject" {
		return nil, unwritable("the ResultWriter's Resource %q is not known", r.Writer.Resource)
	}
	if s == nil {
		return nil, unwritable("there is no object store that %s could write to", r.Writer.Resource)
	}
	bucket, prefix := r.Writer.Arguments.Get("Bucket").Str(), r.Writer.Arguments.Get("Prefix").Str()
	if bucket == "" {
		return nil, unwritable("the ResultWriter names no Bucket")
	}
	if prefix != "" && !strings.HasSuffix(prefix, "/") {
		prefix += "/"
	}
	return &resultFiles{
		layout: w, ctx: ctx, store: s, bucket: bucket, run: r, limit: maxResultFile,
		folder:    prefix + r.ARN[strings.LastIndexByte(r.ARN, ':')+1:] + "/",
		succeeded: &resultFile{status: "SUCCEEDED"}, failed: &resultFile{status: "FAILED"}, waiting: &resultFile{status: "PENDING"},
	}, nil
}

func unwritable(format string, args ...any) *Error {
	return NewError(ErrorResultWriterFailed, fmt.Sprintf(format, args...))
}

// layout says what is written of a child execution.
type layout struct {
	transformation string
	lines          bool
}

// records gives what is written of a child execution: a description of it, its output, or
// the elements of its output. One that failed is always described.
func (w *layout) records(x *Execution) []value.Value {
	if x.Status() == Succeeded {
		switch out := x.Output(); {
		case w.transformation == "FLATTEN" && out.IsArray():
			return out.Elems()
		case w.transformation == "FLATTEN", w.transformation == "COMPACT":
			return []value.Value{out}
		}
	}
	return []value.Value{describe(x)}
}

var included = value.MustParse(`{"Included":true}`)

// describe describes a child execution as the exported files do, members by name. Only
// those that succeeded have an Output, only the others an Error and a Cause. Nothing tells
// of an express one whether it can be redriven, and when it was.
func describe(x *Execution) value.Value {
	b := value.NewBuilder(16)
	text := func(name, s string) { b.Set(name, value.String(s)) }
	info := x.Info()
	_, input := x.Input()
	if err := x.Err(); err != nil {
		if err.Cause != "" {
			text("Cause", err.Cause)
		}
		if err.Name != "" {
			text("Error", err.Name)
		}
	}
	text("ExecutionArn", info.ARN)
	text("Input", input)
	b.Set("InputDetails", included)
	text("Name", info.Name)
	if x.Status() == Succeeded {
		text("Output", x.Output().JSON())
	}
	b.Set("OutputDetails", included)
	b.Set("RedriveCount", value.Int(int64(info.RedriveCount)))
	switch {
	case info.Express:
	default:
		if at := x.Redriven(); at > 0 {
			text("RedriveDate", date(at))
		}
		if x.Status() == Succeeded {
			text("RedriveStatus", "NOT_REDRIVABLE")
			text("RedriveStatusReason", "Execution is SUCCEEDED and cannot be redriven")
		} else {
			text("RedriveStatus", "REDRIVABLE_BY_MAP_RUN")
		}
	}
	text("StartDate", date(x.Started()))
	text("StateMachineArn", info.StateMachineARN)
	text("Status", string(x.Status()))
	text("StopDate", date(x.Stopped()))
	return b.Object()
}

// describePending describes a child execution that has not begun.
func describePending(input value.Value) value.Value {
	return value.ObjectOf(pendingShape, []value.Value{value.String(input.JSON()), included, value.String("PENDING")})
}

func date(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z") }

// resultList lays results out for the next state, in the order of the items.
type resultList struct {
	*layout
	results [][]value.Value
}

func (l *resultList) add(i int, x *Execution) error {
	for len(l.results) <= i {
		l.results = append(l.results, nil)
	}
	l.results[i] = l.records(x)
	return nil
}

func (l *resultList) pending(value.Value) error { return nil }
func (l *resultList) redriven(int)              {}

func (l *resultList) close(context.Context) (value.Value, *Error) {
	var all []value.Value
	for _, r := range l.results {
		all = append(all, r...)
	}
	return value.Array(all), nil
}

// maxResultFile is how large one file of results may become, in bytes: the most that S3
// takes in one request.
const maxResultFile = 5 << 30

// resultFiles writes results to files in S3. What is to be written waits in temporary
// files, so that memory stays constant.
type resultFiles struct {
	*layout
	ctx               context.Context
	store             Store
	bucket, folder    string
	run               *MapRun
	limit             int64
	succeeded, failed *resultFile
	waiting           *resultFile
	any               bool // something has succeeded
	redrive           string
}

// resultFile is the file that is being filled with the children of one status, and those
// that came before it.
type resultFile struct {
	status string
	first  []placed // what has come, as long as it is little
	size   int
	spool  spool
	n      int           // files of the status since the map run began or was redriven
	done   []value.Value // Key and Size, for the manifest
}

// placed is a record with the place of its child.
type placed struct {
	at     int
	record value.Value
}

func (w *resultFiles) redriven(n int) {
	w.redrive = fmt.Sprintf("Redrive-%d/", n)
	w.failed.done, w.waiting.done = nil, nil
	w.succeeded.n, w.failed.n, w.waiting.n = 0, 0, 0
}

func (w *resultFiles) add(i int, x *Execution) error {
	f := w.failed
	if x.Status() == Succeeded {
		f = w.succeeded
		w.any = true
	}
	for _, r := range w.records(x) {
		if err := w.put(f, i, r); err != nil {
			return err
		}
	}
	return nil
}

func (w *resultFiles) pending(input value.Value) error {
	return w.put(w.waiting, 0, describePending(input))
}

// put takes a record. Those of a file stand in the order of their children as far as they
// have come while the file was small.
func (w *resultFiles) put(f *resultFile, at int, r value.Value) error {
	if f.spool.size > 0 {
		return w.write(f, r)
	}
	f.first = append(f.first, placed{at, r})
	if f.size += r.Size() + 2; f.size < maxSpool && int64(f.size) < w.limit {
		return nil
	}
	return w.spill(f)
}

// spill writes what was kept to be put in order.
func (w *resultFiles) spill(f *resultFile) error {
	list := f.first
	f.first, f.size = nil, 0
	slices.SortStableFunc(list, func(a, b placed) int { return a.at - b.at })
	for _, p := range list {
		if err := w.write(f, p.record); err != nil {
			return err
		}
	}
	return nil
}

func (w *resultFiles) write(f *resultFile, r value.Value) error {
	if f.spool.size > 0 && f.spool.size+int64(r.Size())+2 > w.limit {
		if err := w.flush(w.ctx, f); err != nil {
			return err
		}
	}
	sep := ","
	switch {
	case w.lines:
		sep = ""
	case f.spool.size == 0:
		sep = "["
	}
	end := ""
	if w.lines {
		end = "\n"
	}
	return f.spool.write(sep, r, end)
}

// flush puts a file into the store and begins the next one. The types of the contents are
// as recorded.
func (w *resultFiles) flush(ctx context.Context, f *resultFile) error {
	ext := ".json"
	var err error
	switch {
	case w.lines:
		ext = ".jsonl"
	case f.spool.size == 0:
		err = f.spool.write("[]", value.Value{}, "")
	default:
		err = f.spool.write("]", value.Value{}, "")
	}
	if err != nil {
		return err
	}
	key := fmt.Sprintf("%s%s%s_%d%s", w.folder, w.redrive, f.status, f.n, ext)
	body, err := f.spool.reader()
	if err != nil {
		return err
	}
	size := f.spool.size
	err = w.store.Put(ctx, w.bucket, key, "binary/octet-stream", body)
	f.spool.close()
	if err != nil {
		return storeError(ErrorResultWriterFailed, err)
	}
	f.n++
	f.done = append(f.done, value.ObjectOf(fileShape, []value.Value{value.String(key), value.Int(size)}))
	return nil
}

var (
	fileShape     = value.NewShape([]string{"Key", "Size"})
	manifestShape = value.NewShape([]string{"DestinationBucket", "MapRunArn", "ResultFiles"})
	pendingShape  = value.NewShape([]string{"Input", "InputDetails", "Status"})
	filesShape    = value.NewShape([]string{"FAILED", "PENDING", "SUCCEEDED"})
	writtenShape  = value.NewShape([]string{"MapRunArn", "ResultWriterDetails"})
	detailsShape  = value.NewShape([]string{"Bucket", "Key"})
)

func (w *resultFiles) close(ctx context.Context) (value.Value, *Error) {
	fail := func(err error) (value.Value, *Error) {
		if e, ok := err.(*Error); ok {
			return value.Value{}, e
		}
		return value.Value{}, unwritable("%v", err)
	}
	for _, f := range []*resultFile{w.failed, w.waiting, w.succeeded} {
		if err := w.spill(f); err != nil {
			return fail(err)
		}
		// A redrive in which nothing more succeeded says so, as recorded.
		if f.spool.size > 0 || f == w.succeeded && w.any && f.n == 0 && w.redrive != "" {
			if err := w.flush(ctx, f); err != nil {
				return fail(err)
			}
		}
	}
	arn, bucket, key := value.String(w.run.ARN), value.String(w.bucket), w.folder+w.redrive+"manifest.json"
	manifest := value.ObjectOf(manifestShape, []value.Value{bucket, arn, value.ObjectOf(filesShape, []value.Value{
		value.Array(w.failed.done), value.Array(w.waiting.done), value.Array(w.succeeded.done),
	})})
	if err := w.store.Put(ctx, w.bucket, key, "application/octet-stream", bytes.NewReader(manifest.AppendJSON(nil))); err != nil {
		return value.Value{}, storeError(ErrorResultWriterFailed, err)
	}
	return value.ObjectOf(writtenShape, []value.Value{arn, value.ObjectOf(detailsShape, []value.Value{bucket, value.String(key)})}), nil
}

// maxSpool is how much of a file is kept in memory, in bytes.
const maxSpool = 1 << 20

// spool keeps a file that is being written: in memory while it is small, then on disk.
type spool struct {
	size int64
	buf  []byte
	file *os.File
	w    *bufio.Writer

	named bool // the file is still to be removed
}

func (s *spool) write(before string, v value.Value, after string) error {
	start := len(s.buf)
	s.buf = append(s.buf, before...)
	if !v.IsAbsent() {
		s.buf = v.AppendJSON(s.buf)
	}
	s.buf = append(s.buf, after...)
	s.size += int64(len(s.buf) - start)
	if len(s.buf) < maxSpool && s.file == nil {
		return nil
	}
	if s.file == nil {
		f, err := os.CreateTemp("", "results-*")
		if err != nil {
			return err
		}
		// The file has no name from here on, where the system allows that: nothing is left
		// behind even if nobody closes the writer.
		s.named = os.Remove(f.Name()) != nil
		s.file, s.w = f, bufio.NewWriterSize(f, 64<<10)
	}
	_, err := s.w.Write(s.buf)
	s.buf = s.buf[:0]
	return err
}

func (s *spool) reader() (io.Reader, error) {
	if s.file == nil {
		return bytes.NewReader(s.buf), nil
	}
	if err := s.w.Flush(); err != nil {
		return nil, err
	}
	_, err := s.file.Seek(0, io.SeekStart)
	return s.file, err
}

// close forgets what was written.
func (s *spool) close() {
	if s.file != nil {
		s.file.Close()
		if s.named {
			os.Remove(s.file.Name())
		}
	}
	*s = spool{}
}
