package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/ledger"
	"payment-webhooks/handlers/internal/telemetry"
	"payment-webhooks/handlers/internal/transaction"
)

// handler takes deliveries in.
type handler struct {
	ledger  ledger.Ledger
	log     *slog.Logger
	metrics *telemetry.Metrics
	now     func() time.Time
}

// handle answers one delivery. It never returns an error: each outcome has a
// status of its own.
func (h *handler) handle(ctx context.Context, request events.APIGatewayProxyRequest) (events.APIGatewayProxyResponse, error) {
	received := h.now()
	accepted, err := h.accept(ctx, request, received)
	answer := accepted.answer()
	if err != nil {
		answer = refuse(err)
	}
	h.report(ctx, accepted, err, answer.StatusCode, h.now().Sub(received))
	return answer, nil
}

// acceptance is what became of a delivery.
type acceptance struct {
	transaction transaction.Transaction
	masked      int // card numbers
	outcome     ledger.Outcome
}

// accept takes a delivery through the steps of the door, each a subsegment of
// its trace. 2xx may be answered only when the error is nil.
func (h *handler) accept(ctx context.Context, request events.APIGatewayProxyRequest, received time.Time) (a acceptance, err error) {
	if err := route(request); err != nil {
		return a, err
	}
	var body []byte
	if err := telemetry.Step(ctx, contract.SubsegmentVerify, func(context.Context) (err error) {
		body, err = verify(request)
		return err
	}); err != nil {
		return a, err
	}
	var draft transaction.Draft
	if err := telemetry.Step(ctx, contract.SubsegmentNormalise, func(context.Context) (err error) {
		draft, err = transaction.Normalise(body)
		return err
	}); err != nil {
		return a, err
	}
	if err := telemetry.Step(ctx, contract.SubsegmentValidate, func(context.Context) (err error) {
		a.transaction, err = draft.Validate()
		return err
	}); err != nil {
		return a, err
	}
	if err := telemetry.Step(ctx, contract.SubsegmentRedact, func(context.Context) error {
		a.transaction, a.masked = a.transaction.Redact()
		return nil
	}); err != nil {
		return a, err
	}
	a.transaction.ReceivedAt = received.UTC()
	return a, telemetry.Step(ctx, contract.SubsegmentStore, func(ctx context.Context) (err error) {
		a.outcome, err = h.ledger.Store(ctx, a.transaction)
		return err
	})
}

// report writes one log line and one line of metrics about a delivery. Neither
// holds anything of the body but the key of a transaction that is valid.
func (h *handler) report(ctx context.Context, a acceptance, err error, status int, took time.Duration) {
	metrics := []telemetry.Metric{
		telemetry.Count(metricOf(status), 1),
		telemetry.Milliseconds(contract.MetricAckLatency, took),
	}
	if a.masked > 0 {
		metrics = append(metrics, telemetry.Count(contract.MetricCardNumbersMasked, a.masked))
	}
	h.metrics.Emit(metrics...)

	attrs := []any{"status", status, "duration_ms", took.Milliseconds()}
	if a.transaction.ID != "" {
		attrs = append(attrs, "transaction_id", a.transaction.ID, "provider", a.transaction.Provider, "card_numbers_masked", a.masked)
	}
	switch {
	case err == nil:
		h.log.InfoContext(ctx, "transaction "+a.outcome.String(), attrs...)
	case status >= 500:
		h.log.ErrorContext(ctx, "transaction not stored", append(attrs, "error", err)...)
	default:
		h.log.InfoContext(ctx, "request refused", append(attrs, "error", err)...)
	}
}

func metricOf(status int) string {
	switch status {
	case 202:
		return contract.MetricAccepted
	case 200:
		return contract.MetricDuplicates
	case 409:
		return contract.MetricConflicts
	case 503:
		return contract.MetricStoreUnavailable
	}
	return contract.MetricRejected
}
