package rules_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"payment-webhooks/handlers/internal/fraud"
	"payment-webhooks/handlers/internal/fraud/rules"
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

func score(t testing.TB, p fraud.Payment) fraud.Assessment {
	t.Helper()
	a, err := rules.Model{}.Score(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// factors writes the names and weights of an assessment on one line.
func factors(a fraud.Assessment) string {
	var parts []string
	for _, f := range a.Factors {
		parts = append(parts, f.Name+" "+f.Weight.String())
	}
	return strings.Join(parts, ", ")
}

func TestRules(t *testing.T) {
	cases := map[string]struct {
		amount, currency, metadata string
		want                       string
	}{
		"a usual payment":               {"12.34", "USD", `{"order_id":"order_123"}`, ""},
		"just below the first bound":    {"999.99", "USD", "", ""},
		"on it, and round":              {"1000", "USD", "", "amount_magnitude 0.05, round_amount 0.05"},
		"above it":                      {"1000.01", "USD", "", "amount_magnitude 0.05"},
		"second bound":                  {"5000.50", "EUR", "", "amount_magnitude 0.1"},
		"third bound":                   {"10000.01", "GBP", "", "amount_magnitude 0.2"},
		"fourth bound":                  {"50001", "USD", "", "amount_magnitude 0.25"},
		"last bound":                    {"1000000", "USD", "", "amount_magnitude 0.3, round_amount 0.05"},
		"the largest amount":            {"9999999999999.99", "USD", "", "amount_magnitude 0.3"},
		"the README's first payment":    {"15000", "USD", `{"order_id":"order_123"}`, "amount_magnitude 0.2, round_amount 0.05"},
		"a yen is not a dollar":         {"15000", "JPY", "", ""},
		"but a million of them":         {"1000000", "JPY", "", "amount_magnitude 0.2, round_amount 0.05"},
		"rupiah are small":              {"6000000000", "IDR", "", "amount_magnitude 0.25, round_amount 0.05"},
		"an uncommon currency":          {"10", "XOF", "", "uncommon_currency 0.05"},
		"not round in its own currency": {"15000", "KRW", "", ""},
		"card abroad":                   {"10", "USD", `{"ip_country":"BR","card_country":"US"}`, "country_mismatch 0.2"},
		"card at home, in another case": {"10", "USD", `{"ip_country":"us","card_country":"US"}`, ""},
		"parcel abroad":                 {"10", "USD", `{"billing_country":"US","shipping_country":"NG"}`, "country_mismatch 0.1"},
		"both count once":               {"10", "USD", `{"ip_country":"BR","card_country":"US","billing_country":"US","shipping_country":"NG"}`, "country_mismatch 0.2"},
		"a country that is none":        {"10", "USD", `{"ip_country":"Brazil","card_country":"US"}`, ""},
		"a few attempts":                {"10", "USD", `{"attempts_last_hour":4}`, ""},
		"many":                          {"10", "USD", `{"attempts_last_hour":5}`, "velocity 0.1"},
		"many, re-rendered":             {"10", "USD", `{"attempts_last_hour":1.2E1}`, "velocity 0.15"},
		"many, as text":                 {"10", "USD", `{"attempts_last_hour":"10"}`, "velocity 0.15"},
		"attempts that are none":        {"10", "USD", `{"attempts_last_hour":[12]}`, ""},
		"negative attempts":             {"10", "USD", `{"attempts_last_hour":-12}`, ""},
		"an old customer":               {"10", "USD", `{"account_age_days":30}`, ""},
		"a young customer":              {"10", "USD", `{"account_age_days":29}`, "new_customer 0.05"},
		"a customer of today":           {"10", "USD", `{"account_age_days":0}`, "new_customer 0.1"},
		"a customer said to be new":     {"10", "USD", `{"new_customer":true,"account_age_days":400}`, "new_customer 0.1"},
		"a customer said not to be":     {"10", "USD", `{"new_customer":false}`, ""},
		"behind a VPN":                  {"10", "USD", `{"vpn":true}`, "anonymised_network 0.1"},
		"behind Tor, as text":           {"10", "USD", `{"tor":"true","proxy":"no"}`, "anonymised_network 0.1"},
		"everything at once": {
			"2000000", "XOF", `{"ip_country":"BR","card_country":"US","attempts_last_hour":12,"account_age_days":0,"vpn":true}`,
			"amount_magnitude 0.3, country_mismatch 0.2, velocity 0.15, anonymised_network 0.1, new_customer 0.1, round_amount 0.05, uncommon_currency 0.05",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got := score(t, payment(t, c.amount, c.currency, c.metadata))
			if diff := cmp.Diff(c.want, factors(got)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestUnusualHour(t *testing.T) {
	for hour := range 24 {
		p := payment(t, "10", "USD", "")
		p.ReceivedAt = time.Date(2026, 11, 22, hour, 59, 59, 0, time.UTC).In(time.FixedZone("", -8*3600))
		if applies := factors(score(t, p)) == "unusual_hour 0.05"; applies != (hour < 5) {
			t.Errorf("at %02d:59 UTC it applies: %v", hour, applies)
		}
	}
}

func TestMetadataUnseen(t *testing.T) {
	p := payment(t, "10", "USD", `{"vpn":true}`)
	p.MetadataUnseen = true
	if got := factors(score(t, p)); got != "metadata_unseen 0.1" {
		t.Errorf("factors %s", got)
	}
}

func TestLevels(t *testing.T) {
	for _, c := range []struct {
		name, metadata, score string
		level                 fraud.Level
	}{
		{"low", `{}`, "0.25", fraud.Low},
		{"low, just below medium", `{"account_age_days":3}`, "0.3", fraud.Low},
		{"medium from its bound", `{"vpn":true}`, "0.35", fraud.Medium},
		{"medium, just below high", `{"vpn":true,"card_country":"US","ip_country":"BR"}`, "0.55", fraud.Medium},
		{"high from its bound", `{"vpn":true,"card_country":"US","ip_country":"BR","account_age_days":3}`, "0.6", fraud.High},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := score(t, payment(t, "15000", "USD", c.metadata))
			if got.Score.String() != c.score || got.Level != c.level {
				t.Errorf("score %s is %s, want %s %s", got.Score, got.Level, c.score, c.level)
			}
		})
	}
}

func TestSummary(t *testing.T) {
	for _, c := range []struct{ name, amount, metadata, want string }{
		{"without factors", "10", "", "Low risk (score 0): nothing unusual."},
		{
			"with factors", "15000", `{"card_country":"US","ip_country":"BR","attempts_last_hour":12}`,
			"High risk (score 0.6): an amount of 10000.00 USD or more; card of US used from BR; " +
				"10 or more attempts in the last hour; a round amount.",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, score(t, payment(t, c.amount, "USD", c.metadata)).Summary); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// random makes any payment out of the values that the rules tell apart, and
// some that they must ignore.
func random(t testing.TB, r *rand.Rand) fraud.Payment {
	pick := func(of ...string) string { return of[r.IntN(len(of))] }
	countries := []string{`"US"`, `"us"`, `"BR"`, `"??"`, `7`, `null`}
	fields := []string{`"free_text":"4111 1111 1111 1111 drop table"`}
	for _, field := range []struct {
		name   string
		values []string
	}{
		{"ip_country", countries},
		{"card_country", countries},
		{"billing_country", countries},
		{"shipping_country", countries},
		{"attempts_last_hour", []string{"0", "5", "10", "1E3", `"7"`, "-1", "{}"}},
		{"account_age_days", []string{"0", "0.5", "1", "29.99", "30", `"3"`, "[]"}},
		{"new_customer", []string{"true", "false", `"true"`}},
		{"vpn", []string{"true", "false", "1"}},
	} {
		if r.IntN(2) == 0 {
			fields = append(fields, fmt.Sprintf("%q:%s", field.name, pick(field.values...)))
		}
	}
	p := payment(t, pick("0.01", "999.99", "1000", "5000", "10000", "15000", "50000", "1000000", "6000000000", "999999999999999"),
		pick("USD", "JPY", "IDR", "KWD", "XOF"), "{"+strings.Join(fields, ",")+"}")
	p.ReceivedAt = p.ReceivedAt.Add(time.Duration(r.IntN(24)) * time.Hour)
	p.MetadataUnseen = r.IntN(10) == 0
	return p
}

// hundredths are exact integers to calculate with.
func hundredths(t testing.TB, d fraud.Decimal) int {
	t.Helper()
	f, err := strconv.ParseFloat(d.String(), 64)
	if err != nil {
		t.Fatal(err)
	}
	return int(math.Round(f * 100))
}

func TestScore(t *testing.T) {
	t.Run("is the sum of its factors from 0 to 1, the same each time, and repeats no free text", func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 2))
		seen := map[fraud.Level]int{}
		for range 2_000 {
			p := random(t, r)
			a := score(t, p)
			if err := a.Check(); err != nil {
				t.Fatalf("%v: %+v", err, a)
			}
			sum := 0
			for _, f := range a.Factors {
				sum += hundredths(t, f.Weight)
				if hundredths(t, f.Weight) <= 0 || f.Detail == "" {
					t.Fatalf("factor %+v of %+v", f, p)
				}
			}
			if hundredths(t, a.Score) != sum {
				t.Fatalf("score %s with factors of %d hundredths for %+v", a.Score, sum, p)
			}
			if strings.Contains(fmt.Sprint(a), "4111") {
				t.Fatalf("free text of the payment in %+v", a)
			}
			if diff := cmp.Diff(a, score(t, p)); diff != "" {
				t.Fatalf("second score of %+v differs: %s", p, diff)
			}
			seen[a.Level]++
		}
		if len(seen) != 3 {
			t.Errorf("levels reached: %v", seen)
		}
	})

	with := func(p fraud.Payment, name string, value int) fraud.Decimal {
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
		return score(t, p).Score
	}
	t.Run("does not fall with more attempts or a younger account", func(t *testing.T) {
		r := rand.New(rand.NewPCG(3, 4))
		for range 2_000 {
			p := random(t, r)
			n := r.IntN(40)
			if with(p, "attempts_last_hour", n).Cmp(with(p, "attempts_last_hour", n+1)) > 0 {
				t.Fatalf("score falls from %d attempts to the next: %+v", n, p)
			}
			if with(p, "account_age_days", n).Cmp(with(p, "account_age_days", n+1)) < 0 {
				t.Fatalf("score rises from %d days to the next: %+v", n, p)
			}
		}
	})

	t.Run("gives a larger amount no smaller weight", func(t *testing.T) {
		before := 0
		for amount := 1; amount < 3_000_000; amount += 333 { // never a round one
			weight := 0
			for _, f := range score(t, payment(t, fmt.Sprint(amount), "USD", "")).Factors {
				if f.Name == rules.FactorAmount {
					weight = hundredths(t, f.Weight)
				}
			}
			if weight < before {
				t.Fatalf("weight falls from %d to %d at %d", before, weight, amount)
			}
			before = weight
		}
	})

	// The digest is of what this version of the rules has always said. A rule that
	// changes has a new rules.Version, and with it a new digest.
	t.Run("of a version never changes", func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 2))
		all := sha256.New()
		for range 5_000 {
			a := score(t, random(t, r))
			line := fmt.Sprintf("%s %s %q %s", a.Score, a.Level, a.Summary, a.ModelVersion)
			for _, f := range a.Factors {
				line += fmt.Sprintf(" [%s %s %q]", f.Name, f.Weight, f.Detail)
			}
			fmt.Fprintln(all, line)
		}
		const want = "e8c99de0fbe7cdbbabbf023cb66671221802ecc8c8c796334c7653c451ca37ef"
		if got := hex.EncodeToString(all.Sum(nil)); got != want {
			t.Errorf("the digest is %s", got)
		}
	})
}

func TestDocumentedWeights(t *testing.T) {
	doc, err := os.ReadFile("../../../../docs/fraud-model.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\|.*\\| ([0-9.]+(?:, [0-9.]+)*) \\|$").FindAllStringSubmatch(string(doc), -1) {
		rows[row[1]] = row[2]
	}
	want := map[string]string{
		rules.FactorAmount: "0.05, 0.1, 0.2, 0.25, 0.3", rules.FactorRoundAmount: "0.05",
		rules.FactorUncommonCurrency: "0.05", rules.FactorUnusualHour: "0.05",
		rules.FactorCountryMismatch: "0.1, 0.2", rules.FactorVelocity: "0.1, 0.15",
		rules.FactorNewCustomer: "0.05, 0.1", rules.FactorAnonymisedNetwork: "0.1", rules.FactorMetadataUnseen: "0.1",
	}
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Error(diff)
	}
	for _, text := range []string{rules.Version, fraud.MediumFrom.String(), fraud.HighFrom.String()} {
		if !strings.Contains(string(doc), "`"+text+"`") {
			t.Errorf("%s is not in the document", text)
		}
	}
}

func TestDocumentedUnits(t *testing.T) {
	doc, err := os.ReadFile("../../../../docs/fraud-model.md")
	if err != nil {
		t.Fatal(err)
	}
	codes := 0
	for _, row := range regexp.MustCompile(`(?m)^\| ([0-9 ]+) \| ([A-Z ]+)`).FindAllStringSubmatch(string(doc), -1) {
		unit, _ := new(big.Int).SetString(strings.ReplaceAll(row[1], " ", ""), 10)
		bound := unit.Mul(unit, big.NewInt(1000))
		for _, code := range strings.Fields(row[2]) {
			codes++
			if got := factors(score(t, payment(t, bound.String(), code, ""))); got != "amount_magnitude 0.05, round_amount 0.05" {
				t.Errorf("%s %s: %s", bound, code, got)
			}
		}
		below := new(big.Int).Sub(bound, big.NewInt(1))
		if got := factors(score(t, payment(t, below.String(), strings.Fields(row[2])[0], ""))); got != "" {
			t.Errorf("%s: %s", below, got)
		}
	}
	if codes != 35 {
		t.Errorf("%d currencies in the document, the rules know 35", codes)
	}
}
