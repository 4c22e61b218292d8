package finetune_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/sfnkit/sfnkit/asl/value"
	"github.com/sfnkit/sfnkit/emulator"
	"github.com/sfnkit/sfnkit/emulator/calls"
	"github.com/sfnkit/sfnkit/workflows/finetune"
)

// Waiting for the deployment takes no time of the test, but shows in the history.
func Example() {
	machine, err := emulator.Compile(finetune.Definition().MustBuild())
	if err != nil {
		log.Fatal(err)
	}
	answers, err := calls.LoadResponses("responses.json", "finetune", "ModelIsReady")
	if err != nil {
		log.Fatal(err)
	}
	input := value.MustParse(`{"train": "s3://example-fine-tuning/train.jsonl", "model": "support-answers", "question": "How do I return a parcel?"}`)
	result, err := emulator.Run(context.Background(), machine, input, emulator.Options{Caller: calls.Recorded(answers, nil)})
	if err != nil {
		log.Fatal(err)
	}
	x := result.Execution
	took := time.Duration(x.Stopped()-x.Started()) * time.Millisecond
	fmt.Println(x.Status(), "after", took.Truncate(time.Minute))
	fmt.Println(x.Output().Get("answer").Str())
	// Output:
	// SUCCEEDED after 2m0s
	// Print the label from your order page and bring the parcel to any shop within 30 days.
}
