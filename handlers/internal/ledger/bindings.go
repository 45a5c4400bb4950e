package ledger

import (
	"context"
	"crypto/sha256"
	"errors"
	"time"
)

// ErrBound is the error of Bindings.Bind for an id that is bound to other content.
var ErrBound = errors.New("the delivery's id is bound to other content")

// Bindings remembers with which content a provider's delivery came first, for providers
// whose signature does not bind it. It is safe for concurrent use.
//
// An id is bound before its transaction is stored. If the store fails in between, the
// provider's repeat has the same content and finds its own binding, so nothing is lost;
// and nothing is ever stored that is not bound. Two conditional writes in this order
// therefore need no transaction.
type Bindings interface {
	// Bind ties the binding's id to its content, if the id is new or was bound to the
	// same content before. The error is ErrBound if it is bound to other content, or
	// ErrUnavailable.
	Bind(ctx context.Context, b Binding) error
}

// Binding ties content to an id that a provider signed.
type Binding struct {
	Provider string
	ID       string            // unique among the provider's; 1 to 256 printable ASCII characters
	Content  [sha256.Size]byte // SHA-256
	Until    time.Time         // when the binding may be forgotten
}
