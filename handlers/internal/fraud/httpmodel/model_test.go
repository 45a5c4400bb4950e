package httpmodel_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	gocmp "github.com/google/go-cmp/cmp"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/fraud"
	"payment-webhooks/handlers/internal/fraud/httpmodel"
	"payment-webhooks/handlers/internal/fraud/rules"
	"payment-webhooks/handlers/internal/ledger/ledgertest"
	"payment-webhooks/handlers/internal/money"
	"payment-webhooks/handlers/internal/transaction"
)

func payment(t testing.TB, metadata string) fraud.Payment {
	t.Helper()
	amount, err := money.Parse("15000.50")
	if err != nil {
		t.Fatal(err)
	}
	return fraud.Payment{Transaction: transaction.Transaction{
		ID: "txn_1", Provider: "stripe", Kind: contract.KindPayment, Money: money.Money{Amount: amount, Currency: "USD"}, CustomerID: "cust_789",
		Metadata: ledgertest.Metadata(metadata), ReceivedAt: time.Date(2026, 11, 22, 15, 4, 5, 0, time.UTC),
	}}
}

func decimal(t testing.TB, text string) fraud.Decimal {
	t.Helper()
	d, err := fraud.ParseDecimal(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// endpoint starts a server on loopback and returns the model behind it. A timeout
// of 0 is one that a busy machine does not reach.
func endpoint(t testing.TB, timeout time.Duration, h http.HandlerFunc) *httpmodel.Model {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	m, err := httpmodel.New(httpmodel.Config{URL: server.URL + "/score?key=secret", Timeout: cmp.Or(timeout, httpmodel.MaxTimeout)})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// says is an endpoint that responds with the text.
func says(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) }
}

// hangs is an endpoint that sends the text and no end, until its client leaves.
func hangs(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // the server sees a client leave only after the body
		if text != "" {
			_, _ = io.WriteString(w, text)
			w.(http.Flusher).Flush()
		}
		<-r.Context().Done()
	}
}

// endless sends until its client leaves.
func endless(w http.ResponseWriter, r *http.Request) {
	for r.Context().Err() == nil {
		_, _ = io.WriteString(w, strings.Repeat(" ", 1024))
	}
}

func TestRequest(t *testing.T) {
	const pan = "4111111111111111"
	all := `{"ip_country":"br","card_country":"US","billing_country":"US","shipping_country":"NG","attempts_last_hour":"12",` +
		`"account_age_days":0.5,"new_customer":true,"tor":"true","note":"` + pan + `","email":"zoe@example.com"}`
	cases := map[string]struct {
		change func(*fraud.Payment)
		want   string
	}{
		"has all features": {
			func(*fraud.Payment) {},
			`{"transaction_id":"txn_1","provider":"stripe","kind":"payment","amount":15000.5,"currency":"USD","received_at":"2026-11-22T15:04:05.000000000Z",` +
				`"features":{"ip_country":"BR","card_country":"US","billing_country":"US","shipping_country":"NG","attempts_last_hour":12,` +
				`"account_age_days":0.5,"new_customer":true,"anonymised_network":true},"metadata_unseen":false}`,
		},
		"says that metadata was too large": {
			func(p *fraud.Payment) { p.Metadata, p.MetadataUnseen = transaction.Metadata{}, true },
			`{"transaction_id":"txn_1","provider":"stripe","kind":"payment","amount":15000.5,"currency":"USD","received_at":"2026-11-22T15:04:05.000000000Z",` +
				`"features":{},"metadata_unseen":true}`,
		},
		"says what a reversal takes back": {
			func(p *fraud.Payment) {
				p.Kind, p.ReversedKind, p.Reverses, p.MetadataUnseen = "reversal", "refund", "re_1", true
				p.Metadata = transaction.Metadata{}
			},
			`{"transaction_id":"txn_1","provider":"stripe","kind":"reversal","reversed_kind":"refund","amount":15000.5,"currency":"USD","received_at":"2026-11-22T15:04:05.000000000Z",` +
				`"features":{},"metadata_unseen":true}`,
		},
		"has no card number wherever one is": {
			func(p *fraud.Payment) {
				p.ID, p.CustomerID = pan, pan
				p.Metadata = ledgertest.Metadata(`{"` + pan + `":1,"ip_country":"` + pan + `","attempts_last_hour":` + pan + `,"account_age_days":0.` + pan + `,"vpn":"` + pan + `"}`)
			},
			`{"transaction_id":"411111******1111","provider":"stripe","kind":"payment","amount":15000.5,"currency":"USD","received_at":"2026-11-22T15:04:05.000000000Z",` +
				`"features":{"attempts_last_hour":1000000,"account_age_days":0.4111},"metadata_unseen":false}`,
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var got []byte
			m := endpoint(t, 0, func(w http.ResponseWriter, r *http.Request) {
				got, _ = io.ReadAll(r.Body)
				if r.Method != http.MethodPost || r.URL.String() != "/score?key=secret" || r.Header.Get("Content-Type") != "application/json" {
					t.Errorf("%s %s with %v", r.Method, r.URL, r.Header)
				}
				_, _ = io.WriteString(w, `{"score":0,"model_version":"m-1"}`)
			})
			p := payment(t, all)
			c.change(&p)
			if _, err := m.Score(t.Context(), p); err != nil {
				t.Fatal(err)
			}
			if diff := gocmp.Diff(c.want, string(got)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestResponse(t *testing.T) {
	cases := map[string]struct {
		body string
		want fraud.Assessment
	}{
		"with score and version alone": {
			`{"score":0.87,"model_version":"gbm-7"}`,
			fraud.Assessment{Score: decimal(t, "0.87"), Level: fraud.High, Summary: "High risk (score 0.87).", ModelVersion: "gbm-7"},
		},
		"whole, with a level of its own and weights that do not add up": {
			`{"score":0.2,"risk_level":"medium","risk_factors":[{"name":"device","weight":-1.5,"detail":"a known device"}],` +
				`"risk_summary":"Seen before.","model_version":"gbm-7","latency_ms":12}`,
			fraud.Assessment{
				Score: decimal(t, "0.2"), Level: fraud.Medium, Summary: "Seen before.", ModelVersion: "gbm-7",
				Factors: []fraud.Factor{{Name: "device", Weight: decimal(t, "-1.5"), Detail: "a known device"}},
			},
		},
		"with factors and no summary": {
			`{"score":0,"risk_factors":[{"name":"device","weight":0,"detail":"a known device"},{"name":"x","weight":0}],"model_version":"gbm-7"}`,
			fraud.Assessment{
				Level: fraud.Low, Summary: "Low risk (score 0): a known device.", ModelVersion: "gbm-7",
				Factors: []fraud.Factor{{Name: "device", Detail: "a known device"}, {Name: "x"}},
			},
		},
		"with a binary fraction": {
			`{"score":0.30000000000000004,"model_version":"gbm-7"}`,
			fraud.Assessment{Score: decimal(t, "0.3"), Level: fraud.Low, Summary: "Low risk (score 0.3).", ModelVersion: "gbm-7"},
		},
		"rounded before the level is decided": {
			`{"score":0.59996,"model_version":"gbm-7"}`,
			fraud.Assessment{Score: decimal(t, "0.6"), Level: fraud.High, Summary: "High risk (score 0.6).", ModelVersion: "gbm-7"},
		},
		"with card numbers": {
			`{"score":0.1,"risk_summary":"Card 4111111111111111.","risk_factors":[{"name":"n","weight":0,"detail":"4111 1111 1111 1111"}],"model_version":"gbm-7"}`,
			fraud.Assessment{
				Score: decimal(t, "0.1"), Level: fraud.Low, Summary: "Card 411111******1111.", ModelVersion: "gbm-7",
				Factors: []fraud.Factor{{Name: "n", Detail: "4111 11** **** 1111"}},
			},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := endpoint(t, 0, says(c.body)).Score(t.Context(), payment(t, ""))
			if err != nil {
				t.Fatal(err)
			}
			if diff := gocmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestErrors(t *testing.T) {
	long := strings.Repeat("x", httpmodel.MaxResponse)
	short := 50 * time.Millisecond
	cases := map[string]struct {
		timeout time.Duration
		handler http.HandlerFunc
		want    error
	}{
		"no response in time":     {short, hangs(""), fraud.ErrTimeout},
		"half a response in time": {short, hangs(`{"score":`), fraud.ErrTimeout},
		"status 500":              {0, func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "secret", http.StatusInternalServerError) }, fraud.ErrUnavailable},
		"status 204":              {0, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }, fraud.ErrUnavailable},
		"a redirect": {0, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		}, fraud.ErrUnavailable},
		"a broken connection":       {0, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, fraud.ErrUnavailable},
		"too many headers":          {0, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X", long) }, fraud.ErrUnavailable},
		"too large a body":          {0, says(`{"score":0.1,"model_version":"m"}` + strings.Repeat(" ", httpmodel.MaxResponse)), fraud.ErrMalformed},
		"a body without end":        {2 * time.Second, endless, fraud.ErrMalformed},
		"an empty body":             {0, says(``), fraud.ErrMalformed},
		"HTML":                      {0, says(`<html>secret`), fraud.ErrMalformed},
		"JSON that is no object":    {0, says(`[0.5]`), fraud.ErrMalformed},
		"two JSON values":           {0, says(`{"score":0.1,"model_version":"m"}{}`), fraud.ErrMalformed},
		"no score":                  {0, says(`{"model_version":"m"}`), fraud.ErrMalformed},
		"a score of null":           {0, says(`{"score":null,"model_version":"m"}`), fraud.ErrMalformed},
		"a score as text":           {0, says(`{"score":"0.5","model_version":"m"}`), fraud.ErrMalformed},
		"a score of NaN":            {0, says(`{"score":NaN,"model_version":"m"}`), fraud.ErrMalformed},
		"a score above 1":           {0, says(`{"score":1.01,"model_version":"m"}`), fraud.ErrMalformed},
		"a score just above 1":      {0, says(`{"score":1.0000001,"model_version":"m"}`), fraud.ErrMalformed},
		"a score just below 0":      {0, says(`{"score":-0.00001,"model_version":"m"}`), fraud.ErrMalformed},
		"a fallback's version":      {0, says(`{"score":0.5,"model_version":"rules-2026-11; fallback: timeout"}`), fraud.ErrMalformed},
		"a score below 0":           {0, says(`{"score":-0.01,"model_version":"m"}`), fraud.ErrMalformed},
		"a score of percent":        {0, says(`{"score":87,"model_version":"m"}`), fraud.ErrMalformed},
		"a score out of all bounds": {0, says(`{"score":1e999999999,"model_version":"m"}`), fraud.ErrMalformed},
		"no version":                {0, says(`{"score":0.5}`), fraud.ErrMalformed},
		"a version with a newline":  {0, says(`{"score":0.5,"model_version":"m\nsecret"}`), fraud.ErrMalformed},
		"a version without end":     {0, says(`{"score":0.5,"model_version":"` + long[:200] + `"}`), fraud.ErrMalformed},
		"an unknown level":          {0, says(`{"score":0.5,"risk_level":"secret","model_version":"m"}`), fraud.ErrMalformed},
		"a summary without end":     {0, says(`{"score":0.5,"risk_summary":"` + long[:600] + `","model_version":"m"}`), fraud.ErrMalformed},
		"too many factors":          {0, says(`{"score":0.5,"risk_factors":[` + strings.Repeat(`{"name":"f"},`, 20) + `{"name":"f"}],"model_version":"m"}`), fraud.ErrMalformed},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var calls atomic.Int32
			m := endpoint(t, c.timeout, func(w http.ResponseWriter, r *http.Request) {
				calls.Add(1)
				c.handler(w, r)
			})
			got, err := m.Score(t.Context(), payment(t, ""))
			if !errors.Is(err, c.want) || gocmp.Diff(fraud.Assessment{}, got) != "" {
				t.Errorf("%+v, %v, want %v", got, err, c.want)
			}
			if err != nil && (strings.Contains(err.Error(), "secret") || len(err.Error()) > 200) {
				t.Errorf("the error repeats the response or the address: %v", err)
			}
			if calls.Load() != 1 {
				t.Errorf("called %d times", calls.Load())
			}
		})
	}

	t.Run("nothing listens", func(t *testing.T) {
		server := httptest.NewServer(nil)
		server.Close()
		m, err := httpmodel.New(httpmodel.Config{URL: server.URL})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := m.Score(t.Context(), payment(t, "")); !errors.Is(err, fraud.ErrUnavailable) {
			t.Errorf("%v, want ErrUnavailable", err)
		}
	})
}

// transport stands in for the network.
type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestDeadline(t *testing.T) {
	end := func(t *testing.T, ctx context.Context, timeout time.Duration) (deadline time.Time) {
		t.Helper()
		m, err := httpmodel.New(httpmodel.Config{URL: "https://model.example.com", Timeout: timeout, Transport: transport(func(r *http.Request) (*http.Response, error) {
			deadline, _ = r.Context().Deadline()
			return nil, errors.New("no network")
		})})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := m.Score(ctx, payment(t, "")); !errors.Is(err, fraud.ErrUnavailable) {
			t.Errorf("%v, want ErrUnavailable", err)
		}
		return deadline
	}
	t.Run("is the timeout from now", func(t *testing.T) {
		for given, want := range map[time.Duration]time.Duration{0: httpmodel.DefaultTimeout, 3 * time.Second: 3 * time.Second} {
			before := time.Now()
			got := end(t, t.Context(), given)
			if got.Before(before.Add(want)) || got.After(time.Now().Add(want)) {
				t.Errorf("called at %v, to end at %v", before, got)
			}
		}
	})
	t.Run("leaves the caller time to record the result", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 6*time.Second)
		defer cancel()
		callers, _ := ctx.Deadline()
		if got := end(t, ctx, 3*time.Second); !got.Equal(callers.Add(-httpmodel.Headroom)) {
			t.Errorf("to end %v before the caller, want %v", callers.Sub(got), httpmodel.Headroom)
		}
	})
	t.Run("that has passed needs no call", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), httpmodel.Headroom)
		defer cancel()
		m := endpoint(t, 0, func(http.ResponseWriter, *http.Request) { t.Error("called") })
		if _, err := m.Score(ctx, payment(t, "")); !errors.Is(err, fraud.ErrTimeout) {
			t.Errorf("%v, want ErrTimeout", err)
		}
	})
	t.Run("ends when the caller leaves", func(t *testing.T) {
		ctx, leave := context.WithCancel(t.Context())
		defer leave()
		m := endpoint(t, httpmodel.MaxTimeout, func(w http.ResponseWriter, r *http.Request) {
			leave()
			hangs("")(w, r)
		})
		if _, err := m.Score(ctx, payment(t, "")); !errors.Is(err, context.Canceled) {
			t.Errorf("%v, want context.Canceled", err)
		}
	})
}

func TestConfig(t *testing.T) {
	for _, c := range []struct {
		name, url string
		timeout   time.Duration
		accepted  bool
	}{
		{"https", "https://model.example.com/score", time.Second, true},
		{"the longest timeout", "https://model.example.com", httpmodel.MaxTimeout, true},
		{"http on loopback", "http://127.0.0.1:8080", 0, true},
		{"http on loopback, IPv6", "http://[::1]:8080", 0, true},
		{"http on localhost", "http://localhost:8080", 0, true},
		{"http elsewhere", "http://model.example.com", 0, false},
		{"http on a name that begins like loopback", "http://localhost.example.com", 0, false},
		{"another scheme", "ftp://127.0.0.1", 0, false},
		{"no scheme", "model.example.com", 0, false},
		{"no host", "https:///score", 0, false},
		{"a password", "https://user:secret@model.example.com", 0, false},
		{"no address", "https://%secret", 0, false},
		{"empty", "", 0, false},
		{"a timeout that leaves no headroom", "https://model.example.com", httpmodel.MaxTimeout + 1, false},
		{"a negative timeout", "https://model.example.com", -1, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := httpmodel.New(httpmodel.Config{URL: c.url, Timeout: c.timeout})
			if c.accepted != (err == nil) || !c.accepted && !errors.Is(err, httpmodel.ErrConfig) {
				t.Errorf("error %v", err)
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("the error repeats the URL: %v", err)
			}
		})
	}
}

func TestTLS(t *testing.T) {
	server := httptest.NewTLSServer(says(`{"score":0.5,"model_version":"m-1"}`))
	t.Cleanup(server.Close)
	server.Config.ErrorLog = nil
	t.Run("uses the transport given", func(t *testing.T) {
		m, err := httpmodel.New(httpmodel.Config{URL: server.URL, Transport: server.Client().Transport})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := m.Score(t.Context(), payment(t, "")); err != nil {
			t.Error(err)
		}
	})
	t.Run("rejects an untrusted certificate", func(t *testing.T) {
		m, err := httpmodel.New(httpmodel.Config{URL: server.URL})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := m.Score(t.Context(), payment(t, "")); !errors.Is(err, fraud.ErrUnavailable) {
			t.Errorf("%v, want ErrUnavailable", err)
		}
	})
}

func TestFallback(t *testing.T) {
	for name, c := range map[string]struct {
		timeout time.Duration
		handler http.HandlerFunc
		version string
	}{
		"is not used when the endpoint responds": {0, says(`{"score":0.5,"model_version":"m-1"}`), "m-1"},
		"after a timeout":                        {50 * time.Millisecond, hangs(""), "rules-2026-11; fallback: timeout"},
		"after an error":                         {0, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }, "rules-2026-11; fallback: unavailable"},
		"after a malformed response":             {0, says(`{"score":2,"model_version":"m-1"}`), "rules-2026-11; fallback: malformed"},
	} {
		t.Run(name, func(t *testing.T) {
			m := fraud.WithFallback(endpoint(t, c.timeout, c.handler), rules.Model{}, func(context.Context, error) {})
			a, err := m.Score(t.Context(), payment(t, ""))
			if err != nil || a.ModelVersion != c.version || a.Check() != nil {
				t.Errorf("%+v, %v, want %s", a, err, c.version)
			}
		})
	}
}

func TestConcurrency(t *testing.T) {
	m := endpoint(t, httpmodel.MaxTimeout, func(w http.ResponseWriter, r *http.Request) {
		var got struct {
			TransactionID string `json:"transaction_id"`
		}
		if err := json.UnmarshalRead(r.Body, &got); err != nil {
			t.Error(err)
		}
		fmt.Fprintf(w, `{"score":0.5,"model_version":"for %s"}`, got.TransactionID)
	})
	var wg sync.WaitGroup
	for i := range 32 {
		wg.Go(func() {
			p := payment(t, `{"vpn":true}`)
			p.ID = fmt.Sprintf("txn_%d", i)
			if a, err := m.Score(t.Context(), p); err != nil || a.ModelVersion != "for "+p.ID {
				t.Errorf("%s: %+v, %v", p.ID, a, err)
			}
		})
	}
	wg.Wait()
}

// FuzzResponse: whatever an endpoint sends, the result is a valid assessment or
// fraud.ErrMalformed.
func FuzzResponse(f *testing.F) {
	for _, seed := range []string{
		`{"score":0.87,"model_version":"gbm-7"}`,
		`{"score":1e-130,"risk_level":"low","risk_factors":[{"name":"a","weight":-1E125,"detail":"b"}],"risk_summary":"c","model_version":"d"}`,
		`{"score":0.99995,"risk_factors":[{"name":"a","weight":12345678901234567890123456789012345.678,"detail":""}],"model_version":"d"}`,
		`{"score":-0.00001,"model_version":"\u0000"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		m, err := httpmodel.New(httpmodel.Config{URL: "https://model.example.com", Transport: transport(func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(string(body)))}, nil
		})})
		if err != nil {
			t.Fatal(err)
		}
		a, err := m.Score(t.Context(), payment(t, ""))
		if err == nil {
			err = a.Check()
		} else if errors.Is(err, fraud.ErrMalformed) {
			err = nil
		}
		if err != nil {
			t.Errorf("%+v, %v", a, err)
		}
	})
}

func TestDocument(t *testing.T) {
	page, err := os.ReadFile("../../../../docs/fraud-model.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```json\n(.*?)```").FindAllStringSubmatch(string(page), -1)
	if len(blocks) != 2 {
		t.Fatalf("%d blocks of JSON, want a request and a response", len(blocks))
	}
	t.Run("has the request", func(t *testing.T) {
		var got, want any
		if err := json.Unmarshal([]byte(blocks[0][1]), &want); err != nil {
			t.Fatal(err)
		}
		m := endpoint(t, 0, func(w http.ResponseWriter, r *http.Request) {
			if err := json.UnmarshalRead(r.Body, &got); err != nil {
				t.Error(err)
			}
			_, _ = io.WriteString(w, blocks[1][1])
		})
		metadata := `{"ip_country":"BR","card_country":"US","billing_country":"US","shipping_country":"NG","attempts_last_hour":12,` +
			`"account_age_days":0.5,"new_customer":true,"vpn":true}`
		if _, err := m.Score(t.Context(), payment(t, metadata)); err != nil {
			t.Errorf("the response: %v", err)
		}
		if diff := gocmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("has the bounds", func(t *testing.T) {
		for _, bound := range []string{
			fmt.Sprintf("The function has %d s", contract.FraudTimeoutSeconds),
			fmt.Sprintf("by default %.0f s, at most %.0f s", httpmodel.DefaultTimeout.Seconds(), httpmodel.MaxTimeout.Seconds()),
			fmt.Sprintf("%.0f s before the invocation does", httpmodel.Headroom.Seconds()),
			fmt.Sprintf("at most %d KiB", httpmodel.MaxResponse/1024),
			fmt.Sprintf("at most %d: name (%d bytes)", fraud.MaxFactors, fraud.MaxName),
			fmt.Sprintf("detail (%d bytes)", fraud.MaxText),
			fmt.Sprintf("at most %d printable ASCII characters", fraud.MaxVersion),
		} {
			if !strings.Contains(string(page), bound) {
				t.Errorf("the page does not say %q", bound)
			}
		}
	})
}
