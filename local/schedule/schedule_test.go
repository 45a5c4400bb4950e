package schedule

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"payment-webhooks/local/events"
)

const layout = "Mon 2006-01-02 15:04"

func TestExpression(t *testing.T) {
	// The first rows are the examples of "Creating a rule that runs on a schedule"
	// (eb-create-rule-schedule). All count from Sunday 2026-11-22 15:04:30 UTC.
	t.Run("cron fires as in the user guide", func(t *testing.T) {
		cases := map[string]struct {
			expression string
			want       []string
		}{
			"10:00 every day":            {"cron(0 10 * * ? *)", []string{"Mon 2026-11-23 10:00", "Tue 2026-11-24 10:00"}},
			"12:15 every day":            {"cron(15 12 * * ? *)", []string{"Mon 2026-11-23 12:15"}},
			"18:00 on weekdays":          {"cron(0 18 ? * MON-FRI *)", []string{"Mon 2026-11-23 18:00", "Tue 2026-11-24 18:00", "Wed 2026-11-25 18:00", "Thu 2026-11-26 18:00", "Fri 2026-11-27 18:00", "Mon 2026-11-30 18:00"}},
			"8:00 on the first":          {"cron(0 8 1 * ? *)", []string{"Tue 2026-12-01 08:00", "Fri 2027-01-01 08:00"}},
			"every 15 minutes":           {"cron(0/15 * * * ? *)", []string{"Sun 2026-11-22 15:15", "Sun 2026-11-22 15:30", "Sun 2026-11-22 15:45", "Sun 2026-11-22 16:00"}},
			"every 10 minutes, weekdays": {"cron(0/10 * ? * MON-FRI *)", []string{"Mon 2026-11-23 00:00", "Mon 2026-11-23 00:10"}},
			"every 5 minutes, 8 to 17":   {"cron(0/5 8-17 ? * MON-FRI *)", []string{"Mon 2026-11-23 08:00", "Mon 2026-11-23 08:05"}},
			"hours over midnight":        {"cron(0/30 20-2 ? * MON-FRI *)", []string{"Mon 2026-11-23 00:00", "Mon 2026-11-23 00:30", "Mon 2026-11-23 01:00", "Mon 2026-11-23 01:30", "Mon 2026-11-23 02:00", "Mon 2026-11-23 02:30", "Mon 2026-11-23 20:00"}},
			"noon":                       {"cron(0 12 * * ? *)", []string{"Mon 2026-11-23 12:00"}},
			"5 and 35 past 14":           {"cron(5,35 14 * * ? *)", []string{"Mon 2026-11-23 14:05", "Mon 2026-11-23 14:35"}},
			"last Friday, years over":    {"cron(15 10 ? * 6L 2019-2022)", nil},
			"last Friday":                {"cron(15 10 ? * 6L 2026-2027)", []string{"Fri 2026-11-27 10:15", "Fri 2026-12-25 10:15", "Fri 2027-01-29 10:15"}},
			"second Tuesday":             {"cron(0 9 ? * 3#2 *)", []string{"Tue 2026-12-08 09:00", "Tue 2027-01-12 09:00"}},
			"last day of the month":      {"cron(0 0 L * ? *)", []string{"Mon 2026-11-30 00:00", "Thu 2026-12-31 00:00"}},
			"last day of the week":       {"cron(0 0 ? * L *)", []string{"Sat 2026-11-28 00:00"}},
			"weekday nearest the 1st":    {"cron(0 0 1W * ? *)", []string{"Tue 2026-12-01 00:00", "Fri 2027-01-01 00:00", "Mon 2027-02-01 00:00", "Mon 2027-03-01 00:00", "Thu 2027-04-01 00:00", "Mon 2027-05-03 00:00"}},
			"increment from a value":     {"cron(1/10 15 * * ? *)", []string{"Sun 2026-11-22 15:11", "Sun 2026-11-22 15:21", "Sun 2026-11-22 15:31", "Sun 2026-11-22 15:41", "Sun 2026-11-22 15:51", "Mon 2026-11-23 15:01"}},
			"names of months":            {"cron(0 0 1 JAN,jul ? *)", []string{"Fri 2027-01-01 00:00", "Thu 2027-07-01 00:00"}},
			"Sunday is the first day":    {"cron(0 16 ? * 1 *)", []string{"Sun 2026-11-22 16:00", "Sun 2026-11-29 16:00"}},
			"Saturday is the seventh":    {"cron(0 16 ? * 7 *)", []string{"Sat 2026-11-28 16:00"}},
			"days over the week's end":   {"cron(0 16 ? * SAT-MON *)", []string{"Sun 2026-11-22 16:00", "Mon 2026-11-23 16:00", "Sat 2026-11-28 16:00"}},
			"leap day":                   {"cron(0 0 29 2 ? *)", []string{"Tue 2028-02-29 00:00"}},
			"one year":                   {"cron(0 0 1 1 ? 2030)", []string{"Tue 2030-01-01 00:00"}},
			"the archiver's":             {"cron(20 2 * * ? *)", []string{"Mon 2026-11-23 02:20", "Tue 2026-11-24 02:20"}},
		}
		for name, c := range cases {
			t.Run(name, func(t *testing.T) {
				e, err := Parse(c.expression)
				if err != nil {
					t.Fatal(err)
				}
				at := time.Date(2026, 11, 22, 15, 4, 30, 0, time.UTC)
				var got []string
				for range max(1, len(c.want)) {
					next, ok := e.Next(at, at)
					if !ok {
						break
					}
					if !next.After(at) || next.Second() != 0 {
						t.Fatalf("%s is not a minute after %s", next, at)
					}
					got, at = append(got, next.Format(layout)), next
				}
				if diff := cmp.Diff(c.want, got); diff != "" {
					t.Errorf("times (-want +got):\n%s", diff)
				}
			})
		}
	})
	t.Run("rate counts from the rule's creation", func(t *testing.T) {
		created := time.Date(2026, 11, 22, 15, 4, 30, 0, time.UTC)
		cases := map[string]struct {
			expression  string
			after, want time.Duration // since created
		}{
			"minute, at once":   {"rate(1 minute)", 0, time.Minute},
			"minutes, later":    {"rate(5 minutes)", 12 * time.Minute, 15 * time.Minute},
			"hour, on time":     {"rate(1 hour)", time.Hour, 2 * time.Hour},
			"hours":             {"rate(12 hours)", time.Hour, 12 * time.Hour},
			"day":               {"rate(1 day)", 0, 24 * time.Hour},
			"before it existed": {"rate(7 days)", -time.Hour, 7 * 24 * time.Hour},
		}
		for name, c := range cases {
			t.Run(name, func(t *testing.T) {
				e, err := Parse(c.expression)
				if err != nil {
					t.Fatal(err)
				}
				if next, ok := e.Next(created, created.Add(c.after)); !ok || next.Sub(created) != c.want {
					t.Errorf("got %s after creation, want %s", next.Sub(created), c.want)
				}
			})
		}
	})
	t.Run("that is invalid is rejected", func(t *testing.T) {
		for name, text := range map[string]string{
			"empty": "", "no function": "0 10 * * ? *", "rate of 0": "rate(0 minutes)", "plural of 1": "rate(1 hours)", "singular of 5": "rate(5 hour)",
			"unit": "rate(5 weeks)", "seconds": "rate(30 seconds)", "fraction": "rate(1.5 hours)", "one-time": "at(2026-11-22T15:00:00)",
			"five fields": "cron(0 10 * * ?)", "two days": "cron(0 10 1 * MON *)", "two stars": "cron(0 10 * * * *)", "two marks": "cron(0 10 ? * ? *)",
			"minute": "cron(60 10 * * ? *)", "hour": "cron(0 24 * * ? *)", "day": "cron(0 0 32 * ? *)", "month": "cron(0 0 1 13 ? *)", "weekday 0": "cron(0 0 ? * 0 *)",
			"year": "cron(0 0 1 1 ? 1969)", "increment": "cron(0/0 0 * * ? *)", "text": "cron(x 0 * * ? *)", "mark for the hour": "cron(0 ? * * ? *)", "two of #": "cron(0 0 ? * 3#1,6#3 *)",
		} {
			t.Run(name, func(t *testing.T) {
				if e, err := Parse(text); !errors.Is(err, ErrExpression) {
					t.Errorf("%q: got %+v, %v, want ErrExpression", text, e, err)
				}
			})
		}
	})
}

// fakeTarget keeps payloads.
type fakeTarget struct {
	mu       sync.Mutex
	payloads []string
}

func (f *fakeTarget) Deliver(_ context.Context, payload []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.payloads = append(f.payloads, string(payload))
	return nil
}

func newSchedules(t *testing.T, target events.Target, text string) (*Schedules, *events.Deliveries, error) {
	t.Helper()
	deliveries := events.NewDeliveries(events.DeliveryConfig{})
	t.Cleanup(deliveries.Close)
	s := New(Config{Region: "us-east-1", Account: "123456789012", Deliveries: deliveries, NewID: func() string { return "id" }})
	return s, deliveries, s.AddRule("DailyRule", properties(t, text), func(events.TargetRef) (events.Target, error) { return target, nil })
}

const daily = `{"Name":"daily-archival-dev","ScheduleExpression":"cron(20 2 * * ? *)","State":"ENABLED","Targets":[{"Id":"Target0","Arn":"arn:f"}]}`

func TestRule(t *testing.T) {
	t.Run("fires when it is due", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) { // a bubble's clock starts on 2000-01-01
			target := &fakeTarget{}
			s, deliveries, err := newSchedules(t, target, daily)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 49*time.Hour)
			defer cancel()
			s.Run(ctx)
			if err := deliveries.Idle(t.Context()); err != nil {
				t.Fatal(err)
			}
			event := func(day string) string {
				return `{"version":"0","id":"id","detail-type":"Scheduled Event","source":"aws.events","account":"123456789012","time":"2000-01-` + day + `T02:20:00Z","region":"us-east-1","resources":["arn:aws:events:us-east-1:123456789012:rule/daily-archival-dev"],"detail":{}}`
			}
			if diff := cmp.Diff([]string{event("01"), event("02")}, target.payloads); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
			if next := s.List()[0].Next.Format(time.RFC3339); next != "2000-01-03T02:20:00Z" {
				t.Errorf("the next time is %s", next)
			}
		})
	})
	t.Run("fires on demand with a given time", func(t *testing.T) {
		for _, name := range []string{"daily-archival-dev", "DailyRule"} {
			target := &fakeTarget{}
			s, deliveries, err := newSchedules(t, target, daily)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Fire(t.Context(), name, time.Date(2026, 11, 24, 3, 20, 0, 0, time.FixedZone("", 3600))); err != nil {
				t.Fatal(err)
			}
			if err := deliveries.Idle(t.Context()); err != nil {
				t.Fatal(err)
			}
			if len(target.payloads) != 1 || !strings.Contains(target.payloads[0], `"time":"2026-11-24T02:20:00Z"`) {
				t.Errorf("%s: got %v", name, target.payloads)
			}
		}
	})
	t.Run("does not fire when unknown or disabled", func(t *testing.T) {
		s, _, err := newSchedules(t, &fakeTarget{}, strings.Replace(daily, "ENABLED", "DISABLED", 1))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Fire(t.Context(), "other", time.Now()); !errors.Is(err, ErrUnknownRule) {
			t.Errorf("got %v, want ErrUnknownRule", err)
		}
		if err := s.Fire(t.Context(), "DailyRule", time.Now()); !errors.Is(err, ErrDisabled) {
			t.Errorf("got %v, want ErrDisabled", err)
		}
		if next := s.List()[0].Next; !next.IsZero() {
			t.Errorf("a disabled rule will fire at %s", next)
		}
	})
	t.Run("that is invalid is rejected by name", func(t *testing.T) {
		for name, text := range map[string]string{
			"expression":  `{"ScheduleExpression":"rate(1 hours)"}`,
			"another bus": `{"ScheduleExpression":"rate(1 hour)","EventBusName":"payments"}`,
			"a pattern":   `{"EventPattern":{"source":["a"]}}`,
			"both":        `{"ScheduleExpression":"rate(1 hour)","EventPattern":{"source":["a"]}}`,
		} {
			t.Run(name, func(t *testing.T) {
				if _, _, err := newSchedules(t, &fakeTarget{}, text); !errors.Is(err, events.ErrRule) || !strings.Contains(err.Error(), "DailyRule") {
					t.Errorf("got error %v, want ErrRule with the logical id", err)
				}
			})
		}
	})
}

// properties decodes the properties of a resource.
func properties(t *testing.T, text string) events.RuleProperties {
	t.Helper()
	var p events.RuleProperties
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&p); err != nil {
		t.Fatal(err)
	}
	return p
}
