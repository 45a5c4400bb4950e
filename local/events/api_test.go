package events

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

const (
	busARN     = "arn:aws:events:us-east-1:123456789012:event-bus/payments"
	archiveARN = "arn:aws:events:us-east-1:123456789012:archive/all"
)

// call performs an operation and decodes its response.
func (f *fixture) call(t *testing.T, operation, body string, into any) {
	t.Helper()
	response, err := f.bus.Call(operation, []byte(body))
	if err != nil {
		t.Fatalf("%s: %v", operation, err)
	}
	if into != nil {
		if err := json.Unmarshal(response, into); err != nil {
			t.Fatalf("%s: %s: %v", operation, response, err)
		}
	}
}

func (f *fixture) code(operation, body string) string {
	_, err := f.bus.Call(operation, []byte(body))
	if failure, ok := errors.AsType[*APIError](err); ok {
		return failure.Code
	}
	return fmt.Sprint(err)
}

func TestRulesAPI(t *testing.T) {
	t.Run("describes rules and targets as they are in the template", func(t *testing.T) {
		f := newFixture(t, 1, withDLQ+`,"RetryPolicy":{"MaximumRetryAttempts":3},"InputTransformer":{"InputPathsMap":{"a":"$.detail.amount"},"InputTemplate":"<a>"}`)
		for operation, c := range map[string]struct{ body, want string }{
			"DescribeEventBus":  {`{"Name":"payments"}`, `{"Name":"payments","Arn":"` + busARN + `"}`},
			"ListEventBuses":    {`{}`, `{"EventBuses":[{"Name":"default","Arn":"arn:aws:events:us-east-1:123456789012:event-bus/default"},{"Name":"payments","Arn":"` + busARN + `"}]}`},
			"DescribeRule":      {`{"Name":"all","EventBusName":"` + busARN + `"}`, `{"Name":"all","Arn":"arn:aws:events:us-east-1:123456789012:rule/payments/all","EventPattern":"{\"source\":[\"payment.webhooks\"]}","State":"ENABLED","EventBusName":"payments","CreatedBy":"123456789012"}`},
			"ListRules":         {`{"EventBusName":"payments","NamePrefix":"al"}`, `{"Rules":[{"Name":"all","Arn":"arn:aws:events:us-east-1:123456789012:rule/payments/all","EventPattern":"{\"source\":[\"payment.webhooks\"]}","State":"ENABLED","EventBusName":"payments"}]}`},
			"ListTargetsByRule": {`{"Rule":"all","EventBusName":"payments"}`, `{"Targets":[{"Id":"Target0","Arn":"arn:target","InputTransformer":{"InputPathsMap":{"a":"$.detail.amount"},"InputTemplate":"\u003ca\u003e"},"DeadLetterConfig":{"Arn":"arn:dlq"},"RetryPolicy":{"MaximumRetryAttempts":3}}]}`},
		} {
			response, err := f.bus.Call(operation, []byte(c.body))
			if err != nil {
				t.Errorf("%s: %v", operation, err)
			} else if diff := cmp.Diff(c.want, string(response)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", operation, diff)
			}
		}
	})
	t.Run("lists rules in pages", func(t *testing.T) {
		f := newFixture(t, 1, "")
		for _, name := range []string{"b", "c"} {
			text := `{"EventBusName":"payments","EventPattern":{"source":["x"]},"Name":"` + name + `","Targets":[]}`
			if err := f.bus.AddRule(name, properties(t, text), nil); err != nil {
				t.Fatal(err)
			}
		}
		var names []string
		for token := "{}"; token != ""; {
			var page struct {
				Rules     []struct{ Name string }
				NextToken string
			}
			request := `{"EventBusName":"payments","Limit":2}`
			if token != "{}" {
				request = `{"EventBusName":"payments","Limit":2,"NextToken":"` + token + `"}`
			}
			f.call(t, "ListRules", request, &page)
			for _, r := range page.Rules {
				names = append(names, r.Name)
			}
			token = page.NextToken
		}
		if diff := cmp.Diff([]string{"all", "b", "c"}, names); diff != "" {
			t.Errorf("names (-want +got):\n%s", diff)
		}
	})
	t.Run("a disabled rule matches nothing until it is enabled", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(t, 1, "")
			f.call(t, "DisableRule", `{"Name":"all","EventBusName":"payments"}`, nil)
			f.put(t)
			if err := f.deliveries.Idle(t.Context()); err != nil {
				t.Fatal(err)
			}
			if len(f.target.payloads) != 0 {
				t.Errorf("delivered %v", f.target.payloads)
			}
			var rule struct{ State string }
			if f.call(t, "DescribeRule", `{"Name":"all","EventBusName":"payments"}`, &rule); rule.State != "DISABLED" {
				t.Errorf("state %s", rule.State)
			}
			f.call(t, "EnableRule", `{"Name":"all","EventBusName":"payments"}`, nil)
			if _, err := f.bus.PutEvents(t.Context(), []byte(`{"Entries":[{"EventBusName":"payments","Source":"payment.webhooks","DetailType":"T","Detail":"{}"}]}`)); err != nil {
				t.Fatal(err)
			}
			if err := f.deliveries.Idle(t.Context()); err != nil {
				t.Fatal(err)
			}
			if len(f.target.payloads) != 1 {
				t.Errorf("delivered %v once enabled, want one event", f.target.payloads)
			}
		})
	})
	t.Run("rejects what does not exist and what is not supported", func(t *testing.T) {
		f := newFixture(t, 1, "")
		for request, want := range map[string]string{
			`DescribeRule {"Name":"none","EventBusName":"payments"}`:      "ResourceNotFoundException",
			`DescribeRule {"Name":"all"}`:                                 "ResourceNotFoundException", // on the default bus
			`DisableRule {"Name":"all","EventBusName":"other"}`:           "ResourceNotFoundException",
			`ListTargetsByRule {"Rule":"none","EventBusName":"payments"}`: "ResourceNotFoundException",
			`DescribeEventBus {"Name":"other"}`:                           "ResourceNotFoundException",
			`DescribeArchive {"ArchiveName":"none"}`:                      "ResourceNotFoundException",
			`DescribeReplay {"ReplayName":"none"}`:                        "ResourceNotFoundException",
			`ListRules {"EventBusName":"payments","NextToken":"x"}`:       "ValidationException",
			`ListRules {"EventBusName":"payments","Limit":101}`:           "ValidationException",
			`PutRule {"Name":"new"}`:                                      "events PutRule is not supported",
			`ListRules []`:                                                "SerializationException",
		} {
			operation, body, _ := strings.Cut(request, " ")
			if got := f.code(operation, body); got != want {
				t.Errorf("%s: %s, want %s", request, got, want)
			}
		}
	})
}

// archivedFixture returns a bus whose archive has three events, of 15:00:10, 15:01:05 and 15:00:50.
func archivedFixture(t *testing.T) *fixture {
	t.Helper()
	f := newFixture(t, 1, "")
	if err := f.bus.AddArchive("Archive", ArchiveProperties{ArchiveName: "all", SourceArn: busARN, EventPattern: json.RawMessage(`{"source":["payment.webhooks"]}`), RetentionDays: 35}); err != nil {
		t.Fatal(err)
	}
	text := `{"EventBusName":"payments","EventPattern":{"source":["payment.webhooks"],"replay-name":[{"exists":true}]},"Name":"replayed","Targets":[]}`
	if err := f.bus.AddRule("Replayed", properties(t, text), nil); err != nil {
		t.Fatal(err)
	}
	for _, at := range []string{"10", "65", "50"} {
		seconds, _ := time.ParseDuration(at + "s")
		entry := fmt.Sprintf(`{"Entries":[{"EventBusName":"payments","Source":"payment.webhooks","DetailType":"T","Detail":"{}","Time":%d}]}`, time.Date(2026, 11, 22, 15, 0, 0, 0, time.UTC).Add(seconds).Unix())
		if _, err := f.bus.PutEvents(t.Context(), []byte(entry)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := f.bus.PutEvents(t.Context(), []byte(`{"Entries":[{"EventBusName":"payments","Source":"other","DetailType":"T","Detail":"{}"}]}`)); err != nil {
		t.Fatal(err)
	}
	if err := f.deliveries.Idle(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.target.payloads = nil
	return f
}

// startReplay is a request for the events between two seconds after 15:00.
func startReplay(name string, from, to int, filters string) string {
	hour := time.Date(2026, 11, 22, 15, 0, 0, 0, time.UTC).Unix()
	return fmt.Sprintf(`{"ReplayName":%q,"EventSourceArn":%q,"EventStartTime":%d,"EventEndTime":%d,"Destination":{"Arn":%q%s}}`, name, archiveARN, hour+int64(from), hour+int64(to), busARN, filters)
}

func TestReplay(t *testing.T) {
	for name, c := range map[string]struct {
		from, to int
		filters  string
		want     int
	}{
		"sends the events of its time once more":        {0, 120, "", 3},
		"ends before its end":                           {10, 50, "", 1},
		"sends to the rules that it names":              {0, 120, `,"FilterArns":["arn:aws:events:us-east-1:123456789012:rule/payments/all"]`, 3},
		"sends nothing to the rules that it leaves out": {0, 120, `,"FilterArns":["arn:aws:events:us-east-1:123456789012:rule/payments/replayed"]`, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := archivedFixture(t)
				f.call(t, "StartReplay", startReplay("again", c.from, c.to, c.filters), nil)
				synctest.Wait()
				if len(f.target.payloads) != c.want {
					t.Errorf("delivered %d events, want %d: %v", len(f.target.payloads), c.want, f.target.payloads)
				}
				for _, payload := range f.target.payloads {
					var event struct {
						ID     string `json:"id"`
						Time   string `json:"time"`
						Replay string `json:"replay-name"`
					}
					if err := json.Unmarshal([]byte(payload), &event); err != nil || event.Replay != "again" || !strings.HasPrefix(event.Time, "2026-11-22T15:0") || event.ID == "" {
						t.Errorf("%s: %v, want the original event with the replay's name", payload, err)
					}
				}
			})
		})
	}
	t.Run("is described while and after it runs", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f := archivedFixture(t)
			var started, replay struct {
				ReplayArn, State, EventSourceArn string
				EventLastReplayedTime            float64
				Destination                      struct{ Arn string }
			}
			f.call(t, "StartReplay", startReplay("again", 0, 60, ""), &started)
			synctest.Wait()
			f.call(t, "DescribeReplay", `{"ReplayName":"again"}`, &replay)
			if started.State != "STARTING" || replay.State != "COMPLETED" || replay.ReplayArn != started.ReplayArn || replay.Destination.Arn != busARN || replay.EventSourceArn != archiveARN {
				t.Errorf("started %+v, then %+v", started, replay)
			}
			if want := float64(time.Date(2026, 11, 22, 15, 0, 50, 0, time.UTC).Unix()); replay.EventLastReplayedTime != want {
				t.Errorf("last replayed %f, want %f", replay.EventLastReplayedTime, want)
			}
			var list struct{ Replays []struct{ ReplayName string } }
			if f.call(t, "ListReplays", `{"State":"COMPLETED"}`, &list); len(list.Replays) != 1 {
				t.Errorf("listed %+v", list)
			}
			// Replayed events are not archived once more.
			var archive struct {
				EventCount   int
				EventPattern string
			}
			if f.call(t, "DescribeArchive", `{"ArchiveName":"all"}`, &archive); archive.EventCount != 3 || archive.EventPattern != `{"source":["payment.webhooks"]}` {
				t.Errorf("archive %+v, want three events", archive)
			}
			var archives struct {
				Archives []struct{ ArchiveName string }
			}
			if f.call(t, "ListArchives", `{"EventSourceArn":"`+busARN+`"}`, &archives); len(archives.Archives) != 1 {
				t.Errorf("listed %+v", archives)
			}
		})
	})
	t.Run("is rejected when EventBridge would", func(t *testing.T) {
		f := archivedFixture(t)
		f.call(t, "StartReplay", startReplay("again", 0, 60, ""), nil)
		for name, c := range map[string]struct{ request, want string }{
			"a name twice":    {startReplay("again", 0, 60, ""), "ResourceAlreadyExistsException"},
			"no name":         {startReplay("", 0, 60, ""), "ValidationException"},
			"an empty window": {startReplay("b", 60, 60, ""), "ValidationException"},
			"another bus":     {strings.Replace(startReplay("b", 0, 60, ""), busARN, strings.Replace(busARN, "payments", "default", 1), 1), "ValidationException"},
			"no bus":          {strings.Replace(startReplay("b", 0, 60, ""), busARN, busARN+"2", 1), "ResourceNotFoundException"},
			"another archive": {strings.Replace(startReplay("b", 0, 60, ""), archiveARN, archiveARN+"2", 1), "ValidationException"},
			"another rule":    {startReplay("b", 0, 60, `,"FilterArns":["arn:aws:events:us-east-1:123456789012:rule/payments/none"]`), "ResourceNotFoundException"},
		} {
			if got := f.code("StartReplay", c.request); got != c.want {
				t.Errorf("%s: %s, want %s", name, got, c.want)
			}
		}
	})
	t.Run("needs an archive of the bus", func(t *testing.T) {
		f := newFixture(t, 1, "")
		if err := f.bus.AddArchive("Archive", ArchiveProperties{SourceArn: busARN + "2"}); err == nil || !strings.Contains(err.Error(), "Archive: the SourceArn") {
			t.Errorf("%v", err)
		}
	})
}
