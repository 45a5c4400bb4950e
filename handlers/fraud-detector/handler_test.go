package main

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

// holding returns a handler on a ledger that holds the fixture's transaction.
func holding(t *testing.T, payload []byte) (*handler, *ledgertest.Memory, *bytes.Buffer) {
	t.Helper()
	received, err := event.Decode(payload)
	if err != nil {
		t.Fatal(err)
	}
	l := ledgertest.NewMemory(noon)
	if _, err := l.Store(t.Context(), received.Transaction); err != nil {
		t.Fatal(err)
	}
	h, out := newHandler(l)
	return h, l, out
}

func newHandler(l recorder) (*handler, *bytes.Buffer) {
	out := &bytes.Buffer{}
	now := func() time.Time { return noon }
	return &handler{
		model: fraud.Rules{}, ledger: l, log: telemetry.Logger(out, contract.FraudDetector),
		metrics: telemetry.NewMetrics(out, now, "dev"), now: now,
	}, out
}

// invoke calls the handler as the Lambda runtime does: bytes in, bytes out.
func invoke(t *testing.T, h *handler, payload []byte) (string, error) {
	t.Helper()
	body, err := lambda.NewHandler(h.invoke).Invoke(t.Context(), payload)
	return string(body), err
}

func TestEveryLevelIsReachedByAWholePayload(t *testing.T) {
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
			h, _, out := holding(t, payload)
			body, err := invoke(t, h, payload)
			if err != nil {
				t.Fatal(err)
			}
			var got answer
			if err := json.Unmarshal([]byte(body), &got); err != nil {
				t.Fatal(err)
			}
			if got.Score.String() != c.score || got.RiskLevel != c.level {
				t.Errorf("score %s is %s, want %s %s", got.Score, got.RiskLevel, c.score, c.level)
			}
			if n := strings.Count(out.String(), `"RiskLevel":"`+c.level+`","TransactionsScored":1`); n != 1 {
				t.Errorf("%d metrics for %s in %s", n, c.level, out)
			}
		})
	}
}

func TestAnswerExplainsTheScore(t *testing.T) {
	payload := fixture(t, "medium")
	h, _, _ := holding(t, payload)
	body, err := invoke(t, h, payload)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"transaction_id":"txn_medium","provider":"stripe","score":0.45,"risk_level":"medium","risk_factors":[` +
		`{"name":"amount_magnitude","weight":0.2,"detail":"an amount of 10000.00 USD or more"},` +
		`{"name":"country_mismatch","weight":0.2,"detail":"card of US used from BR"},` +
		`{"name":"round_amount","weight":0.05,"detail":"a round amount"}],` +
		`"risk_summary":"Medium risk (score 0.45): an amount of 10000.00 USD or more; card of US used from BR; a round amount.",` +
		`"model_version":"rules-2026-11"}`
	if diff := cmp.Diff(want, body); diff != "" {
		t.Error(diff)
	}
}

func TestNothingUnusualIsAnEmptyListOfFactors(t *testing.T) {
	payload := fixture(t, "low-yen")
	h, _, _ := holding(t, payload)
	if body, err := invoke(t, h, payload); err != nil || !strings.Contains(body, `"risk_factors":[]`) {
		t.Errorf("%s, %v", body, err)
	}
}

// alarmist is another version of the model.
type alarmist struct{}

func (alarmist) Version() string { return "alarmist-1" }

func (alarmist) Score(fraud.Payment) fraud.Assessment {
	return fraud.Assessment{Score: 100, Level: fraud.High, Summary: "Run.", ModelVersion: "alarmist-1"}
}

func TestRepeatAnswersWithTheFirstResult(t *testing.T) {
	payload := fixture(t, "medium")
	h, _, out := holding(t, payload)
	first, err := invoke(t, h, payload)
	if err != nil {
		t.Fatal(err)
	}
	h.model = alarmist{}
	second, err := invoke(t, h, payload)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(first, second); diff != "" {
		t.Error(diff)
	}
	if n := strings.Count(out.String(), `"TransactionsScored"`+`:1`); n != 1 {
		t.Errorf("counted %d times", n)
	}
}

// broken is a ledger that fails.
type broken struct{ err error }

func (b broken) RecordFraud(context.Context, ledger.Key, ledger.FraudResult) (ledger.FraudResult, bool, error) {
	return ledger.FraudResult{}, false, b.err
}

func TestErrorsAreTypedForTheWorkflow(t *testing.T) {
	cases := map[string]struct {
		payload string
		ledger  recorder
		want    error
		named   string
	}{
		"not a detail":      {`{"detail":{"transaction_id":"txn_1"}}`, ledgertest.NewMemory(noon), event.ErrMalformed, "MalformedDetail"},
		"not an object":     {`"txn_1"`, ledgertest.NewMemory(noon), event.ErrMalformed, "MalformedDetail"},
		"never accepted":    {string(fixture(t, "low")), ledgertest.NewMemory(noon), ledger.ErrNotFound, "TransactionNotFound"},
		"table unavailable": {string(fixture(t, "low")), broken{ledger.ErrUnavailable}, ledger.ErrUnavailable, "LedgerUnavailable"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			h, out := newHandler(c.ledger)
			if _, err := h.handle(t.Context(), []byte(c.payload)); !errors.Is(err, c.want) {
				t.Errorf("error %v, want %v", err, c.want)
			}
			_, err := h.invoke(t.Context(), []byte(c.payload))
			if typed, ok := errors.AsType[messages.InvokeResponse_Error](err); !ok || typed.Type != c.named {
				t.Errorf("Lambda reports %#v, want %s", err, c.named)
			}
			if strings.Contains(out.String(), "_aws") {
				t.Errorf("counted a failure: %s", out)
			}
		})
	}
}

func TestStartNamesTheMissingVariable(t *testing.T) {
	full := map[string]string{contract.EnvEnvironmentSuffix: "dev", contract.EnvTableName: "transactions-dev"}
	for name := range full {
		getenv := func(key string) string {
			if key == name {
				return ""
			}
			return full[key]
		}
		if _, err := run(getenv, telemetry.Logger(&bytes.Buffer{}, "")); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("without %s: %v", name, err)
		}
	}
	if _, err := run(func(key string) string { return full[key] }, telemetry.Logger(&bytes.Buffer{}, "")); err != nil {
		t.Error(err)
	}
}
