package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/local/session"
)

// emptyAtFirst are the graphs of the first dashboard that have no data soon after the first payments, and why.
var emptyAtFirst = map[string]string{
	"Books: publications, 15 minutes later": "the books of a payment are dated 15 minutes after it",
	"Books: fraud scores, 15 minutes later": "the same",
}

const graphsWithData = `[...document.querySelectorAll('.dashboard .widget[data-state=data] h3')].map((h) => h.textContent)`

func TestPageDashboard(t *testing.T) {
	t.Run("when payments were processed, the graphs have data", func(t *testing.T) {
		for _, amount := range []string{"250", "5000", "15000"} {
			accept(t, shared, payment(newID(t), amount, "USD", ""))
		}
		if _, err := shared.Send(t.Context(), sender, "stripe", secrets["stripe"], "--id", newID(t)); err != nil {
			t.Fatal(err)
		}
		o := openPage(t, shared, "#/dashboard?name="+contract.DashboardPrefix+shared.Suffix())
		o.until(t, "the graphs", `document.querySelectorAll('.dashboard .widget[data-state]').length > 10`)
		titles := eval[[]string](t, o, `[...document.querySelectorAll('.dashboard .widget[data-state] h3')].map((h) => h.textContent)`)
		for title := range emptyAtFirst {
			if !slices.Contains(titles, title) {
				t.Errorf("there is no graph %q", title)
			}
		}
		for _, title := range titles {
			if emptyAtFirst[title] != "" {
				continue
			}
			o.until(t, "data of "+title, fmt.Sprintf(`%s.includes(%q)`, graphsWithData, title))
			if n := eval[int](t, o, fmt.Sprintf(`[...document.querySelectorAll('.dashboard .widget')].find((w) => w.querySelector('h3')?.textContent === %q).querySelectorAll('.series > *').length`, title)); n == 0 {
				t.Errorf("%s: nothing is drawn", title)
			}
		}
		t.Run("with the keyboard, values are read", func(t *testing.T) {
			o.do(t, chromedp.Focus(`.dashboard .plot`), chromedp.KeyEvent(kb.ArrowLeft))
			o.until(t, "the newest values", `/\d\d:\d\d.*accepted/.test(document.querySelector('.dashboard .plot').getAttribute('aria-label'))`)
			o.do(t, chromedp.Click(`.dashboard .values summary`))
			o.until(t, "the table of values", `document.querySelectorAll('.dashboard .values[open] tbody tr').length > 0`)
		})
		t.Run("the details are another one", func(t *testing.T) {
			o.do(t, chromedp.Click(`.toolbar nav a:nth-child(2)`))
			for _, title := range []string{"Lambda invocations", "Table capacity consumed", "Relay: events", "Verified deliveries by provider"} {
				o.until(t, "data of "+title, fmt.Sprintf(`%s.includes(%q)`, graphsWithData, title))
			}
		})
		t.Run("on a telephone, nothing is wider than the screen", func(t *testing.T) {
			o.do(t, chromedp.EmulateViewport(390, 800))
			o.until(t, "the narrow page", `document.documentElement.scrollWidth <= 390`)
		})
	})
	t.Run("when another range is chosen before the first has come, there is one dashboard", func(t *testing.T) {
		o := openPage(t, shared, "#/queues")
		o.hold(t, "page/dashboards", `true`)
		o.navigate(t, "#/dashboard")
		o.until(t, "the dashboards", `window.come`)
		o.navigate(t, "#/dashboard?range=3600")
		o.until(t, "the graphs of the last hour", `document.querySelector('.dashboard .widget[data-state]') !== null && document.querySelector('.toolbar select').value === '3600'`)
		o.release(t)
		if n := eval[int](t, o, `document.querySelectorAll('.toolbar').length`); n != 1 {
			t.Errorf("%d dashboards are shown", n)
		}
	})
	t.Run("when the graph of an alarm cannot be read, it comes with the next look", func(t *testing.T) {
		o := openPage(t, shared, "#/dashboard")
		row := fmt.Sprintf(`document.querySelector('.alarm[data-name="%s-errors"]')`, contract.WebhookValidator)
		o.until(t, "the alarm", row+` !== null`)
		o.failOnce(t, "/graph")
		eval[bool](t, o, `(document.querySelector('.alarm-panel').open = true, `+row+`.open = true)`)
		o.until(t, "the error", row+`.querySelector('.error')?.textContent === 'failed once'`)
		o.until(t, "the graph", row+`.querySelector('.error') === null && `+row+`.querySelector('h3') !== null`)
	})
	t.Run("when a widget or an alarm names a metric of AWS, it is recorded or the reason is known", func(t *testing.T) {
		var named struct{ Missing []string }
		if err := shared.Control(t.Context(), http.MethodGet, "/_local/page/metrics", nil, &named); err != nil {
			t.Fatal(err)
		}
		if len(named.Missing) > 0 {
			t.Errorf("nothing records %q, and no reason is known", named.Missing)
		}
	})
}

// A wrong dimension is seen here rather than at night.
func TestPageDashboard_wrongDimension(t *testing.T) {
	inParallel(t)
	s := ownSession(t, func(template string) string {
		// In the body of a dashboard, JSON in JSON.
		return strings.Replace(template, `\"AWS/ApiGateway\",\"Latency\",\"ApiName\"`, `\"AWS/ApiGateway\",\"Latency\",\"Api<img src=x onerror=alert(1)>\"`, 2)
	})
	accept(t, s, payment(newID(t), "250", "USD", ""))
	o := openPage(t, s, "#/dashboard")
	const widget = `[...document.querySelectorAll('.dashboard .widget')].find((w) => w.querySelector('h3')?.textContent === 'API latency (ms)')`
	o.until(t, "the empty graph with the hint", widget+`?.dataset.state === 'empty' && `+widget+`.innerText.includes('Values exist with other dimensions')`)
	text := eval[string](t, o, widget+`.innerText`)
	for _, want := range []string{"It has had no value since the local run began.", "AWS/ApiGateway Latency Api<img src=x onerror=alert(1)>=", "AWS/ApiGateway Latency ApiName="} {
		if !strings.Contains(text, want) {
			t.Errorf("the graph does not name %q: %s", want, text)
		}
	}
	if n := eval[int](t, o, `document.querySelectorAll('main img').length`); n != 0 {
		t.Errorf("%d elements were made of a name", n)
	}
}

func TestPageDashboard_alarms(t *testing.T) {
	inParallel(t)
	name := contract.WebhookValidator + "-errors"
	s := ownSession(t, editing(t, func(r template) {
		for _, one := range r {
			text, err := json.Marshal(one.Properties["AlarmName"])
			if one.Type == "AWS::CloudWatch::Alarm" && err == nil && strings.Contains(string(text), name) {
				one.Properties["Period"] = 60 // rather than five minutes, to see it end soon
			}
		}
	}))
	o := openPage(t, s, "#/dashboard")
	state := func(want string) string {
		return fmt.Sprintf(`document.querySelector('.alarm[data-name="%s"]')?.dataset.state === %q`, name, want)
	}
	o.until(t, "the alarm", fmt.Sprintf(`document.querySelector('.alarm[data-name="%s"]') !== null`, name))
	_, err := lambda.NewFromConfig(s.AWS).Invoke(t.Context(), &lambda.InvokeInput{
		FunctionName: aws.String(contract.WebhookValidator + "-" + s.Suffix()), Payload: []byte(`"no request"`),
	})
	if err != nil {
		t.Fatal(err)
	}
	o.until(t, "the alarm, red", state("ALARM"))
	o.until(t, "the alarm in the dashboard", `[...document.querySelectorAll('.dashboard .states .state-ALARM')].some((li) => li.textContent === '`+name+`')`)
	eventually(t, "its notification", func(ctx context.Context) (bool, error) {
		alerts, err := s.AlarmAlerts(ctx, name)
		return slices.ContainsFunc(alerts, func(a session.Alert) bool { return a.Protocol == "email" }), err
	})
	o.do(t, chromedp.Click(fmt.Sprintf(`.alarm[data-name="%s"] > summary`, name)))
	o.until(t, "its metric with the threshold", fmt.Sprintf(`document.querySelector('.alarm[data-name="%s"] line.threshold') && document.querySelector('.alarm[data-name="%s"] .series > *') !== null`, name, name))
	accept(t, s, payment(newID(t), "250", "USD", "")) // an invocation without an error
	o = openPage(t, s, "#/dashboard")
	o.until(t, "the alarm, green again", state("OK"))
	if all, err := s.Alarms(t.Context(), time.Now()); err != nil || all[name].State != "OK" {
		t.Errorf("%+v, %v", all[name], err)
	}
}
