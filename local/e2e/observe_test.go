package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"payment-webhooks/local/session"
)

// received are the messages that messages has found so far.
var received struct {
	mu      sync.Mutex
	byQueue map[string][]sqstypes.Message // by the queue's URL
}

// messages returns what has been found in a queue so far, oldest first. Each call finds up to
// ten more. It deletes nothing, but hides what it found for an hour: with a shorter time, a
// slow machine would find the first ten again and again.
func messages(ctx context.Context, s *session.Session, queue string) ([]sqstypes.Message, error) {
	client := sqs.NewFromConfig(s.AWS)
	u, err := client.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: aws.String(queue)})
	if err != nil {
		return nil, fmt.Errorf("queue %s: %w", queue, err)
	}
	out, err := client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
		QueueUrl: u.QueueUrl, MaxNumberOfMessages: 10, VisibilityTimeout: 3600, MessageAttributeNames: []string{"All"},
	})
	if err != nil {
		return nil, fmt.Errorf("queue %s: %w", queue, err)
	}
	received.mu.Lock()
	defer received.mu.Unlock()
	if received.byQueue == nil {
		received.byQueue = map[string][]sqstypes.Message{}
	}
	received.byQueue[*u.QueueUrl] = append(received.byQueue[*u.QueueUrl], out.Messages...)
	return slices.Clone(received.byQueue[*u.QueueUrl]), nil
}

// document is a segment or subsegment that the X-Ray daemon received.
type document struct {
	TraceID string          `json:"trace_id"`
	Name    string          `json:"name"`
	JSON    json.RawMessage `json:"document"`
}

// traces returns the documents of a trace, or all documents when traceID is empty.
func traces(ctx context.Context, s *session.Session, traceID string) ([]document, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.Endpoint+"/_local/traces?trace_id="+url.QueryEscape(traceID), nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("traces: %s", response.Status)
	}
	var documents []document
	return documents, json.NewDecoder(response.Body).Decode(&documents)
}

// deleteArchived deletes an object of the audit bucket.
func deleteArchived(ctx context.Context, s *session.Session, key string) error {
	_, err := s3.NewFromConfig(s.AWS).DeleteObject(ctx, &s3.DeleteObjectInput{
		Bucket: aws.String(s.Outputs["AuditBucketName"]), Key: aws.String(key),
	})
	return err
}
