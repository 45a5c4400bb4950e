//go:build !race

package main

import (
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
