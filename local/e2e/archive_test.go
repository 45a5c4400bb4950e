package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
)

// It has a session of its own, since everything in the table is archived.
func TestArchiveIsRepeatable(t *testing.T) {
	t.Parallel()
	s := ownSession(t)
	want := map[string]bool{}
	last := ""
	for range 20 {
		last = newID(t)
		accept(t, s, payment(last, "250.50", "USD", `, "metadata": {"order_id": "order_123"}`))
		want[last] = true
	}
	// An hour is due when it has been over for a day. As of this time, the hour of the
	// last transaction is the last one that is due, however late it is now.
	item, err := s.Item(t.Context(), last, "shop")
	if err != nil {
		t.Fatal(err)
	}
	received, err := time.Parse(time.RFC3339Nano, fmt.Sprint(item["received_at"]))
	if err != nil {
		t.Fatal(err)
	}
	later := received.Truncate(time.Hour).Add(25 * time.Hour)
	run := func() (manifests, objects map[string]string) {
		if err := s.FireRule(t.Context(), s.ArchivalRule(), later); err != nil {
			t.Fatal(err)
		}
		eventually(t, "all transactions in the archive", func(ctx context.Context) (bool, error) {
			m, err := s.Archived(ctx, "manifests/")
			if err != nil {
				return false, err
			}
			o, err := s.Archived(ctx, "transactions/")
			if err != nil {
				return false, err
			}
			manifests, objects = map[string]string{}, map[string]string{}
			counted := 0
			for _, object := range m {
				manifests[object.Key] = strings.Join(object.Lines, "\n")
				counted += count(t, manifests[object.Key])
			}
			for _, object := range o {
				objects[object.Key] = strings.Join(object.Lines, "\n")
			}
			return counted == len(want), nil // manifests are written last
		})
		return manifests, objects
	}
	manifests, objects := run()

	got := map[string]bool{}
	for key, text := range objects {
		if !strings.HasPrefix(key, "transactions/dt=") || !strings.Contains(key, "/hour=") || !strings.HasSuffix(key, ".jsonl.gz") {
			t.Errorf("key %s", key)
		}
		for line := range strings.Lines(text) {
			var record struct {
				ID     string      `json:"transaction_id"`
				Amount json.Number `json:"amount"`
			}
			if err := json.Unmarshal([]byte(line), &record); err != nil {
				t.Fatal(err)
			}
			if record.Amount != "250.5" {
				t.Errorf("%s: amount %s", record.ID, record.Amount)
			}
			got[record.ID] = true
		}
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("archived %d transactions, want %d", len(got), len(want))
	}

	// A run that lost its manifests writes the same objects again.
	for key := range manifests {
		if err := deleteArchived(t.Context(), s, key); err != nil {
			t.Fatal(err)
		}
	}
	againManifests, againObjects := run()
	if !reflect.DeepEqual(objects, againObjects) || !reflect.DeepEqual(manifests, againManifests) {
		t.Errorf("the second run wrote %v %v, want %v %v", againManifests, againObjects, manifests, objects)
	}
}

// count returns a manifest's count of transactions.
func count(t *testing.T, manifest string) int {
	t.Helper()
	var m struct{ Count int }
	if err := json.Unmarshal([]byte(manifest), &m); err != nil {
		t.Fatalf("manifest %s: %v", manifest, err)
	}
	return m.Count
}
