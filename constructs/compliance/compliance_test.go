package compliance

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCheck(t *testing.T) {
	acknowledgements := []Acknowledgement{
		{Rules: []string{"A", "B[x]"}, Resources: []string{"one", "two"}},
		{Rules: []string{"C"}, Resources: []string{"one"}, Only: Production},
	}
	all := []Finding{{"A", "one"}, {"A", "two"}, {"B[x]", "one"}, {"B[x]", "two"}}
	for name, c := range map[string]struct {
		set                       Set
		found, unexplained, stale []Finding
	}{
		"when all is acknowledged":                     {Default, all, nil, nil},
		"when another resource has the finding":        {Default, append([]Finding{{"A", "three"}}, all...), []Finding{{"A", "three"}}, nil},
		"when a rule finds something else":             {Default, append([]Finding{{"B[y]", "one"}}, all...), []Finding{{"B[y]", "one"}}, nil},
		"when a finding is gone":                       {Default, all[1:], nil, []Finding{{"A", "one"}}},
		"when a finding of the other set is there":     {Default, append([]Finding{{"C", "one"}}, all...), []Finding{{"C", "one"}}, nil},
		"when the finding of its set is gone":          {Production, all, nil, []Finding{{"C", "one"}}},
		"when nothing is found, lists all as stale":    {Default, nil, nil, all},
		"when the finding of its set is there as well": {Production, append([]Finding{{"C", "one"}}, all...), nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			unexplained, stale := check(acknowledgements, c.set, c.found)
			if diff := cmp.Diff(c.unexplained, unexplained); diff != "" {
				t.Error("unexplained:", diff)
			}
			if diff := cmp.Diff(c.stale, stale); diff != "" {
				t.Error("stale:", diff)
			}
		})
	}
}

func TestAcknowledgements(t *testing.T) {
	seen := map[Finding]Set{}
	for _, a := range Acknowledgements() {
		if len(strings.Fields(a.Reason)) < 8 {
			t.Errorf("%q: %q is no reason", a.Rules, a.Reason)
		}
		if len(a.Rules) == 0 || len(a.Resources) == 0 {
			t.Errorf("%q on %q acknowledges nothing", a.Rules, a.Resources)
		}
		for _, rule := range a.Rules {
			for _, resource := range a.Resources {
				if _, twice := seen[Finding{rule, resource}]; twice {
					t.Errorf("%s on %s has two reasons", rule, resource)
				}
				seen[Finding{rule, resource}] = a.Only
			}
		}
	}
}

func TestSplit(t *testing.T) {
	for info, want := range map[string][2]string{
		"The key does not rotate - (Control IDs: 2.2,\u00a03.5).": {"The key does not rotate", "2.2, 3.5"},
		"No WAF - (Control ID: 6.6).":                             {"No WAF", "6.6"},
		"No controls.":                                            {"No controls.", ""},
	} {
		if sentence, controls := split(info); sentence != want[0] || controls != want[1] {
			t.Errorf("%q: got %q, %q", info, sentence, controls)
		}
	}
}
