package emulator

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"

	"payment-webhooks/local/assembly"
	"payment-webhooks/local/faults"
	"payment-webhooks/local/iam"
	"payment-webhooks/local/logs"
)

func TestControl_flush(t *testing.T) {
	// A flush takes what everybody logged from the queue.
	t.Run("finishes when its caller goes away", func(t *testing.T) {
		var arrived atomic.Int64
		cloudWatch := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".PutLogEvents") {
				arrived.Add(1)
			}
			w.Header().Set("Content-Type", "application/x-amz-json-1.1")
			_, _ = io.WriteString(w, "{}")
		}))
		defer cloudWatch.Close()
		client := cloudwatchlogs.NewFromConfig(aws.Config{
			Region: "us-east-1", BaseEndpoint: aws.String(cloudWatch.URL), Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
		})
		e := &Emulator{shared: &shared{faults: faults.New(1, nil), terminal: &terminal{out: io.Discard}}, stack: &assembly.Stack{}, policies: &iam.Policies{}, writer: logs.NewWriter(client, nil, func(err error) { t.Error(err) })}
		defer e.writer.Close()
		e.writer.Put("group", "stream", time.Now(), "line")

		left, leave := context.WithCancel(t.Context())
		leave()
		recorder := httptest.NewRecorder()
		e.control().ServeHTTP(recorder, httptest.NewRequestWithContext(left, http.MethodPost, "/_local/flush", nil))
		if recorder.Code != http.StatusOK || arrived.Load() != 1 {
			t.Errorf("%d %s, %d batches arrived", recorder.Code, recorder.Body, arrived.Load())
		}
	})
}
