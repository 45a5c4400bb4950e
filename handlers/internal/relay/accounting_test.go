package relay_test

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/money"
	"payment-webhooks/handlers/internal/relay"
	"payment-webhooks/handlers/internal/telemetry"
)

// accepting is a bus that takes some time and fails the events whose detail says so.
type accepting struct {
	clock *time.Time
	takes time.Duration
}

func (a accepting) Publish(_ context.Context, events []relay.Event) []error {
	*a.clock = a.clock.Add(a.takes)
	errs := make([]error, len(events))
	for i, e := range events {
		if string(e.Detail) == "fails" {
			errs[i] = errThrottled
		}
	}
	return errs
}

// entries returns what the books say: "<time> <metric>[ <tier>]" to the sum.
func entries(t *testing.T, out string) map[string]float64 {
	t.Helper()
	sums := map[string]float64{}
	for text := range strings.Lines(out) {
		var line map[string]any
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Fatal(err)
		}
		meta := line["_aws"].(map[string]any)
		at := time.UnixMilli(int64(meta["Timestamp"].(float64))).UTC().Format("15:04:05.000")
		for _, m := range meta["CloudWatchMetrics"].([]any)[0].(map[string]any)["Metrics"].([]any) {
			name := m.(map[string]any)["Name"].(string)
			key := at + " " + name
			if tier, ok := line[contract.DimensionTier]; ok {
				key += " " + tier.(string)
			}
			sums[key] += line[name].(float64)
		}
	}
	return sums
}

func TestBooks(t *testing.T) {
	at := func(text string) time.Time {
		clock, err := time.Parse(time.TimeOnly, text)
		if err != nil {
			t.Fatal(err)
		}
		return time.Date(2026, 11, 22, clock.Hour(), clock.Minute(), clock.Second(), 0, time.UTC)
	}
	sent := func(received, amount, detail string) relay.Event {
		parsed, err := money.Parse(amount)
		if err != nil {
			t.Fatal(err)
		}
		return relay.Event{Time: at(received), Money: money.Money{Amount: parsed, Currency: "USD"}, Detail: []byte(detail)}
	}
	book := func(began string, takes time.Duration, events ...relay.Event) map[string]float64 {
		var out bytes.Buffer
		clock := at(began)
		now := func() time.Time { return clock }
		books := relay.NewBooks(accepting{&clock, takes}, parseTiers(t, policy), telemetry.NewMetrics(&out, now, "dev"), now)
		errs := books.Publish(t.Context(), events)
		for i, e := range events {
			if (errs[i] != nil) != (string(e.Detail) == "fails") {
				t.Errorf("the error of %s is %v", e.Detail, errs[i])
			}
		}
		return entries(t, out.String())
	}

	t.Run("have what was published at the time of the transaction", func(t *testing.T) {
		got := book("12:00:30", time.Second,
			sent("12:00:28", "1", "a"), sent("12:00:29", "20000", "b"), sent("12:00:29", "20000", "fails"), sent("11:59:59", "1000", "c"))
		want := map[string]float64{
			"12:15:00.000 PublicationsDone": 2, "12:15:00.000 ScoresDue": 1, "12:15:00.000 ScoresDone": 0,
			"12:14:00.000 PublicationsDone":   1,
			"12:00:25.000 EventsExpected low": 1, "12:00:25.000 EventsExpected high": 1, "12:00:25.000 EventsExpected medium": 1,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("are empty when nothing was published", func(t *testing.T) {
		if got := book("12:00:30", time.Second, sent("12:00:28", "20000", "fails")); len(got) != 0 {
			t.Errorf("got %v", got)
		}
	})

	// The alarm would be raised if EventBridge counted the match in an earlier period.
	t.Run("expect a match before EventBridge can count it", func(t *testing.T) {
		for began, want := range map[string]string{"12:00:30": "12:00:25.000", "12:01:02": "12:00:57.000"} {
			if got := book(began, 50*time.Second, sent("12:00:01", "1", "a")); got[want+" EventsExpected low"] != 1 {
				t.Errorf("published from %s: %v", began, got)
			}
		}
	})

	// A score that is due shortly before the alarm looks would raise it while the workflow runs.
	t.Run("have a score due only when there is time for it", func(t *testing.T) {
		for began, want := range map[string]float64{"12:08:59": 1, "12:09:01": 0, "18:00:30": 0} {
			got := book(began, time.Second, sent("12:00:00", "20000", "a"))
			if got["12:15:00.000 ScoresDue"] != want || got["12:15:00.000 PublicationsDone"] != 1 {
				t.Errorf("published at %s: %v", began, got)
			}
		}
	})

	t.Run("count an event once when its record is delivered again", func(t *testing.T) {
		var out bytes.Buffer
		clock := at("12:00:30")
		now := func() time.Time { return clock }
		metrics := telemetry.NewMetrics(&out, now, "dev")
		books := relay.NewBooks(&bus{}, parseTiers(t, policy), metrics, now)
		r := relay.New(books, &queue{}, telemetry.Logger(&bytes.Buffer{}, contract.EventRelay), telemetry.NewMetrics(&bytes.Buffer{}, now, "dev"), now)
		for range 3 {
			r.Relay(t.Context(), inserts(t, "a", "b"))
		}
		var done float64
		for key, sum := range entries(t, out.String()) {
			if strings.HasSuffix(key, contract.MetricPublicationsDone) {
				done += sum
			}
		}
		if done != 2 {
			t.Errorf("%v published", done)
		}
	})
}
