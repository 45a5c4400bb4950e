package stepfunctions

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/event"
	"payment-webhooks/handlers/internal/fraud"
	"payment-webhooks/handlers/internal/ledger"
	"payment-webhooks/handlers/internal/telemetry"
)

// Recorder is the part of ledger.Ledger that is used here.
type Recorder interface {
	RecordFraud(ctx context.Context, key ledger.Key, result fraud.Result) (stored fraud.Result, recorded bool, err error)
}

// Archive is where a result goes that was recorded after its hour had been archived.
type Archive interface {
	// Late requests that the hour is archived again because of the transaction's result.
	// A repeated request does no harm.
	Late(ctx context.Context, hour time.Time, scored ledger.Key) error
}

// Detector scores transactions and records the results. It is safe for concurrent
// use.
type Detector struct {
	model   fraud.Model
	ledger  Recorder
	archive Archive
	log     *slog.Logger
	metrics *telemetry.Metrics
	now     func() time.Time
}

// New returns a detector; now gives the time of each result.
func New(model fraud.Model, ledger Recorder, archive Archive, log *slog.Logger, metrics *telemetry.Metrics, now func() time.Time) *Detector {
	return &Detector{model, ledger, archive, log, metrics, now}
}

var (
	// errModel is the error of a failed model or an invalid assessment.
	errModel = errors.New("fraud model failed")

	// errArchiver is the error of a result that is recorded and may be missing in the
	// archive.
	errArchiver = errors.New("the hour cannot be archived again")
)

// detect returns the assessment that is recorded for the transaction. The workflow
// may run twice for one transaction: the result recorded first is the response to
// both.
//
// Errors: errModel for an error of the model or an assessment that does not pass
// Check, ledger.ErrNotFound for a transaction that is not in the table (replayed
// after its items expired, or never accepted), ledger.ErrUnavailable, and errArchiver
// if a late result could not be announced to the archiver.
func (d *Detector) detect(ctx context.Context, received event.Received) (fraud.Assessment, error) {
	var assessment fraud.Assessment
	err := telemetry.Step(ctx, contract.SubsegmentScore, func(ctx context.Context) error {
		var err error
		assessment, err = d.model.Score(ctx, fraud.Payment{Transaction: received.Transaction, MetadataUnseen: received.MetadataOmitted})
		if err != nil {
			return err
		}
		return assessment.Check()
	})
	if err != nil {
		return fraud.Assessment{}, fmt.Errorf("%w: %s from %s: %w", errModel, received.ID, received.Provider, err)
	}

	var stored fraud.Result
	var recorded bool
	err = telemetry.Step(ctx, contract.SubsegmentRecord, func(ctx context.Context) error {
		var err error
		stored, recorded, err = d.ledger.RecordFraud(ctx, ledger.KeyOf(received.Transaction), fraud.Result{Assessment: assessment, ScoredAt: d.now()})
		return err
	})
	if err != nil {
		return fraud.Assessment{}, fmt.Errorf("record fraud result of %s from %s: %w", received.ID, received.Provider, err)
	}
	// A repeat counts too: for each event that is due there is an execution.
	d.metrics.Books(received.ReceivedAt).Emit(telemetry.Count(contract.MetricScoresDone, 1))
	if recorded { // a repeat is not another transaction
		d.metrics.EmitBy(contract.DimensionRiskLevel, string(stored.Level), telemetry.Count(contract.MetricScored, 1))
	}
	d.log.InfoContext(ctx, "transaction scored", telemetry.KeyTransactionID, received.ID, telemetry.KeyProvider, received.Provider,
		"score", stored.Score.String(), "risk_level", stored.Level, "model_version", stored.ModelVersion, "repeat", !recorded)
	// A repeat announces a late result again: the attempt that recorded it may have failed
	// before it was announced.
	if late(received.ReceivedAt, d.now()) {
		hour := received.ReceivedAt.UTC().Truncate(time.Hour)
		d.log.InfoContext(ctx, "fraud result is late, archiving its hour again", telemetry.KeyTransactionID, received.ID, telemetry.KeyProvider, received.Provider, "hour", hour)
		if err := d.archive.Late(ctx, hour, ledger.KeyOf(received.Transaction)); err != nil {
			return fraud.Assessment{}, fmt.Errorf("%w: %s from %s: %w", errArchiver, received.ID, received.Provider, err)
		}
	}
	return stored.Assessment, nil
}

// late reports whether the hour in which a transaction was received may have been archived
// at the given time, which was after its result had been recorded. The archiver's clock may
// be ahead.
func late(receivedAt, now time.Time) bool {
	const delay = contract.ArchiveDelayHours*time.Hour - contract.ArchiveSkewMinutes*time.Minute
	return !now.Before(receivedAt.UTC().Truncate(time.Hour).Add(time.Hour + delay))
}

// ReportFallback returns the function that fraud.WithFallback calls when the model
// failed: a warning with the error, and contract.MetricModelFallbacks.
func ReportFallback(log *slog.Logger, metrics *telemetry.Metrics) func(context.Context, error) {
	return func(ctx context.Context, err error) {
		log.WarnContext(ctx, "fraud model failed, scoring with the fallback", "reason", fraud.Reason(err), "error", err)
		metrics.Emit(telemetry.Count(contract.MetricModelFallbacks, 1))
	}
}
