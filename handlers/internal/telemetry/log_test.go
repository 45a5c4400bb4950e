package telemetry_test

import (
	"bytes"
	"context"
	"encoding/json"
	"testing"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-xray-sdk-go/v2/xray"
	"github.com/google/go-cmp/cmp"

	"payment-webhooks/handlers/internal/telemetry"
)

const traceHeader = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"

// invocation is the context that the Lambda runtime gives a handler.
func invocation(t *testing.T) context.Context {
	ctx := lambdacontext.NewContext(t.Context(), &lambdacontext.LambdaContext{AwsRequestID: "request-1"})
	return withTraceHeader(ctx, traceHeader)
}

// traceHeaderKey is the key under which the Lambda runtime stores the header: a plain
// string.
var traceHeaderKey any = xray.LambdaTraceHeaderKey

func withTraceHeader(ctx context.Context, header string) context.Context {
	return context.WithValue(ctx, traceHeaderKey, header)
}

func TestLogLine(t *testing.T) {
	cases := map[string]struct {
		ctx  func(*testing.T) context.Context
		want map[string]any
	}{
		"in an invocation": {invocation, map[string]any{
			"level": "WARN", "message": "hour is late", "function": "event-relay", "hour": "2026-11-22T15",
			"request_id": "request-1", "trace_id": "1-5759e988-bd862e3fe1be46a994272793",
		}},
		"outside one": {(*testing.T).Context, map[string]any{
			"level": "WARN", "message": "hour is late", "function": "event-relay", "hour": "2026-11-22T15",
		}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			telemetry.Logger(&out, "event-relay").With("hour", "2026-11-22T15").WarnContext(c.ctx(t), "hour is late")
			var got map[string]any
			if err := json.Unmarshal(out.Bytes(), &got); err != nil {
				t.Fatalf("%v in %q", err, out.String())
			}
			if _, ok := got["timestamp"].(string); !ok {
				t.Errorf("no timestamp in %q", out.String())
			}
			delete(got, "timestamp")
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
