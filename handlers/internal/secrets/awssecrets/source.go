package awssecrets

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"payment-webhooks/handlers/internal/secrets"
)

// Labels of the versions of a secret that are in force. Secrets Manager moves
// them itself when a value is put.
// https://docs.aws.amazon.com/secretsmanager/latest/userguide/whats-in-a-secret.html#term_version
const (
	current  = "AWSCURRENT"
	previous = "AWSPREVIOUS"
)

// Bounds of one request, which normally takes 10 ms, and of its retries. The cache
// bounds the time of a whole read.
const (
	attemptTimeout = time.Second
	maxAttempts    = 2
	maxBackoff     = 100 * time.Millisecond
)

// GetSecretValue is the part of the client that Source uses.
type GetSecretValue interface {
	GetSecretValue(context.Context, *secretsmanager.GetSecretValueInput, ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error)
}

// NewClient returns a client with the timeouts and retries above.
func NewClient(cfg aws.Config) *secretsmanager.Client {
	return secretsmanager.NewFromConfig(cfg, func(o *secretsmanager.Options) {
		o.HTTPClient = awshttp.NewBuildableClient().WithTimeout(attemptTimeout)
		o.Retryer = retry.NewStandard(func(r *retry.StandardOptions) {
			r.MaxAttempts = maxAttempts
			r.MaxBackoff = maxBackoff
		})
	})
}

// Source is a secrets.Source.
type Source struct{ client GetSecretValue }

var _ secrets.Source = (*Source)(nil)

// New returns a source that reads with the client; make it with NewClient.
func New(client GetSecretValue) *Source { return &Source{client} }

// Values implements secrets.Source. A secret that was never rotated has no previous
// version.
func (s *Source) Values(ctx context.Context, name string) ([]string, error) {
	value, err := s.value(ctx, name, current)
	if err != nil {
		return nil, err
	}
	values := []string{value}
	value, err = s.value(ctx, name, previous)
	if _, none := errors.AsType[*types.ResourceNotFoundException](err); none {
		return values, nil
	}
	if err != nil {
		return nil, err
	}
	return append(values, value), nil
}

func (s *Source) value(ctx context.Context, name, stage string) (string, error) {
	out, err := s.client.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &name, VersionStage: &stage})
	if err != nil {
		return "", fmt.Errorf("%w: get %s: %w", secrets.ErrUnavailable, stage, err)
	}
	return aws.ToString(out.SecretString), nil
}
