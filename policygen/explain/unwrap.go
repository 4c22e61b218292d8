package explain

import (
	"strconv"
	"strings"

	"github.com/sfnkit/sfnkit/asl/value"
)

// maxMessage bounds how much of a message is looked at, in bytes. Causes that
// Step Functions records are at most half of that.
const maxMessage = 64 << 10

// Unwrapped is an error without what SDKs, tools and Step Functions put around it.
type Unwrapped struct {
	Message   string   // what the service itself said
	Name      string   // the exception without prefix: AccessDeniedException; "" if not told
	Prefix    string   // of the error name in Step Functions: Bedrock, BedrockRuntime, S3
	Service   string   // as the SDK named it: BedrockRuntime, Bedrock Runtime
	Operation string   // InvokeModel
	Status    int      // HTTP status, 0 if not told
	RequestID string   //
	Region    string   // of the endpoint, where a wrapper tells
	Layers    []string // what was taken off, outermost first
}

var (
	botoLayer   = lazily(`(?s)^.*?An error occurred \(([\w.]+)\) when calling the (\w+) operation(?: \(reached max retries: \d+\))?: (.*)$`)
	goLayer     = lazily(`(?s)^.*?\boperation error ([\w -]+): (\w+), (.*)$`)
	goStatus    = lazily(`(?s)^(?:exceeded maximum number of attempts, \d+, )?https response error StatusCode: (\d+), RequestID: ([\w-]*)(?:, HostID: [^,]*)?, (.*)$`)
	javaLayer   = lazily(`(?s)^(?:Exception in thread "[^"]*" )?(?:software\.amazon\.awssdk|com\.amazonaws)\.[\w.]*?(\w+): (.*)$`)
	baseLayer   = lazily(`(?s)^Knowledge base role (arn:\S+) is not able to call specified bedrock embedding model (arn:\S+): (.*)$`)
	stackLayer  = lazily(`(?s)^.*?Resource handler returned message: "(.*)" \(RequestToken: [^()]*\)$`)
	statesLayer = lazily(`(?s)^An error occurred while executing the state '((?:[^'\\]|\\.)*)' \(entered at the event id #\d+\)\. (.*)$`)
	namedLayer  = lazily(`(?s)^(?:api error |Error: |Uncaught |botocore\.(?:errorfactory|exceptions)\.)?((?:[A-Z]\w*\.)*)([A-Z]\w*(?:Exception|Error|Fault|Expired|ExpiredToken|Denied|NotFilled)|States\.\w+(?:\.\w+)?): (.*)$`)
	bareName    = lazily(`^((?:[A-Z]\w*\.)*)([A-Z]\w*)$`)
	sdkSuffix   = lazily(`(?s)^(.*?)\s*\(Service: ([^;,()]+)[;,] Status Code: (\d+)[;,](?: Error Code: (\w+)[;,])? Request ID: ([^;,()\s]*)[^()]*\)$`)
	tryCount    = lazily(`(?s)^(.*?)\s*\(SDK Attempt Count: \d+\)$`)
	jsonError   = lazily(`(?s)^\s*\{.*\}\s*$`)
)

// Unwrap takes off every wrapper that it knows, in any order and nesting.
func Unwrap(text string) Unwrapped {
	if len(text) > maxMessage {
		text = text[:maxMessage]
	}
	u := Unwrapped{Message: strings.TrimSpace(strings.ToValidUTF8(text, "\uFFFD"))}
	for range 12 {
		before := u.Message
		u.peel()
		u.Message = strings.TrimSpace(u.Message)
		if u.Message == before {
			break
		}
	}
	return u
}

func (u *Unwrapped) layer(name string) { u.Layers = append(u.Layers, name) }

// named sets the exception; what stands further inside is nearer to the service.
func (u *Unwrapped) named(prefix, name string) {
	if name == "States" || name == "" {
		return
	}
	if prefix = strings.TrimSuffix(prefix, "."); prefix != "" {
		u.Prefix = prefix
	}
	u.Name = name
}

func (u *Unwrapped) peel() {
	m := u.Message
	if n := len(m); n > 1 && m[0] == '"' && m[n-1] == '"' {
		u.Message = m[1 : n-1]
		return
	}
	if jsonError().MatchString(m) {
		if v, err := value.ParseString(strings.TrimSpace(m)); err == nil {
			u.peelJSON(v)
		}
		return
	}
	if g := botoLayer().FindStringSubmatch(m); g != nil {
		u.layer("boto3 or AWS CLI")
		u.named("", g[1])
		u.Operation, u.Message = g[2], g[3]
		return
	}
	if g := goLayer().FindStringSubmatch(m); g != nil {
		u.layer("AWS SDK for Go")
		u.Service, u.Operation, u.Message = g[1], g[2], g[3]
		return
	}
	if g := goStatus().FindStringSubmatch(m); g != nil {
		u.Status, _ = strconv.Atoi(g[1])
		u.RequestID, u.Message = g[2], g[3]
		return
	}
	if g := javaLayer().FindStringSubmatch(m); g != nil {
		u.layer("AWS SDK for Java")
		u.named("", g[1])
		u.Message = g[2]
		return
	}
	if g := baseLayer().FindStringSubmatch(m); g != nil {
		u.layer("Bedrock Knowledge Bases")
		u.Message = g[3]
		return
	}
	if g := stackLayer().FindStringSubmatch(m); g != nil {
		u.layer("CloudFormation")
		u.Message = g[1]
		return
	}
	if g := statesLayer().FindStringSubmatch(m); g != nil {
		u.layer("Step Functions, state " + strings.ReplaceAll(g[1], `\'`, `'`))
		u.Message = g[2]
		return
	}
	if g := sdkSuffix().FindStringSubmatch(m); g != nil {
		if u.Service == "" {
			u.layer("AWS SDK")
		}
		u.Service = strings.TrimSpace(g[2])
		u.Status, _ = strconv.Atoi(g[3])
		if u.Name == "" {
			u.named("", g[4])
		}
		u.RequestID, u.Message = g[5], g[1]
		return
	}
	if g := tryCount().FindStringSubmatch(m); g != nil {
		u.Message = g[1]
		return
	}
	if g := namedLayer().FindStringSubmatch(m); g != nil {
		if strings.HasPrefix(g[2], "States.") {
			u.named("", g[2])
		} else {
			u.named(g[1], g[2])
			if g[1] != "" {
				u.layer("Step Functions")
			}
		}
		u.Message = g[3]
		return
	}
	if g := bareName().FindStringSubmatch(m); g != nil && u.Name == "" && (g[1] != "" || strings.HasSuffix(g[2], "Exception")) {
		if g[1] == "States." {
			u.named("", "States."+g[2])
		} else {
			u.named(g[1], g[2])
		}
		u.Message = ""
	}
}

// peelJSON reads an error that was kept as JSON: the output of a Catch
// (Error, Cause), Lambda's (errorType, errorMessage) or an API's (__type, message).
func (u *Unwrapped) peelJSON(v value.Value) {
	for _, names := range [][2]string{{"Error", "Cause"}, {"error", "cause"}, {"errorType", "errorMessage"}, {"__type", "message"}, {"__type", "Message"}, {"Code", "Message"}, {"", "message"}} {
		name, cause := v.Get(names[0]), v.Get(names[1])
		if names[0] == "" && v.Len() > 1 {
			continue
		}
		if !cause.IsString() && !(name.IsString() && names[1] == "Cause") {
			continue
		}
		u.layer("JSON")
		u.setName(name.Str())
		u.Message = cause.Str()
		return
	}
}

// setName takes the name of an error as Step Functions gives it.
func (u *Unwrapped) setName(name string) {
	name = name[strings.LastIndexByte(name, '#')+1:]
	switch {
	case strings.HasPrefix(name, "States."):
		u.Name = name
	case name != "":
		at := strings.LastIndexByte(name, '.')
		u.Prefix, u.Name = strings.TrimSuffix(name[:at+1], "."), name[at+1:]
	}
}
