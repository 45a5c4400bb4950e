package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// secret is what a flag --secret says.
type secret struct{ name, value string }

// parseSecret reads NAME=VALUE. A value that starts with @ is the name of a
// file, whose content counts without one line break at its end, which editors
// and echo add.
func parseSecret(text string) (secret, error) {
	name, value, found := strings.Cut(text, "=")
	if !found || name == "" || value == "" {
		return secret{}, errors.New("want NAME=VALUE or NAME=@FILE")
	}
	if path, isFile := strings.CutPrefix(value, "@"); isFile {
		content, err := os.ReadFile(path)
		if err != nil {
			return secret{}, err
		}
		value = strings.TrimSuffix(strings.TrimSuffix(string(content), "\n"), "\r")
		if value == "" {
			return secret{}, fmt.Errorf("%s is empty", path)
		}
	}
	return secret{name, value}, nil
}

// createSecrets makes the secrets of the flags, as the operator of a deployment
// does with `aws secretsmanager create-secret`: the template names secrets and
// makes none.
func (b *bench) createSecrets(ctx context.Context, config aws.Config) error {
	client := secretsmanager.NewFromConfig(config)
	for _, s := range b.secrets {
		_, err := client.CreateSecret(ctx, &secretsmanager.CreateSecretInput{Name: aws.String(s.name), SecretString: aws.String(s.value)})
		if err != nil {
			return fmt.Errorf("--secret %s: %w", s.name, err)
		}
	}
	return nil
}
