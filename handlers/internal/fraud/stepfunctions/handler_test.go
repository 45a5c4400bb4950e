package stepfunctions

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambda/messages"
	"github.com/google/go-cmp/cmp"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/event"
	"payment-webhooks/handlers/internal/fraud"
	"payment-webhooks/handlers/internal/fraud/rules"
	"payment-webhooks/handlers/internal/ledger"
	"payment-webhooks/handlers/internal/ledger/ledgertest"
	"payment-webhooks/handlers/internal/telemetry"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func fixture(t *testing.T, name string) []byte {
	t.Helper()
	payload, err := os.ReadFile("testdata/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	return payload
}

// storing returns a detector on a ledger that has the fixture's transaction, and
// the detector's output.
func storing(t *testing.T, payload []byte, model fraud.Model) (*Detector, *ledgertest.Memory, *bytes.Buffer) {
	t.Helper()
	received, err := event.Decode(payload)
	if err != nil {
		t.Fatal(err)
	}
	l := ledgertest.NewMemory(noon)
	if _, err := l.Store(t.Context(), received.Transaction); err != nil {
		t.Fatal(err)
	}
	d, out := newDetector(l, model)
	return d, l, out
}

func newDetector(l Recorder, model fraud.Model) (*Detector, *bytes.Buffer) {
	out := &bytes.Buffer{}
	now := func() time.Time { return noon }
	return New(model, l, &requests{}, telemetry.Logger(out, contract.FraudDetector), telemetry.NewMetrics(out, now, "dev"), now), out
}

// requests notes what the archiver is asked for.
type requests struct {
	asked []string
	err   error
}

func (r *requests) Late(_ context.Context, hour time.Time, scored ledger.Key) error {
	r.asked = append(r.asked, hour.Format(time.RFC3339)+" "+scored.TransactionID+" "+scored.Provider)
	return r.err
}

// invoke calls the handler as the Lambda runtime does: bytes in, bytes out.
func invoke(t *testing.T, d *Detector, payload []byte) (string, error) {
	t.Helper()
	body, err := lambda.NewHandler(Handler(d)).Invoke(t.Context(), payload)
	return string(body), err
}

func TestLevels(t *testing.T) {
	cases := map[string]struct{ score, level string }{
		"low":                     {"0.25", "low"},
		"low-yen":                 {"0", "low"},
		"medium":                  {"0.45", "medium"},
		"medium-rerendered":       {"0.35", "medium"},
		"medium-metadata-omitted": {"0.35", "medium"},
		"high":                    {"0.8", "high"},
		"high-beyond-matching":    {"0.65", "high"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			payload := fixture(t, name)
			d, _, out := storing(t, payload, rules.Model{})
			body, err := invoke(t, d, payload)
			if err != nil {
				t.Fatal(err)
			}
			var got struct {
				Score json.Number `json:"score"`
				Level string      `json:"risk_level"`
			}
			if err := json.Unmarshal([]byte(body), &got); err != nil {
				t.Fatal(err)
			}
			if got.Score.String() != c.score || got.Level != c.level {
				t.Errorf("score %s is %s, want %s %s", got.Score, got.Level, c.score, c.level)
			}
			if n := strings.Count(out.String(), `"RiskLevel":"`+c.level+`","TransactionsScored":1`); n != 1 {
				t.Errorf("%d metrics for %s in %s", n, c.level, out)
			}
		})
	}
}

func TestResponse(t *testing.T) {
	for name, want := range map[string]string{
		"medium": `{"transaction_id":"txn_medium","provider":"stripe","score":0.45,"risk_level":"medium","risk_factors":[` +
			`{"name":"amount_magnitude","weight":0.2,"detail":"an amount of 10000.00 USD or more"},` +
			`{"name":"country_mismatch","weight":0.2,"detail":"card of US used from BR"},` +
			`{"name":"round_amount","weight":0.05,"detail":"a round amount"}],` +
			`"risk_summary":"Medium risk (score 0.45): an amount of 10000.00 USD or more; card of US used from BR; a round amount.",` +
			`"model_version":"rules-2026-11"}`,
		"low-yen": `{"transaction_id":"txn_low_yen","provider":"stripe","score":0,"risk_level":"low","risk_factors":[],` +
			`"risk_summary":"Low risk (score 0): nothing unusual.","model_version":"rules-2026-11"}`,
	} {
		t.Run("explains the score of "+name, func(t *testing.T) {
			payload := fixture(t, name)
			d, _, _ := storing(t, payload, rules.Model{})
			body, err := invoke(t, d, payload)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, body); diff != "" {
				t.Error(diff)
			}
		})
	}

	t.Run("to a repeat is the first result", func(t *testing.T) {
		payload := fixture(t, "medium")
		d, _, out := storing(t, payload, rules.Model{})
		first, err := invoke(t, d, payload)
		if err != nil {
			t.Fatal(err)
		}
		d.model = always{assessment: other}
		second, err := invoke(t, d, payload)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(first, second); diff != "" {
			t.Error(diff)
		}
		if n := strings.Count(out.String(), `"TransactionsScored":1`); n != 1 {
			t.Errorf("counted %d times", n)
		}
	})

	t.Run("is what is recorded, with the time", func(t *testing.T) {
		payload := fixture(t, "medium")
		d, l, _ := storing(t, payload, always{assessment: other})
		if _, err := invoke(t, d, payload); err != nil {
			t.Fatal(err)
		}
		received, err := event.Decode(payload)
		if err != nil {
			t.Fatal(err)
		}
		stored, recorded, err := l.RecordFraud(t.Context(), ledger.KeyOf(received.Transaction), fraud.Result{})
		if diff := cmp.Diff(fraud.Result{Assessment: other, ScoredAt: noon}, stored); err != nil || recorded || diff != "" {
			t.Error(recorded, err, diff)
		}
	})
}

// always is a model that says the same of every payment.
type always struct {
	assessment fraud.Assessment
	err        error
}

func (m always) Score(context.Context, fraud.Payment) (fraud.Assessment, error) {
	return m.assessment, m.err
}

var other = fraud.Assessment{Score: fraud.HighFrom, Level: fraud.High, Summary: "Run.", ModelVersion: "other-1"}

// broken is a ledger that fails.
type broken struct{ err error }

func (b broken) RecordFraud(context.Context, ledger.Key, fraud.Result) (fraud.Result, bool, error) {
	return fraud.Result{}, false, b.err
}

func TestErrors(t *testing.T) {
	low, empty := string(fixture(t, "low")), ledgertest.NewMemory(noon)
	invalid := other
	invalid.Level = "severe"
	cases := map[string]struct {
		payload string
		ledger  Recorder
		model   fraud.Model
		named   string
	}{
		"not a detail":       {`{"detail":{"transaction_id":"txn_1"}}`, empty, rules.Model{}, "MalformedDetail"},
		"not an object":      {`"txn_1"`, empty, rules.Model{}, "MalformedDetail"},
		"never accepted":     {low, empty, rules.Model{}, "TransactionNotFound"},
		"table unavailable":  {low, broken{ledger.ErrUnavailable}, rules.Model{}, "LedgerUnavailable"},
		"model unavailable":  {low, empty, always{err: fraud.ErrUnavailable}, "ModelFailed"},
		"invalid assessment": {low, empty, always{assessment: invalid}, "ModelFailed"},
	}
	for name, c := range cases {
		t.Run("have a type when it is: "+name, func(t *testing.T) {
			d, out := newDetector(c.ledger, c.model)
			_, err := Handler(d)(t.Context(), []byte(c.payload))
			if typed, ok := errors.AsType[messages.InvokeResponse_Error](err); !ok || typed.Type != c.named {
				t.Errorf("Lambda reports %#v, want %s", err, c.named)
			}
			if strings.Contains(out.String(), "_aws") || strings.Count(out.String(), "transaction not scored") != 1 {
				t.Errorf("a failure is one log line and no metric: %s", out)
			}
		})
	}
}

func TestLateResult(t *testing.T) {
	payload := fixture(t, "high")
	received, err := event.Decode(payload)
	if err != nil {
		t.Fatal(err)
	}
	hour := received.ReceivedAt.Truncate(time.Hour)
	due := hour.Add(25 * time.Hour)
	request := hour.Format(time.RFC3339) + " " + received.ID + " " + received.Provider
	at := func(t *testing.T, now time.Time) (*Detector, *requests) {
		t.Helper()
		d, _, _ := storing(t, payload, rules.Model{})
		r := &requests{}
		d.archive, d.now = r, func() time.Time { return now }
		return d, r
	}
	for _, c := range []struct {
		name string
		now  time.Time
		want []string
	}{
		{"is archived when the hour is due", due, []string{request}},
		{"is archived when the archiver's clock may say that the hour is due", due.Add(-5 * time.Minute), []string{request}},
		{"is archived when it comes weeks later", due.AddDate(0, 0, 21), []string{request}},
		{"is left to the daily run when the hour is not due", due.Add(-5*time.Minute - 1), nil},
		{"is left to the daily run when it comes at once", received.ReceivedAt, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, r := at(t, c.now)
			if _, err := invoke(t, d, payload); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, r.asked); diff != "" {
				t.Error(diff)
			}
		})
	}
	t.Run("is archived when a repeat finds it recorded", func(t *testing.T) {
		d, r := at(t, due)
		r.err = errors.New("throttled")
		_, err := Handler(d)(t.Context(), payload)
		if typed, ok := errors.AsType[messages.InvokeResponse_Error](err); !ok || typed.Type != "ArchiverUnavailable" {
			t.Fatalf("Lambda reports %#v", err)
		}
		r.err = nil
		if body, err := invoke(t, d, payload); err != nil || !strings.Contains(body, `"risk_level":"high"`) {
			t.Errorf("%s, %v", body, err)
		}
		if diff := cmp.Diff([]string{request, request}, r.asked); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("is not archived when it is not recorded", func(t *testing.T) {
		d, r := at(t, due)
		d.ledger = broken{ledger.ErrUnavailable}
		if _, err := invoke(t, d, payload); err == nil || r.asked != nil {
			t.Errorf("%v, asked for %v", err, r.asked)
		}
	})
}

func TestReportFallback(t *testing.T) {
	payload := fixture(t, "medium")
	out := &bytes.Buffer{}
	report := ReportFallback(telemetry.Logger(out, contract.FraudDetector), telemetry.NewMetrics(out, func() time.Time { return noon }, "dev"))
	d, _, _ := storing(t, payload, fraud.WithFallback(always{err: fraud.ErrTimeout}, rules.Model{}, report))
	body, err := invoke(t, d, payload)
	if err != nil || !strings.Contains(body, `"score":0.45,`) || !strings.Contains(body, `"model_version":"rules-2026-11; fallback: timeout"`) {
		t.Errorf("%s, %v", body, err)
	}
	if got := out.String(); !strings.Contains(got, `"level":"WARN"`) || !strings.Contains(got, `"reason":"timeout","error":"fraud model timed out"`) ||
		!strings.Contains(got, `"FraudModelFallbacks":1`) {
		t.Errorf("the operator sees %s", got)
	}
}
