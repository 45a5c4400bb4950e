package startup

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"

	"payment-webhooks/handlers/internal/telemetry"
)

// Config returns the configuration for AWS clients whose calls are traced. The error
// names the first required environment variable that is not set.
func Config(getenv func(string) string, required ...string) (aws.Config, error) {
	for _, name := range required {
		if getenv(name) == "" {
			return aws.Config{}, fmt.Errorf("environment variable %s is not set", name)
		}
	}
	cfg, err := config.LoadDefaultConfig(context.Background())
	if err != nil {
		return aws.Config{}, fmt.Errorf("load AWS configuration: %w", err)
	}
	telemetry.Instrument(&cfg)
	return cfg, nil
}
