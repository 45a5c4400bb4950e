package stream_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/google/go-cmp/cmp"

	"payment-webhooks/handlers/operations/publication"
	"payment-webhooks/scripts/internal/stream"
)

// shard speaks the protocol of DynamoDB Streams. Each page is the JSON of its records.
type shard struct {
	pages    []string
	fails    string // the operation that fails
	code     string // with this error
	requests []map[string]any
	open     bool // the shard goes on, without records
}

func (s *shard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	operation := strings.TrimPrefix(r.Header.Get("X-Amz-Target"), "DynamoDBStreams_20120810.")
	var request map[string]any
	_ = json.NewDecoder(r.Body).Decode(&request)
	s.requests = append(s.requests, request)
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	switch {
	case operation == s.fails:
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprintf(w, `{"__type":"com.amazonaws.dynamodb.v20120810#%s","message":"no"}`, s.code)
	case operation == "GetShardIterator":
		fmt.Fprint(w, `{"ShardIterator":"0"}`)
	default:
		var n int
		_, _ = fmt.Sscan(fmt.Sprint(request["ShardIterator"]), &n)
		records, next := "", ""
		if n < len(s.pages) {
			records = s.pages[n]
		}
		if n+1 < len(s.pages) || s.open {
			next = fmt.Sprintf(`,"NextShardIterator":"%d"`, n+1)
		}
		fmt.Fprintf(w, `{"Records":[%s]%s}`, records, next)
	}
}

func record(event, sequence, id string) string {
	return fmt.Sprintf(`{"eventName":%q,"dynamodb":{"SequenceNumber":%q,"Keys":{"transaction_id":{"S":%q},"provider":{"S":"shop"}}}}`, event, sequence, id)
}

func read(t *testing.T, s *shard) ([]string, error) {
	t.Helper()
	server := httptest.NewServer(s)
	defer server.Close()
	keys, err := stream.Inserted(t.Context(), aws.Config{
		Region: "us-east-1", BaseEndpoint: &server.URL, Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""),
		Retryer: func() aws.Retryer { return aws.NopRetryer{} },
	}, "arn:stream", "shard-1", "99", "102")
	var ids []string
	for _, k := range keys {
		if (k == publication.Key{TransactionID: k.TransactionID, Provider: "shop"}) {
			ids = append(ids, k.TransactionID)
		}
	}
	return ids, err
}

func TestInserted(t *testing.T) {
	for name, c := range map[string]struct {
		shard shard
		want  []string
	}{
		"the last is in the middle of a page": {shard{open: true, pages: []string{
			record("INSERT", "99", "a") + "," + record("MODIFY", "100", "x"), "", record("INSERT", "102", "b") + "," + record("INSERT", "103", "c"),
		}}, []string{"a", "b"}},
		"the last is filtered out":     {shard{open: true, pages: []string{record("INSERT", "99", "a"), record("INSERT", "1000", "c")}}, []string{"a"}},
		"the shard ends with the last": {shard{pages: []string{record("INSERT", "99", "a")}}, []string{"a"}},
	} {
		t.Run("when "+name, func(t *testing.T) {
			got, err := read(t, &c.shard)
			if diff := cmp.Diff(c.want, got); diff != "" || err != nil {
				t.Errorf("%v %s", err, diff)
			}
			if first := c.shard.requests[0]; first["SequenceNumber"] != "99" || first["ShardIteratorType"] != "AT_SEQUENCE_NUMBER" {
				t.Errorf("%v", first)
			}
		})
	}
	for name, s := range map[string]*shard{
		"the records are trimmed":         {fails: "GetRecords", code: "TrimmedDataAccessException"},
		"the position is trimmed":         {fails: "GetShardIterator", code: "TrimmedDataAccessException"},
		"the shard is gone":               {fails: "GetShardIterator", code: "ResourceNotFoundException"},
		"the shard does not reach so far": {open: true, pages: []string{record("INSERT", "99", "a")}},
	} {
		t.Run("when "+name, func(t *testing.T) {
			if got, err := read(t, s); !errors.Is(err, stream.ErrTrimmed) {
				t.Errorf("%v, %v", got, err)
			}
		})
	}
	t.Run("when it may not be read, is another error", func(t *testing.T) {
		if _, err := read(t, &shard{fails: "GetRecords", code: "AccessDeniedException"}); err == nil || errors.Is(err, stream.ErrTrimmed) {
			t.Error(err)
		}
	})
}
