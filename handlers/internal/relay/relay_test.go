package relay_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/event"
	"payment-webhooks/handlers/internal/ledger"
	"payment-webhooks/handlers/internal/money"
	"payment-webhooks/handlers/internal/relay"
	"payment-webhooks/handlers/internal/telemetry"
	"payment-webhooks/handlers/internal/transaction"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// bus publishes every event except those that it is set to fail.
type bus struct {
	published []string // transaction ids
	fail      map[string]error
}

func (b *bus) Publish(_ context.Context, events []relay.Event) []error {
	outcomes := make([]error, len(events))
	for i, e := range events {
		received, err := event.Decode(e.Detail)
		if err != nil {
			panic(err)
		}
		if outcomes[i] = b.fail[received.ID]; outcomes[i] == nil {
			b.published = append(b.published, received.ID)
		}
	}
	return outcomes
}

// queue keeps messages; what it is set to fail, it rejects.
type queue struct {
	messages []string
	sends    int
	fail     error
}

func (q *queue) Send(ctx context.Context, message string) error {
	q.sends++
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if q.fail == nil {
		q.messages = append(q.messages, message)
	}
	return q.fail
}

// letters returns what the messages of the queue say.
func (q *queue) letters(t *testing.T) (all []relay.DeadLetter) {
	t.Helper()
	for _, message := range q.messages {
		var d relay.DeadLetter
		if err := json.Unmarshal([]byte(message), &d); err != nil {
			t.Fatal(err)
		}
		all = append(all, d)
	}
	return all
}

// insert of a transaction; the sequence number is "s-" and its id.
func insert(t *testing.T, id string) relay.Insert {
	t.Helper()
	amount, err := money.Parse("10.00")
	if err != nil {
		t.Fatal(err)
	}
	tx := transaction.Transaction{
		ID: id, Provider: "stripe", Kind: contract.KindPayment, Money: money.Money{Amount: amount, Currency: "USD"}, CustomerID: "cust_1",
		ReceivedAt: noon.Add(-1500 * time.Millisecond),
	}
	return relay.Insert{SequenceNumber: "s-" + id, Record: ledger.Record{Transaction: tx, Fingerprint: tx.Fingerprint()}}
}

func inserts(t *testing.T, ids ...string) []relay.Insert {
	var all []relay.Insert
	for _, id := range ids {
		all = append(all, insert(t, id))
	}
	return all
}

func newRelay(b relay.Publisher, out *bytes.Buffer) *relay.Relay {
	return newRelayTo(b, &queue{}, out)
}

func newRelayTo(b relay.Publisher, q *queue, out *bytes.Buffer) *relay.Relay {
	now := func() time.Time { return noon }
	return relay.New(b, q, slog.New(slog.NewJSONHandler(out, nil)), telemetry.NewMetrics(out, now, "dev"), now)
}

var errThrottled = errors.New("throttled")

func TestReportedFailures(t *testing.T) {
	cases := map[string]struct {
		inserts   []relay.Insert
		fail      map[string]error
		published []string
		reported  []string
	}{
		"nothing":                    {nil, nil, nil, nil},
		"all well":                   {inserts(t, "a", "b", "c"), nil, []string{"a", "b", "c"}, nil},
		"one rejected in the middle": {inserts(t, "a", "b", "c"), map[string]error{"b": errThrottled}, []string{"a", "c"}, []string{"s-b"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			b, out, q := &bus{fail: c.fail}, &bytes.Buffer{}, &queue{}
			reported := newRelayTo(b, q, out).Relay(t.Context(), c.inserts)
			if diff := cmp.Diff(c.reported, reported); diff != "" {
				t.Errorf("reported: %s", diff)
			}
			if diff := cmp.Diff(c.published, b.published); diff != "" {
				t.Errorf("published: %s", diff)
			}
			if logged := strings.Count(out.String(), "event not published"); logged != len(c.reported) {
				t.Errorf("%d failures in the log, want %d", logged, len(c.reported))
			}
			if q.sends > 0 {
				t.Errorf("dead letters: %v", q.messages)
			}
		})
	}
}

func TestRedeliveredRecordIsSkipped(t *testing.T) {
	b := &bus{fail: map[string]error{"b": errThrottled}}
	r := newRelay(b, &bytes.Buffer{})
	r.Relay(t.Context(), inserts(t, "a", "b", "c"))
	b.fail = nil
	if failed := r.Relay(t.Context(), inserts(t, "b", "c")); failed != nil { // from the failed one on
		t.Errorf("failed: %v", failed)
	}
	if diff := cmp.Diff([]string{"a", "c", "b"}, b.published); diff != "" {
		t.Error(diff)
	}
}

// stuck publishes the first event and then hangs, like a bus that does not respond.
type stuck struct{}

func (stuck) Publish(ctx context.Context, events []relay.Event) []error {
	outcomes := make([]error, len(events))
	<-ctx.Done()
	for i := range outcomes[1:] {
		outcomes[i+1] = ctx.Err()
	}
	return outcomes
}

func TestHeadroom(t *testing.T) {
	var out bytes.Buffer
	r := relay.New(stuck{}, &queue{}, slog.New(slog.NewJSONHandler(&out, nil)), telemetry.NewMetrics(&out, time.Now, "dev"), time.Now)
	ctx, cancel := context.WithTimeout(t.Context(), 3100*time.Millisecond)
	defer cancel()
	failed := r.Relay(ctx, inserts(t, "a", "b", "c"))
	if ctx.Err() != nil {
		t.Error("the deadline has passed")
	}
	if diff := cmp.Diff([]string{"s-b", "s-c"}, failed); diff != "" {
		t.Error(diff)
	}
}

func TestReinsertedItemIsPublished(t *testing.T) {
	b := &bus{}
	r := newRelay(b, &bytes.Buffer{})
	first, second := insert(t, "a"), insert(t, "a")
	second.SequenceNumber = "s-later" // the first item was removed by TTL
	other := insert(t, "z")
	other.SequenceNumber = first.SequenceNumber // in another shard of the stream
	r.Relay(t.Context(), []relay.Insert{first})
	r.Relay(t.Context(), []relay.Insert{second, other})
	if diff := cmp.Diff([]string{"a", "a", "z"}, b.published); diff != "" {
		t.Error(diff)
	}
}

func TestRememberedEventsAreBounded(t *testing.T) {
	b := &bus{}
	r := newRelay(b, &bytes.Buffer{})
	var all []relay.Insert
	for i := range 10_001 {
		all = append(all, insert(t, fmt.Sprint(i)))
	}
	r.Relay(t.Context(), all)
	b.published = nil
	r.Relay(t.Context(), []relay.Insert{all[0], all[1], all[10_000]})
	if diff := cmp.Diff([]string{"0"}, b.published); diff != "" { // the oldest one is forgotten, and only that
		t.Error(diff)
	}
}

func TestMetrics(t *testing.T) {
	var out bytes.Buffer
	newRelay(&bus{fail: map[string]error{"b": errThrottled}}, &out).Relay(t.Context(), inserts(t, "a", "b", "c"))
	var metrics map[string]any
	for line := range strings.Lines(out.String()) {
		if strings.Contains(line, `"_aws"`) {
			if metrics != nil {
				t.Error("more than one line of metrics")
			}
			if err := json.Unmarshal([]byte(line), &metrics); err != nil {
				t.Fatal(err)
			}
		}
	}
	delete(metrics, "_aws")
	want := map[string]any{
		"Environment": "dev", "EventsPublished": 2.0, "EventsFailed": 1.0, "RelayLag": []any{1500.0, 1500.0},
	}
	if diff := cmp.Diff(want, metrics); diff != "" {
		t.Error(diff)
	}
}
