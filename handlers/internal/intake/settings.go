package intake

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/provider"
	"payment-webhooks/handlers/internal/provider/standardwebhooks"
)

// Routes are the routes of the webhook endpoint.
type Routes struct {
	canonical Route            // POST /webhook, open when it has no secret
	providers map[string]Route // POST /webhook/{provider}
	reserved  map[string]bool  // the names that only a provider's own route may use
}

// HasProviders reports whether a provider is configured. If so, there must be a
// quarantine queue.
func (r Routes) HasProviders() bool { return len(r.providers) > 0 }

// checkProvider checks the provider of a canonical transaction. Once a provider is
// configured, nobody may speak for one that has a route of its own, signed or not, also
// for one that is supported and not configured yet: the genuine notification would become
// a conflict.
func (r Routes) checkProvider(name string) string {
	switch _, configured := r.providers[name]; {
	case configured:
		return fmt.Sprintf("must not be a provider with a route of its own: %s sends its own notifications to /webhook/%s", name, name)
	case r.reserved[name]:
		return fmt.Sprintf("must not be a provider with a route of its own: configure %s, which sends its own notifications to /webhook/%s", name, name)
	}
	return ""
}

// Route defines how the deliveries to a path are verified and decoded. The zero value
// is POST /webhook without a secret.
type Route struct {
	name     string // the provider's name in the path
	declared provider.Declaration
	secret   string                                                   // name of the secret
	url      string                                                   // the address as the sender knows it; "" if it is the gateway's own
	verify   func(context.Context, provider.Delivery, []string) error // provider.Provider's Verify
	decode   func(provider.Delivery) ([]provider.Event, error)        // provider.Provider's Decode; nil for the canonical payload

	challenge func(context.Context, url.Values, []string) (string, error) // provider.Challenger's Challenge; nil without GET
}

// ParseRoutes reads the value of contract.EnvProviders for the known providers.
// Without an entry for the canonical route, POST /webhook is open. An error names
// the entry and the member.
func ParseRoutes(text string, known []provider.Declaration) (Routes, error) {
	entries := map[string]provider.Settings{}
	if text != "" {
		if err := json.Unmarshal([]byte(text), &entries); err != nil {
			return Routes{}, fmt.Errorf("environment variable %s is not an object of objects of strings: %w", contract.EnvProviders, err)
		}
	}
	declared := map[string]provider.Declaration{contract.ProviderCanonical: standardwebhooks.Declaration}
	for _, d := range known {
		declared[d.Name] = d
	}
	routes := Routes{providers: map[string]Route{}}
	for _, name := range slices.Sorted(maps.Keys(entries)) { // for a deterministic error
		d, ok := declared[name]
		if !ok {
			return Routes{}, fmt.Errorf("environment variable %s: unknown provider %q; known are %s",
				contract.EnvProviders, name, strings.Join(slices.Sorted(maps.Keys(declared)), ", "))
		}
		route, err := newRoute(d, entries[name])
		if err != nil {
			return Routes{}, fmt.Errorf("environment variable %s: %s: %w", contract.EnvProviders, name, err)
		}
		if name == contract.ProviderCanonical {
			routes.canonical = route
			continue
		}
		routes.providers[name] = route
	}
	if routes.HasProviders() { // without one, the quick start may use any name
		routes.reserved = map[string]bool{}
		for _, d := range known {
			routes.reserved[d.Name] = true
		}
	}
	return routes, nil
}

// newRoute returns the route of a declared provider with the given settings.
func newRoute(d provider.Declaration, s provider.Settings) (Route, error) {
	if err := checkSettings(d, s); err != nil {
		return Route{}, err
	}
	route := Route{name: d.Name, declared: d, secret: s[contract.ProviderSecret], url: s[contract.ProviderNotificationURL]}
	if d.New == nil {
		route.verify = func(_ context.Context, d provider.Delivery, secrets []string) error {
			return standardwebhooks.Verify(d, secrets)
		}
		return route, nil
	}
	p := d.New(s)
	route.verify, route.decode = p.Verify, p.Decode
	if slices.Contains(d.Methods, http.MethodGet) {
		challenger, ok := p.(provider.Challenger)
		if !ok {
			return Route{}, fmt.Errorf("it declares %s and answers no challenge", http.MethodGet)
		}
		route.challenge = challenger.Challenge
	}
	return route, nil
}

// checkSettings returns an error for the first member that is missing, unknown or
// has a value that is not accepted.
func checkSettings(d provider.Declaration, s provider.Settings) error {
	secret := provider.Member{
		Environment: contract.ProviderSecret, Accepted: "the name of a Secrets Manager secret",
		Valid: func(value string) bool { return strings.TrimSpace(value) != "" },
	}
	if _, ok := s[secret.Environment]; !ok {
		return fmt.Errorf("%s is missing: %s", secret.Environment, secret.Accepted)
	}
	accepted := map[string]provider.Member{secret.Environment: secret}
	for _, m := range d.Members {
		accepted[m.Environment] = m
	}
	for _, name := range slices.Sorted(maps.Keys(s)) {
		m, ok := accepted[name]
		if !ok {
			return fmt.Errorf("unknown member %q; known are %s", name, strings.Join(slices.Sorted(maps.Keys(accepted)), ", "))
		}
		if value := s[name]; value == "" || !m.Valid(value) {
			return fmt.Errorf("%s is %q, not %s", name, value, m.Accepted)
		}
	}
	return nil
}
