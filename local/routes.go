package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"payment-webhooks/local/apigateway"
	"payment-webhooks/local/events"
	"payment-webhooks/local/iam"
	"payment-webhooks/local/lambda"
	"payment-webhooks/local/schedule"
)

// planAPI reads the one REST API.
func (b *bench) planAPI() error {
	apis, stages := b.stack.ByType("AWS::ApiGateway::RestApi"), b.stack.ByType("AWS::ApiGateway::Stage")
	if len(apis) != 1 || len(stages) != 1 {
		return fmt.Errorf("%d REST APIs with %d stages: the local run plays one of each", len(apis), len(stages))
	}
	var t apigateway.Template
	var errID, errRoot error
	t.APIID, errID = b.resolver.Ref(apis[0].LogicalID)
	t.RootResourceID, errRoot = b.resolver.Att(apis[0].LogicalID, "RootResourceId")
	problems := []error{errID, errRoot, b.resolver.Into(apis[0], &t.API), b.resolver.Into(stages[0], &t.Stage)}
	for _, resource := range b.stack.ByType("AWS::ApiGateway::Resource") {
		var r apigateway.Resource
		err := b.resolver.Into(resource, &r)
		r.ID, errID = b.resolver.Ref(resource.LogicalID)
		problems = append(problems, err, errID)
		t.Resources = append(t.Resources, r)
	}
	for _, resource := range b.stack.ByType("AWS::ApiGateway::Method") {
		m := apigateway.Method{LogicalID: resource.LogicalID}
		problems = append(problems, b.resolver.Into(resource, &m))
		t.Methods = append(t.Methods, m)
	}
	for _, resource := range b.stack.ByType("AWS::ApiGateway::GatewayResponse") {
		var g apigateway.GatewayResponse
		problems = append(problems, b.resolver.Into(resource, &g))
		t.GatewayResponses = append(t.GatewayResponses, g)
	}
	if err := errors.Join(problems...); err != nil {
		return err
	}
	for _, m := range t.Methods {
		problems = append(problems, b.checkInvokePermission(t, m))
	}
	if err := errors.Join(problems...); err != nil {
		return err
	}
	accessStream := "access-" + t.APIID
	api, err := apigateway.New(t, apigateway.Config{
		Account: b.account, Now: time.Now, NewTraceID: lambda.NewTraceID,
		Invoke: b.invokeForAPI,
		AccessLog: func(groupARN, line string, at time.Time) {
			b.writer.Put(groupName(groupARN), accessStream, at, line)
			b.terminal.line("api access", line)
		},
	})
	b.api = api
	b.stageName, b.apiID = t.Stage.StageName, t.APIID
	return err
}

var pathParameter = regexp.MustCompile(`\{[^}]*\}`)

// checkInvokePermission refuses a method that API Gateway would answer with a
// 500, because it may not invoke the function.
// https://docs.aws.amazon.com/lambda/latest/dg/services-apigateway.html#apigateway-permissions
func (b *bench) checkInvokePermission(t apigateway.Template, m apigateway.Method) error {
	path := pathParameter.ReplaceAllString(t.Path(m.ResourceId), "*")
	source := fmt.Sprintf("arn:aws:execute-api:%s:%s:%s/%s/%s%s", b.region, b.account, t.APIID, t.Stage.StageName, m.HttpMethod, path)
	if err := b.resourcePolicies.Check("apigateway.amazonaws.com", "lambda:InvokeFunction", m.FunctionARN(), source); err != nil {
		return fmt.Errorf("%s: %w", m.LogicalID, err)
	}
	return nil
}

func (b *bench) invokeForAPI(ctx context.Context, functionARN string, payload []byte, traceID string) ([]byte, bool, error) {
	function, err := b.function(functionARN)
	if err != nil {
		return nil, false, err
	}
	response, err := function.Invoke(ctx, lambda.Request{Payload: payload, TraceID: traceID})
	if err != nil && ctx.Err() == nil {
		b.log.Error("API could not invoke", "function", functionARN, "error", err)
	}
	return response.Payload, response.FunctionError != "", err
}

// planRules reads the bus and every rule.
func (b *bench) planRules() error {
	b.deliveries = events.NewDeliveries(events.DeliveryConfig{
		DeadLetters: deadLetters{b}, Log: b.terminal.logger("eventbridge"), TimeScale: b.timeScale,
	})
	b.schedules = schedule.New(schedule.Config{Region: b.region, Account: b.account, Deliveries: b.deliveries})
	buses := b.stack.ByType("AWS::Events::EventBus")
	if len(buses) != 1 {
		return fmt.Errorf("%d event buses: the local run plays one beside the default one", len(buses))
	}
	var p struct {
		Name, Description string
		Tags              json.RawMessage
	}
	problems := []error{b.resolver.Into(buses[0], &p)}
	name, err := b.resolver.Ref(buses[0].LogicalID)
	problems = append(problems, err)
	b.bus = events.NewBus(events.BusConfig{Name: name, Region: b.region, Account: b.account, Deliveries: b.deliveries})
	for _, resource := range b.stack.ByType("AWS::Events::Rule") {
		properties, err := b.resolver.Properties(resource)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		text, err := json.Marshal(properties)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		if events.IsScheduled(text) {
			problems = append(problems, b.schedules.AddRule(resource.LogicalID, text, b.target))
			continue
		}
		problems = append(problems, b.bus.AddRule(resource.LogicalID, text, b.target))
	}
	return errors.Join(problems...)
}

type deliver func(ctx context.Context, payload []byte) error

func (d deliver) Deliver(ctx context.Context, payload []byte) error { return d(ctx, payload) }

// target is the events.Resolver: what stands behind a target's ARN.
func (b *bench) target(ref events.TargetRef) (events.Target, error) {
	var send deliver
	switch service := strings.Split(ref.ARN+":::", ":")[2]; service {
	case "lambda":
		if !b.hasFunction(ref.ARN) {
			return nil, fmt.Errorf("target %s: the template has no function %s", ref.ID, ref.ARN)
		}
		send = func(_ context.Context, payload []byte) error {
			function, err := b.function(ref.ARN)
			if err != nil {
				return permanent(events.CodeNoResource, err)
			}
			_, err = function.InvokeAsync(lambda.Request{Payload: payload})
			if errors.Is(err, lambda.ErrTooLarge) {
				return permanent(events.CodeInvalidParam, err)
			}
			return err
		}
	case "states":
		send = func(_ context.Context, payload []byte) error {
			if err := b.policies.Check(ref.RoleARN, iam.Call{Action: "states:StartExecution", Resources: []string{ref.ARN}}); err != nil {
				return permanent(events.CodeNoPermissions, err)
			}
			machine := b.machines[ref.ARN]
			if machine == nil {
				return permanent(events.CodeNoResource, fmt.Errorf("state machine %s does not exist", ref.ARN))
			}
			_, _, err := machine.Start("", payload)
			return err
		}
	case "sns":
		send = func(ctx context.Context, payload []byte) error {
			return classify(b.publish(ctx, b.awsConfig(userKey), ref.ARN, payload))
		}
	case "sqs":
		send = func(ctx context.Context, payload []byte) error {
			return classify(b.queues(userKey).sendBody(ctx, ref.ARN, payload))
		}
	case "logs":
		stream := "eventbridge-" + ref.ID
		send = func(_ context.Context, payload []byte) error {
			message, at, err := events.LogEvent(payload, time.Now())
			if err == nil {
				b.writer.Put(groupName(ref.ARN), stream, at, message)
			}
			return err
		}
	default:
		return nil, fmt.Errorf("target %s: %s targets are not played", ref.ID, service)
	}
	return b.allowed(ref, send), nil
}

// serviceActions is what EventBridge asks a target's resource policy for.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html
var serviceActions = map[string]string{
	"lambda": "lambda:InvokeFunction", "sns": "sns:Publish", "sqs": "sqs:SendMessage", "logs": "logs:PutLogEvents",
}

const eventBridge = "events.amazonaws.com"

// allowed delivers only what the target's policy lets EventBridge deliver. A
// target with a role is checked where it is called.
func (b *bench) allowed(ref events.TargetRef, send deliver) deliver {
	action, byPolicy := serviceActions[strings.Split(ref.ARN, ":")[2]]
	if !byPolicy {
		return send
	}
	resource := ref.ARN
	if strings.HasPrefix(action, "logs:") {
		resource = strings.TrimSuffix(resource, ":*") + ":log-stream:" + ref.ID
	}
	return func(ctx context.Context, payload []byte) error {
		if err := b.resourcePolicies.Check(eventBridge, action, resource, ref.RuleARN); err != nil {
			return permanent(events.CodeNoPermissions, err)
		}
		return send(ctx, payload)
	}
}

// deadLetters sends in EventBridge's name, which the queue's policy must allow.
type deadLetters struct{ bench *bench }

// Send is events.DeadLetters.
func (d deadLetters) Send(ctx context.Context, queueARN string, body []byte, attributes map[string]string) error {
	if err := d.bench.resourcePolicies.Check(eventBridge, "sqs:SendMessage", queueARN, attributes["RULE_ARN"]); err != nil {
		return err
	}
	return d.bench.queues(userKey).Send(ctx, queueARN, body, attributes)
}

func permanent(code string, err error) error {
	return &events.DeliveryError{Code: code, Message: err.Error(), Permanent: true}
}

// classify says which errors of a service retrying cannot mend.
func classify(err error) error {
	var api interface {
		ErrorCode() string
		error
	}
	switch {
	case err == nil:
		return nil
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
		}
	}
	return err
}
