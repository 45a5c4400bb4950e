package archive

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"payment-webhooks/handlers/contract"
)

// ErrRange is the error of a request for hours that cannot be archived. Its text tells
// which hours and why.
var ErrRange = errors.New("hours cannot be archived")

const (
	// archiveDelay is how long an hour must have been over before it is archived. It
	// leaves time for the fraud result, and for the by-hour index to catch up with the
	// table, which takes far less.
	archiveDelay = contract.ArchiveDelayHours * time.Hour

	// clockSkew is how much earlier than that a request may name an hour: the clock of
	// the function that sends it may be ahead of this one's.
	clockSkew = contract.ArchiveSkewMinutes * time.Minute

	// retention is how long items stay in the table.
	retention = contract.RetentionDays * 24 * time.Hour

	// expiryHeadroom is how long before its first item may expire an hour is archived for
	// the last time. It is more than a run's timeout and the difference of clocks, so that
	// no item disappears while its hour is being read. (DynamoDB deletes an item at some
	// time after it has expired, never before.)
	// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/howitworks-ttl.html
	expiryHeadroom = time.Hour
)

// HourLayout is how operators write an hour, in UTC: "2026-11-20T15".
const HourLayout = contract.HourLayout

// Window is the hours that the archiver archives.
type Window struct {
	// Oldest is the first hour of which no item can have expired. Archiving an older
	// one would replace a complete archive by what is left of the hour.
	Oldest time.Time

	// Latest is the latest hour that is due.
	Latest time.Time
}

// NewWindow returns the window at now, which is the real time, as if it were asOf.
// Asking as of another time moves only Latest, and never beyond the hour that has begun:
// how long the table keeps items does not depend on what somebody asks.
func NewWindow(now, asOf time.Time) Window {
	w := Window{
		Oldest: now.UTC().Add(expiryHeadroom - retention - time.Nanosecond).Truncate(time.Hour).Add(time.Hour), // rounded up
		Latest: lastDue(asOf),
	}
	if begun := now.UTC().Truncate(time.Hour); begun.Before(w.Latest) {
		w.Latest = begun
	}
	return w
}

// lastDue returns the latest hour that has been over for archiveDelay.
func lastDue(now time.Time) time.Time {
	return now.UTC().Add(-archiveDelay - time.Hour).Truncate(time.Hour)
}

// Due returns the hours that must be archived, oldest first: those of the window in which
// the ledger existed.
func (w Window) Due(createdAt time.Time) []time.Time {
	first := w.Oldest
	if created := createdAt.UTC().Truncate(time.Hour); created.After(first) {
		first = created
	}
	return hours(first, w.Latest)
}

// hours returns all hours from first to last, both included.
func hours(first, last time.Time) []time.Time {
	var all []time.Time
	for hour := first; !hour.After(last); hour = hour.Add(time.Hour) {
		all = append(all, hour)
	}
	return all
}

// IsProvisional reports whether a manifest that was written at the given time was written
// before its hour was due. Later transactions and fraud results of the hour would never be
// archived if such a manifest counted.
func IsProvisional(hour, written time.Time) bool {
	return written.Before(hour.Add(time.Hour + archiveDelay))
}

// ParseRange returns the hours that a request names, both ends included, at now, which is
// the real time, as if it were asOf. It rejects hours outside of the window. The error is
// ErrRange.
func ParseRange(from, to string, now, asOf time.Time) ([]time.Time, error) {
	first, err := parseHour("from", from)
	if err != nil {
		return nil, err
	}
	last, err := parseHour("to", to)
	if err != nil {
		return nil, err
	}
	w := NewWindow(now, asOf.Add(clockSkew))
	switch {
	case last.Before(first):
		return nil, fmt.Errorf("%w: to (%s) is before from (%s)", ErrRange, to, from)
	case last.After(w.Latest):
		return nil, fmt.Errorf("%w: to (%s) has not been over for %d hours; the latest hour is %s",
			ErrRange, to, contract.ArchiveDelayHours, w.Latest.Format(HourLayout))
	case first.Before(w.Oldest):
		return nil, w.expired(first)
	}
	return hours(first, last), nil
}

// expired returns the error of an hour before the window, and nil for any other hour.
func (w Window) expired(hour time.Time) error {
	if !hour.Before(w.Oldest) {
		return nil
	}
	return fmt.Errorf("%w: hour %s is older than the %d days that the table keeps; the earliest hour is %s",
		ErrRange, hour.Format(HourLayout), contract.RetentionDays, w.Oldest.Format(HourLayout))
}

func parseHour(name, text string) (time.Time, error) {
	hour, err := time.Parse(HourLayout, text)
	if err != nil {
		return time.Time{}, fmt.Errorf("%w: %s is %.40q; write an hour in UTC as 2026-11-20T15", ErrRange, name, text)
	}
	return hour, nil
}

// partition returns the path of an hour below a prefix.
func partition(hour time.Time) string {
	return hour.UTC().Format("dt=2006-01-02/hour=15")
}

// ObjectKey returns the key of the object with the transactions of a shard of an hour.
func ObjectKey(hour time.Time, shard int) string {
	return fmt.Sprintf("%s%s/shard-%d.jsonl.gz", contract.AuditTransactionsPrefix, partition(hour), shard)
}

// ManifestKey returns the key of an hour's manifest. Keys sort as hours do.
func ManifestKey(hour time.Time) string {
	return contract.AuditManifestsPrefix + partition(hour) + ".json"
}

// beforeManifest returns a key that sorts right before the manifest of an hour.
func beforeManifest(hour time.Time) string {
	return strings.TrimSuffix(ManifestKey(hour), ".json")
}
