package apigateway

import (
	"encoding/json"
	"strconv"
	"strings"
)

// gatewayAnswer is what API Gateway itself answers with when a request does
// not reach the function, or the function's answer is no answer.
type gatewayAnswer struct {
	kind    string
	status  int
	message string
}

// https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
var (
	missingToken       = gatewayAnswer{"MISSING_AUTHENTICATION_TOKEN", 403, "Missing Authentication Token"}
	notFound           = gatewayAnswer{"MISSING_AUTHENTICATION_TOKEN", 403, "Forbidden"} // outside the stage
	tooLarge           = gatewayAnswer{"REQUEST_TOO_LARGE", 413, "Request Too Long"}
	throttled          = gatewayAnswer{"THROTTLED", 429, "Too Many Requests"}
	integrationFailure = gatewayAnswer{"INTEGRATION_FAILURE", 504, "Network error communicating with endpoint"}
	integrationTimeout = gatewayAnswer{"INTEGRATION_TIMEOUT", 504, "Endpoint request timed out"}
	// A function error and a malformed proxy response have no type of their
	// own: DEFAULT_5XX, 502.
	// https://docs.aws.amazon.com/apigateway/latest/developerguide/handle-errors-in-lambda-integration.html
	malformedResponse = gatewayAnswer{"DEFAULT_5XX", 502, "Internal server error"}
	// A throttled or failing Lambda service call is a 500.
	// https://repost.aws/knowledge-center/api-gateway-lambda-stage-variable-500
	serviceError = gatewayAnswer{"DEFAULT_5XX", 500, "Internal server error"}
	configError  = gatewayAnswer{"API_CONFIGURATION_ERROR", 500, "Internal server error"}
)

// responseTypes are those that the local run can produce, and those that it
// cannot because what they belong to (authorizers, keys, validators, WAF) is
// refused elsewhere: overriding them is harmless.
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

// render answers with the template's gateway response of that type, else its
// DEFAULT_4XX or DEFAULT_5XX, else {"message": …}.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-gatewayResponse-definition.html
func (a gatewayAnswer) render(responses map[string]GatewayResponse, lookup func(string) (string, bool), header func(string) string) rendered {
	out := rendered{status: a.status, headers: map[string]string{"x-amzn-ErrorType": errorType(a)}}
	fallback := "DEFAULT_4XX"
	if a.status >= 500 {
		fallback = "DEFAULT_5XX"
	}
	response, ok := responses[a.kind]
	if !ok {
		response, ok = responses[fallback]
	}
	context := func(name string) (string, bool) {
		switch name {
		case "error.message":
			return a.message, true
		case "error.messageString":
			quoted, _ := json.Marshal(a.message) // a text always marshals
			return string(quoted), true
		case "error.responseType":
			return a.kind, true
		}
		return lookup(name)
	}
	if status, err := strconv.Atoi(response.StatusCode); err == nil {
		out.status = status
	}
	contentType, body := "application/json", `{"message":$context.error.messageString}`
	if ok && len(response.ResponseTemplates) > 0 {
		// API Gateway picks the template of the request's content type and
		// falls back to the default one, application/json.
		wanted, _, _ := strings.Cut(header("Content-Type"), ";")
		if template, has := response.ResponseTemplates[strings.TrimSpace(wanted)]; has {
			contentType, body = strings.TrimSpace(wanted), template
		} else if template, has := response.ResponseTemplates["application/json"]; has {
			body = template
		} else {
			for kind, template := range response.ResponseTemplates {
				contentType, body = kind, template
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

// errorType is the x-amzn-ErrorType header that comes with a gateway answer.
func errorType(a gatewayAnswer) string {
	switch a.kind {
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
