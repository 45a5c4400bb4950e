package states

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Services are the AWS services that tasks call. A call that must end early has its
// ctx ended. RoleARN is the role of the state machine, in whose name the call is made.
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

// InvokeResponse is what Lambda answers. FunctionError is "Unhandled" (or "Handled") when the
// function failed; Payload is then {"errorType": …, "errorMessage": …}.
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
	TopicArn               string //nolint:staticcheck // as the API spells it
	TargetArn              string
	PhoneNumber            string
	Message                string
	MessageStructure       string
	Subject                string
	MessageAttributes      map[string]MessageAttribute
	MessageGroupId         string //nolint:staticcheck // as the API spells it
	MessageDeduplicationId string //nolint:staticcheck // as the API spells it
}

// PublishResponse is what SNS answers.
type PublishResponse struct{ MessageID, RequestID string }

// SendMessageRequest is SQS SendMessage.
type SendMessageRequest struct {
	RoleARN                string `json:"-"`
	QueueUrl               string //nolint:staticcheck // as the API spells it
	MessageBody            string
	DelaySeconds           int
	MessageAttributes      map[string]MessageAttribute
	MessageGroupId         string //nolint:staticcheck // as the API spells it
	MessageDeduplicationId string //nolint:staticcheck // as the API spells it
}

// SendMessageResponse is what SQS answers.
type SendMessageResponse struct{ MessageID, MD5OfMessageBody, RequestID string }

// ServiceError is an error that an API answered with.
type ServiceError struct {
	Code    string // "TooManyRequestsException"
	Message string
}

func (e *ServiceError) Error() string { return e.Code + ": " + e.Message }

// task is a Task state's Resource.
type task struct {
	service  string // lambda, sns, sqs, as in resourceType of the log; function for a function's ARN
	action   string
	function string // a function's ARN as Resource
}

// lambda tasks whose Resource is the function itself have other events in the log.
const plainFunction = "function"

// resources are the service integrations that are played, with their parameters: developer
// guide, "Integrating services with Step Functions".
var resources = map[string]struct {
	task
	required, optional string
}{
	"arn:aws:states:::lambda:invoke":   {task{service: "lambda", action: "invoke"}, "FunctionName", "Payload InvocationType Qualifier"},
	"arn:aws:states:::sns:publish":     {task{service: "sns", action: "publish"}, "Message", "TopicArn TargetArn PhoneNumber MessageStructure Subject MessageAttributes MessageGroupId MessageDeduplicationId"},
	"arn:aws:states:::sqs:sendMessage": {task{service: "sqs", action: "sendMessage"}, "QueueUrl MessageBody", "DelaySeconds MessageAttributes MessageGroupId MessageDeduplicationId"},
}

func (l *loader) task(name, resource string, parameters json.RawMessage) *task {
	if strings.HasPrefix(resource, "arn:aws:lambda:") {
		return &task{service: plainFunction, function: resource}
	}
	r, ok := resources[resource]
	if !ok {
		l.problem(name, "the Resource %q is not played", resource)
		return nil
	}
	var fields map[string]json.RawMessage
	if parameters != nil {
		if err := json.Unmarshal(parameters, &fields); err != nil {
			l.problem(name, "Parameters of %s are not an object", resource)
		}
	}
	given := map[string]bool{}
	for _, field := range slices.Sorted(maps.Keys(fields)) {
		plain := strings.TrimSuffix(field, ".$")
		given[plain] = true
		if !slices.Contains(strings.Fields(r.required+" "+r.optional), plain) {
			l.problem(name, "the parameter %s of %s is not played", plain, resource)
		}
	}
	for _, field := range strings.Fields(r.required) {
		if !given[field] {
			l.problem(name, "%s needs the parameter %s", resource, field)
		}
	}
	if t := fields["InvocationType"]; t != nil && string(t) != `"RequestResponse"` {
		l.problem(name, "the InvocationType %s is not played", t)
	}
	return &r.task
}

// call performs the task with its effective parameters.
func (t *task) call(ctx context.Context, s Services, role string, parameters any) (any, *Failure) {
	switch t.service {
	case plainFunction:
		response, failure := t.invoke(ctx, s, InvokeRequest{RoleARN: role, FunctionName: t.function, Payload: json.RawMessage(encode(parameters))})
		if failure != nil {
			return nil, failure
		}
		return payload(response)
	case "lambda":
		return t.invokeIntegration(ctx, s, role, parameters)
	case "sns":
		r := PublishRequest{RoleARN: role}
		if failure := t.read(parameters, "Message", &r); failure != nil {
			return nil, failure
		}
		response, err := s.Publish(ctx, r)
		if err != nil {
			return nil, t.failure("SNS", err)
		}
		return withMetadata(response.RequestID, map[string]any{"MessageId": response.MessageID}), nil
	default:
		r := SendMessageRequest{RoleARN: role}
		if failure := t.read(parameters, "MessageBody", &r); failure != nil {
			return nil, failure
		}
		response, err := s.SendMessage(ctx, r)
		if err != nil {
			return nil, t.failure("SQS", err)
		}
		return withMetadata(response.RequestID, map[string]any{"MessageId": response.MessageID, "MD5OfMessageBody": response.MD5OfMessageBody}), nil
	}
}

// invokeIntegration is arn:aws:states:::lambda:invoke, whose result holds Lambda's whole
// answer and not the payload only: developer guide, "Invoke an AWS Lambda function with
// Step Functions" (connect-lambda).
func (t *task) invokeIntegration(ctx context.Context, s Services, role string, parameters any) (any, *Failure) {
	r := InvokeRequest{RoleARN: role}
	fields, _ := parameters.(map[string]any)
	fields = maps.Clone(fields)
	delete(fields, "InvocationType") // RequestResponse, see loader.task
	if failure := t.read(fields, "", &r); failure != nil {
		return nil, failure
	}
	if r.Payload == nil {
		r.Payload = json.RawMessage("{}")
	}
	response, failure := t.invoke(ctx, s, r)
	if failure != nil {
		return nil, failure
	}
	result, failure := payload(response)
	if failure != nil {
		return nil, failure
	}
	return withMetadata(response.RequestID, map[string]any{
		"ExecutedVersion": response.ExecutedVersion,
		"Payload":         result,
		"StatusCode":      json.Number(fmt.Sprint(response.StatusCode)),
	}), nil
}

func (t *task) invoke(ctx context.Context, s Services, r InvokeRequest) (InvokeResponse, *Failure) {
	response, err := s.Invoke(ctx, r)
	if err != nil {
		return response, t.failure("Lambda", err)
	}
	if response.FunctionError != "" {
		return response, functionFailure(response.Payload)
	}
	return response, nil
}

// functionFailure names a function's error by its errorType: a panic's or error's type, or
// Sandbox.Timedout. Without one it is Lambda.Unknown (concepts-error-handling).
func functionFailure(answer []byte) *Failure {
	var e struct{ ErrorType string }
	_ = json.Unmarshal(answer, &e)
	if e.ErrorType == "" {
		e.ErrorType = "Lambda.Unknown"
	}
	return &Failure{e.ErrorType, string(answer)}
}

func payload(r InvokeResponse) (any, *Failure) {
	if len(r.Payload) == 0 {
		return nil, nil
	}
	value, err := decode(r.Payload)
	if err != nil {
		return nil, &Failure{errRuntime, "the function's answer is not JSON: " + err.Error()}
	}
	return value, nil
}

// read fills a request from parameters. The body, Message or MessageBody, may be any JSON:
// what is no string is sent as its text.
func (t *task) read(parameters any, body string, request any) *Failure {
	fields, ok := parameters.(map[string]any)
	if !ok {
		return &Failure{errRuntime, "the parameters are not an object"}
	}
	if value, has := fields[body]; has {
		fields = maps.Clone(fields)
		fields[body] = text(value)
	}
	if err := strict([]byte(encode(fields)), request); err != nil {
		return &Failure{errRuntime, fmt.Sprintf("the parameters of %s:%s are wrong: %v", t.service, t.action, err)}
	}
	return nil
}

// failure names an error of a call: "SNS.NotFoundException", "Lambda.SdkClientException".
func (t *task) failure(service string, err error) *Failure {
	if failure, ok := errors.AsType[*ServiceError](err); ok {
		return &Failure{service + "." + failure.Code, failure.Message}
	}
	return &Failure{service + ".SdkClientException", err.Error()}
}

// withMetadata adds what every service integration's result has beside its fields.
func withMetadata(requestID string, result map[string]any) map[string]any {
	result["SdkHttpMetadata"] = map[string]any{"HttpStatusCode": json.Number("200")}
	result["SdkResponseMetadata"] = map[string]any{"RequestId": requestID}
	return result
}
