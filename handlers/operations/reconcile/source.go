package reconcile

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"payment-webhooks/handlers/internal/provider"
	"payment-webhooks/handlers/internal/provider/history"
	"payment-webhooks/handlers/internal/provider/paypal"
	"payment-webhooks/handlers/internal/provider/paypal/paypalapi"
	"payment-webhooks/handlers/internal/provider/square"
	"payment-webhooks/handlers/internal/provider/square/squareapi"
	"payment-webhooks/handlers/internal/provider/stripe"
	"payment-webhooks/handlers/internal/provider/stripe/stripeapi"
)

type supportedProvider struct {
	api      *history.Provider
	declared *provider.Declaration
}

// supported are the providers whose events can be listed, with their decoders.
var supported = []supportedProvider{
	{&paypalapi.Provider, &paypal.Declaration},
	{&squareapi.Provider, &square.Declaration},
	{&stripeapi.Provider, &stripe.Declaration},
}

// Errors, judged with errors.Is.
var (
	// ErrProvider is the error of Open for a provider whose events cannot be listed.
	ErrProvider = errors.New("no such provider")

	// ErrURL is the error of Open for an address of the API that is none.
	ErrURL = errors.New("address")

	// ErrWindow is the error of a window that is empty, or begins before what the provider
	// still lists.
	ErrWindow = errors.New("window")

	// ErrCredentials is wrapped by an error because of the credentials: they have another form
	// than the provider's, which the error says, or the provider refused them.
	ErrCredentials = history.ErrCredentials
)

// Providers returns the names of the providers whose events can be listed, sorted.
func Providers() []string {
	var names []string
	for _, s := range supported {
		names = append(names, s.api.Name)
	}
	return slices.Sorted(slices.Values(names))
}

// Describe returns the form of a provider's credentials and what they must be allowed, for
// people; "" for another name.
func Describe(name string) (credentials, permission string) {
	for _, s := range supported {
		if s.api.Name == name {
			return s.api.Credentials, s.api.Permission
		}
	}
	return "", ""
}

// Access is what a provider's API is reached with.
type Access struct {
	Credentials string // in the form of Describe; white space around it is dropped
	URL         string // "" for the provider's live API; else https, or http on this machine

	// Transport sends the requests; nil for the default.
	Transport http.RoundTripper

	// Waiting, unless it is nil, is called before a request is repeated.
	Waiting func(reason error, wait time.Duration)
}

// Source is a provider's list of events.
type Source struct {
	provider *history.Provider
	declared *provider.Declaration
	decoder  provider.Provider
	api      history.API
	client   *history.Client
}

// Open returns the events of a provider. It sends no request. The error is ErrProvider,
// ErrURL or ErrCredentials.
func Open(name string, a Access) (*Source, error) {
	i := slices.IndexFunc(supported, func(s supportedProvider) bool { return s.api.Name == name })
	if i < 0 {
		return nil, fmt.Errorf("%w %q: events of %s can be listed", ErrProvider, name, strings.Join(Providers(), ", "))
	}
	s := &Source{provider: supported[i].api, declared: supported[i].declared, client: history.NewClient(a.Transport, a.Waiting)}
	address := strings.TrimSuffix(cmp.Or(a.URL, s.provider.URL), "/")
	if !ValidURL(address) {
		return nil, fmt.Errorf("%w %q of the API: want https://host, or http:// on this machine", ErrURL, address)
	}
	var err error
	if s.api, err = s.provider.New(history.Access{URL: address, Credentials: strings.TrimSpace(a.Credentials), Client: s.client}); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	s.decoder = s.declared.New(provider.Settings{})
	return s, nil
}

// ValidURL reports whether a text is accepted as the address of an API: https, since
// credentials are sent there, or http on this machine, for tests.
func ValidURL(text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return false
	}
	host := u.Hostname()
	return u.Scheme == "https" || u.Scheme == "http" && (host == "127.0.0.1" || host == "localhost" || host == "::1")
}

// Name returns the provider's name.
func (s *Source) Name() string { return s.provider.Name }

// Keeps returns how long the provider lists an event.
func (s *Source) Keeps() time.Duration { return s.provider.Keeps }

// DefaultDays is how many days a window has that nobody chose: a weekend, with days around it.
const DefaultDays = 7

// listingTime is how long before the provider drops an event the window may begin: the list
// must not move while it is read, and somebody has to type the time that an error names.
const listingTime = time.Hour

// Window checks a window of events. Zero times stand for DefaultDays before the end, and
// for now. The error is ErrWindow, and says from when on the provider lists events.
func (s *Source) Window(from, until, now time.Time) (time.Time, time.Time, error) {
	if until.IsZero() || until.After(now) {
		until = now
	}
	if from.IsZero() {
		from = until.AddDate(0, 0, -DefaultDays)
	}
	if earliest := now.Add(-s.provider.Keeps + listingTime); from.Before(earliest) {
		return from, until, fmt.Errorf("%w: %s lists events for %d days: the earliest possible time is %s", ErrWindow, s.provider.Name,
			int(s.provider.Keeps.Hours()/24), earliest.Add(10*time.Minute).UTC().Truncate(time.Minute).Format(time.RFC3339))
	}
	if !from.Before(until) {
		return from, until, fmt.Errorf("%w: it is empty, from %s to %s", ErrWindow, from.UTC().Format(time.RFC3339), until.UTC().Format(time.RFC3339))
	}
	return from.UTC(), until.UTC(), nil
}
