package stripe_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/provider/stripe"
)

func TestValidSecret(t *testing.T) {
	for _, secret := range []string{
		"whsec_field0123456789abcdef0123456789ab",
		"whsec_0123456789abcdef0123456789abcdef",
		"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
		"whsec_" + strings.Repeat("0123456789abcdef", 4), // the command line tool's
		stripe.Declaration.Sender.MakeSecret(),
	} {
		if !stripe.Declaration.AcceptsSecret(secret) {
			t.Errorf("%q is malformed", secret)
		}
	}
	for name, text := range map[string]string{
		"nothing":                 "",
		"x":                       "x",
		"the prefix alone":        "whsec_",
		"dots":                    "whsec_...",
		"an ellipsis":             "whsec_…",
		"a short placeholder":     "whsec_xxx",
		"a long placeholder":      "whsec_" + strings.Repeat("x", 32),
		"words":                   "whsec_your_webhook_signing_secret_goes_here",
		"a sentence":              "Put the signing secret of the endpoint here, it starts with whsec_",
		"a sentence behind it":    "whsec_ followed by the secret from the Dashboard",
		"JSON":                    `{"stripe": "whsec_field0123456789abcdef0123456789ab"}`,
		"quotes around it":        `"whsec_field0123456789abcdef0123456789ab"`,
		"a line break in it":      "whsec_field0123456789abcdef\n0123456789ab",
		"two secrets":             "whsec_field0123456789abcdef0123456789ab,whsec_0123456789abcdef0123456789abcdef",
		"a part of it":            "whsec_field0123456789abcdef0123",
		"no prefix":               "field0123456789abcdef0123456789ab",
		"another case":            "WHSEC_field0123456789abcdef0123456789ab",
		"an API key":              "sk_live_51RkExampleExampleExampleExampleExampleExampleExample",
		"a restricted key":        "rk_live_51RkExampleExampleExampleExampleExampleExampleExample",
		"a publishable key":       "pk_live_51RkExampleExampleExampleExampleExampleExampleExample",
		"other letters":           "whsec_" + strings.Repeat("абвгдежз", 4),
		"far longer than any":     "whsec_" + strings.Repeat("0123456789abcdef", 9),
		"the name of a secret":    "payments/stripe",
		"an ARN":                  "arn:aws:secretsmanager:eu-central-1:111122223333:secret:payments/stripe-AbCdEf",
		"a variable not replaced": "whsec_${STRIPE_WEBHOOK_SIGNING_SECRET_01}",
	} {
		t.Run("not "+name, func(t *testing.T) {
			if stripe.Declaration.AcceptsSecret(text) {
				t.Errorf("%q is valid", text)
			}
		})
	}
}

func TestEventTypes(t *testing.T) {
	kinds := []string{contract.KindPayment, contract.KindRefund, contract.KindDispute, contract.KindPayout, contract.KindReversal}
	seen := map[string]bool{}
	for _, e := range stripe.Declaration.EventTypes() {
		if seen[e.Name] {
			t.Errorf("%s is listed twice", e.Name)
		}
		seen[e.Name] = true
		if e.Reason == "" {
			t.Errorf("%s has no reason", e.Name)
		}
		object := "event"
		if strings.HasPrefix(e.Name, "v1.") || strings.HasPrefix(e.Name, "v2.") {
			object = "v2.core.event"
		}
		// The decoder rejects an object of another type if it reads the event at all.
		event := one(t, fmt.Appendf(nil, `{"object":%q,"type":%q,"data":{"object":{"object":"other"}}}`, object, e.Name))
		if event.Transaction != nil {
			t.Errorf("%s: %+v", e.Name, event)
		}
		decoded := event.Err != nil && object == "event"
		if decoded != (e.Becomes != "") {
			t.Errorf("%s is decoded: %t, but becomes %q", e.Name, decoded, e.Becomes)
		}
		if quarantined := event.Err != nil && object != "event"; quarantined != strings.HasPrefix(e.Reason, "quarantined") {
			t.Errorf("%s is quarantined: %t, but %s", e.Name, quarantined, e.Reason)
		}
		if e.Becomes == "" {
			continue
		}
		for kind := range strings.SplitSeq(e.Becomes, ", ") {
			if !slices.Contains(kinds, kind) {
				t.Errorf("%s becomes %q", e.Name, kind)
			}
		}
	}
	for _, name := range []string{"charge.refunded", "treasury.received_debit.created", "account.updated", "v1.payout.paid", "v1.customer.created", "v2.core.account[requirements].updated", "order.created"} {
		if !stripe.Declaration.Knows(name) {
			t.Errorf("%s is not listed", name)
		}
	}
	if stripe.Declaration.Knows("payment_intent.succeeded.twice") {
		t.Error("an event type that does not exist is listed")
	}
}
