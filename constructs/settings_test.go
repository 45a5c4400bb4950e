package constructs

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"payment-webhooks/constructs/tiers"
)

func TestSettings(t *testing.T) {
	context := map[string]any{
		"region": "eu-west-1", "team": "payments", "alertEmail": "all@example.com", "requireSignatures": false,
		"environments": map[string]any{
			"prod": map[string]any{"region": "eu-central-1", "alertEmail": []any{"ops@example.com", "fraud@example.com"}, "requireSignatures": true},
			"pr-7": map[string]any{},
		},
	}
	for name, c := range map[string]struct {
		env    map[string]string
		suffix string
		region string
		emails []string
		closed any
	}{
		"when nothing else is set, those for all hold":             {nil, "dev", "eu-west-1", []string{"all@example.com"}, false},
		"when the environment has some, it replaces them":          {map[string]string{"ENVIRONMENT_SUFFIX": "prod"}, "prod", "eu-central-1", []string{"ops@example.com", "fraud@example.com"}, true},
		"when the environment has none, those for all hold":        {map[string]string{"ENVIRONMENT_SUFFIX": "pr-7"}, "pr-7", "eu-west-1", []string{"all@example.com"}, false},
		"when a variable is set, it replaces all of it":            {map[string]string{"ENVIRONMENT_SUFFIX": "prod", "AWS_REGION": "us-east-1", "ALERT_EMAIL": "me@example.com"}, "prod", "us-east-1", []string{"me@example.com"}, true},
		"when a variable is empty, what cdk.json says still holds": {map[string]string{"ENVIRONMENT_SUFFIX": "prod", "ALERT_EMAIL": ""}, "prod", "eu-central-1", []string{"ops@example.com", "fraud@example.com"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			settings := NewSettings(getenvFrom(c.env), context)
			cfg, err := ConfigFrom(settings)
			closed := settings.Value("requireSignatures")
			if err := errors.Join(err, settings.Err()); err != nil {
				t.Fatal(err)
			}
			if cfg.Suffix != c.suffix || cfg.Region != c.region || closed != c.closed || len(cfg.Tags) != 1 || cfg.Tags[0].Value != "payments" {
				t.Errorf("got %+v, %v", cfg, closed)
			}
			if diff := cmp.Diff(c.emails, cfg.AlertEmails); diff != "" {
				t.Error(diff)
			}
		})
	}
	t.Run("when the suffix is in cdk.json, it finds the environment", func(t *testing.T) {
		cfg, err := ConfigFrom(NewSettings(nil, map[string]any{
			"environmentSuffix": "prod", "environments": `{"prod": {"logRetentionDays": 365, "apiGatewayAccount": "none", "alertPhone": "+4915112345678"}}`,
		}))
		if err != nil || cfg.Suffix != "prod" || cfg.LogRetention != 365 || cfg.Account != AccountNone || len(cfg.AlertPhones) != 1 {
			t.Errorf("got %+v, %v", cfg, err)
		}
	})
}

// A variable that somebody's shell happens to have, or does not have, makes another stack.
func TestSettingsNotes(t *testing.T) {
	context := map[string]any{"region": "eu-west-1", "environments": map[string]any{"prod": map[string]any{"alertEmail": "ops@example.com"}}}
	for name, c := range map[string]struct {
		env  map[string]string
		want []string
	}{
		"when no variable is set, there are none":                     {nil, nil},
		"when a variable says the same, there are none":               {map[string]string{"ENVIRONMENT_SUFFIX": "dev", "AWS_REGION": "eu-west-1"}, nil},
		"when a variable says who deploys, there are none":            {map[string]string{"REPOSITORY": "a/b", "COMMIT_AUTHOR": "Ann", "PR_NUMBER": "7"}, nil},
		"when a variable replaces a setting, it says which":           {map[string]string{"AWS_REGION": "us-east-1"}, []string{`AWS_REGION sets region to "us-east-1"; without the variable it is "eu-west-1", which cdk.json has`}},
		"when cdk.json has nothing, it says that it would be nothing": {map[string]string{"ALERT_EMAIL": "me@example.com"}, []string{`ALERT_EMAIL sets alertEmail to "me@example.com"; without the variable it is nothing, because cdk.json does not have it`}},
		"when the environment's is replaced, it is named": {map[string]string{"ENVIRONMENT_SUFFIX": "prod", "ALERT_EMAIL": "me@example.com"}, []string{
			`ENVIRONMENT_SUFFIX sets environmentSuffix to "prod"; without the variable it is "dev", the default`,
			`ALERT_EMAIL sets environments.prod.alertEmail to "me@example.com"; without the variable it is "ops@example.com", which cdk.json has`,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			settings := NewSettings(getenvFrom(c.env), context)
			if _, err := ConfigFrom(settings); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, settings.Notes()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestInvalidSettings(t *testing.T) {
	prod := func(key string, value any) map[string]any {
		return map[string]any{"environmentSuffix": "prod", "environments": map[string]any{"prod": map[string]any{key: value}}}
	}
	for name, c := range map[string]struct {
		context map[string]any
		facts   []string
	}{
		"suffix":                           {map[string]any{"environmentSuffix": "Prod"}, []string{"context environmentSuffix", `"Prod"`, "lower-case"}},
		"region":                           {map[string]any{"region": "Frankfurt"}, []string{"context region", `"Frankfurt"`, "eu-central-1"}},
		"region that is no text":           {map[string]any{"region": 1.0}, []string{"context region", "1", "want a text"}},
		"team":                             {map[string]any{"team": "<a>"}, []string{"context team", `"<a>"`, "letters, digits"}},
		"e-mail of an environment":         {prod("alertEmail", "ops"), []string{"context environments.prod.alertEmail", `"ops"`, "ops@example.com"}},
		"e-mail in a list":                 {prod("alertEmail", []any{"ops@example.com", true}), []string{"context environments.prod.alertEmail", "true", "list of texts"}},
		"telephone":                        {map[string]any{"alertPhone": "0151"}, []string{"context alertPhone", `"0151"`, "E.164"}},
		"retention that is too short":      {map[string]any{"logRetentionDays": 7.0}, []string{"context logRetentionDays", "7", "below 30", "3653"}},
		"retention that AWS does not have": {map[string]any{"logRetentionDays": "45"}, []string{"context logRetentionDays", "45", "CloudWatch accepts"}},
		"retention that is no number":      {map[string]any{"logRetentionDays": "long"}, []string{"context logRetentionDays", "long", "CloudWatch accepts"}},
		"account's role":                   {map[string]any{"apiGatewayAccount": "mine"}, []string{"context apiGatewayAccount", "mine", `"shared" "own" "none"`}},
		"environments that are none":       {map[string]any{"environments": "prod"}, []string{"context environments", "prod", "JSON object"}},
		"environment that is none":         {map[string]any{"environments": map[string]any{"dev": 1.0}}, []string{"context environments.dev", "1", "JSON object"}},
		"suffix in an environment":         {prod("environmentSuffix", "dev"), []string{"context environments.prod.environmentSuffix", "dev", "beside environments"}},
		"unknown setting":                  {map[string]any{"alertEmails": "ops@example.com"}, []string{"context alertEmails", "no such setting", "alertEmail, "}},
		"unknown setting with a hyphen":    {map[string]any{"alert-email": "ops@example.com"}, []string{"context alert-email", "no such setting"}},
		"unknown setting elsewhere":        {map[string]any{"environments": map[string]any{"prod": map[string]any{"aws_region": "x"}}}, []string{"context environments.prod.aws_region", "no such setting"}},
	} {
		t.Run(name, func(t *testing.T) {
			settings := NewSettings(nil, c.context)
			_, err := ConfigFrom(settings)
			err = errors.Join(err, settings.Err())
			if !errors.Is(err, ErrConfig) || strings.Contains(err.Error(), "\n") {
				t.Fatalf("got %v, want one problem", err)
			}
			for _, fact := range c.facts {
				if !strings.Contains(err.Error(), fact) {
					t.Errorf("%q does not name %q", err, fact)
				}
			}
		})
	}
	t.Run("a setting of an environment is named there, whoever reads it", func(t *testing.T) {
		read := func(settings *Settings) error {
			_, errConfig := ConfigFrom(settings)
			_, errTiers := tiers.ParseAt(settings.Path(tiers.ContextKey), settings.Value(tiers.ContextKey))
			_, errProviders := ProvidersFromContext(settings)
			_, errReconcile := ReconcileFromContext(settings)
			_, errOperator := OperatorPolicyFromContext(settings)
			_, errSampling := TraceSamplingFromContext(settings)
			_, errSafeguards := SafeguardsFromContext(settings, "")
			return errors.Join(errConfig, errTiers, errProviders, errReconcile, errOperator, errSampling, errSafeguards, settings.Err())
		}
		for _, c := range []struct{ key, value, below, fact string }{
			{"logRetentionDays", `45`, "", "CloudWatch accepts"},
			{"apiGatewayAccount", `"mine"`, "", "want one of"},
			{"amountThresholds", `{"default": {"medium": 1000}}`, ".default.high", "is missing"},
			{"amountThresholds", `{"tiers": [{"name": "low", "target": "log"}, {"name": "high", "target": "log"}]}`, ".tiers.high", "both or none"},
			{"providers", `[]`, "", "JSON object"},
			{"providers", `{"visa": {}}`, ".visa", "no such provider"},
			{"providers", `{"stripe": {"secret": "my secret"}}`, ".stripe.secret", "Secrets Manager"},
			{"providers", `{"stripe": {"secret": "s"}}`, " has stripe", "set allowOpenWebhook to true"},
			{"requireSignatures", `true`, " is true", "no secret is configured"},
			{"requireSignatures", `"perhaps"`, "", "true or false"},
			{"reconcile", `{"stripe": {"secret": "context providers"}}`, ".stripe: stripe is not among providers", "delivers nothing"},
			{"reconcile", `{"visa": {}}`, ".visa", "cannot be listed"},
			{"operatorPolicy", `"perhaps"`, "", "true or false"},
			{"traceSampling", `{"percent": 101}`, ".percent", "from 0 to 100"},
			{"traceSampling", `{"batches": 1}`, ".batches", "true or false"},
			{"production", `true`, " is true, but domain is missing", "an object with"},
			{"domain", `{"name": "x"}`, ".hostedZoneId is missing", "Route 53"},
			{"objectLock", `{"mode": "context production"}`, ".mode is context production", "GOVERNANCE"},
			{"firewall", `{"requestsPer5Minutes": 1}`, ".requestsPer5Minutes", "whole number"},
			{"reservedConcurrency", `{"fraud": 1}`, ".fraud", "accepts only"},
			{"canary", `"fast"`, "", "want one of"},
		} {
			var value any
			if err := json.Unmarshal([]byte(c.value), &value); err != nil {
				t.Fatal(err)
			}
			got := fmt.Sprint(read(NewSettings(nil, prod(c.key, value))))
			if want := "context environments.prod." + c.key + c.below; !strings.Contains(got, want) || !strings.Contains(got, c.fact) {
				t.Errorf("%s %s: %s, want %q and %q", c.key, c.value, got, want, c.fact)
			}
			got = fmt.Sprint(read(NewSettings(nil, map[string]any{c.key: value})))
			if want := "context " + c.key + c.below; !strings.Contains(got, want) {
				t.Errorf("%s for all: %s, want %q", c.key, got, want)
			}
		}
	})
	t.Run("keys of the CDK and of its CLI are no settings", func(t *testing.T) {
		settings := NewSettings(nil, map[string]any{
			"@aws-cdk/core:explicitStackTags": true, "aws:cdk:enable-path-metadata": true, "acknowledged-issue-numbers": []any{1.0}, "cli-telemetry": false,
			"availability-zones:account=111122223333:region=eu-west-1": []any{"a"},
		})
		if _, err := ConfigFrom(settings); errors.Join(err, settings.Err()) != nil {
			t.Error(err, settings.Err())
		}
	})
}
