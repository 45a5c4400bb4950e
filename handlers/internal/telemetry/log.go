package telemetry

import (
	"context"
	"io"
	"log/slog"
	"strings"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-xray-sdk-go/v2/xray"
)

// Keys of every log line of a handler. The last two are absent outside an invocation.
const (
	KeyFunction  = "function"   // the handler's name
	KeyRequestID = "request_id" // the invocation's id
	KeyTraceID   = "trace_id"   // X-Ray's trace id, "1-…"
)

// Keys of log lines about a transaction.
const (
	KeyTransactionID = "transaction_id"
	KeyProvider      = "provider"
)

// Logger returns a logger that writes one JSON object per line to w, at level INFO and
// above. Time, level and text have the names that Lambda's own JSON logs use (timestamp,
// level, message), so that Lambda's log-level filter understands them:
// https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html
func Logger(w io.Writer, function string) *slog.Logger {
	base := slog.NewJSONHandler(w, &slog.HandlerOptions{ReplaceAttr: lambdacontext.ReplaceAttr})
	return slog.New(contextHandler{base}).With(KeyFunction, function)
}

// contextHandler adds the invocation's ids from the context.
type contextHandler struct{ slog.Handler }

func (h contextHandler) Handle(ctx context.Context, r slog.Record) error {
	if lc, ok := lambdacontext.FromContext(ctx); ok {
		r.AddAttrs(slog.String(KeyRequestID, lc.AwsRequestID))
	}
	if id := traceID(ctx); id != "" {
		r.AddAttrs(slog.String(KeyTraceID, id))
	}
	return h.Handler.Handle(ctx, r)
}

func (h contextHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return contextHandler{h.Handler.WithAttrs(attrs)}
}

func (h contextHandler) WithGroup(name string) slog.Handler {
	return contextHandler{h.Handler.WithGroup(name)}
}

// traceID returns the Root field of the tracing header that the Lambda runtime puts
// into the context: "Root=1-…;Parent=…;Sampled=1".
func traceID(ctx context.Context) string {
	header, _ := ctx.Value(xray.LambdaTraceHeaderKey).(string)
	for field := range strings.SplitSeq(header, ";") {
		if root, ok := strings.CutPrefix(field, "Root="); ok {
			return root
		}
	}
	return ""
}
