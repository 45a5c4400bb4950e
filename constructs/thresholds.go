package constructs

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"regexp"
	"slices"
	"strconv"

	"github.com/bojanz/currency"

	"payment-webhooks/handlers/contract"
)

// ContextThresholds is the key of the thresholds in cdk.json's context.
const ContextThresholds = "amountThresholds"

// maxPatternBytes is EventBridge's default quota for the size of one pattern.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html
const maxPatternBytes = 2048

// limitPattern bounds a threshold to what EventBridge compares exactly: at
// most 5e9, with at most six decimals (aws/event-ruler, ComparableNumber).
var limitPattern = regexp.MustCompile(`^(0|[1-9][0-9]{0,9})(\.[0-9]{1,6})?$`)

// Band separates the routes of one currency's amounts: low is below Medium,
// medium is from Medium to High, both included, and high is above High.
type Band struct{ Medium, High Limit }

// Limit is an exact decimal above zero and up to 5 000 000 000, with at most
// six decimals. The zero value is no valid limit; [ParseLimit] makes one.
type Limit struct{ text string }

// ParseLimit reads a limit from decimal text without exponent.
func ParseLimit(text string) (Limit, error) {
	if limitPattern.MatchString(text) {
		l := Limit{text: text}
		if l.rat().Sign() > 0 && l.rat().Cmp(big.NewRat(contract.MaxMatchableAmount, 1)) <= 0 {
			return l, nil
		}
	}
	return Limit{}, fmt.Errorf("%w: %q: want a decimal above 0 and up to %d with at most 6 decimals, such as \"10000\" or \"999.99\"",
		ErrConfig, text, contract.MaxMatchableAmount)
}

// String returns the limit as it was written.
func (l Limit) String() string { return l.text }

func (l Limit) rat() *big.Rat {
	r, ok := new(big.Rat).SetString(l.text)
	if !ok {
		panic("constructs: limit not made by ParseLimit: " + strconv.Quote(l.text))
	}
	return r
}

// number is the limit as the JSON number of a pattern. Below 5e9 neighbouring
// doubles are less than a millionth apart, so distinct limits stay distinct
// and the shortest notation of the double is the limit itself.
func (l Limit) number() float64 {
	f, _ := l.rat().Float64()
	return f
}

// Thresholds is the routing policy: a band for every currency.
type Thresholds struct {
	Default    Band            // every currency that has no band of its own
	Currencies map[string]Band // by ISO 4217 code
}

// DefaultThresholds is the policy when none is configured: high above 10 000,
// medium from 1 000, whatever the currency.
func DefaultThresholds() Thresholds {
	return Thresholds{Default: Band{Medium: Limit{"1000"}, High: Limit{"10000"}}}
}

// Of returns the band of a currency.
func (t Thresholds) Of(code string) Band {
	if b, ok := t.Currencies[code]; ok {
		return b
	}
	return t.Default
}

// ThresholdsFromContext reads the value of [ContextThresholds]: nil for the
// default, or
//
//	{"default": {"medium": 1000, "high": "10000"},
//	 "currencies": {"IDR": {"medium": "15000000", "high": "150000000"}}}
//
// with limits as JSON numbers or decimal text, or the same as JSON text, which
// is how `cdk synth -c` hands it over. The error joins one error per problem.
func ThresholdsFromContext(value any) (Thresholds, error) {
	if value == nil {
		return DefaultThresholds(), nil
	}
	var r contextReader
	t := DefaultThresholds()
	for key, v := range r.object(ContextThresholds, r.parsed(value)) {
		switch key {
		case "default":
			t.Default = r.band(ContextThresholds+".default", v)
		case "currencies":
			t.Currencies = map[string]Band{}
			for code, b := range r.object(ContextThresholds+".currencies", v) {
				path := ContextThresholds + ".currencies." + code
				if !currency.IsValid(code) {
					r.refuse(path, code, "want an ISO 4217 code, such as IDR")
				}
				t.Currencies[code] = r.band(path, b)
			}
		default:
			r.refuse(ContextThresholds+"."+key, v, "want only default and currencies")
		}
	}
	if err := r.err(); err != nil {
		return Thresholds{}, err
	}
	for _, pattern := range []map[string]any{t.high(), t.medium(), t.low()} {
		text, err := json.Marshal(map[string]any{
			"source":      []string{contract.EventSource},
			"detail-type": []string{contract.DetailTypeTransactionReceived},
			"detail":      pattern,
		})
		if err != nil {
			return Thresholds{}, fmt.Errorf("write pattern: %w", err)
		}
		if len(text) > maxPatternBytes {
			return Thresholds{}, fmt.Errorf("%w: context %s has %d currencies with their own limits: the rule's pattern takes %d bytes, EventBridge accepts %d",
				ErrConfig, ContextThresholds, len(t.Currencies), len(text), maxPatternBytes)
		}
	}
	return t, nil
}

func (r *contextReader) band(path string, value any) Band {
	var b Band
	object := r.object(path, value)
	if object == nil {
		return b
	}
	for key := range object {
		if key != "medium" && key != "high" {
			r.refuse(path+"."+key, object[key], "want only medium and high")
		}
	}
	medium, okMedium := r.limit(path+".medium", object["medium"])
	high, okHigh := r.limit(path+".high", object["high"])
	if okMedium && okHigh && medium.rat().Cmp(high.rat()) > 0 {
		r.refuse(path+".medium", medium, fmt.Sprintf("want at most %s.high, which is %s", path, high))
	}
	return Band{Medium: medium, High: high}
}

func (r *contextReader) limit(path string, value any) (Limit, bool) {
	text := fmt.Sprint(value)
	if number, ok := value.(float64); ok {
		text = strconv.FormatFloat(number, 'f', -1, 64)
	}
	l, err := ParseLimit(text)
	if err != nil {
		r.problems = append(r.problems, fmt.Errorf("context %s: %w", path, err))
		return l, false
	}
	return l, true
}

// The three patterns of an event's detail. For each currency they are
// disjoint, and together they match every amount: the numeric parts meet at
// the same limits, and an amount too large for EventBridge to compare says so
// in a field of its own.

func (t Thresholds) high() map[string]any {
	alternatives := t.alternatives(func(b Band) []any { return []any{">", b.High.number()} })
	alternatives = append(alternatives, map[string]any{contract.DetailAmountBeyondMatching: []any{true}})
	return map[string]any{"$or": alternatives}
}

func (t Thresholds) medium() map[string]any {
	return anyOf(t.alternatives(func(b Band) []any { return []any{">=", b.Medium.number(), "<=", b.High.number()} }))
}

func (t Thresholds) low() map[string]any {
	return anyOf(t.alternatives(func(b Band) []any { return []any{"<", b.Medium.number()} }))
}

func anyOf(alternatives []any) map[string]any {
	if len(alternatives) == 1 {
		return alternatives[0].(map[string]any)
	}
	return map[string]any{"$or": alternatives}
}

// alternatives writes one pattern per distinct band. Each holds exactly one
// numeric matcher: two in one array would mean OR, not AND.
func (t Thresholds) alternatives(numeric func(Band) []any) []any {
	matcher := func(b Band) []any { return []any{map[string]any{"numeric": numeric(b)}} }
	others := map[string]any{contract.AttrAmount: matcher(t.Default)}
	if len(t.Currencies) == 0 {
		return []any{others}
	}
	codes := slices.Sorted(maps.Keys(t.Currencies))
	others[contract.AttrCurrency] = []any{map[string]any{"anything-but": codes}}
	alternatives := []any{others}
	done := map[Band]bool{}
	for _, code := range codes {
		b := t.Currencies[code]
		if done[b] {
			continue
		}
		done[b] = true
		var sharing []any
		for _, other := range codes {
			if t.Currencies[other] == b {
				sharing = append(sharing, other)
			}
		}
		alternatives = append(alternatives, map[string]any{contract.AttrCurrency: sharing, contract.AttrAmount: matcher(b)})
	}
	return alternatives
}
