package logs

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestEmbeddedMetrics(t *testing.T) {
	// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
	t.Run("are read per dimension set and value", func(t *testing.T) {
		line := `{"_aws":{"Timestamp":1795280000123,"CloudWatchMetrics":[{"Namespace":"PaymentWebhooks","Dimensions":[["Environment"],["Environment","RiskLevel"]],
		"Metrics":[{"Name":"Scored","Unit":"Count"},{"Name":"Lag","Unit":"Milliseconds"}]}]},"Environment":"dev","RiskLevel":"high","Scored":1,"Lag":[1.5,2]}`
		got, err := embeddedMetrics([]byte(line))
		if err != nil {
			t.Fatal(err)
		}
		at := time.UnixMilli(1795280000123)
		one, two := [][2]string{{"Environment", "dev"}}, [][2]string{{"Environment", "dev"}, {"RiskLevel", "high"}}
		want := []Metric{
			{"PaymentWebhooks", "Scored", "Count", at, one, 1},
			{"PaymentWebhooks", "Scored", "Count", at, two, 1},
			{"PaymentWebhooks", "Lag", "Milliseconds", at, one, 1.5},
			{"PaymentWebhooks", "Lag", "Milliseconds", at, one, 2},
			{"PaymentWebhooks", "Lag", "Milliseconds", at, two, 1.5},
			{"PaymentWebhooks", "Lag", "Milliseconds", at, two, 2},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})
	t.Run("are not in other lines", func(t *testing.T) {
		for _, line := range []string{"plain", `{"level":"INFO","msg":"the \"_aws\" member"}`, `{"_aws": broken`, ""} {
			if got, err := embeddedMetrics([]byte(line)); got != nil || err != nil {
				t.Errorf("%s: %v, %v", line, got, err)
			}
		}
	})
	t.Run("that are malformed are errors", func(t *testing.T) {
		frame := func(dimensions, rest string) string {
			return `{"_aws":{"Timestamp":1,"CloudWatchMetrics":[{"Namespace":"N","Dimensions":[` + dimensions + `],"Metrics":[{"Name":"M","Unit":"Count"}]}]}` + rest + `}`
		}
		for name, line := range map[string]string{
			"dimension missing":     frame(`["Environment"]`, `,"M":1`),
			"dimension is a number": frame(`["Environment"]`, `,"M":1,"Environment":2`),
			"value missing":         frame(`[]`, ``),
			"value is a text":       frame(`[]`, `,"M":"1"`),
			"too many values":       frame(`[]`, `,"M":[`+strings.Repeat("1,", 100)+`1]`),
		} {
			if _, err := embeddedMetrics([]byte(line)); err == nil {
				t.Errorf("%s: no error", name)
			}
		}
	})
}
