package event_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"payment-webhooks/handlers/internal/event"
	"payment-webhooks/handlers/internal/ledger/ledgertest"
)

func TestPublishedEvent(t *testing.T) {
	for _, delivery := range ledgertest.Stored(t) {
		for _, stored := range delivery.Transactions {
			received, err := event.Decode([]byte(stored.Event))
			if err != nil {
				t.Fatalf("%s: %v", delivery.Name, err)
			}
			t.Run(delivery.Name+"/has the fingerprint of what it decodes to", func(t *testing.T) {
				if got := received.Transaction.Fingerprint(); got != stored.Fingerprint || got != received.Fingerprint {
					t.Errorf("published as %s with %s, now %s", stored.Fingerprint, received.Fingerprint, got)
				}
			})
			t.Run(delivery.Name+"/is encoded as it was", func(t *testing.T) {
				got, err := event.Encode(received.Transaction, received.Fingerprint)
				if err != nil {
					t.Fatal(err)
				}
				want := stored.Event
				if delivery.Name == ledgertest.StoredBeforeKinds {
					want = strings.Replace(want, `"amount":`, `"kind":"payment","amount":`, 1)
				}
				if diff := cmp.Diff(want, string(got)); diff != "" {
					t.Errorf("(-published +now):\n%s", diff)
				}
			})
		}
	}
}
