package lambdainvoke_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"payment-webhooks/handlers/internal/archive/lambdainvoke"
	"payment-webhooks/handlers/internal/archive/schedule"
	"payment-webhooks/handlers/internal/ledger"
)

// archiver returns an Archiver whose requests a handler gets.
func archiver(t *testing.T, handler http.HandlerFunc) *lambdainvoke.Archiver {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return lambdainvoke.New(lambdainvoke.NewClient(aws.Config{
		Region: "us-east-1", BaseEndpoint: &server.URL, Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
	}), "transaction-archival-dev")
}

func TestLate(t *testing.T) {
	hour, key := time.Date(2026, 11, 20, 15, 0, 0, 0, time.UTC), ledger.Key{TransactionID: `txn_"1"`, Provider: "stripe"}

	t.Run("queues a request for the hour", func(t *testing.T) {
		var request schedule.Request
		a := archiver(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/2015-03-31/functions/transaction-archival-dev/invocations" || r.Header.Get("X-Amz-Invocation-Type") != "Event" {
				t.Errorf("%s with %v", r.URL.Path, r.Header)
			}
			body, err := io.ReadAll(r.Body)
			if err == nil {
				err = json.Unmarshal(body, &request)
			}
			if err != nil {
				t.Error(err)
			}
			w.WriteHeader(http.StatusAccepted)
		})
		if err := a.Late(t.Context(), hour, key); err != nil {
			t.Fatal(err)
		}
		if request.From != "2026-11-20T15" || request.To != request.From || request.Scored == nil || *request.Scored != (schedule.Transaction{ID: `txn_"1"`, Provider: "stripe"}) {
			t.Errorf("%+v", request)
		}
	})
	t.Run("tries again when Lambda throttles", func(t *testing.T) {
		attempts := 0
		a := archiver(t, func(w http.ResponseWriter, _ *http.Request) {
			if attempts++; attempts == 1 {
				w.Header().Set("X-Amzn-Errortype", "TooManyRequestsException")
				w.WriteHeader(http.StatusTooManyRequests)
				return
			}
			w.WriteHeader(http.StatusAccepted)
		})
		if err := a.Late(t.Context(), hour, key); err != nil || attempts != 2 {
			t.Errorf("%v after %d attempts", err, attempts)
		}
	})
	t.Run("fails when Lambda denies", func(t *testing.T) {
		a := archiver(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Amzn-Errortype", "AccessDeniedException")
			w.WriteHeader(http.StatusForbidden)
		})
		if err := a.Late(t.Context(), hour, key); err == nil {
			t.Error("no error")
		}
	})
}
