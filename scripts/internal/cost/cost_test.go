package cost

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"payment-webhooks/constructs/tiers"
	"payment-webhooks/handlers/contract"
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
	return bill(counts{alarms: 2, alarmMetrics: 3, metrics: 4, dashboards: []int{51}, sampling: sampling{perSecond: 0, rate: 0.05}, batches: true}, list, shares, n, 1, 1, 1)
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
	t.Run("when a tier has a digest, it is one message a window", func(t *testing.T) {
		const text = `{"tiers": [{"name": "low", "target": "log"}, {"name": "medium", "from": 1, "target": "alert", "digest": 5}, {"name": "top", "from": 2, "target": "log"}]}`
		for n, want := range map[float64]map[string]float64{
			1e6: {"publishes": 8640, "emails": 8640, "requests: send, receive and delete": 3 * 150_000},
			100: {"publishes": 15, "emails": 15, "requests: send, receive and delete": 3 * 15},
			0:   {"publishes": 0, "requests of Lambda, which polls the queues of digests": 648_000},
		} {
			for _, l := range bills(t, text, n) {
				if units, ok := want[l.what]; ok && (l.units < units-1e-6 || l.units > units+1e-6) {
					t.Errorf("%v transactions: %v %s, want %v", n, l.units, l.what, units)
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
	t.Run("when requests are traced, as many are on it as the rule samples", func(t *testing.T) {
		for n, want := range map[float64][2]float64{1e6: {50_000, 1e6}, 3_592_000: {179_600, 2_592_000 + 50_000}} {
			var got []float64
			for _, l := range bills(t, "{}", n) {
				if l.service == "X-Ray" {
					got = append(got, l.units)
				}
			}
			if len(got) != 2 || got[0] < want[0]-1 || got[0] > want[0]+1 || got[1] < want[1]-1 || got[1] > want[1]+1 {
				t.Errorf("%.0f transactions have %.0f traces of requests and of batches, want %.0f", n, got, want)
			}
		}
	})
}

func TestUntracedBatches(t *testing.T) {
	t.Run("when batches are not traced, executions of the workflow are", func(t *testing.T) {
		list, shares := tiers.Default(), map[string]float64{"high": 0.05}
		for _, l := range bill(counts{}, list, shares, 1e6, 0, 0, 1) {
			if strings.HasPrefix(l.what, "traces of what begins") && (l.units < 50_000-1 || l.units > 50_000+1) {
				t.Errorf("%.0f %s, want 50000", l.units, l.what)
			}
		}
	})
}

func TestLogged(t *testing.T) {
	handlers := map[string]bool{contract.WebhookValidator: true, contract.EventRelay: true, contract.FraudDetector: true}
	for name, c := range map[string]struct {
		counts                             counts
		requests, batches, runs, low, want float64
	}{
		"when Lambda's lines are not logged, those of handlers are": {counts{}, 1, 1, 1, 1, requestKiB + validatorKiB + relayKiB + fraudKiB + eventKiB},
		"when they are, each invocation has some":                   {counts{platform: handlers}, 2, 1, 1, 0, 2*(requestKiB+validatorKiB) + relayKiB + fraudKiB + 4*platformKiB},
		"when steps of executions are logged, they are the most":    {counts{executions: true}, 0, 0, 1, 0, fraudKiB + executionKiB},
	} {
		t.Run(name, func(t *testing.T) {
			if got := c.counts.logged(c.requests, c.batches, c.runs, c.low); got < c.want-1e-9 || got > c.want+1e-9 {
				t.Errorf("%f KiB, want %f", got, c.want)
			}
		})
	}
}

func TestComparison(t *testing.T) {
	t.Run("when bills differ, it has those lines and the totals", func(t *testing.T) {
		got := comparison(1000, []line{{"A", "same", 1, 1, true}, {"B", "less", 2, 1, false}}, []line{{"A", "same", 1, 1, true}, {"B", "less", 1, 0.5, false}})
		const want = `| US dollars a month, 1000 transactions | before | now |
|---|---|---|
| B, less | 2.00 | 0.50 |
| everything | 3.00 | 1.50 |
| of which without transactions | 1.00 | 1.00 |
`
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})
	t.Run("when the revision is unknown, it says so", func(t *testing.T) {
		err := Run([]string{"-cdk-json", "../../../cdk.json", "-compare", "no-such-revision"}, io.Discard)
		if err == nil || !strings.Contains(err.Error(), "no-such-revision") {
			t.Errorf("error %v", err)
		}
	})
}

func TestReadTemplate(t *testing.T) {
	t.Run("when it has alarms and dashboards, they are counted", func(t *testing.T) {
		got, err := readTemplate("testdata/template.json")
		if err != nil {
			t.Fatal(err)
		}
		want := counts{
			alarms: 3, alarmMetrics: 4, metrics: 3, dashboards: []int{2, 4}, sampling: sampling{2, 0.25}, executions: true,
			platform: map[string]bool{contract.WebhookValidator: true, contract.EventRelay: false},
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(counts{}, sampling{})); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})
	t.Run("when it is the stack's, nothing is missed", func(t *testing.T) {
		const file = "../../../constructs/testdata/template.golden.json"
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
		if len(got.dashboards) != 2 || got.dashboards[0] == 0 || got.paidDashboards() != 0 {
			t.Errorf("metrics of dashboards: %v, want two that are free", got.dashboards)
		}
		if got.sampling != (sampling{0, 0.05}) || len(got.platform) != 3 || got.platform[contract.WebhookValidator] || !got.executions || !got.batches {
			t.Errorf("sampling %v, lines of the platform %v, of executions %v", got.sampling, got.platform, got.executions)
		}
	})
	t.Run("when it has a firewall and a bus under a key, both are on the bill", func(t *testing.T) {
		got, err := parseTemplate("inline", []byte(`{"Resources": {
			"Acl": {"Type": "AWS::WAFv2::WebACL", "Properties": {"Rules": [{}, {}]}}, "Of": {"Type": "AWS::WAFv2::WebACLAssociation", "Properties": {}},
			"Bus": {"Type": "AWS::Events::EventBus", "Properties": {"KmsKeyIdentifier": {"Ref": "Key"}}}, "New": {"Type": "AWS::Unheard::Of", "Properties": {"Rules": "x"}}}}`))
		if err != nil {
			t.Fatal(err)
		}
		cost := map[string]float64{}
		for _, l := range bill(got, tiers.Default(), nil, 1e6, 0, 0, 1) {
			if l.service == "WAF" || strings.HasPrefix(l.what, "requests: bus") {
				cost[l.service] += l.cost()
			}
		}
		for service, want := range map[string]float64{"WAF": 7.60, "KMS": 9.00} {
			if got := cost[service]; got < want-1e-6 || got > want+1e-6 {
				t.Errorf("%s: %.2f, want %.2f", service, got, want)
			}
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
			err := Run(append([]string{"-cdk-json", file}, c.args...), &out)
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
		if err := Run([]string{"-cdk-json", "../../../cdk.json", "-template", "testdata/template.json"}, &out); err != nil || !strings.Contains(out.String(), "total") {
			t.Errorf("got %v, %s", err, out.String())
		}
	})
}
