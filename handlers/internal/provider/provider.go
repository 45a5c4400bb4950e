package provider

import (
	"context"
	"errors"
	"net/http"
	"time"

	"payment-webhooks/handlers/internal/transaction"
)

// Errors of Verify, wrapped with facts that are fit for a log, never with a
// secret or a part of the body.
var (
	// ErrSignature: the delivery is not authentic. The signature is missing,
	// malformed or wrong, or its time is out of tolerance in either direction.
	// Answered with 401; nothing is stored.
	ErrSignature = errors.New("signature")

	// ErrSecret: none of the secrets has the form that the provider uses, so
	// nothing can be verified. Answered with 503, with an alarm.
	ErrSecret = errors.New("secret")

	// ErrUnavailable: what verification needs, such as a certificate, cannot be
	// had right now. Answered with 503.
	ErrUnavailable = errors.New("verification unavailable")
)

// ErrUnreadable is wrapped by an error of Decode, and by Event.Err: authentic,
// but not understood. The delivery is quarantined whole, and answered with 2xx,
// because sending it again would change nothing.
var ErrUnreadable = errors.New("unreadable")

// Tolerance is how far a signed timestamp may be from our clock, in both
// directions: the five minutes that Stripe and Standard Webhooks recommend.
const Tolerance = 5 * time.Minute

// Delivery is a request as it arrived. At most transaction.MaxBodyBytes long.
type Delivery struct {
	Header     http.Header
	Body       []byte    // the bytes that were signed
	URL        string    // the address that the provider was told to post to
	ReceivedAt time.Time // UTC
}

// Provider reads the notifications of one payment provider. Its methods may be
// called concurrently.
type Provider interface {
	// Verify checks that the delivery is authentic and recent. Secrets are those
	// in force, the current one first; a signature by any of them is good, so
	// that a secret can be rotated. It compares in constant time.
	Verify(ctx context.Context, d Delivery, secrets []string) error

	// Decode reads a verified delivery. An error means that none of it could
	// be read; what could not be read of a batch is in the events.
	Decode(d Delivery) ([]Event, error)
}

// Event is one notification of a delivery: a transaction, or unreadable, or
// neither, when it is of a kind that deliberately becomes no transaction.
type Event struct {
	Type        string                   // the provider's name of the event, such as "refund.created"
	Transaction *transaction.Transaction // checked, without ReceivedAt; nil when ignored or unreadable
	Err         error                    // wraps ErrUnreadable
}
