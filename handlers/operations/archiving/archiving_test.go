package archiving_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"payment-webhooks/handlers/internal/archive"
	"payment-webhooks/handlers/internal/event"
	"payment-webhooks/handlers/internal/fraud"
	"payment-webhooks/handlers/internal/ledger"
	"payment-webhooks/handlers/internal/ledger/ledgertest"
	"payment-webhooks/handlers/internal/telemetry"
	"payment-webhooks/handlers/internal/transaction"
	"payment-webhooks/handlers/operations/archiving"
)

var (
	hour = time.Date(2026, 11, 20, 15, 0, 0, 0, time.UTC)
	// now is two days later, when the archiver has run.
	now = time.Date(2026, 11, 22, 17, 30, 0, 0, time.UTC)
)

// bucket is a Store in memory.
type bucket struct {
	objects  map[string][]byte
	versions map[string][]byte // by version id
	written  map[string]time.Time
	frozen   string // key of an object in Glacier
	read     func() // called once when an object is read
}

func newBucket() *bucket {
	return &bucket{objects: map[string][]byte{}, versions: map[string][]byte{}, written: map[string]time.Time{}}
}

func versionOf(content []byte) string { return fmt.Sprintf("%x", sha256.Sum256(content)) }

// Put implements archiving.Store.
func (b *bucket) Put(_ context.Context, key string, body io.Reader) (string, error) {
	content, err := io.ReadAll(body)
	if err != nil {
		return "", err
	}
	b.set(key, content)
	return versionOf(content), nil
}

func (b *bucket) set(key string, content []byte) {
	b.objects[key], b.versions[versionOf(content)], b.written[key] = content, content, now
}

// Replace implements archiving.Store.
func (b *bucket) Replace(_ context.Context, key string, body []byte, _ string) error {
	b.set(key, body)
	return nil
}

// Get implements archiving.Store.
func (b *bucket) Get(_ context.Context, key string) ([]byte, string, error) {
	if content, ok := b.objects[key]; ok {
		return content, versionOf(content), nil
	}
	return nil, "", nil
}

// Open implements archiving.Store.
func (b *bucket) Open(_ context.Context, key, version string) (io.ReadCloser, error) {
	if b.read != nil {
		read := b.read
		b.read = nil
		read()
	}
	content, ok := b.versions[version]
	if version == "" {
		content, ok = b.objects[key]
	}
	switch {
	case key == b.frozen:
		return nil, archive.ErrNotRestored
	case !ok:
		return nil, errors.New("no such key")
	}
	return io.NopCloser(bytes.NewReader(content)), nil
}

// Version implements archiving.Store.
func (b *bucket) Version(_ context.Context, key string) (string, error) {
	return versionOf(b.objects[key]), nil
}

// List implements archiving.Store.
func (b *bucket) List(_ context.Context, prefix, after string) iter.Seq2[archive.Entry, error] {
	return func(yield func(archive.Entry, error) bool) {
		for _, key := range slices.Sorted(maps.Keys(b.objects)) {
			if strings.HasPrefix(key, prefix) && key > after && !yield(archive.Entry{Key: key, Written: b.written[key]}, nil) {
				return
			}
		}
	}
}

// stored returns a ledger with every transaction that an earlier release stored, received
// in hour, and the archive of it.
func stored(t *testing.T) (*ledgertest.Memory, *bucket) {
	t.Helper()
	l, b := ledgertest.NewMemory(hour), newBucket()
	for i, delivery := range ledgertest.Stored(t) {
		for j, s := range delivery.Transactions {
			received, err := event.Decode([]byte(s.Event))
			if err != nil {
				t.Fatal(err)
			}
			received.ReceivedAt = hour.Add(time.Duration(i)*time.Minute + time.Duration(j)*time.Second)
			if _, err := l.Store(t.Context(), received.Transaction); err != nil && !errors.Is(err, ledger.ErrConflict) {
				t.Fatal(err)
			}
		}
	}
	score(t, l, l.All()[3])
	archiveAll(t, l, b)
	return l, b
}

func score(t *testing.T, l *ledgertest.Memory, tx transaction.Transaction) {
	t.Helper()
	if _, _, err := l.RecordFraud(t.Context(), ledger.KeyOf(tx), ledgertest.Fraud()); err != nil {
		t.Fatal(err)
	}
}

func archiver(l archive.Ledger, b *bucket) *archive.Archiver {
	clock := func() time.Time { return now }
	return archive.New(l, b, slog.New(slog.DiscardHandler), telemetry.NewMetrics(io.Discard, clock, "dev"), clock)
}

func archiveAll(t *testing.T, l archive.Ledger, b *bucket) {
	t.Helper()
	if _, err := archiver(l, b).Due(t.Context(), now); err != nil {
		t.Fatal(err)
	}
}

func open(l archive.Ledger, b *bucket) *archiving.Archive {
	return archiving.New(b, l, func() time.Time { return now })
}

func verify(t *testing.T, a *archiving.Archive) (archiving.Verification, []archiving.Difference) {
	t.Helper()
	var differences []archiving.Difference
	v, err := a.Verify(t.Context(), time.Time{}, time.Time{}, false, func(d archiving.Difference) { differences = append(differences, d) }, func(int, int) {})
	if err != nil {
		t.Fatal(err)
	}
	if v.Differences != len(differences) {
		t.Errorf("%d differences counted, %d reported", v.Differences, len(differences))
	}
	return v, differences
}

// texts returns differences in short.
func texts(differences []archiving.Difference) []string {
	var all []string
	for _, d := range differences {
		all = append(all, strings.TrimSpace(d.TransactionID+" "+d.Text))
	}
	return all
}

// edit changes the manifest of hour.
func (b *bucket) edit(t *testing.T, change func(m *archive.Manifest)) {
	t.Helper()
	key := archive.ManifestKey(hour)
	m, err := archive.DecodeManifest(b.objects[key])
	if err != nil {
		t.Fatal(err)
	}
	change(&m)
	body, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	b.set(key, body)
}

// rewrite replaces the lines of an object, and describes it in the manifest.
func (b *bucket) rewrite(t *testing.T, o *archive.Object, change func(lines []string) []string) {
	t.Helper()
	var lines []string
	for text, err := range archive.Lines(bytes.NewReader(b.objects[o.Key])) {
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, string(text)+"\n")
	}
	var content bytes.Buffer
	w := gzip.NewWriter(&content)
	_, _ = w.Write([]byte(strings.Join(change(lines), "")))
	_ = w.Close()
	b.set(o.Key, content.Bytes())
	o.VersionID, o.Bytes = versionOf(content.Bytes()), int64(content.Len())
	digest := sha256.Sum256(content.Bytes())
	o.SHA256 = hex.EncodeToString(digest[:])
}

// largest returns the object with the most lines.
func largest(m *archive.Manifest) *archive.Object {
	largest := &m.Objects[0]
	for i := range m.Objects {
		if m.Objects[i].Count > largest.Count {
			largest = &m.Objects[i]
		}
	}
	return largest
}

func TestVerify(t *testing.T) {
	t.Run("when all is well", func(t *testing.T) {
		l, b := stored(t)
		v, differences := verify(t, open(l, b))
		if len(differences) > 0 {
			t.Errorf("%q", texts(differences))
		}
		// The hours up to the one that has been over for a day.
		want := archiving.Verification{
			From: "2026-11-20T15", To: "2026-11-21T16", Hours: 26, Objects: v.Objects, Bytes: v.Bytes,
			Transactions: len(l.All()), Compared: 26, InTable: len(l.All()), Unread: []string{},
		}
		if diff := cmp.Diff(want, v); diff != "" || v.Objects == 0 || v.Bytes == 0 {
			t.Error(diff)
		}
	})
	t.Run("when the table does not hold the hours any more", func(t *testing.T) {
		l, b := stored(t)
		a := archiving.New(b, ledgertest.NewMemory(l.All()[0].ReceivedAt), func() time.Time { return now.AddDate(0, 0, 60) })
		v, err := a.Verify(t.Context(), hour, hour.Add(25*time.Hour), false, func(d archiving.Difference) { t.Errorf("%+v", d) }, func(int, int) {})
		if err != nil || v.Hours != 26 || v.Compared != 0 || v.Transactions != len(l.All()) {
			t.Errorf("%+v, %v", v, err)
		}
	})
	t.Run("when a manifest is of version 1", func(t *testing.T) {
		l, b := stored(t)
		m, err := archive.DecodeManifest(b.objects[archive.ManifestKey(hour)])
		if err != nil {
			t.Fatal(err)
		}
		var sums archive.Sums
		for _, tx := range l.All() {
			sums.Add(ledger.Record{Transaction: tx})
		}
		totals := map[string]any{}
		for _, total := range sums.ByCurrency() {
			totals[total.Currency] = map[string]any{"count": total.Count, "amount": total.Amount}
		}
		var objects []map[string]any
		for _, o := range m.Objects {
			objects = append(objects, map[string]any{"key": o.Key, "count": o.Count, "bytes": o.Bytes, "sha256": o.SHA256})
		}
		body, err := json.Marshal(map[string]any{"schema_version": "1", "hour": m.Hour, "count": m.Count, "totals": totals, "objects": objects})
		if err != nil {
			t.Fatal(err)
		}
		b.set(archive.ManifestKey(hour), body)
		if _, differences := verify(t, open(l, b)); len(differences) > 0 {
			t.Errorf("%q", texts(differences))
		}
	})
	t.Run("when an object is in Glacier", func(t *testing.T) {
		l, b := stored(t)
		b.edit(t, func(m *archive.Manifest) { b.frozen = m.Objects[0].Key })
		v, differences := verify(t, open(l, b))
		if len(differences) > 0 || !slices.Equal(v.Unread, []string{b.frozen}) {
			t.Errorf("unread %q, %q", v.Unread, texts(differences))
		}
	})
	t.Run("when a run archives the hour meanwhile", func(t *testing.T) {
		l, b := stored(t)
		for i, tx := range l.All() {
			if i != 3 {
				score(t, l, tx) // late
				break
			}
		}
		b.read = func() {
			if _, err := archiver(l, b).Range(t.Context(), "2026-11-20T15", "2026-11-20T15", now); err != nil {
				t.Error(err)
			}
		}
		if _, differences := verify(t, open(l, b)); len(differences) > 0 {
			t.Errorf("%q", texts(differences))
		}
	})
	t.Run("when a provisional archive is not up to date", func(t *testing.T) {
		l, b := stored(t)
		score(t, l, l.All()[5])
		b.written[archive.ManifestKey(hour)] = hour.Add(25*time.Hour - 1)
		if v, differences := verify(t, open(l, b)); len(differences) > 0 || v.Compared != 25 {
			t.Errorf("%d hours compared, %q", v.Compared, texts(differences))
		}
		found := 0
		v, err := open(l, b).Verify(t.Context(), hour, hour, true, func(archiving.Difference) { found++ }, func(int, int) {})
		if err != nil || v.Compared != 1 || found != 1 {
			t.Errorf("%+v, %v", v, err)
		}
	})
	t.Run("when it is told to end", func(t *testing.T) {
		l, b := stored(t)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := open(l, b).Verify(ctx, time.Time{}, time.Time{}, false, func(archiving.Difference) {}, func(int, int) {}); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
	})
}

func TestDifferences(t *testing.T) {
	for _, c := range []struct {
		name   string
		damage func(t *testing.T, l *ledgertest.Memory, b *bucket) archive.Ledger
		want   []string // beginning of each difference; "ID" is that of a transaction
	}{
		{"a byte of an object", func(t *testing.T, l *ledgertest.Memory, b *bucket) archive.Ledger {
			b.edit(t, func(m *archive.Manifest) {
				o := largest(m)
				content := append(slices.Clone(b.objects[o.Key]), 'x') // after the compressed lines
				b.set(o.Key, content)
				o.VersionID = versionOf(content)
			})
			return l
		}, []string{"it cannot be read: unexpected EOF", "it has "}},
		{"an object that is gone", func(t *testing.T, l *ledgertest.Memory, b *bucket) archive.Ledger {
			b.edit(t, func(m *archive.Manifest) {
				o := largest(m)
				delete(b.versions, o.VersionID)
				delete(b.objects, o.Key)
			})
			return l
		}, []string{"it cannot be read: no such key", "ID the table has it, the archive does not"}},
		{"a line that is gone", func(t *testing.T, l *ledgertest.Memory, b *bucket) archive.Ledger {
			b.edit(t, func(m *archive.Manifest) {
				o := largest(m)
				b.rewrite(t, o, func(lines []string) []string { return lines[1:] })
				o.Count--
				m.Count--
			})
			return l
		}, []string{"ID the table has it, the archive does not", "its totals are "}},
		{"a last line that is gone", func(t *testing.T, l *ledgertest.Memory, b *bucket) archive.Ledger {
			b.edit(t, func(m *archive.Manifest) {
				o := largest(m)
				b.rewrite(t, o, func(lines []string) []string { return lines[:len(lines)-1] })
				o.Count--
				m.Count--
			})
			return l
		}, []string{"ID the table has it, the archive does not"}},
		{"a line too many", func(t *testing.T, l *ledgertest.Memory, b *bucket) archive.Ledger {
			return without{l, l.All()[5].ID}
		}, []string{"ID the archive has it, the table does not"}},
		{"lines out of order", func(t *testing.T, l *ledgertest.Memory, b *bucket) archive.Ledger {
			b.edit(t, func(m *archive.Manifest) {
				b.rewrite(t, largest(m), func(lines []string) []string {
					lines[0], lines[1] = lines[1], lines[0]
					return lines
				})
			})
			return l
		}, []string{"ID the table has it, the archive does not", "ID the line is not in order", "ID the archive has it, the table does not"}},
		{"another amount", func(t *testing.T, l *ledgertest.Memory, b *bucket) archive.Ledger {
			b.edit(t, func(m *archive.Manifest) {
				b.rewrite(t, largest(m), func(lines []string) []string {
					lines[0] = strings.Replace(lines[0], `"customer_id":"`, `"customer_id":"x`, 1)
					return lines
				})
			})
			return l
		}, []string{"ID its fingerprint is ", "ID the archive and the table differ"}},
		{"a line in another form", func(t *testing.T, l *ledgertest.Memory, b *bucket) archive.Ledger {
			b.edit(t, func(m *archive.Manifest) {
				b.rewrite(t, largest(m), func(lines []string) []string {
					lines[0] = strings.Replace(lines[0], `{"schema_version":`, `{ "schema_version":`, 1)
					return lines
				})
			})
			return l
		}, []string{"ID the line is not in the form"}},
		{"a line that is none", func(t *testing.T, l *ledgertest.Memory, b *bucket) archive.Ledger {
			b.edit(t, func(m *archive.Manifest) {
				o := largest(m)
				b.rewrite(t, o, func(lines []string) []string { return append(lines, "{}\n") })
				o.Count++
				m.Count++
			})
			return l
		}, []string{"not a line of the archive: malformed event detail: schema_version"}},
		{"a last line without a line break", func(t *testing.T, l *ledgertest.Memory, b *bucket) archive.Ledger {
			b.edit(t, func(m *archive.Manifest) {
				b.rewrite(t, largest(m), func(lines []string) []string { return append(lines, "{}") })
			})
			return l
		}, []string{"it cannot be read: not a line of the archive: the last line has no line break"}},
		{"a line in another shard", func(t *testing.T, l *ledgertest.Memory, b *bucket) archive.Ledger {
			b.edit(t, func(m *archive.Manifest) {
				from, to := largest(m), &m.Objects[0]
				if from == to {
					to = &m.Objects[1]
				}
				var moved string
				b.rewrite(t, from, func(lines []string) []string { moved = lines[0]; return lines[1:] })
				b.rewrite(t, to, func(lines []string) []string { return append([]string{moved}, lines...) })
				from.Count--
				to.Count++
			})
			return l
		}, []string{"ID the line belongs in "}},
		{"a count and a total", func(t *testing.T, l *ledgertest.Memory, b *bucket) archive.Ledger {
			b.edit(t, func(m *archive.Manifest) {
				largest(m).Count++
				m.Totals[0].Amount = "1"
			})
			return l
		}, []string{"it counts ", "it has ", "its totals are "}},
		{"the number of fraud results", func(t *testing.T, l *ledgertest.Memory, b *bucket) archive.Ledger {
			b.edit(t, func(m *archive.Manifest) { m.Scored, m.Objects[0].Scored = m.Scored+1, m.Objects[0].Scored+1 })
			return l
		}, []string{"it has "}},
		{"a fraud result that is not archived", func(t *testing.T, l *ledgertest.Memory, b *bucket) archive.Ledger {
			score(t, l, l.All()[5])
			return l
		}, []string{"ID the table has a fraud result, the archive does not"}},
		{"another fraud result", func(t *testing.T, l *ledgertest.Memory, b *bucket) archive.Ledger {
			return rescored{l}
		}, []string{"ID the archive and the table differ"}},
		{"another fingerprint", func(t *testing.T, l *ledgertest.Memory, b *bucket) archive.Ledger {
			return misprinted{l, l.All()[5].ID}
		}, []string{"ID the fingerprint in the archive is "}},
		{"an object of a failed run", func(t *testing.T, l *ledgertest.Memory, b *bucket) archive.Ledger {
			b.edit(t, func(m *archive.Manifest) { b.set(m.Objects[0].Key, []byte("newer")) })
			return l
		}, []string{"its current version is not the one"}},
		{"an object that is not named", func(t *testing.T, l *ledgertest.Memory, b *bucket) archive.Ledger {
			b.set("transactions/dt=2026-11-20/hour=15/shard-9.jsonl.gz", nil)
			return l
		}, []string{"no manifest names the object"}},
		{"a manifest of another hour", func(t *testing.T, l *ledgertest.Memory, b *bucket) archive.Ledger {
			b.edit(t, func(m *archive.Manifest) { m.Hour = "2026-11-20T16:00:00Z" })
			return l
		}, []string{`hour is "2026-11-20T16:00:00Z", not "2026-11-20T15:00:00Z"`}},
		{"a manifest with strange objects", func(t *testing.T, l *ledgertest.Memory, b *bucket) archive.Ledger {
			b.edit(t, func(m *archive.Manifest) {
				m.Objects = append(m.Objects, archive.Object{Key: "secret"}, archive.Object{Key: m.Objects[0].Key})
			})
			return l
		}, []string{`it lists "secret", which is not an object of the hour`, "it lists transactions/"}},
	} {
		t.Run("are found when it is "+c.name, func(t *testing.T) {
			l, b := stored(t)
			_, differences := verify(t, open(c.damage(t, l, b), b))
			got := texts(differences)
			if len(got) == 0 {
				t.Fatal("none")
			}
			for _, want := range c.want {
				found := slices.ContainsFunc(differences, func(d archiving.Difference) bool {
					text, ofTransaction := strings.CutPrefix(want, "ID ")
					return strings.HasPrefix(d.Text, text) && ofTransaction == (d.TransactionID != "") && (!ofTransaction || d.Provider != "") && d.Hour == "2026-11-20T15"
				})
				if !found {
					t.Errorf("no %q in %q", want, got)
				}
			}
		})
	}
	t.Run("are found when an hour has no manifest", func(t *testing.T) {
		l, b := stored(t)
		delete(b.objects, archive.ManifestKey(hour))
		_, differences := verify(t, archiving.New(b, l, func() time.Time { return now.Add(2 * time.Hour) }))
		if !slices.Contains(texts(differences), "the hour should be archived and has no manifest") || len(differences) < len(l.All()) {
			t.Errorf("%q", texts(differences))
		}
	})
	t.Run("are none when the next daily run will archive the hour", func(t *testing.T) {
		l, b := stored(t)
		delete(b.objects, archive.ManifestKey(hour.Add(25*time.Hour)))
		if _, differences := verify(t, open(l, b)); len(differences) > 0 {
			t.Errorf("%q", texts(differences))
		}
	})
}

// without is a ledger that has lost a transaction.
type without struct {
	*ledgertest.Memory
	id string
}

func (l without) Hour(ctx context.Context, h time.Time, shard int) iter.Seq2[ledger.Record, error] {
	return func(yield func(ledger.Record, error) bool) {
		for record, err := range l.Memory.Hour(ctx, h, shard) {
			if record.Transaction.ID != l.id && !yield(record, err) {
				return
			}
		}
	}
}

// rescored is a ledger with other fraud results.
type rescored struct{ *ledgertest.Memory }

func (l rescored) Hour(ctx context.Context, h time.Time, shard int) iter.Seq2[ledger.Record, error] {
	return func(yield func(ledger.Record, error) bool) {
		for record, err := range l.Memory.Hour(ctx, h, shard) {
			if record.Fraud != nil {
				other := *record.Fraud
				other.Level = fraud.Low
				record.Fraud = &other
			}
			if !yield(record, err) {
				return
			}
		}
	}
}

// misprinted is a ledger with another fingerprint of a transaction.
type misprinted struct {
	*ledgertest.Memory
	id string
}

func (l misprinted) Hour(ctx context.Context, h time.Time, shard int) iter.Seq2[ledger.Record, error] {
	return func(yield func(ledger.Record, error) bool) {
		for record, err := range l.Memory.Hour(ctx, h, shard) {
			if record.Transaction.ID == l.id {
				record.Fingerprint = "other"
			}
			if !yield(record, err) {
				return
			}
		}
	}
}

func TestStatus(t *testing.T) {
	l, b := stored(t)
	delete(b.objects, archive.ManifestKey(hour.Add(time.Hour)))
	b.written[archive.ManifestKey(hour.Add(2*time.Hour))] = hour.Add(4 * time.Hour)
	delete(b.objects, archive.ManifestKey(hour.Add(25*time.Hour)))
	a := open(l, b)
	t.Run("tells what is missing and provisional", func(t *testing.T) {
		s, err := a.Status(t.Context())
		want := archiving.Status{
			Manifests: 24, Oldest: "2026-11-20T15", Newest: "2026-11-21T15", Due: 26, Archived: 23, Backlog: 3,
			Missing: []string{"2026-11-20T16", "2026-11-21T16"}, Provisional: []string{"2026-11-20T17"}, Lost: []string{},
		}
		if diff := cmp.Diff(want, s); err != nil || diff != "" {
			t.Error(err, diff)
		}
	})
	t.Run("tells what a run would archive", func(t *testing.T) {
		hours, err := a.Plan(t.Context(), "", "")
		if diff := cmp.Diff([]string{"2026-11-20T16", "2026-11-21T16", "2026-11-20T17"}, hours); err != nil || diff != "" {
			t.Error(err, diff)
		}
		hours, err = a.Plan(t.Context(), "2026-11-20T15", "2026-11-20T16")
		if diff := cmp.Diff([]string{"2026-11-20T15", "2026-11-20T16"}, hours); err != nil || diff != "" {
			t.Error(err, diff)
		}
		if _, err := a.Plan(t.Context(), "2026-09-20T15", "2026-11-20T16"); !errors.Is(err, archiving.ErrRange) {
			t.Errorf("error %v", err)
		}
	})
	t.Run("tells what is lost and overdue", func(t *testing.T) {
		later := archiving.New(b, l, func() time.Time { return hour.Add(35*24*time.Hour + time.Hour) })
		s, err := later.Status(t.Context())
		if err != nil || !slices.Equal(s.Lost, []string{"2026-11-20T16"}) || s.Overdue == 0 || s.Overdue >= s.Backlog {
			t.Errorf("lost %q, overdue %d of %d, %v", s.Lost, s.Overdue, s.Backlog, err)
		}
	})
}
