package main

import (
	"strings"

	"github.com/sfnkit/sfnkit/asl/value"
	"github.com/sfnkit/sfnkit/policygen/iam"
)

// samPolicies are the policy templates of SAM that state machines use most, as the SAM
// translator had them in 2026-11: actions, and resources with {Parameter} for the
// parameters. The others count as unknown.
var samPolicies = map[string]struct{ actions, resources string }{
	"LambdaInvokePolicy":        {"lambda:InvokeFunction", "lambda:${AWS::Region}:${AWS::AccountId}:function:{FunctionName}*"},
	"CloudWatchPutMetricPolicy": {"cloudwatch:PutMetricData", "*"},
	"SNSPublishMessagePolicy":   {"sns:Publish", "sns:${AWS::Region}:${AWS::AccountId}:{TopicName}"},
	"SQSSendMessagePolicy":      {"sqs:SendMessage*", "sqs:${AWS::Region}:${AWS::AccountId}:{QueueName}"},
	"DynamoDBReadPolicy":        {"dynamodb:GetItem dynamodb:Scan dynamodb:Query dynamodb:BatchGetItem dynamodb:DescribeTable", samTable},
	"DynamoDBCrudPolicy": {"dynamodb:GetItem dynamodb:DeleteItem dynamodb:PutItem dynamodb:Scan dynamodb:Query dynamodb:UpdateItem " +
		"dynamodb:BatchWriteItem dynamodb:BatchGetItem dynamodb:DescribeTable dynamodb:ConditionCheckItem", samTable},
	"S3ReadPolicy": {"s3:GetObject s3:ListBucket s3:GetBucketLocation s3:GetObjectVersion s3:GetLifecycleConfiguration", samBucket},
	"S3CrudPolicy": {"s3:GetObject s3:ListBucket s3:GetBucketLocation s3:GetObjectVersion s3:PutObject s3:PutObjectAcl " +
		"s3:GetLifecycleConfiguration s3:PutLifecycleConfiguration s3:DeleteObject", samBucket},
}

var samParameters = []string{"FunctionName", "TopicName", "QueueName", "TableName", "BucketName"}

const (
	samTable  = "dynamodb:${AWS::Region}:${AWS::AccountId}:table/{TableName} dynamodb:${AWS::Region}:${AWS::AccountId}:table/{TableName}/index/*"
	samBucket = "s3:::{BucketName} s3:::{BucketName}/*"
)

// samPolicy returns the policy that SAM makes of a policy template; false if it is not
// among those that are known here.
func samPolicy(name string, parameters value.Value) (*iam.Policy, bool) {
	t, ok := samPolicies[name]
	if !ok {
		return nil, false
	}
	var resources []string
	for _, r := range strings.Fields(t.resources) {
		for _, p := range samParameters {
			if !strings.Contains(r, "{"+p+"}") {
				continue
			}
			v := parameters.Get(p)
			if !v.IsString() {
				return nil, false
			}
			r = strings.ReplaceAll(r, "{"+p+"}", v.Str())
		}
		if r != "*" {
			r = "arn:${AWS::Partition}:" + r
		}
		resources = append(resources, r)
	}
	return &iam.Policy{Version: iam.Version2012, Statements: []iam.Statement{{
		Effect: iam.Allow, Actions: strings.Fields(t.actions), Resources: resources,
	}}}, true
}
