package emulatortest_test

import (
	"fmt"
	"testing"

	"github.com/sfnkit/sfnkit/emulator/emulatortest"
)

// t is what go test hands to a test; here it prints what is reported.
var t testing.TB = new(printer)

type printer struct{ recorder }

func (*printer) Error(args ...any) { fmt.Println(args...) }

func Example() {
	m := emulatortest.Load(t, "testdata/orders.asl.yaml")
	x := emulatortest.Runner{Definition: m, File: "orders.asl.yaml"}.Run(t, `{"amount": 12}`,
		emulatortest.Throw("Charge", "Busy", "").Attempt(0),
		emulatortest.Return("Charge", `{"paid": true}`))
	x.Want().
		Succeeded().
		Path("Charge", "Paid?", "Done").
		Calls("Charge", 2).
		Output(`{"amount": 12, "charge": {"paid": "twice"}}`)
	// Output:
	// output: at /charge/paid: want "twice", got true
	//   set by state "Charge" (orders.asl.yaml:3:3)
}

func ExampleMock_When() {
	m := emulatortest.Load(t, "testdata/orders.asl.yaml")
	x := emulatortest.Run(t, m, `{"amount": 1000}`,
		emulatortest.Throw("Charge", "Declined", "too much").When("amount > 100"))
	x.Want().Failed("Declined").Path("Charge", "Refused")
	fmt.Println(x.Execution.Err())
	// Output: Declined: too much
}
