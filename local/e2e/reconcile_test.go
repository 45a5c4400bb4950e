package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/operations/reconcile"
	"payment-webhooks/handlers/operations/reconcile/reconciletest"
	"payment-webhooks/local/session"
)

// Credentials of the providers' APIs, made up.
const (
	stripeAPIKey    = "rk_test_0123456789abcdefMADEUP"
	squareAPIToken  = "EAAAMadeUp0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJ"
	paypalAPIID     = "AMadeUpClientId0123456789"
	paypalAPISecret = "EMadeUpClientSecret0123456789"
)

// pastEvent returns a provider's payment as its API lists it, with an id for the event and for
// the payment.
func pastEvent(t *testing.T, provider, id string, at time.Time) reconciletest.Event {
	t.Helper()
	body, err := os.ReadFile(filepath.Join(root(), "handlers", "internal", "provider", provider, "testdata", "payment.json"))
	if err != nil {
		t.Fatal(err)
	}
	eventID := "evt_" + id
	if provider == "paypal" {
		eventID = "WH-" + id
	}
	text := string(body)
	for _, replaced := range []struct{ pattern, by string }{
		{"pi_3RkExamplePayment000001|hYy9pRFVxpDsO1FB05SunFWUe9JZY|5TB61832KE940713M", id},
		{`(?m)^(  "(?:event_)?id": )"(?:evt_|WH-|6a8f)[^"]*"`, `${1}"` + eventID + `"`},
		{`(?m)^(  "created": )\d+`, fmt.Sprintf("${1}%d", at.Unix())},
		{`(?m)^(  "create(?:d_at|_time)": )"[^"]*"`, `${1}"` + at.UTC().Format("2006-01-02T15:04:05.000Z") + `"`},
	} {
		text = regexp.MustCompile(replaced.pattern).ReplaceAllString(text, replaced.by)
	}
	if !strings.Contains(text, eventID) || !strings.Contains(text, `"`+id+`"`) {
		t.Fatalf("the ids are not in %s", text)
	}
	return reconciletest.Event{ID: eventID, CreatedAt: at, Body: text}
}

// ops runs scripts/ops against a session and returns its output and exit status.
func ops(t *testing.T, s *session.Session, args ...string) (out, progress string, exit int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	command := exec.CommandContext(ctx, opsBinary(t), append([]string{"--stack", contract.StackPrefix + s.Suffix()}, args...)...)
	command.Env = append(os.Environ(), "AWS_ENDPOINT_URL="+aws.ToString(s.AWS.BaseEndpoint), "AWS_REGION="+s.AWS.Region, "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test")
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	err := command.Run()
	if failed := (*exec.ExitError)(nil); err != nil && !errors.As(err, &failed) {
		t.Fatal(err)
	}
	return stdout.String(), stderr.String(), command.ProcessState.ExitCode()
}

// compared runs scripts/ops reconcile and returns its report.
func compared(t *testing.T, want int, args ...string) reconcile.Report {
	t.Helper()
	out, progress, exit := ops(t, shared, append([]string{"reconcile", "--json"}, args...)...)
	var report reconcile.Report
	if err := json.Unmarshal([]byte(out), &report); err != nil || exit != want {
		t.Fatalf("exit status %d, want %d: %s\n%s", exit, want, out, progress)
	}
	for _, secret := range []string{stripeAPIKey, squareAPIToken, paypalAPISecret} {
		if strings.Contains(out+progress, secret) {
			t.Error("a secret is printed")
		}
	}
	return report
}

func stored(t *testing.T, s *session.Session, name, value string) {
	t.Helper()
	if _, err := secretsmanager.NewFromConfig(s.AWS).CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: &name, SecretString: &value}); err != nil {
		t.Fatal(err)
	}
}

func TestReconcile(t *testing.T) {
	inTurn(t)
	for provider, c := range map[string]struct {
		credentials string
		server      func(t *testing.T, events ...reconciletest.Event) http.Handler
	}{
		"stripe": {stripeAPIKey, func(_ *testing.T, events ...reconciletest.Event) http.Handler {
			return reconciletest.NewStripe(time.Now, stripeAPIKey, events...)
		}},
		"square": {squareAPIToken, func(_ *testing.T, events ...reconciletest.Event) http.Handler {
			return reconciletest.NewSquare(time.Now, squareAPIToken, events...)
		}},
		"paypal": {`{"client_id": "` + paypalAPIID + `", "client_secret": "` + paypalAPISecret + `"}`, func(t *testing.T, events ...reconciletest.Event) http.Handler {
			// PayPal posts what it is asked to send again, signed by its certificate.
			return reconciletest.NewPayPal(time.Now, paypalAPIID, paypalAPISecret, func(e reconciletest.Event, webhookID string) {
				sendAs(t, shared, "paypal", webhookID, "--file", file(t, e.Body))
			}, events...)
		}},
	} {
		t.Run("finds and delivers what never arrived from "+provider, func(t *testing.T) {
			ids := [3]string{}
			var events []reconciletest.Event
			for i := range ids {
				ids[i] = strings.ToUpper(strings.ReplaceAll(newID(t), "_", "X")) + "A"
				// Square's own deliveries are accepted for three days.
				events = append(events, pastEvent(t, provider, ids[i], time.Now().Add(-time.Duration(i*5*24+1)*time.Hour)))
			}
			deliverShared(t, 202, provider, "--file", file(t, events[0].Body))
			api := httptest.NewServer(c.server(t, events...))
			defer api.Close()
			secret := "payments/" + provider + "-api"
			stored(t, shared, secret, c.credentials)
			flags := []string{
				"--provider", provider, "--credentials", secret, "--api-url", api.URL,
				"--from", time.Now().Add(-12 * 24 * time.Hour).UTC().Format(time.RFC3339),
			}

			report := compared(t, 1, flags...)
			if report.Listed != 3 || report.Transactions[reconcile.Missing] != 2 || report.Items[0].TransactionID != ids[2] || report.Items[1].TransactionID != ids[1] {
				t.Fatalf("%+v, want %v missing", report, ids[1:])
			}
			dry := compared(t, 1, append(flags, "--deliver")...)
			if dry.Delivery.Executed || dry.Delivery.Events != 2 || itemOf(t, ids[1], provider) != nil {
				t.Errorf("%+v, want a dry run of two deliveries", dry.Delivery)
			}
			done := compared(t, 0, append(flags, "--deliver", "--execute")...)
			if !done.Delivery.Executed || done.Delivery.NowPresent != 2 || done.Delivery.StillGone != 0 {
				t.Errorf("%+v, want two transactions", done.Delivery)
			}
			for _, id := range ids {
				if item := itemOf(t, id, provider); item["kind"] != "payment" {
					t.Errorf("%s is stored as %v", id, item)
				}
			}
			out, _, exit := ops(t, shared, append([]string{"reconcile"}, append(flags, "--deliver", "--execute")...)...)
			if exit != 0 || !strings.Contains(out, "Nothing to deliver.") || !strings.Contains(out, "0 missing, 0 different, 0 in flight.") {
				t.Errorf("exit status %d: %s", exit, out)
			}
		})
	}
}

func TestReconcileRefuses(t *testing.T) {
	stored(t, shared, "payments/wrong-api", "not a key")
	stored(t, shared, "payments/right-api", stripeAPIKey)
	for name, c := range map[string]struct {
		args []string
		exit int
		want string
	}{
		"a window that the provider no longer lists": {[]string{"--credentials", "payments/right-api", "--from", "2026-01-01"}, 2, "stripe lists events for 30 days: the earliest possible time is 20"},
		"a signing secret in place of a key":         {[]string{"--credentials", "payments/stripe"}, 1, "secret payments/stripe: stripe: credentials: not an API key"},
		"credentials of another form":                {[]string{"--credentials", "payments/wrong-api"}, 1, "secret payments/wrong-api: stripe: credentials: not an API key"},
		"a secret that does not exist":               {[]string{"--credentials", "payments/nothing"}, 1, "read secret payments/nothing"},
		"to guess the credentials":                   {nil, 2, "--credentials: name the secret"},
		"--execute alone":                            {[]string{"--execute"}, 2, "--deliver"},
		"a provider without such an API":             {[]string{"--provider", "adyen"}, 2, "want one of paypal, square, stripe"},
	} {
		t.Run(name, func(t *testing.T) {
			_, progress, exit := ops(t, shared, append([]string{"reconcile", "--provider", "stripe"}, c.args...)...)
			if exit != c.exit || !strings.Contains(progress, c.want) || strings.Contains(progress, "not a key\n") || strings.Contains(progress, secrets["stripe"]) {
				t.Errorf("exit status %d: %s", exit, progress)
			}
		})
	}
}

func TestDailyReconcile(t *testing.T) {
	inParallel(t)
	t.Run("reports what is missing when the schedule starts it", func(t *testing.T) {
		s := optional(t)
		if err := s.FireRule(t.Context(), contract.ReconcileRulePrefix+s.Suffix(), time.Now()); err != nil {
			t.Fatal(err)
		}
		group := contract.FunctionLogGroupPrefix + contract.PaymentReconciler + "-" + s.Suffix()
		for _, want := range []string{`"transaction_id":"` + optionalOnce.missing + `"`, `"MissingTransactions":1`, `"provider compared"`} {
			eventually(t, want, func(ctx context.Context) (bool, error) {
				lines, err := s.Logged(ctx, group, want)
				return len(lines) > 0, err
			})
		}
		// The command uses the function's credentials and address.
		out, progress, exit := ops(t, s, "reconcile", "--provider", "stripe", "--deliver", "--execute")
		if exit != 0 || !strings.Contains(out, "In the table now: 1 of 1 transactions.") {
			t.Errorf("exit status %d: %s\n%s", exit, out, progress)
		}
	})
}
