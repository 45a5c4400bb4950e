package states

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

const taskFields = "Next End InputPath OutputPath Parameters ResultSelector ResultPath Retry Catch TimeoutSeconds Resource"

// task is a Task state.
type task struct {
	integration
	function string        // the ARN of a function that is itself the Resource
	timeout  time.Duration // 0: none
}

// integration is a service integration, by the names that the execution history has for it.
type integration struct {
	service string // lambda, sns, sqs; plainFunction
	action  string // "" for plainFunction
}

// plainFunction is the service of tasks whose Resource is a function's ARN. Their events in the
// execution history are different.
const plainFunction = "function"

// integrations are the supported service integrations with their parameters: developer guide,
// "Integrating services with Step Functions".
var integrations = map[string]struct {
	integration
	required, optional string
}{
	"arn:aws:states:::lambda:invoke":   {integration{"lambda", "invoke"}, "FunctionName", "Payload InvocationType Qualifier"},
	"arn:aws:states:::sns:publish":     {integration{"sns", "publish"}, "Message", "TopicArn TargetArn PhoneNumber MessageStructure Subject MessageAttributes MessageGroupId MessageDeduplicationId"},
	"arn:aws:states:::sqs:sendMessage": {integration{"sqs", "sendMessage"}, "QueueUrl MessageBody", "DelaySeconds MessageAttributes MessageGroupId MessageDeduplicationId"},
}

func readTask(l *loader, s *state, text json.RawMessage) work {
	var fields struct {
		Resource       string
		Parameters     json.RawMessage
		TimeoutSeconds *int
	}
	l.fields(s.name, text, &fields)
	t := &task{}
	if fields.TimeoutSeconds != nil {
		t.timeout = l.seconds(s.name, "TimeoutSeconds", *fields.TimeoutSeconds, 1)
	}
	if strings.HasPrefix(fields.Resource, "arn:aws:lambda:") {
		t.service, t.function = plainFunction, fields.Resource
		return t
	}
	t.integration = l.integration(s.name, fields.Resource, fields.Parameters)
	return t
}

// integration checks the parameters of a service integration.
func (l *loader) integration(name, resource string, parameters json.RawMessage) integration {
	r, ok := integrations[resource]
	if !ok {
		l.problem(name, "the Resource %q is not supported", resource)
		return integration{}
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
			l.problem(name, "the parameter %s of %s is not supported", plain, resource)
		}
	}
	for _, field := range strings.Fields(r.required) {
		if !given[field] {
			l.problem(name, "%s needs the parameter %s", resource, field)
		}
	}
	if t := fields["InvocationType"]; t != nil && string(t) != `"RequestResponse"` {
		l.problem(name, "the InvocationType %s is not supported", t)
	}
	return r.integration
}

// do calls the service within the state's timeout.
func (t *task) do(ctx context.Context, x *execution, s *state, parameters, _ any) (any, string, *Failure) {
	callCtx, cancel := ctx, context.CancelFunc(func() {})
	if t.timeout > 0 {
		callCtx, cancel = context.WithTimeout(ctx, t.timeout)
	}
	defer cancel()
	x.history.taskScheduled(s.name, t, parameters)
	result, failure := t.call(callCtx, x.machine.config.Services, x.machine.role, parameters)
	switch {
	case ctx.Err() != nil:
		failure = ended(ctx)
	case callCtx.Err() != nil && failure != nil:
		// Without a cause: localstack/localstack, test_timeouts and test_invoke_timeout, recorded on AWS.
		failure = &Failure{Error: errTimeout}
	case failure == nil:
		of := t.service
		if t.service == plainFunction {
			of = t.function
		}
		failure = checkSize(of, result)
	}
	x.history.taskEnded(s.name, t, result, failure)
	if failure != nil {
		return nil, "", failure
	}
	return result, s.next, nil
}

// call makes the service call with the effective parameters.
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

// invokeIntegration is arn:aws:states:::lambda:invoke, whose result is Lambda's whole
// response and not only the payload: developer guide, "Invoke an AWS Lambda function with
// Step Functions" (connect-lambda).
func (t *task) invokeIntegration(ctx context.Context, s Services, role string, parameters any) (any, *Failure) {
	r := InvokeRequest{RoleARN: role}
	fields, _ := parameters.(map[string]any)
	fields = maps.Clone(fields)
	delete(fields, "InvocationType") // RequestResponse, see loader.integration
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
func functionFailure(payload []byte) *Failure {
	var e struct{ ErrorType string }
	_ = json.Unmarshal(payload, &e)
	if e.ErrorType == "" {
		e.ErrorType = "Lambda.Unknown"
	}
	return &Failure{Error: e.ErrorType, Cause: string(payload)}
}

func payload(r InvokeResponse) (any, *Failure) {
	if len(r.Payload) == 0 {
		return nil, nil
	}
	value, err := decode(r.Payload)
	if err != nil {
		return nil, runtimeFailure(fmt.Errorf("the function's response is not JSON: %w", err))
	}
	return value, nil
}

// read fills a request from parameters. The body, Message or MessageBody, may be any JSON
// value: one that is not a string is sent as JSON text.
func (t *task) read(parameters any, body string, request any) *Failure {
	fields, ok := parameters.(map[string]any)
	if !ok {
		return runtimeFailure(errors.New("the parameters are not an object"))
	}
	if value, has := fields[body]; has {
		fields = maps.Clone(fields)
		fields[body] = text(value)
	}
	if err := strict([]byte(encode(fields)), request); err != nil {
		return runtimeFailure(fmt.Errorf("the parameters of %s:%s are wrong: %w", t.service, t.action, err))
	}
	return nil
}

// failure names an error of a call as Step Functions does: by the exception of the AWS SDK for Java,
// "SNS.NotFoundException", "SQS.AmazonSQSException", "Lambda.SdkClientException".
func (t *task) failure(service string, err error) *Failure {
	failure, ok := errors.AsType[*ServiceError](err)
	if !ok {
		return &Failure{Error: service + ".SdkClientException", Cause: err.Error()}
	}
	cause := failure.Message
	if failure.Status != 0 {
		cause = fmt.Sprintf("%s (Service: %s; Status Code: %d; Error Code: %s; Request ID: %s; Proxy: null)",
			cause, exceptions[service].product, failure.Status, failure.Code, failure.RequestID)
	}
	return &Failure{Error: service + "." + exception(service, failure.Code), Cause: cause}
}

// exceptions has each service's name in the SDK for Java, the exception of an error that the service's
// API does not name, and the codes of those that it names, if they are not those of the exceptions.
// Recorded on AWS in localstack/localstack, test_sns_task_service, test_task_service_sqs and
// test_sqs_task_service.
//
//   - https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
//   - https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
//   - https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
var exceptions = map[string]struct {
	product, other string
	named          []string // codes, to which Exception is added
}{
	"SNS": {"AmazonSNS", "AmazonSNSException", []string{
		"AuthorizationError", "EndpointDisabled", "InternalError", "InvalidParameter", "InvalidSecurity", "KMSAccessDenied", "KMSDisabled",
		"KMSInvalidState", "KMSNotFound", "KMSOptInRequired", "KMSThrottling", "NotFound", "PlatformApplicationDisabled", "Validation",
	}},
	"SQS": {"AmazonSQS", "AmazonSQSException", []string{
		"InvalidAddress", "InvalidMessageContents", "InvalidSecurity", "KmsAccessDenied", "KmsDisabled", "KmsInvalidKeyUsage", "KmsInvalidState",
		"KmsNotFound", "KmsOptInRequired", "KmsThrottled", "QueueDoesNotExist", "RequestThrottled", "UnsupportedOperation",
	}},
	"Lambda": {"AWSLambda", "AWSLambdaException", []string{
		"CodeArtifactUserPending", "InvalidParameterValue", "InvalidRequestContent", "InvalidRuntime", "KMSAccessDenied", "KMSDisabled", "KMSInvalidState", "KMSNotFound",
		"RequestTooLarge", "ResourceConflict", "ResourceNotFound", "ResourceNotReady", "Service", "TooManyRequests", "UnsupportedMediaType",
	}},
}

// queryCodes are the codes of errors whose exceptions have other names.
var queryCodes = map[string]string{
	"ParameterValueInvalid":                   "InvalidParameterValueException",
	"AWS.SimpleQueueService.NonExistentQueue": "QueueDoesNotExistException",
}

func exception(service, code string) string {
	if name, has := queryCodes[code]; has {
		return name
	}
	name := strings.TrimSuffix(code, "Exception")
	if slices.Contains(exceptions[service].named, name) {
		return name + "Exception"
	}
	return exceptions[service].other
}

// withMetadata adds the members that the result of every service integration has.
func withMetadata(requestID string, result map[string]any) map[string]any {
	result["SdkHttpMetadata"] = map[string]any{"HttpStatusCode": json.Number("200")}
	result["SdkResponseMetadata"] = map[string]any{"RequestId": requestID}
	return result
}
