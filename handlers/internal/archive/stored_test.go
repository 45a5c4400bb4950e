package archive

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"payment-webhooks/handlers/internal/event"
	"payment-webhooks/handlers/internal/ledger"
	"payment-webhooks/handlers/internal/ledger/ledgertest"
)

func TestArchivedLine(t *testing.T) {
	for _, delivery := range ledgertest.Stored(t) {
		for _, stored := range delivery.Transactions {
			t.Run(delivery.Name+"/is encoded as it was", func(t *testing.T) {
				received, err := event.Decode([]byte(stored.Event))
				if err != nil {
					t.Fatal(err)
				}
				got, err := EncodeLine(ledger.Record{Transaction: received.Transaction, Fingerprint: received.Fingerprint})
				if err != nil {
					t.Fatal(err)
				}
				want := stored.Line
				if delivery.Name == ledgertest.StoredBeforeKinds {
					want = strings.Replace(want, `"amount":`, `"kind":"payment","amount":`, 1)
				}
				if diff := cmp.Diff(want, string(got)); diff != "" {
					t.Errorf("(-archived +now):\n%s", diff)
				}
			})
		}
	}
}
