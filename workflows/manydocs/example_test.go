package manydocs_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/sfnkit/sfnkit/asl/value"
	"github.com/sfnkit/sfnkit/emulator"
	"github.com/sfnkit/sfnkit/emulator/calls"
	"github.com/sfnkit/sfnkit/workflows/manydocs"
)

// One document is throttled until the other model takes it.
func Example() {
	machine, err := emulator.Compile(manydocs.Definition().MustBuild())
	if err != nil {
		log.Fatal(err)
	}
	answers, err := calls.LoadResponses("responses.json", "manydocs", "OneIsThrottled")
	if err != nil {
		log.Fatal(err)
	}
	text, err := os.ReadFile("input.json")
	if err != nil {
		log.Fatal(err)
	}
	input, err := value.Parse(text)
	if err != nil {
		log.Fatal(err)
	}
	result, err := emulator.Run(context.Background(), machine, input, emulator.Options{Caller: calls.Recorded(answers, nil)})
	if err != nil {
		log.Fatal(err)
	}
	for _, d := range result.Execution.Output().Elems() {
		fmt.Println(d.Get("id").Str(), d.Get("model").Str())
	}
	// Output:
	// minutes us.amazon.nova-lite-v1:0
	// manual us.anthropic.claude-haiku-4-5-20251001-v1:0
	// letter us.anthropic.claude-haiku-4-5-20251001-v1:0
	// forecast us.anthropic.claude-haiku-4-5-20251001-v1:0
	// 会議録 us.anthropic.claude-haiku-4-5-20251001-v1:0
}
