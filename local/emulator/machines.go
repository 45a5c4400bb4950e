package emulator

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	snstypes "github.com/aws/aws-sdk-go-v2/service/sns/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"payment-webhooks/local/faults"
	"payment-webhooks/local/iam"
	"payment-webhooks/local/lambda"
	"payment-webhooks/local/states"
)

// planMachines loads the state machines.
func (e *Emulator) planMachines() error {
	var problems []error
	for _, resource := range e.stack.ByType("AWS::StepFunctions::StateMachine") {
		var p states.Properties
		arn, errARN := e.resolver.Ref(resource.LogicalID)
		if err := errors.Join(e.resolver.Into(resource, &p), errARN); err != nil {
			problems = append(problems, err)
			continue
		}
		record := e.metric("AWS/States", "StateMachineArn", arn)
		machine, err := states.Load(resource.LogicalID, p, states.Config{
			ARN: arn, Services: services{e}, Observe: e.record.Execution, Logs: machineLogs{e, time.Now().UTC().Format("2006-01-02-15-04") + "/local"},
			Metric: func(name string, value float64, at time.Time) {
				record(name, value, at)
				if name == "ExecutionsStarted" && p.TracingConfiguration != nil && p.TracingConfiguration.Enabled {
					e.mayTraceExecution(p.RoleArn)
				}
			},
		})
		if err != nil {
			problems = append(problems, err)
			continue
		}
		e.machines[arn] = machine
	}
	return errors.Join(problems...)
}

func (e *Emulator) closeMachines() {
	for _, machine := range e.machines {
		machine.Close()
	}
}

type machineState struct {
	ARN        string             `json:"state_machine"`
	Counts     states.Counts      `json:"counts"`
	Executions []states.Execution `json:"executions"` // oldest first
}

func (e *Emulator) executions(data bool) []machineState {
	list := []machineState{}
	for arn, machine := range e.machines {
		list = append(list, machineState{arn, machine.Counts(), machine.Executions(data)})
	}
	return list
}

type machineLogs struct {
	emulator *Emulator
	stream   string
}

// Write implements states.Logs. The events are delivered by delivery.logs.amazonaws.com: see checkDeployment.
func (l machineLogs) Write(groupARN string, at time.Time, event []byte) {
	l.emulator.writer.Put(groupName(groupARN), "states/"+l.stream, at, string(event))
}

// services calls the services for a state machine's tasks, with the machine's role.
type services struct{ emulator *Emulator }

// Invoke implements states.Services.
func (s services) Invoke(ctx context.Context, r states.InvokeRequest) (states.InvokeResponse, error) {
	function, err := s.emulator.function(r.FunctionName)
	if err != nil {
		return states.InvokeResponse{}, &states.ServiceError{Code: "ResourceNotFoundException", Message: err.Error()}
	}
	if err := s.emulator.policies.Check(iam.Role(r.RoleARN), iam.NewCall("lambda:InvokeFunction", function.Config().ARN)); err != nil {
		// The name by which Step Functions reports a denied invocation.
		return states.InvokeResponse{}, &states.ServiceError{Code: "AWSLambdaException", Message: err.Error()}
	}
	response, err := s.emulator.invoke(ctx, faults.States, r.FunctionName, lambda.Request{Payload: r.Payload})
	injected, isInjected := errors.AsType[*faults.APIError](err)
	switch {
	case isInjected && injected.Code == "AccessDeniedException":
		return states.InvokeResponse{}, &states.ServiceError{Code: "AWSLambdaException", Message: err.Error()}
	case isInjected:
		return states.InvokeResponse{}, &states.ServiceError{Code: injected.Code, Message: injected.Message}
	case errors.Is(err, lambda.ErrPending):
		return states.InvokeResponse{}, &states.ServiceError{Code: "CodeArtifactUserPendingException", Message: err.Error()}
	case errors.Is(err, lambda.ErrThrottled):
		return states.InvokeResponse{}, &states.ServiceError{Code: "TooManyRequestsException", Message: err.Error()}
	case errors.Is(err, lambda.ErrTooLarge):
		return states.InvokeResponse{}, &states.ServiceError{Code: "RequestTooLargeException", Message: err.Error()}
	case err != nil:
		return states.InvokeResponse{}, err
	}
	return states.InvokeResponse{
		StatusCode: 200, ExecutedVersion: "$LATEST", FunctionError: response.FunctionError,
		RequestID: response.RequestID, Payload: response.Payload,
	}, nil
}

// Publish implements states.Services.
func (s services) Publish(ctx context.Context, r states.PublishRequest) (states.PublishResponse, error) {
	if r.TopicArn == "" || r.MessageGroupId != "" || r.MessageDeduplicationId != "" {
		return states.PublishResponse{}, &states.ServiceError{Code: "InvalidParameterException", Message: "the local run publishes to standard topics only"}
	}
	config, err := s.emulator.roleConfig(r.RoleARN, faults.States)
	if err != nil {
		return states.PublishResponse{}, err
	}
	input := &sns.PublishInput{TopicArn: aws.String(r.TopicArn), Message: aws.String(r.Message)}
	if r.Subject != "" {
		input.Subject = aws.String(r.Subject)
	}
	if r.MessageStructure != "" {
		input.MessageStructure = aws.String(r.MessageStructure)
	}
	for name, a := range r.MessageAttributes {
		if input.MessageAttributes == nil {
			input.MessageAttributes = map[string]snstypes.MessageAttributeValue{}
		}
		input.MessageAttributes[name] = snstypes.MessageAttributeValue{DataType: aws.String(a.DataType), StringValue: aws.String(a.StringValue)}
	}
	out, err := sns.NewFromConfig(config).Publish(ctx, input)
	if err != nil {
		return states.PublishResponse{}, serviceError(err)
	}
	return states.PublishResponse{MessageID: aws.ToString(out.MessageId)}, nil
}

// SendMessage implements states.Services.
func (s services) SendMessage(ctx context.Context, r states.SendMessageRequest) (states.SendMessageResponse, error) {
	if r.MessageGroupId != "" || r.MessageDeduplicationId != "" {
		return states.SendMessageResponse{}, &states.ServiceError{Code: "InvalidParameterException", Message: "the local run sends to standard queues only"}
	}
	config, err := s.emulator.roleConfig(r.RoleARN, faults.States)
	if err != nil {
		return states.SendMessageResponse{}, err
	}
	input := &sqs.SendMessageInput{QueueUrl: aws.String(r.QueueUrl), MessageBody: aws.String(r.MessageBody), DelaySeconds: int32(r.DelaySeconds)}
	for name, a := range r.MessageAttributes {
		if input.MessageAttributes == nil {
			input.MessageAttributes = map[string]sqstypes.MessageAttributeValue{}
		}
		input.MessageAttributes[name] = sqstypes.MessageAttributeValue{DataType: aws.String(a.DataType), StringValue: aws.String(a.StringValue)}
	}
	out, err := sqs.NewFromConfig(config).SendMessage(ctx, input)
	if err != nil {
		return states.SendMessageResponse{}, serviceError(err)
	}
	return states.SendMessageResponse{MessageID: aws.ToString(out.MessageId), MD5OfMessageBody: aws.ToString(out.MD5OfMessageBody)}, nil
}

// serviceError keeps the code of an API's error.
func serviceError(err error) error {
	var api interface {
		ErrorCode() string
		ErrorMessage() string
		error
	}
	if errors.As(err, &api) {
		failure := &states.ServiceError{Code: api.ErrorCode(), Message: api.ErrorMessage()}
		if response, ok := errors.AsType[*awshttp.ResponseError](err); ok {
			failure.Status, failure.RequestID = response.HTTPStatusCode(), response.ServiceRequestID()
		}
		return failure
	}
	return fmt.Errorf("call failed: %w", err)
}
