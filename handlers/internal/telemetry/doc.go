// Package telemetry writes the handlers' JSON log lines, CloudWatch metrics and X-Ray
// subsegments.
//
//	log := telemetry.Logger(os.Stdout, contract.EventRelay)
//	metrics := telemetry.NewMetrics(os.Stdout, time.Now, suffix)
//	telemetry.Instrument(&cfg) // an aws.Config: a subsegment per AWS call
//
//	log.InfoContext(ctx, "hour archived", "hour", hour)
//	metrics.Emit(telemetry.Count(contract.MetricAccepted, 1),
//		telemetry.Milliseconds(contract.MetricAckLatency, took))
//	metrics.EmitBy(contract.DimensionRiskLevel, "high", telemetry.Count(contract.MetricScored, 1))
//	err := telemetry.Step(ctx, contract.SubsegmentStore, func(ctx context.Context) error { ... })
//
// Telemetry is best effort and never makes a handler fail: a metric or trace that cannot
// be written is dropped. Everything is safe for concurrent use. It also works outside
// Lambda, where log lines lack the request's ids and Step only calls its function.
package telemetry
