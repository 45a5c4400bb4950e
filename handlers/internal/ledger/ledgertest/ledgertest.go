// Package ledgertest has the contract test suite of ledger.Ledger, and a ledger in
// memory. The suite runs against that ledger in the unit tests, and against
// dynamodbledger with a DynamoDB API server.
package ledgertest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/fraud"
	"payment-webhooks/handlers/internal/ledger"
	"payment-webhooks/handlers/internal/money"
	"payment-webhooks/handlers/internal/transaction"
)

// received is in the middle of an hour, with every fractional digit in use.
var received = time.Date(2026, time.November, 22, 15, 4, 5, 123456789, time.UTC)

// Run runs the suite. Each test opens its own empty ledger; open cleans up with
// t.Cleanup.
func Run(t *testing.T, open func(t *testing.T) ledger.Ledger) {
	tests := []struct {
		name string
		run  func(*testing.T, ledger.Ledger)
	}{
		{"a stored transaction is read back whole", readBackWhole},
		{"a refund is read back with its payment", readBackRefund},
		{"the same delivery again is a duplicate and changes nothing", duplicate},
		{"the same key with other content is a conflict and changes nothing", conflict},
		{"records do not share memory with arguments and results", independent},
		{"the same id from another provider is another transaction", otherProvider},
		{"exactly one of several concurrent deliveries is stored", concurrent},
		{"a fraud result is written once", fraudOnce},
		{"exactly one of several concurrent fraud results is written", concurrentFraud},
		{"a fraud result for an absent transaction is rejected", fraudNotFound},
		{"an hour has its own transactions only, in order", hourInOrder},
		{"an hour larger than a page is read whole", hourInPages},
		{"reading an hour can stop early", hourStopsEarly},
		{"an empty hour is empty", emptyHour},
		{"a cancelled call is unavailable", cancelled},
		{"the ledger knows when it was created", createdAt},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { tt.run(t, open(t)) })
	}
}

// Transaction returns a valid transaction with metadata of every JSON type, for
// tests that need one.
func Transaction(id string) transaction.Transaction {
	amount, err := money.Parse("15000.50")
	if err != nil {
		panic(err)
	}
	return transaction.Transaction{
		ID:         id,
		Provider:   "stripe",
		Kind:       contract.KindPayment,
		Money:      money.Money{Amount: amount, Currency: "USD"},
		CustomerID: "cust_789 — Zoë 💳",
		Metadata: Metadata(`{"big":12345678901234567890123456789012345678,"empty":{},` +
			`"flag":true,"huge":1E+60,"list":[1,"two",[],{"three":3.5},null],"none":null,"price":0.1,"text":"\u0000 ü </script>","tiny":1.5E-100}`),
		ReceivedAt: received,
	}
}

// Metadata returns metadata from the text of a JSON object; "" means none. It panics if
// the text is neither.
func Metadata(text string) transaction.Metadata {
	if text == "" {
		return transaction.Metadata{}
	}
	metadata, err := transaction.ParseMetadata([]byte(text))
	if err != nil {
		panic(fmt.Sprintf("metadata %s: %v", text, err))
	}
	return metadata
}

// Fraud returns a complete fraud result.
func Fraud() fraud.Result {
	return fraud.Result{
		Assessment: fraud.Assessment{
			Score: decimal("0.870"),
			Level: fraud.High,
			Factors: []fraud.Factor{
				{Name: "amount", Weight: decimal("0.50"), Detail: "far above the usual"},
				{Name: "hour", Weight: decimal("0.37"), Detail: "at night"},
			},
			Summary:      "A very large payment at night.",
			ModelVersion: "mock-1",
		},
		ScoredAt: received.Add(time.Second),
	}
}

func decimal(text string) fraud.Decimal {
	d, err := fraud.ParseDecimal(text)
	if err != nil {
		panic(err)
	}
	return d
}

func store(t *testing.T, l ledger.Ledger, tx transaction.Transaction, want ledger.Outcome) {
	t.Helper()
	got, err := l.Store(t.Context(), tx)
	if err != nil || got != want {
		t.Fatalf("Store(%s) = %v, %v, want %v", tx.ID, got, err, want)
	}
}

// read returns the records of one shard of the hour of received.
func read(t *testing.T, l ledger.Ledger, shard int) []ledger.Record {
	t.Helper()
	var records []ledger.Record
	for record, err := range l.Hour(t.Context(), received, shard) {
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, record)
	}
	return records
}

// expect checks the ledger's records in the hour and shard of the first record.
func expect(t *testing.T, l ledger.Ledger, want ...ledger.Record) {
	t.Helper()
	got := read(t, l, ledger.Shard(want[0].Transaction.ID))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the ledger holds (-want +got):\n%s", diff)
	}
}

func record(tx transaction.Transaction) ledger.Record {
	return ledger.Record{Transaction: tx, Fingerprint: tx.Fingerprint()}
}

func readBackWhole(t *testing.T, l ledger.Ledger) {
	bare := Transaction("bare")
	bare.Metadata = transaction.Metadata{}
	for _, tx := range []transaction.Transaction{Transaction("full"), bare} {
		store(t, l, tx, ledger.Stored)
		expect(t, l, record(tx))
	}

	elsewhere := Transaction("elsewhere")
	elsewhere.ReceivedAt = received.In(time.FixedZone("UTC+9", 9*60*60))
	store(t, l, elsewhere, ledger.Stored)
	expect(t, l, record(Transaction("elsewhere")))
}

func readBackRefund(t *testing.T, l ledger.Ledger) {
	tx := Transaction("refund")
	tx.Kind, tx.PaymentID = contract.KindRefund, "txn"
	store(t, l, tx, ledger.Stored)
	expect(t, l, record(tx))
}

func duplicate(t *testing.T, l ledger.Ledger) {
	tx := Transaction("txn")
	store(t, l, tx, ledger.Stored)
	again := tx
	again.ReceivedAt = received.Add(time.Minute)
	store(t, l, again, ledger.Duplicate)
	store(t, l, again, ledger.Duplicate)
	expect(t, l, record(tx))
}

func conflict(t *testing.T, l ledger.Ledger) {
	tx := Transaction("txn")
	store(t, l, tx, ledger.Stored)
	other := tx
	other.CustomerID = "cust_790"
	outcome, err := l.Store(t.Context(), other)
	conflict, ok := errors.AsType[*ledger.ConflictError](err)
	if !ok || !errors.Is(err, ledger.ErrConflict) || errors.Is(err, ledger.ErrUnavailable) {
		t.Fatalf("Store = %v, %v, want a ConflictError alone", outcome, err)
	}
	if diff := cmp.Diff(tx, conflict.Stored); diff != "" {
		t.Errorf("the error says that this is stored (-want +got):\n%s", diff)
	}
	store(t, l, tx, ledger.Duplicate)
	expect(t, l, record(tx))
}

func independent(t *testing.T, l ledger.Ledger) {
	given, result := Transaction("txn"), Fraud()
	want := record(Transaction("txn"))
	canonical := Fraud().Canonical()
	want.Fraud = &canonical

	store(t, l, given, ledger.Stored)
	first, _, err := l.RecordFraud(t.Context(), ledger.KeyOf(given), result)
	if err != nil {
		t.Fatal(err)
	}
	clear(result.Factors)
	clear(first.Factors)
	again, _, err := l.RecordFraud(t.Context(), ledger.KeyOf(given), Fraud())
	if err != nil {
		t.Fatal(err)
	}
	clear(again.Factors)
	for range 2 {
		expect(t, l, want)
		for _, got := range read(t, l, ledger.Shard("txn")) {
			clear(got.Fraud.Factors)
			got.Fraud.Score = decimal("1")
		}
	}
}

func otherProvider(t *testing.T, l ledger.Ledger) {
	adyen, stripe := Transaction("txn"), Transaction("txn")
	adyen.Provider = "adyen"
	store(t, l, stripe, ledger.Stored)
	store(t, l, adyen, ledger.Stored)
	expect(t, l, record(adyen), record(stripe))
}

// concurrently makes n concurrent calls and counts their results.
func concurrently[T comparable](t *testing.T, n int, call func() (T, error)) map[T]int {
	t.Helper()
	var mu sync.Mutex
	var wg sync.WaitGroup
	counts := map[T]int{}
	for range n {
		wg.Go(func() {
			result, err := call()
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			counts[result]++
		})
	}
	wg.Wait()
	return counts
}

func concurrent(t *testing.T, l ledger.Ledger) {
	got := concurrently(t, 8, func() (ledger.Outcome, error) {
		return l.Store(t.Context(), Transaction("txn"))
	})
	if diff := cmp.Diff(map[ledger.Outcome]int{ledger.Stored: 1, ledger.Duplicate: 7}, got); diff != "" {
		t.Error(diff)
	}
}

func fraudOnce(t *testing.T, l ledger.Ledger) {
	tx := Transaction("txn")
	store(t, l, tx, ledger.Stored)
	want := Fraud().Canonical()
	other := fraud.Result{Assessment: fraud.Assessment{Score: decimal("0.1"), Level: fraud.Low}, ScoredAt: received.Add(time.Hour)}
	for i, given := range []fraud.Result{Fraud(), other, Fraud()} {
		stored, recorded, err := l.RecordFraud(t.Context(), ledger.KeyOf(tx), given)
		if err != nil {
			t.Fatal(err)
		}
		if first := i == 0; recorded != first {
			t.Errorf("call %d: recorded = %t", i, recorded)
		}
		if diff := cmp.Diff(want, stored); diff != "" {
			t.Errorf("call %d returns (-want +got):\n%s", i, diff)
		}
	}
	scored := record(tx)
	scored.Fraud = &want
	expect(t, l, scored)
	store(t, l, tx, ledger.Duplicate)

	plain := Transaction("without factors")
	store(t, l, plain, ledger.Stored)
	low := fraud.Result{Assessment: fraud.Assessment{Level: fraud.Low, Factors: []fraud.Factor{}}, ScoredAt: received.In(time.FixedZone("UTC+9", 9*60*60))}
	stored, recorded, err := l.RecordFraud(t.Context(), ledger.KeyOf(plain), low)
	low.Factors, low.ScoredAt = nil, received
	if diff := cmp.Diff(low, stored); err != nil || !recorded || diff != "" {
		t.Errorf("recorded %t, %v (-want +got):\n%s", recorded, err, diff)
	}
	if stored.ScoredAt.Location() != time.UTC { // which cmp does not compare
		t.Errorf("scored at %v, want a time in UTC", stored.ScoredAt)
	}
}

func concurrentFraud(t *testing.T, l ledger.Ledger) {
	tx := Transaction("txn")
	store(t, l, tx, ledger.Stored)
	got := concurrently(t, 8, func() (bool, error) {
		_, recorded, err := l.RecordFraud(t.Context(), ledger.KeyOf(tx), Fraud())
		return recorded, err
	})
	if diff := cmp.Diff(map[bool]int{true: 1, false: 7}, got); diff != "" {
		t.Error(diff)
	}
}

func fraudNotFound(t *testing.T, l ledger.Ledger) {
	store(t, l, Transaction("txn"), ledger.Stored)
	absent := ledger.Key{TransactionID: "txn", Provider: "adyen"}
	if _, recorded, err := l.RecordFraud(t.Context(), absent, Fraud()); recorded || !errors.Is(err, ledger.ErrNotFound) {
		t.Errorf("RecordFraud = %t, %v, want ErrNotFound", recorded, err)
	}
	// A result must not create a transaction.
	expect(t, l, record(Transaction("txn")))
}

func hourInOrder(t *testing.T, l ledger.Ledger) {
	start := received.Truncate(time.Hour)
	want := map[int][]ledger.Record{}
	add := func(id, provider string, at time.Time, in bool) {
		tx := Transaction(id)
		tx.Provider, tx.ReceivedAt = provider, at
		store(t, l, tx, ledger.Stored)
		if in {
			want[ledger.Shard(id)] = append(want[ledger.Shard(id)], record(tx))
		}
	}
	for i := range 24 {
		// Later ids earlier, so that neither insertion nor id gives the order.
		add(fmt.Sprintf("spread-%02d", i), "stripe", start.Add(time.Duration(23-i)*time.Minute), true)
		// All in the same nanosecond.
		add(fmt.Sprintf("tie-%02d", 23-i), "stripe", received, true)
	}
	add("tie-00", "adyen", received, true)
	add("first", "stripe", start, true)
	add("last", "stripe", start.Add(time.Hour-1), true)
	add("too-early", "stripe", start.Add(-1), false)
	add("too-late", "stripe", start.Add(time.Hour), false)

	for shard := range contract.HourShards {
		slices.SortFunc(want[shard], ledger.Compare)
		if diff := cmp.Diff(want[shard], read(t, l, shard)); diff != "" {
			t.Errorf("shard %d (-want +got):\n%s", shard, diff)
		}
	}
}

// sameShard returns n ids of one shard.
func sameShard(n int) (ids []string, shard int) {
	for i := 0; len(ids) < n; i++ {
		if id := fmt.Sprintf("id-%03d", i); ledger.Shard(id) == 0 {
			ids = append(ids, id)
		}
	}
	return ids, 0
}

func hourInPages(t *testing.T, l ledger.Ledger) {
	ids, shard := sameShard(20) // 3 MB, and a page of DynamoDB has 1 MB
	for i, id := range ids {
		tx := Transaction(id)
		tx.Metadata = Metadata(`{"note":"` + strings.Repeat("x", 150_000) + `"}`)
		tx.ReceivedAt = received.Add(time.Duration(i/3) * time.Second) // ties across pages
		store(t, l, tx, ledger.Stored)
	}
	var got []string
	for _, r := range read(t, l, shard) {
		got = append(got, r.Transaction.ID)
	}
	if diff := cmp.Diff(ids, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func hourStopsEarly(t *testing.T, l ledger.Ledger) {
	ids, shard := sameShard(3)
	for _, id := range ids {
		store(t, l, Transaction(id), ledger.Stored)
	}
	for range 2 { // and it can be read again
		n := 0
		for _, err := range l.Hour(t.Context(), received, shard) {
			if err != nil {
				t.Fatal(err)
			}
			if n++; n == 2 {
				break
			}
		}
		if n != 2 {
			t.Errorf("read %d records, want 2", n)
		}
	}
}

func emptyHour(t *testing.T, l ledger.Ledger) {
	for r, err := range l.Hour(t.Context(), received, 0) {
		t.Errorf("yielded %v, %v", r, err)
	}
}

func cancelled(t *testing.T, l ledger.Ledger) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	check := func(call string, err error) {
		t.Helper()
		if !errors.Is(err, ledger.ErrUnavailable) || !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v, want ErrUnavailable because of context.Canceled", call, err)
		}
	}
	_, err := l.Store(ctx, Transaction("txn"))
	check("Store", err)
	_, _, err = l.RecordFraud(ctx, ledger.Key{TransactionID: "txn", Provider: "stripe"}, Fraud())
	check("RecordFraud", err)
	_, err = l.CreatedAt(ctx)
	check("CreatedAt", err)
	n := 0
	for _, err := range l.Hour(ctx, received, 0) {
		check("Hour", err)
		n++
	}
	if n != 1 {
		t.Errorf("Hour yielded %d times, want its error once", n)
	}
}

func createdAt(t *testing.T, l ledger.Ledger) {
	at, err := l.CreatedAt(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if at.IsZero() || at.Location() != time.UTC {
		t.Errorf("CreatedAt = %v, want a time in UTC", at)
	}
}
