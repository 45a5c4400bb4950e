package emulator

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"

	"payment-webhooks/local/apigateway"
	"payment-webhooks/local/faults"
	"payment-webhooks/local/lambda"
)

// planAPI reads the template's REST API.
func (e *Emulator) planAPI() error {
	apis, stages := e.stack.ByType("AWS::ApiGateway::RestApi"), e.stack.ByType("AWS::ApiGateway::Stage")
	if len(e.stack.Resources) == 0 {
		return nil // nothing is deployed
	}
	if len(apis) != 1 || len(stages) != 1 {
		return fmt.Errorf("%d REST APIs with %d stages: the local run supports one of each", len(apis), len(stages))
	}
	var t apigateway.Template
	var errID, errRoot error
	t.APIID, errID = e.resolver.Ref(apis[0].LogicalID)
	t.RootResourceID, errRoot = e.resolver.Att(apis[0].LogicalID, "RootResourceId")
	problems := []error{errID, errRoot, e.resolver.Into(apis[0], &t.API), e.resolver.Into(stages[0], &t.Stage)}
	for _, resource := range e.stack.ByType("AWS::ApiGateway::Resource") {
		var r apigateway.Resource
		err := e.resolver.Into(resource, &r)
		r.ID, errID = e.resolver.Ref(resource.LogicalID)
		problems = append(problems, err, errID)
		t.Resources = append(t.Resources, r)
	}
	for _, resource := range e.stack.ByType("AWS::ApiGateway::Method") {
		m := apigateway.Method{LogicalID: resource.LogicalID}
		problems = append(problems, e.resolver.Into(resource, &m))
		t.Methods = append(t.Methods, m)
	}
	for _, resource := range e.stack.ByType("AWS::ApiGateway::GatewayResponse") {
		var g apigateway.GatewayResponse
		problems = append(problems, e.resolver.Into(resource, &g))
		t.GatewayResponses = append(t.GatewayResponses, g)
	}
	if err := errors.Join(problems...); err != nil {
		return err
	}
	for _, m := range t.Methods {
		problems = append(problems, e.checkInvokePermission(t, m))
	}
	if err := errors.Join(problems...); err != nil {
		return err
	}
	accessStream := "access-" + t.APIID
	api, err := apigateway.New(t, apigateway.Config{
		Account: e.account, Now: time.Now, Skew: e.faults.Skew, NewTraceID: e.sampler.NewTraceID,
		Invoke: e.invokeForAPI, Metric: e.metric("AWS/ApiGateway", "ApiName", t.API.Name, "Stage", t.Stage.StageName),
		AccessLog: func(groupARN, line string, at time.Time) {
			e.writer.Put(groupName(groupARN), accessStream, at, line)
			e.terminal.line("api access", line)
		},
	})
	e.api = api
	e.stageName, e.apiID = t.Stage.StageName, t.APIID
	return err
}

var pathParameter = regexp.MustCompile(`\{[^}]*\}`)

// checkInvokePermission rejects a method whose requests API Gateway would answer with 500,
// because it may not invoke the function.
// https://docs.aws.amazon.com/lambda/latest/dg/services-apigateway.html#apigateway-permissions
func (e *Emulator) checkInvokePermission(t apigateway.Template, m apigateway.Method) error {
	path := pathParameter.ReplaceAllString(t.Path(m.ResourceId), "*")
	source := fmt.Sprintf("arn:aws:execute-api:%s:%s:%s/%s/%s%s", e.region, e.account, t.APIID, t.Stage.StageName, m.HttpMethod, path)
	if err := e.resourcePolicies.Check("apigateway.amazonaws.com", "lambda:InvokeFunction", m.FunctionARN(), source); err != nil {
		return fmt.Errorf("%s: %w", m.LogicalID, err)
	}
	return nil
}

func (e *Emulator) invokeForAPI(ctx context.Context, functionARN string, payload []byte, traceID string) (apigateway.Invocation, error) {
	response, err := e.invoke(ctx, faults.APIGateway, functionARN, lambda.Request{Payload: payload, TraceID: traceID})
	if err != nil && ctx.Err() == nil {
		e.log.Error("API could not invoke", "function", functionARN, "error", err)
	}
	return apigateway.Invocation{RequestID: response.RequestID, Response: response.Payload, Failed: response.FunctionError != ""}, err
}
