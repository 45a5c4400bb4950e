package fraud_test

import (
	"encoding/json"
	"fmt"
	"math/big"
	"math/rand/v2"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"payment-webhooks/handlers/internal/fraud"
	"payment-webhooks/handlers/internal/ledger/ledgertest"
	"payment-webhooks/handlers/internal/money"
	"payment-webhooks/handlers/internal/transaction"
)

func payment(t testing.TB, amount, currency, metadata string) fraud.Payment {
	t.Helper()
	a, err := money.Parse(amount)
	if err != nil {
		t.Fatal(err)
	}
	p := fraud.Payment{Transaction: transaction.Transaction{
		ID: "txn_1", Provider: "stripe", Money: money.Money{Amount: a, Currency: currency}, CustomerID: "cust_1",
		ReceivedAt: time.Date(2026, 11, 22, 15, 0, 0, 0, time.UTC),
	}}
	if metadata != "" {
		p.Metadata = ledgertest.Metadata(metadata)
	}
	return p
}

// factors writes the names and weights of an assessment on one line.
func factors(a fraud.Assessment) string {
	var parts []string
	for _, f := range a.Factors {
		parts = append(parts, fmt.Sprintf("%s %d", f.Name, f.Weight))
	}
	return strings.Join(parts, ", ")
}

func TestEachRuleHasItsWeight(t *testing.T) {
	cases := map[string]struct {
		amount, currency, metadata string
		want                       string
	}{
		"an everyday payment":           {"12.34", "USD", `{"order_id":"order_123"}`, ""},
		"just below the first bound":    {"999.99", "USD", "", ""},
		"on it, and round":              {"1000", "USD", "", "amount_magnitude 5, round_amount 5"},
		"above it":                      {"1000.01", "USD", "", "amount_magnitude 5"},
		"second bound":                  {"5000.50", "EUR", "", "amount_magnitude 10"},
		"third bound":                   {"10000.01", "GBP", "", "amount_magnitude 20"},
		"fourth bound":                  {"50001", "USD", "", "amount_magnitude 25"},
		"last bound":                    {"1000000", "USD", "", "amount_magnitude 30, round_amount 5"},
		"the largest amount":            {"9999999999999.99", "USD", "", "amount_magnitude 30"},
		"the README's first payment":    {"15000", "USD", `{"order_id":"order_123"}`, "amount_magnitude 20, round_amount 5"},
		"a yen is not a dollar":         {"15000", "JPY", "", ""},
		"but a million of them":         {"1000000", "JPY", "", "amount_magnitude 20, round_amount 5"},
		"rupiah are small":              {"6000000000", "IDR", "", "amount_magnitude 25, round_amount 5"},
		"an uncommon currency":          {"10", "XOF", "", "uncommon_currency 5"},
		"not round in its own currency": {"15000", "KRW", "", ""},
		"card abroad":                   {"10", "USD", `{"ip_country":"BR","card_country":"US"}`, "country_mismatch 20"},
		"card at home, in another case": {"10", "USD", `{"ip_country":"us","card_country":"US"}`, ""},
		"parcel abroad":                 {"10", "USD", `{"billing_country":"US","shipping_country":"NG"}`, "country_mismatch 10"},
		"both count once":               {"10", "USD", `{"ip_country":"BR","card_country":"US","billing_country":"US","shipping_country":"NG"}`, "country_mismatch 20"},
		"a country that is none":        {"10", "USD", `{"ip_country":"Brazil","card_country":"US"}`, ""},
		"a few attempts":                {"10", "USD", `{"attempts_last_hour":4}`, ""},
		"many":                          {"10", "USD", `{"attempts_last_hour":5}`, "velocity 10"},
		"many, re-rendered":             {"10", "USD", `{"attempts_last_hour":1.2E1}`, "velocity 15"},
		"many, as text":                 {"10", "USD", `{"attempts_last_hour":"10"}`, "velocity 15"},
		"attempts that are none":        {"10", "USD", `{"attempts_last_hour":[12]}`, ""},
		"negative attempts":             {"10", "USD", `{"attempts_last_hour":-12}`, ""},
		"an old customer":               {"10", "USD", `{"account_age_days":30}`, ""},
		"a young customer":              {"10", "USD", `{"account_age_days":29}`, "new_customer 5"},
		"a customer of today":           {"10", "USD", `{"account_age_days":0}`, "new_customer 10"},
		"a customer said to be new":     {"10", "USD", `{"new_customer":true,"account_age_days":400}`, "new_customer 10"},
		"a customer said not to be":     {"10", "USD", `{"new_customer":false}`, ""},
		"behind a VPN":                  {"10", "USD", `{"vpn":true}`, "anonymised_network 10"},
		"behind Tor, as text":           {"10", "USD", `{"tor":"true","proxy":"no"}`, "anonymised_network 10"},
		"everything at once": {
			"2000000", "XOF", `{"ip_country":"BR","card_country":"US","attempts_last_hour":12,"account_age_days":0,"vpn":true}`,
			"amount_magnitude 30, country_mismatch 20, velocity 15, anonymised_network 10, new_customer 10, round_amount 5, uncommon_currency 5",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got := fraud.Rules{}.Score(payment(t, c.amount, c.currency, c.metadata))
			if diff := cmp.Diff(c.want, factors(got)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestNightIsFiveHoursUTC(t *testing.T) {
	for hour := range 24 {
		p := payment(t, "10", "USD", "")
		p.ReceivedAt = time.Date(2026, 11, 22, hour, 59, 59, 0, time.UTC).In(time.FixedZone("", -8*3600))
		if counted := len((fraud.Rules{}).Score(p).Factors) > 0; counted != (hour < 5) {
			t.Errorf("at %02d:59 UTC counted is %v", hour, counted)
		}
	}
}

func TestMetadataThatCannotBeSeenCountsByItself(t *testing.T) {
	p := payment(t, "10", "USD", `{"vpn":true}`)
	p.MetadataUnseen = true
	if got := factors(fraud.Rules{}.Score(p)); got != "metadata_unseen 10" {
		t.Errorf("factors %s", got)
	}
}

func TestLevelsBeginAtTheirScores(t *testing.T) {
	cases := []struct {
		metadata string
		score    fraud.Hundredths
		level    fraud.Level
	}{
		{`{}`, 25, fraud.Low},
		{`{"account_age_days":3}`, 30, fraud.Low},
		{`{"vpn":true}`, 35, fraud.Medium},
		{`{"vpn":true,"card_country":"US","ip_country":"BR"}`, 55, fraud.Medium},
		{`{"vpn":true,"card_country":"US","ip_country":"BR","account_age_days":3}`, 60, fraud.High},
	}
	for _, c := range cases {
		got := fraud.Rules{}.Score(payment(t, "15000", "USD", c.metadata))
		if got.Score != c.score || got.Level != c.level {
			t.Errorf("%s: score %d is %s, want %d %s", c.metadata, got.Score, got.Level, c.score, c.level)
		}
	}
}

func TestSummaryIsOneSentenceForAPerson(t *testing.T) {
	cases := []struct{ amount, metadata, want string }{
		{"10", "", "Low risk (score 0): nothing unusual."},
		{"15000", `{"card_country":"US","ip_country":"BR","attempts_last_hour":12}`, "High risk (score 0.6): an amount of 10000.00 USD or more; card of US used from BR; " +
			"10 or more attempts in the last hour; a round amount."},
	}
	for _, c := range cases {
		if diff := cmp.Diff(c.want, fraud.Rules{}.Score(payment(t, c.amount, "USD", c.metadata)).Summary); diff != "" {
			t.Error(diff)
		}
	}
}

func TestHundredthsAreWrittenAsShortDecimals(t *testing.T) {
	for h, want := range map[fraud.Hundredths]string{0: "0", 5: "0.05", 10: "0.1", 87: "0.87", 100: "1"} {
		if got := h.String(); got != want {
			t.Errorf("%d is written %q, want %q", int(h), got, want)
		}
	}
}

// random makes any payment out of the values that the rules tell apart, and
// some that they must ignore.
func random(t testing.TB, r *rand.Rand) fraud.Payment {
	pick := func(of ...string) string { return of[r.IntN(len(of))] }
	countries := []string{`"US"`, `"us"`, `"BR"`, `"??"`, `7`, `null`}
	fields := []string{`"free_text":"4111 1111 1111 1111 drop table"`}
	for name, values := range map[string][]string{
		"ip_country": countries, "card_country": countries, "billing_country": countries, "shipping_country": countries,
		"attempts_last_hour": {"0", "5", "10", "1E3", `"7"`, "-1", "{}"},
		"account_age_days":   {"0", "0.5", "1", "29.99", "30", `"3"`, "[]"},
		"new_customer":       {"true", "false", `"true"`},
		"vpn":                {"true", "false", "1"},
	} {
		if r.IntN(2) == 0 {
			fields = append(fields, fmt.Sprintf("%q:%s", name, values[r.IntN(len(values))]))
		}
	}
	p := payment(t, pick("0.01", "999.99", "1000", "5000", "10000", "15000", "50000", "1000000", "6000000000", "999999999999999"),
		pick("USD", "JPY", "IDR", "KWD", "XOF"), "{"+strings.Join(fields, ",")+"}")
	p.ReceivedAt = p.ReceivedAt.Add(time.Duration(r.IntN(24)) * time.Hour)
	p.MetadataUnseen = r.IntN(10) == 0
	return p
}

func TestEveryScoreIsTheSumOfItsFactorsBetweenZeroAndOne(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	seen := map[fraud.Level]int{}
	for range 5_000 {
		p := random(t, r)
		a := fraud.Rules{}.Score(p)
		sum := fraud.Hundredths(0)
		for _, f := range a.Factors {
			sum += f.Weight
			if f.Weight <= 0 || f.Name == "" || f.Detail == "" {
				t.Fatalf("factor %+v of %+v", f, p)
			}
		}
		if a.Score != sum || a.Score < 0 || a.Score > 100 {
			t.Fatalf("score %d with factors of %d for %+v", a.Score, sum, p)
		}
		if strings.Contains(fmt.Sprint(a), "4111") {
			t.Fatalf("free text of the payment in %+v", a)
		}
		if diff := cmp.Diff(a, fraud.Rules{}.Score(p)); diff != "" {
			t.Fatalf("second score of %+v differs: %s", p, diff)
		}
		seen[a.Level]++
	}
	for _, level := range []fraud.Level{fraud.Low, fraud.Medium, fraud.High} {
		if seen[level] == 0 {
			t.Errorf("no payment reached %s", level)
		}
	}
}

func TestScoreFollowsWhatItPromisesToFollow(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	with := func(p fraud.Payment, name string, value int) fraud.Hundredths {
		var fields map[string]any
		if err := json.Unmarshal(p.Metadata.Text(), &fields); err != nil {
			t.Fatal(err)
		}
		fields[name] = value
		text, err := json.Marshal(fields)
		if err != nil {
			t.Fatal(err)
		}
		p.Metadata = ledgertest.Metadata(string(text))
		return fraud.Rules{}.Score(p).Score
	}
	for range 5_000 {
		p := random(t, r)
		n := r.IntN(40)
		if with(p, "attempts_last_hour", n) > with(p, "attempts_last_hour", n+1) {
			t.Fatalf("score falls from %d attempts to the next: %+v", n, p)
		}
		if with(p, "account_age_days", n) < with(p, "account_age_days", n+1) {
			t.Fatalf("score rises from %d days to the next: %+v", n, p)
		}
	}
	var before fraud.Hundredths
	for amount := 1; amount < 3_000_000; amount += 333 { // never a round one
		var weight fraud.Hundredths
		for _, f := range (fraud.Rules{}).Score(payment(t, fmt.Sprint(amount), "USD", "")).Factors {
			if f.Name == fraud.FactorAmount {
				weight = f.Weight
			}
		}
		if weight < before {
			t.Fatalf("weight falls from %d to %d at %d", before, weight, amount)
		}
		before = weight
	}
}

// TestDocumentedWeightsAreTheRules keeps docs/fraud-model.md honest.
func TestDocumentedWeightsAreTheRules(t *testing.T) {
	doc, err := os.ReadFile("../../../docs/fraud-model.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\|.*\\| ([0-9.]+(?:, [0-9.]+)*) \\|$").FindAllStringSubmatch(string(doc), -1) {
		rows[row[1]] = row[2]
	}
	want := map[string]string{
		fraud.FactorAmount: "0.05, 0.1, 0.2, 0.25, 0.3", fraud.FactorRoundAmount: "0.05",
		fraud.FactorUncommonCurrency: "0.05", fraud.FactorUnusualHour: "0.05",
		fraud.FactorCountryMismatch: "0.1, 0.2", fraud.FactorVelocity: "0.1, 0.15",
		fraud.FactorNewCustomer: "0.05, 0.1", fraud.FactorAnonymisedNetwork: "0.1", fraud.FactorMetadataUnseen: "0.1",
	}
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Error(diff)
	}
	for _, fact := range []string{fraud.RulesVersion, fraud.MediumFrom.String(), fraud.HighFrom.String()} {
		if !strings.Contains(string(doc), "`"+fact+"`") {
			t.Errorf("%s is not in the document", fact)
		}
	}
}

func TestDocumentedUnitsAreTheRules(t *testing.T) {
	doc, err := os.ReadFile("../../../docs/fraud-model.md")
	if err != nil {
		t.Fatal(err)
	}
	codes := 0
	for _, row := range regexp.MustCompile(`(?m)^\| ([0-9 ]+) \| ([A-Z ]+)`).FindAllStringSubmatch(string(doc), -1) {
		unit, _ := new(big.Int).SetString(strings.ReplaceAll(row[1], " ", ""), 10)
		bound := unit.Mul(unit, big.NewInt(1000))
		for _, code := range strings.Fields(row[2]) {
			codes++
			if got := factors(fraud.Rules{}.Score(payment(t, bound.String(), code, ""))); got != "amount_magnitude 5, round_amount 5" {
				t.Errorf("%s %s: %s", bound, code, got)
			}
		}
		below := new(big.Int).Sub(bound, big.NewInt(1))
		if got := factors(fraud.Rules{}.Score(payment(t, below.String(), strings.Fields(row[2])[0], ""))); got != "" {
			t.Errorf("%s: %s", below, got)
		}
	}
	if codes != 35 {
		t.Errorf("%d currencies in the document, the rules know 35", codes)
	}
}
