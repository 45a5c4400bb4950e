package constructs

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"payment-webhooks/handlers/providers"
)

const keyARN = "arn:aws:kms:eu-west-1:111122223333:key/mrk-0123456789abcdef"

// withProviders are settings of these values, of which nil is none.
func withProviders(providers, requireSignatures, allowOpenWebhook any) *Settings {
	return NewSettings(nil, map[string]any{
		ContextProviders: providers, ContextRequireSignatures: requireSignatures, ContextAllowOpenWebhook: allowOpenWebhook,
	})
}

func TestProvidersAreReadFromContext(t *testing.T) {
	object := map[string]any{
		"canonical": map[string]any{"secret": "payments/canonical"},
		"stripe":    map[string]any{"secret": "arn:aws:secretsmanager:eu-west-1:111122223333:secret:payments/stripe-a1B2c3", "secretKeyArn": keyARN},
		"adyen":     map[string]any{"secret": "payments/adyen", "capture": "manual"},
		"paypal":    map[string]any{"secret": "payments/paypal-secret"}, // a hyphen and six characters, which AWS accepts
		"square":    map[string]any{"secret": "payments/square", "notificationUrl": "https://pay.example.com/webhook/square?a=1&b=2"},
	}
	text, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	want := Providers{
		"canonical": {Secret: "payments/canonical", Methods: []string{"POST"}},
		"stripe":    {Secret: "arn:aws:secretsmanager:eu-west-1:111122223333:secret:payments/stripe-a1B2c3", SecretKeyARN: keyARN, Methods: []string{"POST"}},
		"adyen":     {Secret: "payments/adyen", Settings: providers.Settings{"capture": "manual"}, Methods: []string{"POST"}},
		"paypal":    {Secret: "payments/paypal-secret", Methods: []string{"POST"}},
		"square":    {Secret: "payments/square", Settings: providers.Settings{"notification_url": "https://pay.example.com/webhook/square?a=1&b=2"}, Methods: []string{"POST"}},
	}
	for name, value := range map[string]any{"object": object, "text of the command line": string(text)} {
		for _, require := range []any{nil, false, true, "true", "false"} {
			got, err := ProvidersFromContext(withProviders(value, require, false))
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
			if got.OpenWebhook() || got.Warning() != "" {
				t.Errorf("%s: warns %q", name, got.Warning())
			}
		}
	}
}

// What the validator reads: nothing it does not need, in the same order always.
func TestProvidersOfTheValidator(t *testing.T) {
	got, err := ProvidersFromContext(withProviders(map[string]any{
		"square": map[string]any{"secret": "payments/square", "notificationUrl": "https://pay.example.com/webhook/square?a=1&b=2", "secretKeyArn": keyARN},
		"adyen":  map[string]any{"secret": "payments/adyen", "capture": "manual"},
	}, nil, true))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"adyen":{"capture":"manual","secret":"payments/adyen"},` +
		`"square":{"notification_url":"https://pay.example.com/webhook/square?a=1&b=2","secret":"payments/square"}}`
	for range 20 {
		if diff := cmp.Diff(want, got.environment()); diff != "" {
			t.Fatal(diff)
		}
	}
	if text := Providers(nil).environment(); text != "{}" {
		t.Errorf("without providers: %s", text)
	}
}

func TestOpenWebhook(t *testing.T) {
	stripe := map[string]any{"stripe": map[string]any{"secret": "payments/stripe"}, "adyen": map[string]any{"secret": "payments/adyen"}}
	closed := map[string]any{"canonical": map[string]any{"secret": "payments/canonical"}, "stripe": map[string]any{"secret": "payments/stripe"}}
	for _, tt := range []struct {
		name           string
		providers      any
		require, allow any
		refused        []string // facts in the error; nil for none
		warned         []string // facts in the warning; nil for none
	}{
		{"is a warning when no provider is configured", nil, nil, nil, nil, []string{"providers.canonical.secret", "requireSignatures"}},
		{"is a warning when the providers are empty", map[string]any{}, false, false, nil, []string{"providers.canonical.secret", "requireSignatures"}},
		{"is refused when a provider is configured", stripe, nil, nil, []string{"adyen, stripe", "providers.canonical.secret", "set allowOpenWebhook to true"}, nil},
		{"is refused when the providers come as text", `{"stripe":{"secret":"payments/stripe"}}`, "false", "false", []string{"stripe", "allowOpenWebhook"}, nil},
		{"is a loud warning when it is allowed", stripe, nil, true, nil, []string{"ANYBODY CAN STORE PAYMENTS", "ADYEN, STRIPE", "providers.canonical.secret", "remove allowOpenWebhook"}},
		{"is a loud warning when it is allowed by text", stripe, "false", "true", nil, []string{"ANYBODY CAN STORE PAYMENTS"}},
		{"is as quiet as without the setting when it is allowed and no provider is configured", nil, nil, true, nil, []string{"providers.canonical.secret", "requireSignatures"}},
		{"is refused when signatures are required", stripe, true, nil, []string{"requireSignatures is true", "providers.canonical.secret"}, nil},
		{"is refused when signatures are required and no provider is configured", nil, "true", nil, []string{"requireSignatures is true", "providers.canonical.secret"}, nil},
		{"is a contradiction when it is allowed and signatures are required", stripe, true, "true", []string{"requireSignatures and allowOpenWebhook are both true"}, nil},
		{"is a contradiction even when it is closed", closed, true, true, []string{"requireSignatures and allowOpenWebhook are both true"}, nil},
		{"is none when the canonical provider has a secret", closed, true, nil, nil, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ProvidersFromContext(withProviders(tt.providers, tt.require, tt.allow))
			if refused := err != nil; refused != (tt.refused != nil) || refused && !errors.Is(err, ErrConfig) {
				t.Fatalf("got %v", err)
			}
			if err != nil {
				for _, fact := range tt.refused {
					if !strings.Contains(err.Error(), fact) {
						t.Errorf("the error %q does not name %q", err, fact)
					}
				}
				if strings.Contains(err.Error(), "\n") {
					t.Errorf("one problem takes several lines:\n%v", err)
				}
				return
			}
			if got.OpenWebhook() != (tt.warned != nil) || (got.Warning() != "") != (tt.warned != nil) {
				t.Errorf("open %v, warns %q", got.OpenWebhook(), got.Warning())
			}
			for _, fact := range tt.warned {
				if !strings.Contains(got.Warning(), fact) {
					t.Errorf("the warning %q does not name %q", got.Warning(), fact)
				}
			}
		})
	}
}

func TestInvalidProviders(t *testing.T) {
	with := func(name string, members map[string]any) map[string]any {
		return map[string]any{name: members}
	}
	long := map[string]any{}
	for _, name := range []string{"adyen", "canonical", "paypal", "square", "stripe"} {
		long[name] = map[string]any{"secret": strings.Repeat(name[:1], 512)}
	}
	long["square"].(map[string]any)["notificationUrl"] = "https://pay.example.com/" + strings.Repeat("x", 1000)
	for name, c := range map[string]struct {
		value   any
		require any
		allow   any
		facts   []string
	}{
		"no object":                    {7.0, nil, true, []string{"providers is 7", "JSON object"}},
		"no JSON":                      {"{", nil, true, []string{"JSON object"}},
		"text that is no object":       {`"stripe"`, nil, true, []string{"JSON object"}},
		"unknown provider":             {with("strip", map[string]any{"secret": "s"}), nil, true, []string{"providers.strip", "adyen, canonical, paypal, square, stripe"}},
		"provider that is no object":   {map[string]any{"stripe": "payments/stripe"}, nil, true, []string{"providers.stripe", "JSON object"}},
		"unknown member":               {with("stripe", map[string]any{"secret": "s", "sekret": "s"}), nil, true, []string{"providers.stripe.sekret", "secret, secretKeyArn"}},
		"no secret":                    {with("stripe", map[string]any{}), nil, true, []string{"providers.stripe.secret is missing"}},
		"secret null":                  {with("stripe", map[string]any{"secret": nil}), nil, true, []string{"providers.stripe.secret"}},
		"secret empty":                 {with("stripe", map[string]any{"secret": ""}), nil, true, []string{"providers.stripe.secret", "want a text"}},
		"secret that is no text":       {with("stripe", map[string]any{"secret": 5.0}), nil, true, []string{"providers.stripe.secret", "want a text"}},
		"secret name with a space":     {with("stripe", map[string]any{"secret": "my secret"}), nil, true, []string{"providers.stripe.secret", `"my secret"`, "/ _ + = . @ -"}},
		"secret name with a wildcard":  {with("stripe", map[string]any{"secret": "payments/*"}), nil, true, []string{"providers.stripe.secret"}},
		"secret name with question":    {with("stripe", map[string]any{"secret": "payments/?"}), nil, true, []string{"providers.stripe.secret"}},
		"secret name not ASCII":        {with("stripe", map[string]any{"secret": "zahlung/schlüssel"}), nil, true, []string{"providers.stripe.secret"}},
		"secret name too long":         {with("stripe", map[string]any{"secret": strings.Repeat("s", 513)}), nil, true, []string{"providers.stripe.secret", "512"}},
		"ARN of something else":        {with("stripe", map[string]any{"secret": "arn:aws:sqs:eu-west-1:111122223333:payments"}), nil, true, []string{"providers.stripe.secret", "whole ARN"}},
		"ARN without its last part":    {with("stripe", map[string]any{"secret": "arn:aws:secretsmanager:eu-west-1:111122223333:secret:payments/stripe"}), nil, true, []string{"providers.stripe.secret", "whole ARN"}},
		"ARN with a wildcard":          {with("stripe", map[string]any{"secret": "arn:aws:secretsmanager:eu-west-1:111122223333:secret:payments/*-a1B2c3"}), nil, true, []string{"providers.stripe.secret"}},
		"key alias":                    {with("stripe", map[string]any{"secret": "s", "secretKeyArn": "arn:aws:kms:eu-west-1:111122223333:alias/payments"}), nil, true, []string{"providers.stripe.secretKeyArn", "no alias"}},
		"every key":                    {with("stripe", map[string]any{"secret": "s", "secretKeyArn": "arn:aws:kms:eu-west-1:111122223333:key/*"}), nil, true, []string{"providers.stripe.secretKeyArn"}},
		"address without TLS":          {with("square", map[string]any{"secret": "s", "notificationUrl": "http://pay.example.com/webhook/square"}), nil, true, []string{"providers.square.notificationUrl", "https"}},
		"address without host":         {with("square", map[string]any{"secret": "s", "notificationUrl": "https:///webhook/square"}), nil, true, []string{"providers.square.notificationUrl"}},
		"address without path":         {with("square", map[string]any{"secret": "s", "notificationUrl": "https://pay.example.com"}), nil, true, []string{"providers.square.notificationUrl"}},
		"address with a password":      {with("square", map[string]any{"secret": "s", "notificationUrl": "https://me:pw@pay.example.com/x"}), nil, true, []string{"providers.square.notificationUrl"}},
		"address with a fragment":      {with("square", map[string]any{"secret": "s", "notificationUrl": "https://pay.example.com/x#y"}), nil, true, []string{"providers.square.notificationUrl"}},
		"address with a space":         {with("square", map[string]any{"secret": "s", "notificationUrl": "https://pay.example.com/x "}), nil, true, []string{"providers.square.notificationUrl"}},
		"address too long":             {with("square", map[string]any{"secret": "s", "notificationUrl": "https://pay.example.com/" + strings.Repeat("x", 2048)}), nil, true, []string{"providers.square.notificationUrl", "2048"}},
		"address of another provider":  {with("stripe", map[string]any{"secret": "s", "notificationUrl": "https://pay.example.com/x"}), nil, true, []string{"providers.stripe.notificationUrl", "stripe accepts only"}},
		"capture of another provider":  {with("paypal", map[string]any{"secret": "s", "capture": "manual"}), nil, true, []string{"providers.paypal.capture", "paypal accepts only"}},
		"unknown capture":              {with("adyen", map[string]any{"secret": "s", "capture": "later"}), nil, true, []string{"providers.adyen.capture", "automatic or manual"}},
		"signatures perhaps":           {nil, "perhaps", nil, []string{"requireSignatures is perhaps", "true or false"}},
		"signatures one":               {nil, 1.0, nil, []string{"requireSignatures is 1"}},
		"open webhook perhaps":         {nil, nil, "perhaps", []string{"allowOpenWebhook is perhaps", "true or false"}},
		"too much for the environment": {long, nil, nil, []string{"providers needs", "3072"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ProvidersFromContext(withProviders(c.value, c.require, c.allow))
			if !errors.Is(err, ErrConfig) {
				t.Fatalf("got %v", err)
			}
			for _, fact := range c.facts {
				if !strings.Contains(err.Error(), fact) {
					t.Errorf("%q does not name %q", err, fact)
				}
			}
			if lines := strings.Split(err.Error(), "\n"); len(lines) != 1 {
				t.Errorf("one problem takes %d lines:\n%v", len(lines), err)
			}
		})
	}
}

func TestProblemsOfProviders(t *testing.T) {
	value := map[string]any{
		"stripe": map[string]any{"secret": "my secret", "capture": "manual"},
		"adyen":  map[string]any{"capture": "later"},
		"visa":   map[string]any{"secret": "s"},
	}
	var first string
	for range 20 {
		_, err := ProvidersFromContext(withProviders(value, true, nil))
		if err == nil {
			t.Fatal("accepted")
		}
		if first == "" {
			first = err.Error()
		}
		if err.Error() != first {
			t.Fatalf("the order changes:\n%s\n\n%v", first, err)
		}
	}
	// Two of stripe, two of adyen, one unknown, and the open webhook.
	if lines := strings.Count(first, "\n") + 1; lines != 6 {
		t.Errorf("want 6 lines, got %d:\n%s", lines, first)
	}
}

// A mistake in the canonical entry is one problem: it is not also missing.
func TestCanonicalWithAMistake(t *testing.T) {
	_, err := ProvidersFromContext(withProviders(map[string]any{"canonical": map[string]any{"secret": "*"}, "stripe": map[string]any{"secret": "s"}}, true, nil))
	if err == nil || strings.Contains(err.Error(), "requireSignatures") || strings.Contains(err.Error(), "allowOpenWebhook") {
		t.Errorf("got %v", err)
	}
}

func TestDefaultProviders(t *testing.T) {
	text, err := os.ReadFile("../cdk.json")
	if err != nil {
		t.Fatal(err)
	}
	var settings struct{ Context map[string]any }
	if err := json.Unmarshal(text, &settings); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{ContextProviders, ContextRequireSignatures, ContextAllowOpenWebhook} {
		if _, named := settings.Context[key]; !named {
			t.Errorf("cdk.json does not show %s", key)
		}
	}
	got, err := ProvidersFromContext(withProviders(settings.Context[ContextProviders], settings.Context[ContextRequireSignatures], settings.Context[ContextAllowOpenWebhook]))
	if err != nil || len(got) != 0 {
		t.Errorf("got %v, %v", got, err)
	}
}
