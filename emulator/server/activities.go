package server

import (
	"context"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"github.com/sfnkit/sfnkit/asl/value"
	"github.com/sfnkit/sfnkit/emulator"
)

// activity is a queue of tasks between executions and workers. A worker that finds
// nothing waits on its own request's goroutine; no other goroutine is involved.
type activity struct {
	seq        int64
	arn, name  string
	created    int64
	encryption *types.EncryptionConfiguration

	mu      sync.Mutex
	tasks   []activityTask // first in, first out
	waiting []*worker      // likewise
}

func (a *activity) order() int64 { return a.seq }

type activityTask struct {
	token string
	input string
}

type worker struct {
	task chan activityTask // has room for one
}

// put gives a task to the worker that has waited longest, or keeps it.
func (a *activity) put(t activityTask) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.waiting) > 0 {
		w := a.waiting[0]
		a.waiting[0] = nil
		a.waiting = a.waiting[1:]
		w.task <- t
		return
	}
	a.tasks = append(a.tasks, t)
}

// maxWorkers is how many workers may wait for tasks of one activity at once.
const maxWorkers = 1000

// take returns a task, or a place in the line of workers.
func (a *activity) take() (activityTask, *worker, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.tasks) > 0 {
		t := a.tasks[0]
		a.tasks[0] = activityTask{}
		a.tasks = a.tasks[1:]
		return t, nil, nil
	}
	if len(a.waiting) >= maxWorkers {
		return activityTask{}, nil, failure("ActivityWorkerLimitExceeded", "The maximum number of workers concurrently polling for activity tasks (%d) has been reached: '%s'", maxWorkers, a.arn)
	}
	w := &worker{task: make(chan activityTask, 1)}
	a.waiting = append(a.waiting, w)
	return activityTask{}, w, nil
}

// leave takes a worker out of the line. A task that it was given meanwhile goes to
// somebody else.
func (a *activity) leave(w *worker) {
	a.mu.Lock()
	for i, o := range a.waiting {
		if o == w {
			a.waiting = append(a.waiting[:i:i], a.waiting[i+1:]...)
			break
		}
	}
	a.mu.Unlock()
	select {
	case t := <-w.task:
		a.put(t)
	default:
	}
}

const maxActivities = 10000

func (s *Server) createActivity(_ context.Context, in *sfn.CreateActivityInput) (*sfn.CreateActivityOutput, error) {
	if err := checkName(*in.Name); err != nil {
		return nil, err
	}
	if err := checkTags(in.Tags); err != nil {
		return nil, err
	}
	enc, err := s.encryption(in.EncryptionConfiguration)
	if err != nil {
		return nil, err
	}
	if enc == nil {
		enc = &types.EncryptionConfiguration{Type: types.EncryptionTypeAwsOwnedKey}
	}
	arn := s.prefix + "activity:" + *in.Name
	s.mu.Lock()
	defer s.mu.Unlock()
	a, ok := s.activities.get(arn)
	if !ok {
		if len(s.activities.list) >= maxActivities {
			return nil, failure("ActivityLimitExceeded", "The maximum number of activities (%d) has been reached.", maxActivities)
		}
		s.seq++
		a = &activity{seq: s.seq, arn: arn, name: *in.Name, created: now(), encryption: enc}
		s.activities.add(arn, a)
		s.setTags(arn, in.Tags)
	} else if encryptionText(a.encryption) != encryptionText(enc) {
		return nil, failure("ActivityAlreadyExists", "Activity Already Exists: '%s'", arn)
	}
	return &sfn.CreateActivityOutput{ActivityArn: &a.arn, CreationDate: millis(a.created)}, nil
}

func (s *Server) activity(arn string) (*activity, error) {
	if _, err := parseARN(arn, "activity"); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a, ok := s.activities.get(arn)
	if !ok {
		return nil, noActivity(arn)
	}
	return a, nil
}

func (s *Server) describeActivity(_ context.Context, in *sfn.DescribeActivityInput) (*sfn.DescribeActivityOutput, error) {
	a, err := s.activity(*in.ActivityArn)
	if err != nil {
		return nil, err
	}
	return &sfn.DescribeActivityOutput{ActivityArn: &a.arn, Name: &a.name, CreationDate: millis(a.created), EncryptionConfiguration: a.encryption}, nil
}

func (s *Server) deleteActivity(_ context.Context, in *sfn.DeleteActivityInput) (*sfn.DeleteActivityOutput, error) {
	if _, err := parseARN(*in.ActivityArn, "activity"); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.activities.remove(*in.ActivityArn)
	delete(s.tags, *in.ActivityArn)
	return &sfn.DeleteActivityOutput{}, nil
}

func (s *Server) listActivities(_ context.Context, in *sfn.ListActivitiesInput) (*sfn.ListActivitiesOutput, error) {
	after, err := s.unseal(in.NextToken, "activities", 0)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	n := pageLimit(in.MaxResults)
	out := &sfn.ListActivitiesOutput{Activities: []types.ActivityListItem{}}
	for i := s.activities.after(after); i < len(s.activities.list); i++ {
		a := s.activities.list[i]
		if len(out.Activities) == n {
			out.NextToken = s.seal(s.activities.list[i-1].seq, "activities")
			break
		}
		out.Activities = append(out.Activities, types.ActivityListItem{ActivityArn: &a.arn, Name: &a.name, CreationDate: millis(a.created)})
	}
	return out, nil
}

func (s *Server) getActivityTask(ctx context.Context, in *sfn.GetActivityTaskInput) (*sfn.GetActivityTaskOutput, error) {
	a, err := s.activity(*in.ActivityArn)
	if err != nil {
		return nil, err
	}
	end := time.NewTimer(s.opts.Poll)
	defer end.Stop()
	for {
		task, w, err := a.take()
		if err != nil {
			return nil, err
		}
		if w != nil {
			select {
			case task = <-w.task:
			case <-end.C:
			case <-ctx.Done():
			case <-s.ctx.Done():
			}
			if task.token == "" {
				a.leave(w)
				return &sfn.GetActivityTaskOutput{}, nil
			}
		}
		// The execution may have stopped waiting while the task was in the queue.
		if s.engine.ActivityStarted(task.token, aws.ToString(in.WorkerName)) == emulator.TokenTaken {
			return &sfn.GetActivityTaskOutput{TaskToken: &task.token, Input: &task.input}, nil
		}
	}
}

// activityCall puts the task of an activity into its queue.
func (s *Server) activityCall(req *emulator.Request) (emulator.Answer, error) {
	s.mu.Lock()
	a, ok := s.activities.get(req.ARN)
	s.mu.Unlock()
	if !ok {
		return emulator.Answer{}, runtimeError("The activity " + req.ARN + " does not exist.")
	}
	a.put(activityTask{token: req.Token, input: req.Parameters.JSON()})
	return emulator.Answer{Pending: true}, nil
}

// hasActivity reports whether there is an activity.
func (s *Server) hasActivity(arn string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.activities.get(arn)
	return ok
}

// tokenMemory remembers the last task tokens that were given out and the activities that
// they are for ("" for none), to tell a task that has ended from a token that never was.
type tokenMemory struct {
	mu   sync.Mutex
	seen map[string]string
	ring []string
	next int
}

const rememberedTokens = 100000

func (m *tokenMemory) add(token, activity string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.seen == nil {
		m.seen = make(map[string]string)
	}
	if len(m.ring) < rememberedTokens {
		m.ring = append(m.ring, token)
	} else {
		delete(m.seen, m.ring[m.next])
		m.ring[m.next] = token
		m.next = (m.next + 1) % rememberedTokens
	}
	m.seen[token] = activity
}

func (m *tokenMemory) get(token string) (activity string, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	activity, ok = m.seen[token]
	return activity, ok
}

// told is the API's answer to something that a worker told.
func (s *Server) told(token string, st emulator.TokenState) error {
	if st == emulator.TokenTaken {
		return nil
	}
	switch activity, ok := s.tokens.get(token); {
	case !ok:
		return badToken()
	case activity != "": // recorded 2026-09, published in github.com/radkawar/stackd
		return failure("TaskTimedOut", "Task Timed Out: '%s'", activity)
	}
	return failure("TaskTimedOut", "Task Timed Out: 'Provided task does not exist anymore'")
}

func (s *Server) sendTaskSuccess(_ context.Context, in *sfn.SendTaskSuccessInput) (*sfn.SendTaskSuccessOutput, error) {
	v, err := value.ParseString(*in.Output)
	if err != nil {
		if _, ok := s.tokens.get(*in.TaskToken); !ok {
			return nil, badToken()
		}
		return nil, failure("InvalidOutput", "Invalid Output: '%s' is not valid JSON.", *in.Output)
	}
	return &sfn.SendTaskSuccessOutput{}, s.told(*in.TaskToken, s.engine.TaskSucceededWith(*in.TaskToken, v, *in.Output))
}

func (s *Server) sendTaskFailure(_ context.Context, in *sfn.SendTaskFailureInput) (*sfn.SendTaskFailureOutput, error) {
	e := &emulator.Error{Name: aws.ToString(in.Error), Cause: aws.ToString(in.Cause), NoName: in.Error == nil, NoCause: in.Cause == nil}
	return &sfn.SendTaskFailureOutput{}, s.told(*in.TaskToken, s.engine.TaskFailed(*in.TaskToken, e))
}

func (s *Server) sendTaskHeartbeat(_ context.Context, in *sfn.SendTaskHeartbeatInput) (*sfn.SendTaskHeartbeatOutput, error) {
	return &sfn.SendTaskHeartbeatOutput{}, s.told(*in.TaskToken, s.engine.TaskHeartbeat(*in.TaskToken))
}
