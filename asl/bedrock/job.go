package bedrock

import (
	"fmt"

	"github.com/sfnkit/sfnkit/asl"
)

// CustomizationType is what a customization job does.
type CustomizationType string

// The customization types. The API's default is fine-tuning.
const (
	FineTuning              CustomizationType = "FINE_TUNING"
	ContinuedPreTraining    CustomizationType = "CONTINUED_PRE_TRAINING"
	DistillationType        CustomizationType = "DISTILLATION"
	ReinforcementFineTuning CustomizationType = "REINFORCEMENT_FINE_TUNING"
	Imported                CustomizationType = "IMPORTED"
)

// CustomizationJob are the parameters of CreateModelCustomizationJob. Names and ARNs are
// strings or Dynamic.
//
// A job's name is unique in its account: a Retry that sends a name again fails unless
// ClientRequestToken is the same too, which makes the second call harmless.
type CustomizationJob struct {
	JobName             any // up to 63 characters
	CustomModelName     any // up to 63 characters
	RoleArn             any // of the role with which Bedrock reads and writes the data
	BaseModelIdentifier any // a foundation model's id or ARN, or a custom model's ARN
	TrainingData        TrainingData
	OutputS3Uri         any // s3://bucket/prefix

	// What follows is optional.
	ClientRequestToken  any
	CustomizationType   CustomizationType
	CustomModelKmsKeyId any
	JobTags             []Tag      // up to 200
	CustomModelTags     []Tag      // up to 200
	ValidationS3Uris    []any      // up to 10
	HyperParameters     asl.Object // all values are strings, such as "epochCount": "2", or Dynamic
	VpcConfig           *VpcConfig
	Customization       Customization // for distillation and reinforcement fine-tuning
}

// Tag is a label with its value.
type Tag struct {
	Key   any // up to 128 characters
	Value any // up to 256 characters
}

// VpcConfig names where a job reaches its data.
type VpcConfig struct {
	SubnetIds        []any // 1 to 16
	SecurityGroupIds []any // 1 to 5
}

// TrainingData is what a job learns from, made by [TrainingS3] or [TrainingLogs].
type TrainingData struct{ config any }

// TrainingS3 learns from a file or prefix in S3.
func TrainingS3(uri any) TrainingData { return TrainingData{asl.Object{"S3Uri": uri}} }

// TrainingLogs learns from the logs of model invocations under a prefix in S3.
func TrainingLogs(uri any, options LogOptions) TrainingData {
	logs := asl.Object{"InvocationLogSource": asl.Object{"S3Uri": uri}}
	if options.UsePromptResponse {
		logs["UsePromptResponse"] = true
	}
	if f := options.Filter; f.config != nil {
		logs["RequestMetadataFilters"] = f.config
	}
	return TrainingData{asl.Object{"InvocationLogsConfig": logs}}
}

// LogOptions says what of the logs is used.
type LogOptions struct {
	UsePromptResponse bool // the answers too, not only the prompts
	Filter            LogFilter
}

// LogFilter selects logs by the metadata of their requests. The zero LogFilter selects all.
type LogFilter struct{ config asl.Object }

// MetadataEquals selects requests with a metadata value.
func MetadataEquals(key, v string) LogFilter {
	return LogFilter{asl.Object{"Equals": asl.Object{key: v}}}
}

// MetadataNotEquals selects requests without a metadata value.
func MetadataNotEquals(key, v string) LogFilter {
	return LogFilter{asl.Object{"NotEquals": asl.Object{key: v}}}
}

// AllOf selects requests that all filters select, up to 16 of them, made by MetadataEquals
// and MetadataNotEquals.
func AllOf(filters ...LogFilter) LogFilter { return LogFilter{asl.Object{"AndAll": configs(filters)}} }

// AnyOf selects requests that one of the filters selects.
func AnyOf(filters ...LogFilter) LogFilter { return LogFilter{asl.Object{"OrAll": configs(filters)}} }

func configs(filters []LogFilter) []any {
	out := make([]any, len(filters))
	for i, f := range filters {
		out[i] = f.config
	}
	return out
}

// Customization is what distillation or reinforcement fine-tuning needs: [Distillation]
// or [Reinforcement].
type Customization interface {
	config() (config asl.Object, of CustomizationType)
}

// Distillation trains a model on the answers of a larger one.
type Distillation struct {
	TeacherModelIdentifier        any
	MaxResponseLengthForInference any // integer
}

func (d Distillation) config() (asl.Object, CustomizationType) {
	teacher := asl.Object{"TeacherModelIdentifier": d.TeacherModelIdentifier}
	set(teacher, "MaxResponseLengthForInference", d.MaxResponseLengthForInference)
	return asl.Object{"DistillationConfig": asl.Object{"TeacherModelConfig": teacher}}, DistillationType
}

// Reinforcement trains a model with rewards that a Lambda function gives.
type Reinforcement struct {
	GraderLambdaArn any

	EpochCount              any // 1 to 50
	BatchSize               any // 16 to 512
	LearningRate            any // 1e-7 to 1e-3
	MaxPromptLength         any // integer
	TrainingSamplePerPrompt any // 2 to 16
	InferenceMaxTokens      any // integer
	ReasoningEffort         any // low, medium, high
	EvalInterval            any // 1 to 100
}

func (r Reinforcement) config() (asl.Object, CustomizationType) {
	rft, hyper := asl.Object{}, asl.Object{}
	if r.GraderLambdaArn != nil {
		rft["GraderConfig"] = asl.Object{"LambdaGrader": asl.Object{"LambdaArn": r.GraderLambdaArn}}
	}
	set(hyper, "EpochCount", r.EpochCount)
	set(hyper, "BatchSize", r.BatchSize)
	set(hyper, "LearningRate", r.LearningRate)
	set(hyper, "MaxPromptLength", r.MaxPromptLength)
	set(hyper, "TrainingSamplePerPrompt", r.TrainingSamplePerPrompt)
	set(hyper, "InferenceMaxTokens", r.InferenceMaxTokens)
	set(hyper, "ReasoningEffort", r.ReasoningEffort)
	set(hyper, "EvalInterval", r.EvalInterval)
	if len(hyper) > 0 {
		rft["HyperParameters"] = hyper
	}
	return asl.Object{"RftConfig": rft}, ReinforcementFineTuning
}

type jobParameters struct {
	JobName              any
	CustomModelName      any
	RoleArn              any
	ClientRequestToken   any `json:",omitempty"`
	BaseModelIdentifier  any
	CustomizationType    CustomizationType `json:",omitempty"`
	CustomModelKmsKeyId  any               `json:",omitempty"`
	JobTags              []Tag             `json:",omitempty"`
	CustomModelTags      []Tag             `json:",omitempty"`
	TrainingDataConfig   any
	ValidationDataConfig any `json:",omitempty"`
	OutputDataConfig     any
	HyperParameters      asl.Object `json:",omitempty"`
	VpcConfig            *VpcConfig `json:",omitempty"`
	CustomizationConfig  asl.Object `json:",omitempty"`
}

// CreateModelCustomizationJob makes a Task state that starts a job. Its result is
// {"JobArn"}.
func CreateModelCustomizationJob(name string, job CustomizationJob) *asl.TaskState {
	return customize(name, job, asl.RequestResponse)
}

// CreateModelCustomizationJobSync makes a Task state that starts a job and waits until it
// is done, for Standard workflows. Its result is what GetModelCustomizationJob answers,
// see [Job]. The state fails if the job fails or is stopped.
func CreateModelCustomizationJobSync(name string, job CustomizationJob) *asl.TaskState {
	return customize(name, job, asl.Sync)
}

func customize(name string, job CustomizationJob, pattern asl.Pattern) *asl.TaskState {
	params := jobParameters{
		JobName: job.JobName, CustomModelName: job.CustomModelName, RoleArn: job.RoleArn,
		ClientRequestToken: job.ClientRequestToken, BaseModelIdentifier: job.BaseModelIdentifier,
		CustomizationType: job.CustomizationType, CustomModelKmsKeyId: job.CustomModelKmsKeyId,
		JobTags: job.JobTags, CustomModelTags: job.CustomModelTags,
		TrainingDataConfig: job.TrainingData.config, OutputDataConfig: asl.Object{"S3Uri": job.OutputS3Uri},
		HyperParameters: job.HyperParameters, VpcConfig: job.VpcConfig,
	}
	if params.TrainingDataConfig == nil {
		params.TrainingDataConfig = asl.Object{}
	}
	if len(job.ValidationS3Uris) > 0 {
		validators := make([]any, len(job.ValidationS3Uris))
		for i, uri := range job.ValidationS3Uris {
			validators[i] = asl.Object{"S3Uri": uri}
		}
		params.ValidationDataConfig = asl.Object{"Validators": validators}
	}
	var of CustomizationType
	if job.Customization != nil {
		params.CustomizationConfig, of = job.Customization.config()
	}
	return asl.Task(name, asl.ServiceARN("bedrock", "createModelCustomizationJob", pattern)).
		Request(params).
		Check(func(s *asl.State, lang asl.QueryLanguage) []*asl.BuildError {
			errs := checkCall("createModelCustomizationJob", s, lang)
			if of != "" && job.CustomizationType != of {
				_, field, _ := parameters(s, lang)
				errs = append(errs, &asl.BuildError{
					Field: field + ".CustomizationType",
					Err:   fmt.Errorf("must be %s, as CustomizationConfig is for that", of),
				})
			}
			return errs
		})
}

// JobStatus is the state of a customization job.
type JobStatus = string

// The states of a job.
const (
	JobInProgress JobStatus = "InProgress"
	JobCompleted  JobStatus = "Completed"
	JobFailed     JobStatus = "Failed"
	JobStopping   JobStatus = "Stopping"
	JobStopped    JobStatus = "Stopped"
)

// Job is a finished job: a member of the result of [CreateModelCustomizationJobSync], such
// as OutputModelArn, Status, FailureMessage or JobArn, for a ResultSelector in JSONPath
// and for Output or Assign in JSONata.
func Job(member string) asl.Dynamic {
	return asl.Bilingual{Path: asl.Path("$." + member), Expr: asl.Expr("$states.result." + member)}
}
