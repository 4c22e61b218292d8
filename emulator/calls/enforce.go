package calls

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sfnkit/sfnkit/asl"
	"github.com/sfnkit/sfnkit/asl/bedrock/catalog"
	"github.com/sfnkit/sfnkit/asl/value"
	"github.com/sfnkit/sfnkit/emulator"
)

// Authority decides, as IAM does, whether a principal may do something. Its methods return
// "" for yes and otherwise the message with which AWS refuses. A principal is the ARN of a
// session of a role, a machine the ARN of a state machine.
type Authority interface {
	// Call decides a call of a Task state, given its Resource and evaluated parameters, or
	// the same of an item reader or a result writer (arn:aws:states:::s3:getObject).
	// assumed is set if the principal is not the execution role but the one that the
	// Credentials of the task name.
	Call(principal, machine, resource string, parameters value.Value, assumed bool) (denial string)
	// AssumeRole decides whether the principal may take a role for a task.
	AssumeRole(principal, machine, role string) (denial string)
	// MapRun decides whether the execution role may start, watch and stop the child
	// executions of a distributed Map state with the given label, and redrive them if its
	// map run was redriven.
	MapRun(principal, machine, label string, redriven bool) (denial string)
}

// Enforcement is what calls are held against. What is not given refuses nothing, but the
// models of Bedrock calls are looked up in the catalogue.
type Enforcement struct {
	Authority Authority
	Access    ModelAccess
	Gate      *Gate
	Quotas    *Quotas
	// AnyModel takes every model, also one that has been retired or cannot be called so
	// from the region. Access and Gate are then not looked at.
	AnyModel bool
}

// ModelAccess lists the models that an account was granted access to, by region: ids of
// foundation models, in which an asterisk stands for any characters. What is called through
// an inference profile needs access in the region of the call (an assumption: the service's
// guide asks for it in the source region, older texts in all regions of the profile). If the
// map is not nil, there is no access in regions that it does not have, and models that
// neither it nor the catalogue knows do not exist.
type ModelAccess map[string][]string

// Add reads a grant as it is given on a command line, REGION=MODEL[,MODEL...], and adds it.
func (a ModelAccess) Add(text string) error {
	region, models, ok := strings.Cut(text, "=")
	if !ok || region == "" {
		return fmt.Errorf("model access %q is not of the form REGION=MODEL[,MODEL...]", text)
	}
	a[region] = append(a[region], strings.FieldsFunc(models, func(r rune) bool { return r == ',' || r == ' ' })...)
	return nil
}

func (a ModelAccess) has(region, model string) bool {
	for _, pattern := range a[region] {
		if matches(pattern, model) {
			return true
		}
	}
	return false
}

// matches reports whether a text has the form of a pattern with asterisks.
func matches(pattern, text string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == text
	}
	text, ok := strings.CutPrefix(text, parts[0])
	if !ok {
		return false
	}
	for _, p := range parts[1 : len(parts)-1] {
		i := strings.Index(text, p)
		if i < 0 {
			return false
		}
		text = text[i+len(p):]
	}
	return strings.HasSuffix(text, parts[len(parts)-1])
}

// Gate is something about an account, beyond IAM, for which Bedrock refuses every model.
type Gate struct {
	Name      string // as in FindGate
	Exception string
	Status    int // of HTTP
	Message   string
}

// Sources of the wording: AWS's help pages on errors of InvokeModel, and public reports.
var gates = []Gate{
	{"account-not-authorized", "AccessDeniedException", 403, "Your account is not authorized to invoke this API operation."},
	{"no-agreement", "AccessDeniedException", 403, "Your account does not have an agreement to this model."},
	{"use-case-form", "ResourceNotFoundException", 404, "Model use case details have not been submitted for this account. Fill out the Anthropic use case details form before using the model. If you have already filled out the form, try again in 15 minutes."},
	{"marketplace-rights", "AccessDeniedException", 403, "Model access is denied due to IAM user or service role is not authorized to perform the required AWS Marketplace actions (aws-marketplace:ViewSubscriptions, aws-marketplace:Subscribe) to enable access to this model. Refer to the Amazon Bedrock documentation for further details. Your AWS Marketplace subscription for this model cannot be completed at this time. If you recently fixed this issue, try again after 5 minutes."},
	{"marketplace-payment", "AccessDeniedException", 403, "Model access is denied due to INVALID_PAYMENT_INSTRUMENT:A valid payment instrument must be provided.. Your AWS Marketplace subscription for this model cannot be completed at this time. If you recently fixed this issue, try again after 2 minutes."},
	{"marketplace-pending", "AccessDeniedException", 403, "Your account is not authorized to access this model. Your AWS Marketplace subscription for this model is still being processed. Try again after 15 minutes."},
	{"channel-program", "AccessDeniedException", 403, "Access to this model is not available for channel program accounts. Reach out to your AWS Solution Provider or AWS Distributor for more information."},
	{"unsupported-country", "ValidationException", 400, "Access to Anthropic models is not allowed from unsupported countries, regions, or territories. Please refer to https://www.anthropic.com/supported-countries for more information on the countries and regions Anthropic currently supports."},
	{"legacy-model", "ResourceNotFoundException", 404, "Access denied. This Model is marked by provider as Legacy and you have not been actively using the model in the last 30 days. Please upgrade to an active model on Amazon Bedrock"},
	{"operation-not-allowed", "ValidationException", 400, "Operation not allowed"},
}

// FindGate returns a gate by its name, nil if there is none.
func FindGate(name string) *Gate {
	for i := range gates {
		if gates[i].Name == name {
			return &gates[i]
		}
	}
	return nil
}

// Gates returns the names of all gates.
func Gates() []string {
	names := make([]string, len(gates))
	for i := range gates {
		names[i] = gates[i].Name
	}
	return names
}

// Enforce refuses calls as AWS would, before they reach next. What is refused for several
// reasons fails for the first of these:
//
//   - the operation or the form of the model's identifier
//   - IAM: the role of the task's Credentials, then what the call needs
//   - a model identifier that is not known, of another region or geography, or not offered
//     in the region of the call
//   - a model that needs an inference profile
//   - a model that has reached its end of life, by the time of the call, but not before the
//     day of the catalogue
//   - model access, then the gate
//   - quotas, in the time of the calls
//
// That IAM comes before the look-up of identifiers is plausible from reports, not
// documented. The words are those of the service. The names of errors follow the
// integration: optimized ones have their own names, of which those of Bedrock, Lambda,
// DynamoDB, SNS and Step Functions were recorded or reported and the others follow their
// pattern; those of SDK integrations are derived from the service's API model.
func Enforce(e Enforcement, next emulator.Caller) emulator.Caller {
	return &enforcer{Enforcement: e, next: or(next)}
}

type enforcer struct {
	Enforcement
	next    emulator.Caller
	refused refusals
}

func (e *enforcer) Call(ctx context.Context, req *emulator.Request) (emulator.Answer, error) {
	m, err := e.judge(req)
	var use *counted
	if err == nil && m != nil && e.Quotas != nil {
		var over string
		if use, over = e.Quotas.take(m); over != "" {
			err = failure(req, "ThrottlingException", 429, over)
		}
	}
	if err != nil {
		e.refused.add(req)
		return emulator.Answer{}, err
	}
	// What answers next is not told of the calls that never reached it.
	if n := e.refused.count(req); n > 0 {
		with := *req
		with.Invocation -= n
		req = &with
	}
	a, err := e.next.Call(ctx, req)
	if use != nil {
		use.settle(m, a, err)
	}
	return a, err
}

// refusals counts the refused calls of the states of executions. Nobody tells when an
// execution has ended, and so those that were not refused anything for long are forgotten.
type refusals struct {
	mu            sync.Mutex
	recent, older map[string]int
}

const maxRefusals = 20000

func refusalKey(req *emulator.Request) string { return req.Execution.ARN + "\x00" + req.State }

func (r *refusals) add(req *emulator.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	key := refusalKey(req)
	n, ok := r.recent[key]
	if !ok {
		n = r.older[key]
	}
	if r.recent == nil || len(r.recent) >= maxRefusals {
		r.older, r.recent = r.recent, make(map[string]int)
	}
	r.recent[key] = n + 1
}

func (r *refusals) count(req *emulator.Request) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.recent)+len(r.older) == 0 {
		return 0
	}
	key := refusalKey(req)
	if n, ok := r.recent[key]; ok {
		return n
	}
	return r.older[key]
}

// CallMapRun implements [emulator.MapRunCaller]. With which words the service reports that
// it may not start or redrive child executions was recorded in 2026-09 (published in
// github.com/radkawar/stackd, redrive_map).
func (e *enforcer) CallMapRun(_ context.Context, r *emulator.MapRun) *emulator.Error {
	if e.Authority == nil {
		return nil
	}
	x := &r.Parent
	principal := session(x.ARN, x.RoleARN)
	if denial := e.Authority.MapRun(principal, x.StateMachineARN, r.Label, r.Redrives > 0); denial != "" {
		id := asUUID(sha256.Sum256(fmt.Append(nil, r.ARN, "\x00", r.Redrives)))
		return emulator.NewError(emulator.ErrorRuntime, "Error contacting AWS Service. | Message from Service: "+denial+
			" (Service: Sfn, Status Code: 400, Request ID: "+id+") (SDK Attempt Count: 1)")
	}
	if s := r.Reader; s != nil {
		if denial := e.Authority.Call(principal, x.StateMachineARN, s.Resource, s.Arguments, false); denial != "" {
			return emulator.NewError(emulator.ErrorItemReaderFailed, denial)
		}
	}
	if s := r.Writer; s != nil && s.Resource != "" {
		if denial := e.Authority.Call(principal, x.StateMachineARN, s.Resource, s.Arguments, false); denial != "" {
			return emulator.NewError(emulator.ErrorResultWriterFailed, denial)
		}
	}
	return nil
}

// judge returns why a call is refused, other than for a quota. m is nil unless the call
// invokes a model.
func (e *Enforcement) judge(req *emulator.Request) (m *modelCall, err error) {
	m = modelCallOf(req)
	if r := req.Resource; r.Service == "aws-sdk:bedrock" && runtimeActions[r.Action] {
		return nil, failure(req, "ValidationException", 400, "The requested operation is not recognized by the service.")
	}
	if m != nil && m.id.Kind == catalog.Invalid && !e.AnyModel {
		return nil, failure(req, "ValidationException", 400, invalidModel)
	}
	if err := e.authorise(req); err != nil {
		return nil, err
	}
	if m != nil && !e.AnyModel {
		if err := e.model(m); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (e *Enforcement) authorise(req *emulator.Request) error {
	if e.Authority == nil {
		return nil
	}
	x := &req.Execution
	principal := session(x.ARN, x.RoleARN)
	if req.RoleARN != "" {
		if denial := e.Authority.AssumeRole(principal, x.StateMachineARN, req.RoleARN); denial != "" {
			return emulator.NewError(emulator.ErrorPermissions, denial)
		}
		principal = session(x.ARN, req.RoleARN)
	}
	if denial := e.Authority.Call(principal, x.StateMachineARN, req.ARN, req.Parameters, req.RoleARN != ""); denial != "" {
		return denied(req, denial)
	}
	return nil
}

// session is the ARN of the session in which a role makes the calls of an execution. The
// service names sessions with 32 random letters.
func session(execution, role string) string {
	f := strings.SplitN(role, ":", 6)
	if len(f) < 6 {
		return role
	}
	sum := sha256.Sum256([]byte(execution))
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	name := make([]byte, len(sum))
	for i, b := range sum {
		name[i] = letters[int(b)%len(letters)]
	}
	return "arn:" + f[1] + ":sts::" + f[4] + ":assumed-role/" + f[5][strings.LastIndexByte(f[5], '/')+1:] + "/" + string(name)
}

// modelCall is a call that invokes a model.
type modelCall struct {
	req *emulator.Request
	id  catalog.ID
	// model is the foundation model, "" where the identifier does not tell it.
	model  string
	region string
}

// runtimeActions are the operations of the endpoint for invocations, bedrock-runtime.
var runtimeActions = map[string]bool{"invokeModel": true, "converse": true, "startAsyncInvoke": true}

func modelCallOf(req *emulator.Request) *modelCall {
	r := req.Resource
	switch {
	case r.Kind == asl.Optimized && r.Service == "bedrock" && r.Action == "invokeModel":
	case r.Kind == asl.SDK && r.Service == "aws-sdk:bedrockruntime" && runtimeActions[r.Action]:
	default:
		return nil
	}
	m := &modelCall{req: req, region: req.Execution.Region, id: catalog.Classify(req.Parameters.Get("ModelId").Str())}
	m.model = m.id.Model
	return m
}

const (
	invalidModel    = "The provided model identifier is invalid."
	unresolvedModel = "Could not resolve the foundation model from the provided model identifier."
	endOfLife       = "This model version has reached the end of its life. Please refer to the AWS documentation for more details."
	noModelAccess   = "You don't have access to the model with the specified model ID."
	// The apostrophe is the service's own.
	onDemand = "Invocation of model ID %s with on-demand throughput isn’t supported. Retry your request with the ID or ARN of an inference profile that contains this model."
)

// model refuses what is wrong with the model of a call.
func (e *Enforcement) model(m *modelCall) error {
	fail := func(exception string, status int, format string, args ...any) error {
		return failure(m.req, exception, status, fmt.Sprintf(format, args...))
	}
	if m.id.IsARN() && m.region != "" && m.id.Region != m.region {
		return fail("ValidationException", 400, invalidModel)
	}
	known := catalog.FindModel(m.model)
	granted := e.Access.has(m.region, m.model)
	if m.model != "" && known == nil && !granted && (e.Access != nil || !knownProvider(m.model)) {
		return fail("ValidationException", 400, invalidModel)
	}
	switch m.id.Kind {
	case catalog.SystemProfile, catalog.SystemProfileARN:
		p := catalog.FindProfile(m.id.Name)
		if p == nil {
			return fail("ValidationException", 400, invalidModel)
		}
		if _, ok := p.Destinations(m.region); !ok && m.region != "" {
			return fail("ValidationException", 400, invalidModel)
		}
	case catalog.FoundationModel, catalog.FoundationModelARN:
		if known == nil || known.Gone || known.OnDemandUncertain || m.region == "" {
			break
		}
		if !slices.Contains(known.OnDemand, m.region) {
			if len(known.Profiles(m.region)) == 0 && !slices.Contains(known.Provisioned, m.region) {
				return fail("ResourceNotFoundException", 404, unresolvedModel)
			}
			return fail("ValidationException", 400, onDemand, m.id.Text)
		}
	case catalog.CustomModelARN:
		return fail("ValidationException", 400, onDemand, m.id.Text)
	}
	if known != nil && known.Ended(max(time.UnixMilli(m.req.Time).UTC().Format(time.DateOnly), catalog.Snapshot())) {
		return fail("ResourceNotFoundException", 404, endOfLife)
	}
	switch m.id.Kind {
	case catalog.FoundationModel, catalog.FoundationModelARN, catalog.SystemProfile, catalog.SystemProfileARN:
		if e.Access != nil && !granted {
			return fail("AccessDeniedException", 403, noModelAccess)
		}
	}
	if g := e.Gate; g != nil {
		return fail(g.Exception, g.Status, "%s", g.Message)
	}
	return nil
}

// knownProvider reports whether the catalogue has models of the provider that an
// identifier begins with. A model that came later than the catalogue passes.
func knownProvider(model string) bool {
	provider, _, _ := strings.Cut(model, ".")
	return providers()[provider]
}

var providers = sync.OnceValue(func() map[string]bool {
	all := map[string]bool{}
	for m := range catalog.Models() {
		provider, _, _ := strings.Cut(m.ID, ".")
		all[provider] = true
	}
	return all
})

// denied is how a call fails that IAM does not allow.
func denied(req *emulator.Request, message string) *emulator.Error {
	r := req.Resource
	switch {
	case r.Kind == asl.LambdaARN:
		return optimized["lambda"].denial(req, message)
	case r.Kind == asl.SDK:
		s, ok := sdkNames()[strings.TrimPrefix(r.Service, "aws-sdk:")]
		if !ok {
			return failure(req, "AccessDeniedException", 403, message)
		}
		exception := s.exception
		if exception == "" {
			exception = s.name + "Exception"
		}
		return failure(req, exception, s.status, message)
	case r.Service == "bedrock":
		return emulator.NewError("Bedrock.AccessDeniedException", message)
	case r.Service == "http":
		return deniedHTTP(req, message)
	case r.Service == "apigateway":
		return emulator.NewError("ApiGateway.403", message)
	}
	if s, ok := optimized[r.Service]; ok {
		return s.denial(req, message)
	}
	return failure(req, "AccessDeniedException", 403, message)
}

// deniedHTTP is how an HTTP task fails that IAM does not allow: the service keeps IAM's own
// words to itself (recorded 2026-09, published in github.com/radkawar/stackd).
func deniedHTTP(req *emulator.Request, message string) *emulator.Error {
	switch {
	case strings.Contains(message, "events:RetrieveConnectionCredentials"):
		return emulator.NewError("Events.ConnectionResource.AccessDenied", "No permissions to call RetrieveConnectionCredentials on the connection resource.")
	case strings.Contains(message, "secretsmanager:"):
		return emulator.NewError("Events.ConnectionResource.AccessDenied", "No permissions to call DescribeSecret and/or GetSecretValue on the secret associated with the connection resource.")
	}
	return emulator.NewError("States.Http.AccessDenied", "AWS Step Functions is not authorized to perform states:InvokeHTTPEndpoint on API Endpoint "+
		req.Parameters.Get("ApiEndpoint").Str()+". Ensure that the StateMachine role contains the states:InvokeHTTPEndpoint permission for the given API Endpoint")
}

// failure is how a call fails with an exception of the service. That SDK integrations tell
// the attempts was recorded from 2025-11 on (2026-09, published in
// github.com/radkawar/stackd).
func failure(req *emulator.Request, exception string, status int, message string) *emulator.Error {
	r := req.Resource
	if r.Kind == asl.SDK {
		key := strings.TrimPrefix(r.Service, "aws-sdk:")
		name := sdkNames()[key].name
		if name == "" {
			name = strings.ToUpper(key[:1]) + key[1:]
		}
		sum := requestID(req)
		if name == "S3" {
			return emulator.NewError("S3."+exception, fmt.Sprintf("%s (Service: S3, Status Code: %d, Request ID: %s, Extended Request ID: %s) (SDK Attempt Count: 1)",
				message, status, strings.ToUpper(hex.EncodeToString(sum[:8])), hex.EncodeToString(sum[8:])))
		}
		return emulator.NewError(name+"."+exception, fmt.Sprintf("%s (Service: %s, Status Code: %d, Request ID: %s) (SDK Attempt Count: 1)", message, name, status, asUUID(sum)))
	}
	if r.Service == "bedrock" {
		return emulator.NewError("Bedrock."+exception, message)
	}
	name := r.Service
	if name != "" {
		name = strings.ToUpper(name[:1]) + name[1:]
	}
	return emulator.NewError(name+"."+exception, message)
}

func requestID(req *emulator.Request) [32]byte {
	return sha256.Sum256(fmt.Append(nil, req.Execution.ARN, "\x00", req.State, "\x00", req.Invocation))
}

func asUUID(sum [32]byte) string {
	h := hex.EncodeToString(sum[:16])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// integrationNames are the names that an optimized integration uses in errors. They are
// those of the SDK for Java 1: its class for errors that the API does not model, and the
// service's name in its messages.
type integrationNames struct {
	prefix  string // of the error
	denied  string // the exception of a call that IAM denies
	service string
	code    string // of that exception
	status  int
}

func (n integrationNames) denial(req *emulator.Request, message string) *emulator.Error {
	return emulator.NewError(n.prefix+"."+n.denied, fmt.Sprintf("%s (Service: %s; Status Code: %d; Error Code: %s; Request ID: %s; Proxy: null)",
		message, n.service, n.status, n.code, asUUID(requestID(req))))
}

const accessDenied = "AccessDeniedException"

var optimized = map[string]integrationNames{
	"athena":           {"Athena", "AmazonAthenaException", "AmazonAthena", accessDenied, 400},
	"batch":            {"Batch", "AWSBatchException", "AWSBatch", accessDenied, 403},
	"codebuild":        {"CodeBuild", "AWSCodeBuildException", "AWSCodeBuild", accessDenied, 400},
	"databrew":         {"DataBrew", accessDenied, "AWSGlueDataBrew", accessDenied, 403},
	"dynamodb":         {"DynamoDB", "AmazonDynamoDBException", "AmazonDynamoDBv2", accessDenied, 400},
	"ecs":              {"ECS", accessDenied, "AmazonECS", accessDenied, 400},
	"eks":              {"EKS", "AmazonEKSException", "AmazonEKS", accessDenied, 403},
	"elasticmapreduce": {"ElasticMapReduce", "AmazonElasticMapReduceException", "AmazonElasticMapReduce", accessDenied, 400},
	"emr-containers":   {"EMRContainers", "AmazonEMRContainersException", "AmazonEMRContainers", accessDenied, 403},
	"emr-serverless":   {"EMRServerless", "AWSEMRServerlessException", "AWSEMRServerless", accessDenied, 403},
	"events":           {"EventBridge", "AmazonEventBridgeException", "AmazonEventBridge", accessDenied, 400},
	"glue":             {"Glue", accessDenied, "AWSGlue", accessDenied, 400},
	"lambda":           {"Lambda", "AWSLambdaException", "AWSLambda", accessDenied, 403},
	"mediaconvert":     {"MediaConvert", "AWSMediaConvertException", "AWSMediaConvert", accessDenied, 403},
	"sagemaker":        {"SageMaker", "AmazonSageMakerException", "AmazonSageMaker", accessDenied, 400},
	"sns":              {"SNS", "AuthorizationErrorException", "AmazonSNS", "AuthorizationError", 403},
	"sqs":              {"SQS", "AmazonSQSException", "AmazonSQS", "AccessDenied", 403},
	"states":           {"StepFunctions", "AWSStepFunctionsException", "AWSStepFunctions", accessDenied, 400},
}

//go:embed enforce_names.txt
var sdkNamesText string

// sdkName is how SDK integrations name a service in errors.
type sdkName struct {
	name      string
	exception string // "" for <name>Exception
	status    int
}

// sdkNames has them by the name in Resource ARNs: aws-sdk:bedrockruntime.
var sdkNames = sync.OnceValue(func() map[string]sdkName {
	all := map[string]sdkName{}
	var group sdkName
	for line := range strings.Lines(sdkNamesText) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		if what, ok := strings.CutPrefix(line, "throws "); ok {
			if _, err := fmt.Sscan(what, &group.exception, &group.status); err != nil {
				panic("enforce_names.txt: " + err.Error())
			}
			if group.exception == "-" {
				group.exception = ""
			}
			continue
		}
		for _, name := range strings.Fields(line) {
			s := group
			s.name = name
			all[strings.ToLower(name)] = s
		}
	}
	return all
})
