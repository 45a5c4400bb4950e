package sqs

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// maxEntries is the most messages of one call.
const maxEntries = 10

type queue struct {
	client *awssqs.Client
	url    string
}

// NewQueue returns a Source that calls SQS through client.
func NewQueue(client *awssqs.Client, url string) Source { return queue{client, url} }

func (q queue) Receive(ctx context.Context) ([]Message, error) {
	out, err := q.client.ReceiveMessage(ctx, &awssqs.ReceiveMessageInput{
		QueueUrl: &q.url, MaxNumberOfMessages: maxEntries,
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAll},
	})
	if err != nil {
		return nil, err
	}
	messages := make([]Message, len(out.Messages))
	for i, m := range out.Messages {
		messages[i] = Message{aws.ToString(m.MessageId), aws.ToString(m.ReceiptHandle), aws.ToString(m.Body), aws.ToString(m.MD5OfBody), m.Attributes}
	}
	return messages, nil
}

func (q queue) Delete(ctx context.Context, batch []Message) error {
	var problems []error
	for part := range slices.Chunk(batch, maxEntries) {
		var entries []types.DeleteMessageBatchRequestEntry
		for i, m := range part {
			entries = append(entries, types.DeleteMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), ReceiptHandle: &m.Receipt})
		}
		out, err := q.client.DeleteMessageBatch(ctx, &awssqs.DeleteMessageBatchInput{QueueUrl: &q.url, Entries: entries})
		if err == nil {
			err = rejected(out.Failed)
		}
		problems = append(problems, err)
	}
	return errors.Join(problems...)
}

func (q queue) Hide(ctx context.Context, batch []Message, d time.Duration) error {
	var problems []error
	for part := range slices.Chunk(batch, maxEntries) {
		var entries []types.ChangeMessageVisibilityBatchRequestEntry
		for i, m := range part {
			entries = append(entries, types.ChangeMessageVisibilityBatchRequestEntry{
				Id: aws.String(strconv.Itoa(i)), ReceiptHandle: &m.Receipt, VisibilityTimeout: int32(math.Ceil(d.Seconds())),
			})
		}
		out, err := q.client.ChangeMessageVisibilityBatch(ctx, &awssqs.ChangeMessageVisibilityBatchInput{QueueUrl: &q.url, Entries: entries})
		if err == nil {
			err = rejected(out.Failed)
		}
		problems = append(problems, err)
	}
	return errors.Join(problems...)
}

func rejected(entries []types.BatchResultErrorEntry) error {
	if len(entries) == 0 {
		return nil
	}
	return fmt.Errorf("%d entries rejected: %s", len(entries), aws.ToString(entries[0].Code))
}

func (q queue) State(ctx context.Context) (visibility time.Duration, messages int, err error) {
	const visible, hidden, timeout = types.QueueAttributeNameApproximateNumberOfMessages, types.QueueAttributeNameApproximateNumberOfMessagesNotVisible, types.QueueAttributeNameVisibilityTimeout
	out, err := q.client.GetQueueAttributes(ctx, &awssqs.GetQueueAttributesInput{QueueUrl: &q.url, AttributeNames: []types.QueueAttributeName{visible, hidden, timeout}})
	if err != nil {
		return 0, 0, err
	}
	number := func(name types.QueueAttributeName) int {
		n, parsing := strconv.Atoi(out.Attributes[string(name)])
		err = errors.Join(err, parsing)
		return n
	}
	return time.Duration(number(timeout)) * time.Second, number(visible) + number(hidden), err
}
