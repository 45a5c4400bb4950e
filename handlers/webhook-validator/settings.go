package main

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
)

// settings are the members of an entry of contract.EnvProviders.
type settings map[string]string

// registry holds providers by name.
type registry map[string]registration

type registration struct {
	make    func(settings) provider.Provider
	members rules // of the provider's own, beyond those of every provider
}

// rules check a member's value: they say what would be accepted, or "" when the
// value is.
type rules map[string]func(value string) string

// signers reads contract.EnvProviders: who signs POST /webhook (nobody, when it
// has no entry), and who signs POST /webhook/{provider}. An error names the
// entry and the member.
func (known registry) signers(text string, verifyCanonical func(provider.Delivery, []string) error) (canonical signer, providers map[string]signer, err error) {
	entries := map[string]settings{}
	if text != "" {
		if err := json.Unmarshal([]byte(text), &entries); err != nil {
			return signer{}, nil, fmt.Errorf("environment variable %s is not an object of objects of strings: %w", contract.EnvProviders, err)
		}
	}
	providers = map[string]signer{}
	for _, name := range slices.Sorted(maps.Keys(entries)) { // the same error each time
		s := entries[name]
		registered, ok := known[name]
		members := rules{contract.ProviderSecret: notEmpty}
		if name != contract.ProviderCanonical {
			if !ok {
				return signer{}, nil, fmt.Errorf("environment variable %s: unknown provider %q; known are %s",
					contract.EnvProviders, name, strings.Join(append([]string{contract.ProviderCanonical}, slices.Sorted(maps.Keys(known))...), ", "))
			}
			members[contract.ProviderNotificationURL] = anyHTTPS
			maps.Copy(members, registered.members)
		}
		if err := members.check(s); err != nil {
			return signer{}, nil, fmt.Errorf("environment variable %s: %s: %w", contract.EnvProviders, name, err)
		}
		from := signer{name: name, secret: s[contract.ProviderSecret], url: s[contract.ProviderNotificationURL]}
		if name == contract.ProviderCanonical {
			from.verify = func(_ context.Context, d provider.Delivery, secrets []string) error {
				return verifyCanonical(d, secrets)
			}
			canonical = from
			continue
		}
		p := registered.make(s)
		from.verify, from.decode = p.Verify, p.Decode
		providers[name] = from
	}
	return canonical, providers, nil
}

func (r rules) check(s settings) error {
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
