package relay_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"payment-webhooks/handlers/internal/event"
	"payment-webhooks/handlers/internal/ledger"
	"payment-webhooks/handlers/internal/relay"
	"payment-webhooks/handlers/internal/transaction"
)

// unreadable is a record whose item is not a transaction.
func unreadable(id string) relay.Insert {
	return relay.Insert{
		SequenceNumber: "s-" + id, Arrived: noon.Add(-time.Minute), Err: errors.New("not a transaction item: amount is not a number"),
		Record: ledger.Record{Transaction: transaction.Transaction{ID: id, Provider: "stripe"}},
	}
}

// panicking is a bus that panics over one event, which any call may contain.
type panicking struct {
	bus
	over string
}

func (p *panicking) Publish(ctx context.Context, events []relay.Event) []error {
	for _, e := range events {
		received, err := event.Decode(e.Detail)
		if err != nil {
			panic(err)
		}
		if received.ID == p.over {
			panic(fmt.Sprintf("cannot handle 4111111111111111 of %s", received.ID))
		}
	}
	return p.bus.Publish(ctx, events)
}

func TestPoisonRecords(t *testing.T) {
	invalid := insert(t, "bad\xff") // not UTF-8: no JSON can carry it
	invalid.SequenceNumber = "s-invalid"
	type letter struct{ SequenceNumber, Reason string }
	cases := map[string]struct {
		inserts   []relay.Insert
		bus       relay.Publisher
		published []string
		reported  []string
		letters   []letter
	}{
		"when one is first": {
			append([]relay.Insert{unreadable("p")}, inserts(t, "a", "b")...), &bus{},
			[]string{"a", "b"},
			nil,
			[]letter{{"s-p", relay.ReasonUnreadable}},
		},
		"when one is alone": {[]relay.Insert{unreadable("p")}, &bus{}, nil, nil, []letter{{"s-p", relay.ReasonUnreadable}}},
		"when others fail for a time": {
			slices.Concat(inserts(t, "a"), []relay.Insert{unreadable("p"), invalid}, inserts(t, "b", "c")),
			&bus{fail: map[string]error{"c": errThrottled}},
			[]string{"a", "b"},
			[]string{"s-c"},
			[]letter{{"s-p", relay.ReasonUnreadable}, {"s-invalid", relay.ReasonNotEncodable}},
		},
		"when the bus rejects what is in it": {
			inserts(t, "a", "b", "c"), &bus{fail: map[string]error{"b": fmt.Errorf("%w: MalformedDetail", relay.ErrPoison)}},
			[]string{"a", "c"},
			nil,
			[]letter{{"s-b", relay.ReasonRejected}},
		},
		"when one makes the bus panic": {
			inserts(t, "a", "b", "c"), &panicking{over: "b"},
			[]string{"a", "c"},
			nil,
			[]letter{{"s-b", relay.ReasonPanic}},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			q, out := &queue{}, &bytes.Buffer{}
			reported := newRelayTo(c.bus, q, out).Relay(t.Context(), c.inserts)
			if diff := cmp.Diff(c.reported, reported); diff != "" {
				t.Errorf("reported: %s", diff)
			}
			published := &bus{}
			switch b := c.bus.(type) {
			case *bus:
				published = b
			case *panicking:
				published = &b.bus
			}
			if diff := cmp.Diff(c.published, published.published); diff != "" {
				t.Errorf("published: %s", diff)
			}
			var letters []letter
			for _, l := range q.letters(t) {
				letters = append(letters, letter{l.SequenceNumber, l.Reason})
			}
			if diff := cmp.Diff(c.letters, letters); diff != "" {
				t.Errorf("dead letters: %s", diff)
			}
			if n := strings.Count(out.String(), "record sent to the dead-letter queue"); n != len(c.letters) {
				t.Errorf("%d log lines about dead letters, want %d", n, len(c.letters))
			}
		})
	}
}

func TestPoisonQueue(t *testing.T) {
	errDown := errors.New("the queue is unavailable")

	t.Run("when it is down, the records are delivered again", func(t *testing.T) {
		q, b, out := &queue{fail: errDown}, &bus{}, &bytes.Buffer{}
		r := newRelayTo(b, q, out)
		batch := slices.Concat([]relay.Insert{unreadable("p"), unreadable("q")}, inserts(t, "a"))
		if diff := cmp.Diff([]string{"s-p", "s-q"}, r.Relay(t.Context(), batch)); diff != "" {
			t.Error(diff)
		}
		if q.sends > 2 { // once before publishing, once after
			t.Errorf("%d attempts: a queue that does not respond costs the batch its time", q.sends)
		}
		if !strings.Contains(out.String(), "not in the dead-letter queue either") {
			t.Errorf("log: %s", out)
		}
		q.fail = nil
		if failed := r.Relay(t.Context(), batch); failed != nil {
			t.Errorf("failed: %v", failed)
		}
		if len(q.messages) != 2 || len(b.published) != 1 {
			t.Errorf("dead letters %v, published %v", q.messages, b.published)
		}
	})

	t.Run("when it has a record, the record is not sent again", func(t *testing.T) {
		q, b := &queue{}, &bus{fail: map[string]error{"a": errThrottled}}
		r := newRelayTo(b, q, &bytes.Buffer{})
		batch := slices.Concat(inserts(t, "a"), []relay.Insert{unreadable("p")})
		r.Relay(t.Context(), batch)
		b.fail = nil
		r.Relay(t.Context(), batch)
		if len(q.messages) != 1 {
			t.Errorf("dead letters %v", q.messages)
		}
	})

	t.Run("when the bus does not respond, poison goes all the same", func(t *testing.T) {
		q := &queue{}
		r := newRelayTo(stuck{}, q, &bytes.Buffer{})
		ctx, cancel := context.WithTimeout(t.Context(), 3050*time.Millisecond)
		defer cancel()
		failed := r.Relay(ctx, slices.Concat(inserts(t, "a", "b"), []relay.Insert{unreadable("p")}))
		if diff := cmp.Diff([]string{"s-b"}, failed); diff != "" || len(q.messages) != 1 {
			t.Errorf("%s; dead letters %v", diff, q.messages)
		}
	})
}

func TestDeadLetter(t *testing.T) {
	const pan = "4111111111111111"

	t.Run("when the key is known, names it", func(t *testing.T) {
		q := &queue{}
		newRelayTo(&bus{}, q, &bytes.Buffer{}).Relay(t.Context(), []relay.Insert{unreadable("txn_1")})
		want := []relay.DeadLetter{{
			Reason: relay.ReasonUnreadable, Error: "not a transaction item: amount is not a number", SequenceNumber: "s-txn_1",
			ArrivedAt: "2026-11-22T11:59:00Z", TransactionID: "txn_1", Provider: "stripe",
		}}
		if diff := cmp.Diff(want, q.letters(t)); diff != "" {
			t.Error(diff)
		}
	})

	t.Run("when there are card numbers, masks them", func(t *testing.T) {
		q, out := &queue{}, &bytes.Buffer{}
		i := unreadable("pay " + pan)
		i.SequenceNumber = "s-card"
		i.Err = errors.New("card " + pan + " is not \ufffe a \x00 number " + strings.Repeat("x", 5000))
		panics := &panicking{over: "txn_1"} // its panic has a card number too
		newRelayTo(panics, q, out).Relay(t.Context(), append(inserts(t, "txn_1"), i))
		letters := q.letters(t)
		if len(letters) != 2 || !letters[0].Masked || letters[1].Masked || letters[1].TransactionID != "txn_1" {
			t.Fatalf("%+v", letters)
		}
		if len(letters[0].Error) > 2100 {
			t.Errorf("an error of %d bytes", len(letters[0].Error))
		}
		for where, text := range map[string]string{"queue": strings.Join(q.messages, ""), "log": out.String()} {
			if strings.Contains(text, pan) || !strings.Contains(text, "411111") || strings.ContainsAny(text, "\ufffe\x00") {
				t.Errorf("in the %s: %s", where, text)
			}
		}
	})
}

func TestGuard(t *testing.T) {
	t.Run("when there is a panic, it is poison", func(t *testing.T) {
		err := relay.Guard(func() { panic("no") })
		if !errors.Is(err, relay.ErrPoison) || !strings.Contains(err.Error(), "no") {
			t.Error(err)
		}
	})
	t.Run("when there is none, there is no error", func(t *testing.T) {
		if err := relay.Guard(func() {}); err != nil {
			t.Error(err)
		}
	})
}
