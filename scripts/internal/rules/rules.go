// Package rules reads the stack's EventBridge rules as they are deployed, decides which of
// them match an event, and delivers an event to a rule's target as EventBridge would.
// Patterns and input transformers are evaluated by package events of the local run, whose
// tests hold it to EventBridge's own examples.
package rules

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logstypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"payment-webhooks/local/events"
)

// Rule is a deployed rule.
type Rule struct {
	Name    string
	Bus     string // "default" for scheduled rules
	ARN     string
	Enabled bool
	Targets []Target

	pattern *events.Pattern // nil for a scheduled rule
}

// Target is a target of a rule.
type Target struct {
	ARN        string
	properties events.TargetProperties
}

// Service returns the service of the target, the third part of its ARN: states, sns, logs,
// sqs or lambda.
func (t Target) Service() string { return strings.Split(t.ARN+":::", ":")[2] }

// Name returns the target's name without account and region, for people.
func (t Target) Name() string {
	name := t.ARN
	if t.Service() == "logs" {
		_, name, _ = strings.Cut(strings.TrimSuffix(t.ARN, ":*"), ":log-group:")
		return name
	}
	return name[strings.LastIndexAny(name, ":/")+1:]
}

// Action says what delivering to the target does, for people.
func (t Target) Action() string {
	switch t.Service() {
	case "states":
		return "start an execution of " + t.Name()
	case "sns":
		return "publish to " + t.Name()
	case "logs":
		return "write to " + t.Name()
	case "sqs":
		return "send to " + t.Name()
	case "lambda":
		return "invoke " + t.Name() + " and await its success"
	}
	return "deliver to " + t.ARN
}

// Matches reports whether the rule's pattern matches an event, whether or not it is enabled.
func (r Rule) Matches(event []byte) (bool, error) {
	if r.pattern == nil {
		return false, nil
	}
	return r.pattern.Matches(event)
}

// Client reads rules and delivers events.
type Client struct {
	config aws.Config
	events *eventbridge.Client
	lambda *lambda.Client
	now    func() time.Time
}

// New returns a client.
func New(c aws.Config, now func() time.Time) *Client {
	return &Client{config: c, events: eventbridge.NewFromConfig(c), lambda: Invoker(c), now: now}
}

// Invoker returns a client of Lambda that waits for synchronous invocations to end: up to
// Lambda's own 15 minutes, without the SDK's retry, which would invoke a second time.
func Invoker(c aws.Config) *lambda.Client {
	return lambda.NewFromConfig(c, func(o *lambda.Options) {
		o.HTTPClient = awshttp.NewBuildableClient().WithTimeout(16 * time.Minute)
		o.Retryer = retry.AddWithMaxAttempts(retry.NewStandard(), 1)
	})
}

// ParseRef splits the Ref of an AWS::Events::Rule, "bus|rule" or "rule".
func ParseRef(ref string) (bus, name string) {
	if bus, name, ok := strings.Cut(ref, "|"); ok {
		return bus, name
	}
	return "default", ref
}

// ParseARN splits the ARN of a rule, arn:…:rule/BUS/NAME or arn:…:rule/NAME.
func ParseARN(arn string) (bus, name string) {
	_, path, _ := strings.Cut(arn, ":rule/")
	if bus, name, ok := strings.Cut(path, "/"); ok {
		return bus, name
	}
	return "default", path
}

// Describe reads a rule with its targets.
func (c *Client) Describe(ctx context.Context, bus, name string) (Rule, error) {
	out, err := c.events.DescribeRule(ctx, &eventbridge.DescribeRuleInput{EventBusName: &bus, Name: &name})
	if err != nil {
		return Rule{}, fmt.Errorf("describe rule %s: %w", name, err)
	}
	r := Rule{Name: name, Bus: bus, ARN: aws.ToString(out.Arn), Enabled: out.State != types.RuleStateDisabled}
	if pattern := aws.ToString(out.EventPattern); pattern != "" {
		if r.pattern, err = events.ParsePattern([]byte(pattern)); err != nil {
			return Rule{}, fmt.Errorf("pattern of rule %s: %w", name, err)
		}
	}
	input := &eventbridge.ListTargetsByRuleInput{EventBusName: &bus, Rule: &name}
	for {
		page, err := c.events.ListTargetsByRule(ctx, input)
		if err != nil {
			return Rule{}, fmt.Errorf("targets of rule %s: %w", name, err)
		}
		for _, t := range page.Targets {
			r.Targets = append(r.Targets, newTarget(t))
		}
		if input.NextToken = page.NextToken; input.NextToken == nil {
			return r, nil
		}
	}
}

func newTarget(t types.Target) Target {
	target := Target{ARN: aws.ToString(t.Arn), properties: events.TargetProperties{
		Input: aws.ToString(t.Input), InputPath: aws.ToString(t.InputPath),
	}}
	if transformer := t.InputTransformer; transformer != nil {
		target.properties.InputTransformer = &events.InputTransformerProperties{
			InputPathsMap: transformer.InputPathsMap, InputTemplate: aws.ToString(transformer.InputTemplate),
		}
	}
	return target
}

// ErrTarget is the error of a rule that has no target to deliver to.
var ErrTarget = errors.New("the rule has no such target")

// Target returns the rule's target with an ARN, or its only one if the target that failed has
// been replaced since.
func (r Rule) Target(arn string) (Target, error) {
	if i := slices.IndexFunc(r.Targets, func(t Target) bool { return t.ARN == arn }); i >= 0 {
		return r.Targets[i], nil
	}
	if len(r.Targets) == 1 {
		return r.Targets[0], nil
	}
	return Target{}, fmt.Errorf("%w: %s of rule %s", ErrTarget, arn, r.Name)
}

// Payload returns what EventBridge would send to a target of a rule of the event.
func (c *Client) Payload(r Rule, t Target, event []byte) ([]byte, error) {
	payload, err := events.Render(t.properties, r.Name, r.ARN, event, c.now())
	if err != nil {
		return nil, fmt.Errorf("input of the target of %s: %w", r.Name, err)
	}
	return payload, nil
}

// Deliver sends to a target of a rule what EventBridge would send of the event. It returns
// nil when the target has accepted it; a function, when it has succeeded.
func (c *Client) Deliver(ctx context.Context, r Rule, t Target, event []byte) error {
	payload, err := c.Payload(r, t, event)
	if err != nil {
		return err
	}
	switch t.Service() {
	case "states":
		return c.StartExecution(ctx, t.ARN, payload)
	case "sns":
		_, err = sns.NewFromConfig(c.config).Publish(ctx, &sns.PublishInput{TopicArn: &t.ARN, Message: aws.String(string(payload))})
	case "logs":
		return c.log(ctx, t.Name(), payload)
	case "sqs":
		err = c.send(ctx, t.ARN, payload)
	case "lambda":
		return c.Invoke(ctx, t.ARN, payload)
	default:
		return fmt.Errorf("targets of the service %q are not supported: %s", t.Service(), t.ARN)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", t.Action(), err)
	}
	return nil
}

// StartExecution starts an execution of a state machine.
func (c *Client) StartExecution(ctx context.Context, arn string, input []byte) error {
	if _, err := sfn.NewFromConfig(c.config).StartExecution(ctx, &sfn.StartExecutionInput{StateMachineArn: &arn, Input: aws.String(string(input))}); err != nil {
		return fmt.Errorf("start execution: %w", err)
	}
	return nil
}

// ErrFunction is the error of a function that was invoked and failed.
var ErrFunction = errors.New("the function failed")

// Invoke invokes a function and waits until it has succeeded. Its response is not returned.
func (c *Client) Invoke(ctx context.Context, function string, payload []byte) error {
	out, err := c.lambda.Invoke(ctx, &lambda.InvokeInput{FunctionName: &function, Payload: payload})
	if err != nil {
		return fmt.Errorf("invoke: %w", err)
	}
	if out.FunctionError != nil {
		var e struct{ ErrorType, ErrorMessage string }
		_ = json.Unmarshal(out.Payload, &e) // what is not such an object has no text
		return fmt.Errorf("%w: %s: %s", ErrFunction, e.ErrorType, e.ErrorMessage)
	}
	return nil
}

func (c *Client) send(ctx context.Context, queueARN string, body []byte) error {
	client := sqs.NewFromConfig(c.config)
	name := queueARN[strings.LastIndex(queueARN, ":")+1:]
	queue, err := client.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: &name})
	if err != nil {
		return err
	}
	_, err = client.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: queue.QueueUrl, MessageBody: aws.String(string(body))})
	return err
}

// logStream is the log stream of events that an operator sent on.
const logStream = "redriven-by-ops"

// maxLogAge is how old an event may be that CloudWatch Logs accepts.
// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html
const maxLogAge = 14*24*time.Hour - time.Hour

// log writes an event at its own time, or now if it is too old for that.
func (c *Client) log(ctx context.Context, group string, payload []byte) error {
	message, at, err := events.LogEvent(payload, c.now())
	if err != nil {
		return err
	}
	if c.now().Sub(at) > maxLogAge {
		at = c.now()
	}
	client := cloudwatchlogs.NewFromConfig(c.config)
	_, err = client.CreateLogStream(ctx, &cloudwatchlogs.CreateLogStreamInput{LogGroupName: &group, LogStreamName: aws.String(logStream)})
	if _, exists := errors.AsType[*logstypes.ResourceAlreadyExistsException](err); err != nil && !exists {
		return fmt.Errorf("create log stream in %s: %w", group, err)
	}
	out, err := client.PutLogEvents(ctx, &cloudwatchlogs.PutLogEventsInput{
		LogGroupName: &group, LogStreamName: aws.String(logStream),
		LogEvents: []logstypes.InputLogEvent{{Message: &message, Timestamp: aws.Int64(at.UnixMilli())}},
	})
	if err != nil {
		return fmt.Errorf("write to %s: %w", group, err)
	}
	if rejected := out.RejectedLogEventsInfo; rejected != nil {
		return fmt.Errorf("write to %s: the log group rejected the event's time, %s", group, at.UTC().Format(time.RFC3339))
	}
	return nil
}
