package e2e

import (
	"context"
	"encoding/json"
	"testing"

	"payment-webhooks/handlers/contract"
)

// entriesOf returns what a log group has of a metric: the sum of its values by their time in milliseconds.
func entriesOf(ctx context.Context, handler, metric string) (map[int64]float64, error) {
	lines, err := shared.Logged(ctx, contract.FunctionLogGroupPrefix+handler+"-"+shared.Suffix(), `"`+metric+`"`)
	sums := map[int64]float64{}
	for _, text := range lines {
		var line map[string]json.RawMessage
		var meta struct{ Timestamp int64 }
		var value float64
		if json.Unmarshal([]byte(text), &line) == nil && json.Unmarshal(line["_aws"], &meta) == nil && json.Unmarshal(line[metric], &value) == nil {
			sums[meta.Timestamp] += value
		}
	}
	return sums, err
}

// What the alarms compare is written by three functions and must have the same times. Other
// tests may publish events again, which counts as done only.
func TestBooksBalance(t *testing.T) {
	for range 3 {
		accept(t, shared, payment(newID(t), "15000", "USD", ""))
	}
	for _, side := range []struct{ dueBy, due, doneBy, done string }{
		{contract.WebhookValidator, contract.MetricPublicationsDue, contract.EventRelay, contract.MetricPublicationsDone},
		{contract.EventRelay, contract.MetricScoresDue, contract.FraudDetector, contract.MetricScoresDone},
	} {
		eventually(t, side.done+" as many as "+side.due+" at each time", func(ctx context.Context) (bool, error) {
			due, err := entriesOf(ctx, side.dueBy, side.due)
			if err != nil || len(due) == 0 {
				return false, err
			}
			done, err := entriesOf(ctx, side.doneBy, side.done)
			for at, n := range due {
				if done[at] < n {
					return false, err
				}
			}
			return true, err
		})
	}
}

func TestDeploymentArchives(t *testing.T) {
	eventually(t, "a complete run of the archiver after the stack's creation", func(ctx context.Context) (bool, error) {
		runs, err := entriesOf(ctx, contract.TransactionArchival, contract.MetricArchiveRuns)
		for _, n := range runs {
			if n > 0 {
				return true, err
			}
		}
		return false, err
	})
}
