package intake

import (
	"context"
	"fmt"
	"maps"
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
}

// HasProviders reports whether a provider is configured: then there must be a
// quarantine.
func (r Routes) HasProviders() bool { return len(r.providers) > 0 }

// Route says how the deliveries of a path are verified and decoded.
type Route struct {
	name   string                                                   // in the path
	secret string                                                   // name of the secret
	url    string                                                   // as the sender knows it; "" as the gateway saw it
	verify func(context.Context, provider.Delivery, []string) error // provider.Provider's Verify
	decode func(provider.Delivery) ([]provider.Event, error)        // provider.Provider's Decode, nil of the canonical payload
}

// Settings are the members of an entry of contract.EnvProviders.
type Settings map[string]string

// Registry holds the providers that can be configured, by name.
type Registry map[string]Registration

// Registration is a provider that can be configured.
type Registration struct {
	New     func(Settings) provider.Provider
	Members Rules // of the provider's own, beyond those of every provider
}

// Rules check the value of each member: a rule returns what would be accepted, or
// "" when the value is.
type Rules map[string]func(value string) string

// ParseRoutes reads the value of contract.EnvProviders. Without an entry for the
// canonical route, POST /webhook is open. An error names the entry and the member.
func ParseRoutes(text string, known Registry) (Routes, error) {
	entries := map[string]Settings{}
	if text != "" {
		if err := json.Unmarshal([]byte(text), &entries); err != nil {
			return Routes{}, fmt.Errorf("environment variable %s is not an object of objects of strings: %w", contract.EnvProviders, err)
		}
	}
	routes := Routes{providers: map[string]Route{}}
	for _, name := range slices.Sorted(maps.Keys(entries)) { // the same error each time
		s := entries[name]
		registered, ok := known[name]
		members := Rules{contract.ProviderSecret: notEmpty}
		if name != contract.ProviderCanonical {
			if !ok {
				return Routes{}, fmt.Errorf("environment variable %s: unknown provider %q; known are %s",
					contract.EnvProviders, name, strings.Join(append([]string{contract.ProviderCanonical}, slices.Sorted(maps.Keys(known))...), ", "))
			}
			members[contract.ProviderNotificationURL] = anyHTTPS
			maps.Copy(members, registered.Members)
		}
		if err := members.check(s); err != nil {
			return Routes{}, fmt.Errorf("environment variable %s: %s: %w", contract.EnvProviders, name, err)
		}
		route := Route{name: name, secret: s[contract.ProviderSecret], url: s[contract.ProviderNotificationURL]}
		if name == contract.ProviderCanonical {
			route.verify = func(_ context.Context, d provider.Delivery, secrets []string) error {
				return standardwebhooks.Verify(d, secrets)
			}
			routes.canonical = route
			continue
		}
		p := registered.New(s)
		route.verify, route.decode = p.Verify, p.Decode
		routes.providers[name] = route
	}
	return routes, nil
}

func (r Rules) check(s Settings) error {
	if _, ok := s[contract.ProviderSecret]; !ok {
		return fmt.Errorf("%s is missing: the name of the Secrets Manager secret", contract.ProviderSecret)
	}
	for _, member := range slices.Sorted(maps.Keys(s)) {
		check, ok := r[member]
		if !ok {
			return fmt.Errorf("unknown member %q; known are %s", member, strings.Join(slices.Sorted(maps.Keys(r)), ", "))
		}
		if accepted := check(s[member]); accepted != "" {
			return fmt.Errorf("%s is %q, not %s", member, s[member], accepted)
		}
	}
	return nil
}

func notEmpty(value string) string {
	if strings.TrimSpace(value) == "" {
		return "a name"
	}
	return ""
}

func anyHTTPS(value string) string {
	u, err := url.Parse(value)
	if err != nil || u.Scheme != "https" || u.Host == "" {
		return "an address that begins with https://"
	}
	return ""
}

func oneOf(values ...string) func(string) string {
	return func(value string) string {
		if slices.Contains(values, value) {
			return ""
		}
		return "one of " + strings.Join(values, ", ")
	}
}
