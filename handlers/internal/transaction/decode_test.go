package transaction_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"payment-webhooks/handlers/internal/jsonvalue"
	"payment-webhooks/handlers/internal/ledger/ledgertest"
	"payment-webhooks/handlers/internal/money"
	"payment-webhooks/handlers/internal/redact"
	"payment-webhooks/handlers/internal/transaction"
)

func fixture(t testing.TB, name string) []byte {
	t.Helper()
	body, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// read processes a canonical payload as the webhook endpoint does.
func read(body []byte) (transaction.Transaction, error) {
	draft, err := transaction.Normalise(body)
	if err != nil {
		return transaction.Transaction{}, err
	}
	return draft.Validate()
}

func decode(t testing.TB, body string) transaction.Transaction {
	t.Helper()
	tx, err := read([]byte(body))
	if err != nil {
		t.Fatalf("Decode(%s): %v", body, err)
	}
	return tx
}

// payload is a valid delivery with one member replaced, added or, with "",
// left out.
func payload(field, value string) string {
	members := []string{}
	for _, m := range [][2]string{
		{"transaction_id", `"txn_1"`},
		{"amount", "15000"},
		{"currency", `"USD"`},
		{"provider", `"stripe"`},
		{"customer_id", `"cust_1"`},
	} {
		if m[0] != field {
			members = append(members, `"`+m[0]+`":`+m[1])
		}
	}
	if value != "" {
		members = append(members, `"`+field+`":`+value)
	}
	return "{" + strings.Join(members, ",") + "}"
}

func TestPayload(t *testing.T) {
	tests := []struct{ fixture, id, provider, amount, customer, metadata string }{
		{
			"full.json", "txn_123456", "stripe", "15000.00 USD", "cust_789",
			`{"coupon":null,"gift":false,"items":[{"price":7500.5,"sku":"A-1"},{"price":7499.5,"sku":"B-2"}],"order_id":"order_123"}`,
		},
		{"minimal.json", "txn_123457", "adyen", "999.99 EUR", "Zoë Müller", ""},
	}
	for _, tt := range tests {
		t.Run("is read whole from "+tt.fixture, func(t *testing.T) {
			tx := decode(t, string(fixture(t, tt.fixture)))
			got := []string{tx.ID, tx.Provider, tx.Format(), tx.CustomerID, tx.Metadata.String()}
			if diff := cmp.Diff([]string{tt.id, tt.provider, tt.amount, tt.customer, tt.metadata}, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if !tx.ReceivedAt.IsZero() {
				t.Errorf("ReceivedAt is %v; it is for the caller to set", tx.ReceivedAt)
			}
		})
	}
}

func TestMalformedBody(t *testing.T) {
	tests := []struct{ name, body, detail string }{
		{"nothing", "", "the body is empty; send one JSON object"},
		{"white space", " \n\t", "the body is empty; send one JSON object"},
		{"cut off", `{"amount": 1`, "the body ends within a JSON value, at byte 12"},
		{"no JSON", `amount=15000`, "the body is not valid JSON, at byte 0"},
		{"an array", `[{}]`, "the body is JSON but not an object"},
		{"a string", `"x"`, "the body is JSON but not an object"},
		{"null", `null`, "the body is JSON but not an object"},
		{"trailing comma", `{"amount":1,}`, "the body is not valid JSON, at byte 11"},
		{"comment", `{/**/}`, "the body is not valid JSON, at byte 1"},
		{"two objects", `{} {}`, "something follows the JSON object"},
		{"garbage after it", `{} 4111111111111111`, "something follows the JSON object"},
		{"NaN", `{"amount":NaN}`, "the body is not valid JSON, at byte 10"},
		{"leading zero", `{"amount":015}`, "the body is not valid JSON, at byte 11"},
		{"member twice", `{"amount":1,"amount":2}`, "the body has a JSON object with the same member name twice, at byte 12"},
		{"member twice, written in two ways", `{"amount":1,"\u0061mount":2}`, "the body has a JSON object with the same member name twice, at byte 12"},
		{"member twice, deep down", `{"metadata":{"a":[{"b":1,"b":1}]}}`, "the body has a JSON object with the same member name twice, at byte 25"},
		{"member twice in an unknown field", `{"x":{"b":1,"b":1}}`, "the body has a JSON object with the same member name twice, at byte 12"},
		{"invalid UTF-8", "{\"customer_id\":\"\xff\"}", "the body is not valid UTF-8"},
		{"UTF-16", "{\x00}\x00", "the body is not valid JSON, at byte 1"},
		{"byte order mark", "\ufeff{}", "the body is not valid JSON, at byte 0"},
		{"lone surrogate", `{"customer_id":"\ud800"}`, "the body is not valid JSON, at byte 16"},
		{"deeper than any parser", `{"metadata":` + strings.Repeat("[", 100_000), "the body is not valid JSON, at byte 10011"},
	}
	for _, tt := range tests {
		t.Run("is rejected when it is "+tt.name, func(t *testing.T) {
			_, err := read([]byte(tt.body))
			malformed, ok := errors.AsType[*transaction.MalformedError](err)
			if !ok || !errors.Is(err, transaction.ErrMalformed) || errors.Is(err, transaction.ErrInvalid) {
				t.Fatalf("%v, want ErrMalformed", err)
			}
			if malformed.Detail != tt.detail {
				t.Errorf("detail %q, want %q", malformed.Detail, tt.detail)
			}
		})
	}
}

// nested returns metadata with the given number of nested objects.
func nested(depth int) string {
	return strings.Repeat(`{"a":`, depth-1) + `{}` + strings.Repeat(`}`, depth-1)
}

func TestValidate(t *testing.T) {
	tests := []struct {
		name, field, value string
		want               string // the pointer that is rejected, "" when accepted
	}{
		{"longest id", "transaction_id", `"` + strings.Repeat("x", 128) + `"`, ""},
		{"id too long", "transaction_id", `"` + strings.Repeat("x", 129) + `"`, "/transaction_id"},
		{"empty id", "transaction_id", `""`, "/transaction_id"},
		{"id of every accepted character", "transaction_id", `"AZaz09_-"`, ""},
		{"id that is an address", "transaction_id", `"https://pay.example.com/txn_1"`, "/transaction_id"},
		{"id that is a host", "transaction_id", `"pay.example.com"`, "/transaction_id"},
		{"id that is a phone link", "transaction_id", `"tel:0900123456"`, "/transaction_id"},
		{"id with a quote", "transaction_id", `"a\"b"`, "/transaction_id"},
		{"id with a backslash", "transaction_id", `"a\\b"`, "/transaction_id"},
		{"id with an angle bracket", "transaction_id", `"a<b"`, "/transaction_id"},
		{"id with a brace", "transaction_id", `"a{}b"`, "/transaction_id"},
		{"id with a space", "transaction_id", `"a b"`, "/transaction_id"},
		{"id with a control character", "transaction_id", `"a\u0000"`, "/transaction_id"},
		{"id beyond ASCII", "transaction_id", `"ü"`, "/transaction_id"},
		{"id that is a number", "transaction_id", `5`, "/transaction_id"},
		{"id of PayPal, with digits like a card number", "transaction_id", `"8RS6210148826604N"`, ""},
		{"id with a card number in it", "transaction_id", `"order-4111-1111-1111-1111"`, "/transaction_id"},
		{"id that is null", "transaction_id", `null`, "/transaction_id"},
		{"no id", "transaction_id", "", "/transaction_id"},
		{"id like a card number", "transaction_id", `"pay-4111-1111-1111-1111"`, "/transaction_id"},
		{"id with a card number after letters", "transaction_id", `"txn4111111111111111"`, "/transaction_id"},
		{"PayPal's id with digits like a card number", "transaction_id", `"8RS6210148826604N"`, ""},
		{"PayPal's payment id with digits like a card number", "payment_id", `"3ZT4952890786666M","kind":"refund"`, ""},
		{"id of digits that is none", "transaction_id", `"4111111111111112"`, ""},

		{"string amount", "amount", `"15000.00"`, ""},
		{"amount with exponent", "amount", `1.5e4`, ""},
		{"smallest amount", "amount", `0.01`, ""},
		{"more decimals than the currency", "amount", `0.001`, "/amount"},
		{"trailing zeros are no decimals", "amount", `1.000`, ""},
		{"largest amount", "amount", `9999999999999.99`, ""},
		{"amount too large", "amount", `10000000000000`, "/amount"},
		{"zero", "amount", `0`, "/amount"},
		{"minus zero", "amount", `-0.0`, "/amount"},
		{"negative", "amount", `-1`, "/amount"},
		{"overflow of a double", "amount", `1e400`, "/amount"},
		{"underflow of a double", "amount", `1e-400`, "/amount"},
		{"overflow of the exponent", "amount", `1e99999999999999999999`, "/amount"},
		{"a hundred thousand zeros", "amount", `1` + strings.Repeat("0", 100_000), "/amount"},
		{"NaN as a string", "amount", `"NaN"`, "/amount"},
		{"Infinity as a string", "amount", `"Infinity"`, "/amount"},
		{"thousands separators", "amount", `"15,000"`, "/amount"},
		{"space around", "amount", `" 15000"`, "/amount"},
		{"plus sign", "amount", `"+15000"`, "/amount"},
		{"empty string amount", "amount", `""`, "/amount"},
		{"amount that is an object", "amount", `{"value":1}`, "/amount"},
		{"amount that is true", "amount", `true`, "/amount"},
		{"amount that is null", "amount", `null`, "/amount"},
		{"no amount", "amount", "", "/amount"},

		{"lower-case currency", "currency", `"usd"`, ""},
		{"unknown currency", "currency", `"XXX"`, "/currency"},
		{"currency of old", "currency", `"DEM"`, "/currency"},
		{"empty currency", "currency", `""`, "/currency"},
		{"currency with a space", "currency", `"USD "`, "/currency"},
		{"currency that becomes one in upper case", "currency", `"uſd"`, "/currency"},
		{"numeric currency", "currency", `840`, "/currency"},
		{"no currency", "currency", "", "/currency"},
		{"currency without decimals", "currency", `"JPY"`, ""},

		{"shortest provider", "provider", `"a"`, ""},
		{"longest provider", "provider", `"` + strings.Repeat("a", 64) + `"`, ""},
		{"provider too long", "provider", `"` + strings.Repeat("a", 65) + `"`, "/provider"},
		{"upper-case provider", "provider", `"Stripe"`, "/provider"},
		{"provider beginning with a hyphen", "provider", `"-a"`, "/provider"},
		{"provider with a slash", "provider", `"a/b"`, "/provider"},
		{"provider like a card number", "provider", `"4111111111111111"`, "/provider"},
		{"empty provider", "provider", `""`, "/provider"},
		{"no provider", "provider", "", "/provider"},

		{"longest customer id, in characters", "customer_id", `"` + strings.Repeat("ü", 128) + `"`, ""},
		{"customer id too long", "customer_id", `"` + strings.Repeat("u", 257) + `"`, "/customer_id"},
		{"customer id like a card number", "customer_id", `"4111111111111111"`, ""}, // masked
		{"customer id with a line break", "customer_id", `"a\nb"`, "/customer_id"},
		{"customer id that reverses the text after it", "customer_id", `"a\u202eb"`, "/customer_id"},
		{"customer id of spaces", "customer_id", `"   "`, "/customer_id"},
		{"empty customer id", "customer_id", `""`, "/customer_id"},
		{"customer id that is a list", "customer_id", `["a"]`, "/customer_id"},
		{"no customer id", "customer_id", "", "/customer_id"},

		{"kind that is null", "kind", `null`, ""},
		{"payout", "kind", `"payout"`, ""},
		{"unknown kind", "kind", `"Refund"`, "/kind"},
		{"empty kind", "kind", `""`, "/kind"},
		{"kind that is a number", "kind", `1`, "/kind"},
		{"payment id that is null", "payment_id", `null`, ""},
		{"payment id of a payment", "payment_id", `"txn_0"`, "/payment_id"},
		{"payment id of a payment, by name", "payment_id", `"txn_0","kind":"payment"`, "/payment_id"},
		{"payment id of a payout", "payment_id", `"txn_0","kind":"payout"`, "/payment_id"},
		{"payment id of a refund", "payment_id", `"txn_0","kind":"refund"`, ""},
		{"payment id of a dispute", "payment_id", `"txn_0","kind":"dispute"`, ""},
		{"payment id of a reversal", "payment_id", `"txn_0","kind":"reversal","reversed_kind":"refund"`, ""},
		{"payment id with a slash", "payment_id", `"a/b","kind":"refund"`, "/payment_id"},
		{"reversal of a refund", "reverses", `"re_0","kind":"reversal","reversed_kind":"refund"`, ""},
		{"reversal that names nothing", "reversed_kind", `"payout","kind":"reversal"`, ""},
		{"reversal of an unknown kind", "kind", `"reversal"`, "/reversed_kind"},
		{"reversal of a reversal", "reversed_kind", `"reversal","kind":"reversal"`, "/reversed_kind"},
		{"reversed kind that is null", "reversed_kind", `null`, ""},
		{"reversed kind of a refund", "reversed_kind", `"payment","kind":"refund"`, "/reversed_kind"},
		{"refund that reverses", "reverses", `"txn_0","kind":"refund"`, "/reverses"},
		{"reverses with a dot", "reverses", `"a.b","kind":"reversal","reversed_kind":"refund"`, "/reverses"},
		{"reverses like a card number", "reverses", `"4111111111111111","kind":"reversal","reversed_kind":"refund"`, "/reverses"},
		{"refund without payment id", "kind", `"refund"`, ""},
		{"empty payment id", "payment_id", `"","kind":"refund"`, "/payment_id"},
		{"payment id that is a number", "payment_id", `5,"kind":"refund"`, "/payment_id"},
		{"payment id like a card number", "payment_id", `"4111111111111111","kind":"refund"`, "/payment_id"},

		{"null metadata", "metadata", `null`, ""},
		{"empty metadata", "metadata", `{}`, ""},
		{"metadata that is a list", "metadata", `[]`, "/metadata"},
		{"metadata that is a string", "metadata", `"{}"`, "/metadata"},
		{"deepest metadata", "metadata", nested(31), ""},
		{"list too deep", "metadata", strings.Replace(nested(31), "{}", `{"a":[1,[2]]}`, 1), "/metadata" + strings.Repeat("/a", 27) + "…"},
		{"metadata too deep", "metadata", nested(32), "/metadata" + strings.Repeat("/a", 27) + "…"},
		{"most values", "metadata", `{"a":[1` + strings.Repeat(",1", 9_997) + `]}`, ""},
		{"too many values", "metadata", `{"a":[1` + strings.Repeat(",1", 9_998) + `]}`, "/metadata/a/9998"},
		{"largest metadata", "metadata", `{"a":"` + strings.Repeat("x", 200*1024-8) + `"}`, ""},
		{"metadata too large", "metadata", `{"a":"` + strings.Repeat("x", 200*1024-7) + `"}`, "/metadata"},
		{"longest name", "metadata", `{"` + strings.Repeat("x", 255) + `":1}`, ""},
		{"name too long", "metadata", `{"` + strings.Repeat("x", 256) + `":1}`, "/metadata/" + strings.Repeat("x", 53) + "…"},
		{"empty name", "metadata", `{"":1}`, "/metadata/"},
		{"number with the most digits", "metadata", `{"n":12345678901234567890123456789012345678}`, ""},
		{"number with too many digits", "metadata", `{"n":123456789012345678901234567890123456789}`, "/metadata/n"},
		{"largest number", "metadata", `{"n":9.9e125}`, ""},
		{"number too large", "metadata", `{"n":[1e126]}`, "/metadata/n/0"},
		{"name with a slash and a tilde", "metadata", `{"a/b~c":1e999}`, "/metadata/a~1b~0c"},

		{"misspelt field", "meta", `{}`, "/meta"},
		{"field in another case", "Metadata", `{}`, "/Metadata"},
		{"field of ours", "received_at", `"2026-11-22T15:04:05Z"`, "/received_at"},
		{"name like a card number", "4111111111111111", `1`, "/411111******1111"},
	}
	for _, tt := range tests {
		t.Run("with "+tt.name, func(t *testing.T) {
			tx, err := read([]byte(payload(tt.field, tt.value)))
			if tt.want == "" {
				if err != nil {
					t.Fatalf("rejected: %+v", err)
				}
				return
			}
			invalid, ok := errors.AsType[*transaction.InvalidError](err)
			if !ok || !errors.Is(err, transaction.ErrInvalid) {
				t.Fatalf("%v, %v, want ErrInvalid", tx, err)
			}
			if len(invalid.Fields) != 1 || invalid.Fields[0].Field != tt.want {
				t.Errorf("field errors %+v, want one at %s", invalid.Fields, tt.want)
			}
		})
	}
}

func TestInvalidError(t *testing.T) {
	t.Run("lists all that is wrong and what is accepted", invalidErrorListsAll)
	t.Run("counts the errors that it does not list", invalidErrorCountsMore)
}

func invalidErrorListsAll(t *testing.T) {
	_, err := read([]byte(`{
		"transaction_id": "4111 1111 1111 1111", "amount": "1.5", "currency": "JPY", "provider": "Stripe",
		"metadata": {"a": 1e999, "b": {"": 1}}, "extra": [1, 2], "customer_id": null}`))
	invalid, ok := errors.AsType[*transaction.InvalidError](err)
	if !ok {
		t.Fatal(err)
	}
	number := "must be a number of at most 38 significant digits and a magnitude of 0 or 1E-130 to 9.99E+125; send anything else as a string"
	want := []transaction.FieldError{
		{Field: "/amount", Detail: "must be a JSON number or a decimal string greater than 0 and at most 999999999999999, with at most 0 decimals, for JPY, not 1.5"},
		{Field: "/customer_id", Detail: "is required: must be 1 to 256 printable characters, not only spaces"},
		{Field: "/extra", Detail: "is not a field of a transaction; the fields are transaction_id, amount, currency, provider, customer_id, kind, payment_id, reverses, reversed_kind, metadata"},
		{Field: "/metadata/a", Detail: number},
		{Field: "/metadata/b/", Detail: "is a member name of 0 bytes; 1 to 255 are accepted"},
		{Field: "/provider", Detail: `must be the provider's short name: 1 to 64 lower-case letters, digits, _ or -, beginning with a letter or digit, not "Stripe"`},
		{Field: "/transaction_id", Detail: `must not look like a card number (13 to 19 digits with a card network's prefix and a valid check digit), not "4111 11** **** 1111"`},
	}
	if diff := cmp.Diff(want, invalid.Fields); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func invalidErrorCountsMore(t *testing.T) {
	var members []string
	for i := range 200 {
		members = append(members, `"`+strings.Repeat("y", i+1)+`":1`)
	}
	_, err := read([]byte("{" + strings.Join(members, ",") + "}"))
	invalid, ok := errors.AsType[*transaction.InvalidError](err)
	if !ok {
		t.Fatal(err)
	}
	last := invalid.Fields[len(invalid.Fields)-1]
	// 200 unknown fields and 5 missing ones.
	if len(invalid.Fields) != transaction.MaxFieldErrors+1 || last.Detail != "and 155 more errors" {
		t.Errorf("%d field errors, the last %+v", len(invalid.Fields), last)
	}
}

func TestErrorsRepeatNoCardNumber(t *testing.T) {
	for _, amount := range []string{"41111111111111.11", "4111111111111111", "4111111111111.111"} {
		t.Run("when one was sent as the amount "+amount, func(t *testing.T) {
			tx := decode(t, payload("kind", `"payment"`))
			tx.Amount, _ = money.Parse(amount)
			invalid, ok := errors.AsType[*transaction.InvalidError](tx.Check())
			if !ok || !strings.HasSuffix(invalid.Fields[0].Detail, ", not 411111******1111") {
				t.Errorf("%+v", invalid)
			}
			draft, err := transaction.Normalise([]byte(payload("amount", amount)))
			if err != nil {
				t.Fatal(err)
			}
			_, err = draft.Validate()
			if invalid, ok = errors.AsType[*transaction.InvalidError](err); !ok || !strings.HasSuffix(invalid.Fields[0].Detail, ", not 411111******1111") {
				t.Errorf("%+v", invalid)
			}
		})
	}
}

func TestCheck(t *testing.T) {
	amount := func(text string) money.Amount {
		a, err := money.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	many := `{"a":[1` + strings.Repeat(",1", 9_998) + `]}`
	tests := []struct {
		name   string
		change func(*transaction.Transaction)
		want   []string // pointers
	}{
		{"refund of a payment", func(*transaction.Transaction) {}, nil},
		{"no payment id", func(t *transaction.Transaction) { t.PaymentID = "" }, nil},
		{"no metadata", func(t *transaction.Transaction) { t.Metadata = transaction.Metadata{} }, nil},
		{"everything missing", func(t *transaction.Transaction) { *t = transaction.Transaction{} }, []string{
			"/amount", "/currency", "/customer_id", "/kind", "/provider", "/transaction_id",
		}},
		{"id like a card number", func(t *transaction.Transaction) { t.ID = "4111111111111111" }, []string{"/transaction_id"}},
		{"id with digits like a card number", func(t *transaction.Transaction) { t.ID, t.PaymentID = "8RS6210148826604N", "3ZT4952890786666M" }, nil},
		{"id like a card number, with what happened to it", func(t *transaction.Transaction) { t.ID = "4111111111111111_second_chargeback" }, []string{"/transaction_id"}},
		{"id with letters before the digits of a card number", func(t *transaction.Transaction) { t.ID = "du_4222222222222_lost" }, nil},
		{"longest id", func(t *transaction.Transaction) { t.ID = strings.Repeat("x", 300) }, nil},
		{"id too long", func(t *transaction.Transaction) { t.ID = strings.Repeat("x", 301) }, []string{"/transaction_id"}},
		{"payment id like a card number", func(t *transaction.Transaction) { t.PaymentID = "4111-1111-1111-1111" }, []string{"/payment_id"}},
		{"id with a colon", func(t *transaction.Transaction) { t.ID = "AB12:CD34" }, []string{"/transaction_id"}},
		{"reversal of nothing", func(t *transaction.Transaction) { t.Kind = "reversal" }, []string{"/reversed_kind"}},
		{"refund that reverses", func(t *transaction.Transaction) { t.Reverses, t.ReversedKind = "txn_0", "payment" }, []string{"/reversed_kind", "/reverses"}},
		{"payment with a payment id", func(t *transaction.Transaction) { t.Kind = "payment" }, []string{"/payment_id"}},
		{"payment id with a space", func(t *transaction.Transaction) { t.PaymentID = "a b" }, []string{"/payment_id"}},
		{"lower-case currency", func(t *transaction.Transaction) { t.Currency = "usd" }, []string{"/currency"}},
		{"unknown currency", func(t *transaction.Transaction) { t.Currency = "XXX" }, []string{"/currency"}},
		{"zero", func(t *transaction.Transaction) { t.Amount = money.Amount{} }, []string{"/amount"}},
		{"too many decimals", func(t *transaction.Transaction) { t.Amount = amount("0.001") }, []string{"/amount"}},
		{"too large", func(t *transaction.Transaction) { t.Amount = amount("1e14") }, []string{"/amount"}},
		{"customer of two lines", func(t *transaction.Transaction) { t.CustomerID = "a\nb" }, []string{"/customer_id"}},
		{"metadata too deep", func(t *transaction.Transaction) { t.Metadata = ledgertest.Metadata(nested(32)) }, []string{"/metadata" + strings.Repeat("/a", 27) + "…"}},
		{"too many values", func(t *transaction.Transaction) { t.Metadata = ledgertest.Metadata(many) }, []string{"/metadata/a/9998"}},
		{"metadata too large", func(t *transaction.Transaction) {
			t.Metadata = ledgertest.Metadata(`{"a":"` + strings.Repeat("x", 200*1024-7) + `"}`)
		}, []string{"/metadata"}},
	}
	for _, tt := range tests {
		t.Run("with "+tt.name, func(t *testing.T) {
			tx := decode(t, payload("kind", `"refund","payment_id":"txn_0","metadata":{"a":1}`))
			tt.change(&tx)
			err := tx.Check()
			var got []string
			if invalid, ok := errors.AsType[*transaction.InvalidError](err); ok {
				for _, f := range invalid.Fields {
					got = append(got, f.Field)
				}
			} else if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
		})
	}
}

func TestRedact(t *testing.T) {
	tx, masked := decode(t, string(fixture(t, "cards.json"))).Redact()
	if masked != 5 {
		t.Errorf("masked %d, want 5", masked)
	}
	if tx.CustomerID != "4242 42** **** 4242" {
		t.Errorf("customer id %q", tx.CustomerID)
	}
	want := `{"by_card":{"601111******1117":["411111******1111"]},"card":"378282*****0005",` +
		`"note":"customer read out 5555-55**-****-4444 on the phone"}`
	if diff := cmp.Diff(want, tx.Metadata.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if again, n := tx.Redact(); n != 0 || again.Fingerprint() != tx.Fingerprint() {
		t.Errorf("a second Redact masked %d", n)
	}
}

func TestFingerprintOfPayload(t *testing.T) {
	base := payload("metadata", `{"a":1.50,"b":["x",null]}`)
	same := map[string]string{
		"white space":           strings.ReplaceAll(base, ",", " ,\n\t"),
		"decimal string":        strings.Replace(base, "15000", `"15000.00"`, 1),
		"exponent":              strings.Replace(base, "15000", `1.5E+4`, 1),
		"numbers in metadata":   strings.Replace(base, "1.50", "15e-1", 1),
		"order of members":      payload("metadata", `{"b":["x",null],"a":1.5}`),
		"escapes":               strings.Replace(base, `"x"`, `"\u0078"`, 1),
		"payment by name":       payload("kind", `"payment","payment_id":null,"metadata":{"a":1.50,"b":["x",null]}`),
		"case of the currency":  strings.Replace(base, "USD", "usd", 1),
		"fields in other order": `{"metadata":{"a":1.50,"b":["x",null]},` + strings.TrimPrefix(payload("metadata", ""), "{"),
	}
	want := decode(t, base).Fingerprint()
	for name, body := range same {
		if got := decode(t, body).Fingerprint(); got != want {
			t.Errorf("%s: another fingerprint", name)
		}
	}
	later := decode(t, base)
	later.ReceivedAt = time.Now()
	if later.Fingerprint() != want {
		t.Error("the fingerprint depends on ReceivedAt")
	}

	seen := map[string]string{want: "base"}
	for name, body := range map[string]string{
		"id":           strings.Replace(base, "txn_1", "txn_2", 1),
		"amount":       strings.Replace(base, "15000", "15000.01", 1),
		"currency":     strings.Replace(base, "USD", "EUR", 1),
		"provider":     strings.Replace(base, "stripe", "adyen", 1),
		"customer id":  strings.Replace(base, "cust_1", "cust_2", 1),
		"metadata":     strings.Replace(base, `"x"`, `"y"`, 1),
		"kind":         payload("kind", `"refund","metadata":{"a":1.50,"b":["x",null]}`),
		"payment id":   payload("kind", `"refund","payment_id":"txn_0","metadata":{"a":1.50,"b":["x",null]}`),
		"list order":   strings.Replace(base, `"x",null`, `null,"x"`, 1),
		"type":         strings.Replace(base, "1.50", `"1.5"`, 1),
		"null member":  strings.Replace(base, `"a":1.50,`, `"a":1.50,"c":null,`, 1),
		"no metadata":  payload("metadata", ""),
		"moved quotes": strings.Replace(strings.Replace(base, "txn_1", "txn_", 1), "cust_1", "1cust_1", 1),
	} {
		got := decode(t, body).Fingerprint()
		if other, taken := seen[got]; taken {
			t.Errorf("%s and %s have the same fingerprint", name, other)
		}
		seen[got] = name
	}
	for _, none := range []string{"", "null", "{}"} {
		if got := decode(t, payload("metadata", none)).Fingerprint(); seen[got] != "no metadata" {
			t.Errorf("metadata %q differs from none", none)
		}
	}

	// Stored items carry it: a change would make every repeat a conflict. This one
	// was computed before there were kinds.
	const golden = "7020fa9756d8d9dc826407804241ae1c9d0bd605a39da807fbea5b9afe1597e7"
	if got := decode(t, string(fixture(t, "full.json"))).Fingerprint(); got != golden {
		t.Errorf("the fingerprint of full.json became %s", got)
	}
}

func TestFormatTime(t *testing.T) {
	a := time.Date(2026, time.November, 22, 15, 4, 5, 0, time.UTC)
	for _, tt := range []struct {
		time time.Time
		want string
	}{
		{a, "2026-11-22T15:04:05.000000000Z"},
		{a.Add(120 * time.Millisecond), "2026-11-22T15:04:05.120000000Z"},
		{a.In(time.FixedZone("", 3600)), "2026-11-22T15:04:05.000000000Z"},
	} {
		if got := transaction.FormatTime(tt.time); got != tt.want {
			t.Errorf("FormatTime = %s, want %s", got, tt.want)
		}
		if back, err := transaction.ParseTime(tt.want); err != nil || !back.Equal(tt.time) {
			t.Errorf("ParseTime(%s) = %v, %v", tt.want, back, err)
		}
	}
}

// FuzzDecode checks, for any bytes, that nothing panics, that an error is one of the two
// documented ones and repeats little of the input, and that an accepted transaction is
// the same after being written and read again.
func FuzzPayload(f *testing.F) {
	for _, name := range []string{"full.json", "minimal.json", "cards.json"} {
		f.Add(fixture(f, name))
	}
	for _, body := range []string{"", "{}", "[]", `{"a":1,"a":2}`, payload("amount", `1e400`), payload("metadata", nested(32)), payload("metadata", `{"a":"\ud800"}`), payload("x", `{}`)} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		tx, err := read(body)
		if err != nil {
			checkRejection(t, err)
			return
		}
		clean, _ := tx.Redact()
		checkCanonical(t, clean)
		metadata := "null"
		if !clean.Metadata.IsZero() {
			metadata = clean.Metadata.String()
		}
		if err := tx.Check(); err != nil {
			t.Fatalf("Decode accepts what Check rejects: %v", err)
		}
		var reference any
		if clean.PaymentID != "" {
			reference = clean.PaymentID
		}
		// A member name may have grown beyond its bound by masking.
		again, err := read(jsonvalue.Append(nil, map[string]any{
			"transaction_id": clean.ID, "amount": clean.Amount.String(), "currency": clean.Currency,
			"provider": clean.Provider, "customer_id": clean.CustomerID, "metadata": parse(t, metadata),
			"kind": clean.Kind, "payment_id": reference,
		}))
		if err != nil {
			if strings.Contains(metadata, " (") {
				return
			}
			t.Fatalf("what was accepted is rejected when written out: %v", err)
		}
		if twice, n := again.Redact(); n != 0 || twice.Fingerprint() != clean.Fingerprint() {
			t.Fatalf("masked %d again, or another fingerprint", n)
		}
	})
}

func parse(t *testing.T, text string) any {
	t.Helper()
	value, err := jsonvalue.Parse([]byte(text))
	if err != nil {
		t.Fatalf("metadata %s: %v", text, err)
	}
	return value
}

func checkRejection(t *testing.T, err error) {
	t.Helper()
	if invalid, ok := errors.AsType[*transaction.InvalidError](err); ok {
		for _, f := range invalid.Fields {
			if len([]rune(f.Field)) > redact.MaxSanitised || len(f.Detail) > 600 {
				t.Fatalf("field error %+v is long", f)
			}
			if masked, n := redact.Text(f.Field + "\n" + f.Detail); n > 0 {
				t.Fatalf("field error repeats a card number: %s", masked)
			}
		}
		return
	}
	if !errors.Is(err, transaction.ErrMalformed) || len(err.Error()) > 200 {
		t.Fatalf("unexpected error %v", err)
	}
}

func BenchmarkDecodeValidateRedact(b *testing.B) {
	large := payload("metadata", `{"items":[`+strings.TrimSuffix(strings.Repeat(`{"sku":"A-1","price":7500.50,"note":"a line of the order"},`, 1500), ",")+`]}`)
	for name, body := range map[string][]byte{"typical": fixture(b, "full.json"), "cards": fixture(b, "cards.json"), "90KB": []byte(large)} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				tx, err := read(body)
				if err != nil {
					b.Fatal(err)
				}
				tx.Redact()
			}
		})
	}
}
