// Package finetune is a workflow that trains a model and tries it out.
//
// It starts a fine-tuning job and waits until the job is done, which takes hours and costs
// nothing of the workflow's own time. A custom model cannot be invoked by itself, so it is
// deployed for on-demand use, and when the deployment is active it is asked a question. If
// the job, the deployment or the question fails, the workflow does too, with the reason.
//
// Input is {"train", "model", "question"}: the S3 URI of the training data, the name of
// the new model, and what it is asked. Output is {"model", "deployment", "answer"}.
package finetune

import (
	"github.com/sfnkit/sfnkit/asl"
	"github.com/sfnkit/sfnkit/asl/bedrock"
)

// Names of the account that the workflow is written for.
const (
	Role   = "arn:aws:iam::123456789012:role/BedrockCustomization" // reads and writes the data
	Bucket = "example-fine-tuning"                                 // takes the job's output
)

// Hints tell a policy generator what only a run knows: that what is looked at is a
// deployment of the account, and which one is asked. The latter is the one in the answers
// beside this file: the service gives every deployment another id.
var Hints = map[string][]string{
	"Deploy model.ModelArn":                              {"arn:aws:bedrock:us-east-1:123456789012:custom-model/amazon.nova-micro-v1:0:128k/*"},
	"Look at deployment.CustomModelDeploymentIdentifier": {"arn:aws:bedrock:us-east-1:123456789012:custom-model-deployment/*"},
	"Evaluate model.ModelId":                             {"arn:aws:bedrock:us-east-1:123456789012:custom-model-deployment/yz0123456789"},
}

// Definition describes the workflow.
func Definition() *asl.Definition {
	failed := asl.Fail("Training failed").
		ErrorFrom(asl.Path("$.failure.Error")).
		CauseFrom(asl.Path("$.failure.Cause"))
	on := asl.CatchOn(asl.StatesALL).ResultPath("$.failure")

	train := bedrock.CreateModelCustomizationJobSync("Train model", bedrock.CustomizationJob{
		JobName:             asl.Path("$$.Execution.Name"),
		ClientRequestToken:  asl.Path("$$.Execution.Name"), // a retry starts no second job
		CustomModelName:     asl.Path("$.model"),
		RoleArn:             Role,
		BaseModelIdentifier: "amazon.nova-micro-v1:0:128k",
		CustomizationType:   bedrock.FineTuning,
		TrainingData:        bedrock.TrainingS3(asl.Path("$.train")),
		OutputS3Uri:         "s3://" + Bucket + "/jobs/",
		HyperParameters:     asl.Object{"epochCount": "2", "learningRate": "0.00001", "batchSize": "1"},
	}).
		ResultSelector(asl.Object{"status": bedrock.Job("Status"), "model": bedrock.Job("OutputModelArn")}).
		ResultPath("$.job").
		Retry(bedrock.Retry()).
		Catch(on, failed)

	deploy := asl.Task("Deploy model", asl.SDKServiceARN("bedrock", "createCustomModelDeployment", asl.RequestResponse)).
		Parameters(asl.Object{
			"ModelDeploymentName": asl.Path("$.model"),
			"ModelArn":            asl.Path("$.job.model"),
		}).
		ResultSelector(asl.Object{"arn": asl.Path("$.CustomModelDeploymentArn")}).
		ResultPath("$.deployment").
		Catch(on, failed)
	look := asl.Task("Look at deployment", asl.SDKServiceARN("bedrock", "getCustomModelDeployment", asl.RequestResponse)).
		Parameters(asl.Object{"CustomModelDeploymentIdentifier": asl.Path("$.deployment.arn")}).
		ResultSelector(asl.Object{"arn": asl.Path("$.CustomModelDeploymentArn"), "status": asl.Path("$.Status")}).
		ResultPath("$.deployment").
		Catch(on, failed)

	tuned := bedrock.ModelFrom(asl.Path("$.deployment.arn")).WithFamily(bedrock.NovaText)
	evaluate := bedrock.InvokeModel("Evaluate model", tuned,
		bedrock.Body(bedrock.Nova{MaxTokens: 200, Messages: bedrock.Ask(asl.Path("$.question"))})).
		ResultSelector(asl.Object{"text": tuned.Text()}).
		ResultPath("$.answer").
		Retry(bedrock.Retry()).
		Catch(on, failed)
	done := asl.Pass("Model is ready").
		Parameters(asl.Object{
			"model":      asl.Path("$.job.model"),
			"deployment": asl.Path("$.deployment.arn"),
			"answer":     asl.Path("$.answer.text"),
		})

	status := asl.Path("$.deployment.status")
	active := asl.Choice("Deployment active?").
		When(status.StringEquals("Active"), asl.Chain(evaluate, done)).
		When(status.StringEquals("Creating"), asl.Wait("Wait for deployment", asl.Seconds(60)).Next(look)).
		Otherwise(asl.Fail("Deployment failed").Error("DeploymentFailed").CauseFrom(asl.States.Format("the deployment is {}", status)))
	completed := asl.Choice("Training completed?").
		When(asl.Path("$.job.status").StringEquals(bedrock.JobCompleted), asl.Chain(deploy, look, active)).
		Otherwise(asl.Fail("Training incomplete").Error("TrainingIncomplete").CauseFrom(asl.States.Format("the job is {}", asl.Path("$.job.status"))))

	return asl.Define(asl.Chain(train, completed)).
		Comment("Fine-tunes a model, deploys it and asks it a question")
}
