package policygen

import (
	"slices"
	"strings"

	"github.com/sfnkit/sfnkit/policygen/iam"
)

// TrustPolicy returns the trust policy of the execution role: Step Functions may
// assume it, for this state machine (or, if its name is not known, any of the
// account and region) only, so that nobody else can make the service use it.
func (r *Result) TrustPolicy() *iam.Policy {
	w, err := newWalk(r.opts)
	if err != nil { // Generate has checked the options
		panic(err)
	}
	conditions := []iam.Condition{{Operator: "ArnLike", Key: "aws:SourceArn", Values: []string{w.own.machineARN}}}
	if w.opts.Account != "*" {
		conditions = append(conditions, iam.Condition{Operator: "StringEquals", Key: "aws:SourceAccount", Values: []string{w.opts.Account}})
	}
	return &iam.Policy{Version: iam.Version2012, Statements: []iam.Statement{{
		Effect: iam.Allow, Principals: []iam.Principal{{Kind: "Service", Value: "states.amazonaws.com"}},
		Actions: []string{"sts:AssumeRole"}, Conditions: conditions,
	}}}
}

// DeployerOptions say what a deployment does besides creating the state machine.
type DeployerOptions struct {
	Role    string // name of the execution role, with its path
	Publish bool   // versions are published
	Tags    bool   // the state machine has tags
}

// DeployerPolicy returns what is needed to create, update and delete the state
// machine (not the role itself).
func DeployerPolicy(opts Options, deploy DeployerOptions) (*iam.Policy, error) {
	w, err := newWalk(opts)
	if err != nil {
		return nil, err
	}
	actions := []string{"states:CreateStateMachine", "states:DeleteStateMachine", "states:DescribeStateMachine", "states:UpdateStateMachine"}
	if deploy.Publish {
		actions = append(actions, "states:PublishStateMachineVersion")
	}
	if deploy.Tags {
		actions = append(actions, "states:ListTagsForResource", "states:TagResource", "states:UntagResource")
	}
	slices.Sort(actions)
	role := deploy.Role
	if role == "" {
		role = "*"
	}
	return &iam.Policy{Version: iam.Version2012, Statements: []iam.Statement{
		{Sid: "StateMachine", Effect: iam.Allow, Actions: actions, Resources: []string{w.own.machineARN}},
		{Sid: "Validate", Effect: iam.Allow, Actions: []string{"states:ValidateStateMachineDefinition"}, Resources: []string{"*"}},
		{Sid: "PassExecutionRole", Effect: iam.Allow, Actions: []string{"iam:PassRole"}, Resources: []string{w.arn("arn:{P}:iam::{A}:role/" + role)},
			Conditions: []iam.Condition{{Operator: "StringEquals", Key: "iam:PassedToService", Values: []string{"states.amazonaws.com"}}}},
	}}, nil
}

// DeveloperPolicy returns the inline policy of a permission set for people who try
// the workflow's models from their own machines: calling the models that the
// workflow calls, with and without streaming, and looking up what is offered. It is
// for people; deployed code uses the execution role.
func (r *Result) DeveloperPolicy() *iam.Policy {
	p := &iam.Policy{Version: iam.Version2012}
	for _, s := range r.Statements {
		if !slices.Contains(s.Actions, invokeModel) {
			continue
		}
		d := s.Statement
		d.Actions = []string{invokeModel, "bedrock:InvokeModelWithResponseStream"}
		d.Sid = "Invoke" + strings.TrimPrefix(s.Sid, "BedrockInvokeModel")
		p.Statements = append(p.Statements, d)
	}
	// These actions have no resources.
	p.Statements = append(p.Statements, iam.Statement{Sid: "LookUp", Effect: iam.Allow, Actions: []string{
		"bedrock:GetFoundationModelAvailability", "bedrock:ListFoundationModels", "bedrock:ListInferenceProfiles"}, Resources: []string{"*"}})
	return p
}
