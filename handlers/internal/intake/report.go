package intake

import (
	"cmp"
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
	"payment-webhooks/handlers/internal/telemetry"
)

// maxListed bounds the ids, event types and reasons in one log line.
const maxListed = 20

// report writes one log line and one line of metrics about a delivery. Of the body,
// they contain only the keys of valid transactions and, if the delivery is authentic,
// the types of its events.
func (in *Intake) report(ctx context.Context, res deliveryResult, err error, status int, took time.Duration) {
	t := res.tally()
	in.metrics.Emit(append(t.metrics(err, status),
		telemetry.Milliseconds(contract.MetricAckLatency, took))...)
	in.reportSender(res, err)
	in.book(res)
	for _, unknown := range t.unknown[:min(len(t.unknown), maxListed)] {
		in.metrics.EmitBy(contract.DimensionEventType, res.route.name+" "+ascii(unknown), telemetry.Count(contract.MetricUnknownEvents, 1))
	}

	attrs := append([]any{"status", status, "duration_ms", took.Milliseconds()}, t.attrs(res)...)
	switch {
	case err == nil && res.challenged:
		in.log.InfoContext(ctx, "challenge answered", attrs...)
	case err == nil && t.reasons != nil:
		in.log.WarnContext(ctx, "delivery quarantined", append(attrs, "error", strings.Join(t.reasons, "; "))...)
	case err == nil && res.route.decode != nil:
		in.log.InfoContext(ctx, "delivery processed", attrs...)
	case err == nil:
		in.log.InfoContext(ctx, "transaction "+res.results[0].stored.String(), attrs...)
	case errors.Is(err, errUnverified) && !errors.Is(err, provider.ErrUnproven):
		in.log.ErrorContext(ctx, "delivery not verified", append(attrs, "error", err)...)
	case status >= http.StatusInternalServerError && res.route.decode != nil:
		in.log.ErrorContext(ctx, "delivery not processed", append(attrs, "error", err)...)
	case status >= http.StatusInternalServerError:
		in.log.ErrorContext(ctx, "transaction not stored", append(attrs, "error", err)...)
	default:
		in.log.InfoContext(ctx, "request rejected", append(attrs, "error", err)...)
	}
}

// reportSender counts whether a delivery to a route with a secret was verified, by
// provider, so that a provider of which every delivery is rejected is noticed however few
// it sends, and for whatever reason: also one that begins to send another media type
// or larger bodies.
func (in *Intake) reportSender(res deliveryResult, err error) {
	if res.route.secret == "" || res.challenged {
		return
	}
	unverified := 0
	if err != nil && !res.verified || errors.Is(err, provider.ErrSignature) {
		unverified = 1
	}
	// Both, since an alarm compares them, and one of them that never existed would have
	// no value to compare.
	in.metrics.EmitBy(contract.DimensionProvider, cmp.Or(res.route.name, contract.ProviderCanonical),
		telemetry.Count(contract.MetricUnverified, unverified), telemetry.Count(contract.MetricVerified, 1-unverified))
}

// book counts the stored transactions whose events are due, and beside them, as zeros,
// what others have to do: see the books in package contract. A duplicate or a conflict is
// not due, because its transaction was counted when it was stored. Transactions that were
// stored before a failure are due, because they stay stored.
func (in *Intake) book(res deliveryResult) {
	stored := 0
	var received time.Time // that of the delivery
	for _, r := range res.results {
		if r.transaction != nil && r.quarantined == nil && r.stored == ledger.Stored {
			stored++
			received = r.transaction.ReceivedAt
		}
	}
	if stored == 0 {
		return
	}
	in.metrics.Books(received).Emit(
		telemetry.Count(contract.MetricPublicationsDue, stored),
		telemetry.Count(contract.MetricPublicationsDone, 0),
		telemetry.Count(contract.MetricArchiveRuns, 0),
	)
}

// secretFailed reports a secret that could not be read. The delivery may succeed
// nevertheless, because older values are used for a while.
func (in *Intake) secretFailed(ctx context.Context, name string, err error) {
	in.metrics.Emit(telemetry.Count(contract.MetricSecretReadsFailing, 1))
	in.log.ErrorContext(ctx, "secret not read", "secret", name, "error", err)
}

// tally counts a delivery's events by their result.
type tally struct {
	stored, duplicates, ignored, quarantined, masked int
	ids, types, reasons, unknown, differences        []string
}

func (res deliveryResult) tally() tally {
	t := tally{masked: res.masked}
	for _, r := range res.results {
		if r.transaction != nil {
			t.ids = append(t.ids, r.transaction.ID)
		}
		t.types = append(t.types, r.event)
		if r.unknown {
			t.unknown = append(t.unknown, r.event)
		}
		for _, field := range r.differences {
			if !slices.Contains(t.differences, field) {
				t.differences = append(t.differences, field)
			}
		}
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

// metrics counts every transaction and ignored event, and a rejected or quarantined
// delivery once. Transactions that were stored before a failure count, because they
// stay stored.
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
		count(contract.MetricUnknownEvents, len(t.unknown))
		count(contract.MetricQuarantined, min(t.quarantined, 1))
	case errors.Is(err, provider.ErrUnproven): // anyone can cause it
		count(contract.MetricRejected, 1)
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

// attrs returns the log line's attributes: the transaction of a canonical delivery,
// or the provider and the counts of a provider's notification.
func (t tally) attrs(res deliveryResult) []any {
	if res.route.decode == nil {
		if len(res.results) == 0 {
			return nil
		}
		tx := res.results[0].transaction
		return []any{telemetry.KeyTransactionID, tx.ID, telemetry.KeyProvider, tx.Provider, "card_numbers_masked", t.masked}
	}
	attrs := []any{telemetry.KeyProvider, res.route.name}
	if len(res.results) == 0 { // not verified
		return attrs
	}
	attrs = append(attrs,
		slog.Any("event_types", clip(t.types)), slog.Any("transaction_ids", clip(t.ids)),
		"stored", t.stored, "duplicates", t.duplicates, "ignored", t.ignored, "quarantined", t.quarantined,
		"card_numbers_masked", t.masked)
	if t.unknown != nil {
		attrs = append(attrs, slog.Any("unknown_event_types", clip(t.unknown)))
	}
	if t.differences != nil {
		// A later description of a stored fact.
		attrs = append(attrs, slog.Any("differing_fields", clip(t.differences)))
	}
	return attrs
}

// ascii replaces the characters that CloudWatch does not accept in a dimension.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_Dimension.html
func ascii(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, text)
}

// clip returns the first maxListed elements of a list. It is never nil, so that it is
// logged as [] and not as null.
func clip(list []string) []string {
	return append([]string{}, slices.Clip(list[:min(len(list), maxListed)])...)
}
