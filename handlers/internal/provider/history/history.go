package history

import (
	"context"
	"errors"
	"time"
)

// Provider describes a provider's API.
type Provider struct {
	Name        string        // as in provider.Declaration
	Keeps       time.Duration // how long the provider lists an event
	URL         string        // address of the live API, without a trailing slash
	Credentials string        // form of the credentials, for people
	Permission  string        // what the credentials must be allowed, for people
	WhenEmpty   string        // what else an empty list may mean, a sentence for people; "" if nothing

	// New returns the API. The error is ErrCredentials if they do not have the form
	// of the provider's, and says what would.
	New func(Access) (API, error)
}

// Access is what a provider's API is reached with.
type Access struct {
	URL         string // Provider.URL or that of a sandbox, without a trailing slash
	Credentials string // without white space around it; never part of an error
	Client      *Client
}

// API lists events. Its methods are called one after another.
type API interface {
	// Page returns a page of the events from a time until another one. The cursor is ""
	// for the first page, and Page.Next of the page before for the others. Events
	// of other times may be among them.
	Page(ctx context.Context, from, until time.Time, cursor string) (Page, error)
}

// Resender is an API that can ask the provider to deliver an event again.
type Resender interface {
	API

	// Resend asks for another delivery of an event to a webhook. The delivery comes later.
	Resend(ctx context.Context, eventID, webhookID string) error
}

// Page is a page of events.
type Page struct {
	Events []Event
	Next   string // cursor of the next page; "" after the last one
}

// Event is an event as the provider's API describes it.
type Event struct {
	ID        string
	Type      string
	CreatedAt time.Time // zero if the provider's text is no time
	Body      []byte    // JSON, byte for byte; it has the form of a notification
}

// Errors of an API, judged with errors.Is.
var (
	// ErrCredentials is wrapped by the error of New for credentials of another form, and
	// by that of a request that the provider refused because of them.
	ErrCredentials = errors.New("credentials")

	// ErrResponse is wrapped by an error for a response that is not what is documented.
	ErrResponse = errors.New("unexpected response")

	// ErrStuck is wrapped by an error of Pages for a list without an end.
	ErrStuck = errors.New("the list does not end")
)
