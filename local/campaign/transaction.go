package campaign

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"math/big"
	"strings"

	"payment-webhooks/handlers/contract"
)

// Key identifies a transaction, as the table's key does.
type Key struct{ ID, Provider string }

func (k Key) String() string { return k.Provider + "/" + k.ID }

// Transaction is a transaction as the campaign sent it, in canonical form: what must be
// stored, published and archived.
type Transaction struct {
	Key
	Kind         string
	Amount       string // plain decimal without needless zeros
	Currency     string
	Customer     string
	Metadata     string // canonical JSON, "" if there is none
	PaymentID    string
	Reverses     string
	ReversedKind string

	Tier string // name of the tier whose rule matches it
}

// Fingerprint is the SHA-256 of the transaction's canonical JSON as docs/payload.md
// describes it. It is computed here a second time, so that it checks the handler's.
func (t Transaction) Fingerprint() string {
	members := map[string]any{
		contract.FieldAmount: t.Amount, contract.FieldCurrency: t.Currency, contract.FieldCustomerID: t.Customer,
		contract.FieldProvider: t.Provider, contract.FieldSchemaVersion: contract.SchemaVersion, contract.FieldTransactionID: t.ID,
	}
	if t.Kind != contract.KindPayment {
		members[contract.FieldKind] = t.Kind
	}
	for name, value := range map[string]string{
		contract.FieldPaymentID: t.PaymentID, contract.FieldReverses: t.Reverses, contract.FieldReversedKind: t.ReversedKind,
	} {
		if value != "" {
			members[name] = value
		}
	}
	if t.Metadata != "" {
		members[contract.FieldMetadata] = json.RawMessage(t.Metadata)
	}
	sum := sha256.Sum256(canonical(members))
	return hex.EncodeToString(sum[:])
}

// canonical returns a value's JSON with sorted names and without spaces.
func canonical(value any) []byte {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		panic(err) // strings, maps and valid JSON
	}
	return bytes.TrimSpace(b.Bytes())
}

// Currencies that the campaign uses, with their number of decimals (ISO 4217).
var decimals = map[string]int{"USD": 2, "EUR": 2, "GBP": 2, "JPY": 0, "KWD": 3, "IDR": 2}

// plain writes an amount in minor units as a plain decimal without needless zeros.
func plain(minor int64, currency string) string {
	text := fixed(minor, currency)
	if strings.Contains(text, ".") {
		text = strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
	}
	return text
}

// fixed writes an amount in minor units with all of its currency's decimals.
func fixed(minor int64, currency string) string {
	n := decimals[currency]
	return new(big.Rat).SetFrac(big.NewInt(minor), pow10(n)).FloatString(n)
}

func pow10(n int) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil) }
