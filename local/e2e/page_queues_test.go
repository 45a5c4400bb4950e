package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

func TestPageQueues(t *testing.T) {
	inParallel(t)
	s := ownSession(t)
	dlq := "medium-value-dlq-" + s.Suffix()
	o := openPage(t, s, "#/queues?queue="+dlq)
	row := fmt.Sprintf(`document.querySelector('[data-queue=%q]')`, dlq)
	depth := func(t *testing.T, n int) {
		t.Helper()
		o.until(t, fmt.Sprintf("%d in %s", n, dlq), fmt.Sprintf(`%s?.cells[1].textContent === '%d'`, row, n))
	}
	t.Run("when a queue is empty, it says how a message gets there", func(t *testing.T) {
		depth(t, 0)
		o.until(t, "the hint", `document.querySelector('#queue-title').parentElement.innerText.includes('as it should be')`)
		o.enter(t, `document.querySelector('a[href^="#/send?hop=sns"]')`, `document.activeElement?.tagName === 'H2' && document.querySelector('#fault-caller')?.value === 'events'`)
		o.do(t, chromedp.Click("#fault-on"))
		o.until(t, "the fault is on", `document.querySelector('[data-fault]') !== null`)
	})
	id := newID(t) + "_page"
	// The text is the customer's: an id has letters and digits only.
	accept(t, s, payment(id, "5000", "EUR", `, "metadata": {"note": "`+markup+`", "card": "4111 1111 1111 1111"}`))
	o.navigate(t, "#/queues?queue="+dlq)
	t.Run("when there is a dead letter, it can be read, and stays visible", func(t *testing.T) {
		depth(t, 1)
		for range 2 {
			o.navigate(t, "#/queues")
			o.navigate(t, "#/queues?queue="+dlq)
			o.until(t, "the message", `document.querySelector('.messages [data-message]')?.innerText.includes('NO_PERMISSIONS')`)
		}
		o.do(t, chromedp.Click(".messages [data-message] summary"))
		text := eval[string](t, o, `document.querySelector('.messages [data-message]').innerText`)
		for _, want := range []string{id, "5000.00 EUR", "ERROR_CODE", "RULE_ARN", `"note": "` + markup + `"`, "4111 11** **** 1111"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s is missing in\n%s", want, text)
			}
		}
		o.noMarkup(t)
	})
	alerts := func() int {
		t.Helper()
		all, err := s.Alerts(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		return len(all)
	}
	plan := `document.querySelector('.plan')`
	t.Run("when it still fails, it stays, with the reason", func(t *testing.T) {
		injectInto(t, s, `{"hop": "sns:Publish", "fault": "denied", "where": {"caller": "user"}}`)
		o.do(t, chromedp.Click("#queue-redrive"))
		o.until(t, "the dry run", `document.querySelector('#queue-confirm') !== null`)
		o.hold(t, "/redrive", `true`)
		o.do(t, chromedp.Click("#queue-confirm"))
		o.until(t, "the outcome", `window.come`)
		if n := eval[int](t, o, `document.querySelectorAll('.messages button:enabled, .plan button:enabled, #queue-read:enabled').length`); n != 0 {
			t.Errorf("%d buttons can be pressed before the outcome is shown", n)
		}
		o.release(t)
		o.until(t, "the reason", plan+`.innerText.includes('stays: ')`)
		if text := eval[string](t, o, plan+`.innerText`); !strings.Contains(text, "Not everything was done") || !strings.Contains(text, "AuthorizationError") {
			t.Errorf("%s", text)
		}
		depth(t, 1)
	})
	t.Run("when it is redriven, what would be sent is shown first, and then it arrives", func(t *testing.T) {
		if err := s.Control(t.Context(), "DELETE", faultsPath, nil, nil); err != nil {
			t.Fatal(err)
		}
		o.until(t, "the messages", `document.querySelector('.messages [data-message]') !== null && !document.querySelector('.messages[aria-busy]')`)
		o.do(t, chromedp.Focus("#queue-redrive"), chromedp.KeyEvent(kb.Enter))
		o.until(t, "the dry run", `document.querySelector('#queue-confirm')?.textContent === 'Send on 1 message'`)
		text := eval[string](t, o, plan+`.innerText`)
		for _, want := range []string{"would be sent", "publish to transaction-alerts-", "arn:aws:sns:", id, "5000.00 EUR"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s is missing in\n%s", want, text)
			}
		}
		if n := alerts(); n != 0 {
			t.Fatalf("the dry run sent %d alerts", n)
		}
		o.noMarkup(t)
		o.do(t, chromedp.Click("#queue-confirm"))
		o.until(t, "the result", plan+`.innerText.includes('Done')`)
		depth(t, 0)
		eventually(t, "the alerts", func(context.Context) (bool, error) { return alerts() == 2, nil }) // by e-mail and by SMS
	})
	t.Run("when it is discarded, it asks first", func(t *testing.T) {
		enqueue(t, s, "medium-value-dlq", `{"who": "`+markup+`"}`, map[string]string{"NOTE": markup})
		depth(t, 1)
		o.do(t, chromedp.Click("#queue-read"))
		o.until(t, "the message", `document.querySelector('.messages [data-message]')?.innerText.includes('not a message of this stack')`)
		o.do(t, chromedp.Focus("#queue-discard"), chromedp.KeyEvent(kb.Enter))
		o.until(t, "the question", `document.querySelector('#queue-confirm')?.textContent === 'Discard 1 message'`)
		o.noMarkup(t)
		o.do(t, chromedp.Focus("#queue-confirm + button"), chromedp.KeyEvent(kb.Enter)) // Cancel
		o.until(t, "no plan", plan+`.hidden`)
		depth(t, 1)
		o.hold(t, "/redrive", `true`) // comes after that of another click
		o.do(t, chromedp.Click("#queue-redrive"))
		o.until(t, "the other dry run", `window.come`)
		o.do(t, chromedp.Click("#queue-discard"))
		o.until(t, "the question", `!document.querySelector('.plan').hidden && document.querySelector('#queue-confirm') !== null`)
		o.release(t)
		if text := eval[string](t, o, plan+`.innerText`); !strings.Contains(text, "Discard: dry run") {
			t.Errorf("the dry run of the first click is shown over that of the second: %s", text)
		}
		o.hold(t, "/messages", `true`) // comes after those that are read in the end
		o.do(t, chromedp.Click("#queue-read"))
		o.until(t, "the messages as they were", `window.come`)
		o.do(t, chromedp.Click("#queue-confirm"))
		o.until(t, "the result", plan+`.innerText.includes('discarded')`)
		depth(t, 0)
		o.until(t, "no messages", `document.querySelector('.messages').innerText.includes('There are no messages')`)
		o.release(t)
		if n := eval[int](t, o, `document.querySelectorAll('.messages [data-message]').length`); n != 0 {
			t.Errorf("%d messages are shown that were discarded", n)
		}
	})
	t.Run("when the queues cannot be read, they come with the next depths", func(t *testing.T) {
		o.navigate(t, "#/send")
		o.failOnce(t, "page/queues")
		o.navigate(t, "#/queues")
		o.until(t, "the error", `document.querySelector('.error')?.textContent === 'failed once'`)
		enqueue(t, s, "medium-value-dlq", "{}", nil)
		depth(t, 1)
	})
	t.Run("when the stack has no such queue, it says so", func(t *testing.T) {
		o.navigate(t, "#/queues?queue="+markup)
		o.until(t, "the message", `document.body.innerText.includes('The stack has no such queue')`)
		o.noMarkup(t)
	})
}
