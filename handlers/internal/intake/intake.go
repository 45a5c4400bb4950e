package intake

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/ledger"
	"payment-webhooks/handlers/internal/provider"
	"payment-webhooks/handlers/internal/redact"
	"payment-webhooks/handlers/internal/secrets"
	"payment-webhooks/handlers/internal/telemetry"
	"payment-webhooks/handlers/internal/transaction"
)

// Config is what an Intake works with. Every field is required.
type Config struct {
	Routes     Routes
	Ledger     ledger.Ledger
	Bindings   ledger.Bindings
	Secrets    secrets.Source
	Quarantine Quarantine
	Log        *slog.Logger
	Metrics    *telemetry.Metrics
	Now        func() time.Time
}

// Quarantine keeps authentic deliveries that could not be processed. A message is
// JSON of at most 1 MiB and contains only characters of XML 1.0.
type Quarantine interface {
	Send(ctx context.Context, message string) error
}

// Intake verifies and stores deliveries. It is safe for concurrent use.
type Intake struct {
	routes     Routes
	ledger     ledger.Ledger
	bindings   ledger.Bindings
	secrets    *secrets.Cache
	quarantine Quarantine
	log        *slog.Logger
	metrics    *telemetry.Metrics
	now        func() time.Time
}

// New returns the intake of the configured routes.
func New(c Config) *Intake {
	in := &Intake{routes: c.Routes, ledger: c.Ledger, bindings: c.Bindings, quarantine: c.Quarantine, log: c.Log, metrics: c.Metrics, now: c.Now}
	in.secrets = secrets.NewCache(c.Secrets, c.Now, in.secretFailed)
	return in
}

// Request is an HTTP request to the webhook endpoint.
type Request struct {
	Method       string
	Resource     string      // the gateway's resource: "/webhook", "/webhook/<name>" or "/webhook/{provider}"
	Provider     string      // the value of {provider}; "" if the resource has none
	URL          string      // the address that was requested, "https://host/stage/webhook"
	Header       http.Header // canonical names
	Query        url.Values  // decoded
	Body         string      // as received, or its base64
	BodyIsBase64 bool
}

// Response is the HTTP response to a Request.
type Response struct {
	Status int               // HTTP status code
	Header map[string]string // canonical names
	Body   string            // JSON, or the plain text that a challenge asks for
}

// Bounds of the time for one request.
const (
	// headroom is the time before the function's deadline that is left for the
	// response. A provider repeats a delivery that gets a 503, but may not repeat
	// one that ends in a gateway timeout.
	headroom = time.Second

	// maxTime bounds a request whose context has no deadline.
	maxTime = 9 * time.Second
)

// Handle processes one delivery. It never fails: every result and every error has a
// status code.
func (in *Intake) Handle(ctx context.Context, request Request) Response {
	received := in.now()
	bounded, cancel := bound(ctx)
	defer cancel()
	result, err := in.process(bounded, request, received.UTC())
	var response Response
	if err != nil {
		response = reject(err)
	} else {
		response = result.response()
	}
	in.report(ctx, result, err, response.Status, in.now().Sub(received))
	return response
}

func bound(ctx context.Context) (context.Context, context.CancelFunc) {
	if deadline, ok := ctx.Deadline(); ok {
		return context.WithDeadline(ctx, deadline.Add(-headroom))
	}
	return context.WithTimeout(ctx, maxTime)
}

// process runs the steps of the intake, each as a subsegment of the delivery's trace.
// The response may be 2xx only when the error is nil.
func (in *Intake) process(ctx context.Context, request Request, received time.Time) (deliveryResult, error) {
	route, err := in.route(request)
	res := deliveryResult{route: route}
	if err != nil {
		return res, err
	}
	if request.Method == http.MethodGet {
		res.challenged = true
		return res, telemetry.Step(ctx, contract.SubsegmentVerify, func(ctx context.Context) (err error) {
			res.challengeResponse, err = in.respondToChallenge(ctx, route, request.Query)
			return err
		})
	}
	delivery := provider.Delivery{Header: request.Header, URL: cmp.Or(route.url, request.URL), ReceivedAt: received}
	if err := telemetry.Step(ctx, contract.SubsegmentVerify, func(ctx context.Context) (err error) {
		if delivery.Body, err = body(request); err != nil {
			return err
		}
		if err := checkMediaType(delivery.Header, route.declared.BodyMediaTypes()); err != nil {
			return err
		}
		return in.authenticate(ctx, route, delivery)
	}); err != nil {
		return res, err
	}
	res.verified = route.secret != ""
	if route.decode == nil {
		return res, in.processCanonical(ctx, delivery, &res)
	}
	return res, in.processNotification(ctx, delivery, &res)
}

// processCanonical processes the canonical payload. A rule that it breaks is an error,
// because its sender can correct it.
func (in *Intake) processCanonical(ctx context.Context, d provider.Delivery, res *deliveryResult) error {
	var draft transaction.Draft
	if err := telemetry.Step(ctx, contract.SubsegmentNormalise, func(context.Context) (err error) {
		draft, err = transaction.Normalise(d.Body)
		return err
	}); err != nil {
		return err
	}
	var t transaction.Transaction
	if err := telemetry.Step(ctx, contract.SubsegmentValidate, func(context.Context) (err error) {
		t, err = draft.Validate(in.routes.checkProvider)
		return err
	}); err != nil {
		return err
	}
	res.results = []eventResult{{transaction: &t}}
	in.redact(ctx, d, res)
	return in.store(ctx, d, res)
}

// processNotification processes a provider's own notification. A provider reads no
// error messages and repeats a rejected delivery, so a delivery that cannot be
// processed is quarantined whole. An error means that a repeat may succeed.
func (in *Intake) processNotification(ctx context.Context, d provider.Delivery, res *deliveryResult) error {
	in.read(ctx, d, res)
	// Store before quarantining: if the ledger fails, the delivery is repeated, and
	// must not be quarantined twice.
	if err := in.store(ctx, d, res); err != nil {
		return err
	}
	return in.putIntoQuarantine(ctx, d, res)
}

// read decodes, validates and redacts the events of a provider's notification.
func (in *Intake) read(ctx context.Context, d provider.Delivery, res *deliveryResult) {
	var events []provider.Event
	_ = telemetry.Step(ctx, contract.SubsegmentNormalise, func(context.Context) (err error) {
		if events, err = res.route.decode(d); err != nil {
			err = masked(err)
			events = []provider.Event{{Err: err}}
		}
		return err
	})
	_ = telemetry.Step(ctx, contract.SubsegmentValidate, func(context.Context) (err error) {
		for _, event := range events {
			r := eventResult{event: redact.Sanitise(event.Type), transaction: event.Transaction, quarantined: masked(event.Err), binding: event.Binding}
			r.unknown = event.Type != "" && event.Transaction == nil && event.Err == nil && !res.route.declared.Knows(event.Type)
			if r.transaction != nil && r.quarantined == nil {
				r.transaction.Provider = res.route.name // the route says who sent it
				r.quarantined = r.transaction.Check()
			}
			if r.quarantined != nil {
				r.rejected, r.transaction, err = r.transaction, nil, r.quarantined
			}
			res.results = append(res.results, r)
		}
		return err
	})
	in.redact(ctx, d, res)
}

// redact masks card numbers.
func (in *Intake) redact(ctx context.Context, d provider.Delivery, res *deliveryResult) {
	_ = telemetry.Step(ctx, contract.SubsegmentRedact, func(context.Context) error {
		for i, r := range res.results {
			if r.transaction == nil {
				continue
			}
			clean, n := r.transaction.Redact(res.route.declared.OwnIDs...)
			clean.ReceivedAt = d.ReceivedAt
			res.results[i].transaction = &clean
			res.masked += n
		}
		return nil
	})
}

// store stores the valid transactions, each after its binding. If one fails, those before
// it are duplicates when the delivery is repeated.
func (in *Intake) store(ctx context.Context, d provider.Delivery, res *deliveryResult) error {
	return telemetry.Step(ctx, contract.SubsegmentStore, func(ctx context.Context) error {
		for i := range res.results {
			r := &res.results[i]
			if err := in.bind(ctx, d, res.route, r.binding); err != nil {
				return err
			}
			if r.transaction == nil {
				continue
			}
			var err error
			r.stored, err = in.ledger.Store(ctx, *r.transaction)
			if conflict, ok := errors.AsType[*ledger.ConflictError](err); ok && res.route.decode != nil {
				err = nil
				r.compare(conflict)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// bind ties an event's unsigned content to the id that is signed. If the id came with
// other content before, somebody uses a captured signature.
func (in *Intake) bind(ctx context.Context, d provider.Delivery, from Route, b provider.Binding) error {
	if b.IsZero() {
		return nil
	}
	err := in.bindings.Bind(ctx, ledger.Binding{Provider: from.name, ID: b.ID, Content: b.Content, Until: d.ReceivedAt.Add(b.For)})
	if errors.Is(err, ledger.ErrBound) {
		return fmt.Errorf("%w: %w", provider.ErrSignature, err)
	}
	return err
}
