package provider

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// MediaTypeJSON is the media type of a provider that declares no other.
const MediaTypeJSON = "application/json"

// Declaration is everything that the rest of the system knows about a provider. The
// webhook endpoint, the stack, scripts/send, the demo, the end-to-end suite and the
// tables of docs/providers.md are derived from it. Each provider's package has one, and
// package providers lists them.
type Declaration struct {
	// Name is the provider's name in POST /webhook/{provider}, in transactions and
	// in the configuration: lower-case letters.
	Name string

	// Methods are the HTTP methods that the provider uses; empty means POST alone. If
	// GET is among them, New must return a Challenger.
	Methods []string

	// MediaTypes are the media types of the bodies that the provider posts, without
	// parameters; empty means MediaTypeJSON alone.
	MediaTypes []string

	// KeptHeaders are the headers that are kept with a quarantined delivery in
	// addition to the headers kept with every one. They help to find the delivery at
	// the provider, and never hold a signature or a credential.
	KeptHeaders []string

	// Members are the members of the provider's configuration, in addition to the
	// name of its secret and that of the secret's KMS key, which every provider has.
	Members []Member

	// Secret describes the form of the provider's signing secret, for people.
	Secret string

	// ValidSecret reports whether a text without white space around it can be the
	// provider's signing secret: its length and alphabet. The webhook endpoint
	// uses no secret that cannot, nor a placeholder: see AcceptsSecret. So a placeholder or
	// a pasted JSON object is noticed instead of being a key.
	ValidSecret func(string) bool

	// EventTypes are all event types of the provider's documentation. Authentic events
	// of other types are ignored and counted by name, so that a new one is noticed. It
	// is nil for the canonical payload. It is a function, which lists them once they are
	// needed: a cold start does not wait for it.
	EventTypes func() []EventType

	// OwnIDs are the members of transactions' metadata that hold the provider's ids of its
	// own objects. Card numbers are not looked for in them, because some ids look like
	// one by chance.
	OwnIDs []string

	// New returns the provider with its settings, which have been checked against
	// Members. It is nil for the canonical payload.
	New func(Settings) Provider

	// Sender lets scripts/send act as the provider. The package's send.go sets it.
	// That file is left out of the images, in which Sender is the zero value.
	Sender Sender
}

// EventType says what becomes of a provider's events of one type.
type EventType struct {
	Name    string // as the provider writes it: "refund.created"
	Becomes string // the kinds of transaction, joined with ", "; "" if it is always ignored
	Reason  string // why it is ignored, or on what condition it is stored or quarantined, a phrase
}

// Knows reports whether the provider documents an event type.
func (d Declaration) Knows(eventType string) bool {
	return d.EventTypes != nil && slices.ContainsFunc(d.EventTypes(), func(e EventType) bool { return e.Name == eventType })
}

// AcceptsSecret reports whether a text without white space around it may be used as the
// provider's signing secret: it has the form of one and is no placeholder.
func (d Declaration) AcceptsSecret(text string) bool {
	return d.ValidSecret == nil || d.ValidSecret(text) && !isPlaceholder(text)
}

// RequestMethods returns the HTTP methods that the provider uses, at least one.
func (d Declaration) RequestMethods() []string { return orOnly(d.Methods, http.MethodPost) }

// BodyMediaTypes returns the media types that the provider posts, at least one.
func (d Declaration) BodyMediaTypes() []string { return orOnly(d.MediaTypes, MediaTypeJSON) }

func orOnly(list []string, value string) []string {
	if len(list) == 0 {
		return []string{value}
	}
	return list
}

// Member is a member of a provider's configuration. Its value is a string.
type Member struct {
	Context     string            // its name in cdk.json: "notificationUrl"
	Environment string            // its name in contract.EnvProviders: "notification_url"
	Doc         string            // what it is for, a phrase
	Accepted    string            // what Valid accepts, for people: "automatic or manual"
	Valid       func(string) bool // reports whether a value is accepted; never given ""
}

// Settings maps Member.Environment to the configured value of a provider.
type Settings map[string]string

// OneOf returns a member that accepts only the given values.
func OneOf(context, environment, doc string, values ...string) Member {
	return Member{
		Context: context, Environment: environment, Doc: doc,
		Accepted: strings.Join(values, " or "),
		Valid:    func(value string) bool { return slices.Contains(values, value) },
	}
}

// HTTPSAddress returns a member for the notification address as it was given to the
// provider. The provider signs the address to the letter, so its form is strict: https,
// a host and a path, at most 2 048 printable ASCII characters, no user name and no
// fragment.
func HTTPSAddress(context, environment, doc string) Member {
	return Member{
		Context: context, Environment: environment, Doc: doc,
		Accepted: "the https address that was given to the provider, at most 2048 characters",
		Valid: func(text string) bool {
			u, err := url.Parse(text)
			return err == nil && len(text) <= 2048 && u.Scheme == "https" && u.Hostname() != "" && u.User == nil &&
				u.Path != "" && u.Fragment == "" && strings.HasPrefix(text, "https://") &&
				!strings.ContainsFunc(text, func(c rune) bool { return c <= ' ' || c > '~' })
		},
	}
}

// Challenger is a Provider that sends a GET with a challenge before it sends
// notifications, to check that the address belongs to the holder of the secret.
type Challenger interface {
	Provider

	// Challenge returns the body of the response, a 200 with text/plain, to a GET
	// with the query. Secrets are as in Verify. An error wraps ErrChallenge,
	// ErrSecret or ErrUnavailable.
	Challenge(ctx context.Context, query url.Values, secrets []string) (string, error)
}

// ErrChallenge is wrapped by a Challenger's error for a query that is not a challenge
// of the provider. The response is 400.
var ErrChallenge = errors.New("challenge")
