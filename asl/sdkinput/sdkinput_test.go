package sdkinput

import (
	"strings"
	"testing"
)

func TestOperations(t *testing.T) {
	for _, c := range []struct{ service, operation, want string }{
		{"sqs", "changeMessageVisibility", "QueueUrl!s ReceiptHandle!s VisibilityTimeout!i"},
		{"sqs", "sendMessageBatch", "QueueUrl!s Entries![SendMessageBatchRequestEntry"},
		{"s3", "getBucketTagging", "Bucket!s ExpectedBucketOwner:s"},
		{"s3", "uploadPart", "Bucket!s ContentLength:l ContentMD5:s"}, // the beginning
		{"sts", "getCallerIdentity", ""},
		{"lambda", "invokeAsync", "FunctionName!s InvokeArgs!r"},
		{"rds", "deleteDBCluster", "DbClusterIdentifier!s SkipFinalSnapshot:b"},
		{"rds", "copyDBClusterSnapshot", "SourceDBClusterSnapshotIdentifier!s"},
		{"config", "describeConfigRules", "ConfigRuleNames:[s"},
		{"braket", "cancelQuantumTask", "QuantumTaskArn!s ClientToken:s"},
		{"codeartifact", "describePackage", "Domain!s DomainOwner:s Repository!s Format!s Namespace:s PackageValue|Package:s"},
		{"sqs", "SendMessage", "unknown"},
		{"sqs", "sendNothing", "unknown"},
		{"sqs", "", "unknown"},
		{"sqs", "sendMessage QueueUrl!s", "unknown"},
		{"nothing", "at", "unknown"},
		{"README", "beside", "unknown"},
		{"", "", "unknown"},
		{"lexruntimev2", "startConversation", "unknown"}, // takes a stream of events
	} {
		got := "unknown"
		if s := Operation(c.service, c.operation); s != nil {
			var words []string
			for _, m := range s.Members {
				mark := ":"
				if m.Required {
					mark = "!"
				}
				words = append(words, strings.Join(m.Names, "|")+mark+string(m.Type))
			}
			got = strings.Join(words, " ")
		}
		if c.want == "" && got != "" || !strings.HasPrefix(got, c.want) {
			t.Errorf("%s:%s\n got %s\nwant %s", c.service, c.operation, got, c.want)
		}
	}
}

// Every line can be read, and every structure that is named is there.
func TestData(t *testing.T) {
	operations, structures := 0, 0
	for name := range files() {
		s := load(name)
		if !strings.HasPrefix(s.pkg, "software.amazon.awssdk.services.") {
			t.Errorf("%s: package %q", name, s.pkg)
		}
		for _, line := range strings.Split(strings.TrimSpace(s.text), "\n") {
			owner, _, _ := strings.Cut(line, " ")
			st := s.structure(owner)
			if st.Class == "" {
				operations++
			} else {
				structures++
			}
			for _, m := range st.Members {
				typ := m.Type
				for typ.Kind() == List || typ.Kind() == Map {
					typ = typ.Elem()
				}
				switch k := typ.Kind(); {
				case k == Object && st.Structure(typ) == nil:
					t.Errorf("%s %s: no structure %s", name, owner, typ)
				case k != Object && !strings.ContainsRune("silfdbtar", rune(k)):
					t.Errorf("%s %s: type %q of %v", name, owner, m.Type, m.Names)
				}
				if st.Member(m.Names[0]) == nil || m.Names[0][0] < 'A' || m.Names[0][0] > 'Z' {
					t.Errorf("%s %s: member %v", name, owner, m.Names)
				}
			}
		}
	}
	if operations < 15_000 || structures < 10_000 || Source() == "" {
		t.Errorf("%d operations, %d structures, of %q", operations, structures, Source())
	}
	t.Logf("%d services, %d operations, %d structures", len(files()), operations, structures)
}

// The largest service, from its bytes in the archive.
func BenchmarkRead(b *testing.B) {
	files()
	for b.Loop() {
		services.Clear()
		if Operation("ec2", "runInstances") == nil {
			b.Fatal("not there")
		}
	}
}
