package sqsqueue_test

import (
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"payment-webhooks/handlers/internal/intake/sqsqueue"
)

// open is a queue on a server that speaks SQS's protocol (AWS JSON 1.0).
func open(t *testing.T, respond http.HandlerFunc) *sqsqueue.Queue {
	t.Helper()
	server := httptest.NewServer(respond)
	t.Cleanup(server.Close)
	return sqsqueue.New(sqsqueue.NewClient(aws.Config{
		Region: "us-east-1", BaseEndpoint: &server.URL,
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
	}), server.URL+"/123456789012/quarantine")
}

func TestMessageIsSentWhole(t *testing.T) {
	body := `{"body":"` + strings.Repeat("ü", 200_000) + `"}`
	var got string
	q := open(t, func(w http.ResponseWriter, r *http.Request) {
		var in struct{ QueueUrl, MessageBody string }
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil || !strings.HasSuffix(in.QueueUrl, "/quarantine") {
			t.Errorf("%s, %v", in.QueueUrl, err)
		}
		got = in.MessageBody
		sum := md5.Sum([]byte(got)) //nolint:gosec // the protocol's checksum
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		_, _ = w.Write([]byte(`{"MessageId":"1","MD5OfMessageBody":"` + hex.EncodeToString(sum[:]) + `"}`))
	})
	if err := q.Send(t.Context(), body); err != nil {
		t.Fatal(err)
	}
	if got != body {
		t.Errorf("%d bytes arrived of %d", len(got), len(body))
	}
}

func TestRejectedMessage(t *testing.T) {
	q := open(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"no"}`))
	})
	if err := q.Send(t.Context(), "{}"); !errors.Is(err, sqsqueue.ErrUnavailable) || !strings.Contains(err.Error(), "QueueDoesNotExist") {
		t.Errorf("%v", err)
	}
}
