package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/ledger"
	"payment-webhooks/handlers/internal/provider"
	"payment-webhooks/handlers/internal/telemetry"
	"payment-webhooks/handlers/internal/transaction"
)

// handler takes deliveries in.
type handler struct {
	ledger     ledger.Ledger
	canonical  signer            // of POST /webhook, open when it has no secret
	providers  map[string]signer // of POST /webhook/{provider}
	secrets    secretCache
	quarantine queue
	log        *slog.Logger
	metrics    *telemetry.Metrics
	now        func() time.Time
}

// signer is who signs the deliveries of a route.
type signer struct {
	name   string                                                   // in the path
	secret string                                                   // name of the secret
	url    string                                                   // as the signer knows it; "" as the gateway saw it
	verify func(context.Context, provider.Delivery, []string) error // provider.Provider's Verify
	decode func(provider.Delivery) ([]provider.Event, error)        // provider.Provider's Decode, nil of the canonical payload
}

// secretCache is secrets.Cache.
type secretCache interface {
	Get(ctx context.Context, name string) ([]string, error)
	Renew(ctx context.Context, name string, used []string) (values []string, ok bool)
}

// Bounds of the time for one request.
const (
	// answerMargin is what is left of the function's time for an answer: a
	// provider repeats what is answered with 503, but may take a gateway's
	// timeout for another fault.
	answerMargin = time.Second

	// maxTime bounds a request where the function's own end is not known.
	maxTime = 9 * time.Second
)

// handle answers one delivery. It never returns an error: each outcome has a
// status of its own.
func (h *handler) handle(ctx context.Context, request events.APIGatewayProxyRequest) (events.APIGatewayProxyResponse, error) {
	received := h.now()
	bounded, cancel := bound(ctx)
	defer cancel()
	outcome, err := h.take(bounded, request, received.UTC())
	var answer events.APIGatewayProxyResponse
	if err != nil {
		answer = refuse(err)
	} else {
		answer = outcome.answer()
	}
	h.report(ctx, outcome, err, answer.StatusCode, h.now().Sub(received))
	return answer, nil
}

func bound(ctx context.Context) (context.Context, context.CancelFunc) {
	if deadline, ok := ctx.Deadline(); ok {
		return context.WithDeadline(ctx, deadline.Add(-answerMargin))
	}
	return context.WithTimeout(ctx, maxTime)
}

// take takes a delivery through the steps of the door, each a subsegment of its
// trace. 2xx may be answered only when the error is nil.
func (h *handler) take(ctx context.Context, request events.APIGatewayProxyRequest, received time.Time) (outcome, error) {
	from, err := h.route(request)
	o := outcome{from: from}
	if err != nil {
		return o, err
	}
	delivery := provider.Delivery{Header: header(request), URL: address(from, request), ReceivedAt: received}
	if err := telemetry.Step(ctx, contract.SubsegmentVerify, func(ctx context.Context) (err error) {
		if delivery.Body, err = body(request); err != nil {
			return err
		}
		if err := checkMediaType(delivery.Header); err != nil {
			return err
		}
		return h.authenticate(ctx, from, delivery)
	}); err != nil {
		return o, err
	}
	if from.decode == nil {
		return o, h.takeCanonical(ctx, delivery, &o)
	}
	return o, h.takeNotification(ctx, delivery, &o)
}

// takeCanonical takes in our own payload, whose sender can correct what is
// wrong with it: that is the error.
func (h *handler) takeCanonical(ctx context.Context, d provider.Delivery, o *outcome) error {
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
	h.redact(ctx, d, o)
	return h.store(ctx, o)
}

// takeNotification takes in what a provider says in its own words. Nobody there
// reads our errors, and what is refused comes again: what cannot be taken in is
// put aside, whole. The error is for what may succeed another time.
func (h *handler) takeNotification(ctx context.Context, d provider.Delivery, o *outcome) error {
	var happened []provider.Event
	_ = telemetry.Step(ctx, contract.SubsegmentNormalise, func(context.Context) (err error) {
		if happened, err = o.from.decode(d); err != nil {
			err = masked(err)
			happened = []provider.Event{{Err: err}}
		}
		return err
	})
	_ = telemetry.Step(ctx, contract.SubsegmentValidate, func(context.Context) (err error) {
		for _, event := range happened {
			r := result{event: event.Type, transaction: event.Transaction, quarantined: masked(event.Err)}
			if r.transaction != nil && r.quarantined == nil {
				r.transaction.Provider = o.from.name // the route says who sent it
				r.quarantined = r.transaction.Check()
			}
			if r.quarantined != nil {
				r.transaction, err = nil, r.quarantined
			}
			o.results = append(o.results, r)
		}
		return err
	})
	h.redact(ctx, d, o)
	// Everything is stored before anything is put aside: a delivery that comes
	// again because of the ledger is then put aside once.
	if err := h.store(ctx, o); err != nil {
		return err
	}
	return h.putAside(ctx, d, o)
}

// redact masks card numbers.
func (h *handler) redact(ctx context.Context, d provider.Delivery, o *outcome) {
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
func (h *handler) store(ctx context.Context, o *outcome) error {
	return telemetry.Step(ctx, contract.SubsegmentStore, func(ctx context.Context) error {
		for i := range o.results {
			r := &o.results[i]
			if r.transaction == nil {
				continue
			}
			var err error
			r.stored, err = h.ledger.Store(ctx, *r.transaction)
			if isConflict(err) && o.from.decode != nil {
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
