package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"payment-webhooks/local/session"
)

// routes says where effects of a transaction were found.
type routes struct {
	Workflow bool // the fraud result is in the table
	Alerts   int  // messages that subscribers received
	Log      int  // events in the low-value log group
	Queue    int  // events in the queue of a tier, if it has one
}

// routesOf looks for the effects of a transaction. The queue is optional.
func routesOf(ctx context.Context, s *session.Session, queue, id string) (r routes, err error) {
	item, err := s.Item(ctx, id, "shop")
	if err != nil {
		return r, err
	}
	_, r.Workflow = item["fraud"]
	alerts, err := s.Alerts(ctx, id)
	if err != nil {
		return r, err
	}
	r.Alerts = len(alerts)
	logged, err := s.Logged(ctx, s.LowValueLogGroup(), fmt.Sprintf("%q", id))
	if err != nil {
		return r, err
	}
	r.Log = len(logged)
	if queue == "" {
		return r, nil
	}
	messages, err := s.Messages(ctx, queue)
	for _, m := range messages {
		if strings.Contains(*m.Body, fmt.Sprintf("%q", id)) {
			r.Queue++
		}
	}
	return r, err
}

// routed is an amount and the routes that it must take.
type routed struct {
	amount, currency string
	want             routes
}

// The targets of the default tiers.
var high, medium, low = routes{Workflow: true, Alerts: 2}, routes{Alerts: 2}, routes{Log: 1}

// checkRoutes sends the cases and waits until each has taken its route. To see that none
// takes a second route, it then sends the later cases, one for each tier, waits for their
// routes and checks the cases again: the bus offers an event to all rules at once, so by
// then every rule has delivered the events that it matched. It returns the ids of the cases.
func checkRoutes(t *testing.T, s *session.Session, queue string, cases, later []routed) []string {
	t.Helper()
	ids := make([]string, len(cases))
	for i, c := range cases {
		ids[i] = newID(t) + "_" // so that no id is a prefix of another
		accept(t, s, payment(ids[i], c.amount, c.currency, ""))
	}
	got := make([]routes, len(cases))
	defer func() {
		for i, c := range cases {
			if got[i] != c.want {
				t.Errorf("%s %s: %+v, want %+v", c.amount, c.currency, got[i], c.want)
			}
		}
	}()
	eventually(t, "every transaction on its route", func(ctx context.Context) (bool, error) {
		all := true
		for i, c := range cases {
			if got[i] == c.want {
				continue // it is looked at again in the end
			}
			var err error
			if got[i], err = routesOf(ctx, s, queue, ids[i]); err != nil {
				return false, err
			}
			all = all && got[i] == c.want
		}
		return all, nil
	})
	for _, c := range later {
		id := newID(t) + "_"
		accept(t, s, payment(id, c.amount, c.currency, ""))
		eventually(t, "a later transaction of "+c.amount+" on its route", func(ctx context.Context) (bool, error) {
			r, err := routesOf(ctx, s, queue, id)
			return r == c.want, err
		})
	}
	for i := range cases {
		var err error
		if got[i], err = routesOf(t.Context(), s, queue, ids[i]); err != nil {
			t.Fatal(err)
		}
	}
	return ids
}

func TestRoutes(t *testing.T) {
	inTurn(t)
	t.Run("when tiers are the default, each amount takes one", func(t *testing.T) {
		checkRoutes(t, shared, "", []routed{
			{"10000.01", "USD", high},
			{"15000", "JPY", high},
			{"5000000000", "IDR", high}, // the largest number that a pattern compares
			{"5000000000.01", "IDR", high},
			{"9999999999999.99", "USD", high}, // the largest amount
			{"10000", "USD", medium},
			{"10000.00", "EUR", medium},
			{`"1e4"`, "EUR", medium},
			{"1000", "USD", medium},
			{"1000.000", "KWD", medium},
			{"999.999", "KWD", low},
			{"999.99", "USD", low},
			{"1", "JPY", low},
			{"0.0001", "CLF", low},
		}, []routed{{"15000", "USD", high}, {"5000", "USD", medium}, {"1", "USD", low}})
	})
}

func TestAlertTexts(t *testing.T) {
	for name, c := range map[string]struct {
		amount  string
		shorter bool
	}{
		"when a rule writes them, are one sentence":          {"5000", false},
		"when the workflow writes them, are shorter for SMS": {"15000", true},
	} {
		t.Run(name, func(t *testing.T) { alertTexts(t, c.amount, c.shorter) })
	}
}

func alertTexts(t *testing.T, amount string, shorter bool) {
	t.Helper()
	id := newID(t) + "_"
	accept(t, shared, payment(id, amount, "USD", ""))
	var alerts []session.Alert
	eventually(t, amount+" alerted by email and SMS", func(ctx context.Context) (bool, error) {
		var err error
		alerts, err = shared.Alerts(ctx, id)
		return len(alerts) >= 2, err
	})
	text := map[string]string{}
	for _, a := range alerts {
		text[a.Protocol] = a.Message
		for _, part := range []string{amount + ".00 USD", "shop", id} {
			if !strings.Contains(a.Message, part) {
				t.Errorf("%s %q does not say %s", a.Protocol, a.Message, part)
			}
		}
		if strings.ContainsAny(a.Message, "{}[]") {
			t.Errorf("%s %q is not a sentence", a.Protocol, a.Message)
		}
	}
	if text["sms"] == "" || text["email"] == "" {
		t.Fatalf("alerts %v, want one by email and one by SMS", alerts)
	}
	if shorter && len(text["sms"]) >= len(text["email"]) {
		t.Errorf("SMS %q is not shorter than email %q", text["sms"], text["email"])
	}
}

// suspicious makes the fraud model find a high risk; see docs/fraud-model.md.
const suspicious = `, "metadata": {"ip_country": "FR", "card_country": "US", "attempts_last_hour": 12, "new_customer": true}`

func TestHighRisk(t *testing.T) {
	t.Run("when the score is high, a second alert is sent", func(t *testing.T) {
		id := newID(t) + "_"
		accept(t, shared, payment(id, "25000", "USD", suspicious))
		eventually(t, "notification and fraud alert", func(ctx context.Context) (bool, error) {
			r, err := routesOf(ctx, shared, "", id)
			return r == routes{Workflow: true, Alerts: 4}, err
		})
		item, err := shared.Item(t.Context(), id, "shop")
		if err != nil {
			t.Fatal(err)
		}
		fraud, _ := item["fraud"].(map[string]any)
		if factors, _ := fraud["risk_factors"].([]any); fraud["risk_level"] != "high" || len(factors) == 0 || fraud["model_version"] == nil {
			t.Errorf("stored fraud result %v, want a high risk with its factors and model", fraud)
		}
	})
}

// The whole transaction is stored, but so large an event would not fit every target: it
// is published without the metadata, and with metadata_omitted.
func TestLargeMetadata(t *testing.T) {
	t.Run("when it does not fit the event, it stays in the table", func(t *testing.T) {
		id := newID(t) + "_"
		note := strings.Repeat("x", 190*1024)
		accept(t, shared, payment(id, "250", "USD", fmt.Sprintf(`, "metadata": {"note": %q}`, note)))
		var lines []string
		eventually(t, "the event in the log group", func(ctx context.Context) (bool, error) {
			var err error
			lines, err = shared.Logged(ctx, shared.LowValueLogGroup(), fmt.Sprintf("%q", id))
			return len(lines) > 0, err
		})
		var event struct {
			Detail struct {
				Metadata        json.RawMessage `json:"metadata"`
				MetadataOmitted bool            `json:"metadata_omitted"`
			} `json:"detail"`
		}
		if err := json.Unmarshal([]byte(lines[0]), &event); err != nil {
			t.Fatal(err)
		}
		if event.Detail.Metadata != nil || !event.Detail.MetadataOmitted {
			t.Errorf("the event has %d bytes of metadata, omitted=%v", len(event.Detail.Metadata), event.Detail.MetadataOmitted)
		}
		item, err := shared.Item(t.Context(), id, "shop")
		if err != nil {
			t.Fatal(err)
		}
		if metadata, _ := item["metadata"].(map[string]any); metadata["note"] != note {
			t.Error("the table does not have the whole metadata")
		}
	})
}
