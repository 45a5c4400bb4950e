package event_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"payment-webhooks/handlers/internal/event"
	"payment-webhooks/handlers/internal/ledger/ledgertest"
	"payment-webhooks/handlers/internal/transaction"
)

func TestFields(t *testing.T) {
	names := func(t *testing.T, tx transaction.Transaction) map[string]any {
		detail, err := event.Encode(tx, fingerprint)
		if err != nil {
			t.Fatal(err)
		}
		var members map[string]any
		if err := json.Unmarshal(detail, &members); err != nil {
			t.Fatal(err)
		}
		return members
	}
	t.Run("each of the event is encoded", func(t *testing.T) {
		members := names(t, ledgertest.Full())
		odd := ledgertest.Full() // for what only an unusual transaction has
		odd.Amount = amount(t, "5000000001")
		odd.Metadata = ledgertest.Metadata(`{"note":"` + strings.Repeat("x", 150_000) + `"}`)
		maps.Copy(members, names(t, odd))
		ledgertest.CheckFields(t, "the event's detail", transaction.Event, slices.Collect(maps.Keys(members)))
	})
	t.Run("each of the transaction is decoded", func(t *testing.T) {
		want := ledgertest.Full()
		detail, err := event.Encode(want, fingerprint)
		if err != nil {
			t.Fatal(err)
		}
		got, err := event.Decode(detail)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got.Transaction); diff != "" {
			t.Errorf("event.Decode (-encoded +decoded):\n%s", diff)
		}
	})
}
