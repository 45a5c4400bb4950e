package states

import (
	"context"
	"encoding/json"
)

// Services are the AWS services that tasks call. ctx ends when a call must end early. RoleARN
// is the role of the state machine, which signs the call.
type Services interface {
	Invoke(ctx context.Context, r InvokeRequest) (InvokeResponse, error)
	Publish(ctx context.Context, r PublishRequest) (PublishResponse, error)
	SendMessage(ctx context.Context, r SendMessageRequest) (SendMessageResponse, error)
}

// InvokeRequest is a synchronous invocation of a Lambda function.
type InvokeRequest struct {
	RoleARN      string `json:"-"`
	FunctionName string // name or ARN
	Qualifier    string
	Payload      json.RawMessage
}

// InvokeResponse is the response of Lambda Invoke. FunctionError is "Unhandled" (or "Handled")
// when the function failed; Payload is then {"errorType": …, "errorMessage": …}.
type InvokeResponse struct {
	StatusCode      int
	ExecutedVersion string
	FunctionError   string
	RequestID       string
	Payload         []byte
}

// MessageAttribute is an attribute of an SNS or SQS message.
type MessageAttribute struct {
	DataType    string
	StringValue string
}

// PublishRequest is SNS Publish.
type PublishRequest struct {
	RoleARN                string `json:"-"`
	TopicArn               string
	TargetArn              string
	PhoneNumber            string
	Message                string
	MessageStructure       string
	Subject                string
	MessageAttributes      map[string]MessageAttribute
	MessageGroupId         string
	MessageDeduplicationId string
}

// PublishResponse is the response of SNS Publish.
type PublishResponse struct{ MessageID, RequestID string }

// SendMessageRequest is SQS SendMessage.
type SendMessageRequest struct {
	RoleARN                string `json:"-"`
	QueueUrl               string
	MessageBody            string
	DelaySeconds           int
	MessageAttributes      map[string]MessageAttribute
	MessageGroupId         string
	MessageDeduplicationId string
}

// SendMessageResponse is the response of SQS SendMessage.
type SendMessageResponse struct{ MessageID, MD5OfMessageBody, RequestID string }

// ServiceError is an error response of an API.
type ServiceError struct {
	Code    string // as the API has it: "TooManyRequestsException", "NotFound"
	Message string

	// Of the HTTP response, for the Cause. 0 and "" if there was none.
	Status    int
	RequestID string
}

func (e *ServiceError) Error() string { return e.Code + ": " + e.Message }
