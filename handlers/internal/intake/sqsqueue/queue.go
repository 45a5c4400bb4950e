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

// MaxMessageBytes is the longest message that SQS accepts: 1 MiB since August 2025.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
const MaxMessageBytes = 1024 * 1024

// ErrUnavailable is the error of a message that could not be sent. The cause is
// wrapped.
var ErrUnavailable = errors.New("the queue is unavailable")

const (
	attemptTimeout = 1500 * time.Millisecond
	maxAttempts    = 2
	maxBackoff     = 100 * time.Millisecond
	sendTimeout    = 3 * time.Second // attempts included
)

// NewClient returns a client with the timeouts and retries above.
func NewClient(cfg aws.Config) *sqs.Client {
	return sqs.NewFromConfig(cfg, func(o *sqs.Options) {
		o.HTTPClient = awshttp.NewBuildableClient().WithTimeout(attemptTimeout)
		o.Retryer = retry.NewStandard(func(r *retry.StandardOptions) {
			r.MaxAttempts = maxAttempts
			r.MaxBackoff = maxBackoff
		})
	})
}

// Queue sends to one SQS queue.
type Queue struct {
	client *sqs.Client
	url    string
}

// New returns the queue with that URL; make the client with NewClient.
func New(client *sqs.Client, url string) *Queue { return &Queue{client, url} }

// Send sends a message to the queue. The body has at most MaxMessageBytes and contains
// only characters of XML 1.0. The error is ErrUnavailable.
func (q *Queue) Send(ctx context.Context, body string) error {
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	if _, err := q.client.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: &q.url, MessageBody: &body}); err != nil {
		return fmt.Errorf("%w: send message: %w", ErrUnavailable, err)
	}
	return nil
}
