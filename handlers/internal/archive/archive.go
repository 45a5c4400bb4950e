package archive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"time"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/ledger"
	"payment-webhooks/handlers/internal/telemetry"
)

// Ledger is the part of ledger.Ledger that is needed here.
type Ledger interface {
	Hour(ctx context.Context, hour time.Time, shard int) iter.Seq2[ledger.Record, error]
	CreatedAt(ctx context.Context) (time.Time, error)
}

// Store is the audit bucket.
type Store interface {
	// Put writes the object that body yields, holding only a bounded part of it.
	// When body or the write fails, the object is as it was before. A body that
	// fails does so with an error that wraps its cause: a bare io.EOF is its end.
	Put(ctx context.Context, key string, body io.Reader) error

	// List yields, in order of their keys, the objects whose key begins with
	// prefix and sorts after the given key. It ends after the first error.
	List(ctx context.Context, prefix, after string) iter.Seq2[Entry, error]
}

// Entry of a listing.
type Entry struct {
	Key     string
	Written time.Time // when this version of the object was written
}

// Margin is how long before the deadline of its context a run stops, so that it
// can report instead of being killed.
const Margin = 20 * time.Second

// Archiver archives hours. Runs may overlap.
type Archiver struct {
	ledger  Ledger
	store   Store
	log     *slog.Logger
	metrics *telemetry.Metrics
}

// New makes an archiver from a ledger to a store.
func New(l Ledger, s Store, log *slog.Logger, metrics *telemetry.Metrics) *Archiver {
	return &Archiver{ledger: l, store: s, log: log, metrics: metrics}
}

// Report says what a run did.
type Report struct {
	Hours        []HourReport `json:"hours"`        // archived by this run, oldest first
	Transactions int          `json:"transactions"` // in those
	Backlog      int          `json:"backlog"`      // hours of this run's task still to be archived
}

// HourReport is one archived hour.
type HourReport struct {
	Hour     string   `json:"hour"` // RFC 3339
	Count    int      `json:"count"`
	Manifest string   `json:"manifest"` // key
	Objects  []string `json:"objects"`  // keys
}

// Due archives the due hours that have no manifest, as of now.
func (a *Archiver) Due(ctx context.Context, now time.Time) (Report, error) {
	createdAt, err := a.ledger.CreatedAt(ctx)
	if err != nil {
		return Report{}, fmt.Errorf("ask the ledger's age: %w", err)
	}
	missing, err := a.withoutManifest(ctx, due(now, createdAt))
	if err != nil {
		return Report{}, fmt.Errorf("list manifests: %w", err)
	}
	report, err := a.Hours(ctx, missing)
	a.metrics.Emit(telemetry.Count(contract.MetricArchiveBacklog, report.Backlog))
	return report, err
}

// withoutManifest drops the hours that are archived already. A manifest written
// while its hour was open, or soon after, is of a run that was given a time ahead
// of the clock: it does not count, or what came in later would never be archived.
func (a *Archiver) withoutManifest(ctx context.Context, hours []time.Time) ([]time.Time, error) {
	if len(hours) == 0 {
		return nil, nil
	}
	written := map[string]time.Time{}
	for entry, err := range a.store.List(ctx, contract.AuditManifestsPrefix, beforeManifest(hours[0])) {
		if err != nil {
			return nil, err
		}
		written[entry.Key] = entry.Written
	}
	var missing []time.Time
	for _, hour := range hours {
		if written[ManifestKey(hour)].Before(hour.Add(time.Hour + settle/2)) {
			missing = append(missing, hour)
		}
	}
	return missing, nil
}

// Hours archives the given hours whether or not they have been archived before.
// An hour that fails does not keep others from being archived; the error names
// each. When time runs out, the rest is left for another run, which is an error
// only if this one has archived nothing at all.
func (a *Archiver) Hours(ctx context.Context, hours []time.Time) (Report, error) {
	report := Report{Hours: []HourReport{}, Backlog: len(hours)}
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-Margin))
		defer cancel()
	}
	var failures []error
	for _, hour := range hours {
		m, err := a.hour(ctx, hour)
		if err != nil && ctx.Err() != nil {
			a.log.WarnContext(ctx, "out of time, hours are left for the next run", "hour", hour, "left", report.Backlog)
			if len(report.Hours) == 0 {
				failures = append(failures, fmt.Errorf("hour %s: %w", hour.Format(HourLayout), ctx.Err()))
			}
			break
		}
		if err != nil {
			a.log.ErrorContext(ctx, "hour not archived", "hour", hour, "error", err)
			failures = append(failures, fmt.Errorf("hour %s: %w", hour.Format(HourLayout), err))
			continue
		}
		report.add(hour, m)
		a.log.InfoContext(ctx, "hour archived", "hour", hour, "transactions", m.Count, "objects", len(m.Objects))
	}
	a.metrics.Emit(
		telemetry.Count(contract.MetricArchived, report.Transactions),
		telemetry.Count(contract.MetricHoursArchived, len(report.Hours)),
	)
	return report, errors.Join(failures...)
}

func (r *Report) add(hour time.Time, m Manifest) {
	h := HourReport{Hour: m.Hour, Count: m.Count, Manifest: ManifestKey(hour), Objects: []string{}}
	for _, o := range m.Objects {
		h.Objects = append(h.Objects, o.Key)
	}
	r.Hours = append(r.Hours, h)
	r.Transactions += m.Count
	r.Backlog--
}

// hour writes an object for each shard that has transactions, then the manifest.
func (a *Archiver) hour(ctx context.Context, hour time.Time) (Manifest, error) {
	var m Manifest
	err := telemetry.Step(ctx, contract.SubsegmentArchive, func(ctx context.Context) error {
		var objects []Object
		totals := sums{}
		for shard := range contract.HourShards {
			o, err := a.shard(ctx, hour, shard, totals)
			if err != nil {
				return fmt.Errorf("shard %d: %w", shard, err)
			}
			if o.Count > 0 {
				objects = append(objects, o)
			}
		}
		m = newManifest(hour, objects, totals)
		body, err := m.encode()
		if err != nil {
			return fmt.Errorf("manifest: %w", err)
		}
		if err := a.store.Put(ctx, ManifestKey(hour), bytes.NewReader(body)); err != nil {
			return fmt.Errorf("manifest: %w", err)
		}
		return nil
	})
	return m, err
}

// shard writes the object of a shard; one without transactions gets none, and
// the description has the Count 0.
func (a *Archiver) shard(ctx context.Context, hour time.Time, shard int, totals sums) (Object, error) {
	var o *object
	for record, err := range a.ledger.Hour(ctx, hour, shard) {
		if err == nil {
			if o == nil {
				o = open(ctx, a.store, ObjectKey(hour, shard))
			}
			err = o.write(record)
		}
		if err != nil {
			if o != nil {
				o.abort(err)
			}
			return Object{}, err
		}
		totals.add(record.Transaction)
	}
	if o == nil {
		return Object{}, nil
	}
	return o.close()
}
