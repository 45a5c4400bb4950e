package startup_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"payment-webhooks/handlers/awsclient/awsclienttest"
	"payment-webhooks/handlers/internal/startup"
)

func TestConfig(t *testing.T) {
	environment := func() map[string]string {
		return map[string]string{
			"AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "token",
			"TABLE_NAME": "table",
		}
	}
	t.Run("when Lambda's variables are set, it uses them", func(t *testing.T) {
		env := environment()
		cfg, err := startup.Config(func(name string) string { return env[name] }, "TABLE_NAME")
		if err != nil {
			t.Fatal(err)
		}
		got, err := cfg.Credentials.Retrieve(t.Context())
		if err != nil || got.AccessKeyID != "key" || got.SecretAccessKey != "secret" || got.SessionToken != "token" {
			t.Errorf("credentials %+v, %v", got, err)
		}
		if cfg.Region != "eu-central-1" || cfg.BaseEndpoint != nil {
			t.Errorf("region %s, endpoint %v", cfg.Region, cfg.BaseEndpoint)
		}
		if len(cfg.APIOptions) == 0 {
			t.Error("calls are not traced")
		}
	})
	t.Run("when AWS_ENDPOINT_URL is set, calls go there", func(t *testing.T) {
		env := environment()
		env["AWS_ENDPOINT_URL"] = "http://127.0.0.1:4566"
		cfg, err := startup.Config(func(name string) string { return env[name] })
		if err != nil || cfg.BaseEndpoint == nil || *cfg.BaseEndpoint != "http://127.0.0.1:4566" {
			t.Errorf("endpoint %v, %v", cfg.BaseEndpoint, err)
		}
	})
	t.Run("when a response begins early, it is read to its end", func(t *testing.T) {
		awsclienttest.Run(t, func(endpoint string, client awsclienttest.Client) ([]string, error) {
			env := environment()
			env["AWS_ENDPOINT_URL"] = endpoint
			cfg, err := startup.Config(func(name string) string { return env[name] })
			if err != nil {
				return nil, err
			}
			cfg.HTTPClient, cfg.Retryer = client, func() aws.Retryer { return aws.NopRetryer{} }
			out, err := dynamodb.NewFromConfig(cfg).ListTables(t.Context(), nil)
			if err != nil {
				return nil, err
			}
			return out.TableNames, nil
		})
	})
	t.Run("when a variable is missing, the error names it", func(t *testing.T) {
		env := environment()
		_, err := startup.Config(func(name string) string { return env[name] }, "TABLE_NAME", "QUEUE_URL")
		if err == nil || !strings.Contains(err.Error(), "QUEUE_URL") {
			t.Errorf("error %v", err)
		}
	})
}
