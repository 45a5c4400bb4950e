package features_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"payment-webhooks/handlers/internal/fraud"
	"payment-webhooks/handlers/internal/fraud/features"
	"payment-webhooks/handlers/internal/ledger/ledgertest"
	"payment-webhooks/handlers/internal/transaction"
)

func TestOf(t *testing.T) {
	number := func(text string) *fraud.Decimal {
		d, err := fraud.ParseDecimal(text)
		if err != nil {
			t.Fatal(err)
		}
		return &d
	}
	whole := features.Features{
		IPCountry: "BR", CardCountry: "US", BillingCountry: "DE", ShippingCountry: "NG",
		AttemptsLastHour: number("12"), AccountAgeDays: number("0"), NewCustomer: true, AnonymisedNetwork: true,
	}
	for _, c := range []struct {
		name, metadata string
		unseen         bool
		want           features.Features
	}{
		{"reads every feature", `{"ip_country":"BR","card_country":"US","billing_country":"DE","shipping_country":"NG",` +
			`"attempts_last_hour":12,"account_age_days":0,"new_customer":true,"vpn":true}`, false, whole},
		{"reads them re-rendered", `{"ip_country":"br","card_country":"us","billing_country":"De","shipping_country":"nG",` +
			`"attempts_last_hour":1.2E1,"account_age_days":"0","new_customer":"true","proxy":"true"}`, false, whole},
		{"ignores free text and other types", `{"ip_country":"Brazil","card_country":7,"billing_country":null,"shipping_country":"N1","attempts_last_hour":[12],` +
			`"account_age_days":"two","new_customer":1,"vpn":"yes","tor":{},"proxy":false,"note":"BR"}`, false, features.Features{}},
		{"ignores negative numbers", `{"attempts_last_hour":-1,"account_age_days":"-1"}`, false, features.Features{}},
		{"has none without metadata", ``, false, features.Features{}},
		{"has none of metadata that is unseen", `{"vpn":true}`, true, features.Features{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := fraud.Payment{Transaction: transaction.Transaction{Metadata: ledgertest.Metadata(c.metadata)}, MetadataUnseen: c.unseen}
			if diff := cmp.Diff(c.want, features.Of(p)); diff != "" {
				t.Error(diff)
			}
		})
	}
}
