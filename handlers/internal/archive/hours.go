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

// archiveDelay is how long an hour must have been over before it is archived. It leaves
// time for the fraud result, and for the by-hour index to catch up with the table, which
// takes far less.
const archiveDelay = 24 * time.Hour

// retention is how long items stay in the table.
const retention = contract.RetentionDays * 24 * time.Hour

// HourLayout is how operators write an hour, in UTC: "2026-11-20T15".
const HourLayout = "2006-01-02T15"

// lastDue returns the latest hour that has been over for archiveDelay.
func lastDue(now time.Time) time.Time {
	return now.UTC().Add(-archiveDelay - time.Hour).Truncate(time.Hour)
}

// due returns the hours that must be archived at now, oldest first: those that have been
// over for archiveDelay, and are neither older than the table nor than its retention.
func due(now, createdAt time.Time) []time.Time {
	first := now.UTC().Add(-retention).Truncate(time.Hour)
	if created := createdAt.UTC().Truncate(time.Hour); created.After(first) {
		first = created
	}
	return hours(first, lastDue(now))
}

// hours returns all hours from first to last, both included.
func hours(first, last time.Time) []time.Time {
	var all []time.Time
	for hour := first; !hour.After(last); hour = hour.Add(time.Hour) {
		all = append(all, hour)
	}
	return all
}

// ParseRange returns the hours that an operator requests, both ends included. It rejects
// hours that have not been over for archiveDelay, and hours whose items may have
// expired: archiving those again would replace a complete archive by the remaining
// items. The error is ErrRange.
func ParseRange(from, to string, now time.Time) ([]time.Time, error) {
	first, err := parseHour("from", from)
	if err != nil {
		return nil, err
	}
	last, err := parseHour("to", to)
	if err != nil {
		return nil, err
	}
	oldest := now.UTC().Add(-retention).Truncate(time.Hour).Add(time.Hour)
	switch {
	case last.Before(first):
		return nil, fmt.Errorf("%w: to (%s) is before from (%s)", ErrRange, to, from)
	case last.After(lastDue(now)):
		return nil, fmt.Errorf("%w: to (%s) has not been over for 24 hours; the latest hour is %s",
			ErrRange, to, lastDue(now).Format(HourLayout))
	case first.Before(oldest):
		return nil, fmt.Errorf("%w: from (%s) is older than the %d days that the table keeps; the earliest hour is %s",
			ErrRange, from, contract.RetentionDays, oldest.Format(HourLayout))
	}
	return hours(first, last), nil
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
