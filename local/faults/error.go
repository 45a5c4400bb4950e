package faults

import "strings"

// APIError is a service's error response. It has the methods by which the SDKs' errors are
// judged.
type APIError struct {
	Status  int // of the HTTP response
	Code    string
	Message string
}

func (e *APIError) Error() string { return e.Code + ": " + e.Message }

// ErrorCode returns the code.
func (e *APIError) ErrorCode() string { return e.Code }

// ErrorMessage returns the message.
func (e *APIError) ErrorMessage() string { return e.Message }

// apiErrors are each service's errors: the throttling error is one that the SDKs retry as
// such, with the status that the service documents.
//
//   - https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
//   - https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
//   - https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
//   - https://docs.aws.amazon.com/sns/latest/api/API_Publish.html and CommonErrors.html
//   - https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
//   - https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
//   - https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html and CommonErrors.html
//   - https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html
//   - https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html
var apiErrors = map[string]struct{ throttle, failure, denied APIError }{
	"dynamodb": {
		APIError{400, "ProvisionedThroughputExceededException", "The level of configured provisioned throughput for the table was exceeded."},
		APIError{500, "InternalServerError", "Internal server error"},
		accessDenied,
	},
	"s3": {
		APIError{503, "SlowDown", "Please reduce your request rate."},
		APIError{500, "InternalError", "We encountered an internal error. Please try again."},
		APIError{403, "AccessDenied", "Access Denied"},
	},
	"lambda": {
		APIError{429, "TooManyRequestsException", "Rate Exceeded."},
		APIError{500, "ServiceException", "An error occurred and the request cannot be processed."},
		APIError{403, "AccessDeniedException", accessDenied.Message},
	},
	"sqs": {
		APIError{400, "RequestThrottled", "The request was denied due to request throttling."},
		APIError{503, "ServiceUnavailable", "The request has failed due to a temporary failure of the server."},
		accessDenied,
	},
	"sns": {
		APIError{400, "Throttling", "Rate exceeded"},
		APIError{500, "InternalError", "The request processing has failed because of an unknown error."},
		APIError{403, "AuthorizationError", accessDenied.Message},
	},
	"events":         {throttling, APIError{500, "InternalException", "This exception occurs due to unexpected causes."}, accessDenied},
	"logs":           {throttling, APIError{503, "ServiceUnavailableException", "The service cannot complete the request."}, accessDenied},
	"states":         {throttling, APIError{500, "InternalFailure", "The request processing has failed because of an unknown error."}, accessDenied},
	"secretsmanager": {throttling, APIError{500, "InternalServiceError", "An error occurred on the server side."}, accessDenied},
	"cloudformation": {APIError{400, "Throttling", "Rate exceeded"}, APIError{500, "InternalFailure", "The request processing has failed because of an unknown error."}, APIError{403, "AccessDenied", accessDenied.Message}},
	"cloudwatch":     {APIError{400, "Throttling", "Rate exceeded"}, APIError{500, "InternalServiceFault", "Request processing has failed due to some unknown error."}, APIError{403, "AccessDenied", accessDenied.Message}},
}

var (
	throttling   = APIError{400, "ThrottlingException", "Rate exceeded"}
	accessDenied = APIError{400, "AccessDeniedException", "not authorized: the permission was removed by an injected fault"}
)

// ErrorAt returns the error response of an AWS call's hop for Throttle, Error and Denied, and
// nil for other faults.
func ErrorAt(hop string, fault Fault) *APIError {
	service, _, _ := strings.Cut(hop, ":")
	known, ok := apiErrors[service]
	if !ok {
		return nil
	}
	switch fault {
	case Throttle:
		return &known.throttle
	case Error:
		return &known.failure
	case Denied:
		return &known.denied
	}
	return nil
}
