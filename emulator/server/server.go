package server

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sfnkit/sfnkit/asl"
	"github.com/sfnkit/sfnkit/asl/value"
	"github.com/sfnkit/sfnkit/emulator"
	"github.com/sfnkit/sfnkit/emulator/calls"
)

// DefaultAddr is where the server listens unless told otherwise: the address of Step
// Functions Local.
const DefaultAddr = "127.0.0.1:8083"

// Options configure a [Server]. The zero Options are usable.
type Options struct {
	Partition string // "" for aws
	Region    string // "" for us-east-1
	Account   string // 12 digits, "" for 123456789012

	Mocks    *calls.MockConfig // selected by "#TestCase" behind the ARN of a state machine
	MockFile *calls.MockFile   // instead of Mocks: looked at whenever a test case is selected
	Store    emulator.Store    // of S3 objects, for item readers and result writers
	Caller   emulator.Caller   // of tasks that neither a mock nor the server answers: calls.S3, say

	// Guard stands before everything that answers tasks, mocks included, and may refuse
	// their calls: see calls.Enforce. nil lets all pass.
	Guard func(next emulator.Caller) emulator.Caller
	// Creation is asked before a state machine is created or updated. It returns why the
	// execution role does not suffice for that, "" if it does; nil lets all pass.
	Creation func(machineARN, roleARN string, definition *asl.StateMachine) (denial string)

	// Faults make requests fail. Tasks that the server answers itself are no requests.
	Faults []Fault

	Virtual  bool // time jumps to the next timer while nothing waits for the outside world
	NoLimits bool // lifts the limits on payload sizes and history length
	// NewMembers lets SDK integrations have members that the emulator does not know.
	NewMembers bool

	// Log takes the execution logs of state machines whose LoggingConfiguration asks for
	// them: one JSON line per event, as in CloudWatch Logs. Its Write is not called
	// concurrently, and it is for it to say that it failed.
	Log io.Writer

	MaxBody        int64         // bytes of a request, 0 for 4 MiB (256 MiB with NoLimits)
	KeepExecutions int           // ended executions that are remembered, 0 for 250,000
	KeepFor        time.Duration // for how long, 0 for 90 days
	// KeepBytes is how much the live heap of the process may take before the oldest ended
	// executions are forgotten in spite of the other two, 0 for no bound.
	KeepBytes int64
	Poll      time.Duration // how long GetActivityTask waits, 0 for 60 s
}

// Server is the API. Its methods are safe for concurrent use.
type Server struct {
	opts   Options
	prefix string // arn:aws:states:us-east-1:123456789012:
	engine *emulator.Engine
	faults []*armedFault
	secret [16]byte // of page tokens
	stalls time.Duration

	ctx  context.Context // ends with the server
	stop context.CancelFunc

	mu         sync.Mutex
	machines   index[*machine]
	executions map[string]*execution
	mapRuns    map[string]*mapRun
	activities index[*activity]
	tags       map[string][]tag
	ended      []*execution // in the order in which they ended
	stale      int          // of them, about so many are not remembered any more
	heap       heapWatch
	open       int // executions of STANDARD state machines that have not ended

	seq int64

	mocks   atomic.Pointer[calls.MockConfig] // nil while Options.MockFile counts
	env     *emulator.Environment            // of executions without a test case
	single  emulator.Caller                  // of states that are tested without a mock
	tokens  tokenMemory
	logLock sync.Mutex
	request atomic.Uint64
}

// New returns a running server. Close it to end its goroutines.
func New(o Options) (*Server, error) {
	def := func(s *string, v string) {
		if *s == "" {
			*s = v
		}
	}
	def(&o.Partition, "aws")
	def(&o.Region, "us-east-1")
	def(&o.Account, "123456789012")
	if len(o.Account) != 12 || strings.Trim(o.Account, "0123456789") != "" {
		return nil, fmt.Errorf("account id %q has not 12 digits", o.Account)
	}
	if o.MaxBody <= 0 {
		if o.MaxBody = 4 << 20; o.NoLimits {
			o.MaxBody = 256 << 20
		}
	}
	if o.KeepExecutions <= 0 {
		o.KeepExecutions = 250000
	}
	if o.KeepFor <= 0 {
		o.KeepFor = 90 * 24 * time.Hour
	}
	if o.Poll <= 0 {
		o.Poll = 60 * time.Second
	}
	if o.Mocks != nil && o.MockFile != nil {
		return nil, errors.New("either Mocks or MockFile can be given")
	}
	var faults []*armedFault
	for _, f := range o.Faults {
		if err := f.check(); err != nil {
			return nil, err
		}
		faults = append(faults, &armedFault{Fault: f})
	}
	s := &Server{
		faults:     faults,
		opts:       o,
		stalls:     stalls,
		prefix:     "arn:" + o.Partition + ":states:" + o.Region + ":" + o.Account + ":",
		executions: make(map[string]*execution),
		mapRuns:    make(map[string]*mapRun),
		tags:       make(map[string][]tag),
	}
	s.mocks.Store(o.Mocks)
	s.env = s.surround(s.caller(), s.hasActivity, nil)
	s.single = s.guarded(emulator.CallerFunc(s.serve))
	s.ctx, s.stop = context.WithCancel(context.Background())
	rand.Read(s.secret[:])
	limits := emulator.DefaultLimits
	if o.NoLimits {
		limits = emulator.Limits{}
	}
	limits.NewMembers = o.NewMembers
	s.engine = emulator.NewEngine(emulator.EngineOptions{Store: o.Store, Virtual: o.Virtual, Limits: &limits})
	return s, nil
}

// caller makes the calls of executions that run in no test case.
func (s *Server) caller() emulator.Caller {
	return s.guarded(s.noting(emulator.CallerFunc(s.serveOrWait)))
}

// SetMocks puts another mock configuration in the place of the present one or of
// Options.MockFile, for the executions that start from now on.
func (s *Server) SetMocks(m *calls.MockConfig) { s.mocks.Store(m) }

// Close ends long polls, timers and calls, and waits until nothing goes on any more or
// ctx ends. Executions stay as they are.
func (s *Server) Close(ctx context.Context) error {
	s.stop()
	return s.engine.Close(ctx)
}

// ListenAndServe serves on a TCP address until ctx ends. See [Server.Serve].
func (s *Server) ListenAndServe(ctx context.Context, addr string) error {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return fmt.Errorf("%w: is another server running on %s?", err, addr)
	}
	return s.Serve(ctx, l)
}

// grace is how long requests, and then the work behind them, may take to end once the
// server is to stop.
const grace = 5 * time.Second

// Serve serves until ctx ends, then lets requests end for a few seconds and closes the
// server and the listener. It returns nil after an orderly stop.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	var silent silentConns
	h := &http.Server{Handler: s, ReadHeaderTimeout: 30 * time.Second, MaxHeaderBytes: 64 << 10, IdleTimeout: 5 * time.Minute, ConnState: silent.note}
	failed := make(chan error, 1)
	go func() { failed <- h.Serve(l) }()
	var err error
	select {
	case err = <-failed:
	case <-ctx.Done():
	}
	s.stop()
	end := func(f func(context.Context) error) error {
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
		defer cancel()
		return f(late)
	}
	silent.close()
	if end(h.Shutdown) != nil {
		h.Close()
	}
	if e := end(s.Close); err == nil {
		err = e
	}
	if errors.Is(err, http.ErrServerClosed) {
		err = nil
	}
	return err
}

// silentConns are the connections on which no request has come yet. Clients open such in
// advance; http.Server.Shutdown would wait for them.
type silentConns struct {
	mu    sync.Mutex
	conns map[net.Conn]bool
	over  bool
}

func (s *silentConns) note(c net.Conn, st http.ConnState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case st != http.StateNew:
		delete(s.conns, c)
	case s.over:
		c.Close()
	default:
		if s.conns == nil {
			s.conns = make(map[net.Conn]bool)
		}
		s.conns[c] = true
	}
}

func (s *silentConns) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
	for c := range s.conns {
		c.Close()
	}
}

const targetPrefix = "AWSStepFunctions."

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header()["X-Amzn-Requestid"] = []string{s.requestID()}
	// A deadline that is not lifted also holds for what net/http reads when a body was left.
	c := http.NewResponseController(w)
	c.SetReadDeadline(time.Now().Add(s.stalls))
	if r.Method != http.MethodPost {
		(&Error{Code: "UnknownOperationException", Status: http.StatusNotFound}).write(w)
		return
	}
	target := r.Header.Get("X-Amz-Target")
	name := strings.TrimPrefix(target, targetPrefix)
	op := operations[name]
	if op == nil || !strings.HasPrefix(target, targetPrefix) {
		(&Error{Code: "UnknownOperationException"}).write(w)
		return
	}
	body, err := s.body(r)
	if err == nil {
		c.SetReadDeadline(time.Time{})
		err = s.fault(name, body)
	}
	if err == nil {
		body, err = op.call(s, withTrace(r.Context(), r), body)
	}
	if err != nil {
		var e *Error
		if !errors.As(err, &e) {
			e = &Error{Code: "InternalFailure", Message: err.Error(), Status: http.StatusInternalServerError}
			if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
				e = &Error{Code: "ServiceUnavailable", Message: "the server is stopping", Status: http.StatusServiceUnavailable}
			}
		}
		if e.Status == http.StatusRequestEntityTooLarge {
			w.Header()["Connection"] = []string{"close"} // what is left of the body is not read
		}
		e.write(w)
		return
	}
	respond(w, http.StatusOK, body, s.stalls)
}

var contentType = []string{"application/x-amz-json-1.0"}

// respond writes an answer. A client that does not read it is waited for as long as stalls
// says, and again for every further part of a long one.
func respond(w http.ResponseWriter, status int, body []byte, stalls time.Duration) {
	h := w.Header()
	h["Content-Type"] = contentType
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	w.WriteHeader(status)
	const short, part = 64 << 10, 1 << 20 // what is short finds room in the buffers of the connection
	if len(body) <= short {
		w.Write(body)
		return
	}
	c := http.NewResponseController(w)
	for len(body) > 0 {
		n := min(len(body), part)
		c.SetWriteDeadline(time.Now().Add(stalls))
		if _, err := w.Write(body[:n]); err != nil {
			return // and the connection ends
		}
		body = body[n:]
	}
	c.Flush()
	c.SetWriteDeadline(time.Time{})
}

// stalls is how long a client may take to send the body of a request, and to read a
// mebibyte of a long answer.
const stalls = time.Minute

// body reads a request. A body that says that it is too long is not read at all, and
// memory is taken only for what has come.
func (s *Server) body(r *http.Request) (b []byte, err error) {
	tooLarge := &Error{Code: "RequestEntityTooLargeException", Status: http.StatusRequestEntityTooLarge,
		Message: fmt.Sprintf("Request size exceeded %d bytes", s.opts.MaxBody)}
	const short = 64 << 10
	n := r.ContentLength
	switch {
	case n > s.opts.MaxBody:
		return nil, tooLarge
	case n >= 0 && n <= short:
		b = make([]byte, n)
		_, err = io.ReadFull(r.Body, b)
	default:
		b, err = io.ReadAll(io.LimitReader(r.Body, s.opts.MaxBody+1))
	}
	if err != nil || n >= 0 && int64(len(b)) != n {
		return nil, failure("SerializationException", "")
	}
	if int64(len(b)) > s.opts.MaxBody {
		return nil, tooLarge
	}
	return b, nil
}

func (s *Server) requestID() string {
	n := s.request.Add(1)
	b := append(make([]byte, 0, 36), "00000000-0000-4000-8000-000000000000"...)
	for i := len(b) - 1; n > 0 && i > 23; i-- {
		b[i] = "0123456789abcdef"[n&15]
		n >>= 4
	}
	return string(b)
}

// operation is one operation of the API.
type operation struct {
	input *shape
	call  func(s *Server, ctx context.Context, body []byte) ([]byte, error)
	// invoke is call with values instead of texts, for aws-sdk:sfn tasks.
	invoke func(s *Server, ctx context.Context, in value.Value) (any, error)
}

// define makes an operation of a function on the SDK's types.
func define[I, O any](name string, f func(*Server, context.Context, *I) (*O, error)) *operation {
	input := inputs[name]
	in, out := planOf(reflect.TypeFor[I]()), planOf(reflect.TypeFor[O]())
	decode := func(s *Server, v value.Value) (*I, error) {
		i := new(I)
		if !v.IsObject() {
			return nil, failure("SerializationException", "Unexpected field type")
		}
		if err := in.decode(v, reflect.ValueOf(i).Elem()); err != nil {
			return nil, err
		}
		c := checker{lifted: s.opts.NoLimits}
		c.check(input, "", v)
		return i, c.err()
	}
	return &operation{
		input: input,
		call: func(s *Server, ctx context.Context, body []byte) ([]byte, error) {
			v := value.EmptyObject
			if len(body) > 0 {
				var err error
				if v, err = value.Parse(body); err != nil {
					return nil, failure("SerializationException", "")
				}
			}
			i, err := decode(s, v)
			if err != nil {
				return nil, err
			}
			o, err := f(s, ctx, i)
			if err != nil {
				return nil, err
			}
			if r, ok := any(o).(interface{ raw() []byte }); ok {
				return r.raw(), nil
			}
			return out.append(make([]byte, 0, 512), reflect.ValueOf(o).Elem()), nil
		},
		invoke: func(s *Server, ctx context.Context, v value.Value) (any, error) {
			i, err := decode(s, v)
			if err != nil {
				return nil, err
			}
			return f(s, ctx, i)
		},
	}
}

// index keeps resources by ARN and in the order in which they were made.
type index[T interface{ order() int64 }] struct {
	byARN  map[string]T
	list   []T
	sorted []string // the ARNs
}

func (x *index[T]) add(arn string, r T) {
	if x.byARN == nil {
		x.byARN = make(map[string]T)
	}
	x.byARN[arn] = r
	x.list = append(x.list, r)
	i, _ := slices.BinarySearch(x.sorted, arn)
	x.sorted = slices.Insert(x.sorted, i, arn)
}

func (x *index[T]) get(arn string) (T, bool) {
	r, ok := x.byARN[arn]
	return r, ok
}

// after returns the place of the first resource made after seq.
func (x *index[T]) after(seq int64) int {
	lo, hi := 0, len(x.list)
	for lo < hi {
		if mid := (lo + hi) / 2; x.list[mid].order() <= seq {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

func (x *index[T]) remove(arn string) {
	r, ok := x.byARN[arn]
	if !ok {
		return
	}
	delete(x.byARN, arn)
	i := x.after(r.order()) - 1
	x.list = append(x.list[:i], x.list[i+1:]...)
	i, _ = slices.BinarySearch(x.sorted, arn)
	x.sorted = slices.Delete(x.sorted, i, i+1)
}
