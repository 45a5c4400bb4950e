package tiers

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"payment-webhooks/handlers/contract"
)

// maxPatternBytes is EventBridge's default quota for the size of one pattern.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html
const maxPatternBytes = 2048

// Detail returns the pattern that an event's detail matches when its amount
// belongs to tier i, or nil when that is every event, because there is only one
// tier. An event whose amount may be too large for EventBridge to compare has the
// field amount_beyond_matching, which the topmost tier matches.
func (l List) Detail(i int) map[string]any {
	if len(l) == 1 {
		return nil
	}
	alternatives := l.alternatives(i)
	if i == len(l)-1 {
		alternatives = append(alternatives, map[string]any{contract.DetailAmountBeyondMatching: []any{true}})
	}
	if len(alternatives) == 1 {
		return alternatives[0]
	}
	return map[string]any{"$or": alternatives}
}

// Pattern returns the whole event pattern of tier i as JSON.
func (l List) Pattern(i int) ([]byte, error) {
	pattern := map[string]any{
		"source":      []string{contract.EventSource},
		"detail-type": []string{contract.DetailTypeTransactionReceived},
	}
	if detail := l.Detail(i); detail != nil {
		pattern["detail"] = detail
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false) // \u003e would count as six characters
	err := encoder.Encode(pattern)
	return bytes.TrimSpace(text.Bytes()), err
}

// alternatives returns one pattern for the currencies without bounds of their
// own, and one for each group of currencies that share theirs. Each holds
// exactly one numeric matcher: two in one array would mean OR, not AND.
func (l List) alternatives(i int) []map[string]any {
	matcher := func(code string) []any { return []any{map[string]any{"numeric": l.numeric(i, code)}} }
	others := map[string]any{contract.FieldAmount: matcher("")}
	codes := slices.Sorted(maps.Keys(l[len(l)-1].Currencies))
	if len(codes) == 0 {
		return []map[string]any{others}
	}
	others[contract.FieldCurrency] = []any{map[string]any{"anything-but": codes}}

	sharing := map[string][]string{} // codes by what they compare with
	key := func(code string) string { return fmt.Sprint(l.numeric(i, code)) }
	for _, code := range codes {
		sharing[key(code)] = append(sharing[key(code)], code)
	}
	alternatives := []map[string]any{others}
	for _, code := range codes {
		if group := sharing[key(code)]; group[0] == code {
			alternatives = append(alternatives, map[string]any{contract.FieldCurrency: group, contract.FieldAmount: matcher(code)})
		}
	}
	return alternatives
}

// numeric returns the comparison that the amounts of tier i pass in a currency.
func (l List) numeric(i int, code string) []any {
	var comparison []any
	if i > 0 {
		operator := ">="
		if l[i].Above {
			operator = ">"
		}
		comparison = append(comparison, operator, l[i].lower(code).number())
	}
	if i+1 < len(l) {
		next := l[i+1]
		operator := "<"
		if next.Above {
			operator = "<="
		}
		comparison = append(comparison, operator, next.lower(code).number())
		// From a limit up to and including it: EventBridge rejects such a
		// range and accepts an equality.
		// https://github.com/aws/event-ruler (Range.ensureValidRange)
		if i > 0 && l[i].lower(code).Rat().Cmp(next.lower(code).Rat()) == 0 {
			comparison = []any{"=", next.lower(code).number()}
		}
	}
	return comparison
}
