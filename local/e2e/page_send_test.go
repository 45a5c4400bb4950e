package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"payment-webhooks/local/session"
)

// fill gives a field of a form a value, as a user who leaves it then.
func (o *tab) fill(t *testing.T, selector, value string) {
	t.Helper()
	o.until(t, selector, fmt.Sprintf(`document.querySelector(%q) !== null`, selector))
	eval[bool](t, o, fmt.Sprintf(`(() => {
		const field = document.querySelector(%q);
		field.value = %q;
		field.dispatchEvent(new Event('input', { bubbles: true }));
		field.dispatchEvent(new Event('change', { bubbles: true }));
		return field.value === %[2]q;
	})()`, selector, value))
}

// navigate shows another view of the page that is open.
func (o *tab) navigate(t *testing.T, view string) {
	t.Helper()
	eval[bool](t, o, fmt.Sprintf(`(location.hash = %q) !== ''`, view))
}

// noMarkup fails the test if a name with markup became an element.
func (o *tab) noMarkup(t *testing.T) {
	t.Helper()
	if n := eval[int](t, o, `document.querySelectorAll('img, main script').length + (window.attacked ? 1 : 0)`); n != 0 {
		t.Errorf("%d elements were made of a sender's text", n)
	}
}

// expect waits for problems of the page with a text, such as the status of a response that is meant to be an
// error, and forgets them.
func (o *tab) expect(t *testing.T, text string) {
	t.Helper()
	eventually(t, "a problem with "+text, func(context.Context) (bool, error) {
		o.mu.Lock()
		defer o.mu.Unlock()
		before := len(o.problems)
		o.problems = slices.DeleteFunc(o.problems, func(problem string) bool { return strings.Contains(problem, text) })
		return len(o.problems) < before, nil
	})
}

const markup = `<img src=x onerror=attacked=1>`

// lastRun is the newest run in the page.
const lastRun = `document.querySelector('[data-run]')`

func TestPageSend(t *testing.T) {
	inParallel(t)
	s := ownSessionWith(t, append(session.SecretFlags(secrets), "--egress", t.TempDir()))
	o := openPage(t, s, "#/send")
	// sent sends what is filled in, waits for the new run, and returns the expression of its element.
	sent := func(t *testing.T) string {
		t.Helper()
		before := eval[int](t, o, `document.querySelectorAll('[data-run]').length`)
		o.do(t, chromedp.Click("#send-now"))
		o.until(t, "a run", fmt.Sprintf(`document.querySelectorAll('[data-run]').length > %d`, before))
		return fmt.Sprintf(`document.querySelector('[data-run="%s"]')`, eval[string](t, o, lastRun+`.dataset.run`))
	}
	// responded sends one delivery, and returns its run and the text of the response's row. As a provider does, it
	// sends again after 503, which an overloaded machine responds with. A status of 2 stands for 202 and 200: what
	// is sent again may be stored already.
	responded := func(t *testing.T, want string) (run, text string) {
		t.Helper()
		for {
			run = sent(t)
			o.until(t, "the end", run+`.querySelector('.state').textContent === 'done'`)
			status := eval[string](t, o, run+`.querySelector('tbody tr td:nth-child(2)').textContent`)
			text = eval[string](t, o, run+`.querySelector('tbody tr').innerText`)
			if strings.HasPrefix(status, want) {
				return run, text
			}
			if status != "503" {
				t.Fatalf("%s, want %s", text, want)
			}
		}
	}
	o.fill(t, "#send-provider", "stripe")

	t.Run("when it is signed, it is accepted, and the delivery is linked", func(t *testing.T) {
		o.fill(t, "#send-id", "pi_page_1")
		run, text := responded(t, "2")
		if !strings.Contains(text, "pi_page_1") {
			t.Errorf("%s", text)
		}
		if link := eval[string](t, o, run+`.querySelector('tbody a').getAttribute('href')`); link != "#/deliveries?q=pi_page_1" {
			t.Errorf("linked to %s", link)
		}
		if item, err := s.Item(t.Context(), "pi_page_1", "stripe"); err != nil || item == nil {
			t.Errorf("stored: %v, %v", item, err)
		}
	})
	t.Run("when it is tampered with, it is rejected, and says why", func(t *testing.T) {
		o.fill(t, "#send-id", "pi_page_2")
		o.fill(t, "#send-signature", "tampered")
		if _, text := responded(t, "401"); !strings.Contains(text, "signature is missing or wrong") {
			t.Errorf("%s", text)
		}
	})
	t.Run("when it is late, it is rejected, and says why", func(t *testing.T) {
		o.fill(t, "#send-signature", "late")
		if _, text := responded(t, "401"); !strings.Contains(text, "its time is too far from now") {
			t.Errorf("%s", text)
		}
	})
	t.Run("when it is sent often, responses appear until it is stopped", func(t *testing.T) {
		o.fill(t, "#send-signature", "valid")
		o.fill(t, "#send-id", "pi_many_{n}")
		o.fill(t, "#send-repeat", "5000")
		o.fill(t, "#send-rate", "20")
		run := sent(t)
		o.until(t, "several responses", run+`.querySelectorAll('tbody tr').length >= 5`)
		o.do(t, chromedp.Click("[data-run]:first-child button.stop"))
		o.until(t, "the end", run+`.querySelector('.state').textContent === 'stopped'`)
		if hidden := eval[bool](t, o, run+`.querySelector('button.stop').hidden`); !hidden {
			t.Error("what has ended can still be stopped")
		}
		if text := eval[string](t, o, run+`.querySelector('.counts').textContent`); !strings.Contains(text, "202 × ") {
			t.Errorf("counted %q", text)
		}
		o.fill(t, "#send-repeat", "1")
		o.fill(t, "#send-rate", "0")
	})
	t.Run("when an id has markup, it is text", func(t *testing.T) {
		o.fill(t, "#send-id", markup)
		run := sent(t)
		o.until(t, "the end", run+`.querySelector('.state').textContent === 'done'`)
		if command := eval[string](t, o, run+`.querySelector(':scope > details pre').textContent`); !strings.Contains(command, "'"+markup+"'") {
			t.Errorf("%s", command)
		}
		o.noMarkup(t)
	})
	t.Run("when a provider signs no time, it is never late", func(t *testing.T) {
		o.fill(t, "#send-provider", "adyen")
		o.until(t, "the form", `document.querySelector('#send-signature option[value=late]').disabled`)
	})
	t.Run("when a provider signs with a certificate, it is accepted", func(t *testing.T) {
		o.fill(t, "#send-provider", "paypal")
		o.until(t, "the form", `document.querySelector('#send-command').textContent.includes('--provider paypal')`)
		o.fill(t, "#send-id", "PAGE1")
		responded(t, "2")
	})
	t.Run("when something is wrong, it says what, and nothing is sent", func(t *testing.T) {
		o.fill(t, "#send-provider", "stripe")
		o.fill(t, "#send-signature", "late")
		o.fill(t, "#send-skew", "ten minutes")
		o.until(t, "the reason", `document.querySelector('.send .error[role=alert]')?.innerText.includes('-10m')`)
		o.expect(t, "400")
		o.fill(t, "#send-signature", "valid")
		o.until(t, "the command line", `document.querySelector('#send-command').textContent.includes('scripts/send')`)
	})
	t.Run("when something else is filled in before the command line has come, that is not shown", func(t *testing.T) {
		o.hold(t, "send/command", `body.command.includes('pi_first')`)
		o.fill(t, "#send-id", "pi_first")
		o.until(t, "the first command line", `window.come`)
		o.fill(t, "#send-id", "pi_second")
		o.until(t, "the second one", `document.querySelector('#send-command').textContent.includes('pi_second')`)
		o.release(t)
		if text := eval[string](t, o, `document.querySelector('#send-command').textContent`); !strings.Contains(text, "pi_second") {
			t.Errorf("the command line is %s", text)
		}
	})
	t.Run("when a fault is switched on, it strikes until it is switched off", func(t *testing.T) {
		o.fill(t, "#fault-hop", "dynamodb:PutItem")
		o.fill(t, "#fault-fault", "denied")
		o.fill(t, "#fault-caller", "webhook-validator")
		o.do(t, chromedp.Click("#fault-on"))
		o.until(t, "the fault", `document.querySelector('[data-fault]') !== null`)
		o.fill(t, "#send-id", "pi_page_3")
		responded(t, "503")
		o.until(t, "a strike", `Number(document.querySelector('[data-fault] .struck').textContent) > 0`)
		o.do(t, chromedp.Click("[data-fault] button.off"))
		o.until(t, "no fault", `document.querySelector('[data-fault]') === null`)
		responded(t, "2")
	})
	t.Run("when another view was shown, what was sent is still there", func(t *testing.T) {
		before := eval[int](t, o, `document.querySelectorAll('[data-run]').length`)
		o.navigate(t, "#/queues")
		o.until(t, "the queues", `document.querySelector('#queues-title') !== null`)
		o.navigate(t, "#/send")
		o.until(t, "the runs", fmt.Sprintf(`document.querySelectorAll('[data-run]').length === %d`, before))
	})
	t.Run("when what can be sent cannot be read, it comes with the next response", func(t *testing.T) {
		o.navigate(t, "#/queues")
		o.failOnce(t, "page/send")
		o.navigate(t, "#/send?hop=sns:Publish")
		o.until(t, "the error", `document.querySelector('.send .error')?.textContent === 'failed once'`)
		injectInto(t, s, `{"hop": "dynamodb:Query", "fault": "denied"}`)
		o.until(t, "the form", `document.querySelector('#send-now') !== null && document.querySelector('#fault-hop').value === 'sns:Publish'`)
	})
	t.Run("when the browser asks, no secret is in what it gets", func(t *testing.T) {
		for _, path := range []string{"/_local/page/send", "/_local/faults"} {
			var body json.RawMessage
			if err := s.Control(t.Context(), http.MethodGet, path, nil, &body); err != nil {
				t.Fatal(err)
			}
			for provider, secret := range secrets {
				if strings.Contains(string(body), secret) {
					t.Errorf("%s has the secret of %s", path, provider)
				}
			}
		}
	})
	t.Run("when the command line is run in a shell, it does the same", func(t *testing.T) {
		if _, err := exec.LookPath("aws"); err != nil {
			t.Skip("the AWS CLI, with which a shell reads the secret, is not installed: see https://docs.aws.amazon.com/cli/latest/userguide/getting-started-install.html")
		}
		o.fill(t, "#send-id", "pi_shell")
		o.until(t, "the command line", `document.querySelector('#send-command').textContent.includes('--id pi_shell')`)
		cmd := exec.CommandContext(t.Context(), "bash", "-c", eval[string](t, o, `document.querySelector('#send-command').textContent`))
		cmd.Dir = root()
		if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "pi_shell") {
			t.Errorf("%v\n%s", err, out)
		}
	})
}
