package constructs

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscertificatemanager"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsroute53"
	cdkconstructs "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// Domain is a name for the API in place of the one that API Gateway makes up.
type Domain struct {
	Name           string // "" for none
	CertificateARN string // in ACM, in the stack's region
	HostedZoneID   string // in Route 53, in the stack's account
}

// addDomain serves the API at https://NAME/webhook, without the stage, and at no other
// address: the default endpoint answers 403.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/rest-api-disable-default-endpoint.html
func addDomain(scope cdkconstructs.Construct, api awsapigateway.RestApi, d Domain) {
	api.Node().DefaultChild().(awsapigateway.CfnRestApi).SetDisableExecuteApiEndpoint(jsii.Bool(true))
	domain := awsapigateway.NewDomainName(scope, jsii.String("Domain"), &awsapigateway.DomainNameProps{
		DomainName:         &d.Name,
		Certificate:        awscertificatemanager.Certificate_FromCertificateArn(scope, jsii.String("Certificate"), &d.CertificateARN),
		EndpointType:       awsapigateway.EndpointType_REGIONAL,
		SecurityPolicy:     awsapigateway.SecurityPolicy_TLS13_1_2_PQ_2025_09, // tlsPolicy
		EndpointAccessMode: awsapigateway.EndpointAccessMode_STRICT,
		Mapping:            api,
	})
	awsroute53.NewCfnRecordSet(scope, jsii.String("DomainRecord"), &awsroute53.CfnRecordSetProps{
		HostedZoneId: &d.HostedZoneID,
		Name:         &d.Name,
		Type:         jsii.String("A"),
		AliasTarget: &awsroute53.CfnRecordSet_AliasTargetProperty{
			DnsName: domain.DomainNameAliasDomainName(), HostedZoneId: domain.DomainNameAliasHostedZoneId(),
		},
	})
}
