package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/aws/aws-lambda-go/lambda/messages"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/event"
	"payment-webhooks/handlers/internal/fraud"
	"payment-webhooks/handlers/internal/ledger"
	"payment-webhooks/handlers/internal/telemetry"
)

// recorder is the part of ledger.Ledger that is needed here.
type recorder interface {
	RecordFraud(ctx context.Context, key ledger.Key, result ledger.FraudResult) (stored ledger.FraudResult, recorded bool, err error)
}

type handler struct {
	model   fraud.Model
	ledger  recorder
	log     *slog.Logger
	metrics *telemetry.Metrics
	now     func() time.Time
}

// answer goes back to the workflow, whose Choice reads risk_level.
type answer struct {
	TransactionID string       `json:"transaction_id"`
	Provider      string       `json:"provider"`
	Score         json.Number  `json:"score"` // 0 to 1
	RiskLevel     string       `json:"risk_level"`
	RiskFactors   []riskFactor `json:"risk_factors"`
	RiskSummary   string       `json:"risk_summary"`
	ModelVersion  string       `json:"model_version"`
}

type riskFactor struct {
	Name   string      `json:"name"`
	Weight json.Number `json:"weight"` // they add up to the score
	Detail string      `json:"detail"`
}

// handle takes the detail of an event. The workflow may run twice for one
// transaction: the result recorded first is the answer to both.
//
// Errors: event.ErrMalformed for a detail that is not ours, ledger.ErrNotFound
// for a transaction that is not in the table (replayed after its items expired,
// or never accepted), ledger.ErrUnavailable. The workflow retries what may pass
// and keeps the rest in its dead-letter queue.
func (h *handler) handle(ctx context.Context, detail json.RawMessage) (answer, error) {
	received, err := event.Decode(detail)
	if err != nil {
		return answer{}, err
	}
	var assessment fraud.Assessment
	_ = telemetry.Step(ctx, contract.SubsegmentScore, func(context.Context) error { // a model never fails
		assessment = h.model.Score(fraud.Payment{Transaction: received.Transaction, MetadataUnseen: received.MetadataOmitted})
		return nil
	})

	var stored ledger.FraudResult
	var recorded bool
	err = telemetry.Step(ctx, contract.SubsegmentRecord, func(ctx context.Context) error {
		var err error
		stored, recorded, err = h.ledger.RecordFraud(ctx, ledger.KeyOf(received.Transaction), result(assessment, h.now()))
		return err
	})
	if err != nil {
		return answer{}, fmt.Errorf("record fraud result of %s from %s: %w", received.ID, received.Provider, err)
	}
	if recorded { // a repeat is not another transaction
		h.metrics.EmitBy(contract.DimensionRiskLevel, stored.RiskLevel, telemetry.Count(contract.MetricScored, 1))
	}
	h.log.InfoContext(ctx, "transaction scored", contract.AttrTransactionID, received.ID, contract.AttrProvider, received.Provider,
		"score", stored.Score, "risk_level", stored.RiskLevel, "model_version", stored.ModelVersion, "repeat", !recorded)
	return reply(received, stored), nil
}

// invoke is handle with errors that the workflow can tell apart: Lambda would
// otherwise report the Go type of an error, which is that of its wrapping.
func (h *handler) invoke(ctx context.Context, detail json.RawMessage) (answer, error) {
	a, err := h.handle(ctx, detail)
	if err == nil {
		return a, nil
	}
	h.log.ErrorContext(ctx, "transaction not scored", "error", err)
	for _, known := range []struct {
		sentinel error
		name     string
	}{
		{event.ErrMalformed, contract.ErrorTypeMalformedDetail},
		{ledger.ErrNotFound, contract.ErrorTypeTransactionNotFound},
		{ledger.ErrUnavailable, contract.ErrorTypeLedgerUnavailable},
	} {
		if errors.Is(err, known.sentinel) {
			return answer{}, messages.InvokeResponse_Error{Type: known.name, Message: err.Error()}
		}
	}
	return answer{}, err
}

func result(a fraud.Assessment, scoredAt time.Time) ledger.FraudResult {
	r := ledger.FraudResult{
		Score:        a.Score.String(),
		RiskLevel:    string(a.Level),
		RiskSummary:  a.Summary,
		ModelVersion: a.ModelVersion,
		ScoredAt:     scoredAt,
	}
	for _, f := range a.Factors {
		r.RiskFactors = append(r.RiskFactors, ledger.RiskFactor{Name: f.Name, Weight: f.Weight.String(), Detail: f.Detail})
	}
	return r
}

func reply(received event.Received, r ledger.FraudResult) answer {
	a := answer{
		TransactionID: received.ID,
		Provider:      received.Provider,
		Score:         json.Number(r.Score),
		RiskLevel:     r.RiskLevel,
		RiskFactors:   []riskFactor{}, // an empty list, not null
		RiskSummary:   r.RiskSummary,
		ModelVersion:  r.ModelVersion,
	}
	for _, f := range r.RiskFactors {
		a.RiskFactors = append(a.RiskFactors, riskFactor{f.Name, json.Number(f.Weight), f.Detail})
	}
	return a
}
