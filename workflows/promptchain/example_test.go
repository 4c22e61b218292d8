package promptchain_test

import (
	"context"
	"fmt"
	"log"

	"github.com/sfnkit/sfnkit/asl/value"
	"github.com/sfnkit/sfnkit/emulator"
	"github.com/sfnkit/sfnkit/emulator/calls"
	"github.com/sfnkit/sfnkit/workflows/promptchain"
)

// The workflow runs without an account against the answers beside it.
func Example() {
	machine, err := emulator.Compile(promptchain.Definition().MustBuild())
	if err != nil {
		log.Fatal(err)
	}
	answers, err := calls.LoadResponses("responses.json", "promptchain", "Answers")
	if err != nil {
		log.Fatal(err)
	}
	input := value.MustParse(`{"prompt_one": "Name a town.", "prompt_two": "Who is the detective?", "prompt_three": "Begin the story."}`)
	result, err := emulator.Run(context.Background(), machine, input, emulator.Options{Caller: calls.Recorded(answers, nil)})
	if err != nil {
		log.Fatal(err)
	}
	output := result.Execution.Output()
	fmt.Println(result.Execution.Status())
	fmt.Println(output.Get("result_two").Get("result_two").Str())
	fmt.Println(output.Get("result_three").Get("result_three").Str())
	// Output:
	// SUCCEEDED
	// Ida Brandt, the retired ferry keeper, who knows by the sound of the chain who crosses the river.
	// On the night the chain sang twice after dark, Ida Brandt put down her tea, counted the seconds, and knew that whoever had crossed had not crossed alone.
}
