package emulator

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"payment-webhooks/local/console"
	"payment-webhooks/local/sendview"
)

// accessKey is the access key of a user. The CDK CLI remembers which account a key belongs to, so
// the key is of this account alone.
func (s *shared) accessKey() string { return "LOCAL" + s.account }

// sendView is the page's view that sends.
func (e *Emulator) sendView() console.View {
	var calls []string
	for _, grant := range e.policies.Grants() {
		calls = append(calls, grant.Action)
	}
	return sendview.New(sendview.Config{
		Runs: e.sends, Tools: e.tools, Faults: e.faults, Calls: calls, Stack: e.stack.Name, APIURL: e.apiURL,
		Providers: e.providers(), Secret: e.secretValue, EgressDir: e.options.EgressDir,
		Shell: sendview.Shell{EndpointURL: e.endpointURL, Region: e.region, AccessKey: e.accessKey()}, Now: time.Now,
	})
}

// providers returns the variable PROVIDERS of the function that has one: the validator, which takes the
// providers and the names of their secrets from it.
func (e *Emulator) providers() string {
	for _, spec := range e.functionSpecs {
		if text := spec.config.Environment["PROVIDERS"]; text != "" {
			return text
		}
	}
	return ""
}

// secretValue reads a secret as a user.
func (s *shared) secretValue(ctx context.Context, name string) (string, error) {
	out, err := secretsmanager.NewFromConfig(s.configAt(s.moto.URL, userKey)).GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &name})
	if err != nil {
		return "", err
	}
	return aws.ToString(out.SecretString), nil
}
