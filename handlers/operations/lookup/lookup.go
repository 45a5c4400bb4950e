package lookup

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/archive"
	"payment-webhooks/handlers/internal/archive/s3store"
	"payment-webhooks/handlers/internal/ledger"
)

// Archive is the audit bucket.
type Archive struct {
	client *s3.Client
	bucket string
}

// Open returns the archive in a bucket.
func Open(c aws.Config, bucket string) *Archive { return &Archive{s3store.NewClient(c), bucket} }

// Place is where a transaction is in the archive.
type Place struct {
	Object     string          `json:"object"` // key in the bucket
	Line       int             `json:"line"`   // from 1
	Manifest   string          `json:"manifest"`
	ArchivedAt time.Time       `json:"archived_at"` // when the object was written
	Record     json.RawMessage `json:"record"`      // the line: the event's detail and the fraud result, if any
}

// Hour searches the hour that contains a time. archived reports whether the hour has a
// manifest. More than one provider can have used the id.
func (a *Archive) Hour(ctx context.Context, hour time.Time, id string) (places []Place, archived bool, err error) {
	manifest := archive.ManifestKey(hour)
	body, _, err := a.get(ctx, manifest, "")
	if err != nil {
		return nil, false, err
	}
	if body == nil {
		return nil, false, nil
	}
	defer body.Close()
	var m archive.Manifest
	if err := json.NewDecoder(body).Decode(&m); err != nil {
		return nil, true, fmt.Errorf("%s: %w", manifest, err)
	}
	key := archive.ObjectKey(hour, ledger.Shard(id))
	i := slices.IndexFunc(m.Objects, func(o archive.Object) bool { return o.Key == key })
	if i < 0 {
		return nil, true, nil
	}
	places, err = a.search(ctx, m.Objects[i], id)
	for i := range places {
		places[i].Manifest = manifest
	}
	return places, true, err
}

// Hours returns the archived hours of the days from one time to another, oldest first.
func (a *Archive) Hours(ctx context.Context, from, to time.Time) ([]time.Time, error) {
	var hours []time.Time
	for day := from.UTC().Truncate(24 * time.Hour); day.Before(to); day = day.Add(24 * time.Hour) {
		prefix := contract.AuditManifestsPrefix + day.Format("dt=2006-01-02/")
		pages := s3.NewListObjectsV2Paginator(a.client, &s3.ListObjectsV2Input{Bucket: &a.bucket, Prefix: &prefix})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return nil, fmt.Errorf("list %s: %w", prefix, err)
			}
			for _, o := range page.Contents {
				hour, err := time.Parse(contract.AuditManifestsPrefix+"dt=2006-01-02/hour=15.json", aws.ToString(o.Key))
				if err == nil && !hour.Before(from.Truncate(time.Hour)) && hour.Before(to) {
					hours = append(hours, hour)
				}
			}
		}
	}
	return hours, nil
}

// search reads an object to its end and returns the lines about an id. It reads the version
// that the manifest names: a later run, which did not get to its manifest, may have written
// another.
func (a *Archive) search(ctx context.Context, o archive.Object, id string) (places []Place, err error) {
	key := o.Key
	body, written, err := a.get(ctx, key, o.VersionID)
	if err != nil {
		return nil, err
	}
	if body == nil {
		return nil, fmt.Errorf("%s: the manifest lists it, and it does not exist", key)
	}
	defer body.Close()
	text, err := gzip.NewReader(body)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", key, err)
	}
	lines := bufio.NewReader(text)
	for n := 1; ; n++ {
		line, err := lines.ReadString('\n')
		if err == io.EOF && line == "" {
			return places, nil
		}
		if err != nil && err != io.EOF {
			return places, fmt.Errorf("%s, line %d: %w", key, n, err)
		}
		var record struct {
			ID string `json:"transaction_id"`
		}
		// Parsing every line would take most of the time.
		if strings.Contains(line, id) && json.Unmarshal([]byte(line), &record) == nil && record.ID == id {
			places = append(places, Place{Object: key, Line: n, ArchivedAt: written, Record: json.RawMessage(strings.TrimSpace(line))})
		}
	}
}

// get returns nil for an object that does not exist. Without a version, it is the newest.
func (a *Archive) get(ctx context.Context, key, version string) (io.ReadCloser, time.Time, error) {
	input := &s3.GetObjectInput{Bucket: &a.bucket, Key: &key}
	if version != "" {
		input.VersionId = &version
	}
	out, err := a.client.GetObject(ctx, input)
	if _, missing := errors.AsType[*types.NoSuchKey](err); missing {
		return nil, time.Time{}, nil
	}
	if _, frozen := errors.AsType[*types.InvalidObjectState](err); frozen {
		return nil, time.Time{}, fmt.Errorf("get %s: %w", key, archive.ErrNotRestored)
	}
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("get %s: %w", key, err)
	}
	return out.Body, aws.ToTime(out.LastModified).UTC(), nil
}
