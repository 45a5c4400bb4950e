package awsclient_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"payment-webhooks/handlers/awsclient"
	"payment-webhooks/handlers/awsclient/awsclienttest"
)

func config(endpoint string) aws.Config {
	cfg := aws.Config{Region: "us-east-1", BaseEndpoint: &endpoint, Credentials: credentials.NewStaticCredentialsProvider("test", "test", "")}
	awsclient.Configure(&cfg)
	return cfg
}

func TestConfigure(t *testing.T) {
	t.Run("when a response begins before the request's body is done with", func(t *testing.T) {
		awsclienttest.Run(t, func(endpoint string, client awsclienttest.Client) ([]string, error) {
			cfg := config(endpoint)
			cfg.HTTPClient = client
			cfg.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
			out, err := dynamodb.NewFromConfig(cfg).ListTables(t.Context(), nil)
			if err != nil {
				return nil, err
			}
			return out.TableNames, nil
		})
	})
	t.Run("when a call is tried again, it has its whole body", func(t *testing.T) {
		var bodies []string
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			bodies = append(bodies, string(body)) // attempts follow each other
			if len(bodies) == 1 {
				w.WriteHeader(http.StatusInternalServerError)
			}
			_, _ = io.WriteString(w, "{}")
		}))
		defer server.Close()
		_, err := dynamodb.NewFromConfig(config(server.URL)).ListTables(t.Context(), &dynamodb.ListTablesInput{Limit: aws.Int32(7)})
		if want := `{"Limit":7}`; err != nil || len(bodies) != 2 || bodies[0] != want || bodies[1] != want {
			t.Errorf("%q, %v", bodies, err)
		}
	})
	// Readers as callers have them: with and without WriteTo, and with and without Seek.
	for name, of := range map[string]func(string) io.Reader{
		"strings.Reader": func(text string) io.Reader { return strings.NewReader(text) },
		"bytes.Buffer":   func(text string) io.Reader { return bytes.NewBufferString(text) },
		"io.Reader":      func(text string) io.Reader { return struct{ io.Reader }{strings.NewReader(text)} },
		"no reader":      func(string) io.Reader { return nil },
	} {
		t.Run("when a body is a "+name, func(t *testing.T) {
			want := "an object"
			if name == "no reader" {
				want = ""
			}
			var got atomic.Value
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				got.Store(string(body))
				if r.ContentLength != int64(len(want)) {
					w.WriteHeader(http.StatusLengthRequired)
				}
			}))
			defer server.Close()
			cfg := config(server.URL)
			cfg.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
			client := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
			_, err := client.PutObject(t.Context(), &s3.PutObjectInput{
				Bucket: aws.String("bucket"), Key: aws.String("key"), Body: of("an object"), ContentLength: aws.Int64(int64(len(want))),
			}, s3.WithAPIOptions(v4.SwapComputePayloadSHA256ForUnsignedPayloadMiddleware))
			if err != nil || got.Load() != want {
				t.Errorf("%v, %v", got.Load(), err)
			}
		})
	}
}
