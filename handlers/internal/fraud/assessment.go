package fraud

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/transaction"
)

// Bounds of an Assessment. They keep items, alerts and archived lines small whatever a
// model returns. Lengths are in bytes.
const (
	MaxFactors = 20
	MaxName    = 64  // of a factor
	MaxText    = 500 // of a summary, and of a factor's detail
	MaxVersion = 100 // of a model version
)

// Level is the risk level, on which the workflow and people act.
type Level string

// The levels, from the lowest risk to the highest.
const (
	Low    Level = contract.RiskLow
	Medium Level = contract.RiskMedium
	High   Level = contract.RiskHigh
)

// The lowest scores of the levels Medium and High.
var (
	MediumFrom = mustParse("0.35")
	HighFrom   = mustParse("0.6")
)

// LevelOf returns the level of a score, for models without levels of their own.
func LevelOf(score Decimal) Level {
	switch {
	case score.Cmp(HighFrom) >= 0:
		return High
	case score.Cmp(MediumFrom) >= 0:
		return Medium
	default:
		return Low
	}
}

// Assessment is a model's result for a payment. Its JSON is part of
// fraud-detector's response and of an archived line; package contract has the
// names of the members.
type Assessment struct {
	Score        Decimal  `json:"score"`         // probability of fraud, 0 to 1
	Level        Level    `json:"risk_level"`    // Low, Medium or High
	Factors      []Factor `json:"risk_factors"`  // why, most important first; optional
	Summary      string   `json:"risk_summary"`  // one sentence for a person, part of the fraud alert
	ModelVersion string   `json:"model_version"` // the model and its version, printable ASCII
}

// Factor is one reason for a score.
type Factor struct {
	Name   string  `json:"name"`
	Weight Decimal `json:"weight"` // its importance; only the rules' weights add up to the score
	Detail string  `json:"detail"` // a phrase for a person; never repeats free text of the payment
}

// Check reports the first rule that the assessment breaks: the score is from 0 to
// 1, the level is a known one, the summary and the model version are not empty,
// and everything is within the bounds above and free of control characters. The
// error is ErrMalformed and names the member, not its value.
func (a Assessment) Check() error {
	if !a.IsProbability() {
		return malformed(contract.FraudScore, "is not from 0 to 1")
	}
	if !slices.Contains([]Level{Low, Medium, High}, a.Level) {
		return malformed(contract.FraudRiskLevel, "is unknown")
	}
	if a.ModelVersion == "" || len(a.ModelVersion) > MaxVersion || strings.ContainsFunc(a.ModelVersion, notPrintableASCII) {
		return malformed(contract.FraudModelVersion, fmt.Sprintf("is not 1 to %d printable ASCII characters", MaxVersion))
	}
	if a.Summary == "" || !isText(a.Summary, MaxText) {
		return malformed(contract.FraudRiskSummary, fmt.Sprintf("is not text of 1 to %d bytes", MaxText))
	}
	if len(a.Factors) > MaxFactors {
		return malformed(contract.FraudRiskFactors, fmt.Sprintf("has more than %d factors", MaxFactors))
	}
	for i, f := range a.Factors {
		if f.Name == "" || !isText(f.Name, MaxName) || !isText(f.Detail, MaxText) {
			return malformed(contract.FraudRiskFactors, fmt.Sprintf("has a name or detail that is no text or too long, in factor %d", i))
		}
	}
	return nil
}

// IsProbability reports whether the score is from 0 to 1.
func (a Assessment) IsProbability() bool {
	return a.Score.Cmp(Decimal{}) >= 0 && a.Score.Cmp(one) <= 0
}

var one = mustParse("1")

func malformed(member, rule string) error { return fmt.Errorf("%w: %s %s", ErrMalformed, member, rule) }

func notPrintableASCII(r rune) bool { return r < ' ' || r > '~' }

func isText(s string, limit int) bool {
	return len(s) <= limit && utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}

// Sentence returns a summary made of level, score and factors, for models that write
// none: "High risk (score 0.87): card of US used from BR." It leaves out the last
// factors if the text would be longer than MaxText. The level must not be empty.
func (a Assessment) Sentence() string {
	text := strings.ToUpper(string(a.Level[:1])) + string(a.Level[1:]) + " risk (score " + a.Score.String() + ")"
	separator := ": "
	for _, f := range a.Factors {
		if f.Detail == "" {
			continue
		}
		if len(text)+len(separator)+len(f.Detail)+len(".") > MaxText {
			break
		}
		text += separator + f.Detail
		separator = "; "
	}
	if len(a.Factors) == 0 && a.Score == (Decimal{}) {
		text += ": nothing unusual"
	}
	return text + "."
}

// Result is an assessment as it is recorded with the transaction. An archived
// line contains its JSON.
type Result struct {
	Assessment
	ScoredAt time.Time
}

// Canonical returns the result as every ledger returns it: ScoredAt in UTC
// without a monotonic clock, Factors nil when there are none. It shares no memory
// with the receiver.
func (r Result) Canonical() Result {
	r.ScoredAt = r.ScoredAt.UTC().Round(0)
	r.Factors = slices.Clone(r.Factors)
	if len(r.Factors) == 0 {
		r.Factors = nil
	}
	return r
}

// MarshalJSON writes the assessment's members and scored_at, in the form of a
// transaction's received_at.
func (r Result) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Assessment
		ScoredAt string `json:"scored_at"`
	}{r.Assessment, transaction.FormatTime(r.ScoredAt)})
}
