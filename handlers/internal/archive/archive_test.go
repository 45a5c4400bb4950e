package archive_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"iter"
	"maps"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
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

var update = flag.Bool("update", false, "rewrite the golden files")

var (
	created = time.Date(2026, 11, 20, 13, 30, 0, 0, time.UTC)
	hour    = time.Date(2026, 11, 20, 15, 0, 0, 0, time.UTC)
	// nextDay is the first moment at which hour is due.
	nextDay = time.Date(2026, 11, 21, 16, 0, 0, 0, time.UTC)
)

// bucket is a Store in memory. It keeps every version.
type bucket struct {
	mu       sync.Mutex
	objects  map[string][]byte // current versions
	versions map[string][]byte // by version id
	puts     []string
	fail     func(key string) error // a write that fails halfway
	before   func(key string)
	now      time.Time // when all objects were written; nextDay unless set
}

// Put implements archive.Store. Versions are named by their content, so that repeats show
// as equal.
func (b *bucket) Put(ctx context.Context, key string, body io.Reader) (string, error) {
	content, err := b.read(ctx, key, body)
	if err != nil {
		return "", err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.write(key, content), nil
}

// Replace implements archive.Store. A tag is the hash of the content.
func (b *bucket) Replace(ctx context.Context, key string, body []byte, tag string) error {
	content, err := b.read(ctx, key, bytes.NewReader(body))
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if current, ok := b.objects[key]; ok != (tag != "") || ok && tagOf(current) != tag {
		return fmt.Errorf("%w: %s", archive.ErrChanged, key)
	}
	b.write(key, content)
	return nil
}

func tagOf(content []byte) string { return fmt.Sprintf("%x", sha256.Sum256(content)) }

// Get implements archive.Store.
func (b *bucket) Get(_ context.Context, key string) ([]byte, string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	content, ok := b.objects[key]
	if !ok {
		return nil, "", nil
	}
	return content, tagOf(content), nil
}

// Open implements archive.Store.
func (b *bucket) Open(_ context.Context, key, version string) (io.ReadCloser, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	content, ok := b.versions[version]
	if version == "" {
		content, ok = b.objects[key]
	}
	if !ok {
		return nil, fmt.Errorf("no version %q of %s", version, key)
	}
	return io.NopCloser(bytes.NewReader(content)), nil
}

func (b *bucket) write(key string, content []byte) (version string) {
	if b.objects == nil {
		b.objects = map[string][]byte{}
	}
	if b.versions == nil {
		b.versions = map[string][]byte{}
	}
	version = "v" + tagOf(content)[:8]
	b.objects[key], b.versions[version] = content, content
	b.puts = append(b.puts, key)
	return version
}

func (b *bucket) read(ctx context.Context, key string, body io.Reader) ([]byte, error) {
	if b.before != nil {
		b.before(key)
	}
	if b.fail != nil {
		if err := b.fail(key); err != nil {
			_, _ = io.ReadFull(body, make([]byte, 5))
			return nil, err
		}
	}
	content, err := io.ReadAll(body)
	if err == nil {
		err = ctx.Err()
	}
	return content, err
}

func (b *bucket) List(_ context.Context, prefix, after string) iter.Seq2[archive.Entry, error] {
	return func(yield func(archive.Entry, error) bool) {
		for _, key := range slices.Sorted(maps.Keys(b.objects)) {
			written := b.now
			if written.IsZero() {
				written = nextDay
			}
			if strings.HasPrefix(key, prefix) && key > after && !yield(archive.Entry{Key: key, Written: written}, nil) {
				return
			}
		}
	}
}

func amount(t testing.TB, text string) money.Amount {
	t.Helper()
	a, err := money.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// store puts a transaction into the ledger.
func store(t testing.TB, l *ledgertest.Memory, id, sum, currency string, at time.Time) transaction.Transaction {
	t.Helper()
	tx := transaction.Transaction{
		ID: id, Provider: "stripe", Kind: contract.KindPayment, Money: money.Money{Amount: amount(t, sum), Currency: currency}, CustomerID: "cust_1", ReceivedAt: at,
		Metadata: ledgertest.Metadata(`{"order_id":"order_` + id + `"}`),
	}
	if _, err := l.Store(t.Context(), tx); err != nil {
		t.Fatal(err)
	}
	return tx
}

func newArchiver(l archive.Ledger, b archive.Store, out io.Writer) *archive.Archiver {
	return newArchiverAt(nextDay, l, b, out)
}

// newArchiverAt returns an archiver whose real time is now.
func newArchiverAt(now time.Time, l archive.Ledger, b archive.Store, out io.Writer) *archive.Archiver {
	clock := func() time.Time { return now }
	return archive.New(l, b, telemetry.Logger(out, contract.TransactionArchival), telemetry.NewMetrics(out, clock, "dev"), clock)
}

// again archives hour whether or not it has been archived.
func again(t testing.TB, a *archive.Archiver) (archive.Report, error) {
	t.Helper()
	return a.Range(t.Context(), "2026-11-20T15", "2026-11-20T15", nextDay)
}

// seeded returns a ledger with transactions in two of three hours.
func seeded(t testing.TB) *ledgertest.Memory {
	l := ledgertest.NewMemory(created)
	scored := store(t, l, "txn_1", "15000.00", "USD", hour)
	store(t, l, "txn_2", "0.01", "USD", hour.Add(time.Minute))
	store(t, l, "txn_3", "9999999999999.99", "USD", hour.Add(2*time.Minute))
	store(t, l, "txn_4", "15000", "JPY", hour.Add(time.Hour-time.Nanosecond))
	store(t, l, "txn_early", "7.50", "EUR", hour.Add(-90*time.Minute))
	store(t, l, "txn_late", "8", "EUR", hour.Add(time.Hour))
	quarter, err := fraud.ParseDecimal("0.25")
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = l.RecordFraud(t.Context(), ledger.KeyOf(scored), fraud.Result{
		Assessment: fraud.Assessment{
			Score: quarter, Level: fraud.Low, Summary: "Low risk (score 0.25): a round amount.", ModelVersion: "rules-1",
			Factors: []fraud.Factor{{Name: "round_amount", Weight: quarter, Detail: "a round amount"}},
		},
		ScoredAt: hour.Add(time.Second),
	})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func gunzip(t testing.TB, content []byte) string {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// compressed matches the values in a manifest that depend on Go's compressor.
var compressed = regexp.MustCompile(`"(bytes|sha256|version_id)": ("\w+"|\d+)`)

func TestHourBecomesObjectsAndAManifest(t *testing.T) {
	b := &bucket{}
	if _, err := again(t, newArchiver(seeded(t), b, io.Discard)); err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for _, key := range b.puts { // in the order of writing: the manifest last
		fmt.Fprintf(&got, "== %s\n", key)
		if strings.HasSuffix(key, ".gz") {
			got.WriteString(gunzip(t, b.objects[key]))
		} else {
			got.Write(compressed.ReplaceAll(b.objects[key], []byte(`"$1": …`)))
		}
	}
	const golden = "testdata/hour.golden"
	if *update {
		if err := os.WriteFile(golden, []byte(got.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Error(diff)
	}
}

func TestManifestDescribesTheObjectsExactly(t *testing.T) {
	b := &bucket{}
	if _, err := again(t, newArchiver(seeded(t), b, io.Discard)); err != nil {
		t.Fatal(err)
	}
	var m archive.Manifest
	if err := json.Unmarshal(b.objects["manifests/dt=2026-11-20/hour=15.json"], &m); err != nil {
		t.Fatal(err)
	}
	if len(m.Objects) != len(b.objects)-1 || m.Count != 4 {
		t.Errorf("%d objects and %d transactions", len(m.Objects), m.Count)
	}
	for _, o := range m.Objects {
		content := b.objects[o.Key]
		digest := sha256.Sum256(content)
		if o.Bytes != int64(len(content)) || o.SHA256 != hex.EncodeToString(digest[:]) || o.Count != strings.Count(gunzip(t, content), "\n") {
			t.Errorf("%+v does not describe %s", o, o.Key)
		}
	}
	want := []archive.Total{{contract.KindPayment, "", "JPY", 1, "15000"}, {contract.KindPayment, "", "USD", 3, "10000000015000.00"}}
	if diff := cmp.Diff(want, m.Totals); diff != "" {
		t.Error(diff)
	}
}

func TestRepeatWritesTheSameBytes(t *testing.T) {
	l, first, second := seeded(t), &bucket{}, &bucket{}
	for _, b := range []*bucket{first, second} {
		if _, err := newArchiver(l, b, io.Discard).Due(t.Context(), nextDay); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(first.objects, second.objects); diff != "" {
		t.Error(diff)
	}
}

func TestDueHours(t *testing.T) {
	const day = 24 * time.Hour
	cases := map[string]struct {
		created  time.Time
		now      time.Time
		archived []string // keys that exist
		first    string
		last     string
		count    int
	}{
		"a nanosecond too early":    {hour, nextDay.Add(-1), nil, "", "", 0},
		"the first hour is due":     {hour, nextDay, nil, "2026-11-20T15:00:00Z", "2026-11-20T15:00:00Z", 1},
		"created within the hour":   {hour.Add(59 * time.Minute), nextDay, nil, "2026-11-20T15:00:00Z", "2026-11-20T15:00:00Z", 1},
		"created after it":          {hour.Add(time.Hour), nextDay, nil, "", "", 0},
		"a day's hours":             {hour, nextDay.Add(day), nil, "2026-11-20T15:00:00Z", "2026-11-21T15:00:00Z", 25},
		"now in another zone":       {hour, nextDay.In(time.FixedZone("", 9*3600)), nil, "2026-11-20T15:00:00Z", "2026-11-20T15:00:00Z", 1},
		"no further than the table": {hour.Add(-400 * day), nextDay, nil, "2026-10-17T17:00:00Z", "2026-11-20T15:00:00Z", 34*24 - 1},
		"archived hours are left out": {
			hour, nextDay.Add(3 * time.Hour),
			[]string{"manifests/dt=2026-11-20/hour=15.json", "manifests/dt=2026-11-20/hour=17.json"},
			"2026-11-20T16:00:00Z", "2026-11-20T18:00:00Z", 2,
		},
		"objects alone are no archive": {
			hour, nextDay,
			[]string{"transactions/dt=2026-11-20/hour=15/shard-1.jsonl.gz"},
			"2026-11-20T15:00:00Z", "2026-11-20T15:00:00Z", 1,
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			b := &bucket{objects: map[string][]byte{}, now: c.now}
			for _, key := range c.archived {
				b.objects[key] = nil
			}
			report, err := newArchiverAt(c.now, ledgertest.NewMemory(c.created), b, io.Discard).Due(t.Context(), c.now)
			if err != nil {
				t.Fatal(err)
			}
			first, last := "", ""
			if n := len(report.Hours); n > 0 {
				first, last = report.Hours[0].Hour, report.Hours[n-1].Hour
			}
			if first != c.first || last != c.last || len(report.Hours) != c.count || report.Backlog != 0 {
				t.Errorf("%d hours from %s to %s (backlog %d), want %d from %s to %s",
					len(report.Hours), first, last, report.Backlog, c.count, c.first, c.last)
			}
		})
	}
}

func TestSecondRunHasNothingToDo(t *testing.T) {
	l, b := seeded(t), &bucket{}
	a := newArchiver(l, b, io.Discard)
	report, err := a.Due(t.Context(), nextDay)
	if err != nil || len(report.Hours) != 3 || report.Transactions != 5 {
		t.Fatalf("%+v, %v", report, err)
	}
	puts := len(b.puts)
	report, err = a.Due(t.Context(), nextDay)
	if err != nil || len(report.Hours) != 0 || len(b.puts) != puts {
		t.Errorf("%+v, %v, %d puts more", report, err, len(b.puts)-puts)
	}
}

func TestManifestOfOpenHourIsIgnored(t *testing.T) {
	// A run was told that it is tomorrow, and archived the hour while it was open.
	l, b := seeded(t), &bucket{now: hour.Add(10 * time.Minute)}
	a := newArchiver(l, b, io.Discard)
	if _, err := a.Due(t.Context(), nextDay); err != nil {
		t.Fatal(err)
	}
	store(t, l, "txn_5", "1", "USD", hour.Add(20*time.Minute))
	report, err := a.Due(t.Context(), nextDay)
	if err != nil || len(report.Hours) != 3 || report.Hours[2].Count != 5 {
		t.Errorf("%+v, %v", report, err)
	}
}

func TestEmptyHourHasAManifestAndNoObject(t *testing.T) {
	b := &bucket{}
	if _, err := again(t, newArchiver(ledgertest.NewMemory(created), b, io.Discard)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"manifests/dt=2026-11-20/hour=15.json"}, b.puts); diff != "" {
		t.Error(diff)
	}
	want := "{\n  \"schema_version\": \"2\",\n  \"hour\": \"2026-11-20T15:00:00Z\",\n  \"count\": 0,\n  \"scored\": 0,\n  \"totals\": [],\n  \"objects\": []\n}\n"
	if diff := cmp.Diff(want, string(b.objects[b.puts[0]])); diff != "" {
		t.Error(diff)
	}
}

var errBroken = errors.New("broken")

// torn is a ledger whose hours fail after some records.
type torn struct {
	*ledgertest.Memory
	at    time.Time
	after int
	err   error
}

func (l torn) Hour(ctx context.Context, h time.Time, shard int) iter.Seq2[ledger.Record, error] {
	return func(yield func(ledger.Record, error) bool) {
		n := 0
		for record, err := range l.Memory.Hour(ctx, h, shard) {
			if h.Equal(l.at) && n == l.after {
				yield(ledger.Record{}, l.err)
				return
			}
			n++
			if !yield(record, err) {
				return
			}
		}
	}
}

func TestFailedHour(t *testing.T) {
	cases := map[string]struct {
		ledger func(*ledgertest.Memory) archive.Ledger
		fail   func(key string) error
		err    error
	}{
		"the ledger breaks at once":   {ledger: func(m *ledgertest.Memory) archive.Ledger { return torn{m, hour, 0, errBroken} }, err: errBroken},
		"in the midst of an object":   {ledger: func(m *ledgertest.Memory) archive.Ledger { return torn{m, hour, 1, errBroken} }, err: errBroken},
		"with what looks like an end": {ledger: func(m *ledgertest.Memory) archive.Ledger { return torn{m, hour, 1, io.EOF} }, err: io.EOF},
		"an upload breaks": {fail: func(key string) error {
			if strings.HasPrefix(key, "transactions/dt=2026-11-20/hour=15/") {
				return errBroken
			}
			return nil
		}, err: errBroken},
		"the manifest's upload breaks": {fail: func(key string) error {
			if key == archive.ManifestKey(hour) {
				return errBroken
			}
			return nil
		}, err: errBroken},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			m, b := seeded(t), &bucket{fail: c.fail}
			for i := range 40 { // so that a shard has more than one
				store(t, m, fmt.Sprintf("txn_more_%d", i), "1", "USD", hour.Add(time.Minute))
			}
			var l archive.Ledger = m
			if c.ledger != nil {
				l = c.ledger(m)
			}
			var out bytes.Buffer
			report, err := newArchiver(l, b, &out).Due(t.Context(), nextDay)
			if !errors.Is(err, c.err) || !strings.Contains(err.Error(), "hour 2026-11-20T15") {
				t.Errorf("error %v", err)
			}
			if len(report.Hours) != 2 || report.Backlog != 1 {
				t.Errorf("%+v", report)
			}
			if _, ok := b.objects[archive.ManifestKey(hour)]; ok {
				t.Error("the failed hour has a manifest")
			}
			for key := range b.objects {
				if torn, ok := l.(torn); ok && torn.after == 1 && strings.Contains(key, "hour=15/") {
					t.Errorf("torn object %s was kept", key)
				}
			}
			if !strings.Contains(out.String(), `"ArchiveBacklogHours":1`) {
				t.Errorf("no backlog in %s", out.String())
			}

			// The next run makes up for it.
			b.fail = nil
			report, err = newArchiver(m, b, io.Discard).Due(t.Context(), nextDay)
			if err != nil || len(report.Hours) != 1 || report.Transactions != 44 {
				t.Errorf("next run: %+v, %v", report, err)
			}
		})
	}
}

func TestHeadroom(t *testing.T) {
	cases := map[string]struct {
		deadlineAfter string // the put during which time runs out
		hours         int
		fails         bool
	}{
		"in the second hour":         {"manifests/dt=2026-11-20/hour=14.json", 1, false},
		"before anything is written": {"manifests/dt=2026-11-20/hour=13.json", 0, true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			// The deadline is the headroom and a little ahead; the put waits until the run's
			// own context ends, as a slow one would.
			ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(archive.Headroom+300*time.Millisecond))
			defer cancel()
			b := &bucket{}
			b.before = func(key string) {
				if key == c.deadlineAfter {
					wait, stop := context.WithTimeout(context.Background(), 400*time.Millisecond)
					defer stop()
					<-wait.Done()
				}
			}
			var out bytes.Buffer
			report, err := newArchiver(seeded(t), b, &out).Due(ctx, nextDay)
			if ctx.Err() != nil {
				t.Error("the run lasted until its deadline")
			}
			if (err != nil) != c.fails || len(report.Hours) != c.hours || report.Backlog != 3-c.hours {
				t.Errorf("%+v, %v", report, err)
			}
			if want := fmt.Sprintf(`"ArchiveBacklogHours":%d`, 3-c.hours); !strings.Contains(out.String(), want) {
				t.Errorf("no %s in %s", want, out.String())
			}
		})
	}
}

func TestUnavailableLedgerOrStore(t *testing.T) {
	l := seeded(t)
	l.Fail(errBroken)
	if _, err := newArchiver(l, &bucket{}, io.Discard).Due(t.Context(), nextDay); !errors.Is(err, ledger.ErrUnavailable) {
		t.Errorf("error %v", err)
	}
	if _, err := newArchiver(seeded(t), unlisted{&bucket{}}, io.Discard).Due(t.Context(), nextDay); !errors.Is(err, errBroken) {
		t.Errorf("error %v", err)
	}
}

// unlisted is a bucket that cannot be listed.
type unlisted struct{ *bucket }

func (unlisted) List(context.Context, string, string) iter.Seq2[archive.Entry, error] {
	return func(yield func(archive.Entry, error) bool) { yield(archive.Entry{}, errBroken) }
}

func TestRunIsCounted(t *testing.T) {
	var out bytes.Buffer
	if _, err := newArchiver(seeded(t), &bucket{}, &out).Due(t.Context(), nextDay); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"TransactionsArchived":5`, `"HoursArchived":3`, `"ArchiveBacklogHours":0`} {
		if strings.Count(out.String(), want) != 1 {
			t.Errorf("not one %s in %s", want, out.String())
		}
	}
	if n := strings.Count(out.String(), `"message":"hour archived"`); n != 3 {
		t.Errorf("%d lines for 3 hours", n)
	}
}

// endless is a ledger that yields n records per shard without keeping any.
type endless struct {
	*ledgertest.Memory
	n int
}

func (l endless) Hour(_ context.Context, h time.Time, shard int) iter.Seq2[ledger.Record, error] {
	return func(yield func(ledger.Record, error) bool) {
		a, err := money.Parse("12.34")
		for i := range l.n {
			id := fmt.Sprintf("txn_%d_%08d", shard, i)
			digest := sha256.Sum256([]byte(id)) // so that it does not compress to nothing
			if !yield(ledger.Record{Transaction: transaction.Transaction{
				ID: id, Provider: "stripe", Kind: contract.KindPayment, Money: money.Money{Amount: a, Currency: "USD"}, CustomerID: "cust_1", ReceivedAt: h,
			}, Fingerprint: hex.EncodeToString(digest[:])}, err) {
				return
			}
		}
	}
}

// drain is a Store that counts the bytes it gets and measures the heap meanwhile.
type drain struct {
	bucket
	bytes int64
	peak  uint64
}

func (d *drain) Put(_ context.Context, _ string, body io.Reader) (string, error) {
	buffer := make([]byte, 1<<20)
	for {
		n, err := io.ReadFull(body, buffer)
		d.bytes += int64(n)
		var m runtime.MemStats
		runtime.GC() // so that HeapAlloc is what is alive
		runtime.ReadMemStats(&m)
		d.peak = max(d.peak, m.HeapAlloc)
		if err == io.EOF || err == io.ErrUnexpectedEOF { // from ReadFull itself
			return "", nil
		}
		if err != nil {
			return "", err
		}
	}
}

func TestMemoryIsBounded(t *testing.T) {
	peak := func(records int) (heap uint64, written int64) {
		d := &drain{}
		report, err := again(t, newArchiver(endless{ledgertest.NewMemory(created), records / contract.HourShards}, d, io.Discard))
		if err != nil || report.Transactions != records {
			t.Fatalf("%d transactions, %v", report.Transactions, err)
		}
		return d.peak, d.bytes
	}
	small, few := peak(manyRecords / 25)
	large, many := peak(manyRecords)
	t.Logf("live heap %d kB for %d kB compressed, %d kB for %d kB", small>>10, few>>10, large>>10, many>>10)
	// Kept lines would show as at least the compressed bytes more.
	if grown := int64(large) - int64(small); grown > (many-few)/4 {
		t.Errorf("live heap grew by %d kB", grown>>10)
	}
}

// The alarm counts complete runs: one that leaves a due hour is none.
func TestArchiveRuns(t *testing.T) {
	failing := func(string) error { return errors.New("no access") }
	for name, c := range map[string]struct {
		run  func(*archive.Archiver) error
		fail func(string) error
		want string // the metric
	}{
		"1 when every due hour is archived": {
			func(a *archive.Archiver) error { _, err := a.Due(t.Context(), nextDay); return err }, nil, `"ArchiveRuns":1`,
		},
		"1 when no hour is due": {
			func(a *archive.Archiver) error { _, err := a.Due(t.Context(), created); return err }, failing, `"ArchiveRuns":1`,
		},
		"0 when an hour failed": {
			func(a *archive.Archiver) error { _, err := a.Due(t.Context(), nextDay); return err }, failing, `"ArchiveRuns":0`,
		},
		"none when an operator names the hours": {
			func(a *archive.Archiver) error {
				_, err := a.Range(t.Context(), "2026-11-20T15", "2026-11-20T15", nextDay)
				return err
			}, nil, "",
		},
	} {
		t.Run("are "+name, func(t *testing.T) {
			var out bytes.Buffer
			err := c.run(newArchiver(seeded(t), &bucket{fail: c.fail}, &out))
			if (err != nil) != strings.HasSuffix(c.want, "0") {
				t.Fatal(err)
			}
			got := regexp.MustCompile(`"ArchiveRuns":\d`).FindString(out.String())
			if got != c.want {
				t.Errorf("got %s in %s", got, out.String())
			}
		})
	}
}
