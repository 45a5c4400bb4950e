package fraud_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"payment-webhooks/handlers/internal/fraud"
	"payment-webhooks/handlers/internal/fraud/httpmodel"
	"payment-webhooks/handlers/internal/fraud/rules"
	"payment-webhooks/handlers/internal/money"
	"payment-webhooks/handlers/internal/transaction"
)

// weekends is a model with one rule: payments at weekends are risky.
type weekends struct{}

func (weekends) Score(_ context.Context, p fraud.Payment) (fraud.Assessment, error) {
	text := "0.1"
	if day := p.ReceivedAt.UTC().Weekday(); day == time.Saturday || day == time.Sunday {
		text = "0.7"
	}
	score, err := fraud.ParseDecimal(text)
	if err != nil {
		return fraud.Assessment{}, err
	}
	a := fraud.Assessment{Score: score, Level: fraud.LevelOf(score), ModelVersion: "weekends-1"}
	a.Summary = a.Sentence()
	return a, nil
}

func examplePayment() fraud.Payment {
	amount, _ := money.Parse("15000")
	return fraud.Payment{Transaction: transaction.Transaction{
		ID: "txn_1", Provider: "stripe", Kind: "payment", Money: money.Money{Amount: amount, Currency: "USD"},
		ReceivedAt: time.Date(2026, 11, 22, 15, 0, 0, 0, time.UTC), // a Sunday
	}}
}

// A model of your own returns a score, its level, a sentence and a version.
func ExampleModel() {
	var model fraud.Model = weekends{}
	a, err := model.Score(context.Background(), examplePayment())
	fmt.Println(a.Score, a.Level, a.ModelVersion, err)
	fmt.Println(a.Summary)
	// Output:
	// 0.7 high weekends-1 <nil>
	// High risk (score 0.7).
}

// A model behind an endpoint, with the rules for when it does not respond. In
// fraud-detector's main, stepfunctions.ReportFallback takes the place of the
// function that prints.
func ExampleWithFallback() {
	healthy := true
	endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if !healthy {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		fmt.Fprint(w, `{"score":0.8712,"model_version":"gbm-7"}`)
	}))
	defer endpoint.Close()

	remote, err := httpmodel.New(httpmodel.Config{URL: endpoint.URL, Timeout: httpmodel.MaxTimeout})
	if err != nil {
		fmt.Println(err)
		return
	}
	model := fraud.WithFallback(remote, rules.Model{}, func(_ context.Context, err error) { fmt.Println("fallback:", err) })

	for range 2 {
		a, err := model.Score(context.Background(), examplePayment())
		fmt.Println(a.Score, a.Level, a.ModelVersion, err)
		healthy = false
	}
	// Output:
	// 0.8712 high gbm-7 <nil>
	// fallback: fraud model unavailable: status 503
	// 0.25 low rules-2026-11; fallback: unavailable <nil>
}
