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

// Ledger is the part of ledger.Ledger that is used here.
type Ledger interface {
	Hour(ctx context.Context, hour time.Time, shard int) iter.Seq2[ledger.Record, error]
	CreatedAt(ctx context.Context) (time.Time, error)
}

// Store is the audit bucket.
type Store interface {
	// Put writes the body to the object, and holds only a bounded part of it in
	// memory. If the body or the write fails, the object stays as it was. A failing
	// body returns an error that is not io.EOF, which marks its end.
	Put(ctx context.Context, key string, body io.Reader) error

	// List yields the objects whose key begins with prefix and sorts after the given
	// key, in order of their keys. It ends after the first error.
	List(ctx context.Context, prefix, after string) iter.Seq2[Entry, error]
}

// Entry is an object in a listing.
type Entry struct {
	Key     string
	Written time.Time // when this version of the object was written
}

// Headroom is how long before the deadline of its context a run stops, so that it can
// report instead of being killed.
const Headroom = 20 * time.Second

// Archiver archives hours. Runs may overlap.
type Archiver struct {
	ledger  Ledger
	store   Store
	log     *slog.Logger
	metrics *telemetry.Metrics
}

// New returns an archiver that reads from a ledger and writes to a store.
func New(l Ledger, s Store, log *slog.Logger, metrics *telemetry.Metrics) *Archiver {
	return &Archiver{ledger: l, store: s, log: log, metrics: metrics}
}

// Report is the result of a run.
type Report struct {
	Hours        []HourReport `json:"hours"`        // archived by this run, oldest first
	Transactions int          `json:"transactions"` // number of transactions in Hours
	Backlog      int          `json:"backlog"`      // number of hours that the run should have archived and did not
}

// HourReport is one archived hour.
type HourReport struct {
	Hour     string   `json:"hour"`     // RFC 3339
	Count    int      `json:"count"`    // number of transactions
	Manifest string   `json:"manifest"` // the manifest's key
	Objects  []string `json:"objects"`  // the objects' keys
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
	runs := 0
	if err == nil && report.Backlog == 0 {
		runs = 1 // complete
	}
	a.metrics.Emit(
		telemetry.Count(contract.MetricArchiveBacklog, report.Backlog),
		telemetry.Count(contract.MetricArchiveRuns, runs),
	)
	return report, err
}

// withoutManifest returns the hours that are not archived yet. It ignores a manifest
// that was written during its hour or soon after, by a run with a Request.Time in the
// future: otherwise, later transactions of the hour would never be archived.
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
		if written[ManifestKey(hour)].Before(hour.Add(time.Hour + archiveDelay/2)) {
			missing = append(missing, hour)
		}
	}
	return missing, nil
}

// Hours archives the given hours whether or not they have been archived before. If an
// hour fails, Hours goes on with the others; the error names each failed hour. When time
// runs out, the rest is left to another run; this is an error only if no hour was
// archived.
func (a *Archiver) Hours(ctx context.Context, hours []time.Time) (Report, error) {
	report := Report{Hours: []HourReport{}, Backlog: len(hours)}
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-Headroom))
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

// hour writes an object for each shard with transactions, then the manifest.
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

// shard writes the object of a shard. A shard without transactions gets no object, and
// the returned Object has the Count 0.
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
