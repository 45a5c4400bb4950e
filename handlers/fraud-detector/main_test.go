package main

import (
	"log/slog"
	"strings"
	"testing"

	"payment-webhooks/handlers/contract"
)

func TestNewDetector(t *testing.T) {
	complete := map[string]string{contract.EnvEnvironmentSuffix: "dev", contract.EnvTableName: "transactions-dev"}
	getenv := func(without string) func(string) string {
		return func(name string) string {
			if name == without {
				return ""
			}
			return complete[name]
		}
	}
	log := slog.New(slog.DiscardHandler)
	t.Run("starts when everything is set", func(t *testing.T) {
		if _, err := newDetector(getenv(""), log); err != nil {
			t.Error(err)
		}
	})
	for name := range complete {
		t.Run("names a missing "+name, func(t *testing.T) {
			if _, err := newDetector(getenv(name), log); err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("error %v", err)
			}
		})
	}
}
