//go:build !race

package main

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
)

// TestMain starts jsii on the Node.js that package.json pins, where that is
// installed.
func TestMain(m *testing.M) {
	if pinned, err := filepath.Abs("node_modules/.bin"); err == nil {
		os.Setenv("PATH", pinned+string(os.PathListSeparator)+os.Getenv("PATH"))
	}
	code := m.Run()
	os.Stderr, _ = os.OpenFile(os.DevNull, os.O_WRONLY, 0) // see app.go
	jsii.Close()
	os.Exit(code)
}

func getenv(values map[string]string) func(string) string {
	return func(name string) string { return values[name] }
}

func TestInvalidConfiguration(t *testing.T) {
	dir := t.TempDir()
	err := run(getenv(map[string]string{"ENVIRONMENT_SUFFIX": "Prod", "ALERT_PHONE": "0151"}), &awscdk.AppProps{
		Outdir: jsii.String(dir),
		Context: &map[string]any{
			"amountThresholds":  map[string]any{"default": map[string]any{"medium": 5, "high": "4"}},
			"providers":         `{"stripe":{"secret":"*"}}`,
			"requireSignatures": "true",
			"traceSampling":     `{"percent": 500}`,
		},
	}, io.Discard)
	if err == nil {
		t.Fatal("accepted")
	}
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != 6 {
		t.Fatalf("want 6 lines, got:\n%v", err)
	}
	for i, facts := range [][]string{
		{"ENVIRONMENT_SUFFIX", `"Prod"`, "lower-case"},
		{"ALERT_PHONE", `"0151"`, "E.164"},
		{"amountThresholds.default.high", "4", "at least 5"},
		{"providers.stripe.secret", `"*"`, "Secrets Manager"},
		{"requireSignatures", "true", "providers.canonical.secret"},
		{"traceSampling.percent", "500", "0 to 100"},
	} {
		for _, fact := range facts {
			if !strings.Contains(lines[i], fact) {
				t.Errorf("line %q does not name %s", lines[i], fact)
			}
		}
	}
	if found, _ := filepath.Glob(filepath.Join(dir, "*.template.json")); len(found) != 0 {
		t.Errorf("wrote %q", found)
	}
}

// All that production needs is named at once, also what cdk.json switches off as it is.
func TestProductionNeeds(t *testing.T) {
	err := run(getenv(nil), &awscdk.AppProps{
		Outdir: jsii.String(t.TempDir()), Context: &map[string]any{"production": "true", "requireSignatures": false},
	}, io.Discard)
	if err == nil {
		t.Fatal("accepted")
	}
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != 2 || !strings.Contains(lines[0], "providers.canonical.secret") || !strings.Contains(lines[1], "production is true, but domain is missing") {
		t.Errorf("got:\n%v", err)
	}
	err = run(getenv(map[string]string{"AWS_REGION": "us-east-1"}), &awscdk.AppProps{
		Outdir: jsii.String(t.TempDir()), Context: &map[string]any{
			"domain": map[string]any{"name": "payments.example.com", "certificateArn": "arn:aws:acm:eu-west-1:111122223333:certificate/1", "hostedZoneId": "Z1"},
		},
	}, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "in the region of the stack, us-east-1") {
		t.Errorf("got %v", err)
	}
}

func TestAssemblyIsWritten(t *testing.T) {
	dir := t.TempDir()
	if err := run(getenv(map[string]string{"ENVIRONMENT_SUFFIX": "pr-7"}), &awscdk.AppProps{Outdir: jsii.String(dir)}, io.Discard); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "TapStackpr-7.template.json")); err != nil {
		t.Error(err)
	}
}

// The setting must reach the check under the name that cdk.json and the CLI use.
func TestOpenWebhookIsRefused(t *testing.T) {
	dir := t.TempDir()
	err := run(getenv(nil), &awscdk.AppProps{
		Outdir: jsii.String(dir), Context: &map[string]any{"providers": `{"stripe":{"secret":"payments/stripe"}}`},
	}, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "set allowOpenWebhook to true") || strings.Contains(err.Error(), "\n") {
		t.Errorf("got %v", err)
	}
	if found, _ := filepath.Glob(filepath.Join(dir, "*.template.json")); len(found) != 0 {
		t.Errorf("wrote %q", found)
	}
}

func TestOpenWebhookWarning(t *testing.T) {
	stripe := map[string]any{"stripe": map[string]any{"secret": "payments/stripe"}}
	for name, c := range map[string]struct {
		context map[string]any
		lines   int
	}{
		"open":    {map[string]any{}, 1},
		"allowed": {map[string]any{"providers": stripe, "allowOpenWebhook": "true"}, 1},
		"closed":  {map[string]any{"providers": map[string]any{"canonical": map[string]any{"secret": "payments/canonical"}}, "requireSignatures": true}, 0},
	} {
		var warnings strings.Builder
		if err := run(getenv(nil), &awscdk.AppProps{Outdir: jsii.String(t.TempDir()), Context: &c.context}, &warnings); err != nil {
			t.Fatal(name, err)
		}
		text := warnings.String()
		if strings.Count(text, "\n") != c.lines || c.lines == 1 && !strings.Contains(text, "providers.canonical.secret") {
			t.Errorf("%s: said %q", name, text)
		}
	}
}

// The CDK reports its errors by a panic with a stack trace; users get one line.
func TestErrorOfTheLibraryIsOneLine(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	err := run(getenv(nil), &awscdk.AppProps{Outdir: jsii.String(filepath.Join(file, "cdk.out"))}, io.Discard)
	if err == nil || strings.Contains(err.Error(), "\n") || !strings.HasPrefix(err.Error(), "synthesize: ") {
		t.Errorf("got %v", err)
	}
}

// Everything that shapes the stack can be in cdk.json, by environment too, under the names that
// the README has.
func TestSettingsReachTheStack(t *testing.T) {
	context := map[string]any{
		"environmentSuffix": "prod",
		"environments": map[string]any{"prod": map[string]any{
			"region": "eu-central-1", "team": "payments", "alertEmail": []any{"ops@example.com"}, "alertPhone": "+4915112345678",
			"logRetentionDays": 400, "apiGatewayAccount": "none", "providers": map[string]any{"canonical": map[string]any{"secret": "payments/canonical"}},
			"requireSignatures": true,
		}},
	}
	read := func(dir string) string {
		text, err := os.ReadFile(filepath.Join(dir, "TapStackprod.template.json"))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	dir := t.TempDir()
	var notes strings.Builder
	if err := run(getenv(nil), &awscdk.AppProps{Outdir: jsii.String(dir), Context: &context}, &notes); err != nil {
		t.Fatal(err)
	}
	template := read(dir)
	for _, fact := range []string{`"ops@example.com"`, `"+4915112345678"`, `"payments"`, `"RetentionInDays": 400`, `payments/canonical`} {
		if !strings.Contains(template, fact) {
			t.Errorf("the template has no %s", fact)
		}
	}
	if strings.Contains(template, "ApiGatewayAccount") || notes.Len() > 0 {
		t.Errorf("the role is set, or it said %q", notes.String())
	}

	t.Run("when a variable overrides one, it says so", func(t *testing.T) {
		dir := t.TempDir()
		if err := run(getenv(map[string]string{"ALERT_EMAIL": "me@example.com"}), &awscdk.AppProps{Outdir: jsii.String(dir), Context: &context}, &notes); err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(notes.String(), `note: ALERT_EMAIL sets environments.prod.alertEmail to "me@example.com"`) || strings.Contains(read(dir), "ops@example.com") {
			t.Errorf("said %q", notes.String())
		}
	})
}

func TestSettingsOfTheRepository(t *testing.T) {
	text, err := os.ReadFile("cdk.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Context map[string]any }
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	if err := run(getenv(nil), &awscdk.AppProps{Outdir: jsii.String(t.TempDir()), Context: &file.Context}, io.Discard); err != nil {
		t.Error(err)
	}
}

func TestUnknownSettingsAreRefused(t *testing.T) {
	dir := t.TempDir()
	err := run(getenv(nil), &awscdk.AppProps{Outdir: jsii.String(dir), Context: &map[string]any{
		"alertMail":    "ops@example.com",
		"environments": map[string]any{"dev": map[string]any{"providers": map[string]any{"strip": map[string]any{}}}},
	}}, io.Discard)
	if err == nil {
		t.Fatal("accepted")
	}
	for _, fact := range []string{"context alertMail: there is no such setting", "context environments.dev.providers.strip: no such provider"} {
		if !strings.Contains(err.Error(), fact) {
			t.Errorf("%v does not say %s", err, fact)
		}
	}
}
