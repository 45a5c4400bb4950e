package events

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// fakeTarget returns its errors in turn, then nil, and records the payloads.
type fakeTarget struct {
	mu       sync.Mutex
	errors   []error
	payloads []string
	times    []time.Time
}

func (f *fakeTarget) Deliver(_ context.Context, payload []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.payloads = append(f.payloads, string(payload))
	f.times = append(f.times, time.Now())
	if len(f.errors) == 0 {
		return nil
	}
	err := f.errors[0]
	if len(f.errors) > 1 {
		f.errors = f.errors[1:]
	}
	return err
}

// fakeQueues keeps what is sent.
type fakeQueues struct {
	mu       sync.Mutex
	err      error
	messages []message
}

type message struct {
	Queue, Body string
	Attributes  map[string]string
}

func (q *fakeQueues) Send(_ context.Context, queue string, body []byte, attributes map[string]string) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.messages = append(q.messages, message{queue, string(body), attributes})
	return q.err
}

// fixture is a bus with one rule and one target under a fake clock.
type fixture struct {
	bus        *Bus
	deliveries *Deliveries
	target     *fakeTarget
	queues     *fakeQueues
	log        strings.Builder
}

func newFixture(t *testing.T, scale float64, targetJSON string) *fixture {
	t.Helper()
	f := &fixture{target: &fakeTarget{}, queues: &fakeQueues{}}
	f.deliveries = NewDeliveries(DeliveryConfig{
		DeadLetters: f.queues,
		Log:         slog.New(slog.NewJSONHandler(&f.log, nil)),
		TimeScale:   scale,
		Jitter:      func(d time.Duration) time.Duration { return d },
	})
	t.Cleanup(f.deliveries.Close)
	id := 0
	f.bus = NewBus(BusConfig{
		Name: "payments", Region: "us-east-1", Account: "123456789012", Deliveries: f.deliveries,
		Now:   func() time.Time { return time.Date(2026, 11, 22, 15, 0, 0, 0, time.UTC) },
		NewID: func() string { id++; return fmt.Sprintf("id-%d", id) },
	})
	text := fmt.Sprintf(`{"EventBusName":"payments","EventPattern":{"source":["payment.webhooks"]},"State":"ENABLED","Name":"all",
		"Targets":[{"Id":"Target0","Arn":"arn:target"%s}]}`, targetJSON)
	err := f.bus.AddRule("AllRule", properties(t, text), func(TargetRef) (Target, error) { return f.target, nil })
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func (f *fixture) put(t *testing.T) {
	t.Helper()
	response, err := f.bus.PutEvents(t.Context(), []byte(`{"Entries":[{"EventBusName":"payments","Source":"payment.webhooks","DetailType":"T","Detail":"{\"amount\":1.50}"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(response), `{"FailedEntryCount":0,"Entries":[{"EventId":"id-1"}]}`; got != want {
		t.Fatalf("got response %s, want %s", got, want)
	}
}

const (
	theEvent = `{"version":"0","id":"id-1","detail-type":"T","source":"payment.webhooks","account":"123456789012","time":"2026-11-22T15:00:00Z","region":"us-east-1","resources":[],"detail":{"amount":1.50}}`
	withDLQ  = `,"DeadLetterConfig":{"Arn":"arn:dlq"}`
)

func TestDeliveries(t *testing.T) {
	t.Run("retry with exponential backoff until accepted", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(t, 1, withDLQ)
			f.target.errors = []error{errors.New("down"), errors.New("down"), errors.New("down"), nil}
			f.put(t)
			if err := f.deliveries.Idle(t.Context()); err != nil {
				t.Fatal(err)
			}
			var waits []time.Duration
			for i := 1; i < len(f.target.times); i++ {
				waits = append(waits, f.target.times[i].Sub(f.target.times[i-1]))
			}
			if diff := cmp.Diff([]time.Duration{time.Second, 2 * time.Second, 4 * time.Second}, waits); diff != "" {
				t.Errorf("waits (-want +got):\n%s", diff)
			}
			if len(f.queues.messages) != 0 {
				t.Errorf("an accepted event is in the dead-letter queue: %v", f.queues.messages)
			}
			if got, want := f.deliveries.Stats()["all"], (Stats{Invocations: 4}); got != want {
				t.Errorf("got stats %+v, want %+v", got, want)
			}
			if got, want := f.deliveries.Targets()[RuleTarget{"AllRule", "Target0"}], (TargetStats{Delivered: 1}); got != want || f.bus.Accepted() != 1 {
				t.Errorf("got %+v of %d events, want %+v of one", got, f.bus.Accepted(), want)
			}
		})
	})
	t.Run("retry for a day by default", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(t, 1, withDLQ)
			f.target.errors = []error{errors.New("down")}
			started := time.Now()
			f.put(t)
			_ = f.deliveries.Idle(t.Context())
			if took := time.Since(started); took < 23*time.Hour || took > 24*time.Hour {
				t.Errorf("gave up after %s, want about a day", took)
			}
		})
	})
	t.Run("scale waits but not the age", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(t, 60, withDLQ+`,"RetryPolicy":{"MaximumEventAgeInSeconds":60}`)
			f.target.errors = []error{errors.New("down")}
			started := time.Now()
			f.put(t)
			_ = f.deliveries.Idle(t.Context())
			if took := time.Since(started).Round(time.Millisecond); took != 517*time.Millisecond {
				t.Errorf("took %s, want 31 s / 60", took)
			}
			if got := len(f.target.payloads); got != 6 {
				t.Errorf("got %d attempts, want 6 as without a scale", got)
			}
		})
	})
	t.Run("end on Close", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(t, 1, withDLQ)
			f.target.errors = []error{errors.New("down")}
			f.put(t)
			synctest.Wait()
			f.deliveries.Close()
			f.put2(t)
			if n := strings.Count(f.log.String(), "the local run is ending"); n != 2 {
				t.Errorf("log names %d dropped events, want 2: %s", n, f.log.String())
			}
		})
	})
	t.Run("skip disabled rules and other events", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(t, 1, withDLQ)
			off := &fakeTarget{}
			err := f.bus.AddRule("Off", properties(t, `{"EventBusName":"payments","EventPattern":{"source":["s"]},"State":"DISABLED","Targets":[{"Id":"T","Arn":"arn:off"}]}`),
				func(TargetRef) (Target, error) { return off, nil })
			if err != nil {
				t.Fatal(err)
			}
			if _, err := f.bus.PutEvents(t.Context(), []byte(`{"Entries":[{"EventBusName":"payments","Source":"s","DetailType":"T","Detail":"{}"}]}`)); err != nil {
				t.Fatal(err)
			}
			_ = f.deliveries.Idle(t.Context())
			if len(f.target.payloads)+len(off.payloads) != 0 {
				t.Errorf("delivered %v and %v, want nothing", f.target.payloads, off.payloads)
			}
		})
	})
}

func TestDeadLetterQueue(t *testing.T) {
	t.Run("receives an event whose retries are exhausted", func(t *testing.T) {
		attributes := func(more ...string) map[string]string {
			all := map[string]string{"RULE_ARN": "arn:aws:events:us-east-1:123456789012:rule/payments/all", "TARGET_ARN": "arn:target"}
			for i := 0; i < len(more); i += 2 {
				all[more[i]] = more[i+1]
			}
			return all
		}
		cases := map[string]struct {
			target     string
			err        error
			attempts   int
			took       time.Duration
			attributes map[string]string
		}{
			"attempts exhausted": {
				`,"RetryPolicy":{"MaximumRetryAttempts":3,"MaximumEventAgeInSeconds":3600}`, errors.New("down"), 4, 7 * time.Second,
				attributes("ERROR_CODE", "SDK_CLIENT_ERROR", "ERROR_MESSAGE", "down", "RETRY_ATTEMPTS", "3", "EXHAUSTED_RETRY_CONDITION", "MaximumRetryAttempts"),
			},
			"no retries wanted": {
				`,"RetryPolicy":{"MaximumRetryAttempts":0}`, &DeliveryError{Code: CodeThrottling, Message: "slow down"}, 1, 0,
				attributes("ERROR_CODE", "THROTTLING", "ERROR_MESSAGE", "slow down", "RETRY_ATTEMPTS", "0", "EXHAUSTED_RETRY_CONDITION", "MaximumRetryAttempts"),
			},
			"age exhausted": { // after waits of 1, 2, 4, 8, 16 and, too long, 32 seconds
				`,"RetryPolicy":{"MaximumRetryAttempts":185,"MaximumEventAgeInSeconds":60}`, errors.New("down"), 6, 31 * time.Second,
				attributes("ERROR_CODE", "SDK_CLIENT_ERROR", "ERROR_MESSAGE", "down", "RETRY_ATTEMPTS", "5", "EXHAUSTED_RETRY_CONDITION", "MaximumEventAgeInSeconds"),
			},
			"permanent error": {
				``, &DeliveryError{Code: CodeNoPermissions, Message: "not yours", Permanent: true}, 1, 0,
				attributes("ERROR_CODE", "NO_PERMISSIONS", "ERROR_MESSAGE", "not yours", "RETRY_ATTEMPTS", "0"),
			},
		}
		for name, c := range cases {
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					f := newFixture(t, 1, withDLQ+c.target)
					f.target.errors = []error{c.err}
					started := time.Now()
					f.put(t)
					if err := f.deliveries.Idle(t.Context()); err != nil {
						t.Fatal(err)
					}
					if got := len(f.target.payloads); got != c.attempts {
						t.Errorf("got %d attempts, want %d", got, c.attempts)
					}
					if took := time.Since(started); took != c.took {
						t.Errorf("took %s, want %s", took, c.took)
					}
					want := []message{{"arn:dlq", theEvent, c.attributes}}
					if diff := cmp.Diff(want, f.queues.messages); diff != "" {
						t.Errorf("dead letters (-want +got):\n%s", diff)
					}
				})
			})
		}
	})
	t.Run("missing: the event is dropped and logged", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(t, 1, `,"RetryPolicy":{"MaximumRetryAttempts":0}`)
			f.target.errors = []error{errors.New("down")}
			f.put(t)
			_ = f.deliveries.Idle(t.Context())
			if log := f.log.String(); !strings.Contains(log, `"level":"ERROR"`) || !strings.Contains(log, "dropped") || strings.Contains(log, "amount") {
				t.Errorf("log does not say that an event was dropped, or shows its content: %s", log)
			}
		})
	})
	t.Run("that rejects the event: it is logged and counted", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(t, 1, withDLQ)
			f.target.errors = []error{&DeliveryError{Code: CodeNoResource, Message: "gone", Permanent: true}}
			f.queues.err = errors.New("access denied")
			f.put(t)
			_ = f.deliveries.Idle(t.Context())
			if got, want := f.deliveries.Stats()["all"], (Stats{Invocations: 1, FailedInvocations: 1, FailedToBeSentToDLQ: 1}); got != want {
				t.Errorf("got stats %+v, want %+v", got, want)
			}
			if log := f.log.String(); !strings.Contains(log, "access denied") {
				t.Errorf("log does not say why: %s", log)
			}
		})
	})
}

func (f *fixture) put2(t *testing.T) {
	t.Helper()
	if _, err := f.bus.PutEvents(t.Context(), []byte(`{"Entries":[{"EventBusName":"payments","Source":"payment.webhooks","DetailType":"T","Detail":"{}"}]}`)); err != nil {
		t.Fatal(err)
	}
}

func TestPutEvents(t *testing.T) {
	t.Run("reports each entry", func(t *testing.T) {
		cases := map[string]struct{ entry, code string }{
			"good":             {`{"EventBusName":"payments","Source":"s","DetailType":"t","Detail":"{}","Time":1448312994,"Resources":["r"]}`, ""},
			"good, by ARN":     {`{"EventBusName":"arn:aws:events:us-east-1:123456789012:event-bus/payments","Source":"s","DetailType":"t","Detail":"{}"}`, ""},
			"no source":        {`{"EventBusName":"payments","DetailType":"t","Detail":"{}"}`, "InvalidArgument"},
			"no detail type":   {`{"EventBusName":"payments","Source":"s","Detail":"{}"}`, "InvalidArgument"},
			"no detail":        {`{"EventBusName":"payments","Source":"s","DetailType":"t"}`, "InvalidArgument"},
			"malformed detail": {`{"EventBusName":"payments","Source":"s","DetailType":"t","Detail":"{"}`, "MalformedDetail"},
			"detail is null":   {`{"EventBusName":"payments","Source":"s","DetailType":"t","Detail":"null"}`, "MalformedDetail"},
			"an AWS source":    {`{"EventBusName":"payments","Source":"aws.ec2","DetailType":"t","Detail":"{}"}`, "NotAuthorizedForSourceException"},
			"another bus":      {`{"EventBusName":"other","Source":"s","DetailType":"t","Detail":"{}"}`, ""},
			"the default bus":  {`{"Source":"s","DetailType":"t","Detail":"{}"}`, ""},
			"no bus, no type":  {`{"EventBusName":"other","Source":"s","Detail":"{}"}`, "InvalidArgument"},
		}
		for name, c := range cases {
			t.Run(name, func(t *testing.T) {
				f := newFixture(t, 1, withDLQ)
				// A good entry next to it is published whatever happens to the other.
				body := `{"Entries":[` + c.entry + `,{"EventBusName":"payments","Source":"s","DetailType":"t","Detail":"{}"}]}`
				text, err := f.bus.PutEvents(t.Context(), []byte(body))
				if err != nil {
					t.Fatal(err)
				}
				var response putEventsResponse
				if err := json.Unmarshal(text, &response); err != nil {
					t.Fatal(err)
				}
				failed := 0
				if c.code != "" {
					failed = 1
				}
				first, second := response.Entries[0], response.Entries[1]
				if response.FailedEntryCount != failed || first.ErrorCode != c.code || (first.EventID == "") != (c.code != "") || second.EventID == "" {
					t.Errorf("got response %s, want code %q for the first entry only", text, c.code)
				}
			})
		}
	})
	t.Run("rejects too many or too large entries", func(t *testing.T) {
		entry := `{"EventBusName":"payments","Source":"s","DetailType":"t","Detail":"{\"x\":\"` + strings.Repeat("x", 130*1024) + `\"}"}`
		cases := map[string]struct{ body, code string }{
			"no entries":      {`{"Entries":[]}`, "ValidationException"},
			"eleven entries":  {`{"Entries":[` + strings.Repeat(`{},`, 10) + `{}]}`, "ValidationException"},
			"too many bytes":  {`{"Entries":[` + entry + `,` + entry + `]}`, "ValidationException"},
			"unknown members": {`{"Entries":[{"Sauce":"s"}]}`, "SerializationException"},
		}
		for name, c := range cases {
			t.Run(name, func(t *testing.T) {
				f := newFixture(t, 1, withDLQ)
				_, err := f.bus.PutEvents(t.Context(), []byte(c.body))
				var failure *APIError
				if !errors.As(err, &failure) || failure.Code != c.code {
					t.Errorf("got error %v, want %s", err, c.code)
				}
			})
		}
	})
}

// EventBridge accepts an event for a bus that does not exist, and drops it: localstack/localstack,
// test_put_events_nonexistent_event_bus, recorded on AWS.
func TestMisdirected(t *testing.T) {
	put := func(t *testing.T, b *Bus, bus string) {
		t.Helper()
		response, err := b.PutEvents(t.Context(), []byte(`{"Entries":[{`+bus+`"Source":"payment.webhooks","DetailType":"T","Detail":"{}"}]}`))
		if err != nil || !strings.HasPrefix(string(response), `{"FailedEntryCount":0,"Entries":[{"EventId":"`) {
			t.Fatalf("got %s, %v", response, err)
		}
	}
	t.Run("when the bus does not exist, the event is accepted, dropped, logged and counted", func(t *testing.T) {
		f := newFixture(t, 1, withDLQ)
		var log strings.Builder
		f.bus.config.Log = slog.New(slog.NewTextHandler(&log, nil))
		put(t, f.bus, `"EventBusName":"payment",`)
		put(t, f.bus, `"EventBusName":"payment",`)
		put(t, f.bus, `"EventBusName":"arn:aws:events:us-east-1:123456789012:event-bus/payment",`)
		put(t, f.bus, `"EventBusName":"payments",`)
		_ = f.deliveries.Idle(t.Context())
		want := map[string]int{"payment": 2, "arn:aws:events:us-east-1:123456789012:event-bus/payment": 1}
		if diff := cmp.Diff(want, f.bus.Misdirected()); diff != "" {
			t.Error(diff)
		}
		if n := strings.Count(log.String(), "level=ERROR"); n != 3 || !strings.Contains(log.String(), "bus=payment\n") {
			t.Errorf("logged %s", log.String())
		}
		if len(f.target.payloads) != 1 {
			t.Errorf("%d events delivered, want the one of its bus", len(f.target.payloads))
		}
	})
	t.Run("when no bus is named, the event is on the default bus", func(t *testing.T) {
		f := newFixture(t, 1, withDLQ)
		other := newFixture(t, 1, withDLQ)
		f.bus.config.Default = other.bus
		for _, bus := range []string{"", `"EventBusName":"default",`, `"EventBusName":"arn:aws:events:us-east-1:123456789012:event-bus/default",`} {
			put(t, f.bus, bus)
		}
		_ = other.deliveries.Idle(t.Context())
		if len(f.target.payloads) != 0 || len(other.target.payloads) != 3 || len(f.bus.Misdirected()) != 0 {
			t.Errorf("delivered %q and %q, misdirected %v", f.target.payloads, other.target.payloads, f.bus.Misdirected())
		}
	})
	t.Run("when another template takes over, they stay counted", func(t *testing.T) {
		before, f := newFixture(t, 1, withDLQ), newFixture(t, 1, withDLQ)
		put(t, before.bus, "")
		put(t, f.bus, "")
		f.bus.Continue(before.bus)
		if diff := cmp.Diff(map[string]int{"default": 2}, f.bus.Misdirected()); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("when no rule of the default bus matches, it is counted", func(t *testing.T) {
		f := newFixture(t, 1, withDLQ)
		put(t, f.bus, "")
		if diff := cmp.Diff(map[string]int{"default": 1}, f.bus.Misdirected()); diff != "" {
			t.Error(diff)
		}
	})
}

func TestAddRule(t *testing.T) {
	t.Run("names all problems of a rule", func(t *testing.T) {
		cases := map[string]struct {
			properties string
			want       []string
		}{
			"no pattern":  {`{"EventBusName":"payments"}`, []string{"TheRule", "EventPattern"}},
			"another bus": {`{"EventBusName":"other","EventPattern":{"a":[1]}}`, []string{"TheRule", `"other"`}},
			"a schedule":  {`{"EventBusName":"payments","ScheduleExpression":"rate(1 day)"}`, []string{"TheRule", "scheduled"}},
			"several": {
				`{"EventBusName":"payments","EventPattern":{"a":[{"regex":"x"}]},"State":"MAYBE","Targets":[{"Id":"T","Arn":"nowhere","InputPath":"x","RetryPolicy":{"MaximumRetryAttempts":186,"MaximumEventAgeInSeconds":59}}]}`,
				[]string{"TheRule", "MAYBE", "regex", "target T", "not found", "186", "59", "InputPath"},
			},
		}
		for name, c := range cases {
			t.Run(name, func(t *testing.T) {
				f := newFixture(t, 1, withDLQ)
				err := f.bus.AddRule("TheRule", properties(t, c.properties), func(TargetRef) (Target, error) { return nil, errors.New("not found") })
				if !errors.Is(err, ErrRule) {
					t.Fatalf("got error %v, want ErrRule", err)
				}
				for _, want := range c.want {
					if !strings.Contains(err.Error(), want) {
						t.Errorf("error does not say %q: %v", want, err)
					}
				}
			})
		}
	})
}

// properties decodes the properties of a resource.
func properties(t *testing.T, text string) RuleProperties {
	t.Helper()
	var p RuleProperties
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&p); err != nil {
		t.Fatal(err)
	}
	return p
}
