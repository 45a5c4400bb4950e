package archive

import (
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
	// body returns an error that is not io.EOF, which marks its end. version identifies
	// what was written; it is empty if the bucket keeps no versions.
	Put(ctx context.Context, key string, body io.Reader) (version string, err error)

	// Replace writes a small object if its tag is still the one that Get returned. The
	// error is ErrChanged if it is not.
	Replace(ctx context.Context, key string, body []byte, tag string) error

	// Get reads a small object and the tag of its content. Both are empty if there is
	// no such object.
	Get(ctx context.Context, key string) (body []byte, tag string, err error)

	// Open reads a version of an object, the current one if version is empty. The
	// caller must close the reader. The error is ErrNotRestored for an object that must
	// be restored from Glacier first.
	Open(ctx context.Context, key, version string) (io.ReadCloser, error)

	// List yields the objects whose key begins with prefix and sorts after the given
	// key, in order of their keys. It ends after the first error.
	List(ctx context.Context, prefix, after string) iter.Seq2[Entry, error]
}

// Errors of archiving an hour, judged with errors.Is.
var (
	// ErrChanged is the error of replacing an object that was written since it was read.
	ErrChanged = errors.New("the object has changed")

	// ErrNotRestored is the error of reading an object in a storage class from which it
	// must be restored first.
	ErrNotRestored = errors.New("the object must be restored from Glacier before it can be read")

	// ErrFewer is the error of an hour that would lose transactions or fraud results if
	// it were archived again. Its text has both numbers.
	ErrFewer = errors.New("the ledger has less of the hour than its manifest")

	// ErrNotScored is the error of an hour without the fraud result because of which it
	// was to be archived again: the by-hour index has not caught up with the table yet.
	ErrNotScored = errors.New("the hour does not have the fraud result yet")
)

// Entry is an object in a listing.
type Entry struct {
	Key     string
	Written time.Time // when this version of the object was written
}

// Headroom is how long before the deadline of its context a run stops, so that it can
// report instead of being killed.
const Headroom = 20 * time.Second

// maxAttempts bounds how often a run reads an hour because other runs wrote its manifest
// meanwhile.
const maxAttempts = 5

// Archiver archives hours. Runs may overlap.
type Archiver struct {
	ledger  Ledger
	store   Store
	log     *slog.Logger
	metrics *telemetry.Metrics
	now     func() time.Time
}

// New returns an archiver that reads from a ledger and writes to a store. now is the real
// time: it decides which hours the ledger still holds whole, whatever a request says.
func New(l Ledger, s Store, log *slog.Logger, metrics *telemetry.Metrics, now func() time.Time) *Archiver {
	return &Archiver{ledger: l, store: s, log: log, metrics: metrics, now: now}
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

// Due archives the due hours that have no manifest, as if it were asOf; see NewWindow.
func (a *Archiver) Due(ctx context.Context, asOf time.Time) (Report, error) {
	createdAt, err := a.ledger.CreatedAt(ctx)
	if err != nil {
		return Report{}, fmt.Errorf("ask the ledger's age: %w", err)
	}
	missing, err := a.withoutManifest(ctx, NewWindow(a.now(), asOf).Due(createdAt))
	if err != nil {
		return Report{}, fmt.Errorf("list manifests: %w", err)
	}
	report, err := a.archive(ctx, missing, nil)
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

// Range archives the hours that a request names, whether or not they have been archived
// before. from, to, asOf and the error ErrRange are those of ParseRange.
func (a *Archiver) Range(ctx context.Context, from, to string, asOf time.Time) (Report, error) {
	hours, err := ParseRange(from, to, a.now(), asOf)
	if err != nil {
		return Report{}, err
	}
	return a.archive(ctx, hours, nil)
}

// Late archives an hour again because a fraud result was recorded after the hour had been
// archived. It does nothing if the archive has the result already. The error is ErrRange,
// ErrNotScored if the ledger does not show the result yet, or one of archiving the hour.
func (a *Archiver) Late(ctx context.Context, hour string, scored ledger.Key) (Report, error) {
	hours, err := ParseRange(hour, hour, a.now(), a.now())
	if err != nil {
		return Report{}, err
	}
	return a.archive(ctx, hours, &scored)
}

// withoutManifest returns the hours that are not archived yet. It ignores provisional
// manifests, which a run as of a future time writes.
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
		if IsProvisional(hour, written[ManifestKey(hour)]) { // or absent: the zero time
			missing = append(missing, hour)
		}
	}
	return missing, nil
}

// archive archives the given hours whether or not they have been archived before. If an
// hour fails, it goes on with the others; the error names each failed hour. When time
// runs out, the rest is left to another run; this is an error only if no hour was
// archived. If scored is not nil, see Late.
func (a *Archiver) archive(ctx context.Context, hours []time.Time, scored *ledger.Key) (Report, error) {
	report := Report{Hours: []HourReport{}, Backlog: len(hours)}
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-Headroom))
		defer cancel()
	}
	var failures []error
	for _, hour := range hours {
		m, err := a.hour(ctx, hour, scored)
		if errors.Is(err, errArchived) {
			a.log.InfoContext(ctx, "the archive has the fraud result already", "hour", hour)
			report.Backlog--
			continue
		}
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

// errArchived is the internal error of hour when there is nothing to do.
var errArchived = errors.New("archived already")

// hour archives an hour. If another run writes the manifest meanwhile, it reads the hour
// again: whoever writes the manifest last has read the ledger after all others had.
func (a *Archiver) hour(ctx context.Context, hour time.Time, scored *ledger.Key) (Manifest, error) {
	for attempt := 1; ; attempt++ {
		var m Manifest
		err := telemetry.Step(ctx, contract.SubsegmentArchive, func(ctx context.Context) error {
			var err error
			m, err = a.attempt(ctx, hour, scored)
			return err
		})
		if !errors.Is(err, ErrChanged) || attempt == maxAttempts {
			return m, err
		}
		a.log.InfoContext(ctx, "another run archived the hour meanwhile, reading it again", "hour", hour)
	}
}

// attempt writes an object for each shard with transactions, then the manifest, if that
// has not been written since the attempt began.
func (a *Archiver) attempt(ctx context.Context, hour time.Time, scored *ledger.Key) (Manifest, error) {
	if err := NewWindow(a.now(), a.now()).expired(hour); err != nil {
		return Manifest{}, err
	}
	body, tag, err := a.store.Get(ctx, ManifestKey(hour))
	if err != nil {
		return Manifest{}, fmt.Errorf("manifest: %w", err)
	}
	p := &pass{Archiver: a, hour: hour, scored: scored}
	if tag != "" {
		if p.old, err = DecodeManifest(body); err != nil {
			return Manifest{}, fmt.Errorf("%s: %w", ManifestKey(hour), err)
		}
	}
	if found, err := p.archived(ctx); err != nil {
		return Manifest{}, err
	} else if found {
		return Manifest{}, errArchived
	}
	objects, err := p.shards(ctx)
	if err != nil {
		return Manifest{}, err
	}
	m := newManifest(hour, objects, p.totals)
	if m.Count < p.old.Count || m.Scored < p.old.Scored { // a release with fewer shards
		return Manifest{}, p.fewer(ctx)
	}
	if scored != nil && !p.found {
		return Manifest{}, fmt.Errorf("%w: %s from %s", ErrNotScored, scored.TransactionID, scored.Provider)
	}
	// Reading may have taken long enough for items to expire.
	if err := NewWindow(a.now(), a.now()).expired(hour); err != nil {
		return Manifest{}, err
	}
	if body, err = m.encode(); err != nil {
		return Manifest{}, fmt.Errorf("manifest: %w", err)
	}
	if err := a.store.Replace(ctx, ManifestKey(hour), body, tag); err != nil {
		return Manifest{}, fmt.Errorf("manifest: %w", err)
	}
	return m, nil
}

// pass is one attempt to archive an hour.
type pass struct {
	*Archiver
	hour   time.Time
	old    Manifest    // the hour's manifest when the attempt began; zero if it had none
	scored *ledger.Key // whose fraud result the hour must have; nil for none
	found  bool        // the ledger has that result
	totals Sums
}

// archived reports whether the archive has the fraud result that is asked for.
func (p *pass) archived(ctx context.Context) (bool, error) {
	if p.scored == nil {
		return false, nil
	}
	o := p.old.object(ObjectKey(p.hour, ledger.Shard(p.scored.TransactionID)))
	if o.Count == 0 {
		return false, nil
	}
	body, err := p.store.Open(ctx, o.Key, o.VersionID)
	if err != nil {
		return false, err
	}
	defer body.Close()
	for text, err := range Lines(body) {
		var record ledger.Record
		if err == nil {
			record, err = DecodeLine(text)
		}
		if err != nil {
			return false, fmt.Errorf("%s: %w", o.Key, err)
		}
		if ledger.KeyOf(record.Transaction) == *p.scored {
			return record.Fraud != nil, nil
		}
	}
	return false, nil
}

// shards writes the objects of all shards with transactions.
func (p *pass) shards(ctx context.Context) ([]Object, error) {
	var objects []Object
	for shard := range contract.HourShards {
		o, err := p.shard(ctx, shard)
		if err != nil {
			return nil, fmt.Errorf("shard %d: %w", shard, err)
		}
		if o.Count > 0 {
			objects = append(objects, o)
		}
	}
	return objects, nil
}

// shard writes the object of a shard, unless it would have less than the one that the
// manifest lists. A shard without transactions gets no object, and the returned Object has
// the Count 0.
func (p *pass) shard(ctx context.Context, shard int) (Object, error) {
	key := ObjectKey(p.hour, shard)
	var o *object
	for record, err := range p.ledger.Hour(ctx, p.hour, shard) {
		if err == nil {
			if o == nil {
				o = open(ctx, p.store, key)
			}
			err = o.write(record)
		}
		if err != nil {
			if o != nil {
				o.abort(err)
			}
			return Object{}, err
		}
		p.totals.Add(record)
		p.found = p.found || p.scored != nil && record.Fraud != nil && ledger.KeyOf(record.Transaction) == *p.scored
	}
	var written Object
	if o != nil {
		written = o.description
	}
	if before := p.old.object(key); written.Count < before.Count || written.Scored < before.Scored {
		if o != nil {
			o.abort(ErrFewer)
		}
		return Object{}, p.fewer(ctx)
	}
	if o == nil {
		return Object{}, nil
	}
	return o.close()
}

// fewer returns ErrFewer with the numbers of the whole hour.
func (p *pass) fewer(ctx context.Context) error {
	count, scored := 0, 0
	for shard := range contract.HourShards {
		for record, err := range p.ledger.Hour(ctx, p.hour, shard) {
			if err != nil {
				return fmt.Errorf("%w; counting them: %w", ErrFewer, err)
			}
			if count++; record.Fraud != nil {
				scored++
			}
		}
	}
	return fmt.Errorf("%w: hour %s has %d transactions (%d scored) in its manifest and %d (%d scored) in the ledger",
		ErrFewer, p.hour.Format(HourLayout), p.old.Count, p.old.Scored, count, scored)
}
