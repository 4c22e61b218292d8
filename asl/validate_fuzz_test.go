package asl_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sfnkit/sfnkit/asl"
)

func TestHostileDefinitions(t *testing.T) {
	var chain, choices, variables, nested strings.Builder
	chain.WriteString(`{"StartAt":"S0","States":{`)
	variables.WriteString(`{"StartAt":"S0","States":{`)
	for i := range 10_000 {
		fmt.Fprintf(&chain, `"S%d":{"Type":"Task","Resource":"arn:aws:states:::bedrok:invokeModel","Next":"T%d"},`, i, i)
		if i < 5_000 {
			fmt.Fprintf(&variables, `"S%d":{"Type":"Pass","Assign":{"v%d.$":"$w%d"},"Next":"S%d"},`, i, i, i, i+1)
		}
	}
	chain.WriteString(`"End":{"Type":"Succeed"}}}`)
	variables.WriteString(`"S5000":{"Type":"Succeed"}}}`)
	choices.WriteString(`{"StartAt":"C","States":{"C":{"Type":"Choice","Choices":[`)
	for range 15_000 {
		choices.WriteString(`{"Variable":"$.a","StringEqualz":"b","Next":"Nowhere"},`)
	}
	choices.WriteString(`{"Variable":"$.a","IsNull":true,"Next":"D"}]},"D":{"Type":"Fail"}}}`)
	const levels = 240
	for i := range levels {
		fmt.Fprintf(&nested, `{"StartAt":"P%d","States":{"P%d":{"Type":"Parallel","End":true,"Branches":[`, i, i)
	}
	nested.WriteString(`{"StartAt":"X","States":{`)
	for i := range 6_000 {
		fmt.Fprintf(&nested, `"X%d":{"Type":"Pass","Nothing":%d},`, i, i)
	}
	nested.WriteString(`"X":{"Type":"Pass","End":true}}}`)
	nested.WriteString(strings.Repeat(`]}}}`, levels))
	var members strings.Builder
	members.WriteString(`{"StartAt":"A","States":{"A":{"Type":"Task","End":true,"Resource":"arn:aws:states:::aws-sdk:ec2:runInstances","Parameters":{`)
	for i := range 10_000 {
		fmt.Fprintf(&members, `"minCounts%d":1,"m%d%s":{},`, i, i, strings.Repeat("x", i%90))
	}
	members.WriteString(`"MaxCount":{}}}}}`)
	for name, text := range map[string]string{
		"20,000 members":    members.String(),
		"10,000 states":     chain.String(),
		"5,000 variables":   variables.String(),
		"15,000 choices":    choices.String(),
		"deep and wide":     nested.String(),
		"one long JSONata":  `{"QueryLanguage":"JSONata","StartAt":"A","States":{"A":{"Type":"Pass","End":true,"Output":"{% ` + strings.Repeat("(", 200_000) + ` %}"}}}`,
		"one long path":     `{"StartAt":"A","States":{"A":{"Type":"Pass","End":true,"InputPath":"$` + strings.Repeat("[?(@.a", 100_000) + `"}}}`,
		"one long function": `{"StartAt":"A","States":{"A":{"Type":"Pass","End":true,"Parameters":{"a.$":"` + strings.Repeat("States.Array(", 50_000) + `"}}}}`,
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			ds := asl.Check([]byte(text))
			if len(ds) == 0 {
				t.Error("nothing found")
			}
			if d := time.Since(start); d > 30*time.Second {
				t.Errorf("took %v for %d findings", d, len(ds))
			}
		})
	}
}

func FuzzValidate(f *testing.F) {
	files, _ := filepath.Glob(filepath.Join("testdata", "validate", "*.yaml"))
	for _, name := range files {
		raw, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		for _, doc := range strings.Split(string(raw), "\n---\n") {
			f.Add([]byte(doc))
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		ds := asl.Check(text)
		for _, d := range ds {
			if d.Message == "" || d.Code == "" || d.Severity == "" {
				t.Fatalf("%+v", d)
			}
		}
		if fmt.Sprint(asl.Check(text)) != fmt.Sprint(ds) {
			t.Fatal("another verdict the second time")
		}
		asl.Check(text, asl.AsService(), asl.ForType(asl.Express))
	})
}
