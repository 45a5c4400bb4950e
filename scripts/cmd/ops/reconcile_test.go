package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"payment-webhooks/handlers/operations/reconcile"
)

func TestReconcileUsage(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"the provider is missing":   {nil, "want one of paypal"},
		"the provider is unknown":   {[]string{"--provider", "nope"}, "want one of paypal, square, stripe"},
		"--execute is alone":        {[]string{"--provider", "stripe", "--execute"}, "--deliver"},
		"the rate is zero":          {[]string{"--provider", "stripe", "--rate", "0"}, "--rate 0"},
		"the rate is no number":     {[]string{"--provider", "stripe", "--rate", "NaN"}, "--rate NaN"},
		"the rate is a flood":       {[]string{"--provider", "stripe", "--rate", "101"}, "at most 100"},
		"the address is not https":  {[]string{"--provider", "stripe", "--api-url", "http://api.stripe.com"}, "--api-url"},
		"the time is none":          {[]string{"--provider", "stripe", "--from", "yesterday"}, "2026-11-22T15"},
		"an argument is unexpected": {[]string{"--provider", "stripe", "now"}, "now"},
	} {
		t.Run("when "+name, func(t *testing.T) {
			code, out, errors := runOps(t, append([]string{"reconcile"}, c.args...)...)
			if code != exitUsage || out != "" || !strings.Contains(errors, c.want) {
				t.Errorf("status %d, stdout %q, stderr %q", code, out, errors)
			}
		})
	}
	t.Run("when help is asked for, lists the form of each provider's credentials", func(t *testing.T) {
		_, out, _ := runOps(t, "reconcile", "--help")
		for _, want := range []string{"rk_live_", "EAAA", "client_secret", "Events: Read", "--deliver --execute"} {
			if !strings.Contains(out, want) {
				t.Errorf("no %s in\n%s", want, out)
			}
		}
	})
}

func TestReconcileReport(t *testing.T) {
	at := time.Date(2026, 11, 24, 8, 30, 0, 0, time.UTC)
	until := at.AddDate(0, 0, 30)
	report := reconcile.Report{
		Provider: "stripe", From: at.AddDate(0, 0, -3), To: at.AddDate(0, 0, 4), Complete: true, Listed: 3,
		Transactions: map[reconcile.State]int{reconcile.Missing: 1, reconcile.Different: 1},
		Types: []reconcile.Type{
			{Name: "payment_intent.succeeded", Events: 2, States: map[reconcile.State]int{reconcile.Missing: 1, reconcile.Different: 1}},
			{Name: "refund.invented", Events: 1, States: map[reconcile.State]int{reconcile.Unknown: 1}},
		},
		Items: []reconcile.Item{
			{State: reconcile.Missing, TransactionID: "pi_1", Kind: "payment", Amount: "15000", Currency: "USD", EventID: "evt_1", EventType: "payment_intent.succeeded", CreatedAt: &at, AgeSeconds: 86400 + 3*3600, KeptUntil: &until},
			{State: reconcile.Different, TransactionID: "pi_2", Kind: "payment", Amount: "5", Currency: "EUR", EventID: "evt_2", EventType: "payment_intent.succeeded", CreatedAt: &at, AgeSeconds: 3660, KeptUntil: &until, Differs: []reconcile.Field{{Name: "amount", Provider: "5", Ledger: "6"}}},
			{State: reconcile.Unknown, EventID: "evt_3", EventType: "refund.invented"},
		},
		Omitted: 7, Warnings: []string{"something odd"},
		Delivery: &reconcile.DeliveryReport{By: "this program", Events: 1},
	}
	var out bytes.Buffer
	writeReconcile(&out, report)
	const want = `stripe lists 3 events from 2026-11-21T08:30:00Z to 2026-11-28T08:30:00Z.

event type                events  present  missing  different  in flight  ignored  unknown  unreadable
payment_intent.succeeded  2       0        1        1          0          0        0        0
refund.invented           1       0        0        0          0          0        1        0

state      transaction  kind     amount     event  event type                happened              age   listed until  what
missing    pi_1         payment  15000 USD  evt_1  payment_intent.succeeded  2026-11-24T08:30:00Z  1d3h  2026-12-24    
different  pi_2         payment  5 EUR      evt_2  payment_intent.succeeded  2026-11-24T08:30:00Z  1h1m  2026-12-24    amount: 5 there, 6 here
unknown                                     evt_3  refund.invented                                                     
… and 7 more.

1 missing, 1 different, 0 in flight.
Warning: something odd
1 events would be delivered by this program. Add --execute to do so.
`
	t.Run("is a table when it is for people", func(t *testing.T) {
		if out.String() != want {
			t.Errorf("got\n%s", out.String())
		}
	})
	t.Run("says how many arrived when it was executed", func(t *testing.T) {
		var out bytes.Buffer
		writeDelivery(&out, &reconcile.DeliveryReport{Executed: true, By: "this program", Events: 6, Statuses: map[int]int{202: 3, 200: 1, 401: 2}, NowPresent: 4, StillGone: 2})
		if got := out.String(); got != "6 events were delivered by this program: 3 got 202, 1 got 200, 2 something else.\nIn the table now: 4 of 6 transactions.\n" {
			t.Error(got)
		}
	})
}
