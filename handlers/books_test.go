package handlers_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/fraud/rules"
	"payment-webhooks/handlers/internal/fraud/stepfunctions"
	"payment-webhooks/handlers/internal/intake"
	"payment-webhooks/handlers/internal/ledger"
	"payment-webhooks/handlers/internal/ledger/ledgertest"
	"payment-webhooks/handlers/internal/relay"
	"payment-webhooks/handlers/internal/telemetry"
)

// books is the three functions that a transaction goes through, on a ledger in memory, with
// what they write.
type books struct {
	t      *testing.T
	clock  time.Time
	out    bytes.Buffer
	ledger *ledgertest.Memory
	in     *intake.Intake
	relay  *relay.Relay
	score  func(context.Context, json.RawMessage) (stepfunctions.Response, error)
	events []json.RawMessage // published
}

// Publish is the bus.
func (b *books) Publish(_ context.Context, events []relay.Event) []error {
	for _, e := range events {
		b.events = append(b.events, e.Detail)
	}
	return make([]error, len(events))
}

func newBooks(t *testing.T) *books {
	t.Helper()
	b := &books{t: t, clock: time.Date(2026, 11, 22, 12, 59, 59, 123_456_789, time.UTC)}
	now := func() time.Time { return b.clock }
	b.ledger = ledgertest.NewMemory(b.clock)
	log, metrics := telemetry.Logger(&bytes.Buffer{}, "test"), telemetry.NewMetrics(&b.out, now, "dev")
	tiers, err := relay.ParseTiers(`{"tiers": [{"name": "low"}, {"name": "high", "above": true, "scored": true}], "bounds": [{"lower": ["10000"]}]}`)
	if err != nil {
		t.Fatal(err)
	}
	b.in = intake.New(intake.Config{Ledger: b.ledger, Bindings: b.ledger, Log: log, Metrics: metrics, Now: now})
	b.relay = relay.New(relay.NewBooks(b, tiers, metrics, now), nil, log, metrics, now)
	b.score = stepfunctions.Handler(stepfunctions.New(rules.Model{}, b.ledger, nil, log, metrics, now))
	return b
}

func (b *books) post(id string, amount int) int {
	return b.in.Handle(b.t.Context(), intake.Request{
		Resource: "/webhook", Method: http.MethodPost, Header: http.Header{"Content-Type": {"application/json"}},
		Body: fmt.Sprintf(`{"transaction_id":%q,"amount":%d,"currency":"USD","provider":"acme","customer_id":"cust_1"}`, id, amount),
	}).Status
}

// stored returns the stream's records of the hour.
func (b *books) stored() (inserts []relay.Insert) {
	b.t.Helper()
	for shard := range contract.HourShards {
		for record, err := range b.ledger.Hour(b.t.Context(), b.clock, shard) {
			if err != nil {
				b.t.Fatal(err)
			}
			inserts = append(inserts, relay.Insert{SequenceNumber: record.Transaction.ID, Record: record})
		}
	}
	return inserts
}

// entries returns the sum of a metric by the millisecond of its time. A metric of zeros only
// is there too.
func (b *books) entries(metric string) map[int64]float64 {
	b.t.Helper()
	sums := map[int64]float64{}
	for text := range strings.Lines(b.out.String()) {
		var line map[string]any
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			b.t.Fatal(err)
		}
		if value, ok := line[metric].(float64); ok {
			sums[int64(line["_aws"].(map[string]any)["Timestamp"].(float64))] += value
		}
	}
	return sums
}

func (b *books) expect(when string, want map[string]map[int64]float64) {
	b.t.Helper()
	for metric, entries := range want {
		if diff := cmp.Diff(entries, b.entries(metric)); diff != "" {
			b.t.Errorf("%s, %s: %s", when, metric, diff)
		}
	}
}

// An alarm compares what is due with what was done in each period, so that both must have
// the same time, and what nobody has done yet must be there as 0.
func TestBooks(t *testing.T) {
	due := time.Date(2026, 11, 22, 13, 14, 0, 0, time.UTC).UnixMilli() // the minute in which it was received, and 15 more
	type sums = map[string]map[int64]float64

	t.Run("have the same time on both sides, and zeros before", func(t *testing.T) {
		b := newBooks(t)
		b.post("txn_high", 20_000)
		b.expect("when stored", sums{
			contract.MetricPublicationsDue: {due: 1}, contract.MetricPublicationsDone: {due: 0}, contract.MetricArchiveRuns: {due: 0}, contract.MetricScoresDue: {},
		})
		inserts := b.stored()
		b.clock = b.clock.Add(2 * time.Second) // in the next minute, and the next hour
		b.relay.Relay(t.Context(), inserts)
		b.expect("when published", sums{
			contract.MetricPublicationsDone: {due: 1}, contract.MetricScoresDue: {due: 1}, contract.MetricScoresDone: {due: 0},
		})
		b.clock = b.clock.Add(20 * time.Second)
		if _, err := b.score(t.Context(), b.events[0]); err != nil {
			t.Fatal(err)
		}
		b.expect("when scored", sums{contract.MetricScoresDone: {due: 1}})
		if _, err := b.score(t.Context(), b.events[0]); err != nil {
			t.Fatal(err)
		}
		b.expect("when the event came twice", sums{contract.MetricScoresDone: {due: 2}})
	})
	t.Run("have no duplicate and no conflict", func(t *testing.T) {
		b := newBooks(t)
		for _, c := range []struct{ amount, status int }{{5, 202}, {5, 200}, {6, 409}, {5, 200}} {
			if got := b.post("txn_1", c.amount); got != c.status {
				t.Fatalf("status %d, want %d", got, c.status)
			}
		}
		b.expect("after repeats", sums{contract.MetricPublicationsDue: {due: 1}, contract.MetricPublicationsDone: {due: 0}})
		b.relay.Relay(t.Context(), b.stored())
		b.expect("when published", sums{contract.MetricPublicationsDone: {due: 1}, contract.MetricScoresDue: {}, contract.MetricScoresDone: {}})
	})
	t.Run("have nothing that was not stored or not scored", func(t *testing.T) {
		b := newBooks(t)
		b.ledger.Fail(errors.New("down"))
		if got := b.post("txn_1", 20_000); got != 503 {
			t.Fatalf("status %d", got)
		}
		b.expect("when the table is down", sums{contract.MetricPublicationsDue: {}, contract.MetricPublicationsDone: {}})
		b.ledger.Fail(nil)
		b.post("txn_1", 20_000)
		b.relay.Relay(t.Context(), b.stored())
		b.ledger.Fail(ledger.ErrUnavailable)
		if _, err := b.score(t.Context(), b.events[0]); err == nil {
			t.Fatal("scored without a table")
		}
		b.expect("when the result is not recorded", sums{contract.MetricScoresDue: {due: 1}, contract.MetricScoresDone: {due: 0}})
	})
}
