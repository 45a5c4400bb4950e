package startup

import (
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"payment-webhooks/handlers/awsclient"
	"payment-webhooks/handlers/internal/telemetry"
)

// Variables that Lambda sets, and AWS_ENDPOINT_URL, with which the SDK reaches another address
// than AWS's.
// https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime
// https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html
const (
	envRegion       = "AWS_REGION"
	envAccessKeyID  = "AWS_ACCESS_KEY_ID"
	envSecretKey    = "AWS_SECRET_ACCESS_KEY" //nolint:gosec // a name, no secret
	envSessionToken = "AWS_SESSION_TOKEN"     //nolint:gosec // a name, no secret
	envEndpoint     = "AWS_ENDPOINT_URL"
)

// Config returns the configuration for AWS clients whose calls are traced. The error
// names the first required environment variable that is not set.
//
// It is made of the variables that Lambda sets. The SDK's own config.LoadDefaultConfig would
// also look for shared files, SSO, web identities and instance metadata, none of which a
// function has: packages that a cold start would have to load and initialise.
func Config(getenv func(string) string, required ...string) (aws.Config, error) {
	for _, name := range required {
		if getenv(name) == "" {
			return aws.Config{}, fmt.Errorf("environment variable %s is not set", name)
		}
	}
	cfg := aws.Config{
		Region: getenv(envRegion),
		// Lambda renews credentials by replacing the execution environment.
		Credentials: credentials.NewStaticCredentialsProvider(getenv(envAccessKeyID), getenv(envSecretKey), getenv(envSessionToken)),
		// The SDK's defaults: https://docs.aws.amazon.com/sdkref/latest/guide/feature-dataintegrity.html
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenSupported,
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenSupported,
	}
	if endpoint := getenv(envEndpoint); endpoint != "" {
		cfg.BaseEndpoint = aws.String(endpoint)
	}
	awsclient.Configure(&cfg)
	telemetry.Instrument(&cfg)
	return cfg, nil
}
