package stepfunctions

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/aws/aws-lambda-go/lambda/messages"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/event"
	"payment-webhooks/handlers/internal/fraud"
	"payment-webhooks/handlers/internal/ledger"
)

// Response is the result for the workflow, which reads contract.FraudRiskLevel and
// contract.FraudRiskSummary.
type Response struct {
	TransactionID string `json:"transaction_id"`
	Provider      string `json:"provider"`
	fraud.Assessment
}

// Handler returns the Lambda function that scores the transaction in the detail of
// an event.
//
// Its errors have the types of package contract, by which the workflow distinguishes
// them. (Lambda would otherwise report an error's Go type, which for wrapped errors is
// that of the wrapper.) The workflow retries any error, and sends the transaction to its
// dead-letter queue if the retries fail too.
func Handler(d *Detector) func(context.Context, json.RawMessage) (Response, error) {
	return func(ctx context.Context, detail json.RawMessage) (Response, error) {
		response, err := d.handle(ctx, detail)
		if err != nil {
			d.log.ErrorContext(ctx, "transaction not scored", "error", err)
			return Response{}, typed(err)
		}
		return response, nil
	}
}

// handle returns the errors of event.Decode and of detect.
func (d *Detector) handle(ctx context.Context, detail json.RawMessage) (Response, error) {
	received, err := event.Decode(detail)
	if err != nil {
		return Response{}, err
	}
	assessment, err := d.detect(ctx, received)
	if err != nil {
		return Response{}, err
	}
	if assessment.Factors == nil {
		assessment.Factors = []fraud.Factor{} // an empty list, not null
	}
	return Response{received.ID, received.Provider, assessment}, nil
}

func typed(err error) error {
	for _, known := range []struct {
		sentinel error
		name     string
	}{
		{event.ErrMalformed, contract.ErrorTypeMalformedDetail},
		{errModel, contract.ErrorTypeModelFailed},
		{ledger.ErrNotFound, contract.ErrorTypeTransactionNotFound},
		{ledger.ErrUnavailable, contract.ErrorTypeLedgerUnavailable},
		{errArchiver, contract.ErrorTypeArchiverUnavailable},
	} {
		if errors.Is(err, known.sentinel) {
			return messages.InvokeResponse_Error{Type: known.name, Message: err.Error()}
		}
	}
	return err
}
