package e2e

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"payment-webhooks/local/browser"
	"payment-webhooks/local/session"
)

// browserOnce is the browser that tests share, each with a tab of its own.
var browserOnce struct {
	sync.Once
	ctx context.Context // of the process
	end func()
	err error
}

// closeBrowser ends the browser, if a test started it.
func closeBrowser() {
	if browserOnce.end != nil {
		browserOnce.end()
	}
}

// tab is a tab of a browser with the page of a session.
type tab struct {
	ctx context.Context

	mu       sync.Mutex
	problems []string // errors in the console, exceptions, requests to other machines
}

// openPage opens a view of the page, such as "#/deliveries". The test fails at its end if there was an error in
// the console, or a request left the machine. It is skipped where there is no browser.
func openPage(t *testing.T, s *session.Session, view string) *tab {
	t.Helper()
	browserOnce.Do(func() { browserOnce.ctx, browserOnce.end, browserOnce.err = browser.Start(context.Background()) })
	switch {
	case errors.Is(browserOnce.err, browser.ErrNone):
		t.Skip(browserOnce.err)
	case browserOnce.err != nil:
		t.Fatal(browserOnce.err)
	}
	ctx, closeTab := chromedp.NewContext(browserOnce.ctx)
	ctx, cancel := context.WithTimeout(ctx, 2*timeout) // a test that waited in vain still shows the page
	o := &tab{ctx: ctx}
	o.watch(t)
	t.Cleanup(func() {
		if t.Failed() {
			o.show(t)
		}
		cancel()
		closeTab()
		o.mu.Lock()
		defer o.mu.Unlock()
		for _, problem := range o.problems {
			t.Error(problem)
		}
	})
	// Tests share the browser, and only the tab in front is visible and has the keyboard.
	if _, err := chromedp.Call(ctx, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true}); err != nil {
		t.Fatal(err)
	}
	if os.Getenv("E2E_SLOW") != "" {
		o.slow(t)
	}
	o.do(t, chromedp.EmulateViewport(1280, 900), chromedp.Navigate(s.Endpoint+"/_local/"+view))
	o.until(t, "the page", `document.querySelector('#connection')?.textContent === 'live'`)
	return o
}

// slow makes the browser and its requests slow, by different times, as with E2E_SLOW=1: what a page does then in the wrong
// order, it does wherever somebody is quick or a machine is busy.
func (o *tab) slow(t *testing.T) {
	t.Helper()
	if _, err := chromedp.Call(o.ctx, emulation.SetCPUThrottlingRate, emulation.SetCPUThrottlingRateParams{Rate: 8}); err != nil {
		t.Fatal(err)
	}
	if _, err := chromedp.Call(o.ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: `{
		const pause = () => new Promise((resolve) => setTimeout(resolve, Math.random() * 1500));
		const { send } = XMLHttpRequest.prototype;
		XMLHttpRequest.prototype.send = async function () {
			await pause();
			send.call(this);
		};
		const request = fetch;
		window.fetch = async (...given) => {
			await pause();
			const response = await request(...given);
			await pause();
			return response;
		};
	}`}); err != nil {
		t.Fatal(err)
	}
}

// watch collects what must not happen in a page.
func (o *tab) watch(t *testing.T) {
	t.Helper()
	console := chromedp.Console(o.ctx)
	go func() {
		for message, err := range console {
			if err != nil {
				return // the tab was closed
			}
			switch message.Type {
			case chromedp.ConsoleWarning, chromedp.ConsoleError, chromedp.ConsoleException:
				o.problem("%s: %s %s:%d", message.Type, message.Text, message.URL, message.Line)
			}
		}
	}()
	if err := chromedp.Listen(o.ctx, func(event any) {
		if e, is := event.(*network.EventRequestWillBeSent); is {
			if u, err := url.Parse(e.Request.URL); err != nil || u.Scheme != "data" && u.Hostname() != "127.0.0.1" {
				o.problem("a request left the machine: %s", e.Request.URL)
			}
		}
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := chromedp.Call(o.ctx, network.Enable, network.EnableParams{}); err != nil {
		t.Fatal(err)
	}
}

func (o *tab) problem(format string, args ...any) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.problems = append(o.problems, fmt.Sprintf(format, args...))
}

// forget forgets the problems so far: a test that provokes an error response sees it in the console.
func (o *tab) forget() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.problems = nil
}

// show logs the text of the page.
func (o *tab) show(t *testing.T) {
	if text, err := chromedp.Run(o.ctx, chromedp.Evaluate[string](`document.body.innerText`)); err == nil {
		t.Logf("the page when the test failed:\n%s", text)
	}
}

// do performs actions, each of which waits for what it needs.
func (o *tab) do(t *testing.T, actions ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(o.ctx, actions...); err != nil {
		t.Fatal(err)
	}
}

// eval returns the value of an expression.
func eval[T any](t *testing.T, o *tab, expression string) T {
	t.Helper()
	value, err := chromedp.Run(o.ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// until waits until an expression is true in the page. It looks ten times a second: at each frame, as is the default,
// the browser would draw all the time.
func (o *tab) until(t *testing.T, what, expression string) {
	t.Helper()
	if _, err := chromedp.Run(o.ctx, chromedp.Poll[bool](expression, chromedp.WithPollingInterval(100*time.Millisecond), chromedp.WithPollingTimeout(timeout))); err != nil {
		t.Fatalf("%s: %v\nwaited for %s", what, err, expression)
	}
}

// hold holds back the first response whose path contains a text and whose body, in JSON, fulfils a condition, until
// release. It has come when window.come is true; window.passed is the number of the others of that path. What was asked
// for earlier is not held back.
func (o *tab) hold(t *testing.T, path, condition string) {
	t.Helper()
	eval[bool](t, o, fmt.Sprintf(`(() => {
		const request = fetch;
		window.come = window.released = false;
		window.passed = 0;
		window.fetch = async (path, ...given) => {
			const response = await request(path, ...given);
			if (!path.includes(%q)) return response;
			const text = await response.text();
			const fulfils = (body) => %s;
			if (!window.come && fulfils(JSON.parse(text))) {
				window.come = true;
				await new Promise((resolve) => { window.release = resolve });
				const held = new Response(text, response);
				held.text = async () => (setTimeout(() => { window.released = true }), text); // once it was used
				return held;
			}
			window.passed++;
			return new Response(text, response);
		};
		return true;
	})()`, path, condition))
}

// release lets the page have the response that is held back, and waits until it has used it.
func (o *tab) release(t *testing.T) {
	t.Helper()
	eval[bool](t, o, `window.release() ?? true`)
	o.until(t, "what the response does", `window.released`)
}

// failOnce lets the next request whose path ends with a text fail.
func (o *tab) failOnce(t *testing.T, path string) {
	t.Helper()
	eval[bool](t, o, fmt.Sprintf(`(() => {
		const request = fetch;
		window.fetch = async (path, ...given) => {
			if (!path.endsWith(%q)) return request(path, ...given);
			window.fetch = request;
			throw new Error('failed once');
		};
		return true;
	})()`, path))
}

func TestPage(t *testing.T) {
	inTurn(t)
	t.Run("when it is opened, it is live", func(t *testing.T) { openPage(t, shared, "") })
	t.Run("when six tabs have it in the background, a seventh opens", func(t *testing.T) {
		var first *tab
		for range 6 { // what a browser has connections for
			o := openPage(t, shared, "")
			eval[bool](t, o, `(() => { window.background = true; Object.defineProperty(document, 'hidden', { get: () => window.background }); document.dispatchEvent(new Event('visibilitychange')); return true })()`)
			if first == nil {
				first = o
			}
		}
		openPage(t, shared, "")
		first.until(t, "the pause", `document.querySelector('#connection').textContent === 'paused'`)
		eval[bool](t, first, `(() => { window.background = false; return document.dispatchEvent(new Event('visibilitychange')) })()`)
		first.until(t, "the stream again", `document.querySelector('#connection').textContent === 'live'`)
	})
	t.Run("when a website's name is bound to this address, nothing responds", func(t *testing.T) {
		for _, base := range []string{shared.Endpoint, shared.APIURL} {
			for _, path := range []string{"/_local/", "/_local/page/updates", "/_local/alerts", "/", "/webhook"} {
				for key, value := range map[string]string{"Host": "evil.example", "Origin": "https://evil.example"} {
					if status := statusWith(t, base+path, key, value); status != 403 {
						t.Errorf("%s%s with %s %s: %d, want 403", base, path, key, value, status)
					}
				}
			}
		}
	})
}

// statusWith returns the status of a request with one more header.
func statusWith(t *testing.T, address, key, value string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	if r.Header.Set(key, value); key == "Host" {
		r.Host = value
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	return res.StatusCode
}

// enter focuses an element and presses Enter. The key goes down, makes a character and goes up; an expression must
// be true after each, since what appears and takes the focus must not react to the rest of the key.
func (o *tab) enter(t *testing.T, element, then string) {
	t.Helper()
	eval[bool](t, o, element+`.focus() ?? true`)
	for _, event := range kb.Encode('\r') {
		if _, err := chromedp.Call(o.ctx, input.DispatchKeyEvent, *event); err != nil {
			t.Fatal(err)
		}
		o.until(t, "what Enter does", then)
	}
}

// promptly sends payments until the page shows one within two seconds of its response. Each is shown in the
// end, but not each in time: a busy machine may be slower than the page. send returns an expression that is true
// when the payment is shown.
func (o *tab) promptly(t *testing.T, what string, send func() (shown string)) {
	t.Helper()
	const limit = 2 * time.Second
	var took []time.Duration
	for range 10 {
		shown := send()
		responded := time.Now()
		o.until(t, what, shown)
		if took = append(took, time.Since(responded)); slices.Min(took) < limit {
			return
		}
	}
	t.Errorf("%s is shown %v after the response, want one within %v", what, took, limit)
}
