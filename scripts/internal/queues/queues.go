// Package queues reads the stack's queues for the operators' tool: how many messages they
// hold, and the messages themselves, which are hidden from others only while they are read.
package queues

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// Client calls SQS.
type Client struct{ sqs *sqs.Client }

// New returns a client.
func New(c aws.Config) *Client { return &Client{sqs.NewFromConfig(c)} }

// Depth is how many messages a queue holds, as SQS counts them: approximately, for up to a
// minute after a change.
type Depth struct {
	Visible   int
	InFlight  int // hidden, because somebody reads them
	Delayed   int
	Retention time.Duration // after which SQS deletes a message
}

// Total is the number of all messages.
func (d Depth) Total() int { return d.Visible + d.InFlight + d.Delayed }

// Depth reads how many messages a queue holds.
func (c *Client) Depth(ctx context.Context, url string) (Depth, error) {
	out, err := c.sqs.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &url, AttributeNames: []types.QueueAttributeName{
		types.QueueAttributeNameApproximateNumberOfMessages, types.QueueAttributeNameApproximateNumberOfMessagesNotVisible,
		types.QueueAttributeNameApproximateNumberOfMessagesDelayed, types.QueueAttributeNameMessageRetentionPeriod,
	}})
	if err != nil {
		return Depth{}, fmt.Errorf("attributes of %s: %w", url, err)
	}
	number := func(name types.QueueAttributeName) int {
		n, _ := strconv.Atoi(out.Attributes[string(name)]) // SQS sends numbers
		return n
	}
	return Depth{
		Visible:   number(types.QueueAttributeNameApproximateNumberOfMessages),
		InFlight:  number(types.QueueAttributeNameApproximateNumberOfMessagesNotVisible),
		Delayed:   number(types.QueueAttributeNameApproximateNumberOfMessagesDelayed),
		Retention: time.Duration(number(types.QueueAttributeNameMessageRetentionPeriod)) * time.Second,
	}, nil
}

// Message is a message that was received.
type Message struct {
	ID         string
	Body       string
	Attributes map[string]string // those that are strings
	Sent       time.Time
	Receives   int // how often it has been received, this time included
}

// How long messages are hidden. While a Reader is open it renews that, so it only bounds
// how long they stay hidden after the process was killed.
const (
	hidden  = time.Minute
	renewal = 20 * time.Second
)

// maxBatch is the most messages of one call.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
const maxBatch = 10

// Reader receives the messages of a queue, each once, and hides them until Close.
type Reader struct {
	client *Client
	url    string

	mu       sync.Mutex
	receipts map[string]string // by message id; of what is neither deleted nor released
	seen     map[string]bool
	stop     context.CancelFunc
	stopped  chan struct{}
}

// Open begins to read a queue.
func (c *Client) Open(ctx context.Context, url string) *Reader {
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	r := &Reader{client: c, url: url, receipts: map[string]string{}, seen: map[string]bool{}, stop: stop, stopped: make(chan struct{})}
	go r.renew(ctx)
	return r
}

func (r *Reader) renew(ctx context.Context) {
	defer close(r.stopped)
	tick := time.NewTicker(renewal)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			_ = r.hide(ctx, hidden) // a message that shows meanwhile is received again, and known by its id
		}
	}
}

// Next returns up to ten messages that it has not returned before; none when the queue has
// no other visible ones. An empty response is only believed after SQS was asked to wait a
// second, since only then it looks at all of its servers.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-short-and-long-polling.html
func (r *Reader) Next(ctx context.Context) ([]Message, error) {
	for {
		out, err := r.client.sqs.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
			QueueUrl: &r.url, MaxNumberOfMessages: maxBatch, VisibilityTimeout: int32(hidden.Seconds()), WaitTimeSeconds: 1,
			MessageAttributeNames: []string{"All"},
			MessageSystemAttributeNames: []types.MessageSystemAttributeName{
				types.MessageSystemAttributeNameSentTimestamp, types.MessageSystemAttributeNameApproximateReceiveCount,
			},
		})
		if err != nil {
			return nil, fmt.Errorf("receive from %s: %w", r.url, err)
		}
		if len(out.Messages) == 0 {
			return nil, nil
		}
		var fresh []Message
		r.mu.Lock()
		for _, m := range out.Messages {
			id := aws.ToString(m.MessageId)
			r.receipts[id] = aws.ToString(m.ReceiptHandle)
			if !r.seen[id] {
				r.seen[id] = true
				fresh = append(fresh, read(m))
			}
		}
		r.mu.Unlock()
		if len(fresh) > 0 {
			return fresh, nil
		}
	}
}

func read(m types.Message) Message {
	message := Message{ID: aws.ToString(m.MessageId), Body: aws.ToString(m.Body), Attributes: map[string]string{}}
	for name, value := range m.MessageAttributes {
		if value.StringValue != nil {
			message.Attributes[name] = *value.StringValue
		}
	}
	ms, _ := strconv.ParseInt(m.Attributes[string(types.MessageSystemAttributeNameSentTimestamp)], 10, 64) // SQS sends numbers
	message.Sent = time.UnixMilli(ms).UTC()
	message.Receives, _ = strconv.Atoi(m.Attributes[string(types.MessageSystemAttributeNameApproximateReceiveCount)])
	return message
}

// Delete deletes a message that Next returned.
func (r *Reader) Delete(ctx context.Context, id string) error {
	r.mu.Lock()
	receipt := r.receipts[id]
	r.mu.Unlock()
	if _, err := r.client.sqs.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: &r.url, ReceiptHandle: &receipt}); err != nil {
		return fmt.Errorf("delete message %s: %w", id, err)
	}
	r.mu.Lock()
	delete(r.receipts, id)
	r.mu.Unlock()
	return nil
}

// releaseTimeout bounds Close, also after an interrupt. The messages are visible again by
// themselves then.
const releaseTimeout = hidden

// Close makes the messages that were not deleted visible again.
func (r *Reader) Close() error {
	r.stop()
	<-r.stopped
	ctx, cancel := context.WithTimeout(context.Background(), releaseTimeout)
	defer cancel()
	return r.hide(ctx, 0)
}

// hide hides the messages from now on; 0 makes them visible.
func (r *Reader) hide(ctx context.Context, d time.Duration) error {
	r.mu.Lock()
	receipts := slices.Collect(maps.Values(r.receipts))
	r.mu.Unlock()
	var problems []error
	for batch := range slices.Chunk(receipts, maxBatch) {
		entries := make([]types.ChangeMessageVisibilityBatchRequestEntry, len(batch))
		for i, receipt := range batch {
			entries[i] = types.ChangeMessageVisibilityBatchRequestEntry{
				Id: aws.String(strconv.Itoa(i)), ReceiptHandle: &receipt, VisibilityTimeout: int32(d.Seconds()),
			}
		}
		_, err := r.client.sqs.ChangeMessageVisibilityBatch(ctx, &sqs.ChangeMessageVisibilityBatchInput{QueueUrl: &r.url, Entries: entries})
		problems = append(problems, err)
	}
	return errors.Join(problems...)
}
