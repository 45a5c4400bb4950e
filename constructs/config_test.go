package constructs

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"payment-webhooks/constructs/tiers"
)

func getenvFrom(values map[string]string) func(string) string {
	return func(name string) string { return values[name] }
}

// configFromEnv reads the configuration without a context.
func configFromEnv(getenv func(string) string) (Config, error) {
	return ConfigFrom(NewSettings(getenv, nil))
}

func TestNothingConfiguredIsTheDevEnvironment(t *testing.T) {
	cfg, err := configFromEnv(getenvFrom(nil))
	if err != nil {
		t.Fatal(err)
	}
	if cfg.StackName() != "TapStackdev" || cfg.Region != "" || len(cfg.Tags)+len(cfg.AlertEmails)+len(cfg.AlertPhones) != 0 {
		t.Errorf("got %+v", cfg)
	}
}

func TestSourceIsFoundFromAnyDirectory(t *testing.T) {
	t.Chdir(t.TempDir())
	cfg, err := configFromEnv(getenvFrom(nil))
	if err != nil || !isSourceRoot(cfg.SourceRoot) {
		t.Errorf("got %q, %v", cfg.SourceRoot, err)
	}
}

func TestEverythingConfiguredIsTaken(t *testing.T) {
	cfg, err := configFromEnv(getenvFrom(map[string]string{
		"ENVIRONMENT_SUFFIX": "pr-42",
		"AWS_REGION":         "eu-central-1",
		"REPOSITORY":         "acme/payments",
		"COMMIT_AUTHOR":      "Zoë Müller",
		"PR_NUMBER":          "42",
		"TEAM":               "payments",
		"ALERT_EMAIL":        "ops@example.com, , fraud@example.com,ops@example.com",
		"ALERT_PHONE":        "+4915112345678",
	}))
	if err != nil {
		t.Fatal(err)
	}
	want := Config{
		Suffix: "pr-42", Region: "eu-central-1",
		Tags:        []Tag{{"Team", "payments"}},
		Deployer:    []Tag{{"Repository", "acme/payments"}, {"CommitAuthor", "Zoë Müller"}, {"PRNumber", "42"}},
		AlertEmails: []string{"ops@example.com", "fraud@example.com"},
		AlertPhones: []string{"+4915112345678"},
		Tiers:       tiers.Default(), TraceSampling: TraceSampling{Percent: 5, Batches: true},
		Account: AccountShared, LogRetention: 30,
		SourceRoot: cfg.SourceRoot,
	}
	if diff := cmp.Diff(want, cfg, cmp.AllowUnexported(tiers.Limit{})); diff != "" {
		t.Error(diff)
	}
}

func TestInvalidValues(t *testing.T) {
	for name, c := range map[string]struct{ variable, value, accepted string }{
		"upper-case suffix":         {"ENVIRONMENT_SUFFIX", "Dev", "lower-case"},
		"suffix with underscore":    {"ENVIRONMENT_SUFFIX", "a_b", "hyphens"},
		"suffix ending in a hyphen": {"ENVIRONMENT_SUFFIX", "dev-", "inner hyphens"},
		"suffix too long":           {"ENVIRONMENT_SUFFIX", "abcdefghijklm", "1 to 12"},
		"region that is none":       {"AWS_REGION", "Frankfurt", "eu-central-1"},
		"e-mail without domain":     {"ALERT_EMAIL", "ops", "ops@example.com"},
		"e-mail with a name":        {"ALERT_EMAIL", "Ops <ops@example.com>", "ops@example.com"},
		"phone without plus":        {"ALERT_PHONE", "015112345678", "E.164"},
		"phone too long":            {"ALERT_PHONE", "+1234567890123456", "E.164"},
		"tag with angle brackets":   {"COMMIT_AUTHOR", "Ann <ann@example.com>", "letters, digits"},
		"tag too long":              {"TEAM", strings.Repeat("x", 257), "256"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := configFromEnv(getenvFrom(map[string]string{c.variable: c.value}))
			if !errors.Is(err, ErrConfig) {
				t.Fatalf("got %v", err)
			}
			for _, fact := range []string{c.variable, c.value, c.accepted} {
				if !strings.Contains(err.Error(), fact) {
					t.Errorf("%q does not name %q", err, fact)
				}
			}
		})
	}
}

func TestEveryProblemIsReported(t *testing.T) {
	_, err := configFromEnv(getenvFrom(map[string]string{"ENVIRONMENT_SUFFIX": "X", "AWS_REGION": "X", "ALERT_EMAIL": "a,b"}))
	if err == nil || strings.Count(err.Error(), "\n") != 3 {
		t.Errorf("want 4 lines, got %v", err)
	}
}

func TestLongestSuffix(t *testing.T) {
	for name, c := range map[string]struct {
		region  string
		longest int
	}{
		"short region":   {"us-east-1", 17},
		"longest region": {"ap-southeast-1", 12},
		"unknown region": {"", 12},
	} {
		t.Run(name, func(t *testing.T) {
			for length, ok := range map[int]bool{c.longest: true, c.longest + 1: false} {
				suffix := strings.Repeat("s", length)
				_, err := configFromEnv(getenvFrom(map[string]string{"ENVIRONMENT_SUFFIX": suffix, "AWS_REGION": c.region}))
				if (err == nil) != ok {
					t.Errorf("%d characters: %v", length, err)
				}
				region := c.region
				if region == "" {
					region = "ap-southeast-1"
				}
				bucket := "transaction-audit-logs-123456789012-" + region + "-" + suffix
				if (len(bucket) <= 63) != ok {
					t.Errorf("%s has %d characters", bucket, len(bucket))
				}
			}
		})
	}
}
