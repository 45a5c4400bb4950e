package daily

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"time"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/secrets"
	"payment-webhooks/handlers/internal/telemetry"
	"payment-webhooks/handlers/operations/reconcile"
)

const (
	// Window is how far back a run looks: two days, so that a day's events are compared
	// again if a run fails, and an alarm rings again for what is still missing.
	Window = 48 * time.Hour

	// headroom is the time before the function's deadline that is left to report what was
	// compared until then.
	headroom = 20 * time.Second

	// maxLogged bounds the log lines about single transactions of a provider in a run.
	maxLogged = 100
)

// Config is what a Reconciler works with. Every field but Transport is required.
type Config struct {
	Settings  Settings
	Secrets   secrets.Source
	Ledger    reconcile.Ledger
	Log       *slog.Logger
	Metrics   *telemetry.Metrics
	Now       func() time.Time
	Transport http.RoundTripper // nil for the default
}

// Reconciler compares the configured providers with the ledger.
type Reconciler struct{ c Config }

// New returns a reconciler.
func New(c Config) *Reconciler { return &Reconciler{c} }

// Summary is what a run found, by provider.
type Summary map[string]Counts

// Counts is what was found of a provider.
type Counts struct {
	Listed    int `json:"listed"`
	Missing   int `json:"missing"`
	Different int `json:"different"`
	InFlight  int `json:"in_flight"`
}

// Handle compares every provider, and reports each as a log line and metrics. If the list
// of one cannot be read, the others are compared and the invocation fails, so that Lambda
// repeats it. The event is ignored.
func (r *Reconciler) Handle(ctx context.Context, _ any) (Summary, error) {
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-headroom))
		defer cancel()
	}
	summary := Summary{}
	var failures []error
	for _, name := range slices.Sorted(maps.Keys(r.c.Settings)) {
		report, err := r.compare(ctx, name)
		r.report(ctx, name, report, err)
		if err != nil {
			failures = append(failures, fmt.Errorf("%s: %w", name, err))
			continue
		}
		summary[name] = Counts{
			report.Listed, report.Transactions[reconcile.Missing], report.Transactions[reconcile.Different], report.Transactions[reconcile.Flying],
		}
	}
	return summary, errors.Join(failures...)
}

func (r *Reconciler) compare(ctx context.Context, name string) (reconcile.Report, error) {
	settings := r.c.Settings[name]
	values, err := r.c.Secrets.Values(ctx, settings.Secret)
	if err != nil {
		return reconcile.Report{}, fmt.Errorf("secret %s: %w", settings.Secret, err)
	}
	source, err := reconcile.Open(name, reconcile.Access{
		Credentials: values[0], URL: settings.URL, Transport: r.c.Transport,
		Waiting: func(reason error, wait time.Duration) {
			r.c.Log.WarnContext(ctx, "waiting for the provider", telemetry.KeyProvider, name, "error", reason, "wait_ms", wait.Milliseconds())
		},
	})
	if err != nil {
		return reconcile.Report{}, fmt.Errorf("secret %s: %w", settings.Secret, err)
	}
	now := r.c.Now()
	from, to, err := source.Window(now.Add(-Window), now, now)
	if err != nil {
		return reconcile.Report{}, err
	}
	return reconcile.Run(ctx, reconcile.Config{Source: source, Ledger: r.c.Ledger, From: from, To: to, Now: r.c.Now})
}

// report writes what was found as log lines and metrics. A run that failed counts what it
// found, but not as a run.
func (r *Reconciler) report(ctx context.Context, name string, report reconcile.Report, err error) {
	wrong := report.Transactions[reconcile.Missing] + report.Transactions[reconcile.Different]
	var metrics []telemetry.Metric
	if err == nil || wrong > 0 {
		metrics = append(metrics, telemetry.Count(contract.MetricMissing, wrong))
	}
	if err == nil {
		metrics = append(metrics, telemetry.Count(contract.MetricReconcileRuns, 1))
	}
	r.c.Metrics.EmitBy(contract.DimensionProvider, name, metrics...)
	logged := 0
	for _, item := range report.Items {
		if item.State != reconcile.Missing && item.State != reconcile.Different {
			continue
		}
		if logged++; logged > maxLogged {
			break
		}
		r.c.Log.WarnContext(ctx, "transaction "+string(item.State), telemetry.KeyProvider, name, telemetry.KeyTransactionID, item.TransactionID,
			"event_id", item.EventID, "event_type", item.EventType, "created_at", item.CreatedAt)
	}
	attrs := []any{
		telemetry.KeyProvider, name, "listed", report.Listed, "missing", report.Transactions[reconcile.Missing],
		"different", report.Transactions[reconcile.Different], "in_flight", report.Transactions[reconcile.Flying], "pages", report.Pages,
	}
	for _, warning := range report.Warnings {
		r.c.Log.WarnContext(ctx, warning, telemetry.KeyProvider, name)
	}
	if err != nil {
		r.c.Log.ErrorContext(ctx, "comparison failed", append(attrs, "error", err)...)
		return
	}
	r.c.Log.InfoContext(ctx, "provider compared", attrs...)
}
