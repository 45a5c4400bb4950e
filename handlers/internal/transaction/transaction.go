package transaction

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/money"
	"payment-webhooks/handlers/internal/redact"
)

// Transaction is one payment notification in canonical form: what is stored,
// published, scored and archived. The zero value is not valid; see Check for what
// is. Fields lists how each of its fields is written.
type Transaction struct {
	ID          string    // the provider's id of the object the notification is about
	Provider    string    // "stripe", "adyen", …; with ID the key
	Kind        string    // contract.KindPayment, …
	PaymentID   string    // the ID of the payment that a refund or dispute refers to; "" if unknown, and for other kinds
	money.Money           // exact and positive, also what goes back to the payer
	CustomerID  string    // the provider's id of the payer
	Metadata    Metadata  // the sender's notes; the zero value means none
	ReceivedAt  time.Time // when the webhook endpoint accepted it, UTC
}

// Redact masks card numbers in the customer id and anywhere in the metadata and
// returns how many there were. The other fields cannot hold one, because Validate
// and Check reject it.
func (t Transaction) Redact() (Transaction, int) {
	var inCustomerID, inMetadata int
	t.CustomerID, inCustomerID = redact.Text(t.CustomerID)
	t.Metadata, inMetadata = t.Metadata.redact()
	return t, inCustomerID + inMetadata
}

// Fingerprint is the SHA-256, in lower-case hex, of the transaction's canonical
// JSON without ReceivedAt. Two deliveries have the same fingerprint exactly when
// their content is the same, however it is written (15000 or "15000.00", member
// order, white space). Call it after Redact, so that it never depends on a card
// number.
//
// Kind is left out of a payment's hash, so that fingerprints stored before kinds
// existed still match.
func (t Transaction) Fingerprint() string {
	hash := sha256.New()
	t.writeCanonical(hash)
	return hex.EncodeToString(hash.Sum(nil))
}

// writeCanonical writes what Fingerprint hashes: a JSON object, its names sorted.
func (t Transaction) writeCanonical(w io.Writer) {
	b := make([]byte, 0, 512)
	b = append(b, '{')
	b = appendMember(b, contract.FieldAmount, t.Amount.String())
	b = appendMember(b, contract.FieldCurrency, t.Currency)
	b = appendMember(b, contract.FieldCustomerID, t.CustomerID)
	if t.Kind != contract.KindPayment {
		b = appendMember(b, contract.FieldKind, t.Kind)
	}
	if !t.Metadata.IsZero() {
		b = append(b, `"`+contract.FieldMetadata+`":`...)
		_, _ = w.Write(b) // a hash or a buffer: never fails
		_, _ = w.Write(t.Metadata.text)
		b = append(b[:0], ',')
	}
	if t.PaymentID != "" {
		b = appendMember(b, contract.FieldPaymentID, t.PaymentID)
	}
	b = appendMember(b, contract.FieldProvider, t.Provider)
	b = appendMember(b, contract.FieldSchemaVersion, contract.SchemaVersion)
	b = appendMember(b, contract.FieldTransactionID, t.ID)
	b[len(b)-1] = '}' // in place of the last comma
	_, _ = w.Write(b)
}

// appendMember appends a member that is a string, and a comma. All strings are
// valid UTF-8: they come from decoded JSON or from DynamoDB.
func appendMember(b []byte, name, value string) []byte {
	b = append(append(append(b, '"'), name...), `":`...)
	b, _ = jsontext.AppendQuote(b, value)
	return append(b, ',')
}

// timeLayout is RFC 3339 in UTC with nine fractional digits: fixed width, so
// that times sort as text.
const timeLayout = "2006-01-02T15:04:05.000000000Z"

// FormatTime writes a time as it is stored and published.
func FormatTime(t time.Time) string { return t.UTC().Format(timeLayout) }

// ParseTime reads what FormatTime wrote.
func ParseTime(text string) (time.Time, error) { return time.Parse(timeLayout, text) }
