package e2e

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/local/session"
)

// faultsPath is where faults are injected, listed and removed.
const faultsPath = "/_local/faults"

// injected is a fault of /_local/faults.
type injected struct {
	ID     string `json:"id"`
	Hop    string `json:"hop"`
	Fault  string `json:"fault"`
	Struck int    `json:"struck"`
}

// inject replaces what is injected.
func inject(t *testing.T, specs ...string) {
	t.Helper()
	if err := shared.Control(t.Context(), http.MethodDelete, faultsPath, nil, nil); err != nil {
		t.Fatal(err)
	}
	for _, spec := range specs {
		if err := shared.Control(t.Context(), http.MethodPost, faultsPath, []byte(spec), nil); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		// The test's context has ended.
		if err := shared.Control(context.WithoutCancel(t.Context()), http.MethodDelete, faultsPath, nil, nil); err != nil {
			t.Error(err)
		}
	})
}

// arrived reports whether a payment of this amount had its consequence.
func arrived(ctx context.Context, id, amount string) (bool, error) {
	switch amount {
	case "250":
		lines, err := shared.Logged(ctx, shared.LowValueLogGroup(), fmt.Sprintf("%q", id))
		return len(lines) > 0, err
	case "15000":
		item, err := shared.Item(ctx, id, "shop")
		if err != nil || item["fraud"] == nil {
			return false, err
		}
	}
	alerts, err := shared.Alerts(ctx, id)
	return len(alerts) > 0, err
}

// once is a fault that strikes one call.
func once(hop, fault, caller string) string {
	if caller != "" {
		caller = fmt.Sprintf(`,"where":{"caller":%q}`, caller)
	}
	return fmt.Sprintf(`{"hop":%q,"fault":%q,"times":1%s}`, hop, fault, caller)
}

// Each fault strikes a call on the way of a payment; the sender repeats what got no 2xx. Every
// payment must be stored and have its consequence all the same, or be in a dead-letter queue.
func TestInjectedFaults(t *testing.T) {
	inTurn(t)
	const validator, relay, detector = contract.WebhookValidator, contract.EventRelay, contract.FraudDetector
	byFault := map[string][]string{
		"partial":    {once("events:PutEvents", "partial", relay)},
		"duplicate":  {once("stream", "duplicate", "")},
		"reorder":    {once("stream", "reorder", "")},
		"clock-skew": {`{"hop":"clock","fault":"clock-skew","seconds":-90}`},
	}
	for _, fault := range []string{"throttle", "error", "timeout", "cut", "denied"} {
		byFault[fault] = append(byFault[fault], once("dynamodb:PutItem", fault, validator), once("events:PutEvents", fault, relay), once("dynamodb:UpdateItem", fault, detector))
	}
	for _, fault := range []string{"throttle", "error", "cut"} {
		byFault[fault] = append(byFault[fault],
			once("sns:Publish", fault, "events"), once("sns:Publish", fault, "states"), once("logs:PutLogEvents", fault, "events"),
			once("states:StartExecution", fault, "events"), once("lambda:Invoke", fault, "states"),
			once("lambda:Invoke", fault, "apigateway"), once("lambda:Invoke", fault, "lambda"), once("dynamodb:GetRecords", fault, "lambda"))
	}
	for _, function := range []string{validator, relay, detector} {
		for _, fault := range []string{"throttle", "pending", "crash-before", "crash-after"} {
			byFault[fault] = append(byFault[fault], once("function:"+function, fault, ""))
		}
		byFault["slow-start"] = append(byFault["slow-start"], fmt.Sprintf(`{"hop":"function:%s","fault":"slow-start","seconds":0.2,"times":1}`, function))
	}

	amounts := map[string]string{} // by id
	for _, fault := range slices.Sorted(maps.Keys(byFault)) {
		specs, begin := byFault[fault], time.Now()
		inject(t, specs...)
		eventually(t, fault+" strikes everywhere", func(ctx context.Context) (bool, error) {
			for _, amount := range []string{"250", "5000", "15000"} {
				id := newID(t) + "_"
				amounts[id] = amount
				eventually(t, id+" is accepted", func(ctx context.Context) (bool, error) {
					res, err := shared.Post(ctx, "/webhook", "application/json", payment(id, amount, "USD", ""))
					return err == nil && res.Status/100 == 2, err
				})
			}
			return allStruck(ctx, len(specs))
		})
		t.Logf("%s: %d faults in %s", fault, len(specs), time.Since(begin))
	}
	for id, amount := range amounts {
		item, err := shared.Item(t.Context(), id, "shop")
		if err != nil || item == nil {
			t.Errorf("%s of %s is not stored: %v", id, amount, err)
		}
		eventually(t, "the consequence of "+id+" of "+amount, func(ctx context.Context) (bool, error) {
			if done, err := arrived(ctx, id, amount); done || err != nil {
				return done, err
			}
			return deadLettered(ctx, id)
		})
	}
}

// allStruck reports whether each of n faults has struck, within a short while: the calls after
// the response take some time.
func allStruck(ctx context.Context, n int) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	err := session.Until(ctx, func() (bool, error) {
		var all []injected
		if err := shared.Control(ctx, http.MethodGet, faultsPath, nil, &all); err != nil {
			return false, err
		}
		return len(all) == n && !slices.ContainsFunc(all, func(f injected) bool { return f.Struck == 0 }), nil
	})
	if errors.Is(err, context.DeadlineExceeded) {
		return false, nil // send more
	}
	return err == nil, err
}

// deadLettered reports whether a transaction is in a dead-letter queue.
func deadLettered(ctx context.Context, id string) (bool, error) {
	for _, queue := range []string{"low-value-dlq-", "medium-value-dlq-", "high-value-dlq-", contract.WorkflowDeadLetterPrefix} {
		messages, err := shared.Messages(ctx, queue+shared.Suffix())
		if err != nil {
			return false, err
		}
		if slices.ContainsFunc(messages, func(m sqstypes.Message) bool { return strings.Contains(aws.ToString(m.Body), id) }) {
			return true, nil
		}
	}
	return false, nil
}

// An event that its log group did not accept must be where the operators find it.
func TestDeletedLogGroup(t *testing.T) {
	logs, group := cloudwatchlogs.NewFromConfig(shared.AWS), aws.String(shared.LowValueLogGroup())
	if _, err := logs.DeleteLogGroup(t.Context(), &cloudwatchlogs.DeleteLogGroupInput{LogGroupName: group}); err != nil {
		t.Fatal(err)
	}
	id := newID(t) + "_"
	accept(t, shared, payment(id, "250", "USD", ""))
	awaitMessage(t, shared, "low-value-dlq-"+shared.Suffix(), id)
	if _, err := logs.CreateLogGroup(t.Context(), &cloudwatchlogs.CreateLogGroupInput{LogGroupName: group}); err != nil {
		t.Fatal(err)
	}
	again := newID(t) + "_"
	accept(t, shared, payment(again, "250", "USD", ""))
	eventually(t, "the log line once the group exists", func(ctx context.Context) (bool, error) { return arrived(ctx, again, "250") })
}

// While the mapping is disabled, what is stored waits.
func TestDisabledMapping(t *testing.T) {
	client := lambda.NewFromConfig(shared.AWS)
	list, err := client.ListEventSourceMappings(t.Context(), &lambda.ListEventSourceMappingsInput{FunctionName: aws.String(contract.EventRelay + "-" + shared.Suffix())})
	if err != nil || len(list.EventSourceMappings) != 1 {
		t.Fatalf("%v, mappings %v", err, list)
	}
	enable := func(enabled bool) {
		out, err := client.UpdateEventSourceMapping(t.Context(), &lambda.UpdateEventSourceMappingInput{UUID: list.EventSourceMappings[0].UUID, Enabled: &enabled})
		if err != nil || strings.HasPrefix(aws.ToString(out.State), "En") != enabled {
			t.Fatalf("%+v, %v", out, err)
		}
	}
	enable(false)
	id := newID(t) + "_"
	accept(t, shared, payment(id, "5000", "USD", ""))
	if alerts, err := shared.Alerts(t.Context(), id); err != nil || len(alerts) > 0 {
		t.Errorf("alerts %v, %v, while the mapping was disabled", alerts, err)
	}
	enable(true)
	eventually(t, "the alert once it is enabled", func(ctx context.Context) (bool, error) { return arrived(ctx, id, "5000") })
}
