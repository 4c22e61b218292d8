package calls

import (
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/sfnkit/sfnkit/asl/bedrock/catalog"
	"github.com/sfnkit/sfnkit/asl/value"
	"github.com/sfnkit/sfnkit/emulator"
)

// Quota bounds the invocations of a model in one account and region. The quotas of a model
// for on-demand, cross-region and global cross-region calls are separate, and so Model is
// the identifier that is called: that of the foundation model or of an inference profile
// (for ARNs, their last part), in which an asterisk stands for any characters. Every
// identifier that it fits has the quota for itself. A bound of 0 is none.
type Quota struct {
	Model        string
	Requests     int64 // per minute
	Tokens       int64 // per minute
	TokensPerDay int64
}

// maxQuota is the largest bound.
const maxQuota = 1e12

// ParseQuota reads a quota as it is given on a command line:
// MODEL=requests:N,tokens:N,tokens-per-day:N, each bound optional. Requests and tokens are
// per minute.
func ParseQuota(s string) (Quota, error) {
	model, bounds, ok := strings.Cut(s, "=")
	q := Quota{Model: model}
	if !ok || model == "" || bounds == "" {
		return q, fmt.Errorf("quota %q is not of the form MODEL=requests:N,tokens:N,tokens-per-day:N", s)
	}
	for _, b := range strings.Split(bounds, ",") {
		name, number, _ := strings.Cut(strings.TrimSpace(b), ":")
		n, err := strconv.ParseInt(number, 10, 64)
		if err != nil || n < 1 || n > maxQuota {
			return q, fmt.Errorf("quota %q: %q has no number from 1 to %d", s, b, int64(maxQuota))
		}
		switch name {
		case "requests":
			q.Requests = n
		case "tokens":
			q.Tokens = n
		case "tokens-per-day":
			q.TokensPerDay = n
		default:
			return q, fmt.Errorf("quota %q: there is no bound %q; the bounds are requests, tokens and tokens-per-day", s, name)
		}
	}
	return q, nil
}

// Quotas counts invocations against quotas, in the time of the calls, which may be virtual.
// It counts all executions that share it.
//
// A minute is taken as the 60 seconds before a call, a day as the 24 hours: how the service
// lays them is not documented. Calls that are refused do not count. As the service's guide
// has it, a call first counts with its input and all the output that it asks for
// (max_tokens), and when it has ended with what the model says it used; what was read from
// a cache does not count. That the output of some models counts several times is left out.
// The input is estimated as one token for four bytes of the body's text, which holds for
// English; the answer corrects it.
type Quotas struct {
	quotas []Quota
	mu     sync.Mutex
	uses   map[quotaKey]*window
}

// NewQuotas returns counters at zero.
func NewQuotas(quotas ...Quota) *Quotas {
	return &Quotas{quotas: quotas, uses: map[quotaKey]*window{}}
}

type quotaKey struct {
	quota           int
	account, region string
	model           string
}

const (
	minute = 60 * 1000
	day    = 24 * 60 * minute
)

// What the service says.
const (
	tooManyRequests = "Too many requests, please wait before trying again."
	tooManyTokens   = "Too many tokens, please wait before trying again."
	tooManyToday    = "Too many tokens per day, please wait before trying again."
)

// use is one invocation.
type use struct {
	at       int64 // milliseconds since 1970
	reserved int64 // tokens, until it has ended
	ended    int64
	tokens   int64 // from then on
}

func (u *use) tokensAt(now int64) int64 {
	if now < u.ended {
		return u.reserved
	}
	return u.tokens
}

// window is the invocations that still count, in the order in which they were made. Those
// older than a minute are joined to their sum, by the hour, as only the day's bound asks.
type window struct {
	uses  []*use
	hours []hour
}

type hour struct{ from, tokens int64 }

// counted is what a call has taken of all quotas that bound it.
type counted struct {
	q    *Quotas
	uses []*use
}

// take counts a call, or says which quota is used up.
func (q *Quotas) take(m *modelCall) (*counted, string) {
	id, now := m.id.Name, m.req.Time
	x := &m.req.Execution
	q.mu.Lock()
	defer q.mu.Unlock()
	tokens := reserve(m)
	c := &counted{q: q}
	var windows []*window
	for i := range q.quotas {
		quota := &q.quotas[i]
		if !matches(quota.Model, id) {
			continue
		}
		key := quotaKey{i, x.Account, x.Region, id}
		w := q.uses[key]
		if w == nil {
			if len(q.uses) >= maxWindows {
				q.sweep(now)
			}
			w = &window{}
			q.uses[key] = w
		}
		w.forget(now)
		requests, inMinute, inDay := w.sum(now)
		switch {
		case quota.Requests > 0 && requests+1 > quota.Requests:
			return nil, tooManyRequests
		case quota.Tokens > 0 && inMinute+tokens > quota.Tokens:
			return nil, tooManyTokens
		case quota.TokensPerDay > 0 && inDay+tokens > quota.TokensPerDay:
			return nil, tooManyToday
		}
		windows = append(windows, w)
	}
	for _, w := range windows {
		u := &use{at: now, reserved: tokens, ended: now, tokens: tokens}
		w.uses = append(w.uses, u)
		c.uses = append(c.uses, u)
	}
	return c, ""
}

// maxWindows is how many identifiers are counted before those are looked for that no
// longer need to be: identifiers may come from the data of executions.
const maxWindows = 4096

// sweep forgets the identifiers without invocations that count, and all of them if there
// are too many that have.
func (q *Quotas) sweep(now int64) {
	for key, w := range q.uses {
		if w.forget(now); len(w.uses)+len(w.hours) == 0 {
			delete(q.uses, key)
		}
	}
	if len(q.uses) >= maxWindows {
		clear(q.uses)
	}
}

// forget drops what no longer counts.
func (w *window) forget(now int64) {
	n := 0
	for n < len(w.uses) && w.uses[n].at <= now-minute {
		u := w.uses[n]
		from := u.at - u.at%(60*minute)
		if last := len(w.hours) - 1; last >= 0 && w.hours[last].from == from {
			w.hours[last].tokens += u.tokens
		} else {
			w.hours = append(w.hours, hour{from, u.tokens})
		}
		n++
	}
	w.uses = w.uses[n:]
	n = 0
	for n < len(w.hours) && w.hours[n].from <= now-day {
		n++
	}
	w.hours = w.hours[n:]
}

func (w *window) sum(now int64) (requests, inMinute, inDay int64) {
	for _, u := range w.uses {
		// Another execution with a clock of its own may be ahead.
		if u.at <= now {
			requests++
			inMinute += u.tokensAt(now)
		}
	}
	inDay = inMinute
	for _, h := range w.hours {
		inDay += h.tokens
	}
	return requests, inMinute, inDay
}

// settle replaces the tokens that a call asked for by those that it used.
func (c *counted) settle(m *modelCall, a emulator.Answer, err error) {
	used, ok := usedTokens(m, a.Output)
	if err != nil {
		used, ok = 0, true // nothing was generated
	}
	if !ok {
		return
	}
	c.q.mu.Lock()
	defer c.q.mu.Unlock()
	for _, u := range c.uses {
		u.ended, u.tokens = u.at+a.Delay.Milliseconds(), used
	}
}

// reserve is what a call counts with when it is made.
func reserve(m *modelCall) int64 {
	p := m.req.Parameters
	body := bodyOf(p.Get("Body"))
	var asked value.Value
	if m.req.Resource.Action == "converse" {
		body = p.Without("ModelId")
		asked = at(p, "InferenceConfig.MaxTokens")
	} else if known := catalog.FindModel(m.model); known != nil && known.Family.MaxTokens != "" {
		asked = at(body, known.Family.MaxTokens)
	}
	bytes := 0
	if body.IsString() {
		bytes = len(body.Str())
	} else if !body.IsAbsent() {
		bytes = len(body.JSON())
	}
	tokens := int64(bytes+3) / 4
	if n, ok := asked.Int64(); ok && n > 0 && n <= maxQuota {
		tokens += n
	}
	return max(tokens, 1)
}

// usedTokens is what the model says that a call used. ok is false if it does not.
func usedTokens(m *modelCall, output value.Value) (tokens int64, ok bool) {
	var in, out, written value.Value
	if m.req.Resource.Action == "converse" {
		in, out, written = at(output, "Usage.InputTokens"), at(output, "Usage.OutputTokens"), at(output, "Usage.CacheWriteInputTokens")
	} else {
		known := catalog.FindModel(m.model)
		if known == nil {
			return 0, false
		}
		body, usage := bodyOf(output.Get("Body")), known.Family.Usage
		get := func(o catalog.Output) value.Value {
			if o.IsZero() {
				return value.Value{}
			}
			return at(body, strings.TrimPrefix(o.Path(""), "."))
		}
		in, out, written = get(usage.Input), get(usage.Output), get(usage.CacheWrite)
	}
	for _, v := range []value.Value{in, out, written} {
		if n, is := v.Int64(); is && n >= 0 && n <= maxQuota {
			tokens, ok = tokens+n, true
		}
	}
	return tokens, ok
}

// bodyOf is a body as JSON: SDK integrations have it as text.
func bodyOf(v value.Value) value.Value {
	if v.IsString() {
		if parsed, err := value.ParseString(v.Str()); err == nil {
			return parsed
		}
	}
	return v
}

// at returns the member at a dotted name.
func at(v value.Value, name string) value.Value {
	for part := range strings.SplitSeq(name, ".") {
		v = v.Get(part)
	}
	return v
}
