package event_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/event"
	"payment-webhooks/handlers/internal/ledger/ledgertest"
	"payment-webhooks/handlers/internal/money"
	"payment-webhooks/handlers/internal/transaction"
)

const fingerprint = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

func amount(t *testing.T, text string) money.Amount {
	t.Helper()
	a, err := money.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func payment(t *testing.T) transaction.Transaction {
	return transaction.Transaction{
		ID: "txn_123456", Provider: "stripe", Kind: contract.KindPayment, Money: money.Money{Amount: amount(t, "15000.00"), Currency: "USD"}, CustomerID: "cust_789",
		Metadata:   ledgertest.Metadata(`{"order_id":"order_123"}`),
		ReceivedAt: time.Date(2026, 11, 22, 15, 4, 5, 60_000_000, time.UTC),
	}
}

func TestEncode(t *testing.T) {
	const whole = `{"schema_version":"1","transaction_id":"txn_123456","provider":"stripe","kind":"payment","amount":15000,` +
		`"amount_text":"15000.00 USD","currency":"USD","customer_id":"cust_789","metadata":{"order_id":"order_123"},` +
		`"received_at":"2026-11-22T15:04:05.060000000Z","fingerprint":"` + fingerprint + `"}`
	cases := map[string]struct {
		change func(*transaction.Transaction)
		want   string
	}{
		"whole":       {func(*transaction.Transaction) {}, whole},
		"no metadata": {func(p *transaction.Transaction) { p.Metadata = transaction.Metadata{} }, strings.Replace(whole, `"metadata":{"order_id":"order_123"},`, "", 1)},
		"refund": {
			func(p *transaction.Transaction) { p.Kind, p.PaymentID = contract.KindRefund, "txn_1" },
			strings.Replace(whole, `"kind":"payment"`, `"kind":"refund","payment_id":"txn_1"`, 1),
		},
		"cents": {
			func(p *transaction.Transaction) { p.Amount = amount(t, "0.10") },
			strings.NewReplacer(`"amount":15000`, `"amount":0.1`, `15000.00 USD`, `0.10 USD`).Replace(whole),
		},
		"the largest amount that rules can compare": {
			func(p *transaction.Transaction) { p.Amount = amount(t, "5e9") },
			strings.NewReplacer(`"amount":15000`, `"amount":5000000000`, `15000.00 USD`, `5000000000.00 USD`).Replace(whole),
		},
		"beyond it": {
			func(p *transaction.Transaction) { p.Amount = amount(t, "5000000000.01") },
			strings.NewReplacer(`"amount":15000`, `"amount":5000000000.01`, `15000.00 USD`, `5000000000.01 USD`,
				fingerprint+`"`, fingerprint+`","amount_beyond_matching":true`).Replace(whole),
		},
		"another time zone": {
			func(p *transaction.Transaction) { p.ReceivedAt = p.ReceivedAt.In(time.FixedZone("", 3600)) }, whole,
		},
	}
	for name, c := range cases {
		t.Run("is exact and in a fixed order: "+name, func(t *testing.T) {
			p := payment(t)
			c.change(&p)
			body, err := event.Encode(p, fingerprint)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, string(body)); diff != "" {
				t.Error(diff)
			}
			back, err := event.Decode(body)
			if err != nil {
				t.Fatal(err)
			}
			p.ReceivedAt = p.ReceivedAt.UTC()
			if diff := cmp.Diff(event.Received{Transaction: p, Fingerprint: fingerprint}, back); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestOversizedMetadata(t *testing.T) {
	p := payment(t)
	p.Metadata = transaction.Metadata{}
	bare, err := event.Encode(p, fingerprint)
	if err != nil {
		t.Fatal(err)
	}
	room := contract.MaxDetailBytes - len(bare) - len(`"metadata":{"note":""},`)
	for _, c := range []struct {
		name    string
		length  int
		omitted bool
	}{{"just fits", room, false}, {"one byte more", room + 1, true}, {"far more", 300_000, true}} {
		t.Run(c.name, func(t *testing.T) {
			p.Metadata = ledgertest.Metadata(`{"note":"` + strings.Repeat("x", c.length) + `"}`)
			body, err := event.Encode(p, fingerprint)
			if err != nil {
				t.Fatal(err)
			}
			if len(body) > contract.MaxDetailBytes {
				t.Errorf("%d bytes", len(body))
			}
			back, err := event.Decode(body)
			if err != nil {
				t.Fatal(err)
			}
			if back.MetadataOmitted != c.omitted || back.Metadata.IsZero() != c.omitted {
				t.Errorf("omitted %v with %d bytes of metadata", back.MetadataOmitted, len(back.Metadata.Text()))
			}
		})
	}
}

func TestDecode(t *testing.T) {
	p := payment(t)
	p.Amount = amount(t, "15000000")
	body, err := event.Encode(p, fingerprint)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]*strings.Replacer{
		"exponent":      strings.NewReplacer(`"amount":15000000`, `"amount":1.5E7`),
		"decimals":      strings.NewReplacer(`"amount":15000000`, `"amount":15000000.0`),
		"no kind":       strings.NewReplacer(`"kind":"payment",`, ``), // written before there were kinds
		"white space":   strings.NewReplacer(`,`, " ,\n\t", `:{`, ` : {`),
		"new field":     strings.NewReplacer(`{"schema`, `{"traceparent":[1,{"a":null}],"schema`),
		"fewer digits":  strings.NewReplacer(`.060000000Z`, `.06Z`),
		"null metadata": strings.NewReplacer(`{"order_id":"order_123"}`, `null`),
	} {
		t.Run("tolerates "+name, func(t *testing.T) {
			changed := change.Replace(string(body))
			if changed == string(body) {
				t.Fatal("the case changes nothing")
			}
			got, err := event.Decode([]byte(changed))
			if err != nil {
				t.Fatal(err)
			}
			if got.Kind != contract.KindPayment || !got.Amount.Equal(p.Amount) || !got.ReceivedAt.Equal(p.ReceivedAt) {
				t.Errorf("%+v", got)
			}
		})
	}
}

func TestMalformedDetail(t *testing.T) {
	body, err := event.Encode(payment(t), fingerprint)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ old, new, says string }{
		"not JSON":          {`{"schema`, `secret{"schema`, "not JSON at byte 0"},
		"other schema":      {`"schema_version":"1"`, `"schema_version":"2"`, "schema_version"},
		"no id":             {`"transaction_id":"txn_123456",`, ``, "transaction_id is missing"},
		"no fingerprint":    {fingerprint, ``, "fingerprint is missing"},
		"id is a number":    {`"txn_123456"`, `4111111111111111`, "transaction_id"},
		"amount is a text":  {`"amount":15000`, `"amount":"15000"`, "amount is not a number"},
		"amount is missing": {`"amount":15000,`, ``, "amount is not a number"},
		"amount is zero":    {`"amount":15000`, `"amount":0`, "not positive"},
		"amount is endless": {`"amount":15000`, `"amount":1e400`, "amount"},
		"metadata is list":  {`{"order_id":"order_123"}`, `["secret"]`, "metadata is not an object"},
		"odd time":          {`2026-11-22T15`, `yesterday`, "received_at"},
		"duplicate name":    {`"currency":"USD"`, `"currency":"USD","currency":"EUR"`, "not JSON at byte"},
	} {
		t.Run("is rejected without its values: "+name, func(t *testing.T) {
			changed := strings.Replace(string(body), c.old, c.new, 1)
			if changed == string(body) {
				t.Fatal("the case changes nothing")
			}
			_, err := event.Decode([]byte(changed))
			if !errors.Is(err, event.ErrMalformed) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("error %v, want one that says %q", err, c.says)
			}
			if err != nil && (strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "4111")) {
				t.Errorf("error repeats the value: %v", err)
			}
		})
	}
}

func TestMetadataRoundedInTransit(t *testing.T) {
	p := payment(t)
	p.Metadata = ledgertest.Metadata(`{"a":9.9999999999999999999999999999999999999E+125}`)
	body, err := event.Encode(p, fingerprint)
	if err != nil {
		t.Fatal(err)
	}
	back, err := event.Decode([]byte(strings.Replace(string(body), "9.9999999999999999999999999999999999999E+125", "1.0E126", 1)))
	if err != nil || !back.MetadataOmitted || !back.Metadata.IsZero() || back.ID != p.ID {
		t.Errorf("%+v, %v", back, err)
	}
}
