package event

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/money"
	"payment-webhooks/handlers/internal/transaction"
)

// ErrMalformed is the error of a detail that Encode cannot have written.
var ErrMalformed = errors.New("malformed event detail")

// Detail is the JSON object. Package contract has its field names.
type Detail struct {
	SchemaVersion string         `json:"schema_version"`
	TransactionID string         `json:"transaction_id"`
	Provider      string         `json:"provider"`
	Kind          string         `json:"kind"`                   // always present in what Encode writes
	PaymentID     string         `json:"payment_id,omitzero"`    // only for a refund, dispute or reversal
	Reverses      string         `json:"reverses,omitzero"`      // only for a reversal
	ReversedKind  string         `json:"reversed_kind,omitzero"` // always present for a reversal, only then
	Amount        jsontext.Value `json:"amount"`                 // a number
	AmountText    string         `json:"amount_text"`
	Currency      string         `json:"currency"`
	CustomerID    string         `json:"customer_id"`
	Metadata      jsontext.Value `json:"metadata,omitzero"` // an object, absent when there is none
	ReceivedAt    string         `json:"received_at"`
	Fingerprint   string         `json:"fingerprint"`

	// These two are for routing only; an archived line has neither.
	AmountBeyondMatching bool `json:"amount_beyond_matching,omitzero"`
	MetadataOmitted      bool `json:"metadata_omitted,omitzero"`
}

// Describe returns the detail of a stored transaction without routing fields.
func Describe(t transaction.Transaction, fingerprint string) Detail {
	return Detail{
		SchemaVersion: contract.SchemaVersion,
		TransactionID: t.ID,
		Provider:      t.Provider,
		Kind:          t.Kind,
		PaymentID:     t.PaymentID,
		Reverses:      t.Reverses,
		ReversedKind:  t.ReversedKind,
		Amount:        jsontext.Value(t.Amount.String()),
		AmountText:    t.Format(),
		Currency:      t.Currency,
		CustomerID:    t.CustomerID,
		Metadata:      t.Metadata.Text(),
		ReceivedAt:    transaction.FormatTime(t.ReceivedAt),
		Fingerprint:   fingerprint,
	}
}

// Encode writes the detail of the event for a stored transaction. Metadata that
// would make it larger than contract.MaxDetailBytes is left out and marked as
// omitted: the event is then a claim check on the item in the table.
func Encode(t transaction.Transaction, fingerprint string) ([]byte, error) {
	d := Describe(t, fingerprint)
	d.AmountBeyondMatching = t.Amount.Cmp(maxMatchable) > 0
	body, err := json.Marshal(d)
	if err == nil && len(body) > contract.MaxDetailBytes && d.Metadata != nil {
		d.Metadata, d.MetadataOmitted = nil, true
		body, err = json.Marshal(d)
	}
	if err != nil {
		return nil, fmt.Errorf("encode event detail: %w", err)
	}
	if len(body) > contract.MaxDetailBytes { // the fields' own bounds make this impossible
		return nil, fmt.Errorf("encode event detail: %d bytes without metadata", len(body))
	}
	return body, nil
}

var maxMatchable = mustParse(strconv.Itoa(contract.MaxMatchableAmount))

func mustParse(text string) money.Amount {
	a, err := money.Parse(text)
	if err != nil {
		panic(err)
	}
	return a
}

// Received is a decoded event.
type Received struct {
	transaction.Transaction
	Fingerprint     string
	MetadataOmitted bool // the transaction has metadata that was left out of the event, or cannot be read
}

// Decode reads a detail. Unknown fields are ignored, so that a publisher may
// add some. An error is ErrMalformed and names the field, never its value.
func Decode(body []byte) (Received, error) {
	var d Detail
	if err := json.Unmarshal(body, &d); err != nil {
		return Received{}, fmt.Errorf("%w: %w", ErrMalformed, withoutValue(err))
	}
	if d.SchemaVersion != contract.SchemaVersion {
		return Received{}, malformed("schema_version is not %q", contract.SchemaVersion)
	}
	for _, required := range []struct{ name, value string }{
		{contract.FieldTransactionID, d.TransactionID},
		{contract.FieldProvider, d.Provider},
		{contract.FieldCurrency, d.Currency},
		{contract.FieldCustomerID, d.CustomerID},
		{contract.FieldFingerprint, d.Fingerprint},
	} {
		if required.value == "" {
			return Received{}, malformed("%s is missing", required.name)
		}
	}
	if d.Amount.Kind() != '0' {
		return Received{}, malformed("amount is not a number")
	}
	amount, err := money.Parse(string(d.Amount))
	if err != nil {
		return Received{}, malformed("amount: %v", err)
	}
	if amount.Sign() <= 0 {
		return Received{}, malformed("amount is not positive")
	}
	receivedAt, err := time.Parse(time.RFC3339Nano, d.ReceivedAt)
	if err != nil {
		return Received{}, malformed("received_at is not an RFC 3339 time")
	}
	var metadata transaction.Metadata
	switch {
	case len(d.Metadata) == 0 || d.Metadata.Kind() == 'n':
	case d.Metadata.Kind() != '{':
		return Received{}, malformed("metadata is not an object")
	default:
		// A number at the end of the range may have been rounded beyond it in
		// transit: no reason to give up the transaction.
		if metadata, err = transaction.ParseMetadata(d.Metadata); err != nil {
			d.MetadataOmitted = true
		}
	}
	return Received{
		Transaction: transaction.Transaction{
			ID: d.TransactionID, Provider: d.Provider,
			// Events from releases without kinds may be replayed from the archive.
			Kind: cmp.Or(d.Kind, contract.KindPayment), PaymentID: d.PaymentID,
			Reverses: d.Reverses, ReversedKind: d.ReversedKind,
			Money:      money.Money{Amount: amount, Currency: d.Currency},
			CustomerID: d.CustomerID, Metadata: metadata,
			ReceivedAt: receivedAt.UTC(),
		},
		Fingerprint:     d.Fingerprint,
		MetadataOmitted: d.MetadataOmitted,
	}, nil
}

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrMalformed, fmt.Sprintf(format, args...))
}

// withoutValue reduces an error of the JSON package to the place where it happened,
// because the error's text may quote the input.
func withoutValue(err error) error {
	if syntactic, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		return fmt.Errorf("not JSON at byte %d", syntactic.ByteOffset)
	}
	if semantic, ok := errors.AsType[*json.SemanticError](err); ok {
		return fmt.Errorf("unexpected type at %q", string(semantic.JSONPointer))
	}
	return errors.New("not JSON")
}
