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

// By default the X-Ray SDK writes plain text about itself to standard output,
// among it a line for each step outside a traced invocation. Our standard
// output is JSON lines only. SetLogger must be called from an init function.
func init() {
	xray.SetLogger(xraylog.NullLogger)
	// The only error Configure knows is a bad daemon address, and none is given.
	_ = xray.Configure(xray.Config{ContextMissingStrategy: ctxmissing.NewDefaultIgnoreErrorStrategy()})
}

// errPanicked is what a trace shows of a step that did not return.
var errPanicked = errors.New("panicked")

// Step runs fn as an X-Ray subsegment. It returns what fn returns, and marks the
// subsegment as failed with that error's text, which must therefore be fit for
// operators to read. A panic in fn goes through.
func Step(ctx context.Context, name string, fn func(ctx context.Context) error) error {
	ctx, segment := xray.BeginSubsegment(ctx, name)
	if segment == nil { // no trace to add to
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

// TraceHeader is the X-Ray header ("Root=1-…;Parent=…;Sampled=1") to hand to a
// service that continues the trace, or "" outside a traced invocation.
func TraceHeader(ctx context.Context) string {
	if segment := xray.GetSegment(ctx); segment != nil && segment.TraceID != "" {
		return segment.DownstreamHeader().String()
	}
	header, _ := ctx.Value(xray.LambdaTraceHeaderKey).(string)
	return header
}
