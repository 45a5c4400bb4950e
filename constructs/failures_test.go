//go:build !race

package constructs

import (
	"slices"
	"strings"
	"testing"

	"payment-webhooks/constructs/failures"
	"payment-webhooks/handlers/contract"
)

// expand returns the names that a name of the map of failures stands for.
func expand(name string, values map[string][]string) []string {
	for placeholder, all := range values {
		if strings.Contains(name, placeholder) {
			var names []string
			for _, value := range all {
				names = append(names, expand(strings.Replace(name, placeholder, value, 1), values)...)
			}
			return names
		}
	}
	return []string{name}
}

func TestMapOfFailures(t *testing.T) {
	// Providers with a list of events are compared in the second stack; tiers have queues in the third, digests in the fourth.
	var queues, alarms, providers []string
	for _, s := range []template{everyProviderStack(t), reconciledStack(t), sixTierStack(t), digestStack(t)} {
		for _, name := range s.names("AWS::SQS::Queue") {
			waiting := strings.HasSuffix(name, contract.TierDigestInfix+"dev")
			if !waiting && !strings.Contains(name, contract.TierRuleInfix) {
				queues = append(queues, strings.TrimSuffix(name, "-dev"))
			}
		}
		alarms = append(alarms, s.alarms()...)
	}
	for _, name := range alarms {
		if provider, ok := strings.CutPrefix(name, "unverified-"); ok {
			providers = append(providers, provider)
		}
	}
	var tiers []string
	for _, name := range queues {
		if tier, ok := strings.CutSuffix(name, "-value-dlq"); ok {
			tiers = append(tiers, tier)
		}
	}
	values := map[string][]string{"<tier>": tiers, "<queue>": queues, "<provider>": providers}
	named := map[string]bool{}
	for _, hop := range failures.All() {
		for _, f := range hop.Failures {
			for _, name := range slices.Concat(f.Queues, f.Alarms) {
				exists := false
				for _, full := range expand(name, values) {
					named[full] = true
					exists = exists || slices.Contains(queues, full) || slices.Contains(alarms, full)
				}
				if !exists {
					t.Errorf("%q: no stack has a queue or an alarm %s", f.Fails, name)
				}
			}
		}
	}
	t.Run("names every queue", func(t *testing.T) {
		for _, queue := range queues {
			if !named[queue] {
				t.Errorf("%s is where nothing ends", queue)
			}
		}
	})
	t.Run("names every alarm", func(t *testing.T) {
		for _, alarm := range alarms {
			// Each queue has the same alarms; the map names those of some.
			ofQueue := slices.ContainsFunc(queues, func(queue string) bool { return strings.HasPrefix(alarm, queue+"-") })
			if !named[alarm] && !ofQueue {
				t.Errorf("nothing raises %s", alarm)
			}
		}
	})
}
