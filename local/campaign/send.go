package campaign

import (
	"bytes"
	"context"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"payment-webhooks/handlers/providers"
	"payment-webhooks/local/session"
)

// Waits of a sender, shorter than a provider's by about a thousand: they begin with
// seconds or minutes and go on for days.
const (
	firstWait   = 30 * time.Millisecond
	longestWait = 500 * time.Millisecond

	// responseTimeout is when a sender gives an attempt up, as Adyen and Square do.
	// https://docs.adyen.com/development-resources/webhooks/handle-webhook-events#accept-notifications
	// https://developer.squareup.com/docs/webhooks/overview
	responseTimeout = 10 * time.Second
)

// Sent is what the senders know about the deliveries they made. It is safe for
// concurrent use.
type Sent struct {
	mu           sync.Mutex
	transactions map[Key]*Delivered
	noise        map[string]int // deliveries that had to be rejected, by what they were
	wrong        []string       // deliveries that had to be rejected and were accepted
	quarantined  map[Key]int    // conflicting notifications that got 2xx
	attempts     atomic.Int64
	statuses     map[int]int // responses by status; 0 is no response
}

// Delivered is a transaction with what its sender knows.
type Delivered struct {
	Transaction
	Accepted int // deliveries of it that got 2xx
	Attempts int
	Last     string // the last response that was not 2xx
}

func newSent() *Sent {
	return &Sent{transactions: map[Key]*Delivered{}, noise: map[string]int{}, quarantined: map[Key]int{}, statuses: map[int]int{}}
}

// byTier returns the number of transactions of each tier.
func (s *Sent) byTier() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	sent := map[string]int{}
	for _, t := range s.transactions {
		sent[t.Tier]++
	}
	return sent
}

// tried records an attempt and its response.
func (s *Sent) tried(d Delivery, status int, body string) {
	s.attempts.Add(1)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.statuses[status]++
	accepted := status/100 == 2
	switch {
	case d.noise() || d.What == conflict && d.Provider == "":
		s.noise[d.What]++
		if accepted {
			s.wrong = append(s.wrong, fmt.Sprintf("%s %s: %d %s", d.What, d.Transactions[0].Key, status, body))
		}
	case d.What == conflict:
		s.noise[d.What]++
		if accepted {
			s.quarantined[d.Transactions[0].Key]++
		}
	default:
		for _, t := range d.Transactions {
			known := s.transactions[t.Key]
			if known == nil {
				known = &Delivered{Transaction: t}
				s.transactions[t.Key] = known
			}
			known.Attempts++
			if accepted {
				known.Accepted++
			} else {
				known.Last = fmt.Sprintf("%d %.200s", status, body)
			}
		}
	}
}

// senders deliver a plan.
type senders struct {
	session *session.Session
	plan    Plan
	sender  session.Sender
	keys    map[string]crypto.Signer // by provider that signs with a certificate
	client  *http.Client
	sent    *Sent
	step    func(ctx context.Context, attempt int64) // called before each attempt
	gate    sync.RWMutex                             // held while a delivery is under way
}

func newSenders(s *session.Session, plan Plan, sender session.Sender, egressDir string, sent *Sent) (*senders, error) {
	all := &senders{
		session: s, plan: plan, sender: sender, keys: map[string]crypto.Signer{}, sent: sent, step: func(context.Context, int64) {},
		client: &http.Client{Timeout: responseTimeout, Transport: &http.Transport{MaxIdleConnsPerHost: 64}},
	}
	for name, p := range sender.Providers {
		if !p.Certificate {
			continue
		}
		var err error
		if all.keys[name], err = signingKey(filepath.Join(egressDir, name+"-signing-key.pem")); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// publishCertificates has scripts/send sign once as each provider that signs with a
// certificate, which creates the key and publishes the certificate.
func publishCertificates(ctx context.Context, s *session.Session, sender session.Sender, egressDir string) error {
	for name, p := range sender.Providers {
		if !p.Certificate {
			continue
		}
		sent, err := s.Send(ctx, sender, name, p.Secret, "--egress", egressDir, "--fixture", "ignored")
		if err != nil {
			return err
		}
		if sent.Exit != 0 {
			return fmt.Errorf("sending as %s: %+v", name, sent)
		}
	}
	return nil
}

func signingKey(path string) (crypto.Signer, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("%s is not PEM", path)
	}
	return x509.ParsePKCS1PrivateKey(block.Bytes)
}

// run sends the entries that next names, a number of them at a time, until it names none.
// It then calls begun, and waits until all of them are accepted.
func (s *senders) run(ctx context.Context, concurrency int, next func() (n int, ok bool), begun func() error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(concurrency)
	for n, ok := next(); ok && ctx.Err() == nil; n, ok = next() {
		entry, err := s.plan.Entry(n)
		if err != nil {
			return errors.Join(err, group.Wait())
		}
		r := rand.New(rand.NewPCG(s.plan.seed, uint64(n)|1<<63))
		group.Go(func() error { return s.entry(ctx, r, entry) })
	}
	return errors.Join(begun(), group.Wait())
}

// entry sends one entry. What follows the original is sent once that is accepted.
func (s *senders) entry(ctx context.Context, r *rand.Rand, e Entry) error {
	for _, d := range e.Before {
		if _, err := s.attempt(ctx, d, nil); err != nil {
			return err
		}
	}
	var side errgroup.Group
	if e.Twice {
		d, r := e.Original, rand.New(rand.NewPCG(r.Uint64(), 0))
		d.What = twice
		side.Go(func() error { _, err := s.deliver(ctx, r, d); return err })
	}
	genuine, err := s.deliver(ctx, r, e.Original)
	if err := errors.Join(err, side.Wait()); err != nil {
		return err
	}
	for _, d := range e.After {
		if d.noise() || d.What == conflict && d.Provider == "" {
			_, err = s.attempt(ctx, d, genuine)
		} else {
			_, err = s.deliver(ctx, r, d)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// signed is a delivery as it was sent.
type signed struct {
	header http.Header
	body   []byte
	status int
}

// deliver sends a delivery until it gets 2xx, as every provider does for days.
func (s *senders) deliver(ctx context.Context, r *rand.Rand, d Delivery) (*signed, error) {
	for wait := firstWait; ; wait = min(2*wait, longestWait) {
		out, err := s.attempt(ctx, d, nil)
		if err != nil || out.status/100 == 2 {
			return out, err
		}
		pause := time.NewTimer(wait/2 + time.Duration(r.Int64N(int64(wait))))
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return nil, context.Cause(ctx)
		}
	}
}

// attempt makes one request. Its error is only that of signing, or of ctx.
func (s *senders) attempt(ctx context.Context, d Delivery, genuine *signed) (*signed, error) {
	s.step(ctx, s.sent.attempts.Load())
	s.gate.RLock()
	defer s.gate.RUnlock()
	out, err := s.sign(d, genuine)
	if err != nil {
		return nil, fmt.Errorf("%s of %s: %w", d.What, d.Transactions[0].Key, err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.address(d), bytes.NewReader(out.body))
	if err != nil {
		return nil, err
	}
	request.Header = out.header
	body := ""
	if response, err := s.client.Do(request); err != nil {
		body = err.Error()
	} else {
		text, err := io.ReadAll(io.LimitReader(response.Body, 64<<10))
		response.Body.Close()
		out.status, body = response.StatusCode, string(text)
		if err != nil { // cut off: the sender cannot know
			out.status, body = 0, err.Error()
		}
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	s.sent.tried(d, out.status, body)
	return out, nil
}

func (s *senders) address(d Delivery) string {
	if d.Provider == "" {
		return s.session.APIURL + "/webhook"
	}
	return s.session.APIURL + "/webhook/" + d.Provider
}

// sign returns the delivery's headers and body, signed by the provider's own sender.
func (s *senders) sign(d Delivery, genuine *signed) (*signed, error) {
	out := &signed{header: http.Header{}, body: d.Body}
	if declared, ok := declaration(d.Provider); ok {
		switch d.What {
		case forged:
			if genuine == nil {
				return nil, errors.New("no genuine delivery to capture")
			}
			body, err := d.captured(genuine.body)
			if err != nil {
				return nil, err
			}
			out.header, out.body = maps.Clone(genuine.header), body
		case unsigned:
		default:
			at := time.Now()
			if d.What == stale {
				at = at.AddDate(0, -1, 0)
			}
			attempt := providers.Attempt{
				Secret: s.sender.Providers[d.Provider].Secret, Key: s.keys[d.Provider], Body: d.Body, At: at,
				// API Gateway supports nothing but https.
				URL: "https://" + strings.TrimPrefix(s.address(d), "http://"),
			}
			header, body, err := declared.Sender.Sign(attempt)
			if err != nil {
				return nil, err
			}
			if d.What == tampered {
				body = declared.Sender.Tamper(body)
			}
			out.header, out.body = header, body
		}
		out.header.Set("Content-Type", declared.BodyMediaTypes()[0])
	} else {
		out.header.Set("Content-Type", "application/json")
	}
	out.header.Set("User-Agent", "payment-webhooks-campaign")
	return out, nil
}
