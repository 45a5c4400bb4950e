package intake

import (
	"errors"
	"strings"
	"testing"
	"time"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/ledger"
)

// received returns the transactions of an hour.
func (d fixture) received(t *testing.T, hour time.Time) (all []ledger.Record) {
	t.Helper()
	for shard := range contract.HourShards {
		for r, err := range d.ledger.Hour(t.Context(), hour, shard) {
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, r)
		}
	}
	return all
}

// quarantined sends a delivery of events and returns the message about it.
func (d fixture) quarantined(t *testing.T, events ...string) string {
	t.Helper()
	d.send(t, notify(array(events...), "secret", now))
	if len(d.quarantine.messages) != 1 {
		t.Fatalf("%d messages", len(d.quarantine.messages))
	}
	return d.quarantine.messages[0]
}

func (d fixture) redeliver(t *testing.T, message string, dry bool) []Redelivered {
	t.Helper()
	got, err := d.Redeliver(t.Context(), message, dry)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestRedeliver(t *testing.T) {
	t.Run("when today's code reads it, stores what the endpoint would", func(t *testing.T) {
		d := newFixture()
		message := d.quarantined(t, garbled, paid)
		message = strings.Replace(message, `\"Fail\":`, `\"Note\":`, 1) // what was not understood is now
		message = strings.Replace(message, `\"Type\":\"garbled\"`, `\"Type\":\"paid\",\"ID\":\"pay_9\",\"Kind\":\"payment\",\"Amount\":\"12\",\"Currency\":\"USD\",\"Customer\":\"c\"`, 1)
		d.clock.now = now.Add(5 * 24 * time.Hour)

		got := d.redeliver(t, message, true)
		if len(got) != 2 || got[0].Err != nil || got[0].TransactionID != "pay_9" || got[0].Provider != "fake" || got[0].Amount != "12.00 USD" || got[0].Stored != 0 {
			t.Fatalf("dry: %+v", got)
		}
		if len(d.ledger.All()) != 1 {
			t.Fatalf("%d transactions after the dry run, want the one that was stored at once", len(d.ledger.All()))
		}
		got = d.redeliver(t, message, false)
		if got[0].Stored != ledger.Stored || got[1].Stored != ledger.Duplicate || len(d.ledger.All()) != 2 {
			t.Errorf("%+v, %d stored", got, len(d.ledger.All()))
		}
		stored := d.received(t, d.clock.now)
		if len(stored) != 1 || stored[0].Transaction.ID != "pay_9" || stored[0].Fingerprint != stored[0].Transaction.Fingerprint() {
			t.Errorf("received now: %+v", stored)
		}
		if again := d.redeliver(t, message, false); again[0].Stored != ledger.Duplicate || again[0].Err != nil {
			t.Errorf("a repeat: %+v", again)
		}
		if len(d.quarantine.messages) != 1 {
			t.Errorf("quarantined again: %v", d.quarantine.messages)
		}
	})

	for name, c := range map[string]struct {
		event, says string
		change      func(string) string
	}{
		"it is still unreadable":    {event: garbled, says: "unreadable: "},
		"an id in it was masked":    {event: strings.Replace(illegal, "-1", "1", 1), says: "/transaction_id", change: func(m string) string { return m }},
		"today it would be ignored": {event: garbled, says: "ignored: ", change: func(m string) string { return strings.Replace(m, `\"Fail\":`, `\"Note\":`, 1) }},
		"today there is no such event": {event: garbled, says: "ignored", change: func(m string) string {
			before, after, _ := strings.Cut(m, `"body":"[`)
			_, after, _ = strings.Cut(after, `]"`)
			return before + `"body":"[]"` + after
		}},
	} {
		t.Run("when "+name+", it stays", func(t *testing.T) {
			d := newFixture()
			message := d.quarantined(t, c.event, garbled)
			if c.change != nil {
				message = c.change(message)
			}
			stored := len(d.ledger.All())
			got := d.redeliver(t, message, false)
			if len(got) == 0 || got[0].Err == nil || !strings.Contains(got[0].Err.Error(), c.says) {
				t.Errorf("%+v", got)
			}
			if len(d.ledger.All()) != stored {
				t.Errorf("%d stored, want %d", len(d.ledger.All()), stored)
			}
		})
	}

	t.Run("when the ledger has another amount, it stays", func(t *testing.T) {
		d := newFixture()
		d.send(t, notify(array(paid), "secret", now))
		message := d.quarantined(t, other)
		if got := d.redeliver(t, message, false); got[0].Err == nil || !strings.Contains(got[0].Err.Error(), "conflict: ") || !strings.Contains(got[0].Err.Error(), "amount") {
			t.Errorf("%+v", got)
		}
	})

	t.Run("when the ledger is unavailable, it is an error", func(t *testing.T) {
		d := newFixture()
		message := d.quarantined(t, garbled, paid)
		d.ledger.Fail(ledger.ErrUnavailable)
		if _, err := d.Redeliver(t.Context(), message, false); !errors.Is(err, ledger.ErrUnavailable) {
			t.Error(err)
		}
	})

	for name, message := range map[string]string{
		"not JSON": "x", "of another provider": `{"provider":"other","body":"[]"}`, "not base64": `{"provider":"fake","body":"%","body_encoding":"base64"}`,
	} {
		t.Run("when the message is "+name+", it is an error", func(t *testing.T) {
			if _, err := newFixture().Redeliver(t.Context(), message, true); !errors.Is(err, ErrNotQuarantined) {
				t.Error(err)
			}
		})
	}
}
