package dynamodbstream

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/google/go-cmp/cmp"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/event"
	"payment-webhooks/handlers/internal/ledger/dynamodbledger"
	"payment-webhooks/handlers/internal/relay"
	"payment-webhooks/handlers/internal/telemetry"
)

// bus keeps the published events.
type bus struct {
	details []string
	fail    error
}

func (b *bus) Publish(_ context.Context, events []relay.Event) []error {
	outcomes := make([]error, len(events))
	for i, e := range events {
		if outcomes[i] = b.fail; b.fail == nil {
			b.details = append(b.details, string(e.Detail))
		}
	}
	return outcomes
}

// queue keeps the dead letters.
type queue struct{ letters []relay.DeadLetter }

func (q *queue) Send(_ context.Context, message string) error {
	var d relay.DeadLetter
	err := json.Unmarshal([]byte(message), &d)
	q.letters = append(q.letters, d)
	return err
}

// invoke calls the handler as the Lambda runtime does: bytes in, bytes out.
func invoke(t *testing.T, b *bus, fixture string) (response, log string, letters []relay.DeadLetter) {
	t.Helper()
	payload, err := os.ReadFile("testdata/" + fixture)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	q := &queue{}
	r := relay.New(b, q, telemetry.Logger(&out, contract.EventRelay), telemetry.NewMetrics(&out, time.Now, "dev"), time.Now)
	body, err := lambda.NewHandler(Handler(r)).Invoke(t.Context(), payload)
	if err != nil {
		t.Fatal(err)
	}
	return string(body), out.String(), q.letters
}

func TestInsertsOfABatchArePublishedOnce(t *testing.T) {
	b := &bus{}
	response, _, _ := invoke(t, b, "batch.json")
	if diff := cmp.Diff(`{"batchItemFailures":[]}`, response); diff != "" {
		t.Error(diff)
	}
	const tail = `"customer_id":"cust_789",%s"received_at":"2026-11-22T15:04:05.060000000Z",` +
		`"fingerprint":"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}`
	with := func(metadata string) string { return strings.Replace(tail, "%s", metadata, 1) }
	want := []string{
		`{"schema_version":"1","transaction_id":"txn_123456","provider":"stripe","kind":"payment","amount":15000,"amount_text":"15000.00 USD","currency":"USD",` +
			with(`"metadata":{"order_id":"order_123"},`),
		`{"schema_version":"1","transaction_id":"txn_yen","provider":"stripe","kind":"payment","amount":12345678,"amount_text":"12345678 JPY","currency":"JPY",` +
			with(``),
		`{"schema_version":"1","transaction_id":"txn_nested","provider":"stripe","kind":"refund","payment_id":"txn_0","amount":0.01,"amount_text":"0.01 USD","currency":"USD",` +
			with(`"metadata":{"basket":[{"price":19.9,"sku":"a-1"},null,false],"note":"café ☕","ref":12345678901234567890123456789012345678},`),
	}
	if diff := cmp.Diff(want, b.details); diff != "" {
		t.Error(diff)
	}
}

func TestPoisonRecord(t *testing.T) {
	b := &bus{}
	response, log, letters := invoke(t, b, "poison.json")
	if diff := cmp.Diff(`{"batchItemFailures":[]}`, response); diff != "" {
		t.Error(diff)
	}
	type letter struct{ Reason, SequenceNumber, ArrivedAt, TransactionID, Provider string }
	var got []letter
	for _, l := range letters {
		got = append(got, letter{l.Reason, l.SequenceNumber, l.ArrivedAt, l.TransactionID, l.Provider})
	}
	want := []letter{
		{relay.ReasonUnreadable, "4421584500000000017450439092", "2026-11-22T15:04:06Z", "txn_poison", "stripe"},
		{relay.ReasonUnreadable, "4421584500000000017450439094", "2026-11-22T15:04:06Z", "txn_keys_only", "stripe"},
		{relay.ReasonUnreadable, "4421584500000000017450439095", "2026-11-22T15:04:06Z", "txn_odd", "stripe"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	var ids []string
	for _, detail := range b.details {
		received, err := event.Decode([]byte(detail))
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, received.ID)
	}
	if diff := cmp.Diff([]string{"txn_before", "txn_after", "txn_last"}, ids); diff != "" {
		t.Error(diff)
	}
	if strings.Contains(log, "a lot") || strings.Contains(log, "USD") || strings.Count(log, "record sent to the dead-letter queue") != 3 {
		t.Errorf("log: %s", log)
	}
	for _, id := range []string{"txn_poison", "txn_keys_only", "txn_odd"} {
		if !strings.Contains(log, id) {
			t.Errorf("%s is not named in %s", id, log)
		}
	}
}

func TestUnavailableBus(t *testing.T) {
	response, _, _ := invoke(t, &bus{fail: errors.New("connection refused")}, "batch.json")
	want := `{"batchItemFailures":[{"itemIdentifier":"4421584500000000017450439091"},` +
		`{"itemIdentifier":"4421584500000000017450439093"},{"itemIdentifier":"4421584500000000017450439094"}]}`
	if diff := cmp.Diff(want, response); diff != "" {
		t.Error(diff)
	}
}

// FuzzDecode checks that decoding an arbitrary image does not panic, and accepts only
// records that can be published.
func FuzzDecode(f *testing.F) {
	for _, fixture := range []string{"batch.json", "poison.json"} {
		payload, err := os.ReadFile("testdata/" + fixture)
		if err != nil {
			f.Fatal(err)
		}
		var batch Batch
		if err := json.Unmarshal(payload, &batch); err != nil {
			f.Fatal(err)
		}
		for _, record := range batch.Records {
			f.Add([]byte(record.Change.NewImage))
		}
	}
	f.Add([]byte(`null`))
	f.Add([]byte(`{"metadata":{"M":{"a":null}},"amount":{"N":"NaN"}}`))
	f.Add([]byte(`{"metadata":{"M":{"":{"BS":["AA=="]}}},"amount":{"N":"1E126"}}`))
	f.Fuzz(func(t *testing.T, image []byte) {
		record, err := decode(image)
		if err != nil {
			return
		}
		if _, err := dynamodbledger.DecodeItem(dynamodbledger.EncodeItem(record.Transaction)); err != nil {
			t.Fatalf("decoded, but not again: %v", err)
		}
		detail, err := event.Encode(record.Transaction, record.Fingerprint)
		if err != nil {
			return // reported as a failure, see package relay
		}
		if len(detail) > contract.MaxDetailBytes || !json.Valid(detail) {
			t.Fatalf("detail of %d bytes: %q", len(detail), detail)
		}
	})
}
