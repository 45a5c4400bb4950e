package fraud_test

import (
	stdcmp "cmp"
	stdjson "encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/fraud"
)

func decimal(t testing.TB, text string) fraud.Decimal {
	t.Helper()
	d, err := fraud.ParseDecimal(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// whole is a valid assessment with something in every member.
func whole(t testing.TB) fraud.Assessment {
	return fraud.Assessment{
		Score: decimal(t, "0.87"), Level: fraud.High, Summary: `A "large" <payment> & more.`, ModelVersion: "mock-1",
		Factors: []fraud.Factor{
			{Name: "amount", Weight: decimal(t, "0.50"), Detail: "far above the usual"},
			{Name: "hour", Weight: decimal(t, "0.37"), Detail: "at night"},
		},
	}
}

func TestCheck(t *testing.T) {
	long := strings.Repeat("x", fraud.MaxText)
	for _, c := range []struct {
		name   string
		change func(*fraud.Assessment)
		says   string // "" when it is valid
	}{
		{"accepts a whole assessment", func(*fraud.Assessment) {}, ""},
		{"accepts a score of 0", func(a *fraud.Assessment) { a.Score = fraud.Decimal{} }, ""},
		{"accepts a score of 1", func(a *fraud.Assessment) { a.Score = decimal(t, "1") }, ""},
		{"accepts no factors", func(a *fraud.Assessment) { a.Factors = nil }, ""},
		{"accepts weights that do not add up", func(a *fraud.Assessment) { a.Factors[0].Weight = decimal(t, "-7") }, ""},
		{"accepts the longest texts", func(a *fraud.Assessment) {
			a.Summary, a.ModelVersion = long, long[:fraud.MaxVersion]
			a.Factors[0].Name, a.Factors[0].Detail = long[:fraud.MaxName], long
		}, ""},
		{"rejects a negative score", func(a *fraud.Assessment) { a.Score = decimal(t, "-1E-100") }, contract.FraudScore},
		{"rejects a score above 1", func(a *fraud.Assessment) { a.Score = decimal(t, "1.0000000000000000000000000000000000001") }, contract.FraudScore},
		{"rejects no level", func(a *fraud.Assessment) { a.Level = "" }, contract.FraudRiskLevel},
		{"rejects the workflow's unknown", func(a *fraud.Assessment) { a.Level = contract.RiskUnknown }, contract.FraudRiskLevel},
		{"rejects no summary", func(a *fraud.Assessment) { a.Summary = "" }, contract.FraudRiskSummary},
		{"rejects a long summary", func(a *fraud.Assessment) { a.Summary = long + "x" }, contract.FraudRiskSummary},
		{"rejects a summary with control characters", func(a *fraud.Assessment) { a.Summary = "a\nb" }, contract.FraudRiskSummary},
		{"rejects a summary that is not UTF-8", func(a *fraud.Assessment) { a.Summary = "\xff" }, contract.FraudRiskSummary},
		{"rejects no version", func(a *fraud.Assessment) { a.ModelVersion = "" }, contract.FraudModelVersion},
		{"rejects a long version", func(a *fraud.Assessment) { a.ModelVersion = long[:fraud.MaxVersion+1] }, contract.FraudModelVersion},
		{"rejects a version beyond ASCII", func(a *fraud.Assessment) { a.ModelVersion = "modèle" }, contract.FraudModelVersion},
		{"rejects many factors", func(a *fraud.Assessment) {
			a.Factors = make([]fraud.Factor, fraud.MaxFactors+1)
			for i := range a.Factors {
				a.Factors[i].Name = "n"
			}
		}, contract.FraudRiskFactors},
		{"rejects a factor without a name", func(a *fraud.Assessment) { a.Factors[1].Name = "" }, contract.FraudRiskFactors},
		{"rejects a factor with a long name", func(a *fraud.Assessment) { a.Factors[1].Name = long[:fraud.MaxName+1] }, contract.FraudRiskFactors},
		{"rejects a factor with a long detail", func(a *fraud.Assessment) { a.Factors[1].Detail = long + "x" }, contract.FraudRiskFactors},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := whole(t)
			c.change(&a)
			err := a.Check()
			if c.says == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if !errors.Is(err, fraud.ErrMalformed) || !strings.Contains(err.Error(), c.says+" ") || len(err.Error()) > 150 {
				t.Errorf("error %v, want one that names %s", err, c.says)
			}
		})
	}
}

func TestLevelOf(t *testing.T) {
	for score, want := range map[string]fraud.Level{
		"0": fraud.Low, "0.3499": fraud.Low, "0.35": fraud.Medium, "0.5999": fraud.Medium, "0.6": fraud.High, "1": fraud.High,
	} {
		if got := fraud.LevelOf(decimal(t, score)); got != want {
			t.Errorf("%s is %s, want %s", score, got, want)
		}
	}
}

func TestSentence(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*fraud.Assessment)
		want   string
	}{
		{"joins the factors", func(*fraud.Assessment) {}, "High risk (score 0.87): far above the usual; at night."},
		{"without factors", func(a *fraud.Assessment) { a.Factors = nil }, "High risk (score 0.87)."},
		{"for nothing unusual", func(a *fraud.Assessment) { *a = fraud.Assessment{Level: fraud.Low} }, "Low risk (score 0): nothing unusual."},
		{"leaves out what does not fit", func(a *fraud.Assessment) {
			a.Factors[0].Detail = strings.Repeat("x", fraud.MaxText-len("High risk (score 0.87): ; y."))
			a.Factors[1].Detail = "yy"
		}, "High risk (score 0.87): " + strings.Repeat("x", fraud.MaxText-len("High risk (score 0.87): ; y.")) + "."},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := whole(t)
			c.change(&a)
			if diff := cmp.Diff(c.want, a.Sentence()); diff != "" || len(a.Sentence()) > fraud.MaxText {
				t.Error(diff)
			}
		})
	}
}

// The texts are what archived lines and the workflow have always had.
func TestJSON(t *testing.T) {
	const members = `"score":0.87,"risk_level":"high",` +
		`"risk_factors":[{"name":"amount","weight":0.5,"detail":"far above the usual"},{"name":"hour","weight":0.37,"detail":"at night"}],` +
		`"risk_summary":"A \"large\" <payment> & more.","model_version":"mock-1"`
	scored := time.Date(2026, 11, 22, 16, 4, 6, 123456789, time.FixedZone("", 3600))
	plain := fraud.Assessment{Level: fraud.Low, Summary: "Fine.", ModelVersion: "mock-1"}
	for _, c := range []struct {
		name  string
		value any
		want  string
	}{
		{"of an assessment", whole(t), "{" + members + "}"},
		{"of a result", fraud.Result{Assessment: whole(t), ScoredAt: scored}, "{" + members + `,"scored_at":"2026-11-22T15:04:06.123456789Z"}`},
		{
			"of a result without factors",
			fraud.Result{Assessment: plain, ScoredAt: scored.Truncate(time.Second)},
			`{"score":0,"risk_level":"low","risk_factors":[],"risk_summary":"Fine.","model_version":"mock-1","scored_at":"2026-11-22T15:04:06.000000000Z"}`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := json.Marshal(c.value)
			if diff := cmp.Diff(c.want, string(got)); err != nil || diff != "" {
				t.Error(err, diff)
			}
		})
	}

	t.Run("has the contract's names", func(t *testing.T) {
		for value, want := range map[any][]string{
			reflect.TypeFor[fraud.Assessment](): {
				contract.FraudScore, contract.FraudRiskLevel, contract.FraudRiskFactors, contract.FraudRiskSummary, contract.FraudModelVersion,
			},
			reflect.TypeFor[fraud.Factor](): {contract.FraudFactorName, contract.FraudFactorWeight, contract.FraudFactorDetail},
		} {
			var got []string
			for field := range value.(reflect.Type).Fields() {
				got = append(got, field.Tag.Get("json"))
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		}
		body, err := json.Marshal(fraud.Result{Assessment: whole(t), ScoredAt: scored})
		if err != nil || !strings.Contains(string(body), `"`+contract.FraudScoredAt+`":`) {
			t.Errorf("%s, %v", body, err)
		}
	})
}

func TestCanonical(t *testing.T) {
	r := fraud.Result{Assessment: whole(t), ScoredAt: time.Now().In(time.FixedZone("", 3600))}
	got := r.Canonical()
	if got.ScoredAt != got.ScoredAt.UTC().Round(0) || !got.ScoredAt.Equal(r.ScoredAt) {
		t.Errorf("scored at %v", got.ScoredAt)
	}
	clear(got.Factors)
	if diff := cmp.Diff(whole(t), r.Assessment); diff != "" {
		t.Errorf("it shares memory: %s", diff)
	}
	r.Factors = []fraud.Factor{}
	if r.Canonical().Factors != nil {
		t.Error("no factors are not nil")
	}
}

func TestDecimal(t *testing.T) {
	t.Run("is written short and exact", func(t *testing.T) {
		for text, want := range map[string]string{
			"0": "0", "-0.0": "0", "0.05": "0.05", "0.870": "0.87", "1.00": "1", "5e-2": "0.05", "0.30000000000000004": "0.30000000000000004",
			"1.5E-100": "1.5E-100", "12345678901234567890123456789012345678": "12345678901234567890123456789012345678",
		} {
			d := decimal(t, text)
			body, err := stdjson.Marshal(d)
			if err != nil || d.String() != want || string(body) != want {
				t.Errorf("%s is %s, and in JSON %s, %v; want %s", text, d, body, err, want)
			}
			var back fraud.Decimal
			if err := json.Unmarshal(body, &back); err != nil || back != d {
				t.Errorf("%s comes back as %s, %v", body, back, err)
			}
		}
	})
	t.Run("is a JSON number only", func(t *testing.T) {
		for _, text := range []string{"", "NaN", "+1", "01", `"0.5"`, "1e400", "null"} {
			var d fraud.Decimal
			if _, err := fraud.ParseDecimal(text); err == nil {
				t.Errorf("%q is parsed", text)
			}
			if err := d.UnmarshalJSON([]byte(text)); err == nil {
				t.Errorf("%q is unmarshalled", text)
			}
		}
	})
	t.Run("compares as a number", func(t *testing.T) {
		ascending := []string{"-1E100", "-1", "0", "1E-100", "0.35", "0.6", "1", "9"}
		for i, a := range ascending {
			for j, b := range ascending {
				if got, want := decimal(t, a).Cmp(decimal(t, b)), stdcmp.Compare(i, j); got != want {
					t.Errorf("%s against %s is %d", a, b, got)
				}
			}
		}
	})
	t.Run("rounds to the nearest", func(t *testing.T) {
		for text, want := range map[string]string{
			"0": "0", "0.3": "0.3", "0.12345": "0.1235", "0.12344999": "0.1234", "-0.12345": "-0.1235", "-0.00001": "0", "0.99995": "1",
			"1E+100": "1E+100", "1E-130": "0", "9999999999999999999999999999999.999999": "10000000000000000000000000000000",
			"12345678901234567890123456789012345.678": "12345678901234567890123456789012345.678",
		} {
			if got := decimal(t, text).Round(4); got != decimal(t, want) {
				t.Errorf("%s is rounded to %s, want %s", text, got, want)
			}
		}
	})
}
