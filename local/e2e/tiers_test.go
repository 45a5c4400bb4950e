package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// fourTiers are the default tiers with bounds of their own for JPY, of which medium has a
// digest, and a fourth tier above them whose target is a queue.
const fourTiers = `{"tiers": [
	{"name": "low", "target": "log"},
	{"name": "medium", "from": 1000, "target": "alert", "digest": 1},
	{"name": "high", "above": 10000, "target": "workflow"},
	{"name": "very-high", "from": "1000000", "target": "queue"}],
	"currencies": {"JPY": {"medium": 100000, "high": 1000000, "very-high": 100000000}}}`

func TestFourthTier(t *testing.T) {
	inParallel(t)
	s := optional(t)
	queue := "very-high-value-transactions-" + s.Suffix()
	if url := s.Outputs["VeryHighValueQueueUrl"]; !strings.HasSuffix(url, "/"+queue) {
		t.Errorf("the output VeryHighValueQueueUrl is %q, want the URL of %s", url, queue)
	}
	veryHigh := routes{Queue: 1}
	cases := []routed{
		{"999.99", "USD", low},
		{"1000", "USD", medium},
		{"10000", "USD", medium},
		{"10000.01", "USD", high},
		{"999999.99", "USD", high},
		{"1000000", "USD", veryHigh},
		{"5000000000", "USD", veryHigh},
		{"5000000000.01", "USD", veryHigh},
		{"99999", "JPY", low},
		{"100000", "JPY", medium},
		{"1000000", "JPY", medium},
		{"1000001", "JPY", high},
		{"99999999", "JPY", high},
		{"100000000", "JPY", veryHigh},
		{"6000000000", "JPY", veryHigh},
	}
	ids := checkRoutes(t, s, queue, cases, []routed{{"2000000", "EUR", veryHigh}, {"15000", "EUR", high}, {"5000", "EUR", medium}, {"1", "EUR", low}})

	t.Run("when a message is in the queue, it holds the event", func(t *testing.T) {
		message := awaitMessage(t, s, queue, fmt.Sprintf("%q", ids[5]))
		var event struct {
			Source     string `json:"source"`
			DetailType string `json:"detail-type"`
			Detail     struct {
				ID       string      `json:"transaction_id"`
				Amount   json.Number `json:"amount"`
				Currency string      `json:"currency"`
			} `json:"detail"`
		}
		if err := json.Unmarshal([]byte(*message.Body), &event); err != nil {
			t.Fatal(err)
		}
		d := event.Detail
		if event.Source != "payment.webhooks" || event.DetailType != "Transaction Received" || d.ID != ids[5] || d.Amount != "1000000" || d.Currency != "USD" {
			t.Errorf("got %s", *message.Body)
		}
	})
	t.Run("when nothing failed, dead-letter queues are empty", func(t *testing.T) {
		for _, tier := range []string{"low", "medium", "high", "very-high"} {
			messages, err := s.Messages(t.Context(), tier+"-value-dlq-"+s.Suffix())
			if err != nil || len(messages) > 0 {
				t.Errorf("%s: %d messages, %v", tier, len(messages), err)
			}
		}
	})
	digests(t, s)
}
