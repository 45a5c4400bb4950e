package daily

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/operations/reconcile"
)

// Settings are the providers to compare, by name.
type Settings map[string]Provider

// Provider is how a provider's API is reached.
type Provider struct {
	Secret string // name or ARN of the secret with the credentials
	URL    string // address of the API; "" for the live one
}

// ParseSettings reads the value of contract.EnvReconcile. An error names the entry and the
// member.
func ParseSettings(text string) (Settings, error) {
	var entries map[string]map[string]string
	if err := json.Unmarshal([]byte(text), &entries); err != nil {
		return nil, fmt.Errorf("environment variable %s is not an object of objects of strings: %w", contract.EnvReconcile, err)
	}
	settings := Settings{}
	for _, name := range slices.Sorted(maps.Keys(entries)) { // for a deterministic error
		p := Provider{Secret: entries[name][contract.ProviderSecret], URL: entries[name][contract.ReconcileAPIURL]}
		var problem string
		switch {
		case !slices.Contains(reconcile.Providers(), name):
			problem = "unknown provider; known are " + strings.Join(reconcile.Providers(), ", ")
		case strings.TrimSpace(p.Secret) == "":
			problem = contract.ProviderSecret + " is missing: the name of a Secrets Manager secret"
		case p.URL != "" && !reconcile.ValidURL(p.URL):
			problem = contract.ReconcileAPIURL + " is no address of an API"
		}
		for member := range entries[name] {
			if member != contract.ProviderSecret && member != contract.ReconcileAPIURL {
				problem = fmt.Sprintf("unknown member %q", member)
			}
		}
		if problem != "" {
			return nil, fmt.Errorf("environment variable %s: %s: %s", contract.EnvReconcile, name, problem)
		}
		settings[name] = p
	}
	if len(settings) == 0 {
		return nil, fmt.Errorf("environment variable %s names no provider", contract.EnvReconcile)
	}
	return settings, nil
}
