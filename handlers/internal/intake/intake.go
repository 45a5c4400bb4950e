package intake

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/ledger"
	"payment-webhooks/handlers/internal/provider"
	"payment-webhooks/handlers/internal/secrets"
	"payment-webhooks/handlers/internal/telemetry"
	"payment-webhooks/handlers/internal/transaction"
)

// Config is what an Intake works with. Every field is required.
type Config struct {
	Routes     Routes
	Ledger     ledger.Ledger
	Secrets    secrets.Source
	Quarantine Quarantine
	Log        *slog.Logger
	Metrics    *telemetry.Metrics
	Now        func() time.Time
}

// Quarantine keeps deliveries that are authentic and could not be processed. A
// message is JSON of at most 1 MiB, in the characters of XML 1.0.
type Quarantine interface {
	Send(ctx context.Context, message string) error
}

// Intake accepts deliveries. It is safe for concurrent use.
type Intake struct {
	routes     Routes
	ledger     ledger.Ledger
	secrets    *secrets.Cache
	quarantine Quarantine
	log        *slog.Logger
	metrics    *telemetry.Metrics
	now        func() time.Time
}

// New returns the intake of the configured routes.
func New(c Config) *Intake {
	in := &Intake{routes: c.Routes, ledger: c.Ledger, quarantine: c.Quarantine, log: c.Log, metrics: c.Metrics, now: c.Now}
	in.secrets = secrets.NewCache(c.Secrets, c.Now, in.secretFailed)
	return in
}

// Request is an HTTP request to the webhook endpoint.
type Request struct {
	Method       string
	Resource     string      // the gateway's resource: "/webhook" or "/webhook/{provider}"
	Provider     string      // the value of {provider}, "" where the resource has none
	URL          string      // as the sender addressed it, "https://host/stage/webhook"
	Header       http.Header // canonical names
	Query        url.Values  // decoded
	Body         string      // as received, or its base64
	BodyIsBase64 bool
}

// Response is the answer to a Request.
type Response struct {
	Status int               // HTTP status code
	Header map[string]string // canonical names
	Body   string            // JSON, or the text that answers a challenge
}

// Bounds of the time for one request.
const (
	// headroom is what is left of the function's time for a response: a
	// provider repeats what gets a 503, but may take a gateway's timeout for
	// another fault.
	headroom = time.Second

	// maxTime bounds a request where the function's own end is not known.
	maxTime = 9 * time.Second
)

// Handle processes one delivery. It never fails: each outcome has a status code.
func (in *Intake) Handle(ctx context.Context, request Request) Response {
	received := in.now()
	bounded, cancel := bound(ctx)
	defer cancel()
	outcome, err := in.process(bounded, request, received.UTC())
	var response Response
	if err != nil {
		response = reject(err)
	} else {
		response = outcome.response()
	}
	in.report(ctx, outcome, err, response.Status, in.now().Sub(received))
	return response
}

func bound(ctx context.Context) (context.Context, context.CancelFunc) {
	if deadline, ok := ctx.Deadline(); ok {
		return context.WithDeadline(ctx, deadline.Add(-headroom))
	}
	return context.WithTimeout(ctx, maxTime)
}

// process runs the steps of the intake, each a subsegment of the delivery's
// trace. The response may be 2xx only when the error is nil.
func (in *Intake) process(ctx context.Context, request Request, received time.Time) (outcome, error) {
	route, err := in.route(request)
	o := outcome{route: route}
	if err != nil {
		return o, err
	}
	if request.Method == http.MethodGet {
		o.challenged = true
		return o, telemetry.Step(ctx, contract.SubsegmentVerify, func(ctx context.Context) (err error) {
			o.answer, err = in.answerChallenge(ctx, route, request.Query)
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
		return o, err
	}
	if route.decode == nil {
		return o, in.processCanonical(ctx, delivery, &o)
	}
	return o, in.processNotification(ctx, delivery, &o)
}

// processCanonical processes our own payload, whose sender can correct what is
// wrong with it: that is the error.
func (in *Intake) processCanonical(ctx context.Context, d provider.Delivery, o *outcome) error {
	var draft transaction.Draft
	if err := telemetry.Step(ctx, contract.SubsegmentNormalise, func(context.Context) (err error) {
		draft, err = transaction.Normalise(d.Body)
		return err
	}); err != nil {
		return err
	}
	var t transaction.Transaction
	if err := telemetry.Step(ctx, contract.SubsegmentValidate, func(context.Context) (err error) {
		t, err = draft.Validate()
		return err
	}); err != nil {
		return err
	}
	o.results = []result{{transaction: &t}}
	in.redact(ctx, d, o)
	return in.store(ctx, o)
}

// processNotification processes a provider's own notification. Nobody there
// reads our errors, and what is rejected is delivered again: so what cannot be
// processed is quarantined, whole. The error is for what may succeed another time.
func (in *Intake) processNotification(ctx context.Context, d provider.Delivery, o *outcome) error {
	var happened []provider.Event
	_ = telemetry.Step(ctx, contract.SubsegmentNormalise, func(context.Context) (err error) {
		if happened, err = o.route.decode(d); err != nil {
			err = masked(err)
			happened = []provider.Event{{Err: err}}
		}
		return err
	})
	_ = telemetry.Step(ctx, contract.SubsegmentValidate, func(context.Context) (err error) {
		for _, event := range happened {
			r := result{event: event.Type, transaction: event.Transaction, quarantined: masked(event.Err)}
			if r.transaction != nil && r.quarantined == nil {
				r.transaction.Provider = o.route.name // the route says who sent it
				r.quarantined = r.transaction.Check()
			}
			if r.quarantined != nil {
				r.transaction, err = nil, r.quarantined
			}
			o.results = append(o.results, r)
		}
		return err
	})
	in.redact(ctx, d, o)
	// Everything is stored before anything is quarantined: a delivery that is
	// repeated because of the ledger is then quarantined once.
	if err := in.store(ctx, o); err != nil {
		return err
	}
	return in.putIntoQuarantine(ctx, d, o)
}

// redact masks card numbers.
func (in *Intake) redact(ctx context.Context, d provider.Delivery, o *outcome) {
	_ = telemetry.Step(ctx, contract.SubsegmentRedact, func(context.Context) error {
		for i, r := range o.results {
			if r.transaction == nil {
				continue
			}
			clean, n := r.transaction.Redact()
			clean.ReceivedAt = d.ReceivedAt
			o.results[i].transaction = &clean
			o.masked += n
		}
		return nil
	})
}

// store stores what there is to store. Those before one that fails are
// duplicates when the delivery comes again.
func (in *Intake) store(ctx context.Context, o *outcome) error {
	return telemetry.Step(ctx, contract.SubsegmentStore, func(ctx context.Context) error {
		for i := range o.results {
			r := &o.results[i]
			if r.transaction == nil {
				continue
			}
			var err error
			r.stored, err = in.ledger.Store(ctx, *r.transaction)
			if isConflict(err) && o.route.decode != nil {
				// A provider would repeat what is answered with 409 for ever.
				r.quarantined, err = err, nil
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}
