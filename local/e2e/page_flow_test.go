package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"payment-webhooks/local/session"
)

// flowGraph is /_local/page/flow/graph.
type flowGraph struct {
	Nodes []struct {
		ID, Kind, Name, Physical string
		LogicalID                string `json:"logical_id"`
	}
	Edges []struct{ ID, From, To string }
}

func readFlow(t *testing.T, s *session.Session) (g flowGraph) {
	t.Helper()
	if err := s.Control(t.Context(), http.MethodGet, "/_local/page/flow/graph", nil, &g); err != nil {
		t.Fatal(err)
	}
	return g
}

// node returns the id of a node.
func (g flowGraph) node(t *testing.T, kind, name string) string {
	t.Helper()
	for _, n := range g.Nodes {
		if n.Kind == kind && n.Name == name {
			return n.ID
		}
	}
	t.Fatalf("no %s %s in %+v", kind, name, g.Nodes)
	return ""
}

// arrow returns the id of the arrow between two nodes.
func (g flowGraph) arrow(t *testing.T, from, to string) string {
	t.Helper()
	for _, e := range g.Edges {
		if e.From == from && e.To == to {
			return e.ID
		}
	}
	t.Fatalf("no arrow from %s to %s", from, to)
	return ""
}

// flowCount is an expression of the count on an arrow.
func flowCount(edge string) string {
	return fmt.Sprintf(`Number(document.querySelector('[data-edge=%s] .count').textContent.replaceAll('\u202f', ''))`, edge)
}

// openFlow opens the view and waits for its drawing and numbers.
func openFlow(t *testing.T, s *session.Session) *tab {
	t.Helper()
	o := openPage(t, s, "#/flow")
	o.until(t, "the drawing", `document.querySelector('[data-edge] .count')?.textContent && document.querySelector('.flow-summary').textContent !== ''`)
	return o
}

// flowDots makes the page remember on which arrows dots moved, in window.moved.
const flowDots = `(() => {
	window.moved = new Set();
	new MutationObserver((list) => list.forEach((one) => one.addedNodes.forEach((node) => {
		if (node.classList?.contains('dot')) window.moved.add(node.parentElement.dataset.edge);
	}))).observe(document.querySelector('.flow-drawing'), { childList: true, subtree: true });
	return true;
})()`

func TestPageFlow(t *testing.T) {
	inTurn(t)
	g := readFlow(t, shared)
	way := func(kindsAndNames ...string) (edges []string) {
		before := ""
		for i := 0; i < len(kindsAndNames); i += 2 {
			n := g.node(t, kindsAndNames[i], kindsAndNames[i+1])
			if before != "" {
				edges = append(edges, g.arrow(t, before, n))
			}
			before = n
		}
		return edges
	}
	// The way of a low payment.
	edges := append([]string{g.arrow(t, "", g.node(t, "api", "payment-webhooks"))}, way("api", "payment-webhooks", "function", "webhook-validator",
		"table", "transactions", "function", "event-relay", "bus", "payment-events", "rule", "low-value-transactions", "log", "low-value-transactions")...)

	t.Run("when a payment comes in, it is seen moving within two seconds, all the way", func(t *testing.T) {
		o := openFlow(t, shared)
		eval[bool](t, o, flowDots)
		var before []int
		for _, e := range edges {
			before = append(before, eval[int](t, o, flowCount(e)))
		}
		o.promptly(t, "the request", func() string {
			start := eval[int](t, o, flowCount(edges[0]))
			accept(t, shared, payment(newID(t), "25", "USD", ""))
			return fmt.Sprintf("%s > %d", flowCount(edges[0]), start)
		})
		for i, e := range edges {
			o.until(t, "the count on "+e, fmt.Sprintf("%s > %d", flowCount(e), before[i]))
			o.until(t, "a dot on "+e, fmt.Sprintf("window.moved.has(%q)", e))
		}
		o.until(t, "the end of the motion", `document.querySelector('.flow-drawing .dot') === null`)
	})
	t.Run("when motion is not wanted, nothing moves, and the arrow is marked", func(t *testing.T) {
		o := openFlow(t, shared)
		if _, err := chromedp.Call(o.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-reduced-motion", Value: "reduce"}},
		}); err != nil {
			t.Fatal(err)
		}
		eval[bool](t, o, flowDots)
		eval[bool](t, o, `(() => {
			window.marked = new Set();
			new MutationObserver((list) => list.forEach(({ target }) => target.classList.contains('rising') && window.marked.add(target.dataset.edge)))
				.observe(document.querySelector('.flow-drawing'), { attributes: true, subtree: true });
			return true;
		})()`)
		accept(t, shared, payment(newID(t), "25", "USD", ""))
		o.until(t, "the mark", fmt.Sprintf("window.marked.has(%q)", edges[0]))
		o.until(t, "the mark at the end", fmt.Sprintf("window.marked.has(%q)", edges[len(edges)-1]))
		if n := eval[int](t, o, `window.moved.size`); n != 0 {
			t.Errorf("%d arrows moved", n)
		}
	})
	t.Run("when the drawing takes longer than the next numbers, it is asked for once and has them", func(t *testing.T) {
		o := openPage(t, shared, "#/queues")
		if _, err := chromedp.Call(o.ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: `
			const send = XMLHttpRequest.prototype.send;
			window.asked = [];
			XMLHttpRequest.prototype.send = function () { window.asked.push(() => send.call(this)) };
			window.updates = 0;
			window.EventSource = class extends EventSource {
				constructor(address) { super(address); this.addEventListener('flow', () => window.updates++) }
			};`}); err != nil {
			t.Fatal(err)
		}
		o.do(t, chromedp.Navigate(shared.Endpoint+"/_local/?again#/flow"))
		o.until(t, "the first numbers", `window.updates > 0 && window.asked.length > 0`)
		for range 2 {
			before := eval[int](t, o, `window.updates`)
			accept(t, shared, payment(newID(t), "25", "USD", ""))
			o.until(t, "the next numbers", fmt.Sprintf(`window.updates > %d`, before))
		}
		if n := eval[int](t, o, `window.asked.splice(0).map((send) => send()).length`); n != 1 {
			t.Errorf("the drawing was asked for %d times", n)
		}
		o.until(t, "the drawing with a number", `!!document.querySelector('[data-edge]') && `+flowCount(edges[0])+` > 0`)
	})
	t.Run("when the template has a queue, the drawing and the table have it with its depth", func(t *testing.T) {
		o := openFlow(t, shared)
		var resources []struct {
			LogicalID string `json:"logical_id"`
			Type      string
		}
		if err := shared.Control(t.Context(), http.MethodGet, "/_local/resources", nil, &resources); err != nil {
			t.Fatal(err)
		}
		byID := map[string]string{}
		names := map[string]string{}
		for _, n := range g.Nodes {
			byID[n.LogicalID], names[n.ID] = n.ID, n.Physical
		}
		queues := 0
		for _, r := range resources {
			if r.Type != "AWS::SQS::Queue" {
				continue
			}
			queues++
			id := byID[r.LogicalID]
			if id == "" {
				t.Errorf("%s is not in the graph", r.LogicalID)
				continue
			}
			o.until(t, r.LogicalID, fmt.Sprintf(`/^[0-9]/.test(document.querySelector('[data-node=%s] .depth').textContent)
				&& [...document.querySelectorAll('.flow-table td')].some((cell) => cell.textContent === %q && /^[0-9]/.test(cell.nextSibling.textContent))`, id, names[id]))
		}
		if queues < 8 {
			t.Errorf("%d queues", queues)
		}
	})
	t.Run("when Enter is pressed on a node, it shows name, logical id, path and a link to its messages", func(t *testing.T) {
		o := openFlow(t, shared)
		id := g.node(t, "queue", "relay-dlq")
		node := fmt.Sprintf(`document.querySelector('[data-node=%s]')`, id)
		o.enter(t, node, `document.querySelector('.flow-details h3') !== null`)
		text := eval[string](t, o, `document.querySelector('.flow-details').innerText`)
		for _, want := range []string{"SQS: relay-dlq", "relay-dlq-" + shared.Suffix(), "RelayDeadLetters", "/Relay/DeadLetters/Resource"} {
			if !strings.Contains(text, want) {
				t.Errorf("no %q in %s", want, text)
			}
		}
		if href := eval[string](t, o, `document.querySelector('.flow-details a').getAttribute('href')`); href != "#/queues?queue=relay-dlq-"+shared.Suffix() {
			t.Errorf("link %q", href)
		}
		o.enter(t, node, `document.querySelector('.flow-details h3') === null`)
		o.enter(t, node, `document.querySelector('.flow-details h3') !== null`)
		o.do(t, chromedp.Focus(".flow-details .close"), chromedp.KeyEvent(kb.Enter))
		o.until(t, "the node again", `document.querySelector('.flow-details h3') === null && document.activeElement === `+node)
	})
	t.Run("when the drawing cannot be read, it comes with the next numbers", func(t *testing.T) {
		o := openFlow(t, shared)
		eval[bool](t, o, `(() => {
			const { send } = XMLHttpRequest.prototype;
			XMLHttpRequest.prototype.send = function () {
				XMLHttpRequest.prototype.send = send;
				this.onerror();
			};
			return true;
		})()`)
		o.do(t, chromedp.EmulateViewport(390, 844))
		o.until(t, "the error", `document.querySelector('.flow-drawing .error') !== null`)
		accept(t, shared, payment(newID(t), "25", "USD", ""))
		o.until(t, "the drawing", `document.querySelector('.flow-drawing .error') === null && document.querySelector('.flow-drawing svg') !== null`)
	})
	t.Run("when the page is 390 pixels wide, the drawing goes down and fits", func(t *testing.T) {
		o := openFlow(t, shared)
		o.do(t, chromedp.EmulateViewport(390, 844))
		o.until(t, "a drawing that goes down", `(() => { const box = document.querySelector('.flow-drawing svg')?.viewBox.baseVal; return box && box.height > box.width; })()`)
		if eval[bool](t, o, `document.documentElement.scrollWidth > innerWidth`) {
			t.Error("the page scrolls sideways")
		}
	})
}

func TestPageFlow_failure(t *testing.T) {
	inParallel(t)
	s := ownSession(t)
	g := readFlow(t, s)
	rule, topic, queue := g.node(t, "rule", "medium-value-transactions"), g.node(t, "topic", "transaction-alerts"), g.node(t, "queue", "medium-value-dlq")
	o := openFlow(t, s)
	bad := func(attribute, id string) string {
		return fmt.Sprintf(`document.querySelector('[data-%s=%s]').classList.contains('bad')`, attribute, id)
	}
	o.until(t, "that nothing fails", `document.querySelector('.flow-summary').textContent === 'No hop fails.'`)
	injectInto(t, s, `{"hop": "sns:Publish", "fault": "denied", "times": 1, "where": {"caller": "events"}}`)
	accept(t, s, payment(newID(t), "5000", "USD", ""))
	name := "medium-value-dlq-" + s.Suffix()

	t.Run("when a hop fails, it is red, has a sign, and says what to run", func(t *testing.T) {
		o.until(t, "the rule", bad("node", rule))
		o.until(t, "its arrow", bad("edge", g.arrow(t, rule, topic)))
		o.until(t, "its dead-letter queue", bad("node", queue))
		o.until(t, "the arrow to it", bad("edge", g.arrow(t, rule, queue)))
		o.until(t, "the depth", fmt.Sprintf(`document.querySelector('[data-node=%s] .depth').textContent === '1'`, queue))
		o.until(t, "the command", fmt.Sprintf(`[...document.querySelectorAll('.flow-problems code')].some((code) => code.textContent === 'scripts/ops dlq list %s')`, name))
		for _, want := range []string{
			fmt.Sprintf(`getComputedStyle(document.querySelector('[data-node=%s] .sign')).display !== 'none'`, queue),
			fmt.Sprintf(`document.querySelector('[data-node=%s]').getAttribute('aria-label').includes('fails: 1 message in %s')`, queue, name),
			`/hops? fails?$/.test(document.querySelector('.flow-summary').textContent)`,
		} {
			if !eval[bool](t, o, want) {
				t.Errorf("not so: %s", want)
			}
		}
	})
	t.Run("when the queue is empty again, it is no longer red", func(t *testing.T) {
		client := sqs.NewFromConfig(s.AWS)
		messages, err := s.Messages(t.Context(), name)
		if err != nil || len(messages) != 1 {
			t.Fatalf("%d messages, %v", len(messages), err)
		}
		url, err := client.GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: aws.String(name)})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := client.DeleteMessage(t.Context(), &sqs.DeleteMessageInput{QueueUrl: url.QueueUrl, ReceiptHandle: messages[0].ReceiptHandle}); err != nil {
			t.Fatal(err)
		}
		o.until(t, "the queue", "!"+bad("node", queue))
		o.until(t, "the rule", "!"+bad("node", rule)) // one to two minutes after it failed
	})
	t.Run("when a function crashes, it is red, with the advice of its alarm", func(t *testing.T) {
		injectInto(t, s, `{"hop": "function:fraud-detector", "fault": "crash-before", "times": 12}`)
		accept(t, s, payment(newID(t), "20000", "USD", ""))
		detector := g.node(t, "function", "fraud-detector")
		o.until(t, "the function", bad("node", detector))
		text := eval[string](t, o, `document.querySelector('.flow-problems').innerText`)
		if !strings.Contains(text, "failed invocation") || !strings.Contains(text, "scripts/ops dlq list") {
			t.Error(text)
		}
	})
}
