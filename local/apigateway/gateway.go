package apigateway

import (
	"encoding/json"
	"strconv"
	"strings"
)

// gatewayResponse is the response of API Gateway itself, when a request does not reach the
// function or the function's response is malformed.
type gatewayResponse struct {
	name    string // the gateway response type
	status  int
	message string
}

// https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
var (
	missingToken       = gatewayResponse{"MISSING_AUTHENTICATION_TOKEN", 403, "Missing Authentication Token"}
	notFound           = gatewayResponse{"MISSING_AUTHENTICATION_TOKEN", 403, "Forbidden"} // outside the stage
	tooLarge           = gatewayResponse{"REQUEST_TOO_LARGE", 413, "Request Too Long"}
	throttled          = gatewayResponse{"THROTTLED", 429, "Too Many Requests"}
	integrationFailure = gatewayResponse{"INTEGRATION_FAILURE", 504, "Network error communicating with endpoint"}
	integrationTimeout = gatewayResponse{"INTEGRATION_TIMEOUT", 504, "Endpoint request timed out"}
	// A function error and a malformed proxy response have no type of their
	// own: DEFAULT_5XX, 502.
	// https://docs.aws.amazon.com/apigateway/latest/developerguide/handle-errors-in-lambda-integration.html
	malformedResponse = gatewayResponse{"DEFAULT_5XX", 502, "Internal server error"}
	// A throttled or failing Lambda service call is a 500.
	// https://repost.aws/knowledge-center/api-gateway-lambda-stage-variable-500
	serviceError = gatewayResponse{"DEFAULT_5XX", 500, "Internal server error"}
	configError  = gatewayResponse{"API_CONFIGURATION_ERROR", 500, "Internal server error"}
)

// responseTypes returns the known gateway response types. Some never occur here, because what
// they belong to (authorizers, keys, validators, WAF) is rejected elsewhere: overriding them is
// harmless.
func responseTypes() []string {
	return []string{
		"ACCESS_DENIED", "API_CONFIGURATION_ERROR", "AUTHORIZER_CONFIGURATION_ERROR", "AUTHORIZER_FAILURE",
		"BAD_REQUEST_BODY", "BAD_REQUEST_PARAMETERS", "DEFAULT_4XX", "DEFAULT_5XX", "EXPIRED_TOKEN",
		"INTEGRATION_FAILURE", "INTEGRATION_TIMEOUT", "INVALID_API_KEY", "INVALID_SIGNATURE",
		"MISSING_AUTHENTICATION_TOKEN", "QUOTA_EXCEEDED", "REQUEST_TOO_LARGE", "RESOURCE_NOT_FOUND",
		"THROTTLED", "UNAUTHORIZED", "UNSUPPORTED_MEDIA_TYPE", "WAF_FILTERED",
	}
}

type rendered struct {
	status  int
	headers map[string]string
	body    string
}

// render renders the template's gateway response of that type, else its DEFAULT_4XX or
// DEFAULT_5XX, else {"message": …}.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-gatewayResponse-definition.html
func (g gatewayResponse) render(responses map[string]GatewayResponse, lookup func(string) (string, bool), header func(string) string) rendered {
	out := rendered{status: g.status, headers: map[string]string{"x-amzn-ErrorType": errorType(g)}}
	fallback := "DEFAULT_4XX"
	if g.status >= 500 {
		fallback = "DEFAULT_5XX"
	}
	response, ok := responses[g.name]
	if !ok {
		response, ok = responses[fallback]
	}
	context := func(name string) (string, bool) {
		switch name {
		case "error.message":
			return g.message, true
		case "error.messageString":
			quoted, _ := json.Marshal(g.message) // a string always marshals
			return string(quoted), true
		case "error.responseType":
			return g.name, true
		}
		return lookup(name)
	}
	if status, err := strconv.Atoi(response.StatusCode); err == nil {
		out.status = status
	}
	contentType, body := "application/json", `{"message":$context.error.messageString}`
	if ok && len(response.ResponseTemplates) > 0 {
		// API Gateway uses the template of the request's content type, or else that of
		// application/json.
		wanted, _, _ := strings.Cut(header("Content-Type"), ";")
		if template, has := response.ResponseTemplates[strings.TrimSpace(wanted)]; has {
			contentType, body = strings.TrimSpace(wanted), template
		} else if template, has := response.ResponseTemplates["application/json"]; has {
			body = template
		} else {
			for mediaType, template := range response.ResponseTemplates {
				contentType, body = mediaType, template
			}
		}
	}
	out.headers["Content-Type"] = contentType
	out.body = expand(body, context)
	for parameter, value := range response.ResponseParameters {
		name, isHeader := strings.CutPrefix(parameter, "gatewayresponse.header.")
		if !isHeader {
			continue
		}
		switch {
		case strings.HasPrefix(value, "'"):
			out.headers[name] = strings.Trim(value, "'")
		case strings.HasPrefix(value, "method.request.header."):
			out.headers[name] = header(strings.TrimPrefix(value, "method.request.header."))
		default: // context.requestId
			out.headers[name] = expand("$"+value, context)
		}
	}
	return out
}

// errorType returns the x-amzn-ErrorType header of a gateway response.
func errorType(g gatewayResponse) string {
	switch g.name {
	case "MISSING_AUTHENTICATION_TOKEN":
		return "MissingAuthenticationTokenException"
	case "REQUEST_TOO_LARGE":
		return "RequestTooLargeException"
	case "THROTTLED":
		return "TooManyRequestsException"
	case "INTEGRATION_FAILURE", "INTEGRATION_TIMEOUT":
		return "InternalServerErrorException"
	default:
		return "InternalServerErrorException"
	}
}
