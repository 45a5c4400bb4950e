package e2e

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/local/session"
)

// It has a session of its own, since everything in the table is archived.
func TestArchiveIsRepeatable(t *testing.T) {
	inParallel(t)
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
	var struck []injected
	injectInto(t, s, once("dynamodb:Query", "throttle", contract.TransactionArchival)) // which it repeats
	manifests, objects := run()
	if err := s.Control(t.Context(), http.MethodGet, faultsPath, nil, &struck); err != nil || len(struck) != 1 || struck[0].Struck != 1 {
		t.Errorf("the faults: %+v, %v", struck, err)
	}

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
	if !reflect.DeepEqual(objects, againObjects) || !reflect.DeepEqual(withoutVersions(manifests), withoutVersions(againManifests)) {
		t.Errorf("the second run wrote %v %v, want %v %v", againManifests, againObjects, manifests, objects)
	}
}

// withoutVersions returns manifests without what differs between repeats: the versions of
// the objects.
func withoutVersions(manifests map[string]string) map[string]string {
	without := map[string]string{}
	for key, text := range manifests {
		without[key] = versionID.ReplaceAllString(text, "")
	}
	return without
}

var versionID = regexp.MustCompile(`"version_id": "[^"]+"`)

// A transaction was archived two days ago and is scored only now.
func TestLateFraudResultIsArchived(t *testing.T) {
	inParallel(t)
	s := ownSession(t)
	id := newID(t)
	hour := time.Now().UTC().Add(-48 * time.Hour).Truncate(time.Hour)
	detail := backdate(t, s, id, hour.Add(20*time.Minute))
	name := hour.Format("2006-01-02T15")
	if failure, response := invoke(t, s, contract.TransactionArchival, fmt.Sprintf(`{"from": %q, "to": %q}`, name, name)); failure != "" {
		t.Fatalf("%s %s", failure, response)
	}
	first := manifestOf(t, s, hour)
	if first.Count != 1 || first.Scored != 0 {
		t.Fatalf("archived at first: %+v", first)
	}

	if failure, response := invoke(t, s, contract.FraudDetector, detail); failure != "" {
		t.Fatalf("%s %s", failure, response)
	}
	var second archivedManifest
	eventually(t, "the fraud result in the archive", func(context.Context) (bool, error) {
		second = manifestOf(t, s, hour)
		return second.Scored == 1, nil
	})
	if second.Count != 1 || len(second.Objects) != 1 {
		t.Fatalf("archived again: %+v", second)
	}
	if line := lineOf(t, s, second.Objects[0]); !strings.Contains(line, id) || !strings.Contains(line, `"fraud":{"score":`) {
		t.Errorf("archived again: %s", line)
	}
	if line := lineOf(t, s, first.Objects[0]); !strings.Contains(line, id) || strings.Contains(line, `"fraud":`) {
		t.Errorf("the old version is %s", line)
	}

	ops := opsTool(t, s)
	t.Run("and operators see so", func(t *testing.T) {
		if code, out := ops("archive", "verify"); code != 0 || !strings.Contains(out, "transactions") {
			t.Errorf("status %d: %s", code, out)
		}
		code, out := ops("archive", "status", "--json")
		var status struct{ Manifests, Backlog int }
		if err := json.Unmarshal([]byte(out), &status); code != 0 || err != nil || status.Manifests != 1 || status.Backlog != 0 {
			t.Errorf("status %d: %s", code, out)
		}
	})
	t.Run("and operators see when an object is overwritten, and repair it", func(t *testing.T) {
		if _, err := s3.NewFromConfig(s.AWS).PutObject(t.Context(), &s3.PutObjectInput{
			Bucket: aws.String(s.Outputs[contract.OutputAuditBucket]), Key: aws.String(second.Objects[0].Key), Body: strings.NewReader("garbage"),
		}); err != nil {
			t.Fatal(err)
		}
		if code, out := ops("archive", "verify", "--from", name, "--to", name); code != 1 || !strings.Contains(out, second.Objects[0].Key+": its current version") {
			t.Errorf("status %d: %s", code, out)
		}
		if code, out := ops("archive", "run", "--from", name, "--to", name); code != 0 || !strings.Contains(out, "would archive 1 hours") {
			t.Errorf("status %d: %s", code, out)
		}
		if code, out := ops("archive", "run", "--from", name, "--to", name, "--execute"); code != 0 || !strings.Contains(out, hour.Format("manifests/dt=2006-01-02/hour=15.json")) {
			t.Errorf("status %d: %s", code, out)
		}
		if code, out := ops("archive", "verify", "--from", name, "--to", name); code != 0 {
			t.Errorf("status %d: %s", code, out)
		}
	})
	t.Run("and operators see when the table has what the archive lacks", func(t *testing.T) {
		lacking := newID(t)
		backdate(t, s, lacking, hour.Add(40*time.Minute))
		code, out := ops("archive", "verify", "--json")
		var verified struct {
			Differences int
			Found       []struct {
				TransactionID string `json:"transaction_id"`
			}
		}
		if err := json.Unmarshal([]byte(out), &verified); code != 1 || err != nil || verified.Differences != 1 || verified.Found[0].TransactionID != lacking {
			t.Errorf("status %d: %s", code, out)
		}
	})
	t.Run("and operators cannot archive what the table does not hold", func(t *testing.T) {
		if code, out := ops("archive", "run", "--from", "2026-01-02T15", "--to", "2026-01-02T15", "--execute"); code != 2 || out != "" {
			t.Errorf("status %d: %s", code, out)
		}
	})
}

// opsTool returns a function that runs the operators' tool on a session and returns
// its exit status and standard output.
func opsTool(t *testing.T, s *session.Session) func(args ...string) (code int, out string) {
	t.Helper()
	binary := opsBinary(t)
	return func(args ...string) (int, string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), binary, args...)
		cmd.Env = append(os.Environ(), "AWS_ENDPOINT_URL="+s.Endpoint, "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test",
			"AWS_REGION="+s.AWS.Region, "ENVIRONMENT_SUFFIX="+s.Suffix())
		var out, log strings.Builder
		cmd.Stdout, cmd.Stderr = &out, &log
		err := cmd.Run()
		if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
			t.Fatal(err)
		}
		t.Logf("ops %s: %s%s", strings.Join(args, " "), log.String(), cmd.ProcessState)
		return cmd.ProcessState.ExitCode(), out.String()
	}
}

func TestOldHoursAreNotArchivedAgain(t *testing.T) {
	s := shared
	const key = "manifests/dt=2026-01-02/hour=15.json"
	const kept = `{"schema_version": "1", "hour": "2026-01-02T15:00:00Z", "count": 4321, "totals": {}, "objects": []}`
	if _, err := s3.NewFromConfig(s.AWS).PutObject(t.Context(), &s3.PutObjectInput{
		Bucket: aws.String(s.Outputs[contract.OutputAuditBucket]), Key: aws.String(key), Body: strings.NewReader(kept),
	}); err != nil {
		t.Fatal(err)
	}
	failure, response := invoke(t, s, contract.TransactionArchival, `{"time": "2026-01-05T00:00:00Z", "from": "2026-01-02T15", "to": "2026-01-02T15"}`)
	if failure == "" || !strings.Contains(response, "older than the 35 days that the table keeps") {
		t.Errorf("%s %s", failure, response)
	}
	manifests, err := s.Archived(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	if len(manifests) != 1 || strings.Join(manifests[0].Lines, "\n") != kept {
		t.Errorf("the manifest became %v", manifests)
	}
}

// backdate stores a payment as if it had been received at the given time, and returns the
// detail of its event. Its tier is not scored.
func backdate(t *testing.T, s *session.Session, id string, at time.Time) (detail string) {
	t.Helper()
	accept(t, s, payment(id, "250.50", "USD", ""))
	client, table := dynamodb.NewFromConfig(s.AWS), aws.String(s.Outputs[contract.OutputTable])
	out, err := client.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: table, ConsistentRead: aws.Bool(true), Key: map[string]types.AttributeValue{
		contract.FieldTransactionID: &types.AttributeValueMemberS{Value: id}, contract.FieldProvider: &types.AttributeValueMemberS{Value: "shop"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	text := func(name string) string {
		value, _ := out.Item[name].(*types.AttributeValueMemberS)
		if value == nil {
			t.Fatalf("the item's %s is %v", name, out.Item[name])
		}
		return value.Value
	}
	received := at.Format("2006-01-02T15:04:05.000000000Z")
	_, shard, _ := strings.Cut(text(contract.FieldHourShard), "#")
	out.Item[contract.FieldReceivedAt] = &types.AttributeValueMemberS{Value: received}
	out.Item[contract.FieldHourShard] = &types.AttributeValueMemberS{Value: at.Format("2006-01-02T15") + "#" + shard}
	if _, err := client.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: table, Item: out.Item}); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf(`{"schema_version": "1", "transaction_id": %q, "provider": "shop", "kind": "payment", "amount": 250.5, "amount_text": "250.50 USD",
		"currency": "USD", "customer_id": "cust_789", "received_at": %q, "fingerprint": %q}`, id, received, text(contract.FieldFingerprint))
}

// invoke invokes a function and returns its function error, if any, and response.
func invoke(t *testing.T, s *session.Session, handler, payload string) (failure, response string) {
	t.Helper()
	out, err := lambda.NewFromConfig(s.AWS).Invoke(t.Context(), &lambda.InvokeInput{
		FunctionName: aws.String(handler + "-" + s.Suffix()), Payload: []byte(payload),
	})
	if err != nil {
		t.Fatal(err)
	}
	return aws.ToString(out.FunctionError), string(out.Payload)
}

type archivedManifest struct {
	Count, Scored int
	Objects       []archivedObject
}

type archivedObject struct {
	Key       string
	VersionID string `json:"version_id"`
}

func manifestOf(t *testing.T, s *session.Session, hour time.Time) archivedManifest {
	t.Helper()
	objects, err := s.Archived(t.Context(), hour.Format("manifests/dt=2006-01-02/hour=15.json"))
	if err != nil {
		t.Fatal(err)
	}
	if len(objects) != 1 {
		t.Fatalf("%d manifests of %s", len(objects), hour)
	}
	var m archivedManifest
	if err := json.Unmarshal([]byte(strings.Join(objects[0].Lines, "\n")), &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// lineOf returns the text of a version of an object.
func lineOf(t *testing.T, s *session.Session, o archivedObject) string {
	t.Helper()
	client := s3.NewFromConfig(s.AWS, func(o *s3.Options) { o.DisableLogOutputChecksumValidationSkipped = true })
	out, err := client.GetObject(t.Context(), &s3.GetObjectInput{
		Bucket: aws.String(s.Outputs[contract.OutputAuditBucket]), Key: aws.String(o.Key), VersionId: aws.String(o.VersionID),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer out.Body.Close()
	text, err := gzip.NewReader(out.Body)
	if err != nil {
		t.Fatal(err)
	}
	line, err := io.ReadAll(text)
	if err != nil {
		t.Fatal(err)
	}
	return string(line)
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
