package provider

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"time"

	"payment-webhooks/handlers/internal/transaction"
)

// Errors of Verify. They are wrapped with details that are fit for a log, never with a
// secret or a part of the body.
var (
	// ErrSignature means that the delivery is not authentic: the signature is
	// missing, malformed or wrong, or its time is out of tolerance in either
	// direction. The response is 401; nothing is stored.
	ErrSignature = errors.New("signature")

	// ErrSecret means that none of the secrets has the form that the provider
	// uses, so nothing can be verified. The response is 503, with an alarm.
	ErrSecret = errors.New("secret")

	// ErrUnavailable means that something verification needs, such as a
	// certificate, is not available now. The response is 503, with an alarm.
	ErrUnavailable = errors.New("verification unavailable")

	// ErrUnproven is an ErrUnavailable that anyone can cause: what is not available was
	// named by the delivery itself, and nothing has been verified with it before. The
	// response is 429, so that a genuine sender repeats the delivery, and no alarm is
	// raised: the delivery counts as a rejected one.
	ErrUnproven = fmt.Errorf("%w for an unproven sender", ErrUnavailable)
)

// ErrUnreadable is wrapped by an error of Decode and by Event.Err, for content that is
// authentic but not understood. The delivery is quarantined whole, and the response is
// 2xx, because repeating the delivery would change nothing.
var ErrUnreadable = errors.New("unreadable")

// Tolerance is how far a signed timestamp may be from our clock, in either
// direction: the five minutes that Stripe and Standard Webhooks recommend.
const Tolerance = 5 * time.Minute

// Delivery is a request as it arrived. Its body has at most transaction.MaxBodyBytes.
type Delivery struct {
	Header     http.Header
	Body       []byte    // the bytes that were signed
	URL        string    // the address that the provider was told to post to
	ReceivedAt time.Time // UTC
}

// Provider reads the notifications of one payment provider. Its methods may be
// called concurrently.
type Provider interface {
	// Verify checks that the delivery is authentic and recent. Secrets are the ones
	// in force, the current one first. A signature by any of them is accepted, so
	// that a secret can be rotated. Verify compares in constant time.
	Verify(ctx context.Context, d Delivery, secrets []string) error

	// Decode reads a verified delivery. An error means that nothing of it could be
	// read. If single events of a batch cannot be read, their Err is set.
	Decode(d Delivery) ([]Event, error)
}

// Event is one notification of a delivery. It has a Transaction or an Err, or neither
// if its type is deliberately ignored.
type Event struct {
	Type        string                   // the provider's name of the event, such as "refund.created"
	Transaction *transaction.Transaction // checked, without ReceivedAt; nil when ignored or unreadable
	Err         error                    // wraps ErrUnreadable
	Binding     Binding                  // the zero value if the signature binds all that decides
}

// Binding ties what a signature does not bind to the id that it signs, so that a
// captured signature cannot be used for other content: the endpoint accepts an id only
// with the content with which it came first. A provider that needs it sets it for
// every event, also for ignored and unreadable ones.
type Binding struct {
	ID      string            // what is signed and never used again: 1 to 256 printable ASCII characters
	Content [sha256.Size]byte // SHA-256 of what decides and is not signed
	For     time.Duration     // how long a replay would be verified, from now on
}

// IsZero reports whether there is no binding.
func (b Binding) IsZero() bool { return b.ID == "" }
