package explain

import (
	"fmt"
	"strings"

	"github.com/sfnkit/sfnkit/asl/bedrock/catalog"
	"github.com/sfnkit/sfnkit/policygen/iam"
)

// denied is the policy that allows what was denied. For a call through an
// inference profile that is more than the one resource in the message: AWS names
// only the first authorisation that fails. Without a policy it says why there is none.
func (x *Explainer) denied(out *Explanation) (p *iam.Policy, missing string) {
	d := out.Denial
	switch {
	case d == nil:
		return nil, "The message does not tell which action on which resource was denied."
	case d.Explicit:
		return nil, "No statement helps as long as a Deny matches: find it and narrow it."
	}
	if strings.EqualFold(d.Action, "bedrock:InvokeModel") || strings.EqualFold(d.Action, "bedrock:InvokeModelWithResponseStream") {
		if p := x.invoke(out); p != nil {
			return p, ""
		}
	}
	resource := or(d.Resource, "*")
	if resource != "*" && !strings.HasPrefix(resource, "arn:") {
		// Some messages have a name in the place of the resource.
		return nil, "The message does not give the ARN of the resource, so that the exact statement cannot be written; CloudTrail has it."
	}
	s := iam.Statement{Effect: iam.Allow, Actions: []string{d.Action}, Resources: []string{resource}}
	if strings.EqualFold(d.Action, "iam:PassRole") {
		s.Conditions = []iam.Condition{{Operator: "StringEquals", Key: "iam:PassedToService", Values: []string{receiver(&out.Error)}}}
	}
	return policy(s), ""
}

// receiver is the service that a role was handed to, which IAM's message does not
// tell: it follows from the call. In a workflow of models it is Bedrock.
func receiver(u *Unwrapped) string {
	switch u.Operation {
	case "CreateStateMachine", "UpdateStateMachine":
		return "states.amazonaws.com"
	case "RunTask", "RegisterTaskDefinition":
		return "ecs-tasks.amazonaws.com"
	}
	for _, name := range []string{u.Prefix, u.Service} {
		switch strings.ToLower(strings.ReplaceAll(name, " ", "")) {
		case "sfn", "amazonstates", "stepfunctions":
			return "states.amazonaws.com"
		case "ecs", "amazonecs":
			return "ecs-tasks.amazonaws.com"
		case "sagemaker", "amazonsagemaker":
			return "sagemaker.amazonaws.com"
		case "glue", "awsglue":
			return "glue.amazonaws.com"
		case "scheduler":
			return "scheduler.amazonaws.com"
		case "emrserverless":
			return "emr-serverless.amazonaws.com"
		case "mediaconvert", "awsmediaconvert":
			return "mediaconvert.amazonaws.com"
		}
	}
	return "bedrock.amazonaws.com"
}

func policy(statements ...iam.Statement) *iam.Policy {
	return &iam.Policy{Version: iam.Version2012, Statements: statements}
}

// invoke allows a model call. nil: the message does not tell enough.
func (x *Explainer) invoke(out *Explanation) *iam.Policy {
	d := out.Denial
	m := modelARN().FindStringSubmatch(d.Resource)
	if m == nil {
		if strings.HasPrefix(d.Resource, "arn:") {
			return policy(iam.Statement{Effect: iam.Allow, Actions: []string{d.Action}, Resources: []string{d.Resource}})
		}
		return nil
	}
	region, account, kind, id := m[2], or(m[3], out.Facts["account"]), m[4], m[5]
	switch kind {
	case "inference-profile":
		return throughProfile(d.Action, m[1], id, region, account)
	case "foundation-model":
		profile := ""
		if g := profileID().FindStringSubmatch(x.Model); g != nil && g[2] == id {
			profile = x.Model
		} else if region == "" {
			profile = "global." + id
		}
		if profile != "" && out.Facts["region"] != "" && account != "" {
			return throughProfile(d.Action, m[1], profile, out.Facts["region"], account)
		}
	}
	return policy(iam.Statement{Effect: iam.Allow, Actions: []string{d.Action}, Resources: []string{d.Resource}})
}

// throughProfile allows an action through a system-defined inference profile: the
// profile in the source region, and its model in each destination, though only for
// calls that come through the profile. A global profile is checked a last time for
// the model without region.
func throughProfile(action, partition, id, source, account string) *iam.Policy {
	profile := fmt.Sprintf("arn:%s:bedrock:%s:%s:inference-profile/%s", partition, source, account, id)
	g := profileID().FindStringSubmatch(id)
	if g == nil {
		return policy(iam.Statement{Effect: iam.Allow, Actions: []string{action}, Resources: []string{profile}})
	}
	model := func(region string) string {
		return fmt.Sprintf("arn:%s:bedrock:%s::foundation-model/%s", partition, region, g[2])
	}
	var models []string
	if p := catalog.FindProfile(id); p != nil {
		destinations, _ := p.Destinations(source)
		for _, r := range destinations {
			models = append(models, model(r))
		}
	}
	if len(models) == 0 { // the condition keeps it to what the profile routes to
		models = []string{model("*")}
	}
	return policy(
		iam.Statement{Effect: iam.Allow, Actions: []string{action}, Resources: []string{profile}},
		iam.Statement{Effect: iam.Allow, Actions: []string{action}, Resources: models,
			Conditions: []iam.Condition{{Operator: "StringEquals", Key: "bedrock:InferenceProfileArn", Values: []string{profile}}}},
	)
}

// profile is the policy for the profile that replaces a bare model id. Without a
// policy it says what is missing.
func profile(out *Explanation) (p *iam.Policy, missing string) {
	region, id := out.Facts["region"], out.Facts["model"]
	switch {
	case id == "":
		return nil, "For the exact statements give the model (--model ID) and the region of the call (--region REGION)."
	case profileID().MatchString(id):
		return nil, id + " is a profile already: check that it can be called from the region of the call."
	case region == "":
		return nil, "For the exact statements give the region of the call (--region REGION)."
	}
	return throughProfile("bedrock:InvokeModel", partition(out), profileIDs(id, region)[0], region, or(out.Facts["account"], "<account>")), ""
}

func managedRules(out *Explanation) *iam.Policy {
	role := roleName().FindStringSubmatch(out.Facts["role"])
	p, account := partition(out), or(out.Facts["account"], "<account>")
	if role != nil {
		p, account = role[1], role[2]
	}
	region := or(out.Facts["region"], "<region>")
	var rules []string
	for _, name := range managedRuleNames {
		rules = append(rules, fmt.Sprintf("arn:%s:events:%s:%s:rule/%s", p, region, account, name))
	}
	return policy(iam.Statement{Effect: iam.Allow, Actions: []string{"events:DescribeRule", "events:PutRule", "events:PutTargets"}, Resources: rules})
}

// managedRuleNames are the rules of the integrations that wait through EventBridge
// (Step Functions developer guide, 2026-11; those of processing and tuning jobs: AWS
// Step Functions Data Science SDK); the singular in some is AWS's.
var managedRuleNames = []string{
	"StepFunctionsGetEventForCodeBuildStartBuildBatchRule",
	"StepFunctionsGetEventForCodeBuildStartBuildRule",
	"StepFunctionsGetEventForEMRAddJobFlowStepsRule",
	"StepFunctionsGetEventForEMRRunJobFlowRule",
	"StepFunctionsGetEventForEMRTerminateJobFlowsRule",
	"StepFunctionsGetEventsForBatchJobsRule",
	"StepFunctionsGetEventsForECSTaskRule",
	"StepFunctionsGetEventsForEMRServerlessApplicationRule",
	"StepFunctionsGetEventsForEMRServerlessJobRule",
	"StepFunctionsGetEventsForMediaConvertJobRule",
	"StepFunctionsGetEventsForSageMakerProcessingJobsRule",
	"StepFunctionsGetEventsForSageMakerTrainingJobsRule",
	"StepFunctionsGetEventsForSageMakerTransformJobsRule",
	"StepFunctionsGetEventsForSageMakerTuningJobsRule",
	"StepFunctionsGetEventsForStepFunctionsExecutionRule",
}

// logging is what a state machine needs to write logs; the actions have no resources.
var logging = []string{
	"logs:CreateLogDelivery", "logs:DeleteLogDelivery", "logs:DescribeLogGroups", "logs:DescribeResourcePolicies",
	"logs:GetLogDelivery", "logs:ListLogDeliveries", "logs:PutResourcePolicy", "logs:UpdateLogDelivery",
}

func trust(out *Explanation, service, source string) *iam.Policy {
	region, account := or(out.Facts["region"], "<region>"), or(out.Facts["account"], "<account>")
	return policy(iam.Statement{
		Effect: iam.Allow, Principals: []iam.Principal{{Kind: "Service", Value: service}}, Actions: []string{"sts:AssumeRole"},
		Conditions: []iam.Condition{
			{Operator: "ArnLike", Key: "aws:SourceArn", Values: []string{fmt.Sprintf(source, partition(out), region, account)}},
			{Operator: "StringEquals", Key: "aws:SourceAccount", Values: []string{account}},
		},
	})
}
