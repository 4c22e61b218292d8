package calls

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/sfnkit/sfnkit/asl"
	"github.com/sfnkit/sfnkit/asl/value"
	"github.com/sfnkit/sfnkit/emulator"
)

// The statuses in which a customization job can end.
const (
	JobCompleted = "Completed"
	JobFailed    = "Failed"
	JobStopped   = "Stopped"
)

// Job says how a simulated customization job goes.
type Job struct {
	Status         string        // how it ends: JobCompleted if empty, JobFailed or JobStopped
	Duration       time.Duration // from creation to the end; 90 minutes if 0
	FailureMessage string        // of a job that fails
	// Result is a GetModelCustomizationJob response, as the result of the task shows it
	// (PascalCase). If it is Absent, one is derived from the request.
	Result value.Value
}

// pollInterval is how often a job is looked at, in virtual time. The service polls, too
// (its documented policy has no EventBridge rule for Bedrock); how often is not known.
const pollInterval = time.Minute

// Customization simulates bedrock:createModelCustomizationJob, with and without .sync. A
// job is InProgress from its creation until its duration has passed. Completed is the
// result of the task; a job that ends otherwise fails it with States.TaskFailed and the
// description of the job as its cause, as other jobs do.
//
// A derived response has what the request says, the ARNs and times that the service would
// add, and "Simulated": true. It has no metrics, for nothing was trained.
//
// Workflows that ask for themselves how their job does are answered, too: the SDK
// integrations of GetModelCustomizationJob and StopModelCustomizationJob know the last
// ten thousand jobs, by ARN and by name.
func Customization(j Job, next emulator.Caller) emulator.Caller {
	if j.Status == "" {
		j.Status = JobCompleted
	}
	if j.Duration == 0 {
		j.Duration = 90 * time.Minute
	}
	return &customization{job: j, next: or(next), jobs: make(map[string]*simulatedJob)}
}

type customization struct {
	job  Job
	next emulator.Caller

	mu    sync.Mutex
	jobs  map[string]*simulatedJob // by ARN and by execution and name
	known []*simulatedJob
}

const maxJobs = 10000

func (c *customization) Call(ctx context.Context, req *emulator.Request) (emulator.Answer, error) {
	switch r := req.Resource; {
	case r.Service == "bedrock" && r.Kind == asl.Optimized && r.Action == "createModelCustomizationJob":
		return c.create(req)
	case r.Service == "aws-sdk:bedrock" && (r.Action == "getModelCustomizationJob" || r.Action == "stopModelCustomizationJob"):
		id := req.Parameters.Get("JobIdentifier").Str()
		c.mu.Lock()
		s := c.jobs[id]
		if s == nil {
			s = c.jobs[req.Execution.ARN+" "+id]
		}
		c.mu.Unlock()
		if s == nil {
			break
		}
		now := time.UnixMilli(req.Time).UTC()
		if r.Action == "getModelCustomizationJob" {
			out, _, _ := s.at(now)
			return emulator.Answer{Output: out}, nil
		}
		s.stop(now)
		return emulator.Answer{Output: value.EmptyObject}, nil
	}
	return c.next.Call(ctx, req)
}

func (c *customization) create(req *emulator.Request) (emulator.Answer, error) {
	if !req.Parameters.IsObject() {
		return emulator.Answer{}, emulator.NewError("Bedrock.ValidationException", "the parameters of the job are missing")
	}
	s := &simulatedJob{Job: c.job, req: req, created: time.UnixMilli(req.Time).UTC()}
	s.end = s.created.Add(s.Duration)
	s.arn = s.jobARN()
	c.mu.Lock()
	c.known = append(c.known, s)
	c.jobs[s.arn], c.jobs[s.name()] = s, s
	if len(c.known) > maxJobs {
		old := c.known[0]
		c.known = c.known[1:]
		for _, k := range []string{old.arn, old.name()} {
			if c.jobs[k] == old {
				delete(c.jobs, k)
			}
		}
	}
	c.mu.Unlock()
	submitted := value.Object([]string{"JobArn", "Simulated"}, []value.Value{value.String(s.arn), value.True})
	if req.Resource.Pattern == asl.RequestResponse {
		return emulator.Answer{Output: submitted}, nil
	}
	return emulator.Answer{Submitted: submitted, Job: s}, nil
}

type simulatedJob struct {
	Job
	req     *emulator.Request
	created time.Time
	arn     string

	mu  sync.Mutex
	end time.Time
}

func (s *simulatedJob) name() string {
	return s.req.Execution.ARN + " " + s.req.Parameters.Get("JobName").Str()
}

// at describes the job at a time, and says how it ends and how long it goes on.
func (s *simulatedJob) at(now time.Time) (value.Value, string, time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	left := max(0, s.end.Sub(now))
	if left == 0 && !s.Result.IsAbsent() {
		return s.Result, s.Status, 0
	}
	return s.describe(left == 0), s.Status, left
}

func (s *simulatedJob) stop(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Before(s.end) {
		s.end, s.Status, s.Result = now, JobStopped, value.Value{}
	}
}

func (s *simulatedJob) Poll(_ context.Context, now time.Time) (value.Value, time.Duration, error) {
	out, status, left := s.at(now)
	switch {
	case left > 0:
		return value.Value{}, min(left, pollInterval), nil
	case status == JobCompleted:
		return out, 0, nil
	}
	return value.Value{}, 0, emulator.NewError(emulator.ErrorTaskFailed, out.JSON())
}

func (s *simulatedJob) Stop(context.Context) {}

// id is twelve letters and digits that depend on the request alone.
func (s *simulatedJob) id(of string) string {
	sum := sha256.Sum256([]byte(of + "\x00" + s.req.Execution.ARN + "\x00" + s.req.State + "\x00" + fmt.Sprint(s.req.Invocation)))
	const digits = "0123456789abcdefghijklmnopqrstuvwxyz"
	id := make([]byte, 12)
	for i := range id {
		id[i] = digits[int(sum[i])%len(digits)]
	}
	return string(id)
}

func (s *simulatedJob) prefix() string {
	x := s.req.Execution
	return "arn:" + x.Partition + ":bedrock:" + x.Region + ":" + x.Account + ":"
}

// base is the id of the base model, without an ARN's prefix.
func (s *simulatedJob) base() string {
	id := s.req.Parameters.Get("BaseModelIdentifier").Str()
	if _, after, ok := strings.Cut(id, ":foundation-model/"); ok {
		return after
	}
	if _, after, ok := strings.Cut(id, ":custom-model/"); ok {
		after, _, _ = strings.Cut(after, "/")
		return after
	}
	return id
}

func (s *simulatedJob) jobARN() string {
	return s.prefix() + "model-customization-job/" + s.base() + "/" + s.id("job")
}

// describe is the GetModelCustomizationJob response as the request implies it, in
// PascalCase like the results of other integrations.
func (s *simulatedJob) describe(ended bool) value.Value {
	p := s.req.Parameters
	b := value.NewBuilder(24)
	copied := func(from, to string) {
		if v := p.Get(from); !v.IsAbsent() {
			b.Set(to, v)
		}
	}
	const layout = "2006-01-02T15:04:05.000Z"
	status, created, end := "InProgress", value.String(s.created.Format(layout)), value.String(s.end.Format(layout))
	if ended {
		status = s.Status
	}
	b.Set("JobArn", value.String(s.arn))
	copied("JobName", "JobName")
	copied("CustomModelName", "OutputModelName")
	if status == JobCompleted {
		b.Set("OutputModelArn", value.String(s.prefix()+"custom-model/"+s.base()+"/"+s.id("model")))
	}
	copied("ClientRequestToken", "ClientRequestToken")
	copied("RoleArn", "RoleArn")
	b.Set("Status", value.String(status))
	if status == JobFailed {
		b.Set("FailureMessage", value.String(s.FailureMessage))
	}
	b.Set("CreationTime", created)
	if ended {
		b.Set("LastModifiedTime", end)
		b.Set("EndTime", end)
	} else {
		b.Set("LastModifiedTime", created)
	}
	base := p.Get("BaseModelIdentifier").Str()
	if base != "" && !strings.HasPrefix(base, "arn:") {
		base = "arn:" + s.req.Execution.Partition + ":bedrock:" + s.req.Execution.Region + "::foundation-model/" + base
	}
	b.Set("BaseModelArn", value.String(base))
	copied("HyperParameters", "HyperParameters")
	copied("TrainingDataConfig", "TrainingDataConfig")
	copied("ValidationDataConfig", "ValidationDataConfig")
	copied("OutputDataConfig", "OutputDataConfig")
	if v := p.Get("CustomizationType"); !v.IsAbsent() {
		b.Set("CustomizationType", v)
	} else {
		b.Set("CustomizationType", value.String("FINE_TUNING"))
	}
	if k := p.Get("CustomModelKmsKeyId"); strings.HasPrefix(k.Str(), "arn:") {
		b.Set("OutputModelKmsKeyArn", k)
	}
	copied("VpcConfig", "VpcConfig")
	copied("CustomizationConfig", "CustomizationConfig")
	b.Set("Simulated", value.True)
	return b.Object()
}
