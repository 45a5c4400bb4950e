package adyen_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/intake/intaketest"
	"payment-webhooks/handlers/internal/provider"
	"payment-webhooks/handlers/internal/provider/adyen"
)

var received = time.Date(2026, time.November, 27, 12, 0, 0, 0, time.UTC)

// The list of event types is documentation; what is decoded must be what it says.
func TestEventTypes(t *testing.T) {
	names := map[string]bool{}
	for _, e := range adyen.Declaration.EventTypes() {
		t.Run(e.Name+"/becomes what the list says", func(t *testing.T) {
			if names[e.Name] {
				t.Error("is listed twice")
			}
			names[e.Name] = true
			kinds := map[string]bool{}
			for _, manual := range []bool{false, true} {
				for _, action := range []string{"", "cancel", "refund"} {
					i := payment().with("eventCode", e.Name).with("originalReference", "P").
						with("additionalData", map[string]any{"modification.action": action})
					event := decode(t, delivery(t, i), adyen.Options{ManualCapture: manual})[0]
					if event.Type != e.Name {
						t.Errorf("type %s", event.Type)
					}
					if event.Transaction != nil {
						kinds[event.Transaction.Kind] = true
					}
				}
			}
			if got := strings.Join(slices.Sorted(maps.Keys(kinds)), ", "); got != e.Becomes {
				t.Errorf("becomes %q, want %q", got, e.Becomes)
			}
			if e.Becomes == "" && e.Reason == "" {
				t.Error("is ignored without a reason")
			}
		})
	}
	t.Run("another/is ignored and not known", func(t *testing.T) {
		if adyen.Declaration.Knows("SOMETHING_NEW") {
			t.Error("known")
		}
		if got := summaries(decode(t, delivery(t, payment().with("eventCode", "SOMETHING_NEW")), adyen.Options{})); got[0] != "SOMETHING_NEW ignored" {
			t.Errorf("%s", got)
		}
	})
}

func TestReversal(t *testing.T) {
	what := func(t *testing.T, i item, manual bool) string {
		t.Helper()
		event := decode(t, delivery(t, i), adyen.Options{ManualCapture: manual})[0]
		if event.Transaction == nil {
			return summary(event)
		}
		return fmt.Sprintf("%s %s %s of %s", event.Transaction.Kind, event.Transaction.ID, event.Transaction.Reverses, event.Transaction.PaymentID)
	}
	cancelled := func(code string) item {
		return payment().with("eventCode", code).with("pspReference", "C").with("originalReference", "P")
	}
	t.Run("takes back the refund of a reversal that failed", func(t *testing.T) {
		refund := decode(t, delivery(t, reversal("refund")), adyen.Options{})[0].Transaction
		failed := decode(t, delivery(t, payment().with("eventCode", "REFUND_FAILED")), adyen.Options{})[0].Transaction
		if refund.ID != failed.Reverses || failed.ID == refund.ID {
			t.Errorf("%s reverses %s, want %s", failed.ID, failed.Reverses, refund.ID)
		}
	})
	t.Run("takes a payment back that was cancelled before its automatic capture", func(t *testing.T) {
		for _, code := range []string{"CANCELLATION", "TECHNICAL_CANCEL"} {
			if got := what(t, cancelled(code), automatic); got != "reversal C_cancelled P of P" {
				t.Errorf("%s: %s", code, got)
			}
		}
		for _, code := range []string{"CANCEL_OR_REFUND", "REVERSAL"} { // one cancellation, should it be announced under both
			if got := what(t, reversal("cancel").with("eventCode", code), automatic); got != "reversal QFQTPCQ8HXSKGK82_cancelled P of P" {
				t.Errorf("%s: %s", code, got)
			}
		}
	})
	t.Run("is none when nothing was captured by hand", func(t *testing.T) {
		for _, i := range []item{cancelled("CANCELLATION"), cancelled("TECHNICAL_CANCEL"), reversal("cancel"), reversal("cancel").with("eventCode", "REVERSAL")} {
			if got := what(t, i, manual); got != fmt.Sprint(i["eventCode"], " ignored") {
				t.Errorf("%s", got)
			}
		}
	})
	t.Run("names the dispute when Adyen leaves out the payment", func(t *testing.T) {
		if got := what(t, payment().with("eventCode", "CHARGEBACK_REVERSED").with("pspReference", "D"), automatic); got != "reversal D_chargeback_reversed D of " {
			t.Error(got)
		}
	})
	t.Run("names the payout's own reference without another", func(t *testing.T) {
		if got := what(t, payment().with("eventCode", "PAIDOUT_REVERSED").with("pspReference", "O"), automatic); got != "reversal O_paidout_reversed O of " {
			t.Error(got)
		}
	})
	t.Run("is none if the failure failed", func(t *testing.T) {
		for _, code := range []string{"CAPTURE_FAILED", "REFUND_FAILED", "REFUNDED_REVERSED", "CHARGEBACK_REVERSED", "PAIDOUT_REVERSED", "SECOND_CHARGEBACK"} {
			if got := what(t, payment().with("eventCode", code).with("success", "false"), automatic); got != code+" ignored" {
				t.Error(got)
			}
		}
	})
}

// Adyen captures a payment again after a technical failure. Only the reason tells the
// second CAPTURE from the first, and it is not signed.
// https://docs.adyen.com/online-payments/capture/failure-reasons#technical-issue
func TestRecapture(t *testing.T) {
	for _, reason := range []string{"Transaction Recaptured", "Transaction Auto-recaptured"} {
		for _, manual := range []bool{false, true} {
			i := payment().with("eventCode", "CAPTURE").with("originalReference", "P").with("reason", reason)
			if got := summaries(decode(t, delivery(t, i), adyen.Options{ManualCapture: manual})); got[0] != "CAPTURE unreadable" {
				t.Errorf("%s is %s, want that a person looks at it", reason, got)
			}
		}
	}
}

func TestPartialCaptures(t *testing.T) {
	capture := func(id string, value int) item {
		return payment().with("eventCode", "CAPTURE").with("pspReference", id).with("originalReference", "QFQTPCQ8HXSKGK82").amount(value, "EUR")
	}
	t.Run("are a payment each", func(t *testing.T) {
		e := intaketest.NewEndpoint(t, adyen.Declaration, provider.Settings{contract.ProviderCapture: contract.CaptureManual})
		for id, value := range map[string]int{"A": 1000, "B": 1000, "C": 500} {
			for _, want := range []string{`"duplicate":false`, `"duplicate":true`} {
				if r := e.Deliver(t, received, nil, string(delivery(t, capture(id, value)))); !strings.Contains(r.Body, want) {
					t.Errorf("%s: %s, want %s", id, r.Body, want)
				}
			}
		}
		sums, _ := intaketest.Books(t, e.Ledger.All())
		if diff := cmp.Diff(map[string]string{"payment EUR": "25"}, sums); diff != "" {
			t.Error(diff)
		}
		for _, tx := range e.Ledger.All() {
			if got := tx.Metadata.Value()["authorisation_id"]; got != "QFQTPCQ8HXSKGK82" || tx.PaymentID != "" {
				t.Errorf("%s refers to %v and %q", tx.ID, got, tx.PaymentID)
			}
		}
	})
	t.Run("are ignored when Adyen captures", func(t *testing.T) {
		if got := summaries(decode(t, delivery(t, capture("A", 1000)), adyen.Options{})); got[0] != "CAPTURE ignored" {
			t.Error(got)
		}
	})
}

func TestTestNotification(t *testing.T) {
	live := func(t *testing.T, value string) any {
		t.Helper()
		body := strings.Replace(string(delivery(t, payment())), `"live":"true"`, value, 1)
		tx := decode(t, []byte(body), adyen.Options{})[0].Transaction
		if tx == nil {
			t.Fatalf("%s decides", value)
		}
		return tx.Metadata.Value()["live"]
	}
	for _, value := range []string{`"live":"false"`, `"live":false`} {
		t.Run("is told from real money/"+value, func(t *testing.T) {
			if got := live(t, value); got != false {
				t.Errorf("live %v", got)
			}
		})
	}
	for _, value := range []string{`"live":"true"`, `"live":true`, `"live":null`, `"live":[false]`, `"live":"no"`, `"Live":"false"`} {
		t.Run("is marked by live false alone/"+value, func(t *testing.T) {
			if got := live(t, value); got != nil {
				t.Errorf("live %v", got)
			}
		})
	}
	for _, fixtureName := range []string{"test_payment", "test_payout"} {
		t.Run("is stored with the mark/"+fixtureName, func(t *testing.T) {
			e := intaketest.NewEndpoint(t, adyen.Declaration, nil)
			if r := e.Deliver(t, received, nil, string(fixture(t, fixtureName))); r.Status != 202 || len(e.Quarantined) > 0 {
				t.Fatalf("%d %s", r.Status, r.Body)
			}
			if got := e.Ledger.All()[0].Metadata.Value()["live"]; got != false {
				t.Errorf("live %v", got)
			}
		})
	}
}

// What a merchant, a payer or Adyen chose as a reference keeps no money out.
func TestReferences(t *testing.T) {
	store := func(t *testing.T, body []byte) (customer, paymentID string, metadata map[string]any) {
		t.Helper()
		e := intaketest.NewEndpoint(t, adyen.Declaration, nil)
		if r := e.Deliver(t, received, nil, string(body)); r.Status != 202 || len(e.Quarantined) > 0 {
			t.Fatalf("%d %s", r.Status, r.Body)
		}
		tx := e.Ledger.All()[0]
		return tx.CustomerID, tx.PaymentID, tx.Metadata.Value()
	}
	refund := func() item { return payment().with("eventCode", "REFUND") }

	for name, length := range map[string]int{"long_shopper_reference": 256, "long_recurring_reference": 200} {
		t.Run("of a shopper may be long/"+name, func(t *testing.T) {
			if customer, _, _ := store(t, fixture(t, name)); len(customer) != length {
				t.Errorf("%d characters of %d", len(customer), length)
			}
		})
	}
	t.Run("of a shopper may be odd", func(t *testing.T) {
		seen := map[string]bool{}
		for _, reference := range []string{"a\nb", "a\u200bb", " ", strings.Repeat("x", 257), strings.Repeat("é", 10_000)} {
			customer, _, _ := store(t, delivery(t, payment().with("additionalData", map[string]any{"shopperReference": reference})))
			if !strings.HasPrefix(customer, "sha256:") || seen[customer] {
				t.Errorf("%q is %s", reference, customer)
			}
			seen[customer] = true
		}
	})
	t.Run("of a shopper has several names", func(t *testing.T) {
		additional := map[string]any{"recurring.shopperReference": "r"}
		for _, step := range []struct{ name, want string }{{"", "r"}, {"tokenization.shopperReference", "t"}, {"shopperReference", "s"}} {
			if step.name != "" {
				additional[step.name] = step.want
			}
			if customer, _, _ := store(t, delivery(t, payment().with("additionalData", additional))); customer != step.want {
				t.Errorf("%v: %s", additional, customer)
			}
		}
		if customer, _, _ := store(t, delivery(t, payment().with("additionalData", map[string]any{"shopperReference": 7}))); customer != contract.UnknownCustomer {
			t.Errorf("a number is %s", customer)
		}
	})
	t.Run("of a merchant may be odd", func(t *testing.T) {
		for _, reference := range []string{"2026-11-22 15:04:07", `a"b\c`, "a\nb", "https://example.com/?a=1", "№ 7 — Zoë", strings.Repeat("x", 256), strings.Repeat("\u0000", 2000)} {
			if _, _, metadata := store(t, delivery(t, payment().with("merchantReference", reference).with("merchantAccountCode", strings.ReplaceAll(reference, ":", ".")))); metadata["merchant_reference"] != reference {
				t.Errorf("%q is %q", reference, metadata["merchant_reference"])
			}
		}
	})
	t.Run("to a payment may be odd", func(t *testing.T) {
		for _, reference := range []string{"a b", "a.b", "é", strings.Repeat("x", 256)} {
			_, paymentID, metadata := store(t, delivery(t, refund().with("originalReference", reference)))
			if paymentID != "" || metadata["original_reference"] != reference {
				t.Errorf("%q is %q and %q", reference, paymentID, metadata["original_reference"])
			}
		}
	})
	t.Run("to a payment may be missing", func(t *testing.T) {
		for _, reference := range []any{nil, ""} {
			if _, paymentID, metadata := store(t, delivery(t, refund().with("originalReference", reference))); paymentID != "" || metadata["original_reference"] != nil {
				t.Errorf("%q, %v", paymentID, metadata)
			}
		}
	})
}

func TestCurrency(t *testing.T) {
	t.Run("that is the offshore yuan is stored as the yuan", func(t *testing.T) {
		for _, code := range []string{"AUTHORISATION", "REFUND", "CHARGEBACK"} {
			tx := decode(t, delivery(t, payment().with("eventCode", code).amount(7500, "CNH")), adyen.Options{})[0].Transaction
			if tx == nil || tx.Format() != "75.00 CNY" || tx.Metadata.Value()["adyen_currency"] != "CNH" {
				t.Errorf("%s: %+v", code, tx)
			}
		}
	})
	t.Run("that is the yuan has no mark", func(t *testing.T) {
		tx := decode(t, delivery(t, payment().amount(7500, "CNY")), adyen.Options{})[0].Transaction
		if tx.Format() != "75.00 CNY" || tx.Metadata.Value()["adyen_currency"] != nil {
			t.Errorf("%+v", tx)
		}
	})
	t.Run("that is none is not read", func(t *testing.T) {
		for _, code := range []string{"XBT", "ZZZ", "cnh", "CNT"} {
			if got := summaries(decode(t, delivery(t, payment().amount(7500, code)), adyen.Options{})); got[0] != "AUTHORISATION unreadable" {
				t.Error(got)
			}
		}
	})
}

// modification.action is not signed: a captured cancellation must not become a refund.
func TestBinding(t *testing.T) {
	binding := func(i item) provider.Binding {
		return decode(t, delivery(t, i), adyen.Options{ManualCapture: true})[0].Binding
	}
	for _, code := range []string{"CANCEL_OR_REFUND", "REVERSAL"} {
		t.Run(code+"/binds its action to what is signed", func(t *testing.T) {
			cancel, refund := binding(reversal("cancel").with("eventCode", code)), binding(reversal("refund").with("eventCode", code))
			if cancel.ID == "" || cancel.ID != refund.ID || cancel.Content == refund.Content {
				t.Errorf("%+v and %+v", cancel, refund)
			}
			if want := contract.RetentionDays * 24 * time.Hour; cancel.For != want {
				t.Errorf("for %s, want %s", cancel.For, want)
			}
		})
		t.Run(code+"/is bound when its action is unknown", func(t *testing.T) {
			unknown, refund := binding(reversal("?").with("eventCode", code)), binding(reversal("refund").with("eventCode", code))
			if unknown.ID != refund.ID || unknown.Content == refund.Content {
				t.Errorf("%+v and %+v", unknown, refund)
			}
		})
		t.Run(code+"/is not bound by what decides nothing", func(t *testing.T) {
			one := binding(reversal("refund").with("eventCode", code))
			other := reversal("refund").with("eventCode", code).with("reason", "another").with("eventDate", "2026-11-27T05:00:00+01:00")
			other["additionalData"].(map[string]any)["shopperReference"] = "another"
			if two := binding(other); one != two {
				t.Errorf("%+v and %+v", one, two)
			}
		})
	}
	t.Run("differs for each signed member", func(t *testing.T) {
		seen := map[string]string{}
		for name, i := range map[string]item{
			"none":   reversal("refund"),
			"psp":    reversal("refund").with("pspReference", "A"),
			"orig":   reversal("refund").with("originalReference", "A"),
			"acct":   reversal("refund").with("merchantAccountCode", "A"),
			"ref":    reversal("refund").with("merchantReference", "A"),
			"value":  reversal("refund").amount(1, "EUR"),
			"money":  reversal("refund").amount(1050, "USD"),
			"code":   reversal("refund").with("eventCode", "REVERSAL"),
			"nobody": reversal("refund").with("pspReference", ""),
		} {
			id := binding(i).ID
			if other, ok := seen[id]; ok {
				t.Errorf("%s and %s have one binding", name, other)
			}
			seen[id] = name
		}
	})
	t.Run("is needed by no other item", func(t *testing.T) {
		for _, e := range adyen.Declaration.EventTypes() {
			if e.Name == "CANCEL_OR_REFUND" || e.Name == "REVERSAL" {
				continue
			}
			one := payment().with("eventCode", e.Name).with("originalReference", "P")
			other := payment().with("eventCode", e.Name).with("originalReference", "P").with("eventDate", "2026").with("paymentMethod", "x").
				with("additionalData", map[string]any{"modification.action": "refund", "disputeStatus": "Won", "capturePspReference": "Z"})
			for _, manual := range []bool{false, true} {
				a, b := decode(t, delivery(t, one), adyen.Options{ManualCapture: manual})[0], decode(t, delivery(t, other), adyen.Options{ManualCapture: manual})[0]
				if !a.Binding.IsZero() || summary(a) != summary(b) {
					t.Errorf("%s: %s and %s", e.Name, summary(a), summary(b))
				}
			}
		}
	})
	t.Run("is none for what did not happen", func(t *testing.T) {
		if b := binding(reversal("refund").with("success", "false")); !b.IsZero() {
			t.Errorf("%+v", b)
		}
	})
}

func TestCapturedCancellation(t *testing.T) {
	for _, tt := range []struct {
		name, capture, first, replayed string
		status                         int
		want                           string // what is in the ledger
	}{
		{"a cancellation before a capture by hand", contract.CaptureManual, "cancel", "refund", 200, ""},
		{"a cancellation before the automatic capture", contract.CaptureAutomatic, "cancel", "refund", 202, "reversal QFQTPCQ8HXSKGK82_cancelled"},
		{"a refund", contract.CaptureManual, "refund", "cancel", 202, "refund QFQTPCQ8HXSKGK82"},
		{"a refund of an automatic capture", contract.CaptureAutomatic, "refund", "cancel", 202, "refund QFQTPCQ8HXSKGK82"},
		{"what is not known", contract.CaptureManual, "later", "refund", 202, ""},
	} {
		for _, code := range []string{"CANCEL_OR_REFUND", "REVERSAL"} {
			t.Run("is worth nothing if it was "+tt.name+"/"+code, func(t *testing.T) {
				e := intaketest.NewEndpoint(t, adyen.Declaration, provider.Settings{contract.ProviderCapture: tt.capture})
				send := func(action any) int {
					i := reversal(action).with("eventCode", code).sign(t, key)
					if err := verify(delivery(t, i), key); err != nil {
						t.Fatal(err)
					}
					return e.Deliver(t, received, nil, string(delivery(t, i))).Status
				}
				if got := send(tt.first); got != tt.status {
					t.Fatalf("%d, want %d", got, tt.status)
				}
				for _, action := range []any{tt.replayed, "REFUND", "", nil, 1} {
					if got := send(action); got != 401 {
						t.Errorf("with %v: %d, want 401", action, got)
					}
				}
				if got := send(tt.first); got/100 != 2 {
					t.Errorf("Adyen's own repeat: %d", got)
				}
				var ledger []string
				for _, tx := range e.Ledger.All() {
					ledger = append(ledger, tx.Kind+" "+tx.ID)
				}
				if got := strings.Join(ledger, ", "); got != tt.want {
					t.Errorf("the ledger has %q, want %q", got, tt.want)
				}
			})
		}
	}
}

// Money conflicts; a shopper's reference that no signature covers does not.
func TestUnsignedMembers(t *testing.T) {
	t.Run("make no conflict", func(t *testing.T) {
		e := intaketest.NewEndpoint(t, adyen.Declaration, nil)
		for n, want := range []string{`"duplicate":false`, `"duplicate":true`, `"duplicate":true`} {
			i := payment().with("reason", fmt.Sprint(n)).with("additionalData", map[string]any{"shopperReference": fmt.Sprint("shopper-", n)})
			body := strings.Replace(string(delivery(t, i)), `"live":"true"`, fmt.Sprintf(`"live":"%t"`, n == 0), 1)
			if r := e.Deliver(t, received, nil, body); !strings.Contains(r.Body, want) {
				t.Errorf("%d %s, want %s", r.Status, r.Body, want)
			}
		}
		if len(e.Quarantined) > 0 || e.Ledger.All()[0].CustomerID != "shopper-0" {
			t.Errorf("quarantined %s; %+v", e.Quarantined, e.Ledger.All())
		}
	})
}

// two returns an event in two spellings: with all details and success as a string, and
// as bare as Adyen documents it, without additionalData, with success as a boolean, and
// for later stages of a dispute without originalReference, which is an option of the
// webhook.
// https://docs.adyen.com/development-resources/webhooks/webhook-types#webhook-structure
// https://docs.adyen.com/development-resources/webhooks/additional-settings
func two(t *testing.T, name, code, psp, original string, value int, currency, action string, success bool) intaketest.Event {
	t.Helper()
	body := func(success any, details bool, original string) string {
		additional := map[string]any{"hmacSignature": "AAAA"}
		if action != "" {
			additional["modification.action"] = action
		}
		i := item{
			"pspReference": psp, "merchantAccountCode": "ExampleShopECOM", "merchantReference": "ORDER-" + name,
			"amount": map[string]any{"value": value, "currency": currency}, "eventCode": code, "success": success,
			"eventDate": "2026-11-27T11:00:00+01:00", "additionalData": additional,
		}
		if details {
			maps.Copy(additional, map[string]any{"shopperReference": "shopper-1", "cardSummary": "1111", "disputeStatus": "Pending", "expiryDate": "03/2030"})
			maps.Copy(i, map[string]any{"paymentMethod": "visa", "reason": "", "operations": []string{"REFUND"}})
		}
		if original != "" {
			i["originalReference"] = original
		}
		text, err := json.Marshal(map[string]any{"live": "true", "notificationItems": []any{map[string]any{"NotificationRequestItem": i}}})
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	bare := original
	if code == "CHARGEBACK_REVERSED" || code == "SECOND_CHARGEBACK" || strings.HasPrefix(code, "PREARBITRATION") {
		bare = ""
	}
	return intaketest.Event{Name: name + ": " + code, Bodies: []string{body(fmt.Sprint(success), true, original), body(success, false, bare)}}
}

// Adyen captures automatically. What Adyen's settlement details report books for each
// event is in
// https://docs.adyen.com/reporting/settlement-detail-report
func TestLifeWithAutomaticCapture(t *testing.T) {
	of := func(payment, code, psp string, value int) intaketest.Event {
		original := payment
		if code == "AUTHORISATION" || strings.HasPrefix(code, "PAYOUT") || code == "REPORT_AVAILABLE" {
			original = ""
		}
		return two(t, payment, code, psp, original, value, "EUR", "", true)
	}
	intaketest.Life{
		Declaration: adyen.Declaration, Start: received,
		Events: []intaketest.Event{
			// P1: 100.00 is settled.
			of("P1", "AUTHORISATION", "P1", 10000),
			of("P1", "CAPTURE", "P1C", 10000), // of the automatic capture; nothing new
			// P2: 80.00, of which 30.00 and 20.00 are refunded: 30.00 is left.
			of("P2", "AUTHORISATION", "P2", 8000),
			of("P2", "REFUND", "P2R1", 3000),
			of("P2", "REFUND", "P2R2", 2000),
			two(t, "P2", "REFUND", "P2R3", "P2", 9000, "EUR", "", false), // more than is left: refused
			// P3: the scheme rejects the refund, so all 60.00 are left.
			of("P3", "AUTHORISATION", "P3", 6000),
			of("P3", "REFUND", "P3R", 6000),
			of("P3", "REFUND_FAILED", "P3R", 6000),
			// P4: the refund comes back, so all 50.00 are left.
			of("P4", "AUTHORISATION", "P4", 5000),
			of("P4", "REFUND", "P4R", 5000),
			of("P4", "REFUNDED_REVERSED", "P4R", 5000),
			// P5: the chargeback is defended, so all 120.00 are left.
			of("P5", "AUTHORISATION", "P5", 12000),
			of("P5", "REQUEST_FOR_INFORMATION", "P5D", 12000),
			of("P5", "NOTIFICATION_OF_CHARGEBACK", "P5D", 12000),
			of("P5", "CHARGEBACK", "P5D", 12000),
			of("P5", "INFORMATION_SUPPLIED", "P5D", 12000),
			of("P5", "CHARGEBACK_REVERSED", "P5D", 12000),
			of("P5", "ISSUER_RESPONSE_TIMEFRAME_EXPIRED", "P5D", 12000),
			// P6: debited, credited, debited again: nothing of 200.00 is left.
			of("P6", "AUTHORISATION", "P6", 20000),
			of("P6", "CHARGEBACK", "P6D", 20000),
			of("P6", "CHARGEBACK_REVERSED", "P6D", 20000),
			of("P6", "PREARBITRATION_LOST", "P6D", 20000),
			of("P6", "SECOND_CHARGEBACK", "P6D", 20000),
			// P7: the capture fails: nothing of 70.00 is left.
			of("P7", "AUTHORISATION", "P7", 7000),
			of("P7", "CAPTURE_FAILED", "P7C", 7000),
			// P8: cancelled during the capture delay: nothing of 40.00 is left.
			of("P8", "AUTHORISATION", "P8", 4000),
			of("P8", "CANCELLATION", "P8X", 4000),
			// P9: reversed when it was captured already, but the refund fails: 90.00.
			of("P9", "AUTHORISATION", "P9", 9000),
			two(t, "P9", "CANCEL_OR_REFUND", "P9R", "P9", 9000, "EUR", "refund", true),
			of("P9", "REFUND_FAILED", "P9R", 9000),
			// P10: refused first, then 5000 yen, of which 2000 are charged back: 3000.
			two(t, "P10", "AUTHORISATION", "P10A", "", 5000, "JPY", "", false),
			two(t, "P10", "AUTHORISATION", "P10", "", 5000, "JPY", "", true),
			two(t, "P10", "CHARGEBACK", "P10D", "P10", 2000, "JPY", "", true),
			// Paid out: 150.00 for good, 25.00 that the bank returns, 35.00 declined; and
			// 15.00 refunded for a payment that Adyen does not know.
			of("O1", "PAYOUT_THIRDPARTY", "O1", 15000),
			of("O2", "PAYOUT_THIRDPARTY", "O2", 2500),
			of("O2", "PAIDOUT_REVERSED", "O2X", 2500),
			of("O3", "PAYOUT_DECLINE", "O3", 3500),
			two(t, "U1", "REFUND_WITH_DATA", "U1", "", 1500, "EUR", "", true),
			// And what is no money at all.
			of("Z1", "AUTHORISATION", "Z1", 0),
			of("Z2", "REPORT_AVAILABLE", "settlement_detail_report_batch_7.csv", 0),
		},
		Sums: map[string]string{
			"payment EUR": "810", "refund EUR": "265", "dispute EUR": "520", "payout EUR": "175",
			"reversal of payment EUR": "110", "reversal of refund EUR": "200", "reversal of dispute EUR": "320", "reversal of payout EUR": "25",
			"payment JPY": "5000", "dispute JPY": "2000",
		},
		// P1 to P9: 100 + 30 + 60 + 50 + 120 + 0 + 0 + 0 + 90; less 150 and 15.
		Balance: map[string]string{"EUR": "285", "JPY": "3000"},
	}.Run(t)
}

// The merchant captures by request, in parts, too.
// https://docs.adyen.com/online-payments/capture#partial-capture
func TestLifeWithManualCapture(t *testing.T) {
	of := func(payment, code, psp string, value int) intaketest.Event {
		original := payment
		if code == "AUTHORISATION" || code == "EXPIRE" || strings.HasPrefix(code, "PAYOUT") {
			original = ""
		}
		return two(t, payment, code, psp, original, value, "EUR", "", true)
	}
	intaketest.Life{
		Declaration: adyen.Declaration, Settings: provider.Settings{contract.ProviderCapture: contract.CaptureManual}, Start: received,
		Events: []intaketest.Event{
			// P1: 100.00, captured whole.
			of("P1", "AUTHORISATION", "P1", 10000),
			of("P1", "CAPTURE", "P1C", 10000),
			// P2: of 150.00, 60.00 and 50.00 are captured; the rest expires: 110.00.
			of("P2", "AUTHORISATION", "P2", 15000),
			of("P2", "CAPTURE", "P2C1", 6000),
			of("P2", "CAPTURE", "P2C2", 5000),
			of("P2", "EXPIRE", "P2", 15000),
			// P3: 80.00 less the refunds of 30.00 and 20.00: 30.00.
			of("P3", "AUTHORISATION", "P3", 8000),
			of("P3", "CAPTURE", "P3C", 8000),
			of("P3", "REFUND", "P3R1", 3000),
			of("P3", "REFUND", "P3R2", 2000),
			// P4: the refund fails: 60.00.
			of("P4", "AUTHORISATION", "P4", 6000),
			of("P4", "CAPTURE", "P4C", 6000),
			of("P4", "REFUND", "P4R", 6000),
			of("P4", "REFUND_FAILED", "P4R", 6000),
			// P5: two parts, the second of which the scheme rejects: 40.00.
			of("P5", "AUTHORISATION", "P5", 7500),
			of("P5", "CAPTURE", "P5C1", 4000),
			of("P5", "CAPTURE", "P5C2", 3500),
			of("P5", "CAPTURE_FAILED", "P5C2", 3500),
			// P6: cancelled instead of captured, under each name: nothing, and nothing before.
			of("P6", "AUTHORISATION", "P6", 9000),
			two(t, "P6", "CAPTURE", "P6C", "P6", 9000, "EUR", "", false),
			of("P6", "CANCELLATION", "P6X", 9000),
			two(t, "P6", "CANCEL_OR_REFUND", "P6Y", "P6", 9000, "EUR", "cancel", true),
			// P7: a chargeback that is won: 120.00.
			of("P7", "AUTHORISATION", "P7", 12000),
			of("P7", "CAPTURE", "P7C", 12000),
			of("P7", "NOTIFICATION_OF_CHARGEBACK", "P7D", 12000),
			of("P7", "CHARGEBACK", "P7D", 12000),
			of("P7", "CHARGEBACK_REVERSED", "P7D", 12000),
			of("P7", "PREARBITRATION_WON", "P7D", 12000),
			// P8: one that is lost at the second time: nothing of 200.00.
			of("P8", "AUTHORISATION", "P8", 20000),
			of("P8", "CAPTURE", "P8C", 20000),
			of("P8", "CHARGEBACK", "P8D", 20000),
			of("P8", "CHARGEBACK_REVERSED", "P8D", 20000),
			of("P8", "SCHEME_ARBITRATION_LOST", "P8D", 20000),
			of("P8", "SECOND_CHARGEBACK", "P8D", 20000),
			// P9: 45.00 raised to 55.00, captured and reversed: nothing.
			of("P9", "AUTHORISATION", "P9", 4500),
			of("P9", "AUTHORISATION_ADJUSTMENT", "P9A", 5500),
			of("P9", "CAPTURE", "P9C", 5500),
			two(t, "P9", "REVERSAL", "P9R", "P9", 5500, "EUR", "refund", true),
			// P10: a refund that the payer's bank returns: all 8000 yen.
			two(t, "P10", "AUTHORISATION", "P10", "", 8000, "JPY", "", true),
			two(t, "P10", "CAPTURE", "P10C", "P10", 8000, "JPY", "", true),
			two(t, "P10", "REFUND", "P10R", "P10", 3000, "JPY", "", true),
			two(t, "P10", "REFUNDED_REVERSED", "P10R", "P10", 3000, "JPY", "", true),
			// Paid out: 100.00 for good, 30.00 that the bank returns.
			of("O1", "PAYOUT_THIRDPARTY", "O1", 10000),
			of("O2", "PAYOUT_THIRDPARTY", "O2", 3000),
			of("O2", "PAIDOUT_REVERSED", "O2X", 3000),
		},
		Sums: map[string]string{
			"payment EUR": "800", "refund EUR": "165", "dispute EUR": "520", "payout EUR": "130",
			"reversal of payment EUR": "35", "reversal of refund EUR": "60", "reversal of dispute EUR": "320", "reversal of payout EUR": "30",
			"payment JPY": "8000", "refund JPY": "3000", "reversal of refund JPY": "3000",
		},
		// P1 to P9: 100 + 110 + 30 + 60 + 40 + 0 + 120 + 0 + 0; less 100.
		Balance: map[string]string{"EUR": "360", "JPY": "8000"},
	}.Run(t)
}
