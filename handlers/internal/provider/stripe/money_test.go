package stripe_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"payment-webhooks/handlers/internal/provider"
)

// object is an event about an object, whose members are JSON without the braces.
func object(version, eventType, members string) []byte {
	return fmt.Appendf(nil, `{"id":"evt_1","object":"event","api_version":%q,"livemode":true,"type":%q,"data":{"object":{"currency":"usd",%s}}}`,
		version, eventType, members)
}

const (
	recent = "2026-09-30.endive"
	basil  = "2025-03-31.basil"
	acacia = "2024-10-28.acacia"
	before = "2024-06-20" // the last version before refund.created is sent for every refund
	listed = "2022-08-01" // the last version that lists a charge's refunds
)

// eventTest is an event with what told says of it.
type eventTest struct {
	name string
	body []byte
	want []string
}

func run(t *testing.T, tests []eventTest) {
	t.Helper()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, told(t, tt.body)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestPayments(t *testing.T) {
	const charge = `"object":"charge","id":"ch_1","status":"succeeded","customer":"cus_1",`
	ignored := []string{"ignored"}
	run(t, []eventTest{
		{"without a PaymentIntent", fixture(t, "charge"), []string{"payment ch_3RkExampleCharge0000009 15000 USD"}},
		{"PaymentIntent of an old version", fixture(t, "payment_2022"), []string{"payment pi_3RkExamplePayment000001 15000 USD"}},
		{"PaymentIntent that is absent", object(recent, "charge.succeeded", charge+`"amount":500`), []string{"payment ch_1 5 USD"}},
		{"charge of a bank debit", object(recent, "charge.succeeded", `"object":"charge","id":"py_1","status":"succeeded","captured":true,"amount":500,"amount_captured":500,"payment_intent":null`), []string{"payment py_1 5 USD"}},
		{"charge of a PaymentIntent", object(recent, "charge.succeeded", charge+`"captured":true,"amount":500,"payment_intent":"pi_1"`), ignored},
		{"charge of an expanded PaymentIntent", object(recent, "charge.succeeded", charge+`"captured":true,"amount":500,"payment_intent":{"id":"pi_1"}`), ignored},
		{"charge that another Stripe account paid", object(recent, "charge.succeeded", charge+`"captured":true,"amount":500,"payment_intent":null,"source_transfer":"tr_1"`), ignored},
		{"authorization", object(recent, "charge.succeeded", charge+`"captured":false,"amount":500,"amount_captured":0,"payment_intent":null`), ignored},
		{"authorization without amount_captured", object("2019-05-16", "charge.succeeded", charge+`"captured":false,"amount":500`), ignored},
		{"charge that is pending", object(recent, "charge.succeeded", strings.Replace(charge, "succeeded", "pending", 1)+`"amount":500,"payment_intent":null`), ignored},
		{"capture", object(recent, "charge.captured", charge+`"captured":true,"amount":500,"amount_captured":500,"amount_refunded":0,"payment_intent":null`), []string{"payment ch_1 5 USD"}},
		{"capture of a part", object(recent, "charge.captured", charge+`"captured":true,"amount":500,"amount_captured":300,"amount_refunded":0,"payment_intent":null`), []string{"payment ch_1 3 USD"}},
		{"capture of a part, the rest refunded", object(listed, "charge.captured", charge+`"captured":true,"amount":500,"amount_captured":300,"amount_refunded":200,"payment_intent":null`), []string{"payment ch_1 3 USD"}},
		{"capture of a part without amount_captured", object("2019-05-16", "charge.captured", charge+`"captured":true,"amount":500,"amount_refunded":200`), []string{"payment ch_1 3 USD"}},
		{"capture of a PaymentIntent", object(recent, "charge.captured", charge+`"captured":true,"amount":500,"amount_captured":300,"payment_intent":"pi_1"`), ignored},
		{"PaymentIntent canceled", object(recent, "payment_intent.canceled", `"object":"payment_intent","id":"pi_1","status":"canceled","amount":500,"amount_received":0`), ignored},
		{"PaymentIntent canceled, old version", object("2019-02-11", "payment_intent.canceled", `"object":"payment_intent","id":"pi_1","status":"canceled","amount":500`), ignored},
		{"PaymentIntent canceled after a part was captured", object(recent, "payment_intent.canceled", `"object":"payment_intent","id":"pi_1","status":"canceled","amount":500,"amount_received":200`), []string{"payment pi_1 2 USD"}},
	})
}

func TestZeroAmounts(t *testing.T) {
	for eventType, members := range map[string]string{
		"payment_intent.succeeded":        `"object":"payment_intent","id":"pi_1","amount_received":0`,
		"charge.succeeded":                `"object":"charge","id":"ch_1","amount":0,"captured":true`,
		"charge.captured":                 `"object":"charge","id":"ch_1","amount":500,"amount_captured":0,"captured":true`,
		"refund.created":                  `"object":"refund","id":"re_1","amount":0`,
		"refund.failed":                   `"object":"refund","id":"re_1","amount":0`,
		"charge.dispute.created":          `"object":"dispute","id":"du_1","amount":0,"status":"needs_response"`,
		"charge.dispute.funds_reinstated": `"object":"dispute","id":"du_1","amount":0,"status":"won"`,
		"charge.refunded":                 `"object":"charge","id":"ch_1","amount":500,"captured":true,"amount_refunded":0`,
		"payout.paid":                     `"object":"payout","id":"po_1","amount":0`,
		"payout.failed":                   `"object":"payout","id":"po_1","amount":0`,
	} {
		for _, currency := range []string{"usd", "usdc"} {
			body := strings.Replace(string(object(listed, eventType, members)), `"usd"`, fmt.Sprintf("%q", currency), 1)
			if got := told(t, []byte(body)); !cmp.Equal(got, []string{"ignored"}) {
				t.Errorf("%s of nothing in %s: %v", eventType, currency, got)
			}
		}
	}
}

func TestRefunds(t *testing.T) {
	const (
		refund = `"object":"refund","id":"re_1","amount":500,"charge":"ch_1","payment_intent":"pi_1",`
		told   = "refund re_1 5 USD of pi_1"
		back   = "reversal re_1_failed 5 USD of pi_1, of refund re_1"
	)
	both, ignored := []string{told, back}, []string{"ignored"}
	var tests []eventTest
	for _, version := range []string{recent, basil, acacia, before, listed, ""} {
		for _, tt := range []struct {
			eventType, members string
			want               []string
		}{
			{"refund.created", `"status":"pending"`, []string{told}},
			{"refund.created", `"status":"requires_action"`, []string{told}},
			{"refund.created", `"status":"pending","balance_transaction":null`, []string{told}},
			{"refund.created", `"status":"succeeded"`, []string{told}},
			{"refund.created", `"status":"succeeded","balance_transaction":"txn_1"`, []string{told}},
			{"refund.created", `"status":"succeeded","balance_transaction":null`, ignored},
			{"refund.created", `"status":"failed"`, ignored},
			{"refund.created", `"status":"canceled"`, ignored},
			{"refund.created", `"status":"succeeded","reason":"expired_uncaptured_charge"`, ignored},
			{"refund.updated", `"status":"succeeded"`, []string{told}},
			{"refund.updated", `"status":"failed"`, both},
			{"refund.updated", `"status":"canceled"`, both},
			{"refund.failed", `"status":"failed"`, both},
			{"refund.failed", `"status":"pending"`, both},
			{"refund.failed", `"status":"failed","balance_transaction":null`, both},
			{"charge.refund.updated", `"status":"failed"`, both},
			{"charge.refund.updated", `"status":"canceled"`, both},
		} {
			tests = append(tests, eventTest{
				fmt.Sprintf("%s of version %s with %s", tt.eventType, version, tt.members),
				object(version, tt.eventType, refund+tt.members), tt.want,
			})
		}
	}
	withCharge := func(version, members string) []byte { return object(version, "charge.refund.updated", refund+members) }
	const reversal = `"status":"succeeded","destination_details":{"type":"card","card":{"type":"reversal"}}`
	run(t, append(tests, []eventTest{
		{"the fixture of a failed one", fixture(t, "refund_failed"), []string{
			"refund re_3RkExampleRefund0000001 2500.5 USD of pi_3RkExamplePayment000001",
			"reversal re_3RkExampleRefund0000001_failed 2500.5 USD of pi_3RkExamplePayment000001, of refund re_3RkExampleRefund0000001",
		}},
		{"of a charge that changes, old version", withCharge(before, `"status":"succeeded"`), []string{told}},
		{"of a charge that changes, recent version", withCharge(recent, `"status":"succeeded"`), ignored},
		{"that may be a release, old version", withCharge(before, reversal), ignored},
		{"that may become a release, old version", withCharge(before, strings.Replace(reversal, "reversal", "pending", 1)), ignored},
		{"that may be a release and failed", withCharge(before, strings.Replace(reversal, "succeeded", "failed", 1)), both},
		{"of a charge without a PaymentIntent", object(recent, "refund.failed", `"object":"refund","id":"re_1","amount":500,"charge":"ch_1","payment_intent":null`), []string{
			"refund re_1 5 USD of ch_1", "reversal re_1_failed 5 USD of ch_1, of refund re_1",
		}},
	}...))
}

func TestRefundsOfACharge(t *testing.T) {
	const (
		charge = `"object":"charge","id":"ch_1","amount":1000,"captured":true,"payment_intent":"pi_1","customer":"cus_1",`
		one    = `{"id":"re_1","object":"refund","amount":300,"currency":"usd","created":1,"charge":"ch_1","payment_intent":"pi_1","status":"succeeded"}`
		two    = `{"id":"re_2","object":"refund","amount":200,"currency":"usd","created":2,"charge":"ch_1","status":"pending"}`
		failed = `{"id":"re_3","object":"refund","amount":200,"currency":"usd","created":3,"charge":"ch_1","status":"failed"}`
	)
	refunds := func(version string, refunded int, list, more string) []byte {
		return object(version, "charge.refunded", charge+fmt.Sprintf(`"amount_refunded":%d,"refunds":{"object":"list","data":[%s]%s}`, refunded, list, more))
	}
	captured := func(amount, refunded int, list string) []byte {
		return object(listed, "charge.refunded", charge+fmt.Sprintf(`"amount_captured":%d,"amount_refunded":%d,"refunds":{"object":"list","data":[%s],"has_more":false}`, amount, refunded, list))
	}
	first, second, unreadable, ignored := "refund re_1 3 USD of pi_1", "refund re_2 2 USD of pi_1", "unreadable", []string{"ignored"}
	run(t, []eventTest{
		{"the fixture", fixture(t, "charge_refunded"), []string{
			"refund re_3RkExampleRefund0000001 2500.5 USD of pi_3RkExamplePayment000001",
			"refund re_3RkExampleRefund0000010 499.5 USD of pi_3RkExamplePayment000001",
		}},
		{"the fixture without a list", fixture(t, "charge_refunded_unlisted"), []string{unreadable}},
		{"one", refunds(listed, 300, one, `,"has_more":false`), []string{first}},
		{"two", refunds(listed, 500, two+","+one, ""), []string{second, first}},
		{"a failed one is told by charge.refund.updated", refunds(listed, 300, failed+","+one, ""), []string{first}},
		{"listed by a version in which they are not by default", refunds("2023-10-16", 300, one, ""), []string{first}},
		{"listed by an unknown version", refunds("", 300, one, ""), []string{first}},
		{"there are more, although the sum is right", refunds(listed, 500, two+","+one, `,"has_more":true`), []string{second, first, unreadable}},
		{"one that names no charge", refunds(listed, 300, `{"id":"re_1","amount":300,"currency":"usd"}`, ""), []string{first}},
		{"one that names no charge, of no PaymentIntent", []byte(strings.Replace(string(refunds(listed, 300, `{"id":"re_1","amount":300,"currency":"usd"}`, "")), `"payment_intent":"pi_1",`, "", 1)), []string{"refund re_1 3 USD of ch_1"}},
		{"an authorization that expired", refunds(listed, 300, strings.Replace(one, `"created":1`, `"created":1,"reason":"expired_uncaptured_charge"`, 1), ""), ignored},
		{"there are more", refunds(listed, 900, two+","+one, `,"has_more":true`), []string{second, first, unreadable}},
		{"the sum says that there are more", refunds(listed, 501, two+","+one, ""), []string{second, first, unreadable}},
		{"an empty list", refunds(listed, 300, "", ""), []string{unreadable}},
		{"a list of ids", refunds(listed, 300, `"re_1"`, ""), []string{unreadable}},
		{"a refund without an amount", refunds(listed, 300, `{"id":"re_1","currency":"usd"},`+one, ""), []string{unreadable}},
		{"no running total", object(listed, "charge.refunded", charge+`"refunds":{"data":[`+one+`]}`), []string{first, unreadable}},
		{"recent version", refunds(recent, 300, one, ""), ignored},
		{"the first version with refund.created", refunds(acacia, 300, one, ""), ignored},
		{"no PaymentIntent", []byte(strings.NewReplacer(`"payment_intent":"pi_1",`, "").Replace(string(refunds(listed, 300, one, "")))), []string{"refund re_1 3 USD of ch_1"}},
		{"an authorization that was canceled", object(listed, "charge.refunded", `"object":"charge","id":"ch_1","amount":300,"captured":false,"amount_refunded":300,"payment_intent":"pi_1","refunds":{"data":[`+one+`]}`), ignored},
		{"an authorization that was canceled, without a list", object(before, "charge.refunded", `"object":"charge","id":"ch_1","amount":300,"captured":false,"amount_refunded":300,"payment_intent":"pi_1"`), ignored},
		{"a capture of a part", captured(700, 300, one), ignored},
		{"a refund after a capture of a part", captured(700, 500, two+","+one), []string{second}},
		{"a refund after a capture of a part that made none", captured(600, 300, one), []string{first}},
	})
}

func TestListedRefundNamesItsCharge(t *testing.T) {
	events, err := decode(object(listed, "charge.refunded", `"object":"charge","id":"ch_1","amount":500,"amount_refunded":500,"customer":"cus_1","refunds":{"data":[{"id":"re_1","amount":500,"currency":"usd"}]}`))
	if err != nil || len(events) != 1 || events[0].Transaction == nil {
		t.Fatal(events, err)
	}
	tx := events[0].Transaction
	if got, want := tx.CustomerID+" "+tx.Metadata.String(), `cus_1 {"charge":"ch_1"}`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestRefundVersions(t *testing.T) {
	const charge = `"object":"charge","id":"ch_1","amount":1999,"captured":true,"amount_refunded":500,"payment_intent":"pi_1"`
	for version, want := range map[string]string{
		"2024-10-27": "2024-10-27", "2024-06-20": "2024-06-20", "2023-10-16": "2023-10-16", "2022-11-15": "2022-11-15", "2011-01-01": "2011-01-01",
		"2024-10-27.preview": "2024-10-27.preview",
		"":                   "(none)", "null": "(none)", "latest": "(none)", "2024": "(none)", "20241028": "(none)", "2024-10-28-acacia": "(none)",
		"2099-99-99 <a>": "(none)", "2025-03-31.4111111111111111": "(none)", "2025-03-31.Basil": "(none)",
	} {
		event := one(t, object(version, "charge.refunded", charge))
		if !errors.Is(event.Err, provider.ErrUnreadable) {
			t.Errorf("%q: %v", version, event)
			continue
		}
		for _, part := range []string{"API version " + want + " ", "2024-10-28.acacia", "refund.created"} {
			if text := event.Err.Error(); !strings.Contains(text, part) || len(text) > 300 {
				t.Errorf("%q: %q lacks %q or is too long", version, text, part)
			}
		}
	}
	for _, version := range []string{"2024-10-28", acacia, "2024-11-20.acacia", "2025-01-27", basil, recent, "2027-01-01.preview"} {
		if event := one(t, object(version, "charge.refunded", charge)); event.Err != nil || event.Transaction != nil {
			t.Errorf("%q: %v", version, event)
		}
	}
	absent := strings.Replace(string(object("", "charge.refunded", charge)), `"api_version":"",`, "", 1)
	if event := one(t, []byte(absent)); !errors.Is(event.Err, provider.ErrUnreadable) {
		t.Errorf("no version: %v", event)
	}
}

func TestDisputes(t *testing.T) {
	const (
		out   = `{"id":"txn_1","amount":-5000,"currency":"usd","created":1}`
		in    = `{"id":"txn_2","amount":5000,"currency":"usd","created":2}`
		again = `{"id":"txn_3","amount":-5000,"currency":"usd","created":3}`
		part  = `{"id":"txn_4","amount":2000,"currency":"usd","created":4}`
		fee   = `{"id":"txn_5","amount":0,"currency":"usd","created":5}`
		outE  = `{"id":"txn_6","amount":-4400,"currency":"eur","created":6}`
		inE   = `{"id":"txn_7","amount":4400,"currency":"eur","created":7}`
		partE = `{"id":"txn_8","amount":2200,"currency":"eur","created":8}`
	)
	dispute := func(event, status, list string) []byte {
		return object(recent, "charge.dispute."+event, `"object":"dispute","id":"du_1","amount":5000,"charge":"ch_1","payment_intent":"pi_1","status":"`+status+`"`+list)
	}
	entries := func(list ...string) string { return `,"balance_transactions":[` + strings.Join(list, ",") + `]` }
	first := "dispute du_1 50 USD of pi_1"
	back := "reversal du_1_funds_reinstated 50 USD of pi_1, of dispute du_1"
	second := "dispute du_1_funds_withdrawn_2 50 USD of pi_1"
	back2 := "reversal du_1_funds_reinstated_2 20 USD of pi_1, of dispute du_1_funds_withdrawn_2"
	ignored, unreadable := []string{"ignored"}, "unreadable"
	run(t, []eventTest{
		{"the fixture", fixture(t, "dispute_reinstated"), []string{
			"dispute du_1RkExampleDispute000001 15000 USD of pi_3RkExamplePayment000001",
			"reversal du_1RkExampleDispute000001_funds_reinstated 9000 USD of pi_3RkExamplePayment000001, of dispute du_1RkExampleDispute000001",
		}},
		{"created", dispute("created", "needs_response", entries(out)), []string{first}},
		{"created without a list", dispute("created", "needs_response", ""), []string{first}},
		{"created with an empty list", dispute("created", "needs_response", entries()), []string{first}},
		{"created as lost", dispute("created", "lost", entries()), []string{first}},
		{"created with a part withdrawn", dispute("created", "needs_response", entries(`{"amount":-3000,"currency":"usd"}`)), []string{"dispute du_1 30 USD of pi_1"}},
		{"inquiry", dispute("created", "warning_needs_response", entries()), ignored},
		{"inquiry without a list", dispute("created", "warning_under_review", ""), ignored},
		{"prevented", dispute("created", "prevented", ""), ignored},
		{"inquiry with a withdrawal", dispute("created", "warning_needs_response", entries(out)), []string{first}},
		{"withdrawn", dispute("funds_withdrawn", "needs_response", entries(out)), []string{first}},
		{"withdrawn without a list", dispute("funds_withdrawn", "needs_response", ""), []string{first}},
		{"withdrawn after an inquiry", dispute("funds_withdrawn", "warning_under_review", ""), []string{first}},
		{"reinstated", dispute("funds_reinstated", "won", entries(out, in)), []string{first, back}},
		{"reinstated, the newest first", dispute("funds_reinstated", "won", entries(in, out)), []string{first, back}},
		{"reinstated without a list", dispute("funds_reinstated", "won", ""), []string{first, back}},
		{"reinstated before the list says so", dispute("funds_reinstated", "won", entries(out)), []string{first, back}},
		{"reinstated without its withdrawal", dispute("funds_reinstated", "won", entries(in)), []string{first, back}},
		{"reinstated in part", dispute("funds_reinstated", "won", entries(out, part)), []string{first, "reversal du_1_funds_reinstated 20 USD of pi_1, of dispute du_1"}},
		{"withdrawn again", dispute("funds_withdrawn", "needs_response", entries(out, in, again)), []string{first, back, second}},
		{"withdrawn again before the list says so", dispute("funds_withdrawn", "lost", entries(out, in)), []string{first, back, second}},
		{"reinstated again before the list says so", dispute("funds_reinstated", "won", entries(out, in, again)), []string{first, back, second, strings.Replace(back2, "20 USD", "50 USD", 1)}},
		{"reinstated in the same second, the newest first", dispute("funds_reinstated", "won", entries(`{"amount":5000,"currency":"usd","created":1}`, `{"amount":-5000,"currency":"usd","created":1}`)), []string{first, back}},
		{"reinstated again, a part and a fee", dispute("funds_reinstated", "won", entries(fee, part, again, in, out)), []string{first, back, second, back2}},
		{"balance in another currency", dispute("funds_reinstated", "won", entries(outE, inE)), []string{first, back}},
		{"balance in another currency, a part", dispute("funds_reinstated", "won", entries(outE, partE)), []string{first, unreadable}},
		{"a list of ids", dispute("created", "needs_response", entries(`"txn_1"`)), []string{first}},
		{"an entry without an amount", dispute("created", "needs_response", entries(`{"id":"txn_1","currency":"usd"}`)), []string{unreadable}},
		{"no PaymentIntent", []byte(strings.Replace(string(dispute("funds_reinstated", "won", "")), `"pi_1"`, "null", 1)), []string{
			"dispute du_1 50 USD of ch_1", "reversal du_1_funds_reinstated 50 USD of ch_1, of dispute du_1",
		}},
	})
}

func TestPayouts(t *testing.T) {
	payout := func(event, status string, amount int, more string) []byte {
		return object(recent, "payout."+event, fmt.Sprintf(`"object":"payout","id":"po_1","status":%q,"amount":%d%s`, status, amount, more))
	}
	out, debit := "payout po_1 5 USD", "reversal po_1 5 USD, of payout"
	run(t, []eventTest{
		{"the fixture", fixture(t, "payout_failed"), []string{
			"payout po_1RkExamplePayout0000001 780.42 EUR", "reversal po_1RkExamplePayout0000001_failed 780.42 EUR, of payout po_1RkExamplePayout0000001",
		}},
		{"paid", payout("paid", "paid", 500, ""), []string{out}},
		{"paid, but failed by now", payout("paid", "failed", 500, ""), []string{"ignored"}},
		{"failed", payout("failed", "failed", 500, ""), []string{out, "reversal po_1_failed 5 USD, of payout po_1"}},
		{"canceled", payout("canceled", "canceled", 500, ""), []string{out, "reversal po_1_canceled 5 USD, of payout po_1"}},
		{"debit", payout("paid", "paid", -500, ""), []string{debit}},
		{"debit that reverses another", payout("paid", "paid", -500, `,"original_payout":"po_0"`), []string{debit + " po_0"}},
		{"debit that failed", payout("failed", "failed", -500, `,"original_payout":"po_0"`), []string{debit + " po_0", "payout po_1_failed 5 USD"}},
		{"debit that was canceled", payout("canceled", "canceled", -500, ""), []string{debit, "payout po_1_canceled 5 USD"}},
	})
}

func TestReversalsSayWhy(t *testing.T) {
	for name, want := range map[string]string{
		"refund_failed":      `{"balance_transaction":"txn_3RkExampleBalance00006","charge":"ch_3RkExampleCharge0000001","failure_reason":"expired_or_canceled_card","metadata":{"ticket":"S-204"}}`,
		"dispute_reinstated": `{"balance_transaction":"txn_1RkExampleBalance00007","charge":"ch_3RkExampleCharge0000001","reason":"fraudulent"}`,
		"payout_failed":      `{"balance_transaction":"txn_1RkExampleBalance00008","destination":"ba_1RkExampleBank000000001","failure_code":"account_closed"}`,
	} {
		events, err := decode(fixture(t, name))
		if err != nil || len(events) != 2 {
			t.Fatal(events, err)
		}
		if got := events[1].Transaction.Metadata.String(); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}
