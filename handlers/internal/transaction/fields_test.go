package transaction_test

import (
	"maps"
	"os"
	"reflect"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/jsonvalue"
	"payment-webhooks/handlers/internal/ledger/ledgertest"
	"payment-webhooks/handlers/internal/transaction"
)

func TestFields(t *testing.T) {
	t.Run("each has a value in the example that tests encode", func(t *testing.T) {
		full := reflect.ValueOf(ledgertest.Full())
		for field, value := range full.Fields() {
			if value.IsZero() {
				t.Errorf("ledgertest.Full lacks %s", field.Name)
			}
		}
	})
	t.Run("each of the payload is read", func(t *testing.T) {
		// Two values of each field of a reversal.
		examples := map[string][2]string{
			contract.FieldTransactionID: {`"re_1"`, `"re_2"`},
			contract.FieldAmount:        {`1.5`, `"2"`},
			contract.FieldCurrency:      {`"USD"`, `"eur"`},
			contract.FieldProvider:      {`"shop"`, `"store"`},
			contract.FieldCustomerID:    {`"cust_1"`, `"cust_2"`},
			contract.FieldKind:          {`"reversal"`, `"refund"`},
			contract.FieldPaymentID:     {`"txn_1"`, `"txn_2"`},
			contract.FieldReverses:      {`"re_1"`, `"re_2"`},
			contract.FieldReversedKind:  {`"refund"`, `"dispute"`},
			contract.FieldMetadata:      {`{"a":1}`, `{"a":2}`},
		}
		ledgertest.CheckFields(t, "the examples of this test", transaction.Payload, slices.Collect(maps.Keys(examples)))
		body := func(changed string) string {
			var members []string
			for name, values := range examples {
				value := values[0]
				switch {
				case name == changed:
					value = values[1]
				case changed == contract.FieldKind && (name == contract.FieldReverses || name == contract.FieldReversedKind):
					continue // only of a reversal
				}
				members = append(members, `"`+name+`":`+value)
			}
			return "{" + strings.Join(members, ",") + "}"
		}
		base := decode(t, body(""))
		for name := range examples {
			if reflect.DeepEqual(decode(t, body(name)), base) {
				t.Errorf("Validate lacks %s", name)
			}
			if decode(t, body(name)).Fingerprint() == base.Fingerprint() {
				t.Errorf("Fingerprint lacks %s", name)
			}
		}
	})
	t.Run("each of the hash is hashed", func(t *testing.T) {
		value, err := jsonvalue.Parse(ledgertest.Full().Canonical())
		if err != nil {
			t.Fatal(err)
		}
		ledgertest.CheckFields(t, "Fingerprint", transaction.Hashed, slices.Collect(maps.Keys(value.(map[string]any))))
	})
	t.Run("each of the payload is documented", func(t *testing.T) {
		page, err := os.ReadFile("../../../docs/payload.md")
		if err != nil {
			t.Fatal(err)
		}
		_, section, _ := strings.Cut(string(page), "\n## Fields\n")
		section, _, _ = strings.Cut(section, "\n### ")
		var documented []string
		for _, row := range regexp.MustCompile("(?m)^\\| `(\\w+)` \\|").FindAllStringSubmatch(section, -1) {
			documented = append(documented, row[1])
		}
		ledgertest.CheckFields(t, "the table of docs/payload.md", transaction.Payload, documented)
	})
}

func TestFingerprint(t *testing.T) {
	full := ledgertest.Full()
	payment := ledgertest.Transaction("txn_1")
	bare := payment
	bare.Metadata = transaction.Metadata{}
	for name, tx := range map[string]transaction.Transaction{"reversal": full, "payment": payment, "without metadata": bare} {
		t.Run("is of sorted JSON, as it always was, when it is a "+name, func(t *testing.T) {
			checkCanonical(t, tx)
		})
	}
}

// checkCanonical compares the hashed text with a second implementation: a map, marshalled
// with sorted names.
func checkCanonical(t *testing.T, tx transaction.Transaction) {
	t.Helper()
	members := map[string]any{
		"schema_version": "1", "transaction_id": tx.ID, "provider": tx.Provider, "amount": tx.Amount.String(),
		"currency": tx.Currency, "customer_id": tx.CustomerID,
	}
	if tx.Kind != contract.KindPayment {
		members["kind"] = tx.Kind
	}
	if tx.PaymentID != "" {
		members["payment_id"] = tx.PaymentID
	}
	if tx.Reverses != "" {
		members["reverses"] = tx.Reverses
	}
	if tx.ReversedKind != "" {
		members["reversed_kind"] = tx.ReversedKind
	}
	if !tx.Metadata.IsZero() {
		members["metadata"] = tx.Metadata.Value()
	}
	if want, got := string(jsonvalue.Append(nil, members)), string(tx.Canonical()); got != want {
		t.Errorf("hashed %s, want %s", got, want)
	}
}

func TestMetadata(t *testing.T) {
	t.Run("is neither parsed nor written again when nothing is masked", func(t *testing.T) {
		tx := ledgertest.Transaction("txn_1")
		tx.Metadata = transaction.NewMetadata(map[string]any{"notes": []any{strings.Repeat("x", 150_000), map[string]any{"a": "b"}}})
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		clean, _ := tx.Redact()
		err := clean.Check()
		fingerprint := clean.Fingerprint()
		runtime.ReadMemStats(&after)
		if err != nil || fingerprint == "" {
			t.Fatal(err)
		}
		if n := after.TotalAlloc - before.TotalAlloc; n > 16_384 {
			t.Errorf("%d bytes allocated to check, redact and hash 150 000 of metadata", n)
		}
		if &clean.Metadata.Text()[0] != &tx.Metadata.Text()[0] {
			t.Error("the text was written again")
		}
	})
	t.Run("is none when it is an empty object", func(t *testing.T) {
		for _, m := range []transaction.Metadata{{}, transaction.NewMetadata(nil), transaction.NewMetadata(map[string]any{}), ledgertest.Metadata("{}")} {
			if !m.IsZero() || m.Text() != nil || m.Value() != nil {
				t.Errorf("%v with text %q", m.Value(), m)
			}
		}
	})
	t.Run("is rejected when it is no object that can be stored", func(t *testing.T) {
		for _, text := range []string{``, `[]`, `"4111"`, `{"a":1}{}`, `{"a":1`, `{"a":4111e999}`, `{"a":1,"a":2}`} {
			if m, err := transaction.ParseMetadata([]byte(text)); err == nil || strings.Contains(err.Error(), "4111") {
				t.Errorf("ParseMetadata(%s) = %v, %v", text, m, err)
			}
		}
	})
}
