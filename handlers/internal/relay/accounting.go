package relay

import (
	"context"
	"maps"
	"slices"
	"time"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/telemetry"
)

// clockSkew is how far EventBridge's clock may be behind this one. It counts the events that
// match a rule by its own; the alarm that compares both counts expects an event to match
// after it is counted here, never before.
const clockSkew = 5 * time.Second

// scoringTime is how long before its time in the books an event must be published for its
// score to be due: the workflow may take five minutes, and the metric one more. A later
// event, of which MetricPublicationsDue and MetricPublicationsDone tell, would
// raise the alarm while it is being scored.
const scoringTime = 6 * time.Minute

// Books is a Publisher that counts what another one published: see the books in package
// contract. An event that was published again, by another process, counts again
// wherever its consequences do.
type Books struct {
	publisher Publisher
	tiers     Tiers
	metrics   *telemetry.Metrics
	now       func() time.Time
}

var _ Publisher = (*Books)(nil)

// NewBooks returns the books of a publisher.
func NewBooks(publisher Publisher, tiers Tiers, metrics *telemetry.Metrics, now func() time.Time) *Books {
	return &Books{publisher, tiers, metrics, now}
}

// Publish implements Publisher with the errors of the other publisher.
func (b *Books) Publish(ctx context.Context, events []Event) []error {
	began := b.now()
	errs := b.publisher.Publish(ctx, events)
	b.enter(events, errs, began, b.now())
	return errs
}

// entry is what is entered for one time of the books.
type entry struct{ published, scored int }

func (b *Books) enter(events []Event, errs []error, began, ended time.Time) {
	entries := map[time.Time]entry{}
	expected := map[string]int{} // by tier
	for i, e := range events {
		if errs[i] != nil {
			continue
		}
		// The time of all events that were received in the same minute.
		at := telemetry.BookTime(e.Time)
		tier, sum := b.tiers.of(e.Money), entries[at]
		sum.published++
		if tier.Scored && !ended.After(e.Time.Add(contract.AccountingDelay-scoringTime)) {
			sum.scored++
		}
		entries[at] = sum
		expected[tier.Name]++
	}
	for _, at := range slices.SortedFunc(maps.Keys(entries), time.Time.Compare) {
		metrics := []telemetry.Metric{telemetry.Count(contract.MetricPublicationsDone, entries[at].published)}
		if due := entries[at].scored; due > 0 {
			metrics = append(metrics, telemetry.Count(contract.MetricScoresDue, due), telemetry.Count(contract.MetricScoresDone, 0))
		}
		b.metrics.At(at).Emit(metrics...)
	}
	for _, name := range slices.Sorted(maps.Keys(expected)) {
		b.metrics.At(began.Add(-clockSkew)).EmitBy(contract.DimensionTier, name, telemetry.Count(contract.MetricEventsExpected, expected[name]))
	}
}
