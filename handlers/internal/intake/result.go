package intake

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"payment-webhooks/handlers/internal/ledger"
	"payment-webhooks/handlers/internal/provider"
	"payment-webhooks/handlers/internal/redact"
	"payment-webhooks/handlers/internal/transaction"
)

// deliveryResult is how a delivery was processed.
type deliveryResult struct {
	route   Route
	results []eventResult // one per event, in the delivery's order
	masked  int           // card numbers

	verified          bool   // the signature is right
	challenged        bool   // the request is a challenge and has no events
	challengeResponse string // the body of the response to it
}

// eventResult is how one event was processed: it was stored or quarantined, or else
// ignored.
type eventResult struct {
	event       string                   // the event type, sanitised; "" for the canonical payload
	transaction *transaction.Transaction // nil if there is no valid one
	stored      ledger.Outcome
	quarantined error                    // why the event is quarantined; nil if it is not
	binding     provider.Binding         // as the decoder returned it
	unknown     bool                     // the provider does not document the event type, which became no transaction
	rejected    *transaction.Transaction // the quarantined one that is against the rules; nil if there is none
	differences []string                 // the fields in which a duplicate differs from what is stored
}

// compare decides what a notification is whose transaction differs from the stored one.
// If they contradict each other about money, it is quarantined: a provider would repeat
// the delivery endlessly after a 409. Anything else is a later description of the same
// fact. The first stays, and the notification is a duplicate.
func (r *eventResult) compare(conflict *ledger.ConflictError) {
	contradictions, others := r.transaction.Differences(conflict.Stored)
	if len(contradictions) > 0 {
		r.quarantined = fmt.Errorf("%w: it differs in %s", conflict, strings.Join(contradictions, ", "))
		return
	}
	r.stored, r.differences = ledger.Duplicate, others
}

func isConflict(err error) bool { return errors.Is(err, ledger.ErrConflict) }

// maxDetail bounds, in bytes, the text that explains why an event was quarantined.
const maxDetail = 300

// masked makes an error of a decoder fit for logs, traces and the queue: it masks card
// numbers and cuts the text to maxDetail.
func masked(err error) error {
	if err == nil {
		return nil
	}
	text, n := redact.Text(err.Error())
	if n == 0 && len(text) <= maxDetail {
		return err
	}
	// Cutting a longer number may have left a card number.
	text, _ = redact.Text(strings.ToValidUTF8(text[:min(len(text), maxDetail)], "?"))
	return &maskedError{text, err}
}

type maskedError struct {
	text string
	err  error
}

func (e *maskedError) Error() string { return e.text }
func (e *maskedError) Unwrap() error { return e.err }

// ids returns the provider's ids of its own objects in a quarantined event, as far as they
// are known.
func (r eventResult) ids(from Route) []string {
	t := cmp.Or(r.transaction, r.rejected)
	if t == nil {
		return nil
	}
	ids := []string{t.ID, t.PaymentID, t.Reverses}
	for _, name := range from.declared.OwnIDs {
		if id, ok := t.Metadata.Value()[name].(string); ok {
			ids = append(ids, id)
		}
	}
	return slices.DeleteFunc(ids, func(id string) bool { return !transaction.IsOwnID(id) })
}

// reason names why an event was quarantined, in one word for the response. The details
// are for operators, in the queue.
func (r eventResult) reason() string {
	switch {
	case isConflict(r.quarantined):
		return "conflict"
	case errors.Is(r.quarantined, transaction.ErrInvalid):
		return "invalid"
	}
	return "unreadable"
}

// resultBody is the JSON of an eventResult: either the first four members, or one of
// the others.
type resultBody struct {
	TransactionID string `json:"transaction_id,omitempty"`
	Provider      string `json:"provider,omitempty"`
	Status        string `json:"status,omitempty"`
	Duplicate     *bool  `json:"duplicate,omitempty"`

	Ignored     *string `json:"ignored,omitempty"`     // the event type
	Quarantined string  `json:"quarantined,omitempty"` // unreadable, invalid or conflict
}

func (r eventResult) body() resultBody {
	switch {
	case r.quarantined != nil:
		return resultBody{Quarantined: r.reason()}
	case r.transaction != nil:
		duplicate := r.stored == ledger.Duplicate
		return resultBody{TransactionID: r.transaction.ID, Provider: r.transaction.Provider, Status: "accepted", Duplicate: &duplicate}
	}
	return resultBody{Ignored: &r.event}
}

// isNew reports whether the event was stored or quarantined for the first time.
func (r eventResult) isNew() bool { return r.quarantined != nil || r.stored == ledger.Stored }

// response returns 202 if an event is new, and 200 otherwise or for a challenge.
func (res deliveryResult) response() Response {
	if res.challenged {
		return respond(http.StatusOK, "text/plain; charset=utf-8", res.challengeResponse)
	}
	status := http.StatusOK
	bodies := make([]resultBody, len(res.results))
	for i, r := range res.results {
		bodies[i] = r.body()
		if r.isNew() {
			status = http.StatusAccepted
		}
	}
	var body any
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
