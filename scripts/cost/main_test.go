package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

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
	return bill(list, shares, n, 1, 1, 1)
}

func TestBill(t *testing.T) {
	t.Run("when transactions grow, it does and keeps its fixed part", func(t *testing.T) {
		total := func(n float64) (sum float64) {
			for _, l := range bills(t, "{}", n) {
				sum += l.units * l.price
			}
			return sum
		}
		idle, one, two := total(0), total(1e6), total(2e6)
		if idle <= 0 {
			t.Errorf("an idle stack costs %.2f, want its fixed part", idle)
		}
		if got, want := two-one, one-idle; got < want*0.999 || got > want*1.001 {
			t.Errorf("the second million costs %.4f, the first %.4f", got, want)
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
	// The template counts the alarms; the bill must not fall behind.
	t.Run("when the template has alarms, each is on it", func(t *testing.T) {
		const testdata = "../../constructs/testdata"
		template, err := os.ReadFile(filepath.Join(testdata, "template.golden.json"))
		if err != nil {
			t.Fatal(err)
		}
		all := float64(bytes.Count(template, []byte(`"AWS::CloudWatch::Alarm"`)))
		reviewed, err := os.ReadFile(filepath.Join(testdata, "tiers.golden.txt"))
		if err != nil {
			t.Fatal(err)
		}
		// Its tiers are six, one with a queue.
		ofSix := float64(bytes.Count(reviewed, []byte("\nObservability")))
		ofThree := float64(bytes.Count(template, []byte(`-value-dlq-not-empty-dev"`)))
		six := `{"tiers": [{"name": "a", "target": "log"}, {"name": "b", "from": 1, "target": "log"}, {"name": "c", "from": 2, "target": "log"},
			{"name": "d", "from": 3, "target": "log"}, {"name": "e", "from": 4, "target": "log"}, {"name": "f", "from": 5, "target": "queue"}]}`
		// The bill has one provider, whose alarm the template does not have.
		for text, want := range map[string]float64{"{}": all + 1, six: all - ofThree + ofSix + 1} {
			found := false
			for _, l := range bills(t, text, 0) {
				if strings.HasSuffix(l.what, " alarms") {
					found = true
					if l.units != want {
						t.Errorf("%s: %v alarms on the bill, %v in the template of one provider", text, l.units, want)
					}
				}
			}
			if !found {
				t.Error("no alarms on the bill")
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
		if err := run([]string{"-cdk-json", "../../cdk.json"}, &out); err != nil || !strings.Contains(out.String(), "total") {
			t.Errorf("got %v, %s", err, out.String())
		}
	})
}
