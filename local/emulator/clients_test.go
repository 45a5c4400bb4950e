package emulator

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"payment-webhooks/handlers/awsclient/awsclienttest"
	"payment-webhooks/local/faults"
)

func TestClients(t *testing.T) {
	t.Run("when a response begins early, it is read to its end", func(t *testing.T) {
		awsclienttest.Run(t, func(endpoint string, client awsclienttest.Client) ([]string, error) {
			e := &Emulator{shared: &shared{region: "us-east-1", endpointURL: endpoint}}
			config := e.awsConfig(userKey, faults.User)
			config.HTTPClient = client
			out, err := dynamodb.NewFromConfig(config).ListTables(t.Context(), nil)
			if err != nil {
				return nil, err
			}
			return out.TableNames, nil
		})
	})
}
