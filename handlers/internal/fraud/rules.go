package fraud

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"payment-webhooks/handlers/internal/money"
)

// RulesVersion changes with every change of a weight, a bound or a rule.
const RulesVersion = "rules-2026-11"

// A score of at least MediumFrom is medium, of at least HighFrom high.
const (
	MediumFrom Hundredths = 35
	HighFrom   Hundredths = 60
)

// Names of the factors.
const (
	FactorAmount            = "amount_magnitude"
	FactorRoundAmount       = "round_amount"
	FactorUncommonCurrency  = "uncommon_currency"
	FactorUnusualHour       = "unusual_hour"
	FactorCountryMismatch   = "country_mismatch"
	FactorVelocity          = "velocity"
	FactorNewCustomer       = "new_customer"
	FactorAnonymisedNetwork = "anonymised_network"
	FactorMetadataUnseen    = "metadata_unseen"
)

// Rules is the mock model. Its weights sum to at most 100 whatever the payment:
// 30 + 5 + 5 + 5 from the payment itself, and either 20 + 15 + 10 + 10 from
// metadata or 10 for metadata that cannot be seen.
type Rules struct{}

// Version is RulesVersion.
func (Rules) Version() string { return RulesVersion }

// Score applies every rule. With all else equal the score does not fall when
// attempts_last_hour grows or account_age_days shrinks; the weight of
// amount_magnitude does not fall when the amount grows. (The whole score may:
// 10000 is round, 10001 is not.)
func (Rules) Score(p Payment) Assessment {
	factors := []Factor{amountMagnitude(p), roundAmount(p), uncommonCurrency(p), unusualHour(p)}
	if p.MetadataUnseen {
		factors = append(factors, Factor{FactorMetadataUnseen, 10, "metadata too large to be looked at"})
	} else {
		h := readHints(p.Metadata.Text())
		factors = append(factors, countryMismatch(h), velocity(h), newCustomer(h), anonymisedNetwork(h))
	}
	factors = slices.DeleteFunc(factors, func(f Factor) bool { return f.Weight == 0 })
	slices.SortFunc(factors, func(a, b Factor) int {
		return cmp.Or(cmp.Compare(b.Weight, a.Weight), cmp.Compare(a.Name, b.Name))
	})
	a := Assessment{Factors: factors, ModelVersion: RulesVersion}
	for _, f := range factors {
		a.Score += f.Weight
	}
	a.Level = level(a.Score)
	a.Summary = summary(a)
	return a
}

func level(score Hundredths) Level {
	switch {
	case score >= HighFrom:
		return High
	case score >= MediumFrom:
		return Medium
	default:
		return Low
	}
}

func summary(a Assessment) string {
	if len(a.Factors) == 0 {
		return "Low risk (score 0): nothing unusual."
	}
	var reasons []string
	for _, f := range a.Factors {
		reasons = append(reasons, f.Detail)
	}
	name := strings.ToUpper(string(a.Level[:1])) + string(a.Level[1:])
	return fmt.Sprintf("%s risk (score %s): %s.", name, a.Score, strings.Join(reasons, "; "))
}

// String is the decimal without trailing zeros: "0.25", "0.3", "1".
func (h Hundredths) String() string {
	text := fmt.Sprintf("%d.%02d", h/100, h%100)
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
}

// everyday gives, for the currencies in common use, the power of ten that buys
// about what one US dollar buys: 3 for the won, where a lunch costs 10 000. It is
// an order of magnitude for telling large from small, not an exchange rate, and
// a currency that is not here counts as a dollar (and as uncommon).
var everyday = map[string]int{
	"AED": 0, "AUD": 0, "BRL": 0, "CAD": 0, "CHF": 0, "CLP": 3, "CNY": 1, "COP": 3, "CZK": 1, "DKK": 1,
	"EUR": 0, "GBP": 0, "HKD": 1, "HUF": 2, "IDR": 4, "ILS": 0, "INR": 2, "JPY": 2, "KRW": 3, "KWD": 0,
	"MXN": 1, "MYR": 0, "NOK": 1, "NZD": 0, "PHP": 1, "PLN": 0, "SAR": 0, "SEK": 1, "SGD": 0, "THB": 1,
	"TRY": 1, "TWD": 1, "USD": 0, "VND": 4, "ZAR": 1,
}

// magnitudes are bounds in everyday units, greatest first.
var magnitudes = []struct {
	from   int
	weight Hundredths
}{{1_000_000, 30}, {50_000, 25}, {10_000, 20}, {5_000, 10}, {1_000, 5}}

func amountMagnitude(p Payment) Factor {
	for _, m := range magnitudes {
		bound := inUnits(m.from, everyday[p.Currency])
		if p.Amount.Cmp(bound) >= 0 {
			return Factor{FactorAmount, m.weight, fmt.Sprintf("an amount of %s or more", money.Money{Amount: bound, Currency: p.Currency}.Format())}
		}
	}
	return Factor{}
}

// inUnits is n times a power of ten.
func inUnits(n, exponent int) money.Amount {
	a, err := money.Parse(fmt.Sprintf("%de%d", n, exponent))
	if err != nil {
		panic(err) // only the tables of this file come here
	}
	return a
}

// roundAmount counts whole thousands of everyday units: card testers and
// launderers like round sums, shoppers seldom meet them.
func roundAmount(p Payment) Factor {
	zeros := 3 + everyday[p.Currency]
	if strings.HasSuffix(p.Amount.String(), strings.Repeat("0", zeros)) && !strings.Contains(p.Amount.String(), ".") {
		return Factor{FactorRoundAmount, 5, "a round amount"}
	}
	return Factor{}
}

func uncommonCurrency(p Payment) Factor {
	if _, common := everyday[p.Currency]; common {
		return Factor{}
	}
	return Factor{FactorUncommonCurrency, 5, "an uncommon currency"}
}

// unusualHour counts 00:00 to 04:59 UTC: a mock of the payer's night, whose time
// zone nobody told us.
func unusualHour(p Payment) Factor {
	if p.ReceivedAt.UTC().Hour() < 5 {
		return Factor{FactorUnusualHour, 5, "received between 00:00 and 05:00 UTC"}
	}
	return Factor{}
}

// hints are the metadata fields that the rules know. A field of another type
// or out of range counts as absent.
type hints struct {
	ipCountry, cardCountry, billingCountry, shippingCountry string // two letters

	attemptsLastHour, accountAgeDays *money.Amount
	newCustomer                      bool
	anonymised                       bool
}

func readHints(metadata jsontext.Value) hints {
	var fields map[string]jsontext.Value
	if err := json.Unmarshal(metadata, &fields); err != nil {
		return hints{} // no metadata, or not ours to understand
	}
	return hints{
		ipCountry:        country(fields["ip_country"]),
		cardCountry:      country(fields["card_country"]),
		billingCountry:   country(fields["billing_country"]),
		shippingCountry:  country(fields["shipping_country"]),
		attemptsLastHour: number(fields["attempts_last_hour"]),
		accountAgeDays:   number(fields["account_age_days"]),
		newCustomer:      truth(fields["new_customer"]),
		anonymised:       truth(fields["vpn"]) || truth(fields["proxy"]) || truth(fields["tor"]),
	}
}

// country reads two ASCII letters, in either case.
func country(v jsontext.Value) string {
	text := strings.ToUpper(text(v))
	if len(text) != 2 || text[0] < 'A' || text[0] > 'Z' || text[1] < 'A' || text[1] > 'Z' {
		return ""
	}
	return text
}

// number reads a JSON number or a string of one, not negative.
func number(v jsontext.Value) *money.Amount {
	written := string(v)
	if v.Kind() == '"' {
		written = text(v)
	}
	a, err := money.Parse(written)
	if err != nil || a.Sign() < 0 {
		return nil
	}
	return &a
}

// truth reads true or "true".
func truth(v jsontext.Value) bool { return v.Kind() == 't' || text(v) == "true" }

func text(v jsontext.Value) string {
	var s string
	if v.Kind() != '"' || json.Unmarshal(v, &s) != nil {
		return ""
	}
	return s
}

// countryMismatch weighs where the payer sits against the card more than where
// the parcel goes: gifts are sent abroad, cards seldom travel alone.
func countryMismatch(h hints) Factor {
	if h.ipCountry != "" && h.cardCountry != "" && h.ipCountry != h.cardCountry {
		return Factor{FactorCountryMismatch, 20, fmt.Sprintf("card of %s used from %s", h.cardCountry, h.ipCountry)}
	}
	if h.billingCountry != "" && h.shippingCountry != "" && h.billingCountry != h.shippingCountry {
		return Factor{FactorCountryMismatch, 10, fmt.Sprintf("billed in %s, shipped to %s", h.billingCountry, h.shippingCountry)}
	}
	return Factor{}
}

func velocity(h hints) Factor {
	switch {
	case h.attemptsLastHour == nil:
		return Factor{}
	case h.attemptsLastHour.Cmp(inUnits(10, 0)) >= 0:
		return Factor{FactorVelocity, 15, "10 or more attempts in the last hour"}
	case h.attemptsLastHour.Cmp(inUnits(5, 0)) >= 0:
		return Factor{FactorVelocity, 10, "5 or more attempts in the last hour"}
	default:
		return Factor{}
	}
}

func newCustomer(h hints) Factor {
	switch age := h.accountAgeDays; {
	case h.newCustomer, age != nil && age.Cmp(inUnits(1, 0)) < 0:
		return Factor{FactorNewCustomer, 10, "a customer of less than a day"}
	case age != nil && age.Cmp(inUnits(30, 0)) < 0:
		return Factor{FactorNewCustomer, 5, "a customer of less than 30 days"}
	default:
		return Factor{}
	}
}

func anonymisedNetwork(h hints) Factor {
	if h.anonymised {
		return Factor{FactorAnonymisedNetwork, 10, "an anonymised network"}
	}
	return Factor{}
}
