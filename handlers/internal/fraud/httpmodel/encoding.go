package httpmodel

import (
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"payment-webhooks/handlers/internal/fraud"
	"payment-webhooks/handlers/internal/fraud/features"
	"payment-webhooks/handlers/internal/redact"
	"payment-webhooks/handlers/internal/transaction"
)

// request is the body of the POST. It has no customer, and of the metadata only the
// features of package features.
type request struct {
	TransactionID  string            `json:"transaction_id"` // to find the payment in the model's own log
	Provider       string            `json:"provider"`
	Kind           string            `json:"kind"`
	ReversedKind   string            `json:"reversed_kind,omitempty"` // what a reversal takes back
	Amount         jsontext.Value    `json:"amount"`                  // exact number
	Currency       string            `json:"currency"`
	ReceivedAt     string            `json:"received_at"`
	Features       features.Features `json:"features"`
	MetadataUnseen bool              `json:"metadata_unseen"` // the features are empty because metadata was too large
}

// maxCount caps the features that are counts. Models need not distinguish larger counts,
// and a card number cannot pass as a count.
var maxCount = mustParse("1000000")

func mustParse(text string) fraud.Decimal {
	d, err := fraud.ParseDecimal(text)
	if err != nil {
		panic(err)
	}
	return d
}

func encode(p fraud.Payment) ([]byte, error) {
	f := features.Of(p)
	f.AttemptsLastHour, f.AccountAgeDays = capped(f.AttemptsLastHour), capped(f.AccountAgeDays)
	id := p.ID
	if redact.ID(id) { // the webhook endpoint rejects card numbers; this package does not rely on it
		id, _ = redact.Text(id)
	}
	return json.Marshal(request{
		TransactionID:  id,
		Provider:       p.Provider,
		Kind:           p.Kind,
		ReversedKind:   p.ReversedKind,
		Amount:         jsontext.Value(p.Amount.String()),
		Currency:       p.Currency,
		ReceivedAt:     transaction.FormatTime(p.ReceivedAt),
		Features:       f,
		MetadataUnseen: p.MetadataUnseen,
	})
}

// capped returns n, at most maxCount. It also rounds to a few decimal places, because
// 0.4111111111111111 could hide a card number.
func capped(n *fraud.Decimal) *fraud.Decimal {
	if n == nil {
		return nil
	}
	c := n.Round(places)
	if c.Cmp(maxCount) > 0 {
		c = maxCount
	}
	return &c
}

// places is the number of decimal places of scores and weights, as in the archive's
// table in docs/archive.md.
const places = 4

// decode reads a response with the members of fraud.Assessment, of which score and
// model_version are required; other members are ignored. Numbers are rounded to a few
// places. A missing level is derived from the score, and a missing summary from level,
// score and factors. Card numbers in texts are masked. The error is
// fraud.ErrMalformed, also when the version claims to be that of a fallback.
func decode(text []byte) (fraud.Assessment, error) {
	var response struct {
		Score *fraud.Decimal `json:"score"`
		fraud.Assessment
	}
	if err := json.Unmarshal(text, &response); err != nil || response.Score == nil {
		return fraud.Assessment{}, fmt.Errorf("%w: not the documented JSON", fraud.ErrMalformed) // err quotes it
	}
	a := response.Assessment
	a.Score = *response.Score
	if !a.IsProbability() { // before it is rounded: 1.00001 is no probability
		return fraud.Assessment{}, fmt.Errorf("%w: score is not from 0 to 1", fraud.ErrMalformed)
	}
	if strings.Contains(a.ModelVersion, fraud.FallbackMark) {
		return fraud.Assessment{}, fmt.Errorf("%w: model_version names a fallback", fraud.ErrMalformed)
	}
	a.Score = a.Score.Round(places)
	for i := range a.Factors {
		f := &a.Factors[i]
		f.Weight = f.Weight.Round(places)
		f.Name, _ = redact.Text(f.Name)
		f.Detail, _ = redact.Text(f.Detail)
	}
	if a.Level == "" {
		a.Level = fraud.LevelOf(a.Score)
	}
	if a.Summary == "" {
		a.Summary = a.Sentence()
	}
	a.Summary, _ = redact.Text(a.Summary)
	a.ModelVersion, _ = redact.Text(a.ModelVersion)
	if err := a.Check(); err != nil {
		return fraud.Assessment{}, err
	}
	return a, nil
}
