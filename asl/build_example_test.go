package asl_test

import (
	"fmt"

	"github.com/sfnkit/sfnkit/asl"
)

// A definition is made of states, which are linked by Chain and Next and described by
// methods with the names of their fields.
func Example() {
	greet := asl.Pass("Greet").
		Parameters(asl.Object{"greeting": asl.States.Format("Dear {}", asl.Path("$.name"))}).
		ResultPath("$.letter")
	send := asl.Task("Send", asl.ServiceARN("sqs", "sendMessage", asl.RequestResponse)).
		Parameters(asl.Object{"QueueUrl": asl.Path("$.queue"), "MessageBody": asl.Path("$.letter")}).
		Retry(asl.RetryOn(asl.StatesTaskFailed).IntervalSeconds(2).FullJitter())

	m, err := asl.Define(asl.Chain(greet, send)).Comment("Sends a letter").Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s", asl.Print(m))
	// Output:
	// {
	//   "Comment": "Sends a letter",
	//   "StartAt": "Greet",
	//   "States": {
	//     "Greet": {
	//       "Type": "Pass",
	//       "Parameters": {
	//         "greeting.$": "States.Format('Dear {}', $.name)"
	//       },
	//       "ResultPath": "$.letter",
	//       "Next": "Send"
	//     },
	//     "Send": {
	//       "Type": "Task",
	//       "Resource": "arn:aws:states:::sqs:sendMessage",
	//       "Parameters": {
	//         "MessageBody.$": "$.letter",
	//         "QueueUrl.$": "$.queue"
	//       },
	//       "Retry": [
	//         {
	//           "ErrorEquals": [
	//             "States.TaskFailed"
	//           ],
	//           "IntervalSeconds": 2,
	//           "JitterStrategy": "FULL"
	//         }
	//       ],
	//       "End": true
	//     }
	//   }
	// }
}

// States can be linked backwards, which makes a loop.
func ExampleChoice() {
	look := asl.Task("Look", asl.SDKServiceARN("bedrock", "getModelCustomizationJob", asl.RequestResponse)).
		Arguments(asl.Object{"JobIdentifier": asl.Expr("$states.input.job")}).
		Output(asl.Object{"job": asl.Expr("$states.input.job"), "status": asl.Expr("$states.result.Status")})
	sleep := asl.Wait("Sleep", asl.Seconds(60)).Next(look)
	look.Next(asl.Choice("Ready?").
		When(asl.Expr("$states.input.status = 'InProgress'"), sleep).
		When(asl.Expr("$states.input.status = 'Completed'"), asl.Succeed("Done")).
		Otherwise(asl.Fail("Failed").Error("JobFailed").CauseFrom(asl.Expr("'the job is ' & $states.input.status"))))

	m := asl.Define(look).QueryLanguage(asl.JSONata).MustBuild()
	for _, s := range m.States {
		fmt.Println(s.Type, s.Name)
	}
	fmt.Println(m.State("Ready?").Choices[0].Condition)
	// Output:
	// Task Look
	// Choice Ready?
	// Wait Sleep
	// Succeed Done
	// Fail Failed
	// "{% $states.input.status = 'InProgress' %}"
}

// Build reports everything that is wrong, with the state and the field.
func ExampleDefinition_Build() {
	_, err := asl.Define(asl.Chain(
		asl.Succeed("Early"),
		asl.Task("Call", "bedrock:invokeModel").
			Parameters(asl.Object{"Body": asl.Object{"prompt": asl.Expr("$states.input.prompt")}}).
			Output(asl.Object{}).
			Retry(asl.RetryOn(asl.StatesALL, "Other").MaxDelaySeconds(1)),
	)).Build()
	fmt.Println(err)

	_, err = asl.Define(asl.Chain(asl.Pass("A").Parameters(asl.Object{"x.$": 5}), asl.Pass("A"))).Build()
	fmt.Println(err)
	// Output:
	// state "Early": Next: a Succeed state has no Next: nothing can follow it in a chain
	// state "Call": Resource: "bedrock:invokeModel" is not the ARN of a service integration, a function or an activity
	// state "Call": Parameters.Body.prompt: JSONata expression "$states.input.prompt" in a JSONPath state: use a Path, or set QueryLanguage(asl.JSONata)
	// state "Call": Output: a Task state has no such field in JSONPath
	// state "Call": Retry[0].MaxDelaySeconds: 1 is not above the interval of 1 seconds
	// state "Call": Retry[0].ErrorEquals: States.ALL must stand alone and in the last place
	// state "A": Parameters.x.$: must be a path or an intrinsic call, as its name ends in .$
	// state "A": another state has the same name
}

// Lists, structs with json tags and literals are templates as they are.
func ExamplePath() {
	type message struct {
		Role    string `json:"role"`
		Content any    `json:"content"`
	}
	m := asl.Define(asl.Pass("Ask").Parameters(asl.Object{
		"messages": []message{{"user", asl.Path("$.question")}, {"assistant", "Well,"}},
		"names":    []any{asl.Path("$.first"), "and", asl.Path("$.second")},
		"run":      asl.Path("$$.Execution.Name"),
		"limit":    250,
	})).MustBuild()
	fmt.Printf("%s\n", m.States[0].Parameters.AppendIndent(nil, "  "))
	// Output:
	// {
	//   "limit": 250,
	//   "messages": [
	//     {
	//       "role": "user",
	//       "content.$": "$.question"
	//     },
	//     {
	//       "role": "assistant",
	//       "content": "Well,"
	//     }
	//   ],
	//   "names.$": "States.Array($.first, 'and', $.second)",
	//   "run.$": "$$.Execution.Name"
	// }
}

func ExampleMap() {
	count := asl.Pass("Count").Parameters(asl.Object{"words": asl.States.ArrayLength(asl.States.StringSplit(asl.Path("$.text"), " "))})
	m := asl.Define(asl.Map("Each document", count).
		ItemsPath("$.documents").
		ItemSelector(asl.Object{"text": asl.Path("$$.Map.Item.Value")}).
		MaxConcurrency(5)).MustBuild()
	s := m.States[0]
	fmt.Println(s.ItemProcessor.ProcessorConfig.Mode, s.MaxConcurrency, s.ItemProcessor.States[0].Parameters)
	// Output: INLINE 5 {"words.$":"States.ArrayLength(States.StringSplit($.text, ' '))"}
}
