package quarantine

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"payment-webhooks/handlers/internal/intake"
	"payment-webhooks/handlers/internal/ledger"
	"payment-webhooks/handlers/internal/ledger/dynamodbledger"
	"payment-webhooks/handlers/internal/telemetry"
	"payment-webhooks/handlers/providers"
)

// Event is what becomes of one event of a delivery. Its texts are fit for a terminal: card
// numbers are masked.
type Event struct {
	Index         int    `json:"index"` // position in the delivery, from 0
	Type          string `json:"type,omitempty"`
	TransactionID string `json:"transaction_id,omitempty"`
	Provider      string `json:"provider"`
	Kind          string `json:"kind,omitempty"`
	Amount        string `json:"amount,omitempty"` // "12.00 USD"
	Duplicate     bool   `json:"duplicate,omitempty"`
	Stays         string `json:"stays,omitempty"` // why it stays in quarantine; "" if it is a transaction now
}

// ErrNotDelivery is the error of a message that is not a quarantined delivery of a configured
// provider.
var ErrNotDelivery = intake.ErrNotQuarantined

// Endpoint decodes and stores as the webhook endpoint does.
type Endpoint struct{ intake *intake.Intake }

// New returns the endpoint of a stack. environment is the validator's variable
// contract.EnvProviders, since some providers have settings that decide what an event means;
// table is that of the transactions.
func New(c aws.Config, environment, table string, now func() time.Time) (*Endpoint, error) {
	routes, err := intake.ParseRoutes(environment, providers.All())
	if err != nil {
		return nil, err
	}
	return &Endpoint{intake.New(intake.Config{
		Routes: routes,
		Ledger: dynamodbledger.New(dynamodbledger.NewBatchClient(c), table),
		Now:    now,
		// Redeliver neither verifies, binds, quarantines nor reports.
		Secrets: none{}, Quarantine: none{}, Bindings: none{},
		Log: slog.New(slog.DiscardHandler), Metrics: telemetry.NewMetrics(io.Discard, now, ""),
	})}, nil
}

// Redeliver decodes a message of the quarantine and, unless dry, stores what it is now. It
// returns what becomes of each event of the delivery, in its order. The error is
// ErrNotDelivery, or that of the table; a repeat is safe.
func (e *Endpoint) Redeliver(ctx context.Context, message string, dry bool) ([]Event, error) {
	redelivered, err := e.intake.Redeliver(ctx, message, dry)
	if err != nil {
		return nil, err
	}
	all := make([]Event, len(redelivered))
	for i, r := range redelivered {
		all[i] = Event{
			Index: r.Index, Type: r.Type, TransactionID: r.TransactionID, Provider: r.Provider, Kind: r.Kind, Amount: r.Amount,
			Duplicate: r.Stored == ledger.Duplicate,
		}
		if r.Err != nil {
			all[i].Stays = r.Err.Error()
		}
	}
	return all, nil
}

var errUnused = errors.New("not used by Redeliver")

// none fails whatever it is asked to do.
type none struct{}

func (none) Values(context.Context, string) ([]string, error) { return nil, errUnused }
func (none) Send(context.Context, string) error               { return errUnused }
func (none) Bind(context.Context, ledger.Binding) error       { return errUnused }
