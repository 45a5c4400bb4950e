package emulator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"payment-webhooks/local/events"
	"payment-webhooks/local/faults"
	"payment-webhooks/local/iam"
	"payment-webhooks/local/lambda"
	"payment-webhooks/local/logs"
	"payment-webhooks/local/schedule"
)

// planRules reads the event bus and every rule.
func (e *Emulator) planRules() error {
	e.deliveries = events.NewDeliveries(events.DeliveryConfig{
		DeadLetters: deadLetters{e}, Log: e.terminal.logger("eventbridge"), TimeScale: e.options.TimeScale,
		Metric: e.ruleMetric, Observe: func(p events.Progress) { e.record.Progress(p, e.short(p.Rule.Name)) },
	})
	e.schedules = schedule.New(schedule.Config{Region: e.region, Account: e.account, Deliveries: e.deliveries, Now: e.faults.Now})
	buses := e.stack.ByType("AWS::Events::EventBus")
	var name string
	var problems []error
	switch {
	case len(buses) == 1:
		var err error
		name, err = e.resolver.Ref(buses[0].LogicalID)
		problems = append(problems, err)
	case len(e.stack.Resources) > 0:
		return fmt.Errorf("%d event buses: the local run supports one beside the default bus", len(buses))
	}
	e.defaultBus = events.NewBus(events.BusConfig{Name: "default", Region: e.region, Account: e.account, Deliveries: e.deliveries, Now: e.faults.Now})
	e.bus = events.NewBus(events.BusConfig{
		Name: name, Region: e.region, Account: e.account, Deliveries: e.deliveries, Now: e.faults.Now, Scheduled: e.schedules.Rules,
		Default: e.defaultBus, Log: e.terminal.logger("eventbridge"), Observe: e.record.Event,
	})
	for _, resource := range e.stack.ByType("AWS::Events::Archive") {
		var p events.ArchiveProperties
		err := e.resolver.Into(resource, &p)
		if err == nil {
			p.ArchiveName, err = e.resolver.Ref(resource.LogicalID)
		}
		if err == nil {
			err = e.bus.AddArchive(resource.LogicalID, p)
		}
		problems = append(problems, err)
	}
	for _, resource := range e.stack.ByType("AWS::Events::Rule") {
		var p events.RuleProperties
		err := e.resolver.Into(resource, &p)
		problems = append(problems, err)
		switch {
		case err != nil:
		case p.ScheduleExpression != "":
			problems = append(problems, e.schedules.AddRule(resource.LogicalID, p, e.target))
		case p.EventBusName == "":
			problems = append(problems, e.defaultBus.AddRule(resource.LogicalID, p, e.target))
		default:
			problems = append(problems, e.bus.AddRule(resource.LogicalID, p, e.target))
		}
	}
	return errors.Join(problems...)
}

// printMisdirected names the buses whose events were accepted and dropped: a name that is wrong
// shows nowhere else, as on AWS.
func (e *Emulator) printMisdirected() {
	lost := e.bus.Misdirected()
	for _, name := range slices.Sorted(maps.Keys(lost)) {
		e.terminal.print("events dropped: %d for the event bus %s, which does not exist or has no rule for them", lost[name], name)
	}
}

type deliver func(ctx context.Context, payload []byte) error

func (d deliver) Deliver(ctx context.Context, payload []byte) error { return d(ctx, payload) }

// target implements events.Resolver.
func (e *Emulator) target(ref events.TargetRef) (events.Target, error) {
	var send deliver
	switch service := strings.Split(ref.ARN+":::", ":")[2]; service {
	case "lambda":
		if _, has := e.functionSpec(ref.ARN); !has {
			return nil, fmt.Errorf("target %s: the template has no function %s", ref.ID, ref.ARN)
		}
		send = func(ctx context.Context, payload []byte) error {
			function, err := e.function(ref.ARN)
			if err != nil {
				return permanent(events.CodeNoResource, err)
			}
			err = e.call(ctx, "lambda:Invoke", faults.Events, func() error {
				_, err := function.InvokeAsync(lambda.Request{Payload: payload})
				return err
			})
			if errors.Is(err, lambda.ErrTooLarge) {
				return permanent(events.CodeInvalidParam, err)
			}
			return err
		}
	case "states":
		send = func(ctx context.Context, payload []byte) error {
			if err := e.policies.Check(iam.Role(ref.RoleARN), iam.NewCall("states:StartExecution", ref.ARN)); err != nil {
				return permanent(events.CodeNoPermissions, err)
			}
			machine := e.machines[ref.ARN]
			if machine == nil {
				return permanent(events.CodeNoResource, fmt.Errorf("state machine %s does not exist", ref.ARN))
			}
			return e.call(ctx, "states:StartExecution", faults.Events, func() error {
				_, _, err := machine.Start("", payload)
				return err
			})
		}
	case "sns":
		send = func(ctx context.Context, payload []byte) error {
			return e.publish(ctx, e.awsConfig(userKey, faults.Events), ref.ARN, payload)
		}
	case "sqs":
		send = func(ctx context.Context, payload []byte) error {
			return e.queues(userKey, faults.Events).sendBody(ctx, ref.ARN, payload)
		}
	case "logs":
		stream := "eventbridge-" + ref.ID
		send = func(ctx context.Context, payload []byte) error {
			message, at, err := events.LogEvent(payload, e.faults.Now())
			if err != nil {
				return err
			}
			return e.logTargets.Put(ctx, groupName(ref.ARN), stream, at, message)
		}
	default:
		return nil, fmt.Errorf("target %s: %s targets are not supported", ref.ID, service)
	}
	allowed := e.allowed(ref, send)
	return deliver(func(ctx context.Context, payload []byte) error {
		ctx, cancel := context.WithTimeout(ctx, callTimeout)
		defer cancel()
		return classify(allowed(ctx, payload))
	}), nil
}

// serviceActions are the actions that a target's resource policy must allow EventBridge.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html
var serviceActions = map[string][]string{
	"lambda": {"lambda:InvokeFunction"}, "sns": {"sns:Publish"}, "sqs": {"sqs:SendMessage"}, "logs": {"logs:CreateLogStream", "logs:PutLogEvents"},
}

const eventBridge = "events.amazonaws.com"

// allowed delivers only what the target's resource policy lets EventBridge deliver. A
// target with a role is checked by target.
func (e *Emulator) allowed(ref events.TargetRef, send deliver) deliver {
	service := strings.Split(ref.ARN, ":")[2]
	actions, byPolicy := serviceActions[service]
	if !byPolicy {
		return send
	}
	resource := ref.ARN
	if service == "logs" {
		resource = strings.TrimSuffix(resource, ":*") + ":log-stream:" + ref.ID
	}
	return func(ctx context.Context, payload []byte) error {
		for _, action := range actions {
			if err := e.policies.Check(iam.Service(eventBridge, ref.RuleARN), iam.NewCall(action, resource)); err != nil {
				return permanent(events.CodeNoPermissions, err)
			}
		}
		return send(ctx, payload)
	}
}

// deadLetters sends to dead-letter queues as EventBridge, which the queue's policy must
// allow.
type deadLetters struct{ emulator *Emulator }

// Send implements events.DeadLetters.
func (d deadLetters) Send(ctx context.Context, queueARN string, body []byte, attributes map[string]string) error {
	if err := d.emulator.policies.Check(iam.Service(eventBridge, attributes["RULE_ARN"]), iam.NewCall("sqs:SendMessage", queueARN)); err != nil {
		return err
	}
	return d.emulator.queues(userKey, faults.Events).Send(ctx, queueARN, body, attributes)
}

func permanent(code string, err error) error {
	return &events.DeliveryError{Code: code, Message: err.Error(), Permanent: true}
}

// classify names an error of a service as EventBridge does, and marks it when a retry cannot
// fix it.
func classify(err error) error {
	var api interface {
		ErrorCode() string
		error
	}
	var classified *events.DeliveryError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &classified):
		return err
	case errors.Is(err, logs.ErrRejected):
		return permanent(events.CodeInvalidParam, err)
	case errors.Is(err, errNoQueue):
		return permanent(events.CodeNoResource, err)
	case errors.As(err, &api):
		switch code := api.ErrorCode(); {
		case strings.Contains(code, "NotFound") || strings.Contains(code, "NonExistent"):
			return permanent(events.CodeNoResource, err)
		case strings.Contains(code, "AccessDenied") || strings.Contains(code, "AuthorizationError"):
			return permanent(events.CodeNoPermissions, err)
		case strings.Contains(code, "Invalid"):
			return permanent(events.CodeInvalidParam, err)
		case strings.Contains(code, "Throttl") || strings.Contains(code, "TooManyRequests"):
			return &events.DeliveryError{Code: events.CodeThrottling, Message: err.Error()}
		default:
			return &events.DeliveryError{Code: events.CodeErrorFromTarget, Message: err.Error()}
		}
	case errors.Is(err, context.DeadlineExceeded) || errors.Is(err, errNoResponse):
		return &events.DeliveryError{Code: events.CodeTimeout, Message: err.Error()}
	}
	return err
}

// announce publishes the event of a stack's new status on the default bus.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/event-detail-stack-status-change.html
func (e *Emulator) announce(stackID, status, reason string) {
	type details struct {
		Status string `json:"status"`
		Reason string `json:"status-reason"`
	}
	detail, _ := json.Marshal(struct { // texts always marshal
		StackID string  `json:"stack-id"`
		Details details `json:"status-details"`
		Token   string  `json:"client-request-token"`
	}{stackID, details{status, reason}, ""})
	e.defaultBus.PutServiceEvent(events.Envelope{
		DetailType: "CloudFormation Stack Status Change", Source: "aws.cloudformation", Resources: []string{stackID}, Detail: detail,
	})
}
