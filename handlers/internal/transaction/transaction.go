package transaction

import (
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"payment-webhooks/handlers/internal/money"
)

// Transaction is one payment notification in canonical form: what is stored,
// published, scored and archived. The zero value is not valid.
type Transaction struct {
	ID         string         // the provider's id of the object the notification is about
	Provider   string         // "stripe", "adyen", …; with ID the key
	Amount     money.Amount   // exact, positive
	Currency   string         // ISO 4217 alphabetic code
	CustomerID string         // the provider's id of the payer
	Metadata   jsontext.Value // compact JSON object with sorted keys, or nil
	ReceivedAt time.Time      // when the door accepted it, UTC
}
