package archiving

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"time"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/archive"
	"payment-webhooks/handlers/internal/ledger"
)

// Difference is something that is not as it should be.
type Difference struct {
	Hour          string `json:"hour"`                     // "2026-11-20T15"
	Object        string `json:"object,omitempty"`         // its key
	Line          int    `json:"line,omitempty"`           // in the object, from 1
	TransactionID string `json:"transaction_id,omitempty"` // with Provider, the transaction
	Provider      string `json:"provider,omitempty"`
	Text          string `json:"difference"`
}

// Verification is what was verified.
type Verification struct {
	From         string   `json:"from"` // first and last hour, "2026-11-20T15"; "" if there are none
	To           string   `json:"to"`
	Hours        int      `json:"hours"`        // that have a manifest
	Objects      int      `json:"objects"`      // that were read
	Bytes        int64    `json:"bytes"`        // of them
	Transactions int      `json:"transactions"` // lines that were read
	Compared     int      `json:"compared"`     // hours that were compared with the table
	InTable      int      `json:"in_table"`     // transactions of the table that were compared
	Unread       []string `json:"unread"`       // keys of objects that must be restored from Glacier first
	Differences  int      `json:"differences"`
}

// Verify checks the hours from one to another, both included; a zero time means the oldest
// or newest that there is. Of each hour with a manifest it reads the objects, by the
// versions that the manifest names, and compares digests, sizes, numbers and totals, and
// the form, order, place and fingerprint of each line. Hours that the table holds whole
// are compared with it in both directions. An hour that a daily run should have archived
// must have a manifest.
//
// A provisional archive lacks what came after it, until a run replaces it. It is compared
// with the table only if provisional is true.
//
// differ gets each difference as it is found, progress the number of hours done, of all.
// Memory does not grow with the number of transactions. The error is one of reading.
func (a *Archive) Verify(ctx context.Context, from, to time.Time, provisional bool, differ func(Difference), progress func(done, all int)) (Verification, error) {
	v := Verification{Unread: []string{}}
	written, err := a.manifests(ctx)
	if err != nil {
		return v, err
	}
	createdAt, err := a.ledger.CreatedAt(ctx)
	if err != nil {
		return v, err
	}
	now := a.now()
	window := archive.NewWindow(now, now)
	hours := slices.Clone(written.hours)
	for hour := since(now, createdAt); !hour.After(overdue(now)); hour = hour.Add(time.Hour) {
		hours = append(hours, hour)
	}
	slices.SortFunc(hours, time.Time.Compare)
	hours = slices.DeleteFunc(slices.Compact(hours), func(hour time.Time) bool {
		return hour.Before(from.UTC().Truncate(time.Hour)) || !to.IsZero() && hour.After(to)
	})
	if len(hours) > 0 {
		v.From, v.To = hours[0].Format(archive.HourLayout), hours[len(hours)-1].Format(archive.HourLayout)
	}
	for i, hour := range hours {
		at, ok := written.at[hour]
		held := !hour.Before(window.Oldest) && (provisional || !ok || !archive.IsProvisional(hour, at))
		if err := a.verifyHour(ctx, hour, held, &v, differ); err != nil {
			return v, fmt.Errorf("hour %s: %w", hour.Format(archive.HourLayout), err)
		}
		progress(i+1, len(hours))
	}
	return v, nil
}

const (
	// maxHeld bounds the differences of an hour that are kept until it is known that no
	// run has archived the hour meanwhile. An hour with more is not verified again.
	maxHeld = 1000

	// maxAttempts bounds how often an hour is verified because runs archive it meanwhile.
	maxAttempts = 5
)

// verifyHour verifies an hour, again if its manifest is replaced meanwhile.
func (a *Archive) verifyHour(ctx context.Context, hour time.Time, held bool, v *Verification, differ func(Difference)) error {
	for attempt := 1; ; attempt++ {
		body, tag, err := a.store.Get(ctx, archive.ManifestKey(hour))
		if err != nil {
			return err
		}
		h := &hourCheck{archive: a, hour: hour, held: held}
		reported := false
		h.differ = func(d Difference) {
			if h.pending = append(h.pending, d); len(h.pending) <= maxHeld && !reported {
				return
			}
			reported = true
			h.flush(differ)
		}
		if err := h.run(ctx, body, tag != ""); err != nil {
			return err
		}
		if len(h.pending) > 0 && !reported && attempt < maxAttempts {
			_, again, err := a.store.Get(ctx, archive.ManifestKey(hour))
			if err != nil {
				return err
			}
			if again != tag {
				continue
			}
		}
		h.flush(differ)
		v.add(h.found)
		return nil
	}
}

func (v *Verification) add(found Verification) {
	v.Hours += found.Hours
	v.Objects += found.Objects
	v.Bytes += found.Bytes
	v.Transactions += found.Transactions
	v.Compared += found.Compared
	v.InTable += found.InTable
	v.Unread = append(v.Unread, found.Unread...)
	v.Differences += found.Differences
}

// hourCheck verifies one hour.
type hourCheck struct {
	archive *Archive
	hour    time.Time
	held    bool // by the table
	differ  func(Difference)
	pending []Difference
	found   Verification
	sums    archive.Sums
}

func (h *hourCheck) flush(differ func(Difference)) {
	for _, d := range h.pending {
		differ(d)
	}
	h.found.Differences += len(h.pending)
	h.pending = h.pending[:0]
}

// report adds a difference; where it is known, of a transaction.
func (h *hourCheck) report(key string, line int, of ledger.Key, format string, values ...any) {
	h.differ(Difference{
		Hour: h.hour.Format(archive.HourLayout), Object: key, Line: line,
		TransactionID: of.TransactionID, Provider: of.Provider, Text: fmt.Sprintf(format, values...),
	})
}

func (h *hourCheck) run(ctx context.Context, manifest []byte, exists bool) error {
	var m archive.Manifest
	var err error
	if !exists {
		h.report("", 0, ledger.Key{}, "the hour should be archived and has no manifest")
	} else if m, err = archive.DecodeManifest(manifest); err != nil {
		h.report(archive.ManifestKey(h.hour), 0, ledger.Key{}, "%v", err)
	} else {
		h.found.Hours++
		h.manifest(m)
	}
	if h.held {
		h.found.Compared++
	}
	complete := true
	for shard := range contract.HourShards {
		key := archive.ObjectKey(h.hour, shard)
		i := slices.IndexFunc(m.Objects, func(o archive.Object) bool { return o.Key == key })
		if i < 0 {
			if err := h.tableOnly(ctx, shard); err != nil {
				return err
			}
			continue
		}
		err := h.object(ctx, shard, m, m.Objects[i])
		if errors.Is(err, archive.ErrNotRestored) {
			h.found.Unread = append(h.found.Unread, key)
			complete = false
			continue
		}
		if err != nil {
			return err
		}
	}
	if h.found.Hours > 0 && complete {
		h.totals(m)
	}
	return h.unnamed(ctx, m)
}

// manifest checks a manifest by itself.
func (h *hourCheck) manifest(m archive.Manifest) {
	key := archive.ManifestKey(h.hour)
	if want := h.hour.Format(time.RFC3339); m.Hour != want {
		h.report(key, 0, ledger.Key{}, "hour is %q, not %q", m.Hour, want)
	}
	count, scored := 0, 0
	listed := map[string]bool{}
	for _, o := range m.Objects {
		count += o.Count
		scored += o.Scored
		if listed[o.Key] {
			h.report(key, 0, ledger.Key{}, "it lists %s twice", o.Key)
		}
		listed[o.Key] = true
		if !h.isShard(o.Key) {
			h.report(key, 0, ledger.Key{}, "it lists %q, which is not an object of the hour", o.Key)
		}
	}
	if m.Count != count || m.Scored != scored {
		h.report(key, 0, ledger.Key{}, "it counts %d transactions (%d scored), and its objects %d (%d scored)", m.Count, m.Scored, count, scored)
	}
}

func (h *hourCheck) isShard(key string) bool {
	for shard := range contract.HourShards {
		if key == archive.ObjectKey(h.hour, shard) {
			return true
		}
	}
	return false
}

// totals compares the manifest's totals with those of the lines.
func (h *hourCheck) totals(m archive.Manifest) {
	want := h.sums.Totals()
	if m.SchemaVersion != archive.ManifestVersion {
		want = h.sums.ByCurrency()
	}
	if !slices.Equal(m.Totals, want) {
		h.report(archive.ManifestKey(h.hour), 0, ledger.Key{}, "its totals are %v, those of the lines %v", m.Totals, want)
	}
}

// unnamed reports objects of the hour that the manifest does not list.
func (h *hourCheck) unnamed(ctx context.Context, m archive.Manifest) error {
	prefix := strings.TrimSuffix(archive.ObjectKey(h.hour, 0), "shard-0.jsonl.gz")
	for entry, err := range h.archive.store.List(ctx, prefix, "") {
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(m.Objects, func(o archive.Object) bool { return o.Key == entry.Key }) {
			h.report(entry.Key, 0, ledger.Key{}, "no manifest names the object")
		}
	}
	return nil
}

// tableOnly reports what the table has in a shard of which the archive has nothing.
func (h *hourCheck) tableOnly(ctx context.Context, shard int) error {
	if !h.held {
		return nil
	}
	for record, err := range h.archive.ledger.Hour(ctx, h.hour, shard) {
		if err != nil {
			return err
		}
		h.found.InTable++
		h.notArchived(record)
	}
	return nil
}

func (h *hourCheck) notArchived(r ledger.Record) {
	h.report("", 0, ledger.KeyOf(r.Transaction), "the table has it, the archive does not")
}

// object checks an object, and compares its lines with the shard in the table.
func (h *hourCheck) object(ctx context.Context, shard int, m archive.Manifest, o archive.Object) error {
	body, err := h.archive.store.Open(ctx, o.Key, o.VersionID)
	if err != nil {
		if !errors.Is(err, archive.ErrNotRestored) && ctx.Err() == nil {
			h.report(o.Key, 0, ledger.Key{}, "it cannot be read: %v", err)
			return h.tableOnly(ctx, shard)
		}
		return err
	}
	defer body.Close()
	if o.VersionID != "" {
		current, err := h.archive.store.Version(ctx, o.Key)
		if err != nil {
			return err
		}
		if current != o.VersionID {
			h.report(o.Key, 0, ledger.Key{}, "its current version is not the one that the manifest describes: a run has failed after writing it; archive the hour again")
		}
	}
	table, stop := h.table(ctx, shard)
	defer stop()
	digest := sha256.New()
	size := counter(0)
	compressed := io.TeeReader(body, io.MultiWriter(digest, &size))
	seen := archive.Object{Key: o.Key, VersionID: o.VersionID}
	var last ledger.Record
	for text, err := range archive.Lines(compressed) {
		if err != nil {
			h.report(o.Key, seen.Count+1, ledger.Key{}, "it cannot be read: %v", err)
			break
		}
		seen.Count++
		record, err := archive.DecodeLine(text)
		if err != nil {
			h.report(o.Key, seen.Count, ledger.Key{}, "%v", err)
			continue
		}
		if record.Fraud != nil {
			seen.Scored++
		}
		h.sums.Add(record)
		h.line(shard, o.Key, seen.Count, text, record)
		if seen.Count > 1 && ledger.Compare(last, record) >= 0 {
			h.report(o.Key, seen.Count, ledger.KeyOf(record.Transaction), "the line is not in order")
		}
		last = record
		if err := table.compare(record, o.Key, seen.Count); err != nil {
			return err
		}
	}
	if err := table.rest(); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, compressed); err != nil { // what follows an unreadable line
		return err
	}
	seen.Bytes, seen.SHA256 = int64(size), hex.EncodeToString(digest.Sum(nil))
	h.found.Objects++
	h.found.Bytes += seen.Bytes
	h.found.Transactions += seen.Count
	if seen.Bytes != o.Bytes || seen.SHA256 != o.SHA256 {
		h.report(o.Key, 0, ledger.Key{}, "it has %d bytes with SHA-256 %s, the manifest says %d with %s", seen.Bytes, seen.SHA256, o.Bytes, o.SHA256)
	}
	if seen.Count != o.Count {
		h.report(o.Key, 0, ledger.Key{}, "it has %d transactions, the manifest says %d", seen.Count, o.Count)
	}
	// Manifests of version 1 do not count results.
	if seen.Scored != o.Scored && m.SchemaVersion == archive.ManifestVersion {
		h.report(o.Key, 0, ledger.Key{}, "it has %d fraud results, the manifest says %d", seen.Scored, o.Scored)
	}
	return nil
}

// line checks a line by itself.
func (h *hourCheck) line(shard int, key string, number int, text []byte, r ledger.Record) {
	of := ledger.KeyOf(r.Transaction)
	if !r.Transaction.ReceivedAt.Truncate(time.Hour).Equal(h.hour) || ledger.Shard(r.Transaction.ID) != shard {
		h.report(key, number, of, "the line belongs in %s", archive.ObjectKey(r.Transaction.ReceivedAt, ledger.Shard(r.Transaction.ID)))
	}
	if got := r.Transaction.Fingerprint(); got != r.Fingerprint {
		h.report(key, number, of, "its fingerprint is %s, that of its content %s", r.Fingerprint, got)
	}
	// Releases without kinds wrote lines without one.
	if want, err := archive.EncodeLine(r); err != nil || !bytes.Equal(bytes.TrimSuffix(want, []byte("\n")), text) && bytes.Contains(text, []byte(`"`+contract.FieldKind+`":`)) {
		h.report(key, number, of, "the line is not in the form in which lines are written")
	}
}

// tableShard is a shard of the hour in the table, to be compared with the archive in order.
type tableShard struct {
	h    *hourCheck
	next func() (ledger.Record, error, bool)
	head ledger.Record
	more bool // head is valid
	err  error
}

// table returns the shard in the table; an empty one if the table does not hold the hour.
func (h *hourCheck) table(ctx context.Context, shard int) (*tableShard, func()) {
	t := &tableShard{h: h}
	if !h.held {
		return t, func() {}
	}
	next, stop := iter.Pull2(h.archive.ledger.Hour(ctx, h.hour, shard))
	t.next = next
	t.advance()
	return t, stop
}

func (t *tableShard) advance() {
	t.head, t.err, t.more = t.next()
	if t.more && t.err == nil {
		t.h.found.InTable++
	}
}

// compare compares an archived record with the table, after all earlier ones.
func (t *tableShard) compare(r ledger.Record, key string, line int) error {
	if !t.h.held {
		return nil
	}
	for t.err == nil && t.more && ledger.Compare(t.head, r) < 0 {
		t.h.notArchived(t.head)
		t.advance()
	}
	if t.err != nil {
		return t.err
	}
	of := ledger.KeyOf(r.Transaction)
	if !t.more || ledger.Compare(t.head, r) > 0 {
		t.h.report(key, line, of, "the archive has it, the table does not")
		return nil
	}
	stored := t.head
	t.advance()
	switch {
	case stored.Fingerprint != r.Fingerprint:
		t.h.report(key, line, of, "the fingerprint in the archive is %s, in the table %s", r.Fingerprint, stored.Fingerprint)
	case stored.Fraud != nil && r.Fraud == nil:
		t.h.report(key, line, of, "the table has a fraud result, the archive does not; archive the hour again")
	default:
		inTable, errTable := archive.EncodeLine(stored)
		inArchive, errArchive := archive.EncodeLine(r)
		if errTable != nil || errArchive != nil || !bytes.Equal(inTable, inArchive) {
			t.h.report(key, line, of, "the archive and the table differ")
		}
	}
	return nil
}

// rest reports what the table has after the last line of the archive.
func (t *tableShard) rest() error {
	if !t.h.held {
		return nil
	}
	for ; t.err == nil && t.more; t.advance() {
		t.h.notArchived(t.head)
	}
	return t.err
}

// counter counts the bytes written to it.
type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}
