package sqs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"payment-webhooks/local/eventsource"
)

const queueARN = "arn:aws:sqs:eu-west-1:123456789012:medium-value-digest-dev"

// server is a queue whose messages are visible again after 480 s.
type server struct {
	mu       sync.Mutex
	messages []Message
	hidden   map[string]time.Time // until when, by message id
	deleted  []string
	failing  int           // calls of Receive that fail
	slow     time.Duration // that Receive takes
}

func (s *server) send(bodies ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, body := range bodies {
		name := body[:min(len(body), 8)]
		s.messages = append(s.messages, Message{ID: "id-" + name, Receipt: "r-" + name, Body: body, MD5: "md5", Attributes: map[string]string{"ApproximateReceiveCount": "1"}})
	}
}

func (s *server) Receive(context.Context) ([]Message, error) {
	time.Sleep(s.slow) // without the lock, which would stop the bubble's clock
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failing > 0 {
		s.failing--
		return nil, errors.New("access denied")
	}
	var received []Message
	for _, m := range s.messages {
		if len(received) < 10 && !time.Now().Before(s.hidden[m.ID]) {
			s.hidden[m.ID] = time.Now().Add(480 * time.Second)
			received = append(received, m)
		}
	}
	return received, nil
}

func (s *server) Delete(_ context.Context, batch []Message) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range batch {
		s.deleted = append(s.deleted, m.Body)
		s.messages = slices.DeleteFunc(s.messages, func(o Message) bool { return o.ID == m.ID })
	}
	return nil
}

func (s *server) Hide(_ context.Context, batch []Message, d time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range batch {
		s.hidden[m.ID] = time.Now().Add(d)
	}
	return nil
}

func (s *server) State(context.Context) (time.Duration, int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return 480 * time.Second, len(s.messages), nil
}

// function keeps the bodies of each batch, and when it came.
type function struct {
	mu      sync.Mutex
	batches []string
	at      []time.Duration // since the start
	start   time.Time
	respond func(n int, bodies []string) (eventsource.Result, error) // n counts from 1
	event   []byte                                                   // the last one
}

func (f *function) Invoke(_ context.Context, payload []byte) (eventsource.Result, error) {
	var event struct{ Records []struct{ Body string } }
	if err := json.Unmarshal(payload, &event); err != nil {
		return eventsource.Result{}, err
	}
	var bodies []string
	for _, r := range event.Records {
		bodies = append(bodies, r.Body)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.event = payload
	f.batches, f.at = append(f.batches, strings.Join(bodies, " ")), append(f.at, time.Since(f.start))
	if f.respond == nil {
		return eventsource.Result{Payload: []byte(`{"batchItemFailures":[]}`)}, nil
	}
	return f.respond(len(f.batches), bodies)
}

func properties(batchSize, window int) eventsource.Properties {
	return eventsource.Properties{
		EventSourceArn: queueARN, FunctionName: "alert-digest-dev", BatchSize: &batchSize, MaximumBatchingWindowInSeconds: window,
		FunctionResponseTypes: []string{"ReportBatchItemFailures"},
	}
}

// run runs a mapping in a bubble while act happens, until the queue is idle.
func run(t *testing.T, p eventsource.Properties, scale float64, respond func(int, []string) (eventsource.Result, error), act func(*testing.T, *Mapping, *server)) (*function, *server, *Mapping) {
	t.Helper()
	f, q := &function{start: time.Now(), respond: respond}, &server{hidden: map[string]time.Time{}}
	m, err := Load("Digest", p, Config{Function: f, FunctionARN: "arn", Log: slog.New(slog.DiscardHandler), TimeScale: scale})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- m.Run(ctx, q) }()
	act(t, m, q)
	if err := m.Idle(ctx); err != nil {
		t.Error(err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	return f, q, m
}

func TestBatches(t *testing.T) {
	t.Run("hold what came within the window, when it is over", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f, q, m := run(t, properties(10_000, 300), 1, nil, func(_ *testing.T, _ *Mapping, q *server) {
				q.send("a", "b")
				time.Sleep(200 * time.Second)
				q.send("c")
				time.Sleep(200 * time.Second)
				q.send("d")
			})
			if !slices.Equal(f.batches, []string{"a b c", "d"}) || f.at[0] < 300*time.Second || f.at[0] > 301*time.Second || f.at[1] < 700*time.Second {
				t.Errorf("%q at %v", f.batches, f.at)
			}
			if !slices.Equal(q.deleted, []string{"a", "b", "c", "d"}) || m.Stats() != (eventsource.Stats{Batches: 2, Delivered: 4}) {
				t.Errorf("deleted %q, %+v", q.deleted, m.Stats())
			}
		})
	})
	t.Run("come sooner when time is scaled", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f, _, _ := run(t, properties(10_000, 300), 60, nil, func(_ *testing.T, _ *Mapping, q *server) { q.send("a") })
			if len(f.at) != 1 || f.at[0] < 5*time.Second || f.at[0] > 6*time.Second {
				t.Errorf("%v", f.at)
			}
		})
	})
	t.Run("are full, or of 6 MB, before the window is over", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f, _, _ := run(t, properties(3, 300), 1, nil, func(_ *testing.T, _ *Mapping, q *server) { q.send("a", "b", "c", "d", "e", "f") })
			if !slices.Equal(f.batches, []string{"a b c", "d e f"}) || f.at[1] > time.Second {
				t.Errorf("%q at %v", f.batches, f.at)
			}
			large := func(c string) string { return strings.Repeat(c, 1<<20) }
			f, _, _ = run(t, properties(10_000, 300), 1, nil, func(_ *testing.T, _ *Mapping, q *server) {
				q.send(large("a"), large("b"), large("c"), large("d"), large("e"), large("f"))
			})
			if len(f.batches) != 2 || strings.Count(f.batches[0], " ") != 4 || f.at[0] > time.Second || f.at[1] < 300*time.Second {
				t.Errorf("%d batches at %v", len(f.batches), f.at)
			}
		})
	})
	t.Run("read a whole queue however slowly", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f, _, _ := run(t, properties(10_000, 1), 60, nil, func(_ *testing.T, _ *Mapping, q *server) {
				q.slow = time.Second
				for i := range 25 {
					q.send(fmt.Sprint(i))
				}
			})
			if len(f.batches) != 1 || strings.Count(f.batches[0], " ") != 24 {
				t.Errorf("%q", f.batches)
			}
		})
	})
	t.Run("have the form that functions receive", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f, _, _ := run(t, properties(1, 0), 1, nil, func(_ *testing.T, _ *Mapping, q *server) { q.send("a") })
			want := `{"Records":[{"attributes":{"ApproximateReceiveCount":"1"},"awsRegion":"eu-west-1","body":"a","eventSource":"aws:sqs","eventSourceARN":"` + queueARN +
				`","md5OfBody":"md5","messageAttributes":{},"messageId":"id-a","receiptHandle":"r-a"}]}`
			if string(f.event) != want {
				t.Errorf("%s", f.event)
			}
		})
	})
}

func TestFailures(t *testing.T) {
	failed := func(ids ...string) (eventsource.Result, error) {
		type failure struct {
			ItemIdentifier string `json:"itemIdentifier"`
		}
		var list []failure
		for _, id := range ids {
			list = append(list, failure{id})
		}
		payload, err := json.Marshal(map[string]any{"batchItemFailures": list})
		return eventsource.Result{Payload: payload}, err
	}
	for name, c := range map[string]struct {
		first func() (eventsource.Result, error)
		again string // what is delivered again
	}{
		"the message that it reports":               {func() (eventsource.Result, error) { return failed("id-b") }, "b"},
		"all, when the function fails":              {func() (eventsource.Result, error) { return eventsource.Result{FunctionError: "Unhandled"}, nil }, "a b c"},
		"all, when the function cannot be invoked":  {func() (eventsource.Result, error) { return eventsource.Result{}, errors.New("throttled") }, "a b c"},
		"all, when it reports no message's id":      {func() (eventsource.Result, error) { return failed("id-b", "other") }, "a b c"},
		"all, when it reports an empty id":          {func() (eventsource.Result, error) { return failed("") }, "a b c"},
		"all, when its response cannot be read":     {func() (eventsource.Result, error) { return eventsource.Result{Payload: []byte("[1]")}, nil }, "a b c"},
		"nothing, when the response has nothing":    {func() (eventsource.Result, error) { return eventsource.Result{}, nil }, ""},
		"nothing, when the response is an empty {}": {func() (eventsource.Result, error) { return eventsource.Result{Payload: []byte("{}")}, nil }, ""},
	} {
		t.Run("deliver again "+name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f, q, _ := run(t, properties(3, 10), 1, func(n int, _ []string) (eventsource.Result, error) {
					if n == 1 {
						return c.first()
					}
					return failed()
				}, func(_ *testing.T, _ *Mapping, q *server) { q.send("a", "b", "c") })
				want := []string{"a b c"}
				if c.again != "" {
					want = append(want, c.again)
				}
				if !slices.Equal(f.batches, want) || len(q.deleted) != 3 {
					t.Fatalf("%q, deleted %q", f.batches, q.deleted)
				}
				if c.again != "" && f.at[1] < 480*time.Second {
					t.Errorf("at %v, before they were visible again", f.at)
				}
			})
		})
	}
	t.Run("wait for the visibility timeout as time is scaled", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f, _, _ := run(t, properties(1, 0), 60, func(n int, _ []string) (eventsource.Result, error) {
				if n == 1 {
					return failed("id-a")
				}
				return failed()
			}, func(_ *testing.T, _ *Mapping, q *server) { q.send("a") })
			if len(f.at) != 2 || f.at[1] < 8*time.Second || f.at[1] > 10*time.Second {
				t.Errorf("%v", f.at)
			}
		})
	})
	t.Run("of the queue are survived", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f, _, _ := run(t, properties(1, 0), 1, nil, func(t *testing.T, m *Mapping, q *server) {
				q.mu.Lock()
				q.failing = 3
				q.mu.Unlock()
				q.send("a")
				time.Sleep(500 * time.Millisecond)
				if got := m.Configuration().LastProcessingResult; got != "PROBLEM: Cannot read the queue: access denied" {
					t.Errorf("%s", got)
				}
			})
			if !slices.Equal(f.batches, []string{"a"}) {
				t.Errorf("%q", f.batches)
			}
		})
	})
}

func TestSetEnabled(t *testing.T) {
	t.Run("lets messages wait while the mapping is disabled", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f, _, m := run(t, properties(1, 0), 1, nil, func(t *testing.T, m *Mapping, q *server) {
				m.SetEnabled(false)
				q.send("a")
				time.Sleep(time.Hour)
				if state := m.Configuration().State; state != eventsource.Disabled || m.Stats().Batches != 0 {
					t.Errorf("%s, %+v", state, m.Stats())
				}
				m.SetEnabled(true)
			})
			if c := m.Configuration(); len(f.batches) != 1 || f.at[0] < time.Hour || c.State != eventsource.Enabled || c.LastProcessingResult != "OK" {
				t.Errorf("%q at %v, %+v", f.batches, f.at, c)
			}
		})
	})
	t.Run("loses nothing that was gathered when the mapping is disabled", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f, q, _ := run(t, properties(10, 300), 1, nil, func(_ *testing.T, m *Mapping, q *server) {
				q.send("a")
				time.Sleep(time.Minute)
				m.SetEnabled(false)
				time.Sleep(time.Hour)
				m.SetEnabled(true)
			})
			if !slices.Equal(q.deleted, []string{"a"}) || f.at[0] < time.Hour {
				t.Errorf("deleted %q, invoked at %v", q.deleted, f.at)
			}
		})
	})
}

func TestLoad(t *testing.T) {
	yes, one, thousands := true, 1, 10_001
	for name, c := range map[string]struct {
		change func(*eventsource.Properties)
		want   string
	}{
		"BatchSize":                {func(p *eventsource.Properties) { p.BatchSize = &thousands }, "BatchSize 10001 is not 1 to 10000"},
		"a window of 301 s":        {func(p *eventsource.Properties) { p.MaximumBatchingWindowInSeconds = 301 }, "301 is not 0 to 300"},
		"many without a window":    {func(p *eventsource.Properties) { p.MaximumBatchingWindowInSeconds = 0 }, "needs a MaximumBatchingWindowInSeconds"},
		"a concurrency of one":     {func(p *eventsource.Properties) { p.ScalingConfig = &struct{ MaximumConcurrency *int }{&one} }, "MaximumConcurrency 1 is not 2 to 1000"},
		"a FIFO queue":             {func(p *eventsource.Properties) { p.EventSourceArn += ".fifo" }, "FIFO"},
		"another response type":    {func(p *eventsource.Properties) { p.FunctionResponseTypes = []string{"Report"} }, "Report does not exist"},
		"a position":               {func(p *eventsource.Properties) { p.StartingPosition = "LATEST" }, "StartingPosition does not apply"},
		"bisecting":                {func(p *eventsource.Properties) { p.BisectBatchOnFunctionError = yes }, "BisectBatchOnFunctionError does not apply"},
		"attempts, as of a stream": {func(p *eventsource.Properties) { p.MaximumRetryAttempts = &one }, "MaximumRetryAttempts does not apply"},
	} {
		t.Run("rejects "+name, func(t *testing.T) {
			p := properties(100, 300)
			c.change(&p)
			if _, err := Load("Digest", p, Config{}); !errors.Is(err, ErrMapping) || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "Digest") {
				t.Errorf("%v", err)
			}
		})
	}
}
