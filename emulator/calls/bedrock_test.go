package calls_test

import (
	"testing"
	"time"

	"github.com/sfnkit/sfnkit/asl/value"
	"github.com/sfnkit/sfnkit/emulator/calls"
)

const (
	train     = "arn:aws:states:::bedrock:createModelCustomizationJob"
	trainSync = train + ".sync"
)

const tuning = `{"JobName": "tune", "CustomModelName": "mine", "RoleArn": "arn:aws:iam::111122223333:role/r",
  "BaseModelIdentifier": "amazon.nova-lite-v1:0:300k", "HyperParameters": {"epochCount": "2"},
  "TrainingDataConfig": {"S3Uri": "s3://b/train.jsonl"}, "OutputDataConfig": {"S3Uri": "s3://b/out/"}}`

func TestCustomization(t *testing.T) {
	description := func(status, more string) string {
		return `{"JobArn":"arn:aws:bedrock:eu-west-1:111122223333:model-customization-job/amazon.nova-lite-v1:0:300k/1vsw184225j4",` +
			`"JobName":"tune","OutputModelName":"mine",` + more + `"RoleArn":"arn:aws:iam::111122223333:role/r","Status":"` + status + `",`
	}
	const rest = `"CreationTime":"2026-01-01T00:00:00.000Z","LastModifiedTime":"2026-01-01T01:30:00.000Z","EndTime":"2026-01-01T01:30:00.000Z",` +
		`"BaseModelArn":"arn:aws:bedrock:eu-west-1::foundation-model/amazon.nova-lite-v1:0:300k","HyperParameters":{"epochCount":"2"},` +
		`"TrainingDataConfig":{"S3Uri":"s3://b/train.jsonl"},"OutputDataConfig":{"S3Uri":"s3://b/out/"},"CustomizationType":"FINE_TUNING","Simulated":true}`
	for _, test := range []struct {
		name string
		job  calls.Job
		want string
	}{
		{"completed", calls.Job{}, description("Completed", `"OutputModelArn":"arn:aws:bedrock:eu-west-1:111122223333:custom-model/amazon.nova-lite-v1:0:300k/xm9kkd78gwv8",`) + rest},
		{"failed", calls.Job{Status: calls.JobFailed, FailureMessage: "no data"},
			`error ` + failed(description("Failed", "")+`"FailureMessage":"no data",`+rest)},
		{"stopped", calls.Job{Status: calls.JobStopped}, `error ` + failed(description("Stopped", "")+rest)},
		{"recorded", calls.Job{Result: value.MustParse(`{"Status": "Completed"}`)}, `{"Status":"Completed"}`},
	} {
		c := calls.Customization(test.job, echo)
		req := request("Train", trainSync, tuning, 0)
		a, err := c.Call(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, test.name+": submitted", a.Submitted, `{"JobArn":"arn:aws:bedrock:eu-west-1:111122223333:model-customization-job/amazon.nova-lite-v1:0:300k/1vsw184225j4","Simulated":true}`)
		now := time.UnixMilli(req.Time).UTC()
		polls := 0
		for {
			out, again, err := a.Job.Poll(t.Context(), now)
			if again == 0 {
				a.Output = out
				equal(t, test.name, show(a, err), test.want)
				break
			}
			now = now.Add(again)
			polls++
		}
		if polls != 90 || now.Sub(time.UnixMilli(req.Time)) != 90*time.Minute {
			t.Errorf("%s: %d polls until %v", test.name, polls, now)
		}
		equal(t, test.name+" without .sync", call(t, c, request("Train", train, tuning, 0)), a.Submitted)
		equal(t, test.name+" elsewhere", call(t, c, request("Ask", "arn:aws:states:::bedrock:invokeModel", `{"a":1}`, 0)), `["next",{"a":1}]`)
	}
}

// failed is the error of a job as a Catch gets it.
func failed(description string) string {
	return value.Object([]string{"Error", "Cause"}, []value.Value{value.String("States.TaskFailed"), value.String(description)}).JSON()
}

// TestCustomizationLoop asks for the status as a workflow does that has no .sync.
func TestCustomizationLoop(t *testing.T) {
	c := calls.Customization(calls.Job{Duration: time.Hour}, echo)
	a, err := c.Call(t.Context(), request("Train", train, tuning, 0))
	if err != nil {
		t.Fatal(err)
	}
	arn := a.Output.Get("JobArn").JSON()
	get := func(identifier string, after time.Duration) string {
		req := request("Look", "arn:aws:states:::aws-sdk:bedrock:getModelCustomizationJob", `{"JobIdentifier": `+identifier+`}`, 0)
		req.Time += after.Milliseconds()
		a, err := c.Call(t.Context(), req)
		if err != nil {
			return err.Error()
		}
		return a.Output.Get("Status").Str() + a.Output.Get("EndTime").Str()
	}
	equal(t, "at first", get(arn, 0), "InProgress")
	equal(t, "by name", get(`"tune"`, 59*time.Minute), "InProgress")
	equal(t, "in the end", get(arn, time.Hour), "Completed2026-01-01T01:00:00.000Z")
	equal(t, "another job", get(`"none"`, 0), "")

	a, err = c.Call(t.Context(), request("Train", train, tuning, 1))
	if err != nil {
		t.Fatal(err)
	}
	arn = a.Output.Get("JobArn").JSON()
	stop := request("Stop", "arn:aws:states:::aws-sdk:bedrock:stopModelCustomizationJob", `{"JobIdentifier": `+arn+`}`, 0)
	stop.Time += 1000
	equal(t, "stopping", call(t, c, stop), "{}")
	equal(t, "stopped", get(arn, time.Minute), "Stopped2026-01-01T00:00:01.000Z")
	equal(t, "still in progress", get(arn, 0), "InProgress")
}
