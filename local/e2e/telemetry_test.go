package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"payment-webhooks/handlers/contract"
)

func TestTraceHasEveryStep(t *testing.T) {
	const traceID = "1-6740a000-0123456789abcdef01234567"
	header := http.Header{
		"Content-Type":    {"application/json"},
		"X-Amzn-Trace-Id": {"Root=" + traceID + ";Parent=0123456789abcdef;Sampled=1"},
	}
	delivery{method: http.MethodPost, path: "/webhook", header: header, body: string(payment(newID(t), "15000", "USD", ""))}.send(t, 202)
	missing := []string{"verify", "normalise", "validate", "redact", "store"}
	eventually(t, "the validator's subsegments", func(ctx context.Context) (bool, error) {
		documents, err := traces(ctx, shared, traceID)
		for _, d := range documents {
			names := namesIn(t, d.JSON)
			missing = slices.DeleteFunc(missing, func(name string) bool { return slices.Contains(names, name) })
		}
		return len(missing) == 0, err
	})

	// The other functions have traces of their own, since the stream carries no trace id.
	for function, want := range map[string]string{"event-relay": "publish", "fraud-detector": "score"} {
		eventually(t, function+"'s subsegments", func(ctx context.Context) (bool, error) {
			documents, err := traces(ctx, shared, "")
			return slices.ContainsFunc(documents, func(d document) bool {
				return slices.Contains(namesIn(t, d.JSON), want)
			}), err
		})
	}
}

// namesIn lists the names in a segment document, nested subsegments included.
func namesIn(t *testing.T, document json.RawMessage) []string {
	t.Helper()
	var segment struct {
		Name        string
		Subsegments []json.RawMessage
	}
	if err := json.Unmarshal(document, &segment); err != nil {
		t.Fatalf("segment %s: %v", document, err)
	}
	names := []string{segment.Name}
	for _, s := range segment.Subsegments {
		names = append(names, namesIn(t, s)...)
	}
	return names
}

func TestEmbeddedMetricsArriveInCloudWatch(t *testing.T) {
	sum := func(name string, dimensions ...string) (sum float64) {
		form := url.Values{
			"Action": {"GetMetricStatistics"}, "Version": {"2010-08-01"}, "Namespace": {"PaymentWebhooks"}, "MetricName": {name},
			"StartTime": {time.Now().Add(-time.Hour).UTC().Format(time.RFC3339)}, "EndTime": {time.Now().Add(time.Hour).UTC().Format(time.RFC3339)},
			"Period": {"86400"}, "Statistics.member.1": {"Sum"},
		}
		for i, dimension := range append([]string{"Environment=" + shared.Suffix()}, dimensions...) {
			member := fmt.Sprintf("Dimensions.member.%d.", i+1)
			key, value, _ := strings.Cut(dimension, "=")
			form.Set(member+"Name", key)
			form.Set(member+"Value", value)
		}
		text := callAWS(t, shared, "monitoring", http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, []byte(form.Encode()))
		for _, match := range regexp.MustCompile(`<Sum>([^<]+)</Sum>`).FindAllStringSubmatch(text, -1) {
			value, err := strconv.ParseFloat(match[1], 64)
			if err != nil {
				t.Fatal(err)
			}
			sum += value
		}
		return sum
	}
	before := sum("TransactionsAccepted")
	accept(t, shared, payment(newID(t), "15000", "USD", ""))
	eventually(t, "the metrics of validator, relay and fraud detector", func(context.Context) (bool, error) {
		return sum("TransactionsAccepted") > before && sum("EventsPublished") > 0 &&
			sum("TransactionsScored", "RiskLevel=low") > 0, nil
	})
}

func TestFunctionLogs(t *testing.T) {
	id := newID(t)
	accept(t, shared, payment(id, "250", "USD", `, "metadata": {"note": "a-note-only-in-the-body"}`))
	group := contract.FunctionLogGroupPrefix + contract.WebhookValidator + "-" + shared.Suffix()
	var lines []string
	eventually(t, "the log line", func(ctx context.Context) (bool, error) {
		var err error
		lines, err = shared.Logged(ctx, group, id)
		return len(lines) > 0, err
	})
	var line struct{ Level, Msg, Message string }
	if err := json.Unmarshal([]byte(lines[0]), &line); err != nil || line.Level == "" {
		t.Errorf("%s is not a JSON log line with a level (%v)", lines[0], err)
	}
	all, err := shared.Logged(t.Context(), group, "")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(strings.Join(all, "\n"), "a-note-only-in-the-body") {
		t.Error("the log has a part of the body")
	}
}
