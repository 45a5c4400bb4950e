package provider

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// MediaTypeJSON is what a provider posts that declares nothing else.
const MediaTypeJSON = "application/json"

// Declaration is everything that the rest of the system knows of a provider: the
// webhook endpoint, the stack, scripts/send, the demo, the end-to-end suite and
// the tables of docs/providers.md read it. Each provider's package has one, and
// package providers lists them.
type Declaration struct {
	// Name is the provider's name in POST /webhook/{provider}, in transactions and
	// in the configuration: lower-case letters.
	Name string

	// Methods are the HTTP methods that the provider uses; POST alone if there are
	// none. With GET among them, what New returns must be a Challenger.
	Methods []string

	// MediaTypes are those of the bodies that it posts, without parameters;
	// MediaTypeJSON alone if there are none.
	MediaTypes []string

	// KeptHeaders are the headers that are kept with a quarantined delivery, beyond
	// those that are kept of every delivery: what helps to find it at the
	// provider. Never a signature or a credential.
	KeptHeaders []string

	// Members are the members of its configuration, beyond those of every
	// provider: the name of its secret and of that secret's key.
	Members []Member

	// Secret is the form of its signing secret, for people.
	Secret string

	// New returns the provider as it is configured. The settings have been
	// checked against Members. It is nil for the canonical payload.
	New func(Settings) Provider

	// Sender is how scripts/send acts as the provider. It is set by the package's
	// send.go, which is not part of an image: there, it is the zero value.
	Sender Sender
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

// Member is a member of a provider's configuration. Its value is a text.
type Member struct {
	Context     string            // its name in cdk.json: "notificationUrl"
	Environment string            // its name in contract.EnvProviders: "notification_url"
	Doc         string            // what it is for, a phrase
	Accepted    string            // what Valid accepts, for people: "automatic or manual"
	Valid       func(string) bool // reports whether a value is accepted; never given ""
}

// Settings are the configured values of a provider, by Member.Environment.
type Settings map[string]string

// OneOf returns a member that has one of the values.
func OneOf(context, environment, doc string, values ...string) Member {
	return Member{
		Context: context, Environment: environment, Doc: doc,
		Accepted: strings.Join(values, " or "),
		Valid:    func(value string) bool { return slices.Contains(values, value) },
	}
}

// HTTPSAddress returns a member that has an address as it was given to the
// provider. Such an address is signed to the letter, so nothing about it may be
// left to interpretation: https, a host and a path, at most 2 048 printable ASCII
// characters, no user name and no fragment.
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

// Challenger is a Provider that, before it sends notifications, asks with a GET
// whether the address belongs to whom it says.
type Challenger interface {
	Provider

	// Challenge returns the body of the 200 in text/plain that answers a request
	// with the query. Secrets are as in Verify. An error wraps ErrChallenge,
	// ErrSecret or ErrUnavailable.
	Challenge(ctx context.Context, query url.Values, secrets []string) (string, error)
}

// ErrChallenge is wrapped by the error of a Challenger for a query that is no
// challenge of the provider. Answered with 400.
var ErrChallenge = errors.New("challenge")
