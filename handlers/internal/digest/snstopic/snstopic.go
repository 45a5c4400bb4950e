// Package snstopic publishes digests to an SNS topic.
package snstopic

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/sns"

	"payment-webhooks/handlers/internal/digest"
)

// MaxMessageBytes is the longest message that SNS accepts, all texts of it together.
// https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
const MaxMessageBytes = 256 * 1024

// requestTimeout bounds one HTTP request. The SDK makes three at most, within the function's
// timeout.
const requestTimeout = 5 * time.Second

// NewClient returns a client with the timeout above.
func NewClient(cfg aws.Config) *sns.Client {
	return sns.NewFromConfig(cfg, func(o *sns.Options) {
		o.HTTPClient = awshttp.NewBuildableClient().WithTimeout(requestTimeout)
	})
}

// Topic publishes to one SNS topic.
type Topic struct {
	client *sns.Client
	arn    string
}

var _ digest.Topic = (*Topic)(nil)

// New returns the topic with that ARN; make the client with NewClient.
func New(client *sns.Client, arn string) *Topic { return &Topic{client, arn} }

// Publish implements digest.Topic. Subscribers get Text, phones SMS.
func (t *Topic) Publish(ctx context.Context, m digest.Message) error {
	texts, err := json.Marshal(map[string]string{"default": m.Text, "sms": m.SMS})
	if err != nil {
		return err // cannot happen: strings always marshal
	}
	if len(texts) > MaxMessageBytes {
		return fmt.Errorf("%w: %d bytes", digest.ErrTooLarge, len(texts))
	}
	if _, err := t.client.Publish(ctx, &sns.PublishInput{
		TopicArn: &t.arn, Subject: &m.Subject, Message: aws.String(string(texts)), MessageStructure: aws.String("json"),
	}); err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	return nil
}
