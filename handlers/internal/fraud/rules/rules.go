package rules

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"payment-webhooks/handlers/internal/fraud"
	"payment-webhooks/handlers/internal/fraud/features"
	"payment-webhooks/handlers/internal/money"
)

// Version changes with every change of a weight, a bound or a rule.
const Version = "rules-2026-11"

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

// Model is the mock model. Its weights sum to at most 1 whatever the payment:
// 0.3 + 0.05 + 0.05 + 0.05 from the payment itself, and either 0.2 + 0.15 + 0.1 +
// 0.1 from metadata or 0.1 for metadata that was left out of the event.
type Model struct{}

var _ fraud.Model = Model{}

// Score applies every rule; the error is always nil. With all else equal the score
// does not fall when attempts_last_hour grows or account_age_days shrinks; the
// weight of amount_magnitude does not fall when the amount grows. (The whole score
// may: 10000 is round, 10001 is not.)
func (Model) Score(_ context.Context, p fraud.Payment) (fraud.Assessment, error) {
	factors := []factor{amountMagnitude(p), roundAmount(p), uncommonCurrency(p), unusualHour(p)}
	if p.MetadataUnseen {
		factors = append(factors, factor{FactorMetadataUnseen, 10, "metadata too large to be looked at"})
	} else {
		f := features.Of(p)
		factors = append(factors, countryMismatch(f), velocity(f), newCustomer(f), anonymisedNetwork(f))
	}
	factors = slices.DeleteFunc(factors, func(f factor) bool { return f.weight == 0 })
	slices.SortFunc(factors, func(a, b factor) int {
		return cmp.Or(cmp.Compare(b.weight, a.weight), cmp.Compare(a.name, b.name))
	})

	a := fraud.Assessment{ModelVersion: Version}
	var sum hundredths
	for _, f := range factors {
		sum += f.weight
		a.Factors = append(a.Factors, fraud.Factor{Name: f.name, Weight: f.weight.decimal(), Detail: f.detail})
	}
	a.Score = sum.decimal()
	a.Level = fraud.LevelOf(a.Score)
	a.Summary = a.Sentence()
	return a, nil
}

// factor is the result of one rule. The zero value means that the rule does not apply.
type factor struct {
	name   string
	weight hundredths
	detail string
}

// hundredths is a score or weight in a form that adds up exactly: 25 is 0.25.
type hundredths int

func (h hundredths) decimal() fraud.Decimal {
	d, err := fraud.ParseDecimal(fmt.Sprintf("%de-2", h))
	if err != nil {
		panic(err) // every whole number of hundredths is a decimal
	}
	return d
}

// unitExponents gives, for the currencies in common use, the exponent of the unit
// in which amounts are normalised: the power of ten that buys about what one US
// dollar buys. It is 3 for the won, where a lunch costs 10 000. This is an order of
// magnitude for telling large from small, not an exchange rate. A currency that is
// not listed has the dollar's unit (and is uncommon).
var unitExponents = map[string]int{
	"AED": 0, "AUD": 0, "BRL": 0, "CAD": 0, "CHF": 0, "CLP": 3, "CNY": 1, "COP": 3, "CZK": 1, "DKK": 1,
	"EUR": 0, "GBP": 0, "HKD": 1, "HUF": 2, "IDR": 4, "ILS": 0, "INR": 2, "JPY": 2, "KRW": 3, "KWD": 0,
	"MXN": 1, "MYR": 0, "NOK": 1, "NZD": 0, "PHP": 1, "PLN": 0, "SAR": 0, "SEK": 1, "SGD": 0, "THB": 1,
	"TRY": 1, "TWD": 1, "USD": 0, "VND": 4, "ZAR": 1,
}

// magnitudes are bounds of normalised amounts, greatest first.
var magnitudes = []struct {
	from   int
	weight hundredths
}{{1_000_000, 30}, {50_000, 25}, {10_000, 20}, {5_000, 10}, {1_000, 5}}

func amountMagnitude(p fraud.Payment) factor {
	for _, m := range magnitudes {
		bound := inUnits(m.from, unitExponents[p.Currency])
		if p.Amount.Cmp(bound) >= 0 {
			return factor{FactorAmount, m.weight, fmt.Sprintf("an amount of %s or more", money.Money{Amount: bound, Currency: p.Currency}.Format())}
		}
	}
	return factor{}
}

// inUnits returns the amount of n units of 10^exponent.
func inUnits(n, exponent int) money.Amount {
	a, err := money.Parse(fmt.Sprintf("%de%d", n, exponent))
	if err != nil {
		panic(err) // only the tables of this file come here
	}
	return a
}

// roundAmount applies to whole thousands of normalised units: card testers and
// launderers like round sums, shoppers seldom meet them.
func roundAmount(p fraud.Payment) factor {
	zeros := 3 + unitExponents[p.Currency]
	if strings.HasSuffix(p.Amount.String(), strings.Repeat("0", zeros)) && !strings.Contains(p.Amount.String(), ".") {
		return factor{FactorRoundAmount, 5, "a round amount"}
	}
	return factor{}
}

func uncommonCurrency(p fraud.Payment) factor {
	if _, common := unitExponents[p.Currency]; common {
		return factor{}
	}
	return factor{FactorUncommonCurrency, 5, "an uncommon currency"}
}

// unusualHour applies from 00:00 to 04:59 UTC. It approximates the payer's night, because
// no notification contains the payer's time zone.
func unusualHour(p fraud.Payment) factor {
	if p.ReceivedAt.UTC().Hour() < 5 {
		return factor{FactorUnusualHour, 5, "received between 00:00 and 05:00 UTC"}
	}
	return factor{}
}

// countryMismatch gives a payer who is not in the card's country more weight than a
// parcel that goes abroad: gifts are sent abroad, cards seldom travel alone.
func countryMismatch(f features.Features) factor {
	if f.IPCountry != "" && f.CardCountry != "" && f.IPCountry != f.CardCountry {
		return factor{FactorCountryMismatch, 20, fmt.Sprintf("card of %s used from %s", f.CardCountry, f.IPCountry)}
	}
	if f.BillingCountry != "" && f.ShippingCountry != "" && f.BillingCountry != f.ShippingCountry {
		return factor{FactorCountryMismatch, 10, fmt.Sprintf("billed in %s, shipped to %s", f.BillingCountry, f.ShippingCountry)}
	}
	return factor{}
}

func velocity(f features.Features) factor {
	switch attempts := f.AttemptsLastHour; {
	case attempts == nil:
		return factor{}
	case attempts.Cmp(ten) >= 0:
		return factor{FactorVelocity, 15, "10 or more attempts in the last hour"}
	case attempts.Cmp(five) >= 0:
		return factor{FactorVelocity, 10, "5 or more attempts in the last hour"}
	default:
		return factor{}
	}
}

func newCustomer(f features.Features) factor {
	switch age := f.AccountAgeDays; {
	case f.NewCustomer, age != nil && age.Cmp(one) < 0:
		return factor{FactorNewCustomer, 10, "a customer of less than a day"}
	case age != nil && age.Cmp(thirty) < 0:
		return factor{FactorNewCustomer, 5, "a customer of less than 30 days"}
	default:
		return factor{}
	}
}

// Bounds of attempts and days.
var (
	one    = hundredths(1 * 100).decimal()
	five   = hundredths(5 * 100).decimal()
	ten    = hundredths(10 * 100).decimal()
	thirty = hundredths(30 * 100).decimal()
)

func anonymisedNetwork(f features.Features) factor {
	if f.AnonymisedNetwork {
		return factor{FactorAnonymisedNetwork, 10, "an anonymised network"}
	}
	return factor{}
}
