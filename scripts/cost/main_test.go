package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"payment-webhooks/constructs/tiers"
)

func bills(t *testing.T, text string, n float64) []line {
	t.Helper()
	list, err := tiers.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	shares, err := sharesOf(list, nil)
	if err != nil {
		t.Fatal(err)
	}
	return bill(counts{alarms: 2, alarmMetrics: 3, metrics: 4, dashboards: []int{51}}, list, shares, n, 1, 1, 1)
}

func TestBill(t *testing.T) {
	t.Run("when transactions grow, it does and keeps its fixed part", func(t *testing.T) {
		total := func(n float64) (sum float64) {
			for _, l := range bills(t, "{}", n) {
				sum += l.units * l.price
			}
			return sum
		}
		idle, one, half, two := total(0), total(1e6), total(1.5e6), total(2e6)
		if idle <= 0 {
			t.Errorf("an idle stack costs %.2f, want its fixed part", idle)
		}
		if got, want := two-half, half-one; got < want*0.999 || got > want*1.001 {
			t.Errorf("the last half million costs %.4f, the one before %.4f", got, want)
		}
	})
	t.Run("when tiers are listed, their targets are on it", func(t *testing.T) {
		for text, want := range map[string]map[string]float64{
			`{}`: {"EXPRESS requests": 50, "publishes": 150 + 60, "requests: send, receive and delete": 0},
			`{"tiers": [{"name": "a", "target": "log"}, {"name": "b", "from": 1, "target": "queue"}, {"name": "c", "from": 2, "target": "alert"}]}`: {
				"EXPRESS requests": 0, "publishes": 50, "requests: send, receive and delete": 450,
			},
			`{"tiers": [{"name": "a", "target": "workflow"}]}`: {"EXPRESS requests": 1000, "publishes": 1200},
		} {
			for _, l := range bills(t, text, 1000) {
				if units, ok := want[l.what]; ok && (l.units < units-1e-6 || l.units > units+1e-6) {
					t.Errorf("%s: %v %s, want %v", text, l.units, l.what, units)
				}
			}
		}
	})
	t.Run("when a stack is idle, only what is there is on it", func(t *testing.T) {
		var sum float64
		for _, l := range bills(t, "{}", 0) {
			if cost := l.units * l.price; !l.fixed && cost != 0 {
				t.Errorf("%s, %s: %.2f without transactions", l.service, l.what, cost)
			} else {
				sum += cost
			}
		}
		// Three metrics of alarms, a dashboard of more than 50 metrics, a secret and the key.
		if want := 0.3 + 3 + 0.4 + 1; sum < want-1e-6 || sum > want+1e-6 {
			t.Errorf("idle %.2f, want %.2f", sum, want)
		}
	})
	t.Run("when traces are sampled, the first of each second is", func(t *testing.T) {
		for n, want := range map[float64]float64{1e6: 1e6, 3_592_000: 2_592_000 + 50_000} {
			for _, l := range bills(t, "{}", n) {
				if l.service == "X-Ray" && (l.units < want-1 || l.units > want+1) {
					t.Errorf("%.0f transactions have %.0f traces, want %.0f", n, l.units, want)
				}
			}
		}
	})
}

func TestReadTemplate(t *testing.T) {
	t.Run("when it has alarms and dashboards, they are counted", func(t *testing.T) {
		got, err := readTemplate("testdata/template.json")
		if err != nil {
			t.Fatal(err)
		}
		want := counts{alarms: 3, alarmMetrics: 4, metrics: 3, dashboards: []int{1, 4}}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(counts{})); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})
	t.Run("when it is the stack's, nothing is missed", func(t *testing.T) {
		const file = "../../constructs/testdata/template.golden.json"
		got, err := readTemplate(file)
		if err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if all := bytes.Count(text, []byte(`"AWS::CloudWatch::Alarm"`)); got.alarms != all || got.alarmMetrics < all {
			t.Errorf("%d alarms with %d metrics, the template has %d", got.alarms, got.alarmMetrics, all)
		}
		if len(got.dashboards) == 0 || got.dashboards[0] == 0 {
			t.Errorf("metrics of dashboards: %v", got.dashboards)
		}
	})
	t.Run("when there is none, the error says how to make one", func(t *testing.T) {
		t.Chdir(t.TempDir())
		if _, err := readTemplate(""); err == nil || !strings.Contains(err.Error(), "npx cdk synth") {
			t.Errorf("error %v", err)
		}
	})
	t.Run("when dashboards are few and small, they are free", func(t *testing.T) {
		for _, c := range []struct {
			metrics []int
			paid    int
		}{{nil, 0}, {[]int{50, 50, 50}, 0}, {[]int{1, 2, 3, 4}, 1}, {[]int{51}, 1}, {[]int{50, 51}, 1}} {
			if got := (counts{dashboards: c.metrics}).paidDashboards(); got != c.paid {
				t.Errorf("%v: %d are billed, want %d", c.metrics, got, c.paid)
			}
		}
	})
}

func TestRun(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"when shares are impossible, it says so":        {[]string{"-share", "high=60", "-share", "medium=60"}, "more than 100"},
		"when a tier does not exist, it lists those":    {[]string{"-share", "huge=1"}, "want one of [medium, high]; low gets the rest"},
		"when the lowest has a share, it gets the rest": {[]string{"-share", "low=50"}, "low gets the rest"},
		"when a share is no number, it shows one":       {[]string{"-share", "high"}, "high=5"},
		"when cdk.json is missing, it names the file":   {[]string{"-cdk-json", "no-such.json"}, "no-such.json"},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			file := filepath.Join(t.TempDir(), "cdk.json")
			if err := os.WriteFile(file, []byte(`{"context": {}}`), 0o600); err != nil {
				t.Fatal(err)
			}
			err := run(append([]string{"-cdk-json", file}, c.args...), &out)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
			if out.Len() != 0 {
				t.Errorf("printed %q beside the error", out.String())
			}
		})
	}
	t.Run("when cdk.json is the project's, it prints the total", func(t *testing.T) {
		var out bytes.Buffer
		if err := run([]string{"-cdk-json", "../../cdk.json", "-template", "testdata/template.json"}, &out); err != nil || !strings.Contains(out.String(), "total") {
			t.Errorf("got %v, %s", err, out.String())
		}
	})
}
