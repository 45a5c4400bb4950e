package constructs

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/jsii-runtime-go"
)

const (
	// tlsPolicy accepts TLS 1.2 and 1.3, and no TLS 1.0, which the default of a Regional REST
	// API accepts. Of the policies with TLS 1.2 it has the most cipher suites, so it rejects no
	// provider that has TLS 1.2 at all.
	// https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-security-policies-list.html
	tlsPolicy = "SecurityPolicy_TLS13_1_2_PQ_2025_09"

	// endpointAccess is what a policy with such a name requires beside it. STRICT rejects
	// requests whose Host is not the name of the TLS handshake.
	// https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-security-policies.html#apigateway-security-policies-endpoint-access-mode
	endpointAccess = "STRICT"
)

// requireTLS12 has the API reject versions of TLS before 1.2 on each of its endpoints. The
// library's RestApi has no props for it.
func requireTLS12(api awsapigateway.RestApi) {
	resource := api.Node().DefaultChild().(awsapigateway.CfnRestApi)
	resource.SetSecurityPolicy(jsii.String(tlsPolicy))
	resource.SetEndpointAccessMode(jsii.String(endpointAccess))
}
