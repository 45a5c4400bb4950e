// Package features reads the features that models use from a payment's metadata. A
// feature is a country code, a number or a boolean; free text never becomes one.
package features

import (
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"payment-webhooks/handlers/internal/fraud"
)

// Features are the metadata fields that models use. A field of another type or out of
// range counts as absent. Countries are two upper-case letters, or empty if absent.
type Features struct {
	IPCountry         string         `json:"ip_country,omitzero"`
	CardCountry       string         `json:"card_country,omitzero"`
	BillingCountry    string         `json:"billing_country,omitzero"`
	ShippingCountry   string         `json:"shipping_country,omitzero"`
	AttemptsLastHour  *fraud.Decimal `json:"attempts_last_hour,omitzero"` // not negative
	AccountAgeDays    *fraud.Decimal `json:"account_age_days,omitzero"`   // not negative
	NewCustomer       bool           `json:"new_customer,omitzero"`
	AnonymisedNetwork bool           `json:"anonymised_network,omitzero"` // a VPN, a proxy or Tor
}

// Of returns the features of a payment. There are none if its metadata was too large
// for the event.
func Of(p fraud.Payment) Features {
	var fields map[string]jsontext.Value
	if p.MetadataUnseen || json.Unmarshal(p.Metadata.Text(), &fields) != nil {
		return Features{}
	}
	return Features{
		IPCountry:         country(fields["ip_country"]),
		CardCountry:       country(fields["card_country"]),
		BillingCountry:    country(fields["billing_country"]),
		ShippingCountry:   country(fields["shipping_country"]),
		AttemptsLastHour:  number(fields["attempts_last_hour"]),
		AccountAgeDays:    number(fields["account_age_days"]),
		NewCustomer:       boolean(fields["new_customer"]),
		AnonymisedNetwork: boolean(fields["vpn"]) || boolean(fields["proxy"]) || boolean(fields["tor"]),
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

// number reads a JSON number, or a string with one, that is not negative.
func number(v jsontext.Value) *fraud.Decimal {
	written := string(v)
	if v.Kind() == '"' {
		written = text(v)
	}
	d, err := fraud.ParseDecimal(written)
	if err != nil || d.Cmp(fraud.Decimal{}) < 0 {
		return nil
	}
	return &d
}

// boolean reports whether a value is true or "true".
func boolean(v jsontext.Value) bool { return v.Kind() == 't' || text(v) == "true" }

func text(v jsontext.Value) string {
	var s string
	if v.Kind() != '"' || json.Unmarshal(v, &s) != nil {
		return ""
	}
	return s
}
