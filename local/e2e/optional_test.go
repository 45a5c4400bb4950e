package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"payment-webhooks/handlers/operations/reconcile/reconciletest"
	"payment-webhooks/local/session"
)

// optionalOnce is the session of [optional].
var optionalOnce struct {
	sync.Once
	session  *session.Session
	err      error
	log      syncBuffer
	dir      string
	provider *httptest.Server // speaks the API that the daily reconcile calls
	missing  string           // the id of a payment that it lists and nobody delivered
}

// optional returns the session that tests of optional features share. Its template has
// what the one of scripts/test has not: a fourth tier with a digest of alerts, and the daily reconcile. A test of
// another feature that is off by default adds the feature's context here, unless it
// changes what the others see: a template takes seconds to synthesize, and a session
// takes more to start. Tests that use it may run in parallel; they look at transactions
// of their own only.
func optional(t *testing.T) *session.Session {
	t.Helper()
	once := &optionalOnce
	once.Do(func() {
		once.err = errors.New("the test that starts the session failed")
		once.err = startOptional(t)
	})
	if once.err != nil {
		t.Fatalf("%v\n%s", once.err, once.log.String())
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the local run's log:\n%s", once.log.String())
		}
	})
	return once.session
}

func startOptional(t *testing.T) (err error) {
	once := &optionalOnce
	once.missing = newID(t)
	once.provider = httptest.NewServer(reconciletest.NewStripe(time.Now, stripeAPIKey, pastEvent(t, "stripe", once.missing, time.Now().Add(-time.Hour))))
	if once.dir, err = os.MkdirTemp("", "payment-webhooks-optional-"); err != nil {
		return err
	}
	err = synthesize(once.dir, "optional", map[string]any{
		"amountThresholds": json.RawMessage(fourTiers),
		"providers":        map[string]any{"stripe": map[string]any{"secret": "payments/stripe"}},
		"allowOpenWebhook": true,
		"reconcile":        map[string]any{"stripe": map[string]any{"secret": "payments/stripe-api", "apiUrl": once.provider.URL}},
	})
	if err != nil {
		return err
	}
	once.session, err = session.Start(context.Background(), session.Options{Root: root(), CDKOut: once.dir, Log: &once.log, Flags: session.SecretFlags(map[string]string{
		"stripe": secrets["stripe"], "stripe-api": stripeAPIKey,
	})})
	return err
}

// stopOptional ends the session of [optional], if a test used it.
func stopOptional() (err error) {
	if optionalOnce.session != nil {
		err = optionalOnce.session.Stop()
	}
	if optionalOnce.provider != nil {
		optionalOnce.provider.Close()
	}
	os.RemoveAll(optionalOnce.dir)
	return err
}

// synthesize writes an assembly with other values in the context than cdk.json. It runs
// the app as the CDK CLI does, and finds it built by scripts/test.
func synthesize(dir, suffix string, values map[string]any) error {
	text, err := os.ReadFile(filepath.Join(root(), "cdk.json"))
	if err != nil {
		return err
	}
	var settings struct {
		Context map[string]any `json:"context"`
	}
	if err := json.Unmarshal(text, &settings); err != nil {
		return err
	}
	maps.Copy(settings.Context, values)
	context, err := json.Marshal(settings.Context)
	if err != nil {
		return err
	}
	app := filepath.Join(root(), "build", "synth")
	build := exec.Command("go", "build", "-o", app, ".")
	build.Dir = root()
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("building the app: %w\n%s", err, out)
	}
	synth := exec.Command(app)
	synth.Dir = root()
	synth.Env = []string{
		"PATH=" + filepath.Join(root(), "node_modules", ".bin") + string(os.PathListSeparator) + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"),
		"CDK_OUTDIR=" + dir, "CDK_CONTEXT_JSON=" + string(context),
		"CDK_VALIDATION=false", // the tests of the constructs validate such templates
		"ENVIRONMENT_SUFFIX=" + suffix, "ALERT_EMAIL=alerts@example.com", "ALERT_PHONE=+12025550123",
	}
	if out, err := synth.CombinedOutput(); err != nil {
		return fmt.Errorf("synthesizing: %w\n%s", err, out)
	}
	return nil
}
