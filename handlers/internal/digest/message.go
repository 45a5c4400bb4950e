package digest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/money"
	"payment-webhooks/handlers/internal/transaction"
)

// Message is a text for people.
type Message struct {
	Subject string // at most 100 ASCII characters, without line breaks: that of an SNS e-mail
	Text    string // names every transaction
	SMS     string // at most MaxSMS characters: Text or, if it is longer, what fits of the summary
}

// MaxSMS is the most characters of a text message that SNS sends, in as many parts as needed.
// https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
const MaxSMS = 1600

// describe writes the message about entries, at least one.
func describe(tier string, entries []entry) Message {
	tier = strings.ToUpper(tier[:1]) + tier[1:]
	first, last := entries[0].transaction.ReceivedAt, entries[len(entries)-1].transaction.ReceivedAt
	var sums totals
	var lines []string
	for _, e := range entries {
		t := e.transaction
		sums.add(t)
		lines = append(lines, fmt.Sprintf(contract.AlertSentence, tier, t.Kind, t.Format(), t.Provider, t.ID))
	}
	if len(entries) == 1 {
		text := lines[0] + " " + contract.AlertAdvice
		return Message{Subject: tier + "-value digest: 1 transaction", Text: text, SMS: short(text, text, nil)}
	}
	m := Message{Subject: fmt.Sprintf("%s-value digest: %d transactions", tier, len(entries))}
	const clock = "2006-01-02 15:04:05"
	head := fmt.Sprintf("%d %s-value transactions, received from %s to %s UTC.", len(entries), strings.ToLower(tier), first.UTC().Format(clock), last.UTC().Format(clock))
	added := sums.lines()
	m.Text = strings.Join([]string{head, strings.Join(added, "\n"), strings.Join(lines, "\n"), contract.AlertsAdvice}, "\n\n")
	m.SMS = short(m.Text, head, added)
	return m
}

// short returns the text if it fits into an SMS. Otherwise it returns the head with as many
// lines as fit, and says what is left out.
func short(text, head string, lines []string) string {
	if utf8.RuneCountInString(text) <= MaxSMS {
		return text
	}
	const elsewhere = "The e-mail names each of them."
	for n := len(lines); ; n-- {
		parts := append([]string{head}, lines[:n]...)
		if left := len(lines) - n; left > 0 {
			parts = append(parts, fmt.Sprintf("And %d more totals.", left))
		}
		shortened := strings.Join(append(parts, elsewhere), "\n")
		if n == 0 || utf8.RuneCountInString(shortened) <= MaxSMS {
			return shortened
		}
	}
}

// totals adds up amounts by kind and currency.
type totals map[totalKey]*total

type totalKey struct{ kind, reversedKind, currency string }

type total struct {
	count  int
	amount money.Amount
}

func (s *totals) add(t transaction.Transaction) {
	if *s == nil {
		*s = totals{}
	}
	k := totalKey{t.Kind, t.ReversedKind, t.Currency}
	sum := (*s)[k]
	if sum == nil {
		sum = &total{}
		(*s)[k] = sum
	}
	sum.count++
	sum.amount = sum.amount.Add(t.Amount)
}

// lines returns a line for each total: "2 payments: 7500.00 USD", "1 reversal of refunds: 50.00 USD".
// Kinds are never added up: the money of some moves the other way.
func (s totals) lines() []string {
	keys := make([]totalKey, 0, len(s))
	for k := range s {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b totalKey) int {
		return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.reversedKind, b.reversedKind), cmp.Compare(a.currency, b.currency))
	})
	var lines []string
	for _, k := range keys {
		sum := s[k]
		what := k.kind
		if sum.count > 1 {
			what += "s"
		}
		if k.reversedKind != "" {
			what += " of " + k.reversedKind + "s"
		}
		lines = append(lines, fmt.Sprintf("%d %s: %s", sum.count, what, money.Money{Amount: sum.amount, Currency: k.currency}.Format()))
	}
	return lines
}
