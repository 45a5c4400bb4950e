// Package sqsbatch connects package digest to the queues in which the events of tiers with a
// digest wait, as Lambda delivers their messages.
package sqsbatch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/digest"
	"payment-webhooks/handlers/internal/event"
	"payment-webhooks/handlers/internal/transaction"
)

// headroom is left for the response when the topic does not respond: after a timeout of the
// function, Lambda would deliver again what was published, too.
const headroom = 2 * time.Second

// Handler returns the Lambda function that sends a digest of each batch. suffix is the
// environment's. The response lists the messages that stay in the queue; the error is not nil
// if the batch is not of the queue of a tier.
func Handler(d *digest.Digest, suffix string) func(context.Context, events.SQSEvent) (events.SQSEventResponse, error) {
	return func(ctx context.Context, batch events.SQSEvent) (events.SQSEventResponse, error) {
		// An empty list, not null, tells Lambda that every message is done.
		response := events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{}}
		if len(batch.Records) == 0 {
			return response, nil
		}
		if deadline, ok := ctx.Deadline(); ok {
			var cancel context.CancelFunc
			ctx, cancel = context.WithDeadline(ctx, deadline.Add(-headroom))
			defer cancel()
		}
		// All messages of a batch are of one queue.
		tier, err := tierOf(batch.Records[0].EventSourceARN, suffix)
		if err != nil {
			return response, err
		}
		var alerts []digest.Alert
		for _, m := range batch.Records {
			alert := digest.Alert{MessageID: m.MessageId}
			alert.Transaction, alert.Err = decode(m.Body)
			alerts = append(alerts, alert)
		}
		for _, id := range d.Send(ctx, tier, alerts) {
			response.BatchItemFailures = append(response.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: id})
		}
		return response, nil
	}
}

// tierOf returns the name of the tier of a queue, by the queue's ARN.
func tierOf(queueARN, suffix string) (string, error) {
	name := queueARN[strings.LastIndex(queueARN, ":")+1:]
	tier, ok := strings.CutSuffix(name, contract.TierDigestInfix+suffix)
	if !ok || tier == "" {
		return "", fmt.Errorf("%q is not the queue of a tier's digest", queueARN)
	}
	return tier, nil
}

var errNoEvent = errors.New("not an event of EventBridge")

// decode reads the transaction of an event, which is whole in a message. The error repeats no
// value.
func decode(body string) (transaction.Transaction, error) {
	var envelope struct {
		Detail json.RawMessage `json:"detail"`
	}
	if json.Unmarshal([]byte(body), &envelope) != nil || envelope.Detail == nil {
		return transaction.Transaction{}, errNoEvent
	}
	received, err := event.Decode(envelope.Detail)
	return received.Transaction, err
}
