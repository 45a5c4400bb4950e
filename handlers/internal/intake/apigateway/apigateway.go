// Package apigateway connects package intake to API Gateway's Lambda proxy
// integration of a REST API.
package apigateway

import (
	"context"
	"net/http"
	"net/url"

	"github.com/aws/aws-lambda-go/events"

	"payment-webhooks/handlers/internal/intake"
)

// Handler returns the Lambda function of an intake. Its error is always nil, because
// API Gateway responds to a failed function with a 502.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
func Handler(in *intake.Intake) func(context.Context, events.APIGatewayProxyRequest) (events.APIGatewayProxyResponse, error) {
	return func(ctx context.Context, event events.APIGatewayProxyRequest) (events.APIGatewayProxyResponse, error) {
		response := in.Handle(ctx, request(event))
		return events.APIGatewayProxyResponse{StatusCode: response.Status, Headers: response.Header, Body: response.Body}, nil
	}
}

func request(event events.APIGatewayProxyRequest) intake.Request {
	return intake.Request{
		Method:       event.HTTPMethod,
		Resource:     event.Resource,
		Provider:     event.PathParameters["provider"],
		URL:          "https://" + event.RequestContext.DomainName + event.RequestContext.Path,
		Header:       header(event),
		Query:        query(event),
		Body:         event.Body,
		BodyIsBase64: event.IsBase64Encoded,
	}
}

// header returns the request's headers, with canonical names: in the event, they are as
// the sender wrote them. Some callers, such as the console's test button, set only the
// single-value map.
func header(event events.APIGatewayProxyRequest) http.Header {
	h := http.Header{}
	for name, values := range event.MultiValueHeaders {
		for _, value := range values {
			h.Add(name, value)
		}
	}
	if len(h) == 0 {
		for name, value := range event.Headers {
			h.Add(name, value)
		}
	}
	return h
}

// query returns the request's query. The event has it decoded.
func query(event events.APIGatewayProxyRequest) url.Values {
	if len(event.MultiValueQueryStringParameters) > 0 {
		return event.MultiValueQueryStringParameters
	}
	q := url.Values{}
	for name, value := range event.QueryStringParameters {
		q.Set(name, value)
	}
	return q
}
