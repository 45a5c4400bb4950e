package apigateway_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/google/go-cmp/cmp"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/intake"
	"payment-webhooks/handlers/internal/intake/apigateway"
	"payment-webhooks/handlers/internal/ledger/ledgertest"
	"payment-webhooks/handlers/internal/provider"
	"payment-webhooks/handlers/internal/telemetry"
	"payment-webhooks/handlers/providers/providerstest"
)

var now = time.Date(2026, time.November, 22, 15, 4, 5, 0, time.UTC)

// invoke calls the function as the Lambda runtime does: bytes in, bytes out.
func invoke(t *testing.T, change func(*events.APIGatewayProxyRequest)) events.APIGatewayProxyResponse {
	t.Helper()
	return invokeWith(t, intake.Routes{}, change)
}

// invokeWith is invoke of an intake with routes, whose secret is a key pair.
func invokeWith(t *testing.T, routes intake.Routes, change func(*events.APIGatewayProxyRequest)) events.APIGatewayProxyResponse {
	t.Helper()
	fixture, err := os.ReadFile("testdata/post.json")
	if err != nil {
		t.Fatal(err)
	}
	var event events.APIGatewayProxyRequest
	if err := json.Unmarshal(fixture, &event); err != nil {
		t.Fatal(err)
	}
	change(&event)
	payload, err := json.Marshal(event)
	if err != nil {
		t.Fatal(err)
	}
	clock := func() time.Time { return now }
	in := intake.New(intake.Config{
		Routes: routes, Secrets: keyPair{},
		Ledger: ledgertest.NewMemory(now), Now: clock,
		Log: telemetry.Logger(io.Discard, contract.WebhookValidator), Metrics: telemetry.NewMetrics(io.Discard, clock, "test"),
	})
	body, err := lambda.NewHandler(apigateway.Handler(in)).Invoke(t.Context(), payload)
	if err != nil {
		t.Fatalf("the function failed, which the sender would see as a 502: %v", err)
	}
	var response events.APIGatewayProxyResponse
	if err := json.Unmarshal(body, &response); err != nil {
		t.Fatal(err)
	}
	return response
}

// keyPair is the secret of every name.
type keyPair struct{}

func (keyPair) Values(context.Context, string) ([]string, error) {
	return []string{"public:private"}, nil
}

func TestHandlerOfChallenge(t *testing.T) {
	routes, err := intake.ParseRoutes(`{"formpay":{"secret":"s"}}`, []provider.Declaration{providerstest.Declaration})
	if err != nil {
		t.Fatal(err)
	}
	query, want, err := providerstest.Declaration.Sender.Challenge("public:private")
	if err != nil {
		t.Fatal(err)
	}
	name, value, _ := strings.Cut(query, "=")
	for _, tt := range []struct {
		name   string
		change func(*events.APIGatewayProxyRequest)
	}{
		{"reads the query", func(e *events.APIGatewayProxyRequest) {
			e.MultiValueQueryStringParameters = map[string][]string{name: {value}}
		}},
		{"reads single values when there are no others", func(e *events.APIGatewayProxyRequest) {
			e.QueryStringParameters = map[string]string{name: value}
		}},
		{"finds the provider by its resource, which has no parameter", func(e *events.APIGatewayProxyRequest) {
			e.Resource, e.PathParameters = "/webhook/"+providerstest.Name, nil
			e.QueryStringParameters = map[string]string{name: value}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			response := invokeWith(t, routes, func(e *events.APIGatewayProxyRequest) {
				e.HTTPMethod, e.Resource, e.Body, e.IsBase64Encoded = http.MethodGet, "/webhook/{provider}", "", false
				e.PathParameters = map[string]string{"provider": providerstest.Name}
				tt.change(e)
			})
			if response.StatusCode != http.StatusOK || response.Body != want || response.Headers["Content-Type"] != "text/plain; charset=utf-8" {
				t.Errorf("%+v, want %s", response, want)
			}
		})
	}
}

func TestHandler(t *testing.T) {
	accepted := events.APIGatewayProxyResponse{
		StatusCode: http.StatusAccepted, Headers: map[string]string{"Content-Type": "application/json"},
		Body: `{"transaction_id":"txn_123456","provider":"stripe","status":"accepted","duplicate":false}`,
	}
	for _, tt := range []struct {
		name   string
		change func(*events.APIGatewayProxyRequest)
		want   int
	}{
		{"stores the transaction of a gateway's event", func(*events.APIGatewayProxyRequest) {}, 202},
		{"reads single-value headers when there are no others", func(e *events.APIGatewayProxyRequest) { e.MultiValueHeaders = nil }, 202},
		{"reads header names in any case", func(e *events.APIGatewayProxyRequest) {
			delete(e.MultiValueHeaders, "content-type")
			e.MultiValueHeaders["cOnTeNt-TyPe"] = []string{"application/json"}
		}, 202},
		{"rejects a second content type", func(e *events.APIGatewayProxyRequest) {
			e.MultiValueHeaders["Content-Type"] = []string{"application/json"}
		}, 415},
		{"rejects another method", func(e *events.APIGatewayProxyRequest) { e.HTTPMethod = http.MethodPut }, 404},
		{"rejects a provider that is not configured", func(e *events.APIGatewayProxyRequest) {
			e.Resource, e.PathParameters = "/webhook/{provider}", map[string]string{"provider": "nobody"}
		}, 404},
		{"rejects the resource of a provider that is not configured", func(e *events.APIGatewayProxyRequest) {
			e.Resource, e.PathParameters = "/webhook/nobody", nil
		}, 404},
		{"rejects an event of another kind", func(e *events.APIGatewayProxyRequest) { *e = events.APIGatewayProxyRequest{} }, 404},
	} {
		t.Run(tt.name, func(t *testing.T) {
			response := invoke(t, tt.change)
			if response.StatusCode != tt.want {
				t.Fatalf("%d %s, want %d", response.StatusCode, response.Body, tt.want)
			}
			if diff := cmp.Diff(accepted, response); tt.want == http.StatusAccepted && diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
