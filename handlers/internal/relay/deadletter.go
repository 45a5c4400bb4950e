package relay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"payment-webhooks/handlers/internal/redact"
)

// DeadLetters is the queue for records that can never be published.
type DeadLetters interface {
	// Send returns nil when the queue has confirmed the message, which is JSON and
	// contains only characters of XML 1.0.
	Send(ctx context.Context, message string) error
}

// DeadLetter is the JSON of a message to DeadLetters. The queue also gets messages of
// Lambda's, for records whose age ended their retries; those have no reason.
type DeadLetter struct {
	Reason         string `json:"reason"` // one of the reasons below
	Error          string `json:"error"`  // for operators; card numbers masked
	SequenceNumber string `json:"sequence_number"`
	ArrivedAt      string `json:"arrived_at,omitempty"` // RFC 3339 UTC, to the second; when the record entered the stream
	TransactionID  string `json:"transaction_id,omitempty"`
	Provider       string `json:"provider,omitempty"`

	// Masked is true when the two members above are not the item's key, because a
	// card number was masked in them. Only the sequence number leads to the item then.
	Masked bool `json:"masked,omitempty"`
}

// Reasons why a record can never be published.
const (
	ReasonUnreadable   = "unreadable"    // the item is not a transaction
	ReasonNotEncodable = "not encodable" // no event can carry the transaction
	ReasonRejected     = "rejected"      // the bus does not accept the event, whenever it is sent
	ReasonPanic        = "panic"         // the relay panicked over it
)

// ErrPoison is wrapped by the errors that no repetition can mend.
var ErrPoison = errors.New("the record can never be published")

type poisonError struct {
	reason string
	cause  error
	stack  []byte // of a panic
}

func (e *poisonError) Error() string { return e.reason + ": " + e.cause.Error() }
func (e *poisonError) Unwrap() []error {
	return []error{ErrPoison, e.cause}
}

func poison(reason string, cause error) error {
	if _, already := errors.AsType[*poisonError](cause); already { // of Guard
		return cause
	}
	return &poisonError{reason: reason, cause: cause}
}

// Guard calls f, and returns a panic as an error that wraps ErrPoison.
func Guard(f func()) (err error) {
	defer func() {
		if value := recover(); value != nil {
			err = &poisonError{reason: ReasonPanic, cause: fmt.Errorf("%v", value), stack: debug.Stack()}
		}
	}()
	f()
	return nil
}

// bury sends the poison records to the dead-letter queue. Those that the queue has
// confirmed are done: their error becomes nil. After one that it has not, bury leaves the
// others to Lambda's next attempt, since a queue that does not respond takes seconds each.
func (r *Relay) bury(ctx context.Context, inserts []Insert, errs []error) {
	for i, err := range errs {
		if !errors.Is(err, ErrPoison) {
			continue
		}
		message, encodeErr := json.Marshal(deadLetter(inserts[i], err))
		if encodeErr != nil {
			errs[i] = encodeErr // cannot happen: all members are strings
			continue
		}
		if sendErr := r.deadLetters.Send(ctx, string(message)); sendErr != nil {
			errs[i] = fmt.Errorf("%w; not in the dead-letter queue either: %w", err, sendErr)
			return
		}
		r.done.add(identity(inserts[i]))
		errs[i] = nil
		attrs := append(describe(inserts[i]), "error", masked(err.Error()))
		if p, _ := errors.AsType[*poisonError](err); p != nil && p.stack != nil {
			attrs = append(attrs, "stack", string(p.stack)) // no values, only where
		}
		r.log.ErrorContext(ctx, "record sent to the dead-letter queue", attrs...)
	}
}

func deadLetter(i Insert, err error) DeadLetter {
	t := i.Record.Transaction
	d := DeadLetter{
		Reason: ReasonRejected, Error: masked(err.Error()), SequenceNumber: i.SequenceNumber,
		TransactionID: masked(t.ID), Provider: masked(t.Provider),
	}
	if p, ok := errors.AsType[*poisonError](err); ok {
		d.Reason, d.Error = p.reason, masked(p.cause.Error())
	}
	d.Masked = d.TransactionID != t.ID || d.Provider != t.Provider
	if !i.Arrived.IsZero() {
		d.ArrivedAt = i.Arrived.UTC().Format(time.RFC3339)
	}
	return d
}

// maxText bounds a text in a message and in the log, in characters. A key has at most
// 2 048 bytes; what an error says is in its beginning.
const maxText = 2048

// masked makes a text fit for the queue and the log: card numbers are masked, and what is
// not printable is replaced. The record that it is of has made something panic perhaps,
// and may do so again.
func masked(s string) (out string) {
	if Guard(func() { out = mask(s) }) != nil {
		return "?"
	}
	return out
}

func mask(s string) string {
	s = strings.Map(func(c rune) rune {
		if c == utf8.RuneError || !unicode.IsPrint(c) {
			return '?'
		}
		return c
	}, s)
	s = redact.Body(s)
	if utf8.RuneCountInString(s) > maxText {
		s = redact.Body(string([]rune(s)[:maxText])) // what is cut may leave a card number
	}
	return s
}
