//go:build !race

package constructs

import (
	"slices"
	"strings"
	"testing"

	"payment-webhooks/constructs/failures"
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
	s := everyProviderStack(t)
	var queues []string
	for _, name := range s.names("AWS::SQS::Queue") {
		queues = append(queues, strings.TrimSuffix(name, "-dev"))
	}
	alarms := s.alarms()
	var providers []string
	for _, name := range alarms {
		if provider, ok := strings.CutPrefix(name, "missing-"); ok {
			providers = append(providers, provider)
		}
	}
	values := map[string][]string{"<tier>": {"high", "medium", "low"}, "<queue>": queues, "<provider>": providers}
	named := map[string]bool{}
	for _, hop := range failures.All() {
		for _, f := range hop.Failures {
			for _, name := range slices.Concat(f.Queues, f.Alarms) {
				for _, full := range expand(name, values) {
					named[full] = true
					// Only a tier with target queue has a queue of its own.
					if !strings.HasSuffix(full, "-value-transactions-unconsumed") && !slices.Contains(queues, full) && !slices.Contains(alarms, full) {
						t.Errorf("%q: the stack has neither a queue nor an alarm %s", f.Fails, full)
					}
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
