package emulator_test

import (
	"context"
	"fmt"
	"log"

	"github.com/sfnkit/sfnkit/asl"
	"github.com/sfnkit/sfnkit/asl/value"
	"github.com/sfnkit/sfnkit/emulator"
)

func ExampleRun() {
	def, err := asl.Parse([]byte(`{
	  "StartAt": "Ask",
	  "States": {
	    "Ask": {
	      "Type": "Task",
	      "Resource": "arn:aws:states:::bedrock:invokeModel",
	      "Parameters": {"ModelId": "amazon.nova-lite-v1:0", "Body": {"messages.$": "$.messages"}},
	      "Retry": [{"ErrorEquals": ["Bedrock.ThrottlingException"], "IntervalSeconds": 30}],
	      "ResultSelector": {"text.$": "$.Body.output.message.content[0].text"},
	      "End": true
	    }
	  }
	}`))
	if err != nil {
		log.Fatal(err)
	}
	m, err := emulator.Compile(def)
	if err != nil {
		log.Fatal(err)
	}
	model := emulator.CallerFunc(func(_ context.Context, req *emulator.Request) (emulator.Answer, error) {
		if req.Attempt == 0 {
			return emulator.Answer{}, emulator.NewError("Bedrock.ThrottlingException", "Too many requests")
		}
		return emulator.Answer{Output: value.MustParse(`{"Body":{"output":{"message":{"content":[{"text":"Hello!"}]}}}}`)}, nil
	})
	input := value.MustParse(`{"messages":[]}`)
	r, err := emulator.Run(context.Background(), m, input, emulator.Options{Caller: model})
	if err != nil {
		log.Fatal(err)
	}
	x := r.Execution
	fmt.Println(x.Status(), x.Output(), "after", (x.Stopped()-x.Started())/1000, "s")
	for e := range x.History().All {
		fmt.Println(e.ID, e.Type)
	}
	// Output:
	// SUCCEEDED {"text":"Hello!"} after 30 s
	// 1 ExecutionStarted
	// 2 TaskStateEntered
	// 3 TaskScheduled
	// 4 TaskStarted
	// 5 TaskFailed
	// 6 TaskScheduled
	// 7 TaskStarted
	// 8 TaskSucceeded
	// 9 TaskStateExited
	// 10 ExecutionSucceeded
}
