package archiving

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/archive"
	"payment-webhooks/handlers/internal/archive/s3store"
	"payment-webhooks/handlers/internal/ledger/dynamodbledger"
)

// Store is the audit bucket.
type Store interface {
	archive.Store

	// Version returns the id of an object's current version; it is empty if the bucket
	// keeps no versions.
	Version(ctx context.Context, key string) (string, error)
}

// Report is the response of the function transaction-archival.
type Report = archive.Report

// ErrRange is the error of hours that cannot be archived.
var ErrRange = archive.ErrRange

// Archive is the archive of a stack, beside the table that it is made of.
type Archive struct {
	store  Store
	ledger archive.Ledger
	now    func() time.Time
}

// Open returns the archive in a bucket, and the table of that name.
func Open(c aws.Config, bucket, table string, now func() time.Time) *Archive {
	// The functions' own client has timeouts that are too short for an operator's
	// connection.
	return New(s3store.New(s3store.NewClient(c), bucket), dynamodbledger.New(dynamodb.NewFromConfig(c), table), now)
}

// New returns an archive. now is the real time.
func New(store Store, ledger archive.Ledger, now func() time.Time) *Archive {
	return &Archive{store, ledger, now}
}

// Status is which hours are archived. Hours are texts such as "2026-11-20T15", in UTC.
type Status struct {
	Manifests   int      `json:"manifests"`   // archived hours in all
	Oldest      string   `json:"oldest"`      // oldest hour with a manifest, "" if there is none
	Newest      string   `json:"newest"`      // newest due hour with a final manifest, "" if there is none
	Due         int      `json:"due"`         // hours that are due and that the table holds whole
	Archived    int      `json:"archived"`    // how many of them have a final manifest
	Backlog     int      `json:"backlog"`     // how many have not: missing and provisional ones
	Overdue     int      `json:"overdue"`     // how many of them a daily run should have archived by now
	Missing     []string `json:"missing"`     // due, without a manifest
	Provisional []string `json:"provisional"` // due, with a manifest that was written before; archived again by the next run
	Lost        []string `json:"lost"`        // without a manifest, and older than what the table holds
}

const (
	// keptDays is less than the days after which the bucket's objects expire.
	keptDays = 364

	// runsEvery is the time within which a due hour is archived: a day between two runs,
	// and the time that a run and its retries need.
	runsEvery = 26 * time.Hour
)

// since returns the first hour of which there should be a manifest.
func since(now, createdAt time.Time) time.Time {
	first := now.UTC().AddDate(0, 0, -keptDays).Truncate(time.Hour)
	if created := createdAt.UTC().Truncate(time.Hour); created.After(first) {
		return created
	}
	return first
}

// overdue returns the last hour of which there should be a manifest.
func overdue(now time.Time) time.Time { return archive.NewWindow(now, now.Add(-runsEvery)).Latest }

// Status returns which hours are archived.
func (a *Archive) Status(ctx context.Context) (Status, error) {
	written, err := a.manifests(ctx)
	if err != nil {
		return Status{}, err
	}
	createdAt, err := a.ledger.CreatedAt(ctx)
	if err != nil {
		return Status{}, err
	}
	s := Status{Manifests: len(written.at), Missing: []string{}, Provisional: []string{}, Lost: []string{}}
	if len(written.hours) > 0 {
		s.Oldest = written.hours[0].Format(archive.HourLayout)
	}
	now := a.now()
	window := archive.NewWindow(now, now)
	for _, hour := range window.Due(createdAt) {
		s.Due++
		name := hour.Format(archive.HourLayout)
		if at, ok := written.at[hour]; !hour.After(overdue(now)) && (!ok || archive.IsProvisional(hour, at)) {
			s.Overdue++
		}
		switch at, ok := written.at[hour]; {
		case !ok:
			s.Missing = append(s.Missing, name)
		case archive.IsProvisional(hour, at):
			s.Provisional = append(s.Provisional, name)
		default:
			s.Archived++
			s.Newest = name
		}
	}
	s.Backlog = s.Due - s.Archived
	for hour := since(now, createdAt); hour.Before(window.Oldest); hour = hour.Add(time.Hour) {
		if _, ok := written.at[hour]; !ok {
			s.Lost = append(s.Lost, hour.Format(archive.HourLayout))
		}
	}
	return s, nil
}

// Plan returns the hours that a run would archive: those of the range, or the backlog if
// both ends are empty. The error is ErrRange for hours that cannot be archived.
func (a *Archive) Plan(ctx context.Context, from, to string) ([]string, error) {
	if from == "" && to == "" {
		s, err := a.Status(ctx)
		return append(s.Missing, s.Provisional...), err
	}
	hours, err := archive.ParseRange(from, to, a.now(), a.now())
	names := []string{}
	for _, hour := range hours {
		names = append(names, hour.Format(archive.HourLayout))
	}
	return names, err
}

// manifests are the manifests of the bucket.
type manifests struct {
	hours []time.Time // in order
	at    map[time.Time]time.Time
}

func (a *Archive) manifests(ctx context.Context) (manifests, error) {
	m := manifests{at: map[time.Time]time.Time{}}
	for entry, err := range a.store.List(ctx, contract.AuditManifestsPrefix, "") {
		if err != nil {
			return manifests{}, fmt.Errorf("list manifests: %w", err)
		}
		hour, err := time.Parse("dt=2006-01-02/hour=15.json", strings.TrimPrefix(entry.Key, contract.AuditManifestsPrefix))
		if err != nil {
			continue // nobody's manifest
		}
		m.hours = append(m.hours, hour)
		m.at[hour] = entry.Written
	}
	return m, nil
}
