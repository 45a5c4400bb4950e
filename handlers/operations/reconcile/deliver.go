package reconcile

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"payment-webhooks/handlers/internal/ledger"
	"payment-webhooks/handlers/internal/provider"
	"payment-webhooks/handlers/internal/provider/history"
)

// Delivery says how missing events are delivered.
type Delivery struct {
	// Endpoint is the address of the provider's route, WebhookApiUrl/webhook/<name>.
	Endpoint string

	// NotificationURL is the address as the provider knows it, if that is not Endpoint under
	// https. Square signs it.
	NotificationURL string

	// Secret is the provider's signing secret; of PayPal, the webhook's id.
	Secret string

	// Rate is how many events are delivered in a second, at most.
	Rate float64

	// Execute delivers; without it, the report only says what would be delivered.
	Execute bool

	// Transport sends the deliveries to Endpoint; nil for the default.
	Transport http.RoundTripper

	// Wait is how long after the last delivery the ledger is read again until all is there;
	// ResendTime if it is 0.
	Wait time.Duration
}

// ResendTime is how long a delivery may take that the provider makes itself.
const ResendTime = 2 * time.Minute

// recheckEvery is the time between two looks at the ledger.
const recheckEvery = 2 * time.Second

// ErrDelivery is the error of a delivery that cannot be made: the secret is missing or
// malformed, or this program cannot sign as the provider and the provider cannot resend.
var ErrDelivery = errors.New("delivery")

// Prepare checks a delivery of events of the source, before anything is listed.
func (d *Delivery) Prepare(s *Source) error {
	switch {
	case !s.declared.AcceptsSecret(d.Secret):
		return fmt.Errorf("%w: the signing secret is not %s", ErrDelivery, s.declared.Secret)
	case s.resends() == nil && s.declared.Sender.Sign == nil:
		return fmt.Errorf("%w: this program cannot sign as %s", ErrDelivery, s.Name())
	case !(d.Rate > 0):
		return fmt.Errorf("%w: the rate is %v a second", ErrDelivery, d.Rate)
	}
	return nil
}

// resends returns the provider's own call, nil if we can sign as the provider.
func (s *Source) resends() history.Resender {
	resender, _ := s.api.(history.Resender)
	return resender
}

// by says how events are delivered.
func (s *Source) by() string {
	if s.resends() != nil {
		return "the provider, asked to send each again"
	}
	return "this program, signed as the provider signs"
}

// deliver delivers an event of which transactions are missing, unless one that told all of
// them was delivered before.
func (r *run) deliver(ctx context.Context, event history.Event, missing []ledger.Key) error {
	if r.report.Delivery == nil {
		r.report.Delivery = &DeliveryReport{Executed: r.Delivery.Execute, By: r.Source.by(), Statuses: map[int]int{}}
		r.limiter = rate.NewLimiter(rate.Limit(r.Delivery.Rate), 1)
		r.endpoint = history.NewClient(r.Delivery.Transport, nil)
	}
	if !slices.ContainsFunc(missing, func(key ledger.Key) bool { return !r.sent[key] }) {
		return nil
	}
	r.report.Delivery.Events++
	for _, key := range missing {
		r.sent[key] = true // also if it fails: nothing is sent twice in one run
	}
	if !r.Delivery.Execute {
		return nil
	}
	if err := r.limiter.Wait(ctx); err != nil {
		return err
	}
	var status int
	var err error
	if resender := r.Source.resends(); resender != nil {
		status, err = resend(ctx, resender, event.ID, r.Delivery.Secret)
	} else {
		status, err = r.endpoint.Send(ctx, func(ctx context.Context) (*http.Request, error) { return r.signed(ctx, event) })
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	r.report.Delivery.Statuses[status]++
	what := fmt.Sprintf("%d", status)
	if err != nil {
		what = "failed: " + err.Error()
	}
	for _, key := range missing {
		if i, ok := r.listed[key]; ok {
			r.report.Items[i].Delivery = what
		}
	}
	if errors.Is(err, ErrDelivery) { // no other will succeed
		return err
	}
	return nil
}

// resend asks for a delivery and returns the status of the response as far as it is known.
func resend(ctx context.Context, api history.Resender, eventID, webhookID string) (int, error) {
	err := api.Resend(ctx, eventID, webhookID)
	if status := (*history.StatusError)(nil); errors.As(err, &status) {
		return status.Status, err
	}
	if err != nil {
		return 0, err
	}
	return http.StatusAccepted, nil
}

// signed returns the delivery of an event to the webhook endpoint: the payload as the API
// gave it, signed now by the code of scripts/send.
func (r *run) signed(ctx context.Context, event history.Event) (*http.Request, error) {
	header, body, err := r.Source.declared.Sender.Sign(provider.Attempt{
		Secret: r.Delivery.Secret, Body: event.Body, At: r.Now(),
		URL: cmp.Or(r.Delivery.NotificationURL, "https://"+r.Delivery.Endpoint[strings.Index(r.Delivery.Endpoint, "://")+3:]),
	})
	if err != nil {
		return nil, fmt.Errorf("%w: sign as %s: %w", ErrDelivery, r.Source.Name(), err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, r.Delivery.Endpoint, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDelivery, err)
	}
	header.Set("Content-Type", r.Source.declared.BodyMediaTypes()[0])
	header.Set("User-Agent", "payment-webhooks-reconcile")
	request.Header = header
	return request, nil
}

// awaitStored reads the ledger again until everything delivered is there, or time is up.
func (r *run) awaitStored(ctx context.Context) error {
	d := r.report.Delivery
	if d == nil { // nothing was missing
		r.report.Delivery = &DeliveryReport{Executed: r.Delivery.Execute, By: r.Source.by(), Statuses: map[int]int{}}
		return nil
	}
	if !d.Executed {
		d.StillGone = r.report.Transactions[Missing]
		return nil
	}
	var gone []ledger.Key
	for key, state := range r.told {
		if state == Missing {
			gone = append(gone, key)
		}
	}
	total := len(gone)
	timer := time.NewTimer(cmp.Or(r.Delivery.Wait, ResendTime))
	defer timer.Stop()
	ticker := time.NewTicker(recheckEvery)
	defer ticker.Stop()
	for timeout := false; ; {
		err := r.recheck(ctx, &gone)
		d.StillGone, d.NowPresent = len(gone), total-len(gone)
		r.report.Transactions[Missing] = len(gone)
		if err != nil || len(gone) == 0 || timeout || r.Source.resends() == nil {
			return err
		}
		select {
		case <-ticker.C:
		case <-timer.C:
			timeout = true
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// recheck removes the transactions from the list that the ledger has now.
func (r *run) recheck(ctx context.Context, gone *[]ledger.Key) error {
	found := make([]bool, len(*gone))
	indices := make([]int, len(*gone))
	for i := range indices {
		indices[i] = i
	}
	err := concurrently(ctx, indices, func(ctx context.Context, i int) error {
		stored, err := r.stored(ctx, (*gone)[i])
		found[i] = stored != nil
		return err
	})
	var left []ledger.Key
	for i, key := range *gone {
		if !found[i] {
			left = append(left, key)
			continue
		}
		r.told[key] = Present
		if j, ok := r.listed[key]; ok {
			r.report.Items[j].State = Present
		}
	}
	*gone = left
	return err
}
