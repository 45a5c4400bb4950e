package endpoint

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// slowMoto needs a second for each call and counts how many are under way.
type slowMoto struct {
	mu            sync.Mutex
	running, most int
}

func (s *slowMoto) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	s.running++
	s.most = max(s.most, s.running)
	s.mu.Unlock()
	time.Sleep(time.Second)
	s.mu.Lock()
	s.running--
	s.mu.Unlock()
	return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("{}")), Request: r}, nil
}

func TestSerializer(t *testing.T) {
	t.Run("passes calls to moto one at a time", func(t *testing.T) {
		for name, c := range map[string]struct {
			service, target string
			most            int
		}{
			"items":              {"dynamodb", "DynamoDB_20120810.PutItem", 1},
			"records of streams": {"dynamodb", "DynamoDBStreams_20120810.GetRecords", 1},
			"messages":           {"sqs", "AmazonSQS.DeleteMessage", 1},
			// Which may wait for a message.
			"receiving":      {"sqs", "AmazonSQS.ReceiveMessage", 5},
			"query protocol": {"sqs", "", 5},
			"secrets":        {"secretsmanager", "secretsmanager.GetSecretValue", 5},
		} {
			t.Run(name, func(t *testing.T) {
				f, _ := newFixture(t)
				synctest.Test(t, func(t *testing.T) {
					moto := &slowMoto{}
					f.Endpoint.moto.Transport = newSerializer(moto)
					var calls sync.WaitGroup
					for range 5 {
						calls.Go(func() {
							if got := f.call("test", c.service, c.target, "POST", "/", `{}`); got.Code != 200 {
								t.Errorf("%d %s", got.Code, got.Body)
							}
						})
					}
					calls.Wait()
					if moto.most != c.most {
						t.Errorf("%d calls at once, want %d", moto.most, c.most)
					}
				})
			})
		}
	})
	t.Run("passes conditional writes of objects one at a time", func(t *testing.T) {
		for name, c := range map[string]struct {
			method, header string
			most           int
		}{
			"if they exist":        {"PUT", "If-Match", 1},
			"if they do not exist": {"PUT", "If-None-Match", 1},
			"others":               {"PUT", "", 5},
			"reads":                {"GET", "If-None-Match", 5},
		} {
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					moto := &slowMoto{}
					serializer := newSerializer(moto)
					r := (&fixture{}).request("test", "s3", "", c.method, "/audit/manifests/a.json", "{}")
					if c.header != "" {
						r.Header.Set(c.header, "*")
					}
					var calls sync.WaitGroup
					for range 5 {
						calls.Go(func() {
							if response, err := serializer.RoundTrip(r.Clone(t.Context())); err == nil {
								response.Body.Close()
							}
						})
					}
					calls.Wait()
					if moto.most != c.most {
						t.Errorf("%d calls at once, want %d", moto.most, c.most)
					}
				})
			})
		}
	})
	t.Run("holds the token of a cancelled call while moto works on it", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			moto := &slowMoto{}
			serializer := newSerializer(moto)
			ctx, cancel := context.WithCancel(t.Context())
			r := (&fixture{}).request("test", "dynamodb", "DynamoDB_20120810.PutItem", "POST", "/", `{}`)
			var calls sync.WaitGroup
			call := func(ctx context.Context) {
				calls.Go(func() {
					if response, err := serializer.RoundTrip(r.Clone(ctx)); err == nil {
						response.Body.Close()
					}
				})
				synctest.Wait()
			}
			begin := time.Now()
			call(ctx) // moto works on it
			call(ctx) // waits for the token
			call(t.Context())
			cancel()
			calls.Wait()
			if took := time.Since(begin); moto.most != 1 || took != 2*time.Second {
				t.Errorf("%d calls at once, all done after %s; want 1 and 2 s", moto.most, took)
			}
		})
	})
}
