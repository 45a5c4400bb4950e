package digest_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/digest"
	"payment-webhooks/handlers/internal/money"
	"payment-webhooks/handlers/internal/transaction"
)

// topic keeps what is published.
type topic struct {
	published []digest.Message
	max       int   // bytes of a text; 0 for any
	fail      error // of messages that name failing
	failing   string
}

func (p *topic) Publish(_ context.Context, m digest.Message) error {
	switch {
	case p.max > 0 && len(m.Text) > p.max:
		return fmt.Errorf("%w: %d", digest.ErrTooLarge, len(m.Text))
	case p.fail != nil && strings.Contains(m.Text, p.failing):
		return p.fail
	}
	p.published = append(p.published, m)
	return nil
}

var received = time.Date(2026, 11, 22, 15, 4, 5, 600_000_000, time.UTC)

// alert is that of the n-th transaction.
func alert(t *testing.T, n int, kind, amount, currency string) digest.Alert {
	t.Helper()
	a, err := money.Parse(amount)
	if err != nil {
		t.Fatal(err)
	}
	return digest.Alert{MessageID: fmt.Sprintf("m%d", n), Transaction: transaction.Transaction{
		ID: fmt.Sprintf("txn_%d", n), Provider: "stripe", Kind: kind, Money: money.Money{Amount: a, Currency: currency},
		CustomerID: "cust_1", ReceivedAt: received.Add(time.Duration(n) * time.Second),
	}}
}

func send(t *testing.T, to *topic, tier string, alerts ...digest.Alert) (failed []string, log string) {
	t.Helper()
	var out bytes.Buffer
	failed = digest.New(to, slog.New(slog.NewJSONHandler(&out, nil))).Send(t.Context(), tier, alerts)
	return failed, out.String()
}

func TestSend(t *testing.T) {
	t.Run("names every transaction when there are several, and adds up kinds and currencies apart", func(t *testing.T) {
		reversal := alert(t, 5, contract.KindReversal, "1200.5", "USD")
		reversal.Transaction.ReversedKind = contract.KindRefund
		to := &topic{}
		failed, _ := send(
			t, to, "very-high",
			alert(t, 3, contract.KindRefund, "2000", "USD"),
			alert(t, 1, contract.KindPayment, "5000.10", "USD"),
			alert(t, 2, contract.KindPayment, "2500.2", "USD"),
			alert(t, 4, contract.KindPayment, "150000", "JPY"),
			reversal,
		)
		want := []digest.Message{{
			Subject: "Very-high-value digest: 5 transactions",
			Text: `5 very-high-value transactions, received from 2026-11-22 15:04:06 to 2026-11-22 15:04:10 UTC.

1 payment: 150000 JPY
2 payments: 7500.30 USD
1 refund: 2000.00 USD
1 reversal of refunds: 1200.50 USD

Very-high-value payment of 5000.10 USD reported by stripe, transaction txn_1.
Very-high-value payment of 2500.20 USD reported by stripe, transaction txn_2.
Very-high-value refund of 2000.00 USD reported by stripe, transaction txn_3.
Very-high-value payment of 150000 JPY reported by stripe, transaction txn_4.
Very-high-value reversal of 1200.50 USD reported by stripe, transaction txn_5.

No action is needed unless you did not expect one of them: then look it up by its id and contact the provider.`,
		}}
		want[0].SMS = want[0].Text
		if diff := cmp.Diff(want, to.published); diff != "" || failed != nil {
			t.Errorf("%s, %q failed", diff, failed)
		}
	})
	t.Run("publishes the usual sentence when there is one transaction", func(t *testing.T) {
		to := &topic{}
		send(t, to, "medium", alert(t, 1, contract.KindPayment, "5000", "USD"))
		text := "Medium-value payment of 5000.00 USD reported by stripe, transaction txn_1. " +
			"No action is needed unless you did not expect it: then look it up by this id and contact the provider."
		if diff := cmp.Diff([]digest.Message{{Subject: "Medium-value digest: 1 transaction", Text: text, SMS: text}}, to.published); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("adds up exactly when doubles would not", func(t *testing.T) {
		var alerts []digest.Alert
		for i := range 10 {
			alerts = append(alerts, alert(t, i, contract.KindPayment, "4999999999999.99", "USD"))
		}
		to := &topic{}
		send(t, to, "medium", alerts...)
		if !strings.Contains(to.published[0].Text, "\n10 payments: 49999999999999.90 USD\n") {
			t.Errorf("%s", to.published[0].Text)
		}
	})
	t.Run("names a transaction once when it was delivered twice, and one of another provider too", func(t *testing.T) {
		again, other := alert(t, 1, contract.KindPayment, "5000", "USD"), alert(t, 1, contract.KindPayment, "5000", "USD")
		again.MessageID, other.MessageID, other.Transaction.Provider = "again", "other", "square"
		to := &topic{}
		failed, _ := send(t, to, "medium", alert(t, 1, contract.KindPayment, "5000", "USD"), again, other)
		text := to.published[0].Text
		if failed != nil || len(to.published) != 1 || strings.Count(text, "by stripe, transaction txn_1.") != 1 ||
			strings.Count(text, "by square, transaction txn_1.") != 1 || !strings.Contains(text, "2 payments: 10000.00 USD") {
			t.Errorf("%q failed, %+v", failed, to.published)
		}
		to = &topic{fail: errors.New("gone")}
		failed, _ = send(t, to, "medium", alert(t, 1, contract.KindPayment, "5000", "USD"), again)
		if !slices.Equal(failed, []string{"m1", "again"}) {
			t.Errorf("%q stay, want both messages of the transaction", failed)
		}
	})
	t.Run("publishes several messages when one would be too large, and leaves nothing out", func(t *testing.T) {
		var alerts []digest.Alert
		for i := range 1000 {
			alerts = append(alerts, alert(t, i, contract.KindPayment, "5000", "USD"))
		}
		to := &topic{max: 8000}
		failed, _ := send(t, to, "medium", alerts...)
		if failed != nil || len(to.published) < 10 {
			t.Fatalf("%d failed, %d messages", len(failed), len(to.published))
		}
		var all []string
		for _, m := range to.published {
			lines := 0
			for line := range strings.SplitSeq(m.Text, "\n") {
				if strings.HasPrefix(line, "Medium-value payment") {
					all, lines = append(all, line), lines+1
				}
			}
			if head := fmt.Sprintf("%d medium-value transactions", lines); !strings.HasPrefix(m.Text, head) || !strings.Contains(m.Subject, fmt.Sprintf(" %d ", lines)) {
				t.Errorf("%d are named in %s: %s", lines, m.Subject, m.Text)
			}
		}
		for i, line := range all {
			if want := fmt.Sprintf("Medium-value payment of 5000.00 USD reported by stripe, transaction txn_%d.", i); line != want {
				t.Fatalf("%s, want %s", line, want)
			}
		}
		if len(all) != 1000 {
			t.Errorf("%d are named", len(all))
		}
	})
	t.Run("reports only what was not published when one of several messages fails", func(t *testing.T) {
		var alerts []digest.Alert
		for i := range 40 {
			alerts = append(alerts, alert(t, i, contract.KindPayment, "5000", "USD"))
		}
		to := &topic{max: 1500, fail: errors.New("throttled"), failing: "transaction txn_7."}
		failed, log := send(t, to, "medium", alerts...)
		var published string
		for _, m := range to.published {
			published += m.Text
		}
		for _, a := range alerts {
			if slices.Contains(failed, a.MessageID) == strings.Contains(published, "transaction "+a.Transaction.ID+".") {
				t.Errorf("%s is published and reported, or neither", a.Transaction.ID)
			}
		}
		if len(failed) == 0 || len(failed) > 20 || !strings.Contains(log, "throttled") {
			t.Errorf("%d failed: %s", len(failed), log)
		}
	})
	t.Run("reports one transaction that is too large by itself, and publishes the others", func(t *testing.T) {
		large := alert(t, 1, contract.KindPayment, "5000", "USD")
		large.Transaction.ID = strings.Repeat("x", 1000)
		to := &topic{max: 900}
		failed, _ := send(t, to, "medium", alert(t, 0, contract.KindPayment, "5000", "USD"), large, alert(t, 2, contract.KindPayment, "5000", "USD"))
		if !slices.Equal(failed, []string{"m1"}) || len(to.published) != 2 {
			t.Errorf("%q failed, %d messages", failed, len(to.published))
		}
	})
	t.Run("reports an event that cannot be read, and publishes the others", func(t *testing.T) {
		to := &topic{}
		failed, log := send(t, to, "medium", digest.Alert{MessageID: "bad", Err: errors.New("no detail")}, alert(t, 1, contract.KindPayment, "5000", "USD"))
		if !slices.Equal(failed, []string{"bad"}) || len(to.published) != 1 || !strings.Contains(log, `"message_id":"bad"`) {
			t.Errorf("%q failed, %d messages: %s", failed, len(to.published), log)
		}
		to = &topic{}
		if failed, _ := send(t, to, "medium", digest.Alert{MessageID: "bad", Err: errors.New("no detail")}); len(failed) != 1 || to.published != nil {
			t.Errorf("%q failed, published %+v", failed, to.published)
		}
	})
}

func TestSMS(t *testing.T) {
	t.Run("is the summary when the text is too long for one", func(t *testing.T) {
		var alerts []digest.Alert
		for i := range 100 {
			alerts = append(alerts, alert(t, i, contract.KindPayment, "5000", "USD"))
		}
		to := &topic{}
		send(t, to, "medium", alerts...)
		want := "100 medium-value transactions, received from 2026-11-22 15:04:05 to 2026-11-22 15:05:44 UTC.\n100 payments: 500000.00 USD\nThe e-mail names each of them."
		if got := to.published[0].SMS; got != want {
			t.Errorf("%s", got)
		}
	})
	t.Run("is never too long, and says how many totals are left out", func(t *testing.T) {
		var alerts []digest.Alert
		for i := range 200 {
			alerts = append(alerts, alert(t, i, contract.KindPayment, "5000", fmt.Sprintf("%c%c%c", 'A'+i%26, 'A'+i/26, 'X')))
		}
		to := &topic{}
		send(t, to, "medium", alerts...)
		got := to.published[0].SMS
		named := strings.Count(got, "1 payment: ")
		if n := utf8.RuneCountInString(got); n > digest.MaxSMS || n < digest.MaxSMS-100 || !strings.Contains(got, fmt.Sprintf("And %d more totals.", 200-named)) {
			t.Errorf("%d characters: %s", n, got)
		}
	})
}

func TestSubject(t *testing.T) {
	t.Run("is at most 100 ASCII characters when name and number are the longest", func(t *testing.T) {
		var alerts []digest.Alert
		for i := range 10_000 { // the most of a batch
			alerts = append(alerts, alert(t, i, contract.KindPayment, "5000", "USD"))
		}
		to := &topic{}
		send(t, to, strings.Repeat("a", 24), alerts...)
		subject := to.published[0].Subject
		if len(subject) > 100 || strings.IndexFunc(subject, func(c rune) bool { return c < ' ' || c > '~' }) >= 0 {
			t.Errorf("%q", subject)
		}
	})
}
