package suite_test

import (
	"context"
	"log"
	"os"

	"github.com/sfnkit/sfnkit/emulator/suite"
)

// A case that fails tells what is different, and which state made it so.
func Example() {
	file, err := suite.Load("testdata/orders/orders.test.yaml")
	if err != nil {
		log.Fatal(err)
	}
	report, err := suite.Run(context.Background(), []*suite.File{file}, suite.Options{})
	if err != nil {
		log.Fatal(err)
	}
	if err := report.WriteText(os.Stdout, suite.TextOptions{Coverage: true}); err != nil {
		log.Fatal(err)
	}
	// Output:
	// FAIL  testdata/orders/orders.test.yaml  2 cases
	//   FAIL  Declined  (testdata/orders/orders.test.yaml:6:5)
	//     cause: want "too much", got "limit exceeded"
	//       ended in state "Refused" (testdata/orders/workflow.asl.yaml:11:3)
	//       expected by testdata/orders/orders.test.yaml:14:7
	// coverage                           states  transitions  choice rules  retriers  catchers
	// testdata/orders/workflow.asl.yaml  3 of 3  2 of 2       none          none      1 of 1
	// 2 cases: 1 passed, 1 failed
}
