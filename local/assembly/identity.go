package assembly

import (
	"fmt"
	"strings"
)

// identity is how other resources speak of one: Ref and Fn::GetAtt. The
// return values of each type are on its page in the CloudFormation template
// reference, under "Return values".
type identity struct {
	ref  string
	atts map[string]string
}

// nameProperty says which property carries the physical name.
var nameProperty = map[string]string{
	"AWS::DynamoDB::Table":             "TableName",
	"AWS::DynamoDB::GlobalTable":       "TableName",
	"AWS::SQS::Queue":                  "QueueName",
	"AWS::SNS::Topic":                  "TopicName",
	"AWS::Lambda::Function":            "FunctionName",
	"AWS::IAM::Role":                   "RoleName",
	"AWS::IAM::ManagedPolicy":          "ManagedPolicyName",
	"AWS::Logs::LogGroup":              "LogGroupName",
	"AWS::Events::EventBus":            "Name",
	"AWS::Events::Rule":                "Name",
	"AWS::Events::Archive":             "ArchiveName",
	"AWS::StepFunctions::StateMachine": "StateMachineName",
	"AWS::S3::Bucket":                  "BucketName",
	"AWS::CloudWatch::Dashboard":       "DashboardName",
	"AWS::CloudWatch::Alarm":           "AlarmName",
	"AWS::CloudWatch::CompositeAlarm":  "AlarmName",
	"AWS::KMS::Alias":                  "AliasName",
	"AWS::ApiGateway::Stage":           "StageName",
	"AWS::SecretsManager::Secret":      "Name",
}

func (r *Resolver) identify(id string) (identity, error) {
	if found, ok := r.ids[id]; ok {
		return found, nil
	}
	resource, ok := r.stack.Resources[id]
	if !ok {
		return identity{}, fmt.Errorf("reference to %s, which the template does not have", id)
	}
	if r.inUse[id] {
		return identity{}, fmt.Errorf("the name of %s refers to itself", id)
	}
	r.inUse[id] = true
	defer delete(r.inUse, id)

	properties, _ := resource.Properties.(map[string]any)
	// text returns a property that the identity depends on.
	text := func(property, otherwise string) (string, error) {
		value, has := properties[property]
		if !has {
			return otherwise, nil
		}
		return r.text(value)
	}
	hash := strings.ToUpper(made(12, r.stack.Name, id))
	name, err := text(nameProperty[resource.Type], r.stack.Name+"-"+id+"-"+hash)
	if err != nil {
		return identity{}, fmt.Errorf("%s: %w", id, err)
	}
	arn := func(service, rest string) string {
		return "arn:aws:" + service + ":" + r.env.Region + ":" + r.env.Account + ":" + rest
	}

	var found identity
	switch resource.Type {
	case "AWS::KMS::Key":
		key := uuid(r.stack.Name, id)
		found = identity{key, map[string]string{"Arn": arn("kms", "key/"+key), "KeyId": key}}
	case "AWS::DynamoDB::Table", "AWS::DynamoDB::GlobalTable":
		table := arn("dynamodb", "table/"+name)
		// The stream's label is the time of its creation, so this is only
		// what stands here until Resolver.Set tells the real one.
		found = identity{name, map[string]string{"Arn": table, "StreamArn": table + "/stream/not-yet-created"}}
	case "AWS::SQS::Queue":
		url := r.env.Endpoint + "/" + r.env.Account + "/" + name
		found = identity{url, map[string]string{"Arn": arn("sqs", name), "QueueName": name, "QueueUrl": url}}
	case "AWS::SNS::Topic":
		found = identity{arn("sns", name), map[string]string{"TopicArn": arn("sns", name), "TopicName": name}}
	case "AWS::Lambda::Function":
		found = identity{name, map[string]string{"Arn": arn("lambda", "function:"+name)}}
	case "AWS::IAM::Role":
		found = identity{name, map[string]string{"Arn": "arn:aws:iam::" + r.env.Account + ":role/" + name, "RoleId": "AROA" + hash}}
	case "AWS::IAM::ManagedPolicy":
		policy := "arn:aws:iam::" + r.env.Account + ":policy/" + name
		found = identity{policy, map[string]string{"PolicyArn": policy}}
	case "AWS::Logs::LogGroup":
		found = identity{name, map[string]string{"Arn": arn("logs", "log-group:"+name+":*")}}
	case "AWS::Events::EventBus":
		found = identity{name, map[string]string{"Arn": arn("events", "event-bus/"+name), "Name": name}}
	case "AWS::Events::Rule":
		bus, err := text("EventBusName", "default")
		if err != nil {
			return identity{}, err
		}
		bus = bus[strings.LastIndex(bus, "/")+1:] // the property also takes the bus's ARN
		if bus == "default" {
			found = identity{name, map[string]string{"Arn": arn("events", "rule/"+name)}}
		} else {
			found = identity{bus + "|" + name, map[string]string{"Arn": arn("events", "rule/"+bus+"/"+name)}}
		}
	case "AWS::Events::Archive":
		found = identity{name, map[string]string{"Arn": arn("events", "archive/"+name)}}
	case "AWS::StepFunctions::StateMachine":
		machine := arn("states", "stateMachine:"+name)
		found = identity{machine, map[string]string{"Arn": machine, "Name": name}}
	case "AWS::S3::Bucket":
		if _, named := properties["BucketName"]; !named {
			name = strings.ToLower(name)
		}
		found = identity{name, map[string]string{
			"Arn":                "arn:aws:s3:::" + name,
			"DomainName":         name + ".s3.amazonaws.com",
			"RegionalDomainName": name + ".s3." + r.env.Region + ".amazonaws.com",
		}}
	case "AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm":
		found = identity{name, map[string]string{"Arn": arn("cloudwatch", "alarm:"+name)}}
	case "AWS::CloudWatch::Dashboard", "AWS::KMS::Alias":
		found = identity{ref: name}
	case "AWS::SecretsManager::Secret":
		found = identity{ref: arn("secretsmanager", "secret:"+name+"-"+made(6, r.stack.Name, id))}
	case "AWS::ApiGateway::RestApi":
		api := made(10, r.stack.Name, id)
		found = identity{api, map[string]string{"RestApiId": api, "RootResourceId": made(10, api, "/")}}
	case "AWS::ApiGateway::Stage":
		found = identity{ref: name}
	case "AWS::ApiGateway::Resource":
		resourceID := made(6, r.stack.Name, id)
		found = identity{resourceID, map[string]string{"ResourceId": resourceID}}
	case "AWS::ApiGateway::Deployment":
		found = identity{made(6, r.stack.Name, id), map[string]string{"DeploymentId": made(6, r.stack.Name, id)}}
	case "AWS::Lambda::EventSourceMapping":
		found = identity{uuid(r.stack.Name, id), map[string]string{"Id": uuid(r.stack.Name, id)}}
	default:
		found = identity{ref: name}
	}
	r.ids[id] = found
	return found, nil
}
