package transaction

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/jsonvalue"
	"payment-webhooks/handlers/internal/money"
	"payment-webhooks/handlers/internal/redact"
)

// Transaction is one payment notification in canonical form: what is stored,
// published, scored and archived. The zero value is not valid; Check says what
// is.
type Transaction struct {
	ID         string         // the provider's id of the object the notification is about
	Provider   string         // "stripe", "adyen", …; with ID the key
	Kind       string         // contract.KindPayment, …
	PaymentID  string         // of a refund or dispute: the ID of the payment it refers to, if known
	Amount     money.Amount   // exact, positive, also of what goes back to the payer
	Currency   string         // ISO 4217 alphabetic code
	CustomerID string         // the provider's id of the payer
	Metadata   jsontext.Value // compact JSON object with sorted keys, or nil
	ReceivedAt time.Time      // when the door accepted it, UTC
}

// Redact masks card numbers in the customer id and anywhere in the metadata and
// says how many there were. The other fields cannot hold one: Validate refuses
// it.
func (t Transaction) Redact() (Transaction, int) {
	var count int
	t.CustomerID, count = redact.Text(t.CustomerID)
	if t.Metadata == nil {
		return t, count
	}
	metadata := t.metadata()
	masked, n := redact.Value(metadata)
	if n > 0 {
		t.Metadata = jsonvalue.Append(nil, masked)
	}
	return t, count + n
}

// Fingerprint is the SHA-256, in lower-case hex, of the transaction's canonical
// JSON without ReceivedAt: two deliveries have the same fingerprint exactly
// when they say the same, however they are written (15000 or "15000.00", member
// order, white space). Take it after Redact, so that it never depends on a
// card number.
//
// That of a payment does not say so: it is what it was before there were kinds,
// and a payment stored then and delivered again now is a duplicate.
func (t Transaction) Fingerprint() string {
	canonical := map[string]any{
		contract.AttrSchemaVersion: contract.SchemaVersion,
		contract.AttrTransactionID: t.ID,
		contract.AttrProvider:      t.Provider,
		contract.AttrAmount:        t.Amount.String(),
		contract.AttrCurrency:      t.Currency,
		contract.AttrCustomerID:    t.CustomerID,
	}
	if t.Kind != contract.KindPayment {
		canonical[contract.AttrKind] = t.Kind
	}
	if t.PaymentID != "" {
		canonical[contract.AttrPaymentID] = t.PaymentID
	}
	if t.Metadata != nil {
		canonical[contract.AttrMetadata] = t.metadata()
	}
	sum := sha256.Sum256(jsonvalue.Append(nil, canonical))
	return hex.EncodeToString(sum[:])
}

// metadata reads Metadata, which this package or package dynamo wrote.
func (t Transaction) metadata() any {
	metadata, err := jsonvalue.Parse(t.Metadata)
	if err != nil {
		panic(fmt.Sprintf("transaction: metadata is not canonical JSON: %v", err))
	}
	return metadata
}

// timeLayout is RFC 3339 in UTC with nine fractional digits: fixed width, so
// that times sort as text.
const timeLayout = "2006-01-02T15:04:05.000000000Z"

// FormatTime writes a time as it is stored and published.
func FormatTime(t time.Time) string { return t.UTC().Format(timeLayout) }

// ParseTime reads what FormatTime wrote.
func ParseTime(text string) (time.Time, error) { return time.Parse(timeLayout, text) }
