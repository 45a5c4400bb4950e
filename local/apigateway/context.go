package apigateway

import (
	"regexp"
	"strings"
)

// contextVariable is "$context.requestId" in an access log format or a
// gateway response.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-variables-for-access-logging.html
var contextVariable = regexp.MustCompile(`\$context\.([a-zA-Z0-9_-]+(?:\.[a-zA-Z0-9_-]+)*)`)

// expand replaces the context variables of a format. A variable without a
// value becomes "-", as in API Gateway's access logs.
func expand(format string, lookup func(string) (string, bool)) string {
	return contextVariable.ReplaceAllStringFunc(format, func(match string) string {
		name := strings.TrimPrefix(match, "$context.")
		// The expression excludes a full stop at the end: it belongs to the sentence.
		if value, ok := lookup(name); ok && value != "" {
			return value
		}
		return "-"
	})
}

// knownVariables are the context variables that have a value here.
var knownVariables = map[string]bool{
	"accountId": true, "apiId": true, "awsEndpointRequestId": true, "domainName": true, "error.message": true,
	"error.messageString": true, "error.responseType": true, "extendedRequestId": true, "httpMethod": true,
	"identity.sourceIp": true, "identity.userAgent": true, "integration.error": true, "integration.integrationStatus": true,
	"integration.latency": true, "integration.requestId": true, "integration.status": true, "integrationErrorMessage": true,
	"integrationLatency": true, "integrationStatus": true, "path": true, "protocol": true, "requestId": true,
	"requestTime": true, "requestTimeEpoch": true, "resourceId": true, "resourcePath": true, "responseLatency": true,
	"responseLength": true, "stage": true, "status": true, "xrayTraceId": true,
	// Never have a value here, because there is no authorization: "-".
	"identity.caller": true, "identity.user": true, "identity.userArn": true, "wafResponseCode": true,
}

// unknownVariables returns the variables of a format that are not supported.
func unknownVariables(format string) []string {
	var unknown []string
	for _, match := range contextVariable.FindAllStringSubmatch(format, -1) {
		if !knownVariables[match[1]] {
			unknown = append(unknown, "$context."+match[1])
		}
	}
	return unknown
}
