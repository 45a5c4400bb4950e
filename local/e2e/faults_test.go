package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/local/session"
)

// awaitMessage waits for a message whose body has part in it.
func awaitMessage(t *testing.T, s *session.Session, queue, part string) sqstypes.Message {
	t.Helper()
	var found sqstypes.Message
	eventually(t, fmt.Sprintf("%s in %s", part, queue), func(ctx context.Context) (bool, error) {
		all, err := s.Messages(ctx, queue)
		if err != nil {
			return false, err
		}
		for _, m := range all {
			if strings.Contains(aws.ToString(m.Body), part) {
				found = m
				return true, nil
			}
		}
		return false, nil
	})
	return found
}

// Without the topic, the rule for medium amounts cannot deliver and the workflow's
// notification fails; without the table, the endpoint cannot store. Every accepted
// transaction must be where docs/operations.md sends an operator.
func TestDeadLetters(t *testing.T) {
	inParallel(t)
	s := ownSession(t)
	if _, err := sns.NewFromConfig(s.AWS).DeleteTopic(t.Context(), &sns.DeleteTopicInput{TopicArn: aws.String(s.Outputs[contract.OutputTopic])}); err != nil {
		t.Fatal(err)
	}

	t.Run("a rule's target", func(t *testing.T) {
		id := newID(t) + "_"
		accept(t, s, payment(id, "5000", "EUR", ""))
		m := awaitMessage(t, s, "medium-value-dlq-"+s.Suffix(), id)
		var event struct {
			Source     string `json:"source"`
			DetailType string `json:"detail-type"`
			Detail     struct {
				ID     string      `json:"transaction_id"`
				Amount json.Number `json:"amount"`
			} `json:"detail"`
		}
		if err := json.Unmarshal([]byte(*m.Body), &event); err != nil {
			t.Fatal(err)
		}
		if event.Source != "payment.webhooks" || event.Detail.ID != id || event.Detail.Amount != "5000" {
			t.Errorf("the message is %s, want the event itself", *m.Body)
		}
		attribute := func(name string) string { return aws.ToString(m.MessageAttributes[name].StringValue) }
		for name, part := range map[string]string{
			"RULE_ARN":   "rule/" + contract.BusPrefix + s.Suffix() + "/medium-value-transactions-" + s.Suffix(),
			"TARGET_ARN": s.Outputs[contract.OutputTopic],
		} {
			if !strings.Contains(attribute(name), part) {
				t.Errorf("%s is %q, want %q in it", name, attribute(name), part)
			}
		}
		for _, name := range []string{"ERROR_CODE", "ERROR_MESSAGE"} {
			if attribute(name) == "" {
				t.Errorf("no %s", name)
			}
		}
	})

	t.Run("a branch of the workflow", func(t *testing.T) {
		id := newID(t) + "_"
		accept(t, s, payment(id, "15000", "USD", ""))
		m := awaitMessage(t, s, contract.WorkflowDeadLetterPrefix+s.Suffix(), id)
		var failure struct {
			State, Execution string
			Error            struct{ Error, Cause string }
			Transaction      struct {
				ID         string `json:"transaction_id"`
				AmountText string `json:"amount_text"`
			}
		}
		if err := json.Unmarshal([]byte(*m.Body), &failure); err != nil {
			t.Fatal(err)
		}
		if failure.State == "" || failure.Execution == "" || failure.Error.Error == "" || failure.Transaction.AmountText != "15000.00 USD" {
			t.Errorf("the message is %s, want state, execution, error and transaction", *m.Body)
		}
		// The other branch went on.
		eventually(t, "the fraud result", func(ctx context.Context) (bool, error) {
			item, err := s.Item(ctx, id, "shop")
			return item["fraud"] != nil, err
		})
	})

	t.Run("the store", func(t *testing.T) {
		if _, err := dynamodb.NewFromConfig(s.AWS).DeleteTable(t.Context(), &dynamodb.DeleteTableInput{TableName: aws.String(s.Outputs[contract.OutputTable])}); err != nil {
			t.Fatal(err)
		}
		res := post(t, s, payment(newID(t), "1", "USD", ""))
		if res.Status != 503 || res.Header.Get("Retry-After") == "" {
			t.Errorf("%d %s, Retry-After %q, want 503 and a time", res.Status, res.Body, res.Header.Get("Retry-After"))
		}
		readProblem(t, res)
	})
}

// A record that cannot be published must not prevent others from being published.
func TestPoisonedRecords(t *testing.T) {
	model := newID(t)
	accept(t, shared, payment(model, "250", "USD", ""))
	db, table := dynamodb.NewFromConfig(shared.AWS), shared.Outputs[contract.OutputTable]
	stored, err := db.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: aws.String(table), Key: map[string]types.AttributeValue{
		"transaction_id": &types.AttributeValueMemberS{Value: model}, "provider": &types.AttributeValueMemberS{Value: "shop"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	// One write, so that good records share invocations with poisoned ones: items that
	// are not transactions, as a careless script could write them.
	const before, poison, after = 18, 3, 4
	var batch []types.WriteRequest
	ids := make([]string, before+poison+after)
	for i := range ids {
		ids[i] = newID(t) + "_"
		item := maps.Clone(stored.Item)
		if i >= before && i < before+poison {
			item = map[string]types.AttributeValue{"provider": stored.Item["provider"]}
		}
		item["transaction_id"] = &types.AttributeValueMemberS{Value: ids[i]}
		batch = append(batch, types.WriteRequest{PutRequest: &types.PutRequest{Item: item}})
	}
	written, err := db.BatchWriteItem(t.Context(), &dynamodb.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{table: batch}})
	if err != nil || len(written.UnprocessedItems) > 0 {
		t.Fatalf("%v, %d unprocessed", err, len(written.UnprocessedItems))
	}

	published := func(ctx context.Context, i int) (int, error) {
		lines, err := shared.Logged(ctx, shared.LowValueLogGroup(), fmt.Sprintf("%q", ids[i]))
		return len(lines), err
	}
	for i := range ids {
		if i >= before && i < before+poison {
			continue
		}
		eventually(t, fmt.Sprintf("the event of good record %d", i), func(ctx context.Context) (bool, error) {
			n, err := published(ctx, i)
			return n >= 1, err
		})
	}
	named := map[string]bool{}
	eventually(t, "each poisoned record in the queue", func(ctx context.Context) (bool, error) {
		all, err := shared.Messages(ctx, contract.RelayDeadLetterPrefix+shared.Suffix())
		if err != nil {
			return false, err
		}
		for _, m := range all {
			var letter struct {
				Reason         string `json:"reason"`
				ID             string `json:"transaction_id"`
				SequenceNumber string `json:"sequence_number"`
			}
			if err := json.Unmarshal([]byte(*m.Body), &letter); err != nil {
				return false, err
			}
			if letter.Reason != "unreadable" || letter.SequenceNumber == "" {
				return false, fmt.Errorf("%s, want an unreadable record and its position", *m.Body)
			}
			named[letter.ID] = true
		}
		return len(named) >= poison, nil
	})
	for i := before; i < before+poison; i++ {
		if !named[ids[i]] || len(named) != poison {
			t.Errorf("%v in the queue, want %s and the other poisoned ones", named, ids[i])
		}
	}
	// No record waits for a poisoned one, so none is published again.
	for i := range ids {
		want := 1
		if i >= before && i < before+poison {
			want = 0
		}
		if n, err := published(t.Context(), i); err != nil || n != want {
			t.Errorf("record %d was published %d times (%v), want %d", i, n, err, want)
		}
	}
}
