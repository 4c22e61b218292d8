package asl_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/sfnkit/sfnkit/asl"
)

// large returns a definition of at most size bytes in the manner of real ones.
func large(size int) []byte {
	var b bytes.Buffer
	b.WriteString("{\n  \"Comment\": \"a long chain\",\n  \"StartAt\": \"State 0\",\n  \"States\": {")
	for i := 0; b.Len() < size-700; i++ {
		if i > 0 {
			b.WriteString(",")
		}
		fmt.Fprintf(&b, `
    "State %d": {
      "Type": "Task",
      "Resource": "arn:aws:states:::bedrock:invokeModel",
      "Parameters": {
        "ModelId": "anthropic.claude-sonnet-4-20250514-v1:0",
        "Body": {
          "max_tokens": 1024, "temperature": 0.5, "anthropic_version": "bedrock-2023-05-31",
          "messages": [{"role": "user", "content": [{"type": "text", "text.$": "States.Format('Tell me: {}', $.question)"}]}]
        }
      },
      "Retry": [{"ErrorEquals": ["Bedrock.ThrottlingException"], "IntervalSeconds": 2, "MaxAttempts": 6}],
      "ResultPath": "$.answer",
      "Next": "State %d"
    }`, i, i+1)
	}
	b.WriteString(",\n    \"State end\": {\"Type\": \"Succeed\"}\n  }\n}\n")
	return b.Bytes()
}

// The yardstick of BenchmarkParse.
func BenchmarkEncodingJSON(b *testing.B) {
	text := large(asl.MaxDefinitionSize)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		var v any
		if err := json.Unmarshal(text, &v); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParse(b *testing.B) {
	text := large(asl.MaxDefinitionSize)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := asl.Parse(text); err != nil {
			b.Fatal(err)
		}
	}
}

func largeYAML(b *testing.B) []byte {
	m, err := asl.Parse(large(256 << 10))
	if err != nil {
		b.Fatal(err)
	}
	return asl.PrintYAML(m)
}

// The yardstick of BenchmarkParseYAML.
func BenchmarkGoccyYAML(b *testing.B) {
	text := largeYAML(b)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		var v any
		if err := yaml.Unmarshal(text, &v); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseYAML(b *testing.B) {
	text := largeYAML(b)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := asl.Parse(text); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPrint(b *testing.B) {
	m, err := asl.Parse(large(asl.MaxDefinitionSize))
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		b.SetBytes(int64(len(asl.Print(m))))
	}
}
