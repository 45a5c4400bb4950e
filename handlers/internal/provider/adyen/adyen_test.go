package adyen_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"payment-webhooks/handlers/internal/provider"
	"payment-webhooks/handlers/internal/provider/adyen"
	"payment-webhooks/handlers/internal/provider/providertest"
)

// key is the example key of Adyen's documentation. The fixtures are signed with
// it, by another program than this one.
const key = "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056"

const otherKey = "DFB1EB5485895CFA84146406857104ABB4CBCABDC8AAF103A624C8F6A3EAAB00"

var fixture = providertest.Fixture

func verify(body []byte, secrets ...string) error {
	return adyen.New(adyen.Options{}).Verify(context.Background(), provider.Delivery{Body: body}, secrets)
}

func decode(t testing.TB, body []byte, options adyen.Options) []provider.Event {
	t.Helper()
	events, err := adyen.New(options).Decode(provider.Delivery{Body: body})
	if err != nil {
		t.Fatal(err)
	}
	return events
}

// item is one notification item, to be changed and signed by a test.
type item map[string]any

func payment() item {
	return item{
		"pspReference": "QFQTPCQ8HXSKGK82", "merchantAccountCode": "ExampleShopECOM", "merchantReference": "ORDER-1",
		"amount":    map[string]any{"value": 1050, "currency": "EUR"},
		"eventCode": "AUTHORISATION", "success": "true", "additionalData": map[string]any{},
	}
}

// reversal is an item whose request cancels or refunds, as the action says.
func reversal(action any) item {
	return payment().with("eventCode", "CANCEL_OR_REFUND").with("originalReference", "P").with("additionalData", map[string]any{"modification.action": action})
}

func (i item) with(name string, value any) item {
	i[name] = value
	return i
}

func (i item) amount(value any, currency string) item {
	return i.with("amount", map[string]any{"value": value, "currency": currency})
}

// sign is written from the documentation, apart from the code under test.
func (i item) sign(t testing.TB, secret string) item {
	t.Helper()
	k, err := hex.DecodeString(secret)
	if err != nil {
		t.Fatal(err)
	}
	amount, _ := i["amount"].(map[string]any)
	var text []string
	for _, v := range []any{
		i["pspReference"], i["originalReference"], i["merchantAccountCode"], i["merchantReference"],
		amount["value"], amount["currency"], i["eventCode"], i["success"],
	} {
		if v == nil {
			v = ""
		}
		text = append(text, fmt.Sprint(v))
	}
	mac := hmac.New(sha256.New, k)
	mac.Write([]byte(strings.Join(text, ":")))
	i["additionalData"].(map[string]any)["hmacSignature"] = base64.StdEncoding.EncodeToString(mac.Sum(nil))
	return i
}

func delivery(t testing.TB, items ...item) []byte {
	t.Helper()
	var list []any
	for _, i := range items {
		list = append(list, map[string]any{"NotificationRequestItem": i})
	}
	body, err := json.Marshal(map[string]any{"live": "true", "notificationItems": list})
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func TestFixturesVerify(t *testing.T) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) < 7 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := verify(body, key); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		if err := verify(body, otherKey); !errors.Is(err, provider.ErrSignature) {
			t.Errorf("%s with another key: %v, want ErrSignature", file, err)
		}
	}
}

// Signatures that Adyen published: in its documentation, in the tests of
// adyen-go-api-library (hmacvalidator_test.go), and, with colons, by a customer
// in https://github.com/Adyen/adyen-python-api-library/issues/117 (whose key is
// not public, so that it is not here).
func TestPublishedSignaturesVerify(t *testing.T) {
	documented := item{
		"pspReference": "7914073381342284", "merchantAccountCode": "TestMerchant", "merchantReference": "TestPayment-1407325143704",
		"amount": map[string]any{"value": 1130, "currency": "EUR"}, "eventCode": "AUTHORISATION", "success": "true",
		"additionalData": map[string]any{"hmacSignature": "coqCmt/IZ4E3CzPvMY8zTjQVL5hYJUiBRg8UU+iCWo0="},
	}
	if err := verify(delivery(t, documented), key); err != nil {
		t.Error(err)
	}
	library := item{
		"pspReference": "pspReference", "originalReference": "originalReference", "merchantAccountCode": "merchantAccount",
		"merchantReference": "reference", "amount": map[string]any{"value": 1000, "currency": "EUR"}, "eventCode": "EVENT",
		"success": "true", "additionalData": map[string]any{"hmacSignature": "ipnxGCaUZ4l8TUW75a71/ghd2Fe5ffvX0pV4TLTntIc="},
	}
	if err := verify(delivery(t, library), otherKey); err != nil {
		t.Error(err)
	}
}

func TestEverySignedFieldIsProtected(t *testing.T) {
	body := fixture(t, "refund")
	for _, field := range []string{
		`"NC6HT9CRT65ZGN82"`, `"QFQTPCQ8HXSKGK82"`, `"ExampleShopECOM"`, `"ORDER-2026-004711"`, `250050`, `"EUR"`, `"REFUND"`, `"success": "true"`,
	} {
		changed := strings.Replace(field, `"`, `"x`, 1)
		switch field {
		case "250050":
			changed = "250051"
		case `"success": "true"`:
			changed = `"success": "false"`
		}
		tampered := strings.Replace(string(body), field, changed, 1)
		if tampered == string(body) {
			t.Fatalf("the fixture has no %s", field)
		}
		if err := verify([]byte(tampered), key); !errors.Is(err, provider.ErrSignature) {
			t.Errorf("%s changed: %v, want ErrSignature", field, err)
		}
	}
}

// Signatures by Adyen's own adyen-go-api-library v11.0.0 (hmacvalidator), of
// payment() with these references.
func TestNothingIsEscaped(t *testing.T) {
	for reference, signature := range map[string]string{
		"14-08-2020-09:53:00": "6wFjqMuCMzXVYKMAKPZqu/n2dHxMiWLir0Zw4u1rJa0=",
		`a\b`:                 "FLAwdy1gMPQrQFGbSPRmAzVfbrX1HX4RqkLUcsz01To=",
		`a\:b`:                "xMyLL8DVwZvzXtu7T+hvGAclLuSCR0OMETtc0zlY6BA=",
		"Bestellung №7":       "HvnrVdYbuB4FDPfuRriiQ95MMiIJqT+OU3Kyk54K6+A=",
		`<"&>`:                "Y7E0ee4qw7DzP7z4cpOUQh9e3iHDyroMBRPQgqk6zuQ=",
	} {
		signed := payment().with("merchantReference", reference).with("additionalData", map[string]any{"hmacSignature": signature})
		if err := verify(delivery(t, signed), key); err != nil {
			t.Errorf("merchantReference %q: %v", reference, err)
		}
	}
}

// A colon moved from one value to the next leaves the signed text as it was.
func TestAmbiguousSignedTextIsAForgery(t *testing.T) {
	signed := payment().with("merchantReference", "ORDER:1").sign(t, key)
	if err := verify(delivery(t, signed), key); err != nil {
		t.Fatal(err)
	}
	// The same eight texts, joined, with the account taking a part of the reference.
	signed.with("merchantAccountCode", "ExampleShopECOM:ORDER").with("merchantReference", "1")
	if err := verify(delivery(t, signed), key); !errors.Is(err, provider.ErrSignature) {
		t.Errorf("moved colon: %v, want ErrSignature", err)
	}
	for _, field := range []string{"pspReference", "originalReference", "merchantAccountCode", "eventCode", "success"} {
		if err := verify(delivery(t, payment().with(field, "a:b").sign(t, key)), key); !errors.Is(err, provider.ErrSignature) {
			t.Errorf("colon in %s: %v, want ErrSignature", field, err)
		}
	}
}

func TestOneForgedItem(t *testing.T) {
	good, forged := payment().sign(t, key), payment().sign(t, otherKey)
	for name, items := range map[string][]item{
		"first": {forged, good, good}, "middle": {good, forged, good}, "last": {good, good, forged},
		"unsigned": {good, payment()},
	} {
		if err := verify(delivery(t, items...), key); !errors.Is(err, provider.ErrSignature) {
			t.Errorf("%s: %v, want ErrSignature", name, err)
		}
	}
	if err := verify(delivery(t, good, good), key); err != nil {
		t.Error(err)
	}
}

func TestBothSecretsOfARotationVerify(t *testing.T) {
	old, current := payment().sign(t, otherKey), payment().sign(t, key)
	if err := verify(delivery(t, old, current), key, otherKey); err != nil {
		t.Error(err)
	}
	if err := verify(delivery(t, current), key, "not a key"); err != nil {
		t.Errorf("one secret of another form beside a good one: %v", err)
	}
}

func TestInvalidSecrets(t *testing.T) {
	body := delivery(t, payment().sign(t, key))
	for name, secrets := range map[string][]string{
		"none": nil, "empty": {""}, "short": {key[:62]}, "odd": {key + "A"}, "base64": {"coqCmt/IZ4E3CzPvMY8zTjQVL5hYJUiBRg8UU+iCWo0="},
	} {
		if err := verify(body, secrets...); !errors.Is(err, provider.ErrSecret) {
			t.Errorf("%s: %v, want ErrSecret", name, err)
		}
	}
}

func TestErrorsRepeatNeitherSecretNorBody(t *testing.T) {
	body := delivery(t, payment().with("merchantReference", "4111111111111111").sign(t, otherKey))
	for _, err := range []error{verify(body, key), verify(body, "4711"), verify([]byte(`{"4111111111111111":`), key)} {
		if err == nil || strings.Contains(err.Error(), "4111") || strings.Contains(err.Error(), "4711") || strings.Contains(err.Error(), key) {
			t.Errorf("%v", err)
		}
	}
}

func TestHostileBodiesAreForgeries(t *testing.T) {
	good := string(delivery(t, payment().sign(t, key)))
	many := make([]item, 65)
	for i := range many {
		many[i] = payment().sign(t, key)
	}
	for name, body := range map[string]string{
		"empty":                 "",
		"not JSON":              "live=false&notificationItems=",
		"null":                  "null",
		"array":                 "[]",
		"no items":              `{"live":"false"}`,
		"empty items":           `{"live":"false","notificationItems":[]}`,
		"items as object":       `{"notificationItems":{}}`,
		"item null":             `{"notificationItems":[null]}`,
		"item is a list":        `{"notificationItems":[[]]}`,
		"item without wrapper":  `{"notificationItems":[{}]}`,
		"wrapper is text":       `{"notificationItems":[{"NotificationRequestItem":"x"}]}`,
		"duplicate name":        strings.Replace(good, `"success":"true"`, `"success":"false","success":"true"`, 1),
		"two documents":         good + good,
		"invalid UTF-8":         strings.Replace(good, "ORDER-1", "ORDER-\xff", 1),
		"deep":                  `{"notificationItems":` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + `}`,
		"deep and cut":          strings.Repeat("[", 200_000),
		"deep beside":           good[:len(good)-1] + `,"x":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}`,
		"number beyond range":   strings.Replace(string(delivery(t, payment().amount("", "EUR").sign(t, key))), `"value":""`, `"value":1e999`, 1),
		"value is long":         string(delivery(t, payment().amount(json.Number(strings.Repeat("1", 33)), "EUR").sign(t, key))),
		"many items":            string(delivery(t, many...)),
		"value is a list":       strings.Replace(good, `"value":1050`, `"value":[1050]`, 1),
		"value is text":         strings.Replace(good, `"value":1050`, `"value":"1050"`, 1),
		"reference is a number": strings.Replace(string(delivery(t, payment().with("merchantReference", "1").sign(t, key))), `"merchantReference":"1"`, `"merchantReference":1`, 1),
		"amount is text":        strings.Replace(good, `{"currency":"EUR","value":1050}`, `"10.50 EUR"`, 1),
		"live twice":            strings.Replace(good, `"live":"true"`, `"live":"false","live":"true"`, 1),
		"signature is null":     strings.Replace(good, `"hmacSignature":"`, `"hmacSignature":null,"x":"`, 1),
		"signature is empty":    strings.Replace(good, `"hmacSignature":"`, `"hmacSignature":"","x":"`, 1),
		"signature with space":  strings.Replace(good, `"hmacSignature":"`, `"hmacSignature":" `, 1),
	} {
		t.Run(name, func(t *testing.T) {
			if err := verify([]byte(body), key); !errors.Is(err, provider.ErrSignature) {
				t.Errorf("%v, want ErrSignature", err)
			}
		})
	}
	if err := verify([]byte(good), key); err != nil {
		t.Fatal(err)
	}
}

// summary is what a test compares of an event: type, then what became of it.
func summary(e provider.Event) string {
	switch t := e.Transaction; {
	case e.Err != nil && t == nil && errors.Is(e.Err, provider.ErrUnreadable):
		return e.Type + " unreadable"
	case t != nil && e.Err == nil:
		text := fmt.Sprintf("%s %s %s/%s of %q %s by %s %s", e.Type, t.Kind, t.Provider, t.ID, t.PaymentID, t.Format(), t.CustomerID, t.Metadata)
		if t.ReversedKind != "" {
			text += fmt.Sprintf(" reverses %s %s", t.ReversedKind, t.Reverses)
		}
		return strings.TrimSpace(text)
	case e.Err == nil:
		return e.Type + " ignored"
	}
	return fmt.Sprintf("%+v breaks the contract of provider.Event", e)
}

func summaries(events []provider.Event) []string {
	var all []string
	for _, e := range events {
		all = append(all, summary(e))
	}
	return all
}

const (
	automatic = false
	manual    = true
)

func TestFixturesBecomeTransactions(t *testing.T) {
	const metadata = `{"merchant_account":"ExampleShopECOM","merchant_reference":"ORDER-2026-004711"}`
	const refund = `REFUND refund adyen/NC6HT9CRT65ZGN82 of "QFQTPCQ8HXSKGK82" 2500.50 EUR by unknown ` + metadata
	const authorised = `AUTHORISATION payment adyen/QFQTPCQ8HXSKGK82 of "" 15000.00 EUR by shopper-8315 ` + metadata
	for _, tt := range []struct {
		fixture string
		manual  bool
		want    []string
	}{
		{"payment", automatic, []string{authorised}},
		{"payment", manual, []string{"AUTHORISATION ignored"}},
		{"capture", automatic, []string{"CAPTURE ignored"}},
		{"capture", manual, []string{`CAPTURE payment adyen/MB9HCZJ2VMC77K82 of "" 15000.00 EUR by shopper-8315 {"authorisation_id":"QFQTPCQ8HXSKGK82","merchant_account":"ExampleShopECOM","merchant_reference":"ORDER-2026-004711"}`}},
		{"refund", automatic, []string{refund}},
		{"refund", manual, []string{refund}},
		{"reversal", automatic, []string{`CANCEL_OR_REFUND refund adyen/PPKFQ89R6QRXGN82 of "QFQTPCQ8HXSKGK82" 15000.00 EUR by unknown ` + metadata}},
		{"reversal", manual, []string{`CANCEL_OR_REFUND refund adyen/PPKFQ89R6QRXGN82 of "QFQTPCQ8HXSKGK82" 15000.00 EUR by unknown ` + metadata}},
		{"cancellation", automatic, []string{`CANCEL_OR_REFUND reversal adyen/MK2T7XNZQ9WVGN82_cancelled of "GH5R83LKQ2XTGK82" 42.00 EUR by unknown {"merchant_account":"ExampleShopECOM","merchant_reference":"ORDER-2026-004733"} reverses payment GH5R83LKQ2XTGK82`}},
		{"cancellation", manual, []string{"CANCEL_OR_REFUND ignored"}},
		{"unreferenced_refund", automatic, []string{`REFUND_WITH_DATA refund adyen/KHQC5N7G84BLNK43 of "" 89.95 EUR by unknown {"merchant_account":"ExampleShopPOS","merchant_reference":"RETURN-2026-0318"}`}},
		{"dispute", automatic, []string{`CHARGEBACK dispute adyen/W4Z7HK5XBSJ2R375 of "QFQTPCQ8HXSKGK82" 15000.00 EUR by shopper-8315 ` + metadata}},
		{"payout", automatic, []string{`PAYOUT_THIRDPARTY payout adyen/ZLHHX4NQ6ZV9JD82 of "" 875.00 EUR by unknown {"merchant_account":"ExampleShopECOM","merchant_reference":"PAYOUT-2026-W47"}`}},
		{"capture_failed", automatic, []string{`CAPTURE_FAILED reversal adyen/MB9HCZJ2VMC77K82_capture_failed of "QFQTPCQ8HXSKGK82" 15000.00 EUR by unknown ` + metadata + ` reverses payment QFQTPCQ8HXSKGK82`}},
		{"capture_failed", manual, []string{`CAPTURE_FAILED reversal adyen/MB9HCZJ2VMC77K82_capture_failed of "QFQTPCQ8HXSKGK82" 15000.00 EUR by unknown ` + metadata + ` reverses payment MB9HCZJ2VMC77K82`}},
		{"refund_failed", automatic, []string{`REFUND_FAILED reversal adyen/NC6HT9CRT65ZGN82_refund_failed of "QFQTPCQ8HXSKGK82" 2500.50 EUR by unknown ` + metadata + ` reverses refund NC6HT9CRT65ZGN82`}},
		{"refund_returned", automatic, []string{`REFUNDED_REVERSED reversal adyen/NC6HT9CRT65ZGN82_refunded_reversed of "QFQTPCQ8HXSKGK82" 2500.50 EUR by unknown ` + metadata + ` reverses refund NC6HT9CRT65ZGN82`}},
		{"dispute_won", automatic, []string{`CHARGEBACK_REVERSED reversal adyen/W4Z7HK5XBSJ2R375_chargeback_reversed of "QFQTPCQ8HXSKGK82" 15000.00 EUR by unknown ` + metadata + ` reverses dispute W4Z7HK5XBSJ2R375`}},
		{"second_dispute", automatic, []string{`SECOND_CHARGEBACK dispute adyen/W4Z7HK5XBSJ2R375_second_chargeback of "QFQTPCQ8HXSKGK82" 15000.00 EUR by unknown ` + metadata}},
		{"payout_returned", automatic, []string{`PAIDOUT_REVERSED reversal adyen/RT3ZHX4NQ6ZV9J65_paidout_reversed of "" 875.00 EUR by unknown {"merchant_account":"ExampleShopECOM","merchant_reference":"PAYOUT-2026-W47"} reverses payout ZLHHX4NQ6ZV9JD82`}},
		{"offshore_yuan", automatic, []string{`AUTHORISATION payment adyen/HX4JRK8LD2QNGN82 of "" 75.00 CNY by unknown {"adyen_currency":"CNH","merchant_account":"ExampleShopECOM","merchant_reference":"ORDER-2026-004714"}`}},
		{"test_payment", automatic, []string{`AUTHORISATION payment adyen/test_AUTHORISATION_1 of "" 101.00 EUR by unknown {"live":false,"merchant_account":"ExampleShopECOM","merchant_reference":"TEST-1"}`}},
		{"ignored", automatic, []string{"REPORT_AVAILABLE ignored"}},
		{"report_with_colons", automatic, []string{"REPORT_AVAILABLE ignored"}},
		{"batch", automatic, []string{
			authorised,
			`AUTHORISATION payment adyen/RDK6ZBZTWK2XGN82 of "" 2499 CLP by shopper-9020 {"merchant_account":"ExampleShopECOM","merchant_reference":"2026-11-22 15:04:07"}`,
			"AUTHORISATION ignored", // refused by the issuer
			`AUTHORISATION payment adyen/HX3JRK8LD2QNGN82 of "" 75.00 CNY by unknown {"adyen_currency":"CNH","merchant_account":"ExampleShopECOM","merchant_reference":"ORDER-2026-004714"}`,
			refund,
		}},
	} {
		t.Run(fmt.Sprintf("%s manual=%t", tt.fixture, tt.manual), func(t *testing.T) {
			got := summaries(decode(t, fixture(t, tt.fixture), adyen.Options{ManualCapture: tt.manual}))
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

func TestIgnoredEventCodes(t *testing.T) {
	for _, i := range []item{
		payment().with("success", "false"),
		payment().with("success", ""),
		payment().amount(0, "EUR"), // a card check
		payment().amount(json.Number("0.0"), "EUR"),
		payment().with("eventCode", "REFUND").amount(0, "ZZZ"),
		payment().with("eventCode", "CHARGEBACK_REVERSED").amount(0, "EUR"),
		reversal("").amount(0, "EUR"),
		payment().with("eventCode", "NOTIFICATION_OF_CHARGEBACK"),
		payment().with("eventCode", "POSTPONED_REFUND"),
		payment().with("eventCode", "VOID_PENDING_REFUND"),
		payment().with("eventCode", "EXPIRE"),
		payment().with("eventCode", "PAYOUT_DECLINE"),
		payment().with("eventCode", "REFUND_WITH_DATA").with("success", "false"),
		reversal("refund").with("success", "false"),
		reversal("").with("success", "false"), // whatever was tried, it did not happen
		payment().with("eventCode", "SOMETHING_NEW"),
	} {
		if got, want := summaries(decode(t, delivery(t, i), adyen.Options{})), fmt.Sprint(i["eventCode"], " ignored"); len(got) != 1 || got[0] != want {
			t.Errorf("%v: %q, want %q", i, got, want)
		}
	}
}

func TestUnreadableItems(t *testing.T) {
	for name, i := range map[string]item{
		"no event code":         payment().with("eventCode", nil),
		"no reference":          payment().with("pspReference", nil),
		"reference with space":  payment().with("pspReference", "a b"),
		"reference of a path":   payment().with("eventCode", "REFUND").with("pspReference", "../a"),
		"reference too long":    payment().with("eventCode", "REFUND_FAILED").with("pspReference", strings.Repeat("A", 290)),
		"reversal of no action": payment().with("eventCode", "CANCEL_OR_REFUND"),
		"reversal as a number":  reversal(1),
		"reversal in capitals":  reversal("REFUND"),
		"reversal of a refund":  reversal("cancelRefund").with("eventCode", "REVERSAL"),
		"no amount":             payment().with("amount", nil),
		"no currency":           payment().amount(1050, ""),
		"lower-case currency":   payment().amount(1050, "eur"),
		"unknown currency":      payment().amount(1050, "XBT"),
		"negative":              payment().amount(-1050, "EUR"),
		"half a cent":           payment().amount(10.5, "EUR"),
		"beyond fifteen digits": payment().amount(json.Number("1000000000000000"), "EUR"),
		"Chilean centavos":      payment().amount(1050, "CLP"), // 10.50 CLP, of which ISO 4217 knows no fraction
	} {
		t.Run(name, func(t *testing.T) {
			got := summaries(decode(t, delivery(t, payment(), i, payment()), adyen.Options{}))
			if len(got) != 3 || !strings.HasSuffix(got[1], " unreadable") || !strings.Contains(got[0], "payment") || !strings.Contains(got[2], "payment") {
				t.Errorf("%q", got)
			}
		})
	}
	if _, err := adyen.New(adyen.Options{}).Decode(provider.Delivery{Body: []byte("{}")}); !errors.Is(err, provider.ErrUnreadable) {
		t.Errorf("no items: %v, want ErrUnreadable", err)
	}
}

// https://docs.adyen.com/development-resources/currency-codes
func TestMinorUnitsAreAdyens(t *testing.T) {
	for _, tt := range []struct{ value, currency, want string }{
		{"1050", "EUR", "10.50 EUR"},
		{"1", "USD", "0.01 USD"},
		{"1500", "JPY", "1500 JPY"},
		{"1500", "KRW", "1500 KRW"},
		{"1500", "UGX", "1500 UGX"},
		{"1500", "VND", "1500 VND"},
		{"10500", "BHD", "10.500 BHD"},
		{"10500", "KWD", "10.500 KWD"},
		{"10500", "TND", "10.500 TND"},
		{"150000", "CLP", "1500 CLP"},    // two decimals, ISO 4217: none
		{"279000", "ISK", "2790 ISK"},    // two decimals, ISO 4217: none
		{"1500", "CVE", "1500.00 CVE"},   // no decimals, ISO 4217: two
		{"15000", "IDR", "15000.00 IDR"}, // no decimals, ISO 4217: two
		{"1050", "HUF", "10.50 HUF"},
		{"1050", "MGA", "10.50 MGA"},
		{"999999999999999", "EUR", "9999999999999.99 EUR"},
	} {
		events := decode(t, delivery(t, payment().amount(json.Number(tt.value), tt.currency)), adyen.Options{})
		if events[0].Transaction == nil {
			t.Errorf("%s %s: %v", tt.value, tt.currency, events[0].Err)
			continue
		}
		if got := events[0].Transaction.Format(); got != tt.want {
			t.Errorf("%s %s is %s, want %s", tt.value, tt.currency, got, tt.want)
		}
	}
}

// Adyen may send an event again with other details; what is not in the transaction must
// not turn a duplicate into a conflict.
func TestSecondDeliveryIsADuplicate(t *testing.T) {
	one := decode(t, fixture(t, "payment"), adyen.Options{})[0].Transaction
	other := strings.NewReplacer("2026-11-22T15:04:05", "2026-11-22T15:09:09", "069371", "112233", `"visa"`, `"visacredit"`, `"cardBin"`, `"bin"`).
		Replace(string(fixture(t, "payment")))
	two := decode(t, []byte(other), adyen.Options{})[0].Transaction
	if one.Fingerprint() != two.Fingerprint() {
		t.Error("details of a delivery are part of the transaction")
	}
}

// Should Adyen announce one reversal under both names, it is one refund.
func TestRefundByReversal(t *testing.T) {
	one := decode(t, delivery(t, reversal("refund")), adyen.Options{})[0].Transaction
	two := decode(t, delivery(t, reversal("refund").with("eventCode", "REVERSAL")), adyen.Options{})[0].Transaction
	if one == nil || two == nil || one.ID != two.ID || one.Fingerprint() != two.Fingerprint() {
		t.Errorf("%+v and %+v", one, two)
	}
}
