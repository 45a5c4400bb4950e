package deadletters_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"payment-webhooks/handlers/operations/deadletters"
)

const (
	// https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html
	positions = `{"requestContext": {"requestId": "316aa6d0-8154-xmpl-9af7-85d5f4a6bc81", "functionArn": "arn:aws:lambda:us-east-2:123456789012:function:event-relay-dev",
		"condition": "RecordAgeExceeded", "approximateInvokeCount": 1}, "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": null}, "version": "1.0", "timestamp": "2019-11-14T00:13:49.717Z",
		"DDBStreamBatchInfo": {"shardId": "shardId-00000001573689847184-864758bb", "startSequenceNumber": "800000000003126276362", "endSequenceNumber": "800000000003126276369",
		"approximateArrivalOfFirstRecord": "2019-11-14T00:13:19Z", "approximateArrivalOfLastRecord": "2019-11-14T00:13:21Z", "batchSize": 3,
		"streamArn": "arn:aws:dynamodb:us-east-2:123456789012:table/mytable/stream/2019-11-14T00:04:06.388"}}`
	record   = `{"reason": "unreadable", "error": "not a transaction item: amount is not a number", "sequence_number": "12", "arrived_at": "2026-11-22T15:04:06Z", "transaction_id": "txn_1", "provider": "shop"}`
	event    = `{"version": "0", "id": "e", "source": "payment.webhooks", "detail-type": "Transaction Received", "time": "2026-11-22T15:04:05Z", "detail": {"transaction_id": "txn_1", "provider": "shop", "kind": "payment", "amount_text": "5000.00 EUR"}}`
	workflow = `{"state": "Score for fraud", "execution": "arn:aws:states:x", "error": {"Error": "ModelFailed", "Cause": "card 4111111111111111"}, "transaction": {"transaction_id": "txn_1", "provider": "shop"}}`
	// https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
	invocation = `{"version": "1.0", "timestamp": "2019-11-14T18:16:05.568Z", "requestContext": {"requestId": "e4b46cbf", "functionArn": "arn:aws:lambda:us-east-2:123456789012:function:transaction-archival-dev:$LATEST",
		"condition": "RetriesExhausted", "approximateInvokeCount": 3}, "requestPayload": {"time": "2026-11-22T02:20:00Z"}, "responseContext": {"statusCode": 200, "functionError": "Unhandled"},
		"responsePayload": {"errorMessage": "hour not archived", "errorType": "errorString"}}`
	delivery = `{"provider": "stripe", "received_at": "2026-11-22T15:04:05.000000000Z", "events": [{"index": 0, "type": "charge.new", "reason": "unreadable", "detail": "no amount"}], "headers": {}, "body": "{}", "body_encoding": "text"}`
)

func TestRead(t *testing.T) {
	key := []deadletters.Key{{TransactionID: "txn_1", Provider: "shop"}}
	for name, c := range map[string]struct {
		body       string
		attributes map[string]string
		kind       deadletters.Kind
		reason     string
		summary    string
		keys       []deadletters.Key
	}{
		"Lambda gave up records":   {positions, nil, deadletters.KindPositions, "RecordAgeExceeded", "3 records of the stream, arrived 2019-11-14T00:13:19Z: RecordAgeExceeded after 1 attempt", nil},
		"a record is poisoned":     {record, nil, deadletters.KindRecord, "unreadable", "txn_1 of shop: unreadable: not a transaction item: amount is not a number", key},
		"an event has no target":   {event, map[string]string{"RULE_ARN": "arn:aws:events:x:1:rule/bus/medium-value-transactions-dev", "ERROR_CODE": "NO_RESOURCE", "ERROR_MESSAGE": "gone"}, deadletters.KindEvent, "NO_RESOURCE", "payment txn_1 of shop, 5000.00 EUR not delivered by medium-value-transactions-dev: NO_RESOURCE gone", key},
		"a state failed":           {workflow, nil, deadletters.KindWorkflow, "Score for fraud", `"Score for fraud" failed for txn_1 of shop: ModelFailed card 411111******1111`, key},
		"a function failed":        {invocation, nil, deadletters.KindInvocation, "RetriesExhausted", "transaction-archival-dev:$LATEST failed: RetriesExhausted errorString: hour not archived", nil},
		"a delivery is unreadable": {delivery, nil, deadletters.KindDelivery, "unreadable", "stripe, received 2026-11-22T15:04:05.000000000Z: charge.new no amount", nil},
		"it is not JSON":           {"hello \x00 4111111111111111", nil, deadletters.KindUnknown, "not JSON", "not a message of this stack", nil},
		"it is something else":     {`{"a": 1}`, nil, deadletters.KindUnknown, "unknown form", "not a message of this stack", nil},
		"an alert was not sent":    {event, nil, deadletters.KindAlert, "not alerted", "payment txn_1 of shop, 5000.00 EUR: no digest with it could be sent", key},
		"an event is of others":    {strings.Replace(event, "payment.webhooks", "aws.s3", 1), nil, deadletters.KindUnknown, "unknown form", "not a message of this stack", nil},
	} {
		t.Run("when "+name, func(t *testing.T) {
			m := deadletters.Read(c.body, c.attributes)
			if m.Kind != c.kind || m.Reason != c.reason || m.Summary != c.summary {
				t.Errorf("%s, %q, %q", m.Kind, m.Reason, m.Summary)
			}
			if diff := cmp.Diff(c.keys, m.Keys); diff != "" {
				t.Error(diff)
			}
			if strings.Contains(m.Body+m.Summary, "4111111111111111") || strings.Contains(m.Body, "\x00") {
				t.Errorf("not fit for a terminal: %s", m.Body)
			}
		})
	}

	t.Run("when it is sent on, has what that takes", func(t *testing.T) {
		p := deadletters.Read(positions, nil).Positions
		want := &deadletters.Positions{
			Condition: "RecordAgeExceeded", StreamARN: "arn:aws:dynamodb:us-east-2:123456789012:table/mytable/stream/2019-11-14T00:04:06.388",
			ShardID: "shardId-00000001573689847184-864758bb", Start: "800000000003126276362", End: "800000000003126276369", Size: 3,
			First: time.Date(2019, 11, 14, 0, 13, 19, 0, time.UTC), Last: time.Date(2019, 11, 14, 0, 13, 21, 0, time.UTC),
		}
		if diff := cmp.Diff(want, p); diff != "" {
			t.Error(diff)
		}
		if i := deadletters.Read(invocation, nil).Invocation; string(i.Payload) != `{"time": "2026-11-22T02:20:00Z"}` {
			t.Errorf("%s", i.Payload)
		}
		if w := deadletters.Read(workflow, nil).Workflow; string(w.Transaction) != `{"transaction_id": "txn_1", "provider": "shop"}` {
			t.Errorf("%s", w.Transaction)
		}
		if r := deadletters.Read(record, nil).Record; r.Arrived.IsZero() || r.SequenceNumber != "12" {
			t.Errorf("%+v", r)
		}
	})

	t.Run("when a record's key was masked, it names no transaction", func(t *testing.T) {
		m := deadletters.Read(strings.Replace(record, `"transaction_id"`, `"masked": true, "transaction_id"`, 1), nil)
		if m.Keys != nil || !m.Record.Masked {
			t.Errorf("%+v", m)
		}
	})
}
