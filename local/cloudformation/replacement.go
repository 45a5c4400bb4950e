package cloudformation

import (
	"maps"
	"reflect"
	"slices"
)

// createOnly are the properties, by type, whose change replaces the resource: "Update requires:
// Replacement" on the type's page, and createOnlyProperties in its schema.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-template-resource-type-ref.html
var createOnly = map[string][]string{
	"AWS::ApiGateway::Deployment":      {"RestApiId"},
	"AWS::ApiGateway::GatewayResponse": {"ResponseType", "RestApiId"},
	"AWS::ApiGateway::Method":          {"HttpMethod", "ResourceId", "RestApiId"},
	"AWS::ApiGateway::Resource":        {"ParentId", "PathPart", "RestApiId"},
	"AWS::ApiGateway::Stage":           {"RestApiId", "StageName"},
	"AWS::CloudWatch::Alarm":           {"AlarmName"},
	"AWS::CloudWatch::Dashboard":       {"DashboardName"},
	"AWS::DynamoDB::Table":             {"KeySchema", "LocalSecondaryIndexes", "TableName"},
	"AWS::ECR::Repository":             {"EncryptionConfiguration", "RepositoryName"},
	"AWS::Events::Archive":             {"ArchiveName", "SourceArn"},
	"AWS::Events::EventBus":            {"Name"},
	"AWS::Events::Rule":                {"EventBusName", "Name"},
	"AWS::IAM::ManagedPolicy":          {"Description", "ManagedPolicyName", "Path"},
	"AWS::IAM::Policy":                 {"PolicyName"},
	"AWS::IAM::Role":                   {"Path", "RoleName"},
	"AWS::KMS::Alias":                  {"AliasName"},
	"AWS::Lambda::EventInvokeConfig":   {"FunctionName", "Qualifier"},
	"AWS::Lambda::EventSourceMapping":  {"EventSourceArn", "StartingPosition", "StartingPositionTimestamp"},
	"AWS::Lambda::Function":            {"FunctionName", "PackageType"},
	"AWS::Lambda::Permission":          {"Action", "EventSourceToken", "FunctionName", "FunctionUrlAuthType", "Principal", "PrincipalOrgID", "SourceAccount", "SourceArn"},
	"AWS::Logs::LogGroup":              {"LogGroupName"},
	"AWS::Logs::MetricFilter":          {"FilterName", "LogGroupName"},
	"AWS::Logs::ResourcePolicy":        {"PolicyName"},
	"AWS::S3::Bucket":                  {"BucketName"},
	"AWS::S3::BucketPolicy":            {"Bucket"},
	"AWS::SNS::Subscription":           {"Endpoint", "Protocol", "TopicArn"},
	"AWS::SNS::Topic":                  {"FifoTopic", "TopicName"},
	"AWS::SQS::Queue":                  {"FifoQueue", "QueueName"},
	"AWS::SSM::Parameter":              {"Name"},
	"AWS::StepFunctions::StateMachine": {"StateMachineName", "StateMachineType"},
	"Custom::S3AutoDeleteObjects":      {"ServiceToken"},
}

// Actions of a change.
const (
	actionAdd    = "Add"
	actionModify = "Modify"
	actionRemove = "Remove"
)

// change is what an update does to one resource.
type change struct {
	action        string
	before, after Planned // after is zero for Remove, before for Add
	properties    []string
	replaced      []string // of the properties, those that replace the resource
}

func (c change) resource() Planned {
	if c.action == actionRemove {
		return c.before
	}
	return c.after
}

// compare returns what leads from the resources of a stack to those of a template: additions and
// modifications in the order of creation, then removals in the reverse of it.
func compare(before, after []Planned) []change {
	had := map[string]Planned{}
	for _, p := range before {
		had[p.LogicalID] = p
	}
	var changes []change
	for _, p := range after {
		old, is := had[p.LogicalID]
		delete(had, p.LogicalID)
		switch {
		case !is:
			changes = append(changes, change{action: actionAdd, after: p})
		default:
			c := change{action: actionModify, before: old, after: p, properties: differing(old.Properties, p.Properties)}
			for _, name := range c.properties {
				if slices.Contains(createOnly[p.Type], name) {
					c.replaced = append(c.replaced, name)
				}
			}
			if old.Type != p.Type {
				c.replaced = append(c.replaced, "Type")
			}
			if len(c.properties) > 0 || len(c.replaced) > 0 || p.Err != nil {
				changes = append(changes, c)
			}
		}
	}
	for _, p := range slices.Backward(before) {
		if _, is := had[p.LogicalID]; is {
			changes = append(changes, change{action: actionRemove, before: p})
		}
	}
	return changes
}

// differing returns the names of the properties whose values differ, sorted.
func differing(a, b map[string]any) []string {
	names := map[string]bool{}
	for name, value := range a {
		if other, has := b[name]; !has || !reflect.DeepEqual(value, other) {
			names[name] = true
		}
	}
	for name := range b {
		if _, has := a[name]; !has {
			names[name] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}
