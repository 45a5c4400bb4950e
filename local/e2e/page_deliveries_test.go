package e2e

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"payment-webhooks/handlers/contract"
)

// rowOf is the row of a transaction in the list of deliveries.
func rowOf(id string) string {
	return fmt.Sprintf(`[...document.querySelectorAll('.deliveries .list tbody tr')].find((row) => row.querySelector('.id')?.textContent.includes(%q))`, id)
}

// cellOf is the text of a cell of a transaction's row.
func cellOf(id, column string) string {
	return fmt.Sprintf(`%s?.querySelector('td.%s')?.textContent.trim()`, rowOf(id), column)
}

// choose sets a filter as a user does.
func (o *tab) choose(t *testing.T, name, value string) {
	t.Helper()
	o.until(t, "the filter "+name+" has "+value, fmt.Sprintf(`(() => { const e = document.querySelector('.deliveries [name=%s]'); return e && (e.tagName !== 'SELECT' || [...e.options].some((o) => o.value === %q)) })()`, name, value))
	eval[bool](t, o, fmt.Sprintf(`(() => { const e = document.querySelector('.deliveries [name=%s]'); e.value = %q; e.dispatchEvent(new Event('change')); return true })()`, name, value))
}

func TestPageDeliveries(t *testing.T) {
	inTurn(t)
	t.Run("when a payment comes in, it appears within two seconds and gets tier, fraud result and alerts", func(t *testing.T) {
		var id string
		o := openPage(t, shared, "#/deliveries")
		o.promptly(t, "the row", func() string {
			id = newID(t)
			accept(t, shared, payment(id, "15000", "USD", ""))
			return cellOf(id, "status") + ` === '202'`
		})
		o.until(t, "the tier", cellOf(id, "tier")+` === 'high-value'`)
		o.until(t, "the fraud result", `/^(low|medium|high) 0\.\d+$/.test(`+cellOf(id, "fraud")+`)`)
		o.until(t, "the alerts", `Number(`+cellOf(id, "alerts")+`) >= 2`)
		if amount := eval[string](t, o, cellOf(id, "amount")); amount != "15000.00 USD" {
			t.Errorf("amount %q", amount)
		}
	})
	t.Run("when a filter is chosen, the address has it and only what matches is listed", func(t *testing.T) {
		id := newID(t)
		accept(t, shared, payment(id, "5000", "EUR", ""))
		o := openPage(t, shared, "#/deliveries?q="+id)
		o.until(t, "the tier", cellOf(id, "tier")+` === 'medium-value'`)
		for _, f := range []struct{ name, value, other string }{
			{"provider", "shop", "stripe"},
			{"status", "202", "4xx"},
			{"result", "accepted", "duplicate"},
			{"tier", "medium-value-transactions", "high-value-transactions"},
			{"kind", "payment", "refund"},
			{"currency", "EUR", "USD"},
			{"alerts", "yes", "no"},
			{"min", "4999", "5001"},
			{"max", "5001", "4999"},
			{"ms", "0.001", "3600000"},
		} {
			o.choose(t, f.name, f.value)
			o.until(t, f.name, fmt.Sprintf(`new URLSearchParams(location.hash.split('?')[1]).get(%q) === %q && !!%s`, f.name, f.value, rowOf(id)))
			// The row may not have gone yet, were the filter wrong: the other value takes it away.
			eval[bool](t, o, fmt.Sprintf(`(() => { const p = new URLSearchParams(location.hash.split('?')[1]); p.set(%q, %q); location.hash = '#/deliveries?' + p; return true })()`, f.name, f.other))
			o.until(t, f.name+" of others", `document.querySelector('.deliveries .empty').hidden === false`)
			o.choose(t, f.name, f.value)
			o.until(t, f.name+" again", `!!`+rowOf(id))
		}
		link := eval[string](t, o, `location.hash`)
		again := openPage(t, shared, link)
		again.until(t, "the linked list", `!!`+rowOf(id)+` && document.querySelector('.deliveries [name=currency]').value === 'EUR'`)
		again.do(t, chromedp.Click(`.deliveries .clear`))
		again.until(t, "without filters", `location.hash === '#/deliveries' && document.querySelector('.deliveries [name=currency]').value === ''`)
	})
	t.Run("when a delivery is forged, its row says why", func(t *testing.T) {
		o := openPage(t, shared, "#/deliveries?provider=stripe&status=401")
		sent, err := shared.Send(t.Context(), sender, "stripe", secrets["stripe"], "--tamper", "--id", newID(t))
		if err != nil || len(sent.Responses) != 1 || sent.Responses[0].Status != 401 {
			t.Fatalf("%+v, %v", sent, err)
		}
		first := `document.querySelector('.deliveries .list tbody tr')`
		o.until(t, "the row", first+`?.querySelector('.status').textContent === '401'`)
		o.until(t, "why", first+`.querySelector('.why').textContent.includes('Unauthorized') && `+first+`.querySelector('.why').textContent.includes('signature is missing or wrong')`)
		o.until(t, "the cause", first+`.querySelector('.cause')?.textContent.includes('none of 1 v1 signatures')`)
	})
	t.Run("when one is opened by Enter, it shows everything, and Escape closes it", func(t *testing.T) {
		id := newID(t)
		accept(t, shared, payment(id, "15000", "USD", ""))
		o := openPage(t, shared, "#/deliveries?q="+id)
		o.until(t, "the fraud result", `!!`+cellOf(id, "fraud"))
		dialog := `document.querySelector('.deliveries dialog[open]')`
		o.hold(t, "/found", `true`)
		o.enter(t, rowOf(id)+`.querySelector('a')`, `!!`+dialog+` && location.hash.includes('open=')`)
		text := func(what, contains string) {
			o.until(t, what, fmt.Sprintf(`%s?.textContent.includes(%q)`, dialog, contains))
		}
		// What is drawn again meanwhile waits for the same result.
		o.until(t, "the result of scripts/ops find", `window.come`)
		for n := range 2 {
			if _, err := sns.NewFromConfig(shared.AWS).Publish(t.Context(), &sns.PublishInput{TopicArn: aws.String(shared.Outputs[contract.OutputTopic]), Message: aws.String(fmt.Sprintf("note %d about %s", n, id))}); err != nil {
				t.Fatal(err)
			}
			text("another alert", fmt.Sprintf("note %d about", n))
		}
		o.release(t)
		if n := eval[int](t, o, `window.passed`); n != 0 {
			t.Errorf("scripts/ops find was asked %d times more", n)
		}
		text("the alert", "High-value payment of 15000.00 USD reported by shop, transaction "+id)
		text("the recipient", "email to ")
		text("the states", "Is the risk high?")
		text("the rule", "high-value-transactions")
		text("the event", `"detail-type": "Transaction Received"`)
		text("the command", "scripts/ops find --stack "+shared.Stack+" --provider shop "+id)
		text("the archive, as scripts/ops find says", "is not archived yet")
		text("the item", "Item in the table")
		for _, step := range []string{"webhook-validator", "store", "DynamoDB PutItem", "event-relay", "EventBridge PutEvents", "fraud-detector", "execution "} {
			o.until(t, "the step "+step, fmt.Sprintf(`[...document.querySelectorAll('.deliveries .waterfall td:first-child')].some((cell) => cell.textContent.includes(%q))`, step))
		}
		o.do(t, chromedp.KeyEvent(kb.Escape))
		o.until(t, "closed", `!document.querySelector('.deliveries dialog[open]') && !location.hash.includes('open=') && document.activeElement === `+rowOf(id)+`.querySelector('a')`)
	})
	t.Run("when a sender's texts are markup, they are shown as texts", func(t *testing.T) {
		id, markup := newID(t), `<img/src=x/onerror="document.title='owned'">`
		body := []byte(fmt.Sprintf(`{"transaction_id": %q, "amount": 15000, "currency": "USD", "provider": "shop", "customer_id": %q, "metadata": {"note": %q}}`, id, markup, markup))
		res, err := shared.Do(t.Context(), http.MethodPost, "/webhook", http.Header{"Content-Type": {"application/json"}, "X-Markup": {markup}}, body)
		if err != nil || res.Status != 202 {
			t.Fatalf("%d %s %v", res.Status, res.Body, err)
		}
		// An event type that the provider does not document (with a space it would be none), and an id that is rejected.
		file := filepath.Join(t.TempDir(), "event.json")
		event := fmt.Sprintf(`{"id":"evt_%s","object":"event","api_version":"2025-03-31.basil","created":1795826295,"livemode":true,"type":%q,"data":{"object":{"id":"x","object":"thing"}}}`, id, markup)
		if err := os.WriteFile(file, []byte(event), 0o600); err != nil {
			t.Fatal(err)
		}
		sent, err := shared.Send(t.Context(), sender, "stripe", secrets["stripe"], "--file", file)
		if err != nil || len(sent.Responses) != 1 {
			t.Fatalf("%+v, %v", sent, err)
		}
		post(t, shared, payment(markup, "1", "USD", ""))
		o := openPage(t, shared, "#/deliveries?q="+url.QueryEscape("<img"))
		o.until(t, "the row", `!!`+rowOf(id))
		o.until(t, "the rejected id", `[...document.querySelectorAll('.deliveries td.why')].some((cell) => cell.textContent.includes('<img/src=x'))`)
		o.until(t, "the event type", `[...document.querySelectorAll('.deliveries td.type')].some((cell) => cell.textContent.includes('<img/src=x'))`)
		eval[bool](t, o, rowOf(id)+`.querySelector('a').click() ?? true`)
		o.until(t, "the customer", `document.querySelector('.deliveries dialog[open]')?.textContent.includes('"customer_id": "<img')`)
		o.until(t, "the header", `[...document.querySelectorAll('.deliveries dialog td')].some((cell) => cell.textContent.startsWith('<img'))`)
		if eval[bool](t, o, `document.title.includes('owned') || document.querySelector('main img') !== null`) {
			t.Error("the markup became part of the page")
		}
	})
	t.Run("when there are many, the page shows a hundred at a time and keeps its place", func(t *testing.T) {
		id := newID(t)
		miss := func(n int) {
			if status := statusWith(t, fmt.Sprintf("%s/none/%s/%d", strings.TrimSuffix(shared.APIURL, "/v1"), id, n), "X-None", ""); status != 404 {
				t.Fatalf("status %d", status)
			}
		}
		for n := range 129 {
			miss(n)
		}
		o := openPage(t, shared, "#/deliveries?q="+id)
		// The list that has the last one is asked for before the user scrolls, and comes afterwards. The page asks for
		// one list at a time.
		o.hold(t, "page/deliveries", `body.matching === 131`)
		miss(129)
		rows := `document.querySelectorAll('.deliveries .list tbody tr').length`
		o.until(t, "a hundred", `window.passed > 0 && `+rows+` === 100 && document.querySelector('.deliveries .older').textContent.includes('(30)')`)
		o.until(t, "how many match", `document.querySelector('.deliveries .summary').textContent.startsWith('130 of ')`)
		first := eval[string](t, o, `document.querySelector('.deliveries .list tbody tr').dataset.id`)
		miss(130)
		o.until(t, "the list with the last one", `window.come`)
		eval[bool](t, o, `scrollTo(0, 1500) ?? true`)
		o.release(t)
		o.until(t, "newer ones are announced", `document.querySelector('.deliveries .newer').hidden === false && document.querySelector('.deliveries .newer').textContent === 'Show 1 newer'`)
		if now := eval[string](t, o, `document.querySelector('.deliveries .list tbody tr').dataset.id`); now != first {
			t.Errorf("the first row is %s, want %s as before", now, first)
		}
		eval[bool](t, o, `document.querySelector('.deliveries .newer').click() ?? true`)
		o.until(t, "the newest", `document.querySelector('.deliveries .list tbody tr').dataset.id !== '`+first+`' && `+rows+` === 100`)
		eval[bool](t, o, `(document.querySelector('.deliveries .older').scrollIntoView(), document.querySelector('.deliveries .older').click()) ?? true`)
		o.until(t, "the older ones", rows+` === 31 && location.hash.includes('upto=')`)
		if top := eval[float64](t, o, `document.querySelector('.deliveries .list tbody').getBoundingClientRect().top`); top < 0 {
			t.Errorf("the first of the older ones is %v pixels above what is shown", -top)
		}
	})
	t.Run("when another filter is chosen before the list of the first has come, that is not shown", func(t *testing.T) {
		id := newID(t)
		accept(t, shared, payment(id, "25", "USD", ""))
		o := openPage(t, shared, "#/deliveries?q="+id)
		o.until(t, "the row", `!!`+rowOf(id))
		o.hold(t, "status=404", `true`)
		o.navigate(t, "#/deliveries?status=404&q="+id)
		o.until(t, "the list of the first filter", `window.come`)
		o.navigate(t, "#/deliveries?status=202&q="+id)
		o.release(t)
		if eval[bool](t, o, `!`+rowOf(id)) {
			t.Error("the list has no row, as with the first filter")
		}
		o.until(t, "the list of the second filter", `!!`+rowOf(id)+` && document.querySelector('.deliveries [name=status]').value === '202'`)
	})
	t.Run("when another view is chosen before what was typed is looked for, it stays", func(t *testing.T) {
		o := openPage(t, shared, "#/deliveries")
		o.until(t, "the search", `document.querySelector('.deliveries [name=q]') !== null`)
		eval[bool](t, o, `(() => {
			const later = setTimeout;
			window.setTimeout = (call, pause) => later(() => { call(); window.ended = pause }, pause);
			const search = document.querySelector('.deliveries [name=q]');
			search.value = 'x';
			search.dispatchEvent(new Event('input'));
			window.setTimeout = later;
			location.hash = '#/queues';
			return true;
		})()`)
		o.until(t, "the end of the pause", `window.ended > 0`)
		if hash := eval[string](t, o, `location.hash`); hash != "#/queues" {
			t.Errorf("the page went to %s", hash)
		}
	})
}
