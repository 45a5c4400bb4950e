package session

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"payment-webhooks/handlers/awsclient/awsclienttest"
)

func TestConfig(t *testing.T) {
	t.Run("when a response begins early, it is read to its end", func(t *testing.T) {
		awsclienttest.Run(t, func(endpoint string, client awsclienttest.Client) ([]string, error) {
			config, err := Config(t.Context(), endpoint)
			if err != nil {
				return nil, err
			}
			config.HTTPClient, config.Retryer = client, func() aws.Retryer { return aws.NopRetryer{} }
			out, err := dynamodb.NewFromConfig(config).ListTables(t.Context(), nil)
			if err != nil {
				return nil, err
			}
			return out.TableNames, nil
		})
	})
}
