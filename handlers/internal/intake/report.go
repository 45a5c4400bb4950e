package intake

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/ledger"
	"payment-webhooks/handlers/internal/provider"
	"payment-webhooks/handlers/internal/redact"
	"payment-webhooks/handlers/internal/telemetry"
)

// maxListed bounds the ids, event types and reasons in one log line.
const maxListed = 20

// report writes one log line and one line of metrics about a delivery. Neither
// holds anything of the body but the keys of transactions that are valid, and
// of authentic deliveries the events' names.
func (in *Intake) report(ctx context.Context, o outcome, err error, status int, took time.Duration) {
	t := o.tally()
	in.metrics.Emit(append(t.metrics(err, status),
		telemetry.Milliseconds(contract.MetricAckLatency, took))...)

	attrs := append([]any{"status", status, "duration_ms", took.Milliseconds()}, t.attrs(o)...)
	switch {
	case err == nil && o.challenged:
		in.log.InfoContext(ctx, "challenge answered", attrs...)
	case err == nil && t.reasons != nil:
		in.log.WarnContext(ctx, "delivery quarantined", append(attrs, "error", strings.Join(t.reasons, "; "))...)
	case err == nil && o.route.decode != nil:
		in.log.InfoContext(ctx, "delivery processed", attrs...)
	case err == nil:
		in.log.InfoContext(ctx, "transaction "+o.results[0].stored.String(), attrs...)
	case errors.Is(err, errUnverified):
		in.log.ErrorContext(ctx, "delivery not verified", append(attrs, "error", err)...)
	case status >= http.StatusInternalServerError && o.route.decode != nil:
		in.log.ErrorContext(ctx, "delivery not processed", append(attrs, "error", err)...)
	case status >= http.StatusInternalServerError:
		in.log.ErrorContext(ctx, "transaction not stored", append(attrs, "error", err)...)
	default:
		in.log.InfoContext(ctx, "request rejected", append(attrs, "error", err)...)
	}
}

// secretFailed reports a secret that could not be read. A delivery may not need
// it: older values are served for a while.
func (in *Intake) secretFailed(ctx context.Context, name string, err error) {
	in.metrics.Emit(telemetry.Count(contract.MetricSecretReadsFailing, 1))
	in.log.ErrorContext(ctx, "secret not read", "secret", name, "error", err)
}

// tally counts what became of a delivery's events.
type tally struct {
	stored, duplicates, ignored, quarantined, masked int
	ids, types, reasons                              []string
}

func (o outcome) tally() tally {
	t := tally{masked: o.masked}
	for _, r := range o.results {
		if r.transaction != nil {
			t.ids = append(t.ids, r.transaction.ID)
		}
		t.types = append(t.types, redact.Sanitise(r.event))
		switch {
		case r.quarantined != nil:
			t.quarantined++
			if len(t.reasons) < maxListed {
				t.reasons = append(t.reasons, r.quarantined.Error())
			}
		case r.stored == ledger.Stored:
			t.stored++
		case r.stored == ledger.Duplicate:
			t.duplicates++
		case r.transaction == nil:
			t.ignored++
		}
	}
	return t
}

// metrics counts transactions and events each, refusals and quarantined
// deliveries once. What was done before a failure counts too: it stays done.
func (t tally) metrics(err error, status int) []telemetry.Metric {
	var metrics []telemetry.Metric
	count := func(name string, n int) {
		if n > 0 {
			metrics = append(metrics, telemetry.Count(name, n))
		}
	}
	count(contract.MetricAccepted, t.stored)
	count(contract.MetricDuplicates, t.duplicates)
	count(contract.MetricCardNumbersMasked, t.masked)
	switch {
	case err == nil:
		count(contract.MetricIgnored, t.ignored)
		count(contract.MetricQuarantined, min(t.quarantined, 1))
	case errors.Is(err, errUnverified):
		count(contract.MetricVerificationFailing, 1)
	case status == http.StatusUnauthorized && errors.Is(err, provider.ErrSignature):
		count(contract.MetricForged, 1)
	case status == http.StatusConflict:
		count(contract.MetricConflicts, 1)
	case status >= http.StatusInternalServerError:
		count(contract.MetricStoreUnavailable, 1)
	default:
		count(contract.MetricRejected, 1)
	}
	return metrics
}

// attrs are the keys of the log line: the transaction of a canonical delivery,
// the route and the counts of a provider's.
func (t tally) attrs(o outcome) []any {
	if o.route.decode == nil {
		if len(o.results) == 0 {
			return nil
		}
		tx := o.results[0].transaction
		return []any{"transaction_id", tx.ID, "provider", tx.Provider, "card_numbers_masked", t.masked}
	}
	attrs := []any{"provider", o.route.name}
	if len(o.results) == 0 { // not verified
		return attrs
	}
	return append(attrs,
		slog.Any("event_types", clip(t.types)), slog.Any("transaction_ids", clip(t.ids)),
		"stored", t.stored, "duplicates", t.duplicates, "ignored", t.ignored, "quarantined", t.quarantined,
		"card_numbers_masked", t.masked)
}

// clip is the first of a list, never nil: JSON's [] rather than null.
func clip(list []string) []string {
	return append([]string{}, slices.Clip(list[:min(len(list), maxListed)])...)
}
