package lambdainvoke

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/ledger"
)

// Timeouts and retries. Lambda queues an asynchronous invocation within some 10 ms; the
// workflow repeats the whole invocation of fraud-detector if it does not.
const (
	attemptTimeout = 2 * time.Second
	maxAttempts    = 2
)

// NewClient returns a client whose calls end well within fraud-detector's timeout.
func NewClient(cfg aws.Config) *lambda.Client {
	return lambda.NewFromConfig(cfg, func(o *lambda.Options) {
		o.HTTPClient = awshttp.NewBuildableClient().WithTimeout(attemptTimeout)
		o.Retryer = retry.NewStandard(func(r *retry.StandardOptions) { r.MaxAttempts = maxAttempts })
	})
}

// Archiver requests archiving. It is safe for concurrent use.
type Archiver struct {
	client   *lambda.Client
	function string
}

// New returns an Archiver that invokes the function of that name.
func New(client *lambda.Client, function string) *Archiver { return &Archiver{client, function} }

// Late requests that the hour is archived again because of the fraud result of a
// transaction. It returns once Lambda has queued the request: Lambda then invokes the
// archiver up to three times, and sends a request that failed to the archiver's queue of
// failures. A repeated request does no harm.
func (a *Archiver) Late(ctx context.Context, hour time.Time, scored ledger.Key) error {
	name := hour.UTC().Format(contract.HourLayout)
	payload, err := json.Marshal(map[string]any{
		contract.ArchiveFrom: name,
		contract.ArchiveTo:   name,
		contract.ArchiveScored: map[string]string{
			contract.FieldTransactionID: scored.TransactionID,
			contract.FieldProvider:      scored.Provider,
		},
	})
	if err != nil {
		return err
	}
	_, err = a.client.Invoke(ctx, &lambda.InvokeInput{
		FunctionName: &a.function, InvocationType: types.InvocationTypeEvent, Payload: payload,
	})
	if err != nil {
		return fmt.Errorf("invoke %s: %w", a.function, err)
	}
	return nil
}
