package intake

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"

	"github.com/go-json-experiment/json"

	"payment-webhooks/handlers/internal/ledger"
	"payment-webhooks/handlers/internal/provider"
)

// ErrNotQuarantined is the error of a message that the quarantine cannot have got from an
// Intake, or whose provider has no route any more.
var ErrNotQuarantined = errors.New("not a quarantined delivery")

// Redelivered is what becomes of one event of a quarantined delivery that is decoded again.
type Redelivered struct {
	Index         int    // position in the delivery, from 0
	Type          string // the provider's name of the event; may be ""
	TransactionID string // "" if the event becomes no transaction
	Provider      string
	Kind          string
	Amount        string // with its currency, for people
	Stored        ledger.Outcome

	// Err says why the event stays in quarantine; nil if it is a transaction now. Card
	// numbers in it are masked.
	Err error
}

// errIgnored is the error of an event that was quarantined and that would be ignored today:
// that is for a person to confirm.
var errIgnored = errors.New("today it is ignored and becomes no transaction; discard the message if that is right")

// Redeliver decodes a message of the quarantine again and returns what becomes of each of
// its events, in the delivery's order. Unless dry, it stores the transactions as Handle
// does, except that it neither verifies the delivery, which was authentic, nor binds it to
// its id, since card numbers are masked in the body by now. (An id that was masked is
// rejected: no id may have an asterisk.) Transactions are received now:
// the hours of the time at which the delivery came may be archived. An error is
// ErrNotQuarantined, or the ledger's if not all could be stored; a repeat is safe.
func (in *Intake) Redeliver(ctx context.Context, text string, dry bool) ([]Redelivered, error) {
	var m message
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		return nil, fmt.Errorf("%w: it is not the JSON of one", ErrNotQuarantined)
	}
	route, known := in.routes.providers[m.Provider]
	if !known || route.decode == nil {
		return nil, fmt.Errorf("%w of a configured provider", ErrNotQuarantined)
	}
	d := provider.Delivery{Header: http.Header{}, Body: []byte(m.Body), URL: route.url, ReceivedAt: in.now().UTC()}
	if m.BodyEncoding == "base64" {
		var err error
		if d.Body, err = base64.StdEncoding.DecodeString(m.Body); err != nil {
			return nil, fmt.Errorf("%w: its body is not base64", ErrNotQuarantined)
		}
	}
	for name, value := range m.Headers {
		d.Header.Set(name, value)
	}
	res := deliveryResult{route: route}
	in.read(ctx, d, &res)
	for i := range res.results {
		res.results[i].binding = provider.Binding{}
	}
	if !dry {
		if err := in.store(ctx, d, &res); err != nil {
			return nil, err
		}
	}
	return res.redelivered(m.Events), nil
}

// redelivered returns the outcomes; was are the events that could not be processed before.
func (res deliveryResult) redelivered(was []quarantinedEvent) []Redelivered {
	quarantined := map[int]bool{}
	for _, e := range was {
		quarantined[e.Index] = true
	}
	var all []Redelivered
	for i, r := range res.results {
		e := Redelivered{Index: i, Type: r.event, Provider: res.route.name, Stored: r.stored, Err: r.quarantined}
		t := r.transaction
		switch {
		case t != nil:
			e.TransactionID, e.Kind, e.Amount = t.ID, t.Kind, t.Format()
		case e.Err == nil && quarantined[i]:
			e.Err = errIgnored
		}
		if e.Err != nil {
			e.Err = fmt.Errorf("%s: %w", r.reasonOr("ignored"), e.Err)
		}
		all = append(all, e)
		delete(quarantined, i)
	}
	for index := range quarantined { // decoded into fewer events than before
		all = append(all, Redelivered{Index: index, Provider: res.route.name, Err: errIgnored})
	}
	return all
}

// reasonOr returns the reason for which an event is quarantined, or another word if it
// is not.
func (r eventResult) reasonOr(other string) string {
	if r.quarantined == nil {
		return other
	}
	return r.reason()
}
