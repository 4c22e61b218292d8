package enforcement

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sfnkit/sfnkit/asl"
	"github.com/sfnkit/sfnkit/emulator"
	"github.com/sfnkit/sfnkit/emulator/calls"
	"github.com/sfnkit/sfnkit/policygen"
	"github.com/sfnkit/sfnkit/policygen/account"
	"github.com/sfnkit/sfnkit/policygen/iam"
)

type workflow struct {
	ID, Dir, Kind string
	Context       struct{ Region, Account, Partition, StateMachineName string }
	machine       *asl.StateMachine
	generator     policygen.Options // where they are given
}

// corpus reads the definitions that lie outside of the repository.
func corpus(t *testing.T) []*workflow {
	t.Helper()
	dir := os.Getenv("SFNKIT_SHARED")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared")
	}
	dir = filepath.Join(dir, "corpora", "policies")
	raw, err := os.ReadFile(filepath.Join(dir, "index.json"))
	if err != nil {
		t.Skipf("the shared corpora are not there (%v); set SFNKIT_SHARED", err)
	}
	var all []*workflow
	if err := json.Unmarshal(raw, &all); err != nil {
		t.Fatal(err)
	}
	for _, c := range all {
		raw, err := os.ReadFile(filepath.Join(dir, c.Dir, "definition.json"))
		if err != nil {
			t.Fatal(err)
		}
		if c.machine, err = asl.Parse(raw); err != nil {
			t.Fatalf("%s: %v", c.ID, err)
		}
		if c.Context.StateMachineName == "" {
			c.Context.StateMachineName = "Machine"
		}
		if c.Context.Partition == "" {
			c.Context.Partition = "aws"
		}
	}
	return all
}

func (c *workflow) info() emulator.Info {
	x := c.Context
	return emulator.Info{Partition: x.Partition, Region: x.Region, Account: x.Account, StateMachineName: x.StateMachineName, Name: "run"}
}

func (c *workflow) options() policygen.Options {
	if c.generator.StateMachine != "" {
		return c.generator
	}
	x := c.Context
	return policygen.Options{Partition: x.Partition, Region: x.Region, Account: x.Account, StateMachine: x.StateMachineName}
}

// role returns the authority of an account in which the execution role has a policy.
func (c *workflow) role(t *testing.T, p *iam.Policy) *account.Account {
	t.Helper()
	g := &c.generator
	a, err := account.New(account.Options{Roles: []account.Role{{Policies: []account.Policy{{Document: p}}}}, Hints: g.Hints, InputKey: g.InputKey, OutputKey: g.OutputKey})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// refused asks again for everything and returns the first refusal, "" if there is none.
func refused(a *account.Account, c *workflow, x *exploration) string {
	e := calls.Enforce(calls.Enforcement{Authority: a, AnyModel: true}, emulator.CallerFunc(func(context.Context, *emulator.Request) (emulator.Answer, error) {
		return emulator.Answer{}, nil
	}))
	for _, asked := range x.asked {
		if asked.mapRun != nil {
			if err := e.(emulator.MapRunCaller).CallMapRun(context.Background(), asked.mapRun); err != nil {
				return err.Error()
			}
		} else if _, err := e.Call(context.Background(), asked.call); err != nil && !strings.Contains(err.Error(), "ValidationException") {
			return err.Error()
		}
	}
	machine := "arn:" + c.Context.Partition + ":states:" + c.Context.Region + ":" + c.Context.Account + ":stateMachine:" + c.Context.StateMachineName
	return a.CreateStateMachine(machine, "arn:"+c.Context.Partition+":iam::"+c.Context.Account+":role/workflow", c.machine)
}

// without returns a policy without one action or resource of a statement.
func without(p *iam.Policy, statement, action, resource int) *iam.Policy {
	out := *p
	out.Statements = slices.Clone(p.Statements)
	s := &out.Statements[statement]
	if action >= 0 {
		s.Actions = slices.Delete(slices.Clone(s.Actions), action, action+1)
	} else {
		s.Resources = slices.Delete(slices.Clone(s.Resources), resource, resource+1)
	}
	out.Statements = slices.DeleteFunc(out.Statements, func(s iam.Statement) bool { return len(s.Actions) == 0 || len(s.Resources) == 0 })
	return &out
}

// noEnd lists the workflows that generic data does not take to an end, with the reason.
// Their calls are asked for all the same: those of the states that runs come to, and of the
// others state by state.
var noEnd = map[string]string{
	"distributed-map-inventory": "reads an inventory report, which a generic object is not",
	"serverless-patterns--eventbridge-stepfunction-lambda-getfunctionstatus-template--StepFunction":       "reads lists out of a function's answer that it has passed to the function before",
	"sfn-collection--distributed-batch-import-template--StateMachine":                                     "reads its items from a list within an object, and again from the batches",
	"sfn-collection--shared-fallback-state-jsonata-template--StateMachine":                                "its StartAt names no state, so that it cannot run",
	"sfn-examples--sam-demo-manage-glue-crawlers-with-step-functions-template--StateMachineCreateDataset": "counts in a loop, which the imposed way does not leave",
}

// TestNarrowestAndSufficient runs every workflow of the corpus to its end under the policy
// that is generated for it, and takes every action and every resource out of the policy,
// one at a time: something that the workflow asks for is then refused.
func TestNarrowestAndSufficient(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	var p proof
	for _, c := range corpus(t) {
		p.add(t, c)
	}
	t.Log(p.String())
}

// TestOwnDefinitions does the same with the definitions that policygen is tested with.
func TestOwnDefinitions(t *testing.T) {
	files, err := filepath.Glob("../../policygen/testdata/policies/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal(err, len(files))
	}
	var p proof
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		part := func(name string) []byte {
			_, text, _ := strings.Cut("\n"+string(raw), "\n-- "+name+" --\n")
			text, _, _ = strings.Cut(text, "\n-- ")
			return []byte(text)
		}
		c := &workflow{ID: strings.TrimSuffix(filepath.Base(file), ".txtar")}
		if err := json.Unmarshal(part("options.json"), &c.generator); err != nil {
			t.Fatal(err)
		}
		if c.machine, err = asl.Parse(part("definition.json")); err != nil {
			t.Fatal(err)
		}
		if why := notRun[c.ID]; why != "" {
			t.Logf("%s is not run: %s", c.ID, why)
			continue
		}
		g := &c.generator
		c.Context.Region, c.Context.Account, c.Context.StateMachineName, c.Context.Partition = g.Region, g.Account, g.StateMachine, "aws"
		switch {
		case strings.HasPrefix(g.Region, "us-gov-"):
			c.Context.Partition = "aws-us-gov"
		case strings.HasPrefix(g.Region, "cn-"):
			c.Context.Partition = "aws-cn"
		case strings.HasPrefix(g.Region, "eusc-"):
			c.Context.Partition = "aws-eusc"
		}
		p.add(t, c)
	}
	t.Log(p.String())
}

// notRun lists definitions of policygen's tests that runs cannot prove anything about.
var notRun = map[string]string{
	"bedrock-dynamic-hint": "its data is not what the hint says",
	"bedrock-jsonata":      "generic data takes one side of its condition only",
	"distributed-map":      "RedriveExecution is for redriving, which is no part of a run",
	"observability":        "rights on logs, traces and keys are the service's own use, which is no part of a run",
}

// proof counts what was proven.
type proof struct{ workflows, ended, runs, reached, states, alone, mutants int }

func (p *proof) String() string {
	return fmt.Sprintf("%d workflows, %d of them run to an end; %d of %d ways led to one; %d states asked for something, %d of them tested by themselves; %d parts were taken out of policies",
		p.workflows, p.ended, p.reached, p.runs, p.states, p.alone, p.mutants)
}

func (p *proof) add(t *testing.T, c *workflow) {
	t.Helper()
	generated, err := policygen.Generate(c.machine, c.options())
	if err != nil {
		t.Errorf("%s: %v", c.ID, err)
		return
	}
	policy := generated.Policy()
	a := c.role(t, policy)
	enforcement := calls.Enforcement{Authority: a, AnyModel: true}
	x := explore(c.machine, c.info(), enforcement)
	if strings.Contains(strings.Join(x.stuck, "\n"), "$$.Execution.Id") {
		// Some look into the ARN of an express execution, which is longer.
		info := c.info()
		info.ARN = "arn:" + info.Partition + ":states:" + info.Region + ":" + info.Account + ":express:" + info.StateMachineName + ":run:6e8f1d4c-0000-4000-8000-000000000000"
		if again := explore(c.machine, info, enforcement); again.ended > 0 {
			x = again
		}
	}
	p.workflows++
	p.runs += x.runs
	p.reached += x.ended
	p.states += len(x.visited)
	p.alone += len(x.alone)
	switch why := noEnd[c.ID]; {
	case x.ended > 0:
		p.ended++
		if why != "" {
			t.Errorf("%s comes to an end, though it is listed as one that does not", c.ID)
		}
	case why == "":
		t.Errorf("%s does not come to an end: %v", c.ID, x.stuck)
	default:
		t.Logf("%s does not come to an end: %s", c.ID, why)
	}
	if len(x.alone) > 0 {
		t.Logf("%s: tested by themselves: %q", c.ID, x.alone)
	}
	for s := range c.machine.AllStates {
		if s.Type == asl.TypeTask && !x.visited[s.Name] {
			t.Errorf("%s: what %s calls is not known: %v", c.ID, s.Name, x.stuck)
		}
	}
	if denial := refused(a, c, &x); denial != "" {
		t.Errorf("%s: not sufficient: %s", c.ID, denial)
		return
	}
	for i, s := range policy.Statements {
		for j := range s.Actions {
			p.mutants++
			if refused(c.role(t, without(policy, i, j, -1)), c, &x) == "" {
				t.Errorf("%s: nothing needs %s in %s", c.ID, s.Actions[j], s.Sid)
			}
		}
		for j := range s.Resources {
			// A map run is content with one of the two names of its children.
			own := ":execution:" + c.Context.StateMachineName
			if strings.Contains(s.Resources[j], own+":") || strings.Contains(s.Resources[j], own+"/") {
				continue
			}
			p.mutants++
			if refused(c.role(t, without(policy, i, -1, j)), c, &x) == "" {
				t.Errorf("%s: nothing needs %s in %s", c.ID, s.Resources[j], s.Sid)
			}
		}
	}
}
