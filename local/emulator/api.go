package emulator

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"

	"payment-webhooks/local/apigateway"
	"payment-webhooks/local/faults"
	"payment-webhooks/local/flow"
	"payment-webhooks/local/iam"
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
	e.stageName, e.apiID = t.Stage.StageName, t.APIID
	for _, m := range t.Methods {
		if err := e.mayInvoke(m.FunctionARN(), m.HttpMethod, t.Path(m.ResourceId)); err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", m.LogicalID, err))
		}
	}
	if err := errors.Join(problems...); err != nil {
		return err
	}
	e.apiDimensions = []string{"ApiName", t.API.Name, "Stage", t.Stage.StageName}
	accessStream := "access-" + t.APIID
	logger, err := e.apiLogger()
	if err != nil {
		return err
	}
	api, err := apigateway.New(t, apigateway.Config{
		Observe: e.record.Request,
		Account: e.account, Now: time.Now, Skew: e.faults.Skew, NewTraceID: e.sampler.NewTraceID,
		Allow: e.mayInvoke, Invoke: e.invokeForAPI, Metric: e.metric("AWS/ApiGateway", e.apiDimensions...),
		AccessLog: func(groupARN, line string, at time.Time) {
			if logger == nil || logger.may(groupName(groupARN), accessStream) {
				e.writer.Put(groupName(groupARN), accessStream, at, line)
			}
			e.terminal.line("api access", line)
		},
	})
	e.api = api
	return err
}

var pathParameter = regexp.MustCompile(`\{[^}]*\}`)

// mayInvoke returns why API Gateway may not invoke the function of a method. It would answer the
// method's requests with 500.
// https://docs.aws.amazon.com/lambda/latest/dg/services-apigateway.html#apigateway-permissions
func (e *Emulator) mayInvoke(functionARN, httpMethod, resourcePath string) error {
	path := pathParameter.ReplaceAllString(resourcePath, "*")
	source := fmt.Sprintf("arn:aws:execute-api:%s:%s:%s/%s/%s%s", e.region, e.account, e.apiID, e.stageName, httpMethod, path)
	return e.policies.Check(iam.Service("apigateway.amazonaws.com", source), iam.NewCall("lambda:InvokeFunction", functionARN))
}

func (e *Emulator) invokeForAPI(ctx context.Context, functionARN string, payload []byte, traceID string) (apigateway.Invocation, error) {
	if id := e.logicalIDs[functionARN]; id != "" {
		e.passed.add(flow.Count{Of: flow.Integration, LogicalID: id})
	}
	response, err := e.invoke(ctx, faults.APIGateway, functionARN, lambda.Request{Payload: payload, TraceID: traceID})
	if err != nil && ctx.Err() == nil {
		e.log.Error("API could not invoke", "function", functionARN, "error", err)
	}
	return apigateway.Invocation{RequestID: response.RequestID, Response: response.Payload, Failed: response.FunctionError != ""}, err
}
