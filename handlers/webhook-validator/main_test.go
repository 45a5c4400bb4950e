package main

import (
	"log/slog"
	"strings"
	"testing"

	"payment-webhooks/handlers/contract"
)

func TestNewIntake(t *testing.T) {
	complete := map[string]string{
		contract.EnvEnvironmentSuffix: "test", contract.EnvTableName: "transactions-test", contract.EnvQuarantineQueue: "https://sqs.test/1/q",
		contract.EnvDeliveriesTableName: "webhook-deliveries-test",
		contract.EnvProviders:           `{"canonical":{"secret":"c"},"adyen":{"secret":"a","capture":"manual"},"paypal":{"secret":"p"},"square":{"secret":"q"},"stripe":{"secret":"s"}}`,
	}
	for _, tt := range []struct{ name, variable, value, says string }{
		{"starts when everything is set", "", "", ""},
		{"needs no quarantine without providers", contract.EnvProviders, "", ""},
		{"names a missing suffix", contract.EnvEnvironmentSuffix, "", contract.EnvEnvironmentSuffix},
		{"names a missing table", contract.EnvTableName, "", contract.EnvTableName},
		{"names a missing table of deliveries", contract.EnvDeliveriesTableName, "", contract.EnvDeliveriesTableName},
		{"names a missing quarantine", contract.EnvQuarantineQueue, "", contract.EnvQuarantineQueue},
		{"names a provider without a secret", contract.EnvProviders, `{"stripe":{}}`, "stripe: secret is missing"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in, err := newIntake(func(name string) string {
				if name == tt.variable {
					return tt.value
				}
				return complete[name]
			}, slog.New(slog.DiscardHandler))
			switch {
			case tt.says == "" && (err != nil || in == nil):
				t.Errorf("it does not start: %v", err)
			case tt.says != "" && (err == nil || !strings.Contains(err.Error(), tt.says)):
				t.Errorf("error %v, want one that names %s", err, tt.says)
			}
		})
	}
}
