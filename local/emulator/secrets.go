package emulator

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// Secret is a secret to create in Secrets Manager.
type Secret struct{ Name, Value string }

// ParseSecret parses NAME=VALUE or NAME=@FILE. A file's content is the value, without one
// line break at its end, which editors and echo add. A name ends at the first equals sign.
func ParseSecret(text string) (Secret, error) {
	name, value, found := strings.Cut(text, "=")
	if !found || name == "" || value == "" {
		return Secret{}, errors.New("want NAME=VALUE or NAME=@FILE")
	}
	if path, isFile := strings.CutPrefix(value, "@"); isFile {
		content, err := os.ReadFile(path)
		if err != nil {
			return Secret{}, err
		}
		value = strings.TrimSuffix(strings.TrimSuffix(string(content), "\n"), "\r")
		if value == "" {
			return Secret{}, fmt.Errorf("%s is empty", path)
		}
	}
	return Secret{name, value}, nil
}

// createSecrets creates the secrets that the template refers to but does not create, as the
// operator of a deployment does with `aws secretsmanager create-secret`.
func (e *shared) createSecrets(ctx context.Context, config aws.Config) error {
	client := secretsmanager.NewFromConfig(config)
	for _, s := range e.options.Secrets {
		_, err := client.CreateSecret(ctx, &secretsmanager.CreateSecretInput{Name: aws.String(s.Name), SecretString: aws.String(s.Value)})
		if err != nil {
			return fmt.Errorf("--secret %s: %w", s.Name, err)
		}
	}
	return nil
}
