package intake

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"payment-webhooks/handlers/internal/ledger"
	"payment-webhooks/handlers/internal/redact"
	"payment-webhooks/handlers/internal/transaction"
)

// outcome is what became of a delivery.
type outcome struct {
	route   Route
	results []result // one an event, in the delivery's order
	masked  int      // card numbers

	challenged bool   // it is a challenge, and has no events
	answer     string // to the challenge
}

// result is what became of one event: it was stored, quarantined or, when
// neither, ignored.
type result struct {
	event       string                   // the provider's name of it; "" in the canonical payload
	transaction *transaction.Transaction // nil when there is none that is valid
	stored      ledger.Outcome
	quarantined error // why
}

func isConflict(err error) bool { return errors.Is(err, ledger.ErrConflict) }

// maxDetail bounds, in bytes, what is said of why an event was quarantined.
const maxDetail = 300

// masked makes an error of a decoder fit for logs, traces and the queue: no card
// numbers, and no longer than anybody reads.
func masked(err error) error {
	if err == nil {
		return nil
	}
	text, n := redact.Text(err.Error())
	if n == 0 && len(text) <= maxDetail {
		return err
	}
	// What is left of a longer number may be one of a card.
	text, _ = redact.Text(strings.ToValidUTF8(text[:min(len(text), maxDetail)], "?"))
	return &maskedError{text, err}
}

type maskedError struct {
	text string
	err  error
}

func (e *maskedError) Error() string { return e.text }
func (e *maskedError) Unwrap() error { return e.err }

// reason is the word for why an event was quarantined. The details are for
// operators: they are in the queue.
func (r result) reason() string {
	switch {
	case isConflict(r.quarantined):
		return "conflict"
	case errors.Is(r.quarantined, transaction.ErrInvalid):
		return "invalid"
	}
	return "unreadable"
}

// resultBody is the JSON of a result: either the first four members, or one of
// the others.
type resultBody struct {
	TransactionID string `json:"transaction_id,omitempty"`
	Provider      string `json:"provider,omitempty"`
	Status        string `json:"status,omitempty"`
	Duplicate     *bool  `json:"duplicate,omitempty"`

	Ignored     *string `json:"ignored,omitempty"`     // the provider's name of the event
	Quarantined string  `json:"quarantined,omitempty"` // unreadable, invalid or conflict
}

func (r result) body() resultBody {
	switch {
	case r.quarantined != nil:
		return resultBody{Quarantined: r.reason()}
	case r.transaction != nil:
		duplicate := r.stored == ledger.Duplicate
		return resultBody{TransactionID: r.transaction.ID, Provider: r.transaction.Provider, Status: "accepted", Duplicate: &duplicate}
	}
	ignored := redact.Sanitise(r.event)
	return resultBody{Ignored: &ignored}
}

// isNew reports whether the event was stored or quarantined for the first time.
func (r result) isNew() bool { return r.quarantined != nil || r.stored == ledger.Stored }

// response is 202 for a delivery with something new, and 200 for one without and
// for a challenge.
func (o outcome) response() Response {
	if o.challenged {
		return respond(http.StatusOK, "text/plain; charset=utf-8", o.answer)
	}
	status := http.StatusOK
	bodies := make([]resultBody, len(o.results))
	for i, r := range o.results {
		bodies[i] = r.body()
		if r.isNew() {
			status = http.StatusAccepted
		}
	}
	var body any = bodies
	if len(bodies) == 1 {
		body = bodies[0]
	} else {
		body = struct {
			Results []resultBody `json:"results"`
		}{bodies}
	}
	text, err := json.Marshal(body)
	if err != nil { // strings and bools
		panic(err)
	}
	return respond(status, "application/json", string(text))
}
