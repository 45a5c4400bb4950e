package campaign

import (
	"bytes"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/providers"
)

// shape is a kind of notification: a provider's payload, in which id, amount, currency
// and the payment that it refers to are replaced, and the transaction that it describes.
// What a payload becomes is written down here from docs/provider-events.md, and not asked
// of the decoders.
type shape struct {
	provider, fixture string

	payment    string // id of the payment that the payload refers to, "" if none
	amount     string // the amount as the payload has it
	major      bool   // the amount is written in the currency's major units
	currency   string // as the payload has it, with its quotation marks
	currencies []string

	kind     string
	suffix   string // appended to the transaction's id
	reverses bool   // it takes the payment back
	customer string
	metadata string // canonical JSON
	notes    string // a text of the payload about no money, which a later description has otherwise
}

var major = []string{"USD", "EUR", "JPY"}

// shapes are the notifications that the campaign sends. Each provider has a payment and a
// refund; Adyen's cancellation is one of those whose kind is not signed, which the
// transmission binding protects.
var shapes = []shape{
	{
		provider: "stripe", fixture: "payment", amount: "1500000", currency: `"usd"`, currencies: major,
		kind: contract.KindPayment, customer: "cus_RkExampleCustomer1",
		metadata: `{"charge":"ch_3RkExampleCharge0000001","metadata":{"channel":"web","order_id":"1001"}}`, notes: `"web"`,
	},
	{
		provider: "stripe", fixture: "refund", payment: "pi_3RkExamplePayment000001", amount: "250050", currency: `"usd"`, currencies: major,
		kind: contract.KindRefund, customer: "cus_RkExampleCustomer1",
		metadata: `{"charge":"ch_3RkExampleCharge0000001","metadata":{"ticket":"S-204"},"reason":"requested_by_customer"}`, notes: `"S-204"`,
	},
	{
		provider: "adyen", fixture: "payment", amount: "1500000", currency: `"EUR"`, currencies: []string{"USD", "EUR", "JPY", "KWD"},
		kind: contract.KindPayment, customer: "shopper-8315",
		metadata: `{"merchant_account":"ExampleShopECOM","merchant_reference":"ORDER-2026-004711"}`, notes: `"ORDER-2026-004711"`,
	},
	{
		provider: "adyen", fixture: "refund", payment: "QFQTPCQ8HXSKGK82", amount: "250050", currency: `"EUR"`, currencies: []string{"USD", "EUR", "JPY", "KWD"},
		kind: contract.KindRefund, customer: contract.UnknownCustomer,
		metadata: `{"merchant_account":"ExampleShopECOM","merchant_reference":"ORDER-2026-004711"}`, notes: `"ORDER-2026-004711"`,
	},
	{
		provider: "adyen", fixture: "cancellation", payment: "GH5R83LKQ2XTGK82", amount: "4200", currency: `"EUR"`, currencies: []string{"USD", "EUR"},
		kind: contract.KindReversal, suffix: "_cancelled", reverses: true, customer: contract.UnknownCustomer,
		metadata: `{"merchant_account":"ExampleShopECOM","merchant_reference":"ORDER-2026-004733"}`,
	},
	{
		provider: "paypal", fixture: "payment", amount: "15000.00", major: true, currency: `"USD"`, currencies: major,
		kind: contract.KindPayment, customer: contract.UnknownCustomer,
		metadata: `{"custom_id":"cart-8812","invoice_id":"INV-2026-004711","order_id":"8RD40217PV652390L"}`, notes: `"cart-8812"`,
	},
	{
		provider: "paypal", fixture: "refund", payment: "5TB61832KE940713M", amount: "1250.50", major: true, currency: `"USD"`, currencies: major,
		kind: contract.KindRefund, customer: contract.UnknownCustomer,
		metadata: `{"custom_id":"cart-8812","invoice_id":"INV-2026-004711"}`, notes: `"cart-8812"`,
	},
	{
		provider: "square", fixture: "payment", amount: "1500000", currency: `"USD"`, currencies: []string{"USD", "GBP", "JPY"},
		kind: contract.KindPayment, customer: "W92WH6P11H4Z77CTET0RNTGFW8",
		metadata: `{"location_id":"L88917AVBK2S5","merchant_id":"MLEXAMPLE0042","order_id":"03O3USaPaAaFnI6kkwB1JxGgBsUZY","reference_id":"ORDER-2026-004711"}`, notes: `"ORDER-2026-004711"`,
	},
	{
		provider: "square", fixture: "refund", payment: "hYy9pRFVxpDsO1FB05SunFWUe9JZY", amount: "250050", currency: `"USD"`, currencies: []string{"USD", "GBP", "JPY"},
		kind: contract.KindRefund, customer: contract.UnknownCustomer,
		metadata: `{"location_id":"L88917AVBK2S5","merchant_id":"MLEXAMPLE0042","order_id":"03O3USaPaAaFnI6kkwB1JxGgBsUZY"}`,
	},
}

// declaration returns the declaration of a provider that has shapes.
func declaration(name string) (providers.Declaration, bool) {
	for _, d := range providers.All() {
		if d.Name == name {
			return d, true
		}
	}
	return providers.Declaration{}, false
}

// facts are what differs between two payloads of a shape.
type facts struct {
	id, payment string
	minor       int64 // the amount in the currency's minor units
	currency    string
	later       bool // another description of the same fact: notes differ
}

// payload returns the unsigned payload. The error names what the fixture lacks.
func (s shape) payload(f facts) ([]byte, error) {
	d, ok := declaration(s.provider)
	if !ok {
		return nil, fmt.Errorf("there is no provider %s", s.provider)
	}
	body, err := fs.ReadFile(d.Sender.Fixtures, "testdata/"+s.fixture+".json")
	if err != nil {
		return nil, err
	}
	replace := func(old, another string) {
		if old == "" || err != nil {
			return
		}
		n := 0
		if body, n = replaceWord(body, old, another); n == 0 {
			err = fmt.Errorf("%s %s: the payload has no %s", s.provider, s.fixture, old)
		}
	}
	amount := strconv.FormatInt(f.minor, 10)
	if s.major {
		amount = fixed(f.minor, f.currency)
	}
	code := `"` + f.currency + `"`
	if s.currency == strings.ToLower(s.currency) {
		code = strings.ToLower(code)
	}
	// The ids last: they may contain what looks like an amount.
	replace(s.amount, amount)
	replace(s.currency, code)
	if f.later {
		replace(s.notes, `"described later"`)
	}
	if err != nil {
		return nil, err
	}
	if body, err = d.Sender.Rename(body, f.id); err != nil {
		return nil, fmt.Errorf("%s %s: %w", s.provider, s.fixture, err)
	}
	replace(s.payment, f.payment)
	return body, err
}

// describe returns the transaction that the shape's payload describes.
func (s shape) describe(f facts) Transaction {
	t := Transaction{
		Key: Key{f.id + s.suffix, s.provider}, Kind: s.kind, Amount: plain(f.minor, f.currency), Currency: f.currency,
		Customer: s.customer, Metadata: s.metadata,
	}
	if s.payment != "" {
		t.PaymentID = f.payment
	}
	if s.reverses {
		t.Reverses, t.ReversedKind = f.payment, contract.KindPayment
	}
	return t
}

// replaceWord replaces a text where it is not part of a longer word: 4200 is not part of
// 142000. It returns how often it did.
func replaceWord(body []byte, old, another string) (out []byte, n int) {
	part := func(b []byte) bool {
		return len(b) == 1 && (b[0] == '_' || b[0] >= '0' && b[0] <= '9' || b[0]|0x20 >= 'a' && b[0]|0x20 <= 'z')
	}
	for from := 0; ; {
		i := bytes.Index(body[from:], []byte(old))
		if i < 0 {
			return append(out, body[from:]...), n
		}
		start, end := from+i, from+i+len(old)
		out = append(out, body[from:start]...)
		if part(body[max(0, start-1):start]) || part(body[end:min(len(body), end+1)]) {
			out = append(out, old...)
		} else {
			out = append(out, another...)
			n++
		}
		from = end
	}
}
