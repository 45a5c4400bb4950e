// Package intaketest checks providers through the whole webhook endpoint: for tests.
package intaketest

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/apd/v3"
	"github.com/google/go-cmp/cmp"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/intake"
	"payment-webhooks/handlers/internal/ledger/ledgertest"
	"payment-webhooks/handlers/internal/provider"
	"payment-webhooks/handlers/internal/telemetry"
	"payment-webhooks/handlers/internal/transaction"
)

// Life is what a provider reports about some payments, from their authorisation to
// their last dispute, with the books that its documentation says result from it.
type Life struct {
	Declaration provider.Declaration
	Settings    provider.Settings // without the secret; nil for none
	Start       time.Time         // when the deliveries arrive; a second passes between two
	Events      []Event           // in the order in which they happened

	// Sums are the amounts in the ledger afterwards, by kind and currency:
	// {"payment EUR": "120.50", "reversal of refund EUR": "10"}.
	Sums map[string]string

	// Balance is what the provider's documents say is left in each currency, without
	// fees: {"EUR": "12"}. A currency whose balance is zero is listed, too.
	Balance map[string]string
}

// Event is one event of a Life. It is delivered once in each of the API versions in
// which the provider sends it.
type Event struct {
	Name   string      // for a failing test
	Header http.Header // beside Content-Type; nil for none
	Bodies []string    // one per API version; "" where a version has no such event
}

// Run processes the deliveries in order, in several random orders, each twice, in each
// API version alone and in all versions side by side, and compares the ledger with the
// books. Signatures are not checked: that is left to the provider's other tests.
func (l Life) Run(t *testing.T) {
	t.Helper()
	versions := 0
	for _, e := range l.Events {
		versions = max(versions, len(e.Bodies))
	}
	var all []delivery
	for version := range versions {
		var one []delivery
		for _, e := range l.Events {
			if version < len(e.Bodies) && e.Bodies[version] != "" {
				one = append(one, delivery{fmt.Sprintf("%s (version %d)", e.Name, version), e.Header, e.Bodies[version]})
			}
		}
		t.Run(fmt.Sprintf("in order, in version %d", version), func(t *testing.T) { l.check(t, one) })
		all = append(all, one...)
	}
	t.Run("each twice", func(t *testing.T) {
		var twice []delivery
		for _, d := range all {
			twice = append(twice, d, d)
		}
		l.check(t, twice)
	})
	for seed := range uint64(40) {
		t.Run(fmt.Sprintf("shuffled and repeated, seed %d", seed), func(t *testing.T) {
			shuffled := slices.Concat(all, all)
			r := rand.New(rand.NewPCG(seed, 7))
			r.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
			l.check(t, shuffled)
		})
	}
}

type delivery struct {
	name   string
	header http.Header
	body   string
}

// check processes the deliveries with an empty ledger and compares it with the books.
func (l Life) check(t *testing.T, deliveries []delivery) {
	t.Helper()
	endpoint := NewEndpoint(t, l.Declaration, l.Settings)
	for i, d := range deliveries {
		at := l.Start.Add(time.Duration(i) * time.Second)
		response := endpoint.Deliver(t, at, d.header, d.body)
		if response.Status >= 300 || strings.Contains(response.Body, "quarantined") {
			t.Fatalf("%s: %d %s\n%s", d.name, response.Status, response.Body, strings.Join(endpoint.Quarantined, "\n"))
		}
	}
	sums, balance := Books(t, endpoint.Ledger.All())
	for currency := range l.Balance {
		if _, ok := balance[currency]; !ok {
			balance[currency] = "0"
		}
	}
	if diff := cmp.Diff(l.Sums, sums); diff != "" {
		t.Errorf("sums by kind and currency (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(l.Balance, balance); diff != "" {
		t.Errorf("balance (-want +got):\n%s", diff)
	}
}

// Books sums transactions by kind and currency, as Life.Sums does, and as a balance:
// payments less refunds, disputes and payouts, where a reversal counts the other way
// than what it takes back.
func Books(t testing.TB, transactions []transaction.Transaction) (sums, balance map[string]string) {
	t.Helper()
	exact := apd.BaseContext.WithPrecision(60)
	totals, balances := map[string]*apd.Decimal{}, map[string]*apd.Decimal{}
	add := func(to map[string]*apd.Decimal, name string, amount *apd.Decimal, negative bool) {
		if to[name] == nil {
			to[name] = new(apd.Decimal)
		}
		operation := exact.Add
		if negative {
			operation = exact.Sub
		}
		if _, err := operation(to[name], to[name], amount); err != nil {
			t.Fatal(err)
		}
	}
	for _, tx := range transactions {
		amount, _, err := apd.NewFromString(tx.Amount.String())
		if err != nil {
			t.Fatal(err)
		}
		name, out := tx.Kind, tx.Kind != contract.KindPayment
		if tx.Kind == contract.KindReversal {
			name, out = tx.Kind+" of "+tx.ReversedKind, tx.ReversedKind == contract.KindPayment
		}
		add(totals, name+" "+tx.Currency, amount, false)
		add(balances, tx.Currency, amount, out)
	}
	text := func(of map[string]*apd.Decimal) map[string]string {
		texts := map[string]string{}
		for name, d := range of {
			d.Reduce(d)
			texts[name] = d.Text('f')
		}
		return texts
	}
	return text(totals), text(balances)
}

// Endpoint is the webhook endpoint with one provider, a ledger in memory, and every
// signature accepted.
type Endpoint struct {
	Ledger      *ledgertest.Memory
	Quarantined []string // the messages, in order
	Log         strings.Builder
	Metrics     strings.Builder

	name   string
	now    time.Time
	intake *intake.Intake
}

const secretName = "payments/test"

// NewEndpoint returns an endpoint for a provider with the given settings, beside its
// secret.
func NewEndpoint(t testing.TB, d provider.Declaration, settings provider.Settings) *Endpoint {
	t.Helper()
	e := &Endpoint{name: d.Name, Ledger: ledgertest.NewMemory(time.Unix(0, 0))}
	newProvider := d.New
	d.New = func(s provider.Settings) provider.Provider { return trusting{newProvider(s)} }
	d.Methods, d.ValidSecret = nil, nil
	members := []string{fmt.Sprintf("%q:%q", contract.ProviderSecret, secretName)}
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		members = append(members, fmt.Sprintf("%q:%q", name, settings[name]))
	}
	routes, err := intake.ParseRoutes(fmt.Sprintf("{%q:{%s}}", d.Name, strings.Join(members, ",")), []provider.Declaration{d})
	if err != nil {
		t.Fatal(err)
	}
	clock := func() time.Time { return e.now }
	e.intake = intake.New(intake.Config{
		Routes: routes, Ledger: e.Ledger, Bindings: e.Ledger, Secrets: anySecret{}, Quarantine: e, Now: clock,
		Log:     slog.New(slog.NewJSONHandler(&e.Log, nil)),
		Metrics: telemetry.NewMetrics(&e.Metrics, clock, "test"),
	})
	return e
}

// Deliver posts a body to the provider's route at a time.
func (e *Endpoint) Deliver(t testing.TB, at time.Time, header http.Header, body string) intake.Response {
	t.Helper()
	e.now = at
	header = header.Clone()
	if header == nil {
		header = http.Header{}
	}
	header.Set("Content-Type", provider.MediaTypeJSON)
	return e.intake.Handle(t.Context(), intake.Request{
		Method: http.MethodPost, Resource: "/webhook/{provider}", Provider: e.name,
		URL: "https://pay.example.com/webhook/" + e.name, Header: header, Body: body,
	})
}

// Send implements intake.Quarantine.
func (e *Endpoint) Send(_ context.Context, message string) error {
	e.Quarantined = append(e.Quarantined, message)
	return nil
}

// trusting is a provider whose signatures are not checked.
type trusting struct{ provider.Provider }

func (trusting) Verify(context.Context, provider.Delivery, []string) error { return nil }

// anySecret is a secrets.Source.
type anySecret struct{}

func (anySecret) Values(context.Context, string) ([]string, error) { return []string{"secret"}, nil }
