package archive_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/archive"
	"payment-webhooks/handlers/internal/fraud"
	"payment-webhooks/handlers/internal/ledger"
	"payment-webhooks/handlers/internal/ledger/ledgertest"
	"payment-webhooks/handlers/internal/money"
	"payment-webhooks/handlers/internal/telemetry"
	"payment-webhooks/handlers/internal/transaction"
)

// manifest returns the manifest of hour.
func manifest(t testing.TB, b *bucket) archive.Manifest {
	t.Helper()
	m, err := archive.DecodeManifest(b.objects[archive.ManifestKey(hour)])
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// described checks that the manifest of hour describes the current objects.
func described(t testing.TB, b *bucket) {
	t.Helper()
	for _, o := range manifest(t, b).Objects {
		digest := sha256.Sum256(b.objects[o.Key])
		if o.SHA256 != hex.EncodeToString(digest[:]) || string(b.versions[o.VersionID]) != string(b.objects[o.Key]) {
			t.Errorf("%+v does not describe %s", o, o.Key)
		}
	}
}

// score records a fraud result.
func score(t testing.TB, l *ledgertest.Memory, id string) {
	t.Helper()
	result := ledgertest.Fraud()
	if _, recorded, err := l.RecordFraud(t.Context(), ledger.Key{TransactionID: id, Provider: "stripe"}, result); err != nil || !recorded {
		t.Fatalf("recorded %t, %v", recorded, err)
	}
}

// archivedFraud returns the archived fraud results of hour by transaction id.
func archivedFraud(t testing.TB, b *bucket) map[string]*fraud.Result {
	t.Helper()
	results := map[string]*fraud.Result{}
	for _, o := range manifest(t, b).Objects {
		for text, err := range archive.Lines(strings.NewReader(string(b.versions[o.VersionID]))) {
			if err != nil {
				t.Fatal(err)
			}
			record, err := archive.DecodeLine(text)
			if err != nil {
				t.Fatal(err)
			}
			results[record.Transaction.ID] = record.Fraud
		}
	}
	return results
}

func TestRealTimeBoundsHours(t *testing.T) {
	const count = 4321
	const kept = `{"schema_version":"1","hour":"2026-11-20T15:00:00Z","count":4321,"totals":{},"objects":[]}`
	expired := hour.Add(34*24*time.Hour + 23*time.Hour + time.Nanosecond) // an hour before the first item may expire
	future := nextDay.AddDate(400, 0, 0)
	for _, c := range []struct {
		name     string
		now      time.Time
		asOf     time.Time
		from, to string // "" for the due hours
		err      error
		hours    int
	}{
		{"when an old hour is requested as of its time", expired, nextDay, "2026-11-20T15", "2026-11-20T15", archive.ErrRange, 0},
		{"when an old hour begins a range", expired, nextDay, "2026-11-20T15", "2026-11-20T16", archive.ErrRange, 0},
		{"when the due hours are requested as of an old time", expired, nextDay, "", "", nil, 0},
		{"when the due hours are requested as of year 1", expired, time.Time{}, "", "", nil, 0},
		{"when the range is everything", nextDay, future, "0001-01-01T00", "9999-12-31T23", archive.ErrRange, 0},
		{"when the range is the future", nextDay, future, "2126-11-20T15", "2126-11-20T15", archive.ErrRange, 0},
		{"when the due hours are requested as of the future, up to the hour that has begun", nextDay, future, "", "", nil, 24},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := &bucket{objects: map[string][]byte{archive.ManifestKey(hour): []byte(kept)}}
			a := newArchiverAt(c.now, ledgertest.NewMemory(hour.Add(2*time.Hour)), b, io.Discard)
			var report archive.Report
			var err error
			if c.from == "" {
				report, err = a.Due(t.Context(), c.asOf)
			} else {
				report, err = a.Range(t.Context(), c.from, c.to, c.asOf)
			}
			if !errors.Is(err, c.err) || len(report.Hours) != c.hours {
				t.Errorf("%d hours, %v", len(report.Hours), err)
			}
			if m := manifest(t, b); m.Count != count {
				t.Errorf("the manifest has %d transactions", m.Count)
			}
		})
	}
	t.Run("when the items may expire while they are read", func(t *testing.T) {
		l, b := seeded(t), &bucket{}
		now := hour.Add(34*24*time.Hour + 23*time.Hour)
		b.before = func(string) { now = now.Add(time.Minute) }
		a := archive.New(l, b, slog.New(slog.DiscardHandler), telemetry.NewMetrics(io.Discard, time.Now, "dev"), func() time.Time { return now })
		if _, err := a.Range(t.Context(), "2026-11-20T15", "2026-11-20T15", now); !errors.Is(err, archive.ErrRange) {
			t.Errorf("error %v", err)
		}
		if _, ok := b.objects[archive.ManifestKey(hour)]; ok {
			t.Error("a manifest was written")
		}
	})
	t.Run("when nothing can have expired yet", func(t *testing.T) {
		now := hour.Add(34*24*time.Hour + 23*time.Hour)
		report, err := newArchiverAt(now, seeded(t), &bucket{}, io.Discard).Range(t.Context(), "2026-11-20T15", "2026-11-20T15", now)
		if err != nil || report.Transactions != 4 {
			t.Errorf("%+v, %v", report, err)
		}
	})
}

func TestManifestNeverShrinks(t *testing.T) {
	for _, c := range []struct {
		name   string
		ledger func(full *ledgertest.Memory) archive.Ledger
		says   string
	}{
		{"when all items are gone", func(*ledgertest.Memory) archive.Ledger { return ledgertest.NewMemory(created) }, "4 transactions (1 scored) in its manifest and 0 (0 scored)"},
		{"when one item is gone", func(l *ledgertest.Memory) archive.Ledger { return without{l, "txn_4"} }, "4 transactions (1 scored) in its manifest and 3 (1 scored)"},
		{"when one of several in a shard is gone", func(l *ledgertest.Memory) archive.Ledger { return without{l, "txn_1"} }, "4 transactions (1 scored) in its manifest and 3 (0 scored)"},
		{"when a fraud result is gone", func(l *ledgertest.Memory) archive.Ledger { return unscored{l} }, "4 transactions (1 scored) in its manifest and 4 (0 scored)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, b := seeded(t), &bucket{}
			if _, err := again(t, newArchiver(l, b, io.Discard)); err != nil {
				t.Fatal(err)
			}
			before := map[string]string{}
			for key, content := range b.objects {
				before[key] = string(content)
			}
			_, err := again(t, newArchiver(c.ledger(l), b, io.Discard))
			if !errors.Is(err, archive.ErrFewer) || !strings.Contains(err.Error(), "2026-11-20T15") || !strings.Contains(err.Error(), c.says) {
				t.Errorf("error %v, want one that says %q", err, c.says)
			}
			after := map[string]string{}
			for key, content := range b.objects {
				after[key] = string(content)
			}
			if diff := cmp.Diff(before, after); diff != "" {
				t.Error(diff)
			}
		})
	}
	t.Run("when it is of version 1 and has as many", func(t *testing.T) {
		b := &bucket{objects: map[string][]byte{archive.ManifestKey(hour): []byte(
			`{"schema_version":"1","hour":"2026-11-20T15:00:00Z","count":4,"totals":{"USD":{"count":4,"amount":"4.00"}},"objects":[]}`,
		)}}
		if _, err := again(t, newArchiver(seeded(t), b, io.Discard)); err != nil {
			t.Fatal(err)
		}
		if m := manifest(t, b); m.SchemaVersion != archive.ManifestVersion || m.Count != 4 {
			t.Errorf("%+v", m)
		}
	})
	t.Run("when it cannot be read", func(t *testing.T) {
		b := &bucket{objects: map[string][]byte{archive.ManifestKey(hour): []byte(`{"schema_version":"3"}`)}}
		if _, err := again(t, newArchiver(seeded(t), b, io.Discard)); !errors.Is(err, archive.ErrManifest) || !strings.Contains(err.Error(), archive.ManifestKey(hour)) {
			t.Errorf("error %v", err)
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

// unscored is a ledger whose index does not show fraud results.
type unscored struct{ *ledgertest.Memory }

func (l unscored) Hour(ctx context.Context, h time.Time, shard int) iter.Seq2[ledger.Record, error] {
	return func(yield func(ledger.Record, error) bool) {
		for record, err := range l.Memory.Hour(ctx, h, shard) {
			record.Fraud = nil
			if !yield(record, err) {
				return
			}
		}
	}
}

func TestRunsAtTheSameTime(t *testing.T) {
	shardOf := func(id string) string { return archive.ObjectKey(hour, ledger.Shard(id)) }
	for name, at := range map[string]string{
		"when the newer one is whole before the older one writes its object":   shardOf("txn_2"),
		"when the newer one is whole before the older one writes its manifest": archive.ManifestKey(hour),
	} {
		for _, archivedBefore := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, archived before: %t", name, archivedBefore), func(t *testing.T) {
				l, b := seeded(t), &bucket{}
				a := newArchiver(l, b, io.Discard)
				if archivedBefore {
					if _, err := again(t, a); err != nil {
						t.Fatal(err)
					}
				}
				b.before = func(key string) {
					if key != at {
						return
					}
					b.before = nil
					score(t, l, "txn_2")
					if _, err := again(t, newArchiver(l, b, io.Discard)); err != nil {
						t.Error(err)
					}
				}
				if _, err := again(t, a); err != nil {
					t.Fatal(err)
				}
				if b.before != nil {
					t.Fatal("the runs did not overlap")
				}
				described(t, b)
				if archivedFraud(t, b)["txn_2"] == nil {
					t.Error("the older run has the last word")
				}
			})
		}
	}
	t.Run("when there is no end of other runs", func(t *testing.T) {
		l, b := seeded(t), &bucket{}
		runs := 0
		b.before = func(key string) {
			if key == archive.ManifestKey(hour) {
				runs++
				b.objects[key] = fmt.Appendf(nil, `{"schema_version":"2","hour":"2026-11-20T15:00:00Z","count":%d}`, runs%2)
			}
		}
		if _, err := again(t, newArchiver(l, b, io.Discard)); !errors.Is(err, archive.ErrChanged) || runs != 5 {
			t.Errorf("%v after %d attempts", err, runs)
		}
	})
}

// A run that fails between an object and the manifest leaves a newer object than the
// manifest describes.
func TestManifestNamesVersions(t *testing.T) {
	l, b := seeded(t), &bucket{}
	if _, err := again(t, newArchiver(l, b, io.Discard)); err != nil {
		t.Fatal(err)
	}
	score(t, l, "txn_2")
	b.fail = func(key string) error {
		if key == archive.ManifestKey(hour) {
			return errBroken
		}
		return nil
	}
	if _, err := again(t, newArchiver(l, b, io.Discard)); !errors.Is(err, errBroken) {
		t.Fatal(err)
	}
	for _, o := range manifest(t, b).Objects {
		digest := sha256.Sum256(b.versions[o.VersionID])
		if o.SHA256 != hex.EncodeToString(digest[:]) {
			t.Errorf("version %s of %s is not what the manifest describes", o.VersionID, o.Key)
		}
	}
}

func TestLateFraudResult(t *testing.T) {
	late := func(t *testing.T, l archive.Ledger, b *bucket, id string) (archive.Report, error) {
		t.Helper()
		return newArchiver(l, b, io.Discard).Late(t.Context(), "2026-11-20T15", ledger.Key{TransactionID: id, Provider: "stripe"})
	}
	archived := func(t *testing.T) (*ledgertest.Memory, *bucket) {
		t.Helper()
		l, b := seeded(t), &bucket{}
		if _, err := again(t, newArchiver(l, b, io.Discard)); err != nil {
			t.Fatal(err)
		}
		return l, b
	}
	t.Run("when the archive does not have it, is archived", func(t *testing.T) {
		l, b := archived(t)
		score(t, l, "txn_2")
		if report, err := late(t, l, b, "txn_2"); err != nil || len(report.Hours) != 1 || report.Backlog != 0 {
			t.Fatalf("%+v, %v", report, err)
		}
		described(t, b)
		if archivedFraud(t, b)["txn_2"] == nil || manifest(t, b).Scored != 2 {
			t.Errorf("%+v", manifest(t, b))
		}
	})
	t.Run("when the archive has it, changes nothing", func(t *testing.T) {
		l, b := archived(t)
		puts := len(b.puts)
		if report, err := late(t, l, b, "txn_1"); err != nil || len(report.Hours) != 0 || report.Backlog != 0 || len(b.puts) != puts {
			t.Errorf("%+v, %v, %d puts more", report, err, len(b.puts)-puts)
		}
	})
	t.Run("when the hour was never archived, is archived with it", func(t *testing.T) {
		l, b := seeded(t), &bucket{}
		if report, err := late(t, l, b, "txn_1"); err != nil || len(report.Hours) != 1 {
			t.Errorf("%+v, %v", report, err)
		}
	})
	t.Run("when the index does not show it yet, fails and leaves the manifest", func(t *testing.T) {
		l, b := archived(t)
		before := string(b.objects[archive.ManifestKey(hour)])
		if _, err := late(t, l, b, "txn_2"); !errors.Is(err, archive.ErrNotScored) || !strings.Contains(err.Error(), "txn_2") {
			t.Errorf("error %v", err)
		}
		if diff := cmp.Diff(before, string(b.objects[archive.ManifestKey(hour)])); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("when its hour is due within the difference of clocks, is archived", func(t *testing.T) {
		l, b := seeded(t), &bucket{}
		early := nextDay.Add(-contract.ArchiveSkewMinutes * time.Minute)
		report, err := newArchiverAt(early, l, b, io.Discard).Late(t.Context(), "2026-11-20T15", ledger.Key{TransactionID: "txn_1", Provider: "stripe"})
		if err != nil || len(report.Hours) != 1 {
			t.Errorf("%+v, %v", report, err)
		}
	})
	t.Run("when its hour is not due, is rejected", func(t *testing.T) {
		if _, err := newArchiver(seeded(t), &bucket{}, io.Discard).Late(t.Context(), "2026-11-20T16", ledger.Key{TransactionID: "txn_late", Provider: "stripe"}); !errors.Is(err, archive.ErrRange) {
			t.Errorf("error %v", err)
		}
	})
}

func TestManifestIsProvisional(t *testing.T) {
	// A run as of the future archived the hour before it had been over for a day; a
	// transaction was scored after that, in time for its archive.
	l, b := seeded(t), &bucket{now: nextDay.Add(-time.Second)}
	a := newArchiver(l, b, io.Discard)
	if _, err := again(t, a); err != nil {
		t.Fatal(err)
	}
	score(t, l, "txn_2")
	if _, err := a.Due(t.Context(), nextDay); err != nil {
		t.Fatal(err)
	}
	if archivedFraud(t, b)["txn_2"] == nil {
		t.Error("the provisional archive counts as final")
	}
}

func TestTotals(t *testing.T) {
	var sums archive.Sums
	for _, add := range []struct{ kind, reversed, amount, currency string }{
		{contract.KindPayment, "", "10.10", "USD"},
		{contract.KindPayment, "", "0.05", "USD"},
		{contract.KindRefund, "", "4", "USD"},
		{contract.KindReversal, contract.KindRefund, "4", "USD"},
		{contract.KindReversal, contract.KindDispute, "1.5", "USD"},
		{contract.KindPayment, "", "700", "JPY"},
		{contract.KindDispute, "", "1.5", "USD"},
		{contract.KindPayout, "", "9999999999999.99", "EUR"},
		{contract.KindPayout, "", "9999999999999.99", "EUR"},
	} {
		sums.Add(ledger.Record{Transaction: transaction.Transaction{
			Kind: add.kind, ReversedKind: add.reversed, Money: money.Money{Amount: amount(t, add.amount), Currency: add.currency},
		}})
	}
	t.Run("are by kind and currency, reversals by what they reverse", func(t *testing.T) {
		want := []archive.Total{
			{"dispute", "", "USD", 1, "1.50"},
			{"payment", "", "JPY", 1, "700"},
			{"payment", "", "USD", 2, "10.15"},
			{"payout", "", "EUR", 2, "19999999999999.98"},
			{"refund", "", "USD", 1, "4.00"},
			{"reversal", "dispute", "USD", 1, "1.50"},
			{"reversal", "refund", "USD", 1, "4.00"},
		}
		if diff := cmp.Diff(want, sums.Totals()); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("of version 1 are by currency", func(t *testing.T) {
		want := []archive.Total{{"", "", "EUR", 2, "19999999999999.98"}, {"", "", "JPY", 1, "700"}, {"", "", "USD", 6, "21.15"}}
		if diff := cmp.Diff(want, sums.ByCurrency()); diff != "" {
			t.Error(diff)
		}
	})
}

func TestDecodeManifest(t *testing.T) {
	t.Run("when it is of version 1", func(t *testing.T) {
		m, err := archive.DecodeManifest([]byte(`{"schema_version":"1","hour":"2026-11-20T15:00:00Z","count":2,
			"totals":{"JPY":{"count":1,"amount":"15000"},"EUR":{"count":1,"amount":"15000.00"}},
			"objects":[{"key":"k","count":2,"bytes":362,"sha256":"7378"}]}`))
		want := archive.Manifest{
			SchemaVersion: "1", Hour: "2026-11-20T15:00:00Z", Count: 2,
			Totals:  []archive.Total{{"", "", "EUR", 1, "15000.00"}, {"", "", "JPY", 1, "15000"}},
			Objects: []archive.Object{{Key: "k", Count: 2, Bytes: 362, SHA256: "7378"}},
		}
		if diff := cmp.Diff(want, m); err != nil || diff != "" {
			t.Error(err, diff)
		}
	})
	for _, text := range []string{``, `[]`, `{}`, `{"schema_version":"9"}`, `{"schema_version":"2","totals":{}}`, `{"schema_version":"1","totals":[]}`} {
		t.Run("when it is "+text, func(t *testing.T) {
			if _, err := archive.DecodeManifest([]byte(text)); !errors.Is(err, archive.ErrManifest) {
				t.Errorf("error %v", err)
			}
		})
	}
}
