package sqsqueue

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// MaxMessageBytes is what SQS takes in one message, 1 MiB since August 2025.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
const MaxMessageBytes = 1024 * 1024

// ErrUnavailable says that a message could not be put into the queue. The cause
// is wrapped.
var ErrUnavailable = errors.New("the queue is unavailable")

const (
	attemptTimeout = 1500 * time.Millisecond
	maxAttempts    = 2
	maxBackoff     = 100 * time.Millisecond
	sendTimeout    = 3 * time.Second // attempts included
)

// NewClient is a client whose requests end in time.
func NewClient(cfg aws.Config) *sqs.Client {
	return sqs.NewFromConfig(cfg, func(o *sqs.Options) {
		o.HTTPClient = awshttp.NewBuildableClient().WithTimeout(attemptTimeout)
		o.Retryer = retry.NewStandard(func(r *retry.StandardOptions) {
			r.MaxAttempts = maxAttempts
			r.MaxBackoff = maxBackoff
		})
	})
}

// Queue is one queue.
type Queue struct {
	client *sqs.Client
	url    string
}

// New sends to the queue with that URL; make the client with NewClient.
func New(client *sqs.Client, url string) *Queue { return &Queue{client, url} }

// Send puts a message into the queue. The body has at most MaxMessageBytes, and
// no characters but those of XML 1.0. The error is ErrUnavailable.
func (q *Queue) Send(ctx context.Context, body string) error {
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	if _, err := q.client.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: &q.url, MessageBody: &body}); err != nil {
		return fmt.Errorf("%w: send message: %w", ErrUnavailable, err)
	}
	return nil
}
