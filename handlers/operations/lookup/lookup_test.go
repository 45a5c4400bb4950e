package lookup_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"payment-webhooks/handlers/internal/archive"
	"payment-webhooks/handlers/internal/ledger"
	"payment-webhooks/handlers/operations/lookup"
)

const (
	bucket = "audit"
	id     = "txn_1"
)

var hour = time.Date(2026, 11, 20, 15, 0, 0, 0, time.UTC)

// objectKey is that of the object which would hold the id.
var objectKey = archive.ObjectKey(hour, ledger.Shard(id))

// objects are the responses of an S3 by key, followed by "?" and a version for one that is
// not the newest.
type objects map[string][]byte

func (o objects) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	key := strings.TrimPrefix(r.URL.Path, "/"+bucket+"/")
	if version := r.URL.Query().Get("versionId"); version != "" {
		key += "?" + version
	}
	switch body, exists := o[key]; {
	case !exists:
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, "<Error><Code>NoSuchKey</Code></Error>")
	case body == nil:
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprint(w, "<Error><Code>InvalidObjectState</Code><StorageClass>GLACIER</StorageClass></Error>")
	default:
		w.Header().Set("Last-Modified", "Sat, 21 Nov 2026 01:40:00 GMT")
		_, _ = w.Write(body)
	}
}

func open(t *testing.T, o objects) *lookup.Archive {
	t.Helper()
	server := httptest.NewServer(o)
	t.Cleanup(server.Close)
	return lookup.Open(aws.Config{
		Region: "us-east-1", BaseEndpoint: &server.URL, RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
	}, bucket)
}

func compressed(t *testing.T, lines ...string) []byte {
	t.Helper()
	var text bytes.Buffer
	w := gzip.NewWriter(&text)
	_, err := w.Write([]byte(strings.Join(lines, "\n") + "\n"))
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return text.Bytes()
}

func manifest(t *testing.T, o archive.Object) []byte {
	t.Helper()
	text, err := json.Marshal(archive.Manifest{SchemaVersion: "2", Objects: []archive.Object{o}})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func line(provider, id string) string {
	return fmt.Sprintf(`{"transaction_id":%q,"provider":%q}`, id, provider)
}

func TestHour(t *testing.T) {
	listed := manifest(t, archive.Object{Key: objectKey, VersionID: "v1"})
	t.Run("when several providers use the id, it finds each line", func(t *testing.T) {
		a := open(t, objects{
			archive.ManifestKey(hour): listed,
			objectKey + "?v1":         compressed(t, line("stripe", id), line("stripe", id+"0"), line("square", id)),
		})
		places, archived, err := a.Hour(t.Context(), hour, id)
		if err != nil || !archived || len(places) != 2 || places[0].Line != 1 || places[1].Line != 3 ||
			string(places[1].Record) != line("square", id) || places[1].Object != objectKey || places[1].Manifest != archive.ManifestKey(hour) ||
			places[1].ArchivedAt.Hour() != 1 {
			t.Errorf("%+v, %v, %v", places, archived, err)
		}
	})
	t.Run("when a later run wrote another version, it reads the one that the manifest names", func(t *testing.T) {
		a := open(t, objects{
			archive.ManifestKey(hour): listed,
			objectKey:                 compressed(t, line("stripe", "txn_other")),
			objectKey + "?v1":         compressed(t, line("stripe", id)),
		})
		if places, _, err := a.Hour(t.Context(), hour, id); err != nil || len(places) != 1 {
			t.Errorf("%+v, %v", places, err)
		}
	})
	t.Run("when the manifest names no version, it reads the newest", func(t *testing.T) {
		a := open(t, objects{
			archive.ManifestKey(hour): manifest(t, archive.Object{Key: objectKey}),
			objectKey:                 compressed(t, line("stripe", id)),
		})
		if places, _, err := a.Hour(t.Context(), hour, id); err != nil || len(places) != 1 {
			t.Errorf("%+v, %v", places, err)
		}
	})
	t.Run("when the hour has no manifest, it is not archived", func(t *testing.T) {
		if places, archived, err := open(t, nil).Hour(t.Context(), hour, id); err != nil || archived || places != nil {
			t.Errorf("%+v, %v, %v", places, archived, err)
		}
	})
	t.Run("when the manifest does not list the id's object, nothing is found", func(t *testing.T) {
		a := open(t, objects{archive.ManifestKey(hour): manifest(t, archive.Object{Key: "another"})})
		if places, archived, err := a.Hour(t.Context(), hour, id); err != nil || !archived || places != nil {
			t.Errorf("%+v, %v, %v", places, archived, err)
		}
	})
	whole := compressed(t, line("stripe", id), line("stripe", "txn_2"))
	for when, c := range map[string]struct {
		objects objects
		want    string
	}{
		"the object is missing":     {objects{archive.ManifestKey(hour): listed}, "the manifest lists it, and it does not exist"},
		"the object is cut":         {objects{archive.ManifestKey(hour): listed, objectKey + "?v1": whole[:len(whole)-9]}, "unexpected EOF"},
		"the object is not gzip":    {objects{archive.ManifestKey(hour): listed, objectKey + "?v1": []byte("plain text")}, "gzip: invalid header"},
		"the manifest is not JSON":  {objects{archive.ManifestKey(hour): []byte("<html>")}, "invalid character"},
		"the object was not thawed": {objects{archive.ManifestKey(hour): listed, objectKey + "?v1": nil}, archive.ErrNotRestored.Error()},
	} {
		t.Run("when "+when+", the error says so", func(t *testing.T) {
			_, archived, err := open(t, c.objects).Hour(t.Context(), hour, id)
			if err == nil || !archived || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "hour=15") {
				t.Errorf("%v, %v", archived, err)
			}
		})
	}
}
