package apigateway

import "payment-webhooks/local/assembly"

// Types are the resource types that this package emulates.
var Types = []assembly.Type{
	{
		Name: "AWS::ApiGateway::RestApi", Properties: RestAPI{},
		IDs: func(i *assembly.Instance) assembly.IDs {
			return assembly.IDs{Ref: i.Hash(10), Attributes: map[string]string{"RestApiId": i.Hash(10), "RootResourceId": "root" + i.Hash(6)}}
		},
	},
	{
		Name: "AWS::ApiGateway::Resource", Properties: Resource{},
		IDs: func(i *assembly.Instance) assembly.IDs {
			return assembly.IDs{Ref: i.Hash(6), Attributes: map[string]string{"ResourceId": i.Hash(6)}}
		},
	},
	{Name: "AWS::ApiGateway::Method", Properties: Method{}},
	{Name: "AWS::ApiGateway::Stage", Properties: Stage{}, NameProperty: "StageName"},
	{Name: "AWS::ApiGateway::GatewayResponse", Properties: GatewayResponse{}},
}
