package emulator

import (
	"payment-webhooks/local/apigateway"
	"payment-webhooks/local/assembly"
	"payment-webhooks/local/cloudwatch"
	"payment-webhooks/local/events"
	"payment-webhooks/local/eventsource"
	"payment-webhooks/local/iam"
	"payment-webhooks/local/lambda"
	"payment-webhooks/local/provision"
	"payment-webhooks/local/states"
)

// types are the supported resource types: those that the services emulate, and the inert ones.
var types = assembly.NewTypes(
	provision.Types, cloudwatch.Types, iam.Types, lambda.Types, eventsource.Types, apigateway.Types, events.Types, states.Types, inert,
)

// dataTypes are the resource types of a stack without code, such as that of `cdk bootstrap`.
var dataTypes = assembly.NewTypes(provision.Types, withoutEffect(iam.Types, "a stack without code makes no calls"), inert)

// withoutEffect returns types with the same names, whose resources need no emulation.
func withoutEffect(list []assembly.Type, reason string) []assembly.Type {
	var all []assembly.Type
	for _, t := range list {
		t.Properties, t.Inert = nil, reason
		all = append(all, t)
	}
	return all
}

// inert are the resource types that need no emulation, each with the reason. Their references
// are resolved all the same.
var inert = []assembly.Type{
	{Name: "AWS::ApiGateway::Account", Inert: "lets API Gateway write logs, which the local run does itself"},
	{Name: "AWS::ApiGateway::Deployment", Inert: "a snapshot of the API; only the template's is served", IDs: deploymentIDs},
	{Name: "AWS::WAFv2::WebACL", Inert: "rejects floods and attacks from the internet, of which there are none", NameProperty: "Name", IDs: webACLIDs},
	{Name: "AWS::WAFv2::WebACLAssociation", Inert: "puts a web ACL before the API"},
	{Name: "AWS::XRay::SamplingRule", Inert: "limits the bill; here up to 20 traces of each second are recorded"},
	{Name: "AWS::CDK::Metadata", Inert: "reports to AWS which constructs were used"},
	{Name: "Custom::ApiGatewayAccount", Inert: "lets API Gateway write logs, which the local run does itself"},
	{Name: "Custom::S3AutoDeleteObjects", Inert: "empties the bucket when the stack is deleted; the bucket ends with moto"},
}

func deploymentIDs(i *assembly.Instance) assembly.IDs {
	return assembly.IDs{Ref: i.Hash(6), Attributes: map[string]string{"DeploymentId": i.Hash(6)}}
}

func webACLIDs(i *assembly.Instance) assembly.IDs {
	return assembly.IDs{Ref: i.Name + "|" + i.UUID() + "|REGIONAL", Attributes: map[string]string{
		"Arn": i.ARN("wafv2", "regional/webacl/"+i.Name+"/"+i.UUID()), "Id": i.UUID(),
	}}
}
