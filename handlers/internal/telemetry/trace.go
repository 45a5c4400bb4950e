package telemetry

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-xray-sdk-go/v2/instrumentation/awsv2"
	"github.com/aws/aws-xray-sdk-go/v2/strategy/ctxmissing"
	"github.com/aws/aws-xray-sdk-go/v2/xray"
	"github.com/aws/aws-xray-sdk-go/v2/xraylog"
)

// By default, the X-Ray SDK logs plain text to standard output, such as a line for each
// step outside a traced invocation. A handler's standard output must have only JSON
// lines. SetLogger must be called from an init function.
func init() {
	xray.SetLogger(xraylog.NullLogger)
	// Configure fails only for an invalid daemon address, and none is given.
	_ = xray.Configure(xray.Config{ContextMissingStrategy: ctxmissing.NewDefaultIgnoreErrorStrategy()})
}

// errPanicked is the error that a trace shows for a step that panicked.
var errPanicked = errors.New("panicked")

// Step runs fn as an X-Ray subsegment and returns the error of fn. An error marks the
// subsegment as failed and its text is part of the trace, so it must be fit for
// operators. Step does not recover panics.
func Step(ctx context.Context, name string, fn func(ctx context.Context) error) error {
	ctx, segment := xray.BeginSubsegment(ctx, name)
	if segment == nil { // there is no trace
		return fn(ctx)
	}
	err := errPanicked
	defer func() { segment.Close(err) }()
	err = fn(ctx)
	return err
}

// Instrument makes every AWS client built from cfg record its calls as X-Ray
// subsegments and pass the trace on.
func Instrument(cfg *aws.Config) {
	awsv2.AWSV2Instrumentor(&cfg.APIOptions)
}

// TraceHeader returns the X-Ray header ("Root=1-…;Parent=…;Sampled=1") for a service that
// continues the trace, or "" outside a traced invocation.
func TraceHeader(ctx context.Context) string {
	if segment := xray.GetSegment(ctx); segment != nil && segment.TraceID != "" {
		return segment.DownstreamHeader().String()
	}
	header, _ := ctx.Value(xray.LambdaTraceHeaderKey).(string)
	return header
}
