package e2e

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/local/session"
)

// document is a segment or subsegment document that the X-Ray daemon received.
type document struct {
	TraceID string          `json:"trace_id"`
	Name    string          `json:"name"`
	JSON    json.RawMessage `json:"document"`
}

// traces returns the documents of a trace, or all documents when traceID is empty.
func traces(ctx context.Context, s *session.Session, traceID string) ([]document, error) {
	var documents []document
	err := s.Control(ctx, http.MethodGet, "/_local/traces?trace_id="+url.QueryEscape(traceID), nil, &documents)
	return documents, err
}

// deleteArchived deletes an object of the audit bucket.
func deleteArchived(ctx context.Context, s *session.Session, key string) error {
	_, err := s3.NewFromConfig(s.AWS).DeleteObject(ctx, &s3.DeleteObjectInput{
		Bucket: aws.String(s.Outputs[contract.OutputAuditBucket]), Key: aws.String(key),
	})
	return err
}
